package cli

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
)

const (
	maxBacklog   = 1 << 20     // bytes of log lines that wait for their reader
	flushTimeout = time.Second // for the lines that wait when the server has stopped
)

// backlog is a writer of log lines that never waits for the reader of the log: a pipe that nobody reads must not block the server.
// Lines beyond its capacity are dropped and counted, and the count is logged when the reader continues.
type backlog struct {
	to     io.Writer
	say    *slog.Logger  // writes to the field to, for the count
	more   chan struct{} // buffered, 1: there are lines
	ending chan struct{} // closed when no more lines will come
	ended  chan struct{} // closed when run has returned

	mu      sync.Mutex // guards what follows
	waiting bytes.Buffer
	dropped int
}

// startLog returns a logger that writes to w through a backlog. The caller must call end, which waits up to flushTimeout for the
// lines to be written.
func startLog(l *config.Logging, w io.Writer) (log *slog.Logger, end func()) {
	b := &backlog{to: w, say: l.Logger(w), more: make(chan struct{}, 1), ending: make(chan struct{}), ended: make(chan struct{})}
	go b.run()
	return l.Logger(b), sync.OnceFunc(func() {
		close(b.ending)
		select {
		case <-b.ended:
		case <-time.After(flushTimeout):
		}
	})
}

// Write implements io.Writer. It never fails.
func (b *backlog) Write(line []byte) (int, error) {
	b.mu.Lock()
	if b.waiting.Len()+len(line) > maxBacklog {
		b.dropped++
	} else {
		b.waiting.Write(line)
	}
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
	return len(line), nil
}

func (b *backlog) run() {
	defer close(b.ended)
	var lines bytes.Buffer
	for ending := false; !ending; {
		select {
		case <-b.more:
		case <-b.ending:
			ending = true
		}
		lines.Reset()
		b.mu.Lock()
		lines, b.waiting = b.waiting, lines
		dropped := b.dropped
		b.dropped = 0
		b.mu.Unlock()
		if lines.Len() > 0 {
			_, _ = b.to.Write(lines.Bytes()) // if the reader is gone the lines are lost, and the server continues
		}
		if dropped > 0 {
			b.say.Warn("log lines were dropped: the reader of the log was too slow", slog.Int("lines", dropped))
		}
	}
}
