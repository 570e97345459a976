package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// While another process holds the database's lock for too long, publishing and claiming fail with ErrUnavailable, all after one
// wait rather than one after the other. Nothing is lost, and when the lock is free the attempt that ended meanwhile is recorded and
// publishing continues.
func TestLockedDatabase(t *testing.T) {
	if dir := os.Getenv("HOOKGRAPH_TEST_LOCK"); dir != "" {
		holdLock(t, dir)
		return
	}
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true})
	acked := publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
	claims, _ := claim(t, s, w.ID, 1)
	const patience = 500 * time.Millisecond
	if err := s.Exec(fmt.Sprintf("PRAGMA busy_timeout = %d", patience.Milliseconds())); err != nil {
		t.Fatal(err)
	}

	release := lockElsewhere(t, dir)
	ok := 200
	if err := s.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), ResponseStatus: &ok,
	}}); err != nil {
		t.Fatal(err)
	}
	refusedTogether(t, s, c, w.ID, patience)
	release()
	recorded(t, c, 1)
	acked = append(acked, publish(t, c, webhook.NewEvent{})...)
	for _, e := range acked {
		if found, err := c.EventsByID(t.Context(), []webhook.ID{e.Event.ID}); len(found) != 1 || err != nil {
			t.Errorf("an acknowledged event is lost: %v", err)
		}
	}
	if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{}); n != len(acked) || err != nil {
		t.Errorf("%d deliveries of %d events, %v", n, len(acked), err)
	}
}

// holdLock is the other process: it holds the database's lock until its standard input ends.
func holdLock(t *testing.T, dir string) {
	t.Helper()
	release, err := store.LockFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

// lockElsewhere starts the other process, and returns when it has the lock. release ends it.
func lockElsewhere(t *testing.T, dir string) (release func()) {
	t.Helper()
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockedDatabase$")
	other.Env = append(os.Environ(), "HOOKGRAPH_TEST_LOCK="+dir)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return func() {
		t.Helper()
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		if err := other.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// refusedTogether has many publish and claim while the database is locked: all are refused, after one wait rather than one after
// the other.
func refusedTogether(t *testing.T, s *store.Store, c *store.Scope, hook webhook.ID, patience time.Duration) {
	t.Helper()
	const callers = 50
	told := make(chan error, 2*callers)
	began := time.Now()
	for range callers {
		go func() {
			_, err := c.Publish(context.Background(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}})
			told <- err
		}()
		go func() {
			_, _, err := s.Claim(context.Background(), hook, 1, 1000)
			told <- err
		}()
	}
	for range 2 * callers {
		select {
		case err := <-told:
			if !errors.Is(err, webhook.ErrUnavailable) {
				t.Errorf("wrote to a database that is locked: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("somebody waits for a lock")
		}
	}
	if took := time.Since(began); took > callers*patience/2 {
		t.Errorf("%v for all: they waited one after the other", took)
	}
}

// recorded waits until the given number of attempts are in the database.
func recorded(t *testing.T, c *store.Scope, want int) {
	t.Helper()
	var n int
	var err error
	webhooktest.Eventually(t, fmt.Sprintf("%d attempts are recorded", want), func() bool {
		n, err = c.CountAttempts(t.Context(), store.AttemptFilter{})
		return n == want && err == nil
	}, func() string { return fmt.Sprintf("%d are, %v", n, err) })
}

// A success waits for a call and is written with it. What somebody may wait for is written at once: a failure, a success with an ordering key,
// and many successes.
func TestSuccessesAreWrittenWithACall(t *testing.T) { each(t, testSuccessesAreWrittenWithACall) }

func testSuccessesAreWrittenWithACall(t *suite) {
	t.Helper()
	const many = 128 // in transactions of its own, of about half as many results
	s := t.Open(t, store.Options{Tuning: tuned(func(to *store.Tuning) { to.ResultsWait = time.Hour })})
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true})
	ordered := register(t, c, webhook.New{Enabled: true, Events: []string{"ordered"}, Ordering: webhook.OrderingByKey})
	publish(t, c, make([]webhook.NewEvent, many+2)...)
	publish(t, c, webhook.NewEvent{Type: "ordered", OrderingKey: "key"})
	claims, _ := claim(t, s, w.ID, many+2)
	first, _ := claim(t, s, ordered.ID, 1)
	before := s.Writer()
	result := func(claimed *store.Claimed, status int) {
		t.Helper()
		r := &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
			Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), ResponseStatus: &status,
		}}
		if status != 200 {
			r.Attempt.Status, r.Attempt.Error = webhook.AttemptFailed, new(webhook.ErrorHTTPStatus)
		}
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	result(claims[0], 200)
	publish(t, c, webhook.NewEvent{})
	if is := s.Writer(); is.Sum-before.Sum != 2 || transactions(is)-transactions(before) != 1 {
		t.Errorf("a success and a call made %d transactions of %d works, want one of 2", transactions(is)-transactions(before), is.Sum-before.Sum)
	}
	recorded(t.T, c, 1)
	result(claims[1], 500)
	recorded(t.T, c, 2)
	result(first[0], 200)
	recorded(t.T, c, 3)
	for _, claimed := range claims[2:] {
		result(claimed, 200)
	}
	webhooktest.Eventually(t, "most results are written", func() bool { return s.Writer().Sum-before.Sum > many/2 })
}

// transactions counts them.
func transactions(is store.WriterStats) (n int64) {
	for _, of := range is.Works {
		n += of
	}
	return n
}

// A result that the database never accepts delays no others: it is recorded without the receiver's response, and if that fails too,
// its delivery is due again later, not claimed forever. In any case Written is called once when the store no longer holds the
// result.
func TestResultThatCanNotBeRecorded(t *testing.T) {
	each(t, testResultThatCanNotBeRecorded)
}

var poisoned = map[string][]string{
	"sqlite": {
		"CREATE TRIGGER a BEFORE INSERT ON attempts WHEN NEW.response_body = x'00' BEGIN SELECT RAISE(ABORT, 'poison'); END",
		"CREATE TRIGGER b BEFORE INSERT ON attempts WHEN NEW.duration_us = 666 BEGIN SELECT RAISE(ABORT, 'poison'); END",
	},
	"postgres": {
		"CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$",
		`CREATE TRIGGER a BEFORE INSERT ON attempts FOR EACH ROW WHEN (NEW.response_body = '\x00' OR NEW.duration_us = 666) EXECUTE FUNCTION poison()`,
	},
}

func testResultThatCanNotBeRecorded(t *suite) {
	t.Helper()
	s := t.Open(t, store.Options{Tuning: tuned(func(to *store.Tuning) { to.AsideAfter, to.AsideWait = 100*time.Millisecond, 300*time.Millisecond })})
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true})
	publish(t, c, make([]webhook.NewEvent, 8)...)
	claims, _ := claim(t, s, w.ID, 8)
	for _, trigger := range poisoned[t.Kind] {
		if err := s.Exec(trigger); err != nil {
			t.Fatal(err)
		}
	}
	release := s.Hold(t)
	var written [8]atomic.Int32
	for i, claimed := range claims {
		ok := 200
		a := webhook.Attempt{Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), ResponseStatus: &ok}
		switch i {
		case 2:
			a.ResponseBody = []byte{0}
		case 4:
			a.ResponseBody = make([]byte, 64<<10)
		case 5:
			a.DurationUs = 666
		}
		if err := s.Record(t.Context(), &store.Result{Claimed: claimed, Attempt: a, Written: func() { written[i].Add(1) }}); err != nil {
			t.Fatal(err)
		}
	}
	release()
	recorded(t.T, c, 7)
	var again []*store.Claimed
	webhooktest.Eventually(t, "the delivery is due again", func() bool {
		var err error
		if again, _, err = s.Claim(t.Context(), w.ID, 8, 1<<20); err != nil {
			t.Fatal(err)
		}
		return len(again) > 0
	})
	if len(again) != 1 || again[0].Delivery.ID != claims[5].Delivery.ID || again[0].Delivery.AttemptCount != 0 {
		t.Errorf("due again: %+v", again)
	}
	for i := range written {
		if n := written[i].Load(); n != 1 {
			t.Errorf("of result %d it was told %d times", i, n)
		}
	}
	record(t, s, again[0], 200)
	done := []webhook.DeliveryStatus{webhook.DeliverySucceeded}
	if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{Statuses: done}); n != 8 || err != nil {
		t.Errorf("%d of 8 deliveries succeeded, %v", n, err)
	}
}
