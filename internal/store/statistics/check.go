package statistics

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Miscount is a webhook whose gauge differs from its deliveries.
type Miscount struct {
	Tenant  webhook.ID
	Webhook webhook.ID
	Gauge   int64 // its pending deliveries according to statistics
	Waiting int64 // its deliveries that are due at any time, claimed, or in line for that

	seq int64 // of the webhook
}

// checked reads the pending deliveries of webhooks in one statement, at one point in time: according to statistics, and by counting rows. The
// rows are found along indexes of waiting deliveries, so the cost does not depend on the stored history.
const checked = `SELECT 0, w.tenant_id, w.webhook, w.pending, NULL FROM stats_webhooks w
	UNION ALL SELECT 1, NULL, 0, 0, data FROM stats_journal
	UNION ALL SELECT 2, w.tenant_id, w.seq, d.n, NULL FROM (
		SELECT webhook_id, COUNT(*) AS n FROM deliveries WHERE due_at IS NOT NULL GROUP BY webhook_id
		UNION ALL SELECT webhook_id, COUNT(*) FROM deliveries WHERE claimed_by IS NOT NULL AND due_at IS NULL AND status = 'PENDING' GROUP BY webhook_id
		UNION ALL SELECT webhook_id, COUNT(*) FROM deliveries WHERE place > 0 GROUP BY webhook_id
	) AS d JOIN webhooks w ON w.id = d.webhook_id
	UNION ALL SELECT 3, id, 0, 0, NULL FROM tenants WHERE deleted_at IS NULL`

// Check compares the gauge of every webhook with the number of its waiting deliveries. A pending delivery that is neither due nor claimed, nor
// waits in line, is a difference too. Tenants that are being deleted are not checked.
func Check(db *gorm.DB, d dialect.DB) ([]*Miscount, error) {
	rows, err := db.Raw(checked).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	found, live := map[int64]*Miscount{}, map[webhook.ID]bool{}
	of := func(tenant webhook.ID, hook int64) *Miscount {
		if found[hook] == nil {
			found[hook] = &Miscount{Tenant: tenant, seq: hook}
		}
		return found[hook]
	}
	for rows.Next() {
		var kind int
		var tenant owner
		var hook, n int64
		var data []byte
		if err := rows.Scan(&kind, &tenant, &hook, &n, &data); err != nil {
			return nil, dialect.Unavailable(err)
		}
		switch kind {
		case 0:
			of(tenant.ID, hook).Gauge += n
		case 1:
			_, err := stats.Read(data, stats.Visitor{
				Webhook: func(t stats.Tenant, hook int64, g stats.Gauge) { of(webhook.ID(t), hook).Gauge += g.Pending },
			})
			if err != nil {
				return nil, fmt.Errorf("statistics: %w", err)
			}
		case 2:
			of(tenant.ID, hook).Waiting += n
		case 3:
			live[tenant.ID] = true
		}
	}
	if err := rows.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	var wrong []*Miscount
	for _, m := range found {
		if live[m.Tenant] && m.Gauge != m.Waiting {
			wrong = append(wrong, m)
		}
	}
	slices.SortFunc(wrong, func(a, b *Miscount) int { return cmp.Compare(a.seq, b.seq) })
	return wrong, name(db, d, wrong)
}

// ErrFolding means that a server folds at the moment, which writes the same rows.
var ErrFolding = errors.New("a server is folding statistics: try again in a moment")

// Mend sets the gauges that Check finds to the number of waiting deliveries, and returns them. A server may be running: what changes meanwhile
// is added to them.
func Mend(b *dialect.Tx, d dialect.DB) ([]*Miscount, error) {
	var free []int
	if err := b.DB.Raw("SELECT 1 FROM stats_fold" + d.SkipLocked("stats_fold")).Scan(&free).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	if len(free) == 0 {
		return nil, ErrFolding
	}
	wrong, err := Check(b.DB, d)
	if err != nil {
		return nil, err
	}
	p := newPiece(d, b, 0)
	for _, m := range wrong {
		p.gauge(m.Tenant, m.seq, stats.Gauge{Pending: m.Waiting - m.Gauge})
	}
	return wrong, p.writeStates()
}

// name adds the webhooks' ids.
func name(db *gorm.DB, d dialect.DB, wrong []*Miscount) error {
	bySeq := make(map[int64]*Miscount, len(wrong))
	seqs := make([]int64, len(wrong))
	for i, m := range wrong {
		seqs[i], bySeq[m.seq] = m.seq, m
	}
	var rows []struct {
		Seq int64
		ID  webhook.ID
	}
	among, arg := d.Among("seq", seqs)
	if err := db.Raw("SELECT seq, id FROM webhooks WHERE "+among, arg).Scan(&rows).Error; err != nil {
		return dialect.Unavailable(err)
	}
	for _, row := range rows {
		bySeq[row.Seq].Webhook = row.ID
	}
	return nil
}
