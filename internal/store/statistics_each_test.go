package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// What is read of one of several webhooks is read of all of them in two statements, and is what each says alone: of a webhook without deliveries, a
// deleted one, another tenant's, which counts only for everyone, and one that does not exist.
func TestStatisticsOfManyWebhooks(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		a, b := tenant(t, s, "a"), tenant(t, s, "b")
		var ids []webhook.ID
		for i := range 3 {
			ids = append(ids, register(t, a, webhook.New{Enabled: true, Events: []string{fmt.Sprintf("a.n%d", i), "a.all"}}).ID)
		}
		deleted := register(t, a, webhook.New{Enabled: true})
		foreign := register(t, b, webhook.New{Enabled: true})
		publish(t, b, webhook.NewEvent{}, webhook.NewEvent{})
		publish(t, a, webhook.NewEvent{Type: "a.all"}, webhook.NewEvent{Type: "a.n0"}, webhook.NewEvent{Type: "a.n0"})
		must(t, s.FoldStatistics(t.Context()))
		publish(t, a, webhook.NewEvent{Type: "a.n1"})
		must(t, a.DeleteWebhook(t.Context(), deleted.ID))
		webhooktest.Eventually(t, "its deliveries are canceled", func() bool {
			return totals(t, a, store.StatsFilter{WebhookIDs: []webhook.ID{deleted.ID}}).Get(stats.Canceled) == 4
		})
		ids = append(ids, register(t, a, webhook.New{Enabled: true, Events: []string{"never"}}).ID, deleted.ID, foreign.ID, webhook.ID{1})

		during := store.TimeRange{From: new(time.Now().Add(-3 * time.Hour))}
		for _, reader := range []struct {
			name    string
			scope   *store.Scope
			foreign int64
		}{{"the tenant", a, 0}, {"everyone", s.Everyone(), 2}} {
			scope, statements, err := reader.scope.Recording()
			must(t, err)
			of := scope.StatsOf(during, ids)
			for i, id := range ids {
				alone := s.Everyone().Stats(during, store.StatsFilter{WebhookIDs: []webhook.ID{id}})
				if id != foreign.ID || reader.foreign == 0 {
					alone = a.Stats(during, store.StatsFilter{WebhookIDs: []webhook.ID{id}})
				}
				want, _, err := alone.Totals(t.Context())
				must(t, err)
				got, _, err := of[id].Totals(t.Context())
				must(t, err)
				if fmt.Sprint(*got) != fmt.Sprint(*want) {
					t.Errorf("%s: webhook %d: %v, alone %v", reader.name, i, got, want)
				}
				width := 10 * time.Minute
				wantSeries, _, err := alone.Series(t.Context(), &width, 100)
				must(t, err)
				gotSeries, _, err := of[id].Series(t.Context(), &width, 100)
				must(t, err)
				if fmt.Sprint(sumOf(gotSeries)) != fmt.Sprint(sumOf(wantSeries)) || len(gotSeries) != len(wantSeries) {
					t.Errorf("%s: series of webhook %d: %v, alone %v", reader.name, i, gotSeries, wantSeries)
				}
			}
			if got, _, err := of[foreign.ID].Totals(t.Context()); err != nil || got.Get(stats.Owed) != reader.foreign {
				t.Errorf("%s: another tenant's webhook: %v, %v", reader.name, got, err)
			}
			if got, _, err := of[ids[0]].Totals(t.Context()); err != nil || got.Get(stats.Owed) != 3 {
				t.Errorf("%s: the first webhook: %v, %v", reader.name, got, err)
			}
			n := len(statements.All())
			types, _, err := of[ids[0]].By(t.Context(), store.ByType, 10)
			must(t, err)
			if len(types) != 2 || types[1].Type != "a.n0" || types[1].Counts.Get(stats.Owed) != 2 {
				t.Errorf("%s: types of the first webhook: %v", reader.name, types)
			}
			if reader.foreign > 0 && !strings.Contains(statements.All()[n+1].Text, "t.id IN") {
				t.Errorf("types of a webhook are looked for in all tenants: %s", statements.All()[n+1].Text)
			}
			if n != 3 { // the webhooks, their totals, and their series
				t.Errorf("%s: %d statements, want 3", reader.name, n)
			}
		}
	})
}

// The same of several tenants, with their backlogs: one that has nothing, and one that does not exist. A tenant's own registry has only its own.
func TestStatisticsOfManyTenants(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		a, b, idle := tenant(t, s, "a"), tenant(t, s, "b"), tenant(t, s, "idle")
		register(t, a, webhook.New{Enabled: true})
		held := register(t, b, webhook.New{Enabled: true})
		register(t, b, webhook.New{Enabled: true})
		publish(t, a, webhook.NewEvent{})
		publish(t, b, webhook.NewEvent{}, webhook.NewEvent{})
		must(t, s.FoldStatistics(t.Context()))
		publish(t, b, webhook.NewEvent{})
		_, _, err := b.UpdateWebhook(t.Context(), held.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil)
		must(t, err)
		ids := []webhook.ID{a.Tenant(), b.Tenant(), idle.Tenant(), {1}}
		during := store.TimeRange{From: new(time.Now().Add(-3 * time.Hour))}
		type counted struct{ events, due, held int64 }
		all := []counted{{1, 1, 0}, {3, 3, 3}, {}, {}}
		for _, reader := range []struct {
			name string
			of   *store.Registry
			want []counted
		}{{"an operator", s.Registry(nil), all}, {"a tenant", s.Registry(new(a.Tenant())), []counted{all[0], {}, {}, {}}}} {
			of := reader.of.StatsOf(during, ids)
			owed, err := reader.of.BacklogOf(t.Context(), ids)
			must(t, err)
			for i, id := range ids {
				sum, _, err := of[id].Totals(t.Context())
				must(t, err)
				if got := (counted{sum.Get(stats.Events), owed[id].Due, owed[id].Held}); got != reader.want[i] {
					t.Errorf("%s: tenant %d has %v, want %v", reader.name, i, got, reader.want[i])
				}
				if oldest, err := owed[id].Oldest(t.Context()); err != nil || (oldest != nil) != (reader.want[i].due > 0) {
					t.Errorf("%s: tenant %d waits since %v, %v", reader.name, i, oldest, err)
				}
			}
		}
	})
}

// sumOf adds the counts of a series up, by the bucket that has them.
func sumOf(series []*stats.Counts) map[int]stats.Counts {
	by := map[int]stats.Counts{}
	for i, c := range series {
		if c != nil {
			by[i] = *c
		}
	}
	return by
}
