package dialect

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Start is a period in which no committed row can get lost: from one start of the server, or of PostgreSQL, to the next. A database
// that is restored from a copy has the starts up to the copy, and begins a new one. So two databases that have a start in common
// have the same rows, up to the next start that they have.
type Start struct {
	Seq       int64
	ID        int64
	StartedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`

	// The last Seq of each table before the start.
	Tenants, Tokens, Webhooks, Events, Deliveries, Attempts int64
}

// TableName implements gorm's Tabler.
func (Start) TableName() string { return "starts" }

// StartColumns are the columns of the last Seqs.
const StartColumns = "tenants, tokens, webhooks, events, deliveries, attempts"

// maxStarts limits the starts that are kept, however often a server restarts within the retention. A cursor of an older one is
// lost, although its row exists.
const maxStarts = 1000

// NewStartID returns an id for a start.
func NewStartID() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}

// StartStatement is SQL with its parameters as "?".
type StartStatement struct {
	Text string
	Args []any
}

// TidyStarts run after a start is added: they remove starts under which nothing was committed, and those beyond maxStarts.
func TidyStarts() []StartStatement {
	return []StartStatement{
		{Text: "DELETE FROM starts WHERE seq < (SELECT MAX(seq) FROM starts) AND (" + StartColumns + ") = " +
			"(SELECT " + StartColumns + " FROM starts ORDER BY seq DESC LIMIT 1)"},
		{"DELETE FROM starts WHERE seq NOT IN (SELECT seq FROM starts ORDER BY seq DESC LIMIT ?)", []any{maxStarts}},
	}
}
