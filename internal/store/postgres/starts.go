package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// A database may be set back: to a base backup and some point after it, to a snapshot of its disk, to a standby that did not have
// everything, or to a dump. Each of these begins another life of the database: another cluster, another timeline, or at least another start
// of PostgreSQL, because nobody replaces the files of a running server. So each connection that may write first checks whether the life is
// the known one, and the first connection of a new life adds a start before anything is committed in it. A dump that is loaded in the same
// life needs no start, because transaction ids, and with them the numbers of rows, continue.

// The identity of a life: the cluster and the database, which a copy does not share; then the timeline, and when PostgreSQL was
// started.
const (
	cluster = `(SELECT system_identifier FROM pg_control_system())::text || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database())`
	life    = `left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || extract(epoch FROM pg_postmaster_start_time())`
)

// aheadOfAll is the lowest transaction number of a new life, as if there had been 4,096 transactions a second since 2020. No life has that
// many, so a database that was set back does not reuse numbers of the lost life, which nodes that kept running may remember. Numbers have
// 43 bits, which last until 2088.
const aheadOfAll = `((extract(epoch FROM clock_timestamp()) - 1577836800) * 4096)::bigint`

// identifyNow identifies connections that were opened before the schema existed, and from now on every new one.
func (p *DB) identifyNow(ctx context.Context) error {
	p.identified.Store(true)
	conn, err := p.side.Conn(ctx)
	if err != nil {
		return fmt.Errorf("identify the database: %w", err)
	}
	err = conn.Raw(func(driver any) error { return p.identify(ctx, driver.(validated).Conn.Conn()) })
	return errors.Join(err, conn.Close())
}

// identify adds a start when this is another life of the database than the one that is known, and makes all starts known.
func (p *DB) identify(ctx context.Context, conn *pgx.Conn) error {
	return p.s.LearnStarts(func() ([]*dialect.Start, error) {
		var same bool
		if err := conn.QueryRow(ctx, "SELECT identity = "+cluster+" || ' ' || "+life+" FROM store").Scan(&same); err != nil {
			return nil, fmt.Errorf("identify the database: %w", err)
		}
		if !same {
			if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return p.addStart(ctx, tx) }); err != nil {
				return nil, fmt.Errorf("record the start of the database: %w", err)
			}
		}
		rows, err := conn.Query(ctx, "SELECT seq, id, started_at, "+dialect.StartColumns+" FROM starts ORDER BY seq")
		if err != nil {
			return nil, fmt.Errorf("read starts: %w", err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[dialect.Start])
		if err != nil {
			return nil, fmt.Errorf("read starts: %w", err)
		}
		return list, nil
	})
}

// addStart adds a start, unless another connection has done so in the meantime. In the same cluster, everything committed before has a
// lower transaction id; in a copy the ids are those of another cluster, so the highest Seqs are read from its rows.
func (p *DB) addStart(ctx context.Context, tx pgx.Tx) error {
	var known, here, now string
	var base, xid, ahead int64
	// The lock comes first: what follows must be read while it is held.
	if _, err := tx.Exec(ctx, "SELECT 1 FROM store FOR UPDATE"); err != nil {
		return err
	}
	err := tx.QueryRow(ctx, "SELECT identity, xid_base, pg_current_xact_id()::text::bigint, "+aheadOfAll+", "+cluster+", "+life+" FROM store").
		Scan(&known, &base, &xid, &ahead, &here, &now)
	if err != nil || known == here+" "+now {
		return err
	}
	last := (xid+base)<<seqBits - 1
	if !strings.HasPrefix(known, here+" ") {
		if last, err = lastRow(ctx, tx); err != nil {
			return err
		}
		base = last>>seqBits + 1 - xid
	}
	base = max(base, ahead-xid)
	if seen := p.s.Last.Load(); seen > last {
		p.s.Log.WarnContext(ctx, "the database has lost transactions that were committed: restart all replicas", slog.Int64("seq", seen))
	}
	insert := "INSERT INTO starts (id, started_at, " + dialect.StartColumns + `) SELECT $1, clock_timestamp(),
		COALESCE(pg_sequence_last_value(pg_get_serial_sequence('tenants', 'seq')), 0),
		COALESCE(pg_sequence_last_value(pg_get_serial_sequence('tokens', 'seq')), 0),
		COALESCE(pg_sequence_last_value(pg_get_serial_sequence('webhooks', 'seq')), 0), $2, $2, $2`
	add := append([]dialect.StartStatement{{Text: insert, Args: []any{dialect.NewStartID(), last}}}, dialect.TidyStarts()...)
	for _, s := range append(add, dialect.StartStatement{Text: "UPDATE store SET identity = $1, xid_base = $2", Args: []any{here + " " + now, base}}) {
		if _, err := tx.Exec(ctx, strings.Replace(s.Text, "?", "$1", 1), s.Args...); err != nil {
			return err
		}
	}
	return nil
}

// lastRow returns the highest seq in a table of history. It is stored nowhere else, and the table may have many rows.
func lastRow(ctx context.Context, tx pgx.Tx) (last int64, err error) {
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `SELECT GREATEST((SELECT COALESCE(MAX(seq), 0) FROM attempts), (SELECT COALESCE(MAX(seq), 0) FROM deliveries),
		(SELECT COALESCE(MAX(seq), 0) FROM events), pruned_attempt) FROM store`).Scan(&last)
	return last, err
}
