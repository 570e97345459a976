package removal

import "time"

// Limits of one transaction that removes an event with more than Rows rows, or a tenant. Everybody waits for it, and rows with much
// data take longer, so it begins with a few and ends when its time is over.
const (
	Rows      = 4000
	paceFirst = 32 // rows of its first statement; each quick one doubles the next, up to paceMost
	paceMost  = 512
	paceTime  = 8 * time.Millisecond
)

// pace decides how many rows each statement of a removing transaction takes.
type pace struct {
	left, next    int
	begun, looked time.Time
}

func newPace() *pace {
	now := time.Now()
	return &pace{left: Rows, next: paceFirst, begun: now, looked: now}
}

// rows returns how many rows the next statement may take; 0 if the transaction has done enough, which is at least something.
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
