package graph

import (
	"context"
	"errors"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// resumeAfter is the cursor that a stream goes on after: the argument, else the transport's, else the latest.
func (r *Resolver) resumeAfter(ctx context.Context, after *string) string {
	if after != nil {
		return *after
	}
	if r.LastEventID != nil {
		return r.LastEventID(ctx)
	}
	return ""
}

// stream watches the attempt log until ctx ends. The channel has no buffer: a client that does not read holds one page of
// the log, and nobody else up.
func (r *Resolver) stream(ctx context.Context, f store.AttemptFilter, after string) (<-chan *model.StreamedDeliveryAttempt, error) {
	req := from(ctx)
	w, err := r.Live.Watch(ctx, req.caller.Tenant.ID, f, after)
	if err != nil {
		return nil, r.streamError(err)
	}
	ch := make(chan *model.StreamedDeliveryAttempt)
	go func() {
		defer close(ch)
		defer w.Close()
		defer func() {
			if p := recover(); p != nil { // gqlgen recovers resolvers, not what they start
				r.endStream(ctx, req, Recover(ctx, p))
			}
		}()
		if err := r.pump(ctx, w, ch); ctx.Err() == nil {
			r.endStream(ctx, req, r.streamError(err))
		}
	}()
	return ch, nil
}

// endStream tells why a stream ends, before its channel is closed.
func (r *Resolver) endStream(ctx context.Context, req *request, err error) {
	if r.EndStream != nil {
		r.EndStream(ctx, err)
		return
	}
	req.end.set(err)
}

func (r *Resolver) pump(ctx context.Context, w *live.Watcher, ch chan<- *model.StreamedDeliveryAttempt) error {
	for {
		attempts, err := w.Next(ctx)
		if err != nil {
			return err
		}
		for _, a := range attempts {
			select {
			case ch <- &model.StreamedDeliveryAttempt{Cursor: r.Live.Cursor(a.Seq), Node: a}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (r *Resolver) streamError(err error) error {
	if e, ok := errors.AsType[*webhook.CursorExpired](err); ok {
		return &expired{oldest: r.Live.Cursor(e.Oldest - 1)} // that one is not lost when a client goes on after it
	}
	if errors.Is(err, webhook.ErrCursor) {
		return &webhook.Invalid{Field: "after", Code: webhook.CodeInvalid, Message: "must be a cursor of this stream, or latest"}
	}
	return err
}
