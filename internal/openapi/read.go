package openapi

import (
	"errors"
	"slices"
	"strings"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxErrors is how many problems of a document are told at a time.
const maxErrors = 20

// validationName is the extension of an operation that says what happens to events that break the schema.
const validationName = "x-hookgraph-validation"

// maxHops bounds references that lead to references.
const maxHops = 20

// Read returns the event types that the webhooks of an OpenAPI 3.1 document describe, in the order of the document. The error joins *Invalids.
func Read(text []byte) ([]webhook.Declaration, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	version := root.get("openapi").str()
	hooks := root.get("webhooks")
	switch {
	case root.kind != '{' || version == "":
		return nil, webhook.Invalidf("", webhook.CodeInvalid, "must be an OpenAPI document: an object with the member openapi")
	case !strings.HasPrefix(version, "3.1.") && !strings.HasPrefix(version, "3.2."):
		return nil, webhook.Invalidf("", webhook.CodeInvalid, "must be of OpenAPI 3.1 or 3.2, which describe webhooks, and is of %s", quoted(version))
	case hooks == nil || hooks.kind != '{':
		return nil, webhook.Invalidf("", webhook.CodeInvalid, "must have the member webhooks, an object with a path item for each event type")
	case len(hooks.names) > webhook.MaxEventTypes:
		return nil, webhook.Invalidf("", webhook.CodeTooMany, "must have at most %d webhooks", webhook.MaxEventTypes)
	}
	d := document{root: root}
	var all []webhook.Declaration
	var errs []error
	for i, name := range hooks.names {
		one, err := d.webhook(name, place{hooks.members[i], []string{"webhooks", name}})
		if err != nil {
			if errs = append(errs, err); len(errs) == maxErrors {
				break
			}
		}
		all = append(all, one)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// document is a document that is read.
type document struct {
	root *node
	size int // of the schemas so far, in bytes
}

// place is a value and where it is.
type place struct {
	*node
	tokens []string
}

func (p place) below(name string) place {
	return place{p.get(name), append(slices.Clone(p.tokens), name)}
}

// follow returns what a value is, or what it refers to.
func (d *document) follow(p place) (place, error) {
	for range maxHops {
		ref := p.get("$ref")
		if ref == nil {
			return p, nil
		}
		var err error
		if p, err = d.target(p, ref.str()); err != nil {
			return p, err
		}
	}
	return p, invalid(p.tokens, "is a reference that leads to references, more than %d", maxHops)
}

// schema is follow for a schema: one that says more than a reference is a schema of its own.
func (d *document) schema(p place) (place, error) {
	for hops := 0; len(p.names) == 1 && p.get("$ref") != nil; hops++ {
		var err error
		if p, err = d.target(p, p.get("$ref").str()); err != nil {
			return p, err
		}
		if hops == maxHops {
			return p, invalid(p.tokens, "is a reference that leads to references, more than %d", maxHops)
		}
	}
	return p, nil
}

// target returns what a reference of p leads to.
func (d *document) target(p place, ref string) (place, error) {
	tokens, ok := split(ref)
	if !ok {
		return p, invalid(p.tokens, "refers to %s: $ref may lead only to a place in this document, like #/components/schemas/Order", quoted(ref))
	}
	to := d.root.at(tokens)
	if to == nil {
		return p, invalid(p.tokens, "refers to %s, which is not there", quoted(ref))
	}
	return place{to, tokens}, nil
}

func (d *document) webhook(name string, item place) (t webhook.Declaration, err error) {
	t.Name = name
	if err := webhook.CheckPublishedType("", name); err != nil {
		return t, invalid(item.tokens, "the name %s", webhook.Invalids(err)[0].Message)
	}
	if item, err = d.follow(item); err != nil {
		return t, err
	}
	op := item.below("post")
	if op.node == nil || op.kind != '{' {
		return t, invalid(item.tokens, "must have the operation post")
	}
	if t.Description = op.get("description").str(); t.Description == "" {
		t.Description = op.get("summary").str()
	}
	t.Deprecated = op.get("deprecated").is("true")
	if v := op.get(validationName); v != nil {
		if t.Validation = webhook.SchemaValidation(v.str()); !slices.Contains(webhook.SchemaValidations, t.Validation) {
			return t, invalid(op.below(validationName).tokens, "must be one of %v", webhook.SchemaValidations)
		}
	}
	if op.get("requestBody") == nil {
		return t, nil
	}
	body, err := d.follow(op.below("requestBody"))
	if err != nil {
		return t, err
	}
	media, ok := jsonOf(body.below("content"))
	if !ok {
		return t, invalid(body.tokens, "must have content of type application/json")
	}
	return t, d.content(&t, media)
}

// jsonOf returns the media type that is JSON.
func jsonOf(content place) (place, bool) {
	if content.node == nil || content.kind != '{' {
		return content, false
	}
	for _, name := range content.names {
		kind, _, _ := strings.Cut(strings.ToLower(name), ";")
		if kind = strings.TrimSpace(kind); kind == "application/json" || strings.HasSuffix(kind, "+json") {
			return content.below(name), true
		}
	}
	return content, false
}

// content reads the schema and the example of a body. Of a schema of whole deliveries it keeps only what it says of data.
func (d *document) content(t *webhook.Declaration, media place) error {
	whole := false
	if media.get("schema") != nil {
		body, err := d.schema(media.below("schema"))
		if err != nil {
			return err
		}
		data := body
		if whole = delivery(body.node); whole {
			if data = body.below("properties").below("data"); data.node != nil {
				if data, err = d.schema(data); err != nil {
					return err
				}
			}
		}
		if data.node != nil {
			text, err := d.standalone(data)
			if err != nil {
				return err
			}
			t.Schema = text
		}
	}
	example, err := d.example(media)
	if err != nil {
		return err
	}
	if whole {
		example = example.get("data")
	}
	if example != nil {
		t.Example = []byte(example.String())
	}
	return nil
}

// example returns the example of a media type: `example`, or the first of `examples`; nil if there is none.
func (d *document) example(media place) (*node, error) {
	if one := media.get("example"); one != nil {
		return one, nil
	}
	all := media.below("examples")
	if all.node == nil || all.kind != '{' || len(all.names) == 0 {
		return nil, nil
	}
	one, err := d.follow(all.below(all.names[0]))
	return one.get("value"), err
}

// delivery reports whether a schema describes what receivers get: an object with type, timestamp and data.
func delivery(schema *node) bool {
	properties := schema.get("properties")
	if properties.get("type") == nil || properties.get("timestamp") == nil {
		return false
	}
	if properties.get("data") != nil {
		return true
	}
	required := schema.get("required")
	return required != nil && required.kind == '[' && slices.ContainsFunc(required.members, func(n *node) bool { return n.str() == "data" })
}
