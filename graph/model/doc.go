// Package model holds the shapes that only the GraphQL API has: scalars, inputs, payloads and connections. Everything
// else is bound to the domain's own types.
package model
