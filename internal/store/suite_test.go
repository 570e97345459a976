package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// database is what the suite runs on.
type database struct {
	name string
	open func(t *testing.T) opener
}

// opener opens the same database each time; the test's end closes it.
type opener func(t testing.TB, o store.Options) *store.Store

// suite is a test on one database.
type suite struct {
	*testing.T
	name  string // of the kind of database
	open  opener
	fresh func() opener // of another database
}

var databases = []database{{
	name: "sqlite",
	open: func(t *testing.T) opener {
		t.Helper()
		dir := t.TempDir()
		return func(tb testing.TB, o store.Options) *store.Store {
			tb.Helper()
			o.Dir = dir
			s, err := store.Open(tb.Context(), o)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() {
				if err := s.Close(); err != nil {
					tb.Error(err)
				}
			})
			webhooktest.Upkeep(tb, s)
			return s
		}
	},
}, {
	name: "postgres",
	open: func(t *testing.T) opener {
		t.Helper()
		url := webhooktest.Postgres(t)
		return func(tb testing.TB, o store.Options) *store.Store {
			tb.Helper()
			o.URL = url
			if o.MasterKeys == nil {
				o.MasterKeys = [][]byte{webhooktest.MasterKey}
			}
			s, err := store.Open(tb.Context(), o)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() {
				if err := s.Close(); err != nil {
					tb.Error(err)
				}
			})
			webhooktest.Upkeep(tb, s)
			return s
		}
	},
}}

// tuned returns the default tuning with changes.
func tuned(change func(to *store.Tuning)) *store.Tuning {
	t := store.DefaultTuning()
	change(&t)
	return &t
}

// fanOutAbove makes fan-outs with more than n deliveries large.
func fanOutAbove(n int) *store.Tuning { return tuned(func(to *store.Tuning) { to.FanOutAbove = n }) }

// merging makes the writer take everything that waits into one transaction, although several tenants call.
func merging() *store.Tuning { return tuned(func(to *store.Tuning) { to.AloneAfter = 0 }) }

// lingering keeps the row of a deleted tenant for a moment only.
func lingering() *store.Tuning {
	return tuned(func(to *store.Tuning) { to.Linger = 100 * time.Millisecond })
}

// probing makes Ready probe at every call.
func probing() *store.Tuning {
	return tuned(func(to *store.Tuning) { to.ReadyFor, to.NotReadyFor = 0, 0 })
}

// each runs a test on every database.
func each(t *testing.T, test func(t *suite)) {
	t.Helper()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			test(&suite{T: t, name: db.name, open: db.open(t), fresh: func() opener { return db.open(t) }})
		})
	}
}

// tenant returns a tenant's scope.
func tenant(tb testing.TB, s *store.Store, name string) *store.Scope {
	tb.Helper()
	found, err := s.EnsureTenant(tb.Context(), name)
	if err != nil {
		tb.Fatal(err)
	}
	return s.In(found.ID)
}

func register(tb testing.TB, c *store.Scope, n webhook.New) *webhook.Webhook {
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

func publish(tb testing.TB, c *store.Scope, events ...webhook.NewEvent) []store.Published {
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

func claim(tb testing.TB, s *store.Store, id webhook.ID, n int) ([]*store.Claimed, *time.Time) {
	tb.Helper()
	claims, next, err := s.Claim(tb.Context(), id, n, 1<<20)
	if err != nil {
		tb.Fatal(err)
	}
	return claims, next
}

// record records an attempt of the job with the HTTP status and waits for the commit.
func record(tb testing.TB, s *store.Store, claimed *store.Claimed, status int, change ...func(*store.Result)) {
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

func only[T any](tb testing.TB) func(l *store.List[T], err error) *T {
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

// An event goes to the webhooks that subscribe to its type, once each; an empty list of types means all.
func TestPublishFansOut(t *testing.T) {
	each(t, func(t *suite) {
		c := tenant(t, t.open(t, store.Options{}), "a")
		named := register(t, c, webhook.New{Enabled: true, Events: []string{"humanization.completed", "humanization.completed"}})
		all := register(t, c, webhook.New{Enabled: true, Events: []string{}})
		register(t, c, webhook.New{Enabled: true, Events: []string{"humanization.failed"}})
		if diff := cmp.Diff([]string{"humanization.completed"}, named.Events); diff != "" {
			t.Error("duplicates are not folded", diff)
		}
		e := publish(t, c, webhook.NewEvent{Data: json.RawMessage("{ \"z\": 1e400, \"a\" : [12345678901234567890, 1.10] }")})[0]
		if got, want := string(e.Event.Data), `{"z":1e400,"a":[12345678901234567890,1.10]}`; got != want {
			t.Errorf("data is %s, want %s", got, want)
		}
		l, err := c.Deliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{e.Event.ID}}, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[webhook.ID]webhook.DeliveryStatus{}
		for _, d := range l.Items {
			got[d.WebhookID] = d.Status
		}
		if diff := cmp.Diff(map[webhook.ID]webhook.DeliveryStatus{named.ID: "PENDING", all.ID: "PENDING"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// I10: the same key with the same content is the same event; with other content it is a conflict. An invalid event does not prevent
// others of the call.
func TestIdempotency(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		first := publish(t, c, webhook.NewEvent{IdempotencyKey: "k", Data: json.RawMessage(`{"a":1}`)})[0]
		again := publish(t, c,
			webhook.NewEvent{IdempotencyKey: "k", Data: json.RawMessage(`{ "a": 1 }`)},
			webhook.NewEvent{IdempotencyKey: "k", Data: json.RawMessage(`{"a":2}`)},
			webhook.NewEvent{Data: json.RawMessage(`{`)},
			webhook.NewEvent{IdempotencyKey: "l"},
			webhook.NewEvent{IdempotencyKey: "l"})
		if e := again[0]; !e.Duplicate || e.Event == nil || e.Event.ID != first.Event.ID {
			t.Errorf("same content: %+v", e)
		}
		if bad := webhook.Invalids(again[1].Err); len(bad) != 1 || bad[0].Code != webhook.CodeConflict {
			t.Errorf("other content: %+v", again[1])
		}
		if bad := webhook.Invalids(again[2].Err); len(bad) != 1 || bad[0].Field != "events.2.data" {
			t.Errorf("bad JSON: %+v", again[2])
		}
		if !again[4].Duplicate || again[4].Event.ID != again[3].Event.ID {
			t.Errorf("same key in one call: %+v %+v", again[3], again[4])
		}
		if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != 2 || err != nil {
			t.Errorf("%d events stored, want 2 (%v)", n, err)
		}
		if other := publish(t, tenant(t, s, "b"), webhook.NewEvent{IdempotencyKey: "k"})[0]; other.Duplicate || other.Err != nil {
			t.Errorf("another tenant's key: %+v", other)
		}
	})
}

// A failed attempt is retried on schedule until the delivery fails; attempts are numbered 1 to n (I3, I4).
func TestRetryUntilGivenUp(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{0, 0}})
		watcher := register(t, c, webhook.New{Enabled: true, Events: []string{webhook.TypeDeliveryFailed}})
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		for n := 1; n <= 3; n++ {
			claims, _ := claim(t, s, w.ID, 10)
			if len(claims) != 1 || claims[0].Delivery.AttemptCount != n-1 {
				t.Fatalf("claim %d: %+v", n, claims)
			}
			if more, _ := claim(t, s, w.ID, 10); len(more) != 0 {
				t.Fatal("claimed twice")
			}
			record(t, s, claims[0], 500)
		}
		d := only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{}))
		if d.FailureReason == nil || *d.FailureReason != webhook.FailureRetriesExhausted {
			t.Errorf("failed because of %v", d.FailureReason)
		}
		if d.Status != webhook.DeliveryFailed || d.AttemptCount != 3 || d.CompletedAt == nil || d.NextAttemptAt != nil {
			t.Errorf("delivery %+v", d)
		}
		attempts, err := c.AttemptsOfDeliveries(t.Context(), []webhook.ID{d.ID}, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range attempts[d.ID].Items {
			if a.Number != i+1 || a.EventType != "a.b" || *a.ResponseStatus != 500 || *a.Error != webhook.ErrorHTTPStatus {
				t.Errorf("attempt %d is %+v", i, a)
			}
		}
		if n := len(attempts[d.ID].Items); n != 3 {
			t.Errorf("%d attempts, want 3", n)
		}
		must(t, s.PublishNotices(t.Context()))
		if claims, _ := claim(t, s, watcher.ID, 10); len(claims) != 1 || claims[0].Event.Type != webhook.TypeDeliveryFailed {
			t.Errorf("operational event: %+v", claims)
		}
		if _, err := c.RetryDelivery(t.Context(), d.ID); err != nil {
			t.Fatal(err)
		}
		claims, _ := claim(t, s, w.ID, 10)
		if len(claims) != 1 || claims[0].Delivery.Trigger != webhook.TriggerManual {
			t.Fatalf("retried by hand: %+v", claims)
		}
		record(t, s, claims[0], 204)
		d = only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{}))
		if d.Status != webhook.DeliverySucceeded || d.AttemptCount != 4 || d.FailureReason != nil {
			t.Errorf("after retry by hand: %+v", d)
		}
	})
}

// A disabled webhook's deliveries are held, nothing is lost, and enabling releases them.
func TestHeldAndReleased(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: false})
		if w.DisabledReason == nil || *w.DisabledReason != webhook.DisabledManual {
			t.Errorf("disabled at creation: %+v", w)
		}
		publish(t, c, webhook.NewEvent{})
		held := only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Held}}, store.Page{}))
		if held.Status != webhook.Held || held.NextAttemptAt != nil {
			t.Errorf("held: %+v", held)
		}
		if claims, _ := claim(t, s, w.ID, 10); len(claims) != 0 {
			t.Error("claimed from a disabled webhook")
		}
		if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(true)}, nil); err != nil {
			t.Fatal(err)
		}
		if claims, _ := claim(t, s, w.ID, 10); len(claims) != 1 {
			t.Errorf("released: %d deliveries", len(claims))
		}
	})
}

// 410 disables the webhook, with the reason in the webhook and in an operational event.
func TestGoneDisables(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}})
		watcher := register(t, c, webhook.New{Enabled: true, Events: []string{webhook.TypeWebhookDisabled}})
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		claims, _ := claim(t, s, w.ID, 10)
		record(t, s, claims[0], 410, func(r *store.Result) { r.Gone = true })
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
		if err != nil {
			t.Fatal(err)
		}
		if got := found[w.ID]; got.Enabled || *got.DisabledReason != webhook.DisabledGone || got.DisabledAt == nil {
			t.Errorf("webhook %+v", got)
		}
		must(t, s.PublishNotices(t.Context()))
		if claims, _ := claim(t, s, watcher.ID, 10); len(claims) != 1 || !strings.Contains(string(claims[0].Event.Data), `"reason":"GONE"`) {
			t.Errorf("operational event: %+v", claims)
		}
	})
}

// I6: a restart makes claimed deliveries due again; I7: a former holder of the claim cannot write.
func TestRestartVoidsClaims(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{})
		old, _ := claim(t, s, w.ID, 10)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.open(t, store.Options{})
		c = tenant(t, s, "a")
		mine, _ := claim(t, s, w.ID, 10)
		if len(mine) != 1 {
			t.Fatalf("%d due after the restart, want 1", len(mine))
		}
		stale := *old[0]
		stale.Delivery.AttemptCount = 5 // the view of another node
		record(t, s, &stale, 200)
		if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != 0 || err != nil {
			t.Errorf("a lost claim wrote %d attempts (%v)", n, err)
		}
		record(t, s, mine[0], 200)
		record(t, s, mine[0], 200) // the claim is finished
		if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != 1 || err != nil {
			t.Errorf("%d attempts, want 1 (%v)", n, err)
		}
	})
}

// Canceling during an attempt is final, unless the attempt succeeds.
func TestCancel(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
		claims, _ := claim(t, s, w.ID, 10)
		for i, status := range []int{500, 200} {
			if _, err := c.CancelDelivery(t.Context(), claims[i].Delivery.ID); err != nil {
				t.Fatal(err)
			}
			record(t, s, claims[i], status)
		}
		found, err := c.DeliveriesByID(t.Context(), []webhook.ID{claims[0].Delivery.ID, claims[1].Delivery.ID})
		if err != nil {
			t.Fatal(err)
		}
		if got := found[claims[0].Delivery.ID]; got.Status != webhook.Canceled || got.AttemptCount != 1 || got.NextAttemptAt != nil {
			t.Errorf("failed after cancel: %+v", got)
		}
		if got := found[claims[1].Delivery.ID]; got.Status != webhook.DeliverySucceeded {
			t.Errorf("succeeded after cancel: %+v", got)
		}
		if _, err := c.CancelDelivery(t.Context(), claims[1].Delivery.ID); len(webhook.Invalids(err)) != 1 {
			t.Errorf("cancel of a completed delivery: %v", err)
		}
	})
}

// I11: another tenant's rows do not exist, whatever they are looked up by.
func TestTenantsAreApart(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		a, b := tenant(t, s, "a"), tenant(t, s, "b")
		w := register(t, a, webhook.New{Enabled: true})
		e := publish(t, a, webhook.NewEvent{})[0].Event
		claims, _ := claim(t, s, w.ID, 1)
		record(t, s, claims[0], 200)
		d := claims[0].Delivery.ID
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"update": func() error { _, _, err := b.UpdateWebhook(ctx, w.ID, webhook.Patch{}, nil); return err },
			"delete": func() error { return b.DeleteWebhook(ctx, w.ID) },
			"test":   func() error { _, err := b.TestWebhook(ctx, w.ID); return err },
			"retry":  func() error { _, err := b.RetryDelivery(ctx, d); return err },
			"cancel": func() error { _, err := b.CancelDelivery(ctx, d); return err },
		} {
			if err := call(); !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("%s: %v, want not found", name, err)
			}
		}
		size := func(n int, err error) int {
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		webhooks, _ := b.WebhooksByID(ctx, []webhook.ID{w.ID})
		events, _ := b.EventsByID(ctx, []webhook.ID{e.ID})
		deliveries, _ := b.DeliveriesByID(ctx, []webhook.ID{d})
		of, _ := b.AttemptsOfDeliveries(ctx, []webhook.ID{d}, store.Page{})
		ofEvents, _ := b.DeliveriesOfEvents(ctx, []webhook.ID{e.ID}, store.DeliveryFilter{}, store.Page{})
		secrets, _ := b.Secrets(ctx, []webhook.ID{w.ID})
		tail, _, _ := s.AttemptLog(ctx, claims[0].Delivery.ID, store.AttemptFilter{}, 0, 10)
		for name, n := range map[string]int{
			"webhooks": len(webhooks), "events": len(events), "deliveries": len(deliveries), "attempts of": len(of[d].Items),
			"deliveries of": len(ofEvents[e.ID].Items), "secrets": len(secrets), "log": len(tail),
			"count webhooks":   size(b.CountWebhooks(ctx, store.WebhookFilter{})),
			"count events":     size(b.CountEvents(ctx, store.EventFilter{})),
			"count deliveries": size(b.CountDeliveries(ctx, store.DeliveryFilter{})),
			"count attempts":   size(b.CountAttempts(ctx, store.AttemptFilter{})),
		} {
			if n != 0 {
				t.Errorf("%s: tenant b sees %d of tenant a's rows", name, n)
			}
		}
	})
}

// Pages follow one another in both directions without gap or overlap.
func TestPages(t *testing.T) {
	each(t, func(t *suite) {
		c := tenant(t, t.open(t, store.Options{}), "a")
		var want []int64
		for range 7 {
			want = append([]int64{publish(t, c, webhook.NewEvent{})[0].Event.Seq}, want...)
		}
		var forward, backward []int64
		for after := int64(0); ; {
			l, err := c.Events(t.Context(), store.EventFilter{}, store.Page{First: 3, After: after})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range l.Items {
				forward, after = append(forward, e.Seq), e.Seq
			}
			if !l.HasNext {
				break
			}
		}
		for before := int64(0); ; {
			l, err := c.Events(t.Context(), store.EventFilter{}, store.Page{Last: 3, Before: before})
			if err != nil {
				t.Fatal(err)
			}
			var page []int64
			for _, e := range l.Items {
				page = append(page, e.Seq)
			}
			backward, before = append(page, backward...), page[0]
			if !l.HasPrev {
				break
			}
		}
		if diff := cmp.Diff(want, forward) + cmp.Diff(want, backward); diff != "" {
			t.Error(diff)
		}
	})
}

// Concurrent callers are merged into transactions, and each gets its own events, committed.
func TestGroupCommit(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		var wg sync.WaitGroup
		for caller := range 32 {
			wg.Go(func() {
				for n := range 20 {
					kind := fmt.Sprintf("c%d.n%d", caller, n)
					results, err := c.Publish(context.Background(), []webhook.NewEvent{{Type: kind, Data: json.RawMessage("1")}})
					if err != nil || results[0].Err != nil || results[0].Event.Type != kind {
						t.Errorf("%s: %+v %v", kind, results, err)
						return
					}
					found, err := c.EventsByID(context.Background(), []webhook.ID{results[0].Event.ID})
					if err != nil || found[results[0].Event.ID].Seq != results[0].Event.Seq {
						t.Errorf("%s is answered and not there: %v", kind, err)
					}
				}
			})
		}
		wg.Wait()
		if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{}); n != 640 || err != nil {
			t.Errorf("%d deliveries, want 640 (%v)", n, err)
		}
	})
}

// A rotated secret signs beside the new one until the overlap ends; no secret is stored in clear.
func TestRotation(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		_, second, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		active := func(s *store.Store) int {
			secrets, err := tenant(t, s, "a").Secrets(t.Context(), []webhook.ID{w.ID})
			if err != nil || secrets[w.ID][0].Reveal() == "" {
				t.Fatal(err)
			}
			return len(secrets[w.ID])
		}
		if n := active(s); n != 2 {
			t.Errorf("%d secrets sign, want 2", n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.open(t, store.Options{})
		secrets, _ := tenant(t, s, "a").Secrets(t.Context(), []webhook.ID{w.ID})
		if len(secrets[w.ID]) != 2 || secrets[w.ID][0].Reveal() != second.Reveal() {
			t.Errorf("after a restart: %v", secrets)
		}
		if end := secrets[w.ID][1].ExpiresAt; secrets[w.ID][0].ExpiresAt != nil || end == nil || time.Until(*end) > time.Hour || time.Until(*end) < time.Hour-5*time.Minute {
			t.Errorf("after a restart the rotated secret signs until %v, for an hour", end)
		}
		if _, _, err := tenant(t, s, "a").UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{}); err != nil {
			t.Fatal(err)
		}
		if n := active(s); n != 1 {
			t.Errorf("%d secrets sign after a rotation without overlap, want 1", n)
		}
	})
}

// However often a caller rotates, at most five secrets sign: the newest.
func TestRotationIsBounded(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		var newest []string
		for range 8 {
			_, secret, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			newest = append([]string{secret.Reveal()}, newest...)
		}
		for range 2 {
			secrets, err := tenant(t, s, "a").Secrets(t.Context(), []webhook.ID{w.ID})
			var sign []string
			for _, secret := range secrets[w.ID] {
				sign = append(sign, secret.Reveal())
			}
			if diff := cmp.Diff(newest[:5], sign); diff != "" || err != nil {
				t.Errorf("%v, which sign: %s", err, diff)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = t.open(t, store.Options{}) // and after a restart
		}
	})
}

// Deleting a webhook cancels its open deliveries and keeps its history; retention removes only completed events.
func TestDeleteAndPrune(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w, other := register(t, c, webhook.New{Enabled: true}), register(t, c, webhook.New{Enabled: true, Events: []string{"x.y"}})
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{Type: "x.y"})
		claims, _ := claim(t, s, w.ID, 1)
		record(t, s, claims[0], 200)
		if err := c.DeleteWebhook(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
		if len(found) != 0 || err != nil {
			t.Errorf("deleted webhook is there: %v %v", found, err)
		}
		canceled, err := c.Deliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Canceled}}, store.Page{})
		if err != nil || len(canceled.Items) != 1 {
			t.Errorf("canceled: %+v %v", canceled, err)
		}
		n, err := s.Prune(t.Context(), time.Now().Add(time.Hour))
		if n != 1 || err != nil {
			t.Errorf("pruned %d events, want 1: the other is still owed to %s (%v)", n, other.ID, err)
		}
		if oldest, newest, err := s.AttemptBounds(t.Context(), webhook.ID{}); newest == 0 || oldest != newest+1 || err != nil {
			t.Errorf("bounds %d %d %v", oldest, newest, err)
		}
	})
}

// A tenant's tokens are found by their hash until they are revoked.
func TestTokens(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		a, err := s.EnsureTenant(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		token, hash := webhook.NewToken()
		made, err := s.AddToken(t.Context(), webhook.Token{TenantID: &a.ID, Name: "ci"}, token)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.TokenByHash(t.Context(), hash)
		if err != nil || found.ID != made.ID || *found.TenantID != a.ID {
			t.Fatalf("%+v %v", found, err)
		}
		if _, err := s.AddToken(t.Context(), webhook.Token{Name: "operator"}, token); len(webhook.Invalids(err)) != 1 {
			t.Errorf("a tenant's token made an operator's: %v", err)
		}
		if _, err := s.Registry(nil).RevokeToken(t.Context(), made.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.TokenByHash(t.Context(), hash); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("revoked token: %v", err)
		}
		if list, err := s.Tokens(t.Context()); len(list) != 1 || list[0].RevokedAt == nil || err != nil {
			t.Errorf("list %+v %v", list, err)
		}
	})
}

// Two servers never use one directory.
func TestDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := store.Open(t.Context(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second server: %v", err)
	}
	shared, err := store.Open(t.Context(), store.Options{Dir: dir, Shared: true})
	if err != nil {
		t.Fatalf("a command beside the server: %v", err)
	}
	if err := shared.Close(); err != nil {
		t.Error(err)
	}
}
