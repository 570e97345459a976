package quota

import (
	"sync"
	"time"
)

// bucket is a token bucket. golang.org/x/time's cannot be used, because tokens cannot be returned to it.
type bucket struct {
	mu          sync.Mutex // guards what follows
	rate, burst float64    // events a second, and at most
	left        float64
	at          time.Time // the time that left is for
}

func (k *bucket) set(rate, burst float64, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fill(now); k.burst == 0 {
		k.left = burst
	}
	k.rate, k.burst, k.left = rate, burst, min(k.left, burst)
}

// fill adds what has accrued since at. The caller must hold mu.
func (k *bucket) fill(now time.Time) {
	if passed := now.Sub(k.at); passed > 0 {
		if k.burst > 0 {
			k.left = min(k.burst, k.left+k.rate*passed.Seconds())
		}
		k.at = now
	}
}

// take takes n events, or returns how long to wait until it can.
func (k *bucket) take(n int, now time.Time) (wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fill(now)
	if missing := float64(n) - k.left; missing > 0 {
		return max(1, time.Duration(missing/k.rate*float64(time.Second)))
	}
	k.left -= float64(n)
	return 0
}

func (k *bucket) giveBack(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = min(k.burst, k.left+float64(n))
}
