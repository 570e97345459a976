package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// start is a stretch of the database's life in which nothing that was committed can have gone: from one start of the server, or
// of PostgreSQL, to the next. A database that is put back from a copy has the starts up to the copy; what it commits then is
// of a new one. So whoever knows a start has the same rows as everybody else who knows it, up to the next start that it knows.
type start struct {
	Seq       int64
	ID        int64
	StartedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`

	// The last Seq of each table before it.
	Tenants, Tokens, Webhooks, Events, Deliveries, Attempts int64
}

// TableName implements gorm's Tabler.
func (start) TableName() string { return "starts" }

const startColumns = "tenants, tokens, webhooks, events, deliveries, attempts"

// maxStarts bounds the starts that are known, however often a server restarts within the retention. A cursor of an older one is
// lost, though its row is there.
const maxStarts = 1000

// newStartID makes a start's id.
func newStartID() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}

// startStatement is SQL with its parameters as "?".
type startStatement struct {
	text string
	args []any
}

// tidyStarts follow on adding a start: one under which nothing was committed is forgotten, and more than maxStarts are not kept.
func tidyStarts() []startStatement {
	return []startStatement{
		{text: "DELETE FROM starts WHERE seq < (SELECT MAX(seq) FROM starts) AND (" + startColumns + ") = " +
			"(SELECT " + startColumns + " FROM starts ORDER BY seq DESC LIMIT 1)"},
		{"DELETE FROM starts WHERE seq NOT IN (SELECT seq FROM starts ORDER BY seq DESC LIMIT ?)", []any{maxStarts}},
	}
}

// before is the last Seq, of the rows that cursors of the kind are about, before the start.
func (s *start) before(k cursor.Kind) int64 {
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
type startList []*start

// of is the id of the start under which a row was committed. Of what is before all that are known it is the oldest, which has
// that too.
func (l startList) of(k cursor.Kind, seq int64) int64 {
	if len(l) == 0 {
		return 0
	}
	newest := l[len(l)-1]
	if len(l) == 1 || newest.before(k) < seq {
		return newest.ID
	}
	i := sort.Search(len(l), func(i int) bool { return l[i].before(k) >= seq })
	return l[max(i-1, 0)].ID
}

// has reports whether the place is in this database, or is yet to come under the newest start, and whether its start is known.
func (l startList) has(k cursor.Kind, p cursor.Place) (has, known bool) {
	i := slices.IndexFunc(l, func(s *start) bool { return s.ID == p.Start })
	if i < 0 {
		return false, false
	}
	return p.Seq >= 0 && (i == len(l)-1 || p.Seq <= l[i+1].before(k)), true
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
	s.starting.Lock()
	defer s.starting.Unlock()
	list, err := s.listStarts(ctx)
	if err == nil {
		s.starts.Store(&list)
	}
	return err
}

// pruneStarts forgets the starts of which retention has taken all attempts.
func (s *Store) pruneStarts(ctx context.Context, before time.Time) error {
	if len(*s.starts.Load()) < 2 {
		return nil
	}
	err := s.changeDeliveries(ctx, func(b *batch) error {
		return b.tx.Exec(`DELETE FROM starts WHERE seq < (SELECT MAX(seq) FROM starts
			WHERE started_at < ? AND attempts <= (SELECT pruned_attempt FROM store))`, at(before)).Error
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
			return 0, unavailable(err)
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
