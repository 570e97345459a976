package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// opened is the answer to a code, and to its renewal.
type opened struct {
	ID, Status, Credential string
	Tenant                 struct{ Name string }
	Scopes                 []string
	StartPath              string    `json:"start_path"`
	ExpiresAt              time.Time `json:"expires_at"`
	EndsAt                 time.Time `json:"ends_at"`
	Theme                  *struct{ Name string }
	Error                  struct{ Code, Message string }
}

// link creates a portal link and returns its URL without the code, its code, and the ID of its session.
func (c *client) link(t *testing.T, body string) (at, code, id string) {
	t.Helper()
	var made struct{ URL, ID string }
	if status := c.rest(t, "POST", "/v1/portal-links", body, &made); status != http.StatusCreated {
		t.Fatalf("link: %d %+v", status, made)
	}
	at, code, _ = strings.Cut(made.URL, "#")
	return at, code, made.ID
}

// open exchanges a code, without a token.
func (c *client) open(t *testing.T, code string) (int, opened) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"code": code})
	if err != nil {
		t.Fatal(err)
	}
	a := c.do(t, "POST", "/portal/session", string(body), http.Header{"Authorization": nil})
	var o opened
	if err := json.Unmarshal(a.body, &o); err != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", a.header)
	}
	return a.status, o
}

const customer = `{"label": "ada", "scopes": ["webhooks:read", "deliveries:read"], "start_path": "/deliveries", "theme": {"name": "Kallima"}}`

// A link is opened once, by one of those who try; one that was opened, revoked, has expired or never existed opens nothing, and the answers are alike.
// Neither a code nor a credential is in the log.
func TestPortalLinks(t *testing.T) {
	var log lockedLog
	p := bootLogged(t, &log, "--log-level", "debug", "--public-url", "https://hooks.example.com", "--base-path", "/hooks")
	operator := &client{p.url, p.token}
	at, code, id := operator.link(t, customer)
	if at != "https://hooks.example.com/hooks/portal" || !strings.HasPrefix(code, "hgl_") {
		t.Errorf("the link is %s", at)
	}
	var tries sync.WaitGroup
	got := make([]opened, 8)
	for i := range got {
		tries.Go(func() { _, got[i] = operator.open(t, code) })
	}
	tries.Wait()
	var won opened
	for _, o := range got {
		if o.Credential == "" {
			if o.Error.Code != "UNAUTHENTICATED" && o.Error.Code != "RATE_LIMITED" {
				t.Errorf("one who lost: %+v", o)
			}
		} else if won.Credential != "" {
			t.Error("the link was opened twice")
		} else {
			won = o
		}
	}
	if won.ID != id || won.Tenant.Name != "default" || won.StartPath != "/deliveries" || won.Theme.Name != "Kallima" || strings.Join(won.Scopes, " ") != "webhooks:read deliveries:read" {
		t.Errorf("the session is %+v", won)
	}
	_, again := operator.open(t, code)
	_, revoked, gone := operator.link(t, customer)
	operator.rest(t, "DELETE", "/v1/portal-sessions/"+gone, "", nil)
	_, expired, _ := operator.link(t, strings.Replace(customer, "{", `{"expires_in_ms": 1000, `, 1))
	var list struct{ Data []struct{ Status string } }
	webhooktest.Eventually(t, "the link expires", func() bool {
		return operator.rest(t, "GET", "/v1/portal-sessions?statuses=EXPIRED", "", &list) == http.StatusOK && len(list.Data) == 1
	})
	for name, other := range map[string]string{"revoked": revoked, "expired": expired, "unknown": "hgl_unknown", "empty": ""} {
		status, o := operator.open(t, other)
		if status != http.StatusUnauthorized || o.Error != again.Error {
			t.Errorf("%s: %d %+v, want %+v", name, status, o.Error, again.Error)
		}
	}
	p.stop()
	for _, secret := range []string{code, revoked, expired, won.Credential} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%.8s is in the log", secret)
		}
	}
	if !strings.Contains(log.String(), "/portal/session") {
		t.Error("the log has no calls, so this proves nothing")
	}
}

// A session sees its tenant with its scopes: nothing of an operator's, no other tenant, no tokens, and it makes no links. It renews itself and keeps its
// credential; revoked, it is refused, and its streams end within 5 seconds.
func TestPortalSessions(t *testing.T) {
	p := boot(t, t.TempDir())
	operator := &client{p.url, p.token}
	_, code, id := operator.link(t, customer)
	_, o := operator.open(t, code)
	c := &client{p.url, o.Credential}
	for query, want := range map[string]string{
		`{ viewer { operator portal token { id } } webhooks { nodes { id } } }`:                 `"portal":true`,
		`{ tokens { nodes { id } } }`:                                                           `"scope":"ADMIN"`,
		`{ portalSessions { nodes { id } } }`:                                                   `"scope":"ADMIN"`,
		`{ auditLog { nodes { id } } }`:                                                         `"scope":"ADMIN"`,
		`{ tenants { nodes { id } } }`:                                                          `"FORBIDDEN"`,
		`{ server { nodes { number } } }`:                                                       `"FORBIDDEN"`,
		`{ webhooks(allTenants: true) { nodes { id } } }`:                                       "operator token",
		`mutation { createWebhook(input: {url: \"https://example.com/\"}) { secret } }`:         `"scope":"WEBHOOKS_WRITE"`,
		`mutation { createPortalLink(input: {label: \"x\", scopes: [WEBHOOKS_READ]}) { url } }`: `"scope":"ADMIN"`,
		`mutation { createToken(input: {name: \"x\"}) { credential } }`:                         `"scope":"ADMIN"`,
		`mutation { publishEvent(input: {type: \"a.b\", data: 1}) { event { id } } }`:           `"scope":"EVENTS_PUBLISH"`,
		`{ node(id: \"` + id + `\") { id } }`:                                                   `"scope":"ADMIN"`,
	} {
		if _, _, text := c.answer(t, "/graphql", "application/json", `{"query": "`+query+`"}`); !strings.Contains(text, want) {
			t.Errorf("%s: %s", query, text)
		}
	}
	if a := c.do(t, "GET", "/v1/webhooks", "", http.Header{"Hookgraph-Tenant": {"other"}}); a.status != http.StatusForbidden {
		t.Errorf("another tenant: %d", a.status)
	}
	if status := operator.rest(t, "POST", "/portal/session/renew", "", nil); status != http.StatusForbidden {
		t.Errorf("a token is renewed: %d", status)
	}
	var renewed opened
	if status := c.rest(t, "POST", "/portal/session/renew", "", &renewed); status != http.StatusOK || renewed.ExpiresAt.Before(o.ExpiresAt) || renewed.Credential != "" || !renewed.EndsAt.Equal(o.EndsAt) {
		t.Errorf("renewed: %d %+v", status, renewed)
	}
	socket, events := c.watch(t, ""), c.lastEvent(t)
	operator.rest(t, "DELETE", "/v1/portal-sessions/"+id, "", nil)
	refused(t, socket, events)
	for _, call := range [][2]string{{"GET", "/v1/webhooks"}, {"POST", "/portal/session/renew"}, {"DELETE", "/portal/session"}} {
		if status := c.rest(t, call[0], call[1], "", nil); status != http.StatusUnauthorized {
			t.Errorf("%v with a revoked session: %d", call, status)
		}
	}
}

// A session ends when its time does, and when its holder ends it.
func TestPortalSessionsExpire(t *testing.T) {
	p := boot(t, t.TempDir())
	operator := &client{p.url, p.token}
	_, code, _ := operator.link(t, strings.Replace(customer, "{", `{"session_expires_in_ms": 1000, `, 1))
	_, o := operator.open(t, code)
	c := &client{p.url, o.Credential}
	webhooktest.Eventually(t, "the session expires", func() bool { return c.rest(t, "GET", "/v1/webhooks", "", nil) == http.StatusUnauthorized })
	if status := c.rest(t, "POST", "/portal/session/renew", "", nil); status != http.StatusUnauthorized {
		t.Errorf("an expired session is renewed: %d", status)
	}
	_, code, _ = operator.link(t, customer)
	_, o = operator.open(t, code)
	c.token = o.Credential
	if status := c.rest(t, "DELETE", "/portal/session", "", nil); status != http.StatusOK {
		t.Errorf("a session cannot end itself: %d", status)
	}
	webhooktest.Eventually(t, "the session has ended", func() bool { return c.rest(t, "GET", "/v1/webhooks", "", nil) == http.StatusUnauthorized })
}

// Only the portal can be shown in a frame, and only by the origins that the operator lists.
func TestPortalFrames(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
		deny string // X-Frame-Options
	}{
		"nobody": {nil, "frame-ancestors 'none'", "DENY"},
		"listed": {[]string{"--portal-frame-ancestors", "https://app.example.com/,https://*.example.org"}, "frame-ancestors https://app.example.com https://*.example.org", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := boot(t, t.TempDir(), tc.args...)
			c := &client{url: p.url}
			for _, path := range []string{"/portal", "/portal/webhooks/1"} {
				a := c.do(t, "GET", path, "", nil)
				policy := a.header.Get("Content-Security-Policy")
				if a.status != http.StatusOK || !strings.HasSuffix(policy, tc.want) || !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'") ||
					a.header.Get("X-Frame-Options") != tc.deny || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
					t.Errorf("%s: %d %v", path, a.status, a.header)
				}
			}
			for _, path := range []string{"/", "/webhooks", "/graphiql/", "/portal/session", "/v1/webhooks"} {
				a := c.do(t, "GET", path, "", nil)
				if !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || a.header.Get("X-Frame-Options") != "DENY" {
					t.Errorf("%s: %v", path, a.header)
				}
			}
		})
	}
}

// portalExamples are what runs each example of docs/portal.md.
var portalExamples = map[string][]string{
	"go": {"go", "run", "./docs/examples/portal/go"}, "node": {"node", "docs/examples/portal/node/main.mjs"}, "python": {"python3", "-B", "docs/examples/portal/python/main.py"},
}

// The page shows the examples as they are, and each of them makes a link that opens. So does the command line.
func TestPortalPage(t *testing.T) {
	page, err := os.ReadFile("docs/portal.md")
	if err != nil {
		t.Fatal(err)
	}
	p := boot(t, t.TempDir())
	operator := &client{p.url, p.token}
	env := append(os.Environ(), "HOOKGRAPH_URL="+p.url, "HOOKGRAPH_TOKEN="+p.token)
	works := func(t *testing.T, link string) {
		t.Helper()
		_, code, _ := strings.Cut(strings.TrimSpace(link), "#")
		if status, o := operator.open(t, code); status != http.StatusCreated {
			t.Errorf("%s: %d %+v", link, status, o)
		}
	}
	for name, command := range portalExamples {
		t.Run(name, func(t *testing.T) {
			files, err := filepath.Glob("docs/examples/portal/" + name + "/link.*")
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			text, err := os.ReadFile(files[0])
			if err != nil || !bytes.Contains(page, text) {
				t.Errorf("the page does not show %s (%v)", files[0], err)
			}
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skip(err)
			}
			run := exec.CommandContext(t.Context(), command[0], append(command[1:], "default", "ada@example.com")...)
			run.Env = env
			said, err := run.Output()
			if err != nil {
				if failed, ok := errors.AsType[*exec.ExitError](err); ok {
					t.Fatalf("%v %s", err, failed.Stderr)
				}
				t.Fatal(err)
			}
			works(t, string(said))
		})
	}
	remote := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), append(args, "--url", p.url, "--token", p.token), environment(p.dir), &out, t.Output()); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return strings.TrimSpace(out.String())
	}
	works(t, remote("portal", "link", "--label", "ada", "--scope", "webhooks:read", "--expires", "1h", "--session", "30m", "--start", "/deliveries", "--theme-name", "Kallima"))
	list := strings.Fields(remote("portal", "sessions", "--status", "ACTIVE", "--json"))
	if len(list) == 0 {
		t.Fatal("no session is listed")
	}
	var newest struct{ ID string }
	if err := json.Unmarshal([]byte(strings.Split(remote("portal", "sessions", "--json", "--limit", "1"), "\n")[0]), &newest); err != nil {
		t.Fatal(err)
	}
	if said := remote("portal", "revoke", newest.ID); !strings.Contains(said, newest.ID) {
		t.Errorf("revoke says %s", said)
	}
}

// lockedLog collects a log.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// bootLogged is boot for a server whose log is kept.
func bootLogged(t *testing.T, log io.Writer, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	dir := t.TempDir()
	go func() {
		err := run(ctx, append([]string{"--listen", "127.0.0.1:0", "--database", dir}, args...), environment(dir), in, log)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	p := &program{dir: dir}
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	p.url, p.token = announced(t, out)
	p.url = strings.TrimSuffix(p.url, "/hooks")
	return p
}
