package dialect

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Params are a statement's parameters in a driver's own types: int64, string, []byte, bool and nil. Rows follow each other. A value
// equal to the one above, as most are, is not converted again.
type Params struct {
	Values []driver.Value
	Width  int // of a row; 0: there is no row above
	Bytes  int // of all texts and bytes
}

// Reset removes all values, for rows of the given width.
func (p *Params) Reset(width int) {
	clear(p.Values[:cap(p.Values)]) // releases what they refer to
	p.Values, p.Width, p.Bytes = p.Values[:0], width, 0
}

// Drop removes the first n rows.
func (p *Params) Drop(n int) {
	left := copy(p.Values, p.Values[n*p.Width:])
	clear(p.Values[left:])
	p.Values, p.Bytes = p.Values[:left], 0
	for _, v := range p.Values {
		switch v := v.(type) {
		case string:
			p.Bytes += len(v)
		case []byte:
			p.Bytes += len(v)
		}
	}
}

func (p *Params) above() driver.Value {
	if p.Width == 0 || len(p.Values) < p.Width {
		return nil
	}
	return p.Values[len(p.Values)-p.Width]
}

func (p *Params) add(v driver.Value) { p.Values = append(p.Values, v) }

// Null adds NULL.
func (p *Params) Null() { p.add(nil) }

// ID adds a reference to the id, which must not change until the statement has run.
func (p *Params) ID(id *webhook.ID) { p.Blob(id[:]) }

// MaybeID is ID; nil is NULL.
func (p *Params) MaybeID(id *webhook.ID) {
	if id == nil {
		p.Null()
		return
	}
	p.ID(id)
}

// Blob adds bytes; nil is NULL.
func (p *Params) Blob(b []byte) {
	if b == nil {
		p.Null()
		return
	}
	p.Bytes += len(b)
	v := p.above()
	if same, ok := v.([]byte); !ok || !bytes.Equal(same, b) {
		v = b
	}
	p.add(v)
}

// Text adds a text.
func (p *Params) Text(s string) {
	p.Bytes += len(s)
	v := p.above()
	if same, ok := v.(string); !ok || same != s {
		v = s
	}
	p.add(v)
}

// Int adds an integer.
func (p *Params) Int(n int64) {
	v := p.above()
	if same, ok := v.(int64); !ok || same != n {
		v = n
	}
	p.add(v)
}

// MaybeText is Text; nil is NULL.
func (p *Params) MaybeText(s *string) {
	if s == nil {
		p.Null()
		return
	}
	p.Text(*s)
}

// MaybeInt is Int; nil is NULL.
func (p *Params) MaybeInt(n *int64) {
	if n == nil {
		p.Null()
		return
	}
	p.Int(*n)
}

// Time adds a time, in microseconds.
func (p *Params) Time(t time.Time) { p.Int(t.UnixMicro()) }

// MaybeTime adds a time; nil is NULL.
func (p *Params) MaybeTime(t *time.Time) {
	if t == nil {
		p.Null()
		return
	}
	p.Time(*t)
}

// Tags adds a JSON array; no tags are NULL.
func (p *Params) Tags(tags []string) {
	if len(tags) == 0 {
		p.Null()
		return
	}
	text, err := json.Marshal(tags)
	if err != nil {
		panic(err) // strings can always be marshaled
	}
	p.Text(string(text))
}

// Bool adds a boolean.
func (p *Params) Bool(b bool) { p.add(b) }
