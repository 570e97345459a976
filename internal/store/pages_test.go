package store_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// row is a row of any list.
type row struct {
	id  webhook.ID
	seq int64
}

// anyList is one page of any list: its rows, whether there are more on either side, and the cursors of the pages before and after it.
type anyList func(p store.Page) (rows []row, prev, next bool, start, end int64, err error)

func asRows[T any](id func(*T) (webhook.ID, int64)) func(l *store.List[T], err error) ([]row, bool, bool, int64, int64, error) {
	return func(l *store.List[T], err error) ([]row, bool, bool, int64, int64, error) {
		if err != nil || l == nil {
			return nil, false, false, 0, 0, err
		}
		var rows []row
		for _, item := range l.Items {
			id, seq := id(item)
			rows = append(rows, row{id, seq})
		}
		return rows, l.HasPrev, l.HasNext, l.Start, l.End, nil
	}
}

// Read forwards or backwards, with pages of any size and searches that end after any number of rows, while rows arrive, every list has each row
// that existed at the beginning and that its filter keeps, once and in order, even if pages are short or empty; and the list ends.
func TestSearchedPagesAreComplete(t *testing.T) {
	each(t, func(t *suite) {
		h := newSearched(t)
		lists := h.lists(t)
		names := slices.Sorted(maps.Keys(lists))
		whole := map[string][]row{}
		webhooktest.Checks(t, 100)
		look := func(rt *rapid.T, name string, first, most int, back bool) {
			h.s.SearchRows(20_000, 20_000)
			rows, _, _, _, _, err := lists[name](store.Page{First: 100})
			if err != nil {
				rt.Fatal(err)
			}
			whole[name] = rows
			h.s.SearchRows(first, most)
			got := h.pageThrough(t, rt, name, lists[name], back)
			kept := slices.DeleteFunc(slices.Clone(got), func(r row) bool { return !slices.Contains(rows, r) })
			if !slices.Equal(kept, rows) {
				rt.Fatalf("%s, backwards %v:\n got %v\nwant %v", name, back, kept, rows)
			}
		}
		rapid.Check(t.T, func(rt *rapid.T) {
			if len(whole) == 0 { // each list once, with searches that often find nothing, whatever is drawn
				for _, name := range names {
					look(rt, name, 1, 4, false)
				}
			}
			first := rapid.IntRange(1, 7).Draw(rt, "first stretch")
			look(rt, rapid.SampledFrom(names).Draw(rt, "list"), first, rapid.IntRange(first, 12).Draw(rt, "rows of a search"), rapid.Bool().Draw(rt, "backwards"))
		})
		found := 0
		for _, rows := range whole {
			found += len(rows)
		}
		if h.empty == 0 || found == 0 {
			t.Errorf("%d pages were empty, %d rows were found: nothing was searched", h.empty, found)
		}
	})
}

// searched is a tenant's history, to which events are added while it is read.
type searched struct {
	s          *store.Store
	c, foreign *store.Scope
	hooks      []*webhook.Webhook
	events     []*webhook.Event
	foreignID  webhook.ID
	empty      int // pages that had no row, and others after them
}

func newSearched(t *suite) *searched {
	t.Helper()
	s := t.Open(t, store.Options{})
	h := &searched{s: s, c: tenant(t, s, "a"), foreign: tenant(t, s, "b")}
	h.hooks = []*webhook.Webhook{
		register(t, h.c, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}}), register(t, h.c, webhook.New{Enabled: true, Events: []string{"a.b", "a.c"}}),
		register(t, h.c, webhook.New{Enabled: true}), register(t, h.c, webhook.New{Enabled: true, Events: []string{"z.z"}}),
	}
	h.foreignID = register(t, h.foreign, webhook.New{Enabled: true}).TenantID
	h.arrive(t, 12)
	recordAll(t, s, h.hooks[:1], 500)
	recordAll(t, s, h.hooks[1:2], 200)
	must(t, h.c.DeleteWebhook(t.Context(), h.hooks[3].ID))
	return h
}

// arrive publishes n events, and as many of the other tenant.
func (h *searched) arrive(t *suite, n int) {
	t.Helper()
	kinds := []string{"a.b", "a.c", "a.c", "a.d"}
	for i := range n {
		publish(t, h.foreign, webhook.NewEvent{Type: "a.b"})
		e := webhook.NewEvent{Type: kinds[(len(h.events)+i)%len(kinds)], Data: json.RawMessage(fmt.Sprintf(`{"odd":%v}`, len(h.events)%2 == 1))}
		if len(h.events)%3 == 0 {
			e.Tags = []string{"x"}
		}
		h.events = append(h.events, publish(t, h.c, e)[0].Event)
	}
}

// oddData is a condition on the data of events.
var oddData = []filter.Data{{Path: "odd", Equals: json.RawMessage("true")}}

// lists is every list with every kind of filter, by name.
func (h *searched) lists(t *suite) map[string]anyList {
	t.Helper()
	hook := asRows(func(w *webhook.Webhook) (webhook.ID, int64) { return w.ID, w.Seq })
	event := asRows(func(e *webhook.Event) (webhook.ID, int64) { return e.ID, e.Seq })
	lists := map[string]anyList{
		"webhooks": func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			return hook(h.c.Webhooks(t.Context(), store.WebhookFilter{EventType: new("a.c")}, p))
		},
	}
	for i, f := range []store.EventFilter{{}, {Types: []string{"a.c"}}, {Types: []string{"a.b", "a.d"}}, {Types: manyTypes(30)}, {CreatedAt: lastHour}, {Tags: []string{"x"}}, {Data: oddData, Types: []string{"a.c", "a.d"}}} {
		if len(f.Types) == 30 {
			f.Types = append(f.Types, "a.d")
		}
		lists[fmt.Sprint("events ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			return event(h.c.Events(t.Context(), f, p))
		}
	}
	h.addDeliveries(t, lists)
	h.addAttempts(t, lists)
	h.addEveryone(t, lists)
	return lists
}

// addEveryone adds the lists of both tenants, side by side and together.
func (h *searched) addEveryone(t *suite, lists map[string]anyList) {
	t.Helper()
	event := asRows(func(e *webhook.Event) (webhook.ID, int64) { return e.ID, e.Seq })
	delivery := asRows(func(d *webhook.Delivery) (webhook.ID, int64) { return d.ID, d.Seq })
	all, of := h.s.Everyone(), []webhook.ID{h.events[0].TenantID, h.foreignID}
	for i, f := range []store.EventFilter{{}, {Types: []string{"a.b"}}, {Tags: []string{"x"}}, {Data: oddData, CreatedAt: lastHour}} {
		lists[fmt.Sprint("events of everyone ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			return event(all.Events(t.Context(), f, p))
		}
		lists[fmt.Sprint("events of tenants ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			found, err := all.EventsOfTenants(t.Context(), of, f, p)
			return event(found[of[i%2]], err)
		}
	}
	for i, f := range []store.DeliveryFilter{{}, {Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}}, {EventTypes: []string{"a.b"}}, {Data: oddData}} {
		lists[fmt.Sprint("deliveries of everyone ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			return delivery(all.Deliveries(t.Context(), f, p))
		}
		lists[fmt.Sprint("deliveries of tenants ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			found, err := all.DeliveriesOfTenants(t.Context(), of, f, p)
			return delivery(found[of[0]], err)
		}
	}
}

// addDeliveries adds the lists of deliveries: of all, of a webhook and of an event.
func (h *searched) addDeliveries(t *suite, lists map[string]anyList) {
	t.Helper()
	delivery := asRows(func(d *webhook.Delivery) (webhook.ID, int64) { return d.ID, d.Seq })
	hooks, events, two := h.hooks, h.events, []webhook.ID{h.hooks[0].ID, h.hooks[2].ID}
	for i, f := range []store.DeliveryFilter{
		{},
		{Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}},
		{Statuses: []webhook.DeliveryStatus{webhook.DeliverySucceeded, webhook.DeliveryFailed}},
		{WebhookIDs: two},
		{WebhookIDs: two, EventTypes: []string{"a.b"}},
		{EventTypes: []string{"a.b", "a.d"}},
		{EventIDs: []webhook.ID{events[0].ID, events[5].ID}},
		{WebhookIDs: two, Statuses: []webhook.DeliveryStatus{webhook.Pending}},
		{CreatedAt: lastHour, EventTypes: []string{"a.c"}},
		{Tags: []string{"x", "y"}},
		{Data: oddData},
		{Data: oddData, WebhookIDs: two},
		{Errors: []webhook.ErrorCode{webhook.ErrorHTTPStatus}},
		{HTTPStatuses: []store.IntRange{{From: new(200), To: new(299)}}, WebhookIDs: two},
		{CompletedAt: lastHour},
		{NextAttemptAt: store.TimeRange{From: new(time.Now().Add(-time.Hour))}},
		{Statuses: []webhook.DeliveryStatus{webhook.Pending, webhook.Held}},
		{Statuses: []webhook.DeliveryStatus{webhook.Pending, webhook.DeliveryFailed}, CreatedAt: lastHour},
		{Statuses: []webhook.DeliveryStatus{webhook.Pending, webhook.Held, webhook.DeliveryFailed}, Data: oddData},
	} {
		lists[fmt.Sprint("deliveries ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			return delivery(h.c.Deliveries(t.Context(), f, p))
		}
		lists[fmt.Sprint("deliveries of a webhook ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			found, err := h.c.DeliveriesOfWebhooks(t.Context(), []webhook.ID{hooks[1].ID, hooks[2].ID}, f, p)
			return delivery(found[hooks[2].ID], err)
		}
		lists[fmt.Sprint("deliveries of an event ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			found, err := h.c.DeliveriesOfEvents(t.Context(), []webhook.ID{events[0].ID, events[1].ID}, f, p)
			return delivery(found[events[0].ID], err)
		}
	}
}

// addAttempts adds the lists of attempts.
func (h *searched) addAttempts(t *suite, lists map[string]anyList) {
	t.Helper()
	attempt := asRows(func(a *webhook.Attempt) (webhook.ID, int64) { return a.ID, a.Seq })
	for i, f := range []store.AttemptFilter{
		{},
		{Statuses: []webhook.AttemptStatus{webhook.AttemptFailed}},
		{EventTypes: []string{"a.b"}},
		{WebhookIDs: []webhook.ID{h.hooks[0].ID, h.hooks[2].ID}},
		{Errors: []webhook.ErrorCode{webhook.ErrorHTTPStatus}},
		{EventIDs: []webhook.ID{h.events[0].ID, h.events[4].ID}},
		{StartedAt: lastHour, Statuses: []webhook.AttemptStatus{webhook.AttemptSucceeded}},
	} {
		lists[fmt.Sprint("attempts ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
			return attempt(h.c.Attempts(t.Context(), f, p))
		}
	}
}

// pageThrough reads a list to its end, in pages of any size, while events arrive.
func (h *searched) pageThrough(t *suite, rt *rapid.T, name string, list anyList, back bool) (got []row) {
	t.Helper()
	p := store.Page{}
	for pages := 0; ; pages++ {
		size := rapid.IntRange(1, 5).Draw(rt, "size")
		if p.First, p.Last = size, 0; back {
			p.First, p.Last = 0, size
		}
		page, prev, next, start, end, err := list(p)
		if err != nil {
			rt.Fatal(err)
		}
		if len(page) > size || pages > 500 {
			rt.Fatalf("%s: page %d has %d rows of %d", name, pages, len(page), size)
		}
		more, place := next, end
		if back {
			got, more, place = append(slices.Clone(page), got...), prev, start
		} else {
			got = append(got, page...)
		}
		if !more {
			return got
		}
		if len(page) == 0 {
			h.empty++
		}
		if place == 0 || place == p.After+p.Before {
			rt.Fatalf("%s: no way to go on from %+v", name, p)
		}
		if p.After = place; back {
			p.After, p.Before = 0, place
		}
		if len(h.events) < 60 && rapid.IntRange(0, 9).Draw(rt, "arriving") == 0 {
			h.arrive(t, 1)
		}
	}
}
