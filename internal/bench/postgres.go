package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// postgres is a database that the bench creates on a server, and drops at the end.
type postgres struct {
	admin *sql.DB
	name  string
	url   string
	key   string // the master key of the replicas
	kept  bool   // it is not dropped
}

// newPostgres creates a database on the server of the URL.
func newPostgres(ctx context.Context, server string) (*postgres, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	p, err := openPostgres(server, fmt.Sprintf("hookgraph_bench_%d_%d", os.Getpid(), time.Now().UnixMilli()), base64.StdEncoding.EncodeToString(key))
	if err != nil {
		return nil, err
	}
	if _, err := p.admin.ExecContext(ctx, "CREATE DATABASE "+p.name); err != nil {
		return nil, errors.Join(fmt.Errorf("create a database: %w", err), p.admin.Close())
	}
	return p, nil
}

// openPostgres returns the database with that name, which need not exist yet.
func openPostgres(server, name, key string) (*postgres, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, errors.New("--database: must be like postgres://user:password@host:5432/database")
	}
	p := &postgres{name: name, key: key}
	if p.admin, err = sql.Open("pgx", server); err != nil {
		return nil, errors.New("--database: cannot be read")
	}
	u.Path = "/" + p.name
	p.url = u.String()
	return p, nil
}

func (p *postgres) bytes(ctx context.Context) int64 {
	var n int64
	if err := p.admin.QueryRowContext(ctx, "SELECT pg_database_size($1)", p.name).Scan(&n); err != nil {
		return 0
	}
	return n
}

func (p *postgres) drop(ctx context.Context) error {
	if p.kept {
		return p.admin.Close()
	}
	_, err := p.admin.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE IF EXISTS "+p.name+" WITH (FORCE)")
	return errors.Join(err, p.admin.Close())
}

// statements returns the number of statements that the replicas sent, which they log when they stop.
func (s *server) statements() (sum int64) {
	for _, r := range s.replicas {
		text, err := os.ReadFile(r.process.Log)
		if err != nil {
			return 0
		}
		for line := range bytes.Lines(text) {
			var said struct{ Statements int64 }
			if json.Unmarshal(line, &said) == nil { // a panic is not JSON
				sum += said.Statements
			}
		}
	}
	return sum
}
