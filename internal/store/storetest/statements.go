package storetest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Statements fails the test if a call that publishes takes more or fewer statements than plain. taken returns the writer's statements, counted at
// the driver, since its last call. What events and webhooks have besides adds no statement, except for tags, however many events a call has.
func Statements(t *testing.T, s *store.Store, taken func() []string, plain int) {
	t.Helper()
	for i, c := range []struct {
		name  string
		hook  webhook.New
		event webhook.NewEvent
		types bool // the tenant declares the event's type
		more  int  // statements
	}{
		{name: "plain"},
		{name: "a filter", hook: webhook.New{Filter: []byte(`{"data":{"job":1}}`)}},
		{name: "a payload", hook: webhook.New{Payload: &webhook.Payload{Format: webhook.PayloadTemplate, Template: new(`{"a":"{{data.job}}"}`)}}},
		{name: "a schema", types: true},
		{name: "tags", event: webhook.NewEvent{Tags: []string{"a", "b", "c"}}, more: 1},
	} {
		own := Tenant(t, s, fmt.Sprintf("t%d", i))
		c.hook.Enabled = true
		Register(t, own, c.hook)
		if c.types {
			_, _, err := own.PutEventType(t.Context(), "humanization.completed", webhook.EventTypePatch{
				Schema: webhook.Some([]byte(`{"type":"object"}`)), Validation: webhook.Some(webhook.ValidationReject),
			})
			Must(t, err)
		}
		for _, n := range []int{1, 16} {
			events := make([]webhook.NewEvent, n)
			for k := range events {
				events[k] = c.event
				events[k].Data = json.RawMessage(`{"job":1}`)
			}
			Publish(t, own, events...) // what is done once
			Must(t, s.Flush(t.Context()))
			taken()
			Publish(t, own, events...)
			if all := taken(); len(all) != plain+c.more {
				t.Errorf("%s: %d events take %d statements, want %d: %q", c.name, n, len(all), plain+c.more, all)
			}
		}
	}
}
