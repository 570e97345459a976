package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/transfer"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A copy has every row of the source with the same id, resumes after an interruption, opens the secrets with the same key, and
// refuses a target in use and a source that a server has open.
func TestCopy(t *testing.T) {
	dir, url := t.TempDir(), webhooktest.StartPostgres(t).Database(t)
	keys := [][]byte{webhooktest.MasterKey}
	open := func(o store.Options) *store.Store {
		t.Helper()
		o.MasterKeys = keys
		s, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	src := open(store.Options{Dir: dir})
	c := tenant(t, src, "a")
	w := register(t, c, webhook.New{Enabled: true, Description: "d\u00e4"})
	for n := range 3 {
		events := make([]webhook.NewEvent, 700)
		for i := range events {
			events[i] = webhook.NewEvent{Data: json.RawMessage(fmt.Sprint(n*1000 + i)), IdempotencyKey: fmt.Sprint(n, "-", i), Tags: []string{fmt.Sprint(i), "<ä>"}}
		}
		publish(t, c, events...)
	}
	claims, _ := claim(t, src, w.ID, 3)
	for i, status := range []int{200, 500, 204} {
		record(t, src, claims[i], status, func(r *store.Result) { r.Attempt.ResponseHeaders = "X: \xff\x00\r\n" })
	}
	secrets, _ := c.Secrets(t.Context(), []webhook.ID{w.ID})
	deliveries, err := c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{First: 100})
	if err != nil {
		t.Fatal(err)
	}
	cursors, kinds := map[string]int64{}, map[string]cursor.Kind{}
	_, newest, err := src.AttemptBounds(t.Context(), webhook.ID{})
	if err != nil {
		t.Fatal(err)
	}
	for k, seq := range map[cursor.Kind]int64{cursor.Stream: newest, cursor.Deliveries: deliveries.Items[0].Seq, cursor.Webhooks: w.Seq} {
		text := src.Cursor(k, w.TenantID, seq)
		cursors[text], kinds[text] = seq, k
	}
	o := transfer.CopyOptions{From: store.Options{Dir: dir, MasterKeys: keys}, To: store.Options{URL: url, MasterKeys: keys}}
	if _, err := transfer.Copy(t.Context(), o); err == nil {
		t.Fatal("copied what a server has open")
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	dry := o
	dry.DryRun = true
	if tables, err := transfer.Copy(t.Context(), dry); err != nil || tables[5].Rows != 2100 {
		t.Fatalf("%+v %v", tables, err)
	}
	wrong := o
	wrong.To.MasterKeys = [][]byte{[]byte("another key of thirty-two bytes.")}
	if _, err := transfer.Copy(t.Context(), wrong); err == nil {
		t.Error("copied without the master key")
	}
	for _, at := range []transfer.Progress{
		{Step: transfer.Copying, Table: "events", Done: 2100},
		{Step: transfer.Copying, Table: "attempts"},
		{Step: transfer.Indexing, Table: "deliveries"},
		{Step: transfer.Checking, Table: "events"},
	} {
		interrupted := o
		interrupted.Progress = func(p transfer.Progress) {
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
			_, _ = transfer.Copy(t.Context(), interrupted)
		}()
		if _, err := store.Open(t.Context(), store.Options{URL: url, MasterKeys: keys}); err == nil {
			t.Errorf("a server starts on what a copy is %s", at.Step)
		}
	}
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
	dst := open(store.Options{URL: url})
	c = tenant(t, dst, "a")
	got, err := c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{First: 100})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(deliveries.Items, got.Items); diff != "" {
		t.Error(diff)
	}
	again, _ := c.Secrets(t.Context(), []webhook.ID{w.ID})
	if again[w.ID][0].Reveal() != secrets[w.ID][0].Reveal() {
		t.Error("another secret")
	}
	if e := publish(t, c, webhook.NewEvent{Data: json.RawMessage("1"), IdempotencyKey: "0-1", Tags: []string{"1", "<ä>"}})[0]; !e.Duplicate || len(e.Event.Tags) != 2 {
		t.Errorf("an idempotency key or its event's tags are lost: %+v", e)
	}
	for cursor, want := range cursors {
		if seq, err := dst.ReadCursor(t.Context(), kinds[cursor], claims[0].Delivery.TenantID, cursor); seq != want || err != nil {
			t.Errorf("a cursor of the source is %d %v, want %d", seq, err, want)
		}
	}
	left, _ := claim(t, dst, w.ID, 1)
	if len(left) != 1 {
		t.Fatal("nothing to claim")
	}
	record(t, dst, left[0], 200)
	_, next, err := dst.AttemptBounds(t.Context(), webhook.ID{})
	if err != nil || next <= newest {
		t.Errorf("the log goes on at %d after %d (%v)", next, newest, err)
	}
	source := open(store.Options{Dir: dir})
	if _, err := source.ReadCursor(t.Context(), cursor.Stream, w.TenantID, dst.Cursor(cursor.Stream, w.TenantID, next)); !errors.Is(err, webhook.ErrCursorLost) {
		t.Errorf("the source takes a cursor of what only the target has: %v", err)
	}
	if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != 4 || err != nil {
		t.Errorf("%d attempts, want 4 (%v)", n, err)
	}
}
