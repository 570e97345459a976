package doctor

import (
	"context"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of what callers make a running server do.
const (
	keptFor   = 5 * time.Minute  // results are shown again
	restFor   = 10 * time.Second // between two runs, whoever asks
	runFor    = 20 * time.Second // one run
	runWithin = 2 * time.Second  // one check of a run
	runRows   = 20_000           // of a table
)

// Shared keeps the results of a running server's checks, so that callers cannot make it examine its disk and its database as often as they like.
// One run at a time serves all who ask meanwhile.
type Shared struct {
	examine func(ctx context.Context) []Result
	quit    context.Context // ends a run, with the server
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	last    []Result
	at      time.Time     // when last was complete
	current chan struct{} // closed at the end of the run; nil if none is under way
}

// Share returns the checks of a running server, which Close ends. What of o bounds the checks is not used.
func Share(o Options) *Shared {
	o.Within, o.Rows = runWithin, runRows
	return share(func(ctx context.Context) []Result {
		results, _ := Examine(ctx, o) // of what fits into the time
		return results
	})
}

func share(examine func(ctx context.Context) []Result) *Shared {
	s := &Shared{examine: examine}
	s.quit, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends a run and waits for it. Results must not be called afterwards.
func (s *Shared) Close() {
	s.stop()
	s.running.Wait()
}

// Results returns the results of the last run and when that was. It runs the checks first if they are older than 5 minutes, or, with fresh, older than
// 10 seconds.
func (s *Shared) Results(ctx context.Context, fresh bool) ([]Result, time.Time, error) {
	s.mu.Lock()
	age, most := time.Since(s.at), keptFor
	if fresh {
		most = restFor
	}
	if s.last != nil && age < most {
		defer s.mu.Unlock()
		return s.last, s.at, nil
	}
	if s.current == nil {
		s.current = make(chan struct{})
		s.running.Go(s.run)
	}
	done := s.current
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, time.Time{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil { // the server stops
		return nil, time.Time{}, webhook.ErrUnavailable
	}
	return s.last, s.at, nil
}

func (s *Shared) run() {
	ctx, cancel := context.WithTimeout(s.quit, runFor)
	defer cancel()
	results := s.examine(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit.Err() == nil {
		s.last, s.at = results, time.Now()
	}
	close(s.current)
	s.current = nil
}
