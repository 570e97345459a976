package app

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Home and the webhook's page show issues as they open, without a reload, with the time at which the webhook will be disabled. Who acknowledges one is
// shown on both, and an issue leaves the pages when an attempt succeeds.
func TestDashboardIssues(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	var works atomic.Bool
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		if !works.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"order.*"}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/#token=" + p.token))
	page.WaitText("h1", "Home")

	for i := range 5 {
		c.publish(t, fmt.Sprint("order.no", i))
	}
	page.WaitText(".issues li", "Attempts fail: the receiver answers 503")
	page.WaitText(".issues li", "/hook")
	page.WaitText(".issues li", "5 failed attempts")
	page.WaitText(".issues li", "the webhook will be disabled in ")
	looked(page, axe, "home-issues")

	click(page, "Acknowledge")
	page.WaitText(".issues li", "Acknowledged")
	clickIn(page, ".issues ", receiver.URL)
	page.WaitText(".issues li", "Acknowledged")
	page.WaitFor(`location.pathname === "/webhooks/` + id + `"`)
	looked(page, axe, "webhook-issues")

	// The pages of a delivery and of an event show the issues of the webhook.
	delivery, _ := c.latest(t)
	page.Do(chromedp.Navigate(p.url + "/deliveries/" + delivery))
	page.WaitText(".issues li", "Acknowledged")
	looked(page, axe, "delivery-issues")
	clickIn(page, ".head ", "Its event")
	page.WaitFor(`location.pathname.startsWith("/events/")`)
	page.WaitText(".issues li", receiver.URL+"/hook")
	looked(page, axe, "event-issues")

	// The list of issues narrows by state, kind and webhook, all of them in the address.
	page.Do(chromedp.Navigate(p.url + "/issues"))
	page.WaitText("main td", "Attempts fail: the receiver answers 503")
	looked(page, axe, "issues")
	clickIn(page, ".choice ", "Given up")
	page.WaitText("main", "No issue matches.")
	looked(page, axe, "issues-none")
	page.Do(chromedp.Navigate(p.url + "/issues?state=acknowledged&kind=WEBHOOK_FAILING"))
	page.WaitText("main td", "Attempts fail")
	click(page, "Only its issues")
	page.WaitFor(`new URLSearchParams(location.search).get("webhook") === "` + id + `"`)
	page.WaitText("main td", "Attempts fail")
	page.Do(chromedp.Navigate(p.url + "/issues"))
	page.WaitText("main td", "Attempts fail")

	works.Store(true)
	c.publish(t, "order.paid")
	page.WaitText("main td:nth-child(3)", "Resolved")
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id))
	page.WaitText("main", "Last attempts")
	page.WaitFor(`document.querySelector(".issues") === null`)
}
