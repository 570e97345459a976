package auth

import (
	"fmt"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Needs is what one GraphQL field or REST endpoint requires of a caller's token. Every valid token satisfies the zero Needs.
type Needs struct {
	Scope    webhook.TokenScope // "": none
	Operator bool
}

// MissingPermission is an ErrForbidden: a valid token without what is required.
type MissingPermission struct{ Needs }

// Error implements error; callers may be shown it.
func (e *MissingPermission) Error() string {
	if e.Operator {
		return "an operator token is required"
	}
	return fmt.Sprintf("a token with the scope %s is required", e.Scope)
}

// Unwrap makes it an ErrForbidden.
func (e *MissingPermission) Unwrap() error { return ErrForbidden }

// Check returns nil or a *MissingPermission, which names one missing requirement.
func (n Needs) Check(c *Caller) error {
	if n.Operator && !c.Operator {
		return &MissingPermission{Needs{Operator: true}}
	}
	if n.Scope != "" && !c.Token.Scopes.Has(n.Scope) {
		return &MissingPermission{Needs{Scope: n.Scope}}
	}
	return nil
}
