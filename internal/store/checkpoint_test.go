package store

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The log is copied into the database concurrently, long before the writer would have to do it itself.
func TestLogIsShortened(t *testing.T) {
	const long = 4096 // pages, after which the log is copied
	s, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	owner, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	events := slices.Repeat([]webhook.NewEvent{{Type: "a.b", Data: json.RawMessage(`"` + string(slices.Repeat([]byte("x"), 100_000)) + `"`)}}, 30)
	for range 3 * long * 8192 / 2 / 100_000 / len(events) { // one and a half times as long
		if _, err := s.In(owner.ID).Publish(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var is struct{ Log, Checkpointed int }
		if err := s.read.Raw("PRAGMA wal_checkpoint(NOOP)").Scan(&is).Error; err != nil {
			t.Fatal(err)
		}
		if is.Log-is.Checkpointed < long { // or it has started over
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d pages %d are copied", is.Log, is.Checkpointed)
		}
	}
}
