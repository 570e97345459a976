package store

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/issues"
	"github.com/hookgraph/hookgraph/internal/store/ordering"
	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Record queues the result of an attempt, and blocks while the queue is full. The store writes it, retries while the database
// cannot be written, decides when the delivery is due again, disables a webhook that answers 410 or has failed for too long,
// publishes the operational events, and tells the Dispatcher. The error is the context's, or ErrUnavailable after Close: then the
// attempt is not recorded and will be made again.
func (s *Store) Record(ctx context.Context, r *Result) error {
	r.Span = r.Span.Record() //nolint:contextcheck // a span is caused by the one above it, not by the context
	err := s.queueResult(ctx, r)
	if err != nil {
		r.Span.Recorded(err)
	}
	return err
}

func (s *Store) queueResult(ctx context.Context, r *Result) error {
	select {
	case <-s.writer.quit:
		return webhook.ErrUnavailable
	default:
	}
	results := s.writer.results
	if r.Bytes() > largeResult {
		results = s.writer.large
	}
	select {
	case results <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.writer.quit:
		return webhook.ErrUnavailable
	}
}

// largeResult is the size in bytes from which results wait in a separate queue, so that writing them does not delay others.
const largeResult = 8 << 10

// record writes the batch's results. Results of deliveries that another node has claimed meanwhile are dropped (fencing).
func (b *batch) record() error {
	if len(b.results) == 0 {
		return nil
	}
	outcomes := make([]dialect.Outcome, len(b.results))
	for i, r := range b.results {
		outcomes[i] = b.decide(r, r.Claimed.Delivery.ScheduleStart)
	}
	held, err := b.s.db.Finish(&b.Tx, outcomes)
	if err != nil {
		return fmt.Errorf("finish deliveries: %w", err)
	}
	b.Attempts = make([]*webhook.Attempt, 0, len(outcomes))
	kept := outcomes[:0]
	var replayed replay.Outcomes
	var left []leaving
	for _, o := range outcomes {
		is, ok := held[o.Claimed.Delivery.Seq]
		if !ok {
			b.s.log.Warn("claim lost; attempt dropped", slog.Any("delivery", o.Claimed.Delivery.ID), slog.Any("tenant", o.Claimed.Delivery.TenantID))
			continue
		}
		delete(held, o.Claimed.Delivery.Seq) // the same claim cannot be finished twice
		o.Status = is.Status
		if is.Start != o.Claimed.Delivery.ScheduleStart && (is.Status == webhook.Pending || is.Status == webhook.DeliveryFailed) {
			if err := b.decideAgain(&o, is.Start); err != nil {
				return err
			}
		}
		kept = append(kept, o)
		if d := &o.Claimed.Delivery; d.Line != nil && o.Status != webhook.Pending {
			left = append(left, leaving{d.Line, d.WebhookID, o.Status == webhook.DeliveryFailed})
		}
		a := b.attempt(o.Result)
		b.Attempts = append(b.Attempts, a)
		b.countOutcome(&o, is, a)
		if is.Was == webhook.Canceled && is.Status != webhook.Canceled { // which the attempt does not say
			b.tellLater(o.Claimed.Change(dialect.StatusesOf(is.Was), dialect.StatusesOf(is.Status)))
		}
		replayed.Attempted(is.Replay, &o.Claimed.Delivery, o.Status, o.Status != webhook.Pending && is.Was == webhook.Pending)
	}
	if len(kept) == 0 {
		return nil
	}
	day := func(i int) time.Time { return kept[i].Claimed.Event.CreatedAt }
	first, err := b.s.db.Insert(&b.Tx, dialect.AttemptsTable, len(b.Attempts), day, func(p *dialect.Params, i int) { addAttempt(p, b.Attempts[i]) })
	if err != nil {
		return fmt.Errorf("insert attempts: %w", err)
	}
	for i, a := range b.Attempts {
		a.Seq = first + int64(i)
	}
	if err := b.leaveReplays(&replayed, nil); err != nil {
		return err
	}
	if err := b.advance(left); err != nil {
		return err
	}
	return b.consequences(kept)
}

// lockLines locks, before anything else, the lines that the transaction's deliveries enter or leave, as far as that is known then.
func (b *batch) lockLines() error {
	b.locked = nil
	return b.s.db.LockLines(&b.Tx, func() []webhook.ID {
		b.locked = map[webhook.ID]bool{}
		for _, r := range b.results {
			if line := r.Claimed.Delivery.Line; line != nil {
				b.locked[*line] = true
			}
		}
		var targets []*Target
		lock := func(e *webhook.Event) {
			for _, to := range targets {
				if line := dialect.LineOf(to, e); line != nil {
					b.locked[*line] = true
				}
			}
		}
		for _, p := range b.publish {
			for _, in := range p.events[p.from:p.to] {
				if in.event.OrderingKey != nil && !in.later && b.s.routes.Ordered(p.tenant) {
					targets = b.candidates(targets[:0], in)
					lock(&in.event)
				}
			}
		}
		for _, p := range b.pieces {
			if p.OrderingKey != nil {
				targets = b.s.routes.After(targets[:0], p.TenantID, p.Event.Type, p.AfterWebhook, p.LastWebhook, p.N)
				lock(p.Event)
			}
		}
		for _, c := range b.changes {
			for _, line := range c.lines {
				b.locked[line] = true
			}
		}
		return slices.Collect(maps.Keys(b.locked))
	})
}

// lockMore locks lines that were not known at the start of the transaction.
func (b *batch) lockMore(lines []webhook.ID) error {
	return b.s.db.LockLines(&b.Tx, func() []webhook.ID {
		return slices.DeleteFunc(slices.Clone(lines), func(line webhook.ID) bool { return b.locked[line] })
	})
}

// leaving is a line whose head may have ended.
type leaving struct {
	line    *webhook.ID // nil: none
	webhook webhook.ID
	failed  bool
}

// advance promotes the next deliveries of the lines. What waits for a deleted webhook is canceled instead.
func (b *batch) advance(of []leaving) error {
	var lines []ordering.Leaving
	var ids []webhook.ID
	for _, l := range of {
		if l.line == nil {
			continue
		}
		if to := b.living(l.webhook); to != nil {
			lines = append(lines, ordering.Leaving{Line: *l.line, Failed: l.failed, Hold: to.Holds()})
			ids = append(ids, *l.line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if err := b.lockMore(ids); err != nil {
		return err
	}
	heads, err := ordering.Advance(&b.Tx, b.s.db, lines)
	for i := range heads {
		b.dueAt(heads[i].WebhookID, heads[i].DueAt.Time())
		b.tellLater(heads[i].Change())
	}
	return err
}

// attempt completes the attempt's row.
func (b *batch) attempt(r *Result) *webhook.Attempt {
	a, d := r.Attempt, &r.Claimed.Delivery // a copy: the batch may be written again
	a.ID, a.TenantID, a.WebhookID, a.DeliveryID, a.EventID = webhook.NewID(b.Now), d.TenantID, d.WebhookID, d.ID, d.EventID
	a.Number, a.ReplayID, a.EventType, a.PayloadVersion = d.AttemptCount+1, d.ReplayID, r.Claimed.Event.Type, d.PayloadVersion
	a.StartedAt = a.StartedAt.UTC().Truncate(time.Microsecond)
	return &a
}

// addAttempt adds the columns of attemptsTable.
func addAttempt(p *dialect.Params, a *webhook.Attempt) {
	p.ID(&a.ID)
	p.ID(&a.TenantID)
	p.ID(&a.WebhookID)
	p.ID(&a.DeliveryID)
	p.ID(&a.EventID)
	p.Int(int64(a.Number))
	p.Text(string(a.Status))
	if a.Error == nil {
		p.Null()
	} else {
		p.Text(string(*a.Error))
	}
	p.Text(a.Message)
	p.Text(string(a.Trigger))
	p.Time(a.StartedAt)
	p.Int(a.DurationUs)
	p.Int(a.DNSUs)
	p.Int(a.ConnectUs)
	p.Int(a.TLSUs)
	p.Int(a.FirstByteUs)
	p.Text(a.URL)
	p.Text(string(a.RequestHeaders))
	p.Blob(a.SignedBy)
	if a.ResponseStatus == nil {
		p.Null()
	} else {
		p.Int(int64(*a.ResponseStatus))
	}
	p.Text(string(a.ResponseHeaders))
	p.Blob(a.ResponseBody)
	p.Bool(a.ResponseTruncated)
	p.MaybeID(a.ReplayID)
	p.MaybeInt(a.PayloadVersion)
}

// decideAgain applies the retry rules to a delivery whose schedule was restarted during its attempt, which the claim does not know.
func (b *batch) decideAgain(o *dialect.Outcome, start int) error {
	*o = b.decide(o.Result, start)
	var reason *webhook.FailureReason
	if o.Status == webhook.DeliveryFailed {
		reason = &o.Reason
	}
	of, day := b.s.dayOf(o.Claimed.Event.ID)
	err := b.DB.Exec("UPDATE deliveries SET status = ?, due_at = ?, completed_at = ?, failure_reason = ? WHERE seq = ?"+of,
		append([]any{o.Status, dialect.MaybeAt(o.Due), dialect.MaybeAt(o.Completed), reason, o.Claimed.Delivery.Seq}, day...)...).Error
	if err != nil {
		return fmt.Errorf("restart schedule: %w", err)
	}
	return nil
}

// decide applies the retry rules to a result of a delivery whose schedule began after start attempts.
func (b *batch) decide(r *Result, start int) dialect.Outcome {
	o := dialect.Outcome{Result: r, Status: webhook.Pending}
	d := &r.Claimed.Delivery
	now := b.Now
	switch {
	case r.Attempt.Status == webhook.AttemptSucceeded:
		o.Status, o.Completed = webhook.DeliverySucceeded, &now
	case d.Trigger == webhook.TriggerTest || r.Claimed.Event.Test:
		o.Status, o.Completed, o.Reason = webhook.DeliveryFailed, &now, webhook.FailureRetriesExhausted
	default:
		target := r.Claimed.Target
		if latest := b.target(d.WebhookID); latest != nil {
			target = latest
		}
		if !target.Retries(r.Attempt.ResponseStatus) {
			o.Status, o.Completed, o.Reason = webhook.DeliveryFailed, &now, webhook.FailureStatus
			break
		}
		next, ok := target.Schedule().Next(d.AttemptCount+1-start, now, r.RetryAfter)
		switch at := d.ExpiresAt; {
		case !ok:
			o.Status, o.Completed, o.Reason = webhook.DeliveryFailed, &now, webhook.FailureRetriesExhausted
		case at != nil && !next.Before(*at):
			o.Status, o.Completed, o.Reason = webhook.DeliveryFailed, &now, webhook.FailureExpired
		default:
			o.Due = &next
		}
	}
	return o
}

// consequences tells the sender of retries, updates the webhooks' health, and adds notices for operational events. Operational
// events themselves cause neither: otherwise events about failures could cause each other.
func (b *batch) consequences(outcomes []dialect.Outcome) error {
	var told notices
	var health webhookHealth
	var grouped issues.Noted
	for i := range outcomes {
		o := &outcomes[i]
		if o.Status == webhook.Pending && o.Due != nil {
			b.dueAt(o.Claimed.Delivery.WebhookID, *o.Due)
		}
		own := webhook.Operational(o.Claimed.Event.Type) || o.Claimed.Event.Test
		if to := b.target(o.Claimed.Delivery.WebhookID); o.Status == webhook.DeliveryFailed && !own && to != nil && to.DeletedAt == nil {
			told.add(to, webhook.TypeDeliveryFailed, failedDelivery{
				DeliveryID: o.Claimed.Delivery.ID, EventID: o.Claimed.Delivery.EventID, EventType: o.Claimed.Event.Type,
				AttemptCount: o.Claimed.Delivery.AttemptCount + 1, FailureReason: o.Reason,
			})
		}
		disabled, err := health.note(b, o)
		if err != nil {
			return err
		}
		if health.recovered || disabled != nil {
			grouped.Ended(o.Claimed.Delivery.WebhookID)
		}
		if to := health.revived; to != nil {
			grouped.Enabled(to.ID)
			if err := b.revived(to); err != nil {
				return err
			}
		}
		b.group(&grouped, o, b.Attempts[i].ID, own, disabled != nil)
		if disabled != nil {
			b.disabled = append(b.disabled, disabled)
			changes := []webhook.AuditChange{
				{Field: "enabled", Before: webhook.AuditValue(true), After: webhook.AuditValue(false)},
				{Field: "disabledReason", After: webhook.AuditValue(disabled.DisabledReason)},
			}
			if err := b.audit(&webhook.Actor{}, &disabled.TenantID, webhook.AuditWebhookDisabled, disabled.ID, changes); err != nil {
				return err
			}
		}
		if disabled != nil && !own {
			told.add(disabled, webhook.TypeWebhookDisabled, disabledWebhook{URL: disabled.URL, Reason: *disabled.DisabledReason})
		}
	}
	if err := health.write(b); err != nil {
		return err
	}
	opened, resolved, err := grouped.Write(&b.Tx, b.s.db)
	if err != nil {
		return err
	}
	b.tellIssues(opened)
	b.tellIssues(resolved)
	told.tellFailing(b, opened, resolved)
	return b.note(told)
}

// revived follows a probe that enabled a webhook.
func (b *batch) revived(to *Target) error {
	b.enabled = append(b.enabled, to)
	b.dueAt(to.ID, b.Now)
	return b.audit(&webhook.Actor{}, &to.TenantID, webhook.AuditWebhookEnabled, to.ID, []webhook.AuditChange{
		{Field: "enabled", Before: webhook.AuditValue(false), After: webhook.AuditValue(true)},
		{Field: "disabledReason", Before: webhook.AuditValue(webhook.DisabledFailing)},
	})
}

// group adds a failure to the webhook's issues, whose health is known. Operational events and tests, which are the webhook's own, count only if they
// disabled it.
func (b *batch) group(to *issues.Noted, o *dialect.Outcome, attempt webhook.ID, own, disabled bool) {
	d := &o.Claimed.Delivery
	is := b.target(d.WebhookID)
	if o.Attempt.Status == webhook.AttemptSucceeded || is == nil || is.DeletedAt != nil {
		return
	}
	f := &issues.Failure{Tenant: d.TenantID, Webhook: d.WebhookID, Attempt: attempt, HTTPStatus: o.Attempt.ResponseStatus, First: d.AttemptCount == 0}
	if o.Attempt.Error != nil {
		f.Error = *o.Attempt.Error
	}
	if disabled {
		to.Failed(webhook.IssueDisabled, f)
	}
	if own {
		return
	}
	if is.Enabled {
		to.Failed(webhook.IssueFailing, f)
	}
	if o.Status == webhook.DeliveryFailed {
		to.Failed(webhook.IssueExhausted, f)
	}
}

// tellIssues tells that issues have changed.
func (b *batch) tellIssues(turned []issues.Turned) {
	told := map[webhook.ID]bool{}
	for i := range turned {
		if t := &turned[i]; !told[t.TenantID] {
			told[t.TenantID] = true
			b.tellLater(Change{Tenant: t.TenantID, Issues: true})
		}
	}
}

// webhookHealth collects a transaction's changes of webhooks' health, and is written in one statement.
type webhookHealth struct {
	locked    bool
	changed   map[webhook.ID]*Target
	recovered bool    // the last outcome ended the failures of its webhook
	revived   *Target // the webhook that the last outcome, of a probe, enabled
}

// note records whether the webhook fails, and disables it if it answered 410 or has failed for too long. It returns the webhook if
// it was disabled now.
func (c *webhookHealth) note(b *batch, o *dialect.Outcome) (*Target, error) {
	c.recovered, c.revived = false, nil
	to := b.target(o.Claimed.Delivery.WebhookID)
	if !b.changesHealth(to, o) {
		return nil, nil
	}
	if !c.locked {
		if err := b.s.db.LockTargets(&b.Tx); err != nil {
			return nil, err
		}
		c.locked, c.changed = true, map[webhook.ID]*Target{}
		if to = b.target(o.Claimed.Delivery.WebhookID); !b.changesHealth(to, o) {
			return nil, nil
		}
	}
	next := *to
	switch ok := o.Attempt.Status == webhook.AttemptSucceeded; {
	case !to.Enabled && ok:
		next.Enable()
		c.revived = &next
	case !to.Enabled: // gone: it asks for no more
		next.ProbeAt = nil
	case ok:
		next.FailingSince, c.recovered = nil, true
	case o.Gone:
		next.Disable(webhook.DisabledGone, b.Now)
	case to.FailingSince == nil:
		started := o.Attempt.StartedAt.UTC().Truncate(time.Microsecond)
		next.FailingSince = &started
	default:
		next.Disable(webhook.DisabledFailing, b.Now)
	}
	c.changed[next.ID] = &next
	if next.Enabled == to.Enabled {
		b.noteTarget(&next) // the sender does not need to know
		return nil, nil
	}
	next.Touch(b.Now)
	b.setTarget(&next)
	if next.Enabled {
		return nil, nil
	}
	return &next, nil
}

var healthColumns = []dialect.Column{
	{Name: "id", Kind: "uuid"},
	{Name: "failing_since", Kind: "timestamptz"},
	{Name: "enabled", Kind: "boolean"},
	{Name: "disabled_reason", Kind: "text"},
	{Name: "disabled_at", Kind: "timestamptz"},
	{Name: "updated_at", Kind: "timestamptz"},
	{Name: "probe_at", Kind: "timestamptz"},
	{Name: "probes", Kind: "bigint"},
}

// write writes the changes.
func (c *webhookHealth) write(b *batch) error {
	if len(c.changed) == 0 {
		return nil
	}
	rows := make([][]any, 0, len(c.changed))
	for _, to := range c.changed {
		rows = append(rows, []any{
			to.ID, dialect.MaybeAt(to.FailingSince), to.Enabled, to.DisabledReason, dialect.MaybeAt(to.DisabledAt), dialect.At(to.UpdatedAt),
			dialect.MaybeAt(to.ProbeAt), to.Probes,
		})
	}
	err := b.DB.Exec(`UPDATE webhooks SET failing_since = v.failing_since, enabled = v.enabled, disabled_reason = v.disabled_reason,
		disabled_at = v.disabled_at, updated_at = v.updated_at, probe_at = v.probe_at, probes = v.probes FROM `+b.s.db.Rows(healthColumns)+` AS v WHERE webhooks.id = v.id`,
		string(dialect.CompactJSON(rows))).Error
	if err != nil {
		return fmt.Errorf("write health of %d webhooks: %w", len(rows), err)
	}
	return nil
}

// changesHealth reports whether the outcome changes the webhook's recorded health.
func (b *batch) changesHealth(to *Target, o *dialect.Outcome) bool {
	switch {
	case to == nil || to.DeletedAt != nil:
		return false
	case !to.Enabled:
		return o.Claimed.Event.Type == webhook.TypeProbe && to.Probed() && (o.Attempt.Status == webhook.AttemptSucceeded || o.Gone && to.ProbeAt != nil)
	case o.Attempt.Status == webhook.AttemptSucceeded:
		return to.FailingSince != nil
	}
	return to.FailingSince == nil || o.Gone || b.Now.Sub(*to.FailingSince) >= webhook.FailingLimit
}
