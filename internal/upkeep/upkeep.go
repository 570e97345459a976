// Package upkeep runs work by the clock: it decides when and in which replica each task runs, and keeps the result of its last run.
// The tasks belong to other packages, and must work in bounded pieces, so that nobody waits for them.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Task is work that runs at the start and then at intervals.
type Task struct {
	Name  string // constant; shown to operators, and the name of the lock
	Every time.Duration
	// Wake, which may be nil, makes the task run before it is due: a channel with a buffer of one. Signals during a run, or during
	// the Rest after it, lead to one run.
	Wake <-chan struct{}
	Rest time.Duration // the minimum time from the end of a run to the next that is woken
	// Exclusive tasks run in one replica at a time, and one after the other.
	Exclusive bool
	// Run does the work once. It must return soon after ctx has ended.
	Run func(ctx context.Context) error
}

// Locker excludes other replicas.
type Locker interface {
	// TryLock takes the lock with the name, unless it is held. The holder must call unlock.
	TryLock(ctx context.Context, name string) (unlock func(), ok bool, err error)
}

// Stat describes a task's runs in this process.
type Stat struct {
	Name    string
	Every   time.Duration // between two runs
	Only    bool          // in one replica at a time
	Runs    int           // completed runs
	Passed  int           // times that another replica was running it
	Started time.Time     // the last run; zero: never
	Took    time.Duration // the last run that has ended
	Err     error         // of that run; nil on success
	Failed  int           // consecutive failures
	Errors  int           // failures
	Running bool
	// Succeeded is the end of the last run that succeeded, or when Upkeep was created: until when there was nothing to complain of.
	Succeeded time.Time
}

// Upkeep runs tasks. Its methods may be called from any goroutine.
type Upkeep struct {
	lock  Locker
	log   *slog.Logger
	tasks []Task
	turn  chan struct{} // held by the exclusive task that runs

	mu    sync.Mutex // guards stats
	stats []Stat     // by task
}

// New returns an Upkeep for the tasks.
func New(lock Locker, log *slog.Logger, tasks ...Task) *Upkeep {
	u := &Upkeep{lock: lock, log: log, tasks: tasks, turn: make(chan struct{}, 1), stats: make([]Stat, len(tasks))}
	for i, t := range tasks {
		u.stats[i].Name, u.stats[i].Every, u.stats[i].Only, u.stats[i].Succeeded = t.Name, t.Every, t.Exclusive, time.Now()
	}
	return u
}

// Run runs every task now and whenever it is due, and returns when ctx has ended and no task runs. Runs of one task never overlap.
func (u *Upkeep) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for i := range u.tasks {
		running.Go(func() {
			tick := time.NewTicker(u.tasks[i].Every)
			defer tick.Stop()
			for u.once(ctx, i); wait(ctx, tick.C, u.tasks[i]); u.once(ctx, i) {
			}
		})
	}
}

// wait waits until the task is due or woken; false when ctx ends.
func wait(ctx context.Context, due <-chan time.Time, t Task) bool {
	if t.Wake != nil && t.Rest > 0 {
		rest := time.NewTimer(t.Rest)
		defer rest.Stop()
		select {
		case <-ctx.Done():
			return false
		case <-due:
			return true
		case <-rest.C:
		}
	}
	select {
	case <-ctx.Done():
		return false
	case <-due:
	case <-t.Wake:
	}
	return true
}

// Stats returns the state of every task, in the order passed to New.
func (u *Upkeep) Stats() []Stat {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Stat(nil), u.stats...)
}

// change updates a task's Stat.
func (u *Upkeep) change(i int, do func(s *Stat)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	do(&u.stats[i])
}

// once runs a task, unless another replica is running it, and records the result.
func (u *Upkeep) once(ctx context.Context, i int) {
	t := u.tasks[i]
	if t.Exclusive {
		select {
		case u.turn <- struct{}{}:
			defer func() { <-u.turn }()
		case <-ctx.Done():
			return
		}
	}
	begun := time.Now()
	err := u.run(ctx, i)
	if errors.Is(err, errTaken) {
		u.change(i, func(s *Stat) { s.Passed++ })
		return
	}
	if ctx.Err() != nil { // cancellation is not a failure
		err = nil
	}
	failed := 0 // consecutive failures before this run
	u.change(i, func(s *Stat) {
		failed = s.Failed
		s.Runs, s.Started, s.Took, s.Err, s.Running = s.Runs+1, begun, time.Since(begun), err, false
		if err == nil {
			s.Failed, s.Succeeded = 0, time.Now()
		} else {
			s.Failed++
			s.Errors++
		}
	})
	u.tell(ctx, t, failed, err)
}

// tell logs the first of consecutive failures, one an hour after it, and the recovery.
func (u *Upkeep) tell(ctx context.Context, t Task, failed int, err error) {
	switch hourly := max(1, int(time.Hour/t.Every)); {
	case err != nil && failed%hourly == 0:
		u.log.ErrorContext(ctx, "upkeep failed; trying again", slog.String("task", t.Name), slog.Duration("in", t.Every), slog.Any("error", err))
	case err == nil && failed > 0 && ctx.Err() == nil:
		u.log.InfoContext(ctx, "upkeep works again", slog.String("task", t.Name), slog.Int("failed", failed))
	}
}

// errTaken means that another replica is running the task.
var errTaken = errors.New("another replica is at it")

func (u *Upkeep) run(ctx context.Context, i int) error {
	t := u.tasks[i]
	if t.Exclusive {
		unlock, ok, err := u.lock.TryLock(ctx, t.Name)
		if err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		if !ok {
			return errTaken
		}
		defer unlock()
	}
	u.change(i, func(s *Stat) { s.Started, s.Running = time.Now(), true })
	return t.Run(ctx)
}
