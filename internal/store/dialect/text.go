package dialect

import (
	"bytes"
	"encoding/json"
	"time"

	"gorm.io/gorm"
)

// Column is a column of both databases, with PostgreSQL's type.
type Column struct{ Name, Kind string }

// CompactJSON returns v as JSON. v must be encodable.
func CompactJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // cannot fail for ids, strings and numbers
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Day is a day in UTC, as the number of days since 1970.
type Day int64

// DayOf returns the day of a time.
func DayOf(t time.Time) Day { return Day(t.Unix() / 86400) }

// Start returns the beginning of the day.
func (d Day) Start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }
func (d Day) String() string   { return d.Start().Format("20060102") }

// ClosePool closes the pool of connections.
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

// Signal sends to a channel with room for one signal, unless it holds one already.
func Signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is pending already
	}
}
