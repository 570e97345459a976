package gqlhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hookgraph/hookgraph/internal/gqlhttp/internal/testschema"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1")) // it never ends
}

const goodToken = "good-token"

type callerKey struct{}

// authenticate accepts goodToken, and puts the tenant into the context.
func authenticate(r *http.Request, token, tenant string) (context.Context, error) {
	if token != goodToken {
		return nil, errors.New("no such token")
	}
	return context.WithValue(r.Context(), callerKey{}, tenant), nil
}

// server is a Handler behind a real HTTP server.
type server struct {
	*httptest.Server
	handler *Handler
	schema  *testschema.Schema
	log     *syncBuffer
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newServer(t *testing.T, cfg Config) *server {
	t.Helper()
	s := &server{schema: testschema.New(), log: &syncBuffer{}}
	s.schema.Cursor = SetCursor
	if cfg.Authenticate == nil {
		cfg.Authenticate = authenticate
	}
	cfg.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	s.handler = New(s.schema, cfg)
	s.Server = httptest.NewUnstartedServer(s.handler)
	s.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		_ = conn.(*net.TCPConn).SetWriteBuffer(8 << 10) // so that a client that does not read is noticed soon
		return ctx
	}
	s.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.handler.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		s.Close()
	})
	return s
}

// request builds a POST with a client's usual headers; header overrides them, and "" removes one.
func (s *server) request(t *testing.T, method, url, body string, header map[string]string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+goodToken)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header.Set(k, v)
		if v == "" {
			req.Header.Del(k)
		}
	}
	return req
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *server) do(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (s *server) post(t *testing.T, body string, header map[string]string) answer {
	t.Helper()
	return s.do(t, s.request(t, http.MethodPost, "/", body, header))
}

// query posts a document with variables (JSON, or "").
func (s *server) query(t *testing.T, document, variables string) answer {
	t.Helper()
	if variables == "" {
		variables = "null"
	}
	doc, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return s.post(t, `{"query":`+string(doc)+`,"variables":`+variables+`}`, nil)
}

// code returns the code of the first error.
func (a answer) code(t *testing.T) string {
	t.Helper()
	var body struct {
		Errors []struct {
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	if len(body.Errors) == 0 {
		return ""
	}
	return body.Errors[0].Extensions.Code
}

// open counts the streams being served.
func (h *Handler) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}

func discard(log *syncBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(log, nil)) }
