// Package cursor makes the opaque cursors of lists and streams, and reads them. A cursor tells its holder nothing: the place
// that it stands for is encrypted, since numbers of rows would tell how much other tenants do. It is good for one kind of list
// and one tenant, and has one spelling. What places mean is the store's to know.
package cursor

import (
	"crypto/aes"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Kind is what a cursor is a cursor of. One of another kind is refused.
type Kind byte

// The kinds of cursors. Their values are part of every cursor: they never change, and none is used again.
const (
	Webhooks         Kind = 'w'
	Events           Kind = 'e'
	Deliveries       Kind = 'd'
	Attempts         Kind = 'a'
	DeliveryAttempts Kind = 'o' // of one delivery, oldest first
	Tokens           Kind = 'k'
	Tenants          Kind = 't'
	RESTWebhooks     Kind = 'r'
	Stream           Kind = 's' // of the attempt log
)

// Place is what a cursor stands for: a row's number, and the start under which the row was committed.
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

// Codec makes and reads cursors under a key. It is safe for concurrent use.
type Codec struct{ siv *siv }

// New makes a Codec. Those who are to read each other's cursors need the same key, of KeySize bytes.
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

// associated is what a cursor holds for, beside its key.
func associated(k Kind, tenant webhook.ID) (a [2 + len(webhook.ID{})]byte) {
	a[0], a[1] = version, byte(k)
	copy(a[2:], tenant[:])
	return a
}

// Seal is the cursor of a place, for the tenant. The same place has the same cursor.
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

// Open is the place that a cursor stands for. It returns webhook.ErrCursor, and nothing more, for whatever Seal did not make
// of this kind, for this tenant and with this key.
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
