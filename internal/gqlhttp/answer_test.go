package gqlhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// recordAnswers records one attempt for each size, with a response of that many bytes.
func (b *backend) recordAnswers(t *testing.T, sizes ...int) {
	t.Helper()
	for _, size := range sizes {
		if _, err := b.scope.Publish(t.Context(), []webhook.NewEvent{{Type: eventType(0), Data: json.RawMessage("{}")}}); err != nil {
			t.Fatal(err)
		}
		select {
		case claimed := <-b.taken:
			r := result(claimed)
			r.Attempt.Status, r.Attempt.Error, r.Attempt.ResponseStatus = webhook.AttemptSucceeded, nil, new(200)
			r.Attempt.ResponseBody = bytes.Repeat([]byte("b"), size)
			if err := b.store.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a delivery was not handed over")
		}
	}
	if err := b.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An answer that is too large is one typed error that names the field, over each transport. In a subscription only the message that
// is too large fails; later ones follow.
func TestAnswerTooLargeOnEveryTransport(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := newBackend(t, 1, nil)
	f := b.serve(t, 1<<20, func(c *gqlhttp.Config) { c.MaxAnswerBytes = 100_000 })
	b.recordAnswers(t, 60_000, 60_000)

	const query = `query { attempts { nodes { id response { body } } } }`
	if a := b.query(t, f, query, nil); a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "ANSWER_TOO_LARGE" ||
		fmt.Sprint(a.Errors[0].Extensions.Field) != "[attempts nodes response body]" || a.Errors[0].Extensions.Limit != 100_000 {
		t.Errorf("HTTP: %+v", a)
	}
	if a := b.query(t, f, `query { attempts(first: 1) { nodes { id response { body } } } }`, nil); len(a.Errors) > 0 {
		t.Errorf("HTTP: one of them: %+v", a.Errors)
	}
	const watchTwice = `subscription($filter: DeliveryAttemptFilter, $after: String) {
		deliveryAttempts(filter: $filter, after: $after) { cursor node { id response { first: body second: body } } } }`
	connect := map[string]func(operation []byte, after string) stream{
		"WebSocket": func(operation []byte, _ string) stream {
			s, err := b.dial(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.subscribe(ctx, operation); err != nil {
				t.Fatal(err)
			}
			return s
		},
		"server-sent events": func(operation []byte, after string) stream {
			e, err := b.listen(ctx, f, operation, after)
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
	}
	for transport, open := range connect {
		one := open([]byte(`{"query": "`+query+`"}`), "")
		defer one.drop()
		if r, err := one.next(ctx); err != nil || len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "ANSWER_TOO_LARGE" {
			t.Errorf("%s: %v %v", transport, r.errors(), err)
		}
		begin := f.log.Cursor(b.owner, 0)
		s := open(operation(watchTwice, store.AttemptFilter{}, begin), begin)
		defer s.drop()
		b.recordAnswers(t, 100, 60_000, 200)
		small := 0
		for small < 2 {
			r, err := s.next(ctx)
			switch {
			case err != nil:
				t.Fatalf("%s: %v", transport, err)
			case len(r.Errors) == 0:
				small++
			case len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "ANSWER_TOO_LARGE":
				t.Fatalf("%s: %v", transport, r.errors())
			}
		}
	}
}
