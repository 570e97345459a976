package auth

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// bootstrapName is the name of tokens that the operator chose.
const bootstrapName = "bootstrap"

// BootstrapStore is the store of tokens and tenants for Bootstrap; *store.Store implements it.
type BootstrapStore interface {
	EnsureTenant(ctx context.Context, name string) (*webhook.Tenant, error)
	Tokens(ctx context.Context) ([]*webhook.Token, error)
	AddToken(ctx context.Context, t webhook.Token, token string) (*webhook.Token, error)
}

// Bootstrap makes a new database usable: it creates the default tenant, and an operator token if there has never been a token. If
// given is not "", it becomes an operator token instead, and stays one until it is revoked. Bootstrap returns the token that it
// generated, to be shown once; "" if none. It logs what may surprise the operator about the given token, or an earlier one.
func Bootstrap(ctx context.Context, r BootstrapStore, given string, log *slog.Logger) (made string, err error) {
	if _, err := r.EnsureTenant(ctx, webhook.DefaultTenant); err != nil {
		return "", fmt.Errorf("create tenant %s: %w", webhook.DefaultTenant, err)
	}
	tokens, err := r.Tokens(ctx)
	if err != nil {
		return "", fmt.Errorf("list tokens: %w", err)
	}
	hash := webhook.HashToken(given)
	for _, t := range tokens {
		same := given != "" && bytes.Equal(t.Hash, hash)
		switch id := slog.Any("token", t.ID); {
		case same && t.RevokedAt != nil:
			log.WarnContext(ctx, "the bootstrap token does not work: it was revoked, and a start does not undo that; give another one", id)
			return "", nil
		case t.Name != bootstrapName || t.TenantID != nil || !t.Valid(time.Now()) || same:
		case given != "":
			log.WarnContext(ctx, "the bootstrap token has changed, and the earlier one still works until it is revoked (hookgraph token revoke)", id)
		default:
			log.InfoContext(ctx, "no bootstrap token is given, and that of an earlier start still works until it is revoked (hookgraph token revoke)", id)
		}
	}
	if given != "" {
		if _, err := r.AddToken(ctx, webhook.Token{Name: bootstrapName}, given); err != nil {
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
