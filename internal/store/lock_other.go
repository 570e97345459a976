//go:build !unix

package store

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockDir keeps a second server off the directory by holding a file open that can not be removed meanwhile.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("%s is in use by another server: %w", dir, err)
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}
