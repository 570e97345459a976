package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An event goes to the webhooks that subscribe to its type, once each; an empty list of types means all.
func testPublishFansOut(t *Suite) {
	c := Tenant(t, t.Open(t, store.Options{}), "a")
	named := Register(t, c, webhook.New{Enabled: true, Events: []string{"humanization.completed", "humanization.completed"}})
	all := Register(t, c, webhook.New{Enabled: true, Events: []string{}})
	Register(t, c, webhook.New{Enabled: true, Events: []string{"humanization.failed"}})
	if diff := cmp.Diff([]string{"humanization.completed"}, named.Events); diff != "" {
		t.Error("duplicates are not folded", diff)
	}
	e := Publish(t, c, webhook.NewEvent{Data: json.RawMessage("{ \"z\": 1e400, \"a\" : [12345678901234567890, 1.10] }")})[0]
	if got, want := string(e.Event.Data), `{"z":1e400,"a":[12345678901234567890,1.10]}`; got != want {
		t.Errorf("data is %s, want %s", got, want)
	}
	l, err := c.Deliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{e.Event.ID}}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[webhook.ID]webhook.DeliveryStatus{}
	for _, d := range l.Items {
		got[d.WebhookID] = d.Status
	}
	if diff := cmp.Diff(map[webhook.ID]webhook.DeliveryStatus{named.ID: "PENDING", all.ID: "PENDING"}, got); diff != "" {
		t.Error(diff)
	}
}

// I10: the same key with the same content is the same event; with other content it is a conflict. An invalid event does not prevent
// others of the call.
func testIdempotency(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	first := Publish(t, c, webhook.NewEvent{IdempotencyKey: "k", Data: json.RawMessage(`{"a":1}`)})[0]
	again := Publish(t, c,
		webhook.NewEvent{IdempotencyKey: "k", Data: json.RawMessage(`{ "a": 1 }`)},
		webhook.NewEvent{IdempotencyKey: "k", Data: json.RawMessage(`{"a":2}`)},
		webhook.NewEvent{Data: json.RawMessage(`{`)},
		webhook.NewEvent{IdempotencyKey: "l"},
		webhook.NewEvent{IdempotencyKey: "l"})
	if e := again[0]; !e.Duplicate || e.Event == nil || e.Event.ID != first.Event.ID {
		t.Errorf("same content: %+v", e)
	}
	if bad := webhook.Invalids(again[1].Err); len(bad) != 1 || bad[0].Code != webhook.CodeConflict {
		t.Errorf("other content: %+v", again[1])
	}
	if bad := webhook.Invalids(again[2].Err); len(bad) != 1 || bad[0].Field != "events.2.data" {
		t.Errorf("bad JSON: %+v", again[2])
	}
	if !again[4].Duplicate || again[4].Event.ID != again[3].Event.ID {
		t.Errorf("same key in one call: %+v %+v", again[3], again[4])
	}
	if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != 2 || err != nil {
		t.Errorf("%d events stored, want 2 (%v)", n, err)
	}
	if other := Publish(t, Tenant(t, s, "b"), webhook.NewEvent{IdempotencyKey: "k"})[0]; other.Duplicate || other.Err != nil {
		t.Errorf("another tenant's key: %+v", other)
	}
}

// An event keeps the trace of the call that published it first, and every attempt has it, also after a restart. An event without one has none.
func testTraceparent(t *Suite) {
	const trace webhook.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true, SendTraceparent: true})
	first := Publish(t, c, webhook.NewEvent{Traceparent: trace, IdempotencyKey: "k"})[0].Event
	Publish(t, c, webhook.NewEvent{})
	again := Publish(t, c, webhook.NewEvent{Traceparent: "00-00000000000000000000000000000001-0000000000000001-01", IdempotencyKey: "k"})[0]
	if !again.Duplicate || again.Event.Traceparent == nil || *again.Event.Traceparent != trace {
		t.Errorf("published again: %+v", again)
	}
	traced := func(when string) *store.Claimed {
		t.Helper()
		claims, _ := Claim(t, s, w.ID, 10)
		if len(claims) != 2 {
			t.Fatalf("%s: %d are due", when, len(claims))
		}
		if claims[0].Event.ID != first.ID {
			claims[0], claims[1] = claims[1], claims[0]
		}
		if with, without := w.Traceparent(claims[0].Event), w.Traceparent(claims[1].Event); with != trace || without != "" {
			t.Errorf("%s: %q and %q", when, with, without)
		}
		return claims[0]
	}
	traced("at first")
	Must(t, s.Close())
	s = t.Open(t, store.Options{})
	c = Tenant(t, s, "a")
	Record(t, s, traced("after a restart"), 500)
	retried := Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{first.ID}}, store.Page{}))
	_, err := c.RetryDelivery(t.Context(), retried.ID)
	Must(t, err)
	claims, _ := Claim(t, s, w.ID, 10)
	if len(claims) != 1 || w.Traceparent(claims[0].Event) != trace {
		t.Errorf("retried: %+v", claims)
	}
	if w.SendTraceparent = false; w.Traceparent(claims[0].Event) != "" {
		t.Error("it is sent to a webhook that does not ask for it")
	}
	list, err := c.Events(t.Context(), store.EventFilter{}, store.Page{First: 10})
	if Must(t, err); list.Items[0].Traceparent != nil || list.Items[1].Traceparent == nil || *list.Items[1].Traceparent != trace {
		t.Errorf("listed: %v %v", list.Items[0].Traceparent, list.Items[1].Traceparent)
	}
}

// A disabled webhook's deliveries are held, nothing is lost, and enabling releases them.
func testHeldAndReleased(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: false})
	if w.DisabledReason == nil || *w.DisabledReason != webhook.DisabledManual {
		t.Errorf("disabled at creation: %+v", w)
	}
	Publish(t, c, webhook.NewEvent{})
	held := Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Held}}, store.Page{}))
	if held.Status != webhook.Held || held.NextAttemptAt != nil {
		t.Errorf("held: %+v", held)
	}
	if claims, _ := Claim(t, s, w.ID, 10); len(claims) != 0 {
		t.Error("claimed from a disabled webhook")
	}
	if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(true)}, nil); err != nil {
		t.Fatal(err)
	}
	if claims, _ := Claim(t, s, w.ID, 10); len(claims) != 1 {
		t.Errorf("released: %d deliveries", len(claims))
	}
}

// I6: a restart makes claimed deliveries due again; I7: a former holder of the claim cannot write.
func testRestartVoidsClaims(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true})
	Publish(t, c, webhook.NewEvent{})
	old, _ := Claim(t, s, w.ID, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = t.Open(t, store.Options{})
	c = Tenant(t, s, "a")
	mine, _ := Claim(t, s, w.ID, 10)
	if len(mine) != 1 {
		t.Fatalf("%d due after the restart, want 1", len(mine))
	}
	stale := *old[0]
	stale.Delivery.AttemptCount = 5 // the view of another node
	Record(t, s, &stale, 200)
	if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != 0 || err != nil {
		t.Errorf("a lost claim wrote %d attempts (%v)", n, err)
	}
	Record(t, s, mine[0], 200)
	Record(t, s, mine[0], 200) // the claim is finished
	if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != 1 || err != nil {
		t.Errorf("%d attempts, want 1 (%v)", n, err)
	}
}

// Canceling during an attempt is final, unless the attempt succeeds.
func testCancel(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true})
	Publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
	claims, _ := Claim(t, s, w.ID, 10)
	for i, status := range []int{500, 200} {
		if _, err := c.CancelDelivery(t.Context(), claims[i].Delivery.ID); err != nil {
			t.Fatal(err)
		}
		Record(t, s, claims[i], status)
	}
	found, err := c.DeliveriesByID(t.Context(), []webhook.ID{claims[0].Delivery.ID, claims[1].Delivery.ID})
	if err != nil {
		t.Fatal(err)
	}
	if got := found[claims[0].Delivery.ID]; got.Status != webhook.Canceled || got.AttemptCount != 1 || got.NextAttemptAt != nil {
		t.Errorf("failed after cancel: %+v", got)
	}
	if got := found[claims[1].Delivery.ID]; got.Status != webhook.DeliverySucceeded {
		t.Errorf("succeeded after cancel: %+v", got)
	}
	if _, err := c.CancelDelivery(t.Context(), claims[1].Delivery.ID); len(webhook.Invalids(err)) != 1 {
		t.Errorf("cancel of a completed delivery: %v", err)
	}
}

// Concurrent callers are merged into transactions, and each gets its own events, committed.
func testGroupCommit(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	Register(t, c, webhook.New{Enabled: true})
	var wg sync.WaitGroup
	for caller := range 32 {
		wg.Go(func() {
			for n := range 20 {
				kind := fmt.Sprintf("c%d.n%d", caller, n)
				results, err := c.Publish(context.Background(), []webhook.NewEvent{{Type: kind, Data: json.RawMessage("1")}})
				if err != nil || results[0].Err != nil || results[0].Event.Type != kind {
					t.Errorf("%s: %+v %v", kind, results, err)
					return
				}
				found, err := c.EventsByID(context.Background(), []webhook.ID{results[0].Event.ID})
				if err != nil || found[results[0].Event.ID].Seq != results[0].Event.Seq {
					t.Errorf("%s is answered and not there: %v", kind, err)
				}
			}
		})
	}
	wg.Wait()
	if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{}); n != 640 || err != nil {
		t.Errorf("%d deliveries, want 640 (%v)", n, err)
	}
}

// Deleting a webhook cancels its open deliveries and keeps its history; retention removes only completed events.
func testDeleteAndPrune(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w, other := Register(t, c, webhook.New{Enabled: true}), Register(t, c, webhook.New{Enabled: true, Events: []string{"x.y"}})
	Publish(t, c, webhook.NewEvent{}, webhook.NewEvent{Type: "x.y"})
	claims, _ := Claim(t, s, w.ID, 1)
	Record(t, s, claims[0], 200)
	if err := c.DeleteWebhook(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
	if len(found) != 0 || err != nil {
		t.Errorf("deleted webhook is there: %v %v", found, err)
	}
	canceled, err := c.Deliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Canceled}}, store.Page{})
	if err != nil || len(canceled.Items) != 1 {
		t.Errorf("canceled: %+v %v", canceled, err)
	}
	n, err := s.Prune(t.Context(), time.Now().Add(time.Hour))
	if n != 1 || err != nil {
		t.Errorf("pruned %d events, want 1: the other is still owed to %s (%v)", n, other.ID, err)
	}
	if oldest, newest, err := s.AttemptBounds(t.Context(), webhook.ID{}); newest == 0 || oldest != newest+1 || err != nil {
		t.Errorf("bounds %d %d %v", oldest, newest, err)
	}
}
