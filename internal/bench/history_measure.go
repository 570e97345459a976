package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/client"
)

// QueryResult is the duration of one of a dashboard's queries, on an idle server or under load.
type QueryResult struct {
	Query   string   `json:"query"`
	Load    string   `json:"load"` // idle or loaded
	N       int      `json:"n"`    // requests
	Errors  int      `json:"errors"`
	P50Ms   *float64 `json:"p50_ms"`
	P95Ms   *float64 `json:"p95_ms"`
	P99Ms   *float64 `json:"p99_ms"`
	BoundMs float64  `json:"bound_ms"` // of p95
	Missed  bool     `json:"missed"`   // p95 is above BoundMs, or a request was not answered

	took  []time.Duration
	spent time.Duration
	error string // the first
}

const (
	idle   = "idle"
	loaded = "loaded"
)

// Under load, 1,000 events a second are published and delivered, in calls of ten.
const (
	historyCalls  = 100
	historyEvents = 10
)

// minRounds is how often every query runs at least. A query that has taken slowPart of the whole duration is not repeated.
const (
	minRounds = 3
	slowPart  = 5
)

// history measures the queries of a dashboard over a long history, idle and under load.
func (b *bench) history(ctx context.Context, r *Result) (err error) {
	b.serve = []string{"--retention", "0", "--cost-rate", "0"}
	k, err := b.openHistory(ctx)
	defer func() { err = errors.Join(err, b.server.stop()) }()
	if err != nil {
		return err
	}
	before := k.Oldest.Add(36 * time.Hour).Truncate(24 * time.Hour)
	p := newPicker(k, before)
	if before.After(k.Until.Add(-7 * 24 * time.Hour)) {
		return fmt.Errorf("--keep: retention has taken most of the history in %s; remove it", b.Keep)
	}
	if err := b.findCursors(ctx, p); err != nil {
		return err
	}
	if r.Queries, err = b.rounds(ctx, p, idle); err != nil {
		return err
	}
	// Retention removes the oldest day meanwhile.
	k.Oldest = before
	if b.Keep != "" {
		if err := b.note(filepath.Dir(b.data), k); err != nil {
			return err
		}
	}
	if err := b.server.stop(); err != nil {
		return err
	}
	b.serve = []string{"--retention", time.Since(before).Truncate(time.Second).String(), "--cost-rate", "0"}
	if err := b.startServer(ctx); err != nil {
		return err
	}
	if err := b.findCursors(ctx, p); err != nil {
		return err
	}
	var under []*QueryResult
	if err := b.publishing(ctx, r, func(ctx context.Context) error {
		under, err = b.rounds(ctx, p, loaded)
		return err
	}); err != nil {
		return err
	}
	r.Queries = append(r.Queries, under...)
	r.RSSMB = b.server.process.Peak()
	return nil
}

// publishing publishes and delivers events while do runs, and checks that all arrived.
func (b *bench) publishing(ctx context.Context, r *Result, do func(ctx context.Context) error) (err error) {
	b.server.Tenant = largeTenant
	id, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), []string{peer.EventType(0)}, true, nil)
	if err != nil {
		return err
	}
	defer func() { // the next run has another receiver
		err = errors.Join(err, b.server.enable(context.WithoutCancel(ctx), id, false))
	}()
	l := newLoad(b, 1, 1)
	following, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	loading, stopLoading := context.WithCancel(ctx)
	defer stopLoading()
	group, all := errgroup.WithContext(ctx)
	group.Go(func() error { return l.follow(following) })
	published := make(chan struct{})
	group.Go(func() error {
		defer close(published)
		return l.steady(loading, historyCalls, historyEvents)
	})
	group.Go(func() error {
		defer stopFollowing()
		defer stopLoading()
		from, err := l.moment(all)
		if err != nil {
			return err
		}
		if err := do(all); err != nil {
			return err
		}
		to, err := l.moment(all)
		if err != nil {
			return err
		}
		b.fill(r, between(from, to))
		stopLoading()
		<-published
		return l.drain(all)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return l.check(ctx, r)
}

// findCursors gets cursors from deep in the history.
func (b *bench) findCursors(ctx context.Context, p *picker) error {
	p.cursors = nil
	b.server.Tenant = largeTenant
	for range 50 {
		body, err := json.Marshal(client.Request{
			Query:     `query ($id: ID!) { deliveries(first: 1, filter: { eventIds: [$id] }) { edges { cursor } } }`,
			Variables: object{"id": p.sample().Event},
		})
		if err != nil {
			return err
		}
		var data struct {
			Deliveries struct{ Edges []struct{ Cursor string } }
		}
		if err := b.server.Query(ctx, body, &data); err != nil {
			return err
		}
		for _, e := range data.Deliveries.Edges {
			p.cursors = append(p.cursors, e.Cursor)
		}
	}
	if len(p.cursors) == 0 {
		return errors.New("no cursors: the history's events are gone")
	}
	return nil
}

// warmRounds is how often each query is asked before it is measured: on PostgreSQL each connection of the server plans it once.
const warmRounds = 12

// rounds runs all queries in turn for the bench's duration.
func (b *bench) rounds(ctx context.Context, p *picker, load string) ([]*QueryResult, error) {
	results := make([]*QueryResult, len(historyQueries))
	for i := range historyQueries {
		q := &historyQueries[i]
		results[i] = &QueryResult{Query: q.name, Load: load, BoundMs: q.boundMs()}
	}
	begun := time.Now()
	for round := -warmRounds; round < minRounds || time.Since(begun) < b.Duration; round++ {
		if round == 0 {
			begun = time.Now()
		}
		for i := range historyQueries {
			b.progress.say("%s, each query: %d", load, round)
			r := results[i]
			if r.spent > b.Duration/slowPart {
				continue
			}
			q, err := historyQueries[i].ready(p)
			if err != nil {
				return nil, err
			}
			took, _, err := b.ask(ctx, q)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if r.spent += took; round >= 0 || r.spent > b.Duration/slowPart {
				r.add(took, err)
			}
		}
	}
	for _, r := range results {
		r.end()
	}
	return results, nil
}

// ask sends a request; shown is the number of objects in the response.
func (b *bench) ask(ctx context.Context, r readyQuery) (took time.Duration, shown int, err error) {
	c := *b.server.Client
	c.Tenant = r.tenant
	begun := time.Now()
	var text []byte
	if r.path != "" {
		text, err = c.Get(ctx, r.path)
	} else {
		text, err = c.Post(ctx, "/graphql", r.body)
	}
	took = time.Since(begun)
	var answer struct{ Errors []struct{ Message string } }
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if len(answer.Errors) > 0 {
		err = errors.New(answer.Errors[0].Message)
	}
	return took, bytes.Count(text, []byte(`"id":`)) + bytes.Count(text, []byte(`"precision":`)), err
}

func (r *QueryResult) add(took time.Duration, err error) {
	r.N++
	if err != nil {
		if r.Errors++; r.error == "" {
			r.error = err.Error()
		}
		return
	}
	r.took = append(r.took, took)
}

func (r *QueryResult) end() {
	slices.Sort(r.took)
	r.P50Ms, r.P95Ms, r.P99Ms = r.quantile(0.5), r.quantile(0.95), r.quantile(0.99)
	r.Missed = r.Errors > 0 || r.P95Ms == nil || *r.P95Ms > r.BoundMs
}

// quantile returns, in milliseconds, the smallest duration that at least the share q of the durations does not exceed.
func (r *QueryResult) quantile(q float64) *float64 {
	if len(r.took) == 0 {
		return nil
	}
	return new(float64(r.took[max(0, int(math.Ceil(q*float64(len(r.took))))-1)].Nanoseconds()) / 1e6)
}

// reportQueries writes a table of queries, with idle and loaded side by side.
func reportQueries(w io.Writer, results []*QueryResult) error {
	lines := []string{fmt.Sprintf("  %-36s %8s   %5s %9s %9s %9s   %5s %9s %9s %9s", "query (times in ms)", "p95 max", "idle", "p50", "p95", "p99", "load", "p50", "p95", "p99")}
	missed := 0
	for _, r := range results {
		if r.Load != idle {
			continue
		}
		var line, said strings.Builder
		_, _ = fmt.Fprintf(&line, "  %-36s %8.0f", r.Query, r.BoundMs)
		for _, load := range []string{idle, loaded} {
			i := slices.IndexFunc(results, func(o *QueryResult) bool { return o.Query == r.Query && o.Load == load })
			if i < 0 {
				continue
			}
			o := results[i]
			mark := " "
			if o.Missed {
				mark = "!"
				missed++
			}
			_, _ = fmt.Fprintf(&line, "   %5d %9s %8s%s %9s", o.N, show(o.P50Ms, 2), show(o.P95Ms, 2), mark, show(o.P99Ms, 2))
			if o.Errors > 0 {
				_, _ = fmt.Fprintf(&said, "\n    %s: %d not answered: %s", load, o.Errors, o.error)
			}
		}
		lines = append(lines, line.String()+said.String())
	}
	lines = append(lines, fmt.Sprintf("  ! marks what misses its bound: %d of %d", missed, len(results)))
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}
