package store_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// modelReplay is a replay of one webhook's deliveries, as it is once the server has done what it can without a sender.
type modelReplay struct {
	id   webhook.ID
	kind webhook.ReplayKind
	hook *modelTarget
	counters

	paused, canceling, ended bool
	queue, parked            map[webhook.ID]before // deliveries that wait or are being sent, and those that were put back
	todo                     []webhook.ID          // of kind MISSING: events whose deliveries are still to be made
}

type counters struct{ total, matched, started, succeeded, failed, skipped int }

// before is what a delivery was when a replay made it due.
type before struct {
	status  webhook.DeliveryStatus
	start   int
	trigger webhook.Trigger
	reason  webhook.FailureReason
	replay  *modelReplay
	ends    int
	held    bool
}

// claimed reports whether a node has the delivery.
func (d *modelDelivery) claimed() bool { return d.claim != nil || d.stolen }

// end ends a delivery. A replay that made it due counts that.
func (d *modelDelivery) end(id webhook.ID, status webhook.DeliveryStatus) {
	was := d.status
	d.status, d.due, d.later, d.waits, d.held = status, false, false, false, false
	d.ends++
	r := d.replay
	switch {
	case r == nil || was != webhook.Pending:
	case r.leaves(id):
		r.skipped++
	case status == webhook.DeliverySucceeded:
		r.succeeded++
	default:
		r.failed++
	}
}

// leaves takes a delivery out of the queue, and reports whether it was there. r may be nil.
func (r *modelReplay) leaves(id webhook.ID) bool {
	if r == nil {
		return false
	}
	_, waited := r.queue[id]
	delete(r.queue, id)
	return waited
}

// of are the deliveries of a webhook for which ok is true.
func (m *model) of(h *modelTarget, ok func(d *modelDelivery) bool) (ids []webhook.ID) {
	for id, d := range m.deliveries {
		if d.hook == h.id && ok(d) {
			ids = append(ids, id)
		}
	}
	return ids
}

// replayed creates a replay for a webhook that is not deleted, and has none that goes on.
func (m *model) replayed(t *rapid.T) {
	h := m.pick(t)
	if h.deleted || slices.ContainsFunc(m.replays, func(r *modelReplay) bool { return r.hook == h && !r.ended }) {
		t.Skip()
	}
	r := &modelReplay{hook: h, queue: map[webhook.ID]before{}, parked: map[webhook.ID]before{}}
	r.kind = rapid.SampledFrom([]webhook.ReplayKind{webhook.ReplayFailed, webhook.ReplayAll, webhook.ReplayMissing}).Draw(t, "kind")
	found := m.of(h, func(d *modelDelivery) bool {
		return d.status == webhook.DeliveryFailed || r.kind == webhook.ReplayAll && d.status != webhook.Pending
	})
	total := len(found)
	if r.kind == webhook.ReplayMissing {
		found = nil
		r.todo = m.lacks(h, func(webhook.ID) bool { return true })
		total = len(r.todo)
	}
	m.begin(t, r, total)
	r.matched = len(found)
	for _, id := range found {
		m.queue(r, id, nil)
	}
	m.goOn()
}

// begin creates the replay in the store.
func (m *model) begin(t *rapid.T, r *modelReplay, total int) {
	made, err := m.c.CreateReplay(context.Background(), &store.ReplayInput{Kind: r.kind, Filter: store.DeliveryFilter{WebhookIDs: []webhook.ID{r.hook.id}}})
	must(t, err)
	if made.Total == nil || *made.Total != total {
		t.Fatalf("a replay of kind %s has a total of %v, want %d", r.kind, made.Total, total)
	}
	r.id, r.total = made.ID, total
	m.replays = append(m.replays, r)
}

// lacks are the events that the webhook would get and has no delivery of.
func (m *model) lacks(h *modelTarget, ok func(event webhook.ID) bool) (events []webhook.ID) {
	had := map[webhook.ID]bool{}
	for _, d := range m.deliveries {
		had[d.event] = had[d.event] || d.hook == h.id
	}
	for id, kind := range m.events {
		if h.wants(kind) && kind != webhook.TypeTest && !had[id] && ok(id) {
			events = append(events, id)
		}
	}
	return events
}

// queue makes a delivery due for a replay, or skips it. parked is what it was, if it was due for the replay before.
func (m *model) queue(r *modelReplay, id webhook.ID, parked *before) {
	d := m.deliveries[id]
	if !m.live(r.hook) || d == nil || d.claimed() || parked != nil && (d.status != parked.status || d.ends != parked.ends) {
		r.skipped++
		return
	}
	r.queue[id] = before{d.status, d.start, d.trigger, d.reason, d.replay, d.ends, d.held}
	d.status, d.start, d.trigger, d.reason, d.replay, d.held = webhook.Pending, len(d.attempts), webhook.TriggerReplay, "", r, false
	d.due, d.waits = d.line == "", d.line != ""
	m.ledger.owed(d.hook, m.events[d.event])
}

// canceled cancels what a webhook is owed.
func (m *model) canceled(t *rapid.T) {
	h := m.pick(t)
	if h.deleted {
		t.Skip()
	}
	found := m.of(h, func(d *modelDelivery) bool { return d.status == webhook.Pending })
	r := &modelReplay{kind: webhook.ReplayCancel, hook: h, ended: true, counters: counters{matched: len(found), started: len(found)}}
	m.begin(t, r, len(found))
	for _, id := range found {
		m.ledger.ended(h.id, m.events[m.deliveries[id].event], &m.ledger.of(h.id, m.events[m.deliveries[id].event]).canceled, true)
		m.deliveries[id].end(id, webhook.Canceled)
		m.deliveries[id].replay = r
	}
	m.goOn()
}

// steer pauses, resumes or cancels a replay.
func (m *model) steer(t *rapid.T) {
	open := slices.DeleteFunc(slices.Clone(m.replays), func(r *modelReplay) bool { return r.ended || r.canceling })
	if len(open) == 0 {
		t.Skip()
	}
	r := rapid.SampledFrom(open).Draw(t, "replay")
	var err error
	switch rapid.SampledFrom([]string{"pause", "resume", "cancel"}).Draw(t, "how") {
	case "pause":
		r.paused = true
		_, err = m.c.UpdateReplay(context.Background(), r.id, webhook.ReplayPatch{Paused: webhook.Some(true)})
	case "resume":
		_, err = m.c.UpdateReplay(context.Background(), r.id, webhook.ReplayPatch{Paused: webhook.Some(false)})
		parked := r.parked
		r.paused, r.parked = false, map[webhook.ID]before{}
		for id, was := range parked {
			m.queue(r, id, &was)
		}
		m.goOn()
	case "cancel":
		r.paused, r.canceling, r.parked, r.todo = false, true, nil, nil
		_, err = m.c.CancelReplay(context.Background(), r.id)
	}
	must(t, err)
}

// settle waits until the server has done what it does by itself after a change: replays have made due or put back what they can.
func (m *model) settle(t *rapid.T) {
	m.replays = slices.DeleteFunc(m.replays, func(r *modelReplay) bool { return r.hook.deleted }) // whose deliveries are canceled at any time
	for _, r := range m.replays {
		if r.ended {
			m.isAs(t, r)
			continue
		}
		if r.paused || r.canceling || !m.live(r.hook) && r.kind != webhook.ReplayMissing {
			m.putBack(r)
		}
		r.ended = len(r.queue)+len(r.todo)+len(r.parked) == 0 && !r.paused && (r.canceling || m.live(r.hook) || r.kind != webhook.ReplayMissing)
		if !r.ended && !r.paused && !r.canceling && m.live(r.hook) && len(r.todo) > 0 {
			m.make(t, r)
			r.ended = len(r.queue) == 0
		}
		if r.ended && !r.canceling { // what it has not found is skipped
			r.skipped, r.matched = r.skipped+r.total-r.matched, r.total
		}
		m.isAs(t, r)
	}
}

// putBack puts back what waits, but for what is being sent.
func (m *model) putBack(r *modelReplay) {
	for id, was := range r.queue {
		d := m.deliveries[id]
		if d.claimed() {
			continue
		}
		delete(r.queue, id)
		m.ledger.of(d.hook, m.events[d.event]).pending--
		if r.kind == webhook.ReplayMissing {
			r.matched--
			if !r.canceling {
				r.todo = append(r.todo, d.event)
			}
			delete(m.deliveries, id)
			continue
		}
		d.status, d.start, d.trigger, d.reason, d.replay, d.due = was.status, was.start, was.trigger, was.reason, was.replay, false
		d.waits, d.held = false, was.held
		switch {
		case r.paused:
			r.parked[id] = was
		case !r.canceling:
			r.skipped++
		}
	}
	m.goOn()
}

// make reads the deliveries that a replay of kind MISSING makes.
func (m *model) make(t *rapid.T, r *modelReplay) {
	want := m.lacks(r.hook, func(event webhook.ID) bool { return slices.Contains(r.todo, event) })
	r.todo = nil
	r.matched += len(want)
	r.total = max(r.total, r.matched)
	if len(want) == 0 {
		return
	}
	var made []*webhook.Delivery
	webhooktest.Eventually(m.tb, "the replay makes deliveries", func() bool {
		m.s.WakeReplays()
		l, err := m.c.Deliveries(context.Background(), store.DeliveryFilter{EventIDs: want, WebhookIDs: []webhook.ID{r.hook.id}}, store.Page{First: 100})
		must(t, err)
		made = l.Items
		return len(made) == len(want)
	})
	for _, d := range made {
		one := &modelDelivery{event: d.EventID, hook: d.WebhookID, status: webhook.Pending, trigger: webhook.TriggerReplay, replay: r}
		m.deliveries[d.ID] = one
		one.line, one.place = m.lineOf(one)
		one.due, one.waits = one.line == "", one.line != ""
		r.queue[d.ID] = before{}
		m.ledger.owed(d.WebhookID, m.events[d.EventID])
	}
	m.goOn()
}

// isAs waits until the stored replay says what the model's does.
func (m *model) isAs(t *rapid.T, r *modelReplay) {
	want := webhook.ReplayRunning
	switch {
	case r.ended && r.canceling:
		want = webhook.ReplayCanceled
	case r.ended:
		want = webhook.ReplayCompleted
	case r.canceling:
		want = webhook.ReplayCanceling
	case r.paused:
		want = webhook.ReplayPaused
	}
	diff := ""
	webhooktest.Eventually(m.tb, "the replay is as it is in the model", func() bool {
		m.s.WakeReplays()
		found, err := m.c.ReplaysByID(context.Background(), []webhook.ID{r.id})
		must(t, err)
		is := found[r.id]
		if is.Status == webhook.ReplayQueued {
			is.Status = webhook.ReplayRunning
		}
		diff = string(is.Status)
		if is.Status == want {
			diff = cmp.Diff(r.counters, counters{*is.Total, is.Matched, is.Started, is.Succeeded, is.Failed, is.Skipped}, cmp.AllowUnexported(counters{}))
		}
		waiting, err := replay.Waiting(m.s.Reader(), is)
		must(t, err)
		if n := waiting[r.hook.id]; diff == "" && n != len(r.queue) {
			diff = fmt.Sprintf("%d in the queue, want %d", n, len(r.queue))
		}
		return diff == ""
	}, func() string { return string(r.kind) + ", want " + string(want) + " (-model +store): " + diff })
}
