package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// On both databases a link is opened once, however many try; a session is renewed up to its end, and one that has ended, was revoked or lost its
// tenant is not found. Links and sessions that can be used are limited; those that ended long ago are removed.
func TestPortalSessionsOfTheStore(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Quotas: webhook.Quotas{PortalSessions: 3}})
		// earlier lets all sessions end sooner. (The time of PostgreSQL is its own.)
		earlier := func(minutes int) {
			t.Helper()
			by := fmt.Sprintf("%d * 60000000", minutes)
			if t.Kind == "postgres" {
				by = fmt.Sprintf("interval '%d minutes'", minutes)
			}
			must(t, s.Exec("UPDATE portal_sessions SET expires_at = expires_at - "+by+", ends_at = ends_at - "+by))
		}
		tenant, err := s.EnsureTenant(t.Context(), "kallima")
		if err != nil {
			t.Fatal(err)
		}
		r := s.Registry(&tenant.ID)
		create := func() (string, *portal.Session) {
			t.Helper()
			code, made, err := r.CreatePortalLink(t.Context(), tenant.ID, portal.Link{Label: "ada", Scopes: webhook.TokenScopes{webhook.ScopeWebhooksRead}, Theme: &portal.Theme{Name: "Kallima"}})
			if err != nil {
				t.Fatal(err)
			}
			return code, made
		}
		code, made := create()
		credential := openedOnce(t, s, code, made.ID)
		hash := webhook.HashToken(credential)
		if k, err := s.TokenByHash(t.Context(), hash); err != nil || !k.Portal || *k.TenantID != tenant.ID || len(k.Scopes) != 1 || k.ID != made.ID {
			t.Errorf("the credential is %+v, %v", k, err)
		}
		if err := s.TokensUsed(t.Context(), map[webhook.ID]time.Time{made.ID: time.Now()}); err != nil {
			t.Error(err)
		}
		if found, err := r.PortalSessionsByID(t.Context(), []webhook.ID{made.ID}); err != nil || found[made.ID].LastUsedAt == nil || found[made.ID].Theme != nil {
			t.Errorf("the session is %+v, %v", found[made.ID], err)
		}
		renews(t, s, made.ID, earlier)
		second, _ := create()
		third, revoked := create()
		if _, _, err := r.CreatePortalLink(t.Context(), tenant.ID, portal.Link{Label: "more", Scopes: portal.Scopes}); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Code != webhook.CodeQuota {
			t.Errorf("beyond the quota: %v", err)
		}
		for range 2 {
			if got, err := r.RevokePortalSession(t.Context(), revoked.ID); err != nil || got.RevokedAt == nil {
				t.Error(err)
			}
		}
		other, err := s.EnsureTenant(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Registry(&other.ID).RevokePortalSession(t.Context(), made.ID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("another tenant revokes it: %v", err)
		}
		if err := s.Registry(nil).DeleteTenant(t.Context(), tenant.ID); err != nil {
			t.Fatal(err)
		}
		for name, code := range map[string]string{"of a deleted tenant": second, "revoked": third} {
			if _, _, err := s.OpenPortalLink(t.Context(), webhook.Actor{}, code); !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("a link %s: %v", name, err)
			}
		}
		if _, err := s.TokenByHash(t.Context(), hash); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("a session of a deleted tenant: %v", err)
		}
		earlier(60 * 24 * 60)
		if err := s.PrunePortalSessions(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rows, err := s.CountRows(t.Context(), tenant.ID); err != nil || rows["portal_sessions"] != 0 {
			t.Errorf("%d rows are kept, %v", rows["portal_sessions"], err)
		}
	})
}

// openedOnce opens a link many times at once, of which one time works, and returns the credential of the session.
func openedOnce(t *suite, s *store.Store, code string, id webhook.ID) string {
	t.Helper()
	var tries sync.WaitGroup
	var wins atomic.Int64
	var credential atomic.Value
	for range 16 {
		tries.Go(func() {
			got, opened, err := s.OpenPortalLink(t.Context(), webhook.Actor{}, code)
			switch {
			case err == nil:
				wins.Add(1)
				credential.Store(got)
				if opened.ID != id || opened.Theme == nil || opened.Theme.Name != "Kallima" {
					t.Errorf("opened %+v", opened)
				}
			case !errors.Is(err, webhook.ErrNotFound):
				t.Error(err)
			}
		})
	}
	tries.Wait()
	if wins.Load() != 1 {
		t.Fatalf("the link was opened %d times", wins.Load())
	}
	return credential.Load().(string)
}

// renews renews a session until that is refused, and makes it what it was.
func renews(t *suite, s *store.Store, id webhook.ID, earlier func(minutes int)) {
	t.Helper()
	for n := range 30 { // each within the hour before
		if n > 0 {
			earlier(50)
		}
		renewed, err := s.RenewPortalSession(t.Context(), id)
		if over := time.Duration(n)*50*time.Minute >= portal.MaxLife; over != (err != nil) || err == nil && renewed.ExpiresAt.After(*renewed.EndsAt) {
			t.Fatalf("renewed after %d times 50 minutes: %v", n, err)
		}
	}
	earlier(-30 * 50)
}
