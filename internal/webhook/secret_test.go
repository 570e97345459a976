package webhook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// A secret that its owner brings is used as it is: what it signs verifies with the official library, at every length that Standard Webhooks
// allows. Random keys are accepted, as bytes and as text.
func TestImportedSecret(t *testing.T) {
	random := rand.NewChaCha8([32]byte{7})
	const hexadecimal, letters = "0123456789abcdef", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for round := range 20_000 {
		key := make([]byte, 24+round%41)
		_, _ = random.Read(key)
		if alphabet := []string{"", hexadecimal, letters}[round%3]; alphabet != "" {
			for len(key) < 32 {
				key = append(key, byte(random.Uint64()))
			}
			for i, c := range key {
				key[i] = alphabet[int(c)%len(alphabet)]
			}
		}
		imported := ImportedSecret("whsec_" + base64.StdEncoding.EncodeToString(key))
		got, err := imported.Key("")
		if err != nil || !bytes.Equal(got, key) {
			t.Fatalf("%x: %x, %v", key, got, err)
		}
	}
	for n := MinImportedBytes; n <= MaxImportedBytes; n++ {
		key := make([]byte, n)
		_, _ = random.Read(key)
		now := time.Now()
		s := ImportSecret(ID{}, ID{}, key, now)
		id, h := NewID(now), http.Header{}
		h.Set("webhook-id", id.String())
		h.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		h.Set("webhook-signature", string(AppendSignature(nil, []*Secret{s}, id, now, []byte("{}"))))
		if verifier, err := standardwebhooks.NewWebhook(s.Reveal()); err != nil || verifier.Verify([]byte("{}"), h) != nil {
			t.Errorf("a key of %d bytes does not verify: %v", n, err)
		}
	}
}

// What is no secret, and what somebody could guess, is refused at the field, and no error has any part of it.
func TestImportedSecretRefused(t *testing.T) {
	good := []byte("\x91\x02\xfe\x33\x64\xc5\x07\x98\xa9\x1b\xdc\x40\x5e\xf1\x22\x83\x76\xb8\x0d\xea\x4f\x15\xd7\x69")
	code := base64.StdEncoding.EncodeToString
	ascending, words := make([]byte, 40), "PasswordSecretWebhookKey of my company 2026!"
	for i := range ascending {
		ascending[i] = byte(i * 3)
	}
	for name, text := range map[string]string{
		"empty": "", "only the prefix": "whsec_", "no prefix": code(good), "a private key": "whsk_" + code(good), "a public key": "whpk_" + code(good),
		"short": "whsec_" + code(good[:23]), "long": "whsec_" + code(bytes.Repeat(good, 3)[:65]), "huge": "whsec_" + strings.Repeat("QUJD", 1<<20),
		"for URLs": "whsec_" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb, 0xef, 0x01}, 9)), "not base64": "whsec_" + strings.Repeat("*", 32),
		"a line end": "whsec_" + code(good)[:16] + "\n" + code(good)[16:], "a space": "whsec_ " + code(good), "bits left over": "whsec_" + code(good) + "QUJ=",
		"zeros": "whsec_" + code(make([]byte, 32)), "one byte": "whsec_" + code(bytes.Repeat([]byte{0xc7}, 64)), "ascending": "whsec_" + code(ascending),
		"two bytes": "whsec_" + code(bytes.Repeat([]byte{1, 200}, 16)), "repeated": "whsec_" + code(append(bytes.Clone(good), good...)),
		"letters": "whsec_" + code([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ")), "digits": "whsec_" + code([]byte("01234567890123456789012345678901")),
		"words": "whsec_" + code([]byte(words)), "a password": "whsec_" + code([]byte("correct horse battery staple")), "short text": "whsec_" + code([]byte("8fK2pQ9xLm4RtY7wZs1VbN6c")),
		"a run in it": "whsec_" + code(append(bytes.Clone(good[:16]), bytes.Repeat([]byte{'A'}, 16)...)),
	} {
		s := ImportedSecret(text)
		key, err := s.Key(SchemeHMAC)
		bad := Invalids(err)
		if key != nil || len(bad) != 1 || bad[0].Field != "secret" || bad[0].Code != CodeInvalid {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if told := fmt.Sprintf("%v %+v %#v", err, s, s); len(text) > 6 && strings.Contains(told, text[6:14]) {
			t.Errorf("%s is told: %s", name, told)
		}
	}
	s := ImportedSecret("whsec_" + code(good))
	if _, err := s.Key(SchemeHMAC); err != nil {
		t.Errorf("the key from which the others are made: %v", err)
	}
	if _, err := s.Key(SchemeEd25519); len(Invalids(err)) != 1 {
		t.Errorf("for Ed25519: %v", err)
	}
	if key, err := (*ImportedSecret)(nil).Key(SchemeEd25519); key != nil || err != nil {
		t.Errorf("none: %v %v", key, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "rotation", Rotation{Secret: &s}, "secret", s, "new", New{Secret: &s})
	if strings.Contains(log.String(), code(good)[:8]) {
		t.Errorf("logged: %s", log.String())
	}
}
