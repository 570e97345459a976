package app

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// received is a request that a receiver got, and the attempt that sent it.
type received struct {
	hook, delivery, attempt string
	headers, body           string
}

// receive has an event sent whose body has what programs change: a number, escapes, line ends.
func (c *client) receive(t *testing.T) *received {
	t.Helper()
	receiver := webhooktest.NewReceiver(t)
	r := &received{hook: c.createWebhook(t, map[string]any{"url": receiver.URL, "events": []string{"order.*"}})}
	var published struct {
		Event struct{ ID string }
	}
	c.mutate(t, `mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) { event { id } } }`,
		map[string]any{"type": "order.paid", "data": json.RawMessage(`{"score":1.50,"name":"Köln"}`)}, &published)
	request := <-receiver.Requests
	c.settle(t)
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		r.headers += name + ": " + request.Header.Get(name) + "\n"
	}
	r.body = string(request.Body)
	r.delivery, r.attempt = c.latest(t)
	return r
}

// paste pastes text into a field, as the clipboard has it.
func paste(page *browsertest.Page, selector, text string) {
	page.WaitFor(fmt.Sprintf(`document.querySelector(%q)`, selector))
	page.WaitFor(fmt.Sprintf(`((e, text) => {
		e.focus(); e.select();
		const data = new DataTransfer(); data.setData("text/plain", text);
		if (e.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}))) document.execCommand("insertText", false, text);
		return true;
	})(document.querySelector(%q), new TextDecoder("utf-8", {ignoreBOM: true}).decode(Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))))`,
		selector, base64.StdEncoding.EncodeToString([]byte(text))))
}

// An attempt's page leads to the debugger, which says that what was sent verifies. A request is pasted as it was received: bodies that were
// printed again, got other line ends or are hostile are explained, with the first byte that differs and invisible characters by name; bytes that a
// text field would change stay what they are. With a webhook it is verified by its secrets. The address has what is asked about, and no body.
func TestDashboardSignatureDebugger(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	r := c.receive(t)
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/deliveries/" + r.delivery + "#token=" + p.token))
	click(page, "Debug its signature")
	page.WaitText("section[aria-label=Result]", "What this attempt sent verifies.")
	page.WaitText("section[aria-label=Result]", "Attempt 1 to http")
	page.WaitFor(fmt.Sprintf(`location.pathname + location.search === "/developers?attempt=%s"`, r.attempt))
	looked(page, axe, "developers-attempt")

	debug := func(body, want string) {
		t.Helper()
		paste(page, "textarea[name=headers]", r.headers)
		paste(page, "textarea[name=body]", body)
		click(page, "Debug the signature")
		page.WaitText("section[aria-label=Result]", want)
	}
	debug(r.body, "The signature verifies. If your code refuses")
	debug(strings.Replace(r.body, "1.50", "1.5", 1), "The body was parsed and printed again")
	page.WaitText(".bytes", `Received …ta":{"score":1.5,"name":"Köln"} bytes 2C`)
	page.WaitText(".bytes", `Sent …ta":{"score":1.50,"name":"Köln" bytes 30`)
	page.WaitText(".bytes mark", ",")
	looked(page, axe, "developers-reprinted")
	page.Do(chromedp.Reload()) // an address is a view, without what was pasted
	page.WaitText("section[aria-label=Result]", "What this attempt sent verifies.")

	// What a text field would change is kept aside, and sent as it is.
	debug(r.body+"\r\n", "White space was added to the end of the body")
	page.WaitText(".bytes mark", "U+000D")
	page.WaitText("section[aria-label='Received body']", "Pasted text, ")
	click(page, "Remove")
	const hostile = "<img src=x onerror=document.title='harmed'>\u202e\u0007"
	debug(hostile, "The body is not what was sent")
	harmless(t, page, "the debugger")
	looked(page, axe, "developers-hostile")
	file := filepath.Join(t.TempDir(), "body.bin")
	if err := os.WriteFile(file, []byte("\uFEFF"+r.body), 0o600); err != nil {
		t.Fatal(err)
	}
	page.Do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{file}))
	page.WaitText("section[aria-label='Received body']", "body.bin, ")
	click(page, "Debug the signature")
	page.WaitText("section[aria-label=Result]", "A byte order mark was put before the body")

	// By the webhook's secrets.
	page.Do(chromedp.Navigate(p.url + "/developers"))
	click(page, "A webhook")
	clickIn(page, ".chooser ", "http")
	page.WaitFor(fmt.Sprintf(`location.search.includes("webhook=%s")`, r.hook))
	debug(r.body, "The signature verifies.")
	debug(r.body+" ", "White space was added to the end of the body")
	paste(page, "textarea[name=headers]", "nothing")
	page.WaitText(".wrong", "No header fields were found")
	page.Do(chromedp.Navigate(p.url + "/developers?attempt=00000000-0000-7000-8000-000000000000"))
	page.WaitText(".wrong", "does not exist")

	reader := c.createToken(t, map[string]any{"name": "publisher", "scopes": []string{"EVENTS_PUBLISH"}})
	page.Do(chromedp.Navigate(p.url + "/developers#token=" + reader.Credential))
	page.WaitText("main", "the token does not have the scope DELIVERIES_READ")
	page.CheckQuiet()
}

// The examples are the files of the documentation, byte for byte, each loaded when it is shown; the command for listen has what was chosen,
// quoted for a shell, and no token; a tenant's tokens are created and revoked there, and those who may not see the own one. Addresses are views.
func TestDashboardDevelopers(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	p := boot(t, t.TempDir())
	c := &client{url: p.url, token: p.token}
	hook := c.createWebhook(t, map[string]any{"url": "https://example.com/hooks"})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/developers/verify#token=" + p.token))
	for language, name := range map[string]string{
		"Go": "go/verify.go", "Node.js": "node/verify.mjs", "Python": "python/verify.py", "Ruby": "ruby/verify.rb", "PHP": "php/verify.php",
		"Java": "java/Verify.java", "C#": "csharp/Webhook.cs", "Rust": "rust/verify.rs",
	} {
		source, err := os.ReadFile(filepath.Join("docs/examples/verify", name))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(string(source))
		if err != nil {
			t.Fatal(err)
		}
		clickIn(page, ".choice ", language)
		page.WaitFor(fmt.Sprintf(`document.querySelector("pre.source")?.textContent === %s`, text))
	}
	clickIn(page, ".choice ", "Rust")
	page.WaitText("section[aria-label='sha256.rs']", "sha256.rs")
	page.Do(chromedp.Reload())
	page.WaitText("section[aria-label='verify.rs'] pre", "fn ")
	looked(page, axe, "developers-verify")
	clickIn(page, ".chooser ", "https://example.com/hooks")
	page.WaitFor(fmt.Sprintf(`document.querySelector('a[href="/webhooks/%s/test"]')`, hook))

	click(page, "Listen")
	page.WaitText("pre.command", "HOOKGRAPH_URL="+p.url+" hookgraph listen --forward=http://localhost:3000/hooks --webhook="+hook)
	fill(page, "input[name=forward]", "http://localhost:1/it's; echo $(id)")
	fill(page, "input[name=events]", "order.* parcel.sent")
	page.WaitText("pre.command", "--type=parcel.sent")
	page.Do(chromedp.Reload())
	page.WaitText("pre.command", "--type=parcel.sent")
	looked(page, axe, "developers-listen")
	command := page.Text("pre.command")
	said, err := exec.CommandContext(t.Context(), "sh", "-c", `hookgraph() { printf '%s\n' "$HOOKGRAPH_URL" "$@"; }; `+command).CombinedOutput()
	want := strings.Join([]string{p.url, "listen", "--forward=http://localhost:1/it's; echo $(id)", "--webhook=" + hook, "--type=order.*", "--type=parcel.sent", ""}, "\n")
	if err != nil || string(said) != want {
		t.Errorf("a shell reads %s, %v", said, err)
	}
	if page.Is(`document.body.innerText.includes(` + fmt.Sprintf("%q", p.token) + `)`) {
		t.Error("the page shows the token")
	}

	click(page, "Tokens")
	page.WaitText("main", "This page uses the token")
	click(page, "Create a token")
	fill(page, "input[name=name]", "laptop")
	click(page, "DELIVERIES_READ")
	click(page, "Create")
	page.WaitText("dialog .secret", "hg_")
	secret := page.Text("dialog .secret code")
	click(page, "I have kept the secret")
	page.WaitText("tbody tr", "laptop")
	looked(page, axe, "developers-tokens")
	own := &client{url: p.url, token: secret}
	clickIn(page, "tbody ", "Revoke…")
	click(page, "Revoke it")
	webhooktest.Eventually(t, "the server refuses the revoked token", func() bool {
		return own.rest(t, "GET", "/v1/deliveries", "", nil) == http.StatusUnauthorized
	})
	reader := c.createToken(t, map[string]any{"name": "reader", "scopes": []string{"WEBHOOKS_READ"}})
	page.Do(chromedp.Navigate(p.url + "/developers/tokens#token=" + reader.Credential))
	page.WaitText("main", "This page uses the token test with the scopes WEBHOOKS_READ")
	page.WaitText("main", "the token does not have the scope ADMIN")
	page.CheckQuiet()
}
