package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const stopTimeout = 10 * time.Second // for each step of stopping

// run sends and serves until ctx ends or a part fails, and then stops. It calls ready once everything has started.
func (s *server) run(ctx context.Context, ready func()) error {
	running, ctx := errgroup.WithContext(ctx)
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	sent := make(chan error, 1)
	running.Go(func() error {
		err := s.sender.Run(sending)
		sent <- err
		return err
	})
	running.Go(func() error {
		if err := s.http.serve(s.http.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", s.cfg.Listen, err)
		}
		return nil
	})
	running.Go(s.measuring.serve)
	running.Go(func() error {
		s.upkeep.Run(ctx)
		return nil
	})
	running.Go(func() error {
		<-ctx.Done()
		s.log.InfoContext(ctx, "stopping")
		s.manager.tell("STOPPING=1\nSTATUS=stopping")
		return s.stop(context.WithoutCancel(ctx), func(ctx context.Context) error {
			stopSending()
			select {
			case err := <-sent:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	ready()
	s.manager.tell("READY=1")
	running.Go(func() error {
		s.manager.live(ctx, s.look)
		return nil
	})
	return running.Wait()
}

// stop stops the parts in the order of the flow: calls, attempts, and last the commits that record them. It ends streams before it
// waits for requests, because streams do not end by themselves.
func (s *server) stop(ctx context.Context, sending func(context.Context) error) error {
	return errors.Join(
		step(ctx, "close streams", s.api.Shutdown),
		step(ctx, "finish requests", func(ctx context.Context) error { return finish(ctx, s.http.server, s.log) }),
		step(ctx, "stop sending", sending),
		step(ctx, "write the last use of tokens", s.auth.WriteUsed),
		step(ctx, "flush", s.store.Flush),
		step(ctx, "send traces", func(ctx context.Context) error {
			s.traces.Close(ctx)
			return nil
		}),
		step(ctx, "stop serving metrics", func(context.Context) error {
			s.measuring.close()
			return nil
		}),
	)
}

// finish waits for requests. Those that do not end in time, because a client sends the rest of a body slowly or never, are cut off: no client makes
// a stop fail.
func finish(ctx context.Context, requests *http.Server, log *slog.Logger) error {
	err := requests.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	log.WarnContext(ctx, "requests that did not end in time are cut off", slog.Duration("after", stopTimeout))
	return requests.Close()
}

// step is one step of stopping. None waits forever.
func step(ctx context.Context, name string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
