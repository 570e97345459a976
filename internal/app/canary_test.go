package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// canaries are secrets that must not be found anywhere, in every form that they could have.
type canaries map[string][][]byte

func (c canaries) add(name string, value []byte) {
	c[name] = append(c[name], value, []byte(hex.EncodeToString(value)))
	// Base64 of bytes within other bytes has three forms, depending on the offset; the first and last characters depend on the
	// neighbours.
	for shift := range 3 {
		coded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), value...))
		c[name] = append(c[name], []byte(coded[4:len(coded)-4]))
	}
}

// key adds a signing secret in the form that the API shows.
func (c canaries) key(t *testing.T, name, shown string) {
	t.Helper()
	_, text, _ := strings.Cut(shown, "_")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) < 32 {
		t.Fatalf("%s: %v", name, err)
	}
	c.add(name, key[:32])
	c.add(name, []byte(text))
}

// search reports the canaries that text contains.
func (c canaries) search(t *testing.T, where string, text []byte) {
	t.Helper()
	for name, forms := range c {
		if slices.ContainsFunc(forms, func(form []byte) bool { return bytes.Contains(text, form) }) {
			t.Errorf("%s is in %s", name, where)
		}
	}
}

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.text.Bytes())
}

// observed is a program whose log and environment the test controls.
type observed struct {
	client
	database string
	env      map[string]string
	began    time.Time
	log      logged
	stop     func()
	// answers are the responses to refused calls, and to calls that need no token.
	answers bytes.Buffer
}

func observe(t *testing.T, database string, env map[string]string) *observed {
	t.Helper()
	o := &observed{database: database, env: env, began: time.Now().Add(-time.Second)}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{
			"--listen", "127.0.0.1:0", "--metrics-listen", "off", "--database", database, "--allow-private-targets", "--log-level", "debug", "--log-format", "json",
		}, func(name string) string { return env[name] }, in, &o.log)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	o.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(o.stop)
	o.url, _ = announced(t, out)
	return o
}

// command runs another command of the program, with its errors in the log, and returns its output.
func (o *observed) command(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), append(args, "--database", o.database), func(name string) string { return o.env[name] }, &out, &o.log); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return strings.TrimSpace(out.String())
}

// refused makes a call that must fail, and keeps the response.
func (o *observed) refused(t *testing.T, token, method, path, body string) {
	t.Helper()
	if status, text := o.keep(t, token, method, path, body); status < 400 && !bytes.Contains(text, []byte(`"errors":[`)) && !bytes.Contains(text, []byte(`"userErrors":[{`)) {
		t.Errorf("%s %s is answered %d %s", method, path, status, text)
	}
}

// keep makes a call and keeps the response.
func (o *observed) keep(t *testing.T, token, method, path, body string) (status int, text []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, o.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&o.answers, "%v\n%s\n", res.Header, text)
	return res.StatusCode, text
}

// ended waits until a token is no longer valid.
func (o *observed) ended(t *testing.T, token string) {
	t.Helper()
	webhooktest.Eventually(t, "the token ends", func() bool {
		status, _ := o.keep(t, token, "GET", "/v1/webhooks", "")
		return status == http.StatusUnauthorized
	})
}

// tokens creates a token in every possible way, uses it, and adds it to the canaries.
func (o *observed) tokens(t *testing.T, nowhere canaries) (ended []string) {
	t.Helper()
	const revoke = `mutation ($input: RevokeTokenInput!) { done: revokeToken(input: $input) { token { id } } }`
	tenant := o.command(t, "token", "create", "--tenant", "kallima", "--create-tenant", "--name", "of the command line")
	revoked, expired := o.createToken(t, map[string]any{}), o.createToken(t, map[string]any{"expiresAt": time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339Nano)})
	known := &client{o.url, tenant}
	of := known.createToken(t, map[string]any{"name": "a tenant's own"}).Credential
	for name, token := range map[string]string{
		"a tenant's token of the command line": tenant, "a tenant's token": of, "a token of the command line": o.command(t, "token", "create", "--operator"),
		"a revoked token": revoked.Credential, "an expired token": expired.Credential,
	} {
		nowhere.add(name, []byte(token))
		if status := (&client{o.url, token}).rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK && name != "an expired token" {
			t.Errorf("%s: %d", name, status)
		}
	}
	o.mutate(t, revoke, map[string]any{"id": revoked.Token.ID}, new(struct{}))
	o.ended(t, revoked.Credential)
	o.ended(t, expired.Credential)
	fmt.Fprintln(&o.answers, o.command(t, "token", "list"))
	return []string{revoked.Credential, expired.Credential}
}

// chatty answers a request and then sends more bytes.
func chatty(t *testing.T, said string) (url string, done <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		time.Sleep(100 * time.Millisecond) // lets the connection become idle; too short would only weaken the test
		_, _ = io.WriteString(conn, "HTTP/1.1 200 "+said+"\r\n")
		_, _ = conn.Read(make([]byte, 1)) // until it is closed
	}()
	return "http://" + l.Addr().String(), closed
}

// I13: signing secrets, tokens of every kind, the master key and sensitive headers are nowhere in clear: not in the database or its
// log, not in the program's log, not in responses to refused calls and health checks. Published data is in the database and nowhere
// else. There is no other place to search: the program has no metrics and writes no other file.
// The search reads a PostgreSQL server's log, so it has one of its own: beside other tests its segments are soon written over.
func TestCanaries(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testCanaries(t, t.TempDir()) })
	t.Run("postgres", func(t *testing.T) { testCanaries(t, webhooktest.StartPostgres(t).Database(t)) })
}

func testCanaries(t *testing.T, database string) {
	t.Helper()
	const payload, value, password, wrong, said = "canary-payload-4f1c", "canary-header-9b2e", "canary-password-77d0", "hg_canary-wrong-token-5a1b2c3d", "canary-unasked-31c9"
	master, bootstrap := bytes.Repeat([]byte("canary-master-key"), 2)[:32], "hg_canary-bootstrap-token-0123456789abcdef"
	if store.IsPostgres(database) {
		master = webhooktest.MasterKey // PostgreSQL databases of tests are created with it
	}
	o := observe(t, database, map[string]string{
		"HOOKGRAPH_MASTER_KEY": base64.StdEncoding.EncodeToString(master), "HOOKGRAPH_BOOTSTRAP_TOKEN": bootstrap,
	})
	o.token = bootstrap
	nowhere := canaries{}
	nowhere.add("the master key", master)
	for name, text := range map[string]string{
		"the operator's token": bootstrap, "a wrong token": wrong, "a sensitive header": value, "a URL's password": password, "what a receiver says unasked": said,
	} {
		nowhere.add(name, []byte(text))
	}

	receiver := webhooktest.NewReceiver(t)
	talker, silent := chatty(t, said)
	endedTokens := o.tokens(t, nowhere)
	hmac, pair := o.webhooks(t, nowhere, receiver.URL, talker, value)

	data := `{"type": "talk", "data": {"text": "` + payload + `"}}`
	if status := o.rest(t, "POST", "/v1/events", data, nil); status != http.StatusAccepted {
		t.Fatal(status)
	}
	for range 2 {
		got := receiver.Next(t)
		if got.Header.Get("X-Key") != value || !bytes.Contains(got.Body, []byte(payload)) {
			t.Errorf("%s received %v %s", got.Path, got.Header, got.Body)
		}
		if got.Path == "/pair" {
			verifyPair(t, pair.Key, got)
		} else if n := strings.Count(got.Header.Get("webhook-signature"), "v1,"); n != 2 {
			t.Errorf("%d signatures after a rotation", n)
		}
	}
	select {
	case <-silent:
	case <-time.After(time.Minute):
		t.Error("the connection of a receiver that talks unasked is not closed")
	}
	o.signedBy(t, hmac.ID, 2)
	o.signedBy(t, pair.ID, 2)

	o.refuseAll(t, wrong, payload, value, password, payload+" "+value+" "+hmac.Secret+" "+pair.Secret, endedTokens)

	var stored []byte
	if !store.IsPostgres(database) {
		stored = o.files(t) // including the write-ahead log of a running server
	}
	o.stop()
	stored = append(stored, o.files(t)...)
	nowhere.search(t, "the database", stored)
	if n := bytes.Count(stored, []byte(payload)); n < 2 {
		t.Errorf("what was published is in the database %d times: the search finds nothing, or not all files", n)
	}
	if store.IsPostgres(database) {
		rows := o.rows(t)
		nowhere.search(t, "the tables", rows)
		if !bytes.Contains(rows, []byte(hex.EncodeToString([]byte(payload)))) {
			t.Error("what was published is not in the tables: the search finds nothing")
		}
	}
	if !bytes.Contains(stored, []byte("X-Key: [redacted]")) {
		t.Error("the attempts' headers are not in the database")
	}
	nowhere.add("what was published", []byte(payload))
	nowhere.search(t, "the log", o.log.bytes())
	if !bytes.Contains(o.log.bytes(), []byte(`"msg":"attempt"`)) || !bytes.Contains(o.log.bytes(), []byte(`"msg":"request"`)) {
		t.Error("the log is not the program's at its most talkative")
	}
	nowhere.search(t, "the answers of refused calls", o.answers.Bytes())
}

// registered is a webhook in the response that creates it.
type registered struct {
	ID, Secret string
	Key        string `json:"public_key"`
}

// webhooks registers one of each scheme, with a sensitive header of this value, rotates their secrets, and registers the talker. It
// adds their secrets to the canaries.
func (o *observed) webhooks(t *testing.T, nowhere canaries, url, talker, value string) (hmac, pair registered) {
	t.Helper()
	var talking registered
	authentication, text := o.authentications(t, nowhere)
	headers := `"authentication": ` + authentication + `, "headers": [{"name": "X-Key", "value": "` + value + `", "sensitive": true}]`
	for into, body := range map[any]string{
		&hmac:    `{"url": "` + url + `/hmac", ` + headers + `}`,
		&pair:    `{"url": "` + url + `/pair", "signature_scheme": "ED25519", ` + headers + `}`,
		&talking: `{"url": "` + talker + `", "events": ["talk"]}`,
	} {
		if status := o.rest(t, "POST", "/v1/webhooks", body, into); status != http.StatusCreated {
			t.Fatal(status)
		}
	}
	var rotated struct{ Secret string }
	if status := o.rest(t, "PATCH", "/v1/webhooks/"+hmac.ID, `{"rotate_secret": true}`, &rotated); status != http.StatusOK {
		t.Fatal(status)
	}
	var again struct{ Secret string }
	o.mutate(t, `mutation ($input: RotateWebhookSecretInput!) { done: rotateWebhookSecret(input: $input) { secret } }`,
		map[string]any{"id": pair.ID, "signatureScheme": "ED25519"}, &again)
	for name, shown := range map[string]string{
		"an HMAC secret": hmac.Secret, "a rotated secret": rotated.Secret, "an Ed25519 key": pair.Secret, "a rotated Ed25519 key": again.Secret,
	} {
		nowhere.key(t, name, shown)
	}
	o.imports(t, nowhere, url)
	for _, id := range []string{hmac.ID, pair.ID} {
		for _, call := range text {
			o.keep(t, o.token, "PATCH", "/v1/webhooks/"+id, call)
		}
		o.keep(t, o.token, "GET", "/v1/webhooks/"+id, "")
	}
	o.keep(t, o.token, "POST", "/graphql", `{"query": "{ webhooks { nodes { authentication { kinds basic { username } oauth2 { tokenUrl clientId parameters { name } } certificate { subject fingerprint } } } } }"}`)
	return hmac, pair
}

// authentications returns an authentication for new webhooks, in REST's form, and bodies of requests that change it or are refused, all with secrets
// that are canaries.
func (o *observed) authentications(t *testing.T, nowhere canaries) (first string, changes []string) {
	t.Helper()
	const password, secret, value = "canary-basic-password-81f0", "canary-client-secret-92a1", "canary-parameter-value-a3b2"
	for name, text := range map[string]string{"a password": password, "a client secret": secret, "a parameter's value": value} {
		nowhere.add(name, []byte(text))
	}
	chain, key := certificates.NewAuthority(t, "canary").Issue(t, "canary", nil)
	block, _ := pem.Decode([]byte(key))
	nowhere.add("a private key", block.Bytes)
	nowhere.add("a private key in PEM", []byte(strings.Split(key, "\n")[1]))
	object := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	certificate := map[string]any{"chain": chain, "private_key": key}
	oauth2 := map[string]any{
		"token_url": "https://tokens.example/", "client_id": "id", "client_secret": secret, "parameters": []any{map[string]any{"name": "x", "value": value}},
	}
	basic := map[string]any{"username": "user", "password": password}
	for _, change := range []map[string]any{
		{"oauth2": oauth2},
		{"basic": basic, "oauth2": oauth2},
		{"basic": map[string]any{"username": password + ":", "password": password}},
		{"certificate": map[string]any{"chain": chain + key, "private_key": key}},
		{"certificate": map[string]any{"chain": chain, "private_key": key + key}},
		{"certificate": map[string]any{"chain": chain, "private_key": []any{key}}},
		{"basic": password},
		{"oauth2": map[string]any{"token_url": "https://127.0.0.1/", "client_id": "", "client_secret": secret, password: secret}},
		{"basic": basic, "certificate": certificate},
	} {
		changes = append(changes, object(map[string]any{"authentication": change}))
	}
	return object(map[string]any{"basic": basic, "certificate": certificate}), changes
}

// imports registers webhooks with secrets that their owner has, rotates them to others, and has some refused. No response may have them.
func (o *observed) imports(t *testing.T, nowhere canaries, url string) {
	t.Helper()
	own := make([]string, 5)
	for i := range own {
		key := sha256.Sum256([]byte{'c', 'a', 'n', 'a', 'r', 'y', byte(i)})
		own[i] = "whsec_" + base64.StdEncoding.EncodeToString(key[:])
		nowhere.key(t, fmt.Sprintf("imported secret %d", i), own[i])
	}
	weak := "whsec_" + base64.StdEncoding.EncodeToString([]byte("canary-weak-imported-secret-0000"))
	nowhere.key(t, "a weak secret", weak)
	body := `{"url": "` + url + `/imported", "enabled": false, "external_id": "imported", "secret": "%s"}`
	made := registered{}
	if status := o.rest(t, "POST", "/v1/webhooks", fmt.Sprintf(body, own[0]), &made); status != http.StatusCreated || made.Secret != "" {
		t.Fatalf("%d: an imported secret is in the response", status)
	}
	path := "/v1/webhooks/" + made.ID
	for _, call := range [][3]string{
		{"PATCH", path, `{"rotate_secret": true, "secret": "` + own[1] + `"}`},
		{"POST", "/graphql", `{"query": "mutation ($i: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $i) { webhook { id } secret userErrors { message } } }", "variables": {"i": {"id": "` + made.ID + `", "secret": "` + own[2] + `"}}}`},
		{"POST", "/graphql", `{"query": "mutation { rotateWebhookSecret(input: {id: \"` + made.ID + `\", secret: \"` + own[3] + `\"}) { webhook { id } secret userErrors { message } } }"}`},
		{"POST", "/v1/webhooks", fmt.Sprintf(body, own[4])},
		{"POST", "/v1/webhooks", fmt.Sprintf(body, weak)},
		{"POST", "/v1/webhooks", strings.Replace(fmt.Sprintf(body, own[4]), `"enabled"`, `"signature_scheme": "ED25519", "enabled"`, 1)},
		{"POST", "/v1/webhooks", strings.Replace(fmt.Sprintf(body, own[4]), `"secret": "`, `"secret": ["`, 1)},
		{"PATCH", path, `{"secret": "` + own[4] + `"}`},
		{"POST", "/graphql", `{"query": "mutation ($i: CreateWebhookInput!) { createWebhook(input: $i) { webhook { id } secret userErrors { message } } }", "variables": {"i": {"url": "https://example.com/", "secret": "` + weak + `"}}}`},
		{"POST", "/graphql", `{"query": "mutation ($i: CreateWebhookInput!) { createWebhook(input: $i) { webhook { id } } }", "variables": {"i": {"url": "https://example.com/", "secret": ["` + own[4] + `"]}}}`},
		{"POST", "/graphql", `{"query": "mutation ($s: Int) { createWebhook(input: {url: \"https://example.com/\", secret: $s}) { webhook { id } } }", "variables": {"s": "` + own[4] + `"}}`},
		{"POST", "/graphql", `{"query": "mutation { createWebhook(input: {url: \"https://example.com/\", secret: [\"` + own[4] + `\"]}) { webhook { id } } }"}`},
		{"POST", "/graphql", `{"query": "mutation { createWebhook(input: {url: \"https://example.com/\", secrets: \"` + own[4] + `\"}) { webhook { id } } }"}`},
		{"POST", "/graphql", `{"query": "mutation { createWebhook(input: {url: 1, timeoutMs: \"` + own[4] + `\"}) { webhook { id } } }"}`},
	} {
		o.keep(t, o.token, call[0], call[1], call[2])
	}
	o.keep(t, o.token, "POST", "/graphql", `{"query": "{ auditLog(first: 100) { nodes { action changes { field before after } } } webhooks { nodes { id secrets { id scheme createdAt publicKey } } } }"}`)
}

// refuseAll makes calls that are refused, with every secret in them, with valid, unknown and revoked tokens.
func (o *observed) refuseAll(t *testing.T, wrong, payload, value, password, everything string, endedTokens []string) {
	t.Helper()
	for _, call := range [][3]string{
		{"POST", "/v1/webhooks", `{"url": "https://u:` + password + `@example.com/", "unknown": "` + everything + `"}`},
		{"POST", "/v1/webhooks", `{"url": "https://u:` + password + `@example.com/"}`},
		{"POST", "/v1/webhooks", `{"url": "` + everything + `"}`},
		{"POST", "/v1/webhooks", `{"url": "https://example.com/", "headers": [{"name": "X", "value": "` + value + `\n"}]}`},
		{"POST", "/v1/webhooks", `{"secret" "` + everything},
		{"POST", "/v1/events", `{"type": "a b", "data": "` + payload + `"}`},
		{"POST", "/v1/events", `{"type": "a", "timestamp": "` + payload + `", "data": 1}`},
		{"POST", "/graphql", `{"query": "{ webhooks(after: \"` + everything + `\") { nodes { id } } }"}`},
		{"POST", "/graphql", `{"query": "{ webhook(id: \"` + everything},
		{"POST", "/graphql", `{"query": "query ($i: CreateWebhookInput!) { x }", "variables": {"i": "` + everything + `"}}`},
		{"POST", "/graphql", `{"query": "mutation ($i: CreateWebhookInput!) { createWebhook(input: $i) { userErrors { code message } } }", "variables": {"i": {"url": "` + everything + `"}}}`},
	} {
		o.refused(t, o.token, call[0], call[1], call[2])
		o.refused(t, wrong, call[0], call[1], call[2])
	}
	for _, token := range endedTokens {
		o.refused(t, token, "GET", "/v1/webhooks", "")
		o.refused(t, token, "POST", "/graphql", `{"query": "{ viewer { operator } }"}`)
	}
	for _, path := range []string{"/livez", "/readyz", "/schema.graphql", "/graphiql", "/nothing"} {
		o.keep(t, o.token, "GET", path, "")
		o.keep(t, wrong, "GET", path+"?token="+o.token, "")
	}
	conn, _, err := websocket.Dial(t.Context(), o.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = wsjson.Write(t.Context(), conn, map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + wrong}})
	_, _, err = conn.Read(t.Context())
	fmt.Fprintln(&o.answers, err)
	_ = conn.CloseNow()
}

// files returns the content of every file in the data directory; on PostgreSQL, of the database and the write-ahead log.
func (o *observed) files(t *testing.T) (all []byte) {
	t.Helper()
	dirs := []string{o.database}
	if store.IsPostgres(o.database) {
		var data, id string
		db := o.open(t)
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), "CHECKPOINT"); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRowContext(t.Context(), "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()").Scan(&data, &id); err != nil {
			t.Fatal(err)
		}
		dirs = []string{filepath.Join(data, "base", id), filepath.Join(data, "pg_wal")}
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if info, err := d.Info(); err != nil || info.ModTime().Before(o.began) { // old segments of the log, and the template's tables
				return err
			}
			text, err := os.ReadFile(path)
			for page := range slices.Chunk(text, 8192) {
				if len(bytes.Trim(page, "\x00")) > 0 { // it is not empty
					all = append(all, page...)
				}
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) { // other tests' logs come and go
			t.Fatal(err)
		}
	}
	return all
}

func (o *observed) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", o.database)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// rows returns every row of every table as text. PostgreSQL's text of bytes is hexadecimal.
func (o *observed) rows(t *testing.T) (all []byte) {
	t.Helper()
	db := o.open(t)
	defer db.Close()
	read := func(query string) (texts []string) {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return texts
	}
	tables := read("SELECT relid::regclass::text FROM pg_stat_user_tables")
	if len(tables) < 10 {
		t.Errorf("%d tables", len(tables))
	}
	for _, table := range tables {
		for _, row := range read("SELECT t::text FROM " + table + " t") {
			all = append(append(all, row...), '\n')
		}
	}
	return all
}

// verifyPair checks a v1a signature as a receiver that has only the public key.
func verifyPair(t *testing.T, public string, got webhooktest.Received) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(public, "whpk_"))
	if err != nil || len(key) != ed25519.PublicKeySize {
		t.Fatalf("public key %q: %v", public, err)
	}
	signed := fmt.Appendf(nil, "%s.%s.%s", got.Header.Get("webhook-id"), got.Header.Get("webhook-timestamp"), got.Body)
	signatures := strings.Fields(got.Header.Get("webhook-signature"))
	if !slices.ContainsFunc(signatures, func(s string) bool {
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "v1a,"))
		return err == nil && ed25519.Verify(key, signed, signature)
	}) {
		t.Errorf("%q does not verify", signatures)
	}
}

// signedBy checks that the attempt names the secrets that signed it, newest first, and that the header is redacted.
func (o *observed) signedBy(t *testing.T, id string, n int) {
	t.Helper()
	var answer struct {
		Data struct {
			Webhook struct {
				Secrets  []struct{ ID string }
				Attempts struct {
					Nodes []struct {
						Request struct {
							SignedBy []string
							Headers  []struct{ Name, Value string }
						}
					}
				}
			}
		}
	}
	body, _ := json.Marshal(map[string]any{"variables": map[string]any{"id": id}, "query": `query ($id: ID!) { webhook(id: $id) {
		secrets { id } attempts { nodes { request { signedBy headers { name value } } } } } }`})
	webhooktest.Eventually(t, "the webhook has an attempt", func() bool {
		if status := o.rest(t, "POST", "/graphql", string(body), &answer); status != http.StatusOK {
			t.Fatalf("%d %+v", status, answer)
		}
		return len(answer.Data.Webhook.Attempts.Nodes) > 0
	})
	w := answer.Data.Webhook
	request := w.Attempts.Nodes[0].Request
	var ids []string
	for _, s := range w.Secrets {
		ids = append(ids, s.ID)
	}
	if len(ids) != n || !slices.Equal(ids, request.SignedBy) {
		t.Errorf("signed by %v, the secrets are %v", request.SignedBy, ids)
	}
	for _, h := range request.Headers {
		if h.Name == "X-Key" && h.Value != "[redacted]" {
			t.Errorf("recorded %+v", h)
		}
	}
}
