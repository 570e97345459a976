package storetest

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// What was recorded at or after a time comes after its place in the log, and what was recorded before does not.
func testAttemptBefore(t *Suite) {
	var clock Clock
	s := t.Open(t, store.Options{Now: clock.Now})
	c := Tenant(t, s, "a")
	if seq, err := s.AttemptBefore(t.Context(), time.Now()); seq != 0 || err != nil {
		t.Errorf("an empty log: %d, %v", seq, err)
	}
	w := Register(t, c, webhook.New{Enabled: true})
	Publish(t, c, make([]webhook.NewEvent, 7)...)
	claims, _ := Claim(t, s, w.ID, 10)
	for _, claimed := range claims {
		Record(t, s, claimed, 200)
		clock.Forward(time.Second) // ids of another millisecond
	}
	attempts, _, err := s.AttemptLog(t.Context(), w.TenantID, store.AttemptFilter{}, 0, 10)
	if err != nil || len(attempts) != 7 {
		t.Fatalf("%d attempts, %v", len(attempts), err)
	}
	for _, a := range attempts {
		before := int64(0)
		for _, earlier := range attempts { // on PostgreSQL, with the database's clock, two may be of one millisecond
			if earlier.ID.Time().UnixMilli() < a.ID.Time().UnixMilli() {
				before = earlier.Seq
			}
		}
		for _, at := range []time.Time{a.ID.Time(), a.ID.Time().Add(999 * time.Microsecond), a.ID.Time().In(time.FixedZone("", 3600))} {
			if seq, err := s.AttemptBefore(t.Context(), at); seq != before || err != nil {
				t.Errorf("%v: %d, %v, want %d", at, seq, err, before)
			}
		}
	}
	newest := attempts[6].Seq
	for at, want := range map[time.Time]int64{{}: 0, time.Now().Add(time.Hour): newest} {
		if seq, err := s.AttemptBefore(t.Context(), at); seq != want || err != nil {
			t.Errorf("%v: %d, %v, want %d", at, seq, err, want)
		}
	}
}

// Attempts are found by their error and their trigger, as by any other field.
func testAttemptFilters(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true})
	Publish(t, c, webhook.NewEvent{}, webhook.NewEvent{}, webhook.NewEvent{})
	claims, _ := Claim(t, s, w.ID, 10)
	Record(t, s, claims[0], 200)
	Record(t, s, claims[1], 500)
	Record(t, s, claims[2], 500, func(r *store.Result) {
		r.Attempt.Error, r.Attempt.Trigger = new(webhook.ErrorTimeout), webhook.TriggerManual
	})
	for _, test := range []struct {
		filter store.AttemptFilter
		want   int
	}{
		{store.AttemptFilter{Errors: []webhook.ErrorCode{webhook.ErrorTimeout}}, 1},
		{store.AttemptFilter{Errors: []webhook.ErrorCode{webhook.ErrorTimeout, webhook.ErrorHTTPStatus, webhook.ErrorDNS}}, 2},
		{store.AttemptFilter{Errors: []webhook.ErrorCode{webhook.ErrorDNS}}, 0},
		{store.AttemptFilter{Triggers: []webhook.Trigger{webhook.TriggerSchedule}}, 2},
		{store.AttemptFilter{Triggers: []webhook.Trigger{webhook.TriggerManual, webhook.TriggerReplay}}, 1},
	} {
		if n, err := c.CountAttempts(t.Context(), test.filter); n != test.want || err != nil {
			t.Errorf("%+v: %d, %v, want %d", test.filter, n, err, test.want)
		}
	}
}
