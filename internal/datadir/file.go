// Package datadir locks a data directory, and puts files there that are whole and survive a power loss.
package datadir

import (
	"errors"
	"os"
	"path/filepath"
)

// Unfinished is a pattern after a file's name: of files that are not whole, and not put there yet.
const Unfinished = ".new-*"

// Write makes a file that is whole or not there, whatever happens meanwhile: a start that was interrupted must not
// keep the next one from making its key, and secrets sealed with a key that was never written are gone. With os.Link as put
// it fails with fs.ErrExist when the file is there; os.Rename takes its place.
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

// Sync makes a file, or the names in a directory, survive a power loss.
func Sync(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
