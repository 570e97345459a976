package postgres

import (
	"fmt"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Journal implements dialect.Statistics.
func (p *DB) Journal(b *dialect.Tx, data []byte) error {
	_, err := b.SQL().ExecContext(contextOf(b), "INSERT INTO stats_journal (data) VALUES ($1)", data)
	return err
}

const (
	pgStatsKeys = "unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[]"
	// Type and bucket are compared as rows, and ordered, so that keys are found by the primary key, whatever statistics the planner has. For a new
	// table it would otherwise use the index on buckets, and read every row of a minute for each key. The columns before are compared alone: a
	// row that is absent, as those of a new minute are, is looked for up to the end of what the first column compared as a row says.
	pgFindStats = "SELECT v.n, r.data FROM " + pgStatsKeys + `) WITH ORDINALITY AS v (tenant_id, grain, webhook, type, bucket, n)
		CROSS JOIN LATERAL (SELECT data FROM stats s WHERE s.tenant_id = v.tenant_id AND s.grain = v.grain AND s.webhook = v.webhook AND
			(s.type, s.bucket) >= (v.type, v.bucket) AND (s.type, s.bucket) <= (v.type, v.bucket) ORDER BY s.type, s.bucket LIMIT 1) AS r`
	pgPutStats = "INSERT INTO stats (tenant_id, grain, webhook, type, bucket, data) SELECT * FROM " + pgStatsKeys + `, $6::bytea[])
		ON CONFLICT (tenant_id, grain, webhook, type, bucket) DO UPDATE SET data = excluded.data`
)

// Packed implements dialect.Statistics.
func (p *DB) Packed(bucket, data string) string {
	return "string_agg(convert_to(" + bucket + "::text || ':', 'UTF8') || " + data + ", ''::bytea)"
}

// statsArgs are the keys, column by column.
func statsArgs(keys []dialect.StatsKey) []any {
	tenants, types := make([]any, len(keys)), make([]string, len(keys))
	grains, webhooks, buckets := make([]int64, len(keys)), make([]int64, len(keys)), make([]int64, len(keys))
	for i := range keys {
		k := &keys[i]
		tenants[i], grains[i], webhooks[i], types[i], buckets[i] = k.Tenant[:], k.Grain, k.Webhook, k.Type, k.Bucket
	}
	return []any{tenants, grains, webhooks, types, buckets}
}

// StatsRows implements dialect.Statistics.
func (p *DB) StatsRows(b *dialect.Tx, keys []dialect.StatsKey) ([][]byte, error) {
	rows, err := b.SQL().QueryContext(contextOf(b), pgFindStats, statsArgs(keys)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := make([][]byte, len(keys))
	for rows.Next() {
		var n int
		var data []byte
		if err := rows.Scan(&n, &data); err != nil {
			return nil, fmt.Errorf("read statistics: %w", err)
		}
		found[n-1] = data
	}
	return found, rows.Err()
}

// PutStats implements dialect.Statistics.
func (p *DB) PutStats(b *dialect.Tx, keys []dialect.StatsKey, data [][]byte) error {
	_, err := b.SQL().ExecContext(contextOf(b), pgPutStats, append(statsArgs(keys), data)...)
	return err
}
