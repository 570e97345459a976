package peer

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// The receiver finds the publisher's time in a delivery's body, and an event's data has the requested size.
func TestSentAt(t *testing.T) {
	at := time.UnixMicro(1_700_000_000_123_456)
	for _, size := range []int{100, PayloadBytes, 1 << 20} {
		data := AppendData(nil, at, size)
		if len(data) != size || !json.Valid(data) {
			t.Fatalf("%d bytes, want %d of JSON: %.200s", len(data), size, data)
		}
		body := slices.Concat([]byte(`{"type":"bench.w0","timestamp":"2026-01-01T00:00:00Z","data":`), data, []byte("}"))
		if us, ok := sentAt(body); !ok || us != at.UnixMicro() {
			t.Errorf("got %d, %v", us, ok)
		}
	}
	if _, ok := sentAt([]byte(`{"data":{}}`)); ok {
		t.Error("found a time where there is none")
	}
}
