package bench

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

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 40 * time.Second // the server waits for its attempts
)

type childSpec struct {
	program string
	args    []string
	env     []string // in addition to the bench's own, without its HOOKGRAPH_ variables
	dir     string   // for the log
	name    string
}

// child is a process that the bench has started and must stop.
type child struct {
	cmd     *exec.Cmd
	name    string
	log     string
	in      io.Closer // closing it tells the child that the parent is gone
	out     *bufio.Reader
	started time.Time
	usage   time.Duration // CPU time, once it has ended
	over    bool
}

// start starts the program with other arguments. Its standard error goes to a file; it is killed when ctx ends.
func start(ctx context.Context, s childSpec) (*child, error) {
	c := &child{name: s.name, log: filepath.Join(s.dir, s.name+".log")}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()                     // the child has its own
	c.cmd = exec.CommandContext(ctx, s.program, s.args...) //nolint:gosec // the program is this one
	c.cmd.Cancel = func() error { return c.interrupt() }
	c.cmd.WaitDelay = stopTimeout
	c.cmd.Stderr = log
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "HOOKGRAPH_") {
			c.cmd.Env = append(c.cmd.Env, v)
		}
	}
	c.cmd.Env = append(c.cmd.Env, s.env...)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	c.started = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return c, nil
}

func (c *child) interrupt() error {
	if runtime.GOOS == "windows" {
		return c.cmd.Process.Kill()
	}
	return c.cmd.Process.Signal(syscall.SIGTERM)
}

// line reads the next line of the child's standard output.
func (c *child) line(ctx context.Context) (string, error) {
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
func (c *child) lastWords() string {
	text, err := os.ReadFile(c.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	return ":\n" + string(text[max(0, len(text)-2000):])
}

// stop ends the child and waits for it; it may be called again.
func (c *child) stop() error {
	if c == nil || c.over {
		return nil
	}
	if err := c.interrupt(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = c.cmd.Process.Kill()
	}
	return c.wait()
}

// wait waits until the child has ended by itself, up to a time limit.
func (c *child) wait() error {
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

// cpu returns the CPU time that the child has used; false if the system does not tell before its end.
func (c *child) cpu() (time.Duration, bool) {
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

// peak returns the child's peak resident memory in MB; nil if the system does not tell.
func (c *child) peak() *float64 {
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

// readBytes returns the bytes that the child has read from files (cached or not) and connections; 0 if the system does not tell.
func (c *child) readBytes() int64 {
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
