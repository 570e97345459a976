package store_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// told is the content of a tenant's operational events, by type and webhook.
type told struct {
	events []*webhook.Event // oldest first
	count  map[string]int   // by type
	hooks  map[string]map[webhook.ID]toldTarget
}

type toldTarget struct {
	WebhookID    webhook.ID
	Count        int
	DeliveryID   webhook.ID
	EventType    string
	AttemptCount int
	Reason       string

	FailureReason string
}

// operational publishes waiting notices and reads all operational events of the tenant.
func operational(tb testing.TB, s *store.Store, c *store.Scope) *told {
	tb.Helper()
	must(tb, s.PublishNotices(tb.Context()))
	all := &told{count: map[string]int{}, hooks: map[string]map[webhook.ID]toldTarget{}}
	types := []string{webhook.TypeDeliveryFailed, webhook.TypeWebhookDisabled}
	for after := int64(0); ; {
		l, err := c.Events(tb.Context(), store.EventFilter{Types: types}, store.Page{First: 100, After: after})
		must(tb, err)
		all.events = append(all.events, l.Items...)
		if !l.HasNext {
			break
		}
		after = l.Items[len(l.Items)-1].Seq
	}
	slices.Reverse(all.events)
	for _, e := range all.events {
		var data struct {
			Count    int
			Webhooks []toldTarget
		}
		must(tb, json.Unmarshal(e.Data, &data))
		if len(data.Webhooks) > 100 || len(data.Webhooks) == 0 || len(e.Data) > 100<<10 {
			tb.Errorf("one event tells of %d webhooks in %d bytes", len(data.Webhooks), len(e.Data))
		}
		all.count[e.Type] += data.Count
		for _, h := range data.Webhooks {
			if all.hooks[e.Type] == nil {
				all.hooks[e.Type] = map[webhook.ID]toldTarget{}
			}
			h.Count += all.hooks[e.Type][h.WebhookID].Count
			all.hooks[e.Type][h.WebhookID] = h
		}
	}
	return all
}

// registerMany registers webhooks concurrently, so that transactions are shared.
func registerMany(tb testing.TB, c *store.Scope, n int, w webhook.New) []*webhook.Webhook {
	tb.Helper()
	made := make([]*webhook.Webhook, n)
	var all sync.WaitGroup
	turns := make(chan struct{}, 1000) // more calls at a time are refused
	for i := range made {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			made[i] = register(tb, c, w)
		})
	}
	all.Wait()
	return made
}

// failAll publishes an event of type a.b, claims its deliveries to the webhooks and records, in one batch, the status as the
// response of all.
func failAll(tb testing.TB, s *store.Store, c *store.Scope, hooks []*webhook.Webhook, status int) {
	tb.Helper()
	publish(tb, c, webhook.NewEvent{Type: "a.b"})
	recordAll(tb, s, hooks, status)
}

func recordAll(tb testing.TB, s *store.Store, hooks []*webhook.Webhook, status int) {
	tb.Helper()
	claims := make([][]*store.Claimed, len(hooks))
	var all sync.WaitGroup
	for i, w := range hooks {
		all.Go(func() { claims[i], _ = claim(tb, s, w.ID, 10) })
	}
	all.Wait()
	release := s.Hold(tb)
	code := webhook.ErrorHTTPStatus
	for _, claimed := range slices.Concat(claims...) {
		must(tb, s.Record(tb.Context(), &store.Result{Claimed: claimed, Gone: status == 410, Attempt: webhook.Attempt{
			Status: webhook.AttemptFailed, Error: &code, Trigger: claimed.Delivery.Trigger, StartedAt: time.Now(), ResponseStatus: &status,
		}}))
	}
	release()
	must(tb, s.Flush(tb.Context()))
}

// I17: however many webhooks fail and are disabled at once, and however many subscribe to operational events, the recording
// transaction has the same few statements. The operational events follow, each webhook once, at most 100 in each event.
func TestManyFailuresAreToldInPieces(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Tuning: merging()})
		few, many := tenant(t, s, "few"), tenant(t, s, "many")
		dead := webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}}
		for _, c := range []*store.Scope{few, many} {
			registerMany(t, c, 3, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}, RetryScheduleMs: []int{}})
		}
		fewTargets, manyTargets := registerMany(t, few, 2, dead), registerMany(t, many, 250, dead)
		statements := s.CountWrites()
		recorded := func(c *store.Scope, hooks []*webhook.Webhook) []string {
			publish(t, c, webhook.NewEvent{Type: "a.b"})
			hold := s.HoldNotices()
			defer hold()
			statements()
			recordAll(t, s, hooks, 410)
			return slices.DeleteFunc(statements(), func(text string) bool {
				return !strings.Contains(text, "webhooks") && !strings.Contains(text, "notices")
			})
		}
		one, all := recorded(few, fewTargets), recorded(many, manyTargets)
		if len(one) == 0 || len(all) != len(one) {
			t.Errorf("250 webhooks that are disabled take %d statements, 2 take %d: %q", len(all), len(one), all)
		}
		got := operational(t, s, many)
		for _, kind := range []string{webhook.TypeDeliveryFailed, webhook.TypeWebhookDisabled} {
			if got.count[kind] != 250 || len(got.hooks[kind]) != 250 {
				t.Errorf("%s: %d of %d webhooks, want 250", kind, got.count[kind], len(got.hooks[kind]))
			}
		}
		if len(got.events) > 2*(250/32+2) { // a slow disk makes pieces of 32, and the background's own round may cut one short
			t.Errorf("%d events", len(got.events))
		}
		owed, err := many.CountDeliveries(t.Context(), store.DeliveryFilter{EventTypes: []string{webhook.TypeDeliveryFailed, webhook.TypeWebhookDisabled}})
		if err != nil || owed != 3*len(got.events) {
			t.Errorf("%d deliveries of %d events to 3 webhooks, %v", owed, len(got.events), err)
		}
		for _, h := range got.hooks[webhook.TypeWebhookDisabled] {
			if h.Count != 1 || h.Reason != "GONE" {
				t.Errorf("told %+v", h)
			}
		}
	})
}

// Tenants' notices are published in turn: those of one do not wait for all of another's.
func TestNoticesOfTenantsInTurn(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		dead := webhook.New{Enabled: true, RetryScheduleMs: []int{}}
		names, failing := []string{"a", "b", "c"}, []int{210, 2, 210}
		scopes := make([]*store.Scope, len(names))
		release := s.HoldNotices()
		for i, name := range names {
			scopes[i] = tenant(t, s, name)
			register(t, scopes[i], webhook.New{Enabled: true, Events: []string{"hookgraph.*"}})
			failAll(t, s, scopes[i], registerMany(t, scopes[i], failing[i], dead), 500)
		}
		release()
		var events []*webhook.Event
		for i, c := range scopes {
			got := operational(t, s, c)
			if n := got.count[webhook.TypeDeliveryFailed]; n != failing[i] {
				t.Errorf("tenant %s: told of %d webhooks, want %d", names[i], n, failing[i])
			}
			events = append(events, got.events...)
		}
		slices.SortFunc(events, func(a, b *webhook.Event) int { return int(a.Seq - b.Seq) })
		if len(events) < 3+1+3 { // at most 100 webhooks each, fewer on a slow disk
			t.Fatalf("%d events, want at least 7", len(events))
		}
		seen := map[webhook.ID]bool{}
		for _, e := range events[:3] {
			seen[e.TenantID] = true
		}
		if len(seen) != 3 {
			t.Errorf("the first three events are of %d tenants", len(seen))
		}
	})
}

// Repeated occurrences for one webhook are one event, with their number and the last one.
func TestNoticesAreMerged(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
		register(t, c, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}})
		release := s.HoldNotices()
		for range 3 {
			failAll(t, s, c, []*webhook.Webhook{w}, 500)
		}
		release()
		got := operational(t, s, c)
		newest := storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{EventTypes: []string{"a.b"}}, store.Page{First: 1}))
		want := toldTarget{WebhookID: w.ID, Count: 3, DeliveryID: newest.ID, EventType: "a.b", AttemptCount: 1, FailureReason: "RETRIES_EXHAUSTED"}
		if len(got.events) != 1 || got.hooks[webhook.TypeDeliveryFailed][w.ID] != want {
			t.Errorf("%d events, told %+v, want %+v", len(got.events), got.hooks, want)
		}
	})
}

// An operational event that no webhook names is not stored, and does not count against the tenant's quota.
func TestNoticesThatNobodyNames(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		dead := registerMany(t, c, 120, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}})
		watcher := register(t, c, webhook.New{Enabled: true, Events: []string{webhook.TypeWebhookDisabled}})
		register(t, other, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}}) // another tenant's
		failAll(t, s, c, dead, 410)
		got := operational(t, s, c)
		if got.count[webhook.TypeDeliveryFailed] != 0 || got.count[webhook.TypeWebhookDisabled] != len(dead) {
			t.Errorf("told %v", got.count)
		}
		if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != 1+len(got.events) || err != nil {
			t.Errorf("%d events are stored, want the published one and %d, %v", n, len(got.events), err)
		}
		must(t, c.DeleteWebhook(t.Context(), watcher.ID))
		again := register(t, c, webhook.New{Enabled: true, Events: []string{"c"}, RetryScheduleMs: []int{}})
		publish(t, c, webhook.NewEvent{Type: "c"})
		recordAll(t, s, []*webhook.Webhook{again}, 410)
		if more := operational(t, s, c); len(more.events) != len(got.events) {
			t.Errorf("%d events that only a deleted webhook named", len(more.events)-len(got.events))
		}
		if n, err := s.Count("notices"); n != 0 || err != nil {
			t.Errorf("%d notices are left, %v", n, err)
		}
	})
}

// Operational events go only to webhooks that name them, by type or wildcard, and never cause others: neither the failure of their
// delivery nor the disabling of a webhook by it is published.
func TestOperationalEventsCauseNone(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		named := registerMany(t, c, 2, webhook.New{Enabled: true, Events: []string{"hookgraph.delivery.*"}, RetryScheduleMs: []int{}})
		everything := register(t, c, webhook.New{Enabled: true, Events: []string{"*", "hookgraph.*"}, RetryScheduleMs: []int{}})
		var published []*webhook.Webhook
		for _, events := range [][]string{nil, {}, {"*"}, {"a.*"}, {"a.*", "a.b"}} {
			published = append(published, register(t, c, webhook.New{Enabled: true, Events: events, RetryScheduleMs: []int{}}))
		}
		failAll(t, s, c, append(published, everything), 500)
		got := operational(t, s, c)
		if got.count[webhook.TypeDeliveryFailed] != 6 {
			t.Fatalf("told of %d failures, want 6", got.count[webhook.TypeDeliveryFailed])
		}
		for _, w := range published {
			if claims, _ := claim(t, s, w.ID, 100); len(claims) != 0 {
				t.Errorf("a webhook of events %v gets %s", w.Events, claims[0].Event.Type)
			}
		}
		recordAll(t, s, append(named[:1:1], everything), 500)
		recordAll(t, s, named[1:], 410)
		if again := operational(t, s, c); len(again.events) != len(got.events) {
			t.Errorf("%d events came of operational ones", len(again.events)-len(got.events))
		}
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{named[1].ID})
		if err != nil || found[named[1].ID].Enabled {
			t.Errorf("a webhook that is gone is enabled, %v", err)
		}
	})
}

// However often the process is killed, every occurrence is published exactly once.
func TestNoticesAreToldOnce(t *testing.T) {
	each(t, func(t *suite) {
		total := 0
		for range 5 {
			s := t.Open(t, store.Options{})
			c := tenant(t, s, "a")
			register(t, c, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}})
			failAll(t, s, c, registerMany(t, c, 30, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}}), 410)
			total += 30
			must(t, s.Close()) // while they are being published
		}
		s := t.Open(t, store.Options{})
		got := operational(t, s, tenant(t, s, "a"))
		for _, kind := range []string{webhook.TypeDeliveryFailed, webhook.TypeWebhookDisabled} {
			if got.count[kind] != total || len(got.hooks[kind]) != total {
				t.Errorf("%s: told %d times of %d webhooks, want %d", kind, got.count[kind], len(got.hooks[kind]), total)
			}
		}
		if n, err := s.Count("notices"); n != 0 || err != nil {
			t.Errorf("%d notices are left, %v", n, err)
		}
	})
}

// Replicas that publish notices at the same time publish each once.
func TestReplicasTellOnce(t *testing.T) {
	t.Parallel()
	url := webhooktest.Postgres(t)
	nodes := []*store.Store{notifying(t, url, store.Settings{}), notifying(t, url, store.Settings{})}
	c := tenant(t, nodes[0], "a")
	register(t, c, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}})
	hooks := registerMany(t, c, 250, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}})
	for range 3 {
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		var all sync.WaitGroup
		for i, s := range nodes {
			must(t, s.Flush(t.Context()))
			all.Go(func() {
				recordAll(t, s, hooks[125*i:125*(i+1)], 500)
				must(t, s.PublishNotices(t.Context()))
			})
		}
		all.Wait()
	}
	got := operational(t, nodes[0], c)
	if got.count[webhook.TypeDeliveryFailed] != 750 || len(got.hooks[webhook.TypeDeliveryFailed]) != 250 {
		t.Errorf("told of %d failures of %d webhooks, want 750 of 250", got.count[webhook.TypeDeliveryFailed], len(got.hooks[webhook.TypeDeliveryFailed]))
	}
	for id, h := range got.hooks[webhook.TypeDeliveryFailed] {
		if h.Count != 3 {
			t.Errorf("webhook %s: %d failures, want 3", id, h.Count)
		}
	}
}

// At most 100 webhooks of a tenant name operational events, by any kind of change; its other webhooks and those of other tenants do
// not count.
func TestWebhooksThatNameOperationalEvents(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		registerMany(t, tenant(t, s, "b"), 3, webhook.New{Events: []string{"hookgraph.*"}})
		other := register(t, c, webhook.New{})
		hooks := registerMany(t, c, 100, webhook.New{Events: []string{"a", "hookgraph.test"}})
		refused := func(err error) {
			t.Helper()
			if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeQuota || bad[0].Field != "events" {
				t.Errorf("%v", err)
			}
		}
		names := webhook.Patch{Events: webhook.Some([]string{"*", "hookgraph.*"})}
		_, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Events: []string{"hookgraph.*"}})
		refused(err)
		_, _, err = c.UpdateWebhook(t.Context(), other.ID, names, nil)
		refused(err)
		if _, _, err := c.UpdateWebhook(t.Context(), hooks[0].ID, names, nil); err != nil {
			t.Errorf("one that names them already: %v", err)
		}
		if _, _, err := c.UpdateWebhook(t.Context(), hooks[1].ID, webhook.Patch{Events: webhook.Some([]string{"*"})}, nil); err != nil {
			t.Error(err)
		}
		if _, _, err := c.UpdateWebhook(t.Context(), other.ID, names, nil); err != nil {
			t.Errorf("after another one stopped: %v", err)
		}
		must(t, c.DeleteWebhook(t.Context(), hooks[2].ID))
		register(t, c, webhook.New{Events: []string{"hookgraph.*"}})
		_, _, err = c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Events: []string{"hookgraph.*"}})
		refused(err)
	})
}

// The list of webhooks that subscribe to a type has exactly those that an event of the type goes to.
func TestWebhooksBySubscription(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		subscriptions := [][]string{nil, {"*", "hookgraph.*"}, {"a.*"}, {"a.b"}, {"a.b.*"}, {"A.b"}, {"a.b.c", "a.b.*"}, {"a_b.*"}, {"hookgraph.test"}, {"hookgraph.delivery.*"}}
		for _, events := range subscriptions {
			register(t, c, webhook.New{Events: events})
		}
		for _, eventType := range []string{"a", "a.b", "a.b.c", "A.b", "axb.c", "a_b.c", "b", "hookgraph.delivery.failed", "hookgraph.webhook.disabled"} {
			l, err := c.Webhooks(t.Context(), store.WebhookFilter{EventType: &eventType}, store.Page{First: 100})
			must(t, err)
			var got, want []webhook.ID
			for _, w := range l.Items {
				got = append(got, w.ID)
			}
			for _, to := range s.Matching(c, eventType) {
				want = append(want, to.ID)
			}
			byID := func(a, b webhook.ID) int { return slices.Compare(a[:], b[:]) }
			slices.SortFunc(got, byID)
			slices.SortFunc(want, byID)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s: %d webhooks are listed, it goes to %d", eventType, len(got), len(want))
			}
		}
	})
}

// Results of webhooks of one or several tenants, also repeated ones, update their health in one statement, whatever the outcomes,
// and the result equals the state in memory.
func TestHealthIsWrittenTogether(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Tuning: merging()})
		var hooks []*webhook.Webhook
		for i := range 3 {
			c := tenant(t, s, fmt.Sprint("t", i))
			hooks = append(hooks, registerMany(t, c, 40, webhook.New{Enabled: true})...)
			publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
		}
		statements := s.CountWrites()
		recordAll(t, s, hooks, 500)
		n := 0
		for _, text := range statements() {
			if strings.HasPrefix(text, "UPDATE webhooks SET failing_since") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d statements write the health of %d webhooks", n, len(hooks))
		}
		for _, w := range hooks {
			remembered, stored, err := s.FailingSince(t.Context(), w.ID)
			if err != nil || remembered == nil || stored == nil || !remembered.Equal(*stored) {
				t.Fatalf("failing since %v, stored %v, %v", remembered, stored, err)
			}
		}
	})
}

// A webhook is warned of before it is disabled, and told of when it succeeds again, once for each issue; so is one that is enabled. Failures of
// operational events open no issue, so the warnings cause no others.
func TestFailingWebhooksAreToldOf(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b", "hookgraph.*"}, RetryScheduleMs: []int{3_600_000}})
		told := func(want ...string) *webhook.Event {
			t.Helper()
			must(t, s.PublishNotices(t.Context()))
			var got []string
			var last *webhook.Event
			for _, e := range storetest.RowsOf[webhook.Event](t)(c.Events(t.Context(), store.EventFilter{Types: []string{"hookgraph.*"}}, store.Page{First: 100})) {
				got, last = append(got, e.Type), cmp.Or(last, e)
			}
			slices.Reverse(got)
			if !slices.Equal(got, want) {
				t.Fatalf("told %v, want %v", got, want)
			}
			return last
		}
		answers(t, s, c, w, 503, 503, 503, 503)
		told()
		answers(t, s, c, w, 503, 503)
		e := told(webhook.TypeWebhookFailing)
		var data struct {
			Count    int
			Webhooks []struct {
				WebhookID                webhook.ID
				URL, Error               string
				HTTPStatus               int
				FailingSince, DisablesAt time.Time
			}
		}
		must(t, json.Unmarshal(e.Data, &data))
		if h := data.Webhooks[0]; data.Count != 1 || h.WebhookID != w.ID || h.URL != w.URL || h.Error != "HTTP_STATUS" || h.HTTPStatus != 503 || h.DisablesAt.Sub(h.FailingSince) != webhook.FailingLimit {
			t.Errorf("the event has %s", e.Data)
		}
		for range 6 { // the event's own delivery fails, too
			claims, _ := claim(t, s, w.ID, 10)
			for _, claimed := range claims {
				record(t, s, claimed, 503)
			}
		}
		told(webhook.TypeWebhookFailing)
		answers(t, s, c, w, 200)
		told(webhook.TypeWebhookFailing, webhook.TypeWebhookRecovered)
		for _, enabled := range []bool{false, false, true, true} {
			_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(enabled)}, nil)
			must(t, err)
		}
		told(webhook.TypeWebhookFailing, webhook.TypeWebhookRecovered, webhook.TypeWebhookEnabled)
	})
}
