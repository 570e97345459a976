package egress

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// BenchmarkDo measures the hot path: 1 KiB to a receiver on loopback over an open connection. ns/op includes the receiver's work;
// allocs/op of "minimal" only the client's.
func BenchmarkDo(b *testing.B) {
	header := http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Hookgraph"}, "Webhook-Id": {"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"},
		"Webhook-Timestamp": {"1674087231"}, "Webhook-Signature": {"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
	}
	payload := bytes.Repeat([]byte("x"), 1024)
	run := func(b *testing.B, c *Client, url string) {
		req := &Request{URL: parse(b, url), Header: header, Body: payload}
		ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			if res := c.Do(ctx, req); res.Code != OK {
				b.Fatal(res.Code, res.Message)
			}
		}
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"ok":true}`)
	}
	b.Run("minimal", func(b *testing.B) {
		r := newRaw(b, nil, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
			answer := []byte(head + "Content-Length: 11\r\nContent-Type: application/json\r\n\r\n{\"ok\":true}")
			for {
				for { // the header, then the body of a known length
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						break
					}
				}
				if _, err := in.Discard(len(payload)); err != nil {
					return
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		})
		c, _ := r.request(b)
		run(b, c, "http://"+r.addr+"/hook")
	})
	for name, h2 := range map[string]bool{"HTTPS-1.1": false, "HTTPS-2": true} {
		b.Run(name, func(b *testing.B) {
			s := receiver(b, h2, handler)
			run(b, client(b, private(s)), s.URL+"/hook")
		})
	}
}
