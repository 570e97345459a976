package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// planned is a list, with a filter, and the index along which it must be read.
type planned struct {
	name  string
	table string // and its alias in statements
	index string // "": the table's own order; or several, with + between them
	read  func(ctx context.Context, c *store.Scope, p store.Page) error
}

// along reports whether the index is one of those that the list is read along.
func (p planned) along(index string) bool { return slices.Contains(strings.Split(p.index, "+"), index) }

// adder returns a function that adds a list to all.
func adder(all *[]planned) func(name, table, index string, read func(ctx context.Context, c *store.Scope, p store.Page) error) {
	return func(name, table, index string, read func(ctx context.Context, c *store.Scope, p store.Page) error) {
		*all = append(*all, planned{name, table, index, read})
	}
}

func ids(n int) []webhook.ID {
	list := make([]webhook.ID, n)
	for i := range list {
		list[i] = webhook.NewID(time.Now())
	}
	return list
}

// choose returns the index of the first case that applies.
func choose(cases ...any) string {
	for i := 0; i < len(cases)-1; i += 2 {
		if cases[i] == true {
			return cases[i+1].(string)
		}
	}
	return cases[len(cases)-1].(string)
}

// walked reports whether a list walks an index for n values of a filter, one by one.
func walked(n int) bool { return n > 0 && n <= 20 }

// manyTypes are event types for a filter.
func manyTypes(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("type.n%d", i))
	}
	return list
}

var lastHour = store.TimeRange{From: new(time.Now().Add(-time.Hour)), To: new(time.Now())}

// plannedLists are all lists, with every combination of filters that could change the index.
func plannedLists() []planned {
	var all []planned
	add := adder(&all)
	ranges := []store.TimeRange{{}, lastHour}
	for _, f := range []store.WebhookFilter{{}, {Enabled: new(true)}, {EventType: new("a.b")}, {URL: new("x")}, {Text: new("x")}, {DisabledReason: new(webhook.DisabledGone)}, {Failing: new(true)}} {
		add(fmt.Sprintf("webhooks %+v", f), "webhooks w", "webhooks_tenant", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.Webhooks(ctx, f, p)
			return err
		})
	}
	for _, types := range []int{0, 1, 3, 30} {
		for _, during := range ranges {
			f := store.EventFilter{Types: manyTypes(types), CreatedAt: during}
			add(fmt.Sprintf("events: %d types, during %v", types, during != store.TimeRange{}), "events e", choose(walked(types), "events_type", "events_tenant"),
				func(ctx context.Context, c *store.Scope, p store.Page) error {
					if _, err := c.Events(ctx, f, p); err != nil {
						return err
					}
					_, err := c.CountEventsTo(ctx, f, 10)
					return err
				})
		}
	}
	for _, hooks := range []int{0, 1, 2, 30} {
		for _, parents := range []int{0, 1, 2, 30} {
			for _, types := range []int{0, 2, 30} {
				for _, during := range ranges {
					named := fmt.Sprintf("%d webhooks, %d parents, %d types, during %v, ", hooks, parents, types, during != store.TimeRange{})
					for i, statuses := range deliveryStatuses {
						f := store.DeliveryFilter{WebhookIDs: ids(hooks), EventIDs: ids(parents), EventTypes: manyTypes(types), Statuses: statuses, CreatedAt: during}
						index := choose(walked(parents), "deliveries_event", walked(hooks) && i == 1, "deliveries_webhook_failed",
							i == 3, "deliveries_waiting+deliveries_claimed", walked(hooks), "deliveries_webhook", i == 2, "deliveries_failed+deliveries_waiting+deliveries_claimed", i == 1, "deliveries_failed", walked(types), "deliveries_type", "deliveries_tenant")
						add(fmt.Sprint("deliveries: ", named, statuses), "deliveries d", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
							if _, err := c.Deliveries(ctx, f, p); err != nil {
								return err
							}
							_, err := c.CountDeliveriesTo(ctx, f, 10)
							return err
						})
					}
					for i, statuses := range attemptStatuses {
						f := store.AttemptFilter{WebhookIDs: ids(hooks), DeliveryIDs: ids(parents), EventTypes: manyTypes(types), Statuses: statuses, StartedAt: during}
						index := choose(walked(parents), "attempts_number", walked(hooks) && i == 1, "attempts_webhook_failed", walked(hooks), "attempts_webhook",
							i == 1, "attempts_failed", "attempts_tenant")
						add(fmt.Sprint("attempts: ", named, statuses), "attempts a", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
							if _, err := c.Attempts(ctx, f, p); err != nil {
								return err
							}
							_, err := c.CountAttemptsTo(ctx, f, 10)
							return err
						})
					}
				}
			}
		}
	}
	return slices.Concat(all, plannedOfParents(), plannedEventSearches(), plannedDeliverySearches(), plannedTags(), plannedOrders(), plannedAttemptSearches(), plannedAmongAll(), plannedOfTenants(), plannedOfEveryone(), plannedReplays(), plannedIssues(), plannedPortals())
}

// Statuses of which some have an index.
var (
	deliveryStatuses = [][]webhook.DeliveryStatus{nil, {webhook.DeliveryFailed}, {webhook.DeliveryFailed, webhook.Pending}, {webhook.Held}}
	attemptStatuses  = [][]webhook.AttemptStatus{nil, {webhook.AttemptFailed}, {webhook.AttemptSucceeded}}
)

// plannedOfParents are lists of several webhooks and events that are read in one statement.
func plannedOfParents() []planned {
	var all []planned
	add := adder(&all)
	for i, statuses := range deliveryStatuses {
		for _, parents := range []int{1, 3} {
			f, of := store.DeliveryFilter{Statuses: statuses}, ids(parents)
			add(fmt.Sprint("deliveries of webhooks: ", statuses), "deliveries d", choose(i == 1, "deliveries_webhook_failed", "deliveries_webhook"),
				func(ctx context.Context, c *store.Scope, p store.Page) error {
					_, err := c.DeliveriesOfWebhooks(ctx, of, f, p)
					return err
				})
			add(fmt.Sprint("deliveries of events: ", statuses), "deliveries d", "deliveries_event", func(ctx context.Context, c *store.Scope, p store.Page) error {
				_, err := c.DeliveriesOfEvents(ctx, of, f, p)
				return err
			})
		}
	}
	for i, statuses := range attemptStatuses {
		f, of := store.AttemptFilter{Statuses: statuses}, ids(2)
		add(fmt.Sprint("attempts of webhooks: ", statuses), "attempts a", choose(i == 1, "attempts_webhook_failed", "attempts_webhook"),
			func(ctx context.Context, c *store.Scope, p store.Page) error {
				_, err := c.AttemptsOfWebhooks(ctx, of, f, p)
				return err
			})
	}
	return all
}

// Conditions that no index serves.
var (
	someA       = []filter.Data{{Path: "a", Equals: json.RawMessage("1")}}
	someAnswers = []store.IntRange{{From: new(500)}, {To: new(404)}}
)

// plannedEventSearches are lists of events with the conditions that no index serves, alone and together, along each index.
func plannedEventSearches() []planned {
	var all []planned
	add := adder(&all)
	for i, f := range []store.EventFilter{{Tags: []string{"a", "b"}}, {Tags: []string{"a"}}, {Data: someA}, {Tags: []string{"a"}, Data: someA, CreatedAt: lastHour}, {IdempotencyKey: new("key"), Data: someA}, {IdempotencyKey: new("key")}} {
		for _, types := range []int{0, 1, 3, 30} {
			f := f
			f.Types = manyTypes(types)
			index := choose(f.IdempotencyKey != nil, "events_id", len(f.Tags) > 0, "event_tags_tag", walked(types), "events_type", "events_tenant")
			add(fmt.Sprintf("events: %d types, search %d", types, i), choose(len(f.Tags) > 0, "event_tags g", "events e"), index, func(ctx context.Context, c *store.Scope, p store.Page) error {
				if _, err := c.Events(ctx, f, p); err != nil {
					return err
				}
				_, err := c.CountEventsTo(ctx, f, 10)
				return err
			})
		}
	}
	for _, subscribed := range [][]string{nil, {"a.*"}, manyTypes(3), {"*", "hookgraph.webhook.disabled"}} {
		for _, types := range []int{0, 2} {
			for _, events := range []int{0, 3, 30} {
				f := store.EventFilter{IDs: ids(events), Types: manyTypes(types), CreatedAt: lastHour, Missing: &store.Subscription{Webhook: webhook.NewID(time.Now()), Events: subscribed}}
				index := choose(events > 0, "events_id", types > 0 || len(subscribed) == 3, "events_type", "events_tenant")
				add(fmt.Sprintf("missing events: %d events, %d types, subscribed %v", events, types, subscribed), "events e", index,
					func(ctx context.Context, c *store.Scope, p store.Page) error {
						if _, err := c.Events(ctx, f, p); err != nil {
							return err
						}
						_, err := c.CountEventsTo(ctx, f, 10)
						return err
					})
			}
		}
	}
	for _, tags := range [][]string{{"a"}, {"a", "b"}} {
		f := store.EventFilter{Tags: tags, Data: someA, Missing: &store.Subscription{Webhook: webhook.NewID(time.Now()), Events: []string{"a.*"}}}
		add(fmt.Sprintf("missing events: %d tags", len(tags)), "event_tags g", "event_tags_tag", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.Events(ctx, f, p)
			_, counts := c.CountEventsTo(ctx, f, 10)
			return errors.Join(err, counts)
		})
	}
	for _, subscribed := range [][]string{nil, {"a.*"}, manyTypes(3), {"*", "hookgraph.webhook.disabled"}} {
		f := store.EventFilter{Subscribed: &store.Subscription{Events: subscribed}}
		add(fmt.Sprintf("events of a webhook subscribed to %v", subscribed), "events e", choose(len(subscribed) == 3, "events_type", "events_tenant"),
			func(ctx context.Context, c *store.Scope, p store.Page) error {
				_, err := c.Events(ctx, f, p)
				return err
			})
	}
	return all
}

// plannedDeliverySearches are lists of deliveries with such conditions.
func plannedDeliverySearches() []planned {
	var all []planned
	add := adder(&all)
	for i, f := range []store.DeliveryFilter{
		{},
		{Tags: manyTypes(21)},
		{Data: someA},
		{Errors: []webhook.ErrorCode{webhook.ErrorDNS}},
		{HTTPStatuses: someAnswers},
		{CompletedAt: lastHour},
		{NextAttemptAt: lastHour},
		{
			Tags: manyTypes(21), Data: someA, Errors: []webhook.ErrorCode{webhook.ErrorDNS, webhook.ErrorTLS}, HTTPStatuses: someAnswers, CreatedAt: lastHour,
			CompletedAt: lastHour, NextAttemptAt: lastHour,
		},
	} {
		for _, hooks := range []int{0, 1, 3} {
			for _, parents := range []int{0, 1, 3} {
				if hooks > 0 && parents > 0 { // as without webhooks
					continue
				}
				for _, failed := range []bool{false, true} {
					f := f
					if f.WebhookIDs, f.EventIDs, f.Statuses = ids(hooks), ids(parents), nil; failed {
						f.Statuses = []webhook.DeliveryStatus{webhook.DeliveryFailed}
					}
					index := choose(walked(parents), "deliveries_event", walked(hooks) && failed, "deliveries_webhook_failed", walked(hooks), "deliveries_webhook",
						failed, "deliveries_failed", "deliveries_tenant")
					add(fmt.Sprintf("deliveries: %d webhooks, %d parents, failed %v, search %d", hooks, parents, failed, i), "deliveries d", index,
						func(ctx context.Context, c *store.Scope, p store.Page) error {
							if _, err := c.Deliveries(ctx, f, p); err != nil {
								return err
							}
							if _, err := c.DeliveryFacets(ctx, f, 10); err != nil {
								return err
							}
							_, err := c.CountDeliveriesTo(ctx, f, 10)
							return err
						})
				}
			}
		}
		of := ids(3)
		add(fmt.Sprint("deliveries of webhooks, search ", i), "deliveries d", "deliveries_webhook", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.DeliveriesOfWebhooks(ctx, of, f, p)
			_, counts := c.CountDeliveriesOfWebhooks(ctx, of, f, 10)
			_, facets := c.FacetsOfWebhooks(ctx, of, f, 10)
			return errors.Join(err, counts, facets)
		})
		add(fmt.Sprint("deliveries of events, search ", i), "deliveries d", "deliveries_event", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.DeliveriesOfEvents(ctx, of, f, p)
			_, counts := c.CountDeliveriesOfEvents(ctx, of, f, 10)
			_, facets := c.FacetsOfEvents(ctx, of, f, 10)
			return errors.Join(err, counts, facets)
		})
	}
	return all
}

// plannedTags are lists of the deliveries of few events with a tag, whatever else the filter says.
func plannedTags() []planned {
	var all []planned
	add := adder(&all)
	failed := []webhook.DeliveryStatus{webhook.DeliveryFailed}
	for i, f := range []store.DeliveryFilter{
		{}, {WebhookIDs: ids(2)}, {Statuses: failed}, {ReplayIDs: ids(1)}, {EventTypes: manyTypes(2), Data: someA, CreatedAt: lastHour}, {WebhookIDs: ids(1), Statuses: failed},
	} {
		for _, tags := range [][]string{{"a"}, {"a", "b"}} {
			f := f
			f.Tags = tags
			add(fmt.Sprintf("deliveries with %d tags, search %d", len(tags), i), "deliveries d", "deliveries_event", func(ctx context.Context, c *store.Scope, p store.Page) error {
				_, err := c.Deliveries(ctx, f, p)
				_, counts := c.CountDeliveriesTo(ctx, f, 10)
				_, facets := c.DeliveryFacets(ctx, f, 10)
				return errors.Join(err, counts, facets)
			})
		}
	}
	return all
}

// plannedOrders are lists of deliveries in every order.
func plannedOrders() []planned {
	var all []planned
	add := adder(&all)
	for _, order := range []store.DeliveryOrder{{Ascending: true}, {By: store.CompletedAt}, {By: store.CompletedAt, Ascending: true}, {By: store.NextAttemptAt}, {By: store.NextAttemptAt, Ascending: true}} {
		for i, f := range []store.DeliveryFilter{{}, {CompletedAt: lastHour, NextAttemptAt: lastHour}, {WebhookIDs: ids(1), Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}}, {Data: someA, EventIDs: ids(2)}} {
			f.Order = order
			index := []string{"deliveries_tenant", "deliveries_completed", "deliveries_next"}[order.By]
			if order.By == store.CreatedAt {
				index = []string{index, index, "deliveries_webhook_failed", "deliveries_event"}[i]
			}
			add(fmt.Sprintf("deliveries in the order %+v, search %d", order, i), "deliveries d", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
				for _, at := range []int64{0, time.Now().UnixMicro()} {
					if at != 0 && order.By == store.CreatedAt {
						break
					}
					if p.AfterAt, p.BeforeAt = at, 0; p.Before != 0 {
						p.AfterAt, p.BeforeAt = at+1, at
					}
					if _, err := c.Deliveries(ctx, f, p); err != nil {
						return err
					}
				}
				_, err := c.DeliveryFacets(ctx, f, 10)
				_, counts := c.CountDeliveriesTo(ctx, f, 10)
				return errors.Join(err, counts)
			})
		}
	}
	return all
}

// plannedAttemptSearches are lists of attempts with such conditions.
func plannedAttemptSearches() []planned {
	var all []planned
	add := adder(&all)
	for _, hooks := range []int{0, 1, 3} {
		f := store.AttemptFilter{HTTPStatuses: someAnswers, WebhookIDs: ids(hooks)}
		add(fmt.Sprintf("attempts: %d webhooks, HTTP statuses", hooks), "attempts a", choose(walked(hooks), "attempts_webhook", "attempts_tenant"),
			func(ctx context.Context, c *store.Scope, p store.Page) error {
				_, err := c.Attempts(ctx, f, p)
				return err
			})
	}
	return all
}

// plannedIssues are the lists of issues, of a tenant and of webhooks.
func plannedIssues() []planned {
	var all []planned
	add := adder(&all)
	for i, f := range []store.IssueFilter{
		{}, {Kinds: []webhook.IssueKind{webhook.IssueDisabled}, Statuses: []webhook.IssueStatus{webhook.IssueOpen}, Errors: []webhook.ErrorCode{webhook.ErrorDNS}},
	} {
		for _, n := range []int{0, 1, 3} {
			f := f
			f.WebhookIDs = ids(n)
			add(fmt.Sprintf("issues: %d webhooks, search %d", n, i), "issues i", choose(n == 1, "issues_of_webhook", "issues_tenant"),
				func(ctx context.Context, c *store.Scope, p store.Page) error {
					_, err := c.Issues(ctx, f, p)
					_, counts := c.CountIssuesTo(ctx, f, 10)
					return errors.Join(err, counts)
				})
		}
		of := ids(3)
		add(fmt.Sprint("issues of webhooks, search ", i), "issues i", "issues_of_webhook", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.IssuesOfWebhooks(ctx, of, f, p)
			_, counts := c.CountIssuesOfWebhooks(ctx, of, f, 10)
			return errors.Join(err, counts)
		})
	}
	return all
}

// plannedPortals are the lists of portal sessions, of a tenant and of all.
func plannedPortals() []planned {
	var all []planned
	add := adder(&all)
	for i, f := range []store.PortalSessionFilter{{}, {Statuses: []portal.Status{portal.Pending, portal.Active, portal.Expired, portal.Revoked}}} {
		for _, everyone := range []bool{false, true} {
			add(fmt.Sprintf("portal sessions, search %d, of all %v", i, everyone), "portal_sessions q", choose(!everyone, "portal_sessions_tenant", ""),
				func(ctx context.Context, c *store.Scope, p store.Page) error {
					of := c.Registered(everyone)
					_, err := of.PortalSessions(ctx, f, p)
					_, counts := of.CountPortalSessionsTo(ctx, f, 10)
					return errors.Join(err, counts)
				})
		}
	}
	return all
}

// plannedReplays are the lists of replays, and of deliveries by replay and by id.
func plannedReplays() []planned {
	var all []planned
	add := adder(&all)
	add("replays", "replays r", "replays_tenant", func(ctx context.Context, c *store.Scope, p store.Page) error {
		_, err := c.Replays(ctx, p)
		_, counts := c.CountReplaysTo(ctx, 10)
		return errors.Join(err, counts)
	})
	for i, f := range []store.DeliveryFilter{{}, {Tags: manyTypes(21), Errors: []webhook.ErrorCode{webhook.ErrorDNS}, CompletedAt: lastHour}, {Data: someA}} {
		for _, n := range []int{1, 3, 30} {
			for _, byID := range []bool{false, true} {
				f := f
				if f.ReplayIDs = ids(n); byID {
					f.DeliveryIDs, f.ReplayIDs = f.ReplayIDs, nil
				}
				index := choose(byID, "deliveries_id", walked(n), "deliveries_replay", "deliveries_tenant")
				add(fmt.Sprintf("deliveries of %d replays or ids (%v), search %d", n, byID, i), "deliveries d", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
					_, err := c.Deliveries(ctx, f, p)
					_, counts := c.CountDeliveriesTo(ctx, f, 10)
					_, facets := c.DeliveryFacets(ctx, f, 10)
					return errors.Join(err, counts, facets)
				})
			}
		}
		of := ids(3)
		add(fmt.Sprint("deliveries of replays, search ", i), "deliveries d", "deliveries_replay", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.DeliveriesOfReplays(ctx, of, f, p)
			_, counts := c.CountDeliveriesOfReplays(ctx, of, f, 10)
			_, facets := c.FacetsOfReplays(ctx, of, f, 10)
			return errors.Join(err, counts, facets)
		})
		add(fmt.Sprint("a preview of what failed, search ", i), "deliveries d", "deliveries_failed", func(ctx context.Context, c *store.Scope, _ store.Page) error {
			_, err := c.PreviewReplay(ctx, &store.ReplayInput{Kind: webhook.ReplayFailed, Filter: f})
			return err
		})
	}
	return all
}

// plannedAmongAll are the reads by a range of ids.
func plannedAmongAll() []planned {
	low, high := webhook.NewID(time.Now().Add(-time.Minute)), webhook.NewID(time.Now())
	return []planned{
		{"events between", "events e", "events_id", func(ctx context.Context, c *store.Scope, _ store.Page) error {
			_, err := c.EventsBetween(ctx, low, high, 5)
			return err
		}},
		{"deliveries between", "deliveries d", "deliveries_id", func(ctx context.Context, c *store.Scope, _ store.Page) error {
			_, err := c.DeliveriesBetween(ctx, low, high, 5)
			return err
		}},
	}
}

// plannedOfTenants is the lists of several tenants that are read at once.
func plannedOfTenants() []planned {
	var all []planned
	add := adder(&all)
	of := ids(3)
	for i, f := range []store.WebhookFilter{{}, {Text: new("x")}, {ExternalID: new("x")}} {
		add(fmt.Sprint("webhooks of tenants, search ", i), "webhooks w", "webhooks_tenant", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.All().WebhooksOfTenants(ctx, of, f, p)
			_, counts := c.All().CountWebhooksOfTenants(ctx, of, f, 10)
			return errors.Join(err, counts)
		})
	}
	for _, order := range []store.WebhookOrder{store.WebhookFailed, store.WebhookFailedRate} {
		for i, f := range []store.WebhookFilter{{}, {Text: new("x"), ExternalID: new("x"), Ascending: true}, {Failing: new(true), Enabled: new(true)}} {
			f.Order = order
			index := []string{"", "stats_webhooks_failed", "stats_webhooks_rate"}[order]
			add(fmt.Sprintf("webhooks in the order %v, search %d", order, i), "stats_webhooks s", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
				if p.After+p.Before != 0 {
					p.AfterAt, p.BeforeAt = 2, 1
				}
				_, err := c.Webhooks(ctx, f, p)
				_, counts := c.CountWebhooksTo(ctx, f, 10)
				_, some := c.All().WebhooksOfTenants(ctx, of, f, p)
				_, counted := c.All().CountWebhooksOfTenants(ctx, of, f, 10)
				return errors.Join(err, counts, some, counted)
			})
		}
	}
	for i, f := range []store.EventFilter{{}, {Types: manyTypes(1)}, {Tags: []string{"a"}, Data: someA, CreatedAt: lastHour}} {
		add(fmt.Sprint("events of tenants, search ", i), "events e", "events_tenant", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.All().EventsOfTenants(ctx, of, f, p)
			_, counts := c.All().CountEventsOfTenants(ctx, of, f, 10)
			return errors.Join(err, counts)
		})
	}
	for _, by := range []store.DeliveryTime{store.CreatedAt, store.CompletedAt, store.NextAttemptAt} {
		for i, f := range []store.DeliveryFilter{
			{}, {Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}}, {WebhookIDs: ids(1), EventTypes: manyTypes(2)}, {Data: someA, Errors: []webhook.ErrorCode{webhook.ErrorDNS}},
		} {
			f.Order = store.DeliveryOrder{By: by, Ascending: i == 0}
			index := []string{choose(i == 1, "deliveries_failed", "deliveries_tenant"), "deliveries_completed", "deliveries_next"}[by]
			add(fmt.Sprintf("deliveries of tenants in the order %v, search %d", f.Order, i), "deliveries d", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
				if by != store.CreatedAt && p.After+p.Before != 0 {
					p.AfterAt, p.BeforeAt = time.Now().UnixMicro()+1, time.Now().UnixMicro()
				}
				_, err := c.All().DeliveriesOfTenants(ctx, of, f, p)
				_, counts := c.All().CountDeliveriesOfTenants(ctx, of, f, 10)
				_, facets := c.All().FacetsOfTenants(ctx, of, f, 10)
				return errors.Join(err, counts, facets)
			})
		}
	}
	return all
}

// plannedOfEveryone is the lists that have rows of all tenants.
func plannedOfEveryone() []planned {
	var all []planned
	add := adder(&all)
	for i, f := range []store.WebhookFilter{{}, {Text: new("x"), ExternalID: new("x")}} {
		add(fmt.Sprint("webhooks of everyone, search ", i), "webhooks w", "", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.All().Webhooks(ctx, f, p)
			_, counts := c.All().CountWebhooksTo(ctx, f, 10)
			return errors.Join(err, counts)
		})
	}
	for i, f := range []store.EventFilter{{}, {Types: manyTypes(1), IdempotencyKey: new("key")}, {Tags: []string{"a"}, Data: someA, CreatedAt: lastHour}} {
		add(fmt.Sprint("events of everyone, search ", i), "events e", "", func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.All().Events(ctx, f, p)
			_, counts := c.All().CountEventsTo(ctx, f, 10)
			return errors.Join(err, counts)
		})
	}
	for i, f := range []store.DeliveryFilter{
		{},
		{Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}},
		{EventTypes: manyTypes(2), CreatedAt: lastHour},
		{Data: someA, Errors: []webhook.ErrorCode{webhook.ErrorDNS}},
		{WebhookIDs: ids(2)},
		{WebhookIDs: ids(1), Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}},
		{EventIDs: ids(2)},
	} {
		index := []string{"", "", "", "", "deliveries_webhook", "deliveries_webhook_failed", "deliveries_event"}[i]
		add(fmt.Sprint("deliveries of everyone, search ", i), "deliveries d", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.All().Deliveries(ctx, f, p)
			_, counts := c.All().CountDeliveriesTo(ctx, f, 10)
			_, facets := c.All().DeliveryFacets(ctx, f, 10)
			return errors.Join(err, counts, facets)
		})
	}
	for i, f := range []store.AttemptFilter{{}, {Statuses: []webhook.AttemptStatus{webhook.AttemptFailed}, StartedAt: lastHour}, {WebhookIDs: ids(2)}, {DeliveryIDs: ids(2)}} {
		index := []string{"", "", "attempts_webhook", "attempts_number"}[i]
		add(fmt.Sprint("attempts of everyone, search ", i), "attempts a", index, func(ctx context.Context, c *store.Scope, p store.Page) error {
			_, err := c.All().Attempts(ctx, f, p)
			_, counts := c.All().CountAttemptsTo(ctx, f, 10)
			return errors.Join(err, counts)
		})
	}
	return all
}

// Every list is read along the index of its filter, whatever else is requested and however few statistics the database has: no table is scanned,
// and only the rows found by the branches of one list are sorted, at most a page of each.
func TestListsNameTheirIndex(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of processor time")
	}
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		made := publish(t, c, webhook.NewEvent{}, webhook.NewEvent{}, webhook.NewEvent{})
		c, statements, err := c.Recording()
		if err != nil {
			t.Fatal(err)
		}
		parents := partitionIndexes(t, s)
		middle := made[1].Event.Seq
		pages := []store.Page{{First: 5}, {First: 5, After: middle}, {Last: 5}, {Last: 5, Before: middle}, {First: 5, After: middle + 5, Before: middle}}
		if t.Kind == "postgres" {
			pages = pages[1:2] // a plan costs more
		}
		type found struct {
			list planned
			page store.Page
			one  store.Read
		}
		check := func(f found) {
			plan, err := s.Explain(t.Context(), f.one)
			if err != nil {
				t.Fatalf("%s: explain %s: %v", f.list.name, f.one.Text, err)
			}
			for _, wrong := range mistakes(t.Kind, f.list, f.one.Text, plan, parents) {
				t.Errorf("%s, %+v: %s\n%s\n%s", f.list.name, f.page, wrong, f.one.Text, strings.Join(plan, "\n"))
			}
		}
		seen := map[string]bool{}
		var all []found
		for _, list := range plannedLists() {
			for _, page := range pages {
				statements.Reset()
				if err := list.read(t.Context(), c, page); err != nil {
					t.Fatalf("%s: %v", list.name, err)
				}
				for _, one := range statements.All() {
					if key := one.Text + list.index; !seen[key] {
						seen[key] = true
						all = append(all, found{list, page, one})
						check(all[len(all)-1])
					}
				}
			}
			if t.Failed() {
				return
			}
		}
		if len(all) < 200 {
			t.Errorf("only %d statements were explained", len(all))
		}
		if t.Kind == "postgres" { // which has a choice, and statistics of three rows to make it by
			if err := s.Analyze(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, f := range all {
				check(f)
			}
		}
	})
}

var (
	liteUse = regexp.MustCompile(`(SEARCH|SCAN) (\w+)(?: USING (?:COVERING )?INDEX (\w+)| USING INTEGER PRIMARY KEY)?`)
	pgUse   = regexp.MustCompile(`(Index Scan|Index Only Scan|Seq Scan|Bitmap Heap Scan)(?: Backward)?(?: using (\w+))? on (\w+) (\w+)`)
)

// mistakes returns what is wrong with the plan of a statement.
func mistakes(database string, list planned, text string, plan []string, parents map[string]string) (wrong []string) {
	table, alias, _ := strings.Cut(list.table, " ")
	if alias == "e" && strings.HasPrefix(text, "SELECT e.id, e.type, e.tags, e.data FROM ") { // payloads of candidates
		list.index = "events_id"
	}
	merges := strings.HasPrefix(text, "SELECT * FROM (SELECT * FROM (") || strings.Contains(text, "COUNT(*) AS n FROM") || strings.Contains(text, "COUNT(*) AS seen FROM")
	for i, line := range plan {
		if strings.Contains(line, "TEMP B-TREE") && (!merges || plan[i-1] != "SCAN t" && plan[i-1] != "SCAN u") {
			wrong = append(wrong, "sorts: "+line)
		}
		if strings.HasSuffix(line, "Sort") || strings.Contains(line, "Sort  (") {
			if input := plan[min(i+2, len(plan)-1)]; !merges || pgUse.MatchString(input) { // after the sort's key
				wrong = append(wrong, "sorts: "+line)
			}
		}
		switch database {
		case "sqlite":
			m := liteUse.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			inOrder := list.index == "" && m[2] == alias && m[3] == "" // the table's own
			if m[1] == "SCAN" && !slices.Contains([]string{"t", "u", "json_each"}, m[2]) && !inOrder {
				wrong = append(wrong, "looks through a table: "+line)
			}
			if m[2] == alias && !list.along(m[3]) {
				wrong = append(wrong, "takes another index: "+line)
			}
		default:
			m := pgUse.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if m[1] != "Index Scan" && m[1] != "Index Only Scan" {
				wrong = append(wrong, "looks through a table: "+line)
			}
			index := m[2]
			if of := parents[index]; of != "" {
				index = of
			}
			if list.index == "" && (index == table+"_seq" || index == table+"_pkey") {
				index = ""
			}
			// A delivery's id does not say on which day its event was published. In a partition without rows all indexes cost the same.
			empty := list.index == "deliveries_id" && m[3] != "deliveries_"+time.Now().UTC().Format("20060102")
			if strings.HasPrefix(m[3], table) && strings.HasPrefix(m[4], alias) && !list.along(index) && !empty {
				wrong = append(wrong, "takes another index: "+line)
			}
		}
	}
	return wrong
}

// partitionIndexes maps each index of a partition to the index of the partitioned table.
func partitionIndexes(t *suite, s *store.Store) map[string]string {
	t.Helper()
	if t.Kind != "postgres" {
		return nil
	}
	parents, err := s.PartitionIndexes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return parents
}
