package bench

import (
	"os"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A delivery that has not arrived waits for another attempt, has failed, or is lost; one that the server calls delivered, or does
// not know, is lost too.
func TestMissingDeliveries(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	b := &bench{Options: &Options{Program: program, Environ: os.Environ(), Replicas: 1}, progress: newProgress(t.Output(), "missing"), dir: t.TempDir()}
	var err error
	if b.receiver, err = b.startReceiver(t.Context(), peer.Listeners{Plain: 1}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.receiver.process.Stop() }()
	if err := b.startServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.server.stop() }()
	l := newLoad(b, 1, 4)
	for i, hook := range []struct {
		behaviour string
		retry     []int
		enabled   bool
	}{{peer.Failing, []int{3_600_000}, true}, {peer.Failing, []int{}, true}, {peer.Healthy, nil, false}, {peer.Healthy, nil, true}} {
		if _, err := b.server.createWebhook(t.Context(), b.receiver.url(hook.behaviour, i), []string{peer.EventType(i)}, hook.enabled, hook.retry); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.publish(t.Context(), []int{0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	l.due[webhook.NewID(time.Now())] = 1 // unknown to the server
	webhooktest.Eventually(t, "one arrives", func() bool {
		got, err := b.receiver.stats(t.Context())
		return err == nil && got.Deliveries == 1
	})
	var r Result
	if err := l.check(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Pending != 2 || r.Failed != 1 || *r.Lost != 1 || r.Deliveries != 1 {
		t.Errorf("%d wait, %d have failed, %d are lost, %d arrived: want 2, 1, 1 and 1", r.Pending, r.Failed, *r.Lost, r.Deliveries)
	}
}

// The event's deliveries decide: those that may still arrive are not lost, and one that is running or due is checked again.
func TestFoundEvent(t *testing.T) {
	now := time.Now()
	later, before := now.Add(time.Minute), now.Add(-time.Minute)
	of := func(list ...any) *foundEvent {
		e := &foundEvent{}
		for i := 0; i < len(list); i += 2 {
			at, _ := list[i+1].(*time.Time)
			e.Deliveries.Nodes = append(e.Deliveries.Nodes, foundDelivery{list[i].(string), at})
		}
		return e
	}
	for name, is := range map[string]struct {
		event   *foundEvent
		missing int64
		want    found
		running bool
	}{
		"no event":          {nil, 2, found{lost: 2}, false},
		"no delivery":       {of(), 1, found{lost: 1}, false},
		"said to have come": {of("SUCCEEDED", nil), 1, found{lost: 1}, false},
		"waits":             {of("PENDING", &later, "SUCCEEDED", nil), 1, found{pending: 1}, false},
		"held":              {of("HELD", nil), 1, found{pending: 1}, false},
		"failed, canceled":  {of("FAILED", nil, "CANCELED", nil), 2, found{failed: 2}, false},
		"runs":              {of("PENDING", nil), 1, found{lost: 1}, true},
		"overdue":           {of("PENDING", &before), 1, found{lost: 1}, true},
		"one of three":      {of("FAILED", nil, "SUCCEEDED", nil, "SUCCEEDED", nil), 2, found{failed: 1, lost: 1}, false},
	} {
		if got, running := is.event.find(is.missing, now); got != is.want || running != is.running {
			t.Errorf("%s: %+v, running: %v", name, got, running)
		}
	}
}
