package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/signature"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of what is read of an answer, and of what is printed of it.
const (
	maxLocalAnswerBytes = 64 << 10
	shownAnswerRunes    = 120
)

// exchange is one request to the local endpoint, and its answer.
type exchange struct {
	Status     int    `json:"status,omitempty"` // 0 if there was no answer
	DurationMs int64  `json:"durationMs"`
	Error      string `json:"error,omitempty"`
	Body       string `json:"body,omitempty"` // its beginning

	unsent bool // no connection was made
}

// ok reports whether a sender takes the answer as a success.
func (e *exchange) ok() bool { return e.Error == "" && e.Status >= 200 && e.Status <= 299 }

// tellExchange prints one line.
func tellExchange(w io.Writer, colour bool, x *exchange, what, id string) error {
	result := "no answer"
	if x.Status != 0 {
		result = fmt.Sprintf("%d", x.Status)
	}
	said := x.Body
	if x.Error != "" {
		said = Printable(x.Error)
	}
	_, err := fmt.Fprintf(w, "%s  %s  %6d ms  %s  %s  %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), coloured(colour, x.ok(), fmt.Sprintf("%-9s", result)),
		x.DurationMs, Printable(what), Printable(id), said)
	return err
}

// forwarder sends requests to one local endpoint, signed for it.
type forwarder struct {
	url     string
	secrets []*webhook.Secret
	timeout time.Duration
	client  *http.Client
}

// newForwarder returns a forwarder that has no secrets yet.
func newForwarder(target string, timeout time.Duration) (*forwarder, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
		return nil, fmt.Errorf("--forward: %q is not a URL such as http://localhost:3000/hooks", target)
	}
	return &forwarder{url: target, timeout: timeout, client: &http.Client{
		// A connection for each request: one that was kept might end with the endpoint's restart, and nobody could tell whether the
		// request was read.
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxLocalAnswerBytes},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// sign gives the forwarder a secret of this machine, unless it has others, and prints it.
func (f *forwarder) sign(s *Streams) error {
	if len(f.secrets) > 0 {
		return nil
	}
	own, err := s.ownSecret()
	if err != nil {
		return err
	}
	if f.secrets, err = signingSecrets([]string{own}); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.Err, "requests are signed with the secret %s\n", Printable(own))
	return nil
}

// send makes the request. It does not end with ctx, but with the timeout: what was begun is told.
func (f *forwarder) send(ctx context.Context, r *request) *exchange {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.timeout)
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	x := &exchange{}
	err := f.exchange(ctx, r, begun, x)
	x.DurationMs = time.Since(begun).Milliseconds()
	if err != nil {
		if e, is := errors.AsType[*url.Error](err); is {
			err = e.Err
		}
		x.Error, x.unsent = err.Error(), !connected.Load()
		if errors.Is(err, context.DeadlineExceeded) {
			x.Error = fmt.Sprintf("no complete answer within %v", f.timeout)
		}
	}
	return x
}

func (f *forwarder) exchange(ctx context.Context, r *request, now time.Time, x *exchange) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	req.Header = f.header(r, now)
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	x.Status = res.StatusCode
	body, err := io.ReadAll(io.LimitReader(res.Body, maxLocalAnswerBytes))
	x.Body = beginning(body)
	return err
}

// header returns the header fields with which a request is sent at a time.
func (f *forwarder) header(r *request, now time.Time) http.Header {
	h := http.Header{}
	for name, values := range r.header {
		if passedOn(name) {
			h[name] = values
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set(signature.HeaderID, r.id)
	h.Set(signature.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(signature.HeaderSignature, string(webhook.AppendSignatureOf(nil, f.secrets, r.id, now, r.body)))
	return h
}

// passedOn reports whether a header field of a recorded request is sent again: not those of the connection and of the signature.
func passedOn(name string) bool {
	switch name = strings.ToLower(name); name {
	case "host", "content-length", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "accept-encoding":
		return false
	}
	return !strings.HasPrefix(name, "webhook-") && !strings.HasPrefix(name, "proxy-")
}

// beginning returns what is shown of a body.
func beginning(body []byte) string {
	runes := 0
	for i := range string(body) {
		if runes++; runes > shownAnswerRunes {
			return Printable(string(body[:i])) + "…"
		}
	}
	return Printable(string(bytes.TrimSpace(body)))
}

// signingSecrets reads secrets. The error has no part of them.
func signingSecrets(texts []string) ([]*webhook.Secret, error) {
	secrets := make([]*webhook.Secret, len(texts))
	for i, text := range texts {
		var err error
		if secrets[i], err = webhook.ParseSecret(text); err != nil {
			return nil, fmt.Errorf("--secret: %w", err)
		}
	}
	return secrets, nil
}

// request is what an attempt sent, or what was recorded.
type request struct {
	id     string // of the message: webhook-id
	header http.Header
	body   []byte
}

// request asks the server for what an attempt sent. It is nil if the server does not have it any more.
func (r *connection) request(ctx context.Context, attempt, event string) (*request, error) {
	var a *struct {
		Request struct {
			Headers []struct{ Name, Value string }
			Body    string
		}
	}
	err := r.query(ctx, `query ($id: ID!) { done: attempt(id: $id) { request { headers { name value } body } } }`, map[string]any{"id": attempt}, &a)
	if err != nil || a == nil {
		return nil, err
	}
	sent := &request{id: event, header: http.Header{}, body: []byte(a.Request.Body)}
	for _, h := range a.Request.Headers {
		if h.Value != webhook.Redacted {
			sent.header.Add(h.Name, h.Value)
		}
	}
	return sent, nil
}
