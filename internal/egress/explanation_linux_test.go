package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// unprovoked are the rows of the page that no receiver on loopback can cause, by what happened.
var unprovoked = map[string]string{
	"The receiver reset the connection while it was made.":          "Linux reports a reset as a refusal until the connection is made",
	"The request could not be signed.":                              "nothing is sent; see TestNothingToSign in internal/sender",
	"The webhook's payload template makes a body that is too long.": "nothing is sent; see TestPayloadThatCannotBeMade in internal/sender",

	"The token server did not accept the webhook's client ID and secret.": "it is the sender's; see TestTokenServersFail in internal/sender",
	"The token server refused to issue an access token.":                  "as above",
	"The token server's answer has no usable access token.":               "as above",
	"No access token could be fetched from the token server.":             "as above",
	"The webhook's client certificate has expired.":                       "these requests have no certificate; see TestRefusedIdentities",
	"The receiver did not accept the webhook's client certificate.":       "as above",
}

// explained returns the attempt that a request to a receiver comes to, as the sender records it.
func explained(t *testing.T, c *Client, address string, patience time.Duration) (code string, e *webhook.Explanation) {
	t.Helper()
	res := c.Do(within(t, patience), &Request{URL: parse(t, address), Body: []byte(`{"a":1}`)})
	a := &webhook.Attempt{Status: webhook.AttemptFailed, Message: res.Message}
	kind := webhook.ErrorCode(res.Code)
	if res.Code == OK {
		kind = webhook.ErrorHTTPStatus
	}
	a.Error = &kind
	if res.StatusCode != 0 {
		a.ResponseStatus = &res.StatusCode
	}
	return string(kind), webhook.Explain(a, nil)
}

// failuresPage returns the rows of the table of failures in the guide to the API, which has all of the code's
// (TestFailuresPage in internal/webhook): by code and cause, what happened.
func failuresPage(t *testing.T) map[[2]string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/api/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[[2]string]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(strings.TrimSpace(line), " | "); len(cells) == 4 && strings.HasPrefix(cells[0], "| `") {
			rows[[2]string{strings.Trim(cells[0], "| `"), cells[2]}] = cells[1]
		}
	}
	if len(rows) < 40 {
		t.Fatalf("%d rows were found", len(rows))
	}
	return rows
}

// scene is a receiver that fails, and how it is called.
type scene struct {
	serve  func(c net.Conn, in *bufio.Reader, stop <-chan struct{})
	secure *tls.Config // nil: plain TCP
	scheme string
	cfg    Config
	addr   string        // of a receiver that is not serve's
	time   time.Duration // 0: it fails by itself
}

func status(code int) scene {
	return scene{serve: answer(fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", code)), scheme: "http"}
}

// oldTLS answers a hello with that of a server which chooses TLS 1.1.
func oldTLS(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
	_, _ = in.Peek(1)
	_, _ = in.Discard(in.Buffered())
	hello := append([]byte{3, 2}, make([]byte, 32)...) // version and random
	hello = append(hello, 0, 0xc0, 0x13, 0)            // no session, a cipher suite, no compression
	hello = append([]byte{2, 0, 0, byte(len(hello))}, hello...)
	_, _ = c.Write(append([]byte{22, 3, 2, 0, byte(len(hello))}, hello...))
	_, _ = io.Copy(io.Discard, in)
}

func scenes(t *testing.T) map[string]scene {
	t.Helper()
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	resolver := answers{{netip.MustParseAddr("127.0.0.1")}}
	secure := func(cert tls.Certificate, change func(*tls.Config)) scene {
		cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}
		if change != nil {
			change(cfg)
		}
		return scene{serve: answer("HTTP/1.1 204 X\r\n\r\n"), secure: cfg, scheme: "https", cfg: Config{RootCAs: pool, Resolver: resolver}}
	}
	changed := func(change func(*x509.Certificate)) scene { return secure(certificate(t, ca, change), nil) }
	hook := certificate(t, ca, nil)
	lookup := func(err *net.DNSError) scene {
		return scene{scheme: "https", cfg: Config{Resolver: resolverFunc(func(context.Context, string, string) ([]netip.Addr, error) { return nil, err })}}
	}
	forward := newForwarder(t, http.StatusBadGateway)
	all := map[string]scene{
		"no such host":      lookup(&net.DNSError{Err: "no such host", IsNotFound: true}),
		"SERVFAIL":          lookup(&net.DNSError{Err: "server misbehaving", IsTemporary: true}),
		"slow name servers": lookup(&net.DNSError{Err: "i/o timeout", IsTimeout: true}),
		"refused":           {scheme: "http", addr: webhooktest.Refusing(t)},
		"proxy fails":       {scheme: "https", addr: "127.0.0.1:443", cfg: Config{Proxy: &url.URL{Scheme: "http", Host: forward.url.Host}}},
		"no connection":     {scheme: "http", addr: fullBacklog(t), time: deadline},
		"private":           {scheme: "https", addr: "127.0.0.1:443", cfg: Config{Ports: []uint16{443}}},

		"expired":      changed(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		"not yet":      changed(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
		"another name": changed(func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} }),
		"self-signed":  secure(certificate(t, nil, nil), nil),
		"mutual TLS":   secure(hook, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }),
		"alert": secure(hook, func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, io.ErrUnexpectedEOF }
		}),
		"http on https": {serve: answer("HTTP/1.1 400 Bad Request\r\n\r\n"), scheme: "https"},
		"TLS 1.1":       {serve: oldTLS, scheme: "https"},
		"no handshake":  {serve: func(net.Conn, *bufio.Reader, <-chan struct{}) {}, scheme: "https"},
		"TLS stalls":    {serve: func(_ net.Conn, _ *bufio.Reader, stop <-chan struct{}) { <-stop }, scheme: "https", time: deadline},

		"silence":       {serve: thenWait(""), scheme: "http", time: deadline},
		"half a body":   {serve: thenWait("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), scheme: "http", time: deadline},
		"https on http": {serve: answer("\x15\x03\x03\x00\x02\x02\x28"), scheme: "http"},
		"closes":        {serve: answer(""), scheme: "http"},
		"resets":        {serve: func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) { skipRequest(in); hardClose(c) }, scheme: "http"},
		"no HTTP":       {serve: answer("hello\r\n\r\n"), scheme: "http"},
	}
	for _, code := range []int{302, 400, 401, 403, 404, 405, 408, 410, 413, 415, 418, 429, 500, 502, 503, 504, 600} {
		all[fmt.Sprint("status ", code)] = status(code)
	}
	return all
}

// Each row of the table of explanations is what a real receiver that fails in its way comes to, with the cause and the advice that the
// guide to the API has.
func TestEveryExplanationIsProvoked(t *testing.T) {
	rows := failuresPage(t)
	for what, s := range scenes(t) {
		t.Run(what, func(t *testing.T) {
			if s.serve != nil {
				s.addr = newRaw(t, nil, func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
					if s.secure != nil {
						session := tls.Server(c, s.secure)
						defer session.Close()
						if session.Handshake() != nil {
							return
						}
						c, in = session, bufio.NewReader(session)
					}
					s.serve(c, in, stop)
				}).addr
			}
			if s.addr == "" {
				s.addr = "127.0.0.1:443"
			}
			address := s.scheme + "://" + s.addr + "/"
			if s.cfg.Resolver != nil {
				address = s.scheme + "://hook.example" + s.addr[strings.LastIndex(s.addr, ":"):] + "/"
			}
			s.cfg.AllowPrivate = s.cfg.Ports == nil
			patience := 20 * time.Second
			if s.time > 0 {
				patience = s.time
			}
			code, e := explained(t, client(t, s.cfg), address, patience)
			row := [2]string{code, e.Cause}
			happened, found := rows[row]
			if !found {
				t.Fatalf("%s %+v is not another row of the page", code, e)
			}
			if code != string(webhook.ErrorHTTPStatus) && happened != e.Summary {
				t.Errorf("%q happened, the page has %q", e.Summary, happened)
			}
			delete(rows, row)
		})
	}
	for row, happened := range rows {
		if unprovoked[happened] == "" {
			t.Errorf("no receiver caused %s %q", row[0], happened)
		}
	}
}
