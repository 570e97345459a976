package statistics

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Folder keeps the journal short, in two steps, because a row of statistics costs much more to write than an entry of the journal, and a
// webhook has several. Every few seconds rows of the journal are merged with each other; their counts of a minute are added to rows of
// statistics once, when the minute is over. One goroutine at a time may use a Folder and its plans.
type Folder struct {
	DB dialect.DB
	// MergeRows is the minimum number of new journal rows that are merged. Fewer wait unmerged for the end of the minute.
	MergeRows int
	// PartKeys is about the number of keys of a merged row, which is the least that one transaction of the second step decodes.
	PartKeys int

	merged int64 // the seq of the last merged row of the journal; new ones have higher ones
	parts  int   // number of journal rows that the next transaction of the second step takes
}

// Limits of the journal, and of one plan.
const (
	journalBytes = 2 << 20  // that wait for the end of the minute; every read decodes them
	mergeBytes   = 4 << 20  // that one plan merges
	mergeKeys    = 32 << 10 // the same, in memory
	fewBytes     = 64 << 10 // that may wait unmerged
	mostListed   = 20_000   // rows that one plan examines
	mostParts    = 64       // that one transaction takes
	hurryBytes   = 16 << 20 // see Plan.Hurry
)

// Plan is the next work on the journal, for transactions of the writer. It is made outside of them, so that they are short. If another node
// has folded since, it is not carried out.
type Plan struct {
	// More means that the journal has more rows than this plan covers.
	More bool
	// Hurry means that the journal has grown so much that folding must not give way to other work.
	Hurry bool

	folder  *Folder
	turn    int64        // of stats_fold, which counts transactions that fold
	replace []int64      // rows of the journal, by their seqs, that are replaced by
	parts   []journalRow // which follow one another in the order of keys
	due     []int64      // rows of the journal that are then added to rows of statistics, in this order
}

type journalRow struct {
	Seq  int64
	Data []byte
}

// NoMinute is a minute in which nothing happens: every other one is over.
const NoMinute int64 = -1

// Plan decides the next work in this minute: nothing (nil), or merging new rows and adding the counts of other minutes to rows of statistics. If
// the journal would become too large for readers, the counts of this minute are added too.
func (f *Folder) Plan(db *gorm.DB, current int64) (*Plan, error) {
	p := &Plan{folder: f}
	upTo, few, err := p.list(db)
	if err != nil || upTo == 0 {
		return nil, err
	}
	journal, err := p.load(db, upTo)
	if err != nil || len(journal) == 0 { // another node has folded everything
		return nil, err
	}
	over, err := overUntil(journal, current)
	if err != nil {
		return nil, err
	}
	if few || len(journal) == 1 {
		if sizeOf(journal) > journalBytes {
			over = len(journal)
		}
		for _, row := range journal[:over] {
			p.due = append(p.due, row.Seq)
		}
		if over == 0 {
			return nil, nil
		}
		return p, nil
	}
	return p, p.merge(journal, current)
}

// list returns the last journal row of the plan, 0 if there is none, and whether only few rows are new.
func (p *Plan) list(db *gorm.DB) (upTo int64, few bool, err error) {
	var list []struct {
		Seq  int64
		Size int
	}
	if err := db.Raw("SELECT seq, length(data) AS size FROM stats_journal ORDER BY seq LIMIT ?", mostListed).Scan(&list).Error; err != nil {
		return 0, false, dialect.Unavailable(err)
	}
	rows, bytes, all := 0, 0, 0
	p.More = len(list) == mostListed
	for i, row := range list {
		if all += row.Size; i > 1 && all > mergeBytes {
			p.More = true
			continue
		}
		if upTo = row.Seq; row.Seq > p.folder.merged {
			rows, bytes = rows+1, bytes+row.Size
		}
	}
	p.Hurry = all > hurryBytes || len(list) == mostListed
	return upTo, rows < p.folder.MergeRows && bytes < fewBytes && !p.More, nil
}

// load reads the journal up to a row, and how often it was folded, in one statement.
func (p *Plan) load(db *gorm.DB, upTo int64) (journal []journalRow, err error) {
	rows, err := db.Raw("SELECT (SELECT turn FROM stats_fold), seq, data FROM stats_journal WHERE seq <= ? ORDER BY seq LIMIT ?", upTo, mostListed).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row journalRow
		if err := rows.Scan(&p.turn, &row.Seq, &row.Data); err != nil {
			return nil, dialect.Unavailable(err)
		}
		journal = append(journal, row)
	}
	return journal, dialect.Unavailable(rows.Err())
}

func sizeOf(journal []journalRow) (bytes int) {
	for _, row := range journal {
		bytes += len(row.Data)
	}
	return bytes
}

// overUntil returns the number of journal rows up to the last one with counts of another minute than the current one.
func overUntil(journal []journalRow, current int64) (rows int, err error) {
	for i, row := range journal {
		first, last, err := stats.Span(row.Data)
		if err != nil {
			return 0, fmt.Errorf("row %d of the journal: %w", row.Seq, err)
		}
		if first != current || last != current {
			rows = i + 1
		}
	}
	return rows, nil
}

// merge plans to replace several rows of the journal by at most as many, which have each key once. They get the seqs of the first ones, so
// that rows that are added or committed later still follow them.
func (p *Plan) merge(journal []journalRow, current int64) error {
	var d stats.Delta
	newest, n := int64(0), 0
	for ; n < len(journal) && (n < 2 || d.Len() < mergeKeys); n++ {
		at, err := d.Read(journal[n].Data)
		if err != nil {
			return fmt.Errorf("row %d of the journal: %w", journal[n].Seq, err)
		}
		newest = max(newest, at)
		p.replace = append(p.replace, journal[n].Seq)
	}
	// The two groups of parts have each one that is not full, so this makes no more parts than there are places.
	parts, over := d.Cut(max(p.folder.PartKeys, (d.Len()+n-2)/(n-1)), newest, current)
	for i, data := range parts {
		p.parts = append(p.parts, journalRow{p.replace[i], data})
	}
	if n < len(journal) {
		p.More, over = true, len(parts)
	}
	if sizeOf(p.parts) > journalBytes {
		over = len(parts)
	}
	p.due = append(p.due, p.replace[:over]...)
	return nil
}

// Next reports whether there is another step.
func (p *Plan) Next() bool { return len(p.replace)+len(p.due) > 0 }

// Done is the result of Step, valid once the transaction is committed.
type Done struct {
	lost   bool // another node has folded
	merged bool
	taken  int  // rows of the journal that were due
	left   bool // the first of them was put back, with the counts for which there was no room
	room   bool // there was room for many more
}

// Step carries out the next part of the plan, which writes about rows rows, or more if one merged row of the journal has more. Everything is
// counted once, whether or not the transaction is committed.
func (p *Plan) Step(b *dialect.Tx, rows int) (Done, error) {
	var turn []int64
	if err := b.DB.Raw("SELECT turn FROM stats_fold" + p.folder.DB.SkipLocked("stats_fold")).Scan(&turn).Error; err != nil {
		return Done{}, fmt.Errorf("lock the statistics: %w", err)
	}
	if len(turn) == 0 || turn[0] != p.turn {
		return Done{lost: true}, nil
	}
	if err := b.DB.Exec("UPDATE stats_fold SET turn = turn + 1").Error; err != nil {
		return Done{}, fmt.Errorf("count the transactions that fold: %w", err)
	}
	if len(p.replace) > 0 {
		return Done{merged: true}, p.swap(b)
	}
	return p.add(b, min(max(rows, 1), MostRows))
}

// swap replaces journal rows by the merged ones.
func (p *Plan) swap(b *dialect.Tx) error {
	among, arg := p.folder.DB.Among("seq", p.replace)
	if err := b.DB.Exec("DELETE FROM stats_journal WHERE "+among, arg).Error; err != nil {
		return fmt.Errorf("replace the journal of statistics: %w", err)
	}
	if len(p.parts) == 0 {
		return nil
	}
	args := make([]any, 0, 2*len(p.parts))
	for _, part := range p.parts {
		args = append(args, part.Seq, part.Data)
	}
	if err := b.DB.Exec("INSERT INTO stats_journal (seq, data) VALUES (?, ?)"+strings.Repeat(", (?, ?)", len(p.parts)-1), args...).Error; err != nil {
		return fmt.Errorf("merge the journal of statistics: %w", err)
	}
	return nil
}

// add removes rows of the journal and adds their counts to rows of statistics, in the same transaction. It puts back counts for which there is
// no room.
func (p *Plan) add(b *dialect.Tx, most int) (Done, error) {
	took := min(max(p.folder.parts, 1), mostParts, len(p.due))
	among, arg := p.folder.DB.Among("seq", p.due[:took])
	var taken []journalRow
	if err := b.DB.Raw("DELETE FROM stats_journal WHERE "+among+" RETURNING seq, data", arg).Scan(&taken).Error; err != nil {
		return Done{}, fmt.Errorf("take the journal of statistics: %w", err)
	}
	slices.SortFunc(taken, func(a, b journalRow) int { return cmp.Compare(a.Seq, b.Seq) })
	var d stats.Delta
	newest := int64(0)
	for _, row := range taken {
		at, err := d.Read(row.Data)
		if err != nil {
			return Done{}, fmt.Errorf("row %d of the journal: %w", row.Seq, err)
		}
		newest = max(newest, at)
	}
	to := newPiece(p.folder.DB, b, most)
	if err := to.fold(&d); err != nil {
		return Done{}, err
	}
	done := Done{taken: took, left: !d.Empty(), room: len(to.keys) < most/2}
	if done.left {
		if err := b.DB.Exec("INSERT INTO stats_journal (seq, data) VALUES (?, ?)", p.due[0], d.Append(nil, newest)).Error; err != nil {
			return Done{}, fmt.Errorf("put back the journal of statistics: %w", err)
		}
	}
	return done, nil
}

// Committed must be called with the result of a step after its transaction was committed.
func (p *Plan) Committed(d Done) {
	f := p.folder
	switch {
	case d.lost: // the other node continues
		p.replace, p.due, p.More, f.merged = nil, nil, false, 0
		return
	case d.merged:
		f.merged = 0
		if len(p.due) < len(p.parts) {
			f.merged = p.parts[len(p.parts)-1].Seq
		}
		p.replace, p.parts = nil, nil
	case d.left:
		f.parts = max(f.parts/2, 1)
		first := p.due[0]
		p.due = p.due[d.taken-1:]
		p.due[0] = first
	default:
		if d.room {
			f.parts = min(2*max(f.parts, 1), mostParts)
		}
		if p.due[d.taken-1] >= f.merged {
			f.merged = 0 // it is gone
		}
		p.due = p.due[d.taken:]
	}
	p.turn++
}
