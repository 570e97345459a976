// Package scoped restricts a database connection to a tenant: it refuses statements that might reach another tenant's rows. It
// compares the words of statements, to find forgotten conditions; it does not parse SQL.
package scoped

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

// Owners maps every table whose rows belong to tenants to the column with the owner.
type Owners map[string]string

// ErrUnscoped is the error of a statement that might reach another tenant's rows: a programming error.
var ErrUnscoped = errors.New("a statement does not say whose rows it is about")

// conn is a database connection restricted to one tenant (I11). It executes a statement only if Check finds the tenant's condition
// for every table of owners.
type conn struct {
	gorm.ConnPool

	owners Owners
	tenant webhook.ID
	log    *slog.Logger
}

// In returns db restricted to the tenant. Refused statements are logged.
func (o Owners) In(ctx context.Context, db *gorm.DB, tenant webhook.ID, log *slog.Logger) *gorm.DB {
	db = db.WithContext(ctx) // with its own statement
	db.Statement.ConnPool = &conn{db.Statement.ConnPool, o, tenant, log}
	return db
}

// Below returns the connection that In was given, or pool itself if it is not restricted. Its statements are not checked.
func Below(pool gorm.ConnPool) gorm.ConnPool {
	if c, ok := pool.(*conn); ok {
		return c.ConnPool
	}
	return pool
}

func (c *conn) check(ctx context.Context, text string, args []any) error {
	err := c.owners.Check(text, args, c.tenant)
	if err != nil {
		c.log.ErrorContext(ctx, "statement refused", slog.Any("error", err), slog.String("sql", text))
	}
	return err
}

// ExecContext implements gorm.ConnPool.
func (c *conn) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if err := c.check(ctx, text, args); err != nil {
		return nil, err
	}
	return c.ConnPool.ExecContext(ctx, text, args...)
}

// QueryContext implements gorm.ConnPool.
func (c *conn) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := c.check(ctx, text, args); err != nil {
		return nil, err
	}
	return c.ConnPool.QueryContext(ctx, text, args...)
}

// QueryRowContext implements gorm.ConnPool.
func (c *conn) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row { //nolint:contextcheck // a refusal is made of the caller's
	pool := c.ConnPool
	if err := c.check(ctx, text, args); err != nil {
		// Only database/sql can create a Row with an error, and GORM's caches create one that panics.
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

// refusal is a context that has ended with the refusal's error: database/sql returns it before it uses the database.
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
func (c *conn) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, fmt.Errorf("%w: it is prepared without values", ErrUnscoped)
}

// noAliases are words that can follow a table's name without being its alias.
var noAliases = strings.Fields("CROSS GROUP INNER JOIN LEFT LIMIT ON ORDER RETURNING SET UNION VALUES WHERE")

// Check refuses a statement in which a table with an owner is not restricted to the tenant: by "owner = ?" with the tenant's id, or
// by "id = other.…_id" or "owner = other.owner" with a restricted table. There must be one such condition for each occurrence of
// the table. Check compares words to find forgotten conditions; it does not understand OR or NOT, which TestTenantIsolation covers.
func (o Owners) Check(text string, args []any, tenant webhook.ID) error {
	tables, named := map[string]string{}, map[string]int{} // by alias: the name, and how many conditions are still missing
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
			if o[name] == "" {
				continue
			}
			alias := word(i + 2)
			if strings.EqualFold(alias, "AS") {
				alias = word(i + 3)
			} else if alias == "" || slices.Contains(noAliases, strings.ToUpper(alias)) || strings.HasSuffix(words[i+1], ")") {
				alias = name
			}
			if keyword == "INTO" { // the owner's column has no default, so it cannot be omitted
				if !slices.ContainsFunc(args, func(a any) bool {
					id, ok := a.(*webhook.ID) // of a table whose owner may be NULL
					return a == any(tenant) || ok && id != nil && *id == tenant
				}) {
					return fmt.Errorf("%w: a row of %s is another's", ErrUnscoped, name)
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
			if e := &equalities[i]; !e.used && e.holds(o, tables, named, args, tenant) {
				e.used, again = true, true
			}
		}
	}
	for alias, n := range named {
		if n > 0 {
			return fmt.Errorf("%w: nothing holds %s to the tenant", ErrUnscoped, tables[alias])
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

// splitColumn splits "alias.column"; without a dot the alias is "".
func splitColumn(s string) (alias, column string) {
	alias, column, dotted := strings.Cut(s, ".")
	if !dotted {
		return "", s
	}
	return strings.Trim(alias, "`\""), strings.Trim(column, "`\"")
}

// holds reports whether the equality restricts one occurrence of a table to the tenant, and then counts it in named.
func (e *equality) holds(owners Owners, tables map[string]string, named map[string]int, args []any, tenant webhook.ID) bool {
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
	} else if other := tables[e.other]; other != "" && named[e.other] == 0 { // which is restricted itself
		ok = e.column == owner && e.key == owners[other] || e.column == "id" && strings.HasSuffix(e.key, "_id")
	}
	if !ok {
		return false
	}
	named[alias]--
	return true
}
