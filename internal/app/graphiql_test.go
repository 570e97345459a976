package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The four tabs of GraphiQL register, publish, watch and inspect, against the real program. Attempts appear in the page while they
// are made; the browser contacts no other host and logs no error.
func TestGraphiQL(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "not yet")
	})
	p := boot(t, t.TempDir())
	page := browsertest.Open(t, p.url)
	const response = ".graphiql-response"

	page.Do(chromedp.Navigate(p.url + "/graphiql"))
	page.WaitText("dialog[open]", "Who is calling?")
	page.Do(
		chromedp.SendKeys(chromedp.CSS("input[name=token]"), p.token),
		chromedp.Click(chromedp.CSS("dialog .primary")),
	)
	page.WaitText(".caller", "Token set")

	page.OpenTab(1)
	page.Screenshot("1-register")
	replace(page, `mutation Register { createWebhook(input: { url: "`+receiver.URL+`/hook", events: ["humanization.completed"] }) `+
		`{ webhook { id url } secret userErrors { code message field } } }`)
	execute(page)
	page.WaitText(response, `"secret": "whsec_`)
	page.WaitText(response, receiver.URL+"/hook")
	page.Screenshot("1-registered")

	page.OpenTab(2)
	execute(page)
	page.WaitText(response, `"count": 1`)
	page.Screenshot("2-published")
	receiver.Next(t)

	page.OpenTab(4)
	execute(page)
	page.WaitText(response, `"error": "HTTP_STATUS"`)
	page.WaitText(response, `"body": "not yet"`)
	page.Screenshot("4-inspected")

	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	page.OpenTab(3)
	execute(page)
	// A second window has the token too.
	window := page.NewWindow(chromedp.Click(chromedp.CSS("header nav a")))
	window.WaitText(".caller", "Token set")
	window.OpenTab(2)
	for seen := false; !seen; { // the page shows that it watches slightly before the server does
		window.Front()
		execute(window)
		receiver.Next(t)
		page.Front()
		seen = page.Is(fmt.Sprintf(`document.querySelector(%q).innerText.includes("SUCCEEDED")`, response))
	}
	page.WaitText(response, `"url": "`+receiver.URL+`/hook"`)
	page.Screenshot("3-watching")
	window.Screenshot("3-publishing")
	page.CheckQuiet()
	window.CheckQuiet()
}

// The link "Open in GraphiQL" of each screen opens GraphiQL with the screen's query and variables, which runs there at once with the token
// of the page.
func TestOpenInGraphiQL(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	event := c.publish(t, "order.paid")
	receiver.Next(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitText(".row:not(.heading)", "503")
	page.WaitFor(`(document.querySelector(".row .cell-type a").click(), true)`)
	page.WaitText("h1", "order.paid")
	for _, screen := range []struct{ path, link, operation, result string }{
		{"", "a.soft-link[href*=graphiql]", "Delivery", `"summary": "The receiver answered 503`},
		{"", ".attempt a.soft-link[href*=graphiql]", "Attempt", `"status": 503`},
		{"/", "a.soft-link[href*=graphiql]", "Home", `"totals"`},
		{"/deliveries", "a.soft-link[href*=graphiql]", "Deliveries", `"order.paid"`},
		{"/events", "a.soft-link[href*=graphiql]", "Events", `"order.paid"`},
		{"/events/" + event, "a.soft-link[href*=graphiql]", "Event", `"job_42"`},
		{"/webhooks", "a.soft-link[href*=graphiql]", "Webhooks", receiver.URL},
		{"/webhooks/" + hook, "a.soft-link[href*=graphiql]", "Webhook", receiver.URL},
		{"/replays", "a.soft-link[href*=graphiql]", "Replays", `"nodes"`},
		{"/replays/new", "a.soft-link[href*=graphiql]", "ReplayPreview", `"byWebhook"`},
		{"/operate", "a.soft-link[href*=graphiql]", "Tokens", `"lastUsedAt"`},
		{"/operate/tenants", "a.soft-link[href*=graphiql]", "OperateTenants", `"default"`},
		{"/operate/audit", "a.soft-link[href*=graphiql]", "AuditLog", `"WEBHOOK_CREATED"`},
		{"/operate/server", "a.soft-link[href*=graphiql]", "OperateServer", `"version"`},
	} {
		if screen.path != "" {
			page.Do(chromedp.Navigate(p.url + screen.path))
		}
		page.WaitFor(fmt.Sprintf(`document.querySelector(%q)`, screen.link))
		window := page.NewWindow(chromedp.Click(chromedp.CSS(screen.link)))
		window.WaitText(".caller", "Token set")
		window.Front()
		window.WaitFor(`!document.querySelector("main").inert`)
		window.WaitText(".graphiql-query-editor", "query "+screen.operation)
		execute(window)
		// The editor draws only the lines that can be seen.
		window.WaitFor(fmt.Sprintf(`((text) => JSON.parse(text).data && !JSON.parse(text).errors && text.includes(%q))
			(__MONACO.editor.getModels().find((model) => model.uri.path.endsWith("response.json")).getValue())`, screen.result))
		window.CheckQuiet()
		page.Front()
	}
	page.CheckQuiet()
}

func execute(page *browsertest.Page) {
	page.WaitFor(`document.querySelector(".graphiql-execute-button").ariaLabel.startsWith("Execute")`) // otherwise the button stops the running operation
	page.Do(chromedp.Click(chromedp.CSS(".graphiql-execute-button")))
}

// replace replaces the text in the query editor, as pasting does. The text must be one line, because the editor indents new lines
// and closes brackets.
func replace(page *browsertest.Page, text string) {
	page.Do(
		chromedp.Click(chromedp.CSS(".graphiql-query-editor .view-lines")),
		chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)),
	)
	page.Type(text)
	page.WaitText(".graphiql-query-editor", strings.Fields(text)[1])
}
