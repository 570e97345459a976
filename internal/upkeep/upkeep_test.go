package upkeep

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// locks is what replicas share.
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

// A task runs at the start and at its intervals; how its last run went can be asked for, and one that fails keeps neither itself nor others
// from the next run.
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
			{Name: "minute", Runs: 121, Started: begun.Add(2 * time.Hour), Took: time.Second},
			{Name: "hour", Runs: 3, Started: begun.Add(2 * time.Hour), Err: broken},
		}
		for i, got := range u.Stats() {
			if got != want[i] {
				t.Errorf("%+v, want %+v", got, want[i])
			}
		}
	})
}

// Of two replicas one runs an exclusive task, and the other passes it over meanwhile; others run in both. In one replica exclusive tasks
// run one after the other.
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

// What ends in the middle of a run, or while it waits for its turn, ends at once and is no failure.
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
