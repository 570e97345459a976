package sender

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	// smallAnswer is the size up to which an answer, headers included, is not counted. Most are shorter.
	smallAnswer = egress.FreeBodyBytes
	// largestAnswer is the size of the largest answer: the body, one more byte that shows that it is longer, and the headers.
	largestAnswer = egress.MaxBodyBytes + 1 + egress.MaxHeaderBytes
)

// reply is the part of Sender.answers that a task's answer holds until it is recorded. If the webhook's last answer was large,
// it is taken before the request. It implements egress.Room.
type reply struct {
	room   *intake.Room
	tenant webhook.ID
	expect int // size of the webhook's last one
	size   int // size of this one, once it has arrived
	held   int // of room
}

// begin waits for room for an answer as large as the last one. The wait does not count as the receiver's time.
func (r *reply) begin(ctx context.Context) error {
	if r.expect <= smallAnswer {
		return nil
	}
	n := min(2*r.expect, largestAnswer)
	if _, err := r.room.Take(ctx, r.tenant, int64(n)); err != nil {
		return err
	}
	r.held = n
	return nil
}

// Grow implements egress.Room. It takes room for everything that may still arrive in one step, so that no answer waits while it
// holds what others wait for.
func (r *reply) Grow(ctx context.Context, bytes int) (granted, waited bool) {
	if bytes <= r.held {
		return true, false
	}
	more := largestAnswer - r.held
	waited, err := r.room.Take(ctx, r.tenant, int64(more))
	if err != nil {
		return false, waited
	}
	r.held += more
	return true, waited
}

// came charges the result with its answer's size until it has been written, and releases the rest.
func (r *reply) came(result *store.Result) {
	r.size = len(result.Attempt.ResponseBody) + len(result.Attempt.ResponseHeaders)
	keep := r.size
	if keep <= smallAnswer {
		keep = 0
	}
	if keep > r.held && r.room.TryTake(r.tenant, int64(keep-r.held)) {
		r.held = keep // headers arrive before Grow can be called
	}
	keep = min(keep, r.held)
	r.room.Give(r.tenant, int64(r.held-keep))
	r.held = 0
	if keep > 0 {
		room, tenant := r.room, r.tenant
		result.Written = func() { room.Give(tenant, int64(keep)) }
	}
}

// end releases what is held for an answer that did not arrive.
func (r *reply) end() {
	r.room.Give(r.tenant, int64(r.held))
	r.held = 0
}
