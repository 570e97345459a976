package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

const (
	// maxPortalBody has room for a logo of 32 KiB in base64, and for texts of which each byte is escaped as six.
	maxPortalBody = 64 << 10
	// maxCodeBody has room for a code.
	maxCodeBody = 1 << 10
)

// portal mounts what the page of the portal calls for its session. The rest of what it calls is the public API, with the session's credential.
//
// POST /portal/session opens a link: {"code": "hgl_…"}, what is behind the # of the link. The answer, 201, is an openedSession with the credential,
// the bearer token for GraphQL and REST. A link that does not work is answered 401, code UNAUTHENTICATED; 429 means to wait for Retry-After seconds.
//
// POST /portal/session/renew, with the credential as bearer token and no body, makes the session last as long again as it did when it was opened,
// but not beyond ends_at. The answer, 200, is an openedSession with the new expires_at and without the credential, which stays the same: streams go
// on. 401 means that the session has ended. A page that was reloaded learns by it what it had from the first answer.
//
// DELETE /portal/session, with the credential, ends the session.
func (s *server) portal(mux *http.ServeMux) {
	mux.Handle("/portal/session", s.resource(methods{
		http.MethodPost:   {open: s.openPortalLink, maxBody: maxCodeBody},
		http.MethodDelete: {run: s.endPortalSession},
	}))
	mux.Handle("/portal/session/renew", s.resource(methods{http.MethodPost: {run: s.renewPortalSession}}))
}

// portalResources are the platform's part of resources: links and sessions of the portal.
func (s *server) portalResources(admin auth.Needs) map[string]methods {
	return map[string]methods{
		"/v1/portal-links":         {http.MethodPost: {run: s.createPortalLink, needs: admin, like: "Mutation.createPortalLink", maxBody: maxPortalBody}},
		"/v1/portal-sessions":      {http.MethodGet: {run: s.listPortalSessions, needs: admin, like: "Query.portalSessions"}},
		"/v1/portal-sessions/{id}": {http.MethodDelete: {run: s.revokePortalSession, needs: admin, like: "Mutation.revokePortalSession"}},
	}
}

// portalSession is a portal session, or a link that was not opened, as REST shows it.
type portalSession struct {
	ID                 webhook.ID           `json:"id"`
	Object             string               `json:"object"`
	Label              string               `json:"label"`
	Scopes             []webhook.TokenScope `json:"scopes"`
	Status             portal.Status        `json:"status"`
	CreatedAt          second               `json:"created_at"`
	ExpiresAt          second               `json:"expires_at"`
	SessionExpiresInMs int                  `json:"session_expires_in_ms"`
	OpenedAt           *second              `json:"opened_at"`
	EndsAt             *second              `json:"ends_at"`
	RenewedAt          *second              `json:"renewed_at"`
	LastUsedAt         *second              `json:"last_used_at"`
	RevokedAt          *second              `json:"revoked_at"`
	StartPath          string               `json:"start_path"`
}

func showPortalSession(p *portal.Session) portalSession {
	return portalSession{
		ID: p.ID, Object: "portal_session", Label: p.Label, Scopes: p.Scopes, Status: p.Status(), CreatedAt: second(p.CreatedAt), ExpiresAt: second(p.ExpiresAt),
		SessionExpiresInMs: p.SessionMs, OpenedAt: (*second)(p.OpenedAt), EndsAt: (*second)(p.EndsAt), RenewedAt: (*second)(p.RenewedAt),
		LastUsedAt: (*second)(p.LastUsedAt), RevokedAt: (*second)(p.RevokedAt), StartPath: p.StartPath,
	}
}

// openedSession is what the page learns of its session.
type openedSession struct {
	portalSession
	Credential string      `json:"credential,omitempty"`
	Tenant     namedTenant `json:"tenant"`
	Theme      *theme      `json:"theme"`
}

type namedTenant struct {
	ID   webhook.ID `json:"id"`
	Name string     `json:"name"`
}

// theme has "" for what was not given.
type theme struct {
	Name        string            `json:"name"`
	Logo        string            `json:"logo"`
	AccentColor string            `json:"accent_color"`
	Appearance  portal.Appearance `json:"appearance"`
}

func showOpened(p *portal.Session, t *webhook.Tenant, credential string) *openedSession {
	shown := &openedSession{portalSession: showPortalSession(p), Credential: credential, Tenant: namedTenant{t.ID, t.Name}}
	if p.Theme != nil {
		shown.Theme = (*theme)(p.Theme)
	}
	return shown
}

// openPortalLink opens a link for somebody who has nothing but its code.
func (s *server) openPortalLink(r *http.Request, body []byte) (int, any, error) {
	var code string
	if err := decode(body, map[string]func(json.RawMessage) string{"code": str(&code)}); err != nil {
		return 0, nil, err
	}
	var opened *portal.Session
	var credential string
	ctx, from := r.Context(), intake.Remote(r)
	err := s.Auth.OpenLink(ctx, from, code, func() (err error) {
		by := webhook.Actor{RequestID: intake.RequestID(ctx)}
		if from.IsValid() {
			by.Address = from.Unmap().String()
		}
		credential, opened, err = s.Store.OpenPortalLink(ctx, by, code)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	found, err := s.Store.TenantsByID(ctx, []webhook.ID{opened.TenantID})
	if err != nil {
		return 0, nil, err
	}
	if found[opened.TenantID] == nil { // it was deleted in this moment
		return 0, nil, auth.ErrLink
	}
	return http.StatusCreated, showOpened(opened, found[opened.TenantID], credential), nil
}

// renewPortalSession renews the caller's own session.
func (s *server) renewPortalSession(r *request) (int, any, error) {
	c := auth.From(r.Context())
	if err := auth.CheckSession(c); err != nil {
		return 0, nil, err
	}
	renewed, err := s.Store.RenewPortalSession(r.Context(), c.Token.ID)
	if errors.Is(err, webhook.ErrNotFound) {
		err = auth.ErrExpiredToken // or revoked, in this moment
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, showOpened(renewed, c.Tenant, ""), nil
}

// endPortalSession revokes the caller's own session.
func (s *server) endPortalSession(r *request) (int, any, error) {
	c := auth.From(r.Context())
	if err := auth.CheckSession(c); err != nil {
		return 0, nil, err
	}
	ended, err := s.registry(r).RevokePortalSession(r.Context(), c.Token.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, showPortalSession(ended), nil
}

// registry returns what belongs to the call's tenant beside its webhooks and events; the audit log says that the caller makes changes.
func (s *server) registry(r *request) *store.Registry {
	c := auth.From(r.Context())
	return s.Store.Registry(&c.Tenant.ID).By(c.Actor(r.Context()))
}

// createdLink is a new link.
type createdLink struct {
	URL string `json:"url"`
	portalSession
}

// createPortalLink creates a link to the tenant's portal.
func (s *server) createPortalLink(r *request) (int, any, error) {
	if err := r.noIdempotencyKey("create another link instead; one that is not opened expires"); err != nil {
		return 0, nil, err
	}
	c := auth.From(r.Context())
	l := portal.Link{Granted: c.Token.Scopes, CreatedBy: &c.Token.ID}
	err := decode(r.body, map[string]func(json.RawMessage) string{
		"label": str(&l.Label), "scopes": words((*[]webhook.TokenScope)(&l.Scopes), webhook.AllScopes), "expires_in_ms": number(&l.LifeMs), "session_expires_in_ms": number(&l.SessionMs),
		"start_path": optional(str(&l.StartPath)), "theme": newTheme(&l.Theme),
	})
	if err != nil {
		return 0, nil, err
	}
	code, made, err := s.registry(r).CreatePortalLink(r.Context(), c.Tenant.ID, l)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, createdLink{s.PortalURL.Link(code), showPortalSession(made)}, nil
}

// newTheme accepts null for none.
func newTheme(to **portal.Theme) func(json.RawMessage) string {
	return optional(func(raw json.RawMessage) string {
		var t portal.Theme
		err := decode(raw, map[string]func(json.RawMessage) string{
			"name": optional(str(&t.Name)), "logo": optional(str(&t.Logo)), "accent_color": optional(str(&t.AccentColor)),
			"appearance": optional(word(&t.Appearance, portal.Appearances)),
		})
		if err != nil {
			return "must be an object with name, logo, accent_color and appearance, or null"
		}
		*to = &t
		return ""
	})
}

func (s *server) listPortalSessions(r *request) (int, any, error) {
	var f store.PortalSessionFilter
	return listRows(s, r, &rows[portal.Session, portalSession]{
		kind: cursor.RESTPortalSessions, cost: listedCost, given: map[string]parameter{"statuses": wordsOf(&f.Statuses, portal.Statuses)}, check: f.Check,
		read: func(p store.Page) (*store.List[portal.Session], error) {
			return s.registry(r).PortalSessions(r.Context(), f, p)
		},
		show: each(showPortalSession),
	})
}

// revokePortalSession revokes a session, or a link that was not opened. It is safe to repeat.
func (s *server) revokePortalSession(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	revoked, err := s.registry(r).RevokePortalSession(r.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, showPortalSession(revoked), nil
}
