package list

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// A search reads one stretch of the index after another. Each is at most four times as long as the one before, and no longer than
// the remaining time allows at that one's pace. A stretch that is slower nevertheless, because its rows are not in memory, is
// abandoned, and the search ends where the stretch before it ended. The first stretch is short and always read to its end, so that every
// page makes progress.

// searches reports whether the filter has conditions that the index does not serve.
func (p *Path) searches() bool { return len(p.rest) > 0 || len(p.data) > 0 || p.wanted != nil }

// search calls do with one stretch after another, until the list ends, do is done, most rows of the index are read, or about the time within
// is over. It returns the place up to which it read; none if the list has ended. do may end its stretch earlier, at early.
func (r *Reading[T]) search(s stretch, most int, within time.Duration, do func(r *Reading[T], part stretch) (early Place, done bool, err error)) (floor Place, err error) {
	until := time.Now().Add(within)
	for n := min(r.first(s.upward), most); ; {
		var end Place
		var done bool
		began := time.Now()
		gaveUp, err := r.hurry(floor != (Place{}), until, func(r *Reading[T]) (err error) {
			if end, err = r.floor(s, n); err != nil {
				return err
			}
			var early Place
			if early, done, err = do(r, s.upTo(end)); early != (Place{}) {
				end = early
			}
			return err
		})
		if gaveUp || err != nil {
			return floor, err
		}
		floor, most = end, most-n
		left, took := time.Until(until), time.Since(began)
		if floor == (Place{}) || done || most <= 0 || left <= 0 {
			return floor, nil
		}
		s = s.next(floor)
		n = min(4*n, most, max(int(float64(n)*float64(left)/float64(took+1)), 1))
	}
}

// first returns the size of the first stretch. Behind a bound of time the list begins with rows of clockSlack, none of which may be of the
// span: the stretch is longer then, so that it ends behind them for tenants with some rows a second.
func (r *Reading[T]) first(upward bool) int {
	bound := r.span.To
	if upward {
		bound = r.span.From
	}
	if bound != nil && r.time == "" {
		return 4 * r.Source.Bounds.First
	}
	return r.Source.Bounds.First
}

// lateness is how much longer than planned a stretch may take before it is abandoned.
const lateness = 25 * time.Millisecond

// hurry calls do, and cancels it when until has passed, if it may.
func (r *Reading[T]) hurry(may bool, until time.Time, do func(r *Reading[T]) error) (gaveUp bool, err error) {
	if !may {
		return false, do(r)
	}
	parent := r.DB.Statement.Context
	ctx, cancel := context.WithDeadline(parent, until.Add(lateness))
	defer cancel()
	if err = do(r.with(ctx)); err != nil && ctx.Err() != nil && parent.Err() == nil {
		return true, nil
	}
	return false, err
}

// with returns the reading with another context.
func (r *Reading[T]) with(ctx context.Context) *Reading[T] {
	hurried := *r
	hurried.DB = r.DB.WithContext(ctx)
	hurried.Rows = func() *gorm.DB { return r.Rows().WithContext(ctx) }
	hurried.Bare = func() *gorm.DB { return r.Bare().WithContext(ctx) }
	if payloads := r.Payloads; payloads != nil {
		hurried.Payloads = func() *gorm.DB { return payloads().WithContext(ctx) }
	}
	return &hurried
}
