package graph

import (
	"github.com/hookgraph/hookgraph/internal/store"
)

// given returns a filter argument, or the zero value if it is absent.
func given[F any](f *F) F {
	if f == nil {
		var all F
		return all
	}
	return *f
}

func eventFilter(f *store.EventFilter) (store.EventFilter, error) {
	g := given(f)
	return g, g.Check()
}

func deliveryFilter(f *store.DeliveryFilter) (store.DeliveryFilter, error) {
	g := given(f)
	return g, g.Check()
}

func attemptFilter(f *store.AttemptFilter) (store.AttemptFilter, error) {
	g := given(f)
	return g, g.Check()
}

func auditFilter(f *store.AuditFilter) (store.AuditFilter, error) {
	g := given(f)
	return g, g.Check()
}

func webhookFilter(f *store.WebhookFilter) (store.WebhookFilter, error) {
	g := given(f)
	return g, g.Check()
}

func tenantFilter(f *store.TenantFilter) (store.TenantFilter, error) {
	g := given(f)
	return g, g.Check()
}
