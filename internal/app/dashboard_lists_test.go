package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A list that cannot be read says what failed, whether trying again helps, and the request ID. It does not claim that nothing matches.
func TestDashboardUnreadableLists(t *testing.T) {
	t.Parallel()
	lists := []struct{ path, name, field, operation string }{
		{"/deliveries", "deliveries", "deliveries", "Deliveries"},
		{"/webhooks", "webhooks", "webhooks", "Webhooks"},
		{"/events", "events", "events", "Events"},
		{"/event-types", "event types", "eventTypes", "EventTypes"},
		{"/replays", "replays", "replays", "Replays"},
		{"/operate", "tokens", "tokens", "Tokens"},
		{"/operate/tenants", "tenants", "tenants", "OperateTenants"},
		{"/operate/audit", "audit log", "auditLog", "AuditLog"},
	}
	p := boot(t, t.TempDir())
	proxy := answerInstead(t, p.url, func(operation, _ string) string {
		for _, list := range lists {
			if operation == list.operation {
				return fmt.Sprintf(`{"data": {%q: null}, "errors": [{"message": "The database is away.", "path": [%q],
					"extensions": {"code": "UNAVAILABLE", "requestId": "request-of-%s"}}]}`, list.field, list.field, list.operation)
			}
		}
		return ""
	})
	page := browsertest.Open(t, proxy)
	for _, list := range lists {
		page.Do(chromedp.Navigate(proxy + list.path + "#token=" + p.token))
		page.WaitText("main .alert", "The "+list.name+" could not be read. The database is away. It may work in a moment. Try again Request request-of-"+list.operation)
		if page.Is(`/No .* (matches|is registered|was published|here)|That is all|Nothing was/.test(document.querySelector("main").innerText)`) {
			t.Errorf("%s claims that nothing is there", list.path)
		}
	}
	page.CheckQuiet()
}

// A search that ends before it found a page of rows says how far it came, and goes on when asked. Only at the end it says that nothing matches.
func TestDashboardSearchGoesOn(t *testing.T) {
	t.Parallel()
	lists := []struct{ path, operation, field, noun, none string }{
		{"/deliveries?q=data.a%3D1", "Deliveries", "deliveries", "deliveries", "No delivery matches."},
		{"/webhooks?url=none", "Webhooks", "webhooks", "webhooks", "No webhook matches."},
		{"/events?q=data.a%3D1", "Events", "events", "events", "No event matches."},
		{"/replays", "Replays", "replays", "replays", "Nothing was sent again yet."},
		{"/operate?state=ended", "Tokens", "tokens", "tokens", "No token matches."},
		{"/operate/tenants?name=none", "OperateTenants", "tenants", "tenants", "No tenant has this in its name."},
		{"/operate/audit?q=action:token_revoked", "AuditLog", "auditLog", "changes", "No change matches."},
	}
	p := boot(t, t.TempDir())
	proxy := answerInstead(t, p.url, func(operation, body string) string {
		for _, list := range lists {
			if operation != list.operation {
				continue
			}
			info := `{"hasNextPage": true, "endCursor": "further", "searchedTo": "2026-04-05T06:07:08Z"}`
			if strings.Contains(body, `"after":"further"`) {
				info = `{"hasNextPage": false, "endCursor": null, "searchedTo": null}`
			}
			return fmt.Sprintf(`{"data": {%q: {"nodes": [], "pageInfo": %s}}}`, list.field, info)
		}
		return ""
	})
	page := browsertest.Open(t, proxy)
	for _, list := range lists {
		page.Do(chromedp.Navigate(proxy + list.path + "#token=" + p.token))
		page.WaitText(".foot", "None of the "+list.noun+" since 2026-04-05 06:07:08")
		page.WaitText(".foot", "matches; older ones were not searched yet. Go on")
		if page.Is(fmt.Sprintf(`document.querySelector("main").innerText.includes(%q)`, list.none)) {
			t.Errorf("%s claims that nothing matches before everything was searched", list.path)
		}
		click(page, "Go on")
		page.WaitText(".empty", list.none)
	}
	page.CheckQuiet()
}

// answerInstead serves a server, and answers GraphQL operations instead of it: answer returns a response; "" leaves it to the server. It returns
// the URL.
func answerInstead(t *testing.T, server string, answer func(operation, body string) string) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		var asked struct{ OperationName string }
		_ = json.Unmarshal(body, &asked)
		if response := answer(asked.OperationName, string(body)); response != "" {
			w.Header().Set("Content-Type", "application/graphql-response+json")
			_, _ = io.WriteString(w, response)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// The list of events is kept current: those that no webhook wants come in, too, and where each went is told as it happens. While it is
// scrolled nothing moves, and it says how many are new; switched off, it asks for nothing.
func TestDashboardLiveEvents(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events#token=" + p.token))
	page.WaitText("main", "No event was published yet")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	c.publish(t, "nobody.wants")
	page.WaitText(".row:not(.heading)", "nobody.wants no webhook wanted it")
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	c.publish(t, "order.paid")
	page.WaitText(".row[aria-rowindex='2']", "order.paid 1 of 1 delivered")

	c.publishMany(t, "order.many", 40)
	page.WaitFor(`document.querySelector("[role=grid]").ariaRowCount === "43"`)
	page.WaitFor(`(document.querySelector(".rows").scrollTo(0, 400), true)`)
	page.WaitFor(rows + `[0].ariaRowIndex > 3`)
	page.WaitFor(`(window.first = ` + rows + `[0].id, true)`)
	c.publishMany(t, "order.unseen", 2)
	page.WaitText(".paused", "Paused, 2 new.")
	if !page.Is(rows + `[0].id === window.first`) {
		t.Error("the rows moved")
	}
	click(page, "Paused")
	page.WaitText(".row[aria-rowindex='2']", "order.unseen 1 of 1 delivered")

	page.Calm(calmFor)
	keys(page, "l")
	page.WaitText(".live", "Not live")
	page.Calm(calmFor) // the last question before
	before := page.Requests()
	c.publish(t, "order.late")
	c.settle(t)
	page.Calm(calmFor)
	if n := page.Requests() - before; n != 0 {
		t.Errorf("switched off, the page made %d requests", n)
	}
	keys(page, "l")
	page.WaitText(".row[aria-rowindex='2']", "order.late")
	page.CheckQuiet()
}

// The list of webhooks is kept current: one that is registered, changed or deleted, and what its attempts come to. Under the pointer no row
// comes or goes. Its rows are reached by the keyboard.
func TestDashboardLiveWebhooks(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks#token=" + p.token))
	page.WaitText("main", "No webhook is registered yet")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	first := c.createWebhook(t, map[string]any{"url": receiver.URL + "/first"})
	page.WaitText("tbody tr", "/first ✓ Enabled all")
	c.publish(t, "order.paid")
	page.WaitText("tbody tr", "100.0 %")

	at := func(side string) float64 {
		return page.Number(`document.querySelector("tbody td").getBoundingClientRect().` + side)
	}
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at("left")+5, at("top")+5))
	page.WaitFor(`document.querySelector("tbody:hover")`)
	second := c.createWebhook(t, map[string]any{"url": receiver.URL + "/second"})
	page.WaitText(".paused", "Paused, 1 new.")
	c.rest(t, "PATCH", "/v1/webhooks/"+first, `{"enabled": false}`, nil)
	page.WaitText("tbody tr", "/first ❚❚ Disabled")
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 1`)
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	page.WaitText("tbody tr:nth-child(1)", "/second")
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 2`)
	c.rest(t, "DELETE", "/v1/webhooks/"+first, "", nil)
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 1`)

	keys(page, "/")
	page.WaitFor(`document.activeElement.type === "search"`)
	page.Do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))) // chromedp also types the key that was handled
	page.Type("sec")
	page.WaitFor(`location.search === "?url=sec" && document.querySelectorAll("tbody tr").length === 1`)
	page.WaitFor(`(document.activeElement.blur(), true)`)
	keys(page, "j")
	page.WaitFor(`document.activeElement.matches("tbody a") && document.querySelector("tr[data-current=true]")`)
	keys(page, "\r")
	page.WaitFor(`location.pathname === "/webhooks/` + second + `"`)
	page.CheckQuiet()
}

// The lists of tenants and of replays are kept current as well.
func TestDashboardLiveNumbers(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/operate/tenants#token=" + p.token))
	page.WaitText("tbody tr", "acting for it 1 of 10,000 – 0 0 0")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	c.publishMany(t, "order.paid", 7)
	page.WaitText("tbody tr", "acting for it 1 of 10,000 – 0 7 7")

	page.Do(chromedp.Navigate(p.url + "/replays"))
	page.WaitText("main", "Nothing was sent again yet")
	c.mutate(t, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } } }`,
		map[string]any{"kind": "ALL", "filter": map[string]any{}, "note": "from elsewhere"}, &struct{}{})
	page.WaitText("tbody tr", "Completed deliveries, sent again from elsewhere ✓ Completed 7 of 7")
	page.CheckQuiet()
}

// The tokens and the audit log are kept current: what is created, revoked or changed elsewhere comes in, and only of the tenants that are shown.
// Nothing moves under the pointer.
func TestDashboardLiveTokens(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	other := c.tenant(t, "acme")
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/operate?of=tenant#token=" + p.token))
	page.WaitFor(`document.querySelectorAll("tbody tr, .empty").length === 1`)
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	made := c.createToken(t, map[string]any{"scopes": []string{"EVENTS_PUBLISH"}})
	page.WaitText("tbody tr:nth-child(1)", "Valid default EVENTS_PUBLISH")
	c.mutate(t, `mutation ($input: RevokeTokenInput!) { done: revokeToken(input: $input) { token { id } } }`, map[string]any{"id": made.Token.ID}, &struct{}{})
	page.WaitText("tbody tr:nth-child(1)", "Revoked")

	page.Calm(calmFor)
	before := page.Requests()
	other.createToken(t, map[string]any{"scopes": []string{"WEBHOOKS_READ"}})
	page.Calm(calmFor)
	if n := page.Requests() - before; n != 0 {
		t.Errorf("the page made %d requests for a change of another tenant", n)
	}
	click(page, "Everybody")
	page.WaitText("tbody tr:nth-child(1)", "Valid acme WEBHOOKS_READ")
	other.createToken(t, map[string]any{"scopes": []string{"DELIVERIES_READ"}})
	page.WaitText("tbody tr:nth-child(1)", "Valid acme DELIVERIES_READ")

	click(page, "Audit log")
	page.WaitText("tbody tr:nth-child(1)", "Token created")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	hook := other.createWebhook(t, map[string]any{"url": "https://example.com/theirs"})
	page.WaitText("tbody tr:nth-child(1)", "Webhook registered Webhook "+hook)
	at := func(side string) float64 {
		return page.Number(`document.querySelector("tbody td").getBoundingClientRect().` + side)
	}
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at("left")+5, at("top")+5))
	page.WaitFor(`document.querySelector("tbody:hover")`)
	other.rest(t, "DELETE", "/v1/webhooks/"+hook, "", nil)
	page.WaitText(".paused", "Paused, 1 new.")
	page.WaitText("tbody tr:nth-child(1)", "Webhook registered")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	page.WaitText("tbody tr:nth-child(1)", "Webhook deleted")
	page.CheckQuiet()
}

// The browser's search finds rows of a list that are out of sight, and where it scrolls to they are rendered. Nobody else sees their text.
func TestDashboardFindInPage(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	c.publish(t, "order.needle")
	c.publishMany(t, "order.many", 45)
	c.settle(t)
	page := browsertest.Open(t, p.url)
	for _, list := range []string{"/deliveries", "/events"} {
		page.Do(chromedp.Navigate(p.url + list + "#token=" + p.token))
		page.WaitFor(`document.querySelector("[role=grid]")?.ariaRowCount === "47" && ` + rows + `.length < 45`)
		page.WaitFor(`!document.querySelector(".rows").innerText.includes("order.needle")`)
		looked(page, axe, "unseen"+strings.ReplaceAll(list, "/", "-"))
		// The page cannot use the browser's search. find searches the same, but does not show what it finds. The filter may have the text, too.
		page.WaitFor(`(() => {
			getSelection().removeAllRanges();
			for (let i = 0; i < 9 && find("order.needle"); i++) {
				window.found = [...document.querySelectorAll("[hidden=until-found]")].find((e) => e.contains(getSelection().anchorNode));
				if (window.found) return window.found.textContent.includes("order.needle");
			}
			return false;
		})()`)
		page.WaitFor(`(window.found.scrollIntoView(), true)`)
		page.WaitText(".row[aria-rowindex='47']", "order.needle")
		page.WaitFor(`![...document.querySelectorAll("[hidden=until-found]")].some((e) => e.textContent.includes("order.needle"))`)
	}
	page.CheckQuiet()
}
