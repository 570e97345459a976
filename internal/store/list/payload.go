package list

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// Conditions on an event's payload are evaluated here and not in the database, so that they match as webhooks' filters do. The database
// evaluates the rest of the filter; of the candidates that it finds, payloads are read in small portions, with limits of bytes and time.

const (
	maxCandidates = 2000 // of one stretch
	firstPortion  = 4    // payloads per list
	maxPortion    = 64
)

// candidate is a row that the filter keeps if its payload meets the conditions.
type candidate struct {
	Branch      int // index of its branch in the list
	Seq         int64
	At          *dialect.Micros // in lists that are in the order of a time
	ID, EventID webhook.ID
	WebhookID   webhook.ID // of deliveries that are grouped
	Group       group      `gorm:"embedded"`
}

// place returns the position of the candidate in its list.
func (c candidate) place() Place { return placeOf(c.Seq, c.At) }

// group has the values that facets count.
type group struct {
	Status    webhook.DeliveryStatus
	EventType string
	Error     webhook.ErrorCode
}

// queue has the candidates of one list, in order.
type queue struct {
	all  []candidate
	end  Place       // after which there may be more; none if these are all
	kept []candidate // candidates before next whose payloads meet the conditions
	want int         // the number to keep
	next int
}

// more reports whether there are more candidates to examine.
func (l *queue) more() bool { return l.next < len(l.all) && len(l.kept) < l.want }

// floor returns the place up to which the list was sifted; none if all of it was, or if enough candidates were kept.
func (l *queue) floor() Place {
	switch {
	case len(l.kept) >= l.want:
		return Place{}
	case l.next < len(l.all):
		return l.all[l.next-1].place()
	}
	return l.end
}

// merged merges the branches of a list, up to the place that all branches have reached.
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
	filter   *filter.Filter
	wanted   *filter.Filter  // a second one; nil: none
	payloads func() *gorm.DB // the table of events, e, found by their ids, restricted to what the reader may see
	db       dialect.DB
	bytes    int // that may still be read
	until    time.Time
	known    map[webhook.ID]bool // whether the payload of an event of the last portion meets the conditions
}

// sieve returns nil for a filter without conditions on payloads.
func (r *Reading[T]) sieve(within time.Duration) (*sieve, error) {
	if len(r.data) == 0 && r.wanted == nil {
		return nil, nil
	}
	compiled, err := filter.CompileData("filter.data", r.data)
	if err != nil {
		return nil, err
	}
	return &sieve{filter: compiled, wanted: r.wanted, payloads: r.Payloads, db: r.Source.DB, bytes: r.Source.Bounds.Bytes, until: time.Now().Add(within)}, nil
}

// spent reports whether the limits are reached.
func (v *sieve) spent() bool { return v != nil && (v.bytes <= 0 || !time.Now().Before(v.until)) }

// sift examines the lists' candidates side by side until each list has kept enough or the limits are reached. It examines at least some
// candidates of each list.
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

// read evaluates the conditions for the payloads of the events. It holds one payload at a time.
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
	q := v.payloads().Select("e.id, e.type, e.tags, e.data").Where(among, arg)
	if last.Year() <= 9999 {
		q = where(q, published(v.db, "e.day", first, last.Add(time.Second)))
	}
	rows, err := q.Rows()
	if err != nil {
		return dialect.Unavailable(err)
	}
	defer rows.Close() //nolint:errcheck // Err has returned the error
	for rows.Next() {
		var (
			id              webhook.ID
			eventType, data sql.RawBytes
			stored          sql.RawBytes // the tags, JSON
			tags            []string
		)
		if err := rows.Scan(&id, &eventType, &stored, &data); err != nil {
			return dialect.Unavailable(err)
		}
		v.bytes -= len(data)
		wanted := v.filter.Match(string(eventType), nil, data)
		if wanted && v.wanted != nil {
			if len(stored) > 0 {
				if err := json.Unmarshal(stored, &tags); err != nil {
					return fmt.Errorf("read the tags of event %s: %w", id, err)
				}
			}
			wanted = v.wanted.Match(string(eventType), tags, data)
		}
		v.known[id] = wanted
	}
	return dialect.Unavailable(rows.Err())
}

// Limits of Matched.
const (
	matchedBytes   = 4 << 20 // of payloads; a portion may exceed it
	matchedPortion = 8
)

// Matched returns how many of the newest n events of a list the filter matches; nil matches all. It reads a bounded number of bytes, so that
// of, the number of events that it has looked at, may be less.
func Matched(ctx context.Context, r *Reading[webhook.Event], n int, f *filter.Filter) (matched, of int, err error) {
	newest, err := Read(ctx, r, NewestFirst, Page{First: n})
	if err != nil {
		return 0, 0, err
	}
	if f == nil {
		return len(newest.Items), len(newest.Items), nil
	}
	everything, err := filter.CompileData("", nil)
	if err != nil {
		return 0, 0, err
	}
	v := &sieve{filter: everything, wanted: f, payloads: r.Payloads, db: r.Source.DB, bytes: matchedBytes}
	for part := range slices.Chunk(newest.Items, matchedPortion) {
		if v.bytes <= 0 {
			break
		}
		ids := make([]webhook.ID, len(part))
		for i, e := range part {
			ids[i] = e.ID
		}
		v.known = map[webhook.ID]bool{}
		if err := v.read(ids); err != nil {
			return 0, 0, err
		}
		for _, is := range v.known {
			if of++; is {
				matched++
			}
		}
	}
	return matched, of, nil
}

// candidates returns rows of the branches in their stretches that the filter keeps if their payloads meet the conditions: at most most of
// each branch, in the order of the list. With groups they have the values that facets count.
func (r *Reading[T]) candidates(branches []any, in func(i int) stretch, most int, groups bool) ([]*queue, error) {
	columns := r.placed() + ", " + r.ofRow("id") + ", " + r.event() + " AS event_id"
	if groups {
		columns += ", d.webhook_id, " + groupColumns(r.Source.DB)
	}
	var found []candidate
	err := r.each(branches, in, func(r *Reading[T], value any, s stretch) *gorm.DB {
		return r.ordered(where(r.branch(r.rowsOf(value), value, s), r.rest).Select(columns), s.upward, most)
	}).Scan(&found).Error
	if err != nil {
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

// whole returns the rows of candidates, without those that were removed in the meantime.
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

// event returns the column with the id of a row's event.
func (l *Index) event() string {
	if l.table == "events" {
		return l.column("id")
	}
	return l.column("event_id")
}
