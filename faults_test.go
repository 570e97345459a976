package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

var faultRounds = flag.Int("faults.rounds", 0, "how often TestKill kills the program; 0 is once at each step")

// steps of an event's way at which the program is killed.
var steps = []string{"published", "acknowledged", "arrived", "answered", "recording", "any time"}

// commitTime is how long after its answer an attempt may still be on its way to the disk, on a machine that is busy.
const commitTime = 1 * time.Second

// Whenever the program is killed, nothing that was acknowledged is lost, attempts are numbered without gaps and end with
// the success, nothing is sent that was not committed, and what is sent again was in flight when it was killed (I1 to I6).
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	w := newWorld(t, "/healthy", "/flapping", "/hanging")
	w.begin(t)
	rounds := *faultRounds
	if rounds == 0 {
		rounds = len(steps)
	}
	for round := range rounds {
		step := steps[round%len(steps)]
		w.killAt(t, step, 100+rand.IntN(200))
		w.start(t)
	}
	w.end(t)
	w.check(t)
}

// SIGTERM under load: what was acknowledged is delivered, by this start or the next, and nothing twice.
func TestTerminateUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	w := newWorld(t, "/healthy", "/flapping")
	w.graceful = true
	w.begin(t)
	for range 2 {
		w.killAt(t, "acknowledged", 30)
		w.start(t)
	}
	w.end(t)
	w.check(t)
}

// world is everything outside the program: those who publish, those who receive, and what each of them knows.
type world struct {
	dir      string
	paths    []string
	token    string
	graceful bool // stop the program in order instead of killing it
	calm     atomic.Bool
	url      atomic.Pointer[string]
	program  *program
	kill     func()
	done     chan struct{}
	running  sync.WaitGroup
	traps    atomic.Pointer[trap]

	mu       sync.Mutex // guards what follows
	acked    []string
	arrivals map[string][]*arrival // by path and event
	kills    []time.Time
}

type arrival struct{ at, answered time.Time }

// trap asks for a kill when a step is reached for the n-th time.
type trap struct {
	step   string
	left   atomic.Int64
	sprung chan struct{}
	dead   chan struct{} // closed when the program is
}

func newWorld(t *testing.T, paths ...string) *world {
	t.Helper()
	return &world{dir: t.TempDir(), paths: paths, done: make(chan struct{}), arrivals: map[string][]*arrival{}}
}

func (w *world) start(t *testing.T) {
	t.Helper()
	w.program, w.kill = start(t, w.dir)
	w.url.Store(&w.program.url)
}

// terminate asks the program to stop, and waits until it has done so in order.
func (w *world) terminate(t *testing.T) {
	t.Helper()
	if err := w.program.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := w.program.process.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// begin starts the program, its receivers and its publishers.
func (w *world) begin(t *testing.T) {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(receiver.Close)
	w.start(t)
	w.token = w.program.token
	c := &client{w.program.url, w.token}
	for _, path := range w.paths {
		var made struct{ Webhook struct{ ID string } }
		schedule := make([]int, 30)
		for i := range schedule {
			schedule[i] = 20 + 10*i
		}
		c.mutate(t, createWebhook, map[string]any{
			"url": receiver.URL + path, "retryScheduleMs": schedule, "timeoutMs": 1000, "events": []string{"load"},
		}, &made)
	}
	for range 3 {
		w.running.Go(func() {
			for {
				select {
				case <-w.done:
					return
				default:
				}
				w.publish()
			}
		})
	}
	t.Cleanup(sync.OnceFunc(func() {
		select {
		case <-w.done:
		default:
			close(w.done)
		}
		w.running.Wait()
	}))
}

// reached kills the program when this is where it is to be killed, and returns when it is dead.
func (w *world) reached(step string) {
	trap := w.traps.Load()
	if trap == nil || trap.step != step {
		return
	}
	if trap.left.Add(-1) == 0 {
		if step == "recording" {
			time.Sleep(rand.N(5 * time.Millisecond))
		}
		close(trap.sprung)
		if !w.graceful {
			<-trap.dead
		}
	}
}

func (w *world) killAt(t *testing.T, step string, n int) {
	t.Helper()
	set := &trap{step: step, sprung: make(chan struct{}), dead: make(chan struct{})}
	set.left.Store(int64(n))
	w.traps.Store(set)
	wait := 20 * time.Second
	if step == "any time" {
		wait = rand.N(500 * time.Millisecond)
	}
	select {
	case <-set.sprung:
	case <-time.After(wait):
		if step != "any time" {
			t.Errorf("%q was not reached %d times", step, n)
		}
	}
	at := time.Now()
	if w.graceful {
		w.terminate(t)
	} else {
		w.kill()
	}
	w.mu.Lock()
	w.kills = append(w.kills, at)
	w.mu.Unlock()
	close(set.dead)
}

// publish publishes one event and notes its id when that was acknowledged.
func (w *world) publish() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { w.reached("published") }})
	body := `{"query": "mutation { publishEvent(input: {type: \"load\", data: {job: 1}}) { event { id } } }"}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *w.url.Load()+"/graphql", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+w.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		time.Sleep(5 * time.Millisecond) // the program is starting
		return
	}
	answer, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	var done struct {
		Data struct {
			PublishEvent struct{ Event struct{ ID string } }
		}
	}
	if err != nil || json.Unmarshal(answer, &done) != nil || done.Data.PublishEvent.Event.ID == "" {
		return
	}
	w.mu.Lock()
	w.acked = append(w.acked, done.Data.PublishEvent.Event.ID)
	w.mu.Unlock()
	w.reached("acknowledged")
}

// receive is every receiver: a third of the requests fail at /flapping, one of ten hangs at /hanging.
func (w *world) receive(rw http.ResponseWriter, req *http.Request) {
	a := &arrival{at: time.Now()}
	key := req.URL.Path + " " + req.Header.Get("webhook-id")
	w.mu.Lock()
	w.arrivals[key] = append(w.arrivals[key], a)
	w.mu.Unlock()
	_, _ = io.Copy(io.Discard, req.Body)
	w.reached("arrived")
	switch luck := rand.IntN(30); {
	case w.calm.Load():
	case req.URL.Path == "/hanging" && luck < 3:
		<-req.Context().Done()
		return
	case req.URL.Path == "/flapping" && luck < 10:
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
	_ = http.NewResponseController(rw).Flush()
	w.mu.Lock()
	a.answered = time.Now()
	w.mu.Unlock()
	w.reached("answered")
	w.reached("recording")
}

// end stops publishing, waits until everything is delivered, and stops the program.
func (w *world) end(t *testing.T) {
	t.Helper()
	w.traps.Store(nil)
	close(w.done)
	w.running.Wait()
	w.calm.Store(true)
	c := &client{*w.url.Load(), w.token}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var answer struct {
			Data struct{ Deliveries struct{ TotalCount int } }
		}
		c.rest(t, "POST", "/graphql", `{"query": "{ deliveries(filter: {statuses: [PENDING]}) { totalCount } }"}`, &answer)
		if answer.Data.Deliveries.TotalCount == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d deliveries are not done", answer.Data.Deliveries.TotalCount)
		}
	}
	w.terminate(t)
}

// check compares what the publishers were told, what the receivers got, and what the database says.
func (w *world) check(t *testing.T) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: w.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	owner, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	recorded := readDeliveries(t, s.In(owner.ID), s, owner.ID)
	w.mu.Lock()
	defer w.mu.Unlock()
	repeated, inFlight := 0, 0
	for key, arrivals := range w.arrivals {
		d := recorded[key]
		if d == nil {
			t.Errorf("%s arrived and is not in the database", key)
			continue
		}
		extra := len(arrivals) - len(d.attempts)
		risk := w.inFlight(arrivals)
		if extra > risk {
			t.Errorf("%s arrived %d times for %d attempts; %d were in flight at a kill", key, len(arrivals), len(d.attempts), risk)
		}
		repeated += max(extra, 0)
		inFlight += risk
	}
	for key, d := range recorded {
		if err := d.check(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, id := range w.acked {
		for _, path := range w.paths {
			key := path + " " + id
			if recorded[key] == nil || len(w.arrivals[key]) == 0 {
				t.Errorf("%s was acknowledged and is lost: in the database %v, %d arrivals", key, recorded[key] != nil, len(w.arrivals[key]))
			}
		}
	}
	if len(w.acked) == 0 {
		t.Error("nothing was acknowledged")
	}
	t.Logf("%d stops, %d events acknowledged, %d deliveries, %d sent again, %d in flight", len(w.kills), len(w.acked), len(recorded), repeated, inFlight)
}

// inFlight is how many kills came while one of the requests was unanswered, or its result not yet on disk.
func (w *world) inFlight(arrivals []*arrival) int {
	if w.graceful {
		return 0
	}
	n := 0
	for _, kill := range w.kills {
		for _, a := range arrivals {
			if a.at.Before(kill.Add(commitTime)) && (a.answered.IsZero() || a.answered.After(kill.Add(-commitTime))) {
				n++
				break
			}
		}
	}
	return n
}

// owed is a delivery as the database has it.
type owed struct {
	*webhook.Delivery
	attempts []*webhook.Attempt // in the order of their commits
}

// check applies the invariants to a delivery that is done.
func (d *owed) check() error {
	var errs []error
	if d.Status != webhook.DeliverySucceeded || d.AttemptCount != len(d.attempts) {
		errs = append(errs, fmt.Errorf("is %s after %d attempts, %d in the log", d.Status, d.AttemptCount, len(d.attempts)))
	}
	for i, a := range d.attempts {
		if a.Number != i+1 {
			errs = append(errs, fmt.Errorf("attempt %d has number %d", i+1, a.Number))
		}
		if last := i == len(d.attempts)-1; (a.Status == webhook.AttemptSucceeded) != last {
			errs = append(errs, fmt.Errorf("attempt %d of %d is %s", i+1, len(d.attempts), a.Status))
		}
	}
	return errors.Join(errs...)
}

// readDeliveries reads every delivery, by path and event.
func readDeliveries(t *testing.T, c *store.Scope, s *store.Store, owner webhook.ID) map[string]*owed {
	t.Helper()
	hooks, err := c.Webhooks(t.Context(), store.WebhookFilter{}, store.Page{First: 100})
	if err != nil {
		t.Fatal(err)
	}
	paths := map[webhook.ID]string{}
	for _, h := range hooks.Items {
		paths[h.ID] = h.URL[strings.LastIndex(h.URL, "/"):]
	}
	byID, byKey := map[webhook.ID]*owed{}, map[string]*owed{}
	for after, more := int64(0), true; more; {
		l, err := c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{First: 100, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range l.Items {
			key := paths[d.WebhookID] + " " + d.EventID.String()
			if byKey[key] != nil {
				t.Errorf("%s is owed twice", key)
			}
			byID[d.ID] = &owed{Delivery: d}
			byKey[key], after = byID[d.ID], d.Seq
		}
		more = l.HasNext
	}
	for after := int64(0); ; {
		log, scanned, err := s.AttemptLog(t.Context(), owner, store.AttemptFilter{}, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range log {
			byID[a.DeliveryID].attempts = append(byID[a.DeliveryID].attempts, a)
		}
		if scanned == after {
			return byKey
		}
		after = scanned
	}
}
