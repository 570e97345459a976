package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"go.uber.org/goleak"

	"github.com/hookgraph/hookgraph/graph"
)

// feed is a subscription as a transport reads it.
type feed struct {
	t    *testing.T
	ctx  context.Context // the stream's own
	read graphql.ResponseHandler
}

func (a *api) feed(ctx context.Context, query string, v vars) *feed {
	a.t.Helper()
	read, ctx, errs := a.start(ctx, query, v)
	if errs != nil {
		a.t.Fatal(errs)
	}
	return &feed{a.t, ctx, read}
}

// next waits for a message, and returns the value of its only field.
func (f *feed) next() object {
	f.t.Helper()
	resp := f.read(f.ctx)
	if resp == nil || len(resp.Errors) > 0 {
		f.t.Fatalf("stream ended: %v", resp)
	}
	var data map[string]object
	if err := json.Unmarshal(resp.Data, &data); err != nil {
		f.t.Fatal(err)
	}
	for _, v := range data {
		return v
	}
	return nil
}

// silent reports whether no message comes within a moment. It ends the stream.
func (f *feed) silent() bool {
	ctx, stop := context.WithTimeout(f.ctx, 300*time.Millisecond)
	defer stop()
	return f.read(ctx) == nil
}

const changed = `subscription($filter: DeliveryFilter) { deliveries(filter: $filter) {
	kind matches webhookId webhook { id } delivery { id status attemptCount nextAttemptAt completedAt event { type } webhook { url } lastAttempt { number error } } } }`

// A stream of deliveries begins with RESYNC, and then has each change of the tenant's own deliveries that meet the filter: created,
// attempted, retried, canceled. A change of a whole webhook is one RESYNC that names it.
func TestDeliveriesStream(t *testing.T) {
	a := newAPI(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.createWebhook(ctx, "https://example.com/")
	foreign, cancelForeign := context.WithCancel(a.as("other"))
	defer cancelForeign()
	all, failed := a.feed(ctx, changed, nil), a.feed(ctx, changed, vars{"filter": vars{"statuses": []string{"FAILED"}}})
	other, named := a.feed(foreign, changed, nil), a.feed(foreign, changed, vars{"filter": vars{"webhookIds": []string{w}}})
	for _, f := range []*feed{all, failed, other, named} {
		if m := f.next(); m.text("kind") != "RESYNC" || m.at("delivery") != nil || m.at("matches") != nil || m.at("webhookId") != nil || m.at("webhook") != nil {
			t.Fatalf("the first message is %v", m)
		}
	}
	check := func(f *feed, want string) string {
		t.Helper()
		m := f.next()
		got := fmt.Sprint(m.text("kind"), " ", m.at("matches"), " ", m.text("delivery", "status"), " ", m.at("delivery", "attemptCount"), " ",
			m.text("delivery", "event", "type"), " ", m.text("delivery", "webhook", "url"), " ", m.text("delivery", "lastAttempt", "error"))
		if got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		return m.text("delivery", "id")
	}
	a.publish(ctx, 1)
	id := check(all, "CHANGED true PENDING 0 a.b https://example.com/ ")
	a.attempt(w, 1, false)
	for m := all.next(); m.at("delivery", "attemptCount") != 1.0; m = all.next() { // it was claimed before
	}
	a.get(ctx, `mutation($id: ID!) { cancelDelivery(input: {id: $id}) { userErrors { message } } }`, vars{"id": id})
	check(all, "CHANGED true CANCELED 1 a.b https://example.com/ TIMEOUT")
	a.get(ctx, `mutation($id: ID!) { retryDelivery(input: {id: $id}) { userErrors { message } } }`, vars{"id": id})
	check(all, "CHANGED true PENDING 1 a.b https://example.com/ TIMEOUT")

	a.get(ctx, `mutation($id: ID!) { updateWebhook(input: {id: $id, enabled: false}) { userErrors { message } } }`, vars{"id": w})
	for _, f := range []*feed{all, failed} {
		if m := f.next(); m.text("kind") != "RESYNC" || m.text("webhookId") != w || m.text("webhook", "id") != w {
			t.Errorf("told %v", m)
		}
	}
	if !failed.silent() {
		t.Error("a stream of failed deliveries got others")
	}
	if !other.silent() || !named.silent() {
		t.Error("another tenant was told")
	}
	cancel()
	if resp := all.read(all.ctx); resp != nil {
		t.Errorf("after the end: %v", resp)
	}
}

// A client that lists the deliveries after the first message, and applies what comes after it, misses nothing, whatever is published
// meanwhile.
func TestDeliveriesListAndStream(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.createWebhook(ctx, "https://example.com/")
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for range 10 {
			a.publish(ctx, 5)
			a.attempt(w, 5, true)
		}
	})
	f := a.feed(ctx, changed, nil)
	shown := map[string]string{}
	succeeded := func() (n int) {
		for _, status := range shown {
			if status == "SUCCEEDED" {
				n++
			}
		}
		return n
	}
	for succeeded() < 50 {
		m := f.next()
		if m.text("kind") == "CHANGED" {
			shown[m.text("delivery", "id")] = m.text("delivery", "status")
			continue
		}
		clear(shown)
		data := a.get(ctx, `{ deliveries(first: 100) { nodes { id status } } }`, nil)
		for _, d := range data.at("deliveries", "nodes").([]any) {
			shown[object(d.(map[string]any)).text("id")] = object(d.(map[string]any)).text("status")
		}
	}
	publishing.Wait()
}

// A thousand watchers of deliveries cost the reads of one, whatever they select of the delivery.
func TestDeliveriesWatchersShareReads(t *testing.T) {
	const watchers = 1000
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	a.createWebhook(ctx, "https://example.com/")
	all := make([]*feed, watchers)
	for i := range all {
		all[i] = a.feed(ctx, changed, nil)
		all[i].next()
	}
	before := a.reads()
	a.publish(ctx, 1)
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(func() {
			if m := f.next(); m.text("delivery", "event", "type") != "a.b" {
				t.Errorf("got %v", m)
			}
		})
	}
	wg.Wait()
	if n := a.reads() - before; n > 100 { // some, and again for watchers that are a second late
		t.Errorf("%d reads for %d watchers of one delivery", n, watchers)
	}
}

// A message to many watchers is resolved once for those who ask the same and may read the same, and what belongs to the deliveries of one message
// is read with that of the others: what watchers cost does not depend on what they select.
func TestMessagesAreSharedByEqualWatchers(t *testing.T) {
	a := newAPI(t)
	var resolved atomic.Int64
	a.exec.AroundFields(func(ctx context.Context, next graphql.Resolver) (any, error) {
		if graphql.GetFieldContext(ctx).Field.Name == "lastAttempt" {
			resolved.Add(1)
		}
		return next(ctx)
	})
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	lacking, cancelLacking := context.WithTimeout(a.scoped("kallima", "deliveries:read"), time.Minute)
	defer cancelLacking()
	a.createWebhook(ctx, "https://example.com/")
	var equal, others []*feed
	for range 50 {
		equal = append(equal, a.feed(ctx, changed, nil))
	}
	for _, named := range []bool{true, false} {
		others = append(others, a.feed(ctx,
			`subscription($named: Boolean!) { deliveries { kind delivery { id lastAttempt { number } event { type } webhook { url } tenant { name } status @include(if: $named) } } }`, vars{"named": named}))
	}
	refused := a.feed(lacking, changed, nil)
	for _, f := range append(append([]*feed{refused}, equal...), others...) {
		f.read(f.ctx)
	}
	before := a.reads()
	a.publish(ctx, 10)
	seen := map[string]int{}
	for _, f := range equal {
		for range 10 {
			m := f.next()
			if m.text("delivery", "webhook", "url") != "https://example.com/" {
				t.Fatalf("told %v", m)
			}
			seen[m.text("delivery", "id")]++
		}
	}
	if len(seen) != 10 {
		t.Errorf("told of %d deliveries: %v", len(seen), seen)
	}
	for i, f := range others {
		m := f.next()
		if _, named := m.at("delivery").(map[string]any)["status"]; named != (i == 0) {
			t.Errorf("the variable of another watcher counts: %v", m)
		}
	}
	resp := refused.read(refused.ctx)
	if len(resp.Errors) != 2 || resp.Errors[1].Extensions["code"] != graph.CodeForbidden || strings.Contains(string(resp.Data), "example.com") {
		t.Errorf("without the scope of a field: %s %v", resp.Data, resp.Errors)
	}
	if n := resolved.Load(); n > 10+2+1+1 { // once for each delivery, and once for each watcher that is not equal, which fails twice without its scope
		t.Errorf("%d of 10 deliveries' attempts are resolved", n)
	}
	if n := a.reads() - before; n > 25 {
		t.Errorf("%d reads for 10 deliveries", n)
	}
}

// A stream needs its scope, and a field of a message its own; filters are checked as those of lists are.
func TestDeliveriesStreamRules(t *testing.T) {
	a := newAPI(t)
	ctx, stop := context.WithTimeout(a.scoped("alice", "webhooks:read"), 10*time.Second)
	defer stop()
	for _, query := range []string{`subscription { deliveries { kind } }`, `subscription { stats(range: {}) { from } }`} {
		respond, ctx, errs := a.start(ctx, query, nil)
		if errs != nil {
			t.Fatal(errs)
		}
		if resp := respond(ctx); resp == nil || code(resp) != "FORBIDDEN" {
			t.Errorf("%s: %v", query, resp)
		}
	}
	all := a.as("alice")
	for _, query := range []string{
		`subscription { deliveries(filter: {tags: [""]}) { kind } }`, `subscription { deliveries(filter: {httpStatuses: [{from: 3, to: 2}]}) { kind } }`,
		`subscription { stats(range: {from: "-PT1H", to: "-PT2H"}) { from } }`, `subscription { stats(range: {}, filter: {allTenants: true}) { from } }`,
	} {
		if resp := a.run(all, query, nil); code(resp) != graph.CodeBadUserInput && code(resp) != graph.CodeForbidden {
			t.Errorf("%s: %v", query, resp.Errors)
		}
	}
	w := a.createWebhook(all, "https://example.com/")
	only, cancel := context.WithTimeout(a.scoped("alice", "deliveries:read"), time.Minute)
	defer cancel()
	f := a.feed(only, `subscription { deliveries { webhookId webhook { id } } }`, nil)
	f.read(f.ctx)
	a.get(all, `mutation($id: ID!) { updateWebhook(input: {id: $id, enabled: false}) { userErrors { message } } }`, vars{"id": w})
	resp := f.read(f.ctx)
	if resp == nil || code(resp) != graph.CodeForbidden || !strings.Contains(string(resp.Data), `"webhookId":"`+w+`","webhook":null`) {
		t.Errorf("without the scope of a field: %v", resp)
	}
}

const numbers = `subscription($range: TimeRange!, $filter: StatsFilter) { stats(range: $range, filter: $filter) {
	from to totals { events attempts } series { from values { events attempts } } backlog { due held } } }`

// A stream of statistics first has everything, and after a change the buckets that have changed; changes of another tenant are not sent.
func TestStatsStream(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.createWebhook(ctx, "https://example.com/")
	range24 := vars{"range": vars{"from": "-P1D"}}
	f := a.feed(ctx, numbers, range24)
	first := f.next()
	shown := map[string]object{}
	apply := func(m object) (n int) {
		t.Helper()
		list := m.at("series").([]any)
		for _, b := range list {
			bucket := object(b.(map[string]any))
			shown[bucket.text("from")] = bucket
		}
		return len(list)
	}
	if n := apply(first); n < 90 || first.at("totals", "events") != 0.0 {
		t.Errorf("at first: %d buckets, %v", n, first.at("totals"))
	}
	begun := time.Now()
	a.publish(ctx, 3)
	a.attempt(w, 2, true)
	for events, attempts := 0.0, 0.0; events != 3 || attempts != 2; {
		m := f.next()
		if n := apply(m); n > 2 { // one, or two when a bucket begins
			t.Errorf("%d buckets have changed", n)
		}
		events, attempts = 0, 0
		for _, b := range shown {
			events += b.at("values", "events").(float64)
			attempts += b.at("values", "attempts").(float64)
		}
		if m.at("totals", "events") != events || m.at("totals", "attempts") != attempts {
			t.Errorf("buckets have %v events and %v attempts, totals are %v", events, attempts, m.at("totals"))
		}
		if attempts == 2 && m.at("backlog", "due") != 1.0 {
			t.Errorf("backlog %v", m.at("backlog"))
		}
	}
	if since := time.Since(begun); since > 30*time.Second {
		t.Errorf("the change came after %v", since)
	}
}

// A hundred watchers of the same statistics cost the reads of one.
func TestStatsWatchersShareReads(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	all := make([]*feed, 100)
	for i := range all {
		all[i] = a.feed(ctx, numbers, vars{"range": vars{"from": "-PT1H"}})
	}
	before := a.reads()
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(func() { f.next() })
	}
	wg.Wait()
	if n := a.reads() - before; n > 40 { // some, and again for watchers that are a second late
		t.Errorf("%d reads for %d watchers", n, len(all))
	}
}

// Each message of statistics after the first is charged; a caller that cannot pay yet waits, and then gets the newest.
func TestStatsStreamIsPaid(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	paid := 0
	r := *a.resolver
	r.PayMessage = func(context.Context) time.Duration {
		paid++
		return time.Duration(paid%2) * time.Millisecond
	}
	f := a.with(&r).feed(ctx, numbers, vars{"range": vars{"from": "-PT1H"}})
	f.next()
	if paid != 0 {
		t.Error("the first message is paid for twice")
	}
	a.publish(ctx, 1)
	f.next()
	if paid != 2 {
		t.Errorf("the budget was asked %d times, want once refused and once paid", paid)
	}
}
