package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A server that is killed and started again, at another port behind the same proxy, costs the page nothing: it says so, keeps what it
// shows, and then has what was delivered before the kill, while it was away, and after.
func TestDashboardServerKilled(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	dir := t.TempDir()
	p, kill := start(t, dir)
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	var target atomic.Pointer[url.URL]
	aim := func(to string) {
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		target.Store(u)
	}
	aim(p.url)
	server := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target.Load())
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy := httptest.NewServer(server)
	t.Cleanup(proxy.Close)
	page := browsertest.Open(t, proxy.URL)
	page.Do(chromedp.Navigate(proxy.URL + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	c.publish(t, "before.kill")
	page.WaitText(".row:not(.heading)", "before.kill")

	kill()
	page.WaitText(".notice", "The connection was lost")
	page.WaitText(".row:not(.heading)", "before.kill")
	again, _ := start(t, dir)
	c.url = again.url
	c.publish(t, "while.away")
	aim(again.url)
	page.WaitText(".notice", "goes on where it was")
	page.WaitText(".row[aria-rowindex='2']", "while.away")
	c.publish(t, "after.kill")
	page.WaitText(".row[aria-rowindex='2']", "after.kill")
	page.WaitFor(rows + `.length === 3`)
	page.CheckQuiet("WebSocket", "status of 502")
}

// After ten minutes of sleep, in which no timer ran, the page connects again, although the old connection looks alive, and goes on where it
// was.
func TestDashboardAsleep(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	page := browsertest.Open(t, p.url)
	// The clock is that of the page's own: it goes on while the page is frozen.
	page.Script(`{ const now = Date.now; window.asleep = 0; Date.now = () => now() + window.asleep; }`)
	page.Do(chromedp.Navigate(p.url + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	c.publish(t, "before.sleep")
	page.WaitText(".row:not(.heading)", "before.sleep")

	page.WaitFor(`(window.asleep = 600_000, true)`)
	thaw := page.Freeze()
	c.publishMany(t, "while.asleep", 5)
	for range 6 {
		receiver.Next(t)
	}
	c.settle(t)
	thaw()
	page.WaitText(".notice", "goes on where it was")
	page.WaitFor(rows + `.length === 6`)
	c.publish(t, "after.sleep")
	page.WaitText(".row[aria-rowindex='2']", "after.sleep")
	page.WaitFor(rows + `.length === 7`)
	page.CheckQuiet("Back-Forward Cache") // where Chromium puts what it freezes
}

// With 10,000 webhooks the screens stay quick and small: a page of the list, the one that is searched for, and the one that is jumped to.
func TestDashboardManyWebhooks(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	const many, at = 10_000, 40
	created := make(chan error, at)
	for i := range at {
		go func() {
			for n := i; n < many; n += at {
				body := fmt.Sprintf(`{"url": "%s/hook/%d", "events": ["order.paid"]}`, receiver.URL, n)
				status, _, text := c.answer(t, "/v1/webhooks", "application/json", body)
				if status != http.StatusCreated {
					created <- fmt.Errorf("%d %s", status, text)
					return
				}
			}
			created <- nil
		}()
	}
	for range at {
		if err := <-created; err != nil {
			t.Fatal(err)
		}
	}
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks#token=" + p.token))
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 50`)
	click(page, "Show older ones")
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 100`)
	fill(page, "input[type=search]", "/hook/7777")
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 1`)
	page.WaitText("tbody tr", "/hook/7777")
	page.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.SendKeys(chromedp.CSS("input[name=jump]"), "/hook/4242\r"))
	page.WaitText("h1", "/hook/4242")
	if n := page.Number(`document.querySelectorAll("*").length`); n > 3000 {
		t.Errorf("the page has %.0f elements", n)
	}
	page.CheckQuiet()
}

// drain takes what a receiver gets, so that it never waits for the test.
func drain(t *testing.T, receiver *webhooktest.Receiver) {
	t.Helper()
	ctx := t.Context()
	go func() {
		for {
			select {
			case <-receiver.Requests:
			case <-ctx.Done():
				return
			}
		}
	}()
}
