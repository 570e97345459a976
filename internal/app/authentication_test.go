package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/sender"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// bank is a token server and a receiver that requires a client certificate and a token that is valid.
type bank struct {
	url       string // of both, over TLS
	roots     *x509.CertPool
	clients   *certificates.Authority
	requested chan string // what the receiver got: the client's name and the token

	mu     sync.Mutex
	secret string
	issued int
	valid  map[string]bool // tokens
	answer http.HandlerFunc
}

func newBank(t *testing.T, h2 bool) *bank {
	t.Helper()
	b := &bank{clients: certificates.NewAuthority(t, "bank"), secret: "client-secret", valid: map[string]bool{}, requested: make(chan string, 64)}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch {
		case r.URL.Path == "/token" && b.answer != nil:
			b.answer(w, r)
		case r.URL.Path == "/token":
			b.token(w, r)
		default:
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			b.requested <- r.TLS.PeerCertificates[0].Subject.CommonName + " " + token
			if !b.valid[token] {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	s.EnableHTTP2 = h2
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // or each refused certificate is a line
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: b.clients.Pool()}
	s.StartTLS()
	t.Cleanup(s.Close)
	b.url, b.roots = s.URL, x509.NewCertPool()
	b.roots.AddCert(s.Certificate())
	return b
}

// token issues a token. The caller must hold mu.
func (b *bank) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if r.ParseForm() != nil || id != "hookgraph" || secret != b.secret || r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("scope") != "events:write" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error": "invalid_client"}`))
		return
	}
	b.issued++
	token := fmt.Sprintf("token-%d", b.issued)
	b.valid[token] = true
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
}

// change changes the bank's settings.
func (b *bank) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// delivering is a store and a sender, which trusts the bank.
type delivering struct {
	*testing.T
	scope *store.Scope
	id    webhook.ID
}

// to registers the webhook of a bank on the database, and delivers to it.
func (b *bank) to(t *testing.T, database string) *delivering {
	t.Helper()
	s, owner := stored(t, database)
	client, err := egress.New(egress.Config{AllowPrivate: true, RootCAs: b.roots})
	if err != nil {
		t.Fatal(err)
	}
	sending := sender.New(sender.Config{Store: s, Client: client})
	s.Start(sending, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sending.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		client.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	chain, key := b.clients.Issue(t, "hookgraph", nil)
	w, _, err := s.In(owner.ID).CreateWebhook(t.Context(), webhook.New{
		URL: b.url + "/hook", Enabled: true, RetryScheduleMs: []int{}, Authentication: &webhook.AuthenticationPatch{
			OAuth2: webhook.Some(&webhook.NewOAuth2{
				TokenURL: b.url + "/token", ClientID: "hookgraph", ClientSecret: new("client-secret"), Scopes: []string{"events:write"},
			}),
			Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &delivering{t, s.In(owner.ID), w.ID}
}

// attempt publishes an event, and returns its only attempt.
func (d *delivering) attempt() *webhook.Attempt {
	d.Helper()
	results, err := d.scope.Publish(d.Context(), []webhook.NewEvent{{Type: "a.b", Data: []byte("{}")}})
	if err != nil {
		d.Fatal(err)
	}
	var a *webhook.Attempt
	webhooktest.Eventually(d, "the attempt is recorded", func() bool {
		all, err := d.scope.Attempts(d.Context(), store.AttemptFilter{EventIDs: []webhook.ID{results[0].Event.ID}}, store.Page{First: 10})
		if err != nil {
			d.Fatal(err)
		}
		if len(all.Items) > 0 {
			a = all.Items[0]
		}
		return a != nil
	})
	return a
}

// failed makes an attempt that must fail with the code.
func (d *delivering) failed(what string, code webhook.ErrorCode, says string) {
	d.Helper()
	a := d.attempt()
	if a.Status != webhook.AttemptFailed || *a.Error != code || !strings.Contains(a.Message, says) {
		d.Errorf("%s: %s %v %s", what, a.Status, a.Error, a.Message)
	}
	if e := webhook.Explain(a, nil); e == nil || e.Summary == "" {
		d.Errorf("%s is not explained", what)
	}
}

// update changes the webhook's authentication.
func (d *delivering) update(p *webhook.AuthenticationPatch) {
	d.Helper()
	if _, _, err := d.scope.UpdateWebhook(d.Context(), d.id, webhook.Patch{Authentication: webhook.Some(p)}, nil); err != nil {
		d.Fatal(err)
	}
}

// A receiver with OAuth 2.0 and mutual TLS gets events, over both versions of HTTP; a token that was revoked is replaced within the attempt; and
// each failure of the token server or of the certificate is a failed attempt with a code of its own, which ends when the cause is gone.
func TestAuthenticatedDelivery(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		t.Helper()
		b := newBank(t, store.IsPostgres(database))
		d := b.to(t, database)
		got := func(want string) {
			t.Helper()
			select {
			case is := <-b.requested:
				if is != want {
					t.Errorf("the receiver got %q, want %q", is, want)
				}
			default:
				t.Errorf("the receiver got nothing, want %q", want)
			}
		}
		succeeds := func(want ...string) {
			t.Helper()
			if a := d.attempt(); a.Status != webhook.AttemptSucceeded {
				t.Errorf("%+v", a)
			}
			for _, one := range want {
				got(one)
			}
		}
		succeeds("hookgraph token-1")
		succeeds("hookgraph token-1")
		b.change(func() { clear(b.valid) }) // revoked
		succeeds("hookgraph token-1", "hookgraph token-2")

		// The client secret is changed at the bank.
		b.change(func() { clear(b.valid); b.secret = "changed" })
		d.failed("a wrong secret", webhook.ErrorOAuthToken, "the receiver answered 401 Unauthorized, and there is no new access token: the token server answered with status 401 and the error invalid_client")
		got("hookgraph token-2")
		b.change(func() {
			b.answer = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hook", http.StatusFound) }
		})
		d.failed("a redirect", webhook.ErrorOAuthToken, "redirects are not followed")
		b.change(func() {
			b.answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }
		})
		d.failed("a huge answer", webhook.ErrorOAuthToken, "at most 16 KiB")
		b.change(func() { b.answer = nil })
		d.update(&webhook.AuthenticationPatch{OAuth2: webhook.Some(&webhook.NewOAuth2{
			TokenURL: b.url + "/token", ClientID: "hookgraph", ClientSecret: new("changed"), Scopes: []string{"events:write"},
		})})
		succeeds("hookgraph token-3")

		chain, key := certificates.NewAuthority(t, "another").Issue(t, "stranger", nil)
		d.update(&webhook.AuthenticationPatch{Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key})})
		d.failed("a certificate of another authority, at the token server", webhook.ErrorOAuthToken, "did not accept the webhook's client certificate")
		d.update(&webhook.AuthenticationPatch{OAuth2: webhook.Some[*webhook.NewOAuth2](nil)})
		d.failed("a certificate of another authority", webhook.ErrorClientCertificate, "did not accept the webhook's client certificate")
		d.update(nil)
		d.failed("no certificate", webhook.ErrorTLS, "requires a client certificate, and the webhook has none")
		select {
		case is := <-b.requested:
			t.Errorf("the receiver got %q too", is)
		default:
		}
	})
}

// A token server that does not answer fails the attempts of its webhook within half of their time.
func TestTokenServerIsSlow(t *testing.T) {
	b := newBank(t, false)
	d := b.to(t, t.TempDir())
	if _, _, err := d.scope.UpdateWebhook(t.Context(), d.id, webhook.Patch{TimeoutMs: webhook.Some(new(1000))}, nil); err != nil {
		t.Fatal(err)
	}
	b.change(func() {
		b.answer = func(_ http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm() // or the server does not notice that its client has gone
			<-r.Context().Done()
		}
	})
	begun := time.Now()
	d.failed("a token server that hangs", webhook.ErrorOAuthToken, "did not answer in time")
	if took := time.Since(begun); took < 400*time.Millisecond {
		t.Errorf("given up after %v", took)
	}
}

var pageQuery = regexp.MustCompile("(?s)```graphql\n(.*?)```")

// The operations in docs/authentication.md work as they are shown.
func TestAuthenticationPage(t *testing.T) {
	page, err := os.ReadFile("docs/authentication.md")
	if err != nil {
		t.Fatal(err)
	}
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	chain, key := certificates.NewAuthority(t, "a").Issue(t, "client", nil)
	variables := map[string]any{"id": c.createWebhook(t, map[string]any{"url": "https://example.com/"}), "chain": chain, "privateKey": key}
	all := pageQuery.FindAllSubmatch(page, -1)
	if len(all) < 4 {
		t.Fatalf("%d operations were found", len(all))
	}
	for _, part := range all {
		query := string(part[1])
		body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Data   map[string]struct{ UserErrors []any }
			Errors []any
		}
		if status := c.rest(t, "POST", "/graphql", string(body), &answer); status != http.StatusOK || len(answer.Errors) > 0 || len(answer.Data) == 0 {
			t.Errorf("%s\n%d %+v", query, status, answer)
		}
		for _, one := range answer.Data {
			if len(one.UserErrors) > 0 {
				t.Errorf("%s\n%v", query, one.UserErrors)
			}
		}
	}
}
