// Package signature says why the signature of a request does not verify (Standard Webhooks 1.0.0): what was signed, the first byte that
// differs from what was received, and the usual cause.
package signature

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The header fields of a signed request.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Tolerance is how far the timestamp may be from the receiver's clock.
const Tolerance = 5 * time.Minute

// Received is a request as a receiver got it.
type Received struct {
	Header http.Header
	Body   []byte
	At     time.Time // the receiver's clock
	// Computed is the signature that the receiver's own code computes; "" if that is not known.
	Computed string
	// MaxHashed bounds the bytes that are hashed to find the reason; 0: unlimited. What is less likely is then left out.
	MaxHashed int
	// MaxPlain bounds what a compressed body is decompressed to; 0: DefaultMaxPlain.
	MaxPlain int
}

// maxSignatures bounds the signatures of a header that are looked at. A webhook has at most five secrets.
const (
	maxSignatures = 20
	maxStrange    = 5 // that are told
)

// Add adds a header field under the name that Explain looks for, or, if the name is one of CGI, under that. Names have no case.
func Add(h http.Header, name, value string) {
	if strings.Contains(name, "_") {
		h[name] = append(h[name], value)
		return
	}
	h.Add(name, value)
}

// Sent is the same request as it was sent.
type Sent struct {
	Header http.Header
	Body   []byte
}

//go:generate go test -run TestVectorsFile -update .

// Explain says whether a key verifies the request, and if none does, why. Without keys it compares the request with what was sent. sent may be
// nil.
func Explain(r *Received, keys []*Key, sent *Sent) *Report {
	report := &Report{Causes: []Cause{}}
	is := report.headers(r.Header)
	if sent != nil {
		report.compareHeaders(r.Header, sent.Header)
	}
	if is == nil {
		return report
	}
	report.Signed = is.id + "." + is.timestamp + "."
	at, bad := strconv.ParseUint(is.timestamp, 10, 63) // digits only
	if bad != nil {
		report.add(BadTimestamp, fmt.Sprintf("%s is %q, which is not a number of seconds", HeaderTimestamp, clipped(is.timestamp)), "Pass the header on as it came.")
	}
	w := &work{left: r.MaxHashed, bounded: r.MaxHashed > 0}
	key := is.by(keys, is.content(r.Body), w)
	if key == nil { // beside a signature that fits, others do not count (Standard Webhooks 1.0.0: ignore unknown versions)
		for _, one := range is.strange {
			report.add(BadSignature, fmt.Sprintf("%s has %q, which is not v1 or v1a, a comma and base64", HeaderSignature, clipped(one)), "Pass the header on as it came: its signatures are separated by spaces.")
		}
	}
	switch {
	case key != nil:
		report.Scheme, report.Key = key.scheme(), key
	case sent != nil && string(sent.Body) != string(r.Body):
		report.body(r.Body, sent.Body, r.MaxPlain)
	case len(keys) > 0:
		report.search(r, is, keys, w)
	}
	if bad == nil {
		report.clock(r.At, time.Unix(int64(at), 0))
	}
	if r.Computed != "" && (key != nil || sent != nil) {
		report.computed(r, is, keys, w)
	}
	report.Valid = key != nil && len(report.Causes) == 0
	return report
}

// headers reads the headers, or says what is wrong with them and returns nil.
func (report *Report) headers(h http.Header) *signed {
	is := &signed{id: h.Get(HeaderID), timestamp: h.Get(HeaderTimestamp), signatures: map[string][][]byte{}}
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		switch values := h.Values(name); {
		case len(values) > 1:
			report.add(RepeatedHeader, name+" is there more than once", "Something between sender and receiver adds headers: pass on those that came.")
		case len(values) == 0 || values[0] == "":
			advice := "Look whether a proxy or the framework removes headers that it does not know."
			if other := alias(h, name); other != "" {
				advice = "It is there as " + other + ": ask for the name that your framework gives it."
			}
			report.add(MissingHeader, name+" is missing", advice)
		}
	}
	if len(report.Causes) > 0 {
		return nil
	}
	seen := 0
	for one := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		if seen++; seen > maxSignatures {
			report.add(BadSignature, fmt.Sprintf("%s has more than %d signatures", HeaderSignature, maxSignatures), "Pass the header on as it came: it has one signature for each secret of the webhook.")
			break
		}
		scheme, text, _ := strings.Cut(one, ",")
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || scheme != "v1" && scheme != "v1a" {
			if len(is.strange) < maxStrange {
				is.strange = append(is.strange, one)
			}
			continue
		}
		is.signatures[scheme] = append(is.signatures[scheme], raw)
	}
	return is
}

// alias returns the name under which a header is given in the way of CGI; "" if it is not.
func alias(h http.Header, name string) string {
	want := strings.ReplaceAll(name, "-", "_")
	for other := range h {
		if plain := strings.ToLower(strings.ReplaceAll(other, "-", "_")); plain == "http_"+want || plain == want && !strings.EqualFold(other, name) {
			return other
		}
	}
	return ""
}

// compareHeaders tells which of the headers are not what was sent.
func (report *Report) compareHeaders(got, sent http.Header) {
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		if was, is := sent.Get(name), got.Get(name); was != "" && is != "" && was != is {
			report.add(HeaderChanged, fmt.Sprintf("%s was %q when it was sent, and is %q", name, clipped(was), clipped(is)),
				"If the request is that of another attempt, give that one's ID. Otherwise something between sender and receiver changes headers.")
		}
	}
}

// clock tells if the timestamp is too far away.
func (report *Report) clock(now, at time.Time) {
	switch away := now.Sub(at).Round(time.Second); {
	case away > Tolerance:
		report.add(Clock, fmt.Sprintf("it was signed %v before the receiver's clock, more than %v", away, Tolerance),
			"If the request was kept, verify it with the time at which it came. Otherwise set the receiver's clock by NTP, and verify before a queue and not after it.")
	case away < -Tolerance:
		report.add(Clock, fmt.Sprintf("it was signed at %s, which is more than %v after the receiver's clock", at.UTC().Format(time.RFC3339), Tolerance), "Set the receiver's clock by NTP. The timestamp is in seconds.")
	}
}

// search looks for what makes the signature right.
func (report *Report) search(r *Received, is *signed, keys []*Key, w *work) {
	schemes := map[string]bool{}
	for _, k := range keys {
		schemes[k.scheme()] = true
	}
	known := false
	for scheme := range is.signatures {
		known = known || schemes[scheme]
	}
	if !known {
		report.add(OtherScheme, fmt.Sprintf("%s has no signature of the key's scheme, %s", HeaderSignature, keys[0].scheme()),
			"Secrets that begin with whsec_ verify v1; whsk_ and whpk_ verify v1a. Take the secret of this webhook.")
		return
	}
	for v := range variants(r.Body, r.MaxPlain) {
		if is.by(keys, is.content(v.body), w) != nil {
			report.changed(v, r.Body)
			return
		}
	}
	if len(r.Body) == 0 {
		report.add(BodyEmpty, "the body is empty", "Read the raw body before the framework parses it: most can be told to keep it, or read it only once.")
		return
	}
	report.add(OtherSecret, "the signature is that of another secret, or of another body",
		"Take the secret of the webhook that this request was sent to: each has its own, and a rotated one stops to sign when its overlap ends. With the attempt's ID the body can be compared with what was sent.")
}
