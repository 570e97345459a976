package gqlhttp

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/meter"
)

// The cost of an operation decides what it waits for. Up to smallCost, as pages of a dashboard and publishing are, it does not
// wait; up to mediumCost it waits for others like it. Of the rest few run at a time, because one keeps a processor busy.
const (
	smallCost  = 100
	mediumCost = 1000
)

// How long an operation waits for its turn, and for memory, before it is refused. A mutation waits longer for memory: it has
// already changed something when it needs memory for its answer.
const (
	turnPatience     = 5 * time.Second
	roomPatience     = 2 * time.Second
	mutationPatience = 15 * time.Second
)

// kitchen bounds the operations that execute at a time, by cost, and the memory of their answers. A tenant never takes all of it
// (intake.Room). It is safe for concurrent use.
type kitchen struct {
	medium, heavy *intake.Room // operations
	answers       *intake.Room // bytes
}

func newKitchen(answerBytes int) *kitchen {
	processors := runtime.GOMAXPROCS(0)
	return &kitchen{
		medium: intake.NewRoom(int64(4 * processors)),
		// One tenant gets half of them: a processor is left for other operations.
		heavy: intake.NewRoom(int64(max(2, processors-1))),
		// Twice what one operation may hold: reading its rows takes four times the answer, and there are two copies of its text.
		answers: intake.NewRoom(int64(2 * ((heldPerAnswer+copiesOfAnswer)*answerBytes + meter.Piece))),
	}
}

// The most memory that an answer takes, as meter and the schema count it, in multiples of its size.
const (
	heldPerAnswer  = 4
	copiesOfAnswer = 2
)

// turn waits until the operation may execute. Its error is an *intake.Full, or ctx's.
func (k *kitchen) turn(ctx context.Context, who intake.Holder, op *operation) (release func(), err error) {
	room := k.heavy
	switch {
	case op.cost <= smallCost, op.kind() == ast.Subscription:
		return func() {}, nil
	case op.kind() == ast.Mutation && op.cost <= maxPublishCost, op.cost <= mediumCost:
		room = k.medium
	}
	key := who.Key()
	if err := wait(ctx, room, key, 1, turnPatience); err != nil {
		return nil, err
	}
	return func() { room.Give(key, 1) }, nil
}

// maxPublishCost is the cost of publishing the largest batch and selecting a few fields of each event, which writes more than it
// computes.
const maxPublishCost = 5000

// wait takes n from the room, waiting at most patience.
func wait(ctx context.Context, room *intake.Room, key [16]byte, n int64, patience time.Duration) error {
	if room.TryTake(key, n) {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := room.Take(short, key, n)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err()
	case room.Held(key) > 0:
		return &intake.Full{Of: "tenant"}
	}
	return &intake.Full{}
}

// tab is what one operation holds of the room for answers.
type tab struct {
	kitchen  *kitchen
	ctx      context.Context // of the operation
	key      [16]byte
	patience time.Duration
}

// tab opens a tab. The caller must reset its meter at the end.
func (k *kitchen) tab(ctx context.Context, who intake.Holder, kind ast.Operation) *tab {
	t := &tab{kitchen: k, ctx: ctx, key: who.Key(), patience: roomPatience}
	switch kind {
	case ast.Mutation:
		t.patience = mutationPatience
	case ast.Subscription: // its client waits anyway, and can resume
		t.patience = mutationPatience
	case ast.Query:
	}
	return t
}

// Take implements meter.Budget.
func (t *tab) Take(n int64) error { return wait(t.ctx, t.kitchen.answers, t.key, n, t.patience) }

// Give implements meter.Budget.
func (t *tab) Give(n int64) { t.kitchen.answers.Give(t.key, n) }

func (op *operation) kind() ast.Operation { return op.Operation.Operation }
