package intake

import (
	"net/http"
	"net/netip"
)

// Remote is the address of the one who made a request, from its RemoteAddr; the zero Addr when that is none, as in tests.
func Remote(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

// Source is whom something is held against that has no name yet: an IPv4 address, or the /64 of an IPv6 address, which is what
// one customer usually gets.
func Source(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
