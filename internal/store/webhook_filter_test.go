package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// someFilters are sources of filters; "" is none.
var someFilters = []string{
	"", `{"type":"a.b"}`, `{"tags":"x"}`, `{"tags":{"$ne":"x"}}`, `{"data":{"n":{"$gte":2}}}`, `{"data":{"n":{"$in":[0,3]}},"tags":{"$contains":"y"}}`,
	`{"$or":[{"type":{"$startsWith":"b."}},{"data":{"list":{"k":1}}}]}`, `{"$not":{"data":{"n":1}}}`, `{"data":{"list":{"k":0},"n":{"$lt":3}}}`, `{"data":{"n":1}}`,
}

// receivedBy returns how many deliveries of the events the webhook has, by event.
func receivedBy(t *suite, c *store.Scope, w *webhook.Webhook) map[webhook.ID]int {
	t.Helper()
	got := map[webhook.ID]int{}
	list, err := c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{First: 100})
	must(t, err)
	for _, d := range list.Items {
		got[d.EventID]++
	}
	return got
}

// Each event goes to the webhooks that subscribe to its type and whose filter it matches, evaluated one by one, and to no others: at once, in
// pieces, after filters were changed, and after the store was opened again. A replay of kind MISSING makes what a later webhook's filter matches,
// and its preview counts the same.
func TestFiltersRoute(t *testing.T) {
	for _, above := range []int{1000, 2} {
		each(t, func(t *suite) { testFiltersRoute(t, above, rand.New(rand.NewPCG(1, uint64(above)))) })
	}
}

func testFiltersRoute(t *suite, above int, random *rand.Rand) {
	opts := store.Options{Tuning: fanOutAbove(above)}
	s := t.Open(t, opts)
	c := tenant(t, s, "a")
	var hooks []*webhook.Webhook
	for i := range 3 * len(someFilters) {
		n := webhook.New{Enabled: true, Filter: []byte(someFilters[i%len(someFilters)])}
		if i >= 2*len(someFilters) {
			n.Events = []string{"a.*"}
		}
		hooks = append(hooks, register(t, c, n))
	}
	want := map[webhook.ID]map[webhook.ID]int{}
	var all []*webhook.Event
	for round := range 3 {
		for range 5 {
			e := webhook.NewEvent{
				Type: []string{"a.b", "a.c", "b.c"}[random.IntN(3)], Tags: [][]string{nil, {"x"}, {"y", "x"}, {"zyz"}}[random.IntN(4)],
				Data: json.RawMessage(fmt.Sprintf(`{"n":%d,"list":[{"k":%d}]}`, random.IntN(4), random.IntN(2))),
			}
			stored := publish(t, c, e)[0].Event
			all = append(all, stored)
			for _, w := range hooks {
				if wanted(t, w, stored) {
					if want[w.ID] == nil {
						want[w.ID] = map[webhook.ID]int{}
					}
					want[w.ID][stored.ID] = 1
				}
			}
		}
		flush(t, s)
		for i, w := range hooks {
			if got := receivedBy(t, c, w); fmt.Sprint(got) != fmt.Sprint(want[w.ID]) {
				t.Errorf("above %d, round %d: webhook %d got %v, want %v", above, round, i, got, want[w.ID])
			}
		}
		if round == 0 {
			must(t, s.Close())
			s = t.Open(t, opts)
			c = tenant(t, s, "a")
			continue
		}
		for i, w := range hooks {
			after, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Filter: webhook.Some([]byte(someFilters[random.IntN(len(someFilters))]))}, nil)
			must(t, err)
			hooks[i] = after
		}
	}
	later := register(t, c, webhook.New{Enabled: true, Filter: []byte(`{"tags":"x","data":{"n":{"$gte":2}}}`)})
	n := 0
	for _, e := range all {
		if wanted(t, later, e) {
			n++
		}
	}
	if n == 0 || n == len(all) {
		t.Fatalf("%d of %d events match", n, len(all))
	}
	in := missing(later, store.DeliveryFilter{})
	preview, err := c.PreviewReplay(t.Context(), &in)
	must(t, err)
	if preview.N != n {
		t.Errorf("the preview counts %d, want %d", preview.N, n)
	}
	r := &replaying{Scope: c, s: s}
	made := r.create(t, in)
	r.is(t, made.ID, func(is *webhook.Replay) bool { return is.Waiting() == n })
	if got := receivedBy(t, c, later); len(got) != n {
		t.Errorf("%d deliveries are made, want %d", len(got), n)
	}
}

// wanted is what routing should say.
func wanted(t *suite, w *webhook.Webhook, e *webhook.Event) bool {
	t.Helper()
	if w.Events != nil && !slices.ContainsFunc(w.Events, func(p string) bool { return webhook.MatchesType(p, e.Type) }) {
		return false
	}
	if w.Filter == nil {
		return true
	}
	f, err := filter.Compile("filter", []byte(*w.Filter))
	must(t, err)
	return f.Match(e.Type, e.Tags, e.Data)
}

// At most 100 webhooks of a tenant have a filter without an exact condition: removing one, and deleting such a webhook, makes room. What a filter's error says is there
// beside other errors, and a webhook that is created again with the same filter is the same one.
func TestFilterQuota(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		some := []byte(` {"tags": {"$ne": "x"}}`)
		create := func(n webhook.New) (*webhook.Webhook, error) {
			n.URL, n.Enabled = "https://example.com/hook", true
			w, _, err := c.CreateWebhook(t.Context(), n)
			return w, err
		}
		first := register(t, c, webhook.New{Enabled: true, Filter: some, ExternalID: new("1")})
		if first.Filter == nil || *first.Filter != `{"tags":{"$ne":"x"}}` {
			t.Errorf("the filter is %v", first.Filter)
		}
		plain := register(t, c, webhook.New{Enabled: true})
		for range 99 {
			register(t, c, webhook.New{Enabled: true, Filter: some})
		}
		refused := func(err error, want string) {
			t.Helper()
			bad := webhook.Invalids(err)
			got := ""
			for _, e := range bad {
				got += e.Field + " " + string(e.Code) + " "
			}
			if got != want {
				t.Errorf("the error is %v, want %s", err, want)
			}
		}
		set := func(w *webhook.Webhook, source []byte) error {
			_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Filter: webhook.Some(source)}, nil)
			return err
		}
		_, err := create(webhook.New{Filter: some})
		refused(err, "filter QUOTA ")
		refused(set(plain, some), "filter QUOTA ")
		must(t, set(first, []byte(`{"tags":{"$ne":"y"}}`))) // it has one
		must(t, set(first, some))
		again, err := create(webhook.New{Filter: []byte(`{"tags":{"$ne":"x" }}`), ExternalID: new("1")})
		if must(t, err); again.ID != first.ID {
			t.Error("the same webhook is created again")
		}
		_, err = create(webhook.New{Filter: []byte(`{"tags":{"$ne":"z"}}`), ExternalID: new("1")})
		must(t, err)
		must(t, set(first, []byte(`{"tags":"z"}`))) // which is found by its value, and makes room
		must(t, set(plain, some))
		refused(set(first, some), "filter QUOTA ")
		must(t, set(plain, []byte("null")))
		must(t, set(plain, some))
		must(t, c.DeleteWebhook(t.Context(), plain.ID))
		_, err = create(webhook.New{Filter: some})
		must(t, err)
		_, err = create(webhook.New{Filter: []byte(`{"data":{"a":{"$gt":null}}}`), RatePerSecond: new(0)})
		refused(err, "ratePerSecond OUT_OF_RANGE filter.data.a.$gt INVALID ")
	})
}

// Any number of webhooks may have a filter with an exact condition, up to as many for one value as an event may be matched with; further ones count
// among those without. Filters of a tenant have a length together. Both limits hold for webhooks that are created at the same time.
func TestGuardedFilterQuota(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		create := func(n int, source func(i int) string) (refused int) {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for i := range n {
				wg.Go(func() {
					_, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Filter: []byte(source(i))})
					if quota(err) {
						mu.Lock()
						refused++
						mu.Unlock()
					} else if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return refused
		}
		if n := create(210, func(int) string { return `{"data":{"status":"failed"}}` }); n != 10 {
			t.Errorf("%d of 210 filters with one value are refused, want 10", n)
		}
		if n := create(3, func(int) string { return `{"data":{"n":{"$gte":1}}}` }); n != 3 {
			t.Errorf("%d of 3 filters without an exact condition are refused beside as many as there may be", n)
		}
		if n := create(150, func(i int) string { return fmt.Sprintf(`{"data":{"customer":"c%d","n":{"$gte":1}}}`, i) }); n != 0 {
			t.Errorf("%d of 150 filters with values of their own are refused", n)
		}
		long := strings.Repeat("x", 8000)
		if n := create(540, func(i int) string { return fmt.Sprintf(`{"data":{"customer":"d%d","note":{"$ne":"%s"}}}`, i, long) }); n < 15 || n > 40 {
			t.Errorf("%d of 540 filters of 8 KB are refused", n)
		}
	})
}

// Publishing takes the same statements whether webhooks of the tenant have filters or not, also filters that are found by their values; and matching
// costs a tenant without filters nothing.
func TestFiltersCostNoStatements(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		plain, filtered := tenant(t, s, "a"), tenant(t, s, "b")
		register(t, plain, webhook.New{Enabled: true})
		register(t, filtered, webhook.New{Enabled: true, Filter: []byte(`{"data":{"n":1}}`)})
		for i := range 20 {
			register(t, filtered, webhook.New{Enabled: true, Filter: fmt.Appendf(nil, `{"data":{"n":%d}}`, 2+i)})
			register(t, filtered, webhook.New{Enabled: true, Filter: fmt.Appendf(nil, `{"data":{"n":{"$gt":%d}}}`, 1+i)})
		}
		e := webhook.NewEvent{Type: "x.y", Data: json.RawMessage(`{"n":1}`)}
		writes := func(c *store.Scope) string {
			publish(t, c, e)
			must(t, s.Flush(t.Context()))
			taken := s.CountWrites()
			publish(t, c, e)
			return strings.Join(taken(), "\n")
		}
		if a, b := writes(plain), writes(filtered); a != b {
			t.Errorf("without filters:\n%s\nwith filters:\n%s", a, b)
		}
		stored := &webhook.Event{TenantID: plain.Tenant(), Type: e.Type, Data: e.Data}
		if n := testing.AllocsPerRun(100, func() { s.Matched(stored) }); n != 0 {
			t.Errorf("an event of a tenant without filters costs %v allocations", n)
		}
		stored.TenantID = filtered.Tenant()
		if n := testing.AllocsPerRun(100, func() { s.Matched(stored) }); n > 20 {
			t.Errorf("matching an event allocates %v times", n)
		}
	})
}

// A publish that the tenant's quota refuses is not matched with filters: it costs as much with a hundred of them as without.
func TestRefusedEventsAreNotMatched(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Quotas: webhook.Quotas{Events: 1}})
		refused := func(name string, webhooks int) float64 {
			c := tenant(t, s, name)
			for range webhooks {
				register(t, c, webhook.New{Enabled: true, Filter: []byte(`{"data":{"n":1}}`)})
			}
			events := make([]webhook.NewEvent, 100)
			for i := range events {
				events[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`{"n":2}`)}
			}
			return testing.AllocsPerRun(10, func() {
				if _, err := c.Publish(t.Context(), events); !quota(err) {
					t.Errorf("not refused: %v", err)
				}
			})
		}
		// Matching one event allocates several times.
		if without, with := refused("a", 0), refused("b", 100); with > without+100 {
			t.Errorf("a refused call of 100 events allocates %v times with filters, %v without", with, without)
		}
	})
}

// A stored filter that the server does not accept does not prevent its start: the log names its webhook, which gets nothing until the filter is set
// again, also when something else is changed. Other webhooks are not affected.
func TestInvalidStoredFilter(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		broken := register(t, c, webhook.New{Enabled: true, Filter: []byte(`{"data":{"n":1}}`)})
		whole := register(t, c, webhook.New{Enabled: true})
		must(t, s.Exec(`UPDATE webhooks SET filter = '{"data":{"n":{"$almost":1}}}' WHERE seq = `+fmt.Sprint(broken.Seq)))
		must(t, s.Close())
		var log bytes.Buffer
		s = t.Open(t, store.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		c = tenant(t, s, "a")
		if !strings.Contains(log.String(), broken.ID.String()) || !strings.Contains(log.String(), "filter.data.n.$almost") || strings.Contains(log.String(), whole.ID.String()) {
			t.Errorf("the log says: %s", log.String())
		}
		gets := func(n int) {
			t.Helper()
			e := publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`{"n":1}`)})[0].Event
			if got := receivedBy(t, c, broken)[e.ID]; got != n || receivedBy(t, c, whole)[e.ID] != 1 {
				t.Errorf("the webhook got %d deliveries, want %d", got, n)
			}
		}
		gets(0)
		_, _, err := c.UpdateWebhook(t.Context(), broken.ID, webhook.Patch{Description: webhook.Some("x")}, nil)
		must(t, err)
		gets(0)
		tried, err := c.Try(t.Context(), store.Trial{WebhookID: &broken.ID, Event: &webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`{"n":1}`)}})
		must(t, err)
		if !strings.Contains(tried.Refusal, "is not valid") {
			t.Errorf("it is explained by %q", tried.Refusal)
		}
		_, _, err = c.UpdateWebhook(t.Context(), broken.ID, webhook.Patch{Filter: webhook.Some([]byte(`{"data":{"n":1}}`))}, nil)
		must(t, err)
		gets(1)
	})
}
