// Package meter bounds the bytes that one operation may hold, and all operations together. Code that reads rows, copies payloads or
// writes the answer takes what it needs from the context's meter first. Beyond the limit, or if others have used up the budget, the
// meter returns an error, and the operation fails instead of the process.
package meter

import (
	"context"
	"errors"
	"sync"
)

// ErrTooLarge is an answer that would exceed its limit, or need more memory to produce than allowed.
var ErrTooLarge = errors.New("the response is too large")

// heldPerAnswer is how many times the size of the largest answer may be held to produce it: rows are read completely, but not
// every column is shown.
const heldPerAnswer = 4

// What an answer holds is charged to the budget in steps of Piece. The first bytes are free: most answers are smaller.
const (
	Piece = 64 << 10
	free  = 16 << 10
)

// Budget bounds what all answers together hold, in bytes.
type Budget interface {
	// Take may wait. After an error nothing was taken.
	Take(n int64) error
	// Give returns what was taken.
	Give(n int64)
}

// Meter counts the bytes of one answer at a time. A nil Meter has no limit. It is safe for concurrent use.
type Meter struct {
	limit  int
	budget Budget // nil: none

	mu     sync.Mutex // guards the fields below
	held   int
	over   bool
	field  []string
	copies int // bytes of all copies of the answer's text

	charging sync.Mutex // held during calls of budget, which may wait; guards the fields below
	charged  int64
	refused  error // by the budget, for this answer
}

// New returns a meter for answers of at most limit bytes.
func New(limit int) *Meter { return &Meter{limit: limit} }

// Of returns a meter for answers of at most limit bytes, which takes from the budget what they hold. The caller must Reset it at
// the end.
func Of(budget Budget, limit int) *Meter { return &Meter{limit: limit, budget: budget} }

// Limit returns the size of the largest answer in bytes; 0 means unlimited.
func (m *Meter) Limit() int {
	if m == nil {
		return 0
	}
	return m.limit
}

// Take counts bytes that are held until the answer is complete. The error is ErrTooLarge, or the budget's; after an error,
// nothing more can be taken for this answer.
func (m *Meter) Take(bytes int) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	if m.over = m.over || bytes > heldPerAnswer*m.limit-m.held; m.over {
		m.mu.Unlock()
		return ErrTooLarge
	}
	m.held += bytes
	m.mu.Unlock()
	return m.charge()
}

// Copy counts bytes of the answer's text that are held until it has been written to the client. They do not count for the limit of
// the answer. The error is the budget's.
func (m *Meter) Copy(bytes int) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	m.copies += bytes
	m.mu.Unlock()
	return m.charge()
}

// charge takes from the budget what is held and has not been taken yet.
func (m *Meter) charge() error {
	if m.budget == nil {
		return nil
	}
	m.charging.Lock()
	defer m.charging.Unlock()
	if m.refused != nil {
		return m.refused
	}
	m.mu.Lock()
	more := int64(m.held+m.copies) - free - m.charged
	m.mu.Unlock()
	if more <= 0 {
		return nil
	}
	more = (more + Piece - 1) / Piece * Piece
	if m.refused = m.budget.Take(more); m.refused != nil {
		return m.refused
	}
	m.charged += more
	return nil
}

// Refused returns the budget's error, because of which the answer is incomplete; usually nil.
func (m *Meter) Refused() error {
	if m == nil {
		return nil
	}
	m.charging.Lock()
	defer m.charging.Unlock()
	return m.refused
}

// Exceed marks the answer as too large. field is the path to what did not fit.
func (m *Meter) Exceed(field []string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over, m.field = true, field
}

// Exceeded reports whether the answer is too large, and the path given to Exceed.
func (m *Meter) Exceeded() (field []string, exceeded bool) {
	if m == nil {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.field, m.over
}

// Held returns how many bytes were taken for this answer.
func (m *Meter) Held() int {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held
}

// Reset ends an answer and begins the next, with nothing held.
func (m *Meter) Reset() {
	if m == nil {
		return
	}
	m.charging.Lock()
	defer m.charging.Unlock()
	m.mu.Lock()
	m.held, m.copies, m.over, m.field = 0, 0, false, nil
	m.mu.Unlock()
	if m.charged > 0 {
		m.budget.Give(m.charged)
	}
	m.charged, m.refused = 0, nil
}

type key struct{}

// With returns a context whose operation is bounded by the meter.
func With(ctx context.Context, m *Meter) context.Context { return context.WithValue(ctx, key{}, m) }

// From returns the context's meter; nil if it has none.
func From(ctx context.Context) *Meter {
	m, _ := ctx.Value(key{}).(*Meter)
	return m
}
