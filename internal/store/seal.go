package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// sealer encrypts at rest with AES-256-GCM under one master key. What a value belongs to is associated data, so that a
// sealed value cannot be moved to another row.
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

func (s *sealer) seal(plain, associated []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return s.aead.Seal(nonce, nonce, plain, associated)
}

func (s *sealer) open(sealed, associated []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("the sealed value is too short")
	}
	return s.aead.Open(nil, sealed[:n], sealed[n:], associated)
}

// keyring has the master keys that this process knows. Which of them seals is the database's to say (batch.sealer), so that
// processes that share it agree at any moment, also while the key is being changed.
type keyring struct {
	path string // of the key file; "" when the keys were given

	mu   sync.Mutex // guards keys
	keys []*sealer  // the current one first
}

// openKeyring takes the given keys, or those of the key file in dir, which is made when it is not there and may be made.
func openKeyring(dir string, given [][]byte, mayMake bool) (*keyring, error) {
	r := &keyring{}
	if len(given) == 0 {
		r.path = filepath.Join(dir, keyFileName)
		err := r.reload()
		if mayMake && errors.Is(err, fs.ErrNotExist) {
			if err := makeMasterKey(r.path); err != nil {
				return r, err
			}
			err = r.reload()
		}
		return r, err
	}
	return r, r.take(given)
}

func (r *keyring) take(keys [][]byte) error {
	all := make([]*sealer, 0, len(keys))
	for _, key := range keys {
		s, err := newSealer(key)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = all
	return nil
}

func (r *keyring) reload() error {
	keys, err := masterKeys(r.path)
	if err != nil {
		return err
	}
	return r.take(keys)
}

// list is the keys, the current one first.
func (r *keyring) list() []*sealer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.keys)
}

// get is the key of the id. One that is not known may have been added to the key file since.
func (r *keyring) get(id string) (*sealer, error) {
	find := func() *sealer {
		for _, k := range r.list() {
			if k.id == id {
				return k
			}
		}
		return nil
	}
	k := find()
	if k == nil && r.path != "" {
		if err := r.reload(); err != nil {
			return nil, err
		}
		k = find()
	}
	if k == nil {
		return nil, fmt.Errorf("master key %s is not among those that this process knows", id)
	}
	return k, nil
}

func (r *keyring) open(id string, sealed, associated []byte) ([]byte, error) {
	k, err := r.get(id)
	if err != nil {
		return nil, err
	}
	return k.open(sealed, associated)
}

// makeMasterKey makes the key file; one that somebody else has made meanwhile is as good.
func makeMasterKey(path string) error {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	err := writeSynced(path, keyFile(key), os.Link)
	if _, there := os.Stat(path); there == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	return nil
}

// masterKeys reads the 0600 file of keys, one a line in base64, the current one first.
func masterKeys(path string) ([][]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, others may read or change it: chmod 600 it", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	var keys [][]byte
	for line := range strings.FieldsSeq(string(text)) {
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != 32 { // whose error would quote the key
			return nil, fmt.Errorf("%s: line %d is not 32 bytes in base64", path, len(keys)+1)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return keys, nil
}

func keyFile(keys ...[]byte) string {
	var b bytes.Buffer
	for _, key := range keys {
		b.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	}
	return b.String()
}

// writeSynced makes a file that is whole or not there, whatever happens meanwhile: a start that was interrupted must not
// keep the next one from making its key, and secrets sealed with a key that was never written are gone. With os.Link as put
// it fails with fs.ErrExist when the file is there; os.Rename takes its place.
func writeSynced(path, text string, put func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+unfinished) // mode 0600
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
	if err := put(f.Name(), path); err != nil {
		return err
	}
	return syncFile(dir)
}
