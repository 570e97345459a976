package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A failed change takes back its own notes, and none of the other changes in the transaction, whether it fails because of its
// caller or because a statement lacks its tenant's condition.
func TestFailedChangeLeavesNeighbours(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	tenant, err := s.EnsureTenant(t.Context(), "before")
	if err != nil {
		t.Fatal(err)
	}
	rename := func(b *batch, name string) error {
		return b.DB.Exec("UPDATE tenants SET name = name || ? WHERE id = ?", name, tenant.ID).Error
	}
	var targets []*Target
	note := func(b *batch) {
		to := &Target{}
		to.ID = webhook.NewID(time.Now())
		targets = append(targets, to)
		b.setTarget(to)
	}
	good := func(b *batch) error {
		note(b)
		return rename(b, " good")
	}
	b := &batch{s: s}
	for _, do := range []func(b *batch) error{
		good,
		func(b *batch) error {
			note(b)
			return errors.Join(rename(b, " not found"), webhook.ErrNotFound)
		},
		good,
		func(b *batch) error {
			note(b)
			return errors.Join(rename(b, " unscoped"), b.DB.Exec("UPDATE webhooks SET url = ''").Error)
		},
		good,
	} {
		b.changes = append(b.changes, &change{do: do, tenant: &tenant.ID, done: make(chan error, 1)})
	}
	written := make(chan error)
	s.writer.pauses <- func() { // in the writer's goroutine
		err := b.write()
		if err == nil {
			b.answer()
		}
		written <- err
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, webhook.ErrNotFound, nil, scoped.ErrUnscoped, nil} {
		if err := <-b.changes[i].done; !errors.Is(err, want) || errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("change %d is answered %v, want %v", i, err, want)
		}
		if is := b.target(targets[i].ID) == targets[i]; is != (want == nil) {
			t.Errorf("what change %d noted is there: %v", i, is)
		}
	}
	if len(b.changed) != 3 {
		t.Errorf("changed are %v", b.changed)
	}
	var name string
	if err := s.read.Raw("SELECT name FROM tenants WHERE id = ?", tenant.ID).Scan(&name).Error; err != nil || name != "before good good good" {
		t.Errorf("stored: %q, %v", name, err)
	}
}

// A caller whose context ends abandons its change only if that has not started, and then it never starts: a change writes to its
// caller's variables.
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
		time.Sleep(10 * time.Millisecond) // time for a caller that does not wait to return; too short would only weaken the test
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

// An event found to be old and completed may have a pending delivery again when it is removed: retention checks again.
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
	var ids []webhook.ID
	var found []dialect.Candidate
	for _, name := range []string{"a.b", "c.d"} { // one is pending
		published, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: name, Data: []byte("1")}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, published[0].Event.ID)
		found = append(found, dialect.Candidate{ID: ids[len(ids)-1], CreatedAt: dialect.At(published[0].Event.CreatedAt)})
	}
	later := time.Now().Add(time.Hour)
	p := newPruner(s)
	err = p.Take(t.Context(), &dialect.Cohort{Cutoff: dialect.Cutoff{Before: later, Failed: later}}, found)
	left, _ := c.EventsByID(t.Context(), ids)
	if err != nil || p.removed != 1 || left[ids[0]] == nil || left[ids[1]] != nil {
		t.Errorf("%d events went, %v are left, %v", p.removed, left, err)
	}
}

// Readers cannot write, whatever statement they run.
func TestReaders(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.read.Exec("UPDATE store SET epoch = 'x'").Error; err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("a reader writes: %v", err)
	}
}
