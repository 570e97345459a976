package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// forwarder is a CONNECT proxy that reports the addresses it was asked for.
func forwarder(t *testing.T) (addr string, asked <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	calls := make(chan string, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				user, password, _ := (&http.Request{Header: http.Header{"Authorization": req.Header["Proxy-Authorization"]}}).BasicAuth()
				calls <- fmt.Sprintf("%s %s as %s:%s", req.Method, req.RequestURI, user, password)
				target, err := net.Dial("tcp", req.RequestURI)
				if err != nil {
					return
				}
				defer target.Close()
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
				go func() { _, _ = io.Copy(conn, target); conn.Close() }()
				_, _ = io.Copy(target, in)
			}()
		}
	}()
	return l.Addr().String(), calls
}

// The operator's settings for targets apply: all attempts go through the forward proxy, and denied targets are refused on both
// surfaces.
func TestEgressSettings(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	proxy, asked := forwarder(t)
	p := boot(t, t.TempDir(), "--forward-proxy", "http://user:secret@"+proxy, "--deny-target", "127.0.0.3/32")
	c := &client{p.url, p.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, new(struct{}))
	c.publish(t, "a.b")
	receiver.Next(t)
	want := "CONNECT " + strings.TrimPrefix(receiver.URL, "http://") + " as user:secret"
	select {
	case got := <-asked:
		if got != want {
			t.Errorf("the proxy was asked %q, want %q", got, want)
		}
	default: // the proxy reports a request before the receiver gets it
		t.Error("the proxy was not asked")
	}

	var refused struct {
		Error struct{ Code, Field, Message string }
	}
	if status := c.rest(t, "POST", "/v1/webhooks", `{"url": "http://127.0.0.3/"}`, &refused); status != http.StatusUnprocessableEntity || refused.Error.Code != "NOT_ALLOWED" {
		t.Errorf("%d %+v", status, refused)
	}
	var answer struct {
		UserErrors []struct{ Message string }
	}
	c.mutate(t, createWebhook, map[string]any{"url": "http://127.0.0.3/"}, &answer)
	if len(answer.UserErrors) != 1 || answer.UserErrors[0].Message != refused.Error.Message {
		t.Errorf("%+v", answer)
	}
}

// A server whose webhooks may reach private addresses logs a warning, any other does not.
func TestPrivateTargetsAreLoud(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		var log logged
		ctx, cancel := context.WithCancel(t.Context())
		out, in := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := run(ctx, []string{"--listen", "127.0.0.1:0", "--metrics-listen", "off", "--database", t.TempDir(), fmt.Sprintf("--allow-private-targets=%t", allowed)},
				func(string) string { return "" }, in, &log)
			_ = in.CloseWithError(io.EOF)
			ended <- err
		}()
		announced(t, out)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if loud := bytes.Contains(log.bytes(), []byte("private addresses over plain http")) && bytes.Contains(log.bytes(), []byte("WARN")); loud != allowed {
			t.Errorf("allowed %v: %s", allowed, log.bytes())
		}
	}
}

// A stored webhook that a newer rule forbids is not sent to: the attempt is recorded as BLOCKED_ADDRESS, with a message without
// addresses.
func TestBlockedAddressIsRecorded(t *testing.T) {
	dir := t.TempDir()
	p := boot(t, dir)
	token := p.token
	(&client{p.url, token}).mutate(t, createWebhook, map[string]any{"url": "https://127.0.0.1/hook"}, new(struct{}))
	p.stop()
	p = boot(t, dir, "--allow-private-targets=false")
	c := &client{p.url, token}
	w := c.watch(t, "")
	watching(t, c, w)
	var answer struct {
		Data struct {
			Attempts struct {
				Nodes []struct{ Status, Error, Message string }
			}
		}
	}
	if status := c.rest(t, "POST", "/graphql", `{"query": "{ attempts(first: 1) { nodes { status error message } } }"}`, &answer); status != http.StatusOK {
		t.Fatal(status)
	}
	for _, a := range answer.Data.Attempts.Nodes {
		if a.Error != "BLOCKED_ADDRESS" || a.Message == "" || strings.Contains(a.Message, "127") {
			t.Errorf("%+v", a)
		}
	}
	if len(answer.Data.Attempts.Nodes) != 1 {
		t.Errorf("%+v", answer)
	}
}

// On a copy that denies every address nobody is reached, as docs/operating.md says: each attempt fails with BLOCKED_ADDRESS, or OAUTH_TOKEN if
// it needs a token first, and no connection is opened, whatever the URLs say.
func TestCopyReachesNobody(t *testing.T) {
	l, err := net.Listen("tcp", ":0") // by every address of this machine
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var reached atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := boot(t, dir)
	c := &client{p.url, p.token}
	c.createWebhook(t, map[string]any{"url": "http://127.0.0.1:" + port})
	c.createWebhook(t, map[string]any{"url": "http://[::1]:" + port})
	c.createWebhook(t, map[string]any{"url": "http://localhost:" + port})
	c.createWebhook(t, map[string]any{"url": "http://127.0.0.1:" + port + "/token", "authentication": map[string]any{
		"oauth2": map[string]any{"tokenUrl": "http://localhost:" + port, "clientId": "a", "clientSecret": "b"},
	}})
	c.publish(t, "a.b")
	webhooktest.Eventually(t, "without the settings they are reached", func() bool { return reached.Load() >= 3 })
	p.stop()
	reached.Store(0)

	c.url = boot(t, dir, "--deny-target", "0.0.0.0/0", "--deny-target", "::/0").url
	event := c.publish(t, "a.b")
	var answer struct {
		Data struct {
			Event struct {
				Deliveries struct {
					Nodes []struct {
						AttemptCount int
						LastAttempt  *struct{ Error string }
					}
				}
			}
		}
	}
	webhooktest.Eventually(t, "every webhook has an attempt", func() bool {
		c.rest(t, "POST", "/graphql", fmt.Sprintf(`{"query": "{ event(id: \"%s\") { deliveries { nodes { attemptCount lastAttempt { error } } } } }"}`, event), &answer)
		n := 0
		for _, d := range answer.Data.Event.Deliveries.Nodes {
			if d.LastAttempt != nil {
				n++
			}
		}
		return n == 4
	})
	failed := map[string]int{}
	for _, d := range answer.Data.Event.Deliveries.Nodes {
		failed[d.LastAttempt.Error]++
	}
	if want := (map[string]int{"BLOCKED_ADDRESS": 3, "OAUTH_TOKEN": 1}); !maps.Equal(failed, want) {
		t.Errorf("%v, want %v", failed, want)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections were opened", n)
	}
}
