package egress

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is an HTTPS server on loopback, with HTTP/2 if h2 is set.
func receiver(t testing.TB, h2 bool, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = h2
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// client returns a Client that may reach loopback and trusts s; the end of the test closes it.
func client(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func private(s *httptest.Server) Config {
	cfg := Config{AllowPrivate: true}
	if s.Certificate() != nil {
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AddCert(s.Certificate())
	}
	return cfg
}

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// The whole response is returned, status, headers and body, over both versions of HTTP, and the second request reuses the
// connection.
func TestDo(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			s := receiver(t, h2, func(w http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				w.Header().Set("Proto", r.Proto)
				w.Header().Set("Encodings", r.Header.Get("Accept-Encoding"))
				w.Header().Set("Length", r.Header.Get("Content-Length"))
				w.WriteHeader(http.StatusAccepted)
				_, _ = w.Write(append([]byte(r.Method+" "+r.Header.Get("Webhook-Id")+" "), got...))
			})
			c := client(t, private(s))
			for i := range 2 {
				res := c.Do(within(t, 20*time.Second), &Request{
					URL:    parse(t, s.URL+"/hook?x=1"),
					Header: http.Header{"Webhook-Id": {"msg_1"}},
					Body:   []byte(`{"a":1}`),
				})
				if res.Code != OK || res.StatusCode != 202 || string(res.Body) != `POST msg_1 {"a":1}` || res.Truncated {
					t.Fatalf("%+v", res)
				}
				if got := res.Header.Get("Proto"); got != name {
					t.Errorf("spoken %s", got)
				}
				if res.Header.Get("Encodings") != "" || res.Header.Get("Length") != "7" {
					t.Errorf("Accept-Encoding %q, Content-Length %q", res.Header.Get("Encodings"), res.Header.Get("Length"))
				}
				if res.Reused != (i == 1) {
					t.Errorf("request %d: reused %t", i, res.Reused)
				}
				dialed := res.Timings.Connect > 0 && res.Timings.TLS > 0
				if dialed == res.Reused || res.Timings.FirstByte <= 0 || res.Timings.Total < res.Timings.FirstByte {
					t.Errorf("request %d: %+v", i, res.Timings)
				}
			}
		})
	}
}

// By default loopback is closed, by address and by name, and the message does not contain the address.
func TestClosedByDefault(t *testing.T) {
	ca := newCanary(t)
	c := client(t, Config{Ports: []uint16{ca.port}, Resolver: answers{{netip.MustParseAddr("127.0.0.1")}}})
	for _, host := range []string{"127.0.0.1", "inside.example"} {
		res := c.Do(within(t, 20*time.Second), &Request{URL: ca.url(t, host)})
		if res.Code != BlockedAddress || strings.Contains(res.Message, "127.") {
			t.Errorf("%s: %q %q", host, res.Code, res.Message)
		}
	}
	ca.untouched(t)
}

var _ Resolver = (*net.Resolver)(nil)
