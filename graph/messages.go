package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// circles are the circles of streams that share the text of their messages. What a message says is written once for a circle, and each stream
// puts it into a response of its own; where a stream is, and how fast its client reads, is its own matter.
type circles struct {
	texts shared[textKey, []byte]

	mu  sync.Mutex // guards all, and is held while a circle's number of streams changes
	all map[circleKey]*circle
}

// circle is streams whose messages have the same text if they have the same content: they execute the same operation with the same variables,
// and their callers may read the same.
type circle struct {
	texts   *shared[textKey, []byte]
	streams atomic.Int64
}

// circleKey is a digest of everything that the text of a message depends on, besides its content.
type circleKey [sha256.Size]byte

// textKey is the key of a text.
type textKey struct {
	circle  *circle
	content any
}

// join adds the subscription of ctx to its circle, until ctx ends.
func (s *circles) join(ctx context.Context) (*circle, error) {
	op, caller := graphql.GetOperationContext(ctx), from(ctx).caller
	text, err := json.Marshal([]any{caller.Operator, caller.Tenant.ID, caller.Token.Scopes, op.RawQuery, op.OperationName, decisive(op)})
	if err != nil {
		return nil, err
	}
	key := circleKey(sha256.Sum256(text))
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all[key]
	if c == nil {
		if s.all == nil {
			s.all = map[circleKey]*circle{}
		}
		c = &circle{texts: &s.texts}
		s.all[key] = c
	}
	c.streams.Add(1)
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.streams.Add(-1) == 0 {
			delete(s.all, key)
		}
	})
	return c, nil
}

// decisive returns the variables that messages depend on: all but those that only say where a stream begins, so that clients that have
// resumed share messages, too.
func decisive(op *graphql.OperationContext) map[string]any {
	used := map[string]any{}
	use := func(v *ast.Value) {
		eachVariable(v, func(name string) {
			if value, given := op.Variables[name]; given {
				used[name] = value
			}
		})
	}
	direct := func(list ast.DirectiveList) {
		for _, d := range list {
			for _, arg := range d.Arguments {
				use(arg.Value)
			}
		}
	}
	seen := map[*ast.FragmentDefinition]bool{}
	var look func(set ast.SelectionSet)
	look = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				root := sel.ObjectDefinition != nil && sel.ObjectDefinition.Name == "Subscription"
				for _, arg := range sel.Arguments {
					if !root || arg.Name != "after" && arg.Name != "since" {
						use(arg.Value)
					}
				}
				direct(sel.Directives)
				look(sel.SelectionSet)
			case *ast.InlineFragment:
				direct(sel.Directives)
				look(sel.SelectionSet)
			case *ast.FragmentSpread:
				direct(sel.Directives)
				if sel.Definition != nil && !seen[sel.Definition] {
					seen[sel.Definition] = true
					direct(sel.Definition.Directives)
					look(sel.Definition.SelectionSet)
				}
			}
		}
	}
	direct(op.Operation.Directives)
	look(op.Operation.SelectionSet)
	return used
}

// eachVariable calls f with the name of each variable in a value.
func eachVariable(v *ast.Value, f func(name string)) {
	if v == nil {
		return
	}
	if v.Kind == ast.Variable {
		f(v.Raw)
	}
	for _, child := range v.Children {
		eachVariable(child.Value, f)
	}
}

// several reports whether there are streams to share a message with.
func (c *circle) several() bool { return c.streams.Load() > 1 }

// message returns the circle's message with a content, which must be comparable and of a type that the operation alone determines.
func (c *circle) message(content any) *message { return &message{textKey{c, content}} }

// message is a stream's message whose text others may need, too.
type message struct{ key textKey }

// maxMessage is the maximum size of a message whose text is shared.
const maxMessage = 512 << 10

// text returns the text of the message, which is written once for all; nil if it is not the same for all, and each stream must write its own:
// it has errors, which are of one stream's response, or is too large. That is kept, too: others need not try. A nil message is not shared.
func (m *message) text(ctx context.Context, write func(ctx context.Context, w io.Writer)) []byte {
	if m == nil {
		return nil
	}
	text, err := m.key.circle.texts.get(ctx, m.key, func(ctx context.Context) ([]byte, error) {
		ctx = graphql.WithFreshResponseContext(ctx)
		out := &answer{limit: maxMessage}
		if write(ctx, out); len(graphql.GetErrors(ctx)) > 0 {
			return nil, nil
		}
		return out.Bytes(), nil
	})
	if err != nil {
		return nil
	}
	return text
}
