package filter

import (
	"fmt"
	"strings"
	"testing"
)

const costly = 64 << 10 // bytes of payload

// repeat returns open, one repeated with commas, and end, in about the given number of bytes.
func repeat(open, one, end string, bytes int) []byte {
	n := (bytes - len(open) - len(end)) / (len(one) + 1)
	return []byte(open + one + strings.Repeat(","+one, n-1) + end)
}

// The worst cases for filter and payload: payloads by length, with filters whose conditions apply to them.
func worst() map[string]struct {
	source string
	data   func(bytes int) []byte
} {
	all := func(condition string, n int, in string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(condition, i)
		}
		return fmt.Sprintf(in, strings.Join(parts, ","))
	}
	long := func(open, one, end string) func(int) []byte {
		return func(n int) []byte { return []byte(open + strings.Repeat(one, (n-len(open)-len(end))/len(one)) + end) }
	}
	return map[string]struct {
		source string
		data   func(bytes int) []byte
	}{
		"numbers in an array": {all(`{"$gt":%d}`, 16, `{"data":{"a":{"$or":[%s]}}}`), func(n int) []byte { return repeat(`{"a":[`, `-1`, `]}`, n) }},
		"a long number":       {`{"data":{"a":{"$lt":1` + strings.Repeat("0", 4000) + `}}}`, long(`{"a":1`, "0", `}`)},
		"a long exponent":     {`{"data":{"a":{"$lt":1e1` + strings.Repeat("0", 4000) + `}}}`, long(`{"a":1e1`, "0", `}`)},
		"nearly the needle":   {`{"data":{"a":{"$contains":"` + strings.Repeat("a", 4000) + `b"}}}`, long(`{"a":"`, "a", `"}`)},
		"a needle in escapes": {`{"data":{"a":{"$endsWith":"` + strings.Repeat("a", 4000) + `b"}}}`, long(`{"a":"`, `\u0061`, `"}`)},
		"escaped names":       {all(`"%dx":1`, 100, `{"data":{%s}}`), func(n int) []byte { return repeat(`{`, `"\u0031":1`, `}`, n) }},
		"nested arrays": {`{"data":{"a":1}}`, func(n int) []byte {
			return repeat(`{"a":[`, strings.Repeat("[", 90)+"2"+strings.Repeat("]", 90), `]}`, n)
		}},
		"objects in an array":  {`{"data":{"a":{"b":{"c":{"d":1,"e":2}}}}}`, func(n int) []byte { return repeat(`{"a":[`, `{"b":{"c":{"d":1,"e":1}}}`, `]}`, n) }},
		"one name repeatedly":  {`{"data":{"a":{"a":{"a":{"a":1}}}}}`, func(n int) []byte { return repeat(`{`, `"a":{"a":{"a":{"a":2}}}`, `}`, n) }},
		"what nobody asks for": {`{"data":{"a":{"b":1}}}`, func(n int) []byte { return repeat(`{"b":[`, `{"c":[1,2,{}]}`, `]}`, n) }},
		"values of $in":        {all(`"v%d"`, 900, `{"data":{"a":{"$in":[%s]}}}`), func(n int) []byte { return repeat(`{"a":[`, `"v9x"`, `]}`, n) }},
	}
}

// A payload of 64 KiB is read at most once for each condition, and one of twice the length costs twice as much. The test counts
// bytes, not time.
func TestFilterCostIsLinear(t *testing.T) {
	for name, w := range worst() {
		f := compileFilter(t, w.source)
		cost := func(bytes int) int {
			m := matcher{bits: make([]uint64, f.words())}
			if data := w.data(bytes); m.match(f, "a", nil, data) {
				t.Errorf("%s: matches", name)
			}
			return m.work
		}
		once, twice := cost(costly), cost(2*costly)
		if conditions := strings.Count(w.source, ":") - 1; once > (conditions+2)*costly {
			t.Errorf("%s: %d bytes were looked at, for %d of payload", name, once, costly)
		}
		if once < costly/2 {
			t.Errorf("%s: only %d bytes were looked at: the payload is not what it should be", name, once)
		}
		if float64(twice) > 2.05*float64(once) {
			t.Errorf("%s: %d bytes, and %d for twice the payload", name, once, twice)
		}
	}
}

// No evaluation allocates, whatever the payload.
func TestFilterDoesNotAllocate(t *testing.T) {
	for name, w := range worst() {
		f, data := compileFilter(t, w.source), w.data(costly)
		if n := testing.AllocsPerRun(3, func() { f.Match("a", nil, data) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	f := compileFilter(t, `{"type":{"$startsWith":"a."},"data":{"customer":{"tags":{"$in":["x","y",null]}},"amount":{"$gte":1000},"ok":{"$in":[null,false]}}}`)
	data := []byte(paid)
	if n := testing.AllocsPerRun(100, func() { f.Match("a.b", nil, data) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Needles are found wherever package strings finds them, even if they overlap themselves.
func TestNeedle(t *testing.T) {
	var words []string
	for i := range 1 << 8 {
		w := strings.NewReplacer("0", "a", "1", "é").Replace(fmt.Sprintf("%b", i+1))
		words = append(words, strings.TrimPrefix(w, "é"))
	}
	for _, needle := range words {
		if needle == "" {
			continue
		}
		n := newNeedle(needle)
		for _, text := range words {
			if got := n.found(&value{text: []byte(text)}, false); got != strings.Contains(text, needle) {
				t.Errorf("%q contains %q: %v", text, needle, got)
			}
			if got := n.found(&value{text: []byte(text)}, true); got != strings.HasSuffix(text, needle) {
				t.Errorf("%q ends in %q: %v", text, needle, got)
			}
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	f := compileFilter(b, `{"data":{"amount":{"$gte":100},"status":{"$in":["failed","expired"]},"customer":{"id":"cus_1","plan":{"$ne":"free"}}}}`)
	for _, size := range []int{1 << 10, costly} {
		data := fmt.Appendf(nil, `{"amount":100,"status":"failed","rows":%s,"customer":{"id":"cus_1","plan":null}}`,
			repeat("[", `{"id":"row_1","score":0.25,"name":"x\ny"}`, "]", size-100))
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if !f.Match("a.b", nil, data) {
					b.Fatal("does not match")
				}
			}
		})
	}
}

func BenchmarkFilterWorst(b *testing.B) {
	for name, w := range worst() {
		f, data := compileFilter(b, w.source), w.data(costly)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f.Match("a", nil, data)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	source := []byte(`{"data":{"amount":{"$gte":100},"status":{"$in":["failed","expired"]},"customer":{"id":"cus_1","plan":{"$ne":"free"}}}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile("filter", source); err != nil {
			b.Fatal(err)
		}
	}
}
