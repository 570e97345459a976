package graph

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// nodesByID finds objects of any type. An id does not say its type, so all four tables are asked, each once.
func nodesByID(s *store.Scope) func(context.Context, []webhook.ID) (map[webhook.ID]model.Node, error) {
	return func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]model.Node, error) {
		var (
			g, gctx    = errgroup.WithContext(ctx)
			webhooks   map[webhook.ID]*webhook.Webhook
			events     map[webhook.ID]*webhook.Event
			deliveries map[webhook.ID]*webhook.Delivery
			attempts   map[webhook.ID]*webhook.Attempt
		)
		g.Go(func() (err error) { webhooks, err = s.WebhooksByID(gctx, ids); return err })
		g.Go(func() (err error) { events, err = s.EventsByID(gctx, ids); return err })
		g.Go(func() (err error) { deliveries, err = s.DeliveriesByID(gctx, ids); return err })
		g.Go(func() (err error) { attempts, err = s.AttemptsByID(gctx, ids); return err })
		if err := g.Wait(); err != nil {
			return nil, err
		}
		found := make(map[webhook.ID]model.Node, len(ids))
		add(found, webhooks)
		add(found, events)
		add(found, deliveries)
		add(found, attempts)
		return found, nil
	}
}

func add[T any](found map[webhook.ID]model.Node, rows map[webhook.ID]*T) {
	for id, row := range rows {
		if row != nil {
			found[id] = row
		}
	}
}
