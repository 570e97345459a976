package stats

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var asCounts = cmp.Options{cmp.AllowUnexported(Counts{}), cmpopts.EquateEmpty()}

// anyCounts draws counts as deliveries produce them.
func anyCounts(t *rapid.T, label string) *Counts {
	c := &Counts{}
	for range rapid.IntRange(0, 8).Draw(t, label) {
		c.Add(Counter(rapid.IntRange(0, int(counters)-1).Draw(t, "counter")), rapid.Int64Range(1, 1<<40).Draw(t, "n"))
	}
	for range rapid.IntRange(0, 5).Draw(t, "answers") {
		c.Statuses.add(uint16(rapid.IntRange(100, 999).Draw(t, "status")), 1)
		c.Duration.Add(anyDuration(t))
		c.Latency.Add(anyDuration(t))
	}
	return c
}

// anyDuration draws a duration of any order of magnitude.
func anyDuration(t *rapid.T) int64 {
	return int64(math.Exp(rapid.Float64Range(0, 31).Draw(t, "ln of µs")))
}

func merged(all ...*Counts) *Counts {
	sum := &Counts{}
	for _, c := range all {
		sum.Merge(c)
	}
	return sum
}

// Counts are the same in whatever order they are merged, and merging does not change the merged ones.
func TestMergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyCounts(t, "a"), anyCounts(t, "b"), anyCounts(t, "c")
		before := a.Append(nil)
		want := merged(a, b, c)
		encoded := merged(a)
		for _, other := range []*Counts{b, c} {
			if err := encoded.MergeEncoded(other.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		for _, got := range []*Counts{merged(c, b, a), merged(a, merged(b, c)), merged(merged(a, b), c), merged(b, &Counts{}, a, c), encoded} {
			if diff := cmp.Diff(want, got, asCounts); diff != "" {
				t.Fatal(diff)
			}
		}
		if !bytes.Equal(before, a.Append(nil)) {
			t.Fatal("merging changed what was merged")
		}
	})
}

// Decoding returns what was encoded, also into counts that held something else before.
func TestCountsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, got := anyCounts(t, "counts"), anyCounts(t, "before")
		if err := got.Decode(want.Append(nil)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, asCounts); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A quantile is within 2.5 % of the exact one, from 100 µs to 400 days.
func TestQuantileIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Histogram
		var all []int64
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			us := max(anyDuration(t), lowest)
			all = append(all, us)
			h.Add(us)
		}
		slices.Sort(all)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		want := float64(all[max(int(math.Ceil(q*float64(len(all)))), 1)-1])
		got, ok := h.Quantile(q)
		if off := math.Abs(got-want) / want; !ok || off > 0.02501 {
			t.Fatalf("quantile %v of %d is %v, want %v: %.3f off", q, len(all), got, want, off)
		}
	})
}

// Durations at the limits of a histogram are counted, and an empty histogram has no quantile.
func TestHistogramEnds(t *testing.T) {
	var h Histogram
	if us, ok := h.Quantile(0.5); ok {
		t.Errorf("the quantile of nothing is %v", us)
	}
	for us, bin := range map[int64]uint16{-5: 0, 0: 0, 1: 0, 100: 0, 101: 1, 105: 1, 106: 2, 30_000_000: 253, 34_000_000: 255, math.MaxInt64 / 4: lastBin} {
		if got := binOf(max(us, 0)); got != bin {
			t.Errorf("%d µs is in bin %d, want %d", us, got, bin)
		}
	}
	h.Add(-5)
	h.Add(math.MaxInt64 / 4)
	if h.Sum != math.MaxInt64/4 || h.Bins.Count() != 2 {
		t.Errorf("the sum is %d of %d durations", h.Sum, h.Bins.Count())
	}
	for q, want := range map[float64]float64{-1: lowest, 0: lowest, 0.5: lowest, 0.51: valueOf(lastBin), 1: valueOf(lastBin), 2: valueOf(lastBin)} {
		if got, ok := h.Quantile(q); !ok || got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

// step is one action of a transaction.
type did struct {
	key Key
	do  func(d *Delta)
}

func anySteps(t *rapid.T) []did {
	var steps []did
	for range rapid.IntRange(0, 40).Draw(t, "steps") {
		k := Key{
			Tenant:  Tenant{byte(rapid.IntRange(0, 2).Draw(t, "tenant"))},
			Webhook: rapid.SampledFrom([]int64{1, 2, 300, 1 << 40}).Draw(t, "webhook"),
			Type:    rapid.SampledFrom([]string{"a.b", "c", "hookgraph.test"}).Draw(t, "type"),
		}
		n, us := rapid.Int64Range(1, 300).Draw(t, "n"), anyDuration(t)
		a := Attempt{
			Succeeded: rapid.Bool().Draw(t, "succeeded"), Trigger: Trigger(rapid.IntRange(0, numTriggers-1).Draw(t, "trigger")),
			Error: Error(rapid.IntRange(0, numErrors-1).Draw(t, "error")), Status: rapid.SampledFrom([]int{0, 200, 503}).Draw(t, "status"), DurationUs: us,
		}
		how := rapid.SampledFrom([]Counter{Succeeded, Failed, Canceled}).Draw(t, "how")
		owed := rapid.Bool().Draw(t, "owed")
		steps = append(steps, did{k, rapid.SampledFrom([]func(d *Delta){
			func(d *Delta) { d.Event(k.Tenant, k.Type) },
			func(d *Delta) { d.Owed(k, n) },
			func(d *Delta) { d.Ended(k, how, n, owed) },
			func(d *Delta) { d.Attempted(k, a) },
			func(d *Delta) { d.Attempted(k, a); d.Delivered(k, us) },
		}).Draw(t, "what")})
	}
	return steps
}

// contents is the content of a delta's encoding.
type contents struct {
	Counts map[Key]*Counts
	Gauges map[hook]Gauge
}

func read(t rapid.TB, data []byte) (c contents, at int64) {
	t.Helper()
	c = contents{map[Key]*Counts{}, map[hook]Gauge{}}
	at, err := Read(data, Visitor{
		Webhook: func(t Tenant, w int64, g Gauge) { c.Gauges[hook{t, w}] = g },
		Counts:  func(k Key, of *Counts) { c.Counts[k] = merged(of) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, at
}

// A transaction has the same counts whether it is counted at once, in parts that are merged in order, by a reused delta, or reassembled
// from what was read.
func TestDeltaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := anySteps(t)
		used := &Delta{}
		for _, s := range anySteps(t) {
			s.do(used)
		}
		used.Reset()
		cut := rapid.IntRange(0, len(steps)).Draw(t, "cut")
		var once, first, second Delta
		for i, s := range steps {
			s.do(&once)
			s.do(used)
			if i < cut {
				s.do(&first)
			} else {
				s.do(&second)
			}
		}
		first.Merge(&second)
		want, at := read(t, once.Append(nil, 1_764_000_000_000_000))
		if at != 1_764_000_000_000_000 {
			t.Fatalf("it happened at %d", at)
		}
		var again Delta
		for k, c := range want.Counts {
			again.Put(k, c)
		}
		for h, g := range want.Gauges {
			again.PutGauge(h.tenant, h.webhook, g)
		}
		for name, d := range map[string]*Delta{"in parts": &first, "used before": used, "read": &again} {
			got, _ := read(t, d.Append(nil, at))
			if diff := cmp.Diff(want, got, asCounts, cmp.AllowUnexported(hook{})); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
		if once.Empty() != (len(steps) == 0) {
			t.Fatal("a delta that has something is empty, or the other way round")
		}
	})
}

// One tenant's part can be read without the others'.
func TestReadOneTenant(t *testing.T) {
	var d Delta
	for i := range 3 {
		d.Event(Tenant{byte(i)}, "a.b")
		d.Owed(Key{Tenant: Tenant{byte(i)}, Webhook: 7, Type: "a.b"}, int64(i+1))
	}
	n := int64(0)
	_, err := Read(d.Append(nil, 1), Visitor{
		Tenant: func(t Tenant) bool { return t == Tenant{1} },
		Counts: func(k Key, c *Counts) {
			if k.Tenant != (Tenant{1}) {
				t.Errorf("read %v", k)
			}
			n += c.Get(Owed) + c.Get(Events)
		},
	})
	if err != nil || n != 3 {
		t.Errorf("counted %d, %v", n, err)
	}
}

// The failures since the last success are known, however attempts are spread over transactions.
func TestTrailingFailures(t *testing.T) {
	for name, c := range map[string]struct {
		attempts string // of each transaction; + succeeded, - failed
		want     Gauge
	}{
		"none":                    {"", Gauge{}},
		"a success":               {"+", Gauge{Succeeded: true}},
		"failures":                {"-- -", Gauge{Failed: true, Trailing: 3}},
		"after a success":         {"+- --", Gauge{Succeeded: true, Failed: true, Trailing: 3}},
		"ended by a success":      {"--- -+", Gauge{Succeeded: true, Failed: true}},
		"begun again":             {"- +- -", Gauge{Succeeded: true, Failed: true, Trailing: 2}},
		"success in between them": {"-+- +", Gauge{Succeeded: true, Failed: true}},
	} {
		var all, part Gauge
		for _, a := range c.attempts + " " {
			if a == ' ' {
				all.Then(part)
				part = Gauge{}
				continue
			}
			part.attempted(a == '+')
		}
		if all != c.want {
			t.Errorf("%s: %+v, want %+v", name, all, c.want)
		}
	}
}

// A usual transaction takes few bytes for each event with its delivery and attempt, and a reused delta allocates nothing.
func TestCostOfATransaction(t *testing.T) {
	const events = 40
	types := make([]string, 20)
	for i := range types {
		types[i] = "humanization.step" + string(rune('a'+i))
	}
	for webhooks, most := range map[int]int{1: 30, 100: 50} {
		var d Delta
		var data []byte
		count := func() {
			d.Reset()
			for i := range events {
				k := Key{Tenant: Tenant{1}, Webhook: int64(1000 + i%webhooks), Type: types[i*7%len(types)]}
				d.Event(k.Tenant, k.Type)
				d.Owed(k, 1)
				d.Attempted(k, Attempt{Succeeded: true, Status: 200, DurationUs: int64(900 + 10*i)})
				d.Ended(k, Succeeded, 1, true)
				d.Delivered(k, int64(2000+17*i))
			}
			data = d.Append(data[:0], 1_764_000_000_000_000)
		}
		for range 2 * events { // until every part that is used again has grown
			count()
		}
		if n := len(data) / events; n > most {
			t.Errorf("with %d webhooks an event takes %d bytes, want at most %d", webhooks, n, most)
		}
		if n := testing.AllocsPerRun(10, count); n != 0 {
			t.Errorf("with %d webhooks a transaction makes %v allocations, want none", webhooks, n)
		}
	}
}

// Packed rows are added to the counts of their buckets; text that is cut short or lacks a bucket is refused.
func TestReadPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, got := map[int64]*Counts{}, map[int64]*Counts{}
		var data []byte
		for range rapid.IntRange(1, 10).Draw(t, "rows") {
			bucket := rapid.Int64Range(0, 3).Draw(t, "bucket") * rapid.SampledFrom([]int64{1, 60, 29_400_000}).Draw(t, "minutes")
			c := anyCounts(t, "counts")
			if want[bucket] == nil {
				want[bucket] = &Counts{}
			}
			want[bucket].Merge(c)
			data = c.Append(append(strconv.AppendInt(data, bucket, 10), ':'))
		}
		into := func(bucket int64) *Counts {
			if got[bucket] == nil {
				got[bucket] = &Counts{}
			}
			return got[bucket]
		}
		if err := ReadPacked(data, into); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, asCounts); diff != "" {
			t.Fatal(diff)
		}
		sink := func(int64) *Counts { return &Counts{} }
		for _, bad := range [][]byte{data[:len(data)-1], append(slices.Clone(data), '7'), append(slices.Clone(data), "7:"...), append([]byte{'x'}, data...)} {
			if err := ReadPacked(bad, sink); !errors.Is(err, ErrData) {
				t.Fatalf("%q: %v", bad, err)
			}
		}
	})
}

// Data that is cut short, continues after its end, or has another version is refused.
func TestDamagedData(t *testing.T) {
	var d Delta
	k := Key{Tenant: Tenant{1}, Webhook: 7, Type: "a.b"}
	d.Event(k.Tenant, k.Type)
	d.Owed(k, 2)
	d.Attempted(k, Attempt{Error: Timeout, Status: 503, DurationUs: 12345})
	data := d.Append(nil, 1)
	ignore := Visitor{Counts: func(Key, *Counts) {}}
	for n := range data {
		if n == 0 || n > len(data)-3 { // a part that ends with a section is whole
			if _, err := Read(data[:n], ignore); !errors.Is(err, ErrData) {
				t.Errorf("%d of %d bytes: %v", n, len(data), err)
			}
		}
	}
	for _, other := range [][]byte{nil, {0}, append([]byte{version + 1}, data[1:]...), append(slices.Clone(data), 1)} {
		if _, err := Read(other, ignore); !errors.Is(err, ErrData) {
			t.Errorf("%v: %v", other, err)
		}
	}
	var c Counts
	one := merged(d.entries[1].Counts.copy()).Append(nil)
	for n := range one {
		if err := c.Decode(one[:n]); !errors.Is(err, ErrData) {
			t.Errorf("%d of %d bytes of counts: %v", n, len(one), err)
		}
	}
	if err := c.Decode(append(one, 0)); !errors.Is(err, ErrData) {
		t.Errorf("counts with a byte more: %v", err)
	}
}

func (c *Counts) copy() *Counts { return merged(c) }

// FuzzRead shows that no data makes the decoders panic or allocate more memory than its length, and that accepted data is encoded as the
// same counts again.
func FuzzRead(f *testing.F) {
	var d Delta
	k := Key{Tenant: Tenant{1}, Webhook: 7, Type: "a.b"}
	d.Event(k.Tenant, k.Type)
	d.Owed(k, 2)
	d.Attempted(k, Attempt{Succeeded: true, Status: 200, DurationUs: 12345})
	f.Add(d.Append(nil, 1_764_000_000_000_000))
	f.Add(d.entries[0].Append(nil))
	f.Add([]byte{version, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		var c, again Counts
		if c.Decode(data) == nil {
			if err := again.Decode(c.Append(nil)); err != nil || !cmp.Equal(&c, &again, asCounts) {
				t.Errorf("%v became %v, %v", &c, &again, err)
			}
		}
		var copied Delta
		entries := 0
		rows := 0
		_ = ReadPacked(data, func(int64) *Counts {
			rows++
			return &c
		})
		if rows > len(data) {
			t.Errorf("%d packed rows of %d bytes", rows, len(data))
		}
		_, err := Read(data, Visitor{
			Counts: func(k Key, c *Counts) {
				copied.Put(k, c)
				entries++
			},
		})
		if entries > len(data) {
			t.Errorf("%d entries of %d bytes", entries, len(data))
		}
		if err != nil {
			return
		}
		if _, err := Read(copied.Append(nil, 1), Visitor{Counts: func(Key, *Counts) {}}); err != nil && entries < 2 {
			t.Errorf("what was read cannot be written and read: %v", err)
		}
	})
}
