package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The load that BenchmarkFold assumes: events per second, each with one delivery and one attempt, and events per transaction.
const (
	foldRate           = 10_000
	foldPerTransaction = 40
)

// BenchmarkFold measures what folding the journal costs an event. Each round is a minute at foldRate, in which the work by the clock runs when
// it is due, to its end: minutes end and are added to rows. Webhooks are skewed; a hundred are of one tenant, and each has two types. It
// reports this process's CPU (on PostgreSQL without the server's), the time, and the journal's largest size before and after a run.
func BenchmarkFold(b *testing.B) {
	for _, database := range []string{"sqlite", "postgres"} {
		for _, webhooks := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprint(database, "/", webhooks), func(b *testing.B) { benchmarkFold(b, database, webhooks) })
		}
	}
}

func benchmarkFold(b *testing.B, database string, webhooks int) {
	clock := time.Now().Truncate(time.Minute)
	load := openFolding(b, database, func() time.Time { return clock })
	load.webhooks = webhooks
	load.skewed = rand.NewZipf(load.chance, 1.1, 10, uint64(webhooks-1))
	load.createTenants(b, (webhooks+99)/100)
	var cpu, took time.Duration
	var before, after, events int64
	fold := func() {
		before = max(before, load.journalBytes(b))
		was, begun := webhooktest.ProcessorTime(), time.Now()
		if err := load.FoldAt(b.Context(), clock); err != nil {
			b.Fatal(err)
		}
		cpu, took = cpu+webhooktest.ProcessorTime()-was, took+time.Since(begun)
		after = max(after, load.journalBytes(b))
	}
	for b.Loop() {
		for range int(time.Minute / store.FoldEvery) {
			load.run(b, foldRate*int(store.FoldEvery/time.Second), &clock)
			fold()
			events += foldRate * int64(store.FoldEvery/time.Second)
		}
	}
	fold()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(events), "cpu-ns/event")
	b.ReportMetric(float64(took.Nanoseconds())/float64(events), "ns/event")
	b.ReportMetric(float64(before), "journal-B")
	b.ReportMetric(float64(after), "merged-B")
}

// reportCPU reports this process's CPU of each operation until the function that it returns is called.
func reportCPU(b *testing.B) func() {
	was := webhooktest.ProcessorTime()
	return func() {
		b.ReportMetric(float64((webhooktest.ProcessorTime()-was).Nanoseconds())/float64(b.N), "cpu-ns/op")
	}
}

// foldLoad is a store without work by the clock, and what writes its journal.
type foldLoad struct {
	*store.Store

	chance   *rand.Rand
	skewed   *rand.Zipf
	webhooks int
	tenants  []stats.Tenant
}

func openFolding(b *testing.B, database string, now func() time.Time) *foldLoad {
	o := store.Options{Dir: b.TempDir(), Shared: true, Now: now}
	if database == "postgres" {
		o = store.Options{URL: webhooktest.Postgres(b), MasterKeys: [][]byte{webhooktest.MasterKey}, Shared: true, Now: now}
	}
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return &foldLoad{Store: s, chance: rand.New(rand.NewPCG(1, 2))}
}

func (l *foldLoad) createTenants(b *testing.B, n int) []stats.Tenant {
	for i := range n {
		t, err := l.Registry(nil).CreateTenant(b.Context(), fmt.Sprint(i), webhook.TenantPatch{})
		if err != nil {
			b.Fatal(err)
		}
		l.tenants = append(l.tenants, stats.Tenant(t.ID))
	}
	return l.tenants
}

// run writes the journal rows of transactions with this number of events, while the clock advances.
func (l *foldLoad) run(b *testing.B, events int, clock *time.Time) {
	err := l.InTransaction(b.Context(), func(w *dialect.Tx) error {
		var d stats.Delta
		for range events / foldPerTransaction {
			d.Reset()
			for range foldPerTransaction {
				hook := int64(l.skewed.Uint64())
				k := stats.Key{Tenant: l.tenants[hook/100], Webhook: hook + 1, Type: fmt.Sprint("a.", (hook+l.chance.Int64N(2))%20)}
				d.Event(k.Tenant, k.Type)
				d.Owed(k, 1)
				d.Attempted(k, stats.Attempt{Succeeded: true, Status: 204, DurationUs: 500 + l.chance.Int64N(5000)})
				d.Ended(k, stats.Succeeded, 1, true)
				d.Delivered(k, 2000+l.chance.Int64N(5000))
			}
			*clock = clock.Add(time.Second * foldPerTransaction / foldRate)
			if err := l.Dialect().Journal(w, d.Append(nil, clock.UnixMicro())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (l *foldLoad) journalBytes(b *testing.B) (n int64) {
	if err := l.Reader().Raw("SELECT COALESCE(SUM(length(data)), 0) FROM stats_journal").Scan(&n).Error; err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkReadStatistics measures reads of statistics of 30 days, as 10 million attempts leave them: a hundred webhooks with rows of every
// hour and day, and of every minute of the last two days, with histograms of 60 bins; and a journal of 2 MB, of which a tenth is the tenant's.
func BenchmarkReadStatistics(b *testing.B) {
	for _, database := range []string{"sqlite", "postgres"} {
		b.Run(database, func(b *testing.B) {
			s := openFolding(b, database, time.Now)
			tenants := s.createTenants(b, 10)
			fillStatistics(b, s.Store, tenants[0])
			s.webhooks = 1000
			s.skewed = rand.NewZipf(s.chance, 1.1, 10, uint64(s.webhooks-1))
			clock := time.Now()
			s.run(b, 50_000, &clock)
			month := statistics.Query{Tenant: new(webhook.ID(tenants[0])), From: clock.Unix()/60 - 30*24*60, To: clock.Unix()/60 + 1}
			month.Widen(clock)
			hooks := make([]int64, 100)
			for i := range hooks {
				hooks[i] = int64(i + 1)
			}
			tail := &statistics.Tail{}
			for name, change := range map[string]func(q *statistics.Query){
				"tenant by hour":       func(q *statistics.Query) { q.Width = statistics.Hour },
				"webhook by hour":      func(q *statistics.Query) { q.Width, q.Webhooks = statistics.Hour, hooks[:1] },
				"100 webhooks by hour": func(q *statistics.Query) { q.Width, q.Webhooks = statistics.Hour, hooks },
				"each of 100 webhooks": func(q *statistics.Query) { q.By, q.Webhooks = statistics.ByWebhook, hooks },
			} {
				b.Run(name, func(b *testing.B) {
					defer reportCPU(b)()
					for b.Loop() {
						q := month
						change(&q)
						found, err := statistics.Read(s.Reader().WithContext(b.Context()), s.Dialect(), tail, q)
						if err != nil || len(found.Groups) == 0 {
							b.Fatalf("%d groups, %v", len(found.Groups), err)
						}
					}
				})
			}
			b.Run("states of 100 webhooks", func(b *testing.B) {
				defer reportCPU(b)()
				for b.Loop() {
					if _, err := statistics.States(b.Context(), s.Reader(), s.Dialect(), tail, []webhook.ID{*month.Tenant}, hooks); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// fillStatistics writes rows of a tenant with a hundred webhooks.
func fillStatistics(b *testing.B, s *store.Store, tenant stats.Tenant) {
	var c stats.Counts
	for bin := range int64(60) {
		c.Duration.Add(500 * (100 + 5*bin) / 100)
	}
	c.Add(stats.Owed, 60)
	data := c.Append(nil)
	now := time.Now().Unix() / 60
	var keys []dialect.StatsKey
	put := func(least int) {
		if len(keys) < least {
			return
		}
		rows := make([][]byte, len(keys))
		for i := range rows {
			rows[i] = data
		}
		if err := s.InTransaction(b.Context(), func(w *dialect.Tx) error { return s.Dialect().PutStats(w, keys, rows) }); err != nil {
			b.Fatal(err)
		}
		keys = keys[:0]
	}
	for hook := range int64(101) {
		for _, of := range []struct{ grain, back int64 }{{statistics.Minute, 2 * statistics.Day}, {statistics.Hour, 30 * statistics.Day}, {statistics.Day, 30 * statistics.Day}} {
			for at := (now - of.back) / of.grain * of.grain; at <= now; at += of.grain {
				keys = append(keys, dialect.StatsKey{Tenant: webhook.ID(tenant), Grain: of.grain, Webhook: hook, Bucket: at})
				put(2000)
			}
		}
	}
	put(1)
}
