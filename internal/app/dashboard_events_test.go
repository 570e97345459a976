package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// fill replaces the text in a field of a form, as typing over a selection does.
func fill(page *browsertest.Page, selector, text string) {
	page.WaitFor(fmt.Sprintf(`(document.querySelector(%q).select(), true)`, selector))
	page.Do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// A form publishes an event and explains data that is not JSON. The event's page shows the data as it was written, and its deliveries, or that no
// webhook subscribed to it. The list is filtered by words in the address and used with the keyboard. A delivery, Ctrl-K and the list lead to the
// event, from which it is published again.
func TestDashboardEvents(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events#token=" + p.token))
	page.WaitText("main", "No event was published yet")
	looked(page, axe, "events-empty")
	publishesByHand(t, page, axe, c, receiver)

	// What publishers write is text.
	c.rest(t, "POST", "/v1/events", `{"type": "user.hostile", "tags": ["<img src=x onerror=alert(1)>"], "data": "<script>document.title='harmed'</script> `+"\u202e"+` "}`, nil)

	// By the keyboard: the list, its filter, its preview, its pages.
	click(page, "Events")
	listed(page, 3)
	page.WaitText(".row[aria-rowindex='4']", "no webhook wanted it")
	page.WaitText(".row[aria-rowindex='3']", "order.paid vip, north west 1 of 2 delivered, 1 failed")
	looked(page, axe, "events")
	page.Do(chromedp.KeyEvent("j"), chromedp.KeyEvent("o"))
	page.WaitText(".preview", "<script>document.title='harmed'</script> U+202E")
	page.WaitText(".preview", "<img src=x onerror=alert(1)>")
	if page.Is(`document.title.includes("harmed") || document.querySelector("main script, main img") || document.querySelector("main").innerText.includes("\u202e")`) {
		t.Error("what a publisher wrote is more than text")
	}
	looked(page, axe, "events-preview")
	narrow(page, "type:order.* tag:vip key:order-1 data.a=100 since:1h", 1)
	page.WaitFor(`location.search.includes("order-1")`)
	page.Do(chromedp.Reload()) // an address is a view
	listed(page, 1)
	page.Do(chromedp.KeyEvent("j"), chromedp.KeyEvent("k"), chromedp.KeyEvent("\r"))
	page.WaitText(".facts", "order-1")
	page.WaitText(".went", "Why nowhere "+receiver.URL)
	page.Do(chromedp.NavigateBack())
	listed(page, 1)
	fill(page, "input[type=search]", "status:failed\r")
	page.WaitText(".filter", "“status:failed” is not a filter.")

	jump(page, "order-2")
	page.WaitText(".facts", "order-2")

	// Page after page, to the first one.
	c.publishMany(t, "order.many", 120)
	click(page, "Events")
	click(page, "Show older ones")
	click(page, "Show older ones")
	page.WaitText(".rows .foot", "That is all")
	page.WaitFor(`document.querySelector("[role=grid]").ariaRowCount === "124"`)
	page.CheckQuiet()
}

// publishesByHand publishes an event that no webhook wants, again with its key, and to two webhooks of which one fails.
func publishesByHand(t *testing.T, page *browsertest.Page, axe string, c *client, receiver *webhooktest.Receiver) {
	t.Helper()
	click(page, "Publish an event")
	fill(page, "input[name=type]", "order.paid")
	fill(page, "textarea[name=data]", `{"job": 12345678901234567890.10,}`)
	click(page, "Publish")
	page.WaitText("dialog .wrong", "This is not JSON")
	looked(page, axe, "publish")
	fill(page, "textarea[name=data]", `{"job": 12345678901234567890.10, "a": 1e2, "a": "\u0041<b>\u202E", "exactData": {"n": 1.0}}`)
	fill(page, "textarea[name=tags]", "vip\nnorth west")
	fill(page, "input[name=key]", "order-1")
	click(page, "Publish")
	page.WaitText("h1", "order.paid")
	page.WaitText(".went", "No webhook wanted it when it was published: none subscribed to order.paid with settings that let it through.")
	page.WaitText(".facts", "Idempotency key order-1")
	click(page, "As sent")
	const sent = `{"job":12345678901234567890.10,"a":1e2,"a":"\u0041<b>\u202E","exactData":{"n":1.0}}`
	page.WaitText("section[aria-label=data] pre", sent)
	click(page, "Laid out")
	page.WaitText("section[aria-label=data] pre", `"job": 12345678901234567890.10, "a": 1e2,`)
	looked(page, axe, "event-nowhere")

	// Again with the key and the same content: nothing new. Then to webhooks, of which one fails.
	click(page, "Publish again")
	page.WaitFor(`document.querySelector("textarea[name=tags]").value === "vip\nnorth west" && document.querySelector("input[name=key]").value === ""`)
	fill(page, "input[name=key]", "order-1")
	click(page, "Publish")
	page.WaitText("dialog", "nothing new was published")
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "retryScheduleMs": []int{}})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/broken", "events": []string{"order.*"}, "retryScheduleMs": []int{}})
	fill(page, "input[name=key]", "order-2")
	click(page, "Publish")
	if body := string(receiver.Next(t).Body); !strings.Contains(body, sent) {
		t.Errorf("the receiver got other data than was typed: %s", body)
	}
	page.WaitText(".went", "1 of 2 delivered, 1 failed") // the stream tells
	page.WaitText(".went table", "503")
	looked(page, axe, "event")

	clickIn(page, ".went ", receiver.URL+"/broken") // not the link of the issue above
	page.WaitText(".explanation", "overloaded or being maintained")
	click(page, "Its event")
	page.WaitText(".went", "1 of 2 delivered, 1 failed")
}

// The page of an event says of each webhook that did not get it why: which term of a filter left it out, what it subscribes to, or that it was created
// later; and whether the settings were changed since. What others typed is text.
func TestDashboardEventElsewhere(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/gets"})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/large", "filter": map[string]any{"data": map[string]any{"<b>": "<i>x"}}})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/others", "events": []string{"invoice.*"}})
	event := c.publish(t, "order.paid")
	receiver.Next(t)
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/later"})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events/" + event + "#token=" + p.token))
	page.WaitText(".went", "1 of 1 delivered")
	page.WaitText(".went", "Why not elsewhere "+receiver.URL+"/later Created later. Send it… "+receiver.URL+"/large Its filter leaves it out: data.<b>")
	page.WaitText(".went details summary", "1 webhook does not subscribe to order.paid")
	page.Do(chromedp.Click(".went details summary"))
	page.WaitText(".went details", receiver.URL+`/others Does not subscribe: type is "order.paid"; the webhook subscribes to invoice.*.`)
	looked(page, axe, "event-reasons")
	page.CheckQuiet()
}

// With a token that may only read, the page shows events and does not offer publishing.
func TestDashboardEventsReader(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.publish(t, "order.paid")
	reader := c.createToken(t, map[string]any{"name": "reader", "scopes": []string{"DELIVERIES_READ"}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events#token=" + reader.Credential))
	page.WaitText(".row:not(.heading)", "order.paid no webhook wanted it")
	page.Do(chromedp.KeyEvent("n"))
	if page.Is(`document.querySelector("dialog[open]") || document.body.innerText.includes("Publish an event")`) {
		t.Error("publishing is offered without its scope")
	}
	open(page, "order.paid")
	page.WaitText("h1", "order.paid")
	page.WaitFor(`location.pathname === "/events/` + id + `"`)
	page.WaitText(".went", "none subscribed to order.paid with settings that let it through")
	if page.Is(`document.querySelector("main").innerText.includes("Publish again")`) || page.Is(`document.querySelector("main").innerText.includes("does not have")`) {
		t.Error("publishing again is offered without its scope, or a scope is missed that nothing needs")
	}
	page.CheckQuiet()
}

// With a token that may only publish, the page begins with the form to publish, and says which scope shows the event.
func TestDashboardEventsPublisher(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	publisher := c.createToken(t, map[string]any{"name": "publisher", "scopes": []string{"EVENTS_PUBLISH"}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "#token=" + publisher.Credential))
	page.WaitText(".rows .foot", "The list is not shown")
	page.WaitText("main", "the token does not have the scope DELIVERIES_READ")
	click(page, "Publish an event")
	fill(page, "input[name=type]", "hookgraph.test")
	fill(page, "textarea[name=data]", "null")
	click(page, "Publish")
	page.WaitText("dialog .wrong", "hookgraph.")
	fill(page, "input[name=type]", "order.paid")
	click(page, "Publish")
	page.WaitFor(`location.pathname.length > "/events/".length && document.querySelector("dialog[open]") === null`)
	page.WaitText("main", "the token does not have the scope DELIVERIES_READ")
	page.CheckQuiet()
}

// An event's page says when it is to be delivered and when it expires, and its delivery waits for the former.
func TestDashboardEventTimes(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	at := time.Now().UTC().Truncate(time.Second).Add(24 * time.Hour)
	body := fmt.Sprintf(`{"type": "order.due", "data": 1, "deliver_at": %q, "expires_at": %q}`, at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339))
	var made struct{ ID string }
	if status := c.rest(t, "POST", "/v1/events", body, &made); status != http.StatusAccepted {
		t.Fatal(status)
	}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events/" + made.ID + "#token=" + p.token))
	page.WaitText("main", "Deliver at")
	page.WaitText("main", at.Format("2006-01-02 15:04:05"))
	page.WaitText("main", "Expires")
	page.WaitText("main", at.Add(time.Hour).Format("2006-01-02 15:04:05"))
	page.WaitText("main", "Pending")
	looked(page, browsertest.Axe(t), "event-times")
	page.CheckQuiet()
}
