package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Retain removes events that have been kept for as long as their tenant has them kept, with everything that hangs on them. Each tenant is
// looked at as often as its retention is long; it may be called again soon.
func (s *Store) Retain(ctx context.Context) error {
	now := s.opts.Now()
	return s.prune(ctx, dialect.CutoffAt(now, s.opts.Retention), now, true)
}

// Prune is Retain at once, with a cutoff instead of the default retention. It reports how many events went.
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	p := newPruner(s)
	err := p.run(ctx, dialect.Cutoff{Before: before, Failed: before}, s.opts.Now(), false)
	return p.removed, err
}

func (s *Store) prune(ctx context.Context, rest dialect.Cutoff, now time.Time, due bool) error {
	return newPruner(s).run(ctx, rest, now, due)
}

// ownRetention reads the retention of tenants that have one of their own.
func (s *Store) ownRetention(ctx context.Context) (map[webhook.ID]webhook.Retention, error) {
	var tenants []*webhook.Tenant
	if err := s.read.WithContext(ctx).Where("deleted_at IS NULL AND (retention_seconds IS NOT NULL OR keep_failed_seconds IS NOT NULL)").Find(&tenants).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	own := make(map[webhook.ID]webhook.Retention, len(tenants))
	for _, t := range tenants {
		own[t.ID] = t.Retention(s.opts.Retention)
	}
	return own, nil
}

// Retention is how long the tenant's events are kept.
func (s *Store) Retention(t *webhook.Tenant) webhook.Retention { return t.Retention(s.opts.Retention) }

// Bounds of removing what has expired. Everybody waits for a transaction: it takes about pieceTime, or busyTime while others want to write;
// then retention pauses restShare times as long as it worked.
const (
	firstPiece = 64 // rows
	pieceTime  = 10 * time.Millisecond
	busyTime   = 3 * time.Millisecond
	restShare  = 2
	maxRest    = time.Second

	retainLeast = 10 * time.Second // between two looks for what has expired
	retainMost  = time.Hour

	tellAfter = 5 * time.Second // a run that takes longer is in the log
	tellEvery = 30 * time.Second
)

// retainEvery is how often events that are kept so long are looked for.
func retainEvery(keep time.Duration) time.Duration { return min(max(keep/20, retainLeast), retainMost) }

// pruner removes what has expired, once.
type pruner struct {
	s      *Store
	budget int // rows that the next transaction removes

	removed     int // events
	begun, told time.Time
	looked      time.Time // since when it has worked without a rest
	announced   bool
}

func newPruner(s *Store) *pruner {
	now := time.Now()
	return &pruner{s: s, budget: firstPiece, begun: now, told: now, looked: now}
}

// due reports whether it is time to look for what has expired of a tenant, or with the zero id of those that have no retention of their
// own, and notes it.
func (s *Store) due(tenant webhook.ID, keep webhook.Retention, others string, now time.Time) bool {
	s.retaining.Lock()
	defer s.retaining.Unlock()
	if s.retained == nil {
		s.retained = map[webhook.ID]retained{}
	}
	last := s.retained[tenant]
	if last.keep == keep && last.others == others && now.Sub(last.at) < retainEvery(keep.Keep) && !now.Before(last.at) {
		return false
	}
	s.retained[tenant] = retained{now, keep, others}
	return true
}

// retained is when events were last looked for, to be removed, and with what retention.
type retained struct {
	at     time.Time
	keep   webhook.Retention
	others string // who had a retention of its own
}

// run removes what expired for those whose turn it is, or for all.
func (p *pruner) run(ctx context.Context, rest dialect.Cutoff, now time.Time, byTurns bool) (err error) {
	s := p.s
	own, err := s.ownRetention(ctx)
	if err != nil {
		return err
	}
	all := dialect.Expiry{Oldest: rest}
	var others []webhook.ID
	var names strings.Builder
	for _, id := range slices.SortedFunc(maps.Keys(own), func(a, b webhook.ID) int { return slices.Compare(a[:], b[:]) }) {
		keep := own[id]
		others = append(others, id)
		names.Write(id[:])
		c := dialect.CutoffAt(now, keep)
		all.Add(c)
		if !c.Before.IsZero() && (!byTurns || s.due(id, keep, "", now)) {
			all.Cohorts = append(all.Cohorts, dialect.Cohort{Cutoff: c, Tenant: &id})
		}
	}
	if !rest.Before.IsZero() && (!byTurns || s.due(webhook.ID{}, s.opts.Retention, names.String(), now)) {
		all.Cohorts = append(all.Cohorts, dialect.Cohort{Cutoff: rest, But: others})
	}
	if len(all.Cohorts) == 0 {
		return nil
	}
	if err := s.CancelDeleted(ctx); err != nil {
		return err
	}
	err = s.db.Prune(ctx, p, &all)
	if p.removed > 0 {
		err = errors.Join(err, s.quotas.count(ctx))
	}
	if p.removed > 0 || p.announced {
		s.log.InfoContext(ctx, "removed events that are older than the retention", slog.Int("events", p.removed), slog.Duration("took", time.Since(p.begun).Round(time.Millisecond)))
	}
	if err == nil && !all.Oldest.Failed.IsZero() {
		err = s.pruneStarts(ctx, all.Oldest.Failed)
	}
	return err
}

// removals puts candidates together, of one day each, as partitions are; what has many rows stands alone.
func removals(found []dialect.Candidate, rows int) []removal {
	var list []removal
	size := 0
	for _, c := range found {
		published := c.CreatedAt.Time()
		if size += 1 + c.Size; len(list) == 0 || size > rows || dialect.DayOf(list[len(list)-1].from) != dialect.DayOf(published) {
			list = append(list, removal{from: published, to: published})
			size = 1 + c.Size
		}
		last := &list[len(list)-1]
		last.ids = append(last.ids, c.ID)
		if published.Before(last.from) {
			last.from = published
		}
		if published.After(last.to) {
			last.to = published
		}
	}
	return list
}

// Take implements dialect.Pruner: it removes the candidates of a cohort that may go still.
func (p *pruner) Take(ctx context.Context, of *dialect.Cohort, found []dialect.Candidate) error {
	for len(found) > 0 {
		first := removals(found, p.budget)[0]
		size := 0
		for _, c := range found[:len(first.ids)] {
			size += 1 + c.Size
		}
		found = found[len(first.ids):]
		first.retention = true
		if size > pruneRows { // one event with very many rows
			n, err := p.s.remove(ctx, webhook.ID{}, first)
			if p.removed += n; err != nil {
				return err
			}
			p.tell(ctx)
			continue
		}
		var (
			n    int
			took time.Duration
			busy bool
		)
		err := p.s.changeFor(ctx, webhook.ID{}, size, func(b *batch) (err error) {
			begun := time.Now()
			n, err = b.removeWhole(of, first)
			took, busy = time.Since(begun), b.holds() > 1
			return err
		})
		if err != nil {
			return fmt.Errorf("remove events: %w", err)
		}
		p.removed += n
		p.adapt(size, took, busy)
		p.tell(ctx)
		if err := p.rest(ctx, busy); err != nil {
			return err
		}
	}
	return nil
}

// Dropped implements dialect.Pruner.
func (p *pruner) Dropped(ctx context.Context, events int) {
	p.removed += events
	p.tell(ctx)
}

// Piece implements dialect.Pruner.
func (p *pruner) Piece(ctx context.Context, most int, do func(b *dialect.Tx, n int) error) error {
	n := min(p.budget, most)
	var took time.Duration
	var busy bool
	err := p.s.changeFor(ctx, webhook.ID{}, n, func(b *batch) error {
		begun := time.Now()
		err := do(&b.Tx, n)
		took, busy = time.Since(begun), b.holds() > 1
		return err
	})
	if err != nil {
		return err
	}
	p.adapt(n, took, busy)
	return p.rest(ctx, busy)
}

// adapt sets what the next transaction takes by how long this one took for what it took.
func (p *pruner) adapt(rows int, took time.Duration, busy bool) {
	want := pieceTime
	if busy {
		want = busyTime
	}
	next := int(float64(rows) * float64(want) / float64(max(took, time.Microsecond)))
	p.budget = min(max(next, p.budget/4, firstPiece/2), 2*max(p.budget, firstPiece/2), pruneRows)
}

// rest lets others work, when they want to.
func (p *pruner) rest(ctx context.Context, busy bool) error {
	defer func() { p.looked = time.Now() }()
	if publishing, changes := p.s.writer.calls.waiting(); !busy && publishing+changes == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(restShare*time.Since(p.looked), maxRest)):
		return nil
	}
}

// tell logs how far a run that takes long has come.
func (p *pruner) tell(ctx context.Context) {
	now := time.Now()
	if !p.announced && now.Sub(p.begun) < tellAfter || p.announced && now.Sub(p.told) < tellEvery {
		return
	}
	p.announced, p.told = true, now
	p.s.log.InfoContext(ctx, "removing events that are older than the retention", slog.Int("events", p.removed), slog.Duration("since", now.Sub(p.begun).Round(time.Second)))
}

// removeWhole removes those of the events that may go still, each with everything that hangs on it.
func (b *batch) removeWhole(of *dialect.Cohort, r removal) (int, error) {
	db := b.s.db
	ids := r.ids
	if lock := db.SkipLocked("deliveries"); lock != "" {
		var err error
		if ids, err = b.lockWhole(&r, lock); err != nil || len(ids) == 0 {
			return 0, err
		}
	}
	among, arg := db.AmongIDs("id", ids)
	where, args := r.where(db, among, "day", arg)
	expired, more := of.Expired(db)
	var gone []webhook.ID
	if err := b.DB.Raw("SELECT id FROM events WHERE "+where+" AND "+expired, append(args, more...)...).Scan(&gone).Error; err != nil || len(gone) == 0 {
		return 0, err
	}
	among, arg = db.AmongIDs("event_id", gone)
	where, args = r.where(db, among, "day", arg)
	deliveries := "SELECT id FROM deliveries WHERE " + where
	attempts, dated := r.where(db, "delivery_id IN ("+deliveries+")", "day", args...)
	var last []struct {
		TenantID webhook.ID
		Seq      int64
	}
	if err := b.DB.Raw("SELECT tenant_id, MAX(seq) AS seq FROM attempts WHERE "+attempts+" GROUP BY tenant_id", dated...).Scan(&last).Error; err != nil {
		return 0, err
	}
	if len(last) > 0 {
		seqs := make(map[webhook.ID]int64, len(last))
		for _, l := range last {
			seqs[l.TenantID] = l.Seq
		}
		if err := b.notePruned(seqs); err != nil {
			return 0, err
		}
		if err := b.DB.Exec("DELETE FROM attempts WHERE "+attempts, dated...).Error; err != nil {
			return 0, err
		}
	}
	if err := b.DB.Exec("DELETE FROM deliveries WHERE "+where, args...).Error; err != nil {
		return 0, err
	}
	for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).BesideEvents)) {
		among, arg := db.AmongIDs(t.Event, gone)
		if err := b.DB.Exec("DELETE FROM "+t.Name+" WHERE "+among, arg).Error; err != nil {
			return 0, err
		}
	}
	among, arg = db.AmongIDs("id", gone)
	where, args = r.where(db, among, "day", arg)
	return len(gone), b.DB.Exec("DELETE FROM events WHERE "+where, args...).Error
}

// lockWhole locks the events' deliveries and returns those events of which it has them all: what another node works on stays for the next
// time.
func (b *batch) lockWhole(r *removal, lock string) ([]webhook.ID, error) {
	among, arg := b.s.db.AmongIDs("event_id", r.ids)
	where, args := r.where(b.s.db, among, "day", arg)
	var locked []webhook.ID
	if err := b.DB.Raw("SELECT event_id FROM deliveries WHERE "+where+" ORDER BY event_id, webhook_id"+lock, args...).Scan(&locked).Error; err != nil {
		return nil, err
	}
	var all []struct {
		EventID webhook.ID
		N       int
	}
	if err := b.DB.Raw("SELECT event_id, COUNT(*) AS n FROM deliveries WHERE "+where+" GROUP BY event_id", args...).Scan(&all).Error; err != nil {
		return nil, err
	}
	missing := map[webhook.ID]int{}
	for _, a := range all {
		missing[a.EventID] = a.N
	}
	for _, id := range locked {
		missing[id]--
	}
	return slices.DeleteFunc(slices.Clone(r.ids), func(id webhook.ID) bool { return missing[id] != 0 }), nil
}

// notePruned notes how far retention has taken tenants' attempts.
func (b *batch) notePruned(last map[webhook.ID]int64) error {
	newest := int64(0)
	rows := make([][]any, 0, len(last))
	for id, seq := range last {
		newest = max(newest, seq)
		rows = append(rows, []any{id, seq})
	}
	if err := b.DB.Exec("UPDATE store SET pruned_attempt = ? WHERE pruned_attempt < ?", newest, newest).Error; err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b []any) int { x, y := a[0].(webhook.ID), b[0].(webhook.ID); return slices.Compare(x[:], y[:]) })
	return b.DB.Exec("UPDATE tenants SET pruned_attempt = v.seq FROM "+b.s.db.Rows([]dialect.Column{{Name: "id", Kind: "uuid"}, {Name: "seq", Kind: "bigint"}})+
		" AS v WHERE tenants.id = v.id AND tenants.pruned_attempt < v.seq", string(dialect.CompactJSON(rows))).Error
}
