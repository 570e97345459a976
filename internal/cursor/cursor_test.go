package cursor

import (
	"bytes"
	"encoding/hex"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

func hexed(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The implementations of AES-SIV and CMAC agree with the test vectors of RFC 5297, appendix A.1, and RFC 4493, section 4.
func TestRFC(t *testing.T) {
	s, err := newSIV(hexed(t, "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"))
	if err != nil {
		t.Fatal(err)
	}
	plain, with := hexed(t, "112233445566778899aabbccddee"), hexed(t, "101112131415161718191a1b1c1d1e1f2021222324252627")
	sealed := hexed(t, "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c")
	if got := s.seal(nil, plain, with); !bytes.Equal(got, sealed) {
		t.Errorf("sealed %x, want %x", got, sealed)
	}
	if got, ok := s.open(sealed, with); !ok || !bytes.Equal(got, plain) {
		t.Errorf("opened %x %v, want %x", got, ok, plain)
	}
	m, err := newSIV(hexed(t, "2b7e151628aed2a6abf7158809cf4f3c2b7e151628aed2a6abf7158809cf4f3c"))
	if err != nil {
		t.Fatal(err)
	}
	message := hexed(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for n, want := range map[int]string{
		0: "bb1d6929e95937287fa37d129b756746", 16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		var tmp scratch
		if m.cmac(&tmp, message[:n]); hex.EncodeToString(tmp.sum[:]) != want {
			t.Errorf("CMAC of %d bytes is %x, want %s", n, tmp.sum, want)
		}
	}
}

func codec(t interface{ Fatal(...any) }, key byte) *Codec {
	c, err := New(bytes.Repeat([]byte{key}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var kinds = Kinds()

// Kinds has each kind that is declared.
func TestKinds(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "cursor.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "Kind" {
				declared++
			}
		}
		return true
	})
	distinct := slices.Compact(slices.Sorted(slices.Values(kinds)))
	if declared == 0 || len(distinct) != declared || len(kinds) != declared {
		t.Errorf("%d kinds are declared, and Kinds has %d, of which %d are distinct", declared, len(kinds), len(distinct))
	}
}

// A position has one cursor, which opens only for its tenant, kind and key.
func TestCursorIsGoodForOneTenantAndKind(t *testing.T) {
	c, other := codec(t, 1), codec(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		id := func(label string) (id webhook.ID) {
			copy(id[:], rapid.SliceOfN(rapid.Byte(), len(id), len(id)).Draw(t, label))
			return id
		}
		tenant, foreign := id("tenant"), id("foreign")
		k, wrong := rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.SampledFrom(kinds).Draw(t, "wrong")
		p := Place{rapid.Int64().Draw(t, "start"), rapid.Int64().Draw(t, "seq")}
		text := c.Seal(k, tenant, p)
		if got, err := c.Open(k, tenant, text); got != p || err != nil {
			t.Fatalf("%v %v, want %v", got, err, p)
		}
		if again := c.Seal(k, tenant, p); again != text {
			t.Fatalf("%s and %s are cursors of one place", text, again)
		}
		refused := func(got Place, err error) {
			t.Helper()
			if !errors.Is(err, webhook.ErrCursor) || got != (Place{}) {
				t.Fatalf("%v %v", got, err)
			}
		}
		refused(other.Open(k, tenant, text))
		if foreign != tenant {
			refused(c.Open(k, foreign, text))
		}
		if wrong != k {
			refused(c.Open(wrong, tenant, text))
		}
		tampered := []byte(text)
		i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		tampered[i] = rapid.SampledFrom([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n")).Draw(t, "with")
		if tampered[i] != text[i] {
			refused(c.Open(k, tenant, string(tampered)))
		}
		refused(c.Open(k, tenant, text[:i]))
		refused(c.Open(k, tenant, text+"A"))
	})
}

// Cursors of neighboring positions, and of one position for two tenants, are unrelated: each bit differs in about half of the
// pairs.
func TestCursorTellsNothing(t *testing.T) {
	c := codec(t, 3)
	const pairs = 4096
	raw := func(tenant webhook.ID, seq int64) []byte {
		b, err := text.DecodeString(c.Seal(Stream, tenant, Place{7, seq}))
		if err != nil {
			t.Fatal(err)
		}
		return b[1:]
	}
	for name, next := range map[string]func(int64) []byte{
		"the next place": func(seq int64) []byte { return raw(webhook.ID{1}, seq+1) },
		"another tenant": func(seq int64) []byte { return raw(webhook.ID{2}, seq) },
	} {
		var differ [8 * (size - 1)]int
		for seq := range int64(pairs) {
			a, b := raw(webhook.ID{1}, seq), next(seq)
			for i := range differ {
				differ[i] += int((a[i/8] ^ b[i/8]) >> (i % 8) & 1)
			}
		}
		for i, n := range differ {
			if n < pairs*2/5 || n > pairs*3/5 { // 12 standard deviations
				t.Errorf("%s: bit %d differs in %d of %d", name, i, n, pairs)
			}
		}
	}
}

// A key of another length is refused.
func TestKeySize(t *testing.T) {
	for _, n := range []int{0, 16, 32, 63, 65, 128} {
		if _, err := New(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes", n)
		}
	}
}

// Any text from a client is refused, unless it is exactly a cursor that the server made.
func FuzzCursor(f *testing.F) {
	c := codec(f, 1)
	for _, k := range kinds {
		f.Add(c.Seal(k, webhook.ID{1}, Place{1, 7}))
	}
	f.Add("latest")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		read := 0
		for _, k := range kinds {
			p, err := c.Open(k, webhook.ID{1}, s)
			if err != nil {
				continue
			}
			if read++; c.Seal(k, webhook.ID{1}, p) != s {
				t.Errorf("%q has another spelling, %q", s, c.Seal(k, webhook.ID{1}, p))
			}
		}
		if read > 1 {
			t.Errorf("%q is of %d kinds", s, read)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	c := codec(b, 1)
	b.ReportAllocs()
	seq := int64(0)
	for b.Loop() {
		seq++
		c.Seal(Stream, webhook.ID{1}, Place{7, seq})
	}
}

func BenchmarkOpen(b *testing.B) {
	c := codec(b, 1)
	s := c.Seal(Stream, webhook.ID{1}, Place{7, 8})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Open(Stream, webhook.ID{1}, s); err != nil {
			b.Fatal(err)
		}
	}
}
