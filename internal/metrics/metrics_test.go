package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/metrics"
	"github.com/hookgraph/hookgraph/internal/sender"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/tracing/export"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// fake is a store with something in every number.
type fake struct {
	nodes []store.Node
	err   error
}

func (f *fake) Totals() (stats.Sums, map[stats.Tenant]stats.Sums) {
	total := stats.Total{Tenants: 1}
	var d stats.Delta
	k := stats.Key{Tenant: stats.Tenant{1}, Webhook: 1, Type: "a.b"}
	d.Owed(k, 2)
	d.Attempted(k, stats.Attempt{Succeeded: true, Status: 200, DurationUs: 30_000})
	d.Attempted(k, stats.Attempt{Error: stats.HTTPStatus, Status: 503, DurationUs: 3000})
	d.Ended(k, stats.Succeeded, 1, true)
	d.Delivered(k, 40_000)
	seen := stats.Seen{Retries: 1}
	seen.Arrival.Add(20_000)
	total.Add(&d, &seen)
	return total.Read()
}

func (f *fake) Writer() store.WriterStats {
	is := store.WriterStats{Sum: 12, Calls: 3, Stuck: true}
	is.Works[1], is.Works[3] = 6, 1
	is.Took.Add(2000)
	return is
}

func (f *fake) Pruned() int64                               { return 7 }
func (f *fake) Ready(context.Context) error                 { return f.err }
func (f *fake) Nodes(context.Context) ([]store.Node, error) { return f.nodes, f.err }
func (f *fake) Overview(context.Context) (*store.Overview, error) {
	ago := time.Now().Add(-time.Hour)
	return &store.Overview{
		Due: 5, Scheduled: 4, Held: 3, OldestDue: &ago, OldestEvent: &ago, Enabled: 2, Disabled: 1, Tenants: 1, Nodes: 1,
		Sizes: dialect.Sizes{Database: 1 << 20, Log: 1 << 10, Free: 1 << 30, Disk: 1 << 34},
	}, nil
}

func full(t *testing.T, f *fake) *metrics.Metrics {
	t.Helper()
	m := metrics.New(metrics.Config{
		Store: f, Version: "1.2.3", Database: "sqlite", Retention: time.Hour,
		Sender:  func() sender.Stats { return sender.Stats{Running: 3, Slow: 1, Limit: 10} },
		Short:   func() bool { return true },
		Watched: func() live.Stats { return live.Stats{Watchers: 2, Behind: 1, Lag: time.Minute} },
		Streams: func() gqlhttp.Stats {
			return gqlhttp.Stats{Limit: 100, Events: 1, WebSockets: 2, Messages: map[gqlhttp.Transport]int64{gqlhttp.OverEvents: 5}}
		},
		Tasks: func() []upkeep.Stat {
			return []upkeep.Stat{{Name: "last use of tokens", Every: time.Minute, Runs: 4, Errors: 2, Failed: 1}}
		},
		Spans:       func() export.Stats { return export.Stats{Sent: 3, Dropped: 2, Failed: 1} },
		Files:       func() (int, uint64, bool) { return 5, 10, true },
		Certificate: func() time.Time { return time.Unix(1e9, 0) },
	})
	m.Request(&web.Served{Method: "BREW", Route: "/v1/events", Status: 202, Took: time.Millisecond})
	m.Operation(&gqlhttp.Observed{Transport: gqlhttp.OverHTTP, Kind: "query", Took: time.Millisecond})
	m.Operation(&gqlhttp.Observed{Transport: gqlhttp.OverWebSocket, Code: "RATE_LIMITED"})
	if err := m.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func first() *fake { return &fake{nodes: []store.Node{{This: true}}} }

// Names, types and texts follow the conventions of Prometheus.
func TestLint(t *testing.T) {
	found, err := testutil.GatherAndLint(full(t, first()).Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	found = slices.DeleteFunc(found, func(p promlint.Problem) bool { return !strings.HasPrefix(p.Metric, "hookgraph_") })
	if len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

// Every metric that is declared is shown, with its labels, and no other.
func TestFamiliesAreShown(t *testing.T) {
	shown := gathered(t, full(t, first()))
	for _, f := range metrics.Families() {
		labels, ok := shown[f.Name]
		if slices.Sort(f.Labels); !ok || !slices.Equal(labels, f.Labels) {
			t.Errorf("%s is shown with the labels %v; want %v", f.Name, labels, f.Labels)
		}
		delete(shown, f.Name)
	}
	for name := range shown {
		if strings.HasPrefix(name, "hookgraph_") {
			t.Errorf("%s is not declared", name)
		}
	}
}

// gathered returns the names of what is shown, with labels.
func gathered(t *testing.T, m *metrics.Metrics) map[string][]string {
	t.Helper()
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{}
	for _, f := range families {
		labels := []string{}
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		shown[f.GetName()] = labels
	}
	return shown
}

// What is the database's is shown by the oldest replica that runs, and by no other.
func TestOneReplicaShowsTheDatabase(t *testing.T) {
	f := first()
	m := full(t, f)
	shared := func() (n int) {
		shown := gathered(t, m)
		for _, f := range metrics.Families() {
			if shown[f.Name] != nil && f.Shared {
				n++
			}
		}
		return n
	}
	if n := shared(); n < 10 {
		t.Errorf("the oldest shows %d", n)
	}
	ended := time.Now()
	for name, nodes := range map[string][]store.Node{"younger": {{}, {This: true}}, "ended": {{This: true, EndedAt: &ended}}, "unknown": nil} {
		f.nodes = nodes
		if err := m.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := shared(); n != 0 {
			t.Errorf("one that is %s shows %d", name, n)
		}
	}
}

// The method of a request is the caller's text, and no label.
func TestMethodsAreBounded(t *testing.T) {
	m := full(t, first())
	w := httptest.NewRecorder()
	m.Handler(false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	text := w.Body.String()
	if strings.Contains(text, "BREW") || !strings.Contains(text, `hookgraph_http_requests_total{code="202",method="OTHER",route="/v1/events",surface="rest"} 1`) {
		t.Error(text)
	}
	for path, want := range map[string]int{"/-/healthy": 200, "/debug/pprof/": 404, "/": 404} {
		w := httptest.NewRecorder()
		if m.Handler(false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody)); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// A server whose database does not answer shows that, and everything else.
func TestNotReady(t *testing.T) {
	f := first()
	m := full(t, f)
	f.err = errors.New("locked")
	w := httptest.NewRecorder()
	m.Handler(false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if !strings.Contains(w.Body.String(), "hookgraph_ready 0\n") || !strings.Contains(w.Body.String(), "hookgraph_attempts_in_flight_limit 10\n") {
		t.Error(w.Body.String())
	}
}

// The errors of statistics have the order of the API's.
func TestErrorCodes(t *testing.T) {
	for i, code := range webhook.ErrorCodes {
		if is := statistics.Attempt(&webhook.Attempt{Error: &code}).Error; is != stats.Error(i) {
			t.Errorf("%s is %d, at %d", code, is, i)
		}
	}
}

// docs/operating.md lists every metric, in order, with its labels and what it is.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile("(?m)^\\| `hookgraph_.*\\n").FindAllString(string(page), -1)
	var want []string
	for _, f := range metrics.Families() {
		labels, mark := "", ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		if f.Shared {
			mark = " ¹"
		}
		want = append(want, "| `"+f.Name+"`"+mark+" | "+string(f.Kind)+" | "+labels+" | "+f.Help+" |\n")
	}
	if !slices.Equal(got, want) {
		t.Errorf("the table must be:\n%s", strings.Join(want, ""))
	}
}

// A metric that was released stays, with its type and its labels: boards and alerts ask for it.
func TestReleasedMetricsStay(t *testing.T) {
	text, err := os.ReadFile("testdata/released")
	if err != nil {
		t.Fatal(err)
	}
	is := map[string]metrics.Family{}
	for _, f := range metrics.Families() {
		is[f.Name] = f
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		was := strings.Fields(line)
		if now := is[was[0]]; string(now.Kind) != was[1] || !slices.Equal(now.Labels, was[2:]) {
			t.Errorf("released was %v; it is %s with %v", was, now.Kind, now.Labels)
		}
		n++
	}
	if n < 50 {
		t.Errorf("only %d metrics", n)
	}
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	selector = regexp.MustCompile(`\b((?:hookgraph|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)
	grouping = regexp.MustCompile(`\b(?:by|on|without|ignoring)\s*\(([^)]*)\)`)
	matcher  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
)

// Every query of the board and of the alerts names metrics that exist, with labels that they have.
func TestQueriesNameMetrics(t *testing.T) {
	shown := gathered(t, full(t, first()))
	queries := slices.Concat(boardQueries(t), slices.Collect(maps.Values(rules(t))))
	if len(queries) < 60 {
		t.Errorf("only %d queries were found", len(queries))
	}
	for _, q := range queries {
		bare := quoted.ReplaceAllString(strings.ReplaceAll(q, "$job", "job"), `""`)
		var labels []string // of all metrics in the query
		found := selector.FindAllStringSubmatch(bare, -1)
		for _, m := range found {
			name := m[1]
			of, ok := shown[name]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base, cut := strings.CutSuffix(name, suffix); cut && !ok {
					if of, ok = shown[base]; ok && suffix == "_bucket" {
						of = append(slices.Clone(of), "le")
					}
				}
			}
			if !ok {
				t.Errorf("%s: there is no metric %s", q, name)
			}
			of = append(slices.Clone(of), "job", "instance")
			for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
				if !slices.Contains(of, l[1]) {
					t.Errorf("%s: %s has no label %s", q, name, l[1])
				}
			}
			labels = append(labels, of...)
		}
		if len(found) == 0 && !strings.HasPrefix(q, "up{") {
			t.Errorf("%s names no metric", q)
		}
		for _, g := range grouping.FindAllStringSubmatch(bare, -1) {
			for l := range strings.SplitSeq(g[1], ",") {
				if !slices.Contains(labels, strings.TrimSpace(l)) {
					t.Errorf("%s: no metric in it has the label %s", q, l)
				}
			}
		}
	}
}

// boardQueries are the queries of deploy/grafana.json.
func boardQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

// rules are the expressions of deploy/alerts.yaml by the names of the alerts.
func rules(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r.Expr
		}
	}
	return all
}

// Prometheus accepts the alerts, and each fires for its fault and is silent without.
func TestAlerts(t *testing.T) {
	tests, err := os.ReadFile("../../deploy/alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range rules(t) {
		if !strings.Contains(string(tests), "name: "+name+" fires\n") || !strings.Contains(string(tests), "name: "+name+" is silent\n") {
			t.Errorf("no test says when %s fires, and when it is silent", name)
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("promtool, of Debian's package prometheus, is not installed")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		run := exec.CommandContext(t.Context(), promtool, args...)
		run.Dir = filepath.FromSlash("../../deploy")
		if said, err := run.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, said)
		}
	}
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	w := httptest.NewRecorder()
	full(t, first()).Handler(false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	check.Stdin = w.Body
	if said, err := check.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, said)
	}
}
