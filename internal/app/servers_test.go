package app

import (
	"crypto/sha256"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// process is what a server could change of the process that it runs in.
type process struct {
	gcPercent, memoryLimit uint64
	processors             int
	output                 io.Writer // of the standard logger
	flags                  int
	prefix                 string
	logger                 *slog.Logger
	transport              http.RoundTripper
	client                 *http.Client
	mux                    *http.ServeMux
	resolver               *net.Resolver
	environment            [sha256.Size]byte // a hash, because a report must not show it
	directory              string
	hangup                 bool // it is ignored
}

func processNow(t *testing.T) process {
	t.Helper()
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(samples)
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return process{
		gcPercent: samples[0].Value.Uint64(), memoryLimit: samples[1].Value.Uint64(), processors: runtime.GOMAXPROCS(0),
		output: stdlog.Writer(), flags: stdlog.Flags(), prefix: stdlog.Prefix(), logger: slog.Default(),
		transport: http.DefaultTransport, client: http.DefaultClient, mux: http.DefaultServeMux, resolver: net.DefaultResolver,
		environment: sha256.Sum256([]byte(strings.Join(os.Environ(), "\n"))), directory: directory, hangup: signal.Ignored(syscall.SIGHUP),
	}
}

// tenantOf is a server with a webhook, and what arrived there.
type tenantOf struct {
	*program
	*client
	receiver  *webhooktest.Receiver
	published map[string]bool // ids of its events
}

// deliver publishes an event and waits until it has arrived. Nothing but the server's own events may arrive.
func (o *tenantOf) deliver(t *testing.T) {
	t.Helper()
	id := o.publish(t, "humanization.completed")
	o.published[id] = true
	for got := ""; got != id; {
		request := o.receiver.Next(t)
		if strings.Contains(string(request.Body), `"type":"start"`) { // of watching
			continue
		}
		if got = request.Header.Get("webhook-id"); !o.published[got] {
			t.Errorf("the event %s arrived, which is another server's", got)
		}
	}
}

// Several servers run in one process, each with a database, tokens and an end of its own: one that stops takes nothing from another and can
// start again, and none changes a setting of the process.
func TestServersInOneProcess(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testServersInOneProcess(t, t.TempDir(), t.TempDir()) })
	t.Run("postgres", func(t *testing.T) {
		testServersInOneProcess(t, webhooktest.Postgres(t), webhooktest.Postgres(t)) // of one PostgreSQL server
	})
}

func testServersInOneProcess(t *testing.T, first, second string) {
	t.Helper()
	before := processNow(t)
	start := func(database string) *tenantOf {
		p := boot(t, database)
		o := &tenantOf{p, &client{p.url, p.token}, webhooktest.NewReceiver(t), map[string]bool{}}
		o.mutate(t, createWebhook, map[string]any{"url": o.receiver.URL}, &struct{}{})
		return o
	}
	one, other := start(first), start(second)
	one.deliver(t)
	other.deliver(t)
	if status := (&client{one.program.url, other.program.token}).rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusUnauthorized {
		t.Errorf("a server answers the other's token with %d", status)
	}

	w := other.watch(t, "")
	watching(t, other.client, w)
	seen := func() {
		t.Helper()
		id := other.publish(t, "seen")
		other.published[id] = true
		for s := w.next(t); s.Node.Event.ID != id; s = w.next(t) {
		}
	}
	one.stop()
	seen()
	other.deliver(t)

	again := boot(t, first)
	one.client.url = again.url
	one.deliver(t)
	other.stop()
	one.deliver(t)
	again.stop()
	if after := processNow(t); after != before {
		t.Errorf("the process is\n%+v, and was\n%+v", after, before)
	}
}
