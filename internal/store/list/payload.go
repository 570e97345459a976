package list

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A condition on an event's payload is evaluated here, as webhooks' filters are: no database reads JSON as they do. The rest of a filter
// leaves candidates, and their payloads are read in small portions, within a bound of bytes and of time.

const (
	maxCandidates = 2000 // of one stretch
	firstPortion  = 4    // payloads of each list
	maxPortion    = 64
)

// candidate is a row that a filter keeps but for its payload.
type candidate struct {
	Branch      int // of the list that it is one of
	Seq         int64
	At          *dialect.Micros // in lists that are in the order of a time
	ID, EventID webhook.ID
	Group       group `gorm:"embedded"`
}

// place is where the candidate stands in its list.
func (c candidate) place() Place { return placeOf(c.Seq, c.At) }

// group is what facets tell apart.
type group struct {
	Status    webhook.DeliveryStatus
	EventType string
	Error     webhook.ErrorCode
}

// queue is the candidates of one list, in its order.
type queue struct {
	all  []candidate
	end  Place       // after which there may be more; none when these are all
	kept []candidate // of those before next
	want int         // how many are to be kept
	next int
}

// more reports whether there is more to look at.
func (l *queue) more() bool { return l.next < len(l.all) && len(l.kept) < l.want }

// floor is the place up to which the list was sifted; none when that is all of it, or enough was kept.
func (l *queue) floor() Place {
	switch {
	case len(l.kept) >= l.want:
		return Place{}
	case l.next < len(l.all):
		return l.all[l.next-1].place()
	}
	return l.end
}

// merged is the list of which the lists are branches, as far as it is known of all of them.
func merged(lists []*queue, upward bool) *queue {
	if len(lists) == 1 {
		return lists[0]
	}
	one := &queue{}
	after := func(a, b Place) bool { return a != b && (a.compare(b) > 0) == upward }
	for _, l := range lists {
		one.all = append(one.all, l.all...)
		if l.end != (Place{}) && (one.end == (Place{}) || after(one.end, l.end)) {
			one.end = l.end
		}
	}
	if one.end != (Place{}) {
		one.all = slices.DeleteFunc(one.all, func(c candidate) bool { return after(c.place(), one.end) })
	}
	slices.SortFunc(one.all, func(a, b candidate) int {
		if upward {
			return a.place().compare(b.place())
		}
		return b.place().compare(a.place())
	})
	return one
}

// sieve keeps candidates whose payload meets the conditions.
type sieve struct {
	filter   *webhook.Filter
	payloads func() *gorm.DB // the table of events, e, found by their ids, in the name of whoever reads
	db       dialect.DB
	bytes    int // that may be read still
	until    time.Time
	known    map[webhook.ID]bool // of the last portion, whether an event's payload meets them
}

// sieve is nil for a filter without such conditions.
func (r *Reading[T]) sieve(within time.Duration) (*sieve, error) {
	if len(r.data) == 0 {
		return nil, nil
	}
	filter, err := webhook.CompileDataFilters("filter.data", r.data)
	if err != nil {
		return nil, err
	}
	return &sieve{filter: filter, payloads: r.Payloads, db: r.Source.DB, bytes: r.Source.Bounds.Bytes, until: time.Now().Add(within)}, nil
}

// spent reports whether nothing more may be read.
func (v *sieve) spent() bool { return v != nil && (v.bytes <= 0 || !time.Now().Before(v.until)) }

// sift goes through the lists' candidates side by side, until each list has what it wants, or the bounds are reached. It looks at
// some of each list at least.
func (v *sieve) sift(lists ...*queue) error {
	for portion := firstPortion; ; portion = min(2*portion, maxPortion) {
		var events []webhook.ID
		v.known = map[webhook.ID]bool{}
		for _, l := range lists {
			if !l.more() {
				continue
			}
			for _, c := range l.all[l.next:min(l.next+portion, len(l.all))] {
				if _, asked := v.known[c.EventID]; !asked {
					v.known[c.EventID] = false
					events = append(events, c.EventID)
				}
			}
		}
		if len(events) == 0 {
			return nil
		}
		if err := v.read(events); err != nil {
			return err
		}
		for _, l := range lists {
			for end := min(l.next+portion, len(l.all)); l.more() && l.next < end; l.next++ {
				if v.known[l.all[l.next].EventID] {
					l.kept = append(l.kept, l.all[l.next])
				}
			}
		}
		if v.spent() {
			return nil
		}
	}
}

// read finds out which of the events' payloads meet the conditions. Payloads are held one at a time.
func (v *sieve) read(events []webhook.ID) error {
	among, arg := v.db.AmongIDs("e.id", events)
	first, last := events[0].Time(), events[0].Time()
	for _, id := range events {
		if t := id.Time(); t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	q := v.payloads().Select("e.id, e.type, e.data").Where(among, arg)
	if last.Year() <= 9999 {
		q = where(q, published(v.db, "e.day", first, last.Add(time.Second)))
	}
	rows, err := q.Rows()
	if err != nil {
		return dialect.Unavailable(err)
	}
	defer rows.Close() //nolint:errcheck // what went wrong, Err has told
	for rows.Next() {
		var (
			id              webhook.ID
			eventType, data sql.RawBytes
		)
		if err := rows.Scan(&id, &eventType, &data); err != nil {
			return dialect.Unavailable(err)
		}
		v.bytes -= len(data)
		v.known[id] = v.filter.Match(string(eventType), data)
	}
	return dialect.Unavailable(rows.Err())
}

// candidates are rows of the branches, each in its stretch, that the filter keeps but for their payloads: most of them of each branch, and
// in the order of the list. With groups they have what facets tell apart.
func (r *Reading[T]) candidates(branches []any, in func(i int) stretch, most int, groups bool) ([]*queue, error) {
	columns := r.placed() + ", " + r.column("id") + ", " + r.event() + " AS event_id"
	if groups {
		columns += ", " + groupColumns(r.Source.DB)
	}
	parts, rows := make([]string, len(branches)), make([]any, len(branches))
	for i, value := range branches {
		s := in(i)
		parts[i] = fmt.Sprintf("SELECT %d AS branch, t.* FROM (?) AS t", i)
		rows[i] = r.ordered(where(r.branch(r.Rows(), value, s), r.rest).Select(columns), s.upward, most)
	}
	var found []candidate
	if err := r.DB.Raw(strings.Join(parts, " UNION ALL "), rows...).Scan(&found).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	lists := make([]*queue, len(branches))
	for i := range lists {
		lists[i] = &queue{}
	}
	for _, c := range found {
		lists[c.Branch].all = append(lists[c.Branch].all, c)
	}
	for _, l := range lists {
		if len(l.all) == most {
			l.end = l.all[most-1].place()
		}
	}
	return lists, nil
}

// sifted reads rows whose payloads meet the conditions. It may end before the stretch does, at floor.
func (r *Reading[T]) sifted(s stretch, limit int, v *sieve) (rows []*T, floor Place, err error) {
	one, err := r.siftedOf(s, limit, v, false)
	if err != nil {
		return nil, Place{}, err
	}
	rows, err = r.whole(one.kept)
	return rows, one.floor(), err
}

// whole is the rows of candidates, without those that have gone meanwhile.
func (r *Reading[T]) whole(kept []candidate) ([]*T, error) {
	ids := make([]webhook.ID, len(kept))
	for i, c := range kept {
		ids[i] = c.ID
	}
	found, err := r.ByID(ids)
	rows := make([]*T, 0, len(found))
	for _, id := range ids {
		if row := found[id]; row != nil {
			rows = append(rows, row)
		}
	}
	return rows, err
}

// event is the column of the id of the event that a row is of.
func (l *Index) event() string {
	if l.table == "events" {
		return l.column("id")
	}
	return l.column("event_id")
}
