package sqlite

import (
	"database/sql/driver"
	"slices"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

var (
	insertJournal = &statement{row: "INSERT INTO stats_journal (data) VALUES (?)"}
	findStats     = &statement{row: "SELECT data FROM stats WHERE tenant_id = ? AND grain = ? AND webhook = ? AND type = ? AND bucket = ?"}
	putStats      = &statement{
		before: "INSERT INTO stats (tenant_id, grain, webhook, type, bucket, data) VALUES ",
		row:    "(?, ?, ?, ?, ?, ?)",
		after:  " ON CONFLICT (tenant_id, grain, webhook, type, bucket) DO UPDATE SET data = excluded.data",
	}
)

// Journal implements dialect.Statistics.
func (q *DB) Journal(_ *dialect.Tx, data []byte) error {
	return q.direct.run(insertJournal, 1, []driver.Value{data}, nil)
}

// Packed implements dialect.Statistics.
func (q *DB) Packed(bucket, data string) string {
	return "CAST(group_concat(" + bucket + " || ':' || " + data + ", '') AS BLOB)"
}

func addStatsKey(p *dialect.Params, k *dialect.StatsKey) {
	p.ID(&k.Tenant)
	p.Int(k.Grain)
	p.Int(k.Webhook)
	p.Text(k.Type)
	p.Int(k.Bucket)
}

// StatsRows implements dialect.Statistics.
func (q *DB) StatsRows(_ *dialect.Tx, keys []dialect.StatsKey) ([][]byte, error) {
	found := make([][]byte, len(keys))
	var one dialect.Params // q.params has room for many rows, which Reset clears
	for i := range keys {
		one.Reset(0)
		addStatsKey(&one, &keys[i])
		err := q.direct.run(findStats, 1, one.Values, func(row []driver.Value) {
			data, _ := row[0].([]byte)
			found[i] = slices.Clone(data)
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// PutStats implements dialect.Statistics.
func (q *DB) PutStats(_ *dialect.Tx, keys []dialect.StatsKey, data [][]byte) error {
	return chunks(len(keys), func(from, to int) error {
		q.params.Reset(6)
		for i := from; i < to; i++ {
			addStatsKey(&q.params, &keys[i])
			q.params.Blob(data[i])
		}
		return q.direct.run(putStats, to-from, q.params.Values, nil)
	})
}
