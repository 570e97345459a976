package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Options says where the store is and what it may hold.
type Options struct {
	// Dir is the data directory, made (0700) when absent. It may be "" when URL is given and MasterKeys are.
	Dir string
	// URL is the PostgreSQL database; "" means SQLite in Dir.
	URL string
	// Shared opens a database that a server may be using, for short commands: no lock, no claims, no background work.
	Shared bool
	Logger *slog.Logger
	// MaxDataBytes bounds one event's compacted data; 0 means webhook.DefaultMaxDataBytes.
	MaxDataBytes int
	// CheckURL is the rule for webhook URLs: it returns the URL normalised, or an error whose text is shown to the caller,
	// at best a Refusal.
	// Nil means no rule beyond length.
	CheckURL func(raw string) (string, error)
	// CheckHeader is the rule for custom headers, its error as CheckURL's. Nil means no rule beyond number and size.
	CheckHeader func(name, value string) error
	// MasterKeys seal signing secrets and custom headers, 32 bytes each. The first is the current one; the others open what
	// RotateKey has not sealed again yet. None means those in the file master.key in Dir, made at the first start.
	MasterKeys [][]byte
	// Now is the clock that events are published and deliveries are due by; nil means time.Now. PostgreSQL has its own.
	Now func() time.Time
	// OnStatement, when not nil, is called for every SQL statement of a Scope; tests count with it.
	OnStatement func(sql string)
	// Retention is how long events are kept of tenants without a retention of their own.
	Retention webhook.Retention
	// Quotas are what tenants without quotas of their own may have and do.
	Quotas webhook.Quotas
}

// At are options of the database that an operator names: a directory, or the URL of a PostgreSQL database.
func At(database string) Options {
	if IsPostgres(database) {
		return Options{URL: database}
	}
	return Options{Dir: database}
}

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	opts   Options
	log    *slog.Logger
	db     dialect.DB
	read   *gorm.DB // a pool of read-only connections
	write  *gorm.DB // one connection, used by the writer alone
	keys   *seal.Ring
	writer *writer
	routes routes
	fans   *fanOuts
	memory *room // bytes of events that wait to be published

	searching searching // what a page of a list may read

	cursors    *cursor.Codec
	starting   sync.Mutex                // held while starts is read again
	starts     atomic.Pointer[startList] // as last read; never changed in place
	session    *dialect.Session          // what the database has of this
	audience   atomic.Pointer[audience]
	background sync.WaitGroup
	quotas     *quotas
	ready      readiness
	noted      chan struct{} // has room for one: operational events wait to be published
	deleted    chan struct{} // has room for one: rows of a deleted tenant wait to be removed
	noting     sync.Mutex    // held by publishNoted
	retaining  sync.Mutex    // guards retained
	retained   map[webhook.ID]retained
	quit       context.Context // ends the store's own goroutines, never a caller's work
	stop       context.CancelFunc
}

// publishMemory bounds the bytes of events that wait to be published.
const publishMemory = 64 << 20

// Open locks the directory, brings the schema up to date, checks that the database will keep what it acknowledges, and
// makes whatever an earlier process had claimed due again. The caller has Tasks run, and closes the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	db, err := o.dialect()
	if err != nil {
		return nil, err
	}
	return OpenOn(ctx, o, db)
}

// DB is the options' database.
func (o *Options) dialect() (dialect.DB, error) {
	if o.URL != "" {
		return dialect.New("postgres", o.URL)
	}
	return dialect.New("sqlite", o.Dir)
}

// OpenOn is Open on a database that the caller has made, of which Dir and URL are not asked.
func OpenOn(ctx context.Context, o Options, db dialect.DB) (_ *Store, err error) {
	o.Logger = logged(o.Logger)
	if o.MaxDataBytes == 0 {
		o.MaxDataBytes = webhook.DefaultMaxDataBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{
		opts: o, log: o.Logger, db: db, memory: newRoom(publishMemory), searching: defaultSearching(),
		noted: make(chan struct{}, 1), deleted: make(chan struct{}, 1),
	}
	s.audience.Store(&audience{dispatcher: noDispatcher{}})
	s.quit, s.stop = context.WithCancel(context.Background())
	s.quotas, s.fans = newQuotas(s, o.Quotas), newFanOuts(s)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.write, s.read, err = s.db.Open(ctx, o.Logger, !o.Shared); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, s.explained(err)
	}
	s.watchReads()
	if f := o.OnStatement; f != nil {
		count := func(db *gorm.DB) {
			if !db.DryRun { // a part of another statement
				f(db.Statement.SQL.String())
			}
		}
		_ = s.read.Callback().Query().After("gorm:query").Register("hookgraph:count", count)
		_ = s.read.Callback().Row().After("gorm:row").Register("hookgraph:count", count)
		_ = s.read.Callback().Raw().After("gorm:raw").Register("hookgraph:count", count)
	}
	if err := s.openKeys(); err != nil {
		return nil, err
	}
	if err := s.openCursors(); err != nil {
		return nil, err
	}
	s.session = &dialect.Session{Host: host{s}, Log: s.log, Now: o.Now, Shared: o.Shared, Write: s.write, Read: s.read, Quit: s.quit}
	s.writer = newWriter(s) // start's background work may ask it for something at once
	if err := s.db.Start(ctx, s.session); err != nil {
		return nil, s.explained(err)
	}
	if err := s.loadRoutes(); err != nil {
		return nil, s.explained(err)
	}
	if !o.Shared {
		if _, err := s.db.Probe(ctx); err != nil {
			return nil, s.explained(err)
		}
	}
	if !o.Shared {
		if err := s.quotas.load(ctx); err != nil {
			return nil, err
		}
	}
	s.background.Go(s.writer.run)
	if !o.Shared {
		s.background.Go(func() { s.fans.run(s.quit) })
	}
	return s, nil
}

// explained begins an error of the database with what is wrong with it.
func (s *Store) explained(err error) error {
	if what, _ := s.db.Fault(err); what != "" {
		return fmt.Errorf("%s: %w", what, err)
	}
	return err
}

// logged is the logger, or one that logs nothing.
func logged(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// IsPostgres reports whether the text is the URL of a PostgreSQL database.
func IsPostgres(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// Close writes what is queued, and releases the directory.
func (s *Store) Close() error {
	s.ready.close()
	s.stop()
	if s.writer != nil {
		s.writer.close()
	}
	s.background.Wait()
	var errs []error
	errs = append(errs, s.db.Close())
	errs = append(errs, dialect.ClosePool(s.read), dialect.ClosePool(s.write))
	return errors.Join(errs...)
}

// Reader reads the whole database in nobody's name, for package transfer.
func (s *Store) Reader() *gorm.DB { return s.read }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return dialect.Unavailable(err)
	}
	return nil
}

// audience is who is told of what was committed.
type audience struct {
	dispatcher Dispatcher
	attempts   func([]*webhook.Attempt) // nil: nobody
}

// Start sets who takes deliveries and who is told of attempts, once, before anything is published or recorded. Either may be
// nil: then every delivery waits to be claimed, and nobody is told. attempts is called after every commit, in commit order; it must
// return at once and must not change them.
func (s *Store) Start(d Dispatcher, attempts func([]*webhook.Attempt)) {
	if d == nil {
		d = noDispatcher{}
	}
	s.audience.Store(&audience{d, attempts})
	d.Nodes(s.db.Nodes())
}

// dispatcher is the sender, or one that takes nothing.
func (s *Store) dispatcher() Dispatcher { return s.audience.Load().dispatcher }

// watched reports whether somebody is told of attempts.
func (s *Store) watched() bool { return s.audience.Load().attempts != nil }

func (s *Store) tell(attempts []*webhook.Attempt) {
	if f := s.audience.Load().attempts; f != nil {
		f(attempts)
	}
}

// noDispatcher leaves every delivery to be claimed.
type noDispatcher struct{}

func (noDispatcher) Reserve(*Target, int) bool   { return false }
func (noDispatcher) Release(*Target, int)        {}
func (noDispatcher) Take(*Claimed)               {}
func (noDispatcher) Due(webhook.ID, time.Time)   {}
func (noDispatcher) Changed(*Target)             {}
func (noDispatcher) Nodes(int)                   {}
func (t noDispatcher) Batch(do func(Dispatcher)) { do(t) }
