package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const createWebhook = `mutation ($input: CreateWebhookInput!) {
	done: createWebhook(input: $input) { webhook { id } secret userErrors { message } }
}`

// Events published over either API arrive at webhooks registered over either, with signatures that Standard Webhooks' own library
// accepts. A watcher that loses its connection in between sees each attempt once.
func TestEndToEnd(t *testing.T) {
	databases(t, testEndToEnd)
}

// registerBoth registers a webhook over GraphQL and one over REST, and returns their secrets by path.
func (c *client) registerBoth(t *testing.T, url string) (secrets map[string]string) {
	t.Helper()
	var graphql, rest struct{ Secret string }
	c.mutate(t, createWebhook, map[string]any{"url": url + "/graphql"}, &graphql)
	if status := c.rest(t, "POST", "/v1/webhooks", `{"url": "`+url+`/rest", "events": ["humanization.completed"]}`, &rest); status != http.StatusCreated {
		t.Fatal(status)
	}
	return map[string]string{"/graphql": graphql.Secret, "/rest": rest.Secret}
}

func testEndToEnd(t *testing.T, database string) {
	t.Helper()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, database)
	c := &client{p.url, p.token}
	secrets := c.registerBoth(t, receiver.URL)

	w := c.watch(t, "")
	cursor := watching(t, c, w)
	var want []string // event and path of each attempt that must be seen
	publish := func() {
		byGraphQL := c.publish(t, "humanization.completed")
		var byREST struct{ ID string }
		if status := c.rest(t, "POST", "/v1/events", `{"type": "humanization.completed", "data": {"score": 0.9}}`, &byREST); status != http.StatusAccepted {
			t.Fatal(status)
		}
		for _, id := range []string{byGraphQL, byREST.ID} {
			want = append(want, id+" /graphql", id+" /rest")
		}
	}

	publish()
	var seen []string
	note := func(s streamed) {
		if s.Node.Event.Type == "humanization.completed" {
			seen = append(seen, s.Node.Event.ID+" "+strings.TrimPrefix(s.Node.Webhook.URL, receiver.URL))
			if s.Node.Number != 1 || s.Node.Status != "SUCCEEDED" {
				t.Errorf("%+v", s)
			}
		}
		cursor = s.Cursor
	}
	for len(seen) < 2 {
		note(w.next(t))
	}
	_ = w.conn.CloseNow() // no closing handshake, like a broken network
	publish()             // while nobody watches
	var received []string
	for len(received) < len(want) {
		got := receiver.Next(t)
		verify(t, secrets[got.Path], got)
		if !strings.Contains(string(got.Body), `"type":"start"`) {
			received = append(received, got.Header.Get("webhook-id")+" "+got.Path)
		}
	}
	w = c.watch(t, cursor)
	publish() // while the watcher is back
	for len(seen) < len(want) {
		note(w.next(t))
	}
	for len(received) < len(want) {
		got := receiver.Next(t)
		verify(t, secrets[got.Path], got)
		received = append(received, got.Header.Get("webhook-id")+" "+got.Path)
	}
	// The next attempt must be the new one: nothing was sent or shown twice.
	last := c.publish(t, "last")
	if s := w.next(t); s.Node.Event.ID != last {
		t.Errorf("after everything came %+v", s)
	}
	for name, got := range map[string][]string{"seen": seen, "received": received} {
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}

	p.stop() // with a stream open
	for range w.got {
	}
	if websocket.CloseStatus(w.err) != websocket.StatusGoingAway {
		t.Errorf("the stream was closed with %v", w.err)
	}
}

// watching waits until a new subscription has begun: it publishes events until one is seen, and returns its cursor.
func watching(t *testing.T, c *client, w *watcher) (cursor string) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		c.publish(t, "start")
		select {
		case s, ok := <-w.got:
			if !ok {
				t.Fatalf("the stream ended: %v", w.err)
			}
			return s.Cursor
		case <-tick.C:
		case <-deadline:
			t.Fatal("the stream did not begin")
		}
	}
}

func verify(t *testing.T, secret string, got webhooktest.Received) {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.Verify(got.Body, got.Header); err != nil {
		t.Errorf("%s: %v", got.Path, err)
	}
	var body struct {
		Type, Timestamp string
		Data            json.RawMessage
	}
	if err := json.Unmarshal(got.Body, &body); err != nil || body.Type == "" || body.Timestamp == "" || len(body.Data) == 0 {
		t.Errorf("%s: %v", got.Body, err)
	}
}

// The documented request gets the documented response, and its secret is never shown again.
func TestDocumentedRequest(t *testing.T) {
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	var made map[string]any
	status := c.rest(t, "POST", "/v1/webhooks",
		`{"enabled": true, "events": ["humanization.completed", "humanization.failed"], "url": "https://your-service.example.com/webhooks/kallima"}`, &made)
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, made)
	}
	if diff := cmp.Diff([]string{"created_at", "enabled", "events", "id", "object", "secret", "updated_at", "url"}, slices.Sorted(maps.Keys(made))); diff != "" {
		t.Error(diff)
	}
	for field, form := range map[string]string{
		"id":         `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		"object":     `^webhook$`,
		"url":        `^https://your-service\.example\.com/webhooks/kallima$`,
		"events":     `^\[humanization\.completed humanization\.failed\]$`,
		"enabled":    `^true$`,
		"created_at": `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$`,
		"updated_at": `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$`,
		"secret":     `^whsec_[A-Za-z0-9+/]{43}=$`,
	} {
		if got := fmt.Sprint(made[field]); !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("%s: %s", field, got)
		}
	}
	id, _ := made["id"].(string)
	for method, body := range map[string]string{"GET": "", "PATCH": `{"enabled": true}`} {
		var again map[string]any
		if status := c.rest(t, method, "/v1/webhooks/"+id, body, &again); status != http.StatusOK || again["secret"] != nil || again["id"] != id {
			t.Errorf("%s: %d %v", method, status, again)
		}
	}
	var list struct{ Data []map[string]any }
	if c.rest(t, "GET", "/v1/webhooks", "", &list); len(list.Data) != 1 || list.Data[0]["secret"] != nil {
		t.Errorf("%v", list)
	}
}

// Data from a GraphQL variable or literal reaches the webhook's body and a query's response as it was written.
func TestDataIsKept(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &struct{}{})
	const data = `{"z":1,"a":12345678901234567890,"m":[1.10,1e400,-0,1E5],"t":"<&>"}`
	for name, publish := range map[string]string{
		"variable": `{"query": "mutation ($d: JSON!) { done: publishEvent(input: {type: \"a\", data: $d}) { event { data } } }", "variables": {"d": ` + data + `}}`,
		"literal": `{"query": "mutation { done: publishEvent(input: {type: \"a\", data: ` +
			`{z: 1, a: 12345678901234567890, m: [1.10, 1e400, -0, 1E5], t: \"<&>\"}}) { event { data } } }"}`,
	} {
		var answer struct {
			Data struct {
				Done struct {
					Event struct{ Data json.RawMessage }
				}
			}
		}
		c.rest(t, "POST", "/graphql", publish, &answer)
		if got := string(answer.Data.Done.Event.Data); got != data {
			t.Errorf("%s: the answer has %s", name, got)
		}
		if got := string(receiver.Next(t).Body); !strings.HasSuffix(got, `"data":`+data+`}`) {
			t.Errorf("%s: the webhook got %s", name, got)
		}
	}
	var list struct {
		Data struct {
			Events struct {
				Nodes []struct{ Data json.RawMessage }
			}
		}
	}
	c.rest(t, "POST", "/graphql", `{"query": "{ events { nodes { data } } }"}`, &list)
	for _, e := range list.Data.Events.Nodes {
		if string(e.Data) != data {
			t.Errorf("the query has %s", e.Data)
		}
	}
}

// With trusted documents the server runs only these.
func TestTrustedDocuments(t *testing.T) {
	documents := t.TempDir()
	if err := os.WriteFile(filepath.Join(documents, "viewer.graphql"), []byte("{ viewer { __typename } }"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := boot(t, t.TempDir(), "--trusted-documents", documents)
	c := &client{p.url, p.token}
	for document, refused := range map[string]bool{"{ viewer { __typename } }": false, "{ __typename }": true} {
		var answer struct{ Errors []any }
		c.rest(t, "POST", "/graphql", `{"query": "`+document+`"}`, &answer)
		if (len(answer.Errors) > 0) != refused {
			t.Errorf("%s: %v", document, answer.Errors)
		}
	}
	err := run(t.Context(), []string{"--database", t.TempDir(), "--trusted-documents", t.TempDir()}, func(string) string { return "" }, io.Discard, t.Output())
	if err == nil || !strings.Contains(err.Error(), "--trusted-documents") {
		t.Errorf("a directory without documents: %v", err)
	}
}

// A token created while the server runs works at once, for its tenant only. After its revocation, calls are refused and open
// streams end within five seconds.
func TestTokens(t *testing.T) {
	databases(t, testTokens)
}

func testTokens(t *testing.T, database string) {
	t.Helper()
	p := boot(t, database)
	operator := &client{p.url, p.token}
	var mine struct{ ID string }
	operator.rest(t, "POST", "/v1/webhooks", `{"url": "https://operator.example.com/"}`, &mine)

	tenant := &client{p.url, p.command(t, "token", "create", "--tenant", "kallima", "--create-tenant", "--name", "platform")}
	var list struct{ Data []any }
	if status := tenant.rest(t, "GET", "/v1/webhooks", "", &list); status != http.StatusOK || len(list.Data) != 0 {
		t.Fatalf("%d %v", status, list)
	}
	if status := tenant.rest(t, "GET", "/v1/webhooks/"+mine.ID, "", nil); status != http.StatusNotFound {
		t.Errorf("another tenant's webhook: %d", status)
	}
	w := tenant.watch(t, "")

	row := regexp.MustCompile(`(?m)^(\S+) +kallima +platform `).FindStringSubmatch(p.command(t, "token", "list"))
	if row == nil {
		t.Fatal(p.command(t, "token", "list"))
	}
	if out := p.command(t, "token", "list"); strings.Contains(out, tenant.token) {
		t.Error("the list shows the token")
	}
	p.command(t, "token", "revoke", row[1])
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for tenant.rest(t, "GET", "/v1/webhooks", "", nil) != http.StatusUnauthorized {
		select {
		case <-deadline:
			t.Fatal("the revoked token still works")
		case <-tick.C:
		}
	}
	for open := true; open; {
		select {
		case _, open = <-w.got:
		case <-deadline:
			t.Fatal("the revoked token's stream is still open")
		}
	}
	if status := websocket.CloseStatus(w.err); status != 4403 {
		t.Errorf("the stream was closed with %v", w.err)
	}
	if status := operator.rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK {
		t.Errorf("the operator's token: %d", status)
	}
}

// An event acknowledged before kill -9 arrives after a restart.
func TestRestart(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		t.Helper()
		if store.IsPostgres(database) && *faultRounds == 0 {
			t.Skip("waits for a lease to end; -faults.rounds=1 runs it, and TestReplicas restarts replicas too")
		}
		testRestart(t, database)
	})
}

func testRestart(t *testing.T, dir string) {
	t.Helper()
	receiver := webhooktest.NewReceiver(t)
	hanging := make(chan struct{}, 1024)
	receiver.Answer(func(_ http.ResponseWriter, r *http.Request) {
		hanging <- struct{}{}
		<-r.Context().Done() // until the sender gives up
	})
	first, kill := start(t, dir)
	c := &client{first.url, first.token}
	var hook struct{ Secret string }
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL, "retryScheduleMs": []int{100, 100, 100}}, &hook)
	const n = 50
	var published struct{ Data []struct{ ID string } }
	body := "[" + strings.TrimSuffix(strings.Repeat(`{"type": "humanization.completed", "data": {}},`, n), ",") + "]"
	if status := c.rest(t, "POST", "/v1/events", body, &published); status != http.StatusAccepted {
		t.Fatal(status)
	}
	<-hanging
	kill()

	missing := map[string]bool{}
	for _, e := range published.Data {
		missing[e.ID] = true
	}
	if len(missing) != n {
		t.Fatalf("%d ids", len(missing))
	}
	arrived := make(chan string, 1024)
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.Header.Get("webhook-id")
		w.WriteHeader(http.StatusNoContent)
	})
	second, kill := start(t, dir)
	defer kill()
	if second.token != "" {
		t.Error("the second start made a token")
	}
	for deadline := time.After(time.Minute); len(missing) > 0; {
		select {
		case id := <-arrived:
			delete(missing, id)
		case got := <-receiver.Requests:
			verify(t, hook.Secret, got)
		case <-deadline:
			t.Fatalf("%d of %d did not arrive", len(missing), n)
		}
	}
}

// start runs the program in a process of its own, so that kill ends it without cleanup.
func start(t *testing.T, dir string, env ...string) (p *program, kill func()) {
	t.Helper()
	return startBy(t, nil, dir, env...)
}

// startBy is start through another program, such as one that sets limits and then executes its arguments.
func startBy(t *testing.T, by []string, dir string, env ...string) (p *program, kill func()) {
	t.Helper()
	webhooktest.Watch(t)
	args := append(slices.Clone(by), os.Args[0], "serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--database", dir, "--allow-private-targets")
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1", config.EnvMasterKey+"="+environment(dir)(config.EnvMasterKey)), env...)
	p = &program{dir: dir, process: cmd, ended: make(chan struct{})}
	cmd.Stderr = io.MultiWriter(t.Output(), &p.log)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait := sync.OnceFunc(func() {
		_ = cmd.Wait()
		close(p.ended)
	})
	kill = func() {
		_ = cmd.Process.Kill()
		wait()
	}
	t.Cleanup(kill)
	p.url, p.token = announced(t, out)
	go wait()
	return p, kill
}

// until is a writer that calls end once a text has been written.
type until struct {
	logged
	awaited string
	end     func()
}

func (u *until) Write(p []byte) (int, error) {
	n, err := u.logged.Write(p)
	if bytes.Contains(p, []byte(u.awaited)) {
		u.end()
	}
	return n, err
}

// The demo prints a link to a customer's portal, verifies every signature, ends when its context does, and cleans up. What it says meanwhile repeats
// the link to the dashboard, and has the attempts only if that is asked for.
func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &until{awaited: "; open http://", end: cancel}
	if err := run(ctx, []string{"demo"}, func(string) string { return "" }, out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if text := string(out.bytes()); !strings.Contains(text, "/portal#hgl_") || !regexp.MustCompile(`[1-9]\d* attempts delivered, .* [1-9]\d* signatures verified, 0 did not`).MatchString(text) ||
		strings.Count(text, "/?range=1h#token=") != 2 || strings.Count(text, "\n") > 25 {
		t.Error(text)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out = &until{awaited: " delivered ", end: cancel} // in the row of an attempt
	if err := run(ctx, []string{"demo", "--attempts"}, func(string) string { return "" }, out, t.Output()); err != nil || ctx.Err() != context.Canceled {
		t.Error(err, ctx.Err())
	}
	if err := run(t.Context(), []string{"demo", "--duration", "300ms"}, func(string) string { return "" }, io.Discard, t.Output()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// A start that cannot listen, or cannot read a file that a flag names, says what to do. It leaves nothing behind, and says of nothing that it is served.
func TestStartWithoutTrace(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	for name, tc := range map[string]struct {
		args  []string
		wants []string
	}{
		"listen":    {[]string{"--listen", address, "--metrics-listen", "127.0.0.1:0"}, []string{"--listen: " + address + " is in use", "such as --listen 127.0.0.1:", "lsof -i :" + port}},
		"metrics":   {[]string{"--listen", "127.0.0.1:0", "--metrics-listen", address}, []string{"--metrics-listen: " + address + " is in use", "such as --metrics-listen 127.0.0.1:"}},
		"the same":  {[]string{"--listen", "127.0.0.1:18080", "--metrics-listen", "127.0.0.1:18080"}, []string{"--metrics-listen: 127.0.0.1:18080 is the address of --listen"}},
		"empty":     {[]string{"--metrics-listen", ""}, []string{"--metrics-listen: ", "; or off"}},
		"elsewhere": {[]string{"--listen", "192.0.2.1:0"}, []string{"--listen: 192.0.2.1 is not an address of this machine"}},
		"no name":   {[]string{"--listen", "no.such.name.invalid:0"}, []string{"--listen: "}},
		"documents": {[]string{"--listen", "127.0.0.1:0", "--trusted-documents", "/nowhere"}, []string{"--trusted-documents: "}},
		"TLS":       {[]string{"--listen", "127.0.0.1:0", "--tls-cert", "/nowhere", "--tls-key", "/nowhere"}, []string{"TLS certificate: "}},
		"demo":      {[]string{"demo", "--listen", address}, []string{"--listen: " + address + " is in use"}},
		"demo's":    {[]string{"demo", "--listen", "8080"}, []string{`--listen: "8080" is not like 127.0.0.1:8080`}},
		"a file":    {[]string{"--listen", "127.0.0.1:0", "--database", os.DevNull}, []string{"--database: ", os.DevNull, "not a directory; give"}},
		"in a file": {[]string{"--listen", "127.0.0.1:0", "--database", filepath.Join(os.DevNull, "data")}, []string{"--database: ", os.DevNull, "not a directory; give"}},
		"listening": {[]string{"listen", "--addr", address, "--record", "requests"}, []string{"--addr: " + address + " is in use"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var log transcript
			err := run(t.Context(), tc.args, environment(""), io.Discard, &log)
			for _, want := range tc.wants {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if left, err := os.ReadDir("."); err != nil || len(left) > 0 || strings.Contains(log.String(), "served") {
				t.Errorf("%v is left, %v; the log: %s", left, err, log.String())
			}
		})
	}
}
