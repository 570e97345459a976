package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/verification"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// DebugSignature is the resolver for the debugSignature field.
func (r *queryResolver) DebugSignature(ctx context.Context, input model.DebugSignatureInput) (*model.SignatureReport, error) {
	if input.WebhookID != nil {
		if err := (auth.Needs{Scope: webhook.ScopeWebhooksRead}).Check(from(ctx).caller); err != nil {
			return nil, err
		}
	}
	whole := r.scope(ctx).Lean(store.Lean{}) // what the operation selects says nothing of what this reads
	answer, err := verification.Explain(ctx, whole, r.Settings.MaxDataBytes, question(&input), meter.From(ctx).Take)
	errs, err := userErrors(err)
	return &model.SignatureReport{Answer: answer, UserErrors: errs}, err
}
