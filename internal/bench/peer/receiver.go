package peer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/bench/histogram"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// How a receiver behaves. It is the first part of the path; the second is the webhook's number: /healthy/7.
const (
	Healthy  = "healthy"
	Failing  = "failing"  // answers 500
	Flapping = "flapping" // answers 500 every other second
	Hanging  = "hanging"  // answers after 30 s
	Bare     = "bare"     // healthy, but counted separately: requests of the bare sender
)

const hang = 30 * time.Second

// receiver accepts deliveries and records them. It verifies nothing, so that its own cost is small, and the same for the server and
// the bare sender.
type receiver struct {
	counts atomic.Int64 // deliveries that were answered 2xx, including duplicates
	first  atomic.Int64 // arrival of the first, in Unix microseconds; 0: none yet
	bare   atomic.Int64

	latency [2]histogram.Histogram // of the webhooks whose number is 0, and of the others
	shards  [64]struct {
		mu   sync.Mutex
		seen map[Arrival]uint32
	}
}

// Arrival is one event at one webhook.
type Arrival struct {
	Event webhook.ID
	Hook  uint16
}

// Received is the receiver's report: totals, so that phases are the differences between reports.
type Received struct {
	Deliveries int64 // each counted at its first arrival
	FirstUs    int64 // Unix; 0: none
	Bare       int64
	Latency    [2]histogram.Counts // from the publication's "sent" to the arrival
}

// Listeners says on how many loopback addresses a receiver listens.
type Listeners struct {
	Plain int // http; at least 1
	TLS   int // https, HTTP/1.1 alone
	HTTP2 int // https, HTTP/2 or HTTP/1.1
}

// Receiver is where a receiver listens.
type Receiver struct {
	Plain, TLS, HTTP2 []string // host:port
	CA                string   // the certificate authority of https, in PEM; "": there is no https
}

// RunReceiver is the receiver's process: it listens, prints the Receiver as a line of JSON, and ends when in does.
func RunReceiver(ctx context.Context, in io.Reader, out io.Writer, on Listeners) error {
	ctx, cancel := child.WithParent(ctx, in)
	defer cancel()
	r := &receiver{}
	r.forget()
	var is Receiver
	var group errgroup.Group
	var servers []*http.Server
	stop := func(err error) error {
		for _, s := range servers {
			err = errors.Join(err, s.Close())
		}
		return errors.Join(err, group.Wait())
	}
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		n         int
		protocols []string // nil: no TLS
		addresses *[]string
	}{{on.Plain, nil, &is.Plain}, {on.TLS, []string{"http/1.1"}, &is.TLS}, {on.HTTP2, []string{"h2", "http/1.1"}, &is.HTTP2}} {
		s := &http.Server{
			Handler: r, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
			TLSConfig: authority.config(kind.protocols), ErrorLog: log.New(io.Discard, "", 0),
		}
		servers = append(servers, s)
		serve := s.Serve
		if kind.protocols != nil && kind.n > 0 {
			is.CA = authority.pem
			serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
		}
		for i := range kind.n {
			l, err := listen(ctx, i, kind.protocols != nil)
			if err != nil {
				return stop(err)
			}
			*kind.addresses = append(*kind.addresses, l.Addr().String())
			group.Go(func() error {
				if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
					return err
				}
				return nil
			})
		}
	}
	if err := json.NewEncoder(out).Encode(is); err != nil {
		return stop(err)
	}
	<-ctx.Done()
	return stop(nil)
}

// listen listens on a port of its own; with apart, also on an address of its own, the nth, if the system has all of 127.0.0.0/8.
func listen(ctx context.Context, n int, apart bool) (net.Listener, error) {
	var c net.ListenConfig
	if apart {
		if l, err := c.Listen(ctx, "tcp", fmt.Sprintf("127.%d.%d.1:0", n>>8, n&255)); err == nil {
			return l, nil
		}
	}
	return c.Listen(ctx, "tcp", "127.0.0.1:0")
}

var bodies = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	now := time.Now()
	behaviour, rest, _ := strings.Cut(req.URL.Path[1:], "/")
	if behaviour == "control" {
		r.control(w, req, rest)
		return
	}
	pooled := bodies.Get().(*[]byte)
	defer bodies.Put(pooled)
	body, err := readAll(req.Body, *pooled)
	if err != nil {
		return // the sender went away
	}
	id, err := webhook.ParseID(req.Header.Get("webhook-id"))
	if err != nil {
		http.Error(w, "webhook-id: "+err.Error(), http.StatusBadRequest)
		return
	}
	hook, err := strconv.ParseUint(rest, 10, 16)
	if err != nil {
		http.Error(w, "no webhook has this path", http.StatusNotFound)
		return
	}
	switch behaviour {
	case Failing:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case Flapping:
		if now.Unix()%2 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
	case Hanging:
		select {
		case <-time.After(hang):
		case <-req.Context().Done():
		}
		return
	}
	again := r.remember(Arrival{id, uint16(hook)})
	if behaviour == Bare {
		r.bare.Add(1)
		return
	}
	if again {
		return
	}
	r.counts.Add(1)
	r.first.CompareAndSwap(0, now.UnixMicro())
	if sent, ok := sentAt(body); ok && behaviour == Healthy {
		r.latency[min(hook, 1)].Add(time.Duration(now.UnixMicro()-sent) * time.Microsecond)
	}
}

func readAll(r io.Reader, buf []byte) ([]byte, error) {
	n := 0
	for n < len(buf) {
		m, err := r.Read(buf[n:])
		n += m
		if err == io.EOF {
			return buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
	_, err := io.Copy(io.Discard, r)
	return buf, err
}

// remember counts an arrival and reports whether it is a duplicate.
func (r *receiver) remember(a Arrival) (again bool) {
	shard := &r.shards[a.Event[15]%64]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.seen[a]++
	return shard.seen[a] > 1
}

func (r *receiver) forget() {
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.Lock()
		shard.seen = map[Arrival]uint32{}
		shard.mu.Unlock()
	}
}

// control serves the bench's requests.
func (r *receiver) control(w http.ResponseWriter, req *http.Request, what string) {
	switch what {
	case "stats":
		_ = json.NewEncoder(w).Encode(Received{
			Deliveries: r.counts.Load(), FirstUs: r.first.Load(), Bare: r.bare.Load(),
			Latency: [2]histogram.Counts{r.latency[0].Counts(), r.latency[1].Counts()},
		})
	case "follow":
		r.follow(w, req)
	case "forget": // between the phases of the bare sender and the server
		r.forget()
		r.first.Store(0)
	case "mark": // the next delivery is the first
		r.first.Store(0)
	case "arrivals":
		r.dump(w)
	default:
		http.NotFound(w, req)
	}
}

// follow writes the number of deliveries, 8 bytes, every few milliseconds. Polling would cost more.
func (r *receiver) follow(w http.ResponseWriter, req *http.Request) {
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	flusher := http.NewResponseController(w)
	last := int64(-1)
	for {
		if n := r.counts.Load(); n != last {
			last = n
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // a count
			if _, err := w.Write(b[:]); err != nil || flusher.Flush() != nil {
				return
			}
		}
		select {
		case <-req.Context().Done():
			return
		case <-tick.C:
		}
	}
}

const (
	followInterval = 2 * time.Millisecond
	// ArrivalBytes is the size of one arrival in what control/arrivals answers.
	ArrivalBytes = 16 + 2 + 4
)

// dump writes every arrival: the event's id, the webhook's number, and the number of arrivals.
func (r *receiver) dump(w io.Writer) {
	b := make([]byte, 0, 64<<10)
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.Lock()
		for a, n := range shard.seen {
			b = append(b, a.Event[:]...)
			b = binary.BigEndian.AppendUint16(b, a.Hook)
			b = binary.BigEndian.AppendUint32(b, n)
			if len(b) > cap(b)-ArrivalBytes {
				_, _ = w.Write(b)
				b = b[:0]
			}
		}
		shard.mu.Unlock()
	}
	_, _ = w.Write(b)
}
