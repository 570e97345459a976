package postgres

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// follower reads the log of all nodes' attempts, in order. A transaction that began early may commit late, so the visible log ends
// below the oldest running transaction: everything there is committed or never will be.
type follower struct {
	p    *DB
	wake chan struct{} // holds one signal: there may be more
	now  chan struct{} // holds one signal: somebody waits
	told atomic.Bool   // another node has committed something since the last look

	mu        sync.Mutex
	own       map[int64]*webhook.Attempt // committed here and not passed yet, at most maxOwn: they need not be read
	committed int64                      // the highest Seq that was committed here
	moved     chan struct{}              // closed when the log's end has moved

	looking sync.Mutex // held by look, and by run for what it has seen
	made    int64      // the seq up to which new deliveries were told, or nobody wanted to know
	next    int64      // the seq last read
	seen    int64      // the log's end at the last look
	reach   int64      // an end of the log that has what other nodes have told of
}

const (
	pollEvery  = 250 * time.Millisecond // with or without notifications
	pollSoon   = 10 * time.Millisecond  // while a commit waits for somebody's older transaction, of whose end nobody tells
	followGap  = 20 * time.Millisecond  // between two reads
	followRows = 1000                   // of the log in one read
	followRead = 100                    // whole attempts of other nodes in one statement
	maxOwn     = 10_000
	channel    = "hookgraph"
)

// begun records the end of the log and the version of the webhooks, before anything is read.
func (p *DB) begun(ctx context.Context) error {
	p.log = follower{p: p, wake: make(chan struct{}, 1), now: make(chan struct{}, 1), own: map[int64]*webhook.Attempt{}, moved: make(chan struct{})}
	end, _, version, err := p.horizon(ctx)
	if err != nil {
		return err
	}
	p.log.made = end
	p.known.Store(version)
	var last int64
	if err := p.side.QueryRowContext(ctx, "SELECT COALESCE(MAX(seq), 0) FROM attempts WHERE seq <= $1", end).Scan(&last); err != nil {
		return err
	}
	p.s.Last.Store(last)
	return nil
}

// horizon returns the Seq up to which nothing more will be committed, one beyond which nothing has been, and the version of the webhooks.
func (p *DB) horizon(ctx context.Context) (end, newest, version int64, err error) {
	err = p.side.QueryRowContext(ctx, `SELECT ((pg_snapshot_xmin(now)::text::bigint + xid_base) << $1::int) - 1,
		((pg_snapshot_xmax(now)::text::bigint + xid_base) << $1::int) - 1, webhooks FROM store, pg_current_snapshot() AS now`, seqBits).
		Scan(&end, &newest, &version)
	return end, newest, version, err
}

// Committed implements dialect.DB. The attempts are reported when the log reaches them.
func (p *DB) Committed(b *dialect.Tx) {
	f := &p.log
	if n := len(b.Attempts); n > 0 {
		f.mu.Lock()
		for _, a := range b.Attempts {
			if len(f.own) < maxOwn {
				f.own[a.Seq] = a
			}
		}
		f.committed = b.Attempts[n-1].Seq
		f.mu.Unlock()
		f.poke()
	}
	if len(b.Made) > 0 && p.s.Following() {
		f.poke()
	}
	if p.alive.Load() > 1 {
		p.outbox.add(b.Changes)
	}
	if len(b.Attempts)+len(b.Targets)+len(b.Made)+len(b.Changes) > 0 {
		dialect.Signal(p.notify)
	}
}

func (f *follower) poke() { dialect.Signal(f.wake) }

func (f *follower) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-f.now:
		case <-timer.C:
		}
		began := time.Now()
		more, err := f.look(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			f.p.s.Log.Warn("the log cannot be read; trying again", slog.Any("error", err))
		}
		failed = err != nil
		wait := f.p.Poll
		switch {
		case failed:
		case more:
			wait = 0
		case f.behind():
			wait = pollSoon
		}
		timer.Reset(wait)
		if gap := f.p.Gap - time.Since(began); gap > 0 && !more {
			select {
			case <-ctx.Done():
				return
			case <-time.After(gap):
			case <-f.now:
				timer.Reset(0)
			}
		}
	}
}

// behind reports whether a commit of this node, or of one that has notified it, is not in the log because an older transaction runs.
func (f *follower) behind() bool {
	f.looking.Lock()
	defer f.looking.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.committed > f.p.s.Last.Load() || f.seen < f.reach
}

// look reports what has been added to the log, and whether there may be more already.
func (f *follower) look(ctx context.Context) (more bool, err error) {
	f.looking.Lock()
	defer f.looking.Unlock()
	told := f.told.Swap(false)
	end, newest, version, err := f.p.horizon(ctx)
	if err != nil {
		if told {
			f.told.Store(true)
		}
		return false, err
	}
	if f.seen = end; told {
		f.reach = newest
	}
	if version > f.p.known.Load() {
		f.p.nudge()
	}
	moreMade, err := f.newDeliveries(ctx, end)
	if err != nil {
		return false, err
	}
	last := f.p.s.Last.Load()
	if end <= last {
		return moreMade, nil
	}
	seqs, err := f.seqs(ctx, last, end)
	if err != nil {
		return false, err
	}
	all := len(seqs) < followRows
	more = moreMade || !all
	// The log's end is an existing attempt, not the horizon: after a crash PostgreSQL may reuse transaction ids of which nothing
	// had reached the disk, but none below a committed one.
	for len(seqs) > 0 {
		part := seqs[:min(len(seqs), followRead)]
		seqs = seqs[len(part):]
		attempts, err := f.attempts(ctx, part)
		if err != nil {
			return false, err
		}
		f.advance(part[len(part)-1], attempts)
	}
	if all {
		f.pass(end)
	}
	return more, nil
}

// pass advances the log to the last attempt that this node has committed, if all up to end have been read: that one was removed before, as those of
// a deleted tenant are, and others wait for it.
func (f *follower) pass(end int64) {
	f.mu.Lock()
	committed := f.committed
	f.mu.Unlock()
	if committed <= end && committed > f.p.s.Last.Load() {
		f.advance(committed, nil)
	}
}

func (f *follower) seqs(ctx context.Context, after, end int64) ([]int64, error) {
	rows, err := f.p.side.QueryContext(ctx, "SELECT seq FROM attempts WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3", after, end, followRows)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var seqs []int64
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		seqs = append(seqs, seq)
	}
	return seqs, rows.Err()
}

// attempts returns attempts of the log, in order. Those that retention has removed meanwhile are missing.
func (f *follower) attempts(ctx context.Context, seqs []int64) ([]*webhook.Attempt, error) {
	if !f.p.s.Watched() {
		return nil, nil
	}
	list := make([]*webhook.Attempt, 0, len(seqs))
	var foreign []int64
	f.mu.Lock()
	for _, seq := range seqs {
		if f.own[seq] == nil {
			foreign = append(foreign, seq)
		}
	}
	f.mu.Unlock()
	read := map[int64]*webhook.Attempt{}
	if len(foreign) > 0 {
		var rows []*webhook.Attempt
		if err := f.p.beside.WithContext(ctx).Table("attempts AS a").Joins("JOIN events e ON e.id = a.event_id"+f.p.SameDay("e", "a")).
			Select("a.*, e.type AS event_type").Where("a.seq IN ?", foreign).Scan(&rows).Error; err != nil {
			return nil, err
		}
		for _, a := range rows {
			read[a.Seq] = a
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, seq := range seqs {
		if a := f.own[seq]; a != nil {
			list = append(list, a)
		} else if a := read[seq]; a != nil {
			list = append(list, a)
		}
	}
	return list, nil
}

// advance moves the log's end, and reports the attempts up to it.
func (f *follower) advance(end int64, attempts []*webhook.Attempt) {
	f.p.s.Last.Store(end) // first, because receivers may read on at once
	if len(attempts) > 0 {
		f.p.s.Tell(attempts)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range attempts {
		delete(f.own, a.Seq)
	}
	if end >= f.committed {
		clear(f.own) // nobody reports these
	}
	close(f.moved)
	f.moved = make(chan struct{})
}

// Settle implements dialect.DB.
func (p *DB) Settle(ctx context.Context) error {
	if p.lease.Load() == nil {
		return nil
	}
	for {
		p.log.mu.Lock()
		there, moved := p.s.Last.Load() >= p.log.committed, p.log.moved
		p.log.mu.Unlock()
		if there {
			return nil
		}
		dialect.Signal(p.log.now)
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return nil
		}
	}
}

// LogEnd implements dialect.DB.
func (p *DB) LogEnd(ctx context.Context, after int64) (int64, error) {
	last := p.s.Last.Load()
	if last <= after {
		return after, nil
	}
	var seqs []int64
	err := p.s.Read.WithContext(ctx).Raw("SELECT seq FROM attempts WHERE seq > ? AND seq <= ? ORDER BY seq OFFSET ? LIMIT 1", after, last, dialect.LogWindow-1).
		Scan(&seqs).Error
	if err != nil || len(seqs) == 0 {
		return last, err
	}
	return seqs[0], nil
}

// LogBounds implements dialect.DB. A cursor may come from another node that is ahead of this one.
func (p *DB) LogBounds(ctx context.Context, tenant webhook.ID) (oldest, newest int64, err error) {
	var is struct{ Pruned, Newest int64 }
	err = p.s.Read.WithContext(ctx).Raw(`SELECT COALESCE((SELECT pruned_attempt FROM tenants WHERE id = ?), pruned_attempt) AS pruned,
		GREATEST(pruned_attempt, (SELECT COALESCE(MAX(seq), 0) FROM attempts)) AS newest FROM store`, tenant).
		Scan(&is).Error
	if err != nil || is.Newest == 0 {
		return 0, 0, err
	}
	return is.Pruned + 1, is.Newest, nil
}

// listen wakes the follower when another node has committed something. Without it polling finds the commits.
func (p *DB) listen(ctx context.Context) {
	for ctx.Err() == nil {
		_ = p.listenOnce(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (p *DB) listenOnce(ctx context.Context) error {
	cfg, err := p.config(nil)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+p.Channel); err != nil {
		return err
	}
	p.log.poke() // for missed notifications
	p.anything()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		p.heard(n.Payload)
	}
}

// tellOthers notifies the other nodes of commits, outside the transactions: a notification in one slows its commit down.
func (p *DB) tellOthers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.notify:
		}
		if p.alive.Load() > 1 {
			p.tell(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.Gap):
		}
	}
}

// nudge makes the writer begin a transaction, in which it reads the changes of others, and joins if necessary. One that has begun may have missed
// the newest: another follows it.
func (p *DB) nudge() { dialect.Signal(p.nudged) }

// catchUp begins the transactions that were asked for.
func (p *DB) catchUp(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.nudged:
		}
		err := p.s.Pass(ctx)
		if err != nil && !errors.Is(err, webhook.ErrUnavailable) && ctx.Err() == nil {
			p.s.Log.Warn("other nodes' changes cannot be read; trying again", slog.Any("error", err))
		}
	}
}
