package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/signature"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// listenRun is a running hookgraph listen.
type listenRun struct {
	out, told transcript
	ended     chan error
	cancel    func()
}

// listen starts hookgraph listen with --json, and a cache directory.
func (p *program) listen(t *testing.T, cache string, args ...string) *listenRun {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listenRun{ended: make(chan error, 1), cancel: cancel}
	env := cli.Env{
		Args: append([]string{"listen", "--json"}, args...), Getenv: p.remotely, Stdout: &l.out, Stderr: &l.told,
		CacheDir: func() (string, error) { return cache, nil },
	}
	go func() { l.ended <- cli.Run(ctx, env) }()
	t.Cleanup(func() {
		cancel()
		l.ended <- <-l.ended
	})
	return l
}

// stop stops it, as Ctrl-C does.
func (l *listenRun) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	err := <-l.ended
	l.ended <- nil
	if err != nil {
		t.Error(err)
	}
}

// fails waits until it fails with an error that has the text.
func (l *listenRun) fails(t *testing.T, text string) {
	t.Helper()
	var err error
	select {
	case err = <-l.ended:
	case <-time.After(time.Minute):
		t.Fatalf("it does not end, want %q", text)
	}
	l.ended <- nil
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("it ends with %v, want %q", err, text)
	}
}

// printed is a line of listen --forward.
type printed struct {
	EventID, EventType, Trigger, Error, Body, File string
	Number, Status                                 int
}

// lines waits until at least n lines are printed, and returns all.
func (l *listenRun) lines(t *testing.T, n int) (lines []printed) {
	t.Helper()
	webhooktest.Eventually(t, fmt.Sprintf("%d lines are printed", n), func() bool {
		l.out.mu.Lock()
		defer l.out.mu.Unlock()
		return bytes.Count(l.out.text.Bytes(), []byte("\n")) >= n
	}, func() string {
		l.told.mu.Lock()
		defer l.told.mu.Unlock()
		return l.told.text.String()
	})
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	for line := range strings.Lines(l.out.text.String()) {
		var p printed
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(line, err)
		}
		lines = append(lines, p)
	}
	return lines
}

var ownSecret = regexp.MustCompile(`signed with the secret (whsec_\S+)`)

// secret returns the secret that it printed.
func (l *listenRun) secret(t *testing.T) string {
	t.Helper()
	l.told.await(t, "is forwarded to")
	l.told.mu.Lock()
	defer l.told.mu.Unlock()
	found := ownSecret.FindStringSubmatch(l.told.text.String())
	if found == nil {
		t.Fatal(l.told.text.String())
	}
	return found[1]
}

// verified reports what is wrong with the signature of a request; "" if it is right.
func verified(t *testing.T, r webhooktest.Received, secret string) string {
	t.Helper()
	key, err := signature.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	report := signature.Explain(&signature.Received{Header: r.Header, Body: r.Body, At: r.At}, []*signature.Key{key}, nil)
	if report.Valid {
		return ""
	}
	return fmt.Sprintf("%+v", report.Causes)
}

// What is sent to webhooks is forwarded once, with the same body and headers and a signature that the code at the endpoint verifies, whatever
// it answers; scheduled retries are not, and what somebody asks for is. A later run goes on where the last one ended, unless it is told not to.
func TestListenForwards(t *testing.T) {
	receiver, local := webhooktest.NewReceiver(t), webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	local.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("\x1b[2J" + strings.Repeat("ß", 500)))
	})
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	before := c.publish(t, "a.before")
	hook := c.createWebhook(t, map[string]any{"url": receiver.URL, "events": []string{"a.*"}, "retryScheduleMs": []int{1, 1}, "headers": []map[string]any{
		{"name": "X-Plain", "value": "plain"}, {"name": "X-Hidden", "value": "hidden", "sensitive": true},
	}})
	c.createWebhook(t, map[string]any{"url": receiver.URL, "events": []string{"b.*"}, "retryScheduleMs": []int{}})
	cache := t.TempDir()
	l := p.listen(t, cache, "--forward", local.URL+"/hooks?x=1", "--type", "a.*,c.d", "--webhook", hook)
	secret := l.secret(t)

	c.publish(t, "b.other")
	first := c.publish(t, "a.first")
	sent, got := receiver.Next(t), local.Next(t)
	for sent.Header.Get("webhook-id") != first {
		sent = receiver.Next(t)
	}
	if wrong := verified(t, got, secret); wrong != "" || !bytes.Equal(got.Body, sent.Body) || got.Path != "/hooks" {
		t.Errorf("%s: %s is forwarded to %s, and %s was sent", wrong, got.Body, got.Path, sent.Body)
	}
	for name, want := range map[string]string{"webhook-id": first, "Content-Type": sent.Header.Get("Content-Type"), "X-Plain": "plain", "X-Hidden": ""} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	c.settle(t) // the two retries were made
	out, _, err := p.call(t, "", "deliveries", "--json", "--webhook", hook)
	var delivery struct{ ID string }
	if err != nil || json.Unmarshal([]byte(out), &delivery) != nil {
		t.Fatal(out, err)
	}
	if out, _, err := p.call(t, "", "deliveries", "retry", delivery.ID); err != nil {
		t.Fatal(out, err)
	}
	lines := l.lines(t, 2)
	if got := local.Next(t); got.Header.Get("webhook-id") != first {
		t.Errorf("a retry by hand: %v", got.Header)
	}
	for i, want := range []printed{{Number: 1, Trigger: "SCHEDULE"}, {Number: 4, Trigger: "MANUAL"}} {
		if is := lines[i]; is.Number != want.Number || is.Trigger != want.Trigger || is.EventID != first || is.Status != 500 || !strings.HasPrefix(is.Body, "\uFFFD[2Jßß") || len(is.Body) > 300 {
			t.Errorf("%+v, want %+v", is, want)
		}
	}
	p.listen(t, cache, "--forward", local.URL+"/hooks?x=1", "--webhook", hook, "--type", "c.d,a.*").fails(t, "is in use by another process: another listen has the same")
	l.stop(t)

	meanwhile := c.publish(t, "a.meanwhile")
	c.settle(t)
	again := p.listen(t, cache, "--forward", local.URL+"/hooks?x=1", "--type", "a.*,c.d", "--webhook", hook, "--since", "1h")
	if is := again.lines(t, 1); is[0].EventID != meanwhile || again.secret(t) != secret {
		t.Errorf("the next run: %+v", is)
	}
	again.told.await(t, "where the last run ended")
	again.stop(t)
	restarted := p.listen(t, cache, "--forward", local.URL+"/hooks?x=1", "--type", "a.*,c.d", "--webhook", hook, "--since", "1h", "--restart", "--retries")
	for i, is := range restarted.lines(t, 5+2) { // each delivery was attempted three times, and one of them by hand and, if it failed, twice more
		if want := map[bool]string{true: first, false: meanwhile}[i < 4]; is.EventID != want && is.EventID != first || is.EventID == before {
			t.Errorf("everything again: %d: %+v", i, is)
		}
	}
	restarted.stop(t)
}

// While the endpoint cannot be reached, nothing is lost, and when it can, everything arrives once and in order. An answer that does not come in
// time is told, and the next is sent.
func TestListenWaitsForTheEndpoint(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL})
	// A connection holds the port until the endpoint takes it.
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	holder, err := net.Dial("tcp", other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	address := holder.LocalAddr().String()
	l := p.listen(t, t.TempDir(), "--forward", "http://"+address, "--timeout", "3s")
	l.told.await(t, "is forwarded to")
	var want []string
	for range 3 {
		want = append(want, c.publish(t, "a.b"))
		receiver.Next(t) // one after the other, so that they are recorded in this order
		c.settle(t)
	}
	l.told.await(t, "the endpoint cannot be reached")
	if err := holder.(*net.TCPConn).SetLinger(0); err != nil { // so that nothing is left of it
		t.Fatal(err)
	}
	_ = holder.Close()
	var mine net.Listener
	webhooktest.Eventually(t, "the endpoint has its port", func() bool {
		mine, err = net.Listen("tcp", address)
		return err == nil
	})
	got := make(chan string, 10)
	hang := make(chan struct{})
	server := &httptest.Server{Listener: mine, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("webhook-id")
		got <- id
		if id == want[1] {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	})}}
	server.Start()
	defer server.Close()
	defer close(hang)
	for i, is := range l.lines(t, 3) {
		if id := <-got; id != want[i] || is.EventID != want[i] || (is.Error == "no complete answer within 3s") != (i == 1) || (is.Status == 200) != (i != 1) {
			t.Errorf("%d: %s arrived, %+v, want %s", i, id, is, want[i])
		}
	}
	l.stop(t)
}

// What is forwarded is recorded, byte for byte, and what was recorded is sent again, in order, with the same IDs and new signatures.
func TestListenRecordsAndReplays(t *testing.T) {
	receiver, local := webhooktest.NewReceiver(t), webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL})
	cache, dir := t.TempDir(), filepath.Join(t.TempDir(), "recorded")
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	l := p.listen(t, cache, "--forward", local.URL, "--record", dir, "--secret", secret)
	l.told.await(t, "is forwarded to")
	var first []webhooktest.Received
	for i := range 3 {
		c.publish(t, fmt.Sprintf("a.b%d", i))
		first = append(first, local.Next(t))
	}
	for i, is := range l.lines(t, 3) {
		text, err := os.ReadFile(is.File)
		if err != nil || !bytes.HasSuffix(text, append([]byte("\r\n\r\n"), first[i].Body...)) || !strings.Contains(filepath.Base(is.File), fmt.Sprintf("%08d-a.b%d-", i+1, i)) {
			t.Errorf("%s: %s %v", is.File, text, err)
		}
	}
	l.stop(t)
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err := p.call(t, "", "listen", "--forward", local.URL, "--replay", dir, "--secret", secret)
	if err != nil || strings.Count(out, "\n") != 3 {
		t.Errorf("%s %v", out, err)
	}
	for _, was := range first {
		is := local.Next(t)
		if wrong := verified(t, is, secret); wrong != "" || !bytes.Equal(is.Body, was.Body) || is.Header.Get("webhook-id") != was.Header.Get("webhook-id") {
			t.Errorf("%s: %v %s, want %v %s", wrong, is.Header, is.Body, was.Header, was.Body)
		}
	}
	local.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	if out, _, err := p.call(t, "", "listen", "--forward", local.URL, "--replay", dir, "--secret", secret); err == nil || err.Error() != "3 of 3 requests were not answered with 2xx" {
		t.Errorf("%s %v", out, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "00000002-bad.http"), []byte("no headers"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _, err := p.call(t, "", "listen", "--forward", local.URL, "--replay", dir, "--secret", secret); err == nil || !strings.Contains(err.Error(), "--replay: 00000002-bad.http: has no empty line") {
		t.Errorf("%s %v", out, err)
	}
}

var receivedAt = regexp.MustCompile(`received at (http://\S+)`)

// Without --forward it receives, says what is right or wrong with each request, answers as it is told, and records.
func TestListenReceives(t *testing.T) {
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	start := func(args ...string) (*listenRun, string) {
		l := p.listen(t, t.TempDir(), args...)
		l.told.await(t, "are received at")
		l.told.mu.Lock()
		defer l.told.mu.Unlock()
		return l, receivedAt.FindStringSubmatch(l.told.text.String())[1]
	}
	const other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	wrong, address := start("--secret", other, "--status", "599")
	var made struct{ Secret string }
	c.mutate(t, createWebhook, map[string]any{"url": address, "retryScheduleMs": []int{}}, &made)
	dir := t.TempDir()
	right, another := start("--secret", made.Secret, "--record", dir)
	c.mutate(t, createWebhook, map[string]any{"url": another + "/path"}, &struct{}{})
	id := c.publish(t, "a.b")
	wrong.out.await(t, `"status":599,"report":{"valid":false`)
	wrong.out.await(t, `"code":"SECRET"`)
	right.out.await(t, `"path":"/path","webhookId":"`+id) // signed with the second webhook's secret
	right.out.await(t, `"status":400`)
	names, err := filepath.Glob(filepath.Join(dir, "*-"+id+".http"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	// What was recorded is sent to the receiver again, by whom has its secret, and byte for byte.
	if out, _, err := p.call(t, "", "listen", "--forward", another, "--replay", dir, "--secret", made.Secret); err != nil {
		t.Error(out, err)
	}
	right.out.await(t, `"report":{"valid":true,"scheme":"v1"`)
	if n, err := os.ReadDir(dir); err != nil || len(n) != 2 {
		t.Errorf("%d are recorded, %v", len(n), err)
	}
	if a := (&client{another, ""}).do(t, "POST", "/", "{}", http.Header{"Webhook-Id": {"\u009b2J"}}); a.status != 400 || !strings.Contains(string(a.body), "MISSING_HEADER: webhook-timestamp is missing") {
		t.Errorf("%d %s", a.status, a.body)
	}
	wrong.stop(t)
	right.stop(t)
	none, address := start()
	if a := (&client{address, ""}).do(t, "POST", "/", "{}", http.Header{"Webhook-Id": {"1"}, "Webhook-Timestamp": {fmt.Sprint(time.Now().Unix())}, "Webhook-Signature": {"v1,AAAA"}}); a.status != 204 {
		t.Errorf("without a secret: %d %s", a.status, a.body)
	}
	none.stop(t)
}

// Mistakes are told, also a token that may not read the stream, or is revoked while it is read.
func TestMistakesOfListeners(t *testing.T) {
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	const to = "http://127.0.0.1:1"
	for want, args := range map[string][]string{
		"--type: is for a stream":                     {"--type", "a.b"},
		"--replay: needs --forward":                   {"--replay", dir},
		"--replay: cannot be used with --record":      {"--replay", dir, "--record", dir, "--forward", to},
		"--replay: " + dir + " has no recorded":       {"--replay", dir, "--forward", to},
		"--status: is for requests that are received": {"--status", "500", "--forward", to},
		"--status: must be 200 to 599":                {"--status", "100"},
		"--timeout: must be 100ms to 10m":             {"--timeout", "1ms"},
		`--since: "yesterday" is neither`:             {"--since", "yesterday", "--forward", to},
		`"localhost:3000" is not a URL such as`:       {"--forward", "localhost:3000"},
		"--secret: must be a secret that signs":       {"--forward", to, "--secret", "whpk_AAAA"},
		"--secret: is not base64":                     {"--forward", to, "--secret", "whsec_%"},
		"--secret: must be a signing secret":          {"--secret", "AAAA_AAAA"},
		`--addr: "x" is not a port from 0`:            {"--addr", "nowhere.invalid:x"},
		"is not a file that listen wrote: it has no":  {"--forward", to, "--state", bad},
		"--state: lock " + dir:                        {"--forward", to, "--state", filepath.Join(dir, "none", "state")},
		"--record: mkdir " + bad:                      {"--forward", to, "--record", bad},
		"401 Unauthorized":                            {"--forward", to, "--token", "hg_wrong"},
		"404 Not Found":                               {"--forward", to, "--url", p.url + "/nowhere"},
		"--type: * must be an event type":             {"--forward", to, "--type", "*"},
		"--type: a.*.b must have a wildcard only":     {"--forward", to, "--type", "a.b", "--type", "a.*.b"},
		"--type: hookgraph.nope.* matches no event":   {"--forward", to, "--type", "hookgraph.nope.*"},
		`--webhook: "no-id" is not an ID`:             {"--forward", to, "--webhook", "no-id"},
		"connection refused":                          {"--forward", to, "--url", "http://" + webhooktest.Refusing(t)},
	} {
		cache := t.TempDir()
		l := p.listen(t, cache, args...)
		l.fails(t, want)
		if made, err := os.ReadDir(cache); err != nil || strings.Contains(l.told.String(), "whsec_") || len(made) > 0 && args[2] != "--record" && args[2] != "--state" {
			t.Errorf("%v: before it fails it makes %v, and says %s (%v)", args, made, l.told.String(), err)
		}
	}
	few := c.createToken(t, map[string]any{"scopes": []string{"EVENTS_PUBLISH"}})
	p.listen(t, t.TempDir(), "--forward", to, "--token", few.Credential).fails(t, "DELIVERIES_READ")
	revoked := c.createToken(t, map[string]any{"scopes": []string{"DELIVERIES_READ"}})
	l := p.listen(t, t.TempDir(), "--forward", to, "--token", revoked.Credential)
	l.told.await(t, "is forwarded to")
	c.mutate(t, `mutation ($input: RevokeTokenInput!) { done: revokeToken(input: $input) { userErrors { message } } }`, map[string]any{"id": revoked.Token.ID}, &struct{}{})
	l.fails(t, "")
}
