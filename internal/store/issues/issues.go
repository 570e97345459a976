// Package issues keeps problems for people. Failures of webhooks are grouped with the results of attempts: what a transaction records is gathered in
// memory and written in two statements at most, none of them if nothing failed and nothing recovered. Other problems, such as a certificate that
// expires, are looked for by a Keeper.
package issues

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// openPlace is added to the time at which an issue opened, so that open issues are above all others: it is later than any time, in microseconds.
const openPlace = 1 << 58

// Failure is a failed attempt.
type Failure struct {
	Tenant, Webhook, Attempt webhook.ID

	Error      webhook.ErrorCode
	HTTPStatus *int
	First      bool // attempt of its delivery
}

// Noted is what a transaction records. The zero value is empty.
type Noted struct {
	failures map[webhook.ID]map[key]*group
	ended    map[webhook.ID]bool // webhooks that succeeded, or were disabled
	enabled  []webhook.ID
}

type key struct {
	kind  webhook.IssueKind
	error webhook.ErrorCode
}

type group struct {
	last         *Failure
	count, first int
}

// Failed notes a failed attempt: of IssueFailing, or of what it led to.
func (n *Noted) Failed(kind webhook.IssueKind, f *Failure) {
	if n.failures == nil {
		n.failures = map[webhook.ID]map[key]*group{}
	}
	of := n.failures[f.Webhook]
	if of == nil {
		of = map[key]*group{}
		n.failures[f.Webhook] = of
	}
	g := of[key{kind, f.Error}]
	if g == nil {
		g = &group{}
		of[key{kind, f.Error}] = g
	}
	g.last = f
	g.count++
	if f.First {
		g.first++
	}
}

// Ended notes that a webhook that failed does not any more: an attempt succeeded, or it was disabled.
func (n *Noted) Ended(hook webhook.ID) {
	for k := range n.failures[hook] {
		if k.kind == webhook.IssueFailing {
			delete(n.failures[hook], k)
		}
	}
	if n.ended == nil {
		n.ended = map[webhook.ID]bool{}
	}
	n.ended[hook] = true
}

// Enabled notes that a disabled webhook was enabled.
func (n *Noted) Enabled(hook webhook.ID) { n.enabled = append(n.enabled, hook) }

// Turned is an issue that was opened or resolved.
type Turned struct {
	TenantID  webhook.ID
	WebhookID *webhook.ID // nil: it is of no webhook

	Kind         webhook.IssueKind
	Error        webhook.ErrorCode
	HTTPStatus   *int      `gorm:"column:http_status"`
	FirstSeenAt  time.Time `gorm:"serializer:micros"`
	Count, Level int
	Bound        *int
	ResolvedAt   *time.Time `gorm:"serializer:micros"` // nil: it was opened
	Turned       bool
}

var columns = []dialect.Column{
	{Name: "id", Kind: "uuid"},
	{Name: "tenant_id", Kind: "uuid"},
	{Name: "webhook_id", Kind: "uuid"},
	{Name: "kind", Kind: "text"},
	{Name: "error", Kind: "text"},
	{Name: "failures", Kind: "bigint"},
	{Name: "recent", Kind: "bigint"},
	{Name: "now", Kind: "timestamptz"},
	{Name: "opened_at", Kind: "timestamptz"},
	{Name: "place", Kind: "bigint"},
	{Name: "http_status", Kind: "bigint"},
	{Name: "attempt_id", Kind: "uuid"},
}

// Parts of the statement that adds failures. An issue that is open stays open; another one opens at once, or when enough has failed.
const (
	isOpen = "(issues.opened_at IS NOT NULL AND issues.resolved_at IS NULL)"
	within = "(issues.since IS NOT NULL AND issues.recent_since > @window)" // what is recent still is
	recent = "(CASE WHEN " + within + " THEN issues.recent ELSE 0 END + excluded.recent)"
	opens  = "(excluded.opened_at IS NOT NULL OR COALESCE(issues.since <= @age, false) OR " + recent + " >= @many)"
	opened = "(NOT " + isOpen + " AND " + opens + ")"
	shown  = "(" + isOpen + " OR " + opens + " OR issues.opened_at IS NULL)" // a resolved one is shown as it was until it opens again
	total  = "(issues.failures + excluded.failures)"
)

const addFailures = `INSERT INTO issues (id, tenant_id, subject_id, webhook_id, kind, error, failures, since, recent, recent_since, count, first_seen_at, last_seen_at,
	opened_at, http_status, attempt_id, place, turned)
	SELECT id, tenant_id, webhook_id, webhook_id, kind, error, failures, now, recent, now, failures, now, now, opened_at, http_status, attempt_id, place,
	opened_at IS NOT NULL FROM %s AS v WHERE true
	ON CONFLICT (subject_id, kind, error) DO UPDATE SET
	failures = ` + total + `,
	since = COALESCE(issues.since, excluded.since),
	recent = ` + recent + `,
	recent_since = CASE WHEN ` + within + ` THEN issues.recent_since ELSE excluded.recent_since END,
	count = CASE WHEN ` + shown + ` THEN ` + total + ` ELSE issues.count END,
	first_seen_at = CASE WHEN ` + shown + ` THEN COALESCE(issues.since, excluded.since) ELSE issues.first_seen_at END,
	last_seen_at = CASE WHEN ` + shown + ` THEN excluded.last_seen_at ELSE issues.last_seen_at END,
	http_status = CASE WHEN ` + shown + ` THEN excluded.http_status ELSE issues.http_status END,
	attempt_id = CASE WHEN ` + shown + ` THEN excluded.attempt_id ELSE issues.attempt_id END,
	opened_at = CASE WHEN ` + opened + ` THEN excluded.last_seen_at ELSE issues.opened_at END,
	resolved_at = CASE WHEN ` + opens + ` THEN NULL ELSE issues.resolved_at END,
	acknowledged_at = CASE WHEN ` + opened + ` THEN NULL ELSE issues.acknowledged_at END,
	acknowledged_by = CASE WHEN ` + opened + ` THEN NULL ELSE issues.acknowledged_by END,
	acknowledged_name = CASE WHEN ` + opened + ` THEN '' ELSE issues.acknowledged_name END,
	place = CASE WHEN ` + opened + ` THEN @place ELSE issues.place END,
	turned = ` + opened + `
	RETURNING ` + returned

// returned are the columns of Turned.
const returned = "tenant_id, webhook_id, kind, error, http_status, first_seen_at, count, level, bound, resolved_at, turned"

// Write writes what was noted, and returns the issues that it opened and those that it resolved.
func (n *Noted) Write(b *dialect.Tx, db dialect.DB) (opened, resolved []Turned, err error) {
	if resolved, err = n.end(b, db); err != nil {
		return nil, nil, err
	}
	now := b.Now.UTC().Truncate(time.Microsecond)
	place := now.UnixMicro() + openPlace
	var rows [][]any
	for _, of := range n.failures {
		for k, g := range of {
			var at, first any
			if k.kind != webhook.IssueFailing || g.first >= webhook.IssueFirstAttempts {
				at, first = dialect.At(now), place
			}
			rows = append(rows, []any{
				webhook.NewID(now), g.last.Tenant, g.last.Webhook, k.kind, k.error, g.count, g.first, dialect.At(now), at, first, g.last.HTTPStatus, g.last.Attempt,
			})
		}
	}
	if len(rows) == 0 {
		return nil, resolved, nil
	}
	slices.SortFunc(rows, func(x, y []any) int { // in a fixed order, so that transactions cannot deadlock
		a, b := x[2].(webhook.ID), y[2].(webhook.ID)
		return cmp.Or(bytes.Compare(a[:], b[:]), cmp.Compare(x[3].(webhook.IssueKind), y[3].(webhook.IssueKind)), cmp.Compare(x[4].(webhook.ErrorCode), y[4].(webhook.ErrorCode)))
	})
	var all []Turned
	err = b.DB.Raw(fmt.Sprintf(addFailures, db.Rows(columns)), string(dialect.CompactJSON(rows)), sql.Named("place", place),
		sql.Named("many", webhook.IssueFirstAttempts), sql.Named("window", dialect.At(now.Add(-webhook.IssueWindow))),
		sql.Named("age", dialect.At(now.Add(-webhook.IssueAge)))).Scan(&all).Error
	if err != nil {
		return nil, nil, fmt.Errorf("write %d issues: %w", len(rows), err)
	}
	return turned(all), resolved, nil
}

// turned keeps those that the statement opened or resolved.
func turned(all []Turned) []Turned {
	return slices.DeleteFunc(all, func(t Turned) bool { return !t.Turned })
}

// resolving resolves issues that are open, and forgets failures that opened none.
const resolving = `UPDATE issues SET turned = ` + isOpen + `, resolved_at = CASE WHEN ` + isOpen + ` THEN @now ELSE issues.resolved_at END,
	place = CASE WHEN ` + isOpen + ` THEN @place ELSE issues.place END, failures = 0, recent = 0, since = NULL
	WHERE seq IN (SELECT i.seq FROM issues AS i WHERE %s%s) AND since IS NOT NULL%s
	RETURNING ` + returned

// locking returns what makes PostgreSQL lock the rows of issues in the order in which Write does.
func locking(db dialect.DB) string {
	if db.SkipLocked("i") == "" {
		return ""
	}
	return " ORDER BY i.subject_id, i.kind, i.error FOR UPDATE"
}

// resolve resolves the open issues among those, i, for which the condition holds, and returns them. of is a condition on issues.
func resolve(b *dialect.Tx, db dialect.DB, where, of string, args ...any) ([]Turned, error) {
	now := b.Now.UTC().Truncate(time.Microsecond)
	var all []Turned
	args = append(args, sql.Named("now", dialect.At(now)), sql.Named("place", now.UnixMicro()))
	if err := b.DB.Raw(fmt.Sprintf(resolving, where, locking(db), of), args...).Scan(&all).Error; err != nil {
		return nil, fmt.Errorf("resolve issues: %w", err)
	}
	return turned(all), nil
}

// end resolves the issues of webhooks that do not fail any more.
func (n *Noted) end(b *dialect.Tx, db dialect.DB) ([]Turned, error) {
	resolved, err := endKind(b, db, slices.Collect(maps.Keys(n.ended)), webhook.IssueFailing)
	if err != nil {
		return nil, err
	}
	enabled, err := endKind(b, db, n.enabled, webhook.IssueDisabled)
	return append(resolved, enabled...), err
}

// endKind resolves the issues of a kind that the webhooks have.
func endKind(b *dialect.Tx, db dialect.DB, of []webhook.ID, kind webhook.IssueKind) ([]Turned, error) {
	if len(of) == 0 {
		return nil, nil
	}
	among, arg := db.AmongIDs("i.webhook_id", of)
	return resolve(b, db, among+" AND i.kind = '"+string(kind)+"'", "", arg)
}

// Resolve resolves the open issues of a kind that a webhook of the tenant has, and returns them.
func Resolve(b *dialect.Tx, db dialect.DB, tenant, hook webhook.ID, kind webhook.IssueKind) ([]Turned, error) {
	return resolve(b, db, "i.tenant_id = ? AND i.webhook_id = ? AND i.kind = ?", " AND issues.tenant_id = ?", tenant, hook, kind, tenant)
}
