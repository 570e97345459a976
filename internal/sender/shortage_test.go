package sender

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func ours(code egress.Code) func(context.Context, *egress.Request) egress.Result {
	return func(context.Context, *egress.Request) egress.Result {
		return egress.Result{Code: code, Message: "too many open files"}
	}
}

// An attempt that this host cannot make is not recorded and uses up no retry: the delivery and all others wait, longer each time.
// The log reports the start and the end once; then everything is delivered.
func TestShortage(t *testing.T) {
	var text bytes.Buffer
	set := func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&text, nil)) }
	bubble(t, set, func(t *testing.T, w *world) {
		var targets []*store.Target
		for i := range 20 {
			name := fmt.Sprint("host", i)
			targets = append(targets, w.add(name))
			w.client.set(name, ours(egress.Shortage))
			w.backlog(targets[i], 50, time.Now())
		}
		w.run(t)
		pass(2 * time.Minute)
		if n := len(w.attempts()); n != 0 {
			t.Fatalf("%d attempts were recorded", n)
		}
		if !w.sender.Short() {
			t.Error("the sender does not say that this host is short")
		}
		tried := 0
		for i := range targets {
			tried += len(w.client.begun(fmt.Sprint("host", i)))
		}
		// One round of 4 requests to each webhook every 15 s.
		if rounds := tried / (4 * len(targets)); tried == 0 || rounds > 14 {
			t.Errorf("%d requests were tried", tried)
		}
		if n := strings.Count(text.String(), "\n"); n != 1 || !strings.Contains(text.String(), "too many open files") {
			t.Errorf("the log has %d lines: %s", n, text.String())
		}
		for i := range targets {
			w.client.set(fmt.Sprint("host", i), after(10*time.Millisecond, 204))
		}
		pass(time.Minute)
		w.publish(w.sender, targets[0], 10)
		pass(time.Second)
		for i, to := range targets {
			for _, r := range w.attempts() {
				if r.Attempt.Status != webhook.AttemptSucceeded {
					t.Fatalf("an attempt failed: %s", r.Attempt.Message)
				}
			}
			if n := w.count(to); n < 50 {
				t.Errorf("webhook %d: %d of 50 were delivered", i, n)
			}
		}
		if w.sender.Short() {
			t.Error("the sender says that this host is short, and it is over")
		}
		if n := strings.Count(text.String(), "\n"); n != 2 || !strings.Contains(text.String(), "again") {
			t.Errorf("the log has %d lines: %s", n, text.String())
		}
	})
}

// A failure of this host that concerns one receiver delays only that one: a tenant who causes it delays nobody else.
func TestShortageOfOne(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		healthy, bad := w.add("healthy"), w.add("bad")
		w.client.set("bad", ours(egress.Local))
		w.backlog(bad, 1000, time.Now())
		w.run(t)
		for i := range 1200 { // 2 minutes
			w.publish(w.sender, healthy, 100)
			pass(11 * time.Millisecond)
			if got := w.count(healthy); got != i+1 {
				t.Fatalf("event %d is late: %d delivered", i+1, got)
			}
			pass(89 * time.Millisecond)
		}
		if n := len(w.client.begun("bad")); w.count(bad) != 0 || n == 0 || n > 60 {
			t.Errorf("%d requests were tried, %d recorded", n, w.count(bad))
		}
		w.client.set("bad", after(0, 200))
		pass(2 * time.Minute)
		if n := w.count(bad); n != 1000 {
			t.Errorf("%d of 1000 were delivered", n)
		}
	})
}
