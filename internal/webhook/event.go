package webhook

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Bounds of an event.
const (
	DefaultMaxDataBytes    = 256 << 10 // compacted
	MaxIdempotencyKeyBytes = 255
	MaxPublish             = 1000 // events in one call
	MaxDataDepth           = 100  // nested arrays and objects
	MaxTags                = 10   // of one event
	MaxTagChars            = 64
	MaxDeliverAhead        = 30 * 24 * time.Hour // how far deliverAt may be in the future
)

// Event is something that happened, published once, immutable.
type Event struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"` // order of publication; inside the server only
	ID        ID
	TenantID  ID
	Type      string
	Timestamp time.Time `gorm:"serializer:micros"` // when it happened
	// Data is the JSON value published, compacted once: the same bytes are stored, signed and sent.
	Data      []byte
	Tags      []string  `gorm:"serializer:json"`                        // the publisher's, in its order, each once; nil: none
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"` // when it was published
	// OrderingKey is the publisher's: webhooks with ordering get events of one key one after the other. Nil: none.
	OrderingKey *string
	// DeliverAt and ExpiresAt are the publisher's: the event is not delivered before, and not delivered from then on, unless a caller asks
	// for it. Nil: at once; no end.
	DeliverAt *time.Time `gorm:"serializer:micros"`
	ExpiresAt *time.Time `gorm:"serializer:micros"`
	// Traceparent is the trace that it was published in; nil: none is known.
	Traceparent *TraceParent
	// Test says that it was sent to try one webhook. It is not counted as published, and no other webhook gets it later.
	Test bool
}

// Position is Seq: where lists have it.
func (e *Event) Position() int64 { return e.Seq }

// NewEvent is what a caller publishes.
type NewEvent struct {
	Type           string
	Timestamp      *time.Time // nil: now
	Data           json.RawMessage
	Outline        *rawjson.Outline // of Data, which is known to be JSON and UTF-8 then; nil: Check looks
	IdempotencyKey string           // empty: none
	Tags           []string         // nil or empty: none
	OrderingKey    string           // empty: none
	DeliverAt      *time.Time       // nil, or not after the present: at once
	ExpiresAt      *time.Time       // nil: never
	Traceparent    TraceParent      // "": none is known
	Blank          []string         // fields that were given, and are empty: Check refuses them
}

// Check applies the rules, compacts Data in place and removes duplicates from Tags. prefix is prepended to field names ("events.3."). maxData is in bytes.
func (e *NewEvent) Check(prefix string, maxData int) error {
	var errs []error
	if err := CheckPublishedType(prefix+"type", e.Type); err != nil {
		errs = append(errs, err)
	}
	if err := e.checkData(prefix+"data", maxData); err != nil {
		errs = append(errs, err)
	}
	if len(e.IdempotencyKey) > MaxIdempotencyKeyBytes {
		errs = append(errs, Invalidf(prefix+"idempotencyKey", CodeTooLong, "must be at most %d bytes long", MaxIdempotencyKeyBytes))
	} else if !printable(e.IdempotencyKey) {
		errs = append(errs, Invalidf(prefix+"idempotencyKey", CodeInvalid, "must be printable UTF-8"))
	}
	if err := checkOrderingKey(prefix+"orderingKey", e.OrderingKey); err != nil {
		errs = append(errs, err)
	}
	for _, field := range e.Blank {
		errs = append(errs, NotEmpty(prefix+field, new("")))
	}
	if err := e.checkTags(prefix + "tags"); err != nil {
		errs = append(errs, err)
	}
	if t := e.Timestamp; t != nil && (t.Year() < 1970 || t.Year() > 9999) {
		errs = append(errs, Invalidf(prefix+"timestamp", CodeOutOfRange, "must be in the years 1970 to 9999"))
	}
	return errors.Join(errs...)
}

// CheckTimes applies the rules of DeliverAt and ExpiresAt. ExpiresAt may be in the past, so that the same event is published again with its
// idempotency key at any time.
func (e *NewEvent) CheckTimes(prefix string, now time.Time) error {
	var errs []error
	for _, given := range []struct {
		field string
		at    *time.Time
	}{{"deliverAt", e.DeliverAt}, {"expiresAt", e.ExpiresAt}} {
		if t := given.at; t != nil && (t.Year() < 1970 || t.Year() > 9999) {
			errs = append(errs, Invalidf(prefix+given.field, CodeOutOfRange, "must be in the years 1970 to 9999"))
		}
	}
	if len(errs) > 0 || e.DeliverAt == nil {
		return errors.Join(errs...)
	}
	if e.DeliverAt.After(now.Add(MaxDeliverAhead)) {
		errs = append(errs, Invalidf(prefix+"deliverAt", CodeOutOfRange, "must be at most %d days in the future", MaxDeliverAhead/(24*time.Hour)))
	}
	if e.ExpiresAt != nil && !e.ExpiresAt.Truncate(time.Microsecond).After(e.DeliverAt.Truncate(time.Microsecond)) {
		errs = append(errs, Invalidf(prefix+"expiresAt", CodeOutOfRange, "must be after deliverAt"))
	}
	return errors.Join(errs...)
}

func (e *NewEvent) checkData(field string, maxData int) error {
	if len(e.Data) == 0 {
		return Invalidf(field, CodeRequired, "must be given; null is a valid value")
	}
	if len(e.Data) > 4*maxData { // removing white space may make it fit, within a bound
		return Invalidf(field, CodeTooLong, "must be at most %d bytes of JSON", maxData)
	}
	outline, valid, text := rawjson.Outline{}, true, true
	if e.Outline != nil {
		outline = *e.Outline
	} else {
		outline, valid = rawjson.Valid(e.Data)
		text = utf8.Valid(e.Data)
	}
	switch {
	case outline.Depth > MaxDataDepth:
		return Invalidf(field, CodeInvalid, "must be nested at most %d deep", MaxDataDepth)
	case !text:
		return Invalidf(field, CodeInvalid, "must be UTF-8")
	case !valid:
		return Invalidf(field, CodeInvalid, "must be JSON")
	case !outline.Compact:
		e.Data = rawjson.AppendCompact(make([]byte, 0, len(e.Data)), e.Data)
	}
	if len(e.Data) > maxData {
		return Invalidf(field, CodeTooLong, "must be at most %d bytes of JSON", maxData)
	}
	return nil
}

// ContentHash hashes what makes two publications the same: type, timestamp if given, data, tags in any order, ordering key, deliverAt and
// expiresAt.
func (e *NewEvent) ContentHash() []byte {
	h := sha256.New()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(e.Type)))
	h.Write(n[:])
	h.Write([]byte(e.Type))
	if e.Timestamp != nil {
		binary.BigEndian.PutUint64(n[:], uint64(e.Timestamp.UnixMicro()))
		h.Write(n[:])
	}
	h.Write([]byte{0})
	h.Write(e.Data)
	// None of these bytes occurs in UTF-8, so that no part is taken for another.
	for _, tag := range slices.Sorted(slices.Values(e.Tags)) {
		h.Write([]byte{0xff})
		h.Write([]byte(tag))
	}
	if e.OrderingKey != "" {
		h.Write([]byte{0xfe})
		h.Write([]byte(e.OrderingKey))
	}
	for mark, at := range []*time.Time{e.DeliverAt, e.ExpiresAt} {
		if at != nil {
			binary.BigEndian.PutUint64(n[:], uint64(at.UnixMicro()))
			h.Write([]byte{0xfc + byte(mark)})
			h.Write(n[:])
		}
	}
	return h.Sum(nil)
}

func (e *NewEvent) checkTags(field string) error {
	if len(e.Tags) == 0 {
		e.Tags = nil
		return nil
	}
	if len(e.Tags) > MaxTags {
		return Invalidf(field, CodeTooMany, "must have at most %d elements", MaxTags)
	}
	var errs []error
	tags := make([]string, 0, len(e.Tags))
	for i, t := range e.Tags {
		if err := CheckTag(Index(field, i), t); err != nil {
			errs = append(errs, err)
		} else if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	e.Tags = tags
	return errors.Join(errs...)
}

// CheckTag applies the rules of an event's tag. It returns nil or an *Invalid.
func CheckTag(field, tag string) error {
	switch {
	case tag == "":
		return Invalidf(field, CodeRequired, "must not be empty")
	case utf8.RuneCountInString(tag) > MaxTagChars:
		return Invalidf(field, CodeTooLong, "must be at most %d characters long", MaxTagChars)
	case !printable(tag):
		return Invalidf(field, CodeInvalid, "must be printable UTF-8")
	}
	return nil
}

func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return false
		}
	}
	return true
}

// Index returns the name of a list's element: "events.3".
func Index(field string, i int) string { return field + "." + strconv.Itoa(i) }

// AppendBody appends the request body of an event to b: Standard Webhooks' recommended structure around the published
// bytes of data. It is the same at every attempt.
func (e *Event) AppendBody(b []byte) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, e.Type...) // its characters need no escaping
	b = append(b, `","timestamp":"`...)
	b = e.Timestamp.UTC().AppendFormat(b, TimeFormat)
	b = append(b, `","data":`...)
	b = append(b, e.Data...)
	return append(b, '}')
}

// TimeFormat is the format of times for receivers and in GraphQL: RFC 3339, UTC, with microseconds if they are not 0.
const TimeFormat = "2006-01-02T15:04:05.999999Z07:00"
