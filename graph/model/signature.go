package model

import (
	"github.com/hookgraph/hookgraph/internal/signature"
	"github.com/hookgraph/hookgraph/internal/verification"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// SignatureReport is the answer of the debugger, which is nil if there are UserErrors.
type SignatureReport struct {
	Answer     *verification.Answer
	UserErrors []*UserError
}

// Valid reports whether the request verifies; nil if there are UserErrors.
func (r *SignatureReport) Valid() *bool {
	if r.Answer == nil {
		return nil
	}
	return &r.Answer.Valid
}

// Scheme is that of the signature that fits; nil if none does.
func (r *SignatureReport) Scheme() *webhook.Scheme {
	if r.Answer == nil || r.Answer.Secret == nil {
		return nil
	}
	return &r.Answer.Secret.Scheme
}

// SecretID is the secret whose signature fits; nil if none does.
func (r *SignatureReport) SecretID() *webhook.ID {
	if r.Answer == nil || r.Answer.Secret == nil {
		return nil
	}
	return &r.Answer.Secret.ID
}

// Signed is the beginning of what is signed; nil if that is unknown.
func (r *SignatureReport) Signed() *string {
	if r.Answer == nil || r.Answer.Signed == "" {
		return nil
	}
	return &r.Answer.Signed
}

// Causes are what is wrong.
func (r *SignatureReport) Causes() []*signature.Cause {
	list := []*signature.Cause{}
	if r.Answer != nil {
		for i := range r.Answer.Causes {
			list = append(list, &r.Answer.Causes[i])
		}
	}
	return list
}
