// Package store keeps webhooks, events, deliveries and attempts in SQLite or PostgreSQL. It is the only package that
// imports GORM. Everything a tenant owns is reached through a Scope, which adds the tenant to every query.
package store
