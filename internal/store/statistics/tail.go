package statistics

import (
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Tail keeps the rows of the journal that were decoded, for further reads: each read adds the whole journal, and a dashboard reads several times
// a second. What is kept holds until the next fold. Nobody waits for others: who finds the Tail in use reads the journal itself. It is safe for
// concurrent use; a nil Tail keeps nothing.
type Tail struct {
	mu   sync.RWMutex // readers hold it while they use what is kept; it is changed only while there are none
	kept kept

	seen    atomic.Int64 // the turn of the last read
	decoded atomic.Int64 // rows that reads decoded
}

// kept are rows of the journal.
type kept struct {
	turn   int64   // of stats_fold: until it changes, the journal only grows
	seqs   []int64 // of the rows
	newest int64   // the newest minute in them
	keys   int
	many   bool // more keys than may be kept: none are
	of     map[stats.Tenant]*stats.Delta
}

// Limits of what is kept. A key takes about half a kilobyte.
const (
	mostKeys = 16_000
	mostSeqs = 5000
)

// Decoded returns the number of rows of the journal that reads have decoded.
func (t *Tail) Decoded() int64 { return t.decoded.Load() }

// view is the journal as one read sees it: rows that are kept, and further ones.
type view struct {
	*Tail // nil: nothing is kept

	asked kept
	turn  int64        // as it was read
	rows  int          // further ones
	keep  []journalRow // further ones that will be kept
}

// open returns a view, which must be closed.
func (t *Tail) open() *view {
	v := &view{asked: kept{turn: -1}}
	if t != nil && t.mu.TryRLock() {
		v.Tail, v.asked = t, t.kept
	}
	return v
}

// statement reads the turn, and the rows that are not kept: all of them if the turn has changed. It has at least one row, which may have no
// data. columns has the columns, with the verbs %s for the turn, the seq and the data.
func (v *view) statement(d dialect.DB, columns string) (text string, args []any) {
	where := ""
	if len(v.asked.seqs) > 0 {
		where = " WHERE seq NOT IN (SELECT v.seq FROM " + d.Rows([]dialect.Column{{Name: "seq", Kind: "bigint"}}) + " AS v) OR (SELECT turn FROM stats_fold) <> ?"
		seqs := make([][]any, len(v.asked.seqs))
		for i, seq := range v.asked.seqs {
			seqs[i] = []any{seq}
		}
		args = append(args, string(dialect.CompactJSON(seqs)), v.asked.turn)
	}
	return "SELECT " + fmt.Sprintf(columns, "f.turn", "COALESCE(j.seq, 0)", "j.data") +
		" FROM stats_fold f LEFT JOIN (SELECT seq, data FROM stats_journal" + where + " ORDER BY seq LIMIT ?) AS j ON 1 = 1", append(args, journalMost)
}

// row notes a row of the statement, and reports whether it has data.
func (v *view) row(turn, seq int64, data sql.RawBytes) bool {
	v.turn = turn
	if data == nil {
		return false
	}
	v.rows++
	if v.Tail == nil {
		return true
	}
	v.decoded.Add(1)
	// The first read of a turn does not keep it: there may be no other.
	if turn == v.asked.turn && !v.asked.many || turn != v.asked.turn && turn == v.seen.Load() {
		v.keep = append(v.keep, journalRow{seq, slices.Clone(data)})
	}
	return true
}

// before returns the rows that are kept, which are part of the journal before those of the statement.
func (v *view) before() *kept {
	if v.turn == v.asked.turn {
		return &v.asked
	}
	return &kept{}
}

// close ends the view, and keeps rows for later ones.
func (v *view) close() {
	t := v.Tail
	if t == nil {
		return
	}
	t.mu.RUnlock()
	t.seen.Store(v.turn)
	if len(v.keep) == 0 || !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	if t.kept.turn != v.asked.turn || len(t.kept.seqs) != len(v.asked.seqs) {
		return // another read has kept rows
	}
	if v.turn != t.kept.turn {
		t.kept = kept{turn: v.turn}
	}
	t.kept.add(v.keep)
}

// add decodes further rows.
func (k *kept) add(rows []journalRow) {
	if k.of == nil {
		k.of = map[stats.Tenant]*stats.Delta{}
	}
	for _, row := range rows {
		err := k.decode(row)
		if err != nil || k.keys > mostKeys || len(k.seqs) > mostSeqs {
			*k = kept{turn: k.turn, many: true} // a damaged row fails the reads themselves
			return
		}
	}
}

func (k *kept) decode(row journalRow) error {
	_, last, err := stats.Span(row.Data)
	if err != nil {
		return err
	}
	k.newest, k.seqs = max(k.newest, last), append(k.seqs, row.Seq)
	var d *stats.Delta
	of := func(t stats.Tenant) *stats.Delta {
		if k.of[t] == nil {
			k.of[t] = &stats.Delta{}
		}
		return k.of[t]
	}
	was := 0
	_, err = stats.Read(row.Data, stats.Visitor{
		Tenant: func(t stats.Tenant) bool {
			if d != nil {
				k.keys += d.Len() - was
			}
			d = of(t)
			was = d.Len()
			return true
		},
		Webhook: func(t stats.Tenant, webhook int64, g stats.Gauge) { d.PutGauge(t, webhook, g) },
		Counts:  func(key stats.Key, c *stats.Counts) { d.Put(key, c) },
	})
	if d != nil {
		k.keys += d.Len() - was
	}
	return err
}

// visit passes what is kept of the tenants that v asks for to v.
func (k *kept) visit(v stats.Visitor) {
	for t, d := range k.of {
		if v.Tenant == nil || v.Tenant(t) {
			d.Visit(v)
		}
	}
}
