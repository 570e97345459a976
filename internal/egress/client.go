// Package egress is the only way out: an HTTP client that sends requests to the addresses that the operator allows, and to no
// other, whatever the URL, the DNS answer or the receiver's response says. It knows nothing about webhooks, signatures or
// retries.
//
// The decision is made where the connection is made, on the address that the kernel gets (see dialer.control). ValidateURL
// refuses earlier, with a better message, what would fail there.
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Limits of an answer, in bytes.
const (
	MaxBodyBytes   = 64 << 10 // what Do reads of a body
	MaxHeaderBytes = 32 << 10 // all headers of an answer together, including those of 1xx answers
)

// Defaults of Config.
const (
	DefaultMaxIdle        = 2048
	DefaultMaxIdlePerHost = 256
	DefaultIdleTimeout    = 60 * time.Second
	DefaultDialTimeout    = 10 * time.Second
)

// maxAttempt is the time limit of a Do whose context has no deadline.
const maxAttempt = 30 * time.Second

// Resolver looks up host names. *net.Resolver is one. host ends in a dot if it must not be completed from a search list.
// Implementations must be safe for concurrent use.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config is what the operator decides. The zero value is right for production: public addresses, port 443.
type Config struct {
	// AllowPrivate opens loopback, RFC 1918, RFC 6598 and RFC 4193 addresses, every port, and plain http. It is for
	// development. Link-local addresses, where clouds serve credentials, stay closed.
	AllowPrivate bool

	// Allow opens ranges that are closed by default, Deny closes ranges that are open. Deny wins over Allow, and
	// Allow over what is built in. An IPv4 range is written as one; mapped prefixes are refused.
	Allow, Deny []netip.Prefix

	// Ports that may be connected to; nil means 443 only. Ignored with AllowPrivate.
	Ports []uint16

	// Proxy is a forward proxy, http or https, with userinfo for basic authentication; nil means none. The environment's
	// proxy variables are ignored. Receivers are resolved and checked here; the proxy gets a CONNECT to the checked address.
	// The proxy's own address is not checked.
	Proxy *url.URL

	// RootCAs verify receivers' certificates, and the proxy's; nil means the system's.
	RootCAs *x509.CertPool

	// Resolver looks up host names; nil means Go's own, which unlike the C library's takes no spelling such as
	// 127.1 or 0x7f000001 for an address.
	Resolver Resolver

	// MaxIdle connections are kept open for later requests, MaxIdlePerHost of them to one host and port; 0 means the
	// default. Once there are MaxIdle, only a host that has one may keep another, up to twice MaxIdle in all. A connection
	// costs about 7 KiB with TLS. More than MaxIdlePerHost concurrent requests to one HTTP/1 host are possible, but each needs a new
	// connection. The caller bounds the number of connections in use.
	MaxIdle, MaxIdlePerHost int

	// MaxSockets bounds the open sockets, including idle ones and those of name lookups; 0 means unlimited. At the bound,
	// idle connections are closed, and requests wait for other connections to end.
	MaxSockets int

	// IdleTimeout is the time after which an idle connection is closed. DialTimeout bounds lookup, connection and TLS
	// handshake together, within the request's deadline. 0 means the default.
	IdleTimeout, DialTimeout time.Duration
}

// Client sends requests. It is safe for concurrent use.
type Client struct {
	policy    policy
	dialer    *dialer
	pool      pool            // of HTTP/1.1
	transport *http.Transport // for HTTP/2
	made      connections
	slots     *slots
	relieved  atomic.Int64 // when idle connections were last closed for a shortage, in ns after the epoch
	maxIdle   int64
	template  http.Request
	close     context.CancelFunc
}

// New returns a Client. The caller must Close it after the last Do has returned. It returns an error if cfg contradicts
// itself.
func New(cfg Config) (*Client, error) {
	if cfg.MaxIdle < 0 || cfg.MaxIdlePerHost < 0 || cfg.MaxSockets < 0 || cfg.IdleTimeout < 0 || cfg.DialTimeout < 0 {
		return nil, errors.New("egress: a limit is negative")
	}
	if cfg.MaxSockets > 0 && cfg.MaxSockets < perDial {
		return nil, fmt.Errorf("egress: a connection needs %d sockets while it is made", perDial)
	}
	c := &Client{maxIdle: int64(or(cfg.MaxIdle, DefaultMaxIdle))}
	var err error
	if c.policy, err = newPolicy(&cfg); err != nil {
		return nil, fmt.Errorf("egress: %w", err)
	}
	d := &dialer{
		policy:   &c.policy,
		resolver: cfg.Resolver,
		// A search list would complete vault.svc to an internal name, and in Kubernetes costs every public name several
		// lookups. If internal receivers are allowed, so are their short names.
		rooted:  !cfg.AllowPrivate && len(cfg.Allow) == 0,
		timeout: or(cfg.DialTimeout, DefaultDialTimeout),
		made:    &c.made,
		// The system's roots are read once, so they are read now: later there may be no descriptor for it, and then no
		// certificate would be valid until the next start.
		rootless: noRoots(cfg.RootCAs),
		tls: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            cfg.RootCAs,
			NextProtos:         []string{"h2", "http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(2048),
		},
	}
	if d.resolver == nil {
		d.resolver = &net.Resolver{PreferGo: true}
	}
	if cfg.MaxSockets > 0 {
		c.slots = &slots{sem: semaphore.NewWeighted(int64(cfg.MaxSockets)), relieve: c.relieve}
		d.slots = c.slots
	}
	if d.proxy, err = newProxy(cfg.Proxy, d.tls); err != nil {
		return nil, fmt.Errorf("egress: %w", err)
	}
	d.target.ControlContext = d.control
	d.closing, c.close = context.WithCancel(context.Background())

	c.transport = &http.Transport{
		Proxy:                  nil, // the dialer speaks to the proxy itself, see proxy.connect
		DialContext:            d.dialPlain,
		DialTLSContext:         d.dialTLS,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // or a 64 KiB answer could unpack to gigabytes
		MaxResponseHeaderBytes: MaxHeaderBytes,
		MaxIdleConns:           0, // see connections
		MaxIdleConnsPerHost:    or(cfg.MaxIdlePerHost, DefaultMaxIdlePerHost),
		IdleConnTimeout:        or(cfg.IdleTimeout, DefaultIdleTimeout),
		HTTP2: &http.HTTP2Config{
			// What a receiver may send before it is read. Go's defaults are 4 MiB a request and 1 GiB a connection, all of it
			// in memory.
			MaxReceiveBufferPerStream:     MaxBodyBytes,
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReadFrameSize:              16 << 10,
			// Without pings a connection whose other side has vanished swallows every request until TCP gives up.
			SendPingTimeout:  15 * time.Second,
			PingTimeout:      5 * time.Second,
			WriteByteTimeout: 15 * time.Second,
		},
	}
	c.dialer = d
	c.pool.perHost, c.pool.timeout = c.transport.MaxIdleConnsPerHost, c.transport.IdleConnTimeout
	c.template = http.Request{
		Method: http.MethodPost, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return c, nil
}

func or[T int | time.Duration | string](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Close closes idle connections and cancels running dials. A running Do continues.
func (c *Client) Close() {
	c.close()
	c.pool.empty(true)
	c.transport.CloseIdleConnections()
}

// relieve closes idle connections, at most once per relieveEvery.
func (c *Client) relieve() {
	now, last := time.Now().UnixNano(), c.relieved.Load()
	if now-last >= int64(relieveEvery) && c.relieved.CompareAndSwap(last, now) {
		c.pool.empty(false)
		c.transport.CloseIdleConnections()
	}
}

// Request is one POST. Do does not modify it. After a failed request the transport may read Body even when Do has returned, so
// its bytes must not be changed afterwards.
type Request struct {
	URL    *url.URL    // as ValidateURL returned it; may be shared between requests
	Header http.Header // sent as it is, User-Agent and Content-Type included; may be nil
	Body   []byte      // sent with its Content-Length

	// Identity is presented to a receiver that requests a client certificate; nil: none is.
	Identity *Identity

	// Room grants the memory for an answer's body; nil grants everything.
	Room Room
}

// Room bounds the memory that answers take.
type Room interface {
	// Grow is called before more than FreeBodyBytes of a body are held, with the new total. It may wait until ctx ends. If
	// granted is false, the rest of the body is not read.
	Grow(ctx context.Context, bytes int) (granted, waited bool)
}

// Do sends one POST and reads the answer, at most MaxBodyBytes of its body, until ctx's deadline (30 s if it has none). All
// failures are in the Result. Redirects are answers like any other.
//
// The receiver acts on the request at most once. Over HTTP/1.1 it is written once, whatever happens to the connection (see
// kept.exchange); one that has ended while it was idle is not used. Over HTTP/2 only a request that the receiver certainly did not
// process is sent again, within the same deadline (see unprocessed); to the tenant that is one attempt. net/http's transport repeats a
// request by itself if a stream was refused or left behind by GOAWAY, or reset with PROTOCOL_ERROR, the last after the receiver may
// have acted on it (canRetryError). That needs GetBody, or no body; here GetBody is nil, and the body is neither nil nor http.NoBody.
// Only a stream that was never opened (errClientConnUnusable), of which nothing was sent, moves to another connection.
//
// TestNothingIsSentTwice proves this.
func (c *Client) Do(ctx context.Context, req *Request) Result {
	start := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = start.Add(maxAttempt)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	a := &attempt{Context: ctx, host: req.URL.Host, start: start, deadline: deadline}
	if req.URL.Scheme != "https" && (req.URL.Scheme != "http" || !c.policy.allowPrivate) {
		return Result{Code: BlockedAddress, Message: schemeMessage, Timings: a.timings()}
	}
	if req.Identity != nil && req.URL.Scheme == "https" {
		a.present(req)
	}
	a.body.Reset(req.Body)
	r := new(http.Request)
	*r = c.template
	r.URL, r.Host = req.URL, req.URL.Host
	r.Close = !c.made.keep(a.host, c.maxIdle)
	c.made.running.Add(1)
	defer c.made.running.Add(-1)
	// net/http writes the header and a body that it knows to be in memory at once; any other type costs a second write.
	r.Body, r.ContentLength = io.NopCloser(&a.body), int64(len(req.Body))
	if r.Header = req.Header; r.Header == nil {
		r.Header = http.Header{}
	}

	answer, exchanged, err := c.roundTrip(a, r, req.Body) //nolint:contextcheck // the attempt is a context under ctx
	if err != nil {
		code, message := explain(ctx, err, a)
		if code == Shortage {
			c.relieve()
		}
		return Result{Code: code, Message: message, Timings: a.timings(), Reused: a.reused}
	}
	ended := false // the body has been read to its end
	if exchanged == nil {
		defer answer.Body.Close()
	} else {
		defer func() { c.release(exchanged, ended) }()
	}
	if answer.StatusCode < 200 || answer.StatusCode > 999 {
		// 101 Switching Protocols, whose body is the raw connection, or an invalid status.
		return Result{
			Code: Protocol, Message: "the response has no valid HTTP status; the receiver must answer 2xx to accept the event",
			Timings: a.timings(), Reused: a.reused,
		}
	}
	res := Result{StatusCode: answer.StatusCode, Header: answer.Header, Reused: a.reused}
	b := body{from: answer.Body, room: req.Room}
	err = b.read(ctx)
	ended = err == nil && !b.truncated
	res.Body, res.Truncated = b.bytes, b.truncated
	res.Timings = a.timings()
	if err == nil && !res.Truncated && answer.Body != http.NoBody {
		// At the deadline the transport announces the close, and a fast receiver can then still end its body properly.
		// After a cancellation, the answer does no harm.
		if ctxErr := ctx.Err(); errors.Is(ctxErr, context.DeadlineExceeded) {
			err = ctxErr
		}
	}
	switch {
	case err != nil && b.waited && ctx.Err() != nil && !errors.Is(ctx.Err(), context.Canceled), b.refused:
		// Not the receiver's fault: the status decides.
		res.Message, res.Truncated = noRoom, true
	case err != nil:
		res.Code, res.Message = explainBody(ctx, err, deadline)
		res.Truncated = true
	}
	return res
}

// roundTrip sends r and returns its answer, on a connection that the answer's body is read from. With HTTP/1.1 that is exchanged's, which
// must be released; with HTTP/2 it is nil, and the body must be closed.
func (c *Client) roundTrip(a *attempt, r *http.Request, body []byte) (*http.Response, *exchanged, error) {
	if err := checkHeader(r.Header); err != nil {
		return nil, nil, err
	}
	key := hostKey{r.URL.Scheme, a.host}
	if key.scheme == "https" && c.made.http2(key.host) {
		answer, err := c.overTransport(a, r, body)
		return answer, nil, err
	}
	k := c.pool.take(key)
	if k == nil {
		var err error
		if k, err = c.open(a, r.URL, key); err != nil {
			return nil, nil, err
		}
		if k == nil {
			answer, err := c.overTransport(a, r, body)
			return answer, nil, err
		}
	}
	a.has(k.raw, k.reused)
	e, err := k.exchange(a, r, len(body))
	if err != nil {
		return nil, nil, err
	}
	return e.answer, e, nil
}

// release keeps the connection of an exchange for the next one if it can be used again.
func (c *Client) release(e *exchanged, ended bool) {
	if e.done(ended) {
		c.pool.put(e.k)
	}
}

// open makes a connection for HTTP/1.1. If the receiver negotiates HTTP/2, it returns nil, and the attempt has the connection.
func (c *Client) open(a *attempt, to *url.URL, key hostKey) (*kept, error) {
	dial, port := c.dialer.dialPlain, "80"
	if key.scheme == "https" {
		dial, port = c.dialer.dialTLS, "443"
	}
	made, err := dial(a, "tcp", net.JoinHostPort(to.Hostname(), or(to.Port(), port)))
	if err != nil {
		return nil, err
	}
	k := &kept{Conn: made, key: key}
	switch made := made.(type) {
	case *tls.Conn:
		if k.raw = made.NetConn().(*conn); k.raw.http2 {
			a.made.Store(made)
			return nil, nil
		}
	case *conn:
		k.raw = made
	}
	return k, nil
}

// overTransport sends r over HTTP/2, or over what the receiver speaks by now.
func (c *Client) overTransport(a *attempt, r *http.Request, body []byte) (*http.Response, error) {
	if a.identity != nil { // the transport keeps connections by the URL's host; it is sent r.Host
		to := *r.URL
		to.Host = a.host
		r.URL = &to
	}
	a.trace.GotConn = a.gotConn
	a.trace.GotFirstResponseByte = a.gotFirstByte
	r = r.WithContext(httptrace.WithClientTrace(a, &a.trace))
	answer, err := c.transport.RoundTrip(r)
	for n := 0; err != nil && n < maxAgain && unprocessed(err) && a.Err() == nil; n++ {
		answer, err = c.transport.RoundTrip(again(r, body))
	}
	if made := a.made.Swap(nil); made != nil { // the transport had another one
		_ = made.Close()
	}
	return answer, err
}

// scratch pools the buffers into which bodies are first read; most fit.
var scratch = sync.Pool{New: func() any { return new([scratchBytes]byte) }}

// FreeBodyBytes is how much of a body is read without calling Room.
const FreeBodyBytes = 4 << 10

const scratchBytes = FreeBodyBytes

const noRoom = "the rest of the answer's body was not read, because large answers of the tenant's receivers used up the memory for them"

// body reads the body of an answer.
type body struct {
	from io.Reader
	room Room

	bytes     []byte
	truncated bool // there was more
	waited    bool // for room
	refused   bool // by room: bytes is what was read before
}

// read reads at most MaxBodyBytes. After an error, bytes is what was read before it.
func (b *body) read(ctx context.Context) error {
	if b.from == http.NoBody {
		return nil
	}
	pooled := scratch.Get().(*[scratchBytes]byte)
	defer scratch.Put(pooled)
	buf := pooled[:0]
	defer func() { b.bytes = own(buf) }()
	for {
		if len(buf) == cap(buf) {
			// One byte over the limit shows whether there is more. If not, the end has been read, and the connection can be
			// reused.
			more := min(len(buf), MaxBodyBytes+1-len(buf))
			if b.room != nil {
				granted, waited := b.room.Grow(ctx, len(buf)+more)
				b.waited = b.waited || waited
				if !granted {
					b.refused, b.truncated = true, true
					return nil
				}
			}
			buf = slices.Grow(buf, more)
		}
		n, err := b.from.Read(buf[len(buf):min(cap(buf), MaxBodyBytes+1)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > MaxBodyBytes:
			buf, b.truncated = buf[:MaxBodyBytes], true
			return nil
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// own returns buf, or a copy if it is in the pooled array.
func own(buf []byte) []byte {
	if len(buf) <= scratchBytes {
		return slices.Clone(buf)
	}
	return buf
}
