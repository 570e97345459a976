package store

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
)

// day is a day in UTC, counted from 1970.
type day int64

func dayOf(t time.Time) day { return day(t.Unix() / 86400) }

func (d day) start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }
func (d day) String() string   { return d.start().Format("20060102") }

// daysAhead is how many days before they come partitions are made.
const daysAhead = 3

// Keys of advisory locks.
const (
	lockDays  = 0x686f6f6b0001 // making partitions
	lockTasks = 0x686f6f6b     // with a hash of its name, work that one node does at a time
)

// sameDay implements dialect.
func (p *postgresDB) sameDay(a, b string) string { return " AND " + a + ".day = " + b + ".day" }

// makeDays makes the partitions of the days around now. Only the writer calls it.
func (p *postgresDB) makeDays(ctx context.Context, now time.Time) error {
	today := dayOf(now)
	if p.days[today-1] && p.days[today] && p.days[today+1] {
		return nil
	}
	for d := today - 1; d <= today+daysAhead; d++ {
		if err := p.makeDay(ctx, d); err != nil {
			return fmt.Errorf("make the partitions of %s: %w", d, err)
		}
		p.days[d] = true
	}
	return nil
}

func (p *postgresDB) makeDay(ctx context.Context, d day) error {
	if p.days[d] {
		return nil
	}
	for t := range tablesThat((*table).isDaily) {
		if err := p.makePartition(ctx, t.name, d); err != nil {
			return err
		}
	}
	return nil
}

// makePartition locks one table only, so that it never waits in a circle with a query.
func (p *postgresDB) makePartition(ctx context.Context, t string, d day) error {
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
		t, d, t, d.start().Format(time.DateOnly), (d+1).start().Format(time.DateOnly)))
	if err != nil {
		return err
	}
	return tx.Commit()
}

// tryLock implements dialect. The lock goes with its connection, when that is lost.
func (p *postgresDB) tryLock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	conn, err := p.side.Conn(ctx)
	if err != nil {
		return nil, false, unavailable(err)
	}
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1, hashtext($2))", lockTasks, name).Scan(&ok); err != nil || !ok {
		_ = conn.Close()
		if err != nil {
			err = unavailable(err)
		}
		return nil, false, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1, hashtext($2))", lockTasks, name); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // nobody gets a connection that may hold it
		}
		_ = conn.Close()
	}, true, nil
}

// prune implements dialect. A day that is over, by the database's clock too, is dropped whole when nothing of it is owed any more. From
// a day that cannot be dropped, and when little is kept from days that are not over, events are removed one by one.
func (p *postgresDB) prune(ctx context.Context, before time.Time) (int, error) {
	var now time.Time
	if err := p.side.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return 0, unavailable(err)
	}
	var days []day
	rows, err := p.side.QueryContext(ctx, `SELECT substring(c.relname FROM '\d+$') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'events'::regclass ORDER BY 1`)
	if err != nil {
		return 0, unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return 0, unavailable(err)
		}
		if t, err := time.Parse("20060102", name); err == nil {
			days = append(days, dayOf(t))
		}
	}
	if err := rows.Err(); err != nil {
		return 0, unavailable(err)
	}
	total := 0
	soon := time.Since(before) < 48*time.Hour
	for _, d := range days {
		over := !(d + 1).start().After(before) && d < dayOf(now)
		switch {
		case over:
			n, owed, err := p.dropDay(ctx, d)
			if err != nil {
				return total, unavailable(err)
			}
			total += n
			if !owed {
				continue
			}
		case !soon || !d.start().Before(before):
			continue
		}
		n, err := p.thinDay(ctx, d, before)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// dropDay drops a day's partitions, unless something of it is owed still. Where somebody uses them for long it leaves them
// for the next time.
func (p *postgresDB) dropDay(ctx context.Context, d day) (events int, owed bool, err error) {
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
	p.s.log.Info("an expired day is still in use; it is dropped the next time", slog.String("day", d.String()))
	return 0, false, nil
}

// PostgreSQL's error codes.
const (
	codeLockTimeout = "55P03"
	codeDeadlock    = "40P01"
)

func (p *postgresDB) tryDropDay(ctx context.Context, d day) (events int, owed bool, err error) {
	name := func(table string) string { return table + "_" + d.String() }
	var whole, parts []string
	for _, t := range lastFirst(tablesThat((*table).isDaily)) {
		whole, parts = append(whole, "ONLY "+t.name), append(parts, name(t.name))
	}
	// What is owed is due or claimed: both are indexed, as somebody waits for the second look.
	isOwed := func(row func(ctx context.Context, query string, args ...any) *sql.Row) (is bool, err error) {
		err = row(ctx, "SELECT EXISTS (SELECT 1 FROM "+name("deliveries")+" WHERE due_at IS NOT NULL)"+
			" OR EXISTS (SELECT 1 FROM "+name("deliveries")+" WHERE claimed_by IS NOT NULL)"+
			" OR EXISTS (SELECT 1 FROM fanouts WHERE created_at >= $1 AND created_at < $2)", d.start(), (d + 1).start()).Scan(&is)
		return is, err
	}
	if owed, err = isOwed(p.side.QueryRowContext); err != nil || owed {
		return 0, owed, err
	}
	// The day is over: nothing is added to it. What takes long for a long day is done before anybody waits.
	for _, t := range lastFirst(tablesThat((*table).besideEvents)) {
		if _, err := p.side.ExecContext(ctx, "DELETE FROM "+t.name+" t USING "+name("events")+" e WHERE t."+t.event+" = e.id"); err != nil { //nolint:gosec // the names are declared, and made of a day
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
	// Everybody waits behind these locks, so they are not waited for long: this gives way, not who works.
	for _, text := range []string{
		"SET LOCAL lock_timeout = '200ms'",
		"LOCK TABLE " + strings.Join(whole, ", ") + " IN ACCESS EXCLUSIVE MODE",
		"LOCK TABLE " + strings.Join(parts, ", ") + " IN ACCESS EXCLUSIVE MODE",
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return 0, false, err
		}
	}
	// Somebody may have retried one by hand meanwhile.
	if owed, err = isOwed(tx.QueryRowContext); err != nil || owed {
		return 0, owed, err
	}
	for _, text := range []string{
		"UPDATE store SET pruned_attempt = GREATEST(pruned_attempt, (SELECT COALESCE(MAX(seq), 0) FROM " + name("attempts") + "))",
		"DROP TABLE " + strings.Join(parts, ", "),
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return 0, false, err
		}
	}
	return events, false, tx.Commit()
}

// thinDay removes completed events of a day. It looks for them in small reads, so that the writer, which everybody waits for, only
// removes.
func (p *postgresDB) thinDay(ctx context.Context, d day, before time.Time) (int, error) {
	total, after := 0, int64(0)
	for {
		var looked struct {
			Last *int64
			N    int
		}
		read := p.s.read.WithContext(ctx)
		const window = "SELECT seq FROM events WHERE day = ? AND seq > ? ORDER BY seq LIMIT ?"
		if err := read.Raw("SELECT MAX(seq) AS last, COUNT(*) AS n FROM ("+window+") AS w", d.start(), after, pruneWindow).Scan(&looked).Error; err != nil {
			return total, unavailable(err)
		}
		if looked.Last == nil {
			return total, nil
		}
		for after < *looked.Last {
			var found []candidate
			if err := read.Raw(candidates(p)+`
				WHERE day = ? AND seq > ? AND seq <= ? AND created_at < ? AND `+noneOwed(p)+` ORDER BY seq LIMIT ?`,
				d.start(), after, *looked.Last, at(before), pruneEvents).Scan(&found).Error; err != nil {
				return total, unavailable(err)
			}
			n, err := p.s.removeOld(ctx, found)
			total += n
			if err != nil {
				return total, err
			}
			after = *looked.Last
			if len(found) == pruneEvents {
				after = found[len(found)-1].Seq
			}
		}
		if looked.N < pruneWindow {
			return total, nil
		}
	}
}
