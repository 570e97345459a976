package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// lived creates a database with deliveries in every state, of a deleted webhook and a deleted tenant too.
func lived(t *suite, s *store.Store) (c *store.Scope, w *webhook.Webhook) {
	t.Helper()
	c = tenant(t, s, "a")
	w = register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
	held := register(t, c, webhook.New{Enabled: true})
	gone := register(t, c, webhook.New{Enabled: true})
	publish(t, c, make([]webhook.NewEvent, 6)...)
	claims, _ := claim(t, s, w.ID, 3)
	record(t, s, claims[0], 200)
	record(t, s, claims[1], 500)
	if _, err := c.RetryDelivery(t.Context(), claims[1].Delivery.ID); err != nil {
		t.Fatal(err)
	}
	pending, err := c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}, Statuses: []webhook.DeliveryStatus{webhook.Pending}}, store.Page{First: 1})
	must(t, err)
	if _, err := c.CancelDelivery(t.Context(), pending.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.UpdateWebhook(t.Context(), held.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil); err != nil {
		t.Fatal(err)
	}
	must(t, c.DeleteWebhook(t.Context(), gone.ID))
	b := tenant(t, s, "b")
	register(t, b, webhook.New{Enabled: true})
	publish(t, b, webhook.NewEvent{})
	must(t, s.Registry(nil).DeleteTenant(t.Context(), register(t, b, webhook.New{}).TenantID))
	must(t, s.FoldStatistics(t.Context()))
	publish(t, c, webhook.NewEvent{}) // in the journal
	return c, w
}

// inspected returns the names of the checks that found something, and all that they found.
func inspected(t *suite, o store.Options, bounds store.InspectionBounds) (checks []string, text string) {
	t.Helper()
	results, err := store.Inspect(t.Context(), o, bounds)
	must(t, err)
	for _, r := range results {
		for _, p := range r.Problems {
			text += fmt.Sprintf("%s: %s (%s)\n", r.Check, p.Text, p.Advice)
			if !slices.Contains(checks, r.Check) {
				checks = append(checks, r.Check)
			}
		}
	}
	return checks, text
}

// In a database that a server has used, and uses, nothing is found. Each kind of damage is found by its own check, named by what it is of.
func TestDamageIsFound(t *testing.T) {
	each(t, func(t *suite) {
		at := t.Fresh()
		s := at.Rest(t, store.Options{}) // its tasks would fold the journal
		c, w := lived(t, s)
		o := at(store.Options{})
		if _, found := inspected(t, o, store.InspectionBounds{}); found != "" {
			t.Fatalf("nothing is damaged, but found:\n%s", found)
		}
		empty := map[string]string{"sqlite": "X'010000'", "postgres": `'\x010000'::bytea`}[t.Kind]
		for _, damage := range []struct {
			statement, check, want string
		}{
			{"UPDATE secrets SET sealed = " + empty + " WHERE webhook_id = (SELECT id FROM webhooks WHERE seq = 2)", "sealed values", "secrets: values that their key does not open: 1 of"},
			{"UPDATE secrets SET key_id = 'lost' WHERE webhook_id = (SELECT id FROM webhooks WHERE seq = 1)", "master keys", "secrets: rows sealed by a missing key: 1"},
			{`UPDATE webhooks SET filter = '{"data":{"n":{"$almost":1}}}' WHERE seq = 1`, "filters", "not valid in this version, so that they get no events: 1 (" + w.ID.String()},
			{"UPDATE stats_webhooks SET pending = pending + 7 WHERE webhook = 1", "backlog", "webhook " + w.ID.String()},
			{"DELETE FROM stats WHERE webhook = 1", "statistics", "webhook " + w.ID.String() + ": statistics have counted"},
			{"UPDATE deliveries SET due_at = created_at WHERE status = 'SUCCEEDED'", "ended deliveries", "have ended, and are due: 1 ("},
			{"UPDATE deliveries SET due_at = NULL WHERE status = 'PENDING' AND claimed_by IS NULL", "pending deliveries", "nobody attempts"},
			{"DELETE FROM events WHERE seq = (SELECT MIN(seq) FROM events)", "parents of rows", "deliveries: the event_id of rows is not in events"},
			{"DELETE FROM deliveries WHERE seq = (SELECT MIN(seq) FROM deliveries WHERE status = 'SUCCEEDED')", "parents of rows", "attempts: the delivery_id"},
			{"INSERT INTO stats_journal (seq, data) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT 1000000 + i, " + empty + " FROM n", "journal of statistics", "20000 rows"},
			{"DELETE FROM attempts WHERE status = 'FAILED'", "numbering", "not numbered from 1 to their number: 1 ("},
		} {
			if before, found := inspected(t, o, store.InspectionBounds{}); strings.Contains(found, damage.want) {
				t.Fatalf("before %s, found by %v:\n%s", damage.statement, before, found)
			}
			must(t, s.Exec(damage.statement))
			if _, found := inspected(t, o, store.InspectionBounds{}); !strings.Contains(found, damage.check+": ") || !strings.Contains(found, damage.want) {
				t.Errorf("after %s, found:\n%s", damage.statement, found)
			}
		}
		bounded(t, o)
		if _, err := c.Events(t.Context(), store.EventFilter{}, store.Page{First: 1}); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
}

// bounded looks at a database with more rows, and for longer, than the bounds allow: what is not looked at is said, and is no problem.
func bounded(t *suite, o store.Options) {
	t.Helper()
	results, err := store.Inspect(t.Context(), o, store.InspectionBounds{Rows: 1})
	must(t, err)
	cut := map[string]string{}
	for _, r := range results {
		cut[r.Check] = r.Cut
	}
	if cut["files and indexes"] != "deliveries, which has more than 1 rows" || cut["numbering"] != "" {
		t.Errorf("of many rows: %q", cut)
	}
	results, err = store.Inspect(t.Context(), o, store.InspectionBounds{Within: 1, Only: []string{"numbering", "parents of rows"}})
	must(t, err)
	for _, r := range results {
		if r.Cut == "" || len(r.Problems) > 0 {
			t.Errorf("in no time: %+v", r)
		}
	}
	if len(results) != 2 {
		t.Errorf("%d checks, want 2", len(results))
	}
}

// The numbers of waiting deliveries are corrected while a server runs, to what they would be; but not while deliveries are in a state that no
// number of them can be right.
func TestBacklogIsMended(t *testing.T) {
	each(t, func(t *suite) {
		at := t.Fresh()
		s := at.Open(t, store.Options{})
		c, w := lived(t, s)
		o := at(store.Options{})
		before, err := c.Stats(store.TimeRange{}, store.StatsFilter{}).Backlog(t.Context())
		must(t, err)
		must(t, s.Exec("UPDATE stats_webhooks SET pending = pending + 7 WHERE webhook = 1"))
		must(t, s.Exec("DELETE FROM stats_webhooks WHERE webhook = 2"))
		wrong, err := store.MendBacklog(t.Context(), o)
		must(t, err)
		if len(wrong) != 2 || wrong[0].Webhook != w.ID || wrong[0].Gauge != wrong[0].Waiting+7 || wrong[1].Waiting == 0 {
			t.Errorf("corrected %+v", wrong)
		}
		publish(t, c, webhook.NewEvent{})
		after, err := c.Stats(store.TimeRange{}, store.StatsFilter{}).Backlog(t.Context())
		must(t, err)
		if after.Due != before.Due+1 || after.Held != before.Held+1 || before.Held == 0 {
			t.Errorf("%d due and %d held, before %d and %d", after.Due, after.Held, before.Due, before.Held)
		}
		if again, err := store.MendBacklog(t.Context(), o); err != nil || len(again) > 0 {
			t.Errorf("corrected again: %+v, %v", again, err)
		}
		must(t, s.Exec("UPDATE deliveries SET due_at = NULL WHERE status = 'PENDING' AND claimed_by IS NULL"))
		if wrong, err := store.MendBacklog(t.Context(), o); !errors.Is(err, store.ErrStuck) || len(wrong) > 0 {
			t.Errorf("deliveries that nobody attempts: %+v, %v", wrong, err)
		}
	})
}

// A damaged page of an index is found on SQLite, and what cannot be read is a problem of the check that reads it.
func TestDamagedFileIsFound(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	c := tenant(t, s, "a")
	register(t, c, webhook.New{Enabled: true})
	for range 20 {
		publish(t, c, make([]webhook.NewEvent, 50)...)
	}
	var root struct{ Rootpage, Size int64 }
	must(t, s.Reader().Raw("SELECT rootpage, (SELECT page_size FROM pragma_page_size) AS size FROM sqlite_schema WHERE name = 'deliveries_pair'").Scan(&root).Error)
	closed(t, s)
	f, err := os.OpenFile(filepath.Join(dir, "hookgraph.db"), os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, root.Size), (root.Rootpage-1)*root.Size)
	must(t, errors.Join(err, f.Close()))
	results, err := store.Inspect(t.Context(), store.Options{Dir: dir}, store.InspectionBounds{})
	must(t, err)
	if first := results[0]; first.Check != "files and indexes" || len(first.Problems) == 0 || !strings.Contains(first.Problems[0].Advice, "backup") {
		t.Errorf("found %+v", results)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Inspect(ctx, store.Options{Dir: dir}, store.InspectionBounds{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
