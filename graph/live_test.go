package graph_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const streamed = `subscription($after: String, $since: TimeBound, $filter: DeliveryAttemptFilter) {
	deliveryAttempts(after: $after, since: $since, filter: $filter) { cursor node { id status event { id } delivery { attempts { count { count } } } webhook { id } } } }`

// subscription is a stream of attempts.
type subscription struct{ *feed }

func (a *api) subscribe(ctx context.Context, v vars) *subscription {
	a.t.Helper()
	return &subscription{a.feed(ctx, streamed, v)}
}

// next waits for an attempt; it returns its cursor and its event.
func (s *subscription) next() (cursor, event string) {
	s.t.Helper()
	m := s.feed.next()
	return m.text("cursor"), m.text("node", "event", "id")
}

// A stream has everything recorded after its start, in order. A stream that resumes, by argument or by the transport's last event
// id, continues right after its cursor. Its goroutine ends with its context.
func TestStream(t *testing.T) {
	a := newAPI(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.createWebhook(ctx, "https://example.com/")
	a.publish(ctx, 1)
	a.attempt(w, 1, true)

	s := a.subscribe(ctx, nil)
	foreign, cancelForeign := context.WithCancel(a.as("other"))
	defer cancelForeign()
	other := a.subscribe(foreign, nil)
	failed := a.subscribe(ctx, vars{"filter": vars{
		"statuses": []string{"FAILED"}, "errors": []string{"TIMEOUT"}, "triggers": []string{"SCHEDULE"}, "webhookIds": []string{w}, "eventTypes": []string{"a.b"},
	}})
	for first := time.Now().UnixMilli(); first == time.Now().UnixMilli(); { // earlier attempts were recorded in an earlier millisecond
	}
	before := time.Now()
	events := a.publish(ctx, 5)
	for i := range events {
		a.attempt(w, 1, i != 3)
	}
	var cursors []string
	for i := range events {
		cursor, event := s.next()
		if event != events[i] {
			t.Errorf("attempt %d is of event %s, want %s", i, event, events[i])
		}
		cursors = append(cursors, cursor)
	}
	if _, event := failed.next(); event != events[3] {
		t.Errorf("filtered stream: %s, want %s", event, events[3])
	}
	resumed := a.subscribe(ctx, vars{"after": cursors[1]})
	if cursor, event := resumed.next(); cursor != cursors[2] || event != events[2] {
		t.Errorf("resumed with %s, want %s", event, events[2])
	}
	a.resolver.LastEventID = func(context.Context) string { return cursors[3] }
	if _, event := a.subscribe(ctx, nil).next(); event != events[4] {
		t.Errorf("resumed by last event id with %s, want %s", event, events[4])
	}
	a.resolver.LastEventID = nil
	if _, event := a.subscribe(ctx, vars{"since": before.Format(time.RFC3339Nano)}).next(); event != events[0] {
		t.Errorf("from a time on: %s, want %s", event, events[0])
	}
	if _, event := a.subscribe(ctx, vars{"since": "-PT1H", "after": cursors[2]}).next(); event != events[3] {
		t.Errorf("a cursor and a time: %s, want %s", event, events[3])
	}
	a.resolver.LastEventID = func(context.Context) string { return cursors[3] }
	if _, event := a.subscribe(ctx, vars{"since": "-PT1H", "after": cursors[0]}).next(); event != events[4] {
		t.Errorf("a client that reconnects sends its first argument again: %s, want %s", event, events[4])
	}

	soon, stop := context.WithTimeout(other.ctx, 50*time.Millisecond)
	defer stop()
	if resp := other.read(soon); resp != nil {
		t.Errorf("another tenant saw %s", resp.Data)
	}
	cancel()
	if resp := s.read(s.ctx); resp != nil {
		t.Errorf("after the end: %v", resp)
	}
}

// An invalid cursor is refused at the start; so is one that retention has overtaken, with a cursor to resume after.
func TestStreamCursors(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.createWebhook(ctx, "https://example.com/")
	s := a.subscribe(ctx, nil)
	old := a.publish(ctx, 2)
	a.attempt(w, 2, true)
	first, event := s.next()
	if event != old[0] {
		t.Fatal("wrong event")
	}
	if err := a.store.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := a.store.Prune(ctx, time.Now().Add(time.Hour)); err != nil || n != 2 {
		t.Fatalf("pruned %d, %v", n, err)
	}
	list := a.get(ctx, `{ events { pageInfo { endCursor } } }`, nil)
	for _, bad := range []any{"?", first + "A", list.at("events", "pageInfo", "endCursor")} {
		if bad == nil {
			continue
		}
		resp := a.run(ctx, streamed, vars{"after": bad})
		if code(resp) != graph.CodeBadUserInput {
			t.Errorf("after %v: %v", bad, resp.Errors)
		}
	}
	resp := a.run(ctx, streamed, vars{"after": first})
	if code(resp) != graph.CodeCursorExpired {
		t.Fatalf("expired: %v", resp.Errors)
	}
	again := a.subscribe(ctx, vars{"after": resp.Errors[0].Extensions["oldest"]})
	kept := a.publish(ctx, 1)
	a.attempt(w, 1, true)
	if _, event := again.next(); event != kept[0] {
		t.Errorf("after the oldest cursor came %s, want %s", event, kept[0])
	}
}

var errDisk = errors.New("disk on fire")

// brokenLog is an attempt log that cannot be read.
type brokenLog struct{ *store.Store }

func (brokenLog) AttemptLog(context.Context, webhook.ID, store.AttemptFilter, int64, int) ([]*webhook.Attempt, int64, error) {
	return nil, 0, errDisk
}

// A stream that breaks tells the transport why.
func TestBrokenStream(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.createWebhook(ctx, "https://example.com/")
	s := a.subscribe(ctx, nil)
	a.publish(ctx, 2)
	a.attempt(w, 2, true)
	cursor, _ := s.next()

	log := live.New(brokenLog{a.store}, 1<<20)
	var told error
	tell := func(_ context.Context, err error) { told = err }
	broken := a.with(&graph.Resolver{Store: a.store, Live: log, EndStream: tell}).subscribe(ctx, vars{"after": cursor})
	if resp := broken.read(broken.ctx); resp != nil {
		t.Errorf("the transport tells: %v", resp)
	}
	if !errors.Is(told, errDisk) {
		t.Errorf("the transport was told %v", told)
	}
}

// The transport gets the cursor of each response, whether the client selects it or not.
func TestStreamTellsCursors(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	var told []string
	tell := func(_ context.Context, cursor string) { told = append(told, cursor) }
	b := a.with(&graph.Resolver{Store: a.store, Live: a.live, SetCursor: tell, EndStream: func(context.Context, error) {}})
	s := b.subscribe(ctx, nil)
	unasked := b.feed(ctx, `subscription { deliveryAttempts { node { id } } }`, nil)
	w := a.createWebhook(a.as("kallima"), "https://example.com/")
	a.publish(a.as("kallima"), 1)
	a.attempt(w, 1, true)
	cursor, _ := s.next()
	unasked.next()
	if !slices.Equal(told, []string{cursor, cursor}) {
		t.Errorf("told %q, want %q twice", told, cursor)
	}
}

// A thousand watchers of the same attempts cost the reads of one, and see the state of after each attempt.
func TestWatchersShareReads(t *testing.T) {
	const watchers, attempts = 1000, 5
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.createWebhook(ctx, "https://example.com/")
	all := make([]*feed, watchers)
	for i := range all {
		all[i] = a.feed(ctx, `subscription { deliveryAttempts {
			cursor node { number event { id } request { body } webhook { url } delivery { status } } } }`, nil)
	}
	for range attempts {
		a.publish(ctx, 1)
		a.attempt(w, 1, true)
		before := a.reads()
		var wg sync.WaitGroup
		for _, s := range all {
			wg.Go(func() {
				resp := s.read(s.ctx)
				if resp == nil || !strings.Contains(string(resp.Data), `"delivery":{"status":"SUCCEEDED"}`) {
					t.Errorf("got %v", resp)
				}
			})
		}
		wg.Wait()
		if n := a.reads() - before; n > 100 { // three, and three again for watchers that are a second late
			t.Errorf("%d reads for %d watchers of one attempt", n, watchers)
		}
	}
}
