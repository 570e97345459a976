package app

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var (
	updatePages = flag.Bool("update", false, "write into docs/api the files that its pages show")
	shownFile   = regexp.MustCompile("(?s)<!-- (\\S+) -->\n```(\\w+)\n(.*?)```\n")
	shownQuery  = regexp.MustCompile("(?s)[^>]\n```graphql\n(.*?)```\n")
	shownShell  = regexp.MustCompile("(?s)```sh\n(curl .*?)```\n")
	codeSpan    = regexp.MustCompile("`([^`\n]+)`")
	notName     = regexp.MustCompile("[^a-z0-9_]+")
)

// maxPicture bounds each picture of the documentation, in bytes: whoever clones the repository has all of them. Screenshots of TestDashboardShots are below.
const maxPicture = 150_000

// Every picture is small, and shown by a page.
func TestPictures(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, name := range append(pages, "README.md") {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all += string(page)
	}
	pictures, err := filepath.Glob("docs/images/*")
	if err != nil || len(pictures) < 4 {
		t.Fatal(pictures, err)
	}
	for _, name := range pictures {
		info, err := os.Stat(name)
		if err != nil || info.Size() > maxPicture {
			t.Errorf("%s has %d bytes, more than %d: %v", name, info.Size(), maxPicture, err)
		}
		if !strings.Contains(all, "images/"+filepath.Base(name)) {
			t.Errorf("no page shows %s", name)
		}
	}
}

// apiPages are the pages of the guide to the API.
func apiPages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("docs/api/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	return append(pages, "docs/api.md")
}

// The guide to the API shows exactly the example files, all of them, and each page has at most 250 lines.
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

// The operations and commands in the README and the guide to the API work as they are shown, in their order.
func TestShownOperations(t *testing.T) {
	t.Parallel()
	receiver := webhooktest.NewReceiver(t)
	ran := 0
	for _, name := range append(apiPages(t), "README.md", "docs/publishing.md", "docs/replay.md", "docs/ordering.md") {
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

// The page on REST names every call of the OpenAPI document, its conditions, and the fields of webhooks and events.
func TestRESTPageIsComplete(t *testing.T) {
	page, err := os.ReadFile("docs/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("internal/web/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	type parameter struct{ Ref, Name, In string }
	var described struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Schemas    map[string]struct{ Properties map[string]any }
			Parameters map[string]parameter
		}
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), `"$ref"`, `"ref"`)), &described); err != nil {
		t.Fatal(err)
	}
	var names []string
	for path, item := range described.Paths {
		for method, data := range item {
			var call struct{ Parameters []parameter }
			if method == "parameters" {
				continue
			}
			if err := json.Unmarshal(data, &call); err != nil {
				t.Fatal(err)
			}
			names = append(names, strings.ToUpper(method)+" "+path)
			for _, p := range call.Parameters {
				if _, name, ok := strings.Cut(p.Ref, "#/components/parameters/"); ok {
					p = described.Components.Parameters[name]
				}
				if p.In == "query" {
					names = append(names, p.Name)
				}
			}
		}
	}
	for _, of := range []string{"WebhookInput", "EventInput", "ReplayInput"} {
		for name := range described.Components.Schemas[of].Properties {
			names = append(names, name)
		}
	}
	if len(names) < 120 {
		t.Fatalf("only %d names", len(names))
	}
	shown := map[string]bool{}
	for _, span := range codeSpan.FindAllSubmatch(page, -1) {
		shown[string(span[1])] = true
		for _, word := range notName.Split(string(span[1]), -1) {
			shown[word] = true
		}
	}
	for _, name := range names {
		if !shown[name] {
			t.Errorf("docs/rest.md does not name %s", name)
		}
	}
}

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

// Every link of a page to a file of this repository, or to a heading in one, resolves.
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

// anchorOf returns the anchor that GitHub gives a heading.
func anchorOf(heading string) string {
	kept := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
	return strings.ReplaceAll(kept, " ", "-")
}

// checkSubscription starts one over server-sent events, and waits until the server has accepted it.
func checkSubscription(t *testing.T, c *client, query string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res := c.events(ctx, t, query, nil, "")
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(line, ":") { // a comment: it is open
		t.Errorf("%s\n%d %q %v", query, res.StatusCode, line, err)
	}
}
