package gqlhttp

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The kind of error decides the status and code, and no response before execution has data.
func TestStatusOfRequests(t *testing.T) {
	s := newServer(t, Config{})
	const hello = `{"query":"{hello}"}`
	graphql := map[string]string{"Accept": "application/graphql-response+json"}
	for _, c := range []struct {
		name, method, url, body string
		header                  map[string]string
		status                  int
		code                    string
	}{
		{"post", "POST", "/", hello, nil, 200, ""},
		{"get", "GET", "/?query={hello}", "", nil, 200, ""},
		{"put", "PUT", "/", hello, nil, 405, "BAD_USER_INPUT"},
		{"delete", "DELETE", "/", "", nil, 405, "BAD_USER_INPUT"},
		{"mutation by get", "GET", "/?query=mutation{set}", "", nil, 405, "BAD_USER_INPUT"},
		{"accept html", "POST", "/", hello, map[string]string{"Accept": "text/html"}, 406, "BAD_USER_INPUT"},
		{"accept nothing", "POST", "/", hello, map[string]string{"Accept": "application/json;q=0"}, 406, "BAD_USER_INPUT"},
		{"accept anything", "POST", "/", hello, map[string]string{"Accept": "*/*"}, 200, ""},
		{"no token", "POST", "/", hello, map[string]string{"Authorization": ""}, 401, "UNAUTHENTICATED"},
		{"bad token", "POST", "/", hello, map[string]string{"Authorization": "Bearer nope"}, 401, "UNAUTHENTICATED"},
		{"basic", "POST", "/", hello, map[string]string{"Authorization": "Basic " + goodToken}, 401, "UNAUTHENTICATED"},
		{"no content type", "POST", "/", hello, map[string]string{"Content-Type": ""}, 415, "BAD_USER_INPUT"},
		{"form", "POST", "/", "query={hello}", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415, "BAD_USER_INPUT"},
		{"latin1", "POST", "/", hello, map[string]string{"Content-Type": "application/json; charset=latin1"}, 415, "BAD_USER_INPUT"},
		{"utf-8", "POST", "/", hello, map[string]string{"Content-Type": "application/json; charset=UTF-8"}, 200, ""},
		{"empty", "POST", "/", "", nil, 400, "BAD_USER_INPUT"},
		{"array", "POST", "/", "[" + hello + "]", nil, 400, "BAD_USER_INPUT"},
		{"null", "POST", "/", "null", nil, 400, "BAD_USER_INPUT"},
		{"two values", "POST", "/", hello + hello, nil, 400, "BAD_USER_INPUT"},
		{"no query", "POST", "/", `{}`, nil, 400, "BAD_USER_INPUT"},
		{"query number", "POST", "/", `{"query":1}`, nil, 400, "BAD_USER_INPUT"},
		{"variables array", "POST", "/", `{"query":"{hello}","variables":[]}`, nil, 400, "BAD_USER_INPUT"},
		{"extensions string", "POST", "/", `{"query":"{hello}","extensions":""}`, nil, 400, "BAD_USER_INPUT"},
		{"not UTF-8", "POST", "/", `{"query":"query($n:String){hello(name:$n)}","variables":{"n":"` + "caf\xe9" + `"}}`, nil, 400, "BAD_USER_INPUT"},
		{"get not UTF-8", "GET", "/?query={hello(name:%22caf%E9%22)}", "", nil, 400, "BAD_USER_INPUT"},
		{"get variables not UTF-8", "GET", "/?query={hello}&variables={%22n%22:%22caf%E9%22}", "", nil, 400, "BAD_USER_INPUT"},
		{"get variables text", "GET", "/?query={hello}&variables=x", "", nil, 400, "BAD_USER_INPUT"},
		{"too large", "POST", "/", `{"query":"` + strings.Repeat(" ", 1<<20) + `"}`, nil, 413, "BAD_USER_INPUT"},
		{"too large, events", "POST", "/", `{"query":"` + strings.Repeat(" ", 1<<20) + `"}`, map[string]string{"Accept": mediaEvents}, 413, "BAD_USER_INPUT"},
		{"syntax, json", "POST", "/", `{"query":"{"}`, nil, 200, "GRAPHQL_PARSE_FAILED"},
		{"syntax, graphql", "POST", "/", `{"query":"{"}`, graphql, 400, "GRAPHQL_PARSE_FAILED"},
		{"validation, json", "POST", "/", `{"query":"{nope}"}`, nil, 200, "GRAPHQL_VALIDATION_FAILED"},
		{"validation, graphql", "POST", "/", `{"query":"{nope}"}`, graphql, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"variables, graphql", "POST", "/", `{"query":"query($n:String){hello(name:$n)}","variables":{"n":1}}`, graphql, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"operation, graphql", "POST", "/", `{"query":"{hello}","operationName":"x"}`, graphql, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"subscription", "POST", "/", `{"query":"subscription{ticks{node}}"}`, nil, 406, "BAD_USER_INPUT"},
		{"resolver", "POST", "/", `{"query":"{fails}"}`, graphql, 200, "INTERNAL_SERVER_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.do(t, s.request(t, c.method, c.url, c.body, c.header))
			if a.status != c.status || a.code(t) != c.code {
				t.Errorf("got %d %q, want %d %q: %s", a.status, a.code(t), c.status, c.code, a.body)
			}
			executed := c.code == "" || c.code == "INTERNAL_SERVER_ERROR"
			if strings.Contains(a.body, `"data"`) != executed {
				t.Errorf("data in %s", a.body)
			}
			if a.status == 405 && a.header.Get("Allow") == "" {
				t.Error("no Allow")
			}
			if a.status == 401 && a.header.Get("WWW-Authenticate") != "Bearer" {
				t.Error("no WWW-Authenticate")
			}
		})
	}
}

// An error of validation does not quote the value that it is about, which may be a secret.
func TestValidationQuotesNoValue(t *testing.T) {
	s := newServer(t, Config{})
	for _, query := range []string{`{hello(name: [\"canary\"])}`, `{hello(name: canary)}`, `query($n: Int = \"canary\"){hello}`} {
		a := s.post(t, `{"query":"`+query+`"}`, nil)
		if a.code(t) != codeValidation || strings.Contains(a.body, "canary") {
			t.Errorf("%s: %s", query, a.body)
		}
	}
}

// The response has the media type that the client prefers; the default is application/json.
func TestMediaType(t *testing.T) {
	s := newServer(t, Config{})
	for accept, want := range map[string]string{
		"":                                  "application/json; charset=utf-8",
		"*/*":                               "application/json; charset=utf-8",
		"application/*":                     "application/json; charset=utf-8",
		"application/json":                  "application/json; charset=utf-8",
		"application/graphql-response+json": "application/graphql-response+json; charset=utf-8",
		"application/graphql-response+json, application/json;q=0.9":             "application/graphql-response+json; charset=utf-8",
		"application/graphql-response+json;q=0.5, application/json":             "application/json; charset=utf-8",
		"application/json, application/graphql-response+json":                   "application/graphql-response+json; charset=utf-8",
		"application/graphql-response+json, text/event-stream, multipart/mixed": "application/graphql-response+json; charset=utf-8",
		"text/event-stream": "text/event-stream; charset=utf-8",
	} {
		if a := s.post(t, `{"query":"{hello}"}`, map[string]string{"Accept": accept}); a.header.Get("Content-Type") != want {
			t.Errorf("Accept %q: got %q, want %q", accept, a.header.Get("Content-Type"), want)
		}
	}
}

// A malformed request is neither repeated in the response nor logged.
func TestMalformedIsNotEchoed(t *testing.T) {
	s := newServer(t, Config{})
	for _, body := range []string{
		`{"query":"{hello}","variables":{"x":"hunter2"}`, `hunter2`, `{"query":"hunter2`, `{"hunter2":`,
		`{"query":"{hello(name: \"hunter2\" \"hunter2\")}"}`, `{"query":"{hello(name: \"hunter2`, `{"query": {"hunter2":1}}`,
	} {
		for _, accept := range []string{mediaJSON, mediaEvents} {
			if a := s.post(t, body, map[string]string{"Accept": accept}); strings.Contains(a.body, "hunter2") {
				t.Errorf("%s: %s", body, a.body)
			}
		}
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Errorf("log: %s", s.log)
	}
}

// A resolver's error is masked, with a request id under which it is logged.
func TestErrorsAreMasked(t *testing.T) {
	s := newServer(t, Config{Authenticate: func(r *http.Request, token, tenant string) (context.Context, error) {
		ctx, err := authenticate(r, token, tenant)
		return intake.WithRequestID(ctx, "id-7"), err
	}})
	a := s.query(t, "{fails hello}", "")
	want := `{"errors":[{"message":"internal server error","path":["fails"],"extensions":{"code":"INTERNAL_SERVER_ERROR","requestId":"id-7"}}],` +
		`"data":{"fails":null,"hello":"hello"},"extensions":{"cost":{"limit":10000,"requested":2}}}`
	if a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	if log := s.log.String(); !strings.Contains(log, "secret detail") || !strings.Contains(log, "id-7") {
		t.Errorf("log: %s", log)
	}
}

// A panic of a resolver is an internal error, logged with its stack.
func TestPanicIsInternalError(t *testing.T) {
	s := newServer(t, Config{})
	a := s.query(t, "{panics}", "")
	if a.status != 200 || a.code(t) != codeInternal || strings.Contains(a.body, "secret") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if log := s.log.String(); !strings.Contains(log, "secret panic") || !strings.Contains(log, "testschema.go") {
		t.Errorf("log: %s", log)
	}
}

// If a presenter returns nil or panics, only the error's text is lost.
func TestBrokenPresenter(t *testing.T) {
	for name, present := range map[string]func(context.Context, error) *gqlerror.Error{
		"nil":   func(context.Context, error) *gqlerror.Error { return nil },
		"panic": func(context.Context, error) *gqlerror.Error { panic("presenter") },
	} {
		s := newServer(t, Config{ErrorPresenter: present})
		if a := s.query(t, "{fails}", ""); a.code(t) != codeInternal {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}

// A panic in a function of Config is answered with an error; the connection is not dropped.
func TestPanicOutsideOfResolvers(t *testing.T) {
	s := newServer(t, Config{Authenticate: func(*http.Request, string, string) (context.Context, error) { panic("database") }})
	if a := s.query(t, "{hello}", ""); a.status != 500 || a.code(t) != codeInternal || strings.Contains(a.body, "database") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// Queries and mutations have a deadline, over every transport.
func TestOperationTimeout(t *testing.T) {
	s := newServer(t, Config{OperationTimeout: 20 * time.Millisecond})
	if a := s.query(t, "{waits}", ""); a.code(t) != codeInternal {
		t.Errorf("got %s", a.body)
	}
	if a := s.post(t, `{"query":"{waits}"}`, map[string]string{"Accept": mediaEvents}); !strings.Contains(a.body, "event: next") || !strings.Contains(a.body, codeInternal) {
		t.Errorf("events: got %s", a.body)
	}
	c := s.connect(t)
	c.subscribe("1", "{waits}")
	if m := c.receive(); !strings.Contains(m, codeInternal) {
		t.Errorf("WebSocket: got %s", m)
	}
}

// Authenticate may return an error for clients instead of a plain 401.
func TestRefusals(t *testing.T) {
	for code, status := range map[string]int{"FORBIDDEN": 403, "RATE_LIMITED": 429, "INTERNAL_SERVER_ERROR": 500, "UNAUTHENTICATED": 401} {
		s := newServer(t, Config{Authenticate: func(*http.Request, string, string) (context.Context, error) {
			return nil, newError(code, "told")
		}})
		if a := s.query(t, "{hello}", ""); a.status != status || a.code(t) != code || !strings.Contains(a.body, "told") {
			t.Errorf("%s: got %d %s", code, a.status, a.body)
		}
	}
}

// The tenant header reaches Authenticate.
func TestTenantHeader(t *testing.T) {
	tenants := make(chan string, 1)
	s := newServer(t, Config{Authenticate: func(r *http.Request, token, tenant string) (context.Context, error) {
		tenants <- tenant
		return authenticate(r, token, tenant)
	}})
	s.post(t, `{"query":"{hello}"}`, map[string]string{"Hookgraph-Tenant": "kallima"})
	if got := <-tenants; got != "kallima" {
		t.Errorf("got %q", got)
	}
}

// GET takes all parameters of a query.
func TestGet(t *testing.T) {
	s := newServer(t, Config{})
	q := url.Values{
		"query":         {"query A{fails} query B($n:String){hello(name:$n)}"},
		"operationName": {"B"},
		"variables":     {`{"n":"you"}`},
	}
	if a := s.do(t, s.request(t, "GET", "/?"+q.Encode(), "", nil)); !strings.Contains(a.body, `"data":{"hello":"hello you"}`) {
		t.Errorf("got %s", a.body)
	}
}

// The cost of operations can be limited; the error says how long to wait.
func TestCharge(t *testing.T) {
	s := newServer(t, Config{Charge: func(_ context.Context, cost int) time.Duration { return time.Duration(cost) * time.Second }})
	a := s.query(t, "{hello}", "")
	if a.status != 429 || a.code(t) != codeRateLimited || !strings.Contains(a.body, `"retryAfterMs":1000`) {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// A caller has a limited number of concurrent operations, and gets it back when they end.
func TestOperationsPerCaller(t *testing.T) {
	s := newServer(t, Config{
		Holder:     func(context.Context) intake.Holder { return intake.Holder{Token: [16]byte{1}} },
		Operations: intake.Limits{Total: 10, Token: 1},
	})
	running := make(chan struct{})
	s.schema.Waits = func(context.Context) { close(running) }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		resp, err := s.Client().Do(s.request(t, "POST", "/", `{"query":"{waits}"}`, nil).WithContext(ctx))
		if err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-running
	if a := s.query(t, "{hello}", ""); a.status != 429 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	cancel()
	<-ended
	webhooktest.Eventually(t, "the operation is given back", func() bool { return s.query(t, "{hello}", "").status == 200 })
}
