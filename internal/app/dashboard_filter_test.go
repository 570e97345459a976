package app

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// While a filter is typed, the page says how many of the newest events match, which term leaves the newest one out, and what is wrong. Its
// numbers are stored as they were typed.
func TestDashboardFilter(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"order.*"}})
	c.publishMany(t, "order.paid", 10) // data.n is 0 to 9
	c.publish(t, "user.created")
	page := browsertest.Open(t, p.url)
	axe := browsertest.Axe(t)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings#token=" + p.token))
	const form = "form[aria-label=Filter]"
	page.WaitText(form, "All of the last 10 events match.")
	typed := func(text string) {
		t.Helper()
		fill(page, "textarea[name=filter]", text)
	}
	typed(`{"data": {"n": {"$lt": 3.0}}}`)
	page.WaitText(form, "3 of the last 10 events match.")
	page.WaitText(form, "Not the newest, order.paid")
	page.WaitText(form, "data.n is 9; the filter asks for $lt 3.0.")
	page.WaitFor(`(document.querySelector("` + form + `").scrollIntoView({ block: "center" }), true)`)
	looked(page, axe, "webhook-filter")
	typed(`{"data": {"n": {"$almost": 3}}}`)
	page.WaitText(form, "data.n.$almost")
	if page.Is(`document.querySelector("` + form + `").innerText.includes("events match")`) {
		t.Error("a filter with an error is said to match")
	}
	typed(`{"data": `)
	click(page, "Save the filter")
	page.WaitText(form, "This is not JSON")
	typed(`{"data": {"n": {"$lt": 3.0}}}`)
	click(page, "Save the filter")
	page.WaitText(form, "The filter is saved.")
	page.Do(chromedp.Reload())
	page.WaitFor(`document.querySelector("textarea[name=filter]")?.value === '{"data":{"n":{"$lt":3.0}}}'`)
	typed(" ")
	page.WaitText(form, "All of the last 10 events match.")
	click(page, "Save the filter")
	page.WaitText(form, "The filter is saved.")
	page.CheckQuiet()
}
