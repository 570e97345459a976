package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/hookgraph/hookgraph/internal/datadir"
)

// sqliteDB is a directory with a database that one server uses, which is its only writer.
type sqliteDB struct {
	dir     string
	s       *Store                // from start on
	direct  direct                // statements of the writer, and
	params  params                // their parameters
	lock    *os.File              // nil when it is shared
	copying *checkpointer         // nil when it is shared
	node    int64                 // claims are held in its name
	files   [2]os.FileInfo        // the database and its log, as they were opened; nil when it is shared
	gone    atomic.Pointer[error] // why they are no longer those in the directory; nil while they are
}

func (q *sqliteDB) path() string { return filepath.Join(q.dir, databaseFile) }

// exists implements dialect.
func (q *sqliteDB) exists() error {
	_, err := os.Stat(q.path())
	return err
}

// open implements dialect.
func (q *sqliteDB) open(ctx context.Context, log *slog.Logger, exclusive bool) (write, read *gorm.DB, err error) {
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data directory: %w", err)
	}
	if exclusive {
		if q.lock, err = datadir.LockDir(q.dir); err != nil {
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

// explained begins an error of SQLite with what it means.
func (q *sqliteDB) explained(err error) error {
	if what, _ := q.fault(err); what != "" {
		return fmt.Errorf("%s: %s: %w", q.dir, what, err)
	}
	return err
}

func (q *sqliteDB) connect() (write, read *gorm.DB, err error) {
	if write, err = openSQLite(q.path(), false, 1); err != nil {
		return nil, nil, err
	}
	if err := checkPragmas(write); err != nil {
		return write, nil, err
	}
	read, err = openSQLite(q.path(), true, 4)
	return write, read, err
}

func openSQLite(path string, readOnly bool, conns int) (*gorm.DB, error) {
	db, err := gorm.Open(sqliteDialector(path, readOnly), &gorm.Config{
		SkipDefaultTransaction: true,
		PrepareStmt:            true,
		PrepareStmtMaxSize:     256,
		Logger:                 logger.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return db, nil
}

// checkPragmas refuses a database that would acknowledge what it may lose, whatever the driver made of the settings.
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

// provider implements dialect.
func (q *sqliteDB) provider(write *gorm.DB) (*goose.Provider, error) {
	pool, err := write.DB()
	if err != nil {
		return nil, err
	}
	dir, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, pool, dir)
}

// start implements dialect.
func (q *sqliteDB) start(ctx context.Context, s *Store) error {
	q.s = s
	var last sql.NullInt64
	if err := s.write.Raw("SELECT seq FROM sqlite_sequence WHERE name = 'attempts'").Scan(&last).Error; err != nil {
		return fmt.Errorf("read attempt sequence: %w", err)
	}
	s.last.Store(last.Int64)
	if !s.opts.Shared {
		if err := q.join(s.opts.Now()); err != nil {
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
		s.background.Go(func() { copying.run(s.quit) })
	}
	if err := s.readStarts(ctx); err != nil {
		return err
	}
	return q.prepareWriting()
}

// prepareWriting sets what makes merged transactions cheap: a cache that holds the indexes' ends, no temporary files for
// savepoints, and a log that the writer shortens itself only when the checkpointer does not.
func (q *sqliteDB) prepareWriting() error {
	for _, pragma := range []string{
		"cache_size = -32768", "temp_store = MEMORY", fmt.Sprintf("wal_autocheckpoint = %d", 4*checkpointPages), "journal_size_limit = 134217728",
	} {
		if err := q.s.write.Exec("PRAGMA " + pragma).Error; err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
	}
	return nil
}

// join registers this process as a node and voids the claims of the ones before it: the directory is locked, so they are
// gone.
func (q *sqliteDB) join(now time.Time) error {
	return q.s.write.Transaction(func(tx *gorm.DB) error {
		if err := q.addStart(tx, now); err != nil {
			return err
		}
		if err := tx.Raw("INSERT INTO nodes (started_at) VALUES (?) RETURNING seq", at(now)).Scan(&q.node).Error; err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if err := tx.Exec("DELETE FROM nodes WHERE seq < ?", q.node-100).Error; err != nil {
			return fmt.Errorf("forget old nodes: %w", err)
		}
		if err := tx.Exec(`UPDATE deliveries SET claimed_by = NULL, due_at = CASE WHEN status = 'PENDING' THEN ? END
			WHERE claimed_by IS NOT NULL`, at(now)).Error; err != nil {
			return fmt.Errorf("void old claims: %w", err)
		}
		return nil
	})
}

// addStart appends this start: what it commits follows on what is there.
func (q *sqliteDB) addStart(tx *gorm.DB, now time.Time) error {
	last := func(table string) string {
		return "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '" + table + "'), 0)"
	}
	insert := "INSERT INTO starts (id, started_at, " + startColumns + ") SELECT ?, ?, " + strings.Join([]string{
		last("tenants"), last("tokens"), last("webhooks"), last("events"), last("deliveries"), last("attempts"),
	}, ", ")
	for _, s := range append([]startStatement{{insert, []any{newStartID(), at(now)}}}, tidyStarts()...) {
		if err := tx.Exec(s.text, s.args...).Error; err != nil {
			return fmt.Errorf("note this start: %w", err)
		}
	}
	return nil
}

// close implements dialect.
func (q *sqliteDB) close() error {
	var errs []error
	if q.s != nil {
		errs = append(errs, q.direct.close(q.s.write))
	}
	if q.copying != nil {
		errs = append(errs, closePool(q.copying.db))
	}
	if q.lock != nil {
		errs = append(errs, q.lock.Close())
		q.lock = nil
	}
	return errors.Join(errs...)
}

// transaction implements dialect.
func (q *sqliteDB) transaction(b *batch, do func() error) error {
	if why := q.gone.Load(); why != nil {
		return *why
	}
	b.now = q.s.opts.Now()
	return q.s.write.Connection(func(db *gorm.DB) error {
		if err := q.direct.begin(db.Statement.ConnPool.(*sql.Conn)); err != nil {
			return err
		}
		return db.Session(&gorm.Session{NewDB: true}).Transaction(func(tx *gorm.DB) error {
			b.tx = tx
			return do()
		})
	})
}

// claimedBy implements dialect.
func (q *sqliteDB) claimedBy(*Claimed) int64 { return q.node }

// nodes implements dialect. The directory is this one's alone.
func (q *sqliteDB) nodes() int { return 1 }

// lockTargets implements dialect. Only one process writes, and only one transaction of it.
func (q *sqliteDB) lockTargets(*batch) error { return nil }

// committed implements dialect. The writer is the only one, so it writes in the order of the log.
func (q *sqliteDB) committed(b *batch) {
	q.copying.grown()
	if n := len(b.attempts); n > 0 {
		q.s.last.Store(b.attempts[n-1].Seq)
		q.s.tell(b.attempts)
	}
}

// sameDay implements dialect.
func (q *sqliteDB) sameDay(string, string) string { return "" }

// logWindow bounds how much of the attempt log one call of AttemptLog searches, in rows.
const logWindow = 20_000

// logEnd implements dialect.
func (q *sqliteDB) logEnd(_ context.Context, after int64) (int64, error) {
	return min(q.s.last.Load(), after+logWindow), nil
}

// logBounds implements dialect.
func (q *sqliteDB) logBounds(ctx context.Context) (oldest, newest int64, err error) {
	if newest = q.s.last.Load(); newest == 0 {
		return 0, 0, nil
	}
	var pruned int64
	if err := q.s.read.WithContext(ctx).Raw("SELECT pruned_attempt FROM store").Scan(&pruned).Error; err != nil {
		return 0, 0, err
	}
	return pruned + 1, newest, nil
}

// settle implements dialect. The log is what is committed.
func (q *sqliteDB) settle(context.Context) error { return nil }

// tryLock implements dialect. There is one process.
func (q *sqliteDB) tryLock(context.Context, string) (unlock func(), ok bool, err error) {
	return func() {}, true, nil
}

// pruneWindow bounds how many events one look for what prune may remove goes through.
const pruneWindow = 20_000

// prune implements dialect. It looks for events in small reads, so that the writer, which everybody waits for, only removes.
func (q *sqliteDB) prune(ctx context.Context, before time.Time) (int, error) {
	var bounds struct{ First, Last *int64 }
	err := q.s.read.WithContext(ctx).Raw("SELECT (SELECT MIN(seq) FROM events) AS first, (SELECT MAX(seq) FROM events) AS last").Scan(&bounds).Error
	if err != nil {
		return 0, unavailable(err)
	}
	if bounds.First == nil {
		return 0, nil
	}
	total := 0
	for after := *bounds.First - 1; after < *bounds.Last; {
		found, to, err := q.completed(ctx, before, after)
		if err != nil {
			return total, err
		}
		after = to
		n, err := q.s.removeOld(ctx, found)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// completed finds events that prune may remove, with Seq > after, and returns up to which Seq it looked.
func (q *sqliteDB) completed(ctx context.Context, before time.Time, after int64) (found []candidate, to int64, err error) {
	to = after + pruneWindow
	err = q.s.read.WithContext(ctx).Raw(candidates(q)+`
		WHERE seq > ? AND seq <= ? AND created_at < ? AND `+noneOwed(q)+` ORDER BY seq LIMIT ?`, after, to, at(before), pruneEvents).Scan(&found).Error
	if err != nil {
		return nil, after, unavailable(err)
	}
	if len(found) == pruneEvents {
		to = found[len(found)-1].Seq
	}
	return found, to, nil
}
