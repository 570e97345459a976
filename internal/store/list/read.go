package list

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Read reads a page of a list without parents.
func Read[T any, R listed[T]](ctx context.Context, r *Reading[T], o Order, p Page) (*List[T], error) {
	w := o.walk(p)
	if len(r.branches) == 0 {
		return finish[T, R](r, &List[T]{Items: []*T{}}, w, p), nil
	}
	s, some, err := r.within(ctx, w.stretch())
	if err != nil {
		return nil, err
	}
	var rows []*T
	var floor Place
	if some {
		if rows, floor, err = r.walk(s, w.limit()); err != nil {
			return nil, err
		}
	}
	l, sure := cut[T, R](r, rows, w)
	if floor != (Place{}) && !l.more(w) {
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
	return finish[T, R](r, l, w, p), nil
}

// Next reads rows, oldest first, that come after a Seq and not after until, limit of them at most. It returns the Seq up to which it
// looked: until when that was all. It looks at a bounded number of rows.
func Next[T any, R listed[T]](ctx context.Context, r *Reading[T], after, until int64, limit int) (rows []*T, to int64, err error) {
	s, some, err := r.within(ctx, stretch{upward: true, from: Place{Seq: after + 1}, to: Place{Seq: until}})
	if err != nil || !some || len(r.branches) == 0 || after >= until {
		return nil, until, err
	}
	rows, floor, err := r.walk(s, limit)
	switch {
	case err != nil:
		return nil, after, err
	case len(rows) >= limit:
		return rows, R(rows[len(rows)-1]).Position(), nil
	case floor != (Place{}):
		return rows, floor.Seq, nil
	}
	return rows, until, nil
}

// walk reads rows until it has limit of them or the list ends. A search may end earlier, at floor.
func (r *Reading[T]) walk(s stretch, limit int) (rows []*T, floor Place, err error) {
	if !r.searches() {
		rows, err = r.find(s, limit)
		return rows, Place{}, err
	}
	v, err := r.sieve(r.Source.Bounds.Time)
	if err != nil {
		return nil, Place{}, err
	}
	floor, err = r.search(s, r.Source.Bounds.Most, r.Source.Bounds.Time, func(r *Reading[T], part stretch) (early Place, done bool, err error) {
		var found []*T
		if v == nil {
			found, err = r.find(part, limit-len(rows))
		} else {
			found, early, err = r.sifted(part, limit-len(rows), v)
		}
		if err == nil {
			rows = append(rows, found...)
		}
		return early, len(rows) >= limit || v.spent(), err
	})
	return rows, floor, err
}

// look searches a short stretch for a row. unsure means that the list continues after the stretch. It reads no payloads.
func (r *Reading[T]) look(s stretch) (found, unsure bool, err error) {
	floor := Place{}
	if r.searches() {
		if floor, err = r.floor(s, r.Source.Bounds.First); err != nil {
			return false, false, err
		}
	}
	rows, err := r.find(s.upTo(floor), 1)
	return len(rows) > 0, floor != (Place{}), err
}

// maxParents bounds the parents of one statement: SQLite takes 500 parts of a UNION ALL.
const maxParents = 100

// ReadOf reads the same page for each parent, in one statement per maxParents of them. The statement is the union of a short index walk for
// each parent; a window function would read every child of every parent. The parents share the rows that a search may read.
func ReadOf[T any, R listed[T]](ctx context.Context, r *Reading[T], ids []webhook.ID, o Order, p Page, parent func(*T) webhook.ID) (map[webhook.ID]*List[T], error) {
	w := o.walk(p)
	s, some, err := r.within(ctx, w.stretch())
	if err != nil {
		return nil, err
	}
	other, maybe := stretch{}, false
	if w.start != (Place{}) {
		if other, maybe, err = r.within(ctx, w.other()); err != nil {
			return nil, err
		}
	}
	n := max(r.Source.Bounds.Most/len(ids), r.Source.Bounds.Least)
	v, err := r.sieve(r.Source.Bounds.Time)
	if err != nil {
		return nil, err
	}
	result := make(map[webhook.ID]*List[T], len(ids))
	for part := range slices.Chunk(ids, maxParents) {
		children := children[T]{Reading: r, ids: part, n: n, parent: parent}
		var rows map[webhook.ID][]*T
		var floors map[int]Place
		if some {
			if rows, floors, err = children.read(s, w.limit(), v); err != nil {
				return nil, err
			}
		}
		unsure := children
		unsure.ids = nil
		for i, id := range part {
			l, sure := cut[T, R](r, rows[id], w)
			if floor := floors[i]; floor != (Place{}) && !l.more(w) {
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
				if len(behind[id]) > 0 || floors[i] != (Place{}) {
					result[id].isBehind(w)
				}
			}
		}
		for _, id := range part {
			finish[T, R](r, result[id], w, p)
		}
	}
	return result, nil
}

// children are the lists of at most maxParents parents.
type children[T any] struct {
	*Reading[T]

	ids    []webhook.ID
	n      int // rows that are searched for each parent; 0: all
	parent func(*T) webhook.ID
}

// read reads rows of each parent. A search ends at floors, one for each parent.
func (c *children[T]) read(s stretch, limit int, v *sieve) (rows map[webhook.ID][]*T, floors map[int]Place, err error) {
	err = c.hurried(c.Source.Bounds.Time, func(c *children[T]) (err error) {
		if v == nil {
			rows, floors, err = c.find(s, limit)
		} else {
			rows, floors, err = c.sifted(s, limit, v)
		}
		return err
	})
	return rows, floors, err
}

// hurried calls do, which reads rows of each parent. If that takes longer than the time allows, it reads fewer of each.
func (c *children[T]) hurried(within time.Duration, do func(c *children[T]) error) error {
	least := max(c.Source.Bounds.First/len(c.ids), fewest)
	for {
		gaveUp, err := c.hurry(c.searches() && c.n > least, time.Now().Add(within), func(r *Reading[T]) error {
			one := *c
			one.Reading = r
			return do(&one)
		})
		if !gaveUp || err != nil {
			return err
		}
		c.n = least
	}
}

// fewest is the minimum number of rows that are searched for each parent.
const fewest = 20

// find reads rows of each parent, without conditions on payloads.
func (c *children[T]) find(s stretch, limit int) (rows map[webhook.ID][]*T, floors map[int]Place, err error) {
	if floors, err = c.ends(s); err != nil {
		return nil, nil, err
	}
	q, ok := c.joinedByDays(s, limit)
	if !ok || len(floors) > 0 {
		q = c.each(c.values(), func(i int) stretch { return s.upTo(floors[i]) }, func(r *Reading[T], value any, s stretch) *gorm.DB {
			return r.found(value, s, limit)
		})
	}
	found, err := scan[T](q)
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

// joinedByDays returns the query of find as a join like joined, for lists whose parents say on which days their rows are. ok is false if they
// do not.
func (c *children[T]) joinedByDays(s stretch, limit int) (q *gorm.DB, ok bool) {
	if c.daysOf == nil || c.DB.Name() != "postgres" {
		return nil, false
	}
	walk := *c.Reading
	parents := make([][]any, 0, len(c.ids))
	for _, id := range c.ids {
		days := c.daysOf(id)
		if len(days) == 0 {
			return nil, false // an id that was never issued: its rows may be anywhere
		}
		if days[0].text == nothing.text {
			continue
		}
		row := []any{id}
		for _, day := range days[0].args {
			row = append(row, day.(time.Time).Format(time.DateOnly))
		}
		parents = append(parents, row)
		theirs := []condition{{days[0].text, []any{gorm.Expr("p.first_day"), gorm.Expr("p.last_day")}}}
		walk.daysOf = func(any) []condition { return theirs }
	}
	if len(parents) == 0 {
		return nil, false
	}
	from := c.Source.DB.Rows([]dialect.Column{{Name: "id", Kind: "uuid"}, {Name: "first_day", Kind: "date"}, {Name: "last_day", Kind: "date"}})
	return c.DB.Raw("SELECT t.* FROM "+from+" AS p CROSS JOIN LATERAL (?) AS t",
		string(dialect.CompactJSON(parents)), walk.found(gorm.Expr("p.id"), s, limit)), true
}

// sifted reads rows of each parent whose payloads meet the conditions.
func (c *children[T]) sifted(s stretch, limit int, v *sieve) (rows map[webhook.ID][]*T, floors map[int]Place, err error) {
	if floors, err = c.ends(s); err != nil {
		return nil, nil, err
	}
	lists, err := c.candidates(c.values(), func(i int) stretch { return s.upTo(floors[i]) }, max(maxCandidates/len(c.ids), fewest), false)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range lists {
		l.want = limit
	}
	if err := v.sift(lists...); err != nil {
		return nil, nil, err
	}
	rows = make(map[webhook.ID][]*T, len(c.ids))
	var all []candidate
	for i, l := range lists {
		if floor := l.floor(); floor != (Place{}) {
			floors[i] = floor
		}
		all = append(all, l.kept...)
	}
	found, err := c.whole(all)
	for _, row := range found {
		id := c.parent(row)
		rows[id] = append(rows[id], row)
	}
	return rows, floors, err
}

// ends returns the places at which the search ends, one for each parent.
func (c *children[T]) ends(s stretch) (map[int]Place, error) {
	if !c.searches() || c.n == 0 {
		return map[int]Place{}, nil
	}
	return c.floors(c.values(), s, c.n)
}

func (c *children[T]) values() []any {
	values := make([]any, len(c.ids))
	for i, id := range c.ids {
		values[i] = id
	}
	return values
}

// Last reads the last row of each parent's list, in one statement per maxParents of them. Parents without rows are missing from the map.
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
