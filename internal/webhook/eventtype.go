package webhook

import (
	"slices"
	"strings"
)

// OperationalPrefix begins the types of operational events, which the server publishes about itself. Publishers cannot use
// it, in upper or lower case.
const OperationalPrefix = "hookgraph."

// The types of operational events.
const (
	TypeTest            = OperationalPrefix + "test"             // testWebhook sends it
	TypeProbe           = OperationalPrefix + "probe"            // asks a disabled webhook whether it works again
	TypeWebhookDisabled = OperationalPrefix + "webhook.disabled" // the server disabled webhooks
	TypeDeliveryFailed  = OperationalPrefix + "delivery.failed"  // deliveries failed

	TypeWebhookFailing   = OperationalPrefix + "webhook.failing"   // issues of failing webhooks opened
	TypeWebhookRecovered = OperationalPrefix + "webhook.recovered" // webhooks with such issues succeed again
	TypeWebhookEnabled   = OperationalPrefix + "webhook.enabled"   // webhooks were enabled

	TypeReplayCompleted = OperationalPrefix + "replay.completed" // replays have ended
	TypeTenantQuota     = OperationalPrefix + "tenant.quota"     // most of a quota is used, or all of it
)

var operationalTypes = []string{
	TypeTest, TypeProbe, TypeWebhookDisabled, TypeDeliveryFailed, TypeWebhookFailing, TypeWebhookRecovered, TypeWebhookEnabled, TypeReplayCompleted,
	TypeTenantQuota,
}

// AllPublished in a webhook's Events matches every published type: all except operational ones.
const AllPublished = "*"

// Operational reports whether the type is that of an operational event. The delivery of such an event causes no further
// operational events: otherwise one failing webhook would cause them forever.
func Operational(eventType string) bool { return strings.HasPrefix(eventType, OperationalPrefix) }

// reserved is Operational however the type is capitalised.
func reserved(eventType string) bool {
	n := len(OperationalPrefix)
	return len(eventType) >= n && strings.EqualFold(eventType[:n], OperationalPrefix)
}

// Wildcard returns the prefix of the types that a subscription "prefix.*" matches: "prefix.".
func Wildcard(subscription string) (prefix string, ok bool) {
	if strings.HasSuffix(subscription, ".*") {
		return subscription[:len(subscription)-1], true
	}
	return "", false
}

// Subscribes reports whether the webhook gets published events of the type, and operational ones, if they match its filter. Tests and probes go
// to one webhook, whatever it subscribes to.
func (w *Webhook) Subscribes(eventType string) bool {
	switch {
	case eventType == TypeTest || eventType == TypeProbe:
		return false
	case !Operational(eventType) && (len(w.Events) == 0 || slices.Contains(w.Events, AllPublished)):
		return true
	}
	return slices.ContainsFunc(w.Events, func(e string) bool { return MatchesType(e, eventType) })
}

// NamesOperational reports whether the webhook subscribes to operational events.
func (w *Webhook) NamesOperational() bool { return slices.ContainsFunc(w.Events, Operational) }

// CheckEventType applies the form of Standard Webhooks' event types: words of letters, digits and underscores, joined
// by dots. It returns nil or an *Invalid.
func CheckEventType(field, s string) error {
	switch {
	case s == "":
		return Invalidf(field, CodeRequired, "must be given")
	case len(s) > MaxEventTypeBytes:
		return Invalidf(field, CodeTooLong, "must be at most %d bytes long", MaxEventTypeBytes)
	case !isEventType(s):
		return Invalidf(field, CodeInvalid, "must be words of letters, digits and underscores, joined by dots, like humanization.completed")
	}
	return nil
}

// CheckPublishedType is CheckEventType for the type of a published event.
func CheckPublishedType(field, s string) error {
	if err := CheckEventType(field, s); err != nil {
		return err
	}
	if reserved(s) {
		return Invalidf(field, CodeNotAllowed, "must not begin with %s, which is reserved for the server's own events", OperationalPrefix)
	}
	return nil
}

// CheckTypeFilter refuses text that cannot be the type of an event. It returns nil or an *Invalid.
func CheckTypeFilter(field, s string) error {
	if err := CheckEventType(field, s); err != nil {
		return err
	}
	if reserved(s) && !slices.Contains(operationalTypes, s) {
		return noSuchType(field)
	}
	return nil
}

// CheckTypePattern is CheckTypeFilter for what may also be "prefix.*", as in a subscription.
func CheckTypePattern(field, s string) error {
	if s == AllPublished {
		return Invalidf(field, CodeInvalid, "must be an event type, or have a wildcard as its last word, like humanization.*: leave the filter out for all types")
	}
	return CheckSubscription(field, s)
}

// MatchesType reports whether an event type is the pattern, or one that the pattern "prefix.*" matches.
func MatchesType(pattern, eventType string) bool {
	if prefix, ok := Wildcard(pattern); ok {
		return strings.HasPrefix(eventType, prefix)
	}
	return pattern == eventType
}

// CheckSubscription refuses an element of a webhook's Events that no event can match: it is an event type, "prefix.*" or
// AllPublished. It returns nil or an *Invalid.
func CheckSubscription(field, s string) error {
	if s == AllPublished {
		return nil
	}
	prefix, ok := Wildcard(s)
	if !ok {
		if strings.Contains(s, "*") && len(s) <= MaxEventTypeBytes {
			return Invalidf(field, CodeInvalid, "must have a wildcard only as its last word, like humanization.*, or be *")
		}
		return CheckTypeFilter(field, s)
	}
	if len(s) > MaxEventTypeBytes { // no type with this prefix is short enough
		return Invalidf(field, CodeTooLong, "must be at most %d bytes long", MaxEventTypeBytes)
	}
	if !isEventType(prefix[:len(prefix)-1]) {
		return Invalidf(field, CodeInvalid, "must be words of letters, digits and underscores, joined by dots, before the wildcard, like humanization.*")
	}
	if reserved(prefix) && !slices.ContainsFunc(operationalTypes, func(t string) bool { return strings.HasPrefix(t, prefix) }) {
		return noSuchType(field)
	}
	return nil
}

func noSuchType(field string) *Invalid {
	return Invalidf(field, CodeInvalid, "matches no event: the types that begin with %s are %s", OperationalPrefix, strings.Join(operationalTypes, ", "))
}

func isEventType(s string) bool {
	word := false // the last character belongs to a word
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
			word = true
		case c == '.' && word:
			word = false
		default:
			return false
		}
	}
	return word
}
