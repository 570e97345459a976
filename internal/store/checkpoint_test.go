package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The log is copied into the database concurrently, long before the writer would have to do it itself.
func TestLogIsShortened(t *testing.T) {
	const long = 4096 // pages, after which the log is copied
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c := tenant(t, s, "a")
	events := slices.Repeat([]webhook.NewEvent{{Type: "a.b", Data: json.RawMessage(`"` + string(slices.Repeat([]byte("x"), 100_000)) + `"`)}}, 30)
	for range 3 * long * 8192 / 2 / 100_000 / len(events) { // one and a half times as long
		if _, err := c.Publish(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	var pages, copied int
	webhooktest.Eventually(t, "the log is copied, or has started over", func() bool {
		if pages, copied, err = s.LogPages(); err != nil {
			t.Fatal(err)
		}
		return pages-copied < long
	}, func() string { return fmt.Sprintf("of %d pages %d are copied", pages, copied) })
}
