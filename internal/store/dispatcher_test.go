package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// changes is a sender that notes how webhooks change. It has no room.
type changes struct {
	store.Dispatcher // not called otherwise
	of               *store.Store
	mu               sync.Mutex
	told             []string
}

func (c *changes) Batch(do func(store.Dispatcher)) { do(c) }
func (c *changes) Nodes(int)                       {}
func (*changes) Claimed() int                      { return 0 }
func (c *changes) Due(webhook.ID, time.Time)       {}

func (c *changes) Changed(was, to *store.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is := func(to *store.Target) string {
		if to == nil || to.DeletedAt != nil {
			return "none"
		}
		return fmt.Sprint(to.URL[len("https://"):], " ", to.Enabled)
	}
	latest := c.of.Target(to.ID)
	c.told = append(c.told, is(was)+" → "+is(to))
	if is(latest) != is(to) {
		c.told = append(c.told, "and Target returns "+is(latest))
	}
}

// last returns what it received since it was last called.
func (c *changes) last() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.told = nil }()
	return c.told
}

// The sender of every node receives each change of a webhook, with its state before. By then Target returns the new snapshot, and Owners
// counts the tenants that have webhooks.
func TestToldOfChanges(t *testing.T) {
	each(t, func(t *suite) {
		nodes := []*store.Store{t.Open(t, store.Options{})}
		if t.Kind == "postgres" {
			nodes = append(nodes, t.Open(t, store.Options{}))
		}
		var all []*changes
		for _, s := range nodes {
			c := &changes{of: s}
			s.Start(c, nil)
			all = append(all, c)
		}
		c := tenant(t, nodes[0], "a")
		w := register(t, c, webhook.New{Enabled: true, URL: "https://a.test"})
		patch := func(p webhook.Patch) error {
			_, _, err := c.UpdateWebhook(t.Context(), w.ID, p, nil)
			return err
		}
		for i, step := range []struct {
			change func() error
			told   string
			owners int
		}{
			{func() error { return nil }, "none → a.test true", 1},
			{func() error { return patch(webhook.Patch{URL: webhook.Some("https://b.test")}) }, "a.test true → b.test true", 1},
			{func() error { return patch(webhook.Patch{Enabled: webhook.Some(false)}) }, "b.test true → b.test false", 1},
			{func() error { return patch(webhook.Patch{Enabled: webhook.Some(true)}) }, "b.test false → b.test true", 1},
			{func() error { return c.DeleteWebhook(t.Context(), w.ID) }, "b.test true → none", 0},
		} {
			if err := step.change(); err != nil {
				t.Fatal(err)
			}
			for n, s := range nodes {
				if err := s.Flush(t.Context()); err != nil { // another node's changes are taken over with the next transaction
					t.Fatal(err)
				}
				if told := all[n].last(); !slices.Equal(told, []string{step.told}) || s.Owners() != step.owners {
					t.Errorf("step %d, node %d: told %q and %d owners, want %q and %d", i, n, told, s.Owners(), step.told, step.owners)
				}
			}
		}
	})
}

// Webhooks that are read again, as happens when one is committed while others are read, are told only if they have changed.
func TestToldOnce(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := &changes{of: s}
		s.Start(c, nil)
		chain, key := certificates.NewAuthority(t, "authority").Issue(t, "client", nil)
		register(t, tenant(t, s, "a"), webhook.New{
			Enabled: true, URL: "https://a.test", Headers: []*webhook.NewHeader{{Name: "X-A", Value: new("b")}}, Filter: json.RawMessage(`{"data": {"a": 1}}`),
			Authentication: &webhook.AuthenticationPatch{Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key})},
		})
		c.last()
		if err := s.ReadAgain(); err != nil {
			t.Fatal(err)
		}
		if told := c.last(); len(told) > 0 {
			t.Errorf("told again: %q", told)
		}
	})
}
