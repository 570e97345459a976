package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// portalLinked is a new link to the customer portal.
type portalLinked struct {
	URL           string
	PortalSession struct{ ID string }
	UserErrors    []struct{ Message string }
}

// portalLink creates a link for the client's tenant.
func (c *client) portalLink(t *testing.T, input map[string]any) portalLinked {
	t.Helper()
	if input["label"] == nil {
		input["label"] = "ada@kallima.example"
	}
	if input["scopes"] == nil {
		input["scopes"] = []string{"WEBHOOKS_READ", "WEBHOOKS_WRITE", "DELIVERIES_READ", "DELIVERIES_WRITE"}
	}
	var made portalLinked
	c.mutate(t, `mutation ($input: CreatePortalLinkInput!) { done: createPortalLink(input: $input) { url portalSession { id } userErrors { message } } }`, input, &made)
	if len(made.UserErrors) > 0 || made.URL == "" {
		t.Fatal(made)
	}
	return made
}

// session reads a portal session.
func (c *client) session(t *testing.T, id string) (found struct {
	ID, Status          string
	OpenedAt, RenewedAt *time.Time
},
) {
	t.Helper()
	type session = struct {
		ID, Status          string
		OpenedAt, RenewedAt *time.Time
	}
	var answer struct {
		Data struct {
			PortalSessions struct{ Nodes []session }
		}
	}
	c.rest(t, "POST", "/graphql", `{"query": "{ portalSessions(first: 100) { nodes { id status openedAt renewedAt } } }"}`, &answer)
	for _, one := range answer.Data.PortalSessions.Nodes {
		if one.ID == id {
			return one
		}
	}
	t.Fatalf("no portal session %s in %v", id, answer)
	return found
}

// kallima is how the platform wants its portal to look.
func kallima() map[string]any {
	return map[string]any{
		"name": "Kallima", "accentColor": "#ffd400",
		"logo": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
	}
}

// A link opens the portal on its screen, in the platform's look, with the tenant's own webhooks only, and without what is for operators. The address
// has no code, nor has any storage. The session outlives a reload. The link works once; another tab has to ask for one. A session that is revoked
// ends at once, and the page says so, and nothing of what it showed is there any more.
func TestDashboardPortal(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	c.createWebhook(t, map[string]any{"url": "https://example.com/" + canary})
	acme := c.tenant(t, "acme")
	hook := acme.createWebhook(t, map[string]any{"url": "https://example.com/acme"})
	made := acme.portalLink(t, map[string]any{"startPath": "/webhooks?state=enabled", "theme": kallima()})
	code := made.URL[strings.Index(made.URL, "#")+1:]

	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(made.URL))
	page.WaitText("tbody tr", "https://example.com/acme")
	page.WaitFor(`location.pathname + location.search + location.hash === "/portal/webhooks?state=enabled"`)
	page.WaitFor(`document.title.endsWith("· Kallima") && document.querySelector(".brand img").src.startsWith("data:image/png")`)
	if page.Is(fmt.Sprintf(`[document.documentElement.outerHTML, location.href, JSON.stringify({...sessionStorage}), JSON.stringify({...localStorage}), JSON.stringify(history.state)].some((s) => s.includes(%q))`, code)) {
		t.Error("the page has the code of the link")
	}
	if page.Is(fmt.Sprintf(`/Operate|GraphiQL|Tenant|%s/.test(document.body.innerText)`, canary)) {
		t.Error("the portal offers what is not the customer's")
	}
	looked(page, axe, "portal")
	page.Do(chromedp.Reload())
	page.WaitText("tbody tr", "https://example.com/acme")
	page.WaitFor(`location.pathname === "/portal/webhooks"`)
	click(page, "https://example.com/acme")
	page.WaitFor(fmt.Sprintf(`location.pathname === "/portal/webhooks/%s"`, hook))
	click(page, "Settings")
	page.WaitFor(`document.querySelector(".settings")`)
	click(page, "Developers")
	page.WaitText("h1", "Signature debugger")
	if page.Is(`[...document.querySelectorAll(".tabs a")].some((a) => a.innerText === "Tokens")`) {
		t.Error("the portal offers tokens")
	}

	// The operator's pages of the same browser know nothing of the session.
	other := page.Another()
	other.Do(chromedp.Navigate(p.url + "/"))
	other.WaitText("dialog[open]", "Sign in to Hookgraph")
	other.Do(chromedp.Navigate(made.URL))
	other.WaitText("h1", "This link does not work any more")
	other.WaitFor(`location.hash === ""`)
	looked(other, axe, "portal-refused")
	other.Do(chromedp.Navigate(p.url + "/portal/deliveries"))
	other.WaitText("h1", "Open this page from your account")
	other.CheckQuiet("401")
	page.Front()

	// Developers has no stream: the page learns of the end by its connection.
	acme.mutate(t, `mutation ($input: RevokePortalSessionInput!) { done: revokePortalSession(input: $input) { portalSession { id } } }`,
		map[string]any{"id": made.PortalSession.ID}, &struct{}{})
	page.WaitText("h1", "Your session has ended")
	if page.Is(`document.querySelector("nav, .bar, dialog") || sessionStorage.getItem("hookgraph:portal")`) {
		t.Error("something of the portal is left")
	}
	looked(page, axe, "portal-ended")
	page.Do(chromedp.Reload())
	page.WaitText("h1", "Open this page from your account")
	page.CheckQuiet("401", "403")
}

// A session is renewed beyond its time, and what a user types stays; who ends it is out, and a new link opens in the same tab.
func TestDashboardPortalRenews(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	const life = 6 * time.Second
	made := c.portalLink(t, map[string]any{"sessionExpiresInMs": life.Milliseconds(), "startPath": "/webhooks"})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(made.URL))
	click(page, "Register a webhook")
	fill(page, "dialog input[name=url]", "https://example.com/typed")
	webhooktest.Eventually(t, "the session is renewed after its first time has ended", func() bool {
		s := c.session(t, made.PortalSession.ID)
		return s.OpenedAt != nil && s.RenewedAt != nil && s.RenewedAt.Sub(*s.OpenedAt) > life
	})
	page.WaitFor(`document.querySelector("dialog input[name=url]").value === "https://example.com/typed"`)
	click(page, "Cancel")
	click(page, "⋯")
	click(page, "End the session")
	page.WaitText("h1", "You have left")
	webhooktest.Eventually(t, "the session is revoked", func() bool { return c.session(t, made.PortalSession.ID).Status == "REVOKED" })

	again := c.portalLink(t, map[string]any{"startPath": "/event-types"})
	page.Do(chromedp.Navigate(again.URL)) // only the fragment changes
	page.WaitFor(`location.pathname === "/portal/event-types" && location.hash === ""`)
	page.WaitText("h1", "Event types")
	page.CheckQuiet("401", "403")
}

// A page of a listed origin shows the portal in a frame, also where the browser blocks site data there: the session is then in memory. A page of
// another origin cannot show it, and its link is not used.
func TestDashboardPortalInFrame(t *testing.T) {
	t.Parallel()
	var src string
	parent := func() *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprintf(w, `<!doctype html><title>platform</title><iframe id="portal" src="%s" width="800" height="600"></iframe>`, src)
		}))
		t.Cleanup(s.Close)
		return s
	}
	listed, unlisted := parent(), parent()
	p := boot(t, t.TempDir(), "--portal-frame-ancestors", listed.URL)
	c := &client{url: p.url, token: p.token}
	first, second := c.portalLink(t, map[string]any{"startPath": "/webhooks"}), c.portalLink(t, map[string]any{})

	page := browsertest.Open(t, listed.URL)
	page.Script(`for (const name of ["sessionStorage", "localStorage"])
		Object.defineProperty(window, name, {get() { throw new DOMException("blocked", "SecurityError"); }});
		addEventListener("hashchange", () => {}); const t = setInterval(() => { if (parent !== window && document.querySelector("h1")) { clearInterval(t); parent.postMessage(document.querySelector("h1").innerText + " " + location.hash, "*"); } }, 50);
		if (parent === window) addEventListener("message", (e) => { document.title = e.data; });`)
	src = first.URL
	page.Do(chromedp.Navigate(listed.URL))
	page.WaitFor(`document.title === "Webhooks"`)
	if got := c.session(t, first.PortalSession.ID).Status; got != "ACTIVE" {
		t.Errorf("in a frame of a listed origin the link is %s", got)
	}
	src = second.URL
	page.Do(chromedp.Navigate(unlisted.URL))
	page.WaitComplaint("frame-ancestors")
	if got := c.session(t, second.PortalSession.ID).Status; got != "PENDING" {
		t.Errorf("in a frame of another origin the link is %s", got)
	}

	// With storage blocked and no frame: as long as the page lasts.
	page.Do(chromedp.Navigate(second.URL))
	page.WaitText("main", "First steps")
	clickIn(page, "nav ", "Webhooks")
	page.WaitText("h1", "Webhooks")
	page.Do(chromedp.Reload())
	page.WaitText("h1", "Open this page from your account")
}

// An operator creates a link to the portal of the chosen tenant, which is shown once; the list has those of all tenants and shows live that one was
// opened; a session that is revoked there ends. A tenant's administrator sees those of the tenant.
func TestDashboardOperatePortal(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	acme := c.tenant(t, "acme")
	acme.portalLink(t, map[string]any{"label": "bo <b>"})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/operate/portal#token=" + p.token))
	page.WaitText("tbody tr", "bo <b> … Not opened acme WEBHOOKS_READ")

	click(page, "Create a link")
	fill(page, "input[name=label]", "ada")
	fill(page, "input[name=startPath]", "webhooks")
	click(page, "How it looks")
	fill(page, "input[name=platform]", "Kallima")
	fill(page, "input[name=accentColor]", "green")
	click(page, "Create")
	page.WaitText("dialog .wrong", "must")
	page.WaitText("dialog .alert", "must be like #0a7d5c")
	looked(page, axe, "portal-create")
	fill(page, "input[name=startPath]", "/webhooks")
	fill(page, "input[name=accentColor]", "#00aa55")
	click(page, "Create")
	page.WaitText("dialog .secret", "/portal#hgl_")
	made := page.Text("dialog .secret code")
	click(page, "I have kept the secret")
	page.WaitText("tbody tr:nth-child(1)", "ada … Not opened default WEBHOOKS_READ DELIVERIES_READ")
	looked(page, axe, "portal-links")

	customer := page.Another()
	customer.Do(chromedp.Navigate(made))
	customer.WaitText("h1", "Webhooks")
	customer.WaitFor(`document.title.endsWith("Kallima")`)
	page.Front()
	page.WaitText("tbody tr:nth-child(1)", "ada ✓ Open")
	clickIn(page, "tbody tr:nth-child(1) ", "Revoke…")
	page.WaitText("dialog", "The page that uses it ends within 5 seconds")
	click(page, "Revoke it")
	page.WaitText("tbody tr:nth-child(1)", "ada – Revoked")
	customer.Front()
	customer.WaitText("h1", "Your session has ended")
	page.Front()
	click(page, "Not opened")
	page.WaitFor(`location.search === "?state=PENDING" && document.querySelectorAll("tbody tr").length === 1`)

	page.Do(chromedp.Navigate(p.url + "/operate/portal#token=" + acme.token))
	page.WaitText("tbody tr", "bo <b>")
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 1`)
	if page.Is(`document.querySelector("main").innerText.includes("All tenants")`) {
		t.Error("a tenant is offered what is an operator's")
	}
	page.CheckQuiet()
}

// On a phone a customer solves an incident by what the page says alone: Home names the webhook that fails, the last failed attempt why and what to do,
// the webhook's settings take the new URL, and the issue leads to what is sent again. Then nothing is open any more.
func TestDashboardPortalIncident(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, "This receiver has moved to /new.")
		}
	})
	p := boot(t, t.TempDir())
	operator := &client{url: p.url, token: p.token}
	acme := operator.tenant(t, "acme")
	hook := acme.createWebhook(t, map[string]any{"url": receiver.URL + "/old", "events": []string{"order.*"}, "retryScheduleMs": []int{}})
	page := browsertest.Open(t, p.url)
	page.Resize(390, 844)
	page.Do(chromedp.Navigate(acme.portalLink(t, map[string]any{"theme": kallima()}).URL))
	page.WaitText("h1", "Home")
	acme.publishMany(t, "order.paid", 6)
	step := 0
	seen := func(selector, text string) { // what somebody looks for who reads the page
		t.Helper()
		page.WaitText(selector, text)
		step++
		page.Screenshot(fmt.Sprintf("portal-incident-%d", step))
	}
	seen(".issues", "Attempts fail: the receiver answers 404")
	clickIn(page, ".issues ", "The last failed attempt")
	page.WaitText(".explanation", "What to do:")
	seen(".attempt", "This receiver has moved to /new.")
	clickIn(page, ".head ", receiver.URL)
	page.WaitFor(fmt.Sprintf(`location.pathname === "/portal/webhooks/%s"`, hook))
	seen(".issues", "Deliveries were given up")
	clickIn(page, ".tabs ", "Settings")
	fill(page, ".settings input[name=url]", receiver.URL+"/new")
	click(page, "Save")
	seen(".settings", "Saved.")
	clickIn(page, ".issues ", "Send them again")
	seen(".preview-result", "6 deliveries to 1 webhook")
	click(page, "Send 6 deliveries again")
	page.WaitText(".head .status", "Completed")
	seen(".facts", "Succeeded 6")
	page.CheckAccessible(axe, "a replay on a phone")
	page.Do(chromedp.Navigate(p.url + "/portal/issues"))
	page.WaitText("main tbody", "Resolved")
	seen("main tbody", "Attempts fail")
	page.CheckQuiet()
}
