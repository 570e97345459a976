package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"log/slog"
	"slices"
	"strconv"
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
	// Key is 32 bytes: the HMAC key, or the seed of the Ed25519 key. SetKey sets it.
	Key       []byte `json:"-"`
	CreatedAt time.Time
	// ExpiresAt is when a rotation's overlap ends; nil for the current secret.
	ExpiresAt *time.Time

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
}

// Check returns nil or an *Invalid.
func (r *Rotation) Check() error {
	if r.Overlap < 0 || r.Overlap > MaxOverlap {
		return Invalidf("overlapMs", CodeOutOfRange, "must be from 0 to %d", MaxOverlap.Milliseconds())
	}
	if r.Scheme != "" {
		return CheckScheme("signatureScheme", r.Scheme)
	}
	return nil
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

// SetKey sets the key, of 32 bytes. Scheme must be set before.
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
	signed := make([]byte, 0, 64)
	signed = id.AppendText(signed)
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
