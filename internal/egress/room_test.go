package egress

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

type room func(ctx context.Context, bytes int) (granted, waited bool)

func (f room) Grow(ctx context.Context, bytes int) (granted, waited bool) { return f(ctx, bytes) }

// A body takes memory as it arrives, not as announced, and a small one none. Without room the rest is not read, and the wait does
// not count against the receiver: its status counts.
func TestRoom(t *testing.T) {
	sizes := map[string]int{"/small": FreeBodyBytes - 1, "/more": FreeBodyBytes + 1, "/large": MaxBodyBytes, "/endless": 10 * MaxBodyBytes, "/broken": 2 * FreeBodyBytes}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(bytes.Repeat([]byte("x"), sizes[r.URL.Path]))
		if r.URL.Path == "/broken" {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	defer s.Close()
	c := client(t, private(s))
	var asked []int
	for name, test := range map[string]struct {
		path      string
		room      room
		asked     int // how often
		bytes     int
		truncated bool
	}{
		"small":  {"/small", func(context.Context, int) (bool, bool) { return false, false }, 0, sizes["/small"], false},
		"more":   {"/more", func(context.Context, int) (bool, bool) { return true, true }, 1, sizes["/more"], false},
		"large":  {"/large", func(context.Context, int) (bool, bool) { return true, false }, 4, MaxBodyBytes, false},
		"none":   {"/large", func(context.Context, int) (bool, bool) { return false, true }, 1, FreeBodyBytes, true},
		"little": {"/endless", func(_ context.Context, n int) (bool, bool) { return n < 32<<10, false }, 3, -1, true},
		"late":   {"/broken", func(ctx context.Context, _ int) (bool, bool) { <-ctx.Done(); return true, true }, 1, -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			asked = nil
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if name == "late" {
				ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			}
			defer cancel()
			res := c.Do(ctx, &Request{URL: parse(t, s.URL+test.path), Body: []byte("{}"), Room: room(func(ctx context.Context, n int) (bool, bool) {
				asked = append(asked, n)
				return test.room(ctx, n)
			})})
			if res.Code != OK || res.StatusCode != http.StatusCreated || res.Truncated != test.truncated || (res.Message == noRoom) != test.truncated {
				t.Errorf("%v %d, truncated %t: %s", res.Code, res.StatusCode, res.Truncated, res.Message)
			}
			if test.bytes >= 0 && len(res.Body) != test.bytes || len(asked) < test.asked || test.asked < 2 && len(asked) > test.asked {
				t.Errorf("%d bytes, asked for %v", len(res.Body), asked)
			}
			for i, before := 0, FreeBodyBytes; i < len(asked); i++ {
				if asked[i] <= before || asked[i] > 3*before {
					t.Errorf("asked for %v", asked)
				}
				before = asked[i]
			}
		})
	}
}
