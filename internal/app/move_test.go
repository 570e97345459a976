package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A client that moves repeatedly between two replicas, while both deliver, sees every attempt once, in log order (I8).
func TestStreamMovesBetweenReplicas(t *testing.T) {
	database := webhooktest.Postgres(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(receiver.Close)
	first := boot(t, database)
	second := boot(t, database)
	replicas := []*client{{first.url, first.token}, {second.url, first.token}}
	replicas[0].mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &struct{}{})
	w := replicas[0].watch(t, "")
	cursor := watching(t, replicas[0], w)
	const each = 150
	var publishers sync.WaitGroup
	for _, c := range replicas {
		publishers.Go(func() {
			for range each / 10 {
				body := "[" + strings.TrimSuffix(strings.Repeat(`{"type": "load", "data": 1},`, 10), ",") + "]"
				if status := c.rest(t, "POST", "/v1/events", body, nil); status != http.StatusAccepted {
					t.Errorf("publish: %d", status)
				}
			}
		})
	}
	var seen []string
	for loads, turn := 0, 0; loads < 2*each; turn++ {
		for range 7 + turn%5 {
			s := w.next(t)
			seen, cursor = append(seen, s.Node.ID), s.Cursor
			if s.Node.Event.Type == "load" {
				loads++
			}
			if loads == 2*each {
				break
			}
		}
		_ = w.conn.CloseNow()
		w = replicas[turn%2].watch(t, cursor)
	}
	publishers.Wait()
	s, owner := stored(t, database)
	defer s.Close()
	log, _, err := s.AttemptLog(t.Context(), owner.ID, store.AttemptFilter{}, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for len(log) > 0 && log[0].ID.String() != seen[0] { // attempts from before
		log = log[1:]
	}
	if len(log) < len(seen) {
		t.Fatalf("%d attempts were seen, the log has %d", len(seen), len(log))
	}
	for i, id := range seen {
		if log[i].ID.String() != id {
			t.Fatalf("attempt %d of the stream is %s, of the log %s", i, id, log[i].ID)
		}
	}
}
