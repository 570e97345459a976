// Package sqlite stores everything in a SQLite database in a directory. One server uses it, and is its only writer.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/migrations"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// DB is a database in a directory. One server uses it, and is its only writer.
type DB struct {
	dir     string
	driver  string                // of the writer's connection
	s       *dialect.Session      // from start on
	direct  direct                // statements of the writer, and
	params  dialect.Params        // their parameters
	lock    *os.File              // nil if shared
	copying *checkpointer         // nil when it is shared
	node    int64                 // owner of the claims
	began   time.Time             // when it joined
	files   [2]os.FileInfo        // the database and its log, as they were opened; nil when it is shared
	gone    atomic.Pointer[error] // why they are no longer those in the directory; nil while they are
}

func init() {
	dialect.Register("sqlite", func(dir string) dialect.DB { return New(dir) }, transient)
}

// New returns the database in the directory, which Open creates if necessary.
func New(dir string) *DB { return &DB{dir: dir, driver: driverName} }

// Reader reads the whole database, not restricted to a tenant. It may be used once the store is open.
func (q *DB) Reader() *gorm.DB { return q.s.Read }

// Exists implements dialect.DB.
func (q *DB) Exists() error {
	_, err := os.Stat(q.path())
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	is := "has no " + databaseFile
	if _, err := os.Stat(q.dir); errors.Is(err, fs.ErrNotExist) {
		is = "does not exist"
	}
	return fmt.Errorf("%s %s; give the directory of a server, which creates the database at its first start", q.dir, is)
}

// Open implements dialect.DB.
func (q *DB) Open(ctx context.Context, log *slog.Logger, exclusive bool) (write, read *gorm.DB, err error) {
	defer func() { err = advised(err) }()
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data directory: %w", err)
	}
	if exclusive {
		if q.lock, err = datadir.LockDir(q.dir); errors.Is(err, datadir.ErrInUse) {
			err = fmt.Errorf("%w; stop the server that uses it first, or give another directory", err)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	fresh, err := q.inspect()
	if err != nil {
		return nil, nil, err
	}
	if fresh {
		if err := q.create(ctx, exclusive); err != nil {
			return nil, nil, q.explained(err)
		}
	}
	if exclusive {
		q.private(log)
	}
	write, read, err = q.connect()
	return write, read, q.explained(err)
}

// explained prefixes an error of SQLite with its meaning.
func (q *DB) explained(err error) error {
	if what, _ := q.Fault(err); what != "" {
		return fmt.Errorf("%s: %s: %w", q.dir, what, err)
	}
	return err
}

func (q *DB) connect() (write, read *gorm.DB, err error) {
	if write, err = openWith(q.driver, q.path(), false, 1); err != nil {
		return nil, nil, err
	}
	if err := checkPragmas(write); err != nil {
		return write, nil, err
	}
	read, err = openFile(q.path(), true, 4)
	return write, read, err
}

// checkPragmas refuses a database whose settings, read back from the driver, are not durable.
func checkPragmas(db *gorm.DB) error {
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := db.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
		if !strings.EqualFold(got, want) {
			return fmt.Errorf("pragma %s is %s, want %s", pragma, got, want)
		}
	}
	return nil
}

// Provider implements dialect.DB.
func (q *DB) Provider(write *gorm.DB) (*goose.Provider, error) {
	pool, err := write.DB()
	if err != nil {
		return nil, err
	}
	return provider(pool)
}

func provider(pool *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations.FS, "sqlite")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, pool, dir)
}

// Start implements dialect.DB.
func (q *DB) Start(ctx context.Context, s *dialect.Session) error {
	q.s = s
	var last sql.NullInt64
	if err := s.Write.Raw("SELECT seq FROM sqlite_sequence WHERE name = 'attempts'").Scan(&last).Error; err != nil {
		return fmt.Errorf("read attempt sequence: %w", err)
	}
	s.Last.Store(last.Int64)
	if !s.Shared {
		if err := q.join(s.Now()); err != nil {
			return err
		}
		copying, err := newCheckpointer(q)
		if err != nil {
			return err
		}
		q.copying = copying
		if err := q.remember(); err != nil {
			return err
		}
		q.tidy()
		s.Run(func() { copying.run(s.Quit) })
	}
	if err := s.LearnStarts(func() (list []*dialect.Start, err error) {
		return list, s.Read.WithContext(ctx).Order("seq").Find(&list).Error
	}); err != nil {
		return fmt.Errorf("read starts: %w", err)
	}
	return q.prepareWriting()
}

// prepareWriting sets what makes merged transactions cheap: a cache that holds the indexes' ends (four times as much brought nothing), no
// temporary files for savepoints, and a log that the writer shortens itself only when the checkpointer does not.
func (q *DB) prepareWriting() error {
	for _, pragma := range []string{
		"cache_size = -8192", "temp_store = MEMORY", fmt.Sprintf("wal_autocheckpoint = %d", 4*checkpointPages), "journal_size_limit = 134217728",
	} {
		if err := q.s.Write.Exec("PRAGMA " + pragma).Error; err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
	}
	return nil
}

// join registers this process as a node and voids the claims of earlier ones: the directory is locked, so they are gone.
func (q *DB) join(now time.Time) error {
	return q.s.Write.Transaction(func(tx *gorm.DB) error {
		if err := q.addStart(tx, now); err != nil {
			return err
		}
		if err := tx.Raw("INSERT INTO nodes (started_at) VALUES (?) RETURNING seq", dialect.At(now)).Scan(&q.node).Error; err != nil {
			return fmt.Errorf("join: %w", err)
		}
		q.began = now
		if err := tx.Exec("DELETE FROM nodes WHERE seq < ?", q.node-100).Error; err != nil {
			return fmt.Errorf("remove old nodes: %w", err)
		}
		if err := tx.Exec("UPDATE deliveries SET "+dialect.Unclaims("?")+" WHERE claimed_by IS NOT NULL", dialect.At(now)).Error; err != nil {
			return fmt.Errorf("void old claims: %w", err)
		}
		return nil
	})
}

// addStart appends this start, after everything committed so far.
func (q *DB) addStart(tx *gorm.DB, now time.Time) error {
	for _, s := range startStatements(dialect.At(now)) {
		if err := tx.Exec(s.Text, s.Args...).Error; err != nil {
			return fmt.Errorf("record this start: %w", err)
		}
	}
	return nil
}

// startStatements append a start after everything committed so far.
func startStatements(now dialect.Micros) []dialect.StartStatement {
	last := func(table string) string {
		return "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '" + table + "'), 0)"
	}
	insert := "INSERT INTO starts (id, started_at, " + dialect.StartColumns + ") SELECT ?, ?, " + strings.Join([]string{
		last("tenants"), last("tokens"), last("webhooks"), last("events"), last("deliveries"), last("attempts"),
	}, ", ")
	return append([]dialect.StartStatement{{Text: insert, Args: []any{dialect.NewStartID(), now}}}, dialect.TidyStarts()...)
}

// Close implements dialect.DB.
func (q *DB) Close() error {
	var errs []error
	if q.s != nil {
		errs = append(errs, q.direct.close(q.s.Write))
	}
	if q.copying != nil {
		errs = append(errs, dialect.ClosePool(q.copying.db))
	}
	if q.lock != nil {
		errs = append(errs, q.lock.Close())
		q.lock = nil
	}
	return errors.Join(errs...)
}

// Transaction implements dialect.DB.
func (q *DB) Transaction(b *dialect.Tx, do func() error) error {
	if why := q.gone.Load(); why != nil {
		return *why
	}
	b.Now = q.s.Now()
	return q.s.Write.Connection(func(db *gorm.DB) error {
		if err := q.direct.begin(db.Statement.ConnPool.(*sql.Conn)); err != nil {
			return err
		}
		return db.Session(&gorm.Session{NewDB: true}).Transaction(func(tx *gorm.DB) error {
			b.DB = tx
			return do()
		})
	})
}

// ClaimedBy implements dialect.DB.
func (q *DB) ClaimedBy(*dialect.Claimed) int64 { return q.node }

// Nodes implements dialect.DB. No other node uses the directory.
func (q *DB) Nodes() int { return 1 }

// ReadNodes implements dialect.DB. The process that has locked the directory has no lease.
func (q *DB) ReadNodes(context.Context) ([]dialect.Node, error) {
	if q.s.Shared {
		return nil, nil
	}
	return []dialect.Node{{Process: q.s.Process, Seq: q.node, This: true, StartedAt: q.began, SeenAt: q.s.Now(), Deliveries: q.s.Claimed()}}, nil
}

// Sizes implements dialect.DB.
func (q *DB) Sizes(context.Context) (is dialect.Sizes, err error) {
	file, err := os.Stat(q.path())
	if err != nil {
		return is, fmt.Errorf("size of the database: %w", err)
	}
	is.Database = file.Size()
	if log, err := os.Stat(q.path() + "-wal"); err == nil { // it may not exist
		is.Log = log.Size()
	}
	is.Free, is.Disk = datadir.Space(q.dir)
	return is, nil
}

// LockTargets implements dialect.DB. Only one process writes, one transaction at a time.
func (q *DB) LockTargets(*dialect.Tx) error { return nil }

// NoteEventTypes implements dialect.DB. There are no other nodes.
func (q *DB) NoteEventTypes(*dialect.Tx, webhook.ID) error { return nil }

// Committed implements dialect.DB. The writer is the only one, so it writes in the order of the log.
func (q *DB) Committed(b *dialect.Tx) {
	q.copying.grown()
	if n := len(b.Attempts); n > 0 {
		q.s.Last.Store(b.Attempts[n-1].Seq)
		q.s.Tell(b.Attempts)
	}
	if len(b.Made) > 0 && q.s.Following() {
		q.s.Changed(dialect.Made(b.Made))
	}
}

// SameDay implements dialect.DB.
func (q *DB) SameDay(string, string) string { return "" }

// OnDay implements dialect.DB.
func (q *DB) OnDay(string, string) string { return "" }

// LogEnd implements dialect.DB.
func (q *DB) LogEnd(_ context.Context, after int64) (int64, error) {
	return min(q.s.Last.Load(), after+dialect.LogWindow), nil
}

// LogBounds implements dialect.DB.
func (q *DB) LogBounds(ctx context.Context, tenant webhook.ID) (oldest, newest int64, err error) {
	if newest = q.s.Last.Load(); newest == 0 {
		return 0, 0, nil
	}
	var pruned int64
	if err := q.s.Read.WithContext(ctx).Raw("SELECT COALESCE((SELECT pruned_attempt FROM tenants WHERE id = ?), pruned_attempt) FROM store", tenant).Scan(&pruned).Error; err != nil {
		return 0, 0, err
	}
	return pruned + 1, newest, nil
}

// Settle implements dialect.DB. The log is what is committed.
func (q *DB) Settle(context.Context) error { return nil }

// TryLock implements dialect.DB. There is one process.
func (q *DB) TryLock(context.Context, string) (unlock func(), ok bool, err error) {
	return func() {}, true, nil
}

// Prune implements dialect.DB. Events are searched in the order in which they were published, which is about the order of their times; the
// search ends at a whole window of younger ones.
func (q *DB) Prune(ctx context.Context, p dialect.Pruner, all *dialect.Expiry) error {
	for i := range all.Cohorts {
		if err := q.pruneCohort(ctx, p, &all.Cohorts[i]); err != nil {
			return err
		}
	}
	return q.shrink(ctx, p)
}

func (q *DB) pruneCohort(ctx context.Context, p dialect.Pruner, c *dialect.Cohort) error {
	whose, args := c.Whose()
	read := q.s.Read.WithContext(ctx)
	var bounds struct{ First, Last *int64 }
	if err := read.Raw("SELECT (SELECT MIN(seq) FROM events WHERE true"+whose+") AS first, (SELECT MAX(seq) FROM events) AS last", args...).Scan(&bounds).Error; err != nil {
		return dialect.Unavailable(err)
	}
	if bounds.First == nil {
		return nil
	}
	looks := make(chan window, 1)
	look := func(after int64) { go func() { looks <- q.window(ctx, c, after) }() }
	look(*bounds.First - 1)
	for {
		w := <-looks
		if w.err != nil || w.young {
			return w.err
		}
		more := w.to < *bounds.Last
		if more {
			look(w.to) // while what was found is removed
		}
		if err := p.Take(ctx, c, w.found); err != nil || !more {
			if more {
				<-looks
			}
			return err
		}
	}
}

// window has events of a cohort that may be removed, as far as the search came.
type window struct {
	found []dialect.Candidate
	to    int64 // the Seq
	young bool  // nothing there is old enough
	err   error
}

// window searches for events of the cohort that may be removed, with Seq > after.
func (q *DB) window(ctx context.Context, c *dialect.Cohort, after int64) (w window) {
	if w.found, w.to, w.err = q.expired(ctx, c, after); w.err != nil || len(w.found) > 0 {
		return w
	}
	var old bool
	whose, args := c.Whose()
	if err := q.s.Read.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM events WHERE seq > ? AND seq <= ?"+whose+" AND created_at < ?)",
		append(append([]any{after, w.to}, args...), dialect.At(c.Before))...).Scan(&old).Error; err != nil {
		w.err = dialect.Unavailable(err)
	}
	w.young = !old
	return w
}

// expired finds events of the cohort that may be removed, with Seq > after, and returns the Seq up to which it searched. For one tenant's
// cohort, it searches a window of that tenant's events.
func (q *DB) expired(ctx context.Context, c *dialect.Cohort, after int64) (found []dialect.Candidate, to int64, err error) {
	read := q.s.Read.WithContext(ctx)
	to = after + dialect.PruneWindow
	whose, args := c.Whose()
	if c.Tenant != nil {
		if err := read.Raw("SELECT COALESCE((SELECT seq FROM events WHERE seq > ?"+whose+" ORDER BY seq LIMIT 1 OFFSET ?), (SELECT MAX(seq) FROM events), ?)",
			append(append([]any{after}, args...), dialect.PruneWindow-1, after)...).Scan(&to).Error; err != nil {
			return nil, after, dialect.Unavailable(err)
		}
	}
	expired, more := c.Expired(q)
	args = append(append(append([]any{after, to}, args...), more...), dialect.PruneEvents)
	if err := read.Raw(dialect.Candidates(q)+" WHERE seq > ? AND seq <= ?"+whose+" AND "+expired+" ORDER BY seq LIMIT ?", args...).Scan(&found).Error; err != nil {
		return nil, after, dialect.Unavailable(err)
	}
	if len(found) == dialect.PruneEvents {
		to = found[len(found)-1].Seq
	}
	return found, to, nil
}

// Limits of shrinking the file. New rows need free pages, so some are left.
const (
	sparePages = 1024 // and a sixteenth of all pages
	firstPages = 16   // moved by the first transaction
	mostPages  = 1024
)

// shrink removes free pages at the database's end, some in each transaction, and moves used ones to the front. A database created
// without auto_vacuum keeps its length.
func (q *DB) shrink(ctx context.Context, p dialect.Pruner) error {
	for most := firstPages; ; most = mostPages {
		var pages struct{ All, Free, Mode int }
		err := q.s.Read.WithContext(ctx).Raw(`SELECT (SELECT page_count FROM pragma_page_count) AS "all", (SELECT freelist_count FROM pragma_freelist_count) AS free,
			(SELECT auto_vacuum FROM pragma_auto_vacuum) AS mode`).Scan(&pages).Error
		if err != nil {
			return dialect.Unavailable(err)
		}
		spare := pages.Free - max(sparePages, pages.All/16)
		if spare <= 0 || pages.Mode != autoVacuumIncremental {
			return nil
		}
		err = p.Piece(ctx, min(spare, most), func(b *dialect.Tx, n int) error {
			rows, err := b.SQL().QueryContext(context.Background(), fmt.Sprintf("PRAGMA incremental_vacuum(%d)", n))
			if err != nil {
				return err
			}
			for rows.Next() { // each step moves a page
			}
			return errors.Join(rows.Err(), rows.Close())
		})
		if err != nil {
			return fmt.Errorf("shrink the database: %w", err)
		}
	}
}

// autoVacuumIncremental is the pragma of a database whose free pages can be removed.
const autoVacuumIncremental = 2
