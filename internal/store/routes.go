package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// routes knows every webhook that is not deleted, so that publishing needs no look-up. The writer changes it after each
// commit; mu guards the maps, and a Hook never changes.
type routes struct {
	mu       sync.RWMutex
	byID     map[webhook.ID]*Hook
	byTenant map[webhook.ID]*tenantRoutes
}

// tenantRoutes is one tenant's part. An event looks only at those that want it, however many there are: a look-up of its type,
// and one for each word that a wildcard may follow. Lists are in the order of Seq.
type tenantRoutes struct {
	byID        map[webhook.ID]*Hook
	byType      map[string][]*Hook // under each type that it names
	byPrefix    map[string][]*Hook // under what the types begin with that a wildcard of it matches
	all         []*Hook            // that want every published type
	operational int                // how many name operational types
}

func newTenantRoutes() *tenantRoutes {
	return &tenantRoutes{byID: map[webhook.ID]*Hook{}, byType: map[string][]*Hook{}, byPrefix: map[string][]*Hook{}}
}

// bySeq compares a webhook's place in a list.
func bySeq(h *Hook, seq int64) int { return cmp.Compare(h.Seq, seq) }

// insert puts h into the list, unless it is there: a webhook may name a type twice.
func insert(list []*Hook, h *Hook) []*Hook {
	i, found := slices.BinarySearchFunc(list, h.Seq, bySeq)
	if found {
		return list
	}
	return slices.Insert(list, i, h)
}

// without takes h out of the list.
func without(list []*Hook, h *Hook) []*Hook {
	if i, found := slices.BinarySearchFunc(list, h.Seq, bySeq); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// wantsAll reports whether the webhook wants every published type.
func wantsAll(h *Hook) bool {
	return h.Events == nil || slices.Contains(h.Events, webhook.AllPublished)
}

// subscriptions calls f for what the webhook stands under, so that no type finds it twice: what another of its subscriptions
// matches already is left out.
func (t *tenantRoutes) subscriptions(h *Hook, f func(under map[string][]*Hook, key string)) {
	var prefixes []string
	for _, e := range h.Events {
		if prefix, ok := webhook.Wildcard(e); ok {
			prefixes = append(prefixes, prefix)
		}
	}
	all := wantsAll(h)
	for _, e := range h.Events {
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

func (t *tenantRoutes) add(h *Hook) {
	t.byID[h.ID] = h
	if wantsAll(h) {
		t.all = insert(t.all, h)
	}
	if h.NamesOperational() {
		t.operational++
	}
	t.subscriptions(h, func(under map[string][]*Hook, key string) { under[key] = insert(under[key], h) })
}

func (t *tenantRoutes) remove(h *Hook) {
	delete(t.byID, h.ID)
	if wantsAll(h) {
		t.all = without(t.all, h)
	}
	if h.NamesOperational() {
		t.operational--
	}
	t.subscriptions(h, func(under map[string][]*Hook, key string) {
		if list := without(under[key], h); len(list) > 0 {
			under[key] = list
		} else {
			delete(under, key)
		}
	})
}

// replace puts h in the place of the webhook's former self, which had the same subscriptions.
func (t *tenantRoutes) replace(h *Hook) {
	t.byID[h.ID] = h
	in := func(list []*Hook) {
		if i, found := slices.BinarySearchFunc(list, h.Seq, bySeq); found {
			list[i] = h
		}
	}
	if wantsAll(h) {
		in(t.all)
	}
	t.subscriptions(h, func(under map[string][]*Hook, key string) { in(under[key]) })
}

// wanting appends the lists of webhooks that want the event type. No webhook is in two of them.
func (t *tenantRoutes) wanting(lists [][]*Hook, eventType string) [][]*Hook {
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

func (r *routes) get(id webhook.ID) *Hook {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id]
}

// fewRemoved is how many webhooks of a tenant are taken out of its lists one by one; with more, all of its lists are made again.
const fewRemoved = 8

func (r *routes) change(hooks map[webhook.ID]*Hook) {
	if len(hooks) == 0 {
		return
	}
	list := slices.SortedFunc(maps.Values(hooks), func(a, b *Hook) int { return cmp.Compare(a.Seq, b.Seq) })
	r.mu.Lock()
	defer r.mu.Unlock()
	removed := map[webhook.ID][]*Hook{} // by tenant
	added := list[:0]
	for _, h := range list {
		was := r.byID[h.ID]
		if was != nil && h.DeletedAt == nil && (h.Events == nil) == (was.Events == nil) && slices.Equal(h.Events, was.Events) {
			r.byID[h.ID] = h
			r.byTenant[h.TenantID].replace(h)
			continue
		}
		if was != nil {
			delete(r.byID, h.ID)
			removed[was.TenantID] = append(removed[was.TenantID], was)
		}
		if h.DeletedAt == nil {
			added = append(added, h)
		}
	}
	for tenant, gone := range removed {
		r.remove(tenant, gone)
	}
	for _, h := range added {
		t := r.byTenant[h.TenantID]
		if t == nil {
			t = newTenantRoutes()
			r.byTenant[h.TenantID] = t
		}
		r.byID[h.ID] = h
		t.add(h)
	}
}

// remove takes webhooks out of a tenant's lists.
func (r *routes) remove(tenant webhook.ID, gone []*Hook) {
	t := r.byTenant[tenant]
	if len(gone) <= fewRemoved {
		for _, h := range gone {
			t.remove(h)
		}
	} else {
		for _, h := range gone {
			delete(t.byID, h.ID)
		}
		again := newTenantRoutes()
		for _, h := range slices.SortedFunc(maps.Values(t.byID), func(a, b *Hook) int { return cmp.Compare(a.Seq, b.Seq) }) {
			again.add(h)
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
func (r *routes) of(tenant webhook.ID) []*Hook {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return nil
	}
	return slices.Collect(maps.Values(t.byID))
}

// matching appends the tenant's webhooks that want the event type.
func (r *routes) matching(list []*Hook, tenant webhook.ID, eventType string) []*Hook {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return list
	}
	var few [4][]*Hook
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
		var few [4][]*Hook
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
func (r *routes) after(list []*Hook, tenant webhook.ID, eventType string, after, until int64, n int) []*Hook {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return list
	}
	var few [4][]*Hook
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
	all, err := s.readHooks(s.write, "deleted_at IS NULL")
	if err != nil {
		return err
	}
	s.routes.mu.Lock()
	s.routes.byID = map[webhook.ID]*Hook{}
	s.routes.byTenant = map[webhook.ID]*tenantRoutes{}
	s.routes.mu.Unlock()
	s.routes.change(all)
	return nil
}

// readHooks reads webhooks with all that belongs to them.
func (s *Store) readHooks(db *gorm.DB, where string, args ...any) (map[webhook.ID]*Hook, error) {
	var hooks []*webhook.Webhook
	if err := db.Where(where, args...).Order("seq").Find(&hooks).Error; err != nil {
		return nil, fmt.Errorf("load webhooks: %w", err)
	}
	ids := make([]webhook.ID, len(hooks))
	for i, w := range hooks {
		ids[i] = w.ID
	}
	all := make(map[webhook.ID]*Hook, len(hooks))
	for from := 0; from < len(ids); from += readAtOnce {
		part := hooks[from:min(from+readAtOnce, len(ids))]
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
			all[w.ID] = &Hook{Webhook: *w, Secrets: secrets[w.ID], Headers: headers[w.ID]}
		}
	}
	return all, nil
}

// readAtOnce is how many webhooks' secrets one statement reads.
const readAtOnce = 500

// Hooks lists every webhook that is not deleted, disabled ones too, and when its next unclaimed delivery is due: one
// look-up in an index each, however long the backlog.
func (s *Store) Hooks(ctx context.Context) ([]HookDue, error) {
	rows, err := s.read.WithContext(ctx).Raw(`SELECT w.id,
		(SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1)
		FROM webhooks w WHERE w.deleted_at IS NULL ORDER BY w.seq`).Rows()
	if err != nil {
		return nil, unavailable(err)
	}
	defer func() { _ = rows.Close() }()
	var list []HookDue
	for rows.Next() {
		var id webhook.ID
		var due *micros
		if err := rows.Scan(&id, &due); err != nil {
			return nil, unavailable(err)
		}
		if h := s.routes.get(id); h != nil {
			list = append(list, HookDue{Hook: h, Due: maybeTime(due)})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable(err)
	}
	return list, nil
}

func maybeTime(m *micros) *time.Time {
	if m == nil {
		return nil
	}
	t := m.time()
	return &t
}
