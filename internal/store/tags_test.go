package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A page of events with a tag, and of the deliveries of few events with one, is read without a search, however many other events
// there are: the first page has the oldest event, and counts are exact.
func TestRareTagsAreFound(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		register(t, c, webhook.New{Enabled: true})
		register(t, other, webhook.New{Enabled: true})
		var want webhook.ID
		for i := range 60 {
			e := webhook.NewEvent{Tags: []string{"often"}}
			if i == 0 {
				e.Tags = []string{"often", "rare", "seldom"}
			}
			if stored := publish(t, c, e)[0].Event; i == 0 {
				want = stored.ID
			}
			publish(t, other, webhook.NewEvent{Tags: []string{"rare", "foreign"}})
		}
		s.SearchRows(2, 4) // a search reads so few rows
		for _, tags := range [][]string{{"rare"}, {"seldom", "rare", "absent"}, {"rare", "rare", "foreign"}} {
			l, err := c.Events(t.Context(), store.EventFilter{Tags: tags}, store.Page{First: 10})
			if must(t, err); len(l.Items) != 1 || l.Items[0].ID != want || l.HasNext {
				t.Errorf("events with %v: %+v", tags, l)
			}
			n, err := c.CountEventsTo(t.Context(), store.EventFilter{Tags: tags}, 10)
			if must(t, err); n != (store.Count{N: 1}) {
				t.Errorf("%+v events with %v", n, tags)
			}
			f := store.DeliveryFilter{Tags: tags}
			found, err := c.Deliveries(t.Context(), f, store.Page{First: 10})
			if must(t, err); len(found.Items) != 1 || found.Items[0].EventID != want || found.HasNext {
				t.Errorf("deliveries with %v: %+v", tags, found)
			}
			if n, err = c.CountDeliveriesTo(t.Context(), f, 10); err != nil || n != (store.Count{N: 1}) {
				t.Errorf("%+v deliveries with %v, %v", n, tags, err)
			}
			facets, err := c.DeliveryFacets(t.Context(), f, 10)
			if must(t, err); len(facets.EventTypes) != 1 || facets.EventTypes[0].N != 1 || facets.AtLeast {
				t.Errorf("facets of %v: %+v", tags, facets)
			}
			preview, err := c.PreviewReplay(t.Context(), &store.ReplayInput{Kind: webhook.ReplayAll, Filter: f})
			if must(t, err); preview.N > 1 || preview.AtLeast {
				t.Errorf("a replay of %v: %+v", tags, preview)
			}
		}
		for _, tags := range [][]string{{"foreign"}, {"absent"}, {"\x00"}} {
			l, err := c.Events(t.Context(), store.EventFilter{Tags: tags}, store.Page{First: 10})
			found, failed := c.Deliveries(t.Context(), store.DeliveryFilter{Tags: tags}, store.Page{First: 10})
			must(t, failed)
			if must(t, err); len(l.Items)+len(found.Items) != 0 || l.HasNext || found.HasNext {
				t.Errorf("with %v: %+v, %+v", tags, l, found)
			}
			facets, err := c.DeliveryFacets(t.Context(), store.DeliveryFilter{Tags: tags}, 10)
			if must(t, err); len(facets.EventTypes) != 0 {
				t.Errorf("facets of %v: %+v", tags, facets)
			}
		}
	})
}

// Pages of a frequent tag, and of several that events have together, have each event once, in order, in both directions.
func TestPagesOfTags(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		var all []webhook.ID // with a tag, newest first
		for i := range 70 {
			e := webhook.NewEvent{Tags: [][]string{nil, {"x"}, {"y", "x"}, {"z"}}[i%4]}
			if stored := publish(t, c, e)[0].Event; i%4 == 1 || i%4 == 2 {
				all = append([]webhook.ID{stored.ID}, all...)
			}
		}
		for _, tags := range [][]string{{"x"}, {"x", "y"}, {"y", "x", "none"}} {
			var down, up []webhook.ID
			p := store.Page{First: 7}
			for more := true; more; {
				l, err := c.Events(t.Context(), store.EventFilter{Tags: tags}, p)
				must(t, err)
				for _, e := range l.Items {
					down = append(down, e.ID)
				}
				more, p.After = l.HasNext, l.End
			}
			p = store.Page{Last: 7}
			for more := true; more; {
				l, err := c.Events(t.Context(), store.EventFilter{Tags: tags}, p)
				must(t, err)
				var part []webhook.ID
				for _, e := range l.Items {
					part = append(part, e.ID)
				}
				up = append(part, up...)
				more, p.Before = l.HasPrev, l.Start
			}
			if fmt.Sprint(down) != fmt.Sprint(all) || fmt.Sprint(up) != fmt.Sprint(all) {
				t.Errorf("%v: %d events down, %d up, want %d", tags, len(down), len(up), len(all))
			}
		}
	})
}

// A list of deliveries that began at few events continues where it was when more events have the tag, however the tag is spelled.
func TestPagesOutliveFewTags(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		f := store.DeliveryFilter{Tags: []string{`é "quoted" \ <b>`}}
		more := func(n int) {
			for range n {
				publish(t, c, webhook.NewEvent{Tags: f.Tags})
			}
		}
		more(18)
		first, err := c.Deliveries(t.Context(), f, store.Page{First: 7})
		must(t, err)
		more(10)
		rest, err := c.Deliveries(t.Context(), f, store.Page{First: 100, After: first.End})
		must(t, err)
		seen := map[webhook.ID]bool{}
		for _, d := range append(first.Items, rest.Items...) {
			seen[d.ID] = true
		}
		if len(first.Items) != 7 || len(rest.Items) != 11 || len(seen) != 18 || !rest.HasPrev || rest.HasNext {
			t.Errorf("%d and %d deliveries, %d different, want 7, 11, 18: %+v", len(first.Items), len(rest.Items), len(seen), rest)
		}
		all, err := c.Events(t.Context(), store.EventFilter{Tags: f.Tags}, store.Page{First: 100})
		if must(t, err); len(all.Items) != 28 {
			t.Errorf("%d events, want 28", len(all.Items))
		}
	})
}

// An event's tags go with it, by retention and with its tenant. An event without tags stores nothing for them.
func TestTagsGoWithTheirEvents(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Retention: webhook.Retention{Keep: time.Hour}})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		rows := func(want int64) {
			t.Helper()
			if n, err := s.Count("event_tags"); n != want || err != nil {
				t.Errorf("%d tags are stored, want %d, %v", n, want, err)
			}
		}
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
		rows(0)
		published := make([]webhook.NewEvent, 100)
		for i := range published {
			published[i] = webhook.NewEvent{Tags: []string{"a", "b", "b"}, Data: json.RawMessage("1")}
		}
		publish(t, c, published...)
		publish(t, other, webhook.NewEvent{Tags: []string{"a"}})
		rows(201)
		must(t, s.Registry(nil).DeleteTenant(t.Context(), other.Tenant()))
		must(t, s.SweepTenant(t.Context(), other.Tenant()))
		rows(200)
		if _, err := s.Prune(t.Context(), time.Now().Add(25*time.Hour)); err != nil {
			t.Fatal(err)
		}
		rows(0)
	})
}
