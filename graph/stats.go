package graph

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxBuckets bounds the series of one field.
const maxBuckets = 1000

// statsOf has statistics read what of them is needed by several fields once.
func statsOf(s *store.Stats) *model.Stats {
	var once sync.Once
	var sum *stats.Counts
	var asOf time.Time
	var err error
	return &model.Stats{Stats: s, Totals: func(ctx context.Context) (*stats.Counts, time.Time, error) {
		once.Do(func() { sum, asOf, err = s.Totals(ctx) })
		return sum, asOf, err
	}}
}

// statsFor is statistics as the caller may see them: of its tenant, or of several for an operator who asks for them.
func (r *Resolver) statsFor(ctx context.Context, during store.TimeRange, filter *store.StatsFilter) (*model.Stats, error) {
	f := given(filter)
	if err := first(checkRange(during), bounded("tenantIds", len(f.TenantIDs)), bounded("webhookIds", len(f.WebhookIDs)), bounded("eventTypes", len(f.EventTypes)),
		eventTypes("eventTypes", f.EventTypes)); err != nil {
		return nil, err
	}
	caller := from(ctx).caller
	if f.AllTenants && !caller.Operator {
		return nil, &webhook.Invalid{Field: "filter.allTenants", Code: webhook.CodeNotAllowed, Message: "must be false: only an operator token may read statistics of all tenants"}
	}
	if caller.Operator && (f.AllTenants || f.TenantIDs != nil) {
		return statsOf(r.Store.Registry(nil).Stats(during, f)), nil
	}
	return statsOf(r.scope(ctx).Stats(during, f)), nil
}

// checkRange refuses a range that ends before it begins.
func checkRange(during store.TimeRange) error {
	if during.From != nil && during.To != nil && !during.To.After(*during.From) {
		return &webhook.Invalid{Field: "range.to", Code: webhook.CodeOutOfRange, Message: "must be after range.from"}
	}
	return nil
}

// backlog returns the deliveries that are pending or held.
func backlog(l *store.Backlog) *model.Backlog {
	return &model.Backlog{Due: int(l.Due), Held: int(l.Held), Oldest: l.Oldest}
}

// series reads buckets.
func series(ctx context.Context, s *model.Stats, bucketMs *int, limit int) ([]*model.StatsBucket, error) {
	if limit < 1 || limit > maxBuckets {
		return nil, &webhook.Invalid{Field: "limit", Code: webhook.CodeOutOfRange, Message: fmt.Sprintf("must be from 1 to %d", maxBuckets)}
	}
	var width *time.Duration
	if bucketMs != nil {
		width = new(time.Duration(*bucketMs) * time.Millisecond)
	}
	counts, each, err := s.Series(ctx, width, limit)
	if err != nil {
		return nil, err
	}
	buckets := make([]*model.StatsBucket, len(counts))
	for i, c := range counts {
		begin := s.From.Add(time.Duration(i) * each)
		buckets[i] = &model.StatsBucket{From: begin, To: begin.Add(each), Values: model.NewStatsValues(c)}
	}
	return buckets, nil
}

// groups reads groups.
func groups(ctx context.Context, l *loaders, s *model.Stats, by model.StatsDimension, n int) (*model.StatsGroups, error) {
	if _, err := size("first", n); err != nil {
		return nil, err
	}
	dimension := map[model.StatsDimension]store.Dimension{
		model.StatsDimensionTenant: store.ByTenant, model.StatsDimensionWebhook: store.ByWebhook, model.StatsDimensionEventType: store.ByType,
	}[by]
	if dimension == 0 {
		sum, _, err := s.Totals(ctx)
		if err != nil {
			return nil, err
		}
		return attemptGroups(sum, by, n), nil
	}
	found, others, err := s.By(ctx, dimension, n)
	if err != nil {
		return nil, err
	}
	shown := &model.StatsGroups{Groups: make([]*model.StatsGroup, len(found))}
	for i, g := range found {
		one := &model.StatsGroup{Key: g.Type, ID: g.ID, By: by, Values: model.NewStatsValues(g.Counts)}
		if dimension != store.ByType {
			one.Key = g.ID.String()
		}
		shown.Groups[i] = one
	}
	together(l, shown.Groups)
	if others != nil {
		shown.Others = model.NewStatsValues(others)
	}
	return shown, nil
}

var errorNames = map[stats.Error]webhook.ErrorCode{
	stats.DNS: webhook.ErrorDNS, stats.Connect: webhook.ErrorConnect, stats.TLS: webhook.ErrorTLS, stats.Timeout: webhook.ErrorTimeout,
	stats.BlockedAddress: webhook.ErrorBlockedAddress, stats.HTTPStatus: webhook.ErrorHTTPStatus, stats.ResponseTooSlow: webhook.ErrorResponseTooSlow,
	stats.Protocol: webhook.ErrorProtocol, stats.Signing: webhook.ErrorSigning,
}

// attemptGroups groups attempts by what the totals have of them.
func attemptGroups(sum *stats.Counts, by model.StatsDimension, n int) *model.StatsGroups {
	type group struct {
		key string
		n   int64
	}
	var all []group
	if by == model.StatsDimensionHTTPStatus {
		for _, b := range sum.Statuses {
			all = append(all, group{fmt.Sprint(b.I), b.N})
		}
	} else {
		for e, name := range errorNames {
			if n := sum.Get(stats.Failures(e)); n > 0 {
				all = append(all, group{string(name), n})
			}
		}
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.key, b.key)) })
	shown := &model.StatsGroups{Groups: []*model.StatsGroup{}}
	others := int64(0)
	for i, g := range all {
		if i < n {
			shown.Groups = append(shown.Groups, &model.StatsGroup{Key: g.key, By: by, Values: model.OnlyAttempts(g.n)})
		} else {
			others += g.n
		}
	}
	if others > 0 {
		shown.Others = model.OnlyAttempts(others)
	}
	return shown
}

// health shows the health of a webhook.
func health(ctx context.Context, l *loaders, w *webhook.Webhook) (*model.WebhookHealth, error) {
	is, err := load(ctx, &l.health, w, webhookID)
	if err != nil {
		return nil, err
	}
	if is == nil { // it was deleted meanwhile
		is = &store.Health{Counts: &stats.Counts{}}
	}
	v := model.NewStatsValues(is.Counts)
	shown := &model.WebhookHealth{
		LastSuccessAt: is.LastSuccessAt, LastFailureAt: is.LastFailureAt, FailingSince: w.FailingSince, FailuresInARow: int(is.FailuresInARow),
		SuccessRate: v.SuccessRate(), Backlog: &model.Backlog{Oldest: func(ctx context.Context) (*time.Time, error) {
			return load(ctx, &l.oldest, w, webhookID)
		}},
	}
	if shown.P95Ms, err = v.DurationMs(0.95); err != nil {
		return nil, err
	}
	if w.Enabled {
		shown.Backlog.Due = int(is.Pending)
		if w.FailingSince != nil {
			shown.DisablesAt = new(w.FailingSince.Add(webhook.FailingLimit))
		}
	} else {
		shown.Backlog.Held = int(is.Pending)
	}
	return shown, nil
}

// groupOf is the id of what a group is of; the zero id when it is grouped by something else.
func groupOf(by model.StatsDimension) func(g *model.StatsGroup) webhook.ID {
	return func(g *model.StatsGroup) webhook.ID {
		if g.By != by {
			return webhook.ID{}
		}
		return g.ID
	}
}
