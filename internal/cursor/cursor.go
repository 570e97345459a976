// Package cursor encodes and decodes the opaque cursors of lists and streams. A cursor reveals nothing: its place is encrypted,
// because row numbers would reveal how active other tenants are. It is valid for one kind of list and one tenant, and has one
// spelling. The store defines what places mean.
package cursor

import (
	"crypto/aes"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Kind is the list or stream of a cursor. A cursor of another kind is refused.
type Kind byte

// The kinds of cursors. Their values are part of every cursor: they never change, and are never reused.
const (
	Webhooks           Kind = 'w'
	Events             Kind = 'e'
	Deliveries         Kind = 'd'
	Attempts           Kind = 'a'
	DeliveryAttempts   Kind = 'o' // of one delivery, oldest first
	Tokens             Kind = 'k'
	Tenants            Kind = 't'
	Replays            Kind = 'y'
	RESTWebhooks       Kind = 'r'
	RESTReplays        Kind = 'v'
	Stream             Kind = 's' // of the attempt log
	Completed          Kind = 'c' // deliveries in the order of their completion
	NextAttempts       Kind = 'n' // deliveries in the order of their next attempt
	LastFailures       Kind = 'f' // webhooks in the order of their last failure
	FailureRates       Kind = 'p' // webhooks in the order of the share of attempts that failed
	AuditLog           Kind = 'u'
	EventTypes         Kind = 'z'
	RESTEventTypes     Kind = 'x'
	Issues             Kind = 'i'
	RESTIssues         Kind = 'j'
	RESTEvents         Kind = 'E'
	RESTDeliveries     Kind = 'D'
	RESTAttempts       Kind = 'A'
	Matches            Kind = 'm' // webhooks, with whether each got an event
	PortalSessions     Kind = 'b'
	RESTPortalSessions Kind = 'B'
)

// Kinds returns all kinds, for tests of what must know each.
func Kinds() []Kind {
	return []Kind{
		Webhooks, Events, Deliveries, Attempts, DeliveryAttempts, Tokens, Tenants, Replays, RESTWebhooks, RESTReplays, Stream, Completed, NextAttempts,
		LastFailures, FailureRates, AuditLog, EventTypes, RESTEventTypes, Issues, RESTIssues, RESTEvents, RESTDeliveries, RESTAttempts, Matches,
		PortalSessions, RESTPortalSessions,
	}
}

// Timed reports whether the places of a kind are a time and a row's number, without the start: rows move in lists by time, and starts do not
// count replays, portal sessions and the entries of the audit log, whose time is 0. The places of event types are the halves of their ids, and the times of issues
// their places.
func (k Kind) Timed() bool {
	switch k {
	case Completed, NextAttempts, LastFailures, FailureRates, AuditLog, Replays, RESTReplays, EventTypes, RESTEventTypes, Issues, RESTIssues, PortalSessions, RESTPortalSessions:
		return true
	}
	return false
}

// Place is what a cursor encodes: a row's number, and the start under which the row was committed, or, of a Timed kind, the time, in
// microseconds.
type Place struct{ Start, Seq int64 }

// KeySize is the length of a Codec's key, in bytes.
const KeySize = 64

const (
	version   = 2
	placeSize = 16
	size      = 1 + aes.BlockSize + placeSize
	length    = (size*8 + 5) / 6 // as text
)

// text is unpadded, and strict so that a cursor has one spelling.
var text = base64.RawURLEncoding.Strict()

// Codec encodes and decodes cursors with a key. It is safe for concurrent use.
type Codec struct{ siv *siv }

// New returns a Codec with a key of KeySize bytes. Servers that accept each other's cursors need the same key.
func New(key []byte) (*Codec, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("cursor key has %d bytes, want %d", len(key), KeySize)
	}
	s, err := newSIV(key)
	if err != nil {
		return nil, fmt.Errorf("cursor key: %w", err)
	}
	return &Codec{s}, nil
}

// associated is the associated data that binds a cursor to a kind and a tenant.
func associated(k Kind, tenant webhook.ID) (a [2 + len(webhook.ID{})]byte) {
	a[0], a[1] = version, byte(k)
	copy(a[2:], tenant[:])
	return a
}

// Seal returns the cursor of a place, for the tenant. The same place has the same cursor.
func (c *Codec) Seal(k Kind, tenant webhook.ID, p Place) string {
	var plain [placeSize]byte
	binary.BigEndian.PutUint64(plain[:8], uint64(p.Start)) //nolint:gosec // two's complement, both ways
	binary.BigEndian.PutUint64(plain[8:], uint64(p.Seq))   //nolint:gosec // the same
	holds := associated(k, tenant)
	var b [size]byte
	var shown [length]byte
	text.Encode(shown[:], c.siv.seal(append(b[:0], version), plain[:], holds[:]))
	return string(shown[:])
}

// Open returns the place of a cursor. It returns webhook.ErrCursor, without details, for anything that Seal did not return for
// this kind, tenant and key.
func (c *Codec) Open(k Kind, tenant webhook.ID, cursor string) (Place, error) {
	var b [size]byte
	if len(cursor) != length {
		return Place{}, webhook.ErrCursor
	}
	if n, err := text.Decode(b[:], []byte(cursor)); err != nil || n != size || b[0] != version {
		return Place{}, webhook.ErrCursor
	}
	holds := associated(k, tenant)
	plain, ok := c.siv.open(b[1:], holds[:])
	if !ok {
		return Place{}, webhook.ErrCursor
	}
	return Place{
		Start: int64(binary.BigEndian.Uint64(plain[:8])), //nolint:gosec // two's complement, both ways
		Seq:   int64(binary.BigEndian.Uint64(plain[8:])), //nolint:gosec // the same
	}, nil
}
