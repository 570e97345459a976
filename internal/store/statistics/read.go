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

// fromTail is the part of a statement that reads the journal. It is in the same statement as the rows, so that nothing is read twice or missed.
const fromTail = " UNION ALL SELECT 1, NULL, 0, '', j.seq, j.data FROM (SELECT seq, data FROM stats_journal ORDER BY seq LIMIT ?) AS j"

// Read reads counts. db is restricted to the tenant if the query has one.
func Read(db *gorm.DB, d dialect.DB, q Query) (*Answer, error) {
	in, err := q.find(db)
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	text, args := q.statement(d, in)
	rows, err := db.Raw(text+fromTail, append(args, journalMost)...).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	r := &reading{Query: q, answer: &Answer{Groups: map[Group]map[int64]*stats.Counts{}}, meter: meter.From(db.Statement.Context)}
	for rows.Next() {
		var tail int
		var tenant owner
		var hook, bucket int64
		var kind string
		var data sql.RawBytes // valid until the next row
		if err := rows.Scan(&tail, &tenant, &hook, &kind, &bucket, &data); err != nil {
			return nil, dialect.Unavailable(err)
		}
		if tail == 1 {
			err = r.journal(data)
		} else if to := r.into(q.group(tenant.ID, hook, kind), bucket); to != nil {
			err = to.MergeEncoded(data)
		}
		if err = cmp.Or(r.refused, err); err != nil {
			return nil, fmt.Errorf("statistics: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	r.end()
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

// inRows are the tenants, webhooks and types that may have rows, where the query does not name them. They are read first, so that each becomes a
// range of the table's key; for a join, PostgreSQL might begin with the rows.
type inRows struct {
	tenants  []webhook.ID
	webhooks []int64
	types    []string
}

func (q *Query) find(db *gorm.DB) (in inRows, err error) {
	if q.Tenant == nil {
		db = db.Table("tenants").Where("deleted_at IS NULL")
		if q.Tenants != nil {
			db = db.Where("id IN ?", q.Tenants)
		}
		return in, db.Pluck("id", &in.tenants).Error
	}
	if q.By == ByWebhook && q.Webhooks == nil {
		err = db.Raw("SELECT webhook FROM stats_webhooks WHERE tenant_id = ?", *q.Tenant).Scan(&in.webhooks).Error
	}
	if err == nil && q.By == ByType && q.Types == nil {
		err = db.Raw("SELECT type FROM stats_types WHERE tenant_id = ?", *q.Tenant).Scan(&in.types).Error
	}
	return in, err
}

// statement reads the rows.
func (q *Query) statement(d dialect.DB, in inRows) (text string, args []any) {
	var parts []string
	from, where, some := q.source(d, in)
	for _, s := range q.stretches() {
		parts = append(parts, "SELECT 0, "+q.columns()+", r.bucket, r.data FROM "+from+" WHERE "+strings.Join(where, " AND ")+
			" AND r.grain = ? AND r.bucket >= ? AND r.bucket < ?")
		args = append(append(args, some...), s.grain, s.from, s.to)
	}
	if len(parts) == 0 {
		return "SELECT 0, NULL, 0, '', 0, NULL WHERE 1 = 0", nil
	}
	return strings.Join(parts, " UNION ALL "), args
}

// columns are those that tell groups apart. Reading one costs as much as decoding a few counters.
func (q *Query) columns() string {
	switch q.By {
	case ByTenant:
		return "r.tenant_id, 0, ''"
	case ByWebhook:
		return "NULL, r.webhook, ''"
	case ByType:
		return "NULL, 0, r.type"
	}
	return "NULL, 0, ''"
}

// source returns the tables and conditions of a part of the statement.
func (q *Query) source(d dialect.DB, in inRows) (from string, where []string, args []any) {
	from = "stats r"
	add := func(text string, some ...any) {
		where, args = append(where, text), append(args, some...)
	}
	if q.Tenant != nil {
		add("r.tenant_id = ?", *q.Tenant)
	} else {
		among, arg := d.AmongIDs("r.tenant_id", in.tenants)
		add(among, arg)
	}
	switch {
	case q.Webhooks != nil && q.By == ByWebhook && q.Tenant == nil: // each is looked for in its own tenant only
		from = "stats_webhooks o CROSS JOIN stats r"
		add("o.webhook IN ? AND r.tenant_id = o.tenant_id AND r.webhook = o.webhook + 0", q.Webhooks)
	case q.Webhooks != nil:
		add("r.webhook IN ?", q.Webhooks)
	case q.By == ByWebhook && q.Tenant != nil:
		among, arg := d.Among("r.webhook", in.webhooks)
		add(among, arg)
	case q.By == ByWebhook: // the sum keeps PostgreSQL from beginning with the rows
		from = "stats_webhooks o CROSS JOIN stats r"
		add("r.tenant_id = o.tenant_id AND r.webhook = o.webhook + 0")
	default:
		add("r.webhook = 0")
	}
	switch {
	case q.Types != nil:
		add("r.type IN ?", q.Types)
	case q.By == ByType && q.Tenant != nil:
		add("r.type IN ?", append(in.types, OtherTypes)) // never an empty list
	case q.By == ByType:
		from = "stats_types o CROSS JOIN stats r"
		add("r.tenant_id = o.tenant_id AND r.type = o.type || ''")
	default:
		add("r.type = ''")
	}
	return from, where, args
}

func (q *Query) group(tenant webhook.ID, hook int64, kind string) (g Group) {
	switch q.By {
	case ByTenant:
		g.Tenant = tenant
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
	tail   int   // rows of the journal
	newest int64 // the newest minute in them

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

// journal adds the requested counts of a journal row.
func (r *reading) journal(data []byte) error {
	r.tail++
	first, last, err := stats.Span(data)
	if err != nil {
		return err
	}
	if r.newest = max(r.newest, last); last < r.From || first >= r.To {
		return nil
	}
	_, err = stats.Read(data, stats.Visitor{
		Tenant: r.wants,
		Into: func(k stats.Key) *stats.Counts {
			if r.refused != nil || k.Minute < r.From || k.Minute >= r.To || r.Webhooks != nil && !slices.Contains(r.Webhooks, k.Webhook) ||
				r.By == ByWebhook && k.Webhook == 0 || r.Types != nil && !r.ofType(k.Type) {
				return nil
			}
			return r.into(r.group(webhook.ID(k.Tenant), k.Webhook, k.Type), k.Minute)
		},
		Untyped: r.Types == nil && r.By != ByType,
	})
	return err
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

// end returns the time up to which everything is counted.
func (r *reading) end() {
	if r.tail >= journalMost {
		r.answer.AsOf = time.Unix(r.newest*60, 0).UTC()
	}
}

// State is the state of a webhook.
type State struct {
	Tenant      webhook.ID
	Pending     int64      // pending deliveries: due now or later, or being attempted
	SucceededAt *time.Time // the last success
	FailedAt    *time.Time
	Failures    int64 // since its last attempt that succeeded
}

// States reads the states of webhooks by their seqs: of the given ones, else of all of the tenant, or with a nil tenant of all tenants. Webhooks
// without any delivery are missing.
func States(ctx context.Context, db *gorm.DB, tenant *webhook.ID, hooks []int64) (map[int64]*State, error) {
	where, args := "1 = 1", []any{}
	if tenant != nil {
		where, args = "w.tenant_id = ?", []any{*tenant}
	}
	if hooks != nil {
		where, args = where+" AND w.webhook IN ?", append(args, hooks)
	}
	rows, err := db.WithContext(ctx).Raw("SELECT 0, w.tenant_id, w.webhook, w.pending, w.succeeded_at, w.failed_at, w.failures, NULL FROM stats_webhooks w WHERE "+where+
		" UNION ALL SELECT 1, NULL, 0, 0, 0, j.seq, 0, j.data FROM (SELECT seq, data FROM stats_journal ORDER BY seq LIMIT ?) AS j", append(args, journalMost)...).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	states := map[int64]*state{}
	for rows.Next() {
		var tail int
		var of owner
		var hook, pending, succeeded, failed, failures int64
		var data sql.RawBytes
		if err := rows.Scan(&tail, &of, &hook, &pending, &succeeded, &failed, &failures, &data); err != nil {
			return nil, dialect.Unavailable(err)
		}
		if tail == 0 {
			s := &state{tenant: of.ID, Gauge: stats.Gauge{Pending: pending, Trailing: failures, SucceededAt: succeeded, FailedAt: failed}}
			states[hook] = s
			continue
		}
		if err := addStates(states, data, tenant, hooks); err != nil {
			return nil, fmt.Errorf("statistics: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	shown := make(map[int64]*State, len(states))
	for hook, s := range states {
		shown[hook] = &State{Tenant: s.tenant, Pending: s.Pending, SucceededAt: when(s.SucceededAt), FailedAt: when(s.FailedAt), Failures: s.Trailing}
	}
	return shown, nil
}

// addStates adds the changes of webhooks in a row of the journal. Rows must be added in the order of the journal, after the stored states.
func addStates(states map[int64]*state, data []byte, tenant *webhook.ID, hooks []int64) error {
	p := piece{gauges: states}
	_, err := stats.Read(data, stats.Visitor{
		Tenant: func(t stats.Tenant) bool { return tenant == nil || *tenant == webhook.ID(t) },
		Webhook: func(t stats.Tenant, hook int64, g stats.Gauge) {
			if hooks == nil || slices.Contains(hooks, hook) {
				p.gauge(webhook.ID(t), hook, g)
			}
		},
	})
	return err
}

func when(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	return new(time.UnixMicro(us).UTC())
}
