// Package statistics keeps what package stats counts: it folds the journal, to which every transaction of the writer adds a row, into rows by
// time, and reads both together.
package statistics

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The grains of rows, in minutes. Rows of a webhook and a type of event are there by the hour only.
const (
	Minute int64 = 1
	Hour   int64 = 60
	Day    int64 = 24 * 60
)

// MaxTypes is how many types of events of a tenant have rows of their own. What comes after them is counted under OtherTypes, which is the
// type of no event.
const (
	MaxTypes   = 500
	OtherTypes = "*"
)

// MostRows bounds how many rows one transaction of a fold writes.
const MostRows = 2000

// Folder folds. Its methods run in the writer's transactions, one at a time.
type Folder struct {
	DB    dialect.DB
	blobs int // of the journal, that the next transaction takes
}

// Bounds of what one transaction takes of the journal.
const (
	firstBlobs = 8
	mostBlobs  = 512
)

// Folded is what a transaction did.
type Folded struct {
	Rows int  // that it wrote
	More bool // there may be more to fold
}

// Fold takes the oldest rows of the journal and adds them to the others, in the transaction that removes them: whatever ends it, each is
// counted once. It writes about the given number of rows and puts back what is left. While another node folds it does nothing.
func (f *Folder) Fold(b *dialect.Tx, rows int) (Folded, error) {
	var free []int
	if err := b.DB.Raw("SELECT one FROM stats_fold" + f.DB.SkipLocked("stats_fold")).Scan(&free).Error; err != nil {
		return Folded{}, fmt.Errorf("lock the statistics: %w", err)
	}
	if len(free) == 0 {
		return Folded{}, nil
	}
	f.blobs = min(max(f.blobs, firstBlobs), mostBlobs)
	taken, err := f.take(b)
	if err != nil || len(taken) == 0 {
		return Folded{}, err
	}
	p := &piece{db: f.DB, tx: b, most: min(max(rows, 1), MostRows)}
	if err := p.learn(taken); err != nil {
		return Folded{}, err
	}
	for _, j := range taken {
		if err := p.fold(j.Seq, j.Data); err != nil {
			return Folded{}, err
		}
	}
	if err := p.write(); err != nil {
		return Folded{}, err
	}
	done := Folded{Rows: len(p.keys) + len(p.gauges), More: len(taken) == f.blobs || p.left}
	if p.left {
		f.blobs /= 2
	} else if len(p.keys) < p.most/2 {
		f.blobs *= 2
	}
	return done, nil
}

type journalRow struct {
	Seq  int64
	Data []byte
}

// take removes rows of the journal. In one statement, so that what is committed meanwhile stays.
func (f *Folder) take(b *dialect.Tx) ([]journalRow, error) {
	var taken []journalRow
	err := b.DB.Raw("DELETE FROM stats_journal WHERE seq IN (SELECT seq FROM stats_journal ORDER BY seq LIMIT ?"+f.DB.SkipLocked("stats_journal")+
		") RETURNING seq, data", f.blobs).Scan(&taken).Error
	if err != nil {
		return nil, fmt.Errorf("take the journal of statistics: %w", err)
	}
	slices.SortFunc(taken, func(a, b journalRow) int { return cmp.Compare(a.Seq, b.Seq) })
	return taken, nil
}

// piece is what one transaction folds.
type piece struct {
	db   dialect.DB
	tx   *dialect.Tx
	most int // rows

	live  map[webhook.ID]map[string]bool // the types that have rows, of tenants that are not deleted
	fresh []typeOf                       // types to be added to stats_types

	keys   []dialect.StatsKey
	counts map[dialect.StatsKey]*stats.Counts
	gauges map[int64]*state // by webhook
	left   bool             // something was put back
}

type typeOf struct {
	TenantID webhook.ID
	Type     string
}

// state is what is noted of a webhook.
type state struct {
	tenant webhook.ID
	stats.Gauge
	succeededAt, failedAt int64 // µs; 0: never
}

// learn finds which of the tenants are there, and the types that have rows.
func (p *piece) learn(taken []journalRow) error {
	p.counts, p.gauges, p.live = map[dialect.StatsKey]*stats.Counts{}, map[int64]*state{}, map[webhook.ID]map[string]bool{}
	of := map[webhook.ID]bool{}
	for _, j := range taken {
		_, err := stats.Read(j.Data, stats.Visitor{Tenant: func(t stats.Tenant) bool {
			of[webhook.ID(t)] = true
			return false
		}})
		if err != nil {
			return fmt.Errorf("row %d of the journal: %w", j.Seq, err)
		}
	}
	ids := make([]webhook.ID, 0, len(of))
	for id := range of {
		ids = append(ids, id)
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

// typeName is what a type of events is counted under.
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

// fold adds a row of the journal, as far as there is room. The rest of it goes back.
func (p *piece) fold(seq int64, data []byte) error {
	if len(p.keys) >= p.most {
		return p.putBack(seq, data)
	}
	at, err := stats.Read(data, stats.Visitor{Tenant: func(stats.Tenant) bool { return false }})
	if err != nil {
		return err
	}
	var rest stats.Delta
	_, err = stats.Read(data, stats.Visitor{
		Tenant: func(t stats.Tenant) bool { return p.live[webhook.ID(t)] != nil },
		Webhook: func(t stats.Tenant, hook int64, g stats.Gauge) {
			if len(p.keys) >= p.most {
				rest.PutGauge(t, hook, g)
				return
			}
			p.gauge(webhook.ID(t), hook, g, at)
		},
		Counts: func(k stats.Key, c *stats.Counts) {
			if len(p.keys) >= p.most {
				rest.Put(k, c)
				return
			}
			p.add(k, at/60e6, c)
		},
	})
	if err != nil || rest.Empty() {
		return err
	}
	return p.putBack(seq, rest.Append(nil, at))
}

// putBack puts a row of the journal, or the rest of it, back in its place: what it says of a webhook's last attempts is older than the rows
// after it.
func (p *piece) putBack(seq int64, data []byte) error {
	p.left = true
	return p.tx.DB.Exec("INSERT INTO stats_journal (seq, data) VALUES (?, ?)", seq, data).Error
}

func (p *piece) gauge(tenant webhook.ID, hook int64, g stats.Gauge, at int64) {
	s := p.gauges[hook]
	if s == nil {
		s = &state{tenant: tenant}
		p.gauges[hook] = s
	}
	s.Then(g)
	if g.Succeeded {
		s.succeededAt = max(s.succeededAt, at)
	}
	if g.Failed {
		s.failedAt = max(s.failedAt, at)
	}
}

// add adds counts to every row that they are a part of.
func (p *piece) add(k stats.Key, minute int64, c *stats.Counts) {
	tenant := webhook.ID(k.Tenant)
	name := p.typeName(tenant, k.Type)
	for _, grain := range grains {
		row := dialect.StatsKey{Tenant: tenant, Grain: grain, Bucket: minute / grain * grain}
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

// write adds what was gathered to what is stored.
func (p *piece) write() error {
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

// writeStates adds what was gathered of webhooks. Only one node folds at a time.
func (p *piece) writeStates() error {
	if len(p.gauges) == 0 {
		return nil
	}
	rows := make([][]any, 0, len(p.gauges))
	for hook, s := range p.gauges {
		rows = append(rows, []any{hook, s.tenant, s.Pending, s.succeededAt, s.failedAt, s.Trailing})
	}
	columns := "webhook, tenant_id, pending, succeeded_at, failed_at, failures"
	greatest := func(column string) string {
		return fmt.Sprintf("%[1]s = CASE WHEN excluded.%[1]s > stats_webhooks.%[1]s THEN excluded.%[1]s ELSE stats_webhooks.%[1]s END", column)
	}
	err := p.tx.DB.Exec("INSERT INTO stats_webhooks ("+columns+") SELECT "+columns+" FROM "+p.db.Rows(stateColumns)+` AS v WHERE true
		ON CONFLICT (webhook) DO UPDATE SET pending = stats_webhooks.pending + excluded.pending, `+greatest("succeeded_at")+", "+greatest("failed_at")+`,
		failures = excluded.failures + CASE WHEN excluded.succeeded_at > 0 THEN 0 ELSE stats_webhooks.failures END`, string(dialect.CompactJSON(rows))).Error
	if err != nil {
		return fmt.Errorf("note states of %d webhooks: %w", len(rows), err)
	}
	return nil
}

// Expired are the rows that are removed: of minutes, and of hours and days, that began before.
type Expired struct{ Minutes, Others time.Time }

// before is when rows of a grain that are removed begin, in minutes since 1970.
func (e Expired) before(grain int64) int64 {
	if grain == Minute {
		return e.Minutes.Unix() / 60
	}
	return e.Others.Unix() / 60
}

var grains = []int64{Minute, Hour, Day}

// Any reports whether there are any.
func (e Expired) Any(db *gorm.DB) (bool, error) {
	for _, grain := range grains {
		var found []int64
		if err := db.Raw("SELECT bucket FROM stats WHERE grain = ? AND bucket < ? ORDER BY bucket LIMIT 1", grain, e.before(grain)).Scan(&found).Error; err != nil {
			return false, dialect.Unavailable(err)
		}
		if len(found) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Remove removes up to the given number of rows, and reports how many.
func (e Expired) Remove(b *dialect.Tx, rows int) (removed int64, err error) {
	const key = "tenant_id, grain, webhook, type, bucket"
	for _, grain := range grains {
		res := b.DB.Exec("DELETE FROM stats WHERE ("+key+") IN (SELECT "+key+" FROM stats WHERE grain = ? AND bucket < ? ORDER BY bucket LIMIT ?)",
			grain, e.before(grain), rows-int(removed))
		if res.Error != nil {
			return removed, res.Error
		}
		if removed += res.RowsAffected; int(removed) >= rows {
			break
		}
	}
	return removed, nil
}

// Waits reports whether there is anything to fold.
func Waits(db *gorm.DB) (bool, error) {
	var found []int64
	err := db.Raw("SELECT seq FROM stats_journal ORDER BY seq LIMIT 1").Scan(&found).Error
	return len(found) > 0, dialect.Unavailable(err)
}

// ForgetTypes removes up to the given number of types of which no row is left, so that others may have rows, and reports how many.
func ForgetTypes(b *dialect.Tx, most int) (removed int64, err error) {
	res := b.DB.Exec(`DELETE FROM stats_types WHERE (tenant_id, type) IN (SELECT tenant_id, type FROM stats_types y WHERE NOT EXISTS
		(SELECT 1 FROM stats r WHERE r.tenant_id = y.tenant_id AND r.grain = ? AND r.webhook = 0 AND r.type = y.type) LIMIT ?)`, Day, most)
	return res.RowsAffected, res.Error
}
