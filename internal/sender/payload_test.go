package sender

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// with makes the webhook's deliveries with these payload settings.
func (w *world) with(t *testing.T, to *store.Target, s *webhook.Payload) {
	t.Helper()
	p, err := payload.Compile("payload", s.Normal())
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.payloads == nil {
		w.payloads = map[int64]*payload.Payload{}
	}
	version := int64(len(w.payloads) + 1)
	w.payloads[version] = p
	for _, claimed := range w.due[to.ID] {
		claimed.Delivery.PayloadVersion = &version
	}
}

// Each format is sent with its content type and headers, and the signature is that of the body that is sent. No custom header replaces them.
func TestPayloadIsSent(t *testing.T) {
	template := `{"text":"{{ type }}: {{ data | truncate 3 }}"}`
	for _, c := range []struct {
		payload webhook.Payload
		kind    string
		body    string
		headers int
	}{
		{webhook.Payload{Format: webhook.PayloadTemplate, Template: &template}, "application/json", `{"text":"humanization.completed: xx…"}`, 5},
		{webhook.Payload{Format: webhook.PayloadCloudEvents}, "application/cloudevents+json", `"specversion":"1.0"`, 5},
		{webhook.Payload{Format: webhook.PayloadCloudEventsBinary}, "application/json", `"xxxx`, 10},
		{webhook.Payload{Format: webhook.PayloadStandard, IncludeFields: []string{"a"}}, "application/json", `"data":null}`, 5},
	} {
		bubble(t, nil, func(t *testing.T, w *world) {
			to := w.add("a", func(to *store.Target) {
				to.Headers = []*webhook.CustomHeader{{Name: "Content-Type", Value: "text/plain"}}
			})
			var sent http.Header
			var body []byte
			w.client.set("a", func(_ context.Context, r *egress.Request) egress.Result {
				sent, body = r.Header.Clone(), r.Body
				return egress.Result{StatusCode: 204}
			})
			w.backlog(to, 1, time.Now())
			w.with(t, to, &c.payload)
			w.run(t)
			pass(time.Second)
			if !strings.Contains(string(body), c.body) || sent.Get("Content-Type") != c.kind || len(sent) != c.headers {
				t.Fatalf("%s: %v %s", c.payload.Format, sent, body)
			}
			if binary := sent.Get("Ce-Type"); (binary == "humanization.completed") != (c.payload.Format == webhook.PayloadCloudEventsBinary) {
				t.Errorf("%s: ce-type %q", c.payload.Format, binary)
			}
			verifier, err := standardwebhooks.NewWebhook(to.Secrets[0].Reveal())
			if err != nil {
				t.Fatal(err)
			}
			if err := verifier.VerifyIgnoringTimestamp(body, sent); err != nil {
				t.Errorf("%s: %v", c.payload.Format, err)
			}
			recorded := string(w.attempts()[0].Attempt.RequestHeaders)
			for name := range sent {
				if name != "Content-Type" && !strings.Contains(recorded, name+": "+sent.Get(name)+"\r\n") {
					t.Errorf("%s is not in %q", name, recorded)
				}
			}
			if !strings.HasPrefix(recorded, "Content-Type: "+c.kind+"\r\n") {
				t.Errorf("recorded %q", recorded)
			}
		})
	}
}

// A body that is too long is a failed attempt, without a request. While settings cannot be read no attempt is made, and it is made later.
func TestPayloadThatCannotBeMade(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.backlog(to, 1, time.Now())
		many := `["` + strings.Repeat(`{{ data }}","`, 150) + `"]`
		w.with(t, to, &webhook.Payload{Format: webhook.PayloadTemplate, Template: &many})
		long := append(append([]byte{'"'}, make([]byte, 10<<10)...), '"')
		for i := range long[1 : len(long)-1] {
			long[i+1] = 'x'
		}
		w.due[to.ID][0].Event.Data = long
		w.payloadErr = errors.New("no database")
		w.run(t)
		pass(10 * time.Second)
		if len(w.attempts()) != 0 {
			t.Fatal("an attempt was recorded")
		}
		w.mu.Lock()
		w.payloadErr = nil
		w.mu.Unlock()
		pass(10 * time.Second)
		got := w.attempts()
		if len(got) != 1 || got[0].Attempt.Error == nil || *got[0].Attempt.Error != webhook.ErrorPayload || len(w.client.begun("a")) != 0 {
			t.Errorf("%+v, %d requests", got, len(w.client.begun("a")))
		}
	})
}

// Long bodies of templates wait for room, and all of it is given back.
func TestLongBodiesAreBounded(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.backlog(to, 200, time.Now())
		many := `["` + strings.Repeat(`{{ data }}","`, 20) + `"]`
		w.with(t, to, &webhook.Payload{Format: webhook.PayloadTemplate, Template: &many})
		for _, claimed := range w.due[to.ID] {
			claimed.Event.Data = []byte(`"` + strings.Repeat("x", 40<<10) + `"`)
		}
		var mu sync.Mutex // guards most
		most := int64(0)
		w.client.set("a", func(ctx context.Context, r *egress.Request) egress.Result {
			mu.Lock()
			most = max(most, w.sender.bodies.Used())
			mu.Unlock()
			return after(10*time.Millisecond, 204)(ctx, r)
		})
		w.run(t)
		pass(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if n := w.count(to); n != 200 || most < 800<<10 || most > defaultBodies || w.sender.bodies.Used() != 0 {
			t.Errorf("%d sent, at most %d bytes, %d left", n, most, w.sender.bodies.Used())
		}
	})
}
