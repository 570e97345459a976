package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// An event type is declared in a form, which explains what is wrong with it. Its page has the schema as a tree, the example as it was typed, how much
// is published, who receives it, and how events broke its schema, as it happens. It is edited, published, and its declaration deleted.
func TestDashboardEventType(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/event-types#token=" + p.token))
	page.WaitText("main", "No event type is declared, and no event was published.")
	looked(page, axe, "event-types-empty")
	declaresByHand(page, axe)
	page.WaitFor(`location.pathname === "/event-types/order.paid"`)
	page.WaitText("h1", "order.paid")
	page.WaitText("main", "<b>Paid</b> in full.")
	page.WaitText("[role=tree]", `"minimum": 0.10`)
	page.WaitText("section[aria-label=example] pre", `"amount": 12345678901234567890.10`)
	page.WaitText("main", "No webhook subscribes to it.")
	page.WaitText(".facts", "Published in 7 days 0 Last published never Webhooks 0 Events that break the schema Delivered, with a warning here")
	looked(page, axe, "event-type-new")

	// What others do comes in without a question of the page.
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL + "/orders", "events": []string{"order.*"}})
	page.WaitText("main table", receiver.URL+"/orders ✓ Enabled order.*")
	c.publish(t, "order.paid")
	page.WaitText(".facts", "Published in 7 days 1")
	page.WaitText("main .alert", "An event broke the schema")
	page.WaitText("main .alert", `must have the member "amount"`)
	page.WaitText(".volume", "published at most 1")
	c.rest(t, "PUT", "/v1/event-types/order.paid", `{"description": "Paid by card.", "schema": {"required": ["amount"]}, "example": {"amount": 1.50}, "validation": "WARN"}`, nil)
	page.WaitText("main", "Paid by card.")
	page.WaitText("section[aria-label=example] pre", `"amount": 1.50`)
	page.Calm(calmFor)
	before := page.Requests()
	page.Calm(calmFor)
	if n := page.Requests() - before; n != 0 {
		t.Errorf("the page made %d requests while nothing happened", n)
	}

	click(page, "Edit…")
	page.WaitText("dialog h2", "Edit order.paid")
	choose(page, "validation", "REJECT")
	click(page, "Deprecated")
	click(page, "Save")
	page.WaitText("main", "Deprecated since")
	page.WaitText(".facts", "Events that break the schema Refused")
	page.Do(chromedp.Reload()) // an address is a view
	page.WaitText(".head", "order.paid Deprecated")
	looked(page, axe, "event-type")
	click(page, "Publish an event…")
	page.WaitFor(`document.querySelector("textarea[name=data]").value === '{"amount":1.50}'`)
	click(page, "Publish")
	page.WaitFor(`location.pathname.startsWith("/events/")`)
	click(page, "Event types")
	page.WaitText("tbody", "order.* 1")
	click(page, "order.paid")
	click(page, receiver.URL+"/orders")
	page.WaitFor(`location.pathname === "/webhooks/` + hook + `"`)
	page.Do(chromedp.NavigateBack())
	click(page, "Delete the declaration…")
	page.WaitText("dialog", "Webhooks receive them as before.")
	looked(page, axe, "event-type-delete")
	click(page, "Delete it")
	page.WaitText("main", "It is not declared: events of it were published")
	page.WaitText("main", "None: data of every form is published.")
	page.Do(chromedp.Navigate(p.url + "/event-types/never.seen"))
	page.WaitText("main", "The event type never.seen is not declared")
	click(page, "Declare it…")
	page.WaitFor(`document.querySelector("dialog input[name=name]").value === "never.seen"`)
	page.CheckQuiet()
}

// declaresByHand declares an event type, after mistakes that the form or the server explain.
func declaresByHand(page *browsertest.Page, axe string) {
	keys(page, "n")
	page.WaitFor(`document.querySelector("dialog[open]")`)
	fill(page, "input[name=name]", "order paid")
	fill(page, "textarea[name=schema]", `{"required": ["amount"], "properties": {"amount": {"type": "number", "minimum": 0.10}}`)
	click(page, "Declare")
	page.WaitText("dialog .wrong", "This is not JSON")
	fill(page, "textarea[name=schema]", `{"required": ["amount"], "properties": {"amount": {"type": "number", "minimum": 0.10}}}`)
	fill(page, "textarea[name=example]", `{"amount": "much"}`)
	click(page, "Declare")
	page.WaitText("dialog .wrong", "must be words of")
	fill(page, "input[name=name]", "order.paid")
	click(page, "Declare")
	page.WaitText("dialog .wrong", "/amount must be of type number")
	looked(page, axe, "event-type-declare")
	fill(page, "textarea[name=example]", `{"amount": 12345678901234567890.10}`)
	fill(page, "textarea[name=description]", "<b>Paid</b> in full.")
	click(page, "Declare")
}

// The list has the types that were published beside the declared ones, by the first word of their names, and is kept current. Its filter is in the
// address, and its rows are reached by the keyboard. Page after page there are all.
func TestDashboardEventTypes(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	for _, name := range []string{"humanization.completed", "humanization.failed", "Single", "order.paid"} {
		c.rest(t, "PUT", "/v1/event-types/"+name, `{"description": "About it.", "schema": true}`, nil)
	}
	c.rest(t, "PUT", "/v1/event-types/humanization.failed", `{"deprecated": true}`, nil)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/event-types#token=" + p.token))
	page.WaitFor(`[...document.querySelectorAll("tr.group")].map((e) => e.innerText.replace(/\s+/g, " ").trim()).join() === "of one word 1,humanization.* 2,order.* 1"`)
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	c.publishMany(t, "order.seen", 3)
	page.WaitText("tbody:last-child", "order.* 2 order.paid")
	page.WaitText("tbody:last-child", "order.seen Not declared 3")
	page.WaitText("tbody:nth-of-type(2)", "humanization.failed Deprecated")
	c.rest(t, "DELETE", "/v1/event-types/Single", "", nil)
	page.WaitFor(`document.querySelectorAll("tr.group").length === 2`)
	looked(page, axe, "event-types")

	keys(page, "/")
	page.WaitFor(`document.activeElement.type === "search"`)
	page.Do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))) // chromedp also types the key that was handled
	page.Type("SEEN")
	page.WaitFor(`location.search === "?name=SEEN" && document.querySelectorAll("tbody tr:not(.group)").length === 1`)
	page.Do(chromedp.Reload())
	page.WaitFor(`document.querySelectorAll("tbody tr:not(.group)").length === 1`)
	keys(page, "j")
	page.WaitFor(`document.activeElement.matches("tbody a") && document.querySelector("tr[data-current=true]")`)
	keys(page, "\r")
	page.WaitFor(`location.pathname === "/event-types/order.seen"`)
	page.Do(chromedp.Navigate(p.url + "/event-types?name=none"))
	page.WaitText(".empty", "No event type has this in its name.")

	openAPI := `{"openapi": "3.1.0", "webhooks": {`
	for i := range 120 {
		if i > 0 {
			openAPI += ","
		}
		openAPI += `"many.n` + string(rune('a'+i/26)) + string(rune('a'+i%26)) + `": {"post": {}}`
	}
	if status := c.rest(t, "PUT", "/v1/event-types/openapi.json", openAPI+"}}", nil); status != http.StatusOK {
		t.Fatal(status)
	}
	page.Do(chromedp.Navigate(p.url + "/event-types?name=many"))
	page.WaitFor(`document.querySelectorAll("tbody tr:not(.group)").length === 100`)
	click(page, "Show more")
	page.WaitFor(`document.querySelectorAll("tbody tr:not(.group)").length === 120 && document.querySelectorAll("tr.group").length === 1`)
	page.WaitText(".foot", "That is all")
	page.CheckQuiet()
}

// An OpenAPI document is imported after the page has shown what that changes and breaks; what is shown is of the document as it is now.
func TestDashboardImportEventTypes(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"order.gone"}})
	c.rest(t, "PUT", "/v1/event-types/order.gone", `{}`, nil)
	c.publish(t, "order.paid")
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/event-types#token=" + p.token))
	click(page, "Import OpenAPI…")
	page.WaitText("dialog h2", "Import event types")
	click(page, "See what changes")
	page.WaitText("dialog .wrong", "Write JSON")
	fill(page, "textarea[name=document]", `{"openapi": "3.0.3", "webhooks": {}}`)
	click(page, "See what changes")
	page.WaitText("dialog .alert", "must be of OpenAPI 3.1 or 3.2")
	const document = `{"openapi": "3.1.0", "webhooks": {"order.paid": {"post": {"requestBody": {"content": {"application/json": {"schema": {"required": ["amount"]}, "example": {"amount": 1.50}}}}}}, "order.sent": {"post": {"summary": "Sent."}}}}`
	fill(page, "textarea[name=document]", document)
	page.WaitFor(`!document.querySelector("dialog .alert")`)
	click(page, "See what changes")
	page.WaitText("dialog", "2 types change, 1 of them breaks something.")
	page.WaitText("dialog tbody", "order.gone Not in the document: stays")
	page.WaitText("dialog tbody", "order.paid Declared one of its newest events breaks the schema")
	page.WaitText("dialog tbody", `must have the member "amount"`)
	page.WaitText("dialog", "Import 2 changes nevertheless")
	looked(page, axe, "event-types-import")
	click(page, "Delete declarations")
	page.WaitFor(`document.querySelector("dialog tbody") === null`)
	click(page, "See what changes")
	page.WaitText("dialog tbody", "order.gone Declaration deleted 1 webhook receives its events")
	if page.Is(`[...document.querySelectorAll("main tbody")].some((e) => !e.closest("dialog") && e.innerText.includes("order.sent"))`) {
		t.Error("what is only tried is stored")
	}
	click(page, "Import 3 changes nevertheless")
	page.WaitFor(`document.querySelector("dialog") === null`)
	page.WaitText("main tbody", "order.sent")
	if page.Is(`document.querySelector("main").innerText.includes("order.gone")`) {
		t.Error("what was deleted is still there")
	}
	click(page, "Import OpenAPI…")
	fill(page, "textarea[name=document]", document)
	click(page, "See what changes")
	page.WaitText("dialog", "Nothing changes; 2 stay as they are.")
	click(page, "Cancel")
	click(page, "order.paid")
	page.WaitText("section[aria-label=example] pre", `"amount": 1.50`)
	page.CheckQuiet()
}

// The page of an event says whether its data fits the schema that its type has now, where it does not, and leads to the type.
func TestDashboardEventSchema(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.publish(t, "order.paid")
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events/" + id + "#token=" + p.token))
	page.WaitText("section[aria-label=data] pre", "{")
	page.Calm(calmFor)
	if page.Is(`document.querySelector("main").innerText.includes("schema")`) {
		t.Error("the page speaks of a schema that is not there")
	}
	c.rest(t, "PUT", "/v1/event-types/order.paid", `{"schema": {"required": ["<b>amount"], "maxProperties": 0}}`, nil)
	page.Do(chromedp.Reload())
	page.WaitText("main .alert", "It does not fit the schema that order.paid has now: data must have the member")
	page.WaitText("main .alert", "<b>amount")
	looked(page, axe, "event-schema")
	c.rest(t, "PUT", "/v1/event-types/order.paid", `{"schema": true}`, nil)
	page.Do(chromedp.Reload())
	page.WaitText("main", "It fits the schema of order.paid.")
	clickIn(page, ".status ", "order.paid")
	page.WaitFor(`location.pathname === "/event-types/order.paid"`)
	page.CheckQuiet()
}

// A webhook is tested with the example of an event type, whatever it subscribes to: any declared type is found by a part of its name, however many there
// are. The page says what is wrong with a type that has none. The event's page says that it is a test.
func TestDashboardTestWithExample(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"other.*"}})
	c.rest(t, "PUT", "/v1/event-types/order.paid", `{"example": {"amount": 1.50}}`, nil)
	c.rest(t, "PUT", "/v1/event-types/order.bare", `{}`, nil)
	c.publish(t, "order.seen")
	for i := range 101 { // more than a page, all before the others
		c.rest(t, "PUT", fmt.Sprintf("/v1/event-types/many.n%d", i), `{}`, nil)
	}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + hook + "/test#token=" + p.token))
	offered := func(is string) {
		page.WaitFor(`((offered) => ` + is + `)([...document.querySelector("input[name=eventType]")?.list.options ?? []].map((o) => o.value).join())`)
	}
	offered(`offered.startsWith("many.n0,")`)
	fill(page, "input[name=eventType]", "ORDER")
	offered(`offered === "order.bare,order.paid"`)
	fill(page, "input[name=eventType]", "order.bare")
	click(page, "Send a test")
	page.WaitText("main .wrong", "has no example")
	fill(page, "input[name=eventType]", "order.paid")
	click(page, "Send a test")
	if body := string(receiver.Next(t).Body); !strings.Contains(body, `"type":"order.paid"`) || !strings.Contains(body, `{"amount":1.50}`) {
		t.Errorf("the receiver got %s", body)
	}
	page.WaitText(".test-result .sentence", "Delivered at the first attempt")
	looked(page, axe, "webhook-test-example")
	click(page, "Its delivery")
	click(page, "Its event")
	page.WaitText(".facts", "A test for one webhook, not counted as published")
	page.CheckQuiet()
}

// With a token that may only read webhooks, the page shows types, says which scope shows how much is published, and does not offer to change them.
// Without a stream it is loaded again on demand.
func TestDashboardEventTypesReader(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.rest(t, "PUT", "/v1/event-types/order.paid", `{"schema": {"type": "object"}}`, nil)
	reader := c.createToken(t, map[string]any{"name": "reader", "scopes": []string{"WEBHOOKS_READ"}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/event-types#token=" + reader.Credential))
	page.WaitText("tbody tr:not(.group)", "order.paid")
	page.WaitText("main", "the token does not have the scope DELIVERIES_READ")
	keys(page, "n")
	if page.Is(`document.querySelector("dialog[open]") || /Declare|Import/.test(document.querySelector("main").innerText)`) {
		t.Error("declaring is offered without its scope")
	}
	c.rest(t, "PUT", "/v1/event-types/order.sent", `{}`, nil)
	click(page, "Reload")
	page.WaitText("tbody", "order.sent")
	click(page, "order.paid")
	page.WaitText("[role=tree]", `"type": "object"`)
	if page.Is(`/Edit|Delete|Publish an event|Its events/.test(document.querySelector("main").innerText)`) {
		t.Error("actions are offered without their scopes")
	}
	page.CheckQuiet()
}
