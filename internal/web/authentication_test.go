package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// REST sets a webhook's authentication, shows it without what is secret, and takes back what it showed without a change; errors name the field as it
// was spelled.
func TestAuthentication(t *testing.T) {
	a := newAPI(t)
	chain, key := certificates.NewAuthority(t, "authority").Issue(t, "client", nil)
	oauth2 := object{
		"token_url": "https://tokens.example/", "client_id": "id", "client_secret": "hidden", "client_authentication": "CLIENT_SECRET_POST",
		"scopes": []string{"a"}, "audience": "b", "parameters": []object{{"name": "resource", "value": "hidden"}},
	}
	status, made := a.call(t, "POST", "/v1/webhooks", object{
		"url": "https://example.com/", "authentication": object{"oauth2": oauth2, "certificate": object{"chain": chain, "private_key": key}},
	})
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, made)
	}
	path := "/v1/webhooks/" + made["id"].(string)
	_, got := a.call(t, "GET", path, nil)
	shown, _ := got["authentication"].(map[string]any)
	want := object{
		"token_url": "https://tokens.example/", "client_id": "id", "client_authentication": "CLIENT_SECRET_POST", "scopes": []string{"a"}, "audience": "b",
		"parameters": []object{{"name": "resource"}},
	}
	if !same(t, shown["kinds"], []string{"OAUTH2", "MUTUAL_TLS"}) || !same(t, shown["oauth2"], want) || shown["basic"] != nil {
		t.Errorf("shown: %v", shown)
	}
	if c, _ := shown["certificate"].(map[string]any); len(c) != 6 || c["subject"] != "CN=client" || c["issuer"] != "CN=authority" {
		t.Errorf("shown: %v", shown["certificate"])
	}
	if status, back := a.call(t, "PATCH", path, got); status != http.StatusOK || !same(t, back["authentication"], shown) {
		t.Errorf("sent back: %d %v", status, back)
	}
	for field, change := range map[string]object{
		"authentication.oauth2.client_secret":    {"oauth2": object{"token_url": "https://other.example/", "client_id": "id"}},
		"authentication.oauth2.token_url":        {"oauth2": object{"client_id": "id", "client_secret": "hidden"}},
		"authentication.oauth2":                  {"oauth2": oauth2, "basic": object{"username": "u", "password": "hidden"}},
		"authentication.basic.password":          {"basic": object{"username": "u"}},
		"authentication.certificate.private_key": {"certificate": object{"chain": chain}},
		"authentication":                         {"basic": "hidden"},
	} {
		status, refused := a.call(t, "PATCH", path, object{"authentication": change})
		if status != http.StatusUnprocessableEntity && status != http.StatusConflict || !strings.Contains(jsonOf(t, refused), `"`+field+`"`) || strings.Contains(jsonOf(t, refused), "hidden") {
			t.Errorf("%s: %d %v", field, status, refused)
		}
	}
	if status, removed := a.call(t, "PATCH", path, object{"authentication": nil}); status != http.StatusOK || removed["authentication"] != nil {
		t.Errorf("removed: %d %v", status, removed)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
