package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// Key verifies signatures of one scheme.
type Key struct {
	text   string // after its prefix
	mac    []byte // of v1
	public ed25519.PublicKey
}

// ParseKey reads a secret (whsec_, whsk_) or a public key (whpk_). The error has no part of it.
func ParseKey(text string) (*Key, error) {
	prefix, rest, _ := strings.Cut(text, "_")
	raw, err := base64.StdEncoding.DecodeString(rest)
	k := &Key{text: rest}
	switch {
	case err != nil:
		return nil, errors.New("is not base64 after its prefix")
	case prefix == "whsec" && len(raw) > 0:
		k.mac = raw
	case prefix == "whsk" && len(raw) == ed25519.PrivateKeySize:
		k.public = ed25519.PublicKey(raw[ed25519.SeedSize:])
	case prefix == "whpk" && len(raw) == ed25519.PublicKeySize:
		k.public = ed25519.PublicKey(raw)
	default:
		return nil, errors.New("must be a signing secret, whsec_ or whsk_ and base64, or a public key, whpk_ and base64")
	}
	return k, nil
}

// scheme is the name of the key's scheme in the header.
func (k *Key) scheme() string {
	if k.public != nil {
		return "v1a"
	}
	return "v1"
}

func mac(key, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(content)
	return h.Sum(nil)
}

// signed is what the headers say.
type signed struct {
	id, timestamp string
	signatures    map[string][][]byte // by scheme
	strange       []string            // what is in their header and is none
}

func (s *signed) content(body []byte) []byte {
	return append([]byte(s.id+"."+s.timestamp+"."), body...)
}

// by returns the key with a signature of the content; nil if there is none, or the work is used up.
func (s *signed) by(keys []*Key, content []byte, w *work) *Key {
	for _, k := range keys {
		all := s.signatures[k.scheme()]
		if len(all) == 0 {
			continue
		}
		var sum []byte
		if k.mac != nil && w.spend(content) {
			sum = mac(k.mac, content)
		}
		for _, signature := range all {
			if sum != nil && hmac.Equal(sum, signature) || k.public != nil && w.spend(content) && ed25519.Verify(k.public, content, signature) {
				return k
			}
		}
	}
	return nil
}

// work bounds the bytes that are hashed.
type work struct {
	left    int
	bounded bool
	over    bool // not everything was tried
}

// eachHash is what a hash costs beside its content, in bytes.
const eachHash = 512

// spend reports whether the content may be hashed.
func (w *work) spend(content []byte) bool {
	if !w.bounded {
		return true
	}
	if cost := len(content) + eachHash; !w.over && cost <= w.left {
		w.left -= cost
		return true
	}
	w.over = true
	return false
}
