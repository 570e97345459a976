package dialect

import "github.com/hookgraph/hookgraph/internal/webhook"

// StatsKey is the key of a row of the table stats.
type StatsKey struct {
	Tenant  webhook.ID
	Grain   int64  // number of minutes that the row counts
	Webhook int64  // its seq; 0: all webhooks of the tenant, and its events
	Type    string // of events; "": all types
	Bucket  int64  // its first minute, since 1970
}

// Statistics writes and reads the tables of statistics in the writer's transactions. Every transaction calls Journal.
type Statistics interface {
	// Journal adds a row to stats_journal.
	Journal(b *Tx, data []byte) error
	// Packed aggregates rows of the table stats to the text that stats.ReadPacked reads: of each row the bucket in decimals, a colon and the data.
	Packed(bucket, data string) string
	// StatsRows reads the data of rows, in the order of the keys; nil where there is no row.
	StatsRows(b *Tx, keys []StatsKey) ([][]byte, error)
	// PutStats writes rows, and replaces existing ones with the same keys. Each key must be given once.
	PutStats(b *Tx, keys []StatsKey, data [][]byte) error
}
