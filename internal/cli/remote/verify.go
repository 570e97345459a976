package remote

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/signature"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type verifyCmd struct {
	connection
	output
	Secret   []string  `env:"HOOKGRAPH_WEBHOOK_SECRET" secret:"" placeholder:"SECRET" help:"Signing secret or public key of the webhook; during a rotation both. Use the variable: other users of the machine can see flags."`
	Headers  string    `placeholder:"FILE" help:"File with the received headers: a line each, as Name: value, or a JSON object. With --body; - is the standard input."`
	Body     string    `placeholder:"FILE" help:"File with the received body, as it came; - is the standard input."`
	Attempt  string    `placeholder:"ID" help:"ID of the delivery attempt that sent the request. Without --secret the server verifies it, with the webhook's secrets and what was sent; that needs --token with the scope deliveries:read."`
	Computed string    `placeholder:"SIGNATURE" help:"The signature that your code computes, to find out what it does wrong."`
	At       time.Time `placeholder:"TIME" help:"When the request came, as 2026-04-23T14:00:00Z. The default is now; with --attempt, when it was sent."`
}

// maxReceivedBytes bounds what is read of a request.
const maxReceivedBytes = 16 << 20

// Run says whether the signature is right, and if it is not, why. It fails then.
func (c *verifyCmd) Run(ctx context.Context, s *Streams) error {
	if (c.Headers == "") != (c.Body == "") || c.Headers == "" && c.Attempt == "" {
		return errors.New("--headers, --body: both are required, unless --attempt is given alone")
	}
	if c.Headers == "-" && c.Body == "-" {
		return errors.New("--headers, --body: only one can be the standard input")
	}
	if len(c.Secret) == 0 && c.Attempt == "" {
		return errors.New("--secret: is required, unless --attempt is given; set HOOKGRAPH_WEBHOOK_SECRET")
	}
	var keys []*signature.Key
	for _, text := range c.Secret {
		key, err := signature.ParseKey(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("--secret: %w", err)
		}
		keys = append(keys, key)
	}
	r := &signature.Received{At: c.At, Computed: c.Computed}
	var sent *signature.Sent
	if c.Attempt != "" && len(keys) == 0 {
		return c.ask(ctx, s)
	}
	if c.Attempt != "" {
		at, was, err := c.sent(ctx)
		if err != nil {
			return err
		}
		sent, r.Header, r.Body = was, was.Header, was.Body
		if r.At.IsZero() {
			r.At = at
		}
	}
	if c.Headers != "" {
		if err := c.received(s.In, r); err != nil {
			return err
		}
	}
	if r.At.IsZero() {
		r.At = time.Now()
	}
	return c.tell(s, signature.Explain(r, keys, sent), len(keys) > 0)
}

// received reads the files.
func (c *verifyCmd) received(in io.Reader, r *signature.Received) error {
	text, err := content(in, c.Headers)
	if err != nil {
		return fmt.Errorf("--headers: %w", err)
	}
	if r.Header, err = headers(text); err != nil {
		return fmt.Errorf("--headers: %w", err)
	}
	if r.Body, err = content(in, c.Body); err != nil {
		return fmt.Errorf("--body: %w", err)
	}
	return nil
}

// content reads a file, or the standard input. What is longer than maxReceivedBytes is an error.
func content(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name) //nolint:gosec // the caller's own
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxReceivedBytes+1))
	if err == nil && len(text) > maxReceivedBytes {
		err = fmt.Errorf("is longer than %d bytes", maxReceivedBytes)
	}
	return text, err
}

// headers reads header fields: lines, also as curl -v shows them, or a JSON object of texts or lists of texts.
func headers(text []byte) (http.Header, error) {
	h := http.Header{}
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		var fields map[string]any
		if err := json.Unmarshal(trimmed, &fields); err != nil {
			return nil, err
		}
		for name, value := range fields {
			list, isList := value.([]any)
			if !isList {
				list = []any{value}
			}
			for _, one := range list {
				signature.Add(h, name, fmt.Sprint(one))
			}
		}
		return h, nil
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(strings.TrimLeft(line, "<> \t"), ":"); found {
			signature.Add(h, strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return h, nil
}

// sent asks the server for the attempt's request.
func (c *verifyCmd) sent(ctx context.Context) (at time.Time, sent *signature.Sent, err error) {
	var a struct {
		StartedAt time.Time
		Request   struct {
			Headers []struct{ Name, Value string }
			Body    string
		}
	}
	_, found, err := one(ctx, &c.connection, `query ($id: ID!) { done: attempt(id: $id) { startedAt request { headers { name value } body } } }`, map[string]any{"id": c.Attempt}, &a)
	if err != nil {
		return at, nil, err
	}
	if !found {
		return at, nil, fmt.Errorf("--attempt: there is no attempt %s", c.Attempt)
	}
	sent = &signature.Sent{Header: http.Header{}, Body: []byte(a.Request.Body)}
	for _, h := range a.Request.Headers {
		sent.Header.Add(h.Name, h.Value)
	}
	return a.StartedAt, sent, nil
}

// debugQuery has the server verify a request.
const debugQuery = `query ($input: DebugSignatureInput!) { done: debugSignature(input: $input) {
	valid scheme signed causes { code summary advice firstDifferentByte received sent } userErrors { message field }
} }`

// schemes are the schemes of signatures by the names of the API.
var schemes = map[string]string{string(webhook.SchemeHMAC): "v1", string(webhook.SchemeEd25519): "v1a"}

// ask has the server verify what was received, or what the attempt sent. The secrets do not leave the server.
func (c *verifyCmd) ask(ctx context.Context, s *Streams) error {
	input := map[string]any{"attemptId": c.Attempt}
	if c.Computed != "" {
		input["computed"] = c.Computed
	}
	if !c.At.IsZero() {
		input["at"] = c.At.UTC().Format(time.RFC3339Nano)
	}
	if c.Headers != "" {
		var r signature.Received
		if err := c.received(s.In, &r); err != nil {
			return err
		}
		list := []map[string]string{}
		for name, values := range r.Header {
			for _, value := range values {
				list = append(list, map[string]string{"name": name, "value": value})
			}
		}
		input["headers"], input["bodyBase64"] = list, base64.StdEncoding.EncodeToString(r.Body)
	}
	var got *struct {
		Valid          *bool
		Scheme, Signed *string
		Causes         []signature.Cause
		UserErrors     []struct {
			Message string
			Field   []string
		}
	}
	if err := c.query(ctx, debugQuery, map[string]any{"input": input}, &got); err != nil {
		return err
	}
	switch {
	case got == nil:
		return errors.New("--token: does not have the scope deliveries:read")
	case len(got.UserErrors) > 0:
		e := got.UserErrors[0]
		if slices.Contains(e.Field, "attemptId") {
			return fmt.Errorf("--attempt: %s", Printable(e.Message))
		}
		return fmt.Errorf("%s: %s", Printable(strings.Join(e.Field, ".")), Printable(e.Message))
	}
	r := &signature.Report{Valid: got.Valid != nil && *got.Valid, Causes: got.Causes}
	if got.Scheme != nil {
		r.Scheme = schemes[*got.Scheme]
	}
	if got.Signed != nil {
		r.Signed = *got.Signed
	}
	return c.tell(s, r, true)
}

// tell prints the report.
func (c *verifyCmd) tell(s *Streams, r *signature.Report, withKey bool) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	err = c.object(s.Out, raw, func(w io.Writer) error {
		if r.Signed != "" {
			_, _ = fmt.Fprintf(w, "signed is %s and the body\n", Printable(r.Signed))
		}
		for _, cause := range r.Causes {
			_, _ = fmt.Fprintln(w)
			tellCause(w, &cause)
		}
		switch {
		case r.Valid:
			_, err = fmt.Fprintf(w, "the signature is right, by scheme %s\n", r.Scheme)
		case len(r.Causes) == 0 && !withKey:
			_, err = fmt.Fprintln(w, "the request is what was sent; give --secret to verify its signature")
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(r.Causes) > 0 {
		return errors.New("the signature does not verify")
	}
	return nil
}

// tellCause prints why a signature does not verify.
func tellCause(w io.Writer, cause *signature.Cause) {
	_, _ = fmt.Fprintf(w, "%s: %s\n", cause.Code, Printable(cause.Summary))
	if cause.Differs != nil {
		_, _ = fmt.Fprintf(w, "  The first byte that differs is number %d, counted from 0: received is %s, sent was %s.\n",
			*cause.Differs, strconv.Quote(cause.Received), strconv.Quote(cause.Sent))
	}
	_, _ = fmt.Fprintf(w, "  %s\n", Printable(cause.Advice))
}
