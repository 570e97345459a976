package webhook

import "testing"

// A trail is the path of a field, and those that go on from it do not change it.
func TestTrail(t *testing.T) {
	field := NewTrail("payload.template")
	blocks := field.At("blocks")
	for want, trail := range map[string]*Trail{
		"payload.template": field, "payload.template.blocks": blocks, "payload.template.blocks.0.text": blocks.Element(0).At("text"),
		"payload.template.blocks.12": blocks.Element(12), "payload.template.": field.At(""),
	} {
		if got := trail.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
