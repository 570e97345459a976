package egress

import (
	"bufio"
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
	"syscall"
	"time"
)

const (
	// maxAnswers bounds how many addresses of a DNS answer are looked at, maxDials how many are tried: a name must
	// not turn one attempt into a scan.
	maxAnswers = 64
	maxDials   = 4
	// nextDialAfter is RFC 8305's Connection Attempt Delay.
	nextDialAfter = 250 * time.Millisecond
)

// conn is a connection that knows how long it took to make, and is counted as long as it is open.
type conn struct {
	net.Conn

	dns, connect, tls time.Duration

	among  *connections
	host   string
	closed sync.Once
}

// Close is net.Conn's.
func (c *conn) Close() error {
	c.closed.Do(func() { c.among.remove(c.host) })
	return c.Conn.Close()
}

// dialer makes every connection of a Client.
type dialer struct {
	policy   *policy
	resolver Resolver
	rooted   bool // look names up with a dot at the end
	tls      *tls.Config
	timeout  time.Duration
	closing  context.Context // done when the Client is closed

	target net.Dialer // connects to receivers; nothing gets past its ControlContext
	proxy  *proxy     // nil: no proxy

	made *connections
}

// proxy is the operator's forward proxy. Its own address is the operator's choice and not checked.
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
		return nil, &failure{BlockedAddress, "plain http is not open to webhooks"}
	}
	return d.dial(ctx, addr, nil)
}

// dialTLS is the transport's DialTLSContext. The connection it returns is a *tls.Conn, from which the transport
// learns whether HTTP/2 was agreed on.
func (d *dialer) dialTLS(ctx context.Context, _, addr string) (net.Conn, error) {
	return d.dial(ctx, addr, d.tls)
}

// dial resolves, checks, connects and, with a config, makes the TLS session. Errors are of type *failure.
//
// The context is not canceled with the request that asked for the connection, because the transport keeps a late
// connection for the next request. It ends at the request's deadline, after d.timeout, or when the Client is closed,
// whichever is first.
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
		return nil, &failure{Protocol, "the URL's host can not be used"}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || !d.policy.port(uint16(port)) {
		return nil, &failure{BlockedAddress, "the port is not open to webhooks"}
	}

	a.reach(stageDNS)
	start := time.Now()
	targets, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	resolved := time.Now()
	a.reach(stageConnect)
	raw, err := race(ctx, targets, func(ctx context.Context, target netip.Addr) (net.Conn, error) {
		return d.connect(ctx, netip.AddrPortFrom(target, uint16(port))) //nolint:gosec // ports end at 65,535
	})
	if err != nil {
		return nil, explainConnect(err)
	}
	connected := time.Now()
	c := &conn{Conn: raw, dns: resolved.Sub(start), connect: connected.Sub(resolved), among: d.made, host: a.host}
	d.made.add(a.host)
	if config == nil {
		return c, nil
	}

	a.reach(stageTLS)
	config = config.Clone()
	config.ServerName = strings.TrimSuffix(host, ".")
	session := tls.Client(c, config)
	if err := session.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, explainTLS(err)
	}
	c.tls = time.Since(connected)
	return session, nil
}

// resolve returns the addresses of host that may be connected to, best first, at most maxDials. Addresses that may not
// are left out as long as another one remains: on a network with DNS64 every name has a NAT64 address beside its own.
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
			return nil, &failure{BlockedAddress, "the host is an address that this service does not send to"}
		}
		return []netip.Addr{a.Unmap()}, nil
	}
	if d.rooted && !strings.HasSuffix(host, ".") {
		host += "."
	}
	answers, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, explainDNS(err)
	}
	if len(answers) == 0 {
		return nil, &failure{DNS, "the host name has no address"}
	}
	open := make([]netip.Addr, 0, maxDials)
	for _, a := range answers[:min(len(answers), maxAnswers)] {
		if d.policy.address(a) && len(open) < maxDials {
			open = append(open, a.Unmap())
		}
	}
	if len(open) == 0 {
		return nil, errBlockedAddress
	}
	return open, nil
}

// control is called with the address that the kernel is about to connect to, after every resolver and parser. It is
// the check that the others only anticipate.
func (d *dialer) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !d.policy.port(ap.Port()) || !d.policy.address(ap.Addr()) {
		return errBlockedAddress
	}
	return nil
}

// connect makes one connection to target, through the proxy when there is one.
func (d *dialer) connect(ctx context.Context, target netip.AddrPort) (net.Conn, error) {
	if !d.policy.address(target.Addr()) {
		return nil, errBlockedAddress // resolve has seen to it; a proxied connection has no control to rely on
	}
	if d.proxy == nil {
		return d.target.DialContext(ctx, "tcp", target.String())
	}
	return d.proxy.connect(ctx, d.resolver, target)
}

// connect asks the proxy for a tunnel to target. It names the checked address, not the host: a name would be resolved
// again by the proxy, to whatever it is by then.
func (p *proxy) connect(ctx context.Context, resolver Resolver, target netip.AddrPort) (net.Conn, error) {
	hosts := []netip.Addr{}
	if a, err := netip.ParseAddr(p.host); err == nil {
		hosts = append(hosts, a)
	} else if hosts, err = resolver.LookupNetIP(ctx, "ip", p.host); err != nil {
		return nil, &failure{Connect, "the forward proxy can not be reached"}
	}
	c, err := race(ctx, hosts[:min(len(hosts), maxDials)], func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		return p.dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(a.Unmap(), p.port).String())
	})
	if err != nil {
		return nil, &failure{Connect, "the forward proxy can not be reached"}
	}
	if p.tls != nil {
		session := tls.Client(c, p.tls)
		if err := session.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, &failure{Connect, "the forward proxy can not be reached"}
		}
		c = session
	}
	if err := p.tunnel(ctx, c, target); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (p *proxy) tunnel(ctx context.Context, c net.Conn, target netip.AddrPort) error {
	// A canceled context must end the reads below too: other dials may have won.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	broken := &failure{Connect, "the forward proxy did not answer"}

	request := "CONNECT " + target.String() + " HTTP/1.1\r\nHost: " + target.String() + "\r\n"
	if p.auth != "" {
		request += "Proxy-Authorization: " + p.auth + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		return broken
	}
	in := bufio.NewReader(io.LimitReader(c, MaxHeaderBytes))
	// Closing the body would wait for its end; the connection is closed instead.
	answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // see above
	if err != nil {
		return broken
	}
	if answer.StatusCode != http.StatusOK {
		return &failure{Connect, fmt.Sprintf("the forward proxy answered CONNECT with status %d", answer.StatusCode)}
	}
	// Whoever speaks first here is not the receiver, and what the reader holds would be lost to the TLS session.
	if in.Buffered() > 0 {
		return broken
	}
	if !stop() {
		return ctx.Err()
	}
	return nil
}

// race connects to targets in order, starting the next one when the last has failed or taken nextDialAfter (RFC 8305,
// section 5), and returns the first connection. It returns when every dial has ended.
func race(ctx context.Context, targets []netip.Addr, dial func(context.Context, netip.Addr) (net.Conn, error)) (net.Conn, error) {
	if len(targets) == 1 {
		return dial(ctx, targets[0])
	}
	type dialed struct {
		c   net.Conn
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed)
	pending := 0
	var won net.Conn
	err := errors.New("no address")
	next := time.NewTimer(0)
	defer next.Stop()
	for len(targets) > 0 || pending > 0 {
		select {
		case <-next.C:
			if won != nil || len(targets) == 0 {
				continue
			}
			target := targets[0]
			targets = targets[1:]
			pending++
			go func() {
				c, err := dial(ctx, target)
				results <- dialed{c, err}
			}()
			next.Reset(nextDialAfter)
		case r := <-results:
			pending--
			switch {
			case r.err != nil && won == nil:
				err = r.err
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
