package dialect

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Start is a stretch of the database's life in which nothing that was committed can have gone: from one start of the server, or
// of PostgreSQL, to the next. A database that is put back from a copy has the starts up to the copy; what it commits then is
// of a new one. So whoever knows a start has the same rows as everybody else who knows it, up to the next start that it knows.
type Start struct {
	Seq       int64
	ID        int64
	StartedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`

	// The last Seq of each table before it.
	Tenants, Tokens, Webhooks, Events, Deliveries, Attempts int64
}

// TableName implements gorm's Tabler.
func (Start) TableName() string { return "starts" }

// StartColumns are the columns of the last Seqs.
const StartColumns = "tenants, tokens, webhooks, events, deliveries, attempts"

// maxStarts bounds the starts that are known, however often a server restarts within the retention. A cursor of an older one is
// lost, though its row is there.
const maxStarts = 1000

// NewStartID makes a start's id.
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

// TidyStarts follow on adding a start: one under which nothing was committed is forgotten, and more than maxStarts are not kept.
func TidyStarts() []StartStatement {
	return []StartStatement{
		{Text: "DELETE FROM starts WHERE seq < (SELECT MAX(seq) FROM starts) AND (" + StartColumns + ") = " +
			"(SELECT " + StartColumns + " FROM starts ORDER BY seq DESC LIMIT 1)"},
		{"DELETE FROM starts WHERE seq NOT IN (SELECT seq FROM starts ORDER BY seq DESC LIMIT ?)", []any{maxStarts}},
	}
}
