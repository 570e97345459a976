// Package webhooktest has helpers for the tests of several packages: temporary stores and PostgreSQL servers, and a receiver that
// records its requests. For tests only.
package webhooktest
