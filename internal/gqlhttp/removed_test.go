package gqlhttp_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// beforeField calls do before each field of that name is resolved; its error is the field's.
func beforeField(c *gqlhttp.Config, name string, do func(context.Context) error) {
	c.ReadAgain = graph.ReadAgain
	c.AroundOperations = func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		graphql.GetOperationContext(ctx).ResolverMiddleware = func(ctx context.Context, next graphql.Resolver) (any, error) {
			if graphql.GetFieldContext(ctx).Field.Name == name {
				if err := do(ctx); err != nil {
					return nil, err
				}
			}
			return next(ctx)
		}
		return graph.AroundOperations(ctx, next)
	}
}

// Retention removes events between a page and what its rows refer to: the query is executed again, and its answer has the rows that are left.
func TestRowsRemovedWhileTheyAreRead(t *testing.T) {
	for name, query := range map[string]string{
		"delivery's event":   `{ deliveries(last: 10) { nodes { id about: event { id } } } }`,
		"attempt's event":    `{ attempts { nodes { id about: event { id } } } }`,
		"attempt's delivery": `{ attempts(last: 10) { nodes { id about: delivery { id } } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, 1, nil)
			b.record(t, 0, 0, 0)
			time.Sleep(2 * time.Millisecond) // times are in milliseconds
			expired := time.Now()
			b.record(t, 0)
			field := "event"
			if name == "attempt's delivery" {
				field = "delivery"
			}
			remove := sync.OnceValue(func() error { _, err := b.store.Prune(t.Context(), expired); return err })
			f := b.serve(t, 1<<20, func(c *gqlhttp.Config) {
				beforeField(c, field, func(context.Context) error { return remove() })
			})
			a := b.query(t, f, query, nil)
			var nodes []any
			if data, ok := a.Data.(map[string]any); ok {
				for _, list := range data {
					nodes = list.(map[string]any)["nodes"].([]any)
				}
			}
			if len(a.Errors) > 0 || len(nodes) != 1 || nodes[0].(map[string]any)["about"] == nil {
				t.Errorf("answered %+v", a)
			}
			if a.Extensions.Cost.Requested == 0 {
				t.Error("the answer has no cost")
			}
		})
	}
}

// A query whose rows are removed repeatedly, and a stream, are answered with an error after which a client tries again. A mutation takes effect once.
func TestRowsRemovedAgainAndAgain(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := newBackend(t, 1, nil)
	var reads atomic.Int64
	f := b.serve(t, 1<<20, func(c *gqlhttp.Config) {
		beforeField(c, "event", func(context.Context) error { reads.Add(1); return webhook.ErrRemoved })
	})
	b.record(t, 0)
	a := b.query(t, f, `{ deliveries { nodes { id event { id } } } }`, nil)
	if len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "UNAVAILABLE" || reads.Load() != 5 {
		t.Errorf("query: read %d times, answered %+v", reads.Load(), a)
	}

	reads.Store(0)
	a = b.query(t, f, `mutation($data: JSON!) { publishEvent(input: {type: "t.h0", data: $data}) { event { id } } }`, map[string]any{"data": 1})
	if reads.Load() != 1 || len(a.Errors) != 1 {
		t.Errorf("mutation: executed %d times, answered %+v", reads.Load(), a)
	}

	reads.Store(0)
	const watchEvents = `subscription($filter: DeliveryAttemptFilter, $after: String, $since: TimeBound) {
		deliveryAttempts(filter: $filter, after: $after, since: $since) { cursor node { id event { id } } } }`
	stream, err := b.listen(ctx, f, operation(watchEvents, store.AttemptFilter{}, "-PT1M"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.drop()
	r, err := stream.next(ctx)
	if err != nil || len(r.errors()) != 1 || r.Errors[0].Extensions.Code != "UNAVAILABLE" || reads.Load() != 1 {
		t.Errorf("stream: read %d times, sent %s %v", reads.Load(), fmt.Sprint(r), err)
	}
}
