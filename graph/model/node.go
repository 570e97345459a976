package model

import (
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/doctor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/upkeep"
)

// maxErrorBytes limits the error of a task that is shown.
const maxErrorBytes = 1000

// ShowNode returns the node as the API shows it.
func ShowNode(n *store.Node) *ServerNode {
	state := ServerNodeStateRunning
	switch {
	case n.EndedAt == nil:
	case n.Stopped:
		state = ServerNodeStateStopped
	default:
		state = ServerNodeStateExpired
	}
	return &ServerNode{
		Number: int(n.Seq), State: state, Responds: n.This, Host: n.Host, Version: n.Version,
		StartedAt: n.StartedAt, LastSeenAt: n.SeenAt, LeaseExpiresAt: n.ExpiresAt, EndedAt: n.EndedAt, ClaimedDeliveries: n.Deliveries,
	}
}

// ShowTask returns the task as the API shows it.
func ShowTask(s *upkeep.Stat) *ServerTask {
	shown := &ServerTask{
		Name: s.Name, Exclusive: s.Only, IntervalMs: int(s.Every.Milliseconds()), Running: s.Running, Runs: s.Runs, Passed: s.Passed, FailuresInARow: s.Failed,
	}
	if !s.Started.IsZero() {
		shown.StartedAt = &s.Started
	}
	if s.Runs > 0 {
		shown.DurationMs = new(float64(s.Took) / float64(time.Millisecond))
	}
	if s.Err != nil {
		text := s.Err.Error()
		shown.Error = new(strings.ToValidUTF8(text[:min(len(text), maxErrorBytes)], ""))
	}
	return shown
}

// maxFoundBytes limits each text of a check that is shown.
const maxFoundBytes = 4000

// ShowCheck returns the result of a check as the API shows it; at is when its run ended.
func ShowCheck(r *doctor.Result, at time.Time) *ServerCheck {
	shown := func(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxFoundBytes)], "") }
	maybe := func(text string) *string {
		if text == "" {
			return nil
		}
		return new(shown(text))
	}
	return &ServerCheck{
		Name: r.Name, Status: ServerCheckStatus(r.Status), Found: shown(r.Found), Means: maybe(r.Means), Remedy: maybe(r.Do),
		NotLookedAt: maybe(r.NotLookedAt), DurationMs: r.DurationMs, CheckedAt: at,
	}
}
