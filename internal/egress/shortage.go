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

// everywhere are the errors of a machine that lacks what every connection needs.
var everywhere = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.ENOSPC, syscall.EDQUOT,
}

// nearby are the errors of this machine that may concern one receiver alone: local ports are counted for each address
// that they are connected to (TCP's TIME_WAIT keeps them for a minute), and an interface may be down that only some
// receivers are behind.
var nearby = []syscall.Errno{syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.EAGAIN, syscall.ENETDOWN}

// noServer are the errors of asking a name server that is this machine's choice: the receiver has no part in them.
var noServer = []syscall.Errno{syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EPERM, syscall.EACCES}

// shortage is the failure of this machine that err is; nil when it is none, or may be the receiver's.
func shortage(err error) *failure {
	is := func(errno syscall.Errno) bool { return errors.Is(err, errno) }
	var dns *net.DNSError
	if errors.As(err, &dns) {
		// Package net keeps only the text of what went wrong between here and the name server. The texts are Go's own.
		is = func(errno syscall.Errno) bool { return strings.Contains(dns.Err, errno.Error()) }
	}
	for _, errno := range everywhere {
		if is(errno) {
			return &failure{Shortage, "this service has run short: " + errno.Error()}
		}
	}
	for _, errno := range nearby {
		if is(errno) {
			return &failure{Local, "this service can make no connection to the receiver at the moment: " + errno.Error()}
		}
	}
	if dns == nil {
		return nil
	}
	for _, errno := range noServer {
		if is(errno) {
			return &failure{Local, "this service cannot reach its name server: " + errno.Error()}
		}
	}
	return nil
}

// errDescriptors is a request that waited for a connection of others to end until its own time was over.
var errDescriptors = &failure{Shortage, "this service has as many connections as it may have"}

// unreachable tells a receiver that cannot be reached from one that this machine cannot reach because it has no network
// at all. err is ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL or ENETDOWN of connecting to target.
//
// EHOSTUNREACH usually comes from a router on the way, which says that the receiver is away. ENETUNREACH, and for IPv6
// EADDRNOTAVAIL, say that there is no route from here. A machine without IPv6 has none to any IPv6 address, permanently:
// a webhook of such an address can never be delivered to, and its owner must be told, not wait. But when there is no
// route to anywhere, it is the machine that is off the network.
func unreachable(target netip.Addr, err error) *failure {
	if errors.Is(err, syscall.EADDRNOTAVAIL) && route(target) {
		return nil // there is a way, but no local port is left
	}
	if !online() {
		return &failure{Local, "this service has no network"}
	}
	if target.Is6() && !route(someIPv6) {
		return &failure{Connect, "the receiver has only an IPv6 address, and this service has no IPv6; give it an IPv4 address too"}
	}
	return &failure{Connect, "there is no route to the receiver; check its address, and that its network is up"}
}

// Addresses that are reached by the default route. Nothing is ever sent to them (they are root name servers).
var (
	someIPv4 = netip.MustParseAddr("198.41.0.4")
	someIPv6 = netip.MustParseAddr("2001:503:ba3e::2:30")
)

// online reports whether this machine has a network: a way to the internet, or any address that is not its own loopback.
func online() bool {
	if route(someIPv4) || route(someIPv6) {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // what cannot be asked is not claimed
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && !prefix.Addr().IsLoopback() && !prefix.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// route reports whether the kernel knows a way to a. Connecting a UDP socket looks the way up, and sends nothing.
func route(a netip.Addr) bool {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9)))
	if err != nil {
		return !errors.Is(err, syscall.ENETUNREACH) && !errors.Is(err, syscall.EHOSTUNREACH) &&
			!errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.ENETDOWN) && !errors.Is(err, syscall.EAFNOSUPPORT)
	}
	_ = c.Close()
	return true
}

// spare reports whether this process can open a file. A resolver that cannot read its files says that a name does not
// exist, and does not say why.
func spare() *failure {
	f, err := os.Open(os.DevNull)
	if err == nil {
		_ = f.Close()
		return nil
	}
	return shortage(err)
}

// slots bounds the sockets that a Client has open. nil bounds nothing.
type slots struct {
	sem *semaphore.Weighted
	// relieve closes connections that are idle.
	relieve func()
}

// perDial is how many sockets a connection may need while it is made: name servers are asked over two at a time.
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
		s.relieve() // of connections that have become idle since, too
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

// noRoots reports whether this machine knows no certificate authority at all, so that every certificate is unknown.
func noRoots(given *x509.CertPool) bool {
	if given != nil {
		return false
	}
	system, err := x509.SystemCertPool()
	return err != nil || system.Equal(x509.NewCertPool())
}

// relieveEvery bounds how often idle connections are closed for a shortage.
const relieveEvery = 100 * time.Millisecond
