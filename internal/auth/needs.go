package auth

import (
	"fmt"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Needs is the rule of one field of the GraphQL API or one endpoint of the REST API: what a caller's token must have. The
// zero Needs is satisfied by every valid token.
type Needs struct {
	Scope    webhook.TokenScope // "": none
	Operator bool
}

// MissingPermission is an ErrForbidden: a valid token that does not have what is needed.
type MissingPermission struct{ Needs }

func (e *MissingPermission) Error() string {
	if e.Operator {
		return "an operator token is required"
	}
	return fmt.Sprintf("a token with the scope %s is required", e.Scope)
}

// Unwrap makes it an ErrForbidden.
func (e *MissingPermission) Unwrap() error { return ErrForbidden }

// Check returns nil or a *MissingPermission, which names one thing that is missing.
func (n Needs) Check(c *Caller) error {
	if n.Operator && !c.Operator {
		return &MissingPermission{Needs{Operator: true}}
	}
	if n.Scope != "" && !c.Token.Scopes.Has(n.Scope) {
		return &MissingPermission{Needs{Scope: n.Scope}}
	}
	return nil
}
