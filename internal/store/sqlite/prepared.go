package sqlite

import (
	"context"
	"database/sql"
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
	return p.DB.PrepareContext(ctx, text)
}

// GetDBConn implements gorm.GetDBConnector.
func (p pool) GetDBConn() (*sql.DB, error) { return p.DB, nil }
