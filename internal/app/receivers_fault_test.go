package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A receiver that hangs, drips, resets, or sends endless 1xx or body fails only its own attempt, which is recorded with what
// happened.
func TestHostileReceivers(t *testing.T) {
	page := make([]byte, 32<<10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a closed connection only after that
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			switch r.URL.Path {
			case "/resets":
				panic(http.ErrAbortHandler)
			case "/drips":
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
			case "/endless":
				if _, err := w.Write(page); err == nil {
					continue
				}
			case "/informs":
				w.WriteHeader(http.StatusEarlyHints)
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(receiver.Close)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	for path, want := range map[string][]string{
		"/hangs": {"TIMEOUT"}, "/drips": {"RESPONSE_TOO_SLOW"}, "/resets": {"PROTOCOL"}, "/informs": {"TIMEOUT", "PROTOCOL"},
		"/endless": {""}, // answered: no more of the body is read than is kept
	} {
		var made struct{ Webhook struct{ ID string } }
		c.mutate(t, createWebhook, map[string]any{
			"url": receiver.URL + path, "retryScheduleMs": []int{}, "timeoutMs": 1000, "events": []string{"to." + path[1:]},
		}, &made)
		c.publish(t, "to."+path[1:])
		var answer struct {
			Data struct {
				Attempts struct{ Nodes []struct{ Error string } }
			}
		}
		query := `{"query": "{ attempts(filter: {webhookIds: [\"` + made.Webhook.ID + `\"]}) { nodes { error } } }"}`
		webhooktest.Eventually(t, "an attempt to "+path+" is recorded", func() bool {
			c.rest(t, "POST", "/graphql", query, &answer)
			return len(answer.Data.Attempts.Nodes) > 0
		})
		got := answer.Data.Attempts.Nodes
		if len(got) != 1 || got[0].Error != want[0] && got[0].Error != want[len(want)-1] {
			t.Errorf("%s: %+v, want %v", path, got, want)
		}
	}
}

// A second SIGTERM ends the program at once, even if attempts hang.
func TestTerminateTwice(t *testing.T) {
	arrived := make(chan struct{}, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(receiver.Close)
	p, _ := start(t, t.TempDir())
	c := &client{p.url, p.token}
	var made struct{ Secret string }
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &made)
	c.publish(t, "load")
	<-arrived
	began := time.Now()
	for {
		_ = p.process.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
			return
		case <-time.After(time.Second): // while it is stopping
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("does not end")
		}
	}
}
