package app

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
)

// notifier tells a service manager how the server is (sd_notify(3), Type=notify). A nil notifier tells nobody.
type notifier struct {
	socket string
	every  time.Duration // between signs of life; 0 if none are asked for
	log    *slog.Logger
}

// newNotifier returns nil unless a service manager has started this process and wants to be told.
func newNotifier(getenv func(string) string) *notifier {
	n := &notifier{socket: getenv("NOTIFY_SOCKET")}
	if n.socket == "" {
		return nil
	}
	us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if pid := getenv("WATCHDOG_PID"); err == nil && us > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.every = time.Duration(us) * time.Microsecond / 2
	}
	return n
}

// tell sends states, such as READY=1. Nobody waits for the manager.
func (n *notifier) tell(states string) {
	if n == nil {
		return
	}
	to, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"}) //nolint:forbidigo // the service manager of this machine
	if err == nil {
		_ = to.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = to.Write([]byte(states))
		_ = to.Close()
	}
	if err != nil && n.log != nil {
		n.log.Warn("the service manager cannot be told how the server is", slog.Any("error", err))
	}
}

// live gives signs of life until ctx ends. look returns the state for people, and whether the process works; it must return before its ctx ends.
func (n *notifier) live(ctx context.Context, look func(ctx context.Context) (state string, works bool)) {
	if n == nil {
		return
	}
	every := n.every
	if every == 0 {
		every = time.Minute // for the state alone
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		within, cancel := context.WithTimeout(ctx, every)
		state, works := look(within)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case works && n.every > 0:
			n.tell("STATUS=" + state + "\nWATCHDOG=1")
		default:
			n.tell("STATUS=" + state)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look tells the service manager's watchdog whether a restart would help: a process whose writer does not even refuse an event is stuck. A database
// that refuses (a full disk), and a PostgreSQL that is away, are no reason to restart.
func (s *server) look(ctx context.Context) (state string, works bool) {
	err := s.store.Ready(ctx)
	stuck := ctx.Err() != nil && !store.IsPostgres(s.cfg.Database)
	switch {
	case err != nil:
		return "not ready: " + err.Error(), !stuck
	case s.sender.Short():
		return "ready, but deliveries wait: this host is short of what attempts need", true
	}
	return "ready at " + s.http.url() + s.cfg.BasePath, true
}
