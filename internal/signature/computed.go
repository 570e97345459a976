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
	"iter"
	"strings"
)

// attempted is a way to compute a signature, right or wrong.
type attempted struct {
	of    []byte
	wrong string // what is wrong with it; "" if nothing is
}

// computed tells what the receiver's code does, from the signature that it computes.
func (report *Report) computed(r *Received, is *signed, keys []*Key, w *work) {
	wrong, known := is.mistakes(r, keys, w)
	switch {
	case !known && w.over:
		report.add(Computation, "the code computes another signature; the body is too long to try all that it may do", "Try it with a request whose body is shorter.")
	case !known:
		report.add(Computation, "the code computes a signature of something else, or with another key",
			"Print what it signs, and compare that with ID, timestamp and raw body, joined by dots.")
	case len(wrong) == 0:
		report.add(Comparison, "the code computes the right signature, and compares it in a wrong way",
			"Compare it with each of the signatures in "+HeaderSignature+", which are separated by spaces, after their v1 and the comma.")
	default:
		report.add(Computation, "the code computes another signature: "+strings.Join(wrong, "; "),
			"Sign ID, timestamp and raw body, joined by dots, by HMAC-SHA256 with the bytes that the base64 after whsec_ stands for, and write the result in base64.")
	}
}

// mistakes returns the fewest mistakes that give the signature; none if it is right. known is false if it is not known what gives it. What has
// one mistake is tried first, in case the work ends early.
func (is *signed) mistakes(r *Received, keys []*Key, w *work) (fewest []string, known bool) {
	computed := strings.TrimSpace(r.Computed)
	for _, prefix := range []string{"v1,", "v1=", "sha256="} {
		computed = strings.TrimPrefix(computed, prefix)
	}
	for _, most := range []int{1, 3} {
		for content := range is.attempts(r.Body, r.MaxPlain) {
			for _, k := range keys {
				for _, wrong := range k.mistakes(content, computed, most, w) {
					if !known || len(wrong) < len(fewest) {
						known, fewest = true, wrong
					}
				}
			}
		}
		if known {
			break
		}
	}
	return fewest, known
}

// mistakes are those that give the signature of the content, each with at most most beside its encoding.
func (k *Key) mistakes(content attempted, computed string, most int, w *work) (found [][]string) {
	if k.mac == nil {
		return nil
	}
	for _, key := range k.attempts() {
		for _, h := range hashes {
			n := len(said(key.wrong, content.wrong, h.wrong))
			if n > most || most > 1 && n <= 1 || !w.spend(content.of) {
				continue
			}
			m := hmac.New(h.new, key.of)
			m.Write(content.of)
			sum := m.Sum(nil)
			for _, e := range encodings {
				if e.encode(sum) == computed {
					found = append(found, said(key.wrong, content.wrong, h.wrong, e.wrong))
				}
			}
		}
	}
	return found
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
func (is *signed) attempts(body []byte, maxPlain int) iter.Seq[attempted] {
	join := func(before string) []byte { return append([]byte(before), body...) }
	return func(yield func(attempted) bool) {
		for _, a := range []struct {
			of    func() []byte
			wrong string
		}{
			{func() []byte { return is.content(body) }, ""},
			{func() []byte { return body }, "it signs the body alone"},
			{func() []byte { return join(is.timestamp + ".") }, "it signs no ID"},
			{func() []byte { return join(is.id + ".") }, "it signs no timestamp"},
			{func() []byte { return join(is.id + is.timestamp) }, "it joins ID, timestamp and body without dots"},
			{func() []byte { return join(is.timestamp + "." + is.id + ".") }, "it signs the timestamp before the ID"},
			{func() []byte { return join(is.id + "." + is.timestamp + "000.") }, "it signs the timestamp in milliseconds"},
			{func() []byte { return is.content(nil) }, "it signs an empty body"},
			{func() []byte { return []byte(is.id + "." + is.timestamp) }, "it signs no body"},
			{func() []byte { return is.again(body, false) }, parsedAgain},
			{func() []byte { return is.again(body, true) }, parsedAgain},
		} {
			if of := a.of(); of != nil && !yield(attempted{of, a.wrong}) {
				return
			}
		}
		for v := range variants(body, maxPlain) {
			if !yield(attempted{is.content(v.body), "it signs another body than it was given: " + v.summary}) {
				return
			}
		}
	}
}

const parsedAgain = "it signs a body that was parsed and printed again"

// again is the content with a body that was parsed and printed; nil if that is the same body, or it is no JSON.
func (is *signed) again(body []byte, spaced bool) []byte {
	again := printed(body, spaced)
	if again == nil || bytes.Equal(again, body) {
		return nil
	}
	return is.content(again)
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
