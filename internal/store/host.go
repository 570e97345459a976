package store

import (
	"context"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// host is the store as its database sees it; it implements dialect.Host.
type host struct{ s *Store }

func (h host) Run(f func()) { h.s.background.Go(f) }

func (h host) Between(ctx context.Context, f func()) {
	done := make(chan struct{})
	select {
	case h.s.writer.pauses <- func() {
		defer close(done)
		f()
	}:
		select {
		case <-done:
		case <-h.s.writer.ended:
		}
	case <-ctx.Done():
	}
}

func (h host) Pass(ctx context.Context) error {
	return h.s.changeDeliveries(ctx, func(*batch) error { return nil })
}

func (h host) Tell(attempts []*webhook.Attempt) { h.s.tell(attempts) }

func (h host) Watched() bool { return h.s.watched() }

func (h host) Count(nodes int) { h.s.dispatcher().Nodes(nodes) }

func (h host) LookForDue(ctx context.Context) error {
	targets, err := h.s.Targets(ctx)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.Due != nil {
			h.s.dispatcher().Due(t.Target.ID, *t.Due)
		}
	}
	return nil
}

func (h host) TakeOver(db *gorm.DB, where string, args ...any) error {
	changed, err := h.s.readTargets(db, where, args...)
	if err != nil {
		return err
	}
	h.s.routes.change(changed)
	for _, to := range changed {
		h.s.dispatcher().Changed(to)
	}
	return nil
}

func (h host) LearnStarts(read func() ([]*dialect.Start, error)) error { return h.s.learnStarts(read) }
