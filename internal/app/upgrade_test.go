package app

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/transfer"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// earlier is a backup that an earlier build has made: a tenant with a webhook, five events that were delivered, and five that wait because the
// webhook is disabled. -upgrade.make makes it again, with the program of a release.
const earlier = "internal/app/testdata/earlier.tar.gz"

var makeEarlier = flag.Bool("upgrade.make", false, "have TestUpgrade make "+earlier+" first")

// A database of an earlier build opens: nothing in it is damaged, what waits is delivered with its sealed header and signed with its sealed secret, and
// its audit log is there and goes on.
func TestUpgrade(t *testing.T) {
	if *makeEarlier {
		makeBackup(t)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := transfer.Restore(t.Context(), transfer.RestoreOptions{From: earlier, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if said, err := command(t, "migrate", "up", "--database", dir); err != nil {
		t.Fatal(said, err)
	}
	token, err := command(t, "token", "create", "--operator", "--database", dir)
	if err != nil {
		t.Fatal(token, err)
	}
	fresh := webhooktest.Database(t)
	if diff := cmp.Diff(schemaOf(t, fresh), schemaOf(t, dir)); diff != "" {
		t.Fatalf("the schema has changed without a migration (-new +upgraded):\n%s", diff)
	}
	p := boot(t, dir, "--retention", "0", "--audit-retention", "800000h") // however old the backup has become
	c := &client{p.url, strings.TrimSpace(token)}
	results, err := store.Inspect(t.Context(), options(dir), store.InspectionBounds{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		for _, p := range r.Problems {
			t.Errorf("%s: %s", r.Check, p.Text)
		}
	}
	var hooks struct{ Data []struct{ ID string } }
	c.rest(t, "GET", "/v1/webhooks", "", &hooks)
	if len(hooks.Data) != 1 {
		t.Fatalf("%+v", hooks)
	}
	receiver := webhooktest.NewReceiver(t)
	c.rest(t, "PATCH", "/v1/webhooks/"+hooks.Data[0].ID, `{"url": "`+receiver.URL+`", "enabled": true}`, nil)
	for range 5 {
		got := receiver.Next(t)
		if !strings.Contains(string(got.Body), "upgrade.held") || got.Header.Get("X-Kept") != "yes" || got.Header.Get("webhook-signature") == "" {
			t.Errorf("%s %v", got.Body, got.Header)
		}
	}
	c.settle(t)
	var log struct {
		Data struct {
			AuditLog struct{ Nodes []struct{ Action string } }
		}
	}
	c.rest(t, "POST", "/graphql", `{"query": "{ auditLog(first: 50, allTenants: true) { nodes { action } } }"}`, &log)
	found := map[string]int{}
	for _, n := range log.Data.AuditLog.Nodes {
		found[n.Action]++
	}
	if found["WEBHOOK_CREATED"] != 1 || found["WEBHOOK_DISABLED"]+found["WEBHOOK_UPDATED"] < 2 {
		t.Errorf("the audit log has %v", found)
	}
}

// Publishers publish while a database of an earlier build is opened, served, and its program killed: what it had, and all that was acknowledged, is
// delivered. The backup from before, restored, has all that was acknowledged before it, and takes once more what publishers still have.
func TestUpgradeUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir, before, back := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "before"), filepath.Join(t.TempDir(), "back")
	for _, args := range [][]string{{"restore", earlier, "--database", dir}, {"backup", before, "--database", dir}, {"restore", before, "--database", back}} {
		if said, err := command(t, args...); err != nil {
			t.Fatalf("%v: %s, %v", args, said, err)
		}
	}
	l := newLoad(t)
	kill := l.serve(t, dir)
	l.reaches(t, 100)
	kill()
	kill = l.serve(t, dir)
	l.reaches(t, 200)
	acked := l.end()
	l.delivers(t, "upgrade.held", 5)
	l.delivers(t, "load", len(acked), slices.Collect(maps.Values(acked))...)
	kill()

	held := l.arrived("upgrade.held")
	l.forget()
	l.serve(t, back)
	var events struct{ Data []struct{ ID, Type string } }
	if l.client().rest(t, "GET", "/v1/events?limit=100", "", &events); len(events.Data) != 10 {
		t.Errorf("the restored database has %d events, and 10 were acknowledged before the backup", len(events.Data))
	}
	l.delivers(t, "upgrade.held", 5, held...) // once more, as the same events
	for key := range acked {
		if _, err := l.publish(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	l.delivers(t, "load", len(acked))
}

// load is a receiver, and publishers that repeat what was not acknowledged.
type load struct {
	token, receiver string
	url             atomic.Pointer[string]
	stop            context.CancelFunc
	running         sync.WaitGroup

	mu    sync.Mutex
	acked map[string]string          // ids by idempotency key
	came  map[string]map[string]bool // ids by type
}

func newLoad(t *testing.T) *load {
	t.Helper()
	l := &load{token: strings.Repeat("t", 32), acked: map[string]string{}, came: map[string]map[string]bool{}}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event struct{ Type string }
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.came[event.Type] == nil {
			l.came[event.Type] = map[string]bool{}
		}
		l.came[event.Type][r.Header.Get("webhook-id")] = true
	}))
	t.Cleanup(receiver.Close)
	l.receiver = receiver.URL
	ctx, cancel := context.WithCancel(t.Context())
	l.stop = cancel
	t.Cleanup(func() { l.end() })
	for publisher := range 4 {
		l.running.Go(func() {
			for n := 0; ctx.Err() == nil; {
				key := fmt.Sprint(publisher, "-", n)
				id, err := l.publish(ctx, key)
				if err != nil { // it is published again
					continue
				}
				l.mu.Lock()
				l.acked[key] = id
				l.mu.Unlock()
				n++
			}
		})
	}
	return l
}

// serve starts the program on a database, and has it deliver to the receiver.
func (l *load) serve(t *testing.T, dir string) (kill func()) {
	t.Helper()
	// However old the backup has become.
	p, kill := start(t, dir, "HOOKGRAPH_BOOTSTRAP_TOKEN="+l.token, "HOOKGRAPH_RETENTION=0", "HOOKGRAPH_AUDIT_RETENTION=800000h")
	l.url.Store(&p.url)
	var hooks struct{ Data []struct{ ID string } }
	l.client().rest(t, "GET", "/v1/webhooks", "", &hooks)
	if len(hooks.Data) != 1 {
		t.Fatalf("%+v", hooks)
	}
	l.client().rest(t, "PATCH", "/v1/webhooks/"+hooks.Data[0].ID, `{"url": "`+l.receiver+`", "enabled": true}`, nil)
	return kill
}

func (l *load) client() *client { return &client{*l.url.Load(), l.token} }

// publish publishes an event.
func (l *load) publish(ctx context.Context, key string) (id string, err error) {
	url := l.url.Load()
	if url == nil {
		return "", errors.New("no server yet")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, *url+"/v1/events", strings.NewReader(`{"type": "load", "data": {"key": "`+key+`"}}`))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+l.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var event struct{ ID string }
	if err := json.NewDecoder(answer.Body).Decode(&event); err != nil || answer.StatusCode != http.StatusAccepted {
		return "", fmt.Errorf("%d, %w", answer.StatusCode, err)
	}
	return event.ID, nil
}

// reaches waits until the given number of events is acknowledged.
func (l *load) reaches(t *testing.T, n int) {
	t.Helper()
	webhooktest.Eventually(t, fmt.Sprint(n, " events are acknowledged"), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.acked) >= n
	})
}

// end stops the publishers, and returns what was acknowledged.
func (l *load) end() map[string]string {
	l.stop()
	l.running.Wait()
	return l.acked
}

// arrived returns the ids of a type's events that were delivered.
func (l *load) arrived(eventType string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.came[eventType]))
}

func (l *load) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.came)
}

// delivers waits until n events of a type have arrived, and these among them.
func (l *load) delivers(t *testing.T, eventType string, n int, these ...string) {
	t.Helper()
	lacks := these
	webhooktest.Eventually(t, fmt.Sprint(n, " events ", eventType, " arrive"), func() bool {
		came := l.arrived(eventType)
		lacks = slices.DeleteFunc(slices.Clone(these), func(id string) bool { return slices.Contains(came, id) })
		return len(came) >= n && len(lacks) == 0
	}, func() string { return fmt.Sprintf("%v did not", lacks) })
}

// schemaOf returns the definitions of a database's tables and indexes.
func schemaOf(t *testing.T, dir string) (list []string) {
	t.Helper()
	db, err := sqlite.OpenBare(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Pool().QueryContext(t.Context(), "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// makeBackup writes earlier.
func makeBackup(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	p := boot(t, dir)
	c := &client{p.url, p.token}
	receiver := webhooktest.NewReceiver(t)
	var hook struct{ ID string }
	c.rest(t, "POST", "/v1/webhooks", `{"url": "`+receiver.URL+`", "headers": [{"name": "X-Kept", "value": "yes"}]}`, &hook)
	publish := func(kind string) {
		for range 5 {
			c.rest(t, "POST", "/v1/events", `{"type": "upgrade.`+kind+`", "data": {"n": 1.50}, "tags": ["kept"]}`, nil)
		}
	}
	publish("sent")
	for range 5 {
		receiver.Next(t)
	}
	c.settle(t)
	c.rest(t, "PATCH", "/v1/webhooks/"+hook.ID, `{"enabled": false}`, nil)
	publish("held")
	f, err := os.Create(earlier)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := transfer.WriteBackup(context.WithoutCancel(t.Context()), transfer.BackupOptions{Dir: dir, Version: "earlier"}, z); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A database that a newer program has migrated is refused by everything that would change it, with what to do; it can still be backed up.
func TestNewerDatabaseIsRefused(t *testing.T) {
	dir := webhooktest.Database(t)
	db, err := sqlite.OpenBare(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Pool().ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "backup")
	if said, err := command(t, "backup", to, "--database", dir); err != nil {
		t.Error(said, err)
	}
	for _, args := range [][]string{
		{"serve", "--listen", "127.0.0.1:0", "--database", dir},
		{"token", "create", "--operator", "--database", dir},
		{"restore", to, "--database", filepath.Join(t.TempDir(), "data")},
	} {
		if said, err := command(t, args...); err == nil || !strings.Contains(said, "use a newer program") {
			t.Errorf("%v: %s, %v", args, said, err)
		}
	}
}
