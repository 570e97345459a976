package stats

import (
	"testing"
)

// A total is the sum of what was added, also of the tenants that are counted by themselves, which are no more than was asked for. Reading it does
// not hold back, and is not changed by, what is added later.
func TestTotal(t *testing.T) {
	total := &Total{Tenants: 2}
	var d Delta
	var seen Seen
	for round := range 3 {
		d.Reset()
		seen.Reset()
		for n := range byte(4) {
			k := Key{Tenant: Tenant{n}, Webhook: int64(n) + 1, Type: "a.b"}
			d.Owed(k, 1)
			d.Attempted(k, Attempt{Succeeded: n%2 == 0, Error: Timeout, Status: 200, DurationUs: 1000 * int64(n+1)})
		}
		seen.Retries++
		seen.Arrival.Add(int64(50_000 * (round + 1)))
		total.Add(&d, &seen)
	}
	all, tenants := total.Read()
	if succeeded, failed := all.Attempts(); succeeded != 6 || failed != 6 || all.Get(Failures(Timeout)) != 6 || all.Get(Owed) != 12 {
		t.Errorf("%d succeeded, %d failed", succeeded, failed)
	}
	if all.Retries != 3 || all.Arrival.Sum != 300_000 || all.Duration.Bins.Count() != 12 {
		t.Errorf("%+v", all)
	}
	if len(tenants) != 2 {
		t.Errorf("%d tenants are counted by themselves", len(tenants))
	}
	for id, of := range tenants {
		if of.Get(Owed) != 3 {
			t.Errorf("tenant %x has %d", id, of.Get(Owed))
		}
	}
	total.Add(&d, &seen)
	if all.Get(Owed) != 12 || all.Duration.Bins.Count() != 12 {
		t.Error("what was read has changed")
	}
}

// The number of durations up to a bound is exact for those that are not within 2.5 % of it.
func TestUpTo(t *testing.T) {
	var h Histogram
	for _, us := range []int64{0, 90, 900, 2000, 20_000, 4_000_000, 40_000_000} {
		h.Add(us)
	}
	upTo, all := h.UpTo([]float64{100, 1000, 2500, 1e6, 5e6})
	if want := []int64{2, 3, 4, 5, 6}; all != 7 || len(upTo) != len(want) || upTo[0] != 2 || upTo[1] != 3 || upTo[2] != 4 || upTo[3] != 5 || upTo[4] != 6 {
		t.Errorf("%v of %d; want %v", upTo, all, want)
	}
}
