package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// owners names, for every table whose rows are a tenant's, the column that says whose.
var owners = map[string]string{
	"tenants": "id", "tokens": "tenant_id", "webhooks": "tenant_id", "secrets": "tenant_id", "webhook_headers": "tenant_id",
	"events": "tenant_id", "idempotency_keys": "tenant_id", "deliveries": "tenant_id", "attempts": "tenant_id",
}

// errUnscoped is a statement in a tenant's name that might reach another's rows. It is a mistake of this package.
var errUnscoped = errors.New("a statement does not say whose rows it is about")

// guarded is a database connection in one tenant's name (I11). A statement goes through only when every table of owners in it is
// held to the tenant: by "owner = ?" with the tenant's id, or by being found by its id from a row that is. It must be a condition
// that can not be argued away: one of a WHERE's or an inner join's parts that AND joins. What the guard does not
// understand it refuses; it is written for the statements of this package, not for all of SQL.
//
// What the writer does for everybody at once, in statements of its own, is nobody's in particular: it goes below the guard
// (direct, batch.sqlTx).
type guarded struct {
	gorm.ConnPool

	tenant webhook.ID
	log    *slog.Logger
}

// guard is db in the tenant's name.
func (s *Store) guard(ctx context.Context, db *gorm.DB, tenant webhook.ID) *gorm.DB {
	db = db.WithContext(ctx) // with a statement of its own
	db.Statement.ConnPool = &guarded{db.Statement.ConnPool, tenant, s.log}
	return db
}

func (g *guarded) check(ctx context.Context, text string, args []any) error {
	err := checkScope(text, args, g.tenant)
	if err != nil {
		g.log.ErrorContext(ctx, "statement refused", slog.Any("error", err), slog.String("sql", text))
	}
	return err
}

// ExecContext is gorm.ConnPool's.
func (g *guarded) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if err := g.check(ctx, text, args); err != nil {
		return nil, err
	}
	return g.ConnPool.ExecContext(ctx, text, args...)
}

// QueryContext is gorm.ConnPool's.
func (g *guarded) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := g.check(ctx, text, args); err != nil {
		return nil, err
	}
	return g.ConnPool.QueryContext(ctx, text, args...)
}

// QueryRowContext is gorm.ConnPool's.
func (g *guarded) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	pool := g.ConnPool
	if err := g.check(ctx, text, args); err != nil {
		// Nobody but database/sql can make a Row of an error, and GORM's caches make one that panics.
		ended, cancel := context.WithCancelCause(ctx)
		cancel(err)
		ctx = ended
		switch p := pool.(type) {
		case *gorm.PreparedStmtDB:
			pool = p.ConnPool
		case *gorm.PreparedStmtTX:
			pool = p.Tx
		}
	}
	return pool.QueryRowContext(ctx, text, args...)
}

// PrepareContext is gorm.ConnPool's.
func (g *guarded) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, fmt.Errorf("%w: it is prepared without values", errUnscoped)
}

// checkScope refuses a statement that might reach rows that are not the tenant's.
func checkScope(text string, args []any, tenant webhook.ID) error {
	tokens, err := tokenize(text)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnscoped, err)
	}
	p := &scopeParser{tokens: tokens, args: args, tenant: tenant}
	p.selection(nil, false)
	if p.err == nil && p.at < len(tokens) {
		p.fail("it goes on after its end")
	}
	p.resolve()
	if p.err != nil {
		return fmt.Errorf("%w: %w", errUnscoped, p.err)
	}
	return nil
}

// token is a word, in lower case and without quotation marks; a parameter; text or a number; or a sign.
type token struct {
	kind    byte // 'w', '?', '0', or the sign
	keyword bool
	word    string
	n       int // of a parameter, from 0
}

// keywords are the words that mean something to the parser, when they are not quoted.
var keywords = map[string]bool{}

func init() {
	for word := range strings.FieldsSeq(`and as between case conflict cross end except for from full group having inner
		intersect into join left limit natural on offset or order replace returning right select set skip union update using values where window with`) {
		keywords[word] = true
	}
}

func tokenize(text string) ([]token, error) {
	tokens := make([]token, 0, len(text)/5)
	parameters := 0
	for i := 0; i < len(text); {
		c, from := text[i], i
		i++
		switch {
		case c == ' ' || c == '\t' || c == '\n':
		case isLetter(c):
			for i < len(text) && (isLetter(text[i]) || isDigit(text[i])) {
				i++
			}
			word := strings.ToLower(text[from:i])
			tokens = append(tokens, token{kind: 'w', word: word, keyword: keywords[word]})
		case c == '`' || c == '"':
			n := strings.IndexByte(text[i:], c)
			if n < 0 {
				return nil, errors.New("a name does not end")
			}
			tokens = append(tokens, token{kind: 'w', word: text[i : i+n]})
			i += n + 1
		case c == '\'': // two in it are the end of one and the beginning of another, which is as good
			n := strings.IndexByte(text[i:], c)
			if n < 0 {
				return nil, errors.New("a text does not end")
			}
			tokens = append(tokens, token{kind: '0'})
			i += n + 1
		case c == '?':
			tokens = append(tokens, token{kind: '?', n: parameters})
			parameters++
		case c == '$' || isDigit(c):
			for i < len(text) && isDigit(text[i]) {
				i++
			}
			if c != '$' {
				tokens = append(tokens, token{kind: '0'})
				continue
			}
			n, err := strconv.Atoi(text[from+1 : i])
			if err != nil {
				return nil, errors.New("a parameter has no number")
			}
			tokens = append(tokens, token{kind: '?', n: n - 1})
		case strings.HasPrefix(text[from:], "--") || strings.HasPrefix(text[from:], "/*") || c == ';' || c < ' ' || c > '~':
			return nil, errors.New("it holds a comment, or what is no statement")
		default:
			tokens = append(tokens, token{kind: c})
		}
	}
	return tokens, nil
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// source is a table in a FROM, or what is changed. Its owner is "" when its rows are nobody's.
type source struct {
	name, alias, owner string
	bound              bool // its rows are the tenant's
}

// condition is "alias.column = ?", or "= other.key".
type condition struct {
	alias, column string
	parameter     int // -1: another column
	other, key    string
}

// selection is one SELECT, or what stands for it: a change, or what is between parentheses.
type selection struct {
	outer      *selection
	sources    []*source
	conditions []condition
	or         bool // of which any would do
}

// find is what the alias names; nil when it is not known.
func (s *selection) find(alias string) *source {
	for at := s; at != nil; at = at.outer {
		for _, src := range at.sources {
			if src.alias == alias {
				return src
			}
		}
	}
	return nil
}

// own is the selection's own source of that alias; without one the only there is.
func (s *selection) own(alias string) *source {
	for _, src := range s.sources {
		if src.alias == alias || alias == "" && len(s.sources) == 1 {
			return src
		}
	}
	return nil
}

// scopeParser reads a statement as far as it must to see which conditions hold for which tables.
type scopeParser struct {
	tokens []token
	at     int
	args   []any
	tenant webhook.ID
	all    []*selection
	err    error
}

func (p *scopeParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

// peek is a token from here on; none after the end.
func (p *scopeParser) peek(n int) token {
	if p.at+n < len(p.tokens) {
		return p.tokens[p.at+n]
	}
	return token{}
}

func (t token) is(words ...string) bool {
	return t.keyword && slices.Contains(words, t.word)
}

// owns reports whether the token is a parameter that is the tenant's id.
func (p *scopeParser) owns(t token) bool {
	return t.kind == '?' && t.n >= 0 && t.n < len(p.args) && p.args[t.n] == any(p.tenant)
}

// ends reports whether a condition can end before the token.
func (t token) ends() bool {
	return t.kind == 0 || t.kind == ')' || t.is("and", "where", "join", "inner", "cross", "group", "order", "limit", "union", "returning")
}

// Clauses of a selection.
const (
	inColumns = iota
	inSources
	inConditions
	inChanges
	inRest
)

// selection reads up to the parenthesis that ends it, or the end. grouped says that it is part of an outer one's conditions.
func (p *scopeParser) selection(outer *selection, grouped bool) *selection {
	s := &selection{outer: outer}
	p.all = append(p.all, s)
	clause, begins, cases, between := inColumns, grouped, 0, false // begins: a table, an assignment, a condition
	if grouped {
		clause = inConditions
	}
	for p.err == nil {
		t := p.peek(0)
		began := begins
		begins = false
		switch {
		case t.kind == 0 || t.kind == ')':
			if cases != 0 {
				p.fail("a CASE does not end")
			}
			return s
		case t.kind == '(':
			p.at++
			group := began && clause == inConditions && !p.peek(0).is("select")
			inner := p.selection(s, group)
			if p.peek(0).kind != ')' {
				p.fail("a parenthesis is not closed")
				return s
			}
			p.at++
			if group && !inner.or && len(inner.sources) == 0 && p.peek(0).ends() {
				s.conditions = append(s.conditions, inner.conditions...)
			}
			if began && clause == inSources {
				p.alias(s, "")
			}
			continue
		case t.kind == 'w' && !t.keyword && !began: // a column, or a function
		case t.is("case"):
			cases++
		case t.is("end"):
			if cases--; cases < 0 {
				p.fail("no CASE begins before an END")
			}
		case cases > 0:
			if t.is("from", "join", "into", "update", "select", "union") {
				p.fail("a CASE does not end")
			}
		case t.is("left", "right", "full", "natural", "using", "with", "except", "intersect", "conflict", "replace", "having", "window"):
			p.fail("it has %s, which is not understood", strings.ToUpper(t.word))
		case t.is("union"):
			s = &selection{outer: outer}
			p.all = append(p.all, s)
			clause = inColumns
		case t.is("into"):
			p.at++
			p.insertion(s)
			continue
		case t.is("from", "join", "update") && p.peek(1).kind == 'w' && !p.peek(1).is("skip"):
			p.at++
			clause = inSources
			name := p.peek(0).word
			if p.peek(0).keyword {
				p.fail("%s is no table", name)
			}
			p.at++
			if p.peek(0).kind == '.' {
				p.fail("%s is in another schema", name)
			}
			p.alias(s, name)
			continue
		case t.is("from", "join"):
			clause, begins = inSources, true
		case t.kind == ',' && clause == inSources:
			p.fail("tables are joined by a comma")
		case t.is("where", "on"):
			clause, begins = inConditions, true
		case t.is("set"):
			clause, begins = inChanges, true
		case t.kind == ',' && clause == inChanges:
			begins = true
		case t.is("between"):
			between = true
		case t.is("and"):
			begins, between = clause == inConditions && !between, false
		case t.is("or"):
			s.or = true
		case t.is("group", "order", "limit", "returning"):
			clause = inRest
		case began && clause == inConditions:
			p.condition(s)
		case began && clause == inChanges:
			p.change(s)
		}
		p.at++
	}
	return s
}

// alias takes a table's name into the selection, with what may follow it.
func (p *scopeParser) alias(s *selection, name string) {
	src := &source{name: name, alias: name, owner: owners[name]}
	if p.peek(0).is("as") {
		p.at++
	}
	if t := p.peek(0); t.kind == 'w' && !t.keyword {
		src.alias = t.word
		p.at++
	}
	if slices.ContainsFunc(s.sources, func(other *source) bool { return other.alias == src.alias }) {
		p.fail("%s is there twice", src.alias)
	}
	s.sources = append(s.sources, src)
}

// column reads "[alias.]column" from the n-th token on, and returns where it ends.
func (p *scopeParser) column(n int) (alias, column string, end int, ok bool) {
	if p.peek(n).kind != 'w' {
		return "", "", n, false
	}
	if p.peek(n+1).kind == '.' && p.peek(n+2).kind == 'w' {
		return p.peek(n).word, p.peek(n + 2).word, n + 3, true
	}
	return "", p.peek(n).word, n + 1, true
}

// condition notes an equality that begins here. Any other condition holds nobody to anything.
func (p *scopeParser) condition(s *selection) {
	c := condition{parameter: -1}
	var end int
	var ok bool
	if c.alias, c.column, end, ok = p.column(0); !ok || p.peek(end).kind != '=' {
		return
	}
	end++
	if value := p.peek(end); value.kind == '?' {
		if !p.owns(value) {
			return
		}
		c.parameter = value.n
		end++
	} else if c.other, c.key, end, ok = p.column(end); !ok {
		return
	}
	if p.peek(end).ends() {
		s.conditions = append(s.conditions, c)
	}
}

// change refuses an assignment that gives a row away.
func (p *scopeParser) change(s *selection) {
	alias, column, end, ok := p.column(0)
	src := s.own(alias)
	if src == nil && len(s.sources) > 0 {
		src = s.sources[0]
	}
	if !ok || src == nil || column != src.owner {
		return
	}
	if next := p.peek(end + 2); p.peek(end).kind != '=' || !p.owns(p.peek(end+1)) || next.kind != ',' && !next.ends() {
		p.fail("it may give a row of %s to another tenant", src.name)
	}
}

// insertion reads INTO's table, columns and rows, each of which must be the tenant's.
func (p *scopeParser) insertion(s *selection) {
	src := &source{name: p.peek(0).word, owner: owners[p.peek(0).word], bound: true}
	src.alias = src.name
	s.sources = append(s.sources, src)
	p.at++
	if src.owner == "" {
		return
	}
	index, n := -1, 0
	if p.peek(0).kind != '(' {
		p.fail("it names no columns of %s", src.name)
	}
	for p.at++; p.err == nil && p.peek(0).kind != ')'; p.at++ {
		switch t := p.peek(0); {
		case t.kind == ',':
			n++
		case t.word == src.owner:
			index = n
		case t.kind != 'w':
			p.fail("the columns of %s are not understood", src.name)
		}
	}
	p.at++
	if index < 0 || !p.peek(0).is("values") {
		p.fail("it makes rows of %s that are nobody's", src.name)
	}
	for more := true; more && p.err == nil; more = p.peek(0).kind == ',' {
		p.at++
		p.row(src, index)
	}
}

// row reads the values of one row.
func (p *scopeParser) row(src *source, index int) {
	if p.peek(0).kind != '(' {
		p.fail("the rows of %s are not understood", src.name)
		return
	}
	depth, n, own := 0, 0, false
	for p.err == nil {
		t := p.peek(0)
		switch t.kind {
		case 0:
			p.fail("the rows of %s are not understood", src.name)
		case '(':
			depth++
			if depth == 1 && index == 0 {
				own = p.owns(p.peek(1)) && (p.peek(2).kind == ',' || p.peek(2).kind == ')')
			}
		case ')':
			depth--
		case ',':
			if depth == 1 {
				if n++; n == index {
					own = p.owns(p.peek(1)) && (p.peek(2).kind == ',' || p.peek(2).kind == ')')
				}
			}
		}
		p.at++
		if depth == 0 {
			break
		}
	}
	if !own {
		p.fail("a row of %s is another tenant's", src.name)
	}
}

// resolve finds which tables are held to the tenant, one by the other, and refuses when one is not.
func (p *scopeParser) resolve() {
	for again := true; again; {
		again = false
		for _, s := range p.all {
			if s.or {
				continue
			}
			for _, c := range s.conditions {
				for range 2 { // an equality may be read either way
					if src := s.own(c.alias); src != nil && !src.bound && p.holds(s, src, c) {
						src.bound, again = true, true
					}
					if c.parameter >= 0 {
						break
					}
					c = condition{alias: c.other, column: c.key, parameter: -1, other: c.alias, key: c.column}
				}
			}
		}
	}
	for _, s := range p.all {
		for _, src := range s.sources {
			if src.owner != "" && !src.bound {
				p.fail("nothing holds %s to the tenant", src.name)
			}
		}
	}
}

// holds reports whether the condition makes the rows of src the tenant's.
func (p *scopeParser) holds(s *selection, src *source, c condition) bool {
	if src.owner == "" {
		return false
	}
	if c.parameter >= 0 {
		return c.column == src.owner
	}
	other := s.find(c.other)
	if other == nil || other.owner == "" || !other.bound {
		return false
	}
	return c.column == src.owner && c.key == other.owner || c.column == "id" && strings.HasSuffix(c.key, "_id")
}
