package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// daysAhead is how many days in advance partitions are created.
const daysAhead = 3

// Keys of advisory locks.
const (
	lockDays  = 0x686f6f6b0001 // making partitions
	lockTasks = 0x686f6f6b     // with a hash of the name: exclusive tasks
	lockLines = 0x686f6f6c     // with a number that some lines share: who is in them
)

// SameDay implements dialect.DB.
func (p *DB) SameDay(a, b string) string { return " AND " + a + ".day = " + b + ".day" }

// OnDay implements dialect.DB.
func (p *DB) OnDay(a, published string) string {
	return " AND " + a + ".day = (" + published + " AT TIME ZONE 'UTC')::date"
}

// makeDays creates the partitions of the days around now. Only the writer calls it.
func (p *DB) makeDays(ctx context.Context, now time.Time) error {
	today := dialect.DayOf(now)
	if p.days[today-1] && p.days[today] && p.days[today+1] {
		return nil
	}
	for d := today - 1; d <= today+daysAhead; d++ {
		if err := p.MakeDay(ctx, d); err != nil {
			return fmt.Errorf("create the partitions of %s: %w", d, err)
		}
	}
	return nil
}

// MakeDay creates the partitions of a day, unless they are known to exist. Only one goroutine may call it at a time.
func (p *DB) MakeDay(ctx context.Context, d dialect.Day) error {
	if p.days[d] {
		return nil
	}
	for t := range dialect.TablesThat((*dialect.Table).IsDaily) {
		if err := p.makePartition(ctx, t.Name, d); err != nil {
			return err
		}
	}
	p.days[d] = true
	return nil
}

// makePartition locks only one table, so that it cannot deadlock with a query.
func (p *DB) makePartition(ctx context.Context, t string, d dialect.Day) error {
	tx, err := p.side.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockDays)); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", t+"_"+d.String()).Scan(&there); err != nil || there {
		return err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("CREATE TABLE %s_%s PARTITION OF %s FOR VALUES FROM ('%s') TO ('%s')",
		t, d, t, d.Start().Format(time.DateOnly), (d+1).Start().Format(time.DateOnly)))
	if err != nil {
		return err
	}
	return tx.Commit()
}

// TryLock implements dialect.DB. The lock is lost with its connection.
func (p *DB) TryLock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	conn, err := p.side.Conn(ctx)
	if err != nil {
		return nil, false, dialect.Unavailable(err)
	}
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1, hashtext($2))", lockTasks, name).Scan(&ok); err != nil || !ok {
		_ = conn.Close()
		if err != nil {
			err = dialect.Unavailable(err)
		}
		return nil, false, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1, hashtext($2))", lockTasks, name); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // a connection that may hold the lock is not reused
		}
		_ = conn.Close()
	}, true, nil
}

// Prune implements dialect.DB. A day that is over, also by the database's clock, is dropped as a whole if none of its deliveries is
// open. From a day that cannot be dropped, and from days that are not over if the retention is short, events are removed one by
// one.
func (p *DB) Prune(ctx context.Context, pr dialect.Pruner, all *dialect.Expiry) error {
	var now time.Time
	if err := p.side.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return dialect.Unavailable(err)
	}
	var days []dialect.Day
	rows, err := p.side.QueryContext(ctx, `SELECT substring(c.relname FROM '\d+$') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'events'::regclass ORDER BY 1`)
	if err != nil {
		return dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return dialect.Unavailable(err)
		}
		if t, err := time.Parse("20060102", name); err == nil {
			days = append(days, dialect.DayOf(t))
		}
	}
	if err := rows.Err(); err != nil {
		return dialect.Unavailable(err)
	}
	soon := all.Mixed() || time.Since(all.Shortest()) < 48*time.Hour
	p.thinned.keep(days)
	for _, d := range days {
		if over := !(d + 1).Start().After(all.Oldest.Failed) && d < dialect.DayOf(now); over {
			n, owed, err := p.dropDay(ctx, d)
			if err != nil {
				return dialect.Unavailable(err)
			}
			pr.Dropped(ctx, n)
			if !owed {
				continue
			}
		} else if !soon {
			continue
		}
		if err := p.thin(ctx, pr, d, all.Cohorts); err != nil {
			return err
		}
	}
	return nil
}

// dropDay drops a day's partitions, unless a delivery is open. If they are in use for long it leaves them for the next time.
func (p *DB) dropDay(ctx context.Context, d dialect.Day) (events int, owed bool, err error) {
	for range 10 {
		events, owed, err = p.tryDropDay(ctx, d)
		refused := (*pgconn.PgError)(nil)
		if !errors.As(err, &refused) || refused.Code != codeLockTimeout && refused.Code != codeDeadlock {
			return events, owed, err
		}
		select {
		case <-ctx.Done():
			return 0, false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	p.s.Log.Info("an expired day is still in use; it is dropped the next time", slog.String("day", d.String()))
	return 0, false, nil
}

// PostgreSQL's error codes.
const (
	codeLockTimeout = "55P03"
	codeDeadlock    = "40P01"
)

func (p *DB) tryDropDay(ctx context.Context, d dialect.Day) (events int, owed bool, err error) {
	name := func(table string) string { return table + "_" + d.String() }
	var whole, parts []string
	for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).IsDaily)) {
		whole, parts = append(whole, "ONLY "+t.Name), append(parts, name(t.Name))
	}
	// Open deliveries are due, claimed or wait in line: all are indexed, because others wait for the second check.
	isOwed := func(row func(ctx context.Context, query string, args ...any) *sql.Row) (is bool, err error) {
		err = row(ctx, "SELECT EXISTS (SELECT 1 FROM "+name("deliveries")+" WHERE due_at IS NOT NULL)"+
			" OR EXISTS (SELECT 1 FROM "+name("deliveries")+" WHERE claimed_by IS NOT NULL)"+
			" OR EXISTS (SELECT 1 FROM "+name("deliveries")+" WHERE place > 0)"+
			" OR EXISTS (SELECT 1 FROM fanouts WHERE created_at >= $1 AND created_at < $2)", d.Start(), (d + 1).Start()).Scan(&is)
		return is, err
	}
	if owed, err = isOwed(p.side.QueryRowContext); err != nil || owed {
		return 0, owed, err
	}
	// The day is over: nothing is added to it. What takes long for a large day is done before anybody waits.
	for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).BesideEvents)) {
		if _, err := p.side.ExecContext(ctx, "DELETE FROM "+t.Name+" t USING "+name("events")+" e WHERE t."+t.Event+" = e.id"); err != nil { //nolint:gosec // the names are declared, and made of a day
			return 0, false, err
		}
	}
	if err := p.side.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name("events")).Scan(&events); err != nil {
		return 0, false, err
	}
	tx, err := p.side.BeginTx(ctx, nil)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = tx.Rollback() }()
	// Others wait behind these locks, so retention does not wait for them long, and gives way.
	for _, text := range []string{
		"SET LOCAL lock_timeout = '200ms'",
		"LOCK TABLE " + strings.Join(whole, ", ") + " IN ACCESS EXCLUSIVE MODE",
		"LOCK TABLE " + strings.Join(parts, ", ") + " IN ACCESS EXCLUSIVE MODE",
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return 0, false, err
		}
	}
	// A delivery may have been retried by hand meanwhile.
	if owed, err = isOwed(tx.QueryRowContext); err != nil || owed {
		return 0, owed, err
	}
	for _, text := range []string{
		"UPDATE store SET pruned_attempt = GREATEST(pruned_attempt, (SELECT COALESCE(MAX(seq), 0) FROM " + name("attempts") + "))",
		"UPDATE tenants t SET pruned_attempt = a.last FROM (SELECT tenant_id, MAX(seq) AS last FROM " + name("attempts") + " GROUP BY tenant_id) a" +
			" WHERE t.id = a.tenant_id AND t.pruned_attempt < a.last",
		"DROP TABLE " + strings.Join(parts, ", "),
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return 0, false, err
		}
	}
	return events, false, tx.Commit()
}
