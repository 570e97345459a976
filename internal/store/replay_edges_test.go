package store_test

import (
	"context"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// ends waits until the replay is completed, and compares total, matched, started and skipped.
func (r *replaying) ends(t *suite, what string, made *webhook.Replay, want ...int) {
	t.Helper()
	is := r.is(t, made.ID, completed)
	total := -1
	if is.Total != nil {
		total = *is.Total
	}
	if diff := cmp.Diff(want, []int{total, is.Matched, is.Started, is.Skipped}); diff != "" {
		t.Errorf("%s: total, matched, started and skipped (-want +got):\n%s", what, diff)
	}
}

// Ranges may be as wide as they can be written, and then keep everything that has the value; those in which nothing is make a replay that ends
// at once.
func TestReplayRanges(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 2)
		first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
		soon, later := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		for name, test := range map[string]struct {
			f    store.DeliveryFilter
			want int
		}{
			"all times":         {store.DeliveryFilter{CreatedAt: store.TimeRange{From: &first, To: &last}, CompletedAt: store.TimeRange{From: &first, To: &last}}, 2},
			"the future":        {store.DeliveryFilter{CreatedAt: store.TimeRange{From: &soon, To: &later}}, 0},
			"completed later":   {store.DeliveryFilter{CompletedAt: store.TimeRange{From: &soon}}, 0},
			"before all":        {store.DeliveryFilter{CompletedAt: store.TimeRange{To: &first}}, 0},
			"all statuses":      {store.DeliveryFilter{HTTPStatuses: []store.IntRange{{From: new(math.MinInt64), To: new(math.MaxInt64)}}}, 2},
			"any status":        {store.DeliveryFilter{HTTPStatuses: []store.IntRange{{}}}, 2},
			"too high a status": {store.DeliveryFilter{HTTPStatuses: []store.IntRange{{From: new(math.MaxInt64)}}}, 0},
			"too low a status":  {store.DeliveryFilter{HTTPStatuses: []store.IntRange{{To: new(math.MinInt64)}}}, 0},
			"two ranges":        {store.DeliveryFilter{HTTPStatuses: []store.IntRange{{To: new(499)}, {From: new(500), To: new(500)}}}, 2},
			"unknown ids":       {store.DeliveryFilter{DeliveryIDs: []webhook.ID{{1}}, EventIDs: []webhook.ID{{2}}, ReplayIDs: []webhook.ID{{3}}}, 0},
			"an unknown type":   {store.DeliveryFilter{EventTypes: []string{"nobody.*"}}, 0},
		} {
			made := r.create(t, store.ReplayInput{Filter: test.f})
			if test.want == 0 {
				r.ends(t, name, made, 0, 0, 0, 0)
				continue
			}
			if r.waits(t, made.ID, test.want); *made.Total != test.want {
				t.Errorf("%s: a total of %d, want %d", name, *made.Total, test.want)
			}
			_, err := r.CancelReplay(t.Context(), made.ID)
			must(t, err)
			r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCanceled })
		}
		r.exact(t)
	})
}

// Of two replays of the same deliveries one sends each; another sends exactly what the first had sent, or what was canceled.
func TestReplaysOfTheSame(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 3)
		first := r.create(t, store.ReplayInput{})
		second := r.create(t, store.ReplayInput{Kind: webhook.ReplayAll})
		r.is(t, second.ID, func(is *webhook.Replay) bool {
			one := r.is(t, first.ID, func(*webhook.Replay) bool { return true })
			return one.Waiting()+is.Waiting() == 3
		})
		r.send(t, r.hook, 3, 500)
		one, two := r.is(t, first.ID, completed), r.is(t, second.ID, completed)
		if one.Started+two.Started != 3 || one.Failed+two.Failed != 3 {
			t.Errorf("both sent: %s %s", sprint(one), sprint(two))
		}
		r.fail(t, r.hook, 1) // which none of them has sent
		again := r.create(t, store.ReplayInput{Filter: store.DeliveryFilter{ReplayIDs: []webhook.ID{first.ID, second.ID}}})
		r.waits(t, again.ID, 3)
		canceled := r.create(t, store.ReplayInput{Kind: webhook.ReplayCancel, Filter: store.DeliveryFilter{ReplayIDs: []webhook.ID{again.ID}}})
		r.ends(t, "what waits is canceled", canceled, 3, 3, 3, 0)
		r.ends(t, "whose deliveries were canceled", again, 3, 3, 0, 3)
		undone := r.create(t, store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{ReplayIDs: []webhook.ID{canceled.ID}}})
		r.waits(t, undone.ID, 3)
		r.send(t, r.hook, 3, 200)
		r.ends(t, "what was canceled is sent", undone, 3, 3, 3, 0)
		r.exact(t)
	})
}

// A call with a key that was used before returns the same replay, also when its webhook is deleted by then; a rate of a replay that sends nothing
// is refused.
func TestReplayIsRepeated(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 1)
		to := register(t, r.Scope, webhook.New{Enabled: true})
		in := missing(to, store.DeliveryFilter{})
		in.IdempotencyKey = new("k")
		made := r.create(t, in)
		must(t, r.DeleteWebhook(t.Context(), to.ID))
		if again := r.create(t, in); again.ID != made.ID {
			t.Error("the same call creates another replay")
		}
		canceling := r.create(t, store.ReplayInput{Kind: webhook.ReplayCancel})
		_, err := r.UpdateReplay(t.Context(), canceling.ID, webhook.ReplayPatch{RatePerSecond: webhook.Some(new(7))})
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Field != "ratePerSecond" {
			t.Errorf("a rate of one that cancels: %v", err)
		}
	})
}

// What a step costs does not depend on the number of deliveries: up to 500 of them are made due by four statements, and canceled by four. A step
// has fewer when reading them has taken too long.
func TestReplayStatements(t *testing.T) {
	const deliveries, atMost, statementsEach = 1300, 500, 4
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		r := &replaying{Scope: c, s: s, hook: register(t, c, webhook.New{Enabled: true})}
		for range deliveries / 100 {
			publish(t, c, make([]webhook.NewEvent, 100)...)
		}
		must(t, s.Flush(t.Context()))
		statements := s.CountWrites()
		largest, _ := s.LargestWrite()
		of := func(what string) {
			t.Helper()
			var counted []string
			steps := 0
			for _, text := range statements() {
				if strings.Contains(text, "deliveries") || strings.Contains(text, "replay_queue") || strings.HasPrefix(text, "UPDATE replays SET") && !strings.Contains(text, "completed_at") {
					counted = append(counted, text)
				}
				if strings.HasPrefix(text, "UPDATE replays SET cursor") {
					steps++
				}
			}
			if most := steps*statementsEach + 2; len(counted) > most || steps*atMost < deliveries { // one finds where it ends, and one completes it
				t.Errorf("%s: %d statements for %d steps, want %d:\n%s", what, len(counted), steps, most, strings.Join(counted, "\n"))
			}
			if n := largest(); n > atMost+10 { // and the job
				t.Errorf("%s: a transaction changed %d rows", what, n)
			}
		}
		r.is(t, r.create(t, store.ReplayInput{Kind: webhook.ReplayCancel}).ID, completed)
		of("cancel")
		r.waits(t, r.create(t, store.ReplayInput{Kind: webhook.ReplayAll}).ID, deliveries)
		of("send")
	})
}

// What fails while a replay is being created is sent by it, and is in its total: 5 of 5, not 5 of 0.
func TestReplayTotalIsOfItsRange(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 1)
		publish(t, r.Scope, make([]webhook.NewEvent, 4)...)
		claims, _ := claim(t, s, r.hook.ID, 4)
		release := s.Hold(t)
		for _, claimed := range claims {
			must(t, s.Record(t.Context(), &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
				Status: webhook.AttemptFailed, Error: new(webhook.ErrorTimeout), Trigger: claimed.Delivery.Trigger, StartedAt: time.Now(),
			}}))
		}
		created := make(chan *webhook.Replay, 1)
		go func() {
			made, err := r.CreateReplay(t.Context(), &store.ReplayInput{Kind: webhook.ReplayFailed})
			if err != nil {
				t.Error(err)
			}
			created <- made
		}()
		webhooktest.Eventually(t, "the results and the replay wait to be written", func() bool {
			results, others := s.Queued()
			return results == len(claims) && others > 0
		})
		release()
		made := <-created
		if made == nil || made.Total == nil || *made.Total != 5 {
			t.Fatalf("created: %s", sprint(made))
		}
		r.waits(t, made.ID, 5)
		r.send(t, r.hook, 5, 200)
		r.ends(t, "what failed meanwhile", made, 5, 5, 5, 0)
	})
}

// Whoever creates a replay learns its total, although the worker looks for replays all the time.
func TestReplayIsCountedFirst(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 3)
		ctx, stop := context.WithCancel(t.Context())
		var woken sync.WaitGroup
		woken.Go(func() {
			for ctx.Err() == nil {
				s.WakeReplays()
				runtime.Gosched()
			}
		})
		defer woken.Wait()
		defer stop()
		for range 30 {
			made := r.create(t, store.ReplayInput{Filter: store.DeliveryFilter{EventTypes: []string{"of.none"}}})
			if made.Total == nil || made.Status != webhook.ReplayQueued {
				t.Fatalf("created: %s", sprint(made))
			}
			r.is(t, made.ID, func(is *webhook.Replay) bool { return is.CompletedAt != nil })
		}
	})
}

// A replay that has ended has done as many as its total says: what others took before its turn came is skipped, and what it came to although it
// was not counted raises the total. The total never falls, and is never below what was done.
func TestReplayTotalIsExact(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 6)
		made := r.create(t, store.ReplayInput{RatePerSecond: new(1)})
		r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Matched > 0 })
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(true)})
		webhooktest.Eventually(t, "nothing is due", func() bool { return !r.due(t) })
		for id := range r.states(t) { // among them what is parked
			_, err := r.RetryDelivery(t.Context(), id)
			must(t, err)
		}
		r.send(t, r.hook, 6, 200)
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(false), RatePerSecond: webhook.Some[*int](nil)})
		r.ends(t, "all were retried by hand", made, 6, 6, 0, 6)

		publish(t, r.Scope, webhook.NewEvent{Type: "c.d"})
		r.send(t, r.hook, 1, 200)
		backfilled := func(at, then string, total, sent int) {
			t.Helper()
			to := register(t, r.Scope, webhook.New{Events: []string{at}, RetryScheduleMs: []int{}}) // disabled: the replay waits
			made := r.create(t, missing(to, store.DeliveryFilter{}))
			if *made.Total != total {
				t.Errorf("created: %s", sprint(made))
			}
			all := max(total, sent)
			past := map[string]string{"sqlite": "created_at - 60000000", "postgres": "created_at - interval '1 minute'"}[t.Kind]
			must(t, s.Exec("UPDATE replays SET total = NULL, cursor = -1, created_at = "+past+" WHERE completed_at IS NULL")) // the server ended before it had counted
			r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Total != nil && *is.Total == total })
			_, _, err := r.UpdateWebhook(t.Context(), to.ID, webhook.Patch{Enabled: webhook.Some(true), Events: webhook.Some([]string{then})}, nil)
			must(t, err)
			if is := r.waits(t, made.ID, sent); *is.Total < all {
				t.Errorf("%d of them wait: %s", sent, sprint(is))
			}
			r.send(t, to, sent, 200)
			r.ends(t, at+" became "+then, made, all, all, sent, all-sent)
		}
		backfilled("x.y", "*", 0, 7)
		backfilled("*", "c.d", 7, 1)

		r.fail(t, r.hook, 5)
		made = r.create(t, store.ReplayInput{RatePerSecond: new(1)})
		r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Matched > 0 })
		must(t, s.Exec("UPDATE replays SET total = matched WHERE completed_at IS NULL")) // as of one that an earlier version has created
		r.update(t, made.ID, webhook.ReplayPatch{RatePerSecond: webhook.Some[*int](nil)})
		if is := r.waits(t, made.ID, 5); *is.Total != 5 {
			t.Errorf("all wait: %s", sprint(is))
		}
		must(t, s.Exec("UPDATE replays SET total = NULL WHERE completed_at IS NULL")) // too many to count
		r.send(t, r.hook, 5, 200)
		r.ends(t, "what was too many to count", made, 5, 5, 5, 0)
		r.exact(t)
	})
}
