package doctor

import (
	"context"
	"strings"
)

// Examine runs all checks. The error is ctx's.
func Examine(ctx context.Context, o Options) ([]Result, error) {
	o.Host.defaults()
	e := &examination{Options: &o}
	e.settings(ctx)
	if o.Invalid != nil {
		return e.results, ctx.Err()
	}
	e.directories(ctx)
	e.check(ctx, "backups", e.backups)
	e.process(ctx)
	if o.Running != nil {
		e.itself(ctx)
		return e.results, ctx.Err()
	}
	e.database(ctx)
	e.network(ctx)
	return e.results, ctx.Err()
}

// settings checks what the operator has set.
func (e *examination) settings(ctx context.Context) {
	e.check(ctx, "settings", func(context.Context) finding {
		switch {
		case e.Invalid != nil:
			return failed(e.Invalid.Error(), "the server does not start with these settings", "correct them; hookgraph serve --help lists all")
		case len(e.Warnings) > 0:
			return warned(strings.Join(e.Warnings, "\n"), "a setting that you mean to have is not in effect", "correct the name, or remove the variable")
		}
		return fine("valid; hookgraph config shows them")
	})
}
