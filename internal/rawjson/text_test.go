package rawjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// A value ends where Scan says; for invalid JSON it terminates too.
func FuzzEnd(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"a":[1,{"b":"]}"}],"c":-1.5E+3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := End(b, 0)
		if got > len(b) || got <= 0 && len(b) > 0 {
			t.Fatalf("%q: end at %d", b, got)
		}
		if _, ok := Valid(b); !ok {
			return
		}
		if want, _, _ := Scan(b); got != want {
			t.Errorf("%q: end at %d, want %d", b, got, want)
		}
	})
}

// Compact texts are those of encoding/json; for any other the appending ends.
func FuzzAppendCompact(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Add([]byte(" { \"a b\" : [ 1 , \" \\\" \" ] }\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := AppendCompact([]byte("x"), b)
		if _, ok := Valid(b); !ok {
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, b); err != nil || string(got) != "x"+want.String() {
			t.Errorf("%q: %q, want %q", b, got, want.String())
		}
	})
}

// The characters are those of Unquote, which replaces those that are not encodable; for any text the iteration terminates.
func FuzzDecodeRune(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	for _, s := range []string{`"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\ude00x"`, `"\b\f\n\r\t\/\\\""`, `"é😀\u00e9"`, "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.TrimRight(b, " \t\r\n")
		inner := b
		want, ok := Unquote(b)
		if ok {
			inner = b[1 : len(b)-1]
		}
		var got strings.Builder
		for len(inner) > 0 {
			c, n := DecodeRune(inner)
			if n <= 0 || n > len(inner) {
				t.Fatalf("%q: a character of %d bytes, %d before the end", b, n, len(inner))
			}
			inner = inner[n:]
			got.WriteRune(c)
		}
		if ok && got.String() != want {
			t.Errorf("%q: %q, want %q", b, got.String(), want)
		}
		if !ok || !utf8.Valid(b) || strings.Contains(strings.ToLower(string(b)), "fffd") || strings.ContainsRune(string(b), utf8.RuneError) {
			return
		}
		if whole := Encodable(b); whole == strings.ContainsRune(want, utf8.RuneError) {
			t.Errorf("%q is encodable: %v", b, whole)
		}
	})
}
