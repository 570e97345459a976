package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// Verify returns nil if the request was signed by one of the keys, within five minutes of now. A key is a secret, whsec_…, or a public
// key, whpk_…. During a rotation both the old and the new one may be given. body is the raw body, before anything parses it.
func Verify(keys []string, h http.Header, body []byte, now time.Time) error {
	id, timestamp, signatures := h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return errors.New("a webhook header is missing")
	}
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil {
		return errors.New("webhook-timestamp is not a number of seconds")
	}
	if now.Sub(time.Unix(int64(seconds), 0)).Abs() > tolerance {
		return errors.New("webhook-timestamp is too far from the clock")
	}
	signed := fmt.Appendf(nil, "%s.%s.%s", id, timestamp, body)
	for _, key := range keys {
		prefix, text, _ := strings.Cut(key, "_")
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) == 0 {
			return errors.New("the key is not base64 after its prefix")
		}
		for signature := range strings.SplitSeq(signatures, " ") {
			if prefix == "whsec" && signedWith(raw, signed, signature) || prefix == "whpk" && signedBy(raw, signed, signature) {
				return nil
			}
		}
	}
	return errors.New("no signature fits")
}

// signedWith verifies v1, HMAC-SHA256.
func signedWith(secret, signed []byte, signature string) bool {
	mac := hmac.New(sha256.New, secret)
	mac.Write(signed)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(want), []byte(signature)) // in constant time
}

// signedBy verifies v1a, Ed25519.
func signedBy(public, signed []byte, signature string) bool {
	version, text, _ := strings.Cut(signature, ",")
	raw, err := base64.StdEncoding.DecodeString(text)
	return err == nil && version == "v1a" && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, signed, raw)
}
