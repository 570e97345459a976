package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// victimEvery is the time between two events of the victim.
const victimEvery = 50 * time.Millisecond

// envVictim makes the test's program a victim, in a process of its own: attackers, which run in the test's process, do not slow
// down its measurements. Its value is a victimOf.
const envVictim = "HOOKGRAPH_TEST_VICTIM"

// victimOf is the server, and the token of the victim's tenant.
type victimOf struct{ URL, Token string }

// victimAnswer is the process's response to a line of input. A duration makes it publish for that long; an empty line makes it wait
// until its stream is complete.
type victimAnswer struct {
	Published, Arrived latencies
	Errors             []string
}

// latencies are compared by p99.
type latencies []time.Duration

func (l latencies) p99() time.Duration {
	if len(l) == 0 {
		return 0
	}
	slices.Sort(l)
	return l[(len(l)-1)*99/100].Round(100 * time.Microsecond)
}

// victim is a process that acts as a tenant: it publishes steadily to one webhook and watches its stream.
type victim struct {
	in  io.Writer
	out *bufio.Scanner
}

func newVictim(t *testing.T, operator *client) *victim {
	t.Helper()
	c := operator.tenant(t, "victim")
	of, err := json.Marshal(victimOf{c.url, c.token})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envVictim+"="+string(of))
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	v := &victim{in: in, out: bufio.NewScanner(out)}
	v.out.Buffer(nil, 1<<20)
	return v
}

// run makes the victim publish for a time, and wait until everything has arrived.
func (v *victim) run(t *testing.T, lasting time.Duration) victimAnswer {
	t.Helper()
	return v.ask(t, lasting.String())
}

// complete waits until the victim's stream has shown every event that was acknowledged, each once.
func (v *victim) complete(t *testing.T) {
	t.Helper()
	v.ask(t, "")
}

func (v *victim) ask(t *testing.T, line string) (answer victimAnswer) {
	t.Helper()
	if _, err := io.WriteString(v.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
	if !v.out.Scan() {
		t.Fatalf("the victim's process has ended: %v", v.out.Err())
	}
	if err := json.Unmarshal(v.out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	for _, e := range answer.Errors {
		t.Error("the victim: " + e)
	}
	return answer
}

// victimMain is the victim's process: it executes the lines of in until in ends.
func victimMain(in io.Reader, out io.Writer) error {
	var of victimOf
	if err := json.Unmarshal([]byte(os.Getenv(envVictim)), &of); err != nil {
		return err
	}
	p := &publisher{
		of: of, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		arrivals: map[string]chan time.Time{}, wanted: map[string]bool{}, shown: map[string][]streamed{}, ended: make(chan struct{}),
	}
	receiver := httptest.NewServer(http.HandlerFunc(p.receive))
	defer receiver.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := p.call(ctx, "/v1/webhooks", `{"url": "`+receiver.URL+`"}`, http.StatusCreated); err != nil {
		return err
	}
	if err := p.watch(ctx); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var answer victimAnswer
		if lasting, err := time.ParseDuration(lines.Text()); err == nil {
			answer = p.run(ctx, lasting)
		} else {
			answer.Errors = p.complete()
		}
		if err := json.NewEncoder(out).Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// publisher is the work of the victim's process.
type publisher struct {
	of   victimOf
	http *http.Client

	ended    chan struct{}             // closed when the stream has ended
	mu       sync.Mutex                // guards what follows
	arrivals map[string]chan time.Time // by event
	wanted   map[string]bool           // events acknowledged
	shown    map[string][]streamed     // attempts in the stream, by event
}

func (p *publisher) receive(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case p.arrival(r.Header.Get("webhook-id")) <- now:
	default: // a duplicate
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *publisher) arrival(event string) chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.arrivals[event]
	if c == nil {
		c = make(chan time.Time, 1)
		p.arrivals[event] = c
	}
	return c
}

// request sends a request and returns the response. A status other than the given one is an error.
func (p *publisher) request(ctx context.Context, path, accept, body string, status int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.of.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.of.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	res, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != status {
		text, err := io.ReadAll(res.Body)
		return nil, errors.Join(fmt.Errorf("%s: %d %s", path, res.StatusCode, text), err, res.Body.Close())
	}
	return res, nil
}

func (p *publisher) call(ctx context.Context, path, body string, status int) (id string, err error) {
	res, err := p.request(ctx, path, "application/json", body, status)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	var made struct{ ID string }
	err = json.NewDecoder(res.Body).Decode(&made)
	_, _ = io.Copy(io.Discard, res.Body)
	return made.ID, err
}

// watch follows the stream until ctx ends. It has begun when the head of the response arrives.
func (p *publisher) watch(ctx context.Context) error {
	res, err := p.request(ctx, "/graphql", "text/event-stream",
		`{"query": "subscription { deliveryAttempts { cursor node { number status event { id } } } }"}`, http.StatusOK)
	if err != nil {
		return err
	}
	go func() {
		defer close(p.ended)
		defer func() { _ = res.Body.Close() }()
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			var answer struct {
				Data struct{ DeliveryAttempts *streamed }
			}
			data, ok := strings.CutPrefix(lines.Text(), "data:")
			if !ok || json.Unmarshal([]byte(data), &answer) != nil || answer.Data.DeliveryAttempts == nil {
				continue
			}
			s := *answer.Data.DeliveryAttempts
			p.mu.Lock()
			p.shown[s.Node.Event.ID] = append(p.shown[s.Node.Event.ID], s)
			p.mu.Unlock()
		}
	}()
	return nil
}

// run publishes at a steady rate for a time, however slow the responses, and waits until everything has arrived.
func (p *publisher) run(ctx context.Context, lasting time.Duration) (answer victimAnswer) {
	var mu sync.Mutex
	var calls sync.WaitGroup
	fail := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		answer.Errors = append(answer.Errors, fmt.Sprintf(format, args...))
	}
	tick := time.NewTicker(victimEvery)
	defer tick.Stop()
	for end := time.Now().Add(lasting); time.Now().Before(end); <-tick.C {
		begun := time.Now()
		calls.Go(func() {
			id, err := p.call(ctx, "/v1/events", `{"type": "humanization.completed", "data": {"job_id": "job_42"}}`, http.StatusAccepted)
			answered := time.Since(begun)
			if err != nil {
				fail("its event was not taken after %v: %v", answered, err)
				return
			}
			p.mu.Lock()
			p.wanted[id] = true
			p.mu.Unlock()
			select {
			case at := <-p.arrival(id):
				mu.Lock()
				answer.Published, answer.Arrived = append(answer.Published, answered), append(answer.Arrived, at.Sub(begun))
				mu.Unlock()
			case <-time.After(time.Minute):
				fail("event %s did not arrive", id)
			}
		})
	}
	calls.Wait()
	return answer
}

// complete waits until the stream is complete, or returns what is missing.
func (p *publisher) complete() (wrong []string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for missing := p.missing(); missing > 0; missing = p.missing() {
		select {
		case <-tick.C:
		case <-p.ended:
			return append(wrong, fmt.Sprintf("its stream ended without %d events", missing))
		case <-deadline:
			return append(wrong, fmt.Sprintf("its stream did not show %d events", missing))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, shown := range p.shown {
		if len(shown) != 1 || shown[0].Node.Number != 1 || shown[0].Node.Status != "SUCCEEDED" {
			wrong = append(wrong, fmt.Sprintf("event %s was shown as %+v", id, shown))
		}
	}
	return wrong
}

// missing counts the events that the stream has not shown yet.
func (p *publisher) missing() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.wanted {
		if len(p.shown[id]) == 0 {
			n++
		}
	}
	return n
}
