package store

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// After any changes an event goes to the webhooks of its tenant that want its type, once each, whatever they wanted before.
func TestRoutesFollowWebhooks(t *testing.T) {
	r := &routes{byID: map[webhook.ID]*Hook{}, byTenant: map[webhook.ID]*tenantRoutes{}}
	random := rand.New(rand.NewPCG(1, 2))
	types := []string{"a", "b", "c", "d"}
	tenants := []webhook.ID{webhook.NewID(time.Now()), webhook.NewID(time.Now())}
	model := map[webhook.ID]*Hook{}
	var ids []webhook.ID
	for range 2000 {
		h := &Hook{}
		if len(ids) > 0 && random.IntN(3) > 0 {
			*h = *model[ids[random.IntN(len(ids))]]
		} else {
			h.ID, h.TenantID = webhook.NewID(time.Now()), tenants[random.IntN(len(tenants))]
			ids = append(ids, h.ID)
		}
		h.Events = nil
		for range random.IntN(4) {
			h.Events = append(h.Events, types[random.IntN(len(types))]) // may be twice
		}
		h.DeletedAt = nil
		if random.IntN(4) == 0 {
			h.DeletedAt = new(time.Time)
		}
		model[h.ID] = h
		r.change(map[webhook.ID]*Hook{h.ID: h})

		tenant, want := tenants[random.IntN(len(tenants))], map[webhook.ID]*Hook{}
		wanted := types[random.IntN(len(types))]
		live := 0
		for id, h := range model {
			if h.TenantID != tenant || h.DeletedAt != nil {
				continue
			}
			live++
			if h.Events == nil || slices.Contains(h.Events, wanted) {
				want[id] = h
			}
		}
		for _, h := range r.matching(nil, tenant, wanted) {
			if want[h.ID] != h {
				t.Fatalf("%s of events %v gets %q, or again", h.ID, h.Events, wanted)
			}
			delete(want, h.ID)
		}
		if len(want) > 0 {
			t.Fatalf("%d webhooks do not get %q", len(want), wanted)
		}
		if r.count(tenant) != live || len(r.of(tenant)) != live {
			t.Fatalf("%d webhooks are counted, want %d", r.count(tenant), live)
		}
	}
}
