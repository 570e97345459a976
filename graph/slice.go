package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// marshalSlice takes the place of gqlgen's MarshalSliceConcurrently (graph/internal/inorder): what a resolver needs for one
// element is read for all of them at once (loaders), so a goroutine for each would only cost its stack.
func marshalSlice(ctx context.Context, length int, _ int64, _ bool, element func(ctx context.Context, i int) graphql.Marshaler) graphql.Array {
	list := make(graphql.Array, length)
	for i := range length {
		list[i] = marshalElement(ctx, i, element)
	}
	return list
}

func marshalElement(ctx context.Context, i int, element func(ctx context.Context, i int) graphql.Marshaler) (m graphql.Marshaler) {
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i})
	defer func() {
		if r := recover(); r != nil {
			graphql.AddError(ctx, graphql.Recover(ctx, r))
			m = graphql.Null
		}
	}()
	return element(ctx, i)
}
