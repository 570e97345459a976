package store_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// failer is a sender that takes every delivery.
type failer struct {
	store.Dispatcher // not called otherwise

	mu   sync.Mutex
	took []*store.Claimed
}

func (d *failer) Batch(do func(store.Dispatcher)) { do(d) }
func (*failer) Nodes(int)                         {}
func (*failer) Claimed() int                      { return 0 }
func (*failer) Busy(webhook.ID) bool              { return false }
func (*failer) Due(webhook.ID, time.Time)         {}
func (*failer) Changed(_, _ *store.Target)        {}
func (*failer) Reserve(*store.Target, int) bool   { return true }
func (*failer) Release(*store.Target, int)        {}
func (d *failer) Take(claimed *store.Claimed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.took = append(d.took, claimed)
}

// fail records that what was taken has failed, when that are n deliveries: those to many webhooks are made in several transactions.
func (d *failer) fail(t testing.TB, s *store.Store, n int) {
	t.Helper()
	var took []*store.Claimed
	webhooktest.Eventually(t, "all deliveries are taken", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		took = append(took, d.took...)
		d.took = nil
		return len(took) >= n
	}, func() string { return strconv.Itoa(len(took)) })
	if len(took) != n {
		t.Fatalf("%d deliveries to %d webhooks", len(took), n)
	}
	code, status := webhook.ErrorHTTPStatus, 500
	for _, claimed := range took {
		must(t, s.Record(t.Context(), &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
			Status: webhook.AttemptFailed, Error: &code, Trigger: claimed.Delivery.Trigger, StartedAt: time.Now(), ResponseStatus: &status,
		}}))
	}
	must(t, s.Flush(t.Context()))
}

// 10,000 webhooks that fail have one issue each of a kind and error, however often they do: no more rows come after the first failures, each
// transaction writes them in one statement, and a page of them reads a page.
func TestManyFailingWebhooks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	each(t, func(t *suite) {
		n := 10_000
		if t.Kind == "postgres" {
			n = 1000 // there it takes a minute otherwise
		}
		s := t.Fresh().Rest(t, store.Options{Tuning: merging()})
		d := &failer{}
		s.Start(d, nil)
		c := tenant(t, s, "a")
		registerMany(t, c, n, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}})
		for round := 1; round <= 6; round++ {
			publish(t, c, webhook.NewEvent{Type: "a.b"})
			must(t, s.Flush(t.Context()))
			statements := s.CountWrites()
			d.fail(t, s, n)
			about, transactions := 0, 0
			for _, text := range statements() {
				if strings.Contains(text, "INTO issues") {
					about++
				}
				if strings.Contains(text, "stats_journal") {
					transactions++
				}
			}
			if about == 0 || about > max(transactions, n/100) {
				t.Errorf("round %d: %d statements about issues in %d transactions", round, about, transactions)
			}
			if rows, err := s.Count("issues"); rows != int64(2*n) || err != nil { // of failing attempts, open from the fifth on, and of deliveries that have failed
				t.Fatalf("round %d: %d rows, %v", round, rows, err)
			}
		}
		all, err := c.CountIssuesTo(t.Context(), store.IssueFilter{Statuses: []webhook.IssueStatus{webhook.IssueOpen}}, 100_000)
		if err != nil || all.N != 2*n && !all.AtLeast { // on a busy machine it takes too long to count all
			t.Errorf("%d issues are open, %v", all.N, err)
		}
		l, err := c.Issues(t.Context(), store.IssueFilter{}, store.Page{First: 100})
		must(t, err)
		for _, is := range l.Items {
			if is.Count != 6 {
				t.Errorf("an issue counts %d: %+v", is.Count, is)
			}
		}
		must(t, s.KeepIssues(t.Context()))
	})
}

// Replicas that record failures of the same webhooks at the same time, in different orders, count each once, and none has to give up.
func TestReplicasCountIssues(t *testing.T) {
	t.Parallel()
	const hooks, rounds = 60, 5
	url := webhooktest.Postgres(t)
	nodes := []*store.Store{notifying(t, url, store.Settings{}), notifying(t, url, store.Settings{})}
	c := tenant(t, nodes[0], "a")
	list := registerMany(t, c, hooks, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}})
	for range rounds {
		for range len(nodes) {
			publish(t, c, webhook.NewEvent{Type: "a.b"})
		}
		var all sync.WaitGroup
		for i, s := range nodes {
			must(t, s.Flush(t.Context()))
			all.Go(func() {
				for k := range list { // each has about half of every webhook's deliveries
					w := list[k]
					if i == 1 {
						w = list[len(list)-1-k]
					}
					claims, _ := claim(t, s, w.ID, 1)
					for _, claimed := range claims {
						record(t, s, claimed, 500)
					}
				}
				must(t, s.KeepIssues(t.Context()))
			})
		}
		all.Wait()
	}
	for _, w := range list { // those that neither had claimed
		claims, _ := claim(t, nodes[0], w.ID, 100)
		for _, claimed := range claims {
			record(t, nodes[0], claimed, 500)
		}
	}
	counts := map[webhook.IssueKind]int{}
	l, err := c.Issues(t.Context(), store.IssueFilter{}, store.Page{First: 100})
	must(t, err)
	for l != nil {
		for _, is := range l.Items {
			if counts[is.Kind]++; is.Count != rounds*len(nodes) {
				t.Errorf("an issue counts %d failures, want %d: %+v", is.Count, rounds*len(nodes), is)
			}
		}
		if !l.HasNext {
			break
		}
		l, err = c.Issues(t.Context(), store.IssueFilter{}, store.Page{First: 100, After: l.End, AfterAt: l.EndAt})
		must(t, err)
	}
	if counts[webhook.IssueFailing] != hooks || counts[webhook.IssueExhausted] != hooks {
		t.Errorf("issues of %d webhooks: %v", hooks, counts)
	}
}
