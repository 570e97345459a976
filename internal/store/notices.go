package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/issues"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A notice is an operational event to be published: one row for each subject (a webhook, mostly) and kind of event, with the count and the newest
// sample. Notices are written in the transaction of their cause, in one statement, and published afterwards in pieces; the
// publishing transaction removes them. So a kill loses none, and none is published twice.
type notice struct {
	tenant, subject webhook.ID
	kind            string // the event's type
	count           int
	sample          any // the newest; a struct that is a JSON object with at least one field
}

// failedDelivery is the sample of TypeDeliveryFailed.
type failedDelivery struct {
	DeliveryID   webhook.ID `json:"deliveryId"`
	EventID      webhook.ID `json:"eventId"`
	EventType    string     `json:"eventType"`
	AttemptCount int        `json:"attemptCount"`

	FailureReason webhook.FailureReason `json:"failureReason"`
}

// disabledWebhook is the sample of TypeWebhookDisabled.
type disabledWebhook struct {
	URL    string                 `json:"url"`
	Reason webhook.DisabledReason `json:"reason"`
}

// failingWebhook is the sample of TypeWebhookFailing, which warns before the webhook is disabled.
type failingWebhook struct {
	URL          string            `json:"url"`
	Error        webhook.ErrorCode `json:"error"`
	HTTPStatus   *int              `json:"httpStatus"`
	FailingSince *time.Time        `json:"failingSince"`
	DisablesAt   *time.Time        `json:"disablesAt"`
}

// recoveredWebhook is the sample of TypeWebhookRecovered and TypeWebhookEnabled.
type recoveredWebhook struct {
	URL string `json:"url"`
}

// endedReplay is the sample of TypeReplayCompleted.
type endedReplay struct {
	Kind          webhook.ReplayKind   `json:"kind"`
	Status        webhook.ReplayStatus `json:"status"`
	FailureReason *string              `json:"failureReason"`
	Note          string               `json:"note"`
	MatchedCount  int                  `json:"matchedCount"`
	StartedCount  int                  `json:"startedCount"`
	SkippedCount  int                  `json:"skippedCount"`
	CreatedAt     time.Time            `json:"createdAt"`
	CompletedAt   *time.Time           `json:"completedAt"`
}

// tellEnded writes a notice for a replay that has ended.
func (b *batch) tellEnded(r *webhook.Replay) error {
	var n notices
	n.tell(r.TenantID, r.ID, webhook.TypeReplayCompleted, endedReplay{
		Kind: r.Kind, Status: r.Status, FailureReason: r.FailureReason, Note: r.Note, MatchedCount: r.Matched, StartedCount: r.Started,
		SkippedCount: r.Skipped, CreatedAt: r.CreatedAt, CompletedAt: r.CompletedAt,
	})
	return b.note(n)
}

// usedQuota is the sample of TypeTenantQuota.
type usedQuota struct {
	Quota  webhook.QuotaName `json:"quota"`
	Used   *int              `json:"used"`
	Limit  *int              `json:"limit"`
	UsedUp bool              `json:"usedUp"`
}

// quotaSubjects are what notices of quotas are about.
var quotaSubjects = map[webhook.QuotaName]webhook.ID{webhook.QuotaStored: {15: 1}, webhook.QuotaRate: {15: 2}}

// tellQuotas writes notices for issues of quotas that opened, or got worse.
func (b *batch) tellQuotas(turned []issues.Turned) error {
	var n notices
	for i := range turned {
		t := &turned[i]
		if t.Kind != webhook.IssueQuota || t.ResolvedAt != nil {
			continue
		}
		is := usedQuota{Quota: webhook.QuotaName(t.Error), Limit: t.Bound, UsedUp: t.Level == webhook.QuotaUsedUp}
		if is.Quota == webhook.QuotaStored {
			is.Used = &t.Count
		}
		n.tell(t.TenantID, quotaSubjects[is.Quota], webhook.TypeTenantQuota, is)
	}
	return b.note(n)
}

// tellFailing adds notices for the issues that opened, and for those that a success resolved.
func (n *notices) tellFailing(b *batch, opened, resolved []issues.Turned) {
	for i := range opened {
		t := &opened[i]
		if to := b.failing(t); to != nil {
			n.add(to, webhook.TypeWebhookFailing, failingWebhook{
				URL: to.URL, Error: t.Error, HTTPStatus: t.HTTPStatus, FailingSince: to.FailingSince, DisablesAt: to.DisablesAt(),
			})
		}
	}
	told := map[webhook.ID]bool{}
	for i := range resolved { // one for each error
		t := &resolved[i]
		if to := b.failing(t); to != nil && !told[to.ID] {
			told[to.ID] = true
			n.add(to, webhook.TypeWebhookRecovered, recoveredWebhook{to.URL})
		}
	}
}

// failing returns the enabled webhook that an issue of its failures is of; nil for others.
func (b *batch) failing(t *issues.Turned) *Target {
	if t.Kind != webhook.IssueFailing || t.WebhookID == nil {
		return nil
	}
	if to := b.target(*t.WebhookID); to != nil && to.Enabled {
		return to
	}
	return nil
}

// tellEnabled writes notices for webhooks that the transaction's changes enabled.
func (b *batch) tellEnabled() error {
	var n notices
	for _, to := range b.enabled {
		n.add(to, webhook.TypeWebhookEnabled, recoveredWebhook{to.URL})
	}
	return b.note(n)
}

// notices collects the notices of a transaction.
type notices map[noticeKey]*notice

type noticeKey struct {
	subject webhook.ID
	kind    string
}

// add adds an occurrence for a webhook.
func (n *notices) add(to *Target, kind string, sample any) { n.tell(to.TenantID, to.ID, kind, sample) }

// tell adds an occurrence for a subject of the tenant.
func (n *notices) tell(tenant, subject webhook.ID, kind string, sample any) {
	if *n == nil {
		*n = notices{}
	}
	key := noticeKey{subject, kind}
	is := (*n)[key]
	if is == nil {
		is = &notice{tenant: tenant, subject: subject, kind: kind}
		(*n)[key] = is
	}
	is.count++
	is.sample = sample
}

var noticeColumns = []dialect.Column{{Name: "tenant_id", Kind: "uuid"}, {Name: "kind", Kind: "text"}, {Name: "subject_id", Kind: "uuid"}, {Name: "count", Kind: "bigint"}, {Name: "sample", Kind: "text"}, {Name: "created_at", Kind: "timestamptz"}}

// note writes the notices, in one statement.
func (b *batch) note(n notices) error {
	if len(n) == 0 {
		return nil
	}
	all := make([]*notice, 0, len(n))
	for _, is := range n {
		all = append(all, is)
	}
	slices.SortFunc(all, func(a, b *notice) int { // in a fixed order, so that transactions cannot deadlock
		return cmp.Or(bytes.Compare(a.tenant[:], b.tenant[:]), cmp.Compare(a.kind, b.kind), bytes.Compare(a.subject[:], b.subject[:]))
	})
	rows := make([][]any, len(all))
	for i, is := range all {
		rows[i] = []any{is.tenant, is.kind, is.subject, is.count, string(dialect.CompactJSON(is.sample)), dialect.At(b.Now)}
	}
	err := b.DB.Exec(`INSERT INTO notices (tenant_id, kind, subject_id, count, sample, created_at)
		SELECT tenant_id, kind, subject_id, count, sample, created_at FROM `+b.s.db.Rows(noticeColumns)+` AS v WHERE true
		ON CONFLICT (tenant_id, kind, subject_id) DO UPDATE SET count = notices.count + excluded.count, sample = excluded.sample`,
		string(dialect.CompactJSON(rows))).Error
	if err != nil {
		return fmt.Errorf("write operational events: %w", err)
	}
	b.noted = true
	return nil
}

// Limits of one operational event.
const (
	maxNoticeTargets = 100
	maxNoticeBytes   = 64 << 10
)

// publishNoted publishes all current notices, tenants taking turns, each event in its own transaction.
func (s *Store) publishNoted(ctx context.Context) error {
	s.noting.Lock()
	defer s.noting.Unlock()
	read := s.read.WithContext(ctx)
	var last *int64 // with Scan, because GORM's Row panics if its context has ended
	if err := read.Raw("SELECT MAX(seq) FROM notices").Scan(&last).Error; err != nil {
		return dialect.Unavailable(err)
	}
	if last == nil {
		return nil
	}
	var busy error
	p := newPacer(s)
	for more := true; more; {
		more, busy = false, nil
		var group noticeGroup
		for {
			found, err := group.next(ctx, s)
			if err != nil {
				return err
			}
			if !found {
				break
			}
			left, err := s.publishPiece(ctx, p, group, *last)
			if errors.Is(err, webhook.ErrBusy) { // the tenant's own calls are in the way; others do not wait for that
				busy = err
				continue
			}
			if err != nil {
				return err
			}
			more = more || left
		}
	}
	return busy
}

// noticeGroup is what one event may contain: a tenant's notices of one kind.
type noticeGroup struct {
	TenantID webhook.ID
	Kind     string
}

// next advances to the next group.
func (g *noticeGroup) next(ctx context.Context, s *Store) (found bool, err error) {
	var rows []noticeGroup
	err = s.read.WithContext(ctx).Raw(`SELECT tenant_id, kind FROM notices WHERE (tenant_id, kind) > (?, ?)
		ORDER BY tenant_id, kind LIMIT 1`, g.TenantID, g.Kind).Scan(&rows).Error
	if err != nil {
		return false, dialect.Unavailable(err)
	}
	if len(rows) == 0 {
		return false, nil
	}
	*g = rows[0]
	return true, nil
}

// noticeName is how an event names its subjects: the list of them, and the id of each; "" if they have none.
type noticeName struct{ list, id string }

func noticeNames(kind string) noticeName {
	switch kind {
	case webhook.TypeReplayCompleted:
		return noticeName{"replays", "replayId"}
	case webhook.TypeTenantQuota:
		return noticeName{"quotas", ""}
	}
	return noticeName{"webhooks", "webhookId"}
}

// publishPiece publishes one event for the group's first notices, up to Seq last, and reports whether more are left.
func (s *Store) publishPiece(ctx context.Context, p *pacer, g noticeGroup, last int64) (left bool, err error) {
	most, name := min(p.budget, maxNoticeTargets), noticeNames(g.Kind)
	err = p.take(ctx, g.TenantID, most+maxOperational, func(b *batch) (int, error) {
		left = false
		var rows []struct {
			Seq       int64
			SubjectID webhook.ID
			Count     int
			Sample    string
		}
		// Notices that another node is publishing are skipped.
		if err := b.DB.Raw(`SELECT seq, subject_id, count, sample FROM notices WHERE tenant_id = ? AND kind = ? AND seq <= ?
			ORDER BY subject_id LIMIT ?`+s.db.SkipLocked("notices"), g.TenantID, g.Kind, last, most+1).Scan(&rows).Error; err != nil {
			return 0, fmt.Errorf("read notices: %w", err)
		}
		total := 0
		var list []byte
		var seqs []int64
		bound := min(maxNoticeBytes, s.opts.MaxDataBytes)
		for _, row := range rows {
			size := len(list) + len(row.Sample) + 128
			if left = len(seqs) == most || len(seqs) > 0 && size > bound; left {
				break
			}
			if len(list) > 0 {
				list = append(list, ',')
			}
			list = append(list, '{')
			if name.id != "" {
				list = append(list, '"')
				list = append(list, name.id...)
				list = append(list, `":"`...)
				list = row.SubjectID.AppendText(list)
				list = append(list, `",`...)
			}
			list = append(list, `"count":`...)
			list = strconv.AppendInt(list, int64(row.Count), 10)
			list = append(list, ',')
			list = append(list, row.Sample[1:]...)
			total += row.Count
			seqs = append(seqs, row.Seq)
		}
		if len(seqs) == 0 {
			return 0, nil
		}
		if err := b.DB.Exec("DELETE FROM notices WHERE seq IN ?", seqs).Error; err != nil {
			return 0, fmt.Errorf("remove notices: %w", err)
		}
		data := fmt.Appendf(nil, `{"count":%d,"%s":[%s]}`, total, name.list, list)
		event := &incoming{event: b.newEvent(g.TenantID, g.Kind, data)}
		if len(b.receivers(nil, event)) == 0 {
			return len(seqs), nil // no webhook subscribes to it, so it is not stored
		}
		return len(seqs), b.insertAll([]*incoming{event})
	})
	return left, err
}
