package webhook

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every broken rule names its field, and a valid webhook breaks none.
func TestCheck(t *testing.T) {
	good := Webhook{URL: "https://example.com/", Events: []string{"humanization.completed", "A_1.b.c"}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	zero, long, much := 0, 31_000, MaxRatePerSecond+1
	for field, w := range map[string]Webhook{
		"url REQUIRED":                     {},
		"url TOO_LONG":                     {URL: "https://example.com/" + strings.Repeat("a", MaxURLBytes)},
		"events TOO_MANY":                  {URL: "x", Events: make([]string, MaxEvents+1)},
		"events.1 REQUIRED":                {URL: "x", Events: []string{"a", ""}},
		"events.0 INVALID":                 {URL: "x", Events: []string{"a..b"}},
		"events.0 TOO_LONG":                {URL: "x", Events: []string{strings.Repeat("a", MaxEventTypeBytes+1)}},
		"description TOO_LONG":             {URL: "x", Description: strings.Repeat("é", MaxDescriptionChars+1)},
		"description INVALID":              {URL: "x", Description: "\xff"},
		"timeoutMs OUT_OF_RANGE":           {URL: "x", TimeoutMs: &long},
		"ratePerSecond OUT_OF_RANGE":       {URL: "x", RatePerSecond: &zero},
		"ratePerSecond OUT_OF_RANGE above": {URL: "x", RatePerSecond: &much},
		"retryScheduleMs.1 OUT_OF_RANGE":   {URL: "x", RetryScheduleMs: []int{0, -1}},
		"noRetryStatuses.1 OUT_OF_RANGE":   {URL: "x", NoRetryStatuses: []int{404, 299}},
		"noRetryStatuses.0 OUT_OF_RANGE":   {URL: "x", NoRetryStatuses: []int{600}},
		"noRetryStatuses.2 INVALID":        {URL: "x", NoRetryStatuses: []int{404, 300, 410}},
		"noRetryStatuses TOO_MANY":         {URL: "x", NoRetryStatuses: manyStatuses()},
		"retryScheduleMs TOO_MANY":         {URL: "x", RetryScheduleMs: make([]int, MaxRetries+1)},
	} {
		bad := Invalids(w.Check())
		if len(bad) != 1 {
			t.Errorf("%s: %v", field, bad)
			continue
		}
		if got := bad[0].Field + " " + string(bad[0].Code); !strings.HasPrefix(field, got) {
			t.Errorf("got %s, want %s", got, field)
		}
	}
}

// manyStatuses returns one status more than a webhook may have.
func manyStatuses() []int {
	var all []int
	for i := range MaxNoRetryStatuses + 1 {
		all = append(all, 300+i)
	}
	return all
}

// Statuses without retries are sorted and unique whatever the order in which they are given, so that equal settings are equal; no list is
// taken for an empty one. The caller's list stays as it is.
func TestNoRetryStatuses(t *testing.T) {
	given := []int{500, 404, 500, 300, 599}
	w := Webhook{URL: "x", NoRetryStatuses: given}
	w.Normalize()
	if want := []int{300, 404, 500, 599}; !slices.Equal(w.NoRetryStatuses, want) || given[0] != 500 || w.Check() != nil {
		t.Errorf("%v of %v, want %v; %v", w.NoRetryStatuses, given, want, w.Check())
	}
	for status, want := range map[int]bool{0: true, 404: false, 405: true, 599: false} {
		got := w.Retries(&status)
		if status == 0 {
			got = w.Retries(nil)
		}
		if got != want {
			t.Errorf("retries after %d: %v", status, got)
		}
	}
	w.NoRetryStatuses = []int{}
	if w.Normalize(); w.NoRetryStatuses != nil {
		t.Errorf("an empty list is %v", w.NoRetryStatuses)
	}
}

// The retry schedule returns every wait within its jitter, never less than the receiver requested, and then ends.
func TestSchedule(t *testing.T) {
	now := time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC)
	for tried := 1; tried < len(DefaultSchedule); tried++ {
		wait := float64(DefaultSchedule[tried])
		for range 100 {
			at, ok := DefaultSchedule.Next(tried, now, 0)
			if got := float64(at.Sub(now)); !ok || got < 0.9*wait-1 || got > 1.1*wait+1 {
				t.Fatalf("after attempt %d: %v %v, want %v ± 10 %%", tried, at.Sub(now), ok, DefaultSchedule[tried])
			}
		}
	}
	if _, ok := DefaultSchedule.Next(len(DefaultSchedule), now, time.Hour); ok {
		t.Error("an attempt more than the schedule has")
	}
	if at, _ := DefaultSchedule.Next(1, now, time.Hour); at.Sub(now) < time.Hour {
		t.Error("Retry-After was undercut")
	}
	if at, _ := DefaultSchedule.Next(1, now, 100*time.Hour); at.Sub(now) != MaxRetryAfter {
		t.Error("Retry-After is not capped")
	}
}

// Retry-After is read as seconds or as a date (RFC 9110, section 10.2.3); anything else counts as absent.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, " 7 ": 7 * time.Second, "-1": 0, "soon": 0,
		"99999999999999999999": MaxRetryAfter, "86401": MaxRetryAfter,
		"120.5": 121 * time.Second, "1.": time.Second, ".5": 0, "1.2.3": 0, "1e3": 0, "99999999999999999999.5": MaxRetryAfter, // not a rule's, but sent
		"30, 60": time.Minute, "60,30": time.Minute, ",": 0, "soon, 5": 5 * time.Second, // two fields that a proxy has joined
		"Thu, 23 Apr 2026 10:01:00 GMT": time.Minute, "Thu, 23 Apr 2026 09:00:00 GMT": 0,
		"Sat, 23 Apr 2033 10:01:00 GMT": MaxRetryAfter,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
	}
	twice := http.Header{"Retry-After": {"30", "Thu, 23 Apr 2026 10:01:00 GMT"}}
	if got := RetryAfter(twice, now); got != time.Minute {
		t.Errorf("%q is %v, want the longer", twice, got)
	}
}

// An id has one spelling, and ids sort by the millisecond of their creation.
func TestID(t *testing.T) {
	now := time.Now()
	a, b := NewID(now), NewID(now.Add(time.Millisecond))
	if a.String() >= b.String() {
		t.Errorf("%s does not come before %s", a, b)
	}
	if a[6]>>4 != 7 || a[8]>>6 != 2 {
		t.Errorf("%s is not of version 7, variant 2", a)
	}
	if back, err := ParseID(strings.ToUpper(a.String())); back != a || err != nil {
		t.Error(back, err)
	}
	for _, bad := range []string{"", "x", "{" + a.String() + "}", strings.ReplaceAll(a.String(), "-", ""), a.String() + "0", strings.Replace(a.String(), "0", "g", 1) + "z"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}

// The body is Standard Webhooks' structure around the bytes of data, the same at every attempt.
func TestBody(t *testing.T) {
	e := Event{Type: "humanization.completed", Data: []byte(`{"z":1,"a":1e400}`), Timestamp: time.Date(2026, 4, 23, 10, 0, 0, 123456000, time.FixedZone("", 7200))}
	want := `{"type":"humanization.completed","timestamp":"2026-04-23T08:00:00.123456Z","data":{"z":1,"a":1e400}}`
	if diff := cmp.Diff(want, string(e.AppendBody(nil))); diff != "" {
		t.Error(diff)
	}
}

// Data is any JSON value within its limits; an error names the field.
func TestNewEventCheck(t *testing.T) {
	for data, want := range map[string]string{
		`null`: "", `"x y"`: "", ` { "a" : "b c" } `: "", `[1,2]`: "", `"\" [{"`: "",
		``: "REQUIRED", `{`: "INVALID", `{"a":1}x`: "INVALID", "\"\xff\"": "INVALID", `{'a':1}`: "INVALID",
		`"` + strings.Repeat("a", 99) + `"`:                 "TOO_LONG",
		strings.Repeat("[", 101) + strings.Repeat("]", 101): "INVALID",
		strings.Repeat(" ", 500) + "1":                      "TOO_LONG",
		strings.Repeat(" ", 300) + "1":                      "",
	} {
		limit := 100
		if strings.HasPrefix(data, "[[") {
			limit = 1000
		}
		e := NewEvent{Type: "a.b", Data: json.RawMessage(data)}
		bad := Invalids(e.Check("events.3.", limit))
		switch {
		case want == "" && len(bad) == 0:
		case len(bad) == 1 && bad[0].Field == "events.3.data" && string(bad[0].Code) == want:
		default:
			t.Errorf("%.20q: %v, want %q", data, bad, want)
		}
	}
}

// For any data, Check refuses it, or leaves exactly what json.Compact returns.
func FuzzData(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2.50, "x\" y"]}`, `1e400`, `"\\"`, "[\t]", `{"a":1}}`, `"\u2028"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e := NewEvent{Type: "a", Data: data}
		if e.Check("", 1<<16) != nil {
			return
		}
		if !json.Valid(e.Data) || !json.Valid(data) {
			t.Fatalf("%q was accepted", data)
		}
		var compact bytes.Buffer
		if _ = json.Compact(&compact, data); compact.String() != string(e.Data) {
			t.Fatalf("%q became %q", data, e.Data)
		}
	})
}

// An event type is what a regular expression for the form in Standard Webhooks matches.
func TestEventTypes(t *testing.T) {
	form := regexp.MustCompile(`^[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)*$`)
	for _, s := range []string{
		"a", "humanization.completed", "A.b_C.09", "_", "a.b.c.d", ".", ".a", "a.", "a..b", "a b", "a-b", "é", "a.é", "a\n", "\x00", "a/b", "@", "[", "`", "{", ":",
	} {
		if ok := CheckEventType("type", s) == nil; ok != form.MatchString(s) {
			t.Errorf("%q: %v", s, ok)
		}
	}
}
