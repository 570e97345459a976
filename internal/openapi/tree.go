package openapi

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of a document.
const (
	MaxBytes  = 4 << 20
	maxDepth  = 100
	maxValues = 100_000
	maxQuoted = 80 // bytes of a name in a message
)

// node is a value of a document. Scalars stay text.
type node struct {
	text    []byte // of a scalar
	kind    byte   // '{', '[', or the first byte of a scalar
	names   []string
	members []*node        // of an object, as names; or the elements of an array
	place   map[string]int // of names in members, if there are many
}

// few is how many names of an object are looked through one by one.
const few = 8

// parse reads a document, which must have no name twice in an object.
func parse(text []byte) (*node, error) {
	outline, ok := rawjson.Valid(text)
	switch {
	case len(text) > MaxBytes:
		return nil, webhook.Invalidf("", webhook.CodeTooLong, "must be at most %d bytes long", MaxBytes)
	case outline.Depth > maxDepth:
		return nil, webhook.Invalidf("", webhook.CodeInvalid, "must be nested at most %d deep", maxDepth)
	case !ok || !utf8.Valid(text):
		return nil, webhook.Invalidf("", webhook.CodeInvalid, "must be JSON in UTF-8; convert YAML first")
	}
	p := parser{r: rawjson.NewReader(text)}
	return p.value()
}

type parser struct {
	r      *rawjson.Reader
	values int
	above  []string // the tokens of where it is
}

func (p *parser) value() (*node, error) {
	if p.values++; p.values > maxValues {
		return nil, webhook.Invalidf("", webhook.CodeTooMany, "must have at most %d values, counting those in its objects and arrays", maxValues)
	}
	n := &node{kind: p.r.Peek()}
	switch n.kind {
	case '{':
		for p.r.Enter(); p.r.More(); {
			name := p.r.Name()
			if n.get(name) != nil {
				return nil, invalid(p.above, "has the member %s twice", quoted(name))
			}
			below, err := p.below(name)
			if err != nil {
				return nil, err
			}
			n.add(name, below)
		}
		p.r.Leave()
	case '[':
		for p.r.Enter(); p.r.More(); {
			below, err := p.below(strconv.Itoa(len(n.members)))
			if err != nil {
				return nil, err
			}
			n.members = append(n.members, below)
		}
		p.r.Leave()
	default:
		n.text = p.r.Value()
	}
	return n, nil
}

func (p *parser) below(name string) (*node, error) {
	p.above = append(p.above, name)
	n, err := p.value()
	p.above = p.above[:len(p.above)-1]
	return n, err
}

func (n *node) add(name string, below *node) {
	n.names, n.members = append(n.names, name), append(n.members, below)
	switch {
	case len(n.names) == few+1:
		n.place = make(map[string]int, 2*few)
		for i, name := range n.names {
			n.place[name] = i
		}
	case n.place != nil:
		n.place[name] = len(n.names) - 1
	}
}

// get returns a member of an object; nil if n is none or has none of the name.
func (n *node) get(name string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	i, ok := n.place[name]
	if n.place == nil {
		i = slices.Index(n.names, name)
		ok = i >= 0
	}
	if !ok {
		return nil
	}
	return n.members[i]
}

// str returns the text of a string; "" for anything else.
func (n *node) str() string {
	if n == nil || n.kind != '"' {
		return ""
	}
	s, _ := rawjson.Unquote(n.text)
	return s
}

func (n *node) is(word string) bool { return n != nil && string(n.text) == word }

// at returns the value that tokens of a JSON Pointer lead to; nil if there is none.
func (n *node) at(tokens []string) *node {
	for _, t := range tokens {
		if n == nil {
			return nil
		}
		if n.kind != '[' {
			n = n.get(t)
			continue
		}
		i, err := strconv.Atoi(t)
		if err != nil || i < 0 || i >= len(n.members) {
			return nil
		}
		n = n.members[i]
	}
	return n
}

// write appends the value's JSON without white space.
func (n *node) write(b *bytes.Buffer) {
	switch n.kind {
	case '{':
		b.WriteByte('{')
		for i, name := range n.names {
			if i > 0 {
				b.WriteByte(',')
			}
			writeName(b, name)
			n.members[i].write(b)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i, one := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			one.write(b)
		}
		b.WriteByte(']')
	default:
		b.Write(n.text)
	}
}

func (n *node) String() string {
	var b bytes.Buffer
	n.write(&b)
	return b.String()
}

func writeName(b *bytes.Buffer, name string) {
	writeString(b, name)
	b.WriteByte(':')
}

func writeString(b *bytes.Buffer, s string) {
	text, err := rawjson.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	b.Write(bytes.TrimSpace(text))
}

// split returns the tokens of a JSON Pointer in a fragment ("#/a/b"); ok is false for any other text.
func split(ref string) (tokens []string, ok bool) {
	fragment, err := url.PathUnescape(strings.TrimPrefix(ref, "#"))
	if err != nil || !strings.HasPrefix(ref, "#") || fragment != "" && fragment[0] != '/' {
		return nil, false
	}
	if fragment == "" {
		return nil, true
	}
	tokens = strings.Split(fragment[1:], "/")
	for i, t := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens, true
}

// join is the opposite of split.
func join(tokens []string) string {
	var b strings.Builder
	b.WriteByte('#')
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString((&url.URL{Path: token(t)}).EscapedPath())
	}
	return b.String()
}

// token escapes a name for a JSON Pointer.
func token(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// invalid is an error at a place of the document, which its message names by a JSON Pointer.
func invalid(tokens []string, format string, args ...any) error {
	return webhook.Invalidf("", webhook.CodeInvalid, "at %s: %s", quoted(join(tokens)), fmt.Sprintf(format, args...))
}

func quoted(s string) string {
	if len(s) > maxQuoted {
		cut := maxQuoted
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strconv.Quote(s)
}
