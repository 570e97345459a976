//go:build !unix

package datadir

import (
	"fmt"
	"os"
	"path/filepath"
)

// LockDir keeps a second process off the directory, by holding a file open that cannot be removed meanwhile.
func LockDir(dir string) (*os.File, error) { return LockFile(dir, "lock") }

// LockFile is LockDir for what the directory's file of this name stands for.
func LockFile(dir, name string) (*os.File, error) {
	path := filepath.Join(dir, name)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("%s is in use by another process: %w", dir, err)
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}
