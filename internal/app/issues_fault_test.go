package app

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Whenever the program is killed, the issue of a webhook that fails has counted exactly the failed attempts that are recorded, and is the same one.
func TestIssuesThroughKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	w := newWorld(t, t.TempDir(), webhooktest.NewDisk(t), failingPath)
	w.begin(t)
	all := []string{"answered", "recording", "any time"}
	if w.disk != nil {
		all = append(all, commitSteps...)
	}
	var first webhook.ID
	for _, step := range all {
		w.killAt(t, step, 20+rand.IntN(100))
		s, err := store.Open(t.Context(), w.remains(t))
		storetest.Must(t, err)
		owner, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
		storetest.Must(t, err)
		failed, err := s.In(owner.ID).CountAttempts(t.Context(), store.AttemptFilter{})
		storetest.Must(t, err)
		list := storetest.RowsOf[webhook.Issue](t)(s.In(owner.ID).Issues(t.Context(), store.IssueFilter{Kinds: []webhook.IssueKind{webhook.IssueFailing}}, store.Page{}))
		storetest.Must(t, s.Close())
		if len(list) != 1 || list[0].Count != failed || list[0].Status() != webhook.IssueOpen || first != (webhook.ID{}) && list[0].ID != first {
			t.Fatalf("killed at %q: %d failed attempts are recorded, and the issues are %+v", step, failed, slices.Collect(values(list)))
		}
		first = list[0].ID
		w.start(t)
	}
}

// A program that is killed while it probes a webhook sends that probe no second time, and goes on with the next one when it is due. The webhook is
// enabled by its answer then.
func TestProbeThroughKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	receiver := webhooktest.NewReceiver(t)
	var works atomic.Bool
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		if !works.Load() {
			<-r.Context().Done() // it is being probed while the program is killed
		}
	})
	p := boot(t, t.TempDir())
	id := (&client{p.url, p.token}).createWebhook(t, map[string]any{"url": receiver.URL, "events": []string{"order.*"}, "probe": true})
	token := p.token
	p.stop()
	hook, err := webhook.ParseID(id)
	storetest.Must(t, err)
	p.failsForDays(t, hook)
	probe := func(of string) string {
		t.Helper()
		r := receiver.Next(t)
		var event struct{ Type string }
		if err := json.Unmarshal(r.Body, &event); err != nil || event.Type != webhook.TypeProbe {
			t.Fatalf("%s: it got %s", of, r.Body)
		}
		return r.Header.Get("webhook-id")
	}
	_, kill := start(t, p.dir)
	first := probe("before the kill")
	kill()
	child, kill := start(t, p.dir)
	c := &client{child.url, token}
	var is map[string]any
	if status := c.rest(t, http.MethodGet, "/v1/webhooks/"+id, "", &is); status != http.StatusOK || is["enabled"] != false || is["probe_count"] != 1.0 || is["next_probe_at"] == nil {
		t.Errorf("after the kill it is %d %v", status, is)
	}
	kill()
	works.Store(true)
	p.probesNow(t, hook)
	child, _ = start(t, p.dir)
	if second := probe("after the kill"); second == first {
		t.Error("the probe that the kill interrupted is sent again")
	}
	c = &client{child.url, token}
	webhooktest.Eventually(t, "the webhook is enabled", func() bool {
		return c.rest(t, http.MethodGet, "/v1/webhooks/"+id, "", &is) == http.StatusOK && is["enabled"] == true
	})
}

// values yields what the pointers of a list point to, so that it can be printed.
func values[T any](list []*T) func(func(T) bool) {
	return func(yield func(T) bool) {
		for _, v := range list {
			if !yield(*v) {
				return
			}
		}
	}
}
