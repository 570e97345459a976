package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
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

// secretRow is a signing secret, sealed.
type secretRow struct {
	ID        webhook.ID `gorm:"primaryKey"`
	TenantID  webhook.ID
	WebhookID webhook.ID
	Scheme    webhook.Scheme
	KeyID     string
	Sealed    []byte
	CreatedAt time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	ExpiresAt *time.Time `gorm:"serializer:micros"`
}

// TableName implements gorm's Tabler.
func (secretRow) TableName() string { return "secrets" }

func (r *secretRow) part() (keyID string, sealed []byte, key any) { return r.KeyID, r.Sealed, r.ID }

// associated implements sealedRow.
func (r *secretRow) associated() []byte { return slices.Concat(r.TenantID[:], r.WebhookID[:], r.ID[:]) }

// loadSecrets opens the active secrets of the webhooks, newest first; of all webhooks if ids is nil.
func (s *Store) loadSecrets(db *gorm.DB, ids []webhook.ID) (map[webhook.ID][]*webhook.Secret, error) {
	var rows []*secretRow
	q := db.Where("(expires_at IS NULL OR expires_at > ?)", dialect.At(time.Now()))
	if ids != nil {
		q = q.Where("webhook_id IN ?", ids)
	}
	if err := q.Order("expires_at IS NOT NULL, created_at DESC").Find(&rows).Error; err != nil {
		return nil, err
	}
	secrets := map[webhook.ID][]*webhook.Secret{}
	for _, row := range rows {
		secret := &webhook.Secret{
			ID: row.ID, TenantID: row.TenantID, WebhookID: row.WebhookID, Scheme: row.Scheme,
			CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
		}
		key, err := s.keys.Open(row.KeyID, row.Sealed, row.associated())
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", secret, err)
		}
		secret.SetKey(key)
		secrets[row.WebhookID] = append(secrets[row.WebhookID], secret)
	}
	return secrets, nil
}

func (b *batch) addSecret(secret *webhook.Secret) error {
	key, err := b.sealer()
	if err != nil {
		return err
	}
	row := &secretRow{
		ID: secret.ID, TenantID: secret.TenantID, WebhookID: secret.WebhookID, Scheme: secret.Scheme,
		KeyID: key.ID, CreatedAt: secret.CreatedAt, ExpiresAt: secret.ExpiresAt,
	}
	row.Sealed = key.Seal(secret.Key, row.associated())
	if err := b.DB.Create(row).Error; err != nil {
		return fmt.Errorf("insert secret: %w", err)
	}
	return nil
}

// maxSecrets limits the active secrets of a webhook, however often a caller rotates; the oldest are dropped first.
const maxSecrets = 5

// newSecret returns a secret with the key; nil: a random one.
func newSecret(tenant, id webhook.ID, scheme webhook.Scheme, key []byte, now time.Time) *webhook.Secret {
	if key == nil {
		return webhook.NewSecret(tenant, id, scheme, now)
	}
	return webhook.ImportSecret(tenant, id, key, now)
}

// rotateSecret adds a secret and lets the others expire after the overlap, or earlier if they would anyway.
func (b *batch) rotateSecret(to *Target, r webhook.Rotation, now time.Time) (*webhook.Secret, []*webhook.Secret, error) {
	scheme := r.Scheme
	if scheme == "" {
		scheme = webhook.SchemeHMAC
		if len(to.Secrets) > 0 && r.Secret == nil {
			scheme = to.Secrets[0].Scheme
		}
	}
	key, err := r.Secret.Key(scheme)
	if err != nil {
		return nil, nil, err
	}
	if key != nil && slices.ContainsFunc(to.Secrets, func(s *webhook.Secret) bool { return s.Active(now) && s.Has(key) }) {
		return nil, nil, &webhook.Invalid{Field: "secret", Code: webhook.CodeConflict, Message: "is a secret of the webhook already"}
	}
	secret := newSecret(to.TenantID, to.ID, scheme, key, now)
	if err := b.addSecret(secret); err != nil {
		return nil, nil, err
	}
	end := now.Add(r.Overlap)
	all := []*webhook.Secret{secret}
	for _, old := range to.Secrets {
		s := *old
		if s.ExpiresAt == nil || s.ExpiresAt.After(end) {
			s.ExpiresAt = &end
		}
		if !s.Active(now) || len(all) == maxSecrets {
			if err := b.DB.Where("id = ? AND tenant_id = ?", s.ID, s.TenantID).Delete(&secretRow{}).Error; err != nil {
				return nil, nil, fmt.Errorf("delete secret: %w", err)
			}
			continue
		}
		if err := b.DB.Exec("UPDATE secrets SET expires_at = ? WHERE id = ? AND tenant_id = ?", dialect.At(*s.ExpiresAt), s.ID, s.TenantID).Error; err != nil {
			return nil, nil, fmt.Errorf("expire secret: %w", err)
		}
		all = append(all, &s)
	}
	return secret, all, nil
}

// Secrets lists the webhooks' active secrets, newest first.
func (c *Scope) Secrets(_ context.Context, webhooks []webhook.ID) (map[webhook.ID][]*webhook.Secret, error) {
	now := time.Now()
	secrets := make(map[webhook.ID][]*webhook.Secret, len(webhooks))
	for _, id := range webhooks {
		if to := c.s.routes.Get(id); to != nil && c.has(to.TenantID) {
			secrets[id] = slices.DeleteFunc(slices.Clone(to.Secrets), func(s *webhook.Secret) bool { return !s.Active(now) })
		}
	}
	return secrets, nil
}

// pruneSecrets is how many secrets one transaction of PruneSecrets removes at most.
const pruneSecrets = 100

// PruneSecrets removes the secrets whose overlap has ended, some in each transaction, and returns their number.
func (s *Store) PruneSecrets(ctx context.Context) (int, error) {
	total := 0
	for p := newWebhookPacer(s); ; {
		var gone []*secretRow
		most := 0
		err := p.piece(ctx, webhook.ID{}, pruneSecrets, func(b *batch, n int) (int, error) {
			gone, most = nil, n
			if err := b.DB.Select("id", "webhook_id").Where("expires_at <= ?", dialect.At(b.Now)).Limit(n).Find(&gone).Error; err != nil {
				return 0, fmt.Errorf("find expired secrets: %w", err)
			}
			if len(gone) == 0 {
				return 0, nil
			}
			ids := make([]webhook.ID, len(gone))
			for i, row := range gone {
				ids[i] = row.ID
				if to := b.target(row.WebhookID); to != nil && to.DeletedAt == nil {
					next := *to
					next.Secrets = slices.DeleteFunc(slices.Clone(to.Secrets), func(s *webhook.Secret) bool { return s.ID == row.ID })
					b.setTarget(&next)
				}
			}
			if err := b.DB.Where("id IN ?", ids).Delete(&secretRow{}).Error; err != nil {
				return 0, fmt.Errorf("delete expired secrets: %w", err)
			}
			return len(gone), nil
		})
		if err != nil {
			return total, err
		}
		if total += len(gone); len(gone) < most {
			return total, nil
		}
	}
}

// headersRow is a webhook's custom headers, sealed together, because any value may be a credential.
type headersRow struct {
	WebhookID webhook.ID `gorm:"primaryKey"`
	TenantID  webhook.ID
	KeyID     string
	Sealed    []byte
}

// TableName implements gorm's Tabler.
func (headersRow) TableName() string { return "webhook_headers" }

func (r *headersRow) part() (keyID string, sealed []byte, key any) {
	return r.KeyID, r.Sealed, r.WebhookID
}

// associated implements sealedRow; the prefix distinguishes it from a secret's.
func (r *headersRow) associated() []byte {
	return slices.Concat(r.TenantID[:], r.WebhookID[:], []byte("headers"))
}

// setHeaders applies all rules, including the egress policy. The error consists of *Invalid.
func (s *Store) setHeaders(old []*webhook.CustomHeader, set []*webhook.NewHeader) ([]*webhook.CustomHeader, error) {
	headers, err := webhook.SetHeaders(old, set)
	if err != nil || s.opts.CheckHeader == nil {
		return headers, err
	}
	var errs []error
	for i, h := range headers {
		if err := s.opts.CheckHeader(h.Name, h.Value); err != nil {
			errs = append(errs, refused("headers."+strconv.Itoa(i), err))
		}
	}
	return headers, errors.Join(errs...)
}

// putHeaders replaces the webhook's headers.
func (b *batch) putHeaders(w *webhook.Webhook, headers []*webhook.CustomHeader) error {
	if err := b.DB.Where("webhook_id = ? AND tenant_id = ?", w.ID, w.TenantID).Delete(&headersRow{}).Error; err != nil {
		return fmt.Errorf("delete headers: %w", err)
	}
	if len(headers) == 0 {
		return nil
	}
	key, err := b.sealer()
	if err != nil {
		return err
	}
	text, err := json.Marshal(headers)
	if err != nil {
		return fmt.Errorf("write headers: %w", err)
	}
	row := &headersRow{WebhookID: w.ID, TenantID: w.TenantID, KeyID: key.ID}
	row.Sealed = key.Seal(text, row.associated())
	if err := b.DB.Create(row).Error; err != nil {
		return fmt.Errorf("insert headers: %w", err)
	}
	return nil
}

// loadHeaders opens the custom headers of the webhooks, in their order; of all webhooks if ids is nil.
func (s *Store) loadHeaders(db *gorm.DB, ids []webhook.ID) (map[webhook.ID][]*webhook.CustomHeader, error) {
	var rows []*headersRow
	q := db
	if ids != nil {
		q = q.Where("webhook_id IN ?", ids)
	}
	if err := q.Find(&rows).Error; err != nil {
		return nil, err
	}
	all := map[webhook.ID][]*webhook.CustomHeader{}
	for _, row := range rows {
		text, err := s.keys.Open(row.KeyID, row.Sealed, row.associated())
		if err != nil {
			return nil, fmt.Errorf("open headers of webhook %s: %w", row.WebhookID, err)
		}
		var headers []*webhook.CustomHeader
		if json.Unmarshal(text, &headers) != nil { // drop the error, which would quote a value
			return nil, fmt.Errorf("headers of webhook %s cannot be read", row.WebhookID)
		}
		all[row.WebhookID] = headers
	}
	return all, nil
}

// Headers lists the webhooks' custom headers, in the order in which they were set.
func (c *Scope) Headers(_ context.Context, webhooks []webhook.ID) (map[webhook.ID][]*webhook.CustomHeader, error) {
	headers := make(map[webhook.ID][]*webhook.CustomHeader, len(webhooks))
	for _, id := range webhooks {
		if to := c.s.routes.Get(id); to != nil && c.has(to.TenantID) {
			headers[id] = to.Headers
		}
	}
	return headers, nil
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
