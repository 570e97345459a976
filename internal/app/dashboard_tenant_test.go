package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// canary is in everything that the other tenant has.
const canary = "canary9d41"

// overhearing is a proxy before the server that remembers which answers had the canary.
type overhearing struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newOverhearing(t *testing.T, server string) *overhearing {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	o := &overhearing{}
	o.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("Accept-Encoding", "identity")
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusSwitchingProtocols {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			if bytes.Contains(bytes.ToLower(body), []byte(canary)) {
				o.mu.Lock()
				o.seen = append(o.seen, r.Request.URL.Path)
				o.mu.Unlock()
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			return nil
		},
	})
	t.Cleanup(o.Close)
	return o
}

// A tenant's token shows nothing of another tenant on any screen, at the other's addresses, with the other's IDs in the filters or in the
// jump, nor live; no answer of the server has it, either.
func TestDashboardIsolation(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	operator := &client{url: p.url, token: p.token}
	tenant := func(name string) *client {
		var done struct{ Tenant struct{ ID string } }
		operator.mutate(t, `mutation ($input: CreateTenantInput!) { done: createTenant(input: $input) { tenant { id } } }`,
			map[string]any{"name": name}, &done)
		created := operator.createToken(t, map[string]any{"name": name + " token", "tenantId": done.Tenant.ID, "scopes": []string{
			"WEBHOOKS_READ", "WEBHOOKS_WRITE", "EVENTS_PUBLISH", "DELIVERIES_READ", "DELIVERIES_WRITE", "ADMIN",
		}})
		return &client{url: p.url, token: created.Secret}
	}
	other, own := tenant(canary), tenant("own")
	hook := other.createWebhook(t, map[string]any{"url": receiver.URL + "/" + canary, "description": canary, "retryScheduleMs": []int{}})
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, canary)
	})
	event := other.publish(t, canary+".made")
	receiver.Next(t)
	other.settle(t)
	delivery, attempt := other.latest(t)
	var made struct{ Replay struct{ ID string } }
	other.mutate(t, `mutation ($input: ReplayDeliveriesInput!) { done: replayDeliveries(input: $input) { replay { id } } }`,
		map[string]any{"kind": "FAILED", "filter": map[string]any{}, "note": canary}, &made)
	replay := made.Replay.ID
	receiver.Next(t)

	proxy := newOverhearing(t, p.url)
	page := browsertest.Open(t, proxy.URL)
	page.Do(chromedp.Navigate(proxy.URL + "#token=" + own.token))
	page.WaitText("h1", "Home")
	unseen := func(where string) {
		t.Helper()
		if page.Is(fmt.Sprintf(`document.querySelector("main").innerHTML.toLowerCase().includes(%q)`, canary)) {
			t.Errorf("%s shows what is another tenant's", where)
		}
	}
	for path, says := range map[string]string{
		"/":                            "Published 0",
		"/deliveries":                  "No delivery matches",
		"/deliveries?open=" + delivery: "This delivery is not there",
		"/deliveries/" + delivery:      "Not there",
		"/deliveries/" + delivery + "?attempt=" + attempt:                   "Not there",
		"/deliveries?q=" + url.QueryEscape("webhook:"+hook+" event:"+event): "No delivery matches",
		"/events":                         "No event was published yet",
		"/events?open=" + event:           "This event is not there",
		"/events/" + event:                "Not there",
		"/webhooks":                       "No webhook is registered yet",
		"/webhooks/" + hook:               "Not there",
		"/webhooks/" + hook + "/settings": "Not there",
		"/webhooks/" + hook + "/secrets":  "Not there",
		"/webhooks/" + hook + "/test":     "Not there",
		"/replays":                        "Nothing was sent again yet",
		"/replays/" + replay:              "Not there",
		"/replays/new?kind=all&q=" + url.QueryEscape("event:"+event): "No delivery matches",
		"/deliveries?q=" + url.QueryEscape("replay:"+replay):         "No delivery matches",
		"/operate":       "used by this page",
		"/operate/audit": "Audit log",
		"/operate/audit?q=" + url.QueryEscape("object:"+hook): "No change matches",
		"/operate/tenants": "Not found",
		"/operate/server":  "Not found",
	} {
		page.Do(chromedp.Navigate(proxy.URL + path))
		page.WaitText("main", says)
		unseen(path)
	}
	for _, id := range []string{hook, event, delivery, attempt, replay, canary} {
		jump(page, id)
		page.WaitText("dialog .alert", "Nothing of this is there")
		click(page, "Cancel")
		page.WaitFor(`document.querySelector("dialog") === null`)
	}
	// Live: what is the other's does not come, what is one's own does.
	page.Do(chromedp.Navigate(proxy.URL + "/deliveries"))
	page.WaitText("main", "No delivery matches")
	other.publish(t, canary+".again")
	receiver.Next(t)
	own.createWebhook(t, map[string]any{"url": receiver.URL + "/own", "retryScheduleMs": []int{}})
	own.publish(t, "own.made")
	page.WaitText(".row:not(.heading)", "own.made")
	unseen("the live list")
	page.WaitFor(rows + `.length === 1`)
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	if len(proxy.seen) > 0 {
		t.Errorf("answers have what is another tenant's: %s", strings.Join(proxy.seen, ", "))
	}
	page.CheckQuiet()
}

// latest returns the newest delivery, and its last attempt.
func (c *client) latest(t *testing.T) (delivery, attempt string) {
	t.Helper()
	var found struct {
		Data struct {
			Deliveries struct {
				Nodes []struct {
					ID          string
					LastAttempt struct{ ID string }
				}
			}
		}
	}
	c.rest(t, "POST", "/graphql", `{"query": "{ deliveries(first: 1) { nodes { id lastAttempt { id } } } }"}`, &found)
	if len(found.Data.Deliveries.Nodes) == 0 {
		t.Fatal("there is no delivery")
	}
	newest := found.Data.Deliveries.Nodes[0]
	return newest.ID, newest.LastAttempt.ID
}
