// Package health knows whether a database accepts the server's writes: from the writer's last result, and from a probe on demand,
// which writes and reads a little.
package health

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

// Monitor monitors the health of a database. Its methods may be called from any goroutine.
type Monitor struct {
	c Config

	refused atomic.Pointer[string] // why the last transaction was refused; nil if it was not
	damaged atomic.Pointer[string] // why the server is not ready until it starts on another database

	mu      sync.Mutex // guards what follows
	closed  bool
	running chan struct{} // closed when the running probe has ended; nil if none runs
	probed  time.Time
	err     error // the probe's result
}

// Config has a Monitor's dependencies; none may be nil.
type Config struct {
	DB    Database
	Touch func(ctx context.Context) error // writes a row without meaning
	Run   func(f func())                  // runs f in a goroutine
	Quit  context.Context                 // ends probes
	Log   *slog.Logger
	// ReadyFor and NotReadyFor are how long a probe's result is used.
	ReadyFor, NotReadyFor time.Duration
}

// Database is the part of dialect.DB that checks a database's health.
type Database interface {
	Probe(ctx context.Context) (written bool, err error)
	Fault(err error) (what string, lasting bool)
}

// New returns a monitor of a healthy database.
func New(c Config) *Monitor { return &Monitor{c: c} }

// Ready returns why the server should get no calls, as text that anybody may see: the database does not respond, or does not accept
// writes. It queries the database once in a few seconds, however often it is called.
func (r *Monitor) Ready(ctx context.Context) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return webhook.ErrUnavailable
	}
	if r.running == nil {
		known := time.Since(r.probed)
		if r.err == nil && known < r.c.ReadyFor && r.well() == nil || r.err != nil && known < r.c.NotReadyFor {
			defer r.mu.Unlock()
			return r.err
		}
		r.running = make(chan struct{})
		r.c.Run(r.runProbe) // before Close returns, which takes mu first
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

// Close prevents new probes.
func (r *Monitor) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// well returns the error that statements of any kind got last.
func (r *Monitor) well() error {
	for _, why := range []*string{r.damaged.Load(), r.refused.Load()} {
		if why != nil {
			return fmt.Errorf("%w: %s", errNotWell, *why)
		}
	}
	return nil
}

func (r *Monitor) runProbe() {
	found := r.probe(r.c.Quit)
	err := found
	if what, _ := r.c.DB.Fault(found); what != "" {
		err = errors.New(what)
	} else if found != nil && !errors.Is(found, errNotWell) {
		err = errNoAnswer // the database's error may contain its host and user
	}
	r.mu.Lock()
	was := r.err
	r.err, r.probed = err, time.Now()
	close(r.running)
	r.running = nil
	r.mu.Unlock()
	switch {
	case r.c.Quit.Err() != nil:
	case err != nil && was == nil:
		r.c.Log.Error("not ready", slog.Any("error", found))
	case err == nil && was != nil:
		r.c.Log.Info("ready again")
	}
}

// probe tries to read and to write.
func (r *Monitor) probe(ctx context.Context) error {
	written, err := r.c.DB.Probe(ctx)
	if err == nil && !written {
		err = r.c.Touch(ctx)
	}
	if err != nil {
		r.Note(err)
		return err
	}
	return r.well()
}

// Note records an error of the database itself.
func (r *Monitor) Note(err error) {
	what, lasting := r.c.DB.Fault(err)
	switch {
	case what == "":
	case lasting:
		if r.damaged.CompareAndSwap(nil, &what) {
			r.c.Log.Error("database is damaged", slog.String("what", what), slog.Any("error", err))
		}
	default:
		r.refused.Store(&what)
	}
}

// Written records whether a transaction was committed.
func (r *Monitor) Written(err error) {
	if err != nil {
		r.Note(err)
	} else if r.refused.Load() != nil {
		r.refused.Store(nil)
	}
}

// WatchReads records readers' errors of a damaged database.
func (r *Monitor) WatchReads(read *gorm.DB) {
	note := func(db *gorm.DB) {
		if db.Error != nil {
			if _, lasting := r.c.DB.Fault(db.Error); lasting {
				r.Note(db.Error)
			}
		}
	}
	_ = read.Callback().Query().After("gorm:query").Register("hookgraph:fault", note)
	_ = read.Callback().Row().After("gorm:row").Register("hookgraph:fault", note)
	_ = read.Callback().Raw().After("gorm:raw").Register("hookgraph:fault", note)
}
