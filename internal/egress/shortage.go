package egress

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
)

// everywhere are errors of a machine that lacks what every connection needs.
var everywhere = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.ENOSPC, syscall.EDQUOT,
}

// nearby are errors of this machine that may concern only one receiver: local ports are counted per remote address (TCP's
// TIME_WAIT keeps them for a minute), and an interface that is down may lead only to some receivers.
var nearby = []syscall.Errno{syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.EAGAIN, syscall.ENETDOWN}

// noServer are errors of reaching this machine's name server: they do not concern the receiver.
var noServer = []syscall.Errno{syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EPERM, syscall.EACCES}

// shortage returns err as a failure of this machine; nil if it is none, or may be the receiver's.
func shortage(err error) *failure {
	is := func(errno syscall.Errno) bool { return errors.Is(err, errno) }
	var dns *net.DNSError
	if errors.As(err, &dns) {
		// Of an error in reaching the name server, package net keeps only the text. The texts are Go's own.
		is = func(errno syscall.Errno) bool { return strings.Contains(dns.Err, errno.Error()) }
	}
	for _, errno := range everywhere {
		if is(errno) {
			return &failure{Shortage, "this server has run short: " + errno.Error()}
		}
	}
	for _, errno := range nearby {
		if is(errno) {
			return &failure{Local, "this server cannot connect to the receiver at the moment: " + errno.Error()}
		}
	}
	if dns == nil {
		return nil
	}
	for _, errno := range noServer {
		if is(errno) {
			return &failure{Local, "this server cannot reach its name server: " + errno.Error()}
		}
	}
	return nil
}

// errDescriptors is the failure of a request that waited for another connection to end until its deadline.
var errDescriptors = &failure{Shortage, "this server has its maximum number of connections"}

// unreachable distinguishes an unreachable receiver from a machine without any network. err is ENETUNREACH, EHOSTUNREACH,
// EADDRNOTAVAIL or ENETDOWN from connecting to target.
//
// EHOSTUNREACH usually comes from a router that cannot reach the receiver. ENETUNREACH, and for IPv6 EADDRNOTAVAIL, mean that
// there is no route from here. A machine without IPv6 has no route to any IPv6 address, permanently: the attempt must fail, so
// that the webhook's owner sees it, and not wait. But if there is no route to anywhere, this machine is off the network.
func unreachable(target netip.Addr, err error) *failure {
	if errors.Is(err, syscall.EADDRNOTAVAIL) && route(target) {
		return nil // there is a route, but no local port is left
	}
	if !online() {
		return &failure{Local, "this server has no network"}
	}
	if target.Is6() && !route(someIPv6) {
		return &failure{Connect, "the receiver has only an IPv6 address, and this server has no IPv6; give it an IPv4 address too"}
	}
	return &failure{Connect, "there is no route to the receiver; check its address, and that its network is up"}
}

// Addresses behind the default route (root name servers). Nothing is ever sent to them.
var (
	someIPv4 = netip.MustParseAddr("198.41.0.4")
	someIPv6 = netip.MustParseAddr("2001:503:ba3e::2:30")
)

// online reports whether this machine has a network: a route to the internet, or any address other than loopback.
func online() bool {
	if route(someIPv4) || route(someIPv6) {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // unknown: do not blame this machine
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && !prefix.Addr().IsLoopback() && !prefix.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// route reports whether the kernel has a route to a. Connecting a UDP socket looks up the route and sends nothing.
func route(a netip.Addr) bool {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9)))
	if err != nil {
		return !errors.Is(err, syscall.ENETUNREACH) && !errors.Is(err, syscall.EHOSTUNREACH) &&
			!errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.ENETDOWN) && !errors.Is(err, syscall.EAFNOSUPPORT)
	}
	_ = c.Close()
	return true
}

// spare returns a failure if this process cannot open another file: a resolver that cannot read its files reports that a name
// does not exist, without a cause.
func spare() *failure {
	f, err := os.Open(os.DevNull)
	if err == nil {
		_ = f.Close()
		return nil
	}
	return shortage(err)
}

// slots bounds the open sockets of a Client; nil means unlimited.
type slots struct {
	sem *semaphore.Weighted
	// relieve closes connections that are idle.
	relieve func()
}

// perDial is the number of sockets that a dial may need: name servers are queried over two at a time.
const perDial = 2

// take waits until n sockets may be opened, or ctx ends.
func (s *slots) take(ctx context.Context, n int64) error {
	if s == nil || s.sem.TryAcquire(n) {
		return nil
	}
	taken := make(chan error, 1)
	go func() { taken <- s.sem.Acquire(ctx, n) }()
	again := time.NewTicker(relieveEvery)
	defer again.Stop()
	for {
		s.relieve() // also of connections that have become idle since
		select {
		case err := <-taken:
			if errors.Is(err, context.DeadlineExceeded) {
				return errDescriptors
			}
			return err
		case <-again.C:
		}
	}
}

func (s *slots) tryTake() bool { return s == nil || s.sem.TryAcquire(1) }

func (s *slots) giveBack(n int64) {
	if s != nil && n > 0 {
		s.sem.Release(n)
	}
}

// noRoots reports whether this machine has no certificate authorities, so that every certificate is of an unknown one.
func noRoots(given *x509.CertPool) bool {
	if given != nil {
		return false
	}
	system, err := x509.SystemCertPool()
	return err != nil || system.Equal(x509.NewCertPool())
}

// relieveEvery bounds how often idle connections are closed for a shortage.
const relieveEvery = 100 * time.Millisecond
