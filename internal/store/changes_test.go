package store_test

import (
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// hearer is a follower that keeps the changes that it receives.
type hearer struct {
	mu   sync.Mutex
	list []store.Change
}

func (f *hearer) Following() bool { return true }

func (f *hearer) Changed(list []store.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, list...)
}

// of reports whether it received such a change since the last call of forget.
func (f *hearer) of(is func(c store.Change) bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.list, is)
}

func (f *hearer) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// transitions changes deliveries in every way, and checks that the follower receives each change, with statuses that the delivery really
// has before and after.
func transitions(t *testing.T, s *store.Store, follower *hearer) {
	t.Helper()
	c := tenant(t, s, "a")
	var w *webhook.Webhook
	var claimed *store.Claimed
	set := func(list ...webhook.DeliveryStatus) store.Statuses { return store.ShownStatuses(list) }
	ofWebhook := func(c store.Change) bool { return c.Webhook == w.ID && c.Delivery == webhook.ID{} }
	ofDelivery := func(was, is store.Statuses) func(store.Change) bool {
		return func(c store.Change) bool {
			d := &claimed.Delivery
			return c.Tenant == d.TenantID && c.Webhook == w.ID && c.Event == d.EventID && c.Delivery == d.ID && c.EventType == "a.b" && c.Was&was == was && (was == 0) == (c.Was == 0) && c.Is&is == is
		}
	}
	attempted := func(was, is store.Statuses) func(store.Change) bool {
		return func(c store.Change) bool { return c.Attempt != nil && ofDelivery(was, is)(c) }
	}
	again := func() {
		t.Helper()
		claims, _ := claim(t, s, w.ID, 1)
		if len(claims) != 1 {
			t.Fatalf("%d claims", len(claims))
		}
		claimed = claims[0]
	}
	step := func(what string, do func(), is func(c store.Change) bool) {
		t.Helper()
		follower.forget()
		do()
		webhooktest.Eventually(t, "the follower is told: "+what, func() bool { return follower.of(is) })
	}
	step("a webhook is created", func() {
		w = register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{0}})
	}, ofWebhook)
	step("an event that nobody wants", func() { publish(t, c, webhook.NewEvent{Type: "c.d"}) }, func(c store.Change) bool { return c.Tenant == w.TenantID })
	step("a delivery is made, and claimed", func() { publish(t, c, webhook.NewEvent{Type: "a.b"}); again() }, func(c store.Change) bool {
		return ofDelivery(0, set(webhook.Pending))(c)
	})
	step("released", func() { must(t, s.Unclaim(t.Context(), []*store.Claimed{claimed})) }, ofDelivery(set(webhook.Pending), set(webhook.Pending)))
	step("claimed", again, ofDelivery(set(webhook.Pending), set(webhook.Pending)))
	step("an attempt failed", func() { record(t, s, claimed, 500) }, attempted(set(webhook.Pending), set(webhook.Pending)))
	again()
	step("the last attempt failed", func() { record(t, s, claimed, 500) }, attempted(set(webhook.Pending), set(webhook.DeliveryFailed)))
	step("retried", func() { ignore(c.RetryDelivery(t.Context(), claimed.Delivery.ID))(t) }, ofDelivery(set(webhook.DeliveryFailed), set(webhook.Pending)))
	again()
	step("canceled", func() { ignore(c.CancelDelivery(t.Context(), claimed.Delivery.ID))(t) }, ofDelivery(set(webhook.Pending), set(webhook.Canceled)))
	step("and succeeded", func() { record(t, s, claimed, 200) }, ofDelivery(set(webhook.Canceled), set(webhook.DeliverySucceeded)))
	publish(t, c, webhook.NewEvent{Type: "a.b"}, webhook.NewEvent{Type: "a.b"})
	patch := func(enabled bool) func() {
		return func() {
			_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(enabled)}, nil)
			must(t, err)
		}
	}
	step("held", patch(false), ofWebhook)
	step("let go", patch(true), ofWebhook)
	step("given up", func() { ignore(s.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour)))(t) }, ofWebhook)
	publish(t, c, webhook.NewEvent{Type: "a.b"})
	audited := func(of webhook.ID) func(store.Change) bool {
		return func(c store.Change) bool { return c == store.Change{Tenant: of, Audit: true} }
	}
	token := func(of *webhook.ID) func() {
		return func() {
			ignore(s.Registry(nil).CreateToken(t.Context(), webhook.Token{TenantID: of, Name: "t"}, rand.Text()))(t)
		}
	}
	step("the tenant's audit log has a new entry", token(&w.TenantID), audited(w.TenantID))
	step("that of operators has a new entry", token(nil), audited(webhook.ID{}))
	step("the webhook is deleted", func() { must(t, c.DeleteWebhook(t.Context(), w.ID)) }, ofWebhook)
}

// ignore ignores a result, but not the error.
func ignore[V any](_ V, err error) func(t *testing.T) {
	return func(t *testing.T) {
		t.Helper()
		must(t, err)
	}
}

// Every change of a delivery is announced after its commit.
func TestChangesAreTold(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		follower := &hearer{}
		s.Follow(follower)
		transitions(t.T, s, follower)
	})
}

// Every change on one node is announced on another, by notifications, however rarely it polls.
func TestChangesAreToldOnOtherNodes(t *testing.T) {
	url := webhooktest.Postgres(t)
	reader, follower := notifying(t, url, store.Settings{Poll: time.Hour}), &hearer{}
	reader.Follow(follower)
	transitions(t, notifying(t, url, store.Settings{}), follower)
}

// When another node starts or ends, it may have missed changes or not sent all of its own, so anything may have changed.
func TestNodesTellOfGaps(t *testing.T) {
	url := webhooktest.Postgres(t)
	s, follower := node(t, url), &hearer{}
	s.Follow(follower)
	webhooktest.Eventually(t, "the follower is told that anything may have changed: the node begins to listen", func() bool {
		return follower.of(func(c store.Change) bool { return c == store.Change{} })
	})
	other := notifying(t, url, store.Settings{})
	webhooktest.Eventually(t, "the node knows of the other", func() bool { return s.NodeCount() == 2 })
	follower.forget()
	must(t, other.Close())
	webhooktest.Eventually(t, "the follower is told that anything may have changed: a node has ended", func() bool {
		return follower.of(func(c store.Change) bool { return c == store.Change{} })
	})
}
