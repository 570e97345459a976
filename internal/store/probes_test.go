package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// prober is a sender that takes probes, while it has room, and nothing else.
type prober struct {
	store.Dispatcher // not called otherwise

	mu   sync.Mutex
	full map[webhook.ID]bool // tenants for which it has no room
	took []*store.Claimed
	left int // reservations
}

func (p *prober) Batch(do func(store.Dispatcher)) { do(p) }
func (*prober) Nodes(int)                         {}
func (*prober) Claimed() int                      { return 0 }
func (*prober) Busy(webhook.ID) bool              { return false }
func (*prober) Due(webhook.ID, time.Time)         {}
func (*prober) Changed(_, _ *store.Target)        {}

func (p *prober) Reserve(to *store.Target, _ int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	ok := !to.Enabled && !p.full[to.TenantID]
	if ok {
		p.left++
	}
	return ok
}

func (p *prober) Release(*store.Target, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left--
}

func (p *prober) Take(claimed *store.Claimed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left--
	p.took = append(p.took, claimed)
}

// taken returns what it has taken since it was last called.
func (p *prober) taken() []*store.Claimed {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.took = nil }()
	return p.took
}

// probed is a store with a prober.
type probed struct {
	t      *suite
	s      *store.Store
	sender *prober
}

func newProbed(t *suite) probed {
	t.Helper()
	p := probed{t, t.Open(t, store.Options{}), &prober{full: map[webhook.ID]bool{}}}
	p.s.Start(p.sender, nil)
	return p
}

// failed makes the server disable a webhook that has failed for too long.
func (p probed) failed(c *store.Scope, w *webhook.Webhook) {
	p.t.Helper()
	for _, ago := range []time.Duration{webhook.FailingLimit + time.Hour, 0} {
		publish(p.t, c, webhook.NewEvent{Type: "a.b"})
		claims, _ := claim(p.t, p.s, w.ID, 1)
		record(p.t, p.s, claims[0], 500, func(r *store.Result) { r.Attempt.StartedAt = time.Now().Add(-ago) })
	}
}

// later runs the task as if the time of the next probes had come.
func (p probed) later() []*store.Claimed {
	p.t.Helper()
	past := "1"
	if p.t.Kind == "postgres" {
		past = "'2020-01-01Z'"
	}
	must(p.t, p.s.Exec("UPDATE webhooks SET probe_at = "+past+" WHERE probe_at IS NOT NULL"))
	return p.now()
}

func (p probed) now() []*store.Claimed {
	p.t.Helper()
	must(p.t, p.s.ProbeWebhooks(p.t.Context()))
	must(p.t, p.s.Flush(p.t.Context()))
	return p.sender.taken()
}

func (p probed) hook(c *store.Scope, id webhook.ID) *webhook.Webhook {
	p.t.Helper()
	found, err := c.WebhooksByID(p.t.Context(), []webhook.ID{id})
	must(p.t, err)
	return found[id]
}

// A webhook that was disabled because it failed, and asks for it, is probed: after an hour, and then after twice as long, up to a day, thirty times. Each
// probe is one delivery of one event, which fails without consequences. One that is answered enables the webhook, resolves its issue, is in the audit
// log, and the held deliveries are due.
func TestProbes(t *testing.T) {
	each(t, func(t *suite) {
		p := newProbed(t)
		c := tenant(t, p.s, "a")
		w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, Probe: true, Filter: []byte(`{"type":"a.b"}`), RetryScheduleMs: []int{3_600_000}})
		told := register(t, c, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}})
		p.failed(c, w)
		var waits []time.Duration
		for n := range webhook.MaxProbes {
			is := p.hook(c, w.ID)
			if is.Enabled || is.ProbeAt == nil || is.Probes != n {
				t.Fatalf("before probe %d it is %+v", n+1, is)
			}
			waits = append(waits, time.Until(*is.ProbeAt))
			if got := p.now(); len(got) != 0 {
				t.Fatalf("%d probes before their time", len(got))
			}
			got := p.later()
			if len(got) != 1 || got[0].Event.Type != webhook.TypeProbe || got[0].Delivery.WebhookID != w.ID || !got[0].Event.Test {
				t.Fatalf("probe %d is %+v", n+1, got)
			}
			record(t, p.s, got[0], 503)
		}
		for n, wait := range waits {
			want := min(time.Hour<<n, 24*time.Hour)
			if n > 5 {
				want = 24 * time.Hour
			}
			if wait < want*89/100 || wait > want*111/100 {
				t.Errorf("probe %d is after %v, want about %v", n+1, wait, want)
			}
		}
		if is := p.hook(c, w.ID); is.ProbeAt != nil || is.Probes != webhook.MaxProbes {
			t.Errorf("after the last one it is %+v", is)
		}
		if got := p.later(); len(got) != 0 {
			t.Errorf("%d more", len(got))
		}
		wantIssues(t, c, "WEBHOOK_DISABLED HTTP_STATUS OPEN")

		_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{URL: webhook.Some("https://example.com/new")}, nil)
		must(t, err)
		got := p.later()
		if len(got) != 1 {
			t.Fatalf("%d probes of a new URL", len(got))
		}
		record(t, p.s, got[0], 204)
		if is := p.hook(c, w.ID); !is.Enabled || is.DisabledReason != nil || is.FailingSince != nil || is.ProbeAt != nil || is.Probes != 0 {
			t.Errorf("enabled it is %+v", is)
		}
		wantIssues(t, c, "WEBHOOK_DISABLED HTTP_STATUS RESOLVED")
		if claims, _ := claim(t, p.s, w.ID, 10); len(claims) != 0 { // they are due later: they have failed once
			t.Errorf("%d are due", len(claims))
		}
		entry := storetest.RowsOf[webhook.AuditEntry](t)(p.s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{ObjectIDs: []webhook.ID{w.ID}}, store.Page{First: 1}))[0]
		if entry.Action != webhook.AuditWebhookEnabled || entry.Actor.Kind != webhook.ActorServer || entry.ObjectID != w.ID {
			t.Errorf("the audit log has %+v", entry)
		}
		must(t, p.s.PublishNotices(t.Context()))
		var types []string
		claims, _ := claim(t, p.s, told.ID, 10)
		for _, claimed := range claims {
			types = append(types, claimed.Event.Type)
		}
		slices.Sort(types)
		if diff := cmp.Diff([]string{webhook.TypeWebhookDisabled, webhook.TypeWebhookEnabled}, types); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if got := p.later(); len(got) != 0 {
			t.Errorf("%d probes of an enabled webhook", len(got))
		}
	})
}

// Only what failed, and asks for it, is probed: not what somebody disabled, what is gone, or what is deleted. A change of mind counts at once.
func TestWhatIsNotProbed(t *testing.T) {
	each(t, func(t *suite) {
		p := newProbed(t)
		c := tenant(t, p.s, "a")
		add := func(probe bool) *webhook.Webhook {
			return register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, Probe: probe})
		}
		change := func(w *webhook.Webhook, patch webhook.Patch) {
			t.Helper()
			_, _, err := c.UpdateWebhook(t.Context(), w.ID, patch, nil)
			must(t, err)
		}
		off := add(true)
		change(off, webhook.Patch{Enabled: webhook.Some(false)})
		gone := add(true)
		answers(t, p.s, c, gone, 410)
		quiet := add(false)
		p.failed(c, quiet)
		deleted := add(true)
		p.failed(c, deleted)
		must(t, c.DeleteWebhook(t.Context(), deleted.ID))
		if got := p.later(); len(got) != 0 {
			t.Fatalf("probed: %+v", got)
		}
		change(quiet, webhook.Patch{Probe: webhook.Some(true)})
		if got := p.now(); len(got) != 0 {
			t.Error("probed at once")
		}
		if got := p.later(); len(got) != 1 {
			t.Errorf("%d probes", len(got))
		} else { // the receiver is gone
			record(t, p.s, got[0], 410, func(r *store.Result) { r.Gone = true })
		}
		if is := p.hook(c, quiet.ID); is.Enabled || is.ProbeAt != nil || *is.DisabledReason != webhook.DisabledFailing {
			t.Errorf("it is %+v", is)
		}
		change(quiet, webhook.Patch{Probe: webhook.Some(false)})
		change(quiet, webhook.Patch{Probe: webhook.Some(true)})
		got := p.later()
		if len(got) != 1 {
			t.Fatalf("%d probes after the setting was off and on", len(got))
		}
		change(quiet, webhook.Patch{Enabled: webhook.Some(true)})
		change(quiet, webhook.Patch{Enabled: webhook.Some(false)})
		record(t, p.s, got[0], 200)
		if is := p.hook(c, quiet.ID); is.Enabled || *is.DisabledReason != webhook.DisabledManual {
			t.Errorf("a probe has enabled what somebody disabled: %+v", is)
		}
	})
}

// One tenant whose probes find no room makes no other wait, and its own are tried again later, without a trace of the first try.
func TestProbesWithoutRoom(t *testing.T) {
	each(t, func(t *suite) {
		p := newProbed(t)
		a, b := tenant(t, p.s, "a"), tenant(t, p.s, "b")
		for _, c := range []*store.Scope{a, b} {
			for range 5 {
				p.failed(c, register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, Probe: true}))
				must(t, p.s.Exec("UPDATE webhooks SET events = '[\"x.y\"]'"))
			}
		}
		before, err := p.s.Count("events")
		must(t, err)
		p.sender.full[a.Tenant()] = true
		got := p.later()
		if len(got) != 5 || slices.ContainsFunc(got, func(c *store.Claimed) bool { return c.Delivery.TenantID != b.Tenant() }) {
			t.Errorf("%d probes", len(got))
		}
		if n, err := p.s.Count("events"); n != before+5 || err != nil || p.sender.left != 0 {
			t.Errorf("%d events, %d reservations are left, %v", n-before, p.sender.left, err)
		}
		p.sender.full[a.Tenant()] = false
		if got := p.now(); len(got) != 5 {
			t.Errorf("%d probes when there is room", len(got))
		}
		if got := p.now(); len(got) != 0 {
			t.Errorf("%d more", len(got))
		}
	})
}

// A probe that a crash interrupts is not sent later: it expires.
func TestProbeExpires(t *testing.T) {
	each(t, func(t *suite) {
		p := newProbed(t)
		c := tenant(t, p.s, "a")
		p.failed(c, register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, Probe: true}))
		d := &p.later()[0].Delivery
		if d.ExpiresAt == nil || d.ExpiresAt.Sub(d.CreatedAt) != webhook.ProbeExpiry || !d.Expired(*d.ExpiresAt) {
			t.Errorf("it is %+v", d)
		}
	})
}
