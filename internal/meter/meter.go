// Package meter bounds the bytes that one operation may hold. Whoever reads rows, copies payloads or writes the answer takes
// what it needs from the meter of the context before it needs more; what is taken beyond the bound is an error, and the
// operation fails instead of the process.
package meter

import (
	"context"
	"errors"
	"sync"
)

// ErrTooLarge is an answer that would be larger than it may be, or that would need more memory to be made.
var ErrTooLarge = errors.New("the answer is too large")

// heldPerAnswer is how many times the size of the largest answer may be held to make it: rows are read whole, and not all of a
// row is shown.
const heldPerAnswer = 4

// Meter counts the bytes of one answer at a time. A nil Meter bounds nothing. It is safe for concurrent use.
type Meter struct {
	limit int

	mu    sync.Mutex // guards the fields below
	held  int
	over  bool
	field []string
}

// New returns a meter for answers of at most limit bytes.
func New(limit int) *Meter { return &Meter{limit: limit} }

// Limit is the size of the largest answer in bytes; 0 is no bound.
func (m *Meter) Limit() int {
	if m == nil {
		return 0
	}
	return m.limit
}

// Take counts bytes that are held until the answer is complete. The error is ErrTooLarge; once it was returned, nothing more can
// be taken for this answer.
func (m *Meter) Take(bytes int) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over = m.over || bytes > heldPerAnswer*m.limit-m.held; m.over {
		return ErrTooLarge
	}
	m.held += bytes
	return nil
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

// Reset begins the next answer.
func (m *Meter) Reset() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held, m.over, m.field = 0, false, nil
}

type key struct{}

// With returns a context whose operation is bounded by the meter.
func With(ctx context.Context, m *Meter) context.Context { return context.WithValue(ctx, key{}, m) }

// From returns the context's meter; nil when it has none.
func From(ctx context.Context) *Meter {
	m, _ := ctx.Value(key{}).(*Meter)
	return m
}
