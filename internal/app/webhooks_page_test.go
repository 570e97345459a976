package app

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var shownPython = regexp.MustCompile("(?s)```python\n(.*?)```\n")

// The receiver of docs/webhooks.md stores each event once, however often it comes, answers the repetitions with success, and refuses a request whose
// signature is wrong. A webhook's deliveries to it succeed.
func TestReceiverOfDocs(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	page, err := os.ReadFile("docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	code := shownPython.FindSubmatch(page)
	verify, err := os.ReadFile("docs/examples/verify/python/verify.py")
	if err != nil || code == nil {
		t.Fatal(code, err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"receiver.py": code[1], "verify.py": verify} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	var made struct {
		Webhook struct{ ID string }
		Secret  string
	}
	c.mutate(t, createWebhook, map[string]any{"url": "https://receiver.example/"}, &made)
	port, said := runReceiver(t, python, dir, made.Secret)
	url := "http://127.0.0.1:" + port + "/hooks"
	c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`,
		map[string]any{"id": made.Webhook.ID, "url": url}, new(struct{}))

	c.publish(t, "order.paid")
	var id string
	webhooktest.Eventually(t, "the delivery succeeds", func() bool {
		_, _, answer := c.answer(t, "/graphql", "application/json", `{"query": "{ deliveries(first: 1) { nodes { id status } } }"}`)
		id = someID.FindString(answer)
		return strings.Contains(answer, "SUCCEEDED")
	}, said)
	c.mutate(t, `mutation ($input: RetryDeliveryInput!) { done: retryDelivery(input: $input) { delivery { id } userErrors { message } } }`, map[string]any{"id": id}, new(struct{}))
	webhooktest.Eventually(t, "it succeeds again", func() bool {
		_, _, answer := c.answer(t, "/graphql", "application/json", fmt.Sprintf(`{"query": "{ attempts(first: 5) { nodes { number status } } delivery(id: \"%s\") { status } }"}`, id))
		return strings.Contains(answer, `"number":2`) && strings.Count(answer, "SUCCEEDED") == 3
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a request that is not signed gets %d", res.StatusCode)
	}
	driver := "sqlite" // without cgo, where sqlite3 has nothing behind it
	if !slices.Contains(sql.Drivers(), driver) {
		driver = "sqlite3"
	}
	db, err := sql.Open(driver, filepath.Join(dir, "inbox.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM events").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d events are stored, %v", n, err)
	}
}

// runReceiver runs receiver.py of the directory until the test ends, and returns its port, and what it says.
func runReceiver(t *testing.T, python, dir, secret string) (port string, said func() string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-B", "receiver.py")
	var errs bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &errs
	cmd.Env = append(os.Environ(), "PORT=0", "HOOKGRAPH_WEBHOOK_SECRET="+secret)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on port ")
	if !ok {
		t.Fatalf("it says %q: %v", line, err)
	}
	return port, errs.String
}
