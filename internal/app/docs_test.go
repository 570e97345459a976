package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The examples of docs/api watch through a network that drops their connections, and for a while lets none through:
// each sees every attempt once.
func TestExamplesWatch(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, new(struct{}))
	go func() { // else the receiver would wait
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
	for _, name := range []string{"urql", "apollo", "sse"} {
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
	c.settle(t) // else the last could overtake others
	last := c.publish(t, "last")
	slices.Sort(want)
	for name, e := range examples {
		var got []string
		for line := range e.until(t, name, last) {
			if strings.Contains(line, " job.done ") {
				got = append(got, strings.Fields(line)[0])
			}
		}
		slices.Sort(got) // attempts of one webhook run beside each other
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The examples go on when the server ends their stream: after the last cursor when the database was away for a while; when they
// have spent too much, not before the time that they are told; and with the oldest that is kept, saying so, when retention
// has removed what came next, or the database was put back to before what they saw.
func TestExamplesGoOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st := webhooktest.Store(t, func(o *store.Options) { o.Dir = dir })
	_, row := webhooktest.Token(t, st, "kallima")
	hook, _, err := st.In(*row.TenantID).CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := store.Open(t.Context(), store.Options{Dir: dir, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	var away atomic.Bool
	var begun atomic.Int64 // streams
	var spent allowance
	back := &putBack{Store: st}
	tail := live.New(back, 1<<20)
	st.Start(nil, tail.Append)
	quiet := slog.New(slog.DiscardHandler)
	reading := func(rows *store.Store) http.Handler {
		return gqlhttp.New(
			graph.New(&graph.Resolver{Store: rows, Live: tail, SetCursor: gqlhttp.SetCursor, EndStream: gqlhttp.EndStream, LastEventID: func(ctx context.Context) string {
				begun.Add(1)
				return gqlhttp.LastEventID(ctx)
			}}),
			gqlhttp.Config{
				Authenticate:     graph.Authenticate(auth.New(st), quiet),
				ErrorPresenter:   graph.Presenter{Logger: quiet}.Present,
				Charge:           spent.charge,
				AroundOperations: graph.AroundOperations,
			})
	}
	whole, broken := reading(st), reading(gone)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			broken.ServeHTTP(w, r)
			return
		}
		whole.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	network := newNetwork(t, server.Listener.Addr().String())
	url := "http://" + network.address
	record := func(eventType string) string { return recordOne(t, st, hook, eventType) }

	commands := map[string]*exec.Cmd{"genqlient": goExample(t)}
	for _, name := range []string{"urql", "apollo", "sse"} {
		commands[name] = nodeExample(t, name)
	}
	examples, callers := map[string]*example{}, map[string]webhook.ID{}
	for name, cmd := range commands {
		token, row := webhooktest.Token(t, st, "kallima")
		examples[name], callers[name] = runExample(t, cmd, url, token), row.ID
	}
	for name, e := range examples {
		for !e.sees(t, record("start")) {
			t.Logf("%s does not watch yet", name)
		}
	}
	tried := func() { // to go on, without success
		before := begun.Load()
		webhooktest.Eventually(t, "all examples go on", func() bool { return begun.Load() >= before+2*int64(len(examples)) })
	}
	away.Store(true) // for streams that begin from now on
	network.cut()
	kept := []string{record("kept"), record("kept")}
	tried()
	away.Store(false)
	for name, e := range examples {
		e.until(t, name, kept[1])
		if got := e.of("kept"); !slices.Equal(got, kept) || e.missed.Load() {
			t.Errorf("%s saw %v, want %v; it misses some: %v", name, got, kept, e.missed.Load())
		}
	}

	spent.once(callers)
	network.cut()
	waited := []string{record("waited"), record("waited")}
	for name, e := range examples {
		e.until(t, name, waited[1])
		if got := e.of("waited"); !slices.Equal(got, waited) || e.missed.Load() {
			t.Errorf("%s saw %v, want %v; it misses some: %v", name, got, waited, e.missed.Load())
		}
		if after := spent.after(callers[name]); after < retryAfter-50*time.Millisecond { // a timer may be a little early
			t.Errorf("%s came again after %v, and was told %v", name, after, retryAfter)
		}
	}

	away.Store(true)
	network.cut()
	record("lost")
	if n, err := st.Prune(t.Context(), time.Now().Add(time.Hour)); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	tried()
	away.Store(false)
	last := record("last")
	for name, e := range examples {
		e.until(t, name, last)
		if got := e.of("lost"); len(got) > 0 {
			t.Errorf("%s saw %v", name, got)
		}
		webhooktest.Eventually(t, name+" says that it misses some", e.missed.Load)
	}

	oldest, _, err := st.AttemptBounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples {
		e.missed.Store(false)
	}
	back.to.Store(oldest)
	network.cut()
	for name, e := range examples {
		e.until(t, name, last)
		if got := e.of("last"); !slices.Equal(got, []string{last, last}) || !e.missed.Load() {
			t.Errorf("%s saw %v in a restored database, and says so: %v", name, got, e.missed.Load())
		}
	}
}

// putBack is a database that was put back: it does not have what had this Seq, or a higher one. 0: it has everything.
type putBack struct {
	*store.Store

	to atomic.Int64
}

func (p *putBack) ReadCursor(ctx context.Context, k cursor.Kind, tenant webhook.ID, text string) (int64, error) {
	seq, err := p.Store.ReadCursor(ctx, k, tenant, text)
	if to := p.to.Load(); err == nil && to > 0 && seq >= to {
		err = webhook.ErrCursorLost
	}
	return seq, err
}

// retryAfter is longer than the examples wait by themselves when they are refused for the first time.
const retryAfter = 2 * time.Second

// allowance refuses a caller once, and notes when it comes again.
type allowance struct {
	mu      sync.Mutex // guards what follows
	refuse  map[webhook.ID]bool
	refused map[webhook.ID]time.Time
	waited  map[webhook.ID]time.Duration
}

// once refuses each of the callers one operation from now on.
func (a *allowance) once(callers map[string]webhook.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse, a.refused, a.waited = map[webhook.ID]bool{}, map[webhook.ID]time.Time{}, map[webhook.ID]time.Duration{}
	for _, id := range callers {
		a.refuse[id] = true
	}
}

func (a *allowance) charge(ctx context.Context, _ int) time.Duration {
	id, now := auth.From(ctx).Token.ID, time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse[id] {
		delete(a.refuse, id)
		a.refused[id] = now
		return retryAfter
	}
	if at, ok := a.refused[id]; ok {
		delete(a.refused, id)
		a.waited[id] = now.Sub(at)
	}
	return 0
}

// after is how long the caller waited when it had been refused; 0 when it was not, or did not come again.
func (a *allowance) after(caller webhook.ID) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waited[caller]
}

// recordOne publishes an event to a webhook and records that it has arrived.
func recordOne(t *testing.T, s *store.Store, w *webhook.Webhook, eventType string) string {
	t.Helper()
	published, err := s.In(w.TenantID).Publish(t.Context(), []webhook.NewEvent{{Type: eventType, Data: json.RawMessage("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	claims, _, err := s.Claim(t.Context(), w.ID, 1, 1<<20)
	if err != nil || len(claims) != 1 {
		t.Fatal(claims, err)
	}
	err = s.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), URL: w.URL, ResponseStatus: new(204),
	}})
	if err == nil {
		err = s.Flush(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return published[0].Event.ID.String()
}

// With a token that is refused they end with an error that says so, and do not retry.
func TestExamplesRefused(t *testing.T) {
	t.Parallel()
	p := boot(t, t.TempDir())
	examples := []*exec.Cmd{goExample(t)}
	for _, name := range []string{"urql", "apollo", "sse"} {
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
			_ = cmd.Wait() // it failed
			if said := fmt.Sprint(stderr[cmd]); !strings.Contains(said, "token is re") && !strings.Contains(said, "unknown") || strings.Contains(said, "[Network] undefined") {
				t.Errorf("%v: %s", cmd.Args, said)
			}
		case <-time.After(2 * time.Minute):
			t.Errorf("%v goes on", cmd.Args)
		}
	}
}

// The examples that ask once do what the page says of them.
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

	const never = 7 * 24 * 60 * 60 * 1000 // as long as the test goes, so that the failed attempts can be counted
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
	for range 10 { // one that fails is sent to slowly
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

// With trusted documents those of the clients run, by their hash, and no others.
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

var (
	updatePages = flag.Bool("update", false, "write into docs/api the files that its pages show")
	shownFile   = regexp.MustCompile("(?s)<!-- (\\S+) -->\n```(\\w+)\n(.*?)```\n")
	shownQuery  = regexp.MustCompile("(?s)[^>]\n```graphql\n(.*?)```\n")
	shownShell  = regexp.MustCompile("(?s)```sh\n(curl .*?)```\n")
)

// apiPages are the pages of the guide to the API.
func apiPages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("docs/api/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	return append(pages, "docs/api.md")
}

// The files that the guide to the API shows are those that are run, it shows all of them, and a page of it is at most 250 lines.
func TestPagesShowTheExamples(t *testing.T) {
	shown := map[string]bool{}
	for _, name := range apiPages(t) {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		written := shownFile.ReplaceAllStringFunc(string(page), func(block string) string {
			part := shownFile.FindStringSubmatch(block)
			file, err := os.ReadFile(part[1])
			if err != nil {
				t.Error(err)
			}
			shown[part[1]] = true
			if part[3] != string(file) && !*updatePages {
				t.Errorf("%s is not what %s shows: go test ./internal/app -run PagesShow -update (-page +file):\n%s", part[1], name, cmp.Diff(part[3], string(file)))
			}
			return "<!-- " + part[1] + " -->\n```" + part[2] + "\n" + string(file) + "```\n"
		})
		if *updatePages {
			if err := os.WriteFile(name, []byte(written), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if lines := strings.Count(written, "\n"); lines > 250 {
			t.Errorf("%s has %d lines: a page has at most 250", name, lines)
		}
	}
	files, err := filepath.Glob("docs/examples/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("docs/examples/*/src/*.ts")
	if err != nil || len(files) == 0 || len(more) == 0 {
		t.Fatal(files, more, err)
	}
	for _, f := range append(files, more...) {
		if !shown[filepath.ToSlash(f)] && filepath.Base(f) != "generated.go" {
			t.Errorf("no page shows %s", f)
		}
	}
}

// The operations and commands that the README and the guide to the API show work as they stand, in their order.
func TestShownOperations(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	ran := 0
	for _, name := range append(apiPages(t), "README.md") {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name != "README.md" && !shownQuery.Match(page) {
			continue
		}
		p := boot(t, t.TempDir())
		c := &client{p.url, p.token}
		here := strings.NewReplacer("https://your-service.example.com", receiver.URL, "http://localhost:8080", p.url)
		commands := shownShell.FindAllSubmatch(page, -1)
		if name == "README.md" && len(commands) < 2 {
			t.Errorf("%s: %d commands were found", name, len(commands))
		}
		if _, err := exec.LookPath("curl"); err == nil || os.Getenv("CI") == "true" {
			for _, part := range commands {
				cmd := exec.CommandContext(t.Context(), "sh", "-c", here.Replace(strings.ReplaceAll(string(part[1]), "curl ", "curl -sS --fail-with-body ")))
				cmd.Env = append(os.Environ(), "TOKEN="+p.token)
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), `"id"`) {
					t.Errorf("%s: %s\n%v %s", name, part[1], err, out)
				}
			}
		}
		operations := shownQuery.FindAllSubmatch(page, -1)
		if name == "README.md" && len(operations) < 2 {
			t.Errorf("%s: %d operations were found", name, len(operations))
		}
		ran += len(operations)
		for _, part := range operations {
			query := here.Replace(string(part[1]))
			if strings.HasPrefix(query, "subscription") {
				checkSubscription(t, c, query)
				continue
			}
			body, err := json.Marshal(map[string]string{"query": query})
			if err != nil {
				t.Fatal(err)
			}
			var answer struct {
				Data   map[string]any
				Errors []any
			}
			if status := c.rest(t, "POST", "/graphql", string(body), &answer); status != http.StatusOK || len(answer.Errors) > 0 || len(answer.Data) == 0 {
				t.Errorf("%s:\n%s\n%d %+v", name, query, status, answer)
			}
		}
	}
	if ran < 7 {
		t.Errorf("%d operations were found", ran)
	}
}

var quickStart = regexp.MustCompile("(?s)```sh\ngit clone .*? && cd hookgraph\ngo run \\. --allow-private-targets .*?\nexport TOKEN=hg_… .*?\ngo run ([./a-z]+) & .*?\n(curl .*?)```\n")

// The quick start of the README leads to a delivered event whose signature the receiver has verified.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	part := quickStart.FindStringSubmatch(string(readme))
	if part == nil {
		t.Fatal("the README has no quick start")
	}
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	receiver := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", receiver, part[1]).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	p := boot(t, t.TempDir())
	e := runCommand(t, exec.CommandContext(t.Context(), receiver), "HOOKGRAPH_URL="+p.url, "TOKEN="+p.token)
	if line := <-e.lines; line != "receiver: registered, waiting for events" {
		t.Fatal(line)
	}
	curl := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(part[2], "http://localhost:8080", p.url))
	curl.Env = append(os.Environ(), "TOKEN="+p.token)
	out, err := curl.Output()
	var published struct{ ID string }
	if err != nil || json.Unmarshal(out, &published) != nil || published.ID == "" {
		t.Fatalf("%v %s", err, out)
	}
	if line := <-e.lines; !strings.HasPrefix(line, "receiver: verified "+published.ID+` {"type":"humanization.completed",`) {
		t.Error(line)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
)

// Every link of a page to a file of this repository, or to a heading in one, leads somewhere.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(apiPages(t), append(pages, "README.md", "CHANGELOG.md")...)
	n := 0
	for _, name := range pages {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range link.FindAllSubmatch(fenced.ReplaceAll(page, nil), -1) {
			file, anchor, _ := strings.Cut(string(target[1]), "#")
			if strings.Contains(file, "://") {
				continue
			}
			n++
			if file = filepath.Join(filepath.Dir(name), file); strings.HasPrefix(string(target[1]), "#") {
				file = name
			}
			if anchor == "" {
				if _, err := os.Stat(file); err != nil {
					t.Errorf("%s: %s: %v", name, target[1], err)
				}
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s: %s: %v", name, target[1], err)
			}
			var anchors []string
			for _, h := range heading.FindAllSubmatch(fenced.ReplaceAll(text, nil), -1) {
				anchors = append(anchors, anchorOf(string(h[1])))
			}
			if !slices.Contains(anchors, anchor) {
				t.Errorf("%s: %s: there is no such heading: %v", name, target[1], anchors)
			}
		}
	}
	if n < 30 {
		t.Errorf("%d links were found", n)
	}
}

// anchorOf is the anchor that GitHub gives a heading.
func anchorOf(heading string) string {
	kept := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
	return strings.ReplaceAll(kept, " ", "-")
}

// checkSubscription starts one over server-sent events, and ends it when the server has taken it.
func checkSubscription(t *testing.T, c *client, query string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", c.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(line, ":") { // a comment: it is open
		t.Errorf("%s\n%d %q %v", query, res.StatusCode, line, err)
	}
}

// nodeExample is a program of docs/examples/typescript.
func nodeExample(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	const dir = "docs/examples/typescript"
	script := filepath.Join("build", name+".js")
	if _, err := os.Stat(filepath.Join(dir, script)); err != nil {
		const missing = "needs `npm ci && npm run generate && npm run build` in " + dir
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return nodeCommand(t.Context(), t, dir, script)
}

// builtDir has what builtGo built; TestMain removes it.
var builtDir string

var builtGo = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "example-*")
	if err != nil {
		return "", err
	}
	builtDir = dir
	file := filepath.Join(dir, "example")
	out, err := exec.Command("go", "build", "-C", "docs/examples/go", "-o", file, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return file, nil
})

// goExample is the program of docs/examples/go.
func goExample(t *testing.T) *exec.Cmd {
	t.Helper()
	file, err := builtGo()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the Go example cannot be built, perhaps because its modules are missing: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), file)
	cmd.Stderr = t.Output()
	return cmd
}

// example is a running one. Its lines begin with an event's id and type.
type example struct {
	lines  chan string
	seen   []string
	missed atomic.Bool // it has said so, on its other output
}

// Write takes what the example complains of.
func (e *example) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("some attempts are no longer there")) {
		e.missed.Store(true)
	}
	return len(p), nil
}

// of is the events of a type that it has seen.
func (e *example) of(eventType string) (ids []string) {
	for _, line := range e.seen {
		if id, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, eventType+" ") {
			ids = append(ids, id)
		}
	}
	return ids
}

func runExample(t *testing.T, cmd *exec.Cmd, url, token string) *example {
	t.Helper()
	return runCommand(t, cmd, "HOOKGRAPH_URL="+url, "HOOKGRAPH_TOKEN="+token)
}

// runCommand starts a program with these variables, and ends it with the test.
func runCommand(t *testing.T, cmd *exec.Cmd, env ...string) *example {
	t.Helper()
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	e := &example{lines: make(chan string, 1024)}
	if cmd.Stderr != nil {
		cmd.Stderr = io.MultiWriter(cmd.Stderr, e)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(e.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			e.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range e.lines {
		}
		_ = cmd.Wait()
	})
	return e
}

// sees waits a little for an event.
func (e *example) sees(t *testing.T, id string) bool {
	t.Helper()
	for patience := time.After(time.Second); ; {
		select {
		case line, ok := <-e.lines:
			if !ok {
				t.Fatal("the example ended")
			}
			if e.seen = append(e.seen, line); strings.HasPrefix(line, id+" ") {
				return true
			}
		case <-patience:
			return false
		}
	}
}

// until waits for an event and returns all lines up to it, one after the other.
func (e *example) until(t *testing.T, name, id string) func(func(string) bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !e.sees(t, id); {
		if time.Now().After(deadline) {
			t.Errorf("%s did not see the last event", name)
			break
		}
	}
	return slices.Values(e.seen)
}

// network passes connections on to a server, as long as it does.
type network struct {
	address string
	refused chan struct{} // a connection was, while the network is down

	mu     sync.Mutex // guards what follows
	isDown bool
	open   map[net.Conn]bool
}

func newNetwork(t *testing.T, server string) *network {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{address: l.Addr().String(), refused: make(chan struct{}, 1024), open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); n.cut() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if !n.add(conn) {
				_ = conn.Close()
				select {
				case n.refused <- struct{}{}:
				default:
				}
				continue
			}
			go n.pass(conn, server)
		}
	}()
	return n
}

func (n *network) add(conn net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.isDown {
		n.open[conn] = true
	}
	return !n.isDown
}

func (n *network) pass(from net.Conn, server string) {
	defer from.Close()
	to, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", server)
	if err != nil {
		return
	}
	defer to.Close()
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, from)
}

// cut breaks all connections.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for conn := range n.open {
		_ = conn.Close()
	}
}

// down lets none through, until up. It returns when as many were refused.
func (n *network) down(t *testing.T, refused int) {
	t.Helper()
	n.mu.Lock()
	n.isDown = true
	n.mu.Unlock()
	n.cut()
	for range refused {
		select {
		case <-n.refused:
		case <-time.After(2 * time.Minute):
			t.Fatal("nobody reconnects")
		}
	}
}

func (n *network) up() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.isDown = false
}
