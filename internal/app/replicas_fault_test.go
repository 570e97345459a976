//go:build unix

package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var replicaRounds = flag.Int("replicas.rounds", 0, "how often TestReplicas kills a replica, each -replicas.pause; PostgreSQL is restarted every second time. 0 is once, soon")

var replicaPause = flag.Duration("replicas.pause", 10*time.Second, "between two kills of TestReplicas")

// Replicas on one PostgreSQL are killed or frozen. The subtests run concurrently, because both wait for leases.
func TestReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	t.Run("killed", testKilledReplicas)
	t.Run("frozen", testFrozenReplica)
	t.Run("replaying", testReplayingReplicas)
}

// While three replicas replay, each is killed in turn, whichever of them works on the replay. Each delivery is sent once by it, and again only if
// its request was in flight at a kill; counters and statistics are those of what is stored.
func testReplayingReplicas(t *testing.T) {
	t.Parallel()
	f, c := startFleet(t, webhooktest.StartPostgres(t).Database(t), 3)
	var made struct{ Webhook struct{ ID string } }
	c.mutate(t, createWebhook, map[string]any{"url": f.receiver + "/replayed", "retryScheduleMs": []int{}, "events": []string{"old"}}, &made)
	f.down.Store(true)
	old := strings.TrimSuffix(strings.Repeat(`{"type": "old", "data": 1},`, replayedEvents), ",")
	if status := c.rest(t, "POST", "/v1/events", "["+old+"]", nil); status != http.StatusAccepted {
		t.Fatal(status)
	}
	ask := func(query string, into any) bool {
		url := f.urls[0].Load()
		return url != nil && json.Unmarshal([]byte(f.ask(*url, query)), into) == nil
	}
	webhooktest.Eventually(t, "all have failed", func() bool {
		var is struct {
			Data struct {
				Deliveries struct{ Count struct{ Count int } }
			}
		}
		return ask("{ deliveries(filter: {statuses: [FAILED]}) { count { count } } }", &is) && is.Data.Deliveries.Count.Count == replayedEvents
	})
	f.down.Store(false)
	var replay struct{ Replay struct{ ID string } }
	c.mutate(t, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } userErrors { message } } }`,
		map[string]any{"filter": map[string]any{}, "ratePerSecond": 100}, &replay)
	is := replayed{}
	reaches := func(what string, want func() bool) {
		t.Helper()
		webhooktest.Eventually(t, what, func() bool {
			var answer struct{ Data struct{ Replay *replayed } }
			if !ask(`{ replay(id: "`+replay.Replay.ID+`") { status completedAt matched started succeeded failed skipped } }`, &answer) || answer.Data.Replay == nil {
				return false
			}
			is = *answer.Data.Replay
			return want()
		}, func() string { return fmt.Sprintf("%+v", is) })
	}
	rounds := max(3, *replicaRounds)
	for round := range rounds {
		reaches("the replay goes on", func() bool { return is.Started > round*replayedEvents/rounds/2 })
		f.happened()
		f.kills[round%3]()
		f.start(t, round%3)
	}
	reaches("the replay is completed", func() bool { return is.CompletedAt != nil })
	s, owner := stored(t, f.database)
	defer s.Close()
	recorded := readDeliveries(t, s.In(owner.ID), s, owner.ID)
	f.mu.Lock()
	defer f.mu.Unlock()
	repeated := 0
	for key, d := range recorded {
		extra := len(f.arrivals[key]) - len(d.attempts)
		repeated += extra
		if risk := f.between(f.arrivals[key][1:]); len(d.attempts) != 2 || extra < 0 || extra > risk {
			t.Errorf("%s arrived %d times for %d attempts, with %d kills meanwhile", key, len(f.arrivals[key]), len(d.attempts), risk)
		}
	}
	if len(recorded) != replayedEvents || is.Started != replayedEvents || is.Matched != replayedEvents || is.Succeeded != replayedEvents || is.Status != webhook.ReplayCompleted {
		t.Errorf("%d deliveries, the replay is %+v", len(recorded), is)
	}
	checkReplayStatistics(t, s, owner.ID, 2*replayedEvents)
	t.Logf("%d kills, %d sent again", len(f.events), repeated)
}

// ask returns the response to a query; "" if there is none.
func (f *fleet) ask(url, query string) string {
	w := &world{token: f.token}
	w.url.Store(&url)
	return w.post(query, nil)
}

// startFleet starts replicas on a database, with webhooks at a receiver. The client uses the first.
func startFleet(t *testing.T, database string, replicas int) (*fleet, *client) {
	t.Helper()
	f := &fleet{database: database, arrivals: map[string][]time.Time{}}
	receiver := httptest.NewServer(http.HandlerFunc(f.receive))
	t.Cleanup(receiver.Close)
	f.programs, f.kills = make([]*program, replicas), make([]func(), replicas)
	for i := range replicas {
		f.start(t, i)
		f.token = f.programs[0].token
	}
	c := &client{f.programs[0].url, f.token}
	f.receiver = receiver.URL
	f.register(t, c, receiver.URL)
	return f, c
}

// Of three replicas under load two are killed in turn, and PostgreSQL crashes and restarts. Nothing acknowledged is lost, only
// requests in flight at one of these moments are repeated, attempts are numbered without gaps, and the surviving replica's stream
// has the attempts of all, each once, in log order. Events with an ordering key, published to all of them, arrive in their order (I19).
func testKilledReplicas(t *testing.T) {
	t.Parallel()
	server := webhooktest.StartPostgres(t)
	f, c := startFleet(t, server.Database(t), 3)
	stream := f.watch(t, c)

	publishing, stop := context.WithCancel(t.Context())
	var publishers sync.WaitGroup
	for n := range 3 {
		publishers.Go(func() { f.publish(publishing, n) })
	}
	pause, rounds := time.Second, 1
	if *replicaRounds > 0 {
		pause, rounds = *replicaPause, *replicaRounds
	}
	kills := time.NewTicker(pause) // PostgreSQL restarts shortly after every second one
	defer kills.Stop()
	for round := range rounds {
		<-kills.C
		victim := 1 + round%2
		f.happened()
		f.kills[victim]()
		if round%2 == 0 {
			f.carry(t, 20)
			f.happened()
			server.Restart(t)
			f.happened()
		}
		f.start(t, victim)
	}
	f.carry(t, 100)
	stop()
	publishers.Wait()
	f.calm.Store(true)
	f.settle(t, c)
	f.check(t, stream)
	f.order.check(t)
}

// fleet is several replicas on a database, and what publishers, receivers and watchers know.
type fleet struct {
	database string
	programs []*program
	kills    []func()
	urls     [3]atomic.Pointer[string] // nil: the replica is down
	token    string
	receiver string // its URL
	calm     atomic.Bool
	order    order
	down     atomic.Bool            // the receiver of /replayed
	shown    atomic.Pointer[string] // the last attempt that follow has seen
	resumed  atomic.Int64           // how often follow resumed

	mu       sync.Mutex // guards what follows
	acked    []string
	arrivals map[string][]time.Time // by path and event
	events   []time.Time            // times of the kills
}

func (f *fleet) start(t *testing.T, n int) {
	t.Helper()
	f.urls[n].Store(nil)
	f.programs[n], f.kills[n] = start(t, f.database)
	f.urls[n].Store(&f.programs[n].url)
}

// fleetPaths are those of the webhooks that every event of the publishers goes to.
var fleetPaths = []string{"/healthy", "/flapping", orderedPath}

// register creates the webhooks. Two of them fail sometimes, and one gets events in their order.
func (f *fleet) register(t *testing.T, c *client, receiver string) {
	t.Helper()
	schedule := make([]int, 30)
	for i := range schedule {
		schedule[i] = 50 + 20*i
	}
	for _, path := range fleetPaths {
		var made struct{ Webhook struct{ ID string } }
		input := map[string]any{"url": receiver + path, "retryScheduleMs": schedule, "timeoutMs": 2000, "events": []string{"load", "start"}}
		if path == orderedPath {
			input["ordering"], input["events"] = "KEY", []string{"load"}
		}
		c.mutate(t, createWebhook, input, &made)
	}
}

// watch starts the stream of a replica, which follow reads. It selects only fields of the attempts themselves: the server cannot
// look anything up while PostgreSQL is unreachable.
func (f *fleet) watch(t *testing.T, c *client) (stream <-chan []string) {
	t.Helper()
	const query = `subscription ($after: String) { deliveryAttempts(after: $after) { cursor node { id number } } }`
	w, err := subscribe(t.Context(), c.socket(t), "", query)
	if err != nil {
		t.Fatal(err)
	}
	cursor := watching(t, c, w)
	ctx := t.Context()
	seen := make(chan []string, 1)
	go func() {
		seen <- f.follow(w, cursor, func(after string) (*watcher, error) {
			conn, err := c.dial(ctx)
			if err != nil {
				return nil, err
			}
			return subscribe(ctx, conn, after, query)
		})
	}()
	return seen
}

// follow collects the ids of the stream's attempts until the program stops in order. When the stream ends, for example because the
// database is unreachable, it resumes after the last cursor.
func (f *fleet) follow(w *watcher, cursor string, again func(after string) (*watcher, error)) (seen []string) {
	for {
		for s := range w.got {
			if s.Node.ID == "" {
				panic("an element without an attempt")
			}
			seen, cursor = append(seen, s.Node.ID), s.Cursor
			f.shown.Store(&s.Node.ID)
		}
		_ = w.conn.CloseNow()
		if websocket.CloseStatus(w.err) == websocket.StatusGoingAway {
			return seen
		}
		var err error
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // as a client pauses before it tries again
			if w, err = again(cursor); err == nil {
				f.resumed.Add(1)
				break
			}
			if time.Now().After(deadline) {
				return seen
			}
		}
	}
}

// carry waits until the replicas that are up have acknowledged n more events.
func (f *fleet) carry(t *testing.T, n int) {
	t.Helper()
	before := f.acknowledged()
	webhooktest.Eventually(t, fmt.Sprintf("%d more events are acknowledged", n), func() bool { return f.acknowledged() >= before+n },
		func() string { return fmt.Sprintf("%d are", f.acknowledged()-before) })
}

func (f *fleet) acknowledged() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.acked)
}

func (f *fleet) happened() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, time.Now())
}

func (f *fleet) receive(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Path + " " + r.Header.Get("webhook-id")
	f.mu.Lock()
	f.arrivals[key] = append(f.arrivals[key], time.Now())
	f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == orderedPath {
		defer f.order.arrives(body)()
	}
	flaps := r.URL.Path == "/flapping" || r.URL.Path == orderedPath
	if r.URL.Path == "/replayed" && f.down.Load() || !f.calm.Load() && flaps && rand.IntN(3) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// publish publishes to the replicas in turn until ctx ends. An event that is not acknowledged is published again, to another
// replica, with the same key.
func (f *fleet) publish(ctx context.Context, publisher int) {
	for n := 0; ctx.Err() == nil; n++ {
		key := orderKey(publisher, n)
		body := fmt.Sprintf(`{"type": "load", "data": {"key": %q, "n": %d}, "ordering_key": %q, "idempotency_key": "%d-%d"}`, key, n, key, publisher, n)
		for try := 0; ctx.Err() == nil; try++ {
			if id := f.publishTo(ctx, (n+try)%len(f.programs), body); id != "" {
				f.mu.Lock()
				f.acked = append(f.acked, id)
				f.mu.Unlock()
				break
			}
			time.Sleep(20 * time.Millisecond) // as a client pauses before it tries again
		}
	}
}

func (f *fleet) publishTo(ctx context.Context, replica int, body string) (id string) {
	url := f.urls[replica].Load()
	if url == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *url+"/v1/events", strings.NewReader(body))
	if err != nil {
		return ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+f.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	var made struct{ ID string }
	if json.NewDecoder(res.Body).Decode(&made) != nil || res.StatusCode != http.StatusAccepted {
		return ""
	}
	return made.ID
}

// settle waits until no delivery is due.
func (f *fleet) settle(t *testing.T, c *client) {
	t.Helper()
	c.settle(t)
}

func (f *fleet) check(t *testing.T, stream <-chan []string) {
	t.Helper()
	s, owner := stored(t, f.database)
	defer s.Close()
	recorded := readDeliveries(t, s.In(owner.ID), s, owner.ID)
	checkStatistics(t, s, owner.ID, recorded)
	repeated := 0
	for key, d := range recorded {
		if !ofFleet(key) {
			delete(recorded, key)
			continue
		}
		if err := d.check(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	f.mu.Lock()
	for key, arrivals := range f.arrivals {
		d := recorded[key]
		if d == nil {
			if ofFleet(key) {
				t.Errorf("%s arrived and is not in the database", key)
			}
			continue
		}
		extra := len(arrivals) - len(d.attempts)
		repeated += max(extra, 0)
		if risk := f.between(arrivals); extra > risk {
			t.Errorf("%s arrived %d times for %d attempts, with %d kills meanwhile", key, len(arrivals), len(d.attempts), risk)
		}
	}
	for _, id := range f.acked {
		for _, path := range fleetPaths {
			if key := path + " " + id; recorded[key] == nil || len(f.arrivals[key]) == 0 {
				t.Errorf("%s was acknowledged and is lost", key)
			}
		}
	}
	acked := len(f.acked)
	f.mu.Unlock()
	if acked == 0 {
		t.Error("nothing was acknowledged")
	}
	var log []string
	for after := int64(0); ; {
		page, scanned, err := s.AttemptLog(t.Context(), owner.ID, store.AttemptFilter{}, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			log = append(log, a.ID.String())
		}
		if scanned == after {
			break
		}
		after = scanned
	}
	webhooktest.Eventually(t, "the stream shows the last attempt", func() bool {
		is := f.shown.Load()
		return is != nil && *is == log[len(log)-1]
	})
	if err := f.programs[0].process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	seen := <-stream
	if len(seen) > 0 { // attempts from before the stream began
		log = log[max(slices.Index(log, seen[0]), 0):]
	}
	if len(seen) != len(log) {
		t.Errorf("the stream showed %d attempts, the log has %d", len(seen), len(log))
	}
	for i := range min(len(seen), len(log)) {
		if seen[i] != log[i] {
			t.Errorf("attempt %d of the stream is %s, of the log %s", i, seen[i], log[i])
			break
		}
	}
	t.Logf("%d kills, %d events acknowledged, %d deliveries, %d attempts in the log and the stream, which went on %d times; %d sent again",
		len(f.events), acked, len(recorded), len(log), f.resumed.Load(), repeated)
}

// ofFleet reports whether a delivery is to one of fleetPaths.
func ofFleet(key string) bool {
	path, _, _ := strings.Cut(key, " ")
	return slices.Contains(fleetPaths, path)
}

// between returns the number of kills during a delivery's requests.
func (f *fleet) between(arrivals []time.Time) int {
	n := 0
	for _, at := range f.events {
		if at.After(arrivals[0].Add(-commitTime)) && at.Before(arrivals[len(arrivals)-1].Add(commitTime)) {
			n++
		}
	}
	return n
}
