package egress

import (
	"sync"
	"sync/atomic"
)

// connections bounds the idle connections. net/http's own bound (MaxIdleConns) closes the one that has been idle for longest,
// and considers a connection idle while its answer is still on the way between two goroutines: under load, an attempt that the
// receiver has answered fails, and is repeated. Here, a connection that must not be kept is closed after its answer
// (Request.Close).
type connections struct {
	running atomic.Int64 // requests
	open    atomic.Int64

	mu    sync.Mutex     // guards hosts
	hosts map[string]int // open connections, by the host of the URL that they were made for
}

func (c *connections) add(host string) {
	c.open.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts == nil {
		c.hosts = map[string]int{}
	}
	c.hosts[host]++
}

func (c *connections) remove(host string) {
	c.open.Add(-1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts[host]--; c.hosts[host] == 0 {
		delete(c.hosts, host)
	}
}

// keep reports whether the connection of the next request to host may be kept after it. Once maxIdle are kept, a host without
// a connection keeps none: a busy host gets a place when one becomes free, and does not lose it to a host that is seldom used.
func (c *connections) keep(host string, maxIdle int64) bool {
	idle := c.open.Load() - c.running.Load()
	if idle < maxIdle {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return idle < 2*maxIdle && c.hosts[host] > 0
}
