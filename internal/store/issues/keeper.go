package issues

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// piece is the number of issues that one transaction of a Keeper changes at most.
const piece = 200

// Keeper does what time does to issues, and looks for problems that no attempt shows.
type Keeper struct {
	DB   dialect.DB
	Read *gorm.DB
	// Change runs do in a transaction of the writer, and tells what it returns after that.
	Change func(ctx context.Context, do func(b *dialect.Tx) ([]Turned, error)) error
	// Stored are the tenants whose number of stored events is limited.
	Stored []Stored
}

// Stored is how many events of a tenant are stored, and may be.
type Stored struct {
	TenantID    webhook.ID
	Used, Bound int
	Counted     bool // Used is known; until then the tenant's issue stays as it is
}

// Conditions on rows of issues. The first also finds what a success resolved while another replica, which did not know of it yet, recorded a
// failure.
const (
	settled = `(i.kind = 'WEBHOOK_FAILING' AND i.since < @settled AND NOT EXISTS
		(SELECT 1 FROM webhooks AS w WHERE w.id = i.webhook_id AND w.failing_since IS NOT NULL AND w.enabled)
		OR i.resolved_at IS NULL AND (i.kind = 'DELIVERIES_EXHAUSTED' AND (i.last_seen_at < @quiet
		OR NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.webhook_id = i.webhook_id AND d.status = 'FAILED'))
		OR i.kind = 'QUOTA' AND i.error = 'EVENTS_PER_SECOND' AND i.last_seen_at < @unrefused
		OR i.kind = 'SCHEMA_MISMATCH' AND NOT EXISTS (SELECT 1 FROM event_types AS e WHERE e.id = i.subject_id AND e.violated_at > @conforming)
		OR i.kind = 'CERTIFICATE_EXPIRES' AND NOT EXISTS
		(SELECT 1 FROM webhook_authentications AS a WHERE a.webhook_id = i.webhook_id AND a.certificate_expires_at <= @soon)
		OR i.kind = 'BACKLOG' AND NOT EXISTS (SELECT 1 FROM webhooks AS w WHERE w.id = i.webhook_id AND w.enabled AND w.deleted_at IS NULL
		AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.webhook_id = w.id AND d.due_at <= @calm))))`
	expired = `i.since IS NULL AND (i.resolved_at < @kept OR i.opened_at IS NULL AND i.last_seen_at < @settled)`
)

// settling is how long the replicas may differ about a webhook.
const settling = time.Minute

// Keep opens the issues of problems that no attempt shows, resolves those that nothing else resolves, and removes those that were resolved long ago.
func (k *Keeper) Keep(ctx context.Context, now time.Time) error {
	for _, look := range []func(context.Context, time.Time) error{k.certificates, k.backlogs, k.quotas} {
		if err := look(ctx, now); err != nil {
			return err
		}
	}
	named := []any{
		sql.Named("settled", dialect.At(now.Add(-settling))), sql.Named("quiet", dialect.At(now.Add(-webhook.IssueQuiet))),
		sql.Named("kept", dialect.At(now.Add(-webhook.IssueKept))), sql.Named("soon", dialect.At(now.Add(webhook.CertificateWarning))),
		sql.Named("calm", dialect.At(now.Add(-webhook.IssueBacklogCalm))), sql.Named("conforming", dialect.At(now.Add(-webhook.IssueMismatchQuiet))),
		sql.Named("unrefused", dialect.At(now.Add(-webhook.IssueRefusedQuiet))),
	}
	err := k.each(ctx, settled, named, func(b *dialect.Tx, among string, args []any) ([]Turned, error) {
		return resolve(b, k.DB, among, "", args...)
	})
	if err != nil {
		return err
	}
	return k.each(ctx, expired, named, func(b *dialect.Tx, among string, args []any) ([]Turned, error) {
		return nil, b.DB.Exec("DELETE FROM issues WHERE seq IN (SELECT i.seq FROM issues AS i WHERE "+among+")", args...).Error
	})
}

// each has do change the issues for which the condition holds, some in each transaction, which must ask for it again.
func (k *Keeper) each(ctx context.Context, where string, named []any, do func(b *dialect.Tx, among string, args []any) ([]Turned, error)) error {
	for after := int64(0); ; {
		var seqs []int64
		find := "SELECT i.seq FROM issues AS i WHERE i.seq > ? AND " + where + " ORDER BY i.seq LIMIT ?"
		if err := k.Read.WithContext(ctx).Raw(find, append([]any{after, piece}, named...)...).Scan(&seqs).Error; err != nil {
			return dialect.Unavailable(err)
		}
		if len(seqs) == 0 {
			return nil
		}
		after = seqs[len(seqs)-1]
		among, arg := k.DB.Among("i.seq", seqs)
		err := k.Change(ctx, func(b *dialect.Tx) ([]Turned, error) {
			return do(b, among+" AND "+where, append([]any{arg}, named...))
		})
		if err != nil {
			return fmt.Errorf("keep issues: %w", err)
		}
		if len(seqs) < piece {
			return nil
		}
	}
}

// found is a webhook with a problem.
type found struct {
	Seq          int64 // of the webhook
	ID, TenantID webhook.ID
	Count        int
	At           time.Time `gorm:"serializer:micros"`
}

// Certificates finds webhooks whose client certificate expires soon. The unary plus keeps SQLite from reading all webhooks in their order.
const Certificates = `SELECT w.seq, w.id, w.tenant_id, 1 AS count, a.certificate_expires_at AS at FROM webhook_authentications AS a
	JOIN webhooks AS w ON w.id = a.webhook_id WHERE a.certificate_expires_at <= @soon AND +w.seq > @after AND w.deleted_at IS NULL ORDER BY +w.seq LIMIT @piece`

// certificates opens issues of client certificates that expire soon.
func (k *Keeper) certificates(ctx context.Context, now time.Time) error {
	return k.webhooks(ctx, Certificates, sql.Named("soon", dialect.At(now.Add(webhook.CertificateWarning))), func(f *found) *Standing {
		return &Standing{Kind: webhook.IssueCertificate, Level: webhook.CertificateLevel(f.At, now)}
	})
}

// Backlogs finds enabled webhooks to which a delivery has been due for long. Those without pending deliveries are not looked at.
var Backlogs = `SELECT w.seq, w.id, w.tenant_id, s.pending AS count, (` + dialect.NextDue("w.id") + `) AS at FROM stats_webhooks AS s
	JOIN webhooks AS w ON w.seq = s.webhook WHERE s.webhook > @after AND s.pending > 0 AND w.enabled AND w.deleted_at IS NULL
	AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.webhook_id = w.id AND d.due_at <= @late) ORDER BY s.webhook LIMIT @piece`

// backlogs opens issues of webhooks whose deliveries wait.
func (k *Keeper) backlogs(ctx context.Context, now time.Time) error {
	return k.webhooks(ctx, Backlogs, sql.Named("late", dialect.At(now.Add(-webhook.IssueBacklogAge))), func(*found) *Standing {
		return &Standing{Kind: webhook.IssueBacklog}
	})
}

// webhooks opens issues of the webhooks that a query finds, some in each transaction.
func (k *Keeper) webhooks(ctx context.Context, query string, arg sql.NamedArg, issue func(f *found) *Standing) error {
	for after := int64(0); ; {
		var rows []found
		if err := k.Read.WithContext(ctx).Raw(query, arg, sql.Named("after", after), sql.Named("piece", piece)).Scan(&rows).Error; err != nil {
			return dialect.Unavailable(err)
		}
		list := make([]Standing, len(rows))
		for i := range rows {
			f := &rows[i]
			list[i] = *issue(f)
			list[i].TenantID, list[i].SubjectID, list[i].WebhookID, list[i].Count, list[i].At = f.TenantID, f.ID, &f.ID, f.Count, &f.At
		}
		if err := k.Stand(ctx, list); err != nil || len(rows) < piece {
			return err
		}
		after = rows[len(rows)-1].Seq
	}
}

// Stand opens issues of what was found, and brings those up to date that are open, some in each transaction.
func (k *Keeper) Stand(ctx context.Context, list []Standing) error {
	for some := range slices.Chunk(list, piece) {
		if err := k.Change(ctx, func(b *dialect.Tx) ([]Turned, error) { return stand(b, k.DB, some) }); err != nil {
			return fmt.Errorf("open issues: %w", err)
		}
	}
	return nil
}

// quotas opens and resolves issues of tenants that have used most of their quota of stored events.
func (k *Keeper) quotas(ctx context.Context, _ time.Time) error {
	var open []struct {
		Seq      int64
		TenantID webhook.ID
		Level    int
	}
	err := k.Read.WithContext(ctx).Raw(`SELECT seq, tenant_id, level FROM issues WHERE kind = 'QUOTA' AND error = 'STORED_EVENTS' AND resolved_at IS NULL`).Scan(&open).Error
	if err != nil {
		return dialect.Unavailable(err)
	}
	left, level := map[webhook.ID]int64{}, map[webhook.ID]int{}
	for _, is := range open {
		left[is.TenantID], level[is.TenantID] = is.Seq, is.Level
	}
	var list []Standing
	for _, s := range k.Stored {
		if !s.Counted {
			delete(left, s.TenantID)
			continue
		}
		if now := webhook.QuotaLevel(s.Used, s.Bound, level[s.TenantID]); now > 0 {
			delete(left, s.TenantID)
			list = append(list, Standing{
				TenantID: s.TenantID, SubjectID: s.TenantID, Kind: webhook.IssueQuota, Quota: webhook.QuotaStored, Level: now, Count: s.Used, Bound: &s.Bound,
			})
		}
	}
	if err := k.Stand(ctx, list); err != nil {
		return err
	}
	seqs := make([]int64, 0, len(left)) // those with enough room again, or without a limit
	for _, seq := range left {
		seqs = append(seqs, seq)
	}
	for some := range slices.Chunk(seqs, piece) {
		among, arg := k.DB.Among("i.seq", some)
		if err := k.Change(ctx, func(b *dialect.Tx) ([]Turned, error) { return resolve(b, k.DB, among, "", arg) }); err != nil {
			return fmt.Errorf("resolve issues: %w", err)
		}
	}
	return nil
}
