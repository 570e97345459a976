package stats

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyJournal draws rows of a journal as transactions write them: a few minutes long, by a clock that may be set back.
func anyJournal(t *rapid.T) (rows [][]byte) {
	at := int64(1_764_000_000_000_000)
	for range rapid.IntRange(1, 6).Draw(t, "rows") {
		at += rapid.Int64Range(-70e6, 100e6).Draw(t, "later")
		var d Delta
		for _, s := range anySteps(t) {
			s.do(&d)
		}
		rows = append(rows, d.Append(nil, at))
	}
	return rows
}

// readAll returns the content of consecutive rows.
func readAll(t rapid.TB, rows [][]byte) contents {
	all := contents{map[Key]*Counts{}, map[hook]Gauge{}}
	for _, row := range rows {
		c, _ := read(t, row)
		for k, counts := range c.Counts {
			if all.Counts[k] == nil {
				all.Counts[k] = &Counts{}
			}
			all.Counts[k].Merge(counts)
		}
		for h, g := range c.Gauges {
			sum := all.Gauges[h]
			sum.Then(g)
			all.Gauges[h] = sum
		}
	}
	return all
}

var asContents = cmp.Options{asCounts, cmp.AllowUnexported(hook{})}

// Rows of a journal have the same content after they were merged and cut repeatedly: the counts of each minute, the pending deliveries of webhooks, when
// their attempts last succeeded and failed, to the microsecond, and how many failed in a row.
func TestMergedRowsSayTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := anyJournal(t)
		want := readAll(t, rows)
		for range 3 {
			first := rapid.IntRange(0, len(rows)-1).Draw(t, "first")
			last := rapid.IntRange(first+1, len(rows)).Draw(t, "last")
			var d Delta
			newest := int64(0)
			for _, row := range rows[first:last] {
				at, err := d.Read(row)
				if err != nil {
					t.Fatal(err)
				}
				newest = max(newest, at)
			}
			keys, current := rapid.IntRange(1, 20).Draw(t, "keys"), newest/minute-rapid.Int64Range(0, 2).Draw(t, "before")
			parts, others := d.Cut(keys, newest, current)
			for i, part := range parts {
				c, _ := read(t, part)
				from, to, err := Span(part)
				if err != nil || len(c.Counts) > keys {
					t.Fatalf("part %d has %d keys, more than %d, %v", i, len(c.Counts), keys, err)
				}
				for k := range c.Counts {
					if (k.Minute != current) != (i < others) || k.Minute < from || k.Minute > to {
						t.Fatalf("part %d, of which %d are not of minute %d, has something of minute %d, which is not in %d to %d", i, others, current, k.Minute, from, to)
					}
				}
			}
			rows = slices.Replace(rows, first, last, parts...)
			if diff := cmp.Diff(want, readAll(t, rows), asContents); diff != "" {
				t.Fatal(diff)
			}
			if len(rows) == 0 {
				return
			}
		}
	})
}

// The keys drained from a delta and the remaining ones together have the content of the delta.
func TestDrainInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d Delta
		newest := int64(0)
		rows := anyJournal(t)
		for _, row := range rows {
			at, err := d.Read(row)
			if err != nil {
				t.Fatal(err)
			}
			newest = max(newest, at)
		}
		want := readAll(t, rows)
		got := contents{map[Key]*Counts{}, map[hook]Gauge{}}
		for !d.Empty() {
			left := rapid.IntRange(1, 10).Draw(t, "keys")
			d.Drain(func(k Key, g Gauge, c *Counts) bool {
				if got.Counts[k] != nil {
					t.Fatalf("%v comes twice", k)
				}
				got.Counts[k] = merged(c)
				if k.Webhook != 0 {
					sum := got.Gauges[hook{k.Tenant, k.Webhook}]
					sum.Then(g)
					got.Gauges[hook{k.Tenant, k.Webhook}] = sum
				}
				left--
				return left > 0
			})
			rest := d.Append(nil, newest)
			d = Delta{}
			if _, err := d.Read(rest); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got, asContents); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Counts that are of no interest are skipped, and the rest is read unchanged.
func TestReadSomeKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, row := range anyJournal(t) {
			want, at := read(t, row)
			got := contents{map[Key]*Counts{}, map[hook]Gauge{}}
			keep := rapid.Int64Range(0, 2).Draw(t, "of three")
			of := func(k Key) bool { return (k.Webhook+int64(len(k.Type)))%3 == keep }
			noteGauge := func(t Tenant, w int64, g Gauge) { got.Gauges[hook{t, w}] = g }
			when, err := Read(row, Visitor{Webhook: noteGauge, Key: of, Counts: func(k Key, c *Counts) { got.Counts[k] = merged(c) }})
			maps.DeleteFunc(want.Counts, func(k Key, _ *Counts) bool { return !of(k) })
			if diff := cmp.Diff(want, got, asContents); err != nil || when != at || diff != "" {
				t.Fatalf("%v, at %d: %s", err, when, diff)
			}
			sums := map[Key]*Counts{}
			into := func(k Key) *Counts {
				if !of(k) {
					return nil
				}
				if sums[k] == nil {
					sums[k] = &Counts{}
				}
				return sums[k]
			}
			_, err = Read(row, Visitor{Into: into})
			if diff := cmp.Diff(want.Counts, sums, asContents); err != nil || diff != "" {
				t.Fatalf("added to others: %v: %s", err, diff)
			}
			_, err = Read(row, Visitor{Untyped: true, Into: func(k Key) *Counts {
				if k.Type != "" {
					t.Fatalf("read %+v", k)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			clear(got.Gauges)
			_, err = Read(row, Visitor{Webhook: noteGauge})
			if diff := cmp.Diff(want.Gauges, got.Gauges, asContents); err != nil || diff != "" {
				t.Fatalf("gauges alone: %v: %s", err, diff)
			}
		}
	})
}

// A delta that was read has the content of what was read, without encoding it again.
func TestVisitIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, row := range anyJournal(t) {
			want, _ := read(t, row)
			var d Delta
			if _, err := d.Read(row); err != nil {
				t.Fatal(err)
			}
			got, sums := contents{map[Key]*Counts{}, map[hook]Gauge{}}, map[Key]*Counts{}
			d.Visit(Visitor{
				Webhook: func(t Tenant, w int64, g Gauge) { got.Gauges[hook{t, w}] = g },
				Counts:  func(k Key, c *Counts) { got.Counts[k] = merged(c) },
			})
			if diff := cmp.Diff(want, got, asContents); diff != "" {
				t.Fatal(diff)
			}
			untyped := map[Key]*Counts{}
			for _, into := range []struct {
				to      map[Key]*Counts
				untyped bool
			}{{sums, false}, {untyped, true}} {
				d.Visit(Visitor{Untyped: into.untyped, Into: func(k Key) *Counts {
					if into.to[k] == nil {
						into.to[k] = &Counts{}
					}
					return into.to[k]
				}})
			}
			if diff := cmp.Diff(want.Counts, sums, asContents); diff != "" {
				t.Fatal(diff)
			}
			for k := range untyped {
				if k.Type != "" {
					t.Fatalf("visited %+v", k)
				}
			}
		}
	})
}
