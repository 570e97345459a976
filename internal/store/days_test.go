package store_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Retention drops a whole day if all its deliveries are completed. Otherwise it removes the day's completed events; pending or held
// deliveries stay, and once they are completed the day is dropped too.
func TestOldDaysAreDropped(t *testing.T) {
	p := openPast(t, store.Options{URL: webhooktest.Postgres(t)})
	c := tenant(t, p.Store, "a")
	w, held := register(t, c, webhook.New{Enabled: true, Events: []string{"sent"}}), register(t, c, webhook.New{Enabled: true, Events: []string{"held"}})
	if _, _, err := c.UpdateWebhook(t.Context(), held.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil); err != nil {
		t.Fatal(err)
	}
	done, owed := p.now.AddDate(0, 0, -10), p.now.AddDate(0, 0, -9)
	for _, day := range []time.Time{done, owed} {
		must(t, p.MakeDay(t.Context(), day))
	}
	p.daysAgo.Store(10)
	publish(t, c, webhook.NewEvent{Type: "sent", IdempotencyKey: "key"}, webhook.NewEvent{Type: "sent"})
	publish(t, c, webhook.NewEvent{Type: "nobody"})
	p.send(t, w, 200, 200)
	_, last, err := p.AttemptBounds(t.Context(), webhook.ID{})
	must(t, err)
	p.daysAgo.Store(9)
	publish(t, c, webhook.NewEvent{Type: "sent"})
	p.send(t, w, 200)
	publish(t, c, webhook.NewEvent{Type: "sent"}, webhook.NewEvent{Type: "held"})
	p.daysAgo.Store(0)
	publish(t, c, webhook.NewEvent{Type: "sent"})
	p.partitions(t, done, 3)

	p.prune(t, "at first", 4)
	p.partitions(t, done, 0)
	p.partitions(t, owed, 3)
	if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != 3 || err != nil {
		t.Errorf("%d events are left, want 3 (%v)", n, err)
	}
	if oldest, _, err := p.AttemptBounds(t.Context(), webhook.ID{}); oldest <= last || err != nil {
		t.Errorf("the log is said to be whole from %d on, and what was up to %d is gone (%v)", oldest, last, err)
	}
	if again := publish(t, c, webhook.NewEvent{Type: "other", IdempotencyKey: "key"})[0]; again.Err != nil || again.Duplicate {
		t.Errorf("the key of an event that is gone: %+v", again)
	}
	p.prune(t, "again", 0)

	p.send(t, w, 200, 200)
	if _, _, err := c.UpdateWebhook(t.Context(), held.ID, webhook.Patch{Enabled: webhook.Some(true)}, nil); err != nil {
		t.Fatal(err)
	}
	p.send(t, held, 200)
	p.prune(t, "when nothing is owed", 2)
	p.partitions(t, owed, 0)
	p.partitions(t, p.now, 3)
}

// prune removes events older than five days, and checks their number.
func (p past) prune(t *testing.T, when string, want int) {
	t.Helper()
	if n, err := p.Prune(t.Context(), time.Now().AddDate(0, 0, -5)); n != want || err != nil {
		t.Errorf("%s: %d events went, want %d (%v)", when, n, want, err)
	}
}

// partitions checks the number of a day's partitions.
func (p past) partitions(t *testing.T, when time.Time, want int) {
	t.Helper()
	if n, err := p.HasDay(t.Context(), when); n != want || err != nil {
		t.Errorf("%s has %d partitions, want %d (%v)", when.Format(time.DateOnly), n, want, err)
	}
}

// Removing the events of a deleted tenant reads the partitions of one day at a time, however many days there are.
func TestDeletedTenantIsSweptByDay(t *testing.T) {
	p := openPast(t, store.Options{URL: webhooktest.Postgres(t)})
	s := p.Store
	c := tenant(t, s, "gone")
	w := register(t, c, webhook.New{Enabled: true})
	for days := range int64(4) {
		p.daysAgo.Store(9 - days)
		must(t, p.MakeDay(t.Context(), p.now.AddDate(0, 0, -int(9-days))))
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{IdempotencyKey: "key"})
		p.send(t, w, 200)
	}
	p.daysAgo.Store(0)
	gone, err := s.TenantByName(t.Context(), "gone")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Registry(nil).DeleteTenant(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	plans := s.Plans()
	if err := s.SweepTenant(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	explained := plans(t)
	if rows, err := s.RowsOf(t.Context(), gone.ID); err != nil || rows["events"]+rows["deliveries"]+rows["attempts"]+rows["idempotency_keys"] > 0 {
		t.Errorf("left: %v, %v", rows, err)
	}
	deletes := map[string]bool{}
	for text, plan := range explained {
		partition := `(?:events|deliveries|attempts)_(\d{8})`
		switch {
		case strings.HasPrefix(text, "SELECT created_at FROM events"):
			continue // finds the day
		case strings.Contains(text, "AS size FROM events"):
			partition = `events_(\d{8})` // each finds its deliveries in its own day, which the plan cannot say
		}
		days := map[string]bool{}
		for _, found := range regexp.MustCompile(partition).FindAllStringSubmatch(plan, -1) {
			days[found[1]] = true
		}
		if len(days) > 1 {
			t.Errorf("%s looks in %d days:\n%s", text, len(days), plan)
		}
		if rest, ok := strings.CutPrefix(text, "DELETE FROM "); ok && len(days) == 1 {
			deletes[strings.Fields(rest)[0]] = true
		}
	}
	if len(deletes) != 3 {
		t.Errorf("rows were deleted by day of %v, want events, deliveries and attempts", deletes)
	}
}
