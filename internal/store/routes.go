package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// routes knows every webhook that is not deleted, so that publishing needs no look-up. The writer changes it after each
// commit; mu guards the maps, and a Target never changes.
type routes struct {
	mu       sync.RWMutex
	byID     map[webhook.ID]*Target
	byTenant map[webhook.ID]*tenantRoutes
}

// tenantRoutes is one tenant's part. An event looks only at those that want it, however many there are: a look-up of its type,
// and one for each word that a wildcard may follow. Lists are in the order of Seq.
type tenantRoutes struct {
	byID        map[webhook.ID]*Target
	byType      map[string][]*Target // under each type that it names
	byPrefix    map[string][]*Target // under what the types begin with that a wildcard of it matches
	all         []*Target            // that want every published type
	operational int                  // how many name operational types
}

func newTenantRoutes() *tenantRoutes {
	return &tenantRoutes{byID: map[webhook.ID]*Target{}, byType: map[string][]*Target{}, byPrefix: map[string][]*Target{}}
}

// bySeq compares a webhook's place in a list.
func bySeq(to *Target, seq int64) int { return cmp.Compare(to.Seq, seq) }

// insert puts h into the list, unless it is there: a webhook may name a type twice.
func insert(list []*Target, to *Target) []*Target {
	i, found := slices.BinarySearchFunc(list, to.Seq, bySeq)
	if found {
		return list
	}
	return slices.Insert(list, i, to)
}

// without takes h out of the list.
func without(list []*Target, to *Target) []*Target {
	if i, found := slices.BinarySearchFunc(list, to.Seq, bySeq); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// wantsAll reports whether the webhook wants every published type.
func wantsAll(to *Target) bool {
	return to.Events == nil || slices.Contains(to.Events, webhook.AllPublished)
}

// subscriptions calls f for what the webhook stands under, so that no type finds it twice: what another of its subscriptions
// matches already is left out.
func (t *tenantRoutes) subscriptions(to *Target, f func(under map[string][]*Target, key string)) {
	var prefixes []string
	for _, e := range to.Events {
		if prefix, ok := webhook.Wildcard(e); ok {
			prefixes = append(prefixes, prefix)
		}
	}
	all := wantsAll(to)
	for _, e := range to.Events {
		if all && !webhook.Operational(e) || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(e, p) && e != p+"*" }) {
			continue
		}
		if prefix, ok := webhook.Wildcard(e); ok {
			f(t.byPrefix, prefix)
		} else {
			f(t.byType, e)
		}
	}
}

func (t *tenantRoutes) add(to *Target) {
	t.byID[to.ID] = to
	if wantsAll(to) {
		t.all = insert(t.all, to)
	}
	if to.NamesOperational() {
		t.operational++
	}
	t.subscriptions(to, func(under map[string][]*Target, key string) { under[key] = insert(under[key], to) })
}

func (t *tenantRoutes) remove(to *Target) {
	delete(t.byID, to.ID)
	if wantsAll(to) {
		t.all = without(t.all, to)
	}
	if to.NamesOperational() {
		t.operational--
	}
	t.subscriptions(to, func(under map[string][]*Target, key string) {
		if list := without(under[key], to); len(list) > 0 {
			under[key] = list
		} else {
			delete(under, key)
		}
	})
}

// replace puts h in the place of the webhook's former self, which had the same subscriptions.
func (t *tenantRoutes) replace(to *Target) {
	t.byID[to.ID] = to
	in := func(list []*Target) {
		if i, found := slices.BinarySearchFunc(list, to.Seq, bySeq); found {
			list[i] = to
		}
	}
	if wantsAll(to) {
		in(t.all)
	}
	t.subscriptions(to, func(under map[string][]*Target, key string) { in(under[key]) })
}

// wanting appends the lists of webhooks that want the event type. No webhook is in two of them.
func (t *tenantRoutes) wanting(lists [][]*Target, eventType string) [][]*Target {
	if !webhook.Operational(eventType) {
		lists = append(lists, t.all)
	}
	if named := t.byType[eventType]; len(named) > 0 {
		lists = append(lists, named)
	}
	if len(t.byPrefix) == 0 {
		return lists
	}
	for i := range len(eventType) {
		if eventType[i] == '.' {
			if named := t.byPrefix[eventType[:i+1]]; len(named) > 0 {
				lists = append(lists, named)
			}
		}
	}
	return lists
}

func (r *routes) get(id webhook.ID) *Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id]
}

// fewRemoved is how many webhooks of a tenant are taken out of its lists one by one; with more, all of its lists are made again.
const fewRemoved = 8

func (r *routes) change(targets map[webhook.ID]*Target) {
	if len(targets) == 0 {
		return
	}
	list := slices.SortedFunc(maps.Values(targets), func(a, b *Target) int { return cmp.Compare(a.Seq, b.Seq) })
	r.mu.Lock()
	defer r.mu.Unlock()
	removed := map[webhook.ID][]*Target{} // by tenant
	added := list[:0]
	for _, to := range list {
		was := r.byID[to.ID]
		if was != nil && to.DeletedAt == nil && (to.Events == nil) == (was.Events == nil) && slices.Equal(to.Events, was.Events) {
			r.byID[to.ID] = to
			r.byTenant[to.TenantID].replace(to)
			continue
		}
		if was != nil {
			delete(r.byID, to.ID)
			removed[was.TenantID] = append(removed[was.TenantID], was)
		}
		if to.DeletedAt == nil {
			added = append(added, to)
		}
	}
	for tenant, gone := range removed {
		r.remove(tenant, gone)
	}
	for _, to := range added {
		t := r.byTenant[to.TenantID]
		if t == nil {
			t = newTenantRoutes()
			r.byTenant[to.TenantID] = t
		}
		r.byID[to.ID] = to
		t.add(to)
	}
}

// remove takes webhooks out of a tenant's lists.
func (r *routes) remove(tenant webhook.ID, gone []*Target) {
	t := r.byTenant[tenant]
	if len(gone) <= fewRemoved {
		for _, to := range gone {
			t.remove(to)
		}
	} else {
		for _, to := range gone {
			delete(t.byID, to.ID)
		}
		again := newTenantRoutes()
		for _, to := range slices.SortedFunc(maps.Values(t.byID), func(a, b *Target) int { return cmp.Compare(a.Seq, b.Seq) }) {
			again.add(to)
		}
		t = again
	}
	if len(t.byID) == 0 {
		delete(r.byTenant, tenant)
	} else {
		r.byTenant[tenant] = t
	}
}

// count is how many webhooks the tenant has.
func (r *routes) count(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return len(t.byID)
	}
	return 0
}

// operational is how many of the tenant's webhooks name operational event types.
func (r *routes) operational(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return t.operational
	}
	return 0
}

// of lists the tenant's webhooks.
func (r *routes) of(tenant webhook.ID) []*Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return nil
	}
	return slices.Collect(maps.Values(t.byID))
}

// matching appends the tenant's webhooks that want the event type.
func (r *routes) matching(list []*Target, tenant webhook.ID, eventType string) []*Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return list
	}
	var few [4][]*Target
	for _, part := range t.wanting(few[:0], eventType) {
		list = append(list, part...)
	}
	return list
}

// matches counts the tenant's webhooks that want the event type; newest is the greatest of their Seqs.
func (r *routes) matches(tenant webhook.ID, eventType string) (n int, newest int64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		var few [4][]*Target
		for _, part := range t.wanting(few[:0], eventType) {
			if len(part) > 0 {
				n, newest = n+len(part), max(newest, part[len(part)-1].Seq)
			}
		}
	}
	return n, newest
}

// after appends those of matching with after < Seq <= until, at most n, in the order of Seq. Its cost does not depend on how
// many others there are.
func (r *routes) after(list []*Target, tenant webhook.ID, eventType string, after, until int64, n int) []*Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return list
	}
	var few [4][]*Target
	parts := t.wanting(few[:0], eventType)
	for i := range parts {
		from, _ := slices.BinarySearchFunc(parts[i], after+1, bySeq)
		parts[i] = parts[i][from:]
	}
	for range n {
		next := -1
		for i := range parts {
			if len(parts[i]) > 0 && (next < 0 || parts[i][0].Seq < parts[next][0].Seq) {
				next = i
			}
		}
		if next < 0 || parts[next][0].Seq > until {
			break
		}
		list, parts[next] = append(list, parts[next][0]), parts[next][1:]
	}
	return list
}

func (s *Store) loadRoutes() error {
	all, err := s.readTargets(s.write, "deleted_at IS NULL")
	if err != nil {
		return err
	}
	s.routes.mu.Lock()
	s.routes.byID = map[webhook.ID]*Target{}
	s.routes.byTenant = map[webhook.ID]*tenantRoutes{}
	s.routes.mu.Unlock()
	s.routes.change(all)
	return nil
}

// readTargets reads webhooks with all that belongs to them.
func (s *Store) readTargets(db *gorm.DB, where string, args ...any) (map[webhook.ID]*Target, error) {
	var webhooks []*webhook.Webhook
	// Nothing here makes use of the metadata, so it is not held in memory.
	if err := db.Omit("metadata").Where(where, args...).Order("seq").Find(&webhooks).Error; err != nil {
		return nil, fmt.Errorf("load webhooks: %w", err)
	}
	ids := make([]webhook.ID, len(webhooks))
	for i, w := range webhooks {
		ids[i] = w.ID
	}
	all := make(map[webhook.ID]*Target, len(webhooks))
	for from := 0; from < len(ids); from += readAtOnce {
		part := webhooks[from:min(from+readAtOnce, len(ids))]
		partIDs := ids[from:min(from+readAtOnce, len(ids))]
		secrets, err := s.loadSecrets(db, partIDs)
		if err != nil {
			return nil, fmt.Errorf("load secrets: %w", err)
		}
		headers, err := s.loadHeaders(db, partIDs)
		if err != nil {
			return nil, fmt.Errorf("load headers: %w", err)
		}
		for _, w := range part {
			all[w.ID] = &Target{Webhook: *w, Secrets: secrets[w.ID], Headers: headers[w.ID]}
		}
	}
	return all, nil
}

// readAtOnce is how many webhooks' secrets one statement reads.
const readAtOnce = 500

// Targets lists every webhook that is not deleted, disabled ones too, and when its next unclaimed delivery is due: one
// look-up in an index each, however long the backlog.
func (s *Store) Targets(ctx context.Context) ([]TargetDue, error) {
	rows, err := s.read.WithContext(ctx).Raw(`SELECT w.id,
		(SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1)
		FROM webhooks w WHERE w.deleted_at IS NULL ORDER BY w.seq`).Rows()
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	var list []TargetDue
	for rows.Next() {
		var id webhook.ID
		var due *dialect.Micros
		if err := rows.Scan(&id, &due); err != nil {
			return nil, dialect.Unavailable(err)
		}
		if to := s.routes.get(id); to != nil {
			list = append(list, TargetDue{Target: to, Due: dialect.MaybeTime(due)})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, dialect.Unavailable(err)
	}
	return list, nil
}
