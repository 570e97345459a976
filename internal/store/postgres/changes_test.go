package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// What is put into the outbox arrives on the other side. If it is more than fits into a notification, less is said, but never too little:
// each change is still among what has changed. It is kept until it was sent.
func TestOutbox(t *testing.T) {
	const limit = 7900 // of a notification, which has the node's number too
	id := func() webhook.ID { return webhook.NewID(time.Now()) }
	for _, c := range []struct{ deliveries, webhooks, tenants int }{
		{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {3, 2, 1}, {50, 0, 0}, {200, 0, 0}, {10, 140, 3}, {5000, 0, 0}, {0, 5000, 0},
	} {
		var box outbox
		var all []dialect.Change
		hooks := []webhook.ID{id(), id(), id()}
		tenant := id()
		for i := range c.deliveries {
			hook := hooks[i%3]
			if c.deliveries > 1000 {
				hook = id()
			}
			all = append(all, dialect.Change{
				Tenant: tenant, Webhook: hook, Event: id(), Delivery: id(), EventType: strings.Repeat("a", i%webhook.MaxEventTypeBytes), Was: dialect.Owed, Is: 4,
			})
		}
		for range c.webhooks {
			all = append(all, dialect.Change{Tenant: tenant, Webhook: id()})
		}
		for range c.tenants {
			all = append(all, dialect.Change{Tenant: id()}, dialect.Change{Tenant: id(), Audit: true})
		}
		if c.tenants > 0 {
			all = append(all, dialect.Change{Audit: true}) // of no tenant
		}
		box.add(all)
		taken := box.take()
		if text := taken.text(); len(text) > limit {
			t.Errorf("%+v: %d bytes", c, len(text))
		}
		box.back(taken)
		again := box.take()
		heard := readTold(again.text())
		if len(all) == 0 && len(heard) > 0 {
			t.Errorf("nothing is heard as %v", heard)
		}
		for _, one := range all {
			if !slices.ContainsFunc(heard, func(h dialect.Change) bool {
				return h == one || h == dialect.Change{} || h == dialect.Change{Tenant: one.Tenant, Webhook: one.Webhook}
			}) {
				t.Fatalf("%+v: %+v is not heard", c, one)
			}
		}
		if c.deliveries <= 50 && c.webhooks <= 2 && len(heard) != len(all) {
			t.Errorf("%+v: %d of %d changes are heard", c, len(heard), len(all))
		}
		if empty := box.take(); empty.text() != "" {
			t.Errorf("%+v: it is told twice", c)
		}
	}
}

// A text that cannot be parsed means that anything may have changed.
func TestReadTold(t *testing.T) {
	one := news{deliveries: []dialect.Change{{EventType: "a.b"}}}
	whole := one.text()
	for _, text := range []string{toldEvery, "?", "Ag", whole[:len(whole)-2], whole[:40]} {
		if heard := readTold(text); len(heard) != 1 || heard[0] != (dialect.Change{}) {
			t.Errorf("%q is heard as %v", text, heard)
		}
	}
}
