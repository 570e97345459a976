package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParsePrefix parses a range of addresses, such as 10.0.0.0/8, or one address.
func ParsePrefix(text string) (netip.Prefix, error) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is neither a range of addresses like 10.0.0.0/8 nor an address", text)
	}
	return p, nil
}
