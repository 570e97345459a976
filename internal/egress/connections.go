package egress

import (
	"sync"
	"sync/atomic"
)

// connections bounds how many connections are kept. net/http's own bound (MaxIdleConns) closes the one that was idle for
// longest, and takes one for idle whose answer is still on its way from the goroutine that has read it to the one that waits
// for it: under load an attempt fails that the receiver has answered, and is made again. Here a connection that is not to
// be kept is closed after its answer (Request.Close).
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

// keep reports whether the connection of a request that is about to be made may be kept after it. When so many are idle
// already, hosts that have none get none: who is sent to often gets a place when one becomes free, and does not lose it
// to a host that is seldom sent to.
func (c *connections) keep(host string, maxIdle int64) bool {
	idle := c.open.Load() - c.running.Load()
	if idle < maxIdle {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return idle < 2*maxIdle && c.hosts[host] > 0
}
