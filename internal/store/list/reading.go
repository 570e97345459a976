package list

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// A list is read along one index, which the statement names, from a place in it towards an end (I15). The query planner does not choose: it has
// no statistics of a table that has just begun to grow, and prefers an index that is in the right order to one that finds the rows.
//
//   - Conditions that the index does not serve are written so that no other index can serve them (aside).
//   - A filter with such conditions may keep few rows of many. A page then reads a bounded stretch of the index, and says where it ended.

// Limits of what one page reads if its filter may keep few rows of many. A search begins with a short stretch, because most filters keep many
// rows, and continues with longer ones.
const (
	firstStretch = 250
	maxStretch   = 20_000
	maxPayloads  = 16 << 20 // bytes; a portion may exceed it
	stretchTime  = 50 * time.Millisecond
	leastStretch = 100 // of each parent's list, if there are many parents
	maxBranches  = 20  // parts of an index that one list walks side by side
)

// Bounds are limits of what a page may read.
type Bounds struct {
	First, Most int // rows of the first stretch, and of all stretches
	Least       int // minimum of rows of each parent's list
	Bytes       int // of events' payloads
	Time        time.Duration
}

// DefaultBounds are the bounds of a server.
func DefaultBounds() Bounds {
	return Bounds{firstStretch, maxStretch, leastStretch, maxPayloads, stretchTime}
}

// Source is the database from which lists are read.
type Source struct {
	DB     dialect.DB
	Read   *gorm.DB // not restricted to a tenant
	Bounds Bounds
}

// Path is the way in which a list with a filter is read.
type Path struct {
	*Index

	// branches are the values of the columns equal after the tenant. The index is walked for each of them, and the rows are merged. Those of a
	// list that needs several indexes are these, of which only the names and the conditions differ.
	branches []any
	// rest are the conditions that the index does not serve: a page may have to read many rows for each that it shows.
	rest []condition
	// data are the conditions on events' payloads.
	data []filter.Data
	// wanted is the filter that events match besides; nil: none.
	wanted *filter.Filter
	// span is the range of times of the list, which rest contains too.
	span TimeRange
	// days and daysOf, for one branch, restrict PostgreSQL to partitions.
	days   []condition
	daysOf func(value any) []condition
}

// Reading is a list and the access of its reader.
type Reading[T any] struct {
	Path

	Source *Source
	Tenant webhook.ID // of a tenant's list; zero for others
	DB     *gorm.DB   // restricted to what the reader may see
	// Rows selects the rows of the index, Bare only names its table. Both are restricted to the tenant, if there is one.
	Rows, Bare func() *gorm.DB
	// Payloads is the table of events, e, found by their ids, and ByID reads rows, both for filters by payload.
	Payloads func() *gorm.DB
	ByID     func(ids []webhook.ID) (map[webhook.ID]*T, error)
	// inJoin says that a walk is for the branches of joined.
	inJoin bool
	// At returns the time of a row, in microseconds, in a list in the order of a time; nil in other lists.
	At func(*T) int64
}

// stretch is a part of a walk that includes both ends; no place means the end of the list.
type stretch struct {
	upward   bool
	from, to Place
}

// next returns the stretch that follows floor.
func (s stretch) next(floor Place) stretch {
	s.from = floor.before(!s.upward)
	return s
}

// before returns the place next to one, on the side from which the walk comes; below the first it is a place that no row has.
func (p Place) before(upward bool) Place {
	if !upward {
		return Place{p.At, p.Seq + 1}
	}
	if p.At == 0 {
		return Place{Seq: cmp.Or(p.Seq-1, BelowAll)}
	}
	return Place{p.At, p.Seq - 1}
}

// placeOf returns the place of a row with this Seq and, in lists in the order of a time, this time.
func placeOf(seq int64, at *dialect.Micros) Place {
	if at == nil {
		return Place{Seq: seq}
	}
	return Place{int64(*at), seq}
}

// upTo returns the stretch up to floor; without a floor, all of it.
func (s stretch) upTo(floor Place) stretch {
	if floor != (Place{}) {
		s.to = floor
	}
	return s
}

// within returns the part of the stretch between low and high, each of which may be open, and whether there is one.
func (s stretch) within(low, high Place) (stretch, bool) {
	from, to := &s.from, &s.to
	if !s.upward {
		from, to = to, from
	}
	if from.compare(low) < 0 {
		*from = low
	}
	if high != (Place{}) && (*to == (Place{}) || to.compare(high) > 0) {
		*to = high
	}
	return s, *to == (Place{}) || from.compare(*to) <= 0
}

// along returns the index that a branch is walked along.
func (r *Reading[T]) along(value any) *Index {
	if of, ok := value.(*Index); ok {
		return of
	}
	return r.Index
}

// rowsOf and bareOf are Rows and Bare for a branch.
func (r *Reading[T]) rowsOf(value any) *gorm.DB { return r.named(r.Rows(), value) }
func (r *Reading[T]) bareOf(value any) *gorm.DB { return r.named(r.Bare(), value) }

func (r *Reading[T]) named(q *gorm.DB, value any) *gorm.DB {
	if of := r.along(value); of != r.Index {
		return q.Table(of.From(q))
	}
	return q
}

// branch returns a query for one branch's part of the index, in the stretch.
func (r *Reading[T]) branch(q *gorm.DB, value any, s stretch) *gorm.DB {
	if r.inJoin {
		q = where(r.joinedBranch(q), r.days)
		if r.only != "" {
			q = q.Where(r.only)
		}
		return q
	}
	if n := len(r.equal); n > 1 || n == 1 && (!r.ofOne() || r.Tenant == (webhook.ID{})) {
		q = q.Where(r.column(r.equal[n-1])+" = ?", value)
	}
	if only := r.along(value).only; only != "" {
		q = q.Where(only)
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

// side limits a query at seq. In a list in the order of another column, the limit is the value of this column in the row with this seq, if the
// branch has it.
func (r *Reading[T]) side(q *gorm.DB, value any, at Place, operator, otherwise string) *gorm.DB {
	seq := at.Seq
	switch {
	case at == (Place{}):
		return q
	case r.time != "":
		return q.Where("("+r.column(r.time)+", "+r.seq()+")"+operator+"(?, ?)", dialect.Micros(at.At), seq)
	}
	if r.by != "" {
		own, args := "", []any{seq, value}
		if r.Tenant != (webhook.ID{}) {
			own, args = " AND c.tenant_id = ?", append(args, r.Tenant)
		}
		q = q.Where(fmt.Sprintf("%s%sCOALESCE((SELECT c.%s FROM %s AS c WHERE c.seq = ? AND c.%s = ?%s), %s)",
			r.column(r.by), operator, r.by, r.table, r.equal[0], own, otherwise), args...)
	}
	return q.Where(r.seq()+operator+"?", seq)
}

// ordered adds the order of the list to a query.
func (r *Reading[T]) ordered(q *gorm.DB, upward bool, limit int) *gorm.DB {
	if r.inJoin {
		return r.joinedOrder(q, upward).Limit(limit)
	}
	column := r.seq()
	if r.by != "" {
		column = r.column(r.by)
	}
	switch {
	case r.single:
		return q.Limit(limit)
	case r.time != "":
		return q.Order(r.column(r.time) + direction(upward) + ", " + r.seq() + direction(upward)).Limit(limit)
	}
	return q.Order(column + direction(upward)).Limit(limit)
}

func direction(upward bool) string {
	if upward {
		return " ASC"
	}
	return " DESC"
}

// found returns a query for the rows of a branch that the whole filter keeps.
func (r *Reading[T]) found(value any, s stretch, limit int) *gorm.DB {
	return r.ordered(where(r.branch(r.rowsOf(value), value, s), r.rest), s.upward, limit)
}

// find reads rows of all branches, in order.
func (r *Reading[T]) find(s stretch, limit int) ([]*T, error) {
	if len(r.branches) == 1 {
		return scan[T](r.found(r.branches[0], s, limit))
	}
	parts := make([]any, len(r.branches), len(r.branches)+1)
	for i, value := range r.branches {
		parts[i] = r.found(value, s, limit)
	}
	return scan[T](r.DB.Raw(merge(len(parts), s.upward), append(parts, limit)...))
}

// merge returns a query for the first rows of n branches, in order.
func merge(n int, upward bool) string {
	return "SELECT * FROM (" + unionAll("SELECT * FROM (?) AS t", n) + ") AS u ORDER BY seq" + direction(upward) + " LIMIT ?"
}

func unionAll(part string, n int) string { return part + strings.Repeat(" UNION ALL "+part, n-1) }

// floors returns the Seqs at which stretches of n rows of the branches end, not counting the row of a cursor. Branches with fewer rows are
// missing from the map.
func (r *Reading[T]) floors(branches []any, s stretch, n int) (map[int]Place, error) {
	var rows []struct {
		Branch int
		Seq    int64
		At     *dialect.Micros
	}
	err := r.each(branches, func(int) stretch { return s }, func(r *Reading[T], value any, s stretch) *gorm.DB {
		return r.ordered(r.branch(r.bareOf(value).Select(r.placed()), value, s), s.upward, 1).Offset(n)
	}).Scan(&rows).Error
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	ends := make(map[int]Place, len(rows))
	for _, row := range rows {
		if end := placeOf(row.Seq, row.At); end != s.to {
			ends[row.Branch] = end
		}
	}
	return ends, nil
}

// floor returns the place at which a stretch of about n rows of all branches ends; none if the list ends before.
func (r *Reading[T]) floor(s stretch, n int) (Place, error) {
	ends, err := r.floors(r.branches, s, max(n/len(r.branches), 1))
	floor := Place{}
	for _, end := range ends {
		if floor == (Place{}) || (end.compare(floor) < 0) == s.upward {
			floor = end
		}
	}
	return floor, err
}

// timeOf returns the time of the row with this Seq in one of the branches; nil if it was removed.
func (r *Reading[T]) timeOf(branches []any, at Place) (*time.Time, error) {
	switch {
	case r.timeless:
		return nil, nil
	case r.time != "":
		return new(dialect.Micros(at.At).Time()), nil
	}
	return r.timeOfRow(branches, at)
}

func (r *Reading[T]) timeOfRow(branches []any, place Place) (*time.Time, error) {
	for _, value := range branches {
		var at []dialect.Micros
		q := r.branch(r.bareOf(value).Select(r.column(r.at)), value, stretch{from: place, to: place}).Limit(1)
		if err := q.Scan(&at).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
		if len(at) > 0 {
			return new(at[0].Time()), nil
		}
	}
	return nil, nil
}

// The time in a row's id increases with seq, except for differences between the replicas' clocks and for the time that a row waits to be written.
const (
	clockSlack   = time.Minute
	attemptSlack = 5 * time.Minute // an attempt is recorded after it has ended
)

// within returns the part of the walk that may have rows of the span of time.
func (r *Reading[T]) within(ctx context.Context, s stretch) (_ stretch, some bool, err error) {
	if r.time != "" {
		s, some = s.within(r.span.places())
		return s, some, nil
	}
	var low, high int64
	if r.span.From != nil {
		if low, _, err = r.Source.seqAt(ctx, cmp.Or(r.rows, r.table), "t.id < ?", "t.id DESC", r.span.From.Add(-clockSlack)); err != nil {
			return s, false, err
		}
	}
	if r.span.To != nil {
		slack := clockSlack
		if r.at == "started_at" {
			slack = attemptSlack
		}
		var made time.Time
		if high, made, err = r.Source.seqAt(ctx, cmp.Or(r.rows, r.table), "t.id >= ?", "t.id", r.span.To.Add(slack)); err != nil {
			return s, false, err
		}
		// While the database was unavailable nothing was recorded: attempts of that time have Seqs from after it.
		if r.at == "started_at" && high != 0 && made.Sub(*r.span.To) > slack+clockSlack {
			if high, _, err = r.Source.seqAt(ctx, cmp.Or(r.rows, r.table), "t.id >= ?", "t.id", made.Add(slack)); err != nil {
				return s, false, err
			}
		}
	}
	s, some = s.within(Place{Seq: low}, Place{Seq: high})
	return s, some, nil
}

// seqAt returns the Seq and the time of the last row before a time, or of the first one from then on, by their ids; 0 if there is none. The
// row may belong to any tenant, so it must be used only as a bound.
func (s *Source) seqAt(ctx context.Context, table, side, order string, t time.Time) (seq int64, made time.Time, err error) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(min(max(t.UnixMilli(), 0), 1<<48-1)))
	var id webhook.ID
	copy(id[:6], ms[2:])
	from := (&Index{table: table, alias: "t", index: table + "_id"}).From(s.Read)
	var found []struct {
		Seq int64
		ID  webhook.ID
	}
	for _, days := range s.daysAt(table, t) {
		q := where(s.Read.WithContext(ctx).Table(from).Select("t.seq, t.id").Where(side, id), days)
		if err := q.Order(order).Limit(1).Scan(&found).Error; err != nil {
			return 0, made, dialect.Unavailable(err)
		}
		if len(found) > 0 {
			break
		}
	}
	if len(found) == 0 {
		return 0, made, nil
	}
	return found[0].Seq, found[0].ID.Time(), nil
}

// daysAt returns the ranges of days in which seqAt searches, in this order. Rows of other days could be nearer to the time, but those of the
// first range are a bound as well, and PostgreSQL need not look into every partition for them.
func (s *Source) daysAt(table string, t time.Time) [][]condition {
	if !partitioned(table) || t.Year() < 1971 || t.Year() > 9999 {
		return [][]condition{nil}
	}
	near := published(s.DB, "t.day", t.Add(-nearDays*oneDay), t.Add(oneDay))
	if near == nil {
		return [][]condition{nil}
	}
	return [][]condition{near, nil}
}
