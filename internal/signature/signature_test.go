package signature

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

var (
	now     = time.Date(2026, 4, 23, 14, 0, 0, 0, time.UTC)
	message = webhook.NewID(now)
)

const plain = `{"type":"humanization.completed","data":{"name":"K\u00f6ln \"é\" a\/b","score":1.50,"lines":"a\r\nb"}}`

// secretOf returns a secret and its key.
func secretOf(t *testing.T, scheme webhook.Scheme) (*webhook.Secret, *Key) {
	t.Helper()
	s := webhook.NewSecret(webhook.ID{1}, webhook.ID{2}, scheme, now)
	k, err := ParseKey(s.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return s, k
}

// request returns the request that is sent.
func request(body string, at time.Time, secrets ...*webhook.Secret) *Received {
	h := http.Header{}
	h.Set(HeaderID, message.String())
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, string(webhook.AppendSignature(nil, secrets, message, at, []byte(body))))
	return &Received{Header: h, Body: []byte(body), At: at.Add(time.Second)}
}

// codes are those of the causes, joined.
func (report *Report) codes() string {
	var all []string
	for _, c := range report.Causes {
		all = append(all, string(c.Code))
	}
	return strings.Join(all, " ")
}

// What is right is found right, by the secret, the private and the public key, also beside other signatures.
func TestValid(t *testing.T) {
	for _, scheme := range []webhook.Scheme{webhook.SchemeHMAC, webhook.SchemeEd25519} {
		s, k := secretOf(t, scheme)
		other, otherKey := secretOf(t, scheme)
		keys := []*Key{k}
		if scheme == webhook.SchemeEd25519 {
			public, err := ParseKey(s.PublicKey())
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, public)
		}
		for _, key := range keys {
			for _, body := range []string{plain, "", "\x00\xff"} {
				r := request(body, now, other, s)
				if report := Explain(r, []*Key{key}, nil); !report.Valid || report.Scheme != key.scheme() || len(report.Causes) > 0 || report.Signed != message.String()+".1776952800." {
					t.Errorf("%s: %+v", scheme, report)
				}
				if report := Explain(r, []*Key{otherKey, key}, &Sent{r.Header, r.Body}); !report.Valid {
					t.Errorf("%s, with what was sent: %+v", scheme, report)
				}
			}
		}
	}
}

// accidents are what happens to bodies between a sender and the code that verifies.
var accidents = map[string]struct {
	code string
	make func(body string) string
}{
	"a line end is added":     {"BODY_WHITESPACE", func(b string) string { return b + "\n" }},
	"compressed":              {"BODY_COMPRESSED", squeezed},
	"base64":                  {"BODY_BASE64", func(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }},
	"a string of JSON":        {"BODY_QUOTED", func(b string) string { text, _ := json.Marshal(b); return string(text) }},
	"a byte order mark":       {"BODY_BYTE_ORDER_MARK", func(b string) string { return "\uFEFF" + b }},
	"UTF-8 taken for Latin-1": {"BODY_CHARSET", func(b string) string { return latin1(b) }},
	"printed with indentation": {"BODY_REPRINTED", func(b string) string {
		var out bytes.Buffer
		_ = json.Indent(&out, []byte(b), "", "  ")
		return out.String()
	}},
	"printed as Python does it": {"BODY_REPRINTED", func(b string) string { return strings.NewReplacer(`,"`, `, "`, `":`, `": `, "é", `\u00e9`).Replace(b) }},
	"not read":                  {"BODY_EMPTY", func(string) string { return "" }},
}

func squeezed(b string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(b))
	_ = w.Close()
	return out.String()
}

// latin1 encodes each byte as a character of its own.
func latin1(b string) string {
	var out strings.Builder
	for i := range len(b) {
		out.WriteRune(rune(b[i]))
	}
	return out.String()
}

// Each accident is recognized by the signature alone, and by comparison with what was sent, and the first byte that differs is told.
func TestAccidents(t *testing.T) {
	s, k := secretOf(t, webhook.SchemeHMAC)
	const sent = `{"name":"Köln é","score":1.50,"of":["a","b"]}`
	for name, a := range accidents {
		r := request(sent, now, s)
		r.Body = []byte(a.make(sent))
		for how, report := range map[string]*Report{
			"signature": Explain(r, []*Key{k}, nil), "comparison": Explain(r, nil, &Sent{r.Header, []byte(sent)}), "both": Explain(r, []*Key{k}, &Sent{r.Header, []byte(sent)}),
		} {
			if report.Valid || report.codes() != a.code {
				t.Errorf("%s, by %s: %+v, want %s", name, how, report, a.code)
				continue
			}
			if at := report.Causes[0].Differs; a.code != "BODY_EMPTY" && (at == nil || *at != difference(r.Body, []byte(sent))) {
				t.Errorf("%s, by %s: the first byte that differs is %v", name, how, at)
			}
		}
	}
}

// What can only be seen beside what was sent.
func TestComparison(t *testing.T) {
	s, k := secretOf(t, webhook.SchemeHMAC)
	for name, tc := range map[string]struct{ sent, got, code string }{
		"numbers and order":     {`{"b":1.50,"a":[1]}`, `{"a":[1],"b":1.5}`, "BODY_REPRINTED"},
		"cut off":               {`{"b":1.50}`, `{"b":1.`, "BODY_TRUNCATED"},
		"something else":        {`{"b":1.50}`, `{"b":2.50}`, "BODY_CHANGED"},
		"line ends":             {"a\nb\n", "a\r\nb\r\n", "BODY_LINE_ENDS"},
		"line ends, the others": {"a\r\nb\r\n", "a\nb\n", "BODY_LINE_ENDS"},
	} {
		r := request(tc.sent, now, s)
		r.Body = []byte(tc.got)
		if report := Explain(r, []*Key{k}, &Sent{r.Header, []byte(tc.sent)}); report.codes() != tc.code || *report.Causes[0].Differs != difference([]byte(tc.sent), r.Body) {
			t.Errorf("%s: %+v", name, report)
		}
	}
	r := request(plain, now, s)
	sent := &Sent{r.Header.Clone(), r.Body}
	r.Header.Set(HeaderID, "other")
	if report := Explain(r, []*Key{k}, sent); report.Valid || !strings.HasPrefix(report.codes(), "HEADER_CHANGED") {
		t.Errorf("another id: %+v", report)
	}
}

// What is wrong with headers, keys and clocks.
func TestHeadersKeysAndClocks(t *testing.T) {
	s, k := secretOf(t, webhook.SchemeHMAC)
	_, other := secretOf(t, webhook.SchemeHMAC)
	_, asymmetric := secretOf(t, webhook.SchemeEd25519)
	for name, tc := range map[string]struct {
		key  *Key
		make func(r *Received)
		code string
	}{
		"no header":           {k, func(r *Received) { r.Header.Del(HeaderTimestamp) }, "MISSING_HEADER"},
		"no headers":          {k, func(r *Received) { r.Header = nil }, "MISSING_HEADER MISSING_HEADER MISSING_HEADER"},
		"twice":               {k, func(r *Received) { r.Header.Add(HeaderID, "again") }, "REPEATED_HEADER"},
		"not a signature":     {k, func(r *Received) { r.Header.Set(HeaderSignature, "sha256=00") }, "SIGNATURE SCHEME"},
		"beside a right one":  {k, func(r *Received) { r.Header.Set(HeaderSignature, r.Header.Get(HeaderSignature)+" v1,%") }, ""},
		"half a signature":    {k, func(r *Received) { r.Header.Set(HeaderSignature, r.Header.Get(HeaderSignature)[:12]+"%") }, "SIGNATURE SCHEME"},
		"a scheme of its own": {asymmetric, func(*Received) {}, "SCHEME"},
		"another secret":      {other, func(*Received) {}, "SECRET"},
		"late":                {k, func(r *Received) { r.At = r.At.Add(time.Hour) }, "CLOCK"},
		"early":               {k, func(r *Received) { r.At = r.At.Add(-time.Hour) }, "CLOCK"},
		"just in time":        {k, func(r *Received) { r.At = now.Add(Tolerance) }, ""},
		"milliseconds":        {k, func(r *Received) { r.Header.Set(HeaderTimestamp, "1776952800000") }, "SECRET CLOCK"},
		"a date":              {k, func(r *Received) { r.Header.Set(HeaderTimestamp, "today") }, "TIMESTAMP SECRET"},
	} {
		r := request(plain, now, s)
		tc.make(r)
		if report := Explain(r, []*Key{tc.key}, nil); report.codes() != tc.code || report.Valid != (tc.code == "") {
			t.Errorf("%s: %+v, want %s", name, report, tc.code)
		}
	}
	r := request(plain, now, s)
	r.Header.Del(HeaderID)
	r.Header["HTTP_WEBHOOK_ID"] = []string{message.String()}
	if report := Explain(r, []*Key{k}, nil); !strings.Contains(report.Causes[0].Advice, "HTTP_WEBHOOK_ID") {
		t.Errorf("%+v", report)
	}
}

// The mistakes of verifying code are recognized by what it computes.
func TestMistakes(t *testing.T) {
	s, k := secretOf(t, webhook.SchemeHMAC)
	r := request(plain, now, s)
	stamp := r.Header.Get(HeaderTimestamp)
	content := message.String() + "." + stamp + "." + plain
	sum := func(h func() hash.Hash, key, content string) []byte {
		m := hmac.New(h, []byte(key))
		m.Write([]byte(content))
		return m.Sum(nil)
	}
	b64 := base64.StdEncoding.EncodeToString
	key := string(s.Key)
	for computed, want := range map[string]string{
		b64(sum(sha256.New, key, content)):                               "compares it in a wrong way",
		"v1," + b64(sum(sha256.New, key, content)):                       "compares it in a wrong way",
		b64(sum(sha256.New, s.Reveal(), content)):                        "the whole text of the secret",
		b64(sum(sha256.New, s.Reveal()[6:], content)):                    "not decoded",
		b64(sum(sha256.New, hex.EncodeToString(s.Key), content)):         "the hexadecimal text of the secret",
		b64(sum(sha256.New, "", content)):                                "its key is empty",
		b64(sum(sha256.New, key, plain)):                                 "the body alone",
		b64(sum(sha256.New, key, stamp+"."+plain)):                       "no ID",
		b64(sum(sha256.New, key, message.String()+"."+plain)):            "no timestamp",
		b64(sum(sha256.New, key, message.String()+stamp+plain)):          "without dots",
		b64(sum(sha256.New, key, stamp+"."+message.String()+"."+plain)):  "before the ID",
		b64(sum(sha256.New, key, message.String()+"."+stamp+".")):        "an empty body",
		b64(sum(sha256.New, key, message.String()+"."+stamp)):            "no body",
		b64(sum(sha256.New, key, content+"\n")):                          "white space",
		b64(sum(sha1.New, key, content)):                                 "SHA-1",
		hex.EncodeToString(sum(sha256.New, key, content)):                "hexadecimal digits",
		base64.RawURLEncoding.EncodeToString(sum(sha256.New, "", plain)): "base64 for URLs, without padding",
		b64([]byte("something else, which nobody can explain")):          "of something else",
	} {
		r.Computed = computed
		report := Explain(r, []*Key{k}, nil)
		if report.Valid || len(report.Causes) != 1 || !strings.Contains(report.Causes[0].Summary, want) {
			t.Errorf("%s: %+v", want, report)
		}
	}
}

// Nothing of a key is in an error, and what is no key is refused.
func TestParseKey(t *testing.T) {
	for _, text := range []string{"", "whsec_", "whsec_%", "whsk_QUFB", "whpk_" + base64.StdEncoding.EncodeToString(make([]byte, ed25519.PrivateKeySize)), "QUJD", "other_QUJD"} {
		_, secret, _ := strings.Cut(text, "_")
		if k, err := ParseKey(text); err == nil || k != nil || secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever is given, nothing panics, and only what a key has signed is valid.
func FuzzExplain(f *testing.F) {
	s := webhook.NewSecret(webhook.ID{1}, webhook.ID{2}, webhook.SchemeHMAC, now)
	k, err := ParseKey(s.Reveal())
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range accidents {
		f.Add([]byte(a.make(plain)), "v1,QUJD v1a,QUJD", "1776952800", "QUJD")
	}
	f.Add([]byte(`"\ud83d\ude00 \u`), "v1,", "-1", "")
	f.Fuzz(func(t *testing.T, body []byte, signature, stamp, computed string) {
		h := http.Header{}
		h.Set(HeaderID, message.String())
		h.Set(HeaderTimestamp, stamp)
		h.Set(HeaderSignature, signature)
		for _, sent := range []*Sent{nil, {h, []byte(plain)}} {
			if Explain(&Received{Header: h, Body: body, At: now, Computed: computed}, []*Key{k}, sent).Valid {
				t.Error("it is valid")
			}
		}
	})
}

// However long a body is, and however many signatures a header has, the work is bounded; what was not tried is said.
func TestWorkIsBounded(t *testing.T) {
	s, k := secretOf(t, webhook.SchemeHMAC)
	asymmetric, public := secretOf(t, webhook.SchemeEd25519)
	body := `"` + strings.Repeat("a", 1<<18) + `"`
	for _, bound := range []int{1, 1 << 18, 1 << 20, 1 << 22} {
		r := request(body, now, s, asymmetric)
		r.Header.Set(HeaderSignature, strings.Repeat("v1a,"+strings.Repeat("A", 86)+"== ", 1000)+r.Header.Get(HeaderSignature))
		w := &work{left: bound, bounded: true}
		is := (&Report{}).headers(r.Header)
		if len(is.signatures["v1a"]) > maxSignatures {
			t.Error(len(is.signatures["v1a"]))
		}
		is.by([]*Key{k, public}, is.content(r.Body), w)
		r.Computed = "AAAA"
		if _, known := is.mistakes(r, []*Key{k, public}, w); known || !w.over || w.left < 0 {
			t.Errorf("with %d: %v %+v", bound, known, w)
		}
	}
	r := request(body, now, s)
	r.Computed, r.MaxHashed = "AAAA", 1<<20
	if report := Explain(r, []*Key{k}, nil); report.codes() != "COMPUTATION" || !strings.Contains(report.Causes[0].Summary, "too long") {
		t.Errorf("%+v", report)
	}
	r.Header.Set(HeaderSignature, strings.Repeat("x ", 10_000))
	if report := Explain(r, []*Key{k}, nil); len(report.Causes) > maxStrange+2 {
		t.Errorf("%d causes", len(report.Causes))
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 1<<22))
	_ = z.Close()
	for v := range variants(bomb.Bytes(), 1<<20) {
		if len(v.body) > 1<<20 {
			t.Errorf("%s: %d bytes", v.summary, len(v.body))
		}
	}
}

// BenchmarkWorst is what one answer of a server costs at most.
func BenchmarkWorst(b *testing.B) {
	var keys []*Key
	for range 5 {
		k, err := ParseKey(webhook.NewSecret(webhook.ID{1}, webhook.ID{2}, webhook.SchemeHMAC, now).Reveal())
		if err != nil {
			b.Fatal(err)
		}
		keys = append(keys, k)
	}
	r := request(`"`+strings.Repeat("a", 1<<20-2)+`"`, now, webhook.NewSecret(webhook.ID{1}, webhook.ID{2}, webhook.SchemeHMAC, now))
	r.Computed, r.MaxHashed, r.MaxPlain = "AAAA", 64<<20, 1<<20
	for b.Loop() {
		Explain(r, keys, &Sent{r.Header, r.Body})
	}
}
