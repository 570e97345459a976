package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// startTimeout is how long a server may take until it listens.
const startTimeout = 30 * time.Second

// server is the real server's process and a client of its API.
type server struct {
	*client.Client

	process *child.Process

	replicas []*server // of the first replica: all replicas, including itself
	calls    atomic.Int64
}

// startServer starts the server as shipped, or several replicas, on the bench's database.
func (b *bench) startServer(ctx context.Context) error {
	token, _ := webhook.NewToken()
	if b.server != nil {
		token = b.server.Token
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
	args := []string{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--allow-private-targets"}
	env := []string{"HOOKGRAPH_BOOTSTRAP_TOKEN=" + token}
	if b.postgres != nil { // in the environment: others can read a command line
		args = append(args, "--log-level", "info", "--log-format", "json") // the log has the number of statements
		env = append(env, "HOOKGRAPH_DATABASE="+b.postgres.url, "HOOKGRAPH_MASTER_KEY="+b.postgres.key)
	} else {
		args = append(args, "--log-level", "warn", "--database", b.database())
	}
	if authority := b.authority(); authority != "" {
		env = append(env, authority)
	}
	args = append(args, b.serve...)
	role := []string{"bench", "--role", "server"}
	if b.CPUProfile != "" && name == "server" {
		role = append(role, "--cpuprofile", b.CPUProfile)
	}
	args = append(append(role, "--"), args...)
	c, err := child.Start(ctx, child.Spec{Program: b.Program, Args: args, Environ: b.Environ, Env: env, Dir: b.dir, Name: name})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var is Listening
	line, err := c.Line(ctx)
	if err == nil {
		err = json.Unmarshal([]byte(line), &is)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start server: %w", err), c.Stop())
	}
	return &server{process: c, Client: &client.Client{URL: is.URL, Token: token, HTTP: &http.Client{Transport: &peer.Wire{}}}}, nil
}

// start starts a command of the bench's own, with its arguments, which knows no secret.
func (b *bench) start(ctx context.Context, name string, args ...string) (*child.Process, error) {
	spec := child.Spec{Program: b.Program, Args: append([]string{"bench"}, args...), Environ: b.Environ, Dir: b.dir, Name: name}
	if authority := b.authority(); authority != "" {
		spec.Env = []string{authority}
	}
	return child.Start(ctx, spec)
}

// authority is the variable by which a process trusts the receiver's certificates; "": the receiver has none, or does not run yet.
func (b *bench) authority() string {
	if b.receiver == nil || b.receiver.CA == "" {
		return ""
	}
	return "SSL_CERT_FILE=" + filepath.Join(b.dir, authorityFile)
}

const authorityFile = "authority.pem"

// Listening is what a server started by the bench prints when it listens, as a line of JSON.
type Listening struct {
	URL string `json:"url"`
}

// stop stops every replica. s may be nil.
func (s *server) stop() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, r := range s.replicas {
		errs = append(errs, r.process.Stop())
	}
	return errors.Join(errs...)
}

// cpu returns the CPU time of all replicas.
func (s *server) cpu() (sum time.Duration, known bool) {
	known = true
	for _, r := range s.replicas {
		d, ok := r.process.CPU()
		sum, known = sum+d, known && ok
	}
	return sum, known
}

// turn returns the replica to publish to next.
func (s *server) turn() *server {
	return s.replicas[int(s.calls.Add(1))%len(s.replicas)]
}

func (b *bench) database() string {
	if b.data != "" {
		return b.data
	}
	return filepath.Join(b.dir, "data")
}

// databaseBytes returns the size of the database.
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

// createWebhook registers a webhook and returns its id. types may be nil: all. retryMs may be nil: the default.
func (s *server) createWebhook(ctx context.Context, url string, types []string, enabled bool, retryMs []int) (string, error) {
	id, _, err := s.CreateWebhook(ctx, map[string]any{"url": url, "events": types, "enabled": enabled, "retryScheduleMs": retryMs})
	return id, err
}

func (s *server) enable(ctx context.Context, id string, enabled bool) error {
	return s.change(ctx, id, map[string]any{"enabled": enabled})
}

// change changes settings of a webhook, fields of UpdateWebhookInput.
func (s *server) change(ctx context.Context, id string, settings map[string]any) error {
	settings["id"] = id
	err := s.Mutate(ctx, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { userErrors { message field } } }`, settings, nil)
	if err != nil {
		return fmt.Errorf("update webhook: %w", err)
	}
	return nil
}

const (
	publishManyQuery = `{"query":"mutation ($input: PublishEventsInput!) { done: publishEvents(input: $input) ` +
		`{ results { event { id } userErrors { message } } userErrors { message } } }","variables":{"input":{"events":[`
	publishOneQuery = `{"query":"mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) ` +
		`{ event { id } userErrors { message } } }","variables":{"input":`
)

func appendEvent(b []byte, hook, size int, now time.Time) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, peer.EventType(hook)...)
	b = append(b, `","data":`...)
	b = peer.AppendData(b, now, size)
	return append(b, '}')
}

type published struct {
	Event      *struct{ ID webhook.ID }
	UserErrors client.UserErrors
}

// publishMany publishes an event for each webhook's number and returns their ids.
func (s *server) publishMany(ctx context.Context, hooks []int) ([]webhook.ID, error) {
	b := make([]byte, 0, len(publishManyQuery)+len(hooks)*(peer.PayloadBytes+64)+8)
	b = append(b, publishManyQuery...)
	now := time.Now()
	for i, hook := range hooks {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendEvent(b, hook, peer.PayloadBytes, now)
	}
	b = append(b, `]}}}`...)
	var data struct {
		Done struct {
			Results    []published
			UserErrors client.UserErrors
		}
	}
	if err := s.turn().Query(ctx, b, &data); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if err := data.Done.UserErrors.Err(); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	ids := make([]webhook.ID, len(data.Done.Results))
	for i, r := range data.Done.Results {
		if err := r.UserErrors.Err(); err != nil {
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
	b := append(make([]byte, 0, len(publishOneQuery)+peer.PayloadBytes+64), publishOneQuery...)
	b = append(appendEvent(b, hook, peer.PayloadBytes, time.Now()), `}}`...)
	var data struct{ Done published }
	if err := s.turn().Query(ctx, b, &data); err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	if err := data.Done.UserErrors.Err(); err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	return data.Done.Event.ID, nil
}
