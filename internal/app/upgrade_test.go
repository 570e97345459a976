package app

import (
	"compress/gzip"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/transfer"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// earlier is a backup that an earlier build has made: a tenant with a webhook, five events that were delivered, and five that wait because the
// webhook is disabled. Until the first release the schema may change without a migration; -upgrade.make then makes it again.
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
	token, err := command(t, "token", "create", "--operator", "--database", dir) // it applies migrations
	if err != nil {
		t.Fatal(token, err)
	}
	fresh := t.TempDir()
	if said, err := command(t, "token", "create", "--operator", "--database", fresh); err != nil {
		t.Fatal(said, err)
	}
	if diff := cmp.Diff(schemaOf(t, fresh), schemaOf(t, dir)); diff != "" {
		t.Fatalf("the schema has changed without a migration (-new +upgraded). Before the first release, run this test with -upgrade.make:\n%s", diff)
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
	dir := t.TempDir()
	if said, err := command(t, "token", "create", "--operator", "--database", dir); err != nil {
		t.Fatal(said, err)
	}
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
