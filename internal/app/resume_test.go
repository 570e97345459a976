package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The examples resume when the server ends their stream: after the last cursor if the database was unreachable; no earlier than
// they are told if they are over their rate; and at the oldest attempt, saying so, if retention has removed the next ones or the
// database was restored from before what they saw.
func TestExamplesGoOn(t *testing.T) {
	t.Parallel()
	r := newResuming(t)
	for name, e := range r.examples {
		for !e.sees(t, r.record(t, "start")) {
			t.Logf("%s does not watch yet", name)
		}
	}
	r.goOnAfterAnError(t)
	r.goOnWhenTheyMay(t)
	last := r.goOnAfterRetention(t)
	r.goOnInRestored(t, last)
}

// resuming is the examples with a server whose streams the test can end.
type resuming struct {
	store   *store.Store
	hook    *webhook.Webhook
	network *network

	away  atomic.Bool  // the database is unreachable for streams that start from now on
	begun atomic.Int64 // streams
	spent allowance
	back  *putBack

	examples map[string]*example
	callers  map[string]webhook.ID // tokens of the examples
}

func newResuming(t *testing.T) *resuming {
	t.Helper()
	dir := t.TempDir()
	r := &resuming{examples: map[string]*example{}, callers: map[string]webhook.ID{}}
	r.store = webhooktest.Store(t, func(o *store.Options) { o.Dir = dir })
	_, row := webhooktest.Token(t, r.store, "kallima")
	var err error
	if r.hook, _, err = r.store.In(*row.TenantID).CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Enabled: true}); err != nil {
		t.Fatal(err)
	}
	gone, err := store.Open(t.Context(), store.Options{Dir: dir, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	r.back = &putBack{Store: r.store}
	tail := live.New(r.back, 1<<20)
	r.store.Start(nil, tail.Append)
	whole, broken := r.api(r.store, tail), r.api(gone, tail)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.away.Load() {
			broken.ServeHTTP(w, req)
			return
		}
		whole.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.network = newNetwork(t, server.Listener.Addr().String())

	commands := map[string]*exec.Cmd{"genqlient": goExample(t)}
	for _, name := range []string{"urql", "apollo", "sse"} {
		commands[name] = nodeExample(t, name)
	}
	for name, cmd := range commands {
		token, row := webhooktest.Token(t, r.store, "kallima")
		r.examples[name], r.callers[name] = runExample(t, cmd, "http://"+r.network.address, token), row.ID
	}
	return r
}

// api is the GraphQL API. It reads attempts from rows, which may be unreachable, and callers from the store, which is not.
func (r *resuming) api(rows *store.Store, tail *live.Log) http.Handler {
	quiet := slog.New(slog.DiscardHandler)
	return gqlhttp.New(
		graph.New(&graph.Resolver{Store: rows, Live: tail, SetCursor: gqlhttp.SetCursor, EndStream: gqlhttp.EndStream, LastEventID: func(ctx context.Context) string {
			r.begun.Add(1)
			return gqlhttp.LastEventID(ctx)
		}}),
		gqlhttp.Config{
			Authenticate:     graph.Authenticate(auth.New(r.store), quiet),
			ErrorPresenter:   graph.Presenter{Logger: quiet}.Present,
			Charge:           r.spent.charge,
			AroundOperations: graph.AroundOperations,
		})
}

func (r *resuming) record(t *testing.T, eventType string) string {
	t.Helper()
	return recordOne(t, r.store, r.hook, eventType)
}

// tried waits until all have tried to resume, without success.
func (r *resuming) tried(t *testing.T) {
	t.Helper()
	before := r.begun.Load()
	webhooktest.Eventually(t, "all examples go on", func() bool { return r.begun.Load() >= before+2*int64(len(r.examples)) })
}

// checkWhole waits until all have seen the events, each once.
func (r *resuming) checkWhole(t *testing.T, eventType string, want ...string) {
	t.Helper()
	for name, e := range r.examples {
		e.until(t, name, want[len(want)-1])
		if got := e.of(eventType); !slices.Equal(got, want) || e.missed.Load() {
			t.Errorf("%s saw %v, want %v; it misses some: %v", name, got, want, e.missed.Load())
		}
	}
}

// goOnAfterAnError makes the database unreachable for a while.
func (r *resuming) goOnAfterAnError(t *testing.T) {
	t.Helper()
	r.away.Store(true)
	r.network.cut()
	kept := []string{r.record(t, "kept"), r.record(t, "kept")}
	r.tried(t)
	r.away.Store(false)
	r.checkWhole(t, "kept", kept...)
}

// goOnWhenTheyMay refuses each once, with a time to wait.
func (r *resuming) goOnWhenTheyMay(t *testing.T) {
	t.Helper()
	r.spent.once(r.callers)
	r.network.cut()
	waited := []string{r.record(t, "waited"), r.record(t, "waited")}
	r.checkWhole(t, "waited", waited...)
	for name, caller := range r.callers {
		if after := r.spent.after(caller); after < retryAfter-50*time.Millisecond { // a timer may be a little early
			t.Errorf("%s came again after %v, and was told %v", name, after, retryAfter)
		}
	}
}

// goOnAfterRetention removes the next attempts, and returns those that follow.
func (r *resuming) goOnAfterRetention(t *testing.T) (last string) {
	t.Helper()
	r.away.Store(true)
	r.network.cut()
	r.record(t, "lost")
	if n, err := r.store.Prune(t.Context(), time.Now().Add(time.Hour)); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	r.tried(t)
	r.away.Store(false)
	last = r.record(t, "last")
	for name, e := range r.examples {
		e.until(t, name, last)
		if got := e.of("lost"); len(got) > 0 {
			t.Errorf("%s saw %v", name, got)
		}
		webhooktest.Eventually(t, name+" says that it misses some", e.missed.Load)
	}
	return last
}

// goOnInRestored restores the database from before what the examples saw.
func (r *resuming) goOnInRestored(t *testing.T, last string) {
	t.Helper()
	oldest, _, err := r.store.AttemptBounds(t.Context(), webhook.ID{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.examples {
		e.missed.Store(false)
	}
	r.back.to.Store(oldest)
	r.network.cut()
	for name, e := range r.examples {
		e.until(t, name, last)
		if got := e.of("last"); !slices.Equal(got, []string{last, last}) || !e.missed.Load() {
			t.Errorf("%s saw %v in a restored database, and says so: %v", name, got, e.missed.Load())
		}
	}
}

// putBack is a restored database: attempts from this Seq on are lost. 0: it has everything.
type putBack struct {
	*store.Store

	to atomic.Int64
}

func (p *putBack) ReadCursor(ctx context.Context, k cursor.Kind, tenant webhook.ID, text string) (int64, error) {
	seq, err := p.Store.ReadCursor(ctx, k, tenant, text)
	if to := p.to.Load(); err == nil && to > 0 && seq >= to {
		err = webhook.ErrCursorLost
	}
	return seq, err
}

// retryAfter is longer than the examples' own wait after the first refusal.
const retryAfter = 2 * time.Second

// allowance refuses a caller once, and records when it tries again.
type allowance struct {
	mu      sync.Mutex // guards what follows
	refuse  map[webhook.ID]bool
	refused map[webhook.ID]time.Time
	waited  map[webhook.ID]time.Duration
}

// once refuses each of the callers one operation from now on.
func (a *allowance) once(callers map[string]webhook.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse, a.refused, a.waited = map[webhook.ID]bool{}, map[webhook.ID]time.Time{}, map[webhook.ID]time.Duration{}
	for _, id := range callers {
		a.refuse[id] = true
	}
}

func (a *allowance) charge(ctx context.Context, _ int) time.Duration {
	id, now := auth.From(ctx).Token.ID, time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse[id] {
		delete(a.refuse, id)
		a.refused[id] = now
		return retryAfter
	}
	if at, ok := a.refused[id]; ok {
		delete(a.refused, id)
		a.waited[id] = now.Sub(at)
	}
	return 0
}

// after returns how long the caller waited after its refusal; 0 if it was not refused, or has not tried again.
func (a *allowance) after(caller webhook.ID) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waited[caller]
}

// recordOne publishes an event to a webhook and records a successful attempt.
func recordOne(t *testing.T, s *store.Store, w *webhook.Webhook, eventType string) string {
	t.Helper()
	published, err := s.In(w.TenantID).Publish(t.Context(), []webhook.NewEvent{{Type: eventType, Data: json.RawMessage("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	claims, _, err := s.Claim(t.Context(), w.ID, 1, 1<<20)
	if err != nil || len(claims) != 1 {
		t.Fatal(claims, err)
	}
	err = s.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), URL: w.URL, ResponseStatus: new(204),
	}})
	if err == nil {
		err = s.Flush(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return published[0].Event.ID.String()
}
