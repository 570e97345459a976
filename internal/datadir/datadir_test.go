package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A file is written completely or not at all, readable by its owner only, and no unfinished version is ever left. With Link it never
// replaces another file, with Rename it does.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	holds := func(want string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil || string(text) != want {
			t.Errorf("the file holds %q, want %q, %v", text, want, err)
		}
		list, err := os.ReadDir(dir)
		if err != nil || len(list) != 1 {
			t.Errorf("the directory has %v, %v", list, err)
		}
	}
	if err := Write(path, "first", os.Link); err != nil {
		t.Fatal(err)
	}
	holds("first")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := Write(path, "second", os.Link); !errors.Is(err, fs.ErrExist) {
		t.Errorf("linked over another file: %v", err)
	}
	holds("first")
	refused := errors.New("refused")
	if err := Write(path, "third", func(_, _ string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	holds("first")
	if err := Write(path, "fourth", os.Rename); err != nil {
		t.Error(err)
	}
	holds("fourth")
	if err := Write(filepath.Join(dir, "nowhere", "key"), "", os.Link); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("written into a directory that is not there: %v", err)
	}
}

// A draft has its files under another name until it is published, never replaces anything, and is removed only when nobody writes it.
func TestDraft(t *testing.T) {
	parent := t.TempDir()
	names := func(want ...string) {
		t.Helper()
		list, err := os.ReadDir(parent)
		if err != nil || len(list) != len(want) {
			t.Fatalf("%v, %v, want %v", list, err, want)
		}
		for i, is := range list {
			if ok, _ := filepath.Match(want[i], is.Name()); !ok {
				t.Errorf("%s, want %s", is.Name(), want[i])
			}
		}
	}
	d, err := NewDraft(parent, "a")
	if err != nil {
		t.Fatal(err)
	}
	names("a.new-*")
	other, err := NewDraft(parent, "a")
	if err != nil {
		t.Fatal(err)
	}
	names("a.new-*", "a.new-*")
	to := filepath.Join(parent, "whole")
	if err := d.Publish(to); err != nil {
		t.Fatal(err)
	}
	d.Discard()
	if err := other.Publish(to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("published over another: %v", err)
	}
	other.Discard()
	names("whole")
	if err := os.Mkdir(filepath.Join(parent, "a.new-killed"), 0o700); err != nil {
		t.Fatal(err)
	}
	RemoveDrafts(parent, "b")
	names("a.new-killed", "whole")
	RemoveDrafts(parent, "a")
	names("whole")
}
