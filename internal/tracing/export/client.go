package export

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hookgraph/hookgraph/internal/config"
)

// client sends batches of spans to the collector, as otlptrace.Client. It tells the log what it could not send, and nobody else: spans are not
// worth a failure.
type client struct {
	log     *slog.Logger
	http    *http.Client
	url     string
	shown   string // url without a query, which may be a key
	header  http.Header
	gzip    bool
	timeout time.Duration
	ended   context.Context // ends requests
	end     context.CancelFunc

	sent, failed atomic.Int64 // spans
}

const (
	maxAnswer   = 64 << 10
	firstRepeat = 500 * time.Millisecond
)

func newClient(s *config.Tracing, o Options) (*client, error) {
	ways, err := transport(s)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/x-protobuf"}, "User-Agent": {"hookgraph/" + o.Version}}
	if s.Gzip {
		header.Set("Content-Encoding", "gzip")
	}
	maps.Copy(header, s.Header)
	shown := *s.Endpoint
	shown.RawQuery = ""
	c := &client{log: o.Logger, url: s.Endpoint.String(), shown: shown.String(), header: header, gzip: s.Gzip, timeout: s.Timeout}
	c.http = &http.Client{Transport: ways, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.ended, c.end = context.WithCancel(context.Background())
	return c, nil
}

// Start implements otlptrace.Client.
func (*client) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. What the collector may accept later is sent again, within the time limit. It never fails: the library
// would write errors to the standard error of the process.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer context.AfterFunc(c.ended, cancel)() //nolint:contextcheck // Close ends what is being sent
	n := 0
	for _, r := range spans {
		for _, s := range r.ScopeSpans {
			n += len(s.Spans)
		}
	}
	if err := c.upload(ctx, spans); err == nil {
		c.sent.Add(int64(n))
	} else {
		c.failed.Add(int64(n))
		c.log.Warn("traces cannot be sent; spans are lost", slog.String("to", c.shown), slog.Int("spans", n), slog.Any("error", err))
	}
	return nil
}

func (c *client) upload(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans}) // on the wire the same as a collector's ExportTraceServiceRequest
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if c.gzip {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(body)
		_ = w.Close() // a buffer does not fail
		body = b.Bytes()
	}
	for wait := firstRepeat; ; wait *= 2 {
		again, after, err := c.post(ctx, body)
		if err == nil || !again {
			return err
		}
		timer := time.NewTimer(max(wait, after))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// post sends a batch once. again says that the collector may accept it later, after the given time.
func (c *client) post(ctx context.Context, body []byte) (again bool, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	req.Header = c.header.Clone()
	res, err := c.http.Do(req)
	if err != nil {
		if why, ok := errors.AsType[*url.Error](err); ok {
			err = why.Err // without the URL, whose query may be a key
		}
		return true, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // so that the connection can be used again
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return false, 0, nil
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, time.Duration(min(max(seconds, 0), 3600)) * time.Second, fmt.Errorf("the collector answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
}

// transport reads the certificates that requests to the collector need.
func transport(s *config.Tracing) (*http.Transport, error) {
	secured := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.Certificate != "" {
		text, err := os.ReadFile(s.Certificate)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		secured.RootCAs = x509.NewCertPool()
		if !secured.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s has no certificate in PEM", s.Certificate)
		}
	}
	if s.ClientCertificate != "" {
		pair, err := tls.LoadX509KeyPair(s.ClientCertificate, s.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		secured.Certificates = []tls.Certificate{pair}
	}
	return &http.Transport{TLSClientConfig: secured, TLSHandshakeTimeout: s.Timeout, IdleConnTimeout: time.Minute, MaxConnsPerHost: 2, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true}, nil
}
