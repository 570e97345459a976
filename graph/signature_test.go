package graph_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/signature"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/verification"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// debug is a document for debugSignature.
const debug = `query($in: DebugSignatureInput!) { debugSignature(input: $in) {
	valid scheme secretId signed causes { code summary advice firstDifferentByte received sent } userErrors { field code } } }`

// receiver is a webhook, and an attempt that it was sent.
type receiver struct {
	a             *api
	ctx           context.Context
	hook, attempt string
	secret        *webhook.Secret
	event         webhook.ID
	at            time.Time
	headers       []vars
	body          string
}

// newReceiver makes one, whose secret has the scheme.
func newReceiver(t *testing.T, scheme webhook.Scheme) *receiver {
	t.Helper()
	a := newAPI(t)
	r := &receiver{a: a, ctx: a.as("a"), at: time.Now().Truncate(time.Second)}
	r.hook = a.get(r.ctx, `mutation($scheme: SignatureScheme!) { createWebhook(input: {url: "https://example.com/", signatureScheme: $scheme}) { webhook { id } } }`,
		vars{"scheme": scheme}).text("createWebhook", "webhook", "id")
	a.get(r.ctx, `mutation($data: JSON) { publishEvent(input: {type: "job.done", data: $data}) { event { id } } }`,
		vars{"data": json.RawMessage(`{"name":"Köln é","score":1.50,"lines":"a\r\nb"}`)})
	id, err := webhook.ParseID(r.hook)
	if err != nil {
		t.Fatal(err)
	}
	claims, _, err := a.store.Claim(t.Context(), id, 1, 1<<20)
	if err != nil || len(claims) != 1 {
		t.Fatal(claims, err)
	}
	d := claims[0].Delivery
	r.event = d.EventID
	in := a.store.In(d.TenantID)
	events, err := in.EventsByID(t.Context(), []webhook.ID{d.EventID})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := in.Secrets(t.Context(), []webhook.ID{id})
	if err != nil {
		t.Fatal(err)
	}
	r.body, r.secret = string(events[d.EventID].AppendBody(nil)), secrets[id][0]
	r.headers = r.signed(r.body, r.secret)
	var sent webhook.HeaderBlock
	for _, h := range r.headers {
		sent += webhook.HeaderBlock(fmt.Sprintf("%s: %s\r\n", h["name"], h["value"]))
	}
	if err := a.store.Record(t.Context(), &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: r.at, URL: "https://example.com/", RequestHeaders: sent,
		SignedBy: webhook.SignedBy(secrets[id], r.at), ResponseStatus: new(204),
	}}); err != nil {
		t.Fatal(err)
	}
	if err := a.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.attempt = a.get(r.ctx, `{ attempts { nodes { id } } }`, nil).text("attempts", "nodes", 0, "id")
	return r
}

// signed are the headers of a request with the body, as a framework may write them.
func (r *receiver) signed(body string, secrets ...*webhook.Secret) []vars {
	return []vars{
		{"name": "Webhook-Id", "value": r.event.String()},
		{"name": "webhook-timestamp", "value": strconv.FormatInt(r.at.Unix(), 10)},
		{"name": "WEBHOOK-SIGNATURE", "value": string(webhook.AppendSignature(nil, secrets, r.event, r.at, []byte(body)))},
	}
}

// explain asks, and returns the report.
func (r *receiver) explain(in vars) object {
	r.a.t.Helper()
	return object(r.a.get(r.ctx, debug, vars{"in": in}).at("debugSignature").(map[string]any))
}

// verdict is a report in short: what fits, or the codes of what is wrong, and the errors.
func verdict(o object) string {
	var all []string
	for _, of := range []string{"causes", "userErrors"} {
		for _, c := range o.at(of).([]any) {
			if field := object(c.(map[string]any)).at("field"); field != nil {
				all = append(all, fmt.Sprint(field))
			}
			all = append(all, object(c.(map[string]any)).text("code"))
		}
	}
	if o.at("valid") == true {
		all = append(all, "valid "+o.text("scheme"))
	}
	return strings.Join(all, " ")
}

func gzipped(b string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(b))
	_ = w.Close()
	return out.String()
}

func based(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }

func latin1(b string) string {
	var out strings.Builder
	for _, c := range []byte(b) {
		out.WriteRune(rune(c))
	}
	return out.String()
}

// mistakes are what happens to bodies on the way to the code that verifies, and its name.
var mistakes = []struct {
	code   string
	change func(sent string) string
}{
	{"BODY_REPRINTED", func(b string) string { return strings.NewReplacer(`,"`, `, "`, `":`, `": `).Replace(b) }},
	{"BODY_REPRINTED", func(b string) string { return strings.ReplaceAll(b, "é", `\u00e9`) }},
	{"BODY_WHITESPACE", func(b string) string { return b + "\n" }},
	{"BODY_BYTE_ORDER_MARK", func(b string) string { return "\uFEFF" + b }},
	{"BODY_CHARSET", latin1},
	{"BODY_COMPRESSED", gzipped},
	{"BODY_BASE64", based},
	{"BODY_QUOTED", func(b string) string { text, _ := json.Marshal(b); return string(text) }},
	{"BODY_EMPTY", func(string) string { return "" }},
}

// What an attempt sent verifies, by the webhook's secret, and by its ID alone; each mistake is recognized by the webhook's secret, and by comparison
// with the attempt, with the first byte that differs.
func TestDebugSignature(t *testing.T) {
	for _, scheme := range []webhook.Scheme{webhook.SchemeHMAC, webhook.SchemeEd25519} {
		r := newReceiver(t, scheme)
		for _, in := range []vars{
			{"attemptId": r.attempt},
			{"attemptId": r.attempt, "headers": r.headers, "body": r.body},
			{"webhookId": r.hook, "headers": r.headers, "bodyBase64": based(r.body)},
		} {
			got := r.explain(in)
			if verdict(got) != "valid "+string(scheme) || got.text("secretId") != r.secret.ID.String() || got.text("signed") != fmt.Sprintf("%s.%d.", r.event, r.at.Unix()) {
				t.Errorf("%v: %v", in, got)
			}
		}
		for _, m := range mistakes {
			body := m.change(r.body)
			for _, in := range []vars{{"attemptId": r.attempt}, {"webhookId": r.hook}} {
				in["headers"], in["bodyBase64"] = r.headers, based(body)
				got := r.explain(in)
				if verdict(got) != m.code || got.at("valid") != false || got.at("secretId") != nil {
					t.Errorf("%s: %v: %v", m.code, in, got)
				}
				at, known := got.at("causes", 0, "firstDifferentByte").(float64)
				if n := int(at); known != (m.code != "BODY_EMPTY") || known && (body[:n] != r.body[:n] || len(body) > n && len(r.body) > n && body[n] == r.body[n]) {
					t.Errorf("%s: the first byte that differs is %v", m.code, got)
				}
			}
		}
	}
}

// What only comparison with the attempt tells, and what is wrong with headers, secrets, and clocks.
func TestDebugSignatureOfHeaders(t *testing.T) {
	r := newReceiver(t, webhook.SchemeHMAC)
	other := webhook.NewSecret(r.secret.TenantID, r.secret.WebhookID, webhook.SchemeHMAC, r.at)
	asymmetric := webhook.NewSecret(r.secret.TenantID, r.secret.WebhookID, webhook.SchemeEd25519, r.at)
	lines := "a\r\nb"
	renamed := []vars{{"name": "HTTP_WEBHOOK_ID", "value": "x"}, r.headers[1], r.headers[2]}
	of := func(headers []vars, body string) vars {
		return vars{"webhookId": r.hook, "headers": headers, "body": body}
	}
	sent := func(headers []vars, body string) vars {
		return vars{"attemptId": r.attempt, "headers": headers, "body": body}
	}
	with := func(in vars, name string, value any) vars { in[name] = value; return in }
	for name, c := range map[string]struct {
		in   vars
		want string
	}{
		"rotated":           {of(r.signed(r.body, other, r.secret), r.body), "valid HMAC_SHA256"},
		"another secret":    {of(r.signed(r.body, other), r.body), "SECRET"},
		"another scheme":    {of(r.signed(r.body, asymmetric), r.body), "SCHEME"},
		"line ends":         {of(r.signed(lines, r.secret), "a\nb"), "BODY_LINE_ENDS"},
		"number":            {sent(r.headers, strings.Replace(r.body, "1.50", "1.5", 1)), "BODY_REPRINTED"},
		"cut short":         {sent(r.headers, r.body[:20]), "BODY_TRUNCATED"},
		"another body":      {sent(r.headers, `{"a":1}`), "BODY_CHANGED"},
		"header changed":    {sent([]vars{{"name": "webhook-id", "value": "x"}, r.headers[1], r.headers[2]}, r.body), "HEADER_CHANGED SECRET"},
		"no headers":        {of([]vars{}, r.body), "MISSING_HEADER MISSING_HEADER MISSING_HEADER"},
		"CGI":               {of(renamed, r.body), "MISSING_HEADER"},
		"twice":             {of(append(slices.Clone(r.headers), r.headers[0]), r.body), "REPEATED_HEADER"},
		"late":              {with(of(r.headers, r.body), "at", r.at.Add(time.Hour).Format(time.RFC3339)), "CLOCK"},
		"early":             {with(of(r.headers, r.body), "at", r.at.Add(-time.Hour).Format(time.RFC3339)), "CLOCK"},
		"milliseconds":      {of([]vars{r.headers[0], {"name": "webhook-timestamp", "value": "1776952800000"}, r.headers[2]}, r.body), "SECRET CLOCK"},
		"a date":            {of([]vars{r.headers[0], {"name": "webhook-timestamp", "value": "today"}, r.headers[2]}, r.body), "TIMESTAMP SECRET"},
		"no signature":      {of([]vars{r.headers[0], r.headers[1], {"name": "webhook-signature", "value": "sha256=00"}}, r.body), "SIGNATURE SCHEME"},
		"right, compared":   {with(of(r.headers, r.body), "computed", r.headers[2]["value"]), "COMPARISON"},
		"unknown, computed": {with(of(r.headers, r.body), "computed", "AAAA"), "COMPUTATION"},
	} {
		if got := r.explain(c.in); verdict(got) != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// What the receiver's code computes tells what it does wrong.
func TestDebugSignatureOfCode(t *testing.T) {
	r := newReceiver(t, webhook.SchemeHMAC)
	id, at, whole := r.event.String(), strconv.FormatInt(r.at.Unix(), 10), r.secret.Reveal()
	text := strings.TrimPrefix(whole, "whsec_")
	sum := func(key, content string) []byte {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(content))
		return m.Sum(nil)
	}
	right := id + "." + at + "." + r.body
	for want, computed := range map[string]string{
		"its key is the whole text of the secret":                       base64.StdEncoding.EncodeToString(sum(whole, right)),
		"its key is the text after whsec_, not decoded":                 base64.StdEncoding.EncodeToString(sum(text, right)),
		"it signs the body alone":                                       "v1," + base64.StdEncoding.EncodeToString(sum(string(r.secret.Key), r.body)),
		"it signs no ID; it writes hexadecimal digits":                  hex.EncodeToString(sum(string(r.secret.Key), at+"."+r.body)),
		"it signs a body that was parsed and printed again":             base64.StdEncoding.EncodeToString(sum(string(r.secret.Key), id+"."+at+"."+strings.NewReplacer(`,"`, `, "`, `":`, `": `).Replace(r.body))),
		"its key is the text after whsec_, not decoded; it signs no ID": base64.StdEncoding.EncodeToString(sum(text, at+"."+r.body)),
	} {
		got := r.explain(vars{"attemptId": r.attempt, "computed": computed})
		if verdict(got) != "COMPUTATION" || !strings.HasSuffix(got.text("causes", 0, "summary"), ": "+want) {
			t.Errorf("%s: %v", want, got)
		}
	}
}

// Wrong input is refused by field, and what is another tenant's does not exist.
func TestDebugSignatureRefuses(t *testing.T) {
	r := newReceiver(t, webhook.SchemeHMAC)
	nobody := "00000000-0000-7000-8000-000000000000"
	of := func(more vars) vars {
		in := vars{"webhookId": r.hook, "headers": r.headers, "body": "{}"}
		maps.Copy(in, more)
		return in
	}
	for _, c := range []struct {
		want string
		in   vars
	}{
		{"[input attemptId] REQUIRED", vars{}},
		{"[input webhookId] CONFLICT", of(vars{"attemptId": r.attempt})},
		{"[input attemptId] NOT_FOUND", vars{"attemptId": nobody}},
		{"[input webhookId] NOT_FOUND", of(vars{"webhookId": nobody})},
		{"[input headers] REQUIRED", of(vars{"headers": nil})},
		{"[input body] REQUIRED", of(vars{"body": nil})},
		{"[input body] INVALID", vars{"attemptId": r.attempt, "body": "{}"}},
		{"[input bodyBase64] INVALID", of(vars{"bodyBase64": ""})},
		{"[input bodyBase64] INVALID", of(vars{"body": nil, "bodyBase64": "%"})},
		{"[input headers] TOO_MANY", of(vars{"headers": slices.Repeat([]vars{r.headers[0]}, verification.MaxHeaders+1)})},
		{"[input headers] TOO_LONG", of(vars{"headers": []vars{{"name": "x", "value": strings.Repeat("x", verification.MaxHeaderBytes)}}})},
		{"[input body] TOO_LONG", of(vars{"body": strings.Repeat("x", 1<<20+1)})},
		{"[input bodyBase64] TOO_LONG", of(vars{"body": nil, "bodyBase64": strings.Repeat("AAAA", 1<<19)})},
		{"[input computed] TOO_LONG", of(vars{"computed": strings.Repeat("x", verification.MaxComputedBytes+1)})},
		{"[input headers] REQUIRED [input webhookId] NOT_FOUND", vars{"webhookId": nobody}},
	} {
		if got := r.explain(c.in); verdict(got) != c.want || got.at("valid") != nil || got.at("secretId") != nil || got.at("signed") != nil {
			t.Errorf("%v, want %s", got, c.want)
		}
	}
	own := r.ctx
	r.ctx = r.a.as("b")
	for want, in := range map[string]vars{"[input attemptId] NOT_FOUND": {"attemptId": r.attempt}, "[input webhookId] NOT_FOUND": of(nil)} {
		if got := r.explain(in); verdict(got) != want {
			t.Errorf("as another tenant: %v, want %s", got, want)
		}
	}
	r.ctx = own
	for _, c := range []struct {
		in     vars
		errors int
		scopes []webhook.TokenScope
	}{
		{of(nil), 1, []webhook.TokenScope{webhook.ScopeDeliveriesRead}},
		{of(nil), 1, []webhook.TokenScope{webhook.ScopeWebhooksRead}},
		{of(nil), 0, []webhook.TokenScope{webhook.ScopeDeliveriesRead, webhook.ScopeWebhooksRead}},
		{vars{"attemptId": r.attempt}, 0, []webhook.TokenScope{webhook.ScopeDeliveriesRead}},
	} {
		if got := r.a.run(r.a.scoped("a", c.scopes...), debug, vars{"in": c.in}); len(got.Errors) != c.errors {
			t.Errorf("%v with %v: %v", c.in, c.scopes, got.Errors)
		}
	}
}

// A secret that no longer signs is told apart from a wrong one, and no answer has a secret or a signature that was not sent.
func TestDebugSignatureAfterRotation(t *testing.T) {
	r := newReceiver(t, webhook.SchemeHMAC)
	old := r.secret.Reveal()
	next := r.a.get(r.ctx, `mutation($id: ID!) { rotateWebhookSecret(input: {id: $id, overlapMs: 0}) { secret } }`, vars{"id": r.hook}).text("rotateWebhookSecret", "secret")
	forged := webhook.AppendSignature(nil, []*webhook.Secret{r.secret}, r.event, r.at, []byte("forged"))
	for _, in := range []vars{
		{"attemptId": r.attempt},
		{"attemptId": r.attempt, "headers": r.headers, "body": "forged"},
		{"webhookId": r.hook, "headers": r.headers, "body": "forged", "computed": "AAAA"},
	} {
		got := r.explain(in)
		said := fmt.Sprint(got)
		for _, hidden := range []string{strings.TrimPrefix(old, "whsec_"), strings.TrimPrefix(next, "whsec_"), strings.TrimPrefix(string(forged), "v1,")} {
			if strings.Contains(said, hidden) {
				t.Errorf("%v shows %s", got, hidden)
			}
		}
	}
	if got := r.explain(vars{"attemptId": r.attempt}); verdict(got) != "SECRET" || !strings.Contains(got.text("causes", 0, "summary"), "do not sign anymore") {
		t.Errorf("after a rotation: %v", got)
	}
}

// The codes of the schema are those of the package.
func TestSignatureCodes(t *testing.T) {
	var named []signature.Code
	for _, v := range graph.New(&graph.Resolver{}).Schema().Types["SignatureCauseCode"].EnumValues {
		named = append(named, signature.Code(v.Name))
	}
	slices.Sort(named)
	if known := slices.Sorted(slices.Values(signature.Codes)); !slices.Equal(named, known) {
		t.Errorf("%v, want %v", named, known)
	}
}
