package store_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The failure rate of a webhook is of the last 24 full hours and the one that has begun: it appears when an attempt has failed, and
// goes when the failures are older; the last failure stays.
func TestFailureRatesAge(t *testing.T) {
	each(t, func(t *suite) {
		var clock storetest.Clock
		s := t.Open(t, store.Options{Now: clock.Now})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		listed := func(order store.WebhookOrder) (places []int64) {
			must(t, s.FoldStatistics(t.Context()))
			must(t, s.RateFailures(t.Context()))
			l, err := c.Webhooks(t.Context(), store.WebhookFilter{Order: order}, store.Page{First: 5})
			must(t, err)
			return l.Times
		}
		if rates := listed(store.WebhookFailedRate); len(rates) != 0 {
			t.Errorf("before any attempt: %v", rates)
		}
		publish(t, c, webhook.NewEvent{})
		recordAll(t, s, []*webhook.Webhook{w}, 500)
		if rates := listed(store.WebhookFailedRate); len(rates) != 1 || rates[0] != 1_000_000 {
			t.Errorf("after a failure: %v", rates)
		}
		clock.Forward(26 * time.Hour)
		if rates := listed(store.WebhookFailedRate); len(rates) != 0 {
			t.Errorf("26 hours later: %v", rates)
		}
		if failed := listed(store.WebhookFailed); len(failed) != 1 {
			t.Errorf("its last failure: %v", failed)
		}
	})
}
