package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// owned opens a store with a key file, and a tenant with a webhook.
func owned(t *testing.T, dir string) (*store.Store, *store.Scope) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(owner.ID)
	if _, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/hook", Enabled: true}); err != nil {
		t.Fatal(err)
	}
	return s, c
}

func closed(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func publish(ctx context.Context, c *store.Scope, n int) error {
	list := make([]webhook.NewEvent, n)
	for i := range list {
		list[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`"` + strings.Repeat("x", 1000) + `"`)}
	}
	_, err := c.Publish(ctx, list)
	return err
}

// A backup of an open store in the same process, while it is written to, is of one moment: it has what was acknowledged before. The store's
// own locks hold afterwards, so it goes on, and is sound.
func TestBackupOfOpenStore(t *testing.T) {
	dir := t.TempDir()
	s, c := owned(t, dir)
	if err := publish(t.Context(), c, 2000); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := publish(t.Context(), c, 10); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for n := range 5 {
		to := filepath.Join(t.TempDir(), "backup")
		m, err := Backup(t.Context(), BackupOptions{Dir: dir}, to)
		if err != nil || !m.HasKey {
			t.Fatalf("%+v, %v", m, err)
		}
		restored := filepath.Join(t.TempDir(), "data")
		if _, err := Restore(t.Context(), RestoreOptions{From: to, Dir: restored}); err != nil {
			t.Fatal(n, err)
		}
		r, rc := owned(t, restored)
		if count, err := rc.CountEvents(t.Context(), store.EventFilter{}); err != nil || count < 2000 {
			t.Errorf("%d events, %v", count, err)
		}
		closed(t, r)
	}
	close(done)
	writing.Wait()
	closed(t, s)
	db, err := sqlite.OpenBare(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if wrong, err := db.Damage(t.Context()); err != nil || len(wrong) > 0 {
		t.Error(wrong, err)
	}
}

// backedUp returns a data directory and its backup.
func backedUp(t *testing.T, o BackupOptions) (dir, to string) {
	t.Helper()
	dir, to = t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s, c := owned(t, dir)
	if err := publish(t.Context(), c, 50); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	o.Dir = dir
	if _, err := Backup(t.Context(), o, to); err != nil {
		t.Fatal(err)
	}
	return dir, to
}

// Files of a backup and of a restored directory are for their owner only, and neither overwrites anything.
func TestBackupIsPrivate(t *testing.T) {
	dir, to := backedUp(t, BackupOptions{})
	restored := filepath.Join(t.TempDir(), "data")
	if _, err := Restore(t.Context(), RestoreOptions{From: to, Dir: restored}); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{to, restored} {
		if err := filepath.WalkDir(in, func(path string, is fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if info, err := is.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir}, to); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("over another backup: %v", err)
	}
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir}, filepath.Join(dir, "hookgraph.db-old")); err == nil || !strings.Contains(err.Error(), "name of a file") {
		t.Errorf("under a name of the database: %v", err)
	}
	if _, err := Restore(t.Context(), RestoreOptions{From: to, Dir: restored}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("over another directory: %v", err)
	}
}

// An archive is restored as a directory is; one that is cut anywhere, or has other files, is refused, and nothing is left of it.
func TestArchive(t *testing.T) {
	dir, _ := backedUp(t, BackupOptions{})
	var whole bytes.Buffer
	if _, err := WriteBackup(t.Context(), BackupOptions{Dir: dir}, &whole); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 { // the database, the key, and its lock
		t.Errorf("%v, %v", left, err)
	}
	restore := func(from []byte) (string, error) {
		to := filepath.Join(t.TempDir(), "data")
		_, err := Restore(t.Context(), RestoreOptions{Stream: bytes.NewReader(from), Dir: to})
		return to, err
	}
	to, err := restore(whole.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	s, _ := owned(t, to)
	closed(t, s)
	size := whole.Len()
	for _, end := range []int{0, 100, 512, 4000, size / 2, size - 4096, size - 2000} {
		to, err := restore(whole.Bytes()[:end])
		if err == nil {
			t.Errorf("restored from %d of %d bytes", end, size)
		}
		if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %d bytes there is a directory: %v", end, err)
		}
	}
	if _, err := restore(bytes.Replace(whole.Bytes(), []byte("master.key\x00"), []byte("../aaa.key\x00"), 1)); err == nil {
		t.Error("restored another file")
	}
}

// A backup that was changed is refused, and so is one without its manifest, or of a newer program.
func TestDamagedBackup(t *testing.T) {
	change := func(file string, change func([]byte) []byte) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, file)
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, change(text), 0o600)
		}
	}
	for want, damage := range map[string]func(string) error{
		"is damaged": change(sqlite.FileName, func(text []byte) []byte { text[len(text)/2] ^= 1; return text }),
		"not a whole backup": func(dir string) error {
			return os.Remove(filepath.Join(dir, manifestName))
		},
		"use a newer program": change(manifestName, func(text []byte) []byte {
			return bytes.Replace(text, []byte(`"format": 1`), []byte(`"format": 2`), 1)
		}),
		"rows of store are sealed": change(seal.FileName, func([]byte) []byte {
			return []byte(seal.FileText(webhooktest.MasterKey))
		}),
		"has no master key": func(dir string) error { return os.Remove(filepath.Join(dir, seal.FileName)) },
	} {
		_, to := backedUp(t, BackupOptions{})
		if err := damage(to); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), RestoreOptions{From: to, Dir: filepath.Join(t.TempDir(), "data")}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// A backup without the key is restored with the key's file, or with the key; another key is refused, also when the backup is made.
func TestBackupWithoutKey(t *testing.T) {
	dir, to := backedUp(t, BackupOptions{WithoutKey: true})
	if _, err := os.Stat(filepath.Join(to, seal.FileName)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the key is in the backup")
	}
	file := filepath.Join(dir, seal.FileName)
	given, err := seal.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, o := range map[string]RestoreOptions{"file": {KeyFile: file}, "key": {Keys: given}} {
		o.From, o.Dir = to, filepath.Join(t.TempDir(), "data")
		if _, err := Restore(t.Context(), o); err != nil {
			t.Error(what, err)
		}
		if _, err := os.Stat(filepath.Join(o.Dir, seal.FileName)); (err == nil) != (what == "file") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, o := range map[string]RestoreOptions{"none": {}, "another": {Keys: keys}} {
		o.From, o.Dir = to, filepath.Join(t.TempDir(), "data")
		if _, err := Restore(t.Context(), o); err == nil || !strings.Contains(err.Error(), "key") {
			t.Error(what, err)
		}
	}
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir, Keys: keys}, filepath.Join(t.TempDir(), "b")); err == nil || !strings.Contains(err.Error(), "rows of store are sealed") {
		t.Errorf("backed up with another key: %v", err)
	}
}

// The restored database says in its audit log who has put it back, to which time, and from what.
func TestRestoreIsAudited(t *testing.T) {
	_, to := backedUp(t, BackupOptions{})
	restored := filepath.Join(t.TempDir(), "data")
	by := webhook.Actor{Kind: webhook.ActorCommand, Name: "ada"}
	m, err := Restore(t.Context(), RestoreOptions{From: to, Dir: restored, Actor: by})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := owned(t, restored)
	defer closed(t, s)
	log, err := s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{Actions: []webhook.AuditAction{webhook.AuditDatabaseRestored}}, store.Page{First: 10})
	if err != nil || len(log.Items) != 1 {
		t.Fatalf("%+v, %v", log, err)
	}
	e := log.Items[0]
	if e.Actor != by || e.ObjectType() != "DATABASE" || e.TenantID != nil || e.CreatedAt.Before(m.CreatedAt) {
		t.Errorf("%+v", e)
	}
	want := []webhook.AuditField{{Name: "asOf", Value: m.CreatedAt}, {Name: "backup", Value: to}, {Name: "sha256", Value: m.SHA256}}
	if diff := cmp.Diff(webhook.AuditChanges(nil, want), e.Changes); diff != "" {
		t.Error(diff)
	}
}

// After a restore, nobody holds deliveries, the database is another one than that of the backup, and each restore is.
func TestRestoreBeginsAnew(t *testing.T) {
	dir := t.TempDir()
	s, c := owned(t, dir)
	if err := publish(t.Context(), c, 50); err != nil {
		t.Fatal(err)
	}
	hooks, err := c.Webhooks(t.Context(), store.WebhookFilter{}, store.Page{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	if claims, _, err := s.Claim(t.Context(), hooks.Items[0].ID, 20, 64<<20); err != nil || len(claims) != 20 {
		t.Fatalf("%d claimed, %v", len(claims), err)
	}
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir}, to); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	seen := map[string]bool{}
	for _, from := range []string{dir, "", ""} {
		if from == "" {
			from = filepath.Join(t.TempDir(), "data")
			if _, err := Restore(t.Context(), RestoreOptions{From: to, Dir: from}); err != nil {
				t.Fatal(err)
			}
		}
		db, err := sqlite.OpenBare(t.Context(), from, true)
		if err != nil {
			t.Fatal(err)
		}
		var is struct {
			epoch           string
			claimed, starts int
		}
		if err := db.Pool().QueryRowContext(t.Context(), `SELECT epoch, (SELECT COUNT(*) FROM deliveries WHERE claimed_by IS NOT NULL), (SELECT COUNT(*) FROM starts) FROM store`).
			Scan(&is.epoch, &is.claimed, &is.starts); err != nil {
			t.Fatal(err)
		}
		if seen[is.epoch] || from != dir && (is.claimed != 0 || is.starts != 2) {
			t.Errorf("%+v after %v", is, seen)
		}
		seen[is.epoch] = true
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A backup that is interrupted, or during which the log becomes too long, leaves nothing, and the next one removes what a killed one left.
func TestBackupLeavesNothing(t *testing.T) {
	dir, to := backedUp(t, BackupOptions{})
	s, c := owned(t, dir)
	defer closed(t, s)
	if err := publish(t.Context(), c, 1000); err != nil {
		t.Fatal(err)
	}
	parent := filepath.Dir(to)
	killed := filepath.Join(parent, datadir.BackupDraft+".new-1")
	if err := os.Mkdir(killed, 0o700); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	defer cancel()
	for want, o := range map[error]BackupOptions{
		ErrLogTooLong:    {MaxLog: 1},
		context.Canceled: {Progress: func(Progress) { cancel() }},
	} {
		ctx := t.Context()
		if errors.Is(want, context.Canceled) {
			ctx = canceled
		}
		o.Dir = dir
		if _, err := Backup(ctx, o, filepath.Join(parent, "other")); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
			t.Errorf("%v, %v", left, err)
		}
	}
}

// A database is smaller after its rows were removed: beside an open store by its free pages, and alone by writing it again.
func TestCompact(t *testing.T) {
	dir := t.TempDir()
	s, c := owned(t, dir)
	for range 10 {
		if err := publish(t.Context(), c, 500); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	db, err := sqlite.OpenBare(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"deliveries", "events"} {
		if _, err := db.Pool().ExecContext(t.Context(), "DELETE FROM "+table+" WHERE seq % 10 > 0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, c = owned(t, dir)
	beside, err := Compact(t.Context(), CompactOptions{Dir: dir, Beside: true})
	if err != nil || beside.After > beside.Before/2 {
		t.Errorf("%+v, %v", beside, err)
	}
	if err := publish(t.Context(), c, 10); err != nil {
		t.Error(err)
	}
	if !InUse(dir) || InUse(filepath.Join(dir, "none")) {
		t.Error("nobody uses the directory, or somebody one that does not exist")
	}
	if _, err := Compact(t.Context(), CompactOptions{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("alone, while it is in use: %v", err)
	}
	closed(t, s)
	alone, err := Compact(t.Context(), CompactOptions{Dir: dir})
	if err != nil || alone.After > alone.Before {
		t.Errorf("%+v, %v", alone, err)
	}
	s, c = owned(t, dir)
	defer closed(t, s)
	if n, err := c.CountEvents(t.Context(), store.EventFilter{}); err != nil || n != 510 {
		t.Error(n, err)
	}
}
