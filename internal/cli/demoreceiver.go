package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// demoReceiver is the receivers of all customers: it verifies the signature of every request, and answers as the path says.
type demoReceiver struct {
	plain, expired net.Listener // the certificate of the latter has expired
	servers        []*http.Server

	mu       sync.Mutex                   // guards the fields below
	secrets  map[string][]*webhook.Secret // by path
	verified int
	refused  int
}

func newDemoReceiver(ctx context.Context) (r *demoReceiver, err error) {
	r = &demoReceiver{secrets: map[string][]*webhook.Secret{}}
	if r.plain, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if r.expired, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, r.plain.Close())
	}
	certificate, err := expiredCertificate()
	if err != nil {
		return nil, errors.Join(err, r.plain.Close(), r.expired.Close())
	}
	secured := tls.NewListener(r.expired, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	for _, listener := range []net.Listener{r.plain, secured} {
		server := &http.Server{
			Handler: r, ReadHeaderTimeout: 5 * time.Second,
			ErrorLog: stdlog.New(io.Discard, "", 0), // that a handshake failed is what the dashboard shows
		}
		r.servers = append(r.servers, server)
		go func() { _ = server.Serve(listener) }() // returns after close
	}
	return r, nil
}

// expiredCertificate is one of 127.0.0.1 that was valid until yesterday.
func expiredCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "northwind.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().AddDate(-1, 0, -1), NotAfter: time.Now().AddDate(0, 0, -1),
	}
	der, err := x509.CreateCertificate(crand.Reader, of, of, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func (r *demoReceiver) url(path string) string { return "http://" + r.plain.Addr().String() + path }

func (r *demoReceiver) expiredURL(path string) string {
	return "https://" + r.expired.Addr().String() + path
}

func (r *demoReceiver) close() {
	for _, server := range r.servers {
		_ = server.Close()
	}
}

// trust accepts signatures with a secret, in the API's format, for requests to path.
func (r *demoReceiver) trust(path, secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return fmt.Errorf("secret of %s: %w", path, err)
	}
	s := &webhook.Secret{Scheme: webhook.SchemeHMAC}
	s.SetKey(key)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets[path] = append(r.secrets[path], s)
	return nil
}

func (r *demoReceiver) counts() (verified, refused int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.verified, r.refused
}

// Paths of the receiver whose name does not say how it answers.
const (
	demoOldPath    = "/kallima/results"
	demoNewPath    = "/kallima/v2/results" // where the old one's receiver moved to
	demoMovedPath  = "/northwind/chat"
	demoMovedTo    = "/northwind/v2/chat" // where that redirects
	demoStrictPath = "/northwind/billing" // it has another secret than the webhook
)

func (r *demoReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		return // the sender went away
	}
	path := req.URL.Path
	switch path { // a receiver that has moved has kept its secret
	case demoNewPath:
		path = demoOldPath
	case demoMovedTo:
		path = demoMovedPath
	}
	r.mu.Lock()
	err = verify(r.secrets[path], req.Header, body)
	switch {
	case err == nil:
		r.verified++
	case path != demoStrictPath:
		r.refused++
	}
	r.mu.Unlock()
	switch n := rand.IntN(20); { //nolint:gosec // a demo
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnauthorized)
	case req.URL.Path == demoOldPath:
		http.Error(w, "not found: since our update, results are received at "+demoNewPath, http.StatusNotFound)
	case strings.HasSuffix(path, "/slow"):
		select {
		case <-req.Context().Done():
		case <-time.After(10 * time.Second):
		}
	case req.URL.Path == demoMovedPath:
		http.Redirect(w, req, r.url(demoMovedTo), http.StatusPermanentRedirect)
	case strings.HasSuffix(path, "/gone"):
		http.Error(w, "this service has ended", http.StatusGone)
	case n < 1:
		http.Error(w, "temporarily unavailable", http.StatusServiceUnavailable)
	case n < 2:
		w.Header().Set("Retry-After", "2")
		http.Error(w, "too many requests", http.StatusTooManyRequests)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// tolerance is the maximum age of a request: it prevents replay attacks.
const tolerance = 5 * time.Minute

// verify checks a request as Standard Webhooks 1.0.0 asks of receivers: one of the signatures must be by one of the secrets.
func verify(secrets []*webhook.Secret, h http.Header, body []byte) error {
	id, err := webhook.ParseID(h.Get("webhook-id"))
	if err != nil {
		return fmt.Errorf("webhook-id: %w", err)
	}
	unix, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		return fmt.Errorf("webhook-timestamp: %w", err)
	}
	at := time.Unix(unix, 0)
	if age := time.Since(at); age > tolerance || age < -tolerance {
		return errors.New("webhook-timestamp is too far from now")
	}
	for got := range strings.FieldsSeq(h.Get("webhook-signature")) {
		for _, s := range secrets {
			want := webhook.AppendSignature(nil, []*webhook.Secret{s}, id, at, body)
			if hmac.Equal([]byte(got), want) {
				return nil
			}
		}
	}
	return errors.New("no signature matches")
}
