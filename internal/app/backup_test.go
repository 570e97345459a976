package app

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var backupRounds = flag.Int("backups.rounds", 5, "how many backups TestBackupsUnderLoad makes")

// command runs the program in a process of its own, and returns what it printed.
func command(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1")
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err = cmd.Run()
	return all.String(), err
}

// Backups beside a server under load: each restores to a directory that is whole, and has every event that was acknowledged before it began;
// a server on the last one delivers what is owed. A backup that is killed leaves nothing that could be restored.
func TestBackupsUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	w := newWorld(t, t.TempDir(), nil, "/healthy", "/flapping")
	w.begin(t)
	var restored string
	for round := range *backupRounds {
		webhooktest.Watch(t)
		before := 0
		webhooktest.Eventually(t, "events are acknowledged", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			before = len(w.acked)
			return before > 20*(round+1)
		})
		dir := t.TempDir()
		to, new := filepath.Join(dir, "backup"), filepath.Join(dir, "data")
		killedBackup(t, w.dir, to)
		if said, err := command(t, "backup", to, "--database", w.dir); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if said, err := command(t, "restore", to, "--database", new); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(to), ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		w.mu.Lock()
		acked := slices.Clone(w.acked[:before])
		w.mu.Unlock()
		checkRestored(t, new, acked)
		if restored == "" { // the first one has the least to deliver again, see below
			restored = new
			continue
		}
		if err := os.RemoveAll(dir); err != nil { // a hundred would fill the disk
			t.Fatal(err)
		}
	}
	w.end(t)
	w.check(t)
	p := boot(t, restored)
	(&client{p.url, w.token}).settle(t)
}

// A server makes a backup when the newest one is old enough, keeps as many as it is told, removes none while it cannot make one, and says so in its checks.
func TestBackupsByTheClock(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	s, _ := stored(t, data)
	defer s.Close()
	b := newBackups(&config.Config{Storage: config.Storage{Database: data}, BackupEvery: time.Hour, BackupKeep: 2}, dir, slog.New(slog.DiscardHandler))
	at := func(ago time.Duration) string {
		t.Helper()
		path := filepath.Join(dir, datadir.BackupName(time.Now().Add(-ago)))
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	names := func() (list []string) {
		t.Helper()
		made, err := datadir.Backups(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, is := range made {
			list = append(list, is.Path)
		}
		return list
	}
	run := b.task().Run
	first, second, third := at(5*time.Hour), at(4*time.Hour), at(3*time.Hour)
	b.from.Keys = [][]byte{make([]byte, 32)} // another key, so that no backup can be made
	if err := run(t.Context()); err == nil || b.failure() == nil {
		t.Error("backed up with another key")
	}
	if got := names(); !slices.Equal(got, []string{third, second, first}) {
		t.Errorf("after a failure there are %v", got)
	}
	b.from.Keys = nil
	if err := run(t.Context()); err == nil {
		t.Error("it tried again at once")
	}
	b.after = time.Time{}
	if err := run(t.Context()); err != nil || b.failure() != nil {
		t.Fatal(err)
	}
	got := names()
	if len(got) != 2 || got[1] != third {
		t.Errorf("there are %v", got)
	}
	if err := run(t.Context()); err != nil || !slices.Equal(names(), got) {
		t.Errorf("again at once: %v, %v", names(), err)
	}
}

// killedBackup kills a backup as soon as it copies.
func killedBackup(t *testing.T, dir, to string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "backup", to, "--database", dir)
	cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1")
	said := &until{awaited: "copying", end: func() { _ = cmd.Process.Kill() }}
	cmd.Stderr = said
	if err := cmd.Run(); err == nil {
		t.Log("the backup was complete before it was killed")
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		return
	}
	if _, err := os.Stat(to); err == nil { // killed after it was complete
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		return
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(to), ".hookgraph-backup.new-*"))
	for _, half := range left {
		if said, err := command(t, "restore", half, "--database", filepath.Join(t.TempDir(), "data")); err == nil || !strings.Contains(said, "not a whole backup") {
			t.Errorf("half a backup: %v, %s", err, said)
		}
	}
}

// checkRestored examines a restored directory.
func checkRestored(t *testing.T, dir string, acked []string) {
	t.Helper()
	results, err := store.Inspect(t.Context(), options(dir), store.InspectionBounds{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		for _, p := range r.Problems {
			t.Errorf("%s: %s", r.Check, p.Text)
		}
	}
	s, owner := stored(t, dir)
	defer s.Close()
	for some := range slices.Chunk(acked, 100) {
		ids := make([]webhook.ID, len(some))
		for i, text := range some {
			var err error
			if ids[i], err = webhook.ParseID(text); err != nil {
				t.Fatal(err)
			}
		}
		found, err := s.In(owner.ID).EventsByID(t.Context(), ids)
		if err != nil || len(found) != len(ids) {
			t.Errorf("of %d events that were acknowledged before the backup began, %d are in it, %v", len(ids), len(found), err)
		}
	}
}
