package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const paid = `{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number", "minimum": 0.01}}}`

// put declares an event type.
func put(t testing.TB, c *store.Scope, name, schema string, v webhook.SchemaValidation) *webhook.EventType {
	t.Helper()
	p := webhook.EventTypePatch{Description: webhook.Some("About " + name)}
	if schema != "" {
		p.Schema, p.Validation = webhook.Some([]byte(schema)), webhook.Some(v)
	}
	y, _, err := c.PutEventType(t.Context(), name, p)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func paying(amounts ...string) (events []webhook.NewEvent) {
	for _, a := range amounts {
		events = append(events, webhook.NewEvent{Type: "order.paid", Data: json.RawMessage(`{"amount":` + a + `}`)})
	}
	return events
}

// REJECT refuses the events that break the schema, and says where and which rule; the others of the call are stored. WARN stores all of them.
// Either way the type tells what was wrong. Other tenants' events of the same type are not checked.
func TestValidation(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		put(t, c, "order.paid", paid, webhook.ValidationReject)
		results, err := c.Publish(t.Context(), paying("0.01", "0.001", `"secret"`, "5"))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{
			"", "events.1.data: /amount must be at least 0.01 (rule /properties/amount/minimum of the type's schema)",
			"events.2.data: /amount must be of type number, and is of type string (rule /properties/amount/type of the type's schema)", "",
		} {
			if err := results[i].Err; (err == nil) != (want == "") || err != nil && err.Error() != want {
				t.Errorf("event %d: got %v, want %q", i, err, want)
			}
			if (results[i].Event == nil) != (want != "") {
				t.Errorf("event %d is stored: %t", i, results[i].Event != nil)
			}
		}
		y, err := c.EventType(t.Context(), "order.paid")
		if err != nil || y.ViolatedAt == nil || *y.Violation != "data/amount must be at least 0.01 (rule /properties/amount/minimum of the type's schema)" {
			t.Errorf("the type tells %+v, %v", y, err)
		}
		put(t, c, "order.paid", paid, webhook.ValidationWarn)
		for of, scope := range map[string]*store.Scope{"with WARN": c, "of another tenant": other} {
			if results, err := scope.Publish(t.Context(), paying("-1")); err != nil || results[0].Event == nil {
				t.Errorf("an event %s is not stored: %v %v", of, results, err)
			}
		}
	})
}

// A publisher that repeats an event, because it got no answer, gets the event that is stored, also when the schema has become stricter since. Other
// content with the key, and a new event, are refused. The repeat is no violation.
func TestRepeatAfterStricterSchema(t *testing.T) {
	each(t, func(t *suite) {
		c := tenant(t, t.Open(t, store.Options{}), "a")
		event := webhook.NewEvent{Type: "order.paid", Data: json.RawMessage(`{"amount":-1}`), IdempotencyKey: "k"}
		first := publish(t, c, event)[0]
		put(t, c, "order.paid", paid, webhook.ValidationReject)
		results, err := c.Publish(t.Context(), []webhook.NewEvent{event})
		if err != nil || results[0].Err != nil || !results[0].Duplicate || results[0].Event.ID != first.Event.ID {
			t.Errorf("the repeat: %+v %v", results, err)
		}
		if y, err := c.EventType(t.Context(), "order.paid"); err != nil || y.ViolatedAt != nil {
			t.Errorf("the type has a violation: %+v %v", y, err)
		}
		other, fresh := event, event
		other.Data, fresh.IdempotencyKey = json.RawMessage(`{"amount":-2}`), "l"
		results, err = c.Publish(t.Context(), []webhook.NewEvent{other, fresh})
		if err != nil || results[0].Err == nil || results[1].Err == nil {
			t.Errorf("other content, and a new event: %+v %v", results, err)
		}
	})
}

// Names of members, in the data and in the schema, may be any text: an event whose violation names them is stored with WARN, and the type tells it.
func TestViolationsWithAnyNames(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		for i, tc := range []struct{ schema, data, want string }{
			{`{"additionalProperties": false}`, `{"a\u0000\ud800\n": 1}`, "data/a\ufffd\ufffd\ufffd is a member that"},
			{`{"properties": {"b\u0000": {"type": "string"}}}`, `{"b\u0000": 1}`, "data/b\ufffd must be of type string"},
			{`{"additionalProperties": {"additionalProperties": {"type": "string"}}}`, `{"` + strings.Repeat("x", 9000) + `": {"` + strings.Repeat("y", 9000) + `": 1}}`, "data/xxx"},
		} {
			name := fmt.Sprint("type.n", i)
			put(t, c, name, tc.schema, webhook.ValidationWarn)
			publish(t, c, webhook.NewEvent{Type: name, Data: json.RawMessage(tc.data)})
			y, err := c.EventType(t.Context(), name)
			if err != nil || y.Violation == nil || !strings.HasPrefix(*y.Violation, tc.want) || len(*y.Violation) > 2000 {
				t.Errorf("%s: %+v, %v", tc.data[:10], y, err)
			}
		}
	})
}

// A changed or deleted declaration takes effect for the next call of this server. What changes the schema forgets what the old one told.
func TestChangedEventType(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		stored := func(want bool) {
			t.Helper()
			results, err := c.Publish(t.Context(), paying("-1"))
			if err != nil || (results[0].Err == nil) != want {
				t.Errorf("stored: %v %v, want %t", results[0].Err, err, want)
			}
		}
		first := put(t, c, "order.paid", paid, webhook.ValidationReject)
		stored(false)
		changed := put(t, c, "order.paid", `{"type": "object"}`, webhook.ValidationReject)
		if changed.ID != first.ID || changed.ViolatedAt != nil || !changed.UpdatedAt.After(first.UpdatedAt) {
			t.Errorf("%+v after %+v", changed, first)
		}
		stored(true)
		put(t, c, "order.paid", `false`, webhook.ValidationReject)
		stored(false)
		if y, _, err := c.PutEventType(t.Context(), "order.paid", webhook.EventTypePatch{Validation: webhook.Some(webhook.ValidationOff)}); err != nil || *y.Schema != "false" {
			t.Errorf("%+v, %v", y, err)
		}
		stored(true)
		put(t, c, "order.paid", `false`, webhook.ValidationReject)
		if _, err := c.DeleteEventType(t.Context(), "order.paid"); err != nil {
			t.Fatal(err)
		}
		stored(true)
		if _, err := c.DeleteEventType(t.Context(), "order.paid"); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
		if y, err := c.EventType(t.Context(), "order.paid"); err != nil || y == nil || y.Declared() || y.ID != first.ID || y.LastPublishedAt == nil {
			t.Errorf("once seen, it is still listed: %+v, %v", y, err)
		}
	})
}

// What is wrong with a declaration is told by field, and nothing is stored.
func TestRefusedEventTypes(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		text := func(s string) webhook.Opt[[]byte] { return webhook.Some([]byte(s)) }
		for want, tc := range map[string]struct {
			name  string
			patch webhook.EventTypePatch
		}{
			"name: must be words of":                  {"a b", webhook.EventTypePatch{}},
			"name: must not begin with hookgraph.":    {"hookgraph.test", webhook.EventTypePatch{}},
			"description: must be at most 4096 bytes": {"a", webhook.EventTypePatch{Description: webhook.Some(strings.Repeat("x", 4097))}},
			"schema: at /properties/a/type: is not":   {"a", webhook.EventTypePatch{Schema: text(`{"properties": {"a": {"type": 1}}}`)}},
			"schema: must be JSON":                    {"a", webhook.EventTypePatch{Schema: text(`{`)}},
			"example: /a must be of type string":      {"a", webhook.EventTypePatch{Schema: text(`{"properties": {"a": {"type": "string"}}}`), Example: text(`{"a": 1}`)}},
			"validation: must be OFF for an":          {"a", webhook.EventTypePatch{Validation: webhook.Some(webhook.ValidationReject)}},
			"example: must be at most 65536 bytes":    {"a", webhook.EventTypePatch{Example: text(`"` + strings.Repeat("x", 65_536) + `"`)}},
			"schema: must be nested at most 100 deep": {"a", webhook.EventTypePatch{Schema: text(strings.Repeat("[", 101) + strings.Repeat("]", 101))}},
		} {
			if _, _, err := c.PutEventType(t.Context(), tc.name, tc.patch); err == nil || !strings.Contains(err.Error(), want) || len(webhook.Invalids(err)) == 0 {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		if n, err := c.CountEventTypes(t.Context(), store.EventTypeFilter{}); n != 0 || err != nil {
			t.Errorf("%d are stored, %v", n, err)
		}
	})
}

// A tenant declares at most webhook.MaxEventTypes types; at the quota it can still change and delete them.
func TestEventTypeQuota(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		must(t, s.FillEventTypes(t.Context(), c, webhook.MaxEventTypes))
		_, _, err := c.PutEventType(t.Context(), "one.more", webhook.EventTypePatch{})
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeQuota {
			t.Errorf("one more: %v", err)
		}
		put(t, c, "type.n0", `true`, webhook.ValidationWarn)
		if _, err := c.DeleteEventType(t.Context(), "type.n1"); err != nil {
			t.Error(err)
		}
		put(t, c, "one.more", "", "")
	})
}

// The list has declared and published types in the order of their names, whole in pages of any size and from either end.
func TestEventTypePages(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		for _, name := range []string{"b.declared", "d.declared", "f.both"} {
			put(t, c, name, "", "")
		}
		publish(t, c, webhook.NewEvent{Type: "f.both"}, webhook.NewEvent{Type: "a.seen"}, webhook.NewEvent{Type: "C.seen"})
		const want = "C.seen false true,a.seen false true,b.declared true false,d.declared true false,f.both true true,"
		for _, size := range []int{1, 2, 5, 100} {
			forth, back := "", ""
			for p := (store.Page{First: size}); ; {
				l, err := c.EventTypePage(t.Context(), store.EventTypeFilter{}, p)
				if err != nil {
					t.Fatal(err)
				}
				for _, y := range l.Items {
					forth += fmt.Sprint(y.Name, " ", y.Declared(), " ", y.LastPublishedAt != nil, ",")
				}
				if p.After, p.AfterAt = l.End, l.EndAt; !l.HasNext {
					break
				}
			}
			for p := (store.Page{Last: size}); ; {
				l, err := c.EventTypePage(t.Context(), store.EventTypeFilter{}, p)
				if err != nil {
					t.Fatal(err)
				}
				page := ""
				for _, y := range l.Items {
					page += fmt.Sprint(y.Name, " ", y.Declared(), " ", y.LastPublishedAt != nil, ",")
				}
				back = page + back
				if p.Before, p.BeforeAt = l.Start, l.StartAt; !l.HasPrev {
					break
				}
			}
			if forth != want || back != want {
				t.Errorf("pages of %d: got %s and %s", size, forth, back)
			}
		}
	})
}

// A filter keeps types whose name contains a text, whatever its case; cursors are places in the whole list.
func TestEventTypeFilter(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		for _, name := range []string{"a.one", "b.ONE", "b.two", "c.one"} {
			put(t, c, name, "", "")
		}
		f := store.EventTypeFilter{Name: new("One")}
		read := func(f store.EventTypeFilter, p store.Page) (*store.List[webhook.EventType], string) {
			t.Helper()
			l, err := c.EventTypePage(t.Context(), f, p)
			must(t, err)
			names := ""
			for _, y := range l.Items {
				names += y.Name + " "
			}
			return l, fmt.Sprint(names, l.HasPrev, " ", l.HasNext)
		}
		first, got := read(f, store.Page{First: 2})
		if got != "a.one b.ONE false true" {
			t.Errorf("the first page: %s", got)
		}
		if _, got = read(f, store.Page{First: 2, After: first.End, AfterAt: first.EndAt}); got != "c.one true false" {
			t.Errorf("the next page: %s", got)
		}
		third, _ := read(store.EventTypeFilter{Name: new("two")}, store.Page{First: 1})
		if _, got = read(f, store.Page{Last: 1, Before: third.Start, BeforeAt: third.StartAt}); got != "b.ONE true true" {
			t.Errorf("before a type that is not in the list: %s", got)
		}
		if _, got = read(store.EventTypeFilter{Name: new("b.")}, store.Page{First: 1, After: third.End, AfterAt: third.EndAt}); got != "true false" {
			t.Errorf("after the last: %s", got)
		}
		if n, err := c.CountEventTypes(t.Context(), f); n != 3 || err != nil {
			t.Errorf("%d are counted, %v", n, err)
		}
	})
}

// The webhooks of a type are those that its events go to, whatever their filters, the newest first, page by page from either end; disabled ones are
// among them, deleted ones and other tenants' are not.
func TestSubscribers(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, tenant(t, s, "b"), webhook.New{Enabled: true})
		var want []webhook.ID
		for _, n := range []webhook.New{
			{Enabled: true}, {Events: []string{"a.*"}}, {Enabled: true, Events: []string{"a.b", "*"}}, {Enabled: true, Filter: []byte(`{"data":{"x":1}}`)}, {Enabled: true, Events: []string{"a.b"}},
		} {
			want = append(want, register(t, c, n).ID)
			register(t, c, webhook.New{Enabled: true, Events: []string{"b.*"}})
		}
		gone := register(t, c, webhook.New{Enabled: true})
		must(t, c.DeleteWebhook(t.Context(), gone.ID))
		slices.Reverse(want)
		types := []*webhook.EventType{put(t, c, "a.b", "", ""), put(t, c, "b.none", "", "")}
		read := func(p store.Page) *store.List[webhook.Webhook] {
			t.Helper()
			pages, err := c.Subscribers(t.Context(), types, p)
			must(t, err)
			if n := len(pages); n != 2 {
				t.Fatalf("%d types", n)
			}
			return pages[types[0].ID]
		}
		ids := func(l *store.List[webhook.Webhook]) (ids []webhook.ID) {
			for _, w := range l.Items {
				ids = append(ids, w.ID)
			}
			return ids
		}
		for _, size := range []int{1, 2, 5, 100} {
			var forth, back []webhook.ID
			for p := (store.Page{First: size}); ; {
				l := read(p)
				forth = append(forth, ids(l)...)
				if l.HasPrev != (p.After != 0) {
					t.Errorf("a page after %d has one before it: %v", p.After, l.HasPrev)
				}
				if p.After = l.End; !l.HasNext {
					break
				}
			}
			for p := (store.Page{Last: size}); ; {
				l := read(p)
				back = append(ids(l), back...)
				if p.Before = l.Start; !l.HasPrev {
					break
				}
			}
			if !slices.Equal(forth, want) || !slices.Equal(back, want) {
				t.Errorf("pages of %d: %v and %v, want %v", size, forth, back, want)
			}
		}
		if n := c.Wanting("a.b"); n != len(want) {
			t.Errorf("%d are counted", n)
		}
		end := read(store.Page{First: 1, After: read(store.Page{First: 100}).End})
		if len(end.Items) != 0 || end.HasNext || !end.HasPrev || end.Start == 0 || end.End != end.Start {
			t.Errorf("after the last: %+v", end)
		}
	})
}

// A test sends a type's example to one webhook, whatever it subscribes to. It is not counted as published, makes no type known, and no other webhook
// gets it later. It is attempted once, also when somebody retries it.
func TestExampleOfType(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, Events: []string{"other.*"}, Filter: []byte(`{"data":{"x":1}}`)})
		for _, name := range []string{"a.none", "a.theirs"} {
			if _, err := c.TestWebhook(t.Context(), w.ID, &name); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Code != webhook.CodeNotFound || webhook.Invalids(err)[0].Field != "eventType" {
				t.Errorf("%s, which is not declared: %v", name, err)
			}
			put(t, tenant(t, s, "b"), "a.theirs", "", "")
		}
		put(t, c, "a.bare", "", "")
		for _, name := range []string{"a.bare", "hookgraph.test", "a b"} {
			if _, err := c.TestWebhook(t.Context(), w.ID, &name); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Field != "eventType" {
				t.Errorf("%s, which has no example: %v", name, err)
			}
		}
		_, _, err := c.PutEventType(t.Context(), "a.b", webhook.EventTypePatch{Example: webhook.Some([]byte(`{"n": 1.50}`))})
		must(t, err)
		d, err := c.TestWebhook(t.Context(), w.ID, new("a.b"))
		must(t, err)
		events, err := c.EventsByID(t.Context(), []webhook.ID{d.EventID})
		must(t, err)
		if e := events[d.EventID]; e == nil || e.Type != "a.b" || string(e.Data) != `{"n":1.50}` || !e.Test || d.WebhookID != w.ID {
			t.Errorf("the event is %+v", e)
		}
		for range 2 { // the second time it is retried
			recordAll(t, s, []*webhook.Webhook{w}, 500)
			found, err := c.DeliveriesByID(t.Context(), []webhook.ID{d.ID})
			must(t, err)
			if is := found[d.ID]; is.Status != webhook.DeliveryFailed || is.CompletedAt == nil {
				t.Errorf("after an attempt that failed it is %s", is.Status)
			}
			_, err = c.RetryDelivery(t.Context(), d.ID)
			must(t, err)
		}
		later := register(t, c, webhook.New{Enabled: true})
		preview, err := c.PreviewReplay(t.Context(), &store.ReplayInput{Kind: webhook.ReplayMissing, Filter: store.DeliveryFilter{WebhookIDs: []webhook.ID{later.ID}}})
		must(t, err)
		if preview.N != 0 {
			t.Errorf("%d tests are missing to another webhook", preview.N)
		}
		totals, _, err := c.Stats(store.TimeRange{}, store.StatsFilter{}).Totals(t.Context())
		must(t, err)
		if n := totals.Get(stats.Events); n != 0 {
			t.Errorf("%d tests are counted as published", n)
		}
		_, err = c.DeleteEventType(t.Context(), "a.b")
		must(t, err)
		if y, err := c.EventType(t.Context(), "a.b"); y != nil || err != nil {
			t.Errorf("a test makes a type known: %v %v", y, err)
		}
	})
}

// Publishing takes the same statements, and no more memory, whether the tenant has declared other types or not.
func TestUndeclaredTypesCostNothing(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		plain, declares := tenant(t, s, "a"), tenant(t, s, "b")
		put(t, declares, "order.paid", paid, webhook.ValidationReject)
		publish(t, plain, webhook.NewEvent{Type: "x.y"})
		publish(t, declares, webhook.NewEvent{Type: "x.y"})
		writes := func(c *store.Scope) string {
			must(t, s.Flush(t.Context()))
			taken := s.CountWrites()
			publish(t, c, webhook.NewEvent{Type: "x.y"})
			return strings.Join(taken(), "\n")
		}
		if a, b := writes(plain), writes(declares); a != b {
			t.Errorf("without types:\n%s\nwith types:\n%s", a, b)
		}
		e := webhook.NewEvent{Type: "x.y", Data: json.RawMessage("1")}
		if n := testing.AllocsPerRun(100, func() {
			if err := declares.Conforms(t.Context(), &e); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("an event of another type costs %v allocations", n)
		}
	})
}

// Every replica applies a declaration that another has changed or deleted, and forgets those of a deleted tenant.
func TestReplicasSeeEventTypes(t *testing.T) {
	url := webhooktest.Postgres(t)
	one, two := node(t, url), node(t, url)
	c := tenant(t, one, "a")
	there := two.In(c.Tenant())
	refused := func() bool {
		results, err := there.Publish(t.Context(), paying("-1"))
		return err == nil && results[0].Err != nil
	}
	put(t, c, "order.paid", paid, webhook.ValidationReject)
	webhooktest.Eventually(t, "the other replica checks events", refused)
	put(t, c, "order.paid", `true`, webhook.ValidationReject)
	webhooktest.Eventually(t, "the other replica knows the change", func() bool { return !refused() })
	put(t, c, "order.paid", `false`, webhook.ValidationReject)
	webhooktest.Eventually(t, "the other replica checks events again", refused)
	if _, err := c.DeleteEventType(t.Context(), "order.paid"); err != nil {
		t.Fatal(err)
	}
	webhooktest.Eventually(t, "the other replica knows the deletion", func() bool { return !refused() })
	put(t, c, "order.paid", `false`, webhook.ValidationReject)
	webhooktest.Eventually(t, "the other replica checks events once more", func() bool { return two.Checks(c.Tenant()) })
	if err := one.Registry(nil).DeleteTenant(t.Context(), c.Tenant()); err != nil {
		t.Fatal(err)
	}
	webhooktest.Eventually(t, "the other replica forgets the tenant", func() bool { return !two.Checks(c.Tenant()) })
	if one.Checks(c.Tenant()) {
		t.Error("this replica keeps the types of a deleted tenant")
	}
}

// A schema is compiled before the transaction, so that no tenant's schema makes others wait: a bad one is refused while the writer is busy.
func TestSchemasAreCompiledOutsideTransactions(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		release := s.Hold(t)
		defer release()
		_, _, err := c.PutEventType(t.Context(), "order.paid", webhook.EventTypePatch{Schema: webhook.Some([]byte(`{"type": 1}`))})
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Field != "schema" {
			t.Errorf("got %v", err)
		}
	})
}

// Changes of different settings at the same time are all kept.
func TestEventTypeChangesAtOnce(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		var changing sync.WaitGroup
		for _, p := range []webhook.EventTypePatch{
			{Description: webhook.Some("text")}, {Schema: webhook.Some([]byte(`true`))}, {Example: webhook.Some([]byte(`1`))}, {Deprecated: webhook.Some(true)},
		} {
			changing.Go(func() {
				if _, _, err := c.PutEventType(t.Context(), "order.paid", p); err != nil {
					t.Error(err)
				}
			})
		}
		changing.Wait()
		y, err := c.EventType(t.Context(), "order.paid")
		if err != nil || y.Description != "text" || y.Schema == nil || y.Example == nil || y.DeprecatedAt == nil {
			t.Errorf("%+v, %v", y, err)
		}
	})
}

// An import stores all types or none, keeps the tenant's bounds as they will be after it, and takes effect for publishers at once.
func TestImportEventTypes(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		must(t, s.FillEventTypes(t.Context(), c, webhook.MaxEventTypes))
		more := []webhook.Declaration{{Name: "order.paid", Schema: []byte(`{"type":"object"}`), Validation: webhook.ValidationReject}, {Name: "type.n1", Description: "kept"}}
		_, err := c.ImportEventTypes(t.Context(), more, false, false)
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeQuota {
			t.Errorf("one more than a tenant may have: %v", err)
		}
		if y, err := c.EventType(t.Context(), "type.n1"); err != nil || y.Description == "kept" {
			t.Errorf("a refused import changes %+v %v", y, err)
		}
		found, err := c.ImportEventTypes(t.Context(), more, true, false)
		if err != nil || len(found.Changes) != webhook.MaxEventTypes+1 || found.Unchanged != 0 {
			t.Fatalf("%d changes %v", len(found.Changes), err)
		}
		all, err := c.DeclaredEventTypes(t.Context())
		if err != nil || len(all) != 2 || all[0].Name != "order.paid" || all[1].Description != "kept" {
			t.Errorf("declared: %v %v", all, err)
		}
		done, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "order.paid", Data: []byte("1")}})
		if err != nil || done[0].Err == nil {
			t.Errorf("an event that breaks the imported schema: %v %v", done, err)
		}
		big := []byte(`{"enum":["` + strings.Repeat("x", 60<<10) + `"]}`)
		var large []webhook.Declaration
		for i := range 40 {
			large = append(large, webhook.Declaration{Name: fmt.Sprint("large.n", i), Schema: big})
		}
		_, err = c.ImportEventTypes(t.Context(), large, true, true)
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeQuota {
			t.Errorf("schemas that are too long together: %v", err)
		}
	})
}
