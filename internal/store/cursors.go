package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// seqBefore returns the last Seq before the start, of the rows that cursors of the kind refer to.
func seqBefore(s *dialect.Start, k cursor.Kind) int64 {
	switch k {
	case cursor.Tenants:
		return s.Tenants
	case cursor.Tokens:
		return s.Tokens
	case cursor.Webhooks, cursor.RESTWebhooks, cursor.Matches:
		return s.Webhooks
	case cursor.Events, cursor.RESTEvents:
		return s.Events
	case cursor.Deliveries, cursor.RESTDeliveries:
		return s.Deliveries
	case cursor.Attempts, cursor.DeliveryAttempts, cursor.RESTAttempts, cursor.Stream:
		return s.Attempts
	}
	panic(fmt.Sprintf("store: %q is no kind of cursor", k))
}

// startList is the known starts, in order.
type startList []*dialect.Start

// of returns the id of the start under which a row was committed. For rows before all known starts it is the oldest start.
func (l startList) of(k cursor.Kind, seq int64) int64 {
	if len(l) == 0 {
		return 0
	}
	newest := l[len(l)-1]
	if len(l) == 1 || seqBefore(newest, k) < seq {
		return newest.ID
	}
	i := sort.Search(len(l), func(i int) bool { return seqBefore(l[i], k) >= seq })
	return l[max(i-1, 0)].ID
}

// has reports whether the position exists in this database, or may still come under the newest start, and whether its start is
// known.
func (l startList) has(k cursor.Kind, p cursor.Place) (has, known bool) {
	i := slices.IndexFunc(l, func(s *dialect.Start) bool { return s.ID == p.Start })
	if i < 0 {
		return false, false
	}
	return p.Seq >= 0 && (i == len(l)-1 || p.Seq <= seqBefore(l[i+1], k)), true
}

func (s *Store) listStarts(ctx context.Context) (startList, error) {
	var list startList
	if err := s.read.WithContext(ctx).Order("seq").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("read starts: %w", err)
	}
	return list, nil
}

// readStarts loads the starts from the database.
func (s *Store) readStarts(ctx context.Context) error {
	return s.learnStarts(func() ([]*dialect.Start, error) { return s.listStarts(ctx) })
}

// learnStarts stores the starts that read returns, one call at a time.
func (s *Store) learnStarts(read func() ([]*dialect.Start, error)) error {
	s.starting.Lock()
	defer s.starting.Unlock()
	list, err := read()
	if err == nil {
		s.starts.Store((*startList)(&list))
	}
	return err
}

// pruneStarts removes the starts whose attempts retention has all removed.
func (s *Store) pruneStarts(ctx context.Context, before time.Time) error {
	if len(*s.starts.Load()) < 2 {
		return nil
	}
	err := s.changeDeliveries(ctx, func(b *batch) error {
		return b.DB.Exec(`DELETE FROM starts WHERE seq < (SELECT MAX(seq) FROM starts
			WHERE started_at < ? AND attempts <= (SELECT pruned_attempt FROM store))`, dialect.At(before)).Error
	})
	if err != nil {
		return err
	}
	return s.readStarts(ctx)
}

// Cursor returns the cursor of the row with this Seq, for the tenant; for lists of all tenants, for the zero tenant. In the stream,
// Seq 0 is before all attempts. It reads nothing.
func (s *Store) Cursor(k cursor.Kind, tenant webhook.ID, seq int64) string {
	return s.cursors.Seal(k, tenant, cursor.Place{Start: (*s.starts.Load()).of(k, seq), Seq: seq})
}

// Cursor is Store.Cursor for the tenant.
func (c *Scope) Cursor(k cursor.Kind, seq int64) string { return c.s.Cursor(k, c.tenant, seq) }

// ReadCursor returns the Seq of a cursor made by Cursor. Errors: webhook.ErrCursor if it is not a cursor of this kind and tenant;
// webhook.ErrCursorLost, with the Seq, if this database was restored from before the row; or the database's.
func (s *Store) ReadCursor(ctx context.Context, k cursor.Kind, tenant webhook.ID, text string) (int64, error) {
	p, err := s.cursors.Open(k, tenant, text)
	if err != nil {
		return 0, err
	}
	has, known := (*s.starts.Load()).has(k, p)
	if !known { // another node may have added the start
		if err := s.readStarts(ctx); err != nil {
			return 0, dialect.Unavailable(err)
		}
		has, _ = (*s.starts.Load()).has(k, p)
	}
	if !has {
		return p.Seq, webhook.ErrCursorLost
	}
	return p.Seq, nil
}

// CursorAt returns the cursor of a place in a list, for the tenant.
func (c *Scope) CursorAt(k cursor.Kind, p Place) string { return c.s.cursorAt(k, c.tenant, p) }

// ReadCursorAt returns the place of a cursor made by CursorAt. Errors: as of Store.ReadCursor.
func (c *Scope) ReadCursorAt(ctx context.Context, k cursor.Kind, text string) (Place, error) {
	return c.s.readCursorAt(ctx, k, c.tenant, text)
}

func (s *Store) cursorAt(k cursor.Kind, tenant webhook.ID, p Place) string {
	if k.Timed() {
		return s.cursors.Seal(k, tenant, cursor.Place{Start: p.At, Seq: p.Seq})
	}
	return s.Cursor(k, tenant, max(p.Seq, 0))
}

func (s *Store) readCursorAt(ctx context.Context, k cursor.Kind, tenant webhook.ID, text string) (p Place, err error) {
	if k.Timed() {
		var at cursor.Place
		at, err = s.cursors.Open(k, tenant, text)
		p = Place{At: at.Start, Seq: at.Seq}
	} else {
		p.Seq, err = s.ReadCursor(ctx, k, tenant, text)
	}
	if p == (Place{}) { // of an empty list
		p.Seq = BelowAll
	}
	return p, err
}

// ReadCursor is Store.ReadCursor for the tenant.
func (c *Scope) ReadCursor(ctx context.Context, k cursor.Kind, text string) (int64, error) {
	return c.s.ReadCursor(ctx, k, c.tenant, text)
}

// Cursor is Store.Cursor for the tenant, or for lists of all tenants.
func (r *Registry) Cursor(k cursor.Kind, seq int64) string { return r.s.Cursor(k, r.owner(), seq) }

// ReadCursor is Store.ReadCursor, for the same tenant as Cursor.
func (r *Registry) ReadCursor(ctx context.Context, k cursor.Kind, text string) (int64, error) {
	return r.s.ReadCursor(ctx, k, r.owner(), text)
}

// CursorAt is Scope.CursorAt, for the same tenant as Cursor.
func (r *Registry) CursorAt(k cursor.Kind, p Place) string { return r.s.cursorAt(k, r.owner(), p) }

// ReadCursorAt is Scope.ReadCursorAt, for the same tenant as Cursor.
func (r *Registry) ReadCursorAt(ctx context.Context, k cursor.Kind, text string) (Place, error) {
	return r.s.readCursorAt(ctx, k, r.owner(), text)
}

func (r *Registry) owner() webhook.ID {
	if r.tenant == nil {
		return webhook.ID{}
	}
	return *r.tenant
}

// keyRow is a key of the database itself, sealed. Every copy of the database has it, all replicas share it, and it survives a
// change of the master key.
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

// openCursors loads the key of cursors, which the first start creates. Before that, the cursors of a command are valid only for
// that command.
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
			row, err = s.cursorKey() // another process may have inserted it first
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
