package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// A stretch that takes much longer than the one before is abandoned: the page ends where the earlier one ended, and the next page continues
// there. The first stretch is never abandoned, so that every page makes progress.
func TestSlowSearchesAreGivenUp(t *testing.T) {
	tags := append(manyTypes(20), "oldest") // no index serves so many
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		hooks := []*webhook.Webhook{register(t, c, webhook.New{Enabled: true}), register(t, c, webhook.New{Enabled: true})}
		for i := range 60 {
			e := webhook.NewEvent{}
			if i == 0 {
				e.Tags = []string{"oldest"}
			}
			publish(t, c, e)
		}
		s.SearchRows(5, 1000)
		c, reads, err := c.Recording()
		must(t, err)
		slow := 0
		reads.Wait = func(ctx context.Context, _ string) error {
			if _, hurries := ctx.Deadline(); !hurries {
				return nil
			}
			slow++
			<-ctx.Done()
			return ctx.Err()
		}
		var found []*webhook.Event
		pages, p := 0, store.Page{First: 10}
		for more := true; more; pages++ {
			l, err := c.Events(t.Context(), store.EventFilter{Tags: tags}, p)
			must(t, err)
			if l.HasNext && (l.End == p.After || l.SearchedTo == nil) {
				t.Fatalf("page %d does not say how far it was searched: %+v", pages, l)
			}
			found, more, p.After = append(found, l.Items...), l.HasNext, l.End
		}
		if len(found) != 1 || pages < 10 || slow == 0 { // where the first stretch takes all the time, none follows
			t.Errorf("%d events on %d pages, %d slow reads", len(found), pages, slow)
		}
		slow = 0
		*c.Searching() = store.DefaultBounds()
		f := store.DeliveryFilter{Tags: tags}
		of, err := c.DeliveriesOfWebhooks(t.Context(), []webhook.ID{hooks[0].ID, hooks[1].ID}, f, store.Page{First: 10})
		if must(t, err); len(of[hooks[0].ID].Items) != 1 || len(of[hooks[1].ID].Items) != 1 || slow == 0 {
			t.Errorf("deliveries of webhooks: %+v, %d slow reads", of, slow)
		}
		counts, err := c.CountDeliveriesOfWebhooks(t.Context(), []webhook.ID{hooks[0].ID, hooks[1].ID}, f, 10)
		if must(t, err); counts[hooks[0].ID] != (store.Count{N: 1}) {
			t.Errorf("counted %+v", counts)
		}
	})
}

// What is owed, and what has failed, is on the first page whatever was sent since: what waits and what is being sent, in line, held, of an event and of
// a webhook, with its count and its facets.
func TestOwedIsFoundBehindALongHistory(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		hook := func(of string, w webhook.New) *webhook.Webhook {
			w.Enabled, w.Events = true, []string{of}
			return register(t, c, w)
		}
		waits, held, fails := hook("a.waits", webhook.New{}), hook("a.held", webhook.New{}), hook("a.fails", webhook.New{RetryScheduleMs: []int{}})
		lined, done := hook("a.lined", webhook.New{Ordering: webhook.OrderingByKey}), hook("a.done", webhook.New{})
		publish(t, c, webhook.NewEvent{Type: "a.waits"}, webhook.NewEvent{Type: "a.waits"}, webhook.NewEvent{Type: "a.held"}, webhook.NewEvent{Type: "a.fails"},
			webhook.NewEvent{Type: "a.lined", OrderingKey: "k"}, webhook.NewEvent{Type: "a.lined", OrderingKey: "k"})
		claim(t, s, waits.ID, 1)
		recordAll(t, s, []*webhook.Webhook{fails}, 500)
		_, _, err := c.UpdateWebhook(t.Context(), held.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil)
		must(t, err)
		for range 10 {
			publish(t, c, slices.Repeat([]webhook.NewEvent{{Type: "a.done"}}, 10)...)
			claims, _ := claim(t, s, done.ID, 10)
			for _, one := range claims {
				record(t, s, one, 200)
			}
		}
		s.SearchRows(5, 20)
		for _, of := range []struct {
			filter store.DeliveryFilter
			want   []webhook.ID // the webhooks of the deliveries
		}{
			{store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending}}, []webhook.ID{lined.ID, lined.ID, waits.ID, waits.ID}},
			{store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Held}}, []webhook.ID{held.ID}},
			{store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending}, WebhookIDs: []webhook.ID{waits.ID}}, []webhook.ID{waits.ID, waits.ID}},
			{
				store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending, webhook.Held, webhook.DeliveryFailed}},
				[]webhook.ID{lined.ID, lined.ID, fails.ID, held.ID, waits.ID, waits.ID},
			},
			{store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending, webhook.DeliveryFailed}, EventTypes: []string{"a.fails"}}, []webhook.ID{fails.ID}},
		} {
			l, err := c.Deliveries(t.Context(), of.filter, store.Page{First: 10})
			must(t, err)
			var got []webhook.ID
			for _, d := range l.Items {
				got = append(got, d.WebhookID)
			}
			if !slices.Equal(got, of.want) || l.HasNext || l.SearchedTo != nil {
				t.Errorf("%v: deliveries to %v, want %v; %+v", of.filter.Statuses, got, of.want, l)
			}
			if n, err := c.CountDeliveriesTo(t.Context(), of.filter, 10); err != nil || n != (store.Count{N: len(of.want)}) {
				t.Errorf("%v: counted %+v, %v", of.filter.Statuses, n, err)
			}
			facets, err := c.DeliveryFacets(t.Context(), of.filter, 10)
			if must(t, err); len(facets.Statuses) == 0 || facets.AtLeast {
				t.Errorf("%v: facets %+v", of.filter.Statuses, facets)
			}
		}
	})
}

// A page reads at most about its limit of payload bytes, however many rows that is, and the next page continues from there.
func TestPayloadsOfAPageAreBounded(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		large := json.RawMessage(`{"x":"` + strings.Repeat("y", 64<<10) + `"}`)
		for range 3 {
			events := make([]webhook.NewEvent, 10)
			for i := range events {
				events[i].Data = large
			}
			publish(t, c, events...)
		}
		s.SearchBytes(5 * 64 << 10)
		data := []filter.Data{{Path: "x", Equals: json.RawMessage(`"z"`)}}
		p, pages := store.Page{First: 10}, 0
		for more := true; more; pages++ {
			l, err := c.Events(t.Context(), store.EventFilter{Data: data}, p)
			must(t, err)
			more, p.After = l.HasNext, l.End
		}
		if pages < 3 || pages > 6 { // a portion of 4, one of 8, and so on
			t.Errorf("30 payloads were read in %d pages", pages)
		}
		of, err := c.DeliveriesOfWebhooks(t.Context(), []webhook.ID{w.ID}, store.DeliveryFilter{Data: data}, store.Page{First: 10})
		if must(t, err); !of[w.ID].HasNext || of[w.ID].SearchedTo == nil {
			t.Errorf("deliveries of a webhook: %+v", of[w.ID])
		}
		if n, err := c.CountEventsTo(t.Context(), store.EventFilter{Data: data}, 10); err != nil || !n.AtLeast {
			t.Errorf("counted %+v, %v", n, err)
		}
		if n, err := c.CountEvents(t.Context(), store.EventFilter{Data: []filter.Data{{Path: "x", Contains: new("yy")}}}); err != nil || n != 30 {
			t.Errorf("counted all: %v, %v", n, err)
		}
	})
}

// Attempts that were recorded late because the database was unavailable are in the range of the time at which they started.
func TestLateAttemptsAreInTheirRange(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		publish(t, c, make([]webhook.NewEvent, 5)...)
		claims, _ := claim(t, s, w.ID, 5)
		started := time.Now().Add(-20 * time.Minute)
		for i, one := range claims {
			record(t, s, one, 200, func(r *store.Result) { r.Attempt.StartedAt = started.Add(time.Duration(i) * time.Second) })
		}
		during := store.TimeRange{From: new(started.Add(-time.Minute)), To: new(started.Add(time.Minute))}
		if list := storetest.RowsOf[webhook.Attempt](t)(c.Attempts(t.Context(), store.AttemptFilter{StartedAt: during}, store.Page{First: 10})); len(list) != 5 {
			t.Errorf("%d of 5 attempts", len(list))
		}
	})
}

// Rows are found by a range of ids, the newest first, and only the tenant's: rows of others with such ids are skipped, up to a limit.
func TestRowsBetweenIDs(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		w := register(t, c, webhook.New{Enabled: true})
		register(t, other, webhook.New{Enabled: true})
		var events []webhook.ID
		for range 3 {
			events = append(events, publish(t, c, webhook.NewEvent{})[0].Event.ID)
			publish(t, other, webhook.NewEvent{})
		}
		low, high, ok := webhook.IDsBeginning(strings.Repeat("0", 8))
		if !ok {
			t.Fatal("no range")
		}
		for i := range high {
			high[i] = 0xff
		}
		found, err := c.EventsBetween(t.Context(), low, high, 2)
		if must(t, err); len(found) != 2 || found[0].ID.String() < found[1].ID.String() || found[0].TenantID != w.TenantID || found[1].TenantID != w.TenantID {
			t.Errorf("events: %+v", found)
		}
		deliveries, err := c.DeliveriesBetween(t.Context(), low, high, 10)
		if must(t, err); len(deliveries) != 3 || deliveries[0].TenantID != w.TenantID {
			t.Errorf("deliveries: %+v", deliveries)
		}
		hooks, err := c.WebhooksBetween(t.Context(), low, high, 10)
		if must(t, err); len(hooks) != 1 || hooks[0].ID != w.ID {
			t.Errorf("webhooks: %+v", hooks)
		}
		mine, err := s.Registry(&w.TenantID).TenantsBetween(t.Context(), low, high, 10)
		if must(t, err); len(mine) != 1 || mine[0].ID != w.TenantID {
			t.Errorf("tenants: %+v", mine)
		}
		one, err := c.EventsBetween(t.Context(), events[1], events[1], 10)
		if must(t, err); len(one) != 1 || one[0].ID != events[1] {
			t.Errorf("one event: %+v", one)
		}
	})
}

// A page from the cursor of an empty list has the rows that arrived since on the side of new rows, and none on the other side.
func TestPagesBesideAnEmptyList(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		made := publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
		for _, filter := range []store.EventFilter{{}, {Types: []string{"humanization.*"}}} {
			for p, want := range map[store.Page]string{
				{First: 5, After: store.BelowAll}: "0 true false", {Last: 5, Before: store.BelowAll}: "2 false false",
				{First: 5, Before: store.BelowAll}: "2 false false", {Last: 5, After: store.BelowAll}: "0 false false",
			} {
				l, err := c.Events(t.Context(), filter, p)
				if must(t, err); fmt.Sprint(len(l.Items), l.HasPrev, l.HasNext) != want {
					t.Errorf("%+v: %d, before it %v, after it %v; want %s", p, len(l.Items), l.HasPrev, l.HasNext, want)
				}
			}
		}
		claims, _ := claim(t, s, w.ID, 1)
		record(t, s, claims[0], 200)
		id := claims[0].Delivery.ID
		for p, want := range map[store.Page]int{{First: 5, After: store.BelowAll}: 1, {Last: 5, Before: store.BelowAll}: 0} {
			l, err := c.AttemptsOfDeliveries(t.Context(), []webhook.ID{id}, nil, p)
			if must(t, err); len(l[id].Items) != want {
				t.Errorf("attempts %+v: %d, want %d", p, len(l[id].Items), want)
			}
		}
		if made[0].Event == nil {
			t.Error("nothing was published")
		}
	})
}
