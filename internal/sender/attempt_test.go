package sender

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// answer is a receiver that always gives the same response, at once.
func answer(res egress.Result) func(context.Context, *egress.Request) egress.Result {
	return func(context.Context, *egress.Request) egress.Result { return res }
}

// one makes one attempt of one delivery, and returns its record.
func one(t *testing.T, w *world, to *store.Target, respond func(context.Context, *egress.Request) egress.Result) *store.Result {
	t.Helper()
	w.client.set(strings.TrimSuffix(strings.TrimPrefix(to.URL, "https://"), "/hook"), respond)
	w.backlog(to, 1, time.Now())
	w.run(t)
	pass(time.Minute)
	if len(w.attempts()) != 1 {
		t.Fatalf("%d results", len(w.attempts()))
	}
	return w.attempts()[0]
}

// The official library accepts the request with either secret of a rotation, and the record shows the request.
func TestRequest(t *testing.T) {
	bubble(t, func(c *Config) { c.UserAgent = "Hookgraph/1.2.3" }, func(t *testing.T, w *world) {
		to := w.add("a")
		expires := time.Now().Add(time.Hour)
		old := webhook.NewSecret(to.TenantID, to.ID, webhook.SchemeHMAC, time.Now())
		old.ExpiresAt = &expires
		gone := webhook.NewSecret(to.TenantID, to.ID, webhook.SchemeHMAC, time.Now())
		past := time.Now().Add(-time.Second)
		gone.ExpiresAt = &past
		to.Secrets = append(to.Secrets, old, gone)
		var sent http.Header
		var body []byte
		r := one(t, w, to, func(_ context.Context, r *egress.Request) egress.Result {
			sent, body = r.Header.Clone(), bytes.Clone(r.Body)
			return egress.Result{StatusCode: 204}
		})
		for i, s := range to.Secrets {
			verifier, err := standardwebhooks.NewWebhook(s.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			// The library checks the timestamp against its own clock, which is not the bubble's zero.
			if err := verifier.VerifyIgnoringTimestamp(body, sent); (err == nil) != (i < 2) {
				t.Errorf("secret %d: %v", i, err)
			}
		}
		if got := sent.Get("webhook-id"); got != r.Claimed.Event.ID.String() {
			t.Errorf("webhook-id %s, want the event's", got)
		}
		if sent.Get("User-Agent") != "Hookgraph/1.2.3" || sent.Get("Content-Type") != "application/json" || len(sent) != 5 {
			t.Errorf("header %v", sent)
		}
		if !json.Valid(body) || !bytes.Equal(body, r.Claimed.Event.AppendBody(nil)) {
			t.Errorf("body %s", body)
		}
		recorded := http.Header{}
		for _, f := range r.Attempt.RequestHeaders.Fields() {
			recorded.Add(f.Name, f.Value)
		}
		if diff := cmp.Diff(sent, recorded); diff != "" {
			t.Errorf("sent and recorded headers differ: %s", diff)
		}
	})
}

// A webhook's own headers are sent and recorded, with sensitive values redacted, and replace none of the server's. The record names
// the secrets that signed.
func TestOwnHeaders(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a", func(to *store.Target) {
			to.Headers = []*webhook.CustomHeader{
				{Name: "X-Key", Value: "the-key", Sensitive: true}, {Name: "X-Plain", Value: "plain"}, {Name: "Webhook-Id", Value: "forged"},
			}
		})
		second := webhook.NewSecret(to.TenantID, to.ID, webhook.SchemeEd25519, time.Now())
		to.Secrets = append(to.Secrets, second)
		var sent http.Header
		r := one(t, w, to, func(_ context.Context, r *egress.Request) egress.Result {
			sent = r.Header.Clone()
			return egress.Result{StatusCode: 204}
		})
		if sent.Get("X-Key") != "the-key" || sent.Get("X-Plain") != "plain" || sent.Get("Webhook-Id") != r.Claimed.Event.ID.String() {
			t.Errorf("sent %v", sent)
		}
		block := string(r.Attempt.RequestHeaders)
		if strings.Contains(block, "the-key") || !strings.Contains(block, "X-Key: [redacted]\r\nX-Plain: plain\r\n") {
			t.Errorf("recorded %q", block)
		}
		if want := append(to.Secrets[0].ID[:], second.ID[:]...); !bytes.Equal(r.Attempt.SignedBy, want) {
			t.Errorf("signed by %x, want %x", r.Attempt.SignedBy, want)
		}
		signatures := strings.Fields(sent.Get("Webhook-Signature"))
		if len(signatures) != 2 || !strings.HasPrefix(signatures[0], "v1,") || !strings.HasPrefix(signatures[1], "v1a,") {
			t.Errorf("signature %q", sent.Get("Webhook-Signature"))
		}
	})
}

// A request has the event's trace if the webhook asks for it and has no such header of its own, and the record shows it.
func TestTraceparentIsSentIfAsked(t *testing.T) {
	const trace webhook.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	own := []*webhook.CustomHeader{{Name: "Traceparent", Value: "mine"}}
	for name, c := range map[string]struct {
		asks  bool
		trace *webhook.TraceParent
		own   []*webhook.CustomHeader
		want  []string
	}{
		"asked for":     {true, new(trace), nil, []string{string(trace)}},
		"not asked for": {false, new(trace), nil, nil},
		"not known":     {true, nil, nil, nil},
		"its own":       {true, new(trace), own, []string{"mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				to := w.add("a", func(to *store.Target) { to.SendTraceparent, to.Headers = c.asks, c.own })
				var sent http.Header
				w.client.set("a", func(_ context.Context, r *egress.Request) egress.Result {
					sent = r.Header.Clone()
					return egress.Result{StatusCode: 204}
				})
				w.backlog(to, 1, time.Now())
				for _, claimed := range w.due[to.ID] {
					claimed.Event.Traceparent = c.trace
				}
				w.run(t)
				pass(time.Minute)
				if len(w.attempts()) != 1 {
					t.Fatalf("%d results", len(w.attempts()))
				}
				var recorded []string
				for _, f := range w.attempts()[0].Attempt.RequestHeaders.Fields() {
					if f.Name == webhook.HeaderTraceparent {
						recorded = append(recorded, f.Value)
					}
				}
				if !slices.Equal(sent[webhook.HeaderTraceparent], c.want) || !slices.Equal(recorded, c.want) {
					t.Errorf("sent %q, recorded %q, want %q", sent[webhook.HeaderTraceparent], recorded, c.want)
				}
			})
		})
	}
}

// Every possible end of a request is recorded with its code and message.
func TestClassify(t *testing.T) {
	code := func(c webhook.ErrorCode) *webhook.ErrorCode { return &c }
	retryAfter := http.Header{"Retry-After": {"120"}}
	for _, c := range []struct {
		name    string
		res     egress.Result
		status  webhook.AttemptStatus
		err     *webhook.ErrorCode
		message string
		retry   time.Duration
		gone    bool
	}{
		{"200", egress.Result{StatusCode: 200, Header: retryAfter}, webhook.AttemptSucceeded, nil, "", 0, false},
		{"299", egress.Result{StatusCode: 299}, webhook.AttemptSucceeded, nil, "", 0, false},
		{"200, broken body", egress.Result{StatusCode: 200, Truncated: true, Message: "broken"}, webhook.AttemptSucceeded, nil, "broken", 0, false},
		{"410, broken body", egress.Result{StatusCode: 410, Truncated: true, Message: "broken"}, webhook.AttemptFailed, code(webhook.ErrorHTTPStatus), "the receiver answered 410 Gone; broken", 0, true},
		{"302", egress.Result{StatusCode: 302}, webhook.AttemptFailed, code(webhook.ErrorHTTPStatus), "the receiver answered 302 Found; redirects are not followed, so give the webhook the URL that it leads to", 0, false},
		{"410", egress.Result{StatusCode: 410}, webhook.AttemptFailed, code(webhook.ErrorHTTPStatus), "the receiver answered 410 Gone", 0, true},
		{"429", egress.Result{StatusCode: 429, Header: retryAfter}, webhook.AttemptFailed, code(webhook.ErrorHTTPStatus), "the receiver answered 429 Too Many Requests", 2 * time.Minute, false},
		{"599", egress.Result{StatusCode: 599}, webhook.AttemptFailed, code(webhook.ErrorHTTPStatus), "the receiver answered 599", 0, false},
		{"dns", egress.Result{Code: egress.DNS, Message: "no such host"}, webhook.AttemptFailed, code(webhook.ErrorDNS), "no such host", 0, false},
		{"blocked", egress.Result{Code: egress.BlockedAddress, Message: "closed"}, webhook.AttemptFailed, code(webhook.ErrorBlockedAddress), "closed", 0, false},
		{"slow 200", egress.Result{Code: egress.TooSlow, StatusCode: 200, Message: "dripped"}, webhook.AttemptFailed, code(webhook.ErrorResponseTooSlow), "dripped", 0, false},
		{"slow 503", egress.Result{Code: egress.TooSlow, StatusCode: 503, Header: retryAfter}, webhook.AttemptFailed, code(webhook.ErrorResponseTooSlow), "", 2 * time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				r := one(t, w, w.add("a"), answer(c.res))
				a := r.Attempt
				if a.Status != c.status || !cmp.Equal(a.Error, c.err) || a.Message != c.message || r.RetryAfter != c.retry || r.Gone != c.gone {
					t.Errorf("got %s %v %q, retry after %v, gone %v", a.Status, a.Error, a.Message, r.RetryAfter, r.Gone)
				}
				if (a.ResponseStatus != nil) != (c.res.StatusCode != 0) {
					t.Errorf("response status %v", a.ResponseStatus)
				}
			})
		})
	}
}

// The record has times in µs, first byte and duration counted from the start, and at most 64 KiB of the response, in no more memory
// than its length.
func TestRecordedAnswer(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a", func(to *store.Target) { to.URL = "https://user:password@a/hook" })
		w.backlog(to, 1, time.Now())
		start := time.Now()
		w.run(t)
		pass(time.Second)
		if a := w.attempts()[0].Attempt; !a.StartedAt.Equal(start) || a.URL != "https://a/hook" || a.DurationUs != 10_000 {
			t.Errorf("started at %v, took %d µs, URL %s", a.StartedAt, a.DurationUs, a.URL)
		}
	})
	var r store.Result
	ms := time.Millisecond
	s := New(Config{Store: newMemory(), Client: newReceivers()})
	s.classify(&r, &egress.Result{
		StatusCode: 200, Header: http.Header{"X-A": {"b"}}, Body: make([]byte, 100, 70<<10),
		Timings: egress.Timings{DNS: ms, Connect: 2 * ms, TLS: 3 * ms, FirstByte: 4 * ms, Total: 11 * ms},
	})
	a := r.Attempt
	if a.DNSUs != 1000 || a.ConnectUs != 2000 || a.TLSUs != 3000 || a.FirstByteUs != 10_000 || a.DurationUs != 11_000 {
		t.Errorf("times %d %d %d %d %d", a.DNSUs, a.ConnectUs, a.TLSUs, a.FirstByteUs, a.DurationUs)
	}
	if len(a.ResponseBody) != 100 || cap(a.ResponseBody) > 128 || a.ResponseTruncated || a.ResponseHeaders != "X-A: b\r\n" {
		t.Errorf("body of %d bytes in %d, truncated %v, header %q", len(a.ResponseBody), cap(a.ResponseBody), a.ResponseTruncated, a.ResponseHeaders)
	}
	s.classify(&r, &egress.Result{StatusCode: 200, Body: make([]byte, 80<<10)})
	if len(r.Attempt.ResponseBody) != webhook.MaxResponseBytes || !r.Attempt.ResponseTruncated {
		t.Errorf("body of %d bytes", len(r.Attempt.ResponseBody))
	}
}

// Without an active secret nothing is sent.
func TestNothingToSign(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		r := one(t, w, w.add("a", func(to *store.Target) { to.Secrets = nil }), nil)
		if a := r.Attempt; a.Error == nil || *a.Error != webhook.ErrorSigning || len(w.client.begun("a")) != 0 {
			t.Errorf("%v after %d requests", a.Error, len(w.client.begun("a")))
		}
		if e := webhook.Explain(&r.Attempt, nil); e == nil || e.Summary != "The request could not be signed." {
			t.Errorf("explained as %+v", e)
		}
	})
}

// A panic fails its attempt only, is logged, and is not shown to the webhook's owner.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	set := func(c *Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	bubble(t, set, func(t *testing.T, w *world) {
		r := one(t, w, w.add("a"), func(context.Context, *egress.Request) egress.Result { panic("oops") })
		if a := r.Attempt; a.Error == nil || *a.Error != webhook.ErrorProtocol || strings.Contains(a.Message, "oops") {
			t.Errorf("%v %q", a.Error, a.Message)
		}
		if !strings.Contains(log.String(), "oops") || !strings.Contains(log.String(), `"msg":"attempt"`) {
			t.Errorf("log %s", log.String())
		}
	})
}

// The deadline is the webhook's own, or the sender's default.
func TestDeadline(t *testing.T) {
	bubble(t, func(c *Config) { c.Timeout = 7 * time.Second }, func(t *testing.T, w *world) {
		ms := 3000
		own, other := w.add("own", func(to *store.Target) { to.TimeoutMs = &ms }), w.add("other")
		w.client.set("own", hang)
		w.client.set("other", hang)
		w.backlog(own, 1, time.Now())
		w.backlog(other, 1, time.Now())
		w.run(t)
		pass(time.Minute)
		for _, r := range w.attempts() {
			want := int64(7_000_000)
			if r.Attempt.WebhookID == own.ID {
				want = 3_000_000
			}
			if r.Attempt.DurationUs != want || *r.Attempt.Error != webhook.ErrorTimeout {
				t.Errorf("%d µs, %v; want %d", r.Attempt.DurationUs, *r.Attempt.Error, want)
			}
		}
		if len(w.attempts()) != 2 {
			t.Errorf("%d results", len(w.attempts()))
		}
	})
}

type nothing struct{}

func (nothing) Target(webhook.ID) *store.Target                    { return nil }
func (nothing) Owners() int                                        { return 0 }
func (nothing) Targets(context.Context) ([]store.TargetDue, error) { return nil, nil }
func (nothing) Claim(context.Context, webhook.ID, int, int) ([]*store.Claimed, *time.Time, error) {
	return nil, nil, nil
}
func (nothing) Record(context.Context, *store.Result) error     { return nil }
func (nothing) Unclaim(context.Context, []*store.Claimed) error { return nil }
func (nothing) Payload(context.Context, webhook.ID, int64) (*payload.Payload, error) {
	return nil, webhook.ErrNotFound
}

type instant struct{ header http.Header }

func (c instant) Do(ctx context.Context, r *egress.Request) egress.Result {
	if r.URL.Host == "hanging.test" {
		<-ctx.Done()
		return egress.Result{Code: egress.Canceled}
	}
	return egress.Result{StatusCode: 200, Header: c.header, Body: []byte("ok")}
}

// The sender's own cost of a delivery with 1 KB of data: Reserve, Take, turn, sign, record. The store and the network are free.
func BenchmarkDelivery(b *testing.B) { benchmarkDelivery(b, 0) }

func benchmarkDelivery(b *testing.B, hanging int) {
	s := New(Config{Store: nothing{}, Client: instant{http.Header{"Content-Length": {"2"}, "Date": {"Mon, 02 Jan 2006 15:04:05 GMT"}}}, Grace: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		_ = s.Run(ctx)
		close(done)
	}()
	now := time.Now()
	to := &store.Target{Webhook: webhook.Webhook{ID: webhook.NewID(now), URL: "https://receiver.test/hook", Enabled: true}}
	to.Secrets = []*webhook.Secret{webhook.NewSecret(to.TenantID, to.ID, webhook.SchemeHMAC, now)}
	claimed := newClaimed(to, now, 1000)
	for !s.Reserve(to, claimed.Size()) {
		runtime.Gosched()
	}
	s.Take(claimed) // the first response shows that the receiver is quick
	for s.Stats().Held > 0 {
		runtime.Gosched()
	}
	for range hanging {
		bad := *to
		bad.ID, bad.TenantID, bad.URL = webhook.NewID(now), webhook.NewID(now.Add(time.Hour)), "https://hanging.test/hook"
		for range 2 {
			if claimed := newClaimed(&bad, now, 1000); s.Reserve(&bad, claimed.Size()) {
				s.Take(claimed)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for !s.Reserve(to, claimed.Size()) {
			runtime.Gosched()
		}
		s.Take(claimed)
	}
	b.StopTimer()
	cancel()
	<-done
}

// The same beside thousands of hanging webhooks with a backlog: they do not make a turn more expensive.
func BenchmarkDeliveryBesideHanging(b *testing.B) {
	for _, hanging := range []int{100, 10_000} {
		b.Run(strconv.Itoa(hanging), func(b *testing.B) { benchmarkDelivery(b, hanging) })
	}
}
