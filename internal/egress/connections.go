package egress

import (
	"sync"
	"sync/atomic"
)

// connections counts the open connections, and bounds the idle ones. net/http's own bound (MaxIdleConns) closes the one that has been idle
// for longest, and considers a connection idle while its answer is still on the way between two goroutines: under load, an attempt that
// the receiver has answered fails, and is repeated. Here, a connection that must not be kept is closed after its answer
// (Request.Close).
type connections struct {
	running atomic.Int64 // requests
	open    atomic.Int64

	mu    sync.Mutex                 // guards hosts
	hosts map[string]hostConnections // that have open connections, by the host of the URL that these were made for
}

// hostConnections counts a host's open connections, and those of them that speak HTTP/2.
type hostConnections struct{ all, http2 int }

func (c *connections) add(host string) {
	c.open.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts == nil {
		c.hosts = map[string]hostConnections{}
	}
	n := c.hosts[host]
	n.all++
	c.hosts[host] = n
}

// negotiated notes that a connection which has been added speaks HTTP/2.
func (c *connections) negotiated(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.hosts[host]
	n.http2++
	c.hosts[host] = n
}

func (c *connections) remove(host string, http2 bool) {
	c.open.Add(-1)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.hosts[host]
	n.all--
	if http2 {
		n.http2--
	}
	if n.all == 0 {
		delete(c.hosts, host)
		return
	}
	c.hosts[host] = n
}

// http2 reports whether a connection to the host speaks HTTP/2.
func (c *connections) http2(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hosts[host].http2 > 0
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
	return idle < 2*maxIdle && c.hosts[host].all > 0
}
