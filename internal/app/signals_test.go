//go:build unix

package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// piped is the program in a process of its own; the test reads its output, leaves it unread, or closes it.
type piped struct {
	*client
	cmd    *exec.Cmd
	stderr *os.File
	stdout *os.File
	ended  chan error
}

func pipe(t *testing.T, name string, args ...string) *piped {
	t.Helper()
	p := &piped{ended: make(chan error, 1)}
	p.cmd = exec.CommandContext(t.Context(), name, args...)
	p.cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1")
	ends := [2]**os.File{&p.stdout, &p.stderr}
	for i, w := range []*io.Writer{&p.cmd.Stdout, &p.cmd.Stderr} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = read.Close() })
		defer func() { _ = write.Close() }()
		*ends[i], *w = read, write
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() { p.ended <- p.cmd.Wait() }()
	var banner strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(banner.String(), "Operator token") || !strings.HasSuffix(banner.String(), "\n\n") {
		n, err := p.stdout.Read(buf)
		if err != nil {
			t.Fatal("the program did not start")
		}
		banner.Write(buf[:n])
	}
	url, token := announced(t, strings.NewReader(banner.String()))
	p.client = &client{url, token}
	return p
}

// end waits for the program to end by itself.
func (p *piped) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the program does not end")
		return nil
	}
}

// A command that a signal interrupts before it is done says so, in no library's words, and ends with 128 and the signal's number, even while it waits for
// a terminal.
func TestInterrupted(t *testing.T) {
	hanging := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hanging <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	input, keep, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = input.Close(), keep.Close() }()
	p := boot(t, t.TempDir())
	for name, tc := range map[string]struct {
		args   []string
		url    string
		signal syscall.Signal
		want   string
	}{
		"a list":    {[]string{"events"}, server.URL, syscall.SIGINT, "hookgraph: interrupted\n"},
		"health":    {[]string{"health", "--timeout", "1m"}, server.URL, syscall.SIGTERM, "hookgraph: not ready: interrupted\n"},
		"a replay":  {[]string{"replay", "watch", "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11"}, server.URL, syscall.SIGHUP, "hookgraph: interrupted\n"},
		"the input": {[]string{"publish", "--lines"}, p.url, syscall.SIGINT, "hookgraph: line 2: interrupted; nothing after it was published\n"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], tc.args...)
		cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1", "HOOKGRAPH_URL="+tc.url, "HOOKGRAPH_TOKEN="+p.token)
		var out, errs transcript
		cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if name != "the input" {
			<-hanging
		} else { // the answer to a line shows that it waits for the next one
			if _, err := io.WriteString(keep, `{"type": "a.b", "data": 1}`+"\n"); err != nil {
				t.Fatal(err)
			}
			out.await(t, "\n")
		}
		if err := cmd.Process.Signal(tc.signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 128+int(tc.signal) || !strings.HasSuffix(errs.String(), tc.want) || strings.Contains(errs.String(), "context") {
			t.Errorf("%s: it ends with %d, and says %q", name, code, errs.String())
		}
	}
}

// serving returns the arguments of a server that logs every attempt.
func serving(t *testing.T) []string {
	t.Helper()
	return []string{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--database", t.TempDir(), "--allow-private-targets", "--log-level", "debug"}
}

// If the log's reader is gone or no longer reads, the server neither ends nor waits: each delivery is made once, and the server
// stops in order. SIGHUP stops it as SIGTERM does.
func TestLogWithoutReader(t *testing.T) {
	for name, reader := range map[string]func(*piped){
		"gone": func(p *piped) {
			_ = p.stderr.Close()
			_ = p.stdout.Close()
		},
		"does not read": func(*piped) {},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := webhooktest.NewReceiver(t)
			var mu sync.Mutex
			arrived := map[string]int{}
			receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				arrived[r.Header.Get("webhook-id")]++
				w.WriteHeader(http.StatusNoContent)
			})
			p := pipe(t, os.Args[0], serving(t)...)
			reader(p)
			p.mutate(t, createWebhook, map[string]any{"url": receiver.URL + "/" + strings.Repeat("x", 1000)}, &struct{}{})
			const events = 300 // more lines than a pipe holds
			for range events {
				p.publish(t, "a.b")
			}
			p.settle(t)
			if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			if err := p.end(t); err != nil {
				t.Errorf("after SIGHUP: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(arrived) != events {
				t.Errorf("%d of %d events arrived", len(arrived), events)
			}
			for id, n := range arrived {
				if n != 1 {
					t.Errorf("%s arrived %d times", id, n)
				}
			}
		})
	}
}

// A second SIGINT ends the program at once, even during an attempt; a second SIGHUP does not.
func TestSecondSignal(t *testing.T) {
	receiver := webhooktest.NewReceiver(t)
	waiting := make(chan struct{}, 1)
	receiver.Answer(func(_ http.ResponseWriter, r *http.Request) {
		waiting <- struct{}{}
		<-r.Context().Done()
	})
	p := pipe(t, os.Args[0], serving(t)...)
	p.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &struct{}{})
	p.publish(t, "a.b")
	<-waiting
	stopping := make(chan struct{})
	go func() { // reads the log, which would otherwise fill the pipe
		var said strings.Builder
		buf := make([]byte, 4096)
		for told := false; ; {
			n, err := p.stderr.Read(buf)
			if said.Write(buf[:n]); !told && strings.Contains(said.String(), "msg=stopping") {
				told = true
				close(stopping)
			}
			if err != nil {
				return
			}
		}
	}()
	for range 3 {
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-stopping:
	case <-time.After(time.Minute):
		t.Fatal("it does not stop")
	}
	for range 2 { // two, because the program may take the first for the one that it is stopping for
		_ = p.cmd.Process.Signal(syscall.SIGINT)
	}
	_ = p.end(t)
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", p.cmd.ProcessState)
	}
}

// A program that nohup started survives the end of its terminal.
func TestNohup(t *testing.T) {
	p := pipe(t, "sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, os.Args[0]}, serving(t)...)...)
	for range 3 {
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		p.publish(t, "still.here"+strconv.Itoa(n))
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.end(t); err != nil {
		t.Error(err)
	}
}
