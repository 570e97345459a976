package app

import (
	"math"
	"testing"
	"time"
)

// The limit is low while little is in use, and always leaves room for garbage: half of what is in use, stacks included.
func TestMemoryLimit(t *testing.T) {
	sizes := []uint64{0, 1 << 20, 24 << 20, 48 << 20, 65 << 20, 1 << 30, math.MaxUint64}
	for _, live := range sizes {
		for _, stacks := range sizes {
			limit := memoryLimit(live, stacks, math.MaxInt64)
			if limit < softMemory {
				t.Errorf("%d with %d and %d in use", limit, live, stacks)
			}
			if live >= math.MaxInt64 || stacks >= math.MaxInt64 {
				continue
			}
			if in := live + stacks; in <= 29<<20 && limit != softMemory || uint64(limit) < in+in/2 {
				t.Errorf("%d with %d and %d in use", limit, live, stacks)
			}
		}
	}
}

// In a container the limit is its, as soon as more would be in use.
func TestMemoryLimitInContainer(t *testing.T) {
	for _, test := range []struct{ live, most, want uint64 }{
		{1 << 20, 1 << 30, softMemory},
		{400 << 20, 1 << 30, (600 << 20) + otherMemory},
		{1 << 30, 1 << 30, 1 << 30},
		{1 << 20, 64 << 20, 64 << 20},
		{1 << 20, math.MaxUint64, softMemory},
	} {
		if limit := memoryLimit(test.live, 0, test.most); uint64(limit) != test.want {
			t.Errorf("%d in use of at most %d: %d, want %d", test.live, test.most, limit, test.want)
		}
	}
}

// Memory is given back once for each time that the process becomes idle.
func TestRest(t *testing.T) {
	var r rest
	for i, step := range []struct {
		after  time.Duration
		cycles uint64
		begins bool
	}{
		{0, 5, false},
		{restAfter - 1, 5, false},
		{restAfter, 5, true},
		{restAfter, 5, false},
		{100 * restAfter, 5, false},
		{0, 6, false},
		{restAfter - 1, 7, false},
		{restAfter - 1, 7, false},
		{restAfter, 7, true},
		{restAfter, 7, false},
	} {
		now := r.since.Add(step.after)
		if i == 0 {
			now = time.Now()
		}
		if got := r.begins(step.cycles, now); got != step.begins {
			t.Errorf("step %d: %v, want %v", i, got, step.begins)
		}
	}
}
