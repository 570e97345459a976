package webhook

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Bounds of a webhook's authentication, in bytes unless said otherwise.
const (
	MaxUsernameBytes     = 255
	MaxCredentialBytes   = 2048 // a password or a client secret
	MaxClientIDBytes     = 512
	MaxOAuthScopes       = 50 // scopes
	MaxOAuthScopeBytes   = 256
	MaxAudienceBytes     = 1024
	MaxOAuthParameters   = 20   // parameters
	MaxOAuthParameter    = 128  // a parameter's name
	MaxParameterValue    = 1024 // a parameter's value
	MaxChainBytes        = 16 << 10
	MaxChainCertificates = 5       // certificates
	MaxPrivateKeyBytes   = 4 << 10 // that of an RSA key with 4096 bits has about 3,300
	MinRSABits           = 2048    // bits
	MaxRSABits           = 4096    // bits
	// certificateSkew is how long before a certificate becomes valid it may be set: authorities' clocks differ from ours.
	certificateSkew = 5 * time.Minute
)

// Authentication is how the requests of a webhook authenticate at the receiver, besides their signature: at most one of Basic and OAuth2, and
// Certificate. It is immutable. Encoded as JSON it contains the credentials, and is only ever stored sealed.
type Authentication struct {
	Basic       *BasicAuthentication `json:"basic,omitempty"`
	OAuth2      *OAuth2              `json:"oauth2,omitempty"`
	Certificate *ClientCertificate   `json:"certificate,omitempty"`
}

// BasicAuthentication is HTTP Basic authentication (RFC 7617).
type BasicAuthentication struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// OAuth2ClientAuthentication is how a client authenticates at its token server (RFC 6749, section 2.3.1).
type OAuth2ClientAuthentication string

// The ways.
const (
	ClientSecretBasic OAuth2ClientAuthentication = "CLIENT_SECRET_BASIC" // in the header Authorization
	ClientSecretPost  OAuth2ClientAuthentication = "CLIENT_SECRET_POST"  // in the body
)

// OAuth2 are the settings of OAuth 2.0's client credentials grant (RFC 6749, section 4.4).
type OAuth2 struct {
	TokenURL             string                     `json:"token_url"`
	ClientID             string                     `json:"client_id"`
	ClientSecret         string                     `json:"client_secret"`
	ClientAuthentication OAuth2ClientAuthentication `json:"client_authentication"`
	Scopes               []string                   `json:"scopes,omitempty"`
	Audience             *string                    `json:"audience,omitempty"`
	Parameters           []*OAuth2Parameter         `json:"parameters,omitempty"`
}

// OAuth2Parameter is a further parameter of token requests. Its value may be a credential.
type OAuth2Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ClientCertificate is a certificate for mutual TLS with its private key, both PEM. What describes it is empty if it cannot be parsed.
type ClientCertificate struct {
	Chain      string `json:"chain"` // the client's certificate first
	PrivateKey string `json:"private_key"`

	Subject, Issuer     string    `json:"-"` // distinguished names (RFC 2253)
	SerialNumber        string    `json:"-"` // hexadecimal
	Fingerprint         string    `json:"-"` // SHA-256 of the certificate, hexadecimal
	NotBefore, NotAfter time.Time `json:"-"`

	name string
	pair func() (*tls.Certificate, error)
}

// AuthenticationKind is a part of an Authentication.
type AuthenticationKind string

// The kinds.
const (
	AuthenticationBasic     AuthenticationKind = "BASIC"
	AuthenticationOAuth2    AuthenticationKind = "OAUTH2"
	AuthenticationMutualTLS AuthenticationKind = "MUTUAL_TLS"
)

// Kinds returns the parts that a has, in a fixed order.
func (a *Authentication) Kinds() []AuthenticationKind {
	kinds := []AuthenticationKind{}
	if a.Basic != nil {
		kinds = append(kinds, AuthenticationBasic)
	}
	if a.OAuth2 != nil {
		kinds = append(kinds, AuthenticationOAuth2)
	}
	if a.Certificate != nil {
		kinds = append(kinds, AuthenticationMutualTLS)
	}
	return kinds
}

// String hides what a is.
func (a *Authentication) String() string { return "authentication" }

// Authorization returns the value of the header Authorization that is the same for all requests; "" if there is none.
func (a *Authentication) Authorization() string {
	if a == nil || a.Basic == nil {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.Basic.Username+":"+a.Basic.Password))
}

// authorizes reports whether requests have the header Authorization.
func (a *Authentication) authorizes() bool { return a != nil && (a.Basic != nil || a.OAuth2 != nil) }

// Recorded returns the header fields that the authentication adds to requests, as they are kept with an attempt.
func (a *Authentication) Recorded() HeaderBlock {
	if !a.authorizes() {
		return ""
	}
	return "Authorization: " + Redacted + "\r\n"
}

// CheckHeaders refuses custom headers that name what the authentication sends in headers. The error is an *Invalid, or nil.
func (a *Authentication) CheckHeaders(headers []*CustomHeader) error {
	if !a.authorizes() {
		return nil
	}
	for i, h := range headers {
		if h.Name == "Authorization" {
			return Invalidf(headerField(i, "name"), CodeNotAllowed, "must not be Authorization, because the webhook's authentication sets this header")
		}
	}
	return nil
}

// Same reports whether two authentications are equal, credentials included.
func (a *Authentication) Same(o *Authentication) bool {
	if a == nil || o == nil {
		return a == o
	}
	return alike(a.Basic, o.Basic) && a.OAuth2.Same(o.OAuth2) && a.Certificate.Name() == o.Certificate.Name()
}

// Same reports whether two settings are equal, credentials included.
func (c *OAuth2) Same(o *OAuth2) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.TokenURL == o.TokenURL && c.ClientID == o.ClientID && c.ClientSecret == o.ClientSecret && c.ClientAuthentication == o.ClientAuthentication &&
		slices.Equal(c.Scopes, o.Scopes) && alike(c.Audience, o.Audience) &&
		slices.EqualFunc(c.Parameters, o.Parameters, func(x, y *OAuth2Parameter) bool { return *x == *y })
}

// audited returns the settings as the audit log shows them, under the API's names and without credentials; nil for none.
func (a *Authentication) audited() any {
	if a == nil {
		return nil
	}
	type certificate struct {
		Subject     string    `json:"subject"`
		Fingerprint string    `json:"fingerprint"`
		NotAfter    time.Time `json:"notAfter"`
	}
	is := struct {
		Username    string       `json:"username,omitempty"`
		TokenURL    string       `json:"tokenUrl,omitempty"`
		ClientID    string       `json:"clientId,omitempty"`
		Scopes      []string     `json:"scopes,omitempty"`
		Audience    *string      `json:"audience,omitempty"`
		Kinds       any          `json:"kinds"`
		Certificate *certificate `json:"certificate,omitempty"`
	}{Kinds: a.Kinds()}
	if a.Basic != nil {
		is.Username = a.Basic.Username
	}
	if o := a.OAuth2; o != nil {
		is.TokenURL, is.ClientID, is.Scopes, is.Audience = o.TokenURL, o.ClientID, o.Scopes, o.Audience
	}
	if c := a.Certificate; c != nil {
		is.Certificate = &certificate{c.Subject, c.Fingerprint, c.NotAfter}
	}
	return is
}

// NewBasic is Basic authentication as a caller sets it.
type NewBasic struct {
	Username string
	Password *string // nil keeps the current one of the same user name
}

// NewOAuth2 is OAuth 2.0 as a caller sets it.
type NewOAuth2 struct {
	TokenURL             string
	ClientID             string
	ClientSecret         *string                    // nil keeps the current one, if TokenURL and ClientID stay the same
	ClientAuthentication OAuth2ClientAuthentication // "" means ClientSecretBasic
	Scopes               []string
	Audience             *string
	Parameters           []*NewOAuth2Parameter
}

// NewOAuth2Parameter is a parameter as a caller sets it.
type NewOAuth2Parameter struct {
	Name  string
	Value *string // nil keeps the current one, if the token URL stays the same
}

// NewCertificate is a client certificate as a caller sets it, both parts PEM.
type NewCertificate struct {
	Chain      string
	PrivateKey string
}

// AuthenticationPatch changes the parts that are set; nil removes a part. Setting one of Basic and OAuth2 removes the other.
type AuthenticationPatch struct {
	Basic       Opt[*NewBasic]
	OAuth2      Opt[*NewOAuth2]
	Certificate Opt[*NewCertificate]

	certificate *ClientCertificate // what Check made of Certificate
}

// Whole returns the patch that gives a webhook this authentication, as if it were created with it.
func (p *AuthenticationPatch) Whole() *AuthenticationPatch {
	if p == nil {
		return nil
	}
	whole := *p
	whole.Basic.Set, whole.OAuth2.Set, whole.Certificate.Set = true, true, true
	return &whole
}

const (
	fieldBasic       = "authentication.basic"
	fieldOAuth2      = "authentication.oauth2"
	fieldCertificate = "authentication.certificate"
)

// FieldTokenURL is the name of the field TokenURL, which only egress can check completely.
const FieldTokenURL = fieldOAuth2 + ".tokenUrl"

// Check applies every rule that depends neither on the current settings nor on the network, and parses the certificate, which takes up to some
// milliseconds: it belongs before a transaction, and Apply into it.
func (p *AuthenticationPatch) Check(now time.Time) error {
	if p == nil {
		return nil
	}
	var errs []error
	basic, oauth2 := p.Basic.Value, p.OAuth2.Value
	if basic != nil && oauth2 != nil {
		errs = append(errs, Invalidf(fieldOAuth2, CodeConflict, "must be absent or null together with basic, because both set the header Authorization"))
	}
	if basic != nil {
		errs = append(errs, basic.check()...)
	}
	if oauth2 != nil {
		errs = append(errs, oauth2.check()...)
	}
	if c := p.Certificate.Value; c != nil {
		var err error
		p.certificate, err = newCertificate(c, now)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (b *NewBasic) check() (errs []error) {
	switch name := b.Username; {
	case len(name) > MaxUsernameBytes:
		errs = append(errs, Invalidf(fieldBasic+".username", CodeTooLong, "must be at most %d bytes long", MaxUsernameBytes))
	case !printable(name) || strings.Contains(name, ":"):
		errs = append(errs, Invalidf(fieldBasic+".username", CodeInvalid, "must be printable UTF-8 without a colon"))
	}
	if b.Password != nil {
		errs = append(errs, checkCredential(fieldBasic+".password", *b.Password))
	}
	return errs
}

func checkCredential(field, value string) error {
	switch {
	case len(value) > MaxCredentialBytes:
		return Invalidf(field, CodeTooLong, "must be at most %d bytes long", MaxCredentialBytes)
	case !IsText(value) || strings.ContainsFunc(value, unicode.IsControl):
		return Invalidf(field, CodeInvalid, "must be UTF-8 without control characters")
	}
	return nil
}

// ownParameters are the parameters of a token request that other settings make.
var ownParameters = []string{"grant_type", "client_id", "client_secret", "scope", "audience"}

func (c *NewOAuth2) check() (errs []error) {
	bad := func(field string, code Code, format string, args ...any) {
		errs = append(errs, Invalidf(fieldOAuth2+"."+field, code, format, args...))
	}
	switch {
	case c.TokenURL == "":
		bad("tokenUrl", CodeRequired, "must be given")
	case len(c.TokenURL) > MaxURLBytes:
		bad("tokenUrl", CodeTooLong, "must be at most %d bytes long", MaxURLBytes)
	}
	switch {
	case c.ClientID == "":
		bad("clientId", CodeRequired, "must be given")
	case len(c.ClientID) > MaxClientIDBytes:
		bad("clientId", CodeTooLong, "must be at most %d bytes long", MaxClientIDBytes)
	case !printable(c.ClientID):
		bad("clientId", CodeInvalid, "must be printable UTF-8")
	}
	if c.ClientSecret != nil {
		if *c.ClientSecret == "" {
			bad("clientSecret", CodeRequired, "must not be empty")
		}
		errs = append(errs, checkCredential(fieldOAuth2+".clientSecret", *c.ClientSecret))
	}
	if !slices.Contains([]OAuth2ClientAuthentication{"", ClientSecretBasic, ClientSecretPost}, c.ClientAuthentication) {
		bad("clientAuthentication", CodeInvalid, "must be CLIENT_SECRET_BASIC or CLIENT_SECRET_POST")
	}
	if len(c.Scopes) > MaxOAuthScopes {
		bad("scopes", CodeTooMany, "must have at most %d elements", MaxOAuthScopes)
		return errs
	}
	for i, scope := range c.Scopes {
		switch {
		case len(scope) > MaxOAuthScopeBytes:
			bad(Index("scopes", i), CodeTooLong, "must be at most %d bytes long", MaxOAuthScopeBytes)
		case scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }):
			bad(Index("scopes", i), CodeInvalid, "must be visible ASCII without quotes and backslashes (RFC 6749, section 3.3)")
		}
	}
	if a := c.Audience; a != nil {
		switch {
		case len(*a) > MaxAudienceBytes:
			bad("audience", CodeTooLong, "must be at most %d bytes long", MaxAudienceBytes)
		case *a == "" || !printable(*a):
			bad("audience", CodeInvalid, "must be printable UTF-8, and not empty")
		}
	}
	return append(errs, c.checkParameters()...)
}

func (c *NewOAuth2) checkParameters() (errs []error) {
	if len(c.Parameters) > MaxOAuthParameters {
		return []error{Invalidf(fieldOAuth2+".parameters", CodeTooMany, "must have at most %d elements", MaxOAuthParameters)}
	}
	seen := map[string]bool{}
	for i, p := range c.Parameters {
		field := fieldOAuth2 + "." + Index("parameters", i)
		switch {
		case p.Name == "":
			errs = append(errs, Invalidf(field+".name", CodeRequired, "must be given"))
		case len(p.Name) > MaxOAuthParameter:
			errs = append(errs, Invalidf(field+".name", CodeTooLong, "must be at most %d bytes long", MaxOAuthParameter))
		case strings.ContainsFunc(p.Name, func(r rune) bool { return r <= ' ' || r > '~' }):
			errs = append(errs, Invalidf(field+".name", CodeInvalid, "must be visible ASCII"))
		case slices.Contains(ownParameters, p.Name):
			errs = append(errs, Invalidf(field+".name", CodeNotAllowed, "must not be one of %s, which other settings make", strings.Join(ownParameters, ", ")))
		case seen[p.Name]:
			errs = append(errs, Invalidf(field+".name", CodeInvalid, "must be given once"))
		}
		seen[p.Name] = true
		if p.Value == nil {
			continue
		}
		switch {
		case len(*p.Value) > MaxParameterValue:
			errs = append(errs, Invalidf(field+".value", CodeTooLong, "must be at most %d bytes long", MaxParameterValue))
		case !IsText(*p.Value):
			errs = append(errs, Invalidf(field+".value", CodeInvalid, "must be UTF-8 without U+0000"))
		}
	}
	return errs
}

// Apply returns the authentication a, nil for none, with a patch, which Check must have accepted; nil if nothing is left. A nil patch removes all.
// The error consists of *Invalid.
func (p *AuthenticationPatch) Apply(a *Authentication) (*Authentication, error) {
	if p == nil {
		return nil, nil
	}
	var old, next Authentication
	if a != nil {
		old = *a
	}
	next = old
	var errs []error
	if p.Basic.Set {
		if next.Basic = nil; p.Basic.Value != nil {
			next.OAuth2 = nil
			basic, err := p.Basic.Value.apply(old.Basic)
			next.Basic, errs = basic, append(errs, err)
		}
	}
	if p.OAuth2.Set {
		if next.OAuth2 = nil; p.OAuth2.Value != nil {
			next.Basic = nil
			oauth2, err := p.OAuth2.Value.apply(old.OAuth2)
			next.OAuth2, errs = oauth2, append(errs, err)
		}
	}
	if p.Certificate.Set {
		next.Certificate = p.certificate
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if next == (Authentication{}) {
		return nil, nil
	}
	return &next, nil
}

func (b *NewBasic) apply(old *BasicAuthentication) (*BasicAuthentication, error) {
	switch {
	case b.Password != nil:
		return &BasicAuthentication{b.Username, *b.Password}, nil
	case old == nil || old.Username != b.Username:
		return nil, Invalidf(fieldBasic+".password", CodeRequired, "must be given: there is none for this user name yet")
	}
	return old, nil
}

func (c *NewOAuth2) apply(old *OAuth2) (*OAuth2, error) {
	next := &OAuth2{
		TokenURL: c.TokenURL, ClientID: c.ClientID, ClientAuthentication: c.ClientAuthentication,
		Scopes: slices.Clone(c.Scopes), Audience: c.Audience,
	}
	if next.ClientAuthentication == "" {
		next.ClientAuthentication = ClientSecretBasic
	}
	if old != nil && old.TokenURL != c.TokenURL {
		old = nil // who may change the URL must not learn what is sent to it
	}
	var errs []error
	switch {
	case c.ClientSecret != nil:
		next.ClientSecret = *c.ClientSecret
	case old == nil || old.ClientID != c.ClientID:
		errs = append(errs, Invalidf(fieldOAuth2+".clientSecret", CodeRequired, "must be given: there is none for this token URL and client ID yet"))
	default:
		next.ClientSecret = old.ClientSecret
	}
	for i, p := range c.Parameters {
		one := &OAuth2Parameter{Name: p.Name}
		known := -1
		if old != nil {
			known = slices.IndexFunc(old.Parameters, func(q *OAuth2Parameter) bool { return q.Name == p.Name })
		}
		switch {
		case p.Value != nil:
			one.Value = *p.Value
		case known < 0:
			errs = append(errs, Invalidf(fieldOAuth2+"."+Index("parameters", i)+".value", CodeRequired, "must be given: there is no such parameter yet"))
		default:
			one.Value = old.Parameters[known].Value
		}
		next.Parameters = append(next.Parameters, one)
	}
	return next, errors.Join(errs...)
}

// newCertificate checks a certificate and its key. The error consists of *Invalid.
func newCertificate(in *NewCertificate, now time.Time) (*ClientCertificate, error) {
	bad := func(part string, code Code, format string, args ...any) error {
		return Invalidf(fieldCertificate+part, code, format, args...)
	}
	switch {
	case in.Chain == "":
		return nil, bad(".chain", CodeRequired, "must be given")
	case len(in.Chain) > MaxChainBytes:
		return nil, bad(".chain", CodeTooLong, "must be at most %d bytes long", MaxChainBytes)
	case in.PrivateKey == "":
		return nil, bad(".privateKey", CodeRequired, "must be given")
	case len(in.PrivateKey) > MaxPrivateKeyBytes:
		return nil, bad(".privateKey", CodeTooLong, "must be at most %d bytes long", MaxPrivateKeyBytes)
	}
	chain, err := parseChain(in.Chain)
	if err != nil {
		return nil, err
	}
	leaf := chain[0]
	if err := checkLeaf(leaf, now); err != nil {
		return nil, err
	}
	for i := range chain[1:] {
		if !bytes.Equal(chain[i].RawIssuer, chain[i+1].RawSubject) {
			return nil, bad(".chain", CodeInvalid, "is not in order: the issuer of certificate %d must follow it", i+1)
		}
	}
	block, rest := pem.Decode([]byte(in.PrivateKey))
	switch {
	case block == nil || len(bytes.TrimSpace(rest)) > 0:
		return nil, bad(".privateKey", CodeInvalid, "must be one PEM block with a private key")
	case strings.Contains(block.Type, "ENCRYPTED"), block.Headers["DEK-Info"] != "":
		return nil, bad(".privateKey", CodeInvalid, "is encrypted; give it without a passphrase, it is stored encrypted here")
	case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, bad(".privateKey", CodeInvalid, "must be a PEM block of the type PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY")
	}
	c := &ClientCertificate{Chain: in.Chain, PrivateKey: in.PrivateKey}
	c.Describe()
	if _, err := c.Pair(); err != nil { // whose text may not be shown: it may quote the key
		if strings.Contains(err.Error(), "private key") && strings.Contains(err.Error(), "public key") {
			return nil, bad(".privateKey", CodeInvalid, "does not belong to the first certificate of the chain")
		}
		return nil, bad(".privateKey", CodeInvalid, "is not a private key that can be read: give PKCS #8, PKCS #1 or SEC 1 in PEM")
	}
	return c, nil
}

func parseChain(text string) ([]*x509.Certificate, error) {
	bad := func(code Code, format string, args ...any) error {
		return Invalidf(fieldCertificate+".chain", code, format, args...)
	}
	var chain []*x509.Certificate
	for rest := bytes.TrimSpace([]byte(text)); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		switch {
		case block == nil:
			return nil, bad(CodeInvalid, "must be certificates in PEM, and nothing else")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return nil, bad(CodeInvalid, "contains a private key; give it as privateKey")
		case block.Type != "CERTIFICATE":
			return nil, bad(CodeInvalid, "must have only PEM blocks of the type CERTIFICATE")
		case len(chain) == MaxChainCertificates:
			return nil, bad(CodeTooMany, "must have at most %d certificates", MaxChainCertificates)
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, bad(CodeInvalid, "certificate %d cannot be parsed", len(chain)+1)
		}
		chain, rest = append(chain, one), after
	}
	if len(chain) == 0 {
		return nil, bad(CodeInvalid, "must be certificates in PEM, and nothing else")
	}
	return chain, nil
}

// checkLeaf refuses a certificate that no receiver would accept, or whose key takes too long to sign with.
func checkLeaf(leaf *x509.Certificate, now time.Time) error {
	bad := func(code Code, format string, args ...any) error {
		return Invalidf(fieldCertificate+".chain", code, format, args...)
	}
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < MinRSABits || bits > MaxRSABits {
			return bad(CodeOutOfRange, "has an RSA key of %d bits; it must have %d to %d", bits, MinRSABits, MaxRSABits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return bad(CodeOutOfRange, "has a key on a curve of %d bits; use P-256, P-384 or P-521", bits)
		}
	case ed25519.PublicKey:
	default:
		return bad(CodeNotAllowed, "has a key of a type that is not supported; use RSA, ECDSA or Ed25519")
	}
	switch {
	case !now.Before(leaf.NotAfter):
		return bad(CodeOutOfRange, "has expired at %s; give the renewed certificate", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Add(certificateSkew).Before(leaf.NotBefore):
		return bad(CodeOutOfRange, "is not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 &&
		!slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		return bad(CodeNotAllowed, "is not for clients: its extended key usage must have clientAuth")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return bad(CodeNotAllowed, "must not be used for signatures: its key usage must have digitalSignature")
	}
	return nil
}

// Describe sets the fields that tell what the certificate is, and prepares Pair.
func (c *ClientCertificate) Describe() {
	sum := sha256.Sum256([]byte(c.Chain + "\x00" + c.PrivateKey))
	c.name = hex.EncodeToString(sum[:16])
	chainText, key := []byte(c.Chain), c.PrivateKey
	c.pair = sync.OnceValues(func() (*tls.Certificate, error) {
		pair, err := tls.X509KeyPair(chainText, []byte(key))
		return &pair, err
	})
	chain, err := parseChain(c.Chain)
	if err != nil {
		return
	}
	leaf := chain[0]
	fingerprint := sha256.Sum256(leaf.Raw)
	c.Fingerprint = hex.EncodeToString(fingerprint[:])
	c.Subject, c.Issuer = shortText(leaf.Subject.String()), shortText(leaf.Issuer.String())
	c.SerialNumber = shortText(leaf.SerialNumber.Text(16))
	c.NotBefore, c.NotAfter = leaf.NotBefore.UTC(), leaf.NotAfter.UTC()
}

// shortText returns a name in a certificate, which may be anything, as text that can be shown.
func shortText(name string) string {
	const most = 512
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// Pair returns the certificate and its key for TLS, parsed once. It fails only if this version of Go does not accept what an earlier one did.
func (c *ClientCertificate) Pair() (*tls.Certificate, error) { return c.pair() }

// Name identifies the pair; it tells nothing about it. That of nil is empty.
func (c *ClientCertificate) Name() string {
	if c == nil {
		return ""
	}
	return c.name
}
