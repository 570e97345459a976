package scoped

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// tables are the tables of the statements below.
var tables = Owners{
	"webhooks": "tenant_id", "deliveries": "tenant_id", "events": "tenant_id", "secrets": "tenant_id", "tokens": "tenant_id", "tenants": "id",
}

var alice, bob = webhook.ID{1}, webhook.ID{2}

// scoped are statements that reach only one tenant's rows, with their parameters.
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

// A statement that is restricted to the tenant is executed; with another tenant, or without one of its conditions, it is refused.
func TestScopedStatements(t *testing.T) {
	own := regexp.MustCompile("(\\w+\\.)?[`\"]?\\b(tenant_id|webhook_id|event_id|id)\\b[`\"]? = (\\?|\\$\\d|\\w\\.\\w+)")
	for _, s := range scoped {
		if err := tables.Check(s.text, s.args, alice); err != nil {
			t.Errorf("%v: %s", err, s.text)
		}
		if tables.Check(s.text, s.args, bob) == nil {
			t.Errorf("another tenant's: %s", s.text)
		}
		for i, a := range s.args {
			if a == any(alice) {
				args := slices.Clone(s.args)
				args[i] = bob
				if tables.Check(s.text, args, alice) == nil {
					t.Errorf("parameter %d is another tenant's: %s", i, s.text)
				}
			}
		}
		for _, at := range own.FindAllStringSubmatchIndex(s.text, -1) {
			c := s.text[at[0]:at[1]]
			if column := s.text[at[4]:at[5]]; column == "id" && !strings.Contains(s.text, "tenants") && !strings.Contains(c, "webhook_id") {
				continue // selects the row, not the owner
			}
			if strings.HasPrefix(c, "d.event_id") {
				continue // selects rows, not the owner
			}
			for _, instead := range []string{"? = ?", strings.Replace(c, " = ", " <> ", 1)} {
				text := s.text[:at[0]] + instead + s.text[at[1]:]
				if tables.Check(text, s.args, alice) == nil {
					t.Errorf("goes through: %s", text)
				}
			}
		}
	}
}

// A table without the tenant's condition is refused, wherever it occurs.
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
		if err := tables.Check(text, []any{alice, alice}, alice); !errors.Is(err, ErrUnscoped) {
			t.Errorf("%v: %s", err, text)
		}
	}
	for _, text := range []string{"SELECT 1", "UPDATE store SET key_id = key_id RETURNING key_id"} { // rows without an owner
		if err := tables.Check(text, nil, alice); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	text := "SELECT d.seq, d.id, d.tenant_id, d.event_id, d.webhook_id, " + "CASE WHEN d.status <> 'PENDING' THEN d.status WHEN w.deleted_at IS NOT NULL THEN 'CANCELED' WHEN NOT w.enabled THEN 'HELD' ELSE 'PENDING' END" + ` AS status, d.attempt_count FROM deliveries AS d
		JOIN webhooks w ON w.id = d.webhook_id WHERE d.tenant_id = ? AND d.webhook_id = ? ORDER BY d.seq DESC LIMIT ?`
	args := []any{alice, bob, 1}
	b.ReportAllocs()
	for b.Loop() {
		if err := tables.Check(text, args, alice); err != nil {
			b.Fatal(err)
		}
	}
}
