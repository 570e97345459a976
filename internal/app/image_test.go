//go:build linux

package app

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// image is a root file system as deploy/Dockerfile makes it, with what a container has besides.
type image struct {
	root, user         string
	env                []string
	entry, cmd, health []string
}

// newImage makes the image of this program, which must be static.
func newImage(t *testing.T) *image {
	t.Helper()
	info, _ := debug.ReadBuildInfo()
	if !slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "0"}) {
		t.Skip("this program is not static, as that of an image is: CGO_ENABLED=0 go test runs it")
	}
	text, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(text), "\nFROM scratch\n")
	i := &image{root: t.TempDir()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(i.root, 0o755))
	for line := range strings.Lines(last) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "COPY":
			fields := slices.DeleteFunc(strings.Fields(rest), func(f string) bool { return strings.HasPrefix(f, "--") })
			must(i.add(fields[0], filepath.Join(i.root, fields[1]), strings.Contains(rest, "--chown=65532:65532 ")))
		case "ENV":
			i.env = append(i.env, strings.Fields(rest)...)
		case "USER":
			i.user = rest
		case "ENTRYPOINT":
			must(json.Unmarshal([]byte(rest), &i.entry))
		case "CMD":
			must(json.Unmarshal([]byte(rest), &i.cmd))
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, " CMD ")
			must(json.Unmarshal([]byte(command), &i.health))
		}
	}
	if i.user != "65532:65532" || len(i.entry) != 1 || len(i.cmd) == 0 || len(i.health) < 2 || i.health[0] != i.entry[0] {
		t.Fatalf("%+v", i)
	}
	return i
}

// add adds what the first stage of the Dockerfile has made.
func (i *image) add(from, to string, own bool) error {
	if from == "/data" || from == "/scratch" {
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if own && os.Geteuid() == 0 {
			return os.Chown(to, 65532, 65532)
		}
		if !own {
			return os.Chmod(to, 0o777|os.ModeSticky)
		}
		return nil
	}
	if from == "/hookgraph" {
		from = os.Args[0]
	}
	if strings.HasSuffix(to, "/") || from == "/etc/ssl/certs/ca-certificates.crt" {
		to = filepath.Join(to, filepath.Base(from))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// command is one of the program in the image: as its user if the test is root's, which no other user can become.
func (i *image) command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	by := []string{"chroot", "--userspec=" + i.user, i.root}
	if os.Geteuid() != 0 {
		mounts := ownMounts(t)
		if mounts == nil {
			t.Skip("neither root nor a user namespace: the image's root cannot be changed to")
		}
		by = append(mounts, "chroot", i.root)
	}
	cmd := exec.CommandContext(t.Context(), by[0], append(by[1:], args...)...)
	cmd.Env = slices.Concat(i.env, []string{"HOOKGRAPH_TEST_MAIN=1", "HOOKGRAPH_LISTEN=127.0.0.1:0", "HOOKGRAPH_METRICS_LISTEN=off"}, env)
	return cmd
}

// imageCommands are commands with what they print, in an order in which they can be run beside the server; "!" before it means that they fail.
var imageCommands = []struct{ args, want string }{
	{"version", ""},
	{"help", "Run the server"},
	{"config", "HOOKGRAPH_LISTEN"},
	{"completion bash", "complete"},
	{"doctor", "tls-roots"},
	{"token create --operator", "hg_"},
	{"token list", "operator"},
	{"secrets rotate-key", "sealed"},
	{"migrate status", "00001_start"},
	{"backup /data/backup", "whole and checked"},
	{"restore /data/backup --database /data/restored", "restored to /data/restored"},
	{"compact --database /data/restored", "freed"},
	{"copy --from /data/restored --to postgres://127.0.0.1:1/none", "!HOOKGRAPH_MASTER_KEY"},
	{"webhooks create https://127.0.0.1:1/", "whsec_"},
	{"publish a.b --data {}", "-"},
	{"events list", "a.b"},
	{"deliveries list", "a.b"},
	{"search 127.0.0.1:1", "127.0.0.1:1"},
	{"replay list", ""},
	{"portal sessions", ""},
	{"verify", "!"},
	{"demo --duration 300ms", "attempts delivered"},
}

// The image needs nothing but itself: its server starts and is healthy, as its user, in an empty root, and every command works.
func TestImage(t *testing.T) {
	i := newImage(t)
	token := strings.Repeat("t", 32)
	server := i.command(t, []string{"HOOKGRAPH_BOOTSTRAP_TOKEN=" + token, "HOOKGRAPH_ALLOW_PRIVATE_TARGETS=true"}, append(i.entry, i.cmd...)...)
	server.Stderr = t.Output()
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	url, _ := announced(t, out)
	env := []string{"HOOKGRAPH_URL=" + url, "HOOKGRAPH_TOKEN=" + token}
	if said, err := i.command(t, env[:1], i.health...).CombinedOutput(); err != nil {
		t.Errorf("the health check: %v: %s", err, said)
	}
	tested := map[string]bool{"serve": true, "health": true}
	for _, c := range imageCommands {
		args := strings.Fields(c.args)
		tested[args[0]] = true
		said, err := i.command(t, env, append(i.entry, args...)...).CombinedOutput()
		want, fails := strings.CutPrefix(c.want, "!")
		if (err != nil) != fails || !bytes.Contains(said, []byte(want)) {
			t.Errorf("%s: %v: %s", c.args, err, said)
		}
	}
	for _, args := range [][]string{{"tail", "--since", "1h"}, {"listen"}} {
		tested[args[0]] = true
		i.streams(t, env, args...)
	}
	help, err := i.command(t, nil, append(i.entry, "help")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`(?m)^  ([a-z]+) `).FindAllSubmatch(help, -1) {
		if !tested[string(name[1])] && string(name[1]) != "bench" { // which finds its own program in /proc: containers have it, this root does not
			t.Errorf("nobody knows whether %s works in the image", name[1])
		}
	}
}

// streams runs a command that goes on until it is interrupted, and waits until it says something.
func (i *image) streams(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd := i.command(t, env, append(i.entry, args...)...)
	var said transcript
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	webhooktest.Eventually(t, args[0]+" says something", func() bool { return said.String() != "" })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v: %s", args, err, said.String())
	}
}
