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

// What is here takes the place of gqlgen's own in the code that it generates (graph/internal/lean): an attempt goes to each
// of a thousand watchers as a response of its own, and what a response costs is what a watcher costs.

// marshalSlice takes the place of MarshalSliceConcurrently: what a resolver needs for one element is read for all of them
// at once (loaders), so a goroutine for each would only cost its stack.
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

// fieldSet is an object's fields. It takes the place of graphql.FieldSet, which starts a goroutine for each field that has
// a resolver: only the fields of Query run side by side here. The schema has no @defer.
type fieldSet struct {
	Values   []graphql.Marshaler
	Invalids uint32 // fields that are null and must not be

	ctx    context.Context // of the object, which is made in one call
	fields []graphql.CollectedField
	roots  []func() (i int, v graphql.Marshaler, invalid bool)
}

func newFieldSet(ctx context.Context, fields []graphql.CollectedField) *fieldSet {
	return &fieldSet{ctx: ctx, fields: fields, Values: make([]graphql.Marshaler, len(fields))}
}

// ResolveConcurrently resolves a field, at once.
func (s *fieldSet) ResolveConcurrently(oc *graphql.OperationContext, _ *graphql.DeferredGroup, i int, _, nonNull bool, resolve func(context.Context) graphql.Marshaler) {
	s.Values[i] = recovered(s.ctx, oc, resolve)
	if invalid(s.Values[i], nonNull) {
		s.Invalids++
	}
}

// ResolveRootConcurrently has Dispatch resolve a field of Query.
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
	// One operation does not keep all processors busy.
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

// MarshalGQL writes the object. Fields of one name have the same value where gqlgen has left them apart.
func (s *fieldSet) MarshalGQL(w io.Writer) {
	out, _ := w.(*answer)
	if out != nil && out.full {
		return // the field that did not fit is another's
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

// resolveStream takes the place of ResolveFieldStream, which reads a channel, for a resolver that leaves request.pull
// instead: a channel needs a goroutine that fills it, for each watcher.
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
	fc, err := fieldContext(ctx, field)
	if err != nil {
		return nil
	}
	return func(ctx context.Context) graphql.Marshaler {
		v, ok := pull(ctx)
		if !ok {
			return nil
		}
		ctx = graphql.WithFieldContext(ctx, fc) // where the paths of errors begin
		return graphql.WriterFunc(func(w io.Writer) {
			_, _ = io.WriteString(w, `{"`+field.Alias+`":`)
			marshal(ctx, field.Selections, v).MarshalGQL(w)
			if out, _ := w.(*answer); out != nil && out.full {
				out.field = append(out.field, field.Alias)
			}
			_, _ = io.WriteString(w, "}")
		})
	}
}
