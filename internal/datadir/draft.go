package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Draft is a directory that is being written, and gets its name once it is complete. It is locked, so that one of a killed process can be told
// from one that somebody writes.
type Draft struct {
	Dir  string
	lock *os.File
}

// NewDraft makes a draft in parent, with mode 0700. name tells drafts of different kinds apart; abandoned ones of this kind are removed.
// The caller must call Discard.
func NewDraft(parent, name string) (*Draft, error) {
	RemoveDrafts(parent, name)
	dir, err := os.MkdirTemp(parent, name+Unfinished)
	if err != nil {
		return nil, err
	}
	lock, err := LockDir(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &Draft{Dir: dir, lock: lock}, nil
}

// RemoveDrafts removes abandoned drafts of a kind in parent.
func RemoveDrafts(parent, name string) {
	list, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, is := range list {
		if !is.IsDir() || !strings.HasPrefix(is.Name(), name+strings.TrimSuffix(Unfinished, "*")) {
			continue
		}
		dir := filepath.Join(parent, is.Name())
		if lock, err := LockDir(dir); err == nil {
			_ = lock.Close()
			_ = os.RemoveAll(dir)
		}
	}
}

// Publish gives the draft its name, durably, unless something with the name exists. Whoever wrote its files has flushed them.
func (d *Draft) Publish(to string) error {
	if runtime.GOOS == "windows" { // a directory with open files cannot be renamed there
		_ = d.lock.Close()
	}
	_ = os.Remove(filepath.Join(d.Dir, "lock")) // of LockDir, where directories cannot be locked
	if err := Sync(d.Dir); err != nil {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s: %w", to, fs.ErrExist), err)
	}
	if err := os.Rename(d.Dir, to); err != nil {
		return err
	}
	return Sync(filepath.Dir(to))
}

// Discard removes the draft, unless it has been published.
func (d *Draft) Discard() {
	_ = os.RemoveAll(d.Dir)
	_ = d.lock.Close()
}
