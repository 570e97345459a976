package graph

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// source is a place in which a search looks, and the scope that it requires.
type source struct {
	needs auth.Needs
	find  func(ctx context.Context) ([]model.SearchHit, error)
}

// search finds objects by a text. Every source reads an index, or a bounded stretch of one; they are asked at the same time.
func (r *Resolver) search(ctx context.Context, text string, n int, allTenants bool) ([]model.SearchHit, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, &webhook.Invalid{Field: "text", Code: webhook.CodeRequired, Message: "must not be empty"}
	}
	if len(text) > webhook.MaxURLBytes {
		return nil, &webhook.Invalid{Field: "text", Code: webhook.CodeTooLong, Message: fmt.Sprintf("must be at most %d bytes long", webhook.MaxURLBytes)}
	}
	n, err := size("first", n)
	if err != nil {
		return nil, err
	}
	in, err := r.among(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	caller := from(ctx).caller
	var allowed []source
	for _, s := range r.sources(ctx, in, text, n) {
		if s.needs.Check(caller) == nil {
			allowed = append(allowed, s)
		}
	}
	found := make([][]model.SearchHit, len(allowed))
	g, gctx := errgroup.WithContext(ctx)
	for i, s := range allowed {
		g.Go(func() (err error) {
			found[i], err = s.find(gctx)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	hits, seen := []model.SearchHit{}, map[webhook.ID]bool{}
	for _, some := range found {
		for _, hit := range some {
			if id := hitID(hit); len(hits) < n && !seen[id] {
				seen[id], hits = true, append(hits, hit)
			}
		}
	}
	return hits, nil
}

// sources returns the places in which to search a part of the store for a text, those with the most exact matches first.
func (r *Resolver) sources(ctx context.Context, s *store.Scope, text string, n int) []source {
	l, known, page := r.loaders(ctx), r.registry(ctx), store.Page{First: n}
	hooks, history := auth.Needs{Scope: webhook.ScopeWebhooksRead}, auth.Needs{Scope: webhook.ScopeDeliveriesRead}
	var all []source
	if low, high, ok := webhook.IDsBeginning(text); ok {
		all = append(all,
			source{hooks, hits(l, func(ctx context.Context) ([]*webhook.Webhook, error) { return s.WebhooksBetween(ctx, low, high, n) })},
			source{history, hits(l, func(ctx context.Context) ([]*webhook.Event, error) { return s.EventsBetween(ctx, low, high, n) })},
			source{history, hits(l, func(ctx context.Context) ([]*webhook.Delivery, error) { return s.DeliveriesBetween(ctx, low, high, n) })},
			source{auth.Needs{}, hits(l, func(ctx context.Context) ([]*webhook.Tenant, error) { return known.TenantsBetween(ctx, low, high, n) })},
			source{auth.Needs{Scope: webhook.ScopeAdmin}, hits(l, func(ctx context.Context) ([]*webhook.Token, error) { return known.TokensBetween(ctx, low, high, n) })},
		)
	}
	if len(text) <= webhook.MaxIdempotencyKeyBytes {
		all = append(all, source{history, hits(l, rowsOf(s.Events, store.EventFilter{IdempotencyKey: &text}, page))})
	}
	if len(text) <= webhook.MaxExternalIDBytes {
		all = append(all, source{hooks, hits(l, rowsOf(s.Webhooks, store.WebhookFilter{ExternalID: &text}, page))})
	}
	if len(text) <= webhook.MaxTenantNameBytes {
		all = append(all, source{auth.Needs{}, hits(l, rowsOf(known.Tenants, store.TenantFilter{Name: &text}, page))})
	}
	all = append(all, source{hooks, hits(l, rowsOf(s.Webhooks, store.WebhookFilter{URL: &text}, page))})
	if webhook.CheckTag("", text) == nil {
		all = append(all, source{history, hits(l, rowsOf(s.Events, store.EventFilter{Tags: []string{text}}, page))})
	}
	return all
}

// rowsOf reads the first rows of a list.
func rowsOf[T, F any](list func(context.Context, F, store.Page) (*store.List[T], error), filter F, p store.Page) func(ctx context.Context) ([]*T, error) {
	return func(ctx context.Context) ([]*T, error) {
		found, err := list(ctx, filter, p)
		if err != nil {
			return nil, err
		}
		return found.Items, nil
	}
}

// hits makes the rows one level, and returns them as hits.
func hits[T any](l *loaders, find func(ctx context.Context) ([]*T, error)) func(ctx context.Context) ([]model.SearchHit, error) {
	return func(ctx context.Context) ([]model.SearchHit, error) {
		rows, err := find(ctx)
		if err != nil {
			return nil, err
		}
		together(l, rows)
		found := make([]model.SearchHit, len(rows))
		for i, row := range rows {
			found[i] = row
		}
		return found, nil
	}
}

func hitID(hit model.SearchHit) webhook.ID {
	switch hit := hit.(type) {
	case *webhook.Webhook:
		return hit.ID
	case *webhook.Event:
		return hit.ID
	case *webhook.Delivery:
		return hit.ID
	case *webhook.Tenant:
		return hit.ID
	case *webhook.Token:
		return hit.ID
	}
	panic(fmt.Sprintf("graph: a search found a %T", hit))
}
