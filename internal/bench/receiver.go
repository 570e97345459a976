package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	healthy  = "healthy"
	failing  = "failing"  // answers 500
	flapping = "flapping" // answers 500 every other second
	hanging  = "hanging"  // answers after 30 s
	bare     = "bare"     // healthy, but counted separately: requests of the bare sender
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
		seen map[arrival]uint32
	}
}

// arrival is one event at one webhook.
type arrival struct {
	id   webhook.ID
	hook uint16
}

// received is the receiver's report: totals, so that phases are the differences between reports.
type received struct {
	Deliveries int64 // each counted at its first arrival
	FirstUs    int64 // Unix; 0: none
	Bare       int64
	Latency    [2]histogram.Counts // from the publication's "sent" to the arrival
}

// RunReceiver is the receiver's process: it listens on the given number of loopback ports, prints their addresses as a JSON array,
// and ends when in does.
func RunReceiver(ctx context.Context, in io.Reader, out io.Writer, ports int) error {
	ctx, cancel := child.WithParent(ctx, in)
	defer cancel()
	r := &receiver{}
	r.forget()
	server := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	var group errgroup.Group
	addresses := make([]string, ports)
	for i := range addresses {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return errors.Join(err, server.Close(), group.Wait())
		}
		addresses[i] = l.Addr().String()
		group.Go(func() error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	if err := json.NewEncoder(out).Encode(addresses); err != nil {
		return errors.Join(err, server.Close(), group.Wait())
	}
	<-ctx.Done()
	return errors.Join(server.Close(), group.Wait())
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
	case failing:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case flapping:
		if now.Unix()%2 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
	case hanging:
		select {
		case <-time.After(hang):
		case <-req.Context().Done():
		}
		return
	}
	again := r.remember(arrival{id, uint16(hook)})
	if behaviour == bare {
		r.bare.Add(1)
		return
	}
	if again {
		return
	}
	r.counts.Add(1)
	r.first.CompareAndSwap(0, now.UnixMicro())
	if sent, ok := sentAt(body); ok && behaviour == healthy {
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

// sentAt reads from a body when its event was published, in Unix microseconds.
func sentAt(body []byte) (us int64, ok bool) {
	_, rest, ok := bytes.Cut(body[:min(len(body), 256)], []byte(sentKey))
	if !ok {
		return 0, false
	}
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		us = 10*us + int64(c-'0')
	}
	return us, us > 0
}

// remember counts an arrival and reports whether it is a duplicate.
func (r *receiver) remember(a arrival) (again bool) {
	shard := &r.shards[a.id[15]%64]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.seen[a]++
	return shard.seen[a] > 1
}

func (r *receiver) forget() {
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.Lock()
		shard.seen = map[arrival]uint32{}
		shard.mu.Unlock()
	}
}

// control serves the bench's requests.
func (r *receiver) control(w http.ResponseWriter, req *http.Request, what string) {
	switch what {
	case "stats":
		_ = json.NewEncoder(w).Encode(received{
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
	arrivalBytes   = 16 + 2 + 4
)

// dump writes every arrival: the event's id, the webhook's number, and the number of arrivals.
func (r *receiver) dump(w io.Writer) {
	b := make([]byte, 0, 64<<10)
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.Lock()
		for a, n := range shard.seen {
			b = append(b, a.id[:]...)
			b = binary.BigEndian.AppendUint16(b, a.hook)
			b = binary.BigEndian.AppendUint32(b, n)
			if len(b) > cap(b)-arrivalBytes {
				_, _ = w.Write(b)
				b = b[:0]
			}
		}
		shard.mu.Unlock()
	}
	_, _ = w.Write(b)
}

// receiverClient is the bench's side of a receiver's process.
type receiverClient struct {
	process   *child.Process
	addresses []string
	http      *http.Client
}

func (b *bench) startReceiver(ctx context.Context, ports int) (*receiverClient, error) {
	c, err := b.start(ctx, "receiver", "--role", "receiver", "--ports", strconv.Itoa(ports))
	if err != nil {
		return nil, err
	}
	r := &receiverClient{process: c, http: &http.Client{Transport: &http.Transport{}}}
	line, err := c.Line(ctx)
	if err == nil {
		err = json.Unmarshal([]byte(line), &r.addresses)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start receiver: %w", err), c.Stop())
	}
	return r, nil
}

func (r *receiverClient) url(behaviour string, hook int) string {
	return "http://" + r.addresses[hook%len(r.addresses)] + "/" + behaviour + "/" + strconv.Itoa(hook)
}

func (r *receiverClient) ask(ctx context.Context, what string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.addresses[0]+"/control/"+what, nil)
	if err != nil {
		return nil, err
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask receiver: %w", err)
	}
	return res.Body, nil
}

func (r *receiverClient) stats(ctx context.Context) (s received, err error) {
	body, err := r.ask(ctx, "stats")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return s, json.NewDecoder(body).Decode(&s)
}

func (r *receiverClient) forget(ctx context.Context) error { return r.tell(ctx, "forget") }

func (r *receiverClient) mark(ctx context.Context) error { return r.tell(ctx, "mark") }

func (r *receiverClient) tell(ctx context.Context, what string) error {
	body, err := r.ask(ctx, what)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, body)
	return body.Close()
}

// follow calls each with the number of deliveries whenever the receiver reports it, until ctx ends.
func (r *receiverClient) follow(ctx context.Context, each func(deliveries int64)) error {
	body, err := r.ask(ctx, "follow")
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	var b [8]byte
	for {
		if _, err := io.ReadFull(body, b[:]); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("follow receiver: %w", err)
		}
		each(int64(binary.BigEndian.Uint64(b[:]))) //nolint:gosec // a count
	}
}

// arrivals calls each for every arrival.
func (r *receiverClient) arrivals(ctx context.Context, each func(a arrival, times uint32)) (err error) {
	body, err := r.ask(ctx, "arrivals")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	b := make([]byte, arrivalBytes*2000)
	for {
		n, err := io.ReadFull(body, b)
		for at := 0; at+arrivalBytes <= n; at += arrivalBytes {
			row := b[at:]
			each(arrival{webhook.ID(row[:16]), binary.BigEndian.Uint16(row[16:])}, binary.BigEndian.Uint32(row[18:]))
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return fmt.Errorf("read arrivals: %w", err)
		}
	}
}
