package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	_ "github.com/hookgraph/hookgraph/internal/store/postgres" // registers the database
	_ "github.com/hookgraph/hookgraph/internal/store/sqlite"   // registers the database
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// api is the schema over a store of its own, without HTTP.
type api struct {
	t        *testing.T
	store    *store.Store
	live     *live.Log
	changes  *live.Changes
	resolver *graph.Resolver
	exec     *executor.Executor
	log      *bytes.Buffer

	mu         sync.Mutex
	statements int // reads of the store; mu guards it
}

// example returns what a pattern's groups match in a page of docs.
func example(t *testing.T, page, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(string(text))
	if found == nil {
		t.Fatalf("docs/%s has no such example", page)
	}
	return found[1:]
}

// exampleWithVariables returns the first example of a page of docs: an operation and its variables.
func exampleWithVariables(t *testing.T, page string) (operation string, with vars) {
	t.Helper()
	found := example(t, page, "(?s)```graphql\n(.*?)```.*?```json\n(.*?)```")
	if err := json.Unmarshal([]byte(found[1]), &with); err != nil {
		t.Fatal(err)
	}
	return found[0], with
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{t: t, log: &bytes.Buffer{}}
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), OnStatement: func(sql string) {
		if strings.Contains(sql, "a.delivery_id = ?") && !strings.HasPrefix(sql, "SELECT * FROM (") && !strings.HasPrefix(sql, "SELECT 0 AS branch") {
			return // part of a UNION, which GORM renders like a statement but does not send
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.statements++
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	a.store = s
	a.live = live.New(s, 1<<20)
	a.changes = live.NewChanges(live.RowsOf(s), live.DefaultPace())
	t.Cleanup(a.changes.Close)
	s.Follow(a.changes)
	s.Start(nil, a.live.Append)
	a.resolver = &graph.Resolver{Store: s, Live: a.live, Changes: a.changes, EndStream: func(context.Context, error) {}}
	a.exec = newExecutor(a.resolver, a.log)
	return a
}

// newExecutor executes the schema as a transport would, and logs to log.
func newExecutor(r *graph.Resolver, log io.Writer) *executor.Executor {
	e := executor.New(graph.New(r))
	e.SetErrorPresenter(graph.Presenter{Logger: slog.New(slog.NewTextHandler(log, nil))}.Present)
	e.SetRecoverFunc(graph.Recover)
	e.AroundOperations(graph.AroundOperations)
	return e
}

// with returns the schema over the same store with a changed resolver.
func (a *api) with(r *graph.Resolver) *api {
	log := &bytes.Buffer{}
	return &api{t: a.t, store: a.store, live: r.Live, resolver: r, exec: newExecutor(r, log), log: log}
}

// reads returns how many times the store was read.
func (a *api) reads() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.statements
}

// as returns a context of a caller of the tenant.
func (a *api) as(tenant string) context.Context {
	a.t.Helper()
	owner, err := a.store.EnsureTenant(a.t.Context(), tenant)
	if err != nil {
		a.t.Fatal(err)
	}
	return auth.With(a.t.Context(), &auth.Caller{Tenant: owner, Token: &webhook.Token{ID: webhook.NewID(time.Now()), Name: "test"}})
}

// vars are a query's variables.
type vars map[string]any

// start prepares an operation as a transport does.
func (a *api) start(ctx context.Context, query string, v vars) (graphql.ResponseHandler, context.Context, gqlerror.List) {
	a.t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	params := &graphql.RawParams{Query: query}
	if err := d.Decode(&params.Variables); err != nil {
		a.t.Fatal(err)
	}
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := a.exec.CreateOperationContext(ctx, params)
	if errs != nil {
		return nil, nil, errs
	}
	respond, ctx := a.exec.DispatchOperation(ctx, op)
	return respond, ctx, nil
}

// run executes a query or mutation.
func (a *api) run(ctx context.Context, query string, v vars) *graphql.Response {
	a.t.Helper()
	respond, ctx, errs := a.start(ctx, query, v)
	if errs != nil {
		return &graphql.Response{Errors: errs}
	}
	return respond(ctx)
}

// object is a JSON object of a response.
type object map[string]any

// get executes a query or mutation that must work, and returns its data.
func (a *api) get(ctx context.Context, query string, v vars) object {
	a.t.Helper()
	resp := a.run(ctx, query, v)
	if len(resp.Errors) > 0 {
		a.t.Fatalf("%s\n%v", query, resp.Errors)
	}
	var data object
	if err := json.Unmarshal(resp.Data, &data); err != nil {
		a.t.Fatal(err)
	}
	return data
}

// at follows a path into an object: names and indexes.
func (o object) at(way ...any) any {
	var v any = map[string]any(o)
	for _, step := range way {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[step]
		case int:
			l, ok := v.([]any)
			if !ok || step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// text is at for a string; "" if there is none.
func (o object) text(way ...any) string {
	s, _ := o.at(way...).(string)
	return s
}

// createWebhook registers a webhook and returns its id.
func (a *api) createWebhook(ctx context.Context, url string) string {
	a.t.Helper()
	return a.get(ctx, `mutation($url: String!) { createWebhook(input: {url: $url}) { webhook { id } userErrors { message } } }`,
		vars{"url": url}).text("createWebhook", "webhook", "id")
}

// publish publishes n events of the type a.b and returns their ids.
func (a *api) publish(ctx context.Context, n int) []string {
	a.t.Helper()
	events := make([]any, n)
	for i := range events {
		events[i] = vars{"type": "a.b", "data": vars{"i": i}}
	}
	data := a.get(ctx, `mutation($input: PublishEventsInput!) {
		publishEvents(input: $input) { results { event { id } userErrors { message } } userErrors { message } } }`,
		vars{"input": vars{"events": events}})
	ids := make([]string, n)
	for i := range ids {
		ids[i] = data.text("publishEvents", "results", i, "event", "id")
	}
	return ids
}

// attempt records one attempt, successful if good, of each of up to n due deliveries of a webhook.
func (a *api) attempt(webhookID string, n int, good bool) {
	a.t.Helper()
	id, err := webhook.ParseID(webhookID)
	if err != nil {
		a.t.Fatal(err)
	}
	claims, _, err := a.store.Claim(a.t.Context(), id, n, 1<<20)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, claimed := range claims {
		r := &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
			Status: webhook.AttemptSucceeded, Trigger: claimed.Delivery.Trigger, StartedAt: time.Now(), DurationUs: 1500, DNSUs: 250,
			URL: "https://example.com/", RequestHeaders: "Webhook-Id: 1\r\n", ResponseStatus: new(204),
			ResponseHeaders: "X-Odd: \xff\r\n", ResponseBody: []byte("caf\xe9"),
		}}
		if !good {
			r.Attempt.Status, r.Attempt.Error, r.Attempt.Message = webhook.AttemptFailed, new(webhook.ErrorTimeout), "no answer in time"
			r.Attempt.ResponseStatus, r.Attempt.ResponseHeaders, r.Attempt.ResponseBody = nil, "", nil
		}
		if err := a.store.Record(a.t.Context(), r); err != nil {
			a.t.Fatal(err)
		}
	}
	if err := a.store.Flush(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

// code returns the code of a response's only error.
func code(r *graphql.Response) string {
	if len(r.Errors) != 1 {
		return fmt.Sprint(r.Errors)
	}
	c, _ := r.Errors[0].Extensions["code"].(string)
	return c
}
