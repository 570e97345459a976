package graph

import (
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Whatever a client sends as a list's cursor is refused as such, or is exactly what the server makes for that row of that
// list: a cursor has one spelling, and one of another list is none.
func FuzzListCursor(f *testing.F) {
	for _, k := range []kind{ofWebhooks, ofEvents, ofDeliveries, ofAttempts, ofDeliverysOldest} {
		f.Add(k.cursor(1))
		f.Add(k.cursor(1<<63 - 1))
	}
	for _, s := range []string{"", "dw", "dwE=", "dwE\n", "d4CAgICAgICAgAE", "ZAA", "====", "null"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		read := 0
		for _, k := range []kind{ofWebhooks, ofEvents, ofDeliveries, ofAttempts, ofDeliverysOldest} {
			seq, err := k.parse("after", s)
			if err != nil {
				if all := webhook.Invalids(err); len(all) != 1 || all[0].Field != "after" {
					t.Fatalf("%q: %v", s, err)
				}
				continue
			}
			read++
			if seq < 1 || k.cursor(seq) != s {
				t.Fatalf("%q is read as %d of %c", s, seq, k)
			}
		}
		if read > 1 {
			t.Fatalf("%q is a cursor of %d lists", s, read)
		}
	})
}
