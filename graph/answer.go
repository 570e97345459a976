package graph

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/fault"
	"github.com/hookgraph/hookgraph/internal/meter"
)

// answer is a response's data while it is written. It replaces the buffer in gqlgen's generated code (graph/internal/lean), and
// writes no more than the operation's meter allows.
type answer struct {
	buf   bytes.Buffer
	limit int // 0: none
	meter *meter.Meter
	grown int // the capacity of buf that the meter knows
	full  bool
	field []string // the path to what did not fit, innermost first
}

// maxKept bounds the memory that a stream keeps between two responses.
const maxKept = 4 << 10

// Reset empties the buffer for the next answer.
func (a *answer) Reset() {
	if a.buf.Cap() > maxKept {
		a.buf = bytes.Buffer{}
	}
	a.buf.Reset()
	a.full, a.field, a.grown = false, nil, 0
}

// Bytes returns what was written; nil if it did not fit.
func (a *answer) Bytes() []byte {
	if a.full {
		return nil
	}
	return a.buf.Bytes()
}

// take appends data.
func (a *answer) take(ctx context.Context, data graphql.Marshaler) {
	m := meter.From(ctx)
	a.limit, a.meter = m.Limit(), m
	data.MarshalGQL(a)
	if m.Refused() != nil { // fitting reports it
		a.full, a.buf = true, bytes.Buffer{}
	} else if a.full {
		slices.Reverse(a.field)
		m.Exceed(a.field)
		a.buf = bytes.Buffer{}
	}
}

// copies is the maximum number of copies of an answer's text in memory: one written here, one being sent.
const copies = 2

func (a *answer) fits(n int) bool {
	size := a.buf.Len() + n
	switch {
	case a.full:
	case a.limit > 0 && size > a.limit:
		a.full = true
	case size > a.grown:
		grown := max(size, min(2*a.grown, a.limit), maxKept)
		a.full = a.meter.Copy(copies*(grown-a.grown)) != nil
		a.grown = grown
	}
	return !a.full
}

// Write implements io.Writer. It returns no error, because marshalers ignore errors.
func (a *answer) Write(p []byte) (int, error) {
	if a.fits(len(p)) {
		a.buf.Write(p)
	}
	return len(p), nil
}

// WriteString implements io.StringWriter.
func (a *answer) WriteString(s string) (int, error) {
	if a.fits(len(s)) {
		a.buf.WriteString(s)
	}
	return len(s), nil
}

// tooLarge is the error for an answer that exceeds its limit.
func tooLarge(limit int, field []string) *gqlerror.Error {
	shown := &gqlerror.Error{Extensions: map[string]any{"code": CodeAnswerTooLarge, "limit": limit}}
	without := ""
	if len(field) > 0 {
		shown.Extensions["field"] = field
		without = ", or without " + strings.Join(field, ".")
	}
	shown.Message = fmt.Sprintf("the answer is larger than %d bytes, or needs too much memory; request fewer elements at a time%s", limit, without)
	return shown
}

// noRoom is the error for an answer that finds no memory at the moment, because of other answers of its tenant or of all tenants.
func noRoom(ctx context.Context, err error) *gqlerror.Error {
	told := fault.Of(err)
	shown := &gqlerror.Error{Extensions: map[string]any{"code": told.Code}}
	switch {
	case graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation: // a mutation must not be repeated
		shown.Message = "there is no memory for the answer for now, but the mutation has run; read what it changed by a query"
		shown.Extensions["code"] = CodeAnswerTooLarge
	case told.Code == CodeRateLimited:
		shown.Message = "this tenant's unread answers use all of its memory; read some to their end and try again, or request fewer elements at a time"
		shown.Extensions["retryAfterMs"] = told.Wait.Milliseconds()
	case told.Code == CodeUnavailable:
		shown.Message = "there is no memory for the answer for now; try again"
	default:
		shown.Message = told.Message
	}
	return shown
}

// fitting replaces a response that is too large, or finds no memory, by one error. If it is too large, the error names the first
// field that did not fit.
func fitting(ctx context.Context, resp *graphql.Response) *graphql.Response {
	m := meter.From(ctx)
	if err := m.Refused(); err != nil && resp != nil {
		return &graphql.Response{Errors: gqlerror.List{noRoom(ctx, err)}, Extensions: resp.Extensions}
	}
	field, exceeded := m.Exceeded()
	if resp == nil || !exceeded {
		return resp
	}
	shown := tooLarge(m.Limit(), field)
	if field == nil {
		for _, err := range resp.Errors {
			if err.Extensions["code"] == CodeAnswerTooLarge {
				shown = err
				break
			}
		}
	}
	return &graphql.Response{Errors: gqlerror.List{shown}, Extensions: resp.Extensions}
}

// payloadOf returns the path from ctx's field to the first payload selected below it, which usually is what made its rows too
// large.
func payloadOf(ctx context.Context) []string {
	field := graphql.GetFieldContext(ctx)
	if field == nil {
		return nil
	}
	var find func(set ast.SelectionSet) []string
	find = func(set ast.SelectionSet) []string {
		for _, sel := range set {
			var way []string
			switch sel := sel.(type) {
			case *ast.Field:
				if sel.ObjectDefinition != nil && largeFields[sel.ObjectDefinition.Name+"."+sel.Name] {
					return []string{sel.Alias}
				}
				if way = find(sel.SelectionSet); way != nil {
					way = append([]string{sel.Alias}, way...)
				}
			case *ast.InlineFragment:
				way = find(sel.SelectionSet)
			case *ast.FragmentSpread:
				if sel.Definition != nil {
					way = find(sel.Definition.SelectionSet)
				}
			}
			if way != nil {
				return way
			}
		}
		return nil
	}
	return find(field.Field.Selections)
}
