package issues

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Standing is a problem that was found, and that is open until it is found no more.
type Standing struct {
	TenantID  webhook.ID
	SubjectID webhook.ID  // what it is of: the webhook, or else the event type or the tenant
	WebhookID *webhook.ID // nil: it is of no webhook
	EventType *string     // nil: it is of no event type

	Kind  webhook.IssueKind
	Quota webhook.QuotaName // "" unless Kind is IssueQuota
	// Level is how bad it is. When it rises the issue opens again: nobody has acknowledged that.
	Level int
	Count int
	Adds  bool // Count is added to that of the issue, if it is open
	Bound *int
	At    *time.Time
}

var standingColumns = []dialect.Column{
	{Name: "id", Kind: "uuid"},
	{Name: "tenant_id", Kind: "uuid"},
	{Name: "subject_id", Kind: "uuid"},
	{Name: "webhook_id", Kind: "uuid"},
	{Name: "event_type", Kind: "text"},
	{Name: "kind", Kind: "text"},
	{Name: "error", Kind: "text"},
	{Name: "level", Kind: "bigint"},
	{Name: "count", Kind: "bigint"},
	{Name: "adds", Kind: "bigint"},
	{Name: "bound", Kind: "bigint"},
	{Name: "at", Kind: "timestamptz"},
	{Name: "now", Kind: "timestamptz"},
	{Name: "place", Kind: "bigint"},
}

// rises says that an issue opens, or gets worse. excluded.failures is what is added to the count of an open one.
const rises = "(NOT " + isOpen + " OR excluded.level > issues.level)"

const addStanding = `INSERT INTO issues (id, tenant_id, subject_id, webhook_id, event_type, kind, error, failures, since, recent, recent_since, count, bound, at,
	level, first_seen_at, last_seen_at, opened_at, place, turned)
	SELECT id, tenant_id, subject_id, webhook_id, event_type, kind, error, adds, now, 0, now, count, bound, at, level, now, now, now, place, true FROM %s AS v WHERE true
	ON CONFLICT (subject_id, kind, error) DO UPDATE SET
	since = excluded.since,
	count = CASE WHEN ` + isOpen + ` AND excluded.failures > 0 THEN issues.count + excluded.failures ELSE excluded.count END,
	bound = excluded.bound, at = excluded.at, level = excluded.level,
	first_seen_at = CASE WHEN ` + isOpen + ` THEN issues.first_seen_at ELSE excluded.first_seen_at END,
	last_seen_at = excluded.last_seen_at,
	opened_at = CASE WHEN ` + rises + ` THEN excluded.opened_at ELSE issues.opened_at END,
	resolved_at = NULL,
	acknowledged_at = CASE WHEN ` + rises + ` THEN NULL ELSE issues.acknowledged_at END,
	acknowledged_by = CASE WHEN ` + rises + ` THEN NULL ELSE issues.acknowledged_by END,
	acknowledged_name = CASE WHEN ` + rises + ` THEN '' ELSE issues.acknowledged_name END,
	place = CASE WHEN ` + rises + ` THEN excluded.place ELSE issues.place END,
	turned = ` + rises + `
	RETURNING ` + returned

// stand opens issues of what was found, and brings those up to date that are open. It returns the ones that it opened, or that got worse.
func stand(b *dialect.Tx, db dialect.DB, list []Standing) ([]Turned, error) {
	slices.SortFunc(list, func(x, y Standing) int { // in the order in which Write locks rows, so that transactions cannot deadlock
		return cmp.Or(bytes.Compare(x.SubjectID[:], y.SubjectID[:]), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Quota, y.Quota))
	})
	now := b.Now.UTC().Truncate(time.Microsecond)
	rows := make([][]any, len(list))
	for i := range list {
		s := &list[i]
		adds := 0
		if s.Adds {
			adds = s.Count
		}
		rows[i] = []any{
			webhook.NewID(now), s.TenantID, s.SubjectID, s.WebhookID, s.EventType, s.Kind, s.Quota, s.Level, s.Count, adds, s.Bound, dialect.MaybeAt(s.At),
			dialect.At(now), now.UnixMicro() + openPlace,
		}
	}
	var all []Turned
	if err := b.DB.Raw(fmt.Sprintf(addStanding, db.Rows(standingColumns)), string(dialect.CompactJSON(rows))).Scan(&all).Error; err != nil {
		return nil, fmt.Errorf("write %d issues: %w", len(list), err)
	}
	return turned(all), nil
}
