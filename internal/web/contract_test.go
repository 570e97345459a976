package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookgraph/hookgraph/internal/web"
)

// contract is the OpenAPI document of the REST surface. OpenAPI 3.1 has the schemas of JSON Schema 2020-12, so a validator of those checks requests
// and answers without a translation that could be wrong. Answers may have no member that the document does not.
type contract struct {
	paths map[string]map[string]operation // by path and method, in upper case

	mu       sync.Mutex // guards compiler and compiled
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
	doc      map[string]any
}

// operation is one operation, with references to parameters and responses resolved.
type operation struct {
	method, path string
	ID           string `json:"operationId"`
	Description  string
	Parameters   []documentedParameter
	Body         *struct {
		Content map[string]struct{ Schema map[string]any }
	} `json:"requestBody"`
	Responses map[string]documentedResponse
	Security  []map[string][]string
}

type documentedParameter struct {
	Name, In string
	Required bool
	Schema   map[string]any
	at       string // the pointer to Schema
}

type documentedResponse struct {
	Headers map[string]struct{ Required bool }
	Content map[string]struct{ Schema map[string]any }
	at      string
}

const documentURL = "https://hookgraph.test/openapi.json"

var theContract = sync.OnceValue(func() *contract {
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/openapi.json", nil) // once for all tests
	web.New(web.Config{Logger: slog.New(slog.DiscardHandler)}).ServeHTTP(rec, r)
	parsed, err := jsonschema.UnmarshalJSON(rec.Body)
	if err != nil {
		panic(err)
	}
	c := &contract{doc: parsed.(map[string]any), paths: map[string]map[string]operation{}, compiled: map[string]*jsonschema.Schema{}, compiler: jsonschema.NewCompiler()}
	strict(c.doc)
	c.compiler.AssertFormat()
	c.compiler.AssertContent()
	if err := c.compiler.AddResource(documentURL, c.doc); err != nil {
		panic(err)
	}
	for path, item := range c.doc["paths"].(map[string]any) {
		c.paths[path] = map[string]operation{}
		for name, one := range item.(map[string]any) {
			if method := strings.ToUpper(name); method != "PARAMETERS" {
				c.paths[path][method] = c.operation(path, method, item.(map[string]any), one.(map[string]any))
			}
		}
	}
	return c
})

// strict makes objects with known members refuse others.
func strict(v any) {
	switch v := v.(type) {
	case map[string]any:
		_, known := v["properties"].(map[string]any)
		if _, said := v["additionalProperties"]; known && !said {
			v["additionalProperties"] = false
		}
		for _, below := range v {
			strict(below)
		}
	case []any:
		for _, below := range v {
			strict(below)
		}
	}
}

// resolved follows a reference within the document.
func (c *contract) resolved(v map[string]any, at string) (map[string]any, string) {
	ref, is := v["$ref"].(string)
	if !is {
		return v, at
	}
	var found any = c.doc
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		found = found.(map[string]any)[name]
	}
	return found.(map[string]any), ref
}

func (c *contract) operation(path, method string, item, one map[string]any) operation {
	at := "#/paths/" + strings.ReplaceAll(path, "/", "~1")
	own := at + "/" + strings.ToLower(method)
	into := func(v, to any) {
		text, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(text, to)
		}
		if err != nil {
			panic(err)
		}
	}
	o := operation{method: method, path: path}
	bare := maps.Clone(one)
	delete(bare, "parameters")
	delete(bare, "responses")
	into(bare, &o)
	o.Responses = map[string]documentedResponse{}
	for status, r := range one["responses"].(map[string]any) {
		found, where := c.resolved(r.(map[string]any), own+"/responses/"+status)
		res := documentedResponse{at: where + "/content/application~1json/schema"}
		into(found, &res)
		o.Responses[status] = res
	}
	for _, from := range []struct {
		at   string
		list any
	}{{at, item["parameters"]}, {own, one["parameters"]}} {
		all, _ := from.list.([]any)
		for i, p := range all {
			found, where := c.resolved(p.(map[string]any), from.at+"/parameters/"+strconv.Itoa(i))
			param := documentedParameter{at: where + "/schema"}
			into(found, &param)
			o.Parameters = append(o.Parameters, param)
		}
	}
	return o
}

// all lists the operations, in the order of their ids.
func (c *contract) all() []operation {
	var all []operation
	for _, methods := range c.paths {
		all = slices.AppendSeq(all, maps.Values(methods))
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// check reports whether the value is valid by the schema at the pointer.
func (c *contract) check(at string, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.compiled[at]
	if s == nil {
		var err error
		if s, err = c.compiler.Compile(documentURL + at); err != nil {
			return err
		}
		c.compiled[at] = s
	}
	return s.Validate(value)
}

func (c *contract) checkJSON(at string, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return c.check(at, value)
}

func (o *operation) bodyAt() string {
	return "#/paths/" + strings.ReplaceAll(o.path, "/", "~1") + "/" + strings.ToLower(o.method) + "/requestBody/content/application~1json/schema"
}

// find returns the operation of a request. A path of constant words comes before one with a parameter.
func (c *contract) find(method, path string) (o operation, knownPath, known bool) {
	best := ""
	for template := range c.paths {
		is := slices.EqualFunc(strings.Split(template, "/"), strings.Split(path, "/"), func(t, p string) bool { return t == p || p != "" && strings.HasPrefix(t, "{") })
		if is && (best == "" || strings.Contains(best, "{")) && (best == "" || !strings.Contains(template, "{")) {
			best = template
		}
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	o, known = c.paths[best][method]
	return o, best != "", known
}

// typed reads the values of a parameter as its schema has them.
func (p *documentedParameter) typed(values []string) any {
	one := func(schema map[string]any, text string) any {
		switch schema["type"] {
		case "integer":
			if _, err := strconv.ParseInt(text, 10, 64); err == nil {
				return json.Number(text)
			}
		case "boolean":
			if b, err := strconv.ParseBool(text); err == nil && (text == "true" || text == "false") {
				return b
			}
		}
		return text
	}
	if p.Schema["type"] != "array" {
		return one(p.Schema, values[0])
	}
	var all []any
	items, _ := p.Schema["items"].(map[string]any)
	for _, v := range values {
		all = append(all, one(items, v))
	}
	return all
}

// exchange is a request and its answer.
type exchange struct {
	method, path string
	query        url.Values
	sent         []byte
	status       int
	header       http.Header
	answer       []byte
}

// verify compares an exchange with the document: the answer always, the request if it succeeded.
func (c *contract) verify(x *exchange) error {
	o, knownPath, known := c.find(x.method, x.path)
	switch {
	case !knownPath && x.status == http.StatusNotFound, knownPath && !known && x.status == http.StatusMethodNotAllowed:
		return nil
	case !known:
		return fmt.Errorf("is not in the document, and is answered %d", x.status)
	}
	res, documented := o.Responses[strconv.Itoa(x.status)]
	if !documented {
		return fmt.Errorf("%s has no answer %d in the document: %s", o.ID, x.status, x.answer)
	}
	for name, h := range res.Headers {
		if h.Required && x.header.Get(name) == "" {
			return fmt.Errorf("the answer %d of %s lacks the header %s", x.status, o.ID, name)
		}
	}
	if x.method != http.MethodHead {
		if err := c.checkJSON(res.at, x.answer); err != nil {
			return fmt.Errorf("the answer %d of %s: %w\n%s", x.status, o.ID, err, x.answer)
		}
	}
	if x.status >= 300 {
		return nil
	}
	for name, values := range x.query {
		i := slices.IndexFunc(o.Parameters, func(p documentedParameter) bool { return p.In == "query" && p.Name == name })
		if i < 0 {
			return fmt.Errorf("%s has no parameter %q in the document", o.ID, name)
		}
		if err := c.check(o.Parameters[i].at, o.Parameters[i].typed(values)); err != nil {
			return fmt.Errorf("the parameter %s of %s, which was accepted: %w", name, o.ID, err)
		}
	}
	if o.Body == nil {
		return nil
	}
	if err := c.checkJSON(o.bodyAt(), x.sent); err != nil {
		return fmt.Errorf("the body of %s, which was accepted: %w\n%s", o.ID, err, x.sent)
	}
	return nil
}

// maxHeld is how much of a body is kept to be verified; tests send longer ones only to have them refused.
const maxHeld = 1 << 20

type kept struct{ bytes.Buffer }

func (k *kept) Write(b []byte) (int, error) {
	if k.Len() < maxHeld {
		k.Buffer.Write(b)
	}
	return len(b), nil
}

// tee keeps what is written.
type tee struct {
	http.ResponseWriter
	status int
	kept
}

func (w *tee) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *tee) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *tee) Write(b []byte) (int, error) {
	_, _ = w.kept.Write(b)
	return w.ResponseWriter.Write(b)
}

// held returns the handler, whose exchanges must all be as the document says.
func (c *contract) held(t *testing.T, next http.Handler) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		var sent kept
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, &sent), r.Body}
		}
		x := &exchange{method: r.Method, path: r.URL.Path, query: r.URL.Query()}
		out := &tee{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(out, r)
		x.sent, x.status, x.header, x.answer = sent.Bytes(), out.status, out.Header(), out.Bytes()
		if len(x.answer) >= maxHeld || len(x.sent) >= maxHeld || r.Method == http.MethodOptions {
			return
		}
		if err := c.verify(x); err != nil {
			t.Errorf("%s %s: %v", x.method, x.path, err)
		}
	})
}

var scopesNamed = regexp.MustCompile("Requires the scopes? `([^`]+)`(?: and `([^`]+)`)?")

// The document has every route and no other, with the scopes that it requires, an id of its own, and a description of everything.
func TestDocumentHasEveryRoute(t *testing.T) {
	c := theContract()
	routes := map[string][]string{}
	for _, r := range web.Routes() {
		scopes := []string{string(r.Needs.Scope)}
		if r.Also != "" {
			scopes = append(scopes, string(r.Also))
		}
		routes[r.Method+" "+r.Path] = scopes
	}
	ids := map[string]bool{}
	for _, o := range c.all() {
		name := o.method + " " + o.path
		scopes, known := routes[name]
		if !known {
			t.Errorf("%s does not exist", name)
		}
		delete(routes, name)
		if ids[o.ID] || o.ID == "" {
			t.Errorf("%s has the id %q, which is not its own", name, o.ID)
		}
		ids[o.ID] = true
		var said []string
		if found := scopesNamed.FindStringSubmatch(o.Description); found != nil {
			said = slices.DeleteFunc(found[1:], func(s string) bool { return s == "" })
		}
		if !slices.Equal(said, scopes) || len(o.Security) != 1 || !slices.Equal(o.Security[0]["token"], scopes) {
			t.Errorf("%s requires %s; the document says %v, %v", name, scopes, said, o.Security)
		}
	}
	for name := range routes {
		t.Errorf("%s is not in the document", name)
	}
	var described func(at string, v any)
	described = func(at string, v any) {
		object, is := v.(map[string]any)
		if !is {
			return
		}
		props, _ := object["properties"].(map[string]any)
		for name, p := range props {
			m := p.(map[string]any)
			_, refers := m["$ref"]
			_, either := m["anyOf"]
			if text, _ := m["description"].(string); text == "" && !refers && !either {
				t.Errorf("%s.%s has no description", at, name)
			}
			described(at+"."+name, p)
			described(at+"."+name, m["items"])
		}
	}
	for name, s := range c.doc["components"].(map[string]any)["schemas"].(map[string]any) {
		described(name, s)
		if err := c.check("#/components/schemas/"+name, nil); err == nil {
			t.Errorf("%s may be null", name)
		} else if _, is := errors.AsType[*jsonschema.ValidationError](err); !is {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the document does not have fails an exchange: the check of the checks.
func TestContractRefuses(t *testing.T) {
	c := theContract()
	ok := `{"id": "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11", "object": "webhook", "deleted": true}`
	base := exchange{method: "DELETE", path: "/v1/webhooks/x", status: 200, answer: []byte(ok)}
	if err := c.verify(&base); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*exchange){
		"another member": func(x *exchange) { x.answer = []byte(strings.Replace(ok, "{", `{"colour": 1, `, 1)) },
		"a wrong id":     func(x *exchange) { x.answer = []byte(strings.Replace(ok, "019db8a2", "red", 1)) },
		"no object":      func(x *exchange) { x.answer = []byte(`{}`) },
		"no JSON":        func(x *exchange) { x.answer = []byte(`{`) },
		"a status":       func(x *exchange) { x.status = 418 },
		"a header": func(x *exchange) {
			x.status, x.answer = 429, []byte(`{"error": {"code": "RATE_LIMITED", "message": "x"}}`)
		},
		"a path":      func(x *exchange) { x.path = "/v1/other" },
		"a method":    func(x *exchange) { x.method = "PUT" },
		"a parameter": func(x *exchange) { x.query = url.Values{"colour": {"1"}} },
		"a body": func(x *exchange) {
			*x = exchange{method: "POST", path: "/v1/webhooks/x/test", status: 202, sent: []byte(`{"colour": 1}`), answer: []byte(`{"object": "webhook_test", "webhook_id": "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11", "event_id": "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11", "delivery_id": "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11"}`)}
		},
	} {
		x := base
		change(&x)
		if err := c.verify(&x); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// The document is served to everyone, as JSON; a client that has it gets 304.
func TestDocument(t *testing.T) {
	a := newAPI(t)
	res := a.do(t, "", "GET", "/openapi.json", "")
	var doc struct{ OpenAPI string }
	if err := json.Unmarshal([]byte(read(t, res)), &doc); err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/json" || doc.OpenAPI != "3.1.0" {
		t.Errorf("%d %v, %v", res.StatusCode, res.Header, err)
	}
	if again := a.do(t, "", "GET", "/openapi.json", "", "If-None-Match: "+res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("with its tag: %s", again.Status)
	}
	if posted := a.do(t, "", "POST", "/openapi.json", "{}"); posted.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", posted.Status)
	}
}
