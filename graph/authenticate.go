package graph

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/fault"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Authenticate finds the caller of a transport's request. Its errors are for callers; internal causes are only logged.
func Authenticate(a *auth.Authenticator, logger *slog.Logger) func(r *http.Request, token, tenant string) (context.Context, error) {
	return func(r *http.Request, token, tenant string) (context.Context, error) {
		caller, err := a.Authenticate(r.Context(), intake.Remote(r), token, tenant)
		if err == nil {
			return auth.With(r.Context(), caller), nil
		}
		told := fault.In(r.Context(), err)
		shown := &gqlerror.Error{Message: told.Message, Extensions: map[string]any{"code": told.Code}}
		switch told.Code {
		case CodeRateLimited:
			shown.Extensions["retryAfterMs"] = told.Wait.Milliseconds()
		case CodeUnavailable, CodeInternal:
			shown.Message = "the token could not be checked, try again"
		}
		if told.Log != fault.Quiet {
			logger.Log(r.Context(), told.Log.Level(), "authentication failed", slog.Any("error", err))
		}
		return nil, shown
	}
}

// needs implements the schema's directive of this name: it refuses a caller whose token lacks the scope.
func needs(ctx context.Context, _ any, next graphql.Resolver, scope *webhook.TokenScope, operator bool) (any, error) {
	rule := auth.Needs{Operator: operator}
	if scope != nil {
		rule.Scope = *scope
	}
	if err := rule.Check(from(ctx).caller); err != nil {
		return nil, err
	}
	return next(ctx)
}

// refused returns an error for each field of a mutation that the caller may not run. If there is any, no field runs, because a
// caller who sends two changes wants both. A query's fields are refused one by one.
func refused(op *graphql.OperationContext, caller *auth.Caller) gqlerror.List {
	if op.Operation.Operation != ast.Mutation {
		return nil
	}
	var errs gqlerror.List
	for _, field := range graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Mutation"}) {
		if field.Definition == nil {
			continue
		}
		var missing *auth.MissingPermission
		if !errors.As(ruleOf(field.Definition).Check(caller), &missing) {
			continue
		}
		err := missingPermission(missing)
		err.Path = ast.Path{ast.PathName(field.Alias)}
		if p := field.Position; p != nil {
			err.Locations = []gqlerror.Location{{Line: p.Line, Column: p.Column}}
		}
		errs = append(errs, err)
	}
	return errs
}

// ruleOf returns the directive needs of a field of the schema.
func ruleOf(field *ast.FieldDefinition) auth.Needs {
	var rule auth.Needs
	d := field.Directives.ForName("needs")
	if d == nil {
		return rule
	}
	if scope := d.Arguments.ForName("scope"); scope != nil && scope.Value.Kind == ast.EnumValue {
		rule.Scope, _ = model.UnmarshalTokenScope(scope.Value.Raw)
	}
	if operator := d.Arguments.ForName("operator"); operator != nil {
		rule.Operator = operator.Value.Raw == "true"
	}
	return rule
}
