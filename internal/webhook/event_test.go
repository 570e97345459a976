package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Tags are at most 20 printable texts of 1 to 64 characters, kept in the publisher's order, each once; an error names the tag.
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
		{given: many(MaxTags), want: many(MaxTags)},
		{given: many(MaxTags + 1), bad: "e.tags TOO_MANY"},
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
