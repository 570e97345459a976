package cli

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/config"
)

// Logging never waits for the reader of the log. When it reads again, it gets the lines that were kept, in order, and then the
// number of dropped lines.
func TestLogDoesNotWait(t *testing.T) {
	out, in := io.Pipe()
	log, end := startLog(&config.Logging{LogFormat: "text", LogLevel: slog.LevelInfo}, in)
	text := strings.Repeat("x", 1000)
	const lines = 3 * maxBacklog / 1000
	for n := range lines {
		log.Info("line", slog.Int("n", n), slog.String("text", text))
	}
	read := make(chan []byte)
	go func() {
		got, _ := io.ReadAll(out)
		read <- got
	}()
	end()
	_ = in.Close()
	got := <-read
	n := bytes.Count(got, []byte("msg=line"))
	if n == 0 || n >= lines || !bytes.Contains(got, []byte("log lines were dropped")) {
		t.Errorf("%d of %d lines came, and last %q", n, lines, got[max(0, len(got)-200):])
	}
	if !bytes.Contains(got, []byte(" n=0 ")) {
		t.Error("the first line is missing")
	}
}

// end writes what was logged, and a reader that is gone stops nothing.
func TestLogEnds(t *testing.T) {
	var out bytes.Buffer
	log, end := startLog(&config.Logging{LogFormat: "json"}, &out)
	log.Info("last")
	end()
	if !strings.Contains(out.String(), `"last"`) {
		t.Errorf("%q", out.String())
	}
	gone, in := io.Pipe()
	_ = gone.Close()
	log, end = startLog(&config.Logging{LogFormat: "json"}, in)
	log.Info("nobody reads this")
	end()
	log.Info("nor this, after the end")
}
