package statistics

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Dimension is a dimension by which counts are grouped.
type Dimension int

// The dimensions.
const (
	ByNothing Dimension = iota
	ByTenant
	ByWebhook
	ByType
)

// Query selects the counts to read. Times are in minutes since 1970.
type Query struct {
	Tenant   *webhook.ID  // nil: of all tenants, or
	Tenants  []webhook.ID // of these; nil: of all
	Webhooks []int64      // of these; nil: of all, and of events
	Types    []string     // of events; nil: of all
	// Match reports whether a type that has no rows yet is one of Types; nil: only those of Types are.
	Match    func(name string) bool
	By       Dimension
	From, To int64 // half-open; see Widen
	Width    int64 // of a bucket; 0: From to To is one
}

// Group identifies a group: one field is set, according to Query.By.
type Group struct {
	Tenant  webhook.ID
	Webhook int64
	Type    string
}

// Answer has the counts that were read.
type Answer struct {
	// AsOf is the time up to which everything is counted; zero: up to now.
	AsOf time.Time
	// Groups has the buckets of each group by their number from 0. Empty ones are missing.
	Groups map[Group]map[int64]*stats.Counts
}

// MinutesFor is the age up to which rows of minutes are read; they are kept a little longer.
const MinutesFor = 47 * time.Hour

// byMinutes reports whether the query can be answered from rows of minutes, as far as they are kept.
func (q *Query) byMinutes() bool {
	hooks, types := q.Webhooks != nil || q.By == ByWebhook, q.Types != nil || q.By == ByType
	return !hooks || !types
}

// Widen widens the range to whole minutes, or to whole hours where rows of minutes are no longer kept. It returns the least width of a
// bucket.
func (q *Query) Widen(now time.Time) (least int64) {
	kept := now.Add(-MinutesFor).Unix() / 60
	floor := func(t, grain int64) int64 { return t / grain * grain }
	least = Minute
	if q.From < kept || !q.byMinutes() {
		q.From, least = floor(q.From, Hour), Hour
	}
	if q.To < kept || !q.byMinutes() {
		q.To = floor(q.To+Hour-1, Hour)
	}
	return least
}

// stretch is a range of time that is read from rows of one grain.
type stretch struct{ grain, from, to int64 }

// stretches covers the range with as few rows as possible.
func (q *Query) stretches() []stretch {
	use := []int64{Hour}
	if q.byMinutes() {
		use = []int64{Day, Hour, Minute}
	}
	if q.Width > 0 {
		use = slices.DeleteFunc(use, func(g int64) bool { return q.Width%g != 0 || q.From%g != 0 })
	}
	return cover(q.From, q.To, use)
}

// cover covers a range with rows of the grains, the largest first.
func cover(from, to int64, use []int64) []stretch {
	if from >= to || len(use) == 0 {
		return nil
	}
	g := use[0]
	first, last := (from+g-1)/g*g, to/g*g
	if len(use) == 1 {
		last = (to + g - 1) / g * g
	}
	if first >= last {
		return cover(from, to, use[1:])
	}
	return slices.Concat(cover(from, first, use[1:]), []stretch{{g, first, last}}, cover(last, to, use[1:]))
}

// journalMost is the maximum number of journal rows that one read decodes. Counts of further rows are missing, which AsOf shows.
var journalMost = 20_000

// Read reads counts. db is restricted to the tenant if the query has one; tail may be nil.
func Read(db *gorm.DB, d dialect.DB, tail *Tail, q Query) (*Answer, error) {
	journal := tail.open()
	defer journal.close()
	// One statement reads the rows and the journal, so that nothing is read twice or missed.
	text, args := q.statement(d)
	last, more := journal.statement(d, "1, NULL, %s, '', %s, %s")
	rows, err := db.Raw(text+" UNION ALL "+last, append(args, more...)...).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	r := &reading{Query: q, answer: &Answer{Groups: map[Group]map[int64]*stats.Counts{}}, meter: meter.From(db.Statement.Context)}
	for rows.Next() {
		var part int
		var tenant owner
		var hook, seq int64
		var kind string
		var data sql.RawBytes // valid until the next row
		if err := rows.Scan(&part, &tenant, &hook, &kind, &seq, &data); err != nil {
			return nil, dialect.Unavailable(err)
		}
		switch {
		case part == 0 && data != nil:
			err = r.packed(q.group(tenant.ID, hook, kind), data)
		case part == 1 && journal.row(hook, seq, data):
			err = r.journal(data)
		}
		if err = cmp.Or(r.refused, err); err != nil {
			return nil, fmt.Errorf("statistics: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	before := journal.before()
	before.visit(r.visitor())
	if r.refused != nil {
		return nil, fmt.Errorf("statistics: %w", r.refused)
	}
	if journal.rows+len(before.seqs) >= journalMost {
		r.answer.AsOf = time.Unix(max(r.newest, before.newest)*60, 0).UTC()
	}
	return r.answer, nil
}

// owner is a tenant's id, or none.
type owner struct{ webhook.ID }

// Scan implements sql.Scanner.
func (o *owner) Scan(v any) error {
	if v == nil {
		return nil
	}
	return o.ID.Scan(v)
}

const (
	// mostPacked is the maximum number of rows that one row of the result has, and
	mostPacked = 1000
	// packedParts is that of rows of the result for a key and stretch, of which there are five: SQLite unites 500. The last has whatever
	// is left, mostly time to come, without rows.
	packedParts = 90
)

// statement reads the rows. Those of a key, a tenant, webhook and type, are one row of the result, because a row of the result costs several
// times as much as decoding it; and a subquery, so that each key becomes a range of the table's key.
func (q *Query) statement(d dialect.DB) (text string, args []any) {
	k := q.keys(d)
	var parts []string
	for _, s := range q.stretches() {
		for from, n := s.from, 1; from < s.to; n++ {
			to := min(from+s.grain*mostPacked, s.to)
			if n == packedParts {
				to = s.to
			}
			parts = append(parts, "SELECT 0, "+k.columns(q.By)+", 0, ("+
				"SELECT "+d.Packed("r.bucket", "r.data")+" FROM stats r WHERE r.tenant_id = "+k.tenant+" AND r.grain = ? AND r.webhook = "+k.webhook+
				" AND r.type = "+k.kind+" AND r.bucket >= ? AND r.bucket < ?)"+k.text())
			if q.Tenant != nil {
				args = append(args, *q.Tenant)
			}
			args = append(append(args, s.grain, from, to), k.args()...)
			from = to
		}
	}
	if len(parts) == 0 {
		return "SELECT 0, NULL, 0, '', 0, NULL WHERE 1 = 0", nil
	}
	return strings.Join(parts, " UNION ALL "), args
}

// keys are the tables with the keys whose rows are read.
type keys struct {
	tenant, webhook, kind string // the columns of a key
	from, where           []string
	fromArgs, whereArgs   []any
}

// keys returns the keys that the query names; of what it does not name, those that may have rows.
func (q *Query) keys(d dialect.DB) *keys {
	k := &keys{tenant: "?", webhook: "0", kind: "''"}
	if q.Tenant == nil {
		k.tenant = "t.id"
		k.join("tenants t", "t.deleted_at IS NULL")
		if q.Tenants != nil {
			k.need("t.id IN ?", q.Tenants)
		}
	}
	switch {
	case q.By == ByWebhook && q.Tenant == nil:
		k.webhook = "o.webhook"
		k.join("stats_webhooks o", "o.tenant_id = t.id")
		if q.Webhooks != nil {
			k.need("o.webhook IN ?", q.Webhooks)
		}
	case q.Webhooks != nil:
		k.webhook = "o.webhook"
		listed(k, d, "o", dialect.Column{Name: "webhook", Kind: "bigint"}, q.Webhooks)
	case q.By == ByWebhook:
		k.webhook = "o.webhook"
		k.join("stats_webhooks o", "o.tenant_id = ?", *q.Tenant)
	}
	switch {
	case q.Types != nil:
		k.kind = "y.type"
		listed(k, d, "y", dialect.Column{Name: "type", Kind: "text"}, q.Types)
	case q.By == ByType && q.Tenant == nil:
		k.kind = "y.type"
		k.join("stats_types y", "y.tenant_id = t.id")
	case q.By == ByType:
		k.kind = "y.type"
		k.join("stats_types y", "y.tenant_id = ?", *q.Tenant)
	}
	return k
}

// join adds a table with a condition.
func (k *keys) join(table, condition string, args ...any) {
	k.from = append(k.from, table)
	k.need(condition, args...)
}

func (k *keys) need(condition string, args ...any) {
	k.where, k.whereArgs = append(k.where, condition), append(k.whereArgs, args...)
}

// listed adds a table with one column of the given values.
func listed[T any](k *keys, d dialect.DB, alias string, column dialect.Column, values []T) {
	rows := make([][]T, len(values))
	for i, v := range values {
		rows[i] = []T{v}
	}
	k.from, k.fromArgs = append(k.from, d.Rows([]dialect.Column{column})+" AS "+alias), append(k.fromArgs, string(dialect.CompactJSON(rows)))
}

// columns are those of a key that tell groups apart.
func (k *keys) columns(by Dimension) string {
	switch {
	case by == ByTenant && k.tenant != "?":
		return k.tenant + ", 0, ''"
	case by == ByWebhook:
		return "NULL, " + k.webhook + ", ''"
	case by == ByType:
		return "NULL, 0, " + k.kind
	}
	return "NULL, 0, ''"
}

// text is the end of a part of the statement.
func (k *keys) text() string {
	text := ""
	if len(k.from) > 0 {
		text = " FROM " + strings.Join(k.from, " CROSS JOIN ")
	}
	if len(k.where) > 0 {
		text += " WHERE " + strings.Join(k.where, " AND ")
	}
	return text
}

func (k *keys) args() []any { return slices.Concat(k.fromArgs, k.whereArgs) }

func (q *Query) group(tenant webhook.ID, hook int64, kind string) (g Group) {
	switch q.By {
	case ByTenant:
		if g.Tenant = tenant; q.Tenant != nil {
			g.Tenant = *q.Tenant
		}
	case ByWebhook:
		g.Webhook = hook
	case ByType:
		g.Type = kind
	}
	return g
}

// reading collects an answer.
type reading struct {
	Query

	answer *Answer
	meter  *meter.Meter
	newest int64 // the newest minute of the journal

	refused error // by the meter

	// The counts that were added to last, as neighbors often have the same group and bucket.
	to      *stats.Counts
	buckets map[int64]*stats.Counts // of the group
	of      Group
	bucket  int64
}

// countsBytes is about the memory that counts take.
const countsBytes = 1 << 10

// into returns the counts to which those of a group, of minutes that begin at bucket, are added; nil when they are refused.
func (r *reading) into(g Group, bucket int64) *stats.Counts {
	n := int64(0)
	if r.Width > 0 {
		n = (bucket - r.From) / r.Width
	}
	if r.to != nil && r.of == g && r.bucket == n {
		return r.to
	}
	if r.buckets == nil || r.of != g {
		if r.buckets = r.answer.Groups[g]; r.buckets == nil {
			r.buckets = map[int64]*stats.Counts{}
			r.answer.Groups[g] = r.buckets
		}
	}
	r.to, r.of, r.bucket = r.buckets[n], g, n
	if r.to == nil {
		if r.refused = r.meter.Take(countsBytes); r.refused != nil {
			return nil
		}
		r.to = &stats.Counts{}
		r.buckets[n] = r.to
	}
	return r.to
}

// packed adds packed rows of a group.
func (r *reading) packed(g Group, data []byte) error {
	return stats.ReadPacked(data, func(bucket int64) *stats.Counts { return r.into(g, bucket) })
}

// journal adds the requested counts of a journal row.
func (r *reading) journal(data []byte) error {
	first, last, err := stats.Span(data)
	if err != nil {
		return err
	}
	if r.newest = max(r.newest, last); last < r.From || first >= r.To {
		return nil
	}
	_, err = stats.Read(data, r.visitor())
	return err
}

// visitor adds the requested counts of the journal.
func (r *reading) visitor() stats.Visitor {
	return stats.Visitor{
		Tenant: r.wants,
		Into: func(k stats.Key) *stats.Counts {
			if r.refused != nil || k.Minute < r.From || k.Minute >= r.To || r.Webhooks != nil && !slices.Contains(r.Webhooks, k.Webhook) ||
				r.By == ByWebhook && k.Webhook == 0 || r.Types != nil && !r.ofType(k.Type) {
				return nil
			}
			return r.into(r.group(webhook.ID(k.Tenant), k.Webhook, k.Type), k.Minute)
		},
		Untyped: r.Types == nil && r.By != ByType,
	}
}

func (q *Query) ofType(name string) bool {
	if q.Match != nil {
		return q.Match(name)
	}
	return slices.Contains(q.Types, name)
}

func (r *reading) wants(t stats.Tenant) bool {
	switch {
	case r.Tenant != nil:
		return *r.Tenant == webhook.ID(t)
	case r.Tenants != nil:
		return slices.Contains(r.Tenants, webhook.ID(t))
	}
	return true
}

// State is the state of a webhook.
type State struct {
	Tenant      webhook.ID
	Pending     int64      // pending deliveries: due now or later, or being attempted
	SucceededAt *time.Time // the last success
	FailedAt    *time.Time
	Failures    int64 // since its last attempt that succeeded
}

// States reads the states of webhooks by their seqs: of the given ones, else of all of the tenants, or with nil tenants of all tenants. Webhooks
// without any delivery are missing. tail may be nil.
func States(ctx context.Context, db *gorm.DB, d dialect.DB, tail *Tail, tenants []webhook.ID, hooks []int64) (map[int64]*State, error) {
	where, args := "1 = 1", []any{}
	switch {
	case len(tenants) == 1:
		where, args = "w.tenant_id = ?", []any{tenants[0]}
	case tenants != nil:
		where, args = "w.tenant_id IN ?", []any{tenants}
	}
	if hooks != nil {
		where, args = where+" AND w.webhook IN ?", append(args, hooks)
	}
	journal := tail.open()
	defer journal.close()
	last, more := journal.statement(d, "1, NULL, 0, 0, %s, %s, 0, %s")
	rows, err := db.WithContext(ctx).Raw("SELECT 0, w.tenant_id, w.webhook, w.pending, w.succeeded_at, w.failed_at, w.failures, NULL FROM stats_webhooks w WHERE "+where+
		" UNION ALL "+last, append(args, more...)...).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	states, changes := map[int64]*state{}, gauges{tenants: tenants, hooks: hooks, of: map[int64]*state{}}
	for rows.Next() {
		var part int
		var of owner
		var hook, pending, succeeded, failed, failures int64
		var data sql.RawBytes
		if err := rows.Scan(&part, &of, &hook, &pending, &succeeded, &failed, &failures, &data); err != nil {
			return nil, dialect.Unavailable(err)
		}
		if part == 0 {
			states[hook] = &state{tenant: of.ID, Gauge: stats.Gauge{Pending: pending, Trailing: failures, SucceededAt: succeeded, FailedAt: failed}}
		} else if journal.row(succeeded, failed, data) {
			if _, err := stats.Read(data, changes.visitor()); err != nil {
				return nil, fmt.Errorf("statistics: %w", err)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	before := gauges{tenants: tenants, hooks: hooks, of: states}
	journal.before().visit(before.visitor())
	for hook, s := range changes.of {
		before.then(s.tenant, hook, s.Gauge)
	}
	shown := make(map[int64]*State, len(states))
	for hook, s := range states {
		shown[hook] = &State{Tenant: s.tenant, Pending: s.Pending, SucceededAt: when(s.SucceededAt), FailedAt: when(s.FailedAt), Failures: s.Trailing}
	}
	return shown, nil
}

// gauges are the states of webhooks, or changes of them, to which later changes are added.
type gauges struct {
	tenants []webhook.ID // nil: all
	hooks   []int64      // nil: all
	of      map[int64]*state
}

func (g *gauges) visitor() stats.Visitor {
	return stats.Visitor{
		Tenant: func(t stats.Tenant) bool { return g.tenants == nil || slices.Contains(g.tenants, webhook.ID(t)) },
		Webhook: func(t stats.Tenant, hook int64, change stats.Gauge) {
			if g.hooks == nil || slices.Contains(g.hooks, hook) {
				g.then(webhook.ID(t), hook, change)
			}
		},
	}
}

func (g *gauges) then(tenant webhook.ID, hook int64, change stats.Gauge) {
	s := g.of[hook]
	if s == nil {
		s = &state{tenant: tenant}
		g.of[hook] = s
	}
	s.Then(change)
}

func when(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	return new(time.UnixMicro(us).UTC())
}
