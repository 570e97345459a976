package egress

import (
	"fmt"
	"net/netip"
	"slices"

	"code.dny.dev/ssrf"
)

// policy says which addresses and ports may be connected to. It is never changed after New.
type policy struct {
	allowPrivate bool
	allow, deny  []netip.Prefix
	ports        []uint16 // empty: any but 0
}

// azureWireServer answers metadata and agent requests on every Azure machine. It is a public address that has this meaning
// only inside Azure, so the IANA registries do not list it.
var azureWireServer = netip.MustParseAddr("168.63.129.16")

// privateRanges is what AllowPrivate opens: loopback, RFC 1918, RFC 6598 and RFC 4193. Link-local addresses stay
// closed in development too, because 169.254.169.254 hands out a cloud machine's credentials.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("fc00::/7"),
}

func newPolicy(cfg *Config) (policy, error) {
	p := policy{allowPrivate: cfg.AllowPrivate, ports: slices.Clone(cfg.Ports)}
	var err error
	if p.allow, err = prefixes(cfg.Allow); err != nil {
		return policy{}, fmt.Errorf("allowed range: %w", err)
	}
	if p.deny, err = prefixes(cfg.Deny); err != nil {
		return policy{}, fmt.Errorf("denied range: %w", err)
	}
	if slices.Contains(p.ports, 0) {
		return policy{}, fmt.Errorf("port 0 is not a valid port")
	}
	switch {
	case p.allowPrivate:
		p.ports = nil
	case len(p.ports) == 0:
		p.ports = []uint16{443}
	}
	return p, nil
}

func prefixes(in []netip.Prefix) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(in))
	for _, p := range in {
		// An IPv4 address is compared in its own form, so a mapped prefix would silently match nothing.
		if !p.IsValid() || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is not a plain IPv4 or IPv6 prefix", p.String())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// address reports whether a may be connected to: Deny, then Allow, then AllowPrivate, then the built-in ranges,
// which are the IANA special-purpose registries (RFC 6890). Of IPv6 only global unicast, 2000::/3, is open, which
// excludes compatible, NAT64, Teredo, unique-local, link-local and site-local addresses.
//
// An IPv4-mapped address is checked as the IPv4 address that the kernel would connect to.
func (p *policy) address(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if contains(p.deny, a) {
		return false
	}
	if contains(p.allow, a) {
		// Allowing NAT64 opens the IPv4 internet behind the translator, not the translator's own network.
		return !ssrf.IPv6NAT64Prefix.Contains(a) || p.address(nat64(a))
	}
	if p.allowPrivate && contains(privateRanges, a) {
		return true
	}
	if a.Is4() {
		return a != azureWireServer && !contains(ssrf.IPv4DeniedPrefixes, a)
	}
	return ssrf.IPv6GlobalUnicast.Contains(a) && !contains(ssrf.IPv6DeniedPrefixes, a)
}

// port reports whether n may be connected to.
func (p *policy) port(n uint16) bool {
	return n != 0 && (len(p.ports) == 0 || slices.Contains(p.ports, n))
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// nat64 is the IPv4 address in the last 32 bits of a (RFC 6052, section 2.2, for a /96).
func nat64(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}
