package signature

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // to recognize that others use it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
)

// attempted is a way to compute a signature, right or wrong.
type attempted struct {
	of    []byte
	wrong string // what is wrong with it; "" if nothing is
}

// computed tells what the receiver's code does, from the signature that it computes.
func (report *Report) computed(r *Received, is *signed, keys []*Key) {
	wrong, known := is.mistakes(r.Computed, r.Body, keys)
	switch {
	case !known:
		report.add("COMPUTATION", "the code computes a signature of something else, or with another key",
			"Print what it signs, and compare that with ID, timestamp and raw body, joined by dots.")
	case len(wrong) == 0:
		report.add("COMPARISON", "the code computes the right signature, and compares it in a wrong way",
			"Compare it with each of the signatures in "+HeaderSignature+", which are separated by spaces, after their v1 and the comma.")
	default:
		report.add("COMPUTATION", "the code computes another signature: "+strings.Join(wrong, "; "),
			"Sign ID, timestamp and raw body, joined by dots, by HMAC-SHA256 with the bytes that the base64 after whsec_ stands for, and write the result in base64.")
	}
}

// mistakes returns the fewest mistakes that give the signature; none if it is right. known is false if it is not known what gives it.
func (is *signed) mistakes(computed string, body []byte, keys []*Key) (fewest []string, known bool) {
	computed = strings.TrimSpace(computed)
	for _, prefix := range []string{"v1,", "v1=", "sha256="} {
		computed = strings.TrimPrefix(computed, prefix)
	}
	contents := is.attempts(body)
	for _, k := range keys {
		if k.mac == nil {
			continue
		}
		for _, key := range k.attempts() {
			for _, content := range contents {
				for _, h := range hashes {
					m := hmac.New(h.new, key.of)
					m.Write(content.of)
					sum := m.Sum(nil)
					for _, e := range encodings {
						if e.encode(sum) != computed {
							continue
						}
						if wrong := said(key.wrong, content.wrong, h.wrong, e.wrong); !known || len(wrong) < len(fewest) {
							known, fewest = true, wrong
						}
					}
				}
			}
		}
	}
	return fewest, known
}

// said are those that are not empty.
func said(all ...string) (list []string) {
	for _, s := range all {
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

// attempts are keys that people make of the secret.
func (k *Key) attempts() []attempted {
	return []attempted{
		{k.mac, ""},
		{[]byte("whsec_" + k.text), "its key is the whole text of the secret"},
		{[]byte(k.text), "its key is the text after whsec_, not decoded"},
		{[]byte(hex.EncodeToString(k.mac)), "its key is the hexadecimal text of the secret"},
		{nil, "its key is empty"},
	}
}

// attempts are contents that people sign.
func (is *signed) attempts(body []byte) []attempted {
	join := func(parts ...string) []byte { return []byte(strings.Join(parts, "")) }
	text := string(body)
	list := []attempted{
		{is.content(body), ""},
		{body, "it signs the body alone"},
		{join(is.timestamp, ".", text), "it signs no ID"},
		{join(is.id, ".", text), "it signs no timestamp"},
		{join(is.id, is.timestamp, text), "it joins ID, timestamp and body without dots"},
		{join(is.timestamp, ".", is.id, ".", text), "it signs the timestamp before the ID"},
		{join(is.id, ".", is.timestamp, "000.", text), "it signs the timestamp in milliseconds"},
		{is.content(nil), "it signs an empty body"},
		{join(is.id, ".", is.timestamp), "it signs no body"},
	}
	for _, indent := range []string{"printed", "spaced"} {
		if again := printed(body, indent == "spaced"); again != nil && !bytes.Equal(again, body) {
			list = append(list, attempted{is.content(again), "it signs a body that was parsed and printed again"})
		}
	}
	for v := range variants(body) {
		list = append(list, attempted{is.content(v.body), "it signs another body than it was given: " + v.summary})
	}
	return list
}

// printed is JSON as parsers print it: without spaces, or with spaces after colons and commas, as Python does.
func printed(body []byte, spaced bool) []byte {
	var compact bytes.Buffer
	for _, v := range otherPrints(body) {
		compact.Reset()
		compact.Write(v)
	}
	if compact.Len() == 0 || !spaced {
		return compact.Bytes()
	}
	out, inside := []byte{}, false
	for i, c := range compact.Bytes() {
		out = append(out, c)
		if c == '"' && (i == 0 || compact.Bytes()[i-1] != '\\') {
			inside = !inside
		}
		if !inside && (c == ':' || c == ',') {
			out = append(out, ' ')
		}
	}
	return out
}

var hashes = []struct {
	new   func() hash.Hash
	wrong string
}{{sha256.New, ""}, {sha1.New, "it uses SHA-1"}, {sha512.New, "it uses SHA-512"}}

var encodings = []struct {
	encode func([]byte) string
	wrong  string
}{
	{base64.StdEncoding.EncodeToString, ""},
	{base64.URLEncoding.EncodeToString, "it writes base64 for URLs"},
	{base64.RawStdEncoding.EncodeToString, "it writes base64 without padding"},
	{base64.RawURLEncoding.EncodeToString, "it writes base64 for URLs, without padding"},
	{hex.EncodeToString, "it writes hexadecimal digits"},
	{func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }, "it writes hexadecimal digits"},
	{func(b []byte) string { return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(b))) }, "it writes the base64 of hexadecimal digits"},
}
