package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// missing is the input of a replay that sends a webhook what it never had.
func missing(w *webhook.Webhook, f store.DeliveryFilter) store.ReplayInput {
	f.WebhookIDs = []webhook.ID{w.ID}
	return store.ReplayInput{Kind: webhook.ReplayMissing, Filter: f}
}

func completed(is *webhook.Replay) bool { return is.Status == webhook.ReplayCompleted }

// A replay of kind MISSING makes the deliveries that a new webhook never had, of the events that it subscribes to and that the filter keeps, and
// no others: its preview counts the same, and when it has run there is nothing more. Statistics count the deliveries, but not their latency,
// which would be the age of the events.
func TestReplayMissing(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 2)
		must(t, s.PublishNotices(t.Context())) // of the failures, or one of the webhooks below gets them
		published := publish(t, r.Scope, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`{"job":2}`)}, webhook.NewEvent{Type: "a.b", Tags: []string{"x"}}, webhook.NewEvent{Type: "b.c"})
		_, err := r.TestWebhook(t.Context(), r.hook.ID, nil)
		must(t, err)
		hook := func(events ...string) *webhook.Webhook {
			return register(t, r.Scope, webhook.New{Enabled: true, RetryScheduleMs: []int{}, Events: events})
		}
		for name, test := range map[string]struct {
			to     *webhook.Webhook
			filter store.DeliveryFilter
			want   int
		}{
			"all":           {hook(), store.DeliveryFilter{}, 5},
			"all published": {hook("*", webhook.TypeDeliveryFailed), store.DeliveryFilter{}, 5},
			"a type":        {hook("a.b"), store.DeliveryFilter{}, 2},
			"two types":     {hook("a.*", "b.c"), store.DeliveryFilter{EventTypes: []string{"b.c", "a.b"}}, 3},
			"a pattern":     {hook(), store.DeliveryFilter{EventTypes: []string{"a.*"}}, 2},
			"another type":  {hook("a.b"), store.DeliveryFilter{EventTypes: []string{"b.c"}}, 0},
			"a tag":         {hook(), store.DeliveryFilter{Tags: []string{"x"}}, 1},
			"data":          {hook(), store.DeliveryFilter{Data: []filter.Data{{Path: "job", Equals: json.RawMessage("2")}}}, 1},
			"events":        {hook("a.b"), store.DeliveryFilter{EventIDs: []webhook.ID{published[0].Event.ID, published[2].Event.ID}}, 1},
			"later":         {hook(), store.DeliveryFilter{CreatedAt: store.TimeRange{From: new(time.Now().Add(time.Hour))}}, 0},
			"one that had":  {r.hook, store.DeliveryFilter{}, 0},
		} {
			in := missing(test.to, test.filter)
			p, err := r.PreviewReplay(t.Context(), &in)
			must(t, err)
			if p.N != test.want || p.AtLeast || len(p.ByWebhook) != min(test.want, 1) || len(p.Events) != min(test.want, 5) {
				t.Errorf("%s: a preview of %s, want %d", name, sprint(p), test.want)
			}
			made := r.create(t, in)
			r.waits(t, made.ID, test.want)
			r.send(t, test.to, test.want, 200)
			done := r.is(t, made.ID, completed)
			if *done.Total != test.want || done.Matched != test.want || done.Succeeded != test.want || done.Skipped != 0 {
				t.Errorf("%s: %s, want %d sent", name, sprint(done), test.want)
			}
			of, err := r.Deliveries(t.Context(), store.DeliveryFilter{ReplayIDs: []webhook.ID{made.ID}}, store.Page{})
			must(t, err)
			for _, e := range p.Events {
				if !slices.ContainsFunc(of.Items, func(d *webhook.Delivery) bool { return d.EventID == e.ID }) {
					t.Errorf("%s: the sample %s was not sent", name, sprint(e))
				}
			}
			for _, d := range of.Items {
				if d.WebhookID != test.to.ID || d.Status != webhook.DeliverySucceeded || d.AttemptCount != 1 {
					t.Errorf("%s: %s", name, sprint(d))
				}
			}
			if p, err = r.PreviewReplay(t.Context(), &in); err != nil || p.N != 0 || len(of.Items) != test.want {
				t.Errorf("%s: %d deliveries, and then a preview of %s (%v)", name, len(of.Items), sprint(p), err)
			}
			totals, _, err := r.Stats(store.TimeRange{}, store.StatsFilter{WebhookIDs: []webhook.ID{test.to.ID}}).Totals(t.Context())
			must(t, err)
			if n := len(totals.Latency.Bins); test.to != r.hook && n != 0 {
				t.Errorf("%s: latencies are counted: %d", name, n)
			}
		}
		r.exact(t)
	})
}

// While it is paused nothing of a replay of kind MISSING exists that was not sent; resumed, it makes each once; canceled, what was not sent does
// not exist. While its webhook is disabled it waits, and when that is deleted it fails.
func TestReplayMissingPauses(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 8)
		to := register(t, r.Scope, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
		count := func() int {
			n, err := r.CountDeliveriesTo(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{to.ID}}, 100)
			must(t, err)
			return n.N
		}
		made := r.create(t, missing(to, store.DeliveryFilter{}))
		r.waits(t, made.ID, 8)
		r.send(t, to, 2, 200)
		running, _ := claim(t, s, to.ID, 1)
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(true)})
		if is := r.waits(t, made.ID, 1); is.Matched != 3 || count() != 3 {
			t.Errorf("paused: %s, %d deliveries", sprint(is), count())
		}
		record(t, s, running[0], 200)
		r.exact(t)
		r.update(t, made.ID, webhook.ReplayPatch{Paused: webhook.Some(false)})
		if is := r.waits(t, made.ID, 5); is.Matched != 8 || count() != 8 {
			t.Errorf("resumed: %s, %d deliveries", sprint(is), count())
		}
		enable := func(is bool) {
			_, _, err := r.UpdateWebhook(t.Context(), to.ID, webhook.Patch{Enabled: webhook.Some(is)}, nil)
			must(t, err)
		}
		enable(false)
		if is := r.waits(t, made.ID, 5); is.Status != webhook.ReplayRunning || is.Skipped != 0 {
			t.Errorf("its webhook is disabled: %s", sprint(is))
		}
		enable(true)
		r.send(t, to, 1, 200)
		_, err := r.CancelReplay(t.Context(), made.ID)
		must(t, err)
		done := r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Status == webhook.ReplayCanceled })
		if done.Matched != 4 || done.Succeeded != 4 || count() != 4 {
			t.Errorf("canceled: %s, %d deliveries", sprint(done), count())
		}
		r.exact(t)
		made = r.create(t, missing(to, store.DeliveryFilter{}))
		r.waits(t, made.ID, 4)
		must(t, r.DeleteWebhook(t.Context(), to.ID))
		done = r.is(t, made.ID, func(is *webhook.Replay) bool { return is.CompletedAt != nil })
		if done.Status != webhook.ReplayStatusError || done.FailureReason == nil || done.Skipped != 4 {
			t.Errorf("its webhook was deleted: %s", sprint(done))
		}
		r.exact(t)
	})
}

// Replays of kind MISSING are for one webhook of the tenant, and refuse conditions on deliveries; those that retention is about to remove are not
// made.
func TestReplayMissingBounds(t *testing.T) {
	each(t, func(t *suite) {
		var clock storetest.Clock
		s := t.Open(t, store.Options{Now: clock.Now, Retention: webhook.Retention{Keep: 30 * 24 * time.Hour}})
		r := failing(t, s, 1)
		other := tenant(t, s, "b")
		for name, test := range map[string]struct {
			of    *store.Scope
			in    store.ReplayInput
			field string
			code  webhook.Code
		}{
			"none":             {r.Scope, store.ReplayInput{Kind: webhook.ReplayMissing}, "filter.webhookIds", webhook.CodeRequired},
			"another tenant's": {other, missing(r.hook, store.DeliveryFilter{}), "filter.webhookIds.0", webhook.CodeNotFound},
			"statuses":         {r.Scope, missing(r.hook, store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}}), "filter.statuses", webhook.CodeInvalid},
			"errors":           {r.Scope, missing(r.hook, store.DeliveryFilter{Errors: []webhook.ErrorCode{webhook.ErrorDNS}}), "filter.errors", webhook.CodeInvalid},
			"completed":        {r.Scope, missing(r.hook, store.DeliveryFilter{CompletedAt: store.TimeRange{From: new(time.Now())}}), "filter.completedAt", webhook.CodeInvalid},
		} {
			for what, do := range map[string]func() error{
				"preview": func() error { _, err := test.of.PreviewReplay(t.Context(), &test.in); return err },
				"create":  func() error { _, err := test.of.CreateReplay(t.Context(), &test.in); return err },
			} {
				if bad := webhook.Invalids(do()); len(bad) != 1 || bad[0].Field != test.field || bad[0].Code != test.code {
					t.Errorf("%s: %s: %s", name, what, sprint(bad))
				}
			}
		}
		to := register(t, r.Scope, webhook.New{Enabled: true})
		kept := missing(to, store.DeliveryFilter{})
		if p, err := r.PreviewReplay(t.Context(), &kept); err != nil || p.N != 1 {
			t.Errorf("%s %v", sprint(p), err)
		}
		_, err := s.Registry(nil).UpdateTenant(t.Context(), r.tenant.ID, webhook.TenantPatch{RetentionSeconds: webhook.Some(new(webhook.MinRetentionSeconds))})
		must(t, err)
		clock.Forward(57 * time.Second)
		if p, err := r.PreviewReplay(t.Context(), &kept); err != nil || p.N != 0 {
			t.Errorf("of an event that is about to be removed: %s %v", sprint(p), err)
		}
	})
}

// cancelDeliveries cancels what waits and matches, also for disabled webhooks and where a replay had made it due, and nothing else; what ends
// meanwhile counts as what it is. What it has canceled is listed as its own. The backlog is exact.
func TestCancelDeliveries(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 3)
		register(t, r.Scope, webhook.New{}) // disabled
		publish(t, r.Scope, make([]webhook.NewEvent, 1200)...)
		publish(t, r.Scope, webhook.NewEvent{Type: "b.c"})
		again := r.create(t, store.ReplayInput{})
		r.waits(t, again.ID, 3)
		cancel := func(f store.DeliveryFilter) *webhook.Replay {
			t.Helper()
			in := store.ReplayInput{Kind: webhook.ReplayCancel, Filter: f}
			p, err := r.PreviewReplay(t.Context(), &in)
			must(t, err)
			done := r.is(t, r.create(t, in).ID, completed)
			if done.Started != p.N || done.Matched != p.N || done.Skipped != 0 {
				t.Errorf("canceled: %s, of the preview's %d", sprint(done), p.N)
			}
			of, err := r.CountDeliveriesTo(t.Context(), store.DeliveryFilter{ReplayIDs: []webhook.ID{done.ID}}, 0)
			must(t, err)
			if of.N != done.Started {
				t.Errorf("%d deliveries are its own, of %d that it has canceled", of.N, done.Started)
			}
			r.exact(t)
			return done
		}
		states := func() map[webhook.DeliveryStatus]int {
			n := map[webhook.DeliveryStatus]int{}
			for _, is := range r.states(t) {
				n[is.Status]++
			}
			return n
		}
		running, _ := claim(t, s, r.hook.ID, 2)
		if done := cancel(store.DeliveryFilter{EventTypes: []string{"b.*"}, Statuses: []webhook.DeliveryStatus{webhook.Held}}); done.Started != 1 {
			t.Errorf("held: %s", sprint(done))
		}
		if diff := cmp.Diff(map[webhook.DeliveryStatus]int{webhook.Held: 1200, webhook.Pending: 1204, webhook.Canceled: 1}, states()); diff != "" {
			t.Errorf("held ones of a type are canceled (-want +got):\n%s", diff)
		}
		if done := cancel(store.DeliveryFilter{WebhookIDs: []webhook.ID{r.hook.ID}}); done.Started != 1204 {
			t.Errorf("of a webhook: %s", sprint(done))
		}
		if is := r.is(t, again.ID, completed); is.Skipped != 3 || is.Started != 0 {
			t.Errorf("the replay whose deliveries were canceled: %s", sprint(is))
		}
		record(t, s, running[0], 200)
		record(t, s, running[1], 500)
		if diff := cmp.Diff(map[webhook.DeliveryStatus]int{webhook.Held: 1200, webhook.DeliverySucceeded: 1, webhook.Canceled: 1204}, states()); diff != "" {
			t.Errorf("those of a webhook are canceled, and one succeeds (-want +got):\n%s", diff)
		}
		if _, err := r.CreateReplay(t.Context(), &store.ReplayInput{Kind: webhook.ReplayCancel, Filter: store.DeliveryFilter{
			Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}, CompletedAt: store.TimeRange{To: new(time.Now())},
		}}); len(webhook.Invalids(err)) != 2 {
			t.Errorf("completed ones: %v", err)
		}
		if done := cancel(store.DeliveryFilter{}); done.Started != 1200 {
			t.Errorf("the rest: %s", sprint(done))
		}
		_, err := r.CancelReplay(t.Context(), again.ID)
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeConflict {
			t.Errorf("a completed one is canceled: %v", err)
		}
		webhooktest.Eventually(t, "nothing is owed", func() bool { return !r.due(t) })
	})
}

// Replays of very many tenants all go on, more than are looked at together, and each ends when what it has to send was sent.
func TestReplaysOfManyTenants(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		type one struct {
			*replaying
			id webhook.ID
		}
		var all []one
		for i := range 70 {
			c := tenant(t, s, fmt.Sprint("t", i))
			r := &replaying{Scope: c, s: s, hook: register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}})}
			r.fail(t, r.hook, 1)
			all = append(all, one{replaying: r})
		}
		for i, r := range all {
			all[i].id = r.create(t, store.ReplayInput{}).ID
		}
		for _, r := range all {
			r.waits(t, r.id, 1)
		}
		for i, r := range all {
			if i%2 == 0 {
				r.send(t, r.hook, 1, 200)
			} else if _, err := r.CancelReplay(t.Context(), r.id); err != nil {
				t.Error(err)
			}
		}
		for i, r := range all {
			want := map[bool]webhook.ReplayStatus{true: webhook.ReplayCompleted, false: webhook.ReplayCanceled}[i%2 == 0]
			r.is(t, r.id, func(is *webhook.Replay) bool { return is.Status == want })
		}
	})
}
