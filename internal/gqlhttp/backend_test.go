package gqlhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The tests of this package use the real store, attempt log, schema and transports. Instead of sending, they record attempts
// directly.

// backend is a database, its webhooks, and the servers on it.
type backend struct {
	*node // the first
	nodes []*node
	token string
	owner webhook.ID
	hooks []*webhook.Webhook // the one at i gets events of the type t.i

	served atomic.Int64 // the number of servers started
}

// node is one store of the database: PostgreSQL may have several.
type node struct {
	store *store.Store
	scope *store.Scope
	taken chan *store.Claimed

	mu   sync.Mutex // guards logs
	logs map[*live.Log]bool
}

// dispatcher takes deliveries as they are published, like the sender.
type dispatcher struct{ n *node }

func (dispatcher) Reserve(*store.Target, int) bool   { return true }
func (dispatcher) Busy(webhook.ID) bool              { return false }
func (dispatcher) Release(*store.Target, int)        {}
func (dispatcher) Due(webhook.ID, time.Time)         {}
func (dispatcher) Changed(_, _ *store.Target)        {}
func (dispatcher) Nodes(int)                         {}
func (dispatcher) Claimed() int                      { return 0 }
func (t dispatcher) Batch(do func(store.Dispatcher)) { do(t) }

func (t dispatcher) Take(claimed *store.Claimed) { t.n.taken <- claimed }

// tell is the function that a store calls with new attempts.
func (n *node) tell(attempts []*webhook.Attempt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for log := range n.logs {
		log.Append(attempts)
	}
}

func newBackend(t testing.TB, hooks int, change func(*store.Options)) *backend {
	t.Helper()
	return backendOn(t, hooks, webhooktest.Store(t, change))
}

// backendOn returns a backend with a node on each of the stores, which share a database.
func backendOn(t testing.TB, hooks int, stores ...*store.Store) *backend {
	t.Helper()
	b := &backend{}
	for _, s := range stores {
		n := &node{store: s, taken: make(chan *store.Claimed, 10_000), logs: map[*live.Log]bool{}}
		s.Start(dispatcher{n}, n.tell)
		b.nodes = append(b.nodes, n)
	}
	b.node = b.nodes[0]
	var row *webhook.Token
	b.token, row = webhooktest.Token(t, b.store, "kallima")
	b.owner = *row.TenantID
	for _, n := range b.nodes {
		n.scope = n.store.In(b.owner)
	}
	for i := range hooks {
		made, _, err := b.scope.CreateWebhook(t.Context(), webhook.New{
			URL: "https://example.com/" + fmt.Sprint(i), Events: []string{eventType(i)}, Enabled: true, RetryScheduleMs: []int{},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.hooks = append(b.hooks, made)
	}
	return b
}

func eventType(hook int) string { return fmt.Sprintf("t.h%d", hook) }

// frontend is a server.
type frontend struct {
	*httptest.Server
	log     *live.Log
	handler *gqlhttp.Handler
	began   atomic.Int64 // subscriptions
	begins  func()       // is called before one begins; may be nil
	open    atomic.Int64 // connections
	stop    func()
}

// listener counts the open connections and gives them small buffers.
type listener struct {
	net.Listener
	open *atomic.Int64
}

type connection struct {
	net.Conn
	closed func()
}

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	_ = conn.(*net.TCPConn).SetWriteBuffer(8 << 10)
	l.open.Add(1)
	return &connection{conn, sync.OnceFunc(func() { l.open.Add(-1) })}, nil
}

func (c *connection) Close() error {
	c.closed()
	return c.Conn.Close()
}

// serve starts a server, on each node in turn; stop, or the test's end, shuts it down. Small buffers make a client that does not
// read noticeable soon.
func (b *backend) serve(t testing.TB, tail int, change func(*gqlhttp.Config)) *frontend {
	t.Helper()
	n := b.nodes[int(b.served.Add(1)-1)%len(b.nodes)]
	return n.serve(t, tail, n.store, change)
}

// serve starts a server whose resolvers read from rows, with the node's callers and log.
func (n *node) serve(t testing.TB, tail int, rows *store.Store, change func(*gqlhttp.Config)) *frontend {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	f := &frontend{log: live.New(n.store, tail)}
	authenticator := auth.New(n.store)
	cfg := gqlhttp.Config{
		Authenticate:     graph.Authenticate(authenticator, quiet),
		Alive:            authenticator.Alive,
		AroundOperations: graph.AroundOperations,
		ErrorPresenter:   graph.Presenter{Logger: quiet}.Present,
		Logger:           quiet,
	}
	if change != nil {
		change(&cfg)
	}
	schema := graph.New(&graph.Resolver{Store: rows, Live: f.log, SetCursor: gqlhttp.SetCursor, SetWait: gqlhttp.SetWait, EndStream: gqlhttp.EndStream, LastEventID: func(ctx context.Context) string {
		f.began.Add(1)
		if f.begins != nil {
			f.begins()
		}
		return gqlhttp.LastEventID(ctx)
	}})
	f.handler = gqlhttp.New(schema, cfg)
	f.Server = httptest.NewUnstartedServer(f.handler)
	f.Listener = listener{f.Listener, &f.open}
	n.mu.Lock()
	n.logs[f.log] = true
	n.mu.Unlock()
	f.Start()
	f.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := f.handler.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		f.Close()
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.logs, f.log)
	})
	t.Cleanup(f.stop)
	return f
}

// record records one attempt for each of the webhooks: some fail, some have long responses.
func (n *node) record(t testing.TB, hooks ...int) {
	t.Helper()
	events := make([]webhook.NewEvent, len(hooks))
	for i, h := range hooks {
		events[i] = webhook.NewEvent{Type: eventType(h), Data: json.RawMessage("{}")}
	}
	published, err := n.scope.Publish(t.Context(), events)
	if err != nil {
		t.Error(err)
		return
	}
	for _, p := range published {
		if p.Err != nil {
			t.Error(p.Err)
			return
		}
	}
	for range hooks { // they are handed over after the publisher is answered
		select {
		case claimed := <-n.taken:
			if err := n.store.Record(t.Context(), result(claimed)); err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("a delivery was not handed over")
			return
		}
	}
	if err := n.store.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func result(claimed *store.Claimed) *store.Result {
	r := &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), DurationUs: 1500, URL: claimed.Target.URL,
		ResponseStatus: new(200), ResponseBody: bytes.Repeat([]byte("x"), rand.IntN(4)*700),
	}}
	switch rand.IntN(4) {
	case 0:
		r.Attempt.Status, r.Attempt.Error, r.Attempt.Message = webhook.AttemptFailed, new(webhook.ErrorTimeout), "no answer in time"
		r.Attempt.ResponseStatus, r.Attempt.ResponseBody = nil, nil
	case 1:
		r.Attempt.Trigger = webhook.TriggerManual
	}
	return r
}

// history returns all attempts that match a filter, in log order.
func (b *backend) history(t testing.TB, f store.AttemptFilter) (ids []string) {
	t.Helper()
	for after := int64(0); ; {
		page, scanned, err := b.store.AttemptLog(t.Context(), b.owner, f, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			ids = append(ids, a.ID.String())
		}
		if scanned == after {
			return ids
		}
		after = scanned
	}
}

const watch = `subscription($filter: DeliveryAttemptFilter, $after: String, $since: TimeBound) {
	deliveryAttempts(filter: $filter, after: $after, since: $since) { cursor node { id number status response { body } } } }`

// operation returns the parameters of a subscription with a filter, after a cursor, or from a duration back from now; "" means now.
func operation(document string, filter store.AttemptFilter, after string) []byte {
	f := map[string]any{"webhookIds": filter.WebhookIDs, "statuses": filter.Statuses, "eventTypes": filter.EventTypes, "errors": filter.Errors, "triggers": filter.Triggers}
	variables := map[string]any{"filter": f}
	switch {
	case strings.HasPrefix(after, "-P"):
		variables["since"] = after
	case after != "":
		variables["after"] = after
	}
	b, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		panic(err)
	}
	return b
}

// streamed is one response of the subscription.
type streamed struct {
	Errors []struct {
		Message    string
		Extensions struct{ Code, Oldest string }
	}
	Data struct {
		DeliveryAttempts struct {
			Cursor string
			Node   struct{ ID string }
		}
	}
}

// stream is an open subscription.
type stream interface {
	next(ctx context.Context) (*streamed, error)
	drop() // like a broken network
}

// dialer opens connections with small receive buffers. Their segments are small too: one of loopback's 64 KiB would not fit, and
// would wait for timers.
func dialer(keep func(net.Conn)) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{Control: smallSegments}).DialContext(ctx, network, addr)
			if err == nil {
				_ = conn.(*net.TCPConn).SetReadBuffer(8 << 10)
				keep(conn)
			}
			return conn, err
		},
	}}
}

// socket is a subscription over WebSocket.
type socket struct {
	conn *websocket.Conn
	raw  net.Conn
	ops  int
}

func (b *backend) dial(ctx context.Context, f *frontend) (*socket, error) {
	s := &socket{}
	var err error
	s.conn, _, err = websocket.Dial(ctx, f.URL, &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: dialer(func(c net.Conn) { s.raw = c }),
	})
	if err != nil {
		return nil, err
	}
	s.conn.SetReadLimit(1 << 22)
	if err := s.conn.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_init","payload":{"token":"`+b.token+`"}}`)); err != nil {
		return nil, err
	}
	_, ack, err := s.conn.Read(ctx)
	if err != nil || string(ack) != `{"type":"connection_ack"}` {
		s.drop()
		return nil, errors.Join(err, fmt.Errorf("no ack: %s", ack))
	}
	return s, nil
}

// subscribe starts a subscription, and completes the one before.
func (s *socket) subscribe(ctx context.Context, operation []byte) error {
	if s.ops > 0 {
		if err := s.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"id":"%d","type":"complete"}`, s.ops)); err != nil {
			return err
		}
	}
	s.ops++
	return s.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"id":"%d","type":"subscribe","payload":%s}`, s.ops, operation))
}

func (s *socket) next(ctx context.Context) (*streamed, error) {
	for {
		_, text, err := s.conn.Read(ctx)
		if err != nil {
			return nil, err
		}
		var m struct {
			ID, Type string
			Payload  json.RawMessage
		}
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, err
		}
		if m.ID != fmt.Sprint(s.ops) {
			continue // of the previous subscription
		}
		r := &streamed{}
		if m.Type == "next" {
			return r, json.Unmarshal(m.Payload, r)
		}
		return r, errors.Join(json.Unmarshal(m.Payload, &r.Errors), fmt.Errorf("the subscription ended: %s", text))
	}
}

func (s *socket) drop() {
	_ = s.raw.(*net.TCPConn).SetLinger(0)
	_ = s.raw.Close()
	_ = s.conn.CloseNow()
}

// events is a subscription over server-sent events.
type events struct {
	body  io.ReadCloser
	lines *bufio.Scanner
	raw   net.Conn
	id    string
}

func (b *backend) listen(ctx context.Context, f *frontend, operation []byte, lastEventID string) (*events, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL, bytes.NewReader(operation))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Content-Type", "application/json")
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	e := &events{}
	resp, err := dialer(func(c net.Conn) { e.raw = c }).Do(req)
	if err != nil {
		return nil, err
	}
	e.body, e.lines = resp.Body, bufio.NewScanner(resp.Body)
	e.lines.Buffer(nil, 1<<22)
	if resp.StatusCode != http.StatusOK {
		e.drop()
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return e, nil
}

func (e *events) next(context.Context) (*streamed, error) {
	for e.lines.Scan() {
		switch name, value, _ := strings.Cut(e.lines.Text(), ": "); name {
		case "id":
			e.id = value
		case "data":
			r := &streamed{}
			if err := json.Unmarshal([]byte(value), r); err != nil {
				return nil, err
			}
			if len(r.Errors) == 0 && r.Data.DeliveryAttempts.Cursor != e.id {
				return nil, fmt.Errorf("id %q of cursor %q", e.id, r.Data.DeliveryAttempts.Cursor)
			}
			return r, nil
		}
	}
	return nil, errors.Join(e.lines.Err(), io.EOF)
}

func (e *events) drop() {
	_ = e.raw.(*net.TCPConn).SetLinger(0)
	_ = e.raw.Close()
	_ = e.body.Close()
}

func (r *streamed) errors() []string {
	if r == nil {
		return nil
	}
	texts := make([]string, len(r.Errors))
	for i, e := range r.Errors {
		texts[i] = e.Extensions.Code + " " + e.Message
	}
	return texts
}

func errOf(r *streamed) error { return fmt.Errorf("%q", r.errors()) }
