package bench

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// kept describes a filled database. It is written beside the database once that is complete.
type kept struct {
	Attempts    int // the number requested
	Schema      string
	From, Until time.Time // of the history
	Oldest      time.Time // the oldest that retention may have left
	Tenants     []*historyTenant
	Samples     []sample // of the large tenant, in the order of time
	Retried     []sample // deliveries with several attempts

	// Credentials for servers; they open only this database.
	Token    string
	Database string // PostgreSQL's name; "" on SQLite
	Key      string // the master key on PostgreSQL
}

// The files of a kept database.
const (
	keptFile  = "history.json"
	tokenFile = "token"
	keyFile   = "master-key" // PostgreSQL
	urlFile   = "database"   // PostgreSQL
)

// openHistory opens the database of --keep, or fills a new one. Afterwards the server runs on it, without retention.
func (b *bench) openHistory(ctx context.Context) (*kept, error) {
	root := b.Keep
	if root == "" {
		root = b.dir
	}
	dir := filepath.Join(root, "sqlite")
	if b.Database != "" {
		dir = filepath.Join(root, "postgres")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("--keep: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, keptFile)) //nolint:gosec // the user's own
	if err == nil {
		k := &kept{}
		if err := json.Unmarshal(text, k); err != nil {
			return nil, fmt.Errorf("--keep: %s: %w", keptFile, err)
		}
		return k, b.reopen(ctx, dir, k)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("--keep: %w", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		return nil, errors.Join(err, fmt.Errorf("--keep: %s holds a database that was not filled to its end; remove it", dir))
	}
	return b.fillHistory(ctx, dir)
}

// reopen starts the server on a database that was filled before.
func (b *bench) reopen(ctx context.Context, dir string, k *kept) error {
	if k.Attempts != b.History {
		return fmt.Errorf("--keep: %s has %d attempts: give --history %d, or another directory", dir, k.Attempts, k.Attempts)
	}
	b.progress.say("comparing schemas")
	b.data = filepath.Join(b.dir, "empty")
	if err := b.startServer(ctx); err != nil {
		return err
	}
	schema, err := b.schema(ctx)
	if err := errors.Join(err, b.server.stop()); err != nil {
		return err
	}
	if b.postgres != nil {
		if err := b.postgres.drop(ctx); err != nil {
			return err
		}
		b.postgres = nil
	}
	if schema != k.Schema {
		return fmt.Errorf("--keep: %s was filled under another schema than this program's; remove it", dir)
	}
	b.data, b.token = filepath.Join(dir, "data"), k.Token
	if k.Database != "" {
		if b.postgres, err = openPostgres(b.Database, k.Database, k.Key); err != nil {
			return err
		}
		b.postgres.kept = true
	}
	return b.startServer(ctx)
}

// fillHistory creates tenants and webhooks through the API, and writes the history into the tables of that server.
func (b *bench) fillHistory(ctx context.Context, dir string) (_ *kept, err error) {
	b.data, b.token, b.server = filepath.Join(dir, "data"), "", nil
	complete := false
	defer func() {
		if !complete { // an incomplete database is of no use
			err = errors.Join(err, b.server.stop(), os.RemoveAll(b.data))
		}
	}()
	if err := b.startServer(ctx); err != nil {
		return nil, err
	}
	k := &kept{Attempts: b.History, Tenants: historyTenants(), Token: b.server.Token}
	if b.postgres != nil {
		k.Database, k.Key = b.postgres.name, b.postgres.key
	}
	err = b.register(ctx, k.Tenants)
	if err == nil {
		k.Schema, err = b.schema(ctx)
	}
	if err := errors.Join(err, b.server.stop()); err != nil {
		return nil, err
	}
	g := newGenerator(k.Tenants, b.History, time.Now())
	k.From, k.Until = g.from.time(), g.until.time()
	var to filler
	if b.postgres != nil {
		to, err = newPostgresFiller(ctx, b.postgres.url)
	} else {
		to, err = newSQLiteFiller(ctx, b.data)
	}
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	err = fill(ctx, g, to, func(attempts int) { b.progress.say("filling in %d attempts: %d", b.History, attempts) })
	if err := errors.Join(err, to.close(ctx)); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	took := time.Since(begun)
	k.Samples, k.Retried, k.Oldest = g.samples, g.retried, k.From
	b.progress.say("filled in %d attempts in %s, %.0f per second", g.planned, took.Round(time.Second), float64(g.planned)/took.Seconds())
	complete = true
	if b.Keep != "" {
		if err := b.note(dir, k); err != nil {
			return nil, err
		}
		if err := b.sayHow(dir); err != nil {
			return nil, err
		}
	}
	return k, b.startServer(ctx)
}

// register creates the tenants and their webhooks, and sets their ids.
func (b *bench) register(ctx context.Context, tenants []*historyTenant) error {
	for n, t := range tenants {
		b.progress.say("registering %d tenants: %d", len(tenants), n)
		var made struct{ Tenant struct{ ID webhook.ID } }
		b.server.Tenant = ""
		if err := b.server.Mutate(ctx, `mutation ($input: CreateTenantInput!) { done: createTenant(input: $input) { tenant { id } userErrors { message field } } }`,
			map[string]any{"name": t.Name}, &made); err != nil {
			return fmt.Errorf("create tenant: %w", err)
		}
		t.ID, b.server.Tenant = made.Tenant.ID, t.Name
		for _, h := range t.Hooks {
			if err := b.registerHook(ctx, h); err != nil {
				return fmt.Errorf("create webhook: %w", err)
			}
		}
	}
	return nil
}

func (b *bench) registerHook(ctx context.Context, h *historyHook) error {
	var made struct {
		Webhook struct {
			ID      webhook.ID
			Secrets []struct{ ID webhook.ID }
		}
	}
	if err := b.server.Mutate(ctx, `mutation ($input: CreateWebhookInput!) { done: createWebhook(input: $input) { webhook { id secrets { id } } userErrors { message field } } }`,
		map[string]any{"url": h.URL, "events": h.Events, "enabled": true}, &made); err != nil {
		return err
	}
	h.ID, h.Secret = made.Webhook.ID, made.Webhook.Secrets[0].ID
	if h.Disabled {
		return b.server.enable(ctx, h.ID.String(), false)
	}
	return nil
}

// note records that the database is complete.
func (b *bench) note(dir string, k *kept) error {
	files := map[string]string{tokenFile: k.Token + "\n"}
	if b.postgres != nil {
		files[keyFile], files[urlFile] = k.Key+"\n", b.postgres.url+"\n"
		b.postgres.kept = true
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, keptFile), text, 0o600) // last: its presence means complete
}

// sayHow prints how to open a kept database.
func (b *bench) sayHow(dir string) error {
	file := func(variable, name string) string { return variable + "_FILE=" + filepath.Join(dir, name) + " " }
	env, database := file("HOOKGRAPH_BOOTSTRAP_TOKEN", tokenFile), " --database "+b.data
	if b.postgres != nil {
		env, database = env+file("HOOKGRAPH_MASTER_KEY", keyFile)+file("HOOKGRAPH_DATABASE", urlFile), ""
	}
	_, err := fmt.Fprintf(b.Stderr, "To look into it: %shookgraph serve%s --allow-private-targets --retention 0\n"+
		"and call its API with that token and the header Hookgraph-Tenant: %s\n", env, database, largeTenant)
	return err
}

// openDatabase opens the server's database for reading.
func (b *bench) openDatabase() (*sql.DB, error) {
	if b.postgres != nil {
		return sql.Open("pgx", b.postgres.url)
	}
	return sql.Open(sqliteDriver, "file:"+(&url.URL{Path: filepath.Join(b.data, "hookgraph.db")}).EscapedPath()+"?mode=ro")
}

// schema returns a checksum of the tables and indexes of the server's database.
func (b *bench) schema(ctx context.Context) (string, error) {
	text := "SELECT type || ' ' || name || ' ' || sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
	if b.postgres != nil {
		text = `SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '')
			FROM information_schema.columns WHERE table_schema = current_schema() AND table_name !~ '_\d{8}$'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename !~ '_\d{8}$' ORDER BY 1`
	}
	db, err := b.openDatabase()
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return "", fmt.Errorf("read the schema: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return "", err
		}
		all.WriteString(line + "\n")
	}
	sum := sha256.Sum256([]byte(all.String()))
	return hex.EncodeToString(sum[:]), rows.Err()
}
