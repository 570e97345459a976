package stats

import (
	"math"
	"slices"
	"sync"
)

// Total sums what was counted since the process started, of everything, and of some tenants. The zero value counts no tenants by themselves. It is
// safe for concurrent use.
type Total struct {
	// Tenants is how many tenants are counted by themselves: those that have something to count first. It must not change.
	Tenants int

	mu      sync.Mutex // guards what follows
	sums    Sums
	tenants map[Tenant]*Sums
}

// Sums are the counts of a Total.
type Sums struct {
	Counts

	Retries int64     // attempts after a delivery's first
	Arrival Histogram // times from publishing to the receiver's first response
}

// Seen is what a transaction has counted beside its Delta. The zero value is empty.
type Seen struct {
	Retries int64
	Arrival Histogram
}

// Reset empties it, and keeps its memory for reuse.
func (s *Seen) Reset() { *s = Seen{Arrival: Histogram{Bins: s.Arrival.Bins[:0]}} }

// Add adds what a transaction has counted.
func (t *Total) Add(d *Delta, seen *Seen) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range d.entries {
		t.sums.Merge(&e.Counts)
		if t.Tenants > 0 {
			if of := t.of(e.key.Tenant); of != nil {
				of.Merge(&e.Counts)
			}
		}
	}
	t.sums.Retries += seen.Retries
	t.sums.Arrival.Merge(&seen.Arrival)
}

// of returns the tenant's sums; nil if it is not counted by itself. The caller must hold mu.
func (t *Total) of(tenant Tenant) *Sums {
	of := t.tenants[tenant]
	if of == nil && len(t.tenants) < t.Tenants {
		if t.tenants == nil {
			t.tenants = map[Tenant]*Sums{}
		}
		of = &Sums{}
		t.tenants[tenant] = of
	}
	return of
}

// Read returns the sums so far, and those of the tenants that are counted by themselves. They are copies.
func (t *Total) Read() (all Sums, tenants map[Tenant]Sums) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tenants = make(map[Tenant]Sums, len(t.tenants))
	for id, of := range t.tenants {
		tenants[id] = of.clone()
	}
	return t.sums.clone(), tenants
}

func (s *Sums) clone() Sums {
	c := *s
	c.Statuses, c.Duration, c.Latency, c.Arrival = slices.Clone(s.Statuses), s.Duration.Clone(), s.Latency.Clone(), s.Arrival.Clone()
	return c
}

// Clone returns a copy.
func (h *Histogram) Clone() Histogram { return Histogram{Sum: h.Sum, Bins: slices.Clone(h.Bins)} }

// UpTo returns how many durations are at most as long as each bound, which ascend and are in microseconds, and the number of all. A bin counts where its
// middle is, which is within 2.5 % of its durations.
func (h *Histogram) UpTo(bounds []float64) (upTo []int64, all int64) {
	upTo = make([]int64, len(bounds))
	for i, bound := range bounds {
		for _, b := range h.Bins {
			if valueOf(b.I) > math.Nextafter(bound, math.Inf(1)) {
				break
			}
			upTo[i] += b.N
		}
	}
	return upTo, h.Bins.Count()
}
