package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// openKeys uses the given master keys, or those of the key file. It creates the file only for a database without sealed values,
// because a new key could not open them. A new database is sealed with the current key; a database sealed with a missing key is
// refused.
func (s *Store) openKeys() (err error) {
	var id *string
	if err := s.write.Raw("SELECT key_id FROM store").Scan(&id).Error; err != nil {
		return fmt.Errorf("read master key's id: %w", err)
	}
	if s.keys, err = seal.OpenRing(s.opts.Dir, s.opts.MasterKeys, id == nil); err != nil {
		if errors.Is(err, fs.ErrNotExist) && id != nil {
			return fmt.Errorf("%s is missing, and this database's secrets are sealed with its key %s: put the file back from a backup, "+
				"or give the key in HOOKGRAPH_MASTER_KEY; no new key was made", s.keys.Path, *id)
		}
		return err
	}
	if id == nil {
		if err := s.write.Exec("UPDATE store SET key_id = ? WHERE key_id IS NULL", s.keys.Keys()[0].ID).Error; err != nil {
			return fmt.Errorf("record master key: %w", err)
		}
		if err := s.write.Raw("SELECT key_id FROM store").Scan(&id).Error; err != nil { // another process may have been first
			return fmt.Errorf("read master key's id: %w", err)
		}
	}
	if _, err := s.keys.Key(*id); err != nil {
		return fmt.Errorf("this database's secrets are sealed: %w", err)
	}
	return nil
}

// Key returns the master key that seals in this transaction. Reading its id locks the row, so that RotateKey, which changes it
// first, finds everything sealed before.
func (b *batch) sealer() (*seal.Key, error) {
	var id string
	if err := b.DB.Raw("UPDATE store SET key_id = key_id RETURNING key_id").Scan(&id).Error; err != nil {
		return nil, fmt.Errorf("read master key's id: %w", err)
	}
	return b.s.keys.Key(id)
}

// RotateKey seals all secrets and headers again and returns their number. With a key file it creates a new key, and finally removes
// the old one. Of given keys the first is the new one, and every process that uses the database must have it already. RotateKey may
// be interrupted at any point and called again, while servers run; until it has returned, the old keys are needed.
func (s *Store) RotateKey(ctx context.Context) (sealed int, err error) {
	unlock, err := s.keys.Lock()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := s.keys.Add(); err != nil {
		return 0, err
	}
	current := s.keys.Keys()[0]
	err = s.change(ctx, func(b *batch) error {
		var before string
		if err := b.DB.Raw("UPDATE store SET key_id = key_id RETURNING key_id").Scan(&before).Error; err != nil {
			return err
		}
		if err := b.DB.Exec("UPDATE store SET key_id = ?", current.ID).Error; err != nil {
			return err
		}
		if err := b.resealOwn(current); err != nil {
			return err
		}
		if before == current.ID { // an earlier call was interrupted
			return nil
		}
		return b.audit(nil, nil, webhook.AuditKeyRotated, keyObject(current.ID), []webhook.AuditChange{
			{Field: "keyId", Before: webhook.AuditValue(before), After: webhook.AuditValue(current.ID)},
		})
	})
	if err != nil {
		return 0, fmt.Errorf("change master key: %w", err)
	}
	for p := newWebhookPacer(s); ; {
		var n int
		err := p.piece(ctx, webhook.ID{}, resealRows, func(b *batch, most int) (_ int, err error) {
			n, err = b.resealSome(current, most)
			return n, err
		})
		if err != nil {
			return sealed, err
		}
		if sealed += n; n == 0 {
			return sealed, s.keys.Forget()
		}
	}
}

// keyObject is a master key in the audit log, whose objects have IDs: it begins with the digits of the key's.
func keyObject(id string) (object webhook.ID) {
	digits, err := hex.DecodeString(id)
	if err == nil {
		copy(object[:], digits)
	}
	return object
}

// resealRows is the number of rows that one transaction of RotateKey seals again at most.
const resealRows = 200

// sealedRow is a row with a part that a master key seals.
type sealedRow interface {
	// part returns the id of the key, the sealed value, and the row's key in its table.
	part() (keyID string, sealed []byte, key any)
	// associated returns the row's name, which the part is sealed for.
	associated() []byte
}

// sealedTables reads, from each table declared as sealed, rows that are sealed with another master key than the named one.
var sealedTables = map[string]func(b *batch, current string, limit int) ([]sealedRow, error){
	"keys": sealedRows[keyRow], "secrets": sealedRows[secretRow], "webhook_headers": sealedRows[headersRow],
}

// sealedRows reads rows of a table that are sealed with another key than the current one; limit -1 means all.
func sealedRows[R any, P interface {
	*R
	sealedRow
}](b *batch, current string, limit int) ([]sealedRow, error) {
	var rows []P
	if err := b.DB.Where("key_id <> ?", current).Limit(limit).Find(&rows).Error; err != nil {
		return nil, err
	}
	list := make([]sealedRow, len(rows))
	for i, row := range rows {
		list[i] = row
	}
	return list, nil
}

// resealSome seals again up to limit rows that belong to tenants and are sealed with another key.
func (b *batch) resealSome(current *seal.Key, limit int) (n int, err error) {
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		if !t.Owned() || n == limit { // the others were sealed again with the change of the key
			continue
		}
		some, err := b.reseal(t, current, limit-n)
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}

// resealOwn seals the database's own keys again; their values do not change.
func (b *batch) resealOwn(current *seal.Key) error {
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		if t.Owned() {
			continue
		}
		if _, err := b.reseal(t, current, -1); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) reseal(t *dialect.Table, current *seal.Key, limit int) (n int, err error) {
	rows, err := sealedTables[t.Name](b, current.ID, limit)
	if err != nil {
		return 0, fmt.Errorf("find sealed rows of %s: %w", t.Name, err)
	}
	for _, row := range rows {
		keyID, sealed, key := row.part()
		plain, err := b.s.keys.Open(keyID, sealed, row.associated())
		if err != nil {
			return 0, fmt.Errorf("seal %s %v again: %w", t.Name, key, err)
		}
		if err := b.DB.Exec("UPDATE "+t.Name+" SET key_id = ?, sealed = ? WHERE "+t.Key+" = ?", current.ID, current.Seal(plain, row.associated()), key).Error; err != nil {
			return 0, fmt.Errorf("update %s %v: %w", t.Name, key, err)
		}
	}
	return len(rows), nil
}
