package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The key is made once, for its owner's eyes only, and nothing is left beside it.
func TestMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := masterKeys(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading a key that is not there: %v", err)
	}
	if err := makeMasterKey(path); err != nil {
		t.Fatal(err)
	}
	first, err := masterKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := makeMasterKey(path); err != nil {
		t.Fatal(err)
	}
	again, err := masterKeys(path)
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

// A key file that others may read or change, or that is damaged, keeps the server from starting; no error repeats a key.
func TestBadMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	good := keyFile(make([]byte, 32))
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
		_, err := masterKeys(path)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "c2Vj")):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A sealed value opens for the row and the key that it was sealed for, and for no other.
func TestSeal(t *testing.T) {
	now := time.Now()
	ring := &keyring{}
	if err := ring.take([][]byte{make([]byte, 32), []byte(strings.Repeat("k", 32))}); err != nil {
		t.Fatal(err)
	}
	s, other := ring.keys[0], ring.keys[1]
	row := secretRow{ID: webhook.NewID(now), TenantID: webhook.NewID(now), WebhookID: webhook.NewID(now)}
	const plain = "0123456789abcdef0123456789abcdef"
	sealed := s.seal([]byte(plain), row.associated())
	if strings.Contains(string(sealed), plain[:8]) {
		t.Error("the value is in the sealed one")
	}
	if got, err := ring.open(s.id, sealed, row.associated()); err != nil || string(got) != plain {
		t.Errorf("its own row: %v", err)
	}
	moved := []func(*secretRow){
		func(r *secretRow) { r.ID = webhook.NewID(now) },
		func(r *secretRow) { r.TenantID = webhook.NewID(now) },
		func(r *secretRow) { r.WebhookID = webhook.NewID(now) },
	}
	for i, move := range moved {
		to := row
		move(&to)
		if _, err := ring.open(s.id, sealed, to.associated()); err == nil {
			t.Errorf("%d: it opens for another row", i)
		}
	}
	headers := headersRow{TenantID: row.TenantID, WebhookID: row.WebhookID}
	sealedHeaders := s.seal([]byte(plain), headers.associated())
	for name, r := range map[string]headersRow{
		"another tenant's":  {TenantID: webhook.NewID(now), WebhookID: row.WebhookID},
		"another webhook's": {TenantID: row.TenantID, WebhookID: webhook.NewID(now)},
	} {
		if _, err := ring.open(s.id, sealedHeaders, r.associated()); err == nil {
			t.Errorf("headers open as %s", name)
		}
	}
	for name, err := range map[string]error{
		"as headers":     second(ring.open(s.id, sealed, headers.associated())),
		"another key":    second(ring.open(other.id, sealed, row.associated())),
		"an unknown key": second(ring.open("0123", sealed, row.associated())),
		"too short":      second(ring.open(s.id, sealed[:5], row.associated())),
	} {
		if err == nil {
			t.Errorf("it opens: %s", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
