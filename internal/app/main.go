package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"sync/atomic"
	"syscall"

	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/config"
)

// Main is the whole program, with the process's arguments, environment, signals and standard streams. It returns the exit code.
func Main() int {
	getenv, environ := os.Getenv, os.Environ //nolint:forbidigo // the process's own, which all others are given
	env := cli.Env{
		Args: os.Args[1:], Getenv: getenv, Environ: environ, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		CacheDir: os.UserCacheDir, User: func() string { return hostUser(getenv) }, Serve: underManager(getenv), OwnProcess: func(log *slog.Logger) { ownProcess(getenv, log) },
	}
	ctx, caught := untilSignal()
	if err := cli.Run(ctx, env); err != nil {
		fmt.Fprintln(os.Stderr, "hookgraph:", err)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return 128 + int(caught.Load()) // as shells have it for a program that a signal ends
		}
		return 1
	}
	return 0
}

// hostUser returns the name of the user who runs the program, or has sudo run it; "" if it is not known.
func hostUser(getenv func(string) string) string {
	is, err := user.Current()
	if err != nil {
		return ""
	}
	if by := getenv("SUDO_USER"); by != "" && is.Uid == "0" {
		return by
	}
	return is.Username
}

// underManager returns Serve for a process that a service manager may have started.
func underManager(getenv func(string) string) cli.Serve {
	return func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(cli.Running)) error {
		manager := newNotifier(getenv)
		if manager != nil {
			manager.log = log
		}
		return serveUnder(ctx, manager, cfg, log, ready)
	}
}

// ownProcess changes settings of the whole process, which must be a server and nothing else.
func ownProcess(getenv func(string) string, log *slog.Logger) {
	stdlog.SetFlags(0) // no timestamps: slog adds its own
	stdlog.SetOutput(stray{log})
	go collectGarbage(getenv)
}

// untilSignal returns a context that SIGINT, SIGTERM or SIGHUP ends. SIGHUP stops too, because no file needs a signal to be
// reloaded. A second SIGINT or SIGTERM ends the program at once; a second SIGHUP does not, because a closed terminal may send two.
// Under nohup SIGHUP stays ignored. caught is the number of the signal.
func untilSignal() (_ context.Context, caught *atomic.Int32) {
	ctx, cancel := context.WithCancel(context.Background())
	caught = &atomic.Int32{}
	signals := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if is, ok := (<-signals).(syscall.Signal); ok {
			caught.Store(int32(is)) //nolint:gosec // the numbers of signals are small
		}
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		cancel()
	}()
	return ctx, caught
}

// stray receives what libraries write to the standard logger. Of the complaints of net/http's client about receivers it drops the
// text, which may repeat what a receiver sent.
type stray struct{ log *slog.Logger }

func (s stray) Write(line []byte) (int, error) {
	switch {
	case bytes.HasPrefix(line, []byte("Unsolicited response")):
		s.log.Debug("a receiver sent more than was requested")
	case bytes.HasPrefix(line, []byte("protocol error")), bytes.HasPrefix(line, []byte("http2: ")):
		s.log.Debug("a receiver violated HTTP/2")
	case bytes.HasPrefix(line, []byte("http: TLS handshake error")): // anybody who connects causes one, and names what it sent
		s.log.Debug("a client's TLS handshake failed")
	default:
		s.log.Warn("library warning", slog.String("text", string(bytes.TrimSpace(line))))
	}
	return len(line), nil
}
