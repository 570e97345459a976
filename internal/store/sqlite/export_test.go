package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"
	"sync/atomic"
)

// Counted has the database's writer use a driver that notes each statement it executes, whoever prepared it, and returns a function that takes the
// texts so far. It must be called before the database is opened.
func (q *DB) Counted() (taken func() []string) {
	known, _ := sql.Open(driverName, "") // it connects to nothing
	n := &noting{Driver: known.Driver()}
	q.driver = fmt.Sprintf("%s-noting-%d", driverName, notingDrivers.Add(1))
	sql.Register(q.driver, n)
	return n.taken
}

var notingDrivers atomic.Int64

// noting is a driver that notes statements.
type noting struct {
	driver.Driver

	mu    sync.Mutex // guards texts
	texts []string
}

func (n *noting) note(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.texts = append(n.texts, text)
}

func (n *noting) taken() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	was := n.texts
	n.texts = nil
	return was
}

// Open implements driver.Driver.
func (n *noting) Open(name string) (driver.Conn, error) {
	conn, err := n.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return &notingConn{conn, n}, nil
}

// notingConn passes on what the connections of either driver can do.
type notingConn struct {
	driver.Conn

	n *noting
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *notingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &notingStmt{stmt, text, c.n}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *notingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.n.note(text)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
}

// QueryContext implements driver.QueryerContext.
func (c *notingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.n.note(text)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
}

// BeginTx implements driver.ConnBeginTx.
func (c *notingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

// Ping implements driver.Pinger.
func (c *notingConn) Ping(ctx context.Context) error { return c.Conn.(driver.Pinger).Ping(ctx) }

// ResetSession implements driver.SessionResetter.
func (c *notingConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid implements driver.Validator.
func (c *notingConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

type notingStmt struct {
	driver.Stmt

	text string
	n    *noting
}

// ExecContext implements driver.StmtExecContext.
func (s *notingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.n.note(s.text)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// QueryContext implements driver.StmtQueryContext.
func (s *notingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.n.note(s.text)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}
