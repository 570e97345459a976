package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// An attempt that one node records wakes another by a notification, however rarely that polls; without a notification, polling
// finds it.
func TestNodesAreWoken(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct{ reader, writer store.Settings }{
		"by a notification": {reader: store.Settings{Poll: time.Hour}},
		"by polling":        {writer: store.Settings{Channel: "nobody_listens"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := webhooktest.Postgres(t)
			reader := notifying(t, url, way.reader)
			told := make(chan int64, 1000)
			reader.Start(nil, func(attempts []*webhook.Attempt) {
				for _, a := range attempts {
					told <- a.Seq
				}
			})
			writer := notifying(t, url, way.writer) // knows from the start that there is another node
			c := tenant(t, writer, "a")
			w := register(t, c, webhook.New{Enabled: true})
			recordOne := func() int64 {
				t.Helper()
				publish(t, c, webhook.NewEvent{})
				claims, _ := claim(t, writer, w.ID, 1)
				if len(claims) != 1 {
					t.Fatalf("%d claimed", len(claims))
				}
				record(t, writer, claims[0], 200)
				_, newest, err := writer.AttemptBounds(t.Context(), webhook.ID{})
				if err != nil {
					t.Fatal(err)
				}
				return newest
			}
			// The reader may see the first ones in its initial reads.
			deadline := time.After(40 * time.Second)
			for round := range 5 {
				newest := recordOne()
				for seen := int64(0); seen < newest; {
					select {
					case seen = <-told:
					case <-deadline:
						t.Fatalf("the other node is not told of attempt %d", round)
					}
				}
			}
		})
	}
}

// However many commits there are, notifications are merged: a node that is woken by one sees all commits.
func TestNotificationsAreFew(t *testing.T) {
	t.Parallel()
	url := webhooktest.Postgres(t)
	notifying(t, url, store.Settings{Channel: "another"}) // otherwise nobody would be notified
	writer := notifying(t, url, store.Settings{Gap: time.Hour})
	listener, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close(context.WithoutCancel(t.Context())) }()
	if _, err := listener.Exec(t.Context(), "LISTEN hookgraph"); err != nil {
		t.Fatal(err)
	}
	c := tenant(t, writer, "a")
	w := register(t, c, webhook.New{Enabled: true})
	next := func() string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		n, err := listener.WaitForNotification(ctx)
		if err != nil {
			t.Fatal("no notification:", err)
		}
		return n.Payload
	}
	next()
	for i := range 50 {
		if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Description: webhook.Some(fmt.Sprint(i))}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := listener.Exec(t.Context(), "NOTIFY hookgraph, 'last'"); err != nil {
		t.Fatal(err)
	}
	more := 0
	for next() != "last" {
		more++
	}
	if more > 0 {
		t.Errorf("50 commits made %d notifications within the hour of the first", more)
	}
}

func notifying(t *testing.T, url string, n store.Settings) *store.Store {
	t.Helper()
	s, err := store.OpenNode(t.Context(), store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}}, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// An attempt of another node is told as soon as no older transaction runs, which is not notified of, however rarely the node polls.
func TestNodesAreToldAfterOlderTransactions(t *testing.T) {
	t.Parallel()
	url := webhooktest.Postgres(t)
	reader, told := notifying(t, url, store.Settings{Poll: time.Hour}), make(chan int64, 10)
	reader.Start(nil, func(attempts []*webhook.Attempt) {
		for _, a := range attempts {
			told <- a.Seq
		}
	})
	writer := notifying(t, url, store.Settings{})
	c := tenant(t, writer, "a")
	w := register(t, c, webhook.New{Enabled: true})
	publish(t, c, webhook.NewEvent{})
	claims, _ := claim(t, writer, w.ID, 1)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	older, err := conn.Begin(t.Context())
	must(t, err)
	_, err = older.Exec(t.Context(), "SELECT pg_current_xact_id()")
	must(t, err)
	status := 200
	must(t, writer.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: claims[0].Delivery.Trigger, StartedAt: time.Now(), URL: claims[0].Target.URL, ResponseStatus: &status,
	}}))
	select {
	case <-told:
		t.Fatal("it is told although an older attempt may follow")
	case <-time.After(time.Second): // in which the other node was notified, and has looked
	}
	must(t, older.Rollback(t.Context()))
	select {
	case <-told:
	case <-time.After(30 * time.Second):
		t.Fatal("it is never told")
	}
}

// A node that reads the webhooks that others have changed is told meanwhile of more changes: it reads those too, however rarely it polls.
func TestChangesInQuickSuccession(t *testing.T) {
	t.Parallel()
	url := webhooktest.Postgres(t)
	reader, writer := notifying(t, url, store.Settings{Poll: time.Hour, Gap: time.Nanosecond}), notifying(t, url, store.Settings{Gap: time.Nanosecond})
	c := tenant(t, writer, "a")
	w := register(t, c, webhook.New{Enabled: true})
	for i := range 100 {
		path := fmt.Sprintf("https://example.com/%d", i)
		for _, u := range []string{path + "/before", path} {
			if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{URL: webhook.Some(u)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		webhooktest.Eventually(t, "the other node knows "+path, func() bool {
			to := reader.Target(w.ID)
			return to != nil && to.URL == path
		})
	}
}

// An attempt that was removed before the log was read, as those of a deleted tenant are, does not hold up whoever waits for it.
func TestRemovedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	// Long enough to remove it, and short enough to read again: a running transaction, another database's too, holds back the log's end.
	s := notifying(t, webhooktest.Postgres(t), store.Settings{Gap: time.Second})
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true})
	publish(t, c, webhook.NewEvent{})
	claims, _ := claim(t, s, w.ID, 1)
	status := 200
	must(t, s.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: claims[0].Delivery.Trigger, StartedAt: time.Now(), URL: claims[0].Target.URL, ResponseStatus: &status,
	}}))
	webhooktest.Eventually(t, "it is recorded", func() bool {
		rows, err := s.CountRows(t.Context(), c.Tenant())
		return err == nil && rows["attempts"] == 1
	})
	must(t, s.Exec("DELETE FROM attempts"))
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	must(t, s.Flush(ctx))
}
