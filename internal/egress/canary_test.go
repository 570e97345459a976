package egress

import (
	"context"
	"io"
	"log"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
)

var quiet = log.New(io.Discard, "", 0)

// canary listens on 127.0.0.1 and ::1, on one port, and counts connections, which it must never get.
type canary struct {
	port uint16
	hits atomic.Int64
}

func newCanary(t testing.TB) *canary {
	t.Helper()
	c := &canary{}
	v4, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.port = v4.Addr().(*net.TCPAddr).AddrPort().Port()
	listeners := []net.Listener{v4}
	if v6, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(int(c.port)))); err == nil {
		listeners = append(listeners, v6)
	}
	for _, l := range listeners {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				c.hits.Add(1)
				conn.Close()
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
	}
	return c
}

func (c *canary) url(t testing.TB, host string) *url.URL {
	t.Helper()
	return &url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(int(c.port))), Path: "/"}
}

func (c *canary) untouched(t testing.TB) {
	t.Helper()
	if n := c.hits.Load(); n != 0 {
		t.Errorf("the canary on loopback was connected to %d times", n)
	}
}

// answers is a Resolver that returns its answers in turn for any name, and then the last one forever.
type answers [][]netip.Addr

func (a answers) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return a[0], nil }
