package app

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// streamErrors returns the errors of streams that start after a cursor: over WebSocket, over server-sent events, and over those
// with Last-Event-ID. oldest is the cursor to resume after.
func (c *client) streamErrors(t *testing.T, after string) (codes []string, oldest string) {
	t.Helper()
	type refusal []struct {
		Extensions struct{ Code, Oldest string }
	}
	add := func(errors refusal) {
		t.Helper()
		if len(errors) != 1 {
			t.Fatalf("refused with %d errors", len(errors))
		}
		codes, oldest = append(codes, errors[0].Extensions.Code), errors[0].Extensions.Oldest
	}
	w := c.watch(t, after)
	for range w.got {
		t.Fatal("an attempt came")
	}
	_, text, _ := strings.Cut(w.err.Error(), "the stream ended: ")
	var errors refusal
	if err := json.Unmarshal([]byte(text), &errors); err != nil {
		t.Fatal(w.err)
	}
	add(errors)
	for _, resumes := range []bool{false, true} {
		variables, id := from(after), ""
		if resumes {
			variables, id = nil, after
		}
		ctx, cancel := context.WithCancel(t.Context())
		res := c.events(ctx, t, "subscription ($after: String) { deliveryAttempts(after: $after) { cursor } }", variables, id)
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var answer struct{ Errors refusal }
				if err := json.Unmarshal([]byte(data), &answer); err != nil {
					t.Fatal(err)
				}
				add(answer.Errors)
				break
			}
		}
		cancel()
	}
	return codes, oldest
}

// After a directory was restored from a copy, a client's cursor is CURSOR_LOST on every transport, also after as many new attempts
// as were lost; after the oldest cursor it gets everything that the directory has (I8).
func TestStreamOfDirectoryPutBack(t *testing.T) {
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copied")
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	p := boot(t, dir)
	c := &client{p.url, p.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &struct{}{})
	attempts := func(w *watcher, n int) (cursor string) {
		t.Helper()
		for range n {
			id := c.publish(t, "load")
			got := w.next(t)
			for got.Node.Event.Type != "load" { // events published before the stream began
				got = w.next(t)
			}
			if got.Node.Event.ID != id {
				t.Fatalf("got the attempt of %s, want of %s", got.Node.Event.ID, id)
			}
			cursor = got.Cursor
		}
		return cursor
	}
	w := c.watch(t, "")
	watching(t, c, w)
	kept := attempts(w, 3)
	again := func(on string) {
		t.Helper()
		p.stop()
		q := boot(t, on)
		p.stop, c.url = q.stop, q.url
	}
	again(dir)
	p.stop()
	if out, err := exec.Command("cp", "-a", dir, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	again(dir)
	lost := attempts(c.watch(t, kept), 4)

	again(copied)
	check := func(when string) (oldest string) {
		t.Helper()
		codes, oldest := c.streamErrors(t, lost)
		for _, code := range codes {
			if code != "CURSOR_LOST" {
				t.Errorf("%s: %v, want CURSOR_LOST of all", when, codes)
				break
			}
		}
		return oldest
	}
	check("at once")
	attempts(c.watch(t, kept), 10)
	w = c.watch(t, check("after ten more"))
	for n := 0; n < 13; {
		if w.next(t).Node.Event.Type == "load" {
			n++
		}
	}
}
