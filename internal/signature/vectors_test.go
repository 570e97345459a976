package signature

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

var update = flag.Bool("update", false, "write docs/vectors.json")

// vector is a request, and whether it must verify.
type vector struct {
	Name    string            `json:"name"`
	Scheme  string            `json:"scheme"` // that a verifier must know
	Keys    []string          `json:"keys"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Now     int64             `json:"now"`
	Valid   bool              `json:"valid"`
}

// vectors are what verifiers in every language must agree with.
type vectors struct {
	About            string    `json:"about"`
	ToleranceSeconds int       `json:"toleranceSeconds"`
	Vectors          []*vector `json:"vectors"`
}

// edit makes another vector of one that is valid.
type edit struct {
	name  string
	valid bool
	do    func(v *vector)
}

const about = "Requests signed by Hookgraph (Standard Webhooks 1.0.0), and such that were changed. valid says whether a verifier that has the keys must accept the request at the " +
	"time now, in seconds since 1970. scheme is what the verifier must know: v1 is HMAC-SHA256, v1a is Ed25519. headers' names have no case. body is text in UTF-8. docs/verify.md has the rules."

// Those of the vectors are known to everybody.
var (
	hmac32  = known(webhook.SchemeHMAC, 32, "first")
	hmac24  = known(webhook.SchemeHMAC, 24, "short")
	hmac64  = known(webhook.SchemeHMAC, 64, "long")
	rotated = known(webhook.SchemeHMAC, 32, "second")
	pair    = known(webhook.SchemeEd25519, 32, "pair")
	newPair = known(webhook.SchemeEd25519, 32, "new pair")
)

// known returns a secret that is the same each time.
func known(scheme webhook.Scheme, length int, name string) *webhook.Secret {
	sum := sha256.Sum256([]byte("hookgraph vectors, " + name))
	more := sha256.Sum256(sum[:])
	s := &webhook.Secret{Scheme: scheme}
	s.SetKey(append(sum[:], more[:]...)[:length])
	return s
}

// keyOf is what a receiver has of a secret.
func keyOf(s *webhook.Secret) string {
	if public := s.PublicKey(); public != "" {
		return public
	}
	return s.Reveal()
}

const usual = `{"type":"humanization.completed","timestamp":"2026-04-23T14:00:00Z","data":{"job_id":7,"score":1.50}}`

// vectorID is the ID of the event of all vectors.
const vectorID = "019db9a5-3600-7c3e-9a51-2f1b6a0c9d11"

// vectorOf is a request as it is sent. The receiver has the key of the first secret.
func vectorOf(name, body string, secrets ...*webhook.Secret) *vector {
	id, err := webhook.ParseID(vectorID)
	if err != nil {
		panic(err)
	}
	v := &vector{
		Name: name, Scheme: "v1", Keys: []string{keyOf(secrets[0])}, Body: body, Now: now.Unix() + 1, Valid: true,
		Headers: map[string]string{
			HeaderID:        vectorID,
			HeaderTimestamp: strconv.FormatInt(now.Unix(), 10),
			HeaderSignature: string(webhook.AppendSignature(nil, secrets, id, now, []byte(body))),
		},
	}
	if secrets[0].Scheme == webhook.SchemeEd25519 {
		v.Scheme = "v1a"
	}
	return v
}

// sign signs what the headers and the body are now.
func (v *vector) sign(key []byte) {
	v.Headers[HeaderSignature] = "v1," + base64.StdEncoding.EncodeToString(mac(key, []byte(v.Headers[HeaderID]+"."+v.Headers[HeaderTimestamp]+"."+v.Body)))
}

// signature returns the first signature, without its version.
func (v *vector) signature() string {
	_, text, _ := strings.Cut(strings.Fields(v.Headers[HeaderSignature])[0], ",")
	return text
}

// edited are vectors that each edit makes of the usual request.
func edited(secret *webhook.Secret, edits []edit) (list []*vector) {
	for _, e := range edits {
		v := vectorOf(e.name, usual, secret)
		v.Valid = e.valid
		e.do(v)
		list = append(list, v)
	}
	return list
}

func set(name, value string) func(*vector) { return func(v *vector) { v.Headers[name] = value } }

func without(name string) func(*vector) { return func(v *vector) { delete(v.Headers, name) } }

func body(b string) func(*vector) { return func(v *vector) { v.Body = b } }

func keys(secrets ...*webhook.Secret) func(*vector) {
	return func(v *vector) {
		v.Keys = nil
		for _, s := range secrets {
			v.Keys = append(v.Keys, keyOf(s))
		}
	}
}

// timestamp is signed as it is written.
func timestamp(text string) func(*vector) {
	return func(v *vector) { v.Headers[HeaderTimestamp] = text; v.sign(hmac32.Key) }
}

// arrives is the receiver's clock, relative to the timestamp.
func arrives(after time.Duration) func(*vector) {
	return func(v *vector) { v.Now = now.Add(after).Unix() }
}

// written changes how the signature is written.
func written(as func(signature string) string) func(*vector) {
	return func(v *vector) { v.Headers[HeaderSignature] = as(v.signature()) }
}

// named writes the headers' names in another way.
func named(as func(string) string) func(*vector) {
	return func(v *vector) {
		h := map[string]string{}
		for name, value := range v.Headers {
			h[as(name)] = value
		}
		v.Headers = h
	}
}

// withSigns searches for a request whose signature has both characters that base64 for URLs writes otherwise.
func withSigns(v *vector) {
	for n := 0; !strings.Contains(v.signature(), "+") || !strings.Contains(v.signature(), "/"); n++ {
		v.Body = fmt.Sprintf(`{"n":%d}`, n)
		v.sign(hmac32.Key)
	}
}

// forURLs writes base64 for URLs.
var forURLs = strings.NewReplacer("+", "-", "/", "_")

func inHexadecimal(signature string) string {
	raw, _ := base64.StdEncoding.DecodeString(signature)
	return "v1," + hex.EncodeToString(raw)
}

func bodyVectors() []*vector {
	list := []*vector{}
	for _, secret := range []*webhook.Secret{hmac32, pair} {
		scheme := map[webhook.Scheme]string{webhook.SchemeHMAC: "v1", webhook.SchemeEd25519: "v1a"}[secret.Scheme]
		for _, b := range [][2]string{
			{"as it is sent", usual},
			{"empty body", ""},
			{"unicode", "{\"name\":\"K\u00f6ln, \u6771\u4eac, \u0928\u092e\u0938\u094d\u0924\u0947 \U0001F680\",\"combined\":\"e\u0301\"}"},
			{"unicode escapes", `{"name":"K\u00f6ln \ud83d\ude80 a\/b"}`},
			{"line ends and spaces", "{ \"text\" : \"a\\r\\nb\" }\r\n\t\n"},
			{"no JSON", "\x00 a.b.c \x7f"},
		} {
			list = append(list, vectorOf(scheme+", "+b[0], b[1], secret))
		}
		list = append(list, edited(secret, []edit{
			{scheme + ", another secret", false, keys(map[string]*webhook.Secret{"v1": rotated, "v1a": newPair}[scheme])},
			{scheme + ", body changed", false, body(strings.Replace(usual, "7", "8", 1))},
			{scheme + ", body parsed and printed again", false, body(strings.Replace(usual, "1.50", "1.5", 1))},
			{scheme + ", body with a line end more", false, body(usual + "\n")},
			{scheme + ", body gone", false, body("")},
			{scheme + ", ID changed", false, set(HeaderID, "019db9a5-3600-7c3e-9a51-2f1b6a0c9d12")},
			{scheme + ", timestamp changed", false, set(HeaderTimestamp, strconv.FormatInt(now.Unix()+1, 10))},
			{scheme + ", 5 minutes old", true, arrives(Tolerance)},
			{scheme + ", 5 minutes and a second old", false, arrives(Tolerance + time.Second)},
			{scheme + ", 5 minutes ahead of the clock", true, arrives(-Tolerance)},
			{scheme + ", 5 minutes and a second ahead of the clock", false, arrives(-Tolerance - time.Second)},
			{scheme + ", a year old", false, arrives(365 * 24 * time.Hour)},
		})...)
	}
	return list
}

// rotationVectors have several signatures, or several keys.
func rotationVectors() []*vector {
	both := func(name string, valid bool, secrets []*webhook.Secret, has ...*webhook.Secret) *vector {
		v := vectorOf(name, usual, secrets...)
		keys(has...)(v)
		if v.Valid = valid; has[0].Scheme == webhook.SchemeEd25519 {
			v.Scheme = "v1a"
		} else {
			v.Scheme = "v1"
		}
		return v
	}
	overlap, schemes := []*webhook.Secret{rotated, hmac32}, []*webhook.Secret{pair, hmac32}
	return []*vector{
		both("rotation, the receiver has the new secret", true, overlap, rotated),
		both("rotation, the receiver has the old secret", true, overlap, hmac32),
		both("rotation, the receiver has both secrets", true, overlap, hmac32, rotated),
		both("rotation, the receiver has another secret", false, overlap, hmac24),
		both("before a rotation, the receiver has both secrets", true, []*webhook.Secret{hmac32}, rotated, hmac32),
		both("after a rotation, the receiver has the old secret", false, []*webhook.Secret{rotated}, hmac32),
		both("rotation to v1a, the receiver has the secret", true, schemes, hmac32),
		both("rotation to v1a, the receiver has the public key", true, schemes, pair),
		both("rotation of v1a, the receiver has the old public key", true, []*webhook.Secret{newPair, pair}, pair),
	}
}

func headerVectors() []*vector {
	list := []*vector{}
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		list = append(list, edited(hmac32, []edit{{"no " + name, false, without(name)}, {"empty " + name, false, set(name, "")}})...)
	}
	for _, text := range []string{"now", "1776952800.0", "+1776952800", "-1776952800", "1776952800s", "0x69ea25e0", "1776952800000", "99999999999999999999999999", "1e9", "2026-04-23T14:00:00Z"} {
		list = append(list, edited(hmac32, []edit{{"timestamp " + text, false, timestamp(text)}})...)
	}
	return append(list, edited(hmac32, []edit{
		{"names of headers in capitals", true, named(strings.ToUpper)},
		{"names of headers as Go writes them", true, named(http.CanonicalHeaderKey)},
		{"no version", false, written(func(s string) string { return s })},
		{"a comma without a version", false, written(func(s string) string { return "," + s })},
		{"a version without a signature", false, set(HeaderSignature, "v1")},
		{"a version with an empty signature", false, set(HeaderSignature, "v1,")},
		{"a capital version", false, written(func(s string) string { return "V1," + s })},
		{"an equals sign for the comma", false, written(func(s string) string { return "v1=" + s })},
		{"an unknown version alone", false, written(func(s string) string { return "v2," + s })},
		{"an unknown version before a known one", true, written(func(s string) string { return "v2,dGhlIGZ1dHVyZQ== v1," + s })},
		{"unknown versions around a known one", true, written(func(s string) string { return "v0, v1," + s + " v9x,~" })},
		{"another signature before the right one", true, written(func(s string) string { return "v1," + strings.Repeat("A", 43) + "= v1," + s })},
		{"two spaces between signatures", true, written(func(s string) string { return "v2,AAAA  v1," + s })},
		{"the HMAC as v1a", false, written(func(s string) string { return "v1a," + s })},
		{"signature cut short", false, written(func(s string) string { return "v1," + s[:20] })},
		{"signature with more after it", false, written(func(s string) string { return "v1," + s + "AAAA" })},
		{"signature with + and /", true, withSigns},
		{"signature in base64 for URLs", false, func(v *vector) { withSigns(v); written(func(s string) string { return "v1," + forURLs.Replace(s) })(v) }},
		{"signature in base64 without padding", false, written(func(s string) string { return "v1," + strings.TrimRight(s, "=") })},
		{"signature in hexadecimal digits", false, written(inHexadecimal)},
		{"signed with the text of the secret", false, func(v *vector) { v.sign([]byte(hmac32.Reveal())) }},
		{"signed with the text after whsec_", false, func(v *vector) { v.sign([]byte(strings.TrimPrefix(hmac32.Reveal(), "whsec_"))) }},
		{"signed with an empty key", false, func(v *vector) { v.sign(nil) }},
	})...)
}

func keyVectors() []*vector {
	return append([]*vector{
		vectorOf("secret of 24 bytes, without padding", usual, hmac24),
		vectorOf("secret of 64 bytes, with two characters of padding", usual, hmac64),
	}, edited(pair, []edit{
		{"v1a, the signature as v1", false, written(func(s string) string { return "v1," + s })},
		{"v1a, without padding", false, written(func(s string) string { return "v1a," + strings.TrimRight(s, "=") })},
		{"v1a, cut short", false, written(func(s string) string { return "v1a," + s[:40] })},
		{"v1a, no base64", false, set(HeaderSignature, "v1a,~~~~")},
		{"v1a, an unknown version before it", true, written(func(s string) string { return "v2,AAAA v1a," + s })},
		{"v1a, an HMAC with the public key", false, func(v *vector) { v.sign([]byte(keyOf(pair))) }},
	})...)
}

func allVectors() *vectors {
	return &vectors{
		About: about, ToleranceSeconds: int(Tolerance.Seconds()),
		Vectors: append(append(append(bodyVectors(), rotationVectors()...), headerVectors()...), keyVectors()...),
	}
}

// docs/vectors.json is what our signer makes.
func TestVectorsFile(t *testing.T) {
	const name = "../../docs/vectors.json"
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(allVectors()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(stored), text.String()); diff != "" {
		t.Errorf("docs/vectors.json is stale, run go generate ./internal/signature (-stored +now):\n%s", diff)
	}
}

// Explain agrees with the vectors, and says why of each that does not verify.
func TestVectors(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range allVectors().Vectors {
		if seen[v.Name] {
			t.Errorf("two vectors are named %q", v.Name)
		}
		seen[v.Name] = true
		h := http.Header{}
		for name, value := range v.Headers {
			h.Set(name, value)
		}
		var keys []*Key
		for _, text := range v.Keys {
			key, err := ParseKey(text)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		report := Explain(&Received{Header: h, Body: []byte(v.Body), At: time.Unix(v.Now, 0)}, keys, nil)
		if report.Valid != v.Valid || v.Valid != (len(report.Causes) == 0) {
			t.Errorf("%s: %v, %v", v.Name, report.Valid, report.codes())
		}
	}
	if len(seen) < 80 {
		t.Error(len(seen))
	}
}
