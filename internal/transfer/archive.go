package transfer

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
)

// parts are the files of a backup, in the order in which an archive has them. The last one makes it a backup.
var parts = []string{sqlite.FileName, seal.FileName, manifestName}

// pack writes the files of a backup as a tar archive.
func pack(ctx context.Context, to io.Writer, dir string, at time.Time) error {
	w := tar.NewWriter(to)
	for _, name := range parts {
		err := packFile(ctx, w, filepath.Join(dir, name), at)
		if errors.Is(err, fs.ErrNotExist) && name == seal.FileName {
			continue
		}
		if err != nil {
			return err
		}
	}
	return w.Close()
}

func packFile(ctx context.Context, w *tar.Writer, path string, at time.Time) error {
	f, err := os.Open(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: filepath.Base(path), Mode: 0o600, Size: info.Size(), ModTime: at.Truncate(time.Second)}); err != nil {
		return err
	}
	_, err = io.Copy(w, reading{ctx, f})
	return err
}

// unpack writes the files of an archive, which may be compressed with gzip, into a directory. It takes the names of parts and nothing else.
func unpack(ctx context.Context, from io.Reader, dir string) error {
	buffered := bufio.NewReader(from)
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		plain, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		from = plain
	} else {
		from = buffered
	}
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is not an archive of hookgraph backup, or only a part of one: %w", err)
		}
		name := filepath.Clean(h.Name) // tar -C DIR . writes ./NAME
		if h.Typeflag == tar.TypeDir && name == "." {
			continue
		}
		if h.Typeflag != tar.TypeReg || !slices.Contains(parts, name) {
			return fmt.Errorf("it has %q, which is no part of a backup", h.Name)
		}
		if name != sqlite.FileName && h.Size > 1<<20 {
			return fmt.Errorf("its %s has %d bytes", name, h.Size)
		}
		if err := put(ctx, r, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
}

// take copies the files of a backup from its directory.
func take(ctx context.Context, from, dir string) error {
	for _, name := range parts {
		f, err := os.Open(filepath.Join(from, name)) //nolint:gosec // the operator's own directory
		if errors.Is(err, fs.ErrNotExist) && name != sqlite.FileName {
			continue
		}
		if err != nil {
			return err
		}
		err = put(ctx, f, filepath.Join(dir, name))
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// put writes a new file, durably.
func put(ctx context.Context, from io.Reader, to string) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	if _, err = io.Copy(f, reading{ctx, from}); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// reading reads until its context ends.
type reading struct {
	ctx context.Context //nolint:containedctx // of one copy
	io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
