package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A list is read along one index, which it names, from a place in it towards an end (I15). Nothing is left to a planner: it
// has no statistics of a table that has just begun to grow, and takes an index that happens to be in the right order for one
// that finds the rows.
//
//   - What the index does not serve of a filter is written so that no other index can serve it (aside).
//   - Such a filter may keep few rows of many. Then a page reads a bounded stretch of the index, and says how far it came.

// listing is a way to read the rows of a table: along an index, in the order of seq.
type listing struct {
	table, alias string
	// index is the index's name; "" is the table's own order, or, for one row, its key. On SQLite every index ends with seq, on PostgreSQL
	// these do.
	index string
	one   bool
	// equal is the index's first columns: a walk holds them to one value each.
	equal []string
	// only is the condition of a partial index, as the index has it.
	only string
	// by is the column after equal, if the index has another one than seq that is in the order of seq.
	by string
	// at is the column of the time that runs with seq.
	at string
}

var (
	webhooksOfTenant     = &listing{table: "webhooks", alias: "w", index: "webhooks_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	webhooksByExternalID = &listing{ // one row at most, so that it needs no order
		table: "webhooks", alias: "w", index: "webhooks_external", equal: []string{"tenant_id", "external_id"},
		only: "w.external_id IS NOT NULL AND w.deleted_at IS NULL", at: "created_at",
	}

	eventsOfTenant = &listing{table: "events", alias: "e", index: "events_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	eventsOfType   = &listing{table: "events", alias: "e", index: "events_type", equal: []string{"tenant_id", "type"}, at: "created_at"}

	deliveriesOfTenant  = &listing{table: "deliveries", alias: "d", index: "deliveries_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	deliveriesOfType    = &listing{table: "deliveries", alias: "d", index: "deliveries_type", equal: []string{"tenant_id", "event_type"}, at: "created_at"}
	deliveriesOfWebhook = &listing{table: "deliveries", alias: "d", index: "deliveries_webhook", equal: []string{"webhook_id"}, at: "created_at"}
	deliveriesOfEvent   = &listing{table: "deliveries", alias: "d", index: "deliveries_event", equal: []string{"event_id"}, at: "created_at"}
	failuresOfTenant    = &listing{table: "deliveries", alias: "d", index: "deliveries_failed", equal: []string{"tenant_id"}, only: "d.status = 'FAILED'", at: "created_at"}
	failuresOfWebhook   = &listing{
		table: "deliveries", alias: "d", index: "deliveries_webhook_failed", equal: []string{"webhook_id"}, only: "d.status = 'FAILED'", at: "created_at",
	}

	attemptsOfTenant        = &listing{table: "attempts", alias: "a", index: "attempts_tenant", equal: []string{"tenant_id"}, at: "started_at"}
	attemptsOfWebhook       = &listing{table: "attempts", alias: "a", index: "attempts_webhook", equal: []string{"webhook_id"}, at: "started_at"}
	attemptsOfDelivery      = &listing{table: "attempts", alias: "a", index: "attempts_number", equal: []string{"delivery_id"}, by: "number", at: "started_at"}
	failedAttemptsOfTenant  = &listing{table: "attempts", alias: "a", index: "attempts_failed", equal: []string{"tenant_id"}, only: "a.status = 'FAILED'", at: "started_at"}
	failedAttemptsOfWebhook = &listing{
		table: "attempts", alias: "a", index: "attempts_webhook_failed", equal: []string{"webhook_id"}, only: "a.status = 'FAILED'", at: "started_at",
	}

	oneTenant      = &listing{table: "tenants", alias: "t", one: true, at: "created_at"}
	allTenants     = &listing{table: "tenants", alias: "t", at: "created_at"}
	allTokens      = &listing{table: "tokens", alias: "k", at: "created_at"}
	tokensOfTenant = &listing{table: "tokens", alias: "k", index: "tokens_tenant", equal: []string{"tenant_id"}, at: "created_at"}
)

// from is the table as a statement names it. SQLite takes the index, or refuses the statement.
func (l *listing) from(db *gorm.DB) string {
	text := l.table + " AS " + l.alias
	switch {
	case db.Name() != "sqlite" || l.one:
		return text
	case l.index == "":
		return text + " NOT INDEXED"
	}
	return text + " INDEXED BY " + l.index
}

func (l *listing) column(name string) string { return l.alias + "." + name }

// seq is the column that orders the list.
func (l *listing) seq() string { return l.column("seq") }

// ofOne reports whether the index begins with the tenant.
func (l *listing) ofOne() bool { return slices.Contains(l.equal, "tenant_id") }

// owner is the condition that rows are the tenant's, for the index or beside it.
func (l *listing) owner(tenant webhook.ID) condition {
	is := condition{l.column("tenant_id") + " = ?", []any{tenant}}
	if l.ofOne() {
		return is
	}
	return is.aside()
}

// condition is one of a filter's, or a bound.
type condition struct {
	text string
	args []any
}

// aside is a condition that no index serves: it is checked with each row.
func (c condition) aside() condition { return condition{"(" + c.text + ") IS TRUE", c.args} }

func where(q *gorm.DB, conditions []condition) *gorm.DB {
	for _, c := range conditions {
		q = q.Where(c.text, c.args...)
	}
	return q
}

// Bounds of what one page reads when a filter may keep few rows of many. A search begins with a short stretch, because most filters
// keep many, and goes on with longer ones.
const (
	firstStretch = 500
	maxStretch   = 20_000
	stretchTime  = 50 * time.Millisecond
	leastStretch = 100 // of each parent's list, when they are many
	maxBranches  = 20  // parts of an index that one list walks side by side
)

// searching is the bounds of a store.
type searching struct {
	first, most, least int // rows
	time               time.Duration
}

func defaultSearching() searching {
	return searching{firstStretch, maxStretch, leastStretch, stretchTime}
}

// path is how a list with a filter is read.
type path struct {
	*listing

	// branches are the values of the columns equal after the tenant: for each of them the index is walked, and what is found is merged.
	branches []any
	// rest is what of the filter the index does not serve: a page may have to read many rows for each that it shows.
	rest []condition
	// span is the range of the listing's times, which rest has too.
	span TimeRange
	// days and daysOf, of a branch, tell PostgreSQL in which partitions to look.
	days   []condition
	daysOf func(value any) []condition
}

// reading is a list that is read for somebody.
type reading[T any] struct {
	path

	s      *Store
	tenant webhook.ID // of lists that are a tenant's
	db     *gorm.DB   // in the name of whoever reads
	// rows selects the rows of the listing, and bare has its table only. Both hold it to the tenant.
	rows, bare func() *gorm.DB
}

// stretch is a part of a walk along seq, both ends in it; 0 is an end of the list.
type stretch struct {
	upward   bool
	from, to int64
}

// next is the stretch that follows on floor.
func (s stretch) next(floor int64) stretch {
	s.from = before(floor, !s.upward)
	return s
}

// before is the Seq next to one, on the side from which a walk comes; below the first it is none that a row has.
func before(seq int64, upward bool) int64 {
	if upward {
		return cmp.Or(seq-1, -1)
	}
	return seq + 1
}

// upTo is the stretch as far as floor; 0 is all of it.
func (s stretch) upTo(floor int64) stretch {
	if floor != 0 {
		s.to = floor
	}
	return s
}

// within is the part of the stretch between low and high; 0 is open. It reports whether there is any.
func (s stretch) within(low, high int64) (stretch, bool) {
	from, to := &s.from, &s.to
	if !s.upward {
		from, to = to, from
	}
	*from = max(*from, low)
	if high != 0 && (*to == 0 || *to > high) {
		*to = high
	}
	return s, *to == 0 || *from <= *to
}

// branch is a query of one branch's part of the index, in the stretch.
func (r *reading[T]) branch(q *gorm.DB, value any, s stretch) *gorm.DB {
	if n := len(r.equal); n > 1 || n == 1 && (!r.ofOne() || r.tenant == (webhook.ID{})) {
		q = q.Where(r.column(r.equal[n-1])+" = ?", value)
	}
	if r.only != "" {
		q = q.Where(r.only)
	}
	low, high := s.from, s.to
	if !s.upward {
		low, high = high, low
	}
	q = r.side(q, value, low, " >= ", "0")
	q = where(r.side(q, value, high, " <= ", "2147483647"), r.days)
	if r.daysOf != nil {
		q = where(q, r.daysOf(value))
	}
	return q
}

// side bounds a query at seq. A list that goes by another column begins at that of the row which has it, if that is one of the branch.
func (r *reading[T]) side(q *gorm.DB, value any, seq int64, operator, otherwise string) *gorm.DB {
	if seq == 0 {
		return q
	}
	if r.by != "" {
		q = q.Where(fmt.Sprintf("%s%sCOALESCE((SELECT c.%s FROM %s AS c WHERE c.seq = ? AND c.%s = ? AND c.tenant_id = ?), %s)",
			r.column(r.by), operator, r.by, r.table, r.equal[0], otherwise), seq, value, r.tenant)
	}
	return q.Where(r.seq()+operator+"?", seq)
}

// ordered is a query in the order of the list.
func (r *reading[T]) ordered(q *gorm.DB, upward bool, limit int) *gorm.DB {
	column := r.seq()
	if r.by != "" {
		column = r.column(r.by)
	}
	return q.Order(column + direction(upward)).Limit(limit)
}

func direction(upward bool) string {
	if upward {
		return " ASC"
	}
	return " DESC"
}

// found is a query of the rows of a branch that the whole filter keeps.
func (r *reading[T]) found(value any, s stretch, limit int) *gorm.DB {
	return r.ordered(where(r.branch(r.rows(), value, s), r.rest), s.upward, limit)
}

// find reads rows of all branches, in order.
func (r *reading[T]) find(s stretch, limit int) ([]*T, error) {
	if len(r.branches) == 1 {
		return scan[T](r.found(r.branches[0], s, limit))
	}
	parts := make([]any, len(r.branches), len(r.branches)+1)
	for i, value := range r.branches {
		parts[i] = r.found(value, s, limit)
	}
	text := "SELECT * FROM (" + unionAll("SELECT * FROM (?) AS t", len(parts)) + ") AS u ORDER BY seq" + direction(s.upward) + " LIMIT ?"
	return scan[T](r.db.Raw(text, append(parts, limit)...))
}

func unionAll(part string, n int) string { return part + strings.Repeat(" UNION ALL "+part, n-1) }

// floors are the Seqs at which stretches of n rows of the branches end, besides the row of a cursor, by the branches' places; those that end
// before are missing.
func (r *reading[T]) floors(branches []any, s stretch, n int) (map[int]int64, error) {
	parts, floors := make([]string, len(branches)), make([]any, len(branches))
	for i, value := range branches {
		parts[i] = fmt.Sprintf("SELECT %d AS branch, t.seq FROM (?) AS t", i)
		floors[i] = r.ordered(r.branch(r.bare().Select(r.seq()), value, s), s.upward, 1).Offset(n)
	}
	var rows []struct {
		Branch int
		Seq    int64
	}
	if err := r.db.Raw(strings.Join(parts, " UNION ALL "), floors...).Scan(&rows).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	ends := make(map[int]int64, len(rows))
	for _, row := range rows {
		if row.Seq != s.to {
			ends[row.Branch] = row.Seq
		}
	}
	return ends, nil
}

// floor is the Seq at which a stretch of about n rows of all branches ends; 0 when the list ends before.
func (r *reading[T]) floor(s stretch, n int) (int64, error) {
	ends, err := r.floors(r.branches, s, max(n/len(r.branches), 1))
	floor := int64(0)
	for _, seq := range ends {
		if floor == 0 || (seq < floor) == s.upward {
			floor = seq
		}
	}
	return floor, err
}

// timeOf is when the row came that has the Seq, in one of the branches; nil when it has gone.
func (r *reading[T]) timeOf(branches []any, seq int64) (*time.Time, error) {
	for _, value := range branches {
		var at []dialect.Micros
		q := r.branch(r.bare().Select(r.column(r.at)), value, stretch{from: seq, to: seq}).Limit(1)
		if err := q.Scan(&at).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
		if len(at) > 0 {
			return new(at[0].Time()), nil
		}
	}
	return nil, nil
}

// The time in a row's id runs with seq but for the clocks of those who write, and for how long a row waits to be written.
const (
	clockSlack   = time.Minute
	attemptSlack = 5 * time.Minute // an attempt is recorded when it has ended
)

// within is the part of the walk that may have rows of the span of time.
func (r *reading[T]) within(ctx context.Context, s stretch) (_ stretch, some bool, err error) {
	var low, high int64
	if r.span.From != nil {
		if low, err = r.s.seqAt(ctx, r.table, "t.id < ?", "t.id DESC", r.span.From.Add(-clockSlack)); err != nil {
			return s, false, err
		}
	}
	if r.span.To != nil {
		slack := clockSlack
		if r.at == "started_at" {
			slack = attemptSlack
		}
		if high, err = r.s.seqAt(ctx, r.table, "t.id >= ?", "t.id", r.span.To.Add(slack)); err != nil {
			return s, false, err
		}
	}
	s, some = s.within(low, high)
	return s, some, nil
}

// seqAt is the Seq of the row that was made last before a time, or first from then on, by the ids; 0 when there is none. It may be
// anybody's row: it is for a bound only.
func (s *Store) seqAt(ctx context.Context, table, side, order string, t time.Time) (int64, error) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(min(max(t.UnixMilli(), 0), 1<<48-1)))
	var id webhook.ID
	copy(id[:6], ms[2:])
	from := (&listing{table: table, alias: "t", index: table + "_id"}).from(s.read)
	var found []int64
	if err := s.read.WithContext(ctx).Table(from).Select("t.seq").Where(side, id).Order(order).Limit(1).Scan(&found).Error; err != nil {
		return 0, dialect.Unavailable(err)
	}
	if len(found) == 0 {
		return 0, nil
	}
	return found[0], nil
}

// read reads a page of a list that stands for itself.
func read[T any, R listed[T]](ctx context.Context, r *reading[T], o order, p Page) (*List[T], error) {
	w := o.walk(p)
	if len(r.branches) == 0 {
		return finish[T, R](&List[T]{Items: []*T{}}, w, p), nil
	}
	s, some, err := r.within(ctx, w.stretch())
	if err != nil {
		return nil, err
	}
	var rows []*T
	var floor int64
	if some {
		if rows, floor, err = r.walk(s, w.limit()); err != nil {
			return nil, err
		}
	}
	l, sure := cut[T, R](rows, w)
	if floor != 0 && !l.more(w) {
		if err := stopped(l, w, r, r.branches, floor); err != nil {
			return nil, err
		}
	}
	if !sure {
		other, some, err := r.within(ctx, w.other())
		if err != nil {
			return nil, err
		}
		if some {
			behind, floor, err := r.look(other)
			if err != nil {
				return nil, err
			}
			if behind || floor {
				l.isBehind(w)
			}
		}
	}
	return finish[T, R](l, w, p), nil
}

// walk reads rows until there are as many as limit, or the list ends. A search may end before, at floor.
func (r *reading[T]) walk(s stretch, limit int) (rows []*T, floor int64, err error) {
	if len(r.rest) == 0 {
		rows, err = r.find(s, limit)
		return rows, 0, err
	}
	began, spent, b := time.Now(), 0, r.s.searching
	for n := b.first; ; n = min(4*n, b.most-spent) {
		if floor, err = r.floor(s, n); err != nil {
			return nil, 0, err
		}
		found, err := r.find(s.upTo(floor), limit-len(rows))
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, found...)
		if spent += n; floor == 0 || len(rows) >= limit || spent >= b.most || time.Since(began) >= b.time {
			return rows, floor, nil
		}
		s = s.next(floor)
	}
}

// look looks for a row in a short stretch, and reports whether it has not looked at all.
func (r *reading[T]) look(s stretch) (found, unsure bool, err error) {
	floor := int64(0)
	if len(r.rest) > 0 {
		if floor, err = r.floor(s, r.s.searching.first); err != nil {
			return false, false, err
		}
	}
	rows, err := r.find(s.upTo(floor), 1)
	return len(rows) > 0, floor != 0, err
}

// stopped notes that a list was searched as far as floor.
func stopped[T any](l *List[T], w walk, r *reading[T], branches []any, floor int64) (err error) {
	if l.SearchedTo, err = r.timeOf(branches, floor); err != nil {
		return err
	}
	if w.back {
		l.HasPrev, l.Start = true, floor
	} else {
		l.HasNext, l.End = true, floor
	}
	return nil
}

// finish sets the page's cursors that are not set yet: those of its first and last row. An empty page has the place where it was read.
func finish[T any, R listed[T]](l *List[T], w walk, p Page) *List[T] {
	if n := len(l.Items); n > 0 {
		l.Start, l.End = cmp.Or(l.Start, R(l.Items[0]).Position()), cmp.Or(l.End, R(l.Items[n-1]).Position())
		return l
	}
	if w.back {
		l.Start, l.End = cmp.Or(l.Start, p.Before, p.After), cmp.Or(p.Before, l.Start, p.After)
	} else {
		l.Start, l.End = cmp.Or(p.After, l.End, p.Before), cmp.Or(l.End, p.After, p.Before)
	}
	return l
}

// maxParents bounds the parents of one statement: SQLite takes 500 parts of a UNION ALL.
const maxParents = 100

// readOf reads the same page for each parent, in one statement (for each maxParents of them): the union of one short index walk
// each, where a window function would read every child of every parent. The parents share the rows that a search may read.
func readOf[T any, R listed[T]](ctx context.Context, r *reading[T], ids []webhook.ID, o order, p Page, parent func(*T) webhook.ID) (map[webhook.ID]*List[T], error) {
	w := o.walk(p)
	s, some, err := r.within(ctx, w.stretch())
	if err != nil {
		return nil, err
	}
	other, maybe := stretch{}, false
	if w.start != 0 {
		if other, maybe, err = r.within(ctx, w.other()); err != nil {
			return nil, err
		}
	}
	n := max(r.s.searching.most/len(ids), r.s.searching.least)
	result := make(map[webhook.ID]*List[T], len(ids))
	for part := range slices.Chunk(ids, maxParents) {
		children := children[T]{r, part, n, parent}
		var rows map[webhook.ID][]*T
		var floors map[int]int64
		if some {
			if rows, floors, err = children.find(s, w.limit()); err != nil {
				return nil, err
			}
		}
		unsure := children
		unsure.ids = nil
		for i, id := range part {
			l, sure := cut[T, R](rows[id], w)
			if floor := floors[i]; floor != 0 && !l.more(w) {
				if err := stopped(l, w, r, []any{id}, floor); err != nil {
					return nil, err
				}
			}
			if result[id] = l; !sure {
				unsure.ids = append(unsure.ids, id)
			}
		}
		if maybe && len(unsure.ids) > 0 {
			behind, floors, err := unsure.find(other, 1)
			if err != nil {
				return nil, err
			}
			for i, id := range unsure.ids {
				if len(behind[id]) > 0 || floors[i] != 0 {
					result[id].isBehind(w)
				}
			}
		}
		for _, id := range part {
			finish[T, R](result[id], w, p)
		}
	}
	return result, nil
}

// children are lists of several parents, at most maxParents.
type children[T any] struct {
	*reading[T]

	ids    []webhook.ID
	n      int // rows that are searched for each
	parent func(*T) webhook.ID
}

// find reads rows of each parent. A search ends at a floor, by the parents' places.
func (c *children[T]) find(s stretch, limit int) (rows map[webhook.ID][]*T, floors map[int]int64, err error) {
	parts := make([]any, len(c.ids))
	for i, id := range c.ids {
		parts[i] = id
	}
	if len(c.rest) > 0 {
		if floors, err = c.floors(parts, s, c.n); err != nil {
			return nil, nil, err
		}
	}
	for i, id := range c.ids {
		parts[i] = c.found(id, s.upTo(floors[i]), limit)
	}
	found, err := scan[T](c.db.Raw(unionAll("SELECT * FROM (?) AS t", len(parts)), parts...))
	if err != nil {
		return nil, nil, err
	}
	rows = make(map[webhook.ID][]*T, len(c.ids))
	for _, row := range found {
		id := c.parent(row)
		rows[id] = append(rows[id], row)
	}
	return rows, floors, nil
}

// Count is how many rows a list has.
type Count struct {
	N int
	// AtLeast says that not all rows were looked at, so that there may be more.
	AtLeast bool
}

// searchedPerCounted is how many rows are looked at for each that a count may find.
const searchedPerCounted = 10

// count counts the rows of a list, as far as limit; 0 is all of them.
func (r *reading[T]) count(ctx context.Context, limit int) (Count, error) {
	s, some, err := r.within(ctx, stretch{})
	if err != nil || !some || len(r.branches) == 0 {
		return Count{}, err
	}
	floor := int64(0)
	if limit > 0 && len(r.rest) > 0 {
		if floor, err = r.floor(s, searchedPerCounted*limit); err != nil {
			return Count{}, err
		}
	}
	counts, err := r.counts(r.branches, func(int) stretch { return s.upTo(floor) }, limit)
	if err != nil {
		return Count{}, err
	}
	all := Count{AtLeast: floor != 0}
	for _, n := range counts {
		all.N += n
	}
	return all.to(limit), nil
}

// to is the count as far as limit.
func (c Count) to(limit int) Count {
	if limit > 0 && c.N > limit {
		return Count{limit, true}
	}
	return c
}

// countOf counts the rows of each parent's list, as far as limit; 0 is all of them. Parents with none are missing from the map.
func (r *reading[T]) countOf(ctx context.Context, ids []webhook.ID, limit int) (map[webhook.ID]Count, error) {
	result := make(map[webhook.ID]Count, len(ids))
	s, some, err := r.within(ctx, stretch{})
	if err != nil || !some {
		return result, err
	}
	for part := range slices.Chunk(ids, maxParents) {
		branches := make([]any, len(part))
		for i, id := range part {
			branches[i] = id
		}
		var floors map[int]int64
		if limit > 0 && len(r.rest) > 0 {
			if floors, err = r.floors(branches, s, searchedPerCounted*limit); err != nil {
				return nil, err
			}
		}
		counts, err := r.counts(branches, func(i int) stretch { return s.upTo(floors[i]) }, limit)
		if err != nil {
			return nil, err
		}
		for i, id := range part {
			if c := (Count{counts[i], floors[i] != 0}).to(limit); c != (Count{}) {
				result[id] = c
			}
		}
	}
	return result, nil
}

// counts counts the rows of branches in their stretches, one more than limit at most.
func (r *reading[T]) counts(branches []any, in func(i int) stretch, limit int) (map[int]int, error) {
	parts, rows := make([]string, len(branches)), make([]any, len(branches))
	for i, value := range branches {
		q := where(r.branch(r.rows(), value, in(i)), r.rest).Select("1")
		if limit > 0 {
			q = r.ordered(q, false, limit+1)
		}
		parts[i], rows[i] = fmt.Sprintf("SELECT %d AS branch, COUNT(*) AS n FROM (?) AS t", i), q
	}
	var found []struct{ Branch, N int }
	if err := r.db.Raw(strings.Join(parts, " UNION ALL "), rows...).Scan(&found).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	counts := make(map[int]int, len(found))
	for _, f := range found {
		counts[f.Branch] = f.N
	}
	return counts, nil
}
