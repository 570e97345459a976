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

// keys presses keys one after the other. A key that is one of the page's must not be typed into a field.
func keys(page *browsertest.Page, keys ...string) {
	for _, key := range keys {
		page.Do(chromedp.KeyEvent(key))
	}
}

// tabTo presses Tab until the focus is on a button, a link or a field that begins with the text, or has it as its name.
func tabTo(t *testing.T, page *browsertest.Page, text string) {
	t.Helper()
	for range 120 {
		keys(page, "\t")
		if page.Is(fmt.Sprintf(`((e) => (e.ariaLabel ?? e.name ?? "") === %q || e.innerText.replace(/\s+/g, " ").trim().startsWith(%q))(document.activeElement)`, text, text)) {
			return
		}
	}
	t.Fatalf("Tab does not reach %q", text)
}

// jump goes to something, or does something, by Ctrl-K. The dialog of the jump before closes a moment after it has gone there.
func jump(page *browsertest.Page, to string) {
	page.WaitFor(`document.querySelector("dialog") === null`)
	page.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	page.WaitFor(`document.activeElement.name === "jump"`)
	page.Type(to)
	keys(page, "\r")
}

// narrow types a filter of some words over the one before, by the keyboard, and waits for the rows of that filter: until they are there,
// the list shows those of the filter before.
func narrow(page *browsertest.Page, filter string, want int) {
	keys(page, "/")
	page.WaitFor(`document.activeElement.type === "search"`)
	page.Do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))) // chromedp also types the key that was handled
	page.Type(filter)
	keys(page, "\r")
	page.WaitFor(fmt.Sprintf(`document.querySelectorAll(".chip.on").length === %d`, len(strings.Fields(filter))))
	listed(page, want)
	page.Do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
}

// listed waits until the list is loaded and has the wanted number of rows.
func listed(page *browsertest.Page, want int) {
	page.WaitFor(fmt.Sprintf(`document.querySelector("[role=grid]").ariaBusy === "false" && %s.length === %d`, rows, want))
}

// A whole incident without a mouse: sign in, find the webhook that fails, see why, mend its URL, retry, and watch the delivery succeed.
func TestDashboardWithoutMouse(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wrong" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/fine"})
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL + "/wrong", "retryScheduleMs": []int{3_600_000}})
	c.publish(t, "order.paid")
	receiver.Next(t)
	receiver.Next(t)
	page := browsertest.Open(t, p.url)

	page.Do(chromedp.Navigate(p.url))
	page.WaitFor(`document.activeElement.name === "token"`)
	page.Type(p.token)
	keys(page, "\r")
	page.WaitText("h1", "Home")
	page.WaitText("main", "1 of 1 attempts failed")
	tabTo(t, page, receiver.URL+"/wrong")
	keys(page, "\r")
	page.WaitText("h1", "/wrong")
	page.WaitText("main", "The last attempt failed")

	jump(page, "deliveries")
	page.WaitText("h1", "Deliveries")
	narrow(page, "status:pending", 1)
	keys(page, "j", "\r")
	page.WaitText("h1", "order.paid")
	page.WaitText(".explanation", "The path of the URL does not exist on the receiver")
	tabTo(t, page, receiver.URL+"/wrong")
	keys(page, "\r")
	page.WaitFor(`location.pathname === "/webhooks/` + hook + `"`)
	page.WaitText("h1", "/wrong")
	tabTo(t, page, "Settings")
	keys(page, "\r")
	page.WaitText(".settings", "Event types")
	tabTo(t, page, "url")
	page.Do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	page.Type(receiver.URL + "/right")
	keys(page, "\r")
	page.WaitText(".settings", "Saved.")
	page.WaitText("h1", "/right")

	jump(page, "deliveries")
	page.WaitText("h1", "Deliveries")
	narrow(page, "status:pending", 1)
	keys(page, "j", "\r")
	page.WaitText("h1", "order.paid")
	keys(page, "r")
	page.WaitText(".sentence", "Delivered at attempt 2")
	if got := receiver.Next(t); got.Path != "/right" {
		t.Errorf("the retry went to %s", got.Path)
	}
	page.CheckQuiet()
}

// Every key of the lists does what the help says: t changes the range, l the live switch, x and a select, ? shows the keys; Ctrl-K does
// what has a name. A view that was saved is chosen again.
func TestDashboardKeys(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	c.publishMany(t, "order.paid", 3)
	c.publish(t, "user.left")
	c.settle(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	listed(page, 4)
	for _, since := range []string{"since%3A1h", "since%3A24h", "since%3A7d"} {
		keys(page, "t")
		page.WaitFor(fmt.Sprintf(`location.search.includes(%q)`, since))
	}
	keys(page, "t")
	page.WaitFor(`location.search === ""`)
	keys(page, "l")
	page.WaitText(".live", "Not live")
	keys(page, "l")
	page.WaitFor(`document.querySelector(".live").ariaPressed === "true"`)
	listed(page, 4)
	keys(page, "a")
	page.WaitText(".bulk", "4 selected")
	keys(page, "a")
	page.WaitFor(`document.querySelector(".bulk") === null`)
	keys(page, "j", "x")
	page.WaitText(".bulk", "1 selected")
	keys(page, "?")
	for _, does := range []string{"Type a filter", "Next delivery", "Open the delivery", "Select the delivery", "Retry", "Live updates on or off", "Next time range", "Show these keys"} {
		page.WaitText("dialog .keys", does)
	}
	keys(page, "\u001b")
	page.WaitFor(`document.querySelector("dialog") === null`)

	// What the facets count narrows the list, and can be kept under a name.
	page.WaitText(".chips", "succeeded 4")
	page.WaitText(".chips", "order.paid 3")
	click(page, "user.left 1")
	listed(page, 1)
	click(page, "Views")
	fill(page, "input[name=view]", "Those who left")
	page.Do(chromedp.KeyEvent("\r"))
	page.WaitText(".views", "Those who left")
	page.Do(chromedp.Navigate(p.url + "/deliveries"))
	listed(page, 4)
	click(page, "Views")
	click(page, "Those who left")
	page.WaitFor(`location.search.includes("user.left")`)
	listed(page, 1)

	jump(page, "live updates")
	page.WaitText(".live", "Not live")
	jump(page, "home")
	page.WaitText("h1", "Home")
	keys(page, "t")
	page.WaitFor(`location.search === "?range=7d"`)
	page.CheckQuiet()
}
