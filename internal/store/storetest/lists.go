package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Callers that cancel their reads, however many, make no other read fail: a connection that a canceled query has ended is not used
// again.
func testCancelledReadsHarmNobody(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	Register(t, c, webhook.New{Enabled: true})
	Publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
	read := func(ctx context.Context) error {
		_, err := c.Events(ctx, store.EventFilter{}, store.Page{First: 1})
		return err
	}
	var others sync.WaitGroup
	done, stop := context.WithCancel(t.Context())
	for range 8 {
		others.Go(func() {
			for done.Err() == nil {
				ctx, cancel := context.WithCancel(done)
				go cancel()
				_ = read(ctx)
			}
		})
	}
	for range 100 {
		if err := read(t.Context()); err != nil {
			t.Errorf("beside reads that are cancelled: %v (unavailable %v)", err, errors.Is(err, webhook.ErrUnavailable))
			break
		}
	}
	stop()
	others.Wait()
}

// An event keeps its tags, and they belong to the content of its idempotency key (I10): another order is the same content, other
// tags are a conflict.
func testTags(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	tags := []string{"eu", "<&>\"\u2028", "😀 \\"}
	done := Publish(t, c, webhook.NewEvent{Tags: tags, IdempotencyKey: "k"}, webhook.NewEvent{}, webhook.NewEvent{Tags: tags}, webhook.NewEvent{IdempotencyKey: "bare"})
	for i, want := range [][]string{tags, nil, tags, nil} {
		if diff := cmp.Diff(want, done[i].Event.Tags); diff != "" {
			t.Errorf("event %d as published: %s", i, diff)
		}
		read, err := c.EventsByID(t.Context(), []webhook.ID{done[i].Event.ID})
		if Must(t, err); read[done[i].Event.ID] == nil {
			t.Fatalf("event %d is not there", i)
		}
		if diff := cmp.Diff(want, read[done[i].Event.ID].Tags); diff != "" {
			t.Errorf("event %d as read: %s", i, diff)
		}
	}
	lean, err := c.Lean(store.Lean{NoData: true}).Events(t.Context(), store.EventFilter{}, store.Page{})
	if Must(t, err); !cmp.Equal(lean.Items[3].Tags, tags) {
		t.Errorf("without data: %q", lean.Items[3].Tags)
	}
	for _, same := range [][]string{{tags[2], tags[0], tags[1], tags[0]}, tags} {
		if again := Publish(t, c, webhook.NewEvent{Tags: same, IdempotencyKey: "k"})[0]; !again.Duplicate || !cmp.Equal(again.Event.Tags, tags) {
			t.Errorf("the same tags: %+v", again)
		}
	}
	for key, others := range map[string][][]string{"k": {nil, tags[:2], append(tags[:3:3], "x"), {tags[0], tags[1] + tags[2]}}, "bare": {{"x"}}} {
		for _, other := range others {
			bad := webhook.Invalids(Publish(t, c, webhook.NewEvent{Tags: other, IdempotencyKey: key})[0].Err)
			if len(bad) != 1 || bad[0].Code != webhook.CodeConflict {
				t.Errorf("%s with %q: %v", key, other, bad)
			}
		}
	}
}

// Lists of events, deliveries and attempts accept the wildcards of a webhook's events, alone and beside types, and match what
// webhook.MatchesType and the live stream match.
func testWildcardsOfLists(t *Suite) {
	s := t.Open(t, store.Options{})
	c, other := Tenant(t, s, "a"), Tenant(t, s, "b")
	w := Register(t, c, webhook.New{Enabled: true})
	types := []string{"a", "a.b", "a.b.c", "A.b", "ab", "ab.c", "a_b.c"}
	for _, eventType := range types {
		e := webhook.NewEvent{Type: eventType, Data: json.RawMessage("1")}
		Publish(t, c, e)
		Publish(t, other, e)
	}
	claims, _ := Claim(t, s, w.ID, 10)
	for _, one := range claims {
		Record(t, s, one, 200)
	}
	for _, patterns := range [][]string{{"a.*"}, {"a.b.*"}, {"a.*", "ab"}, {"ab", "a"}, {"x.*"}, {"a_b.*", "A.*"}, {"%.*"}, {"a.*", "a.b", "a.b.*"}, {"é\x00.*"}} {
		var want []string
		for _, eventType := range types {
			if slices.ContainsFunc(patterns, func(p string) bool { return webhook.MatchesType(p, eventType) }) {
				want = append(want, eventType)
			}
		}
		slices.Sort(want)
		same := func(list string, got []string) {
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s of %q: %q, want %q", list, patterns, got, want)
			}
		}
		var events, deliveries, attempts []string
		for _, e := range RowsOf[webhook.Event](t)(c.Events(t.Context(), store.EventFilter{Types: patterns}, store.Page{First: 100})) {
			events = append(events, e.Type)
		}
		same("events", events)
		for _, d := range RowsOf[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{EventTypes: patterns}, store.Page{First: 100})) {
			e, err := c.EventsByID(t.Context(), []webhook.ID{d.EventID})
			Must(t, err)
			deliveries = append(deliveries, e[d.EventID].Type)
		}
		same("deliveries", deliveries)
		f := store.AttemptFilter{EventTypes: patterns}
		for _, a := range RowsOf[webhook.Attempt](t)(c.Attempts(t.Context(), f, store.Page{First: 100})) {
			if attempts = append(attempts, a.EventType); !live.Match(a.TenantID, &f, a) {
				t.Errorf("the stream of %q lacks %s", patterns, a.EventType)
			}
		}
		same("attempts", attempts)
		if n, err := c.CountEvents(t.Context(), store.EventFilter{Types: patterns}); err != nil || n != len(want) {
			t.Errorf("%q: %v events, %v", patterns, n, err)
		}
	}
}

// I11: another tenant's rows do not exist, whatever they are looked up by.
func testTenantsAreApart(t *Suite) {
	s := t.Open(t, store.Options{})
	a, b := Tenant(t, s, "a"), Tenant(t, s, "b")
	w := Register(t, a, webhook.New{Enabled: true})
	e := Publish(t, a, webhook.NewEvent{IdempotencyKey: "k"})[0].Event
	claims, _ := Claim(t, s, w.ID, 1)
	Record(t, s, claims[0], 200)
	d := claims[0].Delivery.ID
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"update": func() error { _, _, err := b.UpdateWebhook(ctx, w.ID, webhook.Patch{}, nil); return err },
		"delete": func() error { return b.DeleteWebhook(ctx, w.ID) },
		"test":   func() error { _, err := b.TestWebhook(ctx, w.ID, nil); return err },
		"retry":  func() error { _, err := b.RetryDelivery(ctx, d); return err },
		"cancel": func() error { _, err := b.CancelDelivery(ctx, d); return err },
	} {
		if err := call(); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	size := func(n int, err error) int {
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	webhooks, _ := b.WebhooksByID(ctx, []webhook.ID{w.ID})
	events, _ := b.EventsByID(ctx, []webhook.ID{e.ID})
	deliveries, _ := b.DeliveriesByID(ctx, []webhook.ID{d})
	of, _ := b.AttemptsOfDeliveries(ctx, []webhook.ID{d}, func() map[webhook.ID]webhook.ID { return map[webhook.ID]webhook.ID{d: e.ID} }, store.Page{})
	ofEvents, _ := b.DeliveriesOfEvents(ctx, []webhook.ID{e.ID}, store.DeliveryFilter{}, store.Page{})
	secrets, _ := b.Secrets(ctx, []webhook.ID{w.ID})
	last, err := b.LastAttempts(ctx, []webhook.ID{d}, func() map[webhook.ID]webhook.ID { return map[webhook.ID]webhook.ID{d: e.ID} })
	Must(t, err)
	keys, err := b.IdempotencyKeys(ctx, []webhook.ID{e.ID})
	Must(t, err)
	tail, _, _ := s.AttemptLog(ctx, claims[0].Delivery.ID, store.AttemptFilter{}, 0, 10)
	for name, n := range map[string]int{
		"webhooks": len(webhooks), "events": len(events), "deliveries": len(deliveries), "attempts of": len(of[d].Items),
		"deliveries of": len(ofEvents[e.ID].Items), "secrets": len(secrets), "log": len(tail), "last attempts": len(last), "keys": len(keys),
		"count webhooks":   size(b.CountWebhooks(ctx, store.WebhookFilter{})),
		"count events":     size(b.CountEvents(ctx, store.EventFilter{})),
		"count deliveries": size(b.CountDeliveries(ctx, store.DeliveryFilter{})),
		"count attempts":   size(b.CountAttempts(ctx, store.AttemptFilter{})),
	} {
		if n != 0 {
			t.Errorf("%s: tenant b sees %d of tenant a's rows", name, n)
		}
	}
}

// Pages follow one another in both directions without gap or overlap.
func testPages(t *Suite) {
	c := Tenant(t, t.Open(t, store.Options{}), "a")
	var want []int64
	for range 7 {
		want = append([]int64{Publish(t, c, webhook.NewEvent{})[0].Event.Seq}, want...)
	}
	var forward, backward []int64
	for after := int64(0); ; {
		l, err := c.Events(t.Context(), store.EventFilter{}, store.Page{First: 3, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range l.Items {
			forward, after = append(forward, e.Seq), e.Seq
		}
		if !l.HasNext {
			break
		}
	}
	for before := int64(0); ; {
		l, err := c.Events(t.Context(), store.EventFilter{}, store.Page{Last: 3, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		var page []int64
		for _, e := range l.Items {
			page = append(page, e.Seq)
		}
		backward, before = append(page, backward...), page[0]
		if !l.HasPrev {
			break
		}
	}
	if diff := cmp.Diff(want, forward) + cmp.Diff(want, backward); diff != "" {
		t.Error(diff)
	}
}
