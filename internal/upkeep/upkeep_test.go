package upkeep

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// locks are the locks that replicas share.
type locks struct {
	mu   sync.Mutex
	held map[string]bool
}

func (l *locks) TryLock(_ context.Context, name string) (unlock func(), ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name] {
		return nil, false, nil
	}
	if l.held == nil {
		l.held = map[string]bool{}
	}
	l.held[name] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, name)
	}, true, nil
}

// start runs upkeep until end is called, which waits for it.
func start(t *testing.T, u *Upkeep) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		u.Run(ctx)
		close(ended)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// A task runs at the start and at its intervals; Stats has its last run, and a failure prevents neither its own next run nor those
// of others.
func TestTasksRunByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		u := New(&locks{}, slog.New(slog.DiscardHandler),
			Task{Name: "minute", Every: time.Minute, Run: func(context.Context) error {
				time.Sleep(time.Second)
				return nil
			}},
			Task{Name: "hour", Every: time.Hour, Exclusive: true, Run: func(context.Context) error { return broken }},
		)
		begun := time.Now()
		end := start(t, u)
		time.Sleep(2*time.Hour + time.Minute/2)
		end()
		want := []Stat{
			{Name: "minute", Every: time.Minute, Runs: 121, Started: begun.Add(2 * time.Hour), Took: time.Second, Succeeded: begun.Add(2*time.Hour + time.Second)},
			{Name: "hour", Every: time.Hour, Only: true, Runs: 3, Started: begun.Add(2 * time.Hour), Err: broken, Failed: 3, Errors: 3, Succeeded: begun},
		}
		for i, got := range u.Stats() {
			if got != want[i] {
				t.Errorf("%+v, want %+v", got, want[i])
			}
		}
	})
}

// While one replica runs an exclusive task, the other skips it; other tasks run in both. In one replica exclusive tasks run one
// after the other.
func TestExclusiveTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &locks{}
		var mu sync.Mutex
		now, most, runs := 0, 0, map[string]int{}
		count := func(name string, by int) {
			mu.Lock()
			defer mu.Unlock()
			if by > 0 {
				runs[name]++
			}
			if name == "one" {
				now += by
				most = max(most, now)
			}
		}
		task := func(name string, exclusive bool) Task {
			return Task{Name: name, Every: time.Hour, Exclusive: exclusive, Run: func(context.Context) error {
				count(name, 1)
				defer count(name, -1)
				time.Sleep(time.Minute)
				return nil
			}}
		}
		var ends []func()
		var all []*Upkeep
		for range 2 {
			u := New(shared, slog.New(slog.DiscardHandler), task("one", true), task("every", false))
			all = append(all, u)
			ends = append(ends, start(t, u))
		}
		time.Sleep(time.Hour / 2)
		for _, end := range ends {
			end()
		}
		if runs["one"] != 1 || most != 1 || runs["every"] != 2 {
			t.Errorf("runs %v, %d at once", runs, most)
		}
		if a, b := all[0].Stats()[0], all[1].Stats()[0]; a.Runs+b.Runs != 1 || a.Passed+b.Passed != 1 {
			t.Errorf("%+v, %+v", a, b)
		}
	})
}

// Canceling a task that runs, or waits for its turn, ends it at once and is not a failure.
func TestUpkeepEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		u := New(&locks{}, slog.New(slog.DiscardHandler), Task{Name: "a", Every: time.Hour, Exclusive: true, Run: wait},
			Task{Name: "b", Every: time.Hour, Exclusive: true, Run: wait})
		end := start(t, u)
		synctest.Wait()
		begun := time.Now()
		end()
		for _, s := range u.Stats() {
			if s.Err != nil || s.Running {
				t.Errorf("%+v", s)
			}
		}
		if time.Since(begun) > 0 {
			t.Error("it took time")
		}
	})
}

// A woken task runs after its minimum pause; several wake-ups meanwhile lead to one run. Other tasks run only at their intervals.
func TestWokenTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{}, 1)
		signal := func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		}
		u := New(&locks{}, slog.New(slog.DiscardHandler),
			Task{Name: "woken", Every: time.Hour, Wake: wake, Rest: time.Second, Run: func(context.Context) error { return nil }},
			Task{Name: "other", Every: time.Hour, Run: func(context.Context) error { return nil }})
		defer start(t, u)()
		runs := func(when string, woken, other int) {
			t.Helper()
			synctest.Wait()
			if s := u.Stats(); s[0].Runs != woken || s[1].Runs != other {
				t.Errorf("%s: %d and %d runs, want %d and %d", when, s[0].Runs, s[1].Runs, woken, other)
			}
		}
		runs("at the start", 1, 1)
		for range 10 {
			signal()
			synctest.Wait()
		}
		time.Sleep(time.Second / 2)
		runs("while it rests", 1, 1)
		time.Sleep(time.Second)
		runs("after its rest", 2, 1)
		time.Sleep(time.Minute)
		runs("when nothing wakes it", 2, 1)
		signal()
		runs("woken late", 3, 1)
		time.Sleep(time.Hour)
		runs("by the clock", 4, 2)
	})
}

// Of consecutive failures the first is logged, one an hour after it, and the recovery: a task that runs every few seconds does not
// fill the log while the database is unreachable.
func TestFailuresAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		broken := errors.New("broken")
		runs := 0
		u := New(&locks{}, slog.New(slog.NewTextHandler(&log, nil)), Task{Name: "often", Every: 10 * time.Second, Run: func(context.Context) error {
			if runs++; runs > 720 { // two hours of them
				return nil
			}
			return broken
		}})
		end := start(t, u)
		time.Sleep(3 * time.Hour)
		end()
		if failed, again := strings.Count(log.String(), "upkeep failed"), strings.Count(log.String(), "upkeep works again"); failed != 2 || again != 1 {
			t.Errorf("%d failures and %d ends logged, want 2 and 1:\n%s", failed, again, log.String())
		}
		if s := u.Stats()[0]; s.Failed != 0 || s.Err != nil {
			t.Errorf("%+v", s)
		}
	})
}
