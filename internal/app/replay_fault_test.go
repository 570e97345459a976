package app

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Whenever the program is killed while it replays, each delivery is sent once by each replay, and again only if its request was in flight or its
// record was not committed; what a canceled replay has not sent is what it was; replays' counters, statistics and the backlog are those of
// what is stored (I6, I18).
func TestKillDuringReplays(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	databases(t, func(t *testing.T, database string) {
		t.Helper()
		if !store.IsPostgres(database) {
			testKillDuringReplays(t, database, webhooktest.NewDisk(t))
			return
		}
		if *faultRounds == 0 {
			t.Skip("waits for leases to end; -faults.rounds=6 runs it, and TestReplicas has a short one")
		}
		testKillDuringReplays(t, database, nil)
	})
}

// replayedEvents is how many events have failed before the first replay.
const replayedEvents = 300

func testKillDuringReplays(t *testing.T, database string, disk *webhooktest.Disk) {
	t.Helper()
	w := newWorld(t, database, disk, "/replayed")
	w.quiet, w.again = true, true
	w.begin(t)
	w.fail(t, replayedEvents)
	all := steps[2:] // nobody publishes
	if w.disk != nil {
		all = append(slices.Clone(all), commitSteps...)
	}
	rounds := *faultRounds
	if rounds == 0 {
		rounds = len(all)
	}
	var replays []string
	for round := range rounds {
		if n := len(replays); n == 0 || w.replay(t, replays[n-1]).Started > replayedEvents/2 { // else it may end before it is killed
			if n > 0 {
				w.ended(t, replays[n-1])
			}
			replays = append(replays, w.replayAll(t))
		}
		last, step := replays[len(replays)-1], all[round%len(all)]
		if round%3 == 1 {
			w.post(`mutation { updateReplay(input: {id: "`+last+`", paused: true}) { replay { id } } }`, nil)
		}
		if round%3 != 0 {
			w.post(`mutation { updateReplay(input: {id: "`+last+`", paused: false, ratePerSecond: `+fmt.Sprint(200+rand.IntN(2000))+`}) { replay { id } } }`, nil)
		}
		n := 1 + rand.IntN(40)
		if slices.Contains(commitSteps, step) { // which merge what many requests answer
			n = 1 + n/10
		}
		w.killAt(t, step, n)
		w.start(t)
	}
	for _, id := range replays {
		w.ended(t, id)
	}
	before := w.kept(t)
	canceled := w.replayAll(t)
	webhooktest.Eventually(t, "the replay to cancel has begun", func() bool { return w.replay(t, canceled).Started > 0 })
	w.post(`mutation { cancelReplay(input: {id: "`+canceled+`"}) { replay { id } } }`, nil)
	w.killAt(t, "any time", 0)
	w.start(t)
	w.ended(t, canceled)
	w.end(t)
	w.checkReplays(t, append(replays, canceled), before)
}

// fail publishes events whose deliveries all fail.
func (w *world) fail(t *testing.T, n int) {
	t.Helper()
	w.down.Store(true)
	for range n {
		w.publish()
	}
	webhooktest.Eventually(t, "all deliveries have failed", func() bool {
		return strings.Contains(w.post("{ deliveries(filter: {statuses: [FAILED]}) { count { count } } }", nil), fmt.Sprintf(`"count":%d}`, n))
	})
	w.down.Store(false)
}

// replayed is a replay as the API has it.
type replayed struct {
	Status                                       webhook.ReplayStatus
	CompletedAt                                  *time.Time
	Matched, Started, Succeeded, Failed, Skipped int
}

// replay reads a replay. The program may be starting.
func (w *world) replay(t *testing.T, id string) (is replayed) {
	t.Helper()
	webhooktest.Eventually(t, "the replay is found", func() bool {
		var answer struct{ Data struct{ Replay *replayed } }
		text := w.post(`{ replay(id: "`+id+`") { status completedAt matched started succeeded failed skipped } }`, nil)
		if json.Unmarshal([]byte(text), &answer) != nil || answer.Data.Replay == nil {
			return false
		}
		is = *answer.Data.Replay
		return true
	})
	return is
}

// replayAll creates a replay of all deliveries, and returns its id.
func (w *world) replayAll(t *testing.T) (id string) {
	t.Helper()
	key := fmt.Sprint(rand.Int64()) // so that a call that a kill has interrupted is repeated
	webhooktest.Eventually(t, "the replay is created", func() bool {
		var answer struct {
			Data struct {
				ReplayDeliveries struct{ Replay *struct{ ID string } }
			}
		}
		text := w.post(`mutation { replayDeliveries(input: {kind: ALL, filter: {}, idempotencyKey: "`+key+`"}) { replay { id } } }`, nil)
		if json.Unmarshal([]byte(text), &answer) != nil || answer.Data.ReplayDeliveries.Replay == nil {
			return false
		}
		id = answer.Data.ReplayDeliveries.Replay.ID
		return true
	})
	return id
}

// ended waits until the replay has ended.
func (w *world) ended(t *testing.T, id string) {
	t.Helper()
	webhooktest.Eventually(t, "the replay ends", func() bool { return w.replay(t, id).CompletedAt != nil })
}

// was is what a replay may change of a delivery.
type was struct {
	Status   webhook.DeliveryStatus
	Attempts int
	Replay   string
}

// kept reads all deliveries, by id.
func (w *world) kept(t *testing.T) map[string]was {
	t.Helper()
	all := map[string]was{}
	for after := ""; ; {
		var answer struct {
			Data struct {
				Deliveries struct {
					Nodes []struct {
						ID, Status   string
						AttemptCount int
						Replay       *struct{ ID string }
					}
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		text := w.post(`{ deliveries(first: 100, after: "`+after+`") { nodes { id status attemptCount replay { id } } pageInfo { hasNextPage endCursor } } }`, nil)
		if after == "" {
			text = w.post(`{ deliveries(first: 100) { nodes { id status attemptCount replay { id } } pageInfo { hasNextPage endCursor } } }`, nil)
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err, text)
		}
		for _, d := range answer.Data.Deliveries.Nodes {
			is := was{Status: webhook.DeliveryStatus(d.Status), Attempts: d.AttemptCount}
			if d.Replay != nil {
				is.Replay = d.Replay.ID
			}
			all[d.ID] = is
		}
		if after = answer.Data.Deliveries.PageInfo.EndCursor; !answer.Data.Deliveries.PageInfo.HasNextPage {
			return all
		}
	}
}

// checkReplays compares the database with what arrived, and replays with what they did. before is what deliveries were when the last one, which was
// canceled, was created.
func (w *world) checkReplays(t *testing.T, replays []string, before map[string]was) {
	t.Helper()
	s, owner := stored(t, w.dir)
	defer s.Close()
	c := s.In(owner.ID)
	recorded := readDeliveries(t, c, s, owner.ID)
	w.mu.Lock()
	_, repeated, killed := w.checkLives(t, recorded)
	lives := len(w.lives)
	w.mu.Unlock()
	if len(recorded) != replayedEvents {
		t.Errorf("%d deliveries, want %d", len(recorded), replayedEvents)
	}
	sent, attempts := map[string]replayed{}, 0
	for key, d := range recorded {
		attempts += len(d.attempts)
		by := map[string]int{}
		for i, a := range d.attempts {
			if a.Number != i+1 || (a.ReplayID == nil) != (i == 0) || i > 0 && a.Trigger != webhook.TriggerReplay {
				t.Errorf("%s: attempt %d is number %d, by %s, of replay %v", key, i+1, a.Number, a.Trigger, a.ReplayID)
				continue
			}
			if a.ReplayID != nil {
				id := a.ReplayID.String()
				by[id]++
				one := sent[id]
				one.Started++
				if a.Status == webhook.AttemptSucceeded {
					one.Succeeded++
				} else {
					one.Failed++
				}
				sent[id] = one
			}
		}
		canceled := replays[len(replays)-1]
		for _, id := range replays {
			if by[id] != 1 && (id != canceled || by[id] != 0) {
				t.Errorf("%s was sent %d times by replay %s", key, by[id], id)
			}
		}
		if by[canceled] == 0 {
			is := was{Status: d.Status, Attempts: d.AttemptCount}
			if d.ReplayID != nil {
				is.Replay = d.ReplayID.String()
			}
			if diff := cmp.Diff(before[d.ID.String()], is); diff != "" {
				t.Errorf("%s was not sent by the canceled replay, and differs (-before +now):\n%s", key, diff)
			}
		}
	}
	for i, id := range replays {
		is, err := webhook.ParseID(id)
		if err != nil {
			t.Fatal(err)
		}
		found, err := c.ReplaysByID(t.Context(), []webhook.ID{is})
		if err != nil {
			t.Fatal(err)
		}
		r := found[is]
		if got := (replayed{Started: r.Started, Succeeded: r.Succeeded, Failed: r.Failed}); got != sent[id] || r.Skipped != 0 ||
			i < len(replays)-1 && (r.Matched != replayedEvents || r.Status != webhook.ReplayCompleted) || i == len(replays)-1 && r.Status != webhook.ReplayCanceled {
			t.Errorf("replay %s says %+v, its attempts %+v", id, r, sent[id])
		}
	}
	checkReplayStatistics(t, s, owner.ID, attempts)
	t.Logf("%d stops, %d replays of %d deliveries, %d attempts, %d that a kill cut short, of them %d answered", lives-1, len(replays), len(recorded), attempts, repeated, killed)
}

// checkReplayStatistics compares statistics with the stored attempts, of deliveries that each have one attempt for each time that they are completed.
func checkReplayStatistics(t *testing.T, s *store.Store, owner webhook.ID, attempts int) {
	t.Helper()
	of := s.In(owner).Stats(store.TimeRange{}, store.StatsFilter{})
	c, _, err := of.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owed, err := of.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good, bad := c.Attempts()
	if good+bad != int64(attempts) || c.Get(stats.Succeeded) != good || c.Get(stats.Failed) != bad || owed.Due+owed.Held != 0 {
		t.Errorf("statistics have %d and %d attempts, %d and %d ends, %d owed; %d attempts are stored", good, bad, c.Get(stats.Succeeded), c.Get(stats.Failed), owed.Due+owed.Held, attempts)
	}
}
