package app

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var (
	starveFor   = flag.Duration("starve.for", 0, "how long TestStarvation lets each input run; 0 is 300 ms")
	starveRatio = flag.Float64("starve.ratio", 0, "by how much an input may move the victim's p99 in TestStarvation; 0 does not look, because it needs a quiet machine")
)

const (
	starveMemory    = 250.0                 // limit of the server's resident memory, in MB
	starveFloor     = 20 * time.Millisecond // a p99 below this is noise of the machine
	floodWebhooks   = 1500
	floodBatch      = 500
	largestPayload  = 256 << 10
	hangingReceiver = time.Minute
)

// Whatever one tenant or a stranger does, another tenant's publishing, deliveries and stream continue: nothing is refused, lost or
// missing in its stream, the server's memory stays bounded, and soon after everything is as fast as before (I9, I12, I16, I17).
func TestStarvation(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	lasting := *starveFor
	if lasting == 0 {
		lasting = 300 * time.Millisecond
	}
	p, kill := start(t, t.TempDir(), "HOOKGRAPH_LOG_LEVEL=error")
	defer kill()
	operator := &client{p.url, p.token}
	v := newVictim(t, operator)
	v.run(t, time.Second) // warms up connections, caches and plans
	alone := v.run(t, max(lasting, 3*time.Second))
	t.Logf("alone: publish p99 %v, arrival p99 %v, %.0f MB", alone.Published.p99(), alone.Arrived.p99(), resident(t, p))
	for _, name := range slices.Sorted(maps.Keys(starvers)) {
		t.Run(name, func(t *testing.T) {
			a := newAttacker(t, operator, p, unusual.ReplaceAllString(name, "-"))
			attack := starvers[name](t, a)
			during := v.beside(t, a, lasting, attack)
			a.leave(t)
			after := v.run(t, lasting)
			memory := resident(t, p)
			t.Logf("publish p99 %v, arrival p99 %v; afterwards %v and %v; %.0f MB; %d calls, %d refused",
				during.Published.p99(), during.Arrived.p99(), after.Published.p99(), after.Arrived.p99(), memory, a.calls.Load(), a.refused.Load())
			if memory > starveMemory && !webhooktest.Race { // the race detector needs several times as much
				t.Errorf("the server has %.0f MB resident", memory)
			}
			if *starveRatio == 0 {
				return
			}
			for what, pair := range map[string][2]time.Duration{
				"publish": {during.Published.p99(), alone.Published.p99()},
				"arrival": {during.Arrived.p99(), alone.Arrived.p99()},
			} {
				if bound := time.Duration(*starveRatio * float64(max(pair[1], starveFloor))); pair[0] > bound {
					t.Errorf("%s: p99 %v, alone %v", what, pair[0], pair[1])
				}
			}
		})
	}
	v.complete(t)
}

// unusual matches characters that a tenant's name cannot contain.
var unusual = regexp.MustCompile(`[^a-z0-9]+`)

// resident returns the program's resident memory in MB.
func resident(t *testing.T, p *program) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.process.Process.Pid) + "/status")
	if err != nil {
		return 0 // not on this system
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s", text)
	}
	kib, _ := strconv.Atoi(string(m[1]))
	return float64(kib) * 1024 / 1e6
}

// beside runs the victim during the attack, and waits until the attack has ended.
func (v *victim) beside(t *testing.T, a *attacker, lasting time.Duration, attack func(ctx context.Context)) victimAnswer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		attack(ctx)
	}()
	m := v.run(t, lasting)
	cancel()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the attack does not end")
	}
	a.http.CloseIdleConnections()
	return m
}

// tenant creates a tenant, and returns a client for it.
func (c *client) tenant(t *testing.T, name string) client {
	t.Helper()
	var tenant struct{ Tenant struct{ ID string } }
	c.mutate(t, `mutation ($input: CreateTenantInput!) { done: createTenant(input: $input) { tenant { id } } }`, map[string]any{"name": name}, &tenant)
	var token struct{ Credential string }
	c.mutate(t, `mutation ($input: CreateTokenInput!) { done: createToken(input: $input) { credential } }`,
		map[string]any{"name": name, "tenantId": tenant.Tenant.ID}, &token)
	return client{c.url, token.Credential}
}

// attacker is another tenant, with its own receivers of every kind.
type attacker struct {
	client
	operator       *client
	host           string // of the server
	http           *http.Client
	receivers      *httptest.Server
	dead           string // a URL where nobody listens
	name           string
	calls, refused atomic.Int64
	done           context.Context // ends when the attacker leaves; releases what the receivers hold
	end            context.CancelFunc
}

func newAttacker(t *testing.T, operator *client, p *program, name string) *attacker {
	t.Helper()
	a := &attacker{client: operator.tenant(t, name), operator: operator, name: name, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	a.host = u.Host
	a.done, a.end = context.WithCancel(context.Background())
	a.receivers = httptest.NewServer(http.HandlerFunc(a.receive))
	t.Cleanup(func() { a.end(); a.receivers.Close() })
	a.dead = "http://" + webhooktest.Refusing(t)
	return a
}

// receive behaves as the path says.
func (a *attacker) receive(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	wait := func(d time.Duration) bool {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return true
		case <-r.Context().Done():
		case <-a.done.Done():
		}
		return false
	}
	switch strings.SplitN(r.URL.Path[1:], "/", 2)[0] {
	case "hang":
		wait(hangingReceiver)
	case "slow":
		wait(5 * time.Second)
	case "fail":
		w.WriteHeader(http.StatusInternalServerError)
	case "gone":
		w.WriteHeader(http.StatusGone)
	case "drip":
		for wait(20 * time.Millisecond) {
			if _, err := w.Write([]byte(".")); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	case "endless":
		for block := bytes.Repeat([]byte("x"), 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	case "large":
		_, _ = w.Write(bytes.Repeat([]byte("y"), 64<<10))
	}
}

// leave deletes the attacker's tenant and releases everything that its receivers hold.
func (a *attacker) leave(t *testing.T) {
	t.Helper()
	a.end()
	var tenant struct {
		Data struct {
			Tenants struct{ Nodes []struct{ ID, Name string } }
		}
	}
	a.operator.rest(t, "POST", "/graphql", `{"query": "{ tenants(first: 100) { nodes { id name } } }"}`, &tenant)
	for _, n := range tenant.Data.Tenants.Nodes {
		if n.Name == a.name {
			a.operator.mutate(t, `mutation ($input: DeleteTenantInput!) { done: deleteTenant(input: $input) { userErrors { message } } }`, map[string]any{"id": n.ID}, &struct{}{})
		}
	}
}

// call sends a body with the attacker's token; status 0 means no response.
func (a *attacker) call(ctx context.Context, method, path string, body io.Reader) (status int, text []byte) {
	return a.callAs(ctx, a.token, method, path, body)
}

func (a *attacker) callAs(ctx context.Context, token, method, path string, body io.Reader) (status int, text []byte) {
	a.calls.Add(1)
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, body)
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := a.http.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	text, _ = io.ReadAll(res.Body)
	if res.StatusCode >= 400 {
		a.refused.Add(1)
	}
	return res.StatusCode, text
}

func (a *attacker) query(ctx context.Context, query string, variables map[string]any) []byte {
	body, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	_, text := a.call(ctx, "POST", "/graphql", bytes.NewReader(body))
	return text
}

// webhooks registers n webhooks whose URLs begin with base; more is additional JSON for each.
func (a *attacker) webhooks(t *testing.T, n int, base, more string) (ids []string) {
	t.Helper()
	var mu sync.Mutex
	parallel(8, func(worker int) {
		for i := worker; i < n; i += 8 {
			status, text := a.call(t.Context(), "POST", "/v1/webhooks", strings.NewReader(fmt.Sprintf(`{"url": "%s/%d"%s}`, base, i, more)))
			var made struct{ ID string }
			if status != http.StatusCreated || json.Unmarshal(text, &made) != nil {
				t.Errorf("register: %d %s", status, text)
				return
			}
			mu.Lock()
			ids = append(ids, made.ID)
			mu.Unlock()
		}
	})
	return ids
}

// batch returns n events with size bytes of data each, as JSON.
func batch(n, size int) string {
	event := `{"type": "flood", "data": {"x": "` + strings.Repeat("z", size) + `"}}`
	return "[" + strings.Repeat(event+",", n-1) + event + "]"
}

func (a *attacker) events(ctx context.Context, body string) int {
	status, _ := a.call(ctx, "POST", "/v1/events", strings.NewReader(body))
	return status
}

// parallel runs f n times concurrently.
func parallel(n int, f func(worker int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// again repeats f, n at a time, until ctx ends.
func again(n int, f func(ctx context.Context)) func(ctx context.Context) {
	return func(ctx context.Context) {
		parallel(n, func(int) {
			for ctx.Err() == nil {
				f(ctx)
			}
		})
	}
}

// raw opens a connection, sends text, calls then (may be nil), and closes it.
func (a *attacker) raw(ctx context.Context, text string, then func(net.Conn)) {
	a.calls.Add(1)
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", a.host)
	if err != nil {
		a.refused.Add(1)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = conn.Write([]byte(text))
	if then != nil {
		then(conn)
	}
}

// head returns the head of a POST by the attacker.
func (a *attacker) head(path, rest string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: " + a.host + "\r\nAuthorization: Bearer " + a.token + "\r\nContent-Type: application/json\r\n" + rest + "\r\n\r\n"
}

// held keeps a connection open until ctx ends.
func held(ctx context.Context) func(net.Conn) {
	return func(net.Conn) { <-ctx.Done() }
}

// sockets opens n WebSockets, which present the token if init is set, and start the given number of subscriptions each.
func (a *attacker) sockets(ctx context.Context, n int, init bool, subscriptions int, read bool) {
	parallel(n, func(int) {
		a.calls.Add(1)
		var conn *websocket.Conn
		var err error
		if init {
			conn, err = a.dial(ctx)
		} else {
			conn, _, err = websocket.Dial(ctx, "ws://"+a.host+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
		}
		if err != nil {
			a.refused.Add(1)
			<-ctx.Done()
			return
		}
		defer func() { _ = conn.CloseNow() }()
		for i := range subscriptions {
			_ = wsjson.Write(ctx, conn, map[string]any{"type": "subscribe", "id": strconv.Itoa(i), "payload": map[string]any{
				"query": "subscription { deliveryAttempts { cursor node { id request { body } response { body } } } }",
			}})
		}
		if read {
			for {
				if _, _, err := conn.Read(ctx); err != nil {
					break
				}
			}
		}
		<-ctx.Done()
	})
}

// starvers are the attacks of a tenant or a stranger. Each prepares, and returns a function that runs beside the victim.
var starvers = map[string]func(t *testing.T, a *attacker) func(ctx context.Context){
	"uploads that break off": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return again(16, func(ctx context.Context) {
			a.raw(ctx, a.head("/v1/events", "Content-Length: 12000000")+`[{"type":`, nil)
			a.raw(ctx, a.head("/graphql", "Content-Length: 1000000")+`{"query":`, nil)
		})
	},
	"uploads with bad chunks": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return again(16, func(ctx context.Context) {
			for _, path := range []string{"/v1/events", "/v1/webhooks", "/graphql"} {
				a.raw(ctx, a.head(path, "Transfer-Encoding: chunked")+"5\r\n[1,2,\r\nxyz\r\n", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
			}
		})
	},
	"uploads that are too large, in chunks": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		block := "100000\r\n" + strings.Repeat(" ", 1<<20) + "\r\n"
		return again(8, func(ctx context.Context) {
			a.raw(ctx, a.head("/v1/webhooks", "Transfer-Encoding: chunked"), func(c net.Conn) {
				for range 8 {
					if _, err := c.Write([]byte(block)); err != nil {
						return
					}
				}
			})
		})
	},
	"slow uploads that announce much": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return func(ctx context.Context) {
			parallel(200, func(i int) {
				a.raw(ctx, a.head([]string{"/v1/events", "/graphql"}[i%2], "Content-Length: 1500000")+`[{"type": "a.b"`, held(ctx))
			})
		}
	},
	"connections that say nothing": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return func(ctx context.Context) { parallel(1000, func(int) { a.raw(ctx, "", held(ctx)) }) }
	},
	"connections with half a head": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return func(ctx context.Context) {
			parallel(1000, func(int) { a.raw(ctx, "GET /graphql HTTP/1.1\r\nHost: "+a.host+"\r\n", held(ctx)) })
		}
	},
	"sockets of strangers": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return func(ctx context.Context) { a.sockets(ctx, 1500, false, 0, false) }
	},
	"sockets with many subscriptions": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return func(ctx context.Context) { a.sockets(ctx, 100, true, 50, true) }
	},
	"sockets that never read": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 1, a.receivers.URL+"/large", "")
		return func(ctx context.Context) {
			var wg sync.WaitGroup
			wg.Go(func() { a.sockets(ctx, 50, true, 20, false) })
			again(2, func(ctx context.Context) { a.events(ctx, batch(50, 1000)) })(ctx)
			wg.Wait()
		}
	},
	"streams from the beginning": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 1, a.receivers.URL+"/large", "")
		a.events(t.Context(), batch(200, 1000))
		return again(8, func(ctx context.Context) {
			a.raw(ctx, a.head("/graphql", "Accept: text/event-stream\r\nContent-Length: 90")+
				fmt.Sprintf("%-90s", `{"query":"subscription{deliveryAttempts{cursor node{response{body}}}}"}`), func(c net.Conn) {
				_, _ = io.CopyN(io.Discard, c, 1<<20)
			})
		})
	},
	"tokens that are wrong": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		var n atomic.Int64
		return again(8, func(ctx context.Context) {
			_, _ = a.callAs(ctx, fmt.Sprintf("hg_%043d", n.Add(1)), "GET", "/v1/webhooks", nil)
		})
	},
	"a token that is revoked": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return again(8, func(ctx context.Context) {
			_, _ = a.callAs(ctx, "hg_"+strings.Repeat("r", 43), "POST", "/graphql", strings.NewReader(`{"query":"{viewer{__typename}}"}`))
		})
	},
	"tokens by the thousand": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return again(4, func(ctx context.Context) {
			a.query(ctx, `mutation { createToken(input: {name: "one of many"}) { credential } }`, nil)
		})
	},
	"webhooks that fail, and all told of it": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, floodWebhooks, a.receivers.URL+"/fail", `, "events": null, "retry_schedule_ms": []`)
		return again(1, func(ctx context.Context) {
			a.query(ctx, `mutation { publishEvent(input: {type: "flood", data: 1}) { event { id } } }`, nil)
		})
	},
	"webhooks that are gone": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, floodWebhooks, a.receivers.URL+"/gone", "")
		return again(1, func(ctx context.Context) { a.events(ctx, batch(1, 10)) })
	},
	"webhooks that nobody serves": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, floodWebhooks, a.dead, "")
		return again(2, func(ctx context.Context) { a.events(ctx, batch(2, 10)) })
	},
	"webhooks that answer after 5 s": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 600, a.receivers.URL+"/slow", "")
		return func(ctx context.Context) {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for ctx.Err() == nil {
				a.events(ctx, batch(1, 10))
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		}
	},
	"webhooks that hang": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, floodWebhooks, a.receivers.URL+"/hang", "")
		return again(1, func(ctx context.Context) { a.events(ctx, batch(5, 10)) })
	},
	"receivers that drip": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 500, a.receivers.URL+"/drip", "")
		return again(1, func(ctx context.Context) { a.events(ctx, batch(5, 10)) })
	},
	"receivers without an end": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 20, a.receivers.URL+"/endless", "")
		return again(2, func(ctx context.Context) { a.events(ctx, batch(20, 10)) })
	},
	"receivers with large answers": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 20, a.receivers.URL+"/large", "")
		return again(2, func(ctx context.Context) { a.events(ctx, batch(20, 10)) })
	},
	"batches of 1,000": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 1, a.receivers.URL+"/ok", "")
		return again(8, func(ctx context.Context) { a.events(ctx, batch(1000, 100)) })
	},
	"bodies of 12 MB": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		body := batch(50, largestPayload-1000)
		return again(8, func(ctx context.Context) { a.events(ctx, body) })
	},
	"an event for thousands": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 3*floodWebhooks, a.receivers.URL+"/ok", "")
		return again(1, func(ctx context.Context) { a.events(ctx, batch(1, 100)) })
	},
	"many events for thousands": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, floodWebhooks, a.receivers.URL+"/ok", "")
		return func(ctx context.Context) { a.events(ctx, batch(floodBatch, 100)) }
	},
	"queries at the limit": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		a.webhooks(t, 20, a.receivers.URL+"/large", "")
		a.events(t.Context(), batch(50, 1000))
		return again(16, func(ctx context.Context) {
			a.query(ctx, `{ webhooks { nodes { deliveries { nodes { attempts { nodes { response { body headers { name value } } } } } } } } }`, nil)
			a.query(ctx, `{ attempts(first: 100) { nodes { request { body } response { body } event { data } } } }`, nil)
		})
	},
	"documents that explode": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		bomb := "{...a0}"
		for i := range 24 {
			bomb += fmt.Sprintf("fragment a%d on Query{...a%d ...a%d}", i, i+1, i+1)
		}
		bomb += "fragment a24 on Query{__typename}"
		aliases := "{"
		for i := range 7000 {
			aliases += fmt.Sprintf("a%d:__typename ", i)
		}
		aliases += "}"
		return again(8, func(ctx context.Context) {
			a.query(ctx, bomb, nil)
			a.query(ctx, aliases, nil)
			a.query(ctx, strings.Repeat("{a", 20_000), nil)
		})
	},
	"filters of great length": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return again(8, func(ctx context.Context) {
			a.query(ctx, `query ($f: WebhookFilter) { webhooks(filter: $f) { nodes { id } } }`, map[string]any{"f": map[string]any{"url": strings.Repeat("%_", 25_000)}})
			a.query(ctx, `query ($f: EventFilter) { events(filter: $f) { nodes { id } } }`, map[string]any{"f": map[string]any{"types": []string{strings.Repeat("a.", 50_000)}}})
		})
	},
	"webhooks made and deleted": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		return again(16, func(ctx context.Context) {
			_, text := a.call(ctx, "POST", "/v1/webhooks", strings.NewReader(`{"url": "`+a.receivers.URL+`/ok"}`))
			var made struct{ ID string }
			if json.Unmarshal(text, &made) == nil && made.ID != "" {
				a.call(ctx, "DELETE", "/v1/webhooks/"+made.ID, nil)
			}
		})
	},
	"a backlog held and released": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		ids := a.webhooks(t, 10, a.receivers.URL+"/ok", `, "enabled": false`)
		parallel(4, func(int) { a.events(t.Context(), batch(1000, 10)) })
		return again(4, func(ctx context.Context) {
			for _, id := range ids {
				for _, on := range []string{"true", "false"} {
					a.call(ctx, "PATCH", "/v1/webhooks/"+id, strings.NewReader(`{"enabled": `+on+`}`))
				}
			}
		})
	},
	"a webhook deleted with its backlog": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		ids := a.webhooks(t, 10, a.receivers.URL+"/ok", `, "enabled": false`)
		parallel(4, func(int) { a.events(t.Context(), batch(1000, 10)) })
		return func(ctx context.Context) {
			parallel(len(ids), func(i int) { a.call(ctx, "DELETE", "/v1/webhooks/"+ids[i], nil) })
		}
	},
	"secrets rotated": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		ids := a.webhooks(t, 4, a.receivers.URL+"/ok", "")
		return func(ctx context.Context) {
			parallel(16, func(i int) {
				for ctx.Err() == nil {
					a.call(ctx, "PATCH", "/v1/webhooks/"+ids[i%len(ids)], strings.NewReader(`{"rotate_secret": true}`))
				}
			})
		}
	},
	"keys that conflict": func(_ *testing.T, a *attacker) func(ctx context.Context) {
		event := func(n int) string {
			return fmt.Sprintf(`{"type": "flood", "data": %d, "idempotency_key": "the same"}`, n)
		}
		body := "[" + event(0)
		for i := range 999 {
			body += "," + event(i%2)
		}
		return again(8, func(ctx context.Context) { a.events(ctx, body+"]") })
	},
	"tests of webhooks that hang": func(t *testing.T, a *attacker) func(ctx context.Context) {
		t.Helper()
		ids := a.webhooks(t, 50, a.receivers.URL+"/hang", "")
		return func(ctx context.Context) {
			parallel(16, func(i int) {
				for ctx.Err() == nil {
					a.query(ctx, `mutation ($id: ID!) { testWebhook(input: {id: $id}) { userErrors { message } } }`, map[string]any{"id": ids[i%len(ids)]})
				}
			})
		}
	},
}
