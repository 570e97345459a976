package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/signature"
)

// Bounds of receiving.
const (
	maxReceiving    = 4 // requests whose bodies are in memory
	receiveTimeout  = 30 * time.Second
	shutdownTimeout = 5 * time.Second
)

// receiver verifies what it receives, and says what is wrong with it.
type receiver struct {
	*listenCmd

	s    *Streams
	keys []*signature.Key
	busy chan struct{}
	end  func(error) // ends receiving, with an error of the output

	mu       sync.Mutex // is held while a request is recorded and told
	recorder *recorder  // nil without --record
}

// receive receives requests until ctx ends.
func (c *listenCmd) receive(ctx context.Context, s *Streams) (err error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := &receiver{listenCmd: c, s: s, busy: make(chan struct{}, maxReceiving), end: end}
	for _, text := range c.Secret {
		key, err := signature.ParseKey(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("--secret: %w", err)
		}
		r.keys = append(r.keys, key)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return config.NotListening("--addr", c.Addr, err)
	}
	if c.Record != "" {
		if r.recorder, err = newRecorder(c.Record); err != nil {
			_ = l.Close()
			return err
		}
	}
	_, _ = fmt.Fprintf(s.Err, "requests are received at http://%s\n", l.Addr())
	if len(r.keys) == 0 {
		_, _ = fmt.Fprintln(s.Err, "signatures are not verified without --secret")
	}
	server := &http.Server{Handler: r, ReadTimeout: receiveTimeout, WriteTimeout: 2 * receiveTimeout, MaxHeaderBytes: 64 << 10}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		end(server.Serve(l))
	}()
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	_ = server.Shutdown(stopping)
	_ = server.Close() // ends what did not end in time
	<-ended
	if why := context.Cause(ctx); !errors.Is(why, context.Canceled) {
		return why
	}
	return nil
}

// ServeHTTP receives one request.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-q.Context().Done():
		return
	}
	begun := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxReceivedBytes))
	if err != nil {
		r.tell(&reception{At: begun, Method: q.Method, Path: q.URL.Path, Error: "its body cannot be read: " + err.Error()})
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	report := signature.Explain(&signature.Received{Header: q.Header, Body: body, At: begun}, r.keys, nil)
	status := r.Status
	if status == 0 {
		if status = http.StatusNoContent; len(report.Causes) > 0 {
			status = http.StatusBadRequest
		}
	}
	told := &reception{At: begun, Method: q.Method, Path: q.URL.Path, ID: q.Header.Get(signature.HeaderID), Bytes: len(body), Status: status, Report: report}
	r.keep(told, &request{header: q.Header, body: body})
	r.tell(told)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if status != http.StatusNoContent && status != http.StatusNotModified && status != http.StatusResetContent {
		for _, cause := range report.Causes { // which the sender keeps, and shows to whom looks for the reason
			_, _ = fmt.Fprintf(w, "%s: %s\n", cause.Code, cause.Summary)
		}
	}
}

// reception is a request that was received.
type reception struct {
	At     time.Time         `json:"receivedAt"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	ID     string            `json:"webhookId,omitempty"`
	Bytes  int               `json:"bytes"`
	Status int               `json:"status"` // of the answer
	Error  string            `json:"error,omitempty"`
	File   string            `json:"file,omitempty"`
	Report *signature.Report `json:"report,omitempty"`
}

// keep records the request.
func (r *receiver) keep(told *reception, q *request) {
	if r.recorder == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := told.ID
	if id == "" {
		id = "unsigned"
	}
	r.recorder.last = "" // the same request again is another one
	file, err := r.recorder.write(id, q)
	if err != nil {
		r.end(err)
	}
	told.File = file
}

// tell prints what was received.
func (r *receiver) tell(told *reception) {
	raw, err := json.Marshal(told)
	if err != nil {
		r.end(&unwritten{err})
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.object(r.s.Out, raw, func(w io.Writer) error {
		what, good := "is signed by scheme ", false
		switch {
		case told.Error != "":
			what = told.Error
		case told.Report.Valid:
			what, good = what+told.Report.Scheme, true
		case len(told.Report.Causes) > 0:
			what = "does not verify"
		default:
			what, good = "is not verified", true
		}
		_, err := fmt.Fprintf(w, "%s  %s  %s %s  %s  %d bytes  %d\n", told.At.UTC().Format("2006-01-02T15:04:05.000Z"), coloured(r.s.Colour, good, Printable(what)), told.Method,
			Printable(told.Path), Printable(or(&told.ID, "-")), told.Bytes, told.Status)
		if told.Report != nil {
			for _, cause := range told.Report.Causes {
				tellCause(w, &cause)
			}
		}
		return err
	})
	if err != nil {
		r.end(&unwritten{err})
	}
}
