package list

import (
	"slices"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// scan reads rows one by one while the context's meter allows it, so that an operation never holds more than it may. Errors:
// meter.ErrTooLarge, or an error of the database.
func scan[T any](q *gorm.DB) ([]*T, error) {
	ctx := q.Statement.Context
	m := meter.From(ctx)
	if err := m.Take(0); err != nil {
		return nil, err
	}
	found, err := q.Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer found.Close() //nolint:errcheck // Err has returned the error
	columns, err := columnsOf[T](q, found)
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	rows := []*T{}
	for found.Next() {
		row := new(T)
		if err := columns.scan(ctx, found, row); err != nil {
			return nil, dialect.Unavailable(err)
		}
		if err := m.Take(rowBytes(row)); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	return rows, nil
}

// rowBytes returns about how much memory a row takes.
func rowBytes(row any) int {
	const small = 512
	switch row := row.(type) {
	case *webhook.Event:
		n := small + len(row.Data)
		for _, t := range row.Tags {
			n += len(t)
		}
		return n
	case *webhook.Attempt:
		return small + len(row.ResponseBody) + len(row.ResponseHeaders) + len(row.RequestHeaders) + len(row.URL)
	case *webhook.Delivery:
		return small + len(row.WebhookURL)
	case *PlacedWebhook:
		return rowBytes(&row.Webhook)
	case *webhook.Webhook:
		n := small + len(row.URL) + len(row.Description)
		if row.Metadata != nil {
			n += len(*row.Metadata)
		}
		if row.Filter != nil {
			n += len(*row.Filter)
		}
		for _, t := range row.Events {
			n += len(t)
		}
		return n
	}
	return small
}

// ByID reads rows by id; absent ones are missing from the map. In a partitioned table, it searches the partitions of the days shortly before
// the rows were created first, then the earlier ones. db is nil for a table that is never partitioned.
func ByID[T any](q *gorm.DB, db dialect.DB, alias string, ids []webhook.ID, id func(*T) webhook.ID) (map[webhook.ID]*T, error) {
	found := make(map[webhook.ID]*T, len(ids))
	for part := range slices.Chunk(ids, 500) {
		for _, days := range daysBefore(db, alias+".day", part) {
			if part = slices.DeleteFunc(slices.Clone(part), func(id webhook.ID) bool { return found[id] != nil }); len(part) == 0 {
				break
			}
			rows, err := scan[T](where(q.Session(&gorm.Session{}).Where(alias+".id IN ?", part), days))
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				found[id(row)] = row
			}
		}
	}
	return found, nil
}
