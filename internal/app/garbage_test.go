package app

import (
	"math"
	"testing"
)

// The limit is low as long as little is in use, and always leaves half as much room for garbage as is in use.
func TestMemoryLimit(t *testing.T) {
	for _, live := range []uint64{0, 1 << 20, 48 << 20, 65 << 20, 1 << 30, math.MaxUint64} {
		limit := memoryLimit(live)
		if limit < softMemory || live <= 48<<20 && limit != softMemory || live < math.MaxInt64 && uint64(limit) < live+live/2 {
			t.Errorf("%d with %d in use", limit, live)
		}
	}
}
