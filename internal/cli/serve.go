package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hookgraph/hookgraph/internal/config"
)

const docs = "https://github.com/hookgraph/hookgraph#readme"

type serveCmd struct {
	config.Config
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, env *Env) error {
	if err := c.Check(env.Getenv); err != nil {
		return err
	}
	// A write to a standard output or error that nobody reads any more would end the program, in the middle of attempts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	log, end := startLog(&c.Logging, env.Stderr)
	defer end()
	return env.Serve(ctx, &c.Config, log, func(r Running) { welcome(env.Stdout, r) })
}

// welcome says where everything is. The token is in the fragment of a URL, which browsers send to nobody.
func welcome(w io.Writer, r Running) {
	fragment := ""
	if r.Token != "" {
		fragment = "#token=" + r.Token
	}
	_, _ = fmt.Fprintf(w, `Hookgraph %[1]s is listening on %[2]s

  GraphQL    %[2]s/graphql
  GraphiQL   %[2]s/graphiql%[3]s
  REST       %[2]s/v1/webhooks
  Docs       %[4]s
`, version(), r.URL, fragment, docs)
	if r.Token != "" {
		_, _ = fmt.Fprintf(w, `
  Operator token, shown this once:

    %s
`, r.Token)
	}
	_, _ = fmt.Fprintln(w)
}
