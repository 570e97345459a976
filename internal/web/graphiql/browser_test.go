package graphiql

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const (
	response = ".graphiql-response"
	run      = ".graphiql-execute-button"
	dialog   = "dialog[open]"
)

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

	page.OpenTab(4)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"TLS of InspectFailures"`)
	// 64-bit numbers are shown exactly.
	page.WaitText(response, "12345678901234567890")
	// The language service runs in its worker: it reports that the default tab is not valid in this test's schema.
	page.WaitFor(`document.querySelector(".graphiql-query-editor .squiggly-error")`)

	page.OpenTab(3)
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

// The results of a subscription accumulate, the newest first. The stream goes on while another tab is shown, or a new one is opened, and
// neither gets its results; it ends when it is stopped, or its tab is closed, and does not begin again by itself.
func TestStreamGoesOn(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)
	page.Do(chromedp.Navigate(api.URL + "/graphiql/#token=" + token + "&tenant=" + tenant))

	page.OpenTab(3)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"received": 1`)
	api.attempts <- "attempt 2"
	page.WaitText(response, `"received": 2`)
	page.WaitFor(`/attempt 2[^]*attempt 1/.test(document.querySelector(".graphiql-response").innerText.replace(/\s+/g, " "))`)

	page.OpenTab(2)
	page.WaitText(".elsewhere", "Streaming in WatchLive")
	api.attempts <- "attempt 3"
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"TLS of Publish"`)
	page.Do(chromedp.Click(chromedp.CSS(".graphiql-tab-add")))
	page.WaitFor(`document.querySelectorAll(".graphiql-tab").length === 5`)
	api.attempts <- "attempt 4"
	page.OpenTab(3)
	page.WaitText(response, `"received": 4`)
	page.WaitText(".elsewhere", "")
	page.WaitFor(`/attempt 4[^]*attempt 3[^]*attempt 2[^]*attempt 1/.test(document.querySelector(".graphiql-response").innerText.replace(/\s+/g, " "))`)
	page.OpenTab(2)
	page.WaitText(response, `"TLS of Publish"`)
	if page.Is(`document.querySelector(".graphiql-response").innerText.includes("WatchLive")`) {
		t.Error("another tab shows results of the stream")
	}
	// A new tab, while the stream is shown: the text of a tab is there a moment before.
	page.OpenTab(3)
	page.WaitText(response, `"received": 4`)
	page.WaitFor(`document.querySelector(".graphiql-execute-button").ariaLabel.startsWith("Stop")`)
	page.Do(chromedp.Click(chromedp.CSS(".graphiql-tab-add")))
	page.WaitText(".elsewhere", "Streaming in WatchLive")
	api.attempts <- "attempt 5"
	page.OpenTab(3)
	page.WaitText(response, `"received": 5`)

	page.WaitFor(`document.querySelector(".graphiql-execute-button").ariaLabel.startsWith("Stop")`)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	<-api.ended
	page.OpenTab(2)
	page.OpenTab(3)
	page.WaitText(response, `"received": 5`)
	page.WaitFor(`document.querySelector(".graphiql-execute-button").ariaLabel.startsWith("Execute")`)
	if n := api.streams.Load(); n != 1 {
		t.Errorf("%d streams were opened, want 1", n)
	}

	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"received": 1`)
	page.OpenTab(2)
	page.WaitText(".elsewhere", "Streaming in WatchLive")
	page.WaitFor(`(document.querySelector(".graphiql-tab:nth-child(3) .graphiql-tab-close").click(), true)`)
	<-api.ended
	page.WaitFor(`document.querySelector(".elsewhere").innerText === ""`)
	page.CheckQuiet()
}

// On a phone's screen all is there, below each other: the editor, its tools, and the response have the whole width, and the page is
// not wider than the screen.
func TestNarrow(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)
	page.Resize(390, 800)
	page.Do(chromedp.Navigate(api.URL + "/graphiql/#token=" + token + "&tenant=" + tenant))
	page.OpenTab(4)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"TLS of InspectFailures"`)
	for _, width := range []int64{390, 320} {
		page.Resize(width, 800)
		page.WaitFor(fmt.Sprintf(`document.documentElement.scrollWidth <= %d`, width))
		for _, part := range []string{".graphiql-editors", ".graphiql-response"} {
			page.WaitFor(fmt.Sprintf(`(({width, height, left, right, top, bottom}) => width >= %d && height >= 150 && left >= 0 && right <= %d &&
				top >= 0 && bottom <= 800)(document.querySelector(%q).getBoundingClientRect())`, width-50, width, part))
		}
		page.Screenshot(fmt.Sprintf("graphiql-%d", width))
	}
	page.CheckQuiet()
}

// axe-core finds nothing in the page, light, dark and narrow, with what it opens: the editors' tools, the documentation, the history and
// the dialogs.
func TestAccessible(t *testing.T) {
	axe := browsertest.Axe(t)
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)
	looked := func(name string) {
		for _, as := range []struct {
			scheme string
			width  int64
		}{{"light", 1280}, {"dark", 1280}, {"dark", 320}, {"light", 390}} {
			page.Scheme(as.scheme)
			page.Resize(as.width, 800)
			page.Screenshot(fmt.Sprintf("graphiql-%s-%s-%d", name, as.scheme, as.width))
			page.CheckAccessible(axe, fmt.Sprintf("%s, %s, %d px", name, as.scheme, as.width))
		}
		page.Resize(1280, 800)
	}
	page.Do(chromedp.Navigate(api.URL + "/graphiql"))
	page.WaitText(dialog, "Who is calling?")
	looked("sign-in")
	page.Do(chromedp.Navigate("about:blank"), chromedp.Navigate(api.URL+"/graphiql/#token="+token+"&tenant="+tenant))
	page.OpenTab(4)
	page.Do(chromedp.Click(chromedp.CSS(run)))
	page.WaitText(response, `"TLS of InspectFailures"`)
	page.Do(chromedp.Click(chromedp.CSS("[data-name=variables]")))
	looked("result")
	page.Do(chromedp.Click(chromedp.CSS(`[aria-label="Show Documentation Explorer"]`)))
	page.WaitText(".graphiql-doc-explorer", "Query")
	looked("documentation")
	page.Do(chromedp.Click(chromedp.CSS(`[aria-label="Show History"]`)))
	page.WaitText(".graphiql-history", "InspectFailures")
	looked("history")
	for _, name := range []string{"short keys", "settings"} {
		page.Do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`[aria-label="Open %s dialog"]`, name))))
		page.WaitFor(`document.querySelector(".graphiql-dialog")`)
		looked(name)
		page.Do(chromedp.KeyEvent("\u001b"))
		page.WaitFor(`document.querySelector(".graphiql-dialog") === null`)
	}
	page.CheckQuiet()
}

// The page says how to leave an editor by the keyboard, and that is how: Enter begins to edit, where Tab indents; Escape leaves, and Tab
// goes on.
func TestEditorByKeyboard(t *testing.T) {
	api := newAPI(t)
	page := browsertest.Open(t, api.URL)
	page.Do(chromedp.Navigate(api.URL + "/graphiql/#token=" + token + "&tenant=" + tenant))
	page.OpenTab(4)
	page.WaitText(".keys", "In an editor: Enter begins to edit, Esc leaves it, Tab then goes on.")
	page.WaitFor(`document.querySelector("#" + document.querySelector(".graphiql-query-editor .graphiql-editor").getAttribute("aria-describedby")).innerText`)
	page.WaitFor(`(document.querySelector(".graphiql-query-editor .graphiql-editor").focus(), true)`)
	page.Do(chromedp.KeyEvent("\r"))
	page.WaitFor(`document.activeElement.matches(".graphiql-query-editor .graphiql-editor *")`)
	page.Do(chromedp.KeyEvent("\t"))
	page.WaitFor(`document.activeElement.matches(".graphiql-query-editor .graphiql-editor *")`)
	// An Escape may close what the editor suggests, which it may do once more meanwhile.
	webhooktest.Eventually(t, "Escape leaves the editor", func() bool {
		page.Do(chromedp.KeyEvent("\u001b"))
		return page.Is(`document.activeElement.matches(".graphiql-query-editor .graphiql-editor")`)
	})
	page.Do(chromedp.KeyEvent("\t"))
	page.WaitFor(`!document.activeElement.closest(".graphiql-editor") && document.activeElement !== document.body`)
	page.CheckQuiet()
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
	page.OpenTab(3)
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
	ended    chan struct{} // gets a value when the page has ended the subscription
	streams  atomic.Int64  // how many subscriptions the page began
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
	a.streams.Add(1)
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
