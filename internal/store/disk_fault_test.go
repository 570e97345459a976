//go:build unix

package store_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// On a full disk publishers get an error instead of waiting, also while an attempt cannot be recorded. Nothing acknowledged is
// lost, the server is not ready meanwhile, and once there is room the attempt is recorded and publishing continues.
func TestDiskFull(t *testing.T) {
	if os.Getenv("HOOKGRAPH_TEST_DISK") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFull$")
		cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_DISK=full")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Tuning: probing()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true})
	acked := publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
	claims, _ := claim(t, s, w.ID, 1)

	wal, err := os.Stat(filepath.Join(dir, "hookgraph.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	full := before
	full.Cur = uint64(wal.Size())
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	ok := 200
	if err := s.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), ResponseStatus: &ok,
	}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		told := make(chan error, 1)
		go func() {
			_, err := c.Publish(context.Background(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}})
			told <- err
		}()
		select {
		case err := <-told:
			if !errors.Is(err, webhook.ErrUnavailable) {
				t.Errorf("published on a full disk: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a publisher waits for room on the disk")
		}
	}
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "disk") {
		t.Errorf("ready on a full disk: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	recorded(t, c, 1)
	publish(t, c, webhook.NewEvent{})
	for _, e := range acked {
		if found, err := c.EventsByID(t.Context(), []webhook.ID{e.Event.ID}); len(found) != 1 || err != nil {
			t.Errorf("an acknowledged event is lost: %v", err)
		}
	}
}

// A call that publishes while the store closes gets an answer.
func TestPublishWhileClosing(t *testing.T) {
	for range 20 {
		s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		c := tenant(t, s, "a")
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			for {
				if _, err := c.Publish(context.Background(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}}); err != nil {
					return
				}
			}
		}()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-answered:
		case <-time.After(time.Minute):
			t.Fatal("a publisher waits for a store that is closed")
		}
	}
}
