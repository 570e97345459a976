package egress

import (
	"net/netip"
	"slices"
	"testing"

	"code.dny.dev/ssrf"
)

// closedAddresses has the first and last address of each range that is closed by default, or its dangerous ones.
var closedAddresses = []string{
	"0.0.0.0", "0.255.255.255", // this network
	"10.0.0.0", "10.255.255.255", // RFC 1918
	"100.64.0.0", "100.127.255.255", "100.100.100.200", // shared address space; Alibaba metadata
	"127.0.0.0", "127.0.0.1", "127.255.255.255", // loopback
	"169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255", // link-local; AWS, GCP, ECS metadata
	"172.16.0.0", "172.31.255.255",
	"192.0.0.0", "192.0.0.192", "192.0.0.255", // protocol assignments; Oracle metadata
	"192.0.2.0", "192.0.2.255", // TEST-NET-1
	"192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1", // AS112, AMT, 6to4 relays
	"192.168.0.0", "192.168.255.255",
	"198.18.0.0", "198.19.255.255", // benchmarking
	"198.51.100.1", "203.0.113.1", // TEST-NET-2 and 3
	"224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255", // multicast, reserved, broadcast
	"168.63.129.16", // Azure

	"::", "::1", // unspecified, loopback
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:168.63.129.16", // mapped
	"::127.0.0.1", "::7f00:1", "::ffff:0:127.0.0.1", // compatible, translated
	"64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::7f00:1", // NAT64
	"100::1",                                                                    // discard
	"2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:1ff:ffff::", // 2001::/23: Teredo, ORCHID
	"2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", // documentation, 6to4
	"2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", // AS112, documentation
	"1fff:ffff::1", "4000::1", "5f00::1", "8000::1", // outside of global unicast
	"fc00::1", "fd00:ec2::254", "fdff::1", // unique local; AWS metadata
	"fe80::1", "fe80::1%lo", "febf::1", "fec0::1", // link-local, site-local
	"ff02::1", "ffff:ffff::1", // multicast
}

var openAddresses = []string{
	"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
	"168.63.129.15", "168.63.129.17", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255",
	"198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8",
	"2000::1", "2001:200::1", "2606:4700::1111", "2a00:1450::1", "3ffe:ffff::1", "3fff:1000::1",
}

func TestBuiltInRanges(t *testing.T) {
	p, err := newPolicy(&Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range closedAddresses {
		if p.address(netip.MustParseAddr(a)) {
			t.Errorf("%s is open", a)
		}
	}
	for _, a := range openAddresses {
		if !p.address(netip.MustParseAddr(a)) {
			t.Errorf("%s is closed", a)
		}
	}
	if p.address(netip.Addr{}) {
		t.Error("no address is open")
	}
}

// The library's tables follow the registries; a version that drops a range fails this test.
func TestTablesHaveNotShrunk(t *testing.T) {
	for _, want := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	} {
		if !slices.Contains(ssrf.IPv4DeniedPrefixes, netip.MustParsePrefix(want)) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, want := range []string{"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"} {
		if !slices.Contains(ssrf.IPv6DeniedPrefixes, netip.MustParsePrefix(want)) {
			t.Errorf("%s is missing", want)
		}
	}
	if ssrf.IPv6GlobalUnicast != netip.MustParsePrefix("2000::/3") {
		t.Errorf("global unicast is %s", ssrf.IPv6GlobalUnicast)
	}
}

// Deny wins over Allow, and Allow over what is built in.
func TestOperatorRanges(t *testing.T) {
	prefixes := func(s ...string) (out []netip.Prefix) {
		for _, p := range s {
			out = append(out, netip.MustParsePrefix(p))
		}
		return out
	}
	type want map[string]bool
	for name, tt := range map[string]struct {
		cfg  Config
		want want
	}{
		"allow": {
			Config{Allow: prefixes("10.1.2.3/16", "fd00::/8")},
			want{"10.1.0.1": true, "10.2.0.1": false, "::ffff:10.1.0.1": true, "fd12::1": true, "fc00::1": false},
		},
		"deny": {
			Config{Deny: prefixes("8.8.8.0/24", "2606::/16")},
			want{"8.8.8.8": false, "::ffff:8.8.8.8": false, "8.8.4.4": true, "2606::1": false, "2607::1": true},
		},
		"both": {
			Config{Allow: prefixes("10.0.0.0/8"), Deny: prefixes("10.9.0.0/16")},
			want{"10.1.0.1": true, "10.9.0.1": false},
		},
		"deny in development": {
			Config{AllowPrivate: true, Deny: prefixes("10.9.0.0/16")},
			want{"10.1.0.1": true, "10.9.0.1": false},
		},
		"development": {
			Config{AllowPrivate: true},
			want{
				"127.0.0.1": true, "::1": true, "192.168.1.1": true, "172.20.0.1": true, "fd00::1": true, "::ffff:127.0.0.1": true,
				"169.254.169.254": false, "fe80::1": false, "0.0.0.0": false, "224.0.0.1": false, "168.63.129.16": false,
				"fd00:ec2::254%eth0": false, "8.8.8.8": true,
			},
		},
		"NAT64 to the IPv4 internet only": {
			Config{Allow: prefixes("64:ff9b::/96")},
			want{"64:ff9b::8.8.8.8": true, "64:ff9b::127.0.0.1": false, "64:ff9b::169.254.169.254": false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := newPolicy(&tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			for a, open := range tt.want {
				if got := p.address(netip.MustParseAddr(a)); got != open {
					t.Errorf("%s: open %t, want %t", a, got, open)
				}
			}
		})
	}
}

func TestContradictoryConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"mapped range":   {Deny: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}},
		"no range":       {Allow: []netip.Prefix{{}}},
		"port 0":         {Ports: []uint16{443, 0}},
		"negative limit": {MaxIdle: -1},
		"socks proxy":    {Proxy: parse(t, "socks5://127.0.0.1:1080")},
		"proxy, no host": {Proxy: parse(t, "http://:3128")},
		"proxy, no port": {Proxy: parse(t, "http://proxy:0")},
	} {
		if c, err := New(cfg); err == nil {
			c.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}
