package egress

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"strings"
	"time"
)

// Identity is a client certificate. A connection that was made with one carries only requests with the same one.
type Identity struct {
	Certificate *tls.Certificate
	Name        string // differs from that of any other certificate or key; not empty
}

// present makes a an attempt of the request's identity. Its host, under which connections are kept and counted, is one that only requests of the
// identity to the URL's host have. It resolves nowhere: connections are made to a.addr.
func (a *attempt) present(req *Request) {
	a.identity = req.Identity
	a.addr = net.JoinHostPort(req.URL.Hostname(), cmp.Or(req.URL.Port(), "443"))
	sum := sha256.Sum256([]byte(a.identity.Name + "\x00" + a.addr))
	a.host = hex.EncodeToString(sum[:16]) + ".identity.invalid:443"
}

// sessions are the TLS sessions of one identity: one that is resumed is authenticated as it was when it was made.
type sessions struct {
	tls.ClientSessionCache

	identity string
}

// Get implements tls.ClientSessionCache.
func (s sessions) Get(key string) (*tls.ClientSessionState, bool) {
	return s.ClientSessionCache.Get(s.identity + "\x00" + key)
}

// Put implements tls.ClientSessionCache.
func (s sessions) Put(key string, state *tls.ClientSessionState) {
	s.ClientSessionCache.Put(s.identity+"\x00"+key, state)
}

// refusals are the alerts with which receivers refuse a client certificate, by package tls's names, and what they mean.
var refusals = map[string]string{
	"bad certificate":               "it is damaged, or its purpose is another",
	"unsupported certificate":       "its type is not supported",
	"revoked certificate":           "it was revoked",
	"expired certificate":           "it is not valid at the receiver's time",
	"unknown certificate":           "it is not one that the receiver knows",
	"unknown certificate authority": "the receiver does not trust the authority that issued it, or the chain is incomplete",
	"access denied":                 "it may not access the receiver",
	"certificate required":          "the receiver considers it missing",
	"error decrypting message":      "the receiver could not verify the signature made with its key",
}

// refusedIdentity explains err as the receiver's refusal of the certificate; nil if it says nothing about it.
func refusedIdentity(i *Identity, err error) *failure {
	text := err.Error()
	why := ""
	if _, alert, ok := strings.Cut(text, "remote error: tls: "); ok {
		if why = refusals[alert]; why == "" {
			return nil
		}
	} else if !strings.Contains(text, "certificate's signature algorithms") {
		return nil
	} else {
		why = "the receiver supports no signature algorithm of its key"
	}
	return unaccepted(i, why)
}

func unaccepted(i *Identity, why string) *failure {
	if leaf := i.Certificate.Leaf; leaf != nil && time.Now().After(leaf.NotAfter) {
		return &failure{ClientCertificate, "the receiver did not accept the webhook's client certificate, which has expired; set the renewed one"}
	}
	return &failure{ClientCertificate, "the receiver did not accept the webhook's client certificate: " + why + "; compare it with what the receiver accepts"}
}
