package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
)

// Read is a statement of a reader, as it is sent.
type Read struct {
	Text string
	Args []any
}

// Reads records statements.
type Reads struct {
	gorm.ConnPool

	pool *sql.DB
	// Wait is called before each query; nil for none.
	Wait func(ctx context.Context, text string) error
	mu   sync.Mutex // guards list
	list []Read
}

// Recording returns the scope with its reads recorded.
func (c *Scope) Recording() (*Scope, *Reads, error) {
	pool, err := c.s.read.DB()
	r := &Reads{ConnPool: c.s.read.Statement.ConnPool, pool: pool}
	read := c.s.read.Session(&gorm.Session{NewDB: true, Context: context.Background()}) // with a statement of its own
	read.Statement.ConnPool, read.ConnPool = r, r
	recorded := *c
	recorded.s = &Store{db: c.s.db, read: read, log: c.s.log, opts: c.s.opts, routes: c.s.routes, lists: &list.Source{DB: c.s.db, Read: read, Bounds: c.s.lists.Bounds}} // what lists are read with
	return &recorded, r, err
}

// All is everyone's part of the scope's store.
func (c *Scope) All() *Scope { return c.s.Everyone() }

// Registered returns the registry of the scope's tenant, or of all.
func (c *Scope) Registered(all bool) *Registry {
	if all {
		return c.s.Registry(nil)
	}
	return c.s.Registry(&c.tenant)
}

// QueryContext implements gorm.ConnPool.
func (r *Reads) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	r.mu.Lock()
	r.list = append(r.list, Read{text, args})
	r.mu.Unlock()
	if r.Wait != nil {
		if err := r.Wait(ctx, text); err != nil {
			return nil, err
		}
	}
	return r.ConnPool.QueryContext(ctx, text, args...)
}

// GetDBConn implements gorm.GetDBConnector.
func (r *Reads) GetDBConn() (*sql.DB, error) { return r.pool, nil }

// Reset discards all recorded statements.
func (r *Reads) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = nil
}

// All returns the statements since Reset.
func (r *Reads) All() []Read {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list
}

// Explain returns the plan of a statement, by lines.
func (s *Store) Explain(ctx context.Context, read Read) ([]string, error) {
	pool, err := s.read.DB()
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if s.read.Name() == "sqlite" {
		rows, err := conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+sqlite.PlannedOnce(read.Text), read.Args...)
		if err != nil {
			return nil, err
		}
		return planOf(rows)
	}
	// The plan is the one that the connection caches for every value of the arguments: EXPLAIN itself would make one for these.
	if _, err := conn.ExecContext(ctx, "PREPARE explained AS "+read.Text); err != nil {
		return nil, err
	}
	defer func() { _, _ = conn.ExecContext(ctx, "DEALLOCATE explained") }()
	values := ""
	if len(read.Args) > 0 {
		var types string
		if err := conn.QueryRowContext(ctx, "SELECT array_to_string(parameter_types, ',') FROM pg_prepared_statements WHERE name = 'explained'").Scan(&types); err != nil {
			return nil, err
		}
		if values, err = literals(read.Args, strings.Split(types, ",")); err != nil {
			return nil, err
		}
	}
	rows, err := conn.QueryContext(ctx, "EXPLAIN EXECUTE explained"+values)
	if err != nil {
		return nil, err
	}
	return planOf(rows)
}

// literals returns the arguments of EXECUTE, for parameters of these types, as PostgreSQL's literals, in parentheses.
func literals(args []any, types []string) (string, error) {
	var list []string
	for i, arg := range args {
		if at, ok := arg.(dialect.Micros); ok && types[i] == "timestamp with time zone" {
			arg = at.Time()
		}
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return "", err
		}
		switch v := v.(type) {
		case nil:
			list = append(list, "NULL")
		case time.Time:
			list = append(list, "'"+v.Format(time.RFC3339Nano)+"'")
		case []byte: // an id
			list = append(list, fmt.Sprintf("'%x'", v))
		default:
			list = append(list, "'"+strings.ReplaceAll(fmt.Sprint(v), "'", "''")+"'")
		}
	}
	return "(" + strings.Join(list, ", ") + ")", nil
}

// planOf returns the last column of the rows, and closes them.
func planOf(rows *sql.Rows) ([]string, error) {
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var plan []string
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		plan = append(plan, strings.TrimSpace(fmt.Sprint(values[len(values)-1])))
	}
	return plan, rows.Err()
}

// PartitionIndexes maps each index of a partition to the index of the partitioned table.
func (s *Store) PartitionIndexes(ctx context.Context) (map[string]string, error) {
	var rows []struct{ Part, Whole string }
	err := s.read.WithContext(ctx).Raw(`SELECT c.relname AS part, p.relname AS whole FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		JOIN pg_class p ON p.oid = i.inhparent WHERE c.relkind IN ('i', 'I')`).Scan(&rows).Error
	of := make(map[string]string, len(rows))
	for _, row := range rows {
		of[row.Part] = row.Whole
	}
	return of, err
}

// Analyze gives PostgreSQL statistics of the tables.
func (s *Store) Analyze(ctx context.Context) error {
	return s.write.WithContext(ctx).Exec("VACUUM ANALYZE").Error
}

// SearchRows sets the number of rows that pages search: in the first stretch, and at most.
func (s *Store) SearchRows(first, most int) {
	s.lists.Bounds = list.DefaultBounds()
	s.lists.Bounds.First, s.lists.Bounds.Most, s.lists.Bounds.Least = first, most, first
}

// SearchBytes sets the bytes of payloads that pages read.
func (s *Store) SearchBytes(n int) { s.lists.Bounds.Bytes = n }

// Searching returns the bounds of the scope's lists.
func (c *Scope) Searching() *list.Bounds { return &c.s.lists.Bounds }

// DefaultBounds are the bounds of a server.
func DefaultBounds() list.Bounds { return list.DefaultBounds() }
