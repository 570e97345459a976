package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var clientShell = regexp.MustCompile("(?s)```sh\n(hookgraph health\n.*?)```\n")

// remotely is the environment of commands that call the program's server.
func (p *program) remotely(name string) string {
	return map[string]string{"HOOKGRAPH_URL": p.url, "HOOKGRAPH_TOKEN": p.token}[name]
}

// call runs a command that calls the program's server.
func (p *program) call(t *testing.T, input string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = cli.Run(t.Context(), cli.Env{Args: args, Getenv: p.remotely, Stdin: strings.NewReader(input), Stdout: &out, Stderr: &errs})
	return out.String(), errs.String(), err
}

// The commands in docs/cli.md do what it says, in a shell.
func TestCommandsOfDocs(t *testing.T) {
	page, err := os.ReadFile("docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	block := clientShell.FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/cli.md has no commands")
	}
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("no \x1b[2Jtea"))
	})
	p := boot(t, t.TempDir())
	ids := map[string]string{} // by the command that takes them
	for text := range strings.Lines(string(block[1])) {
		text = strings.TrimSpace(text)
		words := strings.Fields(text)
		text = strings.ReplaceAll(text, "https://receiver.example/hooks", receiver.URL)
		text = someID.ReplaceAllString(text, ids[words[1]])
		if words[1] == "deliveries" && ids["deliveries"] == "" {
			ids["deliveries"] = p.failed(t)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `hookgraph() { "$PROGRAM" "$@"; }; `+text)
		cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1", "PROGRAM="+os.Args[0], "HOOKGRAPH_URL="+p.url, "HOOKGRAPH_TOKEN="+p.token)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%v %s", text, err, out)
		}
		if words[1] == "webhooks" && words[len(words)-1] != "webhooks" && ids["webhooks"] == "" {
			ids["webhooks"], _, _ = strings.Cut(string(out), "\n")
			(&client{p.url, p.token}).mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { id } userErrors { message } } }`,
				map[string]any{"id": ids["webhooks"], "retryScheduleMs": []int{}}, new(struct{}))
		}
		for after, want := range map[string]string{
			"health": "ok\n", "create": "\nwhsec_", "FAILED": ids["deliveries"] + "  FAILED", "get": "no \uFFFD[2Jtea", "retry": ids["deliveries"] + "  PENDING",
			"--tag": `"tags":["lab"]`, "search": "Event", "webhooks": "the lab", "disable": "disabled: MANUAL",
		} {
			if slices.Contains(words[:min(4, len(words))], after) && words[1] != "publish" && (after != "webhooks" || len(words) == 2) && !strings.Contains(string(out), want) {
				t.Errorf("%s\nprints %s, without %q", text, out, want)
			}
		}
	}
}

// failed returns the id of the one delivery, which fails.
func (p *program) failed(t *testing.T) (id string) {
	t.Helper()
	webhooktest.Eventually(t, "the delivery has failed", func() bool {
		out, _, err := p.call(t, "", "deliveries", "--json", "--status", "FAILED")
		var d struct{ ID string }
		if err != nil || json.Unmarshal([]byte(out), &d) != nil {
			return false
		}
		id = d.ID
		return true
	})
	return id
}

// Lines are published in their order, those that are refused are told by their numbers, and a repeated call publishes nothing twice.
func TestPublishLines(t *testing.T) {
	p := boot(t, t.TempDir())
	input := `{"type": "a.one", "data": 12345678901234567890.10, "idempotencyKey": "1"}

{"type": "not a type", "data": 1}
{"type": "a.two", "data": null, "idempotencyKey": "2"}
`
	first, told, err := p.call(t, input, "publish", "--lines")
	if err == nil || err.Error() != "1 events were refused" || !strings.HasPrefix(told, "line 3: ") || strings.Count(told, "\n") != 1 || strings.Count(first, "\n") != 2 {
		t.Errorf("%q, %q, %v", first, told, err)
	}
	if again, _, _ := p.call(t, input, "publish", "--lines"); again != first {
		t.Errorf("%q, and again %q", first, again)
	}
	id, _, _ := strings.Cut(first, "\n")
	if out, _, err := p.call(t, "", "events", "get", id); err != nil || !strings.Contains(out, "data 12345678901234567890.10\n") {
		t.Errorf("%s %v", out, err)
	}
	var many strings.Builder
	for range 250 {
		many.WriteString(`{"type": "a.many", "data": 1}` + "\n")
	}
	if out, _, err := p.call(t, many.String(), "publish", "--lines", "--json"); err != nil || strings.Count(out, `"type":"a.many"`) != 250 {
		t.Errorf("%d are published, %v", strings.Count(out, `"type":"a.many"`), err)
	}
	if out, _, err := p.call(t, "", "events", "--type", "a.many", "--limit", "250", "--json"); err != nil || strings.Count(out, "\n") != 250 {
		t.Errorf("%d are listed, %v", strings.Count(out, "\n"), err)
	}
	if out, told, err := p.call(t, `{"type": "a.one", "data": 1}`+"\n[1]\n", "publish", "--lines"); err == nil || strings.Count(out, "\n") != 1 || !strings.Contains(err.Error(), "line 2: is not a JSON object") {
		t.Errorf("%q %q %v", out, told, err)
	}
}

// Mistakes of those who call a server are told, and say what to do.
func TestMistakesOfClients(t *testing.T) {
	p := boot(t, t.TempDir())
	const nobody = "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11"
	for want, args := range map[string][]string{
		"--limit: must be 1 to 10000":         {"events", "--limit", "10001"},
		"--data: is not JSON":                 {"publish", "a.b", "--data", "{"},
		"--data: open ":                       {"publish", "a.b", "--data", "@/nowhere"},
		"TYPE: is required":                   {"publish"},
		"--lines: each line has a type":       {"publish", "a.b", "--lines"},
		"--filter: is not JSON":               {"webhooks", "create", "https://example.com", "--filter", "$"},
		"nothing to change":                   {"webhooks", "update", nobody},
		`ID "` + nobody + `": does not exist`: {"webhooks", "enable", nobody},
		"there is no webhook " + nobody:       {"webhooks", "get", nobody},
		"there is no event " + nobody:         {"events", "get", nobody},
		"there is no replay " + nobody:        {"replay", "get", nobody},
		"there is no delivery " + nobody:      {"deliveries", "get", nobody},
		`ID "` + nobody + `": does not exis`:  {"deliveries", "cancel", nobody},
		`--tenant: the tenant "nope" does not exist, or the token may not act for it`: {"events", "--tenant", "nope"},
		`--tenant: the tenant "none" does not exist, or the token may not act for it`: {"tail", "--tenant", "none"},
		`--tenant: the tenant "no" does not exist, or the token may not act for it`:   {"publish", "a.b", "--tenant", "no"},
		"nothing is found": {"search", "xylophone"},
		`--status: "none" is none of PENDING, HELD, SUCCEEDED, FAILED, CANCELED`:       {"deliveries", "--status", "none"},
		`--status: "some" is none of PENDING, HELD`:                                    {"replay", "preview", "--status", "some"},
		`--status: "open" is none of PENDING, ACTIVE`:                                  {"portal", "sessions", "--status", "open"},
		`--error: "x" is none of DNS, CONNECT`:                                         {"deliveries", "--error", "x"},
		`--scope: "x" is none of webhooks:read`:                                        {"portal", "link", "--label", "x", "--scope", "x"},
		`--type "!!": must be words of`:                                                {"events", "--type", "!!"},
		`--type "a.*.b": must have`:                                                    {"tail", "--type", "a.*.b"},
		`--type "!": must be`:                                                          {"webhooks", "create", "https://example.com", "--type", "!"},
		`TYPE "!!!": must be words`:                                                    {"publish", "!!!"},
		`--rate 0: must be from 1 to 10000`:                                            {"webhooks", "create", "https://example.com", "--rate", "0"},
		`--rate 99999999999: must be a 32-bit`:                                         {"replay", "preview", "--rate", "99999999999"},
		`URL "ftp://x": the URL must start`:                                            {"webhooks", "create", "ftp://x"},
		`--filter foo: must be type, tags or data`:                                     {"webhooks", "create", "https://example.com", "--filter", `{"foo": 1}`},
		`--theme-color "red": must be like`:                                            {"portal", "link", "--label", "x", "--theme-color", "red"},
		`--expires 172800000: must be from 1000`:                                       {"portal", "link", "--label", "x", "--expires", "48h"},
		`--webhook: "x" is not an ID like`:                                             {"tail", "--webhook", "x"},
		`--event: "x" is not an ID like`:                                               {"deliveries", "--event", "x"},
		`--delivery: "x" is not an ID like`:                                            {"replay", "create", "--delivery", "x"},
		`500-599, from 100 to 999`:                                                     {"deliveries", "--http-status", "600-500"},
		`Z": must be after --since`:                                                    {"replay", "preview", "--since", "1h", "--until", "2h"},
		`--until "2`:                                                                   {"events", "--since", "1h", "--until", "2h"},
		`TEXT "": must not be empty`:                                                   {"search", ""},
		`--url: "localhost:8080" is not an address`:                                    {"events", "--url", "localhost:8080"},
		`--url: "127.0.0.1:8080" is not an address`:                                    {"tail", "--url", "127.0.0.1:8080"},
		`--url: "http://" is not an address`:                                           {"health", "--url", "http://"},
		`--url: must have no user name`:                                                {"events", "--url", "http://u:p@127.0.0.1"},
		`--timeout: must be longer than 0`:                                             {"health", "--timeout", "0"},
		"the server ended the connection: Forbidden: a valid bearer token is required": {"tail", "--token", "hg_wrong"},
		"401 Unauthorized":                                                             {"events", "--token", "hg_wrong"},
		"is neither a status such as 503 nor":                                          {"deliveries", "--http-status", "5xx"},
		"not ready: the server at http://127.0.0.1:1 cannot be reached: dial tcp":      {"health", "--url", "http://127.0.0.1:1"},
		"; hookgraph serve starts a server, and --url":                                 {"events", "--url", "http://127.0.0.1:1"},
		"the server at http://127.0.0.1:1 cannot be reached: dial":                     {"tail", "--url", "http://127.0.0.1:1"},
		"401 Unauthorized: a valid bearer token is required":                           {"webhooks", "--token", "hg_wrong"},
		"not ready: GET /readyz: the server answered 404":                              {"health", "--url", p.url + "/v1"},
		"--tenant": {"events", "--tenant"},
		"--enabled and --disabled can't be used t": {"webhooks", "--enabled", "--disabled"},
	} {
		if out, _, err := p.call(t, "", args...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%v: %s %v, want %q", args, out, err, want)
		}
	}
}

// Tail goes on over restarts of the server: every attempt is printed once, also those that are recorded before it is connected again.
func TestTailGoesOn(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	dir := t.TempDir()
	p := boot(t, dir)
	c := &client{p.url, p.token}
	var made struct{ Webhook struct{ ID string } }
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &made)
	ctx, stop := context.WithCancel(t.Context())
	var out, told transcript
	ended := make(chan error, 1)
	go func() {
		ended <- cli.Run(ctx, cli.Env{Args: []string{"tail", "--since", "1h", "--json"}, Getenv: p.remotely, Stdout: &out, Stderr: &told})
	}()
	var want []string
	for range 4 {
		for range 3 {
			id := c.publish(t, "a.b")
			want = append(want, id)
		}
		out.await(t, want[len(want)-1])
		p.stop()
		told.await(t, "the connection is lost")
		p = boot(t, dir, "--listen", strings.TrimPrefix(c.url, "http://"))
		want = append(want, c.publish(t, "a.b"))
		out.await(t, want[len(want)-1])
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	for _, id := range want {
		if n := bytes.Count(out.text.Bytes(), []byte(`"event":{"id":"`+id+`"`)); n != 1 {
			t.Errorf("the attempt of event %s is printed %d times", id, n)
		}
	}
	if n := bytes.Count(out.text.Bytes(), []byte("\n")); n != len(want) {
		t.Errorf("%d lines, want %d", n, len(want))
	}
}

// A receiver whose code refuses a request finds out why: from what it got and its secret, from what was sent, or from what its code computes.
func TestVerify(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	var made struct{ Secret string }
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &made)
	c.publish(t, "a.b")
	r := receiver.Next(t)
	text := r.Body
	attempt := ""
	webhooktest.Eventually(t, "the attempt is recorded", func() bool {
		_, _, answer := c.answer(t, "/graphql", "application/json", `{"query": "{ attempts(first: 1) { nodes { id } } }"}`)
		attempt = someID.FindString(answer)
		return attempt != ""
	})
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	var lines bytes.Buffer
	if err := r.Header.Write(&lines); err != nil {
		t.Fatal(err)
	}
	object, err := json.Marshal(r.Header)
	if err != nil {
		t.Fatal(err)
	}
	asLines, asObject, good, bad := write("lines", lines.Bytes()), write("object", object), write("good", text), write("bad", append(bytes.Clone(text), '\n'))
	secret := []string{"--secret", made.Secret}
	weak := c.createToken(t, map[string]any{"name": "publisher", "scopes": []string{"EVENTS_PUBLISH"}}).Credential
	for name, tc := range map[string]struct {
		args []string
		want string
		ok   bool
	}{
		"lines":               {append([]string{"--headers", asLines, "--body", good}, secret...), "the signature is right, by scheme v1", true},
		"an object":           {append([]string{"--headers", asObject, "--body", good}, secret...), "the signature is right, by scheme v1", true},
		"as JSON":             {append([]string{"--headers", asObject, "--body", good, "--json"}, secret...), `"valid":true`, true},
		"a line end":          {append([]string{"--headers", asLines, "--body", bad}, secret...), "BODY_WHITESPACE", false},
		"a line end, compare": {[]string{"--headers", asLines, "--body", bad, "--attempt", attempt}, fmt.Sprintf("number %d, counted", len(text)), false},
		"what was sent":       {append([]string{"--attempt", attempt}, secret...), "the signature is right, by scheme v1", true},
		"the same":            {[]string{"--headers", asLines, "--body", good, "--attempt", attempt}, "the signature is right, by scheme v1", true},
		"the attempt alone":   {[]string{"--attempt", attempt}, "the signature is right, by scheme v1", true},
		"the server, as JSON": {[]string{"--attempt", attempt, "--json"}, `"scheme":"v1"`, true},
		"the server, code":    {[]string{"--attempt", attempt, "--computed", "AAAA"}, "of something else", false},
		"the server, late":    {[]string{"--headers", asLines, "--body", good, "--attempt", attempt, "--at", time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)}, "CLOCK", false},
		"code":                {append([]string{"--attempt", attempt, "--computed", "AAAA"}, secret...), "of something else", false},
		"a day later":         {append([]string{"--headers", asLines, "--body", good, "--at", time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)}, secret...), "CLOCK", false},
	} {
		out, _, err := p.call(t, "", append([]string{"verify"}, tc.args...)...)
		if (err == nil) != tc.ok || !strings.Contains(out, tc.want) {
			t.Errorf("%s: %s %v, want %q", name, out, err, tc.want)
		}
	}
	if out, _, err := p.call(t, string(text), append([]string{"verify", "--headers", asLines, "--body", "-"}, secret...)...); err != nil {
		t.Errorf("the standard input: %s %v", out, err)
	}
	for want, args := range map[string][]string{
		"both are required":   {"--headers", asLines},
		"--secret: is req":    {"--headers", asLines, "--body", good},
		"--secret: is not":    {"--headers", asLines, "--body", good, "--secret", "whsec_%"},
		"--attempt: ":         {"--attempt", "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11"},
		"there is no attempt": {"--attempt", "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11", "--secret", made.Secret},
		"DELIVERIES_READ":     {"--attempt", attempt, "--token", weak},
		"--headers: open":     {"--headers", dir + "/none", "--body", good, "--secret", made.Secret},
		"only one can be the": {"--headers", "-", "--body", "-", "--secret", made.Secret},
	} {
		if out, _, err := p.call(t, "", append([]string{"verify"}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %s %v, want %q", args, out, err, want)
		}
	}
}

// A webhook is registered with probes, shown so, and changed: --no-probe ends them, and leaving the flag out keeps what is set.
func TestProbeFlag(t *testing.T) {
	p := boot(t, t.TempDir())
	webhooks := func(args ...string) string {
		t.Helper()
		out, told, err := p.call(t, "", append([]string{"webhooks"}, args...)...)
		if err != nil {
			t.Fatalf("%v: %v %s", args, err, told)
		}
		return out
	}
	const probed = "is probed if it is disabled because it fails"
	id, _, _ := strings.Cut(webhooks("create", "--probe", "https://hooks.example/"), "\n")
	for _, step := range []struct {
		flags  []string
		probed bool
	}{{nil, true}, {[]string{"--description", "the lab"}, true}, {[]string{"--no-probe"}, false}, {[]string{"--description", "a lab"}, false}, {[]string{"--probe"}, true}} {
		if step.flags != nil {
			webhooks(append([]string{"update", id}, step.flags...)...)
		}
		if out := webhooks("get", id); strings.Contains(out, probed) != step.probed {
			t.Errorf("after %v it is shown as %s", step.flags, out)
		}
		if out := webhooks("get", id, "--json"); strings.Contains(out, `"probe":true`) != step.probed {
			t.Errorf("after %v it is %s", step.flags, out)
		}
	}
	plain, _, _ := strings.Cut(webhooks("create", "https://hooks.example/plain"), "\n")
	if out := webhooks("get", plain); strings.Contains(out, probed) {
		t.Errorf("without the flag it is %s", out)
	}
}

// Every list prints JSON if that is asked for, one object a line, with the names and values of the API; and so does what else shows or makes something.
func TestListsHaveJSON(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	p := boot(t, t.TempDir())
	hook, _, err := p.call(t, "", "webhooks", "create", receiver.URL, "--json")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.call(t, "", "publish", "a.b"); err != nil {
		t.Fatal(err)
	}
	for _, note := range []string{"one", "two"} {
		if out, _, err := p.call(t, "", "replay", "create", "--note", note, "--json"); err != nil || !strings.Contains(out, `"note":"`+note+`"`) {
			t.Fatalf("%s %v", out, err)
		}
	}
	replays, _, err := p.call(t, "", "replay", "list", "--json", "--limit", "1")
	id := someID.FindString(replays)
	if err != nil || !strings.Contains(replays, `"note":"two"`) || strings.Count(replays, "\n") != 1 {
		t.Errorf("%s %v", replays, err)
	}
	if _, _, err := p.call(t, "", "portal", "link", "--label", "ada"); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"webhooks list":                      `"url":"` + receiver.URL,
		"events list":                        `"type":"a.b"`,
		"deliveries list":                    `"webhookId":"` + someID.FindString(hook),
		"portal sessions":                    `"label":"ada"`,
		"search a.b":                         "",
		"replay list":                        `"kind":"FAILED"`,
		"replay preview --kind ALL":          `"precision":"EXACT"`,
		"replay watch " + id:                 `"completedAt":"`,
		"token list --database " + p.dir:     `"scopes":["WEBHOOKS_READ",`,
		"migrate status --database " + p.dir: `"applied":true`,
		"config":                             `"setting":"--listen"`,
	} {
		out, _, err := p.call(t, "", append(strings.Fields(command), "--json")...)
		if err != nil && want != "" || !strings.Contains(out, want) {
			t.Errorf("%s: %s %v, want %s", command, out, err, want)
		}
		for text := range strings.Lines(out) {
			var object map[string]any
			if err := json.Unmarshal([]byte(text), &object); err != nil {
				t.Errorf("%s: %s is not an object: %v", command, text, err)
			}
		}
	}
}
