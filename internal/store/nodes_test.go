package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// holder is a dispatcher that claims to hold deliveries.
type holder struct {
	instant
	held int
}

func (h *holder) Claimed() int                    { return h.held }
func (h *holder) Batch(do func(store.Dispatcher)) { do(h) }

// A server is among the nodes, with its host, its version and the deliveries that it holds now. Reading nodes reads no deliveries, and a
// command that shares the database is not a node.
func TestNodesShowTheServer(t *testing.T) {
	each(t, func(t *suite) {
		before := time.Now().Add(-time.Second)
		options := store.Options{Process: store.Process{Host: "alpha", Version: "v1"}}
		s := t.Fresh().Rest(t, options)
		s.Start(&holder{held: 7}, nil)
		plans := s.Plans()
		nodes, err := s.Nodes(t.Context())
		must(t, err)
		n := nodes[0]
		for _, other := range nodes[1:] { // on PostgreSQL, where the schema was made
			if other.This || !other.Stopped {
				t.Errorf("beside the server there is %+v", other)
			}
		}
		if !n.This || n.Process != options.Process || n.Deliveries != 7 || n.EndedAt != nil || n.Stopped || n.StartedAt.Before(before) || n.SeenAt.Before(n.StartedAt) {
			t.Errorf("the server is %+v", n)
		}
		if leased := t.Kind == "postgres"; leased != (n.ExpiresAt != nil) {
			t.Errorf("its lease expires at %v", n.ExpiresAt)
		}
		for text, plan := range plans(t) {
			if strings.Contains(plan, "deliveries") || strings.Contains(plan, "events") {
				t.Errorf("%s\n%s", text, plan)
			}
		}
	})
}

// described opens a node that holds deliveries.
func described(t *testing.T, url, host string, held int) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}, Process: store.Process{Host: host}})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	s.Start(&holder{held: held}, nil)
	return s
}

// Each node sees the others, with what they held when they renewed their leases. One that stops has stopped; one whose lease was taken from it
// has expired, and comes back as a new node. Followers hear of each.
func TestNodesSeeOneAnother(t *testing.T) {
	url := webhooktest.Postgres(t)
	s, follower := described(t, url, "alpha", 1), &hearer{}
	s.Follow(follower)
	now := func() map[string]store.Node { // the latest of each host
		nodes, err := s.Nodes(t.Context())
		must(t, err)
		hosts := map[string]store.Node{}
		for _, n := range nodes {
			if h, ok := hosts[n.Host]; !ok || n.Seq > h.Seq {
				hosts[n.Host] = n
			}
		}
		return hosts
	}
	told := func(c store.Change) bool { return c.Nodes }
	beta, gamma := described(t, url, "beta", 2), described(t, url, "gamma", 3)
	webhooktest.Eventually(t, "the others have renewed their leases", func() bool {
		return now()["beta"].Deliveries == 2 && now()["gamma"].Deliveries == 3
	})
	webhooktest.Eventually(t, "the follower is told of nodes that join", func() bool { return follower.of(told) })
	if is := now(); !is["alpha"].This || is["beta"].This || is["beta"].ExpiresAt == nil || !is["beta"].ExpiresAt.After(is["beta"].SeenAt) {
		t.Errorf("%+v", is)
	}
	follower.forget()
	must(t, beta.Close())
	if is := now()["beta"]; is.EndedAt == nil || !is.Stopped || is.Deliveries != 0 || is.ExpiresAt != nil {
		t.Errorf("a node that has stopped is %+v", is)
	}
	webhooktest.Eventually(t, "the follower is told of a node that stops", func() bool { return follower.of(told) })
	old := now()["gamma"].Seq
	must(t, s.Expire(t.Context(), gamma))
	nodes, err := s.Nodes(t.Context())
	must(t, err)
	for i, n := range nodes {
		if n.Seq == old && (n.EndedAt == nil || n.Stopped || n.Deliveries != 0 || n.ExpiresAt != nil) {
			t.Errorf("a node that has lost its lease is %+v", n)
		}
		if i > 0 && n.EndedAt == nil && nodes[i-1].EndedAt != nil {
			t.Errorf("node %d is running, and comes after one that has ended", n.Seq)
		}
	}
	webhooktest.Eventually(t, "it joins again", func() bool { return now()["gamma"].Seq > old && now()["gamma"].EndedAt == nil })
}

// However many nodes have ended lately, few are read, and those that run come first.
func TestNodesAreBounded(t *testing.T) {
	s := described(t, webhooktest.Postgres(t), "alpha", 0)
	must(t, s.Exec(`INSERT INTO nodes (started_at, expires_at, voided_at, host, version)
		SELECT clock_timestamp(), clock_timestamp(), clock_timestamp(), 'crashing', '' FROM generate_series(1, 200)`))
	nodes, err := s.Nodes(t.Context())
	must(t, err)
	if len(nodes) != store.MaxNodes || !nodes[0].This || nodes[1].EndedAt == nil {
		t.Errorf("%d nodes, %+v first", len(nodes), nodes[:min(2, len(nodes))])
	}
}
