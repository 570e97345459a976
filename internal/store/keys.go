package store

import (
	"crypto/rand"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// keyRow is a key that the database has of its own, at rest. It goes with every copy of the database, all replicas share it,
// and it outlives the master key that seals it.
type keyRow struct {
	Name   string `gorm:"primaryKey"`
	KeyID  string
	Sealed []byte
}

// TableName implements gorm's Tabler.
func (keyRow) TableName() string { return "keys" }

// cursorKey is the key of cursors.
const cursorKey = "cursor"

func (r *keyRow) part() (keyID string, sealed []byte, key any) { return r.KeyID, r.Sealed, r.Name }

// associated implements sealedRow.
func (r *keyRow) associated() []byte { return []byte("hookgraph key " + r.Name) }

// openCursors opens the key of cursors. The first start makes it; without one, a short command's cursors are good for that
// command only.
func (s *Store) openCursors() error {
	row, err := s.cursorKey()
	if errors.Is(err, gorm.ErrRecordNotFound) {
		fresh := make([]byte, cursor.KeySize)
		_, _ = rand.Read(fresh) // never fails: crypto/rand ends the program instead
		if s.opts.Shared {
			s.cursors, err = cursor.New(fresh)
			return err
		}
		if err = s.addCursorKey(fresh); err == nil {
			row, err = s.cursorKey() // which is another's, if that was first
		}
	}
	if err != nil {
		return fmt.Errorf("key of cursors: %w", err)
	}
	key, err := s.keys.Open(row.KeyID, row.Sealed, row.associated())
	if err != nil {
		return fmt.Errorf("open key of cursors: %w", err)
	}
	s.cursors, err = cursor.New(key)
	return err
}

func (s *Store) cursorKey() (*keyRow, error) {
	row := &keyRow{}
	return row, s.write.Where("name = ?", cursorKey).Take(row).Error
}

func (s *Store) addCursorKey(fresh []byte) error {
	return s.write.Transaction(func(tx *gorm.DB) error {
		key, err := (&batch{s: s, Tx: dialect.Tx{DB: tx}}).sealer()
		if err != nil {
			return err
		}
		row := &keyRow{Name: cursorKey, KeyID: key.ID}
		row.Sealed = key.Seal(fresh, row.associated())
		return tx.Exec("INSERT INTO keys (name, key_id, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row.Name, row.KeyID, row.Sealed).Error
	})
}
