package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An event keeps its tags, and they belong to the content of its idempotency key (I10): another order is the same content, other
// tags are a conflict.
func TestTags(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		tags := []string{"eu", "<&>\"\u2028", "😀 \\"}
		done := publish(t, c, webhook.NewEvent{Tags: tags, IdempotencyKey: "k"}, webhook.NewEvent{}, webhook.NewEvent{Tags: tags}, webhook.NewEvent{IdempotencyKey: "bare"})
		for i, want := range [][]string{tags, nil, tags, nil} {
			if diff := cmp.Diff(want, done[i].Event.Tags); diff != "" {
				t.Errorf("event %d as published: %s", i, diff)
			}
			read, err := c.EventsByID(t.Context(), []webhook.ID{done[i].Event.ID})
			if must(t, err); read[done[i].Event.ID] == nil {
				t.Fatalf("event %d is not there", i)
			}
			if diff := cmp.Diff(want, read[done[i].Event.ID].Tags); diff != "" {
				t.Errorf("event %d as read: %s", i, diff)
			}
		}
		lean, err := c.Lean(store.Lean{NoData: true}).Events(t.Context(), store.EventFilter{}, store.Page{})
		if must(t, err); !cmp.Equal(lean.Items[3].Tags, tags) {
			t.Errorf("without data: %q", lean.Items[3].Tags)
		}
		for _, same := range [][]string{{tags[2], tags[0], tags[1], tags[0]}, tags} {
			if again := publish(t, c, webhook.NewEvent{Tags: same, IdempotencyKey: "k"})[0]; !again.Duplicate || !cmp.Equal(again.Event.Tags, tags) {
				t.Errorf("the same tags: %+v", again)
			}
		}
		for key, others := range map[string][][]string{"k": {nil, tags[:2], append(tags[:3:3], "x"), {tags[0], tags[1] + tags[2]}}, "bare": {{"x"}}} {
			for _, other := range others {
				bad := webhook.Invalids(publish(t, c, webhook.NewEvent{Tags: other, IdempotencyKey: key})[0].Err)
				if len(bad) != 1 || bad[0].Code != webhook.CodeConflict {
					t.Errorf("%s with %q: %v", key, other, bad)
				}
			}
		}
	})
}
