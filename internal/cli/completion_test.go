package cli

import (
	"os/exec"
	"strings"
	"testing"
)

// After the words before it, the last word is completed by commands, flags, and their values.
func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"":                               "serve demo bench token secrets backup restore compact copy migrate doctor config version completion publish webhooks events deliveries tail listen search replay portal verify health",
		"del":                            "deliveries",
		"deliveries ":                    "list get retry cancel",
		"deliveries --st":                "--status",
		"deliveries --json --status X g": "get",
		"replay create --kind ":          "FAILED ALL MISSING CANCEL",
		"replay create --kind M":         "MISSING",
		"completion ":                    "bash zsh fish",
		"--re":                           "--retention",
		"events get --to":                "--token",
		"nothing ":                       "serve demo bench token secrets backup restore compact copy migrate doctor config version completion publish webhooks events deliveries tail listen search replay portal verify health",
		"webhooks create --p":            "--probe",
		"webhooks update --no":           "--no-probe",
		"events get --xyz":               "",
	} {
		_, out, err := command(t, nil, append([]string{completing}, strings.Split(line, " ")...)...)
		if got := strings.Join(strings.Fields(out), " "); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", line, got, err, want)
		}
	}
	if _, _, err := command(t, nil, completing); err == nil {
		t.Error("no word is accepted")
	}
}

// The script for bash is one that bash can run, and completes by what the program answers.
func TestCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	_, script, err := command(t, nil, "completion", "bash")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash, "-c", script+`
hookgraph() { printf '%s\n' "$1;$2;$3;$#" one two; }
COMP_WORDS=(hookgraph deliveries "") COMP_CWORD=2
_hookgraph
printf '<%s>' "${COMPREPLY[@]}"`)
	out, err := cmd.CombinedOutput()
	if want := "<__complete;deliveries;;3><one><two>"; err != nil || string(out) != want {
		t.Errorf("%s %v, want %s", out, err, want)
	}
	if _, _, err := command(t, nil, "completion", "csh"); err == nil || !strings.Contains(err.Error(), "bash") {
		t.Errorf("another shell: %v", err)
	}
}

// Each setting is shown with its value and where that comes from; secrets and passwords are not.
func TestConfigIsShown(t *testing.T) {
	env := map[string]string{
		"HOOKGRAPH_TIMEOUT": "20s", "HOOKGRAPH_FORWARD_PROXY": "http://user:hunter2@127.0.0.1:3128",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=hunter2",
	}
	_, out, err := command(t, env, "config", "--retention", "3d", "--database", "./somewhere")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--timeout 20s variable HOOKGRAPH_TIMEOUT", "--retention 72h0m0s flag HOOKGRAPH_RETENTION", "--listen 127.0.0.1:8080 default HOOKGRAPH_LISTEN",
		"--forward-proxy (not shown) variable HOOKGRAPH_FORWARD_PROXY", "--allow-target - default HOOKGRAPH_ALLOW_TARGET", "/somewhere flag HOOKGRAPH_DATABASE",
		"--delivery-max-age - default",
		"traces http://collector:4318 variable OTEL_EXPORTER_OTLP_ENDPOINT", "traces (not shown) variable OTEL_EXPORTER_OTLP_HEADERS",
		"traces parentbased_always_on default OTEL_TRACES_SAMPLER", "traces hookgraph default OTEL_SERVICE_NAME",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Error("a password is shown")
	}
	lists := map[string]string{"HOOKGRAPH_LISTEN": "[::1]:0", "HOOKGRAPH_TARGET_PORT": "443, 8443", "HOOKGRAPH_DENY_TARGET": "10.0.0.0/8, 2001:db8::/32"}
	if _, out, err = command(t, lists, "config"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--listen [::1]:0 variable", "--target-port 443 8443 variable", "--deny-target 10.0.0.0/8 2001:db8::/32 variable"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if _, _, err := command(t, map[string]string{"HOOKGRAPH_TIMEOUT": "-1s"}, "config"); err == nil || !strings.Contains(err.Error(), "HOOKGRAPH_TIMEOUT") {
		t.Errorf("an invalid setting: %v", err)
	}
}
