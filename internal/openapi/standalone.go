package openapi

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// opaque are keywords of JSON Schema whose values are data, in which a $ref refers to nothing.
var opaque = []string{"enum", "const", "default", "example", "examples"}

// named are keywords whose values have a schema for each name, so that the names are no keywords.
var named = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}

// idPrefix begins the $id that export gives a schema whose references cannot be written otherwise.
const idPrefix = "urn:hookgraph:event-type:"

// references calls visit for each $ref of a schema in its own document, which may return another. Schemas below an own $id are left as they are:
// their references are relative to it.
type references struct {
	visit func(ref string) (string, error)
	limit int // of the text; 0: none
}

func (w *references) schema(b *bytes.Buffer, n *node, top bool) error {
	if w.limit > 0 && b.Len() > w.limit {
		return webhook.Invalidf("", webhook.CodeTooLong, "the schemas are longer than %d bytes with all that they refer to", w.limit)
	}
	switch {
	case n.kind == '[':
		return w.list(b, n)
	case n.kind != '{' || !top && n.get("$id") != nil:
		n.write(b)
		return nil
	}
	b.WriteByte('{')
	for i, name := range n.names {
		if i > 0 {
			b.WriteByte(',')
		}
		writeName(b, name)
		if err := w.keyword(b, name, n.members[i]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func (w *references) list(b *bytes.Buffer, n *node) error {
	b.WriteByte('[')
	for i, one := range n.members {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := w.schema(b, one, false); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

func (w *references) keyword(b *bytes.Buffer, name string, n *node) error {
	switch {
	case slices.Contains(opaque, name):
		n.write(b)
		return nil
	case name == "$ref" && n.kind == '"':
		ref, err := w.visit(n.str())
		if err != nil {
			return err
		}
		writeString(b, ref)
		return nil
	case !slices.Contains(named, name) || n.kind != '{':
		return w.schema(b, n, false)
	}
	b.WriteByte('{')
	for i, below := range n.names {
		if i > 0 {
			b.WriteByte(',')
		}
		writeName(b, below)
		if err := w.schema(b, n.members[i], false); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// part is what a schema refers to outside of itself.
type part struct {
	place
	name string // in $defs
}

// standalone returns a schema of the document as one of its own: what it refers to is below $defs.
func (d *document) standalone(p place) ([]byte, error) {
	if id := p.get("$id").str(); id != "" && !strings.HasPrefix(id, idPrefix) || p.kind != '{' {
		return d.text(p.node)
	}
	if strings.HasPrefix(p.get("$id").str(), idPrefix) { // export has added it
		return d.text(p.without("$id"))
	}
	own, prefix := p.get("$defs"), join(p.tokens)
	var parts []part
	known := map[string]int{} // their places, by where they are
	w := references{limit: webhook.MaxDeclaredBytes}
	w.visit = func(ref string) (string, error) {
		if ref == prefix {
			return "#", nil
		} else if rest, inside := strings.CutPrefix(ref, prefix+"/"); inside {
			return "#/" + rest, nil
		}
		to, err := d.target(p, ref)
		if err != nil {
			return "", err
		}
		if n := len(p.tokens); len(to.tokens) >= n && slices.Equal(to.tokens[:n], p.tokens) {
			return join(to.tokens[n:]), nil
		}
		where := join(to.tokens)
		i, again := known[where]
		if !again {
			if len(parts) == maxParts {
				return "", invalid(p.tokens, "refers to more than %d other schemas", maxParts)
			}
			i, known[where] = len(parts), len(parts)
			parts = append(parts, part{to, free(to.tokens, own, parts)})
		}
		return join([]string{"$defs", parts[i].name}), nil
	}
	var b bytes.Buffer
	if err := w.schema(&b, p.node, true); err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return d.kept(b.Bytes())
	}
	text, err := d.withParts(&w, b.Bytes(), own != nil, &parts)
	if err != nil {
		return nil, err
	}
	return d.kept(text)
}

// maxParts bounds the schemas that one refers to.
const maxParts = 500

// withParts adds what a schema refers to, and what that refers to, to its $defs.
func (d *document) withParts(w *references, schema []byte, hasDefs bool, parts *[]part) ([]byte, error) {
	var defs bytes.Buffer
	for i := 0; i < len(*parts); i++ { // it grows
		if i > 0 {
			defs.WriteByte(',')
		}
		writeName(&defs, (*parts)[i].name)
		if err := w.schema(&defs, (*parts)[i].node, true); err != nil {
			return nil, err
		}
	}
	if !hasDefs {
		return slices.Concat(schema[:len(schema)-1], []byte(`,"$defs":{`), defs.Bytes(), []byte("}}")), nil
	}
	whole, err := parse(schema)
	if err != nil {
		return nil, err
	}
	added, err := parse(slices.Concat([]byte("{"), defs.Bytes(), []byte("}")))
	if err != nil {
		return nil, err
	}
	own := whole.get("$defs")
	own.names, own.members = append(own.names, added.names...), append(own.members, added.members...)
	return []byte(whole.String()), nil
}

// free returns a name for $defs that nothing has yet, like the last token of where it was.
func free(tokens []string, own *node, parts []part) string {
	name := "document"
	if n := len(tokens); n > 0 && tokens[n-1] != "" {
		name = tokens[n-1]
	}
	base := name
	for i := len(parts) + 1; own.get(name) != nil || slices.ContainsFunc(parts, func(p part) bool { return p.name == name }); i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	return name
}

func (n *node) without(name string) *node {
	c := &node{kind: n.kind}
	for i, is := range n.names {
		if is != name {
			c.add(is, n.members[i])
		}
	}
	return c
}

func (d *document) text(n *node) ([]byte, error) { return d.kept([]byte(n.String())) }

// kept counts a schema that is kept.
func (d *document) kept(text []byte) ([]byte, error) {
	if d.size += len(text); d.size > webhook.MaxDeclaredBytes {
		return nil, webhook.Invalidf("", webhook.CodeTooLong, "the schemas of all event types are longer than %d bytes together, with all that they refer to", webhook.MaxDeclaredBytes)
	}
	return text, nil
}
