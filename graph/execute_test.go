package graph_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// synthetic is a successful attempt whose rows need not exist.
func (a *api) synthetic(seq int64, hook string) *webhook.Attempt {
	a.t.Helper()
	owner, err := a.store.EnsureTenant(a.t.Context(), "kallima")
	if err != nil {
		a.t.Fatal(err)
	}
	id, err := webhook.ParseID(hook)
	if err != nil {
		a.t.Fatal(err)
	}
	now := time.Now()
	return &webhook.Attempt{
		Seq: seq, ID: webhook.NewID(now), TenantID: owner.ID, WebhookID: id, EventID: webhook.NewID(now), Number: 1,
		Status: webhook.AttemptSucceeded, StartedAt: now, DurationUs: 1500, ResponseStatus: new(204),
	}
}

// A non-null field without a value makes its parent null, up to the nearest nullable field; a nullable field only itself.
func TestNullFields(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	seq := int64(0)
	for query, want := range map[string]string{
		`{ cursor node { number event { id } } }`:          `{"deliveryAttempts":{"cursor":"CURSOR","node":{"number":1,"event":null}}}`, // there is no such event
		`{ cursor node { number request { body } } }`:      `{"deliveryAttempts":null}`,
		`{ node { number error message webhook { id } } }`: `{"deliveryAttempts":{"node":{"number":1,"error":null,"message":null,"webhook":{"id":"` + w + `"}}}}`,
	} {
		read, ctx, errs := a.start(ctx, `subscription { deliveryAttempts `+query+` }`, nil)
		if errs != nil {
			t.Fatal(errs)
		}
		seq++ // of the log
		a.live.Append([]*webhook.Attempt{a.synthetic(seq, w)})
		if resp := read(ctx); string(resp.Data) != strings.ReplaceAll(want, "CURSOR", a.live.Cursor(auth.From(ctx).Tenant.ID, seq)) {
			t.Errorf("%s: %s %v, want %s", query, resp.Data, resp.Errors, want)
		}
	}
	for query, want := range map[string]string{
		`{ viewer { __typename } node(id: "00000000-0000-7000-8000-000000000000") { id } }`: `{"viewer":{"__typename":"Viewer"},"node":null}`,
		`{ viewer { __typename } attempts(first: -1) { count { count } } }`:                 `{"viewer":{"__typename":"Viewer"},"attempts":null}`,
	} {
		if resp := a.run(ctx, query, nil); string(resp.Data) != want {
			t.Errorf("%s: %s %v, want %s", query, resp.Data, resp.Errors, want)
		}
	}
}

// The fields of an attempt that a dashboard shows are written with few allocations, because they are written once for each watcher.
func TestStreamAllocations(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	read, ctx, errs := a.start(ctx, `subscription ($id: ID!) { deliveryAttempts(filter: {webhookIds: [$id]}) {
		cursor node { id number status error startedAt durationMs response { status } } } }`, vars{"id": w})
	if errs != nil {
		t.Fatal(errs)
	}
	seq := int64(0)
	got := testing.AllocsPerRun(100, func() {
		seq++
		a.live.Append([]*webhook.Attempt{a.synthetic(seq, w)})
		if resp := read(ctx); resp == nil || len(resp.Errors) > 0 {
			t.Fatal(resp)
		}
	})
	made := testing.AllocsPerRun(100, func() { a.synthetic(1, w) })
	if got -= made; got > 60 {
		t.Errorf("an attempt costs %.0f allocations, want at most 60", got)
	} else {
		t.Logf("an attempt costs %.0f allocations", got)
	}
}
