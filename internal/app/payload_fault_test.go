package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// shapes is a receiver that refuses each event once, and keeps what it got, by event.
type shapes struct {
	mu     sync.Mutex // guards bodies
	bodies map[string][]string
}

func (s *shapes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("Webhook-Id")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bodies[id] = append(s.bodies[id], string(body)); len(s.bodies[id]) == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (s *shapes) got(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies[id]...)
}

// shownEvent is an event with its deliveries and their attempts.
type shownEvent struct {
	Data struct {
		Event struct {
			Deliveries struct {
				Nodes []struct {
					ID       string
					Attempts struct {
						Nodes []struct {
							Number  int
							Request struct{ Body string }
						}
					}
				}
			}
		}
	}
}

// A delivery keeps the payload that it was made with, although that is changed and the program is killed before anything is sent, and for each of
// its retries. A retry by hand has the current one. Each attempt shows what the receiver got, byte for byte.
func TestPayloadSurvivesKill(t *testing.T) {
	databases(t, testPayloadSurvivesKill)
}

func testPayloadSurvivesKill(t *testing.T, database string) {
	t.Helper()
	s := &shapes{bodies: map[string][]string{}}
	receiver := httptest.NewServer(s)
	t.Cleanup(receiver.Close)
	p, kill := start(t, database)
	token := p.token
	c := &client{p.url, token}
	shape := func(version int) map[string]any {
		return map[string]any{"format": "TEMPLATE", "template": map[string]any{"v": version, "job": "{{ data.job_id }} <&> é", "n": "{{ data.n | default 1.50 }}"}}
	}
	want := func(version int) string { return `{"job":"job_42 <&> é","n":1.50,"v":` + strconv.Itoa(version) + `}` }
	var made struct{ Webhook struct{ ID string } }
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL, "enabled": false, "retryScheduleMs": []int{1}, "payload": shape(1)}, &made)
	update := func(patch map[string]any) {
		t.Helper()
		patch["id"] = made.Webhook.ID
		var done struct{ UserErrors []struct{ Message string } }
		c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { userErrors { message } } }`, patch, &done)
		if len(done.UserErrors) > 0 {
			t.Fatal(done.UserErrors)
		}
	}
	first := c.publish(t, "a.b")
	update(map[string]any{"payload": shape(2)})
	kill()
	p, kill = start(t, database)
	c = &client{p.url, token}
	second := c.publish(t, "a.b")
	update(map[string]any{"enabled": true})
	arrived := func(id string, n int) {
		t.Helper()
		webhooktest.Eventually(t, fmt.Sprintf("%d requests have arrived", n), func() bool { return len(s.got(id)) >= n })
	}
	arrived(first, 2)
	arrived(second, 2)
	c.settle(t)
	update(map[string]any{"payload": shape(3)})
	kill()
	p, _ = start(t, database)
	c = &client{p.url, token}
	var shown shownEvent
	show := func(id string) {
		t.Helper()
		body, err := json.Marshal(map[string]any{
			"query":     `query ($id: ID!) { event(id: $id) { deliveries { nodes { id attempts { nodes { number request { body } } } } } } }`,
			"variables": map[string]any{"id": id},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.rest(t, "POST", "/graphql", string(body), &shown)
	}
	show(first)
	c.rest(t, "POST", "/graphql", `{"query": "mutation { retryDelivery(input: {id: \"`+shown.Data.Event.Deliveries.Nodes[0].ID+`\"}) { userErrors { message } } }"}`, nil)
	arrived(first, 3)
	c.settle(t)
	for id, versions := range map[string][]int{first: {1, 1, 3}, second: {2, 2}} {
		show(id)
		got, attempts := s.got(id), shown.Data.Event.Deliveries.Nodes[0].Attempts.Nodes
		if len(got) != len(versions) || len(attempts) != len(versions) {
			t.Fatalf("%d requests, %d attempts, want %d", len(got), len(attempts), len(versions))
		}
		for _, a := range attempts {
			if want := want(versions[a.Number-1]); got[a.Number-1] != want || a.Request.Body != want {
				t.Errorf("attempt %d: the receiver got %s, and it shows %s; want %s", a.Number, got[a.Number-1], a.Request.Body, want)
			}
		}
	}
}
