package live

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	latest        = "latest" // the cursor that means now
	cursorVersion = 1
	epochBytes    = 8
	cursorBytes   = 1 + epochBytes + 8
)

// cursorText is unpadded, and strict so that a cursor has one spelling.
var cursorText = base64.RawURLEncoding.Strict()

// hashEpoch shortens the id of a database to what a cursor carries.
func hashEpoch(epoch string) (short [epochBytes]byte) {
	sum := sha256.Sum256([]byte(epoch))
	copy(short[:], sum[:])
	return short
}

// Cursor is the opaque cursor of the attempt with this Seq. It holds for this database only.
func (l *Log) Cursor(seq int64) string {
	var b [cursorBytes]byte
	b[0] = cursorVersion
	copy(b[1:], l.epoch[:])
	binary.BigEndian.PutUint64(b[1+epochBytes:], uint64(seq)) //nolint:gosec // a Seq is never negative
	return cursorText.EncodeToString(b[:])
}

// parseTime reads a time; a cursor is never one.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// parse reads what Cursor made.
func (l *Log) parse(cursor string) (int64, error) {
	if len(cursor) != cursorText.EncodedLen(cursorBytes) {
		return 0, webhook.ErrCursor
	}
	b, err := cursorText.DecodeString(cursor)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion || [epochBytes]byte(b[1:]) != l.epoch {
		return 0, webhook.ErrCursor
	}
	seq := int64(binary.BigEndian.Uint64(b[1+epochBytes:])) //nolint:gosec // checked right here
	if seq < 0 {
		return 0, webhook.ErrCursor
	}
	return seq, nil
}
