// Package seal keeps master keys, in a file or as given, and encrypts with them what must not be readable at rest. It knows neither tables
// nor rows: the caller says what a value belongs to.
package seal

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

	"github.com/hookgraph/hookgraph/internal/datadir"
)

// FileName is the key file's name in a data directory, and LockName that of the file that is locked while it is being changed.
const (
	FileName = "master.key"
	LockName = FileName + ".lock"
)

// ErrNoNewKey is the error of changing the master key when only one key is given.
var ErrNoNewKey = errors.New("there is no new master key")

// Key encrypts at rest with AES-256-GCM under one master key. What a value belongs to is associated data, so that a
// sealed value cannot be moved to another row.
type Key struct {
	ID   string // names the master key without revealing it
	aead cipher.AEAD
}

func newSealer(key []byte) (*Key, error) {
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
	return &Key{ID: hex.EncodeToString(sum[:8]), aead: aead}, nil
}

// Seal encrypts plain. Only Open with the same associated data decrypts it.
func (s *Key) Seal(plain, associated []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return s.aead.Seal(nonce, nonce, plain, associated)
}

func (s *Key) open(sealed, associated []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("the sealed value is too short")
	}
	return s.aead.Open(nil, sealed[:n], sealed[n:], associated)
}

// Ring has the master keys that this process knows. The database decides which of them seals (batch.sealer), so that processes that share
// it agree at any moment, also while the key is being changed.
type Ring struct {
	Path string // of the key file; "" when the keys were given

	mu   sync.Mutex // guards keys
	keys []*Key     // the current one first
}

// OpenRing uses the given keys, or those of the key file in dir, which it creates if it does not exist and may be created.
func OpenRing(dir string, given [][]byte, mayMake bool) (*Ring, error) {
	r := &Ring{}
	if len(given) == 0 {
		r.Path = filepath.Join(dir, FileName)
		err := r.reload()
		if mayMake && errors.Is(err, fs.ErrNotExist) {
			if err := makeMasterKey(r.Path); err != nil {
				return r, err
			}
			err = r.reload()
		}
		return r, err
	}
	return r, r.take(given)
}

func (r *Ring) take(keys [][]byte) error {
	all := make([]*Key, 0, len(keys))
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

func (r *Ring) reload() error {
	keys, err := ReadFile(r.Path)
	if err != nil {
		return err
	}
	return r.take(keys)
}

// Keys returns the keys, the current one first.
func (r *Ring) Keys() []*Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.keys)
}

// Key returns the key with the id. An unknown one may have been added to the key file in the meantime.
func (r *Ring) Key(id string) (*Key, error) {
	find := func() *Key {
		for _, k := range r.Keys() {
			if k.ID == id {
				return k
			}
		}
		return nil
	}
	k := find()
	if k == nil && r.Path != "" {
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

// Open decrypts what the key with this id has sealed with the same associated data. It returns an error for an unknown key or changed data.
func (r *Ring) Open(id string, sealed, associated []byte) ([]byte, error) {
	k, err := r.Key(id)
	if err != nil {
		return nil, err
	}
	return k.open(sealed, associated)
}

// Lock prevents other processes from changing the key file until unlock is called: two changes at once would overwrite each other's key.
func (r *Ring) Lock() (unlock func() error, err error) {
	if r.Path == "" {
		return func() error { return nil }, nil
	}
	f, err := datadir.LockFile(filepath.Dir(r.Path), LockName)
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}

// Add creates a new current key in the key file, unless the file already has two keys, left by an interrupted change. If keys were given,
// there must be two; otherwise the error is ErrNoNewKey.
func (r *Ring) Add() error {
	if r.Path == "" {
		if len(r.Keys()) < 2 {
			return ErrNoNewKey
		}
		return nil
	}
	keys, err := ReadFile(r.Path)
	if err != nil {
		return err
	}
	if len(keys) == 1 {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		if err := datadir.Write(r.Path, FileText(key, keys[0]), os.Rename); err != nil {
			return fmt.Errorf("add master key: %w", err)
		}
	}
	return r.reload()
}

// Forget removes the old keys from the file. Nothing is sealed with them any more, and nothing will be.
func (r *Ring) Forget() error {
	if r.Path == "" {
		return nil
	}
	keys, err := ReadFile(r.Path)
	if err != nil {
		return err
	}
	if err := datadir.Write(r.Path, FileText(keys[0]), os.Rename); err != nil {
		return fmt.Errorf("remove old master key: %w", err)
	}
	return r.reload()
}

// makeMasterKey creates the key file, unless another process has created it in the meantime.
func makeMasterKey(path string) error {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	err := datadir.Write(path, FileText(key), os.Link)
	if _, there := os.Stat(path); there == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	return nil
}

// ReadFile reads the 0600 file of keys, one a line in base64, the current one first.
func ReadFile(path string) ([][]byte, error) {
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

// FileText returns the text of a key file, the current key first.
func FileText(keys ...[]byte) string {
	var b bytes.Buffer
	for _, key := range keys {
		b.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	}
	return b.String()
}
