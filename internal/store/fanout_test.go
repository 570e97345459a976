package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// asleep opens the database without background work.
func asleep(t *suite) *store.Store {
	return t.Open(t, store.Options{Shared: true, Tuning: fanOutAbove(8)})
}

// owed counts the event's deliveries by webhook.
func owed(t testing.TB, c *store.Scope, event webhook.ID) map[webhook.ID]int {
	t.Helper()
	found := map[webhook.ID]int{}
	for page := (store.Page{First: 100}); ; {
		l, err := c.Deliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{event}}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range l.Items {
			found[d.WebhookID]++
			page.After = d.Seq
		}
		if !l.HasNext {
			return found
		}
	}
}

func checkOwed(t testing.TB, c *store.Scope, event webhook.ID, want ...*webhook.Webhook) {
	t.Helper()
	found := owed(t, c, event)
	wrong := slices.DeleteFunc(slices.Clone(want), func(h *webhook.Webhook) bool { return found[h.ID] == 1 })
	if len(wrong) > 0 {
		t.Errorf("event %s: %d webhooks do not have one delivery each; %s has %d", event, len(wrong), wrong[0].URL, found[wrong[0].ID])
	}
	if len(found) != len(want) {
		t.Errorf("event %s has deliveries to %d webhooks, want %d", event, len(found), len(want))
	}
}

func flush(t testing.TB, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func notesLeft(t testing.TB, s *store.Store) int64 {
	t.Helper()
	n, err := s.Count("fanouts")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A large fan-out is committed as its event and a note. Its deliveries are created after the answer by any node that finds the note: one for
// each webhook that existed when the event was published and is not deleted, including webhooks that are disabled in the meantime. Until
// then retention does not remove the event.
func TestLargeFanOut(t *testing.T) {
	each(t, func(t *suite) {
		s := asleep(t)
		c := tenant(t, s, "a")
		other := tenant(t, s, "b")
		registerMany(t, other, 9, webhook.New{Enabled: true})
		hooks := registerMany(t, c, 20, webhook.New{Enabled: true})
		event := publish(t, c, webhook.NewEvent{Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})[0].Event
		small := publish(t, c, webhook.NewEvent{Type: "a.b"}, webhook.NewEvent{Type: "a.c"})
		if n := notesLeft(t, s); n != 3 || len(owed(t, c, event.ID)) != 0 {
			t.Fatalf("%d notes are left before anybody works on them, and %d deliveries", n, len(owed(t, c, event.ID)))
		}
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
			t.Errorf("retention has taken %d events that are owed, %v", n, err)
		}
		registerMany(t, c, 3, webhook.New{Enabled: true})
		if err := c.DeleteWebhook(t.Context(), hooks[4].ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.UpdateWebhook(t.Context(), hooks[5].ID, webhook.Patch{Enabled: webhook.Some(false)}, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.Open(t, store.Options{Tuning: fanOutAbove(8)})
		c = tenant(t, s, "a")
		flush(t, s)
		want := slices.Delete(slices.Clone(hooks), 4, 5)
		for _, e := range []webhook.ID{event.ID, small[0].Event.ID, small[1].Event.ID} {
			checkOwed(t, c, e, want...)
		}
		if n := notesLeft(t, s); n != 0 {
			t.Errorf("%d notes are left", n)
		}
		claims, _ := claim(t, s, hooks[0].ID, 10)
		if len(claims) != 3 || !slices.ContainsFunc(claims, func(claimed *store.Claimed) bool {
			return claimed.Event.ID == event.ID && string(claimed.Event.Data) == string(event.Data) && *claimed.Event.Traceparent == *event.Traceparent
		}) {
			t.Errorf("%d deliveries can be claimed", len(claims))
		}
		held, err := c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{hooks[5].ID}}, store.Page{First: 10})
		if err != nil || len(held.Items) != 3 || held.Items[0].Status != webhook.Held {
			t.Errorf("a webhook that was disabled meanwhile has %d deliveries: %v", len(held.Items), err)
		}
	})
}

// counted accepts every delivery, and counts them.
type counted struct {
	mu       sync.Mutex
	reserved int // reserved, and neither taken nor released
	took     map[webhook.ID]int
}

func (c *counted) Reserve(*store.Target, int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reserved++
	return true
}

func (*counted) Busy(webhook.ID) bool { return false }

func (c *counted) Release(*store.Target, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reserved--
}

func (c *counted) Take(claimed *store.Claimed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reserved--
	c.took[claimed.Delivery.ID]++
}
func (c *counted) Due(webhook.ID, time.Time)       {}
func (c *counted) Changed(_, _ *store.Target)      {}
func (c *counted) Nodes(int)                       {}
func (*counted) Claimed() int                      { return 0 }
func (c *counted) Batch(do func(store.Dispatcher)) { do(c) }

// fansOut publishes an event that 2,000 webhooks want, beside a sender, until all have their delivery.
func fansOut(t *suite, sender store.Dispatcher) {
	t.Helper()
	s := t.Open(t, store.Options{Tuning: fanOutAbove(8)})
	c := tenant(t, s, "a")
	hooks := registerMany(t, c, 2000, webhook.New{Enabled: true})
	s.Start(sender, nil)
	event := publish(t, c, webhook.NewEvent{})[0].Event
	flush(t, s)
	checkOwed(t, c, event.ID, hooks...)
}

// stingy is a sender that has room for every other piece, or for none, and notes when it was asked for each.
type stingy struct {
	counted
	never  bool // it has no room for any piece
	asked  bool
	pieces []askedPiece
}

type askedPiece struct {
	at   time.Time
	room bool
}

func (s *stingy) room() bool { return !s.never && len(s.pieces)%2 == 1 }

func (s *stingy) Reserve(to *store.Target, size int) bool {
	s.asked = true
	return s.room() && s.counted.Reserve(to, size)
}

func (s *stingy) Batch(do func(store.Dispatcher)) {
	s.asked = false
	at := time.Now()
	if do(s); s.asked {
		s.pieces = append(s.pieces, askedPiece{at, s.room()})
	}
}

// A large fan-out does not run ahead of a sender without room: deliveries that would have to be claimed afterwards, webhook by webhook, are
// created a little later. It continues nevertheless, because there may never be room.
func TestFanOutWaitsForSender(t *testing.T) {
	for _, never := range []bool{false, true} {
		each(t, func(t *suite) {
			sender := &stingy{counted: counted{took: map[webhook.ID]int{}}, never: never}
			fansOut(t, sender)
			if len(sender.pieces) < 2 {
				t.Fatalf("%d pieces", len(sender.pieces))
			}
			for i, piece := range sender.pieces[1:] {
				if last := sender.pieces[i]; !last.room && piece.at.Sub(last.at) < fanout.NoteRest {
					t.Errorf("a piece was made %v after one for which there was no room, want %v at least", piece.at.Sub(last.at), fanout.NoteRest)
				}
			}
		})
	}
}

// occupied is a sender that has enough to do, and notes when it was asked.
type occupied struct {
	counted
	asked []time.Time
}

func (o *occupied) Busy(webhook.ID) bool {
	o.asked = append(o.asked, time.Now())
	return true
}
func (o *occupied) Batch(do func(store.Dispatcher)) { do(o) }

// Large fan-outs of a tenant whose deliveries keep the sender busy are made piece by piece, each some time after the one before.
func TestFanOutOfBusyTenant(t *testing.T) {
	each(t, func(t *suite) {
		sender := &occupied{counted: counted{took: map[webhook.ID]int{}}}
		fansOut(t, sender)
		if len(sender.asked) < 2 {
			t.Fatalf("asked %d times", len(sender.asked))
		}
		for i, at := range sender.asked[1:] {
			if between := at.Sub(sender.asked[i]); between < fanout.NoteRest {
				t.Errorf("a piece was made %v after the one before, want %v at least", between, fanout.NoteRest)
			}
		}
	})
}

// Many concurrent fan-outs of several tenants, large and small, with restarts in the middle: each delivery is created once, and handed to the
// sender in memory if it has room. No transaction creates more than its limit.
func TestFanOutsBesideOneAnother(t *testing.T) {
	each(t, func(t *suite) {
		var clock sync.Mutex
		now := time.Now()
		tick := func() time.Time { // each transaction has its own time
			clock.Lock()
			defer clock.Unlock()
			now = now.Add(time.Microsecond)
			return now
		}
		var hooks [2][]*webhook.Webhook
		var events [2][]webhook.ID
		for round := range 4 {
			s := t.Open(t, store.Options{Now: tick, Tuning: fanOutAbove(8)})
			dispatcher := &counted{took: map[webhook.ID]int{}}
			s.Start(dispatcher, nil)
			for i, name := range []string{"a", "b"} {
				c := tenant(t, s, name)
				if round == 0 {
					hooks[i] = registerMany(t, c, 150*(i+1), webhook.New{Enabled: true})
				}
				batch := make([]webhook.NewEvent, 25)
				for _, p := range publish(t, c, batch...) {
					events[i] = append(events[i], p.Event.ID)
				}
			}
			if round == 3 {
				flush(t, s)
				for i, name := range []string{"a", "b"} {
					for _, e := range events[i][len(events[i])-5:] {
						checkOwed(t, tenant(t, s, name), e, hooks[i]...)
					}
				}
				deliveries, err := s.Count("deliveries")
				if want := int64(len(events[0])*len(hooks[0]) + len(events[1])*len(hooks[1])); deliveries != want || err != nil {
					t.Errorf("%d deliveries were made, want %d: %v", deliveries, want, err)
				}
			}
			if err := s.Close(); err != nil { // in the middle
				t.Fatal(err)
			}
			if dispatcher.reserved != 0 {
				t.Errorf("%d reservations are left", dispatcher.reserved)
			}
			for id, n := range dispatcher.took {
				if n != 1 {
					t.Errorf("delivery %s was handed over %d times", id, n)
				}
			}
			if round == 3 && len(dispatcher.took) == 0 {
				t.Error("nothing was handed over in memory")
			}
		}
		s := asleep(t)
		if t.Kind == "sqlite" {
			most, err := s.MostDeliveriesAtOnce()
			if err != nil || most > store.BatchCost+store.BatchCost/4 {
				t.Errorf("one transaction made %d deliveries, %v", most, err)
			}
		}
	})
}

// A delivery that exists already does not stop a fan-out, and is not created again.
func TestFanOutFindsDelivery(t *testing.T) {
	each(t, func(t *suite) {
		s := asleep(t)
		c := tenant(t, s, "a")
		hooks := registerMany(t, c, 40, webhook.New{Enabled: true})
		event := publish(t, c, webhook.NewEvent{})[0].Event
		publish(t, c, webhook.NewEvent{})
		if err := s.MakeDelivery(t.Context(), event, hooks[20].ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.Open(t, store.Options{Tuning: fanOutAbove(8)})
		flush(t, s)
		checkOwed(t, tenant(t, s, "a"), event.ID, hooks...)
	})
}

// Nodes that work on the same notes create each delivery once.
func TestNodesShareFanOuts(t *testing.T) {
	nodes := tunedReplicas(t, 3, fanOutAbove(8))
	c := tenant(t, nodes[0], "a")
	hooks := registerMany(t, c, 300, webhook.New{Enabled: true})
	var events []webhook.ID
	for range 10 {
		for _, p := range publish(t, c, make([]webhook.NewEvent, 5)...) {
			events = append(events, p.Event.ID)
		}
		for _, n := range nodes {
			n.FindFanOuts(t.Context())
		}
	}
	for _, n := range nodes {
		flush(t, n)
	}
	webhooktest.Eventually(t, "no note is left", func() bool { return notesLeft(t, nodes[0]) == 0 })
	for _, e := range events[len(events)-3:] {
		checkOwed(t, c, e, hooks...)
	}
	if n, err := nodes[0].Count("deliveries"); n != int64(len(events)*len(hooks)) || err != nil {
		t.Errorf("%d deliveries were made, want %d: %v", n, len(events)*len(hooks), err)
	}
}

// A deleted tenant leaves no notes.
func TestFanOutsOfDeletedTenant(t *testing.T) {
	each(t, func(t *suite) {
		s := asleep(t)
		c := tenant(t, s, "a")
		registerMany(t, c, 20, webhook.New{Enabled: true})
		publish(t, c, make([]webhook.NewEvent, 30)...)
		gone, err := s.EnsureTenant(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Registry(nil).DeleteTenant(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
		webhooktest.Eventually(t, "the tenant's notes and events go", func() bool {
			rows, err := s.RowsOf(t.Context(), gone.ID)
			return err == nil && rows["fanouts"] == 0 && rows["events"] == 0
		})
	})
}

// A call that is too large for one transaction is written in several. If one of them fails, the earlier ones stay, the results say so for each
// event, and the budgets are whole again.
func TestLargeCallFailsInTheMiddle(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c := tenant(t, s, "a")
	registerMany(t, c, 9, webhook.New{Enabled: true})
	if err := s.Exec("CREATE UNIQUE INDEX once ON events (type) WHERE type = 'job.once'"); err != nil {
		t.Fatal(err)
	}
	publish(t, c, webhook.NewEvent{Type: "job.once"})
	events := make([]webhook.NewEvent, 1000)
	for i := range events {
		events[i] = webhook.NewEvent{Type: "job.done", Data: json.RawMessage(`1`)}
	}
	events[900].Type = "job.once"
	results, err := c.Publish(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	stored := 0
	for i, r := range results {
		switch {
		case r.Err == nil && r.Event != nil && stored == i:
			stored++
		case r.Event != nil || !errors.Is(r.Err, webhook.ErrUnavailable):
			t.Fatalf("event %d: %+v", i, r)
		}
	}
	if stored == 0 || stored > 900 {
		t.Errorf("%d events before the one that fails are stored", stored)
	}
	if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != stored+1 || err != nil {
		t.Errorf("%d events are in the database, the results say %d: %v", n, stored+1, err)
	}
	if n := c.StoredEvents(); n != int64(stored)+1 {
		t.Errorf("%d events are counted", n)
	}
	if free, total := s.PublishRoom(); free != total {
		t.Errorf("%d of %d bytes are free", free, total)
	}
}
