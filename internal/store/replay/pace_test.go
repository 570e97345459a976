package replay_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// In any second, a replay with a rate makes no more deliveries due than the rate and one step, however long it had to wait before, and in
// the long run no fewer than nine tenths of it.
func TestRate(t *testing.T) {
	for _, rate := range []int{1, 7, 100, 5000, webhook.MaxReplayRate} {
		var p replay.Pace
		now := time.Unix(1_800_000_000, 0)
		begun, all := now, 0
		var made []time.Time
		for i := range 2000 {
			n := p.Allowed(&rate, nil, now)
			p.Took(n)
			all += n
			for range n {
				made = append(made, now)
			}
			wait := 5 * time.Millisecond
			if i == 1000 {
				wait = time.Hour // something kept it from going on
				if want := int(now.Sub(begun).Seconds() * float64(rate)); rate <= 5000 && all < want*9/10 {
					t.Errorf("rate %d: %d made in %s, want %d", rate, all, now.Sub(begun), want)
				}
			}
			now = now.Add(wait)
		}
		step := min(max(rate/20, 1), replay.StepRows)
		for from, to := 0, 0; to < len(made); to++ {
			for made[to].Sub(made[from]) >= time.Second {
				from++
			}
			if n := to - from + 1; n > rate+2*step {
				t.Fatalf("rate %d: %d made in a second", rate, n)
			}
		}
	}
}

// A replay waits while two seconds of its rate, or 2,000 without one, wait to be sent. A webhook counts for an eighth of that at most, and
// nothing is made due while 20,000 wait.
func TestAhead(t *testing.T) {
	waiting := func(each, webhooks int) map[webhook.ID]int {
		all := map[webhook.ID]int{}
		for i := range webhooks {
			all[webhook.ID{byte(i + 1)}] = each
		}
		return all
	}
	for _, test := range []struct {
		rate           *int
		each, webhooks int
		goesOn         bool
	}{
		{nil, 0, 0, true},
		{nil, 19_000, 1, true},
		{nil, 20_000, 1, false},
		{nil, 249, 8, false}, // no room for a step that is worth it
		{nil, 250, 8, false},
		{nil, 250, 4, true},
		{nil, 3000, 7, false},
		{new(100), 25, 7, true},
		{new(100), 25, 8, false},
		{new(100), 300, 7, true},
	} {
		var p replay.Pace
		now := time.Unix(1_800_000_000, 0)
		p.Allowed(test.rate, nil, now)
		if n := p.Allowed(test.rate, waiting(test.each, test.webhooks), now.Add(time.Second)); n > 0 != test.goesOn {
			t.Errorf("%+v: %d may be made due", test, n)
		}
	}
}
