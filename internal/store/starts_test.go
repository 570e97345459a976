package store_test

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// life is a tenant with a webhook in a database that is sometimes restored.
type life struct {
	tb     testing.TB
	s      *store.Store
	c      *store.Scope
	tenant webhook.ID
	hook   webhook.ID
}

func newLife(tb testing.TB, s *store.Store) *life {
	tb.Helper()
	l := &life{tb: tb}
	c := tenant(tb, s, "a")
	w := register(tb, c, webhook.New{Enabled: true})
	l.tenant, l.hook = w.TenantID, w.ID
	l.goOn(s)
	return l
}

// goOn continues with the reopened database.
func (l *life) goOn(s *store.Store) { l.s, l.c = s, s.In(l.tenant) }

// attempts records attempts, each of its own event, and returns their Seqs.
func (l *life) attempts(n int) (seqs []int64) {
	l.tb.Helper()
	publish(l.tb, l.c, make([]webhook.NewEvent, n)...)
	claims, _ := claim(l.tb, l.s, l.hook, n)
	for _, claimed := range claims {
		record(l.tb, l.s, claimed, 200)
	}
	if err := l.s.Flush(l.tb.Context()); err != nil {
		l.tb.Fatal(err)
	}
	log := l.log()
	return log[len(log)-n:]
}

// log returns the Seqs of all attempts.
func (l *life) log() (seqs []int64) {
	l.tb.Helper()
	for after := int64(0); ; {
		page, scanned, err := l.s.AttemptLog(l.tb.Context(), l.tenant, store.AttemptFilter{}, after, 1000)
		if err != nil {
			l.tb.Fatal(err)
		}
		for _, a := range page {
			seqs = append(seqs, a.Seq)
		}
		if scanned <= after {
			return seqs
		}
		after = scanned
	}
}

func (l *life) cursor(seq int64) string { return l.s.Cursor(cursor.Stream, l.tenant, seq) }

// good checks that a cursor is valid for this position.
func (l *life) good(text string, seq int64, what string) {
	l.tb.Helper()
	if got, err := l.s.ReadCursor(l.tb.Context(), cursor.Stream, l.tenant, text); got != seq || err != nil {
		l.tb.Errorf("%s: %d %v, want %d", what, got, err, seq)
	}
}

func (l *life) lost(text, what string) {
	l.tb.Helper()
	if _, err := l.s.ReadCursor(l.tb.Context(), cursor.Stream, l.tenant, text); !errors.Is(err, webhook.ErrCursorLost) {
		l.tb.Errorf("%s: %v, want ErrCursorLost", what, err)
	}
}

func closed(tb testing.TB, s *store.Store) {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
}

func openDir(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	return openFor(tb, store.Options{Dir: dir, MasterKeys: [][]byte{webhooktest.MasterKey}})
}

// openFor opens a store, which the test may close, and its end does otherwise.
func openFor(tb testing.TB, o store.Options) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// After a SQLite directory is restored, from a copy made while the server was stopped or running, cursors from before the copy are
// valid, and those from after it are lost, at once and after as many new attempts.
func TestDirectoryPutBack(t *testing.T) {
	for _, hot := range []bool{false, true} {
		dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copied")
		l := newLife(t, openDir(t, dir))
		before := l.attempts(3)
		if hot {
			// Nothing is being written.
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
		} else {
			closed(t, l.s)
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			l.goOn(openDir(t, dir))
		}
		kept, list := l.cursor(before[2]), l.s.Cursor(cursor.Events, l.tenant, 3)
		after := l.attempts(4)
		gone, goneList := l.cursor(after[3]), l.s.Cursor(cursor.Events, l.tenant, 7)
		closed(t, l.s)

		l.goOn(openDir(t, copied))
		l.lost(gone, "right after")
		l.good(kept, before[2], "of before the copy")
		if again := l.attempts(10); again[0] != after[0] {
			t.Fatalf("attempts have the numbers %v, and had %v", again, after)
		}
		l.lost(gone, "after ten more")
		l.good(kept, before[2], "of before the copy, after ten more")
		if l.cursor(before[2]) != kept {
			t.Error("an attempt has another cursor than before")
		}
		if l.cursor(after[3]) == gone {
			t.Error("another attempt has the cursor of one that is gone")
		}
		if seq, err := l.s.ReadCursor(t.Context(), cursor.Events, l.tenant, list); seq != 3 || err != nil {
			t.Errorf("a list: %d %v", seq, err)
		}
		if _, err := l.s.ReadCursor(t.Context(), cursor.Events, l.tenant, goneList); !errors.Is(err, webhook.ErrCursorLost) {
			t.Errorf("a list, of what is gone: %v", err)
		}
	}
}

// Whatever happens to a directory (attempts, restarts, kills, copies, restored copies), a cursor is valid only if the log up to it
// is what its holder saw, except what retention removed; and it is valid if no copy was restored.
func TestCursorsThroughLives(t *testing.T) {
	webhooktest.Checks(t, 15) // -rapid.checks=200 for long
	rapid.Check(t, func(t *rapid.T) {
		l := newLives(t)
		defer l.end()
		steps := map[string]func(*rapid.T){
			"attempts": l.attempts, "see": l.see, "restart": func(t *rapid.T) { l.restart(t, func() error { return nil }) },
			"copy": l.copy, "put back": l.restore, "look": l.look,
		}
		names := slices.Sorted(maps.Keys(steps))
		for range rapid.IntRange(4, 16).Draw(t, "steps") { // a database is slow: fewer steps than rapid's default
			steps[rapid.SampledFrom(names).Draw(t, "step")](t)
			l.look(t)
		}
	})
}

// lives is a directory with a store, copies of it, and cursors that its clients hold.
type lives struct {
	root, dir string
	s         *store.Store
	owner     webhook.ID
	hook      webhook.ID
	cursors   map[string]heldLog
	copies    []string
	restored  bool // one of the copies, at any time
}

// heldLog is what the holder of a cursor saw.
type heldLog struct {
	seq int64
	log []webhook.ID // up to it
}

func newLives(t *rapid.T) *lives {
	root, err := os.MkdirTemp("", "lives") // one for each of many checks
	must(t, err)
	l := &lives{root: root, dir: filepath.Join(root, "live"), cursors: map[string]heldLog{}}
	l.open(t)
	owner, err := l.s.EnsureTenant(context.Background(), "a")
	must(t, err)
	w, _, err := l.s.In(owner.ID).CreateWebhook(context.Background(), webhook.New{URL: "https://example.com/", Enabled: true})
	must(t, err)
	l.owner, l.hook = owner.ID, w.ID
	return l
}

func (l *lives) open(t *rapid.T) {
	s, err := store.Open(context.Background(), store.Options{Dir: l.dir, MasterKeys: [][]byte{webhooktest.MasterKey}})
	must(t, err)
	l.s = s
}

func (l *lives) end() {
	_ = l.s.Close()
	_ = os.RemoveAll(l.root)
}

func (l *lives) log(t *rapid.T) []*webhook.Attempt {
	all, _, err := l.s.AttemptLog(context.Background(), l.owner, store.AttemptFilter{}, 0, 10_000)
	must(t, err)
	return all
}

// attempts publishes events, and records an attempt of each.
func (l *lives) attempts(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "n")
	events := make([]webhook.NewEvent, n)
	for i := range events {
		events[i] = webhook.NewEvent{Type: "a.b", Data: []byte("1")}
	}
	_, err := l.s.In(l.owner).Publish(context.Background(), events)
	must(t, err)
	claims, _, err := l.s.Claim(context.Background(), l.hook, n, 1<<20)
	if err != nil || len(claims) != n {
		t.Fatal(len(claims), err)
	}
	for _, claimed := range claims {
		must(t, l.s.Record(context.Background(), &store.Result{Claimed: claimed, Attempt: webhook.Attempt{Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now()}}))
	}
}

// see makes a client read the whole log and keep each cursor.
func (l *lives) see(t *rapid.T) {
	var ids []webhook.ID
	for _, a := range l.log(t) {
		ids = append(ids, a.ID)
		l.cursors[l.s.Cursor(cursor.Stream, l.owner, a.Seq)] = heldLog{a.Seq, slices.Clone(ids)}
	}
}

// restart closes the store, and opens it again after do.
func (l *lives) restart(t *rapid.T, do func() error) {
	must(t, l.s.Close())
	must(t, do())
	l.open(t)
}

func (l *lives) copy(t *rapid.T) {
	to := filepath.Join(l.root, "copy", strconv.Itoa(len(l.copies)))
	l.restart(t, func() error { return os.CopyFS(to, os.DirFS(l.dir)) })
	l.copies = append(l.copies, to)
}

// restore replaces the directory by any of the copies.
func (l *lives) restore(t *rapid.T) {
	if len(l.copies) == 0 {
		return
	}
	from := rapid.SampledFrom(l.copies).Draw(t, "copy")
	l.restart(t, func() error { return errors.Join(os.RemoveAll(l.dir), os.CopyFS(l.dir, os.DirFS(from))) })
	l.restored = true
}

// look checks every cursor that a client holds.
func (l *lives) look(t *rapid.T) {
	all := l.log(t)
	for text, was := range l.cursors {
		var now []webhook.ID
		for _, a := range all {
			if a.Seq <= was.seq {
				now = append(now, a.ID)
			}
		}
		same := slices.Equal(now, was.log)
		seq, err := l.s.ReadCursor(context.Background(), cursor.Stream, l.owner, text)
		switch {
		case err == nil && (seq != was.seq || !same):
			t.Fatalf("a cursor of %d is good as %d, its holder saw %v, the log is %v", was.seq, seq, was.log, now)
		case err != nil && !errors.Is(err, webhook.ErrCursorLost):
			t.Fatal(err)
		case err != nil && (same || !l.restored):
			t.Fatalf("a cursor of %d is lost, and the log up to it is what its holder saw", was.seq)
		}
	}
}

// A PostgreSQL database that is restored under stopped or running servers distinguishes its own cursors from those of lost
// attempts; so does a copy of it on another server. After a mere restart all cursors are valid.
func TestPostgresPutBack(t *testing.T) {
	server := webhooktest.StartPostgres(t)
	address := server.Database(t)
	open := func(address string) *store.Store {
		t.Helper()
		return openFor(t, store.Options{URL: address, MasterKeys: [][]byte{webhooktest.MasterKey}})
	}
	l := newLife(t, open(address))
	first := l.attempts(3)
	closed(t, l.s)
	putBack := server.Copy(t)
	l.goOn(open(address))
	running := open(address) // another replica
	kept := l.cursor(first[2])
	l.good(kept, first[2], "after a restart")
	gone := l.attempts(4)
	lost := l.cursor(gone[3])
	l.good(lost, gone[3], "before it goes")
	closed(t, l.s)

	putBack()
	another := open(address)
	for name, s := range map[string]*store.Store{"a replica that ran through it": running, "another that starts": another} {
		webhooktest.Eventually(t, "the store reconnects", func() bool { return s.Ping(t.Context()) == nil && s.Flush(t.Context()) == nil })
		l.goOn(s)
		l.lost(lost, name)
		l.good(kept, first[2], name)
		next := l.attempts(10)
		l.lost(lost, name+", after ten more")
		l.good(kept, first[2], name+", after ten more")
		if next[0] <= gone[3] {
			t.Errorf("%s: an attempt has the number %d, and %d is gone", name, next[0], gone[3])
		}
		for _, other := range []*store.Store{running, s} {
			var seq int64
			var err error
			webhooktest.Eventually(t, "no broken connection is used", func() bool {
				seq, err = other.ReadCursor(t.Context(), cursor.Stream, l.tenant, l.cursor(next[9]))
				return !store.Transient(err)
			})
			if seq != next[9] || err != nil {
				t.Errorf("%s: a replica does not know a cursor of another: %v", name, err)
			}
		}
	}
	_, _ = running.Close(), another.Close() // both, because an open store reconnects, and a database in use cannot be copied
	server.Restart(t)                       // ends all their connections

	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	session(t, u.String())("CREATE DATABASE " + name + "_copy TEMPLATE " + name)
	u.Path = "/" + name + "_copy"
	l.goOn(open(address))
	common := l.log()
	own := l.attempts(2)
	ours := l.cursor(own[1])
	copied := open(u.String())
	l.goOn(copied)
	l.good(kept, first[2], "in a copy")
	l.lost(ours, "in a copy")
	if next := l.attempts(1); next[0] <= common[len(common)-1] {
		t.Errorf("the copy's log goes on at %d, after %d", next[0], common[len(common)-1])
	}
}

// The number of starts is limited: those that committed nothing are removed at the next start, those that retention has overtaken
// at its next run, and at most a thousand are kept.
func TestStartsAreBounded(t *testing.T) {
	dir := t.TempDir()
	count := func(s *store.Store) int64 {
		t.Helper()
		n, err := s.Count("starts")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	l := newLife(t, openDir(t, dir))
	l.attempts(1)
	for range 5 {
		closed(t, l.s)
		l.goOn(openDir(t, dir))
	}
	if n := count(l.s); n != 2 {
		t.Errorf("%d starts, of which 2 have committed something or are the newest", n)
	}
	for range 3 {
		l.attempts(1)
		closed(t, l.s)
		l.goOn(openDir(t, dir))
	}
	if n := count(l.s); n != 5 {
		t.Errorf("%d starts, want 5", n)
	}
	newest := l.attempts(1)[0]
	if _, err := l.s.Prune(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n := count(l.s); n != 1 {
		t.Errorf("%d starts after retention has taken everything", n)
	}
	l.good(l.cursor(newest), newest, "the end of what retention has taken")
	if err := l.s.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO starts
		(id, started_at, tenants, tokens, webhooks, events, deliveries, attempts) SELECT i, i, 0, 0, 0, 0, 0, i FROM n`); err != nil {
		t.Fatal(err)
	}
	closed(t, l.s)
	if n := count(openDir(t, dir)); n != 1000 {
		t.Errorf("%d starts, want 1,000", n)
	}
}

// Cursors survive a change of the master key, and are valid on every replica and after every restart, not in another database.
func TestCursorsAreShared(t *testing.T) {
	each(t, func(t *suite) {
		other := []byte("another key of thirty-two bytes.")
		s := t.Open(t, store.Options{MasterKeys: [][]byte{webhooktest.MasterKey}})
		l := newLife(t, s)
		seq := l.attempts(1)[0]
		text := l.cursor(seq)
		closed(t, s)
		l.goOn(t.Open(t, store.Options{MasterKeys: [][]byte{other, webhooktest.MasterKey}}))
		if _, err := l.s.RotateKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.good(text, seq, "while the master key is changed")
		closed(t, l.s)
		l.goOn(t.Open(t, store.Options{MasterKeys: [][]byte{other}}))
		l.good(text, seq, "under another master key")
		if again := l.cursor(seq); again != text {
			t.Errorf("a cursor was %s and is %s", text, again)
		}
		elsewhere := t.Fresh().Open(t, store.Options{MasterKeys: [][]byte{other, webhooktest.MasterKey}})
		// On PostgreSQL both are copies of one database, with one key.
		if _, err := elsewhere.ReadCursor(t.Context(), cursor.Stream, l.tenant, text); !errors.Is(err, webhook.ErrCursor) && !errors.Is(err, webhook.ErrCursorLost) {
			t.Errorf("in another database: %v", err)
		}
	})
}

// A cursor of any list names the same place after the server has started again, and an old one is made as before.
func TestCursorsAfterAnotherStart(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		l := newLife(t, s)
		l.attempts(1)
		webhooktest.Token(t, s, "a")
		want := store.Place{Seq: 1}
		before := map[cursor.Kind]string{}
		for _, k := range cursor.Kinds() {
			before[k] = l.c.CursorAt(k, want)
		}
		closed(t, s)
		l.goOn(t.Open(t, store.Options{}))
		for _, k := range cursor.Kinds() {
			if got, err := l.c.ReadCursorAt(t.Context(), k, before[k]); got != want || err != nil {
				t.Errorf("%q: %v %v", k, got, err)
			}
			if again := l.c.CursorAt(k, want); again != before[k] {
				t.Errorf("%q: it was %s and is %s", k, before[k], again)
			}
		}
	})
}
