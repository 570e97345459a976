package graph

import (
	"context"
	"errors"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// CreateWebhook is the resolver for the createWebhook field.
func (r *mutationResolver) CreateWebhook(ctx context.Context, input model.CreateWebhookInput) (*model.CreateWebhookPayload, error) {
	w, secret, err := r.changing(ctx).CreateWebhook(ctx, webhook.New{
		URL:             input.URL,
		Events:          input.Events,
		Filter:          input.Filter,
		Enabled:         input.Enabled,
		Description:     input.Description,
		RetryScheduleMs: input.RetryScheduleMs,
		NoRetryStatuses: input.NoRetryStatuses,
		TimeoutMs:       input.TimeoutMs,
		RatePerSecond:   input.RatePerSecond,
		Headers:         input.Headers,
		ExternalID:      input.ExternalID,
		Metadata:        input.Metadata,
		Scheme:          input.SignatureScheme,
		Ordering:        input.Ordering,
		OnFailure:       input.OnFailure,
		Probe:           input.Probe,
		SendTraceparent: input.SendTraceparent,
		Payload:         newPayload(input.Payload),
		Authentication:  newAuthentication(input.Authentication),
		Secret:          (*webhook.ImportedSecret)(input.Secret),
	})
	errs, err := userErrors(err)
	return &model.CreateWebhookPayload{Webhook: w, Created: secret != nil, Secret: revealed(secret), UserErrors: errs}, err
}

// UpdateWebhook is the resolver for the updateWebhook field.
func (r *mutationResolver) UpdateWebhook(ctx context.Context, input model.UpdateWebhookInput) (*model.UpdateWebhookPayload, error) {
	var w *webhook.Webhook
	p, err := patch(&input)
	if err == nil {
		w, _, err = r.changing(ctx).UpdateWebhook(ctx, input.ID, p, nil)
	}
	if changed, ok := errors.AsType[*webhook.Changed](err); ok {
		w = changed.Current
	}
	errs, err := userErrors(err)
	return &model.UpdateWebhookPayload{Webhook: w, UserErrors: errs}, err
}

// DeleteWebhook is the resolver for the deleteWebhook field.
func (r *mutationResolver) DeleteWebhook(ctx context.Context, input model.DeleteWebhookInput) (*model.DeleteWebhookPayload, error) {
	errs, err := userErrors(r.changing(ctx).DeleteWebhook(ctx, input.ID))
	if err != nil || len(errs) > 0 {
		return &model.DeleteWebhookPayload{UserErrors: errs}, err
	}
	return &model.DeleteWebhookPayload{DeletedWebhookID: &input.ID, UserErrors: errs}, nil
}

// RotateWebhookSecret is the resolver for the rotateWebhookSecret field.
func (r *mutationResolver) RotateWebhookSecret(ctx context.Context, input model.RotateWebhookSecretInput) (*model.RotateWebhookSecretPayload, error) {
	rotation := webhook.Rotation{Overlap: time.Duration(input.OverlapMs) * time.Millisecond, Secret: (*webhook.ImportedSecret)(input.Secret)}
	if input.SignatureScheme != nil {
		rotation.Scheme = *input.SignatureScheme
	}
	w, secret, err := r.changing(ctx).UpdateWebhook(ctx, input.ID, webhook.Patch{}, &rotation)
	errs, err := userErrors(err)
	return &model.RotateWebhookSecretPayload{Webhook: w, Secret: revealed(secret), UserErrors: errs}, err
}

// TestWebhook is the resolver for the testWebhook field.
func (r *mutationResolver) TestWebhook(ctx context.Context, input model.TestWebhookInput) (*model.TestWebhookPayload, error) {
	d, err := r.scope(ctx).TestWebhook(ctx, input.ID, input.EventType)
	errs, err := userErrors(err)
	return &model.TestWebhookPayload{Delivery: d, UserErrors: errs}, err
}

// Webhook is the resolver for the webhook field.
func (r *queryResolver) Webhook(ctx context.Context, id webhook.ID) (*webhook.Webhook, error) {
	return one(ctx, r.scope(ctx).WebhooksByID, id)
}

// Webhooks is the resolver for the webhooks field.
func (r *queryResolver) Webhooks(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.WebhookFilter, orderBy *model.WebhookOrder, allTenants bool) (*model.Connection[webhook.Webhook], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	in, err := r.among(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	if allTenants && orderBy != nil && orderBy.Field != model.WebhookOrderFieldCreatedAt {
		return nil, &webhook.Invalid{Field: "orderBy.field", Code: webhook.CodeConflict, Message: "must be CREATED_AT with allTenants; Tenant.webhooks has the other orders"}
	}
	return webhooksBy(orderBy, &f).resolve(ctx, r.Resolver, in, arguments{first, after, last, before}, f)
}

// Tenant is the resolver for the tenant field.
func (r *webhookResolver) Tenant(ctx context.Context, obj *webhook.Webhook) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, webhookTenant)
}

// Filter is the resolver for the filter field.
func (r *webhookResolver) Filter(ctx context.Context, obj *webhook.Webhook) ([]byte, error) {
	return metered(ctx, obj.Filter)
}

// Payload is the resolver for the payload field.
func (r *webhookResolver) Payload(ctx context.Context, obj *webhook.Webhook) (*webhook.Payload, error) {
	p := obj.Payload
	if p == nil && obj.PayloadVersion != nil {
		var err error
		if p, err = load(ctx, &r.loaders(ctx).payloads, obj, webhookID); err != nil {
			return nil, err
		}
	}
	if p == nil {
		p = &webhook.Payload{Format: webhook.PayloadStandard}
	}
	return p, nil
}

// Metadata is the resolver for the metadata field.
func (r *webhookResolver) Metadata(ctx context.Context, obj *webhook.Webhook) ([]byte, error) {
	return metered(ctx, obj.Metadata)
}

// Headers is the resolver for the headers field.
func (r *webhookResolver) Headers(ctx context.Context, obj *webhook.Webhook) ([]*webhook.CustomHeader, error) {
	return load(ctx, &r.loaders(ctx).headers, obj, webhookID)
}

// Authentication is the resolver for the authentication field.
func (r *webhookResolver) Authentication(ctx context.Context, obj *webhook.Webhook) (*webhook.Authentication, error) {
	return load(ctx, &r.loaders(ctx).proofs, obj, webhookID)
}

// Secrets is the resolver for the secrets field.
func (r *webhookResolver) Secrets(ctx context.Context, obj *webhook.Webhook) ([]*webhook.Secret, error) {
	return load(ctx, &r.loaders(ctx).secrets, obj, webhookID)
}

// Deliveries is the resolver for the deliveries field.
func (r *webhookResolver) Deliveries(ctx context.Context, obj *webhook.Webhook, first *int, after *string, last *int, before *string, filter *list.DeliveryFilter) (*model.Connection[webhook.Delivery], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return deliveriesOfWebhooks.resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// Attempts is the resolver for the attempts field.
func (r *webhookResolver) Attempts(ctx context.Context, obj *webhook.Webhook, first *int, after *string, last *int, before *string, filter *list.AttemptFilter) (*model.Connection[webhook.Attempt], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return attemptsOfWebhooks.resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// Template is the resolver for the template field.
func (r *webhookPayloadResolver) Template(ctx context.Context, obj *webhook.Payload) ([]byte, error) {
	return metered(ctx, obj.Template)
}

// PublicKey is the resolver for the publicKey field.
func (r *webhookSecretResolver) PublicKey(ctx context.Context, obj *webhook.Secret) (*string, error) {
	key := obj.PublicKey()
	if key == "" {
		return nil, nil
	}
	return &key, nil
}

// Webhook returns WebhookResolver implementation.
func (r *Resolver) Webhook() WebhookResolver { return &webhookResolver{r} }

// WebhookPayload returns WebhookPayloadResolver implementation.
func (r *Resolver) WebhookPayload() WebhookPayloadResolver { return &webhookPayloadResolver{r} }

// WebhookSecret returns WebhookSecretResolver implementation.
func (r *Resolver) WebhookSecret() WebhookSecretResolver { return &webhookSecretResolver{r} }

type (
	webhookResolver        struct{ *Resolver }
	webhookPayloadResolver struct{ *Resolver }
	webhookSecretResolver  struct{ *Resolver }
)
