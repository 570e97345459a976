package list

import "github.com/hookgraph/hookgraph/internal/webhook"

// Open issues come first, then resolved ones, in the order of their places.
var (
	issuesOfTenant  = issueIndex("issues_tenant", "tenant_id")
	issuesOfWebhook = issueIndex("issues_of_webhook", "webhook_id")
	// allIssues has a condition of its own, so that PostgreSQL cannot take its index for one tenant's list and pass over all others' issues.
	allIssues = &Index{table: "issues", alias: "i", index: "issues_place", only: "i.place > 0", time: "place", timeless: true}
	// IssuesByID finds issues by their ids.
	IssuesByID = &Index{table: "issues", alias: "i", one: true}
)

func issueIndex(name string, equal ...string) *Index {
	return &Index{table: "issues", alias: "i", index: name, equal: equal, only: "i.place IS NOT NULL", time: "place", timeless: true}
}

// IssueFilter narrows a list of issues. Zero fields do not filter.
type IssueFilter struct {
	WebhookIDs []webhook.ID
	Kinds      []webhook.IssueKind
	Statuses   []webhook.IssueStatus
	Errors     []webhook.ErrorCode
}

// Check is as that of EventFilter.
func (f *IssueFilter) Check() error {
	return First(Bounded("webhookIds", len(f.WebhookIDs)), Bounded("kinds", len(f.Kinds)), Bounded("statuses", len(f.Statuses)), Bounded("errors", len(f.Errors)))
}

// issueStatus is the status of an issue in SQL.
const issueStatus = "CASE WHEN i.resolved_at IS NOT NULL THEN 'RESOLVED' WHEN i.acknowledged_at IS NOT NULL THEN 'ACKNOWLEDGED' ELSE 'OPEN' END"

func (f IssueFilter) conditions() []condition {
	return in(in(in(in(nil, "i.webhook_id", f.WebhookIDs), "i.kind", f.Kinds), issueStatus, f.Statuses), "i.error", f.Errors)
}

// Path returns how to list the tenant's issues that the filter keeps.
func (f IssueFilter) Path(tenant webhook.ID) Path {
	p := Path{Index: issuesOfTenant, branches: []any{tenant}}
	if hooks := distinct(f.WebhookIDs); len(hooks) == 1 { // several are not merged by their places
		p.Index, p.branches, f.WebhookIDs = issuesOfWebhook, hooks, nil
	}
	p.rest = asides(f.conditions())
	return p
}

// Everyone is the path of all tenants' issues.
func (f IssueFilter) Everyone() Path {
	p := f.Path(webhook.ID{})
	if p.ofOne() {
		p = Path{Index: allIssues, branches: []any{nil}, rest: asides(f.conditions())}
	}
	return p.everyone()
}

// OfWebhooks is the path of each webhook's issues.
func (f IssueFilter) OfWebhooks() Path {
	return Path{Index: issuesOfWebhook, rest: asides(f.conditions())}
}
