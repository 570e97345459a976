package graph

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/fault"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The values of extensions.code, beside those of gqlgen for a query that is not valid (GRAPHQL_PARSE_FAILED,
// GRAPHQL_VALIDATION_FAILED).
const (
	CodeUnauthenticated = fault.Unauthenticated
	CodeForbidden       = fault.Forbidden   // the caller is known and may not do this; extensions.scope is the missing scope
	CodeRateLimited     = fault.RateLimited // extensions.retryAfterMs is the time to wait
	CodeNotFound        = fault.NotFound
	CodeBadUserInput    = fault.BadUserInput  // extensions.field is the path to the argument
	CodeCursorExpired   = fault.CursorExpired // everything still kept comes after the cursor extensions.oldest
	CodeCursorLost      = fault.CursorLost    // the database was restored; a stream resumes after extensions.oldest, a list starts again
	CodeUnavailable     = fault.Unavailable   // the same call may succeed soon
	CodeAnswerTooLarge  = "ANSWER_TOO_LARGE"  // extensions.field is the path to what did not fit into extensions.limit bytes
	CodeCanceled        = fault.Canceled      // the caller closed the connection
	CodeInternal        = fault.Internal      // the log has the cause under extensions.requestId
)

// ReadAgain reports whether a query that failed with err may succeed when it is executed again at once.
func ReadAgain(err error) bool { return errors.Is(err, webhook.ErrRemoved) }

// failure is an unexpected error that several fields share; it is logged once.
type failure struct {
	err  error
	once sync.Once
	id   string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// passed is the error of a stream cursor that cannot be resumed, with the oldest one that can.
type passed struct {
	err    error // *webhook.CursorExpired or *webhook.CursorLost
	oldest string
}

func (e *passed) Error() string { return e.err.Error() }
func (e *passed) Unwrap() error { return e.err }

// panicked is the value that a resolver panicked with.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// Recover converts a panic to an error, for a Presenter to log and mask.
func Recover(_ context.Context, value any) error {
	return &panicked{value: value, stack: debug.Stack()}
}

// Presenter decides what callers see of an error: expected errors with their code, all others only as the id under which they are
// logged.
type Presenter struct {
	// Logger gets the errors that callers do not see.
	Logger *slog.Logger
	// Logged reports whether an error has been logged already, such as a panic by the transport. Nil means never.
	Logged func(err error) bool
}

// Present is a graphql.ErrorPresenterFunc. It never returns nil.
func (p Presenter) Present(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	if g, ok := errors.AsType[*gqlerror.Error](err); ok {
		if code, ok := g.Extensions["code"].(string); ok && code != "" {
			return g // made for callers: the query does not parse, is invalid, or costs too much
		}
		shown.Path, shown.Locations = g.Path, g.Locations
	}
	argument := splitPath(ctx, shown)
	set := func(code, message string) {
		shown.Message = message
		shown.Extensions = map[string]any{"code": code}
	}
	badInput := func(message string) {
		set(CodeBadUserInput, message)
		if len(argument) > 0 {
			shown.Extensions["field"] = argument
		}
		if variable := variableOf(ctx, argument); variable != "" {
			shown.Extensions["variable"] = variable
		}
	}
	// named adds the field to the error of a scalar that cannot be read, which knows only its value.
	named := func(message string) string {
		if variable := variableOf(ctx, argument); variable != "" {
			return variable + ": " + message
		}
		if len(argument) > 0 {
			return strings.Join(argument, ".") + ": " + message
		}
		return message
	}
	if e, ok := errors.AsType[*passed](err); ok {
		set(CodeCursorExpired, "after: retention has removed attempts after this cursor; resume after extensions.oldest")
		if errors.Is(err, webhook.ErrCursorLost) {
			set(CodeCursorLost, "after: the database was restored from a backup older than this cursor; resume after extensions.oldest")
		}
		shown.Extensions["oldest"] = e.oldest
		return shown
	}
	if e, ok := errors.AsType[*auth.MissingPermission](err); ok {
		forbidden := missingPermission(e)
		shown.Message, shown.Extensions = forbidden.Message, forbidden.Extensions
		return shown
	}
	if invalids := webhook.Invalids(err); len(invalids) > 0 {
		messages := make([]string, len(invalids))
		for i, e := range invalids {
			if messages[i] = e.Error(); e.Field == "" {
				messages[i] = named(e.Message)
			}
		}
		if f := invalids[0].Field; f != "" {
			argument = strings.Split(f, ".")
		}
		badInput(strings.Join(messages, "; "))
		return shown
	}
	if errors.Is(err, meter.ErrTooLarge) {
		e := tooLarge(meter.From(ctx).Limit(), append(names(shown.Path), payloadOf(ctx)...))
		shown.Message, shown.Extensions = e.Message, e.Extensions
		return shown
	}
	told := fault.In(ctx, err)
	if told.Code == CodeBadUserInput {
		badInput(named(told.Message))
		return shown
	}
	set(told.Code, told.Message)
	if told.Code == CodeRateLimited {
		shown.Extensions["retryAfterMs"] = told.Wait.Milliseconds()
	}
	if told.Log != fault.Quiet {
		shown.Extensions["requestId"] = p.report(ctx, shown.Path, told.Log, err)
	}
	return shown
}

// variableOf returns the variable that an argument of the field came from, and the path within it: $input.url. It is "" for a value
// written in the document.
func variableOf(ctx context.Context, argument []string) string {
	field := graphql.GetFieldContext(ctx)
	if field == nil || field.Field.Field == nil || len(argument) == 0 {
		return ""
	}
	given := field.Field.Arguments.ForName(argument[0])
	if given == nil {
		return ""
	}
	value, rest := given.Value, argument[1:]
	for value != nil && value.Kind != ast.Variable && len(rest) > 0 {
		var child *ast.Value
		switch i, err := strconv.Atoi(rest[0]); {
		case value.Kind == ast.ObjectValue:
			child = value.Children.ForName(rest[0])
		case value.Kind == ast.ListValue && err == nil && i < len(value.Children):
			child = value.Children[i].Value
		}
		value, rest = child, rest[1:]
	}
	if value == nil || value.Kind != ast.Variable {
		return ""
	}
	return "$" + strings.Join(append([]string{value.Raw}, rest...), ".")
}

// names returns the fields of a path, without list indexes.
func names(path ast.Path) []string {
	var fields []string
	for _, step := range path {
		if name, ok := step.(ast.PathName); ok {
			fields = append(fields, string(name))
		}
	}
	return fields
}

// report logs an error that callers do not see, and returns the id under which it is logged.
func (p Presenter) report(ctx context.Context, path ast.Path, how fault.Log, err error) string {
	shared, ok := errors.AsType[*failure](err)
	if !ok {
		shared = &failure{}
	}
	shared.once.Do(func() {
		if shared.id = intake.RequestID(ctx); shared.id == "" {
			shared.id = rand.Text()
		}
		if p.Logged != nil && p.Logged(err) {
			return
		}
		attrs := []any{"request_id", shared.id, "path", path.String(), "error", err}
		if e, ok := errors.AsType[*panicked](err); ok {
			attrs = append(attrs, "stack", string(e.stack))
		}
		p.Logger.Log(ctx, how.Level(), "graphql operation failed", attrs...)
	})
	return shared.id
}

// splitPath splits an error's path into the path in the response and the path in the field's arguments. gqlgen joins them if an
// argument cannot be read.
func splitPath(ctx context.Context, e *gqlerror.Error) []string {
	field := graphql.GetFieldContext(ctx)
	if field == nil {
		return nil
	}
	path := field.Path()
	if len(e.Path) <= len(path) {
		return nil
	}
	var argument []string
	for _, step := range e.Path[len(path):] {
		argument = append(argument, fmt.Sprint(step))
	}
	e.Path = path
	if p := field.Field.Position; e.Locations == nil && p != nil {
		e.Locations = []gqlerror.Location{{Line: p.Line, Column: p.Column}}
	}
	return argument
}

// missingPermission is the error that names what the caller's token lacks, as the schema spells it.
func missingPermission(e *auth.MissingPermission) *gqlerror.Error {
	shown := &gqlerror.Error{Message: e.Error(), Extensions: map[string]any{"code": CodeForbidden}}
	if e.Scope != "" {
		scope := e.Scope.Enum()
		shown.Message, shown.Extensions["scope"] = fmt.Sprintf("a token with the scope %s is required", scope), scope
	}
	return shown
}

func unauthenticated() *gqlerror.Error {
	return &gqlerror.Error{
		Message:    "a valid token is required",
		Extensions: map[string]any{"code": CodeUnauthenticated},
	}
}

// userErrors splits a mutation's error into the payload's userErrors, which are never nil, and an unexpected error. "Not found"
// refers to the input's id.
func userErrors(err error) ([]*model.UserError, error) {
	list := []*model.UserError{}
	if err == nil {
		return list, nil
	}
	if errors.Is(err, webhook.ErrNotFound) {
		err = &webhook.Invalid{Field: "id", Code: webhook.CodeNotFound, Message: "does not exist"}
	}
	for _, e := range webhook.Invalids(err) {
		list = append(list, userError(e))
	}
	if len(list) == 0 {
		return nil, err
	}
	return list, nil
}

func userError(e *webhook.Invalid, under ...string) *model.UserError {
	field := append([]string{"input"}, under...)
	if e.Field != "" {
		field = append(field, strings.Split(e.Field, ".")...)
	}
	return &model.UserError{Code: e.Code, Message: e.Message, Field: field}
}
