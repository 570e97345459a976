package stats

import (
	"bytes"
	"cmp"
	"math"
	"strings"
)

// Tenant is a tenant's id.
type Tenant [16]byte

// Gauge is a change of a webhook's state.
type Gauge struct {
	Pending           int64 // the change of the number of its pending deliveries
	Succeeded, Failed bool  // whether attempts succeeded or failed
	Trailing          int64 // the number of failures after the last success
	// The times of the last success and failure, in microseconds since 1970; 0: the time of the delta.
	SucceededAt, FailedAt int64
}

// Then returns the change g followed by the change o. It is associative; the order matters only for Trailing.
func (g *Gauge) Then(o Gauge) {
	g.Pending += o.Pending
	if o.Succeeded {
		g.Trailing = 0
	}
	g.Trailing += o.Trailing
	g.Succeeded, g.Failed = g.Succeeded || o.Succeeded, g.Failed || o.Failed
	g.SucceededAt, g.FailedAt = max(g.SucceededAt, o.SucceededAt), max(g.FailedAt, o.FailedAt)
}

func (g *Gauge) attempted(ok bool) {
	if ok {
		g.Succeeded, g.Trailing = true, 0
	} else {
		g.Failed = true
		g.Trailing++
	}
}

// Key identifies the tenant, webhook, type and minute of counts.
type Key struct {
	Tenant  Tenant
	Webhook int64 // its seq; 0 for counts of events, which belong to no webhook
	Type    string
	Minute  int64 // since 1970; 0: the minute of the delta
}

func (k *Key) compare(o *Key) int {
	return cmp.Or(bytes.Compare(k.Tenant[:], o.Tenant[:]), cmp.Compare(k.Webhook, o.Webhook), cmp.Compare(k.Minute, o.Minute),
		strings.Compare(k.Type, o.Type))
}

// Delta gathers the counts of one transaction, or merges those of several. The zero value is empty. After Reset it reuses its memory.
type Delta struct {
	entries []*entry // in use
	spare   []*entry
	byKey   map[Key]*entry
	gauges  map[hook]*Gauge
	unused  []*Gauge
	last    *entry       // the last one that of returned
	kinds   map[kind]int // while it is encoded
}

// kind is the part that keys of an encoding share. Keys refer to it by its number.
type kind struct {
	age  int64 // in minutes before the newest minute of the delta
	name string
}

type entry struct {
	key   Key
	gauge *Gauge // of its webhook; nil without one
	Counts
}

type hook struct {
	tenant  Tenant
	webhook int64
}

// Len returns the number of keys that have counts.
func (d *Delta) Len() int { return len(d.entries) }

// Empty reports whether nothing was counted.
func (d *Delta) Empty() bool { return len(d.entries) == 0 }

// Reset empties it.
func (d *Delta) Reset() {
	for _, e := range d.entries {
		e.reset()
	}
	d.spare, d.entries, d.last = append(d.spare, d.entries...), d.entries[:0], nil
	clear(d.byKey)
	for _, g := range d.gauges {
		d.unused = append(d.unused, g)
	}
	clear(d.gauges)
}

// of returns the entry of a key.
func (d *Delta) of(k Key) *entry {
	if d.last != nil && d.last.key == k {
		return d.last
	}
	e := d.byKey[k]
	if e == nil {
		if d.byKey == nil {
			d.byKey = map[Key]*entry{}
		}
		if len(d.spare) == 0 {
			d.grow()
		}
		n := len(d.spare) - 1
		e, d.spare = d.spare[n], d.spare[:n]
		e.key, e.gauge = k, nil
		if k.Webhook != 0 {
			e.gauge = d.gauge(k.Tenant, k.Webhook)
		}
		d.byKey[k] = e
		d.entries = append(d.entries, e)
	}
	d.last = e
	return e
}

// grow makes spare entries, as many as there are in use, within bounds: one by one they would cost more.
func (d *Delta) grow() {
	block := make([]entry, min(max(len(d.entries), 4), 256))
	for i := range block {
		d.spare = append(d.spare, &block[i])
	}
}

func (d *Delta) gauge(tenant Tenant, webhook int64) *Gauge {
	h := hook{tenant, webhook}
	g := d.gauges[h]
	if g == nil {
		if d.gauges == nil {
			d.gauges = map[hook]*Gauge{}
		}
		if n := len(d.unused); n > 0 {
			g, d.unused = d.unused[n-1], d.unused[:n-1]
			*g = Gauge{}
		} else {
			g = &Gauge{}
		}
		d.gauges[h] = g
	}
	return g
}

// Event counts an event that was published.
func (d *Delta) Event(tenant Tenant, eventType string) {
	d.of(Key{Tenant: tenant, Type: eventType}).n[Events]++
}

// Owed counts n deliveries that became pending. The key must have a webhook, here and below.
func (d *Delta) Owed(k Key, n int64) {
	e := d.of(k)
	e.n[Owed] += n
	e.gauge.Pending += n
}

// Recalled notes that n deliveries are owed no longer, although they did not end: they are what they were before they were owed again.
func (d *Delta) Recalled(k Key, n int64) { d.of(k).gauge.Pending -= n }

// Ended counts n deliveries that ended, as Succeeded, Failed or Canceled. owed is false if they had ended before with another status.
func (d *Delta) Ended(k Key, how Counter, n int64, owed bool) {
	e := d.of(k)
	e.n[how] += n
	if owed {
		e.gauge.Pending -= n
	}
}

// Attempt is an attempt as it is counted.
type Attempt struct {
	Succeeded  bool
	Trigger    Trigger
	Error      Error // when it has not succeeded
	Status     int   // HTTP; 0: there was no answer
	DurationUs int64
}

// Attempted counts an attempt.
func (d *Delta) Attempted(k Key, a Attempt) {
	e := d.of(k)
	e.n[Attempts(a.Succeeded, a.Trigger)]++
	if !a.Succeeded {
		e.n[Failures(a.Error)]++
	}
	if a.Status > 0 && a.Status <= math.MaxUint16 {
		e.Statuses.add(uint16(a.Status), 1)
	}
	e.Duration.Add(a.DurationUs)
	e.gauge.attempted(a.Succeeded)
}

// Delivered counts the time of a delivery from publishing to success.
func (d *Delta) Delivered(k Key, us int64) { d.of(k).Latency.Add(us) }

// Put adds counts from elsewhere.
func (d *Delta) Put(k Key, c *Counts) { d.of(k).Merge(c) }

// PutGauge adds a later change of a webhook from elsewhere. The delta must have counts of the webhook too.
func (d *Delta) PutGauge(tenant Tenant, webhook int64, g Gauge) { d.gauge(tenant, webhook).Then(g) }

// Merge adds the counts of a later transaction, or of a later part of this one.
func (d *Delta) Merge(o *Delta) {
	for _, e := range o.entries {
		d.Put(e.key, &e.Counts)
	}
	for h, g := range o.gauges {
		d.PutGauge(h.tenant, h.webhook, *g)
	}
}
