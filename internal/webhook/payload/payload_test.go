package payload

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

func event(data string) *webhook.Event {
	e := &webhook.Event{
		Type: "order.paid", Timestamp: time.Date(2026, 11, 3, 9, 30, 0, 120000000, time.UTC), Data: []byte(data), Tags: []string{"live", `eu"x`},
	}
	for i := range e.ID {
		e.ID[i], e.TenantID[i] = byte(i), byte(i+16)
	}
	return e
}

const order = `{"id":12345678901234567891,"total":10.50,"big":1E+400,"ok":true,"none":null,"note":"a \"b\"\\\u00e9\n","customer":{"id":"cus_1","name":"Ann"},` +
	`"items":[{"sku":"a","qty":1,"in":{"x":1}},{"sku":"b","qty":2},7],"unit price":5,"a.b":6,"twice":1,"twice":2,"t\u0077o":3,"empty":"","[":4}`

func template(tb testing.TB, source string) *Payload {
	tb.Helper()
	p, err := Compile("payload", (&webhook.Payload{Format: webhook.PayloadTemplate, Template: &source}).Normal())
	if err != nil {
		tb.Fatalf("%s: %v", source, err)
	}
	return p
}

// Templates, and the bodies that they make of the event order.
func TestTemplate(t *testing.T) {
	for _, c := range [][2]string{
		{`{"text": "plain", "n": 1.50, "a": [true, null, {}], "e": "\u00e9"}`, `{"text":"plain","n":1.50,"a":[true,null,{}],"e":"\u00e9"}`},
		{`"{{ type }}"`, `"order.paid"`},
		{`"{{ timestamp }} {{type}}"`, `"2026-11-03T09:30:00.12Z order.paid"`},
		{`"{{ id }}"`, `"00010203-0405-0607-0809-0a0b0c0d0e0f"`},
		{`["{{ tags }}", "{{ tags[1] }}", "{{ tags[2] }}", "tags: {{ tags }}"]`, `[["live","eu\"x"],"eu\"x",null,"tags: [\"live\",\"eu\\\"x\"]"]`},
		// A value of its own is copied as it is spelled.
		{
			`["{{ data.id }}", "{{data.total}}", "{{ data.big }}", "{{ data.ok }}", "{{ data.note }}", "{{ data.customer }}"]`,
			`[12345678901234567891,10.50,1E+400,true,"a \"b\"\\\u00e9\n",{"id":"cus_1","name":"Ann"}]`,
		},
		// In a text stands the content of a string, and the JSON of other values.
		{`"{{ data.total }} for {{ data.customer.name }}: {{ data.note }}!"`, `"10.50 for Ann: a \"b\"\\\u00e9\n!"`},
		{`"{{ data.customer }} "`, `"{\"id\":\"cus_1\",\"name\":\"Ann\"} "`},
		{`" {{ data.items[0].in }}{{ data.ok }}"`, `" {\"x\":1}true"`},
		// Paths.
		{`["{{ data.items[1].sku }}", "{{ data.items[2] }}", "{{ data.items[3] }}", "{{ data.items[0].in.x }}"]`, `["b",7,null,1]`},
		{`["{{ data[\"unit price\"] }}", "{{ data['a.b'] }}", "{{ data['['] }}", "{{ data['two'] }}", "{{ data.two }}"]`, `[5,6,4,3,3]`},
		{`"{{ data.twice }}"`, `2`},
		// Absent and null.
		{`["{{ data.nobody }}", "{{ data.none }}", "{{ data.nobody.name }}", "{{ data.id.x }}", "{{ data.customer[0] }}", "{{ data.items.sku }}"]`, `[null,null,null,null,null,null]`},
		{`"<{{ data.nobody }}{{ data.none }}{{ data.empty }}>"`, `"<>"`},
		{`["{{ data.nobody | default 'x' }}", "{{ data.none | default 1.0 }}", "{{ data.empty | default 'x' }}", "{{ data.ok | default false }}"]`, `["x",1.0,"",true]`},
		{
			`["{{ data.x | default {} }}", "{{ data.x|default [1, \"}}\"]}}", "{{ data.x | default \"a\\\"b\" }}", "{{ data.x | default 'it\\'s \\\\' }}", "{{ data.x | default null }}"]`,
			`[{},[1, "}}"],"a\"b","it's \\",null]`,
		},
		{`"hello {{ data.x | default 'you' }} and {{ data.y | default 3 }}"`, `"hello you and 3"`},
		// Options.
		{
			`["{{ data.total | string }}", "{{ data.customer | string }}", "{{ data.x | string }}", "{{ data.x | default 5 | string }}", "{{ data.note | string }}"]`,
			`["10.50","{\"id\":\"cus_1\",\"name\":\"Ann\"}","","5","a \"b\"\\\u00e9\n"]`,
		},
		{
			`["{{ data.note | truncate 7 }}", "{{ data.note | truncate 8 }}", "{{ data.note | truncate 6 }}", "{{ data.total | truncate 3 }}", "x{{ data.customer.id | truncate 1 }}"]`,
			`["a \"b\"\\…","a \"b\"\\\u00e9\n","a \"b\"…","10…","x…"]`,
		},
		// Braces.
		{`"{{ '{{' }} and {{ \"}}\" }} and }}"`, `"{{ and }} and }}"`},
		{`"{{ '{{' }}"`, `"{{"`},
		{`["a", "{", "{ {", "}}"]`, `["a","{","{ {","}}"]`},
		{`{"a{": "{{ type }}"}`, `{"a{":"order.paid"}`},
		{`"\u007b\u007b type }}"`, `"order.paid"`},
	} {
		got, err := template(t, c[0]).Render(event(order), nil)
		if err != nil || string(got.Bytes) != c[1] || !json.Valid(got.Bytes) || got.ContentType != "application/json" || got.Headers != nil {
			t.Errorf("%s: %s %v, want %s", c[0], got.Bytes, err, c[1])
		}
	}
}

// What is refused, with the path of the first error and a part of its message.
func TestTemplateErrors(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	long := `"` + strings.Repeat("x", webhook.MaxTemplateBytes) + `"`
	many := `"` + strings.Repeat("{{type}}", MaxPlaceholders+1) + `"`
	for _, c := range []struct{ source, field, message string }{
		{`{`, "payload.template", "must be JSON"},
		{"\"\xff\"", "payload.template", "must be JSON in UTF-8"},
		{`1 2`, "payload.template", "must be JSON"},
		{deep, "payload.template", "nested at most 20 deep"},
		{long, "payload.template", "at most 16384 bytes"},
		{many, "payload.template", "at most 200 placeholders"},
		{`{"a":1,"a":2}`, "payload.template.a", "given twice"},
		{`{"b":{"{{ type }}":2}}`, "payload.template.b.{{ type }}", "placeholder in its name"},
		{`{"a":[1,"x {{ typ }}"]}`, "payload.template.a.1", `placeholder 1 begins with "typ"`},
		{`{"a":"{{ type }} {{ data.x | upper }}"}`, "payload.template.a", `placeholder 2 has "upper" after a bar`},
		{`"{{"`, "payload.template", "has no name"},
		{`"{{}}"`, "payload.template", "has no name"},
		{`"{{ data. }}"`, "payload.template", `has no name after "data."`},
		{`"{{ .data }}"`, "payload.template", "has no name"},
		{`"{{ data.unit price }}"`, "payload.template", "must end with }}"},
		{`"{{ data.x }"`, "payload.template", "must end with }}"},
		{`"{{ data.items.0 }}"`, "payload.template", `number as a name after "data.items."`},
		{`"{{ data.items[-1] }}"`, "payload.template", "not from 0"},
		{`"{{ data.items[01] }}"`, "payload.template", "neither a name"},
		{`"{{ data.items[10000] }}"`, "payload.template", "not from 0 to 9999"},
		{`"{{ data.items[99999999999999999999] }}"`, "payload.template", "neither a name"},
		{`"{{ data.items['x }}"`, "payload.template", "does not end"},
		{`"{{ data.items['\\n'] }}"`, "payload.template", "does not end"},
		{`"{{ data` + strings.Repeat(".a", MaxSteps) + ` }}"`, "payload.template", "more than 10 names"},
		{`"{{ data.` + strings.Repeat("a", MaxPathBytes) + ` }}"`, "payload.template", "more than 512 bytes"},
		{`"{{ type.x }}"`, "payload.template", "goes on after type"},
		{`"{{ id[0] }}"`, "payload.template", "goes on after id"},
		{`"{{ tags.x }}"`, "payload.template", "goes on after tags"},
		{`"{{ tags[0].x }}"`, "payload.template", "goes on after tags"},
		{`"{{ data.x | default }}"`, "payload.template", "must have a value after default"},
		{`"{{ data.x | default 'a }}"`, "payload.template", "do not end"},
		{`"{{ data.x | default 1 | default 2 }}"`, "payload.template", "two defaults"},
		{`"{{ data.x | truncate 0 }}"`, "payload.template", "from 1 to"},
		{`"{{ data.x | truncate 01 }}"`, "payload.template", "from 1 to"},
		{`"{{ data.x | truncate x }}"`, "payload.template", "from 1 to"},
		{`"{{ 'a }}"`, "payload.template", "do not end"},
		{`"{{ 'a' | string }}"`, "payload.template", "after its text"},
	} {
		_, err := Compile("payload", &webhook.Payload{Format: webhook.PayloadTemplate, Template: &c.source})
		all := webhook.Invalids(err)
		if len(all) == 0 || all[0].Field != c.field || !strings.Contains(all[0].Message, c.message) {
			t.Errorf("%.60s: %v", c.source, err)
		}
	}
}

// The other settings that are refused.
func TestSettingsErrors(t *testing.T) {
	one := `"x"`
	for field, s := range map[string]*webhook.Payload{
		"payload.format":          {Format: "XML"},
		"payload.template":        {Format: webhook.PayloadTemplate},
		"payload.includeFields.1": {Format: webhook.PayloadStandard, IncludeFields: []string{"a", ""}},
		"payload.includeFields.0": {Format: webhook.PayloadStandard, IncludeFields: []string{"a[0].b"}},
		"payload.includeFields":   {Format: webhook.PayloadStandard, IncludeFields: make([]string, webhook.MaxIncludeFields+1)},
	} {
		if all := webhook.Invalids(second(Compile("payload", s))); len(all) == 0 || all[0].Field != field {
			t.Errorf("%s: %v", field, all)
		}
	}
	if all := webhook.Invalids(second(Compile("payload", &webhook.Payload{Format: webhook.PayloadCloudEvents, Template: &one}))); len(all) != 1 || all[0].Field != "payload.template" {
		t.Errorf("a template beside CLOUDEVENTS: %v", all)
	}
	for _, bad := range []string{"a b", "a.", ".a", "a|string", "a\xff", strings.Repeat("a", MaxPathBytes+1), strings.Repeat("a.", MaxSteps) + "a", "['a"} {
		if all := webhook.Invalids(second(Compile("p", &webhook.Payload{Format: webhook.PayloadStandard, IncludeFields: []string{bad}}))); len(all) != 1 || all[0].Field != "p.includeFields.0" {
			t.Errorf("%.40q: %v", bad, all)
		}
	}
}

func second[A any](_ A, err error) error { return err }

// Only what is included is sent, of arrays each element's, in the event's order and spelling.
func TestIncludeFields(t *testing.T) {
	for _, c := range []struct {
		fields string
		data   string
		want   string
	}{
		{"total", order, `{"total":10.50}`},
		{"id,customer.name", order, `{"id":12345678901234567891,"customer":{"name":"Ann"}}`},
		{"customer,customer.name", order, `{"customer":{"id":"cus_1","name":"Ann"}}`},
		{"items.sku", order, `{"items":[{"sku":"a"},{"sku":"b"}]}`},
		{"items.in.x,ok.y,total.z", order, `{"items":[{"in":{"x":1}},{}]}`},
		{"nobody", order, `{}`},
		{`["unit price"],["a.b"],two`, order, `{"unit price":5,"a.b":6,"t\u0077o":3}`},
		{"twice", order, `{"twice":1,"twice":2}`},
		{"a", `[{"a":1,"b":2},[{"a":3}],"x"]`, `[{"a":1},[{"a":3}]]`},
		{"a", `"text"`, `null`},
		{"a", `7`, `null`},
		{"a", `{}`, `{}`},
		{"a", `[]`, `[]`},
		{"a.b", `{"a":[1,2]}`, `{"a":[]}`},
	} {
		p, err := Compile("payload", &webhook.Payload{Format: webhook.PayloadStandard, IncludeFields: strings.Split(c.fields, ",")})
		if err != nil {
			t.Fatalf("%s: %v", c.fields, err)
		}
		got, err := p.Render(event(c.data), nil)
		want := `{"type":"order.paid","timestamp":"2026-11-03T09:30:00.12Z","data":` + c.want + `}`
		if err != nil || string(got.Bytes) != want {
			t.Errorf("%s of %s: %s %v", c.fields, c.data, got.Bytes, err)
		}
	}
	source := `["{{ data }}", "{{ data.id }}", "{{ data.ok }}"]`
	p, err := Compile("payload", &webhook.Payload{Format: webhook.PayloadTemplate, Template: &source, IncludeFields: []string{"ok"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := p.Render(event(order), nil); string(got.Bytes) != `[{"ok":true},null,true]` {
		t.Errorf("a template with fields: %s", got.Bytes)
	}
}

// Both modes of CloudEvents carry the event's attributes and, byte for byte, its data.
func TestCloudEvents(t *testing.T) {
	e := event(`{"n":1.0}`)
	render := func(f webhook.PayloadFormat) Body {
		p, err := Compile("payload", &webhook.Payload{Format: f})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Render(e, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := render(webhook.PayloadCloudEvents)
	if want := `{"specversion":"1.0","id":"00010203-0405-0607-0809-0a0b0c0d0e0f","source":"urn:uuid:10111213-1415-1617-1819-1a1b1c1d1e1f","type":"order.paid",` +
		`"time":"2026-11-03T09:30:00.12Z","datacontenttype":"application/json","data":{"n":1.0}}`; string(b.Bytes) != want || b.ContentType != "application/cloudevents+json" || b.Headers != nil {
		t.Errorf("structured: %+v %s", b, b.Bytes)
	}
	b = render(webhook.PayloadCloudEventsBinary)
	var headers []string
	for _, h := range b.Headers {
		headers = append(headers, h.Name+": "+h.Value)
	}
	if want := "Ce-Specversion: 1.0,Ce-Id: 00010203-0405-0607-0809-0a0b0c0d0e0f,Ce-Source: urn:uuid:10111213-1415-1617-1819-1a1b1c1d1e1f,Ce-Type: order.paid,Ce-Time: 2026-11-03T09:30:00.12Z"; string(b.Bytes) != `{"n":1.0}` || b.ContentType != "application/json" || strings.Join(headers, ",") != want {
		t.Errorf("binary: %+v %s", headers, b.Bytes)
	}
}

// Values of headers are printable ASCII, whatever the attribute (the example of the HTTP binding, and what could end a header).
func TestHeaderValue(t *testing.T) {
	for in, want := range map[string]string{
		"Euro € 😀": "Euro%20%E2%82%AC%20%F0%9F%98%80", "a\r\nX: 1": "a%0D%0AX:%201", `"50%"`: "%2250%25%22", "\x00\x7f": "%00%7F", "a.b_c": "a.b_c",
	} {
		if got := headerValue(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := headerValue(strings.Repeat("é", 5000)); len(got) > maxHeaderValue {
		t.Errorf("%d bytes", len(got))
	}
}

// A body that would be too long is refused, whether its length comes from many placeholders, or from escaping.
func TestTooLong(t *testing.T) {
	for name, source := range map[string]string{
		"many":    `["` + strings.Repeat(`{{ data }}","`, MaxPlaceholders-1) + `"]`,
		"escaped": `" {{ data }}{{ data }}{{ data }}"`,
	} {
		e := event(`["` + strings.Repeat(`\\`, 120<<10) + `"]`)
		_, err := template(t, source).Render(e, nil)
		if tooLong, ok := errors.AsType[*TooLong](err); !ok || tooLong.Most != MaxBytes {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := event(`"` + strings.Repeat("x", 3*MaxBytes) + `"`)
	if b, err := template(t, `{"all":"{{ data }}"}`).Render(large, nil); err != nil || len(b.Bytes) < 3*MaxBytes {
		t.Errorf("an event that is long itself: %v", err)
	}
}

// Settings without effect are no settings.
func TestNormal(t *testing.T) {
	text := `{ "a" : 1 }`
	n := (&webhook.Payload{Format: webhook.PayloadTemplate, Template: &text, IncludeFields: []string{}}).Normal()
	if n == nil || *n.Template != `{"a":1}` || n.IncludeFields != nil {
		t.Errorf("%+v", n)
	}
	for _, p := range []*webhook.Payload{nil, {}, {Format: webhook.PayloadStandard, IncludeFields: []string{}}} {
		if p.Normal() != nil {
			t.Errorf("%+v is %+v", p, p.Normal())
		}
	}
	if p, err := Compile("payload", nil); p != nil || err != nil {
		t.Errorf("%v %v", p, err)
	}
	b, err := (*Payload)(nil).Render(event(`1`), nil)
	if err != nil || string(b.Bytes) != `{"type":"order.paid","timestamp":"2026-11-03T09:30:00.12Z","data":1}` {
		t.Errorf("%s %v", b.Bytes, err)
	}
}
