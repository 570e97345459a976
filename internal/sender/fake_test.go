package sender

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// memory is a store in memory. It checks that the sender records or releases only what it has claimed.
type memory struct {
	stuck     bool            // large results stay unwritten
	unwritten []*store.Result // such results

	mu       sync.Mutex
	targets  map[webhook.ID]*store.Target
	owners   map[webhook.ID]int              // webhooks of each tenant that has some
	due      map[webhook.ID][]*store.Claimed // unclaimed, in order of NextAttemptAt
	claimed  map[*store.Claimed]bool
	results  []*store.Result
	claims   int
	returned int
	wrong    []string

	now       func() time.Time
	claimTime time.Duration
	claimErr  error
	recordErr error

	payloads   map[int64]*payload.Payload
	payloadErr error
	onRecord   func(*store.Result)
}

func newMemory() *memory {
	return &memory{
		now: time.Now, targets: map[webhook.ID]*store.Target{}, owners: map[webhook.ID]int{}, due: map[webhook.ID][]*store.Claimed{}, claimed: map[*store.Claimed]bool{},
	}
}

func (m *memory) Targets(context.Context) ([]store.TargetDue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []store.TargetDue
	for id, to := range m.targets {
		all = append(all, store.TargetDue{Target: to, Due: m.next(id)})
	}
	return all, nil
}

func (m *memory) Payload(_ context.Context, _ webhook.ID, version int64) (*payload.Payload, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.payloadErr != nil {
		return nil, m.payloadErr
	}
	return m.payloads[version], nil
}

func (m *memory) Target(id webhook.ID) *store.Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.targets[id]
}

func (m *memory) Owners() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.owners)
}

// change does what the store does with a changed webhook.
func (m *memory) change(s *Sender, to *store.Target) {
	m.mu.Lock()
	was := m.targets[to.ID]
	m.targets[to.ID] = to
	if to.DeletedAt != nil {
		delete(m.targets, to.ID)
		if m.owners[to.TenantID]--; m.owners[to.TenantID] == 0 {
			delete(m.owners, to.TenantID)
		}
	}
	m.mu.Unlock()
	s.Changed(was, to)
}

func (m *memory) next(id webhook.ID) *time.Time {
	if len(m.due[id]) == 0 {
		return nil
	}
	return m.due[id][0].Delivery.NextAttemptAt
}

func (m *memory) Claim(ctx context.Context, id webhook.ID, n, maxBytes int) ([]*store.Claimed, *time.Time, error) {
	m.mu.Lock()
	wait := m.claimTime
	m.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims++
	if m.claimErr != nil {
		return nil, nil, m.claimErr
	}
	var claims []*store.Claimed
	list := m.due[id]
	for len(list) > 0 && len(claims) < n && !list[0].Delivery.NextAttemptAt.After(m.now()) {
		if maxBytes -= list[0].Size(); maxBytes < 0 && len(claims) > 0 {
			break
		}
		m.claimed[list[0]] = true
		claims = append(claims, list[0])
		list = list[1:]
	}
	m.due[id] = list
	return claims, m.next(id), nil
}

func (m *memory) Record(_ context.Context, r *store.Result) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.recordErr != nil {
		return m.recordErr
	}
	m.let(r.Claimed, "recorded")
	m.results = append(m.results, r)
	if m.onRecord != nil {
		m.onRecord(r)
	}
	switch {
	case r.Written == nil:
	case m.stuck:
		m.unwritten = append(m.unwritten, r)
	default:
		r.Written()
	}
	return nil
}

func (m *memory) Unclaim(_ context.Context, claims []*store.Claimed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, claimed := range claims {
		m.let(claimed, "given back")
		m.returned++
		if !claimed.Delivery.Expired(m.now()) { // else it has failed
			m.insert(claimed)
		}
	}
	return nil
}

// releases returns how many claims were given back.
func (m *memory) releases() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.returned
}

func (m *memory) let(claimed *store.Claimed, what string) {
	if !m.claimed[claimed] {
		m.wrong = append(m.wrong, fmt.Sprintf("%s %s, not claimed", claimed.Delivery.ID, what))
	}
	delete(m.claimed, claimed)
}

func (m *memory) insert(claimed *store.Claimed) {
	list := m.due[claimed.Delivery.WebhookID]
	at, _ := slices.BinarySearchFunc(list, claimed.Delivery.NextAttemptAt.Add(1), func(a *store.Claimed, t time.Time) int {
		return a.Delivery.NextAttemptAt.Compare(t)
	})
	m.due[claimed.Delivery.WebhookID] = slices.Insert(list, at, claimed)
}

// fail makes claims and records fail with err from now on; nil ends that.
func (m *memory) fail(claims, records error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claimErr, m.recordErr = claims, records
}

// attempts lists the recorded attempts.
func (m *memory) attempts() []*store.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.results)
}

// asked returns the number of claims.
func (m *memory) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.claims
}

// waiting returns the number of h's unclaimed deliveries.
func (m *memory) waiting(to *store.Target) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.due[to.ID])
}

// hold records j as claimed.
func (m *memory) hold(claimed *store.Claimed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claimed[claimed] = true
}

// slow makes claims take d from now on.
func (m *memory) slow(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claimTime = d
}

// add registers a webhook whose host is its name.
func (m *memory) add(name string, change ...func(*store.Target)) *store.Target {
	now := time.Now()
	to := &store.Target{Webhook: webhook.Webhook{
		ID: webhook.NewID(now), TenantID: webhook.NewID(now), URL: "https://" + name + "/hook", Enabled: true, UpdatedAt: now,
	}}
	to.Secrets = []*webhook.Secret{webhook.NewSecret(to.TenantID, to.ID, webhook.SchemeHMAC, now)}
	for _, f := range change {
		f(to)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.targets[to.ID] = to
	m.owners[to.TenantID]++
	return to
}

func newClaimed(to *store.Target, at time.Time, dataBytes int) *store.Claimed {
	data := append([]byte{'"'}, make([]byte, dataBytes)...)
	for i := range data[1:] {
		data[1+i] = 'x'
	}
	e := &webhook.Event{ID: webhook.NewID(at), TenantID: to.TenantID, Type: "humanization.completed", Timestamp: at, Data: append(data, '"'), CreatedAt: at}
	return &store.Claimed{Event: e, Target: to, Delivery: webhook.Delivery{
		ID: webhook.NewID(at), TenantID: to.TenantID, EventID: e.ID, WebhookID: to.ID, Status: webhook.Pending,
		Trigger: webhook.TriggerSchedule, NextAttemptAt: &at, CreatedAt: at,
	}}
}

// backlog creates n deliveries that are due at the given time.
func (m *memory) backlog(to *store.Target, n int, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		m.due[to.ID] = append(m.due[to.ID], newClaimed(to, at, 100))
	}
}

// publish does what the store does with a new event: hand the delivery over in memory, or insert it and call Due. It reports
// whether it was handed over.
func (m *memory) publish(s *Sender, to *store.Target, dataBytes int) bool {
	claimed := newClaimed(to, m.now(), dataBytes)
	if s.Reserve(to, claimed.Size()) {
		m.hold(claimed)
		s.Take(claimed)
		return true
	}
	m.mu.Lock()
	m.insert(claimed)
	m.mu.Unlock()
	s.Due(to.ID, *claimed.Delivery.NextAttemptAt)
	return false
}

func (m *memory) count(to *store.Target) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, r := range m.results {
		if r.Attempt.WebhookID == to.ID {
			n++
		}
	}
	return n
}

// receivers is a client that answers by host, and counts what is in flight.
type receivers struct {
	mu       sync.Mutex
	answer   map[string]func(ctx context.Context, r *egress.Request) egress.Result
	inFlight map[string]int
	most     map[string]int // in flight at once, since the last time it was cleared
	starts   map[string][]time.Time
	total    int
	mostAll  int
}

func newReceivers() *receivers {
	return &receivers{
		answer: map[string]func(context.Context, *egress.Request) egress.Result{}, inFlight: map[string]int{},
		most: map[string]int{}, starts: map[string][]time.Time{},
	}
}

func (c *receivers) Do(ctx context.Context, r *egress.Request) egress.Result {
	host := r.URL.Host
	c.mu.Lock()
	c.inFlight[host]++
	c.total++
	c.most[host] = max(c.most[host], c.inFlight[host])
	c.mostAll = max(c.mostAll, c.total)
	c.starts[host] = append(c.starts[host], time.Now())
	f := c.answer[host]
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.inFlight[host]--
		c.total--
		c.mu.Unlock()
	}()
	if f == nil {
		f = after(10*time.Millisecond, 204)
	}
	return f(ctx, r)
}

func (c *receivers) set(host string, f func(context.Context, *egress.Request) egress.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer[host] = f
}

// begun returns the start times of requests to the host.
func (c *receivers) begun(host string) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.starts[host])
}

// limits returns the most requests that were in flight at once, in all and to one host.
func (c *receivers) limits() (all, one int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.most {
		one = max(one, n)
	}
	return c.mostAll, one
}

// peak returns the most requests in flight since it was last asked.
func (c *receivers) peak(host string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.most[host]
	c.most[host] = c.inFlight[host]
	return n
}

// after answers with a status after some time; status 0 hangs until the deadline.
func after(d time.Duration, status int) func(context.Context, *egress.Request) egress.Result {
	return func(ctx context.Context, _ *egress.Request) egress.Result {
		start := time.Now()
		var timer <-chan time.Time
		if status != 0 {
			timer = time.After(d)
		}
		select {
		case <-timer:
			return egress.Result{StatusCode: status, Header: http.Header{}, Timings: egress.Timings{Total: time.Since(start)}}
		case <-ctx.Done():
			code := egress.Timeout
			if errors.Is(ctx.Err(), context.Canceled) {
				code = egress.Canceled
			}
			return egress.Result{Code: code, Message: "too late", Timings: egress.Timings{Total: time.Since(start)}}
		}
	}
}

var hang = after(0, 0)

// world is a sender with its surroundings, in a bubble.
type world struct {
	*memory
	client *receivers
	sender *Sender
	stop   func() // ends Run and waits for it
}

// bubble runs a test in virtual time. set may change the configuration.
func bubble(t *testing.T, set func(*Config), test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{memory: newMemory(), client: newReceivers()}
		cfg := Config{Store: w.memory, Client: w.client}
		if set != nil {
			set(&cfg)
		}
		w.sender = New(cfg)
		test(t, w)
		if w.stop != nil {
			w.stop()
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, wrong := range w.wrong {
			t.Error(wrong)
		}
		if n := len(w.claimed); n > 0 {
			t.Errorf("%d deliveries are still claimed after the end", n)
		}
		if s := w.sender.Stats(); s.Held != 0 || s.Bytes != 0 || s.Running != 0 || s.Claims != 0 {
			t.Errorf("left in the books: %+v", s)
		}
		if used := w.sender.answers.Used(); used != 0 && !w.stuck {
			t.Errorf("%d bytes of answers are left in the books", used)
		}
	})
}

func (w *world) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.sender.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
