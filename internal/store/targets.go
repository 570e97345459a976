package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/inspect"
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

// readTargets reads webhooks with their secrets, headers and authentications.
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
		authentications, err := s.loadAuthentications(db, partIDs)
		if err != nil {
			return nil, fmt.Errorf("load authentications: %w", err)
		}
		for _, w := range part {
			to := &Target{Webhook: *w, Secrets: secrets[w.ID], Headers: headers[w.ID], Authentication: authentications[w.ID]}
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

// Targets lists every webhook that is not deleted, including disabled ones, with the time, by this clock, when its next unclaimed delivery is due:
// two index lookups for each that has one, however long the backlog.
func (s *Store) Targets(ctx context.Context) ([]TargetDue, error) {
	list, err := s.storedTargets(ctx)
	for i, t := range list {
		if t.Due != nil {
			list[i].Due = new(s.here(*t.Due))
		}
	}
	return list, err
}

// storedTargets is Targets with the times as they are stored.
func (s *Store) storedTargets(ctx context.Context) ([]TargetDue, error) {
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
	if next != nil {
		next = new(s.here(*next))
	}
	return claims, next, nil
}

// How much this process's clock and the database's may differ.
const (
	clocksAgree = time.Second      // until that is counted
	clocksApart = inspect.WarnSkew // until that is told, as by hookgraph doctor
)

// clocks compares this process's clock with the database's. The zero value has compared nothing yet.
type clocks struct {
	ahead atomic.Int64 // how far this process's was ahead in the last transaction, in nanoseconds; see aheadOf
	apart bool         // they are, and that was told; owned by the writer's goroutine
}

// compare notes what a transaction has shown of the clocks, see aheadOf, and tells once when they are apart, and when they are not any more.
// What takes long shows too little for the latter.
func (c *clocks) compare(log *slog.Logger, from, to, database time.Time) {
	ahead := aheadOf(from, to, database)
	c.ahead.Store(int64(ahead))
	switch {
	case !c.apart && ahead.Abs() >= clocksApart:
		c.apart = true
		log.Warn("the clocks of this host and of the database differ; synchronize them", slog.String("ahead", ahead.Round(time.Second).String()))
	case c.apart && max(from.Sub(database).Abs(), to.Sub(database).Abs()) < clocksApart/2:
		c.apart = false
		log.Info("the clocks of this host and of the database agree again")
	}
}

// aheadOf is how far this process's clock is at least ahead of the database's, which told its time between from and to: however long a transaction
// waits for its turn, that alone is no difference.
func aheadOf(from, to, database time.Time) time.Duration {
	ahead := max(from.Sub(database), 0) + min(to.Sub(database), 0)
	if ahead.Abs() < clocksAgree {
		return 0
	}
	return ahead
}

// here is a time of the database's clock by this process's: deliveries are due by the former, and the sender waits by the latter.
func (s *Store) here(at time.Time) time.Time { return at.Add(time.Duration(s.clocks.ahead.Load())) }

// Now is the time by the database's clock, as of the last transaction: deliveries end, and replays begin, by that.
func (s *Store) Now() time.Time { return s.opts.Now().Add(-time.Duration(s.clocks.ahead.Load())) }

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
