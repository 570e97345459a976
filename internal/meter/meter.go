// Package meter bounds the bytes that one operation may hold, and all of them together. Whoever reads rows, copies payloads or
// writes the answer takes what it needs from the meter of the context before it needs more; what is taken beyond the bound, or
// of a budget that others have used up, is an error, and the operation fails instead of the process.
package meter

import (
	"context"
	"errors"
	"sync"
)

// ErrTooLarge is an answer that would be larger than it may be, or that would need more memory to be made.
var ErrTooLarge = errors.New("the response is too large")

// heldPerAnswer is how many times the size of the largest answer may be held to make it: rows are read whole, and not all of a
// row is shown.
const heldPerAnswer = 4

// What an answer holds is charged to the budget a Piece at a time. The first bytes are not: most answers are smaller.
const (
	Piece = 64 << 10
	free  = 16 << 10
)

// Budget is what all answers together may hold, in bytes.
type Budget interface {
	// Take may wait. After an error nothing was taken.
	Take(n int64) error
	// Give gives back what was taken.
	Give(n int64)
}

// Meter counts the bytes of one answer at a time. A nil Meter bounds nothing. It is safe for concurrent use.
type Meter struct {
	limit  int
	budget Budget // nil: none

	mu     sync.Mutex // guards the fields below
	held   int
	over   bool
	field  []string
	copies int // bytes of the answer's text, in every copy that is made of it

	charging sync.Mutex // held while the budget is asked, which may wait; guards the fields below
	charged  int64
	refused  error // by the budget, for this answer
}

// New returns a meter for answers of at most limit bytes.
func New(limit int) *Meter { return &Meter{limit: limit} }

// Of returns a meter for answers of at most limit bytes, which takes from the budget what they hold. It must be Reset in the end.
func Of(budget Budget, limit int) *Meter { return &Meter{limit: limit, budget: budget} }

// Limit is the size of the largest answer in bytes; 0 means unlimited.
func (m *Meter) Limit() int {
	if m == nil {
		return 0
	}
	return m.limit
}

// Take counts bytes that are held until the answer is complete. The error is ErrTooLarge, or the budget's; once it was returned,
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

// Copy counts bytes of the answer's text that are held until it has been written to the client, the answer's bound apart. The
// error is the budget's.
func (m *Meter) Copy(bytes int) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	m.copies += bytes
	m.mu.Unlock()
	return m.charge()
}

// charge takes from the budget what is held and was not taken yet.
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

// Refused is the budget's error, for which the answer is not whole; nil as a rule.
func (m *Meter) Refused() error {
	if m == nil {
		return nil
	}
	m.charging.Lock()
	defer m.charging.Unlock()
	return m.refused
}

// Exceed ends the answer: what was written of it is as much as it may be. field is the way to what did not fit.
func (m *Meter) Exceed(field []string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over, m.field = true, field
}

// Exceeded reports whether the answer is too large, and the way to the field that Exceed was told.
func (m *Meter) Exceeded() (field []string, exceeded bool) {
	if m == nil {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.field, m.over
}

// Held is how many bytes were taken for this answer.
func (m *Meter) Held() int {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held
}

// Reset ends an answer, and begins the next: nothing is held.
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

// From returns the context's meter; nil when it has none.
func From(ctx context.Context) *Meter {
	m, _ := ctx.Value(key{}).(*Meter)
	return m
}
