package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// A panic is answered as an internal error with the request's id, and logged once with its stack; the server continues.
func TestPanic(t *testing.T) {
	var logged bytes.Buffer
	s := &server{Config: Config{Logger: slog.New(slog.NewTextHandler(&logged, nil))}}
	rec := httptest.NewRecorder()
	s.frame(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret reason") })).
		ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	id := rec.Header().Get(RequestIDHeader)
	if rec.Code != 500 || id == "" || !strings.Contains(rec.Body.String(), id) || strings.Contains(rec.Body.String(), "reason") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if strings.Count(logged.String(), "secret reason") != 1 || !strings.Contains(logged.String(), id) {
		t.Errorf("log: %s", logged.String())
	}
}

// A panic cuts off a response that has begun, so that it is not taken for complete.
func TestPanicAfterTheAnswerBegan(t *testing.T) {
	s := &server{Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // net/http compares the same way
			t.Errorf("got %v", v)
		}
	}()
	s.frame(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("late")
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
}

// slowWriter records which writes had a deadline.
type slowWriter struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
	writes    []int // bytes under each deadline
}

func (w *slowWriter) SetWriteDeadline(t time.Time) error {
	w.deadlines, w.writes = append(w.deadlines, t), append(w.writes, 0)
	return nil
}

func (w *slowWriter) Write(b []byte) (int, error) {
	w.writes[len(w.writes)-1] += len(b)
	return w.ResponseRecorder.Write(b)
}

// Every response has a deadline for each piece, so a client that does not read holds nothing, and one that reads slowly gets
// everything. A handler may set its own deadlines.
func TestAnswersHaveDeadlines(t *testing.T) {
	s := &server{Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	own := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		most   int
	}{
		"empty": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, 0},
		"small": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }, 2},
		"large": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }, intake.Piece},
		"own": {func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).SetWriteDeadline(own)
			_, _ = w.Write(make([]byte, 1<<20))
		}, 1 << 20},
	} {
		w := &slowWriter{ResponseRecorder: httptest.NewRecorder()}
		s.frame(c.answer).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		if len(w.deadlines) == 0 || slices.Max(w.writes) != c.most {
			t.Errorf("%s: %d deadlines, at most %d bytes under each, want %d", name, len(w.deadlines), slices.Max(append(w.writes, 0)), c.most)
		}
		for _, d := range w.deadlines {
			if (name == "own") != d.Equal(own) || !d.After(time.Now()) {
				t.Errorf("%s: a deadline in %v", name, time.Until(d))
			}
		}
	}
}
