package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var faultRounds = flag.Int("faults.rounds", 0, "how often TestKill kills the program, and how many transactions TestKillAtEachCommit goes through; 0 is a few")

// steps of an event's way at which the program is killed; those from commit on are testdata/disk.c's.
var (
	steps       = []string{"published", "acknowledged", "arrived", "answered", "recording", "any time"}
	commitSteps = []string{"begin", "half", "sync", "synced"}
)

// commitTime is how long after its response an attempt may still wait for the writer, on a busy machine.
const commitTime = 1 * time.Second

// Whenever the program is killed, nothing acknowledged is lost, attempts are numbered without gaps and end with the success,
// nothing is sent that was not committed, and only requests are repeated that were in flight or whose record was not committed (I1
// to I6); statistics count what is stored, once (I18); and events with an ordering key arrive one after the other, in their order (I19).
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	databases(t, func(t *testing.T, database string) {
		t.Helper()
		if !store.IsPostgres(database) {
			testKill(t, database, webhooktest.NewDisk(t))
			return
		}
		if *faultRounds == 0 {
			t.Skip("waits for leases to end; -faults.rounds=6 runs it, and TestReplicas has a short one")
		}
		testKill(t, database, nil)
	})
}

func testKill(t *testing.T, database string, disk *webhooktest.Disk) {
	t.Helper()
	w := newWorld(t, database, disk, "/healthy", "/flapping", "/hanging", orderedPath)
	w.begin(t)
	all := steps
	if w.disk != nil {
		all = append(slices.Clone(steps), commitSteps...)
	}
	rounds := *faultRounds
	if rounds == 0 {
		rounds = len(all)
	}
	for round := range rounds {
		w.killAt(t, all[round%len(all)], 20+rand.IntN(200))
		w.start(t)
	}
	w.end(t)
	w.check(t)
	w.order.check(t)
}

// The same at each step of each transaction of one event: publishing, handing over, claiming, and recording. Nothing else runs
// meanwhile.
func TestKillAtEachCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	disk := webhooktest.NewDisk(t)
	if disk == nil {
		t.Skip("no shim for the disk")
	}
	killed := false
	for n, more := 1, true; more; n++ {
		more = false
		some := commitSteps
		if *faultRounds == 0 {
			some = []string{commitSteps[rand.IntN(len(commitSteps))]}
		}
		for _, step := range some {
			w := newWorld(t, t.TempDir(), disk, "/free", "/held")
			w.quiet = true
			w.begin(t)
			if w.walk(t, fmt.Sprint(step, " ", n)) {
				more, killed = true, true
				w.start(t)
			}
			w.enable(t, "/held", true)
			w.end(t)
			w.check(t)
		}
	}
	if !killed {
		t.Error("the program was never killed")
	}
}

// After SIGTERM under load, acknowledged events are delivered, before or after the restart, and none twice.
func TestTerminateUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	databases(t, testTerminateUnderLoad)
}

func testTerminateUnderLoad(t *testing.T, database string) {
	t.Helper()
	w := newWorld(t, database, nil, "/healthy", "/flapping")
	w.graceful = true
	w.begin(t)
	for range 2 {
		w.killAt(t, "acknowledged", 30)
		w.start(t)
	}
	w.end(t)
	w.check(t)
}

// While the disk is read-only, publishing is refused, and nothing else is harmed: when it can be written again, acknowledged events
// are delivered, and earlier attempts are recorded.
func TestReadOnlyDisk(t *testing.T) {
	disk := webhooktest.NewDisk(t)
	if disk == nil {
		t.Skip("no shim for the disk")
	}
	w := newWorld(t, t.TempDir(), disk, "/slow")
	w.quiet, w.graceful = true, true
	w.begin(t)
	w.publish()
	w.disk.Order(t, "refuse") // before the attempt ends
	for range 3 {
		began := time.Now()
		if answer := w.publish(); !strings.Contains(answer, "UNAVAILABLE") {
			t.Errorf("published on a disk that is read-only: %s", answer)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("a publisher waited %v", took)
		}
	}
	w.disk.Order(t, "")
	w.publish()
	if len(w.acked) != 2 {
		t.Errorf("%d events were acknowledged", len(w.acked))
	}
	w.end(t)
	w.check(t)
}

// world is everything outside the program: publishers, receivers, and what each of them knows.
type world struct {
	dir      string
	disk     *webhooktest.Disk // nil where there is no shim
	paths    []string
	hooks    map[string]string // ids by path
	token    string
	graceful bool // stop the program in order instead of killing it
	quiet    bool // only the test publishes
	again    bool // what was delivered may be replayed
	calm     atomic.Bool
	down     atomic.Bool // the receiver of /replayed
	url      atomic.Pointer[string]
	program  *program
	kill     func()
	done     chan struct{}
	running  sync.WaitGroup
	order    order
	traps    atomic.Pointer[trap]

	mu    sync.Mutex // guards what follows
	acked []string
	lives []*life
	conns map[net.Conn]bool // of receivers
}

// life is one start of the program up to its end.
type life struct {
	arrivals  map[string][]*arrival // by path and event
	written   time.Time             // a publisher that began then was acknowledged, so what waited for the writer before is committed
	recorded  map[string]int        // attempts that it recorded, by path and event
	succeeded map[string]bool       // deliveries that it recorded as delivered
	log       int64                 // the end of its part of the log
}

type arrival struct{ at, answered time.Time }

// failingPath is that of a receiver that always fails.
const failingPath = "/failing"

// trap asks for a kill when a step is reached for the n-th time.
type trap struct {
	step   string
	left   atomic.Int64
	sprung chan struct{}
	dead   chan struct{} // closed when the program is dead
}

func newWorld(t *testing.T, database string, disk *webhooktest.Disk, paths ...string) *world {
	t.Helper()
	return &world{
		dir: database, disk: disk, paths: paths, hooks: map[string]string{}, done: make(chan struct{}),
		conns: map[net.Conn]bool{},
	}
}

func (w *world) start(t *testing.T) {
	t.Helper()
	w.disk.Order(t, "")
	w.mu.Lock()
	w.lives = append(w.lives, &life{arrivals: map[string][]*arrival{}})
	w.mu.Unlock()
	w.program, w.kill = start(t, w.dir, w.disk.Env()...)
	w.url.Store(&w.program.url)
}

// terminate asks the program to stop, and waits until it has stopped in order.
func (w *world) terminate(t *testing.T) {
	t.Helper()
	if err := w.program.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-w.program.ended
	if state := w.program.process.ProcessState; !state.Success() {
		t.Errorf("after SIGTERM: %v", state)
	}
}

// bury reads what an ended program had written, once the receivers have seen everything that it sent.
func (w *world) bury(t *testing.T) {
	t.Helper()
	webhooktest.Eventually(t, "the connections of a program that has ended are closed", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.conns) == 0
	})
	s, err := store.Open(t.Context(), w.remains(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	owner, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	is := w.lives[len(w.lives)-1]
	is.recorded, is.succeeded = map[string]int{}, map[string]bool{}
	if n := len(w.lives); n > 1 {
		is.log = w.lives[n-2].log
	}
	for {
		page, scanned, err := s.AttemptLog(t.Context(), owner.ID, store.AttemptFilter{}, is.log, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			key := a.URL[strings.LastIndex(a.URL, "/"):] + " " + a.EventID.String()
			is.recorded[key]++
			is.succeeded[key] = is.succeeded[key] || a.Status == webhook.AttemptSucceeded
		}
		if scanned == is.log {
			return
		}
		is.log = scanned
	}
}

// remains opens the database as an ended program left it. On SQLite it opens a copy, because opening repairs a database, and the
// next start must do that.
func (w *world) remains(t *testing.T) store.Options {
	t.Helper()
	o := options(w.dir)
	o.Shared = true
	if o.URL != "" {
		return o
	}
	o.Dir = t.TempDir()
	for _, name := range []string{"hookgraph.db", "hookgraph.db-wal", "master.key"} {
		text, err := os.ReadFile(filepath.Join(w.dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(o.Dir, name), text, 0o600)
		}
		if err != nil && !os.IsNotExist(err) { // an orderly stop leaves no log
			t.Fatal(err)
		}
	}
	return o
}

// receiver returns the start of the webhooks' URLs.
func (w *world) receiver(t *testing.T) string {
	t.Helper()
	r := httptest.NewUnstartedServer(http.HandlerFunc(w.receive))
	r.Config.ConnState = func(c net.Conn, state http.ConnState) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.conns[c] = true
		if state == http.StateClosed || state == http.StateHijacked {
			delete(w.conns, c)
		}
	}
	r.Start()
	t.Cleanup(r.Close)
	return r.URL
}

// begin starts the program, its receivers and its publishers.
func (w *world) begin(t *testing.T) {
	t.Helper()
	receiver := w.receiver(t)
	w.start(t)
	w.token = w.program.token
	c := &client{w.program.url, w.token}
	for _, path := range w.paths {
		var made struct{ Webhook struct{ ID string } }
		schedule := make([]int, 30)
		for i := range schedule {
			schedule[i] = 20 + 10*i
		}
		if path == "/replayed" {
			schedule = schedule[:0]
		}
		input := map[string]any{"url": receiver + path, "retryScheduleMs": schedule, "timeoutMs": 1000, "events": []string{"load"}}
		if path == orderedPath {
			input["ordering"] = "KEY"
		}
		c.mutate(t, createWebhook, input, &made)
		w.hooks[path] = made.Webhook.ID
	}
	if w.quiet {
		return
	}
	for publisher := range 3 {
		w.running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-w.done:
					return
				default:
				}
				w.publishNumbered(publisher, n)
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

// reached kills the program if the trap is set for this step, and returns when it is dead.
func (w *world) reached(step string) {
	trap := w.traps.Load()
	if trap == nil || trap.step != step {
		return
	}
	if trap.left.Add(-1) == 0 {
		if step == "recording" {
			time.Sleep(rand.N(5 * time.Millisecond)) // the kill comes at any time of the recording
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
	wait := 2 * time.Minute
	switch {
	case step == "any time":
		wait = rand.N(500 * time.Millisecond)
	case slices.Contains(commitSteps, step):
		w.disk.Order(t, fmt.Sprint(step, " ", n))
	}
	select {
	case <-set.sprung:
	case <-w.program.ended:
	case <-time.After(wait):
		if step != "any time" {
			t.Errorf("%q was not reached %d times", step, n)
		}
	}
	if w.graceful {
		w.terminate(t)
	} else {
		w.kill()
	}
	close(set.dead)
	w.bury(t)
}

// walk leads an event through its steps, with an order to the disk, and reports whether that killed the program.
func (w *world) walk(t *testing.T, order string) (killed bool) {
	t.Helper()
	w.enable(t, "/held", false)
	w.publish()
	w.settled(t, "/free", 1)
	w.disk.Order(t, order)
	w.publish() // commits the event with its deliveries, hands one over, and records its attempt
	w.settled(t, "/free", 2)
	w.enable(t, "/held", true) // claims, attempts and records both deliveries
	w.settled(t, "/held", 2)
	select {
	case <-w.program.ended:
		w.bury(t)
		return true
	default:
		w.disk.Order(t, "")
		return false
	}
}

// settled waits until n deliveries to the path have succeeded, or the program has ended.
func (w *world) settled(t *testing.T, path string, n int) {
	t.Helper()
	query := fmt.Sprintf("{ deliveries(filter: {statuses: [SUCCEEDED], webhookIds: [%q]}) { count { count } } }", w.hooks[path])
	webhooktest.Eventually(t, fmt.Sprintf("%d deliveries to %s succeed", n, path), func() bool {
		select {
		case <-w.program.ended:
			return true
		default:
		}
		var answer struct {
			Data struct {
				Deliveries struct{ Count struct{ Count int } }
			}
		}
		return json.Unmarshal([]byte(w.post(query, nil)), &answer) == nil && answer.Data.Deliveries.Count.Count >= n
	})
}

// enable changes a webhook; the program may be dead or killed by it.
func (w *world) enable(t *testing.T, path string, on bool) {
	t.Helper()
	w.post(fmt.Sprintf("mutation { updateWebhook(input: {id: %q, enabled: %t}) { webhook { id } } }", w.hooks[path], on), nil)
}

// publish publishes one event, records its id if it is acknowledged, and returns the response.
func (w *world) publish() string { return w.publishEvent(`{type: "load", data: {job: 1}}`) }

// publishNumbered is publish for the n-th event of a publisher, with one of its ordering keys. Whether or not it is acknowledged, what the
// publisher publishes later comes after it.
func (w *world) publishNumbered(publisher, n int) string {
	key := orderKey(publisher, n)
	return w.publishEvent(fmt.Sprintf(`{type: "load", orderingKey: %q, data: {key: %q, n: %d}}`, key, key, n))
}

func (w *world) publishEvent(input string) string {
	began := time.Now()
	answer := w.post("mutation { publishEvent(input: "+input+") { event { id } } }", func() { w.reached("published") })
	var done struct {
		Data struct {
			PublishEvent struct{ Event struct{ ID string } }
		}
	}
	if json.Unmarshal([]byte(answer), &done) != nil || done.Data.PublishEvent.Event.ID == "" {
		return answer
	}
	w.mu.Lock()
	w.acked = append(w.acked, done.Data.PublishEvent.Event.ID)
	if is := w.lives[len(w.lives)-1]; began.After(is.written) {
		is.written = began
	}
	w.mu.Unlock()
	w.reached("acknowledged")
	return answer
}

// post returns the response to a GraphQL query; "" if there is none. sent is called when the request is on its way; it may be nil.
func (w *world) post(query string, sent func()) string {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if sent != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent() }})
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *w.url.Load()+"/graphql", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+w.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		time.Sleep(5 * time.Millisecond) // the program is starting: as a client pauses before it tries again
		return ""
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return ""
	}
	return string(answer)
}

// receive is every receiver: a third of the requests fail at /flapping, one of ten hangs at /hanging, /slow takes its time.
func (w *world) receive(rw http.ResponseWriter, req *http.Request) {
	a := &arrival{at: time.Now()}
	key := req.URL.Path + " " + req.Header.Get("webhook-id")
	w.mu.Lock()
	is := w.lives[len(w.lives)-1]
	is.arrivals[key] = append(is.arrivals[key], a)
	w.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	if req.URL.Path == orderedPath {
		defer w.order.arrives(body)()
	}
	w.reached("arrived")
	switch luck := rand.IntN(30); {
	case req.URL.Path == "/slow":
		time.Sleep(200 * time.Millisecond) // what is slow about it
	case req.URL.Path == "/replayed" && (w.down.Load() || luck < 6):
		rw.WriteHeader(http.StatusBadGateway)
		return
	case req.URL.Path == failingPath:
		rw.WriteHeader(http.StatusInternalServerError)
		w.reached("answered")
		w.reached("recording")
		return
	case w.calm.Load():
	case req.URL.Path == "/hanging" && luck < 3:
		<-req.Context().Done()
		return
	case req.URL.Path == "/flapping" && luck < 10, req.URL.Path == orderedPath && luck < 5:
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
	w.disk.Order(t, "")
	c := &client{*w.url.Load(), w.token}
	c.settle(t)
	w.terminate(t)
	w.bury(t)
}

// check compares acknowledgements, arrivals, and the database.
func (w *world) check(t *testing.T) {
	t.Helper()
	s, owner := stored(t, w.dir)
	defer s.Close()
	recorded := readDeliveries(t, s.In(owner.ID), s, owner.ID)
	checkStatistics(t, s, owner.ID, recorded)
	w.mu.Lock()
	defer w.mu.Unlock()
	arrived, repeated, killed := w.checkLives(t, recorded)
	for key, d := range recorded {
		if err := d.check(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, id := range w.acked {
		for _, path := range w.paths {
			key := path + " " + id
			if recorded[key] == nil || !arrived[key] {
				t.Errorf("%s was acknowledged and is lost: in the database %v, arrived %v", key, recorded[key] != nil, arrived[key])
			}
		}
	}
	if len(w.acked) == 0 {
		t.Error("nothing was acknowledged")
	}
	t.Logf("%d stops, %d events acknowledged, %d deliveries, %d attempts that a kill cut short, of them %d answered",
		len(w.lives)-1, len(w.acked), len(recorded), repeated, killed)
}

// checkLives applies the bound on repeated requests (I5, I6). Each life sends no more than it recorded, except one attempt of a
// delivery that was running at the kill, or whose response had just arrived; and it sends nothing that was recorded as delivered.
// The caller must hold mu.
func (w *world) checkLives(t *testing.T, recorded map[string]*owed) (arrived map[string]bool, unrecorded, answered int) {
	t.Helper()
	arrived, delivered := map[string]bool{}, map[string]bool{}
	for i, is := range w.lives {
		killed := !w.graceful && i < len(w.lives)-1
		for key, arrivals := range is.arrivals {
			arrived[key] = true
			last := arrivals[len(arrivals)-1]
			switch extra := len(arrivals) - is.recorded[key]; {
			case recorded[key] == nil:
				t.Errorf("%s arrived and is not in the database", key)
			case delivered[key] && !w.again:
				t.Errorf("%s was sent in life %d, after it was written down as delivered", key, i)
			case extra > 1, extra == 1 && !killed:
				t.Errorf("%s arrived %d times in life %d, which wrote down %d attempts", key, len(arrivals), i, is.recorded[key])
			case extra == 1 && !last.answered.IsZero():
				answered++
				unrecorded++
				if ago := is.written.Sub(last.answered); ago > commitTime {
					t.Errorf("%s was answered %v before what the writer took later, and is not written down", key, ago)
				}
			case extra == 1:
				unrecorded++
			}
		}
		for key := range is.succeeded {
			delivered[key] = delivered[key] || is.succeeded[key]
		}
	}
	return arrived, unrecorded, answered
}

// owed is a delivery in the database.
type owed struct {
	*webhook.Delivery
	attempts []*webhook.Attempt // in the order of their commits
}

// check applies the invariants to a completed delivery.
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
