package histogram

import (
	"testing"
	"time"
)

// A quantile is at most 1/32 more than the exact duration.
func TestHistogram(t *testing.T) {
	for _, us := range []int{0, 1, 31, 32, 33, 63, 64, 65, 1000, 99_999, 30_000_000, 1 << 31} {
		var h Histogram
		d := time.Duration(us) * time.Microsecond
		h.Add(d)
		got := *h.Counts().Ms(0.5) * 1000
		if got < float64(us) || got > float64(us)*(1+1.0/32)+1 {
			t.Errorf("%v is counted as %v µs", d, got)
		}
	}
	var h Histogram
	for i := range 1000 {
		h.Add(time.Duration(i) * time.Microsecond)
	}
	before := h.Counts()
	if got := *before.Ms(0.99) * 1000; got < 989 || got > 989*33/32+1 {
		t.Errorf("p99 of 0 to 999 µs is %v µs", got)
	}
	h.Add(time.Hour)
	if got := *h.Counts().Since(before).Ms(0.99); got < 3_600_000 {
		t.Errorf("an hour is counted as %v ms", got)
	}
	if Counts(nil).Ms(0.5) != nil {
		t.Error("nothing has a quantile")
	}
}
