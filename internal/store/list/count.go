package list

import (
	"context"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Count is the number of rows in a list.
type Count struct {
	N int
	// AtLeast means that not all rows were examined, so there may be more.
	AtLeast bool
}

// Limits of a count with a filter that must be searched, besides the count's own limit.
const (
	// SearchedPerCounted is the number of rows that are examined for each one that a count may find.
	SearchedPerCounted = 10
	countTime          = 2 * stretchTime
	maxCounted         = 200_000 // rows that are examined for all parents' lists together
	forever            = 24 * time.Hour
)

// Count counts the rows of a list, up to limit; 0 counts all.
func (r *Reading[T]) Count(ctx context.Context, limit int) (Count, error) {
	return r.count(ctx, stretch{}, limit)
}

// CountUntil counts the rows that Next would read until a Seq, up to limit.
func (r *Reading[T]) CountUntil(ctx context.Context, until int64, limit int) (Count, error) {
	if until <= 0 {
		return Count{}, nil
	}
	return r.count(ctx, stretch{upward: true, to: Place{Seq: until}}, limit)
}

// count counts the rows in a stretch.
func (r *Reading[T]) count(ctx context.Context, s stretch, limit int) (Count, error) {
	s, some, err := r.within(ctx, s)
	if err != nil || !some || len(r.branches) == 0 {
		return Count{}, err
	}
	all := Count{}
	if !r.searches() {
		counts, err := r.counts(r.branches, func(int) stretch { return s }, limit)
		for _, n := range counts {
			all.N += n
		}
		return all.to(limit), err
	}
	most, within := SearchedPerCounted*limit, countTime
	if limit == 0 {
		most, within = math.MaxInt, forever
	}
	v, err := r.countSieve(limit, within)
	if err != nil {
		return Count{}, err
	}
	floor, err := r.search(s, most, within, func(r *Reading[T], part stretch) (early Place, done bool, err error) {
		n, early, err := r.countIn(part, limit-all.N, v)
		if err == nil {
			all.N += n
		}
		return early, limit > 0 && all.N > limit || v.spent(), err
	})
	all.AtLeast = floor != (Place{})
	return all.to(limit), err
}

// countSieve is the sieve of a count up to limit. A count of all rows reads all payloads.
func (r *Reading[T]) countSieve(limit int, within time.Duration) (*sieve, error) {
	v, err := r.sieve(within)
	if limit == 0 && v != nil {
		v.bytes = math.MaxInt
	}
	return v, err
}

// countIn counts the rows in a stretch: all, or at most one more than limit. It may end before the stretch does, at floor.
func (r *Reading[T]) countIn(s stretch, limit int, v *sieve) (n int, floor Place, err error) {
	if v == nil {
		counts, err := r.counts(r.branches, func(int) stretch { return s }, max(limit, 0))
		for _, one := range counts {
			n += one
		}
		return n, Place{}, err
	}
	want := limit + 1
	if limit <= 0 {
		want = math.MaxInt
	}
	one, err := r.siftedOf(s, want, v, false)
	if err != nil {
		return 0, Place{}, err
	}
	return len(one.kept), one.floor(), nil
}

// siftedOf sifts the candidates in a stretch, until as many are kept as are wanted.
func (r *Reading[T]) siftedOf(s stretch, want int, v *sieve, groups bool) (*queue, error) {
	lists, err := r.candidates(r.branches, func(int) stretch { return s }, max(maxCandidates/len(r.branches), maxPortion), groups)
	if err != nil {
		return nil, err
	}
	one := merged(lists, s.upward)
	one.want = want
	return one, v.sift(one)
}

// to returns the count up to limit.
func (c Count) to(limit int) Count {
	if limit > 0 && c.N > limit {
		return Count{limit, true}
	}
	return c
}

// CountOf counts the rows of each parent's list, up to limit; 0 counts all. Parents without rows are missing from the map.
func (r *Reading[T]) CountOf(ctx context.Context, ids []webhook.ID, limit int) (map[webhook.ID]Count, error) {
	result := make(map[webhook.ID]Count, len(ids))
	s, some, err := r.within(ctx, stretch{})
	if err != nil || !some {
		return result, err
	}
	within := countTime
	if limit == 0 {
		within = forever
	}
	v, err := r.countSieve(limit, within)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(ids, maxParents) {
		c := children[T]{Reading: r, ids: part, n: min(SearchedPerCounted*limit, max(maxCounted/len(ids), r.Source.Bounds.Least))}
		err := c.hurried(within, func(c *children[T]) error {
			counts, err := c.countAll(s, limit, v)
			for i, id := range part {
				if counted := counts[i].to(limit); counted != (Count{}) {
					result[id] = counted
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// countAll counts the rows of each parent, in the order of the parents.
func (c *children[T]) countAll(s stretch, limit int, v *sieve) (map[int]Count, error) {
	floors, err := c.ends(s)
	if err != nil {
		return nil, err
	}
	in := func(i int) stretch { return s.upTo(floors[i]) }
	all := make(map[int]Count, len(c.ids))
	if v == nil {
		counts, err := c.counts(c.values(), in, limit)
		for i := range c.ids {
			all[i] = Count{counts[i], floors[i] != (Place{})}
		}
		return all, err
	}
	lists, err := c.candidates(c.values(), in, max(maxCandidates/len(c.ids), fewest), false)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		if l.want = limit + 1; limit == 0 {
			l.want = math.MaxInt
		}
	}
	if err := v.sift(lists...); err != nil {
		return nil, err
	}
	for i, l := range lists {
		all[i] = Count{len(l.kept), floors[i] != (Place{}) || l.floor() != (Place{})}
	}
	return all, nil
}

// counts counts the rows of branches in their stretches, at most one more than limit; 0 counts all.
func (r *Reading[T]) counts(branches []any, in func(i int) stretch, limit int) (map[int]int, error) {
	var found []struct{ Branch, N int }
	err := r.each(branches, in, func(r *Reading[T], value any, s stretch) *gorm.DB {
		q := where(r.branch(r.rowsOf(value), value, s), r.rest).Select("1")
		if limit > 0 {
			q = r.ordered(q, false, limit+1)
		}
		return r.DB.Raw("SELECT COUNT(*) AS n FROM (?) AS t", q)
	}).Scan(&found).Error
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	counts := make(map[int]int, len(found))
	for _, f := range found {
		counts[f.Branch] = f.N
	}
	return counts, nil
}
