package app

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// Home and the webhook's page show issues as they open, without a reload, with the time at which the webhook will be disabled. Who acknowledges one is
// shown on both, and an issue leaves the pages when an attempt succeeds.
func TestDashboardIssues(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	var works atomic.Bool
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		if !works.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL + "/hook", "events": []string{"order.*"}})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/#token=" + p.token))
	page.WaitText("h1", "Home")

	for i := range 5 {
		c.publish(t, fmt.Sprint("order.no", i))
	}
	page.WaitText(".issues li", "Attempts fail: the receiver answers 503")
	page.WaitText(".issues li", "/hook")
	page.WaitText(".issues li", "5 failed attempts")
	page.WaitText(".issues li", "the webhook will be disabled in ")
	looked(page, axe, "home-issues")

	click(page, "Acknowledge")
	page.WaitText(".issues li", "Acknowledged")
	clickIn(page, ".issues ", receiver.URL)
	page.WaitText(".issues li", "Acknowledged")
	page.WaitFor(`location.pathname === "/webhooks/` + id + `"`)
	looked(page, axe, "webhook-issues")

	// The pages of a delivery and of an event show the issues of the webhook.
	delivery, _ := c.latest(t)
	page.Do(chromedp.Navigate(p.url + "/deliveries/" + delivery))
	page.WaitText(".issues li", "Acknowledged")
	looked(page, axe, "delivery-issues")
	clickIn(page, ".head ", "Its event")
	page.WaitFor(`location.pathname.startsWith("/events/")`)
	page.WaitText(".issues li", receiver.URL+"/hook")
	looked(page, axe, "event-issues")

	// The list of issues narrows by state, kind and webhook, all of them in the address.
	page.Do(chromedp.Navigate(p.url + "/issues"))
	page.WaitText("main td", "Attempts fail: the receiver answers 503")
	looked(page, axe, "issues")
	clickIn(page, ".choice ", "Given up")
	page.WaitText("main", "No issue matches.")
	looked(page, axe, "issues-none")
	page.Do(chromedp.Navigate(p.url + "/issues?state=acknowledged&kind=WEBHOOK_FAILING"))
	page.WaitText("main td", "Attempts fail")
	click(page, "Only its issues")
	page.WaitFor(`new URLSearchParams(location.search).get("webhook") === "` + id + `"`)
	page.WaitText("main td", "Attempts fail")
	page.Do(chromedp.Navigate(p.url + "/issues"))
	page.WaitText("main td", "Attempts fail")

	works.Store(true)
	c.publish(t, "order.paid")
	page.WaitText("main td:nth-child(3)", "Resolved")
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id))
	page.WaitText("main", "Last attempts")
	page.WaitFor(`document.querySelector(".issues") === null`)
}

// Problems that no failed attempt shows are on Home and in the list of issues too, each with what to do and a link to what it is of, and on the page of
// their webhook. An operator sees those of all tenants, and acknowledges those of the tenant that the page acts for.
func TestDashboardStandingIssues(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	drain(t, receiver)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	slow := c.createWebhook(t, map[string]any{"url": receiver.URL + "/slow", "events": []string{"order.*"}, "ratePerSecond": 1})
	chain, key := certificates.NewAuthority(t, "The Authority").Issue(t, "the-certificate", nil, func(c *x509.Certificate) {
		c.NotAfter = time.Now().AddDate(0, 0, 10).Add(time.Hour)
	})
	secure := c.createWebhook(t, map[string]any{
		"url": "https://receiver.example/hook", "events": []string{"invoice.*"}, "authentication": map[string]any{"certificate": map[string]any{"chain": chain, "privateKey": key}},
	})
	c.rest(t, "PUT", "/v1/event-types/parcel.shipped", `{"schema": {"required": ["carrier"]}, "validation": "WARN"}`, nil)
	c.publish(t, "parcel.shipped")
	acme := c.tenant(t, "acme")
	acme.rest(t, "PUT", "/v1/event-types/parcel.lost", `{"schema": {"required": ["carrier"]}, "validation": "WARN"}`, nil)
	acme.publish(t, "parcel.lost")
	token := p.token
	p.stop()
	p.ago(t, func(s *store.Store, in *store.Scope, clock *storetest.Clock) { // more than the webhook takes, 20 minutes ago
		clock.Ahead(-20 * time.Minute)
		for range 90 {
			storetest.Publish(t, in, webhook.NewEvent{Type: "order.paid"})
		}
		clock.Ahead(0)
		owner, err := s.TenantByName(t.Context(), webhook.DefaultTenant)
		storetest.Must(t, err)
		_, err = s.Registry(nil).UpdateTenant(t.Context(), owner.ID, webhook.TenantPatch{MaxEvents: webhook.Some(new(100))})
		storetest.Must(t, err)
		storetest.Must(t, s.FoldStatistics(t.Context()))
		storetest.Must(t, s.KeepIssues(t.Context()))
	})

	p = boot(t, p.dir)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/#token=" + token))
	for _, text := range []string{
		"Deliveries wait: the oldest has been due since", "pending deliveries", "The client certificate expires on", "Set the renewed certificate",
		"Events of type parcel.shipped do not match its schema", "91 % of the quota of 100 stored events is used",
	} {
		page.WaitText(".issues", text)
	}
	looked(page, axe, "home-standing-issues")
	clickIn(page, ".issues ", "parcel.shipped")
	page.WaitFor(`location.pathname === "/event-types/parcel.shipped"`)
	page.WaitText("main", "An event broke the schema")
	looked(page, axe, "event-type-violated")
	for id, text := range map[string]string{slow: "The receiver takes fewer requests than there are events", secure: "The client certificate expires on"} {
		page.Do(chromedp.Navigate(p.url + "/webhooks/" + id))
		page.WaitText(".issues li", text)
		page.WaitFor(`document.querySelectorAll(".issues li").length === 1`)
		looked(page, axe, "webhook-issue-"+strings.Fields(text)[1])
	}
	page.Do(chromedp.Navigate(p.url + "/issues"))
	page.WaitFor(`document.querySelectorAll("main tbody tr").length === 4`)
	looked(page, axe, "issues-standing")
	clickIn(page, ".choice ", "Certificate")
	page.WaitFor(`document.querySelectorAll("main tbody tr").length === 1`)
	clickIn(page, "tbody ", "Acknowledge")
	page.WaitText("main td:nth-child(3)", "Acknowledged")
	page.Do(chromedp.Navigate(p.url + "/issues?of=all&kind=SCHEMA_MISMATCH"))
	page.WaitText("main tbody", "parcel.lost")
	page.WaitText("main tbody", "acme")
	page.WaitFor(`document.querySelectorAll("main tbody tr").length === 2`)
	looked(page, axe, "issues-of-all")
	page.CheckQuiet()
}
