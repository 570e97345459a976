package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// client returns a request's client address, and whether it used TLS. X-Forwarded-For and X-Forwarded-Proto are trusted only from
// trusted proxies. Of several addresses, read from the right, the first that is not a trusted proxy's is the client's: the client
// can forge the rest.
func (s *server) client(r *http.Request) (addr netip.Addr, secure bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, r.TLS != nil // as in tests
	}
	addr, secure = peer.Addr().Unmap(), r.TLS != nil
	if !s.trusted(addr) {
		return addr, secure
	}
	if proto := last(r.Header.Values("X-Forwarded-Proto")); proto != "" {
		secure = strings.EqualFold(proto, "https")
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // the nearest known address
		}
		if addr = next.Unmap().WithZone(""); !s.trusted(addr) {
			break
		}
	}
	return addr, secure
}

func (s *server) trusted(a netip.Addr) bool { return within(s.TrustedProxies, a) }

func within(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// last returns the last element of a header's comma-separated list: the one that the nearest proxy wrote.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	list := values[len(values)-1]
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}

// secured sets Strict-Transport-Security, except on localhost, where other programs may be served without TLS.
func secured(h http.Header, host string) {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name != "localhost" && !strings.HasSuffix(name, ".localhost") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
