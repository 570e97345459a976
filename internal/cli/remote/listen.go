package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type listenCmd struct {
	connection
	output
	Forward string        `placeholder:"URL" help:"Send what is sent to webhooks to this URL, too, such as http://localhost:3000/hooks. Without it, requests are received and verified."`
	Type    []string      `aliases:"events" placeholder:"TYPE" help:"Forward events of one of these types only; humanization.* means all that begin with humanization."`
	Webhook []string      `placeholder:"ID" help:"Forward what is sent to these webhooks only."`
	Since   bound         `placeholder:"WHEN" help:"Begin with the attempts from then on: 90m or 7d ago, or a time. The default is now. A later run goes on where this one ends, whatever it says."`
	Restart bool          `help:"Forget where the last run ended."`
	Retries bool          `help:"Forward every attempt. Otherwise it is the first of each delivery, and those that somebody asked for: retries by hand, replays and tests."`
	State   string        `placeholder:"FILE" help:"File that keeps how far it came. The default is in the user's cache directory, one for each server, tenant, conditions and URL."`
	Secret  []string      `env:"HOOKGRAPH_WEBHOOK_SECRET" secret:"" placeholder:"SECRET" help:"Signing secret: of what is forwarded (the default is one of this machine, which is printed), or of what is received."`
	Timeout time.Duration `default:"30s" help:"How long the endpoint may take to answer, 100ms to 10m."`
	Record  string        `placeholder:"DIR" help:"Write each request to a file in this directory."`
	Replay  string        `placeholder:"DIR" help:"Send the requests that were recorded in this directory to --forward, in order, signed again, and end."`
	Addr    string        `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address that receives requests, without --forward. Port 0 is a free one."`
	Status  int           `placeholder:"N" help:"HTTP status that received requests are answered with, 200 to 599. The default is 204, and 400 if the signature does not verify."`
}

// Run forwards attempts until ctx ends, or receives requests until then, or sends recorded requests.
func (c *listenCmd) Run(ctx context.Context, s *Streams) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Forward == "" {
		return c.receive(ctx, s)
	}
	to, err := newForwarder(c.Forward, c.Timeout)
	if err != nil {
		return err
	}
	if to.secrets, err = signingSecrets(c.Secret); err != nil {
		return err
	}
	if c.Replay != "" {
		return c.replay(ctx, s, to)
	}
	return c.forward(ctx, s, to)
}

// check refuses flags that do not fit together, and values out of range.
func (c *listenCmd) check() error {
	for _, only := range []struct {
		flag  string
		given bool
		needs string
	}{
		{"--replay", c.Replay != "" && c.Forward == "", "needs --forward"},
		{"--replay", c.Replay != "" && c.Record != "", "cannot be used with --record"},
		{"--type", len(c.Type) > 0 && !c.live(), "is for a stream of attempts: with --forward, without --replay"},
		{"--webhook", len(c.Webhook) > 0 && !c.live(), "is for a stream of attempts: with --forward, without --replay"},
		{"--since", c.Since != "" && !c.live(), "is for a stream of attempts: with --forward, without --replay"},
		{"--state", c.State != "" && !c.live(), "is for a stream of attempts: with --forward, without --replay"},
		{"--restart", c.Restart && !c.live(), "is for a stream of attempts: with --forward, without --replay"},
		{"--retries", c.Retries && !c.live(), "is for a stream of attempts: with --forward, without --replay"},
		{"--status", c.Status != 0 && c.Forward != "", "is for requests that are received: without --forward"},
		{"--status", c.Status != 0 && (c.Status < 200 || c.Status > 599), "must be 200 to 599"},
		{"--timeout", c.Timeout < 100*time.Millisecond || c.Timeout > 10*time.Minute, "must be 100ms to 10m"},
	} {
		if only.given {
			return fmt.Errorf("%s: %s", only.flag, only.needs)
		}
	}
	if err := config.CheckListen(c.Addr); err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	for _, pattern := range c.Type {
		if bad := webhook.Invalids(webhook.CheckTypePattern("--type", pattern)); len(bad) > 0 {
			return fmt.Errorf("--type: %s %s", Printable(pattern), bad[0].Message)
		}
	}
	return nil
}

// live reports whether the stream of attempts is read.
func (c *listenCmd) live() bool { return c.Forward != "" && c.Replay == "" }

const listenQuery = `subscription ($filter: DeliveryAttemptFilter, $after: String, $since: TimeBound) {
	done: deliveryAttempts(filter: $filter, after: $after, since: $since) { cursor node {
		id number error trigger delivery { id webhookUrl } event { id type }
	} }
}`

// listened is an attempt of the stream.
type listened struct {
	ID       string
	Number   int
	Error    string
	Trigger  string
	Delivery *struct{ ID, WebhookURL string }
	Event    *struct{ ID, Type string }
}

// forwarded is what is printed of an attempt.
type forwarded struct {
	Attempt    string `json:"attemptId"`
	Number     int    `json:"number"`
	Trigger    string `json:"trigger"`
	Delivery   string `json:"deliveryId"`
	WebhookURL string `json:"webhookUrl"`
	Event      string `json:"eventId"`
	Type       string `json:"eventType"`
	*exchange
	File string `json:"file,omitempty"`
}

// listener forwards attempts, one after the other.
type listener struct {
	*listenCmd

	s        *Streams
	to       *forwarder
	notes    *notes
	recorder *recorder // nil without --record
	skipped  time.Time // when the position was last noted for attempts that are not forwarded
	pending  string    // the cursor of the last of these, if it is not noted yet
}

// forward forwards attempts until ctx ends.
func (c *listenCmd) forward(ctx context.Context, s *Streams, to *forwarder) (err error) {
	from, err := c.client()
	if err != nil {
		return err
	}
	l := &listener{listenCmd: c, s: s, to: to}
	if err := l.begin(ctx, from.URL); err != nil {
		return err
	}
	defer l.notes.close()
	filter := given(map[string]any{}, map[string][]string{"webhookIds": c.Webhook, "eventTypes": c.Type})
	stream := &attempts{from: from, query: listenQuery, filter: filter, since: l.notes.Since, after: l.notes.Cursor, told: s.Err, lived: true}
	err = stream.each(ctx, l.work)
	if l.pending != "" {
		err = errors.Join(err, l.notes.note(l.pending))
	}
	return err
}

// begin finds out where the stream begins, and notes it. The server is asked first, so that a refusal leaves nothing behind.
func (l *listener) begin(ctx context.Context, server string) (err error) {
	id, name, now, err := l.tenant(ctx)
	if err != nil {
		return err
	}
	path := l.State
	if path == "" {
		path, err = l.s.place(server, id, slices.Sorted(slices.Values(l.Webhook)), slices.Sorted(slices.Values(l.Type)), l.Forward)
		if err != nil {
			return err
		}
	}
	n, found, err := openNotes(path)
	if err != nil {
		return err
	}
	l.notes = n
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if l.Record != "" {
		if l.recorder, err = newRecorder(l.Record); err != nil {
			return err
		}
	}
	if err = l.to.sign(l.s); err != nil {
		return err
	}
	switch {
	case l.Restart || !found:
		n.position = position{Tenant: id, Since: now}
		if l.Since != "" {
			n.Since = string(l.Since)
		}
		err = n.note("")
	case n.Tenant != id:
		err = fmt.Errorf("--state: %s is of another tenant; give another file, or --restart to begin again", path)
	default:
		said := ""
		if l.Since != "" {
			said = ", whatever --since says"
		}
		_, _ = fmt.Fprintf(l.s.Err, "it goes on where the last run ended, at %s%s; --restart begins again\n", n.Noted.Format(time.RFC3339), said)
	}
	if err == nil {
		_, _ = fmt.Fprintf(l.s.Err, "what tenant %s sends is forwarded to %s\n", Printable(name), Printable(l.Forward))
	}
	return err
}

// work forwards an attempt, and notes that it was.
func (l *listener) work(ctx context.Context, raw json.RawMessage, cursor string) error {
	var a listened
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("the server answered %s: %w", raw, err)
	}
	if a.Event == nil || a.Delivery == nil {
		return errors.New("the server answered an attempt without its event")
	}
	switch {
	case a.Number != 1 && a.Trigger == "SCHEDULE" && !l.Retries:
		return l.skip(cursor)
	case a.Error == "PAYLOAD":
		l.tell("attempt %s is not forwarded: the webhook's payload settings could not make its body", a.ID)
		return l.skip(cursor)
	}
	q, err := l.request(ctx, a.ID, a.Event.ID)
	if err != nil {
		return err
	}
	if q == nil {
		l.tell("attempt %s is not forwarded: retention has removed its event", a.ID)
		return l.skip(cursor)
	}
	file, err := l.record(&a, q)
	if err != nil {
		return err
	}
	x := l.deliver(ctx, q)
	if x == nil {
		return ctx.Err()
	}
	l.pending = ""
	if err := l.notes.note(cursor); err != nil {
		return err
	}
	return l.show(&a, x, file)
}

// noteSkipped is how often the position is noted of attempts that are not forwarded: to read them again would harm nothing.
const noteSkipped = time.Second

func (l *listener) skip(cursor string) error {
	if time.Since(l.skipped) < noteSkipped {
		l.pending = cursor
		return nil
	}
	l.skipped, l.pending = time.Now(), ""
	return l.notes.note(cursor)
}

func (l *listener) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(l.s.Err, format+"\n", args...)
}

func (l *listener) record(a *listened, q *request) (string, error) {
	if l.recorder == nil {
		return "", nil
	}
	return l.recorder.write(a.Event.Type+"-"+a.ID, &request{header: l.to.header(q, time.Now()), body: q.body})
}

// deliver sends the request, as soon as a connection to the endpoint can be made. It returns nil if ctx ends before that.
func (l *listener) deliver(ctx context.Context, q *request) *exchange {
	for pause, told := firstPause, false; ; pause = min(2*pause, maxEndpointPause) {
		if ctx.Err() != nil {
			return nil
		}
		x := l.to.send(ctx, q)
		if !x.unsent {
			return x
		}
		if !told {
			l.tell("the endpoint cannot be reached, it waits: %s", Printable(x.Error))
			told = true
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// maxEndpointPause is the longest time between two tries to connect to the endpoint, which may be restarting.
const maxEndpointPause = 2 * time.Second

// show prints what the endpoint answered.
func (l *listener) show(a *listened, x *exchange, file string) error {
	raw, err := json.Marshal(&forwarded{a.ID, a.Number, a.Trigger, a.Delivery.ID, a.Delivery.WebhookURL, a.Event.ID, a.Event.Type, x, file})
	if err != nil {
		return err
	}
	err = l.object(l.s.Out, raw, func(w io.Writer) error { return tellExchange(w, l.s.Colour, x, a.Event.Type, a.Event.ID) })
	if err != nil {
		return &unwritten{err}
	}
	return nil
}

// replay sends recorded requests. It fails at the first that cannot be sent, and at the end if one was not answered with 2xx.
func (c *listenCmd) replay(ctx context.Context, s *Streams, to *forwarder) error {
	names, err := recordings(c.Replay)
	if err != nil {
		return fmt.Errorf("--replay: %w", err)
	}
	if len(names) == 0 {
		return fmt.Errorf("--replay: %s has no recorded requests: files that end with %s", c.Replay, recordedEnd)
	}
	if err := to.sign(s); err != nil {
		return err
	}
	bad := 0
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		q, err := recordedRequest(filepath.Join(c.Replay, name))
		if err != nil {
			return fmt.Errorf("--replay: %s: %w", name, err)
		}
		x := to.send(ctx, q)
		if !x.ok() {
			bad++
		}
		raw, err := json.Marshal(struct {
			File string `json:"file"`
			ID   string `json:"webhookId"`
			*exchange
		}{name, q.id, x})
		if err != nil {
			return err
		}
		if err := c.object(s.Out, raw, func(w io.Writer) error { return tellExchange(w, s.Colour, x, name, q.id) }); err != nil {
			return err
		}
		if x.unsent {
			return fmt.Errorf("--forward: the endpoint cannot be reached: %s", x.Error)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d requests were not answered with 2xx", bad, len(names))
	}
	return nil
}
