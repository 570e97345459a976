package removal

import "time"

// Bounds of removing an event that has more than Rows rows, and of deleting a tenant: what one transaction removes. Everybody waits for
// it, and a row with much data takes longer than others: it begins with a few and ends when its time is over.
const (
	Rows      = 2000
	paceFirst = 32 // rows of its first statement; each that is quick has the next take twice as many, up to paceMost
	paceMost  = 512
	paceTime  = 8 * time.Millisecond
)

// pace says how many rows the statements of a transaction that removes may take.
type pace struct {
	left, next    int
	begun, looked time.Time
}

func newPace() *pace {
	now := time.Now()
	return &pace{left: Rows, next: paceFirst, begun: now, looked: now}
}

// rows is how many the next statement may take; 0 when the transaction has done enough, and it has done something.
func (p *pace) rows() int {
	if p.left == Rows {
		return p.next
	}
	now := time.Now()
	if now.Sub(p.begun) >= paceTime {
		return 0
	}
	if now.Sub(p.looked) < paceTime/8 {
		p.next = min(2*p.next, paceMost)
	}
	p.looked = now
	return min(p.next, p.left)
}
