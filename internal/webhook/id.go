package webhook

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ID is a UUID. NewID's are version 7 (RFC 9562, section 5.7), so they sort by the millisecond of their creation. No object has
// the zero ID.
type ID [16]byte

// ErrID is returned by ParseID and Scan for text that is not a UUID.
var ErrID = errors.New("not a UUID")

// NewID returns a version 7 UUID of the given time.
func NewID(at time.Time) ID {
	var id ID
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	ms := uint64(max(at.UnixMilli(), 0))
	binary.BigEndian.PutUint16(id[0:], uint16(ms>>32)) //nolint:gosec // 48 bits
	binary.BigEndian.PutUint32(id[2:], uint32(ms))     //nolint:gosec // the lower half
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Time returns the time given to NewID, to the millisecond.
func (id ID) Time() time.Time {
	ms := uint64(binary.BigEndian.Uint16(id[0:]))<<32 | uint64(binary.BigEndian.Uint32(id[2:]))
	return time.UnixMilli(int64(ms)) //nolint:gosec // 48 bits
}

// ParseID parses String's form, in upper or lower case. It refuses braces, URNs and missing hyphens, so that an id has one spelling
// in logs and caches.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, ErrID
	}
	var hexed [32]byte
	copy(hexed[0:], s[0:8])
	copy(hexed[8:], s[9:13])
	copy(hexed[12:], s[14:18])
	copy(hexed[16:], s[19:23])
	copy(hexed[20:], s[24:36])
	if _, err := hex.Decode(id[:], hexed[:]); err != nil {
		return ID{}, ErrID
	}
	return id, nil
}

// MinIDPrefix is how many hexadecimal digits of an ID IDsBeginning needs: the IDs of about a minute begin with the same eight.
const MinIDPrefix = 8

// IDsBeginning returns the lowest and the highest ID whose canonical form begins with the text, in upper or lower case and with or without
// all its hyphens. ok is false for fewer than MinIDPrefix digits, and for text that no ID begins with.
func IDsBeginning(text string) (low, high ID, ok bool) {
	digits := text
	if len(text) > 8 && text[8] == '-' {
		digits = ""
		for i := range len(text) {
			if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (text[i] == '-') {
				return low, high, false
			} else if !hyphen {
				digits += text[i : i+1]
			}
		}
	}
	if len(digits) < MinIDPrefix || len(digits) > 2*len(low) {
		return low, high, false
	}
	for i, bytes := range []*ID{&low, &high} {
		padded := digits + strings.Repeat([]string{"0", "f"}[i], 2*len(low)-len(digits))
		if _, err := hex.Decode(bytes[:], []byte(padded)); err != nil {
			return ID{}, ID{}, false
		}
	}
	return low, high, true
}

// String returns the canonical lower-case form of 36 characters.
func (id ID) String() string { return string(id.AppendText(nil)) }

// AppendText appends the canonical form to b.
func (id ID) AppendText(b []byte) []byte {
	var s [36]byte
	hex.Encode(s[0:8], id[0:4])
	hex.Encode(s[9:13], id[4:6])
	hex.Encode(s[14:18], id[6:8])
	hex.Encode(s[19:23], id[8:10])
	hex.Encode(s[24:36], id[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return append(b, s[:]...)
}

// IsZero reports whether the id is the zero ID, which no object has.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText implements encoding.TextMarshaler, which makes an ID a JSON string.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil), nil }

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	*id = parsed
	return err
}

// Value stores an ID as 16 bytes. The PostgreSQL side of the store knows the type and sends a uuid instead.
func (id ID) Value() (driver.Value, error) { return id[:], nil }

// Scan reads 16 bytes or the text form; NULL becomes the zero ID.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		return id.UnmarshalText(v)
	case string:
		return id.UnmarshalText([]byte(v))
	case [16]byte:
		*id = v
		return nil
	}
	return fmt.Errorf("scan %T as id: %w", src, ErrID)
}

// GormDataType keeps GORM from reading the array as a relation.
func (ID) GormDataType() string { return "bytes" }

// MarshalGQL writes the GraphQL ID.
func (id ID) MarshalGQL(w io.Writer) {
	b := make([]byte, 0, len(`""`)+36)
	b = id.AppendText(append(b, '"'))
	_, _ = w.Write(append(b, '"'))
}

// UnmarshalGQL reads a GraphQL ID. Clients need not know the form of ids: an invalid one becomes the zero ID, which no object has.
func (id *ID) UnmarshalGQL(v any) error {
	*id = ID{}
	switch v := v.(type) {
	case string:
		*id, _ = ParseID(v)
		return nil
	case json.Number, int, int32, int64: // GraphQL, section 3.5.5
		return nil
	}
	return ErrID
}
