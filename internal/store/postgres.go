package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"strconv"
	"strings"
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
)

// postgresDB is a database that several nodes use, each by its own writer. What this node does to stay one of them is in
// postgres_node.go, how it sees what the others write in postgres_log.go, how it notices that the database was put back in
// postgres_starts.go, and the partitions are in postgres_days.go.
type postgresDB struct {
	url     string
	channel string        // on which nodes are notified
	poll    time.Duration // between two looks at the log, whatever is notified
	gap     time.Duration // between two looks, or two notifications, at least

	s      *Store   // from start on
	side   *sql.DB  // for what must not wait for the writer: the lease, the log, partitions
	beside *gorm.DB // the same

	statements atomic.Int64

	// Of the writer only:
	number int64        // of its last transaction
	days   map[day]bool // whose partitions are there

	lease  atomic.Pointer[lease] // nil when shared
	known  atomic.Int64          // the version of webhooks that routes has
	log    follower
	notify chan struct{} // holds one signal: something was committed
	alive  atomic.Int64  // nodes, this one among them
	nudged atomic.Bool   // the writer was asked to look for changes
	rejoin atomic.Bool   // the lease must be given up

	identified atomic.Bool   // new connections look whose they are
	gone       int64         // changes when a node goes; of keepLease only
	ended      chan struct{} // closed when the background work is to end

	background sync.WaitGroup
}

// Connections of one process: the writer's, readers, and two for what is beside them, and one that listens. Several
// replicas and their operators' tools fit into PostgreSQL's default of 100.
const (
	pgReaders = 6
	pgSide    = 3

	pgTimeout = 20 * time.Second // for a statement
	// idleTimeout ends a transaction of a process that is frozen, so that its locks hold nobody up. It is shorter than a
	// lease, so that a node never wakes up in the middle of a transaction that it has lost.
	idleTimeout = 5 * time.Second
)

var writeTimeout = 30 * time.Second // for a transaction; a test makes it shorter

func newPostgres(url string) *postgresDB {
	return &postgresDB{
		url: url, channel: channel, poll: pollEvery, gap: followGap,
		days: map[day]bool{}, notify: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// IsPostgres reports whether the text is the URL of a PostgreSQL database.
func IsPostgres(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// exists implements dialect. What is not there cannot be opened.
func (p *postgresDB) exists() error { return nil }

// config is how a connection is made. settings are PostgreSQL's, for the session.
func (p *postgresDB) config(settings map[string]string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(p.url)
	if err != nil {
		return nil, errors.New("the URL of the database cannot be read") // pgx's error may show the password
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	// A server that is gone without a word is noticed in seconds.
	//nolint:forbidigo // the operator's own database, not a webhook
	cfg.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}).DialContext
	if cfg.ValidateConnect == nil { // else the URL says what to look for, by target_session_attrs
		// After a failover an address may lead to a server that has become a standby, and such a connection would stay.
		cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	cfg.Tracer = p
	maps.Copy(cfg.RuntimeParams, map[string]string{
		"application_name": "hookgraph", "timezone": "UTC", "jit": "off",
		"statement_timeout":                   millis(pgTimeout),
		"idle_in_transaction_session_timeout": millis(idleTimeout),
	})
	maps.Copy(cfg.RuntimeParams, settings)
	return cfg, nil
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// TraceQueryStart implements pgx.QueryTracer: it counts.
func (p *postgresDB) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	p.statements.Add(1)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (p *postgresDB) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (p *postgresDB) pool(conns int, settings map[string]string, begin string) (*sql.DB, error) {
	cfg, err := p.config(settings)
	if err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		takeMicros(conn.TypeMap())
		if _, err := conn.Exec(ctx, begin); err != nil {
			return err
		}
		if begin == "" && p.identified.Load() { // it may write
			return p.identify(ctx, conn)
		}
		return nil
	}))
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool, nil
}

// gorm connects with settings of the session; begin is what each connection executes first, "" for nothing.
func (p *postgresDB) gorm(conns int, settings map[string]string, begin string) (*gorm.DB, error) {
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

// open implements dialect.
func (p *postgresDB) open(ctx context.Context, _ *slog.Logger, _ bool) (write, read *gorm.DB, err error) {
	// Every statement of the writer and of what is beside it finds its rows by an index; its plans must not depend on statistics of tables that
	// have just begun to grow, and are made for the one day that they are about.
	byIndex := map[string]string{
		"plan_cache_mode": "force_custom_plan", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off",
		"max_parallel_workers_per_gather": "0",
	}
	if write, err = p.gorm(1, byIndex, ""); err != nil {
		return nil, nil, err
	}
	if err := checkDurability(write.WithContext(ctx)); err != nil {
		return write, nil, err
	}
	if p.beside, err = p.gorm(pgSide, byIndex, ""); err != nil {
		return write, nil, err
	}
	if p.side, err = p.beside.DB(); err != nil {
		return write, nil, err
	}
	// Read only is not a setting of the session: by that the search for a primary among several hosts would take it for a standby.
	// Lists name their index by what they leave to no other one, so that there is nothing to weigh up but how to read it.
	byIndex["enable_bitmapscan"] = "off"
	read, err = p.gorm(pgReaders, byIndex, "SET default_transaction_read_only = on")
	return write, read, err
}

// checkDurability refuses a server that would acknowledge what it may lose.
func checkDurability(db *gorm.DB) error {
	var is struct {
		Version           int
		Fsync, SyncCommit string
	}
	err := db.Raw(`SELECT current_setting('server_version_num')::int AS version, current_setting('fsync') AS fsync,
		current_setting('synchronous_commit') AS sync_commit`).Scan(&is).Error
	switch {
	case err != nil:
		return fmt.Errorf("ask PostgreSQL for its settings: %w", err)
	case is.Version < 140000:
		return fmt.Errorf("PostgreSQL is %d, want 14 or newer", is.Version/10000)
	case is.Fsync != "on":
		return fmt.Errorf("PostgreSQL's fsync is %s, want on: it would lose what was acknowledged", is.Fsync)
	case is.SyncCommit == "off":
		return errors.New("PostgreSQL's synchronous_commit is off: it would lose what was acknowledged")
	}
	return nil
}

// provider implements dialect. Replicas that start together wait for one another.
func (p *postgresDB) provider(write *gorm.DB) (*goose.Provider, error) {
	pool, err := write.DB()
	if err != nil {
		return nil, err
	}
	dir, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, pool, dir, goose.WithSessionLocker(locker))
}

// start implements dialect.
func (p *postgresDB) start(ctx context.Context, s *Store) error {
	p.s = s
	if err := p.identifyNow(ctx); err != nil {
		return err
	}
	if s.opts.Shared {
		return p.begun(ctx)
	}
	var copying bool
	if err := p.side.QueryRowContext(ctx, "SELECT to_regclass('copying') IS NOT NULL").Scan(&copying); err != nil {
		return fmt.Errorf("look for a copy: %w", err)
	}
	if copying {
		return errors.New("a copy into this database has begun and not ended: run hookgraph copy again")
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

// close implements dialect.
func (p *postgresDB) close() error {
	if p.side == nil {
		return nil
	}
	if p.s != nil {
		p.leave()
		p.s.log.Info("database statements", slog.Int64("statements", p.statements.Load()))
	}
	return p.side.Close()
}

// takeMicros has PostgreSQL's timestamps take this package's times.
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
	case micros, int64:
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
	case micros:
		t = int64(v)
	case int64:
		t = v
	}
	return binary.BigEndian.AppendUint64(buf, uint64(t-since2000)), nil //nolint:gosec // two's complement is the format
}

// probe implements dialect. The lease, which is written every two seconds, tells whether the database takes what is written.
func (p *postgresDB) probe(ctx context.Context) (written bool, err error) {
	var one int
	if err := p.s.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return false, err
	}
	if l := p.lease.Load(); l != nil && l.lost() {
		return false, errors.New("the lease on this node's deliveries could not be renewed")
	}
	return true, nil
}

// touch implements dialect.
func (p *postgresDB) touch(b *batch) error {
	return b.tx.Exec("UPDATE store SET epoch = epoch").Error
}

// fault implements dialect. The codes are PostgreSQL's (its manual, appendix A).
func (p *postgresDB) fault(err error) (what string, lasting bool) {
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
