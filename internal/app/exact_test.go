package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Published data arrives unchanged over every surface: the notation of numbers, escapes, the order of keys, and duplicate keys.
// Only white space between tokens is removed.
func TestDataArrivesAsGiven(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, new(struct{}))
	const publish = `mutation ($input: PublishEventInput!) { publishEvent(input: $input) { event { id } userErrors { message } } }`
	for _, data := range []string{
		`{"b":1.0,"a":-0,"n":1E400,"big":12345678901234567890.10,"z":0.1e-7}`,
		`"\u00e9\/\ud83d\ude00 é <>&` + "\u2028" + `\u0000"`,
		`[true,null,{},[],"",{"":""}]`,
		`null`, `-0.0`, `""`,
	} {
		want := `"data":` + data + "}"
		arrived := func(surface string) {
			t.Helper()
			if got := receiver.Next(t); !bytes.HasSuffix(got.Body, []byte(want)) {
				t.Errorf("%s: %s arrives as %s", surface, data, got.Body)
			}
		}
		if status := c.rest(t, http.MethodPost, "/v1/events", `{"type":"job.done","data": `+data+` }`, nil); status != http.StatusAccepted {
			t.Fatalf("%s: %d", data, status)
		}
		arrived("REST")
		variables := `{"query":"` + publish + `","variables":{"input":{"type":"job.done","data": ` + data + ` }}}`
		if status := c.rest(t, http.MethodPost, "/graphql", variables, nil); status != http.StatusOK {
			t.Fatalf("%s: %d", data, status)
		}
		arrived("GraphQL variable")
	}
	// The same as a GraphQL literal, whose keys are names without duplicates.
	literal := `{b: 1.0, a: -0, big: 12345678901234567890.10, s: "\u00e9 é", l: [true, null, {}]}`
	body, err := json.Marshal(map[string]string{
		"query": `mutation { publishEvent(input: {type: "job.done", data: ` + literal + `}) { event { id } userErrors { message } } }`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := c.rest(t, http.MethodPost, "/graphql", string(body), nil); status != http.StatusOK {
		t.Fatal(status)
	}
	got := string(receiver.Next(t).Body)
	if !strings.Contains(got, `"data":{"b":1.0,"a":-0,"big":12345678901234567890.10,"s":"`) || !strings.Contains(got, `"l":[true,null,{}]}`) {
		t.Errorf("literal: %s", got)
	}
}
