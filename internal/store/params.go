package store

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// params are a statement's parameters in a driver's own types: int64, string, []byte, bool and nil. Rows stand one after
// the other, and a value that the row above has too, as most do, is not made a second time.
type params struct {
	values []driver.Value
	width  int // of a row; 0: nothing is above
	bytes  int // of all texts and bytes
}

// reset makes room for rows of a width.
func (p *params) reset(width int) {
	clear(p.values[:cap(p.values)]) // what they refer to is not kept
	p.values, p.width, p.bytes = p.values[:0], width, 0
}

// drop removes the first n rows.
func (p *params) drop(n int) {
	left := copy(p.values, p.values[n*p.width:])
	clear(p.values[left:])
	p.values, p.bytes = p.values[:left], 0
	for _, v := range p.values {
		switch v := v.(type) {
		case string:
			p.bytes += len(v)
		case []byte:
			p.bytes += len(v)
		}
	}
}

func (p *params) above() driver.Value {
	if p.width == 0 || len(p.values) < p.width {
		return nil
	}
	return p.values[len(p.values)-p.width]
}

func (p *params) add(v driver.Value) { p.values = append(p.values, v) }

func (p *params) null() { p.add(nil) }

// id refers to the id, which must stay as it is until the statement has run.
func (p *params) id(id *webhook.ID) { p.blob(id[:]) }

// blob is NULL when b is nil.
func (p *params) blob(b []byte) {
	if b == nil {
		p.null()
		return
	}
	p.bytes += len(b)
	v := p.above()
	if same, ok := v.([]byte); !ok || !bytes.Equal(same, b) {
		v = b
	}
	p.add(v)
}

func (p *params) text(s string) {
	p.bytes += len(s)
	v := p.above()
	if same, ok := v.(string); !ok || same != s {
		v = s
	}
	p.add(v)
}

func (p *params) int(n int64) {
	v := p.above()
	if same, ok := v.(int64); !ok || same != n {
		v = n
	}
	p.add(v)
}

func (p *params) time(t time.Time) { p.int(t.UnixMicro()) }

// maybeTime is NULL when t is nil.
func (p *params) maybeTime(t *time.Time) {
	if t == nil {
		p.null()
		return
	}
	p.time(*t)
}

// tags is NULL when there are none, and otherwise a JSON array.
func (p *params) tags(tags []string) {
	if len(tags) == 0 {
		p.null()
		return
	}
	text, err := json.Marshal(tags)
	if err != nil {
		panic(err) // strings always have a form
	}
	p.text(string(text))
}

func (p *params) bool(b bool) { p.add(b) }
