// Package routing knows which webhooks subscribe to an event, so that publishing needs no lookup.
package routing

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Table knows every webhook that is not deleted. The writer changes it after each commit; mu guards the maps, and a Target never changes.
type Table struct {
	mu       sync.RWMutex
	byID     map[webhook.ID]*dialect.Target
	byTenant map[webhook.ID]*subscribers
}

// subscribers are one tenant's webhooks. Finding an event's webhooks costs one lookup of its type, and one for each prefix that a
// wildcard may follow, however many webhooks there are. Lists are in the order of Seq.
type subscribers struct {
	list        []*dialect.Target            // all of them
	byType      map[string][]*dialect.Target // by each type that it names
	byPrefix    map[string][]*dialect.Target // by the prefix of each of its wildcards
	all         []*dialect.Target            // those that subscribe to all published types
	operational int                          // the number that name operational types
	ordered     int                          // the number with an order by key
	filtered    int                          // the number with a filter
}

// New returns an empty table.
func New() *Table {
	return &Table{byID: map[webhook.ID]*dialect.Target{}, byTenant: map[webhook.ID]*subscribers{}}
}

func newSubscribers() *subscribers {
	return &subscribers{byType: map[string][]*dialect.Target{}, byPrefix: map[string][]*dialect.Target{}}
}

// bySeq orders webhooks by Seq.
func bySeq(to *dialect.Target, seq int64) int { return cmp.Compare(to.Seq, seq) }

// insert adds to to the list, unless it is there: a webhook may name a type twice.
func insert(list []*dialect.Target, to *dialect.Target) []*dialect.Target {
	i, found := slices.BinarySearchFunc(list, to.Seq, bySeq)
	if found {
		return list
	}
	return slices.Insert(list, i, to)
}

// without returns the list without to.
func without(list []*dialect.Target, to *dialect.Target) []*dialect.Target {
	if i, found := slices.BinarySearchFunc(list, to.Seq, bySeq); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// wantsAll reports whether the webhook subscribes to all published types.
func wantsAll(to *dialect.Target) bool {
	return to.Events == nil || slices.Contains(to.Events, webhook.AllPublished)
}

// subscriptions calls f for each key of the webhook, so that no type finds it twice: keys that another of its subscriptions covers
// are skipped.
func (t *subscribers) subscriptions(to *dialect.Target, f func(under map[string][]*dialect.Target, key string)) {
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

func (t *subscribers) add(to *dialect.Target) {
	t.list = insert(t.list, to)
	if wantsAll(to) {
		t.all = insert(t.all, to)
	}
	if to.NamesOperational() {
		t.operational++
	}
	if to.Ordering == webhook.OrderingByKey {
		t.ordered++
	}
	if to.Filter != nil {
		t.filtered++
	}
	t.subscriptions(to, func(under map[string][]*dialect.Target, key string) { under[key] = insert(under[key], to) })
}

func (t *subscribers) remove(to *dialect.Target) {
	t.list = without(t.list, to)
	if wantsAll(to) {
		t.all = without(t.all, to)
	}
	if to.NamesOperational() {
		t.operational--
	}
	if to.Ordering == webhook.OrderingByKey {
		t.ordered--
	}
	if to.Filter != nil {
		t.filtered--
	}
	t.subscriptions(to, func(under map[string][]*dialect.Target, key string) {
		if list := without(under[key], to); len(list) > 0 {
			under[key] = list
		} else {
			delete(under, key)
		}
	})
}

// replace replaces the webhook's previous snapshot, which has the same subscriptions and ordering, and a filter if to has one, by to.
func (t *subscribers) replace(to *dialect.Target) {
	in := func(list []*dialect.Target) {
		if i, found := slices.BinarySearchFunc(list, to.Seq, bySeq); found {
			list[i] = to
		}
	}
	in(t.list)
	if wantsAll(to) {
		in(t.all)
	}
	t.subscriptions(to, func(under map[string][]*dialect.Target, key string) { in(under[key]) })
}

// wanting appends the lists of webhooks that subscribe to the event type. No webhook is in two of them.
func (t *subscribers) wanting(lists [][]*dialect.Target, eventType string) [][]*dialect.Target {
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

// Get returns a webhook, or nil.
func (r *Table) Get(id webhook.ID) *dialect.Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id]
}

// fewRemoved is the number of a tenant's webhooks up to which they are removed from its lists one by one; for more, all of its
// lists are rebuilt.
const fewRemoved = 8

// Change takes over webhooks that were created, changed or deleted.
func (r *Table) Change(targets map[webhook.ID]*dialect.Target) {
	if len(targets) == 0 {
		return
	}
	list := slices.SortedFunc(maps.Values(targets), func(a, b *dialect.Target) int { return cmp.Compare(a.Seq, b.Seq) })
	r.mu.Lock()
	defer r.mu.Unlock()
	removed := map[webhook.ID][]*dialect.Target{} // by tenant
	added := list[:0]
	for _, to := range list {
		was := r.byID[to.ID]
		if was != nil && to.DeletedAt == nil && to.Ordering == was.Ordering && (to.Filter == nil) == (was.Filter == nil) && (to.Events == nil) == (was.Events == nil) && slices.Equal(to.Events, was.Events) {
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
			t = newSubscribers()
			r.byTenant[to.TenantID] = t
		}
		r.byID[to.ID] = to
		t.add(to)
	}
}

// remove removes webhooks from a tenant's lists.
func (r *Table) remove(tenant webhook.ID, gone []*dialect.Target) {
	t := r.byTenant[tenant]
	if len(gone) <= fewRemoved {
		for _, to := range gone {
			t.remove(to)
		}
	} else {
		is := make(map[*dialect.Target]bool, len(gone))
		for _, to := range gone {
			is[to] = true
		}
		again := newSubscribers()
		for _, to := range t.list {
			if !is[to] {
				again.add(to)
			}
		}
		t = again
	}
	if len(t.list) == 0 {
		delete(r.byTenant, tenant)
	} else {
		r.byTenant[tenant] = t
	}
}

// Count returns the number of the tenant's webhooks.
func (r *Table) Count(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return len(t.list)
	}
	return 0
}

// Owners returns the number of tenants that have webhooks.
func (r *Table) Owners() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byTenant)
}

// Operational returns how many of the tenant's webhooks name operational event types.
func (r *Table) Operational(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return t.operational
	}
	return 0
}

// Filtered returns how many of the tenant's webhooks have a filter.
func (r *Table) Filtered(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return t.filtered
	}
	return 0
}

// Ordered reports whether one of the tenant's webhooks has an order by key.
func (r *Table) Ordered(tenant webhook.ID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	return t != nil && t.ordered > 0
}

// Of lists the tenant's webhooks, in the order of Seq.
func (r *Table) Of(tenant webhook.ID) []*dialect.Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return nil
	}
	return slices.Clone(t.list)
}

// Matching appends the tenant's webhooks that subscribe to the event type.
func (r *Table) Matching(list []*dialect.Target, tenant webhook.ID, eventType string) []*dialect.Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return list
	}
	var few [4][]*dialect.Target
	for _, part := range t.wanting(few[:0], eventType) {
		list = append(list, part...)
	}
	return list
}

// Matches counts the tenant's webhooks that subscribe to the event type; newest is their highest Seq.
func (r *Table) Matches(tenant webhook.ID, eventType string) (n int, newest int64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		var few [4][]*dialect.Target
		for _, part := range t.wanting(few[:0], eventType) {
			if len(part) > 0 {
				n, newest = n+len(part), max(newest, part[len(part)-1].Seq)
			}
		}
	}
	return n, newest
}

// After appends the webhooks of Matching with after < Seq <= until, at most n, in the order of Seq. Its cost does not depend on the
// number of others.
func (r *Table) After(list []*dialect.Target, tenant webhook.ID, eventType string, after, until int64, n int) []*dialect.Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return list
	}
	var few [4][]*dialect.Target
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
