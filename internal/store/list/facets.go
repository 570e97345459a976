package list

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Facets are the numbers of deliveries of a list by status, by type of event, and by error of the last attempt: the most frequent values
// first.
type Facets struct {
	Statuses, EventTypes, Errors []Facet
	// AtLeast means that not all rows were examined.
	AtLeast bool
}

// Facet is a value and the number of rows that have it.
type Facet struct {
	Value string
	N     int
}

// maxFacets is the maximum number of values of one kind.
const maxFacets = 100

// groupColumns are the columns of a group.
func groupColumns(db dialect.DB) string {
	return StatusShown + " AS status, d.event_type, " + lastError(db) + " AS error"
}

// groups has the number of rows in each group.
type groups map[group]int

func (g groups) add(more groups) {
	for one, n := range more {
		g[one] += n
	}
}

func (g groups) sum() (n int) {
	for _, one := range g {
		n += one
	}
	return n
}

// facets sums the groups by each of their columns.
func (g groups) facets(atLeast bool) *Facets {
	by := func(value func(group) string) []Facet {
		sums := map[string]int{}
		for one, n := range g {
			sums[value(one)] += n
		}
		delete(sums, "") // deliveries whose last attempt did not fail
		list := make([]Facet, 0, len(sums))
		for value, n := range sums {
			list = append(list, Facet{value, n})
		}
		slices.SortFunc(list, func(a, b Facet) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Value, b.Value)) })
		return list[:min(len(list), maxFacets)]
	}
	return &Facets{
		Statuses:   by(func(one group) string { return string(one.Status) }),
		EventTypes: by(func(one group) string { return one.EventType }),
		Errors:     by(func(one group) string { return string(one.Error) }),
		AtLeast:    atLeast,
	}
}

// Facets groups the first deliveries of a list, limit of them at most. A filter that must be searched examines up to SearchedPerCounted times
// this number of rows.
func (r *Reading[T]) Facets(ctx context.Context, limit int) (*Facets, error) {
	s, some, err := r.within(ctx, stretch{})
	if err != nil {
		return nil, err
	}
	all, most, more := groups{}, limit, false
	if !some || len(r.branches) == 0 {
		return all.facets(false), nil
	}
	if r.searches() {
		most *= SearchedPerCounted
	}
	v, err := r.sieve(countTime)
	if err != nil {
		return nil, err
	}
	floor, err := r.search(s, most, countTime, func(r *Reading[T], part stretch) (early Place, done bool, err error) {
		found, beyond, early, err := r.groupsIn(part, limit-all.sum(), v)
		all.add(found)
		more = more || beyond
		return early, more || v.spent(), err
	})
	return all.facets(floor != (Place{}) || more), err
}

// groupsIn groups the first rows in a stretch, limit of them at most; more means that there are others. It may end before the stretch does, at
// floor.
func (r *Reading[T]) groupsIn(s stretch, limit int, v *sieve) (all groups, more bool, floor Place, err error) {
	if v == nil {
		found, more, err := r.groupsOf(1, limit, func(int) (string, []any) {
			parts := make([]any, len(r.branches), len(r.branches)+1)
			for i, value := range r.branches {
				parts[i] = r.grouped(value, s, limit)
			}
			if len(parts) == 1 {
				return "(?)", parts
			}
			return "(" + merge(len(parts), s.upward) + ")", append(parts, limit+1)
		})
		return found[0], more[0], Place{}, err
	}
	one, err := r.siftedOf(s, limit+1, v, true)
	if err != nil {
		return nil, false, Place{}, err
	}
	all, more = groupsOf(one, limit)
	return all, more, one.floor(), nil
}

// groupsOf groups the first candidates that were kept of a list, limit of them at most; more means that others were kept.
func groupsOf(l *queue, limit int) (all groups, more bool) {
	all = groups{}
	for _, c := range l.kept[:min(limit, len(l.kept))] {
		all[c.Group]++
	}
	return all, len(l.kept) > limit
}

// grouped returns a query for the columns of groups of the rows of a branch in a stretch, at most one more than limit.
func (r *Reading[T]) grouped(value any, s stretch, limit int) *gorm.DB {
	return r.ordered(where(r.branch(r.rowsOf(value), value, s), r.rest).Select(r.placed()+", "+groupColumns(r.Source.DB)), s.upward, limit+1)
}

// firstRows is the expression for how many of the rows of numbered are among the first, of which a parameter says how many.
const firstRows = "SUM(CASE WHEN t.nth <= ? THEN 1 ELSE 0 END)"

// numbered returns a query for the rows of another with their numbers, from 1 on, in the order in which they come.
func numbered(text string) string {
	return "(SELECT s.*, ROW_NUMBER() OVER () AS nth FROM " + text + " AS s)"
}

// groupsOf groups the first rows of n lists, limit of each at most; more says which have others. Each is a statement for one row more, and its
// parameters.
func (r *Reading[T]) groupsOf(n, limit int, rows func(i int) (text string, args []any)) (all []groups, more []bool, err error) {
	parts := make([]string, n)
	all, more = make([]groups, n), make([]bool, n)
	var params []any
	for i := range parts {
		text, args := rows(i)
		parts[i] = fmt.Sprintf("SELECT %d AS branch, t.status, t.event_type, t.error, %s AS n, COUNT(*) AS seen FROM %s AS t GROUP BY t.status, t.event_type, t.error",
			i, firstRows, numbered(text))
		params, all[i] = append(append(params, limit), args...), groups{}
	}
	var found []struct {
		Branch, N, Seen int
		Group           group `gorm:"embedded"`
	}
	if err := r.DB.Raw(strings.Join(parts, " UNION ALL "), params...).Scan(&found).Error; err != nil {
		return all, more, dialect.Unavailable(err)
	}
	for _, f := range found {
		if f.N > 0 {
			all[f.Branch][f.Group] += f.N
		}
		more[f.Branch] = more[f.Branch] || f.Seen > f.N
	}
	return all, more, nil
}

// FacetsOf is Facets for each parent's list.
func (r *Reading[T]) FacetsOf(ctx context.Context, ids []webhook.ID, limit int) (map[webhook.ID]*Facets, error) {
	result := make(map[webhook.ID]*Facets, len(ids))
	s, some, err := r.within(ctx, stretch{})
	if err != nil || !some {
		return result, err
	}
	v, err := r.sieve(countTime)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(ids, maxParents) {
		c := children[T]{Reading: r, ids: part, n: min(SearchedPerCounted*limit, max(maxCounted/len(ids), r.Source.Bounds.Least))}
		err := c.hurried(countTime, func(c *children[T]) error {
			all, err := c.facetsAll(s, limit, v)
			for i := range all {
				result[part[i]] = all[i]
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// facetsAll returns the facets of each parent's list, in the order of the parents.
func (c *children[T]) facetsAll(s stretch, limit int, v *sieve) ([]*Facets, error) {
	floors, err := c.ends(s)
	if err != nil {
		return nil, err
	}
	in := func(i int) stretch { return s.upTo(floors[i]) }
	all := make([]*Facets, len(c.ids))
	if v == nil {
		found, more, err := c.groupsOf(len(c.ids), limit, func(i int) (string, []any) { return "(?)", []any{c.grouped(c.ids[i], in(i), limit)} })
		for i, one := range found {
			all[i] = one.facets(floors[i] != (Place{}) || more[i])
		}
		return all, err
	}
	lists, err := c.candidates(c.values(), in, max(maxCandidates/len(c.ids), fewest), true)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		l.want = limit + 1
	}
	if err := v.sift(lists...); err != nil {
		return nil, err
	}
	for i, l := range lists {
		one, more := groupsOf(l, limit)
		all[i] = one.facets(floors[i] != (Place{}) || l.floor() != (Place{}) || more)
	}
	return all, nil
}

// WebhookCount is how many deliveries of a list are to a webhook.
type WebhookCount struct {
	WebhookID webhook.ID
	N         int
}

// CountByWebhook counts the first deliveries of a list, limit of them at most, by webhook, the most first. It looks at a bounded number of
// rows, as Count does.
func CountByWebhook(ctx context.Context, r *Reading[webhook.Delivery], limit int) (by []WebhookCount, all Count, err error) {
	s, some, err := r.within(ctx, stretch{})
	if err != nil || !some || len(r.branches) == 0 {
		return nil, Count{}, err
	}
	v, err := r.sieve(countTime)
	if err != nil {
		return nil, Count{}, err
	}
	counts, more := map[webhook.ID]int{}, false
	floor, err := r.search(s, SearchedPerCounted*limit, countTime, func(r *Reading[webhook.Delivery], part stretch) (early Place, done bool, err error) {
		found, beyond, early, err := r.webhooksIn(part, limit-all.N, v)
		for id, n := range found {
			counts[id] += n
			all.N += n
		}
		more = more || beyond
		return early, more || v.spent(), err
	})
	all.AtLeast = floor != (Place{}) || more
	for id, n := range counts {
		by = append(by, WebhookCount{id, n})
	}
	slices.SortFunc(by, func(a, b WebhookCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), slices.Compare(a.WebhookID[:], b.WebhookID[:]))
	})
	return by, all, err
}

// webhooksIn counts the first rows in a stretch by webhook, limit of them at most; more means that there are others. It may end before the
// stretch does, at floor.
func (r *Reading[T]) webhooksIn(s stretch, limit int, v *sieve) (counts map[webhook.ID]int, more bool, floor Place, err error) {
	counts = map[webhook.ID]int{}
	if v != nil {
		one, err := r.siftedOf(s, limit+1, v, true)
		if err != nil {
			return nil, false, Place{}, err
		}
		for _, c := range one.kept[:min(limit, len(one.kept))] {
			counts[c.WebhookID]++
		}
		return counts, len(one.kept) > limit, one.floor(), nil
	}
	parts := make([]any, len(r.branches), len(r.branches)+1)
	for i, value := range r.branches {
		parts[i] = r.ordered(where(r.branch(r.rowsOf(value), value, s), r.rest).Select(r.placed()+", d.webhook_id"), s.upward, limit+1)
	}
	var found []struct {
		WebhookID webhook.ID
		N, Seen   int
	}
	text := "SELECT t.webhook_id, " + firstRows + " AS n, COUNT(*) AS seen FROM " + numbered("("+merge(len(parts), s.upward)+")") + " AS t GROUP BY t.webhook_id"
	if err := r.DB.Raw(text, append(append([]any{limit}, parts...), limit+1)...).Scan(&found).Error; err != nil {
		return nil, false, Place{}, dialect.Unavailable(err)
	}
	for _, f := range found {
		if f.N > 0 {
			counts[f.WebhookID] = f.N
		}
		more = more || f.Seen > f.N
	}
	return counts, more, Place{}, nil
}
