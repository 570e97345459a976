package postgres

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// lineLocks is the number of advisory locks that lines share. PostgreSQL keeps locks in a table of a fixed size, about 6,400 of all
// transactions by default, and each of these is held once at most.
const lineLocks = 512

// LockLines implements dialect.DB. Whoever finds a line empty, or its head there, must know that this stays so until it commits: a publisher
// that sees the head puts a delivery behind it, while the node that ends the head does not see that delivery yet, and nobody would promote it.
// The locks of one call are taken in one order, so that two transactions that know their lines at the start never wait for each other; of two
// that wait because they lock more later, PostgreSQL ends one, which is repeated.
func (p *DB) LockLines(b *dialect.Tx, lines func() []webhook.ID) error {
	slots := map[int32]bool{}
	for _, line := range lines() {
		slots[int32(binary.BigEndian.Uint16(line[:2])%lineLocks)] = true
	}
	if len(slots) == 0 {
		return nil
	}
	_, err := b.SQL().ExecContext(contextOf(b), "SELECT pg_advisory_xact_lock($1::integer, slot) FROM unnest($2::integer[]) AS slot",
		int32(lockLines), slices.Sorted(maps.Keys(slots)))
	return err
}

// pgPromote finds the head of each line in the index, whose first entry of a partition is one read.
var pgPromote = "UPDATE deliveries SET " + dialect.Promotes("$1::timestamptz") + `
	FROM (SELECT n.day, n.seq FROM unnest(CAST(CAST($2 AS text) AS uuid[])) AS v (line) CROSS JOIN LATERAL
		(SELECT d.day, d.seq, d.place FROM deliveries d WHERE d.line = v.line AND d.place IS NOT NULL ORDER BY d.place LIMIT 1) AS n WHERE n.place > 0) AS h
	WHERE deliveries.day = h.day AND deliveries.seq = h.seq RETURNING ` + headColumns()

// headColumns are dialect.HeadColumns of deliveries.
func headColumns() string {
	return "deliveries." + strings.ReplaceAll(dialect.HeadColumns, ", ", ", deliveries.")
}

// Promote implements dialect.DB.
func (p *DB) Promote(b *dialect.Tx, lines []webhook.ID) ([]dialect.Head, error) {
	list := make([]string, len(lines))
	for i, line := range lines {
		list[i] = line.String()
	}
	rows, err := b.SQL().QueryContext(contextOf(b), pgPromote, dialect.At(b.Now), "{"+strings.Join(list, ",")+"}")
	if err != nil {
		return nil, err
	}
	return dialect.ScanHeads(rows)
}
