package cli

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// demoReceiver is a customer's receiver: it verifies the signature of every request, and sometimes fails.
type demoReceiver struct {
	server   *http.Server
	listener net.Listener

	mu       sync.Mutex                   // guards the fields below
	secrets  map[string][]*webhook.Secret // by path
	verified int
	refused  int
}

func newDemoReceiver(ctx context.Context) (*demoReceiver, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &demoReceiver{listener: listener, secrets: map[string][]*webhook.Secret{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = r.server.Serve(listener) }() // returns after close
	return r, nil
}

func (r *demoReceiver) url(path string) string { return "http://" + r.listener.Addr().String() + path }

func (r *demoReceiver) close() { _ = r.server.Close() }

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

func (r *demoReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		return // the sender went away
	}
	r.mu.Lock()
	err = verify(r.secrets[req.URL.Path], req.Header, body)
	if err == nil {
		r.verified++
	} else {
		r.refused++
	}
	r.mu.Unlock()
	switch n := rand.IntN(20); { //nolint:gosec // a demo
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnauthorized)
	case n < 2:
		http.Error(w, "temporarily unavailable", http.StatusInternalServerError)
	case n < 3:
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
