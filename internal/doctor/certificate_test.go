package doctor_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// secure serves TLS with a certificate for 127.0.0.1, changed by change, and returns its URL.
func secure(t *testing.T, a *certificates.Authority, handler http.Handler, change func(*x509.Certificate)) string {
	t.Helper()
	chain, key := a.Issue(t, "receiver", nil, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		change(c)
	})
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// connects is a proxy that connects to every host.
func connects(w http.ResponseWriter, r *http.Request) {
	far, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	_, _ = near.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
	_, _ = near.Close(), far.Close()
	<-ended
}

// What is wrong with a certificate is named, with what to do: of a receiver, directly and through a proxy, of a server, and of the proxy itself.
func TestCertificates(t *testing.T) {
	a := certificates.NewAuthority(t, "Lab root")
	past, future := time.Now().Add(-time.Minute), time.Now().Add(30*time.Minute)
	none := func(*x509.Certificate) {}
	wrong := map[string]struct {
		url  string
		want []string
	}{
		"expired": {
			secure(t, a, http.NotFoundHandler(), func(c *x509.Certificate) { c.NotAfter = past }),
			[]string{"its certificate expired at " + past.UTC().Format("2006-01-02T15:"), "renew the certificate of the ", "clock of this host"},
		},
		"too early": {
			secure(t, a, http.NotFoundHandler(), func(c *x509.Certificate) { c.NotBefore = future }),
			[]string{"its certificate is valid only from " + future.UTC().Format("2006-01-02T15:"), "clock of this host"},
		},
		"wrong name": {
			secure(t, a, http.NotFoundHandler(), func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"a.example", "b.example"} }),
			[]string{"its certificate is for a.example, b.example, not for 127.0.0.1", "use the name that the certificate of the "},
		},
		"unknown": {
			secure(t, a, http.NotFoundHandler(), none),
			[]string{`its certificate was issued by "CN=Lab root", which this host does not know`, "install the root certificate", "whole chain"},
		},
		"self-signed": {selfSigned(t), []string{"its certificate is self-signed", "SSL_CERT_FILE"}},
	}
	proxy := receiver(t, func(w http.ResponseWriter, r *http.Request) { connects(w, r) })
	for name, tc := range wrong {
		for where, ask := range map[string]func(p *patient){
			"receiver": func(p *patient) { p.Reach = []string{tc.url} },
			"proxied":  func(p *patient) { p.Reach, p.Config.Proxy = []string{tc.url}, parsed(t, proxy) },
			"server":   func(p *patient) { p.Server = tc.url },
		} {
			t.Run(name+"/"+where, func(t *testing.T) { explained(t, ask, tc.want...) })
		}
	}
	through := func(proxy string) func(*patient) {
		return func(p *patient) { p.Reach, p.Config.Proxy = []string{"https://receiver.invalid"}, parsed(t, proxy) }
	}
	t.Run("proxy refuses", func(t *testing.T) {
		explained(t, through(receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })),
			"the proxy does not connect: it answers 403", "correct --forward-proxy")
	})
	t.Run("proxy is not there", func(t *testing.T) {
		explained(t, through(closed(t)), "proxyconnect", "correct --forward-proxy, start the proxy")
	})
	t.Run("proxy's own", func(t *testing.T) {
		explained(t, through(secure(t, a, http.NotFoundHandler(), none)), `the proxy's certificate was issued by "CN=Lab root"`, "have the proxy send")
	})
}

// explained checks that one check fails, and what it says.
func explained(t *testing.T, ask func(p *patient), want ...string) {
	t.Helper()
	p := healthy(t, storetest.SQLite, false)
	p.Host.Resolvers = []string{resolver(t, true)}
	ask(p)
	names, text := p.examine()
	for _, part := range want {
		if len(names) != 1 || !strings.Contains(text, part) {
			t.Errorf("%v: want %q in\n%s", names, part, text)
		}
	}
}

func selfSigned(t *testing.T) string {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.URL
}

func parsed(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
