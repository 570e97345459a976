package meter_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookgraph/hookgraph/internal/meter"
)

// At most four times the answer's limit is held, however many goroutines take from it, and no number overflows. After one refusal
// everything is refused, until the next answer.
func TestTake(t *testing.T) {
	m := meter.New(1000)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 100 {
				if m.Take(10) == nil {
					taken.Add(10)
				}
			}
		})
	}
	wg.Wait()
	if taken.Load() != 4000 || m.Held() != 4000 {
		t.Errorf("%d were taken, %d are held", taken.Load(), m.Held())
	}
	if _, exceeded := m.Exceeded(); !exceeded {
		t.Error("nobody knows")
	}
	m.Reset()
	for _, n := range []int{3000, 1 << 62, 1} {
		if err := m.Take(n); (err == nil) != (n == 3000) || err != nil && !errors.Is(err, meter.ErrTooLarge) {
			t.Errorf("%d: %v", n, err)
		}
	}
	m.Reset()
	if err := m.Take(4000); err != nil {
		t.Errorf("the next answer: %v", err)
	}
}

// An answer that becomes too large while it is written is marked, with the field. Without a meter nothing is limited.
func TestExceed(t *testing.T) {
	m := meter.New(10)
	m.Exceed([]string{"a", "b"})
	if field, exceeded := meter.From(meter.With(t.Context(), m)).Exceeded(); !exceeded || !slices.Equal(field, []string{"a", "b"}) {
		t.Errorf("%v %v", field, exceeded)
	}
	if m.Take(1) == nil {
		t.Error("more was taken of it")
	}
	none := meter.From(t.Context())
	none.Exceed(nil)
	none.Reset()
	if err := none.Take(1 << 62); err != nil || none.Limit() != 0 || none.Held() != 0 {
		t.Error(err)
	}
}
