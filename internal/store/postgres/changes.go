package postgres

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Changes reach the other nodes in three ways. New deliveries and attempts are read from their tables, in the order of the log (log.go).
// Changed webhooks are read again by their version (write.go). Changes that leave neither trace, such as claims and changes by callers, are
// sent with the notifications of commits, and kept until a notification was sent. Their number is bounded: several are replaced by a more
// general one, that deliveries of a webhook have changed, or that anything has. When a node ends before it has sent its changes, the others
// find it dead and assume that anything has changed; a node that may have missed notifications assumes the same.

// news are changes to send to the other nodes.
type news struct {
	deliveries []dialect.Change
	webhooks   map[dialect.Change]bool // without a delivery; those without a webhook are tenants, their audit logs or their issues
	all        bool
}

// outbox holds news that are not sent yet.
type outbox struct {
	mu sync.Mutex // guards news
	news
}

// Limits of one notification, which PostgreSQL limits to 8,000 bytes.
const (
	maxToldBytes    = 5800 // before base64
	maxToldWebhooks = 150
)

// add notes changes.
func (o *outbox) add(changes []dialect.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range changes {
		if c.Delivery != (webhook.ID{}) {
			o.deliveries = append(o.deliveries, c)
		} else {
			o.put(c)
		}
	}
	o.shrink()
}

// anything notes that anything may have changed.
func (o *outbox) anything() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.news = news{all: true}
}

// put notes a change of a webhook, a tenant, an audit log or issues.
func (o *news) put(c dialect.Change) {
	if o.webhooks == nil {
		o.webhooks = map[dialect.Change]bool{}
	}
	o.webhooks[dialect.Change{Tenant: c.Tenant, Webhook: c.Webhook, Audit: c.Audit, Issues: c.Issues}] = true
}

// shrink replaces changes by more general ones if there are too many.
func (o *news) shrink() {
	size := len(o.webhooks) * 2 * idBytes
	for i := range o.deliveries {
		size += toldBytes(&o.deliveries[i])
	}
	if size > maxToldBytes {
		for _, c := range o.deliveries {
			o.put(c)
		}
		o.deliveries = nil
	}
	if o.all || len(o.webhooks) > maxToldWebhooks {
		*o = news{all: true}
	}
}

// take removes and returns all news.
func (o *outbox) take() news {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.news
	o.news = news{}
	return taken
}

// back puts back news that could not be sent.
func (o *outbox) back(taken news) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deliveries, o.all = slices.Concat(taken.deliveries, o.deliveries), o.all || taken.all
	for c := range taken.webhooks {
		o.put(c)
	}
	o.shrink()
}

const (
	idBytes   = 16
	toldEvery = "*" // anything may have changed
)

// The kinds of news, which begin their text.
const (
	toldWebhook byte = iota
	toldDelivery
	toldAudit
	toldIssues
)

func toldBytes(c *dialect.Change) int { return 4*idBytes + 3 + len(c.EventType) }

// text encodes news for a notification: their kind, and the ids of the tenant and the webhook; for a delivery also the ids of its event and its
// own, its statuses, and its event's type after the length of the type.
func (o *news) text() string {
	if o.all {
		return toldEvery
	}
	var b []byte
	for c := range o.webhooks {
		b = appendTold(b, &c)
	}
	for i := range o.deliveries {
		b = appendTold(b, &o.deliveries[i])
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

func appendTold(b []byte, c *dialect.Change) []byte {
	switch {
	case c.Audit:
		return slices.Concat(b, []byte{toldAudit}, c.Tenant[:], c.Webhook[:])
	case c.Issues:
		return slices.Concat(b, []byte{toldIssues}, c.Tenant[:], c.Webhook[:])
	case c.Delivery == (webhook.ID{}):
		return slices.Concat(b, []byte{toldWebhook}, c.Tenant[:], c.Webhook[:])
	}
	b = slices.Concat(b, []byte{toldDelivery}, c.Tenant[:], c.Webhook[:], c.Event[:], c.Delivery[:], []byte{byte(c.Was), byte(c.Is), byte(len(c.EventType))}) //nolint:gosec // at most webhook.MaxEventTypeBytes
	return append(b, c.EventType...)
}

// readTold decodes another node's notification. Text that it cannot parse, for example of a newer version, means that anything may have
// changed.
func readTold(text string) []dialect.Change {
	anything := []dialect.Change{{}}
	if text == toldEvery {
		return anything
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return anything
	}
	var list []dialect.Change
	id := func(to *webhook.ID) {
		b = b[copy(to[:], b):]
	}
	for len(b) > 0 {
		kind, c := b[0], dialect.Change{Audit: b[0] == toldAudit, Issues: b[0] == toldIssues}
		b = b[1:]
		if kind > toldIssues || len(b) < 2*idBytes || kind == toldDelivery && len(b) < 4*idBytes+3 {
			return anything
		}
		id(&c.Tenant)
		id(&c.Webhook)
		if kind == toldDelivery {
			id(&c.Event)
			id(&c.Delivery)
			c.Was, c.Is = dialect.Statuses(b[0]), dialect.Statuses(b[1])
			n := int(b[2])
			if b = b[3:]; len(b) < n {
				return anything
			}
			c.EventType, b = string(b[:n]), b[n:]
		}
		list = append(list, c)
	}
	return list
}

// tell notifies the other nodes of commits, and sends them the news in the outbox.
func (p *DB) tell(ctx context.Context) {
	taken := p.outbox.take()
	text := taken.text()
	payload := strconv.FormatInt(p.lease.Load().Node, 10)
	if text != "" {
		payload += " " + text
	}
	if _, err := p.side.ExecContext(ctx, "SELECT pg_notify($1, $2)", p.Channel, payload); err != nil {
		p.outbox.back(taken)
		if text != "" {
			dialect.Signal(p.notify) // the others have no other way to find it
		}
	}
}

// heard handles another node's notification.
func (p *DB) heard(payload string) {
	node, text, _ := strings.Cut(payload, " ")
	if l := p.lease.Load(); l != nil && node == strconv.FormatInt(l.Node, 10) {
		return
	}
	p.log.told.Store(true)
	p.log.poke()
	if text != "" && p.s.Following() {
		p.s.Changed(readTold(text))
	}
}

// anything tells followers that anything may have changed.
func (p *DB) anything() {
	if p.s.Following() {
		p.s.Changed([]dialect.Change{{}})
	}
}

// newDeliveries tells followers of new deliveries, in the order of the log, up to its end.
func (f *follower) newDeliveries(ctx context.Context, end int64) (more bool, err error) {
	if end < f.made { // after a crash PostgreSQL may reuse numbers that no committed row has
		f.made = end
		f.p.anything()
	}
	if end == f.made {
		return false, nil
	}
	if !f.p.s.Following() { // later followers read the current state after that
		f.made = end
		return false, nil
	}
	rows, err := f.p.side.QueryContext(ctx, `SELECT seq, id, tenant_id, webhook_id, event_id, event_type FROM deliveries
		WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`, f.made, end, followRows)
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	var list []dialect.Change
	for rows.Next() {
		c := dialect.Change{Is: dialect.Owed}
		if err := rows.Scan(&f.next, &c.Delivery, &c.Tenant, &c.Webhook, &c.Event, &c.EventType); err != nil {
			return false, err
		}
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	if more = len(list) == followRows; more {
		end = f.next
	}
	f.made = end
	f.p.s.Changed(list)
	return more, nil
}
