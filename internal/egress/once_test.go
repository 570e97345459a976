package egress

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Do sends a request at most once, even if a reused connection breaks, and even with the header that makes net/http repeat a POST.
// Only a request that the receiver certainly did not process is sent again, a few times.
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
						return // the second request on a connection gets no response
					}
					_, _ = io.WriteString(c, head+"Content-Length: 0\r\n\r\n")
				}
			})
			c, req := r.request(t)
			req.Body = body
			req.Header = http.Header{"Idempotency-Key": {"1"}, "X-Idempotency-Key": {"1"}}
			first, second := c.Do(within(t, 20*time.Second), req), c.Do(within(t, 20*time.Second), req)
			if first.Code != OK || second.Code != Protocol || !second.Reused {
				t.Errorf("%+v\n%+v", first, second)
			}
			if n := posts.Load(); n != 2 {
				t.Errorf("two requests were sent %d times", n)
			}
		})
	}
	for name, c := range map[string]struct {
		sent   int64
		refuse func(f *http2.Framer, stream uint32)
	}{
		"REFUSED_STREAM":   {1 + maxAgain, func(f *http2.Framer, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeRefusedStream) }},
		"PROTOCOL_ERROR":   {1, func(f *http2.Framer, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeProtocol) }},
		"INTERNAL_ERROR":   {1, func(f *http2.Framer, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeInternal) }},
		"GOAWAY before it": {1 + maxAgain, func(f *http2.Framer, _ uint32) { _ = f.WriteGoAway(0, http2.ErrCodeNo, nil) }},
	} {
		t.Run("HTTP/2, "+name, func(t *testing.T) {
			var posts atomic.Int64
			r := newRaw(t, []string{"h2"}, func(conn net.Conn, in *bufio.Reader, _ <-chan struct{}) {
				frames(conn, in, &posts, c.refuse)
			})
			client, req := r.request(t)
			req.Header = http.Header{"Idempotency-Key": {"1"}}
			res := client.Do(within(t, 20*time.Second), req)
			if res.Code != Protocol {
				t.Errorf("%q %q", res.Code, res.Message)
			}
			if n := posts.Load(); n != c.sent {
				t.Errorf("one request was sent %d times, want %d", n, c.sent)
			}
		})
	}
	t.Run("HTTP/2, GOAWAY after it", func(t *testing.T) {
		var posts atomic.Int64
		r := newRaw(t, []string{"h2"}, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
			frames(c, in, &posts, func(f *http2.Framer, s uint32) {
				_ = f.WriteGoAway(s, http2.ErrCodeNo, []byte("; REFUSED")) // it may have been processed
				_ = c.Close()
			})
		})
		c, req := r.request(t)
		if res := c.Do(within(t, 20*time.Second), req); res.Code != Protocol || posts.Load() != 1 {
			t.Errorf("%q %q, sent %d times", res.Code, res.Message, posts.Load())
		}
	})
}

// If a receiver closes its HTTP/2 connections in order while requests run, no attempt fails, and each request arrives once.
func TestGoAwayUnderLoad(t *testing.T) {
	var mu sync.Mutex
	processed := map[string]int{}
	process := func(id string) (closing bool) {
		mu.Lock()
		defer mu.Unlock()
		processed[id]++
		return len(processed)%10 == 0
	}
	s := receiver(t, true, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Error(r.Proto)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if process(r.Header.Get("Webhook-Id")) {
			w.Header().Set("Connection", "close") // net/http's server says GOAWAY
		}
		w.WriteHeader(http.StatusNoContent)
	})
	abrupt := newRaw(t, []string{"h2"}, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		last := uint32(0)
		requests(c, in, func(f *http2.Framer, id string, stream uint32) {
			if last != 0 && stream > last {
				return // like proxies: GOAWAY said that this one is not processed
			}
			if process(id) {
				last = stream
				_ = f.WriteGoAway(last, http2.ErrCodeNo, nil)
			}
			var block bytes.Buffer
			_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "204"})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
		})
	})
	abruptClient, abruptRequest := abrupt.request(t)
	for name, to := range map[string]struct {
		client *Client
		url    *url.URL
	}{"net/http": {client(t, private(s)), parse(t, s.URL)}, "abrupt": {abruptClient, abruptRequest.URL}} {
		t.Run(name, func(t *testing.T) {
			clear(processed)
			const workers, each = 8, 25
			var wg sync.WaitGroup
			for worker := range workers {
				wg.Go(func() {
					for i := range each {
						req := &Request{URL: to.url, Body: []byte("{}"), Header: http.Header{"Webhook-Id": {fmt.Sprint(worker, "-", i)}}}
						if res := to.client.Do(within(t, 20*time.Second), req); res.Code != OK || res.StatusCode != http.StatusNoContent {
							t.Errorf("%d: %q %q", res.StatusCode, res.Code, res.Message)
						}
					}
				})
			}
			wg.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(processed) != workers*each {
				t.Errorf("%d were processed", len(processed))
			}
			for id, n := range processed {
				if n != 1 {
					t.Errorf("%s was processed %d times", id, n)
				}
			}
		})
	}
}

// requests is an HTTP/2 server that calls respond for each complete request.
func requests(c net.Conn, in *bufio.Reader, respond func(f *http2.Framer, id string, stream uint32)) {
	if _, err := in.Discard(len(http2.ClientPreface)); err != nil {
		return
	}
	f := http2.NewFramer(c, in)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if f.WriteSettings() != nil {
		return
	}
	ids := map[uint32]string{}
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
		case *http2.MetaHeadersFrame:
			for _, field := range frame.Fields {
				if field.Name == "webhook-id" {
					ids[frame.StreamID] = field.Value
				}
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				respond(f, ids[frame.StreamID], frame.StreamID)
			}
		}
	}
}

// A canceled call is distinguished from a slow receiver.
func TestCanceled(t *testing.T) {
	asked := make(chan struct{})
	s := receiver(t, true, func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() })
	c := client(t, private(s))
	ctx, cancel := context.WithCancel(within(t, 20*time.Second))
	go func() { <-asked; cancel() }()
	if res := c.Do(ctx, &Request{URL: parse(t, s.URL)}); res.Code != Canceled {
		t.Errorf("%q %q", res.Code, res.Message)
	}
	c.Close()
	if res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, "https://127.0.0.1:1/")}); res.Code != Canceled {
		t.Errorf("after Close: %q %q", res.Code, res.Message)
	}
}

// A header that ValidateHeader would have refused is not sent, and is not reported as the receiver's fault.
func TestInvalidRequestHeader(t *testing.T) {
	c := client(t, Config{AllowPrivate: true})
	res := c.Do(within(t, time.Second), &Request{URL: parse(t, "http://127.0.0.1:1/"), Header: http.Header{"A": {"x\r\ny"}}})
	if res.Code != Protocol || !strings.HasPrefix(res.Message, "the request's headers are not valid HTTP") {
		t.Errorf("%q %q", res.Code, res.Message)
	}
}
