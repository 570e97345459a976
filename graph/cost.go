package graph

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An operation costs one for each value that it may return (gqlhttp counts them). This file says what only this schema knows: how
// long its lists are, and which of its fields cost more than others.

const (
	// largeCost is the cost of a field that may be as large as a payload.
	largeCost = 10
	// countPerCost is how many elements are counted for the cost of one field: counting reads an index and returns nothing.
	countPerCost = 100
	// facetsPerCost is the number of elements that are grouped for the cost of one field: rows are read, and their last attempts.
	facetsPerCost = 10
	// searchCost is what search costs beside what it returns.
	searchCost = 300
	// previewCost is what a preview of a replay costs, as does the creation of one, which counts as a preview does; and matching recent events
	// with a filter, which reads up to 100 payloads.
	previewCost = 100
	// schemaCost is what checking an event with the schema of its type costs: its data is read. What all events of an operation may take is bounded
	// (eventtypes.Budget).
	schemaCost = 50
	// importCost is what an import of event types costs: schemas are compiled, and events are checked with them. With it, one operation can ask for
	// everything that an import answers.
	importCost = 900
	// checksCost is what the checks of a server cost beside what they return, although most callers get those of an earlier run.
	checksCost = 400
	// maxChecks is at least the number of checks of a server.
	maxChecks = 40
	// debugCost is what looking for the reason why a signature does not verify costs: an attempt is read, and bodies are hashed.
	debugCost = 500
	// maxTasks is at least the number of background tasks that a node has.
	maxTasks = 30
)

// schemaErrors is the maximum number of elements of Event.schemaErrors.
const schemaErrors = 5

// largeFields may each be as large as a payload.
var largeFields = map[string]bool{
	"AttemptRequest.body": true, "AttemptResponse.body": true, "AttemptResponse.bodyBase64": true, "Event.data": true,
	"EventType.schema": true, "EventType.example": true, "PreviewRequest.body": true,
}

// listSizes are the sizes of lists without a size argument, by the type of their elements.
var listSizes = map[string]int{
	"SchemaError":    schemaErrors,
	"SignatureCause": 12,
	"StatsBucket":    1, // which Stats.series counts itself
	"UserError":      1, // an input usually has at most one error
	"WebhookHeader":  20,
	"WebhookSecret":  2,
}

// fieldSizes are the sizes of lists that no argument says, by field.
var fieldSizes = map[string]int{
	"DeliveryFacets.statuses": 5, "DeliveryFacets.eventTypes": 100, "DeliveryFacets.errors": 9,
	"ImportEventTypesPayload.changes": 2 * webhook.MaxEventTypes, "EventTypeChange.fields": 1, // all are removed, and as many are added
	"Server.nodes": store.MaxNodes, "Server.tasks": maxTasks, "Server.checks": maxChecks,
	"ReplayPreview.byWebhook": maxCounts, "ReplayPreview.samples": 5, "ReplayPreview.sampleEvents": 5,
}

// costed is the schema with its costs, for gqlhttp.
type costed struct{ graphql.ExecutableSchema }

// Complexity returns the cost of a field including its children; false means the default, one more than its children.
func (s costed) Complexity(_ context.Context, typeName, field string, within int, args map[string]any) (int, bool) {
	if largeFields[typeName+"."+field] {
		return largeCost, true
	}
	if cost, ok := statsCosts[typeName+"."+field]; ok {
		return cost(within, args), true
	}
	def := s.field(typeName, field)
	if def == nil {
		return 0, false
	}
	switch def.Type.Name() {
	case "Count":
		return 1 + within + portions(limit(args["limit"], model.MaxCount), countPerCost), true
	case "DeliveryFacets":
		return 1 + within + portions(limit(args["limit"], model.MaxFacets), facetsPerCost), true
	case "ServerCheck":
		return 1 + within + portions(checksCost, maxChecks), true // for each element
	case "SearchHit":
		return 1 + within + portions(searchCost, limit(args["first"], maxPage)), true // for each element
	}
	return 0, false
}

// searchedTypes are the pages that are searched even without a filter, because their tables contain deleted rows.
var searchedTypes = map[string]bool{"WebhookConnection": true, "WebhookMatchConnection": true, "TenantConnection": true}

// Searches reports whether the list of a page may be searched: it has conditions that no index serves, as far as the arguments tell.
func (s costed) Searches(typeName, field string, args map[string]any) bool {
	def := s.field(typeName, field)
	if def == nil {
		return false
	}
	if filter, ok := args["filter"].(map[string]any); ok {
		for _, condition := range filter {
			if condition != nil {
				return true
			}
		}
	}
	order, _ := args["orderBy"].(map[string]any)
	return searchedTypes[def.Type.Name()] || args["allTenants"] == true || order["field"] == string(model.DeliveryOrderFieldNextAttemptAt)
}

// SearchCost is Complexity for counts and facets of a list that is searched, which look at several rows for each that they find.
func (s costed) SearchCost(typeName, field string, within int, args map[string]any) (int, bool) {
	def := s.field(typeName, field)
	if def == nil {
		return 0, false
	}
	switch def.Type.Name() {
	case "Count":
		return 1 + within + portions(list.SearchedPerCounted*limit(args["limit"], model.MaxCount), countPerCost), true
	case "DeliveryFacets":
		return 1 + within + portions(list.SearchedPerCounted*limit(args["limit"], model.MaxFacets), facetsPerCost), true
	}
	return 0, false
}

// portions returns the number of portions of a size in n.
func portions(n, size int) int { return (n + size - 1) / size }

// statsCosts are the costs of reading statistics, by field, in addition to those of the answer.
var statsCosts = map[string]func(within int, args map[string]any) int{
	"Query.previewDelivery": func(within int, _ map[string]any) int { return largeCost + within }, // an event is read
	"Query.debugSignature":  func(within int, _ map[string]any) int { return debugCost + within },
	"Event.schemaErrors":    func(within int, _ map[string]any) int { return schemaCost/schemaErrors + within }, // for each element
	// An event is read, and matched with up to 100 filters.
	"Event.matches":                   func(within int, _ map[string]any) int { return previewCost + within },
	"DeliveryPreview.request":         func(within int, _ map[string]any) int { return largeCost + within }, // a body is made and signed
	"DeliveryPreview.matchedOfRecent": func(within int, _ map[string]any) int { return previewCost + within },
	"Stats.totals":                    func(within int, _ map[string]any) int { return 10 + within },
	"Stats.backlog":                   func(within int, _ map[string]any) int { return 10 + within },
	"Query.replayPreview":             func(within int, _ map[string]any) int { return previewCost + within },
	"Mutation.replayDeliveries":       func(within int, _ map[string]any) int { return previewCost + within },
	"Mutation.cancelDeliveries":       func(within int, _ map[string]any) int { return previewCost + within },
	"Mutation.importEventTypes":       func(within int, _ map[string]any) int { return importCost + within },
	"Stats.by":                        func(within int, _ map[string]any) int { return 50 + within }, // every group is read
	"Stats.series": func(within int, args map[string]any) int {
		return 10 + limit(args["limit"], maxBuckets)*(1+within)
	},
}

// limit reads an argument. One that will be refused costs as much as the maximum.
func limit(v any, most int) int {
	var n int64
	switch v := v.(type) {
	case int64:
		n = v
	case json.Number:
		n, _ = strconv.ParseInt(v.String(), 10, 64)
	}
	if n < 1 || n > int64(most) {
		return most
	}
	return int(n)
}

// ListSize returns the length of a list without a size argument.
func (s costed) ListSize(typeName, field string) (int, bool) {
	def := s.field(typeName, field)
	switch {
	case def == nil:
		return 0, false
	case def.Type.Elem == nil: // a page
		return defaultPage, true
	}
	if n, ok := fieldSizes[typeName+"."+field]; ok {
		return n, true
	}
	n, ok := listSizes[def.Type.Name()]
	return n, ok
}

func (s costed) field(typeName, field string) *ast.FieldDefinition {
	t := s.Schema().Types[typeName]
	if t == nil {
		return nil
	}
	return t.Fields.ForName(field)
}
