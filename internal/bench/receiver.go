package bench

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// receiverClient is the bench's side of a receiver's process.
type receiverClient struct {
	peer.Receiver

	process *child.Process
	http    *http.Client
}

func (b *bench) startReceiver(ctx context.Context, on peer.Listeners) (*receiverClient, error) {
	c, err := b.start(ctx, "receiver", "--role", "receiver",
		"--ports", strconv.Itoa(on.Plain), "--tls-ports", strconv.Itoa(on.TLS), "--http2-ports", strconv.Itoa(on.HTTP2))
	if err != nil {
		return nil, err
	}
	r := &receiverClient{process: c, http: &http.Client{Transport: &http.Transport{}}}
	line, err := c.Line(ctx)
	if err == nil {
		err = json.Unmarshal([]byte(line), &r.Receiver)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start receiver: %w", err), c.Stop())
	}
	if r.CA != "" {
		if err := os.WriteFile(filepath.Join(b.dir, authorityFile), []byte(r.CA), 0o600); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	return r, nil
}

func (r *receiverClient) url(behaviour string, hook int) string {
	return urlAt("http", r.Plain[hook%len(r.Plain)], behaviour, hook)
}

func urlAt(scheme, address, behaviour string, hook int) string {
	return scheme + "://" + address + "/" + behaviour + "/" + strconv.Itoa(hook)
}

func (r *receiverClient) ask(ctx context.Context, what string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Plain[0]+"/control/"+what, nil)
	if err != nil {
		return nil, err
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask receiver: %w", err)
	}
	return res.Body, nil
}

func (r *receiverClient) stats(ctx context.Context) (s peer.Received, err error) {
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
func (r *receiverClient) arrivals(ctx context.Context, each func(a peer.Arrival, times uint32)) (err error) {
	body, err := r.ask(ctx, "arrivals")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	b := make([]byte, peer.ArrivalBytes*2000)
	for {
		n, err := io.ReadFull(body, b)
		for at := 0; at+peer.ArrivalBytes <= n; at += peer.ArrivalBytes {
			row := b[at:]
			each(peer.Arrival{Event: webhook.ID(row[:16]), Hook: binary.BigEndian.Uint16(row[16:])}, binary.BigEndian.Uint32(row[18:]))
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
