package app

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// focusOn waits until the focus is on a button, a link or a field that begins with the text, or has it as its name.
func focusOn(page *browsertest.Page, text string) {
	page.WaitFor(fmt.Sprintf(`((e) => e !== document.body && (e.ariaLabel || e.name || e.innerText.replace(/\s+/g, " ").trim()).startsWith(%q))(document.activeElement)`, text))
}

// press moves to a button or a link by Tab, and presses Enter.
func press(t *testing.T, page *browsertest.Page, text string) {
	t.Helper()
	tabTo(t, page, text)
	keys(page, "\r")
}

// failures has a webhook with n deliveries that failed, and opens a page at a path.
func failures(t *testing.T, n int, path string) (*client, *browsertest.Page, string) {
	t.Helper()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "retryScheduleMs": []int{}})
	c.publishMany(t, "order.paid", n)
	c.settle(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + path + "#token=" + p.token))
	return c, page, hook
}

// Whoever works by the keyboard goes on where they were: the focus returns to what opened a dialog, however it was closed, and is not lost when
// what has it is removed.
func TestDashboardFocusReturns(t *testing.T) {
	t.Parallel()
	_, page, hook := failures(t, 3, "/deliveries")
	listed(page, 3)
	noDialog := func() { page.WaitFor(`document.querySelector("dialog") === null`) }

	press(t, page, "Go to…")
	page.WaitFor(`document.activeElement.name === "jump"`)
	press(t, page, "Cancel")
	noDialog()
	focusOn(page, "Go to…")
	press(t, page, "Settings and account")
	press(t, page, "Keys")
	page.WaitText("dialog", "Next delivery")
	keys(page, kb.Escape)
	noDialog()
	focusOn(page, "Settings and account")

	// A word of the filter, the bar of what is selected, and the preview are removed by what has the focus.
	press(t, page, "last 24h")
	press(t, page, "Remove since:24h")
	page.WaitFor(`location.search === "" && document.activeElement.matches(".filter *")`)
	keys(page, "\t", "j", "a")
	page.WaitText(".bulk", "3 selected")
	tabTo(t, page, "Cancel…")
	keys(page, "\r")
	page.WaitText("dialog", "Cancel")
	press(t, page, "Keep")
	noDialog()
	focusOn(page, "Cancel…")
	press(t, page, "Select none")
	page.WaitFor(`document.querySelector(".bulk") === null && document.querySelector("main").contains(document.activeElement)`)
	keys(page, "o")
	page.WaitText(".preview", "Given up")
	press(t, page, "Close the preview")
	page.WaitFor(`document.querySelector(".preview") === null && document.activeElement.role === "grid"`)

	// Another screen begins at its content.
	keys(page, "\r")
	page.WaitText("h1", "order.paid")
	page.WaitFor(`document.activeElement.id === "main"`)

	// A button that is disabled while it saves has the focus afterwards.
	jump(page, "/hook")
	page.WaitFor(`location.pathname === "/webhooks/` + hook + `"`)
	noDialog()
	page.WaitText(".tabs", "Settings")
	press(t, page, "Settings")
	page.WaitText(".settings", "Save")
	press(t, page, "Save")
	page.WaitText(".settings", "Saved.")
	focusOn(page, "Save")
	page.CheckQuiet()
}

// A menu closes by Escape, which does nothing else then, and a choice is made by the arrows on a screen with a list, too.
func TestDashboardMenuKeys(t *testing.T) {
	t.Parallel()
	_, page, _ := failures(t, 3, "/deliveries")
	listed(page, 3)
	keys(page, "j", "o", "x")
	page.WaitText(".bulk", "1 selected")
	page.WaitText(".preview", "Given up")
	press(t, page, "Views")
	page.WaitFor(`document.querySelector(":popover-open") !== null`)
	keys(page, "j", kb.Escape)
	page.WaitFor(`document.querySelector(":popover-open") === null`)
	page.WaitText(".bulk", "1 selected")
	page.WaitText(".preview", "Given up")
	focusOn(page, "Views")
	if !page.Is(rows + `[0].dataset.current === "true"`) {
		t.Error("a key that was pressed in a menu moved the list")
	}
	keys(page, kb.Escape)
	page.WaitFor(`document.querySelector(".preview, .bulk") === null`)

	page.Do(chromedp.Evaluate[chromedp.Void](`document.querySelector("[popovertarget=settings]").focus()`))
	keys(page, "\r")
	page.WaitFor(`document.querySelector(":popover-open") !== null`)
	for !page.Is(`document.activeElement.type === "radio" && document.activeElement.closest("fieldset").innerText.includes("UTC")`) {
		keys(page, "\t")
	}
	before := page.Number(`[...document.activeElement.closest("fieldset").querySelectorAll("input")].findIndex((e) => e.checked)`)
	keys(page, kb.ArrowDown)
	page.WaitFor(fmt.Sprintf(`[...document.activeElement.closest("fieldset").querySelectorAll("input")].findIndex((e) => e.checked) !== %v`, before))

	jump(page, "webhooks")
	page.WaitText("h1", "Webhooks")
	page.WaitFor(`document.querySelector("main .choice input:checked") !== null && document.querySelector("dialog") === null`)
	page.Do(chromedp.Evaluate[chromedp.Void](`document.querySelector("main .choice input:checked").focus()`))
	keys(page, kb.ArrowDown)
	page.WaitFor(`location.search === "?state=enabled"`)
	page.CheckQuiet()
}

// The row that the keyboard has moved to is in sight, whichever way it came, and so is a field above the button that saves a long form.
func TestDashboardFocusInSight(t *testing.T) {
	t.Parallel()
	c, page, hook := failures(t, 60, "/deliveries")
	page.WaitText(".counters", "60 failed")
	inSight := func(key string, n int) {
		t.Helper()
		for i := range n {
			keys(page, key)
			page.WaitFor(`document.querySelector(".row[data-current=true]") !== null`)
			page.WaitFor(`((list, row, heading) => row.bottom <= list.bottom + 1 && row.top >= list.top + heading.height - 1)(...[".rows", ".row[data-current=true]", ".row.heading"].map((e) => document.querySelector(e).getBoundingClientRect()))`)
			if t.Failed() {
				t.Fatalf("%s %d", key, i)
			}
		}
	}
	inSight("j", 25)
	inSight("k", 25)

	page.Resize(640, 600)
	page.Do(chromedp.Navigate(c.url + "/webhooks/" + hook + "/settings"))
	page.WaitFor(`document.querySelector("form.settings input[name=url]") !== null`)
	page.Calm(300 * time.Millisecond)
	page.Do(chromedp.Evaluate[chromedp.Void](`document.querySelector("form.settings input[name=url]").focus()`))
	for !page.Is(`document.activeElement.innerText === "Save"`) {
		if !page.Is(`((e, bar, main) => bar.contains(e) || e.getBoundingClientRect().bottom <= bar.getBoundingClientRect().top + 1 && e.getBoundingClientRect().top >= main.getBoundingClientRect().top)(document.activeElement, document.querySelector("form.settings > .actions"), document.querySelector("main"))`) {
			t.Errorf("the focus is hidden at %.0f px", page.Number("document.activeElement.getBoundingClientRect().top"))
		}
		keys(page, "\t")
	}
	page.CheckQuiet()
}
