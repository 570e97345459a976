package removal

import (
	"testing"
	"testing/synctest"
	"time"
)

// A removing transaction takes few rows at a time while its statements are slow and more while they are quick; it ends when its
// time or its rows are used up, and never before it has removed something.
func TestPace(t *testing.T) {
	for name, test := range map[string]struct {
		each time.Duration // of a statement
		most int           // rows of one statement
		all  int           // rows of the transaction
	}{
		"quick": {each: time.Microsecond, most: paceMost, all: Rows},
		"slow":  {each: paceTime / 4, most: paceFirst, all: 4 * paceFirst},
		"stuck": {each: time.Hour, most: paceFirst, all: paceFirst},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPace()
			if name == "stuck" {
				time.Sleep(time.Hour)
			}
			most, all := 0, 0
			for n := p.rows(); n > 0; n = p.rows() {
				most, all = max(most, n), all+n
				p.left -= n
				time.Sleep(test.each)
			}
			if most != test.most || all != test.all {
				t.Errorf("%s: %d rows, at most %d at once, want %d and %d", name, all, most, test.all, test.most)
			}
		})
	}
}
