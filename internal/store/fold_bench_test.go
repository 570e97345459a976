package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// BenchmarkFold measures what folding the journal costs an event with one delivery and one attempt, of transactions of 40 events to
// webhooks that are skewed, a hundred of each tenant, with two types each.
func BenchmarkFold(b *testing.B) {
	for _, webhooks := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(webhooks), func(b *testing.B) {
			s, err := Open(b.Context(), Options{Dir: b.TempDir(), Shared: true})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			var tenants []webhook.ID
			for i := range (webhooks + 99) / 100 {
				t, err := s.Registry(nil).CreateTenant(b.Context(), fmt.Sprint(i), webhook.TenantPatch{})
				if err != nil {
					b.Fatal(err)
				}
				tenants = append(tenants, t.ID)
			}
			chance := rand.New(rand.NewPCG(1, 2))
			skewed := rand.NewZipf(chance, 1.1, 10, uint64(webhooks-1))
			at := time.Now().UnixMicro()
			const perBlob, perRound = 40, 40 * 512
			b.ReportAllocs()
			for n := 0; n < b.N; n += perRound {
				b.StopTimer()
				err := s.change(b.Context(), func(w *batch) error {
					var d stats.Delta
					for range perRound / perBlob {
						d.Reset()
						for range perBlob {
							hook := int64(skewed.Uint64())
							k := stats.Key{Tenant: stats.Tenant(tenants[hook/100]), Webhook: hook + 1, Type: fmt.Sprint("a.", (hook+chance.Int64N(2))%20)}
							d.Event(k.Tenant, k.Type)
							d.Owed(k, 1)
							d.Attempted(k, stats.Attempt{Succeeded: true, Status: 204, DurationUs: 500 + chance.Int64N(5000)})
							d.Ended(k, stats.Succeeded, 1, true)
							d.Delivered(k, 2000+chance.Int64N(5000))
						}
						if err := w.DB.Exec("INSERT INTO stats_journal (data) SELECT ?", d.Append(nil, at)).Error; err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := s.FoldStatistics(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
