package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The whole public surface of the store; bodies follow.

var errStub = errors.New("stub")

// Options says where the store is and what it may hold.
type Options struct {
	Dir          string // SQLite data directory, created (0700) when absent
	Logger       *slog.Logger
	MaxDataBytes int                              // of one event; 0: webhook.DefaultMaxDataBytes
	CheckURL     func(raw string) (string, error) // the egress policy's rule for webhook URLs: normalised URL, or an error whose text is shown; nil: no rule
	MasterKey    []byte                           // 32 bytes; nil: from the 0600 file master.key in Dir, made at first start
}

type Store struct{}

func Open(ctx context.Context, o Options) (*Store, error)                     { return nil, errStub } // migrates, checks pragmas, locks the directory, voids old claims
func (s *Store) Close() error                                                 { return nil }
func (s *Store) Ping(ctx context.Context) error                               { return nil } // readiness
func (s *Store) Epoch() string                                                { return "" }  // random id of this database, part of stream cursors
func (s *Store) In(tenant webhook.ID) *Scope                                  { return nil }
func Migrations(ctx context.Context, o Options, up bool) ([]Migration, error) { return nil, errStub } // for `hookgraph migrate status|up`

type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// --- tenants and tokens
func (s *Store) EnsureTenant(ctx context.Context, name string) (*webhook.Tenant, error) {
	return nil, errStub
}
func (s *Store) TenantByName(ctx context.Context, name string) (*webhook.Tenant, error) {
	return nil, errStub
} // ErrNotFound
func (s *Store) TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error) {
	return nil, errStub
}
func (s *Store) AddToken(ctx context.Context, tenant *webhook.ID, name string, token string) (*webhook.Token, error) {
	return nil, errStub
}                                                                     // stores the hash of a token the caller made (webhook.NewToken or HOOKGRAPH_BOOTSTRAP_TOKEN); same hash again is no error
func (s *Store) Tokens(ctx context.Context) ([]*webhook.Token, error) { return nil, errStub } // newest first, revoked ones too
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*webhook.Token, error) {
	return nil, errStub
} // ErrNotFound when unknown or revoked
func (s *Store) RevokeToken(ctx context.Context, id webhook.ID) (*webhook.Token, error) {
	return nil, errStub
}

// --- for the sender
func (s *Store) SetTaker(t Taker)                             {}                      // once, before anything is published
func (s *Store) Hooks(ctx context.Context) ([]HookDue, error) { return nil, errStub } // every webhook that is not deleted, disabled ones too
func (s *Store) Claim(ctx context.Context, w webhook.ID, n, maxBytes int) (jobs []*Job, next *time.Time, err error) {
	return nil, nil, errStub
}                                                               // up to n due deliveries, oldest due first, fitting maxBytes (one always fits); next: when the next unclaimed one is due (may be in the past)
func (s *Store) Record(ctx context.Context, r *Result) error    { return errStub } // queues; blocks while the queue is full; the store writes it, and tries again while the database can not be written. The store decides the delivery's next state, disables the webhook (410, failing), publishes operational events, tells the Taker.
func (s *Store) Unclaim(ctx context.Context, jobs []*Job) error { return errStub } // gives claims back (shutdown): due at once
func (s *Store) Flush(ctx context.Context) error                { return nil }     // waits until everything queued is committed

// --- for live
func (s *Store) OnAttempts(f func([]*webhook.Attempt)) {} // called after every commit, in commit order, with EventType set; must return at once
func (s *Store) AttemptLog(ctx context.Context, tenant webhook.ID, f AttemptFilter, after int64, limit int) (page []*webhook.Attempt, scanned int64, err error) {
	return nil, 0, errStub
} // committed attempts with Seq > after, ascending; scanned: the log was searched up to this Seq (>= the last returned), so that a filter that matches nothing still advances
func (s *Store) AttemptBounds(ctx context.Context) (oldest, newest int64, err error) {
	return 0, 0, errStub
}                                                                         // Seq of the oldest kept and of the newest committed attempt (newest survives retention); 0,0 when none ever
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) { return 0, errStub } // retention: removes events older than this whose deliveries are all completed, with deliveries, attempts and keys, in small transactions

// Scope is one tenant's part of the store. What belongs to another tenant does not exist in it.
type Scope struct{}

func (c *Scope) CreateWebhook(ctx context.Context, n webhook.New) (*webhook.Webhook, *webhook.Secret, error) {
	return nil, nil, errStub
}
func (c *Scope) UpdateWebhook(ctx context.Context, id webhook.ID, p webhook.Patch, rotate *time.Duration) (*webhook.Webhook, *webhook.Secret, error) {
	return nil, nil, errStub
}                                                                       // rotate: also a new secret, the old one signs on for this long; secret nil otherwise
func (c *Scope) DeleteWebhook(ctx context.Context, id webhook.ID) error { return errStub }
func (c *Scope) TestWebhook(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return nil, errStub
} // one attempt, no retry; *Invalid CONFLICT when disabled
func (c *Scope) Publish(ctx context.Context, events []webhook.NewEvent) ([]Published, error) {
	return nil, errStub
} // one result each; error only when nothing was stored (ErrBusy, ErrUnavailable); field names are prefixed by "events.N." when there are several, else not
func (c *Scope) RetryDelivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return nil, errStub
} // due now, schedule restarts; *Invalid CONFLICT when canceled because its webhook was deleted
func (c *Scope) CancelDelivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return nil, errStub
} // *Invalid CONFLICT when already completed

func (c *Scope) Webhooks(ctx context.Context, f WebhookFilter, p Page) (*List[webhook.Webhook], error) {
	return nil, errStub
} // newest first, as all lists but attempts of a delivery
func (c *Scope) Events(ctx context.Context, f EventFilter, p Page) (*List[webhook.Event], error) {
	return nil, errStub
}
func (c *Scope) Deliveries(ctx context.Context, f DeliveryFilter, p Page) (*List[webhook.Delivery], error) {
	return nil, errStub
}
func (c *Scope) Attempts(ctx context.Context, f AttemptFilter, p Page) (*List[webhook.Attempt], error) {
	return nil, errStub
}
func (c *Scope) CountWebhooks(ctx context.Context, f WebhookFilter) (int, error) { return 0, errStub }
func (c *Scope) CountEvents(ctx context.Context, f EventFilter) (int, error)     { return 0, errStub }
func (c *Scope) CountDeliveries(ctx context.Context, f DeliveryFilter) (int, error) {
	return 0, errStub
}
func (c *Scope) CountAttempts(ctx context.Context, f AttemptFilter) (int, error) { return 0, errStub }

// By id, for loaders: absent, deleted and foreign ids are missing from the map.
func (c *Scope) WebhooksByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Webhook, error) {
	return nil, errStub
}
func (c *Scope) EventsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Event, error) {
	return nil, errStub
}
func (c *Scope) DeliveriesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Delivery, error) {
	return nil, errStub
}
func (c *Scope) AttemptsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	return nil, errStub
}
func (c *Scope) Secrets(ctx context.Context, webhooks []webhook.ID) (map[webhook.ID][]*webhook.Secret, error) {
	return nil, errStub
} // active ones, newest first

// The same page of a list for each of several parents, in one statement. Attempts of a delivery are oldest first (Last: 1 is the latest).
func (c *Scope) AttemptsOfDeliveries(ctx context.Context, ids []webhook.ID, p Page) (map[webhook.ID]*List[webhook.Attempt], error) {
	return nil, errStub
}
func (c *Scope) DeliveriesOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return nil, errStub
}
func (c *Scope) DeliveriesOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return nil, errStub
}
func (c *Scope) AttemptsOfWebhooks(ctx context.Context, ids []webhook.ID, f AttemptFilter, p Page) (map[webhook.ID]*List[webhook.Attempt], error) {
	return nil, errStub
}
func (c *Scope) CountDeliveriesOf(ctx context.Context, events bool, ids []webhook.ID, f DeliveryFilter) (map[webhook.ID]int, error) {
	return nil, errStub
} // of events, else of webhooks
func (c *Scope) CountAttemptsOf(ctx context.Context, deliveries bool, ids []webhook.ID, f AttemptFilter) (map[webhook.ID]int, error) {
	return nil, errStub
} // of deliveries, else of webhooks
