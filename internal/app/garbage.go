package app

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// gcPercent lets the heap grow to three times the live heap: most memory lives as long as one request, and with Go's default of
	// 100 a delivery takes 10 % more CPU time.
	gcPercent = 200
	// softMemory is the Go memory beyond which garbage is collected more often than gcPercent says.
	softMemory = 84 << 20
	// ownShare is the part of a container's limit that Go may use. SQLite, the program and the kernel's buffers take the rest.
	ownShare = 0.8
	// containerInterval is how often the container's limit is looked up: it can be changed while the process runs.
	containerInterval = time.Minute
	// restAfter is how long no garbage must have been collected until memory is given back to the system. Go itself keeps what its next
	// collection would need: after a burst, or the start with many webhooks, twice what is in use.
	restAfter = time.Minute
	// otherMemory is the memory beside the live heap and the stacks: the runtime, and the smallest amount of garbage.
	otherMemory = 40 << 20
)

// collectGarbage sets the pace of garbage collection for the life of the process: seldom below softMemory, more often above it.
// Half of what is in use is always allowed as garbage, and some more, so a server that needs more memory gets it and does not spend its
// time on collection. Stacks are in use, too: a thousand watchers have 30 MB of them, which would otherwise count as garbage. In a container
// garbage is collected as often as needed to stay below its limit. GOGC and GOMEMLIMIT in the environment take precedence.
func collectGarbage(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	container := memlimit.ApplyFallback(memlimit.ApplyRatio(memlimit.FromCgroup, ownShare), memlimit.Limit(math.MaxInt64))
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/cycles/automatic:gc-cycles"}}
	most, looked := uint64(math.MaxInt64), time.Time{}
	var resting rest
	for was := int64(0); ; time.Sleep(time.Second) {
		if time.Since(looked) >= containerInterval {
			most, _ = container() // it falls back
			looked = time.Now()
		}
		metrics.Read(used)
		if limit := memoryLimit(used[0].Value.Uint64(), used[1].Value.Uint64(), most); limit != was {
			debug.SetMemoryLimit(limit)
			was = limit
		}
		if resting.begins(used[2].Value.Uint64(), time.Now()) {
			debug.FreeOSMemory()
		}
	}
}

// rest notices that the process has become idle.
type rest struct {
	cycles uint64 // of garbage collection
	since  time.Time
	over   bool // it has been noticed
}

// begins reports whether the process has collected garbage, and then none for restAfter. The cycle that the runtime forces every two minutes is not counted.
func (r *rest) begins(cycles uint64, now time.Time) bool {
	if cycles != r.cycles {
		*r = rest{cycles: cycles, since: now}
	}
	if r.over || now.Sub(r.since) < restAfter {
		return false
	}
	r.over = true
	return true
}

// memoryLimit returns the soft limit for a live heap and stacks of the given sizes, at most the given number of bytes.
func memoryLimit(live, stacks, most uint64) int64 {
	in := int64(min(live, math.MaxInt64/8) + min(stacks, math.MaxInt64/8))
	return min(max(softMemory, in+in/2+otherMemory), int64(min(most, math.MaxInt64)))
}
