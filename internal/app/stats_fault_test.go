package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// counted has numbers of a webhook, from statistics or from its deliveries and attempts.
type counted struct {
	Made, Succeeded, Failed, Owed int64
	Good, Bad, Answered, Us       int64
}

// checkStatistics compares statistics, after any kills, with a count of the stored rows: nothing is missing and nothing is counted twice (I18).
// Nothing may have been retried by hand or removed.
func checkStatistics(t *testing.T, s *store.Store, owner webhook.ID, recorded map[string]*owed) {
	t.Helper()
	want := map[webhook.ID]*counted{}
	for _, d := range recorded {
		is := want[d.WebhookID]
		if is == nil {
			is = &counted{}
			want[d.WebhookID] = is
		}
		is.Made++
		switch d.Status {
		case webhook.DeliverySucceeded:
			is.Succeeded++
		case webhook.DeliveryFailed:
			is.Failed++
		default:
			is.Owed++
		}
		for _, a := range d.attempts {
			is.Us += a.DurationUs
			if a.Status == webhook.AttemptSucceeded {
				is.Good++
			} else {
				is.Bad++
			}
			if a.ResponseStatus != nil {
				is.Answered++
			}
		}
	}
	for id, wanted := range want {
		of := s.In(owner).Stats(store.TimeRange{}, store.StatsFilter{WebhookIDs: []webhook.ID{id}})
		c, _, err := of.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		owed, err := of.Backlog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		is := counted{Made: c.Get(stats.Owed), Succeeded: c.Get(stats.Succeeded), Failed: c.Get(stats.Failed), Owed: owed.Due + owed.Held}
		is.Good, is.Bad = c.Attempts()
		is.Answered, is.Us = c.Statuses.Count(), c.Duration.Sum
		if diff := cmp.Diff(*wanted, is); diff != "" {
			t.Errorf("statistics of webhook %s (-stored +counted):\n%s", id, diff)
		}
	}
	events, err := s.In(owner).CountEvents(t.Context(), store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := s.In(owner).Stats(store.TimeRange{}, store.StatsFilter{}).Totals(t.Context())
	if err != nil || all.Get(stats.Events) != int64(events) || len(want) == 0 {
		t.Errorf("statistics have %d events, %d are stored, %v", all.Get(stats.Events), events, err)
	}
}
