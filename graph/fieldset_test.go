package graph

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// What the queries that this schema takes cannot show: gqlgen leaves fields of one name apart that come from types which
// have no interface in common.
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
