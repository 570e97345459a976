// Package testschema is a small hand-written executable schema for gqlhttp's tests. Where the transports see a difference, it
// behaves as gqlgen's generated code: panics are recovered, errors have paths, subscriptions end with a nil response.
package testschema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const source = `
scalar JSON
enum Color { RED GREEN }
input Filter { and: [Filter!] data: JSON name: String n: Int list: [JSON!] color: Color }
type Node { id: ID! name: String! child: Node children(first: Int, last: Int): NodeConnection! list: [Node!]! cursor: String! }
type NodeConnection { nodes: [Node!]! }
type Tick { cursor: String! node: Int! }
type Query {
  hello(name: String): String!
  echo(data: JSON, filter: Filter, list: [JSON!]): JSON
  number(f: Float, i: Int): String
  node(id: ID): Node
  nodes(ids: [ID!]!): [Node!]!
  search(first: Int = 10): NodeConnection!
  fails: String
  panics: String
  waits: String
}
type Mutation { set(value: String): String! }
type Subscription {
  ticks(count: Int, size: Int): Tick!
  refused: Tick!
  ends: Tick!
  resumed: String!
  faults(data: String!, code: String!): Tick
}
`

// ErrSecret is returned by the field fails; no client may read its text.
var ErrSecret = errors.New("secret detail")

// Schema is the executable schema. The fields may be nil.
type Schema struct {
	schema *ast.Schema
	// Waits is called by the field waits, which then fails with the context's error.
	Waits func(ctx context.Context)
	// Pulled is called by ticks before each tick that it yields, with the tick's number.
	Pulled func(n int)
	// Cursor is called with the cursor of each response of ticks and faults.
	Cursor func(ctx context.Context, cursor string)
	// End is called before the subscription ends closes.
	End func(ctx context.Context)
	// Resumed is what the subscription resumed yields.
	Resumed func(ctx context.Context) string
}

// New returns a schema.
func New() *Schema {
	return &Schema{schema: gqlparser.MustLoadSchema(&ast.Source{Name: "test.graphqls", Input: source})}
}

// Schema implements graphql.ExecutableSchema.
func (s *Schema) Schema() *ast.Schema { return s.schema }

// Complexity implements graphql.ExecutableSchema: no field has a cost of its own.
func (s *Schema) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

// Exec implements graphql.ExecutableSchema.
func (s *Schema) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, nil)
	if op.Operation.Operation == ast.Subscription {
		return s.subscribe(ctx, fields[0])
	}
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		return &graphql.Response{Data: s.object(ctx, fields)}
	}
}

func (s *Schema) object(ctx context.Context, fields []graphql.CollectedField) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", f.Alias)
		b.Write(s.field(ctx, f))
	}
	b.WriteByte('}')
	return b.Bytes()
}

func (s *Schema) field(ctx context.Context, f graphql.CollectedField) (data json.RawMessage) {
	op := graphql.GetOperationContext(ctx)
	ctx = graphql.WithPathContext(ctx, graphql.NewPathWithField(f.Alias))
	defer func() {
		if v := recover(); v != nil {
			graphql.AddError(ctx, op.RecoverFunc(ctx, v))
			data = json.RawMessage("null")
		}
	}()
	v, err := op.ResolverMiddleware(ctx, func(ctx context.Context) (any, error) {
		return s.resolve(ctx, f, f.ArgumentMap(op.Variables))
	})
	if err != nil {
		graphql.AddError(ctx, err)
		return json.RawMessage("null")
	}
	return s.marshal(ctx, f, v)
}

type node int

func (s *Schema) marshal(ctx context.Context, f graphql.CollectedField, v any) json.RawMessage {
	switch v := v.(type) {
	case json.RawMessage:
		return v
	case node:
		op := graphql.GetOperationContext(ctx)
		return s.object(ctx, graphql.CollectFields(op, f.Selections, nil))
	case []node:
		var b bytes.Buffer
		b.WriteByte('[')
		for i, n := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(s.marshal(ctx, f, n))
		}
		b.WriteByte(']')
		return b.Bytes()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		graphql.AddError(ctx, err)
		return json.RawMessage("null")
	}
	return bytes.TrimSpace(b.Bytes())
}

func (s *Schema) resolve(ctx context.Context, f graphql.CollectedField, args map[string]any) (any, error) {
	switch f.Name {
	case "__typename":
		return f.ObjectDefinition.Name, nil
	case "__type":
		return nil, nil
	case "hello":
		if name, ok := args["name"].(string); ok {
			return "hello " + name, nil
		}
		return "hello", nil
	case "echo":
		for _, v := range []any{args["data"], args["filter"], args["list"]} {
			if raw, ok := v.(json.RawMessage); ok {
				return raw, nil
			}
			if v != nil {
				return v, nil
			}
		}
		return nil, nil
	case "number":
		return fmt.Sprint(args["f"], args["i"]), nil
	case "set":
		return args["value"], nil
	case "fails":
		return nil, ErrSecret
	case "panics":
		panic("secret panic")
	case "waits":
		if s.Waits != nil {
			s.Waits(ctx)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	case "node", "child", "search", "children":
		return node(1), nil
	case "nodes", "list":
		return []node{1, 2}, nil
	case "id", "name", "cursor":
		return f.Name, nil
	}
	return nil, gqlerror.Errorf("no resolver for %s", f.Name)
}

func (s *Schema) subscribe(ctx context.Context, f graphql.CollectedField) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	args := f.ArgumentMap(op.Variables)
	switch f.Name {
	case "refused":
		graphql.AddError(ctx, gqlerror.Errorf("refused"))
		return nil
	case "ends":
		return func(context.Context) *graphql.Response {
			if s.End != nil {
				s.End(ctx)
			}
			return nil
		}
	case "resumed":
		return graphql.OneShot(&graphql.Response{Data: json.RawMessage(fmt.Sprintf(`{"resumed":%q}`, s.Resumed(ctx)))})
	case "faults":
		n := 0
		return func(ctx context.Context) *graphql.Response {
			n++
			cursor := fmt.Sprintf("c%d", n)
			if s.Cursor != nil {
				s.Cursor(ctx, cursor)
			}
			if n != 2 {
				return &graphql.Response{Data: json.RawMessage(fmt.Sprintf(`{"faults":{"cursor":%q}}`, cursor))}
			}
			graphql.AddError(ctx, &gqlerror.Error{Message: "fault", Extensions: map[string]any{"code": args["code"]}})
			return &graphql.Response{Data: json.RawMessage(args["data"].(string))}
		}
	}
	count, limited := integer(args["count"])
	size, _ := integer(args["size"])
	n := 0
	return func(ctx context.Context) *graphql.Response {
		if limited && n == count {
			return nil
		}
		if !limited && size == 0 && n > 0 {
			<-ctx.Done() // ticks without arguments: one tick, then silence
			return nil
		}
		n++
		if s.Pulled != nil {
			s.Pulled(n)
		}
		cursor := fmt.Sprintf("c%d%s", n, bytes.Repeat([]byte("x"), size))
		if s.Cursor != nil {
			s.Cursor(ctx, cursor)
		}
		return &graphql.Response{Data: json.RawMessage(fmt.Sprintf(`{%q:{"cursor":%q,%s"node":%d}}`, f.Alias, cursor, "\n", n))}
	}
}

func integer(v any) (int, bool) {
	switch v := v.(type) {
	case int64:
		return int(v), true
	case json.Number:
		n, err := v.Int64()
		return int(n), err == nil
	}
	return 0, false
}
