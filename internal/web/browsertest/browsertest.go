// Package browsertest opens pages in a real headless browser, for tests, and records their requests and complaints.
package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// patience is how long one step may take before the test fails: long, because CI machines are slow and shared.
const patience = 60 * time.Second

// Page is one browser with one tab. Every method fails the test if the page does not do what it should.
type Page struct {
	t    *testing.T
	ctx  context.Context
	host string // the only one that the page may talk to

	mu         sync.Mutex // guards what follows
	requests   int
	frames     int
	strays     []string
	complaints []string
}

// Open starts Chromium with its own profile, which is removed after the test. The page may connect only to the host of origin.
//
// Without Chromium it skips the test, or fails it if the environment has CI=true. CHROMIUM names a browser that is not found automatically.
func Open(t *testing.T, origin string) *Page {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	p := &Page{t: t, host: u.Host}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(find(t)),
		chromedp.UserDataDir(profile(t)),
		chromedp.NoSandbox, // CI runs as root, where Chromium has no sandbox
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 800),
		chromedp.ProxyServer(p.canary()),
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
	)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	p.ctx = ctx
	if err := chromedp.Listen(ctx, p.observe); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return p
}

// NewWindow takes a step that makes the page open another window, and returns the page in that window, which has its own records.
func (p *Page) NewWindow(step chromedp.Action[chromedp.Void]) *Page {
	p.t.Helper()
	opened := chromedp.WaitNewTarget(p.ctx, func(*target.Info) bool { return true })
	p.Do(step)
	w := &Page{t: p.t, host: p.host}
	select {
	case id := <-opened:
		ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithTargetID(id), chromedp.WithListener(w.observe))
		p.t.Cleanup(cancel)
		w.begin(ctx)
	case <-time.After(patience):
		p.fail("no window was opened")
	}
	return w
}

// Another opens another window of the same browser, with the same site data and an account of its own. It is visible, as the first one is.
func (p *Page) Another() *Page {
	p.t.Helper()
	w := &Page{t: p.t, host: p.host}
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithListener(w.observe))
	p.t.Cleanup(cancel)
	w.begin(ctx)
	return w
}

// begin attaches to the page's tab, which lasts as long as the context of the first step: so that one has no time limit.
func (p *Page) begin(ctx context.Context) {
	p.t.Helper()
	p.ctx = ctx
	if err := chromedp.Listen(ctx, func(any) {}); err != nil {
		p.t.Fatalf("attach to the tab: %v", err)
	}
}

func find(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no Chromium found: install it (Debian: apt-get install chromium) or name it in CHROMIUM"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// profile is t.TempDir, but repeats the removal: Chromium's child processes write for a moment after it has ended.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "browsertest-*") //nolint:usetesting // t.TempDir fails the test when the first removal does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return dir
}

// canary is a proxy that connects nowhere and records the hosts that were requested. The browser uses it for every host except the local
// one, also for its workers, whose requests the tab does not report. Chromium's own requests (updates, autofill) end here and do not count;
// requests of the page to the same hosts are recorded by observe.
func (p *Page) canary() string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := (&url.URL{Host: r.Host}).Hostname()
		if !strings.HasSuffix(host, ".google.com") && !strings.HasSuffix(host, ".googleapis.com") && !strings.HasSuffix(host, ".gvt1.com") {
			p.mu.Lock()
			p.strays = append(p.strays, r.Method+" "+r.Host)
			p.mu.Unlock()
		}
		http.Error(w, "no way out", http.StatusForbidden)
	}))
	p.t.Cleanup(server.Close)
	return server.URL
}

func (p *Page) observe(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests++
		p.asked(e.Request.URL)
	case *network.EventWebSocketCreated:
		p.asked(e.URL)
	case *network.EventWebSocketFrameSent:
		if text := string(e.Response.PayloadData); !strings.Contains(text, `"type":"ping"`) && !strings.Contains(text, `"type":"pong"`) {
			p.frames++
		}
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			args := make([]string, len(e.Args))
			for i, arg := range e.Args {
				args[i] = string(arg.Value) + arg.Description
			}
			p.complaints = append(p.complaints, fmt.Sprintf("console.%s: %s", e.Type, strings.Join(args, " ")))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.complaints = append(p.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

// asked records a request of another host. The caller must hold mu.
func (p *Page) asked(address string) {
	if u, err := url.Parse(address); err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Host != p.host {
		p.strays = append(p.strays, address)
	}
}

// Do runs steps, each within its time. A step whose element is replaced while it acts is repeated.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	for i, step := range steps {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		err := chromedp.Do(ctx, step)
		for err != nil && isReplaced(err) && ctx.Err() == nil {
			err = chromedp.Do(ctx, step)
		}
		cancel()
		if err != nil {
			p.fail("step %d: %v", i+1, err)
		}
	}
}

// isReplaced reports whether a step found its element and the page, which is drawn again whenever data arrives, replaced it before the step could
// act on it. Such a step has done nothing.
func isReplaced(err error) bool {
	text := err.Error()
	return strings.Contains(text, "Could not find node with given id") || strings.Contains(text, "Node is detached from document") ||
		strings.Contains(text, "Node does not have a layout object") || strings.Contains(text, "Could not compute content quads")
}

// Front brings the page to the front: browsers do not draw hidden pages.
func (p *Page) Front() {
	p.t.Helper()
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.BringToFront, cdp.Empty{})
		return err
	}))
}

// WaitFor waits until a JavaScript expression is true.
func (p *Page) WaitFor(expression string) {
	p.t.Helper()
	p.wait(func() bool { return p.Is(expression) }, "this did not become true: %s", expression)
}

// wait waits until done returns true, or fails with the message.
func (p *Page) wait(done func() bool, message string, args ...any) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for pause := 5 * time.Millisecond; time.Now().Before(deadline); pause = min(2*pause, 50*time.Millisecond) {
		if done() {
			return
		}
		time.Sleep(pause)
	}
	p.fail(message, args...)
}

// Is reports whether a JavaScript expression is true now. An expression that fails, such as one about a missing element, is not.
func (p *Page) Is(expression string) bool {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
	return err == nil && ok
}

// WaitText waits until the first element that selector matches shows text. White space counts as one space.
func (p *Page) WaitText(selector, text string) {
	p.t.Helper()
	p.WaitFor(fmt.Sprintf(`document.querySelector(%q)?.innerText.replace(/\s+/g, " ").includes(%q)`, selector, text))
}

// Text returns the text of the first element that selector matches, which must be there.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).innerText", selector)))
	if err != nil {
		p.fail("the text of %s: %v", selector, err)
	}
	return text
}

// Path returns the path of the page's address.
func (p *Page) Path() string {
	p.t.Helper()
	path, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.pathname"))
	if err != nil {
		p.fail("the address: %v", err)
	}
	return path
}

// Requests returns how many HTTP requests the page has made.
func (p *Page) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// Calm waits until the page, and others at the same time, have made no HTTP request for a time.
func (p *Page) Calm(quiet time.Duration, others ...*Page) {
	p.t.Helper()
	requests := func() int {
		n := p.Requests()
		for _, other := range others {
			n += other.Requests()
		}
		return n
	}
	begun, since, n := time.Now(), time.Now(), requests()
	for time.Since(since) < quiet {
		time.Sleep(50 * time.Millisecond)
		if now := requests(); now != n {
			since, n = time.Now(), now
		}
		if time.Since(begun) > patience+quiet {
			p.fail("the page does not stop making requests: %d so far", n)
		}
	}
}

// Frames returns how many messages the page has sent over WebSockets, without those that only keep a connection alive.
func (p *Page) Frames() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames
}

// Number returns the value of a JavaScript expression that is a number.
func (p *Page) Number(expression string) float64 {
	p.t.Helper()
	n, err := chromedp.Run(p.ctx, chromedp.Evaluate[float64](expression))
	if err != nil {
		p.fail("%s: %v", expression, err)
	}
	return n
}

// Heap returns the number of bytes that the page's scripts hold after garbage collection.
func (p *Page) Heap() float64 {
	p.t.Helper()
	var bytes float64
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return err
		}
		usage, err := chromedp.Call(ctx, runtime.GetHeapUsage, cdp.Empty{})
		if err == nil {
			bytes = usage.UsedSize
		}
		return err
	}))
	return bytes
}

// Type inserts text at the focus, as pasting does.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// Script runs a script in each document that is opened from now on, before its own.
func (p *Page) Script(source string) {
	p.t.Helper()
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return err
	}))
}

// Freeze stops the page's timers and scripts, as those of a tab that the browser puts to sleep, until thaw is called.
func (p *Page) Freeze() (thaw func()) {
	p.t.Helper()
	set := func(state page.SetWebLifecycleStateState) {
		p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
			return err
		}))
	}
	set(page.SetWebLifecycleStateStateFrozen)
	return func() { set(page.SetWebLifecycleStateStateActive) }
}

// Resize changes the size of the window, for example to that of a phone.
func (p *Page) Resize(width, height int64) {
	p.t.Helper()
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: height, DeviceScaleFactor: 1,
		})
		return err
	}))
}

// Scheme sets the system's colour scheme, "light" or "dark".
func (p *Page) Scheme(scheme string) {
	p.t.Helper()
	p.Media("", "prefers-color-scheme", scheme)
}

// Media shows the page as on a medium, "print" or "" for the screen, with media features, each a name and a value.
func (p *Page) Media(medium string, features ...string) {
	p.t.Helper()
	params := emulation.SetEmulatedMediaParams{Media: medium}
	for pair := range slices.Chunk(features, 2) {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: pair[0], Value: pair[1]})
	}
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, params)
		return err
	}))
}

// Axe returns the source of axe-core, which npm ci installs with the dashboard. Without it the test is skipped, or fails where the
// environment says CI=true.
func Axe(t *testing.T) string {
	t.Helper()
	const name = "internal/web/dashboard/node_modules/axe-core/axe.min.js"
	for dir := "."; len(dir) < len("../../../../."); dir = filepath.Join("..", dir) {
		if source, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return string(source)
		}
	}
	const missing = "no axe-core: run npm ci in internal/web/dashboard"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// CheckAccessible runs axe-core, whose source is given, on the page as it is, and fails the test for each violation that it finds.
func (p *Page) CheckAccessible(axe, where string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	found := p.inaccessible(ctx, axe, where)
	for deadline := time.Now().Add(settling); found != "" && time.Now().Before(deadline); found = p.inaccessible(ctx, axe, where) {
		time.Sleep(100 * time.Millisecond) // an editor takes over the scheme's colours after the page has
	}
	if found != "" {
		p.t.Errorf("%s: not accessible:\n%s", where, found)
	}
}

// settling is how long a page may take to adapt to a new colour scheme or size.
const settling = 3 * time.Second

// inaccessible returns the violations that axe-core finds now.
func (p *Page) inaccessible(ctx context.Context, axe, where string) string {
	p.t.Helper()
	if p.Is("window.axe !== undefined") { // half a megabyte, once a document
		axe = ""
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](axe+`;axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations
		.map((v) => v.id + ": " + v.help + "\n" + v.nodes.slice(0, 5).map((n) => "  " + n.html.slice(0, 200) + "\n    " + n.failureSummary).join("\n")).join("\n"))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		p.fail("%s: axe-core: %v", where, err)
	}
	return found
}

// CheckQuiet fails the test if the page requested anything from another host, or if the browser complained: exceptions, console errors and
// warnings, violations of the content security policy. Complaints that contain one of the expected texts are ignored.
func (p *Page) CheckQuiet(expected ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, stray := range p.strays {
		p.t.Errorf("a request left for elsewhere: %s", stray)
	}
	for _, complaint := range p.complaints {
		if !slices.ContainsFunc(expected, func(text string) bool { return strings.Contains(complaint, text) }) {
			p.t.Errorf("the browser complained: %s", complaint)
		}
	}
}

// WaitComplaint waits until the browser complains with the text.
func (p *Page) WaitComplaint(text string) {
	p.t.Helper()
	p.wait(func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return slices.ContainsFunc(p.complaints, func(complaint string) bool { return strings.Contains(complaint, text) })
	}, "the browser did not complain: %s", text)
}

// Screenshot writes a PNG of the page to the directory that the environment variable BROWSERTEST_SCREENSHOTS names; without it, it does
// nothing.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	dir := os.Getenv("BROWSERTEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		picture, err = small(picture)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600)
	}
	if err != nil {
		p.t.Logf("screenshot %s: %v", name, err)
	}
}

func (p *Page) fail(format string, args ...any) {
	p.t.Helper()
	p.Screenshot("failed")
	p.CheckQuiet()
	ctx, cancel := context.WithTimeout(p.ctx, settling)
	defer cancel()
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + location.search + " shows " + document.body.innerText.slice(0, 2000)`))
	if err != nil {
		shown = "the page does not say what it shows: " + err.Error()
	}
	p.t.Log(shown)
	p.t.Fatalf(format, args...)
}
