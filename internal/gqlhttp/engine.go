package gqlhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/hookgraph/hookgraph/internal/gqlhttp/literal"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// maxShownErrors bounds how many errors of one document are shown: each of thousands of fields could be wrong.
const maxShownErrors = 20

// engine takes a request from text to responses. It parses, guards and validates itself, because gqlgen's executor has no hook
// between parsing and validation; the executor executes.
type engine struct {
	cfg       Config
	schema    graphql.ExecutableSchema
	exec      *executor.Executor
	present   graphql.ErrorPresenterFunc
	guard     *guard
	documents *cache[*literal.Document]
	persisted *cache[string]
	kitchen   *kitchen
}

func newEngine(schema graphql.ExecutableSchema, cfg Config) *engine {
	e := &engine{
		cfg:       cfg,
		schema:    schema,
		exec:      executor.New(schema),
		guard:     newGuard(schema, cfg.Limits, cfg.DisableIntrospection),
		documents: newCache[*literal.Document](cfg.DocumentCacheBytes),
		persisted: newCache[string](cfg.PersistedQueryBytes),
		kitchen:   newKitchen(cfg.MaxAnswerBytes),
	}
	present := cfg.ErrorPresenter
	if present == nil {
		present = maskErrors(cfg.Logger)
	}
	e.present = noteChanges(safePresenter(present, cfg.Logger), cfg.ReadAgain)
	e.exec.SetErrorPresenter(e.present)
	if cfg.AroundOperations != nil {
		e.exec.AroundOperations(cfg.AroundOperations)
	}
	return e
}

// holder returns the tenant and token that ctx's caller counts for.
func (e *engine) holder(ctx context.Context) intake.Holder {
	if e.cfg.Holder == nil {
		return intake.Holder{}
	}
	return e.cfg.Holder(ctx)
}

func (e *engine) recovered(ctx context.Context, v any) error {
	logPanic(ctx, e.cfg.Logger, v)
	return fmt.Errorf("%w: %v", ErrPanic, v)
}

// operation is a valid operation with its variables, ready to run.
type operation struct {
	*graphql.OperationContext
	cost int
}

// prepare does everything before execution. Its errors are request errors in the sense of GraphQL section 7.1.2; extensions
// belong to them. ctx carries the caller.
func (e *engine) prepare(ctx context.Context, req *request) (op *operation, extensions map[string]any, errs gqlerror.List) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(ctx, e.cfg.Logger, v)
			op, errs = nil, gqlerror.List{internalError(ctx)}
		}
		if len(errs) > maxShownErrors {
			errs = errs[:maxShownErrors]
		}
	}()
	start := graphql.Now()
	if err := e.resolvePersisted(req); err != nil {
		return nil, nil, gqlerror.List{err}
	}
	doc, errs := e.document(req.query)
	if errs != nil {
		return nil, nil, errs
	}
	definition := doc.Operations.ForName(req.operationName)
	if definition == nil {
		if req.operationName == "" {
			return nil, nil, errorList(codeValidation, "operationName is required: the document has several operations")
		}
		return nil, nil, errorList(codeValidation, "the document has no operation with the name in operationName")
	}
	vars, err := decodeVariables(e.schema.Schema(), definition, doc.WithDefaults(definition, req.variables), e.cfg.Limits.Values)
	if err != nil {
		return nil, nil, gqlerror.List{err}
	}
	if !doc.Bind(vars, e.cfg.MaxBodyBytes) {
		return nil, nil, errorList(codeTooComplex, "the variables within a JSON literal are too large")
	}
	cost := e.guard.cost(ctx, doc.QueryDocument, definition, vars)
	extensions = costExtension(cost, e.cfg.Limits.Cost)
	if cost > e.cfg.Limits.Cost {
		return nil, extensions, errorList(codeTooComplex, fmt.Sprintf("the operation costs %d, the limit is %d", cost, e.cfg.Limits.Cost))
	}
	op = &operation{cost: cost, OperationContext: &graphql.OperationContext{
		RawQuery:             req.query,
		Variables:            vars,
		OperationName:        req.operationName,
		Doc:                  doc.QueryDocument,
		Extensions:           req.extensions,
		Headers:              req.header,
		Operation:            definition,
		DisableIntrospection: e.cfg.DisableIntrospection,
		RecoverFunc:          e.recovered,
		ResolverMiddleware:   func(ctx context.Context, next graphql.Resolver) (any, error) { return next(ctx) },
		RootResolverMiddleware: func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
			return next(ctx)
		},
		Stats: graphql.Stats{OperationStart: start},
	}}
	if definition.Operation == ast.Subscription && len(graphql.CollectFields(op.OperationContext, definition.SelectionSet, nil)) == 0 {
		return nil, extensions, errorList(codeValidation, "a subscription must select one top level field; @skip or @include leave none")
	}
	if e.cfg.Charge != nil {
		if wait := e.cfg.Charge(ctx, cost); wait > 0 {
			limited := newError(codeRateLimited, "too many requests; try again after extensions.retryAfterMs")
			limited.Extensions["retryAfterMs"] = wait.Milliseconds()
			return nil, extensions, gqlerror.List{limited}
		}
	}
	e.rememberPersisted(req)
	return op, extensions, nil
}

func costExtension(requested, limit int) map[string]any {
	return map[string]any{"cost": map[string]int{"requested": requested, "limit": limit}}
}

// document parses, guards and validates a document, or returns it from the cache.
func (e *engine) document(query string) (*literal.Document, gqlerror.List) {
	if doc, ok := e.documents.get(query); ok {
		return doc, nil
	}
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, e.cfg.Limits.Tokens)
	if err != nil {
		return nil, gqlerror.List{parseError(err)}
	}
	if err := halfCharacters(query); err != nil {
		return nil, gqlerror.List{err}
	}
	if len(parsed.Operations) == 0 {
		return nil, errorList(codeValidation, "the document has no operation")
	}
	size, refused := e.guard.check(parsed)
	if refused != nil {
		return nil, gqlerror.List{refused}
	}
	if err := singleRootField(parsed); err != nil {
		return nil, gqlerror.List{err}
	}
	literals, err := literal.Find(e.schema.Schema(), parsed)
	if err != nil {
		return nil, errorList(codeValidation, err.Error())
	}
	if errs := validator.ValidateWithRules(e.schema.Schema(), parsed, validationRules()); len(errs) > 0 {
		for _, err := range errs {
			err.Message = withoutValue(err.Message)
			_ = withCode(err, codeValidation)
		}
		return nil, errs
	}
	doc := literals.Replace()
	e.documents.add(query, doc, size+doc.Size())
	return doc, nil
}

// halfCharacters refuses a document whose strings have half of a surrogate pair, GraphQL section 2.9.4, which gqlparser replaces. The document must
// have been parsed.
func halfCharacters(query string) *gqlerror.Error {
	if !strings.Contains(query, `\ud`) && !strings.Contains(query, `\uD`) {
		return nil
	}
	text := []rune(query) // as the positions of tokens count
	for l := lexer.New(&ast.Source{Input: query}); ; {
		token, _ := l.ReadToken()
		switch token.Kind {
		case lexer.EOF, lexer.Invalid:
			return nil
		case lexer.String:
			if !rawjson.Encodable([]byte(string(text[token.Pos.Start:token.Pos.End]))) {
				err := newError(codeParse, halfCharacter)
				err.Locations = []gqlerror.Location{{Line: token.Pos.Line, Column: token.Pos.Column}}
				return err
			}
		}
	}
}

// withoutValue removes the value that an error of validation quotes, which may be a secret: an error's position says which it is.
func withoutValue(message string) string {
	for _, before := range []string{" value: ", ", found "} {
		if kept, value, quotes := strings.Cut(message, before); quotes && value != "null." {
			if before == ", found " {
				return kept + "."
			}
			return kept + strings.TrimSuffix(before, ": ") + "."
		}
	}
	return message
}

// singleRootField checks GraphQL section 5.2.4.1 where gqlparser does not: one field under two aliases. The document must have
// passed the guard.
func singleRootField(doc *ast.QueryDocument) *gqlerror.Error {
	m := &merger{fragments: fragmentsByName(doc)}
	for _, op := range doc.Operations {
		if op.Operation != ast.Subscription {
			continue
		}
		groups := map[string][]*ast.Field{}
		m.collect(op.SelectionSet, groups)
		if len(groups) > 1 {
			return newError(codeValidation, "a subscription must select only one top level field")
		}
	}
	return nil
}

// parseError keeps the location, and the message unless it repeats a string or much of the document, which may hold secrets.
func parseError(err error) *gqlerror.Error {
	shown := newError(codeParse, "the document is not valid GraphQL")
	var located *gqlerror.Error
	if !errors.As(err, &located) {
		return shown
	}
	shown.Locations = located.Locations
	if strings.HasPrefix(located.Message, "exceeded ") {
		shown = withCode(shown, codeTooComplex)
	}
	if len(located.Message) <= 120 && !strings.Contains(located.Message, "String") {
		shown.Message = located.Message
	}
	return shown
}

// validationRules are GraphQL's, without suggestions: "did you mean" reveals the schema to strangers word by word.
func validationRules() *rules.Rules {
	r := rules.NewDefaultRules()
	r.ReplaceRule(rules.FieldsOnCorrectTypeRule.Name, rules.FieldsOnCorrectTypeRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.ScalarLeafsRule.Name, rules.ScalarLeafsRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return r
}

// execution returns the responses of one operation. It is not safe for concurrent use.
type execution struct {
	engine *engine
	begun  context.Context // with which the operation was dispatched
	ctx    context.Context
	op     *operation
	stream *stream
	meter  *meter.Meter
	leave  func() // ends the operation's turn; may be called again

	next    graphql.ResponseHandler
	fault   gqlerror.List // why there is no next
	yielded int
	ended   bool
}

// start waits for the operation's turn and begins to execute it. The execution ends with ctx, and must be closed when its last
// response has been written.
func (e *engine) start(ctx context.Context, op *operation, lastEventID string) (x *execution) {
	ctx, s := withStream(ctx, lastEventID)
	if e.cfg.Charge != nil {
		caller := ctx
		s.pay = func() time.Duration { return e.cfg.Charge(caller, op.cost) }
	}
	who := e.holder(ctx)
	m := meter.Of(e.kitchen.tab(ctx, who, op.kind()), e.cfg.MaxAnswerBytes)
	ctx = meter.With(ctx, m)
	x = &execution{engine: e, ctx: ctx, op: op, stream: s, meter: m, leave: func() {}}
	leave, err := e.kitchen.turn(ctx, who, op)
	if err != nil {
		shown, _ := tooMuch(err)
		x.fault = gqlerror.List{shown}
		return x
	}
	x.leave = sync.OnceFunc(leave)
	defer func() {
		if v := recover(); v != nil {
			logPanic(ctx, e.cfg.Logger, v)
			x.fault = gqlerror.List{internalError(ctx)}
		}
	}()
	x.dispatch(ctx)
	return x
}

// dispatch begins to execute the operation, a query also for another time.
func (x *execution) dispatch(ctx context.Context) {
	x.begun = ctx
	x.next, x.ctx = x.engine.exec.DispatchOperation(ctx, x.op.OperationContext)
}

// maxReads bounds how often a query is executed.
const maxReads = 5

// respond waits for the next response. A query is executed again if rows changed while it read them.
func (x *execution) respond() *graphql.Response {
	for reads := 1; ; reads++ {
		x.meter.Reset()
		resp := x.next(x.ctx)
		if !x.stream.takeChanged() || x.op.kind() != ast.Query || reads == maxReads {
			return resp
		}
		x.dispatch(x.begun)
	}
}

// await waits until the next response need not wait for its source, or the execution ends. Calling it is not necessary.
func (x *execution) await() {
	if x.stream.wait != nil && !x.ended {
		x.meter.Reset() // the response before has been written
		x.stream.wait(x.ctx)
	}
}

// response waits for the next response. It returns nil after the last one. A query or mutation has one; a subscription ends
// when its source has ended or failed, when a response is not whole, or when ctx is done. errs says why the subscription failed,
// or why an operation was not executed.
func (x *execution) response() (resp *graphql.Response, errs gqlerror.List) {
	if x.ended {
		return nil, nil
	}
	if x.fault != nil {
		x.ended = true
		return nil, x.fault
	}
	defer func() {
		if v := recover(); v != nil {
			x.ended = true
			logPanic(x.ctx, x.engine.cfg.Logger, v)
			resp, errs = nil, gqlerror.List{internalError(x.ctx)}
		}
	}()
	if x.op.kind() != ast.Subscription && x.yielded > 0 {
		return nil, nil
	}
	defer x.leave() // only the response remains to be written
	resp = x.respond()
	if resp == nil {
		return nil, x.end()
	}
	if limit := x.engine.cfg.MaxAnswerBytes; len(resp.Data) > limit { // the schema does not count bytes
		tooLarge := newError(codeAnswerTooLarge, fmt.Sprintf("the response is larger than %d bytes; request less at a time", limit))
		tooLarge.Extensions["limit"] = limit
		resp.Data, resp.Errors = nil, gqlerror.List{tooLarge}
	}
	if x.op.kind() == ast.Subscription && !whole(resp) {
		// Either the source stream could not be created, which is a request error (GraphQL section 6.2.3.1), or this response
		// failed. Continuing would leave a gap: the client must resume after the last one that it received.
		x.ended = true
		if x.ctx.Err() != nil {
			return nil, nil
		}
		return nil, resp.Errors
	}
	x.yielded++
	if x.yielded == 1 {
		if resp.Extensions == nil {
			resp.Extensions = map[string]any{}
		}
		maps.Copy(resp.Extensions, costExtension(x.op.cost, x.engine.cfg.Limits.Cost))
	}
	return resp, nil
}

// close releases the memory of the last response.
func (x *execution) close() {
	x.leave()
	x.meter.Reset()
}

// end returns why there is no further response.
func (x *execution) end() gqlerror.List {
	x.ended = true
	if err := x.stream.reason(); err != nil {
		return gqlerror.List{x.engine.present(x.ctx, err)}
	}
	if x.op.kind() != ast.Subscription {
		if x.ctx.Err() != nil {
			return errorList(codeUnavailable, "the operation took too long, and may or may not have taken effect; try again, publishing with the same idempotency key")
		}
		x.engine.cfg.Logger.ErrorContext(x.ctx, "no response", slog.String("request_id", intake.RequestID(x.ctx)))
		return gqlerror.List{internalError(x.ctx)}
	}
	return nil
}
