package app

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A client that never sends the rest of a body holds up a stop until the time for it is over. Then it is cut off, and the stop has not failed.
func TestStopCutsOffRequests(t *testing.T) {
	reading, read := make(chan struct{}), make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(reading)
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	}))
	t.Cleanup(s.Close)
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	<-reading
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var log strings.Builder
	if err := finish(ctx, s.Config, slog.New(slog.NewTextHandler(&log, nil))); err != nil || !strings.Contains(log.String(), "cut off") {
		t.Fatalf("%v, and the log has %q", err, &log)
	}
	if err := <-read; err == nil {
		t.Error("the body was read to its end")
	}
}
