package statistics

import (
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

var triggers = map[webhook.Trigger]stats.Trigger{
	webhook.TriggerSchedule: stats.Schedule, webhook.TriggerManual: stats.Manual, webhook.TriggerReplay: stats.Replay, webhook.TriggerTest: stats.Test,
}

var errorKinds = map[webhook.ErrorCode]stats.Error{
	webhook.ErrorDNS: stats.DNS, webhook.ErrorConnect: stats.Connect, webhook.ErrorTLS: stats.TLS, webhook.ErrorTimeout: stats.Timeout,
	webhook.ErrorBlockedAddress: stats.BlockedAddress, webhook.ErrorHTTPStatus: stats.HTTPStatus, webhook.ErrorResponseTooSlow: stats.ResponseTooSlow,
	webhook.ErrorProtocol: stats.Protocol, webhook.ErrorSigning: stats.Signing, webhook.ErrorPayload: stats.Payload,
	webhook.ErrorOAuthToken: stats.OAuthToken, webhook.ErrorClientCertificate: stats.ClientCertificate,
}

// Attempt is an attempt as it is counted.
func Attempt(a *webhook.Attempt) stats.Attempt {
	made := stats.Attempt{Succeeded: a.Status == webhook.AttemptSucceeded, Trigger: triggers[a.Trigger], DurationUs: a.DurationUs}
	if a.Error != nil {
		made.Error = errorKinds[*a.Error]
	}
	if a.ResponseStatus != nil {
		made.Status = *a.ResponseStatus
	}
	return made
}

// Lacks reports whether nothing has ever been counted in a database that has events.
func Lacks(db *gorm.DB) (lacks bool, err error) {
	err = db.Raw(`SELECT EXISTS (SELECT 1 FROM events) AND NOT EXISTS (SELECT 1 FROM stats) AND NOT EXISTS (SELECT 1 FROM stats_journal)
		AND NOT EXISTS (SELECT 1 FROM stats_webhooks)`).Scan(&lacks).Error
	return lacks, dialect.Unavailable(err)
}

// existing counts what is stored.
type existing struct {
	tx      *dialect.Tx
	d       dialect.DB
	delta   stats.Delta
	journal [][]byte             // written at the end: PostgreSQL takes no statement while rows are read
	hooks   map[webhook.ID]int64 // the seqs of webhooks, of tenants that are not deleted
	tenants map[webhook.ID]bool
}

const (
	mostExisting = 16 << 10 // keys that are gathered, because rows of a key are near each other
	partExisting = 512      // keys of one row of the journal, of which a transaction that folds decodes at least one
)

// CountExisting counts the stored events, deliveries and attempts, if Lacks still says so. What rows do not tell is lost: a delivery that was
// retried after its end counts once.
func CountExisting(b *dialect.Tx, d dialect.DB) error {
	if b.DB.Name() == "postgres" {
		if err := b.DB.Exec("SET LOCAL statement_timeout = 0").Error; err != nil { // it reads whole tables
			return err
		}
	}
	// Others who start wait here.
	if err := b.DB.Exec("UPDATE stats_fold SET turn = turn").Error; err != nil {
		return err
	}
	if lacks, err := Lacks(b.DB); err != nil || !lacks {
		return err
	}
	e := &existing{tx: b, d: d, hooks: map[webhook.ID]int64{}, tenants: map[webhook.ID]bool{}}
	for _, step := range []func() error{e.learn, e.events, e.deliveries, e.attempts, e.write} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// each reads rows.
func (e *existing) each(query string, use func(rows *sql.Rows) error) error {
	rows, err := e.tx.DB.Raw(query).Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := use(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (e *existing) learn() error {
	err := e.each("SELECT id FROM tenants WHERE deleted_at IS NULL", func(rows *sql.Rows) error {
		var id webhook.ID
		err := rows.Scan(&id)
		e.tenants[id] = true
		return err
	})
	if err != nil {
		return err
	}
	return e.each("SELECT id, tenant_id, seq FROM webhooks", func(rows *sql.Rows) error {
		var id, tenant webhook.ID
		var seq int64
		err := rows.Scan(&id, &tenant, &seq)
		if e.tenants[tenant] {
			e.hooks[id] = seq
		}
		return err
	})
}

// key is the key of counts at a time. What is too old for rows of minutes is counted at the beginning of its hour, which makes fewer keys.
func (e *existing) key(tenant webhook.ID, hook int64, kind string, at time.Time) stats.Key {
	minute := min(at.Unix(), e.tx.Now.Unix()) / 60
	if minute < e.tx.Now.Add(-MinutesFor-time.Hour).Unix()/60 {
		minute = minute / Hour * Hour
	}
	return stats.Key{Tenant: stats.Tenant(tenant), Webhook: hook, Type: kind, Minute: max(minute, 1)}
}

func (e *existing) events() error {
	return e.each("SELECT tenant_id, type, created_at FROM events WHERE NOT test", func(rows *sql.Rows) error {
		var tenant webhook.ID
		var kind string
		var at dialect.Micros
		if err := rows.Scan(&tenant, &kind, &at); err != nil || !e.tenants[tenant] {
			return err
		}
		var one stats.Counts
		one.Add(stats.Events, 1)
		e.delta.Put(e.key(tenant, 0, kind, at.Time()), &one)
		e.room()
		return nil
	})
}

func (e *existing) deliveries() error {
	endings := map[webhook.DeliveryStatus]stats.Counter{
		webhook.DeliverySucceeded: stats.Succeeded, webhook.DeliveryFailed: stats.Failed, webhook.Canceled: stats.Canceled,
	}
	return e.each(`SELECT d.tenant_id, d.webhook_id, d.event_type, d.status, d.schedule_start, e.created_at, d.completed_at
		FROM deliveries d JOIN events e ON e.id = d.event_id`+e.d.SameDay("e", "d"), func(rows *sql.Rows) error {
		var tenant, id webhook.ID
		var kind string
		var status webhook.DeliveryStatus
		var start int
		var made dialect.Micros
		var completed *dialect.Micros
		if err := rows.Scan(&tenant, &id, &kind, &status, &start, &made, &completed); err != nil {
			return err
		}
		hook, known := e.hooks[id]
		if !known {
			return nil
		}
		e.delta.Owed(e.key(tenant, hook, kind, made.Time()), 1)
		if how, ended := endings[status]; ended && completed != nil {
			k := e.key(tenant, hook, kind, completed.Time())
			if e.delta.Ended(k, how, 1, true); status == webhook.DeliverySucceeded && start == 0 {
				e.delta.Delivered(k, int64(*completed-made))
			}
		}
		e.room()
		return nil
	})
}

// attempts counts attempts in the order in which they were recorded, of which the last ones of a webhook tell how it is.
func (e *existing) attempts() error {
	return e.each(`SELECT a.tenant_id, a.webhook_id, d.event_type, a.status, a.error, a.triggered_by, a.response_status, a.duration_us, a.started_at
		FROM attempts a JOIN deliveries d ON d.id = a.delivery_id`+e.d.SameDay("d", "a")+" ORDER BY a.seq", func(rows *sql.Rows) error {
		var a webhook.Attempt
		var started dialect.Micros
		if err := rows.Scan(&a.TenantID, &a.WebhookID, &a.EventType, &a.Status, &a.Error, &a.Trigger, &a.ResponseStatus, &a.DurationUs, &started); err != nil {
			return err
		}
		hook, known := e.hooks[a.WebhookID]
		if !known {
			return nil
		}
		at := started.Time().Add(time.Duration(a.DurationUs) * time.Microsecond)
		e.delta.Attempted(e.key(a.TenantID, hook, a.EventType, at), Attempt(&a))
		when := stats.Gauge{FailedAt: at.UnixMicro()}
		if a.Status == webhook.AttemptSucceeded {
			when = stats.Gauge{SucceededAt: at.UnixMicro()}
		}
		e.delta.PutGauge(stats.Tenant(a.TenantID), hook, when)
		e.room()
		return nil
	})
}

// room encodes what was gathered if it is much.
func (e *existing) room() {
	if e.delta.Len() >= mostExisting {
		e.encode()
	}
}

func (e *existing) encode() {
	parts, _ := e.delta.Cut(partExisting, e.tx.Now.UnixMicro(), NoMinute)
	e.journal = append(e.journal, parts...)
	e.delta.Reset()
}

func (e *existing) write() error {
	e.encode()
	for _, data := range e.journal {
		if err := e.tx.DB.Exec("INSERT INTO stats_journal (data) VALUES ( ?)", data).Error; err != nil { // GORM takes (?) for a list
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}
