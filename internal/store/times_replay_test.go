package store_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A replay sends deliveries with the payload settings that their webhook has when they are replayed, whatever they were made with, and each attempt
// names its own. A canceled replay gives back deliveries as they were.
func TestReplayTakesCurrentPayload(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 2) // without settings
		set := func(p *webhook.Payload) {
			t.Helper()
			_, _, err := r.UpdateWebhook(t.Context(), r.hook.ID, webhook.Patch{Payload: webhook.Some(p)}, nil)
			must(t, err)
		}
		set(shaped(`"old"`))
		r.fail(t, r.hook, 2)
		set(shaped(`"new"`))
		made := r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 4)
		claims, _ := claim(t, s, r.hook.ID, 4)
		for _, claimed := range claims {
			if got := bodyOf(t, s, claimed); got != `"new"` {
				t.Errorf("replayed: %s", got)
			}
			record(t, s, claimed, 500)
		}
		set(nil)
		made = r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 4)
		claims, _ = claim(t, s, r.hook.ID, 4)
		for _, claimed := range claims {
			if got := bodyOf(t, s, claimed); got != "default" {
				t.Errorf("replayed again: %s", got)
			}
			record(t, s, claimed, 500)
		}
		if len(claims) != 4 {
			t.Errorf("%d deliveries were replayed, want 4", len(claims))
		}
		bodies := map[string]int{}
		attempts, err := r.Attempts(t.Context(), store.AttemptFilter{}, store.Page{First: 100})
		must(t, err)
		for _, a := range attempts.Items {
			p, err := r.PayloadOf(t.Context(), a)
			must(t, err)
			text := "default"
			if p != nil {
				b, err := p.Render(&webhook.Event{Data: json.RawMessage("1")}, nil)
				must(t, err)
				text = string(b.Bytes)
			}
			bodies[text]++
		}
		if bodies["default"] != 2+4 || bodies[`"old"`] != 2 || bodies[`"new"`] != 4 {
			t.Errorf("attempts: %v", bodies)
		}
		r.exact(t)
	})
}

// A replay delivers expired events: it is an explicit wish, like a retry by hand. The sweep leaves what waits for it alone; what fails again has
// expired, and is not retried by the schedule.
func TestReplayOfExpiredEvents(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		owner, err := s.EnsureTenant(t.Context(), "a")
		must(t, err)
		r := &replaying{Scope: s.In(owner.ID), s: s, tenant: owner}
		r.hook = register(t, r.Scope, webhook.New{Enabled: true, RetryScheduleMs: []int{1}})
		expires := time.Now().Add(50 * time.Millisecond)
		publish(t, r.Scope, webhook.NewEvent{ExpiresAt: &expires}, webhook.NewEvent{ExpiresAt: &expires})
		webhooktest.Eventually(t, "the events expire", func() bool { return time.Now().After(expires.Add(time.Millisecond)) })
		if n, err := s.ExpireEvents(t.Context()); n != 2 || err != nil {
			t.Fatalf("%d ended, want 2 (%v)", n, err)
		}
		made := r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 2)
		if n, err := s.ExpireEvents(t.Context()); n != 0 || err != nil {
			t.Errorf("%d that were to be replayed ended (%v)", n, err)
		}
		claims, _ := claim(t, s, r.hook.ID, 2)
		if len(claims) != 2 {
			t.Fatalf("%d are due, want 2", len(claims))
		}
		for i, claimed := range claims {
			if claimed.Delivery.Expired(time.Now()) {
				t.Error("the sender does not attempt what is replayed")
			}
			record(t, s, claimed, []int{200, 500}[i])
		}
		done := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted })
		if done.Succeeded != 1 || done.Failed != 1 {
			t.Errorf("completed: %s", sprint(done))
		}
		left := r.states(t)
		for i, claimed := range claims {
			is := left[claimed.Delivery.ID]
			want := []webhook.DeliveryStatus{webhook.DeliverySucceeded, webhook.DeliveryFailed}[i]
			if is.Status != want || is.AttemptCount != 1 || i == 1 && (is.Reason == nil || *is.Reason != webhook.FailureExpired) {
				t.Errorf("answered %s: %s", want, sprint(is))
			}
		}
		r.exact(t)
	})
}

// The pace of a replay is that of the last seconds, and is stored, so that every replica estimates the same end, also after a restart: it counts
// from the creation, is moved on with what is sent, skipped or canceled, and begins again when the replay is resumed or its rate changes.
func TestPaceOfReplays(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 40)
		made := r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 40)
		r.send(t, r.hook, 10, 200)
		is := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Started == 10 })
		if is.PaceSince != nil || is.PaceDone != 0 {
			t.Errorf("in its first seconds, its pace counts from %v and %d, not from its creation", is.PaceSince, is.PaceDone)
		}
		paced := func(ago time.Duration, done int) (since time.Time) {
			t.Helper()
			since = time.Now().Add(-ago)
			must(t, s.InTransaction(t.Context(), func(b *dialect.Tx) error {
				return b.DB.Exec("UPDATE replays SET pace_since = ?, pace_done = ? WHERE id = ?", dialect.At(since), done, made.ID).Error
			}))
			return since
		}
		since := paced(time.Minute, 0)
		r.send(t, r.hook, 1, 200)
		is = r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Started == 11 })
		if half := since.Add(30 * time.Second); is.PaceSince == nil || is.PaceSince.Sub(half).Abs() > 10*time.Second || is.PaceDone != 5 {
			t.Errorf("after a minute, it counts from %v and %d, want half of it, %v and 5", is.PaceSince, is.PaceDone, half)
		}
		since = paced(15*time.Second, 3)
		r.send(t, r.hook, 1, 200)
		is = r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Started == 12 })
		if is.PaceSince == nil || is.PaceSince.Sub(since).Abs() > time.Millisecond || is.PaceDone != 3 {
			t.Errorf("after 15 seconds, it counts from %v and %d, want %v and 3", is.PaceSince, is.PaceDone, since)
		}
		paced(-time.Hour, 3) // the clock was set back
		r.send(t, r.hook, 1, 200)
		is = r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Started == 13 })
		if is.PaceSince == nil || time.Until(*is.PaceSince) > time.Second || is.PaceDone != 12 {
			t.Errorf("after the clock was set back, it counts from %v and %d, want now and 12", is.PaceSince, is.PaceDone)
		}
		for _, change := range []webhook.ReplayPatch{{Paused: webhook.Some(true)}, {Paused: webhook.Some(false)}, {RatePerSecond: webhook.Some(new(100))}} {
			paced(24*time.Hour, 3)
			changed, err := r.UpdateReplay(t.Context(), made.ID, change)
			must(t, err)
			if begun := time.Since(*changed.PaceSince) < time.Minute && changed.PaceDone == 13; begun == change.Paused.Value {
				t.Errorf("%+v: it counts from %v and %d", change, changed.PaceSince, changed.PaceDone)
			}
		}
		before := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Waiting() == 27 })
		must(t, s.Close())
		r.s = t.Open(t, store.Options{})
		r.Scope = r.s.In(r.tenant.ID)
		after := r.is(t, made.ID, func(*webhook.Replay) bool { return true })
		at := before.PaceSince.Add(20 * time.Second)
		if x, y := before.EstimatedCompletionAt(at), after.EstimatedCompletionAt(at); !cmp.Equal(x, y) || !cmp.Equal(before.PaceSince, after.PaceSince) {
			t.Errorf("estimated for %v, after a restart for %v", x, y)
		}
	})
}

// The sweep of expired deliveries reads what is late by its index, in its order: whatever else is stored, it scans and sorts nothing.
func TestExpirySweepPlan(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		expires := time.Now().Add(20 * time.Millisecond)
		publish(t, c, webhook.NewEvent{ExpiresAt: &expires}, webhook.NewEvent{}, webhook.NewEvent{})
		webhooktest.Eventually(t, "the event expires", func() bool { return time.Now().After(expires.Add(time.Millisecond)) })
		plans := s.Plans()
		if n, err := s.ExpireEvents(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d ended, want 1 (%v)", n, err)
		}
		found := 0
		for text, plan := range plans(t) {
			if !strings.Contains(text, "d.triggered_by = 'SCHEDULE'") {
				continue
			}
			found++
			lines := strings.Split(plan, "\n")
			sorts := slices.ContainsFunc(lines, func(l string) bool {
				return strings.Contains(l, "TEMP B-TREE") || strings.Contains(l, "Sort  (") || strings.Contains(l, "SCAN ") && !strings.Contains(l, "INDEX") || strings.Contains(l, "Seq Scan")
			})
			if sorts || !strings.Contains(plan, "expires") {
				t.Errorf("%s\n%s", text, plan)
			}
		}
		if found != 2 {
			t.Errorf("%d statements of the sweep were seen, want 2", found)
		}
	})
}

// Retention keeps an event, and its delivery, that is to be delivered later than the retention reaches.
func TestRetentionKeepsWhatIsDueFarAhead(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		at := time.Now().Add(29 * 24 * time.Hour).UTC().Truncate(time.Microsecond)
		kept := publish(t, c, webhook.NewEvent{DeliverAt: &at})[0].Event
		gone := publish(t, c, webhook.NewEvent{})[0].Event
		claims, _ := claim(t, s, w.ID, 10)
		if len(claims) != 1 || claims[0].Event.ID != gone.ID {
			t.Fatalf("%d are due", len(claims))
		}
		record(t, s, claims[0], 200)
		flush(t, s)
		_, err := s.Prune(t.Context(), time.Now().Add(time.Hour))
		must(t, err)
		_, err = s.ExpireDeliveries(t.Context(), time.Now().Add(-time.Second))
		must(t, err)
		found, err := c.EventsByID(t.Context(), []webhook.ID{kept.ID, gone.ID})
		must(t, err)
		if found[kept.ID] == nil || found[gone.ID] != nil {
			t.Errorf("kept %v, removed %v", found[kept.ID] != nil, found[gone.ID] == nil)
		}
		if _, next := claim(t, s, w.ID, 10); next == nil || !next.Equal(at) {
			t.Errorf("the next is due at %v, want %v", next, at)
		}
		if wrong, err := s.CheckBacklog(t.Context()); len(wrong) != 0 || err != nil {
			t.Errorf("backlog: %v %v", wrong, err)
		}
	})
}
