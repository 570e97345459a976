package signature

import (
	"strings"
	"unicode/utf8"
)

// Code names a cause.
type Code string

// The codes.
const (
	MissingHeader     Code = "MISSING_HEADER"
	RepeatedHeader    Code = "REPEATED_HEADER"
	HeaderChanged     Code = "HEADER_CHANGED"
	BadTimestamp      Code = "TIMESTAMP"
	BadSignature      Code = "SIGNATURE"
	Clock             Code = "CLOCK"
	OtherSecret       Code = "SECRET"
	OtherScheme       Code = "SCHEME"
	BodyReprinted     Code = "BODY_REPRINTED"
	BodyWhitespace    Code = "BODY_WHITESPACE"
	BodyLineEnds      Code = "BODY_LINE_ENDS"
	BodyByteOrderMark Code = "BODY_BYTE_ORDER_MARK"
	BodyCharset       Code = "BODY_CHARSET"
	BodyCompressed    Code = "BODY_COMPRESSED"
	BodyBase64        Code = "BODY_BASE64"
	BodyQuoted        Code = "BODY_QUOTED"
	BodyEmpty         Code = "BODY_EMPTY"
	BodyTruncated     Code = "BODY_TRUNCATED"
	BodyChanged       Code = "BODY_CHANGED"
	Computation       Code = "COMPUTATION"
	Comparison        Code = "COMPARISON"
)

// Codes are all of them.
var Codes = []Code{
	MissingHeader, RepeatedHeader, HeaderChanged, BadTimestamp, BadSignature, Clock, OtherSecret, OtherScheme, BodyReprinted, BodyWhitespace,
	BodyLineEnds, BodyByteOrderMark, BodyCharset, BodyCompressed, BodyBase64, BodyQuoted, BodyEmpty, BodyTruncated, BodyChanged, Computation, Comparison,
}

// Cause is a reason why a signature does not verify.
type Cause struct {
	Code    Code   `json:"code"`
	Summary string `json:"summary"`
	Advice  string `json:"advice"`
	// Differs is the index of the first byte in which the received body differs from what was signed; nil if the body is not the reason, or
	// what was signed is not known.
	Differs *int `json:"firstDifferentByte,omitempty"`
	// Received and Sent are what is there in both bodies, with some bytes before and after, as text; "" without Differs.
	Received string `json:"received,omitempty"`
	Sent     string `json:"sent,omitempty"`
}

// Report is what is right and wrong with a request.
type Report struct {
	Valid  bool    `json:"valid"`
	Scheme string  `json:"scheme,omitempty"` // v1 or v1a, of the signature that fits
	Signed string  `json:"signed,omitempty"` // the beginning of what was signed: ID, timestamp and the dots
	Causes []Cause `json:"causes"`           // the most likely first; none if it is valid
	// Key is the one whose signature fits; nil if none does.
	Key *Key `json:"-"`
}

func (r *Report) add(code Code, summary, advice string) *Cause {
	r.Causes = append(r.Causes, Cause{Code: code, Summary: summary, Advice: advice})
	return &r.Causes[len(r.Causes)-1]
}

// differs tells the first byte in which the received body is not what was sent.
func (c *Cause) differs(received, sent []byte) {
	at := difference(received, sent)
	c.Differs, c.Received, c.Sent = &at, around(received, at), around(sent, at)
}

// difference is the index of the first byte that differs.
func difference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// near is how many bytes around a difference are shown.
const near = 16

// around is the text around the byte, where characters begin.
func around(b []byte, at int) string {
	from, to := max(at-near, 0), min(at+near, len(b))
	for from > 0 && from > at-near-utf8.UTFMax && !utf8.RuneStart(b[from]) {
		from--
	}
	for to < len(b) && to < at+near+utf8.UTFMax && !utf8.RuneStart(b[to]) {
		to++
	}
	return strings.ToValidUTF8(string(b[from:to]), "\uFFFD")
}

// clipped is a caller's text for a sentence.
func clipped(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
