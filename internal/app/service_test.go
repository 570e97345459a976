package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// A service manager is told when the server listens, that it works, and when it stops.
func TestManagerIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skip(err)
	}
	defer manager.Close()
	p, _ := start(t, t.TempDir(), "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=200000")
	until := func(want string) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		for b := make([]byte, 4096); ; {
			n, err := manager.Read(b)
			if err != nil {
				t.Fatalf("waits for %s: %v", want, err)
			}
			if slices.Contains(strings.Split(string(b[:n]), "\n"), want) {
				return
			}
		}
	}
	until("READY=1")
	until("WATCHDOG=1")
	until("STATUS=ready at " + p.url)
	if err := p.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until("STOPPING=1")
	<-p.ended
}

// The unit of systemd is valid, starts the program with settings that it knows, leaves it time to stop, and allows little.
func TestServiceUnit(t *testing.T) {
	text, err := os.ReadFile("deploy/hookgraph.service")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^ExecStart=\S+ (\w+)$`).FindSubmatch(text)
	settings := map[string]string{"HOOKGRAPH_BOOTSTRAP_TOKEN": strings.Repeat("t", 32)}
	for _, set := range regexp.MustCompile(`(?m)^Environment=(\w+)=(.*)$`).FindAllSubmatch(text, -1) {
		settings[string(set[1])] = string(set[2])
	}
	stops, err := time.ParseDuration(string(regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindSubmatch(text)[1]) + "s")
	if command == nil || err != nil || stops < 5*stopTimeout {
		t.Fatalf("%q, %v, %v", command, stops, err)
	}
	startWith(t, string(command[1]), settings)
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no systemd-analyze")
	}
	unit := filepath.Join(t.TempDir(), "hookgraph.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(text, []byte("/usr/local/bin/hookgraph"), []byte(os.Args[0])), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", unit}, {"security", "--offline=true", "--threshold=15", unit}} { // 1.5 of 10
		if said, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput(); err != nil || args[0] == "verify" && len(said) > 0 {
			t.Errorf("%v: %v: %s", args, err, said)
		}
	}
}

// manifests is what of kubernetes.yaml refers to something else.
type manifests struct {
	Kind string
	Spec struct {
		Replicas     int
		MinAvailable int `yaml:"minAvailable"`
		Selector     map[string]any
		Ports        []struct {
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels, Annotations map[string]any }
			Spec     struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []container
			}
		}
	}
}

type container struct {
	Args  []string
	Ports []struct {
		Name string
		Port int `yaml:"containerPort"`
	}
	Env []struct {
		Name, Value string
		ValueFrom   struct {
			Secret struct{ Name, Key string } `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	}
	Startup   probe `yaml:"startupProbe"`
	Liveness  probe `yaml:"livenessProbe"`
	Readiness probe `yaml:"readinessProbe"`
}

type probe struct {
	Get struct{ Path, Port string } `yaml:"httpGet"`
}

// The manifests of Kubernetes name ports, labels, secrets, paths and settings that exist; the head says how to make the secrets.
func TestKubernetes(t *testing.T) {
	text, err := os.ReadFile("deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	is := map[string]manifests{}
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var m manifests
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		is[m.Kind] = m
	}
	deployment, service, budget := is["Deployment"].Spec, is["Service"].Spec, is["PodDisruptionBudget"].Spec
	pod := deployment.Template.Spec
	if len(pod.Containers) != 1 || time.Duration(pod.Grace)*time.Second < 5*stopTimeout || budget.MinAvailable >= deployment.Replicas || len(deployment.Template.Metadata.Labels) == 0 {
		t.Fatalf("%+v %+v", deployment, budget)
	}
	for k, v := range deployment.Template.Metadata.Labels {
		labels := func(s map[string]any) any { l, _ := s["matchLabels"].(map[string]any); return l[k] }
		if service.Selector[k] != v || labels(deployment.Selector) != v || labels(budget.Selector) != v {
			t.Errorf("label %s is not selected everywhere", k)
		}
	}
	c := pod.Containers[0]
	settings := map[string]string{}
	for _, e := range c.Env {
		if settings[e.Name] = e.Value; e.ValueFrom.Secret.Key != "" {
			settings[e.Name] = strings.Repeat("MTIzNDU2Nzg5MDEy", 2) + "MTIzNDU2Nzg=" // 32 bytes in base64
			if !strings.Contains(string(text), "--from-literal="+e.ValueFrom.Secret.Key+"=") || e.ValueFrom.Secret.Name != "hookgraph" {
				t.Errorf("the head does not say how to make the secret %+v", e.ValueFrom.Secret)
			}
		}
	}
	if len(c.Ports) != 2 || !strings.HasSuffix(settings["HOOKGRAPH_LISTEN"], ":8080") || c.Ports[0].Port != 8080 || service.Ports[0].TargetPort != c.Ports[0].Name {
		t.Errorf("%+v, %+v, and the program listens on %s", c.Ports, service.Ports, settings["HOOKGRAPH_LISTEN"])
	}
	for want, p := range map[string]probe{"/livez ": c.Startup, "/livez": c.Liveness, "/readyz": c.Readiness} {
		if p.Get.Path != strings.TrimSpace(want) || p.Get.Port != c.Ports[0].Name {
			t.Errorf("%+v, want %s", p, want)
		}
	}
	checkPodMonitor(t, string(text), &c, deployment.Template.Metadata.Annotations, settings["HOOKGRAPH_METRICS_LISTEN"])
	startWith(t, c.Args[0], settings)
}

// checkPodMonitor checks that Prometheus finds the metrics, by annotations or by the PodMonitor at the head.
func checkPodMonitor(t *testing.T, text string, c *container, annotations map[string]any, listen string) {
	t.Helper()
	port := c.Ports[1]
	if listen != fmt.Sprint("0.0.0.0:", port.Port) || annotations["prometheus.io/port"] != fmt.Sprint(port.Port) || annotations["prometheus.io/path"] != "/metrics" {
		t.Errorf("metrics are served at %q, which is not port %+v or that of %v", listen, port, annotations)
	}
	var monitor struct {
		Kind string
		Spec struct {
			JobLabel string `yaml:"jobLabel"`
			Selector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			}
			Endpoints []struct{ Port string } `yaml:"podMetricsEndpoints"`
		}
	}
	begins, ends := strings.Index(text, "#   apiVersion: monitoring."), strings.Index(text, "# They need no token")
	if begins < 0 || ends < begins {
		t.Fatal("there is no PodMonitor")
	}
	if err := yaml.Unmarshal([]byte(regexp.MustCompile(`(?m)^#( {3})?`).ReplaceAllString(text[begins:ends], "")), &monitor); err != nil {
		t.Fatal(err)
	}
	if s := monitor.Spec; monitor.Kind != "PodMonitor" || len(s.Endpoints) != 1 || s.Endpoints[0].Port != port.Name || s.Selector.MatchLabels[s.JobLabel] != "hookgraph" {
		t.Errorf("%+v", monitor)
	}
}
