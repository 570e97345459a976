package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/inspect"
	"github.com/hookgraph/hookgraph/internal/store/migrations"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
)

// counting is the writer's memory for what transactions count. Each transaction uses it again.
type counting struct {
	all, part stats.Delta // of the transaction, and of the change that runs in it
	data      []byte
	folding   sync.Mutex // guards folder
	folder    statistics.Folder
	expired   atomic.Int64 // when rows were last removed, in seconds since 1970
}

// countExisting counts what is stored once, in a database that has no statistics: they were not in a backup, or were removed. Nothing else may
// write meanwhile.
func (s *Store) countExisting(ctx context.Context) error {
	lacks, err := statistics.Lacks(s.read.WithContext(ctx))
	if err != nil || !lacks {
		return err
	}
	s.log.WarnContext(ctx, "the database has no statistics: counting what is stored")
	err = s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return statistics.CountExisting(&dialect.Tx{DB: tx, Now: s.opts.Now()}, s.db)
	})
	if err != nil {
		return fmt.Errorf("count what is stored: %w", err)
	}
	return nil
}

// keepStatistics is the work by the clock: it folds, and removes what has expired.
func (s *Store) keepStatistics(ctx context.Context) error {
	if err := s.fold(ctx, s.opts.Now); err != nil {
		return err
	}
	now := s.opts.Now()
	if now.Sub(time.Unix(s.tally.expired.Load(), 0)) < expireStatsEvery {
		return nil
	}
	if err := s.expireStatistics(ctx, newPruner(s), now); err != nil {
		return err
	}
	s.tally.expired.Store(now.Unix())
	return nil
}

// FoldStatistics folds all of the journal of statistics, in pieces that give way to others. Nobody needs to call it to read them.
func (s *Store) FoldStatistics(ctx context.Context) error { return s.fold(ctx, nil) }

// fold folds what is worth folding at the time, or everything if now is nil. It may leave rows that arrive in the meantime.
func (s *Store) fold(ctx context.Context, now func() time.Time) error {
	s.tally.folding.Lock()
	defer s.tally.folding.Unlock()
	for p := newPruner(s); ; {
		minute := statistics.NoMinute
		if now != nil {
			minute = now().Unix() / 60
		}
		plan, err := s.tally.folder.Plan(s.read.WithContext(ctx), minute)
		if err != nil || plan == nil {
			return err
		}
		if p.share = foldShare; plan.Hurry {
			p.share = 1
		}
		// Rows that arrive in the meantime are merged in time for readers.
		for begun := time.Now(); plan.Next() && time.Since(begun) < foldEvery; {
			var did statistics.Done
			err := p.Piece(ctx, s.tuning.FoldRows, func(b *dialect.Tx, n int) (err error) {
				did, err = plan.Step(b, n)
				return err
			})
			if err != nil {
				return fmt.Errorf("fold statistics: %w", err)
			}
			plan.Committed(did)
		}
		if !plan.Next() && !plan.More {
			return nil
		}
	}
}

// Miscount is a webhook whose pending deliveries differ from statistics.
type Miscount = statistics.Miscount

// CheckBacklog compares webhooks' pending deliveries according to statistics with the stored ones, and returns the differences. It is for
// diagnosis: its cost grows with the number of waiting deliveries.
func (s *Store) CheckBacklog(ctx context.Context) ([]*Miscount, error) {
	return statistics.Check(s.read.WithContext(ctx), s.db)
}

const (
	foldEvery        = 5 * time.Second
	foldShare        = 10 // while others write, folding takes a tenth of the time
	expireStatsEvery = time.Hour
	minutesKept      = statistics.MinutesFor + time.Hour
)

// expireStatistics removes rows that are older than they are kept, and types that have none any more.
func (s *Store) expireStatistics(ctx context.Context, p *pruner, now time.Time) error {
	of := statistics.Expired{Minutes: now.Add(-minutesKept), Others: now.Add(-s.statsRetention())}
	if any, err := of.Any(s.read.WithContext(ctx)); err != nil || !any {
		return err
	}
	for _, remove := range []func(b *dialect.Tx, n int) (int64, error){of.Remove, statistics.ForgetTypes} {
		for more := true; more; {
			err := p.Piece(ctx, s.tuning.FoldRows, func(b *dialect.Tx, n int) error {
				removed, err := remove(b, n)
				more = removed == int64(n)
				return err
			})
			if err != nil {
				return fmt.Errorf("remove old statistics: %w", err)
			}
		}
	}
	return nil
}

// Inspection is the result of a check of Inspect.
type Inspection = inspect.Result

// inspected opens a database for Inspect and MendBacklog. It refuses one whose schema is not this program's.
func (o *Options) inspected(ctx context.Context) (*storeless, error) {
	db, err := o.openBare(ctx, false)
	if err != nil {
		return nil, err
	}
	steps, err := db.Provider(db.write)
	if err == nil {
		err = migrations.Current(ctx, steps)
	}
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// Inspect looks for damage in a database, and changes nothing; a server may be using it. quick leaves out what reads whole tables. The error is
// why it cannot be inspected.
func Inspect(ctx context.Context, o Options, quick bool) (_ []Inspection, err error) {
	db, err := o.inspected(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	ring, noKeys := seal.OpenRing(o.Dir, o.MasterKeys, false)
	key := func(id string) error {
		if noKeys != nil {
			return noKeys
		}
		_, err := ring.Key(id)
		return err
	}
	return (&inspect.Inspection{
		DB: db, Read: db.read, Now: time.Now(), Key: key, Quick: quick, StatsRetention: cmp.Or(o.StatsRetention, DefaultStatsRetention),
	}).Run(ctx)
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
