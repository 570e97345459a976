package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/seal"
)

// databaseFile is the name of the database in a data directory.
const databaseFile = "hookgraph.db"

// Bounds of what a server needs of its disk.
const (
	leastSpace = 64 << 20  // a checkpoint and a fold of statistics fit
	lowSpace   = 512 << 20 // time to act
	leastFiles = 64
	slowSync   = 50 * time.Millisecond // the best of several: more than 20 commits a second are expected of any disk
	syncs      = 8
)

// directories checks the data directory and its disk.
func (e *examination) directories(ctx context.Context) {
	names := []string{"data-directory", "file-system", "disk-space", "disk-sync"}
	why := ""
	if e.postgres() {
		why = "the database is PostgreSQL, so there is no data directory"
	} else if f := e.check(ctx, names[0], e.directory); f.status == Failed {
		why, names = "see data-directory", names[1:]
	} else {
		e.check(ctx, names[1], e.fileSystem)
		e.check(ctx, names[2], e.space)
		e.check(ctx, names[3], e.sync)
		return
	}
	for _, name := range names {
		e.add(name, skipped(why), 0)
	}
}

// directory checks who may read and write the directory and its files.
func (e *examination) directory(context.Context) finding {
	dir := e.Config.Place()
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed(dir+" does not exist", "there is no database", "start the server, which creates it; or name the directory with --database")
	case err != nil:
		return failed(err.Error(), "the server cannot use it", "run this as the user of the server, and give that user the directory")
	case !info.IsDir():
		return failed(dir+" is not a directory", "the server cannot use it", "name the directory that hookgraph.db is in with --database")
	case info.Mode().Perm()&0o022 != 0:
		return failed(fmt.Sprintf("%s has mode %04o: other users may write to it", dir, info.Mode().Perm()), "they can replace the database and the master key", "chmod 700 "+dir)
	}
	var owned []string
	owner, has, err := e.Host.Owner(dir)
	for _, name := range []string{databaseFile, databaseFile + "-wal", databaseFile + "-shm", seal.FileName} {
		path := filepath.Join(dir, name)
		file, statErr := os.Stat(path)
		if errors.Is(statErr, fs.ErrNotExist) {
			continue
		}
		if err = errors.Join(err, statErr); err != nil {
			break
		}
		if name != seal.FileName && file.Mode().Perm()&0o077 != 0 {
			return warned(fmt.Sprintf("%s has mode %04o: other users may read it", path, file.Mode().Perm()), "they can read events", "chmod 600 it; the next start of the server does so")
		}
		uid, ok, ownerErr := e.Host.Owner(path)
		if err = errors.Join(err, ownerErr); ok && uid != owner {
			owned = append(owned, fmt.Sprintf("%s (user %d)", name, uid))
		}
	}
	switch {
	case err != nil:
		return failed(err.Error(), "the server cannot use it", "run this as the user of the server")
	case has && len(owned) > 0:
		return failed(fmt.Sprintf("%s belongs to user %d, and in it another user owns %v", dir, owner, owned), "a server that runs as the owner of the directory cannot open them; a command was probably run as root",
			fmt.Sprintf("chown -R %d %s", owner, dir))
	}
	return fine(fmt.Sprintf("%s, mode %04o", dir, info.Mode().Perm()))
}

func (e *examination) fileSystem(context.Context) finding {
	is, err := e.Host.FileSystem(e.Config.Place())
	switch {
	case err != nil:
		return skipped(err.Error())
	case is.Network:
		return failed("the data directory is on "+is.Type+", a network file system", "SQLite's log does not work there: events can be lost, and two servers can open the database at once", "move it to a local disk, or use PostgreSQL")
	case is.Memory:
		return warned("the data directory is on "+is.Type+", which is in memory", "everything is lost when this host or its container restarts", "move it to a disk")
	case is.Type == "":
		return fine("local")
	}
	return fine(is.Type)
}

func (e *examination) space(context.Context) finding {
	is, err := e.Host.FileSystem(e.Config.Place())
	if err != nil || is.Bytes == 0 {
		return skipped(fmt.Sprint("the free space is not known: ", err))
	}
	found := config.Bytes(is.Free).Rounded() + " are free of " + config.Bytes(is.Bytes).Rounded() //nolint:gosec // no disk has 2^63 bytes
	const remedy = "make space, or shorten --retention; the file shrinks after events are removed"
	switch {
	case is.Free < leastSpace:
		return failed(found, "publishing fails, and results of attempts wait in memory", remedy)
	case is.AllFiles > 0 && is.Files < leastFiles:
		return failed(fmt.Sprintf("%d files may still be created on this file system", is.Files), "SQLite cannot create its log", "remove files that are not needed")
	case is.Free < lowSpace:
		return warned(found, "publishing fails when the disk is full", remedy)
	}
	return fine(found)
}

// sync measures how long a write to the disk takes. The file has the name of one that an interrupted start leaves, so that a server removes it
// if this process is killed.
func (e *examination) sync(ctx context.Context) finding {
	f, err := os.CreateTemp(e.Config.Place(), databaseFile+datadir.Unfinished)
	if err != nil {
		return failed(err.Error(), "a server that runs as this user cannot write to the data directory", "give the directory to the user of the server, and remount it if it is read-only")
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	var took []time.Duration
	for n := 0; n < syncs && ctx.Err() == nil; n++ {
		if _, err = f.Write(make([]byte, 4096)); err == nil {
			began := time.Now()
			err = e.Host.Sync(f)
			took = append(took, time.Since(began))
		}
		if err != nil {
			return failed(err.Error(), "the disk does not accept writes: publishing fails", "look into the log of the kernel (dmesg), and replace or free the disk")
		}
	}
	if len(took) == 0 {
		return skipped("there was no time for it")
	}
	slices.Sort(took)
	found := fmt.Sprintf("a synchronous write takes %v (%v to %v)", took[len(took)/2].Round(time.Microsecond), took[0].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond))
	if took[0] > slowSync {
		return warned(found, "each commit waits that long, so publishing is slow", "use a faster disk, or one that other programs do not use")
	}
	return fine(found)
}
