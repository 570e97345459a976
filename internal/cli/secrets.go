package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store"
)

type secretsCmd struct {
	RotateKey secretsRotateKeyCmd `cmd:"" help:"Change the master key and encrypt all secrets with the new one. The server may be running; an interrupted change continues where it stopped."`
}

type secretsRotateKeyCmd struct {
	tokenDatabase
}

// Run creates a new master key in the key file, or seals everything with the first of the given keys.
func (c *secretsRotateKeyCmd) Run(ctx context.Context, env *Env) error {
	return c.with(ctx, env, func(s *store.Store) error {
		n, err := s.RotateKey(ctx)
		if errors.Is(err, seal.ErrNoNewKey) {
			return fmt.Errorf("%[1]s contains only one key: put the new one before it (NEW,OLD), restart every server, and run this command again", config.EnvMasterKey)
		}
		if err != nil {
			return fmt.Errorf("not finished, run it again: %w", err)
		}
		_, err = fmt.Fprintf(env.Stdout, "sealed %d values with the new master key\n", n)
		if err == nil && len(c.MasterKeys) > 0 {
			_, err = fmt.Fprintf(env.Stdout, "the other keys in %s are not needed any more\n", config.EnvMasterKey)
		}
		return err
	})
}
