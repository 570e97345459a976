package remote

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

type portalCmd struct {
	Link     portalLinkCmd     `cmd:"" help:"Create a link that a customer opens once, and print it."`
	Sessions portalSessionsCmd `cmd:"" help:"List portal sessions, and links that were not opened."`
	Revoke   portalRevokeCmd   `cmd:"" help:"Revoke a portal session, or a link that was not opened."`
}

type portalLinkCmd struct {
	connection
	output
	Label      string        `required:"" placeholder:"TEXT" help:"For whom the link is, such as a customer's ID; the audit log names what the session does by it."`
	Scope      []string      `placeholder:"SCOPE" default:"webhooks:read,webhooks:write,deliveries:read,deliveries:write" help:"Scopes of the session; the default is ${default}."`
	Expires    time.Duration `default:"10m" help:"How long the link can be opened, 1s to 24h."`
	Session    time.Duration `default:"1h" help:"How long the session lasts when it is opened, and again when it is renewed, 1s to 24h; it ends after 24h at the latest."`
	Start      string        `default:"/" placeholder:"/PATH" help:"Path of the portal on which it opens."`
	ThemeName  string        `placeholder:"TEXT" help:"Name of the platform that the portal shows."`
	ThemeLogo  string        `placeholder:"FILE" type:"path" help:"PNG, JPEG or WebP image of at most 32 KiB that the portal shows."`
	ThemeColor string        `placeholder:"#RRGGBB" help:"Color of the portal's buttons and links."`
	ThemeLook  string        `enum:"light,dark,auto" default:"auto" help:"Whether the portal is light, dark or auto: as the browser prefers."`
}

// maxLogoFile is more than a logo may have: the server tells what it may.
const maxLogoFile = 1 << 20

// theme is the theme as the API has it; nil: none is given.
func (c *portalLinkCmd) theme() (map[string]any, error) {
	t := map[string]any{"appearance": strings.ToUpper(c.ThemeLook)}
	if c.ThemeName != "" {
		t["name"] = c.ThemeName
	}
	if c.ThemeColor != "" {
		t["accentColor"] = c.ThemeColor
	}
	if c.ThemeLogo != "" {
		f, err := os.Open(c.ThemeLogo)
		if err != nil {
			return nil, fmt.Errorf("--theme-logo: %w", err)
		}
		defer func() { _ = f.Close() }()
		image, err := io.ReadAll(io.LimitReader(f, maxLogoFile))
		if err != nil {
			return nil, fmt.Errorf("--theme-logo: %w", err)
		}
		t["logo"] = "data:" + http.DetectContentType(image) + ";base64," + base64.StdEncoding.EncodeToString(image)
	}
	if len(t) == 1 && c.ThemeLook == "auto" {
		return nil, nil
	}
	return t, nil
}

const portalFields = `id label status scopes expiresAt openedAt lastUsedAt startPath`

// Run prints the link.
func (c *portalLinkCmd) Run(ctx context.Context, s *Streams) error {
	theme, err := c.theme()
	if err != nil {
		return err
	}
	scopes := make([]string, len(c.Scope))
	for i, scope := range c.Scope {
		if !slices.Contains(webhook.AllScopes, webhook.TokenScope(scope)) {
			return fmt.Errorf("--scope: %q is none of webhooks:read, webhooks:write, deliveries:read, deliveries:write", scope)
		}
		scopes[i] = webhook.TokenScope(scope).Enum()
	}
	input := map[string]any{
		"label": c.Label, "scopes": scopes, "expiresInMs": c.Expires.Milliseconds(), "sessionExpiresInMs": c.Session.Milliseconds(), "startPath": c.Start, "theme": theme,
	}
	var done struct {
		URL           string
		PortalSession map[string]any
	}
	const query = `mutation ($input: CreatePortalLinkInput!) { done: createPortalLink(input: $input) { url portalSession { ` + portalFields + ` } userErrors { message field } } }`
	if err := c.mutate(ctx, query, input, &done); err != nil {
		return err
	}
	if !c.JSON {
		_, err := fmt.Fprintln(s.Out, done.URL)
		return err
	}
	done.PortalSession["url"] = done.URL
	text, err := json.Marshal(done.PortalSession)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%s\n", text)
	return err
}

// portalRow is a portal session as the API has it.
type portalRow struct {
	ID, Label, Status    string
	Scopes               []string
	ExpiresAt            time.Time
	OpenedAt, LastUsedAt *time.Time
}

var portalStatuses = []string{"PENDING", "ACTIVE", "EXPIRED", "REVOKED"}

type portalSessionsCmd struct {
	connection
	output
	limited
	Status []string `placeholder:"STATUS" help:"Those in one of these states: PENDING, a link that was not opened; ACTIVE, EXPIRED, REVOKED."`
}

// Run lists the newest portal sessions.
func (c *portalSessionsCmd) Run(ctx context.Context, s *Streams) error {
	filter := map[string]any{}
	statuses, err := enums("--status", c.Status, portalStatuses)
	if err != nil {
		return err
	}
	given(filter, map[string][]string{"statuses": statuses})
	l := listing{field: "portalSessions", filter: "PortalSessionFilter", selection: portalFields, header: "ID\tSTATUS\tEXPIRES\tUSED\tSCOPES\tLABEL"}
	return list(ctx, &c.connection, s, c.output, c.Limit, l, filter, func(p *portalRow) []string {
		return []string{p.ID, p.Status, when(&p.ExpiresAt), when(p.LastUsedAt), strings.Join(p.Scopes, ","), p.Label}
	})
}

type portalRevokeCmd struct {
	connection
	output
	ID string `arg:"" help:"ID of the portal session, as shown by portal sessions."`
}

// Run revokes a portal session.
func (c *portalRevokeCmd) Run(ctx context.Context, s *Streams) error {
	var done struct{ PortalSession json.RawMessage }
	const query = `mutation ($input: RevokePortalSessionInput!) { done: revokePortalSession(input: $input) { portalSession { ` + portalFields + ` } userErrors { message field } } }`
	if err := c.mutate(ctx, query, map[string]any{"id": c.ID}, &done); err != nil {
		return err
	}
	return c.object(s.Out, done.PortalSession, func(w io.Writer) error {
		var p portalRow
		if err := json.Unmarshal(done.PortalSession, &p); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "revoked %s (%s)\n", p.ID, Printable(p.Label))
		return err
	})
}
