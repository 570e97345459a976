// Package sender is the background sender: it claims due deliveries, sends them and passes the attempts to the store. The store
// decides when something is due again, and what an attempt changes in its delivery and webhook; egress decides which addresses
// may be reached.
//
// A webhook that has deliveries has a gate, which limits its running requests and holds its deliveries in memory. Of one that is idle
// only what was learned about its receiver is remembered. The store hands new deliveries over in memory if there is room (Reserve,
// Take); all others are claimed when the gate is due and has room. Tenants take turns, both in sending and in claiming, and then a
// tenant's gates.
package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// Store is the part of *store.Store that the sender uses; the methods are documented there. Target and Owners are called while the
// sender is locked.
type Store interface {
	Target(id webhook.ID) *store.Target
	Owners() int
	Targets(ctx context.Context) ([]store.TargetDue, error)
	Claim(ctx context.Context, w webhook.ID, n, maxBytes int) (claims []*store.Claimed, next *time.Time, err error)
	Record(ctx context.Context, r *store.Result) error
	Unclaim(ctx context.Context, claims []*store.Claimed) error
	Payload(ctx context.Context, tenant webhook.ID, version int64) (*payload.Payload, error)
}

// Client is the part of *egress.Client that the sender uses. Do must return soon after its context ends.
type Client interface {
	Do(ctx context.Context, r *egress.Request) egress.Result
}

// Config has the sender's dependencies and limits. Store and Client are required; elsewhere 0 and nil mean the default.
type Config struct {
	Store  Store
	Client Client
	Logger *slog.Logger // nil: no logs

	Concurrency int // requests in flight at most; 4,096
	PerWebhook  int // of one webhook at most; 128
	// MemoryBytes bounds the deliveries held, running ones included, by store.ClaimedSize; 64 MiB. It is raised to twice what
	// Claims claims of the largest event need.
	MemoryBytes int
	// AnswerBytes bounds the answers of receivers while they are read and until they are recorded, except small ones; 32 MiB. A
	// tenant may hold half of it. Attempts of webhooks whose answers are large wait until there is room.
	AnswerBytes  int
	MaxDataBytes int              // of one event's data at most; webhook.DefaultMaxDataBytes
	Claims       int              // claims that may run at once; 4
	Timeout      time.Duration    // of an attempt whose webhook has none of its own; webhook.DefaultTimeout
	Grace        time.Duration    // for running attempts after ctx has ended; 20 s
	UserAgent    string           // webhook.UserAgent
	Now          func() time.Time // the clock that deliveries are due by; time.Now
	Tracer       *tracing.Tracer  // nil: attempts are not traced
	// Delay returns how long goroutines have waited for a processor since its previous call, see SchedulingDelay. Nil means no
	// pace.
	Delay func() time.Duration
}

const (
	defaultConcurrency = 4096
	defaultPerWebhook  = 128
	defaultMemory      = 64 << 20
	defaultAnswers     = 32 << 20
	defaultBodies      = 32 << 20
	defaultClaims      = 4
	defaultGrace       = 20 * time.Second

	// claimPart is what part of the memory a running claim may be charged, unless one delivery needs more. What it brings is mostly far
	// smaller, and what claims are charged is not there for new deliveries, which then have to be claimed too.
	claimPart         = 32
	deliveriesPerSlot = 16               // deliveries held for each of Concurrency
	retryWait         = time.Second      // after the store failed
	emptyWait         = time.Second / 10 // after a claim that returned nothing although something was due
	lastWait          = 5 * time.Second  // for recording the attempts that the hard stop ended
	longestWait       = 15 * time.Second // between looks at the clock, which may be set forward
)

// Sender implements store.Dispatcher: set it as the store's before Run.
type Sender struct {
	cfg           Config
	log           *slog.Logger
	minClaim      int // bytes that one delivery may need
	maxDeliveries int
	// Parts of Concurrency: what tenants share for slow requests, and the most slow requests when many quick ones have become
	// slow. The rest is left to webhooks that keep up.
	share, mostSlow int
	agent           []string
	epoch           time.Time // of clock

	wg   sync.WaitGroup // every goroutine that mu's holder starts
	poke chan struct{}  // holds one signal: the earliest alarm has changed
	idle chan struct{}  // closed when stopping and nothing is left
	// attend ends attempts, finish ends recording them. They are fields because Dispatcher's methods, which have no context,
	// start the goroutines that need them. Run sets them before anything is served.
	attend, finish context.Context

	tokens  tokens
	answers *intake.Room // bytes, see reply
	bodies  *intake.Room // bytes, see body

	mu           sync.Mutex // guards everything below, all tenants and all gates
	gates        map[webhook.ID]*gate
	spare        list[gate]             // empty gates, the longest empty first
	maxSpare     int                    // how many of them are kept
	learned      map[webhook.ID]learned // of webhooks that have no gate; nothing if it is what is known of a new one
	tenants      map[webhook.ID]*tenant // that have gates
	spareTenants []*tenant              // recycled
	owners       int                    // the number of tenants that have webhooks
	nodes        int                    // that share webhooks' rates
	phase        phase

	ready     [classes]turns[tenant] // that have gates that may send now
	joined    int64                  // counts additions to ready
	turn      class                  // that had the last turn
	wanting   [kinds]list[tenant]    // that have gates that may claim now
	claimTurn kind                   // whose turn it was last
	alarms    alarms                 // gates that may do so later

	// Sums over gates: what they hold in memory; reservations; running claims; requests in flight that count as quick and
	// as slow, see pick.
	held                          [kinds]holding
	reserved, claims, quick, slow int
	slowTenants                   int  // that have slow requests
	pace                          int  // how many requests may be quick, see keepPace
	begun                         int  // slow requests that have begun in this period and have not ended; 0 when nothing sets the pace
	period                        int  // how often the pace was set
	paced                         bool // the pace has held something back since it was last set

	young   list[task]    // quick requests in flight, the oldest first
	doubts  int           // of them, those to gates of class doubted
	blocked bool          // a quick gate waits for a slot
	moving  bool          // gates are still to be moved, see nextQuick
	looking bool          // watchClock will call dispatch at lookAt, for one of these reasons
	lookAt  time.Duration // by clock
	tasks   []*task       // recycled, for newTask

	returns   []returned // claims to release
	returning bool       // a goroutine is doing so
	claimErr  bool       // the last claim failed: log only the first of several in a row
	shortage  shortage
}

type phase int

const (
	created  phase = iota
	loading        // Run loads the webhooks
	serving        // deliveries are taken, claimed and sent
	stopping       // running attempts may end, the rest is released
	ended
)

var _ store.Dispatcher = (*Sender)(nil)

// New returns a sender that does nothing before Run. It panics if cfg.Store or cfg.Client is nil.
func New(cfg Config) *Sender {
	if cfg.Store == nil || cfg.Client == nil {
		panic("sender: Store and Client must be set")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = webhook.UserAgent
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Concurrency = or(cfg.Concurrency, defaultConcurrency)
	cfg.PerWebhook = or(cfg.PerWebhook, defaultPerWebhook)
	cfg.MemoryBytes = or(cfg.MemoryBytes, defaultMemory)
	cfg.AnswerBytes = or(cfg.AnswerBytes, defaultAnswers)
	cfg.MaxDataBytes = or(cfg.MaxDataBytes, webhook.DefaultMaxDataBytes)
	cfg.Claims = or(cfg.Claims, defaultClaims)
	cfg.Timeout = or(cfg.Timeout, webhook.DefaultTimeout)
	cfg.Grace = or(cfg.Grace, defaultGrace)
	pace := cfg.Concurrency
	if cfg.Delay != nil {
		pace = min(pace, paceStart)
	}
	minClaim := store.ClaimedSize(&webhook.Event{}) + cfg.MaxDataBytes
	cfg.MemoryBytes = max(cfg.MemoryBytes, 2*cfg.Claims*minClaim)
	return &Sender{
		cfg:           cfg,
		tokens:        tokens{client: cfg.Client, agent: []string{cfg.UserAgent}},
		log:           cfg.Logger,
		minClaim:      minClaim,
		maxDeliveries: deliveriesPerSlot * cfg.Concurrency,
		share:         max(1, cfg.Concurrency/2),
		mostSlow:      max(1, cfg.Concurrency*3/4),
		agent:         []string{cfg.UserAgent},
		epoch:         time.Now(),
		pace:          pace,
		poke:          make(chan struct{}, 1),
		idle:          make(chan struct{}),
		answers:       intake.NewRoom(int64(max(cfg.AnswerBytes, 4*largestAnswer))),
		bodies:        intake.NewRoom(max(defaultBodies, 4*int64(payload.MaxBody(cfg.MaxDataBytes)))),
		gates:         map[webhook.ID]*gate{},
		maxSpare:      spareGates,
		learned:       map[webhook.ID]learned{},
		tenants:       map[webhook.ID]*tenant{},
		nodes:         1,
	}
}

func or[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Run sends until ctx ends; it may be called once. After ctx ends it claims nothing more, lets running attempts end within
// Grace, cancels the others, releases what it holds, and returns nil. A canceled attempt is released, not recorded: its
// request may have arrived, and is sent again (at least once). Run returns an error if the webhooks cannot be read.
func (s *Sender) Run(ctx context.Context) error {
	// Attempts outlive ctx by Grace, and recording them by lastWait more.
	attend, cancelAttend := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelAttend()
	finish, cancelFinish := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelFinish()
	s.attend, s.finish = attend, finish

	if err := s.load(ctx); err != nil {
		s.mu.Lock()
		s.phase = ended
		s.mu.Unlock()
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if s.cfg.Delay != nil {
		s.wg.Go(func() { s.keepPace(ctx) })
	}
	s.watchClock(ctx)
	s.stop()

	grace := time.NewTimer(s.cfg.Grace)
	defer grace.Stop()
	select {
	case <-s.idle:
	case <-grace.C:
		cancelAttend()
		grace.Reset(lastWait)
		select {
		case <-s.idle:
		case <-grace.C:
			s.log.Warn("stopped with claims held")
		}
	}
	s.mu.Lock()
	s.phase = ended
	s.mu.Unlock()
	cancelAttend()
	cancelFinish()
	s.wg.Wait()
	return nil
}

// load creates the gates of the webhooks that have deliveries.
func (s *Sender) load(ctx context.Context) error {
	s.mu.Lock()
	if s.phase != created {
		s.mu.Unlock()
		return errors.New("sender: Run was called before")
	}
	s.phase = loading
	s.mu.Unlock()
	targets, err := s.cfg.Store.Targets(ctx)
	if err != nil {
		return fmt.Errorf("read webhooks: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = serving
	s.owners = s.cfg.Store.Owners()
	now := s.cfg.Now()
	for _, g := range s.gates { // of what the store has reported before
		s.update(g, now)
	}
	for _, h := range targets {
		if h.Due != nil {
			s.due(h.Target.ID, *h.Due, now)
		}
	}
	s.dispatch(now) //nolint:contextcheck // attempts outlive Run's context by the grace
	return nil
}

// watchClock wakes gates when they are due.
func (s *Sender) watchClock(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.poke:
		case <-timer.C:
		}
		timer.Reset(s.ring()) //nolint:contextcheck // attempts outlive Run's context by the grace
	}
}

// ring updates gates whose alarm is due, some at a time, and returns the time until the next alarm.
func (s *Sender) ring() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	var wait time.Duration // 0: there may be more
	for range 1000 {
		g := s.alarms.first()
		if g == nil {
			wait = longestWait
			break
		}
		if wait = g.wake.Sub(now); wait > 0 {
			break
		}
		s.update(g, now)
	}
	if s.retireSpare(1000, now) > 0 {
		wait = 0
	}
	s.looking, s.lookAt = true, -1 // do not wake this goroutine
	s.dispatch(now)
	if s.lookAt, s.looking = s.lookAgain(); s.looking {
		wait = min(wait, s.lookAt-s.clock())
	}
	if pause := s.shortage.pause.Sub(now); pause > 0 {
		wait = min(wait, pause)
	}
	return min(max(wait, 0), longestWait)
}

// stop releases queued deliveries.
func (s *Sender) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = stopping
	now := s.cfg.Now()
	for _, g := range s.gates {
		if g.queue.len() > 0 {
			s.trim(g, 0)
		}
		s.update(g, now)
	}
	s.checkIdle()
}

// Batch implements store.Dispatcher. It locks once and dispatches once.
func (s *Sender) Batch(do func(store.Dispatcher)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(locked{s})
	s.dispatch(s.cfg.Now())
	s.checkIdle()
}

// locked is a Sender whose mu the caller holds. It is Batch's Dispatcher, and does not dispatch by itself.
type locked struct{ *Sender }

// Reserve implements store.Dispatcher. It returns false if the webhook is not enabled, has enough deliveries in memory, or would take memory that
// is reserved for others. A webhook that the caller knows to be disabled has room for one delivery, a probe.
func (s *Sender) Reserve(to *store.Target, size int) (ok bool) {
	s.Batch(func(t store.Dispatcher) { ok = t.Reserve(to, size) })
	return ok
}

// Reserve implements Sender.
func (t locked) Reserve(to *store.Target, size int) bool {
	s := t.Sender
	if s.phase != serving || to.DeletedAt != nil {
		return false
	}
	now := s.cfg.Now()
	g := s.gate(to, now)
	if !g.open() && (to.Enabled || g.deliveries > 0) || !g.roomForNew(now) || !s.affords(g, size) {
		return false
	}
	if g.place.list == &s.spare {
		g.place.remove()
	}
	g.fresh++
	g.reserved++
	s.reserved++
	s.charge(g, 1, size)
	return true
}

// Busy implements store.Dispatcher: the tenant's deliveries in memory are an eighth of all that may be there.
func (s *Sender) Busy(tenant webhook.ID) (busy bool) {
	s.Batch(func(t store.Dispatcher) { busy = t.Busy(tenant) })
	return busy
}

// Busy implements Sender.
func (t locked) Busy(tenant webhook.ID) bool {
	of := t.tenants[tenant]
	return of != nil && of.held[keepsUp].deliveries+of.held[other].deliveries > t.maxDeliveries/8
}

// affords reports whether g may hold another new delivery. Some headroom is kept for other gates' claims. The caller must
// hold s.mu.
func (s *Sender) affords(g *gate, size int) bool {
	free := s.free()
	free.bytes -= s.cfg.Claims * s.minClaim
	if free.deliveries < 1 || free.bytes < size {
		return false
	}
	if g.tenant.held[g.kind].deliveries == 0 {
		return true
	}
	room := s.room(g, free)
	return room.deliveries >= 1 && room.bytes >= size && (g.deliveries == 0 || g.deliveries < room.deliveries && g.bytes+size <= room.bytes)
}

// Release implements store.Dispatcher.
func (s *Sender) Release(to *store.Target, size int) {
	s.Batch(func(t store.Dispatcher) { t.Release(to, size) })
}

// Release implements Sender.
func (t locked) Release(to *store.Target, size int) {
	s := t.Sender
	g := s.gates[to.ID]
	if g == nil || g.reserved == 0 {
		return
	}
	g.fresh--
	g.reserved--
	s.reserved--
	s.charge(g, -1, -size)
	s.update(g, s.cfg.Now())
}

// Take implements store.Dispatcher. After Run has ended it does nothing: the claim ends with the node's lease.
func (s *Sender) Take(claimed *store.Claimed) {
	s.Batch(func(t store.Dispatcher) { t.Take(claimed) })
}

// Take implements Sender.
func (t locked) Take(claimed *store.Claimed) {
	s := t.Sender
	g := s.gates[claimed.Delivery.WebhookID]
	if g == nil || g.reserved == 0 {
		return
	}
	g.reserved--
	s.reserved--
	if s.phase != serving || !g.open() && claimed.Event.Type != webhook.TypeProbe {
		g.fresh--
		s.giveBack(g, claimed, 0)
		return
	}
	g.enqueue(item{claimed: claimed, fresh: true})
	s.update(g, s.cfg.Now())
}

// Due implements store.Dispatcher.
func (s *Sender) Due(webhookID webhook.ID, at time.Time) {
	s.Batch(func(t store.Dispatcher) { t.Due(webhookID, at) })
}

// Due implements Sender.
func (t locked) Due(webhookID webhook.ID, at time.Time) {
	if t.phase <= serving {
		t.due(webhookID, at, t.cfg.Now())
	}
}

// due notes when a webhook's next delivery is due. A webhook that is not open needs no note: when it is enabled, a claim looks for
// what is due. The caller must hold s.mu.
func (s *Sender) due(id webhook.ID, at, now time.Time) {
	g := s.gates[id]
	if g == nil {
		to := s.cfg.Store.Target(id)
		if !open(to) {
			return
		}
		g = s.gate(to, now)
	}
	if !g.due.IsZero() && !at.Before(g.due) {
		return
	}
	g.due = at
	s.update(g, now)
}

// Changed implements store.Dispatcher.
func (s *Sender) Changed(was, to *store.Target) {
	s.Batch(func(t store.Dispatcher) { t.Changed(was, to) })
}

// Changed implements Sender.
func (t locked) Changed(was, to *store.Target) {
	s := t.Sender
	s.owners = s.cfg.Store.Owners()
	g := s.gates[to.ID]
	if to.DeletedAt != nil || renewed(was, to) {
		delete(s.learned, to.ID)
	}
	wasOpen := open(was) && (g == nil || g.open())
	now := s.cfg.Now()
	switch {
	case g != nil:
		if renewed(was, to) { // the gate may know to already
			g.reset(s.cfg.PerWebhook)
		}
		s.setTarget(g, to)
	case wasOpen || !open(to) || s.phase > serving:
		return
	default:
		g = s.gate(to, now)
	}
	switch {
	case !g.open():
		s.trim(g, 0)
	case !wasOpen:
		g.due = now // held deliveries may be due; one claim finds out
	}
	s.update(g, now)
}

// Nodes implements store.Dispatcher. A webhook's rate is divided evenly. What exceeds a node's share is left for other nodes to
// claim.
func (s *Sender) Nodes(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == s.nodes {
		return
	}
	s.nodes = n
	now := s.cfg.Now()
	for _, g := range s.gates {
		if g.target.RatePerSecond == nil {
			continue
		}
		g.setRate(g.target.RatePerSecond, n)
		s.update(g, now)
	}
	s.dispatch(now)
}

// Claimed implements store.Dispatcher.
func (s *Sender) Claimed() int { return s.Stats().Held }

// Stats is a snapshot of what the sender holds.
type Stats struct {
	Running int // requests in flight
	Slow    int // of them, those that are slow, or whose receivers are slow, failing or unknown
	Held    int // deliveries in memory, including running ones and reservations for new ones and claims
	Bytes   int // charged for Held
	Gates   int // of webhooks that have deliveries, or had some not long ago
	Claims  int // claims running
	Limit   int // of requests in flight
	Pace    int // how many may be quick, so that this host keeps up
	Memory  int // the limit of Bytes
	// Unmade counts the attempts that this host could not make, since the sender was created.
	Unmade int64
}

// Stats returns a snapshot of what the sender holds.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := holding{s.held[keepsUp].deliveries + s.held[other].deliveries, s.held[keepsUp].bytes + s.held[other].bytes}
	return Stats{
		Running: s.quick + s.slow, Slow: s.slow, Held: held.deliveries, Bytes: held.bytes, Gates: len(s.gates), Claims: s.claims,
		Limit: s.cfg.Concurrency, Pace: s.pace, Memory: s.cfg.MemoryBytes, Unmade: s.shortage.all,
	}
}
