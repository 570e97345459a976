package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// finder looks up objects of one type by their ids, and knows the scope that a caller needs to see them.
type finder struct {
	needs auth.Needs
	find  func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]model.Node, error)
}

func findIn[T any](l *loaders, scope webhook.TokenScope, byID fetch[*T]) finder {
	return finder{auth.Needs{Scope: scope}, func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]model.Node, error) {
		found, err := rows(l, byID)(ctx, ids)
		result := make(map[webhook.ID]model.Node, len(found))
		for id, row := range found {
			result[id] = row
		}
		return result, err
	}}
}

// nodes finds objects of any type, in the order of their ids, nil where there is none. An id does not tell its type, so each table
// is queried once. refused has an *auth.MissingPermission for each object that exists but that the caller's token may not see.
func (r *Resolver) nodes(ctx context.Context, ids []webhook.ID) (result []model.Node, refused []error, err error) {
	caller, l, s, known := from(ctx).caller, r.loaders(ctx), r.reach(ctx), r.registry(ctx)
	finders := []finder{
		findIn(l, webhook.ScopeWebhooksRead, s.WebhooksByID),
		findIn(l, webhook.ScopeDeliveriesRead, s.EventsByID),
		findIn(l, webhook.ScopeDeliveriesRead, s.DeliveriesByID),
		findIn(l, webhook.ScopeDeliveriesRead, s.AttemptsByID),
		findIn(l, webhook.ScopeDeliveriesRead, s.ReplaysByID),
		findIn(l, webhook.ScopeWebhooksRead, s.IssuesByID),
		findIn(l, webhook.ScopeWebhooksRead, r.scope(ctx).EventTypesByID),
		findIn(l, webhook.ScopeAdmin, known.TokensByID),
		findIn(l, webhook.ScopeAdmin, known.PortalSessionsByID),
		findIn(l, webhook.ScopeAdmin, known.AuditEntriesByID),
		findIn(l, "", known.TenantsByID), // a caller may always see its own tenant
	}
	var (
		g, gctx   = errgroup.WithContext(ctx)
		mu        sync.Mutex // guards found and forbidden
		found     = map[webhook.ID]model.Node{}
		forbidden = map[webhook.ID]error{}
	)
	for _, f := range finders {
		g.Go(func() error {
			some, err := f.find(gctx, ids)
			refusal := f.needs.Check(caller)
			mu.Lock()
			defer mu.Unlock()
			for id, node := range some {
				if refusal != nil {
					forbidden[id] = refusal
				} else {
					found[id] = node
				}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	result, refused = make([]model.Node, len(ids)), make([]error, len(ids))
	for i, id := range ids {
		result[i], refused[i] = found[id], forbidden[id]
	}
	return result, refused, nil
}

// addErrors adds the errors of a list's elements, each with its index; nil means none.
func addErrors(ctx context.Context, errs []error) {
	for i, err := range errs {
		if err != nil {
			graphql.AddError(graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i}), err)
		}
	}
}
