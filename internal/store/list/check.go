package list

import (
	"fmt"
	"strings"

	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// maxFilter is the maximum length of a list in a filter.
const maxFilter = 100

// Check refuses what matches nothing or costs too much; it drops a condition that has no effect. The error, an *Invalid or several of them
// joined, names fields below "filter".
func (f *EventFilter) Check() error {
	return First(Bounded("types", len(f.Types)), CheckTypes("types", f.Types), tags(f.Tags), data(f.Data),
		some("idempotencyKey", f.IdempotencyKey, webhook.MaxIdempotencyKeyBytes), CheckRange("filter.createdAt", f.CreatedAt))
}

// Check is as that of EventFilter.
func (f *DeliveryFilter) Check() error {
	return First(Bounded("webhookIds", len(f.WebhookIDs)), Bounded("eventIds", len(f.EventIDs)),
		Bounded("deliveryIds", len(f.DeliveryIDs)), Bounded("replayIds", len(f.ReplayIDs)),
		Bounded("eventTypes", len(f.EventTypes)), Bounded("statuses", len(f.Statuses)), Bounded("errors", len(f.Errors)),
		CheckTypes("eventTypes", f.EventTypes), tags(f.Tags), data(f.Data), ranges(f.HTTPStatuses),
		CheckRange("filter.createdAt", f.CreatedAt), CheckRange("filter.completedAt", f.CompletedAt), CheckRange("filter.nextAttemptAt", f.NextAttemptAt))
}

// Check is as that of EventFilter.
func (f *AttemptFilter) Check() error {
	return First(Bounded("webhookIds", len(f.WebhookIDs)), Bounded("deliveryIds", len(f.DeliveryIDs)),
		Bounded("eventIds", len(f.EventIDs)), Bounded("eventTypes", len(f.EventTypes)), Bounded("statuses", len(f.Statuses)),
		Bounded("errors", len(f.Errors)), Bounded("triggers", len(f.Triggers)), CheckTypes("eventTypes", f.EventTypes), ranges(f.HTTPStatuses),
		CheckRange("filter.startedAt", f.StartedAt))
}

// Check is as that of EventFilter.
func (f *AuditFilter) Check() error {
	return First(Bounded("actions", len(f.Actions)), Bounded("objectIds", len(f.ObjectIDs)), Bounded("tokenIds", len(f.TokenIDs)),
		CheckRange("filter.at", f.At))
}

// Check is as that of EventFilter.
func (f *WebhookFilter) Check() error {
	err := First(some("url", f.URL, webhook.MaxURLBytes), some("externalId", f.ExternalID, webhook.MaxExternalIDBytes),
		some("text", f.Text, webhook.MaxURLBytes), webhook.NotEmpty("filter.eventType", f.EventType))
	if err != nil || f.EventType == nil {
		return err
	}
	return webhook.CheckTypeFilter("filter.eventType", *f.EventType)
}

// Check is as that of EventFilter.
func (f *TenantFilter) Check() error { return some("name", f.Name, webhook.MaxTenantNameBytes) }

// Check is as that of EventFilter.
func (f *EventTypeFilter) Check() error {
	return some("name", f.Name, webhook.MaxEventTypeBytes)
}

// some refuses a text that is empty, which would not filter, or longer than any that it is compared with or contained in: databases would refuse such
// a pattern in their own ways. Nil is none.
func some(field string, text *string, most int) error {
	if text == nil {
		return nil
	}
	if len(*text) > most {
		return &webhook.Invalid{
			Field: "filter." + field, Code: webhook.CodeTooLong, Message: fmt.Sprintf("must be at most %d bytes long", most),
		}
	}
	return webhook.NotEmpty("filter."+field, text)
}

// CheckTypes refuses a pattern that matches no valid event type: a filter that can match nothing is a mistake.
func CheckTypes(field string, types []string) error {
	for i, t := range types {
		if err := webhook.CheckTypePattern(fmt.Sprintf("filter.%s.%d", field, i), t); err != nil {
			return err
		}
	}
	return nil
}

// tags refuses what is the tag of no event.
func tags(list []string) error {
	if err := Bounded("tags", len(list)); err != nil {
		return err
	}
	for i, t := range list {
		if err := webhook.CheckTag(fmt.Sprintf("filter.tags.%d", i), t); err != nil {
			return err
		}
	}
	return nil
}

// ranges refuses those that no number is in.
func ranges(all []IntRange) error {
	for i, r := range all {
		if r.From != nil && r.To != nil && *r.From > *r.To {
			return &webhook.Invalid{Field: fmt.Sprintf("filter.httpStatuses.%d", i), Code: webhook.CodeOutOfRange, Message: "must have a `from` that is not greater than `to`"}
		}
	}
	return Bounded("httpStatuses", len(all))
}

// CheckRange refuses a range that no time is in: nobody means to ask for nothing, but many mix up the bounds.
func CheckRange(field string, r TimeRange) error {
	if r.From != nil && r.To != nil && !r.From.Before(*r.To) {
		return &webhook.Invalid{Field: field + ".to", Code: webhook.CodeOutOfRange, Message: "must be after `from`"}
	}
	return nil
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

// Bounded refuses a list of a filter that is too long.
func Bounded(field string, n int) error {
	if n > maxFilter {
		return &webhook.Invalid{
			Field: "filter." + field, Code: webhook.CodeTooMany,
			Message: fmt.Sprintf("must have at most %d elements", maxFilter),
		}
	}
	return nil
}

// First returns the first error that is not nil.
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
