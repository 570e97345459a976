package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// row is a row of any list.
type row struct {
	id  webhook.ID
	seq int64
}

// anyList is a list that is read page by page: its rows, whether there are more on either side, and where pages before and after it begin.
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

// Paged through forwards or backwards, with pages of any size and searches that end after any number of rows, while rows arrive: every
// list has each row that was there at the beginning and that its filter keeps, once, in the list's order, whatever pages are
// short or empty; and it comes to an end.
func TestSearchedPagesAreComplete(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		hooks := []*webhook.Webhook{
			register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}}), register(t, c, webhook.New{Enabled: true, Events: []string{"a.b", "a.c"}}),
			register(t, c, webhook.New{Enabled: true}), register(t, c, webhook.New{Enabled: true, Events: []string{"z.z"}}),
		}
		foreign := tenant(t, s, "b")
		register(t, foreign, webhook.New{Enabled: true})
		kinds := []string{"a.b", "a.c", "a.c", "a.d"}
		var events []*webhook.Event
		arrive := func(n int) {
			for i := range n {
				publish(t, foreign, webhook.NewEvent{Type: "a.b"})
				e := webhook.NewEvent{Type: kinds[(len(events)+i)%len(kinds)], Data: json.RawMessage(fmt.Sprintf(`{"odd":%v}`, len(events)%2 == 1))}
				if len(events)%3 == 0 {
					e.Tags = []string{"x"}
				}
				events = append(events, publish(t, c, e)[0].Event)
			}
		}
		arrive(12)
		recordAll(t, s, hooks[:1], 500)
		recordAll(t, s, hooks[1:2], 200)
		if err := c.DeleteWebhook(t.Context(), hooks[3].ID); err != nil {
			t.Fatal(err)
		}
		odd := []webhook.DataFilter{{Path: "odd", Equals: json.RawMessage("true")}}
		event := asRows(func(e *webhook.Event) (webhook.ID, int64) { return e.ID, e.Seq })
		delivery := asRows(func(d *webhook.Delivery) (webhook.ID, int64) { return d.ID, d.Seq })
		attempt := asRows(func(a *webhook.Attempt) (webhook.ID, int64) { return a.ID, a.Seq })
		hook := asRows(func(w *webhook.Webhook) (webhook.ID, int64) { return w.ID, w.Seq })
		lists := map[string]anyList{
			"webhooks": func(p store.Page) ([]row, bool, bool, int64, int64, error) {
				return hook(c.Webhooks(t.Context(), store.WebhookFilter{EventType: "a.c"}, p))
			},
		}
		for i, f := range []store.EventFilter{{}, {Types: []string{"a.c"}}, {Types: []string{"a.b", "a.d"}}, {Types: manyTypes(30)}, {CreatedAt: lastHour}, {Tags: []string{"x"}}, {Data: odd, Types: []string{"a.c", "a.d"}}} {
			if len(f.Types) == 30 {
				f.Types = append(f.Types, "a.d")
			}
			lists[fmt.Sprint("events ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) { return event(c.Events(t.Context(), f, p)) }
		}
		two := []webhook.ID{hooks[0].ID, hooks[2].ID}
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
			{Data: odd},
			{Data: odd, WebhookIDs: two},
			{Errors: []webhook.ErrorCode{webhook.ErrorHTTPStatus}},
			{HTTPStatuses: []store.IntRange{{From: new(200), To: new(299)}}, WebhookIDs: two},
			{CompletedAt: lastHour},
			{NextAttemptAt: store.TimeRange{From: new(time.Now().Add(-time.Hour))}},
		} {
			lists[fmt.Sprint("deliveries ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
				return delivery(c.Deliveries(t.Context(), f, p))
			}
			lists[fmt.Sprint("deliveries of a webhook ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
				found, err := c.DeliveriesOfWebhooks(t.Context(), []webhook.ID{hooks[1].ID, hooks[2].ID}, f, p)
				return delivery(found[hooks[2].ID], err)
			}
			lists[fmt.Sprint("deliveries of an event ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
				found, err := c.DeliveriesOfEvents(t.Context(), []webhook.ID{events[0].ID, events[1].ID}, f, p)
				return delivery(found[events[0].ID], err)
			}
		}
		for i, f := range []store.AttemptFilter{
			{},
			{Statuses: []webhook.AttemptStatus{webhook.AttemptFailed}},
			{EventTypes: []string{"a.b"}},
			{WebhookIDs: two},
			{Errors: []webhook.ErrorCode{webhook.ErrorHTTPStatus}},
			{EventIDs: []webhook.ID{events[0].ID, events[4].ID}},
			{StartedAt: lastHour, Statuses: []webhook.AttemptStatus{webhook.AttemptSucceeded}},
		} {
			lists[fmt.Sprint("attempts ", i)] = func(p store.Page) ([]row, bool, bool, int64, int64, error) {
				return attempt(c.Attempts(t.Context(), f, p))
			}
		}
		names := make([]string, 0, len(lists))
		whole := map[string][]row{}
		for name := range lists {
			names = append(names, name)
		}
		slices.Sort(names)
		empty := 0
		rapid.Check(t.T, func(rt *rapid.T) {
			name := rapid.SampledFrom(names).Draw(rt, "list")
			list := lists[name]
			s.SearchRows(20_000, 20_000)
			rows, _, _, _, _, err := list(store.Page{First: 100})
			if err != nil {
				rt.Fatal(err)
			}
			whole[name] = rows
			first := rapid.IntRange(1, 7).Draw(rt, "first stretch")
			s.SearchRows(first, rapid.IntRange(first, 12).Draw(rt, "rows of a search"))
			back := rapid.Bool().Draw(rt, "backwards")
			var got []row
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
					break
				}
				if len(page) == 0 {
					empty++
				}
				if place == 0 || place == p.After+p.Before {
					rt.Fatalf("%s: no way to go on from %+v", name, p)
				}
				if p.After = place; back {
					p.After, p.Before = 0, place
				}
				if len(events) < 60 && rapid.IntRange(0, 9).Draw(rt, "arriving") == 0 {
					arrive(1)
				}
			}
			kept := slices.DeleteFunc(slices.Clone(got), func(r row) bool { return !slices.Contains(rows, r) })
			if !slices.Equal(kept, rows) {
				rt.Fatalf("%s, backwards %v:\n got %v\nwant %v", name, back, kept, rows)
			}
		})
		found := 0
		for _, rows := range whole {
			found += len(rows)
		}
		if empty == 0 || found == 0 {
			t.Errorf("%d pages were empty, %d rows were found: nothing was searched", empty, found)
		}
	})
}
