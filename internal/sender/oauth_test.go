package sender

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// withOAuth2 gives a webhook client credentials; its token server is the host "tokens".
func withOAuth2(change ...func(*webhook.OAuth2)) func(*store.Target) {
	o := &webhook.OAuth2{TokenURL: "https://tokens/token", ClientID: "the client", ClientSecret: "s+cret", ClientAuthentication: webhook.ClientSecretBasic}
	for _, f := range change {
		f(o)
	}
	return func(to *store.Target) { to.Authentication = &webhook.Authentication{OAuth2: o} }
}

// issuer is a token server that issues t1, t2, … with a lifetime, and a receiver that accepts some of them.
type issuer struct {
	mu       sync.Mutex
	issued   int
	lifetime string // JSON
	accepts  func(token string) bool
	seen     []string // tokens at the receiver
}

func (i *issuer) issue(_ context.Context, _ *egress.Request) egress.Result {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.issued++
	return egress.Result{StatusCode: 200, Body: fmt.Appendf(nil, `{"access_token": "token-%d", "token_type": "bearer", "expires_in": %s}`, i.issued, i.lifetime)}
}

func (i *issuer) receive(_ context.Context, r *egress.Request) egress.Result {
	i.mu.Lock()
	defer i.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if i.seen = append(i.seen, token); i.accepts == nil || i.accepts(token) {
		return egress.Result{StatusCode: 204}
	}
	return egress.Result{StatusCode: 401, Header: http.Header{}}
}

// is compares what has happened.
func (i *issuer) is(t *testing.T, issued int, seen string) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if got := strings.Join(i.seen, " "); i.issued != issued || got != seen {
		t.Errorf("%d tokens issued, %q received; want %d, %q", i.issued, got, issued, seen)
	}
}

// again makes one more attempt, and returns its record.
func again(t *testing.T, w *world, to *store.Target) *webhook.Attempt {
	t.Helper()
	n := w.count(to)
	w.publish(w.sender, to, 10)
	pass(time.Minute)
	all := w.attempts()
	if w.count(to) != n+1 {
		t.Fatalf("%d attempts, want %d", w.count(to), n+1)
	}
	return &all[len(all)-1].Attempt
}

// oauthWorld has a webhook with client credentials, and its servers.
func oauthWorld(t *testing.T, lifetime string, test func(t *testing.T, w *world, to *store.Target, i *issuer)) {
	t.Helper()
	bubble(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		i := &issuer{lifetime: lifetime}
		w.client.set("tokens", i.issue)
		w.client.set("a", i.receive)
		to := w.add("a", withOAuth2())
		w.run(t)
		test(t, w, to, i)
	})
}

// A token is fetched once, used until shortly before it expires, and fetched again then; the record does not have it.
func TestTokenIsKept(t *testing.T) {
	oauthWorld(t, "600", func(t *testing.T, w *world, to *store.Target, i *issuer) {
		t.Helper()
		for range 3 {
			a := again(t, w, to) // takes a minute
			if a.Status != webhook.AttemptSucceeded || !strings.Contains(string(a.RequestHeaders), "Authorization: [redacted]\r\n") || strings.Contains(string(a.RequestHeaders), "token-1") {
				t.Errorf("%+v", a)
			}
		}
		i.is(t, 1, "token-1 token-1 token-1")
		pass(7 * time.Minute)
		again(t, w, to)
		i.is(t, 2, "token-1 token-1 token-1 token-2")
	})
}

// A token with no lifetime serves one attempt; one whose server does not say, five minutes.
func TestTokenLifetimes(t *testing.T) {
	for lifetime, issued := range map[string]int{`0`: 3, `-1`: 3, `null`: 1, `"3600"`: 1, `1e99`: 1} {
		oauthWorld(t, lifetime, func(t *testing.T, w *world, to *store.Target, i *issuer) {
			t.Helper()
			for range 3 {
				again(t, w, to)
			}
			i.mu.Lock()
			defer i.mu.Unlock()
			if i.issued != issued {
				t.Errorf("expires_in %s: %d tokens for 3 attempts, want %d", lifetime, i.issued, issued)
			}
		})
	}
}

// A token that the receiver refuses is replaced once, and the request sent once more within the same attempt; if the new one is refused too, the
// attempt has failed with the receiver's status. Other statuses are sent once.
func TestTokenIsRefreshedOnce(t *testing.T) {
	oauthWorld(t, "3600", func(t *testing.T, w *world, to *store.Target, i *issuer) {
		t.Helper()
		again(t, w, to)
		i.accepts = func(token string) bool { return token != "token-1" }
		if a := again(t, w, to); a.Status != webhook.AttemptSucceeded {
			t.Errorf("%+v", a)
		}
		i.is(t, 2, "token-1 token-1 token-2")
		i.accepts = func(string) bool { return false }
		a := again(t, w, to)
		if a.Status != webhook.AttemptFailed || *a.Error != webhook.ErrorHTTPStatus || *a.ResponseStatus != 401 || !strings.Contains(a.Message, "new access token") {
			t.Errorf("%+v", a)
		}
		i.is(t, 3, "token-1 token-1 token-2 token-2 token-3")
		w.client.set("a", answer(egress.Result{StatusCode: 403, Header: http.Header{}}))
		if a := again(t, w, to); *a.ResponseStatus != 403 {
			t.Errorf("%+v", a)
		}
		i.is(t, 3, "token-1 token-1 token-2 token-2 token-3")
	})
}

// Attempts that run at once share one token request: one is made, however many wait for it.
func TestTokenIsFetchedOnce(t *testing.T) {
	oauthWorld(t, "3600", func(t *testing.T, w *world, to *store.Target, i *issuer) {
		t.Helper()
		w.client.set("tokens", func(ctx context.Context, r *egress.Request) egress.Result {
			time.Sleep(time.Second) // in the bubble: the token server takes a second
			return i.issue(ctx, r)
		})
		again(t, w, to) // the gate lets more requests run after a success
		i.accepts = func(token string) bool { return token != "token-1" }
		for range 4 {
			w.publish(w.sender, to, 10)
		}
		pass(time.Minute)
		if n := w.count(to); n != 5 {
			t.Fatalf("%d attempts", n)
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.issued != 2 || w.client.peak("tokens") > 1 {
			t.Errorf("%d tokens were issued, %v received", i.issued, i.seen)
		}
	})
}

// Each failure of a token server fails the attempt with the code OAUTH_TOKEN and a message that says what to do and repeats nothing of the answer;
// the receiver gets nothing. A failure of this host is no attempt.
func TestTokenServersFail(t *testing.T) {
	ok := func(body string) egress.Result { return egress.Result{StatusCode: 200, Body: []byte(body)} }
	for says, res := range map[string]egress.Result{
		"answered with status 401 and the error invalid_client": {StatusCode: 401, Body: []byte(`{"error": "invalid_client", "error_description": "leaked"}`)},
		"answered with status 400":                              {StatusCode: 400, Body: []byte(`{"error": "leaked"}`)},
		"answered with status 302; redirects are not followed":  {StatusCode: 302, Header: http.Header{"Location": {"http://leaked/"}}},
		"answered with status 503":                              {StatusCode: 503, Body: []byte("leaked")},
		"no access token in it: it is not JSON":                 ok("<leaked>"),
		"JSON object with access_token":                         ok(`["leaked"]`),
		"access_token is missing":                               ok(`{"leaked": 1}`),
		"characters that a header cannot have":                  ok(`{"access_token": "leaked\r\nX: y"}`),
		"longer than 8 KiB":                                     ok(`{"access_token": "leaked` + strings.Repeat("x", 9000) + `"}`),
		"token_type is not Bearer":                              ok(`{"access_token": "leaked", "token_type": "mac"}`),
		"expires_in is not a number":                            ok(`{"access_token": "leaked", "expires_in": "x"}`),
		"at most 16 KiB":                                        {StatusCode: 200, Body: make([]byte, 64<<10), Truncated: true},
		"the token server refused the connection":               {Code: egress.Connect, Message: "the receiver refused the connection; check that the server runs and listens on the URL's port"},
		"did not answer in time":                                {Code: egress.Timeout, Message: "leaked"},
	} {
		oauthWorld(t, "1", func(t *testing.T, w *world, to *store.Target, i *issuer) {
			t.Helper()
			w.client.set("tokens", answer(res))
			a := again(t, w, to)
			if a.Status != webhook.AttemptFailed || *a.Error != webhook.ErrorOAuthToken || !strings.Contains(a.Message, says) || strings.Contains(a.Message, "leaked") || a.ResponseStatus != nil {
				t.Errorf("%q: %+v", says, a)
			}
			summary := "No access token could be fetched"
			switch {
			case strings.Contains(a.Message, "invalid_client"):
				summary = "did not accept the webhook's client ID and secret"
			case strings.Contains(a.Message, "answered with status"):
				summary = "refused to issue"
			case strings.Contains(a.Message, "no access token in it"):
				summary = "no usable access token"
			}
			if e := webhook.Explain(a, nil); !strings.Contains(e.Summary, summary) {
				t.Errorf("%q is explained as %q", a.Message, e.Summary)
			}
			i.is(t, 0, "")
		})
	}
}

// What this host lacks is no failure of a token server: the attempt is made again.
func TestTokenOfThisHost(t *testing.T) {
	oauthWorld(t, "3600", func(t *testing.T, w *world, to *store.Target, i *issuer) {
		t.Helper()
		var asked atomic.Int32
		w.client.set("tokens", func(ctx context.Context, r *egress.Request) egress.Result {
			if asked.Add(1) == 1 {
				return egress.Result{Code: egress.Local, Message: "this server has no network"}
			}
			return i.issue(ctx, r)
		})
		w.publish(w.sender, to, 10)
		pass(5 * time.Minute)
		if all := w.attempts(); len(all) != 1 || all[0].Attempt.Status != webhook.AttemptSucceeded {
			t.Errorf("%d attempts", len(all))
		}
	})
}

// A token server that hangs takes half of the attempt's time; the webhook's attempts fail, and others' are sent meanwhile.
func TestTokenServerHangs(t *testing.T) {
	oauthWorld(t, "3600", func(t *testing.T, w *world, to *store.Target, i *issuer) {
		t.Helper()
		w.client.set("tokens", hang)
		other := w.add("b", func(o *store.Target) { o.TenantID = to.TenantID })
		for range 10 {
			w.publish(w.sender, to, 10)
		}
		w.publish(w.sender, other, 10)
		pass(time.Second)
		if w.count(other) != 1 {
			t.Error("another webhook waits")
		}
		pass(10 * time.Minute)
		for _, r := range w.attempts() {
			if a := &r.Attempt; a.WebhookID == to.ID && (*a.Error != webhook.ErrorOAuthToken || a.DurationUs > (webhook.DefaultTimeout/2+time.Second).Microseconds()) {
				t.Errorf("%s after %d µs: %s", *a.Error, a.DurationUs, a.Message)
			}
		}
		i.is(t, 0, "")
	})
}

// Other credentials make the old token void, and webhooks do not share tokens.
func TestTokensAreApart(t *testing.T) {
	oauthWorld(t, "3600", func(t *testing.T, w *world, to *store.Target, i *issuer) {
		t.Helper()
		again(t, w, to)
		same := *to
		same.Description, same.Authentication = "changed", &webhook.Authentication{OAuth2: new(*to.Authentication.OAuth2)}
		w.change(w.sender, &same)
		again(t, w, &same)
		i.is(t, 1, "token-1 token-1")
		changed := *to
		withOAuth2(func(o *webhook.OAuth2) { o.ClientSecret = "another" })(&changed)
		w.change(w.sender, &changed)
		again(t, w, &changed)
		i.is(t, 2, "token-1 token-1 token-2")
		twin := w.add("a", func(o *store.Target) { o.TenantID = to.TenantID }, withOAuth2())
		again(t, w, twin)
		i.is(t, 3, "token-1 token-1 token-2 token-3")
	})
}

// The request for a token is RFC 6749's, with either way of client authentication.
func TestTokenRequest(t *testing.T) {
	audience := "https://api.example/"
	o := &webhook.OAuth2{
		ClientID: "the client:", ClientSecret: "s+cret&", Scopes: []string{"a", "b:c"}, Audience: &audience,
		Parameters: []*webhook.OAuth2Parameter{{Name: "resource", Value: "r&grant_type=password"}}, ClientAuthentication: webhook.ClientSecretBasic,
	}
	header, body := tokenRequest(o)
	form, err := url.ParseQuery(body)
	if err != nil || form.Get("grant_type") != "client_credentials" || len(form["grant_type"]) != 1 || form.Get("scope") != "a b:c" || form.Get("audience") != audience ||
		form.Get("resource") != "r&grant_type=password" || form.Has("client_secret") {
		t.Errorf("%s, %v", body, err)
	}
	r := http.Request{Header: header}
	if id, secret, _ := r.BasicAuth(); id != url.QueryEscape(o.ClientID) || secret != url.QueryEscape(o.ClientSecret) {
		t.Errorf("%s:%s", id, secret)
	}
	o.ClientAuthentication = webhook.ClientSecretPost
	header, body = tokenRequest(o)
	if form, err = url.ParseQuery(body); err != nil || form.Get("client_id") != o.ClientID || form.Get("client_secret") != o.ClientSecret || header.Get("Authorization") != "" {
		t.Errorf("%v %s, %v", header, body, err)
	}
}

// Basic credentials are in each request, and redacted in its record.
func TestBasic(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		to := w.add("a", func(to *store.Target) {
			to.Authentication = &webhook.Authentication{Basic: &webhook.BasicAuthentication{Username: "user", Password: "pass"}}
		})
		sent := ""
		r := one(t, w, to, func(_ context.Context, r *egress.Request) egress.Result {
			sent = r.Header.Get("Authorization")
			return egress.Result{StatusCode: 204}
		})
		if sent != "Basic dXNlcjpwYXNz" || !strings.Contains(string(r.Attempt.RequestHeaders), "Authorization: [redacted]\r\n") {
			t.Errorf("sent %q, recorded %q", sent, r.Attempt.RequestHeaders)
		}
	})
}

// Tokens of webhooks that are not sent to any more are forgotten when they have expired.
func TestTokensAreForgotten(t *testing.T) {
	s := tokens{client: tokenClient{}}
	for range 1000 {
		to := &store.Target{Webhook: webhook.Webhook{ID: webhook.NewID(time.Now())}}
		withOAuth2()(to)
		if _, why := s.get(t.Context(), &task{target: to}, nil, ""); why != nil {
			t.Fatal(why.message)
		}
	}
	if len(s.of) > 200 {
		t.Errorf("%d are kept", len(s.of))
	}
}

// tokenClient issues tokens that have expired.
type tokenClient struct{}

func (tokenClient) Do(context.Context, *egress.Request) egress.Result {
	return egress.Result{StatusCode: 200, Body: []byte(`{"access_token": "t", "expires_in": 0}`)}
}

// An attempt of a webhook without an authentication allocates no more than one whose authentication has no parts, and less than one with any.
func TestNoAuthenticationAllocatesNothing(t *testing.T) {
	s := free(t)
	measure := func(auth *webhook.Authentication) float64 {
		claimed := many(1)[0]
		claimed.Target.Authentication = auth
		deliver(s, claimed)
		return testing.AllocsPerRun(1000, func() { deliver(s, claimed) })
	}
	none, empty := measure(nil), measure(&webhook.Authentication{})
	s.tokens.client = tokenClient{}
	with := measure(&webhook.Authentication{OAuth2: &webhook.OAuth2{TokenURL: "https://tokens.test/"}})
	random := 0.0
	if webhooktest.Race {
		random = 2 // with the detector, pools forget by chance
	}
	if none > empty+random || none >= with {
		t.Errorf("%v allocations, %v with an empty authentication, %v with an access token", none, empty, with)
	}
}
