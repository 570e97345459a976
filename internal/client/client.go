// Package client calls a server's API, as a customer would: GraphQL over HTTP and WebSocket, and REST. The commands that call a
// server, the demo and the benchmark use it; the server does not.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client is a user of the API. It is safe for concurrent use, while its fields stay as they are.
type Client struct {
	URL    string // of the server, as http://127.0.0.1:8080
	Token  string
	Tenant string       // that an operator's token acts for; "": the default tenant, or the token's own
	HTTP   *http.Client // nil: http.DefaultClient
}

// Request is a GraphQL request.
type Request struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// ErrAnswered is what errors wrap that the server's answer tells.
var ErrAnswered = errors.New("the server answered")

// Error is an error that the server's answer tells. It wraps ErrAnswered.
type Error struct {
	Status int    // of HTTP; 0 if the error is one of GraphQL's
	Code   string // extensions.code of a GraphQL error; "" if it has none
	Oldest string // extensions.oldest: the cursor after which a stream resumes; "" if it has none
	Refusal

	text string
}

func (e *Error) Error() string { return e.text }

// Unwrap returns ErrAnswered.
func (*Error) Unwrap() error { return ErrAnswered }

// Passing reports whether the same request may succeed later.
func (e *Error) Passing() bool {
	switch e.Code {
	case "":
		return e.Status >= 500 || e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests
	case "RATE_LIMITED", "UNAVAILABLE", "INTERNAL_SERVER_ERROR":
		return true
	default:
		return false
	}
}

// ErrUnreached is what errors wrap of a server that cannot be reached.
var ErrUnreached = errors.New("cannot be reached")

// unreached tells that a call could not be sent, or had no answer.
func (c *Client) unreached(err error) error {
	cause := err
	if sent, is := errors.AsType[*url.Error](err); is { // it names the method and the path
		cause = sent.Err
	}
	if errors.Is(err, context.Canceled) {
		return cause
	}
	return fmt.Errorf("the server at %s %w: %w", c.URL, ErrUnreached, cause)
}

// said returns what the body of a refusal tells people: the message of an error, of REST or GraphQL, or else its text.
func said(body []byte) string {
	var is struct {
		Error  graphError
		Errors []graphError
	}
	if json.Unmarshal(body, &is) == nil {
		for _, e := range append(is.Errors, is.Error) {
			if e.Message != "" {
				return e.Message
			}
		}
	}
	return string(body[:min(len(body), maxErrorBytes)])
}

// graphError is an error in a GraphQL response.
type graphError struct {
	Message    string
	Extensions struct {
		Code, Oldest string
		Field        []string
	}
}

// told returns the error, with a text before its message.
func (e *graphError) told(before string) error {
	is := &Error{Code: e.Extensions.Code, Oldest: e.Extensions.Oldest, text: before + ": " + e.Message}
	is.Field = e.Extensions.Field
	is.Message = strings.TrimPrefix(strings.TrimPrefix(e.Message, "$"), strings.Join(is.Field, ".")+": ")
	return is
}

// Bounds of what is read of an answer, and of what an error repeats of it.
const (
	maxAnswerBytes = 64 << 20
	maxErrorBytes  = 500
)

// Post sends a JSON body and returns the body of the answer, whose status must be 2xx.
func (c *Client) Post(ctx context.Context, path string, body []byte) (answer []byte, err error) {
	return c.send(ctx, http.MethodPost, path, body)
}

// Get reads the path and returns the body, as Post does.
func (c *Client) Get(ctx context.Context, path string) (answer []byte, err error) {
	return c.send(ctx, http.MethodGet, path, nil)
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) (answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Content-Type", "application/json")
	if c.Tenant != "" {
		req.Header.Set("Hookgraph-Tenant", c.Tenant)
	}
	by := c.HTTP
	if by == nil {
		by = http.DefaultClient
	}
	res, err := by.Do(req)
	if err != nil {
		return nil, c.unreached(err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes+1)); err != nil {
		return nil, err
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, &Error{Status: res.StatusCode, text: fmt.Sprintf("%s %s: the server answered %s: %s", method, path, res.Status, said(answer))}
	}
	if len(answer) > maxAnswerBytes {
		return nil, fmt.Errorf("%s %s: the answer is longer than %d bytes", method, path, maxAnswerBytes)
	}
	return answer, nil
}

// CheckURL checks the address of a server.
func CheckURL(address string) error {
	u, err := parse(address, "an address of a server like http://127.0.0.1:8080 or https://hooks.example.com")
	if err == nil && u.RawQuery != "" {
		err = errors.New("must have no query: the paths of the API are added to it")
	}
	return err
}

// CheckReceiver checks the URL of a receiver.
func CheckReceiver(address string) error {
	_, err := parse(address, "a URL of a receiver like https://example.com/hooks")
	return err
}

// parse parses an HTTP URL, or says what it is not. The text is repeated only if it has nothing that may be secret.
func parse(address, what string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err == nil && u.User != nil:
		return nil, errors.New("must have no user name and no password")
	case err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Fragment == "":
		return u, nil
	case strings.ContainsAny(address, "@?#"):
		return nil, errors.New("is not " + what)
	}
	return nil, fmt.Errorf("%q is not %s", address, what)
}

// REST sends a value as JSON and reads the answer into into, which may be nil.
func (c *Client) REST(ctx context.Context, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := c.Post(ctx, path, text)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// Query sends a GraphQL request, as JSON, and reads the answer's data into data. GraphQL errors in the answer are returned as an error.
func (c *Client) Query(ctx context.Context, request []byte, data any) error {
	text, err := c.Post(ctx, "/graphql", request)
	if err != nil {
		return err
	}
	answer := struct {
		Data   any
		Errors []graphError
	}{Data: data}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("the server answered %s: %w", text[:min(len(text), maxErrorBytes)], err)
	}
	if len(answer.Errors) > 0 {
		return answer.Errors[0].told(ErrAnswered.Error())
	}
	return nil
}

// UserErrors are the validation errors in a mutation's payload.
type UserErrors []struct {
	Message string
	Field   []string
}

// Refusal says what is wrong with a request, and where.
type Refusal struct {
	Field   []string // the path from the variable, or from the argument; nil if it is not about one
	Message string   // without the path
}

// RefusedError is a validation error in a mutation's payload.
type RefusedError struct{ Refusal }

func (e *RefusedError) Error() string {
	field := ""
	if len(e.Field) > 0 {
		field = strings.Join(e.Field, ".") + ": "
	}
	return "the server refused it: " + field + e.Message
}

// Err returns the first one as a *RefusedError; nil if there is none.
func (u UserErrors) Err() error {
	if len(u) == 0 {
		return nil
	}
	return &RefusedError{Refusal{Field: u[0].Field, Message: u[0].Message}}
}

// Mutate runs a mutation with the variable input, whose only field has the alias "done" and selects userErrors, and reads the field into
// into, which may be nil.
func (c *Client) Mutate(ctx context.Context, query string, input, into any) error {
	body, err := json.Marshal(Request{Query: query, Variables: map[string]any{"input": input}})
	if err != nil {
		return err
	}
	var data struct{ Done json.RawMessage }
	if err := c.Query(ctx, body, &data); err != nil {
		return err
	}
	var refused struct{ UserErrors UserErrors }
	if err := json.Unmarshal(data.Done, &refused); err != nil {
		return err
	}
	if err := refused.UserErrors.Err(); err != nil || into == nil {
		return err
	}
	return json.Unmarshal(data.Done, into)
}

// CreateWebhook registers a webhook and returns its id and its signing secret. Settings are fields of CreateWebhookInput.
func (c *Client) CreateWebhook(ctx context.Context, settings map[string]any) (id, secret string, err error) {
	var done struct {
		Webhook struct{ ID string }
		Secret  string
	}
	err = c.Mutate(ctx, `mutation ($input: CreateWebhookInput!) {
		done: createWebhook(input: $input) { webhook { id } secret userErrors { message field } }
	}`, settings, &done)
	if err != nil {
		return "", "", fmt.Errorf("create webhook: %w", err)
	}
	return done.Webhook.ID, done.Secret, nil
}
