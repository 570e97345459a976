package store_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// replaying is a tenant with a webhook whose deliveries have failed.
type replaying struct {
	*store.Scope
	s      *store.Store
	tenant *webhook.Tenant
	hook   *webhook.Webhook
}

// failing publishes n events to a new webhook without retries, whose deliveries all fail.
func failing(t *suite, s *store.Store, n int) *replaying {
	t.Helper()
	owner, err := s.EnsureTenant(t.Context(), "a")
	must(t, err)
	r := &replaying{Scope: s.In(owner.ID), s: s, tenant: owner}
	r.hook = register(t, r.Scope, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
	r.fail(t, r.hook, n)
	return r
}

// fail publishes n events, of which the delivery to the webhook fails.
func (r *replaying) fail(t *suite, w *webhook.Webhook, n int) {
	t.Helper()
	publish(t, r.Scope, make([]webhook.NewEvent, n)...)
	r.send(t, w, n, 500)
}

// send has what is due to the webhook, which must be n deliveries, answered with the status.
func (r *replaying) send(t *suite, w *webhook.Webhook, n, status int) {
	t.Helper()
	sent := 0
	for sent < n {
		claims, _ := claim(t, r.s, w.ID, n-sent)
		if len(claims) == 0 {
			t.Fatalf("%d of %d deliveries are due", sent, n)
		}
		for _, claimed := range claims {
			record(t, r.s, claimed, status)
		}
		sent += len(claims)
	}
}

// is waits until the replay is as wanted.
func (r *replaying) is(t *suite, id webhook.ID, want func(r *webhook.Replay) bool) (is *webhook.Replay) {
	t.Helper()
	webhooktest.Eventually(t, "the replay is as wanted", func() bool {
		found, err := r.ReplaysByID(t.Context(), []webhook.ID{id})
		must(t, err)
		is = found[id]
		return want(is)
	}, func() string { return sprint(is) })
	return is
}

func (r *replaying) create(t *suite, in store.ReplayInput) *webhook.Replay {
	t.Helper()
	if in.Kind == "" {
		in.Kind = webhook.ReplayFailed
	}
	made, err := r.CreateReplay(t.Context(), &in)
	must(t, err)
	return made
}

// waits waits until the given number of deliveries waits for the replay.
func (r *replaying) waits(t *suite, id webhook.ID, n int) *webhook.Replay {
	t.Helper()
	return r.is(t, id, func(is *webhook.Replay) bool { return is.Waiting() == n })
}

// A replay makes each failed delivery due once, and counts the results: what was sent, what succeeded, what failed again. Other
// deliveries stay as they are, and the replay is completed when everything was sent.
func TestReplay(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 5)
		publish(t, r.Scope, webhook.NewEvent{})
		r.send(t, r.hook, 1, 200)
		made := r.create(t, store.ReplayInput{Note: "after the outage"})
		if made.Total == nil || *made.Total != 5 || made.Status != webhook.ReplayQueued {
			t.Errorf("created: %s", sprint(made))
		}
		r.waits(t, made.ID, 5)
		r.send(t, r.hook, 3, 200)
		r.send(t, r.hook, 2, 500)
		done := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted })
		if done.Matched != 5 || done.Started != 5 || done.Succeeded != 3 || done.Failed != 2 || done.Skipped != 0 || done.CompletedAt == nil {
			t.Errorf("completed: %s", sprint(done))
		}
		of, err := r.Deliveries(t.Context(), store.DeliveryFilter{ReplayIDs: []webhook.ID{made.ID}}, store.Page{})
		must(t, err)
		for _, d := range of.Items {
			last, err := r.LastAttempts(t.Context(), []webhook.ID{d.ID}, nil)
			must(t, err)
			if a := last[d.ID]; d.AttemptCount != 2 || a.ReplayID == nil || *a.ReplayID != made.ID || a.Trigger != webhook.TriggerReplay {
				t.Errorf("a replayed delivery: %s, its attempt: %s", sprint(d), sprint(a))
			}
		}
		if len(of.Items) != 5 {
			t.Errorf("%d deliveries of the replay, want 5", len(of.Items))
		}
		r.exact(t)
	})
}

// exact fails the test if the backlog that statistics tell is not what waits, or if a replay's queue is not what it says.
func (r *replaying) exact(t *suite) {
	t.Helper()
	wrong, err := r.s.CheckBacklog(t.Context())
	must(t, err)
	for _, w := range wrong {
		t.Errorf("the backlog: %s", sprint(w))
	}
	rows, err := r.s.CountRows(t.Context(), r.tenant.ID)
	must(t, err)
	replays, err := r.Replays(t.Context(), store.Page{})
	must(t, err)
	waiting := 0
	for _, one := range replays.Items {
		if one.Status != webhook.ReplayCanceled {
			waiting += one.Waiting()
		}
	}
	if int(rows["replay_queue"]) != waiting {
		t.Errorf("%d rows in the queues of replays, which say that %d wait", rows["replay_queue"], waiting)
	}
}

// sprint is a value as JSON, for messages.
func sprint(v any) string { return string(dialect.CompactJSON(v)) }

// state is what a replay may change of a delivery.
type state struct {
	Status        webhook.DeliveryStatus
	AttemptCount  int
	ScheduleStart int
	Trigger       webhook.Trigger
	CompletedAt   *time.Time
	Reason        *webhook.FailureReason
	Replay        *webhook.ID
}

// states are those of all deliveries.
func (r *replaying) states(t *suite) map[webhook.ID]state {
	t.Helper()
	all := map[webhook.ID]state{}
	for page := (store.Page{First: 100}); ; {
		l, err := r.Deliveries(t.Context(), store.DeliveryFilter{}, page)
		must(t, err)
		for _, d := range l.Items {
			all[d.ID] = state{d.Status, d.AttemptCount, d.ScheduleStart, d.Trigger, d.CompletedAt, d.FailureReason, d.ReplayID}
		}
		if !l.HasNext {
			return all
		}
		page.After = l.End
	}
}

// A paused replay gives back what was not sent: it is what it was, and nothing of it is due. A resumed one sends exactly that, and a
// canceled one leaves it permanently. What was being sent meanwhile is counted.
func TestReplayPausesAndResumes(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 8)
		before := r.states(t)
		made := r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 8)
		running, _ := claim(t, s, r.hook.ID, 2)
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(true)})
		webhooktest.Eventually(t, "nothing is due", func() bool { return !r.due(t) })
		changed := cmp.Diff(before, r.states(t))
		for _, claimed := range running {
			delete(before, claimed.Delivery.ID)
		}
		now := r.states(t)
		for _, claimed := range running {
			delete(now, claimed.Delivery.ID)
		}
		if diff := cmp.Diff(before, now); diff != "" || changed == "" {
			t.Errorf("what was put back differs (-before +now):\n%s", diff)
		}
		r.exact(t)
		for _, claimed := range running {
			record(t, s, claimed, 200)
		}
		if is := r.waits(t, made.ID, 6); is.Status != webhook.ReplayPaused || is.Succeeded != 2 {
			t.Errorf("paused: %s", sprint(is))
		}
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(false)})
		webhooktest.Eventually(t, "something is due", func() bool { return r.due(t) })
		r.send(t, r.hook, 3, 200)
		left := r.states(t)
		_, err := r.CancelReplay(t.Context(), made.ID)
		must(t, err)
		done := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCanceled })
		if done.Started != 5 || done.Succeeded != 5 || done.Skipped != 0 || done.Waiting() != 3 {
			t.Errorf("canceled: %s", sprint(done))
		}
		for id, was := range r.states(t) {
			if of := left[id]; of.Status == webhook.Pending {
				of = before[id]
				if diff := cmp.Diff(of, was); diff != "" {
					t.Errorf("what was canceled differs (-before +now):\n%s", diff)
				}
			}
		}
		r.exact(t)
	})
}

func (r *replaying) update(t *suite, id webhook.ID, p webhook.ReplayPatch) {
	t.Helper()
	_, err := r.UpdateReplay(t.Context(), id, p)
	must(t, err)
}

// due reports whether anything can be claimed.
func (r *replaying) due(t *suite) bool {
	t.Helper()
	due, err := r.OldestDue(t.Context(), []webhook.ID{r.hook.ID})
	must(t, err)
	return due[r.hook.ID] != nil
}

// What goes to a webhook that is disabled is skipped, as is what waits when it is disabled. It becomes what it was before.
func TestReplaySkips(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 4)
		before := r.states(t)
		made := r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 4)
		enable := func(is bool) {
			_, _, err := r.UpdateWebhook(t.Context(), r.hook.ID, webhook.Patch{Enabled: webhook.Some(is)}, nil)
			must(t, err)
		}
		enable(false)
		completed := func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted }
		if done := r.is(t, made.ID, completed); done.Skipped != 4 || done.Started != 0 {
			t.Errorf("disabled while they waited: %s", sprint(done))
		}
		if diff := cmp.Diff(before, r.states(t)); diff != "" {
			t.Errorf("what was skipped differs (-before +now):\n%s", diff)
		}
		if done := r.is(t, r.create(t, store.ReplayInput{}).ID, completed); done.Skipped != 4 {
			t.Errorf("disabled before: %s", sprint(done))
		}
		enable(true)
		r.exact(t)
		made = r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 4)
		one := anyOf(before)
		_, err := r.CancelDelivery(t.Context(), one)
		must(t, err)
		must(t, r.DeleteWebhook(t.Context(), r.hook.ID))
		if done := r.is(t, made.ID, completed); done.Skipped != 4 {
			t.Errorf("canceled and deleted while they waited: %s", sprint(done))
		}
		r.exact(t)
	})
}

func anyOf[V any](m map[webhook.ID]V) (id webhook.ID) {
	for id = range m {
		return id
	}
	return id
}

// A delivery that is retried by hand while it waits leaves the replay, and a replay that is canceled does not touch it.
func TestRetryLeavesReplay(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 3)
		made := r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 3)
		one := anyOf(r.states(t))
		d, err := r.RetryDelivery(t.Context(), one)
		must(t, err)
		if d.ReplayID != nil || d.Trigger != webhook.TriggerManual {
			t.Errorf("retried: %s", sprint(d))
		}
		_, err = r.CancelReplay(t.Context(), made.ID)
		must(t, err)
		done := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCanceled })
		if is := r.states(t)[one]; done.Skipped != 1 || is.Status != webhook.Pending {
			t.Errorf("canceled: %s; retried: %s", sprint(done), sprint(is))
		}
		r.exact(t)
		r.send(t, r.hook, 1, 200)
		// One that has been sent stays the replay's, and counts once.
		made = r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 2)
		r.send(t, r.hook, 2, 500)
		done = r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted })
		for id, is := range r.states(t) {
			if is.Status == webhook.DeliveryFailed {
				_, err = r.RetryDelivery(t.Context(), id)
				must(t, err)
			}
		}
		r.send(t, r.hook, 2, 200)
		if again := r.is(t, made.ID, func(*webhook.Replay) bool { return true }); again.Failed != 2 || again.Succeeded != 0 {
			t.Errorf("retried after the replay: %s, before: %s", sprint(again), sprint(done))
		}
	})
}

// What is canceled, and then retried by hand, while its attempt runs leaves the replay: the replay's counters say what they said, however it
// ends. What cancelDeliveries has canceled leaves that replay, too.
func TestCanceledAndRetriedLeavesReplay(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		for _, status := range []int{200, 500} {
			r := failing(t, s, 1)
			made := r.create(t, store.ReplayInput{})
			r.waits(t, made.ID, 1)
			running, _ := claim(t, s, r.hook.ID, 1)
			canceling := r.create(t, store.ReplayInput{Kind: webhook.ReplayCancel, Filter: store.DeliveryFilter{WebhookIDs: []webhook.ID{r.hook.ID}}})
			r.is(t, canceling.ID, completed)
			r.is(t, made.ID, completed)
			d, err := r.RetryDelivery(t.Context(), running[0].Delivery.ID)
			must(t, err)
			if d.ReplayID != nil {
				t.Errorf("retried: %s", sprint(d))
			}
			record(t, s, running[0], status)
			for id, want := range map[webhook.ID][]int{made.ID: {1, 0, 0, 0, 1}, canceling.ID: {1, 1, 0, 0, 0}} {
				is := r.is(t, id, completed)
				if diff := cmp.Diff(want, []int{is.Matched, is.Started, is.Succeeded, is.Failed, is.Skipped}); diff != "" {
					t.Errorf("status %d, kind %s, matched, started, succeeded, failed and skipped (-want +got):\n%s", status, is.Kind, diff)
				}
			}
			r.exact(t)
		}
	})
}

// The same key with the same input is the same replay; with another it is a conflict. Another tenant's key, and its replays, are of no
// account: they are not found.
func TestReplayKeys(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 1)
		in := store.ReplayInput{IdempotencyKey: new("k"), Note: "n", Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{
			Data: []filter.Data{{Path: "job", Contains: new("1")}},
		}}
		made, again := r.create(t, in), r.create(t, in)
		if made.ID != again.ID {
			t.Error("the same input is another replay")
		}
		in.Note = "other"
		_, err := r.CreateReplay(t.Context(), &in)
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeConflict || bad[0].Field != "idempotencyKey" {
			t.Errorf("another input: %v", err)
		}
		other := tenant(t, s, "b")
		theirs, err := other.CreateReplay(t.Context(), &in)
		must(t, err)
		for what, do := range map[string]func() error{
			"pause": func() error {
				_, err := r.UpdateReplay(t.Context(), theirs.ID, webhook.ReplayPatch{Paused: webhook.Some(true)})
				return err
			},
			"cancel": func() error { _, err := r.CancelReplay(t.Context(), theirs.ID); return err },
		} {
			if err := do(); !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("%s of another tenant's replay: %v", what, err)
			}
		}
		if found, err := r.ReplaysByID(t.Context(), []webhook.ID{theirs.ID}); err != nil || len(found) > 0 {
			t.Errorf("another tenant's replay is found (%v)", err)
		}
		if l, err := r.Replays(t.Context(), store.Page{}); err != nil || len(l.Items) != 1 {
			t.Errorf("%d replays listed, want 1 (%v)", len(l.Items), err)
		}
	})
}

// A tenant may have some replays with work to do, and no more; a rate, a note and a status that are out of bounds are refused by field.
func TestReplayBounds(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 1)
		for field, in := range map[string]store.ReplayInput{
			"ratePerSecond":     {RatePerSecond: new(0)},
			"note":              {Note: strings.Repeat("n", webhook.MaxReplayNoteBytes+1)},
			"idempotencyKey":    {IdempotencyKey: new("\x00")},
			"filter.statuses.0": {Filter: store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending}}},
		} {
			in.Kind = webhook.ReplayFailed
			_, err := r.CreateReplay(t.Context(), &in)
			if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		var last *webhook.Replay
		for range webhook.MaxReplays {
			last = r.create(t, store.ReplayInput{Filter: store.DeliveryFilter{WebhookIDs: []webhook.ID{r.hook.ID}}})
			r.update(t, last.ID, webhook.ReplayPatch{Paused: webhook.Some(true)})
		}
		_, err := r.CreateReplay(t.Context(), &store.ReplayInput{Kind: webhook.ReplayAll})
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeQuota {
			t.Errorf("one too many: %v", err)
		}
		_, err = r.CancelReplay(t.Context(), last.ID)
		must(t, err)
		r.is(t, last.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCanceled })
		r.create(t, store.ReplayInput{})
		_, err = r.UpdateReplay(t.Context(), last.ID, webhook.ReplayPatch{Paused: webhook.Some(false)})
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeConflict {
			t.Errorf("a canceled one is resumed: %v", err)
		}
	})
}

// A replay sends what its filter keeps, and its preview says the same: how many, to which webhooks, and some of them.
func TestReplayPreview(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 3)
		other := register(t, r.Scope, webhook.New{Enabled: true, RetryScheduleMs: []int{}, Events: []string{"b.c"}})
		publish(t, r.Scope, make([]webhook.NewEvent, 2)...)
		r.send(t, r.hook, 2, 200)
		publish(t, r.Scope, webhook.NewEvent{Type: "b.c", Data: json.RawMessage(`{"job":2}`)})
		r.send(t, r.hook, 1, 500)
		r.send(t, other, 1, 500)
		one := anyOf(r.states(t))
		for name, test := range map[string]struct {
			in   store.ReplayInput
			want []store.WebhookCount
		}{
			"failed":   {store.ReplayInput{Kind: webhook.ReplayFailed}, []store.WebhookCount{{WebhookID: r.hook.ID, N: 4}, {WebhookID: other.ID, N: 1}}},
			"all":      {store.ReplayInput{Kind: webhook.ReplayAll}, []store.WebhookCount{{WebhookID: r.hook.ID, N: 6}, {WebhookID: other.ID, N: 1}}},
			"webhook":  {store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{WebhookIDs: []webhook.ID{other.ID}}}, []store.WebhookCount{{WebhookID: other.ID, N: 1}}},
			"type":     {store.ReplayInput{Kind: webhook.ReplayFailed, Filter: store.DeliveryFilter{EventTypes: []string{"b.*"}}}, []store.WebhookCount{{WebhookID: other.ID, N: 1}, {WebhookID: r.hook.ID, N: 1}}},
			"data":     {store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{Data: []filter.Data{{Path: "job", Equals: json.RawMessage("2")}}}}, []store.WebhookCount{{WebhookID: other.ID, N: 1}, {WebhookID: r.hook.ID, N: 1}}},
			"null":     {store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{Data: []filter.Data{{Path: "job", Equals: json.RawMessage("null")}}}}, nil},
			"ids":      {store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{DeliveryIDs: []webhook.ID{one, one}}}, []store.WebhookCount{{WebhookID: r.of(t, one), N: 1}}},
			"later":    {store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{CreatedAt: store.TimeRange{From: new(time.Now().Add(time.Hour))}}}, nil},
			"answered": {store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{HTTPStatuses: []store.IntRange{{From: new(200), To: new(299)}}}}, []store.WebhookCount{{WebhookID: r.hook.ID, N: 2}}},
		} {
			slices.SortFunc(test.want, func(a, b store.WebhookCount) int { return cmpCounts(a, b) })
			p, err := r.PreviewReplay(t.Context(), &test.in)
			must(t, err)
			n := 0
			for _, one := range test.want {
				n += one.N
			}
			if diff := cmp.Diff(test.want, p.ByWebhook); diff != "" || p.N != n || p.AtLeast || len(p.Samples) != min(n, 5) {
				t.Errorf("%s: %d deliveries, %d samples, by webhook (-want +got):\n%s", name, p.N, len(p.Samples), diff)
			}
			made := r.create(t, test.in)
			if n == 0 {
				r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted })
				continue
			}
			r.waits(t, made.ID, n)
			_, err = r.CancelReplay(t.Context(), made.ID)
			must(t, err)
			r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCanceled })
		}
		r.exact(t)
	})
}

// of is the webhook of a delivery.
func (r *replaying) of(t *suite, delivery webhook.ID) webhook.ID {
	t.Helper()
	found, err := r.DeliveriesByID(t.Context(), []webhook.ID{delivery})
	must(t, err)
	return found[delivery].WebhookID
}

func cmpCounts(a, b store.WebhookCount) int {
	if a.N != b.N {
		return b.N - a.N
	}
	return slices.Compare(a.WebhookID[:], b.WebhookID[:])
}

// A replay goes on after a restart, and after a crash between any two of its steps: each delivery is made due once, and counted once.
func TestReplayGoesOnAfterRestart(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 30)
		made := r.create(t, store.ReplayInput{RatePerSecond: new(100)})
		r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Matched > 0 })
		restart := func() {
			must(t, s.Close())
			s = t.Open(t, store.Options{})
			r.s, r.Scope = s, s.In(r.tenant.ID)
			webhooktest.Eventually(t, "something is due", func() bool { return r.due(t) })
		}
		for range 3 {
			restart()
			claims, _ := claim(t, s, r.hook.ID, 3)
			record(t, s, claims[0], 200) // the others are given back by the next start
		}
		restart()
		for sent := 3; sent < 30; {
			claims, _ := claim(t, s, r.hook.ID, 30)
			for _, claimed := range claims {
				record(t, s, claimed, 200)
			}
			sent += len(claims)
		}
		done := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted })
		if done.Started != 30 || done.Succeeded != 30 || done.Skipped != 0 {
			t.Errorf("completed: %s", sprint(done))
		}
		for id, is := range r.states(t) {
			if is.AttemptCount != 2 {
				t.Errorf("delivery %s has %d attempts, want 2", id, is.AttemptCount)
			}
		}
		r.exact(t)
	})
}

// What retention removes of a paused replay is skipped when it is resumed; what waits to be sent, retention keeps. A deleted tenant's
// replays are removed with it.
func TestReplayAndRetention(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Tuning: lingering()})
		r := failing(t, s, 3)
		made := r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 3)
		prune := func() int {
			n, err := s.Prune(t.Context(), time.Now()) // not later: PostgreSQL removes whole days that are over, but never today's
			must(t, err)
			return n
		}
		if n := prune(); n != 0 {
			t.Errorf("retention removed %d events that wait to be sent", n)
		}
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(true)})
		webhooktest.Eventually(t, "nothing is due", func() bool { return !r.due(t) })
		if n := prune(); n != 3 {
			t.Errorf("retention removed %d events, want 3", n)
		}
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(false)})
		if done := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted }); done.Skipped != 3 {
			t.Errorf("completed: %s", sprint(done))
		}
		r.fail(t, r.hook, 2)
		made = r.create(t, store.ReplayInput{})
		r.waits(t, made.ID, 2)
		must(t, s.Registry(nil).DeleteTenant(t.Context(), r.tenant.ID))
		webhooktest.Eventually(t, "nothing is left of the tenant", func() bool {
			rows, err := s.RowsOf(t.Context(), r.tenant.ID)
			must(t, err)
			return len(rows) == 0
		})
	})
}
