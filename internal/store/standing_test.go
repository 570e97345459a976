package store_test

import (
	"crypto/x509"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// ofType returns the data of the tenant's operational events of a type, oldest first, after publishing those that wait.
func ofType(t *suite, s *store.Store, c *store.Scope, eventType string) (data []string) {
	t.Helper()
	must(t, s.PublishNotices(t.Context()))
	for _, e := range storetest.RowsOf[webhook.Event](t)(c.Events(t.Context(), store.EventFilter{Types: []string{eventType}}, store.Page{First: 100})) {
		data = append(data, string(e.Data))
	}
	slices.Reverse(data)
	return data
}

// titled lists the issues as their titles and statuses.
func titled(t *suite, c *store.Scope) (list []string) {
	t.Helper()
	for _, i := range issuesOf(t, c) {
		list = append(list, i.Title()+": "+string(i.Status()))
	}
	return list
}

func wantTitles(t *suite, c *store.Scope, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, titled(t, c)); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
}

// A client certificate has an issue from 30 days before it expires. It opens again, for those who have acknowledged it, at 7 days, at one day and at the
// end, and is resolved by another certificate, or none.
func TestIssueOfACertificate(t *testing.T) {
	each(t, func(t *suite) {
		clock := storetest.Stopped(time.Now())
		s := t.Fresh().Rest(t, store.Options{Now: clock.Now})
		c := tenant(t, s, "a")
		authority := certificates.NewAuthority(t, "authority")
		issued := func(days int) *webhook.AuthenticationPatch {
			chain, key := authority.Issue(t, "client", nil, func(c *x509.Certificate) { c.NotAfter = clock.Now().AddDate(0, 0, days) })
			return &webhook.AuthenticationPatch{Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key})}
		}
		w := register(t, c, webhook.New{Enabled: true, Authentication: issued(40)})
		register(t, c, webhook.New{Enabled: true})
		ends := clock.Now().AddDate(0, 0, 40).UTC().Truncate(time.Second)
		keep := func(left time.Duration) {
			t.Helper()
			clock.Forward(ends.Add(-left).Sub(clock.Now()))
			must(t, s.KeepIssues(t.Context()))
			must(t, s.KeepIssues(t.Context())) // which changes nothing
		}
		const day = 24 * time.Hour
		keep(31 * day)
		wantIssues(t, c)
		var opened time.Time
		for _, left := range []time.Duration{30 * day, 7 * day, day, 0} {
			keep(left)
			is := wantIssues(t, c, "CERTIFICATE_EXPIRES  OPEN")[0]
			if is.Count != 1 || *is.WebhookID != w.ID || !is.ExpiresAt().Equal(ends) || !is.OpenedAt.After(opened) || is.Reason() != nil || is.Quota() != nil || is.AttemptID != nil {
				t.Errorf("%v before the end it is %+v", left, is)
			}
			if expired := strings.Contains(is.Title(), "expired on"); expired != (left == 0) || is.Advice() == "" {
				t.Errorf("%v before the end it is called %q", left, is.Title())
			}
			_, err := c.AcknowledgeIssue(t.Context(), is.ID)
			must(t, err)
			opened = is.OpenedAt
		}
		keep(-day)
		wantIssues(t, c, "CERTIFICATE_EXPIRES  ACKNOWLEDGED")
		_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Authentication: webhook.Some(issued(400))}, nil)
		must(t, err)
		keep(-day)
		wantIssues(t, c, "CERTIFICATE_EXPIRES  RESOLVED")
	})
}

// A webhook has an issue when a delivery has been due for 15 minutes, with the number of those that wait, and none when nothing has been due for 5
// minutes, or when it is disabled.
func TestIssueOfABacklog(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}})
		register(t, c, webhook.New{Enabled: true, Events: []string{"b.c"}})
		waited := func(minutes string) { // as if what is due had waited so much longer
			t.Helper()
			by := minutes + " * 60000000"
			if t.Kind == "postgres" {
				by = "interval '" + minutes + " minutes'"
			}
			must(t, s.Exec("UPDATE deliveries SET due_at = due_at - "+by+" WHERE due_at IS NOT NULL"))
			must(t, s.FoldAt(t.Context(), time.Now().Add(2*time.Minute)))
			must(t, s.KeepIssues(t.Context()))
		}
		ab := webhook.NewEvent{Type: "a.b"}
		publish(t, c, ab, ab, ab)
		waited("14")
		wantIssues(t, c)
		waited("2")
		is := wantIssues(t, c, "BACKLOG  OPEN")[0]
		if is.Count != 3 || *is.WebhookID != w.ID || time.Since(*is.DueSince()).Round(time.Minute) != 16*time.Minute || is.ExpiresAt() != nil {
			t.Errorf("it is %+v", is)
		}
		publish(t, c, ab)
		claims, _ := claim(t, s, w.ID, 3)
		for _, claimed := range claims {
			record(t, s, claimed, 200)
		}
		waited("4")
		wantIssues(t, c, "BACKLOG  RESOLVED")
		waited("12")
		if again := wantIssues(t, c, "BACKLOG  OPEN")[0]; again.ID != is.ID || again.Count != 1 {
			t.Errorf("again it is %+v", again)
		}
		_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil)
		must(t, err)
		waited("1")
		wantIssues(t, c, "BACKLOG  RESOLVED")
	})
}

// Events that break the schema of their type have one issue, of the type, which counts at most once a minute. It is resolved after a day without one,
// and when the schema is changed.
func TestIssueOfASchema(t *testing.T) {
	each(t, func(t *suite) {
		clock := storetest.Stopped(time.Now())
		s := t.Fresh().Rest(t, store.Options{Now: clock.Now})
		c := tenant(t, s, "a")
		schema := func(text string) {
			t.Helper()
			_, _, err := c.PutEventType(t.Context(), "order.paid", webhook.EventTypePatch{Schema: webhook.Some([]byte(text)), Validation: webhook.Some(webhook.ValidationWarn)})
			must(t, err)
		}
		later := func(by time.Duration) {
			t.Helper()
			clock.Forward(by)
			must(t, s.KeepIssues(t.Context()))
		}
		wrong := webhook.NewEvent{Type: "order.paid", Data: []byte(`1`)}
		schema(`{"type":"object"}`)
		publish(t, c, webhook.NewEvent{Type: "order.paid", Data: []byte(`{}`)})
		wantTitles(t, c)
		publish(t, c, wrong, wrong)
		publish(t, c, wrong)
		later(2 * time.Minute)
		publish(t, c, wrong)
		const title = "Events of type order.paid do not match its schema: "
		wantTitles(t, c, title+"OPEN")
		if is := issuesOf(t, c)[0]; is.Count != 2 || is.WebhookID != nil || *is.EventType != "order.paid" || !is.LastSeenAt.After(is.FirstSeenAt) {
			t.Errorf("it is %+v", is)
		}
		later(23 * time.Hour)
		wantTitles(t, c, title+"OPEN")
		later(2 * time.Hour)
		wantTitles(t, c, title+"RESOLVED")
		publish(t, c, wrong)
		wantTitles(t, c, title+"OPEN")
		if is := issuesOf(t, c)[0]; is.Count != 1 {
			t.Errorf("opened again it is %+v", is)
		}
		schema(`true`)
		later(time.Minute)
		wantTitles(t, c, title+"RESOLVED")
	})
}

// A quota of stored events has an issue, and an event, from 80 % on, once, and again when all is used. It is resolved below 70 %, and a number about
// the limit does not open it again.
func TestIssueOfAQuota(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		made, err := s.Registry(nil).CreateTenant(t.Context(), "a", webhook.TenantPatch{MaxEvents: webhook.Some(new(100))})
		must(t, err)
		c := s.In(made.ID)
		register(t, c, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}})
		told := 0
		use := func(percent int, want string, events int) {
			t.Helper()
			_, err := s.Registry(nil).UpdateTenant(t.Context(), made.ID, webhook.TenantPatch{MaxEvents: webhook.Some(new(int(c.StoredEvents()) * 100 / percent))})
			must(t, err)
			for range 2 {
				must(t, s.KeepIssues(t.Context()))
			}
			if got := titled(t, c); want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
				t.Errorf("at %d %% the issues are %q, want %q", percent, got, want)
			}
			data := ofType(t, s, c, webhook.TypeTenantQuota)
			if told += events; len(data) != told {
				t.Fatalf("at %d %% told of %q, want %d events", percent, data, told)
			}
		}
		publish(t, c, make([]webhook.NewEvent, 72)...)
		use(72, "", 0)
		use(80, "80 % of the quota of 90 stored events is used: OPEN", 1)
		is := issuesOf(t, c)[0]
		if is.Count != 72 || *is.Bound != 90 || *is.Quota() != webhook.QuotaStored || is.Reason() != nil {
			t.Errorf("it is %+v", is)
		}
		_, err = c.AcknowledgeIssue(t.Context(), is.ID)
		must(t, err)
		used := func(got string) string { return got + " of the quota of" }
		use(72, used("73 %"), 0) // with the event that was told
		use(98, used("98 %"), 0)
		use(100, "Events are refused: the quota of", 1)
		use(95, "Events are refused", 0)
		use(100, "Events are refused", 0)
		use(85, used("85 %"), 0)
		use(100, "Events are refused", 1)
		use(60, "Events are refused", 0)
		if is := issuesOf(t, c)[0]; is.Status() != webhook.IssueResolved {
			t.Errorf("with 60 %% used it is %+v", is)
		}
	})
}

// A program that has just started has not counted the stored events yet: issues of quotas stay as they are until it has.
func TestIssueOfAQuotaAfterStart(t *testing.T) {
	each(t, func(t *suite) {
		place := t.Fresh()
		s, end := place.Serve(t, store.Options{})
		made, err := s.Registry(nil).CreateTenant(t.Context(), "a", webhook.TenantPatch{MaxEvents: webhook.Some(new(10))})
		must(t, err)
		publish(t, s.In(made.ID), make([]webhook.NewEvent, 9)...)
		must(t, s.KeepIssues(t.Context()))
		_, err = s.In(made.ID).AcknowledgeIssue(t.Context(), wantIssues(t, s.In(made.ID), "QUOTA STORED_EVENTS OPEN")[0].ID)
		must(t, err)
		must(t, end())
		s = place.Rest(t, store.Options{})
		for range 2 {
			must(t, s.KeepIssues(t.Context()))
			wantIssues(t, s.In(made.ID), "QUOTA STORED_EVENTS ACKNOWLEDGED")
			s.Recount(t.Context())
		}
	})
}

// Calls that are refused because they publish too fast have one issue, with their number, and one event. It is resolved when none has been refused for
// 15 minutes.
func TestIssueOfRefusedCalls(t *testing.T) {
	each(t, func(t *suite) {
		clock := storetest.Stopped(time.Now())
		s := t.Fresh().Rest(t, store.Options{Now: clock.Now, Quotas: webhook.Quotas{PublishRate: 1}})
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true, Events: []string{"hookgraph.*"}})
		publish(t, c, make([]webhook.NewEvent, webhook.MaxPublish)...)
		later := func(by time.Duration, refused int) {
			t.Helper()
			for range refused {
				_, err := c.Publish(t.Context(), slices.Repeat([]webhook.NewEvent{{Type: "a.b", Data: []byte("1")}}, webhook.MaxPublish))
				if len(webhook.Invalids(err)) != 1 {
					t.Fatalf("not refused: %v", err)
				}
			}
			clock.Forward(by)
			must(t, s.NoteRefused(t.Context()))
			must(t, s.KeepIssues(t.Context()))
		}
		later(0, 0)
		wantTitles(t, c)
		const title = "Events are refused: more than 1 a second are published: "
		for range 3 {
			later(time.Minute, 2)
			wantTitles(t, c, title+"OPEN")
		}
		if is := issuesOf(t, c)[0]; is.Count != 6 || *is.Quota() != webhook.QuotaRate {
			t.Errorf("it is %+v", is)
		}
		if diff := cmp.Diff([]string{`{"count":1,"quotas":[{"count":1,"quota":"EVENTS_PER_SECOND","used":null,"limit":1,"usedUp":true}]}`}, ofType(t, s, c, webhook.TypeTenantQuota)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		later(10*time.Minute, 0)
		wantTitles(t, c, title+"OPEN")
		later(6*time.Minute, 0)
		wantTitles(t, c, title+"RESOLVED")
	})
}

// The end of a replay is told once, with what it did: when it is completed, when it is canceled, and also if it sent nothing.
func TestReplaysAreToldOf(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		r := failing(t, s, 3)
		register(t, r.Scope, webhook.New{Enabled: true, Events: []string{"hookgraph.replay.*"}})
		told := func() (last, ended string) {
			t.Helper()
			all := ofType(t, s, r.Scope, webhook.TypeReplayCompleted)
			var data struct {
				Count   int
				Replays []struct {
					ReplayID                                 webhook.ID
					Kind, Status, Note                       string
					MatchedCount, StartedCount, SkippedCount int
					CompletedAt                              time.Time
				}
			}
			must(t, json.Unmarshal([]byte(all[len(all)-1]), &data))
			is := data.Replays[0]
			if is.CompletedAt.IsZero() || data.Count != 1 {
				t.Errorf("told %s", all[len(all)-1])
			}
			is.CompletedAt = time.Time{}
			return is.ReplayID.String(), sprint([]any{len(all), is.Kind, is.Status, is.Note, is.MatchedCount, is.StartedCount, is.SkippedCount})
		}
		ends := func(id webhook.ID, status webhook.ReplayStatus, want string) {
			t.Helper()
			r.is(t, id, func(is *webhook.Replay) bool { return is.Status == status })
			if last, got := told(); last != id.String() || got != want {
				t.Errorf("told of %s: %s, want %s", last, got, want)
			}
		}
		made := r.create(t, store.ReplayInput{Note: "after the outage"})
		r.waits(t, made.ID, 3)
		r.send(t, r.hook, 3, 200)
		ends(made.ID, webhook.ReplayCompleted, `[1,"FAILED","COMPLETED","after the outage",3,3,0]`)
		ends(r.create(t, store.ReplayInput{}).ID, webhook.ReplayCompleted, `[2,"FAILED","COMPLETED","",0,0,0]`)
		canceled := r.create(t, store.ReplayInput{Kind: webhook.ReplayAll})
		r.waits(t, canceled.ID, 3)
		_, err := r.CancelReplay(t.Context(), canceled.ID)
		must(t, err)
		ends(canceled.ID, webhook.ReplayCanceled, `[3,"ALL","CANCELED","",3,0,0]`)
	})
}
