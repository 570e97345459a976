package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The key is created once, readable only by its owner, and no other file is left.
func TestMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading a key that is not there: %v", err)
	}
	if err := makeMasterKey(path); err != nil {
		t.Fatal(err)
	}
	first, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := makeMasterKey(path); err != nil {
		t.Fatal(err)
	}
	again, err := ReadFile(path)
	if err != nil || len(again) != 1 || string(again[0]) != string(first[0]) || len(first[0]) != 32 {
		t.Errorf("read again: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A key file that others may read or change, or that is damaged, prevents the start; no error repeats a key.
func TestBadMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	good := FileText(make([]byte, 32))
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"group may read":   {good, 0o640, "chmod 600"},
		"all may read":     {good, 0o644, "chmod 600"},
		"group may write":  {good, 0o620, "chmod 600"},
		"executable":       {good, 0o700, "chmod 600"},
		"owner reads only": {good, 0o400, ""},
		"empty":            {"", 0o600, "is empty"},
		"short":            {"c2VjcmV0\n", 0o600, "line 1"},
		"second is bad":    {good + "c2VjcmV0c2VjcmV0!\n", 0o600, "line 2"},
	} {
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil { // WriteFile's mode is subject to umask
			t.Fatal(err)
		}
		_, err := ReadFile(path)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "c2Vj")):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A sealed value opens only with its key and for its purpose.
func TestOpen(t *testing.T) {
	ring := &Ring{}
	if err := ring.take([][]byte{make([]byte, 32), []byte(strings.Repeat("k", 32))}); err != nil {
		t.Fatal(err)
	}
	s, other := ring.keys[0], ring.keys[1]
	const plain = "0123456789abcdef0123456789abcdef"
	sealed := s.Seal([]byte(plain), []byte("a row"))
	if strings.Contains(string(sealed), plain[:8]) {
		t.Error("the value is in the sealed one")
	}
	if got, err := ring.Open(s.ID, sealed, []byte("a row")); err != nil || string(got) != plain {
		t.Errorf("for what it was sealed: %q, %v", got, err)
	}
	for name, err := range map[string]error{
		"another row":    second(ring.Open(s.ID, sealed, []byte("another row"))),
		"another key":    second(ring.Open(other.ID, sealed, []byte("a row"))),
		"an unknown key": second(ring.Open("0123", sealed, []byte("a row"))),
		"too short":      second(ring.Open(s.ID, sealed[:5], []byte("a row"))),
	} {
		if err == nil {
			t.Errorf("it opens: %s", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
