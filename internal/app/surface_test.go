package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// With a certificate the server speaks TLS 1.2 and later, HTTP/2 and WebSocket, and no plain HTTP.
func TestTLS(t *testing.T) {
	borrowed := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer borrowed.Close()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	private, err := x509.MarshalPKCS8PrivateKey(borrowed.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: borrowed.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := boot(t, t.TempDir(), "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(p.url, "https://") {
		t.Fatalf("serves on %s", p.url)
	}
	roots := x509.NewCertPool()
	roots.AddCert(borrowed.Certificate())
	client := func(most uint16) *http.Client {
		return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: most}, ForceAttemptHTTP2: true,
		}}
	}
	res, err := client(tls.VersionTLS13).Get(p.url + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %d %v", res.Proto, res.StatusCode, res.Header)
	}
	if _, err := client(tls.VersionTLS11).Get(p.url + "/livez"); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	plain, err := http.Get("http" + strings.TrimPrefix(p.url, "https") + "/livez")
	if err == nil {
		plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP is answered %d", plain.StatusCode)
		}
	}
	conn, _, err := websocket.Dial(t.Context(), p.url+"/graphql", &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: client(tls.VersionTLS13),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	var ack struct{ Type string }
	if err := wsjson.Write(t.Context(), conn, map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + p.token}}); err != nil {
		t.Fatal(err)
	}
	if err := wsjson.Read(t.Context(), conn, &ack); err != nil || ack.Type != "connection_ack" {
		t.Errorf("%+v, %v", ack, err)
	}
}

// Settings of the command line reach the surfaces: introspection off, and origins for HTTP and WebSocket.
func TestSurfaceSettings(t *testing.T) {
	p := boot(t, t.TempDir(), "--disable-introspection", "--allowed-origins", "https://app.example.com")
	post := func(query, origin string) (string, *http.Response) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/graphql", strings.NewReader(`{"query":"`+query+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+p.token)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), res
	}
	if body, _ := post("{__schema{types{name}}}", ""); !strings.Contains(body, "introspection is disabled on this server") || strings.Contains(body, "Webhook") {
		t.Errorf("introspection: %s", body)
	}
	for origin, allowed := range map[string]bool{"https://app.example.com": true, "https://evil.example": false} {
		body, res := post("{viewer{__typename}}", origin)
		if got := res.Header.Get("Access-Control-Allow-Origin"); (got == origin) != allowed || !strings.Contains(body, "Viewer") {
			t.Errorf("%s: %q, %s", origin, got, body)
		}
		conn, answer, err := websocket.Dial(t.Context(), p.url+"/graphql", &websocket.DialOptions{
			Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}},
		})
		if (err == nil) != allowed || err != nil && answer.StatusCode != http.StatusForbidden {
			t.Errorf("WebSocket from %s: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
}

// Behind a trusted proxy each client's guesses count for itself; without one, X-Forwarded-For, which anybody can send, changes
// nothing.
func TestTrustedProxy(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		args := []string{}
		if trusted {
			args = append(args, "--trusted-proxy", "127.0.0.0/8")
		}
		p := boot(t, t.TempDir(), args...)
		guesses := 0
		guess := func(client string) int { // a new token each time: a repeated one counts once
			guesses++
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/v1/webhooks", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", fmt.Sprintf("Bearer hg_guess%d", guesses))
			req.Header.Set("X-Forwarded-For", client)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			return res.StatusCode
		}
		told := false
		for range 100 {
			if told = guess("198.51.100.1") == http.StatusTooManyRequests; told {
				break
			}
		}
		if !told {
			t.Fatalf("trusted %v: 100 guesses are not told to wait", trusted)
		}
		want := http.StatusTooManyRequests
		if trusted {
			want = http.StatusUnauthorized
		}
		if got := guess("198.51.100.2"); got != want {
			t.Errorf("trusted %v: another client's guess is answered %d, want %d", trusted, got, want)
		}
	}
}

// The size of headers is limited, before authentication.
func TestHeaderLimit(t *testing.T) {
	p := boot(t, t.TempDir())
	for size, want := range map[int]int{16 << 10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Filler", strings.Repeat("x", size))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d bytes of headers are answered %d, want %d", size, res.StatusCode, want)
		}
	}
}
