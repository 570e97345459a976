package config

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"golang.org/x/time/rate"
)

// Limits of warnings and errors with the same message: a burst, and then a steady rate. They are lower for lines about one tenant,
// address or webhook, so that none fills the log or hides the others.
const (
	linesAtOnce    = 100
	linesEach      = rate.Limit(10) // a second
	subjectAtOnce  = 5
	subjectEach    = rate.Limit(1.0 / 60)
	subjectsMax    = 4096
	attrSuppressed = "suppressed" // lines of the same kind before this one that were not logged
)

// subjects are the attributes that name a line's subject, where an outsider decides how often it is logged. A line with several is about the
// first of them: a tenant may have many webhooks.
var subjects = []string{"address", "tenant", "webhook"}

// bounded passes on lines below a warning, and limits the others.
type bounded struct {
	slog.Handler
	of *bounds
}

type bounds struct {
	mu    sync.Mutex // guards lines
	lines map[string]*line
}

type line struct {
	limiter    *rate.Limiter
	suppressed int
}

// Handle implements slog.Handler.
func (b *bounded) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return b.Handler.Handle(ctx, r)
	}
	suppressed, ok := b.of.allow(r, subjectOf(r))
	if !ok {
		return nil
	}
	if suppressed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int(attrSuppressed, suppressed))
	}
	return b.Handler.Handle(ctx, r)
}

// subjectOf returns what the line is about; "" if it has no subject.
func subjectOf(r slog.Record) (subject string) {
	rank := len(subjects)
	r.Attrs(func(a slog.Attr) bool {
		if i := slices.Index(subjects[:rank], a.Key); i >= 0 {
			rank, subject = i, a.Value.String()
		}
		return rank > 0
	})
	return subject
}

// allow reports whether a line is logged, and how many of its kind were suppressed since the last one that was logged.
func (b *bounds) allow(r slog.Record, subject string) (suppressed int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) >= subjectsMax {
		clear(b.lines)
	}
	get := func(key string, each rate.Limit, atOnce int) *line {
		l := b.lines[key]
		if l == nil {
			l = &line{limiter: rate.NewLimiter(each, atOnce)}
			b.lines[key] = l
		}
		return l
	}
	l := get(r.Message, linesEach, linesAtOnce)
	if subject != "" {
		if own := get(r.Message+"\x00"+subject, subjectEach, subjectAtOnce); !own.limiter.AllowN(r.Time, 1) {
			own.suppressed++
			return 0, false
		} else if own.suppressed > 0 {
			defer func() {
				if ok {
					suppressed += own.suppressed
					own.suppressed = 0
				}
			}()
		}
	}
	if !l.limiter.AllowN(r.Time, 1) {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}

// WithAttrs implements slog.Handler.
func (b *bounded) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &bounded{b.Handler.WithAttrs(attrs), b.of}
}

// WithGroup implements slog.Handler.
func (b *bounded) WithGroup(name string) slog.Handler {
	return &bounded{b.Handler.WithGroup(name), b.of}
}
