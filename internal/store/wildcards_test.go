package store_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Lists of events, deliveries and attempts accept the wildcards of a webhook's events, alone and beside types, and match what
// webhook.MatchesType and the live stream match.
func TestWildcardsOfLists(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		w := register(t, c, webhook.New{Enabled: true})
		types := []string{"a", "a.b", "a.b.c", "A.b", "ab", "ab.c", "a_b.c"}
		for _, eventType := range types {
			e := webhook.NewEvent{Type: eventType, Data: json.RawMessage("1")}
			publish(t, c, e)
			publish(t, other, e)
		}
		claims, _ := claim(t, s, w.ID, 10)
		for _, one := range claims {
			record(t, s, one, 200)
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
			for _, e := range rowsOf[webhook.Event](t)(c.Events(t.Context(), store.EventFilter{Types: patterns}, store.Page{First: 100})) {
				events = append(events, e.Type)
			}
			same("events", events)
			for _, d := range rowsOf[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{EventTypes: patterns}, store.Page{First: 100})) {
				e, err := c.EventsByID(t.Context(), []webhook.ID{d.EventID})
				must(t, err)
				deliveries = append(deliveries, e[d.EventID].Type)
			}
			same("deliveries", deliveries)
			f := store.AttemptFilter{EventTypes: patterns}
			for _, a := range rowsOf[webhook.Attempt](t)(c.Attempts(t.Context(), f, store.Page{First: 100})) {
				if attempts = append(attempts, a.EventType); !live.Match(a.TenantID, &f, a) {
					t.Errorf("the stream of %q lacks %s", patterns, a.EventType)
				}
			}
			same("attempts", attempts)
			if n, err := c.CountEvents(t.Context(), store.EventFilter{Types: patterns}); err != nil || n != len(want) {
				t.Errorf("%q: %v events, %v", patterns, n, err)
			}
		}
	})
}

// rowsOf returns the rows of a page; an error fails the test.
func rowsOf[T any](tb testing.TB) func(l *store.List[T], err error) []*T {
	tb.Helper()
	return func(l *store.List[T], err error) []*T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return l.Items
	}
}
