package testreceiver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/testreceiver"
)

func ask(ctx context.Context, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
	return w
}

// The receiver answers as its path says, and refuses what is not a delivery.
func TestAnswers(t *testing.T) {
	h := testreceiver.Handler()
	for _, c := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"POST", "/test-receiver/200", 200, "got 5 bytes, and answers 200"},
		{"POST", "/test-receiver/204", 204, ""},
		{"POST", "/test-receiver/304", 304, ""},
		{"POST", "/test-receiver/410", 410, "answers 410"},
		{"POST", "/test-receiver/503", 503, "answers 503"},
		{"POST", "/test-receiver/599", 599, "answers 599"},
		{"POST", "/test-receiver/100", 404, "ends in the status"},
		{"POST", "/test-receiver/600", 404, "ends in the status"},
		{"POST", "/test-receiver/", 404, "ends in the status"},
		{"POST", "/test-receiver/200/x", 404, "ends in the status"},
		{"GET", "/test-receiver/200", 405, "POST"},
	} {
		w := ask(t.Context(), h, c.method, c.path, "12345")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || c.says == "" && w.Body.Len() > 0 {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

// A slow answer ends when its client leaves; there are at most 64.
func TestSlow(t *testing.T) {
	h := testreceiver.Handler()
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	for range 64 {
		go func() {
			for ask(ctx, h, "POST", "/test-receiver/slow", "").Code == http.StatusServiceUnavailable { // the calls below had a place for a moment
			}
			ended <- struct{}{}
		}()
	}
	for {
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		w := ask(short, h, "POST", "/test-receiver/slow", "")
		cancel()
		if w.Code == http.StatusServiceUnavailable {
			break
		}
	}
	leave()
	for range 64 {
		<-ended
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if w := ask(short, h, "POST", "/test-receiver/slow", ""); w.Code == http.StatusServiceUnavailable {
		t.Error("a place is not given back")
	}
}
