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

	"github.com/hookgraph/hookgraph/internal/meter"
)

// answer is the data of a response as it is written. It takes the place of the buffer in gqlgen's generated code (graph/
// internal/lean), and takes no more than the operation's meter allows: what comes after that is not written.
type answer struct {
	buf   bytes.Buffer
	limit int // 0: none
	full  bool
	field []string // the names on the way to what did not fit, the innermost first
}

// maxKept bounds the memory that a stream keeps between two responses.
const maxKept = 4 << 10

// Reset empties the answer for the next one.
func (a *answer) Reset() {
	if a.buf.Cap() > maxKept {
		a.buf = bytes.Buffer{}
	}
	a.buf.Reset()
	a.full, a.field = false, nil
}

// Bytes is what was written; nothing when it did not fit.
func (a *answer) Bytes() []byte {
	if a.full {
		return nil
	}
	return a.buf.Bytes()
}

// take writes data.
func (a *answer) take(ctx context.Context, data graphql.Marshaler) {
	m := meter.From(ctx)
	a.limit = m.Limit()
	data.MarshalGQL(a)
	if a.full {
		slices.Reverse(a.field)
		m.Exceed(a.field)
		a.buf = bytes.Buffer{}
	}
}

func (a *answer) fits(n int) bool {
	if a.limit > 0 && a.buf.Len()+n > a.limit {
		a.full = true
	}
	return !a.full
}

// Write is io.Writer's. It never fails: marshalers do not look.
func (a *answer) Write(p []byte) (int, error) {
	if a.fits(len(p)) {
		a.buf.Write(p)
	}
	return len(p), nil
}

// WriteString is io.StringWriter's.
func (a *answer) WriteString(s string) (int, error) {
	if a.fits(len(s)) {
		a.buf.WriteString(s)
	}
	return len(s), nil
}

// tooLarge tells a caller of an answer that does not fit.
func tooLarge(limit int, field []string) *gqlerror.Error {
	shown := &gqlerror.Error{Extensions: map[string]any{"code": CodeAnswerTooLarge, "limit": limit}}
	without := ""
	if len(field) > 0 {
		shown.Extensions["field"] = field
		without = ", or without " + strings.Join(field, ".")
	}
	shown.Message = fmt.Sprintf("the answer is larger than %d bytes, or needs too much memory: ask for fewer elements at a time%s", limit, without)
	return shown
}

// fitting replaces a response that is too large by one error, which names the first field that did not fit.
func fitting(ctx context.Context, resp *graphql.Response) *graphql.Response {
	m := meter.From(ctx)
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

// payloadOf is the way from the field of ctx to the first payload that is selected of it: what made its rows too large, as a rule.
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
