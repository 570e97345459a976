package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// keyedHook is a webhook that gets events of a key one after the other.
type keyedHook struct {
	*store.Scope
	t    *suite
	s    *store.Store
	id   webhook.ID // the tenant's
	hook *webhook.Webhook
}

func newKeyed(t *suite, s *store.Store, n webhook.New) *keyedHook {
	t.Helper()
	owner, err := s.EnsureTenant(t.Context(), "a")
	must(t, err)
	o := &keyedHook{Scope: s.In(owner.ID), t: t, s: s, id: owner.ID}
	n.Enabled, n.Ordering = true, webhook.OrderingByKey
	o.hook = register(t, o.Scope, n)
	return o
}

// publish publishes one event for each name, whose first letter is the ordering key; "-" is none.
func (o *keyedHook) publish(names ...string) {
	o.t.Helper()
	events := make([]webhook.NewEvent, len(names))
	for i, name := range names {
		events[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`"` + name + `"`), OrderingKey: strings.TrimPrefix(name[:1], "-")}
	}
	publish(o.t, o.Scope, events...)
	must(o.t, o.s.Flush(o.t.Context()))
}

func nameOf(claimed *store.Claimed) string { return strings.Trim(string(claimed.Event.Data), `"`) }

// due claims everything that is due, which must be these.
func (o *keyedHook) due(want ...string) map[string]*store.Claimed {
	o.t.Helper()
	claims, _ := claim(o.t, o.s, o.hook.ID, 1000)
	found := map[string]*store.Claimed{}
	var names []string
	for _, claimed := range claims {
		names = append(names, nameOf(claimed))
		found[nameOf(claimed)] = claimed
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		o.t.Fatalf("due are %q, want %q", names, want)
	}
	return found
}

// named is the webhook's delivery of an event.
func (o *keyedHook) named(name string) *webhook.Delivery {
	o.t.Helper()
	for _, d := range storetest.RowsOf[webhook.Delivery](o.t)(o.Deliveries(o.t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{o.hook.ID}}, store.Page{First: 100})) {
		events, err := o.EventsByID(o.t.Context(), []webhook.ID{d.EventID})
		must(o.t, err)
		if string(events[d.EventID].Data) == `"`+name+`"` {
			return d
		}
	}
	o.t.Fatalf("no delivery of %s", name)
	return nil
}

// behind fails the test unless the delivery waits for the other; "" is none.
func (o *keyedHook) behind(name, want string) {
	o.t.Helper()
	d, got := o.named(name), ""
	if d.Waits() {
		heads, err := o.HeadsOfLines(o.t.Context(), []webhook.ID{*d.Line})
		must(o.t, err)
		if head := heads[*d.Line]; head != nil {
			events, err := o.EventsByID(o.t.Context(), []webhook.ID{head.EventID})
			must(o.t, err)
			got = strings.Trim(string(events[head.EventID].Data), `"`)
		}
	}
	if got != want {
		o.t.Fatalf("%s waits for %q, want %q: %s", name, got, want, sprint(d))
	}
}

func (o *keyedHook) cancel(name string) {
	o.t.Helper()
	_, err := o.CancelDelivery(o.t.Context(), o.named(name).ID)
	must(o.t, err)
}

func (o *keyedHook) retry(name string) {
	o.t.Helper()
	_, err := o.RetryDelivery(o.t.Context(), o.named(name).ID)
	must(o.t, err)
}

// exact fails the test if the backlog that statistics tell is not what waits, or if a line does not go on.
func (o *keyedHook) exact() {
	o.t.Helper()
	wrong, err := o.s.CheckBacklog(o.t.Context())
	must(o.t, err)
	for _, w := range wrong {
		o.t.Errorf("the backlog: %s", sprint(w))
	}
	stalled, err := o.s.StalledLines(o.t.Context())
	must(o.t, err)
	if stalled != 0 {
		o.t.Errorf("%d lines do not go on", stalled)
	}
}

// With an ordering key, a webhook gets a key's events one after the other, in the order of publishing (I19): the next is due when the one before
// has succeeded. Other keys, events without one and other webhooks do not wait.
func TestOrdering(t *testing.T) {
	each(t, func(t *suite) {
		o := newKeyed(t, t.Open(t, store.Options{}), webhook.New{RetryScheduleMs: []int{0, 0}})
		other := register(t, o.Scope, webhook.New{Enabled: true})
		o.publish("a1", "b1", "a2", "-1", "a3", "-2")
		o.publish("b2")
		if claims, _ := claim(t, o.s, other.ID, 100); len(claims) != 7 {
			t.Errorf("a webhook without ordering: %d are due, want 7", len(claims))
		}
		first := o.due("a1", "b1", "-1", "-2")
		for name, by := range map[string]string{"a1": "", "a2": "a1", "a3": "a1", "b2": "b1", "-2": ""} {
			o.behind(name, by)
		}
		o.exact()
		record(t, o.s, first["a1"], 500)
		again := o.due("a1") // its retry comes first
		record(t, o.s, first["b1"], 200)
		o.due("b2")
		o.behind("a3", "a1")
		record(t, o.s, again["a1"], 200)
		second := o.due("a2")
		o.behind("a2", "")
		o.behind("a3", "a2")
		o.publish("a4")
		o.behind("a4", "a2")
		record(t, o.s, second["a2"], 204)
		record(t, o.s, o.due("a3")["a3"], 200)
		record(t, o.s, o.due("a4")["a4"], 200)
		o.publish("a5") // the line was empty
		o.due("a5")
		o.exact()
	})
}

// A sender that takes new deliveries in memory is handed the head of a line only.
func TestOrderingHandsOverHeads(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		taker := &taker{}
		s.Start(taker, nil)
		o := newKeyed(t, s, webhook.New{})
		o.publish("a1", "a2", "b1", "a3", "-1", "-2")
		if got := taker.names(); got != "a1 b1 -1 -2" {
			t.Errorf("handed over: %s", got)
		}
		o.publish("a4")
		if got := taker.names(); got != "a1 b1 -1 -2" {
			t.Errorf("handed over, while a line has a head: %s", got)
		}
	})
}

// taker is a sender that takes everything.
type taker struct {
	store.Dispatcher
	taken []*store.Claimed
}

func (k *taker) Reserve(*store.Target, int) bool { return true }
func (k *taker) Release(*store.Target, int)      {}
func (k *taker) Take(claimed *store.Claimed)     { k.taken = append(k.taken, claimed) }
func (k *taker) Due(webhook.ID, time.Time)       {}
func (k *taker) Changed(_, _ *store.Target)      {}
func (k *taker) Nodes(int)                       {}
func (*taker) Claimed() int                      { return 0 }
func (k *taker) Busy(webhook.ID) bool            { return false }
func (k *taker) Batch(do func(store.Dispatcher)) { do(k) }
func (k *taker) names() string {
	var all []string
	for _, claimed := range k.taken {
		all = append(all, nameOf(claimed))
	}
	return strings.Join(all, " ")
}

// Whatever ends the delivery at the head of a line, the next one follows; what ends one that waits changes nothing.
func TestOrderingGoesOn(t *testing.T) {
	ends := map[string]func(o *keyedHook){
		"success":  func(o *keyedHook) { record(o.t, o.s, o.due("a1")["a1"], 200) },
		"failure":  func(o *keyedHook) { record(o.t, o.s, o.due("a1")["a1"], 500) },
		"canceled": func(o *keyedHook) { o.cancel("a1") },
		"canceled during its attempt, which fails": func(o *keyedHook) {
			claimed := o.due("a1")["a1"]
			o.cancel("a1")
			o.due() // two are never in flight
			o.behind("a2", "a1")
			record(o.t, o.s, claimed, 500)
		},
		"canceled during its attempt, which succeeds": func(o *keyedHook) {
			claimed := o.due("a1")["a1"]
			o.cancel("a1")
			record(o.t, o.s, claimed, 200)
		},
		"canceled, and given back": func(o *keyedHook) {
			claimed := o.due("a1")["a1"]
			o.cancel("a1")
			must(o.t, o.s.Unclaim(o.t.Context(), []*store.Claimed{claimed}))
		},
		"canceled and retried during its attempt": func(o *keyedHook) {
			claimed := o.due("a1")["a1"]
			o.cancel("a1")
			o.retry("a1")
			o.due()
			record(o.t, o.s, claimed, 200)
		},
		"failed without retries": func(o *keyedHook) {
			_, _, err := o.UpdateWebhook(o.t.Context(), o.hook.ID, webhook.Patch{
				RetryScheduleMs: webhook.Some([]int{3_600_000}), NoRetryStatuses: webhook.Some([]int{404}),
			}, nil)
			must(o.t, err)
			record(o.t, o.s, o.due("a1")["a1"], 404)
		},
		"given back": func(o *keyedHook) {
			must(o.t, o.s.Unclaim(o.t.Context(), []*store.Claimed{o.due("a1")["a1"]}))
			record(o.t, o.s, o.due("a1")["a1"], 200)
		},
	}
	each(t, func(t *suite) {
		for name, end := range ends {
			t.Run(name, func(tt *testing.T) {
				t := &suite{T: tt, Kind: t.Kind, Open: t.Open, Fresh: t.Fresh}
				o := newKeyed(t, t.Fresh().Open(t, store.Options{}), webhook.New{RetryScheduleMs: []int{}})
				o.publish("a1", "a2", "a3", "a4")
				o.cancel("a3")
				end(o)
				o.behind("a4", "a2")
				record(t, o.s, o.due("a2")["a2"], 200)
				o.due("a4")
				o.exact()
			})
		}
	})
}

// With HOLD a delivery that failed holds up the others with its key, also those that are published later, until it is retried or canceled, or
// until the setting is changed.
func TestOrderingHolds(t *testing.T) {
	each(t, func(t *suite) {
		o := newKeyed(t, t.Open(t, store.Options{}), webhook.New{RetryScheduleMs: []int{}, OnFailure: webhook.OnFailureHold})
		fail := func(name string, others ...string) {
			t.Helper()
			all := o.due(append(others, name)...)
			record(t, o.s, all[name], 500)
			for _, other := range others {
				record(t, o.s, all[other], 200)
			}
		}
		o.publish("a1", "a2", "b1")
		fail("a1", "b1")
		o.due()
		o.behind("a2", "a1")
		o.publish("a3")
		o.behind("a3", "a1")
		o.exact()

		o.retry("a1")
		fail("a1")
		o.due()
		o.retry("a1")
		record(t, o.s, o.due("a1")["a1"], 200)
		fail("a2")

		o.cancel("a2")
		if d := o.named("a2"); d.Status != webhook.Canceled || d.FailureReason != nil {
			t.Errorf("canceled after it failed: %s", sprint(d))
		}
		if _, err := o.CancelDelivery(t.Context(), o.named("a2").ID); len(webhook.Invalids(err)) != 1 {
			t.Errorf("canceled twice: %v", err)
		}
		fail("a3")
		o.publish("a4")
		o.due()
		_, _, err := o.UpdateWebhook(t.Context(), o.hook.ID, webhook.Patch{OnFailure: webhook.Some(webhook.OnFailureContinue)}, nil)
		must(t, err)
		must(t, o.s.MendLines(t.Context()))
		record(t, o.s, o.due("a4")["a4"], 200)
		o.exact()
	})
}

// What is retried by hand goes before all that wait, once the head of the line has ended. What waits cannot be retried.
func TestOrderingRetryByHand(t *testing.T) {
	each(t, func(t *suite) {
		o := newKeyed(t, t.Open(t, store.Options{}), webhook.New{RetryScheduleMs: []int{}})
		o.publish("a1", "a2", "a3", "a4")
		record(t, o.s, o.due("a1")["a1"], 500)
		head := o.due("a2")
		o.retry("a1")
		o.behind("a1", "a2")
		o.due()
		if _, err := o.RetryDelivery(t.Context(), o.named("a3").ID); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Code != webhook.CodeConflict {
			t.Errorf("retried what waits: %v", err)
		}
		record(t, o.s, head["a2"], 200)
		record(t, o.s, o.due("a1")["a1"], 200)
		record(t, o.s, o.due("a3")["a3"], 200)
		record(t, o.s, o.due("a4")["a4"], 200)
		o.retry("a2") // the line is empty
		record(t, o.s, o.due("a2")["a2"], 200)
		o.exact()
	})
}

// Deliveries of an event with very many webhooks are made later. Those of its key that are published meanwhile come after them.
func TestOrderingOfLargeFanOuts(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Tuning: fanOutAbove(3)})
		o := newKeyed(t, s, webhook.New{})
		for range 40 {
			register(t, o.Scope, webhook.New{Enabled: true, Ordering: webhook.OrderingByKey, Events: []string{"a.b"}})
		}
		release := s.Hold(t)
		done := make(chan error, 3)
		for n, kind := range []string{"a.b", "few", "a.b"} {
			go func() {
				_, err := o.Publish(t.Context(), []webhook.NewEvent{
					{Type: kind, OrderingKey: "a", Data: json.RawMessage(fmt.Sprintf(`"a%d1"`, n))}, {Type: kind, OrderingKey: "a", Data: json.RawMessage(fmt.Sprintf(`"a%d2"`, n))},
				})
				done <- err
			}()
			webhooktest.Eventually(t, "the call waits", func() bool { _, others := s.Queued(); return others > n })
		}
		release()
		for range 3 {
			must(t, <-done)
		}
		must(t, s.Flush(t.Context()))
		for _, name := range []string{"a01", "a02", "a11", "a12", "a21", "a22"} {
			record(t, s, o.due(name)[name], 200)
		}
		o.exact()
	})
}

// A delivery that was canceled while its attempt ran keeps its place until the attempt ends. If the process ends before that, the line goes on
// after the next start.
func TestOrderingAfterRestart(t *testing.T) {
	each(t, func(t *suite) {
		place := t.Fresh()
		s, end := place.Serve(t, store.Options{})
		o := newKeyed(t, s, webhook.New{})
		o.publish("a1", "a2", "b1", "b2")
		o.due("a1", "b1")
		o.cancel("a1")
		must(t, end())
		o.s = place.Open(t, store.Options{})
		o.Scope = o.s.In(o.id)
		must(t, o.s.MendLines(t.Context()))
		all := o.due("a2", "b1")
		record(t, o.s, all["b1"], 200)
		o.due("b2")
		o.exact()
	})
}

// A webhook that is disabled holds its lines; enabled, it goes on. One that is deleted is owed nothing more.
func TestOrderingOfDisabledAndDeletedWebhooks(t *testing.T) {
	each(t, func(t *suite) {
		o := newKeyed(t, t.Open(t, store.Options{}), webhook.New{})
		o.publish("a1", "a2")
		set := func(on bool) {
			_, _, err := o.UpdateWebhook(t.Context(), o.hook.ID, webhook.Patch{Enabled: webhook.Some(on)}, nil)
			must(t, err)
		}
		claimed := o.due("a1")["a1"]
		set(false)
		o.publish("a3", "b1")
		record(t, o.s, claimed, 200)
		o.due()
		if d := o.named("a3"); d.Status != webhook.Held {
			t.Errorf("waits in the line of a disabled webhook: %s", sprint(d))
		}
		set(true)
		all := o.due("a2", "b1")
		record(t, o.s, all["b1"], 200)
		must(t, o.DeleteWebhook(t.Context(), o.hook.ID))
		record(t, o.s, all["a2"], 200)
		must(t, o.s.CancelDeleted(t.Context()))
		webhooktest.Eventually(t, "nothing is owed", func() bool {
			n, err := o.CountDeliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending, webhook.Held}})
			wrong, bad := o.s.CheckBacklog(t.Context())
			return err == nil && bad == nil && n == 0 && len(wrong) == 0
		})
		if left, err := o.s.InLine(t.Context()); left != 0 || err != nil {
			t.Errorf("%d deliveries are in line (%v)", left, err)
		}
		if _, err := o.s.Prune(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n, err := o.CountEvents(t.Context(), store.EventFilter{}); n != 0 || err != nil {
			t.Errorf("%d events are kept (%v)", n, err)
		}
	})
}

// What waits in line has the age limit of what is due, from its publication (I4), also behind a delivery that failed and holds it up. Retention
// removes that one, and its line goes on.
func TestOrderingExpires(t *testing.T) {
	each(t, func(t *suite) {
		o := newKeyed(t, t.Open(t, store.Options{}), webhook.New{RetryScheduleMs: []int{}, OnFailure: webhook.OnFailureHold})
		o.publish("a1", "a2", "a3", "b1", "b2")
		record(t, o.s, o.due("a1", "b1")["a1"], 500)
		later := time.Now().Add(time.Hour)
		n, err := o.s.ExpireDeliveries(t.Context(), later)
		if n != 3 || err != nil { // b1 is claimed
			t.Fatalf("%d deliveries expired, want 3 (%v)", n, err)
		}
		for _, name := range []string{"a2", "a3", "b2"} {
			if d := o.named(name); d.Status != webhook.DeliveryFailed || *d.FailureReason != webhook.FailureExpired || d.Waits() {
				t.Errorf("%s has expired: %s", name, sprint(d))
			}
		}
		o.publish("a4")
		o.behind("a4", "a1")
		o.exact()
		if _, err := o.s.Prune(t.Context(), later); err != nil {
			t.Fatal(err)
		}
		must(t, o.s.MendLines(t.Context()))
		o.due("a4")
		o.exact()
	})
}

// The head of a line that expires is followed by the next one; with HOLD it holds up the others.
func TestOrderingOfExpiredHeads(t *testing.T) {
	each(t, func(t *suite) {
		for _, on := range []webhook.OnFailure{webhook.OnFailureContinue, webhook.OnFailureHold} {
			s := t.Fresh().Open(t, store.Options{})
			o := newKeyed(t, s, webhook.New{RetryScheduleMs: []int{3_600_000}, OnFailure: on})
			o.publish("a1")
			record(t, s, o.due("a1")["a1"], 500) // due in an hour
			o.retry("a1")
			before := o.named("a1").NextAttemptAt.Add(time.Microsecond)
			webhooktest.Eventually(t, "time passes", func() bool { return time.Now().After(before.Add(time.Millisecond)) })
			o.publish("a2")
			if n, err := s.ExpireDeliveries(t.Context(), before); n != 1 || err != nil {
				t.Fatalf("%d deliveries expired, want 1 (%v)", n, err)
			}
			if on == webhook.OnFailureHold {
				o.due()
				o.behind("a2", "a1")
			} else {
				o.due("a2")
			}
			o.exact()
		}
	})
}

// The idempotency hash includes the ordering key (I10), which is stored with the event. It has at most 255 bytes.
func TestOrderingKeyIsContent(t *testing.T) {
	each(t, func(t *suite) {
		c := tenant(t, t.Open(t, store.Options{}), "a")
		first := publish(t, c, webhook.NewEvent{IdempotencyKey: "k", OrderingKey: "order 7"})[0]
		for key, same := range map[string]bool{"order 7": true, "order 8": false, "": false} {
			again := publish(t, c, webhook.NewEvent{IdempotencyKey: "k", OrderingKey: key})[0]
			if bad := webhook.Invalids(again.Err); again.Duplicate != same || !same && (len(bad) != 1 || bad[0].Code != webhook.CodeConflict) {
				t.Errorf("published again with the ordering key %q: %+v", key, again)
			}
		}
		found, err := c.EventsByID(t.Context(), []webhook.ID{first.Event.ID})
		must(t, err)
		if e := found[first.Event.ID]; e.OrderingKey == nil || *e.OrderingKey != "order 7" {
			t.Errorf("the event's key: %v", e.OrderingKey)
		}
		for key, code := range map[string]webhook.Code{strings.Repeat("x", 255): "", strings.Repeat("x", 256): webhook.CodeTooLong, "a\x00": webhook.CodeInvalid, "a\xff": webhook.CodeInvalid} {
			done := publish(t, c, webhook.NewEvent{OrderingKey: key})[0]
			if bad := webhook.Invalids(done.Err); (len(bad) > 0) != (code != "") || len(bad) > 0 && (bad[0].Field != "orderingKey" || bad[0].Code != code) {
				t.Errorf("key %.10q of %d bytes: %v", key, len(key), done.Err)
			}
		}
	})
}

// onFailure says something only about webhooks with an order.
func TestOrderingSettings(t *testing.T) {
	each(t, func(t *suite) {
		c := tenant(t, t.Open(t, store.Options{}), "a")
		for _, bad := range []webhook.New{
			{Ordering: "FIFO"}, {Ordering: webhook.OrderingByKey, OnFailure: "STOP"}, {OnFailure: webhook.OnFailureHold},
		} {
			bad.URL = "https://example.com/"
			if _, _, err := c.CreateWebhook(t.Context(), bad); len(webhook.Invalids(err)) != 1 {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		w := register(t, c, webhook.New{Ordering: webhook.OrderingByKey, OnFailure: webhook.OnFailureHold})
		if w.Ordering != webhook.OrderingByKey || !w.Holds() {
			t.Errorf("created: %s", sprint(w))
		}
		if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Ordering: webhook.Some(webhook.OrderingNone)}, nil); len(webhook.Invalids(err)) != 1 {
			t.Errorf("HOLD without an order: %v", err)
		}
		w, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Ordering: webhook.Some(webhook.OrderingNone), OnFailure: webhook.Some(webhook.OnFailureContinue)}, nil)
		must(t, err)
		if w.Ordering != webhook.OrderingNone || w.Holds() {
			t.Errorf("updated: %s", sprint(w))
		}
	})
}

// An order that is turned off or on applies to events that are published afterwards: what is in line goes on in its order.
func TestOrderingTurnedOff(t *testing.T) {
	each(t, func(t *suite) {
		o := newKeyed(t, t.Open(t, store.Options{}), webhook.New{})
		o.publish("a1", "a2", "a3")
		set := func(to webhook.Ordering) {
			_, _, err := o.UpdateWebhook(t.Context(), o.hook.ID, webhook.Patch{Ordering: webhook.Some(to)}, nil)
			must(t, err)
		}
		set(webhook.OrderingNone)
		o.publish("a4", "a5")
		all := o.due("a1", "a4", "a5")
		set(webhook.OrderingByKey)
		o.publish("a6")
		o.due()
		record(t, o.s, all["a1"], 200)
		record(t, o.s, o.due("a2")["a2"], 200)
		record(t, o.s, o.due("a3")["a3"], 200)
		o.due("a6")
		o.exact()
	})
}

// A replay of failed deliveries sends those of a key one after the other in their order, before what waits, and after what is being sent. When it is
// canceled, what was not sent is what it was: one that failed and held up others does so again.
func TestOrderingOfReplays(t *testing.T) {
	each(t, func(t *suite) {
		for _, on := range []webhook.OnFailure{webhook.OnFailureContinue, webhook.OnFailureHold} {
			s := t.Fresh().Open(t, store.Options{})
			o := newKeyed(t, s, webhook.New{RetryScheduleMs: []int{}, OnFailure: on})
			r := &replaying{Scope: o.Scope, s: s, tenant: &webhook.Tenant{ID: o.id}, hook: o.hook}
			o.publish("a1", "b1", "a2", "a3", "a4")
			all := o.due("a1", "b1")
			record(t, s, all["a1"], 500)
			record(t, s, all["b1"], 500)
			if on == webhook.OnFailureHold {
				made := r.create(t, store.ReplayInput{})
				r.waits(t, made.ID, 2)
				_, err := r.CancelReplay(t.Context(), made.ID)
				must(t, err)
				r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCanceled })
				o.due()
				o.behind("a2", "a1")
				o.exact()
				made = r.create(t, store.ReplayInput{})
				r.waits(t, made.ID, 2)
				all = o.due("a1", "b1")
				record(t, s, all["a1"], 200)
				record(t, s, o.due("a2")["a2"], 200)
				record(t, s, o.due("a3")["a3"], 200)
				o.exact()
				continue
			}
			record(t, s, o.due("a2")["a2"], 500)
			head := o.due("a3")["a3"]
			made := r.create(t, store.ReplayInput{})
			r.waits(t, made.ID, 3)
			o.due("b1")
			o.behind("a1", "a3")
			o.exact()
			record(t, s, head, 200)
			record(t, s, o.due("a1")["a1"], 200)
			record(t, s, o.due("a2")["a2"], 200)
			o.due("a4")
			o.exact()
		}
	})
}

// A webhook that gets what it never had, by a replay, gets the events of a key in their order.
func TestOrderingOfMissing(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		owner, err := s.EnsureTenant(t.Context(), "a")
		must(t, err)
		o := &keyedHook{Scope: s.In(owner.ID), t: t, s: s, id: owner.ID}
		o.publish("a1", "b1", "a2", "a3")
		o = newKeyed(t, s, webhook.New{})
		o.publish("a4", "a5")
		r := &replaying{Scope: o.Scope, s: s, tenant: owner, hook: o.hook}
		made := r.create(t, store.ReplayInput{Kind: webhook.ReplayMissing, Filter: store.DeliveryFilter{WebhookIDs: []webhook.ID{o.hook.ID}}})
		r.waits(t, made.ID, 4)
		all := o.due("a4", "b1")
		record(t, s, all["a4"], 200)
		for _, name := range []string{"a1", "a2", "a3", "a5"} {
			record(t, s, o.due(name)[name], 200)
		}
		o.exact()
	})
}

// Deliveries that wait in line can be canceled in bulk; the others go on.
func TestOrderingOfCanceledBacklogs(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		o := newKeyed(t, s, webhook.New{})
		r := &replaying{Scope: o.Scope, s: s, tenant: &webhook.Tenant{ID: o.id}, hook: o.hook}
		o.publish("a1", "a2", "a3", "b1", "b2")
		claimed := o.due("a1", "b1")["a1"]
		var ids []webhook.ID
		for _, name := range []string{"a1", "a2", "b2"} {
			ids = append(ids, o.named(name).ID)
		}
		made := r.create(t, store.ReplayInput{Kind: webhook.ReplayCancel, Filter: store.DeliveryFilter{DeliveryIDs: ids}})
		r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted && is.Started == 3 })
		o.due()
		o.behind("a3", "a1")
		record(t, s, claimed, 500)
		o.due("a3")
		o.exact()
	})
}

// A sweep finds lines that do not go on, and mends them: those without a head, those whose head has ended, and those whose head can never be sent.
func TestOrderingSweep(t *testing.T) {
	each(t, func(t *suite) {
		place := t.Fresh()
		s := place.Rest(t, store.Options{})
		o := newKeyed(t, s, webhook.New{})
		var names, heads []string
		for _, key := range "abcdef" {
			for n := range 3 {
				names = append(names, fmt.Sprintf("%c%d", key, n))
			}
			heads = append(heads, fmt.Sprintf("%c0", key))
		}
		o.publish(names...)
		o.due(heads...)
		for key, change := range map[string]string{
			"a": "place = NULL, status = 'CANCELED', claimed_by = NULL", "b": "status = 'SUCCEEDED', claimed_by = NULL", "c": "claimed_by = NULL",
		} {
			must(t, s.Exec("UPDATE deliveries SET "+change+" WHERE id = "+literal(t, o.named(key+"0").ID)))
		}
		if n, err := s.StalledLines(t.Context()); n != 3 || err != nil {
			t.Fatalf("%d lines do not go on, want 3 (%v)", n, err)
		}
		if checks, text := inspected(t, place(store.Options{}), store.InspectionBounds{}); !slices.Contains(checks, "ordering") || !strings.Contains(text, "deliveries of 3 ordering keys") {
			t.Errorf("doctor finds %q: %s", checks, text)
		}
		must(t, s.MendLines(t.Context()))
		o.due("a1", "b1", "c0")
		if checks, text := inspected(t, place(store.Options{}), store.InspectionBounds{}); slices.Contains(checks, "ordering") || slices.Contains(checks, "pending deliveries") {
			t.Errorf("doctor finds %q: %s", checks, text)
		}
	})
}

// literal is an id in the database's SQL.
func literal(t *suite, id webhook.ID) string {
	if t.Kind == "sqlite" {
		return fmt.Sprintf("x'%x'", id[:])
	}
	return "'" + id.String() + "'"
}
