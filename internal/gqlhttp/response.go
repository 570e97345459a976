package gqlhttp

import (
	"context"
	"encoding/json"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// appendResponse appends a response of an executed operation. data does not pass through encoding/json, which would change the
// notation of JSON scalars.
func appendResponse(b []byte, resp *graphql.Response) []byte {
	b = append(b, '{')
	if len(resp.Errors) > 0 {
		b = append(b, `"errors":`...)
		b = appendErrors(b, resp.Errors)
		b = append(b, ',')
	}
	b = append(b, `"data":`...)
	if len(resp.Data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, resp.Data...)
	}
	return append(appendExtensions(b, resp.Extensions), '}')
}

// requestError returns the response of an operation that was not executed: without data, GraphQL section 7.1.
func requestError(errs gqlerror.List, extensions map[string]any) []byte {
	b := appendErrors([]byte(`{"errors":`), errs)
	return append(appendExtensions(b, extensions), '}')
}

func appendExtensions(b []byte, extensions map[string]any) []byte {
	if len(extensions) == 0 {
		return b
	}
	j, err := rawjson.Marshal(extensions)
	if err != nil {
		return b
	}
	b = append(b, `,"extensions":`...)
	return append(b, j...)
}

func appendErrors(b []byte, errs gqlerror.List) []byte {
	j, err := rawjson.Marshal(errs)
	if err != nil {
		// A presenter put something into extensions that is not JSON.
		return append(b, `[{"message":"internal server error","extensions":{"code":"`+codeInternal+`"}}]`...)
	}
	return append(b, j...)
}

// whole reports whether a response of a subscription is final: nothing is missing except fields that this caller may not have,
// as their errors say. It is not whole if its root field is null, or if the server failed in any field. One that is too large is
// whole: another try would not make it smaller.
func whole(resp *graphql.Response) bool {
	if len(resp.Errors) == 0 {
		return true
	}
	for _, err := range resp.Errors {
		switch codeOf(err) {
		case codeAnswerTooLarge:
			return true // only this message fails: the next one may be smaller
		case codeInternal, codeUnavailable, codeRateLimited:
			return false
		}
	}
	var data map[string]json.RawMessage
	if json.Unmarshal(resp.Data, &data) != nil {
		return false
	}
	for _, root := range data { // a subscription has only one
		return !isNull(root)
	}
	return false
}

// Observed is an operation that has ended.
type Observed struct {
	Transport Transport
	Kind      string // query, mutation or subscription; "" if the request has no valid operation
	Name      string // the client's; "": none
	Code      string // extensions.code of the first error; "": none
	Messages  int    // responses with data, or the errors of resolvers
	Took      time.Duration

	ctx     context.Context
	handler *Handler
	begun   time.Time
}

// Transport is how an operation came.
type Transport string

// The transports.
const (
	OverHTTP      Transport = "http"
	OverEvents    Transport = "sse"
	OverWebSocket Transport = "websocket"
)

// observe begins to observe an operation of the caller; end must be called.
func (h *Handler) observe(ctx context.Context, t Transport) *Observed {
	return &Observed{Transport: t, ctx: ctx, handler: h, begun: time.Now()}
}

func (o *Observed) of(op *operation) { o.Kind, o.Name = string(op.kind()), op.Operation.Name }

// failed notes the errors; none is no failure.
func (o *Observed) failed(errs gqlerror.List) {
	if len(errs) > 0 && o.Code == "" {
		if o.Code = codeOf(errs[0]); o.Code == "" {
			o.Code = codeInternal
		}
	}
}

// responded notes a response.
func (o *Observed) responded(r *graphql.Response) {
	o.Messages++
	if o.Kind == string(ast.Subscription) {
		if o.Transport == OverWebSocket {
			o.handler.sent[1].Add(1)
		} else {
			o.handler.sent[0].Add(1)
		}
	}
	o.failed(r.Errors)
}

func (o *Observed) end() {
	if observe := o.handler.cfg.Observe; observe != nil {
		o.Took = time.Since(o.begun)
		observe(o.ctx, o)
	}
}

// Stats is what a handler serves at the moment.
type Stats struct {
	Events, WebSockets int // streams and connections that are open
	Limit              int // Config.MaxStreams
	Operations         int // that run
	// Messages counts those of subscriptions that were sent, by transport.
	Messages map[Transport]int64
}

// Stats looks at each stream.
func (h *Handler) Stats() Stats {
	is := Stats{
		Limit: h.cfg.MaxStreams, Operations: int(h.operations.Used()), Messages: map[Transport]int64{OverEvents: h.sent[0].Load(), OverWebSocket: h.sent[1].Load()},
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams {
		if s.socket {
			is.WebSockets++
		} else {
			is.Events++
		}
	}
	return is
}
