package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/list"
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
	explain := "EXPLAIN "
	if s.read.Name() == "sqlite" {
		explain = "EXPLAIN QUERY PLAN "
	}
	pool, err := s.read.DB()
	if err != nil {
		return nil, err
	}
	rows, err := pool.QueryContext(ctx, explain+read.Text, read.Args...)
	if err != nil {
		return nil, err
	}
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
