package webhook

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// The owner's own data about a webhook: its external id and its metadata, which nothing else here uses.

// JSONText returns JSON in the form in which a webhook stores its metadata and its filter; nil if it is absent or null.
func JSONText(raw []byte) *string {
	if len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null" {
		return nil
	}
	text := string(raw)
	return &text
}

// compact removes white space from JSON. What is invalid or much longer than most is left for the check.
func compact(text *string, most int) *string {
	if text == nil || len(*text) > 4*most {
		return text
	}
	outline, ok := rawjson.Valid([]byte(*text))
	if !ok || outline.Compact || outline.Depth > MaxDataDepth {
		return text
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(*text)) != nil {
		return text
	}
	return new(b.String())
}

// checkOwners applies the rules of the external id and the metadata.
func (w *Webhook) checkOwners() (errs []error) {
	if id := w.ExternalID; id != nil {
		switch {
		case *id == "":
			errs = append(errs, NotEmpty("externalId", id))
		case len(*id) > MaxExternalIDBytes:
			errs = append(errs, Invalidf("externalId", CodeTooLong, "must be at most %d bytes long", MaxExternalIDBytes))
		case !printable(*id):
			errs = append(errs, Invalidf("externalId", CodeInvalid, "must be printable UTF-8"))
		}
	}
	if m := w.Metadata; m != nil {
		if len(*m) > MaxMetadataBytes {
			return append(errs, Invalidf("metadata", CodeTooLong, "must be at most %d bytes of JSON", MaxMetadataBytes))
		}
		outline, ok := rawjson.Valid([]byte(*m))
		switch {
		case outline.Depth > MaxDataDepth:
			errs = append(errs, Invalidf("metadata", CodeInvalid, "must be nested at most %d deep", MaxDataDepth))
		case !ok || !utf8.ValidString(*m) || (*m)[0] != '{':
			errs = append(errs, Invalidf("metadata", CodeInvalid, "must be a JSON object"))
		}
	}
	return errs
}

// SameSettings reports whether two webhooks have the same settings by their owners. What the server does by itself, such as disabling a
// failing webhook, and the order of event types make no difference. Headers and the authentication are not part of a Webhook, so they are not compared. Both must
// be normalized.
func (w *Webhook) SameSettings(o *Webhook) bool {
	return w.URL == o.URL && sameEvents(w.Events, o.Events) && w.Description == o.Description && w.off() == o.off() &&
		(w.RetryScheduleMs == nil) == (o.RetryScheduleMs == nil) && slices.Equal(w.RetryScheduleMs, o.RetryScheduleMs) &&
		slices.Equal(w.NoRetryStatuses, o.NoRetryStatuses) &&
		alike(w.TimeoutMs, o.TimeoutMs) && alike(w.RatePerSecond, o.RatePerSecond) && alike(w.ExternalID, o.ExternalID) &&
		sameJSON(w.Metadata, o.Metadata) && sameJSON(w.Filter, o.Filter) && w.Payload.Same(o.Payload) && w.Ordering == o.Ordering && w.OnFailure == o.OnFailure &&
		w.Probe == o.Probe && w.SendTraceparent == o.SendTraceparent
}

// off reports whether the owner disabled the webhook.
func (w *Webhook) off() bool {
	return !w.Enabled && w.DisabledReason != nil && *w.DisabledReason == DisabledManual
}

func sameEvents(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func alike[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// sameJSON compares values, whatever the order of keys.
func sameJSON(a, b *string) bool {
	if a == nil || b == nil || *a == *b {
		return alike(a, b)
	}
	read := func(text string) (v any) {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber() // 1 and 1.0 differ: no number is taken for another
		_ = d.Decode(&v)
		return v
	}
	return reflect.DeepEqual(read(*a), read(*b))
}
