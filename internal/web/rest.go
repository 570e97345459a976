package web

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/fault"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/surface"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// request is an authenticated call of the REST surface.
type request struct {
	*http.Request
	scope  *store.Scope // the caller's tenant
	body   []byte       // valid JSON, if the endpoint takes a body and does not check it itself
	header http.Header  // of the answer
	holder intake.Holder
	after  func() // is called when the answer is written; nil: nothing
}

// changing returns the scope for changes: the audit log says that the caller makes them.
func (r *request) changing() *store.Scope {
	return r.scope.By(auth.From(r.Context()).Actor(r.Context()))
}

// endpoint is one method of a resource. run returns the status and the answer, which is encoded as JSON, or an error.
type endpoint struct {
	run     func(r *request) (int, any, error)
	needs   auth.Needs
	also    webhook.TokenScope // that it requires besides; "": none
	like    string             // the field of the GraphQL API that does the same
	maxBody int64              // 0: it takes no body
	checks  bool               // run checks that the body is JSON
	// open is for an endpoint without authentication, instead of run.
	open func(r *http.Request, body []byte) (int, any, error)
}

// The cost of a call, about that of the equivalent GraphQL operation: for itself, for each webhook that it may list, and for each
// event after the first that it publishes.
const (
	callCost    = 50
	listedCost  = 5
	publishCost = 1
)

// charge takes a cost from the caller's budget.
func (s *server) charge(r *http.Request, cost int) error {
	if s.Charge != nil {
		if wait := s.Charge(auth.From(r.Context()), cost); wait > 0 {
			return tooMany("too many calls; try again later", wait)
		}
	}
	return nil
}

type methods map[string]endpoint

// resource does what all REST calls share: method, authentication, content type, body, and the translation of errors to answers.
func (s *server) resource(m methods) http.Handler {
	allowed := slices.Sorted(maps.Keys(m))
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // answers are private, and some hold a secret
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		e, ok := m[method]
		if !ok {
			w.Header().Set("Allow", allow)
			s.fail(w, r, &failure{status: http.StatusMethodNotAllowed, detail: detail{Code: "METHOD_NOT_ALLOWED", Message: "allowed methods: " + allow}})
			return
		}
		if err := s.serve(w, r, e); err != nil {
			s.fail(w, r, err)
		}
	})
}

// serve answers a call. If it returns an error, it has answered nothing.
func (s *server) serve(w http.ResponseWriter, r *http.Request, e endpoint) error {
	if e.open != nil {
		return s.serveOpen(w, r, e)
	}
	token, tenant, err := surface.Credentials(r.Header)
	if err != nil {
		return err
	}
	caller, err := s.Auth.Authenticate(r.Context(), intake.Remote(r), token, tenant)
	if err != nil {
		return err
	}
	if rec, ok := w.(*recorder); ok {
		rec.caller = caller
	}
	for _, needs := range []auth.Needs{e.needs, {Scope: e.also}} {
		if err := needs.Check(caller); err != nil {
			return err
		}
	}
	holder := auth.Holder(caller)
	if err := s.Calls.Take(holder, 1); err != nil {
		return err
	}
	defer s.Calls.Give(holder, 1)
	r = r.WithContext(auth.With(r.Context(), caller))
	if err := s.charge(r, callCost); err != nil {
		return err
	}
	req := &request{Request: r, scope: s.Store.In(caller.Tenant.ID), header: w.Header(), holder: holder}
	defer func() {
		if req.after != nil {
			req.after()
		}
	}()
	var body *intake.Body
	if e.maxBody > 0 {
		if body, err = s.read(w, r, holder, e); err != nil {
			return err
		}
		defer body.Release()
		req.body = body.Bytes
	}
	status, answer, err := e.run(req)
	if err != nil {
		return err
	}
	body.Release() // before the answer is written, which may take as long as the client does
	reply(w, status, answer)
	return nil
}

// serveOpen is serve for an endpoint without authentication.
func (s *server) serveOpen(w http.ResponseWriter, r *http.Request, e endpoint) error {
	body, err := s.read(w, r, intake.Holder{}, e)
	if err != nil {
		return err
	}
	defer body.Release()
	status, answer, err := e.open(r, body.Bytes)
	if err != nil {
		return err
	}
	reply(w, status, answer)
	return nil
}

// read reads the body, which must be JSON. It counts as held until it is released.
func (s *server) read(w http.ResponseWriter, r *http.Request, holder intake.Holder, e endpoint) (*intake.Body, error) {
	if err := surface.CheckBody(r.Header); err != nil {
		return nil, &failure{status: http.StatusUnsupportedMediaType, detail: detail{Code: "UNSUPPORTED_MEDIA_TYPE", Message: err.Error()}}
	}
	body, err := s.Bodies.ReadRequest(w, r, holder, e.maxBody)
	switch {
	case errors.Is(err, intake.ErrTooLarge):
		return nil, tooLarge(e.maxBody)
	case errors.Is(err, intake.ErrSlow):
		return nil, malformed(intake.ErrSlow.Error())
	case errors.Is(err, intake.ErrBroken):
		return nil, malformed(intake.ErrBroken.Error())
	case err != nil:
		return nil, err
	}
	if !e.checks {
		err = checkJSON(body.Bytes)
	}
	if err != nil {
		body.Release()
		return nil, err
	}
	return body, nil
}

// Error codes that are not webhook.Codes.
const (
	codeMalformed = "MALFORMED"
	codeNotFound  = string(webhook.CodeNotFound)
	codeTooLarge  = "TOO_LARGE"
	codeInternal  = fault.Internal
)

// detail is one error of an answer.
type detail struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Field     string `json:"field,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// failure is an error answer.
type failure struct {
	status int
	detail detail
	all    []detail // if there are several errors
	wait   time.Duration
}

func (f *failure) Error() string { return f.detail.Message }

func malformed(message string) *failure {
	return &failure{status: http.StatusBadRequest, detail: detail{Code: codeMalformed, Message: message}}
}

func tooLarge(limit int64) *failure {
	return &failure{status: http.StatusRequestEntityTooLarge, detail: detail{
		Code: codeTooLarge, Message: "the body must be at most " + thousands(limit) + " bytes long",
	}}
}

// tooMany is the answer to a call that may be repeated after a while.
func tooMany(message string, wait time.Duration) *failure {
	return &failure{status: http.StatusTooManyRequests, wait: wait, detail: detail{Code: "RATE_LIMITED", Message: message}}
}

func internal() *failure {
	return &failure{status: http.StatusInternalServerError, detail: detail{Code: codeInternal, Message: "internal error; report the request id, under which the server's log has the cause"}}
}

// translate is the only place where an error becomes an answer. It names the fields of invalid input; package fault translates all
// other errors.
func translate(ctx context.Context, err error) (*failure, fault.Log) {
	if f, ok := errors.AsType[*failure](err); ok {
		return f, fault.Quiet
	}
	if fast, ok := errors.AsType[*webhook.TooFast](err); ok {
		f := tooMany(fast.Message, fast.RetryAfter)
		f.detail.Code = string(fast.Code)
		return f, fault.Quiet
	}
	spell := snake
	if _, ok := errors.AsType[spelled](err); ok {
		spell = func(field string) string { return field }
	}
	if f := translateInvalid(webhook.Invalids(err), spell); f != nil {
		return f, fault.Quiet
	}
	told := fault.In(ctx, err)
	f := &failure{status: told.Status, wait: told.Wait, detail: detail{Code: told.Code, Message: told.Message}}
	if told.Code == fault.Internal {
		f = internal()
	}
	return f, told.Log
}

func translateInvalid(all []*webhook.Invalid, spell func(string) string) *failure {
	if len(all) == 0 {
		return nil
	}
	f := &failure{status: http.StatusUnprocessableEntity}
	for _, e := range all {
		f.all = append(f.all, detail{Code: string(e.Code), Message: snakeNames(e.Message), Field: spell(e.Field)})
	}
	f.detail = f.all[0]
	switch first := all[0]; {
	case first.Code == webhook.CodeConflict || first.Code == webhook.CodeQuota:
		f.status = http.StatusConflict
	case first.Code == webhook.CodeTooLong && first.Field == "data":
		f.status = http.StatusRequestEntityTooLarge
	}
	if len(f.all) == 1 {
		f.all = nil
	}
	return f
}

// expected translates an error, and logs it if an operator should know.
func (s *server) expected(r *http.Request, err error) *failure {
	f, how := translate(r.Context(), err)
	if how != fault.Quiet {
		s.Logger.Log(r.Context(), how.Level(), "request failed",
			slog.String("request_id", intake.RequestID(r.Context())), slog.String("route", r.Pattern), slog.Any("error", err))
	}
	return f
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := s.expected(r, err)
	switch f.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="hookgraph"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(f.wait.Seconds())), 10))
	}
	shown := f.detail
	shown.RequestID = intake.RequestID(r.Context())
	reply(w, f.status, struct {
		Error  detail   `json:"error"`
		Errors []detail `json:"errors,omitempty"`
	}{shown, f.all})
}

// reply writes JSON without HTML escaping (of & and others), because no answer is HTML.
func reply(w http.ResponseWriter, status int, answer any) {
	text := append(appendJSON(make([]byte, 0, usualAnswer), answer), '\n')
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(text) // an error means that the client has gone
}

// usualAnswer is enough for most answers, in bytes.
const usualAnswer = 384

var jsonType = []string{"application/json"} // shared by all answers: never changed

// appendJSON appends an answer. Those that are frequent append themselves, and the same as encoding/json.
func appendJSON(b []byte, answer any) []byte {
	if own, ok := answer.(interface{ appendJSON(b []byte) []byte }); ok {
		return own.appendJSON(b)
	}
	return appendMarshaled(b, answer)
}

func appendMarshaled(b []byte, answer any) []byte {
	text, err := rawjson.Marshal(answer)
	if err != nil {
		panic(err) // the answers' types always encode
	}
	return append(b, text...)
}

// thousands formats n for people: 262,144.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
