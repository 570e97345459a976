package routing

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// After any changes an event matches the webhooks of its tenant that subscribe to its type, once each; in pieces of any length, up
// to any webhook, it matches the same ones in order. Enabled and disabled ones are counted.
func TestRoutesFollowWebhooks(t *testing.T) {
	r, m := New(), newModel()
	for range 2000 {
		m.change()
		if m.random.IntN(2) == 0 {
			continue
		}
		r.Change(m.changes)
		m.changes = map[webhook.ID]*dialect.Target{}
		tenant, wanted := m.tenants[m.random.IntN(len(m.tenants))], someTypes[m.random.IntN(len(someTypes))]
		m.checkMatches(t, r, tenant, wanted)
		m.checkPieces(t, r, tenant, wanted)
		m.checkWanted(t, r, tenant, wanted)
		m.checkNewest(t, r, tenant, wanted)
		m.checkEnabled(t, r)
	}
}

var someFilters = []string{"", "", `{"data":{"n":1}}`, `{"data":{"n":{"$in":[1,2]}}}`, `{"data":{"n":{"$gt":1}}}`, `{"type":"a.b"}`, `{"tags":"x","data":{"n":3}}`}

// checkWanted checks that an event is wanted by exactly the webhooks that subscribe to its type and whose filter it matches; that the answers are
// those of the filters; and that a webhook that a version passed over does not want it, as long as its filter is the same.
func (m *model) checkWanted(t *testing.T, r *Table, tenant webhook.ID, eventType string) {
	t.Helper()
	e := &webhook.Event{TenantID: tenant, Type: eventType, Tags: []string{"y", "x"}[:m.random.IntN(3)], Data: fmt.Appendf(nil, `{"n":%d}`, m.random.IntN(4))}
	w := r.Wanted(e)
	if (w == nil) != (r.Filtered(tenant) == 0) || w != nil && w.Version != r.Version(tenant) {
		t.Fatalf("wanted %v of version %d; %d webhooks have a filter", w, r.Version(tenant), r.Filtered(tenant))
	}
	all, filters, unguarded := r.Matching(nil, tenant, eventType), 0, 0
	if w != nil {
		want := slices.DeleteFunc(slices.Clone(all), func(to *dialect.Target) bool { return !to.Wants(e) })
		slices.SortFunc(want, inOrder)
		if got := slices.SortedFunc(slices.Values(w.By), inOrder); !slices.Equal(got, want) {
			t.Fatalf("%d webhooks want %s %v %s, not %d", len(got), e.Type, e.Tags, e.Data, len(want))
		}
	}
	for _, to := range r.Of(tenant) {
		is, known := w.Answer(to.Filter)
		if to.Filter == nil {
			continue
		}
		if known && is != to.Wants(e) || !known && !r.Guarded(to) {
			t.Fatalf("the answer of %s to %s is %v, %v", *to.Webhook.Filter, e.Data, is, known)
		}
		if r.Passed(to, w.Version) != r.Guarded(to) || r.Passed(to, w.Version-1) && r.Version(tenant) == 1 {
			t.Fatalf("%s is passed over: %v", to.ID, r.Passed(to, w.Version))
		}
		if !known && wants(to, e.Type) && to.Wants(e) {
			t.Fatalf("%s was passed over, but wants the event", to.ID)
		}
	}
	if last := m.last[tenant]; last != nil && last.wanted != nil {
		for _, to := range last.all {
			now := r.Get(to.ID)
			if now == nil || now.Filter == nil || now.Filter != to.Filter {
				continue
			}
			if is, known := last.wanted.Answer(now.Filter); known && is != now.Wants(last.event) || !known && r.Passed(now, last.wanted.Version) && now.Wants(last.event) {
				t.Fatalf("version %d answered for %s: %v, %v", last.wanted.Version, to.ID, is, known)
			}
		}
	}
	m.last[tenant] = &lookup{e, w, all}
	bytes := 0
	for _, to := range r.Of(tenant) {
		if bytes += to.FilterBytes(); to.Filter != nil {
			filters++
			if !r.Guarded(to) {
				unguarded++
			}
		}
	}
	if r.Filtered(tenant) != filters || r.Unguarded(tenant) != unguarded || r.FilterBytes(tenant) != bytes {
		t.Fatalf("%d filters, %d unguarded, %d bytes, want %d, %d, %d", r.Filtered(tenant), r.Unguarded(tenant), r.FilterBytes(tenant), filters, unguarded, bytes)
	}
}

// lookup is a result of Wanted.
type lookup struct {
	event  *webhook.Event
	wanted *dialect.Wanted
	all    []*dialect.Target // that subscribed to the type
}

var (
	someTypes    = []string{"a", "b", "a.b", "a.b.c", "ab.c", "hookgraph.test", "hookgraph.webhook.disabled"}
	somePatterns = append([]string{"*", "a.*", "a.b.*", "b.*", "hookgraph.*", "hookgraph.webhook.*"}, someTypes...)
)

// model is the webhooks of two tenants.
type model struct {
	random  *rand.Rand
	tenants []webhook.ID
	ids     []webhook.ID
	hooks   map[webhook.ID]*dialect.Target
	changes map[webhook.ID]*dialect.Target // that the routes do not know yet
	last    map[webhook.ID]*lookup         // by tenant
}

func newModel() *model {
	return &model{
		random: rand.New(rand.NewPCG(1, 2)), tenants: []webhook.ID{webhook.NewID(time.Now()), webhook.NewID(time.Now())},
		hooks: map[webhook.ID]*dialect.Target{}, changes: map[webhook.ID]*dialect.Target{}, last: map[webhook.ID]*lookup{},
	}
}

// change creates, changes, deletes or restores a webhook, and sometimes all at once.
func (m *model) change() {
	to := &dialect.Target{}
	if len(m.ids) > 0 && m.random.IntN(3) > 0 {
		*to = *m.hooks[m.ids[m.random.IntN(len(m.ids))]]
	} else {
		to.ID, to.TenantID = webhook.NewID(time.Now()), m.tenants[m.random.IntN(len(m.tenants))]
		to.Seq = int64(len(m.ids)+2) ^ 1 // not in the order of the changes
		m.ids = append(m.ids, to.ID)
	}
	to.Events = nil
	for range m.random.IntN(4) {
		to.Events = append(to.Events, somePatterns[m.random.IntN(len(somePatterns))]) // may be twice
	}
	source := someFilters[m.random.IntN(len(someFilters))]
	if to.Webhook.Filter = nil; source != "" {
		to.Webhook.Filter = &source
	}
	if err := to.Compile(); err != nil {
		panic(err)
	}
	to.Enabled = m.random.IntN(2) == 0
	to.DeletedAt = nil
	if m.random.IntN(4) == 0 {
		to.DeletedAt = new(time.Time)
	}
	m.hooks[to.ID], m.changes[to.ID] = to, to
	if m.random.IntN(40) == 0 { // all webhooks are removed at once, or changed
		for id, to := range m.hooks {
			next := *to
			next.DeletedAt = to.DeletedAt
			if to.TenantID == m.tenants[0] && len(m.changes) == 1 {
				next.DeletedAt = new(time.Time)
			}
			m.hooks[id], m.changes[id] = &next, &next
		}
	}
}

// subscribes reports whether a webhook gets events of a type.
func subscribes(to *dialect.Target, eventType string) bool {
	return to.Events == nil && !webhook.Operational(eventType) || slices.ContainsFunc(to.Events, func(e string) bool {
		return e == eventType || e == "*" && !webhook.Operational(eventType) || strings.HasSuffix(e, ".*") && strings.HasPrefix(eventType, e[:len(e)-1])
	})
}

func inOrder(a, b *dialect.Target) int { return cmp.Compare(a.Seq, b.Seq) }

// checkEnabled checks that the webhooks of all tenants are counted by whether they are enabled.
func (m *model) checkEnabled(t *testing.T, r *Table) {
	t.Helper()
	var want [2]int
	for _, to := range m.hooks {
		switch {
		case to.DeletedAt != nil:
		case to.Enabled:
			want[0]++
		default:
			want[1]++
		}
	}
	if enabled, disabled := r.Enabled(); [2]int{enabled, disabled} != want {
		t.Fatalf("%d webhooks are enabled and %d disabled, want %v", enabled, disabled, want)
	}
}

// checkMatches checks that an event matches the webhooks that subscribe to its type, once each.
func (m *model) checkMatches(t *testing.T, r *Table, tenant webhook.ID, wanted string) {
	t.Helper()
	want, live := map[webhook.ID]*dialect.Target{}, 0
	for id, to := range m.hooks {
		if to.TenantID != tenant || to.DeletedAt != nil {
			continue
		}
		live++
		if subscribes(to, wanted) {
			want[id] = to
		}
	}
	n, newest := r.Matches(tenant, wanted)
	all := r.Matching(nil, tenant, wanted)
	if n != len(all) || n > 0 && newest != slices.MaxFunc(all, inOrder).Seq {
		t.Fatalf("%d webhooks want %q, the newest is %d, but %d get it", n, wanted, newest, len(all))
	}
	for _, to := range all {
		if want[to.ID] != to {
			t.Fatalf("%s of events %v gets %q, or again", to.ID, to.Events, wanted)
		}
		delete(want, to.ID)
	}
	if len(want) > 0 {
		t.Fatalf("%d webhooks do not get %q", len(want), wanted)
	}
	if r.Count(tenant) != live || len(r.Of(tenant)) != live {
		t.Fatalf("%d webhooks are counted, want %d", r.Count(tenant), live)
	}
}

// checkNewest checks that the newest webhooks of an event, between any two places, are the last of all that match it there.
func (m *model) checkNewest(t *testing.T, r *Table, tenant webhook.ID, wanted string) {
	t.Helper()
	_, newest := r.Matches(tenant, wanted)
	after, before, n := m.random.Int64N(newest+3)-1, m.random.Int64N(newest+3)-1, m.random.IntN(8)
	want := slices.DeleteFunc(r.Matching(nil, tenant, wanted), func(to *dialect.Target) bool { return to.Seq <= after || to.Seq >= before })
	slices.SortFunc(want, func(a, b *dialect.Target) int { return inOrder(b, a) })
	want = want[:min(n, len(want))]
	if got := r.Newest(tenant, wanted, after, before, n); !slices.Equal(got, want) {
		t.Fatalf("the newest %d from %d to %d are %d webhooks, want %d", n, after, before, len(got), len(want))
	}
}

// checkPieces checks that an event matches the same webhooks in order, in pieces of any length and up to any webhook.
func (m *model) checkPieces(t *testing.T, r *Table, tenant webhook.ID, wanted string) {
	t.Helper()
	_, newest := r.Matches(tenant, wanted)
	until := m.random.Int64N(newest + 1)
	var pieces []*dialect.Target
	for size, last := 1+m.random.IntN(20), -1; len(pieces) > last; {
		last = len(pieces)
		after := int64(0)
		if last > 0 {
			after = pieces[last-1].Seq
		}
		pieces = r.After(pieces, tenant, wanted, after, until, size)
	}
	early := slices.DeleteFunc(r.Matching(nil, tenant, wanted), func(to *dialect.Target) bool { return to.Seq > until })
	if slices.SortFunc(early, inOrder); !slices.Equal(pieces, early) {
		t.Fatalf("in pieces up to %d, %d webhooks get %q, want %d", until, len(pieces), wanted, len(early))
	}
}

// However many webhooks are deleted at once, all others stay, in order, and nothing is left of a tenant without webhooks.
func TestManyDeletedAtOnce(t *testing.T) {
	r, now := New(), time.Now()
	tenant := webhook.NewID(now)
	all := map[webhook.ID]*dialect.Target{}
	for seq := range int64(4 * fewRemoved) {
		to := &dialect.Target{Webhook: webhook.Webhook{Seq: seq, ID: webhook.NewID(now), TenantID: tenant}}
		all[to.ID] = to
	}
	r.Change(all)
	for _, odd := range []int64{1, 0} {
		gone := map[webhook.ID]*dialect.Target{}
		for id, to := range all {
			if to.Seq%2 == odd {
				deleted := *to
				deleted.DeletedAt = &now
				gone[id] = &deleted
			}
		}
		r.Change(gone)
		want := 2 * fewRemoved * int(odd)
		left := r.Of(tenant)
		if len(left) != want || r.Count(tenant) != want || r.Owners() != int(odd) || !slices.IsSortedFunc(left, inOrder) {
			t.Errorf("%d webhooks of %d tenants are left, want %d of %d: %v", r.Count(tenant), r.Owners(), want, odd, left)
		}
		for _, to := range left {
			if gone[to.ID] != nil || r.Get(to.ID) != to {
				t.Errorf("webhook %d is left, and deleted", to.Seq)
			}
		}
	}
}
