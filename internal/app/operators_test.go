package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The log tells the operator what the server did by itself: which webhook it disabled and why, which tenant is over its quota,
// which address guesses tokens, and whose calls cost too much. A flood of one kind does not fill the log.
func TestOperatorsAreTold(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	p := observe(t, t.TempDir(), map[string]string{
		"HOOKGRAPH_BOOTSTRAP_TOKEN": "hg_given-by-whoever-runs-the-machines",
		"HOOKGRAPH_MAX_WEBHOOKS":    "1", "HOOKGRAPH_MAX_EVENTS": "2", "HOOKGRAPH_COST_RATE": "1000", "HOOKGRAPH_COST_BURST": "10000",
	})
	c := &client{p.url, "hg_given-by-whoever-runs-the-machines"}
	var hook struct{ ID string }
	if status := c.rest(t, "POST", "/v1/webhooks", `{"url": "`+receiver.URL+`"}`, &hook); status != http.StatusCreated {
		t.Fatal(status)
	}
	c.publish(t, "a.b")
	webhooktest.Eventually(t, "the webhook is disabled", func() bool {
		is := struct{ Enabled bool }{true}
		c.rest(t, "GET", "/v1/webhooks/"+hook.ID, "", &is)
		return !is.Enabled
	})
	if status := c.rest(t, "POST", "/v1/webhooks", `{"url": "`+receiver.URL+`"}`, nil); status < 400 {
		t.Error("a second webhook was made")
	}
	for range 20 {
		c.rest(t, "POST", "/v1/events", `{"type": "a.b", "data": 1}`, nil)
	}
	for i := range 60 {
		(&client{p.url, fmt.Sprint("hg_guess", i)}).rest(t, "GET", "/v1/webhooks", "", nil)
	}
	for range 1000 {
		if c.rest(t, "GET", "/v1/webhooks", "", nil) == http.StatusTooManyRequests {
			break
		}
	}
	p.stop()
	log := string(p.log.bytes())
	for what, most := range map[string]int{
		"a webhook was disabled": 1, "call refused: the tenant has reached a quota": 5, "an address sends too many invalid tokens": 5, "call refused: the caller has used up": 5,
	} {
		if n := strings.Count(log, what); n < 1 || n > most {
			t.Errorf("%q is in %d lines, want 1 to %d", what, n, most)
		}
	}
	for _, want := range []string{`"reason":"GONE"`, hook.ID, `"quota":"events"`, `"quota":"webhooks"`, `"address":"127.0.0.1"`} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in the log", want)
		}
	}
}
