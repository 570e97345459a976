package graph_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A malformed id, an unknown id and one of another tenant get the same response in every query, mutation and filter, as a literal
// or variable.
func TestMalformedIDs(t *testing.T) {
	a := newAPI(t)
	foreign := a.createWebhook(a.as("bob"), "https://example.com/")
	ctx := a.operator("alice")
	a.createWebhook(ctx, "https://example.com/")
	a.publish(ctx, 1)
	const absent = "00000000-0000-7000-8000-000000000000"
	for _, query := range []string{
		`query($i: ID!) { webhook(id: $i) { id } event(id: $i) { id } delivery(id: $i) { id } attempt(id: $i) { id } token(id: $i) { id } tenant(id: $i) { id } }`,
		`query($i: ID!) { node(id: $i) { id } nodes(ids: [$i, $i]) { id } }`,
		`query($i: ID!) { deliveries(filter: {webhookIds: [$i]}) { nodes { id } count { count } } byEvent: deliveries(filter: {eventIds: [$i]}) { nodes { id } } }`,
		`query($i: ID!) { attempts(filter: {webhookIds: [$i], deliveryIds: [$i], eventIds: [$i]}) { nodes { id } } tokens(filter: {tenantId: $i}) { nodes { id } } }`,
		`mutation($i: ID!) { updateWebhook(input: {id: $i}) { userErrors { code field message } } deleteWebhook(input: {id: $i}) { deletedWebhookId userErrors { code field } } }`,
		`mutation($i: ID!) { rotateWebhookSecret(input: {id: $i}) { userErrors { code field } } testWebhook(input: {id: $i}) { userErrors { code field } } }`,
		`mutation($i: ID!) { retryDelivery(input: {id: $i}) { userErrors { code field } } cancelDelivery(input: {id: $i}) { userErrors { code field } } }`,
		`mutation($i: ID!) { revokeToken(input: {id: $i}) { userErrors { code field } } createToken(input: {name: "x", tenantId: $i}) { userErrors { code field } } }`,
		`mutation($i: ID!) { updateTenant(input: {id: $i, quotas: {}}) { userErrors { code field } } deleteTenant(input: {id: $i}) { userErrors { code field } } }`,
	} {
		want := a.run(ctx, query, vars{"i": absent})
		if len(want.Errors) > 0 {
			t.Fatal(query, want.Errors)
		}
		for _, id := range []any{"1", "", 7, "ab", strings.Repeat("9", 100_000), "{" + absent + "}", absent[1:], "\x00", foreign[:35] + "z"} {
			if got := a.run(ctx, query, vars{"i": id}); len(got.Errors) > 0 || string(got.Data) != string(want.Data) {
				t.Errorf("%s: %.40v: %s %v, want %s", query, id, got.Data, got.Errors, want.Data)
			}
		}
	}
	for _, literal := range []string{`"x"`, `5`, `"` + foreign + `"`} {
		got := a.run(a.as("alice"), `{ webhook(id: `+literal+`) { id } nodes(ids: [`+literal+`]) { id } }`, nil)
		if string(got.Data) != `{"webhook":null,"nodes":[null]}` || len(got.Errors) > 0 {
			t.Errorf("%s: %s %v", literal, got.Data, got.Errors)
		}
	}
}

// The error of a malformed scalar names its variable, or else the argument, and does not repeat the value.
func TestWrongScalarsAreNamed(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	const list = `events(filter: {createdAt: {from: `
	for query, want := range map[string]string{
		`query($t: TimeBound) { ` + list + `$t}}) { nodes { id } } }`:                                                         "$t: ",
		`subscription($t: TimeBound) { deliveryAttempts(since: $t) { cursor } }`:                                              "$t: ",
		`query($r: TimeRange) { events(filter: {createdAt: $r}) { nodes { id } } }`:                                           "$r.from: ",
		`query($f: EventFilter) { events(filter: $f) { nodes { id } } }`:                                                      "$f.createdAt.from: ",
		`{ ` + list + `"secret"}}) { nodes { id } } }`:                                                                        "filter.createdAt.from: ",
		`{ events(filter: {createdAt: {to: "secret"}}) { nodes { id } } }`:                                                    "filter.createdAt.to: ",
		`{ events(filter: {createdAt: {to: 1}}) { nodes { id } } }`:                                                           "filter.createdAt.to: ",
		`mutation($e: [PublishEventInput!]!) { publishEvents(input: {events: $e}) { results { duplicate } } }`:                "$e.1.timestamp: ",
		`mutation($t: DateTime) { publishEvents(input: {events: [{type: "a.b", timestamp: $t}]}) { results { duplicate } } }`: "$t: ",
		`query($s: [DeliveryStatus!]) { deliveries(filter: {statuses: $s}) { nodes { id } } }`:                                "$s.0: ",
		`query($s: DeliveryStatus!) { webhooks { nodes { deliveries(filter: {statuses: [HELD, $s]}) { nodes { id } } } } }`:   "$s: ",
	} {
		a.createWebhook(ctx, "https://example.com/")
		secret := vars{
			"t": "secret", "r": vars{"from": "secret"}, "f": vars{"createdAt": vars{"from": "secret"}}, "s": "held",
			"e": []any{vars{"type": "a.b", "data": 1}, vars{"type": "a.b", "timestamp": "secret"}},
		}
		given := vars{}
		for name, value := range secret {
			if strings.Contains(query, "($"+name+":") {
				given[name] = value
			}
		}
		resp := a.run(ctx, query, given)
		if len(resp.Errors) == 0 {
			t.Errorf("%s: %s", query, resp.Data)
			continue
		}
		err := resp.Errors[0]
		variable, _ := err.Extensions["variable"].(string)
		if !strings.HasPrefix(err.Message, want) || strings.Contains(err.Message, "secret") || err.Extensions["code"] != graph.CodeBadUserInput ||
			(strings.HasPrefix(want, "$") && variable+": " != want) {
			t.Errorf("%s: %v %v, want %s", query, err, err.Extensions, want)
		}
	}
}

// Invalid arguments are refused with the argument's name.
func TestBadArguments(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	a.createWebhook(ctx, "https://example.com/")
	a.publish(ctx, 1)
	cursor := a.get(ctx, `{ events { edges { cursor } } }`, nil).text("events", "edges", 0, "cursor")
	many := `["` + strings.Repeat(`00000000-0000-7000-8000-000000000000","`, 100) + `00000000-0000-7000-8000-000000000000"]`
	for query, field := range map[string]string{
		`{ events(first: 0) { count { count } } }`:                                          "[first]",
		`{ events(last: 101) { count { count } } }`:                                         "[last]",
		`{ events(first: 1, last: 1) { count { count } } }`:                                 "[last]",
		`{ events(after: "?") { count { count } } }`:                                        "[after]",
		`{ events(before: "") { count { count } } }`:                                        "[before]",
		`{ deliveries(after: "` + cursor + `") { count { count } } }`:                       "[after]",
		`{ events { nodes { deliveries(before: "` + cursor + `") { count { count } } } } }`: "[before]",
		`{ events(after: "` + cursor + `=") { count { count } } }`:                          "[after]",
		`{ events { count(limit: 0) { count } } }`:                                          "[limit]",
		`{ events { nodes { deliveries { count(limit: 100001) { count } } } } }`:            "[limit]",
		`{ nodes(ids: ` + many + `) { id } }`:                                               "[ids]",
		`{ events(first: 3000000000) { count { count } } }`:                                 "[first]",
		`{ deliveries(filter: {webhookIds: ` + many + `}) { count { count } } }`:            "[filter webhookIds]",
		`{ events(filter: {createdAt: {from: "yesterday"}}) { count { count } } }`:          "[filter createdAt from]",
		`{ webhooks(filter: {eventType: "a..b"}) { count { count } } }`:                     "[filter eventType]",
		`{ events(filter: {types: ["a.b", "a*"]}) { count { count } } }`:                    "[filter types 1]",
		`{ deliveries(filter: {eventTypes: ["hookgraph.nonsense"]}) { count { count } } }`:  "[filter eventTypes 0]",
		`{ events(filter: {types: ["a.*", "*"]}) { nodes { id } } }`:                        "[filter types 1]",
		`{ attempts(filter: {eventTypes: ["Hookgraph.test"]}) { count { count } } }`:        "[filter eventTypes 0]",
		`{ viewer { tenant { name } } attempts(first: -1) { count { count } } }`:            "[first]",
	} {
		resp := a.run(ctx, query, nil)
		if code(resp) != graph.CodeBadUserInput {
			t.Errorf("%s: %v", query, resp.Errors)
			continue
		}
		if got := fmt.Sprint(resp.Errors[0].Extensions["field"]); got != field {
			t.Errorf("%s: field %s, want %s", query, got, field)
		}
		if len(resp.Errors[0].Path) == 0 || len(resp.Errors[0].Locations) == 0 {
			t.Errorf("%s: path %v, locations %v", query, resp.Errors[0].Path, resp.Errors[0].Locations)
		}
	}
	lower := a.run(ctx, `query($s: [DeliveryStatus!]) { deliveries(filter: {statuses: $s}) { count { count } } }`, vars{"s": []string{"pending"}})
	if code(lower) != graph.CodeBadUserInput {
		t.Errorf("lower case status: %v", lower.Errors)
	}
	for query, value := range map[string]string{
		`query($e: [AttemptErrorCode!]) { attempts(filter: {errors: $e}) { count { count } } }`: "timeout",
		`query($e: [AttemptTrigger!]) { attempts(filter: {triggers: $e}) { count { count } } }`: "test",
	} {
		if lower := a.run(ctx, query, vars{"e": []string{value}}); code(lower) != graph.CodeBadUserInput {
			t.Errorf("%s, lower case: %v", query, lower.Errors)
		}
	}
	if a.log.Len() > 0 {
		t.Errorf("logged: %s", a.log)
	}
}

// Without a caller every operation is refused, even introspection.
func TestUnauthenticated(t *testing.T) {
	a := newAPI(t)
	for _, query := range []string{`{ viewer { operator } }`, `{ __typename }`, `{ __schema { types { name } } }`, `subscription { deliveryAttempts { cursor } }`} {
		resp := a.run(t.Context(), query, nil)
		if code(resp) != graph.CodeUnauthenticated || resp.Data != nil {
			t.Errorf("%s: %s %v", query, resp.Data, resp.Errors)
		}
	}
}

// Callers see the code of an expected error, and of any other error only the id under which it is logged.
func TestPresenter(t *testing.T) {
	var log strings.Builder
	p := graph.Presenter{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	for _, test := range []struct {
		err    error
		code   string
		logged bool
	}{
		{webhook.ErrNotFound, graph.CodeNotFound, false},
		{webhook.ErrRemoved, graph.CodeUnavailable, false},
		{fmt.Errorf("read: %w", webhook.ErrBusy), graph.CodeUnavailable, false},
		{fmt.Errorf("%w: disk on fire", webhook.ErrUnavailable), graph.CodeUnavailable, true},
		{webhook.ErrCursor, graph.CodeBadUserInput, false},
		{webhook.ErrID, graph.CodeBadUserInput, false},
		{errors.Join(&webhook.Invalid{Field: "a.b", Message: "is bad"}), graph.CodeBadUserInput, false},
		{context.DeadlineExceeded, graph.CodeUnavailable, false},
		{context.Canceled, graph.CodeCanceled, false},
		{errors.New("disk on fire"), graph.CodeInternal, true},
		{gqlerror.Errorf("disk on fire"), graph.CodeInternal, true},
		{gqlerror.Wrap(errors.New("disk on fire")), graph.CodeInternal, true},
		{graph.Recover(t.Context(), "disk on fire"), graph.CodeInternal, true},
		{nil, graph.CodeInternal, true},
		{&gqlerror.Error{Message: "no such field", Extensions: map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"}}, "GRAPHQL_VALIDATION_FAILED", false},
	} {
		log.Reset()
		shown := p.Present(intake.WithRequestID(t.Context(), "req-1"), test.err)
		if got := shown.Extensions["code"]; got != test.code {
			t.Errorf("%v: code %v, want %s", test.err, got, test.code)
		}
		if strings.Contains(shown.Message, "fire") {
			t.Errorf("%v: shown as %s", test.err, shown.Message)
		}
		if (log.Len() > 0) != test.logged || test.logged != (shown.Extensions["requestId"] == "req-1") {
			t.Errorf("%v: extensions %v, log %q", test.err, shown.Extensions, log.String())
		}
	}
}
