package webhook

import (
	"fmt"
	"strings"
	"testing"
)

// The prefix of a token leaves too much of it to guess, and a token that is not random has no prefix.
func TestShownPrefix(t *testing.T) {
	token, _ := NewToken()
	prefix := ShownPrefix(token)
	if prefix == nil || len(*prefix) != len(TokenPrefix)+shownChars || !strings.HasPrefix(token, *prefix) {
		t.Errorf("of %d characters: %v", len(token), prefix)
	}
	if left := 256 - 6*shownChars; left < 200 {
		t.Errorf("%d bits are left to guess", left)
	}
	for _, chosen := range []string{"", "hg_", "secret", "hg_secret", token[1:], token[:len(token)-1], token + "A", "hg_" + strings.Repeat("!", 43), "HG_" + token[3:]} {
		if prefix := ShownPrefix(chosen); prefix != nil {
			t.Errorf("of %q: %q", chosen, *prefix)
		}
	}
}

// The audit log has a token's scopes as the API has them.
func TestAuditedScopes(t *testing.T) {
	scopes := func(of TokenScopes) any {
		for _, f := range (&Token{Scopes: of}).AuditFields() {
			if f.Name == "scopes" {
				return f.Value
			}
		}
		return nil
	}
	if got := fmt.Sprint(scopes(TokenScopes{ScopeWebhooksRead, ScopeAdmin})); got != "[WEBHOOKS_READ ADMIN]" {
		t.Error(got)
	}
	if got := fmt.Sprint(scopes(nil)); !strings.HasPrefix(got, "[WEBHOOKS_READ WEBHOOKS_WRITE EVENTS_PUBLISH ") {
		t.Error(got)
	}
}
