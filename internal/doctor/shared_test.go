package doctor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// However often it is asked, and by however many, a server is examined once in 5 minutes, and on request once in 10 seconds; a caller who leaves stops
// nobody's run.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		s := share(func(context.Context) []Result {
			runs.Add(1)
			time.Sleep(time.Second) // what a run takes
			return []Result{{Name: "one"}}
		})
		defer s.Close()
		ask := func(fresh bool, want int64) {
			t.Helper()
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					if got, at, err := s.Results(t.Context(), fresh); err != nil || len(got) != 1 || at.IsZero() {
						t.Errorf("%v at %v, %v", got, at, err)
					}
				})
			}
			all.Wait()
			if n := runs.Load(); n != want {
				t.Errorf("%d runs, want %d", n, want)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, _, err := s.Results(gone, false); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who has left gets %v", err)
		}
		ask(false, 1)
		ask(true, 1)
		time.Sleep(restFor)
		ask(false, 1)
		ask(true, 2)
		time.Sleep(keptFor)
		ask(false, 3)
	})
}

// The end of the server ends a run, and what waits for it.
func TestSharedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := share(func(ctx context.Context) []Result {
			<-ctx.Done()
			return []Result{{Name: "half"}}
		})
		failed := make(chan error, 1)
		go func() {
			_, _, err := s.Results(t.Context(), true)
			failed <- err
		}()
		synctest.Wait()
		s.Close()
		if err := <-failed; !errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}
