package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
)

// DefaultMaxLog is how far the write-ahead log may grow during a backup, in bytes.
const DefaultMaxLog = 4 << 30

// ErrLogTooLong is the error of a backup during which more was written than its MaxLog.
var ErrLogTooLong = errors.New("the backup was given up, because the write-ahead log has become too long: nothing can be removed from it meanwhile")

// ErrNoRoom is the error of a backup for which the disk has too little room. It is given up before it fills the disk, which may be the database's.
var ErrNoRoom = errors.New("there is no room for the backup")

// BackupOptions are the options of Backup and WriteBackup.
type BackupOptions struct {
	Dir string // the data directory; a server may be using it, in this process too
	// Keys are the given master keys; empty means those of the key file, which becomes a part of the backup.
	Keys [][]byte
	// WithoutKey leaves the key file out, and the check of keys, too.
	WithoutKey bool
	// MaxLog ends the backup, without a result, when the write-ahead log has become that long; 0 means DefaultMaxLog.
	MaxLog   int64
	Version  string         // of the program
	Progress func(Progress) // may be nil; called by the caller's goroutine
}

// Backup copies the database, as it is at one moment, and the master key to a new directory, which appears complete and checked, or not at all.
func Backup(ctx context.Context, o BackupOptions, to string) (*Manifest, error) {
	if err := o.target(&to); err != nil {
		return nil, err
	}
	draft, err := datadir.NewDraft(filepath.Dir(to), datadir.BackupDraft)
	if err != nil {
		return nil, err
	}
	defer draft.Discard()
	m, err := o.make(ctx, draft.Dir)
	if err != nil {
		return nil, err
	}
	return m, draft.Publish(to)
}

// WriteBackup is Backup into a stream, as a tar archive. The copy is made in the data directory first, and removed afterwards.
func WriteBackup(ctx context.Context, o BackupOptions, to io.Writer) (*Manifest, error) {
	if err := o.exists(); err != nil {
		return nil, err
	}
	draft, err := datadir.NewDraft(o.Dir, datadir.BackupDraft)
	if err != nil {
		return nil, err
	}
	defer draft.Discard()
	m, err := o.make(ctx, draft.Dir)
	if err != nil {
		return nil, err
	}
	if err := pack(ctx, to, draft.Dir, m.CreatedAt); err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	return m, nil
}

func (o *BackupOptions) exists() error {
	if err := sqlite.New(o.Dir).Exists(); err != nil {
		return fmt.Errorf("no database: %w", err)
	}
	return nil
}

// target checks the place of a backup, and makes its path absolute.
func (o *BackupOptions) target(to *string) error {
	if err := o.exists(); err != nil {
		return err
	}
	path, err := filepath.Abs(*to)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	if *to = path; filepath.Dir(path) == dir && strings.HasPrefix(filepath.Base(path), sqlite.FileName) {
		return fmt.Errorf("%s has the name of a file of the database: name another directory", path)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s exists already: name a new directory", path), err)
	}
	return nil
}

// make makes a backup in an empty directory, and flushes its files.
func (o *BackupOptions) make(ctx context.Context, dir string) (*Manifest, error) {
	m := &Manifest{Format: manifestFormat, Version: o.Version}
	path := filepath.Join(dir, sqlite.FileName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	var keys [][]byte
	if keys, err = o.keyFile(); err != nil {
		return nil, err
	}
	if is, err := os.Stat(filepath.Join(o.Dir, sqlite.FileName)); err == nil { // before any of it is written
		if err := room(path, is.Size()); err != nil {
			return nil, err
		}
	}
	db := sqlite.New(o.Dir)
	begun := func() error {
		m.CreatedAt = time.Now().UTC() // the moment is fixed: what was acknowledged before is in the copy
		return o.addKeys(&keys)
	}
	est := newEstimate([]CopiedTable{{}}, o.Progress)
	err = db.Snapshot(ctx, path, begun, func(is sqlite.Snapshot) error {
		est.pages(Copying, is.Pages, is.Of)
		if most := o.maxLog(); is.Log > most {
			return fmt.Errorf("%w (more than %d MiB): back up when less is written, or allow more", ErrLogTooLong, most>>20)
		}
		return room(path, int64(is.Of)*int64(is.PageSize))
	})
	if err != nil {
		return nil, fmt.Errorf("copy the database: %w", err)
	}
	est.pages(Checking, 0, 1)
	return m, o.complete(ctx, dir, m, keys)
}

// complete checks the copy, and adds the key and the manifest.
func (o *BackupOptions) complete(ctx context.Context, dir string, m *Manifest, keys [][]byte) (err error) {
	if m.HasKey = len(keys) > 0; m.HasKey {
		if err := datadir.Write(filepath.Join(dir, seal.FileName), seal.FileText(keys...), os.Link); err != nil {
			return err
		}
	}
	db, err := sqlite.OpenBare(ctx, dir, false)
	if err != nil {
		return fmt.Errorf("the copy of the database: %w", err)
	}
	c, err := check(ctx, db, slices.Concat(keys, o.Keys), o.WithoutKey)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("the copy of the database: %w", err)
	}
	m.Schema, m.KeyIDs = c.schema, c.keyIDs
	path := filepath.Join(dir, sqlite.FileName)
	if err := datadir.Sync(path); err != nil {
		return err
	}
	if m.Bytes, m.SHA256, err = measured(path); err != nil {
		return err
	}
	return m.write(dir)
}

// leastLeft is what a backup leaves free, for the server's log if the disk is the same.
const leastLeft = 4 << 20

// room refuses to go on with a copy, of which a part may be written, when the rest of it does not fit.
func room(copied string, size int64) error {
	dir := filepath.Dir(filepath.Dir(copied)) // of the draft
	free, of := datadir.Space(dir)
	is, err := os.Stat(copied)
	if err != nil {
		return err
	}
	if left := size - is.Size(); of > 0 && left > 0 && free < left+leastLeft {
		return fmt.Errorf("%w in %s: it takes %d MiB more, and %d MiB are free", ErrNoRoom, dir, (left+leastLeft)>>20+1, free>>20)
	}
	return nil
}

func (o *BackupOptions) maxLog() int64 {
	if o.MaxLog == 0 {
		return DefaultMaxLog
	}
	return o.MaxLog
}

// keyFile returns the keys of the key file; none if the keys are given, or left out.
func (o *BackupOptions) keyFile() ([][]byte, error) {
	if o.WithoutKey || len(o.Keys) > 0 {
		return nil, nil
	}
	keys, err := seal.ReadFile(filepath.Join(o.Dir, seal.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the master key is not in %s: give it in HOOKGRAPH_MASTER_KEY, or leave it out with --without-key", o.Dir)
	}
	return keys, err
}

// addKeys adds what is in the key file now, while the database cannot change for the copy. A change of the master key may have begun, or ended,
// since it was read; whichever of its keys the copy needs is in one of both.
func (o *BackupOptions) addKeys(keys *[][]byte) error {
	now, err := o.keyFile()
	if err != nil {
		return err
	}
	for _, key := range *keys {
		if !slices.ContainsFunc(now, func(k []byte) bool { return string(k) == string(key) }) {
			now = append(now, key)
		}
	}
	*keys = now
	return nil
}
