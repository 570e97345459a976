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
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxBuckets bounds the series of one field.
const maxBuckets = 1000

// statsOf returns statistics that read once what several fields need.
func statsOf(s *store.Stats) *model.Stats {
	var mu sync.Mutex
	kept := map[string]any{}
	return &model.Stats{Stats: s, Once: func(ctx context.Context, key string, read func(context.Context) (any, error)) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		if v, known := kept[key]; known {
			return v, nil
		}
		v, err := read(ctx)
		if err == nil {
			kept[key] = v
		}
		return v, err
	}}
}

// statsTogether is statistics of a row. What a query selects of one row's is read of all that were read together.
func statsTogether[T any](ctx context.Context, l *loaders, name string, during store.TimeRange, of func(store.TimeRange, []webhook.ID) map[webhook.ID]*store.Stats,
	row *T, key func(*T) webhook.ID,
) (*model.Stats, error) {
	each, err := listed(l, name, during, func(_ context.Context, ids []webhook.ID) (map[webhook.ID]*store.Stats, error) {
		return of(during, ids), nil
	})
	if err != nil {
		return nil, err
	}
	s, err := load(ctx, each, row, key)
	if err != nil {
		return nil, err
	}
	return statsOf(s), nil
}

// once reads something of statistics once for each key, whoever asks for it.
func once[V any](ctx context.Context, s *model.Stats, key string, read func(context.Context) (V, error)) (V, error) {
	v, err := s.Once(ctx, key, func(ctx context.Context) (any, error) { return read(ctx) })
	typed, _ := v.(V)
	return typed, err
}

// total returns the counts of the whole range.
type total struct {
	*stats.Counts

	asOf time.Time
}

func totals(ctx context.Context, s *model.Stats) (total, error) {
	return once(ctx, s, "totals", func(ctx context.Context) (total, error) {
		sum, asOf, err := s.Totals(ctx)
		return total{sum, asOf}, err
	})
}

// statsFor is statistics as the caller may see them: of its tenant, or of several for an operator who asks for them.
func (r *Resolver) statsFor(ctx context.Context, during store.TimeRange, filter *store.StatsFilter) (*model.Stats, error) {
	of, _, err := r.statsAccess(ctx, during, filter)
	if err != nil {
		return nil, err
	}
	return statsOf(of(during)), nil
}

// statsAccess prepares statistics as the caller may see them, and returns whose they are; nil: all tenants'.
func (r *Resolver) statsAccess(ctx context.Context, during store.TimeRange, filter *store.StatsFilter) (of func(store.TimeRange) *store.Stats, tenants []webhook.ID, err error) {
	f := given(filter)
	if err := list.First(list.CheckRange("range", during), list.Bounded("tenantIds", len(f.TenantIDs)), list.Bounded("webhookIds", len(f.WebhookIDs)), list.Bounded("eventTypes", len(f.EventTypes)),
		list.CheckTypes("eventTypes", f.EventTypes)); err != nil {
		return nil, nil, err
	}
	// An empty list means all, as in other filters; to the store, it means none.
	f.TenantIDs, f.WebhookIDs, f.EventTypes = some(f.TenantIDs), some(f.WebhookIDs), some(f.EventTypes)
	caller := from(ctx).caller
	if f.AllTenants && !caller.Operator {
		return nil, nil, &webhook.Invalid{Field: "filter.allTenants", Code: webhook.CodeNotAllowed, Message: "must be false: only an operator token may read statistics of all tenants"}
	}
	if caller.Operator && (f.AllTenants || f.TenantIDs != nil) {
		all := r.Store.Registry(nil)
		return func(during store.TimeRange) *store.Stats { return all.Stats(during, f) }, f.TenantIDs, nil
	}
	own := r.scope(ctx)
	return func(during store.TimeRange) *store.Stats { return own.Stats(during, f) }, []webhook.ID{caller.Tenant.ID}, nil
}

// some returns nil for an empty list.
func some[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// backlog returns the deliveries that are pending or held.
func backlog(l *store.Backlog) *model.Backlog {
	return &model.Backlog{Due: int(l.Due), Held: int(l.Held), Oldest: l.Oldest}
}

// backlogOf reads the backlog.
func backlogOf(ctx context.Context, s *model.Stats) (*model.Backlog, error) {
	return once(ctx, s, "backlog", func(ctx context.Context) (*model.Backlog, error) {
		owed, err := s.Backlog(ctx)
		if err != nil {
			return nil, err
		}
		shown := backlog(owed)
		shown.Oldest = func(ctx context.Context) (*time.Time, error) { return once(ctx, s, "oldest", owed.Oldest) }
		return shown, nil
	})
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
	key := fmt.Sprintf("series %v %d", width, limit)
	if bucketMs != nil {
		key = fmt.Sprintf("series %d %d", *bucketMs, limit)
	}
	all, err := once(ctx, s, key, func(ctx context.Context) (*model.Series, error) {
		counts, each, err := s.Series(ctx, width, limit)
		return &model.Series{From: s.From, Width: each, Counts: counts}, err
	})
	if err != nil {
		return nil, err
	}
	var before *model.Series
	if s.Before != nil {
		before = s.Before(key)
	}
	buckets := make([]*model.StatsBucket, 0, len(all.Counts))
	for i, c := range all.Counts {
		if all.Changed(before, i) {
			begin := all.From.Add(time.Duration(i) * all.Width)
			buckets = append(buckets, &model.StatsBucket{From: begin, To: begin.Add(all.Width), Values: model.NewStatsValues(c)})
		}
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
		sum, err := totals(ctx, s)
		if err != nil {
			return nil, err
		}
		return attemptGroups(sum.Counts, by, n), nil
	}
	type grouped struct {
		groups []store.StatsGroup
		others *stats.Counts
	}
	read, err := once(ctx, s, fmt.Sprintf("by %s %d", by, n), func(ctx context.Context) (g grouped, err error) {
		g.groups, g.others, err = s.By(ctx, dimension, n)
		return g, err
	})
	if err != nil {
		return nil, err
	}
	found, others := read.groups, read.others
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
	stats.Protocol: webhook.ErrorProtocol, stats.Signing: webhook.ErrorSigning, stats.Payload: webhook.ErrorPayload,
	stats.OAuthToken: webhook.ErrorOAuthToken, stats.ClientCertificate: webhook.ErrorClientCertificate,
}

// attemptGroups groups attempts by the errors or statuses that the totals have.
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
			shown.DisablesAt = w.DisablesAt()
		}
	} else {
		shown.Backlog.Held = int(is.Pending)
	}
	return shown, nil
}

// groupOf returns the id of the webhook or tenant of a group; the zero id if it is grouped by something else.
func groupOf(by model.StatsDimension) func(g *model.StatsGroup) webhook.ID {
	return func(g *model.StatsGroup) webhook.ID {
		if g.By != by {
			return webhook.ID{}
		}
		return g.ID
	}
}
