package payload

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Compile compiles normal settings; nil ones are the standard body, and need no Payload. It returns a *webhook.Invalid, or several of them
// joined, whose fields are the paths of what is wrong below field: "payload.template.blocks.0.text".
func Compile(field string, s *webhook.Payload) (*Payload, error) {
	if s == nil {
		return nil, nil
	}
	p := &Payload{format: s.Format, size: 256}
	var errs []error
	switch {
	case !slices.Contains(webhook.PayloadFormats, s.Format):
		errs = append(errs, webhook.Invalidf(field+".format", webhook.CodeInvalid, "must be STANDARD, CLOUDEVENTS, CLOUDEVENTS_BINARY or TEMPLATE"))
	case s.Format == webhook.PayloadTemplate && s.Template == nil:
		errs = append(errs, webhook.Invalidf(field+".template", webhook.CodeRequired, "must be given: the format is TEMPLATE"))
	case s.Format != webhook.PayloadTemplate && s.Template != nil:
		errs = append(errs, webhook.Invalidf(field+".template", webhook.CodeInvalid, "must be given only if the format is TEMPLATE"))
	case s.Template != nil:
		errs = append(errs, p.template(field+".template", []byte(*s.Template)))
	}
	errs = append(errs, p.fields(field+".includeFields", s.IncludeFields))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// fields compiles the paths of what is included.
func (p *Payload) fields(field string, paths []string) error {
	if len(paths) > webhook.MaxIncludeFields {
		return webhook.Invalidf(field, webhook.CodeTooMany, "must have at most %d paths", webhook.MaxIncludeFields)
	}
	var errs []error
	for i, text := range paths {
		in := webhook.Index(field, i)
		if !utf8.ValidString(text) || len(text) > MaxPathBytes {
			errs = append(errs, webhook.Invalidf(in, webhook.CodeTooLong, "must be UTF-8 of at most %d bytes", MaxPathBytes))
			continue
		}
		steps, rest, err := path("data." + text)
		if strings.HasPrefix(text, "[") {
			steps, rest, err = path("data" + text)
		}
		switch {
		case err != nil:
			errs = append(errs, webhook.Invalidf(in, webhook.CodeInvalid, "%s", err))
		case rest != "":
			errs = append(errs, webhook.Invalidf(in, webhook.CodeInvalid, "must be names of members of data, with dots between, like customer.id"))
		case slices.ContainsFunc(steps, func(s step) bool { return s.index >= 0 }):
			errs = append(errs, webhook.Invalidf(in, webhook.CodeInvalid, "must not have positions: of an array all elements are included"))
		default:
			p.includes(steps[1:])
			p.size += 256 + 2*len(text)
		}
	}
	return errors.Join(errs...)
}

// includes adds a path in data.
func (p *Payload) includes(steps []step) {
	if p.include == nil {
		p.include = &node{}
	}
	n, count := p.include, 1
	for _, s := range steps {
		n = n.grow(s, &count)
	}
	n.whole = true
}

// part is a piece of the body that a template makes: a text, and then the value at a node, if there is one.
type part struct {
	text  []byte
	value *node
	// inText: the value stands in a string. Else it is a value of its own, and asText makes it a string.
	inText, asText bool
	most           int // characters of the text; 0: all
	absent         []byte
}

// compiler reads a template once, from left to right. It continues after an error, up to maxErrors of them.
type compiler struct {
	p      *Payload
	r      *rawjson.Reader
	text   []byte // since the last placeholder
	values int
	errs   []error
}

const maxErrors = 10

func (c *compiler) wrong(at *webhook.Trail, code webhook.Code, format string, args ...any) {
	if len(c.errs) < maxErrors {
		c.errs = append(c.errs, webhook.Invalidf(at.String(), code, format, args...))
	}
}

// template compiles a template.
func (p *Payload) template(field string, source []byte) error {
	outline, ok := rawjson.Valid(source)
	switch {
	case len(source) > webhook.MaxTemplateBytes:
		return webhook.Invalidf(field, webhook.CodeTooLong, "must be at most %d bytes of JSON", webhook.MaxTemplateBytes)
	case !ok || !utf8.Valid(source):
		return webhook.Invalidf(field, webhook.CodeInvalid, "must be JSON in UTF-8")
	case outline.Depth > MaxDepth:
		return webhook.Invalidf(field, webhook.CodeTooMany, "must be nested at most %d deep", MaxDepth)
	}
	p.root, p.nodes = &node{}, 1
	c := compiler{p: p, r: rawjson.NewReader(source)}
	c.value(webhook.NewTrail(field))
	c.add(part{})
	if c.values > MaxPlaceholders {
		return webhook.Invalidf(field, webhook.CodeTooMany, "must have at most %d placeholders", MaxPlaceholders)
	}
	p.size += 2*len(source) + 256*p.nodes + 128*len(p.parts)
	return errors.Join(c.errs...)
}

// add ends a part.
func (c *compiler) add(next part) {
	next.text = c.text
	c.text = nil
	if next.value != nil || len(next.text) > 0 {
		c.p.parts = append(c.p.parts, next)
	}
}

// value compiles what is next.
func (c *compiler) value(at *webhook.Trail) {
	switch c.r.Peek() {
	case '{':
		c.object(at)
	case '[':
		c.text = append(c.text, '[')
		c.r.Enter()
		for n := 0; c.r.More(); n++ {
			if n > 0 {
				c.text = append(c.text, ',')
			}
			c.value(at.Element(n))
		}
		c.r.Leave()
		c.text = append(c.text, ']')
	case '"':
		source := c.r.Value()
		text, _ := rawjson.Unquote(source)
		if !strings.Contains(text, "{{") {
			c.text = append(c.text, source...)
			return
		}
		c.string(at, text)
	default:
		c.text = append(c.text, c.r.Value()...)
	}
}

func (c *compiler) object(at *webhook.Trail) {
	c.text = append(c.text, '{')
	c.r.Enter()
	seen := map[string]bool{}
	for c.r.More() {
		name := c.r.Name()
		in := at.At(name)
		switch {
		case seen[name]:
			c.wrong(in, webhook.CodeInvalid, "is given twice")
		case strings.Contains(name, "{{"):
			c.wrong(in, webhook.CodeInvalid, "must not have a placeholder in its name: only values can have one")
		}
		if len(seen) > 0 {
			c.text = append(c.text, ',')
		}
		seen[name] = true
		c.text = append(appendString(c.text, name), ':')
		c.value(in)
	}
	c.r.Leave()
	c.text = append(c.text, '}')
}

// string compiles a string that has placeholders.
func (c *compiler) string(at *webhook.Trail, text string) {
	before, rest, _ := strings.Cut(text, "{{")
	if before == "" {
		if ph, after, err := readPlaceholder(rest); err == nil && after == "" {
			c.placeholder(ph, false)
			return
		}
	}
	c.text = append(c.text, '"')
	for n := 1; ; n++ {
		c.text = appendInner(c.text, before)
		ph, after, err := readPlaceholder(rest)
		if err != nil {
			c.wrong(at, webhook.CodeInvalid, "placeholder %d %s", n, err)
			return
		}
		c.placeholder(ph, true)
		var more bool
		if before, rest, more = strings.Cut(after, "{{"); !more {
			break
		}
	}
	c.text = append(appendInner(c.text, before), '"')
}

// placeholder is what stands between braces.
type placeholder struct {
	steps   []step
	literal *string // instead of a path
	absent  []byte  // JSON: the default; nil: none
	text    bool    // string: as a string even if it stands alone
	most    int     // truncate
}

// placeholder adds a placeholder to the parts.
func (c *compiler) placeholder(ph placeholder, inText bool) {
	c.values++
	if ph.literal != nil {
		if inText {
			c.text = appendInner(c.text, *ph.literal)
		} else {
			c.text = appendString(c.text, *ph.literal)
		}
		return
	}
	if c.values > MaxPlaceholders {
		return // the template is refused
	}
	n := c.p.root
	for _, s := range ph.steps {
		n = n.grow(s, &c.p.nodes)
	}
	c.add(part{value: n, inText: inText, asText: ph.text, most: ph.most, absent: ph.absent})
}

// roots are the members of an event that paths begin with.
var roots = []string{"id", "type", "timestamp", "tags", "data"}

// readPlaceholder reads what follows two opening braces, and the closing ones. The error says what is wrong, for people.
func readPlaceholder(s string) (ph placeholder, rest string, err error) {
	rest = space(s)
	if rest != "" && (rest[0] == '\'' || rest[0] == '"') {
		text, after, ok := quoted(rest)
		if !ok {
			return ph, rest, errors.New("has a text whose quotation marks do not end, or with an unknown escape")
		}
		ph.literal, rest = &text, space(after)
		if !strings.HasPrefix(rest, "}}") {
			return ph, rest, errors.New("must end with }} after its text")
		}
		return ph, rest[2:], nil
	}
	if ph.steps, rest, err = path(rest); err != nil {
		return ph, rest, err
	}
	if err := checkRoot(ph.steps); err != nil {
		return ph, rest, err
	}
	for rest = space(rest); strings.HasPrefix(rest, "|"); rest = space(rest) {
		if rest, err = ph.option(space(rest[1:])); err != nil {
			return ph, rest, err
		}
	}
	if !strings.HasPrefix(rest, "}}") {
		return ph, rest, errors.New("must end with }}, or go on with | and default, string or truncate")
	}
	return ph, rest[2:], nil
}

// checkRoot refuses a path that no event has.
func checkRoot(steps []step) error {
	switch first := steps[0].name; {
	case !slices.Contains(roots, first):
		return fmt.Errorf("begins with %s, which events do not have: paths begin with id, type, timestamp, tags or data", quote(first))
	case len(steps) > 1 && (first == "id" || first == "type" || first == "timestamp"):
		return fmt.Errorf("goes on after %s, which is a string", first)
	case len(steps) > 1 && first == "tags" && (len(steps) > 2 || steps[1].index < 0):
		return errors.New("goes on after tags with a name: it is an array of strings, of which tags[0] is the first")
	}
	return nil
}

// quote shortens a name for a message.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

// option reads what follows a bar.
func (ph *placeholder) option(s string) (rest string, err error) {
	name := word(s)
	rest = space(s[len(name):])
	switch name {
	case "default":
		if ph.absent != nil {
			return rest, errors.New("has two defaults")
		}
		ph.absent, rest, err = readDefault(rest)
		return rest, err
	case "string":
		ph.text = true
		return rest, nil
	case "truncate":
		digits := word(rest)
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > webhook.DefaultMaxDataBytes || digits != strconv.Itoa(n) {
			return rest, fmt.Errorf("must have a number of characters from 1 to %d after truncate", webhook.DefaultMaxDataBytes)
		}
		ph.text, ph.most = true, n
		return rest[len(digits):], nil
	}
	return rest, fmt.Errorf("has %s after a bar, where default, string or truncate may stand", quote(name))
}

// readDefault reads JSON, or a string in single quotation marks.
func readDefault(s string) (value []byte, rest string, err error) {
	if strings.HasPrefix(s, "'") {
		text, rest, ok := quoted(s)
		if !ok {
			return nil, s, errors.New("has a default whose quotation marks do not end, or with an unknown escape")
		}
		return appendString(nil, text), rest, nil
	}
	n, outline, ok := rawjson.Scan([]byte(s))
	if !ok || outline.Depth > MaxDepth {
		return nil, s, errors.New("must have a value after default: JSON, or a text like 'none'")
	}
	return []byte(s[:n]), s[n:], nil
}

func space(s string) string { return strings.TrimLeft(s, " \t\r\n") }
