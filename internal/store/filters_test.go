package store_test

import (
	stdcmp "cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// filtered is a tenant's history with values for every filter, and the same history of another tenant.
type filtered struct {
	s          *store.Store
	c          *store.Scope
	hooks      []*webhook.Webhook
	events     []*webhook.Event // the newest first, as all lists
	keys       map[webhook.ID]string
	deliveries []*webhook.Delivery
	last       map[webhook.ID]*webhook.Attempt
	attempts   []*webhook.Attempt
}

// Tags, one of which is a part of another one's stored text.
var someTags = []string{"eu", "e", `a","eu`, `eu"`, "<&>", `\`}

// someData are payloads that the conditions of someConditions distinguish.
var someData = []string{
	`{"customer":{"id":1,"name":"Anna"}}`, `{"customer":{"id":2,"name":"Ann"},"items":[{"sku":"a"},{"sku":"b"}]}`, `{"customer":null}`, `"Anna"`, `[]`,
}

func newFiltered(t *suite) *filtered {
	t.Helper()
	f := &filtered{s: t.Open(t, store.Options{}), keys: map[webhook.ID]string{}}
	for _, name := range []string{"other", "a"} {
		f.c = tenant(t, f.s, name)
		f.hooks = []*webhook.Webhook{
			register(t, f.c, webhook.New{Enabled: true, RetryScheduleMs: []int{}}), register(t, f.c, webhook.New{Enabled: true}),
			register(t, f.c, webhook.New{Enabled: false}),
		}
		f.publish(t)
	}
	f.events = storetest.RowsOf[webhook.Event](t)(f.c.Events(t.Context(), store.EventFilter{}, store.Page{First: 100}))
	f.deliveries = storetest.RowsOf[webhook.Delivery](t)(f.c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{First: 100}))
	f.attempts = storetest.RowsOf[webhook.Attempt](t)(f.c.Attempts(t.Context(), store.AttemptFilter{}, store.Page{First: 100}))
	var ids []webhook.ID
	for _, d := range f.deliveries {
		ids = append(ids, d.ID)
	}
	var err error
	f.last, err = f.c.LastAttempts(t.Context(), ids, nil)
	must(t, err)
	return f
}

func (f *filtered) publish(t *suite) {
	t.Helper()
	for i := range 20 {
		e := webhook.NewEvent{Type: []string{"a.b", "a.c", "z"}[i%3], Data: json.RawMessage(someData[i%len(someData)])}
		for j, tag := range someTags {
			if (i+j)%4 == 0 {
				e.Tags = append(e.Tags, tag)
			}
		}
		if i%2 == 0 {
			e.IdempotencyKey = fmt.Sprint("key ", i)
		}
		made := publish(t, f.c, e)[0].Event
		f.keys[made.ID] = e.IdempotencyKey
	}
	errors := []webhook.ErrorCode{webhook.ErrorDNS, webhook.ErrorTimeout, webhook.ErrorHTTPStatus}
	for _, w := range f.hooks[:2] {
		claims, _ := claim(t, f.s, w.ID, 15)
		for i, one := range claims {
			record(t, f.s, one, []int{200, 404, 500, 503}[i%4], func(r *store.Result) {
				if r.Attempt.Error == nil {
					return
				}
				if r.Attempt.Error = &errors[i%3]; i%3 < 2 {
					r.Attempt.ResponseStatus = nil
				}
			})
		}
	}
	for _, w := range f.hooks[:1] { // some have a second attempt that went better
		l, err := f.c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}, Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}}, store.Page{First: 3})
		must(t, err)
		for _, d := range l.Items {
			_, err := f.c.RetryDelivery(t.Context(), d.ID)
			must(t, err)
		}
		claims, _ := claim(t, f.s, w.ID, len(l.Items))
		for _, one := range claims {
			record(t, f.s, one, 204)
		}
	}
}

func (f *filtered) event(id webhook.ID) *webhook.Event {
	return f.events[slices.IndexFunc(f.events, func(e *webhook.Event) bool { return e.ID == id })]
}

// keepsEvent reports whether a filter keeps an event, for TestFilters.
func (f *filtered) keepsEvent(of store.EventFilter, e *webhook.Event) bool {
	return keepsType(of.Types, e.Type) && keepsTag(of.Tags, e.Tags) && keepsData(of.Data, e) && during(of.CreatedAt, &e.CreatedAt) &&
		(of.IdempotencyKey == nil || *of.IdempotencyKey == f.keys[e.ID])
}

func (f *filtered) keepsDelivery(of store.DeliveryFilter, d *webhook.Delivery) bool {
	e, last := f.event(d.EventID), f.last[d.ID]
	var code *webhook.ErrorCode
	var status *int
	if last != nil {
		code, status = last.Error, last.ResponseStatus
	}
	return oneOf(of.WebhookIDs, &d.WebhookID) && oneOf(of.EventIDs, &d.EventID) && keepsType(of.EventTypes, e.Type) && oneOf(of.Statuses, &d.Status) &&
		keepsTag(of.Tags, e.Tags) && keepsData(of.Data, e) && oneOf(of.Errors, code) && inRanges(of.HTTPStatuses, status) &&
		during(of.CreatedAt, &d.CreatedAt) && during(of.CompletedAt, d.CompletedAt) && during(of.NextAttemptAt, d.NextAttemptAt)
}

func (f *filtered) keepsAttempt(of store.AttemptFilter, a *webhook.Attempt) bool {
	return oneOf(of.Errors, a.Error) && inRanges(of.HTTPStatuses, a.ResponseStatus) && oneOf(of.Statuses, &a.Status) && oneOf(of.WebhookIDs, &a.WebhookID)
}

func oneOf[T comparable](list []T, v *T) bool {
	return len(list) == 0 || v != nil && slices.Contains(list, *v)
}

func inRanges(list []store.IntRange, v *int) bool {
	return len(list) == 0 || v != nil && slices.ContainsFunc(list, func(r store.IntRange) bool { return r.Has(*v) })
}

func during(r store.TimeRange, t *time.Time) bool {
	if r == (store.TimeRange{}) {
		return true
	}
	return t != nil && (r.From == nil || !t.Before(*r.From)) && (r.To == nil || t.Before(*r.To))
}

func keepsType(patterns []string, eventType string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return webhook.MatchesType(p, eventType) })
}

func keepsTag(list, tags []string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(tag string) bool { return slices.Contains(tags, tag) })
}

func keepsData(list []filter.Data, e *webhook.Event) bool {
	f, err := filter.CompileData("", list)
	return err == nil && f.Match(e.Type, e.Tags, e.Data)
}

// some draws a part of a list, often an empty one.
func some[T any](t *rapid.T, label string, list ...T) []T {
	if rapid.IntRange(0, 2).Draw(t, label+"?") > 0 {
		return nil
	}
	return rapid.SliceOfN(rapid.SampledFrom(list), 1, 3).Draw(t, label)
}

var someConditions = []filter.Data{
	{Path: "customer.id", Equals: json.RawMessage("1.0")},
	{Path: "customer.name", Contains: new("Ann")},
	{Path: "customer", Equals: json.RawMessage("null")},
	{Path: "items.sku", Equals: json.RawMessage(`"b"`)},
	{Path: "no", Contains: new("x")},
}

func someRanges(t *rapid.T) []store.IntRange {
	return some(t, "http statuses", store.IntRange{From: new(200), To: new(299)}, store.IntRange{From: new(500)}, store.IntRange{To: new(404)}, store.IntRange{}, store.IntRange{From: new(600)})
}

// someTime draws a range that begins or ends at one of the times.
func someTime(t *rapid.T, label string, times []*time.Time) (r store.TimeRange) {
	if len(times) == 0 || rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
		return r
	}
	if rapid.Bool().Draw(t, label+" from") {
		r.From = rapid.SampledFrom(times).Draw(t, label)
	} else {
		r.To = rapid.SampledFrom(times).Draw(t, label)
	}
	return r
}

// For any combination of conditions, a filter's list has exactly the rows that meet all of them, page by page, however little a page may search.
// An exact count is the number of these rows, and the facets are those of these rows.
func TestFilters(t *testing.T) {
	each(t, func(t *suite) {
		f := newFiltered(t)
		var made, completed, due []*time.Time
		for _, d := range f.deliveries {
			if made = append(made, &d.CreatedAt); d.CompletedAt != nil {
				completed = append(completed, d.CompletedAt)
			}
			if d.NextAttemptAt != nil {
				due = append(due, d.NextAttemptAt)
			}
		}
		if len(completed) == 0 || len(due) == 0 || len(f.deliveries) != 60 {
			t.Fatalf("%d deliveries, %d completed, %d due", len(f.deliveries), len(completed), len(due))
		}
		found := 0
		webhooktest.Checks(t, 100)
		rapid.Check(t.T, func(rt *rapid.T) {
			first := rapid.IntRange(3, 40).Draw(rt, "first stretch")
			f.s.SearchRows(first, rapid.IntRange(first, 60).Draw(rt, "rows of a search"))
			f.s.SearchBytes(rapid.SampledFrom([]int{1, 100, 1 << 20}).Draw(rt, "bytes of a search"))
			switch rapid.SampledFrom([]string{"events", "deliveries", "deliveries", "deliveries", "attempts"}).Draw(rt, "list") {
			case "events":
				of := store.EventFilter{
					Types: some(rt, "types", "a.b", "a.*", "z", "no"), Tags: some(rt, "tags", append(someTags, "no")...), Data: some(rt, "data", someConditions...),
					CreatedAt: someTime(rt, "created", made),
				}
				if rapid.IntRange(0, 3).Draw(rt, "key?") == 0 {
					of.IdempotencyKey = new(rapid.SampledFrom([]string{"key 0", "key 10", "no", "\xff"}).Draw(rt, "key"))
				}
				want := kept(f.events, func(e *webhook.Event) bool { return f.keepsEvent(of, e) })
				found += len(want)
				paged(rt, want, func(p store.Page) (*store.List[webhook.Event], error) { return f.c.Events(t.Context(), of, p) })
				countedAs(rt, len(want), func(limit int) (store.Count, error) { return f.c.CountEventsTo(t.Context(), of, limit) })
			case "deliveries":
				of := store.DeliveryFilter{
					EventTypes: some(rt, "types", "a.b", "a.*", "z", "no"), Tags: some(rt, "tags", append(someTags, "no")...), Data: some(rt, "data", someConditions...),
					Statuses: some(rt, "statuses", webhook.Pending, webhook.Held, webhook.DeliverySucceeded, webhook.DeliveryFailed, webhook.Canceled),
					Errors:   some(rt, "errors", webhook.ErrorDNS, webhook.ErrorTimeout, webhook.ErrorHTTPStatus, webhook.ErrorTLS), HTTPStatuses: someRanges(rt),
					CreatedAt: someTime(rt, "created", made), CompletedAt: someTime(rt, "completed", completed), NextAttemptAt: someTime(rt, "due", due),
				}
				f.deliveriesAre(rt, of, &found)
			case "attempts":
				of := store.AttemptFilter{
					Errors: some(rt, "errors", webhook.ErrorDNS, webhook.ErrorHTTPStatus), HTTPStatuses: someRanges(rt),
					Statuses: some(rt, "statuses", webhook.AttemptFailed, webhook.AttemptSucceeded), WebhookIDs: some(rt, "webhooks", f.hooks[0].ID, f.hooks[1].ID),
				}
				want := kept(f.attempts, func(a *webhook.Attempt) bool { return f.keepsAttempt(of, a) })
				found += len(want)
				paged(rt, want, func(p store.Page) (*store.List[webhook.Attempt], error) {
					return f.c.Attempts(context.Background(), of, p)
				})
				countedAs(rt, len(want), func(limit int) (store.Count, error) { return f.c.CountAttemptsTo(context.Background(), of, limit) })
			}
		})
		if found == 0 {
			t.Error("nothing was found")
		}
	})
}

// deliveriesAre compares the deliveries of the tenant, of a webhook and of an event with those that the filter must keep.
func (f *filtered) deliveriesAre(rt *rapid.T, of store.DeliveryFilter, found *int) {
	ctx := context.Background()
	all := func(d *webhook.Delivery) bool { return f.keepsDelivery(of, d) }
	switch parent := rapid.SampledFrom([]string{"tenant", "webhook", "event", "webhooks", "events"}).Draw(rt, "of"); parent {
	case "webhook", "event":
		ids, pages, counts, facets := []webhook.ID{f.hooks[0].ID, f.hooks[1].ID}, f.c.DeliveriesOfWebhooks, f.c.CountDeliveriesOfWebhooks, f.c.FacetsOfWebhooks
		if parent == "event" {
			ids, pages, counts, facets = []webhook.ID{f.events[3].ID, f.events[4].ID}, f.c.DeliveriesOfEvents, f.c.CountDeliveriesOfEvents, f.c.FacetsOfEvents
		}
		want := kept(f.deliveries, func(d *webhook.Delivery) bool { return all(d) && (d.WebhookID == ids[1] || d.EventID == ids[1]) })
		*found += len(want)
		paged(rt, want, func(p store.Page) (*store.List[webhook.Delivery], error) {
			l, err := pages(ctx, ids, of, p)
			return l[ids[1]], err
		})
		countedAs(rt, len(want), func(limit int) (store.Count, error) {
			n, err := counts(ctx, ids, of, limit)
			return n[ids[1]], err
		})
		f.faceted(rt, want, func(limit int) (*store.Facets, error) {
			all, err := facets(ctx, ids, of, limit)
			return all[ids[1]], err
		})
		return
	case "tenant":
		of.Order = store.DeliveryOrder{By: rapid.SampledFrom([]store.DeliveryTime{store.CreatedAt, store.CompletedAt, store.NextAttemptAt}).Draw(rt, "order"), Ascending: rapid.Bool().Draw(rt, "ascending")}
	case "webhooks":
		of.WebhookIDs = []webhook.ID{f.hooks[0].ID, f.hooks[2].ID}
	case "events":
		of.EventIDs = []webhook.ID{f.events[0].ID, f.events[7].ID, f.events[8].ID}
	}
	want := inOrder(of.Order, kept(f.deliveries, all))
	*found += len(want)
	paged(rt, want, func(p store.Page) (*store.List[webhook.Delivery], error) { return f.c.Deliveries(ctx, of, p) })
	countedAs(rt, len(want), func(limit int) (store.Count, error) { return f.c.CountDeliveriesTo(ctx, of, limit) })
	f.faceted(rt, want, func(limit int) (*store.Facets, error) { return f.c.DeliveryFacets(ctx, of, limit) })
}

// inOrder returns the deliveries of a list with this order, in order.
func inOrder(o store.DeliveryOrder, list []*webhook.Delivery) []*webhook.Delivery {
	at := func(d *webhook.Delivery) *time.Time {
		return map[store.DeliveryTime]*time.Time{store.CreatedAt: &d.CreatedAt, store.CompletedAt: d.CompletedAt, store.NextAttemptAt: d.NextAttemptAt}[o.By]
	}
	list = kept(list, func(d *webhook.Delivery) bool { return at(d) != nil })
	slices.SortFunc(list, func(a, b *webhook.Delivery) int {
		c := stdcmp.Compare(a.Seq, b.Seq)
		if o.By != store.CreatedAt {
			c = stdcmp.Or(at(a).Compare(*at(b)), c)
		}
		if o.Ascending {
			return c
		}
		return -c
	})
	return list
}

func kept[T any](list []*T, keeps func(*T) bool) []*T {
	return slices.DeleteFunc(slices.Clone(list), func(row *T) bool { return !keeps(row) })
}

// paged compares a list, read page by page forwards or backwards, with the expected rows.
func paged[T any, R interface {
	*T
	Position() int64
}](t *rapid.T, want []*T, list func(p store.Page) (*store.List[T], error)) {
	back := rapid.Bool().Draw(t, "backwards")
	var got []*T
	p := store.Page{}
	for pages := 0; ; pages++ {
		size := rapid.IntRange(3, 30).Draw(t, "size")
		if p.First, p.Last = size, 0; back {
			p.First, p.Last = 0, size
		}
		l, err := list(p)
		if err != nil || pages > 500 {
			t.Fatalf("page %d: %v", pages, err)
		}
		if len(l.Items) < size && l.HasNext && !back && l.SearchedTo == nil {
			t.Fatalf("page %+v is short, and does not say how far it was searched", p)
		}
		if back {
			got = append(slices.Clone(l.Items), got...)
			if p.Before, p.BeforeAt = l.Start, l.StartAt; !l.HasPrev {
				break
			}
		} else {
			got = append(got, l.Items...)
			if p.After, p.AfterAt = l.End, l.EndAt; !l.HasNext {
				break
			}
		}
	}
	var seqs, wanted []int64
	for _, row := range got {
		seqs = append(seqs, R(row).Position())
	}
	for _, row := range want {
		wanted = append(wanted, R(row).Position())
	}
	if !slices.Equal(seqs, wanted) {
		t.Fatalf("got %v, want %v", seqs, wanted)
	}
}

// countedAs compares a count with the expected number, of which AtLeast is a lower bound.
func countedAs(t *rapid.T, want int, count func(limit int) (store.Count, error)) {
	limit := rapid.SampledFrom([]int{0, 1, 5, 100}).Draw(t, "limit")
	n, err := count(limit)
	if err != nil || n.N > want || n.N > limit && limit > 0 || n.N < want && !n.AtLeast || limit == 0 && n.N != want {
		t.Fatalf("counted %+v to %d of %d: %v", n, limit, want, err)
	}
}

// faceted compares facets with those of the rows.
func (f *filtered) faceted(t *rapid.T, want []*webhook.Delivery, facets func(limit int) (*store.Facets, error)) {
	limit := rapid.SampledFrom([]int{1, 5, 100}).Draw(t, "limit of facets")
	got, err := facets(limit)
	if err != nil {
		t.Fatal(err)
	}
	all := [3]map[string]int{{}, {}, {}}
	for _, d := range want {
		all[0][string(d.Status)]++
		all[1][f.event(d.EventID).Type]++
		if last := f.last[d.ID]; last != nil && last.Error != nil {
			all[2][string(*last.Error)]++
		}
	}
	total := 0
	for i, list := range [][]store.Facet{got.Statuses, got.EventTypes, got.Errors} {
		told := map[string]int{}
		for _, one := range list {
			told[one.Value] = one.N
			if i == 0 {
				total += one.N
			}
			if one.N > all[i][one.Value] {
				t.Fatalf("facets %+v, of %v", got, all)
			}
		}
		if !got.AtLeast && !cmp.Equal(told, all[i]) {
			t.Fatalf("facets %+v, want %v", got, all)
		}
	}
	if total > limit || total < min(limit, len(want)) && !got.AtLeast {
		t.Fatalf("%d facets of %d, to %d", total, len(want), limit)
	}
}

// Webhooks are found by a part of their URL, description or external id, with ASCII letters in either case, by the reason why they are disabled,
// and by whether they fail.
func TestWebhookFilters(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		names := map[webhook.ID]string{}
		add := func(name string, n webhook.New) *webhook.Webhook {
			w := register(t, c, n)
			names[w.ID] = name
			register(t, other, n)
			return w
		}
		add("url", webhook.New{URL: "https://example.com/Find_Me", Enabled: true})
		add("description", webhook.New{Description: "please FIND_me, É", Enabled: true})
		add("external", webhook.New{ExternalID: new("x-find_me"), Enabled: true})
		add("none", webhook.New{Description: "find-me 50%", Enabled: false})
		gone := add("gone", webhook.New{Enabled: true, RetryScheduleMs: []int{}})
		failing := add("failing", webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{})
		for w, status := range map[*webhook.Webhook]int{gone: 410, failing: 500} {
			claims, _ := claim(t, s, w.ID, 1)
			record(t, s, claims[0], status, func(r *store.Result) { r.Gone = status == 410 })
		}
		manual, disabledGone := webhook.DisabledManual, webhook.DisabledGone
		for name, one := range map[string]struct {
			filter store.WebhookFilter
			want   string
		}{
			"text":            {store.WebhookFilter{Text: new("find_me")}, "description external url"},
			"part of text":    {store.WebhookFilter{Text: new("%")}, "none"},
			"no text":         {store.WebhookFilter{Text: new("find__me")}, ""},
			"not text at all": {store.WebhookFilter{Text: new("\xff")}, ""},
			"url":             {store.WebhookFilter{URL: new("FIND")}, "url"},
			"manual":          {store.WebhookFilter{DisabledReason: &manual}, "none"},
			"gone":            {store.WebhookFilter{DisabledReason: &disabledGone}, "gone"},
			"failing":         {store.WebhookFilter{Failing: new(true), Enabled: new(true)}, "failing"},
			"not failing":     {store.WebhookFilter{Failing: new(false), Enabled: new(true)}, "description external url"},
		} {
			var got []string
			for _, w := range storetest.RowsOf[webhook.Webhook](t)(c.Webhooks(t.Context(), one.filter, store.Page{First: 100})) {
				got = append(got, names[w.ID])
			}
			if slices.Sort(got); strings.Join(got, " ") != one.want {
				t.Errorf("%s: %q, want %q", name, got, one.want)
			}
		}
	})
}
