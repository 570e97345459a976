package signature

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"iter"
	"reflect"
	"unicode/utf8"
)

// change is what may have happened to a body between its sender and the code that verifies it.
type change struct {
	code            Code
	summary, advice string
}

const rawBody = "Verify the raw bytes of the request, before anything parses or changes them."

var (
	compressed  = change{BodyCompressed, "the body is compressed", "Something between sender and receiver compresses it, or announces so: decompress it first, and verify what that gives."}
	inBase64    = change{BodyBase64, "the body is base64 of what was sent", "The gateway hands bodies over in base64: decode it first."}
	quoted      = change{BodyQuoted, "the body is a JSON string that contains what was sent", "Something encoded the body once more: " + rawBody}
	whitespace  = change{BodyWhitespace, "white space was added to the end of the body, or removed from it", "Text tools add a line end: take the body as it came, as with curl --data-binary or printf %s."}
	lineEnds    = change{BodyLineEnds, "the line ends of the body were changed", "A proxy or a text mode changed them: read the body as bytes."}
	byteOrder   = change{BodyByteOrderMark, "a byte order mark was put before the body", "An editor or a text writer adds it: handle the body as bytes."}
	charset     = change{BodyCharset, "the body was decoded or encoded with another character set than UTF-8", "Keep it as bytes, or decode and encode it as UTF-8."}
	printedAway = change{BodyReprinted, "the body was parsed and printed again: the same JSON in other bytes", rawBody + " In Express that is express.raw, in Flask request.get_data(), in Rails request.raw_post, in PHP php://input."}
	truncated   = change{BodyTruncated, "the body ends too early", "Read the body to its end, and look for a limit of its size."}
	otherBody   = change{BodyChanged, "the body is not what was sent", rawBody}
)

// variant is a body that may have been sent, and what then happened to it.
type variant struct {
	change

	body []byte
}

// DefaultMaxPlain bounds what is decompressed, unless MaxPlain of the request does.
const DefaultMaxPlain = 32 << 20

// variants are bodies from which the usual accidents make the received one. What is decompressed has at most maxPlain bytes; 0 means
// DefaultMaxPlain.
func variants(got []byte, maxPlain int) iter.Seq[variant] {
	if maxPlain == 0 {
		maxPlain = DefaultMaxPlain
	}
	return func(yield func(variant) bool) {
		for _, v := range []struct {
			change

			undo func([]byte) [][]byte
		}{
			{whitespace, unspaced},
			{lineEnds, otherLineEnds},
			{byteOrder, unmarked},
			{compressed, func(b []byte) [][]byte { return inflated(b, maxPlain) }},
			{inBase64, decoded},
			{quoted, unquoted},
			{charset, otherCharset},
			{printedAway, otherPrints},
		} {
			for _, body := range v.undo(got) {
				if !bytes.Equal(body, got) && !yield(variant{v.change, body}) {
					return
				}
			}
		}
	}
}

func unspaced(b []byte) [][]byte {
	return [][]byte{bytes.TrimRight(b, " \t\r\n"), append(bytes.Clone(b), '\n'), append(bytes.Clone(b), '\r', '\n'), bytes.TrimSpace(b)}
}

func otherLineEnds(b []byte) [][]byte {
	unix := bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return [][]byte{unix, bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n"))}
}

func unmarked(b []byte) [][]byte { return [][]byte{bytes.TrimPrefix(b, []byte("\uFEFF"))} }

func inflated(b []byte, most int) [][]byte {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil || len(plain) > most {
		return nil
	}
	return [][]byte{plain}
}

func decoded(b []byte) [][]byte {
	plain := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	n, err := base64.StdEncoding.Decode(plain, bytes.TrimSpace(b))
	if err != nil || n == 0 {
		return nil
	}
	return [][]byte{plain[:n]}
}

func unquoted(b []byte) [][]byte {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return nil
	}
	return [][]byte{[]byte(text)}
}

// otherCharset undoes UTF-8 that was taken for Latin-1, and Latin-1 that was made of UTF-8.
func otherCharset(b []byte) (list [][]byte) {
	narrow := make([]byte, 0, len(b))
	for _, r := range string(b) {
		if r > 0xFF {
			narrow = nil
			break
		}
		narrow = append(narrow, byte(r)) //nolint:gosec // at most 0xFF
	}
	if utf8.Valid(narrow) {
		list = append(list, narrow)
	}
	if !utf8.Valid(b) {
		wide := make([]byte, 0, 2*len(b))
		for _, c := range b {
			wide = utf8.AppendRune(wide, rune(c))
		}
		list = append(list, wide)
	}
	return list
}

// otherPrints are other ways to print the same JSON, in the order of its members: without white space, and with characters instead of escapes
// that need not be.
func otherPrints(b []byte) [][]byte {
	var compact bytes.Buffer
	if json.Compact(&compact, b) != nil {
		return nil
	}
	return [][]byte{compact.Bytes(), unescaped(compact.Bytes())}
}

// unescaped replaces \uXXXX and \/ in JSON by the characters, where those need no escape.
func unescaped(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		if b[0] != '\\' || len(b) < 2 {
			out, b = append(out, b[0]), b[1:]
			continue
		}
		n := 2
		if b[1] == 'u' {
			n = 6
			if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' && (b[2] == 'd' || b[2] == 'D') {
				n = 12 // a surrogate pair
			}
		}
		n = min(n, len(b))
		var text string
		plain := json.Unmarshal(append(append([]byte{'"'}, b[:n]...), '"'), &text) == nil && utf8.RuneCountInString(text) == 1
		switch r, _ := utf8.DecodeRuneInString(text); {
		case plain && (n > 2 || b[1] == '/') && r >= ' ' && r != '"' && r != '\\' && r != utf8.RuneError:
			out = append(out, text...)
		default:
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// changed tells what happened to the body.
func (report *Report) changed(v variant, got []byte) {
	report.add(v.code, v.summary, v.advice).differs(got, v.body)
}

// body tells what happened to the body that was sent.
func (report *Report) body(got, sent []byte, maxPlain int) {
	for v := range variants(got, maxPlain) {
		if bytes.Equal(v.body, sent) {
			report.changed(v, got)
			return
		}
	}
	switch v := (variant{otherBody, sent}); {
	case len(got) == 0:
		report.add(BodyEmpty, "the body is empty", "Read the raw body before the framework parses it: most can be told to keep it, or read it only once.")
	case bytes.HasPrefix(sent, got):
		v.change = truncated
		report.changed(v, got)
	default:
		if sameJSON(got, sent) {
			v.change = printedAway
		}
		report.changed(v, got)
	}
}

// sameJSON reports whether both are JSON of the same value, as most parsers read it.
func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
