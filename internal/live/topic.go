package live

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// topic is one filter of a tenant, and its watchers. They share what is read and decided for it. The mutex of its audience guards it,
// except fields that never change.
type topic struct {
	tenant   webhook.ID
	key      string // the filter as text
	filter   store.DeliveryFilter
	statuses store.Statuses // 0: all
	data     *filter.Filter
	ofLast   bool // it has conditions on the last attempt
	ofEvent  bool // it has conditions on the event

	watchers []*ChangeWatcher
	budget   *rate.Limiter       // of changes
	next     time.Time           // before then the watchers are not told to fetch again
	again    bool                // they are to fetch everything again,
	webhooks map[webhook.ID]bool // or the deliveries of these webhooks
}

func newTopic(tenant webhook.ID, key string, f store.DeliveryFilter, pace Pace) (*topic, error) {
	t := &topic{
		tenant: tenant, key: key, filter: f, statuses: store.ShownStatuses(f.Statuses), budget: limiter(pace.Filter),
		ofLast: len(f.Errors)+len(f.HTTPStatuses) > 0, ofEvent: len(f.Tags)+len(f.Data) > 0,
	}
	if len(f.Data) > 0 {
		var err error
		if t.data, err = filter.CompileData("filter.data", f.Data); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// webhookIDs returns the webhooks that the filter names; the zero id if it names none.
func (t *topic) webhookIDs() []webhook.ID {
	if len(t.filter.WebhookIDs) == 0 {
		return []webhook.ID{{}}
	}
	return t.filter.WebhookIDs
}

// may reports whether the changes may matter to watchers, as far as is known without reading the delivery.
func (t *topic) may(s *seen) bool {
	f := &t.filter
	return in(f.WebhookIDs, s.Webhook) && in(f.EventIDs, s.Event) && ofTypes(f.EventTypes, s.EventType) &&
		(t.statuses == 0 || t.statuses&(s.Was|s.Is) != 0) &&
		(!t.ofLast || s.newest == nil || s.Attempt.Number > 1 || t.last(s.newest))
}

// fixed reports whether the delivery meets the conditions on fields that never change, except those of its event.
func (t *topic) fixed(s *seen, d *webhook.Delivery) bool {
	f := &t.filter
	return of(t.tenant, d.TenantID) && in(f.WebhookIDs, d.WebhookID) && in(f.EventIDs, d.EventID) && ofTypes(f.EventTypes, s.EventType) &&
		within(f.CreatedAt, &d.CreatedAt)
}

// event reports whether the event meets the conditions on it.
func (t *topic) event(e *webhook.Event) bool {
	f := &t.filter
	return (len(f.Tags) == 0 || slices.ContainsFunc(e.Tags, func(tag string) bool { return slices.Contains(f.Tags, tag) })) &&
		(t.data == nil || t.data.Match(e.Type, e.Tags, e.Data))
}

// last reports whether the last attempt of a delivery, nil if it has none, meets the conditions on it.
func (t *topic) last(a *webhook.Attempt) bool {
	f := &t.filter
	return !t.ofLast || a != nil && (len(f.Errors) == 0 || a.Error != nil && in(f.Errors, *a.Error)) && answered(f.HTTPStatuses, a.ResponseStatus)
}

// now reports whether the delivery meets the conditions on fields that change.
func (t *topic) now(d *webhook.Delivery, last *webhook.Attempt) bool {
	f := &t.filter
	return in(f.Statuses, d.Status) && within(f.CompletedAt, d.CompletedAt) && within(f.NextAttemptAt, d.NextAttemptAt) && t.last(last)
}

// before reports whether the delivery may have met the conditions before the changes.
func (t *topic) before(s *seen, last *webhook.Attempt) bool {
	switch {
	case s.Was == 0: // it is new
		return false
	case t.statuses != 0 && t.statuses&s.Was == 0:
		return false
	case t.ofLast && s.Attempt == nil: // its last attempt is the same
		return t.last(last)
	case t.ofLast && s.Attempt.Number == 1:
		return false
	}
	completed := s.Was &^ store.ShownStatuses([]webhook.DeliveryStatus{webhook.Pending, webhook.Held})
	return t.filter.CompletedAt == (store.TimeRange{}) || completed != 0
}

// refetch notes that watchers must fetch again: the webhook's deliveries if the filter may match them, or everything for the zero id.
func (t *topic) refetch(hook webhook.ID) {
	switch {
	case hook == (webhook.ID{}):
		t.again, t.webhooks = true, nil
	case !t.again && in(t.filter.WebhookIDs, hook):
		if t.webhooks == nil {
			t.webhooks = map[webhook.ID]bool{}
		}
		if t.webhooks[hook] = true; len(t.webhooks) > maxResyncs {
			t.again, t.webhooks = true, nil
		}
	}
}

// tellAgain tells watchers to fetch again if they must and it is time. It returns the time at which to call it again; zero if they need not
// fetch. pause returns how long to wait after each watcher got a number of messages; where several take longer, one names no webhook.
func (t *topic) tellAgain(now time.Time, pause func(told int) time.Duration) time.Time {
	if !t.again && len(t.webhooks) == 0 {
		return time.Time{}
	}
	if now.Before(t.next) {
		return t.next
	}
	wait := pause(1)
	if t.again || pause(len(t.webhooks)) > wait {
		for _, w := range t.watchers {
			w.refetch()
		}
	} else {
		for hook := range t.webhooks {
			one := &DeliveryChange{Kind: Resync, WebhookID: &hook}
			for _, w := range t.watchers {
				w.offer(one)
			}
		}
	}
	t.again, t.webhooks, t.next = false, nil, now.Add(wait)
	return time.Time{}
}

// tell passes a delivery to watchers if it matches, or may have matched before.
func (t *topic) tell(s *seen, d *webhook.Delivery, last *webhook.Attempt, with *Together) {
	if !t.fixed(s, d) {
		return
	}
	matches := t.now(d, last)
	if !matches && !t.before(s, last) {
		return
	}
	change := &DeliveryChange{Kind: Changed, Delivery: d, Matches: &matches, With: with}
	for _, w := range t.watchers {
		w.offer(change)
	}
}

// limiter allows a number of events per second, and bursts of twice as many.
func limiter(each float64) *rate.Limiter { return rate.NewLimiter(rate.Limit(each), int(2*each)) }
