package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/client"
)

// A lost connection is made again after a pause, which doubles until something arrives, or a connection has held for the
// longest pause.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
)

// slowWork is how long work on an attempt may take before the server may have ended the connection because nobody read from it.
const slowWork = 5 * time.Second

// guardInterval is the time within which a connection that has ended silently is noticed, and half of the longest time that takes.
const guardInterval = 20 * time.Second

// attempts is the stream of attempts, over lost connections and restarts of the server.
type attempts struct {
	from   *client.Client
	query  string         // its variables are filter, after and since
	filter map[string]any // of attempts
	since  string         // when the stream begins; "" is when it is first connected
	after  string         // the cursor of the last attempt; "" is none
	told   io.Writer      // of what happens to the connection

	pause  time.Duration // before the next connection
	worked time.Duration // how long the work on the last attempt took
	lived  bool          // the server was reached; until then an error is final
}

// each calls work with every attempt, in order, until ctx ends or the server refuses to go on. If work returns an error, the same attempt
// comes again, unless the error is final.
func (a *attempts) each(ctx context.Context, work func(ctx context.Context, raw json.RawMessage, cursor string) error) error {
	a.pause = firstPause
	for {
		begun := time.Now()
		err := a.follow(ctx, work)
		if time.Since(begun) >= lastPause {
			a.pause = firstPause
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		if a.resumable(err) {
			continue
		}
		if final(err) || !a.lived {
			return err
		}
		if a.worked >= slowWork {
			a.worked = 0
			continue // the server did not wait, as expected
		}
		_, _ = fmt.Fprintf(a.told, "the connection is lost, and made again in %v: %s\n", a.pause, Printable(err.Error()))
		select {
		case <-time.After(a.pause):
		case <-ctx.Done():
			return nil
		}
		a.pause = min(2*a.pause, lastPause)
	}
}

// resumable reports whether the cursor was overtaken, and sets it to the oldest that the server still has.
func (a *attempts) resumable(err error) bool {
	refused, is := errors.AsType[*client.Error](err)
	if !is || refused.Oldest == "" || refused.Oldest == a.after {
		return false
	}
	why := "retention has removed attempts that were not read yet"
	if refused.Code == "CURSOR_LOST" {
		why = "the database was restored from a backup, and attempts may be missing or come again"
	}
	_, _ = fmt.Fprintf(a.told, "%s; it goes on with the oldest that is kept\n", why)
	a.after = refused.Oldest
	return true
}

// follow calls work with attempts until the connection ends.
func (a *attempts) follow(ctx context.Context, work func(ctx context.Context, raw json.RawMessage, cursor string) error) error {
	variables := map[string]any{"filter": a.filter}
	if a.after != "" {
		variables["after"] = a.after
	} else if a.since != "" {
		variables["since"] = a.since
	}
	stream, err := a.from.Subscribe(ctx, client.Request{Query: a.query, Variables: variables})
	if err != nil {
		return err
	}
	guarded, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		stream.Guard(guarded, guardInterval)
	}()
	defer func() {
		cancel()
		_ = stream.Close()
		<-over
	}()
	if a.lived = true; a.after == "" && a.since == "" {
		// What is recorded while the first connection is lost before it showed anything is to come, too.
		a.since = time.Now().UTC().Format(time.RFC3339Nano)
	}
	for {
		var data struct {
			Done struct {
				Cursor string
				Node   json.RawMessage
			}
		}
		if err := stream.Next(ctx, &data); err != nil {
			return err
		}
		begun := time.Now()
		err := work(ctx, data.Done.Node, data.Done.Cursor)
		a.worked = time.Since(begun)
		if err != nil {
			return err
		}
		a.after, a.pause = data.Done.Cursor, firstPause
	}
}

// unwritten is an error of the output, or of a file.
type unwritten struct{ error }

func (u *unwritten) Unwrap() error { return u.error }

// final reports whether the same would happen again: the server refused the request or the token, or the output is gone.
func final(err error) bool {
	if _, is := errors.AsType[*unwritten](err); is {
		return true
	}
	if refused, is := errors.AsType[*client.Error](err); is {
		return !refused.Passing()
	}
	status := websocket.CloseStatus(err)
	return errors.Is(err, client.ErrAnswered) || status >= 4400 && status < 4500 && status != 4408 && status != 4429
}
