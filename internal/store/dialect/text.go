package dialect

import (
	"bytes"
	"encoding/json"
	"time"

	"gorm.io/gorm"
)

// Column is a column of both databases, with PostgreSQL's type.
type Column struct{ Name, Kind string }

// CompactJSON is v, which can be encoded, as JSON.
func CompactJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // ids, strings and numbers
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Day is a day in UTC, counted from 1970.
type Day int64

// DayOf is the day of a time.
func DayOf(t time.Time) Day { return Day(t.Unix() / 86400) }

// Start is the day's beginning.
func (d Day) Start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }
func (d Day) String() string   { return d.Start().Format("20060102") }

// ClosePool closes a pool that was opened.
func ClosePool(db *gorm.DB) error {
	if db == nil {
		return nil
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// LogWindow bounds how much of the attempt log one call of AttemptLog searches, in rows.
const LogWindow = 20_000

// Signal puts a signal into a channel that holds one.
func Signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has one
	}
}
