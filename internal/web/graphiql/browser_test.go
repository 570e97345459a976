package graphiql

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
)

const (
	response = ".graphiql-response"
	run      = ".graphiql-execute-button"
	dialog   = "dialog[open]"
)

func openTab(page *browsertest.Page, number int) {
	page.WaitFor(`!document.querySelector("main").inert`)
	page.Do(chromedp.Click(chromedp.CSS(fmt.Sprintf("#graphiql-session-tab-%d", number-1))))
	page.WaitText(".graphiql-query-editor", fmt.Sprintf("# %d of 4", number))
}

// Without a token the page asks for one, and says if it is wrong. Then queries and subscriptions work: the token reaches HTTP and
// WebSocket, and nothing reaches another host.
func TestAskedForToken(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)

	page.Do(chromedp.Navigate(api.URL + "/graphiql"))
	page.WaitText(dialog, "Who is calling?")
	page.Screenshot("dialog")
	page.Do(
		chromedp.SendKeys(chromedp.CSS("input[name=token]"), "Bearer wrong"),
		chromedp.Click(chromedp.CSS("dialog .primary")),
	)
	page.WaitText(dialog, "did not accept this token")
	page.Screenshot("dialog-refused")
	page.Do(
		chromedp.SendKeys(chromedp.CSS("input[name=token]"), token),
		chromedp.SendKeys(chromedp.CSS("input[name=tenant]"), tenant),
		chromedp.Click(chromedp.CSS("dialog .primary")),
	)
	page.WaitText(".caller", "Token set · "+tenant)

	openTab(page, 4)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"TLS of InspectFailures"`)
	// 64-bit numbers are shown exactly.
	page.WaitText(response, "12345678901234567890")
	// The language service runs in its worker: it reports that the default tab is not valid in this test's schema.
	page.WaitFor(`document.querySelector(".graphiql-query-editor .squiggly-error")`)

	openTab(page, 3)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"attempt 1 of WatchLive"`)
	api.attempts <- "attempt 2"
	page.WaitText(response, `"attempt 2 of WatchLive"`)
	page.Screenshot("watching")
	page.Do(chromedp.Click(chromedp.CSS(run)))
	<-api.ended

	// Chromium reports each 401 on the console.
	page.CheckQuiet("status of 401")
}

// The link that the server prints at its first start sets the token, and the page removes it from the address. Forgetting the token
// leaves nothing in the browser's storage.
func TestTokenFromLink(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)

	page.Do(chromedp.Navigate(api.URL + "/graphiql/#token=" + token + "&tenant=" + tenant))
	page.WaitText(".caller", "Token set · "+tenant)
	page.WaitFor(`location.href.endsWith("/graphiql/") && !document.querySelector("dialog[open]")`)
	// A reload keeps the token, and fetches the schema with it.
	page.Do(chromedp.Reload())
	page.WaitText(".caller", "Token set · "+tenant)
	page.WaitFor(`document.querySelector(".graphiql-query-editor .squiggly-error")`)

	page.Do(
		chromedp.Click(chromedp.CSS(".caller")),
		chromedp.Click(chromedp.CSS("dialog .forget")),
	)
	page.WaitText(".caller", "No token")
	page.WaitFor(fmt.Sprintf(`!(JSON.stringify(sessionStorage) + JSON.stringify(localStorage)).includes(%q)`, token))
	page.CheckQuiet() // without a token the page sends nothing
}

// A link that brings a query opens it in a tab of its own, with its variables, on a first visit and on a later one.
func TestQueryFromLink(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)

	for _, name := range []string{"FirstLink", "SecondLink"} {
		link := url.Values{
			"query": {"query " + name + " { deliveries }"}, "variables": {`{"visit": "` + name + `"}`}, "token": {token}, "tenant": {tenant},
		}
		page.Do(chromedp.Navigate("about:blank"), chromedp.Navigate(api.URL+"/graphiql#"+link.Encode()))
		page.WaitFor(`!document.querySelector("main").inert`)
		page.WaitText(".graphiql-query-editor", "query "+name)
		page.WaitText(".graphiql-editor-tool", name)
		page.WaitFor(`location.hash === ""`)
		page.Do(chromedp.Click(chromedp.CSS(run)))
		page.WaitText(response, `"TLS of `+name+`"`)
	}
	page.CheckQuiet()
}

// After a refused WebSocket the page says so, and asks for another token.
func TestSocketRefused(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)

	page.Do(chromedp.Navigate(api.URL + "/graphiql/#token=" + httpOnlyToken + "&tenant=" + tenant))
	openTab(page, 3)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `refused the WebSocket (4403, \"not you\")`)
	page.WaitText(dialog, "did not accept this token")
	page.CheckQuiet()
}

// The page follows the system's color scheme.
func TestColours(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)

	page.Do(chromedp.Navigate(api.URL + "/graphiql/#token=" + token + "&tenant=" + tenant))
	for scheme, background := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(33, 42, 59)"} {
		page.Scheme(scheme)
		page.Do(chromedp.Reload())
		page.WaitFor(`document.querySelector(".graphiql-query-editor .view-line")`)
		page.WaitFor(fmt.Sprintf(`getComputedStyle(document.body).backgroundColor === %q`, background))
		page.Screenshot(scheme)
	}
	page.CheckQuiet()
}

const (
	token         = "hg_test_token"
	httpOnlyToken = "hg_no_sockets"
	tenant        = "kallima"
)

// api is a server with the page and just enough GraphQL to answer it.
type api struct {
	*httptest.Server
	attempts chan string   // the next elements of the subscription
	ended    chan struct{} // closed when the page has ended the subscription
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{attempts: make(chan string, 1), ended: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.Handle("/graphiql", Handler())
	mux.Handle("/graphiql/", Handler())
	mux.HandleFunc("GET /graphql", func(w http.ResponseWriter, r *http.Request) {
		if err := a.stream(w, r); err != nil && t.Context().Err() == nil {
			t.Errorf("websocket: %v", err)
		}
	})
	mux.HandleFunc("POST /graphql", a.answer)
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *api) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/graphql-response+json")
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if (bearer != token && bearer != httpOnlyToken) || r.Header.Get("Hookgraph-Tenant") != tenant {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"errors":[{"message":"who are you?","extensions":{"code":"UNAUTHENTICATED"}}]}`))
		return
	}
	var request struct{ OperationName string }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if request.OperationName == "IntrospectionQuery" {
		_, _ = w.Write([]byte(introspection))
		return
	}
	_, _ = fmt.Fprintf(w, `{"data":{"deliveries":"TLS of %s","n":12345678901234567890}}`, request.OperationName)
}

// stream speaks graphql-transport-ws for one subscription.
func (a *api) stream(w http.ResponseWriter, r *http.Request) error {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	var init struct{ Payload map[string]string }
	if err := wsjson.Read(r.Context(), conn, &init); err != nil {
		return err
	}
	if init.Payload["Authorization"] != "Bearer "+token || init.Payload["Hookgraph-Tenant"] != tenant {
		_ = conn.Close(4403, "not you") // fails if the browser does not answer it at once
		return nil
	}
	if err := wsjson.Write(r.Context(), conn, map[string]string{"type": "connection_ack"}); err != nil {
		return err
	}
	var subscribe struct {
		ID      string
		Payload struct{ OperationName string }
	}
	if err := wsjson.Read(r.Context(), conn, &subscribe); err != nil {
		return err
	}
	gone := conn.CloseRead(r.Context())
	for attempt := "attempt 1"; ; {
		if err := wsjson.Write(r.Context(), conn, map[string]any{
			"id": subscribe.ID, "type": "next", "payload": map[string]any{
				"data": map[string]string{"deliveryAttempts": attempt + " of " + subscribe.Payload.OperationName},
			},
		}); err != nil {
			return err
		}
		select {
		case attempt = <-a.attempts:
		case <-gone.Done(): // on complete too: CloseRead closes the connection when it reads a message
			a.ended <- struct{}{}
			return nil
		}
	}
}

// introspection describes: type Query { deliveries: String }, type Mutation and type Subscription likewise.
var introspection = func() string {
	object := func(name, field string) string {
		return fmt.Sprintf(`{"kind":"OBJECT","name":%q,"interfaces":[],"fields":[{"name":%q,"args":[],"isDeprecated":false,
			"type":{"kind":"SCALAR","name":"String"}}]}`, name, field)
	}
	return fmt.Sprintf(`{"data":{"__schema":{"queryType":{"name":"Query"},"mutationType":{"name":"Mutation"},
		"subscriptionType":{"name":"Subscription"},"directives":[],"types":[%s,%s,%s,
		{"kind":"SCALAR","name":"String"},{"kind":"SCALAR","name":"Boolean"}]}}}`,
		object("Query", "deliveries"), object("Mutation", "publishEvent"), object("Subscription", "deliveryAttempts"))
}()
