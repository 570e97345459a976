package app

import (
	"bytes"
	"encoding/json"
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
	"github.com/hookgraph/hookgraph/internal/webhook"
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

// otherTenant is what another tenant has, all of it with the canary.
type otherTenant struct {
	client
	hook, event, delivery, attempt, replay string
}

func newOtherTenant(t *testing.T, operator *client, receiver *webhooktest.Receiver) *otherTenant {
	t.Helper()
	o := &otherTenant{client: operator.tenant(t, canary)}
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, canary)
	})
	o.hook = o.createWebhook(t, map[string]any{"url": receiver.URL + "/" + canary, "description": canary, "retryScheduleMs": []int{}})
	if status := o.rest(t, "PUT", "/v1/event-types/theirs.described", `{"description": "`+canary+`"}`, nil); status != http.StatusCreated {
		t.Fatal(status)
	}
	o.event = o.publish(t, canary+".made")
	receiver.Next(t)
	o.settle(t)
	o.delivery, o.attempt = o.latest(t)
	var made struct{ Replay struct{ ID string } }
	o.mutate(t, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } } }`,
		map[string]any{"kind": "FAILED", "filter": map[string]any{}, "note": canary}, &made)
	o.replay = made.Replay.ID
	receiver.Next(t)
	return o
}

// addresses are those of all screens, some with IDs of the other tenant, and what they say to a tenant that has nothing.
func (o *otherTenant) addresses() map[string]string {
	return map[string]string{
		"/":                              "Published 0",
		"/deliveries":                    "No delivery matches",
		"/deliveries?open=" + o.delivery: "This delivery is not there",
		"/deliveries/" + o.delivery:      "Not there",
		"/deliveries/" + o.delivery + "?attempt=" + o.attempt:                   "Not there",
		"/deliveries?q=" + url.QueryEscape("webhook:"+o.hook+" event:"+o.event): "No delivery matches",
		"/events":                           "No event was published yet",
		"/events?open=" + o.event:           "This event is not there",
		"/events/" + o.event:                "Not there",
		"/webhooks":                         "No webhook is registered yet",
		"/webhooks/" + o.hook:               "Not there",
		"/webhooks/" + o.hook + "/settings": "Not there",
		"/webhooks/" + o.hook + "/secrets":  "Not there",
		"/webhooks/" + o.hook + "/test":     "Not there",
		"/event-types":                      "No event type is declared",
		"/event-types/theirs.described":     "is not declared for this token",
		"/replays":                          "Nothing was sent again yet",
		"/replays/" + o.replay:              "Not there",
		"/replays/new?kind=all&q=" + url.QueryEscape("event:"+o.event):                        "No delivery matches",
		"/replays/new?kind=cancel&q=" + url.QueryEscape("webhook:"+o.hook):                    "No delivery that waits matches",
		"/replays/new?kind=missing":                                                           "No webhook has this",
		"/replays/new?kind=missing&q=" + url.QueryEscape("webhook:"+o.hook+" event:"+o.event): "does not exist",
		"/deliveries?q=" + url.QueryEscape("replay:"+o.replay):                                "No delivery matches",
		"/operate":       "used by this page",
		"/operate/audit": "Audit log",
		"/operate/audit?q=" + url.QueryEscape("object:"+o.hook): "No change matches",
		"/operate/tenants": "Not found",
		"/operate/server":  "Not found",
	}
}

// A tenant's token shows nothing of another tenant on any screen, at the other's addresses, with the other's IDs in the filters or in the
// jump, nor live; no answer of the server has it, either.
func TestDashboardIsolation(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	operator := &client{url: p.url, token: p.token}
	other, own := newOtherTenant(t, operator, receiver), operator.tenant(t, "own")
	proxy := newOverhearing(t, p.url)
	page := browsertest.Open(t, proxy.URL)
	page.Do(chromedp.Navigate(proxy.URL + "#token=" + own.token))
	page.WaitText("h1", "Home")
	unseen := func(page *browsertest.Page, where string) {
		t.Helper()
		if page.Is(fmt.Sprintf(`document.querySelector("main").innerHTML.toLowerCase().includes(%q)`, canary)) {
			t.Errorf("%s shows what is another tenant's", where)
		}
	}
	for path, says := range other.addresses() {
		page.Do(chromedp.Navigate(proxy.URL + path))
		page.WaitText("main", says)
		unseen(page, path)
	}
	for _, id := range []string{other.hook, other.event, other.delivery, other.attempt, other.replay, canary} {
		jump(page, id)
		page.WaitText("dialog .alert", "Nothing of this")
		click(page, "Cancel")
		page.WaitFor(`document.querySelector("dialog") === null`)
	}
	// Live: what is the other's does not come, what is one's own does.
	events := page.Another()
	events.Do(chromedp.Navigate(proxy.URL + "/events#token=" + own.token))
	events.WaitText("main", "No event was published yet")
	page.Do(chromedp.Navigate(proxy.URL + "/deliveries"))
	page.WaitText("main", "No delivery matches")
	other.publish(t, canary+".again")
	receiver.Next(t)
	own.createWebhook(t, map[string]any{"url": receiver.URL + "/own", "retryScheduleMs": []int{}})
	own.publish(t, "own.made")
	for _, list := range []*browsertest.Page{page, events} {
		list.WaitText(".row:not(.heading)", "own.made")
		list.WaitFor(rows + `.length === 1`)
		unseen(list, "a live list")
		list.CheckQuiet()
	}
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	if len(proxy.seen) > 0 {
		t.Errorf("answers have what is another tenant's: %s", strings.Join(proxy.seen, ", "))
	}
}

// latest returns the newest delivery, of those in one of the statuses if any are given, and its last attempt.
func (c *client) latest(t *testing.T, statuses ...webhook.DeliveryStatus) (delivery, attempt string) {
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
	of, err := json.Marshal(statuses)
	if err != nil {
		t.Fatal(err)
	}
	c.rest(t, "POST", "/graphql", `{"query": "query($of: [DeliveryStatus!]) { deliveries(first: 1, filter: {statuses: $of}) { nodes { id lastAttempt { id } } } }", "variables": {"of": `+string(of)+`}}`, &found)
	if len(found.Data.Deliveries.Nodes) == 0 {
		t.Fatal("there is no delivery")
	}
	newest := found.Data.Deliveries.Nodes[0]
	return newest.ID, newest.LastAttempt.ID
}
