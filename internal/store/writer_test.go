package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A change that fails takes back what it noted itself, and nothing of its neighbours in the transaction.
func TestFailedChangeLeavesNeighbours(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	health, changed, failed := &Hook{}, &Hook{}, &Hook{}
	for _, h := range []*Hook{health, changed, failed} {
		h.ID = webhook.NewID(time.Now())
	}
	b := &batch{s: s, hooks: map[webhook.ID]*Hook{}}
	err = s.write.Transaction(func(tx *gorm.DB) error {
		b.tx = tx
		b.hooks[health.ID] = health // as noting its health does
		b.setHook(changed)
		if err := b.apply(&change{do: func(b *batch) error {
			b.setHook(failed)
			return webhook.ErrNotFound
		}}); err == nil {
			t.Error("the failure is lost")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.hook(health.ID) != health || b.hook(changed.ID) != changed || b.hook(failed.ID) != nil {
		t.Errorf("hooks are %v", b.hooks)
	}
	if len(b.changed) != 1 || b.changed[0] != changed {
		t.Errorf("changed are %v", b.changed)
	}
}

// A caller whose context ends leaves its change behind only when that has not begun, and then it never does: what a change
// writes to is its caller's.
func TestCallerWaitsForItsChange(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	running, queued := make(chan struct{}), make(chan error)
	ran := 0
	err = s.change(ctx, func(*batch) error {
		close(running)
		go func() { queued <- s.change(ctx, func(*batch) error { panic("its caller has gone") }) }()
		cancel()
		if err := <-queued; !errors.Is(err, context.Canceled) {
			t.Errorf("the change that waited: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // the caller has had time to go
		ran++
		return nil
	})
	<-running
	if err != nil || ran != 1 {
		t.Errorf("the change that ran: %v, %d times", err, ran)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

// What was found to be old and done may be owed again when it is to be removed: retention looks again.
func TestRemoveLooksAgain(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	owner, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(owner.ID)
	if _, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Enabled: true, Events: []string{"a.b"}}); err != nil {
		t.Fatal(err)
	}
	var found []webhook.ID
	for _, name := range []string{"a.b", "c.d"} { // one is owed
		published, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: name, Data: []byte("1")}})
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, published[0].Event.ID)
	}
	n := 0
	err = s.change(t.Context(), func(b *batch) (err error) {
		n, err = b.remove(found)
		return err
	})
	left, _ := c.EventsByID(t.Context(), found)
	if err != nil || n != 1 || left[found[0]] == nil || left[found[1]] != nil {
		t.Errorf("%d events went, %v are left, %v", n, left, err)
	}
}

// Readers can not write, whatever they are told to. A database whose settings read back as ones that lose what was acknowledged
// is refused.
func TestPragmas(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.read.Exec("UPDATE store SET epoch = 'x'").Error; err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("a reader writes: %v", err)
	}
	if err := checkPragmas(s.write); err != nil {
		t.Error(err)
	}
	for _, pragma := range []string{"synchronous = NORMAL", "synchronous = OFF", "foreign_keys = OFF", "journal_mode = DELETE"} {
		db, err := openSQLite(filepath.Join(t.TempDir(), "x.db"), false, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Exec("PRAGMA " + pragma).Error; err != nil {
			t.Fatal(err)
		}
		if name, _, _ := strings.Cut(pragma, " "); checkPragmas(db) == nil || !strings.Contains(checkPragmas(db).Error(), name) {
			t.Errorf("%s: %v", pragma, checkPragmas(db))
		}
		if err := closePool(db); err != nil {
			t.Error(err)
		}
	}
}
