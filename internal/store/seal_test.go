package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The key is made once, for its owner's eyes only, and nothing is left beside it.
func TestMasterKey(t *testing.T) {
	dir := t.TempDir()
	first, err := masterKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := masterKey(dir)
	if err != nil || string(again) != string(first) || len(first) != 32 {
		t.Errorf("read again: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v %v", entries, err)
	}
	if err := os.Chmod(filepath.Join(dir, "master.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := masterKey(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}

// A sealed secret opens for the row and the key that it was sealed for, and for no other.
func TestSeal(t *testing.T) {
	now := time.Now()
	s, err := newSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	secret := webhook.NewSecret(webhook.NewID(now), webhook.NewID(now), webhook.SchemeHMAC, now)
	sealed := s.seal(secret)
	if strings.Contains(string(sealed), string(secret.Key)) {
		t.Error("the key is in the sealed value")
	}
	mine, moved := *secret, *secret
	mine.Key, moved.Key = nil, nil
	if err := s.open(&mine, s.id, sealed); err != nil || string(mine.Key) != string(secret.Key) {
		t.Errorf("its own row: %v", err)
	}
	moved.WebhookID = webhook.NewID(now)
	if s.open(&moved, s.id, sealed) == nil || moved.Key != nil {
		t.Error("it opens for another webhook")
	}
	other, err := newSealer([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if other.open(&moved, s.id, sealed) == nil {
		t.Error("it opens with another key")
	}
}
