package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The scenario measures retention while nobody publishes and under load, on both databases, and events published meanwhile arrive.
func TestRetentionScenario(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	on := func(t *testing.T, database string) {
		t.Helper()
		temp := t.TempDir()
		t.Setenv("TMPDIR", temp)
		var out, progress bytes.Buffer
		results, err := Run(t.Context(), Options{
			Scenarios: []string{"retention"}, Duration: 300 * time.Millisecond, JSON: true, Program: program, Environ: os.Environ(), Database: database,
			Backlog: 1, Watch: 1, Outstanding: 100, Batch: 20, History: 10_000, Stdout: &out, Stderr: &progress,
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, &progress)
		}
		r := results[0]
		if r.Deliveries == 0 || r.Lost == nil || *r.Lost != 0 {
			t.Errorf("%d deliveries, %s lost", r.Deliveries, count(r.Lost))
		}
		is := r.Retention
		if is.IdlePerS <= 0 || is.P99Ms <= 0 || is.P99MsWithout <= 0 || is.Latency <= 0 {
			t.Errorf("%+v", is)
		}
		if is.ExpiredBefore < 1000 || is.ExpiredAfter >= is.ExpiredBefore {
			t.Errorf("%d events had expired, and then %d", is.ExpiredBefore, is.ExpiredAfter)
		}
		checkFields(t, out.Bytes())
		for _, field := range []string{`"retention":{`, `"idle_per_s":`, `"expired_after":`} {
			if !strings.Contains(out.String(), field) {
				t.Errorf("no %s in %s", field, &out)
			}
		}
		if left, _ := os.ReadDir(temp); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	t.Run("sqlite", func(t *testing.T) { on(t, "") })
	t.Run("postgres", func(t *testing.T) { on(t, webhooktest.Postgres(t)) })
}

// The result has the medians of the rounds, and marks those that miss their bounds.
func TestRetentionResult(t *testing.T) {
	is := &RetentionResult{IdlePerS: 13_000, ExpiredBefore: 2, ExpiredAfter: 1}
	is.sum([]retentionRound{{60, 100, 3, 2, 7}, {100, 100, 9, 1, 9}, {10, 100, 1, 1, 1}})
	if is.Rate != 0.6 || is.Latency != 1.5 || is.AcceptedPerS != 60 || is.AcceptedPerSWithout != 100 || is.P99Ms != 3 || is.P99MsWithout != 1 || is.LoadedPerS != 7 {
		t.Errorf("%+v", is)
	}
	if text := strings.Join(is.lines(), ""); strings.Contains(text, "!") {
		t.Errorf("nothing is missed: %s", text)
	}
	missed := &RetentionResult{IdlePerS: 12_999, ExpiredBefore: 1, ExpiredAfter: 1, Rate: 0.59, Latency: 2}
	if text := strings.Join(missed.lines(), ""); strings.Count(text, "!") != 4 {
		t.Errorf("four are missed: %s", text)
	}
}

// removedSaid reads the first line about removed events after the given position in the log.
func TestRemovedSaid(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	old := `{"msg":"removed events that are older than the retention","events":1,"took":1000000000}` + "\n"
	text := old + "panic\n" + `{"msg":"removing events that are older than the retention","events":2,"took":1}` + "\n" +
		`{"msg":"removed events that are older than the retention","events":3,"took":2000000000}` + "\n" + old
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := removedSaid(log, int64(len(old))); err != nil || said.Events != 3 || said.Took != 2*time.Second {
		t.Errorf("%+v, %v", said, err)
	}
	if said, err := removedSaid(log, int64(len(text))); err != nil || said.Took != 0 {
		t.Errorf("%+v, %v", said, err)
	}
}
