package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A server that is killed and started again, at another port behind the same proxy, costs the page nothing: it says so, keeps what it
// shows, and then has what was delivered before the kill, while it was away, and after.
func TestDashboardServerKilled(t *testing.T) {
	t.Parallel()
	c := newKillable(t)
	page := browsertest.Open(t, c.address)
	page.Do(chromedp.Navigate(c.address + "/deliveries#token=" + c.token))
	page.WaitText("main", "No delivery matches")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	c.publish(t, "before.kill")
	page.WaitText(".row:not(.heading)", "before.kill")

	c.kill()
	page.WaitText(".notice", "The connection was lost")
	page.WaitText(".row:not(.heading)", "before.kill")
	c.start(t)
	c.publish(t, "while.away")
	c.aim(c.url)
	page.WaitText(".notice", "goes on where it was")
	page.WaitText(".row[aria-rowindex='2']", "while.away")
	c.publish(t, "after.kill")
	page.WaitText(".row[aria-rowindex='2']", "after.kill")
	page.WaitFor(rows + `.length === 3`)
	page.CheckQuiet("WebSocket", "status of 502")
}

// Screens that are opened while the server is away say so, and show what they are for as soon as it can be reached again; also those that have
// no stream.
func TestDashboardOpenedWhileAway(t *testing.T) {
	t.Parallel()
	c := newKillable(t)
	event := c.publish(t, "order.paid")
	c.receiver.Next(t)
	c.settle(t)
	screens := []struct{ path, failure, shown string }{
		{"/?range=1h", "The numbers could not be read", "Published 1"},
		{"/deliveries", "The histogram could not be read", "order.paid"},
		{"/events/" + event, "The event could not be read", "1 of 1 delivered"},
		{"/replays/new?kind=all", "The preview could not be made", "1 delivery to 1 webhook"},
		{"/operate/server", "The server could not be examined", "Run again"},
	}
	pages := make([]*browsertest.Page, len(screens))
	for i := range screens {
		if i == 0 {
			pages[i] = browsertest.Open(t, c.address)
		} else {
			pages[i] = pages[0].Another()
		}
		pages[i].Do(chromedp.Navigate(c.address + "/event-types#token=" + c.token))
		pages[i].WaitText("main", "order.paid")
	}
	c.kill()
	for i, screen := range screens {
		pages[i].WaitText(".notice", "The connection was lost")
		pages[i].WaitFor(fmt.Sprintf(`(history.pushState(null, "", %q), true)`, screen.path))
		pages[i].WaitText("main", screen.failure)
	}
	c.start(t)
	c.aim(c.url)
	for i, screen := range screens {
		pages[i].WaitText(".notice", "goes on where it was")
		pages[i].WaitText("main", screen.shown)
		pages[i].WaitFor(`!document.querySelector("main").innerText.includes("could not be")`)
	}
}

// killable is a client of a server that has a webhook. The server is behind a proxy, and can be killed and started again, at another port.
type killable struct {
	*client

	receiver *webhooktest.Receiver
	address  string          // of the proxy
	aim      func(to string) // aims the proxy at another server
	dir      string
	kill     func()
}

func newKillable(t *testing.T) *killable {
	t.Helper()
	k := &killable{client: &client{}, receiver: webhooktest.NewReceiver(t), dir: t.TempDir()}
	k.token = k.start(t).token // which only the first start prints
	k.createWebhook(t, map[string]any{"url": k.receiver.URL + "/hook"})
	k.address, k.aim = behindProxy(t, k.url)
	return k
}

// start starts the server. The client calls it from then on, and the proxy once it is aimed at it.
func (k *killable) start(t *testing.T) (p *program) {
	t.Helper()
	p, k.kill = start(t, k.dir)
	k.url = p.url
	return p
}

// behindProxy returns the address of a proxy before the server, and a function that aims it at another one. Without a server the proxy answers 502.
func behindProxy(t *testing.T, server string) (address string, aim func(to string)) {
	t.Helper()
	var target atomic.Pointer[url.URL]
	aim = func(to string) {
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		target.Store(u)
	}
	aim(server)
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target.Load())
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	t.Cleanup(proxy.Close)
	return proxy.URL, aim
}

// relay passes TCP connections on to a server. Those that are open when it is cut stay open, but nothing comes through any more in either
// direction: neither side can tell, as with a network that a machine has left.
type relay struct {
	url string

	mu   sync.Mutex
	cuts chan struct{} // closed when the connections so far are cut
}

func newRelay(t *testing.T, server string) *relay {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{url: "http://" + listener.Addr().String(), cuts: make(chan struct{})}
	var conns sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		r.cut()
		conns.Wait()
	})
	conns.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			cut := r.cuts
			r.mu.Unlock()
			conns.Go(func() { pass(t, near, strings.TrimPrefix(server, "http://"), cut) })
		}
	})
	return r
}

// pass passes what comes through near on to the server and back, until one side ends or cut is closed. Then near stays open until the test
// ends.
func pass(t *testing.T, near net.Conn, server string, cut <-chan struct{}) {
	t.Helper()
	far, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server)
	if err != nil {
		_ = near.Close()
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(way[1], way[0])
			ended <- struct{}{}
		}()
	}
	select {
	case <-ended:
		_ = near.Close()
	case <-cut:
		t.Cleanup(func() { _ = near.Close() })
	}
	_ = far.Close()
}

// cut has nothing come through the connections that are open.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.cuts)
	r.cuts = make(chan struct{})
}

// After ten minutes of sleep, in which no timer ran, the page connects again and goes on where it was.
func TestDashboardAsleep(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	page := browsertest.Open(t, p.url)
	page.Script(movedClock)
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

// movedClock lets a test move the page's clock on, which goes on while the page is frozen.
const movedClock = `{ const now = Date.now; window.asleep = 0; Date.now = () => now() + window.asleep; }`

// A connection that looks alive, but over which nothing comes any more, is noticed: at once after a sleep, which the jump of the clock tells,
// and while the page is awake, because the server does not answer. The page connects again, says so, and goes on where it was.
func TestDashboardSilentConnection(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	network := newRelay(t, p.url)
	page := browsertest.Open(t, network.url)
	page.Script(movedClock)
	page.Do(chromedp.Navigate(network.url + "/deliveries#token=" + p.token))
	page.WaitText("main", "No delivery matches")
	page.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 5, 5))
	for i, silence := range []struct{ name, jump string }{
		{"asleep", `(window.asleep += 600_000, true)`},
		{"awake", `true`},
	} {
		c.publish(t, "before."+silence.name)
		page.WaitText(".row[aria-rowindex='2']", "before."+silence.name)
		page.WaitFor(`document.querySelector(".notice").hidden || !document.querySelector(".notice").innerText.includes("was lost")`)
		network.cut()
		page.WaitFor(silence.jump)
		c.publish(t, "while."+silence.name)
		page.WaitText(".notice", "The connection was lost")
		page.WaitText(".notice", "goes on where it was")
		page.WaitText(".row[aria-rowindex='2']", "while."+silence.name)
		page.WaitFor(fmt.Sprintf(`%s.length === %d`, rows, 2*(i+1)))
	}
	page.CheckQuiet()
}

// With 10,000 webhooks the screens stay quick and small: a page of the list, the one that is searched for, the one that is jumped to, and an
// event that goes to all of them, while it does.
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
	// On a slow machine the search ends before it has seen all of them.
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 1 ||
		([...document.querySelectorAll("main button")].find((button) => /^(Show older ones|Go on)$/.test(button.innerText) && !button.disabled)?.click(), false)`)
	page.WaitText("tbody tr", "/hook/7777")
	jump(page, "/hook/9999") // one of the newest: on a slow machine a jump looks at no others
	page.WaitText("h1", "/hook/9999")
	event := c.publish(t, "order.paid")
	requests := page.Requests()
	begun := time.Now()
	page.Do(chromedp.Navigate(p.url + "/events/" + event))
	page.WaitText("section[aria-label=data]", "job_42")
	page.WaitFor(`/\d+ of the latest \d+ delivered/.test(document.querySelector(".went").innerText)`)
	page.WaitText(".went", "These are the latest 100. See all in the list")
	page.WaitFor(`document.querySelectorAll(".went tbody tr").length === 100`)
	c.settle(t)
	page.WaitFor(`/(\d+) of the latest \1 delivered/.test(document.querySelector(".went").innerText)`)
	// The page is loaded once, with the files of all screens and a few requests, and then asks at most once a second, however many attempts there are.
	files, err := os.ReadDir("internal/web/dashboard/dist/assets") // the tests run in the root
	if err != nil {
		t.Fatal(err)
	}
	if n, most := page.Requests()-requests, int(time.Since(begun).Seconds())+len(files)+10; n > most {
		t.Errorf("the page made %d requests, want at most %d", n, most)
	}
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

// A browser whose clock is two hours ahead shows how long ago things were by the server's clock, and a range such as the last hour, also one
// that a replay fixes, is the server's.
func TestDashboardWrongClock(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook"})
	c.publish(t, "order.paid")
	receiver.Next(t)
	c.settle(t)
	page := browsertest.Open(t, p.url)
	page.Script(movedClock + `window.asleep = 2 * 3_600_000;`)
	page.Do(chromedp.Navigate(p.url + "/replays/new?kind=all&q=since%3A1h#token=" + p.token))
	page.WaitText("main", "1 delivery to 1 webhook")
	click(page, "Send 1 delivery again")
	receiver.Next(t)
	click(page, "Deliveries")
	page.WaitFor(rows + `.length === 1 && /now|\d+ (s|min) ago/.test(` + rows + `[0].innerText)`)
	click(page, "Events")
	page.WaitText("main", "order.paid")
	c.publish(t, "while.looking")
	page.WaitText("main", "while.looking")
	page.CheckQuiet()
}
