package graph

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Tenant is the resolver for the tenant field.
func (r *issueResolver) Tenant(ctx context.Context, obj *webhook.Issue) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, issueTenant)
}

// Webhook is the resolver for the webhook field.
func (r *issueResolver) Webhook(ctx context.Context, obj *webhook.Issue) (*webhook.Webhook, error) {
	return load(ctx, &r.loaders(ctx).webhooks, obj, issueWebhook)
}

// LastAttempt is the resolver for the lastAttempt field.
func (r *issueResolver) LastAttempt(ctx context.Context, obj *webhook.Issue) (*webhook.Attempt, error) {
	return load(ctx, &r.loaders(ctx).attempts, obj, issueAttempt)
}

// DisablesAt is the resolver for the disablesAt field.
func (r *issueResolver) DisablesAt(ctx context.Context, obj *webhook.Issue) (*time.Time, error) {
	if obj.Kind != webhook.IssueFailing || obj.ResolvedAt != nil {
		return nil, nil
	}
	w, err := load(ctx, &r.loaders(ctx).webhooks, obj, issueWebhook)
	if w == nil {
		return nil, err
	}
	return w.DisablesAt(), err
}

// First is the resolver for the first field.
func (r *issuesChangeResolver) First(ctx context.Context, obj *model.IssuesChange) (*webhook.Issue, error) {
	found, err := obj.Of.Issues(ctx, store.IssueFilter{}, store.Page{First: 1})
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	return found.Items[0], nil
}

// AcknowledgeIssue is the resolver for the acknowledgeIssue field.
func (r *mutationResolver) AcknowledgeIssue(ctx context.Context, input model.AcknowledgeIssueInput) (*model.AcknowledgeIssuePayload, error) {
	acknowledged, err := r.changing(ctx).AcknowledgeIssue(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.AcknowledgeIssuePayload{Issue: acknowledged, UserErrors: errs}, err
}

// Issue is the resolver for the issue field.
func (r *queryResolver) Issue(ctx context.Context, id webhook.ID) (*webhook.Issue, error) {
	return one(ctx, r.scope(ctx).IssuesByID, id)
}

// Issues is the resolver for the issues field.
func (r *queryResolver) Issues(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.IssueFilter, allTenants bool) (*model.Connection[webhook.Issue], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	in, err := r.among(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	return issues.resolve(ctx, r.Resolver, in, arguments{first, after, last, before}, f)
}

// Issues is the resolver for the issues field.
func (r *subscriptionResolver) Issues(ctx context.Context, allTenants bool) (<-chan *model.IssuesChange, error) {
	return r.issueChanges(ctx, allTenants)
}

// Issues is the resolver for the issues field.
func (r *webhookResolver) Issues(ctx context.Context, obj *webhook.Webhook, first *int, after *string, last *int, before *string, filter *list.IssueFilter) (*model.Connection[webhook.Issue], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return issuesOfWebhooks.resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// Issue returns IssueResolver implementation.
func (r *Resolver) Issue() IssueResolver { return &issueResolver{r} }

// IssuesChange returns IssuesChangeResolver implementation.
func (r *Resolver) IssuesChange() IssuesChangeResolver { return &issuesChangeResolver{r} }

type (
	issueResolver        struct{ *Resolver }
	issuesChangeResolver struct{ *Resolver }
)
