package app

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// An operator creates a token, whose secret is shown once, and revokes it after a confirmation that explains the effect; the server then refuses
// it. Tenants are listed with their usage and quotas, and the operator acts for one of them. The page shows the server's version.
func TestDashboardOperate(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	var done struct{ Tenant struct{ ID string } }
	c.mutate(t, `mutation ($input: CreateTenantInput!) { done: createTenant(input: $input) { tenant { id } } }`,
		map[string]any{"name": "acme", "quotas": map[string]any{"webhooks": 7, "storedEvents": 5000, "eventsPerSecond": 20}}, &done)
	c.publishMany(t, "order.paid", 3)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/operate#token=" + p.token))
	page.WaitText("tbody", "used by this page")

	click(page, "Create a token")
	fill(page, "input[name=name]", "ci <b>")
	click(page, "Create")
	page.WaitText("dialog .wrong", "Choose at least one scope")
	click(page, "EVENTS_PUBLISH")
	click(page, "DELIVERIES_READ")
	looked(page, axe, "token-create")
	click(page, "Create")
	page.WaitText("dialog .secret", "hg_")
	looked(page, axe, "token-secret")
	secret := page.Text("dialog .secret code")
	created := &client{url: p.url, token: secret}
	created.publish(t, "order.paid")
	click(page, "I have kept the secret")
	page.WaitText("tbody tr", "ci <b> "+secret[:9])
	page.WaitText("tbody tr", "Valid default EVENTS_PUBLISH DELIVERIES_READ")
	page.WaitText("tbody tr", "in 89 d")
	page.WaitFor(`!document.documentElement.outerHTML.includes("` + secret + `")`)
	looked(page, axe, "tokens")

	click(page, "Revoke…")
	page.WaitText("dialog", "Every program that uses this token is refused within a second")
	looked(page, axe, "token-revoke")
	click(page, "Keep it")
	page.WaitFor(`document.querySelector("dialog") === null`)
	created.publish(t, "order.paid")
	click(page, "Revoke…")
	click(page, "Revoke it")
	page.WaitText("tbody tr", "Revoked")
	webhooktest.Eventually(t, "the server refuses the revoked token", func() bool {
		return created.rest(t, "GET", "/v1/webhooks", "", nil) == http.StatusUnauthorized
	})
	click(page, "Valid")
	page.WaitFor(`location.search === "?state=valid" && document.querySelectorAll("tbody tr").length === 1`)
	click(page, "Revoked or expired")
	page.WaitText("tbody tr", "ci <b>")
	click(page, "Operators")
	page.WaitText(".empty", "No token matches.")

	click(page, "Tenants")
	page.WaitText("tbody tr:nth-child(1)", "acme")
	page.WaitText("tbody tr:nth-child(1)", "0 of 7 0 of 5,000")
	page.WaitText("tbody tr:nth-child(1)", "20 events/s")
	page.WaitText("tbody tr:nth-child(2)", "acting for it 0 of 10,000 – 0 5 ")
	looked(page, axe, "tenants")
	fill(page, "input[type=search]", "acm")
	page.WaitFor(`location.search === "?name=acm" && document.querySelectorAll("tbody tr").length === 1`)
	click(page, "Act for it")
	page.WaitText(".bar .tenant", "acme")
	page.WaitText("tbody tr", "acting for it")

	click(page, "Server")
	page.WaitText("main", "Time limit of an attempt")
	page.WaitText("main", "Events in one call 1,000")
	page.WaitText("section[aria-label^=Checks]", "settings ✓ OK valid")
	page.WaitText("main", "Last run")
	click(page, "Run again")
	page.WaitFor(`[...document.querySelectorAll("button")].some((b) => b.innerText === "Run again" && !b.disabled)`)
	page.WaitText("section[aria-label^=Checks]", "disk-space")
	looked(page, axe, "server")
	page.CheckQuiet()
}

// With a tenant's administrative token the screen shows only that tenant's tokens. Without the scope the screen is not offered.
func TestDashboardOperateTenant(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	admin := c.createToken(t, map[string]any{"name": "admin", "scopes": []string{"ADMIN"}})
	reader := c.createToken(t, map[string]any{"name": "reader", "scopes": []string{"WEBHOOKS_READ"}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "#token=" + admin.Credential)) // its only screen is the first
	page.WaitFor(`location.pathname === "/operate" && document.querySelectorAll("tbody tr").length === 2`)
	if page.Is(`/Tenants|Server|Operators/.test(document.querySelector("main").innerText)`) {
		t.Error("a tenant is offered what is an operator's")
	}
	click(page, "Create a token")
	page.WaitFor(`document.querySelectorAll("dialog [type=checkbox]").length === 1 && document.querySelector("dialog [name=ADMIN]") && !document.querySelector("dialog .choice")`)
	click(page, "Cancel")
	page.Do(chromedp.Navigate(p.url + "/operate/tenants"))
	page.WaitText("h1", "Not found")
	page.Do(chromedp.Navigate(p.url + "/operate#token=" + reader.Credential))
	page.WaitText("main", "the token does not have the scope ADMIN")
	if page.Is(`document.querySelector(".bar nav").innerText.includes("Operate") || document.body.innerText.includes("Create a token")`) {
		t.Error("the screen is offered without its scope")
	}
	page.CheckQuiet()
}

// The audit log shows who changed what, with the values before and after as text, page after page; its filter is in the address. A tenant's
// token sees the entries of its own tenant only.
func TestDashboardAudit(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	other := c.tenant(t, "acme")
	admin := c.createToken(t, map[string]any{"name": "admin", "scopes": []string{"ADMIN", "WEBHOOKS_WRITE"}})
	own := &client{url: p.url, token: admin.Credential}
	const hostile = "<img src=x onerror=document.title='harmed'> \u202e 12345678901234567890.10"
	hook := own.createWebhook(t, map[string]any{"url": "https://example.com/first", "description": hostile})
	own.rest(t, "PATCH", "/v1/webhooks/"+hook, `{"url": "https://example.com/second", "rate_per_second": 7}`, nil)
	theirs := other.createWebhook(t, map[string]any{"url": "https://example.com/theirs"})

	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/operate#token=" + p.token))
	click(page, "Audit log")
	page.WaitText("tbody tr:nth-child(1)", "Webhook registered Webhook "+theirs)
	page.WaitText("tbody tr:nth-child(1)", "tenant acme")
	page.WaitText("tbody tr:nth-child(2)", "test all of this token Webhook changed")
	page.WaitText("tbody tr:nth-child(2)", `ratePerSecond nothing`)
	page.WaitText("tbody tr:nth-child(2) .changes", `url "https://example.com/first" → became "https://example.com/second"`)
	page.WaitText("tbody tr:nth-child(2)", "127.0.0.1")
	page.WaitText("tbody tr:nth-child(3)", "<img src=x onerror=document.title='harmed'>")
	harmless(t, page, "the audit log")
	looked(page, axe, "audit")
	page.WaitFor(`document.querySelector(".scrolls").scrollWidth <= document.querySelector(".scrolls").clientWidth`) // at 1280 px
	click(page, "webhook_updated")
	page.WaitFor(`location.search.includes("webhook_updated") && document.querySelectorAll("tbody tr").length === 1`)
	page.Do(chromedp.Reload()) // an address is a view
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 1`)
	click(page, "all of this object")
	page.WaitFor(`location.search.includes("object") && document.querySelectorAll("tbody tr").length === 2`)
	click(page, hook)
	page.WaitText("h1", "https://example.com/second")
	page.Do(chromedp.Navigate(p.url + "/operate/audit?of=tenant"))
	page.WaitText("tbody", "https://example.com/second")
	click(page, "all of this token")
	page.WaitFor(`location.search.includes("token") && location.search.includes("of=tenant")`)
	if page.Is(`document.querySelector("tbody").innerText.includes("acme")`) {
		t.Error("the entries of another tenant are among those of this one")
	}
	page.Do(chromedp.Navigate(p.url + "/operate/audit?q=object:" + admin.Token.ID))
	page.WaitText("tbody tr", "Token created")

	// Page after page.
	for i := range 60 {
		own.rest(t, "PATCH", "/v1/webhooks/"+hook, fmt.Sprintf(`{"rate_per_second": %d}`, 100+i), nil)
	}
	page.Do(chromedp.Navigate(p.url + "/operate/audit?q=object:" + hook))
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 50`)
	click(page, "Show older ones")
	page.WaitFor(`document.querySelectorAll("tbody tr").length === 62`)
	page.WaitText("tbody tr:last-child", "Webhook registered")

	page.Do(chromedp.Navigate(p.url + "/operate/audit?q=action:token_created#token=" + admin.Credential))
	page.WaitText("tbody", "Token created")
	if page.Is(`document.querySelector("main .choice") || document.querySelector("tbody").innerText.includes("acme")`) {
		t.Error("a tenant is shown what is an operator's or another tenant's")
	}
	page.CheckQuiet()
}
