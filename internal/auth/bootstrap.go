package auth

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Registry is where tokens and tenants are made; *store.Store is one.
type Registry interface {
	EnsureTenant(ctx context.Context, name string) (*webhook.Tenant, error)
	Tokens(ctx context.Context) ([]*webhook.Token, error)
	AddToken(ctx context.Context, t webhook.Token, token string) (*webhook.Token, error)
}

// Bootstrap makes a new database usable: the default tenant, and an operator's token when there has never been a token.
// given, unless it is "", is made an operator's token instead, and stays one from start to start until it is revoked.
// It returns the token that it made up, to be shown once; "" when it made none.
func Bootstrap(ctx context.Context, r Registry, given string) (made string, err error) {
	if _, err := r.EnsureTenant(ctx, webhook.DefaultTenant); err != nil {
		return "", fmt.Errorf("make tenant %s: %w", webhook.DefaultTenant, err)
	}
	tokens, err := r.Tokens(ctx)
	if err != nil {
		return "", fmt.Errorf("list tokens: %w", err)
	}
	if given != "" {
		hash := webhook.HashToken(given)
		if slices.ContainsFunc(tokens, func(t *webhook.Token) bool { return t.RevokedAt != nil && bytes.Equal(t.Hash, hash) }) {
			return "", nil // a restart must not undo the revocation, nor fail for it
		}
		if _, err := r.AddToken(ctx, webhook.Token{Name: "bootstrap"}, given); err != nil {
			return "", fmt.Errorf("keep bootstrap token: %w", err)
		}
		return "", nil
	}
	if len(tokens) > 0 {
		return "", nil
	}
	token, _ := webhook.NewToken()
	if _, err := r.AddToken(ctx, webhook.Token{Name: "first start"}, token); err != nil {
		return "", fmt.Errorf("keep first token: %w", err)
	}
	return token, nil
}
