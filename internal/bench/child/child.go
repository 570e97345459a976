// Package child runs a program as a process of the benchmark: it reads what that prints, asks the system what it uses, and lets none outlive
// the benchmark.
package child

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long a child may take to end. The server waits for its attempts.
const stopTimeout = 40 * time.Second

// Spec says what to start.
type Spec struct {
	Program string
	Args    []string
	Environ []string // the parent's environment, of which its HOOKGRAPH_ variables are left out
	Env     []string // variables in addition to that
	Dir     string   // for the log
	Name    string
}

// Process is a process that was started and must be stopped.
type Process struct {
	Log     string    // the file that has its standard error
	Started time.Time // just before

	cmd   *exec.Cmd
	name  string
	in    io.Closer // closing it tells the child that the parent is gone
	out   *bufio.Reader
	usage time.Duration // CPU time, once it has ended
	over  bool
}

// Start starts a process. Its standard error goes to a file; it is killed when ctx ends.
func Start(ctx context.Context, s Spec) (*Process, error) {
	c := &Process{name: s.Name, Log: filepath.Join(s.Dir, s.Name+".log")}
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()                     // the child has its own
	c.cmd = exec.CommandContext(ctx, s.Program, s.Args...) //nolint:gosec // the caller's program
	c.cmd.Cancel = func() error { return c.interrupt() }
	c.cmd.WaitDelay = stopTimeout
	c.cmd.Stderr = log
	c.cmd.Env = []string{} // nil would be the parent's
	for _, v := range s.Environ {
		if !strings.HasPrefix(v, "HOOKGRAPH_") {
			c.cmd.Env = append(c.cmd.Env, v)
		}
	}
	c.cmd.Env = append(c.cmd.Env, s.Env...)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	c.Started = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	return c, nil
}

func (c *Process) interrupt() error {
	if runtime.GOOS == "windows" {
		return c.cmd.Process.Kill()
	}
	return c.cmd.Process.Signal(syscall.SIGTERM)
}

// Line reads the next line of the child's standard output.
func (c *Process) Line(ctx context.Context) (string, error) {
	type read struct {
		text string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		text, err := c.out.ReadString('\n')
		done <- read{text, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return "", fmt.Errorf("%s ended early: %w%s", c.name, r.err, c.lastWords())
		}
		return strings.TrimSuffix(r.text, "\n"), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// lastWords returns the end of the child's log.
func (c *Process) lastWords() string {
	text, err := os.ReadFile(c.Log)
	if err != nil || len(text) == 0 {
		return ""
	}
	return ":\n" + string(text[max(0, len(text)-2000):])
}

// Stop ends the child and waits for it. It may be called again, and on nil.
func (c *Process) Stop() error {
	if c == nil || c.over {
		return nil
	}
	if err := c.interrupt(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = c.cmd.Process.Kill()
	}
	return c.Wait()
}

// Wait waits until the child has ended by itself, up to a time limit.
func (c *Process) Wait() error {
	if c.over {
		return nil
	}
	c.over = true
	_ = c.in.Close()
	kill := time.AfterFunc(stopTimeout, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	_, _ = io.Copy(io.Discard, c.out) // until it has ended: Wait closes the pipe
	err := c.cmd.Wait()
	if s := c.cmd.ProcessState; s != nil {
		c.usage = s.UserTime() + s.SystemTime()
		if s.Exited() && s.ExitCode() != 0 {
			return fmt.Errorf("%s: %w%s", c.name, err, c.lastWords())
		}
	}
	return nil
}

// CPU returns the CPU time that the child has used; false if the system does not tell before its end.
func (c *Process) CPU() (time.Duration, bool) {
	if c.over {
		return c.usage, true
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The second field is the name in brackets, which may hold anything. utime and stime are fields 14 and 15, in
	// hundredths of a second on every Linux (proc(5)).
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, err1 == nil && err2 == nil
}

// Peak returns the child's peak resident memory in MB; nil if the system does not tell.
func (c *Process) Peak() *float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				return nil
			}
			return new(kib * 1024 / 1e6)
		}
	}
	return nil
}

// ReadBytes returns the bytes that the child has read from files (cached or not) and connections; 0 if the system does not tell.
func (c *Process) ReadBytes() int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/io")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "rchar: "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64) // 0 if it is not a number
			return n
		}
	}
	return 0
}

// WithParent is the child's side: it returns a context that ends with ctx, or at the end of in, a pipe from the parent.
func WithParent(ctx context.Context, in io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return ctx, cancel
}
