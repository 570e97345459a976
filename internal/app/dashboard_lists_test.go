package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
)

// A list that cannot be read says what failed, whether trying again helps, and the request ID. It does not claim that nothing matches.
func TestDashboardUnreadableLists(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	server := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		for list, operation := range map[string]string{
			"deliveries": "Deliveries", "webhooks": "Webhooks", "events": "Events", "tokens": "Tokens", "tenants": "OperateTenants",
		} {
			if strings.Contains(string(body), `"operationName":"`+operation+`"`) {
				w.Header().Set("Content-Type", "application/graphql-response+json")
				fmt.Fprintf(w, `{"data": {%q: null}, "errors": [{"message": "The database is away.", "path": [%q],
					"extensions": {"code": "UNAVAILABLE", "requestId": "request-of-%s"}}]}`, list, list, list)
				return
			}
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	page := browsertest.Open(t, proxy.URL)
	for path, list := range map[string]string{
		"/deliveries": "deliveries", "/webhooks": "webhooks", "/events": "events",
		"/operate": "tokens", "/operate/tenants": "tenants",
	} {
		page.Do(chromedp.Navigate(proxy.URL + path + "#token=" + p.token))
		page.WaitText("main .alert", "The "+list+" could not be read. The database is away. It may work in a moment. Try again Request request-of-"+list)
		if page.Is(`/No .* (matches|is registered|was published|here)|That is all/.test(document.querySelector("main").innerText)`) {
			t.Errorf("%s claims that nothing is there", path)
		}
	}
	page.CheckQuiet()
}
