package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// The lists of the API. Each is declared once, and its resolver is one line.

// Top-level lists.
var (
	webhooks = listing[*store.Scope, webhook.Webhook, store.WebhookFilter]{
		kind: cursor.Webhooks, seq: (*webhook.Webhook).Position,
		page: (*store.Scope).Webhooks, count: (*store.Scope).CountWebhooksTo,
	}
	lastFailures = listing[*store.Scope, webhook.Webhook, store.WebhookFilter]{
		kind: cursor.LastFailures, seq: (*webhook.Webhook).Position,
		page: (*store.Scope).Webhooks, count: (*store.Scope).CountWebhooksTo,
	}
	failureRates = listing[*store.Scope, webhook.Webhook, store.WebhookFilter]{
		kind: cursor.FailureRates, seq: (*webhook.Webhook).Position,
		page: (*store.Scope).Webhooks, count: (*store.Scope).CountWebhooksTo,
	}
	events = listing[*store.Scope, webhook.Event, store.EventFilter]{
		kind: cursor.Events, seq: (*webhook.Event).Position,
		page: (*store.Scope).Events, count: (*store.Scope).CountEventsTo,
	}
	deliveries = listing[*store.Scope, webhook.Delivery, store.DeliveryFilter]{
		kind: cursor.Deliveries, seq: (*webhook.Delivery).Position,
		page: (*store.Scope).Deliveries, count: (*store.Scope).CountDeliveriesTo, facets: (*store.Scope).DeliveryFacets,
	}
	completed = listing[*store.Scope, webhook.Delivery, store.DeliveryFilter]{
		kind: cursor.Completed, seq: (*webhook.Delivery).Position, at: store.DeliveryOrder{By: store.CompletedAt}.At(),
		page: (*store.Scope).Deliveries, count: (*store.Scope).CountDeliveriesTo, facets: (*store.Scope).DeliveryFacets,
	}
	nextAttempts = listing[*store.Scope, webhook.Delivery, store.DeliveryFilter]{
		kind: cursor.NextAttempts, seq: (*webhook.Delivery).Position, at: store.DeliveryOrder{By: store.NextAttemptAt}.At(),
		page: (*store.Scope).Deliveries, count: (*store.Scope).CountDeliveriesTo, facets: (*store.Scope).DeliveryFacets,
	}
	attempts = listing[*store.Scope, webhook.Attempt, store.AttemptFilter]{
		kind: cursor.Attempts, seq: (*webhook.Attempt).Position,
		page: (*store.Scope).Attempts, count: (*store.Scope).CountAttemptsTo,
	}
	replays = listing[*store.Scope, webhook.Replay, noFilter]{
		kind: cursor.Replays, seq: (*webhook.Replay).Position,
		page: func(s *store.Scope, ctx context.Context, _ noFilter, p store.Page) (*store.List[webhook.Replay], error) {
			return s.Replays(ctx, p)
		},
		count: func(s *store.Scope, ctx context.Context, _ noFilter, limit int) (store.Count, error) {
			return s.CountReplaysTo(ctx, limit)
		},
	}
	eventTypes = listing[*store.Scope, webhook.EventType, store.EventTypeFilter]{
		kind: cursor.EventTypes,
		seq:  func(t *webhook.EventType) int64 { return store.EventTypePlace(t).Seq },
		at:   func(t *webhook.EventType) int64 { return store.EventTypePlace(t).At },
		page: (*store.Scope).EventTypePage,
		count: func(s *store.Scope, ctx context.Context, f store.EventTypeFilter, limit int) (store.Count, error) {
			n, err := s.CountEventTypes(ctx, f)
			return store.Count{N: min(n, limit), AtLeast: n > limit}, err
		},
	}
	tenants = listing[*store.Registry, webhook.Tenant, store.TenantFilter]{
		kind: cursor.Tenants, seq: (*webhook.Tenant).Position,
		page: (*store.Registry).Tenants, count: (*store.Registry).CountTenantsTo,
	}
	tokens = listing[*store.Registry, webhook.Token, store.TokenFilter]{
		kind: cursor.Tokens, seq: (*webhook.Token).Position,
		page: (*store.Registry).Tokens, count: (*store.Registry).CountTokensTo,
	}
	portalSessions = listing[*store.Registry, portal.Session, store.PortalSessionFilter]{
		kind: cursor.PortalSessions, seq: (*portal.Session).Position,
		page: (*store.Registry).PortalSessions, count: (*store.Registry).CountPortalSessionsTo,
	}
	issues = listing[*store.Scope, webhook.Issue, store.IssueFilter]{
		kind: cursor.Issues, seq: (*webhook.Issue).Position, at: issuePlace,
		page: (*store.Scope).Issues, count: (*store.Scope).CountIssuesTo,
	}
	auditLog = listing[*store.Registry, webhook.AuditEntry, store.AuditFilter]{
		kind: cursor.AuditLog, seq: (*webhook.AuditEntry).Position,
		page: (*store.Registry).AuditLog, count: (*store.Registry).CountAuditLogTo,
	}
)

// Lists that each row of another type has.
var (
	deliveriesOfWebhooks = sublist[*store.Scope, webhook.Webhook, webhook.Delivery, store.DeliveryFilter]{
		name: "deliveries of webhooks", kind: cursor.Deliveries, id: webhookID, seq: (*webhook.Delivery).Position, from: (*Resolver).reach, owner: webhookTenant,
		pages: (*store.Scope).DeliveriesOfWebhooks, counts: (*store.Scope).CountDeliveriesOfWebhooks, facets: (*store.Scope).FacetsOfWebhooks,
	}
	attemptsOfWebhooks = sublist[*store.Scope, webhook.Webhook, webhook.Attempt, store.AttemptFilter]{
		name: "attempts of webhooks", kind: cursor.Attempts, id: webhookID, seq: (*webhook.Attempt).Position, from: (*Resolver).reach, owner: webhookTenant,
		pages: (*store.Scope).AttemptsOfWebhooks, counts: (*store.Scope).CountAttemptsOfWebhooks,
	}
	issuesOfWebhooks = sublist[*store.Scope, webhook.Webhook, webhook.Issue, store.IssueFilter]{
		name: "issues of webhooks", kind: cursor.Issues, id: webhookID, seq: (*webhook.Issue).Position, at: issuePlace, from: (*Resolver).reach, owner: webhookTenant,
		pages: (*store.Scope).IssuesOfWebhooks, counts: (*store.Scope).CountIssuesOfWebhooks,
	}
	deliveriesOfEvents = sublist[*store.Scope, webhook.Event, webhook.Delivery, store.DeliveryFilter]{
		name: "deliveries of events", kind: cursor.Deliveries, id: eventID, seq: (*webhook.Delivery).Position, from: (*Resolver).reach, owner: eventTenant,
		pages: (*store.Scope).DeliveriesOfEvents, counts: (*store.Scope).CountDeliveriesOfEvents, facets: (*store.Scope).FacetsOfEvents,
	}
	deliveriesOfReplays = sublist[*store.Scope, webhook.Replay, webhook.Delivery, store.DeliveryFilter]{
		name: "deliveries of replays", kind: cursor.Deliveries, id: replayID, seq: (*webhook.Delivery).Position, from: (*Resolver).reach, owner: replayTenant,
		pages: (*store.Scope).DeliveriesOfReplays, counts: (*store.Scope).CountDeliveriesOfReplays, facets: (*store.Scope).FacetsOfReplays,
	}
	tokensOfTenants = sublist[*store.Registry, webhook.Tenant, webhook.Token, store.TokenFilter]{
		name: "tokens of tenants", kind: cursor.Tokens, id: tenantID, seq: (*webhook.Token).Position, from: (*Resolver).registry,
		pages: (*store.Registry).TokensOf, counts: (*store.Registry).CountTokensOf,
	}
	eventsOfTenants = sublist[*store.Scope, webhook.Tenant, webhook.Event, store.EventFilter]{
		name: "events of tenants", kind: cursor.Events, id: tenantID, seq: (*webhook.Event).Position, from: (*Resolver).reach, owner: tenantID,
		pages: (*store.Scope).EventsOfTenants, counts: (*store.Scope).CountEventsOfTenants,
	}
)

// webhooksOfTenants returns the lists of tenants' webhooks in the order of the list.
func webhooksOfTenants(as *listing[*store.Scope, webhook.Webhook, store.WebhookFilter]) *sublist[*store.Scope, webhook.Tenant, webhook.Webhook, store.WebhookFilter] {
	return &sublist[*store.Scope, webhook.Tenant, webhook.Webhook, store.WebhookFilter]{
		name: "webhooks of tenants", kind: as.kind, id: tenantID, seq: as.seq, from: (*Resolver).reach, owner: tenantID,
		pages: (*store.Scope).WebhooksOfTenants, counts: (*store.Scope).CountWebhooksOfTenants,
	}
}

// deliveriesOfTenants returns the lists of tenants' deliveries in the order of the list.
func deliveriesOfTenants(as *listing[*store.Scope, webhook.Delivery, store.DeliveryFilter]) *sublist[*store.Scope, webhook.Tenant, webhook.Delivery, store.DeliveryFilter] {
	return &sublist[*store.Scope, webhook.Tenant, webhook.Delivery, store.DeliveryFilter]{
		name: "deliveries of tenants", kind: as.kind, id: tenantID, seq: as.seq, at: as.at, from: (*Resolver).reach, owner: tenantID,
		pages: (*store.Scope).DeliveriesOfTenants, counts: (*store.Scope).CountDeliveriesOfTenants, facets: (*store.Scope).FacetsOfTenants,
	}
}

// attemptsOfDeliveries returns the lists of deliveries' attempts.
func (r *Resolver) attemptsOfDeliveries(ctx context.Context) *sublist[*store.Scope, webhook.Delivery, webhook.Attempt, noFilter] {
	read := r.loaders(ctx)
	return &sublist[*store.Scope, webhook.Delivery, webhook.Attempt, noFilter]{
		name: "attempts of deliveries", kind: cursor.DeliveryAttempts, id: deliveryID, seq: (*webhook.Attempt).Position, from: (*Resolver).reach, owner: deliveryTenant,
		pages: func(s *store.Scope, ctx context.Context, ids []webhook.ID, _ noFilter, p store.Page) (map[webhook.ID]*store.List[webhook.Attempt], error) {
			return s.AttemptsOfDeliveries(ctx, ids, read.eventsOf, p)
		},
		counts: func(s *store.Scope, ctx context.Context, ids []webhook.ID, _ noFilter, limit int) (map[webhook.ID]store.Count, error) {
			return s.CountAttemptsOfDeliveries(ctx, ids, read.eventsOf, limit)
		},
	}
}

// webhooksOfTypes returns the lists of webhooks that receive events of a type and its siblings.
func (r *Resolver) webhooksOfTypes(ctx context.Context, t *webhook.EventType) *sublist[*store.Scope, webhook.EventType, webhook.Webhook, noFilter] {
	read := r.loaders(ctx)
	read.know(siblings(read, t).rows)
	return &sublist[*store.Scope, webhook.EventType, webhook.Webhook, noFilter]{
		name: "webhooks of event types", kind: cursor.Webhooks, id: eventTypeID, seq: (*webhook.Webhook).Position, from: (*Resolver).scope, owner: eventTypeTenant,
		pages: func(s *store.Scope, ctx context.Context, ids []webhook.ID, _ noFilter, p store.Page) (map[webhook.ID]*store.List[webhook.Webhook], error) {
			return s.Subscribers(ctx, read.known(ids), p)
		},
		counts: func(s *store.Scope, _ context.Context, ids []webhook.ID, _ noFilter, limit int) (map[webhook.ID]store.Count, error) {
			counts := make(map[webhook.ID]store.Count, len(ids))
			for _, t := range read.known(ids) {
				n := s.Wanting(t.Name)
				counts[t.ID] = store.Count{N: min(n, limit), AtLeast: n > limit}
			}
			return counts, nil
		},
	}
}

// matchesOf returns the list of its tenant's webhooks, with whether each got the event.
func matchesOf(e *webhook.Event) *listing[*store.Scope, store.Match, noFilter] {
	return &listing[*store.Scope, store.Match, noFilter]{
		kind: cursor.Matches, seq: (*store.Match).Position,
		page: func(s *store.Scope, ctx context.Context, _ noFilter, p store.Page) (*store.List[store.Match], error) {
			return s.Matches(ctx, e.ID, p)
		},
		count: func(s *store.Scope, ctx context.Context, _ noFilter, limit int) (store.Count, error) {
			return s.CountWebhooksTo(ctx, store.WebhookFilter{}, limit)
		},
	}
}

// noFilter is the filter of a list without one.
type noFilter struct{}

// cursors creates and parses the cursors of lists.
type cursors interface {
	CursorAt(k cursor.Kind, p store.Place) string
	ReadCursorAt(ctx context.Context, k cursor.Kind, text string) (store.Place, error)
}

// listing is a top-level list.
type listing[S cursors, T, F any] struct {
	kind  cursor.Kind
	seq   func(*T) int64
	at    func(*T) int64 // the time that orders the list; nil for others
	page  func(S, context.Context, F, store.Page) (*store.List[T], error)
	count func(S, context.Context, F, int) (store.Count, error)
	// facets is nil for lists that have none.
	facets func(S, context.Context, F, int) (*store.Facets, error)
}

// resolve reads a page of the list of what s has.
func (l *listing[S, T, F]) resolve(ctx context.Context, r *Resolver, s S, a arguments, filter F) (*model.Connection[T], error) {
	p, err := a.page(ctx, s, l.kind)
	if err != nil {
		return nil, err
	}
	found, err := l.page(s, ctx, filter, p)
	if err != nil {
		return nil, err
	}
	if found != nil { // nil: what has the list was removed
		together(r.loaders(ctx), found.Items)
	}
	c := connect(s, l.kind, found, l.seq, l.at)
	c.CountTo = func(ctx context.Context, limit int) (store.Count, error) { return l.count(s, ctx, filter, limit) }
	c.FacetsTo = func(ctx context.Context, limit int) (*store.Facets, error) { return l.facets(s, ctx, filter, limit) }
	return c, nil
}

// sublist is a list that each row of type P has. The same page is read for a row and all its siblings at once.
type sublist[S cursors, P, T, F any] struct {
	name string // unique among the sublists
	kind cursor.Kind
	id   func(*P) webhook.ID
	seq  func(*T) int64
	at   func(*T) int64 // the time that orders the list; nil for others
	from func(*Resolver, context.Context) S
	// owner returns the tenant of a row of type P, for lists whose cursors are that tenant's; nil for lists whose cursors come from from.
	owner  func(*P) webhook.ID
	pages  func(S, context.Context, []webhook.ID, F, store.Page) (map[webhook.ID]*store.List[T], error)
	counts func(S, context.Context, []webhook.ID, F, int) (map[webhook.ID]store.Count, error)
	// facets is nil for lists that have none.
	facets func(S, context.Context, []webhook.ID, F, int) (map[webhook.ID]*store.Facets, error)
}

// resolve reads a page of one row's list. The rows read for it and its siblings form one level.
func (l *sublist[S, P, T, F]) resolve(ctx context.Context, r *Resolver, parent *P, a arguments, filter F) (*model.Connection[T], error) {
	s, read := l.from(r, ctx), r.loaders(ctx)
	places := cursors(s)
	if l.owner != nil {
		places = r.Store.In(l.owner(parent))
	}
	p, err := a.page(ctx, places, l.kind)
	if err != nil {
		return nil, err
	}
	pages, err := listed(read, l.name, []any{p, filter}, func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*store.List[T], error) {
		found, err := l.pages(s, ctx, ids, filter, p)
		var all []*T
		for _, one := range found {
			all = append(all, one.Items...)
		}
		together(read, all)
		return found, err
	})
	if err != nil {
		return nil, err
	}
	found, err := load(ctx, pages, parent, l.id)
	if err != nil {
		return nil, err
	}
	c := connect(places, l.kind, found, l.seq, l.at)
	c.CountTo = func(ctx context.Context, limit int) (store.Count, error) {
		counts, err := listed(read, l.name+", count", []any{limit, filter}, func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]store.Count, error) {
			return l.counts(s, ctx, ids, filter, limit)
		})
		if err != nil {
			return store.Count{}, err
		}
		return load(ctx, counts, parent, l.id)
	}
	c.FacetsTo = func(ctx context.Context, limit int) (*store.Facets, error) {
		facets, err := listed(read, l.name+", facets", []any{limit, filter}, func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*store.Facets, error) {
			return l.facets(s, ctx, ids, filter, limit)
		})
		if err != nil {
			return nil, err
		}
		of, err := load(ctx, facets, parent, l.id)
		if of == nil {
			of = &store.Facets{}
		}
		return of, err
	}
	return c, nil
}

// connect converts a page to a connection. A nil list is empty: its parent was removed.
func connect[T any](from cursors, k cursor.Kind, l *store.List[T], seq, at func(*T) int64) *model.Connection[T] {
	c := &model.Connection[T]{PageInfo: &model.PageInfo{}, Edges: []*model.Edge[T]{}}
	if l == nil {
		return c
	}
	for i, item := range l.Items {
		p := store.Place{Seq: seq(item)}
		switch {
		case l.Times != nil:
			p.At = l.Times[i]
		case at != nil:
			p.At = at(item)
		}
		c.Edges = append(c.Edges, &model.Edge[T]{Cursor: from.CursorAt(k, p), Node: item})
	}
	start, end := from.CursorAt(k, store.Place{At: l.StartAt, Seq: l.Start}), from.CursorAt(k, store.Place{At: l.EndAt, Seq: l.End})
	c.PageInfo = &model.PageInfo{HasNextPage: l.HasNext, HasPreviousPage: l.HasPrev, StartCursor: &start, EndCursor: &end, SearchedTo: l.SearchedTo}
	return c
}

// The ids that rows are looked up by.

func webhookID(w *webhook.Webhook) webhook.ID         { return w.ID }
func eventID(e *webhook.Event) webhook.ID             { return e.ID }
func deliveryID(d *webhook.Delivery) webhook.ID       { return d.ID }
func deliveryEvent(d *webhook.Delivery) webhook.ID    { return d.EventID }
func deliveryWebhook(d *webhook.Delivery) webhook.ID  { return d.WebhookID }
func attemptDelivery(a *webhook.Attempt) webhook.ID   { return a.DeliveryID }
func attemptEvent(a *webhook.Attempt) webhook.ID      { return a.EventID }
func tenantID(t *webhook.Tenant) webhook.ID           { return t.ID }
func attemptWebhook(a *webhook.Attempt) webhook.ID    { return a.WebhookID }
func webhookTenant(w *webhook.Webhook) webhook.ID     { return w.TenantID }
func eventTenant(e *webhook.Event) webhook.ID         { return e.TenantID }
func deliveryTenant(d *webhook.Delivery) webhook.ID   { return d.TenantID }
func replayID(r *webhook.Replay) webhook.ID           { return r.ID }
func countedWebhook(c *model.WebhookCount) webhook.ID { return c.WebhookID }
func deliveryReplay(d *webhook.Delivery) webhook.ID   { return given(d.ReplayID) }

// deliveryLine returns the zero id for a delivery that waits for none.
func deliveryLine(d *webhook.Delivery) webhook.ID {
	if !d.Waits() {
		return webhook.ID{}
	}
	return given(d.Line)
}

func issuePlace(i *webhook.Issue) int64        { return i.Place }
func issueTenant(i *webhook.Issue) webhook.ID  { return i.TenantID }
func issueWebhook(i *webhook.Issue) webhook.ID { return given(i.WebhookID) }
func issueAttempt(i *webhook.Issue) webhook.ID { return given(i.AttemptID) }

func attemptReplay(a *webhook.Attempt) webhook.ID     { return given(a.ReplayID) }
func eventTypeID(t *webhook.EventType) webhook.ID     { return t.ID }
func eventTypeTenant(t *webhook.EventType) webhook.ID { return t.TenantID }
func replayTenant(r *webhook.Replay) webhook.ID       { return r.TenantID }

// tokenCreator returns the zero id for a token without a creator.
func tokenCreator(t *webhook.Token) webhook.ID {
	if t.CreatedBy == nil {
		return webhook.ID{}
	}
	return *t.CreatedBy
}

// sessionCreator returns the zero id for a portal session without a creator.
func sessionCreator(s *portal.Session) webhook.ID { return given(s.CreatedBy) }
func sessionTenant(s *portal.Session) webhook.ID  { return s.TenantID }

// auditToken returns the zero id for a change without a token.
func auditToken(e *webhook.AuditEntry) webhook.ID {
	if e.Actor.TokenID == nil {
		return webhook.ID{}
	}
	return *e.Actor.TokenID
}

// auditTenant returns the zero id for a change of an object without a tenant.
func auditTenant(e *webhook.AuditEntry) webhook.ID {
	if e.TenantID == nil {
		return webhook.ID{}
	}
	return *e.TenantID
}

// tokenTenant returns the zero id for an operator token, which belongs to no tenant.
func tokenTenant(t *webhook.Token) webhook.ID {
	if t.TenantID == nil {
		return webhook.ID{}
	}
	return *t.TenantID
}
