package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// After an outage someone selects all that failed, also what the list does not show, sees what a replay would send, and starts it slowly. Its
// page shows its progress, which is pushed: pausing stops it, resuming and another speed have it go on to its end. The list of replays, a
// delivery's page and the list of its deliveries lead to it and back.
func TestDashboardReplay(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	var isUp atomic.Bool
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		if !isUp.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "retryScheduleMs": []int{}})
	c.publishMany(t, "order.paid", 130)
	c.settle(t)
	isUp.Store(true)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/replays#token=" + p.token))
	page.WaitText("main", "Nothing was sent again yet")
	looked(page, axe, "replays-empty")
	page.Do(chromedp.Navigate(p.url + "/deliveries?q=status:failed"))
	listed100(page)
	keys(page, "a")
	page.WaitText(".bulk", "100 selected")
	looked(page, axe, "deliveries-all")
	click(page, "All 130 that match: send again")
	page.WaitText(".preview-result", "130 deliveries to 1 webhook.")
	page.WaitFor(`location.pathname === "/replays/new" && location.search.includes("failed")`)
	fill(page, "input[name=rate]", "0")
	page.WaitText(".field .wrong", "Write a number")
	if !page.Is(`document.querySelector("form button.primary").disabled`) {
		t.Error("a replay can be started with a rate that is none")
	}
	fill(page, "input[name=rate]", "1")
	page.WaitText(".preview-result", "over about 2 min 10 s")
	page.Do(chromedp.Reload()) // an address is a view
	page.WaitText(".preview-result", "over about 2 min 10 s")
	fill(page, "input[name=note]", "<b>outage</b>")
	click(page, "last 24h") // another preview, after which the note is still there
	page.WaitFor(`location.search.includes("since") && document.querySelector("input[name=note]")?.value === "<b>outage</b>"`)
	page.Do(chromedp.Click(chromedp.CSS(".chip[aria-label='Remove since:24h']")))
	page.WaitFor(`!location.search.includes("since") && document.querySelector("input[name=note]")?.value === "<b>outage</b>"`)
	looked(page, axe, "replay-new")
	click(page, "Send 130 deliveries again")
	page.WaitText("h1", "Failed deliveries, sent again")
	page.WaitText("main", "<b>outage</b>")
	page.WaitText(".facts", "at most 1 a second")
	page.WaitText(".head .status", "Running")
	page.WaitText(".conditions", "State FAILED See what matches now")
	looked(page, axe, "replay")

	// Its progress is pushed.
	page.Calm(3 * time.Second) // until the screens are loaded
	requests := page.Requests()
	page.WaitFor(`(window.done ??= document.querySelector(".progress").innerText) !== document.querySelector(".progress").innerText`)
	if n := page.Requests() - requests; n != 0 {
		t.Errorf("the page made %d requests while the replay went on", n)
	}
	click(page, "Pause")
	page.WaitText(".head .status", "Paused")
	looked(page, axe, "replay-paused")
	click(page, "Change speed")
	fill(page, "input[name=rate]", "")
	page.WaitFor(`(document.querySelector("input[name=rate]").select(), true)`)
	page.Do(chromedp.KeyEvent("\b"))
	looked(page, axe, "replay-speed")
	click(page, "Change")
	page.WaitText(".facts", "as fast as possible")
	click(page, "Resume")
	page.WaitText(".head .status", "Completed")
	page.WaitText(".progress", "130 of 130")
	page.WaitText(".facts", "Succeeded 130")
	leadsToReplay(page)
	looked(page, axe, "replays")
	page.CheckQuiet()
}

// A replay's page shows in words what it was created for, as it was given, and leads to the list of what matches now.
func TestDashboardReplayConditions(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL + "/" + strings.Repeat("long", 50)})
	c.publishMany(t, "order.paid", 3)
	c.settle(t)
	var made struct {
		Replay     struct{ ID string }
		UserErrors []struct{ Message string }
	}
	c.mutate(t, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } userErrors { message } } }`, map[string]any{
		"kind": "ALL", "ratePerSecond": 1, "filter": map[string]any{
			"webhookIds": []string{hook}, "eventTypes": []string{"order.*", strings.Repeat("t", 100)}, "tags": []string{"two words"},
			"data":      []any{map[string]any{"path": "n", "equals": json.RawMessage("12345678901234567890.10")}},
			"createdAt": map[string]any{"from": "2026-01-01T00:00:00Z"},
		},
	}, &made)
	if made.Replay.ID == "" {
		t.Fatal(made.UserErrors)
	}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/replays/" + made.Replay.ID + "#token=" + p.token))
	page.WaitText(".conditions", "Webhook "+receiver.URL+"/long")
	page.WaitText(".conditions", "Event type order.* ttt")
	page.WaitText(".conditions", "Tag two words Data n = 12345678901234567890.10 Created from 2026-01-01 ")
	page.WaitText(".conditions", "the list has no word for: Tag, Data")
	looked(page, axe, "replay-conditions")
	click(page, "See what matches now")
	page.WaitFor(`location.pathname === "/deliveries" && new URLSearchParams(location.search).get("q").startsWith("webhook:` + hook + ` type:order.* type:t")`)
	page.WaitFor(`document.querySelector("[role=grid]")?.ariaRowCount === "4"`)
	page.Do(chromedp.NavigateBack())
	page.WaitText(".conditions", "Tag two words")
	page.CheckQuiet()
}

// leadsToReplay follows what leads from a replay to its deliveries and back to it.
func leadsToReplay(page *browsertest.Page) {
	click(page, "See its deliveries")
	page.WaitFor(`location.search.includes("replay")`)
	listed100(page)
	page.WaitFor(`(document.querySelector(".row .cell-type a").click(), true)`)
	page.WaitText(".timeline", "replayed")
	click(page, "Its replay")
	page.WaitText(".head .status", "Completed")
	replay := strings.TrimPrefix(page.Path(), "/replays/")
	jump(page, "home")
	page.WaitText("h1", "Home")
	jump(page, replay)
	page.WaitText("h1", "Failed deliveries, sent again")
	click(page, "Replays")
	page.WaitText("tbody tr", "Failed deliveries, sent again <b>outage</b> ✓ Completed 130 of 130")
}

// listed100 waits until the list is loaded and has its first page.
func listed100(page *browsertest.Page) {
	page.WaitFor(`document.querySelector("[role=grid]")?.ariaBusy === "false" && document.querySelector("[role=grid]").ariaRowCount === "101"`)
}

// A replay is canceled after a question that says what the deliveries will be. An event is sent again to one of its webhooks. With a token
// that may only read, replays are shown and none can be started or changed.
func TestDashboardReplayCancel(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/one", "retryScheduleMs": []int{}})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/two", "retryScheduleMs": []int{}})
	c.publishMany(t, "order.many", 100)
	event := c.publish(t, "order.paid")
	for range 202 {
		receiver.Next(t)
	}
	c.settle(t)
	reader := c.createToken(t, map[string]any{"scopes": []string{"DELIVERIES_READ"}})

	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events/" + event + "#token=" + p.token))
	page.WaitText(".went", "2 of 2 delivered")
	page.WaitFor(`document.querySelectorAll(".went a[aria-label^='Send again']").length === 2`)
	page.WaitFor(`(document.querySelector(".went a[aria-label$='/one']").click(), true)`)
	page.WaitText(".preview-result", "1 delivery to 1 webhook.")
	click(page, "Send 1 delivery again")
	if got := receiver.Next(t); got.Path != "/one" {
		t.Errorf("the event was sent again to %s", got.Path)
	}
	page.WaitText(".head .status", "Completed")
	page.WaitText(".facts", "Succeeded 1")

	page.Do(chromedp.Navigate(p.url + "/replays/new?kind=all&rate=1&q=type:order.many"))
	click(page, "Send 200 deliveries again")
	page.WaitText(".head .status", "Running")
	receiver.Next(t)
	click(page, "Cancel")
	page.WaitText("dialog", " deliveries, becomes what it was before")
	looked(page, axe, "replay-cancel")
	click(page, "Keep it")
	page.WaitFor(`document.querySelector("dialog") === null`)
	click(page, "Cancel")
	click(page, "Cancel it")
	page.WaitText(".head .status", "Canceled")
	page.WaitFor(`/Not sent\s+1[0-9][0-9]/.test(document.querySelector(".facts").innerText)`)

	page.Do(chromedp.Navigate(p.url + "/replays#token=" + reader.Credential))
	page.WaitText("tbody tr:nth-child(1)", "Canceled")
	page.WaitText("tbody tr:nth-child(2)", "Completed")
	if page.Is(`document.querySelector("main").innerText.includes("Send again")`) {
		t.Error("a token that may only read is offered a replay")
	}
	page.Do(chromedp.Navigate(p.url + "/replays/new?kind=all&q=type:order.many"))
	page.WaitText("main", "200 deliveries")
	page.WaitText("main", "the scope DELIVERIES_WRITE")
	if page.Is(`document.querySelector("main button.primary")`) {
		t.Error("a token that may only read can start a replay")
	}
	page.CheckQuiet()
}

// A webhook that was registered late gets what it never had: its events are found by the form, which asks which webhook, or from the page of an
// event, which says that the webhook subscribes to it now.
func TestDashboardReplayMissing(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/early"})
	c.publishMany(t, "order.paid", 5)
	event := c.publish(t, "order.paid")
	for range 6 {
		receiver.Next(t)
	}
	c.settle(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/events/" + event + "#token=" + p.token))
	page.WaitText(".went", "1 of 1 delivered")
	if page.Is(`document.querySelector(".went").innerText.includes("Why not elsewhere")`) {
		t.Error("a webhook that has had the event is among those that did not")
	}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/late", "description": "The new one"})
	page.Do(chromedp.Reload())
	page.WaitText(".went", "Why not elsewhere "+receiver.URL+"/late Created later. Send it…")
	looked(page, axe, "event-elsewhere")
	click(page, "Send it…")
	page.WaitText(".preview-result", "1 delivery to 1 webhook.")
	click(page, "Send 1 delivery")
	if got := receiver.Next(t); got.Path != "/late" {
		t.Errorf("the event was sent to %s", got.Path)
	}
	page.WaitText(".head .status", "Completed")

	// By the keyboard, from the list of replays.
	jump(page, "replays")
	page.WaitText("h1", "Replays")
	tabTo(t, page, "Send again…")
	keys(page, "\r")
	page.WaitText("h1", "Send again")
	page.WaitFor(`document.querySelectorAll("main .choice input").length === 4 && (document.querySelector("main .choice input:checked").focus(), true)`)
	page.Do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	page.WaitFor(`location.search.includes("missing")`)
	page.WaitText(".chooser", "/late The new one")
	looked(page, axe, "replay-missing")
	tabTo(t, page, "webhook")
	page.Type("new one")
	page.WaitFor(`document.querySelectorAll(".chooser li").length === 1`)
	tabTo(t, page, receiver.URL+"/late")
	keys(page, "\r")
	page.WaitText(".preview-result", "5 deliveries to 1 webhook.")
	tabTo(t, page, "Send 5 deliveries")
	keys(page, "\r")
	for range 5 {
		if got := receiver.Next(t); got.Path != "/late" {
			t.Errorf("an event was sent to %s", got.Path)
		}
	}
	page.WaitText("h1", "Events that a webhook never had")
	page.WaitText(".facts", "Succeeded 5")
	page.Do(chromedp.NavigateBack())
	page.WaitText(".empty", "The webhook has had every event that matches")
	page.CheckQuiet()
}

// Somebody cancels all that wait, also what the list does not show, after a question that says how many they are. With a token that may only
// read, it is not offered.
func TestDashboardCancelAll(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/held", "enabled": false})
	c.publishMany(t, "order.paid", 130)
	c.publishMany(t, "order.kept", 2)
	reader := c.createToken(t, map[string]any{"scopes": []string{"DELIVERIES_READ"}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries?q=status:held%20type:order.paid#token=" + p.token))
	listed100(page)
	keys(page, "a")
	page.WaitText(".bulk", "All 130 that match: cancel…")
	if page.Is(`document.querySelector(".bulk").innerText.includes("send again")`) {
		t.Error("what waits can be sent again")
	}
	looked(page, axe, "deliveries-all-held")
	click(page, "All 130 that match: cancel")
	page.WaitText("h1", "Cancel deliveries")
	page.WaitText(".preview-result", "130 deliveries to 1 webhook.")
	fill(page, "input[name=note]", "<i>never mind</i>")
	looked(page, axe, "replay-cancel-all")
	click(page, "Cancel 130 deliveries")
	page.WaitText("dialog", "Cancel 130 deliveries? No further attempt starts.")
	click(page, "Keep")
	page.WaitFor(`document.querySelector("dialog") === null`)
	click(page, "Cancel 130 deliveries")
	page.WaitFor(`(document.querySelector("dialog[open] button.danger").click(), true)`)
	page.WaitText("h1", "Waiting deliveries, canceled")
	page.WaitText(".head .status", "Completed")
	page.WaitText(".facts", "Canceled 130")
	page.WaitText("main", "<i>never mind</i>")
	looked(page, axe, "replay-canceled-all")
	page.Do(chromedp.Navigate(p.url + "/deliveries?q=status:held"))
	listed(page, 2)

	page.Do(chromedp.Navigate(p.url + "/replays/new?kind=cancel#token=" + reader.Credential))
	page.WaitText(".preview-result", "2 deliveries to 1 webhook.")
	page.WaitText("main", "the scope DELIVERIES_WRITE")
	if page.Is(`document.querySelector("main form button[type=submit]")`) {
		t.Error("a token that may only read can cancel")
	}

	// A list of all states says how many of them can be sent again, and how many canceled.
	c.publishMany(t, "order.more", 120)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	listed100(page)
	keys(page, "a")
	page.WaitText(".bulk", "All 130 that have ended: send again…")
	page.WaitText(".bulk", "All 122 that wait: cancel…")
	page.CheckQuiet()
}
