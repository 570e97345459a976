package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// session runs statements on its own connection, like an administrator of the database.
func session(t *testing.T, url string) (exec func(text string)) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = db.Close()
	})
	return func(text string) {
		t.Helper()
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// disconnect ends the connections of all nodes, like an administrator or a failover.
const disconnect = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hookgraph' AND datname = current_database()"

const setDatabase = `DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I %s', current_database()); END $$`

// While PostgreSQL accepts no writes, for any reason, publishers get ErrUnavailable and nothing of their calls is stored.
// Acknowledged events stay, an attempt that ended meanwhile is recorded when writes are accepted again, and publishing continues.
func TestPostgresRefuses(t *testing.T) {
	for name, fault := range map[string]struct{ begin, end []string }{
		"read-only": {
			[]string{fmt.Sprintf(setDatabase, "SET default_transaction_read_only = on"), disconnect},
			[]string{fmt.Sprintf(setDatabase, "RESET default_transaction_read_only"), disconnect},
		},
		"full": { // PostgreSQL's error when a file cannot grow
			[]string{
				`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
					$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`,
				"CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()",
				"CREATE TRIGGER full_disk BEFORE INSERT ON attempts EXECUTE FUNCTION full_disk()",
			},
			[]string{"DROP FUNCTION full_disk CASCADE"},
		},
		"locked": {
			[]string{
				fmt.Sprintf(setDatabase, "SET lock_timeout = 200"), disconnect,
				"BEGIN", "LOCK TABLE events, attempts IN EXCLUSIVE MODE",
			},
			[]string{"ROLLBACK"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := webhooktest.Postgres(t)
			s := node(t, url)
			c := tenant(t, s, "a")
			w := register(t, c, webhook.New{Enabled: true})
			acked := publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
			claims, _ := claim(t, s, w.ID, 1)
			conn := session(t, url)
			for _, text := range fault.begin {
				conn(text)
			}
			if err := s.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
				Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(),
			}}); err != nil {
				t.Fatal(err)
			}
			for range 5 {
				began := time.Now()
				_, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}})
				if !errors.Is(err, webhook.ErrUnavailable) {
					t.Errorf("published: %v", err)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("a publisher waited %v", took)
				}
			}
			for _, text := range fault.end {
				conn(text)
			}
			recorded(t, c, 1)
			webhooktest.Eventually(t, "an event is acknowledged again", func() bool {
				results, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}})
				if err == nil {
					acked = append(acked, results...)
				}
				return err == nil
			})
			if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != len(acked) || err != nil {
				t.Errorf("%d events, %d were acknowledged (%v)", n, len(acked), err)
			}
		})
	}
}

// A transaction that PostgreSQL ends because it and another wait for each other is repeated: its caller does not notice.
func TestDeadlockIsRepeated(t *testing.T) {
	url := webhooktest.Postgres(t)
	s := resting(t, url, nil)
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true, Ordering: webhook.OrderingByKey})
	publish(t, c, webhook.NewEvent{OrderingKey: "k"}, webhook.NewEvent{OrderingKey: "k"})
	list, err := c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{})
	if err != nil || len(list.Items) != 2 {
		t.Fatal(list, err)
	}
	other, watch := session(t, url), session(t, url)
	other("SET deadlock_timeout = '1h'") // it is the server's transaction that ends
	other("BEGIN")
	other("UPDATE deliveries SET due_at = due_at")
	canceled := make(chan error, 1)
	go func() {
		_, err := c.CancelDelivery(t.Context(), list.Items[0].ID)
		canceled <- err
	}()
	watch(awaitLock)
	// The server's transaction has the lock of the line, and waits for the rows.
	other("SELECT pg_advisory_xact_lock(classid::integer, objid::integer) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND mode = 'ExclusiveLock' AND classid = 1752133484")
	other("ROLLBACK")
	if err := <-canceled; err != nil {
		t.Error(err)
	}
}

// awaitLock waits until a transaction waits for another's rows.
const awaitLock = `DO $$ BEGIN
	WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()) LOOP
		PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
	END LOOP; END $$`

// Connections to the database are ended repeatedly, at any time, while publishers repeat unacknowledged events with the same key:
// each event is stored once.
func TestConnectionsEnd(t *testing.T) {
	url := webhooktest.Postgres(t)
	s := node(t, url)
	c := tenant(t, s, "a")
	register(t, c, webhook.New{Enabled: true})
	ended := make(chan struct{})
	var publishers sync.WaitGroup
	var keys, refused atomic.Int64
	for n := range 4 {
		publishers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				default:
				}
				keys.Add(1)
				event := webhook.NewEvent{Type: "a.b", Data: []byte("1"), IdempotencyKey: fmt.Sprint(n, "-", i)}
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // as a client pauses before it tries again
					results, err := c.Publish(context.Background(), []webhook.NewEvent{event})
					if err == nil && results[0].Err == nil {
						break
					}
					refused.Add(1)
					if !errors.Is(err, webhook.ErrUnavailable) || time.Now().After(deadline) {
						t.Errorf("publish: %v %v", results, err)
						return
					}
				}
			}
		})
	}
	end := session(t, url)
	for n, deadline := 0, time.Now().Add(time.Minute); n < 30 || refused.Load() == 0 && time.Now().Before(deadline); n++ {
		end(disconnect)
		begun := keys.Load()
		webhooktest.Eventually(t, "publishers go on", func() bool { return keys.Load() > begun })
	}
	close(ended)
	publishers.Wait()
	var n int
	var err error
	webhooktest.Eventually(t, "the events are counted", func() bool { // idle connections were ended as well
		n, err = c.CountEvents(t.Context(), store.EventFilter{})
		return err == nil
	})
	if int64(n) != keys.Load() || err != nil {
		t.Errorf("%d events under %d keys (%v)", n, keys.Load(), err)
	}
	if refused.Load() == 0 {
		t.Error("nobody was refused")
	}
	t.Logf("%d events, refused %d times", n, refused.Load())
}

// If the connection breaks during a COMMIT, the store checks whether it happened: committed calls are acknowledged, others refused,
// and neither an event nor an attempt is stored twice.
func TestLostCommit(t *testing.T) {
	url, broken := breakable(t, webhooktest.Postgres(t))
	s := resting(t, url, nil) // the next commit is the test's
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true})
	event := func(key string) []webhook.NewEvent {
		return []webhook.NewEvent{{Type: "a.b", Data: []byte("1"), IdempotencyKey: key}}
	}

	broken.at.Store(afterCommit)
	results, err := c.Publish(t.Context(), event("1"))
	if err != nil || results[0].Err != nil || results[0].Duplicate {
		t.Errorf("committed, and answered %+v, %v", results, err)
	}
	broken.at.Store(beforeCommit)
	if _, err := c.Publish(t.Context(), event("2")); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("not committed, and answered %v", err)
	}
	if results := publish(t, c, event("2")...); results[0].Err != nil || results[0].Duplicate {
		t.Errorf("again: %+v", results[0])
	}
	if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != 2 || err != nil {
		t.Errorf("%d events, want 2 (%v)", n, err)
	}

	for _, where := range []int32{afterCommit, beforeCommit} {
		claims, _ := claim(t, s, w.ID, 1)
		if len(claims) != 1 {
			t.Fatalf("%d claimed", len(claims))
		}
		broken.at.Store(where)
		record(t, s, claims[0], 200) // retried until it is written
	}
	if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != 2 || err != nil {
		t.Errorf("%d attempts, want 2 (%v)", n, err)
	}
	if n := broken.times.Load(); n != 4 {
		t.Errorf("the connection broke %d times, want 4", n)
	}
}

// A COMMIT without an answer, for example one that waits for a synchronous standby, is refused after a while with a temporary
// error.
func TestCommitIsNotAnswered(t *testing.T) {
	url, broken := breakable(t, webhooktest.Postgres(t))
	s := notifying(t, url, store.Settings{CommitTime: 2 * time.Second})
	c := tenant(t, s, "a")
	event := webhook.NewEvent{Type: "a.b", Data: []byte("1"), IdempotencyKey: "1"}
	broken.at.Store(swallowed)
	if _, err := c.Publish(t.Context(), []webhook.NewEvent{event}); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("not committed, and answered %v", err)
	}
	if results := publish(t, c, event); results[0].Err != nil || results[0].Duplicate {
		t.Errorf("again: %+v", results[0])
	}
}

// Where the next COMMIT's connection breaks.
const (
	nowhere      int32 = iota
	beforeCommit       // PostgreSQL does not receive it
	afterCommit        // PostgreSQL's answer is lost
	swallowed          // PostgreSQL does not receive it, and the connection stays open
)

// breaker is a proxy to PostgreSQL that breaks on demand.
type breaker struct {
	server string
	at     atomic.Int32
	times  atomic.Int32
}

// breakable puts a breaker before a database.
func breakable(t *testing.T, to string) (string, *breaker) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	b := &breaker{server: u.Host}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go b.serve(conn)
		}
	}()
	u.Host = listener.Addr().String()
	return u.String(), b
}

func (b *breaker) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", b.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var silent atomic.Bool // the answer is lost
	answered := make(chan struct{}, 1)
	go func() {
		defer func() { _ = client.Close() }()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if silent.Load() {
				answered <- struct{}{}
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
			if err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		where := nowhere
		if bytes.Contains(buf[:n], []byte("commit\x00")) {
			where = b.at.Swap(nowhere)
		}
		if where != nowhere {
			b.times.Add(1)
		}
		switch where {
		case beforeCommit:
			return
		case swallowed:
			_, _ = client.Read(buf) // until the store gives up
			return
		}
		silent.Store(where == afterCommit)
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if where == afterCommit {
			<-answered
			return
		}
		if err != nil {
			return
		}
	}
}
