package live

import (
	"slices"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Match reports whether an attempt is the tenant's and matches the filter, with the same rules as the store's queries. The
// attempt's EventType must be set.
func Match(tenant webhook.ID, f *store.AttemptFilter, a *webhook.Attempt) bool {
	return a.TenantID == tenant &&
		in(f.WebhookIDs, a.WebhookID) &&
		in(f.DeliveryIDs, a.DeliveryID) &&
		in(f.EventIDs, a.EventID) &&
		(len(f.EventTypes) == 0 || slices.ContainsFunc(f.EventTypes, func(p string) bool { return webhook.MatchesType(p, a.EventType) })) &&
		in(f.Statuses, a.Status) &&
		(len(f.Errors) == 0 || a.Error != nil && in(f.Errors, *a.Error)) &&
		(len(f.HTTPStatuses) == 0 || a.ResponseStatus != nil && slices.ContainsFunc(f.HTTPStatuses, func(r store.IntRange) bool { return r.Has(*a.ResponseStatus) })) &&
		in(f.Triggers, a.Trigger) &&
		(f.StartedAt.From == nil || !a.StartedAt.Before(*f.StartedAt.From)) &&
		(f.StartedAt.To == nil || a.StartedAt.Before(*f.StartedAt.To))
}

// in reports whether a filter's list matches v; an empty one matches everything.
func in[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }
