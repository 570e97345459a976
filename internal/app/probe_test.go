package app

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// ago does something in a stopped program's database, by a clock that do may set.
func (p *program) ago(t *testing.T, do func(s *store.Store, c *store.Scope, clock *storetest.Clock)) {
	t.Helper()
	var clock storetest.Clock
	s, err := store.Open(t.Context(), store.Options{Dir: p.dir, Now: clock.Now})
	storetest.Must(t, err)
	defer func() { storetest.Must(t, s.Close()) }()
	do(s, storetest.Tenant(t, s, webhook.DefaultTenant), &clock)
}

// failsForDays makes of a stopped program's webhook one that failed for five days, and was disabled for that two hours ago.
func (p *program) failsForDays(t *testing.T, hook webhook.ID) {
	t.Helper()
	p.ago(t, func(s *store.Store, c *store.Scope, clock *storetest.Clock) {
		for _, before := range []time.Duration{webhook.FailingLimit + time.Hour, 0} {
			at := 2*time.Hour + before
			clock.Ahead(-at)
			storetest.Publish(t, c, webhook.NewEvent{Type: "order.paid"})
			claims, _ := storetest.Claim(t, s, hook, 1)
			storetest.Record(t, s, claims[0], 503, func(r *store.Result) { r.Attempt.StartedAt = time.Now().Add(-at) })
		}
	})
}

// probesNow has the next probe of a stopped program's webhook be due.
func (p *program) probesNow(t *testing.T, hook webhook.ID) {
	t.Helper()
	p.ago(t, func(_ *store.Store, c *store.Scope, clock *storetest.Clock) {
		clock.Ahead(-2 * time.Hour)
		for _, on := range []bool{false, true} {
			_, _, err := c.UpdateWebhook(t.Context(), hook, webhook.Patch{Probe: webhook.Some(on)}, nil)
			storetest.Must(t, err)
		}
	})
}

// A webhook that failed for five days is probed while the server runs, its page says when, and an answer enables it: then it gets what was held.
func TestProbeEnablesWebhook(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	var works atomic.Bool
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		if !works.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	gets := func(want string) {
		t.Helper()
		var event struct{ Type string }
		if err := json.Unmarshal(receiver.Next(t).Body, &event); err != nil || event.Type != want {
			t.Fatalf("it got %s, %v, want %s", event.Type, err, want)
		}
	}
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"order.*"}, "probe": true, "retryScheduleMs": []int{0, 0, 0}})
	token := p.token
	p.stop()
	hook, err := webhook.ParseID(id)
	storetest.Must(t, err)
	p.failsForDays(t, hook)
	p = boot(t, p.dir)
	gets(webhook.TypeProbe)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "#token=" + token))
	page.WaitText("main", "The next probe is due")
	page.WaitText("main", "One probe was sent.")
	looked(page, axe, "webhook-probed")
	p.stop()
	p.probesNow(t, hook)
	works.Store(true)
	p = boot(t, p.dir)
	c = &client{url: p.url, token: token}
	gets(webhook.TypeProbe)
	gets("order.paid")
	gets("order.paid")
	var is map[string]any
	if status := c.rest(t, http.MethodGet, "/v1/webhooks/"+id, "", &is); status != http.StatusOK || is["enabled"] != true || is["probe"] != true || is["next_probe_at"] != nil {
		t.Errorf("%d: %v", status, is)
	}
}
