package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Tenant returns a tenant's scope.
func Tenant(tb testing.TB, s *store.Store, name string) *store.Scope {
	tb.Helper()
	webhooktest.Watch(tb) // of tests that open the store themselves
	found, err := s.EnsureTenant(tb.Context(), name)
	if err != nil {
		tb.Fatal(err)
	}
	return s.In(found.ID)
}

// Register creates a webhook, by default with an address of example.com.
func Register(tb testing.TB, c *store.Scope, n webhook.New) *webhook.Webhook {
	tb.Helper()
	if n.URL == "" {
		n.URL = "https://example.com/hook"
	}
	w, _, err := c.CreateWebhook(tb.Context(), n)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// Publish publishes events, with a default type and data if they have none. It fails the test if one is refused.
func Publish(tb testing.TB, c *store.Scope, events ...webhook.NewEvent) []store.Published {
	tb.Helper()
	for i := range events {
		if events[i].Type == "" {
			events[i].Type = "humanization.completed"
		}
		if events[i].Data == nil {
			events[i].Data = json.RawMessage(`{"job":1}`)
		}
	}
	results, err := c.Publish(tb.Context(), events)
	if err != nil {
		tb.Fatal(err)
	}
	return results
}

// Claim claims up to n deliveries of a webhook.
func Claim(tb testing.TB, s *store.Store, id webhook.ID, n int) ([]*store.Claimed, *time.Time) {
	tb.Helper()
	claims, next, err := s.Claim(tb.Context(), id, n, 1<<20)
	if err != nil {
		tb.Fatal(err)
	}
	return claims, next
}

// Record records an attempt of the job with the HTTP status and waits for the commit.
func Record(tb testing.TB, s *store.Store, claimed *store.Claimed, status int, change ...func(*store.Result)) {
	tb.Helper()
	r := &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: claimed.Delivery.Trigger, StartedAt: time.Now(), URL: claimed.Target.URL, ResponseStatus: &status,
	}}
	if status/100 != 2 {
		code := webhook.ErrorHTTPStatus
		r.Attempt.Status, r.Attempt.Error = webhook.AttemptFailed, &code
	}
	for _, c := range change {
		c(r)
	}
	if err := s.Record(tb.Context(), r); err != nil {
		tb.Fatal(err)
	}
	if err := s.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// Only returns the only row of a list; the test fails when there is none, or another.
func Only[T any](tb testing.TB) func(l *store.List[T], err error) *T {
	tb.Helper()
	return func(l *store.List[T], err error) *T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		if len(l.Items) != 1 {
			tb.Fatalf("got %d rows, want 1", len(l.Items))
		}
		return l.Items[0]
	}
}

// Must ends the test unless err is nil.
func Must(t interface {
	Helper()
	Fatal(args ...any)
}, err error,
) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// RowsOf returns the rows of a page; an error fails the test.
func RowsOf[T any](tb testing.TB) func(l *store.List[T], err error) []*T {
	tb.Helper()
	return func(l *store.List[T], err error) []*T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return l.Items
	}
}
