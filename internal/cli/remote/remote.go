// Package remote is the commands that call a running server, as any other client does: one file for each.
package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Commands are all commands of the package, for kong.
type Commands struct {
	Publish    publishCmd    `cmd:"" group:"remote" help:"Publish events."`
	Webhooks   webhooksCmd   `cmd:"" group:"remote" help:"List, show, create and change webhooks. Alone it lists them: hookgraph help webhooks list shows how."`
	Events     eventsCmd     `cmd:"" group:"remote" help:"List and show events. Alone it lists them: hookgraph help events list shows how."`
	Deliveries deliveriesCmd `cmd:"" group:"remote" help:"List and show deliveries, retry and cancel them. Alone it lists them: hookgraph help deliveries list shows how."`
	Tail       tailCmd       `cmd:"" group:"remote" help:"Print delivery attempts as they are made."`
	Listen     listenCmd     `cmd:"" group:"remote" help:"Forward what is sent to webhooks to an endpoint on this machine, or receive and verify requests."`
	Search     searchCmd     `cmd:"" group:"remote" help:"Find webhooks, events, deliveries, tenants and tokens by a text."`
	Replay     replayCmd     `cmd:"" group:"remote" help:"Send deliveries again, or cancel them, many at a time."`
	Portal     portalCmd     `cmd:"" group:"remote" help:"Create links to the customer portal, list and revoke its sessions."`
	Verify     verifyCmd     `cmd:"" group:"remote" help:"Tell why the signature of a received request does not verify."`
	Health     healthCmd     `cmd:"" group:"remote" help:"Tell whether a server is ready, for images without a shell and for scripts."`
}

// Streams are the standard streams of the program.
type Streams struct {
	In    io.Reader
	Piped bool // In is a pipe or a file, which may have something
	Out   io.Writer
	Err   io.Writer // for what is not a result
	// CacheDir returns the user's directory for files that may be lost. Nil means that there is none.
	CacheDir func() (string, error)
	Colour   bool // Out is a terminal that shows colours
}

// connection is a running server, and who calls it.
type connection struct {
	URL    string `name:"url" env:"HOOKGRAPH_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Address of the server."`
	Token  string `env:"HOOKGRAPH_TOKEN" secret:"" help:"Token with the scopes that the command needs. Use the variable: other users of the machine can see flags."`
	Tenant string `env:"HOOKGRAPH_TENANT" placeholder:"NAME" help:"Tenant to act for, with an operator token. The default is the token's own, or the tenant default."`
}

func (r *connection) client() (*client.Client, error) {
	if r.Token == "" {
		return nil, errors.New("--token: is required; set HOOKGRAPH_TOKEN to a token that hookgraph token create prints")
	}
	if err := client.CheckURL(r.URL); err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	return &client.Client{URL: strings.TrimSuffix(r.URL, "/"), Token: r.Token, Tenant: r.Tenant}, nil
}

// query runs a query whose one field has the alias "done", and reads the field into into.
func (r *connection) query(ctx context.Context, query string, variables map[string]any, into any) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	body, err := json.Marshal(client.Request{Query: query, Variables: variables})
	if err != nil {
		return err
	}
	data := struct{ Done any }{into}
	return flagged(c.Query(ctx, body, &data), variables)
}

// mutate runs a mutation as client.Client.Mutate does.
func (r *connection) mutate(ctx context.Context, query string, input, into any) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	return flagged(c.Mutate(ctx, query, input, into), map[string]any{"input": input})
}

// output says how results are printed.
type output struct {
	JSON bool `name:"json" help:"Print JSON, one object a line, with all fields that the command reads."`
}

// object prints one object: as JSON, or by text.
func (o output) object(to io.Writer, raw json.RawMessage, text func(to io.Writer) error) error {
	if !o.JSON {
		return text(to)
	}
	_, err := fmt.Fprintf(to, "%s\n", raw)
	return err
}

// limited says how many elements a command prints.
type limited struct {
	Limit int `default:"20" placeholder:"N" help:"Print at most this number, 1 to 10000."`
}

var errNoAnswer = errors.New("the server answered nothing")

const (
	maxLimit = 10_000
	pageSize = 100 // elements that one request reads
)

// listing is a list that a command prints: the newest elements that the filter keeps.
type listing struct {
	field     string // of Query
	filter    string // its type; "": the list has no filter
	selection string // of an element
	header    string // of the table
}

// list prints the elements of a list, page by page. row returns the cells of a line.
func list[T any](ctx context.Context, c *connection, s *Streams, o output, limit int, l listing, filter map[string]any, row func(*T) []string) error {
	if limit < 1 || limit > maxLimit {
		return fmt.Errorf("--limit: must be 1 to %d", maxLimit)
	}
	variable, argument := "", ""
	if l.filter != "" {
		variable, argument = ", $filter: "+l.filter, ", filter: $filter"
	}
	query := fmt.Sprintf(`query ($first: Int, $after: String%s) { done: %s(first: $first, after: $after%s) {
		nodes { %s } pageInfo { hasNextPage endCursor }
	} }`, variable, l.field, argument, l.selection)
	var after *string
	for shown := 0; shown < limit; {
		var page *struct {
			Nodes    []json.RawMessage
			PageInfo struct {
				HasNextPage bool
				EndCursor   *string
			}
		}
		variables := map[string]any{"first": min(pageSize, limit-shown), "after": after}
		if l.filter != "" {
			variables["filter"] = filter
		}
		if err := c.query(ctx, query, variables, &page); err != nil {
			return err
		}
		if page == nil {
			return errNoAnswer
		}
		if err := rows(s.Out, o, shown == 0, l.header, page.Nodes, row); err != nil {
			return err
		}
		shown += len(page.Nodes)
		if !page.PageInfo.HasNextPage || page.PageInfo.EndCursor == nil {
			return nil
		}
		after = page.PageInfo.EndCursor
	}
	return nil
}

// rows prints elements, below the header if they are the first.
func rows[T any](to io.Writer, o output, first bool, header string, nodes []json.RawMessage, row func(*T) []string) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if first && !o.JSON {
		_, _ = fmt.Fprintln(w, header)
	}
	for _, raw := range nodes {
		err := o.object(w, raw, func(w io.Writer) error {
			var node T
			if err := json.Unmarshal(raw, &node); err != nil {
				return fmt.Errorf("the server answered %s: %w", raw, err)
			}
			return line(w, row(&node))
		})
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// line prints the cells of a line of a table.
func line(w io.Writer, cells []string) error {
	for i := range cells {
		cells[i] = Printable(cells[i])
	}
	_, err := fmt.Fprintln(w, strings.Join(cells, "\t"))
	return err
}

// one reads one object into node, and returns it as the server sent it. found is false if there is none.
func one(ctx context.Context, c *connection, query string, variables map[string]any, node any) (raw json.RawMessage, found bool, err error) {
	if err := c.query(ctx, query, variables, &raw); err != nil {
		return nil, false, err
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, false, nil
	}
	return raw, true, json.Unmarshal(raw, node)
}

// printableLines is Printable for text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// Printable returns s without what would steer a terminal or break a table: URLs, messages and bodies come from others.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return '\uFFFD'
	}, s)
}

// coloured returns the text in green if it is good and in red if it is not.
func coloured(colour, good bool, text string) string {
	switch {
	case !colour:
		return text
	case good:
		return "\x1b[32m" + text + "\x1b[0m"
	default:
		return "\x1b[31m" + text + "\x1b[0m"
	}
}

// when formats a time; nil is "-".
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// or returns the text; what if it is nil or empty.
func or(s *string, what string) string {
	if s == nil || *s == "" {
		return what
	}
	return *s
}

// bound is a flag value: a time as the API takes it, or a duration back from now, as 90m or 7d.
type bound string

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *bound) UnmarshalText(text []byte) error {
	if d, err := config.ParseDuration(string(text)); err == nil {
		*b = bound(time.Now().Add(-d).UTC().Format(time.RFC3339Nano))
		return nil
	}
	if _, err := time.Parse(time.RFC3339Nano, string(text)); err != nil {
		return fmt.Errorf("%q is neither a duration such as 90m or 7d nor a time such as 2026-04-23T14:00:00Z", text)
	}
	*b = bound(text)
	return nil
}

// during says which time elements are of.
type during struct {
	Since bound `placeholder:"WHEN" help:"Only what was created then or later: 90m or 7d ago, or a time such as 2026-04-23T14:00:00Z."`
	Until bound `placeholder:"WHEN" help:"Only what was created before that."`
}

// in adds the range to a filter.
func (d *during) in(filter map[string]any, field string) {
	r := map[string]any{}
	if d.Since != "" {
		r["from"] = d.Since
	}
	if d.Until != "" {
		r["to"] = d.Until
	}
	if len(r) > 0 {
		filter[field] = r
	}
}

// given adds to a filter the lists that have values.
func given(filter map[string]any, lists map[string][]string) map[string]any {
	for name, values := range lists {
		if len(values) > 0 {
			filter[name] = values
		}
	}
	return filter
}

// conditions say which deliveries a command is about: what lists and replays have in common.
type conditions struct {
	Webhook    []string `placeholder:"ID" help:"Deliveries to one of these webhooks."`
	Type       []string `placeholder:"TYPE" help:"Deliveries of events of one of these types; humanization.* means all that begin with humanization."`
	Tag        []string `placeholder:"TAG" help:"Deliveries of events with one of these tags."`
	Error      []string `placeholder:"CODE" help:"Deliveries whose last attempt failed for one of these reasons: TIMEOUT, CONNECT, HTTP_STATUS and others."`
	HTTPStatus []string `placeholder:"N" help:"Deliveries whose last attempt was answered with one of these HTTP statuses: 503, or 500-599."`
}

// filter is the conditions as the API has them.
func (c *conditions) filter() (map[string]any, error) {
	codes, err := enums("--error", c.Error, webhook.ErrorCodes)
	if err != nil {
		return nil, err
	}
	f := given(map[string]any{}, map[string][]string{"webhookIds": c.Webhook, "eventTypes": c.Type, "tags": c.Tag, "errors": codes})
	return f, httpStatuses(f, c.HTTPStatus)
}

// Bounds of HTTP statuses.
const (
	minStatus = 100
	maxStatus = 999
)

// httpStatuses adds statuses and ranges of statuses to a filter.
func httpStatuses(filter map[string]any, texts []string) error {
	var ranges []map[string]int
	for _, text := range texts {
		low, high, isRange := strings.Cut(text, "-")
		if !isRange {
			high = low
		}
		from, bad := strconv.Atoi(low)
		to, worse := strconv.Atoi(high)
		if bad != nil || worse != nil || from < minStatus || to > maxStatus || from > to {
			return fmt.Errorf("--http-status: %q is neither a status such as 503 nor a range such as 500-599, from %d to %d", text, minStatus, maxStatus)
		}
		ranges = append(ranges, map[string]int{"from": from, "to": to})
	}
	if len(ranges) > 0 {
		filter["httpStatuses"] = ranges
	}
	return nil
}
