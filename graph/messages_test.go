package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// drawSelection draws fields of a type that need no arguments, some under an alias, in a fragment, or included by a variable.
func drawSelection(rt *rapid.T, schema *ast.Schema, def *ast.Definition, depth int) string {
	var fields []string
	for _, f := range def.Fields {
		if strings.HasPrefix(f.Name, "__") || slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
			continue
		}
		if of := schema.Types[f.Type.Name()]; of.IsLeafType() || of.Kind == ast.Object && depth > 1 {
			fields = append(fields, f.Name)
		}
	}
	var b strings.Builder
	b.WriteString("{ __typename known: __typename @include(if: $yes) @skip(if: $no)")
	for i := range rapid.IntRange(min(1, len(fields)), min(5, len(fields))).Draw(rt, "fields") {
		name := rapid.SampledFrom(fields).Draw(rt, "field")
		text := fmt.Sprintf("f%d: %s", i, name)
		if rapid.Bool().Draw(rt, "included") {
			text += " @include(if: $yes)"
		}
		if of := schema.Types[def.Fields.ForName(name).Type.Name()]; of.Kind == ast.Object {
			text += " " + drawSelection(rt, schema, of, depth-1)
		}
		if rapid.IntRange(0, 3).Draw(rt, "fragment") == 0 {
			text = "... on " + def.Name + " @skip(if: $no) { " + text + " }"
		}
		b.WriteString(" " + text)
	}
	return b.String() + " }"
}

// A stream that shares its messages gets the same bytes, and the same errors, as one that is alone, whatever it selects and whoever reads it.
func TestSharedMessagesEqualOwn(t *testing.T) {
	shared := newAPI(t)
	ctx := shared.as("kallima")
	w := shared.createWebhook(ctx, "https://example.com/")
	schema := graph.New(shared.resolver).Schema()
	callers := []context.Context{ctx, shared.operator("kallima"), shared.scoped("kallima", "deliveries:read")}
	rapid.Check(t, func(rt *rapid.T) {
		ctx, cancel := context.WithTimeout(rapid.SampledFrom(callers).Draw(rt, "caller"), time.Minute)
		defer cancel()
		query := `subscription($yes: Boolean!, $no: Boolean!) { deliveryAttempts ` + drawSelection(rt, schema, schema.Types["StreamedAttempt"], 4) + ` }`
		v := vars{"yes": rapid.Bool().Draw(rt, "yes"), "no": rapid.Bool().Draw(rt, "no")}
		own := shared.with(&graph.Resolver{Store: shared.store, Live: shared.live, Changes: shared.changes, EndStream: func(context.Context, error) {}})
		alone := own.feed(ctx, query, v)
		equal := []*feed{shared.feed(ctx, query, v), shared.feed(ctx, query, v), shared.feed(ctx, query, v)}
		shared.publish(callers[0], 1)
		shared.attempt(w, 1, rapid.Bool().Draw(rt, "succeeds"))
		want := alone.read(alone.ctx)
		for i, f := range equal {
			got := f.read(f.ctx)
			if string(got.Data) != string(want.Data) || text(rt, got.Errors) != text(rt, want.Errors) {
				rt.Fatalf("%s\nstream %d: %s %s\nalone: %s %s", query, i, got.Data, text(rt, got.Errors), want.Data, text(rt, want.Errors))
			}
		}
	})
}

// text is a value as JSON.
func text(rt *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		rt.Fatal(err)
	}
	return string(b)
}

const tail = `subscription($after: String, $since: TimeBound, $timings: Boolean!) { deliveryAttempts(after: $after, since: $since) {
	cursor node { id timings @include(if: $timings) { totalMs } webhook { url } } } }`

// resolving counts how often a field is resolved.
func (a *api) resolving(name string) *atomic.Int64 {
	n := &atomic.Int64{}
	a.exec.AroundFields(func(ctx context.Context, next graphql.Resolver) (any, error) {
		if graphql.GetFieldContext(ctx).Field.Name == name {
			n.Add(1)
		}
		return next(ctx)
	})
	return n
}

// An attempt is written once for all streams that ask the same, wherever they began. Others write their own: of another tenant, with other
// variables, with other rights, of an operator, of all tenants. A stream that joins later gets what comes then, and one that leaves holds
// nobody up.
func TestAttemptsAreSharedByEqualWatchers(t *testing.T) {
	const attempts = 10
	a := newAPI(t)
	resolved := a.resolving("node")
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	within := func(ctx context.Context) context.Context {
		ctx, stop := context.WithTimeout(ctx, time.Minute)
		t.Cleanup(stop)
		return ctx
	}
	w := a.createWebhook(ctx, "https://example.com/")
	a.publish(ctx, 1)
	a.attempt(w, 1, true)
	owner := auth.From(ctx).Tenant.ID
	_, newest, err := a.store.AttemptBounds(ctx, store.AllTenants)
	if err != nil {
		t.Fatal(err)
	}
	timings := vars{"timings": true}
	var equal []*feed
	for range 20 {
		equal = append(equal, a.feed(ctx, tail, timings), a.feed(ctx, tail, vars{"timings": true, "after": a.live.Cursor(owner, newest)}))
	}
	leaving, leave := context.WithCancel(ctx)
	gone := a.feed(leaving, tail, timings)
	other := a.feed(within(a.as("other")), tail, timings)
	without := a.feed(ctx, tail, vars{"timings": false})
	lacking := a.feed(within(a.scoped("kallima", "deliveries:read")), tail, timings)
	operator := a.feed(within(a.operator("kallima")), tail, timings)
	everyone := a.feed(within(a.operator("kallima")), strings.Replace(tail, "after: $after", "after: $after, allTenants: true", 1), timings)
	a.publish(ctx, attempts)
	a.attempt(w, attempts/2, true)
	gone.next()
	leave()
	equal = append(equal, a.feed(ctx, tail, vars{"timings": true, "after": a.live.Cursor(owner, newest)})) // it joins in the middle
	a.attempt(w, attempts/2, true)
	for seq := newest + 1; seq <= newest+attempts; seq++ {
		for i, f := range append([]*feed{operator}, equal...) {
			if m := f.next(); m.text("cursor") != a.live.Cursor(owner, seq) || m.text("node", "webhook", "url") != "https://example.com/" || m.at("node", "timings") == nil {
				t.Fatalf("stream %d, attempt %d: %v", i, seq-newest, m)
			}
		}
		if m := everyone.next(); m.text("cursor") != a.live.Cursor(store.AllTenants, seq) {
			t.Errorf("of all tenants: %v", m)
		}
		if m := without.next(); m.text("cursor") != a.live.Cursor(owner, seq) || len(m.at("node").(map[string]any)) != 2 {
			t.Errorf("with another variable: %v", m)
		}
		if resp := lacking.read(lacking.ctx); len(resp.Errors) != 1 || resp.Errors[0].Extensions["code"] != graph.CodeForbidden || strings.Contains(string(resp.Data), "example.com") {
			t.Errorf("without a scope: %s %v", resp.Data, resp.Errors)
		}
	}
	if n := resolved.Load(); n > 5*attempts+1 { // once for each circle, and for the one that leaves
		t.Errorf("%d attempts are resolved %d times", attempts, n)
	}
	if !other.silent() {
		t.Error("another tenant was told")
	}
	cancel()
	webhooktest.Eventually(t, "only streams that go on are counted", func() bool { return a.resolver.Circles() == 4 })
}
