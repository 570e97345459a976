package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// command runs a command line with a Serve that records its Config.
func command(t *testing.T, env map[string]string, args ...string) (cfg *config.Config, stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = Run(t.Context(), Env{
		Args: args, Stdout: &out, Stderr: &errs,
		Getenv: func(k string) string { return env[k] },
		Serve: func(_ context.Context, c *config.Config, _ *slog.Logger, ready func(Running)) error {
			cfg = c
			ready(Running{URL: "http://127.0.0.1:8080", Token: "hg_made"})
			return nil
		},
	})
	return cfg, out.String(), err
}

// A flag that takes event types has the same name in every command.
func TestTypesHaveOneFlag(t *testing.T) {
	found := 0
	parser, err := kong.New(&commands{}, kong.TypeMapper(reflect.TypeFor[time.Duration](), text(config.ParseDuration)),
		kong.TypeMapper(reflect.TypeFor[netip.Prefix](), text(config.ParsePrefix)))
	if err != nil {
		t.Fatal(err)
	}
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			if (f.PlaceHolder == "TYPE") != (f.Name == "type") {
				t.Errorf("--%s takes %s", f.Name, f.PlaceHolder)
			}
			if f.Name == "type" {
				found++
			}
		}
		return next(nil)
	})
	if err != nil || found < 8 {
		t.Errorf("%d commands have it, %v", found, err)
	}
}

// Without a command it serves; a flag wins over the environment, the environment over the default.
func TestConfigOfServe(t *testing.T) {
	cfg, stdout, err := command(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:8080" || cfg.Database != "./data" || cfg.Retention != 720*time.Hour || cfg.Timeout != 15*time.Second ||
		cfg.Concurrency != 4096 || cfg.MaxPayload != 256<<10 || cfg.LogFormat != "text" || cfg.LogLevel != slog.LevelInfo || cfg.AllowPrivateTargets {
		t.Errorf("defaults: %+v", *cfg)
	}
	for _, want := range []string{"http://127.0.0.1:8080/#token=hg_made\n", "http://127.0.0.1:8080/graphql\n", "http://127.0.0.1:8080/graphiql#token=hg_made\n", "http://127.0.0.1:8080/v1/webhooks\n", docs, "    hg_made\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in:\n%s", want, stdout)
		}
	}
	env := map[string]string{
		"HOOKGRAPH_LISTEN": ":1", "HOOKGRAPH_RETENTION": "0", "HOOKGRAPH_ALLOW_TARGET": "10.0.0.0/8,192.168.0.0/16",
		"HOOKGRAPH_ALLOW_PRIVATE_TARGETS": "true", "HOOKGRAPH_LOG_LEVEL": "debug", "HOOKGRAPH_BOOTSTRAP_TOKEN": "hg_0123456789012345678901234567890123456789",
	}
	cfg, _, err = command(t, env, "serve", "--listen", ":2", "--max-payload=1MiB")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != ":2" || cfg.Retention != 0 || len(cfg.AllowTarget) != 2 || !cfg.AllowPrivateTargets || cfg.LogLevel != slog.LevelDebug ||
		cfg.MaxPayload != 1<<20 || cfg.BootstrapToken != env["HOOKGRAPH_BOOTSTRAP_TOKEN"] {
		t.Errorf("%+v", *cfg)
	}
}

// An invalid argument is an error that names it, and nothing is served.
func TestMistakes(t *testing.T) {
	tryMistakes(t, map[string]mistaken{
		"postgres":        {args: []string{"--database", "postgres://u:p@h/d"}, want: "HOOKGRAPH_MASTER_KEY"},
		"unknown flag":    {args: []string{"--colour"}, want: "--colour; hookgraph help"},
		"unknown command": {args: []string{"dance"}, want: "dance: there is no such command; hookgraph help shows"},
		"no such command": {args: []string{"webhooks", "dance"}, want: "webhooks dance: there is no such command; hookgraph help webhooks"},
		"nearly":          {args: []string{"serv"}, want: "serv"},
		"level":           {args: []string{"--log-level", "loud"}, want: `--log-level: "loud" is none of debug, info, warn, error`},
		"level, variable": {env: map[string]string{"HOOKGRAPH_LOG_LEVEL": "loud"}, want: `--log-level (from HOOKGRAPH_LOG_LEVEL): "loud" is none of`},
		"a number":        {args: []string{"--concurrency", "NaN"}, want: `--concurrency: "NaN" is not a whole number`},
		"a large number":  {args: []string{"events", "--limit", "99999999999999999999"}, want: `--limit: "99999999999999999999" is not a whole number, or is too large`},
		"a port":          {args: []string{"--target-port", "99999"}, want: `--target-port: "99999" is not a whole number from 0 to 65535`},
		"a bool":          {args: []string{"--log-requests=maybe"}, want: `--log-requests: "maybe" is neither true nor false`},
		"a format":        {env: map[string]string{"HOOKGRAPH_LOG_FORMAT": "xml"}, want: `--log-format (from HOOKGRAPH_LOG_FORMAT): "xml" is none of text, json`},
		"a hyphen":        {args: []string{"--retention", "-1h"}, want: `--retention: "-1h" is negative`},
		"no value":        {args: []string{"events", "--tenant"}, want: "--tenant: its value is missing"},
		"another flag":    {args: []string{"events", "--tenant", "--json"}, want: "--tenant: its value is missing, because --json is taken for a flag"},
		"a moment":        {args: []string{"verify", "--at", "2020-01-01"}, want: `--at: "2020-01-01" is not a time like`},
		"a moment later":  {args: []string{"publish", "a.b", "--deliver-at", "soon"}, want: `--deliver-at: "soon" is not a time like`},
		"no argument":     {args: []string{"events", "get"}, want: "events get: ID is missing; hookgraph help events get shows"},
		"no command":      {args: []string{"replay"}, want: "replay: give one of its commands: preview, create, list, get, watch, pause, resume, rate, cancel"},
		"no label":        {args: []string{"portal", "link"}, want: "required: --label=TEXT"},
		"an empty tenant": {args: []string{"events", "--token", "t", "--tenant", ""}, want: "--tenant: is empty; give a value, or leave it out"},
		"an empty status": {args: []string{"deliveries", "--token", "t", "--status", ""}, want: "--status: is empty"},
		"an empty key":    {args: []string{"publish", "a.b", "--token", "t", "--key="}, want: "--key: is empty"},
		"empty, token":    {args: []string{"token", "create", "--operator", "--tenant", ""}, want: "--tenant: is empty"},
		"size":            {args: []string{"--max-payload", "many"}, want: "--max-payload"},
		"range":           {args: []string{"--deny-target", "10.0.0.0/99"}, want: "--deny-target"},
		"log format":      {args: []string{"--log-format", "xml"}, want: "--log-format"},
		"environment":     {env: map[string]string{"HOOKGRAPH_TIMEOUT": "long"}, want: "--timeout (from HOOKGRAPH_TIMEOUT):"},
		"too long":        {env: map[string]string{"HOOKGRAPH_TIMEOUT": "1h"}, want: "--timeout (from HOOKGRAPH_TIMEOUT): must be"},
		"quoted":          {env: map[string]string{"HOOKGRAPH_LISTEN": `":80"`}, want: "HOOKGRAPH_LISTEN: is in quotation marks"},
		"no unit":         {args: []string{"--retention", "30"}, want: "unit is missing"},
		"no token":        {args: []string{"replay", "list"}, want: "HOOKGRAPH_TOKEN"},
		"HTTP status":     {args: []string{"replay", "preview", "--token", "t", "--http-status", "5xx"}, want: "--http-status:"},
		"a useless rate":  {args: []string{"replay", "create", "--token", "t", "--kind", "CANCEL", "--rate", "5"}, want: "--rate:"},
		"kind":            {args: []string{"replay", "create", "--token", "t", "--kind", "SOME"}, want: "--kind"},
		"a rate":          {args: []string{"replay", "rate", "--token", "t", "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11", "fast"}, want: "not a rate"},
		"a time":          {args: []string{"events", "--token", "t", "--since", "yesterday"}, want: `--since: "yesterday" is neither`},
		"a range":         {args: []string{"replay", "preview", "--token", "t", "--until", "5"}, want: `--until: "5" is neither`},
		"negative":        {args: []string{"--retention=-30d"}, want: "negative"},
		"proxy name":      {args: []string{"--trusted-proxy", "localhost"}, want: "--trusted-proxy"},
		"keywords":        {args: []string{"--database", "host=h password=u:p@ port"}, want: "--database"},
		"copy to":         {args: []string{"copy", "--from", "x", "--to", "mysql://u:p@h/d"}, want: "--to"},
		"copy from":       {args: []string{"copy", "--from", "host=h", "--to", "postgres://u:p@h/d"}, env: map[string]string{config.EnvMasterKey: strings.Repeat("A", 43) + "="}, want: "--from"},
		"whose token":     {args: []string{"token", "create"}, want: "--operator"},
		"two of them":     {args: []string{"token", "create", "--operator", "--tenant", "a"}, want: "one of them"},
		"no name":         {args: []string{"token", "create", "--operator", "--create-tenant"}, want: "--tenant"},
		"expired":         {args: []string{"token", "create", "--operator", "--expires", "soon"}, want: "--expires"},
		"no scope":        {args: []string{"token", "create", "--operator", "--scope", "all", "--database", "."}, want: "--scope: must be one of webhooks:read"},
		"past":            {args: []string{"token", "create", "--operator", "--expires", "2020-01-01T00:00:00Z", "--database", "."}, want: "--expires: must be in the future"},
		"master key":      {env: map[string]string{config.EnvMasterKey: "short"}, want: config.EnvMasterKey},
		"no directory":    {args: []string{"token", "list", "--database", "/nonexistent/data"}, want: "--database: no database: /nonexistent/data does not exist; give the directory of a server"},
		"no status":       {args: []string{"migrate", "status", "--database", "/nonexistent/data"}, want: "give the directory of a server"},
		"no database":     {args: []string{"compact", "--database", "/nonexistent/data"}, want: "give the directory of a server"},
		"no data":         {args: []string{"backup", "--database", "/nonexistent/data", "x.zip"}, want: "give the directory of a server"},
		"no address":      {args: []string{"doctor", "--url", "nonsense"}, want: `--url: "nonsense" is not an address of a server like`},
		"no secret":       {args: []string{"doctor", "--url", "u:p@example.com"}, want: "--url: is not an address of a server like"},
		"no query":        {args: []string{"doctor", "--url", "https://hooks.example.com?a=b"}, want: "--url: must have no query"},
		"no URL":          {args: []string{"doctor", "--reach", "u:p@example.com"}, want: "--reach: is not a URL of a receiver like https://"},
		"no user":         {args: []string{"doctor", "--reach", "https://u:p@example.com"}, want: "--reach: must have no user name and no password"},
		"no receiver":     {args: []string{"doctor", "--reach", "example.com/hooks"}, want: `--reach: "example.com/hooks" is not a URL of a receiver like https://`},
		"no id":           {args: []string{"token", "revoke", "7"}, want: `ID: "7" is not an ID like 019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11; hookgraph token list shows them`},
	})
}

// What is not UTF-8 would be stored as another text, or be the name of another file; and no file is read that is longer than any event.
func TestMistakenTexts(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, config.MaxPayload+1)); err != nil {
		t.Fatal(err)
	}
	tryMistakes(t, map[string]mistaken{
		"not UTF-8":       {args: []string{"publish", "a.b", "--token", "t", "--data", "\"\xff\""}, want: "--data: is not UTF-8"},
		"a tag":           {args: []string{"publish", "a.b", "--token", "t", "--tag", "a,b\xff"}, want: "--tag: is not UTF-8"},
		"an argument":     {args: []string{"search", "--token", "t", "\xff"}, want: "argument 4: is not UTF-8"},
		"a tenant's name": {args: []string{"events", "--token", "t"}, env: map[string]string{"HOOKGRAPH_TENANT": "\xff"}, want: "HOOKGRAPH_TENANT: is not UTF-8"},
		"a token's name":  {args: []string{"token", "create", "--operator", "--name", "\xff"}, want: "--name: is not UTF-8"},
		"a file's name":   {args: []string{"serve", "--database=/nonexistent/\xff"}, want: "--database: is not UTF-8"},
		"a large file":    {args: []string{"publish", "a.b", "--token", "t", "--data", "@" + large}, want: "--data: is longer than 16777216 bytes"},
		"no data, file":   {args: []string{"publish", "a.b", "--token", "t", "--data", "@" + os.DevNull}, want: "--data: is empty; leave it out for {}"},
	})
}

// mistaken is a command line that is refused, and what is said of it.
type mistaken struct {
	args []string
	env  map[string]string
	want string
}

// tryMistakes runs command lines, of which none is served.
func tryMistakes(t *testing.T, all map[string]mistaken) {
	t.Helper()
	for name, tc := range all {
		t.Run(name, func(t *testing.T) {
			cfg, _, err := command(t, tc.env, tc.args...)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "u:p@") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want mention of %q", err, tc.want)
			}
			if cfg != nil {
				t.Error("it served")
			}
		})
	}
}

// Every command that takes IDs refuses what is none before it calls the server, and says what an ID looks like.
func TestIDsAreChecked(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.TypeMapper(reflect.TypeFor[time.Duration](), text(config.ParseDuration)),
		kong.TypeMapper(reflect.TypeFor[netip.Prefix](), text(config.ParsePrefix)))
	if err != nil {
		t.Fatal(err)
	}
	asked := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the server is asked for %s", r.URL) }))
	defer asked.Close()
	checked := 0
	refuses := func(name string, args ...string) {
		checked++
		if _, _, err := command(t, map[string]string{"HOOKGRAPH_URL": asked.URL, "HOOKGRAPH_TOKEN": "t"}, args...); err == nil ||
			!strings.HasPrefix(err.Error(), name+`: "x" is not an ID like 019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11`) {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, leaf := range parser.Model.Leaves(true) {
		path, needs := strings.Fields(leaf.FullPath())[1:], []string(nil)
		if slices.Equal(path, []string{"replay", "rate"}) {
			needs = []string{"5"}
		}
		for _, arg := range leaf.Positional {
			if help := arg.Help; strings.HasPrefix(help, "ID of ") || strings.HasPrefix(help, "IDs of ") {
				refuses("ID", slices.Concat(path, []string{"x"}, needs)...)
			}
		}
		for _, f := range leaf.Flags {
			if f.PlaceHolder == "ID" && f.Name != "external-id" {
				refuses("--"+f.Name, append(path, "--"+f.Name, "x")...)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d arguments and flags take IDs", checked)
	}
}

// Help and version do nothing else. Help names the variables, and secrets have no flag.
func TestHelpAndVersion(t *testing.T) {
	cfg, help, err := command(t, nil, "serve", "--help")
	if err != nil || cfg != nil {
		t.Fatal(cfg, err)
	}
	if !strings.Contains(help, "$HOOKGRAPH_MAX_PAYLOAD") || strings.Contains(help, "--master-key") || strings.Contains(help, "--bootstrap-token") {
		t.Error(help)
	}
	for asked, same := range map[string]string{"help": "--help", "help token create": "token create --help", "help serve": "serve --help"} {
		cfg, help, err := command(t, nil, strings.Fields(asked)...)
		_, want, _ := command(t, nil, strings.Fields(same)...)
		if err != nil || cfg != nil || help != want || help == "" {
			t.Errorf("%s: %v %q, want %q", asked, err, help, want)
		}
	}
	for _, arg := range []string{"version", "--version"} {
		cfg, out, err := command(t, nil, arg)
		if err != nil || cfg != nil || strings.TrimSpace(out) == "" {
			t.Errorf("%s: %q, %v", arg, out, err)
		}
	}
}

// What works on a database makes none: in another directory, probably because of a slip in its name, it says so and leaves nothing behind.
func TestCommandsMakeNoDatabase(t *testing.T) {
	for _, args := range []string{
		"token create --operator", "token list", "token revoke 019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11", "secrets rotate-key", "migrate up", "migrate status", "compact", "backup BACKUP",
	} {
		dir := t.TempDir()
		args = strings.Replace(args, "BACKUP", filepath.Join(t.TempDir(), "backup"), 1)
		_, out, err := command(t, nil, append(strings.Fields(args), "--database", dir)...)
		if err == nil || !strings.Contains(err.Error(), dir+" has no hookgraph.db; give the directory of a server") || out != "" {
			t.Errorf("%s: %q, %v", args, out, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", args, left, err)
		}
	}
}

// A command that needs a directory for itself says beside a server what to do, before it begins.
func TestCommandsBesideServer(t *testing.T) {
	dir, to := webhooktest.Database(t), filepath.Join(t.TempDir(), "backup")
	if _, _, err := command(t, nil, "backup", to, "--database", dir); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.At(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for args, want := range map[string]string{
		"migrate up --database DIR":                       "stop the server that uses it first",
		"copy --from DIR --to postgres://127.0.0.1:1/new": "stop the server that uses it first",
		"restore BACKUP --database DIR":                   "restore to a new directory, stop the server, and start it with --database and that directory",
		"restore DIR --database NEW":                      "is not a whole backup",
		"restore BACKUP/none --database NEW":              "no such file",
	} {
		var out bytes.Buffer
		err := Run(t.Context(), Env{
			Args:   strings.Fields(strings.NewReplacer("DIR", dir, "BACKUP", to, "NEW", filepath.Join(t.TempDir(), "new")).Replace(args)),
			Stdout: &out, Stderr: &out, Getenv: func(name string) string {
				return map[string]string{config.EnvMasterKey: strings.Repeat("A", 43) + "="}[name]
			},
		})
		if err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%s: %v, %s", args, err, out.String())
		}
	}
}

// Migrations are applied to a directory that no server uses, and listed; then none is missing.
func TestMigrate(t *testing.T) {
	dir := webhooktest.Database(t)
	if _, _, err := command(t, nil, "migrate", "up", "--database", dir); err != nil {
		t.Fatal(err)
	}
	_, after, err := command(t, nil, "migrate", "status", "--database", dir)
	if err != nil || strings.Contains(after, "missing") || !strings.Contains(after, "applied") {
		t.Error(after, err)
	}
}

// The master key is changed in the key file. With keys from the environment it is changed only if there is a new one.
func TestRotateKey(t *testing.T) {
	dir := webhooktest.Database(t)
	if _, _, err := command(t, nil, "token", "create", "--database", dir, "--tenant", "kallima", "--create-tenant"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "master.key")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, out, err := command(t, nil, "secrets", "rotate-key", "--database", dir); err != nil || !strings.Contains(out, "sealed 0") {
		t.Error(out, err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) == string(after) || len(after) != len(before) {
		t.Errorf("the key file was %d bytes long and is %d, %v", len(before), len(after), err)
	}
	key := strings.TrimSpace(string(after))
	given := map[string]string{config.EnvMasterKey: key}
	if _, _, err := command(t, given, "secrets", "rotate-key", "--database", dir); err == nil || !strings.Contains(err.Error(), "NEW,OLD") || strings.Contains(err.Error(), key) {
		t.Errorf("without a new key: %v", err)
	}
	given[config.EnvMasterKey] = base64.StdEncoding.EncodeToString(make([]byte, 32)) + ", " + key
	if _, out, err := command(t, given, "secrets", "rotate-key", "--database", dir); err != nil || !strings.Contains(out, "not needed any more") {
		t.Error(out, err)
	}
}

// If the server does not start, the demo returns its error.
func TestDemoWithoutServer(t *testing.T) {
	refused := errors.New("no room")
	var out bytes.Buffer
	err := Run(t.Context(), Env{
		Args: []string{"demo"}, Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" },
		Serve: func(context.Context, *config.Config, *slog.Logger, func(Running)) error { return refused },
	})
	if !errors.Is(err, refused) {
		t.Error(err)
	}
}

// A token belongs to a tenant that exists or is created, or to an operator if requested.
func TestTokenCreate(t *testing.T) {
	dir := webhooktest.Database(t)
	for _, step := range []struct {
		args []string
		want string // "": a token
	}{
		{[]string{"--tenant", "kallima"}, "add --create-tenant"},
		{[]string{"--tenant", "kallima", "--create-tenant"}, ""},
		{[]string{"--tenant", "kallima", "--expires", "2w"}, ""},
		{[]string{"--tenant", "kalima"}, `the tenant "kalima" does not exist`},
		{[]string{"--operator"}, ""},
	} {
		_, out, err := command(t, nil, append([]string{"token", "create", "--database", dir}, step.args...)...)
		if step.want == "" && (err != nil || !strings.HasPrefix(out, "hg_")) || step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want) || out != "") {
			t.Errorf("%v: %q, %v", step.args, out, err)
		}
	}
}

// Variables that nothing reads are reported with the one that was probably meant; empty ones are reported too.
func TestUnknownVariables(t *testing.T) {
	var log bytes.Buffer
	err := Run(t.Context(), Env{
		Args: []string{"serve"}, Stdout: &log, Stderr: &log, Getenv: func(string) string { return "" },
		Environ: func() []string {
			return []string{
				"HOOKGRAPH_RETENTON=30d", "HOOKGRAPH_MASTERKEY=x=y", "HOOKGRAPH_COLOUR=red", "HOOKGRAPH_LISTEN=", "HOOKGRAPH_DATABASE_FILE=x",
				"HOOKGRAPH_PORT_8080_TCP_ADDR=10.0.0.1", "HOOKGRAPH_SERVICE_HOST=10.0.0.1", "PATH=/bin", "HOOKGRAPH_MAX_PAYLOAD=1MiB",
			}
		},
		Serve: func(context.Context, *config.Config, *slog.Logger, func(Running)) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"did you mean HOOKGRAPH_RETENTION?", "did you mean HOOKGRAPH_MASTER_KEY?", "HOOKGRAPH_COLOUR is not", "HOOKGRAPH_LISTEN is set and empty"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not said", want)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// A command that calls a server says which variables it does not read. A tenant's variable that is empty may be one that was to have a name:
// the command does nothing for the default tenant then.
func TestVariablesOfCalls(t *testing.T) {
	run := func(environ []string, args ...string) (stderr string, err error) {
		var log bytes.Buffer
		err = Run(t.Context(), Env{
			Args: append([]string{"events", "--token", "t", "--limit", "0"}, args...), Stdout: io.Discard, Stderr: &log,
			Getenv: func(string) string { return "" }, Environ: func() []string { return environ },
		})
		return log.String(), err
	}
	said, err := run([]string{"HOOKGRAPH_TENNANT=a", "HOOKGRAPH_LISTEN=:80"})
	if err == nil || !strings.HasPrefix(err.Error(), "--limit:") || said != "HOOKGRAPH_TENNANT is not a variable that Hookgraph reads; did you mean HOOKGRAPH_TENANT?\n" {
		t.Errorf("%q, %v", said, err)
	}
	for _, empty := range []string{"HOOKGRAPH_TENANT=", "HOOKGRAPH_TENANT= \t"} {
		if _, err := run([]string{empty}); err == nil || !strings.HasPrefix(err.Error(), "HOOKGRAPH_TENANT is set and empty; name a tenant, or unset it") {
			t.Errorf("%q: %v", empty, err)
		}
		if _, err := run([]string{empty}, "--tenant", "a"); err == nil || !strings.HasPrefix(err.Error(), "--limit:") {
			t.Errorf("%q beside --tenant: %v", empty, err)
		}
	}
}

// The database's URL may be in a file.
func TestDatabaseFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("host=h dbname=d user=u password='p w'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("A", 43) + "="
	cfg, _, err := command(t, map[string]string{"HOOKGRAPH_DATABASE_FILE": path, config.EnvMasterKey: key}, "serve")
	if err != nil || cfg.Database != "postgres://u:p%20w@/d?host=h" {
		t.Errorf("%v, %v", cfg, err)
	}
}

// README.md shows what a first start prints; a later one says how to get another token, and no start prints a password.
func TestBanner(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "```\nHookgraph devel")
	shown, _, _ = strings.Cut(shown, "```")
	var out bytes.Buffer
	cfg := &config.Config{Storage: config.Storage{Database: "/home/you/hookgraph/data"}}
	welcome(&out, cfg, Running{URL: "http://127.0.0.1:8080", Token: "hg_…"})
	if _, printed, _ := strings.Cut(out.String(), version()); strings.TrimSpace(shown) != strings.TrimSpace(printed) {
		t.Errorf("README.md has\n%s\nand a start prints\n%s", shown, printed)
	}
	out.Reset()
	cfg.Database = "/srv/hook graph's"
	welcome(&out, cfg, Running{URL: "http://127.0.0.1:8080"})
	if want := `hookgraph token create --operator --database '/srv/hook graph'\''s'`; !strings.Contains(out.String(), want) || strings.Contains(out.String(), "#token") {
		t.Error(out.String())
	}
	for url, want := range map[string]string{
		"postgres://u:s3cr3t@db.example.com:5432/hooks?x=y":         "PostgreSQL, database hooks on db.example.com:5432\n",
		"postgres:///hooks?host=%2Frun%2Fpg&user=u&password=s3cr3t": "PostgreSQL, database hooks on /run/pg\n",
		"postgres://u:s3cr3t@/hooks":                                "PostgreSQL, database hooks\n",
	} {
		out.Reset()
		cfg.Database = url
		welcome(&out, cfg, Running{URL: "http://127.0.0.1:8080"})
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "s3cr3t") || !strings.Contains(out.String(), "token create --operator\n") {
			t.Error(out.String())
		}
	}
}

// The doctor finds nothing in a sound database, names what is wrong in another, with an exit code, and refuses a directory without one.
func TestDoctor(t *testing.T) {
	if _, _, err := command(t, nil, "doctor", "--database", t.TempDir()); err == nil {
		t.Error("there is nothing to inspect")
	}
	dir := webhooktest.Database(t)
	if _, _, err := command(t, nil, "token", "create", "--database", dir, "--tenant", "kallima", "--create-tenant"); err != nil {
		t.Fatal(err)
	}
	at := []string{"doctor", "--database", dir, "--concurrency", "1"}
	_, whole, err := command(t, nil, append(at, "--fix")...)
	if err != nil || !strings.Contains(whole, "files-and-indexes") || !strings.Contains(whole, "0 failed") {
		t.Errorf("%s%v", whole, err)
	}
	_, text, err := command(t, map[string]string{"HTTPS_PROXY": "http://proxy"}, append(at, "--json")...)
	var shown struct {
		Status string
		Checks []map[string]any
	}
	if json.Unmarshal([]byte(text), &shown) != nil || err != nil || shown.Status != "WARNING" || len(shown.Checks) < 20 || shown.Checks[0]["name"] != "settings" || shown.Checks[0]["status"] != "OK" {
		t.Errorf("%s%v", text, err)
	}
	if _, _, err := command(t, map[string]string{"HTTPS_PROXY": "http://proxy"}, append(at, "--strict")...); err == nil {
		t.Error("a warning is no failure, with --strict")
	}
	for flag, want := range map[string]string{"--within=-1s": "--within", "--retention=3s": "problems found"} {
		if _, _, err := command(t, nil, append(at, flag)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	_, out, err := command(t, nil, at...)
	if err == nil || !strings.Contains(err.Error(), "problems found: 1") || !strings.Contains(out, "FAILED   master-key") || !strings.Contains(out, "put the file back") {
		t.Errorf("%s%v", out, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "master.key")); err == nil {
		t.Error("it made a new key")
	}
}

// A rate of 0 is sent to the server, which refuses it: it does not mean no limit.
func TestReplayRateOfZero(t *testing.T) {
	for args, want := range map[string]any{"": nil, "--rate=0": 0.0, "--rate=7": 7.0} {
		var sent struct {
			Variables struct{ Input map[string]any }
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				t.Error(err)
			}
			_, _ = io.WriteString(w, `{"data": {"done": {"replay": {"id": "r"}, "userErrors": []}}}`)
		}))
		_, _, err := command(t, map[string]string{"HOOKGRAPH_URL": server.URL, "HOOKGRAPH_TOKEN": "t"}, append([]string{"replay", "create"}, strings.Fields(args)...)...)
		server.Close()
		if got := sent.Variables.Input["ratePerSecond"]; err != nil || got != want {
			t.Errorf("%s: a rate of %v, want %v (%v)", args, got, want, err)
		}
	}
}

// A command that is interrupted says so in its own words.
func TestInterruptedCommands(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	input, keep := io.Pipe()
	defer func() { _ = keep.Close() }()
	for _, args := range [][]string{
		{"bench", "throughput"},
		{"replay", "list"},
		{"replay", "watch", "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11"},
		{"health"},
		{"publish", "a.b", "--data", "-"},
		{"restore", "-", "--database", filepath.Join(t.TempDir(), "new")},
		{"verify", "--headers", "-", "--body", "/dev/null", "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	} {
		env := map[string]string{"HOOKGRAPH_URL": "http://127.0.0.1:1", "HOOKGRAPH_TOKEN": "t"}
		err := Run(ctx, Env{Args: args, Stdin: input, Stdout: io.Discard, Stderr: t.Output(), Getenv: func(k string) string { return env[k] }})
		if err == nil || !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), "interrupted") || strings.Contains(err.Error(), "context") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// What is piped into publish is read where --data says so, and otherwise not ignored: without --data it is refused before the server is called.
func TestPublishOfPiped(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, data, _ := strings.Cut(string(body), `"data":`)
		data, _, _ = strings.Cut(data, `,"type"`)
		answer, _ := json.Marshal(map[string]any{"data": map[string]any{"done": map[string]any{"results": []any{map[string]any{"event": map[string]any{"id": data}}}}}})
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	publish := func(input *os.File, args ...string) (string, error) {
		defer func() { _ = input.Close() }()
		var out bytes.Buffer
		env := map[string]string{"HOOKGRAPH_URL": server.URL, "HOOKGRAPH_TOKEN": "t"}
		err := Run(t.Context(), Env{
			Args: append([]string{"publish", "a.b"}, args...), Stdin: input, Stdout: &out, Stderr: t.Output(), Getenv: func(k string) string { return env[k] },
		})
		return strings.TrimSpace(out.String()), err
	}
	piped := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.WriteString(`{"n": 1.50}`)
		_ = w.Close()
		return r
	}
	none, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := publish(piped()); err == nil || !strings.Contains(err.Error(), "--data: give -") {
		t.Errorf("it published %s, and said %v", got, err)
	}
	for want, given := range map[string]func() (string, error){
		`{"n":1.50}`: func() (string, error) { return publish(piped(), "--data", "-") },
		`{"m":1}`:    func() (string, error) { return publish(piped(), "--data", `{"m":1}`) },
		`{}`:         func() (string, error) { return publish(none) },
	} {
		if got, err := given(); got != want || err != nil {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// The progress of a replay says how many of how many were sent or canceled, and of one that has ended early, how many were not.
func TestReplayProgress(t *testing.T) {
	for replay, want := range map[string]string{
		`"status": "COMPLETED", "total": 3, "started": 2, "succeeded": 2, "skipped": 1`:                                               "COMPLETED: 2 sent of 3, 2 succeeded, 0 failed, 1 skipped",
		`"status": "CANCELED", "total": 8, "started": 2, "failed": 2, "skipped": 1`:                                                   "CANCELED: 2 sent of 8, 0 succeeded, 2 failed, 1 skipped, 5 not sent",
		`"status": "CANCELED", "total": null, "started": 2, "failed": 2, "skipped": 1`:                                                "CANCELED: 2 sent, 0 succeeded, 2 failed, 1 skipped",
		`"kind": "CANCEL", "status": "COMPLETED", "total": 8, "started": 7, "skipped": 1`:                                             "COMPLETED: 7 canceled of 8, 1 skipped",
		`"kind": "CANCEL", "status": "CANCELED", "total": 8, "started": 7, "skipped": 0`:                                              "CANCELED: 7 canceled of 8, 0 skipped, 1 not canceled",
		`"kind": "MISSING", "status": "FAILED", "failureReason": "the webhook was deleted", "total": 8, "started": 7, "succeeded": 7`: "FAILED: 7 sent of 8, 7 succeeded, 0 failed, 0 skipped, 1 not sent",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"data": {"done": {"id": "r", "completedAt": "2026-04-23T14:00:00Z", `+replay+`}}}`)
		}))
		_, out, err := command(t, map[string]string{"HOOKGRAPH_URL": server.URL, "HOOKGRAPH_TOKEN": "t"}, "replay", "watch", "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11")
		server.Close()
		if failed := strings.Contains(replay, "FAILED"); out != want+"\n" || (err != nil) != failed {
			t.Errorf("%q, want %q (%v)", out, want, err)
		}
	}
}

// Watching a replay goes on when the server is restarted meanwhile; a token that is not accepted any more ends it.
func TestReplayWatchOutlivesRestart(t *testing.T) {
	for end, want := range map[int]string{http.StatusOK: "RUNNING: 0 sent, 0 succeeded, 0 failed, 0 skipped\nCOMPLETED: 3 sent, 3 succeeded, 0 failed, 0 skipped\n", http.StatusUnauthorized: "RUNNING: 0 sent, 0 succeeded, 0 failed, 0 skipped\n"} {
		answers := []string{`{"status": "RUNNING"}`, "", `{"status": "COMPLETED", "started": 3, "succeeded": 3, "completedAt": "2026-04-23T14:00:00Z"}`}
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			answer := answers[asked]
			switch asked++; {
			case answer == "":
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			case asked == len(answers):
				w.WriteHeader(end)
			}
			_, _ = io.WriteString(w, `{"data": {"done": `+answer+`}}`)
		}))
		_, out, err := command(t, map[string]string{"HOOKGRAPH_URL": server.URL, "HOOKGRAPH_TOKEN": "t"}, "replay", "watch", "019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11")
		server.Close()
		if out != want || (err != nil) != (end != http.StatusOK) || asked != len(answers) {
			t.Errorf("%d: asked %d times, %v\n%s", end, asked, err, out)
		}
	}
}
