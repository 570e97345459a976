package graph

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// gqlgen does not merge fields of one name from types without a common interface. No query of this schema can show that.
func TestFieldSetWritesANameOnce(t *testing.T) {
	var fields []graphql.CollectedField
	for _, alias := range []string{"a", "b", "a"} {
		fields = append(fields, graphql.CollectedField{Field: &ast.Field{Alias: alias}})
	}
	for n, want := range []string{`{}`, `{"a":true}`, `{"a":true,"b":true}`, `{"a":true,"b":true}`} {
		s := newFieldSet(t.Context(), fields[:n])
		for i := range s.Values {
			s.Values[i] = graphql.True
		}
		var got strings.Builder
		if s.MarshalGQL(&got); got.String() != want {
			t.Errorf("%d fields: %s, want %s", n, &got, want)
		}
	}
}
