package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// check compares accepted deliveries with arrivals, and queries the server for missing ones.
func (l *load) check(ctx context.Context, r *Result) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var duplicates, arrived int64
	err := l.b.receiver.arrivals(ctx, func(a peer.Arrival, times uint32) {
		if left, ok := l.due[a.Event]; ok {
			l.due[a.Event] = left - 1
			arrived++
			duplicates += int64(times) - 1
		}
	})
	if err != nil {
		return err
	}
	missing := map[webhook.ID]int32{}
	for id, left := range l.due {
		if left > 0 {
			missing[id] = left
		}
	}
	found, err := l.b.server.find(ctx, missing)
	if err != nil {
		return fmt.Errorf("ask for %d events that did not arrive: %w", len(missing), err)
	}
	r.Events += l.accepted
	r.Deliveries += arrived
	if r.Lost == nil {
		r.Lost, r.Duplicates = new(int64), new(int64)
	}
	*r.Lost += found.lost
	*r.Duplicates += duplicates
	r.Pending += found.pending
	r.Failed += found.failed
	return nil
}

// found counts the deliveries that did not arrive, by their state.
type found struct{ pending, failed, lost int64 }

const (
	findEvents = 20 // in one request
	// runningPatience is longer than an attempt may take: one that still runs then never ends.
	runningPatience = 20 * time.Second
)

// find queries the API for the missing deliveries of the events, given with their number. A delivery that is neither due nor
// running, or whose event does not exist, is lost.
func (s *server) find(ctx context.Context, missing map[webhook.ID]int32) (all found, err error) {
	ids := make([]webhook.ID, 0, len(missing))
	for id := range missing {
		ids = append(ids, id)
	}
	until := time.Now().Add(runningPatience)
	for len(ids) > 0 {
		var again []webhook.ID
		for some := range slices.Chunk(ids, findEvents) {
			events, err := s.events(ctx, some)
			if err != nil {
				return all, err
			}
			for i, id := range some {
				f, running := events[i].find(int64(missing[id]), time.Now())
				if running && time.Now().Before(until) {
					again = append(again, id)
					continue
				}
				all.pending, all.failed, all.lost = all.pending+f.pending, all.failed+f.failed, all.lost+f.lost
			}
		}
		if ids = again; len(ids) == 0 {
			break
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
	return all, nil
}

// foundEvent is an event with its deliveries; nil if it does not exist.
type foundEvent struct {
	Deliveries struct{ Nodes []foundDelivery }
}

type foundDelivery struct {
	Status        string
	NextAttemptAt *time.Time
}

// find returns the state of the event's missing deliveries; running says that it may still change.
func (e *foundEvent) find(missing int64, now time.Time) (f found, running bool) {
	if e == nil {
		return found{lost: missing}, false
	}
	for _, d := range e.Deliveries.Nodes {
		switch {
		case d.Status == "HELD" || d.Status == "PENDING" && d.NextAttemptAt != nil && d.NextAttemptAt.After(now):
			f.pending++
		case d.Status == "PENDING":
			running = true
		case d.Status != "SUCCEEDED":
			f.failed++
		}
	}
	f.lost = max(0, missing-f.pending-f.failed)
	return f, running
}

// events queries events by id, in order.
func (s *server) events(ctx context.Context, ids []webhook.ID) ([]*foundEvent, error) {
	body, err := json.Marshal(client.Request{
		Query:     `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Event { deliveries(first: 20) { nodes { status nextAttemptAt } } } } }`,
		Variables: object{"ids": ids},
	})
	if err != nil {
		return nil, err
	}
	var data struct{ Nodes []*foundEvent }
	if err := s.Query(ctx, body, &data); err != nil {
		return nil, err
	}
	if len(data.Nodes) != len(ids) {
		return nil, fmt.Errorf("%d events were requested, and %d were returned", len(ids), len(data.Nodes))
	}
	return data.Nodes, nil
}
