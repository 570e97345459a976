package app

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// killedListener is hookgraph listen as a process that is killed and started again, and what arrives at its endpoint.
type killedListener struct {
	local string
	state string

	mu      sync.Mutex
	arrived []string // webhook-id of each request, in order
	wait    int      // the arrival at which reached is closed
	reached chan struct{}
}

// arrives is the endpoint.
func (k *killedListener) arrives(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	k.arrived = append(k.arrived, r.Header.Get("webhook-id"))
	if len(k.arrived) == k.wait {
		close(k.reached)
	}
	k.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// next returns a channel that is closed when n more requests have arrived.
func (k *killedListener) next(n int) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wait, k.reached = len(k.arrived)+n, make(chan struct{})
	return k.reached
}

// start starts the process, and returns when it reads the stream, or soon will.
func (k *killedListener) start(t *testing.T, p *program) (kill func()) {
	t.Helper()
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "listen", "--forward", k.local, "--state", k.state, "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1", "HOOKGRAPH_URL="+p.url, "HOOKGRAPH_TOKEN="+p.token)
		cmd.Stdout = io.Discard
		told, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		drained := make(chan struct{})
		ready := make(chan bool, 1)
		go func() {
			defer close(drained)
			for lines := bufio.NewScanner(told); lines.Scan(); {
				if strings.Contains(lines.Text(), "is forwarded to") {
					ready <- true
				}
			}
			close(ready)
		}()
		kill = sync.OnceFunc(func() {
			_ = cmd.Process.Kill()
			<-drained
			_ = cmd.Wait()
		})
		t.Cleanup(kill)
		if <-ready {
			return kill
		}
		kill() // the server was not there yet
	}
}

// Whenever the server or listen is killed, every first attempt is forwarded, in the order of the stream, and only a request is repeated that was
// under way when listen was killed: at most one for each of its kills, right after itself.
func TestListenUnderKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	rounds := *faultRounds
	if rounds == 0 {
		rounds = 6
	}
	receiver := webhooktest.NewReceiver(t)
	local := webhooktest.NewReceiver(t)
	k := &killedListener{local: local.URL, state: filepath.Join(t.TempDir(), "state"), reached: make(chan struct{})}
	local.Answer(k.arrives)
	for _, r := range []*webhooktest.Receiver{receiver, local} { // nobody else reads what arrives
		go func() {
			for {
				select {
				case <-r.Requests:
				case <-t.Context().Done():
					return
				}
			}
		}()
	}
	dir := t.TempDir()
	p, killServer := start(t, dir)
	token, address := p.token, strings.TrimPrefix(p.url, "http://")
	c := &client{p.url, token}
	c.createWebhook(t, map[string]any{"url": receiver.URL})
	killListener := k.start(t, p)
	listenerKills := 0
	for range rounds {
		arrives := k.next(1 + rand.IntN(20))
		c.publishMany(t, "a.b", 20)
		<-arrives
		if rand.IntN(2) == 0 {
			killListener()
			listenerKills++
			killListener = k.start(t, p)
			continue
		}
		killServer()
		p, killServer = startBy(t, []string{"sh", "-c", `exec "$@" --listen ` + address, "sh"}, dir)
		p.token = token
	}
	c.settle(t)
	last := c.publish(t, "a.last") // the last in the stream
	webhooktest.Eventually(t, "the last event is forwarded", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return slices.Contains(k.arrived, last)
	})
	killListener()
	var want []string
	watched, err := subscribe(t.Context(), c.socket(t), "", `subscription { deliveryAttempts(since: "-PT1H") { cursor node { number event { id } } } }`)
	if err != nil {
		t.Fatal(err)
	}
	for {
		a := watched.next(t)
		if a.Node.Number == 1 {
			want = append(want, a.Node.Event.ID)
		}
		if a.Node.Event.ID == last {
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	once := slices.Compact(slices.Clone(k.arrived))
	repeated := len(k.arrived) - len(once)
	t.Logf("%d attempts, %d kills of listen, %d requests repeated", len(want), listenerKills, repeated)
	if repeated > listenerKills {
		t.Errorf("%d requests are repeated, and listen was killed %d times", repeated, listenerKills)
	}
	if !slices.Equal(once, want) {
		t.Errorf("%d requests arrived without those repeated, %d attempts are in the stream; or in another order", len(once), len(want))
	}
}
