package app

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcPercent lets the heap grow to three times of what is in use: most memory is needed for one request, and with Go's 100 a
	// delivery takes a tenth more of processor time.
	gcPercent = 200
	// softMemory is what the Go part of the program may use before garbage is collected more often than gcPercent says.
	softMemory = 128 << 20
	// otherMemory is used beside the heap, by stacks and the runtime itself, and by the least of garbage that there may be.
	otherMemory = 48 << 20
)

// collectGarbage says when garbage is collected, for as long as the process lives: seldom, while there is little of it, and more
// often from softMemory on. To keep memory low costs processor time, so there may always be half as much garbage as there is in use: a
// server that needs more gets it, and does not spend its time on collecting. GOGC and GOMEMLIMIT in the environment count instead.
func collectGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
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

// memoryLimit is the soft limit when so many bytes of the heap are in use.
func memoryLimit(live uint64) int64 {
	in := int64(min(live, math.MaxInt64/4))
	return max(softMemory, in+in/2+otherMemory)
}
