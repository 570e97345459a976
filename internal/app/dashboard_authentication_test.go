package app

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// A webhook's authentication is set, shown without what is secret, kept where nothing is typed, replaced and removed on its page; what is wrong is
// beside its field, and a certificate that expires soon is pointed out.
func TestDashboardAuthentication(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": "https://receiver.example/hook"})
	page := browsertest.Open(t, p.url)
	axe := browsertest.Axe(t)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "/settings#token=" + p.token))
	const form = "form[aria-label=Authentication]"
	choose := func(name, value string) {
		t.Helper()
		page.Do(chromedp.SetValue(chromedp.CSS(form+" select[name="+name+"]"), value))
		page.WaitFor(`(document.querySelector("` + form + ` select[name=` + name + `]").dispatchEvent(new Event("change", {bubbles: true})), true)`)
	}
	save := func() {
		t.Helper()
		click(page, "Save the authentication")
		page.WaitText(form, "The authentication is saved.")
	}
	page.WaitText(form, "In the header Authorization")
	choose("authorization", "BASIC")
	fill(page, form+" input[name=username]", "a:b")
	fill(page, form+" input[name=password]", "a-secret-password")
	click(page, "Save the authentication")
	page.WaitText(form, "must be printable UTF-8 without a colon")
	fill(page, form+" input[name=username]", "hookgraph")
	save()
	page.WaitText(form, "Empty: the stored one stays.")

	choose("authorization", "OAUTH2")
	fill(page, form+" input[name=tokenUrl]", "https://tokens.example/token")
	fill(page, form+" input[name=clientId]", "the-client")
	fill(page, form+" input[name=clientSecret]", "a-client-secret")
	fill(page, form+" input[name=scopes]", "events:write")
	fill(page, form+" textarea[name=parameters]", "resource=https://r.example/")
	chain, key := certificates.NewAuthority(t, "The Authority").Issue(t, "the-certificate", nil, func(c *x509.Certificate) {
		c.NotAfter = time.Now().AddDate(0, 0, 10).Add(time.Hour)
	})
	choose("certificate", "SET")
	fill(page, form+" textarea[name=chain]", key)
	fill(page, form+" textarea[name=privateKey]", key)
	click(page, "Save the authentication")
	page.WaitText(form, "contains a private key")
	page.WaitFor(`(document.querySelector("` + form + `").scrollIntoView({ block: "start" }), true)`)
	looked(page, axe, "webhook-authentication-wrong")
	fill(page, form+" textarea[name=chain]", chain)
	save()
	page.WaitText(form, "CN=the-certificate")
	page.WaitText(form, "CN=The Authority")
	page.WaitText(form, "It expires in 10 days. Set the renewed one in time.")
	page.WaitFor(`(document.querySelector("` + form + `").scrollIntoView({ block: "end" }), true)`)
	looked(page, axe, "webhook-authentication")

	page.Do(chromedp.Reload())
	page.WaitText(form, "CN=the-certificate")
	fill(page, form+" input[name=audience]", "the-audience")
	save()
	if text := authenticationOf(t, c, id); !strings.Contains(text, `"kinds":["OAUTH2","MUTUAL_TLS"]`) || !strings.Contains(text, `"audience":"the-audience"`) || !strings.Contains(text, `"resource"`) {
		t.Errorf("stored: %s", text)
	}
	choose("certificate", "REMOVE")
	choose("authorization", "NONE")
	save()
	if text := authenticationOf(t, c, id); strings.Contains(text, "authentication") {
		t.Errorf("stored: %s", text)
	}
	page.CheckQuiet()
}

// authenticationOf returns the webhook as REST shows it.
func authenticationOf(t *testing.T, c *client, id string) string {
	t.Helper()
	return string(c.do(t, "GET", "/v1/webhooks/"+id, "", nil).body)
}
