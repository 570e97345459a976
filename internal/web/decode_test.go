package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Members must have their exact names, occur once, and have the right type; every problem is named.
func TestDecodeIsStrict(t *testing.T) {
	for body, want := range map[string]string{ // the field and its error; "": accepted
		`{"s":"x","b":true,"l":["a"],"t":"2026-04-23T10:00:00Z"}`: "",
		`{}`:                   "",
		`{"l":null,"t":null}`:  "",
		`{"s":"\u00e9"}`:       "",
		`{"s":"\ud83d\ude00"}`: "",
		`{"s":"a\ud800"}`:      "s: must be Unicode text",
		`{"l":["a","\ude00"]}`: "l: must be Unicode text",
		`{"S":"x"}`:            "S: unknown field",
		`{"s":"x","s":"y"}`:    "s: must be given once",
		`{"s":1}`:              "s: must be a string",
		`{"s":null}`:           "s: must be a string",
		`{"b":"true"}`:         "b: must be true or false",
		`{"b":null}`:           "b: must be true or false",
		`{"b":1}`:              "b: must be true or false",
		`{"l":"a"}`:            "l: must be a list",
		`{"l":[1]}`:            "l: must be a list",
		`{"l":[null]}`:         "l: must be a list",
		`{"t":"yesterday"}`:    "t: must be a time",
		`{"t":1234}`:           "t: must be a time",
		`[]`:                   "must be a JSON object",
		`"x"`:                  "must be a JSON object",
		`null`:                 "must be a JSON object",
		`{"b":1,"s":2}`:        "b: must be true or false\ns: must be a string",
		`{"` + strings.Repeat("é", 200) + `":1}`: "é…: unknown field",
	} {
		var (
			s  string
			b  bool
			l  []string
			at *time.Time
		)
		err := decode([]byte(body), map[string]func(json.RawMessage) string{
			"s": str(&s), "b": boolean(&b), "l": strs(&l), "t": timestamp(&at),
		})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80s: got %v, want %q", body, err, want)
		}
		if err != nil && len(webhook.Invalids(err)) == 0 {
			t.Errorf("%.80s: %v is not *webhook.Invalid", body, err)
		}
	}
}

// decodeSlowly is decode with encoding/json alone.
func decodeSlowly(body []byte, targets map[string]func(json.RawMessage) string) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return &webhook.Invalid{Code: webhook.CodeInvalid, Message: "must be a JSON object"}
	}
	var errs []error
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		problem := "unknown field"
		if set, known := targets[name]; known && seen[name] {
			problem = "must be given once"
		} else if known {
			seen[name] = true
			problem = set(raw)
		} else {
			name = clip(name)
		}
		if problem != "" && len(errs) < maxProblems {
			errs = append(errs, &webhook.Invalid{Field: name, Code: webhook.CodeInvalid, Message: problem})
		}
	}
	return errors.Join(errs...)
}

// A list of events takes the memory of its body and of its events' data: it is not copied for decoding. A list that is too long is
// not decoded.
func TestElements(t *testing.T) {
	for body, want := range map[string]string{
		`[]`: "", ` [ ] `: "", `[1]`: "1", "\t[1 ,\n\"a,]\" , {\"a\":[2]},[3], null ]": `1;"a,]";{"a":[2]};[3];null`,
	} {
		all, ok := elements([]byte(body), 5)
		var texts []string
		for _, one := range all {
			texts = append(texts, string(one))
		}
		if got := strings.Join(texts, ";"); got != want || !ok {
			t.Errorf("%s: %s, %v", body, got, ok)
		}
	}
	if _, ok := elements([]byte(`[1,2,3,4,5,6]`), 5); ok {
		t.Error("more than the limit")
	}
	event := `{"type":"a.b","data":"` + strings.Repeat("x", 100<<10) + `"}`
	events := []byte("[" + strings.Repeat(event+",", 99) + event + "]")
	taken := testing.AllocsPerRun(10, func() {
		if all, ok := elements(events, webhook.MaxPublish); !ok || len(all) != 100 {
			t.Fatal(len(all))
		}
	})
	if taken > 20 {
		t.Errorf("100 elements take %v allocations", taken)
	}
	for name, body := range map[string]string{
		"numbers": "[" + strings.Repeat("1,", 1<<20) + "1]", "unknown fields": `{` + strings.Repeat(`"":1,`, 1<<20) + `"":1}`,
	} {
		if n := testing.AllocsPerRun(1, func() {
			_, _ = elements([]byte(body), webhook.MaxPublish)
			_ = decode([]byte(body), nil)
		}); n > 500 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A body that is not one JSON value is malformed, and the error repeats none of it.
func TestCheckJSON(t *testing.T) {
	for _, body := range []string{"", "  ", "{", `{"secret":}`, `{} {}`, `{}x`, "\xff", `{"a":"` + "\xff" + `"}`, "nul", strings.Repeat("[", 20_000)} {
		err := checkJSON([]byte(body))
		var f *failure
		if !errors.As(err, &f) || f.status != 400 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.20q: %v", body, err)
		}
	}
	for _, body := range []string{"{}", " [1] \n", "null"} {
		if err := checkJSON([]byte(body)); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// For any body, decode neither panics nor loses bytes.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"s":"x"}`, `{"l":[null]}`, `{"d":{"a":[1,{"b":"\ud800"}]}}`, `[{}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if checkJSON(body) != nil {
			return
		}
		var s string
		var l []string
		var data json.RawMessage
		err := decode(body, map[string]func(json.RawMessage) string{
			"s": str(&s), "l": strs(&l), "d": func(raw json.RawMessage) string { data = raw; return "" },
		})
		if err != nil && len(webhook.Invalids(err)) == 0 {
			t.Fatalf("%q: %v", body, err)
		}
		var slowS string
		var slowL []string
		var slowData json.RawMessage
		slow := decodeSlowly(body, map[string]func(json.RawMessage) string{
			"s": str(&slowS), "l": strs(&slowL), "d": func(raw json.RawMessage) string { slowData = raw; return "" },
		})
		if fmt.Sprint(err) != fmt.Sprint(slow) || s != slowS || !slices.Equal(l, slowL) || !bytes.Equal(data, slowData) {
			t.Fatalf("%q: %v, %q, %q, %q; encoding/json: %v, %q, %q, %q", body, err, s, l, data, slow, slowS, slowL, slowData)
		}
		if raws := []json.RawMessage(nil); body[0] == '[' && json.Unmarshal(body, &raws) == nil {
			all, ok := elements(body, len(raws))
			if !ok || !slices.EqualFunc(all, raws, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
				t.Fatalf("%q: %q", body, all)
			}
		}
		if data != nil && (!json.Valid(data) || !strings.Contains(string(body), string(data))) {
			t.Fatalf("%q became %q", body, data)
		}
	})
}

// Any body or query is accepted, or refused as the caller's mistake without a long quotation.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"type":"a.b","data":{"x":[1,2]},"timestamp":"2026-04-23T10:00:00Z","idempotency_key":"k","tags":["a","b"]}`, `{"type":"a","data":null,"timestamp":null}`,
		`{"url":"https://h.example/","events":["a.b"],"enabled":false}`, `{"rotate_secret":true,"signature_scheme":"ED25519"}`,
		`{"headers":[{"name":"X","value":"y","sensitive":true},{"name":"Z","value":null}]}`, `{"headers":null,"url":null,"URL":1}`,
		`limit=100&after=d2ViaG9vazox`, `limit=0&limit=1&x=%zz`,
	} {
		f.Add([]byte(s))
	}
	refused := func(t *testing.T, body []byte, err error) {
		t.Helper()
		all := webhook.Invalids(err)
		if err != nil && len(all) == 0 {
			t.Fatalf("%q: %v", body, err)
		}
		if shown, _ := translate(t.Context(), err); err != nil && (shown == nil || shown.status/100 != 4) {
			t.Fatalf("%q is answered %+v", body, shown)
		}
		for _, e := range all {
			if len(e.Field) > maxNameShow+8 || len(e.Message) > 200 {
				t.Fatalf("%q: %v", body, e)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if q, err := url.ParseQuery(string(body)); err == nil {
			var f store.DeliveryFilter
			p, err := pageOf(q, place, map[string]parameter{
				"webhook_ids": idsOf(&f.WebhookIDs), "tags": textsOf(&f.Tags), "data": dataOf(&f.Data), "statuses": wordsOf(&f.Statuses, webhook.DeliveryStatuses),
				"http_statuses": statusesOf(&f.HTTPStatuses), "created_at_from": timeOf(&f.CreatedAt.From, time.Now()),
			})
			refused(t, body, err)
			if err == nil && (p.First < 1 || p.First > maxPage || p.After < 0 || p.After > 0 && q.Get("after") != "there") {
				t.Fatalf("%q is page %+v", body, p)
			}
		}
		if checkJSON(body) != nil {
			return
		}
		n, err := newEvent(body)
		refused(t, body, err)
		if err == nil && n.Data != nil && !json.Valid(n.Data) {
			t.Fatalf("%q has data %q", body, n.Data)
		}
		var w webhook.New
		err = decode(body, map[string]func(json.RawMessage) string{
			"url": str(&w.URL), "events": strs(&w.Events), "enabled": boolean(&w.Enabled),
			"headers": newHeaders(&w.Headers), "signature_scheme": optional(scheme(&w.Scheme)),
		})
		refused(t, body, err)
		if err != nil {
			return
		}
		for _, h := range w.Headers {
			if h == nil {
				t.Fatalf("%q has a header that is nil", body)
			}
		}
		if w.Scheme != "" && webhook.CheckScheme("", w.Scheme) != nil {
			t.Fatalf("%q has scheme %q", body, w.Scheme)
		}
		_, err = webhook.SetHeaders(nil, w.Headers)
		refused(t, body, err)
	})
}

// place accepts one cursor.
func place(text string) (store.Place, error) {
	if text != "there" {
		return store.Place{}, webhook.ErrCursor
	}
	return store.Place{Seq: 42}, nil
}

func TestSmallFormats(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 262144: "262,144", 16777216: "16,777,216"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for field, want := range map[string]string{"url": "url", "idempotencyKey": "idempotency_key", "retryScheduleMs.3": "retry_schedule_ms.3"} {
		if got := snake(field); got != want {
			t.Errorf("%s: %s", field, got)
		}
	}
	for _, after := range []string{"x", "there ", ""} {
		if _, err := pageOf(map[string][]string{"after": {after}}, place, nil); len(webhook.Invalids(err)) != 1 {
			t.Errorf("after %q: %v", after, err)
		}
	}
	if p, err := pageOf(map[string][]string{"after": {"there"}, "limit": {"7"}}, place, nil); err != nil || p.After != 42 || p.First != 7 {
		t.Errorf("%+v, %v", p, err)
	}
}
