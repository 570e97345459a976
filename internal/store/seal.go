package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// sealer encrypts signing secrets at rest with AES-256-GCM. The tenant, webhook and secret are associated data, so that a
// sealed secret can not be moved to another row.
type sealer struct {
	id   string // names the master key, without telling it
	aead cipher.AEAD
}

func newSealer(key []byte) (*sealer, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("master key has %d bytes, want 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("hookgraph key id\n"), key...))
	return &sealer{id: hex.EncodeToString(sum[:8]), aead: aead}, nil
}

func (s *sealer) seal(secret *webhook.Secret) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return s.aead.Seal(nonce, nonce, secret.Key, associated(secret))
}

func (s *sealer) open(secret *webhook.Secret, keyID string, sealed []byte) error {
	if keyID != s.id {
		return fmt.Errorf("%s is sealed with master key %s, not %s", secret, keyID, s.id)
	}
	if len(sealed) < s.aead.NonceSize() {
		return fmt.Errorf("%s: sealed value is too short", secret)
	}
	n := s.aead.NonceSize()
	key, err := s.aead.Open(nil, sealed[:n], sealed[n:], associated(secret))
	if err != nil {
		return fmt.Errorf("open %s: %w", secret, err)
	}
	secret.Key = key
	return nil
}

func associated(s *webhook.Secret) []byte {
	b := make([]byte, 0, 48)
	b = append(b, s.TenantID[:]...)
	b = append(b, s.WebhookID[:]...)
	return append(b, s.ID[:]...)
}

// masterKey reads the 0600 file master.key in dir, or makes it.
func masterKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, "master.key")
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		err := writeSynced(path, base64.StdEncoding.EncodeToString(key)+"\n")
		if errors.Is(err, fs.ErrExist) {
			return masterKey(dir) // somebody else's first start was first
		}
		if err != nil {
			return nil, fmt.Errorf("make master key: %w", err)
		}
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %o): chmod 600 it", path, info.Mode().Perm())
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: not base64", path)
	}
	return key, nil
}

// writeSynced makes a new file that is whole or not there, whatever happens meanwhile: a start that was interrupted must not
// keep the next one from making its key, and secrets sealed with a key that was never written are gone. It fails with
// fs.ErrExist when the file is there.
func writeSynced(path, text string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
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
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
