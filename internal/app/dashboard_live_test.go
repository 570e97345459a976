package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// calmFor is longer than the page waits before it counts again, so that it is a poll if the page makes requests without end.
const calmFor = 8 * time.Second

// rows is a script that returns the visible rows of the list, from the top.
const rows = `[...document.querySelectorAll(".row:not(.heading)")].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)`

// publishMany publishes n events in one call.
func (c *client) publishMany(t *testing.T, eventType string, n int) {
	t.Helper()
	events := make([]any, n)
	for i := range events {
		events[i] = map[string]any{"type": eventType, "data": map[string]any{"n": i}}
	}
	var done struct {
		Results []struct{ Event struct{ ID string } }
	}
	c.mutate(t, `mutation ($input: PublishEventsInput!) { done: publishEvents(input: $input) { results { event { id } } } }`,
		map[string]any{"events": events}, &done)
	if len(done.Results) != n {
		t.Fatalf("published %d, want %d", len(done.Results), n)
	}
}

// A delivery comes into the list without an attempt, leaves its state as soon as its webhook is enabled, and is retried there; what happens to
// a whole webhook has the list fetched again, and nothing else does: the page does not poll.
func TestDashboardDeliveriesWithoutAttempts(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "enabled": false})
	patch := func(field string, value any) {
		t.Helper()
		c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`,
			map[string]any{"id": id, field: value}, &struct{}{})
	}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))

	c.publish(t, "waits.now")
	page.WaitText(".row:not(.heading)", "waits.now")
	page.WaitText(".row:not(.heading)", "Held")

	page.Calm(calmFor)
	before := page.Requests()
	patch("description", "another one")
	page.Calm(calmFor)
	if n := page.Requests() - before; n != 3 {
		t.Errorf("the page made %d requests after a webhook was changed, want the list, its facets and its histogram", n)
	}

	patch("enabled", true)
	page.WaitText(".row:not(.heading)", "Succeeded")
	page.CheckQuiet()
}

// The list updates by itself. Of many deliveries per second it shows some and counts all. While it is scrolled or under the pointer it does not
// move, says so, and adds new deliveries afterwards. While nothing happens the page sends no requests. After a restart of the server it continues,
// says so, and misses nothing.
func TestDashboardLiveList(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	dir := t.TempDir()
	p := boot(t, dir)
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))

	c.publishMany(t, "burst.done", 300)
	page.WaitText(".counters", "300 succeeded")
	page.WaitText(".counters", "a sample: ")
	if n := page.Number(`Number(document.querySelector("[role=grid]").ariaRowCount)`); n > 300 {
		t.Errorf("all of a burst are listed: %.0f", n)
	}
	click(page, "Reload")
	page.WaitFor(`document.querySelector("[role=grid]").ariaRowCount === "101"`) // a page, and the heading

	still := func(how, where string) {
		page.WaitFor(`(window.first = ` + rows + `[0].id, true)`)
		c.publishMany(t, how, 3)
		page.WaitText(".paused", "Paused, 3 new.")
		if !page.Is(rows + `[0].id === window.first`) {
			t.Errorf("%s: the rows moved", how)
		}
		page.Screenshot("deliveries-paused-" + how)
		page.WaitFor(where)
		page.WaitFor(rows + `[0].innerText.includes("` + how + `") && !document.querySelector(".paused")`)
	}
	page.WaitFor(`(document.querySelector(".rows").scrollTo(0, 600), true)`)
	page.WaitFor(rows + `[0].ariaRowIndex > 3`)
	still("scrolled", `(document.querySelector(".paused").click(), true)`)
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 300, 400))
	page.WaitFor(`document.querySelector("[role=rowgroup]:hover")`)
	page.WaitFor(`(window.first = ` + rows + `[0].id, true)`)
	c.publishMany(t, "pointed", 2)
	page.WaitText(".paused", "Paused, 2 new.")
	if !page.Is(rows + `[0].id === window.first`) {
		t.Error("the rows moved under the pointer")
	}
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	page.WaitFor(rows + `[0].innerText.includes("pointed") && !document.querySelector(".paused")`)

	page.Calm(calmFor)

	p.stop()
	page.WaitText(".notice", "The connection was lost")
	boot(t, dir, "--listen", strings.TrimPrefix(p.url, "http://"))
	c.publish(t, "restarted.done")
	page.WaitText(".notice", "goes on where it was")
	page.WaitText(".row:not(.heading)", "restarted.done")
	// Chromium reports what the server did not answer meanwhile.
	page.CheckQuiet("WebSocket", "ERR_CONNECTION_REFUSED")
}

// An answer that comes after the pointer has moves no row under it; the list is fetched again when the pointer has left.
func TestDashboardLateAnswer(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	c.publishMany(t, "before.done", 3)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	page.WaitFor(rows + `.length === 3`)
	page.Calm(calmFor)
	page.Is(`(() => {
		const { promise, resolve } = Promise.withResolvers();
		const send = window.fetch;
		window.answer = resolve;
		window.fetch = async (...request) => {
			const isList = String(request[1]?.body).includes("query Deliveries(");
			if (isList) {
				window.asked = true;
				await promise;
			}
			const answer = await send(...request);
			if (isList) setTimeout(() => { window.answered = true; }, 500); // and shown
			return answer;
		};
		return true;
	})()`)
	c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`,
		map[string]any{"id": id, "description": "another one"}, &struct{}{})
	page.WaitFor(`window.asked`)
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 300, 400))
	page.WaitFor(`document.querySelector("[role=rowgroup]:hover") && (window.first = ` + rows + `[0].id, true)`)
	c.publishMany(t, "after.done", 2)
	page.WaitText(".paused", "Paused, 2 new.")
	page.WaitFor(`(window.answer(), true)`)
	page.WaitFor(`window.answered`)
	if !page.Is(rows + `[0].id === window.first`) {
		t.Error("the rows moved under the pointer")
	}
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	page.WaitFor(rows + `.length === 5 && ` + rows + `[0].innerText.includes("after") && !document.querySelector(".paused")`)
	page.CheckQuiet()
}

// When the token is revoked, the page asks for another one and keeps its state behind the dialog, and after it, also if a
// wrong one was given first.
func TestDashboardTokenEnds(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	token := func(name string) (id, credential string) {
		var done struct {
			Token      struct{ ID string }
			Credential string
		}
		c.mutate(t, `mutation ($input: CreateTokenInput!) { done: createToken(input: $input) { token { id } credential } }`,
			map[string]any{"name": name}, &done)
		return done.Token.ID, done.Credential
	}
	id, credential := token("first")
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries?q=status:failed#token=" + credential))
	page.WaitText("main", "No delivery matches")

	var done struct{ Token struct{ ID string } }
	c.mutate(t, `mutation ($input: RevokeTokenInput!) { done: revokeToken(input: $input) { token { id } } }`, map[string]any{"id": id}, &done)
	page.WaitText("dialog[open]", "Sign in again")
	if !page.Is(`document.querySelector(".chip.on").innerText.includes("status:failed")`) {
		t.Error("the page behind the question is gone")
	}
	page.WaitFor(`(window.kept = document.querySelector("main .filter"), true)`)
	page.Do(chromedp.SendKeys(chromedp.CSS("input[name=token]"), "hg_mistyped"), chromedp.Click(chromedp.CSS("dialog[open] .primary")))
	page.WaitFor(`document.querySelector("dialog[open] input[name=token]")?.value === ""`)
	_, credential = token("second")
	page.Do(chromedp.SendKeys(chromedp.CSS("input[name=token]"), credential), chromedp.Click(chromedp.CSS("dialog[open] .primary")))
	page.WaitFor(`!document.querySelector("dialog[open]") && location.search.includes("failed")`)
	page.WaitFor(`document.querySelector("#settings").textContent.includes("second")`)
	page.WaitText("main", "No delivery matches")
	if !page.Is(`window.kept.isConnected`) {
		t.Error("the page was replaced, and what was typed into it is gone")
	}
	page.CheckQuiet("status of 401", "WebSocket")
}

// hostile are responses that would do harm if they were not shown as text.
var hostile = []string{
	`<img src=x onerror="document.title='harmed'">`,
	`"><script>document.title='harmed'</script>`,
	`javascript:document.title='harmed'`,
	"\u202egnirts desrever\u2066\u2069",
	"\x00\x01\x02\x1b[31mred\x1b[0m\x7f",
	`{"__proto__":{"harmed":true},"constructor":1,"n":12345678901234567890.10}`,
	strings.Repeat("A", 64<<10),
	strings.Repeat("[", 10_000),
	"\xff\xfe not UTF-8",
	"{{7*7}} ${7*7} #{7*7}",
}

// Responses of receivers are shown as text: nothing runs or is loaded, nothing is invisible, and no number changes.
func TestDashboardHostileAnswers(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + `/"><script>document.title='harmed'</script>`, "retryScheduleMs": []int{}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")
	for i, answer := range hostile {
		receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Answer", strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return '?'
				}
				return r
			}, answer[:min(len(answer), 2000)]))
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(answer))
		})
		eventType := fmt.Sprintf("hostile.n%d", i)
		c.publish(t, eventType)
		receiver.Next(t)
		open(page, eventType)
		page.WaitText("h1", eventType)
		page.WaitFor(`document.querySelector("section[aria-label=response] pre")`)
		page.WaitFor(`(document.querySelectorAll("details").forEach((d) => { d.open = true }), true)`)
		if page.Is(`document.title.includes("harmed") || {}.harmed || document.querySelector("main script, main img, main [onerror]")`) {
			t.Errorf("%q is more than text", answer)
		}
		if page.Is(`/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/.test(document.querySelector("main").innerText)`) {
			t.Errorf("%q has what cannot be seen", answer)
		}
		if strings.Contains(answer, "12345678901234567890.10") {
			page.WaitText("section[aria-label=response]", "12345678901234567890.10")
		}
		page.WaitFor(`document.documentElement.scrollWidth <= document.documentElement.clientWidth`)
		page.Do(chromedp.NavigateBack())
		page.WaitText("h1", "Deliveries")
	}
	page.CheckQuiet()
}
