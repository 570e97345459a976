package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// sent is what the bare sender reports.
type sent struct {
	Requests int64
	Seconds  float64
}

// RunSender is the bare sender's process, the limit that the server is measured against: the same body, signature and receiver,
// plain net/http, and nothing stored. It sends to urls for duration, writes a report as JSON to out, and ends early when in ends.
func RunSender(ctx context.Context, in io.Reader, out io.Writer, urls []string, concurrency int, duration time.Duration) error {
	ctx, cancel := child.WithParent(ctx, in)
	defer cancel()
	s := &bareSender{
		secrets: []*webhook.Secret{webhook.NewSecret(webhook.ID{}, webhook.ID{}, webhook.SchemeHMAC, time.Now())},
		transport: &http.Transport{
			MaxIdleConns: 2 * concurrency, MaxIdleConnsPerHost: concurrency, DisableCompression: true,
		},
	}
	defer s.transport.CloseIdleConnections()
	for i, u := range urls {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, nil)
		if err != nil {
			return fmt.Errorf("url %d: %w", i, err)
		}
		s.requests = append(s.requests, req)
	}
	if err := s.run(ctx, concurrency, duration/10); err != nil { // opens connections and warms caches
		return err
	}
	before, start := s.done.Load(), time.Now()
	if err := s.run(ctx, concurrency, duration); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(sent{Requests: s.done.Load() - before, Seconds: time.Since(start).Seconds()})
}

type bareSender struct {
	secrets   []*webhook.Secret
	transport *http.Transport
	requests  []*http.Request
	next      atomic.Int64
	done      atomic.Int64
}

func (s *bareSender) run(ctx context.Context, concurrency int, duration time.Duration) error {
	until := time.Now().Add(duration)
	group, ctx := errgroup.WithContext(ctx)
	for range concurrency {
		group.Go(func() error {
			for time.Now().Before(until) && ctx.Err() == nil {
				if err := s.send(ctx); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

func (s *bareSender) send(ctx context.Context) error {
	now := time.Now()
	e := webhook.Event{ID: webhook.NewID(now), Type: eventType(0), Timestamp: now, Data: appendData(nil, now)}
	body := e.AppendBody(make([]byte, 0, len(e.Data)+128))
	req := s.requests[s.next.Add(1)%int64(len(s.requests))].WithContext(ctx)
	req.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"Hookgraph"},
		"Webhook-Id":        {e.ID.String()},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {string(webhook.AppendSignature(nil, s.secrets, e.ID, now, body))},
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res, err := s.transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	if closed := res.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("send: the receiver answered %s", res.Status)
	}
	s.done.Add(1)
	return nil
}

// The data of every event: first the time of publishing, then letters up to payloadBytes.
const (
	payloadBytes = 1 << 10
	sentKey      = `"sent":`
)

var padding = sync.OnceValue(func() string { return strings.Repeat("hookgraph", payloadBytes/9+1) })

func appendData(b []byte, at time.Time) []byte {
	from := len(b)
	b = append(b, `{`+sentKey...)
	b = strconv.AppendInt(b, at.UnixMicro(), 10)
	b = append(b, `,"text":"`...)
	b = append(b, padding()[:payloadBytes-(len(b)-from)-2]...)
	return append(b, `"}`...)
}

// eventType returns the type that the webhook with the number subscribes to, if each has its own.
func eventType(hook int) string { return "bench.w" + strconv.Itoa(hook) }
