package sender

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

type outcome int

const (
	interrupted outcome = iota // by the end of Run or of the claim: no information about the receiver
	unmade                     // this host failed: no information about the receiver either (I20)
	success
	failure
)

type verdict struct {
	outcome  outcome
	recorded bool // if false, the delivery is still claimed
	reused   bool // the attempt reused a connection

	code   egress.Code // of an attempt that was not made
	reason string
}

// serve makes an attempt and passes the result to the store. It returns before the record is committed.
func (s *Sender) serve(t *task) verdict {
	if t.claimed.Lost() { // another node makes it
		return verdict{outcome: interrupted}
	}
	if t.claimed.Delivery.Expired(s.cfg.Now()) { // the store gives it up when it is released
		return verdict{outcome: interrupted}
	}
	body, err := s.render(t)
	if err != nil {
		return verdict{outcome: interrupted} // the settings of the payload cannot be read now, or Run has ended
	}
	defer t.body.end()
	defer t.reply.end()
	if t.reply.begin(s.attend) != nil || t.claimed.Lost() {
		return verdict{outcome: interrupted}
	}
	t.span = s.cfg.Tracer.Attempt(&t.claimed.Delivery, t.claimed.Event, t.url)
	r, res := s.attempt(t, &body)
	switch {
	case res.Code == egress.Canceled:
		t.span.Unmade(string(res.Code))
		return verdict{outcome: interrupted}
	case res.Code.Ours():
		t.span.Unmade(string(res.Code))
		return verdict{outcome: unmade, code: res.Code, reason: res.Message}
	}
	v := verdict{outcome: failure, reused: res.Reused}
	if r.Attempt.Status == webhook.AttemptSucceeded {
		v.outcome = success
	}
	s.logAttempt(t, &r.Attempt)
	t.span.Attempted(&r.Attempt)
	r.Span = t.span
	t.reply.came(r)
	if err := s.cfg.Store.Record(s.finish, r); err != nil {
		if r.Written != nil {
			r.Written()
		}
		// At least once: what cannot be recorded is sent again.
		s.log.Error("the attempt cannot be recorded; it will be made again", "delivery", t.claimed.Delivery.ID.String(),
			"tenant", t.claimed.Delivery.TenantID.String(), "error", err)
		return v
	}
	v.recorded = true
	return v
}

// attempt sends one request. The result is nil if the end of Run interrupted it, or if this host could not make it; res.Code
// says which.
func (s *Sender) attempt(t *task, body *payload.Body) (r *store.Result, res egress.Result) {
	started := time.Now()
	r = &store.Result{Claimed: t.claimed, Attempt: webhook.Attempt{
		TenantID:   t.claimed.Delivery.TenantID,
		WebhookID:  t.claimed.Delivery.WebhookID,
		DeliveryID: t.claimed.Delivery.ID,
		EventID:    t.claimed.Delivery.EventID,
		EventType:  t.claimed.Event.Type,
		Trigger:    t.claimed.Delivery.Trigger,
		StartedAt:  started.UTC().Truncate(time.Microsecond), // the stored precision
		URL:        withoutUser(t.target.URL),
	}}
	a := &r.Attempt
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		s.log.Error("attempt panicked", "delivery", a.DeliveryID.String(), "tenant", a.TenantID.String(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		fail(a, webhook.ErrorProtocol, "the attempt failed inside the server")
		a.DurationUs = time.Since(started).Microseconds()
		res = egress.Result{}
	}()
	if t.url == nil {
		fail(a, webhook.ErrorProtocol, "the webhook's URL cannot be parsed")
		return r, res
	}
	if t.body.tooLong != nil {
		fail(a, webhook.ErrorPayload, t.body.tooLong.Error())
		return r, res
	}
	ctx, cancel := context.WithTimeout(s.attend, t.target.Timeout(s.cfg.Timeout))
	defer cancel()
	var identity *egress.Identity
	var bearer string
	if auth := t.target.Authentication; auth != nil {
		var why *tokenError
		if identity, bearer, why = s.authenticate(ctx, t, auth); why != nil {
			return s.unauthenticated(r, t, why, started)
		}
	}
	header, block, signed := s.header(t, started, body)
	a.RequestHeaders = block
	if signed {
		a.SignedBy = webhook.SignedBy(t.target.Secrets, started)
	} else {
		fail(a, webhook.ErrorSigning, "the webhook has no active signing secret")
		return r, res
	}
	request := &egress.Request{URL: t.url, Header: header, Body: body.Bytes, Identity: identity, Room: &t.reply}
	if bearer == "" {
		res = s.cfg.Client.Do(ctx, request)
	} else {
		var why *tokenError
		if res, why = s.withToken(ctx, t, request, bearer); why != nil {
			return s.unauthenticated(r, t, why, started)
		}
	}
	t.took = max(1, time.Since(started))
	if res.Code == egress.Canceled || res.Code.Ours() {
		return nil, res
	}
	s.classify(r, &res)
	if bearer != "" { // what came before the last request belongs to the attempt
		before := max(0, t.took.Microseconds()-a.DurationUs)
		if a.DurationUs += before; a.FirstByteUs > 0 {
			a.FirstByteUs += before
		}
	}
	return r, res
}

// authenticate returns what requests of the webhook present, and their access token; "" if they need none.
func (s *Sender) authenticate(ctx context.Context, t *task, auth *webhook.Authentication) (*egress.Identity, string, *tokenError) {
	var identity *egress.Identity
	if c := auth.Certificate; c != nil {
		pair, err := c.Pair()
		if err != nil {
			return nil, "", &tokenError{certificate: true, message: "the webhook's client certificate cannot be read by this version of the server; set it again"}
		}
		identity = &egress.Identity{Certificate: pair, Name: c.Name()}
	}
	if auth.OAuth2 == nil {
		return identity, "", nil
	}
	token, why := s.token(ctx, t, identity, "")
	return identity, token, why
}

// token returns an access token within half of the time that ctx leaves, so that there is time for the request too.
func (s *Sender) token(ctx context.Context, t *task, identity *egress.Identity, stale string) (string, *tokenError) {
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(end)/2)
	defer cancel()
	return s.tokens.get(ctx, t, identity, stale)
}

// withToken sends a request with an access token. If the receiver answers 401, it has not accepted the event: the request is sent once more, within
// the same deadline, with a new token.
func (s *Sender) withToken(ctx context.Context, t *task, request *egress.Request, token string) (egress.Result, *tokenError) {
	request.Header[authorization] = []string{"Bearer " + token}
	res := s.cfg.Client.Do(ctx, request)
	if res.Code != egress.OK || res.StatusCode != http.StatusUnauthorized {
		return res, nil
	}
	next, why := s.token(ctx, t, request.Identity, token)
	switch {
	case why != nil && why.code == egress.OK:
		return res, &tokenError{message: "the receiver answered 401 Unauthorized, and there is no new access token: " + why.message, header: why.header}
	case why != nil || next == token:
		return res, why
	}
	again := *request
	again.Header = maps.Clone(request.Header) // the transport may still have the first one
	again.Header[authorization] = []string{"Bearer " + next}
	second := s.cfg.Client.Do(ctx, &again)
	switch {
	case second.Code.Ours() && ctx.Err() != nil: // there was no time left
		return res, nil
	case second.StatusCode == http.StatusUnauthorized && second.Message == "":
		second.Message = "it refused a new access token too"
	}
	return second, nil
}

// unauthenticated records that an attempt had nothing to authenticate with, unless it is not made because of this host.
func (s *Sender) unauthenticated(r *store.Result, t *task, why *tokenError, started time.Time) (*store.Result, egress.Result) {
	t.took = max(1, time.Since(started))
	if why.code != egress.OK {
		return nil, egress.Result{Code: why.code, Message: why.message}
	}
	a := &r.Attempt
	code := webhook.ErrorOAuthToken
	if why.certificate {
		code = webhook.ErrorClientCertificate
	}
	fail(a, code, why.message)
	a.DurationUs = t.took.Microseconds()
	r.RetryAfter = webhook.RetryAfter(why.header, time.Now())
	return r, egress.Result{}
}

// classify records the response, or the error, in r.
func (s *Sender) classify(r *store.Result, res *egress.Result) {
	a := &r.Attempt
	tm := &res.Timings
	a.DurationUs = tm.Total.Microseconds()
	a.DNSUs, a.ConnectUs, a.TLSUs = tm.DNS.Microseconds(), tm.Connect.Microseconds(), tm.TLS.Microseconds()
	if tm.FirstByte > 0 {
		a.FirstByteUs = (tm.DNS + tm.Connect + tm.TLS + tm.FirstByte).Microseconds()
	}
	status := res.StatusCode
	if status != 0 {
		a.ResponseStatus = &status
		a.ResponseHeaders = webhook.NewHeaderBlock(res.Header)
		a.ResponseBody = fit(res.Body)
		a.ResponseTruncated = res.Truncated || res.Code != egress.OK || len(res.Body) > webhook.MaxResponseBytes
	}
	switch {
	case res.Code != egress.OK:
		fail(a, webhook.ErrorCode(res.Code), res.Message)
	case status >= 200 && status <= 299:
		a.Status, a.Message = webhook.AttemptSucceeded, res.Message
		return
	default:
		fail(a, webhook.ErrorHTTPStatus, statusMessage(status, res.Message))
	}
	if status != 0 && (status < 200 || status > 299) {
		r.Gone = status == http.StatusGone
		r.RetryAfter = webhook.RetryAfter(res.Header, time.Now())
	}
}

// statusMessage is the message for a response with the status; note says what was wrong with the rest of it.
func statusMessage(status int, note string) string {
	message := "the receiver answered " + strconv.Itoa(status)
	if text := http.StatusText(status); text != "" {
		message += " " + text
	}
	if status >= 300 && status <= 399 {
		message += "; redirects are not followed, so give the webhook the URL that it leads to"
	}
	if note != "" {
		message += "; " + note
	}
	return message
}

func fail(a *webhook.Attempt, code webhook.ErrorCode, message string) {
	a.Status, a.Error, a.Message = webhook.AttemptFailed, &code, message
}

// fit returns b in an array of exactly its size, so that no more memory is kept than is charged.
func fit(b []byte) []byte {
	b = b[:min(len(b), webhook.MaxResponseBytes)]
	switch {
	case len(b) == 0:
		return nil
	case cap(b) > len(b)+len(b)/8+64:
		return append(make([]byte, 0, len(b)), b...)
	}
	return b
}

// Header names in the canonical form that net/http wants.
const (
	contentType = "Content-Type"
	userAgent   = "User-Agent"
	headerID    = "Webhook-Id"
	headerTime  = "Webhook-Timestamp"
	headerSign  = "Webhook-Signature"

	authorization = "Authorization"
)

var jsonType = []string{payload.TypeJSON}

// custom is a webhook's custom header fields, and that of its authentication, built once for all of its requests.
type custom struct {
	fields   http.Header
	recorded webhook.HeaderBlock // sensitive values are redacted
}

func newCustom(headers []*webhook.CustomHeader, auth *webhook.Authentication) *custom {
	added := auth.Recorded()
	if len(headers) == 0 && added == "" {
		return nil
	}
	c := &custom{fields: make(http.Header, len(headers)+1), recorded: webhook.RecordedHeaders(headers) + added}
	for _, h := range headers {
		c.fields[h.Name] = []string{h.Value}
	}
	if value := auth.Authorization(); value != "" {
		c.fields[authorization] = []string{value}
	}
	return c
}

// header returns the request's header fields and the text that is recorded for them. It returns false if no secret is active at the
// attempt's time.
func (s *Sender) header(t *task, at time.Time, body *payload.Body) (http.Header, webhook.HeaderBlock, bool) {
	r := payload.Request{Agent: s.agent[0], ID: t.claimed.Event.ID, At: at, Secrets: t.target.Secrets, Body: body}
	if t.target.SendTraceparent && (t.own == nil || t.own.fields[webhook.HeaderTraceparent] == nil) {
		r.Traceparent = cmp.Or(t.span.TraceParent(), t.target.Traceparent(t.claimed.Event))
	}
	if t.own != nil {
		r.Custom = t.own.recorded
	}
	head, ok := r.Head()
	if !ok {
		return nil, head.Text, false
	}
	values := [3]string{head.ID, head.Time, head.Signature}
	header := http.Header{
		contentType: jsonType,
		userAgent:   s.agent,
		headerID:    values[0:1:1],
		headerTime:  values[1:2:2],
		headerSign:  values[2:3:3],
	}
	if body.ContentType != payload.TypeJSON {
		header[contentType] = []string{body.ContentType}
	}
	if r.Traceparent != "" {
		header[webhook.HeaderTraceparent] = []string{string(r.Traceparent)}
	}
	for _, h := range body.Headers {
		header[h.Name] = []string{h.Value}
	}
	if t.own != nil {
		for name, value := range t.own.fields {
			if header[name] == nil { // custom headers never replace the server's
				header[name] = value
			}
		}
	}
	return header, head.Text, true
}

// withoutUser removes userinfo from a URL, in case one was stored although the rules for URLs refuse it.
func withoutUser(raw string) string {
	if !strings.Contains(raw, "@") {
		return raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if u.User == nil {
		return raw
	}
	u.User = nil
	return u.String()
}

func (s *Sender) logAttempt(t *task, a *webhook.Attempt) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	status, code, why := 0, "", ""
	if a.ResponseStatus != nil {
		status = *a.ResponseStatus
	}
	if a.Error != nil {
		code = string(*a.Error)
	}
	if e := webhook.Explain(a, nil); e != nil {
		why = e.Summary
	}
	s.log.LogAttrs(ctx, slog.LevelDebug, "attempt",
		slog.String("tenant_id", a.TenantID.String()),
		slog.String("webhook_id", a.WebhookID.String()),
		slog.String("delivery_id", a.DeliveryID.String()),
		slog.String("event_id", a.EventID.String()),
		slog.String("event_type", a.EventType),
		slog.String("trigger", string(a.Trigger)),
		slog.Int("number", t.claimed.Delivery.AttemptCount+1),
		slog.String("status", string(a.Status)),
		slog.String("error", code),
		slog.String("explanation", why),
		slog.Int("http_status", status),
		slog.Int64("duration_us", a.DurationUs),
		slog.Int64("dns_us", a.DNSUs),
		slog.Int64("connect_us", a.ConnectUs),
		slog.Int64("tls_us", a.TLSUs),
		slog.Int64("first_byte_us", a.FirstByteUs),
	)
}
