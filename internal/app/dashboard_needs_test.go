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

// In a window of 1280 by 1024 that is zoomed to 400 % the content has more room than the navigation, and nothing but the content scrolls, also
// with the text spacing that people may set (WCAG 1.4.12).
func TestDashboardZoomed(t *testing.T) {
	t.Parallel()
	c, page, hook := failures(t, 2, "/deliveries")
	c.createWebhook(t, map[string]any{"url": "http://127.0.0.1:9/hook", "description": "All that the laboratory has to know of " + strings.Repeat("r", 40)})
	page.Resize(320, 256)
	for _, path := range []string{"/", "/deliveries", "/webhooks", "/webhooks/" + hook, "/webhooks/" + hook + "/settings", "/issues", "/developers/listen", "/operate"} {
		page.Do(chromedp.Navigate(c.url + path))
		page.WaitFor(`document.querySelector("main h1, main h2, main .tabs, main table")`)
		page.Calm(300 * time.Millisecond)
		for _, spacing := range []string{"", "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }"} {
			page.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`((sheet) => { sheet.replaceSync(%q); document.adoptedStyleSheets = [sheet] })(new CSSStyleSheet())`, spacing)))
			if !page.Is(`((page, main) => page.scrollHeight <= 256 && page.scrollWidth <= 320 && main.scrollWidth <= main.clientWidth && main.clientHeight >= 150)(document.documentElement, document.querySelector("main"))`) {
				t.Errorf("%s with %q: the page is %v px high, the content is %v px wide, and shows %v px of its height", path, spacing, page.Number("document.documentElement.scrollHeight"),
					page.Number(`document.querySelector("main").scrollWidth`), page.Number(`document.querySelector("main").clientHeight`))
			}
		}
	}
	page.CheckQuiet()
}

// Where the system chooses the colours, what is current, chosen or told by a colour is still told.
func TestDashboardForcedColors(t *testing.T) {
	t.Parallel()
	_, page, _ := failures(t, 3, "/deliveries")
	listed(page, 3)
	page.Media("", "forced-colors", "active")
	keys(page, "j", "x", "j", "o")
	page.WaitText(".preview", "Given up")
	for what, differs := range map[string]string{
		"the current screen": `of(".bar a[aria-current=page]").backgroundColor !== of(".bar nav a:not([aria-current])").backgroundColor`,
		"the current row":    `of(".row[data-current=true]").outlineStyle === "solid" && of(".row[data-current=false]").outlineStyle === "none"`,
		"a selected row":     `of(".row[aria-selected=true]").borderLeftWidth === "6px" && of(".row[aria-selected=false]:not([data-open=true])").borderLeftWidth === "0px"`,
		"a phase":            `of(".phase-bar span").backgroundColor !== of(".phase-bar").backgroundColor && of(".phase-bar span").backgroundColor === of(".swatch").backgroundColor`,
		"what is chosen":     `of(".choice input:checked + span").backgroundColor !== of(".choice input:not(:checked) + span").backgroundColor`,
	} {
		if !page.Is(`((of) => ` + differs + `)((selector) => getComputedStyle(document.querySelector(selector)))`) {
			t.Errorf("%s is not told", what)
		}
	}
	page.CheckQuiet()
}

// An attempt is printed to its end, in dark ink, without what only a screen needs.
func TestDashboardPrinted(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, strings.Repeat("a line of the answer\n", 300))
	})
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "retryScheduleMs": []int{}})
	c.publish(t, "order.paid")
	c.settle(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	open(page, "order.paid")
	page.WaitText("section[aria-label=response] pre", "a line of the answer")
	page.Media("print", "prefers-color-scheme", "dark")
	page.WaitFor(`document.documentElement.scrollHeight > 5000`)
	page.WaitFor(`[...document.querySelectorAll("main, pre, .screen")].every((e) => e.scrollHeight <= e.clientHeight + 1)`)
	page.WaitFor(`document.querySelectorAll("header, .buttons, .body-tools").values().every((e) => !e.checkVisibility())`)
	page.WaitFor(`getComputedStyle(document.body).color === "rgb(26, 34, 51)"`)
	page.CheckQuiet()
}

// Two sections of a webhook's settings that are saved at once are both saved: the one is no change by someone else to the other.
func TestDashboardSavesTwoSections(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": "https://receiver.example/hook"})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings#token=" + p.token))
	page.WaitFor(`document.querySelector("[name=description]") !== null && document.querySelector("[name=filter]") !== null`)
	fill(page, "input[name=description]", "mine")
	fill(page, "textarea[name=filter]", `{"type": "mine"}`)
	page.WaitFor(`(document.querySelectorAll("form.settings .actions [type=submit], form[aria-label=Filter] .actions [type=submit]").forEach((e) => e.click()), true)`)
	page.WaitText("form[aria-label=Filter]", "The filter is saved.")
	page.WaitText("form.settings", "Saved.")
	if page.Is(`document.querySelector("main").innerText.includes("meanwhile")`) {
		t.Error("what was saved here is told as someone else's change")
	}
	page.Do(chromedp.Reload())
	page.WaitFor(`document.querySelector("[name=description]")?.value === "mine" && document.querySelector("[name=filter]")?.value === '{"type":"mine"}'`)
	page.CheckQuiet()
}
