package egress

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	var der []byte
	der, a.key = sign(t, template, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// sign returns a certificate for template signed by a, or self-signed if a is nil.
func sign(t testing.TB, template *x509.Certificate, a *authority) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, by := template, key
	if a != nil {
		parent, by = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// certificate returns a certificate for hook.example signed by a, or self-signed if a is nil.
func certificate(t testing.TB, a *authority, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"hook.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(template)
	}
	der, key := sign(t, template, a)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// end is one possible end of an exchange, with its code and message.
type end struct {
	serve   func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) // nil: answers 204
	code    Code
	status  int
	message string // a part of the message
}

func answer(text string) func(net.Conn, *bufio.Reader, <-chan struct{}) {
	return func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, text)
	}
}

func thenWait(text string) func(net.Conn, *bufio.Reader, <-chan struct{}) {
	return func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		answer(text)(c, in, stop)
		<-stop
	}
}

// hardClose resets a connection, also below TLS.
func hardClose(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	reset(c)
	_ = c.Close()
}

// frame answers a request over HTTP/2 with frames.
func frame(respond func(f *http2.Framer, c net.Conn, stream uint32)) func(net.Conn, *bufio.Reader, <-chan struct{}) {
	return func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		frames(c, in, nil, func(f *http2.Framer, stream uint32) { respond(f, c, stream) })
	}
}

func status200(f *http2.Framer, stream uint32) {
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: field(":status", "200"), EndHeaders: true})
}

// sentence matches a valid message: what happened and what to do, without a full stop, an address or a Go error.
var sentence = regexp.MustCompile(`^(the|there|this) [^\n]+[^.\n]$`)

func (e *end) check(t *testing.T, res *Result) {
	t.Helper()
	if res.Code != e.code || res.StatusCode != e.status || !strings.Contains(res.Message, e.message) {
		t.Errorf("%q %d %q, want %q %d %q", res.Code, res.StatusCode, res.Message, e.code, e.status, e.message)
	}
	if res.Message != "" && (!sentence.MatchString(res.Message) || strings.Contains(res.Message, "127.0.0.") || strings.Contains(res.Message, "tls:") ||
		strings.Contains(res.Message, "http:") || strings.Contains(res.Message, "EOF")) {
		t.Errorf("no sentence: %q", res.Message)
	}
	if !res.Code.Ours() && res.Code != OK && !strings.Contains(res.Message, ";") {
		t.Errorf("nothing is said of what to do: %q", res.Message)
	}
}

func patient(e *end) time.Duration {
	if e.code == Timeout || e.code == TooSlow {
		return 2 * deadline
	}
	return 20 * time.Second
}

// endsOfHTTP1 are what receivers do over HTTP/1.1.
var endsOfHTTP1 = map[string]end{
	"204":                        {answer("HTTP/1.1 204 No Content\r\n\r\n"), OK, 204, ""},
	"500":                        {answer("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), OK, 500, ""},
	"status 999":                 {answer("HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"), OK, 999, ""},
	"HTTP/1.0":                   {answer("HTTP/1.0 200 OK\r\n\r\nhi"), OK, 200, ""},
	"closed at once":             {func(net.Conn, *bufio.Reader, <-chan struct{}) {}, Protocol, 0, "before it answered"},
	"closed after the request":   {answer(""), Protocol, 0, "closed the connection before it answered"},
	"reset before the request":   {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) { _, _ = in.Peek(1); hardClose(c) }, Protocol, 0, "before it answered"},
	"reset after the request":    {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) { skipRequest(in); hardClose(c) }, Protocol, 0, "before it answered"},
	"closed in the status line":  {answer("HTTP/1.1 2"), Protocol, 0, ""},
	"closed in the headers":      {answer("HTTP/1.1 200 OK\r\nA: b\r\n"), Protocol, 0, "closed the connection before it answered"},
	"no status line":             {answer("hello\r\n\r\n"), Protocol, 0, "HTTP status line"},
	"status without a number":    {answer("HTTP/1.1 OK\r\n\r\n"), Protocol, 0, "HTTP status line"},
	"HTTP/3.0":                   {answer("HTTP/x.y 200 OK\r\n\r\n"), Protocol, 0, "HTTP"},
	"bytes of zero":              {answer(strings.Repeat("\x00", 100) + "\r\n"), Protocol, 0, "HTTP status line"},
	"TLS":                        {answer("\x15\x03\x03\x00\x02\x02\x28"), Protocol, 0, "TLS"},
	"a header without a colon":   {answer("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), Protocol, 0, "headers"},
	"a negative length":          {answer("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Protocol, 0, "headers"},
	"two lengths":                {answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Protocol, 0, "headers"},
	"an unknown coding":          {answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nab"), Protocol, 0, "headers"},
	"headers of 1 MiB":           {answer("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 1<<20) + "\r\n\r\n"), Protocol, 0, "32 KiB"},
	"101":                        {answer("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), Protocol, 0, "status"},
	"status 000":                 {answer("HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n"), Protocol, 0, "status"},
	"1xx without end":            {answer(strings.Repeat("HTTP/1.1 103 Early Hints\r\nA: "+strings.Repeat("a", 100)+"\r\n\r\n", 2000)), Protocol, 0, ""},
	"silence":                    {thenWait(""), Timeout, 0, "did not answer in time"},
	"half a status line":         {thenWait("HTTP/1.1 20"), Timeout, 0, "did not answer in time"},
	"half the headers":           {thenWait("HTTP/1.1 200 OK\r\nA: b\r\n"), Timeout, 0, "did not answer in time"},
	"half a body, then silence":  {thenWait("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), TooSlow, 200, "did not end in time"},
	"half a chunk, then silence": {thenWait("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), TooSlow, 200, "did not end in time"},
	"half a body of 200":         {answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), OK, 200, "within the answer's body"},
	"half a body of 500":         {answer("HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\nhalf"), OK, 500, "within the answer's body"},
	"half a chunk":               {answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), OK, 200, "within the answer's body"},
	"a chunk of nonsense":        {answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), OK, 200, "not valid HTTP"},
	"bad trailers":               {answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n\r\n"), OK, 200, "not valid HTTP"},
	"a body of 204":              {answer("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi"), OK, 204, ""},
}

// endsOfHTTP2 are what receivers do over HTTP/2.
var endsOfHTTP2 = map[string]end{
	"closed": {frame(func(_ *http2.Framer, c net.Conn, _ uint32) { _ = c.Close() }), Protocol, 0, "before it answered"},
	"reset":  {frame(func(_ *http2.Framer, c net.Conn, _ uint32) { hardClose(c) }), Protocol, 0, "before it answered"},
	"GOAWAY": {frame(func(f *http2.Framer, _ net.Conn, _ uint32) { _ = f.WriteGoAway(0, http2.ErrCodeNo, nil) }), Protocol, 0, "refused the request"},
	"GOAWAY with an error": {frame(func(f *http2.Framer, c net.Conn, s uint32) {
		_ = f.WriteGoAway(s, http2.ErrCodeInternal, nil)
		_ = c.Close()
	}), Protocol, 0, ""},
	"REFUSED_STREAM": {frame(func(f *http2.Framer, _ net.Conn, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeRefusedStream) }), Protocol, 0, "refused the request"},
	"INTERNAL_ERROR": {frame(func(f *http2.Framer, _ net.Conn, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeInternal) }), Protocol, 0, "HTTP/2 stream"},
	"PROTOCOL_ERROR": {frame(func(f *http2.Framer, _ net.Conn, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeProtocol) }), Protocol, 0, "HTTP/2 stream"},
	"CANCEL":         {frame(func(f *http2.Framer, _ net.Conn, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeCancel) }), Protocol, 0, "HTTP/2 stream"},
	"HTTP_1_1_REQUIRED": {frame(func(f *http2.Framer, _ net.Conn, s uint32) {
		_ = f.WriteRSTStream(s, http2.ErrCodeHTTP11Required)
	}), Protocol, 0, ""},
	"no frames": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		answer("HTTP/1.1 200 OK\r\n\r\n")(c, in, stop)
	}, Protocol, 0, ""},
	"a wrong frame": {frame(func(f *http2.Framer, _ net.Conn, s uint32) {
		_ = f.WriteRawFrame(http2.FrameHeaders, 0xff, s, []byte{1})
	}), Protocol, 0, ""},
	"data first": {frame(func(f *http2.Framer, _ net.Conn, s uint32) { _ = f.WriteData(s, true, []byte("x")) }), Protocol, 0, ""},
	"no status": {frame(func(f *http2.Framer, _ net.Conn, s uint32) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: s, BlockFragment: field("a", "b"), EndHeaders: true, EndStream: true})
	}), Protocol, 0, "HTTP"},
	"silence":  {frame(func(*http2.Framer, net.Conn, uint32) {}), Timeout, 0, "did not answer in time"},
	"settings": {func(_ net.Conn, _ *bufio.Reader, stop <-chan struct{}) { <-stop }, Timeout, 0, "did not answer in time"},
	"half a body of 200": {frame(func(f *http2.Framer, _ net.Conn, s uint32) {
		status200(f, s)
		_ = f.WriteData(s, false, []byte("half"))
		_ = f.WriteRSTStream(s, http2.ErrCodeInternal)
	}), OK, 200, "within the answer's body"},
	"half a body of 200, closed": {frame(func(f *http2.Framer, c net.Conn, s uint32) {
		status200(f, s)
		_ = f.WriteData(s, false, []byte("half"))
		_ = c.Close()
	}), OK, 200, "within the answer's body"},
	"half a body, then silence": {frame(func(f *http2.Framer, _ net.Conn, s uint32) { status200(f, s) }), TooSlow, 200, "did not end in time"},
}

// Every end of an exchange after the connection has one code and says what to do: over plain TCP and TLS 1.2 and 1.3, with HTTP/1.1
// and HTTP/2. The first complete status line decides; errors after it are only noted.
func TestEveryEnd(t *testing.T) {
	ca := newAuthority(t)
	hook := certificate(t, ca, nil)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	for name, secure := range map[string]*tls.Config{
		"plain":   nil,
		"TLS 1.2": {MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{hook}},
		"TLS 1.3": {MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{hook}},
	} {
		versions := map[string]map[string]end{"http/1.1": endsOfHTTP1}
		if secure != nil {
			versions["h2"] = endsOfHTTP2
		}
		for protocol, ends := range versions {
			for what, e := range ends {
				t.Run(name+", "+protocol+", "+what, func(t *testing.T) {
					t.Parallel()
					cfg := secure.Clone()
					if cfg != nil {
						cfg.NextProtos = []string{protocol}
					}
					r := newRaw(t, nil, func(c net.Conn, _ *bufio.Reader, stop <-chan struct{}) {
						if cfg != nil {
							session := tls.Server(c, cfg)
							if session.Handshake() != nil {
								return
							}
							c = session
						}
						e.serve(c, bufio.NewReader(c), stop)
						if _, ok := c.(*tls.Conn); ok {
							_ = c.Close() // with close_notify
						}
					})
					u := "http://" + r.addr + "/"
					if cfg != nil {
						u = "https://hook.example" + r.addr[strings.LastIndex(r.addr, ":"):] + "/"
					}
					c := client(t, Config{AllowPrivate: true, RootCAs: pool, Resolver: answers{{netip.MustParseAddr("127.0.0.1")}}})
					res := c.Do(within(t, patient(&e)), &Request{URL: parse(t, u), Body: []byte(`{"a":1}`)})
					if strings.HasPrefix(what, "half a") && res.StatusCode != 0 && !res.Truncated {
						t.Error("nothing says that the body is not whole")
					}
					e.check(t, &res)
				})
			}
		}
	}
}

// Every failure of TLS has the code TLS and says what to do, whether it occurs in the handshake or, as for a client certificate in
// TLS 1.3, after it.
func TestEveryEndOfTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	hook := certificate(t, ca, nil)
	with := func(cert tls.Certificate, change func(*tls.Config)) *tls.Config {
		c := &tls.Config{Certificates: []tls.Certificate{cert}}
		if change != nil {
			change(c)
		}
		return c
	}
	for what, e := range map[string]struct {
		cfg     *tls.Config
		code    Code
		message string
	}{
		"good":          {with(hook, nil), OK, ""},
		"expired":       {with(certificate(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), nil), TLS, "expired; renew"},
		"not yet valid": {with(certificate(t, ca, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), nil), TLS, "not valid yet"},
		"another host":  {with(certificate(t, ca, func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} }), nil), TLS, "another host name"},
		"no host":       {with(certificate(t, ca, func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "hook.example" }), nil), TLS, "another host name"},
		"self-signed":   {with(certificate(t, nil, nil), nil), TLS, "unknown authority"},
		"unknown CA":    {with(certificate(t, other, nil), nil), TLS, "unknown authority"},
		"for clients": {with(certificate(t, ca, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), nil), TLS, "not valid for a server"},
		"client certificate wanted": {with(hook, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), TLS, "client certificate"},
		"client certificate checked": {with(hook, func(c *tls.Config) {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool
		}), TLS, "client certificate"},
		"client certificate welcome": {with(hook, func(c *tls.Config) { c.ClientAuth = tls.VerifyClientCertIfGiven }), OK, ""},
		"no such name": {with(hook, func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, fmt.Errorf("no such name") }
		}), TLS, "alert"},
	} {
		for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
			for _, protocol := range []string{"http/1.1", "h2"} {
				t.Run(what+", "+name+", "+protocol, func(t *testing.T) {
					cfg := e.cfg.Clone()
					cfg.MinVersion, cfg.MaxVersion, cfg.NextProtos = version, version, []string{protocol}
					l, err := net.Listen("tcp", "127.0.0.1:0")
					if err != nil {
						t.Fatal(err)
					}
					s := &http.Server{
						TLSConfig: cfg, ErrorLog: quiet, ReadHeaderTimeout: time.Minute,
						Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
					}
					served := make(chan struct{})
					go func() { defer close(served); _ = s.ServeTLS(l, "", "") }()
					t.Cleanup(func() { _ = s.Close(); <-served })
					c := client(t, Config{AllowPrivate: true, RootCAs: pool, Resolver: answers{{netip.MustParseAddr("127.0.0.1")}}})
					u := "https://hook.example" + l.Addr().String()[strings.LastIndex(l.Addr().String(), ":"):] + "/"
					want := end{code: e.code, message: e.message}
					if e.code == OK {
						want.status = http.StatusNoContent
					}
					// A body larger than the buffers is still being written when the receiver closes.
					for _, body := range [][]byte{[]byte(`{"a":1}`), make([]byte, 4<<20)} {
						res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, u), Body: body})
						want.check(t, &res)
					}
				})
			}
		}
	}
}

// Bytes instead of a handshake, or its end, are an error that says so, with the alert's meaning if there is one.
func TestEveryEndOfHandshakes(t *testing.T) {
	raw := map[string]end{
		"plain http": {answer("HTTP/1.1 400 Bad Request\r\n\r\n"), TLS, 0, "does not speak TLS on this port"},
		"SMTP": {func(c net.Conn, _ *bufio.Reader, _ <-chan struct{}) {
			_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
		}, TLS, 0, "does not speak TLS on this port"},
		"closed": {func(_ net.Conn, in *bufio.Reader, _ <-chan struct{}) {
			_, _ = in.Peek(1)
			_, _ = in.Discard(in.Buffered())
		}, TLS, 0, "closed the connection during the TLS handshake"},
		"reset":   {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) { _, _ = in.Peek(1); hardClose(c) }, TLS, 0, "closed the connection during the TLS handshake"},
		"silence": {func(_ net.Conn, _ *bufio.Reader, stop <-chan struct{}) { <-stop }, Timeout, 0, "TLS handshake did not end in time"},
		"nonsense in a hello": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
			_, _ = in.Peek(1)
			_, _ = io.WriteString(c, "\x16\x03\x03\x00\x04\x02\x00\x00\x00")
		}, TLS, 0, ""},
	}
	for alert, message := range map[byte]string{
		10: "unexpected message", 20: "bad record MAC", 21: "", 22: "", 30: "", 40: "handshake failure", 42: "bad certificate", 43: "", 44: "", 45: "",
		46: "unknown certificate", 47: "", 48: "unknown certificate authority", 49: "access denied", 50: "", 51: "", 60: "", 70: "protocol version",
		71: "insufficient security level", 80: "internal error", 86: "", 90: "", 100: "", 109: "", 110: "", 112: "unrecognized name", 113: "", 114: "",
		115: "", 116: "client certificate", 120: "no application protocol", 200: "of an unknown kind",
	} {
		raw[fmt.Sprint("alert ", alert)] = end{func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
			_, _ = in.Peek(1)
			_, _ = in.Discard(in.Buffered())
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, alert})
		}, TLS, 0, strings.ReplaceAll(message, "bad record MAC", "")}
	}
	for what, e := range raw {
		t.Run(what, func(t *testing.T) {
			r := newRaw(t, nil, e.serve)
			c := client(t, Config{AllowPrivate: true})
			res := c.Do(within(t, patient(&e)), &Request{URL: parse(t, "https://"+r.addr+"/"), Body: []byte(`{"a":1}`)})
			e.check(t, &res)
		})
	}
}

// Every failure before the connection is established has one code and says what to do.
func TestEveryEndBeforeTheConnection(t *testing.T) {
	closed := webhooktest.Refusing(t)
	loopback := answers{{netip.MustParseAddr("127.0.0.1")}}
	two := answers{{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.3")}}
	failing := func(err *net.DNSError) resolverFunc {
		return func(context.Context, string, string) ([]netip.Addr, error) { return nil, err }
	}
	slow := resolverFunc(func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, &net.DNSError{Err: ctx.Err().Error(), IsTimeout: true}
	})
	full := fullBacklog(t)
	for what, e := range map[string]struct {
		cfg  Config
		url  string
		want end
	}{
		"refused":                  {Config{AllowPrivate: true}, "http://" + closed, end{nil, Connect, 0, "refused the connection"}},
		"refused by both":          {Config{AllowPrivate: true, Resolver: two}, "http://a.example" + closed[strings.LastIndex(closed, ":"):], end{nil, Connect, 0, "refused the connection"}},
		"no connection":            {Config{AllowPrivate: true}, "http://" + full, end{nil, Timeout, 0, "connection to the receiver was not made in time"}},
		"no connection, own limit": {Config{AllowPrivate: true, DialTimeout: deadline / 2}, "http://" + full, end{nil, Timeout, 0, "connection to the receiver was not made in time"}},
		"NXDOMAIN":                 {Config{Resolver: failing(&net.DNSError{Err: "no such host", IsNotFound: true})}, "https://a.example/", end{nil, DNS, 0, "does not exist"}},
		"SERVFAIL":                 {Config{Resolver: failing(&net.DNSError{Err: "server misbehaving", IsTemporary: true})}, "https://a.example/", end{nil, DNS, 0, "answer with an error"}},
		"DNS time-out":             {Config{Resolver: failing(&net.DNSError{Err: "i/o timeout", IsTimeout: true})}, "https://a.example/", end{nil, Timeout, 0, "lookup of the host name"}},
		"DNS until the deadline":   {Config{Resolver: slow}, "https://a.example/", end{nil, Timeout, 0, "lookup of the host name"}},
		"DNS until the dial's end": {Config{Resolver: slow, DialTimeout: deadline / 2}, "https://a.example/", end{nil, Timeout, 0, "lookup of the host name"}},
		"no address":               {Config{Resolver: answers{{}}}, "https://a.example/", end{nil, DNS, 0, "no address"}},
		"blocked name":             {Config{Resolver: loopback}, "https://a.example/", end{nil, BlockedAddress, 0, "resolves to an address"}},
		"blocked address":          {Config{}, "https://127.0.0.1/", end{nil, BlockedAddress, 0, "an address that this server does not send to"}},
		"blocked port":             {Config{}, "https://8.8.8.8:22/", end{nil, BlockedAddress, 0, "port"}},
		"blocked scheme":           {Config{}, "http://8.8.8.8/", end{nil, BlockedAddress, 0, "https"}},
	} {
		t.Run(what, func(t *testing.T) {
			res := client(t, e.cfg).Do(within(t, patient(&e.want)), &Request{URL: parse(t, e.url), Body: []byte(`{"a":1}`)})
			e.want.check(t, &res)
		})
	}
}

type resolverFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return f(ctx, network, host)
}
