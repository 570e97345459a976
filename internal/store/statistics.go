package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// StatsFilter says what statistics count. Zero fields do not filter.
type StatsFilter struct {
	AllTenants bool         // only for a Registry
	TenantIDs  []webhook.ID // only for a Registry
	WebhookIDs []webhook.ID
	EventTypes []string // patterns, as lists take them
}

// Stats are statistics of a time range, which its methods read.
type Stats struct {
	From, To time.Time // widened to whole minutes or hours

	s      *Store
	tenant *webhook.ID // nil: of many
	filter StatsFilter
	query  statistics.Query
	least  int64 // minutes that a bucket must have
	// together reads the counts of the whole query, with those of others; nil: they are read alone.
	together func(ctx context.Context, width int64) (*statistics.Answer, error)
}

// DefaultStatsRetention is how long statistics are kept unless Options say otherwise.
const DefaultStatsRetention = 400 * 24 * time.Hour

// Stats prepares statistics of the tenant.
func (c *Scope) Stats(during TimeRange, f StatsFilter) *Stats {
	if c.everyone {
		return c.s.newStats(nil, during, f)
	}
	return c.s.newStats(&c.tenant, during, f)
}

// StatsOf prepares statistics of each of the webhooks; what is read of one is read of all of them, together.
func (c *Scope) StatsOf(during TimeRange, webhooks []webhook.ID) map[webhook.ID]*Stats {
	all := c.Stats(during, StatsFilter{WebhookIDs: webhooks})
	of := all.split(webhooks, all.byWebhook)
	if c.everyone { // what is read of one alone is not looked for in all tenants
		for id, one := range of {
			one.query.Tenants = append([]webhook.ID{}, c.owners([]webhook.ID{id})...)
		}
	}
	return of
}

// StatsOf prepares statistics of each of the tenants; what is read of one is read of all of them, together. Tenants that the registry may not see
// count nothing.
func (r *Registry) StatsOf(during TimeRange, tenants []webhook.ID) map[webhook.ID]*Stats {
	all := r.Stats(during, StatsFilter{TenantIDs: tenants})
	return all.split(tenants, func(_ context.Context, q *statistics.Query) (map[webhook.ID]statistics.Group, error) {
		q.By = statistics.ByTenant
		groups := make(map[webhook.ID]statistics.Group, len(tenants))
		for _, id := range tenants {
			groups[id] = statistics.Group{Tenant: id}
		}
		return groups, nil
	})
}

// each is statistics of several objects that are read together. It is safe for concurrent use.
type each struct {
	all *Stats
	// group completes the query, and returns the groups of the objects that there are.
	group func(ctx context.Context, q *statistics.Query) (map[webhook.ID]statistics.Group, error)

	mu     sync.Mutex // guards what follows
	query  statistics.Query
	groups map[webhook.ID]statistics.Group // nil: the query is not complete
	found  map[int64]*statistics.Answer    // by the width of buckets
}

// split returns the statistics of each of the objects.
func (t *Stats) split(ids []webhook.ID, group func(context.Context, *statistics.Query) (map[webhook.ID]statistics.Group, error)) map[webhook.ID]*Stats {
	together := &each{all: t, group: group, query: t.query, found: map[int64]*statistics.Answer{}}
	of := make(map[webhook.ID]*Stats, len(ids))
	for _, id := range ids {
		one := *t
		if t.filter.WebhookIDs != nil {
			one.filter.WebhookIDs = []webhook.ID{id}
		} else {
			one.filter.TenantIDs, one.query.Tenants = []webhook.ID{id}, []webhook.ID{id}
		}
		one.together = func(ctx context.Context, width int64) (*statistics.Answer, error) { return together.of(ctx, id, width) }
		of[id] = &one
	}
	return of
}

// of reads the counts of one of the objects.
func (e *each) of(ctx context.Context, id webhook.ID, width int64) (*statistics.Answer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.groups == nil {
		q := e.query
		groups, err := e.group(ctx, &q)
		if err != nil {
			return nil, err
		}
		e.query, e.groups = q, groups
	}
	group, there := e.groups[id]
	if !there {
		return &statistics.Answer{}, nil
	}
	all := e.found[width]
	if all == nil {
		q := e.query
		q.Width = width
		var err error
		if all, err = statistics.Read(e.all.db(ctx), e.all.s.db, &e.all.s.tail, q); err != nil {
			return nil, err
		}
		e.found[width] = all
	}
	return &statistics.Answer{AsOf: all.AsOf, Groups: map[statistics.Group]map[int64]*stats.Counts{{}: all.Groups[group]}}, nil
}

// byWebhook completes a query for each of the webhooks that the filter names, including deleted ones.
func (t *Stats) byWebhook(ctx context.Context, q *statistics.Query) (map[webhook.ID]statistics.Group, error) {
	var rows []struct {
		ID, TenantID webhook.ID
		Seq          int64
	}
	if err := t.named(ctx).Select("w.id, w.tenant_id, w.seq").Scan(&rows).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	q.By = statistics.ByWebhook
	groups := make(map[webhook.ID]statistics.Group, len(rows))
	for _, row := range rows {
		groups[row.ID] = statistics.Group{Webhook: row.Seq}
		q.Webhooks = append(q.Webhooks, row.Seq)
		if t.tenant == nil && !slices.Contains(q.Tenants, row.TenantID) {
			q.Tenants = append(q.Tenants, row.TenantID)
		}
	}
	return groups, nil
}

// Stats prepares statistics of several tenants: those that the filter names, or all. Tenants that the registry may not see count nothing.
func (r *Registry) Stats(during TimeRange, f StatsFilter) *Stats {
	return r.s.newStats(r.tenant, during, f)
}

// endOfTime is the latest time of a range: what it and buckets are widened by ends in the year 9999, the last that can be written.
var endOfTime = time.Date(9999, 12, 1, 0, 0, 0, 0, time.UTC)

func (s *Store) newStats(tenant *webhook.ID, during TimeRange, f StatsFilter) *Stats {
	now := s.opts.Now()
	from, to := now.Add(-s.statsRetention()), now
	if during.From != nil && during.From.After(from) {
		from = *during.From
	}
	if during.To != nil {
		to = *during.To
	}
	if from.After(endOfTime) {
		from = endOfTime
	}
	if to.After(endOfTime) {
		to = endOfTime
	}
	ceil := func(t time.Time) int64 { return t.Add(time.Minute-1).Unix() / 60 }
	st := &Stats{s: s, tenant: tenant, filter: f, query: statistics.Query{Tenant: tenant, Tenants: f.TenantIDs, From: from.Unix() / 60, To: ceil(to)}}
	if f.WebhookIDs != nil {
		st.query.Webhooks = []int64{}
	}
	if f.EventTypes != nil {
		st.query.Types = []string{}
	}
	st.query.To = max(st.query.To, st.query.From)
	st.least = st.query.Widen(now)
	st.From, st.To = time.Unix(st.query.From*60, 0).UTC(), time.Unix(st.query.To*60, 0).UTC()
	return st
}

func (s *Store) statsRetention() time.Duration {
	return cmp.Or(s.opts.StatsRetention, DefaultStatsRetention)
}

// db reads restricted to the tenant, if there is one.
func (t *Stats) db(ctx context.Context) *gorm.DB {
	if t.tenant == nil {
		return t.s.read.WithContext(ctx)
	}
	return t.s.scoped(ctx, t.s.read, *t.tenant)
}

// nothing reports whether the filter excludes the tenant.
func (t *Stats) nothing() bool {
	return t.tenant != nil && t.filter.TenantIDs != nil && !slices.Contains(t.filter.TenantIDs, *t.tenant)
}

// read reads the counts of the query, with the given by and width.
func (t *Stats) read(ctx context.Context, by statistics.Dimension, width int64) (*statistics.Answer, error) {
	if t.together != nil && by == statistics.ByNothing {
		return t.together(ctx, width)
	}
	q := t.query
	q.By, q.Width = by, width
	none := t.nothing()
	if t.filter.WebhookIDs != nil && !none {
		found, err := t.webhooks(ctx)
		if err != nil {
			return nil, err
		}
		q.Webhooks = found
		none = len(found) == 0
	}
	if t.filter.EventTypes != nil && !none {
		var err error
		if q.Types, q.Match, err = t.types(ctx); err != nil {
			return nil, err
		}
	}
	if none {
		return &statistics.Answer{}, nil
	}
	if t.tenant != nil {
		q.Tenants = nil // it is among them
	}
	return statistics.Read(t.db(ctx), t.s.db, &t.s.tail, q)
}

// webhooks finds the seqs of the webhooks that the filter names, including deleted ones.
func (t *Stats) webhooks(ctx context.Context) ([]int64, error) {
	var found []int64
	return found, dialect.Unavailable(t.named(ctx).Select("w.seq").Scan(&found).Error)
}

// named returns a query for the webhooks that the filter names, w.
func (t *Stats) named(ctx context.Context) *gorm.DB {
	db := t.db(ctx).Table("webhooks AS w").Where("w.id IN ?", t.filter.WebhookIDs)
	if t.tenant != nil {
		db = db.Where("w.tenant_id = ?", *t.tenant)
	}
	return db
}

// types finds the types that the filter's patterns match and that have rows. match reports whether the patterns match others, which are only in the journal.
func (t *Stats) types(ctx context.Context) (found []string, match func(string) bool, err error) {
	found = []string{}
	var prefixes []string
	for _, e := range t.filter.EventTypes {
		if prefix, ok := webhook.Wildcard(e); ok {
			prefixes = append(prefixes, prefix)
		} else {
			found = append(found, e)
		}
	}
	named := found
	match = func(name string) bool {
		return slices.Contains(named, name) || slices.ContainsFunc(prefixes, func(p string) bool { return len(name) > len(p) && name[:len(p)] == p })
	}
	if len(prefixes) == 0 {
		return found, match, nil
	}
	db := t.db(ctx).Table("stats_types AS y").Select("y.type")
	if t.tenant != nil {
		db = db.Where("y.tenant_id = ?", *t.tenant)
	}
	var known []string
	if err := db.Scan(&known).Error; err != nil {
		return nil, nil, dialect.Unavailable(err)
	}
	for _, name := range known {
		if match(name) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found, match, nil
}

// Totals reads the counts of the whole range, and up to when everything is counted.
func (t *Stats) Totals(ctx context.Context) (*stats.Counts, time.Time, error) {
	found, err := t.read(ctx, statistics.ByNothing, 0)
	if err != nil {
		return nil, time.Time{}, err
	}
	asOf := found.AsOf
	if asOf.IsZero() {
		asOf = t.s.opts.Now().UTC().Truncate(time.Microsecond)
	}
	sum := &stats.Counts{}
	for _, buckets := range found.Groups {
		for _, c := range buckets {
			sum.Merge(c)
		}
	}
	return sum, asOf, nil
}

// widths are those of buckets that people use, in minutes. None is more than twice the one before.
var widths = []int64{
	1, 2, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2 * 1440, 3 * 1440, 5 * 1440, 7 * 1440, 14 * 1440,
}

// StatsWidth returns the default width of the buckets of a series over that time.
func StatsWidth(span time.Duration) time.Duration {
	for _, w := range widths {
		if each := time.Duration(w) * time.Minute; span <= usualBuckets*each {
			return each
		}
	}
	return time.Duration(widths[len(widths)-1]) * time.Minute
}

// usualBuckets is the default maximum number of buckets of a series.
const usualBuckets = 120

// Series reads the counts in buckets of the width, starting at From; a nil width chooses one that gives at most limit buckets. Empty
// buckets are nil. The error may be an *Invalid.
func (t *Stats) Series(ctx context.Context, width *time.Duration, limit int) (counts []*stats.Counts, each time.Duration, err error) {
	span := t.query.To - t.query.From
	count := func(w int64) int64 { return (span + w - 1) / w }
	var w int64
	if width == nil {
		for _, w = range widths {
			if w >= t.least && count(w) <= int64(limit) {
				break
			}
		}
		if count(w) > int64(limit) {
			return nil, 0, &webhook.Invalid{Field: "limit", Code: webhook.CodeOutOfRange, Message: fmt.Sprintf("must be at least %d for this range, or give bucketMs", count(w))}
		}
	} else {
		w = int64(*width / time.Minute)
		if unit := time.Duration(t.least) * time.Minute; *width < unit || *width%unit != 0 {
			return nil, 0, &webhook.Invalid{
				Field: "bucketMs", Code: webhook.CodeInvalid,
				Message: fmt.Sprintf("must be a multiple of %d for this range", unit.Milliseconds()),
			}
		}
		if n := count(w); n > int64(limit) {
			return nil, 0, &webhook.Invalid{
				Field: "bucketMs", Code: webhook.CodeOutOfRange,
				Message: fmt.Sprintf("gives %d buckets for this range, more than limit, which is %d: choose wider buckets or a higher limit", n, limit),
			}
		}
	}
	found, err := t.read(ctx, statistics.ByNothing, w)
	if err != nil {
		return nil, 0, err
	}
	counts = make([]*stats.Counts, count(w))
	for n, c := range found.Groups[statistics.Group{}] {
		if n >= 0 && n < int64(len(counts)) {
			counts[n] = c
		}
	}
	return counts, time.Duration(w) * time.Minute, nil
}

// Dimension is what statistics can be grouped by.
type Dimension = statistics.Dimension

// The dimensions.
const (
	ByTenant  = statistics.ByTenant
	ByWebhook = statistics.ByWebhook
	ByType    = statistics.ByType
)

// StatsGroup has the counts of one group: a tenant, a webhook, a type and so on.
type StatsGroup struct {
	ID     webhook.ID // of the tenant or webhook
	Type   string
	Counts *stats.Counts

	webhook int64 // its seq
}

// By reads the counts of the first groups, those with the most attempts (or events, where nothing is attempted), and of all others
// together, nil if there are none.
func (t *Stats) By(ctx context.Context, by Dimension, first int) (groups []StatsGroup, others *stats.Counts, err error) {
	found, err := t.read(ctx, by, 0)
	if err != nil {
		return nil, nil, err
	}
	for g, buckets := range found.Groups {
		if by == ByType && g.Type == statistics.OtherTypes {
			others = buckets[0]
			continue
		}
		groups = append(groups, StatsGroup{ID: g.Tenant, Type: g.Type, Counts: buckets[0], webhook: g.Webhook})
	}
	slices.SortFunc(groups, func(a, b StatsGroup) int {
		size := func(c *stats.Counts) int64 {
			succeeded, failed := c.Attempts()
			return succeeded + failed
		}
		return cmp.Or(cmp.Compare(size(b.Counts), size(a.Counts)), cmp.Compare(b.Counts.Get(stats.Events), a.Counts.Get(stats.Events)),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.webhook, b.webhook), bytes.Compare(a.ID[:], b.ID[:]))
	})
	for len(groups) > first {
		if others == nil {
			others = &stats.Counts{}
		}
		last := len(groups) - 1
		others.Merge(groups[last].Counts)
		groups = groups[:last]
	}
	if by == ByWebhook {
		err = t.name(ctx, groups)
	}
	return groups, others, err
}

// name finds the ids of webhooks.
func (t *Stats) name(ctx context.Context, groups []StatsGroup) error {
	seqs := make([]int64, len(groups))
	for i := range groups {
		seqs[i] = groups[i].webhook
	}
	var rows []struct {
		Seq int64
		ID  webhook.ID
	}
	among, arg := t.s.db.Among("w.seq", seqs)
	db := t.db(ctx).Table("webhooks AS w").Select("w.seq, w.id").Where(among, arg)
	if t.tenant != nil {
		db = db.Where("w.tenant_id = ?", *t.tenant)
	}
	if err := db.Scan(&rows).Error; err != nil {
		return dialect.Unavailable(err)
	}
	for _, row := range rows {
		for i := range groups {
			if groups[i].webhook == row.Seq {
				groups[i].ID = row.ID
			}
		}
	}
	return nil
}

// Backlog is the deliveries that are pending or held.
type Backlog struct {
	Due, Held int64

	s        *Store
	webhooks []int64 // that have some
}

// Backlog reads the deliveries that are pending or held now. The filter's types are ignored.
func (t *Stats) Backlog(ctx context.Context) (*Backlog, error) {
	if t.nothing() {
		return &Backlog{}, nil
	}
	var hooks []int64
	if t.filter.WebhookIDs != nil {
		var err error
		if hooks, err = t.webhooks(ctx); err != nil || len(hooks) == 0 {
			return &Backlog{}, err
		}
	}
	all := &Backlog{s: t.s}
	err := t.backlog(ctx, hooks, func(webhook.ID) *Backlog { return all })
	return all, err
}

// BacklogOf reads the deliveries of each tenant that are pending or held now. Tenants that the registry may not see have none.
func (r *Registry) BacklogOf(ctx context.Context, tenants []webhook.ID) (map[webhook.ID]*Backlog, error) {
	of := make(map[webhook.ID]*Backlog, len(tenants))
	for _, id := range tenants {
		of[id] = &Backlog{s: r.s}
	}
	return of, r.Stats(TimeRange{}, StatsFilter{TenantIDs: tenants}).backlog(ctx, nil, func(tenant webhook.ID) *Backlog { return of[tenant] })
}

// backlog adds what the webhooks, or nil for all of the tenants, have pending or held to the backlog to which it belongs, by its tenant.
func (t *Stats) backlog(ctx context.Context, hooks []int64, of func(tenant webhook.ID) *Backlog) error {
	tenants := t.query.Tenants
	if t.tenant != nil {
		tenants = []webhook.ID{*t.tenant}
	}
	states, err := statistics.States(ctx, t.db(ctx), t.s.db, &t.s.tail, tenants, hooks)
	if err != nil {
		return err
	}
	var waiting []int64
	for seq, is := range states {
		if is.Pending != 0 && of(is.Tenant) != nil {
			waiting = append(waiting, seq)
		}
	}
	enabled, err := t.s.enabled(ctx, waiting)
	if err != nil {
		return err
	}
	for _, seq := range waiting {
		l := of(states[seq].Tenant)
		l.webhooks = append(l.webhooks, seq)
		l.add(states[seq].Pending, enabled, seq)
	}
	return nil
}

func (l *Backlog) add(pending int64, enabled map[int64]bool, seq int64) {
	switch on, there := enabled[seq]; {
	case !there: // it is deleted, and they are canceled
	case on:
		l.Due += pending
	default:
		l.Held += pending
	}
}

// enabled returns whether webhooks are enabled; deleted ones are missing from the map.
func (s *Store) enabled(ctx context.Context, seqs []int64) (map[int64]bool, error) {
	var rows []struct {
		Seq     int64
		Enabled bool
	}
	among, arg := s.db.Among("seq", seqs)
	if err := s.read.WithContext(ctx).Raw("SELECT seq, enabled FROM webhooks WHERE "+among+" AND deleted_at IS NULL", arg).Scan(&rows).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	is := make(map[int64]bool, len(rows))
	for _, row := range rows {
		is[row.Seq] = row.Enabled
	}
	return is, nil
}

// Oldest reads the due time of the delivery that has waited longest; nil if none waits.
func (l *Backlog) Oldest(ctx context.Context) (*time.Time, error) {
	if len(l.webhooks) == 0 {
		return nil, nil
	}
	found, err := l.s.oldestDue(ctx, l.webhooks)
	var oldest *time.Time
	for _, at := range found {
		if oldest == nil || at.Before(*oldest) {
			oldest = &at
		}
	}
	return oldest, err
}

// oldestDue finds the earliest due time of each webhook's deliveries, by one lookup in an index each. Webhooks without deliveries that are
// due are missing from the map.
func (s *Store) oldestDue(ctx context.Context, seqs []int64) (map[int64]time.Time, error) {
	var rows []struct {
		Seq int64
		Due *dialect.Micros
	}
	among, arg := s.db.Among("w.seq", seqs)
	if err := s.read.WithContext(ctx).Raw(`SELECT w.seq, (SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.due_at IS NOT NULL
		ORDER BY d.due_at LIMIT 1) AS due FROM webhooks w WHERE w.deleted_at IS NULL AND `+among, arg).Scan(&rows).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	found := map[int64]time.Time{}
	for _, row := range rows {
		if row.Due != nil {
			found[row.Seq] = row.Due.Time()
		}
	}
	return found, nil
}

// maxDue is how many due deliveries Overview counts.
const maxDue = 100_000

// Overview describes the database as a whole, which replicas share.
type Overview struct {
	// Due deliveries may be sent now, or are being sent; if there are more than 100,000, all that are pending count as due. Scheduled ones wait for
	// their time, or in line behind another. Held ones wait for their webhook to be enabled.
	Due, Scheduled, Held int64
	OldestDue            *time.Time // since when the delivery that has waited longest is due; nil: none is
	OldestEvent          *time.Time // when the oldest stored event was published; nil: there is none
	Enabled, Disabled    int        // webhooks
	Tenants              int
	Nodes                int // processes that share the deliveries
	// Expired and Expiring are the client certificates of enabled webhooks that have expired, or do so within ExpiresSoon. Of very many, those that
	// expired first are left out.
	Expired, Expiring int
	Sizes             dialect.Sizes
}

// ExpiresSoon is how long before its end a webhook's client certificate counts as expiring.
const ExpiresSoon = 7 * 24 * time.Hour

// maxExpiring is of how many client certificates Overview looks at the webhooks.
const maxExpiring = 10_000

// countExpiring counts client certificates. It reads an index.
func (s *Store) countExpiring(ctx context.Context, o *Overview) error {
	now := s.opts.Now()
	var found []struct {
		Expired bool
		N       int
	}
	err := s.read.WithContext(ctx).Raw(`SELECT a.certificate_expires_at <= ? AS expired, COUNT(*) AS n
		FROM (SELECT webhook_id, certificate_expires_at FROM webhook_authentications WHERE certificate_expires_at < ? ORDER BY certificate_expires_at DESC LIMIT ?) AS a
		JOIN webhooks AS w ON w.id = a.webhook_id WHERE w.enabled AND w.deleted_at IS NULL GROUP BY 1`,
		dialect.At(now), dialect.At(now.Add(ExpiresSoon)), maxExpiring).Scan(&found).Error
	for _, f := range found {
		if f.Expired {
			o.Expired = f.N
		} else {
			o.Expiring = f.N
		}
	}
	return dialect.Unavailable(err)
}

// Overview reads it. It reads as much as there are tenants and webhooks with pending deliveries, and as many due deliveries as it counts.
func (s *Store) Overview(ctx context.Context) (*Overview, error) {
	o := &Overview{Nodes: s.db.Nodes()}
	l, err := s.newStats(nil, TimeRange{}, StatsFilter{}).Backlog(ctx)
	if err != nil {
		return nil, err
	}
	o.Held = l.Held
	read := s.read.WithContext(ctx)
	if len(l.webhooks) > 0 {
		if err := s.countDue(ctx, o, l); err != nil {
			return nil, err
		}
	}
	o.Enabled, o.Disabled = s.routes.Enabled()
	if err := s.countExpiring(ctx, o); err != nil {
		return nil, err
	}
	if err := read.Raw("SELECT COUNT(*) FROM tenants WHERE deleted_at IS NULL").Scan(&o.Tenants).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	var oldest []webhook.ID
	if err := read.Raw("SELECT id FROM events ORDER BY id LIMIT 1").Scan(&oldest).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	for _, id := range oldest {
		o.OldestEvent = new(id.Time())
	}
	o.Sizes, err = s.db.Sizes(ctx)
	return o, dialect.Unavailable(err)
}

// countDue tells deliveries that are due from those that are only pending.
func (s *Store) countDue(ctx context.Context, o *Overview, l *Backlog) error {
	now := s.opts.Now()
	due, err := s.oldestDue(ctx, l.webhooks)
	if err != nil {
		return err
	}
	on, err := s.enabled(ctx, l.webhooks)
	if err != nil {
		return err
	}
	var late []int64 // webhooks that have some
	for seq, at := range due {
		if !on[seq] || at.After(now) {
			continue
		}
		late = append(late, seq)
		if o.OldestDue == nil || at.Before(*o.OldestDue) {
			o.OldestDue = &at
		}
	}
	if len(late) > 0 {
		among, arg := s.db.Among("w.seq", late)
		err = s.read.WithContext(ctx).Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM webhooks w JOIN deliveries d ON d.webhook_id = w.id AND d.due_at <= ?
			WHERE `+among+` LIMIT ?) AS due`, dialect.At(now), arg, maxDue+1).Scan(&o.Due).Error
	}
	if o.Due > maxDue {
		o.Due = l.Due
	}
	o.Scheduled = max(l.Due-o.Due, 0)
	return dialect.Unavailable(err)
}

// Totals returns what this process has counted since the store was opened, also of the tenants that Options.CountTenants allows.
func (s *Store) Totals() (stats.Sums, map[stats.Tenant]stats.Sums) { return s.total.Read() }

// Pruned returns how many events retention has removed in this process.
func (s *Store) Pruned() int64 { return s.pruned.Load() }

// Health is the health of a webhook.
type Health struct {
	LastSuccessAt, LastFailureAt *time.Time
	FailuresInARow               int64
	Pending                      int64         // deliveries that are pending or held
	Counts                       *stats.Counts // of the last 24 hours
}

// HealthFor is the period that Health.Counts covers.
const HealthFor = 24 * time.Hour

// Health reads the health of webhooks, in two statements. Foreign and deleted ones are missing from the map.
func (c *Scope) Health(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*Health, error) {
	all := make(map[webhook.ID]*Health, len(ids))
	seqs := []int64{}
	byID := c.own(ids)
	for id, seq := range byID {
		all[id] = &Health{Counts: &stats.Counts{}}
		seqs = append(seqs, seq)
	}
	if len(seqs) == 0 {
		return all, nil
	}
	db := c.db(ctx)
	t := c.Stats(TimeRange{From: new(c.s.opts.Now().Add(-HealthFor))}, StatsFilter{})
	q := t.query
	q.Webhooks, q.By = seqs, statistics.ByWebhook
	owners := c.owners(ids)
	if t.tenant == nil {
		q.Tenants = owners
	}
	states, err := statistics.States(ctx, db, c.s.db, &c.s.tail, owners, seqs)
	if err != nil {
		return nil, err
	}
	found, err := statistics.Read(db, c.s.db, &c.s.tail, q)
	if err != nil {
		return nil, err
	}
	for id, seq := range byID {
		h := all[id]
		if is := states[seq]; is != nil {
			h.LastSuccessAt, h.LastFailureAt, h.FailuresInARow, h.Pending = is.SucceededAt, is.FailedAt, is.Failures, is.Pending
		}
		if counts := found.Groups[statistics.Group{Webhook: seq}][0]; counts != nil {
			h.Counts = counts
		}
	}
	return all, nil
}

// owners finds the tenants of webhooks.
func (c *Scope) owners(ids []webhook.ID) []webhook.ID {
	var tenants []webhook.ID
	for _, id := range ids {
		if to := c.s.routes.Get(id); to != nil && !slices.Contains(tenants, to.TenantID) {
			tenants = append(tenants, to.TenantID)
		}
	}
	return tenants
}

// own finds the seqs of those webhooks that are the tenant's and not deleted.
func (c *Scope) own(ids []webhook.ID) map[webhook.ID]int64 {
	byID := make(map[webhook.ID]int64, len(ids))
	for _, id := range ids {
		if to := c.s.routes.Get(id); to != nil && c.has(to.TenantID) {
			byID[id] = to.Seq
		}
	}
	return byID
}

// OldestDue reads the earliest due time of each webhook's waiting deliveries. Webhooks without any are missing from the map.
func (c *Scope) OldestDue(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*time.Time, error) {
	byID := c.own(ids)
	seqs := make([]int64, 0, len(byID))
	for _, seq := range byID {
		seqs = append(seqs, seq)
	}
	due, err := c.s.oldestDue(ctx, seqs)
	found := make(map[webhook.ID]*time.Time, len(due))
	for id, seq := range byID {
		if at, ok := due[seq]; ok {
			found[id] = &at
		}
	}
	return found, err
}

// WebhookCount returns the number of the tenant's webhooks.
func (s *Store) WebhookCount(tenant webhook.ID) int { return s.routes.Count(tenant) }

// StoredEvents returns the number of the tenant's stored events if it has a quota of them; otherwise they are not counted.
func (s *Store) StoredEvents(tenant webhook.ID) (n int, ok bool) {
	a := s.quotas.Of(tenant)
	return int(a.Stored()), a.Limits().Events > 0
}

// counting is the writer's memory for what transactions count. Each transaction uses it again.
type counting struct {
	all, part stats.Delta // of the transaction, and of the change that runs in it
	seen      stats.Seen  // by the transaction
	data      []byte
	folding   sync.Mutex // guards folder
	folder    statistics.Folder
	expired   atomic.Int64 // when rows were last removed, in seconds since 1970
}

// countExisting counts what is stored once, in a database that has no statistics: they were not in a backup, or were removed. Nothing else may
// write meanwhile.
func (s *Store) countExisting(ctx context.Context) error {
	lacks, err := statistics.Lacks(s.read.WithContext(ctx))
	if err != nil || !lacks {
		return err
	}
	s.log.WarnContext(ctx, "the database has no statistics: counting what is stored")
	err = s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return statistics.CountExisting(&dialect.Tx{DB: tx, Now: s.opts.Now()}, s.db)
	})
	if err != nil {
		return fmt.Errorf("count what is stored: %w", err)
	}
	return nil
}

// keepStatistics is the work by the clock: it folds, and removes what has expired.
func (s *Store) keepStatistics(ctx context.Context) error {
	if err := s.fold(ctx, s.opts.Now); err != nil {
		return err
	}
	now := s.opts.Now()
	if now.Sub(time.Unix(s.tally.expired.Load(), 0)) < expireStatsEvery {
		return nil
	}
	if err := s.expireStatistics(ctx, newPruner(s), now); err != nil {
		return err
	}
	s.tally.expired.Store(now.Unix())
	return nil
}

// FoldStatistics folds all of the journal of statistics, in pieces that give way to others. Nobody needs to call it to read them.
func (s *Store) FoldStatistics(ctx context.Context) error { return s.fold(ctx, nil) }

// fold folds what is worth folding at the time, or everything if now is nil. It may leave rows that arrive in the meantime.
func (s *Store) fold(ctx context.Context, now func() time.Time) error {
	s.tally.folding.Lock()
	defer s.tally.folding.Unlock()
	for p := newPruner(s); ; {
		minute := statistics.NoMinute
		if now != nil {
			minute = now().Unix() / 60
		}
		plan, err := s.tally.folder.Plan(s.read.WithContext(ctx), minute)
		if err != nil || plan == nil {
			return err
		}
		if p.share = foldShare; plan.Hurry {
			p.share = 1
		}
		// Rows that arrive in the meantime are merged in time for readers.
		for begun := time.Now(); plan.Next() && time.Since(begun) < foldEvery; {
			var did statistics.Done
			err := p.Piece(ctx, s.tuning.FoldRows, func(b *dialect.Tx, n int) (err error) {
				did, err = plan.Step(b, n)
				return err
			})
			if err != nil {
				return fmt.Errorf("fold statistics: %w", err)
			}
			plan.Committed(did)
		}
		if !plan.Next() && !plan.More {
			return nil
		}
	}
}

// Miscount is a webhook whose pending deliveries differ from statistics.
type Miscount = statistics.Miscount

// CheckBacklog compares webhooks' pending deliveries according to statistics with the stored ones, and returns the differences. It is for
// diagnosis: its cost grows with the number of waiting deliveries.
func (s *Store) CheckBacklog(ctx context.Context) ([]*Miscount, error) {
	return statistics.Check(s.read.WithContext(ctx), s.db)
}

const (
	foldEvery        = 5 * time.Second
	foldShare        = 10 // while others write, folding takes a tenth of the time
	expireStatsEvery = time.Hour
	minutesKept      = statistics.MinutesFor + time.Hour
)

// expireStatistics removes rows that are older than they are kept, and types that have none any more.
func (s *Store) expireStatistics(ctx context.Context, p *pruner, now time.Time) error {
	of := statistics.Expired{Minutes: now.Add(-minutesKept), Others: now.Add(-s.statsRetention())}
	if any, err := of.Any(s.read.WithContext(ctx)); err != nil || !any {
		return err
	}
	for _, remove := range []func(b *dialect.Tx, n int) (int64, error){of.Remove, statistics.ForgetTypes} {
		for more := true; more; {
			err := p.Piece(ctx, s.tuning.FoldRows, func(b *dialect.Tx, n int) error {
				removed, err := remove(b, n)
				more = removed == int64(n)
				return err
			})
			if err != nil {
				return fmt.Errorf("remove old statistics: %w", err)
			}
		}
	}
	return nil
}
