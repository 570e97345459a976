package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Secret is a signing secret of a webhook. Its key leaves the server only in the answer of the call that created it.
type Secret struct {
	ID        ID
	TenantID  ID
	WebhookID ID
	Scheme    Scheme
	// Key is the HMAC key, 32 bytes or an imported one, or the seed of the Ed25519 key, 32 bytes. SetKey sets it.
	Key       []byte `json:"-"`
	CreatedAt time.Time
	// ExpiresAt is when a rotation's overlap ends; nil for the current secret.
	ExpiresAt *time.Time
	// Imported is true of a new secret that its caller brought, to whom it is not shown again; false once it is read from the database.
	Imported bool

	// Derived from Key once; deriving private costs as much as a signature.
	private ed25519.PrivateKey // nil for HMAC
	macs    *macs              // nil for Ed25519
}

// macs keeps the MAC states of a secret that signs often. They cost half a kilobyte, which the secrets of a hundred thousand webhooks that
// are sent one event each do not need.
type macs struct {
	signed atomic.Int32 // signatures, up to keepMACs
	pool   sync.Pool    // of hash.Hash
}

// keepMACs is the number of signatures from which a secret's states are kept.
const keepMACs = 16

// get returns a state that is to be reset before use.
func (m *macs) get(key []byte) hash.Hash {
	if mac, ok := m.pool.Get().(hash.Hash); ok {
		return mac
	}
	return hmac.New(sha256.New, key)
}

func (m *macs) put(mac hash.Hash) {
	if m.signed.Load() >= keepMACs {
		m.pool.Put(mac)
		return
	}
	m.signed.Add(1)
}

// Rotation says how a webhook's secret is replaced.
type Rotation struct {
	Overlap time.Duration // how long the old secrets also sign, 0 to MaxOverlap
	Scheme  Scheme        // of the new secret; "" means that of the current one
	// Secret is the new secret; nil: a random one. Its scheme is SchemeHMAC.
	Secret *ImportedSecret
}

// Check returns nil or an *Invalid.
func (r *Rotation) Check() error {
	if r.Overlap < 0 || r.Overlap > MaxOverlap {
		return Invalidf("overlapMs", CodeOutOfRange, "must be from 0 to %d", MaxOverlap.Milliseconds())
	}
	if r.Scheme != "" {
		if err := CheckScheme("signatureScheme", r.Scheme); err != nil {
			return err
		}
	}
	_, err := r.Secret.Key(r.Scheme)
	return err
}

// Scheme is a signature scheme of Standard Webhooks 1.0.0.
type Scheme string

// The schemes.
const (
	SchemeHMAC    Scheme = "HMAC_SHA256" // v1, symmetric
	SchemeEd25519 Scheme = "ED25519"     // v1a, asymmetric
)

// CheckScheme refuses an unknown scheme. It returns nil or an *Invalid.
func CheckScheme(field string, s Scheme) error {
	if s != SchemeHMAC && s != SchemeEd25519 {
		return Invalidf(field, CodeInvalid, "must be %s or %s", SchemeHMAC, SchemeEd25519)
	}
	return nil
}

// Overlap of a rotation: how long the old secret also signs.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 7 * 24 * time.Hour
)

// NewSecret returns a secret of 32 random bytes.
func NewSecret(tenant, webhook ID, scheme Scheme, now time.Time) *Secret {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	s := &Secret{ID: NewID(now), TenantID: tenant, WebhookID: webhook, Scheme: scheme, CreatedAt: now}
	s.SetKey(key)
	return s
}

// ImportSecret returns an HMAC secret with a key that its owner has already.
func ImportSecret(tenant, webhook ID, key []byte, now time.Time) *Secret {
	s := &Secret{ID: NewID(now), TenantID: tenant, WebhookID: webhook, Scheme: SchemeHMAC, CreatedAt: now, Imported: true}
	s.SetKey(key)
	return s
}

// ParseSecret reads a secret in the form of Reveal, to sign with it. The error has no part of it.
func ParseSecret(text string) (*Secret, error) {
	prefix, rest, _ := strings.Cut(strings.TrimSpace(text), "_")
	raw, err := base64.StdEncoding.DecodeString(rest)
	s := &Secret{Scheme: SchemeHMAC}
	switch {
	case err != nil:
		return nil, errors.New("is not base64 after its prefix")
	case prefix == "whsec" && len(raw) > 0:
	case prefix == "whsk" && len(raw) == ed25519.PrivateKeySize:
		s.Scheme, raw = SchemeEd25519, raw[:ed25519.SeedSize]
	default:
		return nil, errors.New("must be a secret that signs, whsec_ or whsk_ and base64")
	}
	s.SetKey(raw)
	return s, nil
}

// Has reports whether this is the secret's key.
func (s *Secret) Has(key []byte) bool { return subtle.ConstantTimeCompare(s.Key, key) == 1 }

// SetKey sets the key, which is 32 bytes long for SchemeEd25519. Scheme must be set before.
func (s *Secret) SetKey(key []byte) {
	s.Key = key
	if s.Scheme == SchemeEd25519 {
		s.private = ed25519.NewKeyFromSeed(key)
		return
	}
	s.macs = &macs{}
}

// Reveal returns the secret in text form: whsec_ (whsk_ for Ed25519) and base64. It is the only way to read it.
func (s *Secret) Reveal() string {
	if s.Scheme == SchemeEd25519 {
		return "whsk_" + base64.StdEncoding.EncodeToString(s.private)
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(s.Key)
}

// PublicKey returns whpk_ and base64 of an Ed25519 secret's public half; "" for HMAC.
func (s *Secret) PublicKey() string {
	if s.Scheme != SchemeEd25519 {
		return ""
	}
	public, _ := s.private.Public().(ed25519.PublicKey)
	return "whpk_" + base64.StdEncoding.EncodeToString(public)
}

// Active reports whether the secret signs at the given time.
func (s *Secret) Active(now time.Time) bool { return s.ExpiresAt == nil || now.Before(*s.ExpiresAt) }

// String and LogValue keep the key out of logs and errors, whatever the verb.
func (s *Secret) String() string { return "secret " + s.ID.String() }

// GoString is String.
func (s *Secret) GoString() string { return s.String() }

// LogValue is String.
func (s *Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// AppendSignature appends the webhook-signature of a message to b: one signature for each secret that is active at the
// attempt's time, separated by spaces (Standard Webhooks 1.0.0, "Signature scheme"). It appends nothing if none is active.
func AppendSignature(b []byte, secrets []*Secret, id ID, at time.Time, body []byte) []byte {
	return appendSignature(b, secrets, id.AppendText(make([]byte, 0, 64)), at, body)
}

// AppendSignatureOf is AppendSignature for a message that another program has named.
func AppendSignatureOf(b []byte, secrets []*Secret, id string, at time.Time, body []byte) []byte {
	return appendSignature(b, secrets, []byte(id), at, body)
}

// appendSignature appends the signatures of a message. It may write behind the end of signed, the message's id.
func appendSignature(b []byte, secrets []*Secret, signed []byte, at time.Time, body []byte) []byte {
	signed = append(signed, '.')
	signed = strconv.AppendInt(signed, at.Unix(), 10)
	signed = append(signed, '.')
	first := true
	for _, s := range secrets {
		if !s.Active(at) {
			continue
		}
		if !first {
			b = append(b, ' ')
		}
		first = false
		switch s.Scheme {
		case SchemeEd25519:
			b = append(b, "v1a,"...)
			message := append(slices.Clip(signed), body...)
			b = base64.StdEncoding.AppendEncode(b, ed25519.Sign(s.private, message))
		default:
			mac := s.macs.get(s.Key)
			mac.Reset()
			mac.Write(signed)
			mac.Write(body)
			var sum [sha256.Size]byte
			b = append(b, "v1,"...)
			b = base64.StdEncoding.AppendEncode(b, mac.Sum(sum[:0]))
			s.macs.put(mac)
		}
	}
	return b
}

// SignedBy returns the ids of the secrets that AppendSignature signs with, in its order, 16 bytes each. It may share memory
// with a secret, and must not be changed.
func SignedBy(secrets []*Secret, at time.Time) []byte {
	if len(secrets) == 1 && secrets[0].Active(at) {
		return secrets[0].ID[:] // the common case costs nothing
	}
	var ids []byte
	for _, s := range secrets {
		if s.Active(at) {
			ids = append(ids, s.ID[:]...)
		}
	}
	return ids
}

// Bounds of an imported secret's key (Standard Webhooks 1.0.0, "Signature scheme").
const (
	MinImportedBytes = 24
	MaxImportedBytes = 64
)

// ImportedSecret is a signing secret that a caller brings, in the form of Reveal. Whatever prints it prints no part of it.
type ImportedSecret string

// String and LogValue keep the secret out of logs and errors, whatever the verb.
func (ImportedSecret) String() string { return "imported secret" }

// GoString is String.
func (s ImportedSecret) GoString() string { return s.String() }

// LogValue is String.
func (s ImportedSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Key returns the secret's key for a webhook that signs with the scheme; "" means SchemeHMAC. It is nil without a secret. The error is an
// *Invalid, which has no part of the secret.
func (s *ImportedSecret) Key(scheme Scheme) ([]byte, error) {
	if s == nil {
		return nil, nil
	}
	if scheme == SchemeEd25519 {
		return nil, Invalidf("secret", CodeInvalid, "can be imported only for the signature scheme %s", SchemeHMAC)
	}
	text, ok := strings.CutPrefix(string(*s), "whsec_")
	if len(text) > base64.StdEncoding.EncodedLen(MaxImportedBytes) || strings.ContainsAny(text, "\r\n") { // line ends, which the decoder ignores
		ok = false
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(key) < MinImportedBytes || len(key) > MaxImportedBytes {
		return nil, Invalidf("secret", CodeInvalid, "must be whsec_ and the standard base64 of %d to %d bytes", MinImportedBytes, MaxImportedBytes)
	}
	if weak(key) {
		return nil, Invalidf("secret", CodeInvalid, "is too easy to guess; its key must be random bytes, or at least %d random characters", minTextKey)
	}
	return key, nil
}

// What makes a key weak. Keys of random bytes, and random text of minTextKey characters, are refused less than once in a million times.
const (
	minTextKey   = 32 // 128 bits in hexadecimal
	minEntropy   = 80 // bits, of a key's bytes and of the steps between them, as far as their counts tell
	maxEvenSteps = 8  // in a row: repeated bytes, ascending and descending ones
)

// weakWords are words that no random key has.
var weakWords = []string{"password", "changeme", "secret", "webhook", "qwerty", "example", "123456789"}

// weak reports whether a key is obviously not random.
func weak(key []byte) bool {
	steps := make([]byte, len(key)-1)
	even := 0
	for i := range steps {
		if steps[i] = key[i+1] - key[i]; i > 0 && steps[i] == steps[i-1] {
			even++
		} else {
			even = 1
		}
		if even >= maxEvenSteps {
			return true
		}
	}
	isText := !slices.ContainsFunc(key, func(c byte) bool { return c < ' ' || c > '~' })
	if isText && len(key) < minTextKey || entropy(key) < minEntropy || entropy(steps) < minEntropy {
		return true
	}
	for period := 1; period <= len(key)/2; period++ {
		if bytes.Equal(key[period:], key[:len(key)-period]) {
			return true
		}
	}
	lower := bytes.ToLower(key)
	return slices.ContainsFunc(weakWords, func(word string) bool { return bytes.Contains(lower, []byte(word)) })
}

// entropy returns the bits of entropy of all of b, by the frequencies of its bytes.
func entropy(b []byte) float64 {
	var count [256]int
	for _, c := range b {
		count[c]++
	}
	bits := 0.0
	for _, n := range count {
		if n > 0 {
			bits += float64(n) * math.Log2(float64(len(b))/float64(n))
		}
	}
	return bits
}
