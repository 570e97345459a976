package graph

import (
	"context"
	"errors"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// begin is where a stream begins: after the transport's cursor, else after the argument's, else at a time, else now. A client that
// reconnects by itself sends its first request again, so the transport knows better.
func (r *Resolver) begin(ctx context.Context, after *string, since *time.Time) (live.From, error) {
	if r.LastEventID != nil {
		if id := r.LastEventID(ctx); id != "" {
			return live.From{Cursor: id}, nil
		}
	}
	switch {
	case after == nil:
		return live.From{Since: since}, nil
	case *after == "":
		return live.From{}, errStreamCursor
	}
	return live.From{Cursor: *after}, nil
}

var errStreamCursor = &webhook.Invalid{Field: "after", Code: webhook.CodeInvalid, Message: "must be a cursor of this stream; for a time, use since"}

// stream watches the attempt log until ctx ends. It leaves the stream to be pulled, for which gqlgen has no type: the channel
// is nil. A client that does not read holds one page of the log, and nobody else up.
func (r *Resolver) stream(ctx context.Context, f store.AttemptFilter, begin live.From) (<-chan *model.StreamedAttempt, error) {
	tenant := from(ctx).caller.Tenant.ID
	w, err := r.Live.Watch(ctx, tenant, f, begin)
	if err != nil {
		return nil, r.streamError(tenant, err)
	}
	var page []*webhook.Attempt
	from(ctx).pull = func(ctx context.Context) (*model.StreamedAttempt, bool) {
		if len(page) == 0 {
			var err error
			if page, err = w.Next(ctx); err != nil {
				if ctx.Err() == nil {
					r.EndStream(ctx, r.streamError(tenant, err))
				}
				return nil, false
			}
		}
		a := page[0]
		page = page[1:]
		cursor := r.Live.Cursor(a.TenantID, a.Seq)
		if r.SetCursor != nil {
			r.SetCursor(ctx, cursor)
		}
		return &model.StreamedAttempt{Cursor: cursor, Node: a}, true
	}
	return nil, nil // see above
}

// streamError has a cursor of its own for what a client can go on from.
func (r *Resolver) streamError(tenant webhook.ID, err error) error {
	oldest := func(seq int64) string {
		return r.Live.Cursor(tenant, max(seq-1, 0)) // that one is not missed when a client goes on after it
	}
	if e, ok := errors.AsType[*webhook.CursorExpired](err); ok {
		return &passed{err: err, oldest: oldest(e.Oldest)}
	}
	if e, ok := errors.AsType[*webhook.CursorLost](err); ok {
		return &passed{err: err, oldest: oldest(e.Oldest)}
	}
	if errors.Is(err, webhook.ErrCursor) {
		return errStreamCursor
	}
	return err
}
