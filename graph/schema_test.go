package graph_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/hookgraph/hookgraph/graph"
)

var update = flag.Bool("update", false, "write schema.graphql")

// schema.graphql is the server's schema.
func TestSchemaFile(t *testing.T) {
	schema := graph.New(&graph.Resolver{}).Schema()
	var printed bytes.Buffer
	// The formatter omits the schema definition, and its description, if the root types have their usual names.
	fmt.Fprintf(&printed, "\"\"\"\n%s\n\"\"\"\nschema {\n  query: %s\n  mutation: %s\n  subscription: %s\n}\n",
		schema.Description, schema.Query.Name, schema.Mutation.Name, schema.Subscription.Name)
	formatter.NewFormatter(&printed, formatter.WithIndent("  ")).FormatSchema(schema)
	if *update {
		if err := os.WriteFile("schema.graphql", printed.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile("schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(stored), printed.String()); diff != "" {
		t.Errorf("schema.graphql is stale, run go generate ./graph (-stored +now):\n%s", diff)
	}
}

// Every type, field, argument, input field and enum value has a description that is a sentence, and a field's names the scope that
// it requires.
func TestDescriptions(t *testing.T) {
	described := func(name, description string) {
		if first, _ := utf8.DecodeRuneInString(description); !unicode.IsUpper(first) || !strings.HasSuffix(description, ".") {
			t.Errorf("%s: %q is not a sentence: begin with a capital letter and end with a full stop", name, description)
		}
	}
	requires := func(name string, f *ast.FieldDefinition) {
		needs := f.Directives.ForName("needs")
		if needs == nil {
			return
		}
		said := strings.Join(strings.Fields(f.Description), " ")
		if scope := needs.Arguments.ForName("scope"); scope != nil && !strings.Contains(said, "the scope `"+scope.Value.Raw+"`.") {
			t.Errorf("%s: %q does not name the scope %s: add \"Requires the scope `%[3]s`.\"", name, said, scope.Value.Raw)
		}
		if needs.Arguments.ForName("operator") != nil && !strings.Contains(said, "operator token") {
			t.Errorf("%s: %q does not say that it requires an operator token", name, said)
		}
	}
	n := 0
	for name, def := range graph.New(&graph.Resolver{}).Schema().Types {
		if def.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		n++
		described(name, def.Description)
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			described(name+"."+f.Name, f.Description)
			requires(name+"."+f.Name, f)
			for _, a := range f.Arguments {
				described(name+"."+f.Name+"("+a.Name+":)", a.Description)
			}
		}
		for _, v := range def.EnumValues {
			described(name+"."+v.Name, v.Description)
		}
		if def.Kind == ast.Scalar && def.Directives.ForName("specifiedBy") == nil {
			t.Errorf("scalar %s has no @specifiedBy", name)
		}
	}
	if n < 40 {
		t.Errorf("only %d types were looked at", n)
	}
}

// The input of a mutation is named after it, except that which a query shares.
func TestInputNames(t *testing.T) {
	shared := map[string]string{"replayDeliveries": "ReplayInput"} // with replayPreview
	for _, f := range graph.New(&graph.Resolver{}).Schema().Mutation.Fields {
		want := shared[f.Name]
		if want == "" {
			want = strings.ToUpper(f.Name[:1]) + f.Name[1:] + "Input"
		}
		if len(f.Arguments) != 1 || f.Arguments[0].Name != "input" || f.Arguments[0].Type.String() != want+"!" {
			t.Errorf("%s has the arguments %v, want input: %s!", f.Name, f.Arguments, want)
		}
	}
}

// What an edge of a list holds is a node, except a match, which is of an event and a webhook.
func TestEdgesHaveNodes(t *testing.T) {
	schema, edges := graph.New(&graph.Resolver{}).Schema(), 0
	for name, def := range schema.Types {
		if !strings.HasSuffix(name, "Edge") || name == "WebhookMatchEdge" {
			continue
		}
		edges++
		node := schema.Types[def.Fields.ForName("node").Type.Name()]
		if !slices.Contains(node.Interfaces, "Node") {
			t.Errorf("the node of %s is of type %s, which is no Node", name, node.Name)
		}
	}
	if edges < 8 {
		t.Errorf("%d types of edges were found", edges)
	}
}

// A query with @defer is refused: half an answer would look like a whole one.
func TestNothingIsDeferred(t *testing.T) {
	a := newAPI(t)
	res := a.run(a.as("kallima"), `{ viewer { operator } ... @defer { webhooks { count { count } } } }`, nil)
	if code(res) != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("%s %v", res.Data, res.Errors)
	}
}
