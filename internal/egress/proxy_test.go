package egress

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// forwarder is a CONNECT proxy on loopback that records requests. It answers with status, and connects if that is 2xx.
type forwarder struct {
	mu    sync.Mutex
	asked []string
	auth  string
	url   *url.URL
}

func newForwarder(t *testing.T, status int) *forwarder {
	t.Helper()
	f := &forwarder{}
	r := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.asked = append(f.asked, req.Method+" "+req.RequestURI)
		f.auth = req.Header.Get("Proxy-Authorization")
		f.mu.Unlock()
		fmt.Fprintf(c, "HTTP/1.1 %d x\r\n\r\n", status)
		if status/100 != 2 {
			return
		}
		target, err := net.Dial("tcp", req.RequestURI)
		if err != nil {
			return
		}
		defer target.Close()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = io.Copy(c, target); c.Close() })
		_, _ = io.Copy(target, in)
		target.Close()
		wg.Wait()
	})
	f.url = &url.URL{Scheme: "http", Host: r.addr, User: url.UserPassword("u", "p")}
	return f
}

// With a proxy, receivers are resolved and checked here, and the proxy gets the checked address.
func TestProxy(t *testing.T) {
	ca := newCanary(t)
	addr, cfg := publicReceiver(t, ca, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") })
	f := newForwarder(t, 204) // any 2xx accepts
	cfg.Proxy = f.url
	cfg.Resolver = answers{{netip.MustParseAddr("127.0.0.1"), addr.Addr()}}
	res := client(t, cfg).Do(within(t, 20*time.Second), &Request{URL: ca.url(t, "example.com")})
	if res.Code != OK || string(res.Body) != "hi" || res.Timings.TLS == 0 {
		t.Errorf("%+v", res)
	}
	if want := "CONNECT " + addr.String(); len(f.asked) != 1 || f.asked[0] != want || f.auth != "Basic dTpw" {
		t.Errorf("asked %q with %q, want %q", f.asked, f.auth, want)
	}
	ca.untouched(t)
}

// The proxy is never asked for a closed address, in any spelling: it would connect to it.
func TestProxyIsNotAskedForClosedAddresses(t *testing.T) {
	ca := newCanary(t)
	f := newForwarder(t, 200)
	loopback := answers{{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}}
	c := client(t, Config{Proxy: f.url, Ports: []uint16{ca.port}, Resolver: loopback})
	for _, s := range spellings {
		for _, u := range targets(s, ca.port) {
			res := c.Do(within(t, 20*time.Second), &Request{URL: u})
			if res.Code != BlockedAddress && res.Code != Protocol {
				t.Errorf("%s: %q %q", s, res.Code, res.Message)
			}
		}
	}
	// Nor is it if the check after the lookup missed one: the last check, before the kernel connects, does not see proxied
	// addresses.
	d := &dialer{policy: &c.policy}
	var err error
	if d.proxy, err = newProxy(f.url, &tls.Config{}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.connect(within(t, 20*time.Second), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), ca.port)); !errors.Is(err, errBlockedAddress) {
		t.Error(err)
	}
	if len(f.asked) != 0 {
		t.Errorf("asked %q", f.asked)
	}
	ca.untouched(t)
}

// If the proxy makes no connection, the receiver is unreachable. If the proxy itself is unreachable, or refuses this server, that
// is the operator's problem, not the receiver's failure.
func TestProxyFails(t *testing.T) {
	addr := netip.MustParseAddr("127.0.0.2")
	refusing := newForwarder(t, 403)
	stalled := newRaw(t, nil, func(_ net.Conn, _ *bufio.Reader, stop <-chan struct{}) { <-stop })
	chatty := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, "HTTP/1.1 200 x\r\n\r\nhello")
		<-stop
	})
	flood := newRaw(t, nil, func(c net.Conn, _ *bufio.Reader, stop <-chan struct{}) {
		forever(c, strings.Repeat("x", 1024), 0, stop)
	})
	for name, tt := range map[string]struct {
		proxy   *url.URL
		code    Code
		message string
	}{
		"refuses":                {refusing.url, Connect, "status 403"},
		"stalls":                 {&url.URL{Scheme: "http", Host: stalled.addr}, Timeout, "connection to the receiver was not made"},
		"chatty":                 {&url.URL{Scheme: "http", Host: chatty.addr}, Connect, "proxy"},
		"floods":                 {&url.URL{Scheme: "http", Host: flood.addr}, Connect, "proxy"},
		"is down":                {&url.URL{Scheme: "http", Host: webhooktest.Refusing(t)}, Local, "proxy"},
		"no TLS":                 {&url.URL{Scheme: "https", Host: refusing.url.Host}, Local, "proxy"},
		"wants another password": {newForwarder(t, 407).url, Local, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, Config{Proxy: tt.proxy, Allow: []netip.Prefix{netip.PrefixFrom(addr, 32)}, Resolver: answers{{addr}}})
			res := measured(t, c, &Request{URL: parse(t, "https://example.com/")}, tt.code)
			if res.Code != tt.code || !strings.Contains(res.Message, tt.message) || strings.Contains(res.Message, "127.") {
				t.Errorf("%q %q", res.Code, res.Message)
			}
		})
	}
}
