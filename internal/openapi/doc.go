// Package openapi reads event types from the webhooks of an OpenAPI document, and writes declared ones as OpenAPI and AsyncAPI. Documents come from
// callers: they are read in bounded time and memory, and refer to nothing outside of themselves. It stores nothing and compiles no schema.
package openapi
