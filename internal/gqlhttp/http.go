package gqlhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/surface"
)

// This file follows GraphQL over HTTP (draft of 2025): section 5 for requests, section 6 for responses.

// exchange is one HTTP request being answered.
type exchange struct {
	h      *Handler
	w      http.ResponseWriter
	r      *http.Request
	accept accept
	secret bool // the answer may hold one
	seen   *Observed
}

func (h *Handler) serveHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{h: h, w: w, r: r, accept: accept{json: mediaJSON}}
	defer x.answerPanic() //nolint:contextcheck // the request has the context

	w.Header().Add("Vary", "Accept") // CORS may have set another
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		x.fail(http.StatusMethodNotAllowed, newError(codeBadInput, "use GET or POST"))
		return
	}
	wanted, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		x.fail(http.StatusNotAcceptable, newError(codeBadInput, "Accept must allow "+mediaGraphQL+", "+mediaJSON+" or "+mediaEvents))
		return
	}
	x.accept = wanted

	token, tenant, err := surface.Credentials(r.Header)
	ctx, err := h.authenticate(r, token, tenant, err)
	if err != nil {
		shown, status := refusal(err)
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		retryAfter(w.Header(), shown)
		x.fail(status, shown)
		return
	}
	req, body, status, refused := x.readRequest(ctx) //nolint:contextcheck // what authenticate returns derives from the request's
	defer body.Release()
	if refused != nil {
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		x.fail(status, refused)
		return
	}
	x.run(ctx, req) //nolint:contextcheck // as above
}

// answerPanic answers a panic of the embedding program's functions; resolvers' panics are recovered earlier.
func (x *exchange) answerPanic() {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		logPanic(x.r.Context(), x.h.cfg.Logger, v)
		x.fail(http.StatusInternalServerError, internalError(x.r.Context()))
	}
}

// run answers a well-formed request.
func (x *exchange) run(ctx context.Context, req *request) {
	x.seen = x.h.observe(ctx, OverHTTP)
	defer x.seen.end()
	op, extensions, errs := x.h.engine.prepare(ctx, req)
	if op != nil {
		x.seen.of(op)
	}
	x.seen.failed(errs)
	switch {
	case errs != nil && x.accept.json == "" && codeOf(errs[0]) != codeRateLimited:
		x.serveEvents(ctx, nil, requestError(errs, extensions))
	case errs != nil:
		retryAfter(x.w.Header(), errs[0])
		withDefault(&x.accept.json, mediaGraphQL)
		x.write(x.requestErrorStatus(errs), requestError(errs, extensions))
	case op.kind() == ast.Mutation && x.r.Method == http.MethodGet:
		x.w.Header().Set("Allow", http.MethodPost)
		x.refuse(http.StatusMethodNotAllowed, newError(codeBadInput, "a mutation must be sent by POST"))
	case op.kind() == ast.Subscription && !x.accept.events:
		x.refuse(http.StatusNotAcceptable, newError(codeBadInput,
			"a subscription needs Accept: "+mediaEvents+", or a WebSocket with the protocol "+subprotocol))
	case x.accept.events && (op.kind() == ast.Subscription || x.accept.json == ""):
		x.serveEvents(ctx, op, nil)
	default:
		x.execute(ctx, op)
	}
}

// execute answers a query or mutation with one response.
func (x *exchange) execute(ctx context.Context, op *operation) {
	x.secret = op.kind() == ast.Mutation
	release, err := x.h.acquire(ctx)
	if err != nil {
		x.busy(err)
		return
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, x.h.cfg.OperationTimeout)
	defer cancel()
	run := x.h.engine.start(ctx, op, "")
	defer run.close()
	resp, errs := run.response()
	if resp != nil && resp.Data == nil && len(resp.Errors) > 0 && op.kind() == ast.Query {
		if code := codeOf(resp.Errors[0]); code == codeRateLimited || code == codeUnavailable { // nothing was read, see meter
			resp, errs = nil, resp.Errors
		}
	}
	if resp != nil {
		x.seen.responded(resp)
	}
	x.seen.failed(errs)
	if resp == nil {
		// Section 6.4.2 has no status for this; the client may repeat a query, so it is the server's fault.
		status := http.StatusInternalServerError
		switch codeOf(errs[0]) {
		case codeUnavailable:
			status = http.StatusServiceUnavailable
			x.w.Header().Set("Retry-After", "1")
		case codeRateLimited:
			status = http.StatusTooManyRequests
			retryAfter(x.w.Header(), errs[0])
		}
		x.write(status, requestError(errs, nil))
		return
	}
	x.write(http.StatusOK, appendResponse(nil, resp))
}

// refuse is fail for an operation.
func (x *exchange) refuse(status int, err *gqlerror.Error) {
	x.seen.failed(gqlerror.List{err})
	x.fail(status, err)
}

func (x *exchange) shuttingDown() {
	x.w.Header().Set("Retry-After", "1")
	if x.seen != nil {
		x.seen.failed(errorList(codeUnavailable, ""))
	}
	x.fail(http.StatusServiceUnavailable, newError(codeUnavailable, "the server is shutting down"))
}

// busy answers a request for which there is no room.
func (x *exchange) busy(err error) {
	shown, status := tooMuch(err)
	x.w.Header().Set("Retry-After", "1")
	x.refuse(status, shown)
}

// requestErrorStatus follows section 6.4: with application/json, a request that reached GraphQL gets 200, because
// intermediaries may answer 4xx in JSON too; application/graphql-response+json is unambiguous.
func (x *exchange) requestErrorStatus(errs gqlerror.List) int {
	switch codeOf(errs[0]) {
	case codeInternal:
		return http.StatusInternalServerError
	case codeRateLimited:
		return http.StatusTooManyRequests
	}
	if x.accept.json == mediaJSON {
		return http.StatusOK
	}
	return http.StatusBadRequest
}

// fail answers a request that did not reach GraphQL.
func (x *exchange) fail(status int, err *gqlerror.Error) {
	if status == http.StatusServiceUnavailable {
		x.w.Header().Set("Retry-After", "1")
	}
	withDefault(&x.accept.json, mediaGraphQL)
	x.write(status, requestError(gqlerror.List{err}, nil))
}

func (x *exchange) write(status int, body []byte) {
	x.w.Header().Set("Content-Type", x.accept.json+"; charset=utf-8")
	var answer http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
	if x.h.cfg.Compress != nil && !x.secret {
		answer = x.h.cfg.Compress(answer)
	}
	answer.ServeHTTP(&pacedAnswer{x.w, x.h.cfg.WriteTimeout}, x.r)
}

// readRequest reads the parameters of a GET (section 5.3) or POST (section 5.4). They alias the body, which counts as held until
// it is released; it is nil for GET.
func (x *exchange) readRequest(ctx context.Context) (*request, *intake.Body, int, *gqlerror.Error) {
	var req *request
	var body *intake.Body
	var refused *gqlerror.Error
	if x.r.Method == http.MethodGet {
		req, refused = queryParameters(x.r.URL.RawQuery)
	} else {
		if err := surface.CheckBody(x.r.Header); err != nil {
			return nil, nil, http.StatusUnsupportedMediaType, newError(codeBadInput, err.Error())
		}
		var err error
		body, err = x.h.cfg.Bodies.ReadRequest(x.w, x.r, x.h.holder(ctx), x.h.cfg.MaxBodyBytes)
		if err != nil {
			shown, status := unread(err, x.h.cfg.MaxBodyBytes)
			return nil, nil, status, shown
		}
		req, refused = parseRequest(body.Bytes)
	}
	if refused != nil {
		return nil, body, http.StatusBadRequest, refused
	}
	req.header = x.r.Header
	return req, body, 0, nil
}

// unread returns the error and status for a request whose body could not be read completely.
func unread(err error, limit int64) (*gqlerror.Error, int) {
	switch {
	case errors.Is(err, intake.ErrTooLarge):
		return newError(codeBadInput, fmt.Sprintf("the request must be at most %d bytes long", limit)), http.StatusRequestEntityTooLarge
	case errors.Is(err, intake.ErrSlow):
		return newError(codeBadInput, intake.ErrSlow.Error()), http.StatusBadRequest
	case errors.Is(err, intake.ErrBroken):
		return newError(codeBadInput, intake.ErrBroken.Error()), http.StatusBadRequest
	}
	return tooMuch(err)
}

func queryParameters(raw string) (*request, *gqlerror.Error) {
	params, err := url.ParseQuery(raw)
	if err != nil {
		return nil, newError(codeBadInput, "the query string cannot be read")
	}
	for _, name := range []string{"query", "operationName", "variables", "extensions"} {
		if !utf8.ValidString(params.Get(name)) {
			return nil, newError(codeBadInput, name+" is not UTF-8")
		}
	}
	for _, name := range []string{"variables", "extensions"} {
		if s := params.Get(name); s != "" {
			if _, ok := rawjson.Valid([]byte(s)); !ok {
				return nil, newError(codeBadInput, name+" must be a JSON object")
			}
		}
	}
	return newRequest(params.Get("query"), params.Get("operationName"),
		json.RawMessage(strings.TrimSpace(params.Get("variables"))), json.RawMessage(strings.TrimSpace(params.Get("extensions"))))
}
