package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// After any operations in any order, with crashes in between, the store agrees with a model of plain maps: one delivery for each pair, however
// large the fan-out (I2); attempts numbered 1 to n (I3); every delivery completed, held, due or claimed (I4); nothing to claim after a success
// (I5); no write from a node that lost the claim (I7); statistics that count everything once (I18); and
// deliveries of one ordering key one after the other, in the order of their events (I19).
func TestStoreAgreesWithModel(t *testing.T) {
	each(t, func(s *suite) {
		n := 20 // about 5 s; -rapid.checks=1000 for long
		if strings.HasSuffix(s.Name(), "postgres") {
			n = 4
		}
		webhooktest.Checks(s, n)
		rapid.Check(s, func(t *rapid.T) { agreesWithModel(s, t) })
	})
}

func agreesWithModel(s *suite, t *rapid.T) {
	place := s.Fresh()
	tuning := fanOutAbove(1)
	tuning.FoldRows, tuning.MergeRows, tuning.PartKeys = 7, 3, 2 // the journal is folded in parts
	m := &model{tb: s, start: func() (*store.Store, func() error) { return place.Serve(s, store.Options{Tuning: tuning}) }, ledger: newLedger(), deliveries: map[webhook.ID]*modelDelivery{}, events: map[webhook.ID]string{}, ordering: map[webhook.ID]string{}, places: map[webhook.ID]int{}, times: map[webhook.ID]times{}, keys: map[string]webhook.ID{}}
	m.open(t)
	defer func() { _ = m.end() }()
	m.create(t)
	m.publish(t)
	t.Repeat(map[string]func(*rapid.T){
		"":        m.agree,
		"create":  m.create,
		"publish": m.publish,
		"test":    m.testWebhook,
		"claim":   m.claim,
		"attempt": m.attempt,
		"again":   m.attempt, // most of what can happen needs attempts
		"record":  m.record,
		"unclaim": m.unclaim,
		"steal":   m.steal,
		"crash":   m.crash,
		"update":  m.update,
		"rotate":  m.rotate,
		"delete":  m.remove,
		"retry":   m.retry,
		"cancel":  m.cancel,
		"prune":   m.prune,
		"expire":  m.expire,
		"late":    m.late,
		"fold":    m.fold,
		"replay":  m.replayed,
		"steer":   m.steer,
		"clear":   m.canceled,
	})
	m.agreeStats(t)
}

// model is the expected content of the store. It is also the store's sender, which takes as many new deliveries as quota says.
type model struct {
	tb    testing.TB
	start func() (s *store.Store, end func() error)
	s     *store.Store
	end   func() error // of s
	c     *store.Scope
	node  int // counts processes

	hooks      []*modelTarget
	events     map[webhook.ID]string // their types
	ordering   map[webhook.ID]string // their ordering keys
	places     map[webhook.ID]int    // where they are among all
	times      map[webhook.ID]times  // when they are to be delivered, if their publisher says so
	keys       map[string]webhook.ID // of idempotency
	deliveries map[webhook.ID]*modelDelivery
	claims     []*held // claimed at some time, finished or not
	replays    []*modelReplay
	attempts   int // in the log
	ledger     ledger
	steps      int // since the start

	quota int
	taken []*store.Claimed
}

type modelTarget struct {
	id               webhook.ID
	events           []string
	schedule         []int
	enabled, deleted bool
	failing          bool
	firsts           int  // first attempts that failed since the last success
	open             bool // it has an issue for its failures
	inARow           int  // attempts that failed since the last that succeeded
	secrets          int
	ordered, holds   bool
}

func (h *modelTarget) wants(kind string) bool {
	return h.events == nil && !webhook.Operational(kind) || slices.ContainsFunc(h.events, func(e string) bool {
		return e == kind || e == "*" && !webhook.Operational(kind) || strings.HasSuffix(e, ".*") && strings.HasPrefix(kind, e[:len(e)-1])
	})
}

// times are what an event's deliverAt and expiresAt mean for its deliveries.
type times struct {
	ahead   bool // it is delivered in an hour
	soon    bool // it expires before an hour is over
	expired bool // it has expired
}

type modelDelivery struct {
	event, hook webhook.ID
	status      webhook.DeliveryStatus // HELD is PENDING here
	attempts    []webhook.AttemptStatus
	start       int // attempts made when the schedule began
	trigger     webhook.Trigger
	due         bool // can be claimed now
	later       bool // due in an hour
	claim       *held
	stolen      bool
	reason      webhook.FailureReason // while it is FAILED
	replay      *modelReplay          // that made it due last, or canceled it
	ends        int                   // how often it has ended

	line  string // of the webhook and the ordering key; "": none
	place int    // of its event among all
	waits bool   // for others of the line
	held  bool   // it has failed, and the others wait
}

// held is a claim that was handed out.
type held struct {
	*store.Claimed
	node int
}

func (m *model) Reserve(*store.Target, int) bool {
	m.quota--
	return m.quota >= 0
}
func (*model) Busy(webhook.ID) bool                { return false }
func (m *model) Release(*store.Target, int)        { m.quota++ }
func (m *model) Take(claimed *store.Claimed)       { m.taken = append(m.taken, claimed) }
func (m *model) Due(webhook.ID, time.Time)         {}
func (m *model) Changed(_, _ *store.Target)        {}
func (m *model) Nodes(int)                         {}
func (*model) Claimed() int                        { return 0 }
func (m *model) Batch(do func(store.Dispatcher))   { do(m) }
func (m *model) live(h *modelTarget) bool          { return h.enabled && !h.deleted }
func (m *model) target(id webhook.ID) *modelTarget { return m.hooks[m.index(id)] }

func (m *model) index(id webhook.ID) int {
	return slices.IndexFunc(m.hooks, func(h *modelTarget) bool { return h.id == id })
}

func (m *model) open(t *rapid.T) {
	s, end := m.start()
	s.Start(m, nil)
	owner, err := s.EnsureTenant(context.Background(), "a")
	must(t, err)
	m.s, m.end, m.c = s, end, s.In(owner.ID)
	m.node++
}

// crash ends the process with all its claims; for the next one these deliveries are due.
func (m *model) crash(t *rapid.T) {
	must(t, m.end())
	m.open(t)
	for _, d := range m.deliveries {
		if d.claim != nil || d.stolen {
			d.claim, d.stolen = nil, false
			d.due = d.status == webhook.Pending
		}
	}
	m.advanceAll(t)
}

// inLine reports whether the others of the delivery's line wait for it.
func (d *modelDelivery) inLine() bool {
	return d.due || d.later || d.held || d.claim != nil || d.stolen
}

// enter puts a delivery that is to be sent into its line, where it waits if another one is before it.
func (m *model) enter(d *modelDelivery) {
	if d.line == "" {
		m.startDue(d)
		return
	}
	d.waits = true
	m.advance(d.line)
}

// startDue makes a delivery due, now or when its event says.
func (m *model) startDue(d *modelDelivery) {
	d.later = m.times[d.event].ahead && d.trigger == webhook.TriggerSchedule && len(d.attempts) == 0
	d.due = !d.later
}

// isLate reports whether the delivery's event has expired, and nobody has asked for an attempt.
func (m *model) isLate(d *modelDelivery) bool {
	return m.times[d.event].expired && d.trigger == webhook.TriggerSchedule
}

// advance makes the first delivery of a line due, unless one is at the head.
func (m *model) advance(line string) {
	var first *modelDelivery
	for _, d := range m.deliveries {
		if line == "" || d.line != line {
			continue
		}
		if d.inLine() {
			return
		}
		if d.waits && (first == nil || d.place < first.place) {
			first = d
		}
	}
	if first != nil && !m.target(first.hook).deleted {
		first.waits = false
		m.startDue(first)
	}
}

// goOn advances all lines.
func (m *model) goOn() {
	for _, d := range m.deliveries {
		m.advance(d.line)
	}
}

// advanceAll advances all lines, as a sweep does.
func (m *model) advanceAll(t *rapid.T) {
	must(t, m.s.MendLines(context.Background()))
	m.goOn()
}

// lineOf is the line of a delivery, "" if it has none, and its place in it.
func (m *model) lineOf(d *modelDelivery) (line string, place int) {
	if key := m.ordering[d.event]; key != "" && m.target(d.hook).ordered {
		line = d.hook.String() + key
	}
	return line, m.places[d.event]
}

func (m *model) create(t *rapid.T) {
	if len(m.hooks) == 4 {
		t.Skip()
	}
	h := &modelTarget{
		// Ends of replays are not told to them: a replay ends when its worker comes to it. TestReplaysAreToldOf is about them.
		events:   rapid.SampledFrom([][]string{nil, {"a.b"}, {"a.b", "c.d"}, {"a.*", "*", "hookgraph.delivery.failed"}, {"a.b", "a.*", "hookgraph.webhook.*", "hookgraph.delivery.*"}}).Draw(t, "events"),
		schedule: rapid.SampledFrom([][]int{{}, {0}, {0, 0, 0}, {0, 3_600_000}}).Draw(t, "schedule"),
		enabled:  rapid.IntRange(0, 3).Draw(t, "enabled") > 0,
		secrets:  1,
		ordered:  rapid.Bool().Draw(t, "ordered"),
	}
	n := webhook.New{}
	if h.ordered {
		n.Ordering, h.holds = webhook.OrderingByKey, rapid.Bool().Draw(t, "holds")
	}
	if h.holds {
		n.OnFailure = webhook.OnFailureHold
	}
	w, _, err := m.c.CreateWebhook(context.Background(), webhook.New{
		URL: "https://example.com", Events: h.events, Enabled: h.enabled, RetryScheduleMs: h.schedule, Ordering: n.Ordering, OnFailure: n.OnFailure,
	})
	must(t, err)
	h.id = w.ID
	m.hooks = append(m.hooks, h)
}

func (m *model) pick(t *rapid.T) *modelTarget {
	if len(m.hooks) == 0 {
		t.Skip()
	}
	return rapid.SampledFrom(m.hooks).Draw(t, "webhook")
}

func (m *model) pickDelivery(t *rapid.T) (webhook.ID, *modelDelivery) {
	if len(m.deliveries) == 0 {
		t.Skip()
	}
	ids := slices.SortedFunc(maps.Keys(m.deliveries), func(a, b webhook.ID) int { return slices.Compare(a[:], b[:]) })
	id := rapid.SampledFrom(ids).Draw(t, "delivery")
	return id, m.deliveries[id]
}

func (m *model) publish(t *rapid.T) {
	m.quota = rapid.IntRange(0, 1).Draw(t, "quota")
	quota := m.quota
	kinds := rapid.SliceOfN(rapid.SampledFrom([]string{"a.b", "c.d"}), 1, 3).Draw(t, "types")
	var events []webhook.NewEvent
	var when []times
	for _, kind := range kinds {
		key := rapid.SampledFrom([]string{"", "", "k", "l"}).Draw(t, "key")
		if key != "" {
			key += kind
		}
		order := rapid.SampledFrom([]string{"", "o", "o", "p"}).Draw(t, "ordering key")
		if key != "" {
			order = "o" // the same content
		}
		e := webhook.NewEvent{Type: kind, Data: json.RawMessage("1"), IdempotencyKey: key, OrderingKey: order}
		var at times
		if key == "" {
			at.ahead = rapid.IntRange(0, 5).Draw(t, "deliverAt") == 0
			expires := rapid.IntRange(0, 5).Draw(t, "expiresAt")
			at.soon, at.expired = expires == 0 && !at.ahead, expires == 1 && !at.ahead
		}
		switch now := time.Now(); {
		case at.ahead:
			e.DeliverAt, e.ExpiresAt = new(now.Add(time.Hour)), new(now.Add(2*time.Hour))
		case at.soon:
			e.ExpiresAt = new(now.Add(30 * time.Minute))
		case at.expired:
			e.ExpiresAt = new(now.Add(-time.Second))
		}
		events, when = append(events, e), append(when, at)
	}
	results, err := m.c.Publish(context.Background(), events)
	must(t, err)
	if rapid.IntRange(0, 7).Draw(t, "crash before all deliveries are made") == 0 {
		must(t, m.end())
		m.taken, m.quota, quota = nil, 0, 0
		m.crash(t)
	}
	must(t, m.s.Flush(context.Background())) // those of large fan-outs are made
	for i, r := range results {
		must(t, r.Err)
		key := events[i].IdempotencyKey
		if known, ok := m.keys[key]; ok != r.Duplicate || ok && known != r.Event.ID {
			t.Fatalf("key %q: %+v, want %v", key, r, known)
		}
		if r.Duplicate {
			continue
		}
		if key != "" {
			m.keys[key] = r.Event.ID
		}
		m.ordering[r.Event.ID], m.times[r.Event.ID] = events[i].OrderingKey, when[i]
		m.owe(t, r.Event.ID, kinds[i], func(h *modelTarget) bool { return h.wants(kinds[i]) })
	}
	m.take(t, quota)
}

// owe records an event and reads the deliveries that were created for it.
func (m *model) owe(t *rapid.T, event webhook.ID, kind string, wants func(*modelTarget) bool) {
	m.events[event] = kind
	m.places[event] = len(m.places) + 1
	m.ledger.of(webhook.ID{}, kind).events++
	must(t, m.s.Flush(context.Background()))
	l, err := m.c.Deliveries(context.Background(), store.DeliveryFilter{EventIDs: []webhook.ID{event}}, store.Page{First: 100})
	must(t, err)
	want := map[webhook.ID]bool{}
	for _, h := range m.hooks {
		if !h.deleted && wants(h) {
			want[h.id] = true
		}
	}
	for _, d := range l.Items {
		if !want[d.WebhookID] {
			t.Fatalf("event %s (%s): a delivery to %s that is not owed, or is there twice", event, kind, d.WebhookID)
		}
		delete(want, d.WebhookID)
		m.ledger.owed(d.WebhookID, kind)
		made := &modelDelivery{event: event, hook: d.WebhookID, status: webhook.Pending, trigger: webhook.TriggerSchedule}
		m.deliveries[d.ID] = made
		made.line, made.place = m.lineOf(made)
		m.enter(made)
		if kind == webhook.TypeTest {
			m.deliveries[d.ID].trigger = webhook.TriggerTest
		}
	}
	if len(want) > 0 {
		t.Fatalf("event %s (%s): not owed to %v", event, kind, want)
	}
}

// take records the claims that the store handed over in memory.
func (m *model) take(t *rapid.T, quota int) {
	must(t, m.s.Flush(context.Background())) // what was reserved is handed over after the caller's answer
	if len(m.taken) > quota {
		t.Fatalf("%d deliveries handed over, there was room for %d", len(m.taken), quota)
	}
	for _, claimed := range m.taken {
		m.hold(t, claimed)
	}
	m.taken, m.quota = nil, 0
}

// hold records a claim; in the model the delivery must be due and unclaimed.
func (m *model) hold(t *rapid.T, claimed *store.Claimed) {
	d := m.deliveries[claimed.Delivery.ID]
	switch {
	case d == nil:
		t.Fatalf("claimed delivery %s that is not there", claimed.Delivery.ID)
	case !d.due || d.status != webhook.Pending || !m.live(m.target(d.hook)):
		t.Fatalf("claimed delivery %s that is not due: %+v", claimed.Delivery.ID, d)
	case claimed.Delivery.AttemptCount != len(d.attempts) || claimed.Delivery.ScheduleStart != d.start || claimed.Delivery.Trigger != d.trigger ||
		claimed.Event.ID != d.event || claimed.Event.Type != m.events[d.event] || claimed.Target.ID != d.hook:
		t.Fatalf("claimed %+v, want %+v", claimed, d)
	}
	d.claim, d.due = &held{Claimed: claimed, node: m.node}, false
	m.claims = append(m.claims, d.claim)
}

func (m *model) testWebhook(t *rapid.T) {
	h := m.pick(t)
	m.quota = rapid.IntRange(0, 1).Draw(t, "quota")
	quota := m.quota
	d, err := m.c.TestWebhook(context.Background(), h.id, nil)
	if !m.live(h) {
		if err == nil {
			t.Fatal("tested a webhook that is disabled or deleted")
		}
		m.quota = 0
		return
	}
	must(t, err)
	m.owe(t, d.EventID, webhook.TypeTest, func(o *modelTarget) bool { return o == h })
	m.ledger.of(webhook.ID{}, webhook.TypeTest).events-- // it is not counted as published
	m.take(t, quota)
}

func (m *model) claim(t *rapid.T) {
	h := m.pick(t)
	n := rapid.IntRange(1, 5).Draw(t, "n")
	due := 0
	for _, d := range m.deliveries {
		if d.hook == h.id && d.due && m.live(h) {
			due++
		}
	}
	claims, next, err := m.s.Claim(context.Background(), h.id, n, 1<<20)
	must(t, err)
	if len(claims) != min(n, due) {
		t.Fatalf("claimed %d of %d due, asked for %d", len(claims), due, n)
	}
	for _, claimed := range claims {
		m.hold(t, claimed)
	}
	left := false
	for _, d := range m.deliveries {
		left = left || d.hook == h.id && (d.due || d.later) && m.live(h)
	}
	if left != (next != nil) {
		t.Fatalf("next due is %v, something is left: %v", next, left)
	}
}

// record records an attempt with a claim that is held, or with one that was lost before.
func (m *model) record(t *rapid.T) {
	if len(m.claims) == 0 {
		t.Skip()
	}
	j := rapid.SampledFrom(m.claims).Draw(t, "claim")
	m.result(t, j)
}

// attempt makes an attempt, with another operation while it runs.
func (m *model) attempt(t *rapid.T) {
	for _, h := range m.hooks {
		claims, _, err := m.s.Claim(context.Background(), h.id, 1, 1<<20)
		must(t, err)
		if len(claims) == 0 {
			continue
		}
		m.hold(t, claims[0])
		j := m.claims[len(m.claims)-1]
		id := j.Delivery.ID
		switch rapid.SampledFrom([]string{"", "", "", "", "retry", "cancel", "cancel and retry", "update", "stale", "crash"}).Draw(t, "meanwhile") {
		case "retry":
			m.retryOne(t, id, m.deliveries[id])
		case "cancel":
			m.cancelOne(t, id, m.deliveries[id])
		case "cancel and retry":
			m.cancelOne(t, id, m.deliveries[id])
			m.retryOne(t, id, m.deliveries[id])
		case "update":
			m.update(t)
		case "stale": // an answer to an earlier attempt comes late
			if i := slices.IndexFunc(m.claims, func(o *held) bool { return o.Delivery.ID == id && o != j }); i >= 0 {
				m.result(t, m.claims[i])
			}
		case "crash":
			m.crash(t)
		}
		m.result(t, j)
		return
	}
	t.Skip()
}

// result records the attempt of a claim, held or lost.
func (m *model) result(t *rapid.T, j *held) {
	status := rapid.SampledFrom([]int{200, 500, 500, 500, 410}).Draw(t, "status")
	d := m.deliveries[j.Delivery.ID]
	if d != nil && d.claim != j && d.claim != nil && j.Delivery.AttemptCount == len(d.attempts) {
		return // the same node may not report one attempt twice: its claims tell nodes and attempts apart
	}
	r := &store.Result{Claimed: j.Claimed, Gone: status == 410, Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: j.Delivery.Trigger, StartedAt: time.Now(), ResponseStatus: &status,
	}}
	if status != 200 {
		code := webhook.ErrorHTTPStatus
		r.Attempt.Status, r.Attempt.Error = webhook.AttemptFailed, &code
	}
	if rapid.Bool().Draw(t, "beside a refused change") {
		release := m.s.Hold(m.tb)
		must(t, m.s.Record(context.Background(), r))
		refused := make(chan error, 1)
		go func() {
			_, err := m.c.RetryDelivery(context.Background(), webhook.ID{1})
			refused <- err
		}()
		webhooktest.Eventually(m.tb, "the change waits for the writer", func() bool { _, others := m.s.Queued(); return others > 0 })
		release()
		if err := <-refused; !errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("retry of nothing: %v", err)
		}
	} else {
		must(t, m.s.Record(context.Background(), r))
	}
	must(t, m.s.Flush(context.Background()))
	if d == nil || d.claim != j {
		return
	}
	m.apply(t, d, r)
}

// apply applies a recorded attempt to the model.
func (m *model) apply(t *rapid.T, d *modelDelivery, r *store.Result) {
	h, kind := m.target(d.hook), m.events[d.event]
	ok := r.Attempt.Status == webhook.AttemptSucceeded
	m.attempts++
	d.attempts = append(d.attempts, r.Attempt.Status)
	d.claim, d.trigger = nil, webhook.TriggerSchedule
	if d.replay.leaves(r.Claimed.Delivery.ID) {
		d.replay.started++
	}
	gaveUp := false
	m.ledger.attempted(d.hook, kind, r)
	if h.inARow++; ok {
		h.inARow = 0
	}
	switch {
	case ok:
		m.ledger.ended(d.hook, kind, &m.ledger.of(d.hook, kind).succeeded, d.status == webhook.Pending)
		d.end(r.Claimed.Delivery.ID, webhook.DeliverySucceeded)
	case d.status == webhook.Canceled:
	case kind == webhook.TypeTest || len(d.attempts)-d.start > len(h.schedule):
		m.ledger.ended(d.hook, kind, &m.ledger.of(d.hook, kind).failed, true)
		d.end(r.Claimed.Delivery.ID, webhook.DeliveryFailed)
		gaveUp, d.reason = true, webhook.FailureRetriesExhausted
	case m.times[d.event].expired || m.times[d.event].soon && h.schedule[len(d.attempts)-d.start-1] > 0:
		m.ledger.ended(d.hook, kind, &m.ledger.of(d.hook, kind).failed, true)
		d.end(r.Claimed.Delivery.ID, webhook.DeliveryFailed)
		gaveUp, d.reason = true, webhook.FailureExpired
	case h.schedule[len(d.attempts)-d.start-1] == 0:
		d.due = true
	default:
		d.later = true
	}
	d.held = gaveUp && h.holds && !h.deleted && d.line != ""
	m.advance(d.line)
	var told []string
	if gaveUp && !h.deleted && !webhook.Operational(kind) {
		told = append(told, webhook.TypeDeliveryFailed)
	}
	if m.live(h) {
		if r.Gone {
			h.enabled = false
			if !webhook.Operational(kind) {
				told = append(told, webhook.TypeWebhookDisabled)
			}
			h.firsts, h.open = 0, false
		} else {
			h.failing = !ok
			told = append(told, h.turned(ok, !webhook.Operational(kind) && len(d.attempts) == 1)...)
		}
	}
	m.told(t, told)
}

// turned applies an attempt to the issue of a webhook that was not disabled, and returns what is told of that.
func (h *modelTarget) turned(ok, first bool) (told []string) {
	switch {
	case ok:
		if h.open {
			told = []string{webhook.TypeWebhookRecovered}
		}
		h.firsts, h.open = 0, false
	case first:
		if h.firsts++; h.firsts >= webhook.IssueFirstAttempts && !h.open {
			h.open, told = true, []string{webhook.TypeWebhookFailing}
		}
	}
	return told
}

// told checks that exactly the operational events whose types a webhook names were published.
func (m *model) told(t *rapid.T, told []string) {
	told = slices.DeleteFunc(told, func(kind string) bool {
		return !slices.ContainsFunc(m.hooks, func(h *modelTarget) bool { return !h.deleted && h.wants(kind) })
	})
	must(t, m.s.PublishNotices(context.Background()))
	l, err := m.c.Events(context.Background(), store.EventFilter{}, store.Page{First: 3})
	must(t, err)
	slices.Reverse(l.Items)
	for _, e := range l.Items {
		if _, known := m.events[e.ID]; known {
			continue
		}
		if len(told) == 0 || told[0] != e.Type {
			t.Fatalf("event %s came of nothing, want %v", e.Type, told)
		}
		m.owe(t, e.ID, e.Type, func(o *modelTarget) bool { return o.wants(e.Type) })
		told = told[1:]
	}
	if len(told) > 0 {
		t.Fatalf("no event %v", told)
	}
}

func (m *model) unclaim(t *rapid.T) {
	var mine []*held
	for _, j := range m.claims {
		if d := m.deliveries[j.Delivery.ID]; d != nil && d.claim == j {
			mine = append(mine, j)
		}
	}
	if len(mine) == 0 {
		t.Skip()
	}
	j := rapid.SampledFrom(mine).Draw(t, "claim")
	must(t, m.s.Unclaim(context.Background(), []*store.Claimed{j.Claimed}))
	m.claims = slices.DeleteFunc(m.claims, func(o *held) bool { return o == j })
	d := m.deliveries[j.Delivery.ID]
	d.claim, d.due = nil, d.status == webhook.Pending
	if d.due && m.isLate(d) {
		m.told(t, m.expired(j.Delivery.ID, d))
	}
	m.advance(d.line)
}

// expired ends a delivery that was not made in time. It returns what is told of that.
func (m *model) expired(id webhook.ID, d *modelDelivery) (told []string) {
	h := m.target(d.hook)
	held := !d.waits && d.line != "" && h.holds && !h.deleted
	m.ledger.ended(d.hook, m.events[d.event], &m.ledger.of(d.hook, m.events[d.event]).failed, true)
	d.end(id, webhook.DeliveryFailed)
	if d.reason, d.held = webhook.FailureExpired, held; !h.deleted && !webhook.Operational(m.events[d.event]) {
		told = []string{webhook.TypeDeliveryFailed} // of all webhooks
	}
	return told
}

// late expires the deliveries of every event that has expired. Those of deleted webhooks are canceled, by this or by what runs since the deletion.
func (m *model) late(t *rapid.T) {
	n, gone := 0, 0
	var told []string
	lines := map[string]bool{}
	for id, d := range m.deliveries {
		if d.status != webhook.Pending || d.claimed() || !m.isLate(d) {
			continue
		}
		if m.target(d.hook).deleted {
			gone++
			continue
		}
		n++
		lines[d.line] = true
		if of := m.expired(id, d); len(of) > 0 {
			told = of
		}
	}
	release := m.s.HoldNotices()
	got, err := m.s.ExpireEvents(context.Background())
	release()
	if got < n || got > n+gone || err != nil {
		t.Fatalf("%d deliveries of expired events ended, want %d, and up to %d of deleted webhooks, %v", got, n, gone, err)
	}
	for line := range lines {
		m.advance(line)
	}
	m.told(t, told)
}

// steal gives a claim to another node: this node's results for it no longer count.
func (m *model) steal(t *rapid.T) {
	id, d := m.pickDelivery(t)
	if d.claim == nil {
		t.Skip()
	}
	must(t, m.s.Steal(context.Background(), id))
	must(t, m.s.Unclaim(context.Background(), []*store.Claimed{d.claim.Claimed}))
	d.claim, d.stolen = nil, true
}

func (m *model) update(t *rapid.T) {
	h := m.pick(t)
	on := rapid.Bool().Draw(t, "enabled")
	_, _, err := m.c.UpdateWebhook(context.Background(), h.id, webhook.Patch{Enabled: webhook.Some(on)}, nil)
	if h.deleted {
		if !errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("updated a deleted webhook: %v", err)
		}
		return
	}
	must(t, err)
	var told []string
	if on && !h.enabled {
		h.failing, told = false, []string{webhook.TypeWebhookEnabled}
	}
	if on != h.enabled {
		h.firsts, h.open = 0, false
	}
	h.enabled = on
	m.told(t, told)
}

func (m *model) rotate(t *rapid.T) {
	h := m.pick(t)
	overlap := time.Duration(rapid.SampledFrom([]int{0, 1}).Draw(t, "overlap")) * time.Hour
	_, _, err := m.c.UpdateWebhook(context.Background(), h.id, webhook.Patch{}, &webhook.Rotation{Overlap: overlap})
	if h.deleted {
		return
	}
	must(t, err)
	h.secrets = min(h.secrets+1, 5)
	if overlap == 0 {
		h.secrets = 1
	}
}

func (m *model) remove(t *rapid.T) {
	h := m.pick(t)
	if rapid.IntRange(0, 2).Draw(t, "really") > 0 {
		t.Skip()
	}
	if err := m.c.DeleteWebhook(context.Background(), h.id); errors.Is(err, webhook.ErrNotFound) != h.deleted {
		t.Fatalf("delete: %v", err)
	}
	h.deleted = true
}

func (m *model) retry(t *rapid.T) {
	id, d := m.pickDelivery(t)
	m.retryOne(t, id, d)
}

func (m *model) retryOne(t *rapid.T, id webhook.ID, d *modelDelivery) {
	_, err := m.c.RetryDelivery(context.Background(), id)
	if m.target(d.hook).deleted {
		if err == nil {
			t.Fatal("retried a deleted webhook's delivery")
		}
		return
	}
	if d.waits {
		if len(webhook.Invalids(err)) != 1 {
			t.Fatalf("retried what waits: %v", err)
		}
		return
	}
	must(t, err)
	ended := d.status != webhook.Pending
	if ended {
		m.ledger.owed(d.hook, m.events[d.event])
	} else if !d.claimed() && d.replay.leaves(id) {
		d.replay.skipped++
	}
	if d.status != webhook.Pending || d.trigger == webhook.TriggerReplay && !d.claimed() {
		d.replay = nil
	}
	d.status, d.start, d.later, d.reason, d.held = webhook.Pending, len(d.attempts), false, "", false
	if d.claim == nil && !d.stolen {
		if d.trigger = webhook.TriggerManual; ended {
			m.enter(d)
		} else {
			d.due = true
		}
	}
}

func (m *model) cancel(t *rapid.T) {
	id, d := m.pickDelivery(t)
	m.cancelOne(t, id, d)
}

func (m *model) cancelOne(t *rapid.T, id webhook.ID, d *modelDelivery) {
	_, err := m.c.CancelDelivery(context.Background(), id)
	if d.status != webhook.Pending && !d.held || m.target(d.hook).deleted {
		if len(webhook.Invalids(err)) != 1 {
			t.Fatalf("canceled what is completed: %v", err)
		}
		return
	}
	must(t, err)
	m.ledger.ended(d.hook, m.events[d.event], &m.ledger.of(d.hook, m.events[d.event]).canceled, d.status == webhook.Pending)
	d.end(id, webhook.Canceled)
	d.reason = ""
	m.advance(d.line)
}

// prune makes retention remove everything that is completed.
func (m *model) prune(t *rapid.T) {
	// On the same day: PostgreSQL drops a day that is over, which waits while the day is in use.
	now := time.Now().UTC()
	before := now.Truncate(24 * time.Hour).Add(24*time.Hour - time.Millisecond)
	if soon := now.Add(time.Hour); soon.Before(before) {
		before = soon
	}
	_, err := m.s.Prune(context.Background(), before)
	must(t, err)
	owed := map[webhook.ID]bool{}
	for _, d := range m.deliveries {
		if m.target(d.hook).deleted && d.status == webhook.Pending && (d.due || d.later || d.waits) {
			m.ledger.ended(d.hook, m.events[d.event], &m.ledger.of(d.hook, m.events[d.event]).canceled, true)
			d.status, d.due, d.later, d.waits = webhook.Canceled, false, false, false
		}
		owed[d.event] = owed[d.event] || d.status == webhook.Pending
	}
	for id, d := range m.deliveries {
		if !owed[d.event] {
			m.attempts -= len(d.attempts)
			delete(m.deliveries, id)
		}
	}
	maps.DeleteFunc(m.events, func(id webhook.ID, _ string) bool { return !owed[id] })
	maps.DeleteFunc(m.keys, func(_ string, id webhook.ID) bool { return !owed[id] })
	m.advanceAll(t) // what was held behind a delivery that is gone
}

// expire expires every delivery that is due or held.
func (m *model) expire(t *rapid.T) {
	n := 0
	var told []string
	lines := map[string]bool{}
	for id, d := range m.deliveries {
		// What was asked for again waits from then on.
		if m.target(d.hook).deleted || !d.due && !d.later && (!d.waits || d.trigger != webhook.TriggerSchedule) {
			continue
		}
		n++
		lines[d.line] = true
		if of := m.expired(id, d); len(of) > 0 {
			told = of
		}
	}
	release := m.s.HoldNotices() // else those of the first transactions may be told before those of the last
	got, err := m.s.ExpireDeliveries(context.Background(), time.Now().Add(24*time.Hour))
	release()
	if got != n || err != nil {
		t.Fatalf("%d deliveries expired, want %d, %v", got, n, err)
	}
	for line := range lines {
		m.advance(line)
	}
	m.told(t, told)
}

// agree compares everything that can be read with the model.
func (m *model) agree(t *rapid.T) {
	ctx := context.Background()
	m.settle(t)
	seen := map[webhook.ID]*webhook.Delivery{}
	for after := int64(0); ; {
		l, err := m.c.Deliveries(ctx, store.DeliveryFilter{}, store.Page{First: 100, After: after})
		must(t, err)
		for _, d := range l.Items {
			seen[d.ID], after = d, d.Seq
		}
		if !l.HasNext {
			break
		}
	}
	if len(seen) != len(m.deliveries) {
		t.Fatalf("%d deliveries, want %d", len(seen), len(m.deliveries))
	}
	for id, want := range m.deliveries {
		got := seen[id]
		if got == nil {
			t.Fatalf("delivery %s is lost", id)
		}
		h, status := m.target(want.hook), want.status
		switch {
		case status == webhook.Pending && h.deleted:
			status = webhook.Canceled
		case status == webhook.Pending && !h.enabled:
			status = webhook.Held
		}
		due := status == webhook.Pending && (want.due || want.later)
		if got.Status != status || got.AttemptCount != len(want.attempts) || got.EventID != want.event || got.WebhookID != want.hook ||
			due != (got.NextAttemptAt != nil) {
			t.Fatalf("delivery %+v, want %+v, due %v, webhook %+v", got, want, due, h)
		}
		if reason := got.FailureReason; (reason != nil) != (want.reason != "") || reason != nil && *reason != want.reason {
			t.Fatalf("delivery %s is %s because of %v, want %q", id, got.Status, reason, want.reason)
		}
		if !h.deleted && (got.CompletedAt != nil) != (want.status != webhook.Pending) {
			t.Fatalf("delivery %s is completed at %v and %s", id, got.CompletedAt, got.Status)
		}
	}
	m.agreeLog(t)
	m.agreeTargets(t)
	m.agreeTotals(t)
}

func (m *model) agreeLog(t *rapid.T) {
	ctx := context.Background()
	l, err := m.c.Webhooks(ctx, store.WebhookFilter{}, store.Page{First: 1})
	must(t, err)
	if len(l.Items) == 0 {
		return
	}
	numbers := map[webhook.ID]int{}
	last, total := int64(0), 0
	for after := int64(0); ; {
		page, scanned, err := m.s.AttemptLog(ctx, l.Items[0].TenantID, store.AttemptFilter{}, after, 100)
		must(t, err)
		for _, a := range page {
			numbers[a.DeliveryID]++
			d := m.deliveries[a.DeliveryID]
			if d == nil || a.Number != numbers[a.DeliveryID] || a.Number > len(d.attempts) || a.Status != d.attempts[a.Number-1] || a.Seq <= last {
				t.Fatalf("log has %+v after seq %d, want attempt %d of %+v", a, last, numbers[a.DeliveryID], d)
			}
			last = a.Seq
			total++
		}
		if scanned == after {
			break
		}
		after = scanned
	}
	if total != m.attempts {
		t.Fatalf("log has %d attempts, want %d", total, m.attempts)
	}
}

func (m *model) agreeTargets(t *rapid.T) {
	ctx := context.Background()
	for _, h := range m.hooks {
		found, err := m.c.WebhooksByID(ctx, []webhook.ID{h.id})
		must(t, err)
		w := found[h.id]
		if (w == nil) != h.deleted {
			t.Fatalf("webhook %s: %+v, deleted %v", h.id, w, h.deleted)
		}
		if w == nil {
			continue
		}
		secrets, err := m.c.Secrets(ctx, []webhook.ID{h.id})
		must(t, err)
		remembered, stored, err := m.s.FailingSince(ctx, h.id)
		must(t, err)
		if w.Enabled != h.enabled || len(secrets[h.id]) != h.secrets || (stored != nil) != h.failing || (remembered != nil) != h.failing {
			t.Fatalf("webhook %+v with %d secrets, failing since %v (remembered %v), want %+v", w, len(secrets[h.id]), stored, remembered, h)
		}
	}
}

func (d *modelDelivery) String() string {
	return fmt.Sprintf("%s after %d attempts (schedule from %d), due %v, later %v, claimed %v, stolen %v, %s",
		d.status, len(d.attempts), d.start, d.due, d.later, d.claim != nil, d.stolen, d.trigger)
}
