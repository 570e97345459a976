package dialect

import "github.com/hookgraph/hookgraph/internal/webhook"

// StatsKey names a row of the table stats.
type StatsKey struct {
	Tenant  webhook.ID
	Grain   int64  // how many minutes the row is of
	Webhook int64  // its seq; 0: the row is of all of the tenant's, and of its events
	Type    string // of events; "": the row is of all
	Bucket  int64  // when its minutes begin, in minutes since 1970
}

// Statistics is what writes and reads the tables of statistics in the writer's transaction. Journal is on the way of every transaction.
type Statistics interface {
	// Journal adds a row to stats_journal.
	Journal(b *Tx, data []byte) error
	// StatsRows reads the data of rows, in the order of the keys; nil where there is no row.
	StatsRows(b *Tx, keys []StatsKey) ([][]byte, error)
	// PutStats writes rows, and replaces existing ones with the same keys. Each key must be given once.
	PutStats(b *Tx, keys []StatsKey, data [][]byte) error
}
