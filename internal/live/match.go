package live

import (
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Match reports whether an attempt is the tenant's and matches the filter, with the same rules as the store's queries. The
// attempt's EventType must be set.
func Match(tenant webhook.ID, f *store.AttemptFilter, a *webhook.Attempt) bool {
	return of(tenant, a.TenantID) &&
		in(f.WebhookIDs, a.WebhookID) &&
		in(f.DeliveryIDs, a.DeliveryID) &&
		in(f.EventIDs, a.EventID) &&
		ofTypes(f.EventTypes, a.EventType) &&
		in(f.Statuses, a.Status) &&
		(len(f.Errors) == 0 || a.Error != nil && in(f.Errors, *a.Error)) &&
		answered(f.HTTPStatuses, a.ResponseStatus) &&
		in(f.Triggers, a.Trigger) &&
		within(f.StartedAt, &a.StartedAt)
}

// of reports whether rows of the owner are the tenant's, or everybody's are wanted.
func of(tenant, owner webhook.ID) bool { return owner == tenant || tenant == store.AllTenants }

// ofTypes reports whether an event type matches one of the patterns; an empty list matches everything.
func ofTypes(patterns []string, eventType string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return webhook.MatchesType(p, eventType) })
}

// answered reports whether a status is in one of the ranges; an empty list matches everything, also nil.
func answered(ranges []store.IntRange, status *int) bool {
	return len(ranges) == 0 || status != nil && slices.ContainsFunc(ranges, func(r store.IntRange) bool { return r.Has(*status) })
}

// within reports whether a time is in the range; one without bounds matches everything, also nil.
func within(r store.TimeRange, t *time.Time) bool {
	if t == nil {
		return r == store.TimeRange{}
	}
	return (r.From == nil || !t.Before(*r.From)) && (r.To == nil || t.Before(*r.To))
}

// in reports whether a filter's list matches v; an empty one matches everything.
func in[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }
