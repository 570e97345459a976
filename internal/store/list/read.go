package list

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Read reads a page of a list that stands for itself.
func Read[T any, R listed[T]](ctx context.Context, r *Reading[T], o Order, p Page) (*List[T], error) {
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
func (r *Reading[T]) walk(s stretch, limit int) (rows []*T, floor int64, err error) {
	if len(r.rest) == 0 {
		rows, err = r.find(s, limit)
		return rows, 0, err
	}
	began, spent, b := time.Now(), 0, r.Source.Bounds
	for n := b.First; ; n = min(4*n, b.Most-spent) {
		if floor, err = r.floor(s, n); err != nil {
			return nil, 0, err
		}
		found, err := r.find(s.upTo(floor), limit-len(rows))
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, found...)
		if spent += n; floor == 0 || len(rows) >= limit || spent >= b.Most || time.Since(began) >= b.Time {
			return rows, floor, nil
		}
		s = s.next(floor)
	}
}

// look looks for a row in a short stretch, and reports whether it has not looked at all.
func (r *Reading[T]) look(s stretch) (found, unsure bool, err error) {
	floor := int64(0)
	if len(r.rest) > 0 {
		if floor, err = r.floor(s, r.Source.Bounds.First); err != nil {
			return false, false, err
		}
	}
	rows, err := r.find(s.upTo(floor), 1)
	return len(rows) > 0, floor != 0, err
}

// maxParents bounds the parents of one statement: SQLite takes 500 parts of a UNION ALL.
const maxParents = 100

// ReadOf reads the same page for each parent, in one statement (for each maxParents of them): the union of one short index walk
// each, where a window function would read every child of every parent. The parents share the rows that a search may read.
func ReadOf[T any, R listed[T]](ctx context.Context, r *Reading[T], ids []webhook.ID, o Order, p Page, parent func(*T) webhook.ID) (map[webhook.ID]*List[T], error) {
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
	n := max(r.Source.Bounds.Most/len(ids), r.Source.Bounds.Least)
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
	*Reading[T]

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
	found, err := scan[T](c.DB.Raw(unionAll("SELECT * FROM (?) AS t", len(parts)), parts...))
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

// Last reads the last row of each parent's list, in one statement (for each maxParents of them). Parents with none are missing from the map.
func Last[T any](r *Reading[T], ids []webhook.ID, parent func(*T) webhook.ID) (map[webhook.ID]*T, error) {
	last := make(map[webhook.ID]*T, len(ids))
	for part := range slices.Chunk(ids, maxParents) {
		of := children[T]{Reading: r, ids: part, parent: parent}
		found, _, err := of.find(stretch{}, 1)
		if err != nil {
			return nil, err
		}
		for id, rows := range found {
			last[id] = rows[0]
		}
	}
	return last, nil
}

// Count is how many rows a list has.
type Count struct {
	N int
	// AtLeast says that not all rows were looked at, so that there may be more.
	AtLeast bool
}

// searchedPerCounted is how many rows are looked at for each that a count may find.
const searchedPerCounted = 10

// Count counts the rows of a list, as far as limit; 0 is all of them.
func (r *Reading[T]) Count(ctx context.Context, limit int) (Count, error) {
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

// CountOf counts the rows of each parent's list, as far as limit; 0 is all of them. Parents with none are missing from the map.
func (r *Reading[T]) CountOf(ctx context.Context, ids []webhook.ID, limit int) (map[webhook.ID]Count, error) {
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
func (r *Reading[T]) counts(branches []any, in func(i int) stretch, limit int) (map[int]int, error) {
	parts, rows := make([]string, len(branches)), make([]any, len(branches))
	for i, value := range branches {
		q := where(r.branch(r.Rows(), value, in(i)), r.rest).Select("1")
		if limit > 0 {
			q = r.ordered(q, false, limit+1)
		}
		parts[i], rows[i] = fmt.Sprintf("SELECT %d AS branch, COUNT(*) AS n FROM (?) AS t", i), q
	}
	var found []struct{ Branch, N int }
	if err := r.DB.Raw(strings.Join(parts, " UNION ALL "), rows...).Scan(&found).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	counts := make(map[int]int, len(found))
	for _, f := range found {
		counts[f.Branch] = f.N
	}
	return counts, nil
}
