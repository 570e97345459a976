package intake

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
)

func holder(tenant, token byte) Holder {
	return Holder{Tenant: [16]byte{tenant}, Token: [16]byte{token}}
}

// A token has its share, and so has a tenant, however many tokens it creates; the rest is left to others.
func TestShares(t *testing.T) {
	p := NewPool(Limits{Total: 10, Tenant: 5, Token: 3})
	full := func(h Holder, n int64) string {
		err := p.Take(h, n)
		if err == nil {
			return "taken"
		}
		e, ok := errors.AsType[*Full](err)
		if !ok {
			t.Fatal(err)
		}
		return e.Of
	}
	for _, c := range []struct {
		tenant, token byte
		n             int64
		want          string
	}{
		{1, 1, 3, "taken"},
		{1, 1, 1, "token"},
		{1, 2, 3, "tenant"},
		{1, 2, 2, "taken"},
		{1, 3, 1, "tenant"},
		{2, 4, 3, "taken"},
		{0, 5, 3, ""}, // an operator token belongs to no tenant
		{0, 5, 2, "taken"},
		{3, 6, 1, ""},
	} {
		if got := full(holder(c.tenant, c.token), c.n); got != c.want {
			t.Errorf("token %d of tenant %d takes %d: %q, want %q", c.token, c.tenant, c.n, got, c.want)
		}
	}
	p.Give(holder(1, 1), 3)
	if got := full(holder(3, 6), 3); got != "taken" {
		t.Errorf("what was given back: %q", got)
	}
}

// After any holders have returned what they took, the total is available, and no holder is remembered.
func TestPoolIsWholeAgain(t *testing.T) {
	p := NewPool(Limits{Total: 100, Tenant: 40, Token: 20})
	type taken struct {
		who Holder
		n   int64
	}
	var held []taken
	for range 10_000 {
		who, n := holder(byte(rand.IntN(5)), byte(rand.IntN(20))), rand.Int64N(15)
		if p.Take(who, n) == nil {
			held = append(held, taken{who, n})
		}
		if len(held) > 0 && rand.IntN(2) == 0 {
			i := rand.IntN(len(held))
			p.Give(held[i].who, held[i].n)
			held = append(held[:i], held[i+1:]...)
		}
	}
	for _, h := range held {
		p.Give(h.who, h.n)
	}
	if p.used != 0 || len(p.tenants) != 0 || len(p.tokens) != 0 {
		t.Errorf("%d are used, by %d tenants and %d tokens", p.used, len(p.tenants), len(p.tokens))
	}
}

// A body is read as it was sent, whatever its size and pieces, and holds its memory until it is released.
func TestBodiesReadAll(t *testing.T) {
	b := NewBodies(16<<20, 1<<20)
	for _, size := range []int{0, 1, firstPiece - 1, firstPiece, firstPiece + 1, nextPiece, firstPiece + nextPiece, 200_000, 1 << 20} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		for name, src := range map[string]io.Reader{
			"at once":       bytes.NewReader(want),
			"in halves":     iotest.HalfReader(bytes.NewReader(want)),
			"end with data": iotest.DataErrReader(bytes.NewReader(want)),
		} {
			for _, announced := range []int64{-1, int64(size)} {
				body, err := b.read(src, holder(1, 1), 1<<20, announced, func(int) {})
				if err != nil {
					t.Fatalf("%d bytes %s: %v", size, name, err)
				}
				if got := body.Bytes; announced < 0 && !bytes.Equal(got, want) || int64(len(got)) != b.Held() {
					t.Errorf("%d bytes %s: %d came, %d held", size, name, len(got), b.Held())
				}
				body.Release()
				body.Release()
				if b.Held() != 0 {
					t.Fatalf("%d are held after the release", b.Held())
				}
				src = bytes.NewReader(nil) // in the second round less arrives than announced
			}
		}
	}
}

// Ten thousand bodies that fail at any byte, in any way, leave nothing held.
func TestBodiesAreWholeAgain(t *testing.T) {
	const limit = 100_000
	b := NewBodies(1<<20, limit)
	for i := range 10_000 {
		size := rand.IntN(2 * limit)
		src := io.LimitReader(zeros{}, int64(size))
		switch i % 4 {
		case 0:
			src = io.MultiReader(src, iotest.ErrReader(io.ErrUnexpectedEOF))
		case 1:
			src = io.MultiReader(src, panics{})
		}
		func() {
			defer func() { _ = recover() }()
			r := httptest.NewRequest("POST", "/", src)
			r.ContentLength = rand.Int64N(2*limit) - 1
			body, err := b.ReadRequest(httptest.NewRecorder(), r, holder(1, byte(i)), limit)
			if err != nil && body != nil {
				t.Error("an error has a body")
			}
			if err == nil && int64(len(body.Bytes)) != b.Held() {
				t.Errorf("%d held for %d bytes", b.Held(), len(body.Bytes))
			}
			body.Release()
		}()
		if b.Held() != 0 {
			t.Fatalf("%d are held after body %d of %d bytes", b.Held(), i, size)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("of a reader") }

// Memory is taken as bytes arrive: Content-Length takes none.
func TestNothingIsHeldForAnAnnouncement(t *testing.T) {
	b := NewBodies(1<<30, 64<<20)
	for came := 1; came < 1<<20; came *= 3 {
		reads := make(chan int64, 1)
		src := io.MultiReader(strings.NewReader(strings.Repeat("x", came)), then(func() { reads <- b.Held() }))
		body, err := b.read(src, holder(1, 1), 64<<20, 64<<20, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		if held := <-reads; held > int64(came+firstPiece+nextPiece) {
			t.Errorf("%d are held when %d have come", held, came)
		}
		body.Release()
	}
}

type then func()

func (f then) Read([]byte) (int, error) { f(); return 0, io.EOF }

// The addresses of an IPv6 /64 are one source, and mapped IPv4 addresses are IPv4.
func TestSource(t *testing.T) {
	for a, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8:1:2:3::4": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := Source(netip.MustParseAddr(a)); got.String() != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
	if Source(netip.Addr{}).IsValid() {
		t.Error("no address is one")
	}
}
