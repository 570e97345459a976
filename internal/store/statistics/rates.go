package statistics

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Webhooks are listed by the share of their attempts that failed. It also changes as time passes, so it is a column of stats_webhooks
// that is calculated at intervals.

// RateFor is the period that failure rates cover, in addition to the current hour.
const RateFor = 24 * time.Hour

// MaxRate is the failure rate of a webhook whose attempts all failed.
const MaxRate = 1_000_000

// rated is the number of webhooks that one step examines.
const rated = 500

// Rater calculates failure rates.
type Rater struct {
	DB   dialect.DB
	Read *gorm.DB
	// Change runs a transaction.
	Change func(ctx context.Context, do func(b *dialect.Tx) error) error
}

// failing is a webhook with failures in the period, or with an earlier rate.
type failing struct {
	Webhook     int64
	TenantID    webhook.ID
	FailureRate int64
}

// Rate calculates the failure rates of all webhooks, some in each transaction. Those without a failure are 0.
func (r *Rater) Rate(ctx context.Context, now time.Time) error {
	hour := now.Truncate(time.Hour)
	from, to := hour.Add(-RateFor), hour.Add(time.Hour)
	for after := int64(0); ; {
		var some []failing
		err := r.Read.WithContext(ctx).Raw(`SELECT webhook, tenant_id, failure_rate FROM stats_webhooks WHERE webhook > ? AND (failed_at >= ? OR failure_rate > 0)
			ORDER BY webhook LIMIT ?`, after, from.UnixMicro(), rated).Scan(&some).Error
		if err != nil {
			return dialect.Unavailable(err)
		}
		if len(some) == 0 {
			return nil
		}
		after = some[len(some)-1].Webhook
		changed, err := r.changed(ctx, some, from, to)
		if err != nil {
			return err
		}
		if len(changed) == 0 {
			continue
		}
		if err := r.Change(ctx, func(b *dialect.Tx) error { return r.write(b, changed) }); err != nil {
			return err
		}
	}
}

// changed has the rates that differ from the stored ones: each a webhook and its rate.
func (r *Rater) changed(ctx context.Context, some []failing, from, to time.Time) ([][]any, error) {
	q := Query{From: from.Unix() / 60, To: to.Unix() / 60, By: ByWebhook}
	for _, w := range some {
		q.Webhooks = append(q.Webhooks, w.Webhook)
		if !slices.Contains(q.Tenants, w.TenantID) {
			q.Tenants = append(q.Tenants, w.TenantID)
		}
	}
	found, err := Read(r.Read.WithContext(ctx), r.DB, nil, q)
	if err != nil {
		return nil, err
	}
	var changed [][]any
	for _, w := range some {
		if rate := rateOf(found.Groups[Group{Webhook: w.Webhook}][0]); rate != w.FailureRate {
			changed = append(changed, []any{w.Webhook, rate})
		}
	}
	return changed, nil
}

// rateOf is the share of attempts that failed, in millionths: at least one if any did.
func rateOf(c *stats.Counts) int64 {
	if c == nil {
		return 0
	}
	succeeded, failed := c.Attempts()
	if failed == 0 {
		return 0
	}
	return max(MaxRate*failed/(succeeded+failed), 1)
}

// write writes the rates, unless a fold is running, which writes to the same rows; then the next run writes them.
func (r *Rater) write(b *dialect.Tx, rates [][]any) error {
	var free []int
	if err := b.DB.Raw("SELECT 1 FROM stats_fold" + r.DB.SkipLocked("stats_fold")).Scan(&free).Error; err != nil || len(free) == 0 {
		return err
	}
	err := b.DB.Exec("UPDATE stats_webhooks SET failure_rate = v.rate FROM "+r.DB.Rows([]dialect.Column{{Name: "hook", Kind: "bigint"}, {Name: "rate", Kind: "bigint"}})+
		" AS v WHERE stats_webhooks.webhook = v.hook", string(dialect.CompactJSON(rates))).Error
	if err != nil {
		return fmt.Errorf("write failure rates: %w", err)
	}
	return nil
}
