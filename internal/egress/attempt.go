package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// stage is the progress of an attempt.
type stage int32

const (
	stageStart stage = iota
	stageDNS
	stageConnect
	stageTLS
	stageAnswer // connected: the request is being written or its answer awaited
	stages
)

func (s stage) String() string {
	switch s {
	case stageDNS:
		return "looking up the host name"
	case stageConnect:
		return "connecting to the receiver"
	case stageTLS:
		return "waiting for the TLS handshake"
	case stageAnswer:
		return "waiting for the receiver's answer"
	}
	return "waiting for a connection"
}

// attempt is one Do: its context, its request's body, and what its trace has seen. It is itself the context, so that
// the dialer finds it with one allocation less on the hot path.
//
// It must not be pooled: after a request has failed or found another connection, the transport continues to dial, and its
// goroutines may still call the hooks or read the body. Fields that they touch are atomic.
type attempt struct {
	context.Context

	host     string    // of the URL, see present
	identity *Identity // nil: none
	addr     string    // with an identity, that of the receiver
	start    time.Time
	deadline time.Time
	trace    httptrace.ClientTrace
	body     bytes.Reader

	at        [stages]atomic.Int64 // when a stage was first reached, in ns after start; 0: not reached
	firstByte atomic.Int64         // ns after start; 0: not come

	made atomic.Pointer[tls.Conn] // a connection that speaks HTTP/2, for the transport

	// Written by the attempt's goroutine, on which the transport calls GotConn before RoundTrip returns.
	conn   *conn
	reused bool
}

type attemptKey struct{}

func (a *attempt) Value(key any) any {
	if key == (attemptKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// since is the time after start, never 0.
func (a *attempt) since() int64 { return max(1, int64(time.Since(a.start))) }

func (a *attempt) reach(s stage) { a.at[s].CompareAndSwap(0, a.since()) }

// stage returns the last stage reached.
func (a *attempt) stage() stage {
	for s := stages - 1; s > stageStart; s-- {
		if a.at[s].Load() != 0 {
			return s
		}
	}
	return stageStart
}

func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	a.has(info.Conn, info.Reused)
}

// has notes the connection that the request is sent over.
func (a *attempt) has(c net.Conn, reused bool) {
	a.reach(stageAnswer)
	a.reused = reused
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	a.conn, _ = c.(*conn)
}

func (a *attempt) gotFirstByte() { a.firstByte.CompareAndSwap(0, a.since()) }

// timings returns the durations of the phases. If there is a connection, DNS, Connect and TLS are that connection's: the
// transport may give an attempt a connection that another one dialed.
func (a *attempt) timings() Timings {
	total := a.since()
	t := Timings{Total: time.Duration(total)}
	if a.conn == nil {
		t.DNS, t.Connect, t.TLS = a.until(stageDNS, total), a.until(stageConnect, total), a.until(stageTLS, total)
		return t
	}
	if !a.reused {
		t.DNS, t.Connect, t.TLS = a.conn.dns, a.conn.connect, a.conn.tls
	}
	if first := a.firstByte.Load(); first != 0 {
		t.FirstByte = time.Duration(first - a.at[stageAnswer].Load())
	}
	return t
}

// until returns the time from reaching s to reaching the next stage, or to end.
func (a *attempt) until(s stage, end int64) time.Duration {
	from := a.at[s].Load()
	if from == 0 {
		return 0
	}
	if next := a.at[s+1].Load(); next != 0 {
		end = next
	}
	return time.Duration(end - from)
}
