package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/store"
)

const (
	stopTimeout    = 10 * time.Second // for each step of stopping
	upkeepInterval = time.Hour
)

// run sends and serves until ctx ends or a part fails, and then stops. It calls ready when everything has been started.
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
	running.Go(func() error {
		s.auth.Run(ctx)
		return nil
	})
	running.Go(func() error { return s.upkeep(ctx) })
	running.Go(func() error {
		<-ctx.Done()
		s.log.InfoContext(ctx, "stopping")
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
	return running.Wait()
}

// stop ends the parts in the order of the flow: first no more calls, then no more attempts, then what is recorded of them is
// committed. Streams end before requests are waited for, because they would not end by themselves.
func (s *server) stop(ctx context.Context, sending func(context.Context) error) error {
	return errors.Join(
		step(ctx, "close streams", s.api.Shutdown),
		step(ctx, "finish requests", s.http.server.Shutdown),
		step(ctx, "stop sending", sending),
		step(ctx, "flush", s.store.Flush),
	)
}

// step is one of stopping. None waits forever.
func step(ctx context.Context, name string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// upkeep gives up and removes what is old, now and every hour.
func (s *server) upkeep(ctx context.Context) error {
	keep := store.Keep{Events: s.cfg.Retention, Deliveries: s.cfg.MaxAge()}
	tick := time.NewTicker(upkeepInterval)
	defer tick.Stop()
	for {
		done, err := s.store.Maintain(ctx, keep)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.log.ErrorContext(ctx, "upkeep failed; trying again in an hour", slog.Any("error", err))
		}
		if done.Deliveries > 0 {
			s.log.WarnContext(ctx, "gave up deliveries that were due for too long", slog.Int("deliveries", done.Deliveries), slog.Duration("limit", keep.Deliveries))
		}
		if done.Events+done.Secrets > 0 {
			s.log.InfoContext(ctx, "expired rows removed", slog.Int("events", done.Events), slog.Int("secrets", done.Secrets))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
