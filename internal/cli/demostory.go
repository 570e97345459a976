package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/client"
)

// The customers of the demonstration.
const (
	demoKallima   = "kallima"
	demoNorthwind = "northwind"
)

// demo is one run: a server on a temporary database, and its clients.
type demo struct {
	out      io.Writer
	receiver *demoReceiver
	operator *client.Client
	tenants  []*client.Client // the operator's, each acting for a customer
	jobs     int              // published events
	attempts bool             // each is printed

	dashboard string // the link to it

	mu        sync.Mutex // guards the counts and out
	published int
	succeeded int
	failed    int
}

// of returns the client that acts for a tenant.
func (d *demo) of(tenant string) *client.Client {
	return d.tenants[slices.IndexFunc(d.tenants, func(t *client.Client) bool { return t.Tenant == tenant })]
}

// demoHook is a webhook of the demonstration.
type demoHook struct {
	tenant, path, description string
	settings                  map[string]any
	at                        func(r *demoReceiver, path string) string // its URL; nil: of the plain receiver
	foreign                   bool                                      // its receiver has another secret
}

// quick is a schedule of retries that shows what happens after the last one within seconds.
var quick = []int{500, 1000, 2000}

// demoHooks are one that works for each tenant, and one for each kind of failure.
var demoHooks = []demoHook{
	{tenant: demoKallima, path: "/kallima/events", description: "Data warehouse: everything"},
	{
		tenant: demoKallima, path: demoOldPath, description: "Results to the laboratory's notebook",
		settings: map[string]any{"events": []string{"humanization.*"}},
	},
	{
		tenant: demoKallima, path: "/kallima/slow", description: "Nightly reports",
		settings: map[string]any{"events": []string{"structure_prediction.completed"}, "timeoutMs": 1000},
	},
	{tenant: demoNorthwind, path: "/northwind/events", description: "Data warehouse: everything"},
	{
		tenant: demoNorthwind, path: demoStrictPath, description: "Billing", foreign: true,
		settings: map[string]any{"events": []string{"humanization.completed", "structure_prediction.completed"}},
	},
	{
		tenant: demoNorthwind, path: "/northwind/archive", description: "Archive", at: (*demoReceiver).expiredURL,
		settings: map[string]any{"events": []string{"humanization.completed", "structure_prediction.completed"}},
	},
	{
		tenant: demoNorthwind, path: demoMovedPath, description: "Chat",
		settings: map[string]any{"events": []string{"humanization.failed", "structure_prediction.failed"}},
	},
	{
		tenant: demoNorthwind, path: "/northwind/offline", description: "A developer's laptop",
		settings: map[string]any{"events": []string{"humanization.started", "structure_prediction.started"}},
		at:       func(*demoReceiver, string) string { return "http://127.0.0.1:1/northwind/offline" }, // nobody listens on port 1
	},
	{
		tenant: demoNorthwind, path: "/northwind/gone", description: "A service that has ended",
		settings: map[string]any{"events": []string{"humanization.failed", "structure_prediction.failed"}},
	},
}

// register creates the tenants and their webhooks. The receiver learns the secrets.
func (d *demo) register(ctx context.Context) error {
	for _, t := range d.tenants {
		if err := d.operator.Mutate(ctx, `mutation ($input: CreateTenantInput!) {
			done: createTenant(input: $input) { userErrors { message field } }
		}`, map[string]any{"name": t.Tenant}, nil); err != nil {
			return fmt.Errorf("tenant %s: %w", t.Tenant, err)
		}
	}
	for _, h := range demoHooks {
		at := (*demoReceiver).url
		if h.at != nil {
			at = h.at
		}
		input := map[string]any{"url": at(d.receiver, h.path), "description": h.description, "retryScheduleMs": quick}
		maps.Copy(input, h.settings)
		_, secret, err := d.of(h.tenant).CreateWebhook(ctx, input)
		if err != nil {
			return fmt.Errorf("webhook %s: %w", h.path, err)
		}
		if h.foreign {
			continue
		}
		if err := d.receiver.trust(h.path, secret); err != nil {
			return err
		}
	}
	return nil
}

// kinds are the types of events of a protein engineering platform.
var kinds = []string{
	"humanization.started", "humanization.completed", "humanization.failed",
	"structure_prediction.started", "structure_prediction.completed", "structure_prediction.failed",
}

// event is one of a tenant's jobs.
func (d *demo) event() map[string]any {
	d.jobs++
	return map[string]any{
		"type": kinds[rand.IntN(len(kinds))], //nolint:gosec // a demo
		"tags": []string{[]string{"antibody", "nanobody", "enzyme"}[d.jobs%3]},
		"data": map[string]any{"job_id": fmt.Sprintf("job_%04d", d.jobs), "score": rand.IntN(100)}, //nolint:gosec // a demo
	}
}

// begin publishes what makes the pages worth a look at once, and starts a replay that takes minutes.
func (d *demo) begin(ctx context.Context) error {
	const first = 60
	for _, t := range d.tenants {
		events := make([]map[string]any, first)
		for i := range events {
			events[i] = d.event()
		}
		if err := t.Mutate(ctx, `mutation ($input: PublishEventsInput!) {
			done: publishEvents(input: $input) { userErrors { message field } }
		}`, map[string]any{"events": events}, nil); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		d.count(func() { d.published += first })
	}
	err := d.of(demoKallima).Mutate(ctx, `mutation ($input: ReplayInput!) {
		done: replayDeliveries(input: $input) { userErrors { message field } }
	}`, map[string]any{
		"kind": "ALL", "ratePerSecond": 1, "note": "The warehouse lost a day: all of it again, slowly",
		"filter": map[string]any{"eventTypes": []string{"structure_prediction.started", "structure_prediction.failed"}},
	}, nil)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

// trickle publishes events, over GraphQL and REST in turn.
func (d *demo) trickle(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		t := d.tenants[rand.IntN(len(d.tenants))] //nolint:gosec // a demo
		var err error
		if i%2 == 1 {
			err = t.REST(ctx, "/v1/events", d.event(), nil)
		} else {
			err = t.Mutate(ctx, `mutation ($input: PublishEventInput!) {
				done: publishEvent(input: $input) { userErrors { message field } }
			}`, d.event(), nil)
		}
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		d.count(func() { d.published++ })
		timer.Reset(time.Duration(200+rand.IntN(600)) * time.Millisecond) //nolint:gosec // a demo
	}
}

// customerPage creates a link to the page of a customer's own developers, and returns its URL.
func (d *demo) customerPage(ctx context.Context) (string, error) {
	var made struct{ URL string }
	err := d.of(demoNorthwind).Mutate(ctx, `mutation ($input: CreatePortalLinkInput!) {
		done: createPortalLink(input: $input) { url userErrors { message field } }
	}`, map[string]any{
		"label": "ada@northwind.example", "scopes": []string{"WEBHOOKS_READ", "WEBHOOKS_WRITE", "DELIVERIES_READ", "DELIVERIES_WRITE"},
		"expiresInMs": (24 * time.Hour).Milliseconds(), "theme": map[string]any{"name": "Webhooks of Northwind", "accentColor": "#7c3aed"},
	}, &made)
	if err != nil {
		return "", fmt.Errorf("portal link: %w", err)
	}
	return made.URL, nil
}

// introduce prints where to look, and what to try.
func (d *demo) introduce(ctx context.Context) error {
	customer, err := d.customerPage(ctx)
	if err != nil {
		return err
	}
	d.dashboard = d.operator.URL + "/?range=1h#token=" + d.operator.Token + "&tenant=" + demoKallima
	d.printf(`Hookgraph %s: two customers, %d webhooks, one failure of each kind, a replay, and a trickle of events. Ctrl-C stops and removes all of it;
--attempts prints each attempt.

  Open it          %s
  As a customer    %s
                   (a link to the portal of %s; it opens once)

Three things to try:

  1. Solve an incident. On Home, an open issue says that results get the status 404. Choose its "last failed attempt": the response says where
     the receiver is now. Correct the URL in the webhook's settings, then choose "Send them again" at the issue.
  2. See why nothing verifies. Choose the tenant %s above, and the webhook "Billing", which is answered 401: its attempts show what was
     signed. Its receiver has another secret.
  3. Watch. Deliveries shows each attempt while it is made: press / to filter (status:failed), j and k to move, Enter to open, ? for all keys.

`, version(), len(demoHooks), d.dashboard, customer, demoNorthwind, demoNorthwind)
	return nil
}

func (d *demo) printf(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = fmt.Fprintf(d.out, format, args...)
}

func (d *demo) count(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}
