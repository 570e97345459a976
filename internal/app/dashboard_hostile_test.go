package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// hostileStrings are 200 strings that would do harm if they were more than text, or could not be seen.
func hostileStrings() []string {
	seeds := []string{
		`<script>document.title="harmed"</script>`, `<img src=x onerror=document.title="harmed">`, `<svg/onload=document.title="harmed">`,
		`"><b id=harmed>`, `' onfocus=document.title="harmed" autofocus='`, `javascript:document.title="harmed"`, `</title><b id=harmed>`,
		`<style>*{display:none}</style>`, `<iframe src=//evil.example>`, `<base href=//evil.example/>`, `<link rel=stylesheet href=//evil.example>`,
		`<meta http-equiv=refresh content="0;url=//evil.example">`, `<form action=//evil.example>`, `{{constructor.constructor("document.title='harmed'")()}}`,
		`${document.title="harmed"}`, `__proto__`, `constructor`, `[object Object]`, `%3Cscript%3E`, `&lt;script&gt;&#x3c;script&#x3e;`,
	}
	wraps := []string{
		"%s", "\u202e%s", "\u2066%s\u2069", "\u200b%s\u200b", "%s\u00ad", "\ufeff%s", "%s\u200f", "\u061c%s", "%s \u2028 x", "e\u0301\u0301\u0301%s\U000e0041",
	}
	var all []string
	for _, seed := range seeds {
		for _, wrap := range wraps {
			all = append(all, fmt.Sprintf(wrap, seed))
		}
	}
	return all
}

// harmless fails the test if something that was written became more than text on the screen, or cannot be seen.
func harmless(t *testing.T, page *browsertest.Page, where string) {
	t.Helper()
	if page.Is(`document.title.includes("harmed") || document.querySelector("#harmed, main script, main iframe, main img, main style, main base, main link, main form[action]")`) {
		t.Errorf("%s: something written is more than text", where)
	}
	if page.Is(`/[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(document.querySelector("main").innerText)`) {
		t.Errorf("%s: something written cannot be seen", where)
	}
	if page.Is(`document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
		t.Errorf("%s: the page is wider than the window", where)
	}
}

// hostility writes hostile strings into every field that there is, and counts by field which the server accepts.
type hostility struct {
	*client
	receiver *webhooktest.Receiver
	strings  []string
	accepted map[string]int
}

// tell writes a string into a field, in the body of a request.
func (h *hostility) tell(t *testing.T, field, path string, body any) (ok bool) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	status, _, answer := h.answer(t, path, "application/json", string(text))
	if status >= 500 {
		t.Fatalf("%s: %d %s", field, status, answer)
	}
	ok = status/100 == 2 && !strings.Contains(answer, `"userErrors":[{`)
	if ok {
		h.accepted[field]++
	}
	return ok
}

// write writes all of them: what people write about webhooks, tokens and replays, what publishers send, and what the receiver answers.
func (h *hostility) write(t *testing.T) {
	t.Helper()
	h.receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Answer", strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, strings.Join(h.strings[:20], " ")))
		w.WriteHeader(http.StatusBadRequest)
		for _, s := range h.strings {
			fmt.Fprintln(w, s)
		}
	})
	h.createWebhook(t, map[string]any{"url": h.receiver.URL + "/hook", "retryScheduleMs": []int{}})
	hook := func(path string) map[string]any {
		return map[string]any{"url": h.receiver.URL + path, "events": []string{"never.sent"}}
	}
	with := func(input map[string]any, field string, value any) map[string]any {
		input[field] = value
		return input
	}
	for i := 0; i < len(h.strings); i += 4 {
		s := h.strings[i]
		h.tell(t, "description", "/v1/webhooks", with(hook("/quiet"), "description", strings.Join(h.strings[i:i+4], "")))
		h.tell(t, "url", "/v1/webhooks", hook("/"+s))
		h.tell(t, "header", "/v1/webhooks", with(hook("/header"), "headers", []any{map[string]any{"name": "X-Header", "value": s}}))
		h.tell(t, "token", "/graphql", map[string]any{
			"query":     `mutation ($name: String!) { createToken(input: {name: $name, scopes: [EVENTS_PUBLISH]}) { credential userErrors { message } } }`,
			"variables": map[string]any{"name": s},
		})
		h.tell(t, "replay", "/graphql", map[string]any{
			"query":     `mutation ($note: String!) { replayDeliveries(input: {filter: {eventTypes: ["never.sent"]}, note: $note}) { replay { id } userErrors { message } } }`,
			"variables": map[string]any{"note": strings.Join(h.strings[i:i+4], "")},
		})
	}
	h.describeTypes(t)
	for n, tag := range h.strings {
		event := map[string]any{"type": fmt.Sprintf("hostile.n%d", n), "tags": []string{tag}, "data": map[string]any{tag: tag, "all": h.strings}}
		if h.tell(t, "tag", "/v1/events", event) {
			event["idempotency_key"], event["type"] = tag, fmt.Sprintf("keyed.n%d", n)
			h.tell(t, "key", "/v1/events", event)
		}
	}
	h.settle(t)
	for _, field := range []string{"description", "token", "tag", "key"} {
		if h.accepted[field] < 50 {
			t.Errorf("%s accepted only %d", field, h.accepted[field])
		}
	}
	t.Logf("accepted: %v", h.accepted)
}

// describeTypes declares a type with all of them in what people write about it.
func (h *hostility) describeTypes(t *testing.T) {
	t.Helper()
	schema, properties := map[string]any{"description": h.strings[0]}, map[string]any{}
	for _, s := range h.strings {
		properties[s] = map[string]any{"description": s}
	}
	schema["properties"] = properties
	text, err := json.Marshal(map[string]any{"description": strings.Join(h.strings[:60], ""), "schema": schema, "example": h.strings})
	if err != nil {
		t.Fatal(err)
	}
	if status := h.rest(t, "PUT", "/v1/event-types/hostile.described", string(text), nil); status != http.StatusCreated {
		t.Fatal(status)
	}
}

// listedWhole shows older elements of a list, up to 200.
func listedWhole(page *browsertest.Page) {
	const more = `[...document.querySelectorAll("button")].some((b) => b.innerText === "Show older ones" && !b.disabled)`
	for page.Is(more) && page.Is(`document.querySelectorAll("tbody tr").length <= 190 && !document.querySelector(".rows")`) {
		n := page.Number(`document.querySelectorAll("tbody tr").length`)
		click(page, "Show older ones")
		page.WaitFor(fmt.Sprintf(`document.querySelectorAll("tbody tr").length > %f`, n))
	}
}

// 200 hostile strings, in every field that people, publishers and receivers write and the page shows, are text wherever they are shown.
func TestDashboardHostileStrings(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	h := &hostility{client: &client{url: p.url, token: p.token}, receiver: receiver, strings: hostileStrings(), accepted: map[string]int{}}
	if len(h.strings) != 200 {
		t.Fatalf("%d strings", len(h.strings))
	}
	h.write(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks#token=" + p.token))
	for path, ready := range map[string]string{
		"/": ".numbers", "/events": ".row:not(.heading)", "/deliveries": ".row:not(.heading)", "/webhooks": "tbody tr", "/operate": "tbody tr", "/operate/tenants": "tbody tr",
		"/operate/audit": "tbody tr", "/event-types": "tbody tr", "/event-types/hostile.described": "[role=tree]", "/replays": "tbody tr", "/replays/new": ".preview-result", "/replays/new?kind=missing": ".chooser li",
	} {
		page.Do(chromedp.Navigate(p.url + path))
		page.WaitFor(fmt.Sprintf(`document.querySelector(%q)`, ready))
		listedWhole(page)
		harmless(t, page, path)
	}
	page.Do(chromedp.Navigate(p.url + "/replays"))
	page.WaitFor(`(document.querySelector("tbody a").click(), true)`)
	page.WaitText(".facts", "Skipped")
	harmless(t, page, "a replay")
	page.Do(chromedp.Navigate(p.url + "/webhooks?url=/header"))
	page.WaitFor(`(document.querySelector("tbody a").click(), true)`)
	page.WaitText("h1", "/header")
	click(page, "Settings")
	page.WaitFor(`document.querySelector(".header-fields input")`)
	harmless(t, page, "the settings of a webhook")
	harmlessPages(t, page, p.url)
	page.CheckQuiet()
}

// harmlessPages looks at the pages of some deliveries and events, each of which has all strings in its data, its answer, and one in its tags.
func harmlessPages(t *testing.T, page *browsertest.Page, server string) {
	t.Helper()
	for _, n := range []int{199, 190, 185} {
		page.Do(chromedp.Navigate(fmt.Sprintf("%s/deliveries?q=type:hostile.n%d", server, n)))
		page.WaitFor(rows + `.length === 1`)
		page.WaitFor(`(document.querySelector(".row .cell-type a").click(), true)`)
		page.WaitFor(`document.querySelectorAll("section[aria-label=response] pre, section[aria-label=request] pre").length === 2`)
		page.WaitFor(`(document.querySelectorAll("details").forEach((d) => { d.open = true }), true)`)
		harmless(t, page, "a delivery")
		click(page, "Its event")
		page.WaitFor(`document.querySelector("section[aria-label=data] pre")`)
		harmless(t, page, "an event")
		click(page, "Publish again")
		page.WaitFor(`document.querySelector("dialog textarea[name=data]").value.length > 1000`)
		harmless(t, page, "the form to publish")
		click(page, "Cancel")
	}
}

// endOf is the expression for the text that is in sight at the end of a body: what is far out of sight is not laid out.
func endOf(label string) string {
	return fmt.Sprintf(`((pre) => (pre.lastElementChild.scrollIntoView({block: "end"}), pre.innerText))(document.querySelector("section[aria-label=%s] pre"))`, label)
}

// An event of 256 KiB and an answer of 64 KiB, each without a line break, are shown whole, as they are, without holding up the page. The browser's
// search finds what is out of sight, and what is selected and copied is what was sent.
func TestDashboardLargeBodies(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, strings.Repeat("x", 16<<10-3)+"needle"+strings.Repeat("x", 48<<10-6)+"end")
	})
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "retryScheduleMs": []int{}})
	items := make([]string, 0, 9000)
	for size := 0; size < 255<<10; size += len(items[0]) + 1 {
		items = append(items, fmt.Sprintf(`{"n":%07d.10,"a":"\u0041"}`, 1_000_000+len(items)))
	}
	data := `{"items":[` + strings.Join(items, ",") + `]}`
	if len(data) > 256<<10 {
		t.Fatalf("%d bytes", len(data))
	}
	var event struct{ ID string }
	c.rest(t, "POST", "/v1/events", `{"type": "large.made", "data": `+data+`}`, &event)
	receiver.Next(t)
	c.settle(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitFor(`(document.querySelector(".row .cell-type a").click(), true)`)
	page.WaitText("h1", "large.made")
	page.WaitFor(endOf("response") + `.trim().endsWith("xend")`)
	last := fmt.Sprintf("%07d.10", 1_000_000+len(items)-1)
	page.WaitFor(fmt.Sprintf(endOf("request")+`.includes(%q)`, last))
	click(page, "As sent")
	page.WaitFor(fmt.Sprintf(`document.querySelector("section[aria-label=request] pre").textContent.includes(%q)`, items[len(items)-1]))
	harmless(t, page, "a large delivery")
	for label, text := range map[string]string{"response": "xneedlex", "request": last} {
		page.WaitFor(fmt.Sprintf(`((pre) => (pre.scrollTo(0, 0), getSelection().removeAllRanges(), find(%q) && pre.contains(getSelection().anchorNode)))(
			document.querySelector("section[aria-label=%s] pre"))`, text, label))
	}
	page.WaitFor(`((pre) => {
		getSelection().selectAllChildren(pre);
		const copy = new ClipboardEvent("copy", {bubbles: true, cancelable: true, clipboardData: new DataTransfer()});
		pre.dispatchEvent(copy);
		return copy.clipboardData.getData("text/plain") === pre.textContent && pre.children.length > 1 && !pre.textContent.includes("\n");
	})(document.querySelector("section[aria-label=request] pre"))`)
	click(page, "Its event")
	page.WaitFor(fmt.Sprintf(`document.querySelector("section[aria-label=data] pre")?.textContent.includes(%q)`, last))
	harmless(t, page, "a large event")
	page.CheckQuiet()
}

// The body of an event is a tree that the keyboard moves through, opens and closes, with values as they were sent, which are copied with
// their paths; an array of many elements is shown in pages. An event of 1 MB is shown in both forms.
func TestDashboardBodyTree(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir(), "--max-payload", "2MiB")
	c := &client{url: p.url, token: p.token}
	var small, large struct{ ID string }
	c.rest(t, "POST", "/v1/events", `{"type": "tree.small", "data": {"n": 12345678901234567890.10, "a": "\u202E<b>", "a": [{"odd name": 1e2}, []]}}`, &small)
	c.rest(t, "POST", "/v1/events", `{"type": "tree.large", "data": {"items": [`+strings.Repeat("1.0,", 250_000)+`7.70]}}`, &large)
	page := browsertest.Open(t, p.url)
	page.Script(`window.copied = ""; Object.defineProperty(navigator, "clipboard", {value: {writeText: async (text) => { window.copied = text }}})`)
	page.Do(chromedp.Navigate(p.url + "/events/" + small.ID + "#token=" + p.token))
	click(page, "Tree")
	page.WaitText("[role=tree]", `"n": 12345678901234567890.10`)
	page.WaitText("[role=tree]", `"a": "\u202E<b>"`)
	harmless(t, page, "a tree")
	looked(page, axe, "tree")
	page.WaitFor(`(document.querySelector("[role=treeitem]").focus(), true)`)
	focused := func(text string) {
		t.Helper()
		page.WaitFor(fmt.Sprintf(`document.activeElement.role === "treeitem" && document.activeElement.innerText.includes(%q)`, text))
	}
	keys(page, kb.ArrowDown)
	focused(`"n"`)
	keys(page, kb.End)
	focused("1: []")
	keys(page, kb.ArrowUp)
	focused(`"odd name": 1e2`)
	click(page, "Copy value")
	page.WaitFor(`window.copied === "1e2"`)
	click(page, "Copy path")
	page.WaitFor(`window.copied === '$.a[0]["odd name"]'`)
	page.WaitFor(`(document.querySelector("[role=treeitem][tabindex='0']").focus(), true)`)
	keys(page, kb.ArrowLeft, kb.ArrowLeft)
	page.WaitFor(`document.activeElement.ariaExpanded === "false" && !document.querySelector("[role=tree]").innerText.includes("odd name")`)
	keys(page, "\r")
	page.WaitText("[role=tree]", "odd name")

	// The browser reports tasks of 50 ms and more.
	page.Script(`window.longest = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => { window.longest = Math.max(window.longest, e.duration) })).observe({type: "longtask"})`)
	page.Do(chromedp.Navigate(p.url + "/events/" + large.ID))
	page.WaitFor(`document.querySelector("section[aria-label=data] pre .chunk:last-child")?.textContent.includes("\n    7.70")`)
	t.Logf("the longest task of the text: %.0f ms", page.Number("window.longest"))
	page.WaitFor(`(window.longest = 0, true)`)
	click(page, "Tree")
	page.WaitText("[role=tree]", `"items": […] 250,001 elements`)
	page.WaitFor(`(document.querySelectorAll("[role=treeitem]")[1].focus(), true)`)
	keys(page, kb.ArrowRight)
	page.WaitText("[role=tree]", "99: 1.0")
	keys(page, kb.End)
	focused("Show 100 of 249,901 more")
	keys(page, "\r")
	page.WaitText("[role=tree]", "199: 1.0")
	t.Logf("the longest task of the tree: %.0f ms", page.Number("window.longest"))
	page.CheckQuiet()
}

// No screen is wider than a phone or a small window, whatever is written: names of 200 characters without a space have to break.
func TestDashboardLongNames(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	long := strings.Repeat("n", 200)
	eventType := strings.Repeat("t", 100)
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL + "/" + long, "description": long, "retryScheduleMs": []int{}})
	var tenant json.RawMessage
	c.mutate(t, `mutation ($input: CreateTenantInput!) { done: createTenant(input: $input) { tenant { id } userErrors { message } } }`, map[string]any{"name": long[:60]}, &tenant)
	token := c.createToken(t, map[string]any{"name": long[:100], "scopes": []string{"ADMIN", "EVENTS_PUBLISH"}})
	var made struct {
		Event      struct{ ID string }
		UserErrors []struct{ Message string }
	}
	c.mutate(t, `mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) { event { id } userErrors { message } } }`,
		map[string]any{"type": eventType, "tags": []string{long[:60]}, "orderingKey": long[:60], "data": map[string]any{long: long}}, &made)
	(&client{url: p.url, token: token.Credential}).publish(t, eventType)
	c.settle(t)
	var started struct{ Replay struct{ ID string } }
	c.mutate(t, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } userErrors { message } } }`,
		map[string]any{"filter": map[string]any{"eventTypes": []string{eventType}}, "note": long}, &started)
	if made.Event.ID == "" || started.Replay.ID == "" {
		t.Fatalf("%+v %+v %s", made, started, tenant)
	}
	c.settle(t)
	var deliveries struct{ Data []struct{ ID string } }
	c.rest(t, "GET", "/v1/deliveries", "", &deliveries)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/#token=" + p.token))
	page.WaitText("h1", "Home")
	for _, path := range []string{
		"/", "/deliveries", "/deliveries?q=type:" + eventType, "/deliveries/" + deliveries.Data[0].ID, "/events", "/events/" + made.Event.ID, "/webhooks", "/webhooks/" + hook,
		"/webhooks/" + hook + "/settings", "/webhooks/" + hook + "/secrets", "/webhooks/" + hook + "/test", "/event-types", "/issues", "/replays", "/replays/" + started.Replay.ID,
		"/replays/new?q=type:" + eventType, "/replays/new?kind=missing", "/developers", "/operate", "/operate/tenants", "/operate/portal", "/operate/audit", "/operate/audit?of=tenant", "/operate/server",
	} {
		page.Resize(1280, 800)
		page.Do(chromedp.Navigate(p.url + path))
		page.WaitFor(`document.querySelector("main h1, main h2, main .tabs, main table")`)
		page.Calm(300 * time.Millisecond)
		for _, width := range []int64{1280, 390} {
			page.Resize(width, 800)
			if page.Is(`document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
				t.Errorf("%s at %d px is %v px wide", path, width, page.Number("document.documentElement.scrollWidth"))
			}
		}
	}
}
