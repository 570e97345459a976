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

// fits reports whether the signature, without its scheme, is the key's of the content.
func (k *Key) fits(signature, content []byte) bool {
	if k.public != nil {
		return ed25519.Verify(k.public, content, signature)
	}
	return hmac.Equal(mac(k.mac, content), signature)
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

// by returns the key with a signature of the content; nil if there is none.
func (s *signed) by(keys []*Key, content []byte) *Key {
	for _, k := range keys {
		for _, signature := range s.signatures[k.scheme()] {
			if k.fits(signature, content) {
				return k
			}
		}
	}
	return nil
}
