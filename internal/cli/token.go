package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hookgraph/hookgraph/internal/cli/remote"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Create a token and print it. It is not shown again."`
	List   tokenListCmd   `cmd:"" help:"List all tokens, newest first."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token. The server notices within a second."`
}

// tokenDatabase is the database that a token command opens; a server may be using it.
type tokenDatabase struct {
	config.Storage
	config.Logging
}

func (d *tokenDatabase) with(ctx context.Context, env *Env, use func(*store.Store) error) (err error) {
	if err := d.Check(env.Getenv); err != nil {
		return err
	}
	o := store.At(d.Database)
	o.Actor = env.actor()
	log := d.Logger(env.Stderr)
	env.warn(log)
	o.Shared, o.Logger, o.MasterKeys = true, log, d.MasterKeys
	if err := store.Current(ctx, o); err != nil { // creating a database would hide a wrong path, and migrating it would harm the server that uses it
		return fmt.Errorf("--database: %w", err)
	}
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return use(s)
}

type tokenCreateCmd struct {
	tokenDatabase
	Tenant       string               `placeholder:"NAME" help:"Tenant that the token belongs to. It must exist, unless --create-tenant is given."`
	CreateTenant bool                 `help:"Create the tenant if it does not exist."`
	Operator     bool                 `help:"Create an operator token, which acts for all tenants. Either --tenant or --operator is required."`
	Name         string               `help:"Purpose of the token, to recognize it later."`
	Scope        []webhook.TokenScope `placeholder:"SCOPE" help:"Scopes of the token: webhooks:read, webhooks:write, events:publish, deliveries:read, deliveries:write, admin. Separate several with commas, or repeat the flag. The default is all."`
	Expires      expiry               `placeholder:"WHEN" help:"When the token expires: a duration from now (12h, 90d) or a time (2026-12-31T00:00:00Z). The default is never."`
}

// expiry is a flag value: a time, or a duration from now.
type expiry struct{ at *time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *expiry) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		d, err := config.ParseDuration(string(text))
		if err != nil {
			return fmt.Errorf("%w; a time is like 2026-12-31T00:00:00Z", err)
		}
		t = time.Now().Add(d)
	}
	t = t.UTC().Truncate(time.Microsecond)
	e.at = &t
	return nil
}

// Run creates a token and prints only that, for scripts.
func (c *tokenCreateCmd) Run(ctx context.Context, env *Env) error {
	switch {
	case c.Tenant != "" && c.Operator:
		return errors.New("--tenant, --operator: give only one of them; an operator token acts for all tenants")
	case c.Tenant == "" && c.CreateTenant:
		return errors.New("--create-tenant: give the tenant's name with --tenant")
	case c.Tenant == "" && !c.Operator:
		return errors.New("--tenant, --operator: one of them is required; --tenant NAME for the token of a tenant, --operator for one that acts for all tenants")
	}
	made := webhook.Token{Name: c.Name, Scopes: c.Scope, ExpiresAt: c.Expires.at}
	if bad := webhook.Invalids(made.Check(time.Now())); len(bad) > 0 {
		field, _, _ := strings.Cut(bad[0].Field, ".")
		return fmt.Errorf("--%s: %s", map[string]string{"name": "name", "scopes": "scope", "expiresAt": "expires"}[field], bad[0].Message)
	}
	return c.with(ctx, env, func(s *store.Store) error {
		if c.Tenant != "" {
			if err := webhook.CheckTenantName("--tenant", c.Tenant); err != nil {
				return err
			}
			ensure := s.TenantByName
			if c.CreateTenant {
				ensure = s.EnsureTenant
			}
			t, err := ensure(ctx, c.Tenant)
			if errors.Is(err, webhook.ErrNotFound) {
				return fmt.Errorf("--tenant: the tenant %q does not exist; add --create-tenant to create it", c.Tenant)
			}
			if err != nil {
				return err
			}
			made.TenantID = &t.ID
		}
		token, _ := webhook.NewToken()
		if _, err := s.AddToken(ctx, made, token); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, token)
		return err
	})
}

type tokenListCmd struct {
	asJSON
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
		if c.JSON {
			return objects(env.Stdout, listed(tokens, tenants))
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "ID\tOF\tNAME\tSCOPES\tCREATED\tEXPIRES\tLAST USED\tREVOKED")
		for _, t := range tokens {
			of := "(operator)"
			if t.TenantID != nil && tenants[*t.TenantID] != nil {
				of = tenants[*t.TenantID].Name
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, of, remote.Printable(t.Name), scopes(t), when(&t.CreatedAt),
				when(t.ExpiresAt), when(t.LastUsedAt), when(t.RevokedAt))
		}
		return w.Flush()
	})
}

// listedToken is a token in JSON, as the GraphQL API has it.
type listedToken struct {
	ID         webhook.ID    `json:"id"`
	Name       string        `json:"name"`
	Scopes     []string      `json:"scopes"`
	Tenant     *listedTenant `json:"tenant"` // nil: it is an operator's
	CreatedAt  time.Time     `json:"createdAt"`
	ExpiresAt  *time.Time    `json:"expiresAt"`
	LastUsedAt *time.Time    `json:"lastUsedAt"`
	RevokedAt  *time.Time    `json:"revokedAt"`
}

type listedTenant struct {
	ID   webhook.ID `json:"id"`
	Name string     `json:"name"`
}

func listed(tokens []*webhook.Token, tenants map[webhook.ID]*webhook.Tenant) []listedToken {
	all := make([]listedToken, len(tokens))
	for i, t := range tokens {
		all[i] = listedToken{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, RevokedAt: t.RevokedAt}
		for _, s := range t.Scopes.List() {
			all[i].Scopes = append(all[i].Scopes, s.Enum())
		}
		if t.TenantID != nil {
			all[i].Tenant = &listedTenant{ID: *t.TenantID}
			if is := tenants[*t.TenantID]; is != nil {
				all[i].Tenant.Name = is.Name
			}
		}
	}
	return all
}

func scopes(t *webhook.Token) string {
	if t.Scopes == nil {
		return "(all)"
	}
	words := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

// when formats a time; nil is "-".
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}

type tokenRevokeCmd struct {
	tokenDatabase
	ID string `arg:"" help:"ID of the token, as shown by token list."`
}

// Run revokes a token. Revoking it again has no effect.
func (c *tokenRevokeCmd) Run(ctx context.Context, env *Env) error {
	id, err := webhook.ParseID(c.ID)
	if err != nil {
		return err
	}
	return c.with(ctx, env, func(s *store.Store) error {
		t, err := s.Registry(nil).RevokeToken(ctx, id)
		if errors.Is(err, webhook.ErrNotFound) {
			return fmt.Errorf("the token %s does not exist; hookgraph token list shows all", id)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "revoked %s %s\n", t.ID, remote.Printable(t.Name))
		return err
	})
}
