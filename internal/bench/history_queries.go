package bench

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of the 95th percentile: of a query that an index serves, and of any other page.
const (
	indexedMs = 10
	pageMs    = 100
)

// historyQuery is a request of a dashboard. To measure another one, add it to historyQueries.
type historyQuery struct {
	name    string
	indexed bool                           // an index leads directly to the rows it shows
	text    string                         // GraphQL
	vars    func(p *picker) map[string]any // of one request; nil: none
	path    string                         // of a REST request, instead of text
	tenant  func(p *picker) string         // nil: the large one
	mayMiss bool                           // it may find nothing, or nothing in the rows that its first page searches
}

// Fields of deliveries and attempts as a dashboard's table shows them.
const (
	attemptFields  = `{ id number status error message startedAt durationMs response { status } }`
	deliveryFields = `{ id status attemptCount createdAt completedAt webhook { id url } event { id type createdAt } lastAttempt ` + attemptFields + ` }`
	pageFields     = `pageInfo { hasNextPage hasPreviousPage startCursor endCursor }`

	deliveriesQuery = `query ($filter: DeliveryFilter, $first: Int, $after: String, $last: Int, $before: String) {
		deliveries(filter: $filter, first: $first, after: $after, last: $last, before: $before) { nodes ` + deliveryFields + ` ` + pageFields + ` } }`
	eventsQuery   = `query ($filter: EventFilter) { events(first: 50, filter: $filter) { nodes { id type timestamp createdAt data } ` + pageFields + ` } }`
	attemptsQuery = `query ($filter: DeliveryAttemptFilter) { attempts(first: 50, filter: $filter) { nodes { id number status error message startedAt durationMs
		response { status } webhook { id url } delivery { id status } event { id type } } ` + pageFields + ` } }`
	searchQuery = `query ($text: String!) { search(text: $text, first: 20) { __typename ... on Webhook { id url } ... on Event { id type createdAt }
		... on Delivery { id status } } }`
)

// object is a JSON object.
type object = map[string]any

// fifty returns a query for the first page of rows that match the filter.
func fifty(filter object) func(*picker) map[string]any {
	return func(*picker) map[string]any { return object{"first": 50, "filter": filter} }
}

var historyQueries = []historyQuery{
	{name: "deliveries", indexed: true, text: deliveriesQuery, vars: fifty(nil)},
	{name: "deliveries, of a small tenant", indexed: true, text: deliveriesQuery, vars: fifty(nil), tenant: (*picker).small},
	{name: "deliveries, last page", indexed: true, text: deliveriesQuery, vars: func(*picker) map[string]any { return object{"last": 50} }},
	{name: "deliveries, deep page", indexed: true, text: deliveriesQuery, vars: func(p *picker) map[string]any { return object{"first": 50, "after": p.cursor()} }},
	{name: "deliveries, deep page backwards", indexed: true, text: deliveriesQuery, vars: func(p *picker) map[string]any { return object{"last": 50, "before": p.cursor()} }},
	{name: "deliveries, failed", indexed: true, text: deliveriesQuery, vars: fifty(object{"statuses": []string{"FAILED"}})},
	{name: "deliveries, pending or held", indexed: true, text: deliveriesQuery, vars: fifty(object{"statuses": []string{"PENDING", "HELD"}})},
	{name: "deliveries, canceled", text: deliveriesQuery, vars: fifty(object{"statuses": []string{"CANCELED"}}), mayMiss: true},
	{name: "deliveries, of a webhook", indexed: true, text: deliveriesQuery, vars: func(p *picker) map[string]any {
		return object{"first": 50, "filter": object{"webhookIds": []any{p.hook()}}}
	}},
	{name: "deliveries, of a webhook, failed", indexed: true, text: deliveriesQuery, vars: func(p *picker) map[string]any {
		return object{"first": 50, "filter": object{"webhookIds": []any{p.hook()}, "statuses": []string{"FAILED"}}}
	}, mayMiss: true},
	{name: "deliveries, of a common type", text: deliveriesQuery, vars: fifty(object{"eventTypes": []string{commonType(0)}})},
	{name: "deliveries, of a rare type", text: deliveriesQuery, vars: fifty(object{"eventTypes": []string{rareType}})},
	{name: "deliveries, of an unused type", text: deliveriesQuery, vars: fifty(object{"eventTypes": []string{unusedType}}), mayMiss: true},
	{name: "deliveries, within an hour", indexed: true, text: deliveriesQuery, vars: func(p *picker) map[string]any { return object{"first": 50, "filter": object{"createdAt": p.hour()}} }},
	{name: "deliveries, completed within an hour", text: deliveriesQuery, vars: func(p *picker) map[string]any { return object{"first": 50, "filter": object{"completedAt": p.hour()}} }, mayMiss: true},
	{name: "deliveries, with a rare error", text: deliveriesQuery, vars: fifty(object{"errors": []string{"DNS"}}), mayMiss: true},
	{name: "deliveries, with a status of 5xx", text: deliveriesQuery, vars: fifty(object{"httpStatuses": []object{{"from": 500, "to": 599}}}), mayMiss: true},
	{name: "deliveries, by common data", text: deliveriesQuery, vars: fifty(object{"data": []object{{"path": "status", "equals": "paid"}}})},
	{name: "deliveries, by rare data", text: deliveriesQuery, vars: func(p *picker) map[string]any {
		return object{"first": 50, "filter": object{"data": []object{{"path": "id", "equals": p.sample().Event.String()}}}}
	}, mayMiss: true},
	{name: "facets of deliveries", text: `{ deliveries(first: 1) { facets { statuses { value count } eventTypes { value count } errors { value count } precision } } }`},
	{name: "facets of failed deliveries", text: `{ deliveries(first: 1, filter: { statuses: [FAILED] }) { facets { statuses { value count } eventTypes { value count } errors { value count } precision } } }`},
	{name: "event, deliveries and attempts", indexed: true, text: `query ($id: ID!) { event(id: $id) { id type timestamp createdAt data deliveries(first: 20) { nodes { id status attemptCount createdAt completedAt
		webhook { id url } attempts(first: 20) { nodes ` + attemptFields + ` } } } } }`, vars: func(p *picker) map[string]any { return object{"id": p.sample().Event} }},
	{
		name: "delivery, attempts", indexed: true, text: `query ($id: ID!) { delivery(id: $id) { id status attemptCount createdAt completedAt event { id type data } webhook { id url }
		attempts(first: 50) { nodes { id number status error message startedAt durationMs request { url headers { name value } body } response { status headers { name value } body } } } } }`,
		vars: func(p *picker) map[string]any { return object{"id": p.retried()} },
	},
	{name: "webhooks, last failures of each", indexed: true, text: `{ webhooks(first: 10) { nodes { id url enabled failingSince attempts(first: 1, filter: { statuses: [FAILED] }) { nodes ` + attemptFields + ` } } } }`},
	{
		name: "webhook, failed attempts", indexed: true, text: `query ($id: ID!) { webhook(id: $id) { id attempts(first: 50, filter: { statuses: [FAILED] }) { nodes ` + attemptFields + ` ` + pageFields + ` } } }`,
		vars: func(p *picker) map[string]any { return object{"id": p.hook()} }, mayMiss: true,
	},
	{name: "attempts", indexed: true, text: attemptsQuery, vars: fifty(nil)},
	{name: "attempts, failed", indexed: true, text: attemptsQuery, vars: fifty(object{"statuses": []string{"FAILED"}})},
	{name: "attempts, with a common error", text: attemptsQuery, vars: fifty(object{"errors": []string{"HTTP_STATUS"}})},
	{name: "attempts, with a rare error", text: attemptsQuery, vars: fifty(object{"errors": []string{"DNS"}})},
	{name: "attempts, within an hour", text: attemptsQuery, vars: func(p *picker) map[string]any { return object{"filter": object{"startedAt": p.hour()}} }},
	{name: "attempts, of a rare type", text: attemptsQuery, vars: fifty(object{"eventTypes": []string{rareType}}), mayMiss: true},
	{name: "events", indexed: true, text: eventsQuery, vars: fifty(nil)},
	{name: "events, of a common type", indexed: true, text: eventsQuery, vars: fifty(object{"types": []string{commonType(0)}})},
	{name: "events, of a rare type", indexed: true, text: eventsQuery, vars: fifty(object{"types": []string{rareType}})},
	{name: "events, of an unused type", indexed: true, text: eventsQuery, vars: fifty(object{"types": []string{unusedType}}), mayMiss: true},
	{name: "events, within an hour", indexed: true, text: eventsQuery, vars: func(p *picker) map[string]any { return object{"filter": object{"createdAt": p.hour()}} }},
	{name: "events, by common data", text: eventsQuery, vars: fifty(object{"data": []object{{"path": "status", "equals": "paid"}}})},
	{name: "events, by rare data", text: eventsQuery, vars: func(p *picker) map[string]any {
		return object{"filter": object{"data": []object{{"path": "id", "equals": p.sample().Event.String()}}}}
	}, mayMiss: true},
	{name: "events, with a tag that none has", indexed: true, text: eventsQuery, vars: fifty(object{"tags": []string{"nothing"}}), mayMiss: true},
	{name: "search, for an event's id", text: searchQuery, vars: func(p *picker) map[string]any { return object{"text": p.sample().Event.String()} }},
	{name: "search, for the beginning of an id", text: searchQuery, vars: func(p *picker) map[string]any { return object{"text": p.sample().Event.String()[:13]} }},
	{name: "search, without a match", text: searchQuery, vars: func(*picker) map[string]any { return object{"text": "nothing has this"} }, mayMiss: true},
	{name: "count of deliveries", text: `{ deliveries(first: 1) { count { count precision } } }`},
	{name: "count of failed deliveries", text: `{ deliveries(first: 1, filter: { statuses: [FAILED] }) { count { count precision } } }`},
	{name: "count of deliveries of ten webhooks", text: `{ webhooks(first: 10) { nodes { id deliveries(first: 1) { count { count precision } } } } }`},
	{name: "webhooks", indexed: true, text: `{ webhooks(first: 50) { nodes { id url events enabled description createdAt failingSince } ` + pageFields + ` } }`},
	{name: "webhooks, over REST", indexed: true, path: "/v1/webhooks?limit=50"},
}

// sample is a position in a history.
type sample struct {
	Event    webhook.ID
	Delivery webhook.ID // one of the event's
	At       time.Time
}

// picker picks arguments for requests, so that few requests are the same.
type picker struct {
	kept    *kept
	since   time.Time // retention may have removed older rows
	random  *rand.Rand
	cursors []string
}

func newPicker(k *kept, since time.Time) *picker {
	return &picker{kept: k, since: since, random: rand.New(rand.NewPCG(14, 2))} //nolint:gosec // the same requests each time
}

func (p *picker) hook() webhook.ID {
	hooks := p.kept.Tenants[0].Hooks
	return hooks[p.random.IntN(len(hooks))].ID
}

// small returns a tenant that has little more than one full page.
func (p *picker) small() string {
	return p.kept.Tenants[1+p.random.IntN(busyTenants)].Name
}

func (p *picker) of(list []sample) sample {
	for {
		if s := list[p.random.IntN(len(list))]; s.At.After(p.since) {
			return s
		}
	}
}

func (p *picker) sample() sample      { return p.of(p.kept.Samples) }
func (p *picker) retried() webhook.ID { return p.of(p.kept.Retried).Delivery }
func (p *picker) cursor() string      { return p.cursors[p.random.IntN(len(p.cursors))] }

// hour returns a time range of one hour.
func (p *picker) hour() object {
	from := p.sample().At
	return object{"from": from, "to": from.Add(time.Hour)}
}

// ready returns a request for the query.
func (q *historyQuery) ready(p *picker) (r readyQuery, err error) {
	r = readyQuery{path: q.path, tenant: largeTenant}
	if q.tenant != nil {
		r.tenant = q.tenant(p)
	}
	if q.path != "" {
		return r, nil
	}
	of := client.Request{Query: q.text}
	if q.vars != nil {
		of.Variables = q.vars(p)
	}
	r.body, err = json.Marshal(of)
	return r, err
}

// readyQuery is a request that can be sent.
type readyQuery struct {
	path, tenant string
	body         []byte
}

// boundMs returns the bound of the query's 95th percentile.
func (q *historyQuery) boundMs() float64 {
	if q.indexed {
		return indexedMs
	}
	return pageMs
}
