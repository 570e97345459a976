// Package auth says who is calling, and whether they may. A caller is known by a bearer token, which belongs to an
// operator or to one tenant.
package auth

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Caller is who is calling, and the tenant that the call is about.
type Caller struct {
	Token    *webhook.Token
	Operator bool
	// Tenant is the token's own, or the one that an operator named.
	Tenant *webhook.Tenant
}

type key struct{}

// With returns a context that carries the caller.
func With(ctx context.Context, c *Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the caller; nil when nobody was authenticated.
func From(ctx context.Context) *Caller {
	c, _ := ctx.Value(key{}).(*Caller)
	return c
}
