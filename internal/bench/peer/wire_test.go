package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// One connection serves request after request, whatever their bodies; one whose answer was not read, or that the server ends, is not used again.
func TestWire(t *testing.T) {
	var opened atomic.Int32
	hang := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/close":
			w.Header().Set("Connection", "close")
		case "/hang":
			<-hang
		case "/chunked":
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(body)
	}))
	s.Config.ConnState = func(_ net.Conn, is http.ConnState) {
		if is == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	defer close(hang)
	by := &http.Client{Transport: &Wire{}}
	for _, step := range []struct {
		path, body string
		read       bool
		opened     int32 // connections, afterwards
	}{
		{"/", "first", true, 1},
		{"/", strings.Repeat("long", 10_000), true, 1},
		{"/", "", true, 1},
		{"/chunked", "parts", true, 1},
		{"/", "not read", false, 1},
		{"/close", "last", true, 2},
		{"/", "again", true, 3},
	} {
		res, err := by.Post(s.URL+step.path, "text/plain", strings.NewReader(step.body))
		if err != nil {
			t.Fatal(step.path, err)
		}
		if step.read {
			if got, err := io.ReadAll(res.Body); err != nil || string(got) != step.body {
				t.Errorf("%s answered %d bytes of %d, %v", step.path, len(got), len(step.body), err)
			}
		}
		if err := res.Body.Close(); err != nil {
			t.Error(step.path, err)
		}
		if got := opened.Load(); got != step.opened {
			t.Errorf("%d connections after %s %.10q, want %d", got, step.path, step.body, step.opened)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/hang", nil)
	if res, err := by.Do(req); !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that hangs: %v, %v", res, err)
	}
}
