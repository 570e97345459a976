package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/issues"
	"github.com/hookgraph/hookgraph/internal/store/ordering"
	"github.com/hookgraph/hookgraph/internal/store/removal"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/store/turns"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Tasks are the store's work by the clock, which whoever serves from the store runs until it is closed.
func (s *Store) Tasks() []upkeep.Task {
	return []upkeep.Task{
		{Name: "quotas", Every: quotaInterval, Run: s.loadQuotas},
		{Name: "stored events", Every: countInterval, Run: s.countStored},
		{Name: "operational events", Every: noticePoll, Wake: s.noted, Rest: noticeGap, Run: s.publishNoted},
		{Name: "large fan-outs", Every: findEvery, Run: s.fans.Look},
		{Name: "replays", Every: replayPoll, Wake: s.replaying, Run: s.replay},
		{Name: "ordering", Every: lineEvery, Wake: s.lining, Exclusive: true, Run: s.mendLines},
		{Name: "statistics", Every: foldEvery, Exclusive: true, Run: s.keepStatistics},
		{Name: "failure rates", Every: rateEvery, Exclusive: true, Run: s.RateFailures},
		{Name: "payload versions", Every: payloadsEvery, Exclusive: true, Run: func(ctx context.Context) error { _, err := s.PrunePayloads(ctx); return err }},
		{Name: "refused calls", Every: quotaInterval, Run: s.noteRefused},
		{Name: "issues", Every: issuesEvery, Exclusive: true, Run: s.KeepIssues},
		{Name: "probes", Every: probeEvery, Exclusive: true, Run: s.ProbeWebhooks},
		{Name: "audit log", Every: expireAuditEvery, Exclusive: true, Run: s.ExpireAuditLog},
		{Name: "portal sessions", Every: portalsEvery, Exclusive: true, Run: s.PrunePortalSessions},
		{Name: "deleted tenants", Every: s.tuning.Linger / 2, Wake: s.deleted, Exclusive: true, Run: s.sweep},
	}
}

// The intervals of Tasks.
const (
	quotaInterval = time.Minute     // another process may have changed them
	countInterval = 5 * time.Minute // of events that quotas limit
	// noticePoll finds operational events that another process left behind. A tenant's first is published at once, and what follows it
	// within noticeGap is merged.
	noticePoll = 10 * time.Second
	noticeGap  = time.Second
	rateEvery  = 10 * time.Second
	// issuesEvery is how often issues are looked through for those that only time resolves.
	issuesEvery = 15 * time.Second
	// probeEvery is how often webhooks are looked for that are to be probed. What finds no room in the sender is tried again then.
	probeEvery = time.Minute
	// lineEvery is how often lines of deliveries with an ordering key are looked through for those that do not go on, linePieces * linePiece of
	// them each time.
	lineEvery  = 10 * time.Second
	linePieces = 20
	linePiece  = 500
	// portalsEvery is how often portal sessions are removed that ended long ago.
	portalsEvery = time.Hour
	replayPoll   = time.Second // another replica may have created a replay, or have gone with one
	// findEvery is how often notes of fan-outs are looked for that this process does not know of, such as those of a replica that has gone.
	findEvery = 2 * time.Second
)

// mendLines looks through lines of deliveries with an ordering key, from where it ended, and promotes the next delivery of those that do not go
// on. That is the exception: what makes the head of a line end promotes the next in its transaction.
func (s *Store) mendLines(ctx context.Context) error {
	for range linePieces {
		found, err := ordering.Lines(s.read.WithContext(ctx), s.lineAfter, linePiece)
		if err != nil {
			return err
		}
		if err := s.mend(ctx, found); err != nil {
			return err
		}
		if len(found) < linePiece {
			s.lineAfter = webhook.ID{}
			return nil
		}
		s.lineAfter = found[len(found)-1].Line
	}
	return nil
}

// mend mends those of the lines that do not go on.
func (s *Store) mend(ctx context.Context, found []ordering.Found) error {
	var lines []webhook.ID
	var left []leaving
	for i := range found {
		if f := &found[i]; !f.Goes {
			lines, left = append(lines, f.Line), append(left, leaving{&f.Line, f.WebhookID, true})
		}
	}
	if len(lines) == 0 {
		return nil
	}
	deleted := false
	err := s.changeLines(ctx, webhook.ID{}, 2*len(lines), lines, func(b *batch) error {
		var live, gone []webhook.ID
		for _, l := range left {
			if b.living(l.webhook) != nil {
				live = append(live, *l.line)
			} else {
				gone = append(gone, *l.line)
			}
		}
		deleted = len(gone) > 0
		if err := ordering.Mend(&b.Tx, s.db, live, false); err != nil {
			return err
		}
		if err := ordering.Mend(&b.Tx, s.db, gone, true); err != nil {
			return err
		}
		for _, l := range left {
			b.dueAt(l.webhook, b.Now)
		}
		return b.advance(left)
	})
	if err != nil || !deleted {
		return err
	}
	return s.CancelDeleted(ctx)
}

// RateFailures calculates for all webhooks the share of attempts that failed in the last 24 hours and the current one, which orders lists.
// Statistics that are not folded yet count, but only webhooks with folded failures are considered.
func (s *Store) RateFailures(ctx context.Context) error {
	change := func(ctx context.Context, do func(b *dialect.Tx) error) error {
		return s.changeDeliveries(ctx, func(b *batch) error { return do(&b.Tx) })
	}
	return (&statistics.Rater{DB: s.db, Read: s.read, Change: change}).Rate(ctx, s.opts.Now())
}

func (s *Store) issues() *issues.Keeper {
	return &issues.Keeper{DB: s.db, Read: s.read, Change: s.changeIssues}
}

// KeepIssues looks for problems that no attempt shows, resolves the issues that nothing else resolves, and removes those that were resolved long ago.
func (s *Store) KeepIssues(ctx context.Context) error {
	k := s.issues()
	for id, account := range s.quotas.Limited() {
		used, known := account.Counted()
		k.Stored = append(k.Stored, issues.Stored{TenantID: id, Used: int(used), Bound: account.Limits().Events, Counted: known})
	}
	return k.Keep(ctx, s.opts.Now())
}

// changeIssues has the writer change issues, and tells of those that turned.
func (s *Store) changeIssues(ctx context.Context, do func(b *dialect.Tx) ([]issues.Turned, error)) error {
	return s.changeDeliveries(ctx, func(b *batch) error {
		turned, err := do(&b.Tx)
		if err != nil {
			return err
		}
		b.tellIssues(turned)
		return b.tellQuotas(turned)
	})
}

// noteRefused opens issues of tenants whose calls this process has refused because they came too fast.
func (s *Store) noteRefused(ctx context.Context) error {
	var list []issues.Standing
	for id, account := range s.quotas.Paced() {
		if n := account.TakeRefused(); n > 0 {
			list = append(list, issues.Standing{
				TenantID: id, SubjectID: id, Kind: webhook.IssueQuota, Quota: webhook.QuotaRate, Level: webhook.QuotaUsedUp, Count: n, Adds: true,
				Bound: new(account.Limits().PublishRate),
			})
		}
	}
	return s.issues().Stand(ctx, list)
}

// Everybody waits for a task's transaction. While nobody calls, the statements of each take about pieceTime. While others call, the task
// takes 1/share of the time, in transactions of busyTime or more: where each transaction of others takes long, one of the task may
// too, as there are few.
const (
	firstPiece = 64 // rows
	pieceTime  = 20 * time.Millisecond
	busyTime   = 2 * time.Millisecond
	busyShare  = 4 // a quarter, unless a task has a share of its own
	quietAfter = time.Second
)

// pacer decides how many rows each transaction of a task changes, by how long those before took for theirs.
type pacer struct {
	s        *Store
	webhooks bool // the transactions may change webhooks
	budget   int  // rows of the next one
	share    int  // it takes 1/share of the time while others call

	ended   time.Time // of the last transaction, and the pause after it
	called  int64     // tenants' calls, when it looked last
	crowded time.Time // when others were last seen
}

func newPacer(s *Store) *pacer {
	return &pacer{s: s, budget: firstPiece, share: busyShare, ended: time.Now(), called: s.writer.calls.Called()}
}

// newWebhookPacer is newPacer for a task that changes webhooks.
func newWebhookPacer(s *Store) *pacer {
	p := newPacer(s)
	p.webhooks = true
	return p
}

// piece has the writer change n rows, at most most, in the turn of the tenant: as many as take about as long as others may wait. do
// returns how many it changed.
func (p *pacer) piece(ctx context.Context, tenant webhook.ID, most int, do func(b *batch, n int) (rows int, err error)) error {
	n := min(p.budget, most)
	return p.take(ctx, tenant, n, func(b *batch) (int, error) { return do(b, n) })
}

// take has the writer do something that writes about the given number of rows, and lets others work afterwards.
func (p *pacer) take(ctx context.Context, tenant webhook.ID, cost int, do func(b *batch) (rows int, err error)) error {
	var rows int
	var took time.Duration
	var busy bool
	err := p.s.queue(ctx, &change{webhooks: p.webhooks, cost: cost, line: turns.Line{Tenant: tenant}, do: func(b *batch) (err error) {
		begun := time.Now()
		rows, err = do(b)
		took, busy = time.Since(begun), p.busy(b)
		return err
	}})
	if err != nil {
		return err
	}
	return p.pause(ctx, rows, took, busy)
}

// remove removes the events, and returns their number.
func (p *pacer) remove(ctx context.Context, tenant webhook.ID, e removal.Events) (events int, err error) {
	for len(e.IDs) > 0 {
		var done removal.Done
		err := p.take(ctx, tenant, removal.Rows, func(b *batch) (_ int, err error) {
			done, err = removal.Some(&b.Tx, b.s.db, e)
			return done.Rows, err
		})
		if err != nil {
			return events, fmt.Errorf("remove events: %w", err)
		}
		events, e.IDs = events+done.Events, done.Left
	}
	return events, nil
}

// pause sets the size of the next transaction from how long the statements of this one took, and lets others work, if there are any.
func (p *pacer) pause(ctx context.Context, rows int, took time.Duration, busy bool) error {
	since := time.Since(p.ended) // the end of the one before: it waited for its turn, and for the disk
	want := pieceTime
	if busy {
		want = min(max(since/time.Duration(p.share), busyTime), pieceTime)
	}
	if p.webhooks { // afterwards they are marked as changed, for other nodes
		want /= 2
	}
	next := int(float64(rows) * float64(want) / float64(max(took, time.Microsecond)))
	p.budget = min(max(next, p.budget/4, firstPiece/2), 2*max(p.budget, firstPiece/2), removal.Rows)
	defer func() { p.ended = time.Now() }()
	wait := time.Duration(p.share)*took - since
	if !busy || wait <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// busy reports whether others write too, or have called lately. The writer calls it, while the task waits for that.
func (p *pacer) busy(b *batch) bool {
	now := time.Now()
	if called := p.s.writer.calls.Called(); called != p.called || b.holds() > 1 {
		p.called, p.crowded = called, now
	}
	return now.Sub(p.crowded) < quietAfter
}

// TryLock takes the lock with this name, unless another process that shares the database holds it. The holder calls unlock. It implements
// upkeep.Locker.
func (s *Store) TryLock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	return s.db.TryLock(ctx, name)
}

// loadQuotas reads every tenant's quotas.
func (s *Store) loadQuotas(ctx context.Context) error {
	return s.quotas.Load(func() (map[webhook.ID]webhook.Quotas, error) {
		var tenants []*webhook.Tenant
		if err := s.read.WithContext(ctx).Where("deleted_at IS NULL").Find(&tenants).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
		all := make(map[webhook.ID]webhook.Quotas, len(tenants))
		for _, t := range tenants {
			all[t.ID] = s.Quotas(t)
		}
		return all, nil
	})
}

// countStored counts the stored events of every tenant whose number is limited.
func (s *Store) countStored(ctx context.Context) error {
	s.counting.Lock()
	defer s.counting.Unlock()
	for id, account := range s.quotas.Limited() {
		if err := account.Recount(func() (int, error) { return s.In(id).CountEvents(ctx, EventFilter{}) }); err != nil {
			return fmt.Errorf("count stored events: %w", err)
		}
	}
	return nil
}

// Quotas returns the tenant's quotas.
func (s *Store) Quotas(t *webhook.Tenant) webhook.Quotas { return t.Quotas(s.opts.Quotas) }
