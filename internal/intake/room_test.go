package intake

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
)

// One holder gets half of the total, two a third each, and a new one always gets some; waiting holders without anything are served
// first.
func TestRoomShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(12)
		a, b, c := [16]byte{1}, [16]byte{2}, [16]byte{3}
		take := func(key [16]byte) (n int64) {
			for r.TryTake(key, 1) {
				n++
			}
			return n
		}
		if got := [3]int64{take(a), take(b), take(c)}; got != [3]int64{6, 3, 2} {
			t.Errorf("%v", got)
		}
		var order []byte
		var mu sync.Mutex
		wait := func(key [16]byte, n int64) {
			go func() {
				if waited, err := r.Take(t.Context(), key, n); !waited || err != nil {
					t.Error(waited, err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, key[0])
			}()
			synctest.Wait()
		}
		d := [16]byte{4}
		wait(b, 1)
		wait(d, 3)
		if r.TryTake(c, 1) {
			t.Error("taken in front of one who holds nothing")
		}
		r.Give(a, 1)
		r.Give(a, 1)
		synctest.Wait()
		if string(order) != "\x04" {
			t.Errorf("%v", order)
		}
		r.Give(a, 4)
		synctest.Wait()
		if string(order) != "\x04\x02" || r.Used() != 4+2+3 {
			t.Errorf("%v, %d used", order, r.Used())
		}
	})
}

// Whether holders wait, cancel or are served, no more than the total is taken; at the end all is available, and no holder is
// remembered.
func TestRoomIsWholeAgain(t *testing.T) {
	const total = 100
	r := NewRoom(total)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(2) == 0 {
					all.Go(cancel)
				}
				key, n := [16]byte{byte(rand.IntN(5))}, 1+rand.Int64N(50)
				if _, err := r.Take(ctx, key, n); err == nil {
					if used := r.Used(); used > total {
						t.Errorf("%d of %d are used", used, total)
					}
					r.Give(key, n)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if r.used != 0 || len(r.lines) != 0 || len(r.waiting) != 0 {
		t.Errorf("%d are used, by %d; %d wait", r.used, len(r.lines), len(r.waiting))
	}
}
