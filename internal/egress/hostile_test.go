package egress

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const (
	deadline = 300 * time.Millisecond
	grace    = 700 * time.Millisecond // for a busy machine, with the race detector
	maxCost  = 10 << 20               // bytes allocated by both sides, and bytes that the receiver could send
)

// raw is a receiver below HTTP: serve may do anything with one connection until stop is closed.
type raw struct {
	addr    string
	written atomic.Int64
	stop    chan struct{}
	tls     *httptest.Server // has the certificate if the receiver speaks TLS
}

func newRaw(t testing.TB, protocols []string, serve func(c net.Conn, in *bufio.Reader, stop <-chan struct{})) *raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{addr: l.Addr().String(), stop: make(chan struct{})}
	if protocols != nil {
		r.tls = receiver(t, false, func(http.ResponseWriter, *http.Request) {})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[tcp] = true
			mu.Unlock()
			wg.Go(func() {
				defer tcp.Close()
				var c net.Conn = &counting{tcp.(*net.TCPConn), &r.written}
				if protocols != nil {
					c = tls.Server(c, &tls.Config{Certificates: r.tls.TLS.Certificates, NextProtos: protocols})
				}
				serve(c, bufio.NewReader(c), r.stop)
			})
		}
	})
	t.Cleanup(func() {
		close(r.stop)
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return r
}

type counting struct {
	*net.TCPConn

	n *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func (r *raw) request(t testing.TB) (*Client, *Request) {
	t.Helper()
	if r.tls == nil {
		return client(t, Config{AllowPrivate: true}), &Request{URL: parse(t, "http://"+r.addr+"/"), Body: []byte(`{"a":1}`)}
	}
	return client(t, private(r.tls)), &Request{URL: parse(t, "https://"+r.addr+"/"), Body: []byte(`{"a":1}`)}
}

// skipRequest reads one request from in.
func skipRequest(in *bufio.Reader) {
	if r, err := http.ReadRequest(in); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// forever writes chunk repeatedly, with pauses, until the other side is gone.
func forever(c net.Conn, chunk string, pause time.Duration, stop <-chan struct{}) {
	for {
		if _, err := io.WriteString(c, chunk); err != nil {
			return
		}
		if pause > 0 {
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
		}
	}
}

func reset(c net.Conn) { _ = c.(*counting).SetLinger(0) }

// measured makes one request and fails the test if it takes too long or costs too much.
//
// Only a receiver that should exceed the deadline gets a short one, so that a busy machine does not make others exceed it.
func measured(t *testing.T, c *Client, req *Request, expected Code) Result {
	t.Helper()
	deadline := patience(expected)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	res := c.Do(within(t, deadline), req)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if took > deadline+grace {
		t.Errorf("took %s", took)
	}
	if cost := after.TotalAlloc - before.TotalAlloc; cost > maxCost {
		t.Errorf("allocated %d KiB", cost>>10)
	}
	if len(res.Body) > MaxBodyBytes || cap(res.Body) > 2*MaxBodyBytes {
		t.Errorf("body of %d bytes, capacity %d", len(res.Body), cap(res.Body))
	}
	return res
}

func patience(expected Code) time.Duration {
	switch expected {
	case Timeout:
		return deadline
	case TooSlow:
		return 3 * deadline // the headers must arrive within it
	}
	return 10 * time.Second
}

const head = "HTTP/1.1 200 OK\r\n"

// Chunks that hostile receivers send repeatedly.
var (
	megabyte = strings.Repeat("a", 1<<20)
	block    = strings.Repeat("x", 16<<10)
	chunk    = "4000\r\n" + block + "\r\n"
)

// hostileReceivers are hostile receivers, and the expected end of an attempt.
var hostileReceivers = map[string]struct {
	serve   func(c net.Conn, in *bufio.Reader, stop <-chan struct{})
	code    Code
	message string
	status  int
}{
	"endless body, length given": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		forever(c, head+"Content-Length: 9000000000000\r\n\r\n"+block, 0, stop)
	}, OK, "", 200},
	"endless body, chunked": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
		forever(c, chunk, 0, stop)
	}, OK, "", 200},
	"endless body, until close": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		forever(c, head+"\r\n"+block, 0, stop)
	}, OK, "", 200},
	"endless chunk extension": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n1;")
		forever(c, block, 0, stop)
	}, OK, "within the answer's body", 200},
	"tiny chunks, long extensions": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
		forever(c, "1;"+block[:1000]+"\r\nx\r\n", 0, stop)
	}, OK, "not valid HTTP", 200},
	"endless trailers": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n0\r\n")
		forever(c, "X-A: b\r\n", 0, stop)
	}, OK, "not valid HTTP", 200},
	"dripping body": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Content-Length: 1000\r\n\r\n")
		forever(c, "x", 20*time.Millisecond, stop)
	}, TooSlow, "did not end in time", 200},
	"dripping headers": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"X: ")
		forever(c, "x", 20*time.Millisecond, stop)
	}, Timeout, "answer", 0},
	"one header of 1 MiB": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"X: "+megabyte+"\r\n\r\n")
	}, Protocol, "32 KiB", 0},
	"1 MiB of headers": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head)
		forever(c, "A: b\r\n", 0, stop)
	}, Protocol, "32 KiB", 0},
	"endless status line": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		forever(c, block, 0, stop)
	}, Protocol, "", 0},
	"endless 1xx": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		forever(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0, stop)
	}, Protocol, "32 KiB", 0},
	"slow endless 1xx": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		forever(c, "HTTP/1.1 100 Continue\r\n\r\n", 20*time.Millisecond, stop)
	}, Timeout, "answer", 0},
	"silence": {func(_ net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		<-stop
	}, Timeout, "did not answer in time", 0},
	"never reads": {func(_ net.Conn, _ *bufio.Reader, stop <-chan struct{}) { <-stop }, Timeout, "answer", 0},
	"half-closed": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_ = c.(*counting).CloseWrite()
		<-stop
	}, Protocol, "closed the connection before it answered", 0},
	"reset at the first byte": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		_, _ = in.Peek(1)
		reset(c)
	}, Protocol, "before it answered", 0},
	"closed after a request": {func(_ net.Conn, in *bufio.Reader, _ <-chan struct{}) { skipRequest(in) }, Protocol, "closed the connection", 0},
	"reset within headers": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"X: y")
		reset(c)
	}, Protocol, "before it answered", 0},
	"closed within headers": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"X: y")
	}, Protocol, "closed the connection", 0},
	"reset within the body": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Content-Length: 100\r\n\r\nhalf")
		select {
		case <-stop:
		case <-time.After(50 * time.Millisecond): // the client has read the headers: a reset discards what it has not
		}
		reset(c)
	}, OK, "within the answer's body", 200},
	"closed within the body": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Content-Length: 100\r\n\r\nhalf")
	}, OK, "within the answer's body", 200},
	"not HTTP": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
	}, Protocol, "HTTP status line", 0},
	"two lengths": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, head+"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx")
	}, Protocol, "", 0},
	"switching protocols": {func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
		forever(c, block, 0, stop)
	}, Protocol, "status", 0},
	"status 000": {func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, "HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n")
	}, Protocol, "status", 0},
}

// Whatever a receiver does, an attempt ends by its deadline, costs little, and says what happened.
func TestHostileReceivers(t *testing.T) {
	for name, tt := range hostileReceivers {
		t.Run(name, func(t *testing.T) {
			r := newRaw(t, nil, tt.serve)
			c, req := r.request(t)
			res := measured(t, c, req, tt.code)
			if res.Code != tt.code || res.StatusCode != tt.status || !strings.Contains(res.Message, tt.message) {
				t.Errorf("%q %q %d, want %q %q %d", res.Code, res.Message, res.StatusCode, tt.code, tt.message, tt.status)
			}
			if strings.Contains(name, "endless body") && (!res.Truncated || len(res.Body) != MaxBodyBytes) {
				t.Errorf("truncated %t at %d bytes", res.Truncated, len(res.Body))
			}
			if strings.Contains(name, "within the body") && (string(res.Body) != "half" || !res.Truncated) {
				t.Errorf("body %q, truncated %t", res.Body, res.Truncated)
			}
			if strings.ContainsAny(res.Message, "[]") || strings.Contains(res.Message, "127.0.0.1") {
				t.Errorf("the message shows an address: %s", res.Message)
			}
			// A receiver can send only what fits into the kernel's buffers and the client's.
			if n := r.written.Load(); n > maxCost {
				t.Errorf("the receiver got rid of %d KiB", n>>10)
			}
		})
	}
}

// A response that arrives before its request may be taken for that request's or be dropped, but never be taken for a later one's.
func TestAnswerWithoutARequest(t *testing.T) {
	log.SetOutput(io.Discard) // the transport logs the noise
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	r := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		for {
			_, _ = io.WriteString(c, strings.Repeat(head+"Content-Length: 2\r\n\r\nhi", 2))
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
		}
	})
	c, req := r.request(t)
	for range 5 {
		res := measured(t, c, req, OK)
		if res.Reused || res.Code != OK && res.Code != Protocol {
			t.Errorf("%q %q, reused %t", res.Code, res.Message, res.Reused)
		}
	}
}

// A large body that the receiver does not read must not evade the deadline.
func TestReceiverThatDoesNotReadALargeBody(t *testing.T) {
	r := newRaw(t, nil, func(_ net.Conn, _ *bufio.Reader, stop <-chan struct{}) { <-stop })
	c, req := r.request(t)
	req.Body = make([]byte, 32<<20)
	if res := measured(t, c, req, Timeout); res.Code != Timeout {
		t.Errorf("%q %q", res.Code, res.Message)
	}
}

// The same over HTTP/2, as far as a normal server can do it.
func TestHostileHTTP2Receivers(t *testing.T) {
	block := make([]byte, 16<<10)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 1 << 10 {
		_, _ = z.Write(block)
	}
	z.Close()
	for name, tt := range map[string]struct {
		serve  http.HandlerFunc
		code   Code
		status int
	}{
		"endless body": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, OK, 200},
		"dripping body": {func(w http.ResponseWriter, r *http.Request) {
			for {
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}, TooSlow, 200},
		"1 MiB of headers": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 1 << 10 {
				w.Header().Set(fmt.Sprintf("X-%d", i), string(bytes.Repeat([]byte("a"), 1000)))
			}
		}, Protocol, 0},
		"endless 1xx": {func(w http.ResponseWriter, r *http.Request) {
			for range 3000 { // net/http's server allocates for each one that it queues
				w.WriteHeader(http.StatusEarlyHints)
			}
			<-r.Context().Done()
		}, Protocol, 0},
		"silence": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Timeout, 0},
		"abort":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Protocol, 0},
		"gzip bomb of 16 MiB": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, OK, 200},
	} {
		for version, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
			t.Run(name+" "+version, func(t *testing.T) {
				s := receiver(t, h2, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					tt.serve(w, r)
				})
				res := measured(t, client(t, private(s)), &Request{URL: parse(t, s.URL), Body: []byte("{}")}, tt.code)
				if res.Code != tt.code || res.StatusCode != tt.status {
					t.Errorf("%q %q %d, want %q %d", res.Code, res.Message, res.StatusCode, tt.code, tt.status)
				}
				if strings.HasPrefix(name, "gzip") && (res.Truncated || !bytes.Equal(res.Body, bomb.Bytes())) {
					t.Errorf("%d bytes of %d, truncated %t", len(res.Body), bomb.Len(), res.Truncated)
				}
			})
		}
	}
}

// The same with hand-made frames, which no normal server sends.
func TestHostileFrames(t *testing.T) {
	for name, tt := range map[string]struct {
		serve func(f *http2.Framer, stream uint32) error // called until it fails
		code  Code
	}{
		"endless CONTINUATION": {func(f *http2.Framer, stream uint32) error {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: field("x", "y")})
			for {
				if err := f.WriteContinuation(stream, false, bytes.Repeat(field("x", "y"), 100)); err != nil {
					return err
				}
			}
		}, Protocol},
		"PING flood":     {func(f *http2.Framer, _ uint32) error { return f.WritePing(false, [8]byte{}) }, Timeout},
		"SETTINGS flood": {func(f *http2.Framer, _ uint32) error { return f.WriteSettings() }, Timeout},
		"empty DATA flood": {func(f *http2.Framer, stream uint32) error {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: field(":status", "200"), EndHeaders: true})
			for {
				if err := f.WriteData(stream, false, nil); err != nil {
					return err
				}
			}
		}, TooSlow},
		"more DATA than the window": {func(f *http2.Framer, stream uint32) error {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: field(":status", "200"), EndHeaders: true})
			for {
				if err := f.WriteData(stream, false, make([]byte, 16<<10)); err != nil {
					return err
				}
			}
		}, Protocol},
		"status of nonsense": {func(f *http2.Framer, stream uint32) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: field(":status", "20000"), EndHeaders: true})
		}, Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRaw(t, []string{"h2"}, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
				frames(c, in, nil, func(f *http2.Framer, stream uint32) {
					for tt.serve(f, stream) == nil {
					}
				})
			})
			c, req := r.request(t)
			start := time.Now()
			res := c.Do(within(t, patience(tt.code)), req)
			if took := time.Since(start); took > patience(tt.code)+grace {
				t.Errorf("took %s", took)
			}
			truncated := name == "more DATA than the window" && res.Truncated
			if res.Code != tt.code && !truncated {
				t.Errorf("%q %q %d, want %q", res.Code, res.Message, res.StatusCode, tt.code)
			}
		})
	}
}

// The client's offered windows limit what a receiver may send ahead of reading, and what it may push.
func TestHTTP2Settings(t *testing.T) {
	settings := make(chan map[http2.SettingID]uint32, 1)
	window := make(chan uint32, 1)
	r := newRaw(t, []string{"h2"}, func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
		_, _ = in.Discard(len(http2.ClientPreface))
		f := http2.NewFramer(c, in)
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				values := map[http2.SettingID]uint32{}
				_ = frame.ForeachSetting(func(s http2.Setting) error { values[s.ID] = s.Val; return nil })
				settings <- values
			case *http2.WindowUpdateFrame:
				window <- frame.Increment
				<-stop
				return
			}
		}
	})
	c, req := r.request(t)
	_ = c.Do(within(t, deadline), req)
	got := <-settings
	for id, want := range map[http2.SettingID]uint32{
		http2.SettingInitialWindowSize: MaxBodyBytes, http2.SettingMaxFrameSize: 16 << 10,
		http2.SettingMaxHeaderListSize: MaxHeaderBytes + 320, http2.SettingEnablePush: 0,
	} {
		if v, ok := got[id]; !ok || v != want {
			t.Errorf("%s is %d, want %d", id, v, want)
		}
	}
	if n := <-window; n > 1<<20 {
		t.Errorf("connection window of %d bytes", n)
	}
}

func field(name, value string) []byte {
	var b bytes.Buffer
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: name, Value: value})
	return b.Bytes()
}

// frames is an HTTP/2 server that reads whole requests and leaves the response to respond.
func frames(c net.Conn, in *bufio.Reader, posts *atomic.Int64, respond func(f *http2.Framer, stream uint32)) {
	if _, err := in.Discard(len(http2.ClientPreface)); err != nil {
		return
	}
	f := http2.NewFramer(c, in)
	if f.WriteSettings() != nil {
		return
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			if posts != nil {
				posts.Add(1)
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				respond(f, frame.StreamID)
			}
		}
	}
}

// A receiver that accepts and then stays silent cannot hold an attempt in the handshake, and the dial ends soon after the attempt.
func TestTLSStall(t *testing.T) {
	gone := make(chan struct{})
	r := newRaw(t, nil, func(_ net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		_, _ = io.Copy(io.Discard, in)
		close(gone)
	})
	c := client(t, Config{AllowPrivate: true})
	res := measured(t, c, &Request{URL: parse(t, "https://"+r.addr+"/")}, Timeout)
	if res.Code != Timeout || !strings.Contains(res.Message, "TLS handshake") || res.Timings.TLS < deadline/2 || res.Timings.FirstByte != 0 {
		t.Errorf("%q %q %+v", res.Code, res.Message, res.Timings)
	}
	select {
	case <-gone:
	case <-time.After(2 * time.Second):
		t.Error("the connection is still open")
	}
}

// If a request hangs before it is connected, the result says where.
func TestBeforeTheConnection(t *testing.T) {
	ca := newCanary(t)
	closed := webhooktest.Refusing(t)
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	// Go's resolver reads for 5 s after a lookup was abandoned, so the test closes its connections.
	asked := make(chan net.Conn, 100)
	mute := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "udp", silent.LocalAddr().String())
		if err == nil {
			asked <- c
		}
		return c, err
	}}
	t.Cleanup(func() {
		for len(asked) > 0 {
			(<-asked).Close()
		}
	})
	for name, tt := range map[string]struct {
		cfg     Config
		url     string
		code    Code
		message string
	}{
		"refused":     {Config{AllowPrivate: true}, "http://" + closed, Connect, "refused"},
		"unknown":     {Config{Resolver: newDNS(t, func(string, int) []any { return nil }).resolver()}, "https://x.example/", DNS, ""},
		"mute DNS":    {Config{Resolver: mute}, "https://x.example/", Timeout, "host name"},
		"late DNS":    {Config{Resolver: mute, DialTimeout: 50 * time.Millisecond}, "https://x.example/", Timeout, "host name"},
		"TLS to none": {Config{AllowPrivate: true}, fmt.Sprintf("https://127.0.0.1:%d/", ca.port), TLS, "during the TLS handshake"},
	} {
		res := measured(t, client(t, tt.cfg), &Request{URL: parse(t, tt.url)}, tt.code)
		if res.Code != tt.code || !strings.Contains(res.Message, tt.message) || strings.Contains(res.Message, "127.") {
			t.Errorf("%s: %q %q, want %q %q", name, res.Code, res.Message, tt.code, tt.message)
		}
		if res.Timings.Total <= 0 || tt.code == DNS && res.Timings.DNS <= 0 {
			t.Errorf("%s: %+v", name, res.Timings)
		}
	}
}

// An unreachable first address costs a quarter of a second, not the attempt.
func TestNextAddressIsTried(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	u := parse(t, s.URL)
	u.Host = "receiver.test:" + u.Port()
	c := client(t, Config{AllowPrivate: true, Resolver: answers{{netip.MustParseAddr("127.0.0.3"), netip.MustParseAddr("127.0.0.1")}}})
	if res := c.Do(within(t, 20*time.Second), &Request{URL: u}); res.Code != OK {
		t.Errorf("%q %q", res.Code, res.Message)
	}
}

// A receiver with more addresses of one family than are tried is reached at its other one, as when IPv6 is broken on the way (RFC 8305,
// section 4).
func TestBothFamiliesAreTried(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	u := parse(t, s.URL)
	u.Host = "receiver.test:" + u.Port()
	six := slices.Repeat([]netip.Addr{netip.IPv6Loopback()}, 2*maxDials) // where nobody listens
	c := client(t, Config{AllowPrivate: true, Resolver: answers{append(six, netip.MustParseAddr("127.0.0.1"))}})
	if res := c.Do(within(t, 20*time.Second), &Request{URL: u}); res.Code != OK {
		t.Errorf("%q %q", res.Code, res.Message)
	}
}
