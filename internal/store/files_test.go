//go:build unix

package store_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// used creates a directory with a webhook and events, closed in order; if log is set, with its log, as after a kill.
func used(t *testing.T, log bool) string {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := tenant(t, s, "a")
	register(t, c, webhook.New{Enabled: true})
	publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
	killed := contents(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if log {
		dir = t.TempDir()
		for name, text := range killed {
			if !strings.HasSuffix(name, "-shm") {
				write(t, filepath.Join(dir, name), text)
			}
		}
	}
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// contents returns the files of a directory.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if text, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil {
			all[e.Name()] = text
		}
	}
	return all
}

// alter changes a data directory.
type alter func(t *testing.T, dir string)

func altered(change func(dir string) error) alter {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func removed(names ...string) alter {
	return altered(func(dir string) (err error) {
		for _, name := range names {
			err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
		}
		return err
	})
}

func truncated(name string, size int64) alter {
	return altered(func(dir string) error { return os.Truncate(filepath.Join(dir, name), size) })
}

func written(name string, text []byte) alter {
	return altered(func(dir string) error { return os.WriteFile(filepath.Join(dir, name), text, 0o600) })
}

func madeDirectory(name string) alter {
	return altered(func(dir string) error { return os.Mkdir(filepath.Join(dir, name), 0o700) })
}

func linked(name, to string) alter {
	return altered(func(dir string) error { return os.Symlink(to, filepath.Join(dir, name)) })
}

// damaged overwrites the schema, and leaves the header.
func damaged(dir string) error {
	path := filepath.Join(dir, "hookgraph.db")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	copy(text[100:8192], bytes.Repeat([]byte{0x5a}, 8092))
	return os.WriteFile(path, text, 0o600)
}

// states is the states of a data directory in which a server may find it.
var states = map[string]struct {
	log     bool // the server was killed
	changes []alter
	want    []string // parts of the error; none: it starts
}{
	"whole":           {},
	"whole, with log": {log: true},
	"no database": {
		changes: []alter{removed("hookgraph.db")},
		want:    []string{"hookgraph.db is missing", "master.key is there", "backup"},
	},
	"no database beside its log": {
		log:     true,
		changes: []alter{removed("hookgraph.db", "master.key")},
		want:    []string{"hookgraph.db is missing", "hookgraph.db-wal is there", "backup"},
	},
	"empty database beside its log": {
		log:     true,
		changes: []alter{truncated("hookgraph.db", 0)},
		want:    []string{"hookgraph.db is empty", "hookgraph.db-wal is there"},
	},
	"empty database beside its key": {
		changes: []alter{truncated("hookgraph.db", 0)},
		want:    []string{"hookgraph.db is empty", "master.key is there"},
	},
	"a journal of another program": {
		changes: []alter{removed("hookgraph.db", "master.key"), written("hookgraph.db-journal", []byte("journal"))},
		want:    []string{"hookgraph.db-journal is there"},
	},
	"half a header": {
		changes: []alter{truncated("hookgraph.db", 50)},
		want:    []string{"not a SQLite database", "backup"},
	},
	"half a database": {
		changes: []alter{truncated("hookgraph.db", 5*8192)},
		want:    []string{"bytes", "are missing", "backup"},
	},
	"not a database": {
		changes: []alter{written("hookgraph.db", bytes.Repeat([]byte("text"), 5000))},
		want:    []string{"not a SQLite database"},
	},
	"a database that is a directory": {
		changes: []alter{removed("hookgraph.db"), madeDirectory("hookgraph.db")},
		want:    []string{"hookgraph.db is not a file"},
	},
	"a link to nowhere": {
		changes: []alter{removed("hookgraph.db"), linked("hookgraph.db", "elsewhere")},
		want:    []string{"symbolic link", "backup"},
	},
	"a damaged schema": {
		changes: []alter{altered(damaged)},
		want:    []string{"the database is damaged"},
	},
	"no key": {
		changes: []alter{removed("master.key")},
		want:    []string{"master.key is missing", "HOOKGRAPH_MASTER_KEY", "no new key was made"},
	},
	"an empty key": {
		changes: []alter{truncated("master.key", 0)},
		want:    []string{"master.key is empty"},
	},
	"another key": {
		changes: []alter{written("master.key", []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))},
		want:    []string{"master key", "not among those"},
	},
	"leftovers of a change of the key": {changes: []alter{written("master.key.new-123", []byte("AAAA"))}},
	"leftovers of a first start":       {changes: []alter{written("hookgraph.db.new-123-wal", []byte("AAAA"))}},
	"a lock that is a directory":       {changes: []alter{madeDirectory("lock")}},
	"a lock that is a link":            {changes: []alter{linked("lock", "/dev/null")}},
}

// In any state of the data directory, a start either works, or says what is wrong and what to do; then no file is changed or
// created.
func TestStatesOfTheDirectory(t *testing.T) {
	for name, tt := range states {
		t.Run(name, func(t *testing.T) {
			dir := used(t, tt.log)
			for _, change := range tt.changes {
				change(t, dir)
			}
			for _, shared := range []bool{true, false} { // a command, and a server, which tidies up
				o := store.Options{Dir: dir, Shared: shared}
				if tt.want == nil {
					starts(t, o)
				} else {
					refuses(t, o, tt.want)
				}
			}
		})
	}
}

// starts checks that the store opens with what used has stored, and that a server tidies up.
func starts(t *testing.T, o store.Options) {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := tenant(t, s, "a").CountEvents(t.Context(), store.EventFilter{}); err != nil || found != 2 {
		t.Errorf("%d events, %v", found, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "*.new-*")); len(left) > 0 && !o.Shared {
		t.Errorf("%v is left", left)
	}
}

// refuses checks that the store does not open, that the error has all the texts, and that the directory is as before.
func refuses(t *testing.T, o store.Options, texts []string) {
	t.Helper()
	before := contents(t, o.Dir)
	s, err := store.Open(t.Context(), o)
	if err == nil {
		t.Fatal("it started", s.Close())
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
	for name, text := range contents(t, o.Dir) {
		if old, ok := before[name]; !ok && !strings.HasSuffix(name, "-shm") && (!strings.HasSuffix(name, "-wal") || len(text) > 0) || ok && !bytes.Equal(old, text) {
			t.Errorf("%s was changed", name)
		}
		delete(before, name)
	}
	for name, text := range before {
		t.Errorf("%s of %d bytes is gone", name, len(text))
	}
}

// A first start on a full disk leaves nothing, and the next one works, also if an earlier program left an empty file.
func TestFirstStartOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if os.Getenv("HOOKGRAPH_TEST_FULL") == "" {
		for _, empty := range []bool{false, true} {
			if empty {
				write(t, filepath.Join(dir, "hookgraph.db"), nil)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFirstStartOnAFullDisk$")
			cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_FULL="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for name, text := range contents(t, dir) {
				if len(text) > 0 || name != "hookgraph.db" || !empty {
					t.Errorf("%s is left, with %d bytes", name, len(text))
				}
			}
		}
		s, err := store.Open(t.Context(), store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if text := contents(t, dir)["hookgraph.db"]; len(text) < 18 || text[16] != 0x20 || text[17] != 0 {
			t.Errorf("pages are not of 8,192 bytes: %d bytes, %x", len(text), text[16:18])
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: math.MaxInt64}); err != nil {
		t.Fatal(err)
	}
	if s, err := store.Open(t.Context(), store.Options{Dir: os.Getenv("HOOKGRAPH_TEST_FULL")}); err == nil {
		t.Fatal("it started", s.Close())
	}
}

// Only the owner can read the files, even in a directory that all may enter and with a permissive umask; files of an earlier
// program are corrected.
func TestFilesArePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := store.Open(t.Context(), store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, tenant(t, s, "a"), webhook.NewEvent{})
		command, err := store.Open(t.Context(), store.Options{Dir: dir, Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := command.RotateKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := 0
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if info, err := d.Info(); err == nil && !d.IsDir() {
				if found++; info.Mode().Perm() != 0o600 {
					t.Errorf("%s has mode %v", path, info.Mode())
				}
			}
			return err
		})
		if err != nil || found < 4 {
			t.Errorf("%d files, %v", found, err)
		}
		if err := errors.Join(command.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "hookgraph.db"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// No second server starts on a directory, whatever files are deleted.
func TestOneServer(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_ = os.Remove(filepath.Join(dir, "lock"))
	if second, err := store.Open(t.Context(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Error(err, second)
	}
}

// A directory that the user cannot write is an error that says so.
func TestReadOnlyDirectory(t *testing.T) {
	const nobody = 65534
	if dir := os.Getenv("HOOKGRAPH_TEST_READONLY"); dir != "" {
		if os.Geteuid() == 0 { // root may write everywhere
			if err := syscall.Setuid(nobody); err != nil {
				t.Fatal(err)
			}
		}
		for _, shared := range []bool{false, true} {
			s, err := store.Open(t.Context(), store.Options{Dir: dir, Shared: shared})
			if err == nil {
				t.Fatal("it started", s.Close())
			}
			if text := err.Error(); !strings.Contains(text, "read-only") && !strings.Contains(text, "cannot be opened") {
				t.Error(err)
			}
		}
		return
	}
	dir := used(t, false)
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "hookgraph.db"), filepath.Join(dir, "master.key"), dir} {
		if err := os.Chmod(path, 0o500); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			if err := os.Chown(path, nobody, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReadOnlyDirectory$")
	cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_READONLY="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// A running server notices that its files are removed or replaced, refuses what would be lost, and says so; it continues when they
// are back.
func TestFilesAreRemoved(t *testing.T) {
	for _, name := range []string{"hookgraph.db", "hookgraph.db-wal"} {
		dir := t.TempDir()
		s, err := store.Open(t.Context(), store.Options{Dir: dir, Tuning: probing()})
		if err != nil {
			t.Fatal(err)
		}
		c := tenant(t, s, "a")
		publish(t, c, webhook.NewEvent{})
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		for how, away := range map[string]func() error{
			"removed": func() error { return os.Rename(path, path+".away") },
			"replaced": func() error {
				return errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, []byte("other"), 0o600))
			},
		} {
			if err := away(); err != nil {
				t.Fatal(err)
			}
			if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), name+" was "+how) {
				t.Errorf("%s was %s: %v", name, how, err)
			}
			if _, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}}); !errors.Is(err, webhook.ErrUnavailable) {
				t.Errorf("published to a file that was %s: %v", how, err)
			}
			if err := os.Rename(path+".away", path); err != nil {
				t.Fatal(err)
			}
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("%s is back: %v", name, err)
			}
			publish(t, c, webhook.NewEvent{})
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A damaged table prevents a server from starting, and a running one from being ready, even if nothing is written to the table.
func TestDamagedTable(t *testing.T) {
	for _, table := range []string{"events", "attempts", "deliveries", "deliveries_webhook", "webhooks"} {
		dir := t.TempDir()
		s, err := store.Open(t.Context(), store.Options{Dir: dir, Tuning: probing()})
		if err != nil {
			t.Fatal(err)
		}
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{})
		page, err := s.RootPage(table)
		if err != nil {
			t.Fatal(table, err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(dir, "hookgraph.db"), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(bytes.Repeat([]byte{0x5a}, 8192), 8192*(page-1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s is damaged: %v", table, err)
		}
		if err := errors.Join(f.Close(), s.Close()); err != nil {
			t.Log(err)
		}
		if s, err := store.Open(t.Context(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("it starts on a damaged %s: %v", table, err)
			if err == nil {
				_ = s.Close()
			}
		}
	}
}

// However often Ready is called, the database is probed rarely, and no caller waits longer than its context.
func TestReadyIsBounded(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	release := s.Hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := s.Ready(ctx); err == nil || !strings.Contains(err.Error(), "in time") {
			t.Fatalf("the writer is busy: %v", err)
		}
	}
	release()
	before := s.Probes(t)
	for range 100 {
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Probes(t) - before; n > 1 {
		t.Errorf("it was probed %d times", n)
	}
}
