package webhook

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Tags are at most 10 printable texts of 1 to 64 characters, kept in the publisher's order, each once; an error names the tag.
func TestTags(t *testing.T) {
	many := func(n int) (tags []string) {
		for i := range n {
			tags = append(tags, strings.Repeat("é", i+1))
		}
		return tags
	}
	for _, c := range []struct {
		given, want []string
		bad         string
	}{
		{given: nil},
		{given: []string{}},
		{given: []string{"b", "a", "b"}, want: []string{"b", "a"}},
		{given: many(10), want: many(10)},
		{given: many(11), bad: "e.tags TOO_MANY"},
		{given: []string{strings.Repeat("é", MaxTagChars)}, want: []string{strings.Repeat("é", MaxTagChars)}},
		{given: []string{"a", strings.Repeat("é", MaxTagChars+1), "", "a\nb", "\xff"}, bad: "e.tags.1 TOO_LONG, e.tags.2 REQUIRED, e.tags.3 INVALID, e.tags.4 INVALID"},
	} {
		e := NewEvent{Type: "a", Data: json.RawMessage("1"), Tags: c.given}
		var bad []string
		for _, err := range Invalids(e.Check("e.", 10)) {
			bad = append(bad, err.Field+" "+string(err.Code))
		}
		if got := strings.Join(bad, ", "); got != c.bad {
			t.Errorf("%q: %s, want %s", c.given, got, c.bad)
		} else if diff := cmp.Diff(c.want, e.Tags); c.bad == "" && diff != "" {
			t.Errorf("%q: %s", c.given, diff)
		}
	}
}

// Two publications have the same hash if and only if type, timestamp, data, ordering key, deliverAt, expiresAt and set of tags are the same; no part is taken for another.
func TestContentHash(t *testing.T) {
	moment, later := time.UnixMicro(1), time.UnixMicro(2)
	of := func(e NewEvent) string {
		t.Helper()
		if e.Type == "" {
			e.Type = "a"
		}
		if e.Data == nil {
			e.Data = json.RawMessage("1")
		}
		if err := e.Check("", 100); err != nil {
			t.Fatal(err)
		}
		return string(e.ContentHash())
	}
	seen := map[string]int{}
	for i, e := range []NewEvent{
		{},
		{Type: "a1"},
		{Timestamp: &moment},
		{Timestamp: &later},
		{Data: json.RawMessage("2")},
		{Data: json.RawMessage("1.0")}, // numbers are compared as they are spelled
		{OrderingKey: "b"},
		{Tags: []string{"b"}},
		{Tags: []string{"c"}},
		{Tags: []string{"bc"}},
		{Tags: []string{"b", "c"}},
		{Tags: []string{"b"}, OrderingKey: "c"},
		{Tags: []string{"c"}, OrderingKey: "b"},
		{DeliverAt: &moment},
		{DeliverAt: &later},
		{ExpiresAt: &moment},
		{ExpiresAt: &later},
		{DeliverAt: &moment, ExpiresAt: &later},
	} {
		hash := of(e)
		if other, ok := seen[hash]; ok {
			t.Errorf("publications %d and %d have the same hash", other, i)
		}
		seen[hash] = i
	}
	if of(NewEvent{Tags: []string{"b", "c"}}) != of(NewEvent{Tags: []string{"c", "b", "c"}}) {
		t.Error("the order of tags, or a duplicate, changes the hash")
	}
	if of(NewEvent{IdempotencyKey: "k"}) != of(NewEvent{}) {
		t.Error("the idempotency key changes the hash")
	}
	if of(NewEvent{Data: json.RawMessage(`{"a": 1}`)}) != of(NewEvent{Data: json.RawMessage(`{"a":1}`)}) {
		t.Error("white space between tokens changes the hash")
	}
}

// deliverAt is at most 30 days ahead, and expiresAt after it; both may be in the past.
func TestTimesOfEvents(t *testing.T) {
	now := time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { return new(now.Add(d)) }
	for _, c := range []struct {
		deliver, expires *time.Time
		bad              string
	}{
		{},
		{deliver: at(MaxDeliverAhead), expires: at(MaxDeliverAhead + time.Microsecond)},
		{deliver: at(-time.Hour)},
		{expires: at(-time.Hour)},
		{expires: at(1000 * 24 * time.Hour)},
		{deliver: at(MaxDeliverAhead + time.Microsecond), bad: "e.deliverAt OUT_OF_RANGE"},
		{deliver: at(time.Hour), expires: at(time.Hour), bad: "e.expiresAt OUT_OF_RANGE"},
		{deliver: at(time.Hour), expires: at(time.Hour + time.Nanosecond), bad: "e.expiresAt OUT_OF_RANGE"}, // the same microsecond
		{deliver: at(time.Hour), expires: at(time.Minute), bad: "e.expiresAt OUT_OF_RANGE"},
		{deliver: new(time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)), expires: new(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), bad: "e.deliverAt OUT_OF_RANGE, e.expiresAt OUT_OF_RANGE"},
	} {
		e := NewEvent{DeliverAt: c.deliver, ExpiresAt: c.expires}
		var bad []string
		for _, err := range Invalids(e.CheckTimes("e.", now)) {
			bad = append(bad, err.Field+" "+string(err.Code))
		}
		if got := strings.Join(bad, ", "); got != c.bad {
			t.Errorf("%v, %v: %q, want %q", c.deliver, c.expires, got, c.bad)
		}
	}
}
