package store

import (
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Webhooks without an authentication cost no statement for one: not when they are created, by external ID or not, or changed, and not when they are
// sent to. Setting one costs a statement, so that the test sees them.
func TestNoAuthenticationCostsNothing(t *testing.T) {
	s := opened(t, Options{Dir: t.TempDir()})
	var mu sync.Mutex
	statements, about := 0, 0
	note := func(db *gorm.DB) {
		mu.Lock()
		defer mu.Unlock()
		if statements++; strings.Contains(db.Statement.SQL.String(), "webhook_authentications") {
			about++
		}
	}
	on := s.write.Callback()
	for _, err := range []error{
		on.Raw().After("gorm:raw").Register("test:raw", note), on.Row().After("gorm:row").Register("test:row", note),
		on.Query().After("gorm:query").Register("test:query", note), on.Create().After("gorm:create").Register("test:create", note),
		on.Update().After("gorm:update").Register("test:update", note), on.Delete().After("gorm:delete").Register("test:delete", note),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tenant, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(tenant.ID)
	create := func(description string) *webhook.Webhook {
		t.Helper()
		w, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Enabled: true, ExternalID: new("e"), Description: description})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	update := func(p webhook.Patch) {
		t.Helper()
		if _, _, err := c.UpdateWebhook(t.Context(), create("again").ID, p, nil); err != nil {
			t.Fatal(err)
		}
	}
	w := create("first")
	create("again")
	update(webhook.Patch{Headers: webhook.Some([]*webhook.NewHeader{{Name: "x", Value: new("y")}}), URL: webhook.Some("https://example.com/2")})
	if _, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	claims, _, err := s.Claim(t.Context(), w.ID, 10, 1<<20)
	if err != nil || len(claims) != 1 {
		t.Fatal(len(claims), err)
	}
	if err := s.Unclaim(t.Context(), claims); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	if statements < 10 || about != 0 {
		t.Errorf("%d of %d statements are about authentications", about, statements)
	}
	mu.Unlock()
	update(webhook.Patch{Authentication: webhook.Some(&webhook.AuthenticationPatch{Basic: webhook.Some(&webhook.NewBasic{Username: "u", Password: new("p")})})})
	mu.Lock()
	defer mu.Unlock()
	if about == 0 {
		t.Error("statements about authentications are not seen")
	}
}
