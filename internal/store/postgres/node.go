package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// A node is a process that holds claims. It renews its lease. Once the lease has expired, by PostgreSQL's clock, any other node
// voids it: the old node can no longer write, and its claims are due again.
const (
	leaseTime  = "8 seconds" // longer than idleTimeout
	leaseFor   = 8 * time.Second
	renewEvery = 2 * time.Second
	sweepEvery = time.Second
	dueEvery   = 5 * time.Second // between searches for deliveries that others have left due
	voidedFor  = "1 hour"        // how long a voided node is kept, to search for claims that it left
)

// join makes this process a new node, and releases what it and dead nodes had claimed. Only the writer calls it.
func (p *DB) join(ctx context.Context) error {
	asked := time.Now()
	tx, err := p.side.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if old := p.lease.Load(); old != nil {
		old.End()
		p.s.Log.Warn("the lease has expired and its claims are void; rejoining")
		if _, err := tx.ExecContext(ctx, "UPDATE nodes SET voided_at = clock_timestamp() WHERE seq = $1 AND voided_at IS NULL", old.Node); err != nil {
			return fmt.Errorf("void own lease: %w", err)
		}
	}
	l := &dialect.Lease{}
	if err := tx.QueryRowContext(ctx, `INSERT INTO nodes (started_at, expires_at, host, version)
		VALUES (clock_timestamp(), clock_timestamp() + $1::interval, $2, $3) RETURNING seq`,
		leaseTime, p.s.Process.Host, p.s.Process.Version).Scan(&l.Node); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	var alive int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM nodes WHERE voided_at IS NULL").Scan(&alive); err != nil {
		return fmt.Errorf("count the nodes: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	p.count(alive)
	l.Renewed(asked.Add(leaseFor))
	p.lease.Store(l)
	p.rejoin.Store(false)
	// Claims of unknown nodes, and of nodes known to be dead.
	return p.void(ctx, "NOT EXISTS (SELECT 1 FROM nodes n WHERE n.seq = claimed_by AND n.voided_at IS NULL)")
}

// count updates the number of nodes, and tells the sender and followers.
func (p *DB) count(alive int64) {
	was := p.alive.Swap(alive)
	if was > 0 && alive > was { // the new node was told nothing until now
		p.outbox.anything()
		dialect.Signal(p.notify)
	}
	if was != alive && p.s.Following() {
		p.s.Changed([]dialect.Change{{Nodes: true}})
	}
	p.s.Count(int(alive))
}

// Nodes implements dialect.DB.
func (p *DB) Nodes() int { return max(1, int(p.alive.Load())) }

// nodesRead reads the table of nodes alone: what a node holds is what it wrote with its lease, because to count claims reads deliveries.
const nodesRead = `SELECT seq, host, version, started_at, expires_at - ?::interval, CASE WHEN voided_at IS NULL THEN expires_at END, voided_at, stopped,
		CASE WHEN voided_at IS NULL THEN deliveries ELSE 0 END
	FROM nodes ORDER BY voided_at DESC NULLS FIRST, seq LIMIT ?`

// ReadNodes implements dialect.DB.
func (p *DB) ReadNodes(ctx context.Context) ([]dialect.Node, error) {
	rows, err := p.s.Read.WithContext(ctx).Raw(nodesRead, leaseTime, dialect.MaxNodes).Rows()
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []dialect.Node
	own := p.lease.Load()
	for rows.Next() {
		var n dialect.Node
		if err := rows.Scan(&n.Seq, &n.Host, &n.Version, &n.StartedAt, &n.SeenAt, &n.ExpiresAt, &n.EndedAt, &n.Stopped, &n.Deliveries); err != nil {
			return nil, fmt.Errorf("read nodes: %w", err)
		}
		if n.This = own != nil && n.Seq == own.Node; n.This && n.EndedAt == nil {
			n.Deliveries = p.s.Claimed()
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

// Sizes implements dialect.DB. PostgreSQL's disk is not ours to see.
func (p *DB) Sizes(ctx context.Context) (is dialect.Sizes, err error) {
	if err := p.s.Read.WithContext(ctx).Raw("SELECT pg_database_size(current_database())").Scan(&is.Database).Error; err != nil {
		return is, fmt.Errorf("size of the database: %w", err)
	}
	return is, nil
}

// leave releases everything that this node holds, at once.
func (p *DB) leave() {
	select {
	case <-p.ended:
		return
	default:
		close(p.ended)
	}
	p.background.Wait()
	l := p.lease.Load()
	if l == nil {
		return
	}
	l.End()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := p.side.ExecContext(ctx, "UPDATE nodes SET voided_at = clock_timestamp(), stopped = true WHERE seq = $1 AND voided_at IS NULL", l.Node)
	if err == nil {
		err = p.void(ctx, fmt.Sprintf("claimed_by = %d", l.Node))
	}
	if err != nil {
		p.s.Log.Warn("stopped without releasing claims; they are due when the lease expires", slog.Any("error", err))
	}
}

// void makes claims due again, in small transactions; it skips locked rows.
func (p *DB) void(ctx context.Context, of string) error {
	for {
		//nolint:gosec // of is this package's own text
		res, err := p.side.ExecContext(ctx, "UPDATE deliveries SET "+dialect.Unclaims("clock_timestamp()")+`
			FROM (SELECT day, seq FROM deliveries WHERE claimed_by IS NOT NULL AND `+of+` LIMIT 1000 FOR UPDATE SKIP LOCKED) c
			WHERE deliveries.day = c.day AND deliveries.seq = c.seq`)
		if err != nil {
			return fmt.Errorf("void claims: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
	}
}

// run starts the node's background work.
func (p *DB) run() {
	ctx, cancel := context.WithCancel(context.Background())
	p.background.Go(func() {
		<-p.ended
		cancel()
	})
	p.background.Go(func() { p.keepLease(ctx) })
	p.background.Go(func() { p.log.run(ctx) })
	p.background.Go(func() { p.listen(ctx) })
	p.background.Go(func() { p.tellOthers(ctx) })
	p.background.Go(func() { p.catchUp(ctx) })
}

// keepLease renews the lease and checks the other nodes.
func (p *DB) keepLease(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var renewed, looked time.Time
	healthy := 0 // consecutive renewals of the lease
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(renewed) >= renewEvery {
			ok, err := p.renew(ctx)
			switch {
			case err != nil:
				healthy = 0
				if ctx.Err() == nil {
					p.s.Log.Warn("the lease cannot be renewed", slog.Any("error", err))
				}
				continue
			case !ok:
				healthy = 0
				p.nudge() // the writer notices, and joins again
				continue
			}
			renewed = time.Now()
			healthy++
		}
		// After an outage of PostgreSQL every lease has expired: let the nodes renew theirs first.
		if healthy < 2 {
			continue
		}
		found, err := p.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			p.s.Log.Warn("other nodes' leases cannot be checked; trying again", slog.Any("error", err))
		}
		if found || time.Since(looked) >= dueEvery {
			looked = time.Now()
			if err := p.s.LookForDue(ctx); err != nil && ctx.Err() == nil {
				p.s.Log.Warn("due deliveries cannot be read; trying again", slog.Any("error", err))
			}
		}
	}
}

func (p *DB) renew(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	l, asked := p.lease.Load(), time.Now()
	res, err := p.side.ExecContext(ctx, `UPDATE nodes SET expires_at = clock_timestamp() + $2::interval, deliveries = $3
		WHERE seq = $1 AND voided_at IS NULL`, l.Node, leaseTime, p.s.Claimed())
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err == nil && n > 0 {
		l.Renewed(asked.Add(leaseFor))
	}
	return n > 0, err
}

// sweep voids expired leases and the claims of voided nodes, and reports whether a node is gone.
func (p *DB) sweep(ctx context.Context) (found bool, err error) {
	// A node in the middle of a transaction holds its row: it is alive, or PostgreSQL will soon end the transaction.
	res, err := p.side.ExecContext(ctx, `UPDATE nodes SET voided_at = clock_timestamp() WHERE seq IN
		(SELECT seq FROM nodes WHERE voided_at IS NULL AND expires_at < clock_timestamp() FOR UPDATE SKIP LOCKED)`)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil {
		return false, err
	} else if n > 0 {
		p.s.Log.Warn("nodes have expired; taking over their claims", slog.Int64("nodes", n))
	}
	if _, err := p.side.ExecContext(ctx, "DELETE FROM nodes WHERE voided_at < clock_timestamp() - $1::interval", voidedFor); err != nil {
		return false, err
	}
	var alive, gone int64
	err = p.side.QueryRowContext(ctx, `SELECT COUNT(*) FILTER (WHERE voided_at IS NULL), COALESCE(MAX(seq) FILTER (WHERE voided_at IS NOT NULL), 0)
		+ COUNT(*) FILTER (WHERE voided_at IS NOT NULL) FROM nodes`).Scan(&alive, &gone)
	if err != nil {
		return false, err
	}
	p.count(alive)
	if gone == 0 {
		return false, nil
	}
	found = gone != p.gone // also if another node has voided it, or it has left
	p.gone = gone
	err = p.void(ctx, "claimed_by IN (SELECT seq FROM nodes WHERE voided_at IS NOT NULL)")
	if found {
		p.anything() // its claims are due again, and it may not have told its last changes
	}
	return found, err
}
