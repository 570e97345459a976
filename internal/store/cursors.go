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

// seqBefore is the last Seq, of the rows that cursors of the kind are about, before the start.
func seqBefore(s *dialect.Start, k cursor.Kind) int64 {
	switch k {
	case cursor.Tenants:
		return s.Tenants
	case cursor.Tokens:
		return s.Tokens
	case cursor.Webhooks, cursor.RESTWebhooks:
		return s.Webhooks
	case cursor.Events:
		return s.Events
	case cursor.Deliveries:
		return s.Deliveries
	case cursor.Attempts, cursor.DeliveryAttempts, cursor.Stream:
		return s.Attempts
	}
	panic(fmt.Sprintf("store: %q is no kind of cursor", k))
}

// startList is the starts that are known, in their order.
type startList []*dialect.Start

// of is the id of the start under which a row was committed. Of what is before all that are known it is the oldest, which has
// that too.
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

// has reports whether the place is in this database, or is yet to come under the newest start, and whether its start is known.
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

// readStarts makes the starts known, as they are in the database.
func (s *Store) readStarts(ctx context.Context) error {
	return s.learnStarts(func() ([]*dialect.Start, error) { return s.listStarts(ctx) })
}

// learnStarts makes the starts known that read returns, one call at a time.
func (s *Store) learnStarts(read func() ([]*dialect.Start, error)) error {
	s.starting.Lock()
	defer s.starting.Unlock()
	list, err := read()
	if err == nil {
		s.starts.Store((*startList)(&list))
	}
	return err
}

// pruneStarts forgets the starts of which retention has taken all attempts.
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

// Cursor is the cursor of the row with this Seq, for the tenant; of lists that span tenants, for the zero tenant. Of the stream,
// Seq 0 is before all attempts. It reads nothing.
func (s *Store) Cursor(k cursor.Kind, tenant webhook.ID, seq int64) string {
	return s.cursors.Seal(k, tenant, cursor.Place{Start: (*s.starts.Load()).of(k, seq), Seq: seq})
}

// Cursor is the store's, for the tenant.
func (c *Scope) Cursor(k cursor.Kind, seq int64) string { return c.s.Cursor(k, c.tenant, seq) }

// ReadCursor is the Seq of which Cursor made the cursor. Errors: webhook.ErrCursor when it did not, for this kind and tenant;
// webhook.ErrCursorLost, with the Seq, when the row was committed and this database, which was put back to before that, does not
// have it; or the database's.
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

// ReadCursor is the store's, for the tenant.
func (c *Scope) ReadCursor(ctx context.Context, k cursor.Kind, text string) (int64, error) {
	return c.s.ReadCursor(ctx, k, c.tenant, text)
}

// Cursor is the store's, for the tenant, or for nobody's lists of what all tenants have.
func (r *Registry) Cursor(k cursor.Kind, seq int64) string { return r.s.Cursor(k, r.owner(), seq) }

// ReadCursor is the store's, as Cursor.
func (r *Registry) ReadCursor(ctx context.Context, k cursor.Kind, text string) (int64, error) {
	return r.s.ReadCursor(ctx, k, r.owner(), text)
}

func (r *Registry) owner() webhook.ID {
	if r.tenant == nil {
		return webhook.ID{}
	}
	return *r.tenant
}

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
