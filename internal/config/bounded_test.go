package config

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// The number of similar warnings is limited, about one tenant more strictly than about all, and the next line says how many were
// left out. Other messages and levels are not limited.
func TestLogIsBounded(t *testing.T) {
	var out bytes.Buffer
	h := (&Logging{LogFormat: "text"}).Logger(&out).Handler()
	now := time.Now()
	log := func(level slog.Level, message string, attrs ...slog.Attr) {
		t.Helper()
		r := slog.NewRecord(now, level, message, 0)
		r.AddAttrs(attrs...)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	lines := func() (n int, last string) {
		all := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		out.Reset()
		return len(all), all[len(all)-1]
	}
	for range 1000 {
		log(slog.LevelWarn, "refused", slog.String("tenant", "a"))
	}
	if n, last := lines(); n != subjectAtOnce {
		t.Errorf("%d lines about one tenant, last %s", n, last)
	}
	log(slog.LevelWarn, "refused", slog.String("tenant", "b"))
	if n, last := lines(); n != 1 || !strings.Contains(last, "tenant=b") {
		t.Errorf("another tenant: %s", last)
	}
	for n := range 1000 {
		log(slog.LevelWarn, "disabled", slog.Int("webhook", n), slog.String("tenant", "a"), slog.String("reason", "FAILING"))
	}
	if n, last := lines(); n != subjectAtOnce {
		t.Errorf("%d lines about webhooks of one tenant, last %s", n, last)
	}
	now = now.Add(time.Hour)
	log(slog.LevelWarn, "refused", slog.String("tenant", "a"))
	if _, last := lines(); !strings.Contains(last, fmt.Sprint("suppressed=", 1000-subjectAtOnce)) {
		t.Errorf("an hour later: %s", last)
	}
	for n := range 3 * subjectsMax {
		log(slog.LevelWarn, "locked out", slog.Int("address", n))
	}
	if n, _ := lines(); n > 5*linesAtOnce {
		t.Errorf("%d lines about as many addresses", n)
	}
	log(slog.LevelError, "another message")
	for range 1000 {
		log(slog.LevelInfo, "no warning")
	}
	if n, _ := lines(); n != 1001 {
		t.Errorf("%d lines of other kinds", n)
	}
}
