// Package cli is the command line, one file for each command. It starts the server only through the function that package main
// gives it.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hookgraph/hookgraph/internal/cli/remote"
	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Env is the environment of one run of the program. Every field is required, except those that say what nil means.
type Env struct {
	Args   []string // without the program name
	Getenv func(string) string
	// Environ lists the environment, NAME=value, to warn of variables that nothing reads, and for the programs that the benchmark starts.
	// Nil means that it is empty.
	Environ func() []string
	Stdin   io.Reader // nil means that it is empty
	Stdout  io.Writer
	Stderr  io.Writer // for the log
	// CacheDir returns the user's directory for files that may be lost; nil means that there is none.
	CacheDir func() (string, error)
	// User returns the name of the user who runs the command, for the audit log; nil means that it is not known.
	User  func() string
	Serve Serve
	// OwnProcess is called with the server's log before Serve, to change settings of the whole process. May be nil.
	OwnProcess func(log *slog.Logger)

	warnings []string // the command logs them once it has a log
}

// actor is who runs the command.
func (e *Env) actor() webhook.Actor {
	by := webhook.Actor{Kind: webhook.ActorCommand}
	if e.User != nil {
		by.Name = e.User()
	}
	return by
}

func (e *Env) stdin() io.Reader {
	if e.Stdin == nil {
		return strings.NewReader("")
	}
	return e.Stdin
}

// piped reports whether the standard input may have something: it is neither a terminal, nor /dev/null, nor an empty file.
func (e *Env) piped() bool {
	f, ok := e.Stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0 && (!info.Mode().IsRegular() || info.Size() > 0)
}

// colour reports whether results may be coloured: on a terminal, unless the user wants none (https://no-color.org).
func (e *Env) colour() bool {
	return isTerminal(e.Stdout) && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}

// asJSON is a flag of commands that print a list.
type asJSON struct {
	JSON bool `name:"json" help:"Print JSON, one object a line."`
}

// objects prints values as JSON, one a line.
func objects[T any](to io.Writer, all []T) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	for i := range all {
		if err := encoder.Encode(all[i]); err != nil {
			return err
		}
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Serve runs the server until ctx ends, and then stops it in order. It calls ready once, when the server listens.
type Serve func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(Running)) error

// Running describes a server that listens.
type Running struct {
	URL string // http://127.0.0.1:8080
	// Token is the operator token that this start generated; "" except at the first start.
	Token string
}

type commands struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Show the version."`

	Serve      serveCmd      `cmd:"" default:"withargs" help:"Run the server. This is the default command."`
	Demo       demoCmd       `cmd:"" help:"Run a demonstration: a server, receivers, and events that they get, to look at in the dashboard."`
	Bench      benchCmd      `cmd:"" help:"Measure how much the server delivers on this machine, and how fast."`
	Token      tokenCmd      `cmd:"" help:"Create, list and revoke tokens. The server may be running."`
	Secrets    secretsCmd    `cmd:"" help:"Change the master key that seals signing secrets and custom headers."`
	Backup     backupCmd     `cmd:"" help:"Back up a SQLite database. The server may be running."`
	Restore    restoreCmd    `cmd:"" help:"Make a new data directory of a backup."`
	Compact    compactCmd    `cmd:"" help:"Make the file of a SQLite database smaller. The server may be running."`
	Copy       copyCmd       `cmd:"" help:"Move a SQLite database to PostgreSQL."`
	Migrate    migrateCmd    `cmd:"" help:"Show or apply the migrations of the database. The server applies them at start."`
	Doctor     doctorCmd     `cmd:"" help:"Examine the host, the database and the network for what a server needs. The server may be running."`
	Config     configCmd     `cmd:"" help:"Show the settings that the server would have, and where each comes from. Its flags are those of serve."`
	Version    versionCmd    `cmd:"" help:"Show the version."`
	Completion completionCmd `cmd:"" help:"Print a script that completes commands in a shell."`

	remote.Commands
}

// until returns a reader that fails when ctx ends, even while a read of from waits for a terminal. It reads nothing before it is read from.
func until(ctx context.Context, from io.Reader) io.Reader {
	out, in := io.Pipe()
	return &interruptible{out, sync.OnceFunc(func() {
		context.AfterFunc(ctx, func() { _ = in.CloseWithError(context.Canceled) })
		go func() {
			_, err := io.Copy(in, from)
			_ = in.CloseWithError(err)
		}()
	})}
}

type interruptible struct {
	io.Reader
	begin func()
}

// Read implements io.Reader.
func (r *interruptible) Read(p []byte) (int, error) {
	r.begin()
	return r.Reader.Read(p)
}

// exit is how kong ends the program after --help and --version: by a panic, so that nothing else runs.
type exit int

// Run executes the arguments' command. It returns when the command is done or, after ctx has ended, has stopped in order. An error that the end of
// ctx caused wraps context.Canceled.
func Run(ctx context.Context, env Env) (err error) {
	vars := variables{of: map[*kong.Flag]string{}, used: map[string]string{}}
	defer func() { err = vars.name(err) }()
	defer func() {
		if v := recover(); v != nil {
			if code, ok := v.(exit); !ok {
				panic(v)
			} else if code != 0 {
				err = fmt.Errorf("exit status %d", int(code))
			}
		}
	}()
	parser, err := kong.New(&commands{},
		kong.Name("hookgraph"),
		kong.Description("A self-hosted webhook service with a GraphQL API."),
		kong.Vars{"version": version()},
		kong.Writers(env.Stdout, env.Stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.PostBuild(vars.take),
		kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
			return vars.value(env.Getenv, f)
		})),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), text(config.ParseDuration)),
		kong.TypeMapper(reflect.TypeFor[netip.Prefix](), text(config.ParsePrefix)),
		kong.TypeMapper(reflect.TypeFor[slog.Level](), text(parseLevel)),
		kong.TypeMapper(reflect.TypeFor[uint16](), text(parsePort)),
		kong.TypeMapper(reflect.TypeFor[time.Time](), text(parseTime)),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&env, &vars),
		kong.Bind(&remote.Streams{
			In: until(ctx, env.stdin()), Piped: env.piped(), Out: env.Stdout, Err: env.Stderr, CacheDir: env.CacheDir, Colour: env.colour(),
		}),
		kong.ExplicitGroups([]kong.Group{{Key: "remote", Title: "Commands that call a running server:"}}),
	)
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	args := env.Args
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	if len(args) > 0 && args[0] == completing {
		return complete(parser.Model.Node, args[1:], env.Stdout)
	}
	if err := checkText(args); err != nil {
		return err
	}
	kctx, err := parser.Parse(args)
	if err != nil {
		return mistake(err)
	}
	if err := errors.Join(checkEmpty(kctx), checkIDs(kctx)); err != nil {
		return err
	}
	env.warnings = vars.unknown(env)
	if calls(kctx) {
		if err := vars.checkTenant(kctx, &env); err != nil {
			return err
		}
		for _, w := range env.warnings { // these commands have no log
			_, _ = fmt.Fprintln(env.Stderr, w)
		}
	}
	err = kctx.Run()
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return &named{strings.ReplaceAll(err.Error(), context.Canceled.Error(), "interrupted"), err}
	case errors.Is(err, client.ErrUnreached):
		return fmt.Errorf("%w; hookgraph serve starts a server, and --url or HOOKGRAPH_URL says where it is", err)
	}
	return refused(kctx, err)
}

// text returns a kong mapper that parses a value with parse.
func text[T any](parse func(string) (T, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		var s string
		if err := ctx.Scan.PopValueInto("value", &s); err != nil {
			return err
		}
		v, err := parse(s)
		if err == nil {
			target.Set(reflect.ValueOf(v))
		}
		return err
	}
}
