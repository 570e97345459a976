package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// MatchedOfRecent is the resolver for the matchedOfRecent field.
func (r *deliveryPreviewResolver) MatchedOfRecent(ctx context.Context, obj *model.DeliveryPreview, last int) (*model.RecentMatches, error) {
	if obj.Tried == nil {
		return nil, nil
	}
	most, err := size("last", last)
	if err != nil {
		return nil, err
	}
	matched, of, err := r.scope(ctx).MatchedOfRecent(ctx, obj.Tried.Target, most)
	if err != nil {
		return nil, err
	}
	return &model.RecentMatches{Matched: matched, Of: of}, nil
}

// Request is the resolver for the request field.
func (r *deliveryPreviewResolver) Request(ctx context.Context, obj *model.DeliveryPreview) (*model.PreviewRequest, error) {
	if obj.Tried == nil || obj.Tried.Event == nil {
		return nil, nil
	}
	return previewRequest(ctx, obj.Tried)
}

// Headers is the resolver for the headers field.
func (r *previewRequestResolver) Headers(ctx context.Context, obj *model.PreviewRequest) ([]*webhook.Header, error) {
	return headers(ctx, obj.Head)
}

// PreviewDelivery is the resolver for the previewDelivery field.
func (r *queryResolver) PreviewDelivery(ctx context.Context, input model.PreviewDeliveryInput) (*model.DeliveryPreview, error) {
	if input.WebhookID != nil {
		if err := (auth.Needs{Scope: webhook.ScopeWebhooksRead}).Check(from(ctx).caller); err != nil {
			return nil, err
		}
	}
	tried, err := r.scope(ctx).Try(ctx, trial(&input))
	errs, err := userErrors(err)
	return &model.DeliveryPreview{Tried: tried, UserErrors: errs}, err
}

// DeliveryPreview returns DeliveryPreviewResolver implementation.
func (r *Resolver) DeliveryPreview() DeliveryPreviewResolver { return &deliveryPreviewResolver{r} }

// PreviewRequest returns PreviewRequestResolver implementation.
func (r *Resolver) PreviewRequest() PreviewRequestResolver { return &previewRequestResolver{r} }

type (
	deliveryPreviewResolver struct{ *Resolver }
	previewRequestResolver  struct{ *Resolver }
)
