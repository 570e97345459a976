package store

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// sealedWith counts the rows that each master key seals.
func sealedWith(t *testing.T, s *Store) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range []string{"secrets", "webhook_headers", "webhook_authentications"} {
		var ids []string
		if err := s.read.Raw("SELECT key_id FROM " + table).Scan(&ids).Error; err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			counts[id]++
		}
	}
	return counts
}

func opened(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// owner registers webhooks with headers and authentications, and returns their secrets.
func owner(t *testing.T, s *Store, webhooks int) (*Scope, map[webhook.ID]string) {
	t.Helper()
	tenant, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(tenant.ID)
	revealed := map[webhook.ID]string{}
	value := "header-value"
	for range webhooks {
		w, secret, err := c.CreateWebhook(t.Context(), webhook.New{
			URL: "https://example.com/", Enabled: true, Headers: []*webhook.NewHeader{{Name: "x-key", Value: &value, Sensitive: true}},
			Authentication: &webhook.AuthenticationPatch{Basic: webhook.Some(&webhook.NewBasic{Username: "user", Password: &value})},
		})
		if err != nil {
			t.Fatal(err)
		}
		revealed[w.ID] = secret.Reveal()
	}
	return c, revealed
}

// unsealed checks that every secret, header and authentication is unchanged.
func unsealed(t *testing.T, s *Store, revealed map[webhook.ID]string) {
	t.Helper()
	secrets, err := s.loadSecrets(s.read, nil)
	if err != nil {
		t.Fatal(err)
	}
	headers, err := s.loadHeaders(s.read, nil)
	if err != nil {
		t.Fatal(err)
	}
	authentications, err := s.loadAuthentications(s.read, nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range revealed {
		if a := authentications[id]; a == nil || a.Basic.Password != "header-value" {
			t.Errorf("webhook %s: authentication %v", id, a)
		}
		if len(secrets[id]) != 1 || secrets[id][0].Reveal() != want || len(headers[id]) != 1 || headers[id][0].Value != "header-value" {
			t.Errorf("webhook %s: %v %v", id, secrets[id], headers[id])
		}
	}
}

// Changing the key of a key file seals everything again, while a server runs and continues to seal, and removes the old key.
func TestRotateKeyFile(t *testing.T) {
	dir := t.TempDir()
	server := opened(t, Options{Dir: dir})
	old := server.keys.Keys()[0].ID
	c, revealed := owner(t, server, 3)

	command := opened(t, Options{Dir: dir, Shared: true, Actor: webhook.Actor{Kind: webhook.ActorCommand}})
	n, err := command.RotateKey(t.Context())
	if err != nil || n != 9 {
		t.Fatalf("sealed %d, %v", n, err)
	}
	log, err := server.Registry(nil).AuditLog(t.Context(), AuditFilter{Actions: []webhook.AuditAction{webhook.AuditKeyRotated}}, Page{First: 10})
	if err != nil || len(log.Items) != 1 || log.Items[0].Actor.Kind != webhook.ActorCommand || string(log.Items[0].Changes[0].Before) != `"`+old+`"` || log.Items[0].TenantID != nil {
		t.Errorf("the audit log has %+v (%v)", log, err)
	}
	_, later := owner(t, server, 1) // by a server that started before
	maps.Copy(revealed, later)
	if _, _, err := c.UpdateWebhook(t.Context(), slices.Collect(maps.Keys(later))[0], webhook.Patch{}, &webhook.Rotation{Overlap: -1}); err == nil {
		t.Error("a negative overlap")
	}
	counts := sealedWith(t, server)
	if counts[old] != 0 || len(counts) != 1 {
		t.Errorf("sealed with %v after the rotation, %s is the old key", counts, old)
	}
	keys, err := seal.ReadFile(filepath.Join(dir, "master.key"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys in the file, %v", len(keys), err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	unsealed(t, opened(t, Options{Dir: dir}), revealed)
}

// A rotation interrupted at any point leaves a database that opens, and resumes.
func TestRotateKeyResumes(t *testing.T) {
	for name, interrupt := range map[string]func(t *testing.T, s *Store){
		"key added": func(*testing.T, *Store) {},
		"key made current": func(t *testing.T, s *Store) {
			t.Helper()
			if err := s.write.Exec("UPDATE store SET key_id = ?", s.keys.Keys()[0].ID).Error; err != nil {
				t.Fatal(err)
			}
		},
		"half sealed": func(t *testing.T, s *Store) {
			t.Helper()
			if err := s.write.Exec("UPDATE store SET key_id = ?", s.keys.Keys()[0].ID).Error; err != nil {
				t.Fatal(err)
			}
			err := s.change(t.Context(), func(b *batch) error {
				n, err := b.resealSome(s.keys.Keys()[0], 4)
				if n != 4 {
					t.Errorf("%d rows are sealed again, want 4 of 9", n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := opened(t, Options{Dir: dir})
			_, revealed := owner(t, s, 3)
			if err := s.keys.Add(); err != nil {
				t.Fatal(err)
			}
			interrupt(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}

			s = opened(t, Options{Dir: dir})
			unsealed(t, s, revealed)
			_, later := owner(t, s, 1)
			maps.Copy(revealed, later)
			want := s.keys.Keys()[0].ID
			if _, err := s.RotateKey(t.Context()); err != nil {
				t.Fatal(err)
			}
			if counts := sealedWith(t, s); counts[want] != 12 || len(counts) != 1 {
				t.Errorf("sealed with %v, want %s: a rotation that is resumed makes no other key", counts, want)
			}
			if keys := s.keys.Keys(); len(keys) != 1 {
				t.Errorf("%d keys are left", len(keys))
			}
			unsealed(t, s, revealed)
		})
	}
}

// Given keys, with several processes: the new one comes first, beside the old, until everything is sealed again.
func TestRotateGivenKey(t *testing.T) {
	dir := t.TempDir()
	old, next := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	s := opened(t, Options{Dir: dir, MasterKeys: [][]byte{old}})
	_, revealed := owner(t, s, 2)
	if _, err := s.RotateKey(t.Context()); !errors.Is(err, seal.ErrNoNewKey) {
		t.Errorf("without a new key: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir, MasterKeys: [][]byte{next}}); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Fatalf("opened with the new key only: %v", err)
	}

	s = opened(t, Options{Dir: dir, MasterKeys: [][]byte{next, old}})
	stale := opened(t, Options{Dir: dir, Shared: true, MasterKeys: [][]byte{old}}) // a process without the new key
	if _, err := s.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	tenant, err := stale.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := stale.In(tenant.ID).CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/"}); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("sealed with a key that is not current any more: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	unsealed(t, opened(t, Options{Dir: dir, MasterKeys: [][]byte{next}}), revealed)
	if _, err := os.Stat(filepath.Join(dir, "master.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key file was made: %v", err)
	}
}

// Secrets whose overlap has ended are removed from the database and from memory; the others stay.
func TestPruneSecrets(t *testing.T) {
	s := opened(t, Options{Dir: t.TempDir()})
	c, revealed := owner(t, s, 1)
	id := slices.Collect(maps.Keys(revealed))[0]
	if _, _, err := c.UpdateWebhook(t.Context(), id, webhook.Patch{}, &webhook.Rotation{Overlap: webhook.MaxOverlap}); err != nil {
		t.Fatal(err)
	}
	rows := func() (n int64) {
		if err := s.read.Table("secrets").Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n, err := s.PruneSecrets(t.Context()); n != 0 || err != nil || rows() != 2 {
		t.Fatalf("%d went before their time, %v", n, err)
	}
	err := s.change(context.Background(), func(b *batch) error {
		return b.DB.Exec("UPDATE secrets SET expires_at = 1 WHERE expires_at IS NOT NULL").Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.PruneSecrets(t.Context()); n != 1 || err != nil {
		t.Errorf("%d went, %v", n, err)
	}
	if to := s.routes.Get(id); rows() != 1 || len(to.Secrets) != 1 || to.Secrets[0].ExpiresAt != nil {
		t.Errorf("%d rows, %v in memory", rows(), to.Secrets)
	}
}
