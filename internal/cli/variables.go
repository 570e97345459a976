package cli

import (
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/hookgraph/hookgraph/internal/config"
)

// variables resolves flags from env's variables; kong itself reads those of the process.
type variables struct {
	of   map[*kong.Flag]string
	used map[string]string // by the flag's name: where its value came from
}

func (v *variables) take(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok && len(f.Tag.Envs) > 0 {
			v.of[f] = f.Tag.Envs[0]
			f.Help += " ($" + v.of[f] + ")"
			f.Envs, f.Tag.Envs = nil, nil
		}
		return next(nil)
	})
}

// value returns the flag's value in the environment; nil if it is not set. A secret may be in a file.
func (v *variables) value(getenv func(string) string, f *kong.Flag) (any, error) {
	name := v.of[f]
	if name == "" {
		return nil, nil // tells kong that there is no value
	}
	read := config.Variable
	if f.Tag.Has("secret") {
		read = config.Secret
	}
	value, err := read(getenv, name)
	if err != nil || value == "" {
		return nil, err
	}
	v.used[f.Name] = name
	return value, nil
}

// name adds to an error about a flag the variable that its value came from.
func (v *variables) name(err error) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	for flag, variable := range v.used {
		said = strings.ReplaceAll(said, "--"+flag+":", "--"+flag+" (from "+variable+"):")
	}
	if said == err.Error() {
		return err
	}
	return &named{said, err}
}

type named struct {
	said string
	error
}

func (n *named) Error() string { return n.said }
func (n *named) Unwrap() error { return n.error }

const prefix = "HOOKGRAPH_"

// notOurs are variables that tests set, and those that Kubernetes sets for a service named hookgraph.
var notOurs = regexp.MustCompile(`^HOOKGRAPH_(TEST_.*|SERVICE_(HOST|PORT)(_.*)?|PORT(_[0-9]+_.*)?)$`)

// unknown returns warnings about variables that nothing reads, or that are empty.
func (v *variables) unknown(env Env) (warnings []string) {
	known := map[string]bool{config.EnvMasterKey: true, config.EnvBootstrapToken: true}
	for _, name := range slices.Collect(maps.Keys(known)) {
		known[name+config.FileSuffix] = true
	}
	for f, name := range v.of {
		known[name] = true
		if f.Tag.Has("secret") {
			known[name+config.FileSuffix] = true
		}
	}
	for _, pair := range env.environ() {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case !strings.HasPrefix(name, prefix) || notOurs.MatchString(name):
		case known[name] && strings.TrimSpace(value) == "":
			warnings = append(warnings, name+" is set and empty, which is the same as not set")
		case known[name]:
		default:
			said := name + " is not a variable that Hookgraph reads"
			if like := nearest(name, known); like != "" {
				said += "; did you mean " + like + "?"
			}
			warnings = append(warnings, said)
		}
	}
	slices.Sort(warnings)
	return warnings
}

// checkTenant refuses an empty variable of the tenant, unless the flag is given: it is probably that of a variable which is not set, and the
// command would do its work for the default tenant.
func (v *variables) checkTenant(k *kong.Context, env *Env) error {
	for _, f := range k.Flags() {
		if given, _ := k.FlagValue(f).(string); f.Name != "tenant" || given != "" {
			continue
		}
		for _, pair := range env.environ() {
			if name, value, _ := strings.Cut(pair, "="); name == v.of[f] && strings.TrimSpace(value) == "" {
				return fmt.Errorf("%s is set and empty; name a tenant, or unset it", name)
			}
		}
	}
	return nil
}

// nearest returns the known name with the smallest edit distance; "" if none is near.
func nearest(name string, known map[string]bool) (like string) {
	least := 1 + len(name)/5
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if d := distance(name, k); d < least {
			least, like = d, k
		}
	}
	return like
}

// distance returns the Levenshtein distance between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// warn logs the warnings about the environment.
func (e *Env) warn(log *slog.Logger) {
	for _, w := range e.warnings {
		log.Warn("environment", slog.String("variable", w))
	}
}

func (e *Env) environ() []string {
	if e.Environ == nil {
		return nil
	}
	return e.Environ()
}
