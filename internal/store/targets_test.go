package store_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Targets has every webhook, and when its next delivery is due; to find that out it scans no table, and looks only at webhooks that have
// deliveries.
func TestTargets(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		plans := s.Plans()
		check := func(want map[webhook.ID]bool) {
			t.Helper()
			list, err := s.Targets(t.Context())
			must(t, err)
			if len(list) != len(want) {
				t.Errorf("%d webhooks, want %d", len(list), len(want))
			}
			for _, one := range list {
				is, ok := want[one.Target.ID]
				if !ok || is != (one.Due != nil) || is && time.Until(*one.Due).Abs() > time.Hour {
					t.Errorf("webhook %s is due at %v, want %v", one.Target.ID, one.Due, is)
				}
			}
		}
		check(map[webhook.ID]bool{})
		a, b := tenant(t, s, "a"), tenant(t, s, "b")
		hooks := []*webhook.Webhook{
			register(t, a, webhook.New{Enabled: true, Events: []string{"x"}}), register(t, a, webhook.New{Enabled: true, Events: []string{"none"}}),
			register(t, b, webhook.New{Enabled: true, Events: []string{"x"}}), register(t, b, webhook.New{Enabled: false, Events: []string{"x"}}),
			register(t, b, webhook.New{Enabled: true, Events: []string{"none"}}),
		}
		want := map[webhook.ID]bool{}
		for _, w := range hooks {
			want[w.ID] = false
		}
		check(want)
		for _, c := range []*store.Scope{a, b} {
			publish(t, c, webhook.NewEvent{Type: "x"}, webhook.NewEvent{Type: "x"})
		}
		want[hooks[0].ID], want[hooks[2].ID], want[hooks[3].ID] = true, true, true
		check(want)
		claims, _ := claim(t, s, hooks[0].ID, 2)
		record(t, s, claims[0], 200)
		want[hooks[0].ID] = false // the other is claimed
		check(want)
		must(t, s.Unclaim(t.Context(), claims[1:]))
		want[hooks[0].ID] = true
		check(want)
		must(t, b.DeleteWebhook(t.Context(), hooks[2].ID))
		delete(want, hooks[2].ID)
		check(want)
		looked := 0
		for text, plan := range plans(t) {
			if strings.Contains(text, "due_at") {
				looked++
			}
			if strings.Contains(plan, "Seq Scan on deliveries") || strings.Contains(plan, "SCAN d\n") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s\n%s", text, plan)
			}
		}
		if looked == 0 {
			t.Error("no statement looked for what is due")
		}
	})
}

// Clocks that are seconds apart are told once, and once when they agree again, however many transactions there are. A transaction that waited
// for long does not show that they agree.
func TestClocksApartAreTold(t *testing.T) {
	said := &logged{Handler: slog.DiscardHandler}
	var clocks store.Clocks
	const apart, agree = "the clocks of this host and of the database differ; synchronize them", "the clocks of this host and of the database agree again"
	at := time.Now()
	for i, step := range []struct {
		took, ahead  time.Duration
		apart, agree int // how often it was told until then
	}{
		{0, 0, 0, 0},
		{0, 4 * time.Second, 0, 0},
		{0, time.Minute, 1, 0},
		{0, time.Minute, 1, 0},
		{2 * time.Minute, time.Minute, 1, 0},
		{0, 4 * time.Second, 1, 0},
		{0, time.Second, 1, 1},
		{0, 4 * time.Second, 1, 1},
		{0, -time.Minute, 2, 1},
		{0, 0, 2, 2},
	} {
		clocks.Compare(slog.New(said), at, at.Add(step.took), at.Add(step.took/2-step.ahead))
		if a, b := said.count(apart), said.count(agree); a != step.apart || b != step.agree {
			t.Errorf("step %d: told %d times that clocks differ, %d that they agree, want %d and %d", i, a, b, step.apart, step.agree)
		}
	}
}

// A replica reports the difference while it works, once.
func TestReplicaTellsOfItsClock(t *testing.T) {
	said, clock := &logged{Handler: slog.DiscardHandler}, &storetest.Clock{}
	s, err := store.Open(t.Context(), store.Options{URL: webhooktest.Postgres(t), MasterKeys: [][]byte{webhooktest.MasterKey}, Logger: slog.New(said), Now: clock.Now})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	c := tenant(t, s, "a")
	for i, ahead := range []time.Duration{0, -time.Minute, -time.Minute, 0} {
		clock.Ahead(ahead)
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		if n := said.count("the clocks of this host and of the database differ; synchronize them"); n != min(i, 1) {
			t.Errorf("after %d transactions it was told %d times", i+1, n)
		}
	}
}

// A transaction that waits, or takes long to begin, says nothing of the clocks; what is left beyond that, from a second on, does.
func TestClocksOfTransactions(t *testing.T) {
	asked := time.Now()
	for name, test := range map[string]struct {
		took, told, want time.Duration // since it was asked for; told is the database's time
	}{
		"at once":                 {0, 0, 0},
		"after a wait":            {10 * time.Second, 10 * time.Second, 0},
		"before a wait":           {10 * time.Second, 0, 0},
		"half a second apart":     {0, -500 * time.Millisecond, 0},
		"an hour ahead":           {time.Millisecond, -time.Hour, time.Hour},
		"an hour behind":          {time.Millisecond, time.Hour + time.Millisecond, -time.Hour},
		"ahead, and after a wait": {10 * time.Second, -time.Minute, time.Minute},
	} {
		if got := store.AheadOf(asked, asked.Add(test.took), asked.Add(test.told)); got != test.want {
			t.Errorf("%s: %v ahead, want %v", name, got, test.want)
		}
	}
}
