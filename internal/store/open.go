// Package store stores webhooks, events, deliveries and attempts in SQLite or PostgreSQL. Everything a tenant owns is read and changed through
// a Scope, which adds the tenant to every query.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/eventtypes"
	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/store/health"
	"github.com/hookgraph/hookgraph/internal/store/inspect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/migrations"
	"github.com/hookgraph/hookgraph/internal/store/payloads"
	"github.com/hookgraph/hookgraph/internal/store/quota"
	"github.com/hookgraph/hookgraph/internal/store/routing"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/store/turns"
	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Options are the location and the limits of a store.
type Options struct {
	// Dir is the data directory, created with mode 0700 if absent. It may be "" if URL and MasterKeys are set.
	Dir string
	// URL is the PostgreSQL database; "" means SQLite in Dir.
	URL string
	// Shared opens a database that a server may be using, for short commands: without lock, claims and background work.
	Shared bool
	Logger *slog.Logger
	// MaxDataBytes bounds one event's compacted data; 0 means webhook.DefaultMaxDataBytes.
	MaxDataBytes int
	// CheckURL is the rule for webhook URLs: it returns the normalized URL, or an error whose text is shown to the caller,
	// preferably a Refusal.
	// Nil means that only the length is checked.
	CheckURL func(raw string) (string, error)
	// CheckHeader is the rule for custom headers; its errors are like CheckURL's. Nil means that only number and size are checked.
	CheckHeader func(name, value string) error
	// MasterKeys seal signing secrets and custom headers, 32 bytes each. The first is the current one; the others open what
	// RotateKey has not sealed again yet. Empty means the keys of the file master.key in Dir, which the first start creates.
	MasterKeys [][]byte
	// Now is the clock for publishing and for due deliveries; nil means time.Now. PostgreSQL uses its own clock.
	Now func() time.Time
	// OnStatement, if not nil, is called for every SQL statement of a Scope. Tests count statements with it.
	OnStatement func(sql string)
	// Retention is how long events of tenants without their own retention are kept.
	Retention webhook.Retention
	// StatsRetention is how long statistics are kept; 0 means DefaultStatsRetention.
	StatsRetention time.Duration
	// AuditRetention is how long entries of the audit log are kept; 0 means DefaultAuditRetention.
	AuditRetention time.Duration
	// Process is how a server is described among the nodes.
	Process Process
	// Actor is who makes changes that no caller asks for; the zero value is the server.
	Actor webhook.Actor
	// Quotas are those of tenants without their own.
	Quotas webhook.Quotas
	// CountTenants is how many tenants Totals has by themselves.
	CountTenants int
	// Tracer records calls that publish, transactions and the recording of attempts; nil: nothing is traced.
	Tracer *tracing.Tracer
	// Tuning is DefaultTuning if nil.
	Tuning *Tuning
}

// Tuning has sizes and waits that operators cannot set. Tests make them smaller.
type Tuning struct {
	// An event that matches more than FanOutAbove webhooks gets a note instead of its deliveries, and so does one that matches more than
	// NoteAbove if its call makes more than CallDeliveries deliveries before its answer.
	FanOutAbove, NoteAbove, CallDeliveries int
	// A result that cannot be written for AsideAfter, although the database accepts others, is written without the receiver's answer. If
	// that fails too, the delivery is sent again after AsideWait.
	AsideAfter, AsideWait time.Duration
	// ResultsWait is how long a few successes wait for calls with which they share a transaction.
	ResultsWait time.Duration
	// ReadyFor and NotReadyFor are how long a result of Ready is reused.
	ReadyFor, NotReadyFor time.Duration
	// AloneAfter is how long no other tenant must have called before one may have long transactions.
	AloneAfter time.Duration
	// Linger is how long the row of a deleted tenant stays after all its other rows are removed: a caller that was authenticated just
	// before may still write rows.
	Linger time.Duration
	// FoldRows is the maximum number of rows of statistics that one transaction writes.
	FoldRows int
	// MergeRows is how many new rows of the journal of statistics are merged, into rows of about PartKeys keys.
	MergeRows, PartKeys int
}

// DefaultTuning is the tuning of a server.
func DefaultTuning() Tuning {
	return Tuning{
		FanOutAbove: 256, NoteAbove: 32, CallDeliveries: 8192,
		AsideAfter: 10 * time.Second, AsideWait: time.Hour, ResultsWait: time.Millisecond,
		ReadyFor: 5 * time.Second, NotReadyFor: time.Second,
		AloneAfter: time.Second, Linger: time.Minute, FoldRows: statistics.MostRows, MergeRows: 64, PartKeys: 128,
	}
}

// At returns the options for the database that an operator names: a directory, or the URL of a PostgreSQL database.
func At(database string) Options {
	if IsPostgres(database) {
		return Options{URL: database}
	}
	return Options{Dir: database}
}

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	opts   Options
	tuning Tuning
	log    *slog.Logger
	db     dialect.DB
	read   *gorm.DB // a pool of read-only connections
	write  *gorm.DB // one connection, used by the writer alone
	keys   *seal.Ring
	writer *writer
	tail   statistics.Tail
	total  stats.Total
	tally  counting // owned by the writer's goroutine, except where its fields say otherwise
	routes *routing.Table
	types  *eventtypes.Table
	fans   *fanout.Notes
	shapes *payloads.Cache
	clocks clocks
	memory *turns.Room // bytes of events that wait to be published
	places *turns.Room // for what takes a processor for long

	lists *list.Source

	cursors    *cursor.Codec
	starting   sync.Mutex                // held while starts is reloaded
	starts     atomic.Pointer[startList] // as last read; never changed in place
	session    *dialect.Session          // this start, as the database knows it
	audience   atomic.Pointer[audience]
	follower   atomic.Pointer[Follower]
	background sync.WaitGroup
	quotas     *quota.Book
	counting   sync.Mutex // held while stored events are counted
	health     *health.Monitor
	noted      chan struct{} // holds one signal: operational events wait to be published
	replaying  chan struct{} // holds one signal: a replay was created or changed
	lining     chan struct{} // holds one signal: lines may go on that were held
	lineAfter  webhook.ID    // how far mendLines has come; of mendLines only
	deleted    chan struct{} // holds one signal: rows of a deleted tenant wait to be removed
	noting     sync.Mutex    // held by publishNoted
	pruned     atomic.Int64  // events that retention has removed
	retaining  sync.Mutex    // guards retained
	retained   map[webhook.ID]retained
	quit       context.Context // ends the store's own goroutines, never a caller's work
	stop       context.CancelFunc
}

// publishMemory bounds the bytes of events that wait to be published.
const publishMemory = 64 << 20

// Open locks the directory, applies missing migrations, checks that the database stores commits durably, and makes the claims of an earlier
// process due again. The caller must run Tasks and close the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	db, err := o.dialect()
	if err != nil {
		return nil, err
	}
	return OpenOn(ctx, o, db)
}

// DB opens the database of the options.
func (o *Options) dialect() (dialect.DB, error) {
	if o.URL != "" {
		return dialect.New("postgres", o.URL)
	}
	return dialect.New("sqlite", o.Dir)
}

// OpenOn is Open for a database that the caller has opened; Dir and URL are not used. It is for callers that need the database itself, past
// tenants' scopes, and may import its package: the copy to another database, and tests with settings of their own.
func OpenOn(ctx context.Context, o Options, db dialect.DB) (_ *Store, err error) {
	o.Logger = logged(o.Logger)
	if o.MaxDataBytes == 0 {
		o.MaxDataBytes = webhook.DefaultMaxDataBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{
		opts: o, tuning: DefaultTuning(), log: o.Logger, db: db, routes: routing.New(), memory: turns.NewRoom(publishMemory),
		places: turns.NewRoom(computing), total: stats.Total{Tenants: o.CountTenants},
		noted: make(chan struct{}, 1), deleted: make(chan struct{}, 1), replaying: make(chan struct{}, 1), lining: make(chan struct{}, 1),
	}
	s.audience.Store(&audience{dispatcher: noDispatcher{}})
	if o.Tuning != nil {
		s.tuning = *o.Tuning
	}
	s.quit, s.stop = context.WithCancel(context.Background())
	s.health = health.New(health.Config{
		DB: db, Log: o.Logger, Quit: s.quit, Run: s.background.Go, ReadyFor: s.tuning.ReadyFor, NotReadyFor: s.tuning.NotReadyFor,
		Touch: func(ctx context.Context) error {
			return s.changeDeliveries(ctx, func(b *batch) error { return s.db.Touch(&b.Tx) })
		},
	})
	s.tally.folder = statistics.Folder{DB: db, MergeRows: s.tuning.MergeRows, PartKeys: s.tuning.PartKeys}
	s.quotas = quota.NewBook(o.Quotas, s.countHeld, o.Logger)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.write, s.read, err = s.db.Open(ctx, o.Logger, !o.Shared); err != nil {
		return nil, err
	}
	s.fans = fanout.New(s.quit, s.read, s.log, o.Shared, s.routes.Wanted) //nolint:contextcheck // s.quit ends with the store, not with the call that opened it
	s.types = eventtypes.New(s.read)
	s.shapes = payloads.NewCache(s.read)
	s.lists = &list.Source{DB: s.db, Read: s.read, Bounds: list.DefaultBounds()}
	steps, err := s.db.Provider(s.write)
	if err != nil {
		return nil, s.explained(fmt.Errorf("migrate: %w", err))
	}
	if err := migrations.Up(ctx, steps); err != nil {
		return nil, s.explained(err)
	}
	s.health.WatchReads(s.read)
	if o.OnStatement != nil {
		tell(s.read, o.OnStatement)
	}
	if err := s.openKeys(); err != nil {
		return nil, err
	}
	if err := s.openCursors(); err != nil {
		return nil, err
	}
	s.session = &dialect.Session{Host: host{s}, Log: s.log, Now: o.Now, Process: o.Process, Shared: o.Shared, Write: s.write, Read: s.read, Quit: s.quit}
	s.writer = newWriter(s) // before start, whose background work may use it immediately
	if err := s.db.Start(ctx, s.session); err != nil {
		return nil, s.explained(err)
	}
	if err := errors.Join(s.loadRoutes(), s.types.Load(s.write)); err != nil {
		return nil, s.explained(err)
	}
	if !o.Shared {
		if _, err := s.db.Probe(ctx); err != nil {
			return nil, s.explained(err)
		}
		if err := s.loadQuotas(ctx); err != nil {
			return nil, err
		}
		if err := s.countExisting(ctx); err != nil {
			return nil, s.explained(err)
		}
	}
	s.background.Go(s.writer.run)
	if !o.Shared {
		s.background.Go(func() { s.fans.Run(s.quit) })
	}
	return s, nil
}

// tell calls f with each statement of db.
func tell(db *gorm.DB, f func(text string)) {
	count := func(db *gorm.DB) {
		if !db.DryRun { // it is part of another statement
			f(db.Statement.SQL.String())
		}
	}
	_ = db.Callback().Query().After("gorm:query").Register("hookgraph:count", count)
	_ = db.Callback().Row().After("gorm:row").Register("hookgraph:count", count)
	_ = db.Callback().Raw().After("gorm:raw").Register("hookgraph:count", count)
}

// Migration is one migration of the schema.
type Migration = migrations.Step

// storeless is an open database without a store, for work on the database as it is. A server may be using it.
type storeless struct {
	dialect.DB

	write, read *gorm.DB
}

// openBare opens an existing database. Nobody else may use it if exclusive is set.
func (o *Options) openBare(ctx context.Context, exclusive bool) (*storeless, error) {
	db, err := o.dialect()
	if err != nil {
		return nil, err
	}
	if err := db.Exists(); err != nil {
		return nil, fmt.Errorf("no database: %w", err)
	}
	is := &storeless{DB: db}
	if is.write, is.read, err = db.Open(ctx, logged(o.Logger), exclusive); err != nil {
		return nil, errors.Join(err, is.close())
	}
	return is, nil
}

func (d *storeless) close() error {
	return errors.Join(d.Close(), dialect.ClosePool(d.read), dialect.ClosePool(d.write))
}

// Migrations lists the migrations of an existing database, oldest first. With up it applies the missing ones first.
func Migrations(ctx context.Context, o Options, up bool) (_ []Migration, err error) {
	db, err := o.openBare(ctx, up)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	p, err := db.Provider(db.write)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return migrations.List(ctx, p, up)
}

// Inspection is the result of a check of Inspect.
type Inspection = inspect.Result

// InspectionProblem is what a check has found.
type InspectionProblem = inspect.Problem

// InspectionBounds limit what an inspection reads.
type InspectionBounds = inspect.Bounds

// InspectionChecks returns the names of the checks, in order.
func InspectionChecks() []string { return inspect.Checks() }

// Unfit is the error of opening a database whose settings could lose what was acknowledged, or that is too old.
type Unfit = dialect.Unfit

// errCopying means that hookgraph copy was interrupted.
var errCopying = errors.New("a copy into this database was interrupted: run hookgraph copy again, which completes it")

// IsSchemaFault reports whether a database cannot be inspected, because its schema is not that of this program, or not complete.
func IsSchemaFault(err error) bool {
	return errors.Is(err, migrations.ErrOlder) || errors.Is(err, migrations.ErrNewer) || errors.Is(err, errCopying)
}

// IsOlderSchema reports whether that is because migrations are missing.
func IsOlderSchema(err error) bool { return errors.Is(err, migrations.ErrOlder) }

// inspected opens a database for Inspect and MendBacklog. It refuses one whose schema is not this program's, and changes nothing.
func (o *Options) inspected(ctx context.Context) (*storeless, error) {
	db, err := o.openBare(ctx, false)
	if err != nil {
		return nil, err
	}
	if err := db.current(ctx); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// Current returns an error unless the database exists and has the schema that this program needs. It changes nothing.
func Current(ctx context.Context, o Options) error {
	db, err := o.inspected(ctx)
	if err != nil {
		return err
	}
	return db.close()
}

// current returns an error unless the schema is this program's. It does not use goose, which would create its table.
func (d *storeless) current(ctx context.Context) error {
	read := d.read.WithContext(ctx)
	has := "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)"
	if read.Name() == "postgres" {
		has = "SELECT to_regclass(?) IS NOT NULL"
	}
	var copying, made bool
	if err := errors.Join(read.Raw(has, "copying").Scan(&copying).Error, read.Raw(has, "goose_db_version").Scan(&made).Error); err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if copying {
		return errCopying
	}
	if !made {
		return fmt.Errorf("the database has no schema: %w", migrations.ErrOlder)
	}
	var have int64
	if err := read.Raw("SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&have).Error; err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	steps, err := d.Provider(d.write)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return migrations.Current(steps, have)
}

// Inspect looks for damage in a database, and changes nothing; a server may be using it. The error is why it cannot be inspected.
func Inspect(ctx context.Context, o Options, bounds InspectionBounds) (_ []Inspection, err error) {
	db, err := o.inspected(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	ring, noKeys := seal.OpenRing(o.Dir, o.MasterKeys, false)
	return inspection(db.DB, db.read, &o, ring, noKeys, bounds).Run(ctx)
}

// Inspect is the function of this name for an open store. Its reads take connections of the store's readers, one at a time.
func (s *Store) Inspect(ctx context.Context, bounds InspectionBounds) ([]Inspection, error) {
	return inspection(s.db, s.read, &s.opts, s.keys, nil, bounds).Run(ctx)
}

// inspection says what is inspected. noKeys is why there are no master keys.
func inspection(db dialect.DB, read *gorm.DB, o *Options, ring *seal.Ring, noKeys error, bounds InspectionBounds) *inspect.Inspection {
	key := func(id string) error {
		if noKeys != nil {
			return noKeys
		}
		_, err := ring.Key(id)
		return err
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &inspect.Inspection{
		DB: db, Read: read, Now: now, Key: key, Opens: opens(ring), StatsRetention: cmp.Or(o.StatsRetention, DefaultStatsRetention), Bounds: bounds,
	}
}

// ErrStuck means that deliveries are pending, and neither due nor claimed, nor wait in line, so that the numbers of statistics are right and the deliveries wrong.
var ErrStuck = errors.New("deliveries are pending, and neither due nor claimed: cancel them first")

// MendBacklog corrects the numbers of waiting deliveries that differ from the deliveries, and returns what they were. A server may be running.
func MendBacklog(ctx context.Context, o Options) (wrong []*Miscount, err error) {
	db, err := o.inspected(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	err = db.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		stuck, err := inspect.Stuck(tx)
		if err != nil {
			return dialect.Unavailable(err)
		}
		if len(stuck) > 0 {
			return fmt.Errorf("%w: such as %s", ErrStuck, stuck[0])
		}
		wrong, err = statistics.Mend(&dialect.Tx{DB: tx, Now: time.Now()}, db)
		return err
	})
	return wrong, err
}

// Ready returns why the server should get no calls, as text that anybody may see: the database does not respond, or does not accept
// writes. It queries the database once in a few seconds, however often it is called.
func (s *Store) Ready(ctx context.Context) error {
	if s.opts.Shared {
		return s.Ping(ctx)
	}
	return s.health.Ready(ctx)
}

// explained prefixes an error of the database with an explanation.
func (s *Store) explained(err error) error {
	if what, _ := s.db.Fault(err); what != "" {
		return fmt.Errorf("%s: %w", what, err)
	}
	return err
}

// logged returns the logger, or one that discards everything.
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

// Close writes everything that is queued, and releases the directory.
func (s *Store) Close() error {
	s.health.Close()
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

// Ping returns an error if the database does not respond.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return dialect.Unavailable(err)
	}
	return nil
}

// Nodes returns the processes that share the deliveries, and those that did not long ago: at most MaxNodes, in the order of dialect.DB.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	nodes, err := s.db.ReadNodes(ctx)
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	return nodes, nil
}

// host implements dialect.Host: the store as its database uses it.
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

func (h host) Watched() bool { return h.s.watched() || h.s.following() }

func (h host) Changed(changes []dialect.Change) { h.s.tellChanges(changes) }

func (h host) Following() bool { return h.s.following() }

func (h host) Count(nodes int) { h.s.dispatcher().Nodes(nodes) }

func (h host) Claimed() int { return h.s.dispatcher().Claimed() }

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
	before := make(map[webhook.ID]*Target, len(changed))
	for id, to := range changed {
		before[id] = h.s.routes.Get(id)
		if was := before[id]; was != nil && was.Authentication.Same(to.Authentication) {
			to.Authentication = was.Authentication // its certificate has been parsed
		}
		// What was committed after the version was read is read twice: now, and with its own version.
		if reflect.DeepEqual(before[id], to) {
			delete(changed, id)
		}
	}
	told := h.s.changesOf(changed)
	h.s.routes.Change(changed)
	h.s.tellChanges(told)
	for id, to := range changed {
		h.s.dispatcher().Changed(before[id], to)
	}
	return nil
}

func (h host) TakeOverEventTypes(db *gorm.DB, tenants []webhook.ID) error {
	for _, id := range tenants {
		if err := h.s.types.Reload(db, id); err != nil {
			return err
		}
	}
	return nil
}

func (h host) LearnStarts(read func() ([]*dialect.Start, error)) error { return h.s.learnStarts(read) }
