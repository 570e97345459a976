package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// RestoreOptions are the options of Restore.
type RestoreOptions struct {
	From   string    // a backup's directory, or its archive
	Stream io.Reader // an archive, in place of From
	Dir    string    // the new data directory, which is created unless it is empty
	// Keys are the given master keys, which a server on the directory must be given, too; empty means those of the backup, or of KeyFile.
	Keys [][]byte
	// KeyFile is a key file that was kept apart from the backup. It is copied into the directory.
	KeyFile string
	// Actor restores, in the audit log of the restored database.
	Actor    webhook.Actor
	Progress func(Progress) // may be nil; called by Restore's own goroutine
}

// restoreDraft is the name of drafts of restored databases.
const restoreDraft = ".hookgraph-restore"

// Restore makes a data directory of a backup. The database appears in it complete and checked, or not at all, and begins a new life: the backup's server
// holds no deliveries, and cursors of what is not in the backup are refused.
func Restore(ctx context.Context, o RestoreOptions) (_ *Manifest, err error) {
	_, was := os.Stat(o.Dir)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && errors.Is(was, fs.ErrNotExist) {
			_ = os.Remove(o.Dir) // only if nothing is in it
		}
	}()
	lock, err := datadir.LockDir(o.Dir)
	if errors.Is(err, datadir.ErrInUse) {
		err = fmt.Errorf("%w: restore to a new directory, stop the server, and start it with --database and that directory", err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	datadir.RemoveDrafts(o.Dir, restoreDraft)
	if err := empty(o.Dir); err != nil {
		return nil, err
	}
	draft, err := datadir.NewDraft(o.Dir, restoreDraft)
	if err != nil {
		return nil, err
	}
	defer draft.Discard()
	m, err := o.make(ctx, draft.Dir)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{seal.FileName, sqlite.FileName} { // a key without a database is refused, the other way round it would not be noticed
		err := os.Rename(filepath.Join(draft.Dir, name), filepath.Join(o.Dir, name))
		if err != nil && (name != seal.FileName || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	return m, datadir.Sync(o.Dir)
}

// empty refuses a directory that is in use.
func empty(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, is := range list {
		switch is.Name() {
		case "lost+found", "lock": // of a file system, and of datadir where directories cannot be locked
		default:
			return fmt.Errorf("%s is not empty, it has %s: name a new directory", dir, is.Name())
		}
	}
	return nil
}

// make makes a database of the backup in an empty directory, and flushes its files.
func (o *RestoreOptions) make(ctx context.Context, dir string) (*Manifest, error) {
	what := o.From
	if o.Stream != nil {
		what = "the archive"
	}
	if err := o.read(ctx, dir); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	size, sum, err := measured(filepath.Join(dir, sqlite.FileName))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if size != m.Bytes || sum != m.SHA256 {
		return nil, fmt.Errorf("%s: it is damaged: %s has %d bytes and checksum %.16s, and had %d and %.16s when it was made", what, sqlite.FileName, size, sum, m.Bytes, m.SHA256)
	}
	if o.Progress != nil {
		o.Progress(Progress{Step: Checking, Of: 1})
	}
	if err := o.begin(ctx, dir, m); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return m, errors.Join(datadir.Sync(filepath.Join(dir, sqlite.FileName)), datadir.Sync(dir))
}

func (o *RestoreOptions) read(ctx context.Context, dir string) error {
	begins := func() {
		if o.Progress != nil {
			o.Progress(Progress{Step: Copying, Of: 1})
		}
	}
	if o.Stream != nil {
		begins()
		return unpack(ctx, o.Stream, dir)
	}
	f, err := os.Open(o.From)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		if _, err := readManifest(o.From); err != nil { // before everything is copied
			return err
		}
		begins()
		return take(ctx, o.From, dir)
	}
	begins()
	return unpack(ctx, f, dir)
}

// begin checks the database with its keys, and has it begin a new life.
func (o *RestoreOptions) begin(ctx context.Context, dir string, m *Manifest) error {
	keys, err := o.keys(dir, m)
	if err != nil {
		return err
	}
	db, err := sqlite.OpenBare(ctx, dir, false)
	if err != nil {
		return err
	}
	c, err := check(ctx, db, keys, false)
	switch {
	case err != nil:
	case c.schema > c.known:
		err = fmt.Errorf("it has schema %d, this program knows up to %d: use a newer program", c.schema, c.known)
	case c.schema == c.known: // the start of a server on another one does this, after its migrations
		err = db.Restored(ctx, dialect.At(time.Now()))
	}
	if err == nil {
		err = db.Audit(ctx, o.entry(m))
	}
	return errors.Join(err, db.Close())
}

// entry says in the audit log that the database went back to the time of the backup: whoever reads it must know that later changes are gone. The
// object has no ID, as there is one database.
func (o *RestoreOptions) entry(m *Manifest) *webhook.AuditEntry {
	from := o.From
	if o.Stream != nil {
		from = "-"
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	return &webhook.AuditEntry{ID: webhook.NewID(now), CreatedAt: now, Actor: o.Actor, Action: webhook.AuditDatabaseRestored, Changes: webhook.AuditChanges(nil, []webhook.AuditField{
		{Name: "asOf", Value: m.CreatedAt}, {Name: "backup", Value: from}, {Name: "sha256", Value: m.SHA256},
	})}
}

// keys returns the master keys for the restored database, and puts a key file that was kept apart into the directory.
func (o *RestoreOptions) keys(dir string, m *Manifest) ([][]byte, error) {
	path := filepath.Join(dir, seal.FileName)
	if o.KeyFile != "" {
		if m.HasKey {
			return nil, errors.New("the backup has its master key: leave --key out")
		}
		keys, err := seal.ReadFile(o.KeyFile)
		if err != nil {
			return nil, err
		}
		return keys, datadir.Write(path, seal.FileText(keys...), os.Link)
	}
	if len(o.Keys) > 0 {
		return o.Keys, nil
	}
	keys, err := seal.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the backup has no master key, and needs %s: give its file with --key, or the key in HOOKGRAPH_MASTER_KEY", strings.Join(m.KeyIDs, ", "))
	}
	return keys, err
}
