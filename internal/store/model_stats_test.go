package store_test

import (
	"context"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ledger has the statistics that a model expects: everything that has happened, including rows that were removed since.
type ledger struct{ entries map[ledgerKey]*tally }

type ledgerKey struct {
	hook webhook.ID // zero: of events
	kind string
}

// tally has the counts of one webhook, type or tenant.
type tally struct{ events, owed, succeeded, failed, canceled, ok, bad, answered, slow, pending int64 }

func newLedger() ledger { return ledger{map[ledgerKey]*tally{}} }

func (l ledger) of(hook webhook.ID, kind string) *tally {
	k := ledgerKey{hook, kind}
	if l.entries[k] == nil {
		l.entries[k] = &tally{}
	}
	return l.entries[k]
}

func (l ledger) owed(hook webhook.ID, kind string) {
	is := l.of(hook, kind)
	is.owed++
	is.pending++
}

func (l ledger) ended(hook webhook.ID, kind string, how *int64, owed bool) {
	*how++
	if owed {
		l.of(hook, kind).pending--
	}
}

func (l ledger) attempted(hook webhook.ID, kind string, r *store.Result) {
	is := l.of(hook, kind)
	if r.Attempt.Status == webhook.AttemptSucceeded {
		is.ok++
	} else {
		is.bad++
	}
	is.answered++
	is.slow++
}

// sum adds up the tallies of a webhook, of a type, or all.
func (l ledger) sum(hook *webhook.ID, kind string) (t tally) {
	for k, is := range l.entries {
		if hook != nil && k.hook != *hook || kind != "" && k.kind != kind {
			continue
		}
		t = tally{
			t.events + is.events, t.owed + is.owed, t.succeeded + is.succeeded, t.failed + is.failed, t.canceled + is.canceled,
			t.ok + is.ok, t.bad + is.bad, t.answered + is.answered, t.slow + is.slow, t.pending + is.pending,
		}
	}
	return t
}

func tallyOf(c *stats.Counts) tally {
	ok, bad := c.Attempts()
	return tally{
		events: c.Get(stats.Events), owed: c.Get(stats.Owed), succeeded: c.Get(stats.Succeeded), failed: c.Get(stats.Failed), canceled: c.Get(stats.Canceled),
		ok: ok, bad: bad, answered: c.Statuses.Count(), slow: c.Duration.Bins.Count(),
	}
}

// fold folds all, or as the work by the clock does, in this minute or after it. What is known of webhooks stays the same, to the microsecond.
func (m *model) fold(t *rapid.T) {
	before := m.states(t)
	if after := rapid.IntRange(0, 2).Draw(t, "minutes"); after < 2 {
		must(t, m.s.FoldAt(context.Background(), time.Now().Add(time.Duration(after)*time.Minute)))
	} else {
		must(t, m.s.FoldStatistics(context.Background()))
	}
	if diff := cmp.Diff(before, m.states(t)); diff != "" {
		t.Fatalf("folding changed what is known of webhooks:\n%s", diff)
	}
	m.agreeStats(t) // of other rows now
}

// states returns the states of webhooks.
func (m *model) states(t *rapid.T) map[webhook.ID]store.Health {
	var ids []webhook.ID
	for _, h := range m.hooks {
		ids = append(ids, h.id)
	}
	found, err := m.c.Health(context.Background(), ids)
	must(t, err)
	all := map[webhook.ID]store.Health{}
	for id, h := range found {
		is := *h
		is.Counts = nil
		all[id] = is
	}
	return all
}

// statsSteps is after how many steps the statistics of each webhook and type are compared, which takes some forty queries. What was
// counted wrongly of one of them is wrong from then on: counts are only added to.
const statsSteps = 8

// agreeTotals compares the statistics and the backlog of everything with the ledger, and after some steps those of each webhook and type.
func (m *model) agreeTotals(t *rapid.T) {
	if m.steps++; m.steps%statsSteps == 0 {
		m.agreeStats(t)
		return
	}
	var due, held, canceling int64
	for _, h := range m.hooks {
		owed, waits, late := m.owes(h)
		due, held, canceling = due+owed, held+waits, canceling+late
	}
	m.agreeBacklog(t, store.StatsFilter{}, due, held)
	m.agreeCounts(t, "everything", store.StatsFilter{}, m.ledger.sum(nil, ""), canceling)
	m.agreeHealth(t)
}

// owes returns how many deliveries of a webhook are due and held, and how many of a deleted one are not canceled yet: that is done in
// the background.
func (m *model) owes(h *modelTarget) (due, held, canceling int64) {
	pending := m.ledger.sum(&h.id, "").pending
	switch {
	case h.deleted:
		return 0, 0, pending
	case !h.enabled:
		return 0, pending, 0
	}
	return pending, 0, 0
}

// agreeStats compares statistics and the backlog with the ledger, also of each webhook and type.
func (m *model) agreeStats(t *rapid.T) {
	var due, held, canceling int64
	kinds := map[string]bool{}
	for k := range m.ledger.entries {
		kinds[k.kind] = true
	}
	for _, h := range m.hooks {
		owed, waits, late := m.owes(h)
		due, held, canceling = due+owed, held+waits, canceling+late
		of := []webhook.ID{h.id}
		m.agreeCounts(t, "webhook "+h.id.String(), store.StatsFilter{WebhookIDs: of}, m.ledger.sum(&h.id, ""), late)
		for kind := range kinds {
			m.agreeCounts(t, kind+" of webhook "+h.id.String(), store.StatsFilter{WebhookIDs: of, EventTypes: []string{kind}}, m.ledger.sum(&h.id, kind), late)
		}
		m.agreeBacklog(t, store.StatsFilter{WebhookIDs: of}, owed, waits)
	}
	m.agreeBacklog(t, store.StatsFilter{}, due, held)
	m.agreeCounts(t, "everything", store.StatsFilter{}, m.ledger.sum(nil, ""), canceling)
	for kind := range kinds {
		m.agreeCounts(t, "type "+kind, store.StatsFilter{EventTypes: []string{kind}}, m.ledger.sum(nil, kind), canceling)
	}
	m.agreeHealth(t)
	wrong, err := m.s.CheckBacklog(context.Background())
	must(t, err)
	if len(wrong) > 0 {
		t.Fatalf("gauges differ from what is counted: %+v", wrong)
	}
}

// agreeCounts compares the counts of a filter with the ledger's; those that are still being canceled may be counted or not.
func (m *model) agreeCounts(t *rapid.T, what string, f store.StatsFilter, want tally, canceling int64) {
	got, _, err := m.c.Stats(store.TimeRange{}, f).Totals(context.Background())
	must(t, err)
	is := tallyOf(got)
	if late := is.canceled - want.canceled; late < 0 || late > canceling {
		t.Fatalf("%s: %d canceled, want %d to %d", what, is.canceled, want.canceled, want.canceled+canceling)
	}
	is.canceled, want.canceled, want.pending = 0, 0, 0
	if diff := cmp.Diff(want, is, cmp.AllowUnexported(tally{})); diff != "" {
		t.Fatalf("statistics of %s (-ledger +statistics):\n%s", what, diff)
	}
}

func (m *model) agreeBacklog(t *rapid.T, f store.StatsFilter, due, held int64) {
	is, err := m.c.Stats(store.TimeRange{}, f).Backlog(context.Background())
	must(t, err)
	if is.Due != due || is.Held != held {
		t.Fatalf("backlog of %v: %d due and %d held, want %d and %d", f.WebhookIDs, is.Due, is.Held, due, held)
	}
}

// agreeHealth compares the states of webhooks with the recorded attempts.
func (m *model) agreeHealth(t *rapid.T) {
	var ids []webhook.ID
	for _, h := range m.hooks {
		ids = append(ids, h.id)
	}
	found, err := m.c.Health(context.Background(), ids)
	must(t, err)
	for _, h := range m.hooks {
		is := found[h.id]
		if (is == nil) != h.deleted {
			t.Fatalf("health of %s: %+v, deleted %v", h.id, is, h.deleted)
		}
		if is == nil {
			continue
		}
		want := m.ledger.sum(&h.id, "")
		ok, bad := is.Counts.Attempts()
		if ok != want.ok || bad != want.bad || is.Pending != want.pending || is.FailuresInARow != int64(h.inARow) ||
			(is.LastSuccessAt != nil) != (ok > 0) || (is.LastFailureAt != nil) != (bad > 0) || is.LastSuccessAt != nil && time.Since(*is.LastSuccessAt) > time.Hour {
			t.Fatalf("health of %s: %+v, %d and %d attempts, want %+v, %d failures in a row", h.id, is, ok, bad, want, h.inARow)
		}
	}
}
