package gqlhttp_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const watchWide = `subscription($filter: DeliveryAttemptFilter, $after: String) {
	deliveryAttempts(filter: $filter, after: $after) { cursor node { id event { id } webhook { id } } } }`

// If an attempt's event or webhook cannot be read, because the database is unreachable, the stream ends with an error after which
// clients retry, over both transports. A client that resumes after its last cursor misses nothing.
func TestStreamEndsWhileDatabaseIsAway(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	b := newBackend(t, 1, func(o *store.Options) { o.Dir = dir })
	away, err := store.Open(ctx, store.Options{Dir: dir, Shared: true}) // the same database, which becomes unreachable for one server
	if err != nil {
		t.Fatal(err)
	}
	broken := b.nodes[0].serve(t, 1<<20, away, nil)
	well := b.serve(t, 1<<20, nil)

	clients := map[string]func(f *frontend, after string) stream{
		"WebSocket": func(f *frontend, after string) stream {
			s, err := b.dial(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.subscribe(ctx, operation(watchWide, store.AttemptFilter{}, after)); err != nil {
				t.Fatal(err)
			}
			return s
		},
		"server-sent events": func(f *frontend, after string) stream {
			e, err := b.listen(ctx, f, operation(watchWide, store.AttemptFilter{}, ""), after)
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
	}
	open, cursors := map[string]stream{}, map[string]string{}
	for name, connect := range clients {
		open[name] = connect(broken, broken.log.Cursor(b.owner, 0))
		defer open[name].drop()
	}
	next := func(name string) *streamed {
		t.Helper()
		r, err := open[name].next(ctx)
		if err != nil || len(r.Errors) > 0 {
			t.Fatalf("%s: %v %v", name, r.errors(), err)
		}
		cursors[name] = r.Data.DeliveryAttempts.Cursor
		return r
	}
	b.record(t, 0)
	for name := range clients {
		next(name)
	}
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	b.record(t, 0, 0, 0)
	history := b.history(t, store.AttemptFilter{})
	for name, connect := range clients {
		r, err := open[name].next(ctx)
		if r == nil || len(r.Errors) == 0 || r.Errors[0].Extensions.Code != graph.CodeUnavailable {
			t.Fatalf("%s: %+v %v, want %s", name, r, err, graph.CodeUnavailable)
		}
		if r.Data.DeliveryAttempts.Cursor != "" {
			t.Errorf("%s: the error has a cursor", name)
		}
		if e, ok := open[name].(*events); ok {
			if r, err := e.next(ctx); r != nil || err == nil {
				t.Errorf("%s: goes on with %+v", name, r)
			}
		}
		open[name] = connect(well, cursors[name])
		defer open[name].drop()
		for i, want := range history[1:] {
			if got := next(name).Data.DeliveryAttempts.Node.ID; got != want {
				t.Errorf("%s: attempt %d is %s, want %s", name, i, got, want)
			}
		}
	}
}

// A field that the caller's token may not read is null, with an error, and the element counts as any other.
func TestStreamGoesOnWithoutScope(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := newBackend(t, 1, nil)
	secret, _ := webhook.NewToken()
	if _, err := b.store.AddToken(ctx, webhook.Token{TenantID: &b.owner, Name: "few", Scopes: webhook.TokenScopes{webhook.ScopeDeliveriesRead}}, secret); err != nil {
		t.Fatal(err)
	}
	b.token = secret
	f := b.serve(t, 1<<20, nil)
	s, err := b.dial(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	defer s.drop()
	if err := s.subscribe(ctx, operation(watchWide, store.AttemptFilter{}, f.log.Cursor(b.owner, 0))); err != nil {
		t.Fatal(err)
	}
	b.record(t, 0, 0, 0)
	for i, want := range b.history(t, store.AttemptFilter{}) {
		r, err := s.next(ctx)
		if err != nil || len(r.Errors) != 1 || r.Errors[0].Extensions.Code != graph.CodeForbidden {
			t.Fatalf("%v %v, want %s", r.errors(), err, graph.CodeForbidden)
		}
		if got := r.Data.DeliveryAttempts; got.Node.ID != want || got.Cursor == "" {
			t.Errorf("attempt %d is %+v, want %s", i, got, want)
		}
	}
}
