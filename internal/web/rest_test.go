package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var update = flag.Bool("update", false, "write the golden files")

// api is the handler, with tokens of an operator and two tenants.
type api struct {
	handler                      http.Handler
	store                        *store.Store
	operator, kallima, northwind string
	logged                       *bytes.Buffer
}

func newAPI(t *testing.T, change ...func(*web.Config)) *api {
	t.Helper()
	a := &api{logged: &bytes.Buffer{}}
	a.store = webhooktest.Store(t, func(o *store.Options) {
		o.CheckURL = func(raw string) (string, error) {
			if u, err := url.Parse(raw); err != nil || u.Scheme != "https" {
				return "", errors.New("the URL must start with https://")
			}
			return raw, nil
		}
	})
	if _, err := auth.Bootstrap(t.Context(), a.store, "", slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	a.operator, _ = webhooktest.Token(t, a.store, "")
	a.kallima, _ = webhooktest.Token(t, a.store, "kallima")
	a.northwind, _ = webhooktest.Token(t, a.store, "northwind")
	c := web.Config{
		Store: a.store, Auth: auth.New(a.store), Logger: slog.New(slog.NewTextHandler(a.logged, nil)),
	}
	for _, f := range change {
		f(&c)
	}
	a.handler = theContract().held(t, web.New(c))
	return a
}

func withBodies(b *intake.Bodies) func(*web.Config) {
	return func(c *web.Config) { c.Bodies = b }
}

func withCalls(p *intake.Pool) func(*web.Config) {
	return func(c *web.Config) { c.Calls = p }
}

// do sends a request. header has lines "Name: value"; a body is JSON unless they say otherwise.
func (a *api) do(t *testing.T, token, method, path, body string, header ...string) *http.Response {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(t.Context(), method, path, r)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	a.handler.ServeHTTP(rec, req)
	return rec.Result()
}

func read(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// id registers a webhook and returns its id.
func (a *api) id(t *testing.T, token string) string {
	t.Helper()
	var made struct{ ID string }
	res := a.do(t, token, "POST", "/v1/webhooks", `{"url": "https://receiver.example.com/"}`)
	if err := json.Unmarshal([]byte(read(t, res)), &made); err != nil || made.ID == "" {
		t.Fatalf("%v: %+v", err, made)
	}
	return made.ID
}

var masks = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`"whsec_[A-Za-z0-9+/]{43}="`), `"whsec_<base64 of 32 bytes>"`},
	{regexp.MustCompile(`"(created_at|updated_at|disabled_at|last_published_at)": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"`), `"$1": "<time>"`},
	{regexp.MustCompile(`"timestamp": "20[2-9]\d-[^"]*\+00:00"`), `"timestamp": "<now>"`},
	{regexp.MustCompile(`"next": "[^"]+"`), `"next": "<cursor>"`},
}

// golden formats an exchange as the documentation does, and compares it with testdata/name.http.
func golden(t *testing.T, name, request string, res *http.Response) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%d %s\n", strings.TrimSpace(request), res.StatusCode, http.StatusText(res.StatusCode))
	for _, h := range []string{"Allow", "Cache-Control", "Content-Type", "Location", "Retry-After", "WWW-Authenticate"} {
		if v := res.Header.Get(h); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", h, v)
		}
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(read(t, res)), "", "  "); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "\n%s", pretty.String())
	got := b.String()
	for _, m := range masks {
		got = m.form.ReplaceAllString(got, m.with)
	}
	path := filepath.Join("testdata", name+".http")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test ./internal/web -update writes it):\n%s", path, diff)
	}
}

// The examples of the documentation, field by field. The order matters: each builds on those before.
func TestExamples(t *testing.T) {
	a := newAPI(t)
	const hook = `{"enabled": true, "events": ["humanization.completed", "humanization.failed"], "url": "https://your-service.example.com/webhooks/kallima"}`
	const event = `{"type": "humanization.completed", "data": {"job_id": "job_42"}, "timestamp": "2019-04-23T12:00:00.25+02:00", "tags": ["eu"], "idempotency_key": "job_42"}`
	res := a.do(t, a.kallima, "POST", "/v1/webhooks", hook)
	id := strings.TrimPrefix(res.Header.Get("Location"), "/v1/webhooks/")
	golden(t, "webhook_create", "POST /v1/webhooks\n\n"+hook, res)
	for _, e := range []struct{ name, method, path, body string }{
		{"webhook_get", "GET", "/v1/webhooks/" + id, ""},
		{"webhook_update", "PATCH", "/v1/webhooks/" + id, `{"events": null, "enabled": false}`},
		{"webhook_rotate", "PATCH", "/v1/webhooks/" + id, `{"rotate_secret": true}`},
		{"webhook_create_least", "POST", "/v1/webhooks", `{"url": "https://receiver.example.com/"}`},
		{"webhook_list", "GET", "/v1/webhooks", ""},
		{"webhook_list_page", "GET", "/v1/webhooks?limit=1", ""},
		{"event_publish", "POST", "/v1/events", event},
		{"event_duplicate", "POST", "/v1/events", event},
		{"event_conflict", "POST", "/v1/events", strings.Replace(event, "job_42", "job_43", 1)},
		{"event_publish_many", "POST", "/v1/events", `[{"type": "structure_prediction.started", "data": null}, {"type": "not a type", "data": 1}, {"type": "x", "data": 1, "extra": 2}]`},
		{"event_type_put", "PUT", "/v1/event-types/order.paid", `{"description": "An order was paid in full.", "schema": {"type": "object", "required": ["orderId"]}, "example": {"orderId": "ord_17"}, "validation": "REJECT"}`},
		{"event_type_get", "GET", "/v1/event-types/order.paid", ""},
		{"event_type_list", "GET", "/v1/event-types?limit=2", ""},
		{"event_refused", "POST", "/v1/events", `{"type": "order.paid", "data": {}}`},
		{"event_type_delete", "DELETE", "/v1/event-types/order.paid", ""},
		{"webhook_delete", "DELETE", "/v1/webhooks/" + id, ""},
		{"error_not_found", "GET", "/v1/webhooks/" + id, ""},
		{"error_unknown_field", "POST", "/v1/webhooks", `{"url": "https://receiver.example.com/", "colour": "red"}`},
		{"error_several", "POST", "/v1/webhooks", `{"events": ["a b"]}`},
		{"error_malformed", "POST", "/v1/webhooks", `{"url": `},
		{"error_method", "PUT", "/v1/webhooks", `{}`},
		{"error_path", "GET", "/v1/hooks", ""},
	} {
		request := e.method + " " + e.path
		if e.body != "" {
			request += "\n\n" + e.body
		}
		golden(t, e.name, request, a.do(t, a.kallima, e.method, e.path, e.body))
	}
	golden(t, "error_unauthenticated", "GET /v1/webhooks", a.do(t, "", "GET", "/v1/webhooks", ""))
}

// refusal is a request of kallima, and the expected response.
type refusal struct {
	name, method, path, body string
	header                   string
	status                   int
	code, field              string
}

// big is longer than allowed.
var big = strings.Repeat("x", 300<<10)

// refusals are requests about kallima's webhook id and another tenant's.
func refusals(id, foreign, token string) []refusal {
	const absent = "0192f5a0-0000-7000-8000-000000000000"
	double := "[" + strings.TrimSuffix(strings.Repeat(`"a",`, 101), ",") + "]"
	return []refusal{
		{name: "no url", method: "POST", path: "/v1/webhooks", body: `{}`, status: 422, code: "REQUIRED", field: "url"},
		{name: "http", method: "POST", path: "/v1/webhooks", body: `{"url":"http://h.example/"}`, status: 422, code: "INVALID", field: "url"},
		{name: "long url", method: "POST", path: "/v1/webhooks", body: `{"url":"https://` + big[:3000] + `"}`, status: 422, code: "TOO_LONG", field: "url"},
		{name: "url of a wrong type", method: "POST", path: "/v1/webhooks", body: `{"url":7}`, status: 422, code: "INVALID", field: "url"},
		{name: "event type", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","events":["ok","no!"]}`, status: 422, code: "INVALID", field: "events.1"},
		{name: "a wildcard within", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","events":["a.*.b"]}`, status: 422, code: "INVALID", field: "events.0"},
		{name: "an operational type that does not exist", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","events":["hookgraph.nonsense"]}`, status: 422, code: "INVALID", field: "events.0"},
		{name: "a reserved type", method: "POST", path: "/v1/events", body: `{"type":"hookgraph.webhook.disabled","data":1}`, status: 422, code: "NOT_ALLOWED", field: "type"},
		{name: "a reserved type, capitalised", method: "POST", path: "/v1/events", body: `{"type":"HookGraph.x","data":1}`, status: 422, code: "NOT_ALLOWED", field: "type"},
		{name: "an unknown field", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","Events":[]}`, status: 422, code: "INVALID", field: "Events"},
		{name: "a list", method: "POST", path: "/v1/webhooks", body: `[]`, status: 422, code: "INVALID"},
		{name: "no body", method: "POST", path: "/v1/webhooks", header: "Content-Type: application/json", status: 400, code: "MALFORMED"},
		{name: "trailing data", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/"}{}`, status: 400, code: "MALFORMED"},
		{name: "a form", method: "POST", path: "/v1/webhooks", body: `{}`, header: "Content-Type: application/x-www-form-urlencoded", status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "compressed", method: "POST", path: "/v1/webhooks", body: `{}`, header: "Content-Encoding: gzip", status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "too large", method: "POST", path: "/v1/webhooks", body: `{"url":"` + big + `"}`, status: 413, code: "TOO_LARGE"},
		{name: "foreign", method: "GET", path: "/v1/webhooks/" + foreign, status: 404, code: "NOT_FOUND"},
		{name: "absent", method: "GET", path: "/v1/webhooks/" + absent, status: 404, code: "NOT_FOUND"},
		{name: "no id", method: "GET", path: "/v1/webhooks/x", status: 404, code: "NOT_FOUND"},
		{name: "patch foreign", method: "PATCH", path: "/v1/webhooks/" + foreign, body: `{"enabled":false}`, status: 404, code: "NOT_FOUND"},
		{name: "patch nothing of a foreign one", method: "PATCH", path: "/v1/webhooks/" + foreign, body: `{}`, status: 404, code: "NOT_FOUND"},
		{name: "delete foreign", method: "DELETE", path: "/v1/webhooks/" + foreign, status: 404, code: "NOT_FOUND"},
		{name: "patch null url", method: "PATCH", path: "/v1/webhooks/" + id, body: `{"url":null}`, status: 422, code: "INVALID", field: "url"},
		{name: "patch null enabled", method: "PATCH", path: "/v1/webhooks/" + id, body: `{"enabled":null}`, status: 422, code: "INVALID", field: "enabled"},
		{name: "patch and rotate", method: "PATCH", path: "/v1/webhooks/" + id, body: `{"rotate_secret":true,"events":["no!"]}`, status: 422, code: "INVALID", field: "events.0"},
		{name: "limit", method: "GET", path: "/v1/webhooks?limit=101", status: 422, code: "OUT_OF_RANGE", field: "limit"},
		{name: "headers of a wrong type", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","headers":{"x":"y"}}`, status: 422, code: "INVALID", field: "headers"},
		{name: "a header's unknown field", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","headers":[{"name":"x","value":"y","secret":true}]}`, status: 422, code: "INVALID", field: "headers"},
		{name: "a header twice", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","headers":[{"name":"x","value":""},{"name":"X","value":""}]}`, status: 422, code: "INVALID", field: "headers.1.name"},
		{name: "a scheme that is none", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","signature_scheme":"RSA"}`, status: 422, code: "INVALID", field: "signature_scheme"},
		{name: "a scheme without rotation", method: "PATCH", path: "/v1/webhooks/" + id, body: `{"signature_scheme":"ED25519"}`, status: 422, code: "INVALID", field: "signature_scheme"},
		{name: "cursor", method: "GET", path: "/v1/webhooks?after=x", status: 422, code: "INVALID", field: "after"},
		{name: "parameter", method: "GET", path: "/v1/webhooks?page=2", status: 422, code: "INVALID", field: "page"},
		{name: "tenant", method: "GET", path: "/v1/webhooks", header: "Hookgraph-Tenant: northwind", status: 403, code: "FORBIDDEN"},
		{name: "unknown tenant", method: "GET", path: "/v1/webhooks", header: "Hookgraph-Tenant: nobody", status: 403, code: "FORBIDDEN"},
		{name: "token", method: "GET", path: "/v1/webhooks", header: "Authorization: Bearer guess", status: 401, code: "UNAUTHENTICATED"},
		{name: "scheme", method: "GET", path: "/v1/webhooks", header: "Authorization: Basic " + token, status: 401, code: "UNAUTHENTICATED"},
		{name: "no data", method: "POST", path: "/v1/events", body: `{"type":"a"}`, status: 422, code: "REQUIRED", field: "data"},
		{name: "no type", method: "POST", path: "/v1/events", body: `{"data":1}`, status: 422, code: "REQUIRED", field: "type"},
		{name: "large data", method: "POST", path: "/v1/events", body: `{"type":"a","data":"` + big + `"}`, status: 413, code: "TOO_LONG", field: "data"},
		{name: "timestamp", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"timestamp":"now"}`, status: 422, code: "INVALID", field: "timestamp"},
		{name: "key", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"idempotency_key":"` + big[:256] + `"}`, status: 422, code: "TOO_LONG", field: "idempotency_key"},
		{name: "no events", method: "POST", path: "/v1/events", body: `[]`, status: 422, code: "TOO_MANY"},
		{name: "too many events", method: "POST", path: "/v1/events", body: "[" + strings.TrimSuffix(strings.Repeat(`{},`, 1001), ",") + "]", status: 422, code: "TOO_MANY"},
		{name: "double event types", method: "POST", path: "/v1/webhooks", body: `{"url":"https://h.example/","events":` + double + `}`, status: 201},
		{name: "ordering key", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"ordering_key":7}`, status: 422, code: "INVALID", field: "ordering_key"},
		{name: "deliver at", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"deliver_at":"2999-01-01T00:00:00Z"}`, status: 422, code: "OUT_OF_RANGE", field: "deliver_at"},
		{name: "no time", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"expires_at":"soon"}`, status: 422, code: "INVALID", field: "expires_at"},
		{name: "long ordering key", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"ordering_key":"` + strings.Repeat("k", 256) + `"}`, status: 422, code: "TOO_LONG", field: "ordering_key"},
		{name: "tags", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"tags":["a",""]}`, status: 422, code: "REQUIRED", field: "tags.1"},
		{name: "one tag", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"tags":"a"}`, status: 422, code: "INVALID", field: "tags"},
		{name: "idempotencyKey is not its name", method: "POST", path: "/v1/events", body: `{"type":"a","data":1,"idempotencyKey":"x"}`, status: 422, code: "INVALID", field: "idempotencyKey"},
	}
}

func (tc *refusal) check(t *testing.T, a *api) {
	t.Helper()
	var header []string
	if tc.header != "" {
		header = append(header, tc.header)
	}
	res := a.do(t, a.kallima, tc.method, tc.path, tc.body, header...)
	text := read(t, res)
	var answer struct {
		Error struct {
			Code, Message, Field string
			RequestID            string `json:"request_id"`
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	e := answer.Error
	if res.StatusCode != tc.status || e.Code != tc.code || e.Field != tc.field {
		t.Errorf("%d %.300s", res.StatusCode, text)
	}
	if tc.code != "" && (e.Message == "" || e.RequestID == "" || e.RequestID != res.Header.Get(web.RequestIDHeader)) {
		t.Errorf("message or request id: %.300s", text)
	}
	if res.StatusCode == http.StatusUnauthorized && res.Header.Get("WWW-Authenticate") == "" {
		t.Error("no WWW-Authenticate")
	}
	if strings.Contains(text, big[:100]) {
		t.Error("the input is repeated")
	}
}

// Every refusal has its status, code and field, and stores nothing.
func TestRefusals(t *testing.T) {
	a := newAPI(t)
	id, foreign := a.id(t, a.kallima), a.id(t, a.northwind)
	for _, r := range refusals(id, foreign, a.kallima) {
		t.Run(r.name, func(t *testing.T) { r.check(t, a) })
	}
	// The accepted one is stored without its duplicates, the others not at all.
	ctx := context.WithoutCancel(t.Context())
	kallima, err := a.store.TenantByName(ctx, "kallima")
	if err != nil {
		t.Fatal(err)
	}
	list, err := a.store.In(kallima.ID).Webhooks(ctx, store.WebhookFilter{}, store.Page{First: 100})
	if err != nil || len(list.Items) != 2 || len(list.Items[0].Events) != 1 {
		t.Errorf("%d webhooks, %v", len(list.Items), err)
	}
	if n, err := a.store.In(kallima.ID).CountEvents(ctx, store.EventFilter{}); n != 0 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
	if w, err := a.store.In(kallima.ID).Secrets(ctx, []webhook.ID{list.Items[1].ID}); err != nil || len(w[list.Items[1].ID]) != 1 {
		t.Errorf("a refused patch rotated the secret: %v", err)
	}
}

// Optional fields are returned only for webhooks that set them; a sensitive value is never shown.
func TestExtensions(t *testing.T) {
	a := newAPI(t)
	created := read(t, a.do(t, a.kallima, "POST", "/v1/webhooks",
		`{"url":"https://h.example/","signature_scheme":"ED25519","headers":[{"name":"x-key","value":"canary","sensitive":true},{"name":"X-Env","value":"prod"}]}`))
	var w struct {
		ID, Secret string
		Scheme     string `json:"signature_scheme"`
		Key        string `json:"public_key"`
		Headers    []map[string]any
	}
	if err := json.Unmarshal([]byte(created), &w); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(w.Secret, "whsk_") || !strings.HasPrefix(w.Key, "whpk_") || w.Scheme != "ED25519" || strings.Contains(created, "canary") {
		t.Errorf("created %s", created)
	}
	for _, body := range []string{
		read(t, a.do(t, a.kallima, "GET", "/v1/webhooks/"+w.ID, "")), read(t, a.do(t, a.kallima, "GET", "/v1/webhooks", "")),
		read(t, a.do(t, a.kallima, "PATCH", "/v1/webhooks/"+w.ID, `{"headers":[{"name":"X-Key","value":null},{"name":"X-Env","value":"prod"}]}`)),
	} {
		if !strings.Contains(body, `"headers":[{"name":"X-Key","value":null,"sensitive":true},{"name":"X-Env","value":"prod","sensitive":false}]`) ||
			!strings.Contains(body, w.Key) || strings.Contains(body, w.Secret) {
			t.Errorf("shown %s", body)
		}
	}
	plain := read(t, a.do(t, a.kallima, "PATCH", "/v1/webhooks/"+w.ID, `{"headers":null,"rotate_secret":true,"signature_scheme":"HMAC_SHA256"}`))
	if !strings.Contains(plain, "whsec_") || strings.Contains(plain, "headers") || strings.Contains(plain, "signature_scheme") || strings.Contains(plain, "public_key") {
		t.Errorf("without extensions %s", plain)
	}
}

// Pages follow each other to the end, without gaps or duplicates, also if a page's last webhook is deleted.
func TestPages(t *testing.T) {
	a := newAPI(t)
	var want []string
	for range 5 {
		want = append([]string{a.id(t, a.kallima)}, want...)
	}
	a.id(t, a.northwind)
	var got []string
	path := "/v1/webhooks?limit=2"
	for range 3 {
		var page struct {
			Data    []struct{ ID string }
			HasMore bool `json:"has_more"`
			Next    *string
		}
		if err := json.Unmarshal([]byte(read(t, a.do(t, a.kallima, "GET", path, ""))), &page); err != nil {
			t.Fatal(err)
		}
		for _, w := range page.Data {
			got = append(got, w.ID)
		}
		if page.HasMore != (page.Next != nil) {
			t.Fatalf("%+v", page)
		}
		if page.Next == nil {
			break
		}
		a.do(t, a.kallima, "DELETE", "/v1/webhooks/"+got[len(got)-1], "")
		path = "/v1/webhooks?limit=2&after=" + *page.Next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An operator acts for the default tenant, or for another that it names.
func TestOperatorNamesTheTenant(t *testing.T) {
	a := newAPI(t)
	id := a.id(t, a.kallima)
	if res := a.do(t, a.operator, "GET", "/v1/webhooks/"+id, ""); res.StatusCode != 404 {
		t.Errorf("as default: %d", res.StatusCode)
	}
	if res := a.do(t, a.operator, "GET", "/v1/webhooks/"+id, "", "Hookgraph-Tenant: kallima"); res.StatusCode != 200 {
		t.Errorf("as kallima: %d", res.StatusCode)
	}
}

// Data reaches the store byte for byte, except white space between tokens: numbers and key order stay the publisher's.
func TestDataIsKept(t *testing.T) {
	a := newAPI(t)
	const data = `{"z": 1.10, "a": 12345678901234567890, "z": "\u00e9 <&>"}`
	res := a.do(t, a.kallima, "POST", "/v1/events", `{"type":"a.b","data":`+data+`}`)
	if res.StatusCode != http.StatusAccepted {
		t.Fatal(read(t, res))
	}
	kallima, err := a.store.TenantByName(t.Context(), "kallima")
	if err != nil {
		t.Fatal(err)
	}
	list, err := a.store.In(kallima.ID).Events(t.Context(), store.EventFilter{}, store.Page{First: 1})
	if err != nil || len(list.Items) != 1 {
		t.Fatal(err)
	}
	if got, want := string(list.Items[0].Data), `{"z":1.10,"a":12345678901234567890,"z":"\u00e9 <&>"}`; got != want {
		t.Errorf("%s", got)
	}
}

// A failure of the store is an internal error; only the log has its cause, once, under the request's id.
func TestInternalError(t *testing.T) {
	broken := newAPI(t)
	if err := broken.store.Close(); err != nil {
		t.Fatal(err)
	}
	res := broken.do(t, broken.kallima, "GET", "/v1/webhooks", "")
	text := read(t, res)
	id := res.Header.Get(web.RequestIDHeader)
	if res.StatusCode < 500 || !strings.Contains(text, id) || strings.Contains(text, "sql") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if got := strings.Count(broken.logged.String(), id); res.StatusCode == 500 && got != 1 {
		t.Errorf("logged %d times", got)
	}
}

// HEAD is supported like GET; health checks need no token.
func TestWithoutToken(t *testing.T) {
	a := newAPI(t)
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/": 404, "/v1/": 404, "/v1/webhooks/x/test": 405} {
		res := a.do(t, "", "GET", path, "")
		if res.StatusCode != want || res.Header.Get(web.RequestIDHeader) == "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	short := newAPI(t, func(c *web.Config) { c.Short = func() bool { return true } })
	if res := short.do(t, "", "GET", "/readyz", ""); res.StatusCode != 200 || !strings.Contains(read(t, res), "deliveries wait") {
		t.Errorf("/readyz of a host that is short: %d", res.StatusCode)
	}
	if res := short.do(t, "", "GET", "/readyz?verbose", ""); res.StatusCode != 200 || !strings.Contains(read(t, res), "OK      database \nWAITING attempts this host is short") {
		t.Errorf("/readyz?verbose of a host that is short: %d", res.StatusCode)
	}
	if text := read(t, a.do(t, "", "GET", "/readyz?verbose", "")); text != "OK      process \nOK      database \nOK      attempts \nok\n" {
		t.Errorf("/readyz?verbose: %q", text)
	}
	if res := a.do(t, a.kallima, "HEAD", "/v1/webhooks", ""); res.StatusCode != 200 {
		t.Errorf("HEAD: %d", res.StatusCode)
	}
}
