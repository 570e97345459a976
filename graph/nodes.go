package graph

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// nodes finds objects of any type, in the order of their ids, nil where there is none. An id does not say its type, so all
// four tables are asked, each once.
func nodes(ctx context.Context, ids []webhook.ID) ([]model.Node, error) {
	var (
		r          = from(ctx)
		g, gctx    = errgroup.WithContext(ctx)
		webhooks   map[webhook.ID]*webhook.Webhook
		events     map[webhook.ID]*webhook.Event
		deliveries map[webhook.ID]*webhook.Delivery
		attempts   map[webhook.ID]*webhook.Attempt
	)
	g.Go(func() (err error) { webhooks, err = rows(r.loaders, r.store.WebhooksByID)(gctx, ids); return err })
	g.Go(func() (err error) { events, err = rows(r.loaders, r.store.EventsByID)(gctx, ids); return err })
	g.Go(func() (err error) { deliveries, err = rows(r.loaders, r.store.DeliveriesByID)(gctx, ids); return err })
	g.Go(func() (err error) { attempts, err = rows(r.loaders, r.store.AttemptsByID)(gctx, ids); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	found := make([]model.Node, len(ids))
	for i, id := range ids {
		if w, ok := webhooks[id]; ok {
			found[i] = w
		} else if e, ok := events[id]; ok {
			found[i] = e
		} else if d, ok := deliveries[id]; ok {
			found[i] = d
		} else if a, ok := attempts[id]; ok {
			found[i] = a
		}
	}
	return found, nil
}
