package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// looked takes screenshots of a screen and checks it with axe-core: light, dark, as narrow as a phone, and as wide as a large screen.
func looked(page *browsertest.Page, axe, name string) {
	for _, scheme := range []string{"light", "dark"} {
		page.Scheme(scheme)
		page.CheckAccessible(axe, name+", "+scheme)
	}
	shoot(page, name)
	page.Resize(320, 700)
	page.WaitFor(`document.documentElement.scrollWidth <= 320`)
	page.CheckAccessible(axe, name+", 320 px")
	page.Resize(2560, 1200)
	page.CheckAccessible(axe, name+", 2560 px")
	page.Resize(1280, 800)
}

// click clicks the first button or link that begins with the text, in the dialog if there is one.
func click(page *browsertest.Page, text string) {
	clickIn(page, "", text)
}

// open clicks a link in a row of a list: a filter that the page offers may have the same text.
func open(page *browsertest.Page, text string) {
	clickIn(page, ".row:not(.heading) ", text)
}

// clickIn clicks what begins with the text, in one of the elements that the selector finds.
func clickIn(page *browsertest.Page, within, text string) {
	found := fmt.Sprintf(`[...(document.querySelector("dialog[open]") ?? document).querySelectorAll("%[1]sbutton, %[1]sa, %[1]ssummary, %[1]slabel")].find((e) => e.checkVisibility() && e.innerText.replace(/\s+/g, " ").trim().startsWith(%[2]q))`, within, text)
	page.WaitFor(found + ` !== undefined`)
	page.WaitFor("(" + found + ".click(), true)")
}

// createWebhook registers a webhook over the API.
func (c *client) createWebhook(t *testing.T, input map[string]any) string {
	t.Helper()
	var done struct{ Webhook struct{ ID string } }
	c.mutate(t, `mutation ($input: CreateWebhookInput!) { done: createWebhook(input: $input) { webhook { id } } }`, input, &done)
	return done.Webhook.ID
}

// At the server's address the page asks for a token, shows each delivery in the list while it is attempted, finds the failed one by
// a filter, explains why it failed, retries it and shows it succeed, all by the keyboard; the browser contacts no other host and
// logs no error.
func TestDashboardIncident(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "<script>alert(1)</script>\u202egnp.exe \x00 down")
	})
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	page := browsertest.Open(t, p.url)

	page.Do(chromedp.Navigate(p.url))
	page.WaitText("dialog[open]", "Sign in to Hookgraph")
	looked(page, axe, "sign-in")
	page.Do(
		chromedp.SendKeys(chromedp.CSS("input[name=token]"), "hg_wrong"),
		chromedp.Click(chromedp.CSS("dialog .primary")),
	)
	page.WaitText("dialog[open]", "did not accept the token")
	page.Do(
		chromedp.SendKeys(chromedp.CSS("input[name=token]"), p.token),
		chromedp.Click(chromedp.CSS("dialog[open] .primary")),
	)
	page.WaitText("main", "First steps")
	page.WaitFor(`!location.href.includes("hg_")`)
	click(page, "Deliveries")
	page.WaitText("main", "No delivery matches")
	looked(page, axe, "deliveries-empty")

	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5)) // off the rows, which do not move under the pointer
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "retryScheduleMs": []int{3_600_000}})
	c.publish(t, "order.paid")
	receiver.Next(t)
	page.WaitText(".row:not(.heading)", "order.paid")
	page.WaitText(".row:not(.heading)", "503")
	page.WaitText(".counters", "1 failed")
	looked(page, axe, "deliveries")

	// By the keyboard: filter, move, preview, open.
	narrow(page, "status:pending type:order.*", 1)
	page.Do(chromedp.KeyEvent("j"), chromedp.KeyEvent("o"))
	page.WaitText(".preview", "Failed once. The receiver answered 503 Service Unavailable.")
	looked(page, axe, "preview")
	page.Do(chromedp.Reload()) // an address is a view
	page.WaitText(".preview", "Failed once.")
	listed(page, 1) // a query of its own, without which j has no row
	page.Do(chromedp.KeyEvent("j"), chromedp.KeyEvent("\r"))
	page.WaitText("h1", "order.paid")
	page.WaitText(".explanation", "overloaded or being maintained")
	page.WaitText(".attempt", "<script>alert(1)</script>U+202Egnp.exe U+0000 down") // never HTML, and no invisible characters
	looked(page, axe, "delivery")

	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	page.Do(chromedp.KeyEvent("r"))
	receiver.Next(t)
	page.WaitText(".sentence", "Delivered at attempt 2")
	page.WaitText(".timeline", "retried by hand")
	click(page, "What is different")
	page.WaitText(".difference", "− HTTP 503")
	page.Screenshot("delivery-difference")

	// Chromium reports each 401 on the console.
	page.CheckQuiet("status of 401")
}

// Who tries the server out needs no receiver: by the first steps a webhook to the test receiver is registered, tested, broken, the failure
// explained, mended and retried.
func TestDashboardFirstMinute(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	page := browsertest.Open(t, p.url)
	home := func() { clickIn(page, "nav ", "Home") }
	ticked := func(n int) {
		t.Helper()
		page.WaitFor(fmt.Sprintf(`document.querySelectorAll(".checklist li[data-done=true]").length === %d`, n))
	}
	page.Do(chromedp.Navigate(p.url + "#token=" + p.token))
	page.WaitText("main", "Try it with the test receiver")
	ticked(0)
	looked(page, axe, "first-steps")
	click(page, "Try it with the test receiver")
	ticked(1)
	click(page, "Send a test")
	page.WaitText("h1", "/test-receiver/200")
	click(page, "Send a test")
	page.WaitText("main", "Delivered at the first attempt")
	home()
	ticked(3)
	click(page, "Let the receiver answer 503")
	page.WaitFor(`[...document.querySelectorAll(".checklist button")].find((b) => b.innerText.includes("503")).disabled`)
	click(page, "send a test")
	page.WaitText("h1", "/test-receiver/503")
	click(page, "Send a test")
	page.WaitText("main", "The receiver answered 503")
	home()
	ticked(4)
	looked(page, axe, "first-steps-broken")
	click(page, "Let the receiver answer 200")
	page.WaitFor(`[...document.querySelectorAll(".checklist button")].find((b) => b.innerText.includes("200")).disabled`)
	click(page, "See why it failed")
	page.WaitText(".explanation", "overloaded or being maintained")
	page.WaitText(".attempt", "the test receiver got")
	page.Do(chromedp.KeyEvent("r"))
	page.WaitText(".sentence", "Delivered at attempt 2")
	home()
	ticked(5)
	click(page, "Hide these steps")
	page.WaitFor(`!document.body.innerText.includes("First steps")`)
	page.CheckQuiet()
}

// A new tenant sees the first steps, which are ticked as they are done; afterwards the numbers of the range, whose charts are also tables.
func TestDashboardHome(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "#token=" + p.token))
	page.WaitText("main", "First steps")
	page.WaitText(".numbers", "Published 0")
	looked(page, axe, "home-empty")

	broken := c.createWebhook(t, map[string]any{"url": receiver.URL + "/broken", "events": []string{"order.failed"}, "retryScheduleMs": []int{}})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"order.paid"}})
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	c.publishMany(t, "order.paid", 40)
	c.publishMany(t, "order.failed", 10)
	page.WaitText(".numbers", "Published 50")
	page.WaitText(".numbers", "Delivered 40")
	page.WaitText(".numbers", "succeeded 80.0 %")
	page.WaitFor(`!document.body.innerText.includes("First steps")`)
	page.WaitText("main", "10 of 10 attempts failed")
	click(page, "As a table")
	// In one bucket or in two.
	page.WaitFor(`[1, 2].map((column) => [...document.querySelectorAll("figure table")[0].rows].slice(1)
		.reduce((sum, row) => sum + Number(row.cells[column].innerText), 0)).join() === "40,10"`)
	// A single bucket has no line: its value is a dot that can be seen, and that the chart's edge does not cut.
	page.WaitFor(`[...document.querySelectorAll(".chart path")].every((path) =>
		path.getTotalLength() > 0 || parseFloat(getComputedStyle(path).strokeWidth) >= 8 && getComputedStyle(path.ownerSVGElement).overflow === "visible")`)
	looked(page, axe, "home")

	click(page, receiver.URL+"/broken")
	page.WaitFor(`location.pathname === "/webhooks/` + broken + `"`)
	page.WaitText(".failures", "500 Internal Server Error")
	looked(page, axe, "webhook-failing")
	page.Do(chromedp.NavigateBack())
	page.WaitText("h1", "Home")
	jump(page, "/brok")
	page.WaitFor(`location.pathname === "/webhooks/` + broken + `"`)
	jump(page, receiver.URL)
	page.WaitText(".hits", "/hook")
	looked(page, axe, "jump")
	click(page, "Webhook "+receiver.URL+"/hook")
	page.WaitText("h1", "/hook")
	click(page, "Home")
	click(page, "HTTP_STATUS")
	page.WaitFor(`document.querySelectorAll(".row:not(.heading)").length === 10`)
	page.CheckQuiet()
}

// The page registers a webhook, shows its secret once, sends a test and shows its result, changes settings, rotates the secret, and
// deletes the webhook after a confirmation.
func TestDashboardWebhooks(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	page := browsertest.Open(t, p.url)

	page.Do(chromedp.Navigate(p.url + "/webhooks#token=" + p.token))
	page.WaitText("main", "No webhook is registered yet")
	page.WaitFor(`!location.href.includes("hg_")`)
	click(page, "Register a webhook")
	page.Do(
		chromedp.SendKeys(chromedp.CSS("input[name=url]"), receiver.URL+"/hook"),
		chromedp.SendKeys(chromedp.CSS("textarea[name=events]"), "order.*"),
	)
	looked(page, axe, "register")
	click(page, "Register")
	page.WaitText("dialog[open] .secret", "whsec_")
	looked(page, axe, "secret")
	click(page, "I have kept")
	page.WaitText("h1", "/hook")
	page.WaitFor(`!document.body.innerText.includes("whsec_")`)
	looked(page, axe, "webhook")

	click(page, "Test")
	click(page, "Send a test")
	receiver.Next(t)
	page.WaitText(".test-result .sentence", "Delivered at the first attempt")
	looked(page, axe, "webhook-test")

	click(page, "Settings")
	page.Do(chromedp.SendKeys(chromedp.CSS("input[name=schedule]"), "5 300"))
	page.WaitText(".settings", "5 min 5 s in all")
	looked(page, axe, "webhook-settings")
	click(page, "Save")
	page.WaitText(".settings", "Saved.")

	page.WaitText("form[aria-label=Payload]", "What requests carry")
	choose(page, "format", "TEMPLATE")
	page.Do(chromedp.SendKeys(chromedp.CSS("textarea[name=template]"), `{"n": 1.50, "text": "{{ typ }}"}`))
	looked(page, axe, "webhook-payload")
	click(page, "Save the payload")
	page.WaitText("form[aria-label=Payload]", `text: placeholder 1 begins with "typ"`)
	choose(page, "format", "CLOUDEVENTS")
	click(page, "Save the payload")
	page.WaitText("form[aria-label=Payload]", "The payload is saved.")

	click(page, "Enabled")
	click(page, "Save")
	page.WaitText("dialog[open]", "Disable this webhook? No attempt starts until it is enabled again. Deliveries that wait (0 now) are held")
	looked(page, axe, "webhook-disable")
	click(page, "Keep it enabled")
	page.WaitFor(`document.querySelector("dialog") === null`)
	click(page, "Save")
	click(page, "Disable it")
	page.WaitText(".head .status", "Disabled")
	click(page, "Enabled")
	click(page, "Save")
	page.WaitText(".head .status", "Enabled")

	click(page, "Secrets")
	click(page, "Rotate the secret")
	click(page, "Rotate")
	page.WaitText("dialog[open] .secret", "whsec_")
	click(page, "I have kept")
	page.WaitText(".secrets", "stops signing in")
	looked(page, axe, "webhook-secrets")

	click(page, "Settings")
	click(page, "Delete this webhook")
	page.WaitText("dialog[open]", "Its open deliveries are canceled (0 now)")
	click(page, "Delete it")
	page.WaitText("main", "No webhook is registered yet")
	page.CheckQuiet()
}

// With trusted documents the page works: its own are among them.
func TestDashboardTrustedDocuments(t *testing.T) {
	t.Parallel()
	documents := t.TempDir()
	if err := os.WriteFile(filepath.Join(documents, "viewer.graphql"), []byte("{ viewer { __typename } }"), 0o600); err != nil {
		t.Fatal(err)
	}
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir(), "--trusted-documents", documents)
	c := &client{url: p.url, token: p.token}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")
	c.rest(t, "POST", "/v1/webhooks", `{"url": "`+receiver.URL+`/hook"}`, nil)
	c.rest(t, "POST", "/v1/events", `{"type": "order.paid", "data": 1}`, nil)
	open(page, "order.paid") // the stream added it
	page.WaitText(".sentence", "Delivered at the first attempt")
	page.WaitText(".attempt", "POST "+receiver.URL)
	click(page, "Its event")
	page.WaitText("section[aria-label=data]", "1")
	click(page, "Publish again")
	click(page, "Publish")
	page.WaitText(".went", "1 of 1 delivered")
	click(page, "Webhooks")
	click(page, "Register a webhook")
	page.Do(chromedp.SendKeys(chromedp.CSS("input[name=url]"), receiver.URL+"/other"))
	click(page, "Register")
	page.WaitText("dialog[open] .secret", "whsec_")
	page.CheckQuiet()
}

// The page works below a path that a proxy puts before the server's, on every screen.
func TestDashboardBelowPath(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/hooks", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}))
	t.Cleanup(proxy.Close)
	page := browsertest.Open(t, proxy.URL)
	page.Do(chromedp.Navigate(proxy.URL + "/hooks/webhooks/019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11#token=" + p.token))
	page.WaitText("main", "No webhook has the ID")
	click(page, "Deliveries")
	page.WaitText("main", "No delivery matches")
	page.WaitFor(`location.pathname === "/hooks/deliveries"`)
	page.CheckQuiet()
}

// With a tenant's token of fewer scopes the page shows only what those allow.
func TestDashboardScopes(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	var done struct{ Credential string }
	c.mutate(t, `mutation ($input: CreateTokenInput!) { done: createToken(input: $input) { credential } }`,
		map[string]any{"name": "reader", "scopes": []string{"WEBHOOKS_READ"}}, &done)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks#token=" + done.Credential))
	page.WaitText("main", "No webhook is registered yet")
	if page.Is(`document.body.innerText.includes("Register a webhook")`) || page.Is(`document.querySelector(".bar nav").innerText.includes("Deliveries")`) ||
		page.Is(`document.querySelector(".bar").innerText.includes("Tenant")`) {
		t.Error("a token that may only read webhooks is offered more")
	}
	page.Do(chromedp.Navigate(p.url + "/deliveries"))
	page.WaitText("main", "the token does not have the scope DELIVERIES_READ")
	page.CheckQuiet()
}

// Two windows change the same webhook: what the other one saved is shown, is not overwritten by what was not touched here, and is named where both
// changed the same.
func TestDashboardWebhookChangedMeanwhile(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/old"})
	change := func(input map[string]any) {
		input["id"] = id
		c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`, input, new(struct{}))
	}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings#token=" + p.token))
	page.WaitFor(`document.querySelector("input[name=url]").value.endsWith("/old")`)
	fill(page, "input[name=description]", "mine")
	change(map[string]any{"url": receiver.URL + "/new"})
	page.WaitFor(`document.querySelector("input[name=url]").value.endsWith("/new")`)
	change(map[string]any{"description": "theirs"})
	page.WaitText("form.settings", "Someone changed this meanwhile: description.")
	fill(page, "textarea[name=events]", "a.b, c.d")
	click(page, "Save")
	page.WaitText("form.settings", "Saved.")
	// What was saved here, and is written otherwise when it is read again, is nobody else's change.
	page.WaitFor(`document.querySelector("textarea[name=events]").value === "a.b\nc.d" && !document.querySelector("form.settings").innerText.includes("meanwhile")`)
	page.Do(chromedp.Reload())
	page.WaitFor(`document.querySelector("input[name=url]").value.endsWith("/new") && document.querySelector("input[name=description]").value === "mine"`)
	page.CheckQuiet()
}

// The sections of the settings follow what another window saves, tell what both changed, and save nothing over what they have not read.
func TestDashboardWebhookSectionsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": "https://receiver.example/hook"})
	change := func(input map[string]any) {
		input["id"] = id
		c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`, input, new(struct{}))
	}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings#token=" + p.token))
	has := func(name, value string) {
		t.Helper()
		page.WaitFor(fmt.Sprintf(`document.querySelector("[name=%s]")?.value === %q`, name, value))
	}
	for _, name := range []string{"filter", "includeFields", "authorization"} {
		page.WaitFor(`document.querySelector("[name=` + name + `]") !== null`)
	}
	fill(page, "textarea[name=includeFields]", "mine")
	change(map[string]any{
		"filter":         map[string]any{"type": "theirs"},
		"payload":        map[string]any{"format": "CLOUDEVENTS"},
		"authentication": map[string]any{"basic": map[string]any{"username": "theirs", "password": "a-password"}},
	})
	has("filter", `{"type":"theirs"}`)
	has("format", "CLOUDEVENTS")
	has("includeFields", "mine")
	has("username", "theirs")

	fill(page, "textarea[name=filter]", `{"type": "mine"}`)
	fill(page, "input[name=username]", "mine")
	change(map[string]any{
		"filter":         map[string]any{"type": "again"},
		"payload":        map[string]any{"format": "CLOUDEVENTS", "includeFields": []string{"theirs"}},
		"authentication": map[string]any{"basic": map[string]any{"username": "again", "password": "a-password"}},
	})
	page.WaitText("form[aria-label=Filter]", "Someone changed this meanwhile: filter. Saving replaces it")
	page.WaitText("form[aria-label=Payload]", "Someone changed this meanwhile: parts of the data. Saving replaces it")
	page.WaitText("form[aria-label=Authentication]", "Someone changed this meanwhile: user name. Saving replaces it")

	page.WaitFor(`(document.querySelector("form[aria-label=Filter]").scrollIntoView({ block: "start" }), true)`)
	looked(page, browsertest.Axe(t), "webhook-sections-meanwhile")

	// What is saved before it is read here is not overwritten.
	page.WaitFor(`(() => { const own = window.fetch; window.fetch = async (input, init) => {
		if (String(init?.body).includes("UpdateExactly")) { window.held = true; await new Promise((go) => { window.go = go }); }
		return own(input, init) }; return true })()`)
	click(page, "Save the payload")
	page.WaitFor(`window.held`)
	change(map[string]any{"payload": map[string]any{"format": "STANDARD", "includeFields": []string{"later"}}})
	page.WaitFor(`(window.go(), true)`)
	page.WaitText("form[aria-label=Payload]", "Someone changed the webhook meanwhile, so nothing was saved.")
	has("format", "STANDARD")
	page.WaitFor(`(window.held = false, true)`)
	click(page, "Save the payload")
	page.WaitFor(`window.held && (window.go(), true)`)
	page.WaitText("form[aria-label=Payload]", "The payload is saved.")
	page.WaitFor(`!document.querySelector("form[aria-label=Payload]").innerText.includes("meanwhile")`)
	page.Do(chromedp.Reload())
	has("filter", `{"type":"again"}`)
	has("format", "STANDARD")
	has("includeFields", "mine")
	has("username", "again")
	page.CheckQuiet()
}
