package app

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// An order is a setting of a webhook. A delivery that waits for another one with its ordering key says so and leads there; retrying that one
// lets it go on, and the page shows that.
func TestDashboardOrdering(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "retryScheduleMs": []int{}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings#token=" + p.token))
	page.WaitText(".settings", "How events are sent")
	choose(page, "ordering", "KEY")
	choose(page, "onFailure", "HOLD")
	looked(page, axe, "webhook-ordering")
	click(page, "Save")
	page.WaitText(".settings", "Saved.")
	if diff := cmp.Diff([]string{"KEY", "HOLD"}, c.order(t, id)); diff != "" {
		t.Fatalf("the order that was saved (-want +got):\n%s", diff)
	}

	const key = "order <1>"
	deliveries := make([]string, 2)
	for i := range deliveries {
		var done struct {
			Event struct {
				Deliveries struct{ Nodes []struct{ ID string } }
			}
		}
		c.mutate(t, `mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) { event { deliveries { nodes { id } } } } }`,
			map[string]any{"type": "order.paid", "data": 1, "orderingKey": key}, &done)
		deliveries[i] = done.Event.Deliveries.Nodes[0].ID
	}
	receiver.Next(t)
	page.Do(chromedp.Navigate(p.url + "/deliveries/" + deliveries[1]))
	page.WaitText(".sentence", "Not attempted yet. It waits for the delivery before it with the ordering key "+key+", which failed: retry or cancel that one, and this one goes on.")
	looked(page, axe, "delivery-blocked")

	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	click(page, "the delivery before it")
	page.WaitText(".sentence", "Given up after one attempt.")
	page.WaitFor(`location.pathname.endsWith("` + deliveries[0] + `")`)
	click(page, "Retry now")
	page.WaitText(".sentence", "Delivered at attempt 2")
	for range deliveries {
		receiver.Next(t)
	}
	page.Do(chromedp.NavigateBack())
	page.WaitText(".sentence", "Delivered at the first attempt")

	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings"))
	choose(page, "ordering", "NONE")
	click(page, "Save")
	page.WaitText(".settings", "Saved.")
	if diff := cmp.Diff([]string{"NONE", "CONTINUE"}, c.order(t, id)); diff != "" {
		t.Errorf("the order that was saved (-want +got):\n%s", diff)
	}
	page.CheckQuiet()
}

// choose chooses an option of a select.
func choose(page *browsertest.Page, name, value string) {
	at := chromedp.CSS("select[name=" + name + "]")
	page.Do(chromedp.WaitVisible(at), chromedp.Focus(at))
	page.WaitFor(fmt.Sprintf(`((e) => { e.selectedIndex = [...e.options].findIndex((o) => o.value === %[2]q); e.dispatchEvent(new Event("change", { bubbles: true })); return true })(document.querySelector("select[name=%[1]s]"))`, name, value))
	page.WaitFor(fmt.Sprintf(`document.querySelector("select[name=%s]").value === %q`, name, value))
}

// order returns the ordering of a webhook, and what follows a failure.
func (c *client) order(t *testing.T, id string) []string {
	t.Helper()
	var got struct {
		Data struct {
			Webhook struct{ Ordering, OnFailure string }
		}
	}
	if status := c.rest(t, "POST", "/graphql", `{"query": "{ webhook(id: \"`+id+`\") { ordering onFailure } }"}`, &got); status != http.StatusOK {
		t.Fatal(status)
	}
	return []string{got.Data.Webhook.Ordering, got.Data.Webhook.OnFailure}
}
