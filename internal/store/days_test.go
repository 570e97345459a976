package store_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
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

// A change of one delivery, or some, reads the partitions of their days only, however many days there are.
func TestDeliveriesAreFoundByDay(t *testing.T) {
	p := openPast(t, store.Options{URL: webhooktest.Postgres(t)})
	c := tenant(t, p.Store, "a")
	w, gone := register(t, c, webhook.New{Enabled: true, Events: []string{"sent"}, RetryScheduleMs: []int{0, 0}}), register(t, c, webhook.New{Enabled: true, Events: []string{"gone"}})
	for days := range 20 {
		must(t, p.MakeDay(t.Context(), p.now.AddDate(0, 0, -days)))
	}
	p.daysAgo.Store(10)
	defer p.daysAgo.Store(0)
	publish(t, c, webhook.NewEvent{Type: "sent"}, webhook.NewEvent{Type: "sent"}, webhook.NewEvent{Type: "gone"}, webhook.NewEvent{Type: "gone"})
	p.send(t, w, 200)
	p.send(t, w, 500)
	claims, _ := claim(t, p.Store, w.ID, 1) // again
	plans := p.Plans()
	id := claims[0].Delivery.ID
	must(t, errOf(c.RetryDelivery(t.Context(), id))) // while it runs, which restarts its schedule
	record(t, p.Store, claims[0], 500)
	must(t, errOf(c.RetryDelivery(t.Context(), id)))
	must(t, errOf(c.CancelDelivery(t.Context(), id)))
	must(t, errOf(c.TestWebhook(t.Context(), w.ID, nil)))
	must(t, errOf(p.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour))))
	must(t, errOf(c.RetryDelivery(t.Context(), storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{gone.ID}}, store.Page{First: 1})).ID)))
	if n, err := p.CancelDeliveriesOf(t.Context(), gone); n != 1 || err != nil {
		t.Errorf("%d deliveries are canceled, want 1, %v", n, err)
	}
	changes := 0
	for text, plan := range plans(t) {
		days := map[string]bool{}
		for _, found := range regexp.MustCompile(`deliveries_(\d{8})`).FindAllStringSubmatch(plan, -1) {
			days[found[1]] = true
		}
		if !strings.HasPrefix(text, "UPDATE deliveries") {
			continue // an id tells when the delivery was made, usually with its event; what is due has an index in each partition
		}
		if changes++; len(days) != 1 {
			t.Errorf("%s looks in %d days:\n%s", text, len(days), plan)
		}
	}
	if changes < 6 {
		t.Errorf("%d statements that change deliveries were seen", changes)
	}
}

// The events of a deleted tenant that have no deliveries are found by the index of each event's deliveries. PostgreSQL has no choice: while it
// has no statistics of a day, it took a join of 512 events with all deliveries of the day for less.
func TestDeletedTenantIsSweptWithoutStatistics(t *testing.T) {
	s := openPast(t, store.Options{URL: webhooktest.Postgres(t)}).Store
	c := tenant(t, s, "gone")
	publish(t, c, make([]webhook.NewEvent, 100)...)
	must(t, s.Registry(nil).DeleteTenant(t.Context(), c.Tenant()))
	plans := s.Plans()
	must(t, s.SweepTenant(t.Context(), c.Tenant()))
	looked := 0
	for text, plan := range plans(t) {
		if !strings.HasPrefix(text, "SELECT id FROM events WHERE events.id IN") {
			continue
		}
		if looked++; !strings.Contains(plan, "SubPlan") || !strings.Contains(plan, "(event_id = events.id)") || strings.Contains(plan, "Join") {
			t.Errorf("%s\n%s", text, plan)
		}
	}
	if looked == 0 {
		t.Error("no statement that finds events without deliveries was seen")
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

// A list of a time range finds every row that was made then, though PostgreSQL looks for the range's ends only in the days around them: a replay of
// kind MISSING makes deliveries that belong to the days of events which are much older.
func TestRangesFindRowsOfOldDays(t *testing.T) {
	p := openPast(t, store.Options{URL: webhooktest.Postgres(t)})
	c := tenant(t, p.Store, "a")
	first := register(t, c, webhook.New{Enabled: true})
	for _, when := range []struct {
		ago    int64
		replay int // events that the replay sends to a new webhook; 0: events are published instead
	}{{30, 0}, {29, 0}, {12, 0}, {11, 6}, {7, 0}, {5, 8}, {2, 0}, {0, 10}} {
		if when.replay == 0 {
			p.publishAgo(t, c, first, when.ago, 200, 500)
			continue
		}
		p.daysAgo.Store(when.ago)
		later := register(t, c, webhook.New{Enabled: true})
		in := missing(later, store.DeliveryFilter{})
		_, err := c.CreateReplay(t.Context(), &in)
		must(t, err)
		rest := webhooktest.Upkeep(t, p.Store)
		webhooktest.Eventually(t, "the replay makes its deliveries", func() bool {
			n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{later.ID}})
			return err == nil && n == when.replay
		})
		rest()
	}
	list := func(f store.DeliveryFilter) []*webhook.Delivery {
		return storetest.RowsOf[webhook.Delivery](t)(c.Deliveries(t.Context(), f, store.Page{First: 100}))
	}
	all := list(store.DeliveryFilter{})
	for from := -1; from <= 31; from++ {
		for _, days := range []int{1, 3, 40} {
			end := p.now.AddDate(0, 0, -from).Add(time.Hour)
			begin := end.AddDate(0, 0, -days)
			want := 0
			for _, d := range all {
				if !d.CreatedAt.Before(begin) && d.CreatedAt.Before(end) {
					want++
				}
			}
			if got := len(list(store.DeliveryFilter{CreatedAt: store.TimeRange{From: &begin, To: &end}})); got != want {
				t.Errorf("%d days up to %d days ago: %d deliveries, want %d", days, from, got, want)
			}
		}
	}
}
