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
	lists := []struct{ path, name, field, operation string }{
		{"/deliveries", "deliveries", "deliveries", "Deliveries"},
		{"/webhooks", "webhooks", "webhooks", "Webhooks"},
		{"/events", "events", "events", "Events"},
		{"/replays", "replays", "replays", "Replays"},
		{"/operate", "tokens", "tokens", "Tokens"},
		{"/operate/tenants", "tenants", "tenants", "OperateTenants"},
		{"/operate/audit", "audit log", "auditLog", "AuditLog"},
	}
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
		for _, list := range lists {
			if strings.Contains(string(body), `"operationName":"`+list.operation+`"`) {
				w.Header().Set("Content-Type", "application/graphql-response+json")
				fmt.Fprintf(w, `{"data": {%q: null}, "errors": [{"message": "The database is away.", "path": [%q],
					"extensions": {"code": "UNAVAILABLE", "requestId": "request-of-%s"}}]}`, list.field, list.field, list.operation)
				return
			}
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	page := browsertest.Open(t, proxy.URL)
	for _, list := range lists {
		page.Do(chromedp.Navigate(proxy.URL + list.path + "#token=" + p.token))
		page.WaitText("main .alert", "The "+list.name+" could not be read. The database is away. It may work in a moment. Try again Request request-of-"+list.operation)
		if page.Is(`/No .* (matches|is registered|was published|here)|That is all|Nothing was/.test(document.querySelector("main").innerText)`) {
			t.Errorf("%s claims that nothing is there", list.path)
		}
	}
	page.CheckQuiet()
}
