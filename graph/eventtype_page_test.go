package graph_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The examples of docs/event-types.md work one after the other, and those with an answer get it.
func TestEventTypesPage(t *testing.T) {
	page, err := os.ReadFile("../docs/event-types.md")
	if err != nil {
		t.Fatal(err)
	}
	a := newAPI(t)
	blocks := regexp.MustCompile("(?s)```(graphql|json)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 9 {
		t.Fatalf("%d examples were found", len(blocks))
	}
	hook := ""
	for i, b := range blocks {
		if strings.Contains(b[2], "testWebhook") {
			hook = a.get(a.as("a"), `mutation { createWebhook(input: {url: "https://example.com/", events: ["other.*"]}) { webhook { id } } }`, nil).text("createWebhook", "webhook", "id")
		}
		if b[1] != "graphql" {
			continue
		}
		got := a.get(a.as("a"), strings.ReplaceAll(b[2], "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11", hook), nil)
		if strings.Contains(b[2], "testWebhook") && got.text("testWebhook", "delivery", "event", "type") != "order.paid" {
			t.Errorf("a test: %v", got)
		}
		if i+1 < len(blocks) && blocks[i+1][1] == "json" {
			var want object
			if err := json.Unmarshal([]byte(blocks[i+1][2]), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("example %d (-page +answer):\n%s", i+1, diff)
			}
		} else if errs, _ := got.at("putEventType", "userErrors").([]any); len(errs) > 0 {
			t.Errorf("example %d: %v", i+1, errs)
		}
	}
	got := a.get(a.as("a"), `{ eventType(name: "order.paid") { deprecatedAt lastViolationAt } }`, nil)
	if got.text("eventType", "deprecatedAt") == "" || got.text("eventType", "lastViolationAt") == "" {
		t.Errorf("after the examples: %v", got)
	}
}
