package graph

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/graph/model"
)

// What an operation costs is the number of values that it may answer (gqlhttp counts them). Here is what only this schema
// knows: how long its lists are, and which of its fields cost more than others.

const (
	// largeCost is what a field costs that may hold as much as a payload.
	largeCost = 10
	// countPerCost is how many elements are counted for what one field costs: an index is read, and nothing is answered.
	countPerCost = 100
)

// largeFields may each hold as much as a payload.
var largeFields = map[string]bool{
	"AttemptRequest.body": true, "AttemptResponse.body": true, "AttemptResponse.bodyBase64": true, "Event.data": true,
}

// listSizes are the sizes of lists that no argument says, by the type of their elements.
var listSizes = map[string]int{
	"UserError":     1, // an input is as a rule right, or wrong in one way
	"WebhookHeader": 20,
	"WebhookSecret": 2,
}

// costed is the schema with its costs, which gqlhttp asks for.
type costed struct{ graphql.ExecutableSchema }

// Complexity says what a field costs with what is within it; false when it is one more than that.
func (s costed) Complexity(_ context.Context, typeName, field string, within int, args map[string]any) (int, bool) {
	if largeFields[typeName+"."+field] {
		return largeCost, true
	}
	def := s.field(typeName, field)
	if def == nil || def.Type.Name() != "Count" {
		return 0, false
	}
	return 1 + within + (countLimit(args["limit"])+countPerCost-1)/countPerCost, true
}

// countLimit reads the argument of count; a limit that count will refuse costs as much as the highest.
func countLimit(v any) int {
	var n int64
	switch v := v.(type) {
	case int64:
		n = v
	case json.Number:
		n, _ = strconv.ParseInt(v.String(), 10, 64)
	}
	if n < 1 || n > model.MaxCount {
		return model.MaxCount
	}
	return int(n)
}

// ListSize says how long a list is when no argument does.
func (s costed) ListSize(typeName, field string) (int, bool) {
	def := s.field(typeName, field)
	switch {
	case def == nil:
		return 0, false
	case def.Type.Elem == nil: // a page
		return defaultPage, true
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
