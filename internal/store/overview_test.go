package store_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// An overview tells deliveries that may be sent now from those for later and those whose webhook is disabled. It reads due deliveries and the oldest
// event by their indexes, and client certificates that expire, of enabled webhooks.
func TestOverview(t *testing.T) {
	each(t, func(t *suite) {
		var clock storetest.Clock
		s := t.Fresh().Rest(t, store.Options{Now: clock.Now})
		o, err := s.Overview(t.Context())
		must(t, err)
		if o.Due != 0 || o.OldestDue != nil || o.OldestEvent != nil || o.Enabled != 0 || o.Tenants != 0 {
			t.Errorf("of an empty database: %+v", o)
		}
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		tomorrow := time.Now().Add(24 * time.Hour)
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{}, webhook.NewEvent{DeliverAt: &tomorrow})
		for name, left := range map[string]time.Duration{"today": time.Hour / 2, "soon": 6 * 24 * time.Hour, "later": 8 * 24 * time.Hour, "disabled": time.Hour} {
			chain, key := certificates.NewAuthority(t, "a").Issue(t, name, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(left) })
			register(t, c, webhook.New{Enabled: name != "disabled", Events: []string{"none"}, Authentication: &webhook.AuthenticationPatch{
				Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key}),
			}})
		}
		plans := s.Plans()
		o, err = s.Overview(t.Context())
		must(t, err)
		if o.Due != 2 || o.Scheduled != 1 || o.Held != 0 || o.OldestDue == nil || time.Since(*o.OldestDue) > time.Minute || o.OldestEvent == nil || o.Enabled != 4 || o.Expired != 0 || o.Expiring != 2 || o.Sizes.Database <= 0 {
			t.Errorf("%+v", o)
		}
		found := 0
		for text, plan := range plans(t) {
			of := strings.Contains(text, "ORDER BY id LIMIT 1")
			if !of && !strings.Contains(text, "AS due") && !strings.Contains(text, "AS expired") {
				continue
			}
			found++
			if expiry := strings.Contains(text, "AS expired"); expiry && !strings.Contains(plan, "webhook_authentications_expiry") {
				t.Errorf("%s\n%s", text, plan)
			}
			if of && (strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "Sort  (")) {
				t.Errorf("%s\n%s", text, plan)
			}
		}
		if found < 3 {
			t.Errorf("%d statements were seen", found)
		}
		_, _, err = c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil)
		must(t, err)
		if o, err = s.Overview(t.Context()); err != nil || o.Due != 0 || o.Held != 3 || o.Disabled != 2 || o.OldestDue != nil {
			t.Errorf("of a disabled webhook: %+v, %v", o, err)
		}
		clock.Forward(time.Hour)
		if o, err = s.Overview(t.Context()); err != nil || o.Expired != 1 || o.Expiring != 1 {
			t.Errorf("an hour later: %+v, %v", o, err)
		}
	})
}
