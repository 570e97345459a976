package intake

import (
	"net/http"
	"net/netip"
)

// Remote returns the address of a request's client, from RemoteAddr; the zero Addr if that is not an address, as in tests.
func Remote(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

// Source returns what an unauthenticated client counts for: an IPv4 address, or the /64 of an IPv6 address, which one customer
// usually has.
func Source(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
