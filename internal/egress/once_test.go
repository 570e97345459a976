package egress

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// Do sends a request at most once, also when a connection that was used before breaks, and also with the header that
// makes net/http take a POST for repeatable.
func TestNothingIsSentTwice(t *testing.T) {
	for name, body := range map[string][]byte{"body": []byte(`{"a":1}`), "no body": nil} {
		t.Run("HTTP/1.1, "+name, func(t *testing.T) {
			var posts atomic.Int64
			r := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
				for i := 0; ; i++ {
					q, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, q.Body)
					posts.Add(1)
					if i == 1 {
						return // the second request on a connection gets no answer
					}
					_, _ = io.WriteString(c, head+"Content-Length: 0\r\n\r\n")
				}
			})
			c, req := r.request(t)
			req.Body = body
			req.Header = http.Header{"Idempotency-Key": {"1"}, "X-Idempotency-Key": {"1"}}
			first, second := c.Do(within(t, 5*time.Second), req), c.Do(within(t, 5*time.Second), req)
			if first.Code != OK || second.Code != Protocol || !second.Reused {
				t.Errorf("%+v\n%+v", first, second)
			}
			if n := posts.Load(); n != 2 {
				t.Errorf("two requests were sent %d times", n)
			}
		})
	}
	for name, refuse := range map[string]func(f *http2.Framer, stream uint32){
		"REFUSED_STREAM": func(f *http2.Framer, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeRefusedStream) },
		"PROTOCOL_ERROR": func(f *http2.Framer, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeProtocol) },
		"INTERNAL_ERROR": func(f *http2.Framer, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeInternal) },
		"GOAWAY":         func(f *http2.Framer, _ uint32) { _ = f.WriteGoAway(0, http2.ErrCodeNo, nil) },
	} {
		t.Run("HTTP/2, "+name, func(t *testing.T) {
			var posts atomic.Int64
			r := newRaw(t, []string{"h2"}, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
				frames(c, in, &posts, refuse)
			})
			c, req := r.request(t)
			req.Header = http.Header{"Idempotency-Key": {"1"}}
			res := c.Do(within(t, 2*time.Second), req)
			if res.Code != Protocol {
				t.Errorf("%q %q", res.Code, res.Message)
			}
			if n := posts.Load(); n != 1 {
				t.Errorf("one request was sent %d times", n)
			}
		})
	}
}

// A caller that gives up is told apart from a receiver that is slow.
func TestCanceled(t *testing.T) {
	asked := make(chan struct{})
	s := receiver(t, true, func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() })
	c := client(t, private(s))
	ctx, cancel := context.WithCancel(within(t, 5*time.Second))
	go func() { <-asked; cancel() }()
	if res := c.Do(ctx, &Request{URL: parse(t, s.URL)}); res.Code != Canceled {
		t.Errorf("%q %q", res.Code, res.Message)
	}
	c.Close()
	if res := c.Do(within(t, 5*time.Second), &Request{URL: parse(t, "https://127.0.0.1:1/")}); res.Code != Canceled {
		t.Errorf("after Close: %q %q", res.Code, res.Message)
	}
}

// A header that ValidateHeader would have refused is not sent, and not the receiver's fault.
func TestInvalidRequestHeader(t *testing.T) {
	c := client(t, Config{AllowPrivate: true})
	res := c.Do(within(t, time.Second), &Request{URL: parse(t, "http://127.0.0.1:1/"), Header: http.Header{"A": {"x\r\ny"}}})
	if res.Code != Protocol || res.Message != "the request's headers are not valid HTTP" {
		t.Errorf("%q %q", res.Code, res.Message)
	}
}
