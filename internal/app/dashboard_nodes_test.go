package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// An operator's page has the nodes that share a PostgreSQL database. It shows one that joins, one that stops, and one that is killed once its
// lease has expired, and asks for nothing meanwhile.
func TestDashboardNodes(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	database := webhooktest.Postgres(t)
	p := boot(t, database)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/operate/server#token=" + p.token))
	nodes := func(state string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("section[aria-label^=Nodes] tbody tr")].filter((row) => row.innerText.includes(%q)).length`, state)
	}
	page.WaitFor(nodes("Running") + ` === 1 && ` + nodes("serves this page") + ` === 1`)
	page.WaitText("section[aria-label^=Background]", "retention on one node at a time")
	page.WaitText("section[aria-label^=Background]", "Succeeded")
	page.Calm(calmFor)
	before := page.Requests()

	_, kill := start(t, database)
	stopping := boot(t, database)
	page.WaitFor(nodes("Running") + ` === 3 && ` + nodes("serves this page") + ` === 1`)
	stopped := page.Number(nodes("Stopped")) // where the schema was made
	stopping.stop()
	page.WaitFor(nodes("Running") + ` === 2 && ` + nodes("Stopped") + fmt.Sprintf(" === %.0f", stopped+1))
	kill()
	killed := time.Now()
	page.WaitFor(nodes("Running") + ` === 1 && ` + nodes("Lease expired") + ` === 1`)
	t.Logf("the page shows a killed node %v later", time.Since(killed).Round(100*time.Millisecond))
	var is struct {
		Data struct {
			Server struct {
				Nodes []struct {
					State               string
					LastSeenAt, EndedAt time.Time
				}
			}
		}
	}
	c := &client{url: p.url, token: p.token}
	c.rest(t, "POST", "/graphql", `{"query": "{ server { nodes { state lastSeenAt endedAt } } }"}`, &is)
	for _, n := range is.Data.Server.Nodes {
		if after := n.EndedAt.Sub(n.LastSeenAt); n.State == "EXPIRED" && after < 8*time.Second {
			t.Errorf("the lease was taken from it %v after it had renewed it", after)
		}
	}
	if n := page.Requests() - before; n != 0 {
		t.Errorf("the page made %d requests", n)
	}
	looked(page, axe, "server-nodes")
	page.CheckQuiet()
}

// What one node delivers is seen live on pages that another one serves: on the list, on the page of the event and its delivery, on the home
// page, and on the page of the webhook, which is disabled there.
func TestDashboardOtherNode(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	database := webhooktest.Postgres(t)
	p := boot(t, database)
	other := boot(t, database)
	c := &client{url: other.url, token: p.token}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")

	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	c.publish(t, "elsewhere.done")
	page.WaitText(".row:not(.heading)", "elsewhere.done")
	page.WaitText(".row:not(.heading)", "Succeeded")

	click(page, "Events")
	page.WaitText(".row:not(.heading)", "elsewhere.done")
	c.publish(t, "elsewhere.again")
	page.WaitFor(rows + `[0].innerText.includes("elsewhere.again")`)

	click(page, "Home")
	page.WaitText(".numbers", "Delivered 2")
	c.publishMany(t, "elsewhere.many", 3)
	page.WaitText(".numbers", "Published 5")
	page.WaitText(".numbers", "Delivered 5")

	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id))
	page.WaitText("h1", "/hook")
	c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`,
		map[string]any{"id": id, "enabled": false}, &struct{}{})
	page.WaitText("main", "Disabled")
	event := c.publish(t, "elsewhere.held")
	page.Do(chromedp.Navigate(p.url + "/events/" + event))
	page.WaitText("main", "Held")
	c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`,
		map[string]any{"id": id, "enabled": true}, &struct{}{})
	page.WaitText("main", "Succeeded")
	page.CheckQuiet()
}
