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
var owners = func() map[string]string {
	columns := map[string]string{}
	for t := range tablesThat((*table).owned) {
		columns[t.name] = t.owner
	}
	return columns
}()

// errUnscoped is a statement in a tenant's name that might reach another's rows. It is a mistake of this package.
var errUnscoped = errors.New("a statement does not say whose rows it is about")

// guarded is a database connection in one tenant's name (I11). A statement goes through only when it holds every table of owners
// to the tenant, as checkScope sees it.
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

// ExecContext implements gorm.ConnPool.
func (g *guarded) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if err := g.check(ctx, text, args); err != nil {
		return nil, err
	}
	return g.ConnPool.ExecContext(ctx, text, args...)
}

// QueryContext implements gorm.ConnPool.
func (g *guarded) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := g.check(ctx, text, args); err != nil {
		return nil, err
	}
	return g.ConnPool.QueryContext(ctx, text, args...)
}

// QueryRowContext implements gorm.ConnPool.
func (g *guarded) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row { //nolint:contextcheck // a refusal is made of the caller's
	pool := g.ConnPool
	if err := g.check(ctx, text, args); err != nil {
		// Nobody but database/sql can make a Row of an error, and GORM's caches make one that panics.
		ctx = refusal{ctx, err}
		switch p := pool.(type) {
		case *gorm.PreparedStmtDB:
			pool = p.ConnPool
		case *gorm.PreparedStmtTX:
			pool = p.Tx
		}
	}
	return pool.QueryRowContext(ctx, text, args...)
}

// refusal is a context that has ended, with an error of ours: database/sql hands it on before it asks the database.
type refusal struct {
	context.Context

	err error
}

// Done implements context.Context.
func (refusal) Done() <-chan struct{} { return over }

// Err implements context.Context.
func (r refusal) Err() error { return r.err }

var over = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// PrepareContext implements gorm.ConnPool.
func (g *guarded) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, fmt.Errorf("%w: it is prepared without values", errUnscoped)
}

// noAliases are words that can follow a table's name without being its alias.
var noAliases = strings.Fields("CROSS GROUP INNER JOIN LEFT LIMIT ON ORDER RETURNING SET UNION VALUES WHERE")

// checkScope refuses a statement of this package in which a table with an owner is not held to the tenant: by "owner = ?" with the
// tenant's id, or by "id = other.…_id" or "owner = other.owner" with a table that is. There must be one such condition for
// each time that the table is named. It compares words, and is there for a condition that was forgotten; what a condition
// means (an OR, a NOT), TestTenantIsolation sees.
func checkScope(text string, args []any, tenant webhook.ID) error {
	tables, named := map[string]string{}, map[string]int{} // by alias: the name, and how often it is to be held
	var equalities []equality
	words, parameters, assigns := strings.Fields(text), 0, false
	word := func(i int) string {
		if i >= len(words) {
			return ""
		}
		return strings.Trim(words[i], "()`\",")
	}
	for i := range words {
		switch keyword := strings.ToUpper(word(i)); keyword {
		case "FROM", "JOIN", "UPDATE", "INTO":
			name := word(i + 1)
			if owners[name] == "" {
				continue
			}
			alias := word(i + 2)
			if strings.EqualFold(alias, "AS") {
				alias = word(i + 3)
			} else if alias == "" || slices.Contains(noAliases, strings.ToUpper(alias)) || strings.HasSuffix(words[i+1], ")") {
				alias = name
			}
			if keyword == "INTO" { // the owner's column has no default: it cannot be left out
				if !slices.Contains(args, any(tenant)) {
					return fmt.Errorf("%w: a row of %s is another's", errUnscoped, name)
				}
				continue
			}
			tables[alias] = name
			named[alias]++
		case "SET":
			assigns = true
		case "WHERE":
			assigns = false
		case "=":
			if i > 0 && !assigns {
				equalities = append(equalities, newEquality(word(i-1), word(i+1), parameters))
			}
		}
		parameters += strings.Count(words[i], "?")
	}
	for again := true; again; {
		again = false
		for i := range equalities {
			if e := &equalities[i]; !e.used && e.holds(tables, named, args, tenant) {
				e.used, again = true, true
			}
		}
	}
	for alias, n := range named {
		if n > 0 {
			return fmt.Errorf("%w: nothing holds %s to the tenant", errUnscoped, tables[alias])
		}
	}
	return nil
}

// equality is "alias.column = ?", or "= other.key".
type equality struct {
	alias, column string
	parameter     int // from 0; -1: another column
	other, key    string
	used          bool
}

func newEquality(left, right string, parameters int) equality {
	e := equality{parameter: -1}
	e.alias, e.column = splitColumn(left)
	switch n, err := strconv.Atoi(strings.TrimPrefix(right, "$")); {
	case right == "?":
		e.parameter = parameters
	case err == nil && right[0] == '$':
		e.parameter = n - 1
	default:
		e.other, e.key = splitColumn(right)
	}
	return e
}

// splitColumn is what stands before the dot, and after it or without one.
func splitColumn(s string) (alias, column string) {
	alias, column, dotted := strings.Cut(s, ".")
	if !dotted {
		return "", s
	}
	return strings.Trim(alias, "`\""), strings.Trim(column, "`\"")
}

// holds reports whether the equality holds one naming of a table to the tenant, and takes that from named.
func (e *equality) holds(tables map[string]string, named map[string]int, args []any, tenant webhook.ID) bool {
	alias := e.alias
	if alias == "" && len(tables) == 1 {
		for alias = range tables {
		}
	}
	owner := owners[tables[alias]]
	if owner == "" {
		return false
	}
	var ok bool
	if e.parameter >= 0 {
		ok = e.column == owner && e.parameter < len(args) && args[e.parameter] == any(tenant)
	} else if other := tables[e.other]; other != "" && named[e.other] == 0 { // which is held itself
		ok = e.column == owner && e.key == owners[other] || e.column == "id" && strings.HasSuffix(e.key, "_id")
	}
	if !ok {
		return false
	}
	named[alias]--
	return true
}
