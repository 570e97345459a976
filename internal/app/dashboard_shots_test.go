package app

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var shotsIn = flag.String("shots", "", "a directory: TestDashboardShots writes a picture of each screen into it, light, dark, 390 and 320 px wide")

// Each screen, with what a small shop would have on it. With -shots DIR there is a picture of each afterwards.
func TestDashboardShots(t *testing.T) {
	if *shotsIn == "" {
		t.Skip("runs with -shots DIR")
	}
	t.Setenv("BROWSERTEST_SCREENSHOTS", *shotsIn)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	hook := c.shop(t, receiver)
	failed, _ := c.latest(t, webhook.DeliveryFailed)
	event := c.publish(t, "order.paid")
	c.settle(t)
	var replay struct{ Replay struct{ ID string } }
	c.mutate(t, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } } }`,
		map[string]any{"kind": "FAILED", "filter": map[string]any{"eventTypes": []string{"customer.created"}}, "note": "After the outage of the CRM", "ratePerSecond": 1}, &replay)

	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url))
	page.WaitText("dialog[open]", "Sign in to Hookgraph")
	shoot(page, "sign-in")
	page.Do(chromedp.Navigate(p.url + "/#token=" + p.token))
	page.WaitText("main", "attempts failed")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	for _, screen := range []struct{ name, path, ready string }{
		{"home", "/", ".failures li"},
		{"deliveries", "/deliveries?q=status:failed", ".row:not(.heading)"},
		{"preview", "/deliveries?open=" + failed, ".preview pre"},
		{"delivery", "/deliveries/" + failed, ".attempt pre"},
		{"events", "/events", ".row:not(.heading)"},
		{"event", "/events/" + event, ".went tbody tr"},
		{"webhooks", "/webhooks", "tbody tr"},
		{"webhook", "/webhooks/" + hook, ".facts"},
		{"webhook-settings", "/webhooks/" + hook + "/settings", ".settings"},
		{"webhook-secrets", "/webhooks/" + hook + "/secrets", ".secrets li"},
		{"event-types", "/event-types", "tbody tr"},
		{"event-type", "/event-types/order.paid", "[role=tree]"},
		{"replay-new", "/replays/new?q=type:customer.*", ".preview-result"},
		{"replay-missing", "/replays/new?kind=missing", ".chooser li"},
		{"replay-cancel", "/replays/new?kind=cancel", ".empty, .preview-result"},
		{"replay", "/replays/" + replay.Replay.ID, ".facts"},
		{"replays", "/replays", "tbody tr"},
		{"issues", "/issues", "tbody tr"},
		{"developers", "/developers", "form"},
		{"tokens", "/operate", "tbody tr"},
		{"tenants", "/operate/tenants", "tbody tr"},
		{"audit", "/operate/audit", "tbody tr"},
		{"server", "/operate/server", ".facts"},
	} {
		page.Do(chromedp.Navigate(p.url + screen.path))
		page.WaitFor(fmt.Sprintf(`document.querySelector(%q)`, screen.ready))
		shoot(page, screen.name)
	}
	c.shootPortal(t, page, hook, failed)
	page.CheckQuiet()
}

// shootPortal takes the pictures of the customer portal.
func (c *client) shootPortal(t *testing.T, page *browsertest.Page, hook, failed string) {
	t.Helper()
	page.Do(chromedp.Navigate(c.portalLink(t, map[string]any{"theme": map[string]any{"name": "Kallima", "accentColor": "#6d28d9"}}).URL))
	for _, screen := range []struct{ name, path, ready string }{
		{"portal-home", "", ".failures li"},
		{"portal-webhooks", "/webhooks", "tbody tr"},
		{"portal-webhook", "/webhooks/" + hook, ".facts"},
		{"portal-delivery", "/deliveries/" + failed, ".attempt pre"},
		{"portal-developers", "/developers", "form"},
	} {
		if screen.path != "" {
			page.Do(chromedp.Navigate(c.url + "/portal" + screen.path))
		}
		page.WaitFor(fmt.Sprintf(`document.querySelector(%q)`, screen.ready))
		shoot(page, screen.name)
	}
}

// shop has a shop with three webhooks, one of which fails, and returns that.
func (c *client) shop(t *testing.T, receiver *webhooktest.Receiver) (failing string) {
	t.Helper()
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/crm/contacts" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"error": "upstream connect timeout", "retry_after": 30}`)
		}
	})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/fulfilment/orders", "description": "Warehouse", "events": []string{"order.*", "parcel.*"}})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/billing", "description": "Accounting", "events": []string{"order.paid", "invoice.*"}})
	failing = c.createWebhook(t, map[string]any{
		"url": receiver.URL + "/crm/contacts", "description": "Customer database", "events": []string{"customer.*"}, "retryScheduleMs": []int{100, 200},
	})
	for i, eventType := range []string{"order.paid", "parcel.shipped", "order.created", "invoice.sent", "customer.updated", "order.paid", "customer.created"} {
		c.publishMany(t, eventType, 5+3*i)
	}
	c.settle(t)
	for name, body := range map[string]string{
		"order.paid": `{"description": "An order was paid in full.", "validation": "REJECT", "schema": {"type": "object",
			"properties": {"n": {"type": "integer", "minimum": 0}, "currency": {"enum": ["EUR", "USD"]}}}, "example": {"n": 42, "currency": "EUR"}}`,
		"order.created":    `{"description": "A customer has placed an order."}`,
		"customer.created": `{"description": "Somebody has opened an account.", "deprecated": true}`,
		"parcel.shipped":   `{"description": "A parcel was handed to the carrier.", "schema": {"required": ["carrier"]}}`,
	} {
		c.rest(t, "PUT", "/v1/event-types/"+name, body, nil)
	}
	c.publish(t, "parcel.shipped") // breaks the schema
	c.settle(t)
	return failing
}

// shoot takes the pictures of a screen, if somebody wants them.
func shoot(page *browsertest.Page, name string) {
	if os.Getenv("BROWSERTEST_SCREENSHOTS") == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		page.Scheme(scheme)
		page.Screenshot(name + "-" + scheme)
	}
	page.Scheme("light")
	for _, width := range []int64{390, 320} {
		page.Resize(width, 800)
		page.Screenshot(fmt.Sprintf("%s-%d", name, width))
	}
	page.Resize(1280, 800)
}
