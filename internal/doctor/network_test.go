package doctor_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// receiver answers every request, after change (nil: no change), and returns its URL.
func receiver(t *testing.T, change http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil {
			change(w, r)
		}
		_, _ = w.Write([]byte("ok\n"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// resolver listens for questions, which it answers or not, and returns its address.
func resolver(t *testing.T, answers bool) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if !answers || m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response = true
			if text, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(text, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().String()
}

func late(by time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
	}
}

// closed is the URL of a port on which nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}

// networkFaults are found only if they are asked for.
var networkFaults = []fault{
	{"no resolver answers", "resolvers", "sqlite", func(p *patient) {
		p.Network, p.Host.Resolvers = true, []string{resolver(p.T, false)}
	}},
	{"one of two resolvers answers", "resolvers", "sqlite", func(p *patient) {
		p.Network, p.Host.Resolvers = true, []string{resolver(p.T, false), resolver(p.T, true)}
	}},
	{"there is no resolver", "resolvers", "sqlite", func(p *patient) { p.Network, p.Host.Resolvers = true, []string{} }},
	{"nobody can be reached", "outbound", "sqlite", func(p *patient) {
		p.Reach, p.Host.Resolvers = []string{closed(p.T)}, []string{resolver(p.T, true)}
	}},
	{"somebody inspects TLS", "outbound", "sqlite", func(p *patient) {
		s := httptest.NewTLSServer(http.NotFoundHandler())
		p.Cleanup(s.Close)
		p.Reach, p.Host.Resolvers = []string{s.URL}, []string{resolver(p.T, true)}
	}},
	{"a receiver's clock is ahead", "network-clock", "sqlite", func(p *patient) {
		p.Reach, p.Host.Resolvers = []string{receiver(p.T, late(10*time.Minute))}, []string{resolver(p.T, true)}
	}},
	{"this clock is ahead of the server's", "network-clock", "sqlite", func(p *patient) { p.Server = receiver(p.T, late(-time.Minute)) }},
	{"the server is not ready", "server", "sqlite", func(p *patient) {
		p.Server = receiver(p.T, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("not ready: the disk is full"))
		})
	}},
	{"the server is short", "server", "sqlite", func(p *patient) {
		p.Server = receiver(p.T, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("ok, but deliveries wait: this host is short"))
		})
	}},
	{"the server redirects", "server", "sqlite", func(p *patient) {
		p.Server = receiver(p.T, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/readyz", http.StatusFound)
		})
	}},
	{"the server is not there", "server", "sqlite", func(p *patient) { p.Server = closed(p.T) }},
}
