// Package list reads tables page by page along one index, with filters, and counts the rows of lists. It chooses the index for each filter;
// its callers say which tenant's rows to read.
package list

import (
	"cmp"
	"slices"
	"time"
)

// BelowAll is a place before every row: the cursor of an empty list.
const BelowAll = -1

// Page selects a part of a list by keyset: at most one of First and Last is set, from 1 to 100. After and Before are the Seq of a row (0:
// none), or BelowAll, in the order of the list.
type Page struct {
	First, Last   int
	After, Before int64
	// AfterAt and BeforeAt are the times, in microseconds, at which a list in the order of a time has these rows; 0 in other lists.
	AfterAt, BeforeAt int64
}

// Place is the position of a row in a list: a time in microseconds, in lists in the order of a time, and its Seq. The zero Place is none.
type Place struct{ At, Seq int64 }

func (p Place) compare(q Place) int {
	return cmp.Or(cmp.Compare(p.At, q.At), cmp.Compare(p.Seq, q.Seq))
}

// List is a page of rows.
type List[T any] struct {
	Items []*T
	// Times are the values that order Items, in a list whose rows do not contain them; nil for other lists.
	Times []int64
	// HasNext and HasPrev mean that there are more rows on that side, or that it has not been searched.
	HasNext, HasPrev bool
	// Start and End are the cursors for the pages before and after this one, as in Page.
	Start, End int64
	// StartAt and EndAt are the times of Start and End, as in Page.
	StartAt, EndAt int64
	// SearchedTo is the time of the last row that was examined; nil if the page is full or the list has ended.
	SearchedTo *time.Time
}

// Order is the order of a list by Seq, which never changes, so that pages stay stable while rows arrive.
type Order struct{ ascending bool }

// The two orders.
var (
	NewestFirst = Order{}
	OldestFirst = Order{ascending: true}
)

// DefaultPage is the length of a page if neither First nor Last is given; MaxPage is the maximum.
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

// walk is the way in which a page is read: from start, a cursor or 0 for the end of the list, up to but not including end, towards higher or
// lower Seqs.
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

// stretch returns the stretch with the page's rows and the row of the cursor from which it starts: if that row exists, the list has rows on
// the other side.
func (w walk) stretch() stretch {
	s := stretch{upward: w.upward, from: w.start, to: w.end}
	if w.end != (Place{}) {
		s.to = w.end.before(w.upward)
	}
	return s
}

// limit is the number of rows to read: the page's, one more, and the cursor's.
func (w walk) limit() int {
	if w.start != (Place{}) {
		return w.size + 2
	}
	return w.size + 1
}

// other returns the stretch on the other side of the cursor from which the page starts.
func (w walk) other() stretch { return stretch{upward: !w.upward, from: w.start} }

// cut makes a page of the rows that were found. sure is false if the row of its cursor is not among them: the caller must then check
// whether there are rows on the other side.
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

// isBehind notes that there are rows on the other side of the page's cursor.
func (l *List[T]) isBehind(w walk) {
	if w.back {
		l.HasNext = true
	} else {
		l.HasPrev = true
	}
}

// listed is the constraint for rows of type T in lists.
type listed[T any] interface {
	*T
	Position() int64
}

// place returns the position of the row in the list.
func place[T any, R listed[T]](r *Reading[T], row *T) Place {
	p := Place{Seq: R(row).Position()}
	if r.At != nil {
		p.At = r.At(row)
	}
	return p
}

// stopped notes that the search ended at floor.
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

// finish sets cursors of the page that are not set yet, to its first and last row, or for an empty page to the place at which it was read.
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
