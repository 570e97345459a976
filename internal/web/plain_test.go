package web

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// plainBodies are bodies that are read in one pass.
var plainBodies = []string{
	`{"type":"a.b","data":{"a":[1,"é\u00e9",null]}}`,
	" {\n\"data\" : { \"a\" : [ 1 , \"x y\" ] } ,\t\"type\" : \"a.b\" } \n",
	`{"type":"a.b","data":null,"timestamp":"2026-11-28T10:00:00.123456+01:00","idempotency_key":"k","tags":["a","b\"c"],"ordering_key":"é"}`,
	`{"type":"a.b","data":1,"timestamp":null,"idempotency_key":null,"tags":null,"ordering_key":null,"deliver_at":null,"expires_at":null}`,
	`{"type":"a.b","data":"","deliver_at":"2026-11-28T10:00:00Z","expires_at":"2026-11-29T10:00:00Z"}`,
	`{"data":1}`,
	`{"type":"not a type","data":1}`,
	`[{"type":"a.b","data":1}]`,
	` [ {"type":"a.b","data":[]} , {"type":"c","data":{}} ] `,
}

// oddBodies are bodies that are not.
var oddBodies = []string{
	``, ` `, `{`, `{}`, `[`, `[]`, `[,]`, `[{"type":"a","data":1},]`, `[{"type":"a","data":1} {"type":"a","data":1}]`, `[{"type":"a","data":1}`, `[1]`, `null`, `"a"`,
	`{"type":"a.b","data":1,}`, `{"type":"a.b" "data":1}`, `{"type":"a.b","data":1}}`, `{"type":"a.b","data":1} x`, `{"type":"a.b","data":01}`, `{"type"}`, `{"type":}`, `{,}`,
	`{"type":"a.b","type":"a.b","data":1}`, `{"type":"a.b","data":1,"data":2}`, `{"type":"a.b","data":1,"x":1}`, `{"Type":"a.b","data":1}`,
	`{"type":"a\u002eb","data":1}`, `{"t\u0079pe":"a.b","data":1}`, `{"type":null,"data":1}`, `{"type":1,"data":1}`, `{"type":"a.b","data":1,"tags":[null]}`, `{"type":"a.b","data":1,"tags":"a"}`,
	`{"type":"a.b","data":1,"timestamp":"yesterday"}`, `{"type":"a.b","data":1,"timestamp":5}`, `{"type":"a.b","data":1,"idempotency_key":"a\n"}`, "{\"type\":\"a.b\",\"data\":\"\xff\"}",
	"{\"type\":\"a.b\",\"data\":1,\"x\xff\":1}", `{"type":"a.b","data":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}`,
	`{"type":"a.b","data":` + strings.Repeat("[", rawjson.MaxDepth+1), "\ufeff" + `{"type":"a.b","data":1}`, `{"type":"a.b","data":1}` + "\v",
}

// generally reads a body as publish reads one that is not plain. ok is false if anything is wrong with its form.
func generally(body []byte) (events []webhook.NewEvent, list, ok bool) {
	if checkJSON(body) != nil {
		return nil, false, false
	}
	raws := []json.RawMessage{body}
	if list = bytes.TrimSpace(body)[0] == '['; list {
		raws, ok = elements(body, webhook.MaxPublish)
		if !ok || len(raws) == 0 {
			return nil, true, false
		}
	}
	for _, raw := range raws {
		e, err := newEvent(raw)
		if err != nil {
			return nil, list, false
		}
		events = append(events, e)
	}
	return events, list, true
}

// checked returns the events as they are stored, and what is wrong with them.
func checked(events []webhook.NewEvent) (all []webhook.NewEvent, errs []string) {
	for _, e := range events {
		err := e.Check("", 100)
		text := ""
		if err != nil {
			text = err.Error()
		}
		e.Outline = nil
		if len(e.Tags) == 0 {
			e.Tags = nil
		}
		all, errs = append(all, e), append(errs, text)
	}
	return all, errs
}

// plainEvents reads a body as publish reads one that is plain.
func plainEvents(body []byte) (events []webhook.NewEvent, list, ok bool) {
	var one [1]found
	found, list, ok := findPlain(body, one[:0])
	if ok {
		events, ok = readPlain(found)
	}
	return events, list, ok
}

func samePlain(t *testing.T, body []byte) (isPlain bool) {
	t.Helper()
	events, list, ok := plainEvents(body)
	if !ok {
		return false
	}
	want, wantList, wantOK := generally(body)
	if !wantOK || list != wantList {
		t.Fatalf("%q is read in one pass, a list: %v; otherwise %v, %v", body, list, wantOK, wantList)
	}
	got, errs := checked(events)
	expected, wantErrs := checked(want)
	if !reflect.DeepEqual(got, expected) || !reflect.DeepEqual(errs, wantErrs) {
		t.Fatalf("%q\nin one pass: %+v %q\notherwise:   %+v %q", body, got, errs, expected, wantErrs)
	}
	return true
}

// What is read in one pass is what is read otherwise, with the same errors; the form that publishers send is read in one pass.
func TestPlainEvents(t *testing.T) {
	for _, body := range plainBodies {
		if !samePlain(t, []byte(body)) {
			t.Errorf("%s is not read in one pass", body)
		}
	}
	for _, body := range oddBodies {
		if samePlain(t, []byte(body)) {
			t.Errorf("%.200q is read in one pass", body)
		}
	}
	one := `{"type":"a","data":1}`
	for n, want := range map[int]bool{webhook.MaxPublish: true, webhook.MaxPublish + 1: false} {
		if _, _, ok := plainEvents([]byte("[" + one + strings.Repeat(","+one, n-1) + "]")); ok != want {
			t.Errorf("a list of %d is read in one pass: %v", n, ok)
		}
	}
}

// An event keeps nothing of the body once it is checked, which may be a large list.
func TestPlainEventsKeepNoBody(t *testing.T) {
	for _, body := range []string{`[{"type":"a.b","data":{"a":"compact"},"ordering_key":"k"}]`, `[{"type":"a.b","data": {"a": "with space"} ,"ordering_key":"k"}]`} {
		b := []byte(body)
		events, _, _ := plainEvents(b)
		all, _ := checked(events)
		before := []string{string(all[0].Data), all[0].OrderingKey, all[0].Type}
		clear(b)
		if after := []string{string(all[0].Data), all[0].OrderingKey, all[0].Type}; !reflect.DeepEqual(before, after) {
			t.Errorf("%s: %q became %q", body, before, after)
		}
	}
}

func FuzzPlainEvents(f *testing.F) {
	for _, body := range append(slices.Clip(plainBodies), oddBodies...) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { samePlain(t, body) })
}

// A published event is shown as encoding/json shows it.
func TestAppendEvent(t *testing.T) {
	at := time.Date(2026, 11, 28, 10, 0, 0, 123_000, time.FixedZone("", 3600))
	for _, e := range []*event{
		{ID: webhook.ID{1}, Object: "event", Type: "a.b", Timestamp: moment(at), CreatedAt: second(at)},
		{ID: webhook.ID{1}, Object: "event", Type: "a.b", Timestamp: moment(at.Truncate(time.Second)), CreatedAt: second(at), Webhooks: 10_000, Duplicate: true},
		{ID: webhook.ID{1}, Object: "event", Type: "a.b", DeliverAt: (*moment)(&at), ExpiresAt: (*moment)(&at), Webhooks: 1},
		{ID: webhook.ID{1}, Object: "event", Type: "a.b", DeliverAt: (*moment)(&at), Tags: []string{`"<é` + "\u2028"}, OrderingKey: new(`\`)},
	} {
		want, err := rawjson.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendJSON([]byte("before "), e); string(got) != "before "+string(want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	all := published{&event{Object: "event", Type: "a"}, refused{Error: detail{Code: "X", Message: "<&>"}}}
	want, err := rawjson.Marshal(struct {
		Object string `json:"object"`
		Data   []any  `json:"data"`
	}{"list", all})
	if got := appendJSON(nil, all); err != nil || string(got) != string(want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Reading an event in one pass allocates what it keeps: the slice, type, data and outline.
func TestPlainEventsAllocateWhatTheyKeep(t *testing.T) {
	body := []byte(`{"type":"humanization.completed","data":{"job":"` + strings.Repeat("x", 1000) + `"}}`)
	if n := testing.AllocsPerRun(100, func() { plainEvents(body) }); n > 4 {
		t.Errorf("%v allocations, want 4", n)
	}
}

func BenchmarkReadEvent(b *testing.B) {
	body := []byte(`{"type":"humanization.completed","data":{"job":"` + strings.Repeat("x", 500) + `","values":[` + strings.Repeat("1.5,", 100) + `2]}}`)
	b.ReportAllocs()
	for name, read := range map[string]func([]byte) ([]webhook.NewEvent, bool, bool){"plain": plainEvents, "general": generally} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				events, _, _ := read(body)
				if err := events[0].Check("", 10_000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
