package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// An error of the database is temporary or not, however it is wrapped: unreachable ones are; mistakes, or a canceled caller, are not. The
// databases' packages know their own.
func TestTransient(t *testing.T) {
	for err, want := range map[error]bool{
		&net.OpError{Op: "dial", Err: errors.New("refused")}: true, io.ErrUnexpectedEOF: true, sql.ErrConnDone: true, &pgconn.ConnectError{}: true,
		webhook.ErrUnavailable: true, context.Canceled: false, context.DeadlineExceeded: false, sql.ErrNoRows: false, errors.New("a mistake"): false,
	} {
		if store.Transient(fmt.Errorf("read it: %w", err)) != want {
			t.Errorf("%v passes: %v", err, !want)
		}
	}
	if store.Transient(nil) {
		t.Error("nothing passes")
	}
}

// A corrupt SQLite file is not a temporary failure; a closed store, or a caller that gives up, is.
func TestSQLiteFaults(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	c := tenant(t, s, "a")
	register(t, c, webhook.New{Enabled: true})
	for range 20 {
		publish(t, c, make([]webhook.NewEvent, 50)...)
	}
	read := func(s *store.Store) error {
		_, err := s.In(webhook.ID{1}).Events(t.Context(), store.EventFilter{}, store.Page{First: 1})
		if err == nil {
			_, err = s.Count("events")
		}
		return err
	}
	if err := read(s); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	if err := read(s); !store.Transient(err) {
		t.Errorf("closed: %v", err)
	}
	path := filepath.Join(dir, "hookgraph.db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(40 * 8192); at < info.Size(); at += 8192 { // the pages of the history
		if _, err := f.WriteAt(make([]byte, 512), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	broken, err := store.Open(t.Context(), store.Options{Dir: dir, MasterKeys: [][]byte{webhooktest.MasterKey}, Shared: true})
	if err == nil {
		defer func() { _ = broken.Close() }()
		_, err = broken.Count("events")
	}
	if err == nil || store.Transient(err) {
		t.Errorf("corrupt: %v", err)
	}
}

// PostgreSQL's responses, and missing responses, while it temporarily accepts nothing are temporary failures.
func TestPostgresFaults(t *testing.T) {
	server := webhooktest.StartPostgres(t)
	address := server.Database(t)
	s, err := store.Open(t.Context(), store.Options{URL: address, MasterKeys: [][]byte{webhooktest.MasterKey}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := tenant(t, s, "a")
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	run := func(statements ...string) error {
		conn, err := db.Conn(t.Context())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Raw(func(any) error { return errors.New("not to be used again") }) }()
		for _, text := range statements {
			if _, err = conn.ExecContext(t.Context(), text); err != nil {
				return err
			}
		}
		return nil
	}
	for name, statements := range map[string][]string{
		"read-only":         {"SET default_transaction_read_only = on", "DELETE FROM nodes"},
		"statement timeout": {"SET statement_timeout = 10", "SELECT pg_sleep(10)"},
		"shut down":         {"SELECT pg_terminate_backend(pg_backend_pid())"},
	} {
		if err := run(statements...); !store.Transient(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := run("SELECT nothing FROM nowhere"); err == nil || store.Transient(err) {
		t.Errorf("a mistake: %v", err)
	}
	if err := run("CREATE ROLE guest LOGIN CONNECTION LIMIT 0"); err != nil {
		t.Fatal(err)
	}
	guest, err := sql.Open("pgx", strings.Replace(address, "postgres@", "guest@", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = guest.Close() }()
	if err := guest.PingContext(t.Context()); !store.Transient(err) {
		t.Errorf("too many connections: %v", err)
	}
	server.Stop(t)
	if err := run("SELECT 1"); !store.Transient(err) {
		t.Errorf("stopped: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for name, call := range map[string]func() error{
		"read":   func() error { _, err := c.Events(ctx, store.EventFilter{}, store.Page{First: 1}); return err },
		"count":  func() error { _, err := c.CountAttempts(ctx, store.AttemptFilter{}); return err },
		"log":    func() error { _, _, err := s.AttemptBounds(ctx, webhook.ID{}); return err },
		"ping":   func() error { return s.Ping(ctx) },
		"token":  func() error { _, err := s.TokenByHash(ctx, make([]byte, 32)); return err },
		"tenant": func() error { _, err := s.TenantByName(ctx, "a"); return err },
		"change": func() error { _, _, err := c.CreateWebhook(ctx, webhook.New{URL: "https://example.com/"}); return err },
		"publish": func() error {
			_, err := c.Publish(ctx, []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}})
			return err
		},
	} {
		if err := call(); !store.Transient(err) {
			t.Errorf("%s while PostgreSQL is stopped: %v", name, err)
		}
	}
	server.Start(t)
}
