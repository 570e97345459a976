package app

import (
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/hookgraph/hookgraph/internal/config"
)

// composition is the parts of compose.yaml whose mistakes would show only in a deployment.
type composition struct {
	Services map[string]struct {
		Build       struct{ Context, Dockerfile string }
		Deploy      struct{ Replicas int }
		Environment map[string]string
		Expose      []string
		Healthcheck struct{ Test []string }
		Configs     []struct{ Source string }
		Volumes     []string
		DependsOn   any           `yaml:"depends_on"` // names, or a map by name
		StopGrace   time.Duration `yaml:"stop_grace_period"`
	}
	Configs map[string]struct{ Content, File string }
	Volumes map[string]any
}

// deploy/ describes three replicas that start after PostgreSQL, with settings that the program accepts; its head says what the user
// must set.
func TestDeployment(t *testing.T) {
	text, err := os.ReadFile("deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	user := map[string]string{} // the variables that the commands at the head set
	for _, name := range regexp.MustCompile(`(?m)^#   export (\w+)=`).FindAllStringSubmatch(string(text), -1) {
		user[name[1]] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff\xfe", 16)))
	}
	user["POSTGRES_PASSWORD"] = strings.NewReplacer("+", "-", "/", "_").Replace(user["POSTGRES_PASSWORD"])
	filled := regexp.MustCompile(`\$\$|\$\{(\w+):\?[^}]*\}|\$`).ReplaceAllStringFunc(withoutComments(string(text)), func(s string) string {
		switch name, _, _ := strings.Cut(strings.TrimPrefix(s, "${"), ":"); {
		case s == "$$":
			return "$"
		case s == "$" || user[name] == "":
			t.Errorf("%s is not among what the user is told to export", s)
		default:
			return user[name]
		}
		return s
	})
	var is composition
	if err := yaml.Unmarshal([]byte(filled), &is); err != nil {
		t.Fatal(err)
	}
	is.checkNames(t)
	hookgraph := is.Services["hookgraph"]
	if hookgraph.Deploy.Replicas != 3 || hookgraph.StopGrace < 3*stopTimeout || hookgraph.DependsOn == nil {
		t.Errorf("%+v, and each step of stopping may take %v", hookgraph, stopTimeout)
	}
	is.checkImage(t)
	is.checkMetrics(t)
}

// checkMetrics checks that Prometheus has the configuration that it is given, and finds the metrics of every replica.
func (is *composition) checkMetrics(t *testing.T) {
	t.Helper()
	hookgraph, content := is.Services["hookgraph"], is.Configs["prometheus"].Content
	if port := strings.TrimPrefix(hookgraph.Environment["HOOKGRAPH_METRICS_LISTEN"], "0.0.0.0:"); !slices.Contains(hookgraph.Expose, port) ||
		!strings.Contains(content, "names: [hookgraph], type: A, port: "+port+"}") || !strings.Contains(content, "job_name: hookgraph ") {
		t.Errorf("metrics are on port %q, which is not exposed, or where Prometheus does not look:\n%s", port, content)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("promtool, of Debian's package prometheus, is not installed")
	}
	rules, err := os.ReadFile(filepath.Join("deploy", is.Configs["alerts"].File))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"prometheus.yml": content, "alerts.yaml": string(rules)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := exec.CommandContext(t.Context(), promtool, "check", "config", filepath.Join(dir, "prometheus.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
}

// checkNames checks that everything that services refer to exists.
func (is *composition) checkNames(t *testing.T) {
	t.Helper()
	for name, s := range is.Services {
		var needs []string
		switch on := s.DependsOn.(type) {
		case []any:
			for _, other := range on {
				needs = append(needs, other.(string))
			}
		case map[string]any:
			for other, how := range on {
				needs = append(needs, other)
				if how.(map[string]any)["condition"] == "service_healthy" && len(is.Services[other].Healthcheck.Test) == 0 {
					t.Errorf("%s waits for %s to be healthy, which is never looked at", name, other)
				}
			}
		}
		for _, other := range needs {
			if _, ok := is.Services[other]; !ok {
				t.Errorf("%s depends on %s, which is not there", name, other)
			}
		}
		for _, c := range s.Configs {
			from := is.Configs[c.Source]
			if _, err := os.Stat(filepath.Join("deploy", from.File)); from.Content == "" && (from.File == "" || err != nil) {
				t.Errorf("%s: no config %s: %v", name, c.Source, err)
			}
		}
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if _, ok := is.Volumes[volume]; !ok {
				t.Errorf("%s: no volume %s", name, volume)
			}
		}
	}
}

// checkImage checks that the program in the image starts with its settings, and that the proxy reaches it.
func (is *composition) checkImage(t *testing.T) {
	t.Helper()
	hookgraph := is.Services["hookgraph"]
	image, err := os.ReadFile(filepath.Join("deploy", hookgraph.Build.Context, hookgraph.Build.Dockerfile))
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^ENV (.*)$`).FindAllStringSubmatch(string(image), -1) {
		for pair := range strings.FieldsSeq(line[1]) {
			name, value, _ := strings.Cut(pair, "=")
			settings[name] = value
		}
	}
	maps.Copy(settings, hookgraph.Environment)
	_, port, _ := strings.Cut(settings["HOOKGRAPH_LISTEN"], ":")
	if !strings.Contains(is.Configs["proxy"].Content, "server hookgraph:"+port+" ") || !strings.Contains(string(image), "\nEXPOSE "+port+"\n") {
		t.Errorf("the program listens on %s, which the load balancer or the image does not know", port)
	}
	if !strings.Contains(is.Configs["proxy"].Content, " Host $http_host;") { // $host has no port, so the page's origin would not match
		t.Error("the load balancer does not pass the host on as it is")
	}
	storage := config.Storage{Database: settings["HOOKGRAPH_DATABASE"]}
	if err := storage.Check(func(name string) string { return settings[name] }); err != nil || !strings.HasPrefix(storage.Database, "postgres://") {
		t.Errorf("%q: %v", storage.Database, err)
	}
	command := regexp.MustCompile(`(?m)^CMD \["(\w+)"\]$`).FindStringSubmatch(string(image))
	if command == nil || !strings.Contains(string(image), "\nUSER ") {
		t.Fatal("the image has no command, or is root's")
	}
	startWith(t, command[1], settings)
}

func withoutComments(text string) string {
	return regexp.MustCompile(`(?m)^ *#.*$`).ReplaceAllString(text, "")
}

// startWith starts the program with an environment, but on a directory and a free port, and requires that each variable is known.
func startWith(t *testing.T, command string, settings map[string]string) {
	t.Helper()
	settings["HOOKGRAPH_DATABASE"], settings["HOOKGRAPH_LISTEN"], settings["HOOKGRAPH_METRICS_LISTEN"] = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	var mu sync.Mutex
	unknown := map[string]bool{}
	for name := range settings {
		unknown[name] = strings.HasPrefix(name, "HOOKGRAPH_")
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{command}, func(name string) string {
			mu.Lock()
			defer mu.Unlock()
			delete(unknown, name)
			return settings[name]
		}, in, t.Output())
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	url, token := announced(t, out)
	if token != "" {
		t.Error("the first token is not the one that was given")
	}
	c := &client{url, settings["HOOKGRAPH_BOOTSTRAP_TOKEN"]}
	if status := c.rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK {
		t.Errorf("with the token that was given: %d", status)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for name, is := range unknown {
		if is {
			t.Errorf("the program does not know %s", name)
		}
	}
}
