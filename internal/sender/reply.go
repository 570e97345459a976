package sender

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	// smallAnswer is what an answer may have, headers included, without being counted. Most are shorter.
	smallAnswer = egress.FreeBodyBytes
	// largestAnswer is what one may have: its body, with the byte that tells of more, and its headers.
	largestAnswer = egress.MaxBodyBytes + 1 + egress.MaxHeaderBytes
)

// reply is the memory that a task's answer has of Sender.answers, from before it is asked for, when the webhook's last one was
// large, until it is recorded. It implements egress.Room.
type reply struct {
	room   *intake.Room
	tenant webhook.ID
	expect int // how large the webhook's last one was
	size   int // how large this one is, when it has come
	held   int // of room
}

// begin waits until there is room for an answer as large as the last one. The time for it is not the receiver's.
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

// Grow implements egress.Room. All that may still come is taken at once: none waits for more while others wait for what it has.
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

// came leaves the result with what its answer takes, until it has been written, and gives back the rest.
func (r *reply) came(result *store.Result) {
	r.size = len(result.Attempt.ResponseBody) + len(result.Attempt.ResponseHeaders)
	keep := r.size
	if keep <= smallAnswer {
		keep = 0
	}
	if keep > r.held && r.room.TryTake(r.tenant, int64(keep-r.held)) {
		r.held = keep // headers come before anybody can ask
	}
	keep = min(keep, r.held)
	r.room.Give(r.tenant, int64(r.held-keep))
	r.held = 0
	if keep > 0 {
		room, tenant := r.room, r.tenant
		result.Written = func() { room.Give(tenant, int64(keep)) }
	}
}

// end gives back what is held, of an answer that did not come.
func (r *reply) end() {
	r.room.Give(r.tenant, int64(r.held))
	r.held = 0
}
