package app

import (
	"bytes"
	"context"
	"fmt"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/hookgraph/hookgraph/internal/cli"
)

// Main is the whole program, with the process's arguments, environment, signals and standard streams. It returns the exit code.
func Main() int {
	env := cli.Env{
		Args: os.Args[1:], Getenv: os.Getenv, Environ: os.Environ, Stdout: os.Stdout, Stderr: os.Stderr,
		Serve: Serve, OwnProcess: ownProcess,
	}
	if err := cli.Run(untilSignal(), env); err != nil {
		fmt.Fprintln(os.Stderr, "hookgraph:", err)
		return 1
	}
	return 0
}

// ownProcess makes the settings of a process that is a server and nothing else.
func ownProcess(log *slog.Logger) {
	stdlog.SetFlags(0) // a line begins with what is said
	stdlog.SetOutput(stray{log})
	go collectGarbage()
}

// untilSignal returns a context that a signal ends: SIGINT, SIGTERM, and SIGHUP, of which nothing need be read again (a TLS
// certificate is, by itself). A second SIGINT or SIGTERM ends the program at once; a second SIGHUP, which a terminal that is
// closed may send, does not. Under nohup SIGHUP stays ignored.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		cancel()
	}()
	return ctx
}

// stray takes what libraries write to the standard logger, which nothing of ours does. net/http's client has no other place
// to complain of a receiver that sends more than it was asked for, and repeats all of it: that goes nowhere.
type stray struct{ log *slog.Logger }

func (s stray) Write(line []byte) (int, error) {
	switch {
	case bytes.HasPrefix(line, []byte("Unsolicited response")):
		s.log.Debug("a receiver sent more than it was asked for")
	case bytes.HasPrefix(line, []byte("protocol error")), bytes.HasPrefix(line, []byte("http2: ")):
		s.log.Debug("a receiver violated HTTP/2")
	default:
		s.log.Warn("library warning", slog.String("text", string(bytes.TrimSpace(line))))
	}
	return len(line), nil
}
