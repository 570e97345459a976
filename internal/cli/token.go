package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it, this once."`
	List   tokenListCmd   `cmd:"" help:"List all tokens, newest first."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token. The server notices within a second."`
}

// tokenDatabase is the database of a server that may be running on it.
type tokenDatabase struct {
	config.Storage
	config.Logging
}

func (d *tokenDatabase) with(ctx context.Context, env *Env, use func(*store.Store) error) (err error) {
	if err := d.Check(env.Getenv); err != nil {
		return err
	}
	if _, err := os.Stat(d.Database); err != nil { // a new database here would only hide a wrong path
		return fmt.Errorf("--database: %w", err)
	}
	s, err := store.Open(ctx, store.Options{
		Dir: d.Database, Shared: true, Logger: d.Logger(env.Stderr), MasterKeys: d.MasterKeys,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return use(s)
}

type tokenCreateCmd struct {
	tokenDatabase
	Tenant string `placeholder:"NAME" help:"Tenant that the token is for, made when it is new. Without it the token is an operator's."`
	Name   string `help:"What the token is for, to tell it from others later."`
}

// Run prints the token, alone, so that a script can take it.
func (c *tokenCreateCmd) Run(ctx context.Context, env *Env) error {
	return c.with(ctx, env, func(s *store.Store) error {
		var owner *webhook.ID
		if c.Tenant != "" {
			if err := webhook.CheckTenantName("--tenant", c.Tenant); err != nil {
				return err
			}
			t, err := s.EnsureTenant(ctx, c.Tenant)
			if err != nil {
				return err
			}
			owner = &t.ID
		}
		token, _ := webhook.NewToken()
		if _, err := s.AddToken(ctx, owner, c.Name, token); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, token)
		return err
	})
}

type tokenListCmd struct {
	tokenDatabase
}

// Run lists every token, revoked ones too.
func (c *tokenListCmd) Run(ctx context.Context, env *Env) error {
	return c.with(ctx, env, func(s *store.Store) error {
		tokens, err := s.Tokens(ctx)
		if err != nil {
			return err
		}
		var ids []webhook.ID
		for _, t := range tokens {
			if t.TenantID != nil {
				ids = append(ids, *t.TenantID)
			}
		}
		tenants, err := s.TenantsByID(ctx, ids)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "ID\tOF\tNAME\tCREATED\tREVOKED")
		for _, t := range tokens {
			of := "(operator)"
			if t.TenantID != nil && tenants[*t.TenantID] != nil {
				of = tenants[*t.TenantID].Name
			}
			revoked := "-"
			if t.RevokedAt != nil {
				revoked = t.RevokedAt.UTC().Format(time.DateTime)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.ID, of, t.Name, t.CreatedAt.UTC().Format(time.DateTime), revoked)
		}
		return w.Flush()
	})
}

type tokenRevokeCmd struct {
	tokenDatabase
	ID string `arg:"" help:"Id of the token, as token list shows it."`
}

// Run revokes a token; one that is revoked already stays so.
func (c *tokenRevokeCmd) Run(ctx context.Context, env *Env) error {
	id, err := webhook.ParseID(c.ID)
	if err != nil {
		return fmt.Errorf("%q is not the id of a token; hookgraph token list shows them", c.ID)
	}
	return c.with(ctx, env, func(s *store.Store) error {
		t, err := s.RevokeToken(ctx, id)
		if errors.Is(err, webhook.ErrNotFound) {
			return fmt.Errorf("there is no token %s", id)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "revoked %s %s\n", t.ID, t.Name)
		return err
	})
}
