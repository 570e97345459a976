package gqlhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

func dish(kind ast.Operation, cost int) *operation {
	return &operation{cost: cost, OperationContext: &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: kind}}}
}

// A stream that waits for its next message holds no memory for the one before, and is not asked to wait once it has ended. What an operation
// holds is released in the reverse order, all of it even if some panics.
func TestWaitingHoldsNothing(t *testing.T) {
	k := newKitchen(1000)
	m := meter.Of(k.tab(t.Context(), intake.Holder{}, ast.Subscription), 1<<20)
	x := &execution{ctx: t.Context(), stream: &stream{}, meter: m}
	x.await() // a stream of a resolver that gives nothing to wait for
	if err := m.Take(100 << 10); err != nil || k.answers.Used() == 0 {
		t.Fatal(err, k.answers.Used())
	}
	waits := 0
	SetWait(context.WithValue(t.Context(), streamKey{}, x.stream), func(context.Context) {
		if waits++; k.answers.Used() != 0 {
			t.Errorf("%d bytes are held meanwhile", k.answers.Used())
		}
	})
	x.await()
	x.ended = true
	x.await()
	if waits != 1 {
		t.Errorf("waits %d times", waits)
	}
	var order []int
	on := &onward{defers: []func(){func() { order = append(order, 1) }, func() { panic("2") }, func() { order = append(order, 3) }}}
	func() {
		defer func() {
			if recover() != "2" {
				t.Error("the panic is lost")
			}
		}()
		on.release()
	}()
	if len(order) != 2 || order[0] != 3 {
		t.Errorf("released in the order %v", order)
	}
}

// One tenant has at most half of the running heavy operations, and others get a turn at once; small operations and publishing do
// not wait for heavy ones. One that waits too long because of its own tenant is refused as RATE_LIMITED, and no turn is lost.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKitchen(1000)
		greedy, other := intake.Holder{Tenant: [16]byte{1}}, intake.Holder{Tenant: [16]byte{2}}
		most := max(1, max(2, runtime.GOMAXPROCS(0)-1)/2)
		var mu sync.Mutex
		var running, refused int
		end := make(chan struct{})
		for range 16 {
			go func() {
				release, err := k.turn(t.Context(), greedy, dish(ast.Query, 9000))
				mu.Lock()
				if err == nil {
					running++
				} else if full, ok := errors.AsType[*intake.Full](err); ok && full.Of == "tenant" {
					refused++
				} else {
					t.Error(err)
				}
				mu.Unlock()
				if err == nil {
					<-end
					release()
				}
			}()
		}
		synctest.Wait()
		if running < 1 || running > most || refused > 0 {
			t.Errorf("%d run, %d are refused", running, refused)
		}
		at := func(who intake.Holder, op *operation) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			release, err := k.turn(ctx, who, op)
			if err != nil {
				t.Errorf("%s of cost %d: %v", op.kind(), op.cost, err)
				return
			}
			release()
		}
		at(other, dish(ast.Query, 9000))
		at(greedy, dish(ast.Query, smallCost))
		at(greedy, dish(ast.Query, mediumCost))
		at(greedy, dish(ast.Mutation, maxPublishCost))
		at(greedy, dish(ast.Subscription, 9000))
		time.Sleep(turnPatience) // of virtual time
		synctest.Wait()
		if running+refused != 16 || refused == 0 {
			t.Errorf("%d run, %d are refused", running, refused)
		}
		close(end)
		synctest.Wait()
		if k.heavy.Used() != 0 || k.medium.Used() != 0 {
			t.Errorf("%d and %d turns are not given back", k.heavy.Used(), k.medium.Used())
		}
	})
}

// The bytes of answers are limited in total and per tenant; wherever an operation fails, ten thousand times, everything is
// released.
func TestAnswersAreGivenBack(t *testing.T) {
	const answer = 64 << 10
	k := newKitchen(answer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // operations that would wait fail
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			who := intake.Holder{Tenant: [16]byte{byte(worker % 3)}, Token: [16]byte{9}}
			for i := range 10_000 / 8 {
				m := meter.Of(k.tab(ctx, who, ast.Query), answer)
				for range i % 12 {
					_ = m.Take(answer / 2)
					_ = m.Copy(answer / 8)
					if k.answers.Used() > 14*answer {
						t.Errorf("%d are held", k.answers.Used())
					}
				}
				m.Reset()
				m.Reset()
			}
		})
	}
	all.Wait()
	if k.answers.Used() != 0 {
		t.Errorf("%d are held by nobody", k.answers.Used())
	}

	// A tenant alone has room for one answer of the largest size, and leaves room for others.
	m := meter.Of(k.tab(ctx, intake.Holder{Tenant: [16]byte{1}}, ast.Query), answer)
	if err := errors.Join(m.Take(heldPerAnswer*answer), m.Copy(copiesOfAnswer*answer)); err != nil {
		t.Errorf("one answer alone: %v", err)
	}
	second := meter.Of(k.tab(ctx, intake.Holder{Tenant: [16]byte{1}}, ast.Query), answer)
	if err := second.Take(4 * answer); err == nil || second.Refused() == nil || second.Take(1) == nil {
		t.Error("a tenant took more than its share")
	}
	others := meter.Of(k.tab(ctx, intake.Holder{Tenant: [16]byte{2}}, ast.Query), answer)
	if err := others.Take(2 * answer); err != nil {
		t.Errorf("another tenant: %v", err)
	}
}

// gone is a client that disconnects after some bytes.
type gone struct {
	*httptest.ResponseRecorder
	left int
}

func (g *gone) Write(b []byte) (int, error) {
	if g.left -= len(b); g.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return g.ResponseRecorder.Write(b)
}

// After thousands of operations that fail, panic, are canceled, or lose their client, no turn and no memory is held.
func TestOperationsAreGivenBack(t *testing.T) {
	s := newServer(t, Config{
		Holder:         func(context.Context) intake.Holder { return intake.Holder{Tenant: [16]byte{1}, Token: [16]byte{1}} },
		MaxAnswerBytes: 256 << 10,
	})
	taken, held := errors.New("has taken"), 0
	s.schema.Waits = func(ctx context.Context) {
		if err := meter.From(ctx).Take(300 << 10); err != nil {
			t.Error(err)
		}
		if s.handler.engine.kitchen.answers.Used() == 0 || s.handler.engine.kitchen.medium.Used() == 0 {
			t.Error("nothing is held")
		}
		held++
		panic(taken)
	}
	var aliases strings.Builder
	for i := range smallCost {
		fmt.Fprintf(&aliases, "a%d:hello ", i)
	}
	queries := []string{"{" + aliases.String() + "waits}", "{" + aliases.String() + "}", "{" + aliases.String() + "fails panics}", "{nothing}"}
	rounds := 10_000 // each point at which a client may be gone, 20 times
	if webhooktest.Race {
		rounds = 1000
	}
	for i := range rounds {
		body, err := json.Marshal(map[string]string{"query": queries[i%len(queries)]})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+goodToken)
		if i%3 == 0 {
			r.Header.Set("Accept", mediaEvents)
		}
		if i%7 == 0 {
			cancel()
		}
		s.handler.ServeHTTP(&gone{httptest.NewRecorder(), i % 500 * 10}, r)
		cancel()
	}
	if held < rounds/10 {
		t.Errorf("only %d held something", held)
	}
	h := s.handler
	for what, used := range map[string]int64{
		"turns": h.engine.kitchen.medium.Used() + h.engine.kitchen.heavy.Used(), "bytes": h.engine.kitchen.answers.Used(),
		"operations": h.operations.Used(), "streams": h.held.Used(), "bytes of bodies": h.cfg.Bodies.Held(),
	} {
		if used != 0 {
			t.Errorf("%d %s are not given back", used, what)
		}
	}
}
