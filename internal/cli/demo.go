package cli

import (
	"context"
	"errors"
)

type demoCmd struct{}

// Run is not written yet.
func (demoCmd) Run(_ context.Context, _ *Env) error { return errors.New("not yet") }
