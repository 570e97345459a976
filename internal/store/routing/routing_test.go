package routing

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// After any changes an event matches the webhooks of its tenant that subscribe to its type, once each; in pieces of any length, up
// to any webhook, it matches the same ones in order.
func TestRoutesFollowWebhooks(t *testing.T) {
	r := New()
	random := rand.New(rand.NewPCG(1, 2))
	types := []string{"a", "b", "a.b", "a.b.c", "ab.c", "hookgraph.test", "hookgraph.webhook.disabled"}
	named := append([]string{"*", "a.*", "a.b.*", "b.*", "hookgraph.*", "hookgraph.webhook.*"}, types...)
	wants := func(to *dialect.Target, eventType string) bool {
		return to.Events == nil && !webhook.Operational(eventType) || slices.ContainsFunc(to.Events, func(e string) bool {
			return e == eventType || e == "*" && !webhook.Operational(eventType) || strings.HasSuffix(e, ".*") && strings.HasPrefix(eventType, e[:len(e)-1])
		})
	}
	tenants := []webhook.ID{webhook.NewID(time.Now()), webhook.NewID(time.Now())}
	model := map[webhook.ID]*dialect.Target{}
	changes := map[webhook.ID]*dialect.Target{}
	var ids []webhook.ID
	for range 2000 {
		to := &dialect.Target{}
		if len(ids) > 0 && random.IntN(3) > 0 {
			*to = *model[ids[random.IntN(len(ids))]]
		} else {
			to.ID, to.TenantID = webhook.NewID(time.Now()), tenants[random.IntN(len(tenants))]
			to.Seq = int64(len(ids)+2) ^ 1 // not in the order of the changes
			ids = append(ids, to.ID)
		}
		to.Events = nil
		for range random.IntN(4) {
			to.Events = append(to.Events, named[random.IntN(len(named))]) // may be twice
		}
		to.DeletedAt = nil
		if random.IntN(4) == 0 {
			to.DeletedAt = new(time.Time)
		}
		model[to.ID], changes[to.ID] = to, to
		if random.IntN(40) == 0 { // all webhooks are removed at once, or changed
			for id, to := range model {
				next := *to
				next.DeletedAt = to.DeletedAt
				if to.TenantID == tenants[0] && len(changes) == 1 {
					next.DeletedAt = new(time.Time)
				}
				model[id], changes[id] = &next, &next
			}
		}
		if random.IntN(2) == 0 {
			continue
		}
		r.Change(changes)
		changes = map[webhook.ID]*dialect.Target{}

		tenant, want := tenants[random.IntN(len(tenants))], map[webhook.ID]*dialect.Target{}
		wanted := types[random.IntN(len(types))]
		live := 0
		for id, to := range model {
			if to.TenantID != tenant || to.DeletedAt != nil {
				continue
			}
			live++
			if wants(to, wanted) {
				want[id] = to
			}
		}
		n, newest := r.Matches(tenant, wanted)
		all := r.Matching(nil, tenant, wanted)
		if n != len(all) || n > 0 && newest != slices.MaxFunc(all, func(a, b *dialect.Target) int { return cmp.Compare(a.Seq, b.Seq) }).Seq {
			t.Fatalf("%d webhooks want %q, the newest is %d, but %d get it", n, wanted, newest, len(all))
		}
		until := random.Int64N(newest + 1)
		var pieces []*dialect.Target
		for size, last := 1+random.IntN(20), -1; len(pieces) > last; {
			last = len(pieces)
			after := int64(0)
			if last > 0 {
				after = pieces[last-1].Seq
			}
			pieces = r.After(pieces, tenant, wanted, after, until, size)
		}
		slices.SortFunc(all, func(a, b *dialect.Target) int { return cmp.Compare(a.Seq, b.Seq) })
		if early := slices.DeleteFunc(slices.Clone(all), func(to *dialect.Target) bool { return to.Seq > until }); !slices.Equal(pieces, early) {
			t.Fatalf("in pieces up to %d, %d webhooks get %q, want %d", until, len(pieces), wanted, len(early))
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
}
