package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// object is a JSON object.
type object map[string]any

func (a *api) call(t *testing.T, method, path string, body any, header ...string) (int, object) {
	t.Helper()
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	res := a.do(t, a.kallima, method, path, text, header...)
	var got object
	if err := json.Unmarshal([]byte(read(t, res)), &got); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, got
}

func same(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// REST has every setting of a webhook: it can be set at creation and later, is returned, and the returned object can be sent back
// without a change.
func TestAllSettings(t *testing.T) {
	a := newAPI(t)
	settings := object{
		"url": "https://example.com/a", "events": []string{"a.b"}, "enabled": false, "description": "ours", "retry_schedule_ms": []int{},
		"timeout_ms": 2000, "rate_per_second": 7, "signature_scheme": "ED25519", "external_id": "e1", "metadata": object{"plan": "pro"},
		"ordering": "KEY", "on_failure": "HOLD", "probe": true, "send_traceparent": true, "no_retry_statuses": []int{400, 404, 422},
		"payload": object{"format": "TEMPLATE", "include_fields": []string{"a.b"}, "template": object{"text": "{{ type }}"}},
		"headers": []object{{"name": "X-Key", "value": "secret", "sensitive": true}, {"name": "X-Plain", "value": "p", "sensitive": false}},
	}
	status, made := a.call(t, "POST", "/v1/webhooks", settings)
	if status != http.StatusCreated || made["disabled_reason"] != "MANUAL" || made["disabled_at"] == nil || made["public_key"] == nil {
		t.Fatalf("%d %v", status, made)
	}
	path := "/v1/webhooks/" + made["id"].(string)
	_, got := a.call(t, "GET", path, nil)
	for name, want := range settings {
		if name == "headers" {
			want = []object{{"name": "X-Key", "value": nil, "sensitive": true}, {"name": "X-Plain", "value": "p", "sensitive": false}}
		}
		if !same(t, got[name], want) {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	status, back := a.call(t, "PATCH", path, got)
	for _, answer := range []object{got, back} {
		delete(answer, "updated_at")
	}
	if status != http.StatusOK || !same(t, back, got) {
		t.Errorf("what GET answered: %d %v, want %v", status, back, got)
	}
	changed := object{
		"description": nil, "retry_schedule_ms": []int{1000, 2000}, "timeout_ms": 3000, "rate_per_second": nil, "enabled": true, "events": nil,
		"headers": nil, "no_retry_statuses": []int{404}, "url": "https://example.com/b",
	}
	for name, value := range changed { // one by one
		if status, got := a.call(t, "PATCH", path, object{name: value}); status != http.StatusOK {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
	_, got = a.call(t, "GET", path, nil)
	for name, want := range changed {
		if !same(t, got[name], want) {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	for _, gone := range []string{"disabled_reason", "disabled_at"} {
		if got[gone] != nil {
			t.Errorf("%s: %v", gone, got)
		}
	}
	if status, back := a.call(t, "PATCH", path, got); status != http.StatusOK {
		t.Errorf("what GET answered: %d %v", status, back)
	}
}

// An invalid setting is refused with its REST name, and nothing is changed.
func TestWrongSettings(t *testing.T) {
	a := newAPI(t)
	id := a.id(t, a.kallima)
	_, before := a.call(t, "GET", "/v1/webhooks/"+id, nil)
	for field, values := range map[string][]any{
		"timeout_ms":        {"2000", 1, 1.5, true, 1 << 40},
		"rate_per_second":   {0, "1", []int{1}},
		"retry_schedule_ms": {"1", 1, []any{nil}, []any{"1"}, []int{-1}},
		"description":       {1, strings.Repeat("d", 2000)},
		"id":                {"00000000-0000-7000-8000-000000000000", nil},
		"object":            {"event"},
		"signature_scheme":  {"ED25519", "X"},
		"secret":            {"whsec_x"},
		"ordering":          {"FIFO", 1, true},
		"no_retry_statuses": {404, "404", []any{nil}, []int{404, 410}, []int{200}, []int{600}},
		"on_failure":        {"STOP", 1, "HOLD"},
		"probe":             {"true", 1, []bool{true}},
		"send_traceparent":  {"true", 1, []bool{true}},
	} {
		for _, value := range values {
			status, got := a.call(t, "PATCH", "/v1/webhooks/"+id, object{"url": "https://example.com/changed", field: value})
			if e, _ := got["error"].(map[string]any); status != http.StatusUnprocessableEntity || e["field"] != field && !strings.HasPrefix(e["field"].(string), field+".") {
				t.Errorf("%s %v: %d %v", field, value, status, got)
			}
		}
	}
	if _, after := a.call(t, "GET", "/v1/webhooks/"+id, nil); !same(t, after, before) {
		t.Errorf("changed to %v", after)
	}
}

// An event shows its ordering key, if it has one.
func TestOrderingKey(t *testing.T) {
	a := newAPI(t)
	for key, want := range map[any]any{"order 7": "order 7", nil: nil} {
		if status, got := a.call(t, "POST", "/v1/events", object{"type": "a.b", "data": 1, "ordering_key": key}); status != http.StatusAccepted || got["ordering_key"] != want {
			t.Errorf("ordering_key %v: %d %v", key, status, got)
		}
	}
}

// deliver_at and expires_at of an event are shown, if it has them; null means that it has not.
func TestTimesOfEvents(t *testing.T) {
	a := newAPI(t)
	for given, want := range map[any]any{"2020-01-02T03:04:05.5Z": "2020-01-02T03:04:05.5+00:00", nil: nil} {
		status, got := a.call(t, "POST", "/v1/events", object{"type": "a.b", "data": 1, "deliver_at": given})
		if status != http.StatusAccepted || got["deliver_at"] != want {
			t.Errorf("deliver_at %v: %d %v", given, status, got)
		}
		status, got = a.call(t, "POST", "/v1/events", object{"type": "a.b", "data": 1, "expires_at": given})
		if status != http.StatusAccepted || got["expires_at"] != want {
			t.Errorf("expires_at %v: %d %v", given, status, got)
		}
	}
}

// An event has the trace of the header traceparent, as do all of a list. One that is not valid is no error and no trace (W3C Trace
// Context, section 3.2.3).
func TestTraceparentOfEvents(t *testing.T) {
	a := newAPI(t)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	event := object{"type": "a.b", "data": 1}
	for name, given := range map[string]struct {
		body    any
		headers []string
		want    any
	}{
		"one":        {event, []string{"traceparent: " + trace}, trace},
		"a list":     {[]object{event, {"type": "a.c", "data": 2, "tags": []string{"t"}}}, []string{"traceparent: " + trace}, trace},
		"none":       {event, nil, nil},
		"not valid":  {event, []string{"traceparent: 00-xyz"}, nil},
		"zeros":      {event, []string{"traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, nil},
		"later":      {event, []string{"traceparent: 01" + trace[2:] + "-more"}, trace},
		"other bits": {event, []string{"traceparent: " + trace[:53] + "03"}, trace},
	} {
		status, got := a.call(t, "POST", "/v1/events", given.body, given.headers...)
		if status != http.StatusAccepted {
			t.Errorf("%s: %d %v", name, status, got)
			continue
		}
		list, isList := got["data"].([]any)
		if !isList {
			list = []any{map[string]any(got)}
		}
		for _, e := range list {
			if _, stored := a.call(t, "GET", "/v1/events/"+e.(map[string]any)["id"].(string), nil); stored["traceparent"] != given.want {
				t.Errorf("%s: it has %v, want %v", name, stored["traceparent"], given.want)
			}
		}
	}
}

// The header Idempotency-Key is equivalent to the field: bare or in quotation marks. A header that contradicts the field, or one
// for several events, is refused.
func TestIdempotencyKeyHeader(t *testing.T) {
	a := newAPI(t)
	event := object{"type": "a.b", "data": 1}
	with := func(key string) object {
		e := maps.Clone(event)
		e["idempotency_key"] = key
		return e
	}
	_, first := a.call(t, "POST", "/v1/events", event, "Idempotency-Key: k-1")
	for name, again := range map[string]func() (int, object){
		"the header again":    func() (int, object) { return a.call(t, "POST", "/v1/events", event, "Idempotency-Key: k-1") },
		"in quotation marks":  func() (int, object) { return a.call(t, "POST", "/v1/events", event, `Idempotency-Key: "k-1"`) },
		"the field":           func() (int, object) { return a.call(t, "POST", "/v1/events", with("k-1")) },
		"the same as a field": func() (int, object) { return a.call(t, "POST", "/v1/events", with("k-1"), "Idempotency-Key: k-1") },
	} {
		if status, got := again(); status != http.StatusAccepted || got["id"] != first["id"] || got["duplicate"] != true {
			t.Errorf("%s: %d %v, want %v", name, status, got, first)
		}
	}
	for name, wrong := range map[string]func() (int, object){
		"contradiction":                 func() (int, object) { return a.call(t, "POST", "/v1/events", with("k-2"), "Idempotency-Key: k-1") },
		"a list":                        func() (int, object) { return a.call(t, "POST", "/v1/events", []object{event}, "Idempotency-Key: k-3") },
		"empty":                         func() (int, object) { return a.call(t, "POST", "/v1/events", event, `Idempotency-Key: ""`) },
		"empty field":                   func() (int, object) { return a.call(t, "POST", "/v1/events", with("")) },
		"empty field beside the header": func() (int, object) { return a.call(t, "POST", "/v1/events", with(""), "Idempotency-Key: k-4") },
		"empty field of a replay": func() (int, object) {
			return a.call(t, "POST", "/v1/replays", object{"filter": object{}, "idempotency_key": ""})
		},
		"too long": func() (int, object) {
			return a.call(t, "POST", "/v1/events", event, "Idempotency-Key: "+strings.Repeat("k", 256))
		},
		"other content": func() (int, object) {
			return a.call(t, "POST", "/v1/events", object{"type": "a.b", "data": 2}, "Idempotency-Key: k-1")
		},
	} {
		status, got := wrong()
		if e, _ := got["error"].(map[string]any); status != http.StatusUnprocessableEntity && status != http.StatusConflict || e["field"] != "idempotency_key" {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
}

// The response to an event has the number of webhooks that subscribe to it: those of its tenant, enabled or not.
func TestWebhooksThatWantAnEvent(t *testing.T) {
	a := newAPI(t)
	for _, w := range []object{
		{"url": "https://example.com/1", "events": []string{"a.b"}},
		{"url": "https://example.com/2"},
		{"url": "https://example.com/3", "events": []string{"a.b", "c"}, "enabled": false},
		{"url": "https://example.com/4", "events": []string{"c"}},
	} {
		if status, got := a.call(t, "POST", "/v1/webhooks", w); status != http.StatusCreated {
			t.Fatal(status, got)
		}
	}
	a.id(t, a.northwind)
	for eventType, want := range map[string]float64{"a.b": 3, "c": 3, "misspelled": 1} {
		if _, got := a.call(t, "POST", "/v1/events", object{"type": eventType, "data": 1}); got["webhooks"] != want {
			t.Errorf("%s: %v, want %v", eventType, got, want)
		}
		_, got := a.call(t, "POST", "/v1/events", []object{{"type": eventType, "data": 1}, {"type": "a.b", "data": 1}})
		if list := got["data"].([]any); list[0].(map[string]any)["webhooks"] != want || list[1].(map[string]any)["webhooks"] != 3.0 {
			t.Errorf("%s in a list: %v", eventType, got)
		}
	}
}

// A call costs what it lists and publishes.
func TestRESTIsPriced(t *testing.T) {
	cost := 0
	a := newAPI(t, func(c *web.Config) {
		c.Charge = func(_ *auth.Caller, n int) time.Duration { cost += n; return 0 }
	})
	event := object{"type": "a.b", "data": 1}
	many := make([]object, 1000)
	for i := range many {
		many[i] = event
	}
	for _, c := range []struct {
		method, path string
		body         any
		want         int
	}{
		{"GET", "/v1/webhooks", nil, 550},
		{"GET", "/v1/webhooks?limit=2", nil, 60},
		{"POST", "/v1/events", event, 50},
		{"POST", "/v1/events", many, 1049},
		{"POST", "/v1/webhooks", object{"url": "https://example.com/"}, 50},
	} {
		cost = 0
		if status, got := a.call(t, c.method, c.path, c.body); status >= 300 || cost != c.want {
			t.Errorf("%s %s: %d, charged %d, want %d %.100v", c.method, c.path, status, cost, c.want, got)
		}
	}
}

// A list of events is charged before any of them is read, whatever its form, and once; one that its caller cannot pay for costs the server no
// more for many events than their places.
func TestListsAreChargedBeforeTheyAreRead(t *testing.T) {
	n := webhook.MaxPublish
	list := func(event string) string { return "[" + event + strings.Repeat(","+event, n-1) + "]" }
	for form, body := range map[string]string{
		"plain":                  list(`{"type":"a.b","data":1,"tags":["x"]}`),
		"plain but for a value":  list(`{"type":"a.b","data":1,"timestamp":"2026"}`),
		"plain but for its form": list(`{"type":"a.b","data":1,"t\u0061gs":["x"]}`),
	} {
		cost, poor := 0, false
		a := newAPI(t, func(c *web.Config) {
			c.Charge = func(_ *auth.Caller, n int) time.Duration {
				if poor && n > 50 {
					return time.Second
				}
				cost += n
				return 0
			}
		})
		call := func() int {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/events", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+a.kallima)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, r)
			return w.Code
		}
		if status := call(); status != http.StatusAccepted || cost != 1049 {
			t.Errorf("%s: %d, charged %d", form, status, cost)
		}
		poor = true
		status := 0
		if allocs := testing.AllocsPerRun(5, func() { status = call() }); status != http.StatusTooManyRequests || allocs > float64(n)/2 {
			t.Errorf("%s: %d after %v allocations for %d events", form, status, allocs, n)
		}
	}
}

// An update with if_updated_at is refused unless that is the returned updated_at; a time with a fraction is compared exactly.
func TestIfUpdatedAt(t *testing.T) {
	a := newAPI(t)
	path := "/v1/webhooks/" + a.id(t, a.kallima)
	_, got := a.call(t, "GET", path, nil)
	if status, answer := a.call(t, "PATCH", path, object{"description": "x", "if_updated_at": got["updated_at"]}); status != http.StatusOK || answer["description"] != "x" {
		t.Errorf("as it was answered: %d %v", status, answer)
	}
	for _, other := range []string{"2020-01-01T00:00:00Z", strings.TrimSuffix(got["updated_at"].(string), "+00:00") + ".0000009Z"} {
		status, answer := a.call(t, "PATCH", path, object{"description": "y", "if_updated_at": other})
		if refused, _ := answer["error"].(map[string]any); status != http.StatusConflict || refused["code"] != "CONFLICT" || refused["field"] != "if_updated_at" {
			t.Errorf("%s: %d %v", other, status, answer)
		}
	}
	if status, answer := a.call(t, "PATCH", path, object{"description": "y", "if_updated_at": "yesterday"}); status != http.StatusUnprocessableEntity {
		t.Errorf("no time: %d %v", status, answer)
	}
	for want, fields := range map[string][]string{"several were sent": {"Bearer " + a.kallima, "Bearer " + a.kallima}, "not of the form": {"Basic x"}} {
		req := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		req.Header["Authorization"] = fields
		rec := httptest.NewRecorder()
		a.handler.ServeHTTP(rec, req)
		if rec.Code != http.StatusUnauthorized || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%q: %d %s", fields, rec.Code, rec.Body)
		}
	}
}

// A signing secret can be brought, at creation and by rotation. Responses do not have it, but errors name its member.
func TestImportSecret(t *testing.T) {
	a := newAPI(t)
	const one, two = "whsec_kQL+M2TFB5ipG9xAXvEig3a4DepPFddp", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	status, made := a.call(t, "POST", "/v1/webhooks", object{"url": "https://example.com/", "secret": one})
	if _, shown := made["secret"]; status != http.StatusCreated || shown {
		t.Fatalf("%d %v", status, made)
	}
	path := "/v1/webhooks/" + made["id"].(string)
	status, rotated := a.call(t, "PATCH", path, object{"rotate_secret": true, "secret": two})
	if _, shown := rotated["secret"]; status != http.StatusOK || shown {
		t.Errorf("%d %v", status, rotated)
	}
	for _, c := range []struct {
		method, path string
		body         object
		status       int
	}{
		{"POST", "/v1/webhooks", object{"url": "https://example.com/", "secret": "whsec_AAAA"}, http.StatusUnprocessableEntity},
		{"POST", "/v1/webhooks", object{"url": "https://example.com/", "secret": 1}, http.StatusUnprocessableEntity},
		{"POST", "/v1/webhooks", object{"url": "https://example.com/", "secret": one, "signature_scheme": "ED25519"}, http.StatusUnprocessableEntity},
		{"PATCH", path, object{"secret": one}, http.StatusUnprocessableEntity},
		{"PATCH", path, object{"rotate_secret": true, "secret": ""}, http.StatusUnprocessableEntity},
		{"PATCH", path, object{"rotate_secret": true, "secret": two}, http.StatusConflict},
	} {
		status, refused := a.call(t, c.method, c.path, c.body)
		if told, _ := refused["error"].(map[string]any); status != c.status || told["field"] != "secret" {
			t.Errorf("%s %v: %d %v", c.method, c.body, status, refused)
		}
	}
}

// Creating a webhook with an external_id is safe to repeat, and the list finds it by that id; the header Idempotency-Key would have
// no effect, so it is refused.
func TestExternalID(t *testing.T) {
	a := newAPI(t)
	body := object{"url": "https://example.com/", "external_id": "e1"}
	status, first := a.call(t, "POST", "/v1/webhooks", body)
	if status != http.StatusCreated || first["secret"] == nil {
		t.Fatalf("%d %v", status, first)
	}
	status, second := a.call(t, "POST", "/v1/webhooks", body)
	if status != http.StatusOK || second["id"] != first["id"] || second["secret"] != nil {
		t.Errorf("again: %d %v", status, second)
	}
	body["description"] = "other"
	if status, third := a.call(t, "POST", "/v1/webhooks", body); status != http.StatusOK || third["id"] != first["id"] || third["description"] != "other" || third["secret"] != nil {
		t.Errorf("other settings: %d %v", status, third)
	}
	delete(body, "description")
	if status, fourth := a.call(t, "POST", "/v1/webhooks", body); status != http.StatusOK || fourth["description"] != nil {
		t.Errorf("without the description: %d %v", status, fourth)
	}
	body["signature_scheme"] = "ED25519"
	if status, refused := a.call(t, "POST", "/v1/webhooks", body); status != http.StatusConflict || refused["error"].(map[string]any)["field"] != "signature_scheme" {
		t.Errorf("another scheme: %d %v", status, refused)
	}
	a.id(t, a.kallima)
	if _, list := a.call(t, "GET", "/v1/webhooks?external_id=e1", nil); len(list["data"].([]any)) != 1 {
		t.Errorf("the list: %v", list)
	}
	for _, bad := range []string{"", strings.Repeat("x", 256), "a&external_id=b"} {
		if status, _ := a.call(t, "GET", "/v1/webhooks?external_id="+bad, nil); status != http.StatusUnprocessableEntity {
			t.Errorf("external_id=%.20s: %d", bad, status)
		}
	}
	for _, call := range [][2]string{{"POST", "/v1/webhooks"}, {"PATCH", "/v1/webhooks/" + first["id"].(string)}} {
		status, refused := a.call(t, call[0], call[1], object{"url": "https://example.com/", "rotate_secret": true}, "Idempotency-Key: k")
		if call[0] == "POST" {
			status, refused = a.call(t, call[0], call[1], object{"url": "https://example.com/"}, "Idempotency-Key: k")
		}
		if answer, _ := refused["error"].(map[string]any); status != http.StatusUnprocessableEntity || answer["field"] != "idempotency_key" {
			t.Errorf("%v with a key: %d %v", call, status, refused)
		}
	}
}
