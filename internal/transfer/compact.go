package transfer

import (
	"context"
	"errors"
	"io/fs"

	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
)

// CompactOptions are the options of Compact.
type CompactOptions struct {
	Dir string
	// Beside works while a server uses the directory. It only removes free pages, which takes less time, and leaves the others as they are.
	Beside   bool
	Progress func(Progress) // may be nil; called by Compact's own goroutine
}

// Compacted is the result of Compact, in bytes of the database.
type Compacted struct{ Before, After int64 }

// Compact makes a SQLite database smaller.
func Compact(ctx context.Context, o CompactOptions) (c Compacted, err error) {
	db, err := sqlite.OpenBare(ctx, o.Dir, !o.Beside)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.Before, err = db.Size(ctx); err != nil {
		return c, err
	}
	if o.Beside {
		all := int64(0)
		err = db.Shrink(ctx, func(free int) {
			all = max(all, int64(free))
			if o.Progress != nil {
				o.Progress(Progress{Step: Compacting, Done: all - int64(free), Of: all})
			}
		})
	} else {
		err = db.Vacuum(ctx)
	}
	if err != nil {
		return c, err
	}
	c.After, err = db.Size(ctx)
	return c, err
}

// InUse reports whether a server may use the directory.
func InUse(dir string) bool {
	lock, err := datadir.LockDir(dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	_ = lock.Close()
	return false
}
