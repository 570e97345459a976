package app

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// While a payload is typed, the page shows the request that it makes of a recent event, which can be chosen, and what is wrong beside the field.
// Numbers are those that the receiver gets.
func TestDashboardPayload(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"order.*", "humanization.*"}})
	page := browsertest.Open(t, p.url)
	axe := browsertest.Axe(t)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings#token=" + p.token))
	const form = "form[aria-label=Payload]"
	page.WaitText(form, "No event of these types is stored to show the request for.")
	c.publish(t, "order.paid")
	if status := c.rest(t, "POST", "/v1/events", `{"type": "order.refunded", "data": {"total": 10.50, "note": "<b>\u202egnp.exe"}}`, nil); status != 202 {
		t.Fatal(status)
	}
	c.publish(t, "user.created")
	page.Do(chromedp.Reload())
	page.WaitText(form, `"type": "order.refunded"`)
	page.WaitText(form, `"total": 10.50`)
	page.WaitText(form, "Content type application/json")
	choose := func(name, value string) {
		t.Helper()
		page.Do(chromedp.SetValue(chromedp.CSS("select[name="+name+"]"), value))
		page.WaitFor(`(document.querySelector("select[name=` + name + `]").dispatchEvent(new Event("change", {bubbles: true})), true)`)
	}
	choose("format", "CLOUDEVENTS")
	page.WaitText(form, "Content type application/cloudevents+json")
	choose("format", "TEMPLATE")
	const template = "textarea[name=template]"
	fill(page, template, `{"text": "{{ type }}", "n": "{{ data.total | default 0 }}"}`)
	page.WaitText(form, `"text": "order.refunded"`)
	page.WaitText(form, `"n": 10.50`)
	page.WaitFor(`(document.querySelector("` + form + `").scrollIntoView({ block: "end" }), true)`)
	looked(page, axe, "webhook-payload-preview")
	page.WaitFor(`(() => { const s = document.querySelector("select[name=event]"); s.value = [...s.options].find((o) => o.text.startsWith("order.paid")).value;
		s.dispatchEvent(new Event("change", {bubbles: true})); return s.options.length === 2; })()`)
	page.WaitText(form, `"text": "order.paid"`)
	page.WaitText(form, `"n": 0`)
	fill(page, template, `{"text": "{{ typ }}"}`)
	page.WaitText(form, `text: placeholder 1 begins with "typ"`)
	if page.Is(`document.querySelector("` + form + `").innerText.includes("Content type")`) {
		t.Error("a template with an error is said to make a request")
	}
	looked(page, axe, "webhook-payload-wrong")
	fill(page, "textarea[name=includeFields]", "a b")
	page.WaitText(form, "0: must be names of members of data")
	fill(page, "textarea[name=includeFields]", " ")
	fill(page, template, `{"text": "{{ data }}`)
	click(page, "Save the payload")
	page.WaitText(form, "This is not JSON")
	fill(page, template, `{"text": "{{ data }}"}`)
	click(page, "Save the payload")
	page.WaitText(form, "The payload is saved.")
	page.WaitText(form, `"text": {`)
	page.CheckQuiet()
}
