package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// RetentionResult is the speed of retention, and its cost for publishers.
type RetentionResult struct {
	IdlePerS             float64 `json:"idle_per_s"`   // events with all their rows, while nobody publishes
	LoadedPerS           float64 `json:"loaded_per_s"` // the same, while the server publishes and delivers at its highest rate
	AcceptedPerS         float64 `json:"accepted_per_s"`
	AcceptedPerSWithout  float64 `json:"accepted_per_s_without"` // without retention
	P99Ms                float64 `json:"p99_ms"`
	P99MsWithout         float64 `json:"p99_ms_without"`
	Rate                 float64 `json:"rate"` // rate with retention / without; the median of the rounds, like all above
	Latency              float64 `json:"latency"`
	ExpiredBefore        int64   `json:"expired_before"` // events, before the rounds under load
	ExpiredAfter         int64   `json:"expired_after"`  // after them
	FileBefore, FileLeft int64   `json:"-"`              // bytes of the database, before and after the first half is removed
}

// Bounds of retention on SQLite: at least leastIdle events a second while nobody publishes; under load publishing keeps leastRate
// of its rate, its p99 grows less than mostLatency times, and the number of expired events falls.
const (
	leastIdle   = 13_000
	leastRate   = 0.6
	mostLatency = 2
)

const (
	retentionRounds   = 3
	retentionKeep     = time.Hour // events published by the run are younger
	retentionAttempts = 500_000   // of the history at most: it is removed
)

// retentionRound is one measurement without retention and one with.
type retentionRound struct{ rate, rateWithout, p99, p99Without, removed float64 }

// retention fills a history, and removes its older half while nobody publishes. Then all but its last hour expires, and rounds
// without and with retention alternate.
func (b *bench) retention(ctx context.Context, r *Result) (err error) {
	own := *b.Options
	own.Keep, own.History = "", min(own.History, retentionAttempts)
	b.Options = &own
	b.serve = retained(0)
	k, err := b.openHistory(ctx)
	defer func() { err = errors.Join(err, b.server.stop()) }()
	if err != nil {
		return err
	}
	before := k.Until.Add(-retentionKeep)
	b.server.Tenant = largeTenant
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), []string{peer.EventType(0)}, true, nil); err != nil {
		return err
	}
	if b.postgres != nil { // a day is not dropped while a tenant keeps it
		b.server.Tenant = ""
		if err := b.server.Mutate(ctx, `mutation ($input: UpdateTenantInput!) { done: updateTenant(input: $input) { userErrors { message field } } }`,
			map[string]any{"id": k.Tenants[len(k.Tenants)-1].ID, "retentionMs": 0}, nil); err != nil {
			return fmt.Errorf("have a tenant keep its events: %w", err)
		}
	}
	is := &RetentionResult{}
	r.Retention = is
	is.FileBefore = b.databaseBytes(ctx)
	if is.IdlePerS, err = b.retentionIdle(ctx, time.Since(k.From.Add(before.Sub(k.From)/2))); err != nil {
		return err
	}
	is.FileLeft = b.databaseBytes(ctx)
	if is.ExpiredBefore, err = b.expired(ctx, before); err != nil {
		return err
	}
	var rounds []retentionRound
	for n := range retentionRounds {
		var round retentionRound
		for _, with := range []bool{n%2 == 1, n%2 == 0} { // the order alternates too
			if err := b.retentionWindow(ctx, r, with, before, &round); err != nil {
				return err
			}
		}
		rounds = append(rounds, round)
	}
	if is.ExpiredAfter, err = b.expired(ctx, before); err != nil {
		return err
	}
	is.sum(rounds)
	r.AcceptedPerS, r.P99Ms, r.P99MsWithout = new(is.AcceptedPerS), new(is.P99Ms), new(is.P99MsWithout)
	r.RSSMB = b.server.process.Peak()
	return nil
}

// retained are a server's arguments. Its log says when retention has ended.
func retained(keep time.Duration) []string {
	return []string{"--retention", keep.String(), "--cost-rate", "0", "--log-level", "info", "--log-format", "json"}
}

// restart restarts the server with a retention; 0 means none.
func (b *bench) restart(ctx context.Context, keep time.Duration) error {
	if err := b.server.stop(); err != nil {
		return err
	}
	b.serve = retained(keep)
	if err := b.startServer(ctx); err != nil {
		return err
	}
	b.server.Tenant = largeTenant
	return nil
}

// retentionWindow publishes and delivers at the highest rate, with or without retention.
func (b *bench) retentionWindow(ctx context.Context, r *Result, with bool, before time.Time, round *retentionRound) error {
	keep, what := time.Duration(0), "without retention"
	if with {
		keep, what = retentionKeep, "with retention"
	}
	if err := b.restart(ctx, keep); err != nil {
		return err
	}
	if with {
		if err := b.retentionBegins(ctx, before); err != nil {
			return err
		}
	}
	var expired [2]int64
	var at [2]time.Time
	look := func(i int) (err error) {
		expired[i], err = b.expired(ctx, before)
		at[i] = time.Now()
		return err
	}
	put := func(l *load) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := look(0); err != nil {
				return err
			}
			return errors.Join(l.closed(ctx), look(1))
		}
	}
	var rate float64
	var p99 *float64
	for tries := 0; p99 == nil && tries < 10; tries++ { // a short window may have none
		l := newLoad(b, 1, 1)
		w, err := l.run(ctx, what, b.Duration, put(l))
		if err != nil {
			return err
		}
		if err := l.check(ctx, r); err != nil {
			return err
		}
		rate, p99 = float64(w.accepts)/w.seconds, w.all().Ms(0.99)
	}
	if p99 == nil {
		return fmt.Errorf("%s: nothing was delivered: give a longer --duration", what)
	}
	if !with {
		round.rateWithout, round.p99Without = max(rate, 1), *p99
		return nil
	}
	round.rate, round.p99 = rate, *p99
	round.removed = float64(expired[0]-expired[1]) / at[1].Sub(at[0]).Seconds()
	return nil
}

// beginsWithin is how long retention may take to begin after a start. If it has not begun by then, nothing is expired.
const beginsWithin = 10 * time.Second

// retentionBegins waits until something that has expired is removed.
func (b *bench) retentionBegins(ctx context.Context, before time.Time) error {
	first, err := b.expired(ctx, before)
	until := time.Now().Add(beginsWithin)
	for n := first; err == nil && n > 0 && n >= first && time.Now().Before(until); n, err = b.expired(ctx, before) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// expired counts the events that were published before a time, by an index that has the times: ids.
func (b *bench) expired(ctx context.Context, before time.Time) (n int64, err error) {
	db, err := b.openDatabase()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	id := webhook.NewID(before)
	clear(id[6:])
	bound := any(id[:])
	if b.postgres != nil {
		bound = id.String()
	}
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM events WHERE id < $1", bound).Scan(&n); err != nil {
		return 0, fmt.Errorf("count expired events: %w", err)
	}
	return n, nil
}

// retentionIdle makes the server remove older events, and returns the removed events per second, according to its log.
func (b *bench) retentionIdle(ctx context.Context, keep time.Duration) (perS float64, err error) {
	from, err := os.Stat(b.server.process.Log)
	if err != nil {
		return 0, err
	}
	if err := b.restart(ctx, keep.Truncate(time.Second)); err != nil {
		return 0, err
	}
	b.progress.say("removing while nobody publishes")
	for {
		said, err := removedSaid(b.server.process.Log, from.Size())
		if err != nil {
			return 0, err
		}
		if said.Took > 0 {
			return float64(said.Events) / said.Took.Seconds(), nil
		}
		select {
		case <-time.After(time.Second / 10):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// removedLine is the server's log line about events that retention has removed; the zero value means none yet.
type removedLine struct {
	Msg    string
	Events int
	Took   time.Duration
}

// removedSaid reads the first such line of a log after the given number of bytes.
func removedSaid(log string, after int64) (said removedLine, err error) {
	f, err := os.Open(log) //nolint:gosec // the bench's own
	if err != nil {
		return said, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Seek(after, io.SeekStart); err != nil {
		return said, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return said, err
	}
	for line := range bytes.Lines(text) {
		var is removedLine
		if json.Unmarshal(line, &is) == nil && is.Msg == "removed events that are older than the retention" && is.Events > 0 {
			return is, nil
		}
	}
	return said, nil
}

// sum computes the medians of the rounds.
func (is *RetentionResult) sum(rounds []retentionRound) {
	median := func(of func(r *retentionRound) float64) float64 {
		values := make([]float64, len(rounds))
		for i := range rounds {
			values[i] = of(&rounds[i])
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	is.AcceptedPerS = median(func(r *retentionRound) float64 { return r.rate })
	is.AcceptedPerSWithout = median(func(r *retentionRound) float64 { return r.rateWithout })
	is.P99Ms = median(func(r *retentionRound) float64 { return r.p99 })
	is.P99MsWithout = median(func(r *retentionRound) float64 { return r.p99Without })
	is.Rate = median(func(r *retentionRound) float64 { return r.rate / r.rateWithout })
	is.Latency = median(func(r *retentionRound) float64 { return r.p99 / r.p99Without })
	is.LoadedPerS = median(func(r *retentionRound) float64 { return r.removed })
}

// lines returns the results as text, and marks those that miss their bounds.
func (is *RetentionResult) lines() []string {
	return []string{
		fmt.Sprintf("  retention, idle: %.0f%s events a second (at least %d); file %d MB, then %d MB",
			is.IdlePerS, mark(is.IdlePerS < leastIdle), leastIdle, is.FileBefore/1e6, is.FileLeft/1e6),
		fmt.Sprintf("  under load: %.0f%s events a second; expired %d, then %d", is.LoadedPerS, mark(is.ExpiredAfter >= is.ExpiredBefore), is.ExpiredBefore, is.ExpiredAfter),
		fmt.Sprintf("  publishing: %.0f accepted a second, %.0f without retention: %.2f%s of it (at least %.1f); p99 %.2f ms, %.2f ms without: %.2f%s times (less than %d)",
			is.AcceptedPerS, is.AcceptedPerSWithout, is.Rate, mark(is.Rate < leastRate), leastRate,
			is.P99Ms, is.P99MsWithout, is.Latency, mark(is.Latency >= mostLatency), mostLatency),
	}
}
