package dialect

import (
	"crypto/sha256"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Deliveries to a webhook with the same ordering key make a line, of which only the head may be due or claimed (I19). What makes the head end
// promotes the next in the same transaction. Package ordering has the rules.

// LineOf returns the line of deliveries of the event to the webhook; nil if they have no order. A line is named by a hash, so that it is found
// by one column, which no other index has.
func LineOf(to *Target, e *webhook.Event) *webhook.ID {
	if e.OrderingKey == nil || to.Ordering != webhook.OrderingByKey {
		return nil
	}
	h := sha256.New()
	h.Write(to.ID[:])
	h.Write([]byte(*e.OrderingKey))
	return new(webhook.ID(h.Sum(nil)[:len(webhook.ID{})]))
}

// Head is a delivery that came to the head of its line and is due.
type Head struct {
	Seq                              int64
	Line                             webhook.ID
	ID, TenantID, EventID, WebhookID webhook.ID
	EventType                        string
	DueAt                            Micros
}

// Change is what is told of it.
func (h *Head) Change() Change {
	return Change{Tenant: h.TenantID, Webhook: h.WebhookID, Event: h.EventID, Delivery: h.ID, EventType: h.EventType, Was: Owed, Is: Owed}
}

// Parts of Promote that both databases share.
const (
	// HeadColumns are the columns of a Head, in the order in which ScanHeads reads them.
	HeadColumns = "seq, line, id, tenant_id, event_id, webhook_id, event_type, due_at"
)

// Promotes sets the columns of a delivery that comes to the head of its line; now is a parameter. One that was never attempted is due from
// when it was created, or when its event says, as others are: so it has the same age limit and the same turn. One that was asked for again is due from now.
func Promotes(now string) string {
	return "place = 0, due_at = CASE WHEN triggered_by = 'SCHEDULE' AND attempt_count = 0 THEN COALESCE(deliver_at, created_at) ELSE " + now + " END"
}

// ScanHeads reads rows with HeadColumns, and closes them.
func ScanHeads(rows *sql.Rows) (heads []Head, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h Head
		if err := rows.Scan(&h.Seq, &h.Line, &h.ID, &h.TenantID, &h.EventID, &h.WebhookID, &h.EventType, &h.DueAt); err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, rows.Err()
}

// Unscoped returns the transaction without the check of tenants' statements: the caller must restrict statements to rows of the tenant.
func (b *Tx) Unscoped() *gorm.DB {
	db := b.DB.WithContext(b.DB.Statement.Context) // with its own statement
	db.Statement.ConnPool = scoped.Below(b.DB.Statement.ConnPool)
	return db
}
