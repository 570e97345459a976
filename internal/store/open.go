package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Options says where the store is and what it may hold.
type Options struct {
	// Dir is the data directory, made (0700) when absent.
	Dir string
	// Shared opens a directory that a server may be using, for short commands: no lock, no claims, no background work.
	Shared bool
	Logger *slog.Logger
	// MaxDataBytes bounds one event's compacted data; 0 means webhook.DefaultMaxDataBytes.
	MaxDataBytes int
	// CheckURL is the rule for webhook URLs: it returns the URL normalised, or an error whose text is shown to the caller.
	// Nil means no rule beyond length.
	CheckURL func(raw string) (string, error)
	// CheckHeader is the rule for custom headers, its error as CheckURL's. Nil means no rule beyond number and size.
	CheckHeader func(name, value string) error
	// MasterKeys seal signing secrets and custom headers, 32 bytes each. The first is the current one; the others open what
	// RotateKey has not sealed anew yet. None means those in the file master.key in Dir, made at the first start.
	MasterKeys [][]byte
	// OnStatement, when not nil, is called for every SQL statement of a Scope; tests count with it.
	OnStatement func(sql string)
}

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	opts     Options
	log      *slog.Logger
	read     *gorm.DB  // a pool of read-only connections
	write    *gorm.DB  // one connection, used by the writer alone
	prepared *prepared // statements of write
	lock     *os.File  // nil when Shared
	keys     *keyring
	node     int64 // claims are held in its name
	epoch    string
	writer   *writer
	routes   routes
	memory   *semaphore.Weighted // bytes of events that wait to be published

	last       atomic.Int64 // Seq of the newest committed attempt
	onAttempts func([]*webhook.Attempt)
	taker      Taker
	background sync.WaitGroup
	quit       context.Context //nolint:containedctx // ends the store's own goroutines, never a caller's work
	stop       context.CancelFunc
}

// publishMemory bounds the bytes of events that wait to be published.
const publishMemory = 64 << 20

// Open locks the directory, brings the schema up to date, checks that the database will keep what it acknowledges, and
// makes whatever an earlier process had claimed due again. The caller closes the store.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxDataBytes == 0 {
		o.MaxDataBytes = webhook.DefaultMaxDataBytes
	}
	s := &Store{opts: o, log: o.Logger, taker: noTaker{}, memory: semaphore.NewWeighted(publishMemory)}
	s.quit, s.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if !o.Shared {
		if s.lock, err = lockDir(o.Dir, "lock"); err != nil {
			return nil, err
		}
	}
	if s.keys, err = openKeyring(o.Dir, o.MasterKeys); err != nil {
		return nil, err
	}
	path := filepath.Join(o.Dir, "hookgraph.db")
	if s.write, err = open(path, false, 1); err != nil {
		return nil, err
	}
	if err := s.checkPragmas(); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	if s.read, err = open(path, true, 4); err != nil {
		return nil, err
	}
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
	if err := s.write.Raw("SELECT epoch FROM store").Scan(&s.epoch).Error; err != nil {
		return nil, fmt.Errorf("read epoch: %w", err)
	}
	if err := s.adoptKey(); err != nil {
		return nil, err
	}
	var last sql.NullInt64
	if err := s.write.Raw("SELECT seq FROM sqlite_sequence WHERE name = 'attempts'").Scan(&last).Error; err != nil {
		return nil, fmt.Errorf("read attempt sequence: %w", err)
	}
	s.last.Store(last.Int64)
	if !o.Shared {
		if err := s.join(time.Now()); err != nil {
			return nil, err
		}
	}
	if err := s.loadRoutes(); err != nil {
		return nil, err
	}
	if err := s.prepareWriting(); err != nil {
		return nil, err
	}
	s.writer = newWriter(s)
	s.background.Go(s.writer.run)
	return s, nil
}

func open(path string, readOnly bool, conns int) (*gorm.DB, error) {
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
func (s *Store) checkPragmas() error {
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := s.write.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
		if !strings.EqualFold(got, want) {
			return fmt.Errorf("pragma %s is %s, want %s", pragma, got, want)
		}
	}
	return nil
}

// prepareWriting sets what makes merged transactions cheap: a cache that holds the indexes' ends, and a longer log, so that
// a page that many transactions change is copied into the database once. The log is at most a few times 32 MiB long.
func (s *Store) prepareWriting() error {
	for _, pragma := range []string{"cache_size = -65536", "wal_autocheckpoint = 8192", "journal_size_limit = 134217728"} {
		if err := s.write.Exec("PRAGMA " + pragma).Error; err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
	}
	pool, err := s.write.DB()
	if err != nil {
		return err
	}
	s.prepared = newPrepared(pool)
	return nil
}

// join registers this process as a node and voids the claims of the ones before it: the directory is locked, so they are
// gone.
func (s *Store) join(now time.Time) error {
	return s.write.Transaction(func(tx *gorm.DB) error {
		if err := tx.Raw("INSERT INTO nodes (started_at) VALUES (?) RETURNING seq", at(now)).Scan(&s.node).Error; err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if err := tx.Exec("DELETE FROM nodes WHERE seq < ?", s.node-100).Error; err != nil {
			return fmt.Errorf("forget old nodes: %w", err)
		}
		if err := tx.Exec(`UPDATE deliveries SET claimed_by = NULL, due_at = CASE WHEN status = 'PENDING' THEN ? END
			WHERE claimed_by IS NOT NULL`, at(now)).Error; err != nil {
			return fmt.Errorf("void old claims: %w", err)
		}
		return nil
	})
}

// Close writes what is queued, and releases the directory.
func (s *Store) Close() error {
	s.stop()
	if s.writer != nil {
		s.writer.close()
	}
	s.background.Wait()
	var errs []error
	if s.prepared != nil {
		s.prepared.close()
	}
	for _, db := range []*gorm.DB{s.read, s.write} {
		if db == nil {
			continue
		}
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		errs = append(errs, err)
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return unavailable(err)
	}
	return nil
}

// Epoch names this database; it is part of stream cursors.
func (s *Store) Epoch() string { return s.epoch }

// SetTaker sets the sender, once, before anything is published.
func (s *Store) SetTaker(t Taker) { s.taker = t }

// OnAttempts sets who is told of attempts after every commit, in commit order, once, before anything is recorded. The
// function must return at once and must not change the attempts.
func (s *Store) OnAttempts(f func([]*webhook.Attempt)) { s.onAttempts = f }

// noTaker leaves every delivery to be claimed.
type noTaker struct{}

func (noTaker) Reserve(*Hook, int) bool   { return false }
func (noTaker) Release(*Hook, int)        {}
func (noTaker) Take(*Job)                 {}
func (noTaker) Due(webhook.ID, time.Time) {}
func (noTaker) Changed(*Hook)             {}

// unavailable wraps a database's error so that callers know that trying again may help.
func unavailable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", webhook.ErrUnavailable, err)
}
