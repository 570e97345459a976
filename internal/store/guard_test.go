package store

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

var alice, bob = webhook.ID{1}, webhook.ID{2}

// scoped are statements that reach one tenant's rows only, and what they are given.
var scoped = []struct {
	text string
	args []any
}{
	{"SELECT w.* FROM webhooks AS w WHERE w.tenant_id = ? AND w.deleted_at IS NULL", []any{alice}},
	{"SELECT w.* FROM webhooks AS w WHERE (w.tenant_id = $1 AND w.deleted_at IS NULL) AND w.url LIKE $2 ESCAPE '!' ORDER BY w.seq DESC LIMIT $3", []any{alice, "%", 1}},
	{"SELECT COUNT(*) FROM `webhooks` WHERE (enabled OR url = ?) AND `webhooks`.`tenant_id` = ?", []any{"", alice}},
	{"SELECT * FROM webhooks WHERE rate BETWEEN ? AND ? AND tenant_id = ?", []any{1, 2, alice}},
	{"SELECT * FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.tenant_id = ?", []any{alice}},
	{"SELECT CASE WHEN w.a OR w.b THEN 1 END FROM webhooks w WHERE w.tenant_id = ?", []any{alice}},
	{"SELECT * FROM events e WHERE e.tenant_id = ? AND EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND d.tenant_id = e.tenant_id)", []any{alice}},
	{"SELECT * FROM (SELECT * FROM events e WHERE e.tenant_id = ?) AS t UNION ALL SELECT * FROM (SELECT * FROM events e WHERE e.tenant_id = ?) AS t", []any{alice, alice}},
	{`UPDATE "secrets" SET "sealed" = $2 WHERE "id" = $1 AND "tenant_id" = $3`, []any{1, nil, alice}},
	{"UPDATE webhooks SET url = ? WHERE tenant_id = ? RETURNING seq", []any{"", alice}},
	{"DELETE FROM tokens WHERE id = ? AND tenant_id = ?", []any{1, alice}},
	{"SELECT * FROM tenants WHERE id = ? AND deleted_at IS NULL LIMIT 1", []any{alice}},
}

// A statement in a tenant's name goes through when it is held to the tenant, and not for another tenant, nor without one of its
// conditions.
func TestScopedStatements(t *testing.T) {
	own := regexp.MustCompile("(\\w+\\.)?[`\"]?\\b(tenant_id|webhook_id|event_id|id)\\b[`\"]? = (\\?|\\$\\d|\\w\\.\\w+)")
	for _, s := range scoped {
		if err := checkScope(s.text, s.args, alice); err != nil {
			t.Errorf("%v: %s", err, s.text)
		}
		if checkScope(s.text, s.args, bob) == nil {
			t.Errorf("another tenant's: %s", s.text)
		}
		for i, a := range s.args {
			if a == any(alice) {
				args := slices.Clone(s.args)
				args[i] = bob
				if checkScope(s.text, args, alice) == nil {
					t.Errorf("parameter %d is another tenant's: %s", i, s.text)
				}
			}
		}
		for _, at := range own.FindAllStringSubmatchIndex(s.text, -1) {
			c := s.text[at[0]:at[1]]
			if column := s.text[at[4]:at[5]]; column == "id" && !strings.Contains(s.text, "tenants") && !strings.Contains(c, "webhook_id") {
				continue // which row, and not whose
			}
			if strings.HasPrefix(c, "d.event_id") {
				continue // which rows, and not whose
			}
			for _, instead := range []string{"? = ?", strings.Replace(c, " = ", " <> ", 1)} {
				text := s.text[:at[0]] + instead + s.text[at[1]:]
				if checkScope(text, s.args, alice) == nil {
					t.Errorf("goes through: %s", text)
				}
			}
		}
	}
}

// A table that nothing holds to the tenant is refused, wherever it stands.
func TestUnscopedStatements(t *testing.T) {
	for _, text := range []string{
		"SELECT * FROM webhooks",
		"SELECT * FROM webhooks w JOIN events e ON e.type = w.url WHERE w.tenant_id = ?",
		"SELECT * FROM webhooks w JOIN events e ON w.tenant_id = ?",
		"SELECT * FROM webhooks w WHERE w.tenant_id = ? UNION ALL SELECT * FROM webhooks w",
		"SELECT * FROM webhooks w WHERE w.tenant_id = ? AND EXISTS (SELECT 1 FROM events)",
		"SELECT (SELECT url FROM webhooks LIMIT 1) FROM events e WHERE e.tenant_id = ?",
		"SELECT * FROM webhooks w WHERE EXISTS (SELECT 1 FROM events e WHERE w.tenant_id = ?)",
		"WITH w AS (SELECT * FROM webhooks) SELECT * FROM w WHERE w.tenant_id = ?",
		"UPDATE webhooks SET enabled = ?",
		"UPDATE webhooks SET tenant_id = ? WHERE id = ?",
		"DELETE FROM webhooks",
	} {
		if err := checkScope(text, []any{alice, alice}, alice); !errors.Is(err, errUnscoped) {
			t.Errorf("%v: %s", err, text)
		}
	}
	for _, text := range []string{"SELECT 1", "UPDATE store SET key_id = key_id RETURNING key_id"} { // nobody's rows
		if err := checkScope(text, nil, alice); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	}
}

// A Scope, and a tenant's Registry, refuse a statement that forgets its tenant, reading and writing: it is logged and returned
// as an error, and what was written before it in the same change is taken back.
func TestScopeRefusesWhatIsNotScoped(t *testing.T) {
	var log bytes.Buffer
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	tenant, err := s.EnsureTenant(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	c, r := s.In(tenant.ID), s.Registry(&tenant.ID)
	hook, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	forgot := func(b *batch) error {
		if err := b.tx.Exec("UPDATE webhooks SET url = 'changed' WHERE id = ? AND tenant_id = ?", hook.ID, tenant.ID).Error; err != nil {
			t.Error(err)
		}
		return b.tx.Exec("UPDATE webhooks SET url = 'changed' WHERE id = ?", hook.ID).Error
	}
	var n int64
	for way, err := range map[string]error{
		"count":           c.db(t.Context()).Table("webhooks").Count(&n).Error,
		"raw":             c.db(t.Context()).Raw("SELECT COUNT(*) FROM webhooks").Scan(&n).Error,
		"row":             c.db(t.Context()).Raw("SELECT COUNT(*) FROM webhooks").Row().Scan(&n),
		"exec":            c.db(t.Context()).Exec("DELETE FROM webhooks").Error,
		"registry":        r.db(t.Context()).Table("tokens").Count(&n).Error,
		"change":          c.change(t.Context(), forgot),
		"deliveries":      c.changeDeliveries(t.Context(), forgot),
		"registry change": r.change(t.Context(), forgot),
		"row in a change": c.change(t.Context(), func(b *batch) error { return b.tx.Raw("SELECT COUNT(*) FROM webhooks").Row().Scan(&n) }),
	} {
		if !errors.Is(err, errUnscoped) || errors.Is(err, webhook.ErrUnavailable) { // trying again does not help
			t.Errorf("%s: %v", way, err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "statement refused"); n != 9 || strings.Contains(log.String(), "write refused") {
		t.Errorf("%d statements are in the log:\n%s", n, &log)
	}
	if err := c.db(t.Context()).Table("webhooks").Where("tenant_id = ?", tenant.ID).Count(&n).Error; err != nil || n != 1 {
		t.Error(n, err)
	}
	if found, err := c.WebhooksByID(t.Context(), []webhook.ID{hook.ID}); err != nil || found[hook.ID].URL != "https://example.com/" {
		t.Error(found[hook.ID], err)
	}
}

// The guard knows every table that has a tenant.
func TestOwners(t *testing.T) {
	for _, d := range []string{"sqlite", "postgres"} {
		files, err := filepath.Glob("migrations/" + d + "/*.sql")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := migrations.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tables := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`).FindAllSubmatch(text, -1)
			if len(tables) < 10 {
				t.Errorf("%s has %d tables", file, len(tables))
			}
			for _, table := range tables {
				name := string(table[1])
				if has := bytes.Contains(table[2], []byte("tenant_id")); has != (owners[name] == "tenant_id") {
					t.Errorf("%s: %s has a tenant: %v", file, name, has)
				}
			}
		}
	}
}

// A Scope and a Registry have no way to the database but their own, which the guard watches: their methods do not touch the
// store's.
func TestScopesGoTheirOwnWay(t *testing.T) {
	methods := 0
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			of, ok := star.X.(*ast.Ident)
			if !ok { // a generic type
				continue
			}
			if of.Name != "Scope" && of.Name != "Registry" || slices.Contains([]string{"db", "change", "changeDeliveries"}, f.Name.Name) {
				continue
			}
			methods++
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if of, ok := sel.X.(*ast.SelectorExpr); ok && of.Sel.Name == "s" && slices.Contains([]string{"read", "write", "change", "changeDeliveries", "queue"}, sel.Sel.Name) {
						t.Errorf("%s: %s uses the store's %s", name, f.Name.Name, sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if methods < 30 {
		t.Errorf("only %d methods were found", methods)
	}
}

func BenchmarkCheckScope(b *testing.B) {
	text := "SELECT d.seq, d.id, d.tenant_id, d.event_id, d.webhook_id, " + statusShown + ` AS status, d.attempt_count FROM deliveries AS d
		JOIN webhooks w ON w.id = d.webhook_id WHERE d.tenant_id = ? AND d.webhook_id = ? ORDER BY d.seq DESC LIMIT ?`
	args := []any{alice, bob, 1}
	b.ReportAllocs()
	for b.Loop() {
		if err := checkScope(text, args, alice); err != nil {
			b.Fatal(err)
		}
	}
}
