package postgres

import (
	"errors"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// A server that is too old, that could lose what was acknowledged, or that cannot have every text, is refused with what to do about it: no setting makes it newer.
func TestUnfit(t *testing.T) {
	for _, c := range []struct {
		version                 int
		encoding, fsync, commit string
		want                    string
	}{
		{140000, "UTF8", "on", "on", ""},
		{150004, "UTF8", "on", "remote_apply", ""},
		{130015, "UTF8", "on", "on", "PostgreSQL is 13, want 14 or newer: upgrade PostgreSQL, or use a newer server"},
		{150004, "LATIN1", "on", "on", "the encoding of the database is LATIN1, so events with other letters could not be stored: create a database with the encoding UTF8"},
		{150004, "UTF8", "off", "on", "PostgreSQL's fsync is off, so acknowledged events could be lost: turn it on in postgresql.conf, and reload the configuration"},
		{150004, "UTF8", "on", "off", "PostgreSQL's synchronous_commit is off, so acknowledged events could be lost: turn it on, for the database or the role too"},
	} {
		err := unfit(c.version, c.encoding, c.fsync, c.commit)
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%d, %s, %s: %v, want %q", c.version, c.fsync, c.commit, err, c.want)
		}
		if _, is := errors.AsType[dialect.Unfit](err); is != (c.want != "") {
			t.Errorf("%d, %s, %s: %T", c.version, c.fsync, c.commit, err)
		}
	}
}
