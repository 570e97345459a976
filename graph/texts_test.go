package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// place is a path from an argument of a root field to a text or list within it.
type place struct {
	operation ast.Operation
	field     *ast.FieldDefinition
	way       []string // the argument first
	def       *ast.Type
}

func (p place) String() string { return fmt.Sprintf("%s(%s)", p.field.Name, strings.Join(p.way, ".")) }

// places lists every text and every list that a caller can pass.
func places(schema *ast.Schema) (all []place) {
	var walk func(p place, depth int)
	walk = func(p place, depth int) {
		if p.def.Elem != nil {
			all = append(all, p)
			walk(place{p.operation, p.field, append(slices.Clip(p.way), "0"), p.def.Elem}, depth)
			return
		}
		switch def := schema.Types[p.def.NamedType]; {
		case def.Kind == ast.InputObject && depth < 4:
			for _, f := range def.Fields {
				walk(place{p.operation, p.field, append(slices.Clip(p.way), f.Name), f.Type}, depth+1)
			}
		case def.Name == "String" || def.Name == "ID":
			all = append(all, p)
		}
	}
	for operation, root := range map[ast.Operation]*ast.Definition{
		ast.Query: schema.Query, ast.Mutation: schema.Mutation, ast.Subscription: schema.Subscription,
	} {
		for _, f := range root.Fields {
			for _, a := range f.Arguments {
				if !strings.HasPrefix(f.Name, "__") {
					walk(place{operation, f, []string{a.Name}, a.Type}, 0)
				}
			}
		}
	}
	return all
}

// value returns the smallest value of a type, with put at the end of way.
func value(schema *ast.Schema, def *ast.Type, way []string, put func(*ast.Type) any) any {
	if len(way) == 0 && put != nil {
		return put(def)
	}
	if def.Elem != nil {
		var rest []string
		if len(way) > 0 {
			rest = way[1:]
		} else {
			put = nil
		}
		return []any{value(schema, def.Elem, rest, put)}
	}
	t := schema.Types[def.NamedType]
	if t.Kind == ast.Enum {
		return t.EnumValues[0].Name
	}
	if t.Kind == ast.InputObject {
		object := map[string]any{}
		for _, f := range t.Fields {
			switch {
			case len(way) > 0 && way[0] == f.Name:
				object[f.Name] = value(schema, f.Type, way[1:], put)
			case f.Type.NonNull && f.DefaultValue == nil:
				object[f.Name] = value(schema, f.Type, nil, nil)
			}
		}
		return object
	}
	switch t.Name {
	case "ID":
		return "01890a5d-ac96-774b-bcce-b302099a8057"
	case "Int", "Float":
		return 1
	case "Boolean":
		return true
	case "DateTime":
		return "2030-01-01T00:00:00Z"
	case "JSON":
		return map[string]any{}
	}
	return "x"
}

// operation returns the document and variables that pass put's value at p.
func (p place) operationWith(schema *ast.Schema, put func(*ast.Type) any) (string, vars) {
	var declared, given []string
	v := vars{}
	for _, a := range p.field.Arguments {
		switch {
		case a.Name == p.way[0]:
			v[a.Name] = value(schema, a.Type, p.way[1:], put)
		case a.Type.NonNull && a.DefaultValue == nil:
			v[a.Name] = value(schema, a.Type, nil, nil)
		default:
			continue
		}
		declared, given = append(declared, "$"+a.Name+": "+a.Type.String()), append(given, a.Name+": $"+a.Name)
	}
	selection := ""
	if result := schema.Types[p.field.Type.Name()]; result.IsCompositeType() {
		selection = "{ __typename }"
		if result.Fields.ForName("userErrors") != nil {
			selection = "{ userErrors { code field } }"
		}
		if result.Fields.ForName("results") != nil {
			selection = "{ userErrors { code field } results { userErrors { code field } } }"
		}
	}
	return fmt.Sprintf("%s(%s) { %s(%s) %s }", p.operation, strings.Join(declared, ", "), p.field.Name, strings.Join(given, ", "), selection), v
}

// A text or list that is much too long is a caller's error with the argument's name, wherever one is accepted: no database refuses
// it in its own way, and nothing is logged as a fault.
func TestTextsAndListsAreBounded(t *testing.T) {
	a := newAPI(t)
	schema := graph.New(a.resolver).Schema()
	caller := *auth.From(a.as("kallima"))
	caller.Operator = true
	ctx := auth.With(t.Context(), &caller)
	for _, p := range places(schema) {
		if p.operation == ast.Subscription && p.def.NamedType == "ID" {
			continue // a stream may watch what does not exist
		}
		for _, n := range []int{50_000, 300_000} {
			put := func(def *ast.Type) any {
				if def.Elem == nil {
					return strings.Repeat("x", n)
				}
				list := make([]any, n/10)
				for i := range list {
					list[i] = value(schema, def.Elem, nil, nil)
					if list[i] == "x" {
						list[i] = fmt.Sprint("x", i)
					}
				}
				return list
			}
			document, v := p.operationWith(schema, put)
			resp := a.respond(ctx, document, v)
			refused := strings.Contains(string(resp.Data), `"field":["input"`)
			for _, err := range resp.Errors {
				switch code := err.Extensions["code"]; code {
				case graph.CodeBadUserInput, webhook.CodeTooLong:
					refused = true
				default:
					t.Errorf("%s, %d: %v %v", p, n, code, err)
				}
				if len(err.Error()) > 1000 {
					t.Errorf("%s, %d: the error repeats it", p, n)
				}
			}
			if !refused && p.def.Name() != "ID" { // an unknown id is not found
				t.Errorf("%s, %d: not refused: %.200s %v", p, n, resp.Data, resp.Errors)
			}
		}
	}
	if strings.Contains(a.log.String(), "level=") {
		t.Errorf("log: %.1000s", a.log)
	}
}

// respond returns the first response of an operation of any kind.
func (a *api) respond(ctx context.Context, document string, v vars) *graphql.Response {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // a subscription that is not refused waits
	defer cancel()
	respond, ctx, errs := a.start(ctx, document, v)
	if errs != nil {
		return &graphql.Response{Errors: errs}
	}
	resp := respond(ctx)
	if resp == nil {
		resp = &graphql.Response{Data: json.RawMessage("null")}
	}
	return resp
}
