package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// Damage implements dialect.DB. It has what PostgreSQL knows already; amcheck and pg_checksums, which read everything, are for its administrator.
func (p *DB) Damage(read *gorm.DB) (found []string, err error) {
	var indexes []string
	if err := read.Raw(`SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready) ORDER BY c.relname`).Scan(&indexes).Error; err != nil {
		return nil, err
	}
	for _, name := range indexes {
		found = append(found, "the index "+name+" is not valid: REINDEX it")
	}
	var failures int64
	if err := read.Raw("SELECT COALESCE(SUM(checksum_failures), 0) FROM pg_stat_database WHERE datname = current_database()").Scan(&failures).Error; err != nil {
		return found, err
	}
	if failures > 0 {
		found = append(found, fmt.Sprintf("checksums of %d pages were wrong when they were read: look into PostgreSQL's log", failures))
	}
	return found, nil
}

// ownConnections is how many connections one server has: the writer's, the readers', those beside them, and one that listens.
const ownConnections = 1 + pgReaders + pgSide + 1

// Doubts implements dialect.DB. It reads settings as sessions begin with them, because a reader's differ.
func (p *DB) Doubts(ctx context.Context, read *gorm.DB) (found []dialect.Doubt, err error) {
	var is struct {
		FullPages, ReadOnly, Hibernate string
		Connections                    int
	}
	err = read.WithContext(ctx).Raw(`SELECT current_setting('full_page_writes') AS full_pages,
		COALESCE((SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_read_only'), 'off') AS read_only,
		COALESCE((SELECT setting FROM pg_settings WHERE name = 'idle_session_timeout'), '0') AS hibernate,
		LEAST(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
			(SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
			(SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)) AS connections`).Scan(&is).Error
	if err != nil {
		return nil, err
	}
	if is.FullPages != "on" {
		found = append(found, dialect.Doubt{Text: "full_page_writes is off", Advice: "turn it on: after a crash of its host, PostgreSQL could not repair pages that were written in part"})
	}
	if is.ReadOnly == "on" {
		found = append(found, dialect.Doubt{Text: "default_transaction_read_only is on, so no event is accepted", Advice: "turn it off for the role and the database"})
	}
	if is.Hibernate != "0" {
		found = append(found, dialect.Doubt{Text: "idle_session_timeout is " + is.Hibernate + " ms, so idle connections are closed", Advice: "set it to 0 for the role: replicas learn of new work over connections that are idle", Minor: true})
	}
	if is.Connections < ownConnections {
		found = append(found, dialect.Doubt{
			Text:   fmt.Sprintf("%d connections are allowed, and each server uses up to %d", is.Connections, ownConnections),
			Advice: "raise max_connections, or the CONNECTION LIMIT of the role or the database",
		})
	}
	pooled, err := p.pooled(ctx, read)
	return append(found, pooled...), err
}

// pooled recognizes a pooler between this program and PostgreSQL: the process that serves a connection is not the one that accepted it. Two
// connections that are open at once and are served by the same process prove that transactions share processes.
func (p *DB) pooled(ctx context.Context, read *gorm.DB) (_ []dialect.Doubt, err error) {
	pool, err := read.DB()
	if err != nil {
		return nil, err
	}
	var served [2]uint32
	between := false
	for i := range served {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		accepted, err := processes(ctx, conn, &served[i])
		if err != nil {
			return nil, err
		}
		between = between || accepted != served[i]
	}
	switch {
	case !between:
		return nil, nil
	case served[0] == served[1]:
		return []dialect.Doubt{{
			Text:   "a pooler lets transactions share PostgreSQL's processes (PgBouncer: pool_mode = transaction)",
			Advice: "connect to PostgreSQL itself, or set pool_mode = session for this database: settings, locks and notifications of a session would be lost",
		}}, nil
	}
	return []dialect.Doubt{{
		Text: "a pooler is between this program and PostgreSQL", Minor: true,
		Advice: "connect to PostgreSQL itself: this program has a pool of its own; if the pooler stays, its pool_mode must be session",
	}}, nil
}

// processes returns PostgreSQL's process that accepted a connection, and sets the one that serves it.
func processes(ctx context.Context, conn *sql.Conn, serves *uint32) (accepted uint32, err error) {
	err = conn.Raw(func(driverConn any) error {
		is := ConnOf(driverConn)
		accepted = is.PgConn().PID()
		return is.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(serves)
	})
	return accepted, err
}
