package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// REST distinguishes quotas: 429 with Retry-After for the rate, 409 for numbers.
func TestQuotasOverREST(t *testing.T) {
	p := boot(t, t.TempDir(), "--publish-rate", "1", "--max-webhooks", "1", "--max-events", "1001")
	c := &client{p.url, p.token}
	event := `{"type": "a.b", "data": 1}`
	if status, _, text := c.answer(t, "/v1/events", "*/*", "["+strings.Repeat(event+",", 999)+event+"]"); status != http.StatusAccepted {
		t.Fatalf("the burst: %d %s", status, text)
	}
	if status, wait, text := c.answer(t, "/v1/events", "*/*", "["+event+","+event+"]"); status != http.StatusConflict || wait != 0 || !strings.Contains(text, `"QUOTA"`) {
		t.Errorf("stored events: %d %d %s", status, wait, text)
	}
	// The quota allows one event per second, and two calls are less than a second apart.
	status, wait, text := c.answer(t, "/v1/events", "*/*", event)
	for status == http.StatusAccepted {
		status, wait, text = c.answer(t, "/v1/events", "*/*", event)
	}
	if status != http.StatusTooManyRequests && status != http.StatusConflict || status == http.StatusTooManyRequests && wait != 1 || !strings.Contains(text, `"QUOTA"`) {
		t.Errorf("the rate: %d %d %s", status, wait, text)
	}
	for i, want := range []int{http.StatusCreated, http.StatusConflict} {
		if status, _, text := c.answer(t, "/v1/webhooks", "*/*", `{"url": "https://example.com/"}`); status != want {
			t.Errorf("webhook %d: %d %s", i, status, text)
		}
	}
}

// A token that has used up its cost must wait, over every transport and REST; another token need not.
func TestCostIsRationed(t *testing.T) {
	p := boot(t, t.TempDir(), "--cost-rate", "1", "--cost-burst", "10000")
	other := &client{p.url, p.command(t, "token", "create", "--operator")}
	c := &client{p.url, p.token}
	socket := c.socket(t)
	const query = `{"query": "{ webhooks(first: 100) { nodes { id } } }"}` // costs about 100
	paid := 0
	for status := http.StatusOK; status == http.StatusOK; paid++ {
		status, _, _ = c.answer(t, "/graphql", "application/json", query)
		if paid > 1000 {
			t.Fatal("it costs nothing")
		}
	}
	for _, accept := range []string{"application/json", "application/graphql-response+json", "text/event-stream"} {
		status, wait, text := c.answer(t, "/graphql", accept, query)
		var shown struct {
			Errors []struct {
				Extensions struct {
					Code         string
					RetryAfterMs int
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &shown); err != nil || len(shown.Errors) != 1 {
			t.Errorf("%s: %d %s", accept, status, text)
			continue
		}
		e := shown.Errors[0].Extensions
		if status != http.StatusTooManyRequests || e.Code != "RATE_LIMITED" || e.RetryAfterMs < 1 || wait < e.RetryAfterMs/1000 || wait > 200 {
			t.Errorf("%s: %d, wait %d: %s", accept, status, wait, text)
		}
	}
	if status, wait, text := c.answer(t, "/v1/events", "*/*", `{"type": "a.b", "data": 1}`); status == http.StatusTooManyRequests && (wait < 1 || !strings.Contains(text, `"RATE_LIMITED"`)) {
		t.Errorf("REST: %d %d %s", status, wait, text)
	} else if status != http.StatusTooManyRequests { // enough for this call may be left, but not for many
		for range 10 {
			status, _, _ = c.answer(t, "/v1/events", "*/*", `{"type": "a.b", "data": 1}`)
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("REST costs nothing: %d", status)
		}
	}
	var m struct {
		Type    string
		Payload json.RawMessage
	}
	if err := wsjson.Write(t.Context(), socket, map[string]any{"type": "subscribe", "id": "1", "payload": json.RawMessage(query)}); err != nil {
		t.Fatal(err)
	}
	for m.Type != "error" {
		if err := wsjson.Read(t.Context(), socket, &m); err != nil {
			t.Fatal(err)
		}
		if m.Type == "next" {
			t.Fatal("the WebSocket is free")
		}
	}
	if !strings.Contains(string(m.Payload), `"RATE_LIMITED"`) || !strings.Contains(string(m.Payload), `"retryAfterMs"`) {
		t.Errorf("WebSocket: %s", m.Payload)
	}
	if status, _, text := other.answer(t, "/graphql", "application/json", query); status != http.StatusOK {
		t.Errorf("another token: %d %s", status, text)
	}
}

// A deleted tenant's connections end with it, and no others.
func TestDeletedTenantIsCutOff(t *testing.T) {
	p := boot(t, t.TempDir())
	operator := &client{p.url, p.token}
	var made struct{ Tenant struct{ ID string } }
	operator.mutate(t, `mutation ($input: CreateTenantInput!) { done: createTenant(input: $input) { tenant { id } } }`, map[string]any{"name": "kallima"}, &made)
	m := operator.createToken(t, map[string]any{"tenantId": made.Tenant.ID})
	tenant := &client{p.url, m.Credential}
	socket, events, going := tenant.watch(t, ""), tenant.lastEvent(t), operator.watch(t, "")
	tenant.rest(t, "POST", "/v1/webhooks", `{"url": "https://example.invalid/"}`, nil)
	var gone struct{ DeletedTenantID string }
	operator.mutate(t, `mutation ($input: DeleteTenantInput!) { done: deleteTenant(input: $input) { deletedTenantId } }`, map[string]any{"id": made.Tenant.ID}, &gone)
	limit := time.After(time.Minute)
	for range 2 {
		select {
		case <-socket.got:
			socket.got = nil
		case <-events:
		case <-limit:
			t.Fatal("a stream outlives its tenant")
		}
	}
	if status := tenant.rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusUnauthorized {
		t.Errorf("its token: %d", status)
	}
	select {
	case s, open := <-going.got:
		t.Errorf("another tenant's stream: %v %v", s, open)
	default:
	}
}

// At its start a server removes rows older than --retention, and secrets whose overlap has ended.
func TestRetention(t *testing.T) {
	dir, clock := t.TempDir(), new(storetest.Clock)
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(owner.ID)
	var ids []webhook.ID
	for _, age := range []time.Duration{3 * time.Hour, time.Hour} {
		clock.Ahead(-age)
		published, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, published[0].Event.ID)
		if age == time.Hour {
			continue
		}
		w, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p := boot(t, dir, "--retention", "2h")
	operator := &client{p.url, p.token}
	var text string
	// The count and the list are read one after the other, and old rows may be removed in between.
	webhooktest.Eventually(t, "what is old is removed", func() bool {
		_, _, text = operator.answer(t, "/graphql", "*/*", `{"query": "{ events { count { count } nodes { id } } }"}`)
		return strings.Contains(text, `"count":{"count":1}`) && !strings.Contains(text, ids[0].String())
	}, func() string { return text })
	if !strings.Contains(text, ids[1].String()) {
		t.Errorf("what is left: %s", text)
	}
	if s, err = store.Open(t.Context(), store.Options{Dir: dir, Shared: true}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var rows map[string]int64
	webhooktest.Eventually(t, "the secret whose overlap has ended is removed", func() bool {
		if rows, err = s.CountRows(t.Context(), owner.ID); err != nil {
			t.Fatal(err)
		}
		return rows["secrets"] == 1
	}, func() string { return fmt.Sprint(rows) })
}
