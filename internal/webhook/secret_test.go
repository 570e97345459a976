package webhook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// A signature verifies with the official library under each active secret, and under no other.
func TestSignatureVerifies(t *testing.T) {
	now := time.Now()
	past, future := now.Add(-time.Second), now.Add(time.Hour)
	var w ID
	current, old, expired := NewSecret(w, w, SchemeHMAC, now), NewSecret(w, w, SchemeHMAC, now), NewSecret(w, w, SchemeHMAC, now)
	old.ExpiresAt, expired.ExpiresAt = &future, &past
	id, body := NewID(now), []byte(`{"type":"a.b"}`)
	h := http.Header{}
	h.Set("webhook-id", id.String())
	h.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	h.Set("webhook-signature", string(AppendSignature(nil, []*Secret{current, old, expired}, id, now, body)))
	for secret, want := range map[*Secret]bool{current: true, old: true, expired: false} {
		verifier, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if got := verifier.Verify(body, h) == nil; got != want {
			t.Errorf("verifies: %v, want %v", got, want)
		}
		if verifier.Verify(append(body, ' '), h) == nil {
			t.Error("another body verifies")
		}
	}
}

// An Ed25519 signature verifies with the public key (v1a).
func TestEd25519(t *testing.T) {
	now := time.Now()
	var w ID
	s := NewSecret(w, w, SchemeEd25519, now)
	id, body := NewID(now), []byte(`{}`)
	signature, ok := strings.CutPrefix(string(AppendSignature(nil, []*Secret{s}, id, now, body)), "v1a,")
	if !ok {
		t.Fatal("not a v1a signature")
	}
	raw, _ := base64.StdEncoding.DecodeString(signature)
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.PublicKey(), "whpk_"))
	if !ed25519.Verify(key, fmt.Appendf(nil, "%s.%d.%s", id, now.Unix(), body), raw) {
		t.Error("does not verify")
	}
}

// I13: a secret prints as its id, whatever the verb.
func TestSecretDoesNotPrint(t *testing.T) {
	var w ID
	s := NewSecret(w, w, SchemeHMAC, time.Now())
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", slog.Any("secret", s))
	fmt.Fprintf(&out, "%v %+v %#v %s", s, s, s, s)
	for _, canary := range []string{string(s.Key), s.Reveal()[6:], hex.EncodeToString(s.Key)} {
		if strings.Contains(out.String(), canary) {
			t.Errorf("the key is in %q", out.String())
		}
	}
}
