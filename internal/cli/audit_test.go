package cli

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// audited are the commands that change the database themselves: what each is called with, and the actions that the audit log then has.
var audited = map[string]struct {
	args    []string
	actions []webhook.AuditAction
}{
	"token create":       {[]string{"--tenant", "kallima", "--create-tenant"}, []webhook.AuditAction{webhook.AuditTenantCreated, webhook.AuditTokenCreated}},
	"token revoke":       {[]string{"TOKEN"}, []webhook.AuditAction{webhook.AuditTokenRevoked}},
	"secrets rotate-key": {nil, []webhook.AuditAction{webhook.AuditKeyRotated}},
}

// notAudited says why other commands write no entry.
var notAudited = map[string]string{
	"serve": "", "demo": "as the API's calls", "bench": "as the API's calls",
	"token list": "reads", "migrate status": "reads", "doctor": "reads", "version": "reads",
	"migrate up": "changes no objects", "copy": "copies the log",
	"backup": "reads", "restore": "TestRestoreIsAudited", "compact": "changes no objects",
	"config": "reads", "completion": "reads", "health": "calls the API", "verify": "reads", "publish": "calls the API", "tail": "calls the API", "listen": "calls the API", "search": "calls the API",
	"webhooks list": "calls the API", "webhooks get": "calls the API", "webhooks create": "calls the API", "webhooks update": "calls the API",
	"webhooks enable": "calls the API", "webhooks disable": "calls the API", "webhooks delete": "calls the API", "webhooks test": "calls the API",
	"webhooks rotate": "calls the API", "events list": "calls the API", "events get": "calls the API", "deliveries list": "calls the API",
	"deliveries get": "calls the API", "deliveries retry": "calls the API", "deliveries cancel": "calls the API",
	"replay preview": "calls the API", "replay create": "calls the API", "replay list": "calls the API", "replay get": "calls the API", "replay watch": "calls the API", "replay pause": "calls the API",
	"portal link": "calls the API", "portal sessions": "calls the API", "portal revoke": "calls the API",
	"replay resume": "calls the API", "replay rate": "calls the API", "replay cancel": "calls the API",
}

// leaves returns the names of the commands that a struct of commands has.
func leaves(of reflect.Type, prefix string) (names []string) {
	for f := range of.Fields() {
		if _, ok := f.Tag.Lookup("cmd"); !ok {
			if f.Anonymous {
				names = append(names, leaves(f.Type, prefix)...)
			}
			continue
		}
		name := prefix
		for i, c := range f.Name {
			if i > 0 && c >= 'A' && c <= 'Z' {
				name += "-"
			}
			name += strings.ToLower(string(c))
		}
		below := leaves(f.Type, name+" ")
		if names = append(names, below...); len(below) == 0 {
			names = append(names, name)
		}
	}
	return names
}

// Every command that changes the database itself writes entries that say that a command did it. A command that is new must be listed here.
func TestCommandsAreAudited(t *testing.T) {
	all := leaves(reflect.TypeFor[commands](), "")
	listed := slices.AppendSeq(slices.Collect(maps.Keys(audited)), maps.Keys(notAudited))
	slices.Sort(all)
	slices.Sort(listed)
	if diff := cmp.Diff(listed, all); diff != "" {
		t.Fatalf("commands whose entries nobody looks for (-listed +found):\n%s", diff)
	}
	for name, c := range audited {
		t.Run(name, func(t *testing.T) {
			dir := webhooktest.Database(t)
			if _, _, err := command(t, nil, "token", "create", "--operator", "--name", "first", "--database", dir); err != nil {
				t.Fatal(err)
			}
			first, token := entries(t, dir)
			args := append(strings.Fields(name), "--database", dir)
			for _, arg := range c.args {
				args = append(args, strings.Replace(arg, "TOKEN", token.String(), 1))
			}
			if _, _, err := command(t, nil, args...); err != nil {
				t.Fatal(err)
			}
			after, _ := entries(t, dir)
			var actions []webhook.AuditAction
			for _, e := range slices.Backward(after[:len(after)-len(first)]) {
				if actions = append(actions, e.Action); e.Actor.Kind != webhook.ActorCommand {
					t.Errorf("%s was done by %+v", e.Action, e.Actor)
				}
			}
			if diff := cmp.Diff(c.actions, actions); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

// entries returns the audit log of a database, newest first, and the token that it has.
func entries(t *testing.T, dir string) ([]*webhook.AuditEntry, webhook.ID) {
	t.Helper()
	s, err := store.Open(t.Context(), store.At(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	l, err := s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{}, store.Page{First: 100})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := s.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l.Items, tokens[len(tokens)-1].ID
}
