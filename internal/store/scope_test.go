package store

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A Scope, and a tenant's Registry, refuse a statement without its tenant's condition, reading and writing: it is logged and
// returned as an error, and earlier writes of the same change are rolled back.
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
		if err := b.DB.Exec("UPDATE webhooks SET url = 'changed' WHERE id = ? AND tenant_id = ?", hook.ID, tenant.ID).Error; err != nil {
			t.Error(err)
		}
		return b.DB.Exec("UPDATE webhooks SET url = 'changed' WHERE id = ?", hook.ID).Error
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
		"row in a change": c.change(t.Context(), func(b *batch) error { return b.DB.Raw("SELECT COUNT(*) FROM webhooks").Row().Scan(&n) }),
	} {
		if !errors.Is(err, scoped.ErrUnscoped) || errors.Is(err, webhook.ErrUnavailable) { // trying again does not help
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

// The check of statements knows every table that has a tenant.
func TestOwners(t *testing.T) {
	for _, d := range []string{"sqlite", "postgres"} {
		files, err := filepath.Glob("migrations/" + d + "/*.sql")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		all := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tables := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`).FindAllSubmatch(text, -1)
			all += len(tables)
			for _, table := range tables {
				name := string(table[1])
				if has := bytes.Contains(table[2], []byte("tenant_id")); has != (owners[name] == "tenant_id") {
					t.Errorf("%s: %s has a tenant: %v", file, name, has)
				}
			}
		}
		if all < 10 {
			t.Errorf("%s has %d tables", d, all)
		}
	}
}

// A Scope and a Registry reach the database only through their own handle, which checks every statement: their methods do not use
// the store's.
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
			if of.Name != "Scope" && of.Name != "Registry" || slices.Contains([]string{"db", "change", "changeDeliveries", "changeLines"}, f.Name.Name) {
				continue
			}
			methods++
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if of, ok := sel.X.(*ast.SelectorExpr); ok && of.Sel.Name == "s" && slices.Contains([]string{"read", "write", "change", "changeDeliveries", "changeLines", "queue"}, sel.Sel.Name) {
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
