package turns

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// However much memory a tenant's calls need, another's call does not wait for them; calls beyond a tenant's share wait in order,
// and a call larger than the whole memory gets its turn too.
func TestRoomIsSharedByTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(1000)
		greedy, modest, large := webhook.ID{1}, webhook.ID{2}, webhook.ID{3}
		var order []int
		var mu sync.Mutex
		var held []func()
		for i := range 8 {
			go func() {
				giveBack, err := r.Take(t.Context(), greedy, 200)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order, held = append(order, i), append(held, giveBack)
			}()
			synctest.Wait()
		}
		if len(held) != 2 {
			t.Fatalf("a tenant alone holds %d fifths of the memory, want 2: half, and no more", len(held))
		}
		for range 3 {
			giveBack, err := r.Take(t.Context(), modest, 50)
			if err != nil {
				t.Fatal(err)
			}
			giveBack()
		}
		came := false
		go func() {
			giveBack, err := r.Take(t.Context(), large, 1<<40)
			if err != nil {
				t.Error(err)
			}
			came = true
			giveBack()
		}()
		for range 8 {
			synctest.Wait()
			mu.Lock()
			giveBack := held[0]
			held = held[1:]
			mu.Unlock()
			giveBack()
		}
		synctest.Wait()
		if !came {
			t.Error("the call that is larger than all of the memory still waits")
		}
		for i, n := range order {
			if i != n {
				t.Fatalf("a tenant's calls came to their turns as %v", order)
			}
		}
		checkWhole(t, r)
	})
}

// After calls that give up while they wait, in any order, all memory is free.
func TestRoomIsWholeAfterGivingUp(t *testing.T) {
	r := NewRoom(1000)
	var calls sync.WaitGroup
	for worker := range 20 {
		calls.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 500 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(200))*time.Microsecond)
				giveBack, err := r.Take(ctx, webhook.ID{byte(random.IntN(4))}, random.Int64N(400))
				switch {
				case err == nil:
					<-ctx.Done()
					giveBack()
				case !errors.Is(err, context.DeadlineExceeded):
					t.Error(err)
				}
				cancel()
			}
		})
	}
	calls.Wait()
	checkWhole(t, r)
}

// A tenant with too many waiting calls is refused; others are not.
func TestRoomBoundsWaitingCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom(1000)
		ctx, cancel := context.WithCancel(t.Context())
		for range maxWaiting + 2 { // two have got memory
			go func() { _, _ = r.Take(ctx, webhook.ID{1}, 250) }()
		}
		synctest.Wait()
		if _, err := r.Take(ctx, webhook.ID{1}, 1); !errors.Is(err, errNoRoom) {
			t.Errorf("one call too many: %v", err)
		}
		if giveBack, err := r.Take(ctx, webhook.ID{2}, 1); err != nil {
			t.Errorf("another tenant's: %v", err)
		} else {
			giveBack()
		}
		cancel()
		synctest.Wait()
		if r.free != 500 || len(r.ring) != 0 {
			t.Errorf("%d bytes are free, and %d tenants wait", r.free, len(r.ring))
		}
	})
}

func checkWhole(t *testing.T, r *Room) {
	t.Helper()
	if r.free != r.total || len(r.tenants) != 0 || len(r.ring) != 0 {
		t.Errorf("%d of %d bytes are free, %d tenants have some, %d wait", r.free, r.total, len(r.tenants), len(r.ring))
	}
}
