package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/transfer"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A copy has every row of the source with the same id and the same statistics, resumes after an interruption, opens the secrets with the same key, and
// refuses a target in use and a source that a server has open.
func TestCopy(t *testing.T) {
	dir, url := t.TempDir(), webhooktest.StartPostgres(t).Database(t)
	keys := [][]byte{webhooktest.MasterKey}
	o := transfer.CopyOptions{From: store.Options{Dir: dir, MasterKeys: keys}, To: store.Options{URL: url, MasterKeys: keys}}
	src := openFor(t, o.From)
	has := newCopied(t, src)
	if _, err := transfer.Copy(t.Context(), o); err == nil {
		t.Fatal("copied what a server has open")
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	dry := o
	dry.DryRun = true
	if tables, err := transfer.Copy(t.Context(), dry); err != nil || !slices.ContainsFunc(tables, func(c transfer.CopiedTable) bool { return c.Name == "events" && c.Rows == 2100 }) {
		t.Fatalf("%+v %v", tables, err)
	}
	wrong := o
	wrong.To.MasterKeys = [][]byte{[]byte("another key of thirty-two bytes.")}
	if _, err := transfer.Copy(t.Context(), wrong); err == nil {
		t.Error("copied without the master key")
	}
	interruptCopy(t, o)
	tables, err := transfer.Copy(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.Sum == "" {
			t.Errorf("%+v is not verified", table)
		}
	}
	if _, err := transfer.Copy(t.Context(), o); !errors.Is(err, transfer.ErrTargetInUse) {
		t.Errorf("copied again: %v", err)
	}
	dst := openFor(t, o.To)
	has.check(t, dst)
	has.goOn(t, dst, openFor(t, o.From))
}

// withPassword returns Basic authentication.
func withPassword() *webhook.AuthenticationPatch {
	return &webhook.AuthenticationPatch{Basic: webhook.Some(&webhook.NewBasic{Username: "user", Password: new("password")})}
}

// copied is the content of a copy's source.
type copied struct {
	hook       *webhook.Webhook
	secret     string
	deliveries []*webhook.Delivery // the newest
	cursors    map[string]sourceCursor
	newest     int64 // attempt
	statistics copiedStatistics
}

// copiedStatistics returns the statistics to compare.
type copiedStatistics struct {
	All, OfWebhook, OfType *stats.Counts
	Due                    int64
	Health                 *store.Health
}

func (has *copied) readStatistics(t *testing.T, c *store.Scope) (is copiedStatistics) {
	t.Helper()
	ids := []webhook.ID{has.hook.ID}
	owed, err := c.Stats(store.TimeRange{}, store.StatsFilter{}).Backlog(t.Context())
	must(t, err)
	health, err := c.Health(t.Context(), ids)
	must(t, err)
	return copiedStatistics{
		All:       totals(t, c, store.StatsFilter{}),
		OfWebhook: totals(t, c, store.StatsFilter{WebhookIDs: ids}),
		OfType:    totals(t, c, store.StatsFilter{WebhookIDs: ids, EventTypes: []string{"humanization.completed"}}),
		Due:       owed.Due,
		Health:    health[has.hook.ID],
	}
}

type sourceCursor struct {
	kind cursor.Kind
	seq  int64
}

// newCopied publishes 2,100 events with tags and keys, of which three are sent.
func newCopied(t *testing.T, src *store.Store) *copied {
	t.Helper()
	c := tenant(t, src, "a")
	has := &copied{hook: register(t, c, webhook.New{Enabled: true, Description: "d\u00e4", Authentication: withPassword(), Payload: shaped(`"old {{ data }}"`)})}
	expires := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Microsecond)
	for n := range 3 {
		events := make([]webhook.NewEvent, 700)
		for i := range events {
			events[i] = webhook.NewEvent{Data: json.RawMessage(fmt.Sprint(n*1000 + i)), IdempotencyKey: fmt.Sprint(n, "-", i), Tags: []string{fmt.Sprint(i), "<ä>"}}
			if n == 2 {
				events[i].DeliverAt, events[i].ExpiresAt = new(expires.Add(-time.Hour)), &expires
			}
		}
		publish(t, c, events...)
		if n == 0 {
			must(t, src.FoldStatistics(t.Context())) // of the others, the copy finds what transactions have counted
		}
	}
	_, _, err := c.UpdateWebhook(t.Context(), has.hook.ID, webhook.Patch{Payload: webhook.Some(shaped(`"new {{ data }}"`))}, nil)
	must(t, err)
	claims, _ := claim(t, src, has.hook.ID, 3)
	for i, status := range []int{200, 500, 204} {
		record(t, src, claims[i], status, func(r *store.Result) { r.Attempt.ResponseHeaders = "X: \xff\x00\r\n" })
	}
	has.secret = has.read(t, c)
	has.deliveries = storetest.RowsOf[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{First: 100}))
	if journaled(t, src) == 0 {
		t.Error("the journal is folded")
	}
	has.statistics = has.readStatistics(t, c)
	_, has.newest, err = src.AttemptBounds(t.Context(), webhook.ID{})
	must(t, err)
	has.cursors = map[string]sourceCursor{}
	for k, seq := range map[cursor.Kind]int64{cursor.Stream: has.newest, cursor.Deliveries: has.deliveries[0].Seq, cursor.Webhooks: has.hook.Seq} {
		has.cursors[src.Cursor(k, has.hook.TenantID, seq)] = sourceCursor{k, seq}
	}
	return has
}

// read returns the webhook's secret.
func (has *copied) read(t *testing.T, c *store.Scope) string {
	t.Helper()
	secrets, err := c.Secrets(t.Context(), []webhook.ID{has.hook.ID})
	if err != nil || len(secrets[has.hook.ID]) == 0 {
		t.Fatalf("no secret: %v", err)
	}
	return secrets[has.hook.ID][0].Reveal()
}

// interruptCopy interrupts a copy in each of its steps: a server does not start on the incomplete target.
func interruptCopy(t *testing.T, o transfer.CopyOptions) {
	t.Helper()
	for _, at := range []transfer.Progress{
		{Step: transfer.Copying, Table: "events", Done: 2100},
		{Step: transfer.Copying, Table: "attempts"},
		{Step: transfer.Indexing, Table: "deliveries"},
		{Step: transfer.Checking, Table: "events"},
	} {
		o.Progress = func(p transfer.Progress) {
			if p.Step == at.Step && p.Table == at.Table && p.Done >= at.Done {
				panic(at)
			}
		}
		func() {
			defer func() {
				if recover() != at {
					t.Errorf("the copy never came to %+v", at)
				}
			}()
			_, _ = transfer.Copy(t.Context(), o)
		}()
		if _, err := store.Open(t.Context(), o.To); err == nil {
			t.Errorf("a server starts on what a copy is %s", at.Step)
		}
	}
}

// check compares the target with the source.
func (has *copied) check(t *testing.T, dst *store.Store) {
	t.Helper()
	c := tenant(t, dst, "a")
	got := storetest.RowsOf[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{First: 100}))
	if diff := cmp.Diff(has.deliveries, got); diff != "" {
		t.Error(diff)
	}
	events, err := c.EventsByID(t.Context(), []webhook.ID{got[0].EventID})
	must(t, err)
	if e := events[got[0].EventID]; e == nil || e.ExpiresAt == nil || !e.DeliverAt.Equal(*got[0].NextAttemptAt) || e.ExpiresAt.Sub(*e.DeliverAt) != time.Hour {
		t.Errorf("the newest event: %s", sprint(e))
	}
	has.checkPayloads(t, c)
	if all, err := c.Authentications(t.Context(), []webhook.ID{has.hook.ID}); err != nil || all[has.hook.ID] == nil || all[has.hook.ID].Basic.Password != "password" {
		t.Errorf("authentication %v, %v", all, err)
	}
	if has.read(t, c) != has.secret {
		t.Error("another secret")
	}
	if n := has.statistics.OfType.Get(stats.Owed); n != 2100 {
		t.Errorf("statistics of the source have %d deliveries", n)
	}
	if diff := cmp.Diff(has.statistics, has.readStatistics(t, c), cmp.AllowUnexported(stats.Counts{})); diff != "" {
		t.Errorf("statistics (-source +copy):\n%s", diff)
	}
	if e := publish(t, c, webhook.NewEvent{Data: json.RawMessage("1"), IdempotencyKey: "0-1", Tags: []string{"1", "<ä>"}})[0]; !e.Duplicate || len(e.Event.Tags) != 2 {
		t.Errorf("an idempotency key or its event's tags are lost: %+v", e)
	}
	for text, want := range has.cursors {
		if seq, err := dst.ReadCursor(t.Context(), want.kind, has.hook.TenantID, text); seq != want.seq || err != nil {
			t.Errorf("a cursor of the source is %d %v, want %d", seq, err, want.seq)
		}
	}
}

// checkPayloads compares the versions of payload settings, of which the webhook has the second, and deliveries and attempts the first.
func (has *copied) checkPayloads(t *testing.T, c *store.Scope) {
	t.Helper()
	settings, err := c.Payloads(t.Context(), []webhook.ID{has.hook.ID})
	must(t, err)
	if p := settings[has.hook.ID]; p == nil || *p.Template != `"new {{ data }}"` {
		t.Errorf("the webhook's payload: %s", sprint(p))
	}
	attempts := storetest.RowsOf[webhook.Attempt](t)(c.Attempts(t.Context(), store.AttemptFilter{}, store.Page{First: 10}))
	for _, a := range attempts {
		p, err := c.PayloadOf(t.Context(), a)
		must(t, err)
		b, err := p.Render(&webhook.Event{Data: json.RawMessage("7")}, nil)
		must(t, err)
		if string(b.Bytes) != `"old 7"` {
			t.Errorf("an attempt's payload: %s", b.Bytes)
		}
	}
	if len(attempts) != 3 {
		t.Errorf("%d attempts, want 3", len(attempts))
	}
}

// goOn sends another delivery from the target: its log continues the source's. The source does not accept the new cursor.
func (has *copied) goOn(t *testing.T, dst, source *store.Store) {
	t.Helper()
	left, _ := claim(t, dst, has.hook.ID, 1)
	if len(left) != 1 {
		t.Fatal("nothing to claim")
	}
	record(t, dst, left[0], 200)
	_, next, err := dst.AttemptBounds(t.Context(), webhook.ID{})
	if err != nil || next <= has.newest {
		t.Errorf("the log goes on at %d after %d (%v)", next, has.newest, err)
	}
	owner := has.hook.TenantID
	if _, err := source.ReadCursor(t.Context(), cursor.Stream, owner, dst.Cursor(cursor.Stream, owner, next)); !errors.Is(err, webhook.ErrCursorLost) {
		t.Errorf("the source takes a cursor of what only the target has: %v", err)
	}
	if n, err := dst.In(owner).CountAttempts(t.Context(), store.AttemptFilter{}); n != 4 || err != nil {
		t.Errorf("%d attempts, want 4 (%v)", n, err)
	}
}
