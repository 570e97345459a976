package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// day is a day in UTC, counted from 1970.
type day int64

func dayOf(t time.Time) day { return day(t.Unix() / 86400) }

func (d day) start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }
func (d day) String() string   { return d.start().Format("20060102") }

// daysAhead is how many days before they come partitions are made.
const daysAhead = 3

// history are the partitioned tables.
var history = []string{"events", "deliveries", "attempts"}

// Keys of advisory locks.
const (
	lockDays  = 0x686f6f6b0001 // making partitions
	lockPrune = 0x686f6f6b0002 // retention
)

// sameDay is dialect's.
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
	for _, t := range history {
		if err := p.makePartition(ctx, t, d); err != nil {
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

// prune is dialect's. A day that is over, by the database's clock too, is dropped whole when nothing of it is owed any more. From
// a day that can not be dropped, and when little is kept from days that are not over, events are removed one by one.
func (p *postgresDB) prune(ctx context.Context, before time.Time) (int, error) {
	conn, err := p.side.Conn(ctx)
	if err != nil {
		return 0, unavailable(err)
	}
	defer func() { _ = conn.Close() }()
	var mine bool
	var now time.Time
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1), clock_timestamp()", int64(lockPrune)).Scan(&mine, &now); err != nil {
		return 0, unavailable(err)
	}
	if !mine {
		return 0, nil // another node is at it
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(lockPrune))
	}()
	var days []day
	rows, err := conn.QueryContext(ctx, `SELECT substring(c.relname FROM '\d+$') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
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
	p.s.log.Info("a day that is over is in use; it stays until the next time", slog.String("day", d.String()))
	return 0, false, nil
}

// PostgreSQL's error codes.
const (
	codeLockTimeout = "55P03"
	codeDeadlock    = "40P01"
)

func (p *postgresDB) tryDropDay(ctx context.Context, d day) (events int, owed bool, err error) {
	tx, err := p.side.BeginTx(ctx, nil)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = tx.Rollback() }()
	name := func(table string) string { return table + "_" + d.String() }
	isOwed := func() (is bool, err error) {
		err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+name("deliveries")+" WHERE status = 'PENDING')"+
			" OR EXISTS (SELECT 1 FROM fanouts WHERE created_at >= $1 AND created_at < $2)", d.start(), (d + 1).start()).Scan(&is)
		return is, err
	}
	if owed, err = isOwed(); err != nil || owed {
		return 0, owed, err
	}
	// Everybody waits behind these locks, so they are not waited for long: this gives way, not who works.
	for _, text := range []string{
		"SET LOCAL lock_timeout = '200ms'",
		"LOCK TABLE ONLY attempts, ONLY deliveries, ONLY events IN ACCESS EXCLUSIVE MODE",
		"LOCK TABLE " + name("attempts") + ", " + name("deliveries") + ", " + name("events") + " IN ACCESS EXCLUSIVE MODE",
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return 0, false, err
		}
	}
	// Somebody may have retried one by hand meanwhile.
	if owed, err = isOwed(); err != nil || owed {
		return 0, owed, err
	}
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name("events")).Scan(&events); err != nil {
		return 0, false, err
	}
	for _, text := range []string{
		"UPDATE store SET pruned_attempt = GREATEST(pruned_attempt, (SELECT COALESCE(MAX(seq), 0) FROM " + name("attempts") + "))",
		"DELETE FROM idempotency_keys k USING " + name("events") + " e WHERE k.event_id = e.id",
		"DROP TABLE " + name("attempts") + ", " + name("deliveries") + ", " + name("events"),
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return 0, false, err
		}
	}
	return events, false, tx.Commit()
}

// thinDay removes completed events of a day, some in each transaction.
func (p *postgresDB) thinDay(ctx context.Context, d day, before time.Time) (int, error) {
	total, after := 0, int64(0)
	for {
		var gone []*webhook.Event
		err := p.s.changeDeliveries(ctx, func(b *batch) error {
			gone = nil
			on := d.start()
			if err := b.tx.Raw(`SELECT seq, id FROM events e WHERE day = ? AND seq > ? AND created_at < ? AND NOT EXISTS
				(SELECT 1 FROM deliveries d WHERE d.day = e.day AND d.event_id = e.id AND d.status = 'PENDING')
				AND NOT EXISTS (SELECT 1 FROM fanouts f WHERE f.event_id = e.id) ORDER BY seq LIMIT ?`, on, after, at(before), pruneEvents).Scan(&gone).Error; err != nil {
				return err
			}
			if len(gone) == 0 {
				return nil
			}
			ids := make([]webhook.ID, len(gone))
			for i, e := range gone {
				ids[i] = e.ID
			}
			for _, text := range []string{
				`UPDATE store SET pruned_attempt = GREATEST(pruned_attempt, COALESCE((SELECT MAX(a.seq) FROM attempts a
					WHERE a.day = ? AND a.delivery_id IN (SELECT id FROM deliveries WHERE day = a.day AND event_id IN ?)), 0))`,
				"DELETE FROM attempts a WHERE a.day = ? AND a.delivery_id IN (SELECT id FROM deliveries WHERE day = a.day AND event_id IN ?)",
				"DELETE FROM deliveries WHERE day = ? AND event_id IN ?",
				"DELETE FROM events WHERE day = ? AND id IN ?",
			} {
				if err := b.tx.Exec(text, on, ids).Error; err != nil {
					return err
				}
			}
			return b.tx.Exec("DELETE FROM idempotency_keys WHERE event_id IN ?", ids).Error
		})
		if err != nil {
			return total, err
		}
		total += len(gone)
		if len(gone) < pruneEvents {
			return total, nil
		}
		after = gone[len(gone)-1].Seq
	}
}
