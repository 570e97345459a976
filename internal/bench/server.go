package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// server is the real server's process and a client of its API.
type server struct {
	*child
	url    string
	token  string
	tenant string // that the token acts for; "": the default one
	http   *http.Client

	replicas []*server // of the first: all, itself included
	calls    atomic.Int64
}

// startServer starts the server as shipped, or several replicas, on the bench's database.
func (b *bench) startServer(ctx context.Context) error {
	token, _ := webhook.NewToken()
	if b.server != nil {
		token = b.server.token
	}
	if b.token != "" {
		token = b.token
	}
	if b.Database != "" && b.postgres == nil {
		var err error
		if b.postgres, err = newPostgres(ctx, b.Database); err != nil {
			return err
		}
	}
	first, err := b.startOne(ctx, "server", token)
	if err != nil {
		return err
	}
	b.server = first
	first.replicas = []*server{first}
	for n := 1; n < b.Replicas; n++ {
		another, err := b.startOne(ctx, fmt.Sprintf("server-%d", n+1), token)
		if err != nil {
			return errors.Join(err, first.stop())
		}
		first.replicas = append(first.replicas, another)
	}
	b.dbBefore = b.databaseBytes(ctx)
	return nil
}

func (b *bench) startOne(ctx context.Context, name, token string) (*server, error) {
	args := []string{"serve", "--listen", "127.0.0.1:0", "--allow-private-targets"}
	env := []string{"HOOKGRAPH_BOOTSTRAP_TOKEN=" + token}
	if b.postgres != nil { // by the environment: others can read a command line
		args = append(args, "--log-level", "info", "--log-format", "json") // for statements
		env = append(env, "HOOKGRAPH_DATABASE="+b.postgres.url, "HOOKGRAPH_MASTER_KEY="+b.postgres.key)
	} else {
		args = append(args, "--log-level", "warn", "--database", b.database())
	}
	args = append(args, b.serve...)
	if b.CPUProfile != "" && name == "server" {
		args = append([]string{"bench", "--role", "server", "--cpuprofile", b.CPUProfile, "--"}, args...)
	}
	c, err := start(ctx, childSpec{program: b.Program, args: args, env: env, dir: b.dir, name: name})
	if err != nil {
		return nil, err
	}
	s := &server{child: c, token: token, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 256, DisableCompression: true,
	}}}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	line, err := c.line(ctx)
	if err == nil {
		var ok bool
		if _, s.url, ok = strings.Cut(line, " is listening on "); !ok {
			err = fmt.Errorf("the server began with %q", line)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start server: %w", err), c.stop())
	}
	return s, nil
}

// stop stops every replica; of nil it does nothing.
func (s *server) stop() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, r := range s.replicas {
		errs = append(errs, r.child.stop())
	}
	return errors.Join(errs...)
}

// cpu is the CPU time of all replicas.
func (s *server) cpu() (sum time.Duration, known bool) {
	known = true
	for _, r := range s.replicas {
		d, ok := r.child.cpu()
		sum, known = sum+d, known && ok
	}
	return sum, known
}

// turn is the replica whose turn it is to be published to.
func (s *server) turn() *server {
	return s.replicas[int(s.calls.Add(1))%len(s.replicas)]
}

func (b *bench) database() string {
	if b.data != "" {
		return b.data
	}
	return filepath.Join(b.dir, "data")
}

// databaseBytes is the size of the database.
func (b *bench) databaseBytes(ctx context.Context) int64 {
	if b.postgres != nil {
		return b.postgres.bytes(ctx)
	}
	sum := int64(0)
	for _, name := range []string{"hookgraph.db", "hookgraph.db-wal"} {
		if info, err := os.Stat(filepath.Join(b.database(), name)); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// request is a GraphQL request.
type request struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
}

// post sends a request's JSON and reads the answer's data.
func (s *server) post(ctx context.Context, body []byte, data any) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	if s.tenant != "" {
		req.Header.Set("Hookgraph-Tenant", s.tenant)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	answer := struct {
		Data   any
		Errors []struct{ Message string }
	}{Data: data}
	if err := json.Unmarshal(text, &answer); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s: %s", res.Status, text[:min(len(text), 500)])
	}
	if len(answer.Errors) > 0 {
		return errors.New("the server answered: " + answer.Errors[0].Message)
	}
	return nil
}

type userErrors []struct{ Message string }

func (u userErrors) err() error {
	if len(u) == 0 {
		return nil
	}
	return errors.New("the server refused it: " + u[0].Message)
}

// createWebhook registers a webhook and returns its id. types may be nil: all. retryMs may be nil: the default.
func (s *server) createWebhook(ctx context.Context, url string, types []string, enabled bool, retryMs []int) (string, error) {
	body, err := json.Marshal(request{
		Query: `mutation ($input: CreateWebhookInput!) { done: createWebhook(input: $input) { webhook { id } userErrors { message } } }`,
		Variables: map[string]any{"input": map[string]any{
			"url": url, "events": types, "enabled": enabled, "retryScheduleMs": retryMs,
		}},
	})
	if err != nil {
		return "", err
	}
	var data struct {
		Done struct {
			Webhook    *struct{ ID string }
			UserErrors userErrors
		}
	}
	if err := s.post(ctx, body, &data); err != nil {
		return "", fmt.Errorf("create webhook: %w", err)
	}
	if err := data.Done.UserErrors.err(); err != nil {
		return "", fmt.Errorf("create webhook: %w", err)
	}
	return data.Done.Webhook.ID, nil
}

func (s *server) enable(ctx context.Context, id string, enabled bool) error {
	body, err := json.Marshal(request{
		Query:     `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { userErrors { message } } }`,
		Variables: map[string]any{"input": map[string]any{"id": id, "enabled": enabled}},
	})
	if err != nil {
		return err
	}
	var data struct {
		Done struct{ UserErrors userErrors }
	}
	if err := s.post(ctx, body, &data); err != nil {
		return fmt.Errorf("enable webhook: %w", err)
	}
	return data.Done.UserErrors.err()
}

const (
	publishManyQuery = `{"query":"mutation ($input: PublishEventsInput!) { done: publishEvents(input: $input) ` +
		`{ results { event { id } userErrors { message } } userErrors { message } } }","variables":{"input":{"events":[`
	publishOneQuery = `{"query":"mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) ` +
		`{ event { id } userErrors { message } } }","variables":{"input":`
)

func appendEvent(b []byte, hook int, now time.Time) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, eventType(hook)...)
	b = append(b, `","data":`...)
	b = appendData(b, now)
	return append(b, '}')
}

type published struct {
	Event      *struct{ ID webhook.ID }
	UserErrors userErrors
}

// publishMany publishes an event for each webhook's number and returns their ids.
func (s *server) publishMany(ctx context.Context, hooks []int) ([]webhook.ID, error) {
	b := make([]byte, 0, len(publishManyQuery)+len(hooks)*(payloadBytes+64)+8)
	b = append(b, publishManyQuery...)
	now := time.Now()
	for i, hook := range hooks {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendEvent(b, hook, now)
	}
	b = append(b, `]}}}`...)
	var data struct {
		Done struct {
			Results    []published
			UserErrors userErrors
		}
	}
	if err := s.turn().post(ctx, b, &data); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if err := data.Done.UserErrors.err(); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	ids := make([]webhook.ID, len(data.Done.Results))
	for i, r := range data.Done.Results {
		if err := r.UserErrors.err(); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		ids[i] = r.Event.ID
	}
	if len(ids) != len(hooks) {
		return nil, fmt.Errorf("publish: %d results for %d events", len(ids), len(hooks))
	}
	return ids, nil
}

func (s *server) publishOne(ctx context.Context, hook int) (webhook.ID, error) {
	b := append(make([]byte, 0, len(publishOneQuery)+payloadBytes+64), publishOneQuery...)
	b = append(appendEvent(b, hook, time.Now()), `}}`...)
	var data struct{ Done published }
	if err := s.turn().post(ctx, b, &data); err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	if err := data.Done.UserErrors.err(); err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	return data.Done.Event.ID, nil
}
