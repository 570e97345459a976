package live_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A change on one node reaches followers on another node of the same PostgreSQL database, with the rows as that node reads them.
func TestChangesOfAnotherNode(t *testing.T) {
	url := webhooktest.Postgres(t)
	open := func() *store.Store {
		t.Helper()
		s, err := store.Open(t.Context(), store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	reader, writer := open(), open()
	changes := live.NewChanges(live.RowsOf(reader), live.DefaultPace())
	t.Cleanup(changes.Close)
	reader.Follow(changes)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	owner, err := writer.EnsureTenant(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	scope := writer.In(owner.ID)
	hook := storetest.Register(t, scope, webhook.New{Enabled: true})
	w, err := changes.Watch(ctx, owner.ID, store.DeliveryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	// until waits for such a change; others may come before it, for example that anything may have changed because a node has started.
	until := func(what string, is func(c *live.DeliveryChange) bool) {
		t.Helper()
		for {
			c, err := w.Next(ctx)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if is(c) {
				return
			}
		}
	}
	changed := func(status webhook.DeliveryStatus, attempts int, waits bool) func(*live.DeliveryChange) bool {
		return func(c *live.DeliveryChange) bool {
			d := c.Delivery
			return c.Kind == live.Changed && *c.Matches && d.Status == status && d.AttemptCount == attempts && (d.NextAttemptAt != nil) == waits
		}
	}
	until("the first message", func(c *live.DeliveryChange) bool { return c.Kind == live.Resync })
	storetest.Publish(t, scope, webhook.NewEvent{})
	until("made", changed(webhook.Pending, 0, true))
	claims, _ := storetest.Claim(t, writer, hook.ID, 1)
	until("claimed", changed(webhook.Pending, 0, false))
	storetest.Record(t, writer, claims[0], 500)
	until("attempted", changed(webhook.Pending, 1, true))
	if _, err := scope.CancelDelivery(ctx, claims[0].Delivery.ID); err != nil {
		t.Fatal(err)
	}
	until("canceled", changed(webhook.Canceled, 1, false))
	if _, _, err := scope.UpdateWebhook(ctx, hook.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil); err != nil {
		t.Fatal(err)
	}
	until("held", func(c *live.DeliveryChange) bool {
		return c.Kind == live.Resync && c.WebhookID != nil && *c.WebhookID == hook.ID
	})
	hearsOfAuditedChange(ctx, t, changes, reader, writer, owner.ID)
}

// hearsOfAuditedChange fails the test if a watcher of the tenant's audit log on one node does not hear of a change on another.
func hearsOfAuditedChange(ctx context.Context, t *testing.T, changes *live.Changes, reader, writer *store.Store, tenant webhook.ID) {
	t.Helper()
	log := changes.WatchAuditLog(ctx, tenant)
	if err := log.Next(ctx); err != nil {
		t.Fatal(err)
	}
	created, err := writer.Registry(nil).CreateToken(ctx, webhook.Token{TenantID: &tenant, Name: "t"}, rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	for found := false; !found; { // other messages may come before it, as above
		if err := log.Next(ctx); err != nil {
			t.Fatal(err)
		}
		newest, err := reader.Registry(&tenant).AuditLog(ctx, store.AuditFilter{}, store.Page{First: 1})
		if err != nil {
			t.Fatal(err)
		}
		found = newest.Items[0].ObjectID == created.ID
	}
}

// Deliveries of a webhook that are held, or released, are one message, however many there are.
func TestHoldingManyIsOneChange(t *testing.T) {
	storetest.Each(t, func(t *storetest.Suite) {
		s := t.Open(t, store.Options{})
		changes := live.NewChanges(live.RowsOf(s), live.DefaultPace())
		t.Cleanup(changes.Close)
		s.Follow(changes)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := storetest.Tenant(t, s, "a")
		hook := storetest.Register(t, c, webhook.New{Enabled: true})
		for range 5 {
			storetest.Publish(t, c, make([]webhook.NewEvent, 1000)...)
		}
		w, err := changes.Watch(ctx, hook.TenantID, store.DeliveryFilter{})
		if err != nil {
			t.Fatal(err)
		}
		next := func() *live.DeliveryChange {
			t.Helper()
			c, err := w.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		for {
			storetest.Publish(t, c, webhook.NewEvent{})
			if next().Kind == live.Changed {
				break
			}
		}
		// On PostgreSQL a message may come that a node has begun: it covers others, and nothing is counted then.
		covered := false
		resync := func() {
			t.Helper()
			one := next()
			for one.Kind == live.Changed { // an event from before
				one = next()
			}
			if covered = covered || one.WebhookID == nil; covered && t.Kind == "sqlite" || !covered && *one.WebhookID != hook.ID {
				t.Fatalf("told %+v", one)
			}
		}
		for _, enabled := range []bool{false, true} {
			if _, _, err := c.UpdateWebhook(ctx, hook.ID, webhook.Patch{Enabled: webhook.Some(enabled)}, nil); err != nil {
				t.Fatal(err)
			}
			resync()
		}
		if covered {
			return
		}
		event := storetest.Publish(t, c, webhook.NewEvent{})[0].Event
		for one := next(); one.Delivery == nil || one.Delivery.EventID != event.ID; one = next() {
			if one.WebhookID == nil && one.Kind == live.Resync && t.Kind == "postgres" {
				return
			}
			t.Errorf("two changes of a webhook are more than two messages: %+v", one)
		}
	})
}

// Filters match deliveries here exactly as they do in the store's lists.
func TestTopicsMatchAsListsDo(t *testing.T) {
	s := webhooktest.Store(t, nil)
	owner, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(owner.ID)
	hook := storetest.Register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{0}})
	held := storetest.Register(t, c, webhook.New{Enabled: false, Events: []string{"held.*"}})
	for i, status := range []int{200, 204, 500, 502, 0, 0} {
		storetest.Publish(t, c, webhook.NewEvent{Type: []string{"a.b", "a.c", "c.d"}[i%3], Tags: []string{fmt.Sprint("t", i%2)}, Data: fmt.Appendf(nil, `{"n":%d}`, i)})
		if status == 0 {
			continue
		}
		for range 2 {
			if claims, _ := storetest.Claim(t, s, hook.ID, 1); len(claims) == 1 {
				storetest.Record(t, s, claims[0], status)
			}
		}
	}
	storetest.Publish(t, c, webhook.NewEvent{Type: "held.now"})
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{})
	if err != nil || len(all.Items) < 7 {
		t.Fatalf("%d deliveries, %v", len(all.Items), err)
	}
	if _, err := c.CancelDelivery(t.Context(), all.Items[1].ID); err != nil {
		t.Fatal(err)
	}
	now, later := time.Now(), time.Now().Add(time.Hour)
	number := func(n int) *int { return &n }
	middle := all.Items[len(all.Items)/2].CreatedAt
	filters := []store.DeliveryFilter{
		{},
		{WebhookIDs: []webhook.ID{hook.ID}},
		{WebhookIDs: []webhook.ID{held.ID}},
		{EventIDs: []webhook.ID{all.Items[1].EventID}},
		{EventTypes: []string{"a.*"}},
		{EventTypes: []string{"a.b", "c.d"}},
		{Tags: []string{"t1"}},
		{Tags: []string{"t0", "t1"}},
		{Tags: []string{"x"}},
		{Data: []filter.Data{{Path: "n", Equals: []byte("3")}}},
		{Errors: []webhook.ErrorCode{webhook.ErrorHTTPStatus}},
		{HTTPStatuses: []store.IntRange{{From: number(500), To: number(501)}}},
		{HTTPStatuses: []store.IntRange{{To: number(299)}}},
		{CreatedAt: store.TimeRange{From: &middle}},
		{CreatedAt: store.TimeRange{To: &middle}},
		{CompletedAt: store.TimeRange{To: &later}},
		{CompletedAt: store.TimeRange{From: &later}},
		{NextAttemptAt: store.TimeRange{To: &later}},
		{NextAttemptAt: store.TimeRange{From: &now}},
		{Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}, Errors: []webhook.ErrorCode{webhook.ErrorHTTPStatus}, EventTypes: []string{"c.d"}},
	}
	for _, status := range []webhook.DeliveryStatus{webhook.Pending, webhook.Held, webhook.DeliverySucceeded, webhook.DeliveryFailed, webhook.Canceled} {
		filters = append(filters, store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{status}})
	}
	kept := 0
	for i, f := range filters {
		listed, err := c.Deliveries(t.Context(), f, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all.Items {
			if got, want := matchNow(t, c, f, d.ID), slices.ContainsFunc(listed.Items, func(l *webhook.Delivery) bool { return l.ID == d.ID }); got != want {
				t.Errorf("filter %d, %+v: a delivery matches %v, is listed %v", i, f, got, want)
			} else if got {
				kept++
			}
		}
	}
	if kept < 2*len(all.Items) {
		t.Errorf("only %d matches: this proves little", kept)
	}
}

// matchNow reports whether the delivery, as it is stored, meets the filter.
func matchNow(t *testing.T, c *store.Scope, f store.DeliveryFilter, id webhook.ID) bool {
	t.Helper()
	ids := []webhook.ID{id}
	rows, err := c.DeliveriesByID(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	d := rows[id]
	last, err := c.LastAttempts(t.Context(), ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	events, err := c.EventsByID(t.Context(), []webhook.ID{d.EventID})
	if err != nil {
		t.Fatal(err)
	}
	matches, err := live.MatchNow(f, d, last[id], events[d.EventID])
	if err != nil {
		t.Fatal(err)
	}
	return matches
}
