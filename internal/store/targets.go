package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/payloads"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

func (s *Store) loadRoutes() error {
	all, err := s.readTargets(s.write, "deleted_at IS NULL")
	if err != nil {
		return err
	}
	s.routes.Change(all)
	return nil
}

// readTargets reads webhooks with their secrets and headers.
func (s *Store) readTargets(db *gorm.DB, where string, args ...any) (map[webhook.ID]*Target, error) {
	var webhooks []*webhook.Webhook
	// The metadata is not used here, so it is not kept in memory.
	if err := db.Omit("metadata").Where(where, args...).Order("seq").Find(&webhooks).Error; err != nil {
		return nil, fmt.Errorf("load webhooks: %w", err)
	}
	ids := make([]webhook.ID, len(webhooks))
	for i, w := range webhooks {
		ids[i] = w.ID
	}
	all := make(map[webhook.ID]*Target, len(webhooks))
	for from := 0; from < len(ids); from += readAtOnce {
		part := webhooks[from:min(from+readAtOnce, len(ids))]
		partIDs := ids[from:min(from+readAtOnce, len(ids))]
		secrets, err := s.loadSecrets(db, partIDs)
		if err != nil {
			return nil, fmt.Errorf("load secrets: %w", err)
		}
		headers, err := s.loadHeaders(db, partIDs)
		if err != nil {
			return nil, fmt.Errorf("load headers: %w", err)
		}
		for _, w := range part {
			to := &Target{Webhook: *w, Secrets: secrets[w.ID], Headers: headers[w.ID]}
			if err := to.CompileStored(); err != nil {
				s.log.Error("the stored filter of a webhook is not valid: it gets no events until its filter is set again", slog.Any("webhook", w.ID), slog.Any("error", err))
			}
			all[w.ID] = to
		}
	}
	return all, nil
}

// readAtOnce is the number of webhooks whose secrets one statement reads.
const readAtOnce = 500

// Target returns a webhook's latest committed snapshot; nil if it does not exist or is deleted. It does not wait for the database.
func (s *Store) Target(id webhook.ID) *Target { return s.routes.Get(id) }

// Owners returns the number of tenants that have webhooks. It does not wait for the database.
func (s *Store) Owners() int { return s.routes.Owners() }

// targetsDue lists webhooks with the time when their next unclaimed delivery is due. It looks it up only for those that have one, which it
// finds by skipping through the index: PostgreSQL has an index of each day, and most webhooks have nothing due in any.
const targetsDue = `WITH RECURSIVE due(webhook) AS (
		SELECT (SELECT d.webhook_id FROM deliveries d WHERE d.due_at IS NOT NULL ORDER BY d.webhook_id LIMIT 1)
		UNION ALL
		SELECT (SELECT d.webhook_id FROM deliveries d WHERE d.due_at IS NOT NULL AND d.webhook_id > due.webhook ORDER BY d.webhook_id LIMIT 1)
		FROM due WHERE due.webhook IS NOT NULL
	)
	SELECT w.id, CASE WHEN w.id IN (SELECT webhook FROM due WHERE webhook IS NOT NULL) THEN (%s) END
	FROM webhooks w WHERE w.deleted_at IS NULL ORDER BY w.seq`

// Targets lists every webhook that is not deleted, including disabled ones, with the time when its next unclaimed delivery is due:
// two index lookups for each that has one, however long the backlog.
func (s *Store) Targets(ctx context.Context) ([]TargetDue, error) {
	rows, err := s.read.WithContext(ctx).Raw(fmt.Sprintf(targetsDue, dialect.NextDue("w.id"))).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	var list []TargetDue
	for rows.Next() {
		var id webhook.ID
		var due *dialect.Micros
		if err := rows.Scan(&id, &due); err != nil {
			return nil, dialect.Unavailable(err)
		}
		if to := s.routes.Get(id); to != nil {
			list = append(list, TargetDue{Target: to, Due: dialect.MaybeTime(due)})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	return list, nil
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

// Refusal is an error of Options.CheckURL and CheckHeader that says more of what is wrong.
type Refusal interface {
	error
	TooLong() bool   // the value would be valid if it were shorter
	Forbidden() bool // it is valid, and not allowed
}

// refused returns an error of Options.CheckURL and CheckHeader in the form that callers see.
func refused(field string, err error) *webhook.Invalid {
	code := webhook.CodeInvalid
	if r, ok := errors.AsType[Refusal](err); ok {
		switch {
		case r.TooLong():
			code = webhook.CodeTooLong
		case r.Forbidden():
			code = webhook.CodeNotAllowed
		}
	}
	return &webhook.Invalid{Field: field, Code: code, Message: err.Error()}
}

// Claim claims up to n due deliveries of a webhook, the longest due first, whose sizes fit into maxBytes; one always fits. next is
// when the first remaining delivery is due, which may be in the past; nil if none remains. A disabled or deleted webhook has
// nothing to claim.
func (s *Store) Claim(ctx context.Context, id webhook.ID, n, maxBytes int) (claims []*Claimed, next *time.Time, err error) {
	var tenant webhook.ID
	if to := s.routes.Get(id); to != nil {
		tenant = to.TenantID
	}
	err = s.changeFor(ctx, tenant, n, func(b *batch) error {
		claims, next = nil, nil
		to := b.target(id)
		if to == nil || !to.Enabled || to.DeletedAt != nil {
			return nil
		}
		if claims, err = s.db.Claim(&b.Tx, to, n, maxBytes); err != nil {
			return fmt.Errorf("claim: %w", err)
		}
		b.tellClaims(claims)
		if next, err = s.db.NextDue(&b.Tx, to); err != nil {
			return fmt.Errorf("find next due: %w", err)
		}
		return nil
	})
	if err != nil {
		// A claim that was written nevertheless is void at the next start, and never lost.
		return nil, nil, err
	}
	return claims, next, nil
}

// Unclaim releases deliveries that were claimed and not attempted; they are due at once, or fail if their event has expired.
func (s *Store) Unclaim(ctx context.Context, claims []*Claimed) error {
	var lines []webhook.ID
	var left []leaving // what was canceled meanwhile leaves its line
	for _, claimed := range claims {
		if d := &claimed.Delivery; d.Line != nil {
			lines, left = append(lines, *d.Line), append(left, leaving{line: d.Line, webhook: d.WebhookID, failed: d.ExpiresAt != nil})
		}
	}
	return s.changeLines(ctx, webhook.ID{}, len(claims), lines, func(b *batch) error {
		for _, claimed := range claims {
			b.dueAt(claimed.Delivery.WebhookID, b.Now)
		}
		if err := s.db.Unclaim(&b.Tx, claims); err != nil {
			return fmt.Errorf("unclaim: %w", err)
		}
		b.tellClaims(claims)
		if err := b.giveUpReleased(claims); err != nil {
			return err
		}
		return b.advance(left)
	})
}

// tellClaims notes that deliveries are claimed, or no longer: what is claimed has no next attempt.
func (b *batch) tellClaims(claims []*Claimed) {
	if !b.s.telling() {
		return
	}
	for _, claimed := range claims {
		b.tellLater(claimed.Change(dialect.Owed, dialect.Owed))
	}
}

// Payload returns a version of a tenant's payload settings, compiled. Errors: webhook.ErrNotFound, webhook.ErrUnavailable.
func (s *Store) Payload(ctx context.Context, tenant webhook.ID, version int64) (*payload.Payload, error) {
	return s.shapes.Get(ctx, tenant, version)
}

// PayloadOf returns the payload settings that the attempt was made with, compiled; nil for the default. Errors are those of Store.Payload.
func (c *Scope) PayloadOf(ctx context.Context, a *webhook.Attempt) (*payload.Payload, error) {
	switch {
	case a.PayloadVersion == nil:
		return nil, nil
	case !c.has(a.TenantID):
		return nil, webhook.ErrNotFound
	}
	return c.s.shapes.Get(ctx, a.TenantID, *a.PayloadVersion)
}

// Payloads reads the payload settings of webhooks; those that have the default are missing from the map.
func (c *Scope) Payloads(ctx context.Context, webhooks []webhook.ID) (map[webhook.ID]*webhook.Payload, error) {
	named := map[webhook.ID]int64{}
	var versions []int64
	for _, id := range webhooks {
		if to := c.s.routes.Get(id); to != nil && c.has(to.TenantID) && to.PayloadVersion != nil {
			named[id] = *to.PayloadVersion
			versions = append(versions, *to.PayloadVersion)
		}
	}
	found := make(map[webhook.ID]*webhook.Payload, len(named))
	if len(named) == 0 {
		return found, nil
	}
	db := c.db(ctx)
	if !c.everyone {
		db = db.Where("tenant_id = ?", c.tenant)
	}
	settings, err := payloads.ByVersion(db, versions)
	for id, version := range named {
		found[id] = settings[version]
	}
	return found, err
}

const (
	payloadsEvery = 10 * time.Minute
	payloadsPiece = 100 // versions that one transaction removes at most
)

// PrunePayloads removes versions of payload settings that were replaced some time ago and that no pending delivery and no attempt names, and
// returns their number.
func (s *Store) PrunePayloads(ctx context.Context) (total int, err error) {
	before := s.opts.Now().Add(-payloads.Linger)
	for after, more := int64(0), true; more; more = after > 0 {
		var unused []int64
		if unused, after, err = payloads.Unused(s.read.WithContext(ctx), before, after, payloadsPiece); err != nil {
			return total, err
		}
		if len(unused) == 0 {
			continue
		}
		n := 0
		if err = s.changeDeliveries(ctx, func(b *batch) (err error) {
			n, err = payloads.Remove(b.DB, unused, before)
			return err
		}); err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

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
	case e.Type == webhook.TypeTest:
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
