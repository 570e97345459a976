package graph_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// answered records an attempt with this response for each of up to n due deliveries of a webhook.
func (a *api) answered(webhookID string, n int, body []byte, headers webhook.HeaderBlock) {
	a.t.Helper()
	id, err := webhook.ParseID(webhookID)
	if err != nil {
		a.t.Fatal(err)
	}
	for n > 0 {
		claims, _, err := a.store.Claim(a.t.Context(), id, n, 1<<20)
		if err != nil || len(claims) == 0 {
			a.t.Fatal(len(claims), err)
		}
		for _, claimed := range claims {
			if err := a.store.Record(a.t.Context(), &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
				Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), URL: "https://example.com/",
				ResponseStatus: new(200), ResponseHeaders: headers, ResponseBody: body,
			}}); err != nil {
				a.t.Fatal(err)
			}
		}
		n -= len(claims)
		if err := a.store.Flush(a.t.Context()); err != nil {
			a.t.Fatal(err)
		}
	}
}

// The size of an answer is limited, and so are the bytes read and copied to produce it, whatever makes it large. The response is
// then only an error that names the field. What is not selected is not read.
func TestAnswersAreBounded(t *testing.T) {
	const limit = 256 << 10
	const row = 80 << 10 // more than the largest
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	ids := a.publish(ctx, 150)
	a.answered(w, 120, bytes.Repeat([]byte("b"), 64<<10), "")
	a.answered(w, 20, nil, webhook.HeaderBlock(strings.Repeat("A: b\r\n", 5000)))
	a.answered(w, 10, bytes.Repeat([]byte("\x01"), 60<<10), "")
	big := vars{"d": strings.Repeat("d", 60<<10)}
	for range 30 {
		a.get(ctx, `mutation($d: JSON) { publishEvent(input: {type: "a.b", data: $d}) { event { id } } }`, big)
	}
	aliases := func(field string) string {
		var all strings.Builder
		for i := range 90 {
			fmt.Fprintf(&all, " x%d: %s", i, field)
		}
		return all.String()
	}
	for query, want := range map[string]string{
		`{ attempts(last: 100) { nodes { id request { url } response { status truncated } event { id type } } } }`: "",
		`{ events(first: 100) { nodes { id type deliveries { nodes { id } } } } }`:                                 "",
		`{ attempts(first: 3) { nodes { response { body } } } }`:                                                   "[attempts nodes response body]", // escaped, six times as much
		`{ attempts(last: 100) { nodes { id ...A } } } fragment A on DeliveryAttempt { response { of: body } }`:    "[attempts nodes response of]",
		`{ attempts(last: 1) { nodes { response {` + aliases("body") + ` } } } }`:                                  "[attempts nodes response x13]",
		`{ attempts(first: 1) { nodes { response {` + aliases("bodyBase64") + ` } } } }`:                           "",
		`{ webhooks { nodes { attempts(last: 100) { edges { node { response { body } } } } } } }`:                  "[webhooks nodes attempts edges node response body]",
		`{ attempts(first: 29) { nodes { response { headers { name value } } } } }`:                                "[attempts nodes response headers]",
		`{ events(first: 100) { nodes { data } } }`:                                                                "[events nodes data]",
		`{ viewer { operator } more: events(first: 5) { nodes { data } } }`:                                        "[more nodes data]",
		`query($e: ID!) { event(id: $e) { data deliveries { nodes { event {` + aliases("data") + ` } } } } }`:      "",
	} {
		m := meter.New(limit)
		resp := a.run(meter.With(ctx, m), query, vars{"e": ids[0]})
		if held := m.Held(); held > 4*limit+row {
			t.Errorf("%.80s: %d bytes were held", query, held)
		}
		if want == "" {
			if len(resp.Errors) > 0 || m.Held() > limit {
				t.Errorf("%.80s: %v, %d bytes were held", query, resp.Errors, m.Held())
			}
			continue
		}
		if code(resp) != graph.CodeAnswerTooLarge || resp.Data != nil || fmt.Sprint(resp.Errors[0].Extensions["field"]) != want || resp.Errors[0].Extensions["limit"] != limit {
			t.Errorf("%.80s: %.100s %v, want %s", query, resp.Data, resp.Errors, want)
		}
	}
	resp := a.run(meter.With(ctx, meter.New(limit)), `mutation($d: JSON) { publishEvent(input: {type: "a.b", data: $d}) { event {`+aliases("data")+` } } }`, big)
	if code(resp) != graph.CodeAnswerTooLarge || fmt.Sprint(resp.Errors[0].Extensions["field"]) != "[publishEvent event x4]" {
		t.Errorf("a mutation: %.100s %v", resp.Data, resp.Errors)
	}
	if a.log.Len() > 0 {
		t.Errorf("logged: %s", a.log)
	}
}

// In a stream only the message that is too large is replaced by an error; later ones follow.
func TestStreamedAnswersAreBounded(t *testing.T) {
	a := newAPI(t)
	ctx, stop := context.WithTimeout(a.as("kallima"), time.Minute)
	defer stop()
	m := meter.New(10 << 10)
	w := a.createWebhook(ctx, "https://example.com/")
	read, ctx, errs := a.start(meter.With(ctx, m), `subscription { deliveryAttempts { node { number response { first: body second: body } } } }`, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	for seq, size := range []int{6000, 100, 50_000, 3000} {
		m.Reset()
		attempt := a.synthetic(int64(seq)+1, w)
		attempt.ResponseBody = bytes.Repeat([]byte("b"), size)
		a.live.Append([]*webhook.Attempt{attempt})
		resp := read(ctx)
		if size < 5000 && (len(resp.Errors) > 0 || !strings.Contains(string(resp.Data), string(attempt.ResponseBody))) {
			t.Errorf("%d bytes: %s %v", size, resp.Data, resp.Errors)
		} else if size > 5000 && (code(resp) != graph.CodeAnswerTooLarge || resp.Data != nil || !strings.HasPrefix(fmt.Sprint(resp.Errors[0].Extensions["field"]), "[deliveryAttempts node response ")) {
			t.Errorf("%d bytes: %s %v", size, resp.Data, resp.Errors)
		}
	}
}
