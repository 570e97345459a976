package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// issuesOf returns all issues, as Issues lists them.
func issuesOf(t *suite, c *store.Scope) []*webhook.Issue {
	t.Helper()
	return storetest.RowsOf[webhook.Issue](t)(c.Issues(t.Context(), store.IssueFilter{}, store.Page{First: 100}))
}

// answers publishes an event for each of the statuses, which the webhook answers one after the other, at the first attempt.
func answers(t *suite, s *store.Store, c *store.Scope, w *webhook.Webhook, statuses ...int) {
	t.Helper()
	for _, status := range statuses {
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		claims, _ := claim(t, s, w.ID, 1)
		if len(claims) != 1 {
			t.Fatalf("%d claims", len(claims))
		}
		record(t, s, claims[0], status, func(r *store.Result) { r.Gone = status == 410 })
	}
}

// kinds says which issues there are, as kind, error and status.
func kinds(list []*webhook.Issue) []string {
	var all []string
	for _, i := range list {
		all = append(all, string(i.Kind)+" "+string(i.Error)+" "+string(i.Status()))
	}
	return all
}

func wantIssues(t *suite, c *store.Scope, want ...string) []*webhook.Issue {
	t.Helper()
	list := issuesOf(t, c)
	if diff := cmp.Diff(want, kinds(list)); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
	return list
}

const failingIssue = "WEBHOOK_FAILING HTTP_STATUS "

// An issue opens with the fifth delivery whose first attempt fails, counts what fails, closes with the first success, and opens again, as the same
// one, when five more fail.
func TestIssueOpensAndCloses(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{3_600_000}})
		answers(t, s, c, w, 500, 500, 500, 500)
		wantIssues(t, c)
		answers(t, s, c, w, 503)
		first := wantIssues(t, c, failingIssue+"OPEN")[0]
		if first.Count != 5 || *first.WebhookID != w.ID || *first.HTTPStatus != 503 || first.ResolvedAt != nil || !first.FirstSeenAt.Before(first.LastSeenAt) || !first.OpenedAt.Equal(first.LastSeenAt) {
			t.Errorf("opened as %+v", first)
		}
		last := storetest.Only[webhook.Attempt](t)(c.Attempts(t.Context(), store.AttemptFilter{}, store.Page{First: 1}))
		if *first.AttemptID != last.ID {
			t.Errorf("the last attempt is %v, want %v", first.AttemptID, last.ID)
		}
		answers(t, s, c, w, 500)
		if is := wantIssues(t, c, failingIssue+"OPEN")[0]; is.Count != 6 || is.ID != first.ID || !is.OpenedAt.Equal(first.OpenedAt) {
			t.Errorf("after one more it is %+v", is)
		}
		answers(t, s, c, w, 200)
		closed := wantIssues(t, c, failingIssue+"RESOLVED")[0]
		if closed.Count != 6 || closed.ResolvedAt == nil {
			t.Errorf("resolved as %+v", closed)
		}
		answers(t, s, c, w, 500, 500, 500, 500)
		if is := wantIssues(t, c, failingIssue+"RESOLVED")[0]; is.Count != 6 || !is.LastSeenAt.Equal(closed.LastSeenAt) {
			t.Errorf("while it is resolved it becomes %+v", is)
		}
		answers(t, s, c, w, 500)
		if is := wantIssues(t, c, failingIssue+"OPEN")[0]; is.Count != 5 || is.ID != first.ID || is.ResolvedAt != nil || !is.FirstSeenAt.After(closed.LastSeenAt) {
			t.Errorf("opened again as %+v", is)
		}
	})
}

// A webhook that fails now and then has no issue: each success starts the count again, in a batch too.
func TestIssueOfAWebhookThatFlaps(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{3_600_000}})
		for range 4 {
			answers(t, s, c, w, 500, 500, 500, 500, 200)
		}
		wantIssues(t, c)
		for _, statuses := range [][]int{{500, 500, 500, 500, 500, 200, 500}, {500, 500, 500}, {500}} {
			for range statuses {
				publish(t, c, webhook.NewEvent{Type: "a.b"})
			}
			claims, _ := claim(t, s, w.ID, 10)
			release := s.Hold(t)
			code := webhook.ErrorHTTPStatus
			for i, status := range statuses {
				r := &store.Result{Claimed: claims[i], Attempt: webhook.Attempt{Status: webhook.AttemptSucceeded, StartedAt: time.Now(), ResponseStatus: &status}}
				if status != 200 {
					r.Attempt.Status, r.Attempt.Error = webhook.AttemptFailed, &code
				}
				must(t, s.Record(t.Context(), r))
			}
			release()
			must(t, s.Flush(t.Context()))
			if len(statuses) > 1 {
				wantIssues(t, c)
			}
		}
		if is := wantIssues(t, c, failingIssue+"OPEN")[0]; is.Count != 5 { // those after the success
			t.Errorf("%d failures", is.Count)
		}
	})
}

// A webhook with few events has an issue when it has failed for an hour. What is older than the window does not count towards the five.
func TestIssueOfAWebhookWithFewEvents(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{3_600_000}})
		earlier := func(column string, minutes string) {
			t.Helper()
			by := minutes + " * 60000000"
			if t.Kind == "postgres" {
				by = "interval '" + minutes + " minutes'"
			}
			must(t, s.Exec("UPDATE issues SET "+column+" = "+column+" - "+by))
		}
		answers(t, s, c, w, 500, 500, 500, 500)
		earlier("since", "11")
		earlier("recent_since", "11")
		answers(t, s, c, w, 500, 500, 500, 500)
		wantIssues(t, c)
		earlier("since", "50")
		answers(t, s, c, w, 500)
		if is := wantIssues(t, c, failingIssue+"OPEN")[0]; is.Count != 9 || is.LastSeenAt.Sub(is.FirstSeenAt) < webhook.IssueAge {
			t.Errorf("it is %+v", is)
		}
	})
}

// A webhook that the server disables has one issue for that, and no longer one for its failures; somebody who enables it resolves that. One
// that somebody disables has none.
func TestIssueOfADisabledWebhook(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{3_600_000}})
		enable := func(enabled bool) {
			t.Helper()
			_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(enabled)}, nil)
			must(t, err)
		}
		answers(t, s, c, w, 500, 500, 500, 500, 500, 410)
		if is := wantIssues(t, c, "WEBHOOK_DISABLED HTTP_STATUS OPEN", failingIssue+"RESOLVED")[0]; is.Count != 1 || *is.HTTPStatus != 410 {
			t.Errorf("it is %+v", is)
		}
		enable(true)
		wantIssues(t, c, "WEBHOOK_DISABLED HTTP_STATUS RESOLVED", failingIssue+"RESOLVED")
		answers(t, s, c, w, 500, 500, 500, 500, 500)
		wantIssues(t, c, failingIssue+"OPEN", "WEBHOOK_DISABLED HTTP_STATUS RESOLVED")
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		claims, _ := claim(t, s, w.ID, 1)
		enable(false)
		wantIssues(t, c, failingIssue+"RESOLVED", "WEBHOOK_DISABLED HTTP_STATUS RESOLVED")
		record(t, s, claims[0], 500) // an attempt that ran meanwhile
		wantIssues(t, c, failingIssue+"RESOLVED", "WEBHOOK_DISABLED HTTP_STATUS RESOLVED")
	})
}

// Deliveries that failed and are not retried have an issue at once. A success does not resolve it, but a day without another one does; and after 90 days it is
// removed. What is not resolved stays.
func TestIssueOfFailedDeliveries(t *testing.T) {
	each(t, func(t *suite) {
		clock := storetest.Stopped(time.Now())
		s := t.Fresh().Rest(t, store.Options{Now: clock.Now})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
		const exhausted = "DELIVERIES_EXHAUSTED HTTP_STATUS "
		answers(t, s, c, w, 500, 500, 200)
		if is := wantIssues(t, c, exhausted+"OPEN")[0]; is.Count != 2 {
			t.Errorf("it is %+v", is)
		}
		keep := func(later time.Duration) {
			t.Helper()
			clock.Forward(later)
			must(t, s.KeepIssues(t.Context()))
		}
		keep(23 * time.Hour)
		wantIssues(t, c, exhausted+"OPEN")
		keep(2 * time.Hour)
		wantIssues(t, c, exhausted+"RESOLVED")
		keep(80 * 24 * time.Hour)
		wantIssues(t, c, exhausted+"RESOLVED")
		if n, err := s.Count("issues"); n != 1 || err != nil { // the failures that opened none are forgotten
			t.Errorf("%d rows, %v", n, err)
		}
		keep(11 * 24 * time.Hour)
		wantIssues(t, c)
	})
}

// The issue of failed deliveries is resolved when all of them were sent again and arrived, not when some did.
func TestIssueOfDeliveriesSentAgain(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
		answers(t, s, c, w, 500, 500)
		for i, d := range storetest.RowsOf[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{First: 10})) {
			must(t, s.KeepIssues(t.Context()))
			wantIssues(t, c, "DELIVERIES_EXHAUSTED HTTP_STATUS OPEN")
			_, err := c.RetryDelivery(t.Context(), d.ID)
			must(t, err)
			claims, _ := claim(t, s, w.ID, 1)
			if len(claims) != 1 {
				t.Fatalf("delivery %d is not due", i)
			}
			record(t, s, claims[0], 200)
		}
		must(t, s.KeepIssues(t.Context()))
		wantIssues(t, c, "DELIVERIES_EXHAUSTED HTTP_STATUS RESOLVED")
	})
}

// Issues of a webhook that does not fail are resolved even if the failures were recorded after the success, by a replica that did not know of it; those
// of one that fails are not.
func TestIssueAfterSuccessElsewhere(t *testing.T) {
	each(t, func(t *suite) {
		clock := storetest.Stopped(time.Now())
		s := t.Fresh().Rest(t, store.Options{Now: clock.Now})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{3_600_000}})
		answers(t, s, c, w, 500, 500, 500, 500, 500)
		clock.Forward(time.Hour)
		must(t, s.KeepIssues(t.Context()))
		wantIssues(t, c, failingIssue+"OPEN")
		must(t, s.Exec("UPDATE webhooks SET failing_since = NULL"))
		must(t, s.KeepIssues(t.Context()))
		wantIssues(t, c, failingIssue+"RESOLVED")
	})
}

// Somebody acknowledges an open issue, once, which the audit log has. It stays so until it is resolved; then it cannot be acknowledged, and when it
// opens again nobody has. Another tenant's does not exist.
func TestAcknowledgeIssue(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{3_600_000}})
		answers(t, s, c, w, 500, 500, 500, 500, 500)
		id, token := issuesOf(t, c)[0].ID, webhook.NewID(time.Now())
		by := c.By(webhook.Actor{Kind: webhook.ActorTenant, Name: "ops", TokenID: &token})
		if _, err := tenant(t, s, "b").AcknowledgeIssue(t.Context(), id); err != webhook.ErrNotFound { //nolint:errorlint // it is returned as it is
			t.Errorf("another tenant's: %v", err)
		}
		is, err := by.AcknowledgeIssue(t.Context(), id)
		must(t, err)
		if is.Status() != webhook.IssueAcknowledged || is.AcknowledgedName != "ops" || *is.AcknowledgedBy != token {
			t.Errorf("it is %+v", is)
		}
		again, err := c.By(webhook.Actor{Kind: webhook.ActorTenant, Name: "other"}).AcknowledgeIssue(t.Context(), id)
		must(t, err)
		if again.AcknowledgedName != "ops" {
			t.Errorf("it is %+v", again)
		}
		log := storetest.RowsOf[webhook.AuditEntry](t)(s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{ObjectIDs: []webhook.ID{id}}, store.Page{}))
		if len(log) != 1 || log[0].Action != webhook.AuditIssueAcknowledged || log[0].Actor.Name != "ops" || log[0].ObjectType() != "ISSUE" {
			t.Errorf("the audit log has %+v", log)
		}
		answers(t, s, c, w, 500)
		wantIssues(t, c, failingIssue+"ACKNOWLEDGED")
		answers(t, s, c, w, 200)
		wantIssues(t, c, failingIssue+"RESOLVED")
		if _, err := by.AcknowledgeIssue(t.Context(), id); err == nil || !strings.Contains(err.Error(), "resolved") {
			t.Errorf("a resolved one: %v", err)
		}
		answers(t, s, c, w, 500, 500, 500, 500, 500)
		if is := wantIssues(t, c, failingIssue+"OPEN")[0]; is.AcknowledgedBy != nil || is.AcknowledgedName != "" {
			t.Errorf("opened again it is %+v", is)
		}
	})
}

// What succeeds costs issues no statement, and a batch of failures costs one, however many webhooks it is of. They survive a restart, and go with
// their webhook.
func TestIssuesCostLittle(t *testing.T) {
	each(t, func(t *suite) {
		place := t.Fresh()
		s := place.Rest(t, store.Options{Tuning: merging()}) // no task writes meanwhile
		c := tenant(t, s, "a")
		hooks := registerMany(t, c, 120, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}})
		statements := s.CountWrites()
		about := func(status int) (n int) {
			publish(t, c, webhook.NewEvent{Type: "a.b"})
			statements()
			recordAll(t, s, hooks, status)
			for _, text := range statements() {
				if strings.Contains(text, "issues") {
					n++
				}
			}
			return n
		}
		if n := about(500); n != 1 {
			t.Errorf("%d statements about the issues of %d failing webhooks", n, len(hooks))
		}
		must(t, s.Close())
		s = place.Rest(t, store.Options{Tuning: merging()}) // no task writes meanwhile
		c = tenant(t, s, "a")
		count, err := c.CountIssuesTo(t.Context(), store.IssueFilter{Statuses: []webhook.IssueStatus{webhook.IssueOpen}}, 1000)
		if err != nil || count.N != len(hooks) {
			t.Errorf("%d issues, %v", count.N, err)
		}
		statements = s.CountWrites()
		w := register(t, c, webhook.New{Enabled: true, Events: []string{"b.c"}})
		publish(t, c, webhook.NewEvent{Type: "b.c"})
		claims, _ := claim(t, s, w.ID, 1)
		record(t, s, claims[0], 200)
		if all := statements(); slices.ContainsFunc(all, func(text string) bool { return strings.Contains(text, "issues") }) {
			t.Errorf("a success costs %q", all)
		}
		must(t, c.DeleteWebhook(t.Context(), hooks[0].ID))
		if list := storetest.RowsOf[webhook.Issue](t)(c.Issues(t.Context(), store.IssueFilter{WebhookIDs: []webhook.ID{hooks[0].ID}}, store.Page{})); len(list) != 0 {
			t.Errorf("a deleted webhook has %d issues", len(list))
		}
	})
}

// Pages of issues have each once, open ones first, with every filter, of a tenant, of webhooks, and of all tenants.
func TestIssuePages(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		var hooks []*webhook.Webhook
		for range 7 {
			w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{}})
			hooks = append(hooks, w)
		}
		failAll(t, s, c, hooks, 500)
		failAll(t, s, c, hooks[:3], 410)
		failAll(t, s, other, []*webhook.Webhook{register(t, other, webhook.New{Enabled: true, RetryScheduleMs: []int{}})}, 500)
		_, _, err := c.UpdateWebhook(t.Context(), hooks[0].ID, webhook.Patch{Enabled: webhook.Some(true)}, nil)
		must(t, err)
		all := issuesOf(t, c)
		if len(all) != 10 || all[9].Status() != webhook.IssueResolved {
			t.Fatalf("%d issues: %v", len(all), kinds(all))
		}
		for _, list := range []func(p store.Page) (*store.List[webhook.Issue], error){
			func(p store.Page) (*store.List[webhook.Issue], error) {
				return c.Issues(t.Context(), store.IssueFilter{}, p)
			},
			func(p store.Page) (*store.List[webhook.Issue], error) {
				var ids []webhook.ID
				for _, w := range hooks {
					ids = append(ids, w.ID)
				}
				return c.Issues(t.Context(), store.IssueFilter{WebhookIDs: ids}, p)
			},
		} {
			var got []webhook.ID
			for p := (store.Page{First: 3}); ; {
				l, err := list(p)
				must(t, err)
				for _, i := range l.Items {
					got = append(got, i.ID)
				}
				if !l.HasNext {
					break
				}
				p.After, p.AfterAt = l.End, l.EndAt
			}
			var want []webhook.ID
			for _, i := range all {
				want = append(want, i.ID)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pages (-all +found):\n%s", diff)
			}
		}
		for _, f := range []struct {
			store.IssueFilter
			want int
		}{
			{store.IssueFilter{Kinds: []webhook.IssueKind{webhook.IssueDisabled}}, 3},
			{store.IssueFilter{Statuses: []webhook.IssueStatus{webhook.IssueResolved}}, 1},
			{store.IssueFilter{Statuses: []webhook.IssueStatus{webhook.IssueOpen}, WebhookIDs: []webhook.ID{hooks[0].ID, hooks[1].ID}}, 3},
			{store.IssueFilter{Errors: []webhook.ErrorCode{webhook.ErrorDNS}}, 0},
		} {
			l := storetest.RowsOf[webhook.Issue](t)(c.Issues(t.Context(), f.IssueFilter, store.Page{First: 100}))
			n, err := c.CountIssuesTo(t.Context(), f.IssueFilter, 100)
			if len(l) != f.want || n.N != f.want || err != nil {
				t.Errorf("%+v: %d issues, counted %d, %v, want %d", f.IssueFilter, len(l), n.N, err, f.want)
			}
		}
		if l := storetest.RowsOf[webhook.Issue](t)(s.Everyone().Issues(t.Context(), store.IssueFilter{}, store.Page{First: 100})); len(l) != 11 {
			t.Errorf("all tenants have %d issues", len(l))
		}
		of, err := c.IssuesOfWebhooks(t.Context(), []webhook.ID{hooks[0].ID, hooks[6].ID}, store.IssueFilter{}, store.Page{})
		if err != nil || len(of[hooks[0].ID].Items) != 2 || len(of[hooks[6].ID].Items) != 1 {
			t.Errorf("issues of webhooks: %v, %v", of, err)
		}
	})
}
