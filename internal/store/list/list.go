// Package list reads tables page by page along one index that it names, with filters, and counts what a list has. It knows the indexes and the
// filters; whose rows they are, it is given.
package list

import (
	"cmp"
	"slices"
	"time"
)

// BelowAll is a place before the first row that there ever is: where the cursors of an empty list stand.
const BelowAll = -1

// Page selects a part of a list by keyset: at most one of First and Last, 1 to 100, is set. After and Before are the Seq
// of a row (0: none), or BelowAll, in the list's own order.
type Page struct {
	First, Last   int
	After, Before int64
	// AfterAt and BeforeAt are the times, in microseconds, at which a list in the order of a time has these rows; 0 in other lists.
	AfterAt, BeforeAt int64
}

// Place is where a row stands in a list: by a time, in microseconds, in lists that have one, and then by its Seq. The zero Place is none.
type Place struct{ At, Seq int64 }

func (p Place) compare(q Place) int {
	return cmp.Or(cmp.Compare(p.At, q.At), cmp.Compare(p.Seq, q.Seq))
}

// List is a page of rows.
type List[T any] struct {
	Items []*T
	// HasNext and HasPrev say that there are more rows on that side, or that it has not been searched.
	HasNext, HasPrev bool
	// Start and End are where pages before and after this one begin: cursors, as Page has them.
	Start, End int64
	// StartAt and EndAt are the times of Start and End, as Page has them.
	StartAt, EndAt int64
	// SearchedTo is when the last row was made that was looked at; nil when the page is as long as asked, or the list has ended.
	SearchedTo *time.Time
}

// Order is how a list runs: by the Seq of a table, which never changes, so that pages stay stable while rows arrive.
type Order struct{ ascending bool }

// The two orders.
var (
	NewestFirst = Order{}
	OldestFirst = Order{ascending: true}
)

// DefaultPage is how many rows a page has when neither First nor Last is given; MaxPage is the most.
const (
	DefaultPage = 20
	MaxPage     = 100
)

func (p Page) size() int {
	n := max(p.First, p.Last)
	if n == 0 {
		n = DefaultPage
	}
	return min(n, MaxPage)
}

// walk is how a page is read: from start on, which is a cursor or 0 for an end of the list, and not as far as end, towards
// higher Seqs or lower ones.
type walk struct {
	upward     bool
	start, end Place
	size       int
	back       bool // the page is read from its last row to its first
}

func (o Order) walk(p Page) walk {
	w := walk{upward: o.ascending, start: Place{p.AfterAt, p.After}, end: Place{p.BeforeAt, p.Before}, size: p.size(), back: p.Last > 0}
	if w.back {
		w.upward, w.start, w.end = !w.upward, w.end, w.start
	}
	return w
}

// stretch has the page's rows, and the row of the cursor that it starts from: while that one is there, something is on its other side.
func (w walk) stretch() stretch {
	s := stretch{upward: w.upward, from: w.start, to: w.end}
	if w.end != (Place{}) {
		s.to = w.end.before(w.upward)
	}
	return s
}

// limit is one row more than the page has, and the cursor's.
func (w walk) limit() int {
	if w.start != (Place{}) {
		return w.size + 2
	}
	return w.size + 1
}

// other is what is on the other side of the cursor that the page starts from.
func (w walk) other() stretch { return stretch{upward: !w.upward, from: w.start} }

// cut makes a page of what was found. sure is false when the row of its cursor is not among that, so that it is to be looked whether
// something is on the other side.
func cut[T any, R listed[T]](r *Reading[T], rows []*T, w walk) (l *List[T], sure bool) {
	behind := w.start.Seq > 0 && len(rows) > 0 && place[T, R](r, rows[0]) == w.start
	if behind {
		rows = rows[1:]
	}
	more := len(rows) > w.size
	if more {
		rows = rows[:w.size]
	}
	if rows == nil {
		rows = []*T{}
	}
	l = &List[T]{Items: rows, HasNext: more, HasPrev: behind}
	if w.back {
		slices.Reverse(rows)
		l.HasNext, l.HasPrev = behind, more
	}
	return l, behind || w.start == (Place{})
}

// more reports whether there are rows after those of the page, in the direction of the walk.
func (l *List[T]) more(w walk) bool {
	if w.back {
		return l.HasPrev
	}
	return l.HasNext
}

// isBehind says that something is on the other side of the page's cursor.
func (l *List[T]) isBehind(w walk) {
	if w.back {
		l.HasNext = true
	} else {
		l.HasPrev = true
	}
}

// listed is a row of type T that a list can have.
type listed[T any] interface {
	*T
	Position() int64
}

// place is where the row stands in the list.
func place[T any, R listed[T]](r *Reading[T], row *T) Place {
	p := Place{Seq: R(row).Position()}
	if r.At != nil {
		p.At = r.At(row)
	}
	return p
}

// stopped notes that a list was searched as far as floor.
func stopped[T any](l *List[T], w walk, r *Reading[T], branches []any, floor Place) (err error) {
	if l.SearchedTo, err = r.timeOf(branches, floor); err != nil {
		return err
	}
	if w.back {
		l.HasPrev, l.Start, l.StartAt = true, floor.Seq, floor.At
	} else {
		l.HasNext, l.End, l.EndAt = true, floor.Seq, floor.At
	}
	return nil
}

// finish sets the page's cursors that are not set yet: those of its first and last row. An empty page has the place where it was read.
func finish[T any, R listed[T]](r *Reading[T], l *List[T], w walk, p Page) *List[T] {
	start, end := Place{l.StartAt, l.Start}, Place{l.EndAt, l.End}
	after, before := Place{p.AfterAt, p.After}, Place{p.BeforeAt, p.Before}
	switch n := len(l.Items); {
	case n > 0:
		start, end = cmp.Or(start, place[T, R](r, l.Items[0])), cmp.Or(end, place[T, R](r, l.Items[n-1]))
	case w.back:
		start, end = cmp.Or(start, before, after), cmp.Or(before, start, after)
	default:
		start, end = cmp.Or(after, end, before), cmp.Or(end, after, before)
	}
	l.StartAt, l.Start, l.EndAt, l.End = start.At, start.Seq, end.At, end.Seq
	return l
}
