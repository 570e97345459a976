package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hookgraph/hookgraph/internal/datadir"
)

// manifestName is the file that makes a directory or an archive a backup. It is written last, so that a part of a backup has none.
const manifestName = "backup.json"

// manifestFormat is the newest format of backups that this program reads, and the one that it writes.
const manifestFormat = 1

// Manifest describes a backup, and is stored in it.
type Manifest struct {
	Format    int       `json:"format"`
	Version   string    `json:"version"`   // of the program
	CreatedAt time.Time `json:"createdAt"` // everything acknowledged before is in it
	Schema    int64     `json:"schema"`
	Bytes     int64     `json:"bytes"`  // of the database
	SHA256    string    `json:"sha256"` // of the database
	HasKey    bool      `json:"hasKey"` // the master key is in it
	// KeyIDs name the master keys that the backup needs, without revealing them.
	KeyIDs []string `json:"keyIds"`
}

func readManifest(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestName)) //nolint:gosec // the operator's own directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it has no " + manifestName + ": it is not a whole backup of hookgraph backup")
	}
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", manifestName, err)
	}
	if m.Format < 1 || m.Format > manifestFormat {
		return nil, fmt.Errorf("it has format %d, this program reads up to %d: use a newer program", m.Format, manifestFormat)
	}
	return m, nil
}

// measured returns the size and the checksum of a file.
func measured(path string) (size int64, sum string, err error) {
	f, err := os.Open(path) //nolint:gosec // a copy of the database, which nobody uses
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, "", err
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}

// write adds the manifest, which completes a backup.
func (m *Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return datadir.Write(filepath.Join(dir, manifestName), string(text)+"\n", os.Link)
}
