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

// begin returns where a stream begins: after the transport's cursor, else after the argument's, else at a time, else now. The
// transport's cursor comes first, because a client that reconnects automatically repeats its first request.
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

// watched returns the tenant whose rows a stream has: the call's, or store.AllTenants for an operator who asks for them.
func watched(ctx context.Context, allTenants bool) (webhook.ID, error) {
	caller := from(ctx).caller
	switch {
	case !allTenants:
		return caller.Tenant.ID, nil
	case !caller.Operator:
		return webhook.ID{}, errNotOperator
	}
	return store.AllTenants, nil
}

// stream watches the attempt log until ctx ends. The stream is pulled through request.pull, for which gqlgen has no type, so the
// channel is nil. A client that does not read holds one page of the log, and delays nobody.
func (r *Resolver) stream(ctx context.Context, tenant webhook.ID, f store.AttemptFilter, begin live.From) (<-chan *model.StreamedAttempt, error) {
	w, err := r.Live.Watch(ctx, tenant, f, begin)
	if err != nil {
		return nil, r.streamError(tenant, err)
	}
	circle, err := r.shared.circles.join(ctx)
	if err != nil {
		return nil, err
	}
	var page []*webhook.Attempt
	r.wait(ctx, func(ctx context.Context) {
		if len(page) == 0 {
			w.Await(ctx)
		}
	})
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
		cursor := r.Live.Cursor(tenant, a.Seq)
		if r.SetCursor != nil {
			r.SetCursor(ctx, cursor)
		}
		if circle.several() {
			from(ctx).message = circle.message(a.Seq)
		}
		return &model.StreamedAttempt{Cursor: cursor, Node: a}, true
	}
	return nil, nil // see above
}

func (r *Resolver) wait(ctx context.Context, wait func(context.Context)) {
	if r.SetWait != nil {
		r.SetWait(ctx, wait)
	}
}

// changes watches deliveries until ctx ends. As in stream, the channel is nil, and a client that does not read holds a bounded number of
// changes.
func (r *Resolver) changes(ctx context.Context, tenant webhook.ID, f store.DeliveryFilter) (<-chan *live.DeliveryChange, error) {
	w, err := r.Changes.Watch(ctx, tenant, f)
	if err != nil {
		return nil, err
	}
	circle, err := r.shared.circles.join(ctx)
	if err != nil {
		return nil, err
	}
	r.wait(ctx, w.Await)
	from(ctx).pull = func(ctx context.Context) (*live.DeliveryChange, bool) {
		change, err := w.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.EndStream(ctx, err)
			}
			return nil, false
		}
		q := from(ctx)
		if q.with = change.With; circle.several() {
			q.message = circle.message(change)
		}
		return change, true
	}
	return nil, nil // see stream
}

// auditLogChanges watches the audit log until ctx ends. As in stream, the channel is nil; a client that does not read holds nothing.
func (r *Resolver) auditLogChanges(ctx context.Context, allTenants bool) (<-chan *model.AuditLogChange, error) {
	whose, err := watched(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	of, err := r.registered(ctx, allTenants, nil)
	if err != nil {
		return nil, err
	}
	w := r.Changes.WatchAuditLog(ctx, whose)
	from(ctx).pull = func(ctx context.Context) (*model.AuditLogChange, bool) {
		if w.Next(ctx) != nil {
			return nil, false
		}
		return &model.AuditLogChange{Of: of}, true
	}
	return nil, nil // see stream
}

// issueChanges is auditLogChanges for issues.
func (r *Resolver) issueChanges(ctx context.Context, allTenants bool) (<-chan *model.IssuesChange, error) {
	whose, err := watched(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	of, err := r.among(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	w := r.Changes.WatchIssues(ctx, whose)
	from(ctx).pull = func(ctx context.Context) (*model.IssuesChange, bool) {
		if w.Next(ctx) != nil {
			return nil, false
		}
		return &model.IssuesChange{Of: of}, true
	}
	return nil, nil // see stream
}

// serverChanges watches the nodes until ctx ends. As in stream, the channel is nil; a client that does not read holds nothing.
func (r *Resolver) serverChanges(ctx context.Context) (<-chan *model.Server, error) {
	w := r.Changes.WatchNodes(ctx)
	paid := true // for the first message, when the operation began
	from(ctx).pull = func(ctx context.Context) (*model.Server, bool) {
		if w.Next(ctx) != nil || !paid && !r.pay(ctx) {
			return nil, false
		}
		paid = false
		return r.Settings.shown(), true
	}
	return nil, nil // see stream
}

// changedWebhook is the webhook that a change names.
func changedWebhook(c *live.DeliveryChange) webhook.ID { return *c.WebhookID }

// streamError adds to an error the cursor from which a client can resume, if there is one.
func (r *Resolver) streamError(tenant webhook.ID, err error) error {
	oldest := func(seq int64) string {
		return r.Live.Cursor(tenant, max(seq-1, 0)) // so that a client that resumes after it does not miss this attempt
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
