package app

import (
	"math"
	"testing"
)

// The limit is low while the live heap is small, and always leaves room for a quarter of the live heap as garbage.
func TestMemoryLimit(t *testing.T) {
	for _, live := range []uint64{0, 1 << 20, 48 << 20, 65 << 20, 1 << 30, math.MaxUint64} {
		limit := memoryLimit(live)
		if limit < softMemory || live <= 48<<20 && limit != softMemory || live < math.MaxInt64 && uint64(limit) < live+live/4 {
			t.Errorf("%d with %d in use", limit, live)
		}
	}
}
