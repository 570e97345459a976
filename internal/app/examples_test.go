package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The examples of docs/api watch through a network that breaks their connections, and refuses new ones for a while: each sees every
// attempt once.
func TestExamplesWatch(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, new(struct{}))
	go func() { // otherwise the receiver would block
		for {
			select {
			case <-receiver.Requests:
			case <-t.Context().Done():
				return
			}
		}
	}()
	network := newNetwork(t, strings.TrimPrefix(p.url, "http://"))
	examples := map[string]*example{
		"genqlient": runExample(t, goExample(t), "http://"+network.address, p.token),
	}
	for _, name := range []string{"urql", "apollo", "sse", "client"} {
		examples[name] = runExample(t, nodeExample(t, name), "http://"+network.address, p.token)
	}
	for name, e := range examples {
		for !e.sees(t, c.publish(t, "start")) {
			t.Logf("%s does not watch yet", name)
		}
	}

	var want []string
	publish := func(n int) {
		for range n {
			want = append(want, c.publish(t, "job.done"))
		}
	}
	publish(10)
	network.cut()
	publish(10) // while they reconnect
	network.down(t, len(examples))
	publish(10) // while they cannot
	network.up()
	publish(10)
	c.settle(t) // otherwise the last could overtake others
	last := c.publish(t, "last")
	slices.Sort(want)
	for name, e := range examples {
		var got []string
		for line := range e.until(t, name, last) {
			if strings.Contains(line, " job.done ") {
				got = append(got, strings.Fields(line)[0])
			}
		}
		slices.Sort(got) // attempts of one webhook run concurrently
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// With a refused token they end with an error that says so, and do not retry.
func TestExamplesRefused(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	examples := []*exec.Cmd{goExample(t)}
	for _, name := range []string{"urql", "apollo", "sse", "client"} {
		examples = append(examples, nodeExample(t, name))
	}
	running, stderr := map[*exec.Cmd]*example{}, map[*exec.Cmd]*bytes.Buffer{}
	for _, cmd := range examples {
		stderr[cmd] = new(bytes.Buffer)
		cmd.Stderr = stderr[cmd]
		running[cmd] = runExample(t, cmd, p.url, "wrong")
	}
	for cmd, e := range running {
		select {
		case line, ok := <-e.lines:
			if ok {
				t.Errorf("%v: %s", cmd.Args, line)
				continue
			}
			_ = cmd.Wait() // its error is expected
			if said := fmt.Sprint(stderr[cmd]); !strings.Contains(said, "token is re") && !strings.Contains(said, "unknown") || strings.Contains(said, "[Network] undefined") {
				t.Errorf("%v: %s", cmd.Args, said)
			}
		case <-time.After(2 * time.Minute):
			t.Errorf("%v goes on", cmd.Args)
		}
	}
}

// The client's own tests pass against a server, and its package has what a program needs and nothing else.
func TestTypeScriptClient(t *testing.T) {
	t.Parallel()
	const dir = "clients/typescript"
	if _, err := os.Stat(dir + "/dist/index.js"); err != nil {
		const missing = "needs `npm ci && npm run build` in " + dir
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	receiver := webhooktest.NewReceiver(t)
	go func() { // otherwise the receiver would block
		for {
			select {
			case <-receiver.Requests:
			case <-t.Context().Done():
				return
			}
		}
	}()
	p := boot(t, t.TempDir())
	cmd := nodeCommand(t.Context(), t, dir, "--test", "test/client.test.js")
	cmd.Env = append(os.Environ(), "HOOKGRAPH_URL="+p.url, "HOOKGRAPH_TOKEN="+p.token, "HOOKGRAPH_RECEIVER="+receiver.URL)
	if out, err := cmd.Output(); err != nil || !bytes.Contains(out, []byte("pass 7")) {
		t.Errorf("%v\n%s", err, out)
	}
	pack := exec.CommandContext(t.Context(), "npm", "pack", "--dry-run", "--json", "--ignore-scripts")
	pack.Dir = dir
	out, err := pack.Output()
	var packages []struct{ Files []struct{ Path string } }
	if err != nil || json.Unmarshal(out, &packages) != nil || len(packages) != 1 || len(packages[0].Files) < 8 {
		t.Fatalf("npm pack: %v %s", err, out)
	}
	for _, f := range packages[0].Files {
		if !strings.HasPrefix(f.Path, "dist/") && f.Path != "README.md" && f.Path != "package.json" {
			t.Errorf("the package has %s", f.Path)
		}
	}
}

// The examples that make one request do what their page says.
func TestExamplesAsk(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	ask := func(cmd *exec.Cmd, token string) string {
		t.Helper()
		cmd.Env = append(os.Environ(), "HOOKGRAPH_URL="+p.url, "HOOKGRAPH_TOKEN="+token)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd.Args, err)
		}
		return strings.TrimSpace(string(out))
	}

	registered := nodeExample(t, "register")
	registered.Args = append(registered.Args, receiver.URL)
	shown := ask(registered, p.token)
	if !regexp.MustCompile(`^[0-9a-f-]{36} whsec_\S+$`).MatchString(shown) {
		t.Fatal(shown)
	}
	if out := ask(nodeExample(t, "register"), p.token); !regexp.MustCompile(`^input\.url: .+ \([A-Z]+\)$`).MatchString(out) {
		t.Error(out)
	}
	if out := ask(nodeExample(t, "register"), "wrong"); !strings.HasPrefix(out, "UNAUTHENTICATED: ") {
		t.Error(out)
	}

	const never = 7 * 24 * 60 * 60 * 1000 // no retry during the test, so that failed attempts can be counted
	first, _, _ := strings.Cut(shown, " ")
	c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } } }`,
		map[string]any{"id": first, "retryScheduleMs": []int{never}}, new(struct{}))
	published := goExample(t)
	published.Args = append(published.Args, "publish", "job.done", `{"job": 42}`)
	id := ask(published, p.token)
	again := goExample(t)
	again.Args = append(again.Args, published.Args[1:]...)
	if out := ask(again, p.token); out != id {
		t.Errorf("published %s, then %s", id, out)
	}
	for range 10 { // a failing webhook is sent to slowly
		c.mutate(t, createWebhook, map[string]any{"url": receiver.URL, "retryScheduleMs": []int{never}}, new(struct{}))
	}
	const failed = 1 + 11*10 // more than one page
	for range 10 {
		c.publish(t, "job.failed")
	}
	for range failed {
		receiver.Next(t)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		out := ask(nodeExample(t, "attempts"), p.token)
		lines := strings.Split(out, "\n")
		if len(lines) == failed && strings.Contains(out, id+" job.done HTTP_STATUS the receiver answered 502") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d failed attempts:\n%s", len(lines), out)
		}
	}
}

// With trusted documents only the clients' documents run, by their hash.
func TestExampleOfTrustedDocuments(t *testing.T) {
	t.Parallel()
	cmd := nodeExample(t, "trusted")
	p := boot(t, t.TempDir(), "--trusted-documents", "docs/examples/typescript/src/gql/persisted-documents.json")
	cmd.Env = append(os.Environ(), "HOOKGRAPH_URL="+p.url, "HOOKGRAPH_TOKEN="+p.token)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `{"data":{"attempts":{"nodes":[],`) {
		t.Errorf("%v %s", err, out)
	}
	var answer struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	c := &client{p.url, p.token}
	if c.rest(t, "POST", "/graphql", `{"query": "{ viewer { operator } }"}`, &answer); len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != "FORBIDDEN" {
		t.Errorf("%+v", answer)
	}
}
