//go:build unix

package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Only one holder at a time locks a directory, or an operation in it, and closing the file unlocks it. The lock of the directory remains
// although somebody removes every file in it.
func TestLocks(t *testing.T) {
	dir := t.TempDir()
	for name, lock := range map[string]func() (*os.File, error){
		"directory": func() (*os.File, error) { return LockDir(dir) },
		"operation": func() (*os.File, error) { return LockFile(dir, "rotate-key") },
	} {
		held, err := lock()
		if err != nil {
			t.Fatal(name, err)
		}
		if name == "directory" {
			if err := os.RemoveAll(filepath.Join(dir, "lock")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := lock(); err == nil || !strings.Contains(err.Error(), "is in use by another process") {
			t.Errorf("%s: locked twice: %v", name, err)
		}
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := lock()
		if err != nil {
			t.Errorf("%s: after it was free: %v", name, err)
			continue
		}
		_ = again.Close()
	}
}

// Something else under the name of a lock's file is neither followed nor waited for, and the error says what it is.
func TestLockIsAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"link": "is a symbolic link: remove it", "pipe": "is not a file: remove it", "directory": "is a directory"} {
		if _, err := LockFile(dir, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); !os.IsNotExist(err) {
		t.Errorf("the link was followed: %v", err)
	}
	if _, err := LockDir(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
