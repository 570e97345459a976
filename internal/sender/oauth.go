package sender

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	maxTokenAnswer = 16 << 10         // bytes of a token server's answer
	maxTokenBytes  = 8 << 10          // of an access token
	defaultExpiry  = 5 * time.Minute  // of a token whose server does not say
	longestExpiry  = 24 * time.Hour   // that a token is kept
	expiryMargin   = 30 * time.Second // before a token expires it is not used any more, or half of its time if that is less
)

// tokens are the access tokens of webhooks, until shortly before they expire. Each webhook's are fetched one at a time, by one of the attempts that
// need it, within that attempt's time: a token server that hangs takes what a receiver that hangs takes, and nobody else's.
type tokens struct {
	client Client
	agent  []string

	mu   sync.Mutex // guards what follows
	of   map[webhook.ID]*grant
	kept int // how many were left by the last sweep
}

// grant is what is known of a webhook's token. tokens.mu guards it.
type grant struct {
	settings *webhook.OAuth2
	identity string // with which it was fetched: a token may be bound to it (RFC 8705)
	token    string // "": none
	until    time.Time
	running  *fetch // nil: none is
}

// fetch is a token request that runs, or has ended. What it brought is set before done is closed.
type fetch struct {
	done  chan struct{}
	token string
	err   *tokenError
}

// tokenError is why there is no token. If code is not OK, it is not the token server's fault, and the attempt is not made.
type tokenError struct {
	code    egress.Code
	message string
	// certificate: not the token is missing, but the client certificate.
	certificate bool
	header      http.Header // of an answer
}

// get returns a token of the webhook that is not stale, which "" never is. ctx bounds the wait.
func (s *tokens) get(ctx context.Context, t *task, identity *egress.Identity, stale string) (string, *tokenError) {
	settings, name := t.target.Authentication.OAuth2, ""
	if identity != nil {
		name = identity.Name
	}
	s.mu.Lock()
	g := s.of[t.target.ID]
	if g == nil || g.identity != name || !g.settings.Same(settings) {
		g = &grant{settings: settings, identity: name}
		s.add(t.target.ID, g)
	}
	if g.token != "" && g.token != stale && time.Now().Before(g.until) {
		defer s.mu.Unlock()
		return g.token, nil
	}
	g.token = ""
	f := g.running
	if f != nil {
		s.mu.Unlock()
		select {
		case <-f.done:
			return f.token, f.err
		case <-ctx.Done():
			return "", &tokenError{code: canceled(ctx), message: tokenLate}
		}
	}
	f = &fetch{done: make(chan struct{}), err: &tokenError{message: "the access token could not be fetched"}}
	g.running = f
	s.mu.Unlock()
	var lifetime time.Duration
	defer func() {
		s.mu.Lock()
		if g.running = nil; f.err == nil {
			g.token, g.until = f.token, time.Now().Add(lifetime)
		}
		s.mu.Unlock()
		close(f.done)
	}()
	f.token, lifetime, f.err = s.fetch(ctx, t, settings, identity)
	return f.token, f.err
}

// add keeps a grant, and from time to time removes those that are of no use. The caller must hold mu.
func (s *tokens) add(id webhook.ID, g *grant) {
	if s.of == nil {
		s.of = map[webhook.ID]*grant{}
	}
	if len(s.of) > 2*s.kept+64 {
		now := time.Now()
		maps.DeleteFunc(s.of, func(_ webhook.ID, g *grant) bool { return g.running == nil && !now.Before(g.until) })
		s.kept = len(s.of)
	}
	s.of[id] = g
}

const tokenLate = "the token server did not answer in time; check it, or raise the webhook's timeout"

// canceled is the code of a wait that ctx ended.
func canceled(ctx context.Context) egress.Code {
	if errors.Is(ctx.Err(), context.Canceled) {
		return egress.Canceled
	}
	return egress.OK
}

// fetch requests a token.
func (s *tokens) fetch(ctx context.Context, t *task, c *webhook.OAuth2, identity *egress.Identity) (string, time.Duration, *tokenError) {
	to, err := url.Parse(c.TokenURL)
	if err != nil {
		return "", 0, &tokenError{message: "the token URL cannot be parsed"}
	}
	header, form := tokenRequest(c)
	header[userAgent] = s.agent
	res := s.client.Do(ctx, &egress.Request{URL: to, Header: header, Body: []byte(form), Identity: identity, Room: &t.reply})
	switch {
	case res.Code == egress.Canceled || res.Code.Ours():
		return "", 0, &tokenError{code: res.Code, message: res.Message}
	case res.Code == egress.Timeout || res.Code == egress.TooSlow:
		return "", 0, &tokenError{message: tokenLate}
	case res.Code != egress.OK:
		return "", 0, &tokenError{message: "the access token could not be fetched: " + ofTokenServer.Replace(res.Message)}
	case res.StatusCode < 200 || res.StatusCode > 299:
		return "", 0, &tokenError{message: "the token server " + refusedToken(&res), header: res.Header}
	case res.Truncated || len(res.Body) > maxTokenAnswer:
		return "", 0, &tokenError{message: "the token server's answer was not read to its end, so there is " + noToken + "; it may have at most 16 KiB"}
	}
	token, lifetime, problem := readToken(res.Body)
	if problem != "" {
		return "", 0, &tokenError{message: "the token server's answer has " + noToken + ": " + problem}
	}
	return token, lifetime, nil
}

const noToken = "no access token in it"

// ofTokenServer says of a token server what egress says of a receiver.
var ofTokenServer = strings.NewReplacer("the receiver", "the token server", "the webhook's URL", "the token URL", "open to webhooks", "open")

// refusedToken says how a token server answered. Of its answer only the name of an error is shown (RFC 6749, section 5.2): the rest may repeat the
// request.
func refusedToken(res *egress.Result) string {
	said := "answered with status " + strconv.Itoa(res.StatusCode)
	var answer struct {
		Error string `json:"error"`
	}
	if len(res.Body) <= maxTokenAnswer && json.Unmarshal(res.Body, &answer) == nil {
		switch answer.Error {
		case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target":
			return said + " and the error " + answer.Error
		}
	}
	if res.StatusCode >= 300 && res.StatusCode <= 399 {
		return said + "; redirects are not followed"
	}
	return said
}

// tokenRequest returns the header and the body of a token request (RFC 6749, section 4.4.2).
func tokenRequest(c *webhook.OAuth2) (http.Header, string) {
	header := http.Header{contentType: {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	if c.Audience != nil {
		form.Set("audience", *c.Audience)
	}
	for _, p := range c.Parameters {
		form.Set(p.Name, p.Value)
	}
	if c.ClientAuthentication == webhook.ClientSecretPost {
		form.Set("client_id", c.ClientID)
		form.Set("client_secret", c.ClientSecret)
	} else { // both are encoded first (RFC 6749, section 2.3.1)
		pair := url.QueryEscape(c.ClientID) + ":" + url.QueryEscape(c.ClientSecret)
		header[authorization] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}
	}
	return header, form.Encode()
}

// readToken reads a token server's answer (RFC 6749, section 5.1). problem is what is wrong with it; it repeats nothing of the answer.
func readToken(body []byte) (token string, lifetime time.Duration, problem string) {
	if !json.Valid(body) {
		return "", 0, "it is not JSON"
	}
	var answer struct {
		Token   string          `json:"access_token"`
		Type    *string         `json:"token_type"`
		Expires json.RawMessage `json:"expires_in"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil:
		return "", 0, "it is not a JSON object with access_token and token_type"
	case answer.Token == "":
		return "", 0, "access_token is missing"
	case len(answer.Token) > maxTokenBytes:
		return "", 0, "access_token is longer than 8 KiB"
	case strings.ContainsFunc(answer.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", 0, "access_token has characters that a header cannot have"
	case answer.Type != nil && !strings.EqualFold(*answer.Type, "Bearer"):
		return "", 0, "token_type is not Bearer"
	}
	lifetime = defaultExpiry
	if text := strings.Trim(string(answer.Expires), `"`); text != "" && text != "null" { // some servers send a string
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(seconds) {
			return "", 0, "expires_in is not a number"
		}
		lifetime = time.Duration(max(0, min(seconds, longestExpiry.Seconds())) * float64(time.Second))
	}
	return answer.Token, lifetime - min(expiryMargin, lifetime/2), ""
}
