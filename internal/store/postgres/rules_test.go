package postgres

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// PostgreSQL's errors are temporary or not, however they are wrapped; of other errors the package says nothing.
func TestTransient(t *testing.T) {
	for code, want := range map[string]bool{
		"08006": true, "08P01": true, "25006": true, "25P03": true, "28P01": true, "3D000": true, "40001": true, "40P01": true, "53100": true, "53200": true,
		"53300": true, "55P03": true, "57014": true, "57P01": true, "57P02": true, "57P03": true, "58030": true,
		"XX000": false, "XX001": false, "XX002": false, "42601": false, "42P01": false, "42501": false, "23505": false, "22001": false, "": false,
	} {
		if passes, known := transient(fmt.Errorf("read it: %w", &pgconn.PgError{Code: code})); passes != want || !known {
			t.Errorf("SQLSTATE %s passes: %v, known: %v", code, passes, known)
		}
	}
	for err, want := range map[error]bool{&pgconn.ConnectError{}: true, errFenced: true, errors.New("a mistake"): false} {
		if passes, known := transient(fmt.Errorf("read it: %w", err)); passes != want || known != want {
			t.Errorf("%v passes: %v, known: %v", err, passes, known)
		}
	}
}

// Only a lost connection leaves it open whether a transaction was committed: a response of the server, or the caller's mistake, decides it.
func TestLost(t *testing.T) {
	for err, want := range map[error]bool{
		io.ErrUnexpectedEOF: true, &pgconn.PgError{Code: "57P01"}: true, &pgconn.PgError{Code: "57014"}: true,
		&pgconn.PgError{Code: "23505"}: false, &pgconn.PgError{Code: "40P01"}: false, webhook.ErrNotFound: false,
	} {
		if lost(fmt.Errorf("commit: %w", err)) != want {
			t.Errorf("%v: lost is %v", err, !want)
		}
	}
}

// Any text is stored: characters that PostgreSQL refuses become U+FFFD, and nothing else changes.
func TestStorable(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain ü \U0001F600": "plain ü \U0001F600", "a\x00b": "a\uFFFDb", "a\xffb": "a\uFFFDb", "\xf0\x9f\x00": "\uFFFD\uFFFD",
	} {
		if got := Storable(text); got != want {
			t.Errorf("%q is stored as %q, want %q", text, got, want)
		}
	}
}

// A time as microseconds is encoded as PostgreSQL's own time.
func TestMicrosPlan(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC):                "\x00\x00\x00\x00\x00\x00\x00\x00",
		time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC):                "\x00\x00\x00\x00\x00\x0f\x42\x40",
		time.Date(1999, 12, 31, 23, 59, 59, 999_999_000, time.UTC): "\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		for _, value := range []any{dialect.At(at), at.UnixMicro()} {
			if got, err := (microsPlan{}).Encode(value, nil); string(got) != want || err != nil {
				t.Errorf("%v as %T: %x, want %x, %v", at, value, got, want, err)
			}
		}
	}
}

// A day that was read completely is not read again for the same cohort, unless the day has changed, more failures have expired, or other
// tenants have got a retention of their own.
func TestThinned(t *testing.T) {
	day := dialect.DayOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	changes := func(n int64) sql.NullInt64 { return sql.NullInt64{Int64: n, Valid: true} }
	all := &dialect.Cohort{Cutoff: dialect.Cutoff{Before: (day + 5).Start(), Failed: (day - 1).Start()}}
	known := &thinned{}
	known.keep([]dialect.Day{day})
	is := known.day(day, changes(1))
	if is.done(day, all) {
		t.Error("it is done before it was read")
	}
	is.read(all)
	owner := webhook.ID{1}
	for name, test := range map[string]struct {
		changes sql.NullInt64
		cohort  *dialect.Cohort
		want    bool
	}{
		"again":                     {changes(1), all, true},
		"later, failures are kept":  {changes(1), &dialect.Cohort{Cutoff: dialect.Cutoff{Before: (day + 9).Start(), Failed: day.Start()}}, true},
		"later, failures expire":    {changes(1), &dialect.Cohort{Cutoff: dialect.Cutoff{Before: (day + 9).Start(), Failed: day.Start().Add(time.Hour)}}, false},
		"others have their own":     {changes(1), &dialect.Cohort{Cutoff: all.Cutoff, But: []webhook.ID{owner}}, false},
		"one tenant":                {changes(1), &dialect.Cohort{Cutoff: all.Cutoff, Tenant: &owner}, false},
		"the day has changed":       {changes(2), all, false},
		"nobody counts the changes": {sql.NullInt64{}, all, false},
	} {
		copied := &thinned{days: map[dialect.Day]*thinnedDay{day: is}}
		if got := copied.day(day, test.changes).done(day, test.cohort); got != test.want {
			t.Errorf("%s: done is %v", name, got)
		}
	}
	known.keep(nil)
	if len(known.days) != 0 {
		t.Error("a day that is gone is remembered")
	}
}
