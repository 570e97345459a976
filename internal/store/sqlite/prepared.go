package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// pool prepares the statements that GORM keeps. Whoever needs a statement first prepares it for all who wait for it, so it must be prepared also
// if that caller leaves.
type pool struct{ *sql.DB }

// maxPrepare bounds the time in which a statement is prepared, most of which is a wait for a free connection.
const maxPrepare = 10 * time.Second

// PrepareContext implements gorm.ConnPool.
func (p pool) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxPrepare)
	defer cancel()
	return p.DB.PrepareContext(ctx, PlannedOnce(text))
}

// GetDBConn implements gorm.GetDBConnector.
func (p pool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// PlannedOnce returns a statement that SQLite plans when it is prepared, and not again for the values of each execution. It plans again where a value
// may lead to another plan, such as in "tenant_id = ?", and the driver, which forgets all values after each execution, has it do so every time:
// that was a quarter of the processor time of a page. The value of an expression, such as "+?", is not looked at. (SQLite's own
// setting for this, SQLITE_DBCONFIG_ENABLE_QPSG, cannot be reached through the drivers.)
func PlannedOnce(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 64)
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote { // a doubled one ends and begins
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '?':
			b.WriteByte('+')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
