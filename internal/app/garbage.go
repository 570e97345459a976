package app

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcPercent lets the heap grow to three times the live heap: most memory lives as long as one request, and with Go's default of
	// 100 a delivery takes 10 % more CPU time.
	gcPercent = 200
	// softMemory is the Go memory beyond which garbage is collected more often than gcPercent says.
	softMemory = 128 << 20
	// otherMemory is the memory beside the live heap: stacks, the runtime, and the smallest amount of garbage.
	otherMemory = 48 << 20
)

// collectGarbage sets the pace of garbage collection for the life of the process: seldom below softMemory, more often above it.
// A quarter of the live heap is always allowed as garbage, and some more, so a server that needs more memory gets it and does not spend its
// time on collection. GOGC and GOMEMLIMIT in the environment take precedence.
func collectGarbage(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for was := int64(0); ; time.Sleep(time.Second) {
		metrics.Read(live)
		if limit := memoryLimit(live[0].Value.Uint64()); limit != was {
			debug.SetMemoryLimit(limit)
			was = limit
		}
	}
}

// memoryLimit returns the soft limit for a live heap of the given size.
func memoryLimit(live uint64) int64 {
	in := int64(min(live, math.MaxInt64/4))
	return max(softMemory, in+in/4+otherMemory)
}
