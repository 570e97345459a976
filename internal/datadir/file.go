// Package datadir locks a data directory, and writes files there atomically and durably.
package datadir

import (
	"errors"
	"os"
	"path/filepath"
)

// Unfinished is the pattern that follows a file's name in the names of its unfinished versions.
const Unfinished = ".new-*"

// ErrInUse is what errors wrap of a directory or file that another process has locked.
var ErrInUse = errors.New("is in use by another process")

// Write creates a file atomically and durably: an interrupted start must not prevent the next one from creating its key, and
// secrets sealed with a key that was never written would be lost. With os.Link as put it fails with fs.ErrExist if the file exists;
// os.Rename replaces the file.
func Write(path, text string, put func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+Unfinished) // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if _, err = f.WriteString(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := put(f.Name(), path); err != nil {
		return err
	}
	return Sync(dir)
}

// Sync flushes a file, or the names in a directory, to disk.
func Sync(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
