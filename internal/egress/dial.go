package egress

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxAnswers bounds the addresses of a DNS answer that are checked, maxDials those that are tried: a name must not
	// turn one attempt into a scan.
	maxAnswers = 64
	maxDials   = 4
	// nextDialAfter is RFC 8305's Connection Attempt Delay.
	nextDialAfter = 250 * time.Millisecond
)

// conn is a connection with the times that it took to make. It is counted while it is open.
type conn struct {
	net.Conn

	dns, connect, tls time.Duration

	// wantsCertificate is set when the receiver requests a client certificate.
	wantsCertificate atomic.Bool

	among  *connections
	slots  *slots
	host   string
	http2  bool // it was negotiated
	closed sync.Once
}

// Close implements net.Conn.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() {
		c.among.remove(c.host, c.http2)
		c.slots.giveBack(1)
	})
	return err
}

// dialer makes every connection of a Client.
type dialer struct {
	policy   *policy
	resolver Resolver
	rooted   bool // look up names with a trailing dot
	tls      *tls.Config
	timeout  time.Duration
	closing  context.Context // done when the Client is closed

	target net.Dialer // connects to receivers; nothing gets past its ControlContext
	proxy  *proxy     // nil: no proxy

	made     *connections
	slots    *slots
	rootless bool // this machine has no certificate authorities
}

// proxy is the operator's forward proxy. Its own address is not checked: the operator chose it.
type proxy struct {
	host   string
	port   uint16
	auth   string // value of Proxy-Authorization, or ""
	tls    *tls.Config
	dialer net.Dialer
}

func newProxy(u *url.URL, base *tls.Config) (*proxy, error) {
	if u == nil {
		return nil, nil
	}
	p := &proxy{host: u.Hostname()}
	port := u.Port()
	switch u.Scheme {
	case "http":
		if port == "" {
			port = "80"
		}
	case "https":
		if port == "" {
			port = "443"
		}
		p.tls = base.Clone()
		p.tls.NextProtos = nil // CONNECT is spoken in HTTP/1.1
		p.tls.ServerName = p.host
	default:
		return nil, fmt.Errorf("proxy: scheme %q is neither http nor https", u.Scheme)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || p.host == "" {
		return nil, errors.New("proxy: host or port is missing")
	}
	p.port = uint16(n)
	if u.User != nil {
		password, _ := u.User.Password()
		p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return p, nil
}

// dialPlain is the transport's DialContext.
func (d *dialer) dialPlain(ctx context.Context, _, addr string) (net.Conn, error) {
	if !d.policy.allowPrivate {
		return nil, &failure{BlockedAddress, schemeMessage}
	}
	return d.dial(ctx, addr, nil)
}

// dialTLS is the transport's DialTLSContext. It returns a *tls.Conn, from which the transport learns whether HTTP/2 was
// negotiated: the one that the attempt has made, or a new one.
func (d *dialer) dialTLS(ctx context.Context, _, addr string) (net.Conn, error) {
	a := ctx.Value(attemptKey{}).(*attempt)
	if made := a.made.Swap(nil); made != nil {
		return made, nil
	}
	if a.identity != nil {
		addr = a.addr
	}
	return d.dial(ctx, addr, d.tls)
}

// dial resolves, checks, connects and, if config is not nil, does the TLS handshake. Errors are of type *failure.
//
// The transport's context is not canceled with the request, because the transport keeps a late connection for the next request. It ends
// at the request's deadline, after d.timeout, or when the Client is closed, whichever is first.
func (d *dialer) dial(ctx context.Context, addr string, config *tls.Config) (net.Conn, error) {
	a := ctx.Value(attemptKey{}).(*attempt)
	deadline := time.Now().Add(d.timeout)
	if a.deadline.Before(deadline) {
		deadline = a.deadline
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	defer context.AfterFunc(d.closing, cancel)() //nolint:contextcheck // the client's own end

	c, err := d.setup(ctx, a, addr, config)
	if err != nil && d.closing.Err() != nil {
		return nil, errClosed
	}
	return c, err
}

func (d *dialer) setup(ctx context.Context, a *attempt, addr string, config *tls.Config) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &failure{Protocol, "the URL's host cannot be used"}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || !d.policy.port(uint16(port)) {
		return nil, &failure{BlockedAddress, "the URL's port is not open to webhooks; use 443, or ask this server's operator to open it"}
	}

	if err := d.slots.take(ctx, perDial); err != nil {
		return nil, err
	}
	held := int64(perDial)
	defer func() { d.slots.giveBack(held) }()

	a.reach(stageDNS)
	start := time.Now()
	targets, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	resolved := time.Now()
	a.reach(stageConnect)
	d.slots.giveBack(perDial - 1)
	held = 1
	raw, err := race(ctx, d.slots, targets, func(ctx context.Context, target netip.Addr) (net.Conn, error) {
		c, err := d.connect(ctx, netip.AddrPortFrom(target, uint16(port))) //nolint:gosec // ports end at 65,535
		if err != nil {
			return nil, explainConnect(ctx, target, err)
		}
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	connected := time.Now()
	c := &conn{Conn: raw, dns: resolved.Sub(start), connect: connected.Sub(resolved), among: d.made, slots: d.slots, host: a.host}
	held = 0 // c's now
	d.made.add(a.host)
	if config == nil {
		return c, nil
	}

	a.reach(stageTLS)
	config = config.Clone()
	config.ServerName = strings.TrimSuffix(host, ".")
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c.wantsCertificate.Store(true)
		if a.identity != nil {
			return a.identity.Certificate, nil // whichever authorities the receiver names: its refusal says more than no certificate
		}
		return new(tls.Certificate), nil // none
	}
	if a.identity != nil {
		config.ClientSessionCache = sessions{config.ClientSessionCache, a.identity.Name}
	}
	session := tls.Client(c, config)
	if err := session.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, explainTLS(ctx, err, c, a.identity, d.rootless)
	}
	c.tls = time.Since(connected)
	if session.ConnectionState().NegotiatedProtocol == "h2" {
		c.http2 = true
		d.made.negotiated(c.host)
	}
	return session, nil
}

// resolve returns the allowed addresses of host, best first, at most maxDials. Forbidden ones are left out as long as an
// allowed one remains: on a network with DNS64 every name has a NAT64 address beside its own.
func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	// With a zone, an address names an interface of this machine.
	if literal, _, zoned := strings.Cut(host, "%"); zoned {
		host = literal
		if _, err := netip.ParseAddr(host); err == nil {
			return nil, errBlockedAddress
		}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if !d.policy.address(a) {
			return nil, &failure{BlockedAddress, "the host is an address that this server does not send to, such as a private one" + askOperator}
		}
		return []netip.Addr{a.Unmap()}, nil
	}
	if d.rooted && !strings.HasSuffix(host, ".") {
		host += "."
	}
	answers, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, explainDNS(ctx, err)
	}
	if len(answers) == 0 {
		return nil, &failure{DNS, "the host name has no address; check its DNS records"}
	}
	open := make([]netip.Addr, 0, len(answers))
	for _, a := range answers[:min(len(answers), maxAnswers)] {
		if d.policy.address(a) {
			open = append(open, a.Unmap())
		}
	}
	if len(open) == 0 {
		return nil, errBlockedAddress
	}
	return alternate(open), nil
}

// alternate returns the first maxDials addresses, of IPv6 and IPv4 in turn as long as there are both, beginning with the first one's family
// (RFC 8305, section 4): else a name with many addresses of one family could not be reached where that family is broken.
func alternate(addresses []netip.Addr) []netip.Addr {
	first := len(addresses) > 0 && addresses[0].Is4()
	var own, other []netip.Addr
	for _, a := range addresses {
		if a.Is4() == first {
			own = append(own, a)
		} else {
			other = append(other, a)
		}
	}
	turns := make([]netip.Addr, 0, maxDials)
	for len(turns) < maxDials && len(own)+len(other) > 0 {
		if len(own) > 0 {
			turns, own = append(turns, own[0]), own[1:]
		}
		own, other = other, own
	}
	return turns
}

// control gets the address that the kernel is about to connect to, after every resolver and parser. It is the decisive
// check; the earlier ones only anticipate it.
func (d *dialer) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !d.policy.port(ap.Port()) || !d.policy.address(ap.Addr()) {
		return errBlockedAddress
	}
	return nil
}

// connect makes one connection to target, through the proxy if there is one.
func (d *dialer) connect(ctx context.Context, target netip.AddrPort) (net.Conn, error) {
	if !d.policy.address(target.Addr()) {
		return nil, errBlockedAddress // resolve has checked it, but a proxied connection does not pass control
	}
	if d.proxy == nil {
		return d.target.DialContext(ctx, "tcp", target.String())
	}
	return d.proxy.connect(ctx, d.resolver, target)
}

// connect asks the proxy for a tunnel to target. It sends the checked address, not the host: the proxy would resolve a name
// again, maybe to another address.
func (p *proxy) connect(ctx context.Context, resolver Resolver, target netip.AddrPort) (net.Conn, error) {
	hosts := []netip.Addr{}
	if a, err := netip.ParseAddr(p.host); err == nil {
		hosts = append(hosts, a)
	} else if hosts, err = resolver.LookupNetIP(ctx, "ip", p.host); err != nil {
		return nil, noProxy(ctx, err)
	}
	c, err := race(ctx, nil, alternate(hosts), func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		return p.dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(a.Unmap(), p.port).String())
	})
	if err != nil {
		return nil, noProxy(ctx, err)
	}
	if p.tls != nil {
		session := tls.Client(c, p.tls)
		if err := session.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, noProxy(ctx, err)
		}
		c = session
	}
	if err := p.tunnel(ctx, c, target); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// noProxy is the failure of a proxy that accepts no connection. It is the operator's, not the receiver's.
func noProxy(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // another address was faster
	}
	if f := shortage(err); f != nil {
		return f
	}
	return &failure{Local, "this server cannot reach its forward proxy"}
}

func (p *proxy) tunnel(ctx context.Context, c net.Conn, target netip.AddrPort) error {
	// A canceled context must also end the reads below: another dial may have won.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	broken := &failure{Connect, "the forward proxy of this server closed the connection without an answer; check that the receiver can be reached from the internet"}

	request := "CONNECT " + target.String() + " HTTP/1.1\r\nHost: " + target.String() + "\r\n"
	if p.auth != "" {
		request += "Proxy-Authorization: " + p.auth + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		return cmp.Or(ctx.Err(), error(broken))
	}
	in := bufio.NewReader(io.LimitReader(c, MaxHeaderBytes))
	// Closing the body would wait for its end; the connection is closed instead.
	answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // see above
	if err != nil {
		return cmp.Or(ctx.Err(), error(broken))
	}
	switch {
	case answer.StatusCode/100 == 2: // any of them, RFC 9110, section 9.3.6
	case answer.StatusCode == http.StatusProxyAuthRequired:
		return &failure{Local, "the forward proxy of this server does not accept its password"}
	default:
		return &failure{Connect, fmt.Sprintf(
			"the forward proxy of this server made no connection to the receiver, and answered with status %d; check that the receiver can be reached from the internet",
			answer.StatusCode,
		)}
	}
	// A receiver does not send first, and buffered bytes would be lost to the TLS session.
	if in.Buffered() > 0 {
		return broken
	}
	if !stop() {
		return ctx.Err()
	}
	return nil
}

// race connects to targets in order, starting the next one when the last has failed or taken nextDialAfter (RFC 8305,
// section 5), and returns the first connection, or the most informative error. It returns after every dial has ended. The
// caller has taken the first dial's slot; a further dial is only made if there is a slot for it.
func race(ctx context.Context, slots *slots, targets []netip.Addr, dial func(context.Context, netip.Addr) (net.Conn, error)) (net.Conn, error) {
	if len(targets) == 1 {
		return dial(ctx, targets[0])
	}
	type dialed struct {
		c     net.Conn
		err   error
		extra bool
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed)
	pending := 0
	var won net.Conn
	err := errors.New("no address")
	own := true // the caller's socket is free
	next := time.NewTimer(0)
	defer next.Stop()
	for len(targets) > 0 || pending > 0 {
		select {
		case <-next.C:
			if won != nil || len(targets) == 0 {
				continue
			}
			extra := !own
			if extra && !slots.tryTake() {
				next.Reset(nextDialAfter)
				continue
			}
			own = false
			target := targets[0]
			targets = targets[1:]
			pending++
			go func() {
				c, err := dial(ctx, target)
				results <- dialed{c, err, extra}
			}()
			next.Reset(nextDialAfter)
		case r := <-results:
			pending--
			// The winner's connection keeps one of the slots.
			if r.extra {
				slots.giveBack(1)
			} else {
				own = true
			}
			switch {
			case r.err != nil && won == nil:
				err = telling(err, r.err)
				next.Reset(0)
			case r.err == nil && won == nil:
				won, targets = r.c, nil
				cancel()
			case r.err == nil:
				_ = r.c.Close()
			}
		}
	}
	if won != nil {
		return won, nil
	}
	return nil, err
}

// telling returns the more informative error: first that this machine could not try an address, then what a receiver did, then
// that it did nothing.
func telling(a, b error) error {
	rank := func(err error) int {
		f, ok := errors.AsType[*failure](err)
		switch {
		case !ok:
			return 0
		case f.code.Ours():
			return 4
		case f == errRefused, f == errReset:
			return 3
		case f.code == Timeout:
			return 2
		}
		return 1
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}
