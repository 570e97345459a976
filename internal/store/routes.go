package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// routes knows every webhook that is not deleted, so that publishing needs no look-up. The writer changes it after each
// commit; mu guards the maps, and a Hook never changes.
type routes struct {
	mu       sync.RWMutex
	byID     map[webhook.ID]*Hook
	byTenant map[webhook.ID]map[webhook.ID]*Hook
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
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, h := range hooks {
		if h.DeletedAt != nil {
			delete(r.byID, id)
			delete(r.byTenant[h.TenantID], id)
			continue
		}
		r.byID[id] = h
		if r.byTenant[h.TenantID] == nil {
			r.byTenant[h.TenantID] = map[webhook.ID]*Hook{}
		}
		r.byTenant[h.TenantID][id] = h
	}
}

// count is how many webhooks the tenant has.
func (r *routes) count(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byTenant[tenant])
}

// of lists the tenant's webhooks.
func (r *routes) of(tenant webhook.ID) []*Hook {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.byTenant[tenant]))
}

// matching appends the tenant's webhooks that want the event type.
func (r *routes) matching(list []*Hook, tenant webhook.ID, eventType string) []*Hook {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, h := range r.byTenant[tenant] {
		if h.Wants(eventType) {
			list = append(list, h)
		}
	}
	return list
}

func (s *Store) loadRoutes() error {
	var hooks []*webhook.Webhook
	if err := s.write.Where("deleted_at IS NULL").Order("seq").Find(&hooks).Error; err != nil {
		return fmt.Errorf("load webhooks: %w", err)
	}
	secrets, err := s.loadSecrets(s.write, nil)
	if err != nil {
		return fmt.Errorf("load secrets: %w", err)
	}
	headers, err := s.loadHeaders(s.write, nil)
	if err != nil {
		return fmt.Errorf("load headers: %w", err)
	}
	s.routes.byID = map[webhook.ID]*Hook{}
	s.routes.byTenant = map[webhook.ID]map[webhook.ID]*Hook{}
	all := make(map[webhook.ID]*Hook, len(hooks))
	for _, w := range hooks {
		all[w.ID] = &Hook{Webhook: *w, Secrets: secrets[w.ID], Headers: headers[w.ID]}
	}
	s.routes.change(all)
	return nil
}

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
