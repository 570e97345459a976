package app

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The program stops in less than five seconds with streams open, whether their clients read or not: sockets are closed with 1001,
// server-sent events end without complete, and both resume at the next start.
func TestStopWithStreams(t *testing.T) { databases(t, testStopWithStreams) }

func testStopWithStreams(t *testing.T, database string) {
	t.Helper()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, database)
	c := &client{p.url, p.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &struct{}{})
	sockets := make([]*watcher, 20)
	for i := range sockets {
		sockets[i] = c.watch(t, "")
	}
	cursor := watching(t, c, sockets[0])
	c.publish(t, "seen")
	events := make([]*eventStream, 20)
	for i := range events {
		events[i] = c.listen(t, cursor, "")
	}
	for _, s := range events {
		if s.next(t) == "" {
			t.Fatal("a stream of events ended")
		}
	}
	for range 20 {
		c.stall(t, cursor)
	}

	begun := time.Now()
	p.stop()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, w := range sockets {
		for range w.got {
		}
		if websocket.CloseStatus(w.err) != websocket.StatusGoingAway {
			t.Errorf("a socket was closed with %v", w.err)
		}
	}
	for _, s := range events {
		for s.next(t) != "" {
		}
		if s.completed {
			t.Error("an operation was completed, so its client does not resume")
		}
	}

	p = boot(t, database)
	c = &client{p.url, c.token}
	w, s := c.watch(t, cursor), c.listen(t, "", cursor)
	var viaSocket, viaEvents []string
	last := c.publish(t, "last")
	for len(viaSocket) == 0 || viaSocket[len(viaSocket)-1] != last {
		viaSocket = append(viaSocket, w.next(t).Node.Event.ID)
	}
	for len(viaEvents) == 0 || viaEvents[len(viaEvents)-1] != last {
		id := s.next(t)
		if id == "" {
			t.Fatal("the stream of events ended")
		}
		viaEvents = append(viaEvents, id)
	}
	if strings.Join(viaSocket, " ") != strings.Join(viaEvents, " ") || len(viaSocket) < 2 {
		t.Errorf("resumed with\n%v by socket and\n%v by events", viaSocket, viaEvents)
	}
}

// eventStream is a subscription over server-sent events.
type eventStream struct {
	lines     *bufio.Scanner
	completed bool
}

const listenQuery = `subscription ($after: String) { deliveryAttempts(after: $after) { cursor node { event { id } } } }`

// listen subscribes after a cursor, or after lastEventID unless that is "".
func (c *client) listen(t *testing.T, after, lastEventID string) *eventStream {
	t.Helper()
	variables, err := json.Marshal(from(after))
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"query": {listenQuery}, "variables": {string(variables)}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that next does not wait forever
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/graphql?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	return &eventStream{lines: bufio.NewScanner(res.Body)}
}

// next returns the id of the next attempt's event; "" at the end of the stream.
func (s *eventStream) next(t *testing.T) string {
	t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		if name == "event" && value == "complete" {
			s.completed = true
		}
		if _, id, ok := strings.Cut(value, `"event":{"id":"`); name == "data" && ok {
			return id[:36]
		}
	}
	return ""
}

// stall subscribes over server-sent events and never reads.
func (c *client) stall(t *testing.T, after string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	body := `{"query":"` + listenQuery + `","variables":{"after":"` + after + `"}}`
	if _, err := conn.Write([]byte("POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + c.token +
		"\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)); err != nil {
		t.Fatal(err)
	}
}
