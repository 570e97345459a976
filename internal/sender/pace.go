package sender

import (
	"context"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"
)

// Requests that wait for a processor rather than for a receiver bring no speed: thousands of them delay each other and the rest of
// the process, above all publishers' transactions. The pace limits quick requests in flight by how long goroutines wait for a
// processor: it shrinks while that is longer than paceDelay, and grows while it is shorter and the pace holds something back. Slow
// requests mostly wait for their receivers, in thousands; of them the pace limits those that have begun since it was last adapted
// and have not ended, so fast responses of unknown webhooks hold nothing back. A tenant without a request in flight is never held
// back: the processors are busy with others.
const (
	paceEvery = 50 * time.Millisecond
	paceDelay = 2 * time.Millisecond
	paceStart = 512
	paceFloor = 32 // for each processor: enough to keep it busy, even with receivers on the same machine
)

// SchedulingDelay returns a function that returns the 90th percentile of the time that goroutines have waited for a processor
// since its previous call. The function must not be called concurrently.
func SchedulingDelay() func() time.Duration {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	var before []uint64
	return func() time.Duration {
		metrics.Read(sample)
		h := sample[0].Value.Float64Histogram()
		total := uint64(0)
		since := make([]uint64, len(h.Counts))
		for i, n := range h.Counts {
			since[i] = n
			if before != nil {
				since[i] -= before[i]
			}
			total += since[i]
		}
		before = append(before[:0], h.Counts...)
		rest := total / 10
		for i, n := range slices.Backward(since) {
			if n > rest {
				return time.Duration(h.Buckets[i] * float64(time.Second)) // the bucket's lower bound; the first may be -Inf
			}
			rest -= n
		}
		return 0
	}
}

// keepPace adapts the pace until ctx ends.
func (s *Sender) keepPace(ctx context.Context) {
	tick := time.NewTicker(paceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		delay := s.cfg.Delay()
		s.mu.Lock()
		s.adapt(delay)
		s.dispatch(s.cfg.Now()) //nolint:contextcheck // attempts outlive Run's context by the grace
		s.mu.Unlock()
	}
}

// adapt sets the pace by the delay since its previous call. The caller must hold s.mu.
func (s *Sender) adapt(delay time.Duration) {
	paced := s.paced
	s.begun, s.paced = 0, false
	s.period++
	least := min(s.cfg.Concurrency, paceFloor*runtime.GOMAXPROCS(0))
	switch used := min(s.pace, s.quick); {
	case delay > 4*paceDelay:
		s.pace = max(least, used/2)
	case delay > paceDelay:
		s.pace = max(least, used-used/8)
	case !paced:
	case delay > paceDelay/2:
		s.pace = min(s.cfg.Concurrency, s.pace+s.pace/32+1)
	default:
		s.pace = min(s.cfg.Concurrency, s.pace+s.pace/4+1)
	}
}
