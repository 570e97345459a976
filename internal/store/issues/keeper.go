package issues

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// piece is the number of issues that one transaction of a Keeper changes at most.
const piece = 200

// Keeper does what time does to issues.
type Keeper struct {
	DB   dialect.DB
	Read *gorm.DB
	// Change runs do in a transaction of the writer, and tells what it returns after that.
	Change func(ctx context.Context, do func(b *dialect.Tx) ([]Turned, error)) error
}

// Conditions on rows of issues. The first also finds what a success resolved while another replica, which did not know of it yet, recorded a
// failure.
const (
	settled = `(i.kind = 'WEBHOOK_FAILING' AND i.since < @settled AND NOT EXISTS
		(SELECT 1 FROM webhooks AS w WHERE w.id = i.webhook_id AND w.failing_since IS NOT NULL AND w.enabled)
		OR i.kind = 'DELIVERIES_EXHAUSTED' AND i.resolved_at IS NULL AND i.last_seen_at < @quiet)`
	expired = `i.since IS NULL AND (i.resolved_at < @kept OR i.opened_at IS NULL AND i.last_seen_at < @settled)`
)

// settling is how long the replicas may differ about a webhook.
const settling = time.Minute

// Keep resolves issues that nothing else resolves, and removes those that were resolved long ago.
func (k *Keeper) Keep(ctx context.Context, now time.Time) error {
	named := []any{
		sql.Named("settled", dialect.At(now.Add(-settling))), sql.Named("quiet", dialect.At(now.Add(-webhook.IssueQuiet))),
		sql.Named("kept", dialect.At(now.Add(-webhook.IssueKept))),
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
