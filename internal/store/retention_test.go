package store_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// I4: a delivery that has been due for longer than the limit is FAILED as expired, also while its webhook is disabled, and an operational event
// reports it; deliveries that are due later or running are not changed. Retention can then remove the event, and a retry by hand makes it
// due again.
func TestExpire(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		disabled := register(t, c, webhook.New{Events: []string{"a.b"}})
		running := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}})
		operationalOnly := register(t, c, webhook.New{Events: []string{webhook.TypeWebhookDisabled, webhook.TypeDeliveryFailed}})
		const many = 450 // more than one transaction expires
		events := make([]webhook.NewEvent, many)
		for i := range events {
			events[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage("1")}
		}
		publish(t, c, events...)
		claim(t, s, running.ID, many)
		later := register(t, c, webhook.New{Enabled: true, Events: []string{"c"}, RetryScheduleMs: []int{3 * 60 * 60 * 1000}})
		publish(t, c, webhook.NewEvent{Type: "c"})
		claims, _ := claim(t, s, later.ID, 1)
		record(t, s, claims[0], 500)
		if n, err := s.ExpireDeliveries(t.Context(), time.Now().Add(-time.Minute)); n != 0 || err != nil {
			t.Fatalf("%d expired that were due within the minute, %v", n, err)
		}
		if n, err := s.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour)); n != many || err != nil {
			t.Fatalf("%d expired, want %d, %v", n, many, err)
		}
		count := func(id webhook.ID, status webhook.DeliveryStatus) int {
			t.Helper()
			n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{id}, Statuses: []webhook.DeliveryStatus{status}})
			must(t, err)
			return n
		}
		want := map[string]int{"expired": many, "running": many, "later": 1}
		got := map[string]int{"expired": count(disabled.ID, webhook.DeliveryFailed), "running": count(running.ID, webhook.Pending), "later": count(later.ID, webhook.Pending)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		l, err := c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{disabled.ID}}, store.Page{First: 1})
		must(t, err)
		d := l.Items[0]
		if d.FailureReason == nil || *d.FailureReason != webhook.FailureExpired || d.CompletedAt == nil || d.NextAttemptAt != nil || d.AttemptCount != 0 {
			t.Errorf("expired: %+v", d)
		}
		told := operational(t, s, c)
		h := told.hooks[webhook.TypeDeliveryFailed][disabled.ID]
		if told.count[webhook.TypeDeliveryFailed] != many || h.Count != many || h.FailureReason != "EXPIRED" || h.EventType != "a.b" {
			t.Errorf("told %+v", told.hooks)
		}
		owed := count(operationalOnly.ID, webhook.Held)
		if n, err := s.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour)); n != owed || owed == 0 || err != nil {
			t.Errorf("%d of %d deliveries of operational events expired, %v", n, owed, err)
		}
		if again := operational(t, s, c); len(again.events) != len(told.events) {
			t.Error("the end of an operational event's delivery was told")
		}
		retried, err := c.RetryDelivery(t.Context(), d.ID)
		if err != nil || retried.Status != webhook.Held || retried.FailureReason != nil {
			t.Errorf("retried: %+v, %v", retried, err)
		}
	})
}

// A refused tenant is told how many of its events wait for a webhook that is gone. When they have expired, retention makes room; expiry alone
// does not.
func TestUpkeepMakesRoom(t *testing.T) {
	each(t, func(t *suite) {
		var clock storetest.Clock
		s := t.Open(t, store.Options{Quotas: webhook.Quotas{Events: 3}, Now: clock.Now})
		c := tenant(t, s, "a")
		gone := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{1000}})
		other := register(t, c, webhook.New{Enabled: true})
		if _, _, err := c.UpdateWebhook(t.Context(), other.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Minute}); err != nil {
			t.Fatal(err)
		}
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{}, webhook.NewEvent{})
		claims, _ := claim(t, s, gone.ID, 1)
		record(t, s, claims[0], 410, func(r *store.Result) { r.Gone = true })
		claims, _ = claim(t, s, other.ID, 10)
		for _, claimed := range claims {
			record(t, s, claimed, 200)
		}
		refused := func() string {
			t.Helper()
			_, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: json.RawMessage("1")}})
			if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeQuota {
				t.Fatalf("published into a full store: %v", err)
			}
			return err.Error()
		}
		if text := refused(); !strings.Contains(text, "3 of them cannot be removed, because they wait for webhooks that are disabled (1)") {
			t.Error(text)
		}
		must(t, s.PublishNotices(t.Context())) // of the webhook that was disabled: nobody names it, so it takes no room
		clock.Ahead(48 * time.Hour)
		day := time.Now().Add(24 * time.Hour) // one before what the clock shows
		secrets, err := s.PruneSecrets(t.Context())
		if err != nil || t.Kind == "sqlite" && secrets != 1 { // PostgreSQL has a clock of its own
			t.Fatalf("%d secrets, %v", secrets, err)
		}
		if n, err := s.ExpireDeliveries(t.Context(), day); n != 3 || err != nil {
			t.Fatalf("%d deliveries have expired, %v", n, err)
		}
		refused()
		if n, err := s.Prune(t.Context(), day); n != 3 || err != nil {
			t.Fatalf("%d events are removed, %v", n, err)
		}
		publish(t, c, webhook.NewEvent{Type: "a.b"})
	})
}

// I17: however many deliveries an event has and webhooks a tenant has, each transaction of retention or of a tenant's deletion changes few rows,
// and nothing remains at the end.
func TestRemovalInPieces(t *testing.T) {
	const most, many = store.BatchCost, 10_000
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Tuning: lingering()})
		largest, _ := s.LargestWrite()
		huge := func(name string) *store.Scope {
			t.Helper()
			c := tenant(t, s, name)
			w := register(t, c, webhook.New{Enabled: true})
			publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
			claims, _ := claim(t, s, w.ID, 2)
			for _, claimed := range claims {
				record(t, s, claimed, 200)
			}
			registerMany(t, c, 450, webhook.New{})
			must(t, s.Multiply(claims[0].Delivery.ID, many))
			return c
		}
		owner := func(name string) webhook.ID {
			t.Helper()
			found, err := s.TenantByName(t.Context(), name)
			must(t, err)
			return found.ID
		}
		old := huge("old")
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
			t.Fatalf("%d events went, want 2, %v", n, err)
		}
		for name, count := range map[string]func() (int, error){
			"events":     func() (int, error) { return old.CountEvents(t.Context(), store.EventFilter{}) },
			"deliveries": func() (int, error) { return old.CountDeliveries(t.Context(), store.DeliveryFilter{}) },
			"attempts":   func() (int, error) { return old.CountAttempts(t.Context(), store.AttemptFilter{}) },
		} {
			if n, err := count(); n != 0 || err != nil {
				t.Errorf("%d %s are left, %v", n, name, err)
			}
		}
		huge("gone")
		id := owner("gone")
		must(t, s.Registry(nil).DeleteTenant(t.Context(), id))
		webhooktest.Eventually(t, "all of the tenant is removed", func() bool {
			must(t, s.SweepTenant(t.Context(), id))
			rows, err := s.RowsOf(t.Context(), id)
			must(t, err)
			return len(rows) == 0
		})
		if n := largest(); n > most {
			t.Errorf("one transaction changed %d rows", n)
		}
	})
}

// Each tenant's events are kept for its own retention, those with a failed delivery for longer if that is set, and forever if it is 0. Cursors
// expire only for a tenant whose own attempts were removed. Events with held or pending deliveries stay.
func TestRetentionOfTenants(t *testing.T) {
	each(t, func(t *suite) {
		var clock storetest.Clock
		const day = 24 * time.Hour
		s := t.Open(t, store.Options{Now: clock.Now, Retention: webhook.Retention{Keep: 2 * day}})
		type kept struct {
			c  *store.Scope
			id webhook.ID
		}
		tenants := map[string]kept{}
		for name, patch := range map[string]webhook.TenantPatch{
			"default": {},
			"hour":    {RetentionSeconds: webhook.Some(new(60 * 60))},
			"longer":  {RetentionSeconds: webhook.Some(new(4 * 24 * 60 * 60))},
			"forever": {RetentionSeconds: webhook.Some(new(0))},
			"failed":  {KeepFailedSeconds: webhook.Some(new(3 * 24 * 60 * 60))},
		} {
			made, err := s.Registry(nil).CreateTenant(t.Context(), name, patch)
			must(t, err)
			c := s.In(made.ID)
			w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{0}})
			held := register(t, c, webhook.New{Events: []string{"held"}})
			publish(t, c, webhook.NewEvent{Type: "a.b"}, webhook.NewEvent{Type: "a.b"}, webhook.NewEvent{Type: "held"})
			claims, _ := claim(t, s, w.ID, 2)
			record(t, s, claims[0], 200)
			record(t, s, claims[1], 500)
			again, _ := claim(t, s, w.ID, 1)
			for _, claimed := range again {
				record(t, s, claimed, 500)
			}
			_ = held
			tenants[name] = kept{c, made.ID}
		}
		left := func(when string, want map[string]int) {
			t.Helper()
			got, whole := map[string]int{}, map[string]bool{}
			for name, k := range tenants {
				n, err := k.c.CountEvents(t.Context(), store.EventFilter{})
				must(t, err)
				got[name] = n
				oldest, _, err := s.AttemptBounds(t.Context(), k.id)
				must(t, err)
				if whole[name] = oldest == 1; whole[name] != (want[name] == 3) {
					t.Errorf("%s: the log of %s is said to be kept from %d on", when, name, oldest)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", when, diff)
			}
		}
		retain := func(after time.Duration) {
			t.Helper()
			clock.Ahead(after)
			must(t, s.Retain(t.Context()))
		}
		retain(55 * time.Minute) // making the tenants takes less than the five minutes that are left
		left("before an hour", map[string]int{"default": 3, "hour": 3, "longer": 3, "forever": 3, "failed": 3})
		retain(61 * time.Minute) // and its events are looked for every three minutes
		left("after an hour", map[string]int{"default": 3, "hour": 1, "longer": 3, "forever": 3, "failed": 3})
		retain(2*day + time.Minute)
		left("after two days", map[string]int{"default": 1, "hour": 1, "longer": 3, "forever": 3, "failed": 2})
		retain(3*day + time.Minute)
		left("after three days", map[string]int{"default": 1, "hour": 1, "longer": 3, "forever": 3, "failed": 1})
		retain(4*day + time.Hour)
		left("after four days", map[string]int{"default": 1, "hour": 1, "longer": 1, "forever": 3, "failed": 1})
		must(t, errOf(s.Registry(nil).UpdateTenant(t.Context(), tenants["forever"].id, webhook.TenantPatch{RetentionSeconds: webhook.Some[*int](nil)})))
		retain(4*day + time.Hour)
		left("after the last is kept like others", map[string]int{"default": 1, "hour": 1, "longer": 1, "forever": 1, "failed": 1})
		if n, err := s.ExpireRetained(t.Context()); n != len(tenants) || err != nil {
			t.Errorf("%d held deliveries expired, want %d, %v", n, len(tenants), err)
		}
	})
}

// refuseRemoval are the statements after which events cannot be removed, until refused is dropped.
var refuseRemoval = map[string][]string{
	"sqlite": {"CREATE TRIGGER refused BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'refused'); END"},
	"postgres": {
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$",
		"CREATE TRIGGER refused BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse()",
	},
}

// Retention that fails is due at its next run, which fails too, until one succeeds: a run that finds nothing to do before would look like a success.
func TestRetentionFailsUntilItSucceeds(t *testing.T) {
	each(t, func(t *suite) {
		var clock storetest.Clock
		s := t.Open(t, store.Options{Now: clock.Now, Retention: webhook.Retention{Keep: time.Hour}})
		c := tenant(t, s, "a")
		publish(t, c, webhook.NewEvent{})
		clock.Ahead(2 * time.Hour)
		for _, text := range refuseRemoval[t.Kind] {
			must(t, s.Exec(text))
		}
		for range 3 {
			if err := s.Retain(t.Context()); err == nil {
				t.Error("retention succeeds, and removes nothing")
			}
		}
		drop := "DROP TRIGGER refused"
		if t.Kind == "postgres" {
			drop += " ON events"
		}
		must(t, s.Exec(drop))
		must(t, s.Retain(t.Context()))
		if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n > 0 || err != nil {
			t.Errorf("%d events are left, %v", n, err)
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

// Whichever statement of retention is the last before the server is killed, an event exists with all its deliveries and their attempts, or not
// at all.
func TestRetentionRemovesWholeEvents(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{}) // other tasks delete, too
		c := tenant(t, s, "a")
		for range 2 {
			register(t, c, webhook.New{Enabled: true})
		}
		events := make([]webhook.NewEvent, 300)
		for i := range events {
			events[i] = webhook.NewEvent{Data: json.RawMessage(`"x"`), IdempotencyKey: "k" + strconv.Itoa(i)}
		}
		publish(t, c, events...)
		list, err := c.Webhooks(t.Context(), store.WebhookFilter{}, store.Page{First: 2})
		must(t, err)
		for _, w := range list.Items {
			claims, _ := claim(t, s, w.ID, len(events))
			for _, claimed := range claims {
				record(t, s, claimed, 200)
			}
		}
		fail := s.FailDelete()
		removed := 0
		for n := 1; ; n++ {
			failed := fail(n)
			gone, err := s.Prune(t.Context(), time.Now().Add(time.Hour))
			if removed += gone; failed() != (err != nil) {
				t.Fatalf("statement %d: %v", n, err)
			}
			rows, counted := s.CountRows(t.Context(), list.Items[0].TenantID)
			must(t, counted)
			if left := int64(len(events) - removed); rows["events"] != left || rows["deliveries"] != 2*left || rows["attempts"] != 2*left || rows["idempotency_keys"] != left {
				t.Fatalf("the end at statement %d: %v, want %d events", n, rows, left)
			}
			if err == nil {
				break
			}
			if n > 100 {
				t.Fatal("it never ends")
			}
		}
		if removed != len(events) {
			t.Errorf("%d events went, want %d", removed, len(events))
		}
	})
}

// No statement of retention reads rows that it does not remove: none scans a table.
func TestRetentionPlans(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Retention: webhook.Retention{Keep: time.Hour, KeepFailed: 2 * time.Hour}})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
		claims, _ := claim(t, s, w.ID, 2)
		for _, claimed := range claims {
			record(t, s, claimed, 200)
		}
		own, err := s.Registry(nil).CreateTenant(t.Context(), "own", webhook.TenantPatch{RetentionSeconds: webhook.Some(new(60)), KeepFailedSeconds: webhook.Some(new(120))})
		must(t, err)
		register(t, s.In(own.ID), webhook.New{Enabled: true, Events: []string{"c"}})
		publish(t, s.In(own.ID), webhook.NewEvent{})
		plans := s.Plans()
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
			t.Fatalf("%d events went, %v", n, err)
		}
		seen := 0
		for text, plan := range plans(t) {
			seen++
			for _, table := range []string{"events", "deliveries", "attempts", "idempotency_keys", "event_tags"} {
				if strings.Contains(plan, "SCAN "+table) || strings.Contains(plan, "Seq Scan on "+table) {
					t.Errorf("%s\n%s", text, plan)
				}
			}
		}
		if seen < 8 {
			t.Errorf("only %d statements were seen", seen)
		}
	})
}

// While others call, retention takes at most a quarter of the time, in short transactions; in longer ones if the turns of others take long, so
// that it makes progress. While nobody calls, it takes all the time, in transactions that a new caller can wait for.
func TestRetentionGivesWay(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		turn, row   time.Duration
		busy        bool
		least, most float64 // of the time
		longest     time.Duration
	}{
		"others are quick":         {ms / 10, 10 * time.Microsecond, true, 0.2, 0.26, 3 * ms},
		"others take long":         {60 * ms, 10 * time.Microsecond, true, 0.2, 0.26, 21 * ms},
		"others, and rows, do":     {60 * ms, 200 * time.Microsecond, true, 0.2, 0.26, 25 * ms},
		"rows are slow":            {ms / 10, 200 * time.Microsecond, true, 0.2, 0.26, 13 * ms},
		"nobody calls":             {0, 10 * time.Microsecond, false, 0.99, 1, 21 * ms},
		"nobody, and rows do take": {0, 200 * time.Microsecond, false, 0.99, 1, 21 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			share, longest := store.Pausing(t.Context(), store.RetentionShare, 300, test.turn, test.row, test.busy)
			if share < test.least || share > test.most || longest > test.longest {
				t.Errorf("%s: %.2f of the time, at most %s at once", name, share, longest)
			}
		})
	}
}

// Folding statistics is work for later: while others call it takes a tenth of the time for writing, in transactions that are as short; while
// nobody calls, or when the journal grows faster than that, it does not wait.
func TestFoldingGivesWay(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		share       int
		turn, row   time.Duration // how long others' transactions, and a row, take
		busy        bool
		least, most float64 // of the time
		longest     time.Duration
	}{
		"others are quick":      {store.FoldShare, ms / 10, 10 * time.Microsecond, true, 0.08, 0.11, 3 * ms},
		"others take long":      {store.FoldShare, 60 * ms, 10 * time.Microsecond, true, 0.08, 0.11, 21 * ms},
		"nobody calls":          {store.FoldShare, 0, 10 * time.Microsecond, false, 0.99, 1, 21 * ms},
		"the journal is behind": {1, 2 * ms, 10 * time.Microsecond, true, 0.4, 0.95, 21 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			share, longest := store.Pausing(t.Context(), test.share, 300, test.turn, test.row, test.busy)
			if share < test.least || share > test.most || longest > test.longest {
				t.Errorf("%s: %.2f of the time, at most %s at once", name, share, longest)
			}
		})
	}
}

// Searching one tenant's expired events reads only its events, however many others have (I17).
func TestRetentionOfOneTenant(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	made, err := s.Registry(nil).CreateTenant(t.Context(), "own", webhook.TenantPatch{RetentionSeconds: webhook.Some(new(60))})
	must(t, err)
	own, others := s.In(made.ID), tenant(t, s, "a")
	publish(t, own, webhook.NewEvent{})
	for range 3 * dialect.PruneWindow / 1000 {
		publish(t, others, make([]webhook.NewEvent, 1000)...)
	}
	publish(t, own, webhook.NewEvent{})
	reads := s.CountReads()
	must(t, s.PruneAt(t.Context(), time.Now()))
	if list := reads(); len(list) == 0 || len(list) > 3 {
		t.Errorf("%d statements read events:\n%s", len(list), strings.Join(list, "\n"))
	}
	must(t, s.PruneAt(t.Context(), time.Now().Add(2*time.Minute)))
	if n, err := own.CountEvents(t.Context(), store.EventFilter{}); n != 0 || err != nil {
		t.Errorf("%d events are left, %v", n, err)
	}
	if n, err := others.CountEvents(t.Context(), store.EventFilter{}); n != 3*dialect.PruneWindow || err != nil {
		t.Errorf("%d events of others are left, %v", n, err)
	}
}

// After retention a database returns space to the file system.
func TestRetentionShrinksTheFile(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	c := tenant(t, s, "a")
	data := json.RawMessage(`"` + strings.Repeat("x", 30_000) + `"`)
	for range 20 {
		events := make([]webhook.NewEvent, 50)
		for i := range events {
			events[i] = webhook.NewEvent{Data: data}
		}
		publish(t, c, events...)
	}
	before, err := s.Pages()
	must(t, err)
	if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != 1000 || err != nil {
		t.Fatalf("%d events went, %v", n, err)
	}
	after, err := s.Pages()
	must(t, err)
	if after > before/2 {
		t.Errorf("%d pages of %d are left", after, before)
	}
	must(t, s.Close())
	info, err := os.Stat(filepath.Join(dir, "hookgraph.db"))
	must(t, err)
	if info.Size() > after*8192 {
		t.Errorf("the file has %d bytes, and %d pages", info.Size(), after)
	}
}
