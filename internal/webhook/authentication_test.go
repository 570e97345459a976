package webhook_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// fields returns the fields and codes of an error.
func fields(err error) []string {
	var all []string
	for _, e := range webhook.Invalids(err) {
		all = append(all, e.Field+" "+string(e.Code))
	}
	return all
}

func certificate(chain, key string) *webhook.AuthenticationPatch {
	return &webhook.AuthenticationPatch{Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key})}
}

// parts returns the first certificate of a chain of two, and the second.
func parts(chain string) (leaf, issuer string) {
	const end = "-----END CERTIFICATE-----\n"
	leaf, issuer, _ = strings.Cut(chain, end)
	return leaf + end, issuer
}

// A certificate is accepted if a receiver could accept it and its key is one that signs in bounded time.
func TestClientCertificates(t *testing.T) {
	a := certificates.NewAuthority(t, "a")
	chain, key := a.Issue(t, "client", nil)
	leaf, _ := parts(chain)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p521, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))
	rsaChain, rsaPEM := a.Issue(t, "rsa", rsaKey)
	for name, good := range map[string]func() (string, string){
		"ECDSA": func() (string, string) { return chain, key }, "without its issuer": func() (string, string) { return leaf, key },
		"RSA": func() (string, string) { return rsaChain, rsaPEM }, "PKCS #1": func() (string, string) { return rsaChain, pkcs1 },
		"Ed25519": func() (string, string) { return a.Issue(t, "ed", edKey) },
		"P-521":   func() (string, string) { return a.Issue(t, "p521", p521) },
		"any usage": func() (string, string) {
			return a.Issue(t, "any", nil, func(c *x509.Certificate) { c.ExtKeyUsage = nil })
		},
		"with words": func() (string, string) { return "Bag Attributes\n  friendlyName: x\n" + chain, key },
	} {
		p := certificate(good())
		if err := p.Check(time.Now()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		made, err := p.Apply(nil)
		if err != nil || made.Certificate.Fingerprint == "" || !strings.HasPrefix(made.Certificate.Subject, "CN=") || made.Certificate.Issuer != "CN=a" || made.Certificate.NotAfter.IsZero() {
			t.Errorf("%s: %+v, %v", name, made, err)
		}
		if pair, err := made.Certificate.Pair(); err != nil || len(pair.Certificate) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A certificate that no receiver could accept, or whose key does not belong to it, is refused. The error names the part, and repeats nothing of it.
func TestBadClientCertificates(t *testing.T) {
	a, b := certificates.NewAuthority(t, "a"), certificates.NewAuthority(t, "b")
	chain, key := a.Issue(t, "client", nil)
	_, otherKey := b.Issue(t, "client", nil)
	leaf, issuer := parts(chain)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issued := func(change func(*x509.Certificate)) func() (string, string) {
		return func() (string, string) { return a.Issue(t, "x", nil, change) }
	}
	pair := func(chain, key string) func() (string, string) { return func() (string, string) { return chain, key } }
	const field = "authentication.certificate"
	for want, bads := range map[string]map[string]func() (string, string){
		field + ".chain REQUIRED":      {"none": pair("", key)},
		field + ".privateKey REQUIRED": {"none": pair(chain, "")},
		field + ".chain TOO_LONG":      {"long": pair(chain+strings.Repeat(" ", 16<<10), key)},
		field + ".privateKey TOO_LONG": {"long": pair(chain, key+strings.Repeat(" ", 4<<10))},
		field + ".chain TOO_MANY":      {"six": pair(leaf+strings.Repeat(issuer, 5), key)},
		field + ".chain INVALID": {
			"text": pair("x", key), "spaces": pair("  ", key), "after it": pair(chain+"x", key), "a key": pair(chain+key, key), "another block": pair(strings.ReplaceAll(chain, "CERTIFICATE", "CRL"), key),
			"garbage": pair("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key), "in no order": pair(issuer+leaf, key),
		},
		field + ".privateKey INVALID": {
			"text": pair(chain, "x"), "two": pair(chain, key+key), "another's": pair(chain, otherKey), "a certificate": pair(chain, leaf),
			"encrypted": pair(chain, strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE")), "garbage": pair(chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
		},
		field + ".chain OUT_OF_RANGE": {
			"expired": issued(func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Second)
			}),
			"not yet":      issued(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(10 * time.Minute) }),
			"a weak curve": func() (string, string) { return a.Issue(t, "p224", p224) },
		},
		field + ".chain NOT_ALLOWED": {
			"of a server": issued(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
			"not to sign": issued(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }),
		},
	} {
		for name, bad := range bads {
			chain, key := bad()
			err := certificate(chain, key).Check(time.Now())
			if got := fields(err); name != "in no order" && !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %v, want %s", name, err, want)
			} else if len(got) != 1 {
				t.Errorf("%s: %v", name, err)
			}
			for line := range strings.Lines(key) {
				if line = strings.TrimSpace(line); len(line) > 40 && strings.Contains(fmt.Sprint(err), line) {
					t.Errorf("%s: the error repeats the key", name)
				}
			}
		}
	}
}

func basic(username string, password *string) *webhook.AuthenticationPatch {
	return &webhook.AuthenticationPatch{Basic: webhook.Some(&webhook.NewBasic{Username: username, Password: password})}
}

func oauth(change func(*webhook.NewOAuth2)) *webhook.AuthenticationPatch {
	o := &webhook.NewOAuth2{TokenURL: "https://tokens.example/", ClientID: "id", ClientSecret: new("secret")}
	if change != nil {
		change(o)
	}
	return &webhook.AuthenticationPatch{OAuth2: webhook.Some(o)}
}

// Every setting has its bounds; the error names the field.
func TestAuthenticationBounds(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	const o = "authentication.oauth2."
	for want, p := range map[string]*webhook.AuthenticationPatch{
		"":                                       basic("user", new("")),
		"authentication.basic.username TOO_LONG": basic(long(256), new("p")),
		"authentication.basic.username INVALID":  basic("a:b", new("p")),
		"authentication.basic.password TOO_LONG": basic("u", new(long(2049))),
		"authentication.basic.password INVALID":  basic("u", new("a\nb")),
		"authentication.oauth2 CONFLICT":         {Basic: basic("u", new("p")).Basic, OAuth2: oauth(nil).OAuth2},
		o + "tokenUrl REQUIRED":                  oauth(func(c *webhook.NewOAuth2) { c.TokenURL = "" }),
		o + "tokenUrl TOO_LONG":                  oauth(func(c *webhook.NewOAuth2) { c.TokenURL = "https://" + long(2048) }),
		o + "clientId REQUIRED":                  oauth(func(c *webhook.NewOAuth2) { c.ClientID = "" }),
		o + "clientId TOO_LONG":                  oauth(func(c *webhook.NewOAuth2) { c.ClientID = long(513) }),
		o + "clientId INVALID":                   oauth(func(c *webhook.NewOAuth2) { c.ClientID = "a\x00" }),
		o + "clientSecret REQUIRED":              oauth(func(c *webhook.NewOAuth2) { c.ClientSecret = new("") }),
		o + "clientSecret TOO_LONG":              oauth(func(c *webhook.NewOAuth2) { c.ClientSecret = new(long(2049)) }),
		o + "clientAuthentication INVALID":       oauth(func(c *webhook.NewOAuth2) { c.ClientAuthentication = "NONE" }),
		o + "scopes TOO_MANY":                    oauth(func(c *webhook.NewOAuth2) { c.Scopes = make([]string, 51) }),
		o + "scopes.0 TOO_LONG":                  oauth(func(c *webhook.NewOAuth2) { c.Scopes = []string{long(257)} }),
		o + "scopes.1 INVALID":                   oauth(func(c *webhook.NewOAuth2) { c.Scopes = []string{"a", "b c"} }),
		o + "audience TOO_LONG":                  oauth(func(c *webhook.NewOAuth2) { c.Audience = new(long(1025)) }),
		o + "audience INVALID":                   oauth(func(c *webhook.NewOAuth2) { c.Audience = new("") }),
		o + "parameters TOO_MANY":                oauth(func(c *webhook.NewOAuth2) { c.Parameters = make([]*webhook.NewOAuth2Parameter, 21) }),
		o + "parameters.0.name REQUIRED":         oauth(func(c *webhook.NewOAuth2) { c.Parameters = []*webhook.NewOAuth2Parameter{{Value: new("")}} }),
		o + "parameters.0.name NOT_ALLOWED": oauth(func(c *webhook.NewOAuth2) {
			c.Parameters = []*webhook.NewOAuth2Parameter{{Name: "grant_type", Value: new("")}}
		}),
		o + "parameters.1.name INVALID": oauth(func(c *webhook.NewOAuth2) {
			c.Parameters = []*webhook.NewOAuth2Parameter{{Name: "a", Value: new("")}, {Name: "a", Value: new("")}}
		}),
		o + "parameters.0.value TOO_LONG": oauth(func(c *webhook.NewOAuth2) {
			c.Parameters = []*webhook.NewOAuth2Parameter{{Name: "a", Value: new(long(1025))}}
		}),
	} {
		if got := strings.Join(fields(p.Check(time.Now())), ", "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A patch changes its parts and leaves the others; setting one of Basic and OAuth 2.0 removes the other; and what is kept without being given again
// is never sent anywhere else.
func TestAuthenticationPatches(t *testing.T) {
	chain, key := certificates.NewAuthority(t, "a").Issue(t, "client", nil)
	apply := func(a *webhook.Authentication, p *webhook.AuthenticationPatch) (*webhook.Authentication, []string) {
		t.Helper()
		if err := p.Check(time.Now()); err != nil {
			t.Fatal(err)
		}
		next, err := p.Apply(a)
		return next, fields(err)
	}
	kinds := func(a *webhook.Authentication, want ...webhook.AuthenticationKind) {
		t.Helper()
		if got := a.Kinds(); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	a, _ := apply(nil, basic("u", new("p")))
	kinds(a, webhook.AuthenticationBasic)
	a, _ = apply(a, certificate(chain, key))
	kinds(a, webhook.AuthenticationBasic, webhook.AuthenticationMutualTLS)
	if same, _ := apply(a, basic("u", nil)); !same.Same(a) || same.Authorization() != "Basic dTpw" {
		t.Errorf("without a password: %+v", same)
	}
	if _, bad := apply(a, basic("v", nil)); !slices.Equal(bad, []string{"authentication.basic.password REQUIRED"}) {
		t.Errorf("another user without a password: %v", bad)
	}
	a, _ = apply(a, oauth(func(c *webhook.NewOAuth2) {
		c.Parameters = []*webhook.NewOAuth2Parameter{{Name: "resource", Value: new("r")}}
	}))
	kinds(a, webhook.AuthenticationOAuth2, webhook.AuthenticationMutualTLS)
	keep := func(change func(*webhook.NewOAuth2)) *webhook.AuthenticationPatch {
		return oauth(func(c *webhook.NewOAuth2) {
			c.ClientSecret, c.Parameters = nil, []*webhook.NewOAuth2Parameter{{Name: "resource"}}
			if change != nil {
				change(c)
			}
		})
	}
	if same, _ := apply(a, keep(nil)); !same.Same(a) {
		t.Errorf("without its secrets: %+v", same.OAuth2)
	}
	for name, change := range map[string]func(*webhook.NewOAuth2){
		"another URL": func(c *webhook.NewOAuth2) { c.TokenURL = "https://evil.example/" }, "another parameter": func(c *webhook.NewOAuth2) { c.Parameters[0].Name = "other" },
		"another client": func(c *webhook.NewOAuth2) { c.ClientID = "other" },
	} {
		if next, bad := apply(a, keep(change)); len(bad) == 0 {
			t.Errorf("%s: %+v", name, next.OAuth2)
		}
	}
	a, _ = apply(a, &webhook.AuthenticationPatch{OAuth2: webhook.Some[*webhook.NewOAuth2](nil)})
	kinds(a, webhook.AuthenticationMutualTLS)
	if a, _ = apply(a, &webhook.AuthenticationPatch{Certificate: webhook.Some[*webhook.NewCertificate](nil)}); a != nil {
		t.Errorf("what is left is %+v", a)
	}
}

// The audit log, an error and a log's line of an authentication show nothing that is secret.
func TestAuthenticationIsHidden(t *testing.T) {
	chain, key := certificates.NewAuthority(t, "a").Issue(t, "client", nil)
	p := oauth(func(c *webhook.NewOAuth2) {
		c.ClientSecret, c.Parameters = new("hidden-secret"), []*webhook.NewOAuth2Parameter{{Name: "x", Value: new("hidden-value")}}
	})
	p.Certificate = certificate(chain, key).Certificate
	if err := p.Check(time.Now()); err != nil {
		t.Fatal(err)
	}
	a, err := p.Apply(nil)
	if err != nil {
		t.Fatal(err)
	}
	fieldsOf := map[string]any{}
	for _, f := range (&webhook.Webhook{}).AuditFields(nil, a) {
		fieldsOf[f.Name] = f.Value
	}
	text, err := json.Marshal(fieldsOf["authentication"])
	if err != nil || !strings.Contains(string(text), `"kinds":["OAUTH2","MUTUAL_TLS"]`) || !strings.Contains(string(text), a.Certificate.Fingerprint) {
		t.Errorf("%s, %v, of %v", text, err, slices.Collect(maps.Keys(fieldsOf)))
	}
	for _, shown := range []string{string(text), fmt.Sprint(a), fmt.Sprintf("%v %s", a, a), string(a.Recorded())} {
		if strings.Contains(shown, "hidden-") || strings.Contains(shown, "PRIVATE") {
			t.Errorf("shown: %s", shown)
		}
	}
}

// A custom header Authorization contradicts an authentication that sets it.
func TestAuthorizationClashes(t *testing.T) {
	headers := []*webhook.CustomHeader{{Name: "X-A"}, {Name: "Authorization", Value: "x"}}
	chain, key := certificates.NewAuthority(t, "a").Issue(t, "client", nil)
	for want, p := range map[string]*webhook.AuthenticationPatch{"headers.1.name NOT_ALLOWED": basic("u", new("p")), "": certificate(chain, key)} {
		if err := p.Check(time.Now()); err != nil {
			t.Fatal(err)
		}
		a, err := p.Apply(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(fields(a.CheckHeaders(headers)), ""); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
