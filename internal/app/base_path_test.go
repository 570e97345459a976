package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const basePath = "/tools/hooks"

// behind starts a proxy that shows the program below the base path, and nothing else. It removes the path from requests, or passes it on.
func (p *program) behind(t *testing.T, removes bool) (url string) {
	t.Helper()
	to := p.proxied(t)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		r.Out.URL.Path, r.Out.URL.RawPath = r.In.URL.Path, r.In.URL.RawPath
		if removes {
			r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.Path, basePath), strings.TrimPrefix(r.In.URL.RawPath, basePath)
		}
	}}
	mux := http.NewServeMux()
	mux.Handle(basePath+"/", proxy)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s is outside of the base path", r.Method, r.URL)
		http.NotFound(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + basePath
}

// proxied returns the address that a proxy sends requests to.
func (p *program) proxied(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

// Below a base path everything works as at the root, behind a proxy that removes it and behind one that passes it on: REST, its Locations and
// its description, GraphQL, streams and commands. The server answers at its root, too, for health checks.
func TestBasePath(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir(), "--base-path", basePath+"/")
	if !strings.HasSuffix(p.url, basePath) {
		t.Errorf("it shows the address %s", p.url)
	}
	if a := (&client{p.proxied(t).String(), ""}).do(t, "GET", "/readyz", "", nil); a.status != 200 {
		t.Errorf("/readyz: %d", a.status)
	}
	if a := (&client{p.proxied(t).String(), ""}).do(t, "GET", "/tools/hooksy/readyz", "", nil); a.status != 404 {
		t.Errorf("another path: %d", a.status)
	}
	for name, at := range map[string]string{"removed": p.behind(t, true), "passed on": p.behind(t, false), "none": p.url} {
		t.Run(name, func(t *testing.T) {
			c := &client{at, p.token}
			made := c.do(t, "POST", "/v1/webhooks", fmt.Sprintf(`{"url": %q}`, receiver.URL), nil)
			location := made.header.Get("Location")
			if made.status != http.StatusCreated || !strings.HasPrefix(location, basePath+"/v1/webhooks/") {
				t.Fatalf("%d, Location %q", made.status, location)
			}
			if a := c.do(t, "DELETE", strings.TrimPrefix(location, basePath), "", nil); a.status != http.StatusOK {
				t.Errorf("what Location names: %d", a.status)
			}
			var described struct{ Servers []struct{ URL string } }
			if a := c.do(t, "GET", "/openapi.json", "", nil); json.Unmarshal(a.body, &described) != nil || described.Servers[0].URL != basePath+"/" {
				t.Errorf("the description is of %+v", described)
			}
			for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/": 200, "/graphiql": 200, "/graphiql/": 200, "/deliveries/1": 200, "/schema.graphql": 200, "/nowhere": 404} {
				if a := c.do(t, "GET", path, "", nil); a.status != want {
					t.Errorf("%s: %d", path, a.status)
				}
			}
			p := &program{url: at, token: p.token}
			if out, _, err := p.call(t, "", "health"); err != nil || out != "ok\n" {
				t.Errorf("health: %q %v", out, err)
			}
			id := c.createWebhook(t, map[string]any{"url": receiver.URL})
			l := p.listen(t, t.TempDir(), "--forward", receiver.URL, "--webhook", id)
			l.told.await(t, "is forwarded to")
			event := c.publish(t, "a.b")
			if is := l.lines(t, 1); is[0].EventID != event {
				t.Errorf("the stream: %+v", is)
			}
			l.stop(t)
			c.mutate(t, `mutation ($input: DeleteWebhookInput!) { done: deleteWebhook(input: $input) { userErrors { message } } }`, map[string]any{"id": id}, &struct{}{})
		})
	}
	direct := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := direct.Get(p.url + "?a=1")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusPermanentRedirect || res.Header.Get("Location") != basePath+"/?a=1" {
		t.Errorf("the base path itself: %d %q", res.StatusCode, res.Header.Get("Location"))
	}
}

// No path of the server begins with a word that a base path may begin with.
func TestOwnPaths(t *testing.T) {
	paths := []string{"/livez", "/readyz", "/openapi.json", "/graphql", "/schema.graphql"}
	for _, r := range web.Routes() {
		paths = append(paths, r.Path)
	}
	for path := range (&server{cfg: &config.Config{AllowPrivateTargets: true}}).pages() {
		paths = append(paths, path)
	}
	for _, path := range paths {
		first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if first != "{$}" && first != "" && !slices.Contains(config.OwnPaths, first) {
			t.Errorf("%s is not in config.OwnPaths", path)
		}
	}
}

// The dashboard and GraphiQL work below a base path: their files, their links, the addresses of their screens, and their streams.
func TestPagesBelowBasePath(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir(), "--base-path", basePath)
	for name, removes := range map[string]bool{"removed": true, "passed on": false} {
		t.Run(name, func(t *testing.T) {
			at := p.behind(t, removes)
			c := &client{at, p.token}
			c.createWebhook(t, map[string]any{"url": receiver.URL})
			event := c.publish(t, "a.b")
			page := browsertest.Open(t, at)
			page.Do(chromedp.Navigate(at + "/#token=" + p.token))
			page.Do(chromedp.Navigate(at + "/events/" + event))
			page.WaitText("main", "a.b")
			page.WaitFor(fmt.Sprintf("location.pathname === %q", basePath+"/events/"+event))
			for _, graphiql := range []string{"/graphiql", "/graphiql/"} {
				page.Do(chromedp.Navigate(at + graphiql + "#token=" + p.token))
				page.WaitText(".caller", "Token set")
				page.OpenTab(3)
				execute(page)
				page.WaitFor(`!document.querySelector(".graphiql-response")?.innerText.includes("errors")`)
			}
			page.CheckQuiet()
		})
	}
}
