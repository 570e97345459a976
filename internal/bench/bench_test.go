package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var program string // the hookgraph program, built for these tests

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "hookgraph-bench-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program = filepath.Join(dir, "hookgraph.exe")
		if out, err := exec.Command("go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// Every scenario delivers everything that was accepted once, and reports the fields that scripts read.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	for _, name := range Names() {
		if name == "history" || name == "retention" { // TestHistoryScenario, TestRetentionScenario
			continue
		}
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			var out, progress bytes.Buffer
			results, err := Run(t.Context(), Options{
				Scenarios: []string{name}, Duration: 300 * time.Millisecond, JSON: true, Program: program, Environ: os.Environ(),
				Backlog: 3000, Watch: 20, History: 1000, Outstanding: 100, Batch: 20, Stdout: &out, Stderr: &progress,
			})
			if err != nil {
				t.Fatalf("%v\n%s", err, &progress)
			}
			if len(results) != 1 {
				t.Fatalf("%d results, want 1", len(results))
			}
			r := results[0]
			if r.Events == 0 || r.Deliveries < r.Events && name != "mixed" {
				t.Errorf("%d events, %d deliveries", r.Events, r.Deliveries)
			}
			if r.Lost == nil || *r.Lost != 0 || r.Duplicates == nil || *r.Duplicates != 0 {
				t.Errorf("lost %v, duplicates %v, want 0 and 0", count(r.Lost), count(r.Duplicates))
			}
			if (name == "watch" || name == "greedy" || name == "dashboards") && (r.Streamed == nil || *r.Streamed == 0) {
				t.Errorf("nothing was streamed")
			}
			if name == "filters" && (r.DeliveredPerSWithout == nil || *r.DeliveredPerSWithout <= 0) {
				t.Errorf("without filters nothing was delivered")
			}
			if name == "single" && len(r.Singles) != 2*len(singleConnections) {
				t.Errorf("%d results of single, want %d", len(r.Singles), 2*len(singleConnections))
			}
			if name == "tls" && (len(r.TLS) != 3 || r.TLS[1].Protocol != "h2" || r.TLS[2].Hosts != 40) {
				t.Errorf("results of tls: %+v", r.TLS)
			}
			if name == "flood" && len(r.Floods) != len(floods)+2 {
				t.Errorf("%d results of flood, want %d", len(r.Floods), len(floods)+2)
			}
			for _, one := range r.Singles {
				if one.Connections == 64 && (one.Ratio == nil || *one.Ratio <= 0 || one.P50Ms == nil || *one.P50Ms <= 0) {
					t.Errorf("%s with 64 connections: ratio %s, p50 %s ms", one.API, show(one.Ratio, 2), show(one.P50Ms, 2))
				}
			}
			checkFields(t, out.Bytes())
			if left, _ := os.ReadDir(temp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The bench's processes end with it, however it ends.
func TestChildrenEndWithTheBench(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	c := exec.Command(program, "bench", "latency", "--duration", "1m")
	c.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	killed := sync.OnceFunc(func() { _, _ = c.Process.Kill(), c.Wait() })
	defer killed()
	list := fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", c.Process.Pid)
	if _, err := os.ReadFile(list); err != nil {
		t.Skip("the system does not tell who the children are")
	}
	var children []string
	webhooktest.Eventually(t, "a receiver and a server", func() bool {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", c.Process.Pid))
		children = nil
		for _, t := range tasks {
			text, _ := os.ReadFile(t)
			children = append(children, strings.Fields(string(text))...)
		}
		return len(children) == 2
	})
	killed()
	for _, pid := range children {
		webhooktest.Eventually(t, "the end of "+pid, func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || bytes.Contains(stat, []byte(") Z "))
		})
	}
}

func checkFields(t *testing.T, line []byte) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for _, name := range []string{
		"scenario", "events", "deliveries", "bare_per_s", "delivered_per_s", "ratio", "accepted_per_s", "p50_ms", "p99_ms",
		"cpu_us_per_delivery", "rss_mb", "db_bytes_per_delivery", "lost", "duplicates",
	} {
		if _, ok := fields[name]; !ok {
			t.Errorf("no field %s in %s", name, line)
		}
	}
}

// Invalid options are an error, and nothing is started.
func TestOptionsAreChecked(t *testing.T) {
	good := Options{Duration: time.Second, Backlog: 1, Watch: 1, History: 1000, Outstanding: 1, Batch: 1}
	for name, change := range map[string]func(*Options){
		"scenario": func(o *Options) { o.Scenarios = []string{"nothing"} },
		"duration": func(o *Options) { o.Duration = time.Millisecond },
		"backlog":  func(o *Options) { o.Backlog = 0 },
		"watch":    func(o *Options) { o.Watch = -1 },
		"batch":    func(o *Options) { o.Batch = 1001 },
		"history":  func(o *Options) { o.History = 999 },
	} {
		o := good
		change(&o)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Figures are compared with those of the same scenario and kind, however the file lists them; counts of events are not.
func TestCompare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "before.json")
	before := `{"scenario":"latency","events":7,"p50_ms":2,"rss_mb":0}` + "\n" +
		`{"scenario":"tls","p99_ms":null,"tls":[{"protocol":"h2","hosts":1,"p50_ms":4},{"protocol":"http/1.1","hosts":2000,"p50_ms":8}]}` + "\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := readEarlier(file)
	if err != nil {
		t.Fatal(err)
	}
	for scenario, c := range map[string]struct {
		is   *Result
		want map[string]float64
	}{
		"latency": {&Result{Events: 14, P50Ms: new(3.0), P99Ms: new(1.0), RSSMB: new(50.0)}, map[string]float64{"p50_ms": 1.5}},
		"tls": {
			&Result{TLS: []*TLSResult{{Protocol: "http/1.1", Hosts: 2000, P50Ms: new(2.0)}, {Protocol: "h2", Hosts: 1, P50Ms: new(4.0)}}},
			map[string]float64{"tls.http/1.1.2000.p50_ms": 0.25, "tls.h2.1.p50_ms": 1},
		},
		"mixed": {&Result{P50Ms: new(3.0)}, nil},
	} {
		c.is.Scenario = scenario
		got, err := e.compare(c.is)
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", scenario, got, err, c.want)
		}
	}
	for name, text := range map[string]string{"empty": "", "table": "scenario events", "cut": before[:20]} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readEarlier(file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The table shows a dash for what was not measured.
func TestTable(t *testing.T) {
	var out strings.Builder
	if err := newReport(&out, false).add(&Result{Scenario: "latency", Events: 7, P50Ms: new(1.5)}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !slices.Contains(strings.Fields(lines[1]), "1.50") || !slices.Contains(strings.Fields(lines[1]), "-") {
		t.Errorf("got\n%s", &out)
	}
}

// The statements of all replicas are added up, whatever else their logs say.
func TestStatements(t *testing.T) {
	first := &server{}
	for i, text := range []string{
		`{"level":"INFO","msg":"stopping"}` + "\n" + `{"level":"INFO","msg":"database statements","statements":40}` + "\n",
		"panic: no JSON\n" + `{"msg":"database statements","statements":2}`,
	} {
		log := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		first.replicas = append(first.replicas, &server{process: &child.Process{Log: log}})
	}
	if n := first.statements(); n != 42 {
		t.Errorf("%d statements, want 42", n)
	}
}
