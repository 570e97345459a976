package graph

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// These types replace gqlgen's in the code that it generates (graph/internal/lean), because each attempt is a separate response for
// each of a thousand watchers: the cost of a response is the cost of a watcher.

// marshalSlice replaces MarshalSliceConcurrently: loaders read what resolvers need for all elements at once, so a goroutine for
// each element would only cost its stack.
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

// fieldSet is an object's fields. It replaces graphql.FieldSet, which starts a goroutine for each field with a resolver; here only
// the fields of Query run concurrently. The schema has no @defer.
type fieldSet struct {
	Values   []graphql.Marshaler
	Invalids uint32 // fields that are null and must not be

	ctx    context.Context // of the object, which is resolved in one call
	fields []graphql.CollectedField
	roots  []func() (i int, v graphql.Marshaler, invalid bool)
}

func newFieldSet(ctx context.Context, fields []graphql.CollectedField) *fieldSet {
	return &fieldSet{ctx: ctx, fields: fields, Values: make([]graphql.Marshaler, len(fields))}
}

// ResolveConcurrently resolves a field immediately.
func (s *fieldSet) ResolveConcurrently(oc *graphql.OperationContext, _ *graphql.DeferredGroup, i int, _, nonNull bool, resolve func(context.Context) graphql.Marshaler) {
	s.Values[i] = recovered(s.ctx, oc, resolve)
	if invalid(s.Values[i], nonNull) {
		s.Invalids++
	}
}

// ResolveRootConcurrently leaves a field of Query to Dispatch.
func (s *fieldSet) ResolveRootConcurrently(ctx context.Context, oc *graphql.OperationContext, i int, _, nonNull bool, resolve func(context.Context) graphql.Marshaler) {
	s.roots = append(s.roots, func() (int, graphql.Marshaler, bool) {
		v := oc.RootResolverMiddleware(ctx, func(ctx context.Context) graphql.Marshaler { return recovered(ctx, oc, resolve) })
		return i, v, invalid(v, nonNull)
	})
}

// Dispatch returns when all fields are resolved.
func (s *fieldSet) Dispatch(context.Context) {
	if len(s.roots) > 0 {
		s.resolveRoots()
	}
}

func (s *fieldSet) resolveRoots() {
	var mu sync.Mutex
	run := func(root func() (int, graphql.Marshaler, bool)) {
		i, v, invalid := root()
		mu.Lock()
		defer mu.Unlock()
		s.Values[i] = v
		if invalid {
			s.Invalids++
		}
	}
	var next atomic.Int64
	work := func() {
		for i := next.Add(1); int(i) <= len(s.roots); i = next.Add(1) {
			run(s.roots[i-1])
		}
	}
	// One operation must not keep all processors busy.
	var others sync.WaitGroup
	for range min(len(s.roots), runtime.GOMAXPROCS(0)-1) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// invalid reports whether a field makes its object null.
func invalid(v graphql.Marshaler, nonNull bool) bool {
	if nonNull {
		return v == graphql.Null
	}
	return v == graphql.RequiredNull
}

func recovered(ctx context.Context, oc *graphql.OperationContext, resolve func(context.Context) graphql.Marshaler) (v graphql.Marshaler) {
	defer func() {
		if r := recover(); r != nil {
			oc.Error(ctx, oc.Recover(ctx, r))
			v = graphql.Null
		}
	}()
	return resolve(ctx)
}

// MarshalGQL writes the object. If gqlgen has not merged fields of one name, their values are the same.
func (s *fieldSet) MarshalGQL(w io.Writer) {
	out, _ := w.(*answer)
	if out != nil && out.full {
		return // the field that did not fit belongs to another object
	}
	if len(s.fields) == 0 {
		_, _ = io.WriteString(w, "{")
	}
	before := `{"`
fields:
	for i := range s.fields {
		alias := s.fields[i].Alias
		for j := range i {
			if s.fields[j].Alias == alias {
				continue fields
			}
		}
		_, _ = io.WriteString(w, before)
		_, _ = io.WriteString(w, alias) // a Name, which needs no escapes
		_, _ = io.WriteString(w, `":`)
		s.Values[i].MarshalGQL(w)
		if out != nil && out.full {
			out.field = append(out.field, alias)
			return
		}
		before = `,"`
	}
	_, _ = io.WriteString(w, "}")
}

// resolveStream replaces ResolveFieldStream, which reads a channel: filling one takes a goroutine for each watcher. The resolver
// sets request.pull instead.
func resolveStream[T any](
	ctx context.Context, oc *graphql.OperationContext, field graphql.CollectedField,
	fieldContext func(context.Context, graphql.CollectedField) (*graphql.FieldContext, error),
	resolver func(context.Context) (any, error),
	directives func(context.Context, graphql.Resolver) graphql.Resolver,
	marshal func(context.Context, ast.SelectionSet, T) graphql.Marshaler,
	recoverFromPanic, nonNull bool,
) func(context.Context) graphql.Marshaler {
	respond := graphql.ResolveFieldStream(ctx, oc, field, fieldContext, resolver, directives, marshal, recoverFromPanic, nonNull)
	pull, ok := from(ctx).pull.(func(context.Context) (T, bool))
	if respond == nil || !ok {
		return respond
	}
	fc := &graphql.FieldContext{Object: field.ObjectDefinition.Name, Field: field} // without arguments, which only the resolver needs
	return func(ctx context.Context) graphql.Marshaler {
		v, ok := pull(ctx)
		if !ok {
			return nil
		}
		ctx = graphql.WithFieldContext(ctx, fc) // errors' paths start here
		return graphql.WriterFunc(func(w io.Writer) {
			_, _ = io.WriteString(w, `{"`+field.Alias+`":`)
			write := func(ctx context.Context, w io.Writer) { marshal(ctx, field.Selections, v).MarshalGQL(w) }
			if text := from(ctx).message.text(ctx, write); text != nil {
				_, _ = w.Write(text)
			} else {
				write(ctx, w)
			}
			if out, _ := w.(*answer); out != nil && out.full {
				out.field = append(out.field, field.Alias)
			}
			_, _ = io.WriteString(w, "}")
		})
	}
}
