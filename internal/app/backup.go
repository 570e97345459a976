package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/transfer"
	"github.com/hookgraph/hookgraph/internal/upkeep"
)

// backups are made by the clock. Which one is due is seen from those that are there, so that a restart neither makes one too early nor skips one.
type backups struct {
	every time.Duration
	keep  int
	dir   string
	from  transfer.BackupOptions
	log   *slog.Logger

	mu     sync.Mutex // guards what follows
	failed error      // the last one
	after  time.Time  // no other is tried before, after a failure
}

// backupLook is the most time between two looks whether a backup is due.
const backupLook = time.Minute

func (s *server) openBackups(context.Context) error {
	cfg := s.cfg
	if cfg.BackupEvery == 0 {
		return nil
	}
	dir, named := cfg.Backups()
	if info, err := os.Stat(dir); named && (err != nil || !info.IsDir()) { // a disk that is not mounted must not go unnoticed
		return errors.Join(fmt.Errorf("--backup-dir: %s is not a directory", dir), err)
	}
	s.backups = newBackups(cfg, dir, s.log)
	return nil
}

func newBackups(cfg *config.Config, dir string, log *slog.Logger) *backups {
	return &backups{
		every: cfg.BackupEvery, keep: cfg.BackupKeep, dir: dir, log: log,
		from: transfer.BackupOptions{Dir: cfg.Database, Keys: cfg.MasterKeys, Version: cli.Version()},
	}
}

// task makes a backup when one is due. It is not exclusive, because it may take long: other tasks go on.
func (b *backups) task() upkeep.Task {
	return upkeep.Task{Name: "backup", Every: min(b.every, backupLook), Run: func(ctx context.Context) error {
		now := time.Now()
		if b.waits(now) {
			return b.failure() // the task has failed until a backup succeeds
		}
		due, err := b.due(now)
		if err == nil && due {
			err = b.make(ctx, now)
		}
		if ctx.Err() == nil {
			b.note(now, err)
		}
		return err
	}}
}

// failure returns why the last backup failed; nil if it did not. b may be nil.
func (b *backups) failure() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// waits reports whether it is too early to try again: a failure may have taken long, and filled a disk.
func (b *backups) waits(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed != nil && now.Before(b.after)
}

func (b *backups) note(now time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed = err; err != nil {
		b.after = now.Add(max(backupLook, min(b.every/8, time.Hour)))
	}
}

// due reports whether the newest backup is old enough.
func (b *backups) due(now time.Time) (bool, error) {
	made, err := datadir.Backups(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return len(made) == 0 || now.Sub(made[0].At) >= b.every || made[0].At.After(now), err
}

// make makes a backup, and then removes old ones.
func (b *backups) make(ctx context.Context, now time.Time) error {
	if err := os.Mkdir(b.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	begun := time.Now()
	m, err := transfer.Backup(ctx, b.from, filepath.Join(b.dir, datadir.BackupName(now)))
	if err != nil {
		return err
	}
	b.log.InfoContext(ctx, "backed up", slog.String("directory", b.dir), slog.Int64("bytes", m.Bytes), slog.Duration("took", time.Since(begun)))
	made, err := datadir.Backups(b.dir)
	for i := b.keep; i < len(made); i++ {
		err = errors.Join(err, datadir.RemoveBackup(made[i]))
	}
	return err
}
