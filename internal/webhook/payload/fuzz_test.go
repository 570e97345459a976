package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// check renders an event and holds what is true of every body: it is JSON, bounded, the same again, and as deep as its parts.
func check(tb testing.TB, s *webhook.Payload, data []byte) {
	tb.Helper()
	if len(data) > 64<<10 || (&webhook.NewEvent{Type: "a.b", Data: bytes.Clone(data)}).Check("", 1<<20) != nil {
		return
	}
	p, err := Compile("payload", s.Normal())
	if err != nil {
		if len(webhook.Invalids(err)) == 0 || !utf8.ValidString(err.Error()) {
			tb.Fatalf("%+v: %v", s, err)
		}
		return
	}
	before := bytes.Clone(data)
	e := event(string(data))
	b, err := p.Render(e, nil)
	switch {
	case !bytes.Equal(e.Data, before):
		tb.Fatalf("the event was changed")
	case err != nil && s.Format != webhook.PayloadTemplate:
		tb.Fatalf("%v", err)
	case err != nil:
		return
	case !json.Valid(b.Bytes):
		tb.Fatalf("%+v of %s: %s", s, data, b.Bytes)
	case s.Format == webhook.PayloadTemplate && len(b.Bytes) > MaxBody(len(data)):
		tb.Fatalf("%d bytes", len(b.Bytes))
	}
	if again, err := p.Render(e, nil); err != nil || !bytes.Equal(again.Bytes, b.Bytes) {
		tb.Fatalf("%s, and then %s %v", b.Bytes, again.Bytes, err)
	}
}

func FuzzPayload(f *testing.F) {
	for _, source := range []string{
		`{"text":"{{ type }}: {{ data.name | default 'x' }}"}`, `["{{ data.items[1].sku }}","{{ data['a.b'] | string | truncate 3 }}"]`,
		`"{{ '{{' }} {{ tags[0] }}{{ data | default {\"a\":[1]} }}"`, `{"a":{"{{":1}}`, `"{{ data["`,
	} {
		f.Add(source, "customer.id,items.sku", []byte(order))
		f.Add(source, "", []byte(`[[{"a":1}]]`))
	}
	f.Fuzz(func(t *testing.T, source, fields string, data []byte) {
		s := &webhook.Payload{Format: webhook.PayloadTemplate, Template: &source}
		if fields != "" {
			s.IncludeFields = strings.Split(fields, ",")
		}
		check(t, s, data)
		s.Format, s.Template = webhook.PayloadStandard, nil
		check(t, s, data)
	})
}

// value draws JSON text with few names, some of them escaped or given twice.
func value(t *rapid.T, depth int) string {
	switch k := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case k < 2 && depth > 0:
		var parts []string
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			parts = append(parts, rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"x y"`}).Draw(t, "name")+":"+value(t, depth-1))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case k < 4 && depth > 0:
		var parts []string
		for range rapid.IntRange(0, 4).Draw(t, "elements") {
			parts = append(parts, value(t, depth-1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return rapid.SampledFrom([]string{`1.50`, `"s"`, `"a\"\\\u00e9"`, `null`, `true`, `-1E9`, `""`, `"{{"`}).Draw(t, "scalar")
}

// want finds a value by decoding, where objects keep the last of equal names. Numbers keep their spelling.
func want(data string, steps []step) (json.RawMessage, bool) {
	v := json.RawMessage(data)
	for _, s := range steps {
		if s.index >= 0 {
			var list []json.RawMessage
			if json.Unmarshal(v, &list) != nil || s.index >= len(list) {
				return nil, false
			}
			v = list[s.index]
			continue
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(v, &object) != nil {
			return nil, false
		}
		var ok bool
		if v, ok = object[s.name]; !ok {
			return nil, false
		}
	}
	return v, string(v) != "null"
}

// A template of paths yields what decoding finds at them.
func TestPathsFindWhatDecodingFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := value(t, 4)
		var source, expected []string
		for range rapid.IntRange(1, 6).Draw(t, "paths") {
			text, steps := "data", []step{}
			for range rapid.IntRange(0, 4).Draw(t, "steps") {
				if rapid.Bool().Draw(t, "element") {
					n := rapid.IntRange(0, 3).Draw(t, "position")
					text, steps = fmt.Sprintf("%s[%d]", text, n), append(steps, step{index: n})
				} else {
					name := rapid.SampledFrom([]string{"a", "b", "x y"}).Draw(t, "name")
					text, steps = fmt.Sprintf("%s['%s']", text, name), append(steps, step{name: name, index: -1})
				}
			}
			found, ok := want(data, steps)
			if !ok {
				found = json.RawMessage(`"no"`)
			}
			source, expected = append(source, fmt.Sprintf(`"{{ %s | default 'no' }}"`, text)), append(expected, string(found))
		}
		all := "[" + strings.Join(source, ",") + "]"
		p, err := Compile("payload", &webhook.Payload{Format: webhook.PayloadTemplate, Template: &all})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Render(event(data), nil)
		if err != nil || string(b.Bytes) != "["+strings.Join(expected, ",")+"]" {
			t.Fatalf("%s of %s: %s %v", all, data, b.Bytes, err)
		}
	})
}

// Whatever is drawn, what is included is JSON, and nothing that was not there.
func TestIncludedIsPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := value(t, 5)
		fields := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "a.b", "a.a", "b.a.b", `["x y"].a`}), 1, 4).Draw(t, "fields")
		p, err := Compile("payload", &webhook.Payload{Format: webhook.PayloadCloudEventsBinary, IncludeFields: fields})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Render(event(data), nil)
		if err != nil || !json.Valid(b.Bytes) || len(b.Bytes) > max(len(data), len("null")) {
			t.Fatalf("%v of %s: %s %v", fields, data, b.Bytes, err)
		}
		again, err := p.Render(event(string(b.Bytes)), nil)
		if err != nil || !bytes.Equal(again.Bytes, b.Bytes) {
			t.Fatalf("%v of %s: %s, and of that %s", fields, data, b.Bytes, again.Bytes)
		}
	})
}

// A body takes few allocations, whatever is in the event.
func TestRenderingAllocatesLittle(t *testing.T) {
	p := template(t, `{"a":"{{ data.a.a.a.a }}","b":"{{ data.b[9999] }}","t":"x {{ data.t }}"}`)
	for name, data := range map[string]string{
		"nested":  `{"a":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 41),
		"repeat":  `{` + strings.Repeat(`"a":{"a":{"a":{"a":1}}},`, 4000) + `"t":"\u0041"}`,
		"array":   `{"b":[` + strings.Repeat(`0,`, 40000) + `1]}`,
		"escapes": `{"t":"` + strings.Repeat(`\u0041`, 10000) + `"}`,
	} {
		e := event(data)
		if n := testing.AllocsPerRun(5, func() { _, _ = p.Render(e, nil) }); n > 6 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// What many placeholders show of one long value takes room for what is shown, not for the value each time: rendering ten times the data takes no
// more allocations, and ten times the bytes at most.
func TestShortTextsOfLongValues(t *testing.T) {
	p := template(t, `["`+strings.Repeat(`{{ data | truncate 1 }}","{{ data.a | truncate 1 }}","`, MaxPlaceholders/2)+`"]`)
	for _, n := range []int{1000, 10_000, 100_000} {
		for name, data := range map[string]string{
			"array":  `[` + strings.Repeat(`"\\",`, n/4) + `1]`,
			"object": `{"a":{"é":"` + strings.Repeat("x", n) + `"}}`,
		} {
			e := event(data)
			b, err := p.Render(e, nil)
			if err != nil || len(b.Bytes) > 20*MaxPlaceholders {
				t.Fatalf("%s, %d: %d bytes, %v", name, n, len(b.Bytes), err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if allocs := testing.AllocsPerRun(1, func() { _, _ = p.Render(e, nil) }); allocs > 6 {
				t.Errorf("%s, %d: %v allocations", name, n, allocs)
			}
			runtime.ReadMemStats(&after)
			if used := (after.TotalAlloc - before.TotalAlloc) / 2; used > 32<<10 {
				t.Errorf("%s, %d: %d bytes", name, n, used)
			}
		}
	}
}

// Compiling ten times the template takes about ten times the memory, also with a long name around many values, or around many errors.
func TestCompilingIsLinear(t *testing.T) {
	for name, source := range map[string]func(n int) string{
		"values": func(n int) string {
			return `{"` + strings.Repeat("n", n/2) + `":[` + strings.Repeat("1,", n/4-10) + `1]}`
		},
		"names": func(n int) string {
			return `{"` + strings.Repeat("n", n/2) + `":[` + strings.Repeat(`{"a":1},`, n/16-10) + `1]}`
		},
		"errors": func(n int) string {
			return `{"` + strings.Repeat("n", n/2) + `":[` + strings.Repeat(`"{{x}}",`, n/16-10) + `1]}`
		},
	} {
		memory := func(n int) (bytes uint64) {
			text := source(n)
			if len(text) > webhook.MaxTemplateBytes {
				t.Fatalf("%s: %d bytes", name, len(text))
			}
			s := &webhook.Payload{Format: webhook.PayloadTemplate, Template: &text}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range 10 {
				_, _ = Compile("payload", s)
			}
			runtime.ReadMemStats(&after)
			return (after.TotalAlloc - before.TotalAlloc) / 10
		}
		small, large := memory(1600), memory(16_000)
		if large > 15*small {
			t.Errorf("%s: %d bytes for a template, and %d for one of ten times the length", name, small, large)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	p := template(b, `{"text":"{{ data.status }} {{ data.customer.id }}","amount":"{{ data.amount }}","at":"{{ timestamp }}","type":"{{ type }}"}`)
	for _, size := range []int{1 << 10, 64 << 10} {
		rows := strings.Repeat(`{"id":"row_1","score":0.25,"name":"x\ny"},`, size/42)
		e := event(`{"amount":100,"status":"failed","rows":[` + rows + `0],"customer":{"id":"cus_1","plan":null}}`)
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Render(e, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
