package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// How long what a probe found holds. Tests make them shorter.
var (
	readyFor    = 5 * time.Second
	notReadyFor = time.Second
)

// readiness is whether the database takes what the server has to write. It is known from what the writer was told last, and from a
// probe, which writes and reads a little, when somebody asks.
type readiness struct {
	refused atomic.Pointer[string] // why the last transaction was refused; nil when it was not
	damaged atomic.Pointer[string] // why nothing is well until the server is started on another database

	mu      sync.Mutex // guards what follows
	closed  bool
	running chan struct{} // closed when the probe that runs has ended; nil when none does
	probed  time.Time
	err     error // what the probe found
}

// Ready reports why the server should get no calls, in words that anybody may see: the database does not answer, or does not take what is written. It asks the
// database once in a few seconds, however often it is called.
func (s *Store) Ready(ctx context.Context) error {
	r := &s.ready
	if s.opts.Shared {
		return s.Ping(ctx)
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return webhook.ErrUnavailable
	}
	if r.running == nil {
		known := time.Since(r.probed)
		if r.err == nil && known < readyFor && r.well() == nil || r.err != nil && known < notReadyFor {
			defer r.mu.Unlock()
			return r.err
		}
		r.running = make(chan struct{})
		s.background.Go(s.runProbe) // before Close waits: it takes mu first
	}
	running := r.running
	r.mu.Unlock()
	select {
	case <-running:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.err
	case <-ctx.Done():
		return errSlow
	}
}

var (
	errSlow     = errors.New("the database does not answer in time")
	errNoAnswer = errors.New("the database does not answer")
	errNotWell  = errors.New("the last write was refused")
)

// close keeps new probes from starting.
func (r *readiness) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// well is what statements of all kinds were told.
func (r *readiness) well() error {
	for _, why := range []*string{r.damaged.Load(), r.refused.Load()} {
		if why != nil {
			return fmt.Errorf("%w: %s", errNotWell, *why)
		}
	}
	return nil
}

func (s *Store) runProbe() {
	found := s.probe(s.quit)
	err := found
	if what, _ := s.db.Fault(found); what != "" {
		err = errors.New(what)
	} else if found != nil && !errors.Is(found, errNotWell) {
		err = errNoAnswer // what the database says may name its host and user
	}
	r := &s.ready
	r.mu.Lock()
	was := r.err
	r.err, r.probed = err, time.Now()
	close(r.running)
	r.running = nil
	r.mu.Unlock()
	switch {
	case s.quit.Err() != nil:
	case err != nil && was == nil:
		s.log.Error("not ready", slog.Any("error", found))
	case err == nil && was != nil:
		s.log.Info("ready again")
	}
}

// probe tries to read and to write.
func (s *Store) probe(ctx context.Context) error {
	written, err := s.db.Probe(ctx)
	if err == nil && !written {
		err = s.changeDeliveries(ctx, func(b *batch) error { return s.db.Touch(&b.Tx) })
	}
	if err != nil {
		s.noteFault(err)
		return err
	}
	return s.ready.well()
}

// noteFault remembers an error that is the database's own.
func (s *Store) noteFault(err error) {
	what, lasting := s.db.Fault(err)
	switch {
	case what == "":
	case lasting:
		if s.ready.damaged.CompareAndSwap(nil, &what) {
			s.log.Error("database is damaged", slog.String("what", what), slog.Any("error", err))
		}
	default:
		s.ready.refused.Store(&what)
	}
}

// written notes whether a transaction was committed.
func (s *Store) written(err error) {
	if err != nil {
		s.noteFault(err)
	} else if s.ready.refused.Load() != nil {
		s.ready.refused.Store(nil)
	}
}

// watchReads notes what readers are told of a database that is damaged.
func (s *Store) watchReads() {
	note := func(db *gorm.DB) {
		if db.Error != nil {
			if _, lasting := s.db.Fault(db.Error); lasting {
				s.noteFault(db.Error)
			}
		}
	}
	_ = s.read.Callback().Query().After("gorm:query").Register("hookgraph:fault", note)
	_ = s.read.Callback().Row().After("gorm:row").Register("hookgraph:fault", note)
	_ = s.read.Callback().Raw().After("gorm:raw").Register("hookgraph:fault", note)
}
