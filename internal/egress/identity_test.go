package egress

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// identity issues a client certificate.
func identity(t *testing.T, a *certificates.Authority, name string, change ...func(*x509.Certificate)) *Identity {
	t.Helper()
	chain, key := a.Issue(t, name, nil, change...)
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(chain + key))
	return &Identity{Certificate: &pair, Name: hex.EncodeToString(sum[:])}
}

// guarded is a receiver that requests client certificates of an authority, and answers with the name in the one that it got and the host that
// it was asked for.
func guarded(t *testing.T, h2 bool, a *certificates.Authority, change func(*tls.Config)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Proto", r.Proto)
		w.Header().Set("Connection-From", r.RemoteAddr)
		name := "nobody"
		if certs := r.TLS.PeerCertificates; len(certs) > 0 {
			name = certs[0].Subject.CommonName
		}
		_, _ = w.Write([]byte(name + " " + r.Host))
	}))
	s.EnableHTTP2 = h2
	s.Config.ErrorLog = quiet
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool()}
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

var protocols = map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true}

// A receiver that requires a certificate gets it, over both versions of HTTP, under its own host name; the connection is used again by requests
// with the same certificate only. A request with another one, or with none, never goes over it, nor resumes its session.
func TestIdentities(t *testing.T) {
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			a := certificates.NewAuthority(t, "a")
			s := guarded(t, h2, a, func(c *tls.Config) { c.ClientAuth = tls.VerifyClientCertIfGiven })
			c := client(t, private(s))
			alice, bob := identity(t, a, "alice"), identity(t, a, "bob")
			from := map[string]string{}
			for _, round := range []string{"first", "again", "resumed"} {
				if round == "resumed" { // new connections, with the sessions of the old ones
					c.pool.empty(false)
					c.transport.CloseIdleConnections()
					clear(from)
				}
				for who, i := range map[string]*Identity{"alice": alice, "bob": bob, "nobody": nil} {
					res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, s.URL+"/hook"), Body: []byte("{}"), Identity: i})
					if want := who + " " + strings.TrimPrefix(s.URL, "https://"); res.Code != OK || string(res.Body) != want || res.Header.Get("Proto") != name {
						t.Fatalf("%s, %s: %+v %s", round, who, res, res.Body)
					}
					at := res.Header.Get("Connection-From")
					for other, used := range from {
						if (used == at) != (other == who) {
							t.Errorf("%s: the connection of %s is used by %s", round, other, who)
						}
					}
					if from[who] = at; res.Reused != (round == "again") {
						t.Errorf("%s, %s: reused is %t", round, who, res.Reused)
					}
				}
			}
		})
	}
}

// A receiver that does not accept the certificate fails the attempt with a code of its own, whether it says so in the handshake or, as with TLS 1.3,
// after it; without a certificate the code stays TLS.
func TestRefusedIdentities(t *testing.T) {
	a, other := certificates.NewAuthority(t, "a"), certificates.NewAuthority(t, "other")
	good := identity(t, a, "good")
	expired := identity(t, a, "expired", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	for name, h2 := range protocols {
		for version, max := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
			revoked := func([][]byte, [][]*x509.Certificate) error { return errors.New("revoked") }
			for what, c := range map[string]struct {
				i      *Identity
				change func(*tls.Config)
				code   Code
				says   string
			}{
				"accepted":             {i: good, code: OK},
				"of another authority": {i: identity(t, other, "other"), code: ClientCertificate, says: "did not accept"},
				"expired":              {i: expired, code: ClientCertificate, says: "has expired"},
				"revoked":              {i: good, change: func(c *tls.Config) { c.VerifyPeerCertificate = revoked }, code: ClientCertificate, says: "did not accept"},
				"missing":              {code: TLS, says: "requires a client certificate, and the webhook has none"},
			} {
				t.Run(strings.Join([]string{name, version, what}, " "), func(t *testing.T) {
					s := guarded(t, h2, a, func(config *tls.Config) {
						config.MaxVersion = max
						if c.change != nil {
							c.change(config)
						}
					})
					res := client(t, private(s)).Do(within(t, 20*time.Second), &Request{URL: parse(t, s.URL), Body: []byte("{}"), Identity: c.i})
					if res.Code != c.code || !strings.Contains(res.Message, c.says) {
						t.Errorf("%q %q", res.Code, res.Message)
					}
					if kind := webhook.ErrorCode(res.Code); kind == webhook.ErrorClientCertificate {
						e := webhook.Explain(&webhook.Attempt{Status: webhook.AttemptFailed, Error: &kind, Message: res.Message}, nil)
						if !strings.Contains(e.Summary, c.says) {
							t.Errorf("explained as %q", e.Summary)
						}
					}
				})
			}
		}
	}
}
