package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const dashboardPage = "docs/dashboard.md"

// pricedQuery is a query of the page: its heading, cost and text.
var pricedQuery = regexp.MustCompile("(?s)\n### ([^\n]+)\n[^#]*?\nCost: ([0-9,]+)\\.\n\n```graphql\n(.*?)```\n")

// pricedAnswer is the answer to a query, or the first result of a subscription.
type pricedAnswer struct {
	Data       map[string]any
	Errors     []any
	Extensions struct{ Cost struct{ Requested int } }
}

// The queries of a dashboard work as they are shown, find something, and cost what the page says: a page of 100 webhooks with their
// health less than 1,500, all together less than one operation may.
func TestDashboardQueries(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	var made struct{ Webhook struct{ ID string } }
	c.mutate(t, `mutation ($input: CreateWebhookInput!) { done: createWebhook(input: $input) { webhook { id } } }`,
		map[string]any{"url": receiver.URL, "retryScheduleMs": []int{}}, &made)
	event := c.publish(t, "job.done")
	c.settle(t)
	variables := map[string]any{"webhook": made.Webhook.ID, "event": event, "text": event, "since": "-PT1H", "allTenants": true}
	var found struct {
		Data struct {
			Event struct {
				Deliveries struct{ Nodes []struct{ ID string } }
			}
		}
	}
	c.rest(t, "POST", "/graphql", fmt.Sprintf(`{"query": "{ event(id: \"%s\") { deliveries { nodes { id } } } }"}`, event), &found)
	if len(found.Data.Event.Deliveries.Nodes) != 1 {
		t.Fatal(found)
	}
	variables["delivery"] = found.Data.Event.Deliveries.Nodes[0].ID

	var replay struct{ Replay struct{ ID string } }
	c.mutate(t, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } } }`,
		map[string]any{"filter": map[string]any{"eventTypes": []any{"nothing.like.it"}}}, &replay) // which leaves the failed delivery as it is
	if replay.Replay.ID == "" {
		t.Fatal("no replay")
	}

	page, err := os.ReadFile(dashboardPage)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0, 0
	written := pricedQuery.ReplaceAllStringFunc(string(page), func(block string) string {
		part := pricedQuery.FindStringSubmatch(block)
		title, said, query := part[1], part[2], part[3]
		answer := c.priced(t, query, variables)
		cost := answer.Extensions.Cost.Requested
		sum, n = sum+cost, n+1
		for field, value := range answer.Data {
			if list, ok := value.([]any); value == nil || ok && len(list) == 0 {
				t.Errorf("%s finds no %s", title, field)
			}
			if of, ok := value.(map[string]any); ok && of["nodes"] != nil && len(of["nodes"].([]any)) == 0 {
				t.Errorf("%s: %s has no element", title, field)
			}
		}
		if len(answer.Errors) > 0 || len(answer.Data) == 0 {
			t.Errorf("%s: %+v", title, answer)
		}
		if shown := thousands(cost); shown != said && !*updatePages {
			t.Errorf("%s costs %s, and the page says %s: go test ./internal/app -run DashboardQueries -update", title, shown, said)
		}
		if strings.HasPrefix(query, "query Webhooks(") && cost >= 1500 {
			t.Errorf("a page of 100 webhooks with their health costs %d", cost)
		}
		return strings.Replace(block, "\nCost: "+said+".\n", "\nCost: "+thousands(cost)+".\n", 1)
	})
	if n != strings.Count(string(page), "```graphql") || n < 12 {
		t.Errorf("%d queries have a cost", n)
	}
	if sum >= 10_000 || sum == 0 {
		t.Errorf("all queries together cost %d", sum)
	}
	if *updatePages {
		if err := os.WriteFile(dashboardPage, []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// priced runs a query, or a subscription up to its first result.
func (c *client) priced(t *testing.T, query string, variables map[string]any) *pricedAnswer {
	t.Helper()
	given := map[string]any{} // those that the query declares, which would be refused otherwise
	head, _, _ := strings.Cut(query, "{\n")
	for name, value := range variables {
		if strings.Contains(head, "$"+name+":") {
			given[name] = value
		}
	}
	answer := &pricedAnswer{}
	if !strings.HasPrefix(query, "subscription") {
		body, err := json.Marshal(map[string]any{"query": query, "variables": given})
		if err != nil {
			t.Fatal(err)
		}
		c.rest(t, "POST", "/graphql", string(body), answer)
		return answer
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for lines := bufio.NewScanner(c.events(ctx, t, query, given, "").Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), answer); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			return answer
		}
	}
	t.Fatal("the stream ended without a result")
	return nil
}

// thousands writes a number as pages do.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
