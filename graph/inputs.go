package graph

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/fault"
	"github.com/hookgraph/hookgraph/internal/openapi"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/verification"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// given returns an optional argument, or the zero value if it is absent.
func given[F any](f *F) F {
	if f == nil {
		var all F
		return all
	}
	return *f
}

// checked returns a filter argument, or the zero value if it is absent, and what is wrong with it.
func checked[F any, P interface {
	*F
	Check() error
}](f *F,
) (F, error) {
	g := given(f)
	return g, P(&g).Check()
}

// newEvent translates an event to publish. Absent data stays empty, which the domain refuses; null is a value.
func newEvent(in *model.PublishEventInput) webhook.NewEvent {
	e := webhook.NewEvent{Type: in.Type, Timestamp: in.Timestamp, Tags: in.Tags, DeliverAt: in.DeliverAt, ExpiresAt: in.ExpiresAt}
	if data, ok := in.Data.ValueOK(); ok {
		e.Data = data
		if data == nil {
			e.Data = []byte("null")
		}
	}
	e.IdempotencyKey, e.OrderingKey = given(in.IdempotencyKey), given(in.OrderingKey)
	if in.IdempotencyKey != nil && e.IdempotencyKey == "" {
		e.Blank = append(e.Blank, "idempotencyKey")
	}
	if in.OrderingKey != nil && e.OrderingKey == "" {
		e.Blank = append(e.Blank, "orderingKey")
	}
	return e
}

// newPayload translates payload settings; nil means the default.
func newPayload(in *model.WebhookPayloadInput) *webhook.Payload {
	if in == nil {
		return nil
	}
	return &webhook.Payload{Format: in.Format, IncludeFields: in.IncludeFields, Template: webhook.JSONText(in.Template)}
}

// newAuthentication translates an authentication; nil means none.
func newAuthentication(in *model.WebhookAuthenticationInput) *webhook.AuthenticationPatch {
	if in == nil {
		return nil
	}
	return &webhook.AuthenticationPatch{Basic: opt(in.Basic), OAuth2: opt(in.Oauth2), Certificate: opt(in.Certificate)}
}

func authenticationPatch(in graphql.Omittable[*model.WebhookAuthenticationInput]) webhook.Opt[*webhook.AuthenticationPatch] {
	a, given := in.ValueOK()
	return webhook.Opt[*webhook.AuthenticationPatch]{Value: newAuthentication(a), Set: given}
}

func payloadPatch(in graphql.Omittable[*model.WebhookPayloadInput]) webhook.Opt[*webhook.Payload] {
	p, given := in.ValueOK()
	return webhook.Opt[*webhook.Payload]{Value: newPayload(p), Set: given}
}

// trial translates what to try.
func trial(in *model.PreviewDeliveryInput) store.Trial {
	t := store.Trial{WebhookID: in.WebhookID, Events: opt(in.Events), Filter: opt(in.Filter), Payload: payloadPatch(in.Payload), EventID: in.EventID}
	if e := in.Event; e != nil {
		t.Event = new(newEvent(&model.PublishEventInput{Type: e.Type, Tags: e.Tags, Data: e.Data}))
	}
	return t
}

// question translates what a receiver got.
func question(in *model.DebugSignatureInput) *verification.Question {
	q := &verification.Question{
		AttemptID: in.AttemptID, WebhookID: in.WebhookID, Headers: in.Headers, Body: in.Body, BodyBase64: in.BodyBase64, At: in.At,
	}
	if in.Computed != nil {
		q.Computed = *in.Computed
	}
	return q
}

// newToken translates a token to create. It refuses scopes that the caller's token does not have.
func newToken(c *auth.Caller, in *model.CreateTokenInput) (webhook.Token, error) {
	t := webhook.Token{TenantID: in.TenantID, Name: in.Name, Scopes: in.Scopes, ExpiresAt: in.ExpiresAt, CreatedBy: &c.Token.ID}
	var errs []error
	bad := func(field string, code webhook.Code, message string) {
		errs = append(errs, &webhook.Invalid{Field: field, Code: code, Message: message})
	}
	switch {
	case in.Operator && !c.Operator:
		bad("operator", webhook.CodeNotAllowed, "only an operator can create an operator token; set operator to false")
	case in.Operator && in.TenantID != nil:
		bad("tenantId", webhook.CodeConflict, "must be null, because an operator token belongs to no tenant")
	case !in.Operator && in.TenantID == nil:
		t.TenantID = &c.Tenant.ID
	}
	if in.Scopes == nil {
		t.Scopes = c.Token.Scopes
	}
	if most := len(webhook.AllScopes); len(in.Scopes) > most {
		bad("scopes", webhook.CodeTooMany, fmt.Sprintf("must have at most %d elements", most))
		return t, errors.Join(errs...)
	}
	for i, scope := range in.Scopes {
		if !c.Token.Scopes.Has(scope) {
			bad(fmt.Sprintf("scopes.%d", i), webhook.CodeNotAllowed, "is a scope the caller's token does not have")
		}
	}
	return t, errors.Join(errs...)
}

// newPortalLink translates a link to create.
func newPortalLink(c *auth.Caller, in *model.CreatePortalLinkInput) portal.Link {
	return portal.Link{
		Label: in.Label, Scopes: in.Scopes, Granted: c.Token.Scopes, LifeMs: &in.ExpiresInMs, SessionMs: &in.SessionExpiresInMs,
		StartPath: in.StartPath, Theme: in.Theme, CreatedBy: &c.Token.ID,
	}
}

// tenantPatch translates a tenant's settings; quotas that are nil stay unchanged.
func tenantPatch(in *model.TenantQuotasInput, retentionMs, keepFailedMs graphql.Omittable[*float64]) (webhook.TenantPatch, error) {
	var p webhook.TenantPatch
	var errs [2]error
	p.RetentionSeconds, errs[0] = seconds("retentionMs", retentionMs)
	p.KeepFailedSeconds, errs[1] = seconds("keepFailedMs", keepFailedMs)
	if in != nil {
		p.MaxWebhooks, p.MaxTokens, p.MaxPortalSessions, p.MaxEvents = opt(in.Webhooks), opt(in.Tokens), opt(in.PortalSessions), opt(in.StoredEvents)
		p.PublishRate, p.PublishBurst = opt(in.EventsPerSecond), opt(in.EventBurst)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return p, errors.Join(new(webhook.Tenant).Apply(p), err) // with the errors of the others
	}
	return p, nil
}

// seconds translates milliseconds, which must be whole seconds, at most those of the longest retention.
func seconds(field string, ms graphql.Omittable[*float64]) (webhook.Opt[*int], error) {
	v, ok := ms.ValueOK()
	if v == nil {
		return webhook.Opt[*int]{Set: ok}, nil
	}
	s := *v / 1000
	if s != math.Trunc(s) || math.Abs(s) > webhook.MaxRetentionSeconds { // also NaN and infinities
		return webhook.Opt[*int]{}, &webhook.Invalid{
			Field: field, Code: webhook.CodeOutOfRange,
			Message: fmt.Sprintf("must be 0, or whole seconds from %d to %d", webhook.MinRetentionSeconds*1000, webhook.MaxRetentionSeconds*1000),
		}
	}
	return webhook.Some(new(int(s))), nil
}

// milliseconds is the inverse of seconds.
func milliseconds(seconds *int) *float64 {
	if seconds == nil {
		return nil
	}
	return new(float64(*seconds) * 1000)
}

func checkCount(n int) *webhook.Invalid {
	switch {
	case n == 0:
		return &webhook.Invalid{Field: "events", Code: webhook.CodeRequired, Message: "must have at least one element"}
	case n > webhook.MaxPublish:
		return &webhook.Invalid{
			Field: "events", Code: webhook.CodeTooMany,
			Message: fmt.Sprintf("must have at most %d elements", webhook.MaxPublish),
		}
	}
	return nil
}

// publishResult translates the result of event i of n. An unexpected error is added to the response's errors, so that the results
// of the other events are still returned.
func publishResult(ctx context.Context, i, n int, p store.Published) *model.PublishEventResult {
	result := &model.PublishEventResult{Event: p.Event, Duplicate: p.Duplicate, UserErrors: []*model.UserError{}}
	if p.Err == nil {
		return result
	}
	place := []string{"events", strconv.Itoa(i)}
	invalids := webhook.Invalids(p.Err)
	for _, e := range invalids {
		if n == 1 { // the store adds the index only if there are several
			result.UserErrors = append(result.UserErrors, userError(e, place...))
		} else {
			result.UserErrors = append(result.UserErrors, userError(e))
		}
	}
	if len(invalids) == 0 {
		if told := fault.In(ctx, p.Err); !told.Retry() {
			graphql.AddError(ctx, p.Err)
		}
		notStored := &webhook.Invalid{Code: webhook.CodeNotStored, Message: "was not stored; publish it again, with the same idempotency key"}
		result.UserErrors = append(result.UserErrors, userError(notStored, place...))
	}
	return result
}

// patch translates the changes. Null means the default of a field that has one; otherwise it is refused.
func patch(in *model.UpdateWebhookInput) (webhook.Patch, error) {
	p := webhook.Patch{
		IfUpdatedAt:     in.IfUpdatedAt,
		URL:             valueOr(in.URL, ""), // the domain refuses an empty one
		Events:          opt(in.Events),
		Filter:          opt(in.Filter),
		Description:     valueOr(in.Description, ""),
		RetryScheduleMs: opt(in.RetryScheduleMs),
		NoRetryStatuses: opt(in.NoRetryStatuses),
		TimeoutMs:       opt(in.TimeoutMs),
		RatePerSecond:   opt(in.RatePerSecond),
		Headers:         opt(in.Headers),
		ExternalID:      opt(in.ExternalID),
		Metadata:        opt(in.Metadata),
		Ordering:        valueOr(in.Ordering, webhook.OrderingNone),
		OnFailure:       valueOr(in.OnFailure, webhook.OnFailureContinue),
		Probe:           valueOr(in.Probe, false),
		SendTraceparent: valueOr(in.SendTraceparent, false),
		Payload:         payloadPatch(in.Payload),
		Authentication:  authenticationPatch(in.Authentication),
	}
	if enabled, ok := in.Enabled.ValueOK(); ok {
		if enabled == nil {
			return p, &webhook.Invalid{Field: "enabled", Code: webhook.CodeRequired, Message: "must not be null"}
		}
		p.Enabled = webhook.Some(*enabled)
	}
	return p, nil
}

func opt[T any](o graphql.Omittable[T]) webhook.Opt[T] {
	v, ok := o.ValueOK()
	return webhook.Opt[T]{Value: v, Set: ok}
}

func valueOr[T any](o graphql.Omittable[*T], null T) webhook.Opt[T] {
	v, ok := o.ValueOK()
	switch {
	case !ok:
		return webhook.Opt[T]{}
	case v == nil:
		return webhook.Some(null)
	}
	return webhook.Some(*v)
}

// revealed returns a secret in the form that is shown once; nil for one that its caller brought.
func revealed(s *webhook.Secret) *string {
	if s == nil || s.Imported {
		return nil
	}
	shown := s.Reveal()
	return &shown
}

// importTypes reads a document and imports its event types.
func (r *Resolver) importTypes(ctx context.Context, input model.ImportEventTypesInput) (*store.ImportedTypes, error) {
	all, err := openapi.Read(input.OpenAPI)
	if err != nil {
		return nil, err
	}
	return r.changing(ctx).ImportEventTypes(ctx, all, input.DeleteMissing, input.DryRun)
}

// inField names the field of *Invalids that name none; other errors stay as they are.
func inField(field string, err error) error {
	var errs []error
	for _, one := range webhook.Invalids(err) {
		named := *one
		if named.Field == "" {
			named.Field = field
		}
		errs = append(errs, &named)
	}
	if len(errs) == 0 {
		return err
	}
	return errors.Join(errs...)
}
