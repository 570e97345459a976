package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/datadir"
)

// position is how far listen came in a stream. It is kept in a file.
type position struct {
	Tenant string    `json:"tenantId"`
	Since  string    `json:"since"`            // the server's time when the first run began, or what --since said
	Cursor string    `json:"cursor,omitempty"` // of the last attempt; "" is none
	Noted  time.Time `json:"notedAt"`          // by the clock of this machine
}

// maxPositionBytes bounds what is read of the file.
const maxPositionBytes = 64 << 10

// notes is the file of a position. Only one process at a time has it.
type notes struct {
	position

	path string
	lock *os.File
}

// openNotes locks the file and reads it, if there is one. The caller closes it.
func openNotes(path string) (n *notes, found bool, err error) {
	dir, name := filepath.Split(path)
	lock, err := datadir.LockFile(filepath.Clean(dir+"."), name+".lock")
	if err != nil {
		if errors.Is(err, datadir.ErrInUse) {
			err = fmt.Errorf("%w: another listen has the same server, tenant, conditions and target, or the same file", err)
		}
		return nil, false, fmt.Errorf("--state: %w", err)
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	n = &notes{path: path, lock: lock}
	if unfinished, err := filepath.Glob(path + datadir.Unfinished); err == nil {
		for _, name := range unfinished { // of a run that was killed
			_ = os.Remove(name)
		}
	}
	f, err := os.Open(path) //nolint:gosec // the caller's own
	if errors.Is(err, fs.ErrNotExist) {
		return n, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("--state: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxPositionBytes))
	if err == nil {
		err = json.Unmarshal(text, &n.position)
	}
	if err == nil && (n.Tenant == "" || n.Since == "" && n.Cursor == "") {
		err = errors.New("it has no position")
	}
	if err != nil {
		return nil, false, fmt.Errorf("--state: %s is not a file that listen wrote: %w; remove it, or use another one", path, err)
	}
	return n, true, nil
}

// note writes the position after the attempt with a cursor; "" keeps the last.
func (n *notes) note(cursor string) error {
	if cursor != "" {
		n.Cursor = cursor
	}
	n.Noted = time.Now().UTC()
	text, err := json.Marshal(n.position)
	if err == nil {
		err = datadir.Write(n.path, string(append(text, '\n')), os.Rename)
	}
	if err != nil {
		return &unwritten{fmt.Errorf("--state: %w", err)}
	}
	return nil
}

func (n *notes) close() { _ = n.lock.Close() }

// place returns the file that keeps the position of one stream to one target.
func (s *Streams) place(of ...any) (string, error) {
	dir, err := s.cache()
	if err != nil {
		return "", fmt.Errorf("--state: is required: %w", err)
	}
	text, err := json.Marshal(of)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return filepath.Join(dir, fmt.Sprintf("listen-%x.json", sum[:10])), nil
}

// cache returns the program's directory in the user's cache directory, and makes it.
func (s *Streams) cache() (string, error) {
	if s.CacheDir == nil {
		return "", errors.New("there is no cache directory")
	}
	dir, err := s.CacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "hookgraph")
	return dir, os.MkdirAll(dir, 0o700)
}

// ownSecret returns the secret with which listen signs unless it is given one. It is the same at every run, so that the receiving code is
// set up once.
func (s *Streams) ownSecret() (string, error) {
	dir, err := s.cache()
	if err != nil {
		return "", fmt.Errorf("--secret: is required: %w", err)
	}
	path := filepath.Join(dir, "listen.secret")
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	err = datadir.Write(path, "whsec_"+base64.StdEncoding.EncodeToString(key)+"\n", os.Link)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("--secret: is required, because none can be kept: %w", err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the program's own
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(bytes.ToValidUTF8(text, nil))), nil
}

// tenant asks the server for the tenant that the caller acts for, and for its clock.
func (r *connection) tenant(ctx context.Context) (id, name, now string, err error) {
	var viewer struct{ Tenant struct{ ID, Name string } }
	if err := r.query(ctx, `{ done: viewer { tenant { id name } } }`, nil, &viewer); err != nil {
		return "", "", "", err
	}
	var stats struct{ AsOf string }
	if err := r.query(ctx, `{ done: stats(range: {from: "-PT1M"}) { asOf } }`, nil, &stats); err != nil {
		return "", "", "", err
	}
	return viewer.Tenant.ID, viewer.Tenant.Name, stats.AsOf, nil
}
