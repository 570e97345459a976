package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// quotas know what each tenant may have and do, and has and does, so that publishing needs no look-up.
//
// Stored events are counted in memory: a call reserves its events before they are queued, so that calls at the same time
// cannot go over the quota together. The database is counted at the start, after retention, and every few minutes; a count
// misses what is queued while it begins, and other replicas' events since theirs. The server's own events, which are never
// refused, count from the next count on.
type quotas struct {
	s        *Store
	defaults webhook.Quotas

	mu sync.RWMutex // guards of
	of map[webhook.ID]*allowance

	counting sync.Mutex
}

// allowance is one tenant's.
type allowance struct {
	limits atomic.Pointer[webhook.Quotas]
	rate   bucket
	stored atomic.Int64
	added  atomic.Int64 // to stored, ever
	held   holding      // what a refusal says of it
}

// holding is what keeps retention from removing a tenant's events, looked up when somebody is refused.
type holding struct {
	mu   sync.Mutex // held while it is looked up
	at   time.Time  // when it was; zero: never
	said atomic.Pointer[string]
}

// Bounds of looking up what holds a tenant's events.
const (
	heldInterval = time.Minute
	heldTimeout  = time.Second
	heldWebhooks = 100    // webhooks that are looked at
	heldRows     = 10_000 // deliveries that are counted
)

// held tells a caller who is refused how many events wait for webhooks that are disabled, as it was within heldInterval. Callers
// do not wait for one another.
func (q *quotas) held(tenant webhook.ID, a *allowance) string {
	if a.held.mu.TryLock() {
		defer a.held.mu.Unlock()
		if now := time.Now(); a.held.at.IsZero() || now.Sub(a.held.at) >= heldInterval {
			a.held.at = now
			said := q.countHeld(tenant)
			a.held.said.Store(&said)
		}
	}
	if said := a.held.said.Load(); said != nil {
		return *said
	}
	return ""
}

func (q *quotas) countHeld(tenant webhook.ID) string {
	var disabled []webhook.ID
	for _, to := range q.s.routes.of(tenant) {
		if !to.Enabled && len(disabled) < heldWebhooks {
			disabled = append(disabled, to.ID)
		}
	}
	if len(disabled) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(q.s.quit, heldTimeout)
	defer cancel()
	var n struct{ Events, Deliveries, Webhooks int }
	err := q.s.read.WithContext(ctx).Raw(`SELECT COUNT(DISTINCT event_id) AS events, COUNT(*) AS deliveries, COUNT(DISTINCT webhook_id) AS webhooks FROM
		(SELECT event_id, webhook_id FROM deliveries WHERE webhook_id IN ? AND due_at IS NOT NULL LIMIT ?) AS held`, disabled, heldRows).Scan(&n).Error
	if err != nil || n.Events == 0 {
		return ""
	}
	least := ""
	if n.Deliveries == heldRows || len(disabled) == heldWebhooks {
		least = "at least "
	}
	return fmt.Sprintf("; %s%d of them cannot be removed, because they wait for webhooks that are disabled (%d): enable or delete those", least, n.Events, n.Webhooks)
}

func newQuotas(s *Store, defaults webhook.Quotas) *quotas {
	return &quotas{s: s, defaults: defaults, of: map[webhook.ID]*allowance{}}
}

func (q *quotas) get(tenant webhook.ID) *allowance {
	q.mu.RLock()
	a := q.of[tenant]
	q.mu.RUnlock()
	if a != nil {
		return a
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.of[tenant]; a != nil {
		return a
	}
	a = &allowance{}
	a.set(q.defaults)
	q.of[tenant] = a
	return a
}

func (a *allowance) set(l webhook.Quotas) {
	if old := a.limits.Swap(&l); old != nil && *old == l {
		return
	}
	a.rate.set(float64(l.PublishRate), float64(l.Burst()), time.Now())
}

// bucket holds what may be published at once; it fills at a rate. It is not golang.org/x/time's, which takes nothing back.
type bucket struct {
	mu          sync.Mutex // guards what follows
	rate, burst float64    // events a second, and at most
	left        float64
	at          time.Time // when left was right
}

func (k *bucket) set(rate, burst float64, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fill(now); k.burst == 0 {
		k.left = burst
	}
	k.rate, k.burst, k.left = rate, burst, min(k.left, burst)
}

// fill: the caller must hold mu.
func (k *bucket) fill(now time.Time) {
	if passed := now.Sub(k.at); passed > 0 {
		if k.burst > 0 {
			k.left = min(k.burst, k.left+k.rate*passed.Seconds())
		}
		k.at = now
	}
}

// take takes n events out, or returns how long to wait until it can.
func (k *bucket) take(n int, now time.Time) (wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fill(now)
	if missing := float64(n) - k.left; missing > 0 {
		return max(1, time.Duration(missing/k.rate*float64(time.Second)))
	}
	k.left -= float64(n)
	return 0
}

func (k *bucket) giveBack(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = min(k.burst, k.left+float64(n))
}

// admit takes n events from what the tenant may publish and store, or returns an *Invalid of code QUOTA, a *TooFast when
// waiting helps. The caller gives back what was not published, and forgets what was but takes no room.
func (q *quotas) admit(tenant webhook.ID, n int) (*allowance, error) {
	a := q.get(tenant)
	l := a.limits.Load()
	for {
		stored := a.stored.Load()
		if l.Events > 0 && stored+int64(n) > int64(l.Events) {
			q.refused(tenant, "events", l.Events)
			return nil, &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has reached its quota of %d stored events; wait until retention removes some%s", l.Events, q.held(tenant, a))}
		}
		// What is refused is never counted, not even for a moment: it would have others refused.
		if a.stored.CompareAndSwap(stored, stored+int64(n)) {
			break
		}
	}
	a.added.Add(int64(n))
	if l.PublishRate > 0 {
		if wait := a.rate.take(n, time.Now()); wait > 0 {
			a.forget(n)
			q.refused(tenant, "events a second", l.PublishRate)
			return nil, &webhook.TooFast{RetryAfter: wait, Invalid: &webhook.Invalid{
				Code:    webhook.CodeQuota,
				Message: fmt.Sprintf("the tenant may publish %d events per second; try again in %d ms", l.PublishRate, (wait+time.Millisecond-1)/time.Millisecond),
			}}
		}
	}
	return a, nil
}

// refused tells the operator. The program's logger bounds how often.
func (q *quotas) refused(tenant webhook.ID, of string, limit int) {
	q.s.log.Warn("call refused: the tenant has reached a quota", slog.Any("tenant", tenant), slog.String("quota", of), slog.Int("limit", limit))
}

// forget gives back n events' room; that they were published still counts.
func (a *allowance) forget(n int) {
	a.stored.Add(int64(-n))
	a.added.Add(int64(-n))
}

// giveBack is for n events that were admitted and not published.
func (a *allowance) giveBack(n int) {
	a.forget(n)
	a.rate.giveBack(n)
}

// webhooks refuses one more webhook than the tenant may have. It is asked in the transaction that makes it.
func (q *quotas) webhooks(b *batch, tenant webhook.ID) error {
	limit := q.get(tenant).limits.Load().Webhooks
	if limit == 0 {
		return nil
	}
	n := b.s.routes.count(tenant)
	for id, to := range b.Targets {
		if to.TenantID == tenant {
			if was := b.s.routes.get(id) != nil; was && to.DeletedAt != nil {
				n--
			} else if !was && to.DeletedAt == nil {
				n++
			}
		}
	}
	if n >= limit {
		q.refused(tenant, "webhooks", limit)
		return &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has reached its quota of %d webhooks; delete one first", limit)}
	}
	return nil
}

// maxOperational is how many webhooks of a tenant may name operational events. Each event that tells of many failures goes to all
// of these: without a bound, failures would make work for as many others.
const maxOperational = 100

// operational refuses one more webhook that names operational events than the tenant may have, as webhooks does.
func (q *quotas) operational(b *batch, tenant webhook.ID) error {
	n := b.s.routes.operational(tenant)
	names := func(to *Target) int {
		if to != nil && to.DeletedAt == nil && to.NamesOperational() {
			return 1
		}
		return 0
	}
	for id, to := range b.Targets {
		if to.TenantID == tenant {
			n += names(to) - names(b.s.routes.get(id))
		}
	}
	if n >= maxOperational {
		q.refused(tenant, "webhooks for operational events", maxOperational)
		return &webhook.Invalid{
			Field: "events", Code: webhook.CodeQuota,
			Message: fmt.Sprintf("may name types that begin with %s in %d webhooks of the tenant; remove them from another one first", webhook.OperationalPrefix, maxOperational),
		}
	}
	return nil
}

// tokens refuses one more token than may work for the tenant. It is asked in the transaction that makes it. Tokens that do not
// work are kept for the list, as many as may work; when there are more the oldest goes, so that a tenant that makes and revokes
// them repeatedly stores no more and never makes the count longer.
func (q *quotas) tokens(b *batch, tenant webhook.ID) error {
	limit := q.get(tenant).limits.Load().Tokens
	if limit == 0 {
		return nil
	}
	const valid = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
	var n, all int
	if err := b.DB.Raw("SELECT COUNT(*) FROM tokens WHERE tenant_id = ? AND "+valid, tenant, dialect.At(b.Now)).Scan(&n).Error; err != nil {
		return fmt.Errorf("count tokens: %w", err)
	}
	if n >= limit {
		q.refused(tenant, "tokens", limit)
		return &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has reached its quota of %d valid tokens; revoke one first", limit)}
	}
	if err := b.DB.Raw("SELECT COUNT(*) FROM tokens WHERE tenant_id = ?", tenant).Scan(&all).Error; err != nil {
		return fmt.Errorf("count tokens: %w", err)
	}
	if over := all + 1 - 2*limit; over > 0 {
		if err := b.DB.Exec("DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE tenant_id = ? AND NOT ("+valid+") ORDER BY seq LIMIT ?)",
			tenant, dialect.At(b.Now), over).Error; err != nil {
			return fmt.Errorf("remove old tokens: %w", err)
		}
	}
	return nil
}

// Quotas are what the tenant may have and do.
func (s *Store) Quotas(t *webhook.Tenant) webhook.Quotas { return t.Quotas(s.opts.Quotas) }

// load reads every tenant's quotas.
func (q *quotas) load(ctx context.Context) error {
	var tenants []*webhook.Tenant
	if err := q.s.read.WithContext(ctx).Where("deleted_at IS NULL").Find(&tenants).Error; err != nil {
		return dialect.Unavailable(err)
	}
	there := make(map[webhook.ID]bool, len(tenants))
	for _, t := range tenants {
		there[t.ID] = true
		q.get(t.ID).set(t.Quotas(q.defaults))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range q.of {
		if !there[id] {
			delete(q.of, id)
		}
	}
	return nil
}

// count counts the stored events of every tenant whose number is limited.
func (q *quotas) count(ctx context.Context) error {
	q.counting.Lock()
	defer q.counting.Unlock()
	q.mu.RLock()
	limited := map[webhook.ID]*allowance{}
	for id, a := range q.of {
		if a.limits.Load().Events > 0 {
			limited[id] = a
		}
	}
	q.mu.RUnlock()
	for id, a := range limited {
		before := a.added.Load()
		n, err := q.s.In(id).CountEvents(ctx, EventFilter{})
		if err != nil {
			return fmt.Errorf("count stored events: %w", err)
		}
		a.stored.Store(int64(n) + a.added.Load() - before)
	}
	return nil
}
