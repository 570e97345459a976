package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// spellings are ways to write this machine, or another internal address, as a URL's host.
var spellings = []string{
	// names
	"localhost", "LOCALHOST", "localhost.", "LocalHost.", "app.localhost", "a.b.localhost.", "localhost.localdomain",
	"ip6-localhost", "ip6-loopback", "ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "loc\u00adalhost", "%E2%93%9Bocalhost", "localhoſt", "app。localhost",
	// decimal, short, octal, hexadecimal, mixed (inet_aton)
	"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.1.", "2130706433", "017700000001", "0177.0.0.1", "0177.1",
	"0x7f.0.0.1", "0X7F.0.0.1", "0x7f.1", "0x7f000001", "0x7F000001.", "0177.0x0.0.1", "127.000.000.001", "0000177.0.0.1",
	"127.0.0.0x1", "127.255.255.255", "127.0x000001", "0", "0.0.0.0", "0x0", "00", "4294967295", "9223372036854775809",
	"0xffffffff7f000001", "127.0.0.256",
	// Unicode digits and dots
	"①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "１２７.０.０.１", "１２７。１", "𝟙𝟚𝟟.𝟘.𝟘.𝟙", "０ｘ７ｆ.1", "⑴⑵⑺.0.0.1", "٠.٠.٠.٠",
	"127%E3%80%820%E3%80%820%E3%80%821",
	// IPv6
	"[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
	"[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::1%25lo]", "[::1%25]", "[fe80::1%25lo]",
	"[fd00::1]", "[fec0::1]", "[ff02::1]", "[::FFFF:127.0.0.1]", "[2001:0:7f00:1::]", "::1", "[::1].", "[::1",
	// parser confusion
	"127.0.0.1%00.example.com", "127.0.0.1%2f.example.com", "example.com@127.0.0.1", "127.0.0.1\\.example.com", "127.0.0.1#.example.com",
	"127.0.0.1%0d%0a", "127.0.0.1 .example.com", "[127.0.0.1]", "[::1]x",
	// inside
	"169.254.169.254", "2852039166", "0xA9FEA9FE", "168.63.129.16", "10.1", "192.168.257", "0300.0250.0.1", "172.16.1", "100.64.1",
}

// hostile is a Client that only the address check protects from the canary: its port is open.
func hostile(t testing.TB, ca *canary, r Resolver) *Client {
	t.Helper()
	return client(t, Config{
		Ports: []uint16{443, ca.port}, Resolver: r,
		Allow: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}, // names are looked up as they are, without a trailing dot
	})
}

func TestSpellingsWhenSaving(t *testing.T) {
	if n := len(spellings); n < 60 {
		t.Fatalf("%d spellings", n)
	}
	ca := newCanary(t)
	c := hostile(t, ca, nil)
	for _, s := range spellings {
		for _, raw := range []string{"https://" + s + "/", fmt.Sprintf("https://%s:%d/x", s, ca.port)} {
			if got, err := c.ValidateURL(raw); err == nil {
				t.Errorf("%s was accepted as %s", raw, got)
			}
		}
	}
}

func TestClosedAddressesWhenSaving(t *testing.T) {
	c := client(t, Config{})
	for _, host := range closedHosts() {
		if got, err := c.ValidateURL("https://" + host + "/"); err == nil {
			t.Errorf("%s was accepted as %s", host, got)
		}
	}
}

// closedHosts returns every closed address as the host of a URL.
func closedHosts() (all []string) {
	for _, a := range closedAddresses {
		if strings.Contains(a, ":") {
			a = "[" + strings.ReplaceAll(a, "%", "%25") + "]"
		}
		all = append(all, a)
	}
	return all
}

func TestClosedAddressesWhenSending(t *testing.T) {
	ca := newCanary(t)
	c := hostile(t, ca, nil)
	for _, host := range closedHosts() {
		for _, u := range targets(host, ca.port) {
			if res := c.Do(within(t, 20*time.Second), &Request{URL: u}); res.Code != BlockedAddress {
				t.Errorf("%s: %q %q", u.Host, res.Code, res.Message)
			}
		}
	}
	ca.untouched(t)
}

// A forbidden URL that is already in the database is stopped when sending. The resolver is the worst possible: every name resolves
// to this machine.
func TestSpellingsWhenSending(t *testing.T) {
	ca := newCanary(t)
	loopback := answers{{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}}
	for name, c := range map[string]*Client{
		"scripted": hostile(t, ca, loopback),
		"rooted":   client(t, Config{Ports: []uint16{ca.port}, Resolver: loopback}),
		"Go":       hostile(t, ca, newDNS(t, func(string, int) []any { return []any{"127.0.0.1", "::1"} }).resolver()),
	} {
		for _, s := range spellings {
			for _, u := range targets(s, ca.port) {
				res := c.Do(within(t, 20*time.Second), &Request{URL: u, Body: []byte("{}")})
				if res.Code != BlockedAddress && res.Code != DNS && res.Code != Protocol {
					t.Errorf("%s: %s: %q %q %d", name, s, res.Code, res.Message, res.StatusCode)
				}
			}
		}
	}
	ca.untouched(t)
}

// targets returns the URL of a host unparsed, and as net/url parses it, if it can.
func targets(host string, port uint16) []*url.URL {
	hostport := host + ":" + strconv.Itoa(int(port))
	us := []*url.URL{{Scheme: "https", Host: hostport, Path: "/"}}
	if u, err := url.Parse("https://" + hostport + "/"); err == nil {
		us = append(us, u)
	}
	return us
}

// The C library's resolver parses numbers like inet_aton. It must be selected when the process starts, so the test runs itself
// again.
func TestSpellingsWithCgoResolver(t *testing.T) {
	const child = "EGRESS_TEST_CGO"
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSpellingsWithCgoResolver$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1", "GODEBUG=netdns=cgo")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), "--- SKIP") {
			t.Skip("built without cgo")
		}
		return
	}
	r := &net.Resolver{}
	if got, err := r.LookupNetIP(t.Context(), "ip", "127.1"); err != nil || got[0].Unmap() != netip.MustParseAddr("127.0.0.1") {
		t.Skipf("this is not the C library's resolver: %v, %v", got, err)
	}
	ca := newCanary(t)
	c := hostile(t, ca, r)
	blocked := 0
	for _, s := range spellings {
		mapped, _ := hosts.ToASCII(s)
		switch {
		case mapped == "localhost":
		case !asciiHost(mapped), !endsInNumber(mapped), slices.Contains([]string{"127.0.0.256", "9223372036854775809", "0xffffffff7f000001"}, mapped):
			continue // not an address for the C library either, which would query a name server
		}
		for _, u := range targets(s, ca.port) {
			res := c.Do(within(t, 20*time.Second), &Request{URL: u})
			if res.Code == BlockedAddress {
				blocked++
			} else if res.Code != DNS && res.Code != Protocol {
				t.Errorf("%s: %q %q", s, res.Code, res.Message)
			}
		}
	}
	if blocked < 40 {
		t.Errorf("%d spellings were read as addresses", blocked)
	}
	ca.untouched(t)
}

// Every closed address is refused as a DNS answer, alone and beside others of its kind, with a message that does not contain it.
func TestClosedAddressesAsDNSAnswers(t *testing.T) {
	for _, s := range closedAddresses {
		a := netip.MustParseAddr(s)
		c := client(t, Config{Resolver: answers{{a, a}}})
		res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, "https://hook.example/")})
		if res.Code != BlockedAddress || strings.Contains(res.Message, s) {
			t.Errorf("%s: %q %q", s, res.Code, res.Message)
		}
	}
}

// closedAnswers returns every closed address as a name server could return it: alone, behind an alias, and beside others.
func closedAnswers() (all [][]any) {
	for i, a := range closedAddresses {
		if strings.Contains(a, "%") {
			continue // DNS has no zones
		}
		other := closedAddresses[(i+7)%len(closedAddresses)]
		if strings.Contains(other, "%") {
			other = "127.0.0.1"
		}
		all = append(all, []any{a}, []any{cname("alias.example."), a}, []any{a, other, "127.0.0.1", "::1"})
	}
	return all
}

// The same from a name server, with Go's resolver. TestDNSAnswersWithCgoResolver uses the C library's.
func TestClosedAddressesFromNameServer(t *testing.T) {
	ca := newCanary(t)
	all := closedAnswers()
	if len(all) < 3*60 {
		t.Fatalf("%d answers", len(all))
	}
	ns := newDNS(t, func(_ string, round int) []any { return all[round] })
	c := client(t, Config{Ports: []uint16{ca.port}, Resolver: ns.resolver()})
	for _, answers := range all {
		res := c.Do(within(t, 20*time.Second), &Request{URL: ca.url(t, "hook.example")})
		if res.Code != BlockedAddress || strings.ContainsAny(res.Message, "0123456789") {
			t.Errorf("%v: %q %q", answers, res.Code, res.Message)
		}
		ns.next()
	}
	ca.untouched(t)
}

// No dial bypasses the check at the socket.
func TestControl(t *testing.T) {
	ca := newCanary(t)
	p, err := newPolicy(&Config{Ports: []uint16{ca.port}})
	if err != nil {
		t.Fatal(err)
	}
	d := &dialer{policy: &p}
	d.target.ControlContext = d.control
	for _, network := range []string{"tcp", "tcp4", "tcp6", "udp"} {
		for _, host := range []string{"127.0.0.1", "::1", "localhost", "::ffff:127.0.0.1"} {
			c, err := d.target.DialContext(within(t, time.Second), network, net.JoinHostPort(host, strconv.Itoa(int(ca.port))))
			if err == nil {
				c.Close()
				t.Errorf("%s %s: connected", network, host)
			}
		}
	}
	if _, err := d.connect(t.Context(), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), ca.port)); !errors.Is(err, errBlockedAddress) {
		t.Error(err)
	}
	if err := d.control(t.Context(), "tcp4", "8.8.8.8:22", nil); err == nil {
		t.Error("port 22 is open")
	}
	if err := d.control(t.Context(), "tcp4", fmt.Sprintf("8.8.8.8:%d", ca.port), nil); err != nil {
		t.Error(err)
	}
	ca.untouched(t)
}

// A receiver at 127.0.0.2 stands for the internet, and 127.0.0.1 for the internal network. The receiver's certificate is for
// example.com.
func publicReceiver(t testing.TB, ca *canary, h http.HandlerFunc) (addr netip.AddrPort, cfg Config) {
	t.Helper()
	// The same port as the canary's, so that one URL may lead to both.
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", ca.port))
	if err != nil {
		t.Skip(err) // only Linux has all of 127/8
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = l
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	cfg = Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, Ports: []uint16{ca.port}, RootCAs: x509.NewCertPool()}
	cfg.RootCAs.AddCert(s.Certificate())
	return l.Addr().(*net.TCPAddr).AddrPort(), cfg
}

// scripted are a name server's successive answers, and the expected results: 127.0.0.2 is allowed.
var scripted = map[string]struct {
	script func(name string, round int) []any
	want   []Code
}{
	"public": {func(string, int) []any { return []any{"127.0.0.2"} }, []Code{OK, OK}},
	"rebinding": {func(_ string, round int) []any {
		if round == 0 {
			return []any{"127.0.0.2"}
		}
		return []any{"127.0.0.1"}
	}, []Code{OK, BlockedAddress, BlockedAddress}},
	"rebinding and back": {func(_ string, round int) []any {
		return []any{fmt.Sprintf("127.0.0.%d", 2-round%2)}
	}, []Code{OK, BlockedAddress, OK, BlockedAddress}},
	"rebinding by an alias": {func(_ string, round int) []any {
		return []any{cname("alias.example."), fmt.Sprintf("127.0.0.%d", 2-round%2)}
	}, []Code{OK, BlockedAddress}},
	"mixed":               {func(string, int) []any { return []any{"127.0.0.1", "127.0.0.2", "::1"} }, []Code{OK, OK}},
	"mixed, inside first": {func(string, int) []any { return []any{"10.0.0.1", "169.254.169.254", "127.0.0.2"} }, []Code{OK}},
	"all inside":          {func(string, int) []any { return []any{"127.0.0.1", "::1", "10.0.0.1"} }, []Code{BlockedAddress}},
	"CNAME to inside": {func(string, int) []any {
		return []any{cname("inside.example."), "127.0.0.1"}
	}, []Code{BlockedAddress}},
	"CNAME to localhost": {func(string, int) []any { return []any{cname("localhost."), "127.0.0.1", "::1"} }, []Code{BlockedAddress}},
	"CNAME to public":    {func(string, int) []any { return []any{cname("outside.example."), "127.0.0.2"} }, []Code{OK}},
	"mapped AAAA":        {func(string, int) []any { return []any{"::ffff:127.0.0.1"} }, []Code{BlockedAddress}},
	"compatible AAAA":    {func(string, int) []any { return []any{"::127.0.0.1"} }, []Code{BlockedAddress}},
	"NAT64 AAAA":         {func(string, int) []any { return []any{"64:ff9b::7f00:1"} }, []Code{BlockedAddress}},
	"unspecified":        {func(string, int) []any { return []any{"0.0.0.0", "::"} }, []Code{BlockedAddress}},
	"nothing":            {func(string, int) []any { return nil }, []Code{DNS}},
}

// rebinds answers for each closed address first with an allowed one, and at the next request with the closed one: alone, behind an
// alias, or beside others, in turn.
func rebinds() (script func(name string, round int) []any, requests int) {
	var all [][]any
	for i, forms := 0, closedAnswers(); i < len(forms); i += 3 {
		all = append(all, forms[i+i/3%3])
	}
	return func(_ string, round int) []any {
		if round%2 == 0 {
			return []any{"127.0.0.2"}
		}
		return all[round/2]
	}, 2 * len(all)
}

// outside is a receiver that counts requests, and closes every connection, so that the next request looks the name up again.
func outside(t testing.TB, ca *canary) (cfg Config, served *atomic.Int64) {
	t.Helper()
	served = &atomic.Int64{}
	_, cfg = publicReceiver(t, ca, func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		w.Header().Set("Connection", "close")
	})
	return cfg, served
}

// Rebinding, mixed answers, CNAME chains and mapped AAAA records from a name server, with Go's resolver.
// TestDNSAnswersWithCgoResolver uses the C library's.
func TestScriptedNameServer(t *testing.T) {
	ca := newCanary(t)
	cfg, served := outside(t, ca)
	for name, tt := range scripted {
		t.Run(name, func(t *testing.T) {
			ns := newDNS(t, tt.script)
			cfg := cfg
			cfg.Resolver = ns.resolver()
			c := client(t, cfg)
			for i, want := range tt.want {
				res := c.Do(within(t, 20*time.Second), &Request{URL: ca.url(t, "example.com")})
				if res.Code != want {
					t.Fatalf("request %d: %q %q, want %q", i, res.Code, res.Message, want)
				}
				ns.next()
			}
		})
	}
	ca.untouched(t)
	if served.Load() == 0 {
		t.Error("the receiver was never reached: the test proves nothing")
	}
}

// A name that was allowed for one request is looked up and checked again for the next, whatever closed address it then resolves to.
func TestRebindingToClosedAddresses(t *testing.T) {
	ca := newCanary(t)
	cfg, served := outside(t, ca)
	script, requests := rebinds()
	ns := newDNS(t, script)
	cfg.Resolver = ns.resolver()
	c := client(t, cfg)
	for i := range requests {
		want := OK
		if i%2 == 1 {
			want = BlockedAddress
		}
		if res := c.Do(within(t, 20*time.Second), &Request{URL: ca.url(t, "example.com")}); res.Code != want {
			t.Errorf("%v: %q %q, want %q", script("", i), res.Code, res.Message, want)
		}
		ns.next()
	}
	ca.untouched(t)
	if n := served.Load(); n != int64(requests/2) {
		t.Errorf("the receiver was reached %d times in %d requests", n, requests)
	}
}

// A redirect is a response, and is not followed.
func TestRedirectsAreNotFollowed(t *testing.T) {
	ca := newCanary(t)
	var target atomic.Value
	_, cfg := publicReceiver(t, ca, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", target.Load().(string))
		w.WriteHeader(int(r.URL.Query().Get("s")[0]-'0') + 300)
	})
	cfg.Resolver = answers{{netip.MustParseAddr("127.0.0.2")}}
	c := client(t, cfg)
	for _, s := range slices.Concat(spellings, closedHosts()) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			target.Store(fmt.Sprintf("https://%s:%d/", s, ca.port))
			u := ca.url(t, "example.com")
			u.RawQuery = fmt.Sprintf("s=%d", status-300)
			res := c.Do(within(t, 20*time.Second), &Request{URL: u, Body: []byte("{}")})
			if res.Code != OK || res.StatusCode != status {
				t.Fatalf("%s: %q %q %d", s, res.Code, res.Message, res.StatusCode)
			}
		}
	}
	ca.untouched(t)
}

// A proxy from the environment would hide the address from the check.
func TestEnvironmentProxyIsIgnored(t *testing.T) {
	ca := newCanary(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, fmt.Sprintf("http://127.0.0.1:%d", ca.port))
	}
	_, cfg := publicReceiver(t, ca, func(http.ResponseWriter, *http.Request) {})
	cfg.Resolver = answers{{netip.MustParseAddr("127.0.0.2")}}
	c := client(t, cfg)
	if res := c.Do(within(t, 20*time.Second), &Request{URL: ca.url(t, "example.com")}); res.Code != OK {
		t.Errorf("%q %q", res.Code, res.Message)
	}
	ca.untouched(t)
}

// Plain http and other ports are refused when sending, not only when saving.
func TestSchemeAndPortWhenSending(t *testing.T) {
	ca := newCanary(t)
	c := client(t, Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for _, raw := range []string{"http://127.0.0.1:%d/", "https://127.0.0.1:%d/", "ftp://127.0.0.1:%d/"} {
		res := c.Do(within(t, time.Second), &Request{URL: parse(t, fmt.Sprintf(raw, ca.port))})
		if res.Code != BlockedAddress {
			t.Errorf("%s: %q %q", raw, res.Code, res.Message)
		}
	}
	ca.untouched(t)
}

// Names are looked up as absolute, so that no search list completes them to internal names.
func TestNamesAreRooted(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"production":  {Config{}, "vault.svc."},
		"development": {Config{AllowPrivate: true}, "vault.svc"},
		"inside open": {Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, "vault.svc"},
	} {
		r := &recorder{}
		tt.cfg.Resolver = r
		res := client(t, tt.cfg).Do(within(t, 20*time.Second), &Request{URL: parse(t, "https://vault.svc/")})
		if res.Code != DNS || r.asked != tt.want {
			t.Errorf("%s: asked for %q, want %q", name, r.asked, tt.want)
		}
	}
}

// recorder is a Resolver that knows no name and records the last one.
type recorder struct{ asked string }

func (r *recorder) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.asked = host
	return nil, &net.DNSError{IsNotFound: true}
}

type cname string

// dns is a name server on loopback. Its script returns a name's records, as addresses and cname values, by the number of calls of
// next.
type dns struct {
	script func(name string, round int) []any
	round  atomic.Int64
	conn   net.PacketConn
}

func newDNS(t testing.TB, script func(name string, round int) []any) *dns {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveDNS(t, conn, script)
}

func serveDNS(t testing.TB, conn net.PacketConn, script func(name string, round int) []any) *dns {
	t.Helper()
	d := &dns{script: script, conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer, err := d.answer(buf[:n]); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return d
}

func (d *dns) next() { d.round.Add(1) }

// resolver is Go's resolver, with d as the only server.
func (d *dns) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", d.conn.LocalAddr().String())
	}}
}

func (d *dns) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	q := m.Questions[0]
	owner := q.Name
	for _, r := range d.script(q.Name.String(), int(d.round.Load())) {
		h := dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET}
		switch r := r.(type) {
		case cname:
			owner = dnsmessage.MustNewName(string(r))
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: owner}})
		case string:
			a := netip.MustParseAddr(r)
			switch {
			case a.Is4() && q.Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
			case a.Is6() && q.Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
	}
	return m.Pack()
}

// A certificate must be valid: known authority, right name, TLS 1.2 or newer. Verification cannot be disabled.
func TestCertificates(t *testing.T) {
	s := receiver(t, true, func(http.ResponseWriter, *http.Request) {})
	old := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = quiet
	old.StartTLS()
	t.Cleanup(old.Close)
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	plain.Config.ErrorLog = quiet
	t.Cleanup(plain.Close)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	loopback := answers{{netip.MustParseAddr("127.0.0.1")}}

	trusting := private(s)
	trusting.Resolver = loopback
	strangers := Config{AllowPrivate: true, RootCAs: x509.NewCertPool()}
	for name, tt := range map[string]struct {
		cfg     Config
		url     string
		message string
	}{
		"unknown authority": {strangers, s.URL, "unknown authority"},
		"other name":        {trusting, fmt.Sprintf("https://other.test:%d/", port), "another host name"},
		"TLS 1.1":           {trusting, old.URL, "1.2"},
		"no TLS":            {trusting, "https://" + strings.TrimPrefix(plain.URL, "http://"), "does not speak TLS"},
	} {
		res := client(t, tt.cfg).Do(within(t, 20*time.Second), &Request{URL: parse(t, tt.url)})
		if res.Code != TLS || !strings.Contains(res.Message, tt.message) || res.Timings.Connect == 0 || res.Timings.TLS == 0 {
			t.Errorf("%s: %q %q %+v", name, res.Code, res.Message, res.Timings)
		}
	}
	// The trailing dot is not part of a certificate's name.
	if res := client(t, trusting).Do(within(t, 20*time.Second), &Request{URL: parse(t, fmt.Sprintf("https://example.com.:%d/", port))}); res.Code != OK {
		t.Errorf("%q %q", res.Code, res.Message)
	}
}
