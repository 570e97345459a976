package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/eventtypes"
	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/ordering"
	"github.com/hookgraph/hookgraph/internal/store/turns"
	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Published is the result of one event of a Publish.
type Published struct {
	Event     *webhook.Event
	Duplicate bool  // the idempotency key was known, with the same content: Event is the one stored before
	Err       error // *webhook.Invalid (joined) or another expected error; Event is nil then and nothing was stored

	wanted *dialect.Wanted
}

// publishing is one caller's events in the writer.
type publishing struct {
	tenant webhook.ID
	events []*incoming
	span   *tracing.Span // nil: the call is not traced
	done   chan error    // buffered: the caller may have returned

	// Used only by the writer:
	next       int    // the first event that is not in a transaction yet
	slot       int    // the part in the batch being filled, from 1
	deliveries int    // of its events so far
	kind       string // of the event before, and
	matches    int    // how many webhooks subscribe to it
}

// part is the events of a call that one transaction writes. A large call takes several, with other callers' work in between.
type part struct {
	*publishing
	from, to int
}

// addEvents moves events of the call into the batch up to limit, and reports whether it has all of them now.
func (b *batch) addEvents(p *publishing, limit int) (all bool) {
	from := p.next
	for p.next < len(p.events) && b.cost < limit {
		b.cost += b.s.price(p, p.events[p.next])
		p.next++
	}
	b.events += p.next - from
	if n := p.slot; n > 0 && n <= len(b.publish) && b.publish[n-1].publishing == p {
		b.publish[n-1].to = p.next
	} else if p.next > from {
		b.publish = append(b.publish, part{p, from, p.next})
		p.slot = len(b.publish)
	}
	return p.next == len(p.events)
}

// price decides whether the event's deliveries are created later, and returns its cost.
func (s *Store) price(p *publishing, in *incoming) int {
	if in.cost > 0 {
		return in.cost // it was in a batch that is written again
	}
	if in.wanted == nil && in.event.Type != p.kind {
		p.kind = in.event.Type
		p.matches, _ = s.routes.Matches(p.tenant, p.kind)
	}
	in.cost = 1 + len(in.event.Data)/costBytes + (len(in.event.Tags)+2)/3 // a tag takes a third of the time of an event
	if in.key != "" {
		in.cost += costKey
	}
	n := p.matches
	if in.wanted != nil {
		n = len(in.wanted.By)
	}
	if n > s.tuning.FanOutAbove || n > s.tuning.NoteAbove && p.deliveries+n > s.tuning.CallDeliveries {
		in.later = true
		in.cost++
	} else {
		p.deliveries += n
		in.cost += n
	}
	return in.cost
}

// stored answers the caller when all of its events are in the database.
func (p part) stored() {
	if p.to == len(p.events) {
		p.done <- nil
	}
}

// refuse answers the caller of a part that could not be written. Earlier events stay stored, as their results say; later ones are
// not tried.
func (p part) refuse(err error) {
	p.next = len(p.events)
	if p.from == 0 {
		p.done <- err
		return
	}
	for _, in := range p.events[p.from:] {
		*in.result = Published{Err: err}
	}
	p.done <- nil
}

// incoming is a valid event that waits to be stored.
type incoming struct {
	event  webhook.Event
	key    string
	hash   []byte      // of the content, if there is a key
	only   *webhook.ID // the one webhook it goes to; nil: all that match
	wanted *dialect.Wanted
	result *Published // set again if the batch is written again
	later  bool       // its deliveries are created after the answer (fanout.go)
	cost   int        // to write it; 0: not known yet
}

// incoming returns a checked event as it is stored. It keeps e.
func (c *Scope) incoming(e *webhook.NewEvent, now time.Time, result *Published) *incoming {
	in := &incoming{
		event: webhook.Event{
			ID: webhook.NewID(now), TenantID: c.tenant, Type: e.Type, Timestamp: now, Data: e.Data, Tags: e.Tags, CreatedAt: now.UTC().Truncate(time.Microsecond),
			DeliverAt: micros(e.DeliverAt), ExpiresAt: micros(e.ExpiresAt),
		},
		key: e.IdempotencyKey, result: result,
	}
	if e.Timestamp != nil {
		in.event.Timestamp = *e.Timestamp
	}
	in.event.Timestamp = in.event.Timestamp.UTC().Truncate(time.Microsecond)
	if e.OrderingKey != "" {
		in.event.OrderingKey = &e.OrderingKey
	}
	if e.Traceparent != "" {
		in.event.Traceparent = &e.Traceparent
	}
	if in.key != "" {
		in.hash = e.ContentHash()
	}
	return in
}

// micros is a publisher's time as it is stored.
func micros(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	return new(at.UTC().Truncate(time.Microsecond))
}

// waiting returns how many bytes an event holds while it waits to be stored.
func waiting(e *webhook.NewEvent) int64 {
	size := len(e.Data) + len(e.OrderingKey)
	for _, t := range e.Tags {
		size += len(t)
	}
	return int64(size)
}

// Publish stores events, each with one delivery for every webhook that subscribes to it and whose filter it matches, and returns after the
// commit. There is one result for each event, in order; an invalid event does not affect others. Deliveries of an event for very many webhooks are
// created soon after. A large call is several transactions: if one of them fails, the results of its events and of later ones are
// webhook.ErrUnavailable. An error means that nothing was stored: webhook.ErrBusy, webhook.ErrUnavailable, or the context's; or
// that the store closed meanwhile, and it is unknown whether the events were stored: an idempotency key makes trying again safe.
func (c *Scope) Publish(ctx context.Context, events []webhook.NewEvent) ([]Published, error) {
	if c.s.opts.Tracer == nil || len(events) == 0 {
		return c.publish(ctx, events, nil)
	}
	span, kept := c.s.opts.Tracer.Publish(events[0].Traceparent, c.tenant, len(events)) //nolint:contextcheck // a span is caused by what the event says, not by the context
	// The caller's events stay unchanged.
	events = slices.Clone(events)
	for i := range events {
		events[i].Traceparent = kept
	}
	results, err := c.publish(ctx, events, span)
	span.Published(outcome(results, err))
	return results, err
}

// outcome is the result of a call that published: how many events are stored, its one event, if it had one, and why there is none.
func outcome(results []Published, err error) (stored int, only *webhook.ID, _ error) {
	for _, r := range results {
		if r.Event != nil {
			stored++
			only = &r.Event.ID
		}
	}
	if len(results) != 1 {
		return stored, nil, err
	}
	return stored, only, results[0].Err
}

// publish is Publish within a span, which may be nil.
func (c *Scope) publish(ctx context.Context, events []webhook.NewEvent, span *tracing.Span) ([]Published, error) {
	results := make([]Published, len(events))
	p := &publishing{tenant: c.tenant, span: span, done: make(chan error, 1)}
	now := c.s.opts.Now()
	size := int64(0)
	var checker eventtypes.Checker
	for i := range events {
		prefix := ""
		if len(events) > 1 {
			prefix = fmt.Sprintf("events.%d.", i)
		}
		own := events[i] // the caller's event stays unchanged
		e := &own
		if err := errors.Join(e.Check(prefix, c.s.opts.MaxDataBytes), e.CheckTimes(prefix, now)); err != nil {
			results[i].Err = err
			continue
		}
		earlier, err := c.conforms(ctx, &checker, e, prefix+"data")
		switch {
		case err != nil && len(webhook.Invalids(err)) == 0:
			return nil, err // the schema cannot be read
		case err != nil || earlier != nil:
			results[i] = Published{Event: earlier, Duplicate: earlier != nil, Err: err}
			continue
		}
		p.events = append(p.events, c.incoming(e, now, &results[i]))
		size += waiting(e)
	}
	c.tellViolations(ctx, &checker)
	if len(p.events) == 0 {
		return results, nil
	}
	admitted, err := c.s.quotas.Admit(c.tenant, len(p.events))
	if err != nil {
		return nil, err
	}
	defer admitted.Settle(len(p.events))
	free, err := c.s.memory.Take(ctx, c.tenant, size)
	if err != nil {
		admitted.GiveBack(len(p.events))
		c.s.busy(c.tenant, "memory for events that wait")
		return nil, fmt.Errorf("%w: %w", webhook.ErrBusy, err)
	}
	defer free()
	p.match(c.s) // once they are admitted: matching costs more than refusing
	if err := c.s.enqueue(ctx, p); err != nil {
		admitted.GiveBack(len(p.events))
		return nil, err
	}
	for _, in := range p.events {
		in.result.wanted = in.wanted
		switch {
		case errors.Is(in.result.Err, webhook.ErrUnavailable):
			admitted.GiveBack(1)
		case in.result.Event == nil || in.result.Duplicate:
			admitted.Forget(1)
		}
	}
	return results, nil
}

// match matches the events with filters.
func (p *publishing) match(s *Store) {
	for _, in := range p.events {
		in.wanted = s.routes.Wanted(&in.event)
	}
}

// Wanting returns how many of the tenant's webhooks subscribe to events of a type now, whatever their filters, including disabled ones,
// whose deliveries are held.
func (c *Scope) Wanting(eventType string) int {
	n, _ := c.s.routes.Matches(c.tenant, eventType)
	return n
}

// Receivers returns how many of the tenant's webhooks would get a published event now: Wanting, without those whose filter it does not match.
func (c *Scope) Receivers(p *Published) int {
	wanted := p.wanted
	if wanted == nil || wanted.Version != c.s.routes.Version(c.tenant) {
		wanted = c.s.routes.Wanted(p.Event)
	}
	if wanted == nil {
		return c.Wanting(p.Event.Type)
	}
	return len(wanted.By)
}

// busy logs that a tenant's calls are refused because its share of the server is used up. The program's logger limits how often.
func (s *Store) busy(tenant webhook.ID, of string) {
	s.log.Warn("calls refused: events are published faster than they can be written", slog.Any("tenant", tenant), slog.String("want_of", of))
}

// enqueue passes the events to the writer and waits for the commit.
func (s *Store) enqueue(ctx context.Context, p *publishing) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", webhook.ErrBusy, err)
	}
	select {
	case <-s.writer.quit:
		return webhook.ErrUnavailable
	default:
	}
	s.writer.calling.Add(1)
	if !s.writer.calls.Add(turns.Line{Tenant: p.tenant}, work{publish: p}) {
		s.writer.calling.Add(-1)
		s.busy(p.tenant, "room in the queue of the writer")
		return webhook.ErrBusy
	}
	// The writer answers every caller, and writes to its results until then, so the caller must wait for the answer, or the
	// writer's end.
	select {
	case err := <-p.done:
		return err
	case <-s.writer.ended:
		return lastAnswer(p.done)
	}
}

// publishAll stores the events of all callers of the batch.
func (b *batch) publishAll() error {
	events := make([]*incoming, 0, b.events)
	keys := map[string]*incoming{} // of this batch
	for _, p := range b.publish {
		for _, in := range p.events[p.from:p.to] {
			if in.result != nil {
				*in.result = Published{}
			}
			fresh, err := b.claimKey(keys, in)
			if err != nil {
				return err
			}
			if fresh {
				events = append(events, in)
			}
		}
	}
	return b.insertAll(events)
}

// claimKey claims the event's idempotency key. If it exists already the event's result says so, and fresh is false.
func (b *batch) claimKey(keys map[string]*incoming, in *incoming) (fresh bool, err error) {
	if in.key == "" {
		return true, nil
	}
	local := string(in.event.TenantID[:]) + in.key
	if first, ok := keys[local]; ok {
		in.repeat(&first.event, first.hash)
		return false, nil
	}
	earlier, hash, err := publishedAs(b.DB, in.event.TenantID, in.key)
	if err != nil {
		return false, err
	}
	if earlier != nil {
		in.repeat(earlier, hash)
		return false, nil
	}
	if err := b.DB.Exec("INSERT INTO idempotency_keys (tenant_id, key, event_id, hash) VALUES (?, ?, ?, ?)",
		in.event.TenantID, in.key, in.event.ID, in.hash).Error; err != nil {
		return false, fmt.Errorf("insert idempotency key: %w", err)
	}
	keys[local] = in
	return true, nil
}

// publishedAs finds the event that was published with an idempotency key, and the hash of its content; nil if there is none.
func publishedAs(db *gorm.DB, tenant webhook.ID, key string) (e *webhook.Event, hash []byte, err error) {
	var row struct {
		webhook.Event
		Hash []byte
	}
	err = db.Raw(`SELECT e.*, k.hash FROM idempotency_keys k JOIN events e ON e.id = k.event_id
		WHERE k.tenant_id = ? AND k.key = ?`, tenant, key).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("find idempotency key: %w", err)
	}
	return &row.Event, row.Hash, nil
}

// repeat answers an event whose key exists with the earlier event.
func (in *incoming) repeat(earlier *webhook.Event, hash []byte) {
	if bytes.Equal(hash, in.hash) {
		*in.result = Published{Event: earlier, Duplicate: true}
		return
	}
	*in.result = Published{Err: &webhook.Invalid{
		Field: "idempotencyKey", Code: webhook.CodeConflict, Message: "was used before for an event with other content; use another key, or the same content",
	}}
}

// insertAll stores events, each with one delivery for every webhook that subscribes to it.
func (b *batch) insertAll(events []*incoming) error {
	if len(events) == 0 {
		return nil
	}
	first, err := b.s.db.Insert(&b.Tx, dialect.EventsTable, len(events), func(i int) time.Time { return events[i].event.CreatedAt }, func(p *dialect.Params, i int) {
		e := &events[i].event
		p.ID(&e.ID)
		p.ID(&e.TenantID)
		p.Text(e.Type)
		p.Time(e.Timestamp)
		p.Time(e.CreatedAt)
		p.Blob(e.Data)
		p.Tags(e.Tags)
		p.MaybeText(e.OrderingKey)
		p.MaybeTime(e.DeliverAt)
		p.MaybeTime(e.ExpiresAt)
		p.MaybeText((*string)(e.Traceparent))
		p.Bool(e.Test)
	})
	if err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	if err := b.insertTags(events, first); err != nil {
		return err
	}
	if err := b.queueBehindNotes(events); err != nil {
		return err
	}
	var claims []*Claimed
	var targets []*Target
	var notes []*fanout.Note
	noted := map[keyed]bool{}
	for i, in := range events {
		in.event.Seq = first + int64(i)
		if !in.event.Test {
			b.counts.Event(stats.Tenant(in.event.TenantID), in.event.Type)
		}
		if in.result != nil {
			in.result.Event = &in.event
		}
		key := keyOf(&in.event)
		in.later = in.later || noted[key]
		if note := b.fanOutLater(in); note != nil {
			if note.OrderingKey != nil { // later events with the key come after it
				noted[key] = true
			}
			notes = append(notes, note)
			b.tellCounted(in.event.TenantID)
			continue
		}
		targets = b.receivers(targets[:0], in)
		if len(targets) == 0 {
			b.tellCounted(in.event.TenantID)
		}
		for _, to := range targets {
			claims = append(claims, b.delivery(&in.event, to, in.trigger()))
		}
	}
	if err := b.insertFanOuts(notes); err != nil {
		return err
	}
	return b.insertDeliveries(claims)
}

// tagsAtOnce is how many tags one statement stores.
const tagsAtOnce = 1000

// tagColumns are those of event_tags, by which lists find events.
var tagColumns = []dialect.Column{
	{Name: "tenant_id", Kind: "uuid"}, {Name: "tag", Kind: "text"}, {Name: "event_seq", Kind: "bigint"}, {Name: "event_id", Kind: "uuid"}, {Name: "created_at", Kind: "timestamptz"},
}

// insertTags stores the tags of events, the first of which has this Seq.
func (b *batch) insertTags(events []*incoming, first int64) error {
	var rows [][]any
	for i, in := range events {
		e := &in.event
		for _, tag := range e.Tags {
			rows = append(rows, []any{e.TenantID, tag, first + int64(i), e.ID, e.CreatedAt.UnixMicro()})
		}
	}
	for part := range slices.Chunk(rows, tagsAtOnce) {
		err := b.DB.Exec("INSERT INTO event_tags (tenant_id, tag, event_seq, event_id, created_at) SELECT * FROM "+b.s.db.Rows(tagColumns)+" AS v", string(dialect.CompactJSON(part))).Error
		if err != nil {
			return fmt.Errorf("insert tags: %w", err)
		}
	}
	return nil
}

// tellCounted notes that an event without deliveries, so far, changes the tenant's statistics.
func (b *batch) tellCounted(tenant webhook.ID) {
	counted := Change{Tenant: tenant}
	if n := len(b.Changes); n == 0 || b.Changes[n-1] != counted {
		b.tellLater(counted)
	}
}

// fanOutLater is a note for the event if its deliveries are to be made later; nil if they are to be made now.
func (b *batch) fanOutLater(in *incoming) *fanout.Note {
	if in.only != nil || in.cost > 0 && !in.later {
		return nil
	}
	e := &in.event
	n, newest := b.s.routes.Matches(e.TenantID, e.Type)
	if n == 0 || !in.later && n <= b.s.tuning.FanOutAbove {
		return nil
	}
	if in.wanted != nil {
		n = len(in.wanted.By)
	}
	note := &fanout.Note{EventID: e.ID, TenantID: e.TenantID, CreatedAt: e.CreatedAt, Size: n, LastWebhook: newest}
	if b.s.routes.Ordered(e.TenantID) {
		note.OrderingKey = e.OrderingKey
	}
	return note
}

// insertFanOuts stores notes beside their events.
func (b *batch) insertFanOuts(notes []*fanout.Note) error {
	if len(notes) == 0 {
		return nil
	}
	if err := b.DB.CreateInBatches(notes, 64).Error; err != nil {
		return fmt.Errorf("insert fan-outs: %w", err)
	}
	b.fanOuts = append(b.fanOuts, notes...)
	return nil
}

// delivery returns a new delivery of the event to the target. It is claimed only if it is reserved.
func (b *batch) delivery(e *webhook.Event, to *Target, trigger webhook.Trigger) *Claimed {
	at := e.DeliverAt
	if at != nil && !at.After(b.Now) {
		at = nil
	}
	return &Claimed{Event: e, Target: to, Delivery: webhook.Delivery{
		ID: webhook.NewID(b.Now), TenantID: e.TenantID, EventID: e.ID, WebhookID: to.ID,
		Status: webhook.Pending, Trigger: trigger, CreatedAt: b.Now.UTC().Truncate(time.Microsecond), Line: dialect.LineOf(to, e),
		PayloadVersion: to.PayloadVersion, DeliverAt: at, ExpiresAt: e.ExpiresAt,
	}}
}

// insertDeliveries stores new deliveries: those that the sender has room for are claimed already, the others are due, or wait in line.
func (b *batch) insertDeliveries(claims []*Claimed) error {
	if len(claims) == 0 {
		return nil
	}
	if err := ordering.Enter(&b.Tx, b.s.db, claims, b.lockMore); err != nil {
		return err
	}
	before := len(b.reserved)
	b.s.dispatcher().Batch(func(t Dispatcher) {
		for _, claimed := range claims {
			if (claimed.Target.Enabled || claimed.Event.Type == webhook.TypeProbe) && !claimed.Delivery.Waits() && claimed.Delivery.DeliverAt == nil && !claimed.Delivery.Expired(b.Now) && t.Reserve(claimed.Target, claimed.Size()) {
				b.reserved = append(b.reserved, claimed)
			}
		}
	})
	return b.addDeliveries(claims, b.reserved[before:])
}

// addDeliveries stores new deliveries; those of them in reserved, which has the same order, are claimed already.
func (b *batch) addDeliveries(claims, reserved []*Claimed) error {
	room := reserved
	first, err := b.s.db.Insert(&b.Tx, dialect.DeliveriesTable, len(claims), func(i int) time.Time { return claims[i].Event.CreatedAt }, func(p *dialect.Params, i int) {
		claimed := claims[i]
		d := &claimed.Delivery
		p.ID(&d.ID)
		p.ID(&d.TenantID)
		p.ID(&d.EventID)
		p.ID(&d.WebhookID)
		p.Text(claimed.Event.Type)
		p.Text(string(d.Trigger))
		switch {
		case len(room) > 0 && room[0] == claimed:
			room = room[1:]
			p.Null()
			p.Int(b.s.db.ClaimedBy(claimed))
		case d.Waits():
			p.Null()
			p.Null()
		default:
			due := b.Now
			if d.DeliverAt != nil {
				due = *d.DeliverAt
			}
			b.dueAt(d.WebhookID, due)
			p.Time(due)
			p.Null()
		}
		p.Time(d.CreatedAt)
		p.MaybeID(d.Line)
		p.MaybeInt(d.Place)
		p.MaybeInt(d.PayloadVersion)
		p.MaybeTime(d.DeliverAt)
		p.MaybeTime(d.ExpiresAt)
	})
	if err != nil {
		return fmt.Errorf("insert deliveries: %w", err)
	}
	b.Made = append(b.Made, claims...)
	for i, claimed := range claims {
		claimed.Delivery.Seq = first + int64(i)
		b.counts.Owed(statsKey(claimed.Target, claimed.Event.Type), 1)
	}
	return nil
}

// receivers appends the webhooks that the event goes to.
func (b *batch) receivers(targets []*Target, in *incoming) []*Target {
	if in.only != nil {
		return append(targets, b.target(*in.only))
	}
	targets = b.candidates(targets, in)
	kept := targets[:0]
	for _, to := range targets {
		now := b.target(to.ID)
		if now != nil && now.DeletedAt == nil && (now == to && b.isCurrent(in.wanted, to.TenantID) || b.wants(in.wanted, now, &in.event)) {
			kept = append(kept, now)
		}
	}
	return kept
}

// candidates appends the webhooks that the event may go to: those that want it, if no subscription and no filter of the tenant has changed since it
// was matched, or else all that subscribe to its type.
func (b *batch) candidates(targets []*Target, in *incoming) []*Target {
	if b.isCurrent(in.wanted, in.event.TenantID) {
		return append(targets, in.wanted.By...)
	}
	return b.s.routes.Matching(targets, in.event.TenantID, in.event.Type)
}

// isCurrent reports whether an event was matched with the tenant's webhooks as they are.
func (b *batch) isCurrent(w *dialect.Wanted, tenant webhook.ID) bool {
	return w != nil && w.Version == b.s.routes.Version(tenant)
}

// wants reports whether a webhook that subscribes to the event's type wants it. A filter is evaluated here only if it was set after the event was
// matched.
func (b *batch) wants(w *dialect.Wanted, to *Target, e *webhook.Event) bool {
	if to.Filter == nil {
		return true
	}
	if is, known := w.Answer(to.Filter); known {
		return is
	}
	if w != nil && b.s.routes.Passed(to, w.Version) {
		return false
	}
	return to.Wants(e)
}

func (in *incoming) trigger() webhook.Trigger {
	if in.only != nil && in.event.Type != webhook.TypeProbe {
		return webhook.TriggerTest
	}
	return webhook.TriggerSchedule
}

// TestWebhook publishes an event to one webhook, to try it: the example of a declared type, or for nil one of type webhook.TypeTest. Its delivery is
// attempted once. Errors: webhook.ErrNotFound; an *Invalid with code CONFLICT if the webhook is disabled, and for a type that has no example.
func (c *Scope) TestWebhook(ctx context.Context, id webhook.ID, example *string) (*webhook.Delivery, error) {
	data, eventType := []byte(`{"message":"This is a test of your webhook.","webhookId":"`+id.String()+`"}`), webhook.TypeTest
	if example != nil {
		var err error
		if data, err = c.exampleOf(ctx, *example); err != nil {
			return nil, err
		}
		eventType = *example
	}
	var delivery *webhook.Delivery
	err := c.change(ctx, func(b *batch) error {
		to := b.target(id)
		if to == nil || to.TenantID != c.tenant || to.DeletedAt != nil {
			return webhook.ErrNotFound
		}
		if !to.Enabled {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "the webhook is disabled; enable it first"}
		}
		in := &incoming{only: &id, event: b.newEvent(c.tenant, eventType, data)}
		in.event.Test = true
		if err := b.insertAll([]*incoming{in}); err != nil {
			return err
		}
		var err error
		of, day := b.s.db.Published("d.day", in.event.CreatedAt, in.event.CreatedAt)
		delivery, err = take[webhook.Delivery](deliveryColumns(list.DeliveriesOfEvent.Of(b.DB, c.tenant)).Where("d.event_id = ?"+of, append([]any{in.event.ID}, day...)...))
		return err
	})
	return delivery, err
}

// exampleOf returns the example of a declared type.
func (c *Scope) exampleOf(ctx context.Context, eventType string) ([]byte, error) {
	if err := cmp.Or(webhook.NotEmpty("eventType", &eventType), webhook.CheckPublishedType("eventType", eventType)); err != nil {
		return nil, err
	}
	t, err := c.EventType(ctx, eventType)
	switch {
	case err != nil:
		return nil, err
	case t == nil || !t.Declared():
		return nil, &webhook.Invalid{Field: "eventType", Code: webhook.CodeNotFound, Message: "is not declared"}
	case t.Example == nil:
		return nil, webhook.Invalidf("eventType", webhook.CodeInvalid, "has no example; declare one with putEventType")
	case len(*t.Example) > c.s.opts.MaxDataBytes:
		return nil, webhook.Invalidf("eventType", webhook.CodeTooLong, "has an example of more than %d bytes, the most that an event may have", c.s.opts.MaxDataBytes)
	}
	return []byte(*t.Example), nil
}

// newEvent returns an event of the server itself.
func (b *batch) newEvent(tenant webhook.ID, eventType string, data []byte) webhook.Event {
	now := b.Now.UTC().Truncate(time.Microsecond)
	return webhook.Event{
		ID: webhook.NewID(now), TenantID: tenant, Type: eventType, Timestamp: now, Data: data, CreatedAt: now,
	}
}
