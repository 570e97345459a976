package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
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

// tenantRoutes is one tenant's part. An event looks only at those that want it, however many there are. Lists are in the
// order of Seq.
type tenantRoutes struct {
	byID   map[webhook.ID]*Hook
	byType map[string][]*Hook // under each type that it names
	all    []*Hook            // that name none: they want every type
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

func (t *tenantRoutes) add(h *Hook) {
	t.byID[h.ID] = h
	if h.Events == nil {
		t.all = insert(t.all, h)
	}
	for _, name := range h.Events {
		t.byType[name] = insert(t.byType[name], h)
	}
}

func (t *tenantRoutes) remove(h *Hook) {
	delete(t.byID, h.ID)
	if h.Events == nil {
		t.all = without(t.all, h)
	}
	for _, name := range h.Events {
		if list := without(t.byType[name], h); len(list) > 0 {
			t.byType[name] = list
		} else {
			delete(t.byType, name)
		}
	}
}

// wanting are the two lists of webhooks that want the event type. No webhook is in both.
func (t *tenantRoutes) wanting(eventType string) [2][]*Hook {
	return [2][]*Hook{t.all, t.byType[eventType]}
}

func (r *routes) get(id webhook.ID) *Hook {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id]
}

func (r *routes) change(hooks map[webhook.ID]*Hook) {
	if len(hooks) == 0 {
		return
	}
	list := slices.SortedFunc(maps.Values(hooks), func(a, b *Hook) int { return cmp.Compare(a.Seq, b.Seq) })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range list {
		id := h.ID
		if was := r.byID[id]; was != nil {
			delete(r.byID, id)
			r.byTenant[was.TenantID].remove(was)
		}
		if h.DeletedAt != nil {
			continue
		}
		r.byID[id] = h
		t := r.byTenant[h.TenantID]
		if t == nil {
			t = &tenantRoutes{byID: map[webhook.ID]*Hook{}, byType: map[string][]*Hook{}}
			r.byTenant[h.TenantID] = t
		}
		t.add(h)
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
	for _, part := range t.wanting(eventType) {
		list = append(list, part...)
	}
	return list
}

// matches counts the tenant's webhooks that want the event type; newest is the greatest of their Seqs.
func (r *routes) matches(tenant webhook.ID, eventType string) (n int, newest int64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		for _, part := range t.wanting(eventType) {
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
	parts := t.wanting(eventType)
	for i := range parts {
		from, _ := slices.BinarySearchFunc(parts[i], after+1, bySeq)
		parts[i] = parts[i][from:]
	}
	for range n {
		next := &parts[0]
		if len(*next) == 0 || len(parts[1]) > 0 && parts[1][0].Seq < (*next)[0].Seq {
			next = &parts[1]
		}
		if len(*next) == 0 || (*next)[0].Seq > until {
			break
		}
		list, *next = append(list, (*next)[0]), (*next)[1:]
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
