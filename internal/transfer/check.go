package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
)

// checked is what check has found out.
type checked struct {
	schema, known int64 // the database's, and the newest of this program
	keyIDs        []string
}

// check examines a copy of a database that nobody uses: SQLite's integrity check, and whether the keys open what is sealed.
func check(ctx context.Context, db *sqlite.Bare, keys [][]byte, withoutKey bool) (c *checked, err error) {
	wrong, err := db.Damage(ctx)
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("it is damaged: %s", strings.Join(wrong, "; "))
	}
	c = &checked{}
	if c.schema, c.known, err = db.Schema(ctx); err != nil {
		return nil, err
	}
	sealed, err := sealedBy(ctx, db.Pool())
	if err != nil {
		return nil, err
	}
	ring, err := seal.OpenRing("", keys, false)
	if len(keys) == 0 {
		ring, err = &seal.Ring{}, nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range sealed {
		if !slices.Contains(c.keyIDs, s.id) {
			c.keyIDs = append(c.keyIDs, s.id)
		}
		if _, err := ring.Key(s.id); err != nil && !withoutKey {
			return nil, fmt.Errorf("rows of %s are sealed: %w", s.table, err)
		}
	}
	return c, nil
}

// sealing is a master key, and a table with rows that it seals.
type sealing struct{ table, id string }

// sealedBy returns the keys that seal rows of a SQLite database. Of tables it leaves out those of newer schemas.
func sealedBy(ctx context.Context, db *sql.DB) (all []sealing, err error) {
	from := []string{"store"} // which names the key that seals
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		from = append(from, t.Name)
	}
	for _, table := range from {
		var has bool
		if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)", table).Scan(&has); err != nil {
			return nil, err
		}
		if !has {
			continue
		}
		ids, err := texts(ctx, db, "SELECT DISTINCT key_id FROM "+table+" WHERE key_id IS NOT NULL")
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			all = append(all, sealing{table, id})
		}
	}
	return all, nil
}

func texts(ctx context.Context, db *sql.DB, query string) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close(), rows.Err()) }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, nil
}
