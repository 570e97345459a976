package cli

import (
	"fmt"
	"io"
	"reflect"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"github.com/hookgraph/hookgraph/internal/config"
)

type configCmd struct {
	asJSON
	config.Config
}

// Run prints each setting of the server, its value, and where that comes from: a flag, a variable, or the default. Secrets are not printed.
func (c *configCmd) Run(env *Env, kctx *kong.Context, vars *variables) error {
	if err := c.Check(env.Getenv); err != nil {
		return err
	}
	given := map[string]bool{}
	for _, p := range kctx.Path {
		if p.Flag != nil && !p.Resolved {
			given[p.Flag.Name] = true
		}
	}
	var all []setting
	for _, f := range kctx.Selected().Flags {
		if f.Name == "json" { // is not the server's
			continue
		}
		from := "default"
		if given[f.Name] {
			from = "flag"
		} else if name := vars.used[f.Name]; name != "" {
			from = "variable"
		}
		all = append(all, setting{"--" + f.Name, c.shown(f), from, vars.of[f]})
	}
	for i := range c.TracingRead {
		v := &c.TracingRead[i]
		from := "default"
		if v.Value != "" {
			from = "variable"
		}
		all = append(all, setting{"traces", v.Shown(), from, v.Name})
	}
	show := settingTable
	if c.JSON {
		show = objects
	}
	if err := show(env.Stdout, all); err != nil {
		return err
	}
	for _, warning := range env.warnings {
		_, _ = fmt.Fprintf(env.Stderr, "warning: %s\n", warning)
	}
	return nil
}

// setting is one setting of the server.
type setting struct {
	Setting  string `json:"setting"`
	Value    string `json:"value"`
	From     string `json:"from"`
	Variable string `json:"variable"`
}

func settingTable(to io.Writer, all []setting) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "SETTING\tVALUE\tFROM\tVARIABLE")
	for _, s := range all {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Setting, s.Value, s.From, s.Variable)
	}
	return w.Flush()
}

// shown is the value of a flag, for people.
func (c *configCmd) shown(f *kong.Flag) string {
	switch {
	case f.Name == "database": // a URL may contain a password
		return c.Place()
	case f.Target.Kind() == reflect.Pointer && f.Target.IsNil(), f.Target.Kind() == reflect.Slice && f.Target.Len() == 0, f.Target.Kind() == reflect.String && f.Target.Len() == 0:
		return "-"
	case f.Tag.Has("secret"):
		return "(not shown)"
	case f.Target.Kind() == reflect.Slice:
		text := fmt.Sprint(f.Target.Interface())
		return text[1 : len(text)-1] // without the brackets around all
	default:
		return fmt.Sprint(reflect.Indirect(f.Target).Interface())
	}
}
