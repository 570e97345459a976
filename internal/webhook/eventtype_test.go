package webhook

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A subscription is a type, a wildcard or all published types; one that no event can match is refused. A type with the reserved
// prefix can be subscribed to if the server publishes it, and cannot be published by others, in any letter case.
func TestEventTypeRules(t *testing.T) {
	long := strings.Repeat("a", MaxEventTypeBytes-2) // the longest prefix of a type
	for s, ok := range map[string]struct{ subscription, filter, published bool }{
		"a.b":                        {true, true, true},
		long + ".*":                  {subscription: true},
		long + "a.*":                 {},
		long + "aa":                  {true, true, true},
		long + "aaa":                 {},
		"hookgraph":                  {true, true, true},
		"hookgraphs.test":            {true, true, true},
		"*":                          {subscription: true},
		"a.*":                        {subscription: true},
		"a.b.*":                      {subscription: true},
		"hookgraph.*":                {subscription: true},
		"hookgraph.webhook.*":        {subscription: true},
		"hookgraph.test":             {subscription: true, filter: true},
		"hookgraph.webhook.disabled": {subscription: true, filter: true},
		"hookgraph.delivery.failed":  {subscription: true, filter: true},
		"hookgraph.nonsense":         {},
		"hookgraph.test.*":           {},
		"hookgraph.tes":              {},
		"Hookgraph.test":             {},
		"HOOKGRAPH.*":                {},
		"":                           {},
		".*":                         {},
		"a*":                         {},
		"a.*.b":                      {},
		"a..*":                       {},
		"**":                         {},
		"a.b*":                       {},
		"*.a":                        {},
		"a b.*":                      {},
	} {
		for name, is := range map[string]struct {
			err  error
			want bool
		}{
			"pattern":      {CheckTypePattern("f", s), ok.subscription && s != AllPublished},
			"subscription": {CheckSubscription("f", s), ok.subscription},
			"filter":       {CheckTypeFilter("f", s), ok.filter},
			"published":    {CheckPublishedType("f", s), ok.published},
		} {
			if (is.err == nil) != is.want {
				t.Errorf("%q as %s: %v", s, name, is.err)
			}
			if bad := Invalids(is.err); is.err != nil && (len(bad) != 1 || bad[0].Field != "f") {
				t.Errorf("%q as %s: %v does not name the field", s, name, is.err)
			}
		}
	}
}

// A list of events that means all published types is nil; beside * only operational types and invalid entries stay.
func TestNormalizeEvents(t *testing.T) {
	for _, c := range []struct{ given, want []string }{
		{nil, nil},
		{[]string{}, nil},
		{[]string{"*"}, nil},
		{[]string{"*", "a.b", "c.*", "*"}, nil},
		{[]string{"a.b", "*", "hookgraph.*", "a.b"}, []string{"*", "hookgraph.*"}},
		{[]string{"a.b", "c", "a.b"}, []string{"a.b", "c"}},
		{[]string{"*", "a..b"}, []string{"*", "a..b"}},
		{[]string{"*", "Hookgraph.x"}, []string{"*", "Hookgraph.x"}},
	} {
		w := Webhook{Events: slices.Clone(c.given)}
		w.Normalize()
		if diff := cmp.Diff(c.want, w.Events); diff != "" || (c.want == nil) != (w.Events == nil) {
			t.Errorf("%q: %s", c.given, diff)
		}
	}
}

// A wildcard stands for one or more words at the end, not for the rest of a word.
func TestMatchesType(t *testing.T) {
	for pattern, matched := range map[string]string{
		"a.b": "a.b", "a.*": "a.b a.b.c", "a.b.*": "a.b.c", "b.*": "", "hookgraph.*": "hookgraph.test", "ab.*": "ab.c", "A.*": "",
	} {
		var got []string
		for _, eventType := range []string{"a", "a.b", "a.b.c", "ab", "ab.c", "hookgraph.test"} {
			if MatchesType(pattern, eventType) {
				got = append(got, eventType)
			}
		}
		if strings.Join(got, " ") != matched {
			t.Errorf("%s: %q, want %s", pattern, got, matched)
		}
	}
}
