package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// serve answers with fixed responses, chosen by a query's first word, which is not GraphQL.
func serve(t *testing.T, answers map[string]string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("Hookgraph-Tenant") != "a" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var body Request
		_ = json.NewDecoder(r.Body).Decode(&body)
		_, _ = io.WriteString(w, answers[body.Query])
	}))
	t.Cleanup(server.Close)
	return &Client{URL: server.URL, Token: "key", Tenant: "a"}
}

// An error of the server is returned as an error that repeats it, wherever it is in the response; a valid response is read.
func TestAnswers(t *testing.T) {
	c := serve(t, map[string]string{
		"good":    `{"data": {"done": {"id": "7", "userErrors": []}}}`,
		"refused": `{"data": {"done": {"id": null, "userErrors": [{"message": "is too long", "field": ["input", "url"]}]}}}`,
		"failed":  `{"data": null, "errors": [{"message": "forbidden"}]}`,
		"strange": `<html>`,
	})
	for query, want := range map[string]string{"good": "", "refused": "input.url: is too long", "failed": "forbidden", "strange": "<html>"} {
		var done struct{ ID string }
		err := c.Mutate(t.Context(), query, nil, &done)
		if want == "" && (err != nil || done.ID != "7") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q %v, want %q", query, done.ID, err, want)
		}
	}
	c.Token = "another"
	if err := c.REST(t.Context(), "/v1/webhooks", nil, nil); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a status: %v", err)
	}
}

// A subscription begins when the server has read it, answers the server's pings, and ends with the server's error.
func TestSubscription(t *testing.T) {
	heard := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		say := func(texts ...string) {
			for _, text := range texts {
				_ = conn.Write(r.Context(), websocket.MessageText, []byte(text))
			}
		}
		for {
			_, text, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			var m message
			_ = json.Unmarshal(text, &m)
			heard <- m.Type
			switch m.Type {
			case "connection_init":
				say(`{"type":"connection_ack"}`)
			case "ping":
				say(`{"type":"pong"}`, `{"type":"ping"}`, `{"id":"1","type":"next","payload":{"data":{"n":1}}}`,
					`{"id":"1","type":"next","payload":{"errors":[{"message":"too slow"}],"data":null}}`, `{"id":"1","type":"complete"}`)
			}
		}
	}))
	defer server.Close()
	c := &Client{URL: server.URL}
	s, err := c.Subscribe(t.Context(), Request{Query: "subscription { n }"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var is struct{ N int }
	if err := s.Next(t.Context(), &is); err != nil || is.N != 1 {
		t.Errorf("a result: %+v %v", is, err)
	}
	if err := s.Next(t.Context(), &is); err == nil || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("an error: %v", err)
	}
	if err := s.Next(t.Context(), &is); err == nil || !strings.Contains(err.Error(), "complete") {
		t.Errorf("the end: %v", err)
	}
	for _, want := range []string{"connection_init", "subscribe", "ping", "pong"} {
		if got := <-heard; got != want {
			t.Errorf("the server heard %q, want %q", got, want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Subscribe(ended, Request{}); err == nil {
		t.Error("it subscribed after its context had ended")
	}
}

// A server that no longer answers is noticed while a result is waited for.
func TestGuard(t *testing.T) {
	answering := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		for _, answer := range []string{`{"type":"connection_ack"}`, "", `{"type":"pong"}`} {
			_, _, _ = conn.Read(r.Context())
			if answer != "" {
				_ = conn.Write(r.Context(), websocket.MessageText, []byte(answer))
			}
		}
		<-answering // nobody reads, so nobody answers a ping
	}))
	defer server.Close()
	defer close(answering)
	s, err := (&Client{URL: server.URL}).Subscribe(t.Context(), Request{Query: "subscription { n }"})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.Guard(t.Context(), 20*time.Millisecond)
	}()
	if err := s.Next(t.Context(), new(struct{})); err == nil {
		t.Error("a result came from nowhere")
	}
	<-over
}
