package app

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// network forwards connections to a server while it is up.
type network struct {
	address string
	refused chan struct{} // gets a value for each connection refused while the network is down

	mu     sync.Mutex // guards what follows
	isDown bool
	open   map[net.Conn]bool
}

func newNetwork(t *testing.T, server string) *network {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{address: l.Addr().String(), refused: make(chan struct{}, 1024), open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); n.cut() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if !n.add(conn) {
				_ = conn.Close()
				select {
				case n.refused <- struct{}{}:
				default:
				}
				continue
			}
			go n.pass(conn, server)
		}
	}()
	return n
}

func (n *network) add(conn net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.isDown {
		n.open[conn] = true
	}
	return !n.isDown
}

func (n *network) pass(from net.Conn, server string) {
	defer from.Close()
	to, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", server)
	if err != nil {
		return
	}
	defer to.Close()
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, from)
}

// cut closes all connections.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for conn := range n.open {
		_ = conn.Close()
	}
}

// down refuses connections until up. It returns after the given number of refusals.
func (n *network) down(t *testing.T, refused int) {
	t.Helper()
	n.mu.Lock()
	n.isDown = true
	n.mu.Unlock()
	n.cut()
	for range refused {
		select {
		case <-n.refused:
		case <-time.After(2 * time.Minute):
			t.Fatal("nobody reconnects")
		}
	}
}

func (n *network) up() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.isDown = false
}
