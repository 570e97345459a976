package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
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
	// Otherwise a write to a standard output or error whose reader is gone would kill the program during attempts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	log, end := startLog(&c.Logging, env.Stderr)
	defer end()
	env.warn(log)
	if env.OwnProcess != nil {
		env.OwnProcess(log)
	}
	return env.Serve(ctx, &c.Config, log, func(r Running) { welcome(env.Stdout, &c.Config, r) })
}

// quoted quotes word for a shell, if necessary.
func quoted(word string) string {
	if strings.ContainsFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-:,+=@", r)
	}) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// welcome prints where everything is. The token is in the fragment of a URL, which browsers do not send.
func welcome(w io.Writer, c *config.Config, r Running) {
	fragment := ""
	if r.Token != "" {
		fragment = "#token=" + r.Token
	}
	data, database := c.Place(), ""
	if !store.IsPostgres(c.Database) { // a URL may contain a password
		database = " --database " + quoted(data)
	}
	_, _ = fmt.Fprintf(w, `Hookgraph %[1]s is listening on %[2]s

  Dashboard  %[2]s/%[3]s
  GraphQL    %[2]s/graphql
  GraphiQL   %[2]s/graphiql%[3]s
  REST       %[2]s/v1/webhooks
  Docs       %[4]s
  Data       %[5]s
`, version(), r.URL, fragment, docs, data)
	if r.Token != "" {
		_, _ = fmt.Fprintf(w, `
  Operator token, shown this once:

    %s
`, r.Token)
	} else {
		_, _ = fmt.Fprintf(w, `
  For another operator token, while the server runs or not:

    hookgraph token create --operator%s
`, database)
	}
	_, _ = fmt.Fprintln(w)
}
