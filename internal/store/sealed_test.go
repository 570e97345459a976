package store

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A sealed value opens only for the row that it was sealed for.
func TestSealedRows(t *testing.T) {
	now := time.Now()
	ring, err := seal.OpenRing("", [][]byte{make([]byte, 32)}, false)
	if err != nil {
		t.Fatal(err)
	}
	s := ring.Keys()[0]
	row := secretRow{ID: webhook.NewID(now), TenantID: webhook.NewID(now), WebhookID: webhook.NewID(now)}
	const plain = "0123456789abcdef0123456789abcdef"
	sealed := s.Seal([]byte(plain), row.associated())
	if got, err := ring.Open(s.ID, sealed, row.associated()); err != nil || string(got) != plain {
		t.Errorf("its own row: %v", err)
	}
	moved := []func(*secretRow){
		func(r *secretRow) { r.ID = webhook.NewID(now) },
		func(r *secretRow) { r.TenantID = webhook.NewID(now) },
		func(r *secretRow) { r.WebhookID = webhook.NewID(now) },
	}
	for i, move := range moved {
		to := row
		move(&to)
		if _, err := ring.Open(s.ID, sealed, to.associated()); err == nil {
			t.Errorf("%d: it opens for another row", i)
		}
	}
	headers := headersRow{TenantID: row.TenantID, WebhookID: row.WebhookID}
	sealedHeaders := s.Seal([]byte(plain), headers.associated())
	for name, r := range map[string]headersRow{
		"another tenant's":  {TenantID: webhook.NewID(now), WebhookID: row.WebhookID},
		"another webhook's": {TenantID: row.TenantID, WebhookID: webhook.NewID(now)},
	} {
		if _, err := ring.Open(s.ID, sealedHeaders, r.associated()); err == nil {
			t.Errorf("headers open as %s", name)
		}
	}
	if _, err := ring.Open(s.ID, sealed, headers.associated()); err == nil {
		t.Error("it opens as headers")
	}
	authentication := authenticationRow{TenantID: row.TenantID, WebhookID: row.WebhookID}
	if _, err := ring.Open(s.ID, sealedHeaders, authentication.associated()); err == nil {
		t.Error("headers open as an authentication")
	}
}
