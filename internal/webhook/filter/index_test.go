package filter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Whatever was added and removed before, the filters that an event matches are those that it matches among the ones that the index finds and those
// without a guard.
func TestIndexAgreesWithFilters(t *testing.T) { rapid.Check(t, checkIndex) }

func FuzzIndex(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkIndex)) }

func checkIndex(t *rapid.T) {
	x, all, rest, next := NewIndex[int](), map[int]*Filter{}, map[int]*Filter{}, 0
	sources := map[int]string{}
	for range rapid.IntRange(1, 30).Draw(t, "steps") {
		switch rapid.IntRange(0, 4).Draw(t, "step") {
		case 0:
			for key := range all {
				delete(all, key)
				delete(rest, key)
				x.Remove(key)
				break
			}
		case 1:
			data := anyData(t, 4)
			var want, got []int
			for key, f := range all {
				if f.Match("a.b", paidTags, []byte(data)) {
					want = append(want, key)
				}
			}
			for key, f := range rest {
				if f.Match("a.b", paidTags, []byte(data)) {
					got = append(got, key)
				}
			}
			for _, key := range x.Find(nil, "a.b", paidTags, []byte(data)) {
				if all[key].Match("a.b", paidTags, []byte(data)) {
					got = append(got, key)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Fatalf("%s: found %v, want %v of %v", data, got, want, sources)
			}
		default:
			source := anyFilter(t)
			if rapid.IntRange(0, 3).Draw(t, "exact") > 0 {
				source = `{"data":{"a":` + someScalar.Draw(t, "value") + `,"b":` + anyPattern(t, 1) + `}}`
			}
			f, err := Compile("filter", []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			next++
			room := x.Room(f, nil)
			if all[next], sources[next] = f, source; x.Add(f, next) != room {
				t.Fatalf("%s: room is %v", source, room)
			} else if !room {
				rest[next] = f
			}
		}
	}
	for key := range all {
		x.Remove(key)
	}
	if len(x.at) != 0 || x.places != 0 || len(x.shape.kids) != 0 {
		t.Fatalf("the empty index has %d filters, %d places and %v", len(x.at), x.places, x.shape.kids)
	}
}

// Filters that are matched together match the same events as one by one.
func TestTogetherAgreesWithFilters(t *testing.T) { rapid.Check(t, checkTogether) }

func FuzzTogether(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkTogether)) }

func checkTogether(t *rapid.T) {
	var all []*Filter
	for range rapid.IntRange(1, 6).Draw(t, "filters") {
		source := anyFilter(t)
		f, err := Compile("filter", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	together := NewTogether(append(all, all[0]))
	for range 3 {
		data := []byte(anyData(t, 4))
		m := together.Match("a.b", paidTags, data)
		matched := slices.Collect(m.Matched())
		for i, f := range all {
			if is, known := m.Is(f); !known || is != f.Match("a.b", paidTags, data) || is != slices.Contains(matched, i) {
				t.Fatalf("filter %d on %s: %v, %v, of %v", i, data, is, known, matched)
			}
		}
		if _, known := m.Is(Nothing); known {
			t.Fatal("a filter that is not among them is known")
		}
	}
}

// Whatever filters and the document are, an event is found by the index, matched together and explained as each filter matches it alone; and each
// walk ends, also over what is no JSON.
func FuzzDocument(f *testing.F) {
	for i, c := range paidFilters {
		f.Add(c.source, paidFilters[(i+7)%len(paidFilters)].source, []byte(paid))
	}
	f.Add(`{"data":{"a":{"b":[1]}}}`, `{"data":{"a":{"b":{"$ne":1}}}}`, []byte(`{"a":[{"b":1,"b":[]},[{"b":[[2,"x"]]}],{}],"a" : {"\u0062":1e0}}`))
	f.Fuzz(func(t *testing.T, one, other string, data []byte) {
		sources := []string{one, other, one}
		var filters []*Filter
		index, found := NewIndex[int](), map[int]bool{}
		for i, source := range sources {
			compiled, err := Compile("filter", []byte(source))
			if err != nil {
				return
			}
			filters = append(filters, compiled)
			found[i] = !index.Add(compiled, i)
		}
		for _, i := range index.Find(nil, "a.b", paidTags, data) {
			found[i] = true
		}
		answers := NewTogether(filters).Match("a.b", paidTags, data)
		if _, ok := rawjson.Valid(data); !ok || !utf8.Valid(data) {
			return
		}
		for i, alone := range filters {
			want := alone.Match("a.b", paidTags, data)
			why, err := Explain([]byte(sources[i]), "a.b", paidTags, data)
			if is, known := answers.Is(alone); is != want || !known || want && !found[i] || err != nil || (why == "") != want {
				t.Errorf("%s on %s: %v; together %v, found %v, explained by %q, %v", sources[i], data, want, is, found[i], why, err)
			}
		}
	})
}

// A filter's guard is an exact condition that every event must meet: on any value of a place, in an object of an array, beside other conditions. What
// only some events must meet, and what has too many values, is none.
func TestGuards(t *testing.T) {
	many := strings.Repeat(`"x",`, maxGuardValues) + `"y"`
	distinct := ""
	for i := range maxGuardValues + 1 {
		distinct += fmt.Sprintf(`,%d`, i)
	}
	for source, want := range map[string]bool{
		`{"type":"a"}`: true, `{"tags":{"$in":["a","b"]}}`: true, `{"data":5}`: true, `{"data":{"a":{"b":null}}}`: true, `{"data":{"a":{"$gt":1},"b":true}}`: true,
		`{"$and":[{"type":{"$startsWith":"a"}},{"data":{"a":{"$eq":1e2}}}]}`: true, `{"data":{"a":{"b":{"$ne":1},"c":"x"}}}`: true,
		`{"type":{"$startsWith":"a"}}`: false, `{"data":{"$not":{"a":1}}}`: false, `{"$or":[{"type":"a"},{"type":"b"}]}`: false, `{"data":{"a":{"$ne":"x"}}}`: false,
		`{"data":{"a":{"$nin":["x"]}}}`: false, `{"data":{"a":{"$exists":true}}}`: false, `{"data":{"a":{"$in":[` + many + `]}}}`: false,
		`{"data":{"a":{"$in":[` + distinct[1:] + `]}}}`: false, `{"data":{"a":1e100000000000000000000}}`: false,
	} {
		x := NewIndex[string]()
		f := compileFilter(t, source)
		if got := x.Add(f, source); got != want || (len(x.at) == 1) != want || len(x.at) > 1 {
			t.Errorf("%s has a guard: %v, want %v", source, got, want)
		}
	}
}

// Under one value there is room for some filters only: an event that has it is matched with each of them. A filter stands where there is most room.
func TestIndexIsBounded(t *testing.T) {
	x := NewIndex[int]()
	same, two := compileFilter(t, `{"data":{"status":"failed"}}`), compileFilter(t, `{"data":{"status":"failed","id":"c1"}}`)
	for i := range MaxUnder {
		if !x.Room(same, make([]*Filter, 0)) || !x.Add(same, i) {
			t.Fatalf("no room for filter %d", i)
		}
	}
	if x.Room(same, nil) || x.Add(same, -1) {
		t.Error("more filters under one value than there is room for")
	}
	if !x.Add(two, -2) {
		t.Error("a filter with another guard was not added")
	}
	if n := len(x.Find(nil, "a", nil, []byte(`{"status":"failed","id":"c2"}`))); n != MaxUnder {
		t.Errorf("%d filters found, want %d", n, MaxUnder)
	}
	if found := x.Find(nil, "a", nil, []byte(`{"id":"c1"}`)); !slices.Equal(found, []int{-2}) {
		t.Errorf("found %v", found)
	}
	x.Remove(0)
	if !x.Room(same, nil) || x.Room(same, []*Filter{two}) {
		t.Error("the room of one filter is taken, or is there twice")
	}
	for i := range 2 * maxPlaces {
		added := x.Add(compileFilter(t, fmt.Sprintf(`{"data":{"p%d":"x"}}`, i)), 1000+i)
		if want := i < maxPlaces-2; added != want {
			t.Fatalf("place %d was added: %v", i, added)
		}
	}
}

// BenchmarkIndex finds the filters of an event among many with a guard, of which one matches.
func BenchmarkIndex(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		x := NewIndex[int]()
		for i := range n {
			if !x.Add(compileFilter(b, fmt.Sprintf(`{"data":{"customer":"cus_%d","amount":{"$gte":100}}}`, i)), i) {
				b.Fatal("no room")
			}
		}
		data := []byte(`{"id":"pay_1","amount":250,"customer":"cus_7","items":[` + strings.Repeat(`{"sku":"abcdef","quantity":1,"price":"12.50"},`, 18) + `{"sku":"x"}]}`)
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var found []int
			for b.Loop() {
				if found = x.Find(found[:0], "payment.failed", nil, data); len(found) != 1 {
					b.Fatal(found)
				}
			}
		})
	}
}

// BenchmarkTogether matches an event with many filters, of which one matches.
func BenchmarkTogether(b *testing.B) {
	data := []byte(`{"id":"pay_1","amount":250,"customer":"cus_7","items":[` + strings.Repeat(`{"sku":"abcdef","quantity":1,"price":"12.50"},`, 18) + `{"sku":"x"}]}`)
	for _, n := range []int{1, 100} {
		for name, source := range map[string]string{
			"one":   `{"data":{"amount":{"$gte":%d}}}`,
			"three": `{"type":{"$startsWith":"payment."},"data":{"amount":{"$gte":%d},"items":{"sku":{"$nin":["x","y"]},"price":{"$exists":true}}}}`,
		} {
			var all []*Filter
			for i := range n {
				all = append(all, compileFilter(b, fmt.Sprintf(source, 250+i)))
			}
			together := NewTogether(all)
			b.Run(fmt.Sprintf("%d-%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					together.Match("payment.failed", nil, data)
				}
			})
		}
	}
}

// BenchmarkNewTogether compiles as many filters as a tenant may have without a guard, of many conditions each.
func BenchmarkNewTogether(b *testing.B) {
	var all []*Filter
	for i := range MaxUnder {
		source := fmt.Sprintf(`{"data":{"n":{"$gte":%d}`, i)
		for j := range MaxConditions - 1 {
			source += fmt.Sprintf(`,"m%d":{"$ne":"value %d"}`, j, i)
		}
		all = append(all, compileFilter(b, source+"}}"))
	}
	b.ReportAllocs()
	for b.Loop() {
		NewTogether(all)
	}
}
