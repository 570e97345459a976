package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// Match says whether one of its tenant's webhooks got an event, or why not.
type Match struct {
	Webhook  *webhook.Webhook
	Outcome  webhook.MatchOutcome
	Delivery *webhook.Delivery // nil: there is none
	Reason   *string           // why there is none, in words; nil if there is one
	// SettingsChangedSince says that the settings are not those of when the event was published, so that the outcome may be another than then.
	SettingsChangedSince bool
}

// Position is that of the webhook.
func (m *Match) Position() int64 { return m.Webhook.Seq }

// Matches lists for each of the tenant's webhooks, newest first, whether it got the event: nothing but its deliveries is stored, so that the webhook's
// current settings say why there is none. It returns nil if there is no such event.
func (c *Scope) Matches(ctx context.Context, event webhook.ID, p Page) (*List[Match], error) {
	stored, err := c.EventsByID(ctx, []webhook.ID{event})
	if err != nil || stored[event] == nil {
		return nil, err
	}
	hooks, err := c.Webhooks(ctx, WebhookFilter{}, p)
	if err != nil {
		return nil, err
	}
	e := stored[event]
	deliveries, err := c.deliveriesTo(ctx, e, hooks.Items)
	if err != nil {
		return nil, err
	}
	all := &List[Match]{
		Items: make([]*Match, len(hooks.Items)), Times: hooks.Times, HasNext: hooks.HasNext, HasPrev: hooks.HasPrev,
		Start: hooks.Start, End: hooks.End, StartAt: hooks.StartAt, EndAt: hooks.EndAt, SearchedTo: hooks.SearchedTo,
	}
	for i, w := range hooks.Items {
		all.Items[i] = c.match(e, w, deliveries[w.ID])
	}
	return all, nil
}

// match says whether a webhook got an event, or why not. It got the delivery, if it is not nil.
func (c *Scope) match(e *webhook.Event, w *webhook.Webhook, d *webhook.Delivery) *Match {
	m := &Match{Webhook: w, Delivery: d, SettingsChangedSince: w.UpdatedAt.After(e.CreatedAt)}
	switch {
	case d != nil && d.Status == webhook.Held:
		m.Outcome = webhook.MatchHeld
	case d != nil:
		m.Outcome = webhook.MatchDelivered
	default:
		var reason string
		m.Outcome, reason = c.unmatched(e, w, m.SettingsChangedSince)
		m.Reason = &reason
	}
	return m
}

// unmatched says why there is no delivery of an event to a webhook, whose settings may have changed since it was published.
func (c *Scope) unmatched(e *webhook.Event, w *webhook.Webhook, changed bool) (is webhook.MatchOutcome, reason string) {
	to := c.s.routes.Get(w.ID)
	switch {
	case w.CreatedAt.After(e.CreatedAt):
		return webhook.MatchCreatedLater, "the webhook was created after the event was published"
	case e.Test:
		return webhook.MatchNotSubscribed, "a test event goes only to the webhook that is tested"
	case to == nil:
		return webhook.MatchNotSubscribed, "the webhook was deleted meanwhile"
	case !to.Subscribes(e.Type):
		return webhook.MatchNotSubscribed, to.Refusal(e)
	}
	if reason = to.Refusal(e); reason != "" {
		return webhook.MatchFiltered, reason
	}
	if !changed {
		return webhook.MatchDelivered, "the delivery is still to be made, because the event goes to many webhooks"
	}
	if is = webhook.MatchNotSubscribed; to.Filter != nil {
		is = webhook.MatchFiltered
	}
	return is, "the event matches the webhook's settings as they are now, which were changed after it was published"
}

// deliveriesTo reads the deliveries of an event to some webhooks, by webhook.
func (c *Scope) deliveriesTo(ctx context.Context, e *webhook.Event, hooks []*webhook.Webhook) (map[webhook.ID]*webhook.Delivery, error) {
	to := make(map[webhook.ID]*webhook.Delivery, len(hooks))
	if len(hooks) == 0 {
		return to, nil
	}
	ids := make([]webhook.ID, len(hooks))
	for i, w := range hooks {
		ids[i] = w.ID
	}
	var found []*webhook.Delivery
	of, day := c.s.db.Published("d.day", e.CreatedAt, e.CreatedAt)
	q := deliveryColumns(list.DeliveriesOfPair.Of(c.db(ctx), c.tenant)).Where("d.event_id = ? AND d.webhook_id IN ?"+of, append([]any{e.ID, ids}, day...)...)
	if err := q.Scan(&found).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	for _, d := range found {
		to[d.WebhookID] = d
	}
	return to, nil
}

// Trial is settings of a webhook and an event that are tried, without being stored.
type Trial struct {
	WebhookID *webhook.ID                   // the webhook whose settings are tried; nil: those that a new one has
	Events    webhook.Opt[[]string]         // instead of the webhook's
	Filter    webhook.Opt[[]byte]           // JSON, instead of the webhook's; nil or null: none
	Payload   webhook.Opt[*webhook.Payload] // instead of the webhook's; nil: the default
	EventID   *webhook.ID                   // a stored event; nil: none
	Event     *webhook.NewEvent             // another event instead; nil: none
}

// Tried is the result of a Trial.
type Tried struct {
	Target  *Target          // the webhook with the settings that were tried; it has no ID if it is a new one
	Payload *payload.Payload // its payload settings, or those that were tried; nil: the default
	Event   *webhook.Event   // nil: none was given. One that is not stored has a new ID
	Refusal string           // why the webhook does not get the event, in words; "": it gets it, or there is none
}

// computing is how many calls of Compute have a place at a time. A tenant has at most half of them.
const computing = 4

// Compute waits for a place for work that takes a processor for long, in turn with other tenants: however many calls of one wait, a call of
// another is next. The caller gives the place back with done. The error is ErrBusy, also if ctx ends first.
func (c *Scope) Compute(ctx context.Context) (done func(), err error) {
	done, err = c.s.places.Take(ctx, c.tenant, 1)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", webhook.ErrBusy, err)
	}
	return done, nil
}

// Try tells whether a webhook would get an event. The error joins an *Invalid for each broken rule.
func (c *Scope) Try(ctx context.Context, t Trial) (*Tried, error) {
	to, noWebhook := c.tried(&t)
	shape, noPayload := c.triedPayload(ctx, &t, to)
	e, noEvent := c.triedEvent(ctx, &t)
	if err := errors.Join(noWebhook, noPayload, noEvent); err != nil {
		return nil, err
	}
	tried := &Tried{Target: to, Payload: shape, Event: e}
	if e == nil {
		return tried, nil
	}
	if err := shape.Check(e); err != nil {
		return nil, webhook.Invalidf("payload.template", webhook.CodeTooLong, "must make a shorter body: %s", err)
	}
	tried.Refusal = to.Refusal(e)
	return tried, nil
}

// tried returns the webhook of a trial.
func (c *Scope) tried(t *Trial) (*Target, error) {
	to := &Target{Webhook: webhook.Webhook{TenantID: c.tenant, Enabled: true}}
	if t.WebhookID != nil {
		stored := c.s.routes.Get(*t.WebhookID)
		if stored == nil || stored.TenantID != c.tenant {
			return nil, &webhook.Invalid{Field: "webhookId", Code: webhook.CodeNotFound, Message: "does not exist"}
		}
		*to = *stored
	}
	if t.Events.Set {
		to.Events = t.Events.Value
	}
	if t.Filter.Set {
		to.Webhook.Filter = webhook.JSONText(t.Filter.Value)
	}
	to.Normalize()
	if t.Filter.Set {
		return to, errors.Join(to.CheckEvents(), to.Compile())
	}
	return to, to.CheckEvents()
}

// triedPayload returns the payload settings of a trial, compiled. The webhook is nil if it does not exist.
func (c *Scope) triedPayload(ctx context.Context, t *Trial, to *Target) (*payload.Payload, error) {
	switch {
	case t.Payload.Set:
		p := t.Payload.Value.Normal()
		if to != nil && p.CheckHeaders(to.Headers) != nil {
			return nil, webhook.Invalidf("payload.format", webhook.CodeNotAllowed, "must not be %s, because the webhook has custom headers that begin with ce-", p.Format)
		}
		return payload.Compile("payload", p)
	case to == nil || to.PayloadVersion == nil:
		return nil, nil
	}
	return c.s.Payload(ctx, c.tenant, *to.PayloadVersion)
}

// triedEvent returns the event of a trial; nil if there is none.
func (c *Scope) triedEvent(ctx context.Context, t *Trial) (*webhook.Event, error) {
	switch {
	case t.EventID != nil && t.Event != nil:
		return nil, &webhook.Invalid{Field: "event", Code: webhook.CodeConflict, Message: "must not be combined with eventId; give one of them"}
	case t.EventID != nil:
		stored, err := c.Lean(Lean{}).EventsByID(ctx, []webhook.ID{*t.EventID})
		if err == nil && stored[*t.EventID] == nil {
			err = &webhook.Invalid{Field: "eventId", Code: webhook.CodeNotFound, Message: "does not exist"}
		}
		return stored[*t.EventID], err
	case t.Event != nil:
		own := *t.Event // the caller's stays unchanged
		if err := own.Check("event.", c.s.opts.MaxDataBytes); err != nil {
			return nil, err
		}
		now := c.s.opts.Now().UTC().Truncate(time.Microsecond)
		return &webhook.Event{ID: webhook.NewID(now), TenantID: c.tenant, Type: own.Type, Tags: own.Tags, Data: own.Data, Timestamp: now, CreatedAt: now}, nil
	}
	return nil, nil
}

// MatchedOfRecent returns how many of the newest n events of types that the webhook subscribes to its filter matches. It may look at fewer,
// which of tells: it reads a bounded number of bytes.
func (c *Scope) MatchedOfRecent(ctx context.Context, to *Target, n int) (matched, of int, err error) {
	f := EventFilter{Subscribed: &Subscription{Webhook: to.ID, Events: to.Events}}
	return list.Matched(ctx, c.missingBy(ctx, f), n, to.Filter)
}
