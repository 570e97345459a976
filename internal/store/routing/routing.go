// Package routing knows which webhooks subscribe to an event, so that publishing needs no lookup.
package routing

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// Table knows every webhook that is not deleted. The writer changes it after each commit; mu guards the maps, and a Target never changes.
type Table struct {
	mu       sync.RWMutex
	byID     map[webhook.ID]*dialect.Target
	byTenant map[webhook.ID]*subscribers
	enabled  int    // webhooks
	version  uint64 // of the last change
}

// subscribers are one tenant's webhooks. Finding an event's webhooks costs one lookup of its type, and one for each prefix that a
// wildcard may follow, however many webhooks there are. Lists are in the order of Seq.
type subscribers struct {
	list        []*dialect.Target // all of them
	every       lists             // all of them
	operational int               // the number that name operational types
	ordered     int               // the number with an order by key
	filtered    int               // the number with a filter
	filters     int               // the bytes of all filters' sources
	version     uint64            // of the last change of a subscription or a filter

	// index has the filters with a guard, and plain the webhooks without a filter. Both are nil if no webhook has one.
	index *filter.Index[webhook.ID]
	plain *lists
	since map[webhook.ID]uint64 // the version from which on a filter is in the index
	// unguarded are the other filters, which events are matched with together.
	unguarded        map[webhook.ID]*filter.Filter
	unguardedVersion uint64 // of their last change
	together         atomic.Pointer[together]
}

// together are the filters that are not in the index, at a version.
type together struct {
	version uint64
	ids     []webhook.ID            // whose filters they are
	filters func() *filter.Together // which compiles them the first time
}

// lists has webhooks by what they subscribe to.
type lists struct {
	byType   map[string][]*dialect.Target // by each type that they name
	byPrefix map[string][]*dialect.Target // by the prefix of each of their wildcards
	all      []*dialect.Target            // those that subscribe to all published types
}

func newLists() lists {
	return lists{byType: map[string][]*dialect.Target{}, byPrefix: map[string][]*dialect.Target{}}
}

// New returns an empty table.
func New() *Table {
	return &Table{byID: map[webhook.ID]*dialect.Target{}, byTenant: map[webhook.ID]*subscribers{}}
}

func newSubscribers() *subscribers {
	return &subscribers{every: newLists(), unguarded: map[webhook.ID]*filter.Filter{}}
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

// wants reports whether the lists have the webhook for the event type.
func wants(to *dialect.Target, eventType string) bool {
	return wantsAll(to) && !webhook.Operational(eventType) || slices.ContainsFunc(to.Events, func(e string) bool { return webhook.MatchesType(e, eventType) })
}

// subscriptions calls f for each key of the webhook, so that no type finds it twice: keys that another of its subscriptions covers
// are skipped.
func (l *lists) subscriptions(to *dialect.Target, f func(under map[string][]*dialect.Target, key string)) {
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
			f(l.byPrefix, prefix)
		} else {
			f(l.byType, e)
		}
	}
}

func (l *lists) add(to *dialect.Target) {
	if wantsAll(to) {
		l.all = insert(l.all, to)
	}
	l.subscriptions(to, func(under map[string][]*dialect.Target, key string) { under[key] = insert(under[key], to) })
}

func (l *lists) remove(to *dialect.Target) {
	if wantsAll(to) {
		l.all = without(l.all, to)
	}
	l.subscriptions(to, func(under map[string][]*dialect.Target, key string) {
		if list := without(under[key], to); len(list) > 0 {
			under[key] = list
		} else {
			delete(under, key)
		}
	})
}

// replace replaces the webhook's previous snapshot.
func (l *lists) replace(to *dialect.Target) {
	if wantsAll(to) {
		replace(l.all, to)
	}
	l.subscriptions(to, func(under map[string][]*dialect.Target, key string) { replace(under[key], to) })
}

func replace(list []*dialect.Target, to *dialect.Target) {
	if i, found := slices.BinarySearchFunc(list, to.Seq, bySeq); found {
		list[i] = to
	}
}

// wanting appends the lists of webhooks that subscribe to the event type. No webhook is in two of them.
func (l *lists) wanting(all [][]*dialect.Target, eventType string) [][]*dialect.Target {
	if !webhook.Operational(eventType) {
		all = append(all, l.all)
	}
	if named := l.byType[eventType]; len(named) > 0 {
		all = append(all, named)
	}
	if len(l.byPrefix) == 0 {
		return all
	}
	for i := range len(eventType) {
		if eventType[i] == '.' {
			if named := l.byPrefix[eventType[:i+1]]; len(named) > 0 {
				all = append(all, named)
			}
		}
	}
	return all
}

// tally adds n times what the counters count of the webhook.
func (t *subscribers) tally(to *dialect.Target, n int) {
	if to.NamesOperational() {
		t.operational += n
	}
	if to.Ordering == webhook.OrderingByKey {
		t.ordered += n
	}
	if to.Filter != nil {
		t.filtered += n
		t.filters += n * to.FilterBytes()
	}
}

func (t *subscribers) add(to *dialect.Target) {
	t.tally(to, 1)
	t.every.add(to)
	switch {
	case to.Filter != nil:
		t.addFilter(to)
	case t.plain != nil:
		t.plain.add(to)
	}
	t.list = insert(t.list, to)
}

// addFilter adds the filter of a webhook, which is not in the list yet, to the index if it has a guard, or to the others.
func (t *subscribers) addFilter(to *dialect.Target) {
	if t.index == nil {
		t.index, t.plain, t.since = filter.NewIndex[webhook.ID](), new(newLists()), map[webhook.ID]uint64{}
		for _, other := range t.list {
			t.plain.add(other)
		}
	}
	if t.index.Add(to.Filter, to.ID) {
		t.since[to.ID] = t.version
		return
	}
	t.unguarded[to.ID] = to.Filter
	t.unguardedVersion = t.version
}

func (t *subscribers) remove(to *dialect.Target) {
	t.tally(to, -1)
	t.list = without(t.list, to)
	t.every.remove(to)
	switch {
	case to.Filter != nil:
		t.removeFilter(to)
	case t.plain != nil:
		t.plain.remove(to)
	}
}

// removeFilter removes the filter of a webhook, which is not counted any more.
func (t *subscribers) removeFilter(to *dialect.Target) {
	if _, guarded := t.since[to.ID]; guarded {
		t.index.Remove(to.ID)
		delete(t.since, to.ID)
	} else {
		delete(t.unguarded, to.ID)
		t.unguardedVersion = t.version
		t.together.Store(nil)
	}
	if t.filtered == 0 {
		t.index, t.plain, t.since = nil, nil, nil
	}
}

// replace replaces the webhook's previous snapshot, which has the same subscriptions, ordering and filter, by to.
func (t *subscribers) replace(to *dialect.Target) {
	replace(t.list, to)
	t.every.replace(to)
	if t.plain != nil && to.Filter == nil {
		t.plain.replace(to)
	}
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
	r.version++
	removed := map[webhook.ID][]*dialect.Target{} // by tenant
	added := list[:0]
	for _, to := range list {
		was := r.byID[to.ID]
		if was != nil && was.Enabled {
			r.enabled--
		}
		if to.DeletedAt == nil && to.Enabled {
			r.enabled++
		}
		if was != nil && to.DeletedAt == nil && to.Ordering == was.Ordering && to.Filter == was.Filter && (to.Events == nil) == (was.Events == nil) && slices.Equal(to.Events, was.Events) {
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
		t.version = r.version
		t.add(to)
	}
}

// remove removes webhooks from a tenant's lists.
func (r *Table) remove(tenant webhook.ID, gone []*dialect.Target) {
	t := r.byTenant[tenant]
	t.version = r.version
	if len(gone) <= fewRemoved {
		for _, to := range gone {
			t.remove(to)
		}
	} else {
		t.removeMany(gone)
	}
	if len(t.list) == 0 {
		delete(r.byTenant, tenant)
	}
}

// removeMany removes webhooks, and rebuilds all lists; only the filters stay, of which each is removed at little cost.
func (t *subscribers) removeMany(gone []*dialect.Target) {
	is := make(map[*dialect.Target]bool, len(gone))
	for _, to := range gone {
		is[to] = true
		t.tally(to, -1)
		if to.Filter != nil {
			t.removeFilter(to)
		}
	}
	t.list = slices.DeleteFunc(t.list, func(to *dialect.Target) bool { return is[to] })
	t.every = newLists()
	if t.plain != nil {
		t.plain = new(newLists())
	}
	for _, to := range t.list {
		t.every.add(to)
		if t.plain != nil && to.Filter == nil {
			t.plain.add(to)
		}
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

// Enabled returns the number of all tenants' webhooks that are enabled, and of those that are not.
func (r *Table) Enabled() (enabled, disabled int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.enabled, len(r.byID) - r.enabled
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

// Unguarded returns how many of the tenant's webhooks have a filter that is not in the index: each event of their types is matched with it.
func (r *Table) Unguarded(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return len(t.unguarded)
	}
	return 0
}

// FilterBytes returns the length of the sources of the tenant's filters.
func (r *Table) FilterBytes(tenant webhook.ID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return t.filters
	}
	return 0
}

// Guarded reports whether the webhook's filter, which the table knows, is in the index.
func (r *Table) Guarded(to *dialect.Target) bool {
	_, is := r.guardedSince(to)
	return is
}

// guardedSince returns the version from which on the webhook's filter, which the table must still have, is in the index.
func (r *Table) guardedSince(to *dialect.Target) (version uint64, is bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[to.TenantID]
	if t == nil || r.byID[to.ID] == nil || r.byID[to.ID].Filter != to.Filter {
		return 0, false
	}
	version, is = t.since[to.ID]
	return version, is
}

// Room reports whether the index has room for one more filter of the tenant, besides those that are about to be added.
func (r *Table) Room(tenant webhook.ID, f *filter.Filter, others []*filter.Filter) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil && t.index != nil {
		return t.index.Room(f, others)
	}
	return filter.NewIndex[webhook.ID]().Room(f, others)
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
	for _, part := range t.every.wanting(few[:0], eventType) {
		list = append(list, part...)
	}
	return list
}

// Version says when a subscription or a filter of the tenant changed last.
func (r *Table) Version(tenant webhook.ID) uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		return t.version
	}
	return 0
}

// Passed reports whether the filter of a webhook was in the index at the version, and is still the same: if Wanted did not find it then, it does
// not match.
func (r *Table) Passed(to *dialect.Target, version uint64) bool {
	since, is := r.guardedSince(to)
	return is && since <= version
}

// Wanted matches the event with the tenant's filters, and returns the webhooks of Matching that want it; nil if no webhook has a filter.
func (r *Table) Wanted(e *webhook.Event) *dialect.Wanted {
	r.mu.RLock()
	t := r.byTenant[e.TenantID]
	if t == nil || t.filtered == 0 {
		r.mu.RUnlock()
		return nil
	}
	w := &dialect.Wanted{Version: t.version}
	var few [4][]*dialect.Target
	for _, part := range t.plain.wanting(few[:0], e.Type) {
		w.By = append(w.By, part...)
	}
	index, others := t.index, t.current()
	r.mu.RUnlock()

	// The filters are not evaluated under the lock, because that may take long. Webhooks whose filter changes meanwhile have another version.
	var room [16]webhook.ID
	ids := index.Find(room[:0], e.Type, e.Tags, e.Data)
	if len(ids) > 1 {
		slices.SortFunc(ids, func(a, b webhook.ID) int { return bytes.Compare(a[:], b[:]) })
		ids = slices.Compact(ids)
	}
	w.Match(e, r.subscribed(nil, ids, e))
	if others != nil {
		ids = ids[:0]
		for i := range w.MatchTogether(e, others.filters()).Matched() {
			ids = append(ids, others.ids[i])
		}
		w.By = r.subscribed(w.By, ids, e)
	}
	return w
}

// current returns the filters that are not in the index; nil if there are none.
func (t *subscribers) current() *together {
	if len(t.unguarded) == 0 {
		return nil
	}
	if known := t.together.Load(); known != nil && known.version == t.unguardedVersion {
		return known
	}
	fresh, all := &together{version: t.unguardedVersion}, make([]*filter.Filter, 0, len(t.unguarded))
	for id, f := range t.unguarded {
		fresh.ids, all = append(fresh.ids, id), append(all, f)
	}
	fresh.filters = sync.OnceValue(func() *filter.Together { return filter.NewTogether(all) })
	t.together.Store(fresh) // of several at once any is right
	return fresh
}

// subscribed appends those of the webhooks that have a filter and subscribe to the event's type.
func (r *Table) subscribed(list []*dialect.Target, ids []webhook.ID, e *webhook.Event) []*dialect.Target {
	if len(ids) == 0 {
		return list
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, id := range ids {
		if to := r.byID[id]; to != nil && to.TenantID == e.TenantID && to.Filter != nil && wants(to, e.Type) {
			list = append(list, to)
		}
	}
	return list
}

// Matches counts the tenant's webhooks that subscribe to the event type; newest is their highest Seq.
func (r *Table) Matches(tenant webhook.ID, eventType string) (n int, newest int64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.byTenant[tenant]; t != nil {
		var few [4][]*dialect.Target
		for _, part := range t.every.wanting(few[:0], eventType) {
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
	parts := t.every.wanting(few[:0], eventType)
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

// Newest returns the newest n of the webhooks of Matching with after < Seq < before, in the falling order of Seq. Its cost does not depend on the
// number of others.
func (r *Table) Newest(tenant webhook.ID, eventType string, after, before int64, n int) []*dialect.Target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.byTenant[tenant]
	if t == nil {
		return nil
	}
	var few [4][]*dialect.Target
	parts := t.every.wanting(few[:0], eventType)
	for i := range parts {
		to, _ := slices.BinarySearchFunc(parts[i], before, bySeq)
		parts[i] = parts[i][:to]
	}
	var list []*dialect.Target
	for range n {
		next, seq := -1, after
		for i, part := range parts {
			if last := len(part) - 1; last >= 0 && part[last].Seq > seq {
				next, seq = i, part[last].Seq
			}
		}
		if next < 0 {
			break
		}
		last := len(parts[next]) - 1
		list, parts[next] = append(list, parts[next][last]), parts[next][:last]
	}
	return list
}
