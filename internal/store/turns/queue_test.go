package turns

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The number of waiting calls is limited for each tenant alone; the server itself is never refused.
func TestQueueBoundsCalls(t *testing.T) {
	q := NewQueue[int](time.Second)
	for i := range maxWaiting {
		q.Add(Line{Tenant: webhook.ID{1}}, i)
		q.Add(Line{Server: true}, i)
	}
	for of, want := range map[Line]bool{{Tenant: webhook.ID{1}}: false, {Tenant: webhook.ID{2}}: true, {Server: true}: true} {
		if got := q.Add(of, 0); got != want {
			t.Errorf("one more of %v: %v, want %v", of, got, want)
		}
	}
}

// Lines take turns: a long one gets no more of a transaction than a turn while another waits, each line's work comes in order, and
// partly taken work stays at the head of its line.
func TestQueueGoesRound(t *testing.T) {
	q := NewQueue[int](time.Second)
	for i := range 5 * Turn {
		q.Add(Line{Tenant: webhook.ID{1}}, i)
	}
	q.Add(Line{Tenant: webhook.ID{2}}, -1)
	var got []int
	cost, halves := 0, 0
	take := func(w, limit int) (int, bool) {
		if w == -1 && halves == 0 {
			halves++
			return cost, false // it is large, and continues in its next turn
		}
		got = append(got, w)
		cost++
		return cost, true
	}
	q.Fill(0, 3*Turn, take)
	if len(got) != 3*Turn || got[Turn-1] != Turn-1 || got[2*Turn] != -1 {
		t.Fatalf("%d are taken, the small call is not in its second turn: %v", len(got), got)
	}
	next := 0
	for _, w := range got {
		if w != -1 && w != next {
			t.Fatalf("%d comes, want %d", w, next)
		} else if w != -1 {
			next++
		}
	}
	if n := q.Waiting(); n != 2*Turn+1 {
		t.Errorf("%d calls wait", n)
	}
	q.Fill(0, 10*Turn, take)
	if len(got) != 5*Turn+1 || q.Waiting() != 0 || len(q.lines) != 0 {
		t.Errorf("%d are taken in all, %d lines are left", len(got), len(q.lines))
	}
}
