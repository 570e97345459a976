package storetest

import (
	"context"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// auditLog returns all entries, newest first.
func auditLog(t *Suite, s *store.Store) []*webhook.AuditEntry {
	t.Helper()
	return RowsOf[webhook.AuditEntry](t)(s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{}, store.Page{First: 100}))
}

// The audit log has what the server does by itself, is written with the change or not at all, outlives the tenant, and loses its entries when
// they are too old.
func testAuditLog(t *Suite) {
	clock := Stopped(time.Now())
	s := t.Open(t, store.Options{Now: clock.Now, AuditRetention: time.Hour})
	c := Tenant(t, s, "a")
	by := webhook.Actor{Kind: webhook.ActorTenant, Name: "ci", Address: "192.0.2.1", RequestID: "r"}
	w := Register(t, c.By(by), webhook.New{Enabled: true})
	if e := auditLog(t, s)[0]; e.Action != webhook.AuditWebhookCreated || e.Actor != by || e.ObjectID != w.ID || !strings.Contains(changed(e), `url: → "https://example.com/hook"`) {
		t.Errorf("created: %+v", e)
	}
	before := len(auditLog(t, s))
	if _, _, err := c.By(by).UpdateWebhook(t.Context(), w.ID, webhook.Patch{TimeoutMs: webhook.Opt[*int]{Set: true, Value: new(1)}}, nil); err == nil {
		t.Error("a time limit of 1 ms was taken")
	}
	if _, _, err := c.By(by).UpdateWebhook(t.Context(), w.ID, webhook.Patch{URL: webhook.Opt[string]{Set: true, Value: w.URL}}, nil); err != nil {
		t.Error(err)
	}
	if n := len(auditLog(t, s)); n != before {
		t.Errorf("changes that were refused, or change nothing, have %d entries", n-before)
	}
	Publish(t, c, webhook.NewEvent{})
	claims, _ := Claim(t, s, w.ID, 1)
	Record(t, s, claims[0], 410, func(r *store.Result) { r.Gone = true })
	if e := auditLog(t, s)[0]; e.Action != webhook.AuditWebhookDisabled || e.Actor.Kind != webhook.ActorServer || !strings.Contains(changed(e), `enabled: true → false`) {
		t.Errorf("disabled: %+v", e)
	}
	Must(t, s.Registry(nil).By(by).DeleteTenant(t.Context(), w.TenantID))
	if e := auditLog(t, s)[0]; e.Action != webhook.AuditTenantDeleted || *e.TenantID != w.TenantID {
		t.Errorf("deleted: %+v", e)
	}
	kept := len(auditLog(t, s))
	expire := func(later time.Duration, want int) {
		t.Helper()
		clock.Forward(later)
		Must(t, s.ExpireAuditLog(context.WithoutCancel(t.Context())))
		if n := len(auditLog(t, s)); n != want {
			t.Errorf("%d entries after %v, want %d", n, later, want)
		}
	}
	expire(30*time.Minute, kept)
	if t.Kind == "sqlite" { // PostgreSQL's entries have its own clock's times
		expire(time.Hour, 0)
	}
}

// changed writes an entry's changes.
func changed(e *webhook.AuditEntry) string {
	var b strings.Builder
	for _, c := range e.Changes {
		b.WriteString(c.Field + ": " + strings.TrimSpace(string(c.Before)+" → "+string(c.After)) + "\n")
	}
	return b.String()
}
