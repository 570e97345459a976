package gqlhttp

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// paced is a connection whose writes have a deadline for each piece, so that a client that continues to read gets everything,
// however long that takes.
type paced struct {
	net.Conn
	each    time.Duration // and up to an eighth more
	written atomic.Int64

	mu      sync.Mutex // guards what follows, and is held while a deadline is set
	hurried bool
	last    time.Time // when a deadline was set
}

// Write implements net.Conn.
func (c *paced) Write(b []byte) (written int, err error) {
	for {
		if err := c.limit(); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[:min(len(b), intake.Piece)])
		written += n
		c.written.Add(int64(n))
		if b = b[n:]; err != nil || len(b) == 0 {
			return written, err
		}
	}
}

func (c *paced) limit() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hurried {
		return nil
	}
	// Setting a deadline costs about a microsecond, as much as the rest of a short write without its system call.
	now, spare := time.Now(), c.each/8
	if now.Sub(c.last) < spare {
		return nil
	}
	c.last = now
	return c.SetWriteDeadline(now.Add(c.each + spare))
}

// hurry sets one deadline for all further reads and writes, and for those that wait.
func (c *paced) hurry(within time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hurried = true
	_ = c.SetDeadline(time.Now().Add(within))
}

// pacedAnswer does for an HTTP answer what paced does for a connection.
type pacedAnswer struct {
	http.ResponseWriter
	each time.Duration
}

func (w *pacedAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// limit does nothing if the writer does not support deadlines, or the client is gone: the write then fails.
func (w *pacedAnswer) limit() error {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.each))
	return nil
}

func (w *pacedAnswer) WriteHeader(status int) {
	_ = w.limit()
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedAnswer) Write(b []byte) (int, error) {
	return intake.WritePieces(w.ResponseWriter, b, w.limit)
}
