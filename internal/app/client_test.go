package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// run is the whole program. It returns when ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	return cli.Run(ctx, cli.Env{Args: args, Getenv: getenv, Stdout: stdout, Stderr: stderr, Serve: Serve})
}

// program is a server in this process, started as main starts it.
type program struct {
	url   string
	token string // an operator token, created at the first start
	dir   string
	stop  func() // stops it as a signal does, and waits; also called at the end of the test

	process *exec.Cmd     // if it runs in a process of its own
	ended   chan struct{} // closed when process has ended
	log     transcript    // the log of process
}

// transcript keeps what is written to it.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was written so far.
func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits until the text has been written.
func (l *transcript) await(t *testing.T, text string) {
	t.Helper()
	webhooktest.Eventually(t, fmt.Sprintf("something says %q", text), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return bytes.Contains(l.text.Bytes(), []byte(text))
	})
}

// databases runs a test on each kind of database. Such a database is what --database takes.
func databases(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, t.TempDir()) })
	t.Run("postgres", func(t *testing.T) { test(t, webhooktest.Postgres(t)) })
}

// stored opens the database of a program, which may be running, and the default tenant's scope. The caller closes it.
func stored(t *testing.T, database string) (*store.Store, *webhook.Tenant) {
	t.Helper()
	s, err := store.Open(t.Context(), options(database))
	if err != nil {
		t.Fatal(err)
	}
	owner, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	return s, owner
}

// environment returns the program's environment: on PostgreSQL there is no file for the master key.
func environment(database string) func(string) string {
	return func(name string) string {
		if name == config.EnvMasterKey && store.IsPostgres(database) {
			return base64.StdEncoding.EncodeToString(webhooktest.MasterKey)
		}
		return ""
	}
}

// options returns the store's options for the program's database.
func options(database string) store.Options {
	o := store.At(database)
	if o.URL != "" {
		o.MasterKeys = [][]byte{webhooktest.MasterKey}
	}
	return o
}

// boot starts the program on a database and returns when it listens.
func boot(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"--listen", "127.0.0.1:0", "--metrics-listen", "off", "--database", dir, "--allow-private-targets"}, args...),
			environment(dir), in, t.Output())
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	stopped := false
	p := &program{dir: dir}
	p.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("stop: %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the program does not stop")
		}
	}
	t.Cleanup(p.stop)
	p.url, p.token = announced(t, out)
	return p
}

// announced reads a starting program's output up to the address of GraphiQL, and continues to drain it.
func announced(t *testing.T, out io.Reader) (url, token string) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "GraphiQL" {
			page, fragment, _ := strings.Cut(fields[1], "#token=")
			go func() { _, _ = io.Copy(io.Discard, out) }() // returns when the program ends
			return strings.TrimSuffix(page, "/graphiql"), fragment
		}
	}
	t.Fatal("the program did not start")
	return "", ""
}

// command runs another command of the program on the same database and returns its output.
func (p *program) command(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	args = append(args, "--database", p.dir)
	if err := run(t.Context(), args, environment(p.dir), &out, t.Output()); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return strings.TrimSpace(out.String())
}

// client is a customer, who knows only a URL and a token.
type client struct{ url, token string }

// answer is the response to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// retryAfter returns Retry-After in seconds; 0 if there is none.
func (a *answer) retryAfter() int {
	n, _ := strconv.Atoi(a.header.Get("Retry-After"))
	return n
}

// do sends a request with the token and, with a body, the content type JSON. header's fields replace these.
func (c *client) do(t *testing.T, method, path, body string, header http.Header) *answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(req.Header, header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answer{res.StatusCode, res.Header, text}
}

// events subscribes over server-sent events, after the event lastEventID unless that is "". The stream ends with ctx, and with the
// test.
func (c *client) events(ctx context.Context, t *testing.T, query string, variables map[string]any, lastEventID string) *http.Response {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// rest sends JSON (nothing if body is "") and decodes the response into into, unless that is nil.
func (c *client) rest(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	a := c.do(t, method, path, body, nil)
	if into != nil {
		if err := json.Unmarshal(a.body, into); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
		}
	}
	return a.status
}

// answer posts a body, and returns the status, Retry-After in seconds, and the response.
func (c *client) answer(t *testing.T, path, accept, body string) (status, wait int, text string) {
	t.Helper()
	a := c.do(t, "POST", path, body, http.Header{"Accept": {accept}})
	return a.status, a.retryAfter(), string(a.body)
}

// mutate runs a mutation whose only field has the alias done, and decodes that into into.
func (c *client) mutate(t *testing.T, query string, input map[string]any, into any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": input}})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data   struct{ Done json.RawMessage }
		Errors json.RawMessage
	}
	status := c.rest(t, "POST", "/graphql", string(body), &answer)
	if status != http.StatusOK || len(answer.Errors) > 0 {
		t.Fatalf("%d %s", status, answer.Errors)
	}
	if err := json.Unmarshal(answer.Data.Done, into); err != nil {
		t.Fatalf("%s: %v", answer.Data.Done, err)
	}
}

func (c *client) publish(t *testing.T, eventType string) (id string) {
	t.Helper()
	var done struct{ Event struct{ ID string } }
	c.mutate(t, `mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) { event { id } } }`,
		map[string]any{"type": eventType, "data": map[string]any{"job_id": "job_42"}}, &done)
	return done.Event.ID
}

// settle waits until no delivery is pending.
func (c *client) settle(t *testing.T) {
	t.Helper()
	n := -1
	webhooktest.Eventually(t, "no delivery is pending", func() bool {
		var pending struct {
			Data struct {
				Deliveries *struct {
					Count *struct {
						Count     int
						Precision string
					}
				}
			}
		}
		c.rest(t, "POST", "/graphql", `{"query": "{ deliveries(filter: {statuses: [PENDING]}) { count { count precision } } }"}`, &pending)
		// A count that took too long is AT_LEAST what it found.
		if d := pending.Data.Deliveries; d != nil && d.Count != nil && d.Count.Precision == "EXACT" {
			n = d.Count.Count
		}
		return n == 0
	}, func() string { return fmt.Sprintf("%d are", n) })
}

// watcher is a subscription to the stream of attempts over a WebSocket.
type watcher struct {
	conn *websocket.Conn
	got  chan streamed // closed when the subscription ends
	err  error         // why; to be read after got is closed
}

type streamed struct {
	Cursor string
	Node   struct {
		ID, Status string
		Number     int
		Event      struct{ ID, Type string }
		Webhook    struct{ URL string }
	}
}

// socket opens a WebSocket and presents the token.
func (c *client) socket(t *testing.T) *websocket.Conn {
	t.Helper()
	conn, err := c.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func (c *client) dial(ctx context.Context) (*websocket.Conn, error) {
	conn, res, err := websocket.Dial(ctx, strings.Replace(c.url, "http", "ws", 1)+"/graphql",
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return nil, err
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	return conn, wsjson.Write(ctx, conn, map[string]any{"type": "connection_init", "payload": map[string]any{"Authorization": "Bearer " + c.token}})
}

// watch subscribes from a cursor; "" means from now on.
func (c *client) watch(t *testing.T, after string) *watcher {
	t.Helper()
	w, err := subscribe(t.Context(), c.socket(t), after, `subscription ($after: String) { deliveryAttempts(after: $after) {
			cursor node { id number status event { id type } webhook { url } }
		} }`)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// subscribe subscribes on a socket.
func subscribe(ctx context.Context, conn *websocket.Conn, after, query string) (*watcher, error) {
	w := &watcher{conn: conn, got: make(chan streamed, 1024)}
	err := wsjson.Write(ctx, conn, map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{
		"query":     query,
		"variables": from(after),
	}})
	if err == nil {
		go w.read(ctx)
	}
	return w, err
}

// from returns the variables of a subscription from a cursor; "" means from now on.
func from(after string) map[string]any {
	if after == "" {
		return nil
	}
	return map[string]any{"after": after}
}

func (w *watcher) read(ctx context.Context) {
	defer close(w.got)
	for {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if w.err = wsjson.Read(ctx, w.conn, &m); w.err != nil {
			return
		}
		switch m.Type {
		case "next":
			var is struct {
				Data struct{ DeliveryAttempts streamed }
			}
			if w.err = json.Unmarshal(m.Payload, &is); w.err != nil {
				return
			}
			w.got <- is.Data.DeliveryAttempts
		case "error":
			w.err = fmt.Errorf("the stream ended: %s", m.Payload)
			return
		case "ping":
			_ = wsjson.Write(ctx, w.conn, map[string]any{"type": "pong"})
		}
	}
}

// next waits for the next attempt.
func (w *watcher) next(t *testing.T) streamed {
	t.Helper()
	select {
	case s, ok := <-w.got:
		if !ok {
			t.Fatalf("the stream ended: %v", w.err)
		}
		return s
	case <-time.After(time.Minute):
		t.Fatal("no attempt came")
		return streamed{}
	}
}

// TestMain runs the program itself if a test started this binary as one, so that it can be killed. Tests run in the root of the
// repository, because they read docs and deploy.
func TestMain(m *testing.M) {
	if os.Getenv("HOOKGRAPH_TEST_MAIN") != "" {
		os.Exit(Main())
	}
	if os.Getenv(envVictim) != "" {
		if err := victimMain(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "the victim:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The programs that tests start must react to SIGHUP even under nohup: handling it here resets it in child processes.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	own, err := os.Executable()
	if err == nil {
		os.Args[0] = own // tests start this binary again
		err = os.Chdir("../..")
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(builtDir) // built examples; "" removes nothing
	os.Exit(code)
}
