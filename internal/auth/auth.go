// Package auth authenticates callers and checks what they may do. A caller is identified by a bearer token, which belongs to an
// operator or to one tenant; that of a session of the customer portal is one of these, and belongs to a tenant.
package auth

import (
	"context"
	"net/netip"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Caller is the caller, and the tenant that the call is about.
type Caller struct {
	Token    *webhook.Token
	Operator bool
	// Tenant is the token's own, or the one that an operator named.
	Tenant  *webhook.Tenant
	Address netip.Addr // the client's; invalid if it is not known
}

// Actor returns the caller of ctx's request as the audit log has it.
func (c *Caller) Actor(ctx context.Context) webhook.Actor {
	a := webhook.Actor{Kind: webhook.ActorTenant, TokenID: &c.Token.ID, Name: c.Token.Name, RequestID: intake.RequestID(ctx)}
	switch {
	case c.Operator:
		a.Kind = webhook.ActorOperator
	case c.Token.Portal:
		a.Kind = webhook.ActorPortal
	}
	if c.Address.IsValid() {
		a.Address = c.Address.Unmap().String()
	}
	return a
}

type key struct{}

// With returns a context that carries the caller.
func With(ctx context.Context, c *Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the caller; nil without authentication.
func From(ctx context.Context) *Caller {
	c, _ := ctx.Value(key{}).(*Caller)
	return c
}

// Holder returns what a caller's use of the server counts for: its token, and the tenant that the token belongs to, not the one
// that an operator names. Portal sessions have a share of their own, so that customers in the portal take nothing from their tenant's programs.
func Holder(c *Caller) intake.Holder {
	h := intake.Holder{Token: c.Token.ID, Apart: c.Token.Portal}
	if c.Token.TenantID != nil {
		h.Tenant = *c.Token.TenantID
	}
	return h
}
