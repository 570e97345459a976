package graph

import (
	"fmt"
	"strings"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// maxFilter is the maximum length of a list in a filter.
const maxFilter = 100

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
	return g, first(bounded("types", len(g.Types)), eventTypes("types", g.Types), tags(g.Tags), data(g.Data),
		contained("idempotencyKey", g.IdempotencyKey, webhook.MaxIdempotencyKeyBytes))
}

func deliveryFilter(f *store.DeliveryFilter) (store.DeliveryFilter, error) {
	g := given(f)
	return g, first(bounded("webhookIds", len(g.WebhookIDs)), bounded("eventIds", len(g.EventIDs)),
		bounded("deliveryIds", len(g.DeliveryIDs)), bounded("replayIds", len(g.ReplayIDs)),
		bounded("eventTypes", len(g.EventTypes)), bounded("statuses", len(g.Statuses)), bounded("errors", len(g.Errors)),
		eventTypes("eventTypes", g.EventTypes), tags(g.Tags), data(g.Data), statuses(g.HTTPStatuses))
}

func attemptFilter(f *store.AttemptFilter) (store.AttemptFilter, error) {
	g := given(f)
	return g, first(bounded("webhookIds", len(g.WebhookIDs)), bounded("deliveryIds", len(g.DeliveryIDs)),
		bounded("eventIds", len(g.EventIDs)), bounded("eventTypes", len(g.EventTypes)), bounded("statuses", len(g.Statuses)),
		bounded("errors", len(g.Errors)), bounded("triggers", len(g.Triggers)), eventTypes("eventTypes", g.EventTypes), statuses(g.HTTPStatuses))
}

func auditFilter(f *store.AuditFilter) (store.AuditFilter, error) {
	g := given(f)
	return g, first(bounded("actions", len(g.Actions)), bounded("objectIds", len(g.ObjectIDs)), bounded("tokenIds", len(g.TokenIDs)))
}

func webhookFilter(f *store.WebhookFilter) (store.WebhookFilter, error) {
	g := given(f)
	err := first(contained("url", g.URL, webhook.MaxURLBytes), contained("externalId", g.ExternalID, webhook.MaxExternalIDBytes),
		contained("text", g.Text, webhook.MaxURLBytes))
	if err != nil || g.EventType == "" {
		return g, err
	}
	return g, webhook.CheckTypeFilter("filter.eventType", g.EventType)
}

func tenantFilter(f *store.TenantFilter) (store.TenantFilter, error) {
	g := given(f)
	return g, contained("name", g.Name, webhook.MaxTenantNameBytes)
}

// contained refuses a text that is longer than any it could be contained in; databases would refuse such a pattern in their own
// ways.
func contained(field, text string, most int) error {
	if len(text) > most {
		return &webhook.Invalid{
			Field: "filter." + field, Code: webhook.CodeTooLong, Message: fmt.Sprintf("must be at most %d bytes long", most),
		}
	}
	return nil
}

// eventTypes refuses a pattern that matches no valid event type: a filter that can match nothing is a mistake.
func eventTypes(field string, types []string) error {
	for i, t := range types {
		if err := webhook.CheckTypePattern(fmt.Sprintf("filter.%s.%d", field, i), t); err != nil {
			return err
		}
	}
	return nil
}

// tags refuses what is the tag of no event.
func tags(list []string) error {
	if err := bounded("tags", len(list)); err != nil {
		return err
	}
	for i, t := range list {
		if err := webhook.CheckTag(fmt.Sprintf("filter.tags.%d", i), t); err != nil {
			return err
		}
	}
	return nil
}

// statuses refuses ranges that no number is in.
func statuses(ranges []store.IntRange) error {
	for i, r := range ranges {
		if r.From != nil && r.To != nil && *r.From > *r.To {
			return &webhook.Invalid{Field: fmt.Sprintf("filter.httpStatuses.%d", i), Code: webhook.CodeOutOfRange, Message: "must have a `from` that is not greater than `to`"}
		}
	}
	return bounded("httpStatuses", len(ranges))
}

// data refuses conditions that do not compile. Null beside contains stands for any value: it contains nothing.
func data(filters []filter.Data) error {
	for i := range filters {
		if f := &filters[i]; f.Contains != nil && strings.TrimSpace(string(f.Equals)) == "null" {
			f.Equals = nil
		}
	}
	_, err := filter.CompileData("filter.data", filters)
	return err
}

func bounded(field string, n int) error {
	if n > maxFilter {
		return &webhook.Invalid{
			Field: "filter." + field, Code: webhook.CodeTooMany,
			Message: fmt.Sprintf("must have at most %d elements", maxFilter),
		}
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
