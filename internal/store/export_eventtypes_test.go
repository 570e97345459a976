package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/eventtypes"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Tenant returns the scope's tenant.
func (c *Scope) Tenant() webhook.ID { return c.tenant }

// Conforms checks an event as Publish does.
func (c *Scope) Conforms(ctx context.Context, e *webhook.NewEvent) error {
	var k eventtypes.Checker
	_, err := c.conforms(ctx, &k, e, "data")
	return err
}

// Checks reports whether a type of the tenant is checked.
func (s *Store) Checks(tenant webhook.ID) bool { return s.types.Find(tenant, "order.paid") != nil }

// FillEventTypes declares n types in one transaction.
func (s *Store) FillEventTypes(ctx context.Context, c *Scope, n int) error {
	return c.change(ctx, func(b *batch) error {
		for i := range n {
			p, err := eventtypes.Prepare(b.DB, c.tenant, fmt.Sprint("type.n", i), webhook.EventTypePatch{}, time.Now())
			if err != nil {
				return err
			}
			if _, _, _, err := p.Store(b.DB); err != nil {
				return err
			}
		}
		return nil
	})
}
