// Package statistics stores the counts of package stats. It folds the journal, to which every transaction of the writer adds a row, into rows of
// statistics by time, and reads both together.
package statistics

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The grains of rows, in minutes. Rows with both a webhook and a type of event exist only by the hour.
const (
	Minute int64 = 1
	Hour   int64 = 60
	Day    int64 = 24 * 60
)

// MaxTypes is the number of types of events of a tenant that have their own rows. Further ones are counted under OtherTypes, which no event can
// have.
const (
	MaxTypes   = 500
	OtherTypes = "*"
)

// MostRows is the maximum number of rows that one transaction of a fold writes.
const MostRows = 2000

// piece has the counts that one transaction adds to rows.
type piece struct {
	db   dialect.DB
	tx   *dialect.Tx
	most int // rows

	live  map[webhook.ID]map[string]bool // the types that have rows, of tenants that are not deleted
	fresh []typeOf                       // types to be added to stats_types

	keys   []dialect.StatsKey
	counts map[dialect.StatsKey]*stats.Counts
	gauges map[int64]*state // by webhook
}

func newPiece(db dialect.DB, tx *dialect.Tx, most int) *piece {
	return &piece{
		db: db, tx: tx, most: most,
		live: map[webhook.ID]map[string]bool{}, counts: map[dialect.StatsKey]*stats.Counts{}, gauges: map[int64]*state{},
	}
}

type typeOf struct {
	TenantID webhook.ID
	Type     string
}

// state is the change of a webhook's state.
type state struct {
	tenant webhook.ID
	stats.Gauge
}

// learn reads which of the tenants exist, and the types that have rows.
func (p *piece) learn(tenants []stats.Tenant) error {
	ids := make([]webhook.ID, len(tenants))
	for i, t := range tenants {
		ids[i] = webhook.ID(t)
	}
	among, arg := p.db.AmongIDs("id", ids)
	var live []webhook.ID
	if err := p.tx.DB.Raw("SELECT id FROM tenants WHERE "+among+" AND deleted_at IS NULL", arg).Scan(&live).Error; err != nil {
		return fmt.Errorf("find tenants: %w", err)
	}
	for _, id := range live {
		p.live[id] = map[string]bool{}
	}
	among, arg = p.db.AmongIDs("tenant_id", live)
	var known []typeOf
	if err := p.tx.DB.Raw("SELECT tenant_id, type FROM stats_types WHERE "+among, arg).Scan(&known).Error; err != nil {
		return fmt.Errorf("find types: %w", err)
	}
	for _, t := range known {
		p.live[t.TenantID][t.Type] = true
	}
	return nil
}

// typeName returns the type under which an event type is counted.
func (p *piece) typeName(tenant webhook.ID, name string) string {
	known := p.live[tenant]
	if !known[name] && len(known) >= MaxTypes {
		name = OtherTypes
	}
	if !known[name] {
		known[name] = true
		p.fresh = append(p.fresh, typeOf{tenant, name})
	}
	return name
}

// fold moves counts from a delta to the piece while there is room. It drops those of deleted tenants.
func (p *piece) fold(d *stats.Delta) error {
	if err := p.learn(d.Tenants()); err != nil {
		return err
	}
	d.Drain(func(k stats.Key, g stats.Gauge, c *stats.Counts) bool {
		if tenant := webhook.ID(k.Tenant); p.live[tenant] != nil {
			if g != (stats.Gauge{}) {
				p.gauge(tenant, k.Webhook, g)
			}
			p.add(k, c)
		}
		return len(p.keys)+len(p.gauges) < p.most
	})
	return p.write()
}

func (p *piece) gauge(tenant webhook.ID, hook int64, g stats.Gauge) {
	s := p.gauges[hook]
	if s == nil {
		s = &state{tenant: tenant}
		p.gauges[hook] = s
	}
	s.Then(g)
}

// add adds counts to every row that includes them.
func (p *piece) add(k stats.Key, c *stats.Counts) {
	tenant := webhook.ID(k.Tenant)
	name := p.typeName(tenant, k.Type)
	for _, grain := range grains {
		row := dialect.StatsKey{Tenant: tenant, Grain: grain, Bucket: k.Minute / grain * grain}
		p.sum(row, c)
		row.Type = name
		p.sum(row, c)
		if k.Webhook == 0 {
			continue
		}
		if row.Webhook = k.Webhook; grain == Hour {
			p.sum(row, c)
		}
		row.Type = ""
		p.sum(row, c)
	}
}

func (p *piece) sum(k dialect.StatsKey, c *stats.Counts) {
	to := p.counts[k]
	if to == nil {
		to = &stats.Counts{}
		p.counts[k] = to
		p.keys = append(p.keys, k)
	}
	to.Merge(c)
}

// write adds the gathered counts to the stored rows.
func (p *piece) write() error {
	if len(p.keys) == 0 {
		return nil
	}
	slices.SortFunc(p.keys, compareKeys) // neighbours are on the same pages
	stored, err := p.db.StatsRows(p.tx, p.keys)
	if err != nil {
		return fmt.Errorf("read statistics: %w", err)
	}
	data := make([][]byte, len(p.keys))
	var was stats.Counts
	for i, k := range p.keys {
		c := p.counts[k]
		if stored[i] != nil {
			if err := was.Decode(stored[i]); err != nil {
				return fmt.Errorf("row %+v: %w", k, err)
			}
			c.Merge(&was)
		}
		data[i] = c.Append(nil)
	}
	if err := p.db.PutStats(p.tx, p.keys, data); err != nil {
		return fmt.Errorf("write statistics: %w", err)
	}
	return errors.Join(p.writeTypes(), p.writeStates())
}

func compareKeys(a, b dialect.StatsKey) int {
	return cmp.Or(bytes.Compare(a.Tenant[:], b.Tenant[:]), cmp.Compare(a.Grain, b.Grain), cmp.Compare(a.Webhook, b.Webhook),
		strings.Compare(a.Type, b.Type), cmp.Compare(a.Bucket, b.Bucket))
}

func (p *piece) writeTypes() error {
	if len(p.fresh) == 0 {
		return nil
	}
	rows := make([][]any, len(p.fresh))
	for i, t := range p.fresh {
		rows[i] = []any{t.TenantID, t.Type}
	}
	return p.tx.DB.Exec("INSERT INTO stats_types (tenant_id, type) SELECT tenant_id, type FROM "+
		p.db.Rows([]dialect.Column{{Name: "tenant_id", Kind: "uuid"}, {Name: "type", Kind: "text"}})+" AS v", string(dialect.CompactJSON(rows))).Error
}

var stateColumns = []dialect.Column{
	{Name: "webhook", Kind: "bigint"},
	{Name: "tenant_id", Kind: "uuid"},
	{Name: "pending", Kind: "bigint"},
	{Name: "succeeded_at", Kind: "bigint"},
	{Name: "failed_at", Kind: "bigint"},
	{Name: "failures", Kind: "bigint"},
}

// writeStates adds the gathered changes to the stored states of webhooks. Only one node folds at a time.
func (p *piece) writeStates() error {
	if len(p.gauges) == 0 {
		return nil
	}
	rows := make([][]any, 0, len(p.gauges))
	for hook, s := range p.gauges {
		rows = append(rows, []any{hook, s.tenant, s.Pending, s.SucceededAt, s.FailedAt, s.Trailing})
	}
	columns := "webhook, tenant_id, pending, succeeded_at, failed_at, failures"
	greatest := func(column string) string {
		return fmt.Sprintf("%[1]s = CASE WHEN excluded.%[1]s > stats_webhooks.%[1]s THEN excluded.%[1]s ELSE stats_webhooks.%[1]s END", column)
	}
	err := p.tx.DB.Exec("INSERT INTO stats_webhooks ("+columns+") SELECT "+columns+" FROM "+p.db.Rows(stateColumns)+` AS v WHERE true
		ON CONFLICT (webhook) DO UPDATE SET pending = stats_webhooks.pending + excluded.pending, `+greatest("succeeded_at")+", "+greatest("failed_at")+`,
		failures = excluded.failures + CASE WHEN excluded.succeeded_at > 0 THEN 0 ELSE stats_webhooks.failures END`, string(dialect.CompactJSON(rows))).Error
	if err != nil {
		return fmt.Errorf("write states of %d webhooks: %w", len(rows), err)
	}
	return nil
}
