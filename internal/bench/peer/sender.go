package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Sending is what a bare sender does.
type Sending struct {
	URLs        []string // taken in turn
	Concurrency int
	Duration    time.Duration // after a tenth of it to warm up
	Bytes       int           // of an event's data
}

// Sent is what it reports.
type Sent struct {
	Requests int64
	Seconds  float64
}

// RunSender is the bare sender's process, the limit that the server is measured against: the same body, signature and receiver,
// net/http, and nothing stored. It writes what it Sent as JSON to out, and ends early when in ends.
func RunSender(ctx context.Context, in io.Reader, out io.Writer, do Sending) error {
	ctx, cancel := child.WithParent(ctx, in)
	defer cancel()
	s := &bareSender{
		secrets:   []*webhook.Secret{webhook.NewSecret(webhook.ID{}, webhook.ID{}, webhook.SchemeHMAC, time.Now())},
		transport: &http.Transport{MaxIdleConnsPerHost: do.Concurrency, DisableCompression: true, ForceAttemptHTTP2: true},
		bytes:     do.Bytes,
	}
	defer s.transport.CloseIdleConnections()
	for i, u := range do.URLs {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, nil)
		if err != nil {
			return fmt.Errorf("url %d: %w", i, err)
		}
		s.requests = append(s.requests, req)
	}
	warm := time.Now().Add(do.Duration / 10) // caches; and each host has a connection
	if err := s.run(ctx, do.Concurrency, func() bool { return time.Now().Before(warm) || s.done.Load() < int64(len(s.requests)) }); err != nil {
		return err
	}
	before, start := s.done.Load(), time.Now()
	until := start.Add(do.Duration)
	if err := s.run(ctx, do.Concurrency, func() bool { return time.Now().Before(until) }); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(Sent{Requests: s.done.Load() - before, Seconds: time.Since(start).Seconds()})
}

type bareSender struct {
	secrets   []*webhook.Secret
	transport *http.Transport
	bytes     int
	requests  []*http.Request
	next      atomic.Int64
	done      atomic.Int64
}

func (s *bareSender) run(ctx context.Context, concurrency int, more func() bool) error {
	group, ctx := errgroup.WithContext(ctx)
	for range concurrency {
		group.Go(func() error {
			for more() && ctx.Err() == nil {
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
	e := webhook.Event{ID: webhook.NewID(now), Type: EventType(0), Timestamp: now, Data: AppendData(nil, now, s.bytes)}
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
