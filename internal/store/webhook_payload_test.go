package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func shaped(template string) *webhook.Payload {
	return &webhook.Payload{Format: webhook.PayloadTemplate, Template: &template}
}

// bodyOf is the body that the delivery's next attempt has.
func bodyOf(t *suite, s *store.Store, claimed *store.Claimed) string {
	t.Helper()
	if claimed.Delivery.PayloadVersion == nil {
		return "default"
	}
	p, err := s.Payload(t.Context(), claimed.Delivery.TenantID, *claimed.Delivery.PayloadVersion)
	must(t, err)
	b, err := p.Render(claimed.Event, nil)
	must(t, err)
	return string(b.Bytes)
}

// A delivery is made with the payload settings that its webhook has then, and keeps them when it is retried by the schedule. A retry by hand
// takes the current ones. Each attempt names those that it was made with.
func TestPayloadVersions(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, Payload: shaped(`{"v":1,"tag":"{{ tags[0] }}"}`)})
		first := publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`1`), Tags: []string{"x"}})[0].Event
		update := func(p *webhook.Payload) *webhook.Webhook {
			w, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Payload: webhook.Some(p)}, nil)
			must(t, err)
			return w
		}
		if w := update(shaped(`{"v":2}`)); w.Payload == nil || *w.Payload.Template != `{"v":2}` {
			t.Errorf("%+v", w.Payload)
		}
		second := publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`1`)})[0].Event
		update(nil)
		third := publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`1`)})[0].Event
		want := map[webhook.ID]string{first.ID: `{"v":1,"tag":"x"}`, second.ID: `{"v":2}`, third.ID: "default"}
		var delivery webhook.ID
		for range 2 { // as they were made, and retried by the schedule
			claims, _, err := s.Claim(t.Context(), w.ID, 10, 1<<20)
			must(t, err)
			if len(claims) != 3 {
				t.Fatalf("%d claims", len(claims))
			}
			for _, claimed := range claims {
				if got := bodyOf(t, s, claimed); got != want[claimed.Event.ID] {
					t.Errorf("%s, want %s", got, want[claimed.Event.ID])
				}
				if claimed.Event.ID == first.ID {
					delivery = claimed.Delivery.ID
				}
			}
			must(t, s.Unclaim(t.Context(), claims))
		}
		update(shaped(`{"v":3}`))
		_, err := c.RetryDelivery(t.Context(), delivery)
		must(t, err)
		claims, _, err := s.Claim(t.Context(), w.ID, 10, 1<<20)
		must(t, err)
		for _, claimed := range claims {
			if claimed.Delivery.ID == delivery && bodyOf(t, s, claimed) != `{"v":3}` {
				t.Errorf("retried by hand: %s", bodyOf(t, s, claimed))
			}
			r := &store.Result{Claimed: claimed, Attempt: webhook.Attempt{Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now()}}
			must(t, s.Record(t.Context(), r))
		}
		flush(t, s)
		attempts, err := c.Attempts(t.Context(), store.AttemptFilter{}, store.Page{First: 10})
		must(t, err)
		for _, a := range attempts.Items {
			for _, claimed := range claims {
				if v, is := claimed.Delivery.PayloadVersion, a.PayloadVersion; claimed.Delivery.ID == a.DeliveryID && ((v == nil) != (is == nil) || v != nil && *v != *is) {
					t.Errorf("an attempt names %v, not %v", is, v)
				}
			}
		}
		if len(attempts.Items) != 3 {
			t.Errorf("%d attempts", len(attempts.Items))
		}
	})
}

// Versions that were replaced are removed once no pending delivery and no attempt names them, and the same settings are one version. A webhook
// cannot have any number of them.
func TestPayloadVersionsAreRemoved(t *testing.T) {
	each(t, func(t *suite) {
		var later atomic.Int64 // hours
		now := func() time.Time { return time.Now().Add(time.Duration(later.Load()) * time.Hour) }
		s := t.Fresh().Rest(t, store.Options{Now: now})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, Payload: shaped(`1`)})
		update := func(p *webhook.Payload) (version *int64) {
			w, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Payload: webhook.Some(p)}, nil)
			must(t, err)
			return w.PayloadVersion
		}
		prune := func(want int) {
			t.Helper()
			n, err := s.PrunePayloads(t.Context())
			must(t, err)
			if n != want {
				t.Errorf("%d versions were removed, want %d", n, want)
			}
		}
		publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`1`)})
		one := *w.PayloadVersion
		two := *update(shaped(`2`))
		if again := *update(shaped(`1`)); again != one {
			t.Errorf("the same settings are version %d, and then %d", one, again)
		}
		update(shaped(`3`))
		prune(0) // too soon
		later.Add(2)
		prune(1) // 2
		if _, err := s.Payload(t.Context(), w.TenantID, two); err == nil {
			t.Error("a version that was removed is found")
		}
		claims, _, err := s.Claim(t.Context(), w.ID, 10, 1<<20)
		must(t, err)
		must(t, s.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: now()}}))
		flush(t, s)
		prune(0) // the attempt names it
		_, err = s.Prune(t.Context(), now().Add(time.Hour))
		must(t, err)
		prune(1)
		must(t, c.DeleteWebhook(t.Context(), w.ID))
		later.Add(2)
		prune(1)

		w = register(t, c, webhook.New{Enabled: true})
		for i := range 200 {
			update(shaped(fmt.Sprint(i)))
		}
		_, _, err = c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Payload: webhook.Some(shaped(`"one more"`))}, nil)
		if all := webhook.Invalids(err); len(all) != 1 || all[0].Field != "payload" || all[0].Code != webhook.CodeQuota {
			t.Errorf("one version more: %v", err)
		}
	})
}

// Settings that are invalid, or contradict the custom headers, are refused whichever is set first. A foreign version is not found.
func TestPayloadIsChecked(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		binary := &webhook.Payload{Format: webhook.PayloadCloudEventsBinary}
		value := "x"
		ce := []*webhook.NewHeader{{Name: "Ce-Id", Value: &value}}
		field := func(err error) string {
			if all := webhook.Invalids(err); len(all) == 1 {
				return all[0].Field
			}
			return fmt.Sprint(err)
		}
		_, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://a.test", Payload: binary, Headers: ce})
		if field(err) != "headers.0.name" {
			t.Errorf("both: %v", err)
		}
		_, _, err = c.CreateWebhook(t.Context(), webhook.New{URL: "https://a.test", Payload: shaped(`"{{ x }}"`)})
		if field(err) != "payload.template" {
			t.Errorf("a template that does not compile: %v", err)
		}
		w := register(t, c, webhook.New{Enabled: true, Payload: binary})
		_, _, err = c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Headers: webhook.Some(ce)}, nil)
		if field(err) != "headers.0.name" {
			t.Errorf("headers after the payload: %v", err)
		}
		o := register(t, c, webhook.New{Enabled: true, Headers: ce})
		_, _, err = c.UpdateWebhook(t.Context(), o.ID, webhook.Patch{Payload: webhook.Some(binary)}, nil)
		if field(err) != "headers.0.name" {
			t.Errorf("the payload after headers: %v", err)
		}
		other := tenant(t, s, "b")
		if _, err := s.Payload(t.Context(), register(t, other, webhook.New{}).TenantID, *w.PayloadVersion); err == nil || !strings.Contains(err.Error(), "not found") {
			t.Errorf("a foreign version: %v", err)
		}
		must(t, s.Close())
		s = t.Open(t, store.Options{})
		if to := s.Target(w.ID); to == nil || to.PayloadVersion == nil || *to.PayloadVersion != *w.PayloadVersion {
			t.Error("the version is lost when the store is opened again")
		}
	})
}
