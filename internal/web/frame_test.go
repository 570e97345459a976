package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A panic is answered as an internal error with the request's id, and logged once with its stack; the server goes on.
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

// An answer that has begun is cut off by a panic, so that it is not taken for whole.
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
