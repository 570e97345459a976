// Package postgres stores everything in a PostgreSQL database that several nodes share, each with its own writer.
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/migrations"
)

// DB is a database that several nodes use, each by its own writer. node.go has this node's lease, log.go reads what other nodes
// write, starts.go detects a restored database, and days.go has the partitions.
type DB struct {
	url string
	Settings

	s      *dialect.Session // from start on
	side   *sql.DB          // for work that must not wait for the writer: the lease, the log, partitions
	beside *gorm.DB         // the same

	statements atomic.Int64
	traced     func(conn *pgx.Conn, text string) // is called for each statement; nil: for none

	// Used only by the writer:
	number int64                // of its last transaction
	days   map[dialect.Day]bool // whose partitions exist
	batch  pgBatch

	thinned thinned // of the goroutine that prunes

	lease  atomic.Pointer[dialect.Lease] // nil when shared
	known  atomic.Int64                  // the version of webhooks in routes
	log    follower
	notify chan struct{} // holds one signal: something was committed
	outbox outbox        // what the other nodes are told then
	alive  atomic.Int64  // number of nodes, including this one
	nudged chan struct{} // holds one signal: the writer should look for others' changes
	rejoin atomic.Bool   // the lease must be given up

	identified atomic.Bool   // new connections identify their server
	gone       int64         // changes when a node goes; of keepLease only
	ended      chan struct{} // closed when the background work is to end

	background sync.WaitGroup
}

// Connections of one process: the writer's, the readers', those for background work, and one that listens. Several replicas and
// their operators' tools fit into PostgreSQL's default of 100.
const (
	pgReaders = 6
	pgSide    = 3

	planOnce = "force_generic_plan" // PostgreSQL's plan_cache_mode
	// cachedPlans bounds what each connection keeps of plans that are made once: with 31 partitions one takes about half a MB in PostgreSQL.
	cachedPlans = 200

	pgTimeout    = 20 * time.Second // for a statement
	writeTimeout = 30 * time.Second // for a transaction
	// idleTimeout ends a transaction of a frozen process, so that its locks delay nobody. It is shorter than a lease, so that a
	// node never wakes up in a transaction that it has lost.
	idleTimeout = 5 * time.Second
)

func init() {
	dialect.Register("postgres", func(url string) dialect.DB { return New(url, Settings{}) }, transient)
}

// Settings are the settings of a node; zero values mean the defaults.
type Settings struct {
	Channel    string        // on which nodes are notified
	Poll       time.Duration // between two reads of the log, with or without notification
	Gap        time.Duration // minimum time between two reads, or two notifications
	CommitTime time.Duration // that the writer waits for a transaction
}

// New returns the database of the URL. Open connects.
func New(url string, set Settings) *DB {
	set.Channel, set.CommitTime = cmp.Or(set.Channel, channel), cmp.Or(set.CommitTime, writeTimeout)
	set.Poll, set.Gap = cmp.Or(set.Poll, pollEvery), cmp.Or(set.Gap, followGap)
	return &DB{
		url: url, Settings: set,
		days: map[dialect.Day]bool{}, notify: make(chan struct{}, 1), nudged: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// Exists implements dialect.DB. A database that does not exist cannot be opened.
func (p *DB) Exists() error { return nil }

// TraceQueryStart implements pgx.QueryTracer: it counts.
func (p *DB) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	p.statements.Add(1)
	if p.traced != nil {
		p.traced(conn, data.SQL)
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (p *DB) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (p *DB) pool(conns int, settings map[string]string, begin string) (*sql.DB, error) {
	cfg, err := p.config(settings)
	if err != nil {
		return nil, err
	}
	if settings["plan_cache_mode"] == planOnce {
		cfg.StatementCacheCapacity = cachedPlans
	}
	pool := sql.OpenDB(connector{stdlib.GetConnector(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		takeMicros(conn.TypeMap())
		if _, err := conn.Exec(ctx, begin); err != nil {
			return err
		}
		if begin == "" && p.identified.Load() { // it may write
			return p.identify(ctx, conn)
		}
		return nil
	}))})
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool, nil
}

// gorm connects with settings of the session; begin is what each connection executes first, "" for nothing.
func (p *DB) gorm(conns int, settings map[string]string, begin string) (*gorm.DB, error) {
	pool, err := p.pool(conns, settings, begin)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{
		SkipDefaultTransaction: true,
		Logger:                 logger.Discard,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to PostgreSQL: %w", err), pool.Close())
	}
	return db, nil
}

// connector opens connections that report when they are closed.
type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return validated{made.(*stdlib.Conn)}, nil
}

// validated is a connection of pgx that reports whether it is closed. A canceled query closes its connection, and pgx's own type
// would let it back into the pool: after a few of them, another caller would get an error although the database is well.
type validated struct{ *stdlib.Conn }

// IsValid implements driver.Validator.
func (c validated) IsValid() bool { return !c.Conn.Conn().IsClosed() }

// ConnOf returns the connection of pgx behind the driver's connection of database/sql.
func ConnOf(driverConn any) *pgx.Conn { return driverConn.(validated).Conn.Conn() }

// Open implements dialect.DB.
func (p *DB) Open(ctx context.Context, _ *slog.Logger, _ bool) (write, read *gorm.DB, err error) {
	// Every statement of the writer and of background work finds its rows by an index. Plans must not depend on statistics, which a table
	// that has just begun to grow does not have; the writer's are made for the day that the statement names.
	byIndex := map[string]string{
		"plan_cache_mode": "force_custom_plan", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off",
		"max_parallel_workers_per_gather": "0",
	}
	if write, err = p.gorm(1, byIndex, ""); err != nil {
		return nil, nil, err
	}
	if err := checkServer(write.WithContext(ctx)); err != nil {
		return write, nil, err
	}
	// A statement that names no day, or a range of days, is planned with every partition, which takes longer than to execute it. These
	// plans are therefore made once for each connection, and leave out other days' partitions when they are executed.
	byIndex["plan_cache_mode"] = planOnce
	if p.beside, err = p.gorm(pgSide, byIndex, ""); err != nil {
		return write, nil, err
	}
	if p.side, err = p.beside.DB(); err != nil {
		return write, nil, err
	}
	// Read-only is not a setting of the session: the search for the primary among several hosts would take the server for a standby. Lists
	// are written so that only one index can serve them; the planner only decides how to read it.
	byIndex["enable_bitmapscan"], byIndex["enable_sort"] = "off", "off"
	read, err = p.gorm(pgReaders, byIndex, "SET default_transaction_read_only = on")
	return write, read, err
}

// checkServer refuses a server that is too old, not durable, or whose database cannot have every text.
func checkServer(db *gorm.DB) error {
	var is struct {
		Version                     int
		Encoding, Fsync, SyncCommit string
	}
	err := db.Raw(`SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
		current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS sync_commit`).Scan(&is).Error
	if err != nil {
		return fmt.Errorf("read PostgreSQL's settings: %w", err)
	}
	return unfit(is.Version, is.Encoding, is.Fsync, is.SyncCommit)
}

// unfit returns what is wrong with a server of that version and with these settings; nil if it will do.
func unfit(version int, encoding, fsync, commit string) error {
	switch {
	case version < 140000:
		return dialect.Unfit{Text: fmt.Sprintf("PostgreSQL is %d, want 14 or newer", version/10000), Advice: "upgrade PostgreSQL, or use a newer server"}
	case encoding != "UTF8":
		return dialect.Unfit{
			Text: "the encoding of the database is " + encoding + ", so events with other letters could not be stored", Advice: "create a database with the encoding UTF8",
		}
	case fsync != "on":
		return dialect.Unfit{Text: "PostgreSQL's fsync is " + fsync + ", so acknowledged events could be lost", Advice: "turn it on in postgresql.conf, and reload the configuration"}
	case commit == "off":
		return dialect.Unfit{Text: "PostgreSQL's synchronous_commit is off, so acknowledged events could be lost", Advice: "turn it on, for the database or the role too"}
	}
	return nil
}

// Provider implements dialect.DB. Replicas that start together wait for one another.
func (p *DB) Provider(write *gorm.DB) (*goose.Provider, error) {
	pool, err := write.DB()
	if err != nil {
		return nil, err
	}
	dir, err := fs.Sub(migrations.FS, "postgres")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, pool, dir, goose.WithSessionLocker(locker))
}

// Start implements dialect.DB.
func (p *DB) Start(ctx context.Context, s *dialect.Session) error {
	p.s = s
	if err := p.identifyNow(ctx); err != nil {
		return err
	}
	if s.Shared {
		return p.begun(ctx)
	}
	var copying bool
	if err := p.side.QueryRowContext(ctx, "SELECT to_regclass('copying') IS NOT NULL").Scan(&copying); err != nil {
		return fmt.Errorf("look for a copy: %w", err)
	}
	if copying {
		return errors.New("a copy into this database was interrupted: run hookgraph copy again, which completes it")
	}
	if err := p.join(ctx); err != nil {
		return err
	}
	if err := p.makeDays(ctx, time.Now()); err != nil {
		return err
	}
	if err := p.begun(ctx); err != nil {
		return err
	}
	p.run() //nolint:contextcheck // until the store is closed
	return nil
}

// Close implements dialect.DB.
func (p *DB) Close() error {
	if p.side == nil {
		return nil
	}
	if p.s != nil {
		p.leave()
		p.s.Log.Info("database statements", slog.Int64("statements", p.statements.Load()))
	}
	return p.side.Close()
}

// takeMicros makes PostgreSQL's timestamps accept dialect.Micros.
func takeMicros(m *pgtype.Map) {
	t := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: microsCodec{&pgtype.TimestamptzCodec{}}}
	m.RegisterType(t)
	m.RegisterType(&pgtype.Type{Name: "_timestamptz", OID: pgtype.TimestamptzArrayOID, Codec: &pgtype.ArrayCodec{ElementType: t}})
}

// microsCodec encodes integers too, as microseconds since 1970.
type microsCodec struct{ *pgtype.TimestamptzCodec }

// PlanEncode implements pgtype.Codec.
func (c microsCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	switch value.(type) {
	case dialect.Micros, int64:
		if format == pgtype.BinaryFormatCode {
			return microsPlan{}
		}
	}
	return c.TimestamptzCodec.PlanEncode(m, oid, format, value)
}

type microsPlan struct{}

// since2000 is where PostgreSQL's timestamps begin, in microseconds since 1970.
const since2000 = 946_684_800_000_000

// Encode implements pgtype.EncodePlan.
func (microsPlan) Encode(value any, buf []byte) ([]byte, error) {
	var t int64
	switch v := value.(type) {
	case dialect.Micros:
		t = int64(v)
	case int64:
		t = v
	}
	return binary.BigEndian.AppendUint64(buf, uint64(t-since2000)), nil //nolint:gosec // two's complement is the format
}

// Probe implements dialect.DB. The lease, which is written every two seconds, tells whether the database accepts writes.
func (p *DB) Probe(ctx context.Context) (written bool, err error) {
	var one int
	if err := p.s.Read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return false, err
	}
	if l := p.lease.Load(); l != nil && l.Lost() {
		return false, errors.New("the lease on this node's deliveries could not be renewed")
	}
	return true, nil
}

// Touch implements dialect.DB.
func (p *DB) Touch(b *dialect.Tx) error {
	return b.DB.Exec("UPDATE store SET epoch = epoch").Error
}

// Fault implements dialect.DB. The codes are PostgreSQL's (its manual, appendix A).
func (p *DB) Fault(err error) (what string, lasting bool) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return "", false
	}
	switch e.Code {
	case "53100":
		return "PostgreSQL's disk is full", false
	case "25006":
		return "PostgreSQL takes no writes: it is a standby, or set to be read-only", false
	case "58030":
		return "PostgreSQL's disk reports errors", false
	case "XX001", "XX002":
		return "PostgreSQL reports that its data is damaged: look into its log", false
	case "53300":
		return "PostgreSQL has no connection left: raise its max_connections", false
	}
	return "", false
}

// transient reports whether an error is PostgreSQL's or its driver's, and whether it is temporary.
func transient(err error) (passes, known bool) {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return transientState(refused.Code), true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true, true // also when the server was reached and turned out to be a standby
	}
	passes = errors.Is(err, errFenced) || pgconn.SafeToRetry(err)
	return passes, passes
}

// transientState reports whether an error code of PostgreSQL is temporary (its documentation, appendix A).
func transientState(code string) bool {
	switch code {
	case "25006", // read only: a standby, or a primary that has become one
		"25P03",                   // a transaction that was idle for too long
		"28000", "28P01", "3D000", // the operator is changing the password, or the database
		"40001", "40P01", // serialization, deadlock
		"40003", // completion unknown
		"55006", "55P03", "55P04",
		"57014",                                     // statement timeout, or canceled by the operator
		"57P01", "57P02", "57P03", "57P04", "57P05", // shut down, crashed, starting
		"58000", "58030": // system errors, such as input and output
		return true
	}
	switch code[:min(2, len(code))] {
	case "08", "53": // connections; disk full, out of memory, too many connections
		return true
	}
	return false
}

// Side returns a pool of connections beside the writer, for reading and writing whole tables.
func (p *DB) Side() *sql.DB { return p.side }

// Node returns this process's number among the nodes; 0 if it holds no claims.
func (p *DB) Node() int64 {
	if l := p.lease.Load(); l != nil {
		return l.Node
	}
	return 0
}

// Look reads what has been added to the log, as a node does regularly.
func (p *DB) Look(ctx context.Context) error {
	_, err := p.log.look(ctx)
	return err
}
