package dialect

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Whatever fails while the database is away is reported to callers once as unavailable, however often the error is wrapped. A closed pool
// is such a database. Mistakes keep their text.
func TestUnavailable(t *testing.T) {
	closed := fmt.Errorf("read: %w", errors.Join(errors.New("beside"), fmt.Errorf("query: %w", errors.New("sql: database is closed"))))
	once := Unavailable(closed)
	if !errors.Is(once, webhook.ErrUnavailable) || !errors.Is(once, closed) {
		t.Errorf("%v", once)
	}
	if again := Unavailable(fmt.Errorf("and: %w", once)); again.Error() != "and: "+once.Error() {
		t.Errorf("told twice: %v", again)
	}
	mistake := errors.New("near SELEKT: syntax error")
	if err := Unavailable(mistake); err != mistake { //nolint:errorlint // the same one
		t.Errorf("%v", err)
	}
	if err := Unavailable(nil); err != nil {
		t.Errorf("nothing is %v", err)
	}
}

// A change that fails by its caller's mistake, or without its tenant's condition, does not affect the changes beside it; a database's error does.
func TestExpected(t *testing.T) {
	for err, want := range map[error]bool{
		webhook.ErrNotFound: true, &webhook.Invalid{Code: webhook.CodeConflict}: true, scoped.ErrUnscoped: true, ErrNoRoom: true,
		webhook.ErrUnavailable: false, errors.New("a mistake"): false,
	} {
		if Expected(fmt.Errorf("change: %w", err)) != want {
			t.Errorf("%v is expected: %v", err, !want)
		}
	}
}

// Times are stored as microseconds of no zone, and read from either database's columns.
func TestMicros(t *testing.T) {
	at := time.Date(2026, 11, 27, 23, 59, 59, 123456789, time.FixedZone("", 3600))
	want := at.UTC().Truncate(time.Microsecond)
	for _, src := range []any{at.UnixMicro(), at} {
		var m Micros
		if err := m.Scan(src); err != nil || !m.Time().Equal(want) || m.Time().Location() != time.UTC {
			t.Errorf("%T: %v, want %v, %v", src, m.Time(), want, err)
		}
	}
	if err := new(Micros).Scan("yesterday"); err == nil {
		t.Error("a text is a time")
	}
	if MaybeAt(nil) != nil || MaybeTime(nil) != nil || MaybeAt(&at) != At(at) || !MaybeTime(new(At(at))).Equal(want) {
		t.Error("no time is NULL, and any other is stored")
	}
	if day := DayOf(at); day.String() != "20261127" || !day.Start().Equal(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the day of %v is %v, from %v on", at, day, day.Start())
	}
}

// Rows of parameters are those that were added, whatever is above them; a value equal to the one above is stored once, and dropped or reset
// values are not kept.
func TestParams(t *testing.T) {
	var p Params
	p.Reset(3)
	texts := [][]byte{[]byte("same"), []byte("same"), []byte("other"), nil}
	for i, b := range texts {
		p.Blob(b)
		p.Text("type")
		p.Int(int64(i / 2))
	}
	want := []any{texts[0], "type", int64(0), texts[0], "type", int64(0), texts[2], "type", int64(1), nil, "type", int64(1)}
	for i, v := range p.Values {
		if !reflect.DeepEqual(v, want[i]) {
			t.Errorf("value %d is %v, want %v", i, v, want[i])
		}
	}
	if first, second := p.Values[0].([]byte), p.Values[3].([]byte); &first[0] != &second[0] {
		t.Error("an equal value was converted again")
	}
	if p.Bytes != 4+4+5+4*4 {
		t.Errorf("%d bytes", p.Bytes)
	}
	p.Drop(2)
	if len(p.Values) != 6 || !bytes.Equal(p.Values[0].([]byte), texts[2]) || p.Bytes != 5+4+4 {
		t.Errorf("dropped two rows: %v, %d bytes", p.Values, p.Bytes)
	}
	p.Reset(1)
	p.MaybeTime(nil)
	p.Tags(nil)
	p.Tags([]string{`a"b`, "c"})
	if !slices.Equal([]any{p.Values[0], p.Values[1], p.Values[2]}, []any{nil, nil, `["a\"b","c"]`}) {
		t.Errorf("%v", p.Values)
	}
	for _, v := range p.Values[:12][3:] {
		if v != nil {
			t.Errorf("%v is still held", v)
		}
	}
}

// A table is declared after those that its rows belong to, and LastFirst removes in the reverse order.
func TestOrderOfTables(t *testing.T) {
	place := map[*Table]int{}
	for i, table := range Tables {
		place[table] = i
		if above := table.Below; above != nil {
			if at, declared := place[above]; !declared || at >= i {
				t.Errorf("%s is declared before %s, on which it hangs", table.Name, above.Name)
			}
		}
	}
	all := LastFirst(TablesThat(func(*Table) bool { return true }))
	slices.Reverse(all)
	if !slices.Equal(all, Tables) {
		t.Error("LastFirst is not the reverse of Tables")
	}
}
