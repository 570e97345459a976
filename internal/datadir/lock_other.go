//go:build !unix

package datadir

import (
	"fmt"
	"os"
	"path/filepath"
)

// LockDir locks the directory against other processes, by an open file that cannot be removed meanwhile.
func LockDir(dir string) (*os.File, error) { return LockFile(dir, "lock") }

// LockFile is LockDir for the operation that the file of this name represents.
func LockFile(dir, name string) (*os.File, error) {
	path := filepath.Join(dir, name)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("%s %w: %w", dir, ErrInUse, err)
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}
