package list

import (
	"fmt"
	"math"
	"strings"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// each returns a query for the rows that walk selects of each branch in its stretch, with the number of the branch as the column branch. Rows
// of a branch are in the order of its walk.
func (r *Reading[T]) each(branches []any, in func(i int) stretch, walk func(r *Reading[T], value any, s stretch) *gorm.DB) *gorm.DB {
	if q := r.joined(branches, in, walk); q != nil {
		return q
	}
	if q := r.repeated(branches, in, walk); q != nil {
		return q
	}
	parts, rows := make([]string, len(branches)), make([]any, len(branches))
	for i, value := range branches {
		parts[i] = fmt.Sprintf(branchPart, i, "?")
		rows[i] = walk(r, value, in(i))
	}
	return r.DB.Raw(strings.Join(parts, " UNION ALL "), rows...)
}

const branchPart = "SELECT %d AS branch, t.* FROM (%s) AS t"

// aBranch stands for an id in a walk that is written once.
var aBranch = webhook.ID{0: 0xff, 15: 0xff}

// repeated returns the query of each from the text of one walk, because GORM takes as long to write fifty of them as SQLite to read their rows. It
// returns nil for branches that are not all ids, and for those whose stretches differ.
func (r *Reading[T]) repeated(branches []any, in func(i int) stretch, walk func(r *Reading[T], value any, s stretch) *gorm.DB) *gorm.DB {
	for i, value := range branches {
		if _, ok := value.(webhook.ID); !ok || in(i) != in(0) {
			return nil
		}
	}
	if len(branches) < 2 || r.DB.Name() != "sqlite" {
		return nil
	}
	one := walk(r, aBranch, in(0)).Session(&gorm.Session{DryRun: true}).Find(&[]map[string]any{}).Statement
	text := one.SQL.String()
	if one.Error != nil || strings.Count(text, "?") != len(one.Vars) || strings.Contains(text, "@") {
		return nil // it is read otherwise when it is a part of another
	}
	parts, args := make([]string, len(branches)), make([]any, 0, len(branches)*len(one.Vars))
	for i, value := range branches {
		parts[i] = fmt.Sprintf(branchPart, i, text)
		for _, v := range one.Vars {
			if v == any(aBranch) {
				v = value
			}
			args = append(args, v)
		}
	}
	return r.DB.Raw(strings.Join(parts, " UNION ALL "), args...)
}

// joined returns the query of each as a join of the branches with their walks, which PostgreSQL plans once: it plans each part of a union, for
// all partitions. It returns nil for branches that are not all ids, and for indexes with other columns than an id and seq.
func (r *Reading[T]) joined(branches []any, in func(i int) stretch, walk func(r *Reading[T], value any, s stretch) *gorm.DB) *gorm.DB {
	if len(branches) < 2 || r.DB.Name() != "postgres" || len(r.equal) != 1 || r.ofOne() || r.by != "" || r.time != "" || r.single || r.daysOf != nil {
		return nil
	}
	rows := make([][]any, len(branches))
	var s stretch
	for i, value := range branches {
		id, ok := value.(webhook.ID)
		if !ok {
			return nil
		}
		s = in(i)
		low, high := s.from.Seq, s.to.Seq
		if !s.upward {
			low, high = high, low
		}
		if high == 0 {
			high = math.MaxInt64
		}
		rows[i] = []any{i, id, low, high}
	}
	from := r.Source.DB.Rows([]dialect.Column{
		{Name: "branch", Kind: "integer"}, {Name: "id", Kind: "uuid"}, {Name: "low", Kind: "bigint"}, {Name: "high", Kind: "bigint"},
	})
	of := *r
	of.inJoin = true
	return r.DB.Raw("SELECT p.branch, t.* FROM "+from+" AS p CROSS JOIN LATERAL (?) AS t",
		string(dialect.CompactJSON(rows)), walk(&of, nil, stretch{upward: s.upward}))
}

// joinedBranch is branch in a query of joined. Pairs are compared, and not the id alone, because then only the index of the branch has the
// order of the walk: a walk in the order of seq that skips other branches' rows would cost the same to a planner that does not know the id.
func (r *Reading[T]) joinedBranch(q *gorm.DB) *gorm.DB {
	pair := "(" + r.column(r.equal[0]) + ", " + r.seq() + ")"
	return q.Where(pair + " >= (p.id, p.low) AND " + pair + " <= (p.id, p.high)")
}

// joinedOrder is the order of a walk in a query of joined.
func (r *Reading[T]) joinedOrder(q *gorm.DB, upward bool) *gorm.DB {
	return q.Order(r.column(r.equal[0]) + direction(upward) + ", " + r.seq() + direction(upward))
}
