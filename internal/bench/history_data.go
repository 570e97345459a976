package bench

import (
	"container/heap"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"sort"
	"strconv"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The shape of a history: one tenant has most of it, and many tenants have little.
const (
	historySpan   = 30 * 24 * time.Hour
	largeTenant   = "large"
	smallTenants  = 100
	busyTenants   = 10 // small tenants, which share half of the rest
	largeShare    = 0.9
	largeWebhooks = 200
	historyBytes  = 200 // of an event's data

	// The large tenant's last webhook is disabled, so its deliveries since then are HELD.
	heldFor = 6 * time.Hour

	failedShare   = 0.001   // of all attempts
	canceledEvery = 20_000  // deliveries
	failedEvery   = 100_000 // deliveries, in addition to random failures
	pendingFor    = 2 * time.Hour
	pendingEvery  = 37     // deliveries in the last pendingFor have failed once and are PENDING
	rareEvery     = 20_000 // events of the large tenant
	maxAttempts   = 10     // of the default retry schedule
	troubleShare  = 0.0003 // of deliveries fail at first, for about two attempts each
)

// Event types. The frequency of the common ones falls with their rank, as that of words does; rareType is one in rareEvery, and no
// event has unusedType.
const (
	commonTypes = 100
	rareType    = "audit.exported"
	unusedType  = "audit.purged"
)

// commonType returns the type with the given rank; 0 is the most common.
func commonType(rank int) string {
	nouns := [...]string{"order", "invoice", "payment", "customer", "shipment", "refund", "subscription", "product", "message", "document"}
	verbs := [...]string{"created", "updated", "completed", "failed", "deleted", "approved", "rejected", "archived", "restored", "expired"}
	return nouns[rank%len(nouns)] + "." + verbs[rank/len(nouns)]
}

// historyTenant is a tenant with its webhooks, as they are registered through the API.
type historyTenant struct {
	ID    webhook.ID
	Name  string
	Hooks []*historyHook
	wants map[string][]*historyHook
}

type historyHook struct {
	ID, Secret webhook.ID
	URL        string
	Events     []string // nil: all
	Disabled   bool

	failing stamp // since when it fails, at the generator's current position
}

// historyTenants returns the tenants of a history, without ids.
func historyTenants() []*historyTenant {
	large := &historyTenant{Name: largeTenant}
	for rank := 0; len(large.Hooks) < largeWebhooks; rank++ {
		for range 1 + rank%3 { // an event goes to one, two or three webhooks
			large.hook(commonType(rank % commonTypes))
		}
	}
	large.Hooks[0].Events = append(large.Hooks[0].Events, rareType)
	large.Hooks[1].Events = append(large.Hooks[1].Events, rareType, unusedType)
	large.Hooks[largeWebhooks-1].Disabled = true
	all := []*historyTenant{large}
	for n := range smallTenants {
		t := &historyTenant{Name: fmt.Sprintf("small-%02d", n)}
		t.hook()
		t.hook(commonType(0))
		all = append(all, t)
	}
	return all
}

func (t *historyTenant) hook(events ...string) {
	// Nothing listens there: attempts that the server makes itself are refused immediately, and reach nobody.
	t.Hooks = append(t.Hooks, &historyHook{URL: fmt.Sprintf("http://127.0.0.1:9/%s/%d", t.Name, len(t.Hooks)), Events: events})
}

// wanting returns the webhooks that subscribe to the type.
func (t *historyTenant) wanting(eventType string) []*historyHook {
	if t.wants == nil {
		t.wants = map[string][]*historyHook{}
	}
	list, known := t.wants[eventType]
	if known {
		return list
	}
	for _, h := range t.Hooks {
		all := h.Events == nil
		for _, e := range h.Events {
			all = all || e == eventType
		}
		if all {
			list = append(list, h)
		}
	}
	t.wants[eventType] = list
	return list
}

// stamp is a time in microseconds since 1970; 0 is none.
type stamp int64

func (s stamp) time() time.Time { return time.UnixMicro(int64(s)).UTC() }

type eventRow struct {
	id, tenant webhook.ID
	kind       string
	at         stamp
	data       []byte
}

type deliveryRow struct {
	id                 webhook.ID
	event              *eventRow
	hook               *historyHook
	status             webhook.DeliveryStatus
	attempts           int
	due, at, completed stamp
	failed             bool
}

type attemptRow struct {
	id       webhook.ID
	delivery *deliveryRow
	number   int
	started  stamp
	took     time.Duration
	failure  *failureKind // nil: it succeeded
	headers  string
	recorded stamp
}

// failureKind is one way to fail.
type failureKind struct {
	weight  int
	code    webhook.ErrorCode
	message string
	status  int // of the answer; 0: none
	took    time.Duration
}

var failureKinds = []failureKind{
	{weight: 40, code: webhook.ErrorHTTPStatus, status: http.StatusInternalServerError, took: 40 * time.Millisecond},
	{weight: 15, code: webhook.ErrorHTTPStatus, status: http.StatusServiceUnavailable, took: 8 * time.Millisecond},
	{weight: 10, code: webhook.ErrorHTTPStatus, status: http.StatusBadGateway, took: 8 * time.Millisecond},
	{weight: 5, code: webhook.ErrorHTTPStatus, status: http.StatusTooManyRequests, took: 4 * time.Millisecond},
	{weight: 4, code: webhook.ErrorHTTPStatus, status: http.StatusNotFound, took: 4 * time.Millisecond},
	{weight: 12, code: webhook.ErrorTimeout, message: "no response was received within 15 s", took: 15 * time.Second},
	{weight: 8, code: webhook.ErrorConnect, message: "the receiver refused the connection; check that the server runs and listens on the URL's port", took: time.Millisecond},
	{weight: 3, code: webhook.ErrorTLS, message: "the certificate has expired", took: 12 * time.Millisecond},
	{weight: 2, code: webhook.ErrorDNS, message: "the host name does not exist", took: 5 * time.Millisecond},
	{weight: 1, code: webhook.ErrorProtocol, message: "the receiver closed the connection before it answered; check the server for a crash, and what is in front of it", took: 6 * time.Millisecond},
}

func (k *failureKind) text() string {
	if k.code == webhook.ErrorHTTPStatus {
		return "the receiver answered " + strconv.Itoa(k.status) + " " + http.StatusText(k.status)
	}
	return k.message
}

// piece is the rows that one transaction inserts, each list in commit order.
type piece struct {
	events     []*eventRow
	deliveries []*deliveryRow
	attempts   []*attemptRow
}

// generator generates a history: always the same one, except for its end time.
type generator struct {
	tenants     []*historyTenant
	from, until stamp
	total       int // attempts

	random    *rand.Rand
	ranks     []float64 // cumulated shares of commonTypes
	weights   int       // of failureKinds
	samples   []sample
	retried   []sample
	planned   int // attempts
	events    int // of the large tenant
	delivered int
	at        stamp
	waiting   attemptHeap // attempts that are recorded later
}

func newGenerator(tenants []*historyTenant, total int, until time.Time) *generator {
	g := &generator{
		tenants: tenants, total: total, from: stamp(until.Add(-historySpan).UnixMicro()), until: stamp(until.UnixMicro()),
		random: rand.New(rand.NewPCG(14, 1)), //nolint:gosec // the same history each time
	}
	sum := 0.0
	for rank := range commonTypes {
		sum += 1 / float64(rank+1)
		g.ranks = append(g.ranks, sum)
	}
	for _, k := range failureKinds {
		g.weights += k.weight
	}
	return g
}

// next returns the next piece, of about n attempts; nil at the end.
func (g *generator) next(attempts int) *piece {
	p := &piece{}
	for len(p.attempts) < attempts && g.planned < g.total {
		at := g.from + stamp(float64(g.until-g.from)*float64(g.planned)/float64(g.total))
		g.at = max(g.at+1, at)
		g.record(p, g.at)
		g.publish(p)
	}
	if g.planned >= g.total {
		g.record(p, math.MaxInt64)
	}
	if len(p.events)+len(p.attempts) == 0 {
		return nil
	}
	return p
}

// record moves the attempts recorded up to then into the piece, and updates the webhooks' health.
func (g *generator) record(p *piece, by stamp) {
	for len(g.waiting) > 0 && g.waiting[0].recorded <= by {
		a := heap.Pop(&g.waiting).(*attemptRow)
		p.attempts = append(p.attempts, a)
		switch h := a.delivery.hook; {
		case a.failure == nil:
			h.failing = 0
		case h.failing == 0:
			h.failing = a.started
		}
	}
}

// publish generates an event with its deliveries and their attempts.
func (g *generator) publish(p *piece) {
	t := g.tenants[0]
	if g.random.Float64() >= largeShare {
		t = g.tenants[1+g.random.IntN([...]int{busyTenants, smallTenants}[g.random.IntN(2)])]
	}
	kind := commonType(sort.SearchFloat64s(g.ranks, g.random.Float64()*g.ranks[commonTypes-1]))
	if t == g.tenants[0] {
		if g.events%rareEvery == rareEvery/8 {
			kind = rareType
		}
		g.events++
	}
	e := &eventRow{id: g.id(g.at), tenant: t.ID, kind: kind, at: g.at}
	e.data = g.data(e)
	p.events = append(p.events, e)
	for _, h := range t.wanting(kind) {
		d := &deliveryRow{id: g.id(g.at + 900), event: e, hook: h, status: webhook.Pending, at: g.at + 900}
		p.deliveries = append(p.deliveries, d)
		g.deliver(d)
		if t == g.tenants[0] {
			g.sample(d)
		}
	}
}

// maxSamples is the number of positions in a history that are kept for requests. Retries are rare, so they are kept from its whole
// length.
const maxSamples = 500

// sample keeps some of the deliveries for requests.
func (g *generator) sample(d *deliveryRow) {
	s := sample{Event: d.event.id, Delivery: d.id, At: d.event.at.time()}
	if len(g.samples)*g.total < maxSamples*g.planned {
		g.samples = append(g.samples, s)
	}
	switch {
	case d.attempts < 2:
	case len(g.retried) < maxSamples:
		g.retried = append(g.retried, s)
	default:
		g.retried[g.random.IntN(maxSamples)] = s
	}
}

// deliver generates a delivery and its attempts.
func (g *generator) deliver(d *deliveryRow) {
	if d.hook.Disabled && d.at > g.until-stamp(heldFor.Microseconds()) {
		d.due = d.at
		return
	}
	g.delivered++
	failures := 0
	if g.random.Float64() < troubleShare {
		switch n := g.random.Float64(); {
		case n < 0.70:
			failures = 1
		case n < 0.85:
			failures = 2
		case n < 0.93:
			failures = 3
		default:
			failures = maxAttempts
		}
	}
	canceled := g.delivered%canceledEvery == canceledEvery/8
	if canceled || g.delivered%failedEvery == 1000 || d.at > g.until-stamp(pendingFor.Microseconds()) && g.delivered%pendingEvery == 0 {
		failures = maxAttempts
	}
	began := d.at + 300
	for n := 1; ; n++ {
		if began > g.until {
			d.due = began
			return
		}
		a := g.attempt(d, n, began, n <= failures)
		heap.Push(&g.waiting, a)
		g.planned++
		d.attempts = n
		next, again := webhook.DefaultSchedule.Next(n, a.recorded.time(), 0)
		switch {
		case a.failure == nil:
			d.status, d.completed = webhook.DeliverySucceeded, a.recorded
			return
		case canceled:
			d.status, d.completed = webhook.Canceled, a.recorded+1_000_000
			return
		case !again:
			d.status, d.completed, d.failed = webhook.DeliveryFailed, a.recorded, true
			return
		}
		began = stamp(next.UnixMicro())
	}
}

func (g *generator) attempt(d *deliveryRow, number int, started stamp, fails bool) *attemptRow {
	a := &attemptRow{delivery: d, number: number, started: started, took: time.Duration(2000+g.random.IntN(18_000)) * time.Microsecond}
	if fails {
		a.failure = g.kind()
		a.took = a.failure.took + a.took/4
	}
	a.recorded = started + stamp(a.took.Microseconds()) + 1200
	a.id = g.id(a.recorded)
	var signature [32]byte
	for i := 0; i < len(signature); i += 8 {
		binary.LittleEndian.PutUint64(signature[i:], g.random.Uint64())
	}
	b := make([]byte, 0, 256)
	b = append(b, "Content-Type: application/json\r\nUser-Agent: Hookgraph\r\nWebhook-Id: "...)
	b = d.event.id.AppendText(b)
	b = append(b, "\r\nWebhook-Timestamp: "...)
	b = strconv.AppendInt(b, int64(started)/1_000_000, 10)
	b = append(b, "\r\nWebhook-Signature: v1,"...)
	b = base64.StdEncoding.AppendEncode(b, signature[:])
	a.headers = string(append(b, "\r\n"...))
	return a
}

func (g *generator) kind() *failureKind {
	n := g.random.IntN(g.weights)
	for i := range failureKinds {
		if n -= failureKinds[i].weight; n < 0 {
			return &failureKinds[i]
		}
	}
	return &failureKinds[0]
}

// id returns a version 7 UUID for the time.
func (g *generator) id(at stamp) (id webhook.ID) {
	binary.BigEndian.PutUint64(id[8:], g.random.Uint64())
	binary.BigEndian.PutUint64(id[:], uint64(at/1000)<<16|g.random.Uint64()&0xffff) //nolint:gosec // after 1970
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// data returns an event's data, of historyBytes.
func (g *generator) data(e *eventRow) []byte {
	b := make([]byte, 0, historyBytes)
	b = append(b, `{"id":"`...)
	b = e.id.AppendText(b)
	b = append(b, `","customer":"cus_`...)
	b = strconv.AppendInt(b, 1_000_000+g.random.Int64N(100_000), 10)
	b = append(b, `","amount":`...)
	b = strconv.AppendInt(b, 100+g.random.Int64N(100_000), 10)
	b = append(b, `,"currency":"EUR","status":"`...)
	b = append(b, [...]string{"open", "paid", "failed", "closed"}[g.random.IntN(4)]...)
	b = append(b, `","note":"`...)
	for len(b) < historyBytes-2 {
		b = append(b, byte('a'+len(b)%26))
	}
	return append(b, `"}`...)
}

// attemptHeap is a heap of attempts, ordered by the time they are recorded.
type attemptHeap []*attemptRow

func (h attemptHeap) Len() int           { return len(h) }
func (h attemptHeap) Less(i, j int) bool { return h[i].recorded < h[j].recorded }
func (h attemptHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *attemptHeap) Push(a any)        { *h = append(*h, a.(*attemptRow)) }
func (h *attemptHeap) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	*h = (*h)[:last]
	return a
}
