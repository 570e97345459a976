package webhook

import (
	"strings"
	"testing"
	"time"
)

// The IDs from the lowest to the highest are those whose canonical form begins with the text, however it is spelled; text that is too
// short, too long or no part of an ID has none.
func TestIDsBeginning(t *testing.T) {
	id := NewID(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	text := id.String()
	for n := range len(text) + 1 {
		for _, spelled := range []string{text[:n], strings.ToUpper(text[:n]), strings.ReplaceAll(text[:n], "-", "")} {
			low, high, ok := IDsBeginning(spelled)
			digits := len(strings.ReplaceAll(spelled, "-", ""))
			if ok != (digits >= MinIDPrefix) {
				t.Fatalf("%q: %v", spelled, ok)
			}
			if !ok {
				continue
			}
			begins := strings.ToLower(strings.TrimSuffix(text[:n], "-"))
			if !strings.HasPrefix(low.String(), begins) || !strings.HasPrefix(high.String(), begins) ||
				strings.Trim(low.String()[n:], "0-") != "" || strings.Trim(high.String()[n:], "f-") != "" {
				t.Errorf("%q: from %s to %s", spelled, low, high)
			}
		}
	}
	for _, bad := range []string{"", "0190", text + "0", strings.ReplaceAll(text, "-", "") + "0", "g1234567", text[:8] + "--", "0123456-7", text[:18] + text[19:], "12345678 ", "é234567890"} {
		if low, high, ok := IDsBeginning(bad); ok {
			t.Errorf("%q: from %s to %s", bad, low, high)
		}
	}
}
