package gqlhttp

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Every hostile document and variable is refused within the limits over each transport, measured for client and server together,
// and the server continues to serve.
func TestHostileDocumentsOnEveryTransport(t *testing.T) {
	s := newServer(t, Config{})
	over := map[string]func(t *testing.T, body string) string{
		"POST": func(t *testing.T, body string) string {
			t.Helper()
			return s.post(t, body, nil).body
		},
		"SSE": func(t *testing.T, body string) string {
			t.Helper()
			return s.post(t, body, map[string]string{"Accept": mediaEvents}).body
		},
		"WebSocket": func(t *testing.T, body string) string {
			t.Helper()
			c := s.connect(t)
			defer func() { _ = c.conn.CloseNow() }()
			c.send(`{"id":"1","type":"subscribe","payload":` + body + `}`)
			answer, err := c.read()
			if status := websocket.CloseStatus(err); status == websocket.StatusMessageTooBig || status == 4400 {
				return `"errors"` // refused before it was read, or because it is not a message of the protocol
			}
			if err != nil {
				t.Fatal(err)
			}
			return answer
		},
	}
	bodies := map[string]string{}
	for name, document := range hostile {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		bodies[name] = fmt.Sprintf(`{"query":%s}`, text)
	}
	for name, v := range hostileVariables {
		bodies["variables, "+name] = fmt.Sprintf(`{"query":%q,"variables":%s}`, v.document, v.variables)
	}
	for name, body := range bodies {
		for transport, send := range over {
			t.Run(name+"/"+transport, func(t *testing.T) {
				best, memory := time.Hour, uint64(math.MaxUint64)
				for range 3 {
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					start := webhooktest.ProcessorTime()
					answer := send(t, body)
					best = min(best, webhooktest.ProcessorTime()-start)
					runtime.ReadMemStats(&after)
					memory = min(memory, after.TotalAlloc-before.TotalAlloc)
					if !strings.Contains(answer, `"errors"`) && !strings.Contains(answer, `"type":"error"`) {
						t.Fatalf("not refused: %.200s", answer)
					}
				}
				if memory > mostMemory {
					t.Errorf("allocated %d bytes", memory)
				}
				if best > mostTime && !webhooktest.Race {
					t.Errorf("took %v", best)
				}
			})
		}
	}
	if a := s.query(t, "{hello}", ""); a.status != http.StatusOK || !strings.Contains(a.body, `"hello"`) {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}
